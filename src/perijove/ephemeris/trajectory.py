"""Trajectory: the position of the spacecraft relative to one body as a function of time."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicHermiteSpline

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Trajectory:
    """States on a grid of times, joined by cubic Hermite pieces.

    `et` (n,) s; `position_km` (n, 3) and `velocity_km_s` (n, 3) in j2000, relative to the centre of `body`, geometric.
    `covariance` (6, 6) is that of the state (km, km/s) at `reference_et`; on top of it the whole may be off by
    `unseen_km` in a coordinate, of which an image is not asked, for its limb would follow. `rms_km` is the residual of
    the fit, NaN where nothing was fitted; `used` and `rejected` name the products whose labels went into it or were
    found wrong.
    """

    body: str
    source: str
    et: FloatArray
    position_km: FloatArray
    velocity_km_s: FloatArray
    reference_et: float
    covariance: FloatArray
    unseen_km: float = 0.0
    rms_km: float = float("nan")
    used: tuple[str, ...] = ()
    rejected: tuple[str, ...] = field(default=())

    def position(self, et: ArrayLike) -> FloatArray:
        """Position (..., 3) km in j2000 at ET; NaN outside the span."""
        out: FloatArray = self._spline(et)
        return out

    def velocity(self, et: ArrayLike) -> FloatArray:
        """Velocity (..., 3) km/s in j2000 at ET; NaN outside the span."""
        out: FloatArray = self._spline(et, 1)
        return out

    @cached_property
    def _spline(self) -> CubicHermiteSpline:
        return CubicHermiteSpline(self.et, self.position_km, self.velocity_km_s, extrapolate=False)
