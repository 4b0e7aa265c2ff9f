"""Patch: the neighbourhood of a place, resampled from a product to a metric square with north up.

Everything in this room that needs light works on one. Pixels are (line, sample), the first line is the northernmost;
as everywhere the centre of element i stands at i + 0.5, so that the middle of the patch is at n / 2.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perijove.bodies import Body
from perijove.errors import PerijoveError, UsageError
from perijove.jit import kernel
from perijove.measure.plane import Plane

FloatArray = NDArray[np.float64]
Light = NDArray[np.float32]

MAX_SIDE = 4096
"""Pixels along a side of a patch at most."""


class MeasureError(PerijoveError):
    """What was to be measured is not there, or cannot be told from its surroundings."""


@dataclass(frozen=True)
class Patch:
    """Light around a place.

    `light` (bands, n, n) float32, NaN where there is no data, `bands` their names, `sigma` its uncertainty in the same
    shape where it is known. `scale_km` is the length of a pixel, `centre` the place (planetocentric latitude, east
    longitude) in the middle, rad. `cos_incidence` and `cos_emission` (n, n) are those of the ellipsoid, given where
    the light still bears the shading of the globe. `sun_azimuth` is the direction of the Sun along the ground in
    the middle, rad clockwise from north, where it is known and the relief is lit from there.
    """

    light: Light
    bands: tuple[str, ...]
    scale_km: float
    centre: tuple[float, float]
    body: Body
    sigma: Light | None = None
    cos_incidence: Light | None = None
    cos_emission: Light | None = None
    sun_azimuth: float | None = None

    def __post_init__(self) -> None:
        shape = self.light.shape
        if len(shape) != 3 or shape[1] != shape[2] or shape[0] != len(self.bands):
            raise ValueError(f"light has the shape {shape}: give (bands, n, n) with {len(self.bands)} bands")

    @property
    def side(self) -> int:
        """Pixels along a side."""
        return int(self.light.shape[1])

    @property
    def half_km(self) -> float:
        """From the middle to an edge, km."""
        return 0.5 * self.side * self.scale_km

    @cached_property
    def plane(self) -> Plane:
        """The plane of x and y."""
        return Plane(self.centre, self.body)

    def xy_of(self, line: ArrayLike, sample: ArrayLike) -> FloatArray:
        """Plane coordinates (..., 2), km east and north of the middle, of continuous pixels."""
        y, x = np.broadcast_arrays(np.asarray(line, dtype=float), np.asarray(sample, dtype=float))
        return np.stack([x * self.scale_km - self.half_km, self.half_km - y * self.scale_km], axis=-1)

    def pixel_of(self, x: ArrayLike, y: ArrayLike) -> FloatArray:
        """Continuous pixels (..., 2) as (line, sample) of plane coordinates, km; they may lie outside."""
        east, north = np.broadcast_arrays(np.asarray(x, dtype=float), np.asarray(y, dtype=float))
        return np.stack([(self.half_km - north) / self.scale_km, (east + self.half_km) / self.scale_km], axis=-1)

    def place_of(self, line: ArrayLike, sample: ArrayLike) -> FloatArray:
        """Planetocentric latitude and east longitude (..., 2), rad, of continuous pixels."""
        xy = self.xy_of(line, sample)
        return self.plane.place_of(xy[..., 0], xy[..., 1])

    def band(self, name: str | None) -> Light:
        """The light (n, n) of one band; of the mean of all bands with `name` None. UsageError for an unknown name."""
        if name is None:
            return np.asarray(self.light.mean(axis=0), dtype=np.float32)
        if name not in self.bands:
            raise UsageError(f"there is no band {name!r}: give one of {', '.join(self.bands)}")
        return np.asarray(self.light[self.bands.index(name)])

    def with_light(self, light: Light, bands: tuple[str, ...]) -> Patch:
        """The same patch with other light (bands, n, n), and no sigma."""
        return replace(self, light=light, bands=bands, sigma=None)


def make_patch(
    look: Callable[[FloatArray, FloatArray], NDArray[np.floating]],
    bands: tuple[str, ...],
    centre: tuple[float, float],
    half_km: float,
    scale_km: float,
    body: Body,
) -> Patch:
    """A patch that reaches `half_km` from `centre` (rad) in each direction, with pixels of `scale_km` or a little less.

    `look(latitude, longitude)` gives the light (bands, ...) at places (...), rad, NaN where there is none. UsageError
    where the size makes no sense.
    """
    if not (scale_km > 0.0 and half_km > scale_km):
        raise UsageError(f"a patch of {half_km:g} km with pixels of {scale_km:g} km is empty: give a larger one")
    side = int(np.ceil(2.0 * half_km / scale_km))
    if side > MAX_SIDE:
        raise UsageError(
            f"a patch of {2 * half_km:g} km with pixels of {scale_km:g} km has {side} pixels a side, more than "
            f"{MAX_SIDE}: give a smaller patch or larger pixels"
        )
    scale = 2.0 * half_km / side
    step = (np.arange(side) + 0.5) * scale - half_km
    places = Plane(centre, body).place_of(*np.meshgrid(step, -step))
    light = np.asarray(look(places[..., 0], places[..., 1]), dtype=np.float32)
    return Patch(light, bands, scale, centre, body)


def sample(image: Light, pixels: FloatArray) -> Light:
    """Light (...) of an image (n, m) between its pixels, bilinear, at continuous (line, sample) `pixels` (..., 2).

    NaN outside the outermost pixels' centres, and where one of the neighbours that count has no data.
    """
    rows = np.ascontiguousarray(pixels, dtype=np.float64).reshape(-1, 2)
    out = np.empty(len(rows), np.float32)
    _bilinear(np.ascontiguousarray(image, dtype=np.float32), rows, out)
    return out.reshape(pixels.shape[:-1])


@kernel
def _bilinear(image: Light, pixels: FloatArray, out: Light) -> None:
    """Fill `out` (k,) with the light of an image (n, m) at continuous `pixels` (k, 2)."""
    height, width = image.shape
    for k in range(len(pixels)):
        line, column = pixels[k, 0] - 0.5, pixels[k, 1] - 0.5
        # written so that a place that is NaN is outside
        if not (line >= 0.0 and line <= height - 1.0 and column >= 0.0 and column <= width - 1.0):
            out[k] = math.nan
            continue
        i, j = int(line), int(column)
        down, across = line - i, column - j
        top = image[i, j] if across == 0.0 else (1.0 - across) * image[i, j] + across * image[i, j + 1]
        if down == 0.0:
            out[k] = top
            continue
        low = image[i + 1, j] if across == 0.0 else (1.0 - across) * image[i + 1, j] + across * image[i + 1, j + 1]
        out[k] = (1.0 - down) * top + down * low
