"""Defects: pixels that tell of the detector, of a particle or of the way down, not of the scene.

Each kind is found by what sets it apart: the *fixed pattern* (hot places, dust) stands at the same place of all
framelets (`pattern`); *hits* and *flipped bits* stand alone, more sharply than the camera's point spread lets any scene
(`outliers`); *full* pixels pile up at the same light, and lost or garbled *blocks* end where the compression's blocks
end (`runs`). What is beyond saving is replaced from around (`repair`), and what may be a star, lightning or the limb is
flagged and left as it is.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from perijove.calibrate.bias import dark_columns, lit_columns
from perijove.calibrate.noise import READ_NOISE_DN
from perijove.calibrate.outliers import LEAST_BIT, code_sigma, find_outliers
from perijove.calibrate.pattern import FixedPattern, fixed_pattern
from perijove.calibrate.quality import Quality
from perijove.calibrate.repair import fill
from perijove.calibrate.runs import full_code, mark_full, mark_lost
from perijove.instrument import FRAMELET_LINES

__all__ = ["FixedPattern", "Mended", "fixed_pattern", "mend"]

Codes = NDArray[np.uint8]
Plane = NDArray[np.float32]

REPLACED = int(Quality.HIT | Quality.FLIPPED | Quality.FILLED)
NO_SOURCE = REPLACED | int(Quality.HOT | Quality.SPOT)
"""Pixels that nothing is replaced from."""
NOISY_DN = 1.6
"""Noise of the dark columns from which the camera is noisier than it was built: the real strips have 1.2 to 1.5 of it,
coding and hits included. Of summed pixels too many are hit in the belts for them to tell."""
SILENT = 1.5
"""Sigma above the middle from which on the edge of code 0 lies among the hits."""
FEWEST_FLIPPED = 5
"""Pixels that a flipped bit has darkened, which nothing else does: with fewer there are no flipped bits in a strip."""


@dataclass(frozen=True)
class Mended:
    """The framelets of one filter with what was found in them.

    `codes` and `quality` (frames, lines, samples) uint8, the latter in bits of `Quality`; `index` (n,) int64 are the
    places in the flat arrays that were replaced from around, in order, and `sigma_codes` (n,) float32 the sigma of what
    was put there, in codes, NaN where nothing could be.
    """

    codes: Codes
    quality: Codes
    index: NDArray[np.int64]
    sigma_codes: Plane


def mend(codes: Codes, table: Plane, pattern: FixedPattern, *, lossy: bool = True, suspects: bool = False) -> Mended:
    """Find and repair the defects of one filter's framelets (frames, lines, samples).

    `table` (256,) is DN by code, `pattern` the filter's fixed pattern, whose places are flagged and, where they are
    too dark to be of use, filled. `lossy` says whether the strip went through the lossy compression, which adds noise.
    With `suspects` also that is replaced which may be a star, lightning or the limb.
    """
    frames, lines, samples = codes.shape
    binning = FRAMELET_LINES // lines
    # the camera grows noisier with dose; a little more than it has by the report is the coding's or the hits'
    noise = dark_noise(codes, table) if binning == 1 else 0.0
    sigma = code_sigma(table, binning, lossy=lossy, read_noise_dn=noise if noise > NOISY_DN else READ_NOISE_DN)
    fixed = pattern_bits(pattern)
    replaced = REPLACED | (int(Quality.SUSPECT) if suspects else 0)
    mended, quality = codes.copy(), np.empty_like(codes)

    def one(f: int) -> tuple[NDArray[np.int64], Plane]:
        marks = quality[f]
        marks[:] = fixed
        mark_defects(codes[f], table, sigma, lit_columns(binning), marks)
        bad = (marks & replaced) != 0
        places = np.flatnonzero(bad)
        error = np.empty(len(places), np.float32)
        fill(codes[f], bad, (marks & (NO_SOURCE | replaced)) == 0, sigma, mended[f], error)
        if suspects:
            # what was replaced is a hit from here on
            doubted = (marks & np.uint8(Quality.SUSPECT)) != 0
            marks[doubted] = (marks[doubted] & ~np.uint8(Quality.SUSPECT)) | np.uint8(Quality.HIT)
        return places + f * lines * samples, error

    # the filters of a strip go side by side already; a strip of one gains
    with ThreadPoolExecutor(2) as pool:
        parts = list(pool.map(one, range(frames)))
    index = [np.empty(0, np.int64), *(places for places, _ in parts)]
    errors = [np.empty(0, np.float32), *(error for _, error in parts)]
    done = Mended(mended, quality, np.concatenate(index), np.concatenate(errors))
    tell_flipped(codes, done, sigma)
    return done


def dark_noise(codes: Codes, table: Plane) -> float:
    """Noise in DN of the masked columns, from how far the upper part of their numbers reaches: the lower is cut at 0.

    The share below each code's edge says how many sigma of a Gaussian that edge lies above the middle; the edges from
    one to one and a half sigma are compared, beyond which hits begin. Where code 0 holds what is below all of them
    (LIN8, LIN16), the rest is hits and tells nothing: 0.
    """
    columns = dark_columns(FRAMELET_LINES // codes.shape[1], codes.shape[2])
    if not len(codes) or not len(columns):
        return 0.0
    # column by column: the whole would be a large copy
    counts = sum(np.bincount(codes[:, :, column].reshape(-1), minlength=256) for column in columns)
    edges = (table[:-1].astype(float) + table[1:]) / 2
    z = ndtri(np.clip(np.cumsum(counts)[:-1] / np.sum(counts), 1e-6, 1.0 - 1e-6))
    if z[0] >= SILENT:
        return 0.0
    low = max(1.0, z[0])
    high = max(1.5, z[1], low + 0.1)
    one, two = np.interp([low, high], z, edges)
    return float((two - one) / (high - low))


def mark_defects(plane: Codes, table: Plane, sigma: NDArray[np.float64], lit: slice, marks: Codes) -> None:
    """Add to `marks` (lines, samples) what is found in one framelet; those of the fixed pattern stand there already."""
    free = marks == 0
    if mark_full(plane, full_code(table), marks):
        # the edge of what is full is sharper than any scene
        near = (marks & int(Quality.FULL)) != 0
        near[:, 1:] |= near[:, :-1]
        near[:, :-1] |= near[:, 1:]
        free &= ~near
    if any(mark_lost(plane, lit, marks)):
        free &= (marks & REPLACED) == 0
    find_outliers(plane, table, sigma, free, marks)


def pattern_bits(pattern: FixedPattern) -> Codes:
    """Quality bits (lines, samples) of a fixed pattern."""
    bits = np.zeros(pattern.extra.shape, np.uint8)
    bits[pattern.extra != 0] |= int(Quality.HOT)
    bits[pattern.gain != 1] |= int(Quality.SPOT)
    bits[np.isnan(pattern.gain)] = int(Quality.FILLED)
    return bits


def tell_flipped(codes: Codes, mended: Mended, sigma: NDArray[np.float64]) -> None:
    """Call those hits flipped bits that one bit explains, in place, where the strip has pixels so darkened as well.

    A hit is as likely to be explained by one bit by chance as not: only what no particle does shows that bits flip.
    """
    bits = mended.quality.reshape(-1)[mended.index]
    dark = int(np.count_nonzero(bits & int(Quality.FLIPPED)))
    if dark < FEWEST_FLIPPED:
        return
    hits = mended.index[(bits & int(Quality.HIT)) != 0]
    was, now = codes.reshape(-1)[hits], mended.codes.reshape(-1)[hits].astype(int)
    match = np.zeros(len(hits), np.bool_)
    for bit in range(LEAST_BIT, 8):
        match |= np.abs((was ^ np.uint8(1 << bit)).astype(int) - now) <= 2 * sigma[now]
    if 4 * dark >= np.count_nonzero(match):
        flat = mended.quality.reshape(-1)
        flat[hits[match]] = (flat[hits[match]] & ~np.uint8(Quality.HIT)) | np.uint8(Quality.FLIPPED)
