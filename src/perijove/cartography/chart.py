"""Chart: a solved strip on a map's grid, made a band of rows at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perijove.calibrate.quality import Quality
from perijove.cartography.geometry import MORE_PLANES, named_layers, sighted
from perijove.cartography.shading import freed
from perijove.errors import UsageError
from perijove.geometry.illumination import PLANES
from perijove.geometry.mapgrid import MapGrid
from perijove.instrument import Filter
from perijove.observation import Observation
from perijove.photometry.models import Law
from perijove.raster import Layer
from perijove.render.engine import Prepared, prepare
from perijove.render.planes import Planes

Rows = NDArray[np.float32]

ORDER = (Filter.RED, Filter.GREEN, Filter.BLUE, Filter.METHANE)
"""Filters in the order of a map's layers."""
CHUNK_PIXELS = 4_000_000
"""Pixels that are rendered at a time: what is in memory at once does not grow with the map."""


@dataclass(frozen=True)
class Content:
    """What a chart holds: light of `bands` (None for all of the strip's), its sigma and quality, and backplanes.

    `backplanes` are names of `geometry.illumination.PLANES` and of `cartography.geometry.MORE_PLANES`. `law` is taken
    off the light where there is one. Without `light` there are backplanes only.
    """

    bands: tuple[Filter, ...] | None = None
    sigma: bool = False
    quality: bool = False
    backplanes: tuple[str, ...] = ()
    law: Law | None = None
    light: bool = True


@dataclass(frozen=True)
class Chart:
    """A strip made ready for a map; `rows` makes any part of it. `layers` are what it holds, in order."""

    observation: Observation
    prepared: Prepared
    content: Content
    bands: tuple[Filter, ...]
    layers: tuple[Layer, ...]

    @property
    def grid(self) -> MapGrid:
        """The map's grid."""
        assert isinstance(self.prepared.grid, MapGrid)
        return self.prepared.grid

    @property
    def native(self) -> float:
        """Px of the map in a camera pixel, in the middle of what is shown."""
        return self.prepared.native

    @property
    def full(self) -> Mapping[Filter, float]:
        """I/F from which a pixel of the camera is full, by filter."""
        return self.observation.full

    @property
    def sun(self) -> NDArray[np.float64]:
        """Body-fixed unit vector (3,) to the Sun at mid-image."""
        return self.observation.middle_sun

    @property
    def et(self) -> float:
        """ET of mid-image."""
        return self.observation.middle_et

    @property
    def law(self) -> Law | None:
        """The law that takes shading off, if any."""
        return self.content.law

    def sees(self, rows: slice, columns: slice) -> bool:
        """Whether anything may be seen in a block of the map."""
        assert self.prepared.surveyed is not None
        return self.prepared.surveyed.sees(rows, columns)

    def planes(self, first: int, last: int, left: int = 0, right: int | None = None) -> Planes:
        """Rendered rows from `first` to before `last`, and columns likewise, their light as it was seen."""
        return self.prepared.planes(first, last, left, right)

    def on(self, grid: MapGrid) -> Chart:
        """The same on another grid."""
        return replace(self, prepared=self.prepared.on(grid))

    def rows(self, first: int, last: int) -> Rows:
        """The layers (n, last - first, width) of some rows."""
        out = np.empty((len(self.layers), last - first, self.grid.width), np.float32)
        step = max(CHUNK_PIXELS // self.grid.width, 16)
        for start in range(first, last, step):
            stop = min(start + step, last)
            planes = self.planes(start, stop)
            if self.content.law is not None:
                planes = freed(planes, self.content.law)
            self._fill(start, planes, out[:, start - first : stop - first])
        return out

    def _fill(self, first: int, planes: Planes, out: Rows) -> None:
        """Fill the layers (n, rows, w) of a chunk."""
        places = [planes.bands.index(band) for band in self.bands]
        light: list[NDArray[np.float32]] = []
        if self.content.light:
            light += [planes.light[k] for k in places]
        if self.content.sigma:
            light += [planes.sigma[k] for k in places]
        if self.content.quality:
            seen = np.isfinite(planes.light)
            light += [np.where(seen[k], planes.quality[k], np.float32(np.nan)).astype(np.float32) for k in places]
        for k, plane in enumerate(light):
            out[k] = plane
        if self.content.backplanes:
            sighted(
                self.observation, self.prepared, self.content.backplanes, self.bands, first, planes, out[len(light) :]
            )


def chart_of(
    observation: Observation,
    grid: MapGrid,
    content: Content,
    *,
    horizon: float,
    interpolation: str = "catmull-rom",
    sharpen: bool = False,
    angles: bool = True,
) -> Chart:
    """Make a strip ready for a map of ground seen at a cosine of emission of `horizon` or more.

    Without `angles`, which recipes need, rows come faster where neither a law nor backplanes need them.
    Raises UsageError for filters that the strip does not have, or backplanes that do not exist.
    """
    swaths = observation.swaths(sigma=content.sigma or content.quality, sharpen=sharpen)
    there = tuple(band for band in ORDER if band in {swath.band for swath in swaths})
    bands = there if content.bands is None else tuple(band for band in ORDER if band in content.bands)
    missing = [band.value for band in bands if band not in there]
    if missing:
        have = ", ".join(band.value for band in there)
        raise UsageError(f"{observation.raw.path} has no {', '.join(missing)}: it holds {have}")
    if content.backplanes:
        check_backplanes(content.backplanes)
    prepared = prepare(
        [swath for swath in swaths if swath.band in bands], observation.body, observation.middle_et, grid,
        sun_direction=observation.sun, interpolation=interpolation, horizon=horizon,
        backplanes=angles or content.law is not None, sources=bool(content.backplanes),
    )  # fmt: skip
    return Chart(observation, prepared, content, bands, layers_of(content, bands))


def check_backplanes(names: Sequence[str]) -> None:
    """Raise UsageError for names of backplanes that do not exist, or that are given twice."""
    known = (*PLANES, *MORE_PLANES)
    if not names:
        raise UsageError(f"no backplane was named: give some of {', '.join(known)}")
    for k, name in enumerate(names):
        if name not in known:
            raise UsageError(f"there is no backplane {name!r}: give some of {', '.join(known)}")
        if name in names[:k]:
            raise UsageError(f"the backplane {name} is named twice: name it once")


def layers_of(content: Content, bands: Sequence[Filter]) -> tuple[Layer, ...]:
    """The layers of a map, in order: light, sigma, quality, backplanes."""
    layers: list[Layer] = []
    law = content.law
    said = "" if law is None else f", at normal incidence and emission by {law.model.value}"
    if content.light:
        layers += [Layer(band.value, "I/F", "light", f"light in {band.value.lower()}{said}") for band in bands]
    if content.sigma:
        layers += [
            Layer(f"{band.value} sigma", "I/F", "sigma", f"standard deviation of {band.value.lower()}")
            for band in bands
        ]
    if content.quality:
        bits = ", ".join(f"{bit.value} {(bit.name or '').lower()}" for bit in Quality)
        layers += [Layer(f"{band.value} quality", "bits", "quality", f"bits: {bits}") for band in bands]
    return (*layers, *named_layers(content.backplanes, bands))
