"""A trajectory from nothing but labels: the orbit that best explains the positions they hold.

At Jupiter it is Juno's orbit round the planet (`passage`), at a moon the path past it (`flyby`). Labels that no orbit
explains together with the others are left out and named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.bodies import JUPITER, Body
from perijove.ephemeris.flyby import flyby_states, observe_flyby, solve_flyby
from perijove.ephemeris.juno import expected_orbit, perijove_of
from perijove.ephemeris.passage import (
    MODEL_SIGMA_KM,
    OUTLIER_SIGMAS,
    Observations,
    consensus,
    orbit_states,
    state_covariance,
)
from perijove.ephemeris.sun_earth import jupiter_velocity
from perijove.ephemeris.trajectory import Trajectory
from perijove.errors import TrajectoryError
from perijove.geometry.ellipsoid import point_from_graphic
from perijove.label import Label

FloatArray = NDArray[np.float64]

ANGLE_SIGMA = np.radians(1e-4) / np.sqrt(12.0)
"""Rounding of a label's latitude and longitude, rad."""
MODEL_SPAN_S = 7200.0
"""From this far on what the moons do grows with the square of time."""
WINDOW_S = 18000.0
"""Labels farther from the wanted time than this are passed over: the moons' pull would have to be modelled."""
FLYBY_WINDOW_S = 3600.0
"""The same at a moon, whose place is known too ill for the planet's tide over longer times."""
MARGIN_S = 300.0
STEP_S, FLYBY_STEP_S = 30.0, 10.0
"""Spacing of the result's grid: cubic Hermite pieces are then good to 0.2 m at perijove, and past a moon."""
_EARLIEST_ET, _LATEST_ET = 5.2e8, 1.0e9
"""2016-06-24 and 2031-09-09: a START_TIME outside is none of Juno at Jupiter."""


@dataclass(frozen=True)
class _Solved:
    """An orbit: which labels it explains (`keep`, n), how far these lie from it, `miss` (kept, 3) km, the covariance
    (6, 6) of its state at the reference time, and its states (m, 6) as a function of ET (m,)."""

    keep: NDArray[np.bool_]
    miss: FloatArray
    covariance: FloatArray
    states: Callable[[FloatArray], FloatArray]


def trajectory_from_labels(labels: Sequence[Label], body: Body = JUPITER) -> Trajectory:
    """The orbit through all labels of one pass. Raises TrajectoryError where no label holds a position."""
    return solve_trajectory(labels, None, body)


def trajectory_from_label(label: Label, body: Body = JUPITER) -> Trajectory:
    """The orbit through one label's position, with the velocity that Juno's known orbit gives it there."""
    return solve_trajectory([label], label, body)


def solve_trajectory(labels: Sequence[Label], at: Label | None = None, body: Body = JUPITER) -> Trajectory:
    """The orbit through the labels of the pass to which `at` belongs (or most of the labels do), however few they are.

    Passed over are labels without a position, of another target, or more than 5 hours (1 hour at a moon) from `at` (or
    from the middle one). `covariance` is that of the state at the middle of `at` (or of the middle label): the labels'
    rounding, the residuals, the prior and what the model leaves out. The grid spans the labels' times and 5 minutes on
    either side, every 30 s (10 s at a moon). Raises TrajectoryError where no label holds a position, or where even a
    single one does not fit.
    """
    chosen = _of_one_pass(labels, at, body)
    reference = chosen[len(chosen) // 2].image_middle_et
    if at is not None and np.isfinite(at.image_middle_et):
        reference = at.image_middle_et
    window = WINDOW_S if body.parent is None else FLYBY_WINDOW_S
    chosen = [label for label in chosen if abs(label.image_middle_et - reference) <= window]
    if not chosen:
        raise TrajectoryError(_no_position(labels, body))
    solved = (_round_planet if body.parent is None else _past_moon)(chosen, body, reference)
    times = np.array([(label.start_et, label.image_middle_et) for label in (*chosen, *([at] if at else []))])
    first, last = float(np.nanmin(times)), float(np.nanmax(2.0 * times[:, 1] - times[:, 0]))
    last = max(last, float(np.nanmax(times)))
    step = STEP_S if body.parent is None else FLYBY_STEP_S
    grid = np.linspace(first - MARGIN_S, last + MARGIN_S, int((last - first + 2 * MARGIN_S) / step) + 2)
    states = solved.states(np.append(grid, reference))
    keep, several = solved.keep, solved.keep.sum() > 1
    ids = [label.product_id for label in chosen]
    return Trajectory(
        body=body.name,
        source="labels" if several else "label and known orbit",
        et=grid,
        position_km=states[:-1, :3],
        velocity_km_s=states[:-1, 3:],
        reference_et=reference,
        covariance=solved.covariance,
        rms_km=float(np.sqrt(np.mean(np.sum(solved.miss**2, axis=1)))) if several else float("nan"),
        used=tuple(name for name, kept in zip(ids, keep, strict=True) if kept),
        rejected=tuple(name for name, kept in zip(ids, keep, strict=True) if not kept),
    )


def _round_planet(chosen: Sequence[Label], body: Body, reference: float) -> _Solved:
    """Juno's orbit through labels at the planet. Raises TrajectoryError where none explains them."""
    seen = _observe(chosen, body, reference)
    prior = expected_orbit(reference)
    keep, fit = consensus(body, seen, prior)
    # with one label the known orbit is the only check
    if np.max(np.abs(fit.residual if len(fit.residual) == 9 else fit.residual[:-6])) > OUTLIER_SIGMAS:
        raise TrajectoryError(_no_orbit(chosen, body))
    return _Solved(
        keep,
        fit.residual[:-6].reshape(-1, 3) * seen.sigma[keep, None],
        state_covariance(body, fit, prior, reference),
        lambda et: orbit_states(body, fit.parameters[None], et)[:, 0],
    )


def _past_moon(chosen: Sequence[Label], body: Body, reference: float) -> _Solved:
    """Juno's path through labels at a moon. Raises TrajectoryError where none explains them."""
    et = np.array([label.image_middle_et for label in chosen])
    position = np.array([label_position(label, body) for label in chosen])
    found = solve_flyby(body, observe_flyby(body, et, position, reference), reference)
    if found.worst > OUTLIER_SIGMAS:
        raise TrajectoryError(_no_orbit(chosen, body))
    return _Solved(
        found.keep, found.miss, found.covariance, lambda when: flyby_states(body, reference, found.state, when)
    )


def label_position(label: Label, body: Body = JUPITER) -> FloatArray:
    """The position (3,) km in j2000 that a label holds: apparent, at the image's middle (see `apparent`).

    Planetographic latitude and height are taken against the spheroid of the body's longest and polar axes.
    Raises TrajectoryError where a field is missing.
    """
    if not _has_position(label):
        raise TrajectoryError(_no_position([label], body))
    assert label.latitude_graphic is not None
    assert label.longitude_west is not None
    assert label.altitude_km is not None
    spheroid = (body.radii_km[0], body.radii_km[0], body.radii_km[2])
    fixed = point_from_graphic(label.latitude_graphic, -label.longitude_west, label.altitude_km, spheroid)
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
        f"No orbit of Juno {'past' if body.parent else 'round'} {body.name} explains the labels' positions: check "
        f"START_TIME, SUB_SPACECRAFT_LATITUDE, SUB_SPACECRAFT_LONGITUDE and SPACECRAFT_ALTITUDE in {names}."
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


def _observe(labels: Sequence[Label], body: Body, reference: float) -> Observations:
    et = np.array([label.image_middle_et for label in labels])
    position = np.array([label_position(label, body) for label in labels])
    model = MODEL_SIGMA_KM * np.maximum(1.0, np.square((et - reference) / MODEL_SPAN_S))
    sigma = np.hypot(model, ANGLE_SIGMA * np.linalg.norm(position, axis=1))
    return Observations(et, position, sigma, jupiter_velocity(et))


__all__ = ["label_position", "solve_trajectory", "trajectory_from_label", "trajectory_from_labels"]
