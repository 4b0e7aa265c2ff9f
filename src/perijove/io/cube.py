"""ISIS cubes: a map as a .cub with the group Mapping that ISIS 3 and GDAL place it by.

A cube is a PVL label, padded, and the numbers behind it, band after band. They are always 32-bit floats here: among
integers ISIS keeps some for itself that a picture may hold. Base and Multiplier tell what they are worth; NULL is the
number where there is no data. A blob of text behind the numbers, String Perijove, holds the description
(`io.description`).

ISIS draws on the sphere that the label gives. Of planetographic maps it knows those that are linear in latitude:
equirectangular and sinusoidal, to be labelled with the ellipsoid itself, whose radius at the standard parallel the
plane's kilometres are counted in.
"""

from __future__ import annotations

import math
import re
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np

from perijove.errors import MapError, UsageError
from perijove.geometry.mapgrid import MapGrid
from perijove.io.atomic import Staged, written
from perijove.io.description import as_text, described
from perijove.raster import Raster, Rows

LABEL_BYTES = 65536
"""ISIS's usual room for a label; the numbers begin behind it, or behind a multiple of it."""
NULL = np.frombuffer(b"\xfb\xff\x7f\xff", "<f4")[0]
"""What ISIS writes where there is no data, -3.4028226550889045e+38 (SpecialPixel: NULL4)."""
PROJECTIONS = {
    "equirectangular": "Equirectangular",
    "sinusoidal": "Sinusoidal",
    "polar-north": "PolarStereographic",
    "polar-south": "PolarStereographic",
    "orthographic": "Orthographic",
    "laea": "LambertAzimuthalEqualArea",
}
"""ISIS's names of the projections. Of its PointPerspective nobody can be sure: the Distance in the label is from the
body's centre by its manual and for GDAL, but from the surface in its code."""
Value = str | float | int | tuple[float, str] | list[str]


def write_cube(raster: Raster, path: Path) -> None:
    """Write a raster as an ISIS cube, whole or not at all; a file that is there is replaced.

    Raises UsageError for perspective and planetographic maps that ISIS cannot place, OutputError where the disk fails.
    """
    with Staged() as staged:
        stage_cube(staged, raster, path)


def stage_cube(staged: Staged, raster: Raster, path: Path) -> None:
    """`write_cube` as one of several files that will appear together."""
    blob = as_text(raster).encode("ascii")
    count = len(raster.layers)
    plane = raster.width * raster.height * 4
    room = LABEL_BYTES
    while len(label := _label(raster, room, room + count * plane, len(blob))) > room:
        room += LABEL_BYTES
    with written(path), open(staged.reserve(path), "r+b") as file:
        file.write(label.ljust(room, b"\0"))
        for first, rows in raster.bands():
            for index, values in enumerate(rows):
                stored = values.astype("<f4")
                lacking = np.isnan(values) if raster.dtype == "float32" else values == 0
                stored[lacking] = NULL
                file.seek(room + index * plane + first * raster.width * 4)
                file.write(stored.tobytes())
        file.seek(room + count * plane)
        file.write(blob)


def read_cube(path: Path) -> Raster:
    """A map that `write_cube` wrote; its rows are read when they are asked for.

    Raises MapError for what is no cube, no map of Perijove's, or cut short.
    """
    try:
        with open(path, "rb") as file:
            label = file.read(16 * LABEL_BYTES).split(b"\0")[0].decode("ascii", "replace")
            if not label.lstrip().startswith("Object = IsisCube"):
                raise MapError(f"{path} is no ISIS cube: give a map that Perijove wrote")
            found = re.search(r"Object = String\s+Name\s+= Perijove\s+StartByte = (\d+)\s+Bytes\s+= (\d+)", label)
            core = re.search(r"Object = Core\s+StartByte\s+= (\d+)", label)
            if found is None or core is None:
                raise MapError(f"{path} is an ISIS cube, but no map of Perijove's: it lacks the blob Perijove")
            file.seek(int(found[1]) - 1)
            text = file.read(int(found[2]))
    except OSError as error:
        raise MapError(f"{path} cannot be read ({error.strerror or error}): check its name") from error
    if len(text) != int(found[2]):
        raise MapError(f"{path} is cut short: get it anew")
    start = int(core[1]) - 1

    def rows(first: int, last: int) -> Rows:
        count = (last - first) * raster.width
        out = np.empty((len(raster.layers), last - first, raster.width), np.float32)
        with open(path, "rb") as file:
            for index in range(len(out)):
                file.seek(start + (index * raster.height + first) * raster.width * 4)
                out[index] = np.fromfile(file, "<f4", count).reshape(last - first, raster.width)
        lacking = out == NULL
        if raster.dtype == "float32":
            out[lacking] = np.nan
            return out
        out[lacking] = 0.0
        return out.astype(raster.dtype)

    raster = described(text.decode("ascii", "replace"), path, rows)
    if int(found[1]) - 1 - start != len(raster.layers) * raster.height * raster.width * 4:
        raise MapError(f"{path}: the size in the label is not that of the numbers; get the cube anew")
    return raster


def mapping(grid: MapGrid) -> dict[str, Value]:
    """The keywords of the group Mapping of a map; UsageError for one that ISIS cannot place."""
    p = grid.projection
    sphere = (p.radius_km, p.radius_km)
    stretch = 1.0
    if p.kind not in PROJECTIONS:
        raise UsageError(
            f"a {p.kind} map cannot be an ISIS cube, for ISIS and GDAL would place it differently: write .tif, "
            "or map it with --projection orthographic"
        )
    if grid.latitudes == "graphic":
        if p.kind not in ("equirectangular", "sinusoidal"):
            raise UsageError(
                f"ISIS places a planetographic {p.kind} map elsewhere: make it with --latitudes centric, or write .tif"
            )
        sphere = (grid.body.radii_km[0], grid.body.radii_km[2])
        # ISIS counts in the radius at the standard parallel (the equator's in a sinusoidal map)
        stretch = (_radius(grid, p.latitude) if p.kind == "equirectangular" else sphere[0]) / p.radius_km
    scale_m = 1000.0 * grid.scale_km * stretch
    per_degree = math.radians(1000.0 * p.radius_km * stretch)
    centre = {"polar-north": 90.0, "polar-south": -90.0}.get(p.kind, math.degrees(p.latitude))
    south, north, west, east = _extent(grid)
    told: dict[str, Value] = {
        "ProjectionName": PROJECTIONS[p.kind],
        "CenterLongitude": (math.degrees(p.longitude), "degrees"),
    }
    if p.kind != "sinusoidal":
        told["CenterLatitude"] = (centre, "degrees")
    return told | {
        "TargetName": grid.body.name.capitalize(),
        "EquatorialRadius": (1000.0 * sphere[0], "meters"),
        "PolarRadius": (1000.0 * sphere[1], "meters"),
        "LatitudeType": f"Planeto{grid.latitudes}",
        "LongitudeDirection": "PositiveEast",
        "LongitudeDomain": 180 if west < 0.0 else 360,
        "MinimumLatitude": (south, "degrees"),
        "MaximumLatitude": (north, "degrees"),
        "MinimumLongitude": (west, "degrees"),
        "MaximumLongitude": (east, "degrees"),
        "UpperLeftCornerX": (1000.0 * grid.left_km * stretch, "meters"),
        "UpperLeftCornerY": (1000.0 * grid.top_km * stretch, "meters"),
        "PixelResolution": (scale_m, "meters/pixel"),
        "Scale": (per_degree / scale_m, "pixels/degree"),
        "Rotation": 0.0,
    }


def _radius(grid: MapGrid, latitude: float) -> float:
    """ISIS's local radius, km: it takes a latitude of either kind, rad, for a planetocentric one."""
    a, _, c = grid.body.radii_km
    return a * c / math.hypot(c * math.cos(latitude), a * math.sin(latitude))


def _extent(grid: MapGrid) -> tuple[float, float, float, float]:
    """South, north, west and east of what a map shows, deg: looked for at up to 129 x 129 places, poles included.

    West and east are -180 to 180, or 0 to 360 where the date line alone is crossed; all round where both are.
    """
    line = np.linspace(0.0, grid.height, 129)[:, None]
    sample = np.linspace(0.0, grid.width, 129)[None, :]
    latitude, longitude = np.moveaxis(grid.place_of(line, sample), -1, 0)
    seen = np.isfinite(latitude)
    shown = np.degrees(grid.shown_latitude(latitude[seen]))
    if not shown.size:
        return -90.0, 90.0, -180.0, 180.0
    south, north = float(shown.min()), float(shown.max())
    poles = [
        side
        for side in (-90.0, 90.0)
        for at in [grid.pixel_of(math.radians(side), grid.projection.longitude)]
        if 0.0 <= at[0] <= grid.height and 0.0 <= at[1] <= grid.width
    ]
    if poles:
        return min(south, *poles), max(north, *poles), -180.0, 180.0
    degrees = np.degrees(longitude[seen])
    west, east = float(degrees.min()), float(degrees.max())
    turned = np.mod(degrees, 360.0)
    if float(turned.max() - turned.min()) < east - west - 1e-6:
        west, east = float(turned.min()), float(turned.max())
    return (south, north, west, east) if east - west < 359.0 else (south, north, -180.0, 180.0)


def _label(raster: Raster, room: int, blob: int, blob_bytes: int) -> bytes:
    """The whole label, in the order and with the words of ISIS."""
    many = len(raster.layers) > 1
    names = [_quoted(layer.name) for layer in raster.layers]
    units = [_quoted(layer.unit or "none") for layer in raster.layers]
    core = [
        *_block("Dimensions", {"Samples": raster.width, "Lines": raster.height, "Bands": len(raster.layers)}),
        *_block("Pixels", {"Type": "Real", "ByteOrder": "Lsb", "Base": raster.offset, "Multiplier": raster.scale}),
    ]
    lines = [
        "Object = IsisCube",
        "  Object = Core",
        f"    StartByte   = {room + 1}",
        "    Format      = BandSequential",
    ]
    lines += [f"    {line}".rstrip() for line in core] + ["  End_Object"]
    origin = raster.origin
    archive: dict[str, Value] = {}
    for key, field in (("Title", "title"), ("Credit", "credit"), ("Software", "software")):
        if origin.get(field):
            archive[key] = _quoted(str(origin[field]))
    groups: dict[str, dict[str, Value]] = {
        "BandBin": {"Name": names if many else names[0], "Unit": units if many else units[0]}
    }
    if raster.grid is not None:
        groups["Mapping"] = mapping(raster.grid)
    if archive:
        groups["Archive"] = archive
    for name, keywords in groups.items():
        lines += ["", *(f"  {line}".rstrip() for line in _block(name, keywords))]
    lines += ["End_Object", "", "Object = Label", f"  Bytes = {room}", "End_Object", "", "Object = String"]
    lines += ["  Name      = Perijove", f"  StartByte = {blob + 1}", f"  Bytes     = {blob_bytes}", "End_Object", "End"]
    return ("\n".join(lines) + "\n").encode("ascii")


def _block(name: str, keywords: dict[str, Value]) -> list[str]:
    """The lines of a group."""
    width = max(len(key) for key in keywords)
    return [f"Group = {name}", *(f"  {key:<{width}} = {_text(value)}" for key, value in keywords.items()), "End_Group"]


def _text(value: Any) -> str:
    """A value in PVL; floats are exact to the last bit."""
    if isinstance(value, tuple):
        return f"{_text(value[0])} <{value[1]}>"
    if isinstance(value, list):
        return f"({', '.join(value)})"
    return repr(float(value)) if isinstance(value, float) else str(value)


def _quoted(text: str) -> str:
    """A text in PVL's quotes, in ASCII: letters without their accents."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return '"' + " ".join(plain.replace('"', "'").split()) + '"'
