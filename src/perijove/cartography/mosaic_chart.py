"""A mosaic on a map's grid: its layers, and its light for the eye."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perijove.cartography.chart import CHUNK_PIXELS, ORDER
from perijove.geometry.mapgrid import MapGrid
from perijove.instrument import Filter
from perijove.mosaic.fuse import Mosaic
from perijove.photometry.models import Law
from perijove.raster import Layer
from perijove.render.planes import Planes

Rows = NDArray[np.float32]


@dataclass(frozen=True)
class MosaicChart:
    """A mosaic made ready for a map of `bands`, whose `sun` (3,), body-fixed, is that of its epoch `et`.

    With `sigma` its layers hold standard deviations, with `sources` where the light of every pixel is from.
    """

    mosaic: Mosaic
    bands: tuple[Filter, ...]
    sun: NDArray[np.float64]
    et: float
    sigma: bool = False
    sources: bool = False

    @property
    def grid(self) -> MapGrid:
        """The map's grid."""
        assert isinstance(self.mosaic.grid, MapGrid)
        return self.mosaic.grid

    @property
    def native(self) -> float:
        """Px of the map in a camera pixel, in the middle of what is shown."""
        return self.mosaic.native

    @property
    def full(self) -> Mapping[Filter, float]:
        """I/F from which a pixel of the shortest exposure is full, by filter."""
        return self.mosaic.full

    @property
    def law(self) -> Law | None:
        """None: the mosaic's light has its shading taken off already."""
        return None

    @property
    def layers(self) -> tuple[Layer, ...]:
        """What the rows hold, in order."""
        balance = self.mosaic.stage.balance
        laws = {} if balance is None else balance.laws
        at = {band: f" at a phase angle of {np.degrees(law.middle):.0f} deg" for band, law in laws.items()}
        layers = [
            Layer(
                band.value, "I/F", "light",
                f"light in {band.value.lower()}, as if lit and seen from the zenith{at.get(band, '')}",
            )
            for band in self.bands
        ]  # fmt: skip
        if self.sigma:
            layers += [
                Layer(
                    f"{band.value} sigma",
                    "I/F",
                    "sigma",
                    f"standard deviation of {band.value.lower()} by the noise of its pixels, without levelling",
                )
                for band in self.bands
            ]
        if self.sources:
            names = ", ".join(f"{k} {name}" for k, name in enumerate(self.mosaic.names))
            layers += [
                Layer("strip", "", "geometry", f"the strip that weighs most: {names}"),
                Layer("time", "s", "geometry", "when it was taken (in means the weighted mean), from the map's epoch"),
                Layer("count", "", "geometry", "how many strips the light is from"),
                Layer("rejected", "", "geometry", "how many strips were left out for a radiation hit"),
            ]
        return tuple(layers)

    def planes(self, first: int, last: int, left: int = 0, right: int | None = None) -> Planes:
        """Rows from `first` to before `last`, and columns likewise."""
        return self.mosaic.planes(first, last, left, right).planes

    def sees(self, rows: slice, columns: slice) -> bool:
        """Whether anything may be seen in a block of the map."""
        return self.mosaic.sees(rows, columns)

    def on(self, grid: MapGrid) -> MosaicChart:
        """The same on another grid."""
        return replace(self, mosaic=self.mosaic.on(grid))

    def rows(self, first: int, last: int) -> Rows:
        """The layers (n, last - first, width) of some rows."""
        out = np.empty((len(self.layers), last - first, self.grid.width), np.float32)
        step = max(CHUNK_PIXELS // self.grid.width, 16)
        for start in range(first, last, step):
            stop = min(start + step, last)
            fused = self.mosaic.planes(start, stop)
            planes = fused.planes
            places = [planes.bands.index(band) for band in self.bands]
            light = [planes.light[k] for k in places]
            if self.sigma:
                light += [planes.sigma[k] for k in places]
            if self.sources:
                seen = fused.strip >= 0
                light += [
                    np.where(seen, plane, np.float32(np.nan)).astype(np.float32)
                    for plane in (fused.strip, fused.time_s, fused.count, fused.rejected)
                ]
            for k, plane in enumerate(light):
                out[k, start - first : stop - first] = plane
        return out


def mosaic_bands(mosaic: Mosaic) -> tuple[Filter, ...]:
    """The filters of a mosaic in the order of a map's layers."""
    return tuple(band for band in ORDER if band in mosaic.bands)
