"""One block of a mosaic: its looks are placed, hits left out, and what remains is merged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from perijove.geometry.view import View
from perijove.instrument import Filter
from perijove.mosaic.angles import angles_from
from perijove.mosaic.brim import bridge, held_by
from perijove.mosaic.coarse import Fields
from perijove.mosaic.mend import Limb, mend_looks
from perijove.mosaic.merge import Merged, Mode, Stack, merge
from perijove.mosaic.pile import (
    Group,
    Kept,
    Pile,
    Room,
    Trail,
    empty_pile,
    give_way,
    groups_of,
    keep,
    lay_kept,
    put_on,
    side_by_side,
)  # fmt: skip
from perijove.mosaic.place import FULL_SHARE, Site, Stage
from perijove.mosaic.pyramid import LATTICE
from perijove.mosaic.reject import MOST_RADIUS, fill_holes, find_colours, find_hits, reach_of
from perijove.mosaic.sight import HORIZON, star_share
from perijove.render.planes import Grid, Planes
from perijove.spill import release

FloatArray = NDArray[np.float64]
Plane = NDArray[np.float32]
Bits = NDArray[np.uint8]
Counts = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Part = tuple[slice, slice]


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


class How(NamedTuple):
    """How looks are fused: `mode`, sigma from which hits are rejected, camera px in pixels, and all the bands."""

    mode: Mode
    reject: float
    native: float
    bands: tuple[Filter, ...]

    @property
    def radius(self) -> int:
        """Size of a camera pixel in whole pixels, within what the search for hits can take."""
        return int(np.clip(round(self.native), 1, MOST_RADIUS))

    @property
    def reach(self) -> int:
        """How far from a pixel the search for hits looks, px."""
        return reach_of(self.radius)


class Cut(NamedTuple):
    """The `inner` part of a site, and where in what is made it goes `into`."""

    inner: Part
    into: Part


class Block(NamedTuple):
    """A block to be fused: its `site` with what is around, what of that is asked for, the column of the site from which
    on the next block can use it, how it is done, and memory to do it in."""

    site: Site
    cut: Cut
    keep: int
    how: How
    room: Room


@dataclass(frozen=True)
class Course:
    """Blocks of the same `rows`, one to the right of the other, and the `halo` around that decides about them, px.

    On a grid (height, width) of `shape` that `wraps` surroundings go on beyond its first and its last column.
    """

    rows: slice
    blocks: Sequence[slice]
    halo: int
    shape: tuple[int, int]
    wraps: bool

    @property
    def site_rows(self) -> slice:
        """The rows with their surroundings, as far as there are any, from one of the lattice on."""
        first = self.rows.start - self.rows.start % LATTICE - self.halo
        return slice(max(first, 0), min(self.rows.stop + self.halo, self.shape[0]))

    def around(self, columns: slice) -> slice:
        """The same of the columns of a block."""
        first, last = columns.start - columns.start % LATTICE - self.halo, columns.stop + self.halo
        return slice(first, last) if self.wraps else slice(max(first, 0), min(last, self.shape[1]))


def empty_fused(bands: tuple[Filter, ...], grid: Grid, native: float, looks: int, shape: tuple[int, int]) -> Fused:
    """Room for a part (h, w) of a mosaic."""
    size = (len(bands), *shape)

    def plane() -> Plane:
        return np.full(shape, np.nan, np.float32)

    planes = Planes(
        bands=bands,
        grid=grid,
        light=np.full(size, np.nan, np.float32),
        weight=np.zeros(size, np.float32),
        latitude=plane(), longitude=plane(), cos_incidence=plane(), cos_emission=plane(), phase=plane(),
        hit=np.zeros(shape, np.bool_),
        altitude_km=plane(),
        sigma=np.full(size, np.nan, np.float32),
        quality=np.zeros(size, np.uint8),
        native=native,
    )  # fmt: skip
    counts, zeros = np.zeros((looks, len(bands)), np.int64), np.zeros(shape, np.uint8)
    return Fused(planes, np.full(shape, -1, np.int16), plane(), zeros, zeros.copy(), counts)


def fill_geometry(site: Site, inner: Part, into: Part, planes: Planes) -> None:
    """Fill the backplanes of a block."""
    for plane, values in (
        (planes.latitude, site.latitude),
        (planes.longitude, site.longitude),
        (planes.hit, site.hit),
        (planes.altitude_km, site.altitude_km),
        (planes.cos_incidence, site.angles.cos_incidence),
        (planes.cos_emission, site.angles.cos_emission),
        (planes.phase, site.angles.phase),
    ):
        plane[into] = values[inner]


def fuse_course(stage: Stage, fields: Fields, how: How, course: Course, origin: tuple[int, int], out: Fused) -> Counts:
    """Fuse the blocks of a course, from left to right, into a part whose first pixel is `origin`; the hits in it."""
    hits, room, trail = np.zeros_like(out.hits), Room(), None
    for n, columns in enumerate(course.blocks):
        where = course.around(columns)
        site = next_site(stage, course.site_rows, where, trail)
        inner = (
            slice(course.rows.start - site.rows.start, course.rows.stop - site.rows.start),
            slice(columns.start - where.start, columns.stop - where.start),
        )
        row, column = origin
        into = (
            slice(course.rows.start - row, course.rows.stop - row),
            slice(columns.start - column, columns.stop - column),
        )
        fill_geometry(site, inner, into, out.planes)
        following = course.around(course.blocks[n + 1]).start if n + 1 < len(course.blocks) else where.stop
        block = Block(site, Cut(inner, into), following - where.start, how, room)
        # what is beside a block decides about it: all looks there are asked
        looks = fields.looks_at(site.rows, where)
        trail = fuse_block(stage, fields, block, looks, trail, hits, out)
        release()
    return hits


def next_site(stage: Stage, rows: slice, columns: slice, trail: Trail | None) -> Site:
    """The site of a block; what the block before has of it is not made again."""
    if trail is None:
        return stage.site(rows, columns)
    ahead = slice(trail.site.columns.stop, columns.stop)
    return side_by_side(trail.site, stage.site(rows, ahead)) if ahead.start < ahead.stop else trail.site


def fuse_block(
    stage: Stage, fields: Fields, block: Block, looks: Sequence[int], trail: Trail | None, hits: Counts, out: Fused
) -> Trail:
    """Fill the light of a block and what it came from, and count its hits; what the next block can use of it."""
    site, how, cut = block.site, block.how, block.cut
    groups = groups_of(stage.looks, looks)
    piles = [gathered(group, block, trail) for group in groups]
    fresh = slice(0 if trail is None else trail.site.columns.stop - site.columns.start, site.shape[1])
    place_looks(stage, fields, groups, piles, looks, site, fresh)
    top, kept = np.zeros(out.strip[cut.into].shape, np.uint8), {}
    times = np.array([look.et - stage.et0 for look in stage.looks])
    while groups:
        group, pile = groups.pop(0), piles.pop(0)
        before = None if trail is None else trail.piles.get(group.bands)
        numbers = np.array(group.looks, np.int16)
        saved = keep(pile, block.keep, group, block.room)
        give_way(pile, site.hit)
        hot = (pile.choice > 0.0) & pile.full
        bad = find_bad(pile, group, hot, block, before)
        known = site.shape[1] - how.reach
        kept[group.bands] = Kept(group.looks, saved, bad[..., block.keep :].copy(), known - block.keep)
        count_hits(bad, group, how, cut, numbers, hits, out)
        if isinstance(stage.grid, View):
            limb = Limb(stage.grid.position_km, site.points, 1.0 / np.array(stage.body.radii_km), how.radius)
            mend_looks(pile.light, pile.sigma, pile.choice, bad, limb)
        lost = hidden_sky(pile, hot, site)
        held = held_by(pile.light, pile.choice, hot, full_light(stage, group)) if lost.any() else (None, None)
        np.copyto(pile.light, np.float32(np.nan), where=lost)
        stars = star_share(site.kind) if isinstance(stage.grid, View) else None
        stack = Stack(pile.light, pile.sigma, pile.choice, pile.worth, site.hit, stars)
        merged = merge(stack, how.mode, how.native)
        bridge(merged.light, merged.sigma, lost, *held)
        fill_holes(merged.light, merged.sigma, np.asarray(bad.any(axis=0), dtype=np.uint8), how.radius + 2)
        settle_light(group, how, pile, merged, cut, out)
        settle_origin(numbers, times[numbers], merged, cut, out, top)
    if looks and not isinstance(stage.grid, View):
        fill_angles(stage, looks, site, cut, out)
    tail = site.part(slice(0, site.shape[0]), slice(block.keep, site.shape[1]))
    return Trail(tail, kept)


def gathered(group: Group, block: Block, trail: Trail | None) -> Pile:
    """The pile of a group on a block, with what the block before has of it."""
    pile = empty_pile(group, block.site.shape, block.room)
    if trail is not None and group.bands in trail.piles:
        lay_kept(pile, group, trail.piles[group.bands])
    return pile


def place_looks(
    stage: Stage, fields: Fields, groups: Sequence[Group], piles: Sequence[Pile], looks: Sequence[int], site: Site,
    fresh: slice,
) -> None:  # fmt: skip
    """Place looks on the `fresh` columns of a site, and put them on the piles of their groups."""
    columns = slice(site.columns.start + fresh.start, site.columns.start + fresh.stop)
    if columns.start >= columns.stop:
        return
    for k in looks:
        window = fields.window(k, site.rows, columns)
        if window is None:
            continue
        there = window[0], slice(window[1].start + fresh.start, window[1].stop + fresh.start)
        part = site.part(*there)
        one, weights = stage.place(k, part), fields.at(k, part)
        for group, pile in zip(groups, piles, strict=True):
            if k in group.looks:
                put_on(pile, group, k, one, weights, there)


def find_bad(pile: Pile, group: Group, hot: BoolArray, block: Block, before: Kept | None) -> Bits:
    """Hits (looks, bands, h, w) on a pile, not 0 where there is one, whose light they and what weighs nothing are taken
    from; those that the block before knows already are not sought again. `hot` (looks, h, w) is not asked."""
    how = block.how
    bad = block.room.take(f"bad {group.bands}", pile.light.shape, np.uint8)
    bad.fill(0)
    np.copyto(pile.light, np.float32(np.nan), where=(pile.choice <= 0.0)[:, None])
    if not how.reject < np.inf:
        return bad
    n, y, x = np.nonzero(hot)
    aside = pile.light[n, :, y, x]
    pile.light[n, :, y, x] = np.float32(np.nan)
    known = 0 if before is None else max(before.known, 0)
    first = max(known - how.reach, 0)
    find_hits(pile.light, pile.sigma, pile.quality, pile.sharp, pile.alike, how.radius, how.reject, bad, first)
    find_colours(pile.light, pile.sigma, pile.quality, pile.alike, how.radius, how.reject, bad, first)
    if before is not None:
        bad[..., :known] = 0
        for old, k in enumerate(before.looks):
            if k in group.looks:
                bad[group.looks.index(k)][..., :known] = before.bad[old][..., :known]
    pile.light[n, :, y, x] = aside
    np.copyto(pile.light, np.float32(np.nan), where=bad > 0)
    return bad


def count_hits(
    bad: Bits, group: Group, how: How, cut: Cut, numbers: NDArray[np.int16], hits: Counts, out: Fused
) -> None:
    """Count the hits of a block."""
    inner = bad[(slice(None), slice(None), *cut.inner)]
    for b, band in enumerate(group.bands):
        hits[numbers, how.bands.index(band)] += np.count_nonzero(inner[:, b], axis=(1, 2))
    out.rejected[cut.into] += inner.any(axis=1).sum(axis=0, dtype=np.uint8)


def full_light(stage: Stage, group: Group) -> Plane:
    """The light (looks, bands) from which the looks of a group are full."""
    looks = [stage.looks[k] for k in group.looks]
    units = [{swath.band: swath.unit for swath in look.swaths} for look in looks]
    return np.array(
        [[FULL_SHARE * look.full_dn * unit[b] for b in group.bands] for look, unit in zip(looks, units, strict=True)],
        np.float32,
    )


def hidden_sky(pile: Pile, hot: BoolArray, site: Site) -> BoolArray:
    """Where (h, w) the sky of a site, or ground on its very limb, is full in some look (`hot`), and no other look has
    seen the same of it."""
    full: BoolArray = np.asarray(hot.any(axis=0))
    if not full.any():
        return full
    seen = ((pile.choice > 0.0) & ~pile.full & pile.alike).any(axis=0)
    out: BoolArray = (~site.hit | (site.angles.cos_emission < HORIZON[1])) & full & ~seen
    return out


def settle_light(group: Group, how: How, pile: Pile, merged: Merged, cut: Cut, out: Fused) -> None:
    """Put merged light, and what comes with it, where it belongs."""
    every = (slice(None), *cut.inner)
    safe = np.maximum(merged.best[cut.inner], 0)[None]
    used = pile.choice[every] > 0.0
    for b, band in enumerate(group.bands):
        at, light = how.bands.index(band), merged.light[b][cut.inner]
        known = np.isfinite(light)
        out.planes.light[at][cut.into] = light
        out.planes.sigma[at][cut.into] = merged.sigma[b][cut.inner]
        weight = np.sum(pile.weight[:, b][every], axis=0, where=used)
        out.planes.weight[at][cut.into] = np.where(known, weight, 0.0)
        bits = np.take_along_axis(pile.quality[:, b][every], safe, axis=0)[0]
        out.planes.quality[at][cut.into] = np.where(known, bits, 0)


def settle_origin(
    numbers: NDArray[np.int16], times: FloatArray, merged: Merged, cut: Cut, out: Fused, top: Bits
) -> None:
    """Put where merged light is from where it belongs; of several groups that with the most looks (`top`) tells it."""
    best, count = merged.best[cut.inner], merged.count[cut.inner]
    safe = np.maximum(best, 0)
    first = (best >= 0) & (count > top)
    when = times[safe].astype(np.float32)
    if len(merged.share):
        share = merged.share[(slice(None), *cut.inner)]
        total = share.sum(axis=0, dtype=np.float64)
        mean = (share * times[:, None, None]).sum(axis=0) / np.where(total > 0.0, total, 1.0)
        when = mean.astype(np.float32)
    np.copyto(out.strip[cut.into], numbers[safe], where=first)
    np.copyto(out.time_s[cut.into], when, where=first)
    np.copyto(out.count[cut.into], count, where=first)
    np.copyto(top, count, where=first)


def fill_angles(stage: Stage, looks: Sequence[int], site: Site, cut: Cut, out: Fused) -> None:
    """Fill the angles of a map: those that the light was brought to, or those of the heaviest look."""
    planes, strip = out.planes, out.strip[cut.into]
    if stage.balance is not None:
        for plane, value in ((planes.cos_incidence, 1.0), (planes.cos_emission, 1.0), (planes.phase, 0.0)):
            plane[cut.into] = np.where(strip >= 0, np.float32(value), np.float32(np.nan))
        return
    points = np.moveaxis(site.points, 1, 2)[cut.inner]
    for k in looks:
        mine = strip == k
        look = stage.looks[k]
        angles = angles_from(look.position_km, look.sun, points[mine], stage.body.radii_km)
        planes.cos_incidence[cut.into][mine] = angles.cos_incidence
        planes.cos_emission[cut.into][mine] = angles.cos_emission
        planes.phase[cut.into][mine] = angles.phase
