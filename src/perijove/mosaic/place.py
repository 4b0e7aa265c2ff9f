"""Placing: one look's light on a part of the common grid, brought to common angles, with what weighs it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from perijove.bodies import Body
from perijove.calibrate.noise import ELECTRONS_PER_DN, READ_NOISE_DN
from perijove.geometry.projection import RUN
from perijove.geometry.view import View
from perijove.instrument import FOCAL_LENGTH_PX, Filter
from perijove.mosaic.angles import Angles
from perijove.mosaic.balance import Balance
from perijove.mosaic.brim import FULL, with_border
from perijove.mosaic.look import Look
from perijove.mosaic.sight import Sight, weigh_rows
from perijove.observation.parked import MANY
from perijove.render.backplanes import measure_places, measure_rows, measure_sightings
from perijove.render.coarser import FACTORS, coarser, coarsest_factor
from perijove.render.drift import carried
from perijove.render.engine import Prepared, prepare, sun_in_body
from perijove.render.framelets import FrameTable, Uncertainty
from perijove.render.planes import Grid, native_px
from perijove.render.rays import HIT, cast_rows
from perijove.render.threads import processors
from perijove.spill import release, spilled_together

FloatArray = NDArray[np.float64]
Plane = NDArray[np.float32]
Bits = NDArray[np.uint8]
BoolArray = NDArray[np.bool_]

TELLING = 50.0
"""Detail is compared between looks where their light can be trusted at all: the inverse of twice the least trust."""
DEEP_NIGHT = (-0.15, -0.25)
"""Cosines of incidence from which, in a view, ground begins to be night, and from which it is: haze is lit for 5 deg
beyond the terminator, and a look at a grazing angle sees it from as far again. There looks weigh by their noise, from
however far they saw it."""
DUSK = (-0.1, -0.15)
"""The same of ground as a look saw it: what it shows of it further in the night is the night's, and as good as any."""
FULL_SHARE = 0.98
"""Share of the light of a full pixel from which on a rendered one counts as full."""


@dataclass(frozen=True)
class Site:
    """A part of the grid: its `rows` and `columns`, which on a map that goes round may reach beyond either end.

    `points` (h, 3, w) km of b0 and `kind` (h, w) are those of `render.rays.cast_rows`; the backplanes (h, w) are those
    of `Planes`, the angles NaN on a map.
    """

    rows: slice
    columns: slice
    points: FloatArray
    kind: FloatArray
    latitude: Plane
    longitude: Plane
    angles: Angles
    hit: BoolArray
    altitude_km: Plane

    def part(self, rows: slice, columns: slice) -> Site:
        """A part of it, by its own rows and columns."""
        cut = (rows, columns)
        angles = Angles(
            *(
                np.ascontiguousarray(a[cut])
                for a in (self.angles.cos_incidence, self.angles.cos_emission, self.angles.phase)
            )
        )
        return Site(
            slice(self.rows.start + rows.start, self.rows.start + rows.stop),
            slice(self.columns.start + columns.start, self.columns.start + columns.stop),
            np.ascontiguousarray(self.points[rows][:, :, columns]), np.ascontiguousarray(self.kind[cut]),
            self.latitude[cut], self.longitude[cut], angles, np.ascontiguousarray(self.hit[cut]), self.altitude_km[cut],
        )  # fmt: skip

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.kind.shape[0], self.kind.shape[1]


class Run(NamedTuple):
    """Columns of a site that follow one another on the grid too: `at` which of the site's they are, and which of the
    grid's are `asked` for, the first `ahead` of which are left out."""

    at: slice
    asked: slice
    ahead: int


@dataclass(frozen=True)
class Placed:
    """One look on a site: `light` and `sigma` (bands, h, w) in I/F at the common angles, NaN unseen, its `quality`
    bits and rendered `weight`, all in the order of its own bands; `full` (h, w) where any band is.

    `choice` (h, w) weighs it where the best look is chosen, `worth` (h, w) where all are averaged against noise, both 0
    where it cannot see. `sharp` (h, w) is `worth` before the light was trusted less, `alike` (h, w) how far, 0 to 1,
    it sees the same as the picture would. `noise` (bands, h, w) is the sigma that weighs it: that before the law made
    the light fainter.
    """

    bands: tuple[Filter, ...]
    light: Plane
    sigma: Plane
    quality: Bits
    weight: Plane
    full: BoolArray
    choice: Plane
    worth: Plane
    sharp: Plane
    alike: Plane
    noise: Plane


@dataclass(frozen=True)
class Stage:
    """Looks made ready for one grid in the frame b0 of `et0`; `drifts` (None where nothing moves) one each.

    `brims` tells that the grid is a view and some look has full pixels, `wraps` that it goes round the whole body: its
    first column follows its last one.
    """

    looks: tuple[Look, ...]
    prepared: tuple[Prepared, ...]
    body: Body
    et0: float
    grid: Grid
    sun: FloatArray
    balance: Balance | None
    spread: float
    wraps: bool
    brims: bool

    def on(self, grid: Grid) -> Stage:
        """The same looks ready for another grid."""
        prepared = tuple(parked_tables(one.on(grid), len(self.looks)) for one in self.prepared)
        return replace(self, prepared=prepared, grid=grid, wraps=goes_round(grid))

    def shrunk(self, grid: Grid, step: int) -> Stage:
        """The looks ready for a grid whose pixels are `step` of the own ones, their pixels averaged beforehand."""
        prepared = []
        for one in self.prepared:
            span = step / one.native
            some = [f for f in FACTORS if f == 1 or f <= min(span / 2, *(coarsest_factor(s) for s in one.swaths))]
            few = tuple(coarser(swath, max(some)) for swath in one.swaths)
            prepared.append(replace(one, swaths=few).on(grid))
            release()
        return replace(self, prepared=tuple(prepared), grid=grid, wraps=goes_round(grid))

    def site(self, rows: slice, columns: slice) -> Site:
        """The geometry of a part of the grid."""
        shape = rows.stop - rows.start, columns.stop - columns.start
        points, kind = np.empty((shape[0], 3, shape[1])), np.empty(shape)
        altitude = np.full(shape, np.nan, np.float32)
        stack, hit = np.full((5, *shape), np.nan, np.float32), np.empty(shape, np.bool_)
        if isinstance(self.grid, View):
            radii = np.array(self.body.radii_km)
            cast_rows(rows.start, self.grid.ray_basis(), radii, points, kind, altitude, columns.start)
            measure_rows(points, kind, self.grid.position_km, self.sun, radii, stack, hit)
        else:
            for run in self.runs(columns):
                there, shown = self.grid.points(rows, run.asked)
                points[:, :, run.at] = there[:, :, run.ahead :]
                kind[:, run.at] = np.where(shown[:, run.ahead :], HIT, 1.0)
            for r in range(shape[0]):
                measure_places(points[r, 0], points[r, 1], points[r, 2], kind[r], stack[0, r], stack[1, r], hit[r])
        angles = Angles(stack[2], stack[3], stack[4])
        return Site(rows, columns, points, kind, stack[0], stack[1], angles, hit, altitude)

    def runs(self, columns: slice) -> list[Run]:
        """Columns that may reach around the grid, as runs of its own columns."""
        out, width, column = [], self.grid.width, columns.start
        while column < columns.stop:
            there = column % width
            count = min(width - there, columns.stop - column)
            at, ahead = column - columns.start, there % RUN
            out.append(Run(slice(at, at + count), slice(there - ahead, there + count), ahead))
            column += count
        return out

    def place(self, k: int, site: Site) -> Placed:
        """Look k on a site."""
        look, prepared = self.looks[k], self.prepared[k]
        parts = [
            prepared.planes(site.rows.start, site.rows.stop, run.asked.start, run.asked.stop, threads=1)
            for run in self.runs(site.columns)
        ]

        def joined(name: str) -> NDArray[Any]:
            """One kind of plane, runs side by side."""
            some = [getattr(p, name)[..., run.ahead :] for p, run in zip(parts, self.runs(site.columns), strict=True)]
            return some[0] if len(some) == 1 else np.concatenate(some, axis=-1)

        light, weight = joined("light"), joined("weight")
        units = np.array([swath.unit for swath in look.swaths], np.float32)[:, None, None]
        doubted = len(parts[0].sigma) > 0
        sigma = joined("sigma") if doubted else noise_of(light, units)
        quality = joined("quality") if doubted else np.zeros(light.shape, np.uint8)
        full: BoolArray = np.asarray((light >= np.float32(FULL_SHARE * look.full_dn) * units).any(axis=0))
        full |= ((quality & FULL) > 0).any(axis=0)
        choice, worth = np.empty(site.shape, np.float32), np.empty(site.shape, np.float32)
        alike = np.empty(site.shape, np.float32)
        weigh_rows(self.sight(k), site.points, site.kind, choice, worth, alike)
        choice += (worth - choice) * night_share(site.angles.cos_incidence)
        sharp, noise = worth, sigma
        bands = parts[0].bands
        if self.balance is not None:
            seen = by_night(self.angles_seen(prepared, joined("frame"), site))
            wanted = by_night(site.angles) if isinstance(self.grid, View) else None
            index = self.balance.names.index(look.name)
            brought = self.balance.bring(index, light, sigma, seen, wanted, bands=bands)
            # what the law makes fainter is none the surer for it
            noise = np.maximum(brought.sigma, sigma)
            light, sigma, trust = brought.light, brought.sigma, brought.trust
            if wanted is not None:
                # day made night by the law is no measurement of the night
                dark = night_share(wanted.cos_incidence)
                trust = np.asarray(trust * (1.0 - dark * (1.0 - night_share(seen.cos_incidence, DUSK))), np.float32)
            worth, choice = worth * trust, choice * trust
            alike = alike * np.minimum(trust * np.float32(TELLING), np.float32(1.0))
        return Placed(
            bands,
            light,
            sigma,
            quality,
            np.minimum(weight, np.float32(1.0)),
            full,
            choice,
            worth,
            sharp,
            alike,
            noise,
        )

    def angles_seen(self, prepared: Prepared, frames: Plane, site: Site) -> Angles:
        """The angles under which a look saw the ground of a site, by the frames (bands, h, w) that did."""
        points = carried(prepared.drift, site.points, site.kind)
        out, done = np.full((3, *site.shape), np.nan, np.float32), ~site.hit
        for index in prepared.by_reference():
            table = prepared.tables[1][index]
            measure_sightings(points, frames[index], done, table.cameras, table.suns, np.array(self.body.radii_km), out)
        return Angles(out[0], out[1], out[2])

    def sight(self, k: int) -> Sight:
        """From where look k and the picture see."""
        look, body = self.looks[k], self.body
        binning = look.swaths[0].binning
        if isinstance(self.grid, View):
            viewpoint, area = self.grid.position_km, 1.0 / (native_px(self.grid) * binning) ** 2
        else:
            viewpoint, area = np.empty(0), (self.grid.scale_km * FOCAL_LENGTH_PX / binning) ** 2
        turned = body.body_from_j2000(self.et0) @ body.body_from_j2000(look.et).T @ look.position_km
        return Sight(
            np.ascontiguousarray(viewpoint, float), np.ascontiguousarray(look.position_km, float),
            np.ascontiguousarray(turned), 1.0 / np.square(body.radii_km), float(np.mean(body.radii_km)),
            self.spread, area,
        )  # fmt: skip


def stage(
    looks: Sequence[Look],
    body: Body,
    et0: float,
    grid: Grid,
    *,
    balance: Balance | None,
    drifts: Sequence[FloatArray | None],
    sun_direction: FloatArray | None,
    interpolation: str,
    horizon: float | None,
    spread: float,
    threads: int | None = None,
) -> Stage:
    """Make looks ready for a grid; the arguments are those of `fuse.prepare_mosaic`."""

    def ready(look: Look, drift: FloatArray | None) -> Prepared:
        bordered = [with_border(swath) for swath in look.swaths]
        prepared = prepare(
            bordered, body, et0, grid,
            sun_direction=sun_direction, interpolation=interpolation, backplanes=False, horizon=horizon,
            sources=balance is not None, drift=drift,
        )  # fmt: skip
        return parked_tables(prepared, len(looks))

    with ThreadPoolExecutor(threads or processors()) as pool:
        prepared = tuple(pool.map(ready, looks, drifts))
    sun = sun_in_body(body, et0, sun_direction)
    marks = (swath.quality for look in looks for swath in look.swaths)
    brims = isinstance(grid, View) and any(bits is not None and bool((bits & FULL).any()) for bits in marks)
    return Stage(tuple(looks), prepared, body, et0, grid, sun, balance, spread, goes_round(grid), brims)


def parked_tables(prepared: Prepared, looks: int) -> Prepared:
    """The same with its coarser pixels and its survey out of memory, where it is one of many looks."""
    if looks < MANY:
        return prepared

    planes: list[NDArray[Any]] = []
    for some in prepared.tables.values():
        planes += [plane for table in some for plane in (table.light, table.known.variance, table.known.quality)]
    surveyed = prepared.surveyed
    if surveyed is not None:
        planes += [surveyed.spans, surveyed.cosines]
    file = dict(zip(map(id, planes), spilled_together(planes), strict=True))

    def put_away(table: FrameTable) -> FrameTable:
        known = Uncertainty(file[id(table.known.variance)], file[id(table.known.quality)])
        return replace(table, light=file[id(table.light)], known=known)

    tables = {factor: tuple(put_away(table) for table in some) for factor, some in prepared.tables.items()}
    if surveyed is not None:
        surveyed = replace(surveyed, spans=file[id(surveyed.spans)], cosines=file[id(surveyed.cosines)])
    release()
    return replace(prepared, tables=tables, surveyed=surveyed)


def by_night(angles: Angles) -> Angles:
    """The same angles, no deeper in the night than `DEEP_NIGHT`: there the law of light has nothing more to say."""
    return replace(angles, cos_incidence=np.maximum(angles.cos_incidence, np.float32(DEEP_NIGHT[1])))


def night_share(cos_incidence: Plane, between: tuple[float, float] = DEEP_NIGHT) -> Plane:
    """How far (h, w), 0 to 1, ground lies in the night, where angles tell nothing and only noise counts; 0 unknown.

    Night begins, and is all there is, at the cosines of incidence `between` which it deepens.
    """
    first, last = between
    part = np.clip((first - np.nan_to_num(cos_incidence, nan=1.0)) / (first - last), 0.0, 1.0)
    share: Plane = (part * part * (3.0 - 2.0 * part)).astype(np.float32)
    return share


def noise_of(light: Plane, units: Plane) -> Plane:
    """Sigma of light (bands, h, w) whose pixels come without variance: shot and read noise, units (bands, 1, 1)."""
    dn = np.maximum(light / units, np.float32(0.0))
    noise: Plane = np.sqrt(dn / np.float32(ELECTRONS_PER_DN) + np.float32(READ_NOISE_DN**2)) * units
    return noise


def goes_round(grid: Grid) -> bool:
    """Whether the first column of a grid follows its last one around the body, on every row."""
    if isinstance(grid, View) or grid.width < 4:
        return False
    rows = np.linspace(0, grid.height - 1, 5).round()[:, None]
    columns = np.array([0, 1, grid.width - 1])
    places = grid.place_of(rows, columns)
    if not np.isfinite(places).all() or np.ptp(places[..., 0], axis=1).max() > 1e-9:
        return False
    east = places[..., 1]
    step, across = east[:, 1] - east[:, 0], east[:, 0] - east[:, 2]
    apart = (across - step + np.pi) % (2.0 * np.pi) - np.pi
    return bool((np.abs(apart) < 1e-3 * np.abs(step)).all())
