"""Craters: their shape, their rays, and the countless small ones that are only made when asked for.

Depths follow the course that Schenk (2002, Nature 417, 419) found on Ganymede, rounded: about a sixth of the diameter
for bowls of a kilometre, levelling at 1.2 km from 20 to 60 km across, shallower again beyond. Cumulative numbers go as
diameter^-2. Small craters are fresh, worn and ghostly as 1 : 2.5 : 6.5, the counts on Galileo's pictures of Galileo
Regio.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perijove.jit import kernel
from perijove.simulate.worlds.noise import gradient_noise, mixed, uniform

FloatArray = NDArray[np.float64]

REACH = 2.2
"""Radii to which the raised rim and its apron go."""
SMALLEST_KM = 0.25
"""Diameter below which no small crater is made."""
LARGEST_SMALL_KM = 8.0
"""Diameter up to which craters are made on demand; larger ones stand in the catalogue."""
ON_DARK = 380e-6
"""Craters larger than `LARGEST_SMALL_KM` a km^2 on dark ground; bright ground, being younger, has `YOUNG` of them."""
YOUNG = 0.33

_TAIL = float(REACH**-3.5)
_DIAMETERS = np.array([0.1, 1.0, 3.0, 10.0, 20.0, 60.0, 100.0, 150.0, 400.0])
_DEPTHS = np.array([0.017, 0.17, 0.42, 0.90, 1.15, 1.20, 0.95, 0.55, 0.30])


def fresh_depth_km(diameter_km: ArrayLike) -> FloatArray:
    """Depth from rim to floor, km, of a fresh crater of the diameter, km."""
    log_depth = np.interp(np.log(np.asarray(diameter_km, dtype=float)), np.log(_DIAMETERS), np.log(_DEPTHS))
    return np.asarray(np.exp(log_depth))


@kernel
def ramp(low: float, high: float, x: float) -> float:
    """Smooth step from 0 at `low` to 1 at `high` (which may be the smaller one)."""
    t = min(1.0, max(0.0, (x - low) / (high - low)))
    return t * t * (3.0 - 2.0 * t)


@kernel
def crater_height(x: float, diameter: float, depth: float) -> float:
    """Height, depth's unit, above the ground at `x` radii from the centre of a crater `depth` deep from rim to floor.

    Bowls up to 4 km across; then a flat floor and a wall; a central peak from 6 to 40 km, a pit with its own rim above.
    The crest stands at x = 1.
    """
    if x >= REACH:
        return 0.0
    rim = 0.25 * depth
    if x >= 1.0:
        return rim * (1.0 / (x * x * x * math.sqrt(x)) - _TAIL) / (1.0 - _TAIL)
    floor = 0.62 * ramp(3.0, 30.0, diameter)
    t = max(0.0, (x - floor) / (1.0 - floor))
    height = depth * t * t * (1.6 - 0.6 * t) - (depth - rim)
    peak = ramp(6.0, 11.0, diameter) * (1.0 - ramp(30.0, 42.0, diameter))
    pit = ramp(32.0, 48.0, diameter)
    if peak > 0.0:
        height += 0.38 * peak * depth * math.exp(-((x / 0.17) ** 2))
    if pit > 0.0 and x < 0.6:
        swell = max(0.0, 1.0 - (x / 0.6) ** 2)
        ring = math.exp(-(((x - 0.2) / 0.06) ** 2))
        height += pit * depth * (0.25 * swell + 0.25 * ring - 0.45 * math.exp(-((x / 0.13) ** 2)))
    return height


@kernel
def ray_share(
    qx: float,
    qy: float,
    qz: float,
    nx: float,
    ny: float,
    nz: float,
    x: float,
    reach: float,
    fineness: float,
    seed: float,
) -> float:
    """How much of the ground ejecta cover, 0..1, at `x` radii in the direction q (unit, square to the centre's n).

    A ragged blanket to some 2.5 radii, then bundles of streaks of unequal length up to about `reach` radii, broken into
    patches. `fineness`, 0..1, fades the streaks to their mean.
    """
    if x >= 1.3 * reach:
        return 0.0
    broad = gradient_noise(2.3 * qx + seed, 2.3 * qy, 2.3 * qz, 71)
    bundle = gradient_noise(5.0 * qx + seed, 5.0 * qy, 5.0 * qz, 72)
    far = reach * min(1.3, max(0.3, 0.65 + 1.0 * broad + 0.45 * bundle))
    blanket = ramp(min(1.25 * reach, 3.4 + 2.0 * bundle + broad), 1.1 + 0.3 * broad, x)
    if x >= far:
        return blanket
    streak = 0.40
    if fineness > 0.0:
        way = 3.0 * math.log(max(x, 0.3))
        a = gradient_noise(15.0 * qx + way * nx + seed, 15.0 * qy + way * ny, 15.0 * qz + way * nz, 73)
        way *= 2.7
        b = gradient_noise(41.0 * qx + way * nx + seed, 41.0 * qy + way * ny, 41.0 * qz + way * nz, 74)
        streak += fineness * (min(1.0, max(0.0, 0.38 + 1.0 * a + 0.75 * b)) - streak)
    left = 1.0 - x / far
    streak *= min(1.0, 2.5 * left) * (0.25 + 0.75 * left) * max(0.0, 1.0 + 1.0 * bundle)
    return min(1.0, max(0.0, blanket + (1.0 - blanket) * 1.5 * streak))


@kernel
def small_craters(
    x: float, y: float, z: float, radius: float, dark: float, spacing: float, seed: int
) -> tuple[float, float]:
    """Height, km, of the small craters at a place (km, on the sphere of `radius`), and how far fresh ice shines, 0..1.

    `dark`, 0..1, is how dark the ground is: most craters are older than the bright ground and missing there. Each
    octave of diameters has its lattice of cells, so wide that a crater reaches no further than half an edge: the eight
    cells about a place's nearest corner hold all that can touch it.
    """
    height, shine = 0.0, 0.0
    least = 0.5 * LARGEST_SMALL_KM
    octave = 0
    while least >= SMALLEST_KM:
        clear = min(1.0, max(0.0, 1.4 * least / spacing - 1.5))
        if clear <= 0.0:
            break
        up, glow = _octave(x, y, z, radius, dark, least, seed + 977 * octave)
        height += clear * up
        shine = max(shine, clear * glow)
        least *= 0.5
        octave += 1
    return height, shine


@kernel
def _octave(x: float, y: float, z: float, radius: float, dark: float, least: float, seed: int) -> tuple[float, float]:
    """`small_craters` for the diameters from `least` to twice that."""
    height, shine = 0.0, 0.0
    edge = 6.0 * least
    i0, j0, k0 = math.floor(x / edge - 0.5), math.floor(y / edge - 0.5), math.floor(z / edge - 0.5)
    # centres lie within a third of the reach above or below the ground, and are then laid on it
    likely = 0.5 * 27.0 * 4.0 * 0.75 * ON_DARK * LARGEST_SMALL_KM**2
    for n in range(8):
        i, j, k = i0 + (n & 1), j0 + (n >> 1 & 1), k0 + (n >> 2)
        h = mixed(i, j, k, seed)
        for m in range(2):
            if uniform(h, 8 * m) >= likely:
                continue
            cx = (i + uniform(h, 8 * m + 1)) * edge
            cy = (j + uniform(h, 8 * m + 2)) * edge
            cz = (k + uniform(h, 8 * m + 3)) * edge
            away = math.sqrt(cx * cx + cy * cy + cz * cz)
            if abs(away - radius) > least:
                continue
            lift = radius / away
            half = 0.5 * least / math.sqrt(1.0 - 0.75 * uniform(h, 8 * m + 4))
            square = (x - cx * lift) ** 2 + (y - cy * lift) ** 2 + (z - cz * lift) ** 2
            if square >= (2.0 * half) ** 2:
                continue
            there = 1.0 if uniform(h, 8 * m + 5) < YOUNG else dark
            r = math.sqrt(square) / half
            state = uniform(h, 8 * m + 6)
            worn = 1.0 if state < 0.1 else (0.55 if state < 0.35 else 0.2)
            depth = worn * 0.32 * half / (1.0 + 0.08 * half)
            height += there * crater_height(1.1 * r, 2.0 * half, depth)
            if state < 0.06:
                shine = max(shine, there * ramp(2.0, 0.8, r))
    return height, shine
