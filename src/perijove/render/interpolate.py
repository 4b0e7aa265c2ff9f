"""Interpolation inside one framelet: bilinear, Catmull-Rom and Lanczos-3, with NaN left out.

Positions (y, x) count from the centre of the first element, so element (i, j) lies at (i, j). `light` is flat; `base`
is the index of the framelet's first element. The taps never leave the framelet: beyond its edges the light is
continued along the line through the two outermost elements, so that ramps stay ramps.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from perijove.jit import inlined, kernel

Light = NDArray[np.float32]
UIntArray = NDArray[np.uint64]

BILINEAR, CATMULL_ROM, LANCZOS_3 = 1, 2, 3
"""Kinds of interpolation, by the taps on either side."""
TABLE_STEPS = 1024


def lanczos_table() -> NDArray[np.float32]:
    """Weights (TABLE_STEPS + 2, 6) of Lanczos-3 for fractions 0, 1 / TABLE_STEPS ...; each row sums to 1."""
    fraction = np.arange(TABLE_STEPS + 2)[:, None] / TABLE_STEPS
    distance = fraction - np.arange(-2, 4)[None, :]
    weights = np.sinc(distance) * np.sinc(distance / 3.0) * (np.abs(distance) < 3.0)
    table: NDArray[np.float32] = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return table


LANCZOS = lanczos_table()
ONE, TWO, THREE = np.uint64(1), np.uint64(2), np.uint64(3)
# an unsigned index spares each of the taps the test for a negative one


@inlined
def weigh_catmull_rom(t: np.float32) -> tuple[np.float32, np.float32, np.float32, np.float32]:
    """Weights of the four taps for a fraction t (cubic convolution with a = -1/2, Keys 1981)."""
    one, half = np.float32(1.0), np.float32(0.5)
    s = one - t
    a = -half * t * s * s
    d = -half * s * t * t
    b = one + t * t * (np.float32(1.5) * t - np.float32(2.5))
    c = one + s * s * (np.float32(1.5) * s - np.float32(2.5))
    return a, b, c, d


@inlined
def sample_bilinear(light: Light, at: np.uint64, stride: np.uint64, ty: np.float32, tx: np.float32) -> np.float32:
    """Bilinear value with the upper left of 2 x 2 taps at index `at`."""
    low = at + stride
    a = light[at] + ty * (light[low] - light[at])
    b = light[at + ONE] + ty * (light[low + ONE] - light[at + ONE])
    value: np.float32 = a + tx * (b - a)
    return value


@inlined
def sample_catmull_rom(light: Light, at: np.uint64, stride: np.uint64, ty: np.float32, tx: np.float32) -> np.float32:
    """Catmull-Rom value with the upper left of 4 x 4 taps at index `at`; columns first, four lanes at a time."""
    y0, y1, y2, y3 = weigh_catmull_rom(ty)
    x0, x1, x2, x3 = weigh_catmull_rom(tx)
    p, q, r = at + stride, at + TWO * stride, at + THREE * stride
    a = y0 * light[at] + y1 * light[p] + y2 * light[q] + y3 * light[r]
    b = y0 * light[at + ONE] + y1 * light[p + ONE] + y2 * light[q + ONE] + y3 * light[r + ONE]
    c = y0 * light[at + TWO] + y1 * light[p + TWO] + y2 * light[q + TWO] + y3 * light[r + TWO]
    d = y0 * light[at + THREE] + y1 * light[p + THREE] + y2 * light[q + THREE] + y3 * light[r + THREE]
    value: np.float32 = x0 * a + x1 * b + x2 * c + x3 * d
    return value


@kernel
def weigh_lanczos(t: np.float32, k: int) -> np.float32:
    """Weight of tap k (0 to 5) for a fraction t, between the rows of the table."""
    place = t * np.float32(TABLE_STEPS)
    row = int(place)
    rest = place - np.float32(row)
    weight: np.float32 = LANCZOS[row, k] + rest * (LANCZOS[row + 1, k] - LANCZOS[row, k])
    return weight


@inlined
def sum_six(light: Light, p: np.uint64, w: tuple[np.float32, ...]) -> np.float32:
    """Weighted sum of six elements in a row."""
    left = w[0] * light[p] + w[1] * light[p + ONE] + w[2] * light[p + TWO]
    p = p + THREE
    value: np.float32 = left + w[3] * light[p] + w[4] * light[p + ONE] + w[5] * light[p + TWO]
    return value


@inlined
def sample_lanczos(light: Light, at: np.uint64, stride: np.uint64, ty: np.float32, tx: np.float32) -> np.float32:
    """Lanczos-3 value with the upper left of 6 x 6 taps at index `at`."""
    w = (
        weigh_lanczos(tx, 0),
        weigh_lanczos(tx, 1),
        weigh_lanczos(tx, 2),
        weigh_lanczos(tx, 3),
        weigh_lanczos(tx, 4),
        weigh_lanczos(tx, 5),
    )
    total = np.float32(0.0)
    place = at
    for k in range(6):
        total += weigh_lanczos(ty, k) * sum_six(light, place, w)
        place = place + stride
    return total


@kernel
def weigh_taps(kind: int, t: np.float32, first: int, size: int, weights: Light) -> None:
    """Fill `weights` with the taps first, first + 1 ...; those outside 0 ... size - 1 go to the two nearest inside."""
    if kind == BILINEAR:
        weights[0], weights[1] = np.float32(1.0) - t, t
    elif kind == CATMULL_ROM:
        weights[0], weights[1], weights[2], weights[3] = weigh_catmull_rom(t)
    else:
        for k in range(6):
            weights[k] = weigh_lanczos(t, k)
    for k in range(2 * kind):
        place = first + k
        beyond = max(-place, place - size + 1)
        if beyond > 0:
            # value(edge) + beyond (value(edge) - value(one inside))
            edge, inside = (-first, 1 - first) if place < 0 else (size - 1 - first, size - 2 - first)
            w = weights[k]
            weights[k] = np.float32(0.0)
            weights[edge] += w * np.float32(1 + beyond)
            weights[inside] -= w * np.float32(beyond)


@kernel
def sample_edge(
    light: Light, base: int, lines: int, samples: int, y: float, x: float, kind: int, scratch: Light
) -> np.float32:
    """Value near the edges of a framelet; `scratch` (2, 8) float32 is overwritten."""
    low, left = math.floor(y), math.floor(x)
    if kind == BILINEAR:
        # two taps have none to spare: beyond the edge the fraction leaves 0 ... 1 instead
        low, left = min(max(low, 0), lines - 2), min(max(left, 0), samples - 2)
    row, column = low - kind + 1, left - kind + 1
    weigh_taps(kind, np.float32(y - low), row, lines, scratch[0])
    weigh_taps(kind, np.float32(x - left), column, samples, scratch[1])
    total = np.float32(0.0)
    for j in range(max(0, -row), min(2 * kind, lines - row)):
        start = base + (row + j) * samples + column
        part = np.float32(0.0)
        for k in range(max(0, -column), min(2 * kind, samples - column)):
            part += scratch[1, k] * light[start + k]
        total += scratch[0, j] * part
    return total


@kernel
def weigh_smoothly(t: float, k: int) -> float:
    """Weight of tap k (0 to 3) of the cubic B-spline: positive everywhere, so that taps may be left out."""
    d = abs(t - (k - 1))
    if d < 1.0:
        return 2.0 / 3.0 - d * d * (1.0 - 0.5 * d)
    return (2.0 - d) ** 3 / 6.0


@kernel
def sample_around_gaps(
    light: Light, base: int, lines: int, samples: int, y: float, x: float
) -> tuple[np.float32, float]:
    """Smoothed value of the finite taps among 4 x 4, and a weight: 1 where none is missing, 0 where half are.

    NaN and 0 where the missing taps make up half of the smoothing weight or more: an isolated bad pixel is bridged, a
    masked border is not crossed.
    """
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
                value = light[base + line * samples + sample]
                if value == value:
                    total += w * value
                    found += w
    coverage = 2.0 * found / full - 1.0
    if coverage <= 0.0:
        return np.float32(math.nan), 0.0
    return np.float32(total / found), coverage


@kernel
def interpolate(
    light: Light, base: int, lines: int, samples: int, y: float, x: float, kind: int, scratch: Light
) -> tuple[np.float32, float]:
    """Value at (y, x) of one framelet, at most half an element outside, and its weight: 1 where every tap is finite."""
    value = sample_edge(light, base, lines, samples, y, x, kind, scratch)
    if value == value:
        return value, 1.0
    return sample_around_gaps(light, base, lines, samples, y, x)


@kernel
def interpolate_many(
    light: Light, stride: np.uint64, at: UIntArray, ty: Light, tx: Light, kind: int, value: Light
) -> None:
    """Values (n,) from taps wholly inside: the upper left ones at the indices `at`, fractions `ty` and `tx`.

    No call is made from these loops: with one, counting references to the arrays would cost more than the sampling.
    """
    if kind == CATMULL_ROM:
        for j in range(value.size):
            value[j] = sample_catmull_rom(light, at[j], stride, ty[j], tx[j])
    elif kind == BILINEAR:
        for j in range(value.size):
            value[j] = sample_bilinear(light, at[j], stride, ty[j], tx[j])
    else:
        for j in range(value.size):
            value[j] = sample_lanczos(light, at[j], stride, ty[j], tx[j])
