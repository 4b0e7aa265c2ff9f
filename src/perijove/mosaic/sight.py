"""Weights of one look at every pixel of a common grid: what it can see there, how sharply, and from how near by.

The point of a pixel is where its ray meets the ellipsoid or, beside the limb, the ray's tangent point, where its haze
is. A look that stands elsewhere sees that point along another line: of the ground that is the same ground in another
light, of the haze it is other haze, unless its line passes the body at the same height. What is so far beside the body
that the renderer carries it by its direction alone (stars) is the same from everywhere.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from perijove.jit import inlined, kernel
from perijove.render.rays import FADE_END, FADE_START

FloatArray = NDArray[np.float64]
Plane = NDArray[np.float32]

HAZE_KM = 60.0
"""Difference in height between two lines through a point of the haze at which they no longer see the same: twice
its scale height."""
HERE = math.radians(0.2)
"""Parallax, one sigma, up to which a look counts as standing at the viewpoint. Only such a one is right where the
renderer carries the sky partly by its direction, and only it may fill the view's limb."""
HORIZON = (0.03, 0.12)
"""Cosines of emission between which a look from elsewhere comes to count: at its own limb it sees haze, not ground."""
SHARPEST = 4.0
"""Camera px a pixel of the picture, beyond which more are worth no more."""
FILL = 1e-4
"""Weight of a look from elsewhere at the view's own limb."""
BY_DIRECTION = 0.98
"""Share of the way from a place to a mere direction from which on the sky counts as carried by direction."""


class Sight(NamedTuple):
    """From where a look and the picture see: `viewpoint` (3,) km of a view, empty for a map; `place` (3,) km of the
    look's camera, body-fixed at its time, and `sky_place` (3,) km the same among the stars, turned to the picture's
    epoch.

    `squares` (3,) are the body's squared inverse radii, `radius` their mean, km. `spread` (rad) is the angle at the
    ground, between viewpoint and look, at which a look weighs a quarter. `area` is the number of camera px (square) a
    pixel of a view shows on its axis; for a map that of a camera px a km away seen straight on, km^2 (see `map_area`).
    """

    viewpoint: FloatArray
    place: FloatArray
    sky_place: FloatArray
    squares: FloatArray
    radius: float
    spread: float
    area: float


@inlined
def step_up(value: float) -> float:
    """0 up to 0, 1 from 1 on, smooth between."""
    s = min(max(value, 0.0), 1.0)
    return s * s * (3.0 - 2.0 * s)


@kernel
def weigh_ground(sight: Sight, x: float, y: float, z: float) -> tuple[float, float, float]:
    """Weights for choice and against noise of a look at a point (km) of the ground, 0 where it cannot see it, and how
    far (0 to 1) it sees the same there as the picture would."""
    nx, ny, nz = x * sight.squares[0], y * sight.squares[1], z * sight.squares[2]
    n = math.sqrt(nx * nx + ny * ny + nz * nz)
    tx, ty, tz = sight.place[0] - x, sight.place[1] - y, sight.place[2] - z
    far = math.sqrt(tx * tx + ty * ty + tz * tz)
    other = (nx * tx + ny * ty + nz * tz) / (n * far)
    if not other > 0.0:
        return 0.0, 0.0, 0.0
    rise = step_up((other - HORIZON[0]) / (HORIZON[1] - HORIZON[0]))
    if sight.viewpoint.size == 0:
        pixels = other * sight.area / (far * far)
        return min(pixels, SHARPEST) * rise * other, min(pixels, 1.0) * rise, rise
    mx, my, mz = sight.viewpoint[0] - x, sight.viewpoint[1] - y, sight.viewpoint[2] - z
    near = max(math.sqrt(mx * mx + my * my + mz * mz), 1e-9)
    emission = max((nx * mx + ny * my + nz * mz) / (n * near), 1e-9)
    here, apart = parallax(mx / near - tx / far, my / near - ty / far, mz / near - tz / far, sight.spread)
    # camera px a pixel, as areas: by the foreshortening and the square of the range
    sharp = other / emission * (near / far) ** 2
    rise += here * (1.0 - rise)
    own = step_up((emission - HORIZON[0]) / (HORIZON[1] - HORIZON[0]))
    own += here * (1.0 - own)
    # at the view's own limb others see other haze: they fill in only for want of better
    apart *= max(own, FILL)
    return min(sharp, SHARPEST) * rise * apart, min(sharp * sight.area, 1.0) * rise * own, rise * own


@inlined
def parallax(x: float, y: float, z: float, spread: float) -> tuple[float, float]:
    """Weights by the difference (x, y, z) of two unit vectors: 1 to 0 over `HERE`, and with a long tail over `spread`.

    The chord is as good as the angle, which an arc cosine would make ill at 0.
    """
    square = x * x + y * y + z * z
    here = math.exp(-0.5 * square / HERE**2) if square < 50.0 * HERE**2 else 0.0
    # a tail, since what no other look has seen is wanted from afar too
    tail = 1.0 / (1.0 + square / spread**2)
    return here, tail * tail


@kernel
def weigh_sky(sight: Sight, x: float, y: float, z: float, kind: float) -> float:
    """Weight of a look at a tangent point (km) beside the body; `kind` as of `render.rays.cast_rows`."""
    ix, iy, iz = math.sqrt(sight.squares[0]), math.sqrt(sight.squares[1]), math.sqrt(sight.squares[2])
    px, py, pz = x * ix, y * iy, z * iz
    passes = math.sqrt(px * px + py * py + pz * pz)
    tx, ty, tz = sight.place[0] - x, sight.place[1] - y, sight.place[2] - z
    mx, my, mz = sight.viewpoint[0] - x, sight.viewpoint[1] - y, sight.viewpoint[2] - z
    far, near = math.sqrt(tx * tx + ty * ty + tz * tz), max(math.sqrt(mx * mx + my * my + mz * mz), 1e-9)
    here, _ = parallax(mx / near - tx / far, my / near - ty / far, mz / near - tz / far, 1.0)
    lx, ly, lz = tx * ix, ty * iy, tz * iz
    line = lx * lx + ly * ly + lz * lz
    along = (px * lx + py * ly + pz * lz) / line
    lower = math.sqrt(max(passes * passes - along * along * line, 0.0))
    carried = step_up(((passes - 1.0) - 0.5 * FADE_START) / (FADE_END - 0.5 * FADE_START) * 8.0)
    alike = step_up(1.0 - abs(passes - lower) * sight.radius / HAZE_KM)
    haze = alike * (1.0 - carried * (1.0 - here))
    if kind < BY_DIRECTION:
        return haze
    # stars are where they are; whether the body stands before them is for the look's own place to say
    dx, dy, dz = -mx / near * ix, -my / near * iy, -mz / near * iz
    ox, oy, oz = sight.sky_place[0] * ix, sight.sky_place[1] * iy, sight.sky_place[2] * iz
    a, b = dx * dx + dy * dy + dz * dz, ox * dx + oy * dy + oz * dz
    away = math.sqrt(max(ox * ox + oy * oy + oz * oz - (b * b / a if b < 0.0 else 0.0), 0.0))
    clear = step_up((away - 1.0 - FADE_END) / FADE_END)
    star = step_up((kind - BY_DIRECTION) / (1.0 - BY_DIRECTION)) * clear
    return max(haze, star)


def star_share(kind: FloatArray) -> Plane:
    """How far (h, w), 0 to 1, points of the kinds (h, w) of `render.rays.cast_rows` are carried by their direction
    alone, as stars are, so that every look that sees there sees the same."""
    part = np.clip((kind - BY_DIRECTION) / (1.0 - BY_DIRECTION), 0.0, 1.0)
    share: Plane = (part * part * (3.0 - 2.0 * part)).astype(np.float32)
    return share


@kernel
def weigh_rows(sight: Sight, points: FloatArray, kind: FloatArray, choice: Plane, worth: Plane, alike: Plane) -> None:
    """Weigh a look at points (rows, 3, w) km of the kinds (rows, w) of `render.rays.cast_rows`.

    Fills `choice` (rows, w), by which the best look is chosen (1 for one at the viewpoint itself), and `worth`, what
    its pixels are worth where all are averaged: the number of camera px that a pixel shows. `alike` (rows, w) tells how
    far, 0 to 1, it sees the same there as the picture would.
    """
    for r in range(len(kind)):
        for c in range(kind.shape[1]):
            x, y, z, k = points[r, 0, c], points[r, 1, c], points[r, 2, c], kind[r, c]
            if k < 0.0:
                a, b, same = weigh_ground(sight, x, y, z)
            elif sight.viewpoint.size == 0:
                a, b, same = 0.0, 0.0, 0.0
            else:
                a = weigh_sky(sight, x, y, z, k)
                b, same = a * min(sight.area, 1.0), a
            choice[r, c], worth[r, c], alike[r, c] = a, b, same


@kernel
def weigh_by_fields(fields: Plane, step: int, turn: int, first: int, left: int, out: Plane) -> None:
    """Fill `out` (n, rows, w) with fields (n, h, w) given for every `step` px of the whole grid, linearly between.

    The block begins at line `first` and sample `left`; samples are counted around in `turn` px where that is not 0.
    """
    h, w = fields.shape[1:]
    for r in range(out.shape[1]):
        y = (first + r + 0.5) / step - 0.5
        i = min(max(math.floor(y), 0), max(h - 2, 0))
        v = np.float32(min(max(y - i, 0.0), 1.0))
        below = min(i + 1, h - 1)
        for c in range(out.shape[2]):
            sample = left + c
            if turn > 0:
                sample %= turn
            x = (sample + 0.5) / step - 0.5
            j = math.floor(x)
            u = np.float32(x - j)
            if turn > 0:
                a, b = j % w, (j + 1) % w
            else:
                a, b = min(max(j, 0), w - 1), min(max(j + 1, 0), w - 1)
            for n in range(out.shape[0]):
                upper = fields[n, i, a] + u * (fields[n, i, b] - fields[n, i, a])
                lower = fields[n, below, a] + u * (fields[n, below, b] - fields[n, below, a])
                out[n, r, c] = upper + v * (lower - upper)
