"""Juno's orbit round Jupiter through the positions that labels hold.

One orbit round an oblate planet goes through all of them by least squares. What is known of Juno's orbit
(`expected_orbit`) enters as six weak observations; with one label it supplies the velocity, with many it weighs
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.bodies import Body
from perijove.ephemeris.apparent import apparent_position
from perijove.ephemeris.juno import Prior
from perijove.ephemeris.orbit import Elements, energy, propagate, state_from_elements, time_from_periapsis

FloatArray = NDArray[np.float64]

MODEL_SIGMA_KM = 0.1
"""What rounding of altitude and time, moons and the first-order light time leave, per coordinate, within two hours."""
FLOOR_KM_S = 1e-4
"""Error of the velocity, in one coordinate, below which nothing is claimed."""
SUN_TIDE_PER_S2 = 6e-16
"""2 GM / d^3 of the Sun at Jupiter, which the orbit leaves out."""
OUTLIER_SIGMAS = 8.0
"""A label farther than this from the orbit in any of its three coordinates is wrong."""
_SOLVED_ANEW = 6


@dataclass(frozen=True)
class Observations:
    """Middle times (n,) ET, apparent positions (n, 3) km in j2000, sigmas (n,) km, planet's velocity (n, 3) km/s."""

    et: FloatArray
    position: FloatArray
    sigma: FloatArray
    planet: FloatArray

    def only(self, keep: NDArray[np.bool_]) -> Observations:
        """The observations that a mask selects."""
        return Observations(self.et[keep], self.position[keep], self.sigma[keep], self.planet[keep])


@dataclass(frozen=True)
class Fit:
    """Parameters (6,) as in `Prior`, whitened `jacobian` (3n + 6, 6) in units of the prior's sigmas, `residual`."""

    parameters: FloatArray
    jacobian: FloatArray
    residual: FloatArray


def orbit_states(body: Body, parameters: FloatArray, et: FloatArray) -> FloatArray:
    """States (n, k, 6) at times (n,) of k orbits; all start at their own periapsis, of one and the same time."""
    passage = float(parameters[0, 5])
    return propagate(body, passage, np.array([_periapsis_state(body, p, passage) for p in parameters]), et)


def _periapsis_state(body: Body, parameters: FloatArray, passage: float) -> FloatArray:
    """State (6,) at closest approach; the speed there such that far away the axis is what the parameters say."""
    radius, far_axis, inclination, node, argument, _ = (float(p) for p in parameters)
    at_rest = state_from_elements(body, Elements(radius, 0.0, inclination, node, argument, passage))
    # the zonal field's share of the energy at closest approach, by the energy of a parabola there
    excess = float(energy(body, body.body_from_j2000(passage)[2], at_rest))
    inverse_axis = far_axis + 2.0 * excess / body.gm
    return state_from_elements(body, Elements(radius, inverse_axis, inclination, node, argument, passage))


_NUDGE = np.array([1.0, 1e-11, 1e-5, 1e-5, 1e-5])
"""Steps of the difference quotients: km, 1/km, rad."""


def _linearise(body: Body, seen: Observations, prior: Prior, parameters: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Whitened residuals (3n + 6,), observed minus predicted, and minus their derivatives by parameters over sigma."""
    nudged = parameters + np.vstack([np.zeros(6), np.eye(5, 6) * _NUDGE[:, None]])
    states = orbit_states(body, nudged, seen.et)
    predicted = apparent_position(states, seen.planet[:, None])
    slope = (predicted[:, 1:] - predicted[:, :1]) / _NUDGE[:, None]
    # a later periapsis puts Juno where it was that much earlier
    slope = np.concatenate([slope, -states[:, :1, 3:]], axis=1) / seen.sigma[:, None, None]
    residual = (seen.position - predicted[:, 0]) / seen.sigma[:, None]
    jacobian = np.moveaxis(slope, 1, 2).reshape(-1, 6) * prior.sigma
    departure = (prior.mean - parameters) / prior.sigma
    departure[2:5] = np.remainder(prior.mean[2:5] - parameters[2:5] + np.pi, 2 * np.pi) - np.pi
    departure[2:5] /= prior.sigma[2:5]
    return np.concatenate([residual.ravel(), departure]), np.vstack([jacobian, np.eye(6)])


def fit_orbit(body: Body, seen: Observations, prior: Prior, start: FloatArray | None = None) -> Fit:
    """Gauss-Newton from the expected orbit, or from `start`; steps that make it worse are halved."""
    parameters = _start(body, seen, prior) if start is None else start
    residual, jacobian = _linearise(body, seen, prior, parameters)
    for _ in range(40):
        step = np.linalg.lstsq(jacobian, residual, rcond=None)[0]
        cost = float(residual @ residual)
        for shrink in (1.0, 0.5, 0.25, 0.1, 0.03, 0.01):
            trial = parameters + shrink * step * prior.sigma
            # a closed orbit that starts at its periapsis, outside the planet's core
            if not (trial[0] > 0.5 * prior.mean[0] and 0.0 < trial[0] * trial[1] < 0.5):
                continue
            trial_residual, trial_jacobian = _linearise(body, seen, prior, trial)
            if float(trial_residual @ trial_residual) < cost:
                parameters, residual, jacobian = trial, trial_residual, trial_jacobian
                break
        else:
            break
        if np.max(np.abs(step)) < 1e-9 or cost - float(residual @ residual) < 1e-9 * cost:
            break
    return Fit(parameters, jacobian, residual)


def _start(body: Body, seen: Observations, prior: Prior) -> FloatArray:
    """The expected orbit, its periapsis timed by the nearest label's distance and side of the periapsis."""
    nearest = int(np.argmin(np.linalg.norm(seen.position, axis=1)))
    position = seen.position[nearest]
    distance = float(np.linalg.norm(position))
    radius, far_axis, inclination, node, argument, passage = prior.mean
    radius = min(radius, 0.999 * distance)
    orbit = Elements(radius, far_axis, inclination, node, argument, passage)
    periapsis = state_from_elements(body, orbit)
    outbound = 1.0 if position @ periapsis[3:] > 0 else -1.0
    ecc = 1.0 - radius * far_axis
    momentum = body.gm * radius * (1.0 + ecc)
    speed2 = body.gm * (2.0 / distance - far_axis)
    radial = np.sqrt(max(speed2 - momentum / distance**2, 0.0))
    elapsed = time_from_periapsis(body, distance, outbound * distance * radial, far_axis, radius)
    return np.array([radius, far_axis, inclination, node, argument, seen.et[nearest] - elapsed])


def consensus(body: Body, seen: Observations, prior: Prior) -> tuple[NDArray[np.bool_], Fit]:
    """Which labels (n,) one orbit explains, and that orbit: the worst offender is left out until the rest agree.

    The offender is the label whose absence lowers the cost most, the prior's share included, which decides between
    two.
    """
    keep = np.ones(len(seen.et), dtype=bool)
    while True:
        fit = fit_orbit(body, seen.only(keep), prior)
        count = int(keep.sum())
        if count == 1 or np.max(np.abs(fit.residual[: 3 * count])) < OUTLIER_SIGMAS:
            return keep, fit
        costs = [_cost_without(body, seen.only(keep), prior, fit, k) for k in range(count)]
        keep[np.flatnonzero(keep)[int(np.argmin(costs))]] = False


def _cost_without(body: Body, seen: Observations, prior: Prior, fit: Fit, k: int) -> float:
    """Sum of squares of the orbit through all labels but the k-th: solved anew for a few, linearised for many."""
    count = len(seen.et)
    if count <= _SOLVED_ANEW:
        left = fit_orbit(body, seen.only(np.arange(count) != k), prior).residual
    else:
        rows = np.r_[0 : 3 * k, 3 * k + 3 : 3 * count + 6]
        step = np.linalg.lstsq(fit.jacobian[rows], fit.residual[rows], rcond=None)[0]
        left = fit.residual[rows] - fit.jacobian[rows] @ step
    return float(left @ left)


def state_covariance(body: Body, fit: Fit, prior: Prior, et: float) -> FloatArray:
    """Covariance (6, 6) of the state at ET, km and km/s; errors that all labels share are added at the end."""
    freedom = fit.residual.size - 6
    scale = max(1.0, float(fit.residual @ fit.residual) / freedom) if freedom > 3 else 1.0
    parameters = np.linalg.inv(fit.jacobian.T @ fit.jacobian) * scale * np.outer(prior.sigma, prior.sigma)
    nudged = fit.parameters + np.vstack([np.zeros(6), np.eye(5, 6) * _NUDGE[:, None]])
    times = np.array([et - 0.5, et, et + 0.5])
    states = orbit_states(body, nudged, times)
    slope = np.vstack([(states[1, 1:] - states[1, 0]) / _NUDGE[:, None], states[0, 0] - states[2, 0]])
    tide = SUN_TIDE_PER_S2 * float(np.linalg.norm(states[1, 0, :3])) * abs(et - float(fit.parameters[5]))
    shared = np.repeat([MODEL_SIGMA_KM, FLOOR_KM_S + 2.0 * tide], 3)
    covariance: FloatArray = slope.T @ parameters @ slope + np.diag(shared**2)
    # the speed is known far better than the direction: a turn shortens the old component, to second order
    speed = float(np.linalg.norm(states[1, 0, 3:]))
    along = states[1, 0, 3:] / speed
    across = np.trace(covariance[3:, 3:]) - along @ covariance[3:, 3:] @ along
    covariance[3:, 3:] += 2.0 * (across / (2.0 * speed)) ** 2 * np.outer(along, along)
    return covariance
