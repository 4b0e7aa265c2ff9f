"""Planes: a rendered picture and the geometry of its pixels."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from perijove.geometry.view import View
from perijove.instrument import Filter

Plane = NDArray[np.float32]


@dataclass(frozen=True)
class Planes:
    """Light and geometry on one output grid of h lines and w samples.

    `light` (bands, h, w), in the unit of the swaths, NaN where no framelet sees the pixel; `weight` (bands, h, w) is
    the summed weight of the framelets behind it: 1 well inside a framelet, towards 0 at the outer edges of a strip.
    `sigma` (bands, h, w) is the standard deviation of the light, in its unit, by the noise of the camera's pixels, NaN
    where there is none; `quality` (bands, h, w) uint8 the bits of `calibrate.quality.Quality`, any of whose pixels went
    into it. Both have the shape (0, 0, 0) where they were not asked for.

    The backplanes (h, w) belong to the point where the pixel's ray meets the ellipsoid and are NaN where it misses:
    planetocentric `latitude` and east `longitude` (0 to 2 pi) in rad, `cos_incidence`, `cos_emission`, `phase` angle
    in rad. `hit` tells which rays meet the body. `altitude_km` is the height above the ellipsoid of the closest point
    of a ray that misses (its tangent point, or the viewpoint where the ray leads away), NaN where it hits. Without
    a Sun `cos_incidence` and `phase` are NaN. Where backplanes were not asked for they have the shape (0, 0).
    """

    bands: tuple[Filter, ...]
    view: View
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

    def band(self, band: Filter) -> Plane:
        """Light (h, w) of one filter."""
        plane: Plane = self.light[self.bands.index(band)]
        return plane
