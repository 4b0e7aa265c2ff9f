"""A trajectory from nothing but labels: the orbit that best explains the positions they hold.

One orbit round an oblate planet goes through all labels of a pass by least squares. What is known of Juno's orbit
(`expected_orbit`) enters as six weak observations; with one label it supplies the velocity, with many it weighs
nothing. Labels that no orbit explains together with the others are left out and named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.bodies import JUPITER, Body
from perijove.ephemeris.apparent import apparent_position
from perijove.ephemeris.juno import Prior, expected_orbit, perijove_of
from perijove.ephemeris.orbit import (
    Elements,
    energy,
    propagate,
    state_from_elements,
    time_from_periapsis,
)
from perijove.ephemeris.sun_earth import jupiter_velocity
from perijove.ephemeris.trajectory import Trajectory
from perijove.errors import TrajectoryError
from perijove.geometry.ellipsoid import point_from_graphic
from perijove.label import Label

FloatArray = NDArray[np.float64]

ANGLE_SIGMA = np.radians(1e-4) / np.sqrt(12.0)
"""Rounding of a label's latitude and longitude, rad."""
MODEL_SIGMA_KM = 0.1
"""What rounding of altitude and time, moons and the first-order light time leave, per coordinate, within two hours."""
MODEL_SPAN_S = 7200.0
"""From this far on what the moons do grows with the square of time."""
WINDOW_S = 18000.0
"""Labels farther from the wanted time than this are passed over: the moons' pull would have to be modelled."""
FLOOR_KM_S = 1e-4
"""Error of the velocity, in one coordinate, below which nothing is claimed."""
SUN_TIDE_PER_S2 = 6e-16
"""2 GM / d^3 of the Sun at Jupiter, which the orbit leaves out."""
OUTLIER_SIGMAS = 8.0
"""A label farther than this from the orbit in any of its three coordinates is wrong."""
MARGIN_S = 300.0
STEP_S = 30.0
"""Spacing of the result's grid: cubic Hermite pieces are then good to 0.2 m at perijove."""
_SOLVED_ANEW = 6
_EARLIEST_ET, _LATEST_ET = 5.2e8, 1.0e9
"""2016-06-24 and 2031-09-09: a START_TIME outside is none of Juno at Jupiter."""


@dataclass(frozen=True)
class _Observations:
    """Middle times (n,) ET, apparent positions (n, 3) km in j2000, sigmas (n,) km, planet's velocity (n, 3) km/s."""

    et: FloatArray
    position: FloatArray
    sigma: FloatArray
    planet: FloatArray

    def only(self, keep: NDArray[np.bool_]) -> _Observations:
        return _Observations(self.et[keep], self.position[keep], self.sigma[keep], self.planet[keep])


@dataclass(frozen=True)
class _Fit:
    """Parameters (6,) as in `Prior`, whitened `jacobian` (3n + 6, 6) in units of the prior's sigmas, `residual`."""

    parameters: FloatArray
    jacobian: FloatArray
    residual: FloatArray


def trajectory_from_labels(labels: Sequence[Label], body: Body = JUPITER) -> Trajectory:
    """The orbit through all labels of one pass. Raises TrajectoryError where no label holds a position."""
    return solve_trajectory(labels, None, body)


def trajectory_from_label(label: Label, body: Body = JUPITER) -> Trajectory:
    """The orbit through one label's position, with the velocity that Juno's known orbit gives it there."""
    return solve_trajectory([label], label, body)


def solve_trajectory(labels: Sequence[Label], at: Label | None = None, body: Body = JUPITER) -> Trajectory:
    """The orbit through the labels of the pass to which `at` belongs (or most of the labels do), however few they are.

    Passed over are labels without a position, of another target, or more than 5 hours from `at` (or from the middle
    one). `covariance` is that of the state at the middle of `at` (or of the middle label): the labels' rounding, the
    residuals, the prior and what the model leaves out. The grid spans the labels' times and 5 minutes on either side,
    every 30 s. Raises TrajectoryError where no label holds a position, or where even a single one does not fit a
    closed orbit.
    """
    chosen = _of_one_pass(labels, at, body)
    reference = chosen[len(chosen) // 2].image_middle_et
    if at is not None and np.isfinite(at.image_middle_et):
        reference = at.image_middle_et
    chosen = [label for label in chosen if abs(label.image_middle_et - reference) <= WINDOW_S]
    if not chosen:
        raise TrajectoryError(_no_position(labels, body))
    seen = _observe(chosen, body, reference)
    prior = expected_orbit(reference)
    keep, fit = _consensus(body, seen, prior)
    # with one label the known orbit is the only check
    if np.max(np.abs(fit.residual if len(fit.residual) == 9 else fit.residual[:-6])) > OUTLIER_SIGMAS:
        raise TrajectoryError(_no_orbit(chosen, body))
    times = np.array([(label.start_et, label.image_middle_et) for label in (*chosen, *([at] if at else []))])
    first, last = float(np.nanmin(times)), float(np.nanmax(2.0 * times[:, 1] - times[:, 0]))
    last = max(last, float(np.nanmax(times)))
    grid = np.linspace(first - MARGIN_S, last + MARGIN_S, int((last - first + 2 * MARGIN_S) / STEP_S) + 2)
    states = _states(body, fit.parameters[None], np.append(grid, reference))[:, 0]
    miss = fit.residual[:-6].reshape(-1, 3) * seen.sigma[keep, None]
    ids = [label.product_id for label in chosen]
    return Trajectory(
        body=body.name,
        source="labels" if keep.sum() > 1 else "label and known orbit",
        et=grid,
        position_km=states[:-1, :3],
        velocity_km_s=states[:-1, 3:],
        reference_et=reference,
        covariance=_state_covariance(body, fit, prior, reference),
        rms_km=float(np.sqrt(np.mean(np.sum(miss**2, axis=1)))) if keep.sum() > 1 else float("nan"),
        used=tuple(name for name, kept in zip(ids, keep, strict=True) if kept),
        rejected=tuple(name for name, kept in zip(ids, keep, strict=True) if not kept),
    )


def label_position(label: Label, body: Body = JUPITER) -> FloatArray:
    """The position (3,) km in j2000 that a label holds: apparent, at the image's middle (see `apparent`).

    Raises TrajectoryError where a field is missing.
    """
    if not _has_position(label):
        raise TrajectoryError(_no_position([label], body))
    assert label.latitude_graphic is not None
    assert label.longitude_west is not None
    assert label.altitude_km is not None
    fixed = point_from_graphic(label.latitude_graphic, -label.longitude_west, label.altitude_km, body.radii_km)
    position: FloatArray = fixed @ body.body_from_j2000(label.image_middle_et)
    return position


def _has_position(label: Label) -> bool:
    fields = (label.latitude_graphic, label.longitude_west, label.altitude_km, label.image_middle_et)
    return all(value is not None and np.isfinite(value) for value in fields)


def _no_position(labels: Sequence[Label], body: Body) -> str:
    names = ", ".join(str(label.path or label.product_id) for label in labels[:3]) or "no label at all"
    return (
        f"No label gives Juno's position at {body.name} (SUB_SPACECRAFT_LATITUDE, SUB_SPACECRAFT_LONGITUDE, "
        f"SPACECRAFT_ALTITUDE, START_TIME, STOP_TIME): {names}. Put labels of other images of the same pass beside it."
    )


def _no_orbit(labels: Sequence[Label], body: Body) -> str:
    names = ", ".join(str(label.path or label.product_id) for label in labels[:3])
    return (
        f"No orbit of Juno round {body.name} explains the labels' positions: check START_TIME, "
        f"SUB_SPACECRAFT_LATITUDE, SUB_SPACECRAFT_LONGITUDE and SPACECRAFT_ALTITUDE in {names}."
    )


def _of_one_pass(labels: Sequence[Label], at: Label | None, body: Body) -> list[Label]:
    """Labels with a position at the body in one pass, in the order of time, each product once."""
    able = {x.product_id: x for x in labels if x.target.upper() == body.name and _has_position(x)}
    able = {k: x for k, x in able.items() if _EARLIEST_ET < x.start_et < _LATEST_ET}
    if at is not None:
        number = perijove_of(at.start_et)
    elif able:
        number = Counter(perijove_of(x.start_et) for x in able.values()).most_common(1)[0][0]
    chosen = sorted((x for x in able.values() if perijove_of(x.start_et) == number), key=lambda x: x.start_et)
    if not chosen:
        raise TrajectoryError(_no_position([at] if at is not None else labels, body))
    return chosen


def _observe(labels: Sequence[Label], body: Body, reference: float) -> _Observations:
    et = np.array([label.image_middle_et for label in labels])
    position = np.array([label_position(label, body) for label in labels])
    model = MODEL_SIGMA_KM * np.maximum(1.0, np.square((et - reference) / MODEL_SPAN_S))
    sigma = np.hypot(model, ANGLE_SIGMA * np.linalg.norm(position, axis=1))
    return _Observations(et, position, sigma, jupiter_velocity(et))


def _states(body: Body, parameters: FloatArray, et: FloatArray) -> FloatArray:
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


def _linearise(body: Body, seen: _Observations, prior: Prior, parameters: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Whitened residuals (3n + 6,), observed minus predicted, and minus their derivatives by parameters over sigma."""
    nudged = parameters + np.vstack([np.zeros(6), np.eye(5, 6) * _NUDGE[:, None]])
    states = _states(body, nudged, seen.et)
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


def _fit(body: Body, seen: _Observations, prior: Prior, start: FloatArray | None = None) -> _Fit:
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
    return _Fit(parameters, jacobian, residual)


def _start(body: Body, seen: _Observations, prior: Prior) -> FloatArray:
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


def _consensus(body: Body, seen: _Observations, prior: Prior) -> tuple[NDArray[np.bool_], _Fit]:
    """Which labels (n,) one orbit explains, and that orbit: the worst offender is left out until the rest agree.

    The offender is the label whose absence lowers the cost most, the prior's share included, which decides between
    two.
    """
    keep = np.ones(len(seen.et), dtype=bool)
    while True:
        fit = _fit(body, seen.only(keep), prior)
        count = int(keep.sum())
        if count == 1 or np.max(np.abs(fit.residual[: 3 * count])) < OUTLIER_SIGMAS:
            return keep, fit
        costs = [_cost_without(body, seen.only(keep), prior, fit, k) for k in range(count)]
        keep[np.flatnonzero(keep)[int(np.argmin(costs))]] = False


def _cost_without(body: Body, seen: _Observations, prior: Prior, fit: _Fit, k: int) -> float:
    """Sum of squares of the orbit through all labels but the k-th: solved anew for a few, linearised for many."""
    count = len(seen.et)
    if count <= _SOLVED_ANEW:
        left = _fit(body, seen.only(np.arange(count) != k), prior).residual
    else:
        rows = np.r_[0 : 3 * k, 3 * k + 3 : 3 * count + 6]
        step = np.linalg.lstsq(fit.jacobian[rows], fit.residual[rows], rcond=None)[0]
        left = fit.residual[rows] - fit.jacobian[rows] @ step
    return float(left @ left)


def _state_covariance(body: Body, fit: _Fit, prior: Prior, et: float) -> FloatArray:
    """Covariance (6, 6) of the state at ET, km and km/s; errors that all labels share are added at the end."""
    freedom = fit.residual.size - 6
    scale = max(1.0, float(fit.residual @ fit.residual) / freedom) if freedom > 3 else 1.0
    parameters = np.linalg.inv(fit.jacobian.T @ fit.jacobian) * scale * np.outer(prior.sigma, prior.sigma)
    nudged = fit.parameters + np.vstack([np.zeros(6), np.eye(5, 6) * _NUDGE[:, None]])
    times = np.array([et - 0.5, et, et + 0.5])
    states = _states(body, nudged, times)
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


__all__ = ["label_position", "solve_trajectory", "trajectory_from_label", "trajectory_from_labels"]
