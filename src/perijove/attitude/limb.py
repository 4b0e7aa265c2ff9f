"""The limb as an equation: how far a ray passes from the edge of an ellipsoid, with its derivatives.

Vectors are in the body-fixed frame, scaled by the semi-axes so that the ellipsoid becomes the unit sphere. A ray
from the camera at c along q passes the centre at distance rho = |c - (c.q) q| (q of unit length); it grazes the
ellipsoid where rho = 1. How high above it the limb stands is for others to tell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Grazing:
    """How rays pass an ellipsoid: n rays, derivatives with respect to unscaled body-fixed vectors.

    `height` (n,) is rho - 1, dimensionless; `by_direction` and `by_position` (n, 3) its gradients with respect to the
    ray's direction and to the camera's position (per km); `normal` (n, 3) the outward unit normal of the ellipsoid
    below the ray's closest point; `per_km` (n,) the change of `height` per km of altitude there; `latitude` (n,)
    planetocentric latitude of that point, rad.
    """

    height: FloatArray
    by_direction: FloatArray
    by_position: FloatArray
    normal: FloatArray
    per_km: FloatArray
    latitude: FloatArray


def graze(position_km: FloatArray, direction: FloatArray, radii_km: tuple[float, float, float]) -> Grazing:
    """Closest passage of rays from `position_km` (n, 3) along `direction` (n, 3), any length, by an ellipsoid."""
    inverse = 1.0 / np.asarray(radii_km)
    c, q = position_km * inverse, direction * inverse
    q2 = np.sum(q * q, axis=-1, keepdims=True)
    along = np.sum(c * q, axis=-1, keepdims=True) / q2
    closest = c - along * q
    rho = np.linalg.norm(closest, axis=-1, keepdims=True)
    unit = closest / rho
    # d(rho) = unit . dc - along * unit . dq, because unit is perpendicular to q
    normal = unit * inverse
    per_km = np.linalg.norm(normal, axis=-1)
    point = unit / inverse
    return Grazing(
        height=rho[..., 0] - 1.0,
        by_direction=-along * unit * inverse,
        by_position=unit * inverse,
        normal=normal / per_km[..., None],
        per_km=per_km,
        latitude=np.arctan2(point[..., 2], np.hypot(point[..., 0], point[..., 1])),
    )
