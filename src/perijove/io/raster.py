"""The raster by its old name."""

from perijove.raster import BAND_ROWS, Kind, Layer, Raster, Role, Rows, Transfer

__all__ = ["BAND_ROWS", "Kind", "Layer", "Raster", "Role", "Rows", "Transfer"]
