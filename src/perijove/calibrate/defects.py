"""Defects: pixels that tell of the detector or of a particle, not of the scene.

Three kinds are mended, each by what sets it apart. *Transients* stand alone in one framelet. *Hot pixels* add the same
charge at the same place of every framelet; the readout's time-delayed integration draws them out to streaks down the
lines. *Spots* (dust on a filter, pinholes in it) take or add the same share of the light at the same place. The scene
moves by more than a hundred lines from one framelet to the next and is in no two of them at the same place.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint8]
Plane = NDArray[np.float32]

LEAST_EXCESS = 6
"""Codes that a transient stands above its surroundings. In codes the noise is about 1 at any light."""
SKY_CODE = 20
"""Surroundings up to this code may be sky with stars, where only what is sharper than a star is mended."""
SHARPNESS = 0.6
"""A star gives its four neighbours together about as much as the brightest pixel has; a hit less than this share."""
PATTERN_SIZE = 17
"""Side in px of the square whose median is the surroundings for the fixed pattern: wider than spots and streaks."""
PATTERN_FRAMES = 16
"""Most framelets that are looked at for the fixed pattern: more add time, not certainty."""
LEAST_FRAMES = 5
"""Fewest framelets that can tell a fixed pattern from the scene."""
ROUNDING_DN = 0.5
"""Half a step of the camera's converter, which no number of framelets averages out."""
LIT_SHARE = 0.2
"""Least surrounding light, of the brightest, for a framelet to tell of spots: the terminator's bend looks like one."""
SPOT_SHARE = 0.04
"""A place whose share of the light is nearer to 1 than this is left alone: clouds' contrast makes as much."""
FEW_SHARE = 0.85
"""Most light that a spot may let through to be believed where only two or three framelets are lit."""
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


def mend_transients(codes: Codes, pattern: FixedPattern | None = None) -> tuple[Codes, int]:
    """A copy of framelets (frames, lines, samples) with lone bright pixels replaced by the median of the 5 x 5 px
    around them, and their number.

    On the disc up to four bright pixels of the 25 count as a hit: the limb and the sharpest clouds have more. Places
    that the fixed pattern will correct are left to it.
    """
    mended = codes.copy()
    free = np.ones(codes.shape[1:], bool) if pattern is None else pattern.extra == 0
    count = 0
    for plane, out in zip(codes, mended, strict=True):
        around = surroundings(plane, 5)
        count += mend_plane(plane, around, free, out)
    return mended, count


@numba.njit(nogil=True, cache=True, error_model="numpy")
def mend_plane(plane: Codes, around: Codes, free: NDArray[np.bool_], out: Codes) -> int:
    """Replace in `out` those pixels of one framelet that look like hits by `around`; their number is returned.

    All arrays are (lines, samples); only places where `free` is true are looked at.
    """
    lines, samples = plane.shape
    count = 0
    for i in range(lines):
        for j in range(samples):
            # in floating point: differences of the unsigned codes would wrap round
            middle = float(around[i, j])
            excess = float(plane[i, j]) - middle
            if excess >= LEAST_EXCESS and free[i, j] and is_hit(plane, i, j, middle, excess):
                out[i, j] = around[i, j]
                count += 1
    return count


@numba.njit(nogil=True, cache=True, error_model="numpy")
def is_hit(plane: Codes, line: int, sample: int, middle: float, excess: float) -> bool:
    """Whether the pixel that stands `excess` above `middle`, the code around it, is a hit rather than scene."""
    lines, samples = plane.shape
    departures = np.empty(25)
    high, n, beside = 0, 0, 0.0
    for i in range(max(line - 2, 0), min(line + 3, lines)):
        for j in range(max(sample - 2, 0), min(sample + 3, samples)):
            departure = float(plane[i, j]) - middle
            departures[n] = abs(departure)
            n += 1
            high += 2 * departure > excess
            if abs(i - line) + abs(j - sample) == 1:
                beside += max(departure, 0.0)
    if middle < SKY_CODE:
        return bool(beside < SHARPNESS * excess)
    return high <= 4 and bool(excess > 4 * np.sort(departures[:n])[n // 2])


def surroundings(plane: Codes, size: int) -> Codes:
    """Median of the size x size px about each pixel of one framelet (lines, samples), its edges repeated outwards."""
    return np.asarray(cv2.medianBlur(np.ascontiguousarray(plane), size), dtype=np.uint8)


def fixed_pattern(codes: Codes, table: Plane) -> FixedPattern:
    """The fixed pattern of one filter's framelets (frames, lines, samples); `table` (256,) is DN by code.

    A correction is made only where it stands five sigma out of what the framelets scatter.
    """
    chosen = codes
    if len(codes) > PATTERN_FRAMES:
        chosen = codes[np.linspace(0, len(codes) - 1, PATTERN_FRAMES).round().astype(int)]
    shape = codes.shape[1:]
    extra, gain, sure = np.zeros(shape, np.float32), np.ones(shape, np.float32), np.zeros(shape, np.bool_)
    if len(chosen) >= LEAST_FRAMES:
        around = np.stack([surroundings(plane, PATTERN_SIZE) for plane in chosen])
        lit = LIT_SHARE * float(np.percentile(table[around[:, ::8, ::8]], 99))
        find_pattern(chosen, around, table, max(lit, LEAST_LIT_DN), extra, gain, sure)
        gain[~spot_places(gain, sure)] = 1.0
    return FixedPattern(extra, gain)


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


@numba.njit(nogil=True, cache=True, error_model="numpy")
def find_pattern(
    codes: Codes, around: Codes, table: Plane, lit_dn: float, extra: Plane, gain: Plane, sure: NDArray[np.bool_]
) -> None:
    """Fill `extra`, `gain` and `sure` (lines, samples) from framelets and surroundings (frames, lines, samples).

    `gain` departs from 1 also where it is no more than likely; `sure` marks the places beyond doubt.
    """
    frames, lines, samples = codes.shape
    excess, share = np.empty(frames, np.float32), np.empty(frames, np.float32)
    for i in range(lines):
        for j in range(samples):
            lit, hot, odd = 0, 0, 0
            coarse, coarse_share = np.float32(0), np.float32(0)
            for f in range(frames):
                here, there = table[codes[f, i, j]], table[around[f, i, j]]
                # the step of the code is about the noise, and of a few values it is the surer measure of it
                step = table[max(codes[f, i, j], 1)] - table[max(codes[f, i, j], 1) - 1]
                coarse += step / frames
                excess[f] = here - there
                hot += excess[f] > ROUNDING_DN
                if there > lit_dn:
                    share[lit] = here / there
                    odd += abs(share[lit] - 1) > FRINGE_SHARE
                    coarse_share += step / there
                    lit += 1
            # where half of the framelets show nothing the median is nothing, and need not be sought
            if 2 * hot >= frames:
                middle, error = middle_and_error(excess, float(coarse))
                if middle > 5 * error + ROUNDING_DN:
                    extra[i, j] = middle
                    continue
            if lit >= 2 and 2 * odd >= lit:
                middle, error = middle_and_error(share[:lit], float(coarse_share / lit))
                if abs(middle - 1) > FRINGE_SHARE + 2 * error:
                    gain[i, j] = middle if middle > DARKEST else np.nan
                    # two framelets make a poor sigma, so that only the dark heart of a spot is believed to them
                    few = lit < LEAST_FRAMES - 1
                    sure[i, j] = (
                        (middle < FEW_SHARE and lit_dn > FEW_DN) if few else abs(middle - 1) > SPOT_SHARE + 5 * error
                    )


@numba.njit(nogil=True, cache=True, error_model="numpy")
def middle_and_error(values: Plane, least: float) -> tuple[float, float]:
    """Median of a few values and its standard error, from the median absolute deviation or the `least` sigma."""
    n = len(values)
    middle = 0.5 * (np.sort(values)[(n - 1) // 2] + np.sort(values)[n // 2])
    deviation = np.sort(np.abs(values - middle))[n // 2]
    # a sigma from few values is often too small by chance: the last factor makes up for it
    return float(middle), 1.2533 * max(1.4826 * float(deviation), least) / np.sqrt(n) * (1.0 + 2.5 / n)
