"""Measurements in files: JSON with everything, CSV flat, GeoJSON for maps; each tells where its numbers come from.

GeoJSON is that of RFC 7946 (rings counter-clockwise and closed, longitudes of -180 to 180, what crosses the meridian of
180 cut there) by a prior arrangement that section 4 of it allows: coordinates are on the named body, not on Earth. The
member `crs` names its system (IAU_2015), as the older specification of 2008 did and QGIS and GDAL read.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perijove.bodies import Body
from perijove.geometry.mapgrid import MAP_RADIUS_KM, MapGrid
from perijove.geometry.projection import Projection
from perijove.io.crs import crs_of
from perijove.io.provenance import plain

FloatArray = NDArray[np.float64]
Kind = Literal["Point", "LineString", "Polygon"]
Piece = list[tuple[float, float]]

SCHEMA = "perijove-measurement-1"
DIGITS = 9
"""Decimals of a degree in GeoJSON: a tenth of a millimetre on Jupiter."""


@dataclass(frozen=True)
class Feature:
    """Something to be drawn on a map: `places` (n, 2), planetocentric latitude and east longitude in rad."""

    kind: Kind
    places: FloatArray
    properties: Mapping[str, object]


@dataclass(frozen=True)
class Measurement:
    """What was measured: its `kind`, the `body`, and the `surface` in words.

    `values` are told in JSON, `rows` in CSV, both with the units in their names; `features` go into GeoJSON. `origin`
    is the provenance, its first input the file that was measured on.
    """

    kind: str
    body: Body
    surface: str
    values: Mapping[str, object]
    rows: Sequence[Mapping[str, object]]
    features: Sequence[Feature]
    origin: Mapping[str, object] = field(default_factory=dict)


def as_object(measured: Measurement) -> dict[str, object]:
    """The whole of a measurement as a JSON object."""
    told = {
        "schema": SCHEMA,
        "measurement": measured.kind,
        "body": measured.body.name,
        "surface": measured.surface,
        "latitudes": "planetocentric",
        "longitudes": "east",
        **measured.values,
        "provenance": measured.origin,
    }
    return {key: plain(value) for key, value in told.items()}


def encode_json(measured: Measurement) -> bytes:
    """A measurement as JSON; what is not known is null."""
    return (json.dumps(as_object(measured), indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def encode_csv(measured: Measurement) -> bytes:
    """A measurement as CSV (RFC 4180), a row for each part, with its provenance in the last columns of each row.

    What is not known is an empty field.
    """
    names = list(dict.fromkeys(name for row in measured.rows for name in row))
    source = _source(measured)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["measurement", "body", *names, *source])
    for row in measured.rows:
        cells = [plain(row.get(name)) for name in names]
        writer.writerow([measured.kind, measured.body.name, *map(_cell, cells), *source.values()])
    return text.getvalue().encode()


def encode_geojson(measured: Measurement) -> bytes:
    """A measurement as a GeoJSON collection of features on its body."""
    features = [
        {"type": "Feature", "geometry": geometry(part.kind, part.places), "properties": plain(part.properties)}
        for part in measured.features
    ]
    name, authority = crs_name(measured.body)
    told = {
        "type": "FeatureCollection",
        **({} if authority is None else {"crs": {"type": "name", "properties": {"name": authority}}}),
        "body": measured.body.name,
        "coordinate_system": f"{name}; planetocentric latitude, longitude to the east, degrees",
        "features": features,
        "measurement": {key: value for key, value in as_object(measured).items() if key != "provenance"},
        "provenance": plain(measured.origin),
    }
    return (json.dumps(told, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def crs_name(body: Body) -> tuple[str, str | None]:
    """The system of planetocentric latitudes of a body in words, and its name in the registry as a URN, or None."""
    radius = MAP_RADIUS_KM.get(body.name)
    if radius is None:
        return f"{body.name.capitalize()}, body-fixed frame of the IAU", None
    grid = MapGrid(body, Projection("equirectangular", radius), "centric", 1.0, 0.0, 0.0, 1, 1)
    system = crs_of(grid).geodetic_crs
    assert system is not None
    code = system.to_authority()
    return system.name, None if code is None else f"urn:ogc:def:crs:{code[0].replace('_', ':')}:{code[1]}"


def geometry(kind: Kind, places: ArrayLike) -> dict[str, object]:
    """A geometry of RFC 7946 from places (n, 2), rad; cut at the meridian of 180 where it crosses it."""
    spots = np.degrees(np.asarray(places, dtype=float).reshape(-1, 2))
    latitude, longitude = spots[:, 0], spots[:, 1]
    if kind == "Point":
        return {"type": kind, "coordinates": _pair(float(_wrapped(longitude[0])), float(latitude[0]))}
    longitude = np.degrees(np.unwrap(np.radians(longitude)))
    longitude = longitude - 360.0 * np.floor((longitude.min() + 180.0) / 360.0)
    points = list(zip(longitude.tolist(), latitude.tolist(), strict=True))
    if kind == "LineString":
        pieces = [part for part in _cut_line(points) if len(part) > 1]
        lines = [[_pair(x, y) for x, y in part] for part in pieces]
        if len(lines) == 1:
            return {"type": kind, "coordinates": lines[0]}
        return {"type": "MultiLineString", "coordinates": lines}
    rings = [_ring(part) for part in _cut_ring(_around_pole(points))]
    if len(rings) == 1:
        return {"type": kind, "coordinates": rings}
    return {"type": "MultiPolygon", "coordinates": [[ring] for ring in rings]}


def _wrapped(longitude: ArrayLike) -> FloatArray:
    return np.asarray((np.asarray(longitude, dtype=float) + 180.0) % 360.0 - 180.0)


def _pair(longitude: float, latitude: float) -> list[float]:
    return [round(longitude, DIGITS) + 0.0, round(latitude, DIGITS) + 0.0]


def _cut_line(points: Piece) -> list[Piece]:
    """A line of unwrapped longitudes from -180 upwards as parts within -180 to 180."""
    parts: list[Piece] = [[]]
    turns = 0
    for k, (x, y) in enumerate(points):
        if k:
            before, height = points[k - 1]
            # each multiple of 360 beyond 180 that is passed ends one part and begins the next
            while abs(x - 360.0 * turns) > 180.0:
                step = 1 if x - 360.0 * turns > 180.0 else -1
                edge = 360.0 * turns + 180.0 * step
                at = height + (y - height) * ((edge - before) / (x - before) if x != before else 0.0)
                parts[-1].append((180.0 * step, at))
                turns += step
                parts.append([(-180.0 * step, at)])
        parts[-1].append((x - 360.0 * turns, y))
    return parts


def _around_pole(points: Piece) -> Piece:
    """A ring that goes once around a pole, closed by way of that pole; others as they are, without their last point."""
    ring = points[:-1] if _same(points[0], points[-1]) else points
    turned = points[-1][0] - points[0][0]
    if abs(turned) < 180.0:
        return ring
    end, start = points[-1], points[0]
    pole = 90.0 if np.mean([y for _, y in points]) > 0.0 else -90.0
    last = ring if end is ring[-1] else [*ring, end]
    if abs(abs(turned) - 360.0) > 1e-6:
        last = [*last, (start[0] + np.copysign(360.0, turned), start[1])]
    return [*last, (last[-1][0], pole), (start[0], pole)]


def _same(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return abs(one[0] - other[0]) < 1e-12 and abs(one[1] - other[1]) < 1e-12


def _cut_ring(points: Piece) -> list[Piece]:
    """A ring of unwrapped longitudes from -180 upwards as rings within -180 to 180."""
    out = []
    reach = max(x for x, _ in points)
    turns = 0
    while 360.0 * turns - 180.0 < reach:
        low, high = 360.0 * turns - 180.0, 360.0 * turns + 180.0
        part = _half(_half(points, low, 1.0), high, -1.0)
        if len(part) > 2 and abs(_signed_area(part)) > 1e-14:
            out.append([(x - 360.0 * turns, y) for x, y in part])
        turns += 1
    return out


def _half(points: Piece, edge: float, side: float) -> Piece:
    """The part of a ring where side (x - edge) >= 0 (Sutherland and Hodgman, CACM 17, 1974)."""
    out: Piece = []
    for k, (x, y) in enumerate(points):
        before, height = points[k - 1]
        inside, was = side * (x - edge) >= 0.0, side * (before - edge) >= 0.0
        if inside != was:
            out.append((edge, height + (y - height) * (edge - before) / (x - before)))
        if inside:
            out.append((x, y))
    return out


def _signed_area(points: Piece) -> float:
    x, y = np.array(points).T
    return 0.5 * float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))


def _ring(points: Piece) -> list[list[float]]:
    """A ring as GeoJSON wants it: counter-clockwise, its last point the first again."""
    turned = points if _signed_area(points) > 0.0 else points[::-1]
    return [_pair(x, y) for x, y in [*turned, turned[0]]]


def _source(measured: Measurement) -> dict[str, str]:
    """What each row of a CSV says of where its numbers come from."""
    origin = measured.origin
    inputs = origin.get("inputs")
    first = inputs[0] if isinstance(inputs, Sequence) and inputs else {}
    told = {
        "surface": measured.surface,
        "input": first.get("name"),
        "input_sha256": first.get("sha256"),
        "software": origin.get("software"),
        "credit": origin.get("credit"),
        "parameters": json.dumps(plain(origin.get("parameters", {})), ensure_ascii=False),
    }
    return {key: _cell(value) for key, value in told.items()}


def _cell(value: object) -> str:
    """A value as the text of a field."""
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list | bool) else str(value)
