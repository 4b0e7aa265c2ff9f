"""What only one look has: radiation hits, found by disagreement at the scale of a camera pixel.

A hit stands out of its own surroundings by more than noise, and no other look has anything like it within a camera
pixel of the place: neither stars nor clouds do that, wherever they have moved by less. Two looks are enough. So does
a dark pixel that one look alone has: where a hit was taken off by too much, or a pixel is dead.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from perijove.calibrate.quality import Quality
from perijove.jit import inlined, kernel

Plane = NDArray[np.float32]
Bits = NDArray[np.uint8]
Ring = NDArray[np.int64]
Tally = NDArray[np.int32]
Alike = Plane | NDArray[np.bool_]

GRAIN = np.float32(0.02)
"""Share of the light by which looks may disagree about detail beside their noise: interpolation and relighting."""
PEAK = 1.6
"""How much higher the peak of a star may be in one look than in another, by where it falls between pixels."""
ALIKE = np.float32(0.5)
"""How far a look must see the same as the picture to have a say: near the limb it sees other haze, and where the law
of light was cut short other light."""
COARSE_GRAIN = np.float32(0.3)
"""The same against a look whose pixels are so large that it cannot have seen the detail."""
SHARE_OF_SEED = 0.35
"""Share of the threshold from which on pixels beside a hit belong to it."""
STRADDLE = 0.25
"""Share by which looks may disagree about the surroundings of a place before these are taken for an edge."""
COLOUR = 3.0
"""How many times larger, in its share of the light, detail may be in one filter than in any other."""
COLOUR_GRAIN = 0.05
"""Share of the light by which filters may disagree besides."""
LIT = 10.0
"""Sigma of light from which on filters can be compared: in the dark a star may have any colour."""
DOUBTED = int(Quality.HIT | Quality.FLIPPED | Quality.SUSPECT)
"""Bits of pixels that half the threshold is enough for."""
MOST_RADIUS = 4
"""Widest search for what another look has of the same, px."""
SLACK = np.float32(1e-6)
"""Share of light and threshold by which the quick test of a line, in single precision, lets more through."""
RING = np.array([(0, 3), (2, 2), (3, 0), (2, -2), (0, -3), (-2, -2), (-3, 0), (-2, 2)])
"""Places around a pixel, in thirds of the ring's radius, that tell its surroundings."""


def reach_of(radius: int) -> int:
    """How far from a pixel the search looks, px: a ring of 3 + 2 radii, a growth of two more, and a hole's 2 + 1."""
    return 5 * radius + 6


def ring_of(radius: int) -> NDArray[np.int64]:
    """Lines and samples (8, 2) from a pixel to the places of a ring around it, px."""
    return np.asarray(np.trunc(RING * radius / 3), dtype=np.int64)


@kernel
def surroundings(light: Plane, y: int, x: int, ring: Ring, values: Plane) -> float:
    """Median of a plane (h, w) on a ring around a place; NaN where fewer than 3 of its 8 places have data."""
    n = 0
    for k in range(8):
        i, j = y + ring[k, 0], x + ring[k, 1]
        if 0 <= i < light.shape[0] and 0 <= j < light.shape[1]:
            value = light[i, j]
            if value == value:
                # insert in order
                m = n
                while m > 0 and values[m - 1] > value:
                    values[m] = values[m - 1]
                    m -= 1
                values[m] = value
                n += 1
    if n < 3:
        return np.nan
    return float(values[n // 2]) if n % 2 else 0.5 * (float(values[n // 2 - 1]) + float(values[n // 2]))


@kernel
def rises(light: Plane, y: int, x: int, ring: Ring, least: float, but: int) -> float:
    """1 where a pixel is above all places of the ring around it, but for some (fewer than half), by more than `least`,
    -1 where it is so far below them, else 0."""
    value = light[y, x]
    above, below = value - least, value + least
    higher, lower = 0, 0
    for k in range(8):
        i, j = y + ring[k, 0], x + ring[k, 1]
        if 0 <= i < light.shape[0] and 0 <= j < light.shape[1]:
            higher += not light[i, j] < above
            lower += not light[i, j] > below
            if higher > but and lower > but:
                return 0.0
    return 1.0 if higher <= but else -1.0


@inlined
def sift(
    light: Plane, spread: Plane, bits: Bits, y: int, first: int, ring: Ring, reject: float,
    low: Plane, high: Plane, above: Tally, below: Tally,
) -> None:  # fmt: skip
    """Count, for the pixels of line `y` from column `first` on, the places of the ring that each is not above for
    certain, and not below.

    The counts `above` and `below` (w,) are no more than those of `rises`: where both are too many it would say 0. Whole
    lines are compared at once, some ten times faster than pixel by pixel. `low` and `high` (w,) are room for bounds.
    """
    h, w = light.shape
    values, spreads, marks = light[y], spread[y], bits[y]
    full, half = np.float32(reject), np.float32(0.5 * reject)
    for x in range(first, w):
        least = (half if marks[x] & DOUBTED else full) * spreads[x]
        least -= SLACK * (abs(values[x]) + least)
        low[x], high[x] = values[x] - least, values[x] + least
        above[x] = below[x] = 0
    for k in range(8):
        i, j = y + ring[k, 0], ring[k, 1]
        start, stop = max(-j, first), min(w - j, w)
        if 0 <= i < h and start < stop:
            there = light[i, start + j : stop + j]
            least_there, most_there = low[start:stop], high[start:stop]
            over, under = above[start:stop], below[start:stop]
            for x in range(len(there)):
                over[x] += not there[x] < least_there[x]
                under[x] += not there[x] > most_there[x]


@kernel
def towers(light: Plane, y: int, x: int, ring: Ring, least: float, share: float, side: float) -> bool:
    """Whether a pixel may be above (`side` 1) or below (-1) the median of the ring around it by more than `least` and a
    share of that: a test that costs little before one that is sure."""
    level = (light[y, x] - side * least) / (1.0 + side * share)
    n, beyond = 0, 0
    for k in range(8):
        i, j = y + ring[k, 0], x + ring[k, 1]
        if 0 <= i < light.shape[0] and 0 <= j < light.shape[1] and light[i, j] == light[i, j]:
            n += 1
            beyond += side * light[i, j] >= side * level
    # half of the places lie no farther than the median
    return 2 * beyond <= n


@kernel
def stands_alone(
    light: Plane, sigma: Plane, quality: Bits, sharp: Plane, alike: Alike, k: int, b: int, y: int, x: int,
    near: int, ring: Ring, reject: float, way: float, values: Plane,
) -> bool:  # fmt: skip
    """Whether look k stands out at a pixel of filter b, by `reject` sigma, as more than half of the others that see it
    do not: upwards (`way` 1), downwards (-1) or either way (0).

    `light` (NaN unseen), `sigma` and `quality` (half of it is enough where `DOUBTED`) are (looks, bands, h, w),
    `sharp` and `alike` (looks, h, w).
    """
    mine = surroundings(light[k, b], y, x, ring, values)
    if mine != mine:
        return False
    excess, side = light[k, b, y, x] - mine, way
    if side == 0.0:
        side = 1.0 if excess > 0.0 else -1.0
    excess *= side
    # the level of the grain is that of the surroundings, not of the hit
    level, threshold = abs(mine), reject * (0.5 if quality[k, b, y, x] & DOUBTED else 1.0)
    against, voters = 0, 0
    for j in range(len(light)):
        if j == k or light[j, b, y, x] != light[j, b, y, x] or alike[j, y, x] < ALIKE:
            continue
        theirs = surroundings(light[j, b], y, x, ring, values)
        if theirs != theirs:
            continue
        noise = np.sqrt(sigma[j, b, y, x] ** 2 + sigma[k, b, y, x] ** 2)
        if abs(mine - theirs) > STRADDLE * max(abs(mine), abs(theirs)) + threshold * noise:
            # a ring that straddles a limb is bright to one look and dark to another: the kinder of both counts
            theirs = min(mine, theirs) if side > 0.0 else max(mine, theirs)
        most = 0.0
        for p in range(max(y - near, 0), min(y + near + 1, light.shape[2])):
            for q in range(max(x - near, 0), min(x + near + 1, light.shape[3])):
                most = max(most, side * (light[j, b, p, q] - theirs))
        # a look of larger pixels sees less of what is fine
        blunt = 1.0 - min(sharp[j, y, x] / max(sharp[k, y, x], np.float32(1e-30)), 1.0)
        grain = (GRAIN + (COARSE_GRAIN - GRAIN) * blunt) * level
        voters += 1
        if excess - PEAK * most > threshold * noise + grain:
            against += 1
    return 2 * against > voters


def find_hits(
    light: Plane, sigma: Plane, quality: Bits, sharp: Plane, alike: Alike, radius: int, reject: float, hits: Bits,
    first: int = 0,
) -> None:  # fmt: skip
    """Set `hits` (looks, bands, h, w) to 1 where a look has a hit that no other look has, and to 2 beside it.

    It is sought from column `first` on. `light` (NaN unseen), `sigma` and `quality` have the shape of `hits`, `sharp`
    (camera px a pixel) and `alike` (how far a look sees the same as the picture) are (looks, h, w); `radius` is the
    size of a camera pixel in pixels of the picture, at most `MOST_RADIUS`. Each filter is judged by itself.
    """
    if len(light) > 1:
        seek_hits(light, sigma, quality, sharp, alike, radius, ring_of(3 + 2 * radius), reject, hits, first)


def find_colours(
    light: Plane, sigma: Plane, quality: Bits, alike: Alike, radius: int, reject: float, hits: Bits, first: int = 0
) -> None:
    """Set `hits` (looks, bands, h, w) to 3 where one filter of a look stands out, and its other filters do not, and to
    4 beside such places where it does so less.

    `light`, `sigma` and `quality` have the shape of `hits`, `alike` and `first` are those of `find_hits`. A hit stands
    out in one filter alone, which clouds and the limb do not: one look is enough, and of more none may show half of it.
    """
    if light.shape[1] > 1:
        seek_colours(light, sigma, quality, alike, radius, ring_of(3 + 2 * radius), reject, hits, first)


@kernel
def seek_hits(
    light: Plane, sigma: Plane, quality: Bits, sharp: Plane, alike: Alike,
    near: int, ring: Ring, reject: float, hits: Bits, first: int,
) -> None:  # fmt: skip
    """`find_hits`, with the ring around a pixel."""
    values = np.empty(8, np.float32)
    looks, bands, h, w = light.shape
    low, high = np.empty(w, np.float32), np.empty(w, np.float32)
    above, below = np.empty(w, np.int32), np.empty(w, np.int32)
    for k in range(looks):
        for b in range(bands):
            # cut here: in the loop over pixels each cut would count references
            own, spread, bits = light[k, b], sigma[k, b], quality[k, b]
            for y in range(h):
                sift(own, spread, bits, y, first, ring, reject, low, high, above, below)
                for x in range(first, w):
                    if (above[x] > 2 and below[x] > 2) or own[y, x] != own[y, x] or alike[k, y, x] < ALIKE:
                        continue
                    # a line goes through the ring twice: a crescent's tip does, or a track among what is doubted anyway
                    but = 2 if bits[y, x] & DOUBTED else 1
                    least = reject * (0.5 if bits[y, x] & DOUBTED else 1.0) * spread[y, x]
                    side = rises(own, y, x, ring, least, but)
                    if side != 0.0 and stands_alone(
                        light, sigma, quality, sharp, alike, k, b, y, x, near, ring, reject, side, values
                    ):
                        hits[k, b, y, x] = 1
    # what is beside a hit and stands out too, if less, belongs to it, as does the dark ring that interpolation leaves;
    # seeds are 1, what grew is 2
    grow, less = 2 * near, reject * SHARE_OF_SEED
    for k in range(looks):
        for b in range(bands):
            for y in range(h):
                for x in range(w):
                    if hits[k, b, y, x] != 1:
                        continue
                    for i in range(max(y - grow, 0), min(y + grow + 1, h)):
                        for j in range(max(x - grow, 0), min(x + grow + 1, w)):
                            if hits[k, b, i, j] or light[k, b, i, j] != light[k, b, i, j]:
                                continue
                            if stands_alone(
                                light, sigma, quality, sharp, alike, k, b, i, j, near, ring, less, 0.0, values
                            ):
                                hits[k, b, i, j] = 2


@kernel
def seek_colours(
    light: Plane,
    sigma: Plane,
    quality: Bits,
    alike: Alike,
    near: int,
    ring: Ring,
    reject: float,
    hits: Bits,
    first: int,
) -> None:
    """`find_colours`, with the ring around a pixel."""
    values = np.empty(8, np.float32)
    looks, bands, h, w = light.shape
    low, high = np.empty(w, np.float32), np.empty(w, np.float32)
    above, below = np.empty(w, np.int32), np.empty(w, np.int32)
    for k in range(looks):
        for b in range(bands):
            own, spread, bits = light[k, b], sigma[k, b], quality[k, b]
            for y in range(h):
                sift(own, spread, bits, y, first, ring, reject, low, high, above, below)
                for x in range(first, w):
                    if (above[x] > 3 and below[x] > 3) or own[y, x] != own[y, x]:
                        continue
                    if alike[k, y, x] < ALIKE or hits[k, b, y, x]:
                        continue
                    least = reject * (0.5 if bits[y, x] & DOUBTED else 1.0) * spread[y, x]
                    # a long track, drawn wide by a slanting view, takes three places of the ring
                    side = rises(own, y, x, ring, least, 3)
                    if side == 0.0 or not towers(own, y, x, ring, least, COLOUR_GRAIN, side):
                        continue
                    if not only_here(light[k], sigma[k], b, y, x, near, ring, least, side, values):
                        continue
                    if not seen_too(light[:, b], alike, k, y, x, near, ring, side, values):
                        hits[k, b, y, x] = 3
    grow = 2 * near
    for k in range(looks):
        for b in range(bands):
            for y in range(h):
                for x in range(w):
                    if hits[k, b, y, x] != 3:
                        continue
                    for i in range(max(y - grow, 0), min(y + grow + 1, h)):
                        for j in range(max(x - grow, 0), min(x + grow + 1, w)):
                            if hits[k, b, i, j] or light[k, b, i, j] != light[k, b, i, j]:
                                continue
                            least = reject * SHARE_OF_SEED * sigma[k, b, i, j]
                            for side in (1.0, -1.0):
                                if only_here(light[k], sigma[k], b, i, j, near, ring, least, side, values):
                                    hits[k, b, i, j] = 4


@kernel
def seen_too(
    light: Plane, alike: Alike, k: int, y: int, x: int, near: int, ring: Ring, side: float, values: Plane
) -> bool:
    """Whether another look than k stands out at a pixel of the light (looks, h, w), upwards (`side` 1) or downwards
    (-1), by half of what look k does."""
    least = 0.5 * side * (light[k, y, x] - surroundings(light[k], y, x, ring, values))
    for j in range(len(light)):
        if j == k or alike[j, y, x] < ALIKE:
            continue
        theirs = surroundings(light[j], y, x, ring, values)
        for p in range(max(y - near, 0), min(y + near + 1, light.shape[1])):
            for q in range(max(x - near, 0), min(x + near + 1, light.shape[2])):
                if side * (light[j, p, q] - theirs) > least:
                    return True
    return False


@kernel
def only_here(
    light: Plane, sigma: Plane, b: int, y: int, x: int, near: int, ring: Ring, least: float, side: float, values: Plane
) -> bool:
    """Whether a look's light (bands, h, w) stands out in one filter, upwards (`side` 1) or downwards (-1), by more than
    `least` and what the others allow."""
    mine = surroundings(light[b], y, x, ring, values)
    if not mine > LIT * sigma[b, y, x]:
        return False
    allowed, others = 0.0, 0
    for c in range(len(light)):
        if c == b:
            continue
        theirs = surroundings(light[c], y, x, ring, values)
        if not theirs > LIT * sigma[c, y, x]:
            continue
        most = 0.0
        for p in range(max(y - near, 0), min(y + near + 1, light.shape[1])):
            for q in range(max(x - near, 0), min(x + near + 1, light.shape[2])):
                most = max(most, side * (light[c, p, q] - theirs))
        # the largest of some pixels is noise in part
        allowed = max(allowed, max(most - 2.0 * sigma[c, y, x], 0.0) / theirs)
        others += 1
    return others > 0 and side * (light[b, y, x] - mine) > least + (COLOUR * allowed + COLOUR_GRAIN) * mine


@kernel
def fill_holes(light: Plane, sigma: Plane, holes: Bits, radius: int) -> None:
    """Fill what was rejected and nobody else has seen with the mean of what is around, in place.

    `light`, `sigma` and `holes` are (bands, h, w). The sigma of such a pixel is the scatter around it.
    """
    for b in range(light.shape[0]):
        for y in range(light.shape[1]):
            for x in range(light.shape[2]):
                if not holes[b, y, x] or light[b, y, x] == light[b, y, x]:
                    continue
                total, square, n = 0.0, 0.0, 0
                for i in range(max(y - radius, 0), min(y + radius + 1, light.shape[1])):
                    for j in range(max(x - radius, 0), min(x + radius + 1, light.shape[2])):
                        value = float(light[b, i, j])
                        if value == value and not holes[b, i, j]:
                            total += value
                            square += value * value
                            n += 1
                if n > 2:
                    mean = total / n
                    light[b, y, x] = mean
                    sigma[b, y, x] = np.sqrt(max(square / n - mean * mean, 0.0))
