"""Overviews: a map at half its size, a quarter ..., made while its rows go by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from perijove.jit import kernel
from perijove.raster import BAND_ROWS, Layer, Rows

MAP_TILE = 512
"""Overviews are made until one fits into a tile of so many pixels."""


def sizes(width: int, height: int) -> list[tuple[int, int]]:
    """Width and height of the overviews of a map, from the largest to the smallest."""
    out = []
    while max(width, height) > MAP_TILE:
        width, height = -(-width // 2), -(-height // 2)
        out.append((width, height))
    return out


class Pyramid:
    """The overviews of a map, fed with its bands of rows in order.

    `write` is called as write(level, first, rows) with the rows of overview `level`, 0 being the largest, in bands of
    `BAND_ROWS`. Light and sigma are the means of the pixels that hold data; of quality bits and of geometry, longitudes
    among them, which have no mean, the first such pixel is taken.
    """

    def __init__(
        self, width: int, height: int, layers: Sequence[Layer], write: Callable[[int, int, Rows], None]
    ) -> None:
        """Nothing has been fed yet."""
        self._sizes = sizes(width, height)
        self._mean = [layer.role in ("light", "sigma") for layer in layers]
        self._write = write
        self._buffers: list[Rows] = []
        self._filled = [0] * len(self._sizes)
        self._first = [0] * len(self._sizes)

    def feed(self, rows: Rows) -> None:
        """Take the next rows (layers, n, width), an even number of them but at the end."""
        if not self._buffers:
            self._buffers = [np.empty((len(rows), BAND_ROWS, width), rows.dtype) for width, _ in self._sizes]
        self._feed(0, rows)

    def _feed(self, level: int, rows: Rows) -> None:
        if level == len(self._sizes):
            return
        start, buffer = self._filled[level], self._buffers[level]
        end = start + -(-rows.shape[1] // 2)
        halve(rows, buffer[:, start:end], self._mean)
        self._filled[level] = end
        if end == BAND_ROWS or self._first[level] + end == self._sizes[level][1]:
            done = buffer[:, :end]
            self._write(level, self._first[level], done)
            self._feed(level + 1, done)
            self._first[level] += end
            self._filled[level] = 0


@kernel
def filled_tiles(rows: Rows, tile: int) -> NDArray[np.bool_]:
    """Which tiles (layers, columns) of a band of rows (layers, n, w) of floats hold any number."""
    layers, height, width = rows.shape
    out = np.zeros((layers, (width + tile - 1) // tile), np.bool_)
    for layer in range(layers):
        for t in range(out.shape[1]):
            for r in range(height):
                for c in range(t * tile, min((t + 1) * tile, width)):
                    if rows[layer, r, c] == rows[layer, r, c]:
                        out[layer, t] = True
                        break
                if out[layer, t]:
                    break
    return out


def held_tiles(rows: Rows) -> NDArray[np.bool_]:
    """Which tiles (layers, columns) of a band of rows (layers, n, w) hold any data: not NaN, in integers not 0."""
    if rows.dtype.kind == "f":
        return filled_tiles(rows, MAP_TILE)
    starts = np.arange(0, rows.shape[2], MAP_TILE)
    return np.asarray(np.maximum.reduceat(rows.max(axis=1), starts, axis=1) > 0)


def halve(rows: Rows, out: Rows, mean: Sequence[bool]) -> None:
    """Fill `out` (layers, ceil(n / 2), ceil(w / 2)) with half the size of `rows` (layers, n, w).

    `mean` tells for each layer whether to average what holds data (not NaN, in integers not 0) or to take the first of
    it. Integers are rounded, and never to 0.
    """
    half = halve_floats if rows.dtype.kind == "f" else halve_integers
    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(half, rows, out, mean))


@kernel
def halve_floats(rows: Rows, out: Rows, mean: bool) -> None:
    """Halve one layer (n, w) of floats; NaN is no data."""
    height, width = rows.shape
    for r in range(out.shape[0]):
        below = min(2 * r + 1, height - 1)
        for c in range(out.shape[1]):
            right = min(2 * c + 1, width - 1)
            total, count = 0.0, 0
            for value in (rows[2 * r, 2 * c], rows[2 * r, right], rows[below, 2 * c], rows[below, right]):
                if value == value and (mean or count == 0):
                    total += value
                    count += 1
            out[r, c] = total / count if count > 0 else np.nan


@kernel
def halve_integers(rows: Rows, out: Rows, mean: bool) -> None:
    """Halve one layer (n, w) of integers; 0 is no data."""
    height, width = rows.shape
    for r in range(out.shape[0]):
        below = min(2 * r + 1, height - 1)
        for c in range(out.shape[1]):
            right = min(2 * c + 1, width - 1)
            total, count = 0, 0
            for value in (rows[2 * r, 2 * c], rows[2 * r, right], rows[below, 2 * c], rows[below, right]):
                if value != 0 and (mean or count == 0):
                    total += int(value)
                    count += 1
            out[r, c] = (2 * total + count) // (2 * count) if count > 0 else 0
