"""The ground in a picture or on a map: where places fall, what pixels show, and how large a kilometre is there.

A grid is a `View` (a picture) or a `MapGrid` (a map); the functions here are the only ones of this room that tell them
apart. Places are planetocentric latitude and east longitude, rad; pixels (line, sample), continuous.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perijove.bodies import Body
from perijove.geometry.ellipsoid import centric_from_point, intersect, normal, point_from_centric
from perijove.geometry.view import View, pixel_rays
from perijove.geometry.viewpoint import cos_emission
from perijove.render.planes import Grid

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]
Locate = Callable[[ArrayLike, ArrayLike], FloatArray]

SURVEY_PX = 120
"""Places along the longer side at which the ground of a picture is looked at."""


@dataclass(frozen=True)
class Ground:
    """The ground at evenly spread pixels, (m,) lines and (n,) samples.

    `points` (m, n, 3) km, NaN where there is no ground; `place` (m, n, 2) latitude and longitude; `shown` (m, n):
    ground for which the picture has data; `lit` (m, n): shown ground in sunlight, or all of it without a Sun. `shows`
    tells of any pixels (..., 2) whether they show ground.
    """

    line: FloatArray
    sample: FloatArray
    points: FloatArray
    place: FloatArray
    shown: BoolArray
    lit: BoolArray
    shows: Callable[[FloatArray], BoolArray]

    @property
    def ground(self) -> BoolArray:
        """Where there is ground at all (m, n)."""
        return np.isfinite(self.points[..., 0])

    @property
    def spacing(self) -> float:
        """Pixels from one looked-at pixel to the next."""
        return float(max(np.diff(self.line).max(initial=1.0), np.diff(self.sample).max(initial=1.0)))


def locator(grid: Grid, body: Body) -> Locate:
    """The function that gives the pixels (..., 2) of places; NaN where they are out of sight."""
    if not isinstance(grid, View):
        return grid.pixel_of
    view = grid

    def locate(latitude: ArrayLike, longitude: ArrayLike) -> FloatArray:
        points = point_from_centric(latitude, longitude, body.radii_km)
        pixel = view.pixel(points - view.position_km)
        out: FloatArray = np.where(cos_emission(view.position_km, body, points)[..., None] > 0.0, pixel, np.nan)
        return out

    return locate


def places(grid: Grid, body: Body, line: ArrayLike, sample: ArrayLike) -> FloatArray:
    """Latitude and longitude (..., 2) that pixels show; NaN beside the body."""
    if not isinstance(grid, View):
        return grid.place_of(line, sample)
    rays = pixel_rays(grid, np.asarray(line, dtype=float), np.asarray(sample, dtype=float))
    return centric_from_point(intersect(grid.position_km, rays, body.radii_km))[..., :2]


def survey(grid: Grid, body: Body, data: BoolArray, sun: FloatArray | None) -> Ground:
    """Look at a grid; `data` (h, w) tells where its picture has any, `sun` (3,) is the direction to the Sun."""
    step = max(1.0, max(grid.width, grid.height) / SURVEY_PX)
    line, sample = (
        (np.arange(n) + 0.5) * size / n
        for size in (grid.height, grid.width)
        for n in (max(2, min(size, round(size / step))),)
    )
    place = places(grid, body, line[:, None], sample[None, :])
    points = point_from_centric(place[..., 0], place[..., 1], body.radii_km)
    there = np.isfinite(points[..., 0])
    at = np.ix_(np.minimum(line.astype(int), grid.height - 1), np.minimum(sample.astype(int), grid.width - 1))
    shown = there & data[at]
    lit = shown if sun is None else shown & (normal(points, body.radii_km) @ sun > 0.0)

    def shows(pixel: FloatArray) -> BoolArray:
        y, x = np.moveaxis(pixel, -1, 0)
        with np.errstate(invalid="ignore"):
            inside = (y >= 0.0) & (y < grid.height) & (x >= 0.0) & (x < grid.width)
        y, x = np.where(inside, y, 0.0), np.where(inside, x, 0.0)
        there = data[y.astype(int), x.astype(int)] & np.isfinite(places(grid, body, y, x)[..., 0])
        return np.asarray(inside & there)

    return Ground(line, sample, points, place, shown, lit, shows)


def middle_place(seen: Ground) -> tuple[int, int] | None:
    """Index of the looked-at pixel nearest to the middle of what is shown by day; of what is shown if all is dark."""
    chosen = np.argwhere(seen.lit if seen.lit.any() else seen.shown)
    if not len(chosen):
        return None
    line, sample = chosen[np.argmin(((chosen - chosen.mean(axis=0)) ** 2).sum(axis=1))]
    return int(line), int(sample)


def angular_extent(seen: Ground) -> float:
    """Angle in rad, at the body's centre, across the ground that the picture could show; 0 where there is none."""
    there = seen.points[seen.ground]
    if not len(there):
        return 0.0
    unit = there / np.linalg.norm(there, axis=-1, keepdims=True)
    axis = unit.mean(axis=0)
    length = float(np.linalg.norm(axis))
    if length < 1e-3:
        return 2.0 * np.pi
    # the outermost percent is foreshortened beyond use
    away = np.arccos(np.clip(unit @ axis / length, -1.0, 1.0))
    return float(2.0 * np.percentile(away, 99.0))


def px_per_km(grid: Grid, body: Body, latitude: ArrayLike, longitude: ArrayLike) -> FloatArray:
    """Pixels per kilometre (...,) on the ground at places: the root of the ratio of areas. NaN out of sight."""
    locate, step = locator(grid, body), 1e-6
    lat, lon = np.asarray(latitude, dtype=float), np.asarray(longitude, dtype=float)
    # near a pole a step of longitude is a short way, the poles themselves are left
    lat = np.clip(lat, -np.pi / 2 + 2e-6, np.pi / 2 - 2e-6)
    east = step / np.cos(lat)
    ends = [(lat + step, lon), (lat - step, lon), (lat, lon + east), (lat, lon - east)]
    n, s, e, w = (locate(*end) for end in ends)
    pn, ps, pe, pw = (point_from_centric(*end, body.radii_km) for end in ends)
    seen = np.abs((n - s)[..., 0] * (e - w)[..., 1] - (n - s)[..., 1] * (e - w)[..., 0])
    ground = np.linalg.norm(np.cross(pn - ps, pe - pw), axis=-1)
    out: FloatArray = np.sqrt(seen / ground)
    return out
