"""View: a perspective picture of a body, and the views one would choose of it.

Everything here is in the frame b0: the body-fixed frame of the IAU frozen at the epoch of the picture, km. A
direction is a vector in b0; `view` axes are x right, y down, z into the picture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perijove.bodies import Body
from perijove.errors import StripError, UsageError
from perijove.geometry.axes import frame_around
from perijove.geometry.ellipsoid import intersect, normal, point_from_centric
from perijove.instrument import FOCAL_LENGTH_PX

FloatArray = NDArray[np.float64]
Covered = Callable[[FloatArray], NDArray[np.bool_]]

MAX_FOV = np.radians(120.0)
"""Widest field of view that framing chooses: beyond it the tangent plane stretches the edges more than fourfold."""
MARGIN = 0.05
"""Free border around the framed part, as a share of its size, on each side."""


@dataclass(frozen=True)
class View:
    """A tangent-plane (pinhole) picture.

    `position_km` (3,) viewpoint in b0; `view_from_body` (3, 3); `scale` rad per px on the tangent plane;
    `principal` is the (line, sample) where the view's axis falls, the centre of element i being i + 0.5.
    """

    position_km: FloatArray
    view_from_body: FloatArray
    scale: float
    width: int
    height: int
    principal: tuple[float, float]

    def ray_basis(self) -> FloatArray:
        """Rows (4, 3): viewpoint, ray at the corner (0, 0), change of the ray per sample and per line; b0."""
        right, down, ahead = self.view_from_body
        line, sample = self.principal
        corner = ahead - self.scale * (sample * right + line * down)
        return np.stack([self.position_km, corner, self.scale * right, self.scale * down])

    def pixel(self, direction: ArrayLike) -> FloatArray:
        """Continuous pixel (..., 2) as (line, sample) of directions (..., 3) in b0; NaN behind the view."""
        x, y, z = np.moveaxis(np.asarray(direction, dtype=float) @ self.view_from_body.T, -1, 0)
        z = np.where(z > 0, z, np.nan) * self.scale
        return np.stack([y / z + self.principal[0], x / z + self.principal[1]], axis=-1)


def pixel_rays(view: View, line: ArrayLike | None = None, sample: ArrayLike | None = None) -> FloatArray:
    """Unit vectors (..., 3) in b0 along the rays of pixels; by default (height, width, 3), of every centre."""
    if line is None or sample is None:
        line, sample = np.mgrid[: view.height, : view.width] + 0.5
    _, corner, right, down = view.ray_basis()
    rays = corner + np.asarray(sample)[..., None] * right + np.asarray(line)[..., None] * down
    unit: FloatArray = rays / np.linalg.norm(rays, axis=-1, keepdims=True)
    return unit


def visible_points(position_km: FloatArray, body: Body, rings: int = 160, spokes: int = 360) -> FloatArray:
    """Points (rings * spokes, 3) km that cover the part of the body seen from a position, its limb included.

    Rings are spaced so that they stand evenly across the disc as it is seen from far away.
    """
    check_outside(position_km, body)
    radii = np.array(body.radii_km)
    scaled = position_km / radii
    distance = float(np.linalg.norm(scaled))
    up = scaled / distance
    side, other, _ = frame_around(up)
    sine = np.sqrt(1.0 - 1.0 / distance**2) * np.linspace(0.0, 1.0, rings)[:, None]
    turn = np.linspace(0.0, 2.0 * np.pi, spokes, endpoint=False)[None, :]
    around = np.cos(turn)[..., None] * side + np.sin(turn)[..., None] * other
    points = np.sqrt(1.0 - sine**2)[..., None] * up + sine[..., None] * around
    covering: FloatArray = (points * radii).reshape(-1, 3)
    return covering


def check_outside(position_km: FloatArray, body: Body) -> None:
    """Raise UsageError for a viewpoint (3,) km that is not outside the body."""
    if not np.linalg.norm(position_km / np.array(body.radii_km)) > 1.0:
        place = np.round(position_km, 1).tolist()
        raise UsageError(f"the viewpoint {place} km lies inside {body.name}: give one outside")


def chosen_points(
    position_km: FloatArray,
    body: Body,
    sun: FloatArray | None,
    lit_only: bool = True,
    covered: Covered | None = None,
    camera_km: FloatArray | None = None,
) -> FloatArray:
    """The visible points (n, 3) km that a picture should show: lit by the Sun and, if asked, imaged.

    A body whose visible side is all dark is taken whole. Where the camera stood elsewhere, at `camera_km` (3,), only
    what is seen from both places is taken. Raises StripError where nothing of it was imaged.
    """
    points = visible_points(position_km if camera_km is None else camera_km, body)
    if camera_km is not None:
        check_outside(position_km, body)
        points = points[np.sum(normal(points, body.radii_km) * (position_km - points), axis=-1) > 0.0]
    if covered is not None:
        points = points[covered(points)]
        if not len(points):
            raise StripError(f"no framelet sees {body.name}: check the pointing, or frame on the whole disc instead")
    if lit_only and sun is not None:
        lit = points[normal(points, body.radii_km) @ sun > 0.0]
        points = lit if len(lit) else points
    return points


def orient(ahead: FloatArray, up: FloatArray) -> FloatArray:
    """Rotation `view_from_body` (3, 3) that looks along `ahead` with `up` upwards in the picture.

    Where `up` is along the axis, longitude 0 (or, failing that, 90 E) is up instead.
    """
    ahead = ahead / np.linalg.norm(ahead)
    for candidate in (up, np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])):
        right = np.cross(ahead, candidate)
        length = np.linalg.norm(right)
        if length > 1e-6 * np.linalg.norm(candidate):
            break
    right /= length
    return np.stack([right, np.cross(ahead, right), ahead])


def spacecraft_view(
    position_km: ArrayLike,
    body: Body,
    sun_direction: ArrayLike | None,
    size: int,
    *,
    fov: float | None = None,
    centre: tuple[float, float] | None = None,
    up: str = "north",
    camera_up: ArrayLike | None = None,
    lit_only: bool = True,
    covered: Covered | None = None,
    camera_km: FloatArray | None = None,
) -> View:
    """The view from a position (3,) km in b0, framed on the lit part of the visible disc.

    `size` is the longer side in px; the shorter follows the bounding box of the framed part, with `MARGIN` around it.
    `covered`, a function from points (n, 3) km of b0 to bool (n,), narrows the framed part to what was imaged, and
    `camera_km` (3,), where the camera stood if not at `position_km`, to what is seen from there too.
    `fov` (full angle, rad) makes the picture square and that wide instead. `centre` (planetocentric latitude, east
    longitude, rad) puts a visible point in the middle. `up` 'north' puts the projected +Z axis of the body upwards,
    'camera' the vector `camera_up` (3,). `sun_direction` (3,) in b0, None if unknown. Raises UsageError for a request
    that makes no sense, StripError where nothing was imaged.
    """
    position = np.asarray(position_km, dtype=float)
    if size < 2:
        raise UsageError(f"a picture of size {size} px cannot be made: give a size of 2 or more")
    if fov is not None and not 0.0 < fov < np.pi * 0.95:
        raise UsageError(f"a field of view of {np.degrees(fov):.6g} deg cannot be drawn: give one between 0 and 171")
    upward = up_vector(up, camera_up)
    sun = None if sun_direction is None else np.asarray(sun_direction, dtype=float)
    target = None if centre is None else visible_place(position, body, *centre)
    if fov is not None and target is not None:
        rotation = orient(target - position, upward)
    else:
        points = chosen_points(position, body, sun, lit_only, covered, camera_km)
        rotation, low, high = frame_points(points - position, upward, None if target is None else target - position)
    if fov is not None:
        return View(position, rotation, 2.0 * np.tan(fov / 2) / size, size, size, (size / 2, size / 2))
    span = (high - low) * (1.0 + 2.0 * MARGIN)
    scale = float(span.max()) / size
    width, height = (max(1, round(float(s) / scale)) for s in span)
    middle = (low + high) / 2
    principal = (height / 2 - float(middle[1]) / scale, width / 2 - float(middle[0]) / scale)
    return View(position, rotation, scale, width, height, principal)


def up_vector(up: str, camera_up: ArrayLike | None) -> FloatArray:
    """The b0 vector (3,) that a view puts upwards."""
    if up == "north":
        return np.array([0.0, 0.0, 1.0])
    if up == "camera" and camera_up is not None:
        return np.asarray(camera_up, dtype=float)
    if up == "camera":
        raise UsageError("camera up was asked for without the camera's up vector: give camera_up")
    raise UsageError(f"unknown up direction {up!r}: use 'north' or 'camera'")


def visible_place(position: FloatArray, body: Body, latitude: float, longitude: float) -> FloatArray:
    """Surface point (3,) km at a planetocentric latitude and east longitude, rad; UsageError if it is out of sight."""
    point = point_from_centric(latitude, longitude, body.radii_km)
    if normal(point, body.radii_km) @ (position - point) <= 0.0:
        raise UsageError(
            f"the place {np.degrees(latitude):.6g}, {np.degrees(longitude):.6g} deg (east) that should be in the "
            "middle is out of sight from the viewpoint: give a place on the visible side"
        )
    return point


def frame_points(
    directions: FloatArray, up: FloatArray, ahead: FloatArray | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Rotation of the view and the bounding box (low, high as x, y on the tangent plane) of directions (n, 3).

    The axis goes through the middle of the box in angle, or along `ahead` where given, the box then being made
    symmetric about it. Directions beyond `MAX_FOV` / 2 from the axis, horizontally or vertically, are cut off.
    """
    unit = directions / np.linalg.norm(directions, axis=-1, keepdims=True)
    limit = np.tan(MAX_FOV / 2)
    axis = unit.mean(axis=0) if ahead is None else ahead
    for _ in range(8 if ahead is None else 0):
        x, y, z = orient(axis, up) @ unit.T
        across, down = np.arctan2(x, z), np.arctan2(y, z)
        a, b = (across.min() + across.max()) / 2, (down.min() + down.max()) / 2
        axis = orient(axis, up).T @ np.array([np.tan(a), np.tan(b), 1.0])
    rotation = orient(axis, up)
    x, y, z = rotation @ unit.T
    # a direction a right angle or more off is as good as one at the limit
    plane = np.stack([np.arctan2(x, z), np.arctan2(y, z)])
    plane = np.tan(np.clip(plane, -MAX_FOV / 2, MAX_FOV / 2))
    low, high = plane.min(axis=1), plane.max(axis=1)
    if ahead is not None:
        high = np.maximum(np.maximum(high, -low), 1e-9)
        low = -high
    return rotation, np.maximum(low, -limit), np.minimum(high, limit)


def disc_middle(position_km: ArrayLike, body: Body, sun_direction: ArrayLike | None) -> FloatArray:
    """Surface point (3,) km in the middle of the lit visible area as it is seen; of the visible disc if all is dark.

    The mean direction of the lit points, each weighed by the solid angle it stands for, met with the ellipsoid; where
    that is not a lit point (a thin crescent) the lit point nearest to it.
    """
    position = np.asarray(position_km, dtype=float)
    sun = None if sun_direction is None else np.asarray(sun_direction, dtype=float)
    points = chosen_points(position, body, sun)
    rays = points - position
    distance = np.linalg.norm(rays, axis=-1, keepdims=True)
    radii = np.array(body.radii_km)
    # rings stand evenly, so a point's share of the scaled surface grows as sine over cosine of its ring
    up = position / radii / np.linalg.norm(position / radii)
    cosine = (points / radii) @ up
    area = np.sqrt(np.maximum(1.0 - cosine**2, 0.0)) / cosine
    facing = -np.sum(rays * normal(points, body.radii_km), axis=-1, keepdims=True) / distance
    share = area[:, None] * np.maximum(facing, 1e-6) / distance**2
    mean = np.sum(share * rays / distance, axis=0)
    met = intersect(position, mean, body.radii_km)
    dark = sun is not None and not (normal(points, body.radii_km) @ sun > 0.0).any()
    if np.isfinite(met).all() and (sun is None or dark or normal(met, body.radii_km) @ sun > 0.0):
        return met
    nearest: FloatArray = points[np.argmax(rays @ mean / distance[:, 0])]
    return nearest


def native_scale(view: View, point_km: ArrayLike) -> float:
    """Output pixels per native camera pixel at a point (3,) km of b0, both as angles seen from the viewpoint.

    The tangent plane stretches along the radius more than across it; the geometric mean is given.
    """
    x, y, z = view.view_from_body @ (np.asarray(point_km, dtype=float) - view.position_km)
    stretch = (1.0 + (x / z) ** 2 + (y / z) ** 2) ** 0.75
    return float(stretch / view.scale / FOCAL_LENGTH_PX)


def km_per_native_px(view: View, point_km: ArrayLike) -> float:
    """Kilometres across the line of sight that one native camera pixel spans at a point (3,) km of b0."""
    return float(np.linalg.norm(np.asarray(point_km, dtype=float) - view.position_km) / FOCAL_LENGTH_PX)
