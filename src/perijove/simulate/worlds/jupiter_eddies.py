"""How Jupiter's clouds are stirred: eddies that wind up the ground they turn on, in charts that keep angles.

Between the polar circles the chart is Mercator's (longitude, isometric latitude), about each pole the stereographic
one; both keep angles, and neither has a seam.
"""

from __future__ import annotations

import math

import numpy as np

from perijove.jit import kernel

LEVELS = 7
FINER = 3
"""Eddies of each level are so many times smaller than those of the level above."""
ROUND = 64
"""Largest eddies around the equator."""
POLAR_CELL = 0.085
"""Size of the largest eddies' cells at a pole, rad."""
ASPECT = (2.0, 1.7, 1.4, 1.3, 1.2, 1.2, 1.2)
"""How far the eddies of each level are drawn out along the parallels, between the polar circles."""
STRENGTH = (2.6, 2.3, 1.5, 1.0, 0.8, 0.7, 0.7)
"""Tangent of half the turn of the strongest eddies of each level where the clouds are stirred most."""
_10_BITS = np.uint64(1023)


@kernel
def hashed(i: int, j: int, seed: int) -> np.uint64:
    """A 64-bit hash of a cell, good in its upper bits."""
    h = (
        np.uint64(i) * np.uint64(0x9E3779B97F4A7C15)
        ^ np.uint64(j) * np.uint64(0xC2B2AE3D27D4EB4F)
        ^ np.uint64(seed) * np.uint64(0xD6E8FEB86659FD93)
    )
    h ^= h >> np.uint64(31)
    h *= np.uint64(0xBF58476D1CE4E5B9)
    h ^= h >> np.uint64(29)
    return h * np.uint64(0x94D049BB133111EB)


@kernel
def stir(u: float, v: float, around: int, turn: float, sense: float, seed: int) -> tuple[float, float]:
    """Where the ground at (u, v) came from: one eddy in each unit cell has turned it.

    `turn` is the tangent of half the largest angle. `around` is the number of cells after which the pattern closes in
    u, 0 for never; `sense` (-1 to 1) is the way most eddies turn. An eddy reaches no further than the next cell's
    middle, so that four cells hold all that act here.
    """
    fi, fj = math.floor(u - 0.5), math.floor(v - 0.5)
    i, j = int(fi), int(fj)
    du, dv = 0.0, 0.0
    for a in range(2):
        name = i + a
        if around > 0:
            name = (name + around) % around
        for b in range(2):
            h = hashed(name, j + b, seed)
            x = u - fi - a - 0.5 - 0.6 * (float(h >> np.uint64(54)) / 1023.0 - 0.5)
            y = v - fj - b - 0.5 - 0.6 * (float((h >> np.uint64(44)) & _10_BITS) / 1023.0 - 0.5)
            reach = 0.36 + 0.34 * float((h >> np.uint64(34)) & _10_BITS) / 1023.0
            away = x * x + y * y
            if away < reach * reach:
                chance = float((h >> np.uint64(24)) & _10_BITS) / 511.5 - 1.0
                fall = 1.0 - away / (reach * reach)
                t = turn * (0.15 + 0.85 * chance * chance) * fall * fall
                # the sense differs from place to place: an eddy torn between two stands still in between
                t *= min(1.0, max(-1.0, 5.0 * (0.8 * sense - chance)))
                # cosine less one, and sine, by the tangent of the half angle
                s = 2.0 * t / (1.0 + t * t)
                c = -t * s
                du += c * x - s * y
                dv += s * x + c * y
    return u + du, v + dv


@kernel
def share(cell: float, spacing: float) -> float:
    """How far eddies of a size are drawn at a spacing of places: fading in from 4 to 10 places a cell."""
    return min(1.0, max(0.0, (cell / spacing - 4.0) / 6.0))


@kernel
def stir_mercator(
    lon: float, psi: float, scale: float, stirred: float, sense: float, spacing: float, seed: int
) -> tuple[float, float]:
    """All levels of eddies, finest first, on the Mercator chart; `scale` is the cosine of latitude."""
    for n in range(LEVELS):
        level = LEVELS - 1 - n
        around = ROUND * FINER**level
        per_rad = around / (2.0 * math.pi)
        part = share(scale / per_rad, spacing)
        if part > 0.0:
            tall = per_rad * ASPECT[level]
            u, v = stir(lon * per_rad, psi * tall, around, part * stirred * STRENGTH[level], sense, seed + 7 * level)
            lon, psi = u / per_rad, v / tall
    return lon, psi


@kernel
def stir_polar(x: float, y: float, stirred: float, sense: float, spacing: float, seed: int) -> tuple[float, float]:
    """All levels of eddies, finest first, on a polar stereographic chart of radius 2 tan(colatitude / 2)."""
    for n in range(LEVELS):
        level = LEVELS - 1 - n
        cell = POLAR_CELL / FINER**level
        part = share(cell, spacing)
        if part > 0.0:
            u, v = stir(x / cell, y / cell, 0, part * stirred * STRENGTH[level], sense, seed + 7 * level + 3)
            x, y = u * cell, v * cell
    return x, y
