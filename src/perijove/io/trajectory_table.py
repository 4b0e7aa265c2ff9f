"""A table of the spacecraft's positions: CSV with a header, as services and spreadsheets write it."""

from __future__ import annotations

import csv
import re
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from perijove.bodies import BODIES
from perijove.ephemeris.table import ECLIPTIC, INERTIAL, PositionTable, frame_body
from perijove.errors import PerijoveWarning, TrajectoryError, UsageError
from perijove.timescale import TimeError, et_from_utc

FloatArray = NDArray[np.float64]

MAX_TABLE_BYTES = 1 << 28
"""A day of positions each second has 5 MB."""
_TIMES = {"utc", "time", "time_utc", "utc_time", "epoch", "date", "datetime", "et", "et_s", "tdb_s", "time_et"}
_SECONDS = {"et", "et_s", "tdb_s", "time_et"}
_UNITS = {"": 1.0, "_km": 1.0, " (km)": 1.0, " [km]": 1.0, "_m": 1e-3, " (m)": 1e-3, " [m]": 1e-3}
_AXES = {f"{axis}{unit}": (k, scale) for k, axis in enumerate("xyz") for unit, scale in _UNITS.items()}
_DIGITS = re.compile(r"[+-]?[0-9]*(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,3}))?")
FARTHEST_KM, FARTHEST_OF_MOON_KM = 1e7, 1e6
"""Juno's widest orbit takes it 8 million km from Jupiter; from the second a moon is no more than a few pixels wide."""
_LARGEST = 1e13
"""Places and times beyond, m or s, are slips."""


def read_trajectory_table(path: Path | str, frame: str | None = None, centre: str | None = None) -> PositionTable:
    """The positions in a CSV file.

    Its header names a time (`utc`, or `et` in TDB seconds past J2000) and `x_km`, `y_km`, `z_km` (or `_m`; bare names
    are km); other columns are passed over, lines that begin with # too. Without `frame` it is guessed from the file's
    name or those lines: J2000 and the like, ECLIPJ2000, or IAU_ with a body's name; where these name another than
    `frame`, a PerijoveWarning says so. Raises TrajectoryError for what cannot be read, naming file and line, and for
    positions no closer than Juno ever was; UsageError where the frame is not to be guessed.
    """
    path = Path(path)
    text = _text(path)
    chosen = frame.upper() if frame else _guess(path, text)
    frame_body(chosen)
    _check_frame(chosen, path, text)
    plain = [(i, line) for i, line in enumerate(text.splitlines(), 1) if line.strip() and not line.startswith("#")]
    if not plain:
        raise TrajectoryError(f"{path} is empty: give a CSV with the columns utc,x_km,y_km,z_km")
    head = plain[0][1]
    delimiter = next((mark for mark in (",", ";", "\t") if mark in head), ",")
    names = [name.lower() for name in _cells(head, delimiter, path, plain[0][0])]
    time, axes = _columns(names, path)
    et = np.empty(len(plain) - 1)
    position, rounding = np.empty((len(et), 3)), np.empty((len(et), 3))
    for row, (number, line) in enumerate(plain[1:]):
        cells = _cells(line, delimiter, path, number)
        if len(cells) < len(names):
            raise TrajectoryError(f"{path}, line {number}: {len(cells)} of {len(names)} columns; correct the line")
        et[row] = _time(cells[time], names[time], path, number)
        for k, (column, scale) in enumerate(axes):
            position[row, k], rounding[row, k] = _number(cells[column], scale, path, number)
    backwards = np.flatnonzero(np.diff(et) <= 0)
    if len(backwards):
        number = plain[int(backwards[0]) + 2][0]
        raise TrajectoryError(f"{path}, line {number}: its time does not come after that before it; sort the table")
    if not len(et):
        raise TrajectoryError(f"{path} has no rows below its header: give one every few seconds around the strip")
    _check_distance(position, chosen, [names[column] for column, _ in axes], path)
    return PositionTable(et, position, rounding, chosen, str(path), _centre(centre))


def _text(path: Path) -> str:
    """The file's text."""
    try:
        if path.stat().st_size > MAX_TABLE_BYTES:
            raise TrajectoryError(f"{path} is larger than any table of positions: give the hours around the strip")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise TrajectoryError(f"{path} is no text: give a CSV with the columns utc,x_km,y_km,z_km") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise TrajectoryError(f"{path} cannot be read ({reason}): check the name and the permissions") from None


def _cells(line: str, delimiter: str, path: Path, number: int) -> list[str]:
    """The cells of a line, without the quotes and blanks around them."""
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))]
    except csv.Error as error:
        raise TrajectoryError(f"{path}, line {number}: {error}; give a CSV with utc,x_km,y_km,z_km") from None


def _named(path: Path, text: str) -> list[str]:
    """The frames that a file names, the one in its comments before the one in its own name."""
    comments = " ".join(line for line in text[:8192].splitlines() if line.startswith("#"))
    found = []
    for where in (comments, path.stem):
        upper = where.upper().replace("-", "_")
        named = (*(f"IAU_{body}" for body in BODIES), ECLIPTIC, *INERTIAL)
        found += [name for name in named if re.search(rf"(?<![A-Z0-9]){name}(?![A-Z0-9])", upper)][:1]
    return found


def _guess(path: Path, text: str) -> str:
    """The frame that a file names; UsageError where it names none, or two."""
    found = _named(path, text)
    if not found:
        raise UsageError(f"{path} does not tell its frame: give --frame J2000, or IAU_GANYMEDE and the like")
    if len(set(found)) > 1:
        raise UsageError(f"{path} has {found[0]} in its comments and {found[1]} in its name: say with --frame which")
    return found[0]


def _check_frame(chosen: str, path: Path, text: str) -> None:
    """Warn where the frame that was chosen is none of those that the file names."""
    named = _named(path, text)
    same = {chosen, *(INERTIAL if chosen in INERTIAL else ())}
    if named and not same & set(named):
        message = f"--frame {chosen} is taken though {path} names {named[-1]}: leave --frame out where that is right"
        warnings.warn(message, PerijoveWarning, stacklevel=3)


def _check_distance(position_km: FloatArray, frame: str, names: list[str], path: Path) -> None:
    """TrajectoryError for positions that are all farther off than Juno was when it saw something there."""
    nearest = float(np.linalg.norm(position_km, axis=1).min())
    body = frame_body(frame)
    most = FARTHEST_KM if body is None or body.name == "JUPITER" else FARTHEST_OF_MOON_KM
    if nearest > most:
        of = "" if body is None else f" from {body.name.capitalize()}"
        metres = any(_AXES[name][1] == 1.0 for name in names)
        remedy = "if these are metres, name the columns x_m,y_m,z_m" if metres else "check the columns and their units"
        raise TrajectoryError(
            f"{path} has no position within {most:.3g} km{of}, the nearest is {nearest:.4g}: {remedy}"
        )


def _columns(names: list[str], path: Path) -> tuple[int, list[tuple[int, float]]]:
    """The columns of the time and of the three coordinates, with the latter's unit in km."""
    times = [i for i, name in enumerate(names) if name in _TIMES]
    axes: dict[int, tuple[int, float]] = {}
    for i, name in enumerate(names):
        if name in _AXES:
            k, scale = _AXES[name]
            axes.setdefault(k, (i, scale))
    if not times or len(axes) < 3:
        shown = ascii(", ".join(names[:8])[:80])
        raise TrajectoryError(f"{path} has the columns {shown}, but utc,x_km,y_km,z_km are needed: name them so")
    return times[0], [axes[k] for k in range(3)]


def _time(cell: str, name: str, path: Path, number: int) -> float:
    """A cell's ET."""
    if name in _SECONDS:
        return _number(cell, 1.0, path, number)[0]
    try:
        return et_from_utc(cell)
    except TimeError as error:
        raise TrajectoryError(f"{path}, line {number}: {error}") from None


def _number(cell: str, scale: float, path: Path, number: int) -> tuple[float, float]:
    """A cell's number, and the unit of its last digit; that of six figures where zeros at the end were left out."""
    match = _DIGITS.fullmatch(cell)
    try:
        value = float(cell)
    except ValueError:
        match = None
    if match is None or not abs(value) < _LARGEST:
        raise TrajectoryError(f"{path}, line {number}: {cell[:40]!r} is no number that can be; correct the line")
    unit = 10.0 ** max(min(int(match[2] or 0) - len(match[1] or ""), 10), -12)
    return value * scale, unit * scale


def _centre(name: str | None) -> str | None:
    """The name of the body that positions are counted from."""
    if name is None:
        return None
    if name.upper() not in BODIES:
        raise UsageError(f"{name} is no body that is known here: give one of {', '.join(BODIES)}")
    return name.upper()
