"""Which frames saw an output pixel: the weighted mean of their numbers, and the one that weighs most."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from perijove.jit import kernel
from perijove.render.framelets import Optics
from perijove.render.locate import NOT_SEEN, Sightings
from perijove.render.uncertainty import feather


class Sources(NamedTuple):
    """Filled for each pixel (rows, w): `frame` the mean number, its `weight`, `source` the heaviest, `most` its weight.

    All are empty where it was not asked for.
    """

    frame: NDArray[np.float32]
    weight: NDArray[np.float32]
    source: NDArray[np.int16]
    most: NDArray[np.float32]


NO_SOURCES = Sources(
    np.empty((0, 0), np.float32), np.empty((0, 0), np.float32), np.empty((0, 0), np.int16), np.empty((0, 0), np.float32)
)


def make_sources(rows: int, width: int) -> Sources:
    """Nothing seen yet."""
    shape = (rows, width)
    return Sources(
        np.zeros(shape, np.float32),
        np.zeros(shape, np.float32),
        np.full(shape, -1, np.int16),
        np.zeros(shape, np.float32),
    )


@kernel
def add_sources(optics: Optics, count: int, found: Sightings, row: int, sources: Sources) -> None:
    """Add `count` sightings to one row."""
    for j in range(count):
        w = 0.0 if found.frame[j] == NOT_SEEN else feather(optics, found.line[j], found.sample[j])
        if w == 0.0:
            continue
        c = found.pixel[j]
        if (
            optics.turn > 0
            and abs(found.frame[j] - sources.source[row, c]) > optics.turn // 2
            and sources.source[row, c] >= 0
        ):
            # seen again a revolution later: the two have no mean, the heavier one counts
            if w <= sources.most[row, c]:
                continue
            sources.frame[row, c], sources.weight[row, c] = np.float32(0.0), np.float32(0.0)
        sources.frame[row, c] += np.float32(w * found.frame[j])
        sources.weight[row, c] += np.float32(w)
        if w > sources.most[row, c]:
            sources.most[row, c] = np.float32(w)
            sources.source[row, c] = found.frame[j]


@kernel
def settle_sources(row: int, sources: Sources) -> None:
    """Make means of the sums of one row; NaN where nothing was seen."""
    for c in range(sources.frame.shape[1]):
        w = sources.weight[row, c]
        sources.frame[row, c] = sources.frame[row, c] / w if w > 0.0 else math.nan
