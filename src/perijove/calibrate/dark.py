"""Dark structure: what the detector adds to every framelet of a filter at the same place.

A hot pixel leaves part of its charge to all that is later read out through its column: from its line on to the
framelet's end the column is brighter by what hardly departs from one number. Those that arise outside the framelet
brighten all of it. On dark sky of five strips of perijoves 43 and 44 the columns stand off their neighbours by 0.1 to
0.15 (blue), 0.18 to 0.28 (green), 0.28 to 0.33 (red) and 0.18 DN rms (methane), single ones by 5 DN, and a few in a
hundred step by 0.5 to 2.5 DN on their way. Even and odd framelets agree on them (correlation 0.72 to 0.94), strips too
(0.64 to 0.94 in one filter); the filters share part (0.4 to 0.8), the more the later they are read. Lines stand off by
less than 0.01 DN but for the first two of methane, by -0.38 and -0.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter, uniform_filter1d

from perijove.calibrate.sky import BLOCK, Codes, Mask, Plane, Sky
from perijove.jit import kernel

Counts = NDArray[np.int32]

WINDOW = 33
"""Columns, or lines, with whose median one is compared: what is wider belongs to the scene or to stray light."""
BASE_BLOCKS = 2
"""Blocks on either side with which a block's median light is taken, from which its pixels are reckoned."""
LEAST_PIXELS = 48
"""Fewest sky pixels of a column (of a line: four times as many) of one framelet for it to be asked."""
LEAST_FRAMES = 4
"""Fewest framelets that can tell what is fixed from what is not."""
REACH_DN = 3.0
"""Pixels are drawn in to this much below the sky around and twice as much above: hits and stars are more."""
DARK_NOISE_DN = 0.6
"""Noise of a cut pixel in the dark: bounds the error from below."""
SURE = 4.0
"""Errors that a single column or line stands off by to be believed in full."""
SURE_STEP = 5.0
"""Errors of a step down a column to be believed: it is the best of a hundred places."""
SHORTEST = 4
"""Fewest lines on either side of a step."""


@dataclass(frozen=True)
class DarkStructure:
    """What is to be taken off the light of every framelet, in DN above the smooth sky.

    `offset_dn` (lines, samples) float32 is shrunk towards 0 by its own error and 0 where the strip tells nothing;
    `sigma_dn` of the same shape is what is left of the error, or the scatter of the structure where that is unknown.
    """

    offset_dn: Plane
    sigma_dn: Plane


def dark_structure(codes: Codes, values: Plane, extra: Plane, sky: Sky) -> DarkStructure:
    """The dark structure of one filter's framelets (frames, lines, samples), from their own sky.

    `values` (frames, 256) is the light of each code, `extra` (lines, samples) the dark charge of hot places. Fewer than
    `LEAST_FRAMES` framelets with sky at a place leave it 0.
    """
    frames, lines, samples = codes.shape
    place, places = np.zeros((lines, samples), np.float32), np.zeros((lines, samples), np.int32)
    column, columns = np.zeros((frames, samples), np.float32), np.zeros((frames, samples), np.int32)
    line, in_line = np.zeros((frames, lines), np.float32), np.zeros((frames, lines), np.int32)
    departures(codes, values, extra, _base(sky), sky.clear, place, places, column, columns, line, in_line)
    rows, row_error, told = fixed_part(line, in_line, 4 * LEAST_PIXELS)
    row_offset, row_sigma = shrunk(rows, row_error, told)
    _, error, told = fixed_part(column, columns, LEAST_PIXELS)
    # what lines have in common is theirs
    place -= places * row_offset[:, None]
    steps = np.zeros((2, samples), np.float32)
    at = np.zeros(samples, np.int32)
    steps_down(place, places, error, told, steps, at)
    upper = np.arange(lines)[:, None] < at
    parts = []
    for values_of, share in ((steps[0], at / lines), (steps[1], 1 - at / lines)):
        parts.append(shrunk(values_of, error / np.sqrt(np.clip(share, 1 / lines, 1)), told))
    offset = np.where(upper, parts[0][0], parts[1][0]) + row_offset[:, None]
    sigma = np.hypot(np.where(upper, parts[0][1], parts[1][1]), row_sigma[:, None])
    return DarkStructure(offset.astype(np.float32), sigma.astype(np.float32))


def _base(sky: Sky) -> Plane:
    """The smooth sky (frames, block lines, block samples): medians of clear blocks along the line; 0 where not clear.

    A block's own mean would hide a hot column in it, and darken its neighbours.
    """
    blocks = np.where(sky.clear, sky.mean_dn, np.nan)
    wide = np.pad(blocks, ((0, 0), (0, 0), (BASE_BLOCKS, BASE_BLOCKS)), constant_values=np.nan)
    around = np.lib.stride_tricks.sliding_window_view(wide, 2 * BASE_BLOCKS + 1, axis=2)
    base = np.zeros(blocks.shape, np.float32)
    base[sky.clear] = np.nanmedian(around[sky.clear], axis=1)
    return base


@kernel
def departures(
    codes: Codes,
    values: Plane,
    extra: Plane,
    base: Plane,
    clear: Mask,
    place: Plane,
    places: Counts,
    column: Plane,
    columns: Counts,
    line: Plane,
    in_line: Counts,
) -> None:
    """Add up how far sky pixels stand off the sky around: by place (lines, samples), and by column (frames, samples)
    and line (frames, lines) of each framelet, with their numbers."""
    frames, lines, samples = codes.shape
    for f in range(frames):
        for i in range(lines):
            bi = i // BLOCK
            for bj in range(base.shape[2]):
                if not clear[f, bi, bj]:
                    continue
                middle = base[f, bi, bj]
                for j in range(bj * BLOCK, min(bj * BLOCK + BLOCK, samples)):
                    off = values[f, codes[f, i, j]] - extra[i, j] - middle
                    off = min(max(off, np.float32(-REACH_DN)), np.float32(2 * REACH_DN))
                    place[i, j] += off
                    places[i, j] += 1
                    column[f, j] += off
                    columns[f, j] += 1
                    line[f, i] += min(off, np.float32(REACH_DN))
                    in_line[f, i] += 1


def fixed_part(sums: Plane, counts: Counts, least: int) -> tuple[Plane, Plane, Mask]:
    """Median over framelets of the mean departure, from sums and counts (frames, n), its standard error, and where
    enough framelets tell of it; (n,) each, 0 and 1 where not."""
    seen = counts >= least
    told: Mask = seen.sum(axis=0) >= LEAST_FRAMES
    middle, error = np.zeros(len(told), np.float32), np.ones(len(told), np.float32)
    if told.any():
        part = np.where(seen, sums / np.maximum(counts, 1), np.nan)[:, told]
        middle[told] = np.nanmedian(part, axis=0)
        deviation = np.nanmedian(np.abs(part - middle[told]), axis=0)
        # a few framelets tell their scatter badly: neighbours in place have the same
        deviation = np.maximum(deviation, uniform_filter1d(deviation, 9, mode="nearest"))
        pixels = np.where(seen, counts, 0)[:, told].sum(axis=0)
        scatter = 1.2533 * 1.4826 * deviation / np.sqrt(seen[:, told].sum(axis=0))
        error[told] = np.maximum(scatter, DARK_NOISE_DN / np.sqrt(pixels))
    return middle, error, told


@kernel
def steps_down(place: Plane, places: Counts, error: Plane, told: Mask, steps: Plane, at: Counts) -> None:
    """Mean departure of each column above (`steps[0]`) and below (`steps[1]`) the line `at` where it steps most.

    `place`, `places` are sums and counts (lines, samples); `error` (samples,) is that of the whole column's mean. A
    column without a sure step has its mean in both, and `at` 0. Single lines are drawn in to what the others have: hot
    spots are no columns.
    """
    lines, samples = place.shape
    mean, sorted_mean = np.empty(lines, np.float32), np.empty(lines, np.float32)
    for j in range(samples):
        if not told[j]:
            continue
        seen = 0
        for i in range(lines):
            if places[i, j] > 0:
                mean[i] = place[i, j] / np.float32(places[i, j])
                sorted_mean[seen] = mean[i]
                seen += 1
        ordered = np.sort(sorted_mean[:seen])
        reach = (ordered[seen * 9 // 10] - ordered[seen // 10]) / np.float32(2)
        low, high = ordered[seen // 10] - reach, ordered[seen * 9 // 10] + reach
        total, number = np.float32(0), 0
        for i in range(lines):
            if places[i, j] > 0:
                mean[i] = min(max(mean[i], low), high)
                total += mean[i] * np.float32(places[i, j])
                number += places[i, j]
        steps[0, j] = steps[1, j] = total / np.float32(number)
        best, above, count = np.float32(0), np.float32(0), 0
        for i in range(lines - SHORTEST):
            if places[i, j] > 0:
                above += mean[i] * np.float32(places[i, j])
                count += places[i, j]
            if i + 1 < SHORTEST or count == 0 or count == number:
                continue
            upper, lower = above / np.float32(count), (total - above) / np.float32(number - count)
            # the error of a part's mean grows as its pixels grow fewer
            sure = abs(upper - lower) / (error[j] * np.sqrt(number / count + number / (number - count)))
            if sure > SURE_STEP and sure > best:
                best = np.float32(sure)
                at[j], steps[0, j], steps[1, j] = i + 1, upper, lower


def shrunk(value: Plane, error: Plane, told: Mask) -> tuple[Plane, Plane]:
    """Departures (n,) from their running median over `WINDOW`, times the share of their square that is not error.

    What is left of the error comes with them; where nothing is told the departure is 0, its error the scatter of the
    others.
    """
    out = np.zeros(len(value), np.float32)
    if not told.any():
        return out, np.zeros(len(value), np.float32)
    here, noise = value[told].astype(np.float64), error[told].astype(np.float64)
    off = here - median_filter(here, min(WINDOW, len(here) // 2 * 2 + 1), mode="reflect")
    # a few hot columns are not what the rest are like
    most = 4 * float(np.median(np.abs(off))) + 1e-6
    scatter = max(float(np.mean(np.square(np.clip(off, -most, most)) - np.square(noise))), 0.0)
    # what stands out by itself needs no others of its kind
    power = np.where(np.abs(off) > SURE * noise, np.maximum(np.square(off), scatter), scatter)
    kept = power / np.maximum(power + np.square(noise), 1e-12)
    sigma = np.full(len(value), np.sqrt(scatter), np.float32)
    out[told], sigma[told] = kept * off, np.sqrt(kept) * noise
    return out, sigma
