"""Outliers: pixels of one framelet that stand out of their surroundings more sharply than any scene can.

A scene comes through the camera's point spread (a pixel square and optics of some 0.5 px, so that a point of light
gives each of its neighbours 0.14 or more of what its brightest pixel has); a particle, a flipped bit or a dead pixel
does not. What a pixel should be is foretold by pairs of pixels that face each other across it: the mean of a pair
knows no slope, so that neither gradients nor straight edges stand out of it.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from perijove.calibrate.medians import median_of
from perijove.calibrate.noise import ELECTRONS_PER_DN, READ_NOISE_DN
from perijove.calibrate.quality import Quality
from perijove.jit import kernel

Codes = NDArray[np.uint8]
Plane = NDArray[np.float32]

CODING_CODES = 2.016 / 12.0**0.5
"""Noise in codes that the lossy compression adds: its coefficients are rounded to multiples of 2.016."""
LEAST_SIGMA = 0.55
"""Least noise in codes that is reckoned with: whole codes tell no less apart."""
STANDS_OUT = 3.4
"""Sigma by which an outlier exceeds what its surroundings foretell: noise does so in 2 of 10,000 pixels."""
PEAKS = 2.2
"""Sigma by which it exceeds the highest of the four nearest pairs, whose highest is itself lifted by noise."""
RESTLESS = 0.75
"""Share of the scatter of the pairs about a pixel that counts as noise: what a scene does nearby it may do here."""
DARK_STANDS_OUT = 6.0
"""The same as `STANDS_OUT` for what is too dark: no particle does that, and shadows and coding do."""
SKY_CODE = 20.0
"""Surroundings up to this code may be sky with stars."""
STAR_SHARE, STAR_PAIR = 0.35, 0.10
"""A star gives its four neighbours together this share of its brightest pixel, or more, and each pair of them on either
side this. Centred on a pixel, where it is sharpest, a star in optics of sigma 0.5 px gives 0.54 and 0.13."""
LEAST_BIT = 4
"""Flipped bits below this one (16 codes) are not told from noise."""

HIT, FLIPPED, SUSPECT = int(Quality.HIT), int(Quality.FLIPPED), int(Quality.SUSPECT)
CALM = 1.1
"""Scatter of the pairs, in noise, up to which the surroundings are even."""
STANDS_OUT_UNREST = 3.3
"""Sigma by which a hit exceeds what the surroundings foretell where these are not even."""
SUSPECTED = 3.2
"""The same for a suspect."""
UNREST = 0.78
"""Share of the error that the same foretelling makes of the eight neighbours that counts as noise here."""
FORETELLING = 1.1
"""Noise of the foretelling itself and of the pixel, in noise of a pixel."""
GENERATIONS, LONGEST_TRACK = 4, 12
"""Times that what hides behind a find is looked for; a track of more pixels than the latter is no track."""
REACH = 3
"""A pixel's surroundings reach this far, px."""

# the twelve pairs that face each other across a pixel in its 5 x 5 px, nearest first: (line, sample) of one of the two
_PAIRS = np.array(
    [(0, 1), (1, 0), (1, 1), (1, -1), (0, 2), (2, 0), (1, 2), (2, 1), (2, -1), (1, -2), (2, 2), (2, -2)], np.int64
)
# what foretells a pixel of a scene best from the first six pairs: least squares on the discs of 44C00074, 43C00078 and
# 44C00030 give 0.3-0.6, 0.4-0.8, 0.1, 0.1, -0.05, -0.1, on that of Ganymede 0.7, 1.2, -0.4, -0.4, -0.1, -0.4; more down
# the lines, along which the exposure smears
_WEIGHTS = np.array([0.60, 0.70, 0.05, 0.05, -0.25, -0.15])
# the eight neighbours
_RING = np.array([(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)], np.int64)


def code_sigma(table: Plane, binning: int, *, lossy: bool, read_noise_dn: float = READ_NOISE_DN) -> NDArray[np.float64]:
    """Noise (256,) in codes at the light of each code: shot, read, the code's own step and the lossy coding's.

    `table` (256,) is DN by code; summed pixels are the mean of `binning` squared.
    """
    light = np.asarray(table, dtype=float)
    step = np.maximum(np.gradient(light), 1e-6)
    variance = (light / ELECTRONS_PER_DN + read_noise_dn**2) / binning**2 + step**2 / 12.0
    sigma: NDArray[np.float64] = np.sqrt(variance / step**2 + (CODING_CODES**2 if lossy else 0.0))
    return np.maximum(sigma, LEAST_SIGMA)


def find_outliers(
    plane: Codes, table: Plane, sigma: NDArray[np.float64], free: NDArray[np.bool_], marks: Codes
) -> None:
    """Mark in `marks` (lines, samples) what stands out of a framelet of the same shape: HIT, FLIPPED or SUSPECT.

    `sigma` (256,) is `code_sigma`; only places where `free` is true are looked at. What hides behind a stronger hit is
    found in a second look, with the first ones' finds replaced.
    """
    lines, samples = plane.shape
    work = np.pad(plane, REACH, mode="symmetric")
    scratch = np.empty(samples, np.int16)
    level = np.empty((lines, samples), np.uint8)
    count = _first_look(work, table, sigma, free, scratch, marks, level)
    if count and _second_look(work, table, sigma, free, level, np.empty(lines * samples, np.int64), marks):
        spare_lines(marks)


@kernel
def _first_look(
    work: Codes,
    table: Plane,
    sigma: NDArray[np.float64],
    free: NDArray[np.bool_],
    scratch: NDArray[np.int16],
    marks: Codes,
    level: Codes,
) -> int:
    """`find_outliers` on a padded framelet; the code foretold for each find goes to `level`.

    Their number is returned."""
    lines, samples = marks.shape
    need = least_rise(sigma)
    least_dark = DARK_STANDS_OUT * sigma.min()
    pairs, differences = np.empty(12), np.empty(12)
    count = 0
    for i in range(lines):
        up, here, down = work[i + REACH - 1], work[i + REACH], work[i + REACH + 1]
        # simple enough to be done on many pixels at once; negative where a pixel is too dark
        for j in range(samples):
            a = j + REACH
            high = max(min(here[a - 1], here[a + 1]), min(up[a], down[a]))
            high = max(high, max(min(up[a - 1], down[a + 1]), min(up[a + 1], down[a - 1])))
            low = min(max(here[a - 1], here[a + 1]), max(up[a], down[a]))
            low = min(low, min(max(up[a - 1], down[a + 1]), max(up[a + 1], down[a - 1])))
            above, below = np.int16(here[a]) - np.int16(high), np.int16(here[a]) - np.int16(low)
            scratch[j] = above if above > 0 else min(below, np.int16(0))
        for j in range(samples):
            if (scratch[j] >= need[here[j + REACH]] or -scratch[j] >= least_dark) and free[i, j]:
                mark, middle = judge(work, table, sigma, i + REACH, j + REACH, pairs, differences)
                if mark:
                    marks[i, j] |= mark
                    level[i, j] = np.uint8(min(max(middle + 0.5, 0.0), 255.0))
                    count += 1
    return count


@kernel
def _second_look(
    work: Codes,
    table: Plane,
    sigma: NDArray[np.float64],
    free: NDArray[np.bool_],
    level: Codes,
    queue: NDArray[np.int64],
    marks: Codes,
) -> bool:
    """Replace the finds of the first look and judge again what stands beside them, and beside what is found there.

    `work` is changed. True where there might be more to find: something is longer than a track.
    """
    lines, samples = marks.shape
    pairs, differences = np.empty(12), np.empty(12)
    for i in range(lines):
        for j in range(samples):
            if marks[i, j] & (HIT | FLIPPED):
                work[i + REACH, j + REACH] = level[i, j]
    need = least_rise(sigma)
    first, last = 0, 0
    for i in range(lines):
        for j in range(samples):
            if marks[i, j] & (HIT | FLIPPED):
                queue[last] = i * samples + j
                last += 1
    for _ in range(GENERATIONS):
        end = last
        while first < end:
            i, j = divmod(queue[first], samples)
            first += 1
            for k in range(max(i - 2, 0), min(i + 3, lines)):
                for n in range(max(j - 2, 0), min(j + 3, samples)):
                    a, b = k + REACH, n + REACH
                    if not free[k, n] or marks[k, n] & (HIT | FLIPPED) or rise(work, a, b) < need[work[a, b]]:
                        continue
                    mark, middle = judge(work, table, sigma, a, b, pairs, differences)
                    if mark & (HIT | FLIPPED):
                        marks[k, n] = (marks[k, n] & ~SUSPECT) | mark
                        work[a, b] = np.uint8(min(max(middle + 0.5, 0.0), 255.0))
                        queue[last] = k * samples + n
                        last += 1
    return last > end


def spare_lines(marks: Codes) -> None:
    """Call suspects what hangs together over more pixels than a particle's track, in place."""
    _, group = cv2.connectedComponents((marks & (HIT | FLIPPED) != 0).astype(np.uint8), connectivity=8)
    groups = np.asarray(group)
    large = np.bincount(groups.ravel()) > LONGEST_TRACK
    large[0] = False
    too_long = large[groups]
    marks[too_long] = (marks[too_long] & ~np.uint8(HIT | FLIPPED)) | np.uint8(SUSPECT)


@kernel
def least_rise(sigma: NDArray[np.float64]) -> NDArray[np.float64]:
    """Least rise (256,) over the nearest pairs that a pixel of each code must have to be an outlier."""
    need = np.empty(256)
    least = np.inf
    for code in range(256):
        least = min(least, sigma[code])
        need[code] = PEAKS * least
    return need


@kernel
def rise(work: Codes, i: int, j: int) -> int:
    """By how much the pixel (i, j) of a padded framelet exceeds the highest of the lower ones of its nearest pairs."""
    high = np.int64(0)
    for k in range(4):
        di, dj = _PAIRS[k]
        high = max(high, min(np.int64(work[i + di, j + dj]), np.int64(work[i - di, j - dj])))
    return int(np.int64(work[i, j]) - high)


@kernel
def judge(
    work: Codes,
    table: Plane,
    sigma: NDArray[np.float64],
    i: int,
    j: int,
    pairs: NDArray[np.float64],
    differences: NDArray[np.float64],
) -> tuple[int, float]:
    """What the pixel (i, j) of a padded framelet is, 0 if nothing special, and the code that its surroundings foretell.

    `pairs` and `differences` (12,) are scratch.
    """
    here = float(work[i, j])
    for k in range(12):
        di, dj = _PAIRS[k]
        a, b = float(work[i + di, j + dj]), float(work[i - di, j - dj])
        pairs[k] = 0.5 * (a + b)
        differences[k] = 0.5 * abs(a - b)
    middle = median_of(pairs, 12)
    excess = here - middle
    noise = sigma[int(min(max(middle + 0.5, 0.0), 255.0))]
    sign = 1.0 if excess > 0 else -1.0
    if sign * excess < (STANDS_OUT if sign > 0 else DARK_STANDS_OUT) * noise:
        return 0, middle
    # a lone neighbour that is a hit itself must not hide this one: it lifts its pair no more than slopes around do
    slope = median_of(differences, 12)
    peak = np.inf
    for k in range(4):
        di, dj = _PAIRS[k]
        a, b = sign * float(work[i + di, j + dj]), sign * float(work[i - di, j - dj])
        peak = min(peak, sign * here - min(0.5 * (a + b), min(a, b) + slope))
    if peak < PEAKS * noise:
        return 0, middle
    for k in range(12):
        differences[k] = abs(pairs[k] - middle)
    # the mean of two has less noise than one, and 1.4826 makes a sigma of the middle of the deviations
    scatter = RESTLESS * 1.4826 * 1.4142 * median_of(differences, 12)
    if sign < 0:
        certain = peak > DARK_STANDS_OUT * max(noise, scatter) and is_flipped(here, middle, noise)
        return (FLIPPED if certain else 0), middle
    if not is_summit(work, i, j):
        return 0, middle
    if scatter > CALM * noise or middle > SKY_CODE:
        foretold = foretell(work, i, j, slope, noise)
        own = work[i, j]
        work[i, j] = np.uint8(min(max(foretold + 0.5, 0.0), 255.0))
        for k in range(8):
            m, n = i + _RING[k, 0], j + _RING[k, 1]
            differences[k] = abs(work[m, n] - foretell(work, m, n, 255.0, noise))
        work[i, j] = own
        unrest = UNREST * 1.4826 * median_of(differences, 8)
        if here - foretold < STANDS_OUT_UNREST * max(FORETELLING * noise, unrest):
            return SUSPECT if here - foretold > SUSPECTED * noise else 0, middle
    # what stands beside a star's brightest pixel is its rim
    m, n = brightest_near(work, i, j)
    return (SUSPECT if is_star(work, table, m, n, middle, noise) else HIT), middle


@kernel
def brightest_near(work: Codes, i: int, j: int) -> tuple[int, int]:
    """The brightest of the pixel (i, j) of a padded framelet and its eight neighbours within the framelet."""
    best, line, sample = work[i, j], i, j
    for m in range(max(i - 1, REACH), min(i + 2, len(work) - REACH)):
        for n in range(max(j - 1, REACH), min(j + 2, work.shape[1] - REACH)):
            if work[m, n] > best:
                best, line, sample = work[m, n], m, n
    return line, sample


@kernel
def is_summit(work: Codes, i: int, j: int) -> bool:
    """Whether no more than two of the eight neighbours, which a track may have lit, are as bright as the pixel."""
    as_bright = -1
    for m in range(i - 1, i + 2):
        for n in range(j - 1, j + 2):
            as_bright += work[m, n] >= work[i, j]
    return as_bright <= 2


@kernel
def foretell(work: Codes, i: int, j: int, slope: float, noise: float) -> float:
    """The code that `_WEIGHTS` foretell of the pixel (i, j) of a padded framelet.

    A pair whose two pixels differ by more than twice the `slope` around and noise counts with the lower of them.
    """
    total = 0.0
    for k in range(6):
        di, dj = _PAIRS[k]
        a, b = float(work[i + di, j + dj]), float(work[i - di, j - dj])
        value = 0.5 * (a + b)
        if abs(a - b) > 2 * slope + 4 * noise:
            value = min(a, b) + slope
        total += _WEIGHTS[k] * value
    return total


@kernel
def is_star(work: Codes, table: Plane, i: int, j: int, middle: float, noise: float) -> bool:
    """Whether the light around the bright pixel (i, j) of a padded framelet is spread as that of a point is."""
    code = int(min(max(middle, 0.0), 254.0))
    part = middle - code
    level = (1 - part) * table[code] + part * table[code + 1]
    peak = table[work[i, j]] - level
    # beyond the framelet's first and last line there is only their mirror image
    above = i - 1 if i > REACH else i + 1
    below = i + 1 if i < len(work) - REACH - 1 else i - 1
    along = 0.5 * (min(table[work[i, j - 1]] - level, peak) + min(table[work[i, j + 1]] - level, peak))
    down = 0.5 * (min(table[work[above, j]] - level, peak) + min(table[work[below, j]] - level, peak))
    around = 2 * (along + down)
    if middle < SKY_CODE:
        return bool(around >= STAR_SHARE * peak and min(along, down) >= STAR_PAIR * peak)
    # over the disc there are no stars, and only what is surely spread is spared
    unsure = noise * (table[code + 1] - table[code])
    return bool(around - 4 * unsure >= STAR_SHARE * peak and min(along, down) - unsure >= STAR_PAIR * peak)


@kernel
def is_flipped(here: float, middle: float, noise: float) -> bool:
    """Whether a single flipped bit of the code makes of what stands here what is foretold, to two sigma."""
    code = int(here)
    for bit in range(LEAST_BIT, 8):  # noqa: SIM110
        if abs((code ^ (1 << bit)) - middle) <= 2 * noise + 0.5:
            return True
    return False
