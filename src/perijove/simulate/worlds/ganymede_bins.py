"""Bins: which of many things on a sphere can matter at a place, found at once."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from perijove.jit import kernel

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Bins(NamedTuple):
    """A lattice of `across`^3 cells over the cube that holds the unit sphere, and the things that reach each cell.

    Cell c holds `items[start[c] : start[c + 1]]`, in the order in which the things were given.
    """

    across: int
    start: IntArray
    items: IntArray


@kernel
def cell_of(x: float, y: float, z: float, across: int) -> int:
    """The number of the cell in which a place lies."""
    i = min(across - 1, max(0, int(0.5 * across * (x + 1.0))))
    j = min(across - 1, max(0, int(0.5 * across * (y + 1.0))))
    k = min(across - 1, max(0, int(0.5 * across * (z + 1.0))))
    return (i * across + j) * across + k


@kernel
def _reached(centre: FloatArray, reach: float, across: int, cells: IntArray) -> int:
    """Write the cells of the sphere's shell that a cap (`centre` unit, `reach` chord) may touch; their number."""
    edge = 2.0 / across
    half = 0.5 * math.sqrt(3.0) * edge
    low, high = np.empty(3, np.int64), np.empty(3, np.int64)
    for axis in range(3):
        low[axis] = max(0, math.floor((centre[axis] - reach + 1.0) / edge))
        high[axis] = min(across - 1, math.floor((centre[axis] + reach + 1.0) / edge))
    count = 0
    for i in range(low[0], high[0] + 1):
        x = (i + 0.5) * edge - 1.0
        for j in range(low[1], high[1] + 1):
            y = (j + 0.5) * edge - 1.0
            for k in range(low[2], high[2] + 1):
                z = (k + 0.5) * edge - 1.0
                if abs(math.sqrt(x * x + y * y + z * z) - 1.0) > half:
                    continue
                away = math.sqrt((x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2)
                if away <= reach + half:
                    cells[count] = (i * across + j) * across + k
                    count += 1
    return count


@kernel
def _sorted_into(centres: FloatArray, reaches: FloatArray, across: int) -> tuple[IntArray, IntArray]:
    """Counting sort of the things into the cells: (start, items)."""
    cells = np.empty(across**3, np.int64)
    start = np.zeros(across**3 + 1, np.int64)
    for n in range(len(centres)):
        for m in range(_reached(centres[n], reaches[n], across, cells)):
            start[cells[m] + 1] += 1
    start = np.cumsum(start)
    items = np.empty(start[-1], np.int64)
    filled = start[:-1].copy()
    for n in range(len(centres)):
        for m in range(_reached(centres[n], reaches[n], across, cells)):
            items[filled[cells[m]]] = n
            filled[cells[m]] += 1
    return start, items


def reaching(centres: FloatArray, reaches: FloatArray, across: int) -> Bins:
    """Bins of things at `centres` (n, 3) unit vectors that matter within the chord `reaches` (n,), in radii."""
    start, items = _sorted_into(np.ascontiguousarray(centres), np.ascontiguousarray(reaches), across)
    return Bins(across, start, items)


@kernel
def _rivals(seeds: FloatArray, across: int) -> tuple[IntArray, IntArray]:
    """For each cell of the shell the seeds that may be the nearest or the second nearest to a place in it."""
    edge = 2.0 / across
    half = 0.5 * math.sqrt(3.0) * edge
    start = np.zeros(across**3 + 1, np.int64)
    items = np.empty(64 * len(seeds) + 8 * across**3, np.int64)
    away = np.empty(len(seeds))
    count = 0
    for cell in range(across**3):
        x = (cell // (across * across) + 0.5) * edge - 1.0
        y = (cell // across % across + 0.5) * edge - 1.0
        z = (cell % across + 0.5) * edge - 1.0
        if abs(math.sqrt(x * x + y * y + z * z) - 1.0) <= half:
            first = second = 9.0
            for n in range(len(seeds)):
                away[n] = math.sqrt((x - seeds[n, 0]) ** 2 + (y - seeds[n, 1]) ** 2 + (z - seeds[n, 2]) ** 2)
                if away[n] < first:
                    first, second = away[n], first
                elif away[n] < second:
                    second = away[n]
            for n in range(len(seeds)):
                if away[n] <= second + 2.0 * half:
                    items[count] = n
                    count += 1
        start[cell + 1] = count
    return start, items[:count].copy()


def nearest(seeds: FloatArray, across: int) -> Bins:
    """Bins of the seeds (n, 3) that may be the nearest or second nearest to a place: Voronoi's cells found at once."""
    start, items = _rivals(np.ascontiguousarray(seeds), across)
    return Bins(across, start, items)
