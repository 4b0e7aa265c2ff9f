"""Viewpoints other than the camera's: where they stand, what they see of the ground, and how large it appears.

All in the frame b0 of the picture (see `geometry.view`), km and rad.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perijove.bodies import Body
from perijove.errors import UsageError
from perijove.geometry.ellipsoid import centric_from_point, nearest_point, normal, point_from_centric
from perijove.geometry.view import View, native_scale
from perijove.instrument import FOCAL_LENGTH_PX

FloatArray = NDArray[np.float64]

CAMERA_HORIZON = float(np.cos(np.radians(85.0)))
"""Cosine of the emission angle at the camera below which ground counts as unseen: there one pixel of the camera is
smeared over eleven of the picture and more, haze covers it, and its colours part."""


@dataclass(frozen=True)
class Below:
    """What lies straight below a viewpoint: planetocentric `latitude` and east `longitude` (0 to 2 pi) in rad of the
    nearest place on the ellipsoid, and the viewpoint's `altitude_km` above it."""

    latitude: float
    longitude: float
    altitude_km: float


def point_above(body: Body, latitude: float, longitude: float, altitude_km: float) -> FloatArray:
    """Point (3,) km at a height above a place of planetocentric latitude and east longitude, along the normal there.

    Raises UsageError for a height that is not above the ground.
    """
    if not 0.0 < altitude_km < np.inf:
        raise UsageError(
            f"a viewpoint {altitude_km:g} km above the ellipsoid lies inside {body.name}: give a height above zero"
        )
    foot = point_from_centric(latitude, longitude, body.radii_km)
    return foot + altitude_km * normal(foot, body.radii_km)


def below(position_km: ArrayLike, body: Body) -> Below:
    """What lies straight below a position (3,) km outside the body, along the normal."""
    position = np.asarray(position_km, dtype=float)
    foot = nearest_point(position, body.radii_km)
    latitude, longitude, _ = centric_from_point(foot)
    height = float((position - foot) @ normal(foot, body.radii_km))
    return Below(float(latitude), float(longitude % (2.0 * np.pi)), height)


def cos_emission(position_km: ArrayLike, body: Body, points_km: ArrayLike) -> FloatArray:
    """Cosines (...,) of emission at surface points (..., 3) towards a position (3,); negative where out of sight."""
    points = np.asarray(points_km, dtype=float)
    sight = np.asarray(position_km, dtype=float) - points
    out: FloatArray = np.sum(normal(points, body.radii_km) * sight, axis=-1) / np.linalg.norm(sight, axis=-1)
    return out


def ground_scale(view: View, body: Body, camera_km: ArrayLike, point_km: ArrayLike) -> float:
    """Output pixels per native camera pixel at a surface point (3,), both as they lie on the ground there.

    The camera stands at `camera_km` (3,), the view anywhere: the root of the ratio of the areas that one pixel of each
    covers of the ground. From the camera's own place it is `view.native_scale`. NaN where either does not see the
    point.
    """
    point, camera = np.asarray(point_km, dtype=float), np.asarray(camera_km, dtype=float)
    nearer = float(np.linalg.norm(camera - point) / np.linalg.norm(view.position_km - point))
    seen, imaged = cos_emission(view.position_km, body, point), cos_emission(camera, body, point)
    if not (seen > 0.0 and imaged > 0.0):
        return float("nan")
    return native_scale(view, point) * nearer * float(np.sqrt(seen / imaged))


def scale_of_any(view: View, body: Body, cameras_km: Sequence[ArrayLike], point_km: ArrayLike) -> float:
    """`ground_scale` at a surface point (3,) for the first of the cameras (3,) km; where that does not see the point,
    for the one of the others with the finest pixels there, and NaN where none does."""
    first, *others = (ground_scale(view, body, camera, point_km) for camera in cameras_km)
    return first if np.isfinite(first) else min((scale for scale in others if np.isfinite(scale)), default=first)


def camera_km_per_px(camera_km: ArrayLike, point_km: ArrayLike) -> float:
    """Kilometres across the camera's line of sight that one of its pixels spans at a point (3,) km."""
    sight = np.asarray(point_km, dtype=float) - np.asarray(camera_km, dtype=float)
    return float(np.linalg.norm(sight) / FOCAL_LENGTH_PX)


def shown_middle(view: View, points_km: FloatArray) -> FloatArray:
    """Of surface points (n, 3) km the one that appears nearest to the middle of the view."""
    pixel = view.pixel(points_km - view.position_km)
    away = np.sum((pixel - np.array([view.height, view.width]) / 2.0) ** 2, axis=-1)
    nearest: FloatArray = points_km[int(np.nanargmin(away))] if np.isfinite(away).any() else points_km[0]
    return nearest
