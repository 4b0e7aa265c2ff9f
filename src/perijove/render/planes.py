"""Planes: a rendered picture or map and the geometry of its pixels."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from perijove.errors import UsageError
from perijove.geometry.mapgrid import MapGrid
from perijove.geometry.view import View
from perijove.instrument import FOCAL_LENGTH_PX, Filter

Plane = NDArray[np.float32]
Grid = View | MapGrid
"""What can be rendered: a picture from a viewpoint, or a map."""


@dataclass(frozen=True)
class Planes:
    """Light and geometry on one output grid of h lines and w samples.

    `light` (bands, h, w), in the unit of the swaths, NaN where no framelet sees the pixel; `weight` (bands, h, w) is
    the summed weight of the framelets behind it: 1 well inside a framelet, towards 0 at the outer edges of a strip.
    `sigma` (bands, h, w) is the standard deviation of the light, in its unit, by the noise of the camera's pixels, NaN
    where there is none; `quality` (bands, h, w) uint8 the bits of `calibrate.quality.Quality`, any of whose pixels went
    into it. `frame` (bands, h, w) float32 is the number of the frame that saw the pixel, a mean of several, and
    `source` (bands, h, w) int16 that of the one that weighs most, NaN and -1 where there is none. Each of these
    has the shape (0, 0, 0) where it was not asked for.

    The backplanes (h, w) belong to the point where the pixel's ray meets the ellipsoid, or that the map shows, and are
    NaN where there is none: planetocentric `latitude` and east `longitude` (0 to 2 pi) in rad, `cos_incidence`,
    `cos_emission`, `phase` angle in rad. In a picture these three are those of its viewpoint and epoch; on a map those
    under which the camera saw the place when it did, NaN where it did not. `hit` tells which pixels show the body.
    `altitude_km` is the height above the ellipsoid of the closest point of a ray that misses (its tangent point, or the
    viewpoint where the ray leads away), NaN where it hits. Without a Sun `cos_incidence` and `phase` are NaN. Where
    backplanes were not asked for they have the shape (0, 0).

    `native` is the size of a camera pixel in output pixels, in the middle of what is shown.
    """

    bands: tuple[Filter, ...]
    grid: Grid
    light: NDArray[np.float32]
    weight: NDArray[np.float32]
    latitude: Plane
    longitude: Plane
    cos_incidence: Plane
    cos_emission: Plane
    phase: Plane
    hit: NDArray[np.bool_]
    altitude_km: Plane
    sigma: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0, 0), np.float32))
    quality: NDArray[np.uint8] = field(default_factory=lambda: np.empty((0, 0, 0), np.uint8))
    frame: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0, 0), np.float32))
    source: NDArray[np.int16] = field(default_factory=lambda: np.empty((0, 0, 0), np.int16))
    native: float = 1.0

    @property
    def view(self) -> View:
        """The grid, where it is a picture's; UsageError for a map."""
        if isinstance(self.grid, View):
            return self.grid
        raise UsageError("a map has no viewpoint: render a picture for this")

    def band(self, band: Filter) -> Plane:
        """Light (h, w) of one filter."""
        plane: Plane = self.light[self.bands.index(band)]
        return plane


def native_px(view: View) -> float:
    """Output pixels per native camera pixel on the axis of a view."""
    return 1.0 / (view.scale * FOCAL_LENGTH_PX)
