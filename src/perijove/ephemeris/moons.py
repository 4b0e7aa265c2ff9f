"""Where Jupiter's moons are, without kernels, and how well that is known.

Io, Europa, Ganymede and Callisto by the theory L1.2 brought to JPL's JUP310 (`galilean`). What is left between it and
JUP310, told by Jupiter's own path about the barycentre, is 1.5 m of 220 km in 2017 and 2022, where it was fitted, and
4.6 m in 2016, where it was not: 20 and at most 100 km for a moon.

The small moons within Io's orbit by the IAU's rotation alone: a synchronous moon keeps Jupiter on its +X and flies
along its -Y. Left out are libration and the orbit's eccentricity e, which move it by 2 e times the orbit's radius along
its way. For the large ones that would be wrong by more: their meridians are tied to craters, and Jupiter stands over
longitude -0.4 (Io), -1.5 (Europa), -2.4 (Ganymede) and +0.9 deg (Callisto) of the IAU's frames on average.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perijove.bodies import BODIES, Body
from perijove.ephemeris import galilean
from perijove.ephemeris.trajectory import Trajectory

FloatArray = NDArray[np.float64]

THEORY_ERROR_KM = {"IO": 50.0, "EUROPA": 60.0, "GANYMEDE": 60.0, "CALLISTO": 60.0}
"""Error of a large moon's place in one coordinate, one sigma, 2016 to 2031 (docs/moons.md)."""
THEORY_ERROR_KM_S = 0.003
"""Error of their velocity: that of the place times the mean motion, and short waves that the theory rounds off."""


def parent_of(moon: Body) -> Body:
    """The body that a moon circles. Raises ValueError for a body that circles the Sun."""
    if moon.parent is None:
        raise ValueError(f"{moon.name} is no moon")
    return BODIES[moon.parent]


def moon_state(moon: Body, et: ArrayLike) -> FloatArray:
    """State (..., 6) km, km/s of a moon relative to its planet in j2000 at ET, geometric."""
    series = galilean.series_of(moon.name)
    return synchronous_state(moon, et) if series is None else galilean.state(series, et)


def synchronous_state(moon: Body, et: ArrayLike) -> FloatArray:
    """State (..., 6) km, km/s in j2000 of a moon on a circle, with the planet always on its +X."""
    frame = moon.body_from_j2000(et)
    speed = moon.spin_rate * moon.orbit_km
    return np.concatenate([-moon.orbit_km * frame[..., 0, :], -speed * frame[..., 1, :]], axis=-1)


def place_error_km(moon: Body) -> float:
    """Error of `moon_state` in one coordinate of the place, km: one sigma, or for the small moons a bound."""
    return THEORY_ERROR_KM.get(moon.name, 2.0 * moon.eccentricity * moon.orbit_km)


def velocity_error_km_s(moon: Body) -> float:
    """Error of `moon_state` in one coordinate of the velocity, km/s, as `place_error_km`."""
    return THEORY_ERROR_KM_S if moon.name in THEORY_ERROR_KM else place_error_km(moon) * moon.spin_rate


def relative_to_moon(state: ArrayLike, et: ArrayLike, moon: Body) -> FloatArray:
    """Positions (..., 3) km, or states (..., 6), in j2000 relative to a moon, of those relative to its planet at ET."""
    own = np.asarray(state, dtype=float)
    out: FloatArray = own - moon_state(moon, et)[..., : own.shape[-1]]
    return out


def trajectory_about(moon: Body, trajectory: Trajectory) -> Trajectory:
    """A trajectory about a planet as one about a moon of it, with the error of the moon's own place and velocity.

    Raises ValueError where the trajectory is about another body.
    """
    planet = parent_of(moon)
    if trajectory.body != planet.name:
        raise ValueError(f"{moon.name} circles {planet.name}, the trajectory is about {trajectory.body}")
    own = moon_state(moon, trajectory.et)
    error = np.repeat([0.0, velocity_error_km_s(moon)], 3)
    return replace(
        trajectory,
        body=moon.name,
        source=f"{trajectory.source}, less where {moon.name.capitalize()} is",
        position_km=trajectory.position_km - own[:, :3],
        velocity_km_s=trajectory.velocity_km_s - own[:, 3:],
        covariance=trajectory.covariance + np.diag(error**2),
        unseen_km=float(np.hypot(trajectory.unseen_km, place_error_km(moon))),
    )


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
