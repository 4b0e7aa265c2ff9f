"""Where Jupiter's large moons are, from nothing but the IAU's rotation: they keep one face to the planet.

A synchronous moon has Jupiter on its +X and flies along its -Y. Left out are libration and the orbit's eccentricity e:
the place is good to e times the orbit's radius (Ganymede 1400 km, Europa 6300 km), the velocity to e times its speed
(0.01 and 0.13 km/s). That is far better than aberration, the planet's tide or a prior needs, and no ephemeris is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perijove.bodies import BODIES, Body

FloatArray = NDArray[np.float64]


def parent_of(moon: Body) -> Body:
    """The body that a moon circles. Raises ValueError for a body that circles the Sun."""
    if moon.parent is None:
        raise ValueError(f"{moon.name} is no moon")
    return BODIES[moon.parent]


def moon_state(moon: Body, et: ArrayLike) -> FloatArray:
    """State (..., 6) km, km/s of a moon relative to its planet in j2000 at ET."""
    frame = moon.body_from_j2000(et)
    speed = moon.spin_rate * moon.orbit_km
    return np.concatenate([-moon.orbit_km * frame[..., 0, :], -speed * frame[..., 1, :]], axis=-1)


def place_error_km(moon: Body) -> float:
    """How far a moon may stand from where `moon_state` puts it, km."""
    return moon.eccentricity * moon.orbit_km


def velocity_error_km_s(moon: Body) -> float:
    """How far a moon's velocity may lie from `moon_state`, km/s."""
    return moon.eccentricity * moon.spin_rate * moon.orbit_km


def tide(moon: Body, et: float, position: FloatArray) -> FloatArray:
    """Acceleration (..., 3) km/s^2 by the planet of what is at `position` (..., 3) km from a moon, less the moon's own.

    The planet counts as a point.
    """
    gm = parent_of(moon).gm
    planet = -moon_state(moon, et)[:3]
    towards = planet - position
    distance = np.linalg.norm(towards, axis=-1, keepdims=True)
    out: FloatArray = gm * (towards / distance**3 - planet / np.linalg.norm(planet) ** 3)
    return out


def tide_error(moon: Body, et: float, position: FloatArray) -> FloatArray:
    """Error (...,) km/s^2 of `tide` by the moon's misplacement: the gradient of the planet's field times that."""
    away = position + moon_state(moon, et)[:3]
    out: FloatArray = 2.0 * parent_of(moon).gm * place_error_km(moon) / np.linalg.norm(away, axis=-1) ** 3
    return out
