"""Ganymede's atlas: the patches, lanes and large craters that a seed lays out around the real, named ones."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perijove.simulate.worlds.craters import LARGEST_SMALL_KM, ON_DARK, REACH, YOUNG, fresh_depth_km
from perijove.simulate.worlds.ganymede_bins import Bins, nearest, reaching
from perijove.simulate.worlds.ganymede_ground import (
    BLOCK_COLUMNS,
    LANE_COLUMNS,
    PATCH_COLUMNS,
    RADIUS_KM,
    SIDES,
    Ground,
)
from perijove.simulate.worlds.ganymede_places import (
    CHAINS,
    CRATERS,
    DARK_REGIONS,
    KITTU,
    LANES,
    PALIMPSESTS,
    RAYED,
)

FloatArray = NDArray[np.float64]

PATCHES = 1900
LANES_DRAWN = 650
FRAGMENTS = 320
AREA_KM2 = 4.0 * math.pi * RADIUS_KM**2
BOWL, PALIMPSEST = 0.0, 1.0

# columns of the table of craters
CRATER_COLUMNS = 11
RADIUS, DEPTH, FRESH, KIND, RAYS, RAY_REACH, OLD, SEED = 3, 4, 5, 6, 7, 8, 9, 10


class Atlas(NamedTuple):
    """All that one seed lays out: the ground, the craters (n, 11; the oldest first) and which of them reach where."""

    ground: Ground
    craters: FloatArray
    crater_bins: Bins
    ray_bins: Bins


def unit_vector(latitude_deg: ArrayLike, longitude_deg: ArrayLike) -> FloatArray:
    """Unit vectors (..., 3) of planetocentric latitude and east longitude, deg."""
    lat, lon = np.radians(latitude_deg), np.radians(longitude_deg)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat) + 0.0 * lon], axis=-1)


def _heading(latitude_deg: float, longitude_deg: float, bearing_deg: float) -> FloatArray:
    """The unit tangent (3,) at a place that points to the bearing (deg east of north)."""
    lat, lon, way = np.radians([latitude_deg, longitude_deg, bearing_deg])
    north = np.array([-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat)])
    east = np.array([-np.sin(lon), np.cos(lon), 0.0])
    return np.asarray(np.cos(way) * north + np.sin(way) * east)


def _random_places(rng: np.random.Generator, count: int) -> FloatArray:
    """Unit vectors (count, 3), evenly spread over the sphere."""
    z, lon = rng.uniform(-1.0, 1.0, count), rng.uniform(0.0, 2.0 * np.pi, count)
    r = np.sqrt(1.0 - z * z)
    return np.stack([r * np.cos(lon), r * np.sin(lon), z], axis=1)


def _tangents(rng: np.random.Generator, centres: FloatArray) -> FloatArray:
    """A random unit tangent (n, 3) at each centre (n, 3)."""
    raw = np.cross(centres, rng.normal(size=centres.shape))
    return np.asarray(raw / np.linalg.norm(raw, axis=1, keepdims=True))


def _blocks(rng: np.random.Generator) -> FloatArray:
    """The dark blocks (`BLOCK_COLUMNS` columns): many-sided; the real regions, and fragments between them."""
    rows = []
    for lat, lon, long, short, bearing in DARK_REGIONS:
        rows.append((unit_vector(lat, lon), _heading(lat, lon, bearing), long, short))
    places = _random_places(rng, FRAGMENTS)
    for place, way, size in zip(places, _tangents(rng, places), rng.pareto(1.3, FRAGMENTS), strict=True):
        long = min(330.0, 55.0 * (1.0 + size))
        if _away_km(place[None], *KITTU[1:3])[0] > 190.0 + long:
            rows.append((place, way, long, long * rng.uniform(0.22, 0.8)))
    table = np.empty((len(rows), BLOCK_COLUMNS))
    for row, (place, way, long, short) in zip(table, rows, strict=True):
        row[:3], row[3:6], row[6:9] = place, RADIUS_KM / long * way, RADIUS_KM / short * np.cross(place, way)
        row[9], row[10] = short, rng.normal(1.0, 0.06)
        angle = (np.arange(SIDES) + rng.uniform(-0.42, 0.42, SIDES)) * 2.0 * np.pi / SIDES
        off = rng.uniform(0.74, 1.08, SIDES)
        row[11::2], row[12::2] = np.cos(angle) / off, np.sin(angle) / off
    return table


def _is_dark(blocks: FloatArray, places: FloatArray, margin: float) -> NDArray[np.bool_]:
    """Which places (n, 3) lie in a dark block, each block stretched by `margin`."""
    dark = np.zeros(len(places), np.bool_)
    for b in blocks:
        u, v = places @ b[3:6], places @ b[6:9]
        out = np.max(u[:, None] * b[None, 11::2] + v[:, None] * b[None, 12::2], axis=1)
        dark |= (out < margin) & (places @ b[:3] > 0.3)
    return dark


def _away_km(places: FloatArray, latitude_deg: float, longitude_deg: float) -> FloatArray:
    """Distances (n,) km along the chord from a named place."""
    return np.asarray(RADIUS_KM * np.linalg.norm(places - unit_vector(latitude_deg, longitude_deg), axis=1))


def _patches(rng: np.random.Generator) -> FloatArray:
    """The Voronoi patches of the ground (`PATCH_COLUMNS` columns)."""
    table = np.empty((PATCHES, PATCH_COLUMNS))
    table[:, :3] = _random_places(rng, PATCHES)
    table[:, 3:6] = _tangents(rng, table[:, :3])
    table[:, 6] = rng.uniform(5.0, 12.0, PATCHES)
    table[:, 7] = table[:, 6] * rng.uniform(0.008, 0.028, PATCHES)
    # some are a mixture of old and new: broken up, not yet bright
    table[:, 9] = np.where(rng.random(PATCHES) < 0.22, rng.uniform(0.2, 0.7, PATCHES), 0.0)
    table[_away_km(table[:, :3], *KITTU[1:3]) < 260.0, 9] = 0.0
    table[:, 8] = rng.normal(0.97, 0.05, PATCHES)
    return table


def _dark_along(blocks: FloatArray, centres: FloatArray, ways: FloatArray, length: FloatArray) -> NDArray[np.bool_]:
    """Which of 11 points along each lane (half `length` km) lie in or near a block: (n, 11)."""
    steps = np.linspace(-0.9, 0.9, 11) * np.minimum(0.8, length / RADIUS_KM)[:, None]
    points = centres[:, None] + steps[..., None] * ways[:, None]
    points /= np.linalg.norm(points, axis=2, keepdims=True)
    return _is_dark(blocks, points.reshape(-1, 3), 1.05).reshape(-1, 11)


def _lanes(rng: np.random.Generator, blocks: FloatArray) -> FloatArray:
    """The lanes, the oldest first (`LANE_COLUMNS` columns): drawn ones, then the named."""
    centres = _random_places(rng, 4 * LANES_DRAWN)
    length = np.exp(rng.normal(math.log(380.0), 0.45, len(centres)))
    width = np.exp(rng.normal(math.log(34.0), 0.6, len(centres)))
    ways = _tangents(rng, centres)
    # few lanes cut the great dark blocks; those are thin, go on long, and end beyond
    blocks = blocks[: len(DARK_REGIONS)]
    dark = _dark_along(blocks, centres, ways, length)
    length *= np.where(dark.any(axis=1), 1.7, 1.0)
    dark = _dark_along(blocks, centres, ways, length)
    through = dark.mean(axis=1)
    wanted = np.where(through == 0.0, 1.0, np.where(dark[:, 0] | dark[:, -1], 0.0, 0.35))
    kept = np.flatnonzero(rng.random(len(centres)) < wanted)[:LANES_DRAWN]
    # long ones over short ones, so that few of the ends are seen
    kept = kept[np.argsort(length[kept] * rng.uniform(0.5, 1.5, len(kept)))]
    centres, ways, length = centres[kept], ways[kept], length[kept]
    width = width[kept] * np.where(through[kept] > 0.3, 0.35, np.where(through[kept] > 0.0, 0.7, 1.0))
    count = len(centres)
    table = np.empty((count + len(LANES), LANE_COLUMNS))
    table[:count, :3], table[:count, 3:6] = centres, ways
    table[:count, 9] = np.minimum(0.8, length / RADIUS_KM)
    table[:count, 10] = np.minimum(width, 0.3 * length) / RADIUS_KM
    for row, (_, lat, lon, bearing, long, wide) in zip(table[count:], LANES, strict=True):
        row[:3], row[3:6] = unit_vector(lat, lon), _heading(lat, lon, bearing)
        row[9:11] = math.sin(min(1.2, long / RADIUS_KM)), wide / RADIUS_KM
    table[:, 6:9] = np.cross(table[:, :3], table[:, 3:6])
    n = len(table)
    table[:, 11] = rng.normal(0.0, 0.16, n)
    table[:, 12] = rng.uniform(5.0, 14.0, n)
    table[:, 13] = np.where(rng.random(n) < 0.2, 0.02, table[:, 12] * rng.uniform(0.010, 0.034, n))
    table[:, 14] = rng.normal(1.0, 0.032, n)
    # a few old lanes are half dark: slivers of old ground broken up by grooves
    table[:, 15] = np.where((rng.random(n) < 0.05) & (np.arange(n) < count), rng.uniform(0.2, 0.6, n), 0.0)
    table[_away_km(table[:, :3], *KITTU[1:3]) < RADIUS_KM * table[:, 9] + 60.0, 15] = 0.0
    table[:, 16], table[:, 17] = rng.normal(0.0, 0.6, n), rng.uniform(-0.45, 0.45, n)
    return table


def _drawn_craters(rng: np.random.Generator) -> FloatArray:
    """Random craters larger than the small ones that are made on demand (`CRATER_COLUMNS` columns)."""
    count = int(ON_DARK * AREA_KM2)
    table = np.zeros((count, CRATER_COLUMNS))
    table[:, :3] = _random_places(rng, count)
    diameter = LARGEST_SMALL_KM / np.sqrt(1.0 - rng.random(count) * (1.0 - (LARGEST_SMALL_KM / 150.0) ** 2))
    table[:, RADIUS] = 0.5 * diameter
    table[:, OLD] = rng.random(count) > YOUNG
    state = rng.random(count)
    table[:, FRESH] = np.where(table[:, OLD] > 0.5, 0.10 + 0.55 * state**1.3, 0.20 + 0.80 * state**1.4)
    rayed = table[:, FRESH] > 0.72
    dark = rng.random(count) < 0.02
    table[:, RAYS] = np.where(rayed, np.where(dark, -0.6, rng.uniform(0.15, 0.8, count) ** 1.2), 0.0)
    # most have only a bright apron; far rays are few, and fewer about the larger ones
    far = np.where(rng.random(count) < 0.13, rng.uniform(7.0, 20.0, count), rng.uniform(2.2, 4.5, count))
    table[:, RAY_REACH] = np.where(rayed, far * np.minimum(1.0, (25.0 / diameter) ** 0.6), 0.0)
    return table


def _named_craters(rng: np.random.Generator) -> FloatArray:
    """The named craters and palimpsests, and the rows of craters (`CRATER_COLUMNS` columns)."""
    rows: list[FloatArray] = []

    def add(place: FloatArray, diameter: float, fresh: float, kind: float, rays: float, reach: float) -> None:
        """One crater more."""
        row = np.zeros(CRATER_COLUMNS)
        row[:3], row[RADIUS] = place, 0.5 * diameter
        row[FRESH], row[KIND], row[RAYS], row[RAY_REACH] = fresh, kind, rays, reach
        rows.append(row)

    for _, lat, lon, diameter in PALIMPSESTS:
        add(unit_vector(lat, lon), diameter, 0.3, PALIMPSEST, 0.0, 0.0)
    for _, lat, lon, diameter, fresh in CRATERS:
        add(unit_vector(lat, lon), diameter, fresh, BOWL, 0.0, 0.0)
    for _, lat, lon, long, bearing, count, rays in CHAINS:
        for along in np.linspace(-0.5, 0.5, count):
            off = (along * long + rng.normal(0.0, 1.0)) / RADIUS_KM
            place = unit_vector(lat, lon) + off * _heading(lat, lon, bearing)
            size = 0.95 * long / count * rng.uniform(0.75, 1.1)
            add(place / np.linalg.norm(place), size, 0.9, BOWL, rays, 3.2)
    for _, lat, lon, diameter, reach in RAYED:
        add(unit_vector(lat, lon), diameter, 0.92, BOWL, 1.0, reach)
    add(unit_vector(*KITTU[1:3]), KITTU[3], 1.0, BOWL, -1.0, 15.0)
    return np.array(rows)


def _craters(rng: np.random.Generator) -> FloatArray:
    """All large craters, the oldest first."""
    drawn, named = _drawn_craters(rng), _named_craters(rng)
    clear = np.ones(len(drawn), np.bool_)
    for row in named:
        # what would stand on a named crater's rim, and was not there, is left out
        away = RADIUS_KM * np.linalg.norm(drawn[:, :3] - row[:3], axis=1)
        clear &= (away > 1.3 * row[RADIUS] + drawn[:, RADIUS]) | (drawn[:, RADIUS] < 0.25 * row[RADIUS])
    kittu = _away_km(drawn[:, :3], *KITTU[1:3])
    clear &= (kittu > 60.0 + 2.0 * drawn[:, RADIUS]) & ((kittu > 260.0) | (drawn[:, RAYS] == 0.0))
    table = np.concatenate([drawn[clear], named])
    table = table[np.argsort(table[:, FRESH], kind="stable")]
    depth = fresh_depth_km(2.0 * table[:, RADIUS]) * (0.15 + 0.85 * np.minimum(1.0, table[:, FRESH] / 0.7))
    table[:, DEPTH] = np.where(table[:, KIND] == PALIMPSEST, 0.0, depth)
    table[:, SEED] = np.round(rng.uniform(0.0, 4000.0, len(table)), 2)
    return table


@lru_cache(maxsize=4)
def atlas(seed: int) -> Atlas:
    """Lay out the world of a seed (a second; kept)."""
    rng = np.random.Generator(np.random.PCG64([seed, 0x6A17]))
    patches, blocks = _patches(rng), _blocks(rng)
    lanes, craters = _lanes(rng, blocks), _craters(rng)
    furrows = np.array(
        [[*unit_vector(-20.0, 180.0), 55.0], [*unit_vector(-38.0, 330.0), 50.0], [*unit_vector(40.0, 50.0), 60.0]]
    )
    reach = np.minimum(1.1, 1.35 / np.linalg.norm(blocks[:, 3:6], axis=1)) + 30.0 / RADIUS_KM
    block_bins = reaching(blocks[:, :3], reach, 24)
    ground = Ground(seed, patches, nearest(patches[:, :3], 40), blocks, block_bins, lanes, _lane_bins(lanes), furrows)
    radii = craters[:, RADIUS] / RADIUS_KM
    rays = reaching(craters[:, :3], np.where(craters[:, RAYS] != 0.0, 1.31 * craters[:, RAY_REACH] * radii, -9.0), 48)
    return Atlas(ground, craters, reaching(craters[:, :3], 1.1 * REACH * radii, 64), rays)


def _lane_bins(lanes: FloatArray) -> Bins:
    """Bins of the lanes: each strewn with points along its bent middle, and those with what they reach."""
    steps = np.linspace(-1.0, 1.0, 41)
    along = steps[None, :] * lanes[:, 9, None]
    across = lanes[:, 11, None] * along**2
    lift = np.sqrt(np.maximum(0.0, 1.0 - along**2 - across**2))
    points = (
        lift[..., None] * lanes[:, None, :3]
        + along[..., None] * lanes[:, None, 3:6]
        + across[..., None] * lanes[:, None, 6:9]
    )
    reach = np.repeat(1.5 * lanes[:, 10] + 0.03 * lanes[:, 9] + 30.0 / RADIUS_KM, len(steps))
    many = reaching(points.reshape(-1, 3), reach, 64)
    # each lane once in a cell, in the order of age
    cell = np.repeat(np.arange(len(many.start) - 1), np.diff(many.start))
    pairs = np.unique(cell * len(lanes) + many.items // len(steps))
    start = np.searchsorted(pairs, np.arange(len(many.start)) * len(lanes))
    return Bins(many.across, start.astype(np.int64), pairs % len(lanes))
