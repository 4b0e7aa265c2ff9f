"""Coarser swaths: pixels averaged first, so that a grid coarser than the camera shows means and not single pixels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from perijove.instrument import FRAMELET_LINES, SAMPLES
from perijove.swath import Swath

FACTORS = (1, 2, 4, 8)
"""By how much pixels may be summed: framelets of 128 x 1648 px must come out whole, and keep some lines."""


def coarser(swath: Swath, factor: int) -> Swath:
    """The swath with its stored pixels averaged `factor` x `factor`; a mean needs half of its pixels.

    The variance is that of the mean, the quality every bit of its pixels.
    """
    if factor == 1:
        return swath
    n, lines, samples = swath.light.shape
    shape = (n, lines // factor, factor, samples // factor, factor)
    light, share = means(swath.light.reshape(shape))
    variance, quality = swath.variance, swath.quality
    if variance is not None:
        spread, _ = means(variance.reshape(shape))
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = np.where(share > 0, spread / (share * factor * factor), np.nan).astype(np.float32)
    if quality is not None:
        quality = np.bitwise_or.reduce(np.bitwise_or.reduce(quality.reshape(shape), axis=4), axis=2)
    return replace(swath, binning=swath.binning * factor, light=light, variance=variance, quality=quality)


def means(blocks: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Means (n, lines, samples) of blocks (n, lines, f, samples, f) and the share of each that has data."""
    good = np.isfinite(blocks)
    total = np.where(good, blocks, np.float32(0)).sum(axis=(2, 4), dtype=np.float32)
    count = good.sum(axis=(2, 4), dtype=np.float32)
    size = blocks.shape[2] * blocks.shape[4]
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(2 * count >= size, total / count, np.float32(np.nan))
    return mean.astype(np.float32), (count / size).astype(np.float32)


def coarsest_factor(swath: Swath) -> int:
    """The largest factor that leaves whole pixels in a swath."""
    lines, samples = FRAMELET_LINES // swath.binning, SAMPLES // swath.binning
    return max(factor for factor in FACTORS if lines % factor == 0 and samples % factor == 0 and lines // factor >= 8)
