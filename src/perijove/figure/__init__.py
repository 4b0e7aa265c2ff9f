"""Pages: a picture with its caption, and what is drawn on it: scale bar, north arrow, graticule and names."""

from perijove.figure.annotate import annotated
from perijove.figure.caption import captioned

__all__ = ["annotated", "captioned"]
