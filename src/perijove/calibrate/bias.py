"""Bias: what a framelet's masked columns read, to be taken off its light."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from perijove.instrument import DARK_SAMPLES, LIT_SAMPLES

FloatArray = NDArray[np.float64]

NEIGHBOURS = 5
"""Framelets, itself included, with which a framelet's bias is compared."""
LEAST_JUMP_DN = 0.5
"""A bias this near to its neighbours' is believed in any case: half a step of the camera's converter."""


def dark_columns(binning: int, samples: int) -> NDArray[np.intp]:
    """Indices of the masked columns of a line; summed columns count only where both halves are masked."""
    columns = [np.arange(-(-part.start // binning), min(part.stop // binning, samples)) for part in DARK_SAMPLES]
    return np.concatenate(columns)


def lit_columns(binning: int) -> slice:
    """The columns of a line that see light at full response; summed columns count only where both halves do."""
    return slice(-(-LIT_SAMPLES.start // binning), LIT_SAMPLES.stop // binning)


def framelet_bias(codes: NDArray[np.uint8], table: NDArray[np.float32], binning: int) -> FloatArray:
    """Bias (frames,) in DN of framelets (frames, lines, samples) from their masked columns.

    The mean is taken (most codes there are 0 or 1, so that a median could only be one of these) of values drawn in
    to three sigma of their median: hot pixels and compression noise then weigh little. A framelet that jumps away from
    its neighbours by more than `LEAST_JUMP_DN` and five sigma has contaminated columns and takes their median.
    """
    columns = dark_columns(binning, codes.shape[2])
    if not len(columns) or not len(codes):
        return np.zeros(len(codes))
    dark = table[codes[:, :, columns]].reshape(len(codes), -1).astype(float)
    middle = np.median(dark, axis=1, keepdims=True)
    sigma = np.maximum(1.4826 * np.median(np.abs(dark - middle), axis=1, keepdims=True), 1.0)
    bias: FloatArray = np.clip(dark, middle - 3 * sigma, middle + 3 * sigma).mean(axis=1)
    padded = np.pad(bias, NEIGHBOURS // 2, mode="edge")
    around = np.median(np.lib.stride_tricks.sliding_window_view(padded, NEIGHBOURS), axis=1)
    jump = np.abs(bias - around)
    limit = max(LEAST_JUMP_DN, 5 * 1.4826 * float(np.median(jump)))
    bias = np.where(jump > limit, around, bias)
    return bias
