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
from perijove.mosaic.brim import bridge, clearance
from perijove.mosaic.coarse import Fields
from perijove.mosaic.look import Look
from perijove.mosaic.merge import Merged, Mode, Stack, merge
from perijove.mosaic.place import Placed, Site, Stage
from perijove.mosaic.reject import ALIKE, DOUBTED, MOST_RADIUS, fill_holes, find_colours, find_hits
from perijove.render.planes import Grid, Planes
from perijove.spill import release

FloatArray = NDArray[np.float64]
Plane = NDArray[np.float32]
Bits = NDArray[np.uint8]
Counts = NDArray[np.int64]
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


class Cut(NamedTuple):
    """The `inner` part of a site, and where in what is made it goes `into`."""

    inner: Part
    into: Part


class Group(NamedTuple):
    """Bands that the same looks have, and the places of these in a list."""

    bands: tuple[Filter, ...]
    members: tuple[int, ...]


class Pile(NamedTuple):
    """Looks (n) of a group on a site: `light`, `sigma` and `doubt` (n, bands, h, w) and weights (n, h, w); `weight` and
    `quality` (n, bands, h, w), as rendered, are of the inner part alone."""

    light: Plane
    sigma: Plane
    doubt: Bits
    choice: Plane
    worth: Plane
    sharp: Plane
    alike: Plane
    usable: NDArray[np.bool_]
    weight: Plane
    quality: Bits


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


def fuse_block(
    stage: Stage, fields: Fields, how: How, looks: Sequence[int], site: Site, cut: Cut, out: Fused
) -> Counts:
    """Fill the light of a block and what it came from; the hits (looks, bands) in it."""
    groups = groups_of(stage.looks, looks)
    piles = [empty_pile(group, site, cut) for group in groups]
    for n, k in enumerate(looks):
        window = fields.window(k, site.rows, site.columns)
        if window is None:
            continue
        part = site.part(*window)
        one = weighed(stage.place(k, part), fields.at(k, part), part.hit)
        release()
        for group, pile in zip(groups, piles, strict=True):
            if n in group.members:
                put_on(pile, group.members.index(n), group, one, window, cut.inner)
    hits, top = np.zeros_like(out.hits), np.zeros(out.strip[cut.into].shape, np.uint8)
    times = np.array([look.et - stage.et0 for look in stage.looks])
    while groups:
        group, pile = groups.pop(0), piles.pop(0)
        numbers = np.array([looks[n] for n in group.members], np.int16)
        bad = find_bad(pile, how)
        for b, band in enumerate(group.bands):
            hits[numbers, how.bands.index(band)] = np.count_nonzero(bad[:, b][(slice(None), *cut.inner)], axis=(1, 2))
        out.rejected[cut.into] += bad.any(axis=1).sum(axis=0, dtype=np.uint8)[cut.inner]
        np.copyto(pile.light, np.float32(np.nan), where=bad > 0)
        lost = hidden_sky(pile, site)
        np.copyto(pile.light, np.float32(np.nan), where=lost)
        merged = merge(Stack(pile.light, pile.sigma, pile.choice, pile.worth, site.hit), how.mode, how.native)
        bridge(merged.light, merged.sigma, lost)
        fill_holes(merged.light, merged.sigma, np.asarray(bad.any(axis=0), dtype=np.uint8), how.radius + 2)
        settle_light(group, how, pile, merged, cut, out)
        settle_origin(numbers, times[numbers], merged, cut, out, top)
    if not isinstance(stage.grid, View):
        fill_angles(stage, looks, site, cut, out)
    return hits


def weighed(one: Placed, weights: Plane, ground: NDArray[np.bool_]) -> Placed:
    """A placed look whose own weights have been multiplied by those of the coarse pass (3, h, w), in place.

    Full pixels weigh next to nothing, and those beside them on the `ground` (h, w) less.
    """
    rendered = one.weight.min(axis=0) * clearance(one.full, ground)
    rendered *= weights[2]
    one.choice[...] *= weights[0] * rendered
    one.worth[...] *= weights[1] * rendered
    return one


def hidden_sky(pile: Pile, site: Site) -> NDArray[np.bool_]:
    """Where (h, w) the sky of a site is full in some look, and no other look has seen the same of it."""
    full = ((pile.choice > 0.0) & ~pile.usable).any(axis=0)
    seen = (pile.usable & (pile.alike >= ALIKE)).any(axis=0)
    out: NDArray[np.bool_] = ~site.hit & full & ~seen
    return out


def empty_pile(group: Group, site: Site, cut: Cut) -> Pile:
    """Room for the looks of a group, none of which has seen anything yet."""
    looks, bands = len(group.members), len(group.bands)
    inner = (cut.inner[0].stop - cut.inner[0].start, cut.inner[1].stop - cut.inner[1].start)
    deep, flat = (looks, bands, *site.shape), (looks, *site.shape)

    def plane() -> Plane:
        return np.zeros(flat, np.float32)

    return Pile(
        np.full(deep, np.nan, np.float32), np.full(deep, np.nan, np.float32), np.zeros(deep, np.uint8),
        plane(), plane(), plane(), plane(), np.zeros(flat, np.bool_),
        np.zeros((looks, bands, *inner), np.float32), np.zeros((looks, bands, *inner), np.uint8),
    )  # fmt: skip


def put_on(pile: Pile, n: int, group: Group, one: Placed, window: Part, inner: Part) -> None:
    """Put one look, placed on a window of the site, on a pile."""
    into, cut = zip(*(overlap(w, i) for w, i in zip(window, inner, strict=True)), strict=True)
    for b, band in enumerate(group.bands):
        own = one.bands.index(band)
        pile.light[n, b][window], pile.sigma[n, b][window] = one.light[own], one.sigma[own]
        pile.doubt[n, b][window] = (one.quality[own] & DOUBTED) > 0
        pile.weight[n, b][into], pile.quality[n, b][into] = one.weight[own][cut], one.quality[own][cut]
    for planes, plane in (
        (pile.choice, one.choice), (pile.worth, one.worth), (pile.sharp, one.sharp), (pile.alike, one.alike),
    ):  # fmt: skip
        planes[n][window] = plane
    pile.usable[n][window] = (one.choice > 0.0) & ~one.full


def overlap(window: slice, inner: slice) -> tuple[slice, slice]:
    """What a window and the inner part of a site have in common: counted in the inner part, and in the window."""
    first, last = max(window.start, inner.start), min(window.stop, inner.stop)
    last = max(first, last)
    return slice(first - inner.start, last - inner.start), slice(first - window.start, last - window.start)


def find_bad(pile: Pile, how: How) -> Bits:
    """Hits (looks, bands, h, w) on a pile: not 0 where there is one."""
    bad = np.zeros(pile.light.shape, np.uint8)
    if not how.reject < np.inf:
        return bad
    usable = np.where(pile.usable[:, None], pile.light, np.float32(np.nan))
    find_hits(usable, pile.sigma, pile.doubt, pile.sharp, pile.alike, how.radius, how.reject, bad)
    find_colours(usable, pile.sigma, pile.doubt, pile.alike, how.radius, how.reject, bad)
    return bad


def settle_light(group: Group, how: How, pile: Pile, merged: Merged, cut: Cut, out: Fused) -> None:
    """Put merged light, and what comes with it, where it belongs."""
    safe = np.maximum(merged.best[cut.inner], 0)[None]
    used = pile.choice[(slice(None), *cut.inner)] > 0.0
    for b, band in enumerate(group.bands):
        at, light = how.bands.index(band), merged.light[b][cut.inner]
        known = np.isfinite(light)
        out.planes.light[at][cut.into] = light
        out.planes.sigma[at][cut.into] = merged.sigma[b][cut.inner]
        out.planes.weight[at][cut.into] = np.where(known, np.sum(pile.weight[:, b], axis=0, where=used), 0.0)
        bits = np.take_along_axis(pile.quality[:, b], safe, axis=0)[0]
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
