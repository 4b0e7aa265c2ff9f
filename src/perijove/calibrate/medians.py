"""Medians of a few numbers inside kernels: put in order by insertion, which for so few is the fastest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from perijove.jit import kernel


@kernel
def in_order(values: NDArray[np.floating], count: int) -> None:
    """Sort the first `count` values, in place."""
    for k in range(1, count):
        value = values[k]
        n = k
        while n > 0 and values[n - 1] > value:
            values[n] = values[n - 1]
            n -= 1
        values[n] = value


@kernel
def median_of(values: NDArray[np.float64], count: int) -> float:
    """Median of the first `count` numbers, an even count, which are put in order on the way."""
    in_order(values, count)
    return 0.5 * float(values[count // 2 - 1] + values[count // 2])
