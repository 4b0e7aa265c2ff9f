"""Lengths and areas on the ground: geodesics on a body's ellipsoid, courses of several legs, and polygons.

On bodies of revolution the work is that of GeographicLib in PROJ (Karney, Algorithms for geodesics, Journal of Geodesy
87, 2013), good to nanometres at any distance, on triaxial ones that of `measure.triaxial`. Places are planetocentric
latitude and east longitude, rad; km.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pyproj import Geod

from perijove.bodies import Body
from perijove.errors import UsageError
from perijove.geometry.ellipsoid import (
    centric_from_graphic,
    centric_from_point,
    graphic_from_centric,
    point_from_centric,
)
from perijove.measure.triaxial import NODES, WEIGHTS, flown, shortest

FloatArray = NDArray[np.float64]
Radii = tuple[float, float, float]


@dataclass(frozen=True)
class Leg:
    """The shortest way between two places: its length, and its azimuth at the start, rad clockwise from north."""

    length_km: float
    azimuth: float


@dataclass(frozen=True)
class Course:
    """A way through several places: its `legs`, and its length with the one-sigma error that the places' own give it.

    `sigma_km` is NaN where nothing is known of the places' errors.
    """

    legs: tuple[Leg, ...]
    length_km: float
    sigma_km: float


@dataclass(frozen=True)
class Area:
    """A polygon on the ground whose sides are geodesics; the part that its sides go around, at most half of the body.

    `sigma_km2` is NaN where nothing is known of the corners' errors.
    """

    area_km2: float
    sigma_km2: float
    perimeter_km: float
    perimeter_sigma_km: float


def surface_name(body: Body) -> str:
    """The surface that lengths and areas are measured on, in words."""
    a, b, c = body.radii_km
    if a == c:
        return f"sphere of {a:g} km"
    if a == b:
        return f"ellipsoid of revolution, {a:g} x {c:g} km"
    return f"triaxial ellipsoid, {a:g} x {b:g} x {c:g} km"


def leg(body: Body, start: tuple[float, float], end: tuple[float, float]) -> Leg:
    """The shortest way from one place to another.

    Raises UsageError for nearly opposite places of a triaxial body, between which no one way is the shortest.
    """
    if _revolves(body.radii_km):
        lon, lat = _graphic(body, [start, end])
        azimuth, _, metres = _geod(body.radii_km).inv(lon[0], lat[0], lon[1], lat[1])
        return Leg(float(metres) / 1000.0, float(np.radians(azimuth) % (2.0 * np.pi)))
    azimuth, length, _ = shortest(body, start, end)
    return Leg(length, azimuth)


def way(body: Body, start: tuple[float, float], end: tuple[float, float], count: int) -> FloatArray:
    """Places (count, 2), evenly spaced along the shortest way from one place to another, both ends included."""
    if count < 2:
        raise UsageError(f"a way of {count} places cannot be drawn: give 2 or more")
    if _revolves(body.radii_km):
        lon, lat = _graphic(body, [start, end])
        geod = _geod(body.radii_km)
        points = geod.inv_intermediate(
            lon[0], lat[0], lon[1], lat[1], count, initial_idx=0, terminus_idx=0, return_back_azimuth=False
        )
        latitude = centric_from_graphic(np.radians(points.lats), body.radii_km)
        out = np.stack([latitude, np.radians(points.lons)], axis=-1)
    else:
        azimuth, length, _ = shortest(body, start, end)
        track = flown(body.radii_km, start, np.array([azimuth]), np.linspace(0.0, length, count))[:, 0]
        out = centric_from_point(track)[:, :2]
    out[0], out[-1] = start, end
    return out


def course(body: Body, places: ArrayLike, sigma_km: ArrayLike | None = None, scale_sigma: float = 0.0) -> Course:
    """The way through places (n, 2) in their order.

    `sigma_km` (n,) or one number is the error of each place in every direction, independent of the others';
    `scale_sigma` the share by which all lengths may be wrong together. What all places are wrong by alike does not
    count. Raises UsageError for fewer than two places, or one twice in a row.
    """
    spots = _listed(places, 2, "a distance")
    legs = tuple(leg(body, a, b) for a, b in pairwise(spots))
    for number, part in enumerate(legs, start=1):
        if not part.length_km > 0.0:
            raise UsageError(f"the places {number} and {number + 1} are the same: give each once")
    length = sum(part.length_km for part in legs)
    return Course(legs, length, _length_sigma(body, spots, legs, sigma_km, scale_sigma))


def polygon(body: Body, places: ArrayLike, sigma_km: ArrayLike | None = None, scale_sigma: float = 0.0) -> Area:
    """The area within the corners (n, 2) in their order, either way round; the last is joined to the first.

    Errors as in `course`. Raises UsageError for fewer than three corners, or sides that cross, and on a triaxial body
    for a polygon that reaches around more than half of it.
    """
    spots = _listed(places, 3, "an area")
    if spots[0] == spots[-1]:
        spots = spots[:-1]
    if len(spots) < 3:
        raise UsageError("an area needs 3 corners or more: give more places")
    closed = [*spots, spots[0]]
    around = course(body, closed, None)
    if _crossed(body, spots):
        raise UsageError("the sides of the polygon cross: give its corners in their order around it")
    if _revolves(body.radii_km):
        lon, lat = _graphic(body, spots)
        square_metres, _ = _geod(body.radii_km).polygon_area_perimeter(lon, lat)
        area = abs(float(square_metres)) / 1e6
        area = min(area, _whole(body) - area)
    else:
        area = abs(_fan_area(body, spots))
    # a corner moves the area by half of the line that joins its neighbours, across that line
    reach = [leg(body, spots[k - 1], spots[(k + 1) % len(spots)]).length_km for k in range(len(spots))]
    each = _sigmas(sigma_km, len(spots))
    moved = float(np.sqrt(np.sum((0.5 * np.array(reach) * each) ** 2)))
    whole = [*each, each[0]] if each.size else []
    perimeter_sigma = _length_sigma(body, closed, around.legs, np.array(whole), scale_sigma, closed=True)
    return Area(area, float(np.hypot(moved, 2.0 * scale_sigma * area)), around.length_km, perimeter_sigma)


def _revolves(radii: Radii) -> bool:
    return radii[0] == radii[1]


def _geod(radii: Radii) -> Geod:
    return Geod(a=1000.0 * radii[0], b=1000.0 * radii[2])


def _graphic(body: Body, places: Sequence[tuple[float, float]]) -> tuple[FloatArray, FloatArray]:
    """Longitudes and planetographic latitudes, deg, as PROJ's geodesics want them."""
    spots = np.array(places)
    return np.degrees(spots[:, 1]), np.degrees(graphic_from_centric(spots[:, 0], body.radii_km))


def _listed(places: ArrayLike, least: int, what: str) -> list[tuple[float, float]]:
    spots = np.asarray(places, dtype=float).reshape(-1, 2)
    if len(spots) < least:
        raise UsageError(f"{what} needs {least} places or more, and {len(spots)} were given: add some")
    if not np.isfinite(spots).all():
        raise UsageError(f"{what} was asked for with a place that is none: check the numbers")
    return [(float(lat), float(lon)) for lat, lon in spots]


def _sigmas(sigma_km: ArrayLike | None, count: int) -> FloatArray:
    """One sigma a place (count,); NaN where none was given."""
    given = np.nan if sigma_km is None else np.asarray(sigma_km, dtype=float)
    return np.array(np.broadcast_to(given, (count,)))


def _length_sigma(
    body: Body, spots: Sequence[tuple[float, float]], legs: Sequence[Leg], sigma_km: ArrayLike | None,
    scale_sigma: float, closed: bool = False,
) -> float:  # fmt: skip
    """The error of a course: a place moves it by how its directions to and from that place differ."""
    each = _sigmas(sigma_km, len(spots))
    leave = np.array([[np.sin(part.azimuth), np.cos(part.azimuth)] for part in legs])
    back = [leg(body, b, a).azimuth for a, b in pairwise(spots)]
    arrive = -np.array([[np.sin(azimuth), np.cos(azimuth)] for azimuth in back])
    pull = np.zeros((len(spots), 2))
    pull[:-1] -= leave
    pull[1:] += arrive
    if closed:
        pull[0] += pull[-1]
        pull[-1] = 0.0
    total = sum(part.length_km for part in legs)
    return float(np.hypot(np.sqrt(np.sum((np.linalg.norm(pull, axis=1) * each) ** 2)), scale_sigma * total))


def _whole(body: Body) -> float:
    """The surface of an ellipsoid of revolution, km^2."""
    corner = [0.0, 90.0, 0.0], [0.0, 0.0, 90.0]
    square_metres, _ = _geod(body.radii_km).polygon_area_perimeter(*corner)
    return 8.0 * abs(float(square_metres)) / 1e6


def _crossed(body: Body, spots: Sequence[tuple[float, float]]) -> bool:
    """Whether two sides that have no corner in common meet, by the planes through the body's centre."""
    points = np.array([point_from_centric(*place, body.radii_km) for place in spots])
    units = points / np.linalg.norm(points, axis=1, keepdims=True)
    count = len(units)
    for i in range(count):
        for j in range(i + 2, count):
            if i == 0 and j == count - 1:
                continue
            a, b, c, d = units[i], units[(i + 1) % count], units[j], units[(j + 1) % count]
            one, other = np.cross(a, b), np.cross(c, d)
            sides = np.sign([one @ c, -(one @ d), -(other @ a), other @ b])
            if abs(sides.sum()) == 4.0 and float((a + b) @ (c + d)) > 0.0:
                return True
    return False


def _fan_area(body: Body, spots: Sequence[tuple[float, float]]) -> float:
    """The signed area, km^2, of a polygon on a triaxial body, as triangles from its middle.

    The ground above the plane triangle m, q, r seen from the centre is the integral of |p|^3 |Dp| over the solid angle,
    p being the surface point: dA = |p|^2 dOmega / cos(normal, p), and the normal is Dp / |Dp| with p'Dp = 1.
    """
    matrix = 1.0 / np.square(body.radii_km)
    corners = []
    for a, b in zip(spots, [*spots[1:], spots[0]], strict=True):
        pieces = 1 + int(np.ceil(leg(body, a, b).length_km / (0.01 * min(body.radii_km))))
        corners.append(way(body, a, b, pieces + 1)[:-1])
    edge = np.concatenate(corners)
    points = point_from_centric(edge[:, 0], edge[:, 1], body.radii_km)
    units = points / np.linalg.norm(points, axis=1, keepdims=True)
    middle = units.mean(axis=0)
    middle = middle / max(float(np.linalg.norm(middle)), 1e-12)
    if (units @ middle <= 0.02).any():
        raise UsageError(f"the polygon reaches around more than half of {body.name}: give smaller ones and add them up")
    following = np.roll(units, -1, axis=0)
    share = 0.5 * (NODES + 1.0)
    t, s = share[:, None, None, None], share[None, :, None, None]
    rays = (1.0 - s) * middle + s * ((1.0 - t) * units + t * following)
    stretch = np.sum(matrix * rays * rays, axis=-1)
    steep = np.linalg.norm(matrix * rays, axis=-1) / np.sqrt(stretch)
    weight = 0.25 * WEIGHTS[:, None, None] * WEIGHTS[None, :, None] * s[..., 0]
    volume = np.cross(units, following) @ middle
    return float(np.sum(weight * steep / stretch**1.5 * volume))
