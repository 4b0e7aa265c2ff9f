"""The variance and quality of rendered light: the camera pixels' own, carried through with the weights of the light.

The noise of camera pixels is taken to be independent, so that variances add with the squares of the weights. Output
pixels that share camera pixels are not independent: sigma is that of each by itself.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from perijove.jit import inlined, kernel
from perijove.render.framelets import Optics, Uncertainty
from perijove.render.interpolate import (
    CATMULL_ROM,
    ONE,
    THREE,
    TWO,
    UIntArray,
    weigh_catmull_rom,
    weigh_smoothly,
    weigh_taps,
)
from perijove.render.locate import NOT_SEEN, Sightings

IntArray = NDArray[np.int64]
Light = NDArray[np.float32]
Bits = NDArray[np.uint8]


class Taps(NamedTuple):
    """Room for a row: `at` of the first tap, fractions `ty`, `tx`, `value`, `bits`, `hard` cases, (w,) all; `scratch`
    (2, 8)."""

    at: NDArray[np.uint64]
    ty: Light
    tx: Light
    value: Light
    bits: Bits
    hard: IntArray
    scratch: Light


@kernel
def interpolate_variance(
    variance: Light, base: int, lines: int, samples: int, y: float, x: float, kind: int, scratch: Light
) -> float:
    """Variance of what `interpolate.sample_edge` gives at (y, x) of one framelet; NaN where one of its taps is.

    `scratch` (2, 8) float32 is overwritten.
    """
    low, left = math.floor(y), math.floor(x)
    if kind == 1:
        low, left = min(max(low, 0), lines - 2), min(max(left, 0), samples - 2)
    row, column = low - kind + 1, left - kind + 1
    weigh_taps(kind, np.float32(y - low), row, lines, scratch[0])
    weigh_taps(kind, np.float32(x - left), column, samples, scratch[1])
    total = 0.0
    for j in range(max(0, -row), min(2 * kind, lines - row)):
        start = base + (row + j) * samples + column
        part = 0.0
        for k in range(max(0, -column), min(2 * kind, samples - column)):
            part += scratch[1, k] * scratch[1, k] * variance[start + k]
        total += scratch[0, j] * scratch[0, j] * part
    return total


@kernel
def variance_around_gaps(
    variance: Light, base: int, lines: int, samples: int, y: float, x: float
) -> tuple[float, float]:
    """Variance and weight of what `interpolate.sample_around_gaps` gives at (y, x) of one framelet."""
    row, column = math.floor(y), math.floor(x)
    total, found, full = 0.0, 0.0, 0.0
    for j in range(4):
        wy = weigh_smoothly(y - row, j)
        line = min(max(row + j - 1, 0), lines - 1)
        for k in range(4):
            w = wy * weigh_smoothly(x - column, k)
            full += w
            sample = column + k - 1
            if 0 <= sample < samples:
                value = variance[base + line * samples + sample]
                if value == value:
                    total += w * w * value
                    found += w
    coverage = 2.0 * found / full - 1.0
    if coverage <= 0.0:
        return math.nan, 0.0
    return total / (found * found), coverage


@kernel
def gather_bits(quality: Bits, base: int, lines: int, samples: int, y: float, x: float) -> np.uint8:
    """The quality bits of the four camera pixels about (y, x) of one framelet: those that weigh most."""
    bits = np.uint8(0)
    for j in range(2):
        line = min(max(math.floor(y) + j, 0), lines - 1)
        for k in range(2):
            sample = min(max(math.floor(x) + k, 0), samples - 1)
            bits |= quality[base + line * samples + sample]
    return bits


@kernel
def feather(optics: Optics, line: float, sample: float) -> float:
    """Weight of a place in a framelet: 1 inside, smoothly 0 at the first and last line and at the masked columns."""
    a = min(1.0, min(line, optics.lines - line) / optics.feather)
    b = min(1.0, min(sample - optics.left, optics.right - sample) / optics.ramp)
    if a <= 0.0 or b <= 0.0:
        return 0.0
    return a * a * (3.0 - 2.0 * a) * b * b * (3.0 - 2.0 * b)


@inlined
def square_catmull_rom(variance: Light, at: np.uint64, stride: np.uint64, ty: np.float32, tx: np.float32) -> np.float32:
    """Variance of a Catmull-Rom value with the upper left of 4 x 4 taps at index `at`."""
    y0, y1, y2, y3 = weigh_catmull_rom(ty)
    x0, x1, x2, x3 = weigh_catmull_rom(tx)
    y0, y1, y2, y3 = y0 * y0, y1 * y1, y2 * y2, y3 * y3
    p, q, r = at + stride, at + TWO * stride, at + THREE * stride
    a = y0 * variance[at] + y1 * variance[p] + y2 * variance[q] + y3 * variance[r]
    b = y0 * variance[at + ONE] + y1 * variance[p + ONE] + y2 * variance[q + ONE] + y3 * variance[r + ONE]
    c = y0 * variance[at + TWO] + y1 * variance[p + TWO] + y2 * variance[q + TWO] + y3 * variance[r + TWO]
    d = y0 * variance[at + THREE] + y1 * variance[p + THREE] + y2 * variance[q + THREE] + y3 * variance[r + THREE]
    value: np.float32 = x0 * x0 * a + x1 * x1 * b + x2 * x2 * c + x3 * x3 * d
    return value


@kernel
def square_many(
    known: Uncertainty, stride: np.uint64, at: UIntArray, ty: Light, tx: Light, value: Light, bits: Bits
) -> None:
    """Variances and quality bits (n,) of Catmull-Rom values whose taps lie wholly inside; see `interpolate_many`."""
    variance, quality = known.variance, known.quality
    for j in range(value.size):
        value[j] = square_catmull_rom(variance, at[j], stride, ty[j], tx[j])
    for j in range(value.size):
        above = at[j] + stride + ONE
        below = above + stride
        bits[j] = quality[above] | quality[above + ONE] | quality[below] | quality[below + ONE]


@kernel
def add_uncertainty(
    known: Uncertainty,
    optics: Optics,
    count: int,
    found: Sightings,
    kind: int,
    taps: Taps,
    total: Light,
    bits: Bits,
) -> None:
    """Add the weighted variance of `count` sightings to `total` (w,) of their pixels, and set their `bits` (w,).

    `taps` are those that were placed for the light of the same sightings.
    """
    n = 0
    if kind == CATMULL_ROM:
        # the common case first, in loops without branches; then the others one by one
        square_many(
            known, np.uint64(optics.samples), taps.at[:count], taps.ty[:count], taps.tx[:count], taps.value[:count],
            taps.bits[:count],
        )  # fmt: skip
        low = max(optics.feather, kind)
        high = optics.lines - low
        first, last = max(optics.left + optics.ramp, kind), min(optics.right - optics.ramp, optics.samples - kind)
        for j in range(count):
            value = taps.value[j]
            if low <= found.line[j] <= high and first <= found.sample[j] <= last and value == value:
                total[found.pixel[j]] += value
                bits[found.pixel[j]] |= taps.bits[j]
            else:
                taps.hard[n] = j
                n += found.frame[j] != NOT_SEEN
    else:
        for j in range(count):
            taps.hard[n] = j
            n += found.frame[j] != NOT_SEEN
    add_closely(known, optics, n, found, kind, taps, total, bits)


@kernel
def add_closely(
    known: Uncertainty, optics: Optics, count: int, found: Sightings, kind: int, taps: Taps, total: Light, bits: Bits
) -> None:
    """Add the variances of the sightings numbered in `taps.hard`: at the borders of framelets and around gaps."""
    lines, samples = optics.lines, optics.samples
    for k in range(count):
        j = taps.hard[k]
        w = feather(optics, found.line[j], found.sample[j])
        if w == 0.0:
            continue
        base = found.frame[j] * lines * samples
        y, x = found.line[j] - 0.5, found.sample[j] - 0.5
        value, share = interpolate_variance(known.variance, base, lines, samples, y, x, kind, taps.scratch), 1.0
        if value != value:
            value, share = variance_around_gaps(known.variance, base, lines, samples, y, x)
        w *= share
        if w > 0.0:
            total[found.pixel[j]] += np.float32(w * w * value)
            bits[found.pixel[j]] |= gather_bits(known.quality, base, lines, samples, y, x)
