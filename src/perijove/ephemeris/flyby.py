"""Juno's path past a moon through the positions that labels hold.

Near a moon the path is a hyperbola in its gravity, bent a little further by the planet's tide. Its six numbers are the
state at one time. Two labels fix them; with a single one the velocity comes from Juno's known orbit round Jupiter at
that place and from the moon's own velocity, with the errors of both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perijove.bodies import LIGHT_KM_S, Body
from perijove.ephemeris.apparent import apparent_position
from perijove.ephemeris.juno import expected_orbit
from perijove.ephemeris.moons import (
    moon_state,
    parent_of,
    place_error_km,
    tide,
    tide_error,
    velocity_error_km_s,
)
from perijove.ephemeris.orbit import propagate
from perijove.ephemeris.passage import (
    FLOOR_KM_S,
    MODEL_SIGMA_KM,
    OUTLIER_SIGMAS,
    Observations,
    fit_orbit,
    orbit_states,
    state_covariance,
)
from perijove.ephemeris.sun_earth import jupiter_velocity

FloatArray = NDArray[np.float64]

ORBIT_SIGMA_KM_S = 0.5
"""Error of the known orbit's velocity where a moon is passed, in one coordinate: flybys, and the trims before them,
change the orbit by more than lies between perijoves; at Ganymede in June 2021 it was off by 0.3 before the closest
approach, by 0.05 after it."""
_NUDGE = np.array([1.0, 1.0, 1.0, 1e-3, 1e-3, 1e-3])
"""Steps of the difference quotients: km, km/s."""


@dataclass(frozen=True)
class Flyby:
    """A path past a moon: `state` (6,) km, km/s in j2000 at `et` and its covariance (6, 6).

    It was fitted to the observations `keep` (n,), which lie from it by `miss` (kept, 3) km; `worst` is the worst
    residual in sigmas.
    """

    et: float
    state: FloatArray
    covariance: FloatArray
    keep: NDArray[np.bool_]
    miss: FloatArray
    worst: float


@dataclass(frozen=True)
class Velocity:
    """An expected velocity (3,) km/s in j2000 relative to a moon, and its covariance (3, 3)."""

    mean: FloatArray
    covariance: FloatArray


@dataclass(frozen=True)
class _Fit:
    """State (6,), whitened `jacobian` (3 n + 3, 6) and `residual`, the expected velocity's three last."""

    state: FloatArray
    jacobian: FloatArray
    residual: FloatArray


def flyby_states(moon: Body, et0: float, states: FloatArray, et: ArrayLike) -> FloatArray:
    """States (n, ..., 6) at times (n,) that grow out of `states` (..., 6) at `et0`, relative to the moon in j2000."""
    return propagate(moon, et0, states, et, lambda now, position: tide(moon, now, position))


def velocity_in_space(moon: Body, et: ArrayLike) -> FloatArray:
    """Velocity (..., 3) km/s of a moon relative to the Sun in j2000: its planet's and its own."""
    out: FloatArray = jupiter_velocity(et) + moon_state(moon, et)[..., 3:]
    return out


def observe_flyby(moon: Body, et: FloatArray, position: FloatArray, reference: float) -> Observations:
    """Apparent positions (n, 3) km at ET (n,) with the error that the path through them leaves.

    Away from `reference` the planet's tide counts by how ill the moon's place is known.
    """
    drift = np.array([0.5 * tide_error(moon, t, p) * (t - reference) ** 2 for t, p in zip(et, position, strict=True)])
    rounding = np.radians(1e-4) / np.sqrt(12.0) * np.linalg.norm(position, axis=1)
    sigma = np.sqrt(MODEL_SIGMA_KM**2 + drift**2 + rounding**2 + np.ptp(moon.radii_km[:2]) ** 2)
    return Observations(et, position, sigma, velocity_in_space(moon, et))


def expected_velocity(moon: Body, et: float, position: FloatArray) -> Velocity:
    """Velocity to be expected at `position` (3,) km from a moon: Juno's on its known orbit round the planet, less the
    moon's own, quickened by the moon's gravity.

    The error holds the orbit's, the moon's eccentricity, and the bend of the path, of which the orbit knows nothing.
    """
    planet, carried = parent_of(moon), moon_state(moon, et)
    prior = expected_orbit(et)
    place = (carried[:3] + position)[None]
    sigma = np.array([np.hypot(place_error_km(moon), 500.0)])
    seen = Observations(np.array([et]), place, sigma, np.zeros((1, 3)))
    fit = fit_orbit(planet, seen, prior)
    covariance = state_covariance(planet, fit, prior, et)[3:, 3:]
    relative = orbit_states(planet, fit.parameters[None], np.array([et]))[0, 0, 3:] - carried[3:]
    speed2, distance = float(relative @ relative), float(np.linalg.norm(position))
    mean = relative * np.sqrt(1.0 + 2.0 * moon.gm / (distance * speed2))
    carried_error = velocity_error_km_s(moon)
    bend = moon.gm / (distance * np.sqrt(speed2))
    return Velocity(mean, covariance + (ORBIT_SIGMA_KM_S**2 + bend**2 + carried_error**2) * np.eye(3))


def solve_flyby(moon: Body, seen: Observations, reference: float) -> Flyby:
    """The path past a moon that best explains the observations, as the state at `reference`.

    The worst observation is left out, one by one, until the rest agree.
    """
    keep = np.ones(len(seen.et), dtype=bool)
    near = int(np.argmin(np.abs(seen.et - reference)))
    velocity = expected_velocity(moon, float(seen.et[near]), seen.position[near])
    fit = _fit(moon, seen, velocity, reference)
    while keep.sum() > 1 and _worst(fit) > OUTLIER_SIGMAS:
        trials = []
        for k in np.flatnonzero(keep):
            without = keep.copy()
            without[k] = False
            trials.append((without, _fit(moon, seen.only(without), velocity, reference)))
        keep, fit = min(trials, key=lambda trial: float(trial[1].residual @ trial[1].residual))
    freedom = fit.residual.size - 6
    scale = max(1.0, float(fit.residual @ fit.residual) / freedom) if freedom > 3 else 1.0
    shared = np.repeat([MODEL_SIGMA_KM, FLOOR_KM_S], 3)
    covariance = np.asarray(np.linalg.inv(fit.jacobian.T @ fit.jacobian) * scale, dtype=float) + np.diag(shared**2)
    miss: FloatArray = fit.residual[:-3].reshape(-1, 3) * seen.sigma[keep, None]
    return Flyby(reference, fit.state, covariance, keep, miss, _worst(fit))


def _worst(fit: _Fit) -> float:
    """The greatest residual in sigmas; where one observation is left, against the expected velocity too."""
    rows = fit.residual if fit.residual.size == 6 else fit.residual[:-3]
    return float(np.max(np.abs(rows)))


def _fit(moon: Body, seen: Observations, velocity: Velocity, reference: float) -> _Fit:
    """Gauss-Newton from the nearest observation with the expected velocity; the path is nearly straight."""
    near = int(np.argmin(np.abs(seen.et - reference)))
    whiten = np.linalg.inv(np.linalg.cholesky(velocity.covariance))
    # what is seen lags behind by the light's way
    lag = velocity.mean * float(np.linalg.norm(seen.position[near])) / LIGHT_KM_S
    start = np.concatenate([seen.position[near] + lag, velocity.mean])
    state = flyby_states(moon, float(seen.et[near]), start, np.array([reference]))[0]
    for _ in range(12):
        nudged = state + np.vstack([np.zeros(6), np.diag(_NUDGE)])
        states = flyby_states(moon, reference, nudged, seen.et)
        predicted = apparent_position(states, seen.planet[:, None])
        slope = (predicted[:, 1:] - predicted[:, :1]) / _NUDGE[:, None] / seen.sigma[:, None, None]
        residual = np.concatenate(
            [((seen.position - predicted[:, 0]) / seen.sigma[:, None]).ravel(), whiten @ (velocity.mean - state[3:])]
        )
        jacobian = np.vstack([np.moveaxis(slope, 1, 2).reshape(-1, 6), np.hstack([np.zeros((3, 3)), whiten])])
        step = np.linalg.lstsq(jacobian, residual, rcond=None)[0]
        if np.max(np.abs(step) / _NUDGE) < 1e-6:
            break
        state = state + step
    return _Fit(state, jacobian, residual)
