"""Raster: what a map file holds, whichever its format; writers take one, readers give one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from perijove.geometry.mapgrid import MapGrid

Rows = NDArray[np.generic]
Role = Literal["light", "sigma", "quality", "geometry"]
Transfer = Literal["linear", "srgb"]
Kind = Literal["uint8", "uint16", "float32"]

BAND_ROWS = 512
"""Rows that are made and written at a time: a multiple of the tiles of every tiled format."""


@dataclass(frozen=True)
class Layer:
    """One layer of a raster: its name ('RED', 'RED sigma', 'latitude'), what it is, and a sentence on it.

    The unit is 'I/F', 'deg', 'km', 'h', 's', 'bits' or empty.
    """

    name: str
    unit: str
    role: Role
    description: str = ""


@dataclass(frozen=True)
class Raster:
    """Layers on one grid, made or read a band of rows at a time.

    `rows(first, last)` gives the rows from `first` to before `last`, (layers, last - first, width) of `dtype`; writers
    ask for them in order, each once, in bands of `BAND_ROWS`. In float32 NaN is no data and the numbers are what they
    are; in integers 0 is no data and a number is worth `scale` times itself plus `offset`. `grid` is None for what has
    no place on a map. `transfer` 'srgb' is a picture for the eye, 0 to 1, 'linear' are measured values. `origin` is the
    provenance (`io.provenance`).
    """

    grid: MapGrid | None
    layers: tuple[Layer, ...]
    width: int
    height: int
    dtype: Kind
    transfer: Transfer
    origin: Mapping[str, object]
    rows: Callable[[int, int], Rows]
    scale: float = 1.0
    offset: float = 0.0

    def bands(self) -> Iterator[tuple[int, Rows]]:
        """All rows in order: the first row of each band, and the band (layers, n, width).

        The next band is made, in a thread of its own, while the last one is being written.
        """
        starts = range(0, self.height, BAND_ROWS)

        def make(first: int) -> Rows:
            return self.rows(first, min(first + BAND_ROWS, self.height))

        with ThreadPoolExecutor(1) as pool:
            ahead = pool.submit(make, 0)
            for first in starts:
                band = ahead.result()
                if first + BAND_ROWS < self.height:
                    ahead = pool.submit(make, first + BAND_ROWS)
                yield first, band
