"""Profile: brightness by distance from a centre, and along a straight line on the ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perijove.measure.patch import Patch

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class RadialProfile:
    """Brightness by rings around a centre (planetocentric latitude, east longitude, rad).

    `edges_km` (k + 1,) are the rings' edges, and `radius_km` the crater's radius, the unit of `edges_radii`. `sectors`
    (s + 1,) are azimuths, rad clockwise from north, between which the sectors lie. `median`, `scatter` (1.4826 times
    the median absolute deviation of the pixels) and `sigma` (of the mean, from how blocks of the ring differ) are
    (bands, s, k); `count` (s, k) pixels with data. NaN where a ring has none.
    """

    centre: tuple[float, float]
    radius_km: float
    bands: tuple[str, ...]
    edges_km: FloatArray
    sectors: FloatArray
    median: FloatArray
    mean: FloatArray
    scatter: FloatArray
    sigma: FloatArray
    count: NDArray[np.int64]

    @property
    def edges_radii(self) -> FloatArray:
        """The rings' edges (k + 1,) in crater radii."""
        return self.edges_km / self.radius_km

    @property
    def middle_km(self) -> FloatArray:
        """The rings' middles (k,), km."""
        return 0.5 * (self.edges_km[1:] + self.edges_km[:-1])


@dataclass(frozen=True)
class LineProfile:
    """Brightness along the great circle from one place to another.

    `distance_km` (k,) from the start along the ground, `places` (k, 2) rad, `light` (bands, k) and `sigma` (bands, k):
    how much the mean across the strip of width `width_km` is worth; of a single line the sigma of the light
    where that is known, otherwise NaN.
    """

    bands: tuple[str, ...]
    distance_km: FloatArray
    places: FloatArray
    light: FloatArray
    sigma: FloatArray
    width_km: float


def radial_profile(
    patch: Patch,
    centre: tuple[float, float],
    radius_km: float,
    *,
    edges_radii: ArrayLike | None = None,
    sectors: int = 1,
) -> RadialProfile:
    """Brightness by rings around `centre` (rad), whose edges are given in units of `radius_km`.

    Without `edges_radii` rings a tenth of a radius wide (not less than a pixel) go out to 3 radii, or as far as the
    patch reaches. `sectors` equal sectors of azimuth are told apart, the first centred on north. UsageError where
    centre, radius or rings do not fit the patch.
    """
    raise NotImplementedError


def line_profile(
    patch: Patch,
    start: tuple[float, float],
    end: tuple[float, float],
    *,
    step_km: float | None = None,
    width_km: float = 0.0,
) -> LineProfile:
    """Brightness along the great circle between two places (planetocentric latitude, east longitude, rad).

    Samples `step_km` apart (None: a pixel), each the mean across a strip `width_km` wide. On a flattened body
    the line is the section by the plane through the places and the body's centre. UsageError where the places are one.
    """
    raise NotImplementedError
