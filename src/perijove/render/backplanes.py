"""The geometry of output pixels: latitude, longitude and the three photometric angles."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from perijove.render.jit import kernel
from perijove.render.rays import HIT

FloatArray = NDArray[np.float64]

LATITUDE, LONGITUDE, COS_INCIDENCE, COS_EMISSION, PHASE = range(5)
"""Order of the planes in the stack that `measure_rows` fills."""


@kernel
def measure_rows(
    points: FloatArray,
    kind: FloatArray,
    viewpoint: FloatArray,
    sun: FloatArray,
    radii: FloatArray,
    planes: NDArray[np.float32],
    hit: NDArray[np.bool_],
) -> None:
    """Fill `planes` (5, rows, w) and `hit` (rows, w) from points (rows, 3, w) of the frame b0, km.

    `viewpoint` km and unit vector `sun` towards the Sun (NaN where unknown), both in b0. NaN where the ray missed.
    """
    rows, width = kind.shape
    ax, ay, az = 1.0 / radii[0] ** 2, 1.0 / radii[1] ** 2, 1.0 / radii[2] ** 2
    for r in range(rows):
        for c in range(width):
            hit[r, c] = kind[r, c] == HIT
            if not hit[r, c]:
                for k in range(5):
                    planes[k, r, c] = math.nan
                continue
            x, y, z = points[r, 0, c], points[r, 1, c], points[r, 2, c]
            nx, ny, nz = x * ax, y * ay, z * az
            vx, vy, vz = viewpoint[0] - x, viewpoint[1] - y, viewpoint[2] - z
            n = 1.0 / math.sqrt(nx * nx + ny * ny + nz * nz)
            v = 1.0 / math.sqrt(vx * vx + vy * vy + vz * vz)
            east = math.atan2(y, x)
            planes[LATITUDE, r, c] = math.atan2(z, math.sqrt(x * x + y * y))
            planes[LONGITUDE, r, c] = east if east >= 0.0 else east + 2.0 * math.pi
            planes[COS_INCIDENCE, r, c] = (nx * sun[0] + ny * sun[1] + nz * sun[2]) * n
            planes[COS_EMISSION, r, c] = (nx * vx + ny * vy + nz * vz) * n * v
            cosine = (vx * sun[0] + vy * sun[1] + vz * sun[2]) * v
            planes[PHASE, r, c] = math.acos(max(-1.0, min(1.0, cosine))) if cosine == cosine else math.nan
