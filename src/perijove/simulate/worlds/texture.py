"""Texture: a world's surface taken from any map in equirectangular projection."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perijove.errors import UsageError
from perijove.jit import kernel
from perijove.simulate.worlds.painting import Light, Painting

FloatArray = NDArray[np.float64]

BLOCK = 16384
"""Places painted at a time by one thread."""
THREADS = 2


def _as_light(image: NDArray[np.generic], srgb: bool) -> Light:
    """Values 0..1, float32, of an image in whole numbers (of 8 or 16 bits) or fractions; sRGB is made linear."""
    whole = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): 65535.0}.get(image.dtype)
    light: Light
    if whole is not None:
        light = (image.astype(np.float64) / whole).astype(np.float32)
    elif np.issubdtype(image.dtype, np.floating):
        light = image.astype(np.float32)
    else:
        raise UsageError(f"the map's values are of type {image.dtype}: give uint8, uint16, or fractions 0 to 1")
    if not np.isfinite(light).all():
        raise UsageError("the map has places without a value (NaN or infinite): fill them first")
    if light.min() < 0.0 or light.max() > 1.0:
        raise UsageError(f"the map's values run from {light.min():g} to {light.max():g}: scale them to 0 to 1")
    if srgb:
        # IEC 61966-2-1
        light = np.where(light <= 0.04045, light / 12.92, ((light + 0.055) / 1.055) ** 2.4).astype(np.float32)
    return np.asarray(light, dtype=np.float32)


def _bands(light: Light) -> Light:
    """(H, W, 4) in blue, green, red, methane of a grey map (H, W) or one in red, green, blue (H, W, 3)."""
    if light.ndim == 2:
        return np.repeat(light[..., None], 4, axis=2)
    return np.ascontiguousarray(light[..., [2, 1, 0, 0]])


def _halved(level: Light, weight: FloatArray) -> tuple[Light, FloatArray]:
    """Every two lines and samples averaged by the area they stand for: (level, the areas of its lines).

    `weight` (H,) is the area of a line's pixels. An odd last line stays alone; an odd number of samples is resampled
    around the globe, so that the edges still meet.
    """
    lines, samples = level.shape[:2]
    if samples > 1:
        half = (samples + 1) // 2
        # each new sample gathers the share of each old one that it covers
        edges = np.arange(half + 1) * (samples / half)
        total = np.concatenate([np.zeros((lines, 1, 4)), np.cumsum(level, axis=1, dtype=np.float64)], axis=1)
        whole = np.minimum(edges.astype(np.int64), samples - 1)
        sums = total[:, whole] + (edges - whole)[None, :, None] * level[:, whole]
        level = (np.diff(sums, axis=1) / (samples / half)).astype(np.float32)
    starts = np.arange(0, lines, 2)
    areas = np.add.reduceat(weight, starts)
    summed = np.add.reduceat(level * weight[:, None, None], starts, axis=0)
    return np.ascontiguousarray(summed / areas[:, None, None], dtype=np.float32), areas


def _pyramid(bands: Light) -> tuple[tuple[Light, FloatArray], ...]:
    """The map (H, W, 4) and its ever coarser averages, each with the latitudes of its lines' middles (rad, falling)."""
    lines = bands.shape[0]
    edges = np.sin(np.linspace(0.5 * np.pi, -0.5 * np.pi, lines + 1))
    weight, borders = edges[:-1] - edges[1:], np.linspace(0.5 * np.pi, -0.5 * np.pi, lines + 1)
    levels = []
    while True:
        levels.append((bands, 0.5 * (borders[:-1] + borders[1:])))
        if bands.shape[0] <= 2:
            return tuple(levels)
        bands, weight = _halved(bands, weight)
        borders = np.append(borders[:-1:2], borders[-1])


@kernel
def _line_value(level: Light, line: int, turn: float, band: int) -> float:
    """One line's value at `turn` (0..1 from its left edge round the globe); past a pole stands its other side."""
    lines, samples = level.shape[0], level.shape[1]
    if line < 0:
        line, turn = -1 - line, turn + 0.5
    elif line >= lines:
        line, turn = 2 * lines - 1 - line, turn + 0.5
    at = (turn - math.floor(turn)) * samples - 0.5
    left = math.floor(at)
    share = at - left
    a, b = level[line, left % samples, band], level[line, (left + 1) % samples, band]
    return float(a + share * (b - a))


@kernel
def _sample(level: Light, middles: FloatArray, latitude: float, turn: float, share: float, out: Light) -> None:
    """Add `share` of the level's bilinear value at a place to `out` (4,)."""
    lines = len(middles)
    high = int((0.5 * math.pi - latitude) / math.pi * lines - 0.5)
    high = min(lines - 1, max(-1, high))
    while high >= 0 and middles[high] < latitude:
        high -= 1
    while high + 1 < lines and middles[high + 1] >= latitude:
        high += 1
    top = middles[high] if high >= 0 else math.pi - middles[0]
    low = middles[high + 1] if high + 1 < lines else -math.pi - middles[lines - 1]
    down = (top - latitude) / (top - low)
    for band in range(4):
        a, b = _line_value(level, high, turn, band), _line_value(level, high + 1, turn, band)
        out[band] += share * (a + down * (b - a))


@kernel
def _sample_block(
    places: FloatArray, fine: Light, fine_middles: FloatArray, coarse: Light, coarse_middles: FloatArray,
    blend: float, left_edge: float, out: Light,
) -> None:  # fmt: skip
    """The mixture of two levels, `blend` of the coarse one, at places (n, 3); `left_edge` is its longitude, rad."""
    for n in range(len(places)):
        x, y, z = places[n, 0], places[n, 1], places[n, 2]
        latitude = math.atan2(z, math.sqrt(x * x + y * y))
        turn = (math.atan2(y, x) - left_edge) / (2.0 * math.pi)
        out[n, :] = 0.0
        _sample(fine, fine_middles, latitude, turn, 1.0 - blend, out[n])
        if blend > 0.0:
            _sample(coarse, coarse_middles, latitude, turn, blend, out[n])


@dataclass(frozen=True, eq=False)
class MapPainter:
    """A surface from an equirectangular map: north up, east to the right, planetocentric, all the globe.

    `image` is grey (H, W) or red, green, blue (H, W, 3), in uint8, uint16, or fractions 0..1. `centre_longitude_deg` is
    the east longitude of its middle: 180 where 0 stands at the left edge, 0 where the map is centred on it. Values are
    taken as they are for normal reflectance; with `srgb` they are first made linear from sRGB. Grey goes into all
    bands; of a colour map, methane is taken from red. The map's copy is kept, so later changes of `image` do no harm.
    UsageError for another shape, type or range.
    """

    image: NDArray[np.generic] = field(repr=False)
    centre_longitude_deg: float = 180.0
    srgb: bool = False
    _levels: tuple[tuple[Light, FloatArray], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Check the map and average it to its coarser levels."""
        image = np.asarray(self.image)
        if image.size == 0 or not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)):
            raise UsageError(f"the map has the shape {image.shape}: give grey (H, W) or red, green, blue (H, W, 3)")
        if not math.isfinite(self.centre_longitude_deg):
            raise UsageError(f"centre_longitude_deg is {self.centre_longitude_deg}: give the map's middle, deg east")
        object.__setattr__(self, "_levels", _pyramid(_bands(_as_light(image, self.srgb))))

    def paint(self, directions: ArrayLike, spacing: float, et: float) -> Painting:
        """The surface in planetocentric body-fixed unit vectors `directions` (n, 3), `spacing` rad apart.

        The same at every ET; no heights. NaN where a direction is NaN. Bilinear between the pixels; where the spacing
        is coarser than the map, from the map's averages. UsageError where the directions are not (n, 3) or the
        spacing is not above zero.
        """
        places = np.ascontiguousarray(directions, dtype=np.float64)
        if places.ndim != 2 or places.shape[1] != 3:
            raise UsageError(f"directions have the shape {places.shape}: give unit vectors (n, 3)")
        if not spacing > 0.0 or not math.isfinite(spacing):
            raise UsageError(f"spacing is {spacing}: give the distance of neighbouring places in rad, above zero")
        step = math.pi / self._levels[0][0].shape[0]
        depth = min(len(self._levels) - 1.0, max(0.0, math.log2(spacing / step)))
        fine = self._levels[int(depth)]
        coarse = self._levels[min(len(self._levels) - 1, int(depth) + 1)]
        left_edge = math.radians(self.centre_longitude_deg - 180.0)
        albedo = np.empty((len(places), 4), np.float32)

        def work(start: int) -> None:
            part = slice(start, start + BLOCK)
            _sample_block(places[part], *fine, *coarse, depth - int(depth), left_edge, albedo[part])

        with ThreadPoolExecutor(THREADS) as pool:
            for _ in pool.map(work, range(0, len(places), BLOCK)):
                pass
        return Painting(albedo, None)
