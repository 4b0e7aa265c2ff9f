"""Pyramids with gaps: looks split into octaves of detail, each blended by its own weights, and put together again.

A level holds every plane multiplied by what is known of the look (1 where it has data, 0 where not), halved by the
5-tap binomial filter (1 4 6 4 1) / 16 both ways (Burt and Adelson 1983). A value is the quotient of two such planes
(normalised convolution, Knutsson and Westin 1993): nothing is made up beyond the edge of a strip, so that none gets a
rim. The pixel i of level l lies on the pixel 2^l i of the grid, whatever part of the grid is made.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from perijove.jit import inlined, kernel

Plane = NDArray[np.float32]

LEVELS = 4
"""Octaves of detail; what is coarser than 2^LEVELS px is blended by smooth weights over much wider seams."""
LATTICE = 2**LEVELS
"""Parts of a grid must begin at multiples of this."""
REACH = 68
"""How far, px, a blended pixel looks: 30 from level to level upwards, 38 for what the coarsest levels are made of."""
SUMS = 7
"""Sums a pixel of a level has besides two of each band: weights sharp and even, confidence, and four of variances."""
FAINT = 1e-7
"""Share of data below which a pixel of a level has none."""
SOME = np.float32(1e-3)
"""Weight of a look that is not the best, or ends here, against the best: it counts where nothing better does."""
CALM, BUSY = 2.0, 4.0
"""Energy of detail, in that of its noise, up to which it is all noise, and from which it is none."""


@kernel
def halve(planes: Plane, out: Plane) -> None:
    """Fill `out` (n, ceil(h / 2), ceil(w / 2)) with the next level of planes (n, h, w); beyond is nothing."""
    h, w = planes.shape[1:]
    row = np.empty(w + 4, np.float32)
    row[:2] = np.float32(0.0)
    row[w + 2 :] = np.float32(0.0)
    a, b, c = np.float32(1 / 16), np.float32(4 / 16), np.float32(6 / 16)
    for n in range(planes.shape[0]):
        for i in range(out.shape[1]):
            y = 2 * i
            p, q, r, s, t = max(y - 2, 0), max(y - 1, 0), y, min(y + 1, h - 1), min(y + 2, h - 1)
            wp, wq = a if y >= 2 else np.float32(0.0), b if y >= 1 else np.float32(0.0)
            ws, wt = b if y + 1 < h else np.float32(0.0), a if y + 2 < h else np.float32(0.0)
            for x in range(w):
                row[x + 2] = (
                    wp * planes[n, p, x]
                    + wq * planes[n, q, x]
                    + c * planes[n, r, x]
                    + ws * planes[n, s, x]
                    + wt * planes[n, t, x]
                )
            for j in range(out.shape[2]):
                x = 2 * j
                out[n, i, j] = a * row[x] + b * row[x + 1] + c * row[x + 2] + b * row[x + 3] + a * row[x + 4]


def levels_of(planes: Plane) -> list[Plane]:
    """`LEVELS` + 1 levels of planes (n, h, w), the planes themselves first."""
    out = [planes]
    for _ in range(LEVELS):
        n, h, w = out[-1].shape
        half = np.empty((n, (h + 1) // 2, (w + 1) // 2), np.float32)
        halve(out[-1], half)
        out.append(half)
    return out


@inlined
def spread_row(planes: Plane, n: int, y: int, row: Plane) -> None:
    """Fill `row` (w + 2) with line `y` of the finer level, of plane n, not yet spread along the line."""
    h, w = planes.shape[1], planes.shape[2]
    i = y // 2
    row[0] = np.float32(0.0)
    row[w + 1] = np.float32(0.0)
    if y % 2 == 0:
        above, below = max(i - 1, 0), min(i + 1, h - 1)
        wa = np.float32(0.125) if i >= 1 else np.float32(0.0)
        wb = np.float32(0.125) if i + 1 < h else np.float32(0.0)
        for x in range(w):
            row[x + 1] = wa * planes[n, above, x] + np.float32(0.75) * planes[n, i, x] + wb * planes[n, below, x]
    else:
        below = min(i + 1, h - 1)
        wb = np.float32(0.5) if i + 1 < h else np.float32(0.0)
        for x in range(w):
            row[x + 1] = np.float32(0.5) * planes[n, i, x] + wb * planes[n, below, x]


@inlined
def spread_along(row: Plane, x: int) -> np.float32:
    """What `spread_row` filled, at sample `x` of the finer level."""
    j = x // 2 + 1
    if x % 2 == 0:
        value: np.float32 = np.float32(0.125) * row[j - 1] + np.float32(0.75) * row[j] + np.float32(0.125) * row[j + 1]
    else:
        value = np.float32(0.5) * (row[j] + row[j + 1])
    return value


@inlined
def confidence(share: np.float32) -> np.float32:
    """Trust in detail next to the edge of a look, by the share of data around it: 0 at a straight edge, 1 inside."""
    s = min(max(np.float32(2.0) * share - np.float32(1.0), np.float32(0.0)), np.float32(1.0))
    smooth: np.float32 = s * s * (np.float32(3.0) - np.float32(2.0) * s)
    return smooth


@kernel
def add_detail(level: Plane, coarser: Plane, bands: int, sums: Plane) -> None:
    """Add one look's detail of one level to the `sums` (h, w, SUMS + 2 bands).

    `level` and `coarser` (bands + 5, h, w) are two successive levels of the light of each band, what is known, the mask
    of where the look is the best, its worth against noise, and its variance, each times what is known; the last plane
    is the look's weight in wide seams.
    """
    h, w = level.shape[1:]
    rows = np.empty((bands + 1, coarser.shape[2] + 2), np.float32)
    for y in range(h):
        for n in range(bands + 1):
            spread_row(coarser, n, y, rows[n])
        for x in range(w):
            known = level[bands, y, x]
            if known < FAINT:
                continue
            below = spread_along(rows[bands], x)
            if below <= np.float32(0.0):
                continue
            trust = confidence(coarser[bands, y // 2, x // 2]) + SOME
            sharp = known * (level[bands + 1, y, x] + SOME) * trust
            even = level[bands + 2, y, x] * trust
            variance = level[bands + 3, y, x] / known
            at = sums[y, x]
            at[0] += sharp
            at[1] += even
            at[2] += sharp * known
            at[3] += sharp * sharp * variance
            at[4] += sharp * even * variance
            at[5] += even * even * variance
            at[6] += sharp * variance
            for n in range(bands):
                detail = level[n, y, x] / known - spread_along(rows[n], x) / below
                at[SUMS + 2 * n] += sharp * detail
                at[SUMS + 2 * n + 1] += even * detail


@kernel
def add_rest(level: Plane, bands: int, sums: Plane) -> None:
    """Add what is left of one look at the coarsest level to its `sums`, by the weight in wide seams."""
    h, w = level.shape[1:]
    for y in range(h):
        for x in range(w):
            known = level[bands, y, x]
            if known < FAINT:
                continue
            wide = (level[bands + 4, y, x] + SOME * SOME * known) * (confidence(known) + SOME)
            variance = level[bands + 3, y, x] / known
            at = sums[y, x]
            at[0] += wide
            at[2] += wide * known
            at[3] += wide * wide * variance
            at[6] += wide * variance
            for n in range(bands):
                at[SUMS + 2 * n] += wide * level[n, y, x] / known


@kernel
def measure_energy(sums: Plane, bands: int, energy: Plane, variance: Plane) -> None:
    """Fill, for a line (w,) of sums (w, n), the energy of the detail of all bands, and the variance there.

    It is that of the best look, or that of the mean where it is larger: the mean shows what is wrong in another look.
    """
    for x in range(len(sums)):
        energy[x] = variance[x] = np.float32(0.0)
        if sums[x, 0] > np.float32(0.0):
            scale, even, other = np.float32(1.0) / sums[x, 0], np.float32(0.0), np.float32(0.0)
            if sums[x, 1] > np.float32(0.0):
                even = np.float32(1.0) / sums[x, 1]
            for n in range(bands):
                detail, mean = sums[x, SUMS + 2 * n] * scale, sums[x, SUMS + 2 * n + 1] * even
                energy[x] += detail * detail
                other += mean * mean
            energy[x] = max(energy[x], other)
            variance[x] = np.float32(bands) * sums[x, 6] * scale


@kernel
def settle(sums: Plane, bands: int, noise: float, share: float, out: Plane) -> None:
    """Fill `out` (bands + 2, h, w) with the detail of a level times its confidence, that confidence, and a share of
    the variance, in that of the mean pixel.

    `noise` is the part of a pixel's variance that the level's detail has. Where the energy of the detail is no more
    than noise the looks are averaged by their worth, else the best is taken.
    """
    h, w = sums.shape[0], sums.shape[1]
    energies, variances = np.zeros((3, w + 2), np.float32), np.zeros((3, w + 2), np.float32)
    for y in range(h):
        # three lines at a time: line y lies in row y % 3
        for i in range(y if y == 0 else y + 1, y + 2):
            energies[i % 3, 1 : w + 1] = np.float32(0.0)
            variances[i % 3, 1 : w + 1] = np.float32(0.0)
            if i < h and noise > 0.0:
                measure_energy(sums[i], bands, energies[i % 3, 1 : w + 1], variances[i % 3, 1 : w + 1])
        a, b, c = (y + 2) % 3, y % 3, (y + 1) % 3
        for x in range(w):
            at = sums[y, x]
            sharp, even = at[0], at[1]
            if sharp <= np.float32(0.0):
                out[:, y, x] = np.float32(0.0)
                continue
            part = 0.0
            if even > np.float32(0.0) and noise > 0.0:
                energy, variance = 0.0, 0.0
                for j in range(x, x + 3):
                    energy += energies[a, j] + energies[b, j] + energies[c, j]
                    variance += variances[a, j] + variances[b, j] + variances[c, j]
                s = (BUSY * noise * variance - energy) / max((BUSY - CALM) * noise * variance, 1e-30)
                s = min(max(s, 0.0), 1.0)
                part = s * s * (3.0 - 2.0 * s)
            trust = at[2] / sharp
            spread = (1.0 - part) ** 2 * at[3] / sharp / sharp
            if part > 0.0:
                spread += 2.0 * part * (1.0 - part) * at[4] / sharp / even + part**2 * at[5] / even / even
            mean = at[6] / sharp
            for n in range(bands):
                value = (1.0 - part) * at[SUMS + 2 * n] / sharp
                if part > 0.0:
                    value += part * at[SUMS + 2 * n + 1] / even
                out[n, y, x] = value * trust
            out[bands, y, x] = trust
            out[bands + 1, y, x] = trust * share * (spread / mean if mean > 0.0 else 1.0)


@kernel
def collapse(coarser: Plane, finer: Plane, bands: int) -> None:
    """Add the coarser level of `settle` planes (bands + 2, h, w) to the finer one, in place."""
    h, w = finer.shape[1:]
    rows = np.empty((bands + 2, coarser.shape[2] + 2), np.float32)
    for y in range(h):
        for n in range(bands + 2):
            spread_row(coarser, n, y, rows[n])
        for x in range(w):
            trust = finer[bands, y, x]
            below = spread_along(rows[bands], x)
            if trust <= np.float32(0.0) or below <= np.float32(0.0):
                continue
            for n in range(bands):
                finer[n, y, x] += trust * (spread_along(rows[n], x) / below)
            finer[bands + 1, y, x] += trust * (spread_along(rows[bands + 1], x) / below)


@lru_cache(maxsize=32)
def noise_shares(native: float) -> tuple[float, ...]:
    """The part of a pixel's variance that the detail of each level has, what is left at the coarsest level last.

    `native` is the size in px of the camera's pixels, whose noise is white: finer detail has none.
    """
    size, spacing = 256, max(native, 1.0)
    frequency = np.fft.fftfreq(size)
    taps = np.array([6, 4, 1]) / 16
    inside = np.abs(frequency) <= 0.5 / spacing
    # how much of each frequency a level still holds; what aliasing folds back is counted where it came from
    passed, parts = np.ones(size), []
    grid = np.outer(inside, inside).astype(float)
    whole = grid.sum()
    for level in range(LEVELS):
        angle = 2 * np.pi * frequency * 2**level
        lower = passed * (taps[0] + 2 * taps[1] * np.cos(angle) + 2 * taps[2] * np.cos(2 * angle))
        # spread by the filter that halves
        again = lower * np.divide(lower, passed, out=np.zeros(size), where=passed != 0.0)
        detail = np.outer(passed, passed) - np.outer(again, again)
        parts.append(float((grid * detail**2).sum() / whole))
        passed = lower
    parts.append(float((grid * np.outer(passed, passed) ** 2).sum() / whole))
    return tuple(parts)


def blend(looks: Iterable[Plane], native: float) -> Plane:
    """Blend looks of one size: (bands + 2, h, w), light, confidence (0 where there is nothing) and variance.

    Each look (bands + 5, h, w) is what `add_detail` takes, of light with every pixel that is to be left out multiplied
    by 0; the first pixel lies on the `LATTICE`. There is one at least. The variance is in that of the pixels, averaged
    by their weights.
    """
    shares = noise_shares(round(native, 3))
    sums: list[Plane] = []
    bands = 0
    for look in looks:
        levels, bands = levels_of(look), look.shape[0] - 5
        if not sums:
            sums = [np.zeros((*level.shape[1:], SUMS + 2 * bands), np.float32) for level in levels]
        for level in range(LEVELS):
            add_detail(levels[level], levels[level + 1], bands, sums[level])
        add_rest(levels[-1], bands, sums[-1])
    below = settled(sums[-1], bands, 0.0, shares[-1] / math.fsum(shares))
    for level in reversed(range(LEVELS)):
        out = settled(sums[level], bands, shares[level], shares[level] / math.fsum(shares))
        collapse(below, out, bands)
        below = out
    known = below[bands] > 0.0
    with np.errstate(invalid="ignore", divide="ignore"):
        for n in [*range(bands), bands + 1]:
            below[n] = np.where(known, below[n] / below[bands], np.float32(np.nan))
    return below


def settled(sums: Plane, bands: int, noise: float, share: float) -> Plane:
    """What `settle` makes of the sums of a level."""
    out = np.empty((bands + 2, *sums.shape[:2]), np.float32)
    settle(sums, bands, noise, share, out)
    return out
