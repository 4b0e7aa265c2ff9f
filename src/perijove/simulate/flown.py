"""Flown: a true path from a table of positions, such as the mission's own reconstruction gives."""

from __future__ import annotations

import csv
import io

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline, make_interp_spline, make_lsq_spline

from perijove.bodies import Body
from perijove.errors import UsageError
from perijove.simulate.frames import j2000_from_body
from perijove.simulate.motion import Flight
from perijove.timescale import TimeError, et_from_utc

FloatArray = NDArray[np.float64]

COLUMNS = ("utc", "x_km", "y_km", "z_km")
INERTIAL = "J2000"
DEGREE = 5
KNOT_S = 30.0
"""Between the knots of a smooth path: tens of km of flight past a moon bend by far less than a quintic can follow."""
LEAST_A_KNOT = 8
"""Rows between knots from which on the rounding of a table is worth smoothing."""
STEP_S = 5.0
"""Of the states that the path is joined from."""
SHORTEST_S = 600.0
LEAST_ROWS, MOST_ROWS = 12, 200_000


def flight_from_table(text: str, frame: str, body: Body, where: str) -> Flight:
    """The path past `body` that a CSV with the columns utc, x_km, y_km, z_km holds.

    `frame` is J2000 about the body, or the body's own, IAU_ with its name. Positions are turned to j2000 before
    anything is put between them, for a turning frame bends the path. Where there are many rows a quintic with a knot
    each 30 s goes between them by least squares, so that their rounding makes no jolts; else it goes through each.
    `where` names the file in messages. Raises UsageError for a table that cannot be read or makes no path.
    """
    if frame.upper() not in (INERTIAL, f"IAU_{body.name}"):
        raise UsageError(f"{where}: frame {frame} does not go with {body.name}: give {INERTIAL} or IAU_{body.name}")
    et, place = _rows(text, where)
    if frame.upper() != INERTIAL:
        place = np.einsum("nij,nj->ni", j2000_from_body(body, et), place)
    if np.linalg.norm(place, axis=1).min() < min(body.radii_km):
        raise UsageError(f"{where}: the path goes through {body.name}: check its frame, units and target")
    path = _path(et, place)
    grid = np.linspace(et[0], et[-1], max(2, int((et[-1] - et[0]) / STEP_S) + 2))
    return Flight(body, grid, np.asarray(path(grid)), np.asarray(path(grid, 1)))


def _path(et: FloatArray, place: FloatArray) -> BSpline:
    """A quintic spline of places (n, 3) km."""
    knots = int((et[-1] - et[0]) / KNOT_S)
    if float(np.diff(et).max()) * LEAST_A_KNOT > KNOT_S:
        return make_interp_spline(et, place, DEGREE)
    inner = np.linspace(et[0], et[-1], knots + 1)[1:-1]
    ends = np.repeat(et[[0, -1]], DEGREE + 1)
    return make_lsq_spline(et, place, np.concatenate([ends[: DEGREE + 1], inner, ends[DEGREE + 1 :]]), DEGREE)


def _rows(text: str, where: str) -> tuple[FloatArray, FloatArray]:
    """ET (n,) and places (n, 3) km of the table."""
    reader = csv.DictReader(io.StringIO(text))
    names = [(name or "").strip() for name in reader.fieldnames or ()]
    if not set(COLUMNS) <= set(names):
        raise UsageError(f"{where} has no columns {', '.join(COLUMNS)}: give a CSV whose first line names them")
    reader.fieldnames = names
    et: list[float] = []
    place: list[list[float]] = []
    try:
        for row in reader:
            if len(et) >= MOST_ROWS:
                raise UsageError(f"{where} has more than {MOST_ROWS} rows: give the hour around the shots")
            et.append(et_from_utc((row["utc"] or "").strip()))
            place.append([float(row[axis] or "nan") for axis in COLUMNS[1:]])
    except (TimeError, ValueError, csv.Error) as error:
        raise UsageError(f"{where}, line {reader.line_num}: {error}; correct the line") from None
    times, places = np.array(et), np.array(place).reshape(-1, 3)
    if not (np.diff(times) > 0).all() or not np.isfinite(places).all():
        raise UsageError(f"{where}: its times do not rise, or numbers are missing: sort and fill the table")
    if len(times) < LEAST_ROWS or times[-1] - times[0] < SHORTEST_S:
        raise UsageError(f"{where} is too short for a pass: give ten minutes and {LEAST_ROWS} rows at least")
    return times, places
