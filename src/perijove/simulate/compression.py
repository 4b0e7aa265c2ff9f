"""Compression: what the camera's lossy coding does to the codes of a strip.

Measured on the real strips 44C00029, 44C00030, 44M00044 and 43C00078 (all INTEGER COSINE TRANSFORM). In blocks of
16 x 16 codes, aligned with the strip's corner, every coefficient of the orthonormal cosine transform but the mean lies
on the multiples of 2.016 +- 0.001, smeared by no more than the rounding to whole codes smears it; the step is the same
for all frequencies and all four strips. The mean shows no step down to 0.7 / 16 of a code.

Zero takes more than its share where little goes on. Against the lossless strip 44C00074, whose codes should be alike,
the blocks of 43C00078 that vary by more than 0.8 code (rms) keep as many coefficients as rounding would leave them (its
first step is taken at 0.55 to 0.63 of it); those that vary by 0.75 keep 13 where rounding leaves 50, those that vary by
0.5 mostly none where it leaves 24, so that patches of flat code stand in the noise of the sky: 0.75 of a step.
"""

from __future__ import annotations

import math

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from perijove.errors import UsageError

Codes = NDArray[np.uint8]

BLOCK = 16
"""Side of a block, in samples of the strip, summed or not."""
STEP = 2.016
"""Step of the coefficients (orthonormal transform of codes)."""
QUIET_CODES = 0.8
"""Blocks that vary by less (rms about their mean) are quiet."""
FIRST_STEP, FIRST_STEP_QUIET = 0.5, 0.75
"""Steps at which a coefficient's magnitude is rounded up to 1, 1 more for 2, and so on; in quiet blocks the latter."""
LOSSLESS, LOSSY = "HUFFMAN", "INTEGER COSINE TRANSFORM"
"""COMPRESSION_TYPE of the labels."""
_ROWS = 64
"""Rows of blocks taken at a time, which bounds the memory."""


def compress(codes: Codes, step: float = STEP) -> Codes:
    """The codes (lines, samples) as they come back from lossy coding with this step; a step of 0 loses nothing.

    Sides that are no multiple of the block are filled up with their last line or sample. Raises UsageError for a step
    below zero or not finite.
    """
    if not (math.isfinite(step) and step >= 0):
        raise UsageError(f"the step of the compression is {step}: it must be finite and not below 0")
    if step == 0:
        return codes.copy()
    out = np.empty_like(codes)
    for first in range(0, len(codes), _ROWS * BLOCK):
        part = slice(first, first + _ROWS * BLOCK)
        out[part] = _compress_rows(codes[part], step)
    return out


def _compress_rows(codes: Codes, step: float) -> Codes:
    """`compress` for a few rows of blocks."""
    lines, samples = codes.shape
    padded = np.pad(codes, ((0, -lines % BLOCK), (0, -samples % BLOCK)), mode="edge")
    shape = padded.shape[0] // BLOCK, BLOCK, padded.shape[1] // BLOCK, BLOCK
    part = scipy.fft.dctn(padded.reshape(shape).astype(np.float32), axes=(1, 3), norm="ortho")
    # by Parseval the variance is in the coefficients
    energy = np.square(part).sum(axis=(1, 3), keepdims=True) - np.square(part[:, :1, :, :1])
    quiet = energy < (QUIET_CODES * BLOCK) ** 2
    first = np.where(quiet, np.float32(FIRST_STEP_QUIET), np.float32(FIRST_STEP))
    steps = np.floor(np.abs(part) / np.float32(step) + (1 - first))
    coarse = np.copysign(steps, part) * np.float32(step)
    # the mean is kept
    coarse[:, 0, :, 0] = part[:, 0, :, 0]
    back = scipy.fft.idctn(coarse, axes=(1, 3), norm="ortho").reshape(padded.shape)
    out: Codes = np.clip(np.rint(back), 0, 255).astype(np.uint8)[:lines, :samples]
    return out
