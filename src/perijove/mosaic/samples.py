"""Samples: what every look saw of the same ground, on one coarse equal-area map."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perijove.bodies import Body
from perijove.calibrate.quality import Quality
from perijove.geometry.mapextent import Bounds, Wish, choose_grid
from perijove.geometry.mapgrid import MapGrid
from perijove.instrument import FOCAL_LENGTH_PX, Filter
from perijove.mosaic.look import Look
from perijove.render.coarser import FACTORS, coarser, coarsest_factor
from perijove.render.engine import prepare
from perijove.render.planes import Planes
from perijove.render.threads import processors
from perijove.spill import release
from perijove.swath import Swath
from perijove.winds import ZonalWinds

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

SIDE = 520
"""Pixels across the map of a whole body: 550 km of Jupiter, and a hundred to two hundred thousand where a look sees."""
PATCH = 12
"""Side of a patch, px: samples of one patch are neighbours, whose errors go together."""
LEAST_WEIGHT = 0.5
"""Weight of the framelets behind a pixel from which it is used: the edges of a strip are left out."""
LEAST_EMISSION = 0.1
"""Cosine of emission from which ground is used."""
LEAST_INCIDENCE = -0.12
"""The same for incidence: beyond 7 deg behind the terminator there is no light to compare."""


@dataclass(frozen=True)
class Samples:
    """What looks saw of places: n samples, each of one place by one look, in the order of the looks.

    `look` (n,) and `place` (n,) say which; `light` and `sigma` (bands, n) I/F, NaN where that band is not to be used;
    `cos_i`, `cos_e`, `phase` (n,) the angles under which it was seen. `latitude` (places,) planetocentric, rad;
    `patch` (places,) numbers the patch of a place. `units` (looks, bands) are the I/F of one DN, NaN without the band.
    """

    names: tuple[str, ...]
    bands: tuple[Filter, ...]
    look: IntArray
    place: IntArray
    light: FloatArray
    sigma: FloatArray
    cos_i: FloatArray
    cos_e: FloatArray
    phase: FloatArray
    latitude: FloatArray
    patch: IntArray
    units: FloatArray


@dataclass(frozen=True)
class _Part:
    """The samples of one look; `place` are numbers of the map's pixels."""

    place: IntArray
    light: FloatArray
    sigma: FloatArray
    angles: FloatArray


def take_samples(
    looks: Sequence[Look], body: Body, et0: float, *, winds: ZonalWinds | None = None, threads: int | None = None
) -> Samples:
    """Samples of looks, in the order given, of the ground that each sees well.

    `winds` carry clouds to `et0` (ET, s) before they are compared. The map takes in all that is seen, whatever part of
    it is to be drawn later.
    """
    grid = common_grid(looks, body)
    present = {swath.band for look in looks for swath in look.swaths}
    bands = tuple(band for band in Filter if band in present)
    with ThreadPoolExecutor(min(threads or processors(), len(looks))) as pool:
        parts = list(pool.map(lambda look: _part(look, body, et0, grid, bands, winds), looks))
    flat = np.concatenate([part.place for part in parts])
    used, place = np.unique(flat, return_inverse=True)
    line, sample = used // grid.width, used % grid.width
    patch = np.unique(line // PATCH * grid.width + sample // PATCH, return_inverse=True)[1]
    angles = np.concatenate([part.angles for part in parts], axis=1)
    units = np.full((len(looks), len(bands)), np.nan)
    for k, look in enumerate(looks):
        for swath in look.swaths:
            units[k, bands.index(swath.band)] = swath.unit
    return Samples(
        names=tuple(look.name for look in looks),
        bands=bands,
        look=np.repeat(np.arange(len(looks)), [len(part.place) for part in parts]),
        place=place.astype(np.int64),
        light=np.concatenate([part.light for part in parts], axis=1),
        sigma=np.concatenate([part.sigma for part in parts], axis=1),
        cos_i=angles[0],
        cos_e=angles[1],
        phase=angles[2],
        latitude=np.asarray(grid.place_of(line + 0.5, sample + 0.5)[..., 0], float),
        patch=patch.astype(np.int64),
        units=units,
    )


def common_grid(looks: Sequence[Look], body: Body) -> MapGrid:
    """An equal-area map of the whole body, about what most looks see."""
    ahead = np.sum([look.position_km / np.linalg.norm(look.position_km) for look in looks], axis=0)
    centre = float(np.arctan2(ahead[2], np.hypot(ahead[0], ahead[1]))), float(np.arctan2(ahead[1], ahead[0]))
    whole = Bounds(-np.pi, -np.pi / 2, np.pi, np.pi / 2)
    wish = Wish("laea", scale_km=4.0 * max(body.radii_km) / SIDE, centre=centre, bounds=whole)
    return choose_grid(wish, body, np.empty(0), np.empty(0), native_km=1.0)


def _part(
    look: Look, body: Body, et0: float, grid: MapGrid, bands: tuple[Filter, ...], winds: ZonalWinds | None
) -> _Part:
    """The samples of one look."""
    sun = body.body_from_j2000(look.et).T @ look.sun if np.isfinite(look.sun).all() else None
    away = float(np.linalg.norm(look.position_km)) - min(body.radii_km)
    planes = prepare(
        [_coarse(swath, grid.scale_km * FOCAL_LENGTH_PX / max(away, 1.0)) for swath in look.swaths], body, et0, grid,
        sun_direction=sun, interpolation="bilinear", horizon=LEAST_EMISSION,
        drift=None if winds is None else winds.drift(body, look.et - et0),
    ).planes(threads=1)  # fmt: skip
    angles = np.stack([planes.cos_incidence, planes.cos_emission, planes.phase])
    seen = np.isfinite(angles).all(axis=0) & (angles[0] > LEAST_INCIDENCE)
    light, sigma = _bands(planes, bands)
    seen &= np.isfinite(light).any(axis=0)
    place = np.flatnonzero(seen)
    release()
    return _Part(place, light[:, seen].astype(float), sigma[:, seen].astype(float), angles[:, seen].astype(float))


def _coarse(swath: Swath, camera_px: float) -> Swath:
    """A swath whose pixels are about as large as the map's, which spans `camera_px` of the camera's where it is
    finest."""
    most = min(coarsest_factor(swath), camera_px / swath.binning)
    swath = coarser(swath, max(factor for factor in FACTORS if factor == 1 or factor <= most))
    if swath.variance is None:
        return replace(swath, variance=np.zeros_like(swath.light))
    return swath


def _bands(planes: Planes, bands: tuple[Filter, ...]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Light and sigma (bands, h, w), NaN where they are not to be used."""
    shape = (len(bands), *planes.hit.shape)
    light, sigma = np.full(shape, np.nan, np.float32), np.full(shape, np.nan, np.float32)
    for k, band in enumerate(planes.bands):
        good = (planes.weight[k] >= LEAST_WEIGHT) & (planes.quality[k] & np.uint8(Quality.FULL) == 0)
        good &= np.isfinite(planes.light[k]) & np.isfinite(planes.sigma[k])
        b = bands.index(band)
        light[b][good], sigma[b][good] = planes.light[k][good], planes.sigma[k][good]
    return light, sigma
