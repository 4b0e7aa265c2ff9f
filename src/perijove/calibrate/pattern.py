"""Pattern: what stands at the same place in all framelets of a filter, and so is no part of the scene.

*Hot places* add the same charge at the same place of every framelet; the readout's time-delayed integration draws them
out to streaks down the lines. *Spots* (dust on a filter, pinholes in it) take or add the same share of the light at the
same place. The scene moves by more than a hundred lines from one framelet to the next and is in no two of them at the
same place.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from perijove.calibrate.bias import lit_columns
from perijove.calibrate.medians import in_order
from perijove.instrument import FRAMELET_LINES
from perijove.jit import kernel

Codes = NDArray[np.uint8]
Plane = NDArray[np.float32]

NEAR, FAR = 4, 9
"""Px to either side along the line of which the mean is the light around a place: beyond spots, and not down the lines,
where streaks run."""
END = 16
"""Px at the ends of a line, where one side of the light around is short or has the limb: there it is the median of the
square of `END_SIZE` px about a place, which takes longer and is blind to both."""
END_SIZE = 17
UNEVEN = 0.1
"""Difference of the light on the two sides, over their sum, from which they do not agree."""
PATTERN_FRAMES = 16
"""Most framelets that are looked at for the fixed pattern: more add time, not certainty."""
LEAST_FRAMES = 5
"""Fewest framelets that can tell a fixed pattern from the scene."""
CERTAIN = 4.0
"""Sigma by which a hot place stands out of the light around it, over all framelets that tell of it."""
ROUNDING_DN = 0.5
"""Half a step of the camera's converter, which no number of framelets averages out."""
DARK_DN = 16.0
"""Light below which a framelet shows the sky, or what is as even."""
LIT_SHARE = 0.2
"""Least surrounding light, of the brightest, for a framelet to tell of spots: the terminator's bend looks like one."""
SPOT_SHARE = 0.04
"""A place whose share of the light is nearer to 1 than this is left alone: clouds' contrast makes as much."""
FEW_SHARE = 0.85
"""Most light that a spot may let through to be believed where only two framelets are lit."""
THREE_SHARE = 0.90
"""The same where three are."""
FEW_DN = 40.0
"""Least light for that, several times its noise."""
FRINGE_SHARE = 0.02
"""The same for the fringe of a spot, which needs only two sigma."""
LEAST_LIT_DN = 8.0
"""Light below which the converter's steps are too coarse to tell shares."""
DARKEST = 0.5
"""A spot that takes more than this share of the light is filled from around it rather than divided out."""


@dataclass(frozen=True)
class FixedPattern:
    """What stands at the same place in all framelets of a filter.

    `extra` (lines, samples) in DN is to be taken off; `gain` (lines, samples) divides the light, 1 where all is well
    and NaN where the pixel is too dark to be of use.
    """

    extra: Plane
    gain: Plane

    @property
    def pixels(self) -> int:
        """Number of places with a correction."""
        return int(np.count_nonzero((self.extra != 0) | (self.gain != 1)))


def fixed_pattern(codes: Codes, table: Plane) -> FixedPattern:
    """The fixed pattern of one filter's framelets (frames, lines, samples); `table` (256,) is DN by code.

    A correction is made only in columns that see light, where it stands four sigma (charge) or five (share) out
    of what the framelets scatter.
    """
    chosen = codes
    if len(codes) > PATTERN_FRAMES:
        chosen = codes[np.linspace(0, len(codes) - 1, PATTERN_FRAMES).round().astype(int)]
    shape = codes.shape[1:]
    extra, gain, sure = np.zeros(shape, np.float32), np.ones(shape, np.float32), np.zeros(shape, np.bool_)
    if len(chosen) >= LEAST_FRAMES:
        lit = lit_columns(FRAMELET_LINES // shape[0])
        bright = LIT_SHARE * float(np.percentile(table[chosen[:, ::8, lit][:, :, ::8]], 98))
        table = np.ascontiguousarray(table, np.float32)
        ends = around_ends(chosen, table, lit)
        find_pattern(chosen, table, lit.start, lit.stop, ends, max(bright, LEAST_LIT_DN), extra, gain, sure)
        gain[~spot_places(gain, sure)] = 1.0
    return FixedPattern(extra, gain)


def around_ends(codes: Codes, table: Plane, lit: slice) -> Plane:
    """Light (frames, lines, 2 `END`) around the first and the last places of the lines of framelets."""
    reach = END + END_SIZE // 2
    parts = [codes[:, :, lit.start : lit.start + reach], codes[:, :, lit.stop - reach : lit.stop]]
    smooth = [np.stack([cv2.medianBlur(np.ascontiguousarray(plane), END_SIZE) for plane in part]) for part in parts]
    return np.ascontiguousarray(table[np.concatenate([smooth[0][:, :, :END], smooth[1][:, :, -END:]], axis=2)])


def spot_places(gain: Plane, sure: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where (lines, samples) the gain belongs to a spot: three likely places that hang together, two of them sure.

    A grain of dust or a pinhole covers several pixels; a lone one is chance.
    """
    count, labels = cv2.connectedComponents((gain != 1).astype(np.uint8), connectivity=8)
    group = np.asarray(labels)
    large = np.bincount(group.ravel(), minlength=count) >= 3
    certain = np.bincount(group[sure], minlength=count) >= 2
    real: NDArray[np.bool_] = (large & certain)[group] & (gain != 1)
    return real


@kernel
def find_pattern(
    codes: Codes,
    table: Plane,
    first: int,
    stop: int,
    ends: Plane,
    lit_dn: float,
    extra: Plane,
    gain: Plane,
    sure: NDArray[np.bool_],
) -> None:
    """Fill `extra`, `gain` and `sure` (lines, samples) from framelets (frames, lines, samples), columns `first` to
    `stop`; the light around counts as lit from `lit_dn`. `ends` is that of `around_ends`.

    `gain` departs from 1 also where it is no more than likely; `sure` marks the places beyond doubt.
    """
    frames, lines, _ = codes.shape
    width = stop - first
    here, there = np.empty((frames, width), np.float32), np.empty((frames, width), np.float32)
    other, lit = np.empty(width, np.float32), np.empty((frames, width), np.bool_)
    hot, odd = np.empty(width, np.int16), np.empty(width, np.int16)
    dark, hot_dark = np.empty(width, np.int16), np.empty(width, np.int16)
    for i in range(lines):
        hot[:], odd[:], dark[:], hot_dark[:] = 0, 0, 0, 0
        for f in range(frames):
            for j in range(width):
                here[f, j] = table[codes[f, i, first + j]]
            light_around(here[f], there[f], other, lit[f])
            for j in range(END):
                there[f, j], there[f, width - END + j] = ends[f, i, j], ends[f, i, END + j]
                lit[f, j], lit[f, width - END + j] = True, True
            for j in range(width):
                above = here[f, j] > there[f, j] + np.float32(ROUNDING_DN)
                hot[j] += above
                dark[j] += there[f, j] < np.float32(DARK_DN)
                hot_dark[j] += above and there[f, j] < np.float32(DARK_DN)
                dim = abs(here[f, j] - there[f, j]) <= np.float32(FRINGE_SHARE) * there[f, j]
                lit[f, j] = lit[f, j] and there[f, j] > lit_dn
                odd[j] += lit[f, j] and not dim
        for j in range(width):
            # where half of the framelets show nothing the median is nothing, and need not be sought
            column = codes[:, i, first + j]
            likely = 2 * hot_dark[j] >= dark[j] if dark[j] >= LEAST_FRAMES else 2 * hot[j] >= frames
            if likely and charge_at(column, table, here[:, j], there[:, j]) != 0:
                extra[i, first + j] = charge_at(column, table, here[:, j], middle_around(here, j))
            if odd[j] >= 2 and extra[i, first + j] == 0 and likely_spot(here[:, j], there[:, j], lit[:, j]):
                around = there[:, j].copy()
                if END <= j < width - END:
                    middle_of_square(codes, table, i, first + j, lit[:, j], around)
                gain[i, first + j], sure[i, first + j] = share_at(column, table, here[:, j], around, lit[:, j], lit_dn)


@kernel
def light_around(here: Plane, there: Plane, other: Plane, even: NDArray[np.bool_]) -> None:
    """Mean (samples,) of the light `NEAR` to `FAR` px to either side along a line, and whether the two sides agree.

    Where they do not, a limb or a bright streak is on one of them, and the darker is taken; at the line's ends there
    is only one. `other` (samples,) is scratch.
    """
    n = len(here)
    count = FAR - NEAR + 1
    total = np.float64(0)
    for j in range(n):
        there[j], other[j] = np.float32(np.nan), np.float32(np.nan)
    # the sum over the window that ends at each sample is of use to the samples on either side of it
    for j in range(n):
        total += here[j]
        if j >= count:
            total -= here[j - count]
        if j >= count - 1:
            mean = np.float32(total / count)
            if j + NEAR < n:
                there[j + NEAR] = mean
            if j - FAR >= 0:
                other[j - FAR] = mean
    for j in range(n):
        a, b = there[j], other[j]
        even[j] = abs(a - b) <= np.float32(UNEVEN) * (a + b) + np.float32(1.0)
        if even[j]:
            there[j] = np.float32(0.5) * (a + b)
        elif not a <= b:
            # also where there is no such side, which compares false
            there[j] = b if b == b else a


@kernel
def middle_around(here: Plane, sample: int) -> Plane:
    """Median (frames,) of the light `NEAR` to `FAR` px to either side of a sample of a line (frames, samples).

    Dearer than the mean, and blind to spots and streaks that stand there.
    """
    frames, n = here.shape
    out, values = np.empty(frames, np.float32), np.empty(2 * (FAR - NEAR + 1), np.float32)
    for f in range(frames):
        count = 0
        for d in range(NEAR, FAR + 1):
            for j in (sample - d, sample + d):
                if 0 <= j < n:
                    values[count] = here[f, j]
                    count += 1
        in_order(values, count)
        out[f] = np.float32(0.5) * (values[(count - 1) // 2] + values[count // 2])
    return out


@kernel
def likely_spot(here: Plane, there: Plane, counts: NDArray[np.bool_]) -> bool:
    """Whether a place passes another share of the light, by `SPOT_SHARE` and more, in most framelets that count."""
    above, below, lit = 0, 0, 0
    for f in range(len(here)):
        if counts[f]:
            lit += 1
            above += here[f] > (1 + np.float32(SPOT_SHARE)) * there[f]
            below += here[f] < (1 - np.float32(SPOT_SHARE)) * there[f]
    return lit >= 2 and 3 * max(above, below) >= 2 * lit


@kernel
def middle_of_square(
    codes: Codes, table: Plane, line: int, sample: int, counts: NDArray[np.bool_], around: Plane
) -> None:
    """Fill `around` (frames,), where it counts, with the median light of every second place in a square of `END_SIZE`
    px: dearer than what the line tells, and blind to spots and to how the scene changes across."""
    frames, lines, samples = codes.shape
    half = END_SIZE // 2
    values = np.empty((half + 1) ** 2, np.float32)
    for f in range(frames):
        if not counts[f]:
            continue
        n = 0
        for i in range(max(line - half, 0), min(line + half + 1, lines), 2):
            for j in range(max(sample - half, 0), min(sample + half + 1, samples), 2):
                values[n] = table[codes[f, i, j]]
                n += 1
        part = values[:n]
        in_order(part, len(part))
        around[f] = np.float32(0.5) * (part[(n - 1) // 2] + part[n // 2])


@kernel
def charge_at(codes: Codes, table: Plane, here: Plane, there: Plane) -> float:
    """The charge in DN that a place adds to every framelet, from those (frames,); 0 where none is certain.

    Where enough framelets are dark there, only these are asked: the scene scatters more than the sky.
    """
    counts = there < np.float32(DARK_DN)
    if counts.sum() < LEAST_FRAMES:
        counts = here == here
    coarse = code_step(codes, table, here, counts, False)
    middle, error = middle_and_error((here - there)[counts], coarse)
    return middle if middle > CERTAIN * error + ROUNDING_DN else 0.0


@kernel
def share_at(
    codes: Codes, table: Plane, here: Plane, there: Plane, counts: NDArray[np.bool_], lit_dn: float
) -> tuple[float, bool]:
    """The share of the light that a place passes, NaN where it is too little to be of use, and whether it is certain.

    1 where nothing stands out of the framelets (frames,) that are lit there.
    """
    share = np.empty(len(here), np.float32)
    lit, odd = 0, 0
    for f in range(len(here)):
        if counts[f]:
            share[lit] = here[f] / there[f]
            odd += abs(share[lit] - 1) > FRINGE_SHARE
            lit += 1
    if lit < 2 or 2 * odd < lit:
        return 1.0, False
    middle, error = middle_and_error(share[:lit], code_step(codes, table, there, counts, True))
    if abs(middle - 1) <= FRINGE_SHARE + 2 * error:
        return 1.0, False
    # two framelets make a poor sigma, so that only the dark heart of a spot is believed to them
    few = lit < LEAST_FRAMES - 1
    most = FEW_SHARE if lit < 3 else THREE_SHARE
    sure = (middle < most and lit_dn > FEW_DN) if few else abs(middle - 1) > SPOT_SHARE + 5 * error
    return (middle if middle > DARKEST else np.nan), sure


@kernel
def code_step(codes: Codes, table: Plane, light: Plane, counts: NDArray[np.bool_], relative: bool) -> float:
    """Mean step in DN of the codes (frames,) that count, or mean share of the light that the step is.

    The step is about the noise, and of a few values it is the surer measure of it.
    """
    total, count = 0.0, 0
    for f in range(len(codes)):
        if counts[f]:
            code = max(int(codes[f]), 1)
            step = table[code] - table[code - 1]
            total += step / light[f] if relative else step
            count += 1
    return total / max(count, 1)


@kernel
def middle_and_error(values: Plane, least: float) -> tuple[float, float]:
    """Median of a few values and its standard error, from the median absolute deviation or the `least` sigma."""
    n = len(values)
    ordered = values.copy()
    in_order(ordered, len(ordered))
    middle = 0.5 * (float(ordered[(n - 1) // 2]) + float(ordered[n // 2]))
    for k in range(n):
        ordered[k] = abs(values[k] - middle)
    in_order(ordered, len(ordered))
    # a sigma from few values is often too small by chance: the last factor makes up for it
    return middle, 1.2533 * max(1.4826 * float(ordered[n // 2]), least) / np.sqrt(n) * (1.0 + 2.5 / n)
