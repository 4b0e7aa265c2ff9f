"""Maps for the eye: a recipe's colours on a map's grid, made whole or, where it is large, in parts made alike."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from perijove.cartography.shading import gains
from perijove.enhance.picture import Picture
from perijove.enhance.recipe import Recipe
from perijove.enhance.recipes import apply_recipe, shipped
from perijove.errors import UsageError
from perijove.figure.annotate import annotated
from perijove.geometry.mapgrid import MapGrid
from perijove.instrument import Filter
from perijove.photometry.models import Law
from perijove.raster import Kind
from perijove.render.planes import Planes

Rows = NDArray[np.generic]
Colour = NDArray[np.float32]

WHOLE_PIXELS = 16_000_000
"""Up to so many pixels a map is coloured at once; beyond, in parts by the same settings."""
SETTING_PIXELS = 3_000_000
"""Pixels of the coarser map that a large map's levels of light are taken from."""
TILE, TILES = 512, 16
"""Side of the tiles that its noise is measured on, px, and how many."""
REACH = 3.0 * 60.0
"""Camera pixels over which a recipe is taken to look around a place where its steps look no farther."""
MARGIN = 0.1
LEAST_COSINE = 0.03
"""By how much the cosine of emission of a chart goes beyond that of its picture, and down to where."""
LEAST_NATIVE = 0.8
"""Size of a camera pixel, in px, that recipes reckon with at least."""
PART_SAMPLES = 4096
"""Columns of a part."""


class Paintable(Protocol):
    """Light on a map's grid that can be coloured: a strip's chart, or a mosaic.

    `native` is the size of a camera pixel in px of the map, `full` maps a filter to the I/F from which it is full,
    `sun` (3,) points to the Sun, body-fixed, at the time `et`; `law` is what takes the shading off, if anything does.
    """

    @property
    def grid(self) -> MapGrid:
        """The map's grid."""
        ...

    @property
    def bands(self) -> tuple[Filter, ...]:
        """The filters."""
        ...

    @property
    def native(self) -> float:
        """Px of the map in a camera pixel."""
        ...

    @property
    def full(self) -> Mapping[Filter, float]:
        """I/F from which a pixel of the camera is full."""
        ...

    @property
    def sun(self) -> NDArray[np.float64]:
        """Body-fixed unit vector (3,) to the Sun."""
        ...

    @property
    def et(self) -> float:
        """The time of the map."""
        ...

    @property
    def law(self) -> Law | None:
        """The law that takes shading off."""
        ...

    def planes(self, first: int, last: int, left: int = 0, right: int | None = None) -> Planes:
        """Rows from `first` to before `last`, columns likewise."""
        ...

    def sees(self, rows: slice, columns: slice) -> bool:
        """Whether anything may be seen in a block."""
        ...

    def on(self, grid: MapGrid) -> Self:
        """The same on another grid."""
        ...


@dataclass(frozen=True)
class Painted:
    """A map for the eye; `rows` makes any rows of it as integers or floats of `dtype`.

    A number is worth `scale` times itself plus `offset`, 0 to 1 coded for sRGB; 0 (NaN in floats) is no data.
    """

    chart: Paintable
    recipe: Recipe
    balance: Mapping[Filter, float]
    dtype: Kind
    horizon: float
    annotate: bool
    longitudes: str

    @property
    def bands(self) -> tuple[Filter, ...]:
        """The filters of the layers."""
        return self.recipe.bands(self.chart.bands)

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
        return coded(self.colours(first, last), self.steps)

    def colours(self, first: int, last: int) -> Colour:
        """Colours (last - first, width, bands) of some rows, 0 to 1, NaN where there is no data."""
        if self._whole is not None:
            return self._whole.rgb[first:last]
        if self._fewer is not None:
            return enlarged(self._fewer, self._times, first, last, self.chart.grid.width)
        grid = self.chart.grid
        reach = math.ceil(max(REACH, self.recipe.reach) * max(self.chart.native, LEAST_NATIVE))
        out = np.empty((last - first, grid.width, len(self.bands)), np.float32)
        top, bottom = max(first - reach, 0), min(last + reach, grid.height)
        for start in range(0, grid.width, PART_SAMPLES):
            stop = min(start + PART_SAMPLES, grid.width)
            left, right = max(start - reach, 0), min(stop + reach, grid.width)
            picture = self._colour(self.chart.planes(top, bottom, left, right), self.settings, (top, left))
            out[:, start:stop] = picture.rgb[first - top : last - top, start - left : stop - left]
        return out

    @cached_property
    def settings(self) -> dict[str, float]:
        """What the recipe chose by the whole map, or by a coarser one; then noise by tiles at its own scale."""
        if self._whole is not None:
            return self._whole.settings
        if self._fewer is not None:
            return self._fewer.settings
        grid = self.chart.grid
        times = max(math.ceil(math.sqrt(grid.width * grid.height / SETTING_PIXELS)), 2)
        coarse = self.chart.on(coarse_grid(grid, times))
        levels = self._colour(coarse.planes(0, coarse.grid.height), None).settings
        own = self._colour(self._sample(), None).settings
        return levels | {name: value for name, value in own.items() if "noise" in name or name == "native_px"}

    @cached_property
    def _whole(self) -> Picture | None:
        """The whole map, where it is small enough."""
        grid = self.chart.grid
        if grid.width * grid.height > WHOLE_PIXELS:
            return None
        picture = self._colour(self.chart.planes(0, grid.height), None)
        if self.annotate:
            picture = annotated(picture, grid, grid.body, self.chart.sun, longitudes=self.longitudes, et=self.chart.et)
        return picture

    @property
    def _times(self) -> int:
        """How many times finer than the camera the map is, in whole numbers."""
        return int(self.chart.native)

    @cached_property
    def _fewer(self) -> Painted | None:
        """The map at about the camera's own scale, where it is finer by twice or more: there is no more to be seen."""
        if self._times < 2:
            return None
        return replace(self, chart=self.chart.on(coarse_grid(self.chart.grid, self._times)))

    def _sample(self) -> Planes:
        """Some tiles of the map, spread over what is seen of it, one below the other."""
        grid = self.chart.grid
        high, wide = min(TILE, grid.height), min(TILE, grid.width)
        corners = [
            (min(top, grid.height - high), min(left, grid.width - wide))
            for top in range(0, grid.height, high)
            for left in range(0, grid.width, wide)
        ]
        seen = [c for c in corners if self.chart.sees(slice(c[0], c[0] + high), slice(c[1], c[1] + wide))] or corners[
            :1
        ]
        some = [seen[k] for k in np.unique(np.linspace(0, len(seen) - 1, TILES).round().astype(int))]
        return stacked([self.chart.planes(top, top + high, left, left + wide) for top, left in some])

    def _colour(self, planes: Planes, given: Mapping[str, float] | None, origin: tuple[int, int] = (0, 0)) -> Picture:
        """A part of the map by the recipe."""
        law = self.chart.law
        gain = None if law is None else gains(planes, law)
        picture = apply_recipe(self.recipe, planes, self.balance, self.chart.full, given, gain, origin=origin)
        picture.rgb[planes.cos_emission < self.horizon] = np.nan
        return picture


def painted(
    chart: Paintable,
    recipe: Recipe | str,
    balance: Mapping[Filter, float],
    dtype: Kind,
    *,
    horizon: float = 0.0,
    annotate: bool = False,
    longitudes: str = "east",
) -> Painted:
    """A chart as a map for the eye by a recipe, or the shipped one of a name, in 'uint8', 'uint16' or 'float32'.

    Ground seen at a cosine of emission below `horizon` is left out at the end: where the chart shows more than that
    (`beyond`) the recipe does not see the map's edge, where it would draw a bright rim.

    Raises UsageError for a map that is too large to be annotated.
    """
    grid = chart.grid
    if annotate and grid.width * grid.height > WHOLE_PIXELS:
        raise UsageError(
            f"a map of {grid.width} x {grid.height} px is too large to be annotated: give a larger --scale or narrower "
            "--bounds"
        )
    return Painted(
        chart, shipped(recipe) if isinstance(recipe, str) else recipe, balance, dtype, horizon, annotate, longitudes
    )


def stacked(parts: Sequence[Planes]) -> Planes:
    """Planes of one width, one below the other."""

    def whole(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(part, name) for part in parts], axis=-2)

    return replace(
        parts[0],
        light=whole("light"), weight=whole("weight"), latitude=whole("latitude"), longitude=whole("longitude"),
        cos_incidence=whole("cos_incidence"), cos_emission=whole("cos_emission"), phase=whole("phase"),
        hit=whole("hit"), altitude_km=whole("altitude_km"),
    )  # fmt: skip


def beyond(horizon: float) -> float:
    """The horizon of a chart for a picture that is to end at `horizon`."""
    return max(horizon - MARGIN, min(horizon, LEAST_COSINE))


def enlarged(small: Painted, times: int, first: int, last: int, width: int) -> Colour:
    """Rows `first` to before `last` of a map of `width` columns, `times` as fine as `small`, by cubic interpolation."""
    top = max(first // times - 2, 0)
    bottom = min(-(-last // times) + 2, small.chart.grid.height)
    colours = small.colours(top, bottom)
    good = np.asarray(np.isfinite(colours).all(axis=-1), dtype=np.float32)
    size = (colours.shape[1] * times, colours.shape[0] * times)
    rows, columns = slice(first - top * times, last - top * times), slice(0, width)
    known = np.asarray(np.nan_to_num(colours) * good[..., None], dtype=np.float32)
    large = cv2.resize(known, size, interpolation=cv2.INTER_CUBIC).reshape(size[1], size[0], -1)[rows, columns]
    share = cv2.resize(good, size, interpolation=cv2.INTER_CUBIC)[rows, columns]
    with np.errstate(invalid="ignore", divide="ignore"):
        out = np.where(share[..., None] > 0.5, np.clip(large / share[..., None], 0.0, 1.0), np.float32(np.nan))
    return out.astype(np.float32)


def coarse_grid(grid: MapGrid, times: int) -> MapGrid:
    """The same ground in pixels `times` as large."""
    return replace(grid, scale_km=grid.scale_km * times, width=-(-grid.width // times), height=-(-grid.height // times))


def coded(rgb: Colour, steps: int) -> Rows:
    """Colours (rows, w, bands) of 0 to 1 as numbers (bands, rows, w); 0, or NaN in floats, where there is no data."""
    planes = np.moveaxis(rgb, -1, 0)
    if not steps:
        return np.ascontiguousarray(planes)
    good = np.isfinite(planes).all(axis=0)
    numbers = np.rint(np.where(good, planes, 0.0) * np.float32(steps)) + 1
    kind = np.uint8 if steps < 256 else np.uint16
    return np.where(good, numbers, 0).astype(kind)
