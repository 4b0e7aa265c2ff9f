"""A trajectory from a table of positions, such as SPICE services and other tools give them.

Positions in a frame that turns with a body are turned into the inertial one first: there a flight is smooth, and a
spline through the rotating coordinates would only be as good as the rotation is slow. The table's rounding is
smoothed away by the coarsest spline of degree five that leaves no more than that rounding; its slope is the velocity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline, make_interp_spline, make_lsq_spline

from perijove.bodies import BODIES, Body
from perijove.ephemeris.moons import parent_of, trajectory_about
from perijove.ephemeris.trajectory import Trajectory
from perijove.errors import TrajectoryError, UsageError

FloatArray = NDArray[np.float64]

POSITION_SIGMA_KM = 10.0
"""How far a table's orbit may be off in one coordinate, where nobody says: reconstructed ones are good to some hundred
metres, predicted ones are not. The ground of Ganymede puts a table of the flyby of June 2021 19 km across the path."""
INNER_SIGMA_KM = 0.5
"""Error that the solution of a pointing is to reckon with: it has no means to find more, and would go astray."""
SHARE_PER_S = 4e-4
"""Error of the velocity for that of the place, 1/s: an orbit that is off is so by much the same for an hour."""
COARSEST_KM = 0.5
"""Interpolation that leaves more than this open is refused."""
INERTIAL = ("J2000", "ICRF", "EME2000", "GCRF")
ECLIPTIC = "ECLIPJ2000"
OBLIQUITY = np.radians(84381.448 / 3600.0)
"""Of the ecliptic at J2000 (IAU 1976), as NAIF's frame ECLIPJ2000 has it."""
LEAST_ROWS = 6
_DEGREE = 5
_MARGIN_S, _STEP_S = 120.0, 10.0
_GAP_STEPS = 10.0
"""Rows further apart than two minutes and than so many of their neighbours' steps leave a gap."""
_APART, _SHRINK = 12, 4.0
_TOLERANCE = 1.15
"""The spline is fine enough where its residuals are no more than so many times the rounding."""


@dataclass(frozen=True)
class PositionTable:
    """Positions (n, 3) km at ET (n,), rising, in a named `frame`; `rounding_km` (n, 3) is the unit of the last digit.

    `frame` is one of `INERTIAL`, `ECLIPTIC`, or IAU_ and a body's name. `centre` is the body they are counted from,
    None for that of an IAU_ frame, or else the target. `name` is for messages.
    """

    et: FloatArray
    position_km: FloatArray
    rounding_km: FloatArray
    frame: str
    name: str
    centre: str | None = None

    @property
    def body(self) -> Body | None:
        """The body that the table's frame turns with, None for an inertial one."""
        return frame_body(self.frame)


def frame_body(frame: str) -> Body | None:
    """The body that a frame turns with, None for an inertial one. Raises UsageError for a frame that is not known."""
    if frame in INERTIAL or frame == ECLIPTIC:
        return None
    body = BODIES.get(frame.removeprefix("IAU_"))
    if body is None or not frame.startswith("IAU_"):
        known = ", ".join([*INERTIAL, ECLIPTIC, *(f"IAU_{name}" for name in BODIES)])
        raise UsageError(f"--frame {frame} is not known: give one of {known}")
    return body


def trajectory_from_table(
    table: PositionTable, body: Body, first: float, last: float, sigma_km: float = POSITION_SIGMA_KM
) -> Trajectory:
    """The flight that a table describes, relative to `body`, from ET `first` to `last` and two minutes on either side.

    `sigma_km` is how far the table may be off in one coordinate.
    Positions counted from a moon's planet are carried over by the moon's theory, whose error then enters. Raises
    TrajectoryError where the table does not span that time, or is too short to be interpolated.
    """
    if len(table.et) < LEAST_ROWS:
        raise TrajectoryError(f"{table.name} has {len(table.et)} rows, but at least {LEAST_ROWS} are needed")
    inside = (table.et >= first) & (table.et <= last)
    if table.et[0] > first or table.et[-1] < last:
        raise TrajectoryError(
            f"{table.name} spans {_hours(table, first)}, but the strip needs {last - first:.0f} s from there: "
            "give a table that covers the strip with a minute on either side, or correct --start"
        )
    around = np.searchsorted(table.et, [first - _MARGIN_S, last + _MARGIN_S])
    # a little more than is asked for, as splines are worst at their ends
    low, high = max(around[0] - 2 * LEAST_ROWS, 0), min(around[1] + 2 * LEAST_ROWS, len(table.et))
    et = table.et[low:high]
    steps = np.diff(et)
    if steps.max() > max(_MARGIN_S, _GAP_STEPS * float(np.median(steps))):
        raise TrajectoryError(
            f"{table.name} has a gap of {steps.max():.0f} s beside or within the strip, too long to be bridged: "
            "give a table without it, or correct --start"
        )
    begin, end = max(first - _MARGIN_S, et[0]), min(last + _MARGIN_S, et[-1])
    spline, left_open_km = _smooth(et, _inertial(table)[low:high], table.rounding_km[low:high], (begin, end))
    if not left_open_km <= COARSEST_KM:
        raise TrajectoryError(
            f"{table.name} is too coarse or too rough to be interpolated: its rows leave {left_open_km:.1f} km open; "
            "give a table with a row every few seconds, without slips"
        )
    sigma_km = float(np.hypot(sigma_km, left_open_km))
    grid = np.linspace(begin, end, max(int((end - begin) / _STEP_S) + 2, 3))
    left = _inertial(table)[inside] - spline(table.et[inside]) if inside.any() else np.zeros((1, 3))
    position, velocity = np.asarray(spline(grid), dtype=float), np.asarray(spline(grid, 1), dtype=float)
    inner = min(sigma_km, INNER_SIGMA_KM)
    sigma = inner * np.repeat([1.0, SHARE_PER_S], 3)
    centre = _centre(table, body)
    flight = Trajectory(
        body=centre.name,
        source="table",
        et=grid,
        position_km=position,
        velocity_km_s=velocity,
        reference_et=0.5 * (first + last),
        covariance=np.diag(sigma**2),
        unseen_km=float(np.sqrt(sigma_km**2 - inner**2)),
        rms_km=float(np.sqrt(np.mean(np.sum(left**2, axis=1)))),
    )
    return flight if centre is body else trajectory_about(body, flight)


def _hours(table: PositionTable, first: float) -> str:
    """Where a table begins and ends, as seconds from the time that is needed."""
    return f"{table.et[0] - first:+.0f} to {table.et[-1] - first:+.0f} s from the strip's first frame"


def _centre(table: PositionTable, body: Body) -> Body:
    """The body that positions are counted from: the target itself, or the planet that it circles."""
    turning = frame_body(table.frame)
    name = table.centre or (body.name if turning is None else turning.name)
    if name == body.name:
        return body
    if body.parent is not None and parent_of(body).name == name:
        return parent_of(body)
    raise UsageError(f"{table.name} counts positions from {name}, of no use for a strip of {body.name}: give --target")


def _inertial(table: PositionTable) -> FloatArray:
    """The table's positions (n, 3) km in j2000."""
    turning = frame_body(table.frame)
    if turning is not None:
        out: FloatArray = np.einsum("nij,ni->nj", turning.body_from_j2000(table.et), table.position_km)
        return out
    if table.frame == ECLIPTIC:
        c, s = np.cos(OBLIQUITY), np.sin(OBLIQUITY)
        return np.asarray(table.position_km @ np.array([[1.0, 0.0, 0.0], [0.0, c, s], [0.0, -s, c]]), dtype=float)
    return table.position_km


def _smooth(
    et: FloatArray, position: FloatArray, rounding: FloatArray, span: tuple[float, float]
) -> tuple[BSpline, float]:
    """The coarsest spline that leaves no more than the rounding, or else the one through every point.

    With it how many km the rows leave open within `span`; 0 where they leave no more than the rounding.
    """
    # rounding to a unit scatters by its twelfth's root; a turned frame mixes the coordinates
    noise = np.sqrt(np.mean(rounding**2, axis=1, keepdims=True) / 12.0)
    pieces = 1
    while len(et) / pieces >= 3.0 and len(et) > pieces + _DEGREE + 3:
        inner = np.interp(np.linspace(0.0, len(et) - 1.0, pieces + 1)[1:-1], np.arange(len(et)), et)
        knots = np.concatenate([np.repeat(et[0], _DEGREE + 1), inner, np.repeat(et[-1], _DEGREE + 1)])
        spline = make_lsq_spline(et, position, knots, _DEGREE, w=1.0 / noise[:, 0])
        freedom = 3.0 * (len(et) - pieces - _DEGREE)
        if float(np.sum(((position - spline(et)) / noise) ** 2)) <= _TOLERANCE**2 * freedom:
            return spline, 0.0
        pieces *= 2
    spline = make_interp_spline(et, position, k=_DEGREE)
    return spline, _left_open(et, position, span)


def _left_open(et: FloatArray, position: FloatArray, span: tuple[float, float]) -> float:
    """How far the spline through all rows may be off within `span`, km, by how well each row is told by the others.

    A row left out doubles the step. Where that does not shrink the error by far, the step is too long for the orbit;
    so a quarter is taken, though it would be a tenth to a hundredth where the steps are short.
    """
    first, last = (int(at) for at in np.searchsorted(et, span))
    asked = np.arange(max(first - 1, 1), min(last + 1, len(et) - 1))
    worst = 0.0
    # rows that far apart do not feel each other's absence
    for turn in range(_APART):
        out = asked[turn::_APART]
        rest = np.delete(np.arange(len(et)), out)
        told = make_interp_spline(et[rest], position[rest], k=min(_DEGREE, len(rest) - 1))(et[out])
        worst = max(worst, float(np.max(np.linalg.norm(told - position[out], axis=1), initial=0.0)))
    return worst / _SHRINK
