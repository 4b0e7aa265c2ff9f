"""Coarser swaths: pixels averaged first, so that a grid coarser than the camera shows means and not single pixels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from perijove.instrument import FRAMELET_LINES, SAMPLES
from perijove.jit import kernel
from perijove.swath import Swath

FACTORS = (1, 2, 4, 8)
"""By how much pixels may be summed: framelets of 128 x 1648 px must come out whole, and keep some lines."""


def coarser(swath: Swath, factor: int) -> Swath:
    """The swath with its stored pixels averaged `factor` x `factor`; a mean needs half of its pixels.

    The variance is that of the mean, the quality every bit of its pixels.
    """
    if factor == 1:
        return swath
    light, share = means(swath.light, factor)
    variance, quality = swath.variance, swath.quality
    if variance is not None:
        spread, _ = means(variance, factor)
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = np.where(share > 0, spread / (share * factor * factor), np.nan).astype(np.float32)
    if quality is not None:
        every = np.zeros(light.shape, np.uint8)
        gather_bits(np.ascontiguousarray(quality), factor, every)
        quality = every
    return replace(swath, binning=swath.binning * factor, light=light, variance=variance, quality=quality)


def means(values: NDArray[np.float32], factor: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Means (n, lines, samples) of the blocks of `factor` x `factor` of an array, and the share of each with data."""
    n, lines, samples = values.shape
    mean, share = np.empty((2, n, lines // factor, samples // factor), np.float32)
    block_means(np.ascontiguousarray(values, np.float32), factor, mean, share)
    return mean, share


@kernel
def block_means(
    values: NDArray[np.float32], factor: int, mean: NDArray[np.float32], share: NDArray[np.float32]
) -> None:
    """Fill the means of blocks, NaN where less than half has data, and the share that has."""
    size = factor * factor
    for f in range(mean.shape[0]):
        for i in range(mean.shape[1]):
            for j in range(mean.shape[2]):
                total, count = 0.0, 0
                for a in range(i * factor, (i + 1) * factor):
                    for b in range(j * factor, (j + 1) * factor):
                        value = values[f, a, b]
                        if abs(value) < np.inf:
                            total += value
                            count += 1
                mean[f, i, j] = total / count if 2 * count >= size else np.nan
                share[f, i, j] = count / size


@kernel
def gather_bits(bits: NDArray[np.uint8], factor: int, out: NDArray[np.uint8]) -> None:
    """Fill `out` (n, lines, samples) with every bit that is set in each block of `factor` x `factor`."""
    for f in range(out.shape[0]):
        for i in range(out.shape[1]):
            for j in range(out.shape[2]):
                every = np.uint8(0)
                for a in range(i * factor, (i + 1) * factor):
                    for b in range(j * factor, (j + 1) * factor):
                        every |= bits[f, a, b]
                out[f, i, j] = every


def coarsest_factor(swath: Swath) -> int:
    """The largest factor that leaves whole pixels in a swath."""
    lines, samples = FRAMELET_LINES // swath.binning, SAMPLES // swath.binning
    return max(factor for factor in FACTORS if lines % factor == 0 and samples % factor == 0 and lines // factor >= 8)
