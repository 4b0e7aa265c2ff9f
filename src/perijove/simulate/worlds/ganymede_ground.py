"""Ganymede's ground: old dark blocks with furrows, and bright lanes of grooves that cut across them and each other."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from perijove.jit import kernel
from perijove.simulate.worlds.craters import ramp
from perijove.simulate.worlds.ganymede_bins import Bins, cell_of
from perijove.simulate.worlds.noise import fractal_noise, gradient_noise

FloatArray = NDArray[np.float64]

RADIUS_KM = 2631.2
"""Mean radius of Ganymede, as `perijove.bodies` has it."""

# columns of a table of patches: unit centre, direction across the grooves, their distance and height (km), tone, dark
PATCH_COLUMNS = 10
# columns of a table of blocks: unit centre, two axes, the smaller half axis, tone, then 7 sides as (cosine, sine)
# over the distance from the centre
SIDES = 7
BLOCK_COLUMNS = 11 + 2 * SIDES
# columns of a table of lanes: unit centre, direction, normal, half length, half width, bend, then as for patches,
# slant of the ends, wedge
LANE_COLUMNS = 18


class Ground(NamedTuple):
    """What the ground is made of.

    Voronoi patches (n, 10), dark blocks that lie on them (m, 25), lanes over both (k, 18; the youngest last), and the
    centres of the furrows with their distance in km (l, 4).
    """

    seed: int
    patches: FloatArray
    patch_bins: Bins
    blocks: FloatArray
    block_bins: Bins
    lanes: FloatArray
    lane_bins: Bins
    furrows: FloatArray


class Soil(NamedTuple):
    """The ground at one place: `dark` 0..1, `tone` a factor on its albedo, `height` km."""

    dark: float
    tone: float
    height: float


@kernel
def bent(x: float, y: float, z: float, spacing: float, seed: int) -> tuple[float, float, float]:
    """A place (unit vector) pushed aside a little, so that what is drawn straight comes out natural."""
    octaves = min(3.0, max(1.0, math.log2(220.0 / spacing)))
    s = RADIUS_KM / 260.0
    strength = 16.0 / RADIUS_KM
    bx = x + strength * fractal_noise(s * x + 3.1, s * y, s * z, octaves, 0.36, seed + 1)
    by = y + strength * fractal_noise(s * x, s * y + 5.7, s * z, octaves, 0.36, seed + 2)
    bz = z + strength * fractal_noise(s * x, s * y, s * z + 8.3, octaves, 0.36, seed + 3)
    norm = 1.0 / math.sqrt(bx * bx + by * by + bz * bz)
    return bx * norm, by * norm, bz * norm


@kernel
def grooves(
    across: float, along: float, distance: float, tall: float, spacing: float, seed: float
) -> tuple[float, float]:
    """Height (km) and change of tone of a set of grooves at `across` and `along` it (km); `distance` apart, `tall` km.

    Ridges stray, swell and end; finer ones ride on them. What is finer than four spacings fades.
    """
    stray = gradient_noise(along / (11.0 * distance) + seed, across / (4.0 * distance), seed, 31)
    swell = gradient_noise(along / (16.0 * distance), across / (1.3 * distance) + seed, seed, 32)
    phase = 2.0 * math.pi * (across / distance + 0.40 * stray)
    height, wave, weight = 0.0, distance, 1.0
    for n in range(4):
        clear = min(1.0, max(0.0, 0.5 * wave / spacing - 1.0))
        if clear <= 0.0:
            break
        height += clear * weight * math.sin(phase + 1.7 * n * (1.0 + 1.5 * swell))
        phase *= 1.83
        wave /= 1.83
        weight *= 0.56
    height *= tall * max(0.12, 0.55 + 1.3 * swell)
    return height, 0.08 * height / tall + 0.04 * swell


@kernel
def _furrows(x: float, y: float, z: float, ground: Ground, spacing: float) -> tuple[float, float]:
    """Height (km) and change of tone of the old furrows: broken arcs of valleys with raised edges about far centres."""
    best, second, which, f = -1.0, -1.0, 0, ground.furrows
    for n in range(len(ground.furrows)):
        near = x * f[n, 0] + y * f[n, 1] + z * f[n, 2]
        if near > best:
            best, second, which = near, best, n
        elif near > second:
            second = near
    away = RADIUS_KM * math.acos(min(1.0, max(-1.0, best))) / f[which, 3]
    ring = math.floor(away + 0.5)
    qx, qy, qz = x - best * f[which, 0], y - best * f[which, 1], z - best * f[which, 2]
    norm = math.sqrt(qx * qx + qy * qy + qz * qz) + 1e-9
    s = 0.22 * away + 1.0
    there = gradient_noise(s * qx / norm + 7.13 * ring, s * qy / norm, s * qz / norm, ground.seed + 41)
    there = ramp(0.02, 0.25, there) * ramp(2.0, 5.0, away) * ramp(0.0, 0.06, best - second)
    if there <= 0.0:
        return 0.0, 0.0
    off = f[which, 3] * abs(away - ring)
    valley, edge = math.exp(-((off / 4.0) ** 2)), math.exp(-(((off - 8.0) / 3.0) ** 2))
    there *= min(1.0, 6.0 / spacing)
    return there * (0.22 * edge - 0.40 * valley), there * (0.16 * edge - 0.06 * valley)


@kernel
def _dark_soil(x: float, y: float, z: float, mottle: float, ground: Ground, spacing: float, tone: float) -> Soil:
    """Old ground: hummocks with ice on their crests, dark dust between them, here more and there less, and furrows."""
    s = RADIUS_KM / 70.0
    octaves = min(9.0, max(0.0, math.log2(35.0 / spacing)))
    rough = fractal_noise(s * x, s * y, s * z, octaves, 0.78, ground.seed + 51)
    # dust gathers in flats of its own, out of which the hummocks stand
    s = RADIUS_KM / 130.0
    flat = gradient_noise(s * x, s * y, s * z, ground.seed + 57)
    rugged = ramp(-0.45, 0.35, flat + 0.35 * rough)
    crest = max(0.0, rough - 0.25)
    up, lit = _furrows(x, y, z, ground, spacing)
    shade = 0.06 * mottle + 0.10 * flat + (0.03 + 0.09 * rugged) * rough + 0.22 * rugged * crest
    return Soil(1.0, tone * (1.0 + shade + lit), (0.06 + 0.20 * rugged) * rough + 0.10 * mottle + up)


@kernel
def _patch(x: float, y: float, z: float, mottle: float, ground: Ground, spacing: float) -> Soil:
    """The soil of the Voronoi patch of a place, blended over its edge by the spacing."""
    cell, p = cell_of(x, y, z, ground.patch_bins.across), ground.patches
    first, second, near, next_ = 0, 0, 9.0, 9.0
    for m in range(ground.patch_bins.start[cell], ground.patch_bins.start[cell + 1]):
        n = ground.patch_bins.items[m]
        d = (x - p[n, 0]) ** 2 + (y - p[n, 1]) ** 2 + (z - p[n, 2]) ** 2
        if d < near:
            first, second, near, next_ = n, first, d, near
        elif d < next_:
            second, next_ = n, d
    apart = (
        math.sqrt(
            (p[first, 0] - p[second, 0]) ** 2 + (p[first, 1] - p[second, 1]) ** 2 + (p[first, 2] - p[second, 2]) ** 2
        )
        + 1e-12
    )
    edge = RADIUS_KM * 0.5 * (next_ - near) / apart
    mine = min(1.0, 0.5 + 0.5 * edge / max(spacing, 1.0))
    soil = _patch_soil(x, y, z, mottle, ground, spacing, first)
    if mine >= 1.0:
        return soil
    other = _patch_soil(x, y, z, mottle, ground, spacing, second)
    return _mixed_soil(other, soil, mine)


@kernel
def _mixed_soil(a: Soil, b: Soil, share: float) -> Soil:
    """`share` of b in a."""
    return Soil(
        a.dark + share * (b.dark - a.dark), a.tone + share * (b.tone - a.tone), a.height + share * (b.height - a.height)
    )


@kernel
def _patch_soil(x: float, y: float, z: float, mottle: float, ground: Ground, spacing: float, n: int) -> Soil:
    """The soil of the patch n, wherever the place lies."""
    p = ground.patches
    across = RADIUS_KM * (x * p[n, 3] + y * p[n, 4] + z * p[n, 5])
    nx, ny, nz = (
        p[n, 1] * p[n, 5] - p[n, 2] * p[n, 4],
        p[n, 2] * p[n, 3] - p[n, 0] * p[n, 5],
        p[n, 0] * p[n, 4] - p[n, 1] * p[n, 3],
    )
    along = RADIUS_KM * (x * nx + y * ny + z * nz)
    up, lit = grooves(across, along, p[n, 6], p[n, 7], spacing, 3.7 * n)
    return Soil(p[n, 9], p[n, 8] * (1.0 + lit + 0.06 * mottle), up + 0.06 * mottle)


@kernel
def _inside_blocks(x: float, y: float, z: float, ground: Ground) -> tuple[float, float]:
    """How far, km, a place lies inside a dark block (below zero: outside all), and that block's tone."""
    cell = cell_of(x, y, z, ground.block_bins.across)
    deepest, tone, b = -1e3, 1.0, ground.blocks
    for m in range(ground.block_bins.start[cell], ground.block_bins.start[cell + 1]):
        n = ground.block_bins.items[m]
        if x * b[n, 0] + y * b[n, 1] + z * b[n, 2] < 0.3:
            continue
        u = x * b[n, 3] + y * b[n, 4] + z * b[n, 5]
        v = x * b[n, 6] + y * b[n, 7] + z * b[n, 8]
        out = 0.0
        for k in range(SIDES):
            out = max(out, u * b[n, 11 + 2 * k] + v * b[n, 12 + 2 * k])
        inside = b[n, 9] * (1.0 - out)
        if inside > deepest:
            deepest, tone = inside, b[n, 10]
    return deepest, tone


@kernel
def _floor(x: float, y: float, z: float, mottle: float, ground: Ground, spacing: float) -> Soil:
    """What lies under the lanes: a dark block, or the patches between them."""
    inside, tone = _inside_blocks(x, y, z, ground)
    # old edges are ragged
    cover = min(1.0, max(0.0, 0.5 + 0.5 * (inside + 11.0 * mottle) / max(spacing, 0.8)))
    soil = Soil(0.0, 0.0, 0.0)
    if cover < 1.0:
        soil = _patch(x, y, z, mottle, ground, spacing)
    if cover > 0.0:
        soil = _mixed_soil(soil, _dark_soil(x, y, z, mottle, ground, spacing, tone), cover)
    return soil


@kernel
def soil_at(x: float, y: float, z: float, spacing: float, ground: Ground) -> Soil:
    """The ground at a place (unit vector): the youngest lane over it, or else the patch; edges blend by the spacing."""
    s = RADIUS_KM / 45.0
    octaves = min(7.0, max(0.0, math.log2(22.0 / spacing)))
    mottle = fractal_noise(s * x, s * y, s * z, octaves, 0.72, ground.seed + 61)
    x, y, z = bent(x, y, z, spacing, ground.seed)
    cell, lane = cell_of(x, y, z, ground.lane_bins.across), ground.lanes
    dark, tone, height, left, scar = 0.0, 0.0, 0.0, 1.0, 0.0
    for m in range(ground.lane_bins.start[cell + 1] - 1, ground.lane_bins.start[cell] - 1, -1):
        n = ground.lane_bins.items[m]
        along = x * lane[n, 3] + y * lane[n, 4] + z * lane[n, 5]
        if abs(along) >= lane[n, 9] or x * lane[n, 0] + y * lane[n, 1] + z * lane[n, 2] < 0.5:
            continue
        across = x * lane[n, 6] + y * lane[n, 7] + z * lane[n, 8] - lane[n, 11] * along * along
        end = 0.9 * lane[n, 9] - abs(along + lane[n, 16] * across)
        # narrower at one end than at the other, and pinched at both
        wide = (1.0 + lane[n, 17] * along / lane[n, 9]) * min(1.0, 0.25 + 3.0 * end / lane[n, 9])
        side = lane[n, 10] * wide - abs(across)
        inside = RADIUS_KM * min(side, end)
        if abs(inside) < 9.0:
            rift = 0.3 + 5.0 * max(0.0, lane[n, 13] - 0.1)
            scar = max(scar, left * rift * math.exp(-((inside / 2.5) ** 2)))
        cover = min(1.0, max(0.0, 0.5 + 0.5 * inside / max(spacing, 0.4)))
        if cover <= 0.0:
            continue
        up, lit = grooves(RADIUS_KM * across, RADIUS_KM * along, lane[n, 12], lane[n, 13], spacing, 3.7 * n)
        share = left * cover
        up *= ramp(-0.02, 0.2, end / lane[n, 9])
        dark += share * lane[n, 15]
        tone += share * lane[n, 14] * (1.0 + lit + 0.05 * mottle)
        height += share * (up + 0.05 * mottle)
        left -= share
        if left < 0.005:
            break
    if left > 0.0:
        soil = _floor(x, y, z, mottle, ground, spacing)
        dark, tone, height = dark + left * soil.dark, tone + left * soil.tone, height + left * soil.height
    scar *= min(1.0, 3.0 / spacing)
    return Soil(dark, tone * (1.0 - 0.05 * scar), height - 0.22 * scar)
