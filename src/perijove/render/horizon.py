"""The horizon of each framelet: ground beyond it is not seen, though a ray through the body would reach it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from perijove.bodies import Body
from perijove.jit import inlined, kernel
from perijove.render.framelets import FrameTable
from perijove.render.locate import NOT_SEEN, Sightings

FloatArray = NDArray[np.float64]


class Horizon(NamedTuple):
    """Where each frame's camera stands, and how low over the ground it may look.

    `cameras` (n, 3) km body-fixed, empty where no test is wanted; `squares` (3,) the squared inverse radii of the body,
    1/km^2; `least` the smallest cosine of the emission angle at which ground counts as seen.
    """

    cameras: FloatArray
    squares: FloatArray
    least: float


NO_HORIZON = Horizon(np.empty((0, 3)), np.ones(3), -1.0)


def horizon_of(table: FrameTable, body: Body, least: float | None) -> Horizon:
    """The horizon of a swath's framelets."""
    if least is None:
        return NO_HORIZON
    return Horizon(table.cameras, 1.0 / np.square(body.radii_km), least)


@inlined
def emission_cosine(squares: FloatArray, cameras: FloatArray, i: int, x: float, y: float, z: float) -> float:
    """Cosine of the angle at a surface point (km) between its normal and the line to camera i."""
    nx, ny, nz = x * squares[0], y * squares[1], z * squares[2]
    vx, vy, vz = cameras[i, 0] - x, cameras[i, 1] - y, cameras[i, 2] - z
    lengths = (nx * nx + ny * ny + nz * nz) * (vx * vx + vy * vy + vz * vz)
    cosine: float = (nx * vx + ny * vy + nz * vz) / math.sqrt(lengths)
    return cosine


@kernel
def drop_hidden(horizon: Horizon, count: int, points: FloatArray, kind: FloatArray, found: Sightings) -> int:
    """Move those of `count` sightings that are seen to the front; their number. `points` (3, w), `kind` as `cast_rows`.

    Without a horizon nothing is moved. With one, what is not on the surface is not seen.
    """
    if horizon.cameras.size == 0:
        return count
    n = 0
    for j in range(count):
        c, i = found.pixel[j], found.frame[j]
        if i == NOT_SEEN or kind[c] > 0.0:
            continue
        x, y, z = points[0, c], points[1, c], points[2, c]
        if emission_cosine(horizon.squares, horizon.cameras, i, x, y, z) >= horizon.least:
            found.pixel[n], found.frame[n], found.line[n], found.sample[n] = c, i, found.line[j], found.sample[j]
            n += 1
    return n
