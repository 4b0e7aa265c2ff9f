"""Many strips into one picture."""

from perijove.mosaic.block import Fused
from perijove.mosaic.fuse import Mosaic, prepare_mosaic
from perijove.mosaic.look import Look, look_of
from perijove.mosaic.merge import Mode

__all__ = ["Fused", "Look", "Mode", "Mosaic", "look_of", "prepare_mosaic"]
