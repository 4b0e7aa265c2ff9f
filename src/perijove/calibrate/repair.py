"""Repair: what is put in the place of a bad pixel, from the good ones around it and never across an edge."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from perijove.jit import kernel

Codes = NDArray[np.uint8]
Plane = NDArray[np.float32]

FARTHEST = 24
"""A good pixel is sought no farther than this, px: one and a half blocks of the compression."""
DISTANCE_CODES = 0.7
"""Codes by which the light of a quiet scene wanders from one pixel to the next, for gaps of several pixels."""
UNSEEN = 0.3
"""Share of the change around a gap that is to be expected in it unseen."""

# one of the two ways along the line, the column and the diagonals
_WAYS = np.array([(0, 1), (1, 0), (1, 1), (1, -1)], np.int64)


@kernel
def fill(
    plane: Codes,
    bad: NDArray[np.bool_],
    source: NDArray[np.bool_],
    sigma: NDArray[np.float64],
    out: Codes,
    errors: Plane,
) -> int:
    """Replace in `out` the pixels where `bad`, from those where `source`; the sigma in codes of each goes to `errors`.

    All planes are (lines, samples); `errors` (n,) is filled in the order of the pixels and their number is returned.
    `sigma` (256,) is the noise of each code. A pixel with nothing good in reach keeps its code, with a sigma of NaN.
    """
    lines, samples = plane.shape
    count = 0
    for i in range(lines):
        for j in range(samples):
            if bad[i, j]:
                value, error = between(plane, source, sigma, i, j)
                if not np.isnan(value):
                    out[i, j] = np.uint8(min(max(value + 0.5, 0.0), 255.0))
                errors[count] = error
                count += 1
    return count


@kernel
def between(
    plane: Codes, source: NDArray[np.bool_], sigma: NDArray[np.float64], line: int, sample: int
) -> tuple[float, float]:
    """What should stand at a place, and its sigma, both in codes.

    Along the line, the column and both diagonals the nearest good pixels on either side are joined by a straight line.
    These four are averaged with weights by how little the light changes that way, between the two and beside them: an
    edge is followed and not crossed. What has a good pixel on one side only counts where nothing better is there.
    """
    total, values, squares, noise, restless = 0.0, 0.0, 0.0, 0.0, 0.0
    lone, lone_distance = np.nan, FARTHEST + 1
    for k in range(4):
        di, dj = _WAYS[k]
        ahead, behind = _nearest(source, line, sample, di, dj), _nearest(source, line, sample, -di, -dj)
        if ahead and ahead < lone_distance:
            lone, lone_distance = float(plane[line + ahead * di, sample + ahead * dj]), ahead
        if behind and behind < lone_distance:
            lone, lone_distance = float(plane[line - behind * di, sample - behind * dj]), behind
        if not ahead or not behind:
            continue
        a = float(plane[line + ahead * di, sample + ahead * dj])
        b = float(plane[line - behind * di, sample - behind * dj])
        gap = ahead + behind
        value = (a * behind + b * ahead) / gap
        own = sigma[int(value)] ** 2
        wander = DISTANCE_CODES**2 * (gap - 2.0)
        change = 0.25 * (a - b) ** 2 + _change_beside(plane, source, line, sample, di, dj)
        variance = 0.5 * own + wander + max(change - own, 0.0)
        weight = 1.0 / variance**2
        total += weight
        values += weight * value
        squares += weight * value * value
        noise += weight * weight * (0.5 * own + wander)
        restless += weight * max(change - own, 0.0)
    if total == 0.0:
        if np.isnan(lone):
            return np.nan, np.nan
        return lone, 3.0 * np.sqrt(sigma[int(lone)] ** 2 + DISTANCE_CODES**2 * lone_distance)
    mean = values / total
    spread = max(squares / total - mean * mean, 0.0)
    return mean, np.sqrt(noise / (total * total) + spread + UNSEEN * restless / total)


@kernel
def _nearest(source: NDArray[np.bool_], line: int, sample: int, di: int, dj: int) -> int:
    """Steps to the nearest good pixel one way; 0 where there is none in reach."""
    lines, samples = source.shape
    for n in range(1, FARTHEST + 1):
        i, j = line + n * di, sample + n * dj
        if not (0 <= i < lines and 0 <= j < samples):
            return 0
        if source[i, j]:
            return n
    return 0


@kernel
def _change_beside(plane: Codes, source: NDArray[np.bool_], line: int, sample: int, di: int, dj: int) -> float:
    """Mean square of the steps one way between good neighbours among the eight pixels around a place."""
    lines, samples = source.shape
    total, count = 0.0, 0
    for i in range(max(line - 1, 0), min(line + 2, lines)):
        for j in range(max(sample - 1, 0), min(sample + 2, samples)):
            m, n = i + di, j + dj
            if abs(m - line) > 1 or abs(n - sample) > 1 or not (0 <= m < lines and 0 <= n < samples):
                continue
            if source[i, j] and source[m, n]:
                total += (float(plane[i, j]) - float(plane[m, n])) ** 2
                count += 1
    return total / count if count else 0.0
