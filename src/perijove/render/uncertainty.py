"""The variance and quality of rendered light: the camera pixels' own, carried through with the weights of the light.

The noise of camera pixels is taken to be independent, so that variances add with the squares of the weights. Output
pixels that share camera pixels are not independent: sigma is that of each by itself.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from perijove.jit import kernel
from perijove.render.framelets import Optics, Uncertainty
from perijove.render.interpolate import weigh_smoothly, weigh_taps
from perijove.render.locate import NOT_SEEN, Sightings

Light = NDArray[np.float32]
Bits = NDArray[np.uint8]


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


@kernel
def add_uncertainty(
    known: Uncertainty,
    optics: Optics,
    count: int,
    found: Sightings,
    kind: int,
    scratch: Light,
    total: Light,
    bits: Bits,
) -> None:
    """Add the weighted variance of `count` sightings to `total` (w,) of their pixels, and set their `bits` (w,)."""
    lines, samples = optics.lines, optics.samples
    for j in range(count):
        w = 0.0 if found.frame[j] == NOT_SEEN else feather(optics, found.line[j], found.sample[j])
        if w == 0.0:
            continue
        base = found.frame[j] * lines * samples
        y, x = found.line[j] - 0.5, found.sample[j] - 0.5
        value, share = interpolate_variance(known.variance, base, lines, samples, y, x, kind, scratch), 1.0
        if value != value:
            value, share = variance_around_gaps(known.variance, base, lines, samples, y, x)
        w *= share
        if w > 0.0:
            total[found.pixel[j]] += np.float32(w * w * value)
            bits[found.pixel[j]] |= gather_bits(known.quality, base, lines, samples, y, x)
