"""The geometry of output pixels: latitude, longitude and the three photometric angles."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from perijove.geometry.arctangent import arctangent
from perijove.jit import kernel
from perijove.render.rays import HIT

FloatArray = NDArray[np.float64]
Row = NDArray[np.float32]

LATITUDE, LONGITUDE, COS_INCIDENCE, COS_EMISSION, PHASE = range(5)
"""Order of the planes in the stack that `measure_rows` fills."""


@kernel
def measure_places(
    x: FloatArray, y: FloatArray, z: FloatArray, kind: FloatArray, latitude: Row, longitude: Row, hit: NDArray[np.bool_]
) -> None:
    """Fill the planetocentric latitude and east longitude (0 to 2 pi) of a row (w,) of points, and which ones hit."""
    for c in range(kind.size):
        on = kind[c] == HIT
        hit[c] = on
        north = arctangent(z[c], math.sqrt(x[c] * x[c] + y[c] * y[c]))
        east = arctangent(y[c], x[c])
        east = east + 2.0 * math.pi if east < 0.0 else east
        latitude[c] = north if on else math.nan
        longitude[c] = east if on else math.nan


@kernel
def measure_angles(
    x: FloatArray,
    y: FloatArray,
    z: FloatArray,
    kind: FloatArray,
    viewpoint: FloatArray,
    sun: FloatArray,
    radii: FloatArray,
    cos_incidence: Row,
    cos_emission: Row,
    phase: Row,
) -> None:
    """Fill the cosines of incidence and emission and the phase angle of a row (w,) of points."""
    ax, ay, az = 1.0 / radii[0] ** 2, 1.0 / radii[1] ** 2, 1.0 / radii[2] ** 2
    ox, oy, oz = viewpoint[0], viewpoint[1], viewpoint[2]
    sx, sy, sz = sun[0], sun[1], sun[2]
    for c in range(kind.size):
        on = kind[c] == HIT
        nx, ny, nz = x[c] * ax, y[c] * ay, z[c] * az
        vx, vy, vz = ox - x[c], oy - y[c], oz - z[c]
        n = 1.0 / math.sqrt(nx * nx + ny * ny + nz * nz)
        v = 1.0 / math.sqrt(vx * vx + vy * vy + vz * vz)
        cosine = (vx * sx + vy * sy + vz * sz) * v
        # by sine and cosine: an arc cosine alone is ill at 0 and pi
        px, py, pz = vy * sz - vz * sy, vz * sx - vx * sz, vx * sy - vy * sx
        angle = arctangent(math.sqrt(px * px + py * py + pz * pz) * v, cosine)
        cos_incidence[c] = (nx * sx + ny * sy + nz * sz) * n if on else math.nan
        cos_emission[c] = (nx * vx + ny * vy + nz * vz) * n * v if on else math.nan
        phase[c] = angle if on else math.nan


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
    for r in range(len(kind)):
        x, y, z = points[r, 0], points[r, 1], points[r, 2]
        measure_places(x, y, z, kind[r], planes[LATITUDE, r], planes[LONGITUDE, r], hit[r])
        incidence, emission, phase = planes[COS_INCIDENCE, r], planes[COS_EMISSION, r], planes[PHASE, r]
        measure_angles(x, y, z, kind[r], viewpoint, sun, radii, incidence, emission, phase)


@kernel
def measure_sightings(
    points: FloatArray,
    frames: Row,
    measured: NDArray[np.bool_],
    cameras: FloatArray,
    suns: FloatArray,
    radii: FloatArray,
    planes: NDArray[np.float32],
) -> None:
    """Fill the cosines of incidence and emission and the phase, `planes` (3, rows, w), of a block of a map's points.

    `points` (rows, 3, w) km; `frames` (rows, w) the mean number of the frame that saw each, NaN where none did. Camera
    and Sun, (n, 3) body-fixed, are those of that frame, between two of them by their line. `measured` (rows, w) tells
    which pixels are done already and is brought up to date.
    """
    ax, ay, az = 1.0 / radii[0] ** 2, 1.0 / radii[1] ** 2, 1.0 / radii[2] ** 2
    last = len(cameras) - 1
    for r in range(frames.shape[0]):
        for c in range(frames.shape[1]):
            frame = frames[r, c]
            if measured[r, c] or not frame >= 0.0:
                continue
            measured[r, c] = True
            i = min(int(frame), last)
            j, part = min(i + 1, last), frame - i
            x, y, z = points[r, 0, c], points[r, 1, c], points[r, 2, c]
            nx, ny, nz = x * ax, y * ay, z * az
            vx = cameras[i, 0] + part * (cameras[j, 0] - cameras[i, 0]) - x
            vy = cameras[i, 1] + part * (cameras[j, 1] - cameras[i, 1]) - y
            vz = cameras[i, 2] + part * (cameras[j, 2] - cameras[i, 2]) - z
            sx = suns[i, 0] + part * (suns[j, 0] - suns[i, 0])
            sy = suns[i, 1] + part * (suns[j, 1] - suns[i, 1])
            sz = suns[i, 2] + part * (suns[j, 2] - suns[i, 2])
            n = 1.0 / math.sqrt(nx * nx + ny * ny + nz * nz)
            v = 1.0 / math.sqrt(vx * vx + vy * vy + vz * vz)
            px, py, pz = vy * sz - vz * sy, vz * sx - vx * sz, vx * sy - vy * sx
            planes[0, r, c] = (nx * sx + ny * sy + nz * sz) * n
            planes[1, r, c] = (nx * vx + ny * vy + nz * vz) * n * v
            planes[2, r, c] = arctangent(math.sqrt(px * px + py * py + pz * pz) * v, (vx * sx + vy * sy + vz * sz) * v)
