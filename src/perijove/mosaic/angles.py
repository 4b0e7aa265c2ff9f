"""Angles: how ground was lit and seen by one look, or is to be shown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.mosaic.look import Look
from perijove.render.backplanes import measure_angles
from perijove.render.rays import HIT

FloatArray = NDArray[np.float64]
Plane = NDArray[np.float32]


@dataclass(frozen=True)
class Angles:
    """Cosines of incidence and emission, and the phase angle in rad: three arrays of one shape, NaN where unknown."""

    cos_incidence: Plane
    cos_emission: Plane
    phase: Plane


def angles_of(look: Look, points_km: FloatArray, radii: tuple[float, float, float]) -> Angles:
    """Angles (...) under which a look sees body-fixed points (..., 3) km of the ellipsoid, from its middle place.

    A cosine is negative where the Sun or the camera is below the horizon; NaN for points that are NaN, and of those
    with a Sun where the look knows none. Over a strip the camera moves: `Stage.angles_seen` is exact.
    """
    return angles_from(look.position_km, look.sun, points_km, radii)


def angles_from(
    place_km: FloatArray, sun: FloatArray, points_km: FloatArray, radii: tuple[float, float, float]
) -> Angles:
    """Angles (...) at body-fixed points (..., 3) km seen from a place (3,) km, with the unit vector (3,) to the Sun."""
    shape = points_km.shape[:-1]
    x, y, z = np.ascontiguousarray(np.asarray(points_km, float).reshape(-1, 3).T)
    kind = np.where(np.isfinite(x), HIT, 1.0)
    out = np.empty((3, len(x)), np.float32)
    measure_angles(
        x, y, z, kind, np.ascontiguousarray(place_km, float), np.ascontiguousarray(sun, float), np.array(radii, float),
        out[0], out[1], out[2],
    )  # fmt: skip
    return Angles(out[0].reshape(shape), out[1].reshape(shape), out[2].reshape(shape))
