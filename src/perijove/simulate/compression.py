"""Compression: what the camera's lossy coding does to the codes of a strip.

Measured on the real strips 44C00029, 44C00030, 44M00044 and 43C00078 (all INTEGER COSINE TRANSFORM). In blocks of
16 x 16 codes, aligned with the strip's corner, every coefficient of the orthonormal cosine transform but the mean lies
on the multiples of 2.016 +- 0.001, smeared by no more than the rounding to whole codes smears it; the step is the same
for all frequencies and all four strips. The mean shows no step down to 0.7 / 16 of a code.

High frequencies are cut off where little goes on. Each block has a radius in the plane of its frequencies beyond which
nothing is left, while up to it coefficients are rounded as in busy blocks: in quiet blocks of the sky of 44C00029, 30
and 43C00078 a quarter of them is left within the radius, and none beyond. The coder's own rule is not known. Taken for
the place of the outermost coefficient of some size, 0.25 of a step in the middle, growing to 1.04 steps at a radius of
10, the radius comes out much as these strips have it, in the dark and in the light. Of blocks of the sky of 44C00030
15 % are even, 9 % keep up to 11 coefficients, 4 % up to 24 and 21 % up to 99 (there 15, 9, 2 and 24 %); the median
radius of lit blocks that vary by 1 to 1.3 codes is 11 to 15 (there 12 to 18). Fewer than three steps are never left.
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
FIRST_STEP = 0.5
"""Steps at which a coefficient's magnitude is rounded up to 1, 1 more for 2, and so on."""
SIGNIFICANT, SIGNIFICANT_SLOPE, MOST_SIGNIFICANT = 0.25, 0.075, 1.04
"""Steps from which a coefficient is significant: at the mean, more a unit of radius, and at most."""
FEWEST = 3
"""Of fewer steps than these, over all coefficients, none is left."""
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
    size = np.abs(part) / np.float32(step)
    size[:, 0, :, 0] = 0.0
    radius = np.hypot(*np.mgrid[:BLOCK, :BLOCK]).astype(np.float32)[None, :, None, :]
    significant = size >= np.minimum(SIGNIFICANT + SIGNIFICANT_SLOPE * radius, MOST_SIGNIFICANT).astype(np.float32)
    reach = np.where(significant, radius, 0).max(axis=(1, 3), keepdims=True)
    steps = np.floor(size + np.float32(1.0 - FIRST_STEP)) * (radius <= reach)
    steps *= steps.sum(axis=(1, 3), keepdims=True) >= FEWEST
    coarse = np.copysign(steps, part) * np.float32(step)
    # the mean is kept
    coarse[:, 0, :, 0] = part[:, 0, :, 0]
    back = scipy.fft.idctn(coarse, axes=(1, 3), norm="ortho").reshape(padded.shape)
    out: Codes = np.clip(np.rint(back), 0, 255).astype(np.uint8)[:lines, :samples]
    return out
