"""Piles: the looks at a part of the grid, one upon the other, and what of them serves the part to the right of it.

Parts of the grid are gone through from left to right. What lies beside a part decides about it, so that each takes in
its surroundings; those to its left the part before has taken in already, and they are kept rather than made again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from perijove.instrument import Filter
from perijove.mosaic.angles import Angles
from perijove.mosaic.brim import clearance
from perijove.mosaic.look import Look
from perijove.mosaic.place import Placed, Site
from perijove.mosaic.reject import ALIKE

Plane = NDArray[np.float32]
Bits = NDArray[np.uint8]
BoolArray = NDArray[np.bool_]
Window = tuple[slice, slice]
Kind = TypeVar("Kind", bound=np.generic)

BYTES_A_BAND, BYTES_A_LOOK = 14, 14
"""Bytes a pixel that each look on a pile takes, for each of its bands (with one for its hits) and besides."""


class Group(NamedTuple):
    """Bands that the same looks have, and the numbers of those of these looks that see something here."""

    bands: tuple[Filter, ...]
    looks: tuple[int, ...]


class Pile(NamedTuple):
    """Looks (n) of a group on a site: `light` (NaN unseen), `sigma`, `weight` as rendered and `quality`
    (n, bands, h, w); weights `choice` and `worth`, `sharp` of `Placed`, where it is `alike`, and `full` (n, h, w).

    The weights are those beside no full pixel: `give_way` brings these in.
    """

    light: Plane
    sigma: Plane
    weight: Plane
    quality: Bits
    choice: Plane
    worth: Plane
    sharp: Plane
    alike: BoolArray
    full: BoolArray


KINDS: tuple[type[Any], ...] = (*(np.float32,) * 3, np.uint8, *(np.float32,) * 3, np.bool_, np.bool_)
"""Types of a pile's planes."""
DEEP = 4
"""How many of them there are for each band."""
EMPTY = (np.nan, np.nan, 0, 0, 0, 0, 0, False, False)
"""What they hold where nothing is seen."""


@dataclass(frozen=True)
class Room:
    """Memory that is used again from part to part: fresh pages would cost as much as what is put there."""

    _kept: dict[str, NDArray[Any]] = field(default_factory=dict)

    def take(self, name: str, shape: tuple[int, ...], kind: type[Kind]) -> NDArray[Kind]:
        """An array that holds whatever it held; it is the same memory for the same name."""
        size = int(np.prod(shape))
        flat = self._kept.get(name)
        if flat is None or flat.size < size:
            # the old one goes first
            self._kept.pop(name, None)
            del flat
            flat = self._kept[name] = np.empty(size, kind)
        out: NDArray[Kind] = flat[:size].reshape(shape)
        return out


class Kept(NamedTuple):
    """The right side of a pile, from some column of the grid on, and its hits, known up to column `known`."""

    looks: tuple[int, ...]
    pile: Pile
    bad: Bits
    known: int


@dataclass(frozen=True)
class Trail:
    """What is kept of a part: its `site` from some column on, and of its piles, by their bands."""

    site: Site
    piles: dict[tuple[Filter, ...], Kept]


def groups_of(looks: Sequence[Look], here: Sequence[int]) -> list[Group]:
    """Bands grouped by those of all looks that have them, with those of the looks `here` that do.

    Bands that none here has are left out.
    """
    groups: dict[tuple[int, ...], list[Filter]] = {}
    for band in Filter:
        members = tuple(k for k, look in enumerate(looks) if any(swath.band is band for swath in look.swaths))
        groups.setdefault(members, []).append(band)
    found = [Group(tuple(some), tuple(k for k in here if k in who)) for who, some in groups.items()]
    return [group for group in found if group.looks]


def side_by_side(left: Site, right: Site) -> Site:
    """Two sites of the same rows as one, the second beginning where the first ends."""

    def joined(one: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
        return np.concatenate([one, other], axis=-1)

    angles = Angles(
        *(
            joined(getattr(left.angles, name), getattr(right.angles, name))
            for name in ("cos_incidence", "cos_emission", "phase")
        )
    )
    return Site(
        left.rows, slice(left.columns.start, right.columns.stop), joined(left.points, right.points),
        joined(left.kind, right.kind), joined(left.latitude, right.latitude), joined(left.longitude, right.longitude),
        angles, joined(left.hit, right.hit), joined(left.altitude_km, right.altitude_km),
    )  # fmt: skip


def empty_pile(group: Group, shape: tuple[int, int], room: Room) -> Pile:
    """A pile of nothing yet."""
    looks, bands = len(group.looks), len(group.bands)
    planes: list[NDArray[Any]] = []
    for n, (name, kind, nothing) in enumerate(zip(Pile._fields, KINDS, EMPTY, strict=True)):
        size = (looks, bands, *shape) if n < DEEP else (looks, *shape)
        plane = room.take(f"{name} {group.bands}", size, kind)
        plane.fill(nothing)
        planes.append(plane)
    return Pile(*planes)


def lay_kept(pile: Pile, group: Group, kept: Kept) -> None:
    """Lay the right side of the pile before at the left of this one."""
    width = kept.pile.full.shape[-1]
    for old, k in enumerate(kept.looks):
        if k in group.looks:
            new = group.looks.index(k)
            for plane, other in zip(pile._asdict().values(), kept.pile._asdict().values(), strict=True):
                plane[new, ..., :width] = other[old]


def put_on(pile: Pile, group: Group, k: int, one: Placed, weights: Plane, window: Window) -> None:
    """Put look k, placed on a window of the site, on a pile; `weights` (3, h, w) are those of the coarse pass there."""
    n = group.looks.index(k)
    rendered = one.weight.min(axis=0)
    rendered *= weights[2]
    for b, band in enumerate(group.bands):
        own = one.bands.index(band)
        pile.light[n, b][window], pile.sigma[n, b][window] = one.light[own], one.sigma[own]
        pile.weight[n, b][window], pile.quality[n, b][window] = one.weight[own], one.quality[own]
    pile.choice[n][window] = one.choice * (weights[0] * rendered)
    pile.worth[n][window] = one.worth * (weights[1] * rendered)
    pile.sharp[n][window], pile.full[n][window] = one.sharp, one.full
    pile.alike[n][window] = one.alike >= ALIKE


def keep(pile: Pile, first: int, group: Group, room: Room) -> Pile:
    """A copy of a pile from column `first` on."""
    planes: list[NDArray[Any]] = []
    for name, kind, plane in zip(Pile._fields, KINDS, pile._asdict().values(), strict=True):
        part = plane[..., first:]
        copy = room.take(f"kept {name} {group.bands}", part.shape, kind)
        copy[...] = part
        planes.append(copy)
    return Pile(*planes)


def give_way(pile: Pile, ground: BoolArray) -> None:
    """Let looks weigh next to nothing where they are full, and beside that, on the `ground` (h, w), less."""
    for n, full in enumerate(pile.full):
        if full.any():
            clear = clearance(full, ground)
            pile.choice[n] *= clear
            pile.worth[n] *= clear
