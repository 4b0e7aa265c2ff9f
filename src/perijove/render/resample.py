"""The pixel loops: each output pixel finds its framelets, samples them and blends what it found."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from perijove.jit import kernel
from perijove.render.framelets import Optics, Uncertainty
from perijove.render.horizon import Horizon, drop_hidden
from perijove.render.interpolate import interpolate, interpolate_many
from perijove.render.locate import (
    NOT_SEEN,
    Sightings,
    list_overlaps,
    locate_beside,
    locate_row,
    locate_turn_away,
)
from perijove.render.sources import Sources, add_sources, settle_sources
from perijove.render.uncertainty import Bits, Taps, add_uncertainty, feather

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Light = NDArray[np.float32]


@kernel
def place_taps(optics: Optics, found: Sightings, kind: int, taps: Taps) -> None:
    """Index and fractions of every sighting's taps; where they would leave the framelet, those of a place inside."""
    reach = kind - 1
    high_row, high_column = optics.lines - kind - 1, optics.samples - kind - 1
    size = optics.lines * optics.samples
    for j in range(taps.at.size):
        y, x = found.line[j] - 0.5, found.sample[j] - 0.5
        row = min(max(int(y), reach), high_row)
        column = min(max(int(x), reach), high_column)
        taps.ty[j] = np.float32(min(max(y - row, 0.0), 1.0))
        taps.tx[j] = np.float32(min(max(x - column, 0.0), 1.0))
        taps.at[j] = max(found.frame[j], 0) * size + (row - reach) * optics.samples + column - reach


@kernel
def look(
    light: Light, optics: Optics, count: int, found: Sightings, kind: int, taps: Taps, total: Light, weight: Light
) -> None:
    """Add the weighted light and the weights of `count` sightings to `total` and `weight` (w,) of their pixels."""
    # the common case first, in loops without branches; then what lies at a border or has a gap, one by one
    room = Taps(
        taps.at[:count], taps.ty[:count], taps.tx[:count], taps.value[:count], taps.bits, taps.hard, taps.scratch
    )
    place_taps(optics, found, kind, room)
    interpolate_many(light, np.uint64(optics.samples), room.at, room.ty, room.tx, kind, room.value)
    low = max(optics.feather, kind)
    high = optics.lines - low
    first, last = max(optics.left + optics.ramp, kind), min(optics.right - optics.ramp, optics.samples - kind)
    n = 0
    for j in range(count):
        value = room.value[j]
        if low <= found.line[j] <= high and first <= found.sample[j] <= last and value == value:
            total[found.pixel[j]] += value
            weight[found.pixel[j]] += np.float32(1.0)
        else:
            room.hard[n] = j
            n += found.frame[j] != NOT_SEEN
    look_closely(light, optics, n, found, kind, room, total, weight)


@kernel
def look_closely(
    light: Light, optics: Optics, count: int, found: Sightings, kind: int, taps: Taps, total: Light, weight: Light
) -> None:
    """Add the sightings numbered in `taps.hard`: at the borders of framelets and around gaps."""
    size = optics.lines * optics.samples
    for k in range(count):
        j = taps.hard[k]
        line, sample = found.line[j], found.sample[j]
        w, value = feather(optics, line, sample), taps.value[j]
        if w == 0.0:
            continue
        inside = kind <= line <= optics.lines - kind and kind <= sample <= optics.samples - kind
        if not inside or value != value:
            base = found.frame[j] * size
            value, share = interpolate(
                light, base, optics.lines, optics.samples, line - 0.5, sample - 0.5, kind, taps.scratch
            )
            w *= share
        if w > 0.0:
            total[found.pixel[j]] += np.float32(w) * value
            weight[found.pixel[j]] += np.float32(w)


@kernel
def make_sightings(width: int) -> Sightings:
    """Room for the sightings of a row."""
    return Sightings(np.empty(width, np.int64), np.empty(width, np.int64), np.empty(width), np.empty(width))


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
    known: Uncertainty,
    out_sigma: Light,
    out_bits: Bits,
    horizon: Horizon,
    sources: Sources,
) -> None:
    """Fill `out` and `out_weight` (rows, w) from the points (rows, 3, w) of `cast_rows` and their kinds (rows, w).

    Where the swath's pixels come with a variance `out_sigma` and `out_bits` (rows, w) are filled too, and `sources`
    unless they are empty. What is beyond the `horizon` of a framelet it does not see.
    """
    rows, width = what.shape
    found, beside = make_sightings(width), make_sightings(width)
    wanted, near, every = np.empty(width, np.int64), np.empty(width, np.int64), np.arange(width)
    taps = Taps(
        np.empty(width, np.uint64),
        np.empty(width, np.float32),
        np.empty(width, np.float32),
        np.empty(width, np.float32),
        np.empty(width, np.uint8),
        np.empty(width, np.int64),
        np.empty((2, 8), np.float32),
    )
    out[:] = np.float32(0.0)
    out_weight[:] = np.float32(0.0)
    out_sigma[:] = np.float32(0.0)
    out_bits[:] = np.uint8(0)
    doubted, traced = known.variance.size > 0, sources.frame.size > 0
    for r in range(rows):
        p, k, total, weight = points[r], what[r], out[r], out_weight[r]
        n = width if locate_row(matrices, optics, p, k, found, wanted) > 0 else 0
        for turn in range(2):
            n = drop_hidden(horizon, n, p, k, found)
            look(light, optics, n, found, kind, taps, total, weight)
            if doubted:
                add_uncertainty(known, optics, n, found, kind, taps, out_sigma[r], out_bits[r])
            if traced:
                add_sources(optics, n, found, r, sources)
            some = list_overlaps(optics, n, found, near)
            for way in (-1, 1):
                m = locate_beside(matrices, optics, p, k, way, some, near, found, beside)
                while m > 0:
                    m = drop_hidden(horizon, m, p, k, beside)
                    look(light, optics, m, beside, kind, taps, total, weight)
                    if doubted:
                        add_uncertainty(known, optics, m, beside, kind, taps, out_sigma[r], out_bits[r])
                    if traced:
                        add_sources(optics, m, beside, r, sources)
                    m = locate_beside(matrices, optics, p, k, way, m, every, beside, beside)
            if turn == 1 or optics.turn == 0:
                break
            n = locate_turn_away(matrices, optics, p, k, wanted, found)
        for c in range(width):
            total[c] = total[c] / weight[c] if weight[c] > 0.0 else math.nan
        if doubted:
            for c in range(width):
                out_sigma[r, c] = math.sqrt(out_sigma[r, c]) / weight[c] if weight[c] > 0.0 else math.nan
        if traced:
            settle_sources(r, sources)
