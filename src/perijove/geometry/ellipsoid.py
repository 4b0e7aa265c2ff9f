"""Triaxial ellipsoids: latitudes, surface points, normals, sub-points and where lines of sight meet them.

Body-fixed vectors (..., 3) km, `radii` (a, b, c) km along x, y, z; angles rad, longitude east-positive. Planetographic
latitude and its normals need a body of revolution (a = b). What does not exist comes back as NaN.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
Radii = tuple[float, float, float]


def centric_from_graphic(latitude: ArrayLike, radii: Radii) -> FloatArray:
    """Planetocentric latitude of surface points of planetographic latitude, rad."""
    _spheroid(radii)
    lat = np.asarray(latitude, dtype=float)
    out: FloatArray = np.arctan2(radii[2] ** 2 * np.sin(lat), radii[0] ** 2 * np.cos(lat))
    return out


def graphic_from_centric(latitude: ArrayLike, radii: Radii) -> FloatArray:
    """Planetographic latitude of surface points of planetocentric latitude, rad."""
    _spheroid(radii)
    lat = np.asarray(latitude, dtype=float)
    out: FloatArray = np.arctan2(radii[0] ** 2 * np.sin(lat), radii[2] ** 2 * np.cos(lat))
    return out


def point_from_graphic(latitude: ArrayLike, longitude: ArrayLike, altitude: ArrayLike, radii: Radii) -> FloatArray:
    """Body-fixed vectors of planetographic latitude, east longitude and altitude along the normal."""
    _spheroid(radii)
    lat, lon, alt = (np.asarray(v, dtype=float) for v in (latitude, longitude, altitude))
    a2, c2 = radii[0] ** 2, radii[2] ** 2
    curvature = a2 / np.hypot(radii[0] * np.cos(lat), radii[2] * np.sin(lat))
    ring = (curvature + alt) * np.cos(lat)
    return np.stack(
        np.broadcast_arrays(ring * np.cos(lon), ring * np.sin(lon), (curvature * c2 / a2 + alt) * np.sin(lat)), -1
    )


def graphic_from_point(point: ArrayLike, radii: Radii) -> FloatArray:
    """Planetographic latitude, east longitude and altitude along the normal (..., 3) of body-fixed vectors."""
    _spheroid(radii)
    p = np.asarray(point, dtype=float)
    foot = nearest_point(p, radii)
    n = normal(foot, radii)
    latitude = np.arctan2(n[..., 2], np.hypot(n[..., 0], n[..., 1]))
    return np.stack([latitude, np.arctan2(p[..., 1], p[..., 0]), np.sum((p - foot) * n, axis=-1)], axis=-1)


def point_from_centric(latitude: ArrayLike, longitude: ArrayLike, radii: Radii) -> FloatArray:
    """Surface points of planetocentric latitude and east longitude."""
    lat, lon = np.broadcast_arrays(np.asarray(latitude, dtype=float), np.asarray(longitude, dtype=float))
    ring = np.cos(lat)
    unit = np.stack([ring * np.cos(lon), ring * np.sin(lon), np.sin(lat)], axis=-1)
    out: FloatArray = unit / np.linalg.norm(unit / np.asarray(radii), axis=-1, keepdims=True)
    return out


def centric_from_point(point: ArrayLike) -> FloatArray:
    """Planetocentric latitude, east longitude (-pi, pi] and distance (..., 3) of body-fixed vectors."""
    p = np.asarray(point, dtype=float)
    ring = np.hypot(p[..., 0], p[..., 1])
    latitude, longitude = np.arctan2(p[..., 2], ring), np.arctan2(p[..., 1], p[..., 0])
    return np.stack([latitude, longitude, np.linalg.norm(p, axis=-1)], axis=-1)


def normal(point: ArrayLike, radii: Radii) -> FloatArray:
    """Outward unit normals (..., 3) at surface points."""
    gradient = np.asarray(point, dtype=float) / np.square(radii)
    out: FloatArray = gradient / np.linalg.norm(gradient, axis=-1, keepdims=True)
    return out


def intersect(origin: ArrayLike, direction: ArrayLike, radii: Radii) -> FloatArray:
    """Where lines of sight first meet the surface: points (..., 3), NaN where they miss it.

    `origin` and `direction` (..., 3) broadcast; directions may have any length. Only points ahead of the origin count;
    from inside the body nothing is seen.
    """
    scale = np.asarray(radii, dtype=float)
    o = np.asarray(origin, dtype=float) / scale
    d = np.asarray(direction, dtype=float) / scale
    a = np.sum(d * d, axis=-1)
    b = np.sum(o * d, axis=-1)
    # the closest approach squared, as a difference of vectors: b^2 - ac cancels for a far observer
    with np.errstate(invalid="ignore", divide="ignore"):
        closest = o - d * (b / a)[..., None]
        inside = 1.0 - np.sum(closest * closest, axis=-1)
        step = -b / a - np.sqrt(np.where(inside >= 0, inside, np.nan) / a)
    step = np.where((step > 0) & (np.sum(o * o, axis=-1) >= 1.0), step, np.nan)
    out: FloatArray = (o + step[..., None] * d) * scale
    return out


def sub_point(point: ArrayLike, radii: Radii) -> FloatArray:
    """Surface points (..., 3) straight towards the centre from body-fixed vectors."""
    p = np.asarray(point, dtype=float)
    out: FloatArray = p / np.linalg.norm(p / np.asarray(radii), axis=-1, keepdims=True)
    return out


def nearest_point(point: ArrayLike, radii: Radii) -> FloatArray:
    """Surface points (..., 3) nearest to body-fixed vectors, triaxial; NaN deep inside, where there is no one nearest.

    Newton's iteration on the multiplier t of p_i = x_i (1 + t / r_i^2), from outside or just below the surface.
    """
    p = np.asarray(point, dtype=float)
    r2 = np.square(np.asarray(radii, dtype=float))
    # the start lies below the root, whence Newton climbs to it without overshoot: the function is convex
    start = np.max(np.abs(p) * np.asarray(radii) - r2, axis=-1)
    t = np.where(start > -0.5 * r2.min(), start, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        for _ in range(60):
            ratio = p * np.asarray(radii) / (r2 + t[..., None])
            value = np.sum(ratio * ratio, axis=-1) - 1.0
            slope = -2.0 * np.sum(ratio * ratio / (r2 + t[..., None]), axis=-1)
            step = value / slope
            t = t - step
            if not np.any(np.abs(step) > 1e-13 * r2.max()):
                break
        out: FloatArray = p * r2 / (r2 + t[..., None])
    return out


def _spheroid(radii: Radii) -> None:
    if radii[0] != radii[1]:
        raise ValueError("planetographic latitude needs a body of revolution: use planetocentric latitude here")
