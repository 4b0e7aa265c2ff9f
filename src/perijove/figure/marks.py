"""The geometry of the marks on a picture: where its middle is, how long a kilometre, and which way north.

All in the frame b0 of the picture (see `geometry.view`), km and rad; pixels are (line, sample), continuous.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.bodies import Body
from perijove.errors import UsageError
from perijove.geometry.ellipsoid import normal, point_from_centric
from perijove.geometry.view import View, visible_points
from perijove.render.planes import Planes

FloatArray = NDArray[np.float64]

POLE_COSINE = 0.02
"""Cosine of latitude below which north on the ground means nothing: the projected axis of the body is taken."""

DISC_SHARE = 0.4
"""Share of the limb within a picture from which on it shows a disc: a crescent cut close holds about half of it."""
LIMB_POINTS = 360
"""Places along the limb that are looked for in a picture."""


@dataclass(frozen=True)
class ScaleBar:
    """A bar of a round length: `length_km`, and `span_px` that it takes in the picture."""

    length_km: float
    span_px: float


def shown_middle(planes: Planes, body: Body) -> FloatArray:
    """Surface point (3,) km in the middle of what the picture shows of the body by day; of the body if all is dark.

    The pixel nearest to the mean place of those pixels. Raises UsageError where the picture shows nothing of the body.
    """
    seen = planes.hit & np.isfinite(planes.light).any(axis=0)
    seen = seen if seen.any() else planes.hit
    day = seen & (planes.cos_incidence > 0.0)
    places = np.argwhere(day if day.any() else seen)
    if not len(places):
        raise UsageError(f"the picture shows nothing of {body.name}: a scale bar needs a `point`")
    away = ((places - places.mean(axis=0)) ** 2).sum(axis=1)
    line, sample = places[np.argmin(away)]
    return point_from_centric(
        float(planes.latitude[line, sample]), float(planes.longitude[line, sample]), body.radii_km
    )


def span_px(view: View, point_km: FloatArray, length_km: float) -> float:
    """Pixels that a length in km takes, laid across the line of sight at a point (3,), along the picture's lines.

    Raises UsageError where the point lies behind the view.
    """
    sight = point_km - view.position_km
    sight = sight / np.linalg.norm(sight)
    right = view.view_from_body[0]
    across = right - (right @ sight) * sight
    half = 0.5 * length_km * across / np.linalg.norm(across)
    ends = view.pixel(np.stack([point_km - half, point_km + half]) - view.position_km)
    span = float(np.linalg.norm(ends[1] - ends[0]))
    if not np.isfinite(span):
        raise UsageError("the point of the scale bar lies behind the picture: give one that is in sight")
    return span


def scale_bar(view: View, point_km: FloatArray, most_px: float) -> ScaleBar:
    """The longest bar of 1, 2 or 5 x 10^n km that takes at most `most_px` at a point (3,) km."""
    # the span of a short bar tells the order; then the few lengths about it are tried
    size = float(np.linalg.norm(point_km - view.position_km))
    about = most_px * 1e-4 * size / span_px(view, point_km, 1e-4 * size)
    power = int(np.floor(np.log10(about)))
    lengths = [digit * 10.0**n for n in (power + 1, power, power - 1) for digit in (5, 2, 1)]
    for length in lengths:
        # a bar as long as the range would leave the tangent plane
        if length < size and (span := span_px(view, point_km, length)) <= most_px:
            return ScaleBar(length, span)
    return ScaleBar(lengths[-1], span_px(view, point_km, lengths[-1]))


def round_bar(most_px: float, px_per_km: float) -> ScaleBar:
    """The longest bar of 1, 2 or 5 x 10^n km that takes at most `most_px` where a kilometre takes `px_per_km`."""
    most = most_px / px_per_km
    power = 10.0 ** np.floor(np.log10(most))
    length = float(max(digit * power for digit in (1, 2, 5) if digit * power <= most))
    return ScaleBar(length, length * px_per_km)


def north_in_picture(view: View, point_km: FloatArray, body: Body) -> FloatArray | None:
    """Unit vector (2,) as (line, sample) of north on the ground at a surface point (3,) km; None where it has none.

    Within about a degree of a pole it is the projected rotation axis instead.
    """
    axis = np.array([0.0, 0.0, 1.0])
    up = normal(point_km, body.radii_km)
    north = axis - (axis @ up) * up
    if float(np.linalg.norm(north)) < POLE_COSINE:
        north = axis
    step = 1e-4 * float(np.linalg.norm(point_km - view.position_km)) * north / np.linalg.norm(north)
    ends = view.pixel(np.stack([point_km - step, point_km + step]) - view.position_km)
    way: FloatArray = ends[1] - ends[0]
    length = float(np.linalg.norm(way))
    return way / length if length > 1e-6 else None


def disc_share(view: View, body: Body) -> float:
    """Share of the body's limb that lies within a picture."""
    limb = visible_points(view.position_km, body, rings=2, spokes=LIMB_POINTS)[-LIMB_POINTS:]
    line, sample = view.pixel(limb - view.position_km).T
    with np.errstate(invalid="ignore"):
        inside = (line >= 0.0) & (line <= view.height) & (sample >= 0.0) & (sample <= view.width)
    return float(inside.mean())


def axis_in_picture(view: View, body: Body) -> FloatArray | None:
    """Unit vector (2,) as (line, sample) of the body's rotation axis as it is seen, northwards; None where one looks
    along it."""
    step = 1e-4 * float(np.linalg.norm(view.position_km)) * np.array([0.0, 0.0, 1.0])
    sight = view.position_km / np.linalg.norm(view.position_km)
    if float(np.hypot(sight[0], sight[1])) < POLE_COSINE:
        return None
    ends = view.pixel(np.stack([-step, step]) - view.position_km)
    way: FloatArray = ends[1] - ends[0]
    return way / float(np.linalg.norm(way)) if np.isfinite(way).all() else None


def north_shown(view: View, point_km: FloatArray, body: Body) -> FloatArray | None:
    """Unit vector (2,) as (line, sample) to be drawn as north: that of the disc, its rotation axis, where much of the
    limb is in the picture; on close-ups that of the ground at a surface point (3,) km. None where there is none."""
    axis = axis_in_picture(view, body) if disc_share(view, body) >= DISC_SHARE else None
    return north_in_picture(view, point_km, body) if axis is None else axis


def place_in_picture(view: View, body: Body, name: str, latitude: float, longitude: float) -> FloatArray:
    """Pixel (2,) as (line, sample) of a named place, planetocentric latitude and east longitude in rad.

    Raises UsageError for a place on the far side or beyond the picture's edges.
    """
    point = point_from_centric(latitude, longitude, body.radii_km)
    sight = point - view.position_km
    pixel = view.pixel(sight)
    inside = bool(np.all(pixel >= 0.0) and pixel[0] <= view.height and pixel[1] <= view.width)
    if normal(point, body.radii_km) @ sight >= 0.0 or not inside:
        raise UsageError(
            f"{name} at {np.degrees(latitude):.6g}, {np.degrees(longitude):.6g} deg (east) is not in the picture: "
            "leave it out, or choose another view"
        )
    return pixel
