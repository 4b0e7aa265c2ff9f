"""The pixel loops: each output pixel finds its framelets, samples them and blends what it found."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from perijove.render.framelets import Optics
from perijove.render.interpolate import (
    BILINEAR,
    CATMULL_ROM,
    interpolate,
    sample_bilinear,
    sample_catmull_rom,
    sample_lanczos,
)
from perijove.render.jit import kernel
from perijove.render.locate import (
    NOT_SEEN,
    locate_beside,
    locate_row,
    locate_turn_away,
    predict_frame,
    seek_frame,
)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Light = NDArray[np.float32]


@kernel
def feather(optics: Optics, line: float, sample: float) -> float:
    """Weight of a place in a framelet: 1 inside, smoothly 0 at the first and last line and at the masked columns."""
    a = min(1.0, min(line, optics.lines - line) / optics.feather)
    b = min(1.0, min(sample - optics.left, optics.right - sample) / optics.ramp)
    if a <= 0.0 or b <= 0.0:
        return 0.0
    return a * a * (3.0 - 2.0 * a) * b * b * (3.0 - 2.0 * b)


@kernel
def look_inside(
    light: Light, optics: Optics, count: int, who: IntArray, where: FloatArray, kind: int, value: Light, hard: IntArray
) -> int:
    """Fill `value` with the light of `count` sightings whose taps all lie inside the framelet and are finite.

    The numbers of the others go to `hard`; returns how many. No call is made from this loop, which is what it is for:
    with one, the reference counts of the arrays would cost more than the sampling.
    """
    reach = kind - 1
    high_line, high_sample = optics.lines - kind, optics.samples - kind
    size, stride = optics.lines * optics.samples, np.uint64(optics.samples)
    n = 0
    for j in range(count):
        y, x = where[0, j] - 0.5, where[1, j] - 0.5
        row, column = int(y), int(x)
        inside = y >= reach and x >= reach and row < high_line and column < high_sample
        if inside:
            at = np.uint64(who[1, j] * size + (row - reach) * optics.samples + column - reach)
            ty, tx = np.float32(y - row), np.float32(x - column)
            if kind == CATMULL_ROM:
                value[j] = sample_catmull_rom(light, at, stride, ty, tx)
            elif kind == BILINEAR:
                value[j] = sample_bilinear(light, at, stride, ty, tx)
            else:
                value[j] = sample_lanczos(light, at, stride, ty, tx)
            inside = value[j] == value[j]
        if not inside:
            hard[n] = j
            n += 1
    return n


@kernel
def look(
    light: Light,
    optics: Optics,
    count: int,
    who: IntArray,
    where: FloatArray,
    kind: int,
    value: Light,
    hard: IntArray,
    scratch: Light,
    total: FloatArray,
    weight: FloatArray,
) -> None:
    """Add the weighted light and the weights of `count` sightings to the pixels' `total` and `weight` (w,)."""
    left = look_inside(light, optics, count, who, where, kind, value, hard)
    size = optics.lines * optics.samples
    low, high = optics.feather, optics.lines - optics.feather
    first, last = optics.left + optics.ramp, optics.right - optics.ramp
    k = 0
    for j in range(count):
        line, sample = where[0, j], where[1, j]
        w = 1.0
        if not (low <= line <= high and first <= sample <= last):
            w = feather(optics, line, sample)
        if k < left and hard[k] == j:
            k += 1
            if w > 0.0:
                base = who[1, j] * size
                value[j], share = interpolate(
                    light, base, optics.lines, optics.samples, line - 0.5, sample - 0.5, kind, scratch
                )
                w *= share
        if w > 0.0:
            c = who[0, j]
            total[c] += w * value[j]
            weight[c] += w


@kernel
def resample_rows(
    matrices: FloatArray,
    light: Light,
    optics: Optics,
    points: FloatArray,
    what: FloatArray,
    kind: int,
    out: Light,
    out_weight: Light,
) -> None:
    """Fill `out` and `out_weight` (rows, w) from the points (rows, 3, w) of `cast_rows` and their kinds (rows, w)."""
    rows, width = what.shape
    scratch, value, hard = np.empty((2, 8), np.float32), np.empty(width, np.float32), np.empty(width, np.int64)
    wanted, total, weight = np.empty(width, np.int64), np.empty(width), np.empty(width)
    who, where = np.empty((2, width), np.int64), np.empty((2, width))
    side, side_where = np.empty((2, width), np.int64), np.empty((2, width))
    for r in range(rows):
        p, k = points[r], what[r]
        total[:], weight[:] = 0.0, 0.0
        n = locate_row(matrices, optics, p, k, wanted, who, where)
        for turn in range(2):
            look(light, optics, n, who, where, kind, value, hard, scratch, total, weight)
            for way in (-1, 1):
                m = locate_beside(matrices, optics, p, k, way, n, who, where, side, side_where)
                while m > 0:
                    look(light, optics, m, side, side_where, kind, value, hard, scratch, total, weight)
                    m = locate_beside(matrices, optics, p, k, way, m, side, side_where, side, side_where)
            if turn == 1 or optics.turn == 0:
                break
            n = locate_turn_away(matrices, optics, p, k, wanted, who, where)
        for c in range(width):
            out[r, c] = total[c] / weight[c] if weight[c] > 0.0 else math.nan
            out_weight[r, c] = weight[c]


@kernel
def mark_seen(
    matrices: FloatArray, optics: Optics, points: FloatArray, what: FloatArray, seen: NDArray[np.bool_]
) -> None:
    """Fill `seen` (n,): whether any framelet holds the points (n, 3) between its masked columns."""
    for j in range(what.size):
        x, y, z, k = points[j, 0], points[j, 1], points[j, 2], what[j]
        guess = predict_frame(matrices, optics, x, y, z, k)
        frame, _, line, sample = seek_frame(matrices, optics, guess, x, y, z, k)
        seen[j] = frame != NOT_SEEN and feather(optics, line, sample) > 0.0
