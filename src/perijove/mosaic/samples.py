"""Samples: what every look saw of the same ground, on one coarse equal-area map.

What is compared is the mean light of squares of that map. A look that sees ground aslant or from afar blurs it, and
shows a little of it beside its place: px by px, bright and dark would differ less in it. A veil that glows makes them
differ less too, so that blur would be taken for glow (a fifth too much, and dark belts then come out too dark).
"""

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
BOX = 5
"""Side of the squares whose mean light is compared, px: 2750 km of Jupiter, thirteen camera px from 300 000 km."""
LEAST_WEIGHT = 0.5
"""Weight of the framelets behind a pixel from which it is used: the edges of a strip are left out."""
LEAST_EMISSION = 0.1
"""Cosine of emission from which ground is used, if it lies clear of the limb."""
CLEAR_PX = 2.5
"""Camera px, as averaged, within which of the limb ground is left out: the sky beside it is in them."""
CLEAR_EMISSION = 0.13
"""Cosine of emission from which ground is to be clear of the limb: px are averaged only as far as that leaves."""
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
    """Samples of looks, in the order given, of the ground that each sees well; each the mean of a square of `BOX` px.

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
    swaths = [_coarse(swath, look, body, grid) for swath in look.swaths]
    px_km = limb_px_km(look, body) * max((swath.binning for swath in swaths), default=1)
    planes = prepare(
        swaths, body, et0, grid,
        sun_direction=sun, interpolation="bilinear", horizon=max(LEAST_EMISSION, emission_at(CLEAR_PX * px_km, body)),
        drift=None if winds is None else winds.drift(body, look.et - et0),
    ).planes(threads=1)  # fmt: skip
    seen_at = np.stack([planes.cos_incidence, planes.cos_emission, planes.phase])
    angles = boxed(np.where(planes.cos_incidence > LEAST_INCIDENCE, seen_at, np.nan))
    one, error = _bands(planes, bands)
    light, sigma = boxed(one), np.sqrt(boxed(np.square(error))) / BOX
    seen = np.isfinite(angles).all(axis=0) & np.isfinite(light).any(axis=0)
    place = np.flatnonzero(seen)
    release()
    return _Part(place, light[:, seen], sigma[:, seen], angles[:, seen])


def boxed(planes: NDArray[np.floating]) -> FloatArray:
    """Means (n, h, w) over squares of `BOX` px about each px; NaN where any of them is NaN or outside."""
    out = planes.astype(float)
    for axis in (1, 2):
        line = np.moveaxis(out, axis, 0)
        total = np.full(line.shape, np.nan)
        count = max(len(line) - BOX + 1, 0)
        if count:
            total[BOX // 2 : BOX // 2 + count] = sum(line[k : k + count] for k in range(BOX)) / BOX
        out = np.moveaxis(total, 0, axis)
    return out


def limb_px_km(look: Look, body: Body) -> float:
    """Size, km, of a camera px at the limb of a body that a look sees."""
    radius = float(np.mean(body.radii_km))
    away = float(look.position_km @ look.position_km) - radius**2
    return float(np.sqrt(max(away, 1.0))) / FOCAL_LENGTH_PX


def emission_at(inside_km: float, body: Body) -> float:
    """Cosine of emission of ground whose line of sight passes so far inside the limb, by a sphere."""
    share = min(inside_km / float(np.mean(body.radii_km)), 1.0)
    return float(np.sqrt(share * (2.0 - share)))


def _coarse(swath: Swath, look: Look, body: Body, grid: MapGrid) -> Swath:
    """A swath whose pixels are about as large as the map's where it is finest, or as the limb asks for."""
    away = float(np.linalg.norm(look.position_km)) - min(body.radii_km)
    px_km = limb_px_km(look, body) * swath.binning
    near, limb = max(away, 1.0) * swath.binning / FOCAL_LENGTH_PX, CLEAR_PX * px_km
    some = [f for f in FACTORS if f <= coarsest_factor(swath) and f * near <= grid.scale_km]
    swath = coarser(swath, max([1, *(f for f in some if emission_at(f * limb, body) <= CLEAR_EMISSION)]))
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
