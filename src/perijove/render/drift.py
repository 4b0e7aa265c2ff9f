"""Clouds that moved between the epoch of a grid and the time of a strip: a place is looked up where its cloud was.

Each parallel turns as a whole about the axis by an angle of its own, so that only the longitude of a place changes.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perijove.errors import UsageError
from perijove.geometry.arctangent import arctangent
from perijove.jit import kernel
from perijove.render.rays import HIT

FloatArray = NDArray[np.float64]


def check_drift(drift: ArrayLike | None) -> FloatArray | None:
    """The table (n, 2) as the kernel takes it; UsageError for what is none."""
    if drift is None:
        return None
    table = np.ascontiguousarray(drift, dtype=float)
    if table.ndim != 2 or table.shape[1] != 2 or len(table) < 1 or not np.isfinite(table).all():
        raise UsageError(f"a drift of shape {table.shape} is no table: give rows of latitude and angle, both finite")
    if (np.diff(table[:, 0]) <= 0.0).any():
        raise UsageError("the latitudes of a drift do not ascend: sort its rows and give each latitude once")
    return table


def carried(drift: FloatArray | None, points: FloatArray, kind: FloatArray) -> FloatArray:
    """Points (rows, 3, w) km at which the ground at `points` is looked up; the points themselves without a drift."""
    if drift is None:
        return points
    out = points.copy()
    carry_points(drift, out, kind)
    return out


@kernel
def carry_points(drift: FloatArray, points: FloatArray, kind: FloatArray) -> None:
    """Turn points (rows, 3, w) of the surface about z, in place, by the angle that the table has for their latitude.

    Rows of `drift` (n, 2): planetocentric latitude, ascending, and angle to the east, rad; linear between, the nearest
    beyond. What `kind` (rows, w) does not call `HIT` stays.
    """
    last = len(drift) - 1
    # neighbours have nearly the same latitude: the search begins where the last one ended
    k = last // 2
    for r in range(kind.shape[0]):
        for c in range(kind.shape[1]):
            if kind[r, c] != HIT:
                continue
            x, y = points[r, 0, c], points[r, 1, c]
            latitude = arctangent(points[r, 2, c], math.sqrt(x * x + y * y))
            while k > 0 and drift[k, 0] > latitude:
                k -= 1
            while k < last - 1 and drift[k + 1, 0] <= latitude:
                k += 1
            angle = drift[k, 1]
            if k < last:
                part = (latitude - drift[k, 0]) / (drift[k + 1, 0] - drift[k, 0])
                angle += min(max(part, 0.0), 1.0) * (drift[k + 1, 1] - drift[k, 1])
            cosine, sine = math.cos(angle), math.sin(angle)
            points[r, 0, c] = cosine * x - sine * y
            points[r, 1, c] = sine * x + cosine * y
