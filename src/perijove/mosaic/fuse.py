"""Fusion: many looks at one body become one picture or map, any part of which can be asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.bodies import Body
from perijove.errors import UsageError
from perijove.geometry.view import View
from perijove.instrument import Filter
from perijove.mosaic.angles import angles_from
from perijove.mosaic.balance import Balance
from perijove.mosaic.coarse import Fields, survey_looks
from perijove.mosaic.look import Look
from perijove.mosaic.merge import GONE, Merged, Mode, Stack, merge
from perijove.mosaic.place import Placed, Site, Stage, stage
from perijove.mosaic.pyramid import LATTICE
from perijove.mosaic.pyramid import REACH as PYRAMID_REACH
from perijove.mosaic.reject import DOUBTED, MOST_RADIUS, fill_holes, find_colours, find_hits
from perijove.mosaic.reject import REACH as REJECT_REACH
from perijove.render.engine import INTERPOLATIONS
from perijove.render.planes import Grid, Planes
from perijove.render.threads import run_blocks
from perijove.spill import release
from perijove.winds import ZonalWinds

FloatArray = NDArray[np.float64]
Plane = NDArray[np.float32]
Bits = NDArray[np.uint8]
Counts = NDArray[np.int64]

SPREAD = float(np.radians(5.0))
"""Angle at the ground, between a view's own line and a look's, at which the look weighs a quarter, rad."""
REJECT = 6.0
"""Sigma from which what only one look has is taken for a hit."""
SIDES = (1024, 768, 512, 384, 256, 192, 128)
"""Rows and columns of a grid that are merged at a time."""
ROOM = 500e6
"""Bytes that the looks of one block may take, about; with more looks blocks are smaller."""


@dataclass(frozen=True)
class Fused:
    """A part of a mosaic: `planes` as of the renderer, the angles being those that the light was brought to.

    On a map they are normal incidence and emission, or where the light was left as it was those of the heaviest look.
    `planes.weight` is the sum of the looks' own, `planes.quality` has the bits of the heaviest. Of each pixel (h, w):
    `strip` the number of the look that weighs most, -1 where there is none, `time_s` when it was taken, in s from the
    epoch (NaN), `count` the looks used and `rejected` those left out for a hit, in any filter. `hits` (looks, bands)
    counts the pixels left out in this part.
    """

    planes: Planes
    strip: NDArray[np.int16]
    time_s: Plane
    count: Bits
    rejected: Bits
    hits: Counts


@dataclass(frozen=True)
class Mosaic:
    """Looks made ready to be fused on one grid; see `prepare_mosaic`.

    `names` are those of the looks in order, `bands` the filters that any of them has. `full` maps a filter to the I/F
    from which a pixel of the shortest exposure is full. `share` (looks,) is the part of what is shown in which each
    weighs most, about.
    """

    stage: Stage
    fields: Fields
    mode: Mode
    reject: float
    seam_px: float | None
    threads: int | None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the looks, in order."""
        return tuple(look.name for look in self.stage.looks)

    @property
    def bands(self) -> tuple[Filter, ...]:
        """The filters of any look, in their usual order."""
        present = {swath.band for look in self.stage.looks for swath in look.swaths}
        return tuple(band for band in Filter if band in present)

    @property
    def grid(self) -> Grid:
        """The grid of the whole."""
        return self.stage.grid

    @property
    def native(self) -> float:
        """Output pixels a camera pixel spans, as of `Prepared.native`: of the look with the finest."""
        return min(prepared.native for prepared in self.stage.prepared)

    @property
    def radius(self) -> int:
        """Size of a camera pixel in whole output pixels, within what the search for hits can take."""
        return int(np.clip(round(self.native), 1, MOST_RADIUS))

    @property
    def full(self) -> Mapping[Filter, float]:
        """I/F from which a pixel of the shortest exposure is full."""
        out: dict[Filter, float] = {}
        for look in self.stage.looks:
            for swath in look.swaths:
                out[swath.band] = max(out.get(swath.band, 0.0), look.full_dn * swath.unit)
        return out

    @property
    def share(self) -> tuple[float, ...]:
        """Part of what is shown in which each look weighs most, by the coarse pass."""
        return self.fields.share

    def sees(self, rows: slice, columns: slice) -> bool:
        """Whether any look may see something of a block of the grid."""
        return bool(self.fields.looks_at(rows, columns))

    def on(self, grid: Grid) -> Mosaic:
        """The same looks ready for another grid."""
        staged = self.stage.on(grid)
        fields = survey_looks(staged, self.seam_px, self.threads)
        return Mosaic(staged, fields, self.mode, self.reject, self.seam_px, self.threads)

    def planes(self, first: int = 0, last: int | None = None, left: int = 0, right: int | None = None) -> Fused:
        """The rows from `first` to before `last` and the columns `left` to before `right`, else all of them.

        A pixel has the same bits whatever part is asked for.
        """
        last = self.grid.height if last is None else last
        right = self.grid.width if right is None else right
        if not (0 <= first < last <= self.grid.height and 0 <= left < right <= self.grid.width):
            raise UsageError(
                f"rows {first} to {last} and columns {left} to {right} do not lie in a mosaic of "
                f"{self.grid.width} x {self.grid.height} px: ask for a part of it"
            )
        out = self._empty(last - first, right - left)
        blocks = self._blocks(first, last, left, right)

        def work(index: int) -> None:
            rows, columns = blocks[index]
            hits = self._fill(rows, columns, (first, left), out)
            counted[index] = hits
            release()

        counted: dict[int, Counts] = {}
        run_blocks(work, range(len(blocks)), self.threads)
        for index in sorted(counted):
            out.hits[...] += counted[index]
        return out

    def _blocks(self, first: int, last: int, left: int, right: int) -> list[tuple[slice, slice]]:
        """Blocks that cover a part of the grid; how large they are changes no bit of what comes out."""
        each, halo = 4 * (5 * len(self.bands) + 6), self.halo
        for side in SIDES:
            blocks = [
                (slice(row, min(row + side, last)), slice(column, min(column + side, right)))
                for row in range(first, last, side)
                for column in range(left, right, side)
            ]
            most = max(len(self.fields.looks_at(*block)) for block in blocks)
            if each * most * (side + 2 * halo) ** 2 <= ROOM:
                break
        return blocks

    @property
    def halo(self) -> int:
        """How far beyond a block its pixels depend on what is there, px."""
        reach = REJECT_REACH + (PYRAMID_REACH if self.mode is Mode.BLEND else 0)
        return int(-(-reach // LATTICE) * LATTICE)

    def _site(self, rows: slice, columns: slice) -> Site:
        """A block and its surroundings, as far as there are any, from a place of the lattice on."""
        halo = self.halo
        top, bottom = max(rows.start - rows.start % LATTICE - halo, 0), min(rows.stop + halo, self.grid.height)
        start, stop = columns.start - columns.start % LATTICE - halo, columns.stop + halo
        if not self.stage.wraps:
            start, stop = max(start, 0), min(stop, self.grid.width)
        return self.stage.site(slice(top, bottom), slice(start, stop))

    def _empty(self, height: int, width: int) -> Fused:
        """Room for a part of the mosaic."""
        shape, bands = (height, width), (len(self.bands), height, width)

        def plane() -> Plane:
            return np.full(shape, np.nan, np.float32)

        planes = Planes(
            bands=self.bands,
            grid=self.grid,
            light=np.full(bands, np.nan, np.float32),
            weight=np.zeros(bands, np.float32),
            latitude=plane(), longitude=plane(), cos_incidence=plane(), cos_emission=plane(), phase=plane(),
            hit=np.zeros(shape, np.bool_),
            altitude_km=plane(),
            sigma=np.full(bands, np.nan, np.float32),
            quality=np.zeros(bands, np.uint8),
            native=self.native,
        )  # fmt: skip
        counts = np.zeros((len(self.stage.looks), len(self.bands)), np.int64)
        zeros = np.zeros(shape, np.uint8)
        return Fused(planes, np.full(shape, -1, np.int16), plane(), zeros, zeros.copy(), counts)

    def _fill(self, rows: slice, columns: slice, origin: tuple[int, int], out: Fused) -> Counts:
        """Fuse a block into its place; the hits in it."""
        # what is beside the block decides about the block: all looks there are asked
        site = self._site(rows, columns)
        looks = self.fields.looks_at(site.rows, site.columns)
        inner = (
            slice(rows.start - site.rows.start, rows.stop - site.rows.start),
            slice(columns.start - site.columns.start, columns.stop - site.columns.start),
        )
        row, column = origin
        into = (slice(rows.start - row, rows.stop - row), slice(columns.start - column, columns.stop - column))
        block = Block(self, site, inner, into, out)
        block.geometry()
        if not looks:
            return np.zeros_like(out.hits)
        return block.fuse(looks)


@dataclass(frozen=True)
class Block:
    """A block at work: the `inner` part of a site goes `into` its place in what is made."""

    mosaic: Mosaic
    site: Site
    inner: tuple[slice, slice]
    into: tuple[slice, slice]
    out: Fused

    def geometry(self) -> None:
        """Fill the backplanes."""
        site, planes = self.site, self.out.planes
        for plane, values in (
            (planes.latitude, site.latitude),
            (planes.longitude, site.longitude),
            (planes.hit, site.hit),
            (planes.altitude_km, site.altitude_km),
            (planes.cos_incidence, site.angles.cos_incidence),
            (planes.cos_emission, site.angles.cos_emission),
            (planes.phase, site.angles.phase),
        ):
            plane[self.into] = values[self.inner]

    def fuse(self, looks: Sequence[int]) -> Counts:
        """Fill the light and what it came from; the hits."""
        stage, fields = self.mosaic.stage, self.mosaic.fields
        placed = []
        for k in looks:
            one = stage.place(k, self.site)
            weights = fields.at(k, self.site)
            one.choice[...] *= weights[0] * weights[2] * one.weight.min(axis=0)
            one.worth[...] *= weights[1] * weights[2] * one.weight.min(axis=0)
            for plane in (one.choice, one.worth):
                plane[one.full] *= GONE
            placed.append(one)
        hits = np.zeros_like(self.out.hits)
        rejected = np.zeros(self.site.shape, np.uint8)
        top = np.zeros(self.out.strip[self.into].shape, np.float32)
        for group in groups_of(stage.looks, looks):
            self._fuse_group(group, looks, placed, hits, rejected, top)
        self.out.rejected[self.into] = rejected[self.inner]
        if not isinstance(self.mosaic.grid, View):
            self._angles(looks)
        return hits

    def _fuse_group(
        self, group: Group, looks: Sequence[int], placed: Sequence[Placed], hits: Counts, rejected: Bits, top: Plane
    ) -> None:
        """Fuse bands that the same looks have."""
        mosaic, inner = self.mosaic, self.inner
        some = [placed[k] for k in group.members]
        light = np.stack([one.light[[one.bands.index(b) for b in group.bands]] for one in some])
        sigma = np.stack([one.sigma[[one.bands.index(b) for b in group.bands]] for one in some])
        bad = self._reject(group, some, light, sigma)
        for n, k in enumerate(group.members):
            for b, band in enumerate(group.bands):
                here = bad[n, b][inner]
                hits[looks[k], mosaic.bands.index(band)] += np.count_nonzero(here)
        light[bad > 0] = np.nan
        holes: Bits = np.asarray((bad > 0).any(axis=0), dtype=np.uint8)
        rejected += bad.any(axis=1).sum(axis=0, dtype=np.uint8)
        choice, worth = np.stack([one.choice for one in some]), np.stack([one.worth for one in some])
        merged = merge(Stack(light, sigma, choice, worth), mosaic.mode, mosaic.native)
        fill_holes(merged.light, merged.sigma, holes, self.mosaic.radius + 2)
        self._settle(group, looks, some, merged, top)

    def _reject(self, group: Group, some: Sequence[Placed], light: Plane, sigma: Plane) -> Bits:
        """Hits (looks, bands, h, w) among the light of some looks."""
        bad, doubts = np.zeros(light.shape, np.uint8), np.zeros(light.shape, np.uint8)
        if not self.mosaic.reject < np.inf:
            return bad
        radius = self.mosaic.radius
        sharp, alike = np.stack([one.sharp for one in some]), np.stack([one.alike for one in some])
        for b, band in enumerate(group.bands):
            doubt = np.stack([(one.quality[one.bands.index(band)] & DOUBTED) > 0 for one in some]).astype(np.uint8)
            usable = np.stack([(one.choice > 0.0) & ~one.full for one in some])
            seen = np.where(usable, light[:, b], np.float32(np.nan))
            found = np.zeros(seen.shape, np.uint8)
            find_hits(seen, sigma[:, b], doubt, sharp, alike, radius, self.mosaic.reject, found)
            bad[:, b] = found
            doubts[:, b] = doubt
        find_colours(light, sigma, doubts, alike, radius, self.mosaic.reject, bad)
        return bad

    def _settle(self, group: Group, looks: Sequence[int], some: Sequence[Placed], merged: Merged, top: Plane) -> None:
        """Put what was merged where it belongs."""
        out, into, inner = self.out, self.into, self.inner
        best = merged.best[inner]
        safe = np.maximum(best, 0)
        for b, band in enumerate(group.bands):
            at = self.mosaic.bands.index(band)
            out.planes.light[at][into] = merged.light[b][inner]
            out.planes.sigma[at][into] = merged.sigma[b][inner]
            weights = np.stack([one.weight[one.bands.index(band)][inner] for one in some])
            bits = np.stack([one.quality[one.bands.index(band)][inner] for one in some])
            used = np.stack([one.choice[inner] > 0.0 for one in some])
            known = np.isfinite(merged.light[b][inner])
            out.planes.weight[at][into] = np.where(known, (weights * used).sum(axis=0), 0.0)
            out.planes.quality[at][into] = np.where(known, np.take_along_axis(bits, safe[None], axis=0)[0], 0)
        numbers = np.array([looks[k] for k in group.members], np.int16)
        # of several groups that with the most looks tells where a pixel is from
        count = merged.count[inner]
        first = (best >= 0) & (count > top)
        times = np.array([look.et - self.mosaic.stage.et0 for look in self.mosaic.stage.looks])[numbers]
        when = times[safe].astype(np.float32)
        if len(merged.share):
            share = np.where(np.isfinite(merged.share[(slice(None), *inner)]), merged.share[(slice(None), *inner)], 0.0)
            total = share.sum(axis=0)
            mean = (share * times[:, None, None]).sum(axis=0) / np.where(total > 0.0, total, 1.0)
            when = mean.astype(np.float32)
        np.copyto(out.strip[into], numbers[safe], where=first)
        np.copyto(out.time_s[into], when, where=first)
        np.copyto(out.count[into], count, where=first)
        np.copyto(top, count, where=first, casting="unsafe")

    def _angles(self, looks: Sequence[int]) -> None:
        """Fill the angles of a map: those that the light was brought to, or those of the heaviest look."""
        planes, strip = self.out.planes, self.out.strip[self.into]
        stage, seen = self.mosaic.stage, strip >= 0
        if stage.balance is not None:
            for plane, value in ((planes.cos_incidence, 1.0), (planes.cos_emission, 1.0), (planes.phase, 0.0)):
                plane[self.into] = np.where(seen, np.float32(value), np.float32(np.nan))
            return
        points = np.moveaxis(self.site.points, 1, 2)[self.inner]
        for k in looks:
            mine = strip == k
            look = stage.looks[k]
            angles = angles_from(look.position_km, look.sun, points[mine], stage.body.radii_km)
            planes.cos_incidence[self.into][mine] = angles.cos_incidence
            planes.cos_emission[self.into][mine] = angles.cos_emission
            planes.phase[self.into][mine] = angles.phase


@dataclass(frozen=True)
class Group:
    """Bands that the same looks have, and the places of these in a list."""

    bands: tuple[Filter, ...]
    members: tuple[int, ...]


def groups_of(looks: Sequence[Look], here: Sequence[int]) -> list[Group]:
    """Bands grouped by those of all looks that have them, and which of the looks `here` these are.

    Bands that none here has are left out.
    """
    groups: dict[tuple[int, ...], list[Filter]] = {}
    for band in Filter:
        members = tuple(k for k, look in enumerate(looks) if any(swath.band is band for swath in look.swaths))
        groups.setdefault(members, []).append(band)
    found = [Group(tuple(some), tuple(n for n, k in enumerate(here) if k in who)) for who, some in groups.items()]
    return [group for group in found if group.members]


def prepare_mosaic(
    looks: Sequence[Look],
    body: Body,
    epoch_et: float,
    grid: Grid,
    *,
    balance: Balance | None = None,
    winds: ZonalWinds | None = None,
    mode: Mode = Mode.BLEND,
    reject: float = REJECT,
    sun_direction: FloatArray | None = None,
    interpolation: str = "catmull-rom",
    horizon: float | None = None,
    spread: float = SPREAD,
    seam_px: float | None = None,
    threads: int | None = None,
) -> Mosaic:
    """Make looks at one body ready to be fused on a grid, given in the body's frame at `epoch_et` (ET, s).

    Each look is rendered on the grid, its clouds carried by `winds` from the time it was taken to the epoch, its light
    brought to common angles by `balance` (the view's own; normal ones on a map; None leaves it as it was). A look
    weighs by its noise, by how sharply and how steeply it sees a place, by the distance to the edges of its strip
    (over `seam_px`, by default a third of the way to its middle) and, in a view, by how near it stands to the viewpoint
    (`spread`, rad at the ground). Full pixels weigh next to nothing. `mode` says how looks are combined. What only one
    look has, by more than `reject` sigma, is a radiation hit and left out (infinity: nothing is); places where a look
    is much darker than others are taken for the shadow of a moon.

    `sun_direction` (3,) points from the body to the Sun in j2000, `interpolation` and `horizon` are those of
    `render.engine.render`. `threads`: None takes one a processor.

    Looks are taken in the order of their names: the order in which they are given, the number of threads and the part
    that is asked for change no bit. Raises UsageError for no looks, a name given twice, a unit that is not positive, an
    unknown mode, and what `render` raises.
    """
    ordered = sorted(looks, key=lambda look: look.name)
    check_looks(ordered)
    if interpolation not in INTERPOLATIONS:
        raise UsageError(f"unknown interpolation {interpolation!r}: use one of {', '.join(INTERPOLATIONS)}")
    if not reject > 0.0:
        raise UsageError(f"hits cannot be told from {reject:g} sigma on: give more than 0")
    drifts = [None if winds is None else winds.drift(body, look.et - epoch_et) for look in ordered]
    staged = stage(
        ordered, body, epoch_et, grid,
        balance=balance, drifts=drifts, sun_direction=sun_direction, interpolation=interpolation, horizon=horizon,
        spread=spread,
    )  # fmt: skip
    return Mosaic(staged, survey_looks(staged, seam_px, threads), Mode(mode), reject, seam_px, threads)


def check_looks(looks: Sequence[Look]) -> None:
    """Raise UsageError for looks that cannot be fused."""
    if not looks:
        raise UsageError("no strips to combine: give at least one")
    names = [look.name for look in looks]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{name} is given twice: give every strip once")
    for look in looks:
        for swath in look.swaths:
            if not swath.unit > 0.0:
                raise UsageError(f"{look.name}: a unit of {swath.unit} cannot be combined: it must be positive")
