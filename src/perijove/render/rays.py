"""From output pixels to points in space: kernels that cast rays at an ellipsoid.

Each pixel becomes a point in the frame b0 (body-fixed, frozen at the epoch of the picture) and a number that says what
kind of point it is: `HIT` for a point of the surface, else the share, 0 to 1, by which a point of the sky is carried
by its direction (inertial, no parallax) rather than by its place (turning with the body, seen with parallax).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from perijove.jit import kernel

FloatArray = NDArray[np.float64]

HIT = -1.0
"""Kind of a point on the surface."""
FADE_START = 0.005
FADE_END = 0.03
"""Heights, in mean radii, between which a point beside the limb passes from a place to a mere direction. Haze lies
below the first; the second is far enough that parallax within a strip (some 50 px at perijove) fades without folds."""


@kernel
def intersect_ellipsoid(
    ox: float, oy: float, oz: float, dx: float, dy: float, dz: float, ix: float, iy: float, iz: float
) -> tuple[float, float]:
    """Ray parameter t of the nearest meeting with an ellipsoid, and the excess of the closest point.

    Origin o and direction d in km, inverse radii i in 1/km. The excess is 0 on a hit; on a miss it is the length, minus
    one, of the closest point of the half-line in the space where the ellipsoid is the unit sphere, and t leads there.
    """
    px, py, pz = ox * ix, oy * iy, oz * iz
    ux, uy, uz = dx * ix, dy * iy, dz * iz
    a = ux * ux + uy * uy + uz * uz
    b = px * ux + py * uy + pz * uz
    c = px * px + py * py + pz * pz - 1.0
    if b >= 0.0:
        return 0.0, math.sqrt(c + 1.0) - 1.0
    root = b * b - a * c
    if root >= 0.0:
        # the nearer root, written so that nothing cancels
        return c / (math.sqrt(root) - b), 0.0
    return -b / a, math.sqrt(1.0 + c - b * b / a) - 1.0


@kernel
def height_above_ellipsoid(x: float, y: float, z: float, excess: float, ix: float, iy: float, iz: float) -> float:
    """Height in km of a point whose scaled length is 1 + excess: exact for a sphere, first order in the height else."""
    gx, gy, gz = x * ix * ix, y * iy * iy, z * iz * iz
    return excess * (1.0 + excess) / math.sqrt(gx * gx + gy * gy + gz * gz)


@kernel
def fade_to_direction(height: float, radius: float) -> float:
    """Share 0 to 1 by which a point at this height (km) is carried by direction: a smooth step."""
    s = (height / radius - FADE_START) / (FADE_END - FADE_START)
    if s <= 0.0:
        return 0.0
    if s >= 1.0:
        return 1.0
    return s * s * (3.0 - 2.0 * s)


@kernel
def cast_rows(
    first: int,
    rays: FloatArray,
    radii: FloatArray,
    points: FloatArray,
    kind: FloatArray,
    altitude: NDArray[np.float32],
    left: int = 0,
) -> None:
    """Cast the rays of a block of rows that starts at line `first` and sample `left`.

    `rays` (4, 3): viewpoint in km, direction at the corner of the picture, steps per sample and per line (b0).
    Fills `points` (rows, 3, w), `kind` (rows, w) and, unless it is empty, `altitude` (rows, w) km, NaN on a hit.
    """
    rows, width = kind.shape
    ox, oy, oz = rays[0, 0], rays[0, 1], rays[0, 2]
    ix, iy, iz = 1.0 / radii[0], 1.0 / radii[1], 1.0 / radii[2]
    radius = (radii[0] + radii[1] + radii[2]) / 3.0
    far = math.sqrt(ox * ox + oy * oy + oz * oz)
    keep = altitude.size > 0
    for r in range(rows):
        line = first + r + 0.5
        for c in range(width):
            sample = left + c + 0.5
            dx = rays[1, 0] + sample * rays[2, 0] + line * rays[3, 0]
            dy = rays[1, 1] + sample * rays[2, 1] + line * rays[3, 1]
            dz = rays[1, 2] + sample * rays[2, 2] + line * rays[3, 2]
            t, excess = intersect_ellipsoid(ox, oy, oz, dx, dy, dz, ix, iy, iz)
            share, height = HIT, math.nan
            if excess > 0.0:
                height = height_above_ellipsoid(ox + t * dx, oy + t * dy, oz + t * dz, excess, ix, iy, iz)
                share = fade_to_direction(height, radius)
                if t == 0.0:
                    # looking away from the body: any distance along the ray will do for a direction
                    t, share = far, 1.0
            points[r, 0, c] = ox + t * dx
            points[r, 1, c] = oy + t * dy
            points[r, 2, c] = oz + t * dz
            kind[r, c] = share
            if keep:
                altitude[r, c] = height
