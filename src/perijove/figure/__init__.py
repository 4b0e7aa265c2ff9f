"""Pages: a picture with its caption, scale bar, north arrow and names."""

from perijove.figure.caption import captioned

__all__ = ["captioned"]
