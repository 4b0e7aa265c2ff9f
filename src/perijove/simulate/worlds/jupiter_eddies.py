"""How Jupiter's clouds are stirred: eddies that wind up the ground they turn on, in charts that keep angles.

Between the polar circles the chart is Mercator's (longitude, isometric latitude), about each pole the stereographic one;
in both an eddy is a circle, and in neither is there a seam.
"""

from __future__ import annotations

import math

import numba
import numpy as np

_jit = numba.njit(nogil=True, cache=True, error_model="numpy", inline="never")

LEVELS = 7
FINER = 3
"""Eddies of each level are so many times smaller than those of the level above."""
ROUND = 60
"""Largest eddies around the equator."""
POLAR_CELL = 0.075
"""Size of the largest eddies' cells at a pole, rad."""


@_jit
def hashed(i: int, j: int, seed: int) -> int:
    """A 64-bit hash of a cell."""
    h = (
        np.uint64(i) * np.uint64(0x9E3779B97F4A7C15)
        ^ np.uint64(j) * np.uint64(0xC2B2AE3D27D4EB4F)
        ^ np.uint64(seed) * np.uint64(0xD6E8FEB86659FD93)
    )
    h ^= h >> np.uint64(31)
    h *= np.uint64(0xBF58476D1CE4E5B9)
    h ^= h >> np.uint64(27)
    h *= np.uint64(0x94D049BB133111EB)
    return h ^ (h >> np.uint64(31))


@_jit
def stir(u: float, v: float, around: int, turn: float, sense: float, seed: int) -> tuple[float, float]:
    """Where the ground at (u, v) came from: one eddy in each unit cell has turned it by up to `turn` rad.

    `around` is the number of cells after which the pattern closes in u, 0 for never; `sense` (-1 to 1) is the way most
    eddies turn. An eddy reaches no further than the next cell's middle, so that four cells hold all that act here.
    """
    i, j = math.floor(u - 0.5), math.floor(v - 0.5)
    du, dv = 0.0, 0.0
    for a in range(2):
        column = int(i) + a
        name = column % around if around > 0 else column
        for b in range(2):
            h = hashed(name, int(j) + b, seed)
            x = u - (column + 0.5 + 0.6 * (float(h & np.uint64(1023)) / 1023.0 - 0.5))
            y = v - (j + b + 0.5 + 0.6 * (float((h >> np.uint64(10)) & np.uint64(1023)) / 1023.0 - 0.5))
            reach = 0.36 + 0.34 * float((h >> np.uint64(20)) & np.uint64(1023)) / 1023.0
            away = (x * x + y * y) / (reach * reach)
            if away < 1.0:
                chance = float((h >> np.uint64(30)) & np.uint64(1023)) / 511.5 - 1.0
                sign = 1.0 if chance < 0.8 * sense else -1.0
                fall = 1.0 - away
                angle = sign * turn * (0.35 + 0.65 * abs(chance)) * fall * fall
                c, s = math.cos(angle) - 1.0, math.sin(angle)
                du += c * x - s * y
                dv += s * x + c * y
    return u + du, v + dv


@_jit
def strength(level: int) -> float:
    """Turn, rad, of the eddies of a level where the clouds are stirred most."""
    return 3.4 if level <= 1 else (3.0 if level == 2 else 2.4)


@_jit
def share(cell: float, spacing: float) -> float:
    """How far eddies of a size are drawn at a spacing of places: fading in from 4 to 10 places a cell."""
    return min(1.0, max(0.0, (cell / spacing - 4.0) / 6.0))


@_jit
def stir_mercator(
    lon: float, psi: float, scale: float, stirred: float, sense: float, spacing: float, seed: int
) -> tuple[float, float]:
    """All levels of eddies, finest first, on the Mercator chart; `scale` is the cosine of latitude."""
    for n in range(LEVELS):
        level = LEVELS - 1 - n
        around = ROUND * FINER**level
        width = 2.0 * math.pi / around
        part = share(width * scale, spacing)
        if part > 0.0:
            # the largest are drawn out along the wind
            height = width / (1.7 if level == 0 else (1.5 if level == 1 else 1.2))
            u, v = stir(lon / width, psi / height, around, part * stirred * strength(level), sense, seed + 7 * level)
            lon, psi = u * width, v * height
    return lon, psi


@_jit
def stir_polar(x: float, y: float, stirred: float, sense: float, spacing: float, seed: int) -> tuple[float, float]:
    """All levels of eddies, finest first, on a polar stereographic chart of radius 2 tan(colatitude / 2)."""
    for n in range(LEVELS):
        level = LEVELS - 1 - n
        cell = POLAR_CELL / FINER**level
        part = share(cell, spacing)
        if part > 0.0:
            u, v = stir(x / cell, y / cell, 0, part * stirred * strength(level), sense, seed + 7 * level + 3)
            x, y = u * cell, v * cell
    return x, y
