"""Many strips into one picture."""

from perijove.mosaic.combine import Combined, combine, combine_looks
from perijove.mosaic.look import Look, look_of

__all__ = ["Combined", "Look", "combine", "combine_looks", "look_of"]
