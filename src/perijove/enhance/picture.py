"""Picture: colours on a grid, ready to be written."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.instrument import Filter

Colour = NDArray[np.float32]


@dataclass(frozen=True)
class Picture:
    """A picture as a recipe made it.

    `rgb` (h, w, bands) float32, NaN where there is no data; `bands` are the filters of its planes, red, green, blue, or
    the one of a grey picture. `transfer` is 'srgb' (values 0 to 1, coded by the transfer function of sRGB) or 'linear'
    (values in the unit of the planes, which is I/F). `recipe` is the name of the recipe, `settings` what it chose:
    black and white level of the light and the like. A linear picture may have `sigma`, the standard deviation of its
    values, and `quality`, uint8 bits of `calibrate.quality.Quality`, both of the shape of `rgb`.
    """

    rgb: Colour
    bands: tuple[Filter, ...]
    transfer: str
    recipe: str
    settings: dict[str, float]
    sigma: Colour | None = None
    quality: NDArray[np.uint8] | None = None

    @property
    def height(self) -> int:
        """Lines of the picture."""
        return int(self.rgb.shape[0])

    @property
    def width(self) -> int:
        """Samples of a line."""
        return int(self.rgb.shape[1])
