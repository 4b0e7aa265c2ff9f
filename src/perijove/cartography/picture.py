"""Maps for the eye: a recipe's colours on a map's grid, made whole or, where it is large, in parts made alike."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from perijove.cartography.chart import Chart
from perijove.cartography.shading import gains
from perijove.enhance.exposure import picture_bands
from perijove.enhance.picture import Picture
from perijove.enhance.recipes import apply_recipe
from perijove.errors import UsageError
from perijove.figure.annotate import annotated
from perijove.geometry.mapgrid import MapGrid
from perijove.instrument import Filter
from perijove.render.planes import Planes

Rows = NDArray[np.generic]

WHOLE_PIXELS = 16_000_000
"""Up to so many pixels a map is coloured at once; beyond, in parts by the settings of a coarser one."""
SETTING_PIXELS = 3_000_000
"""Pixels of the coarser map that settings are taken from."""
REACH = 3.0 * 60.0
"""Camera pixels over which a recipe looks around a place: three times its widest Gaussian."""
MOST_REACH = 1024
"""Most rows that are made beside a part for that."""


@dataclass(frozen=True)
class Painted:
    """A map for the eye; `rows` makes any rows of it as integers or floats of `dtype`.

    A number is worth `scale` times itself plus `offset`, 0 to 1 coded for sRGB; 0 (NaN in floats) is no data.
    """

    chart: Chart
    recipe: str
    balance: Mapping[Filter, float]
    dtype: str
    annotate: bool
    longitudes: str

    @property
    def bands(self) -> tuple[Filter, ...]:
        """The filters of the layers."""
        return picture_bands(self.chart.bands)

    @property
    def steps(self) -> int:
        """Steps between black and white; 0 in floats."""
        return {"uint8": 254, "uint16": 65534}.get(self.dtype, 0)

    @property
    def scale(self) -> float:
        """What a step of the numbers is worth."""
        return 1.0 / self.steps if self.steps else 1.0

    @property
    def offset(self) -> float:
        """What the number 0 would be worth."""
        return -1.0 / self.steps if self.steps else 0.0

    def rows(self, first: int, last: int) -> Rows:
        """The layers (bands, last - first, width) of some rows."""
        if self._whole is not None:
            return coded(self._whole.rgb[first:last], self.steps)
        reach = min(math.ceil(REACH * self.chart.prepared.native), MOST_REACH)
        low, high = max(first - reach, 0), min(last + reach, self.chart.grid.height)
        picture = self._colour(self.chart.planes(low, high), self.settings)
        return coded(picture.rgb[first - low : last - low], self.steps)

    @cached_property
    def settings(self) -> dict[str, float]:
        """What the recipe chose by the whole map."""
        if self._whole is not None:
            return self._whole.settings
        return self._colour(self._coarse.planes(0, self._coarse.grid.height), None).settings

    @cached_property
    def _whole(self) -> Picture | None:
        """The whole map, where it is small enough."""
        grid = self.chart.grid
        if grid.width * grid.height > WHOLE_PIXELS:
            return None
        picture = self._colour(self.chart.planes(0, grid.height), None)
        if self.annotate:
            sun = self.chart.observation.middle_sun
            picture = annotated(picture, grid, grid.body, sun, longitudes=self.longitudes)
        return picture

    @cached_property
    def _coarse(self) -> Chart:
        """The same chart on a coarser grid."""
        grid = self.chart.grid
        times = max(math.ceil(math.sqrt(grid.width * grid.height / SETTING_PIXELS)), 2)
        return self.chart.on(coarse_grid(grid, times))

    def _colour(self, planes: Planes, given: Mapping[str, float] | None) -> Picture:
        """A part of the map by the recipe."""
        law = self.chart.content.law
        gain = None if law is None else gains(planes, law)
        return apply_recipe(self.recipe, planes, self.balance, self.chart.observation.full, given, gain)


def painted(
    chart: Chart,
    recipe: str,
    balance: Mapping[Filter, float],
    dtype: str,
    *,
    annotate: bool = False,
    longitudes: str = "east",
) -> Painted:
    """A chart as a map for the eye by 'natural' or 'enhanced', in 'uint8', 'uint16' or 'float32'.

    Raises UsageError for a map that is too large to be annotated.
    """
    grid = chart.grid
    if annotate and grid.width * grid.height > WHOLE_PIXELS:
        raise UsageError(
            f"a map of {grid.width} x {grid.height} px is too large to be annotated: give a larger --scale or narrower "
            "--bounds"
        )
    return Painted(chart, recipe, balance, dtype, annotate, longitudes)


def coarse_grid(grid: MapGrid, times: int) -> MapGrid:
    """The same ground in pixels `times` as large."""
    return replace(grid, scale_km=grid.scale_km * times, width=-(-grid.width // times), height=-(-grid.height // times))


def coded(rgb: NDArray[np.float32], steps: int) -> Rows:
    """Colours (rows, w, bands) of 0 to 1 as numbers (bands, rows, w); 0, or NaN in floats, where there is no data."""
    planes = np.moveaxis(rgb, -1, 0)
    if not steps:
        return np.ascontiguousarray(planes)
    good = np.isfinite(planes).all(axis=0)
    numbers = np.rint(np.where(good, planes, 0.0) * np.float32(steps)) + 1
    kind = np.uint8 if steps < 256 else np.uint16
    return np.where(good, numbers, 0).astype(kind)
