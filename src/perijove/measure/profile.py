"""Profile: brightness by distance from a centre, and along a straight line on the ground."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perijove.bodies import Body
from perijove.errors import UsageError
from perijove.geometry.ellipsoid import centric_from_point, point_from_centric
from perijove.measure.patch import Patch, sample
from perijove.measure.plane import Plane

FloatArray = NDArray[np.float64]

BLOCKS = 16
"""Parts of a ring that are taken for independent: patches of terrain rarely fill more."""
MOST_STEPS = 100_000


@dataclass(frozen=True)
class RadialProfile:
    """Brightness by rings around a centre (planetocentric latitude, east longitude, rad).

    `edges_km` (k + 1,) are the rings' edges, and `radius_km` the crater's radius, the unit of `edges_radii`. `sectors`
    (s + 1,) are azimuths, rad clockwise from north, between which the sectors lie. `median`, `scatter` (1.4826 times
    the median absolute deviation of the pixels) and `sigma` (of the mean, from how blocks of the ring differ) are
    (bands, s, k); `count` (s, k) pixels with data. NaN where a ring has none.
    """

    centre: tuple[float, float]
    radius_km: float
    bands: tuple[str, ...]
    edges_km: FloatArray
    sectors: FloatArray
    median: FloatArray
    mean: FloatArray
    scatter: FloatArray
    sigma: FloatArray
    count: NDArray[np.int64]

    @property
    def edges_radii(self) -> FloatArray:
        """The rings' edges (k + 1,) in crater radii."""
        return self.edges_km / self.radius_km

    @property
    def middle_km(self) -> FloatArray:
        """The rings' middles (k,), km."""
        return 0.5 * (self.edges_km[1:] + self.edges_km[:-1])


@dataclass(frozen=True)
class LineProfile:
    """Brightness along the great circle from one place to another.

    `distance_km` (k,) from the start along the ground, `places` (k, 2) rad, `light` (bands, k) and `sigma` (bands, k):
    how much the mean across the strip of width `width_km` is worth; of a single line the sigma of the light
    where that is known, otherwise NaN.
    """

    bands: tuple[str, ...]
    distance_km: FloatArray
    places: FloatArray
    light: FloatArray
    sigma: FloatArray
    width_km: float


def radial_profile(
    patch: Patch,
    centre: tuple[float, float],
    radius_km: float,
    *,
    edges_radii: ArrayLike | None = None,
    sectors: int = 1,
) -> RadialProfile:
    """Brightness by rings around `centre` (rad), whose edges are given in units of `radius_km`.

    Without `edges_radii` rings a tenth of a radius wide (not less than a pixel) go out to 3 radii, or as far as the
    patch reaches. `sectors` equal sectors of azimuth are told apart, the first centred on north. UsageError where
    centre, radius or rings do not fit the patch.
    """
    if not radius_km > 0.0 or sectors < 1:
        raise UsageError(f"a radius of {radius_km:g} km in {sectors} sectors makes no rings: give both above zero")
    edges = _ring_edges(patch, centre, radius_km, edges_radii)
    away, azimuth = polar(patch, centre, float(edges[-1]))
    half = np.pi / sectors
    ring = np.searchsorted(edges, away, side="right") - 1
    turn = np.mod(azimuth + half, 2.0 * np.pi)
    sector = np.minimum((turn / (2.0 * half)).astype(np.int64), sectors - 1)
    block = (turn / (2.0 * np.pi) * sectors * max(4, -(-BLOCKS // sectors))).astype(np.int64)
    rings = len(edges) - 1
    inside = (away < edges[-1]) & (away >= edges[0]) & np.isfinite(patch.light).all(axis=0)
    group = (sector * rings + ring)[inside]
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(sectors * rings + 1))
    light, block = patch.light[:, inside][:, order].astype(float), block[inside][order]
    out = np.full((4, len(patch.bands), sectors * rings), np.nan)
    for n, (first, last) in enumerate(itertools.pairwise(starts)):
        if last > first:
            out[:, :, n] = _statistics(light[:, first:last], block[first:last])
    median, mean, scatter, sigma = out.reshape(4, len(patch.bands), sectors, rings)
    count = np.diff(starts).reshape(sectors, rings)
    bounds = np.linspace(-half, 2.0 * np.pi - half, sectors + 1)
    return RadialProfile(centre, radius_km, patch.bands, edges, bounds, median, mean, scatter, sigma, count)


def polar(patch: Patch, centre: tuple[float, float], reach_km: float) -> tuple[FloatArray, FloatArray]:
    """Distance, km, and azimuth, rad clockwise from north, (n, n) of all pixels from a place; inf far beyond reach."""
    middle = np.arange(patch.side) + 0.5
    xy = patch.xy_of(middle[:, None], middle[None, :])
    at = patch.plane.xy_of(*centre)
    near = np.hypot(xy[..., 0] - at[0], xy[..., 1] - at[1]) < 1.1 * reach_km + 2.0 * patch.scale_km
    away, azimuth = np.full(near.shape, np.inf), np.zeros(near.shape)
    places = patch.plane.place_of(xy[near, 0], xy[near, 1])
    own = Plane(centre, patch.body).xy_of(places[:, 0], places[:, 1])
    away[near], azimuth[near] = np.hypot(own[:, 0], own[:, 1]), np.arctan2(own[:, 0], own[:, 1])
    return away, azimuth


def _ring_edges(patch: Patch, centre: tuple[float, float], radius_km: float, radii: ArrayLike | None) -> FloatArray:
    """Edges of the rings, km."""
    at = patch.plane.xy_of(*centre)
    room = patch.half_km - float(np.abs(at).max())
    if not room > patch.scale_km:
        raise UsageError("the centre of the profile lies outside the patch: take one about it")
    if radii is None:
        width = max(0.1 * radius_km, patch.scale_km)
        return np.arange(0.0, min(3.0 * radius_km, room) + 1e-9, width)
    edges: FloatArray = np.asarray(radii, dtype=float) * radius_km
    if edges.ndim != 1 or len(edges) < 2 or edges[0] < 0.0 or not np.all(np.diff(edges) > 0.0):
        raise UsageError("the edges of the rings must be two or more growing numbers, from 0 up, in crater radii")
    if edges[-1] > np.sqrt(2.0) * patch.half_km + float(np.abs(at).max()):
        raise UsageError(f"rings to {edges[-1]:g} km pass the patch, {patch.half_km:g} km: take a larger one")
    return edges


def _statistics(light: FloatArray, block: NDArray[np.int64]) -> FloatArray:
    """Median, mean, scatter and sigma of the mean (4, bands) of pixels (bands, n) that lie in blocks (n,)."""
    median = np.median(light, axis=1)
    scatter = 1.4826 * np.median(np.abs(light - median[:, None]), axis=1)
    count = np.bincount(block)
    held = count > 0
    sigma = np.full(len(light), np.nan)
    if held.sum() >= 3:
        # neighbouring pixels show the same ground: only whole blocks of the ring count as independent
        means = np.stack([np.bincount(block, weights=band)[held] / count[held] for band in light])
        sigma = means.std(axis=1, ddof=1) / np.sqrt(held.sum())
    return np.stack([median, light.mean(axis=1), scatter, sigma])


def line_profile(
    patch: Patch,
    start: tuple[float, float],
    end: tuple[float, float],
    *,
    step_km: float | None = None,
    width_km: float = 0.0,
) -> LineProfile:
    """Brightness along the great circle between two places (planetocentric latitude, east longitude, rad).

    Samples `step_km` apart (None: a pixel), each the mean across a strip `width_km` wide. On a flattened body
    the line is the section by the plane through the places and the body's centre. UsageError where the places are one.
    """
    step = patch.scale_km if step_km is None else step_km
    if not (step > 0.0 and width_km >= 0.0):
        raise UsageError(f"steps of {step:g} km, {width_km:g} km wide, make no profile: give lengths above zero")
    places, distance = _great_circle(patch.body, start, end, step)
    xy = patch.plane.xy_of(places[:, 0], places[:, 1])
    along = np.gradient(xy, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    side = np.stack([along[:, 1], -along[:, 0]], axis=1)
    lines = max(1, round(width_km / patch.scale_km))
    offsets = (np.arange(lines) - 0.5 * (lines - 1)) * (width_km / lines)
    across = xy[:, None] + offsets[None, :, None] * side[:, None]
    pixels = patch.pixel_of(across[..., 0], across[..., 1])
    values = np.stack([sample(band, pixels) for band in patch.light]).astype(float)
    there = np.isfinite(values)
    count = there.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        light = np.where(there, values, 0.0).sum(axis=-1) / np.where(count > 0, count, np.nan)
        square = np.where(there, (values - light[..., None]) ** 2, 0.0).sum(axis=-1)
        sigma = np.sqrt(square / np.where(count > 1, count - 1, np.nan) / count)
    if lines == 1 and patch.sigma is not None:
        sigma = np.stack([sample(band, pixels[:, 0]) for band in patch.sigma]).astype(float)
    return LineProfile(patch.bands, distance, places, light, sigma, width_km)


def _great_circle(
    body: Body, start: tuple[float, float], end: tuple[float, float], step_km: float
) -> tuple[FloatArray, FloatArray]:
    """Places (k, 2) rad, about `step_km` apart, from start to end, and their distance (k,) km from the start."""
    ends = np.stack([point_from_centric(*start, body.radii_km), point_from_centric(*end, body.radii_km)])
    units = ends / np.linalg.norm(ends, axis=1, keepdims=True)
    angle = float(2.0 * np.arctan2(np.linalg.norm(units[1] - units[0]), np.linalg.norm(units[1] + units[0])))
    if not 1e-9 < angle < np.pi - 1e-6:
        raise UsageError("the two ends of the profile are one place, or opposite places: give two that fix a line")
    length = angle * float(np.mean(body.radii_km))
    if length / step_km > MOST_STEPS:
        raise UsageError(f"steps of {step_km:g} km over {length:.0f} km are more than {MOST_STEPS}: give longer steps")
    count = max(2, int(np.ceil(length / step_km)) + 1)
    # the ground is measured along finer chords than the samples: each is short by its cube over 24 R^2
    fine = 16
    t = np.linspace(0.0, 1.0, (count - 1) * fine + 1)[:, None]
    points = (np.sin((1.0 - t) * angle) * units[0] + np.sin(t * angle) * units[1]) / np.sin(angle)
    places = centric_from_point(points)[:, :2]
    ground = point_from_centric(places[:, 0], places[:, 1], body.radii_km)
    parts = np.linalg.norm(np.diff(ground, axis=0), axis=1)
    return places[::fine], np.concatenate([[0.0], np.cumsum(parts)])[::fine]
