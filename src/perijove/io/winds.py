"""Zonal winds in files: a profile as CSV, with what was measured, by what, and where it comes from above it.

Lines that begin with # are for people: a title, what the columns are, the pairs of strips, and the provenance.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from perijove.bodies import Body
from perijove.errors import UsageError
from perijove.geometry.ellipsoid import centric_from_graphic, graphic_from_centric
from perijove.io.provenance import plain
from perijove.mosaic.drift import MeasuredWinds, WindPair
from perijove.winds import ZonalWinds

FloatArray = NDArray[np.float64]

COLUMNS = (
    "latitude_centric_deg", "latitude_graphic_deg", "east_m_s", "sigma_m_s", "ties", "ties_m_s", "ties_sigma_m_s",
    "usual_m_s", "usual_sigma_m_s",
)  # fmt: skip
EXPLAINED = (
    "east_m_s, sigma_m_s: eastward wind in the body's rotating frame and its standard deviation, the best known now",
    "ties, ties_m_s, ties_sigma_m_s: places found again in a bin about the latitude, and the wind by them alone",
    "usual_m_s, usual_sigma_m_s: the wind that was known before",
)
MAX_BYTES = 4_000_000
"""A profile of a thousandth of a degree has as many."""
FASTEST_M_S = 2000.0
"""No planet's wind blows faster: numbers beyond are slips, of units first."""
_HINT = "give a CSV with the columns latitude_centric_deg (or latitude_graphic_deg), east_m_s, sigma_m_s"


def encode_winds(measured: MeasuredWinds, origin: Mapping[str, object]) -> bytes:
    """A measured profile as CSV: a row for each latitude of the refined one and for the middle of each bin.

    `origin` is the provenance (see `io.provenance`). What is not known is an empty field.
    """
    text = io.StringIO()
    for line in _head(measured, origin):
        # whatever a name holds, a line stays one line
        text.write("# " + " ".join(line.split()) + "\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    bins = {_degrees(middle): k for k, middle in enumerate(measured.latitude)}
    table = {_degrees(latitude): float(latitude) for latitude in (*measured.refined.latitude, *measured.latitude)}
    graphic = measured.body.radii_km[0] == measured.body.radii_km[1]
    for key in sorted(table, key=float):
        latitude, k = table[key], bins.get(key)
        other = _degrees(float(graphic_from_centric(latitude, measured.body.radii_km))) if graphic else ""
        ties = ("", "", "")
        if k is not None:
            ties = (str(measured.count[k]), _speed(measured.speed_m_s[k]), _speed(measured.sigma_m_s[k]))
        now = [_speed(float(value(latitude))) for value in (measured.refined.speed, measured.refined.sigma)]
        before = [_speed(float(value(latitude))) for value in (measured.usual.speed, measured.usual.sigma)]
        writer.writerow([key, other, *now, *ties, *before])
    return text.getvalue().encode()


def read_winds(path: Path | str, body: Body) -> ZonalWinds:
    """A profile from a CSV file, such as `encode_winds` writes or one's own.

    Its header names a latitude (`latitude_centric_deg`, else `latitude_graphic_deg`), `east_m_s`, and `sigma_m_s`,
    which may be missing (then 0: the profile is taken as it is); other columns are passed over, lines that begin with
    # too. Raises UsageError for what is no such file, naming it and the line.
    """
    path = Path(path)
    text = _text(path)
    lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip() and not line.startswith("#")]
    if len(lines) < 3:
        raise UsageError(f"{path} holds no profile of winds: {_HINT}, two rows or more")
    names = [name.strip().lower() for name in next(csv.reader([lines[0][1]]))]
    kind = next((name for name in COLUMNS[:2] if name in names), None)
    if kind is None or "east_m_s" not in names:
        raise UsageError(f"{path}, line {lines[0][0]}: there is no column of latitude or of east_m_s: {_HINT}")
    wanted = [names.index(kind), names.index("east_m_s")]
    wanted += [names.index("sigma_m_s")] if "sigma_m_s" in names else []
    rows = [_numbers(next(csv.reader([line])), wanted, path, number) for number, line in lines[1:]]
    table = np.array(sorted(rows))
    if (np.abs(table[:, 0]) > 90.0).any() or (np.diff(table[:, 0]) <= 0.0).any():
        raise UsageError(f"{path}: latitudes must lie between -90 and 90 deg, each given once: correct the table")
    latitude = np.radians(table[:, 0])
    if kind == COLUMNS[1]:
        latitude = centric_from_graphic(latitude, body.radii_km)
    sigma = table[:, 2] if len(wanted) > 2 else np.zeros(len(table))
    return ZonalWinds(latitude, table[:, 1], sigma, path.name)


def _head(measured: MeasuredWinds, origin: Mapping[str, object]) -> list[str]:
    """What is said above the table."""
    title = f"Zonal wind of {measured.body.name.capitalize()}, planetocentric and planetographic latitude"
    known = {key: plain(origin[key]) for key in ("software", "credit", "inputs", "parameters") if key in origin}
    return [
        title,
        *EXPLAINED,
        f"profile: {measured.refined.source}",
        *(_pair(pair) for pair in measured.pairs),
        *(f"{key}: {value if isinstance(value, str) else json.dumps(value)}" for key, value in known.items()),
    ]


def _pair(pair: WindPair) -> str:
    """What is said of a pair of strips."""
    east, north = pair.offset_px
    return (
        f"pair: {pair.first} and, {pair.seconds:.1f} s later, {pair.second}: {pair.count} ties; a native px spans "
        f"{pair.native_km:.1f} km; to the north they leave {pair.latitude_px:.3f} px in the median; offset {east:.3f} "
        f"px to the east, {north:.3f} px to the north, taken for pointing and wind together"
    )


def _degrees(latitude: float) -> str:
    """A latitude in rad as the file has it, without a minus before a nought."""
    return f"{round(float(np.degrees(latitude)), 4) + 0.0:.4f}"


def _speed(value: float) -> str:
    return f"{round(float(value), 2) + 0.0:.2f}"


def _text(path: Path) -> str:
    """The file's text; UsageError where there is none."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UsageError(f"{path} is too large for a profile of winds: {_HINT}")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{path} is no text: {_HINT}") from None
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}; name a profile of winds") from None


def _numbers(cells: Sequence[str], wanted: Sequence[int], path: Path, line: int) -> tuple[float, ...]:
    """Latitude, speed and, where there is one, sigma of a row."""
    try:
        values = tuple(float(cells[k]) for k in wanted)
    except (IndexError, ValueError):
        raise UsageError(f"{path}, line {line}: a number is missing or is none: correct the line") from None
    if not np.isfinite(values).all() or abs(values[1]) > FASTEST_M_S or min(values[2:], default=0.0) < 0.0:
        raise UsageError(f"{path}, line {line}: {values[1]:g} m/s is no wind: give m/s and sigmas from 0 up")
    return values
