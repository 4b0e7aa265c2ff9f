"""Merging: the looks at one part of the grid become one light, with what it came from and how sure it is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from perijove.jit import kernel
from perijove.mosaic.pyramid import blend

Plane = NDArray[np.float32]
Bits = NDArray[np.uint8]
Numbers = NDArray[np.int16]
BoolArray = NDArray[np.bool_]

LEAST = np.float32(2e-3)
"""Weight, against the best, below which a look is not used."""
AGREED = 5.0
"""Sigma by which a look may depart from the mean of all where that is taken for stars: moons and hits do by more."""
BESIDE_PX = 3.0
"""How far around what looks do not agree about none is averaged, camera px."""


class Mode(StrEnum):
    """How looks are combined: by octaves of detail, by the heaviest one, by their weighted mean or their median."""

    BLEND = "blend"
    BEST = "best"
    MEAN = "mean"
    MEDIAN = "median"


@dataclass(frozen=True)
class Stack:
    """Looks (n) at one part (h, w) of the grid, in some bands that all of them have.

    `light` and `sigma` (n, bands, h, w), NaN light where there is none or it was rejected; `choice` and `worth`
    (n, h, w) weigh them. `ground` (h, w) tells the body from the sky, which are blended apart; None: all is ground.
    `stars` (h, w) tells how far, 0 to 1, a place is the same from wherever it is seen, as stars are: there even fine
    detail that stands out of noise is the mean of all looks by their worth, not the best one's, as far as these agree
    within their noise. None: nowhere.
    """

    light: Plane
    sigma: Plane
    choice: Plane
    worth: Plane
    ground: BoolArray | None = None
    stars: Plane | None = None


@dataclass(frozen=True)
class Merged:
    """`light` and `sigma` (bands, h, w); `best` (h, w) the number of the heaviest look, -1 for none; `count` (h, w) of
    looks used, and `share` (n, h, w) what each contributes, in all 1 (empty unless the mode takes means)."""

    light: Plane
    sigma: Plane
    best: Numbers
    count: Bits
    share: Plane


@kernel
def choose(light: Plane, choice: Plane, worth: Plane, best: Numbers, count: Bits) -> None:
    """Fill `best` and `count` (h, w), and scale the weights (n, h, w) of a stack so that the heaviest is 1.

    Only looks with light in every band are chosen from, unless there is none; weights of those without any are 0.
    """
    looks, bands = light.shape[0], light.shape[1]
    for y in range(choice.shape[1]):
        for x in range(choice.shape[2]):
            top, most, one, whole, n = np.float32(0.0), np.float32(0.0), -1, False, 0
            for k in range(looks):
                some = 0
                for b in range(bands):
                    some += light[k, b, y, x] == light[k, b, y, x]
                if some == 0:
                    choice[k, y, x] = np.float32(0.0)
                if some < bands or choice[k, y, x] == np.float32(0.0):
                    worth[k, y, x] = np.float32(0.0)
                weight = choice[k, y, x]
                if weight > np.float32(0.0):
                    n += 1
                    full = some == bands
                    if (full and not whole) or (full == whole and weight > top):
                        top, one, whole = weight, k, full
                most = max(most, worth[k, y, x])
            best[y, x], count[y, x] = one, min(n, 255)
            for k in range(looks):
                if top > np.float32(0.0):
                    choice[k, y, x] = min(choice[k, y, x] / top, np.float32(1e6))
                if most > np.float32(0.0):
                    worth[k, y, x] /= most


@kernel
def take_best(light: Plane, sigma: Plane, choice: Plane, best: Numbers, out: Plane, out_sigma: Plane) -> None:
    """Fill light and sigma (bands, h, w) from the heaviest look that has the band."""
    for y in range(best.shape[0]):
        for x in range(best.shape[1]):
            for b in range(light.shape[1]):
                k = best[y, x]
                if k >= 0 and light[k, b, y, x] != light[k, b, y, x]:
                    k, top = -1, np.float32(0.0)
                    for j in range(light.shape[0]):
                        if light[j, b, y, x] == light[j, b, y, x] and choice[j, y, x] > top:
                            k, top = j, choice[j, y, x]
                out[b, y, x] = light[k, b, y, x] if k >= 0 else np.nan
                out_sigma[b, y, x] = sigma[k, b, y, x] if k >= 0 else np.nan


@kernel
def take_mean(light: Plane, sigma: Plane, choice: Plane, out: Plane, out_sigma: Plane) -> None:
    """Fill light and sigma (bands, h, w) with means of the looks by their weights."""
    for b in range(light.shape[1]):
        for y in range(light.shape[2]):
            for x in range(light.shape[3]):
                total, value, spread = 0.0, 0.0, 0.0
                for k in range(light.shape[0]):
                    w = float(choice[k, y, x])
                    if w > 0.0 and light[k, b, y, x] == light[k, b, y, x]:
                        total += w
                        value += w * light[k, b, y, x]
                        spread += (w * sigma[k, b, y, x]) ** 2
                out[b, y, x] = value / total if total > 0.0 else np.nan
                out_sigma[b, y, x] = np.sqrt(spread) / total if total > 0.0 else np.nan


@kernel
def take_median(light: Plane, sigma: Plane, choice: Plane, out: Plane, out_sigma: Plane) -> None:
    """Fill light and sigma (bands, h, w) with medians of the looks that see a place at all; of two it is their mean.

    The sigma of the median of n is that of their mean times the root of pi n / (2 n + pi - 2), 1 for n = 1 and 2, and
    that of many in the limit (Kenney and Keeping 1962).
    """
    values = np.empty(light.shape[0], np.float32)
    for b in range(light.shape[1]):
        for y in range(light.shape[2]):
            for x in range(light.shape[3]):
                n, spread = 0, 0.0
                for k in range(light.shape[0]):
                    value = light[k, b, y, x]
                    if choice[k, y, x] > np.float32(0.0) and value == value:
                        m = n
                        while m > 0 and values[m - 1] > value:
                            values[m] = values[m - 1]
                            m -= 1
                        values[m] = value
                        spread += sigma[k, b, y, x] ** 2
                        n += 1
                if n == 0:
                    out[b, y, x] = out_sigma[b, y, x] = np.nan
                    continue
                middle = values[n // 2] if n % 2 else np.float32(0.5) * (values[n // 2 - 1] + values[n // 2])
                out[b, y, x] = middle
                loss = np.pi * n / (2.0 * n + np.pi - 2.0) if n > 2 else 1.0
                out_sigma[b, y, x] = np.sqrt(spread * loss) / n


def merge(stack: Stack, mode: Mode, native: float) -> Merged:
    """Merge the looks of a stack, whose weights are overwritten; `native` is the size of a camera pixel in pixels."""
    shape = stack.light.shape[1:]
    best, count = np.empty(shape[1:], np.int16), np.empty(shape[1:], np.uint8)
    choose(stack.light, stack.choice, stack.worth, best, count)
    light, sigma = np.empty(shape, np.float32), np.empty(shape, np.float32)
    if mode is Mode.MEAN:
        take_mean(stack.light, stack.sigma, stack.choice, light, sigma)
    elif mode is Mode.MEDIAN:
        take_median(stack.light, stack.sigma, stack.choice, light, sigma)
    else:
        take_best(stack.light, stack.sigma, stack.choice, best, light, sigma)
        if mode is Mode.BLEND:
            blend_in(stack, best, native, light, sigma)
    share = stack.choice if mode in (Mode.MEAN, Mode.MEDIAN) else np.empty((0, 0, 0), np.float32)
    return Merged(light, sigma, best, count, share)


def blend_in(stack: Stack, best: Numbers, native: float, light: Plane, sigma: Plane) -> None:
    """Replace light and sigma (bands, h, w) of the best looks by what the octaves of all of them make.

    Ground and sky are blended each by itself: looks that differ about a limb would spread that into the other.
    """
    ground = np.ones(best.shape, np.bool_) if stack.ground is None else stack.ground
    stars = np.zeros(best.shape, np.float32)
    if stack.stars is not None and stack.stars.any():
        odd = np.zeros(best.shape, np.uint8)
        seek_odd(stack.light, stack.sigma, stack.worth, stack.stars, odd)
        width = 2 * math.ceil(BESIDE_PX * max(native, 1.0)) + 1
        stars = np.where(cv2.dilate(odd, np.ones((width, width), np.uint8)) > 0, np.float32(0.0), stack.stars)
    for side in (ground, ~ground):
        if side.any():
            blend_side(replace(stack, stars=stars), best, side, native, light, sigma)


@kernel
def seek_odd(light: Plane, sigma: Plane, worth: Plane, stars: Plane, odd: Bits) -> None:
    """Set `odd` (h, w) to 1 where `stars` are and a look departs from the mean of all by more than `AGREED` sigma."""
    for y in range(odd.shape[0]):
        for x in range(odd.shape[1]):
            if stars[y, x] == np.float32(0.0):
                continue
            for b in range(light.shape[1]):
                total, value = 0.0, 0.0
                for k in range(len(light)):
                    if worth[k, y, x] > np.float32(0.0) and light[k, b, y, x] == light[k, b, y, x]:
                        total += worth[k, y, x]
                        value += worth[k, y, x] * light[k, b, y, x]
                for k in range(len(light)):
                    own = worth[k, y, x]
                    if own > np.float32(0.0) and light[k, b, y, x] == light[k, b, y, x]:
                        # the mean has a share of the look's own noise
                        spread = sigma[k, b, y, x] ** 2 * max(1.0 - own / total, 0.0)
                        if (light[k, b, y, x] - value / total) ** 2 > AGREED**2 * spread and own < total:
                            odd[y, x] = 1


def blend_side(stack: Stack, best: Numbers, side: BoolArray, native: float, light: Plane, sigma: Plane) -> None:
    """Blend the pixels of one `side` (h, w) of a limb, in place."""
    bands, stars = len(light), stack.stars
    assert stars is not None

    def parts() -> Iterator[Plane]:
        for k in range(len(stack.light)):
            part = np.empty((bands + 5, *best.shape), np.float32)
            weights = stack.choice[k], stack.worth[k]
            if prepare_part(stack.light[k], stack.sigma[k], *weights, best, side, stars, k, part):
                yield part

    blended = None
    looks = parts()
    first = next(looks, None)
    if first is None:
        return
    blended = blend(_chained(first, looks), native)
    # where a look has only some of the bands the best of each is all there is
    known = (blended[bands] > 0.0) & side
    np.copyto(light, blended[:bands], where=known)
    np.copyto(sigma, sigma * np.sqrt(blended[bands + 1]), where=known)


def _chained(first: Plane, rest: Iterator[Plane]) -> Iterator[Plane]:
    """One, and then the rest."""
    yield first
    yield from rest


@kernel
def prepare_part(
    light: Plane, sigma: Plane, choice: Plane, worth: Plane, best: Numbers, side: BoolArray, stars: Plane, k: int,
    out: Plane,
) -> bool:  # fmt: skip
    """Fill `out` (bands + 5, h, w) with what `add_detail` takes of look k on one `side` (h, w); whether it has any."""
    bands = light.shape[0]
    none, one, share = np.float32(0.0), np.float32(1.0), np.float32(1.0 / light.shape[0])
    found = 0
    for y in range(best.shape[0]):
        known, variance = out[bands, y], out[bands + 3, y]
        for x in range(best.shape[1]):
            # what others see much better is not taken from here, nor into the octaves near by
            known[x] = one if side[y, x] and (choice[y, x] > LEAST or worth[y, x] > LEAST) else none
            variance[x] = none
        for b in range(bands):
            values, spread = light[b, y], sigma[b, y]
            for x in range(best.shape[1]):
                known[x] = known[x] if values[x] == values[x] else none
                variance[x] += spread[x] * spread[x]
        for b in range(bands):
            values, row = light[b, y], out[b, y]
            for x in range(best.shape[1]):
                row[x] = values[x] if known[x] > none else none
        for x in range(best.shape[1]):
            there = known[x] > none
            found += there
            # of stars no look is the best one: they count by their worth
            mine = one - stars[y, x] if best[y, x] == k else none
            out[bands + 1, y, x] = mine + stars[y, x] * worth[y, x] if there else none
            out[bands + 2, y, x] = worth[y, x] if there else none
            variance[x] = variance[x] * share if there else none
            out[bands + 4, y, x] = min(choice[y, x], one) if there else none
    return found > 0
