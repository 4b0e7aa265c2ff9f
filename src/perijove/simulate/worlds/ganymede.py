"""Ganymede painted: the dark blocks, bright lanes, craters, rays and polar frost that JunoCam saw in June 2021."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from perijove.errors import UsageError
from perijove.jit import kernel
from perijove.simulate.worlds.craters import REACH, crater_height, ramp, ray_share, small_craters
from perijove.simulate.worlds.ganymede_atlas import Atlas, atlas
from perijove.simulate.worlds.ganymede_bins import cell_of
from perijove.simulate.worlds.ganymede_ground import RADIUS_KM, soil_at
from perijove.simulate.worlds.noise import fractal_noise, gradient_noise
from perijove.simulate.worlds.painting import Light, Painting

FloatArray = NDArray[np.float64]

BRIGHT = np.array([0.45, 0.52, 0.56])
DARK = np.array([0.26, 0.32, 0.37])
ICE = np.array([0.70, 0.74, 0.75])
SOOT = np.array([0.16, 0.21, 0.27])
"""Normal reflectance in blue, green and red of bright and dark ground, of fresh ice and frost, and of dark rays."""
METHANE_OF_RED = 0.9

BLOCK = 8192
"""Places painted at a time by one thread."""
THREADS = 2


class Coat(NamedTuple):
    """What lies on the ground at one place: shares of ice and soot, a factor of tone, and the height, km."""

    ice: float
    soot: float
    tone: float
    height: float


@kernel
def _craters_on(x: float, y: float, z: float, spacing: float, dark: float, coat: Coat, world: Atlas) -> Coat:
    """Lay the large craters on the ground, the oldest first: each wipes out what was there as far as it is fresh."""
    ice, soot, tone, height = coat.ice, coat.soot, coat.tone, coat.height
    cell, c = cell_of(x, y, z, world.crater_bins.across), world.craters
    for m in range(world.crater_bins.start[cell], world.crater_bins.start[cell + 1]):
        n = world.crater_bins.items[m]
        qx, qy, qz = x - c[n, 0], y - c[n, 1], z - c[n, 2]
        away = math.sqrt(qx * qx + qy * qy + qz * qz)
        r = RADIUS_KM * away / c[n, 3]
        if r >= 1.08 * REACH:
            continue
        there = dark if c[n, 9] > 0.5 else 1.0
        clear = there * min(1.0, max(0.0, 0.8 * c[n, 3] / spacing - 0.6))
        if clear <= 0.0:
            continue
        f = 1.0 / (away + 1e-12)
        qx, qy, qz = f * qx, f * qy, f * qz
        wobble, rugged, near = 0.0, 0.0, ramp(1.9, 1.3, r)
        if near > 0.0:
            wobble = gradient_noise(2.1 * qx + c[n, 10], 2.1 * qy, 2.1 * qz, 81)
            wobble = near * (wobble + 0.4 * gradient_noise(6.5 * qx + c[n, 10], 6.5 * qy, 6.5 * qz, 82))
            rugged = near * gradient_noise(5.0 * r * qx + c[n, 10], 5.0 * r * qy, 5.0 * r * qz, 83)
        if c[n, 6] == 1.0:
            ghost = there * ramp(1.1, 0.75, r * (1.0 + 0.30 * wobble))
            ice, height = ice + 0.36 * ghost * (1.0 - ice), height * (1.0 - 0.6 * ghost)
            continue
        r *= 1.0 + 0.035 * wobble
        wipe = there * (0.15 + 0.80 * c[n, 5]) * ramp(1.5, 0.95, r)
        height = height * (1.0 - wipe) + clear * (crater_height(r, 2.0 * c[n, 3], c[n, 4]) + 0.10 * c[n, 4] * rugged)
        ice, soot = ice * (1.0 - wipe), soot * (1.0 - wipe)
        # rims and peaks shed their dust, floors keep it
        bare = clear * (math.exp(-(((r - 0.97) / 0.13) ** 2)) - 0.6 * ramp(0.85, 0.6, r))
        tone *= 1.0 + 0.10 * bare
        if c[n, 7] < 0.0:
            inside = ramp(1.12, 0.92, r) * clear
            ice += inside * (0.30 + 0.25 * math.exp(-((r / 0.2) ** 2)) - ice)
    return Coat(ice, soot, tone, height)


@kernel
def _rays_on(x: float, y: float, z: float, spacing: float, coat: Coat, world: Atlas) -> Coat:
    """Strew the ejecta of fresh craters: ice, or soot."""
    ice, soot = coat.ice, coat.soot
    cell, c = cell_of(x, y, z, world.ray_bins.across), world.craters
    for m in range(world.ray_bins.start[cell], world.ray_bins.start[cell + 1]):
        n = world.ray_bins.items[m]
        qx, qy, qz = x - c[n, 0], y - c[n, 1], z - c[n, 2]
        away = math.sqrt(qx * qx + qy * qy + qz * qz)
        r = RADIUS_KM * away / c[n, 3]
        if r >= 1.3 * c[n, 8]:
            continue
        f = 1.0 / (away + 1e-12)
        fineness = min(1.0, max(0.0, r * c[n, 3] / (8.0 * spacing) - 0.5))
        share = ray_share(f * qx, f * qy, f * qz, c[n, 0], c[n, 1], c[n, 2], r, c[n, 8], fineness, c[n, 10])
        if c[n, 7] > 0.0:
            share *= 0.85 * c[n, 7]
            ice += share * (1.0 - ice)
            soot *= 1.0 - share
        else:
            share = min(1.0, -1.15 * c[n, 7] * share) * 0.92 * ramp(0.95, 1.12, r)
            soot += share * (1.0 - soot)
            ice *= 1.0 - share
    return Coat(ice, soot, coat.tone, coat.height)


@kernel
def _frost(x: float, y: float, z: float, mottle: float) -> float:
    """Share of frost: the polar caps, from some 40 degrees on, ragged at their edges."""
    return 0.42 * ramp(0.60, 0.92, abs(z) + 0.09 * mottle) * (1.0 + 0.35 * mottle)


@kernel
def _paint_block(places: FloatArray, spacing: float, world: Atlas, albedo: Light, height: Light) -> None:
    """Albedo (n, 4) and height (n,) km of places (n, 3); `spacing` in km."""
    seed = world.ground.seed
    for n in range(len(places)):
        x, y, z = places[n, 0], places[n, 1], places[n, 2]
        if not abs(x) + abs(y) + abs(z) < 9.0:
            albedo[n, :], height[n] = math.nan, math.nan
            continue
        soil = soil_at(x, y, z, spacing, world.ground)
        up, shine = small_craters(
            RADIUS_KM * x, RADIUS_KM * y, RADIUS_KM * z, RADIUS_KM, soil.dark, spacing, seed + 500
        )
        region = fractal_noise(2.6 * x + 1.7, 2.6 * y, 2.6 * z, 3.0, 0.6, seed + 91)
        coat = Coat(0.45 * shine, 0.0, soil.tone * (1.0 + (0.05 + 0.10 * soil.dark) * region), soil.height + up)
        coat = _craters_on(x, y, z, spacing, soil.dark, coat, world)
        coat = _rays_on(x, y, z, spacing, coat, world)
        frost = _frost(x, y, z, region)
        ice = coat.ice + frost * (1.0 - coat.ice)
        height[n] = coat.height
        for band in range(3):
            ground = BRIGHT[band] + soil.dark * (DARK[band] - BRIGHT[band])
            ground *= coat.tone * (1.0 + (band - 1) * 0.03 * region)
            ground += ice * (ICE[band] - ground)
            ground += coat.soot * (SOOT[band] * (0.7 + 0.3 * coat.tone) - ground)
            albedo[n, band] = min(0.95, max(0.04, ground))
        albedo[n, 3] = METHANE_OF_RED * albedo[n, 2]


@dataclass(frozen=True)
class GanymedePainter:
    """Ganymede's surface, laid out by `seed` around its real named craters, lanes and dark regions.

    Kittu, the 15 km crater with dark rays at 25.4 E, 0.4 N, is there with every seed.
    """

    seed: int = 0

    def paint(self, directions: FloatArray, spacing: float, et: float) -> Painting:
        """The surface in planetocentric body-fixed unit vectors `directions` (n, 3), `spacing` rad apart.

        The same at every ET. Heights are km above the ellipsoid. NaN where a direction is NaN. UsageError where the
        directions are not (n, 3) or the spacing is not above zero.
        """
        places = np.ascontiguousarray(directions, dtype=np.float64)
        if places.ndim != 2 or places.shape[1] != 3:
            raise UsageError(f"directions have the shape {places.shape}: give unit vectors (n, 3)")
        if not spacing > 0.0 or not math.isfinite(spacing):
            raise UsageError(f"spacing is {spacing}: give the distance of neighbouring places in rad, above zero")
        world = atlas(self.seed)
        albedo, height = np.empty((len(places), 4), np.float32), np.empty(len(places), np.float32)

        def work(start: int) -> None:
            part = slice(start, start + BLOCK)
            _paint_block(places[part], spacing * RADIUS_KM, world, albedo[part], height[part])

        starts = range(0, len(places), BLOCK)
        if len(starts) <= 1:
            for start in starts:
                work(start)
        else:
            with ThreadPoolExecutor(THREADS) as pool:
                for _ in pool.map(work, starts):
                    pass
        return Painting(albedo, height)
