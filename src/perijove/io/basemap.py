"""Basemaps: any map of a body, as light in longitude and planetocentric latitude.

Maps of this package are read by their own description. Any other raster with a coordinate system is taken through
pyproj: what is drawn on a sphere, or called ocentric, has planetocentric latitudes, what lies on an ellipsoid
planetographic ones. A picture without a system must show the whole globe, twice as wide as high, north up and east to
the right.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from perijove.attitude.basemap import Basemap
from perijove.bodies import BODIES, Body
from perijove.errors import MapError, UsageError
from perijove.geometry.ellipsoid import graphic_from_centric
from perijove.instrument import Filter
from perijove.io.maps import map_formats, read_map
from perijove.raster import Raster

FloatArray = NDArray[np.float64]
Plane = NDArray[np.float32]
PixelOf = Callable[[FloatArray, FloatArray], FloatArray]
"""From planetocentric latitude and east longitude, rad, to the continuous pixel (..., 2) as (line, sample)."""

MOST_PX = 48e6
"""Largest map that is held, px: Ganymede as a whole at 1.7 km a pixel; finer ones are averaged."""
LONGEST_PX = 32000
"""Most columns or rows that are held: pixels are looked up with sixteen bits."""
_RADIUS_SLACK = 0.01
"""Relative difference between the radius of a map's sphere and those of the body that is still taken for the same."""
_ROWS = 256
_NAMES = {band.value: band for band in Filter}
_CENTRIC = re.compile(r"(?<![a-z])(planetocentric|ocentric|sphere)(?![a-z])")
_GRAPHIC = re.compile(r"(?<![a-z])(planetographic|ographic)(?![a-z])")
_REMEDY = "give it the system of the body, IAU_2015 for example, or strip it of its own and name --tie-centre"


@dataclass(frozen=True)
class _Sheet:
    """A raster's light by name and where its pixels lie: `light` maps '' (all it has, as one) or filters' names to
    (h, w) arrays, `pixel_of` places, and `step` is the size of a pixel on the ground, rad."""

    light: Mapping[str, Plane]
    pixel_of: PixelOf
    place_of: PixelOf
    step: float


def read_basemap(path: Path, body: Body, *, centre_deg: float | None = None) -> Basemap:
    """The map in a file, drawn anew in longitude and planetocentric latitude at its own resolution.

    `centre_deg` is the east longitude of the middle of a picture without a coordinate system. Bands called RED, GREEN,
    BLUE or METHANE stand for the filters, and the mean of all colours for the light. Raises MapError for a file that
    cannot be read, holds no light, or shows another body; UsageError where `centre_deg` is missing or makes no sense.
    """
    if not path.exists():
        raise MapError(f"{path} is not there: check its name")
    sheet = _own(path, body) or _foreign(path, body, centre_deg)
    return _redrawn(sheet, path, body)


def _own(path: Path, body: Body) -> _Sheet | None:
    """A map that one of this package's readers places; None where none does."""
    if path.suffix.lower() not in map_formats():
        return None
    try:
        raster = read_map(path)
    except MapError:
        return None
    grid = raster.grid
    if grid is None:
        return None
    if grid.body.name != body.name:
        raise MapError(f"{path} is a map of {grid.body.name}, not of {body.name}: give a map of {body.name}")
    times = _averaged(raster.width, raster.height)
    step = times * grid.scale_km / grid.projection.radius_km

    def pixel_of(latitude: FloatArray, longitude: FloatArray) -> FloatArray:
        return grid.pixel_of(latitude, longitude) / times

    def place_of(line: FloatArray, sample: FloatArray) -> FloatArray:
        return grid.place_of(line * times, sample * times)

    return _Sheet(_layers(raster, path, times), pixel_of, place_of, step)


def _layers(raster: Raster, path: Path, times: int) -> dict[str, Plane]:
    """Light of the layers of a raster, averaged over `times` x `times` pixels: the filters', or all as one."""
    index = {layer.name.upper(): k for k, layer in enumerate(raster.layers) if layer.role == "light"}
    if not index:
        raise MapError(f"{path} holds no light, only {', '.join(layer.name for layer in raster.layers)}: give another")
    index = {name: k for name, k in index.items() if name in _NAMES} or index
    parts: dict[str, list[Plane]] = {name: [] for name in index}
    rest: dict[str, Plane] = {}
    for _, rows in raster.bands():
        for name, k in index.items():
            light = rows[k].astype(np.float32)
            if raster.dtype != "float32":
                light = np.where(rows[k] == 0, np.float32(np.nan), light * raster.scale + raster.offset)
            light = np.concatenate([rest[name], light]) if name in rest else light
            whole = len(light) // times * times
            parts[name].append(_means(light[:whole], times))
            rest[name] = light[whole:]
    return {name: np.concatenate(found).astype(np.float32) for name, found in parts.items()}


def _averaged(width: int, height: int) -> int:
    """Over how many pixels each way a raster is averaged so as not to be too large."""
    return max(1, math.ceil(math.sqrt(width * height / MOST_PX)))


def _means(light: Plane, times: int) -> Plane:
    """Means over blocks, NaN where any pixel is; what is left over at the right is cut off."""
    if times == 1:
        return light
    rows, columns = (size // times for size in light.shape)
    kept = light[: rows * times, : columns * times]
    return np.asarray(kept.reshape(rows, times, columns, times).mean(axis=(1, 3)), dtype=np.float32)


def _foreign(path: Path, body: Body, centre_deg: float | None) -> _Sheet:
    """A raster that another program made."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            with rasterio.open(path) as source:
                times = _averaged(source.width, source.height)
                light = _read(source, path, times)
                if source.crs is None:
                    return _globe(source, path, light, centre_deg, times)
                wkt, transform = source.crs.to_wkt(version="WKT2_2019"), source.transform
                shape = (source.height, source.width)
        except RasterioError as error:
            raise MapError(f"{path} cannot be read as a map ({error}): check that it is complete") from error
    return _placed(path, body, light, wkt, transform, shape, times)


def _read(source: Any, path: Path, times: int) -> dict[str, Plane]:
    """The light of a file's bands by name, NaN where the file says that there is none."""
    names = [(text or "").strip().upper() for text in source.descriptions]
    colours = ["" if c is None else c.name.upper() for c in source.colorinterp]
    light: dict[str, Plane] = {}
    for k, (name, colour) in enumerate(zip(names, colours, strict=True)):
        if colour == "ALPHA":
            continue
        if np.dtype(source.dtypes[k]).kind == "c":
            raise MapError(f"{path} holds complex numbers: convert it to plain ones")
        key = name if name in _NAMES else colour if colour in _NAMES else name or f"BAND {k + 1}"
        light[key] = _band(source, k + 1, times)
    return {name: plane for name, plane in light.items() if name in _NAMES} or light


def _band(source: Any, index: int, times: int) -> Plane:
    """A band's light averaged over `times` x `times` pixels, strip by strip, as a large map does not fit as a whole."""
    parts = []
    for first in range(0, source.height // times * times, _ROWS * times):
        rows = min(_ROWS * times, source.height // times * times - first)
        read = source.read(index, masked=True, window=Window(0, first, source.width, rows))
        parts.append(_means(np.asarray(read.astype(np.float32).filled(np.nan), dtype=np.float32), times))
    return np.concatenate(parts)


def _globe(source: Any, path: Path, light: dict[str, Plane], centre_deg: float | None, times: int) -> _Sheet:
    """A picture of the whole globe, about a longitude that the user names."""
    if centre_deg is None:
        raise UsageError(
            f"{path} has no coordinate system: name the east longitude of its middle with --tie-centre, 0 or 180 as a "
            "rule, if it is a map of the whole globe"
        )
    if not abs(centre_deg) <= 360.0:
        raise UsageError(f"--tie-centre {centre_deg:g} is no longitude: give degrees east")
    if source.width != 2 * source.height:
        raise UsageError(
            f"{path} has {source.width} x {source.height} px and no coordinate system: a map of the whole globe is "
            "twice as wide as high"
        )
    step = 2.0 * math.pi / source.width * times
    west = math.radians(centre_deg) - math.pi

    def pixel_of(latitude: FloatArray, longitude: FloatArray) -> FloatArray:
        aside = np.mod(longitude - west, 2.0 * np.pi)
        return np.stack([(0.5 * np.pi - latitude) / step, aside / step], axis=-1)

    def place_of(line: FloatArray, sample: FloatArray) -> FloatArray:
        return np.stack([0.5 * np.pi - line * step, west + sample * step], axis=-1)

    return _Sheet(light, pixel_of, place_of, step)


def _placed(
    path: Path, body: Body, light: dict[str, Plane], wkt: str, transform: Any, shape: tuple[int, int], times: int
) -> _Sheet:
    """A raster with a coordinate system of another program's making."""
    from pyproj import CRS, Proj
    from pyproj.exceptions import CRSError

    try:
        crs = CRS.from_user_input(wkt)
        ellipsoid = crs.ellipsoid
        if ellipsoid is None:
            raise CRSError("it names no ellipsoid")
        with warnings.catch_warnings():
            # what a string of PROJ cannot hold, names and directions, is taken from the system itself
            warnings.simplefilter("ignore", UserWarning)
            plane = None if crs.is_geographic else Proj(crs.to_proj4())
    except CRSError as error:
        raise MapError(f"{path}: its coordinate system cannot be used ({error}); {_REMEDY}") from error
    words = " ".join([crs.name, crs.geodetic_crs.name if crs.geodetic_crs else "", ellipsoid.name, str(crs.datum)])
    _check_body(path, body, words.lower().replace("_", " "), ellipsoid.semi_major_metre / 1000.0)
    flat = ellipsoid.semi_minor_metre < ellipsoid.semi_major_metre
    named_graphic, named_centric = (pattern.search(words.lower()) for pattern in (_GRAPHIC, _CENTRIC))
    graphic = bool(named_graphic or (flat and not named_centric)) and body.radii_km[0] == body.radii_km[1]
    unit = math.radians(1.0) if plane is None else crs.axis_info[0].unit_conversion_factor
    sign = -1.0 if any(axis.direction.lower() == "west" for axis in crs.axis_info) else 1.0
    onto = ~transform

    def pixel_of(latitude: FloatArray, longitude: FloatArray) -> FloatArray:
        shown = graphic_from_centric(latitude, body.radii_km) if graphic else latitude
        if plane is None:
            # a file may count from 0 to 360 as well as from -180 to 180
            left = transform.c * unit * sign
            first = left if sign > 0.0 else left - shape[1] * abs(transform.a) * unit
            x, y = sign * (first + np.mod(longitude - first, 2.0 * np.pi)) / unit, shown / unit
        else:
            x, y = plane(np.degrees(longitude), np.degrees(shown))
            x, y = sign * np.asarray(x) / unit, np.asarray(y) / unit
        column, row = _applied(onto, x, y)
        return np.stack([row, column], axis=-1) / times

    def place_of(line: FloatArray, sample: FloatArray) -> FloatArray:
        x, y = _applied(transform, sample * times, line * times)
        if plane is None:
            longitude, latitude = sign * x * unit, y * unit
        else:
            longitude, latitude = (np.radians(a) for a in plane(sign * x * unit, y * unit, inverse=True))
        return np.stack([_centric(latitude, body) if graphic else latitude, longitude], axis=-1)

    size = math.sqrt(abs(transform.determinant)) * unit * times
    return _Sheet(light, pixel_of, place_of, size if plane is None else size / ellipsoid.semi_major_metre)


def _applied(transform: Any, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What an affine transform makes of x and y: its operator is another in each of its versions."""
    a, b, c, d, e, f = tuple(transform)[:6]
    # what does not lie on a map at all is infinitely far from it
    with np.errstate(invalid="ignore"):
        return a * x + b * y + c, d * x + e * y + f


def _centric(latitude: FloatArray, body: Body) -> FloatArray:
    from perijove.geometry.ellipsoid import centric_from_graphic

    return centric_from_graphic(latitude, body.radii_km)


def _check_body(path: Path, body: Body, words: str, radius_km: float) -> None:
    """Refuse, with MapError, a coordinate system that is another body's."""
    others = [name for name in BODIES if name != body.name and name.lower() in words.split()]
    if others and body.name.lower() not in words.split():
        raise MapError(f"{path} is a map of {others[0]}, not of {body.name}: give a map of {body.name}")
    if not min(body.radii_km) * (1 - _RADIUS_SLACK) < radius_km < max(body.radii_km) * (1 + _RADIUS_SLACK):
        raise MapError(
            f"{path} is drawn for a body of {radius_km:.1f} km, and {body.name} has {max(body.radii_km):.1f} km; if it "
            f"does show {body.name}, {_REMEDY}"
        )


def _redrawn(sheet: _Sheet, path: Path, body: Body) -> Basemap:
    """A sheet's light on lines of equal latitude and longitude, as far as it reaches."""
    shape = next(iter(sheet.light.values())).shape
    north, south, west, width = _extent(sheet, shape)
    step = sheet.step
    step = max(step, math.sqrt((north - south) * width / MOST_PX), max(width, north - south) / LONGEST_PX)
    columns = math.ceil(width / step) if width < 2.0 * math.pi else max(4, round(2.0 * math.pi / step))
    if width >= 2.0 * math.pi:
        step = 2.0 * math.pi / columns
    rows = max(1, math.ceil((north - south) / step))
    out = {name: np.empty((rows, columns), np.float32) for name in sheet.light}
    longitude = west + (np.arange(columns) + 0.5) * step
    for first in range(0, rows, _ROWS):
        latitude = north - (np.arange(first, min(first + _ROWS, rows)) + 0.5) * step
        beyond = np.abs(latitude) > 0.5 * np.pi
        places = np.broadcast_arrays(np.clip(latitude, -0.5 * np.pi, 0.5 * np.pi)[:, None], longitude[None])
        found = sheet.pixel_of(*places)
        at = np.where(np.isfinite(found), found - 0.5, -1e6).astype(np.float32)
        for name, light in sheet.light.items():
            drawn = _sampled(light, at)
            drawn[beyond] = np.nan
            out[name][first : first + len(latitude)] = drawn
    if not any(np.isfinite(plane).any() for plane in out.values()):
        raise MapError(f"{path} holds no light where {body.name} is: give a map with data")
    bands = {_NAMES[name]: plane for name, plane in out.items() if name in _NAMES}
    planes = list(out.values())
    light = planes[0] if len(planes) == 1 else np.mean(planes, axis=0, dtype=np.float32)
    return Basemap(body.name, str(path), light, north, west, step, sheet.step, bands)


def _sampled(light: Plane, at: Plane) -> Plane:
    """Light at (line, sample) as indices; pixels at the rim are run on by half, NaN beyond."""
    if max(light.shape) >= 32767:
        raise MapError(f"a map of {light.shape[1]} x {light.shape[0]} px is too long to be read: cut it")
    line, sample = at[..., 0], at[..., 1]
    inside = (
        (line > -0.5001) & (line < light.shape[0] - 0.4999) & (sample > -0.5001) & (sample < light.shape[1] - 0.4999)
    )
    out = cv2.remap(light, sample, line, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.where(inside, out, np.float32(np.nan)).astype(np.float32)


def _extent(sheet: _Sheet, shape: tuple[int, ...]) -> tuple[float, float, float, float]:
    """North and south end, west end and width (rad) of what a sheet shows; a whole turn where it shows nearly that."""
    lines, samples = (np.linspace(0.0, size, 200) for size in shape)
    places = sheet.place_of(*np.meshgrid(lines, samples, indexing="ij"))
    # off the map's own edge some projections give places that they do not show
    with np.errstate(invalid="ignore"):
        places = places[np.isfinite(places).all(axis=-1) & (np.abs(places[..., 0]) <= 0.5 * np.pi + 1e-9)]
    room = 2.0 * max(shape) / 199.0 * sheet.step
    north = min(float(places[:, 0].max()) + room, 0.5 * np.pi)
    south = max(float(places[:, 0].min()) - room, -0.5 * np.pi)
    longitude = np.unique(np.mod(places[:, 1], 2.0 * np.pi))
    gaps = np.diff(longitude, append=longitude[0] + 2.0 * np.pi)
    widest = int(np.argmax(gaps))
    if gaps[widest] < max(3.0 * room, math.radians(5.0)):
        west = float(np.mod(sheet.place_of(np.array(shape[0] / 2.0), np.array(0.0))[1], 2.0 * np.pi))
        return north, south, west if np.isfinite(west) else 0.0, 2.0 * np.pi
    west = float(longitude[(widest + 1) % len(longitude)]) - room
    return north, south, west, min(2.0 * np.pi - float(gaps[widest]) + 2.0 * room, 2.0 * np.pi)
