"""Zarr v3: a map as a folder X.zarr that xarray opens, a variable a layer, by the CF conventions.

Rows run southwards as in a picture; `x` and `y` are the pixels' centres in metres. The variable `crs` holds the
coordinate system as WKT and as CF's words where it has them, and the transform where rioxarray looks for it. Chunks
are squares of 512; those without data are not stored, and the attribute `stored_chunks` of each layer tells how many
are, as a lost one would pass for empty. The attribute `perijove` of the group is the description (`io.description`).
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perijove.calibrate.quality import Quality
from perijove.errors import MapError, OutputError
from perijove.geometry.mapgrid import MapGrid
from perijove.io.atomic import Staged, written
from perijove.io.crs import authority_of, crs_of, transform_of
from perijove.io.description import as_text, described, distinct
from perijove.io.extras import need
from perijove.io.provenance import text_fields
from perijove.io.quality import NONE, from_integers, to_integers
from perijove.raster import BAND_ROWS, Layer, Raster, Rows

CHUNK = BAND_ROWS
CONVENTIONS = "CF-1.11"
_FIELDS = {"Title": "title", "Author": "credit", "Copyright": "licence", "Software": "software"}
_MAPPINGS = {
    "sinusoidal": "sinusoidal",
    "polar-north": "polar_stereographic",
    "polar-south": "polar_stereographic",
    "orthographic": "orthographic",
    "laea": "lambert_azimuthal_equal_area",
    "perspective": "vertical_perspective",
}
"""CF's names of the projections."""
_TAKEN = ("x", "y", "crs", "lat", "lon")
_STORED = "stored_chunks"


def write_zarr(raster: Raster, path: Path) -> None:
    """Write a raster as a Zarr store, whole or not at all; a store that is there is replaced.

    Floats are stored as they are, NaN where there is no data; integers with scale_factor, add_offset and _FillValue;
    quality as 16-bit integers with flag_masks. Raises UsageError without zarr, OutputError where the disk fails, a
    folder of that name is no store, or a quality layer holds what is no bits.
    """
    with Staged() as staged:
        stage_zarr(staged, raster, path)


def stage_zarr(staged: Staged, raster: Raster, path: Path) -> None:
    """`write_zarr` as one of several files that will appear together."""
    zarr = need("zarr", "zarr", "Zarr")
    if path.is_dir() and any(path.iterdir()) and not (path / "zarr.json").is_file():
        raise OutputError(f"cannot write {path}: it is a folder that holds other things; give another name")
    with written(path):
        folder = staged.reserve(path, folder=True)
        group = zarr.create_group(store=str(folder), zarr_format=3, overwrite=True)
        names = variable_names(raster.layers)
        arrays = [
            _create(group, name, (raster.height, raster.width), *_storage(raster, layer), _attributes(raster, index))
            for index, (name, layer) in enumerate(zip(names, raster.layers, strict=True))
        ]
        if raster.grid is not None:
            _place(group, raster.grid)
        for first, rows in raster.bands():
            for array, layer, plane in zip(arrays, raster.layers, rows, strict=True):
                stored = to_integers(plane, path) if _is_bits(raster, layer) else plane
                array[first : first + len(plane)] = stored
        for array in arrays:
            array.attrs[_STORED] = array.nchunks_initialized
        fields = {_FIELDS[key]: value for key, value in text_fields(raster.origin).items()}
        group.attrs.update({"Conventions": CONVENTIONS, **fields, "perijove": as_text(raster)})
        _consolidate(folder)


def read_zarr(path: Path) -> Raster:
    """A map that `write_zarr` wrote; its rows are read when they are asked for.

    Raises UsageError without zarr, MapError for what is no store, no map of Perijove's, or incomplete.
    """
    zarr = need("zarr", "zarr", "Zarr")
    if not path.is_dir():
        what = "is a file, and a Zarr store is a folder" if path.exists() else "is not there"
        raise MapError(f"{path} {what}: check its name")
    with _told(path):
        group = zarr.open_group(store=str(path), mode="r", zarr_format=3, use_consolidated=False)
        text = group.attrs.get("perijove")
    if not isinstance(text, str):
        raise MapError(f"{path} is a Zarr store, but no map of Perijove's: it lacks the attribute perijove")
    arrays: list[Any] = []

    def rows(first: int, last: int) -> Rows:
        out = np.empty((len(arrays), last - first, raster.width), raster.dtype)
        for index, (array, layer) in enumerate(zip(arrays, raster.layers, strict=True)):
            with _told(path):
                stored = array[first:last]
            out[index] = from_integers(stored) if _is_bits(raster, layer) else stored
        return out

    raster = described(text, path, rows)
    for name, layer in zip(variable_names(raster.layers), raster.layers, strict=True):
        with _told(path):
            array = group.get(name)
        if getattr(array, "shape", None) != (raster.height, raster.width) or array.dtype != _storage(raster, layer)[0]:
            raise MapError(f"{path}: the variable {name} is not what the map tells of; get the store anew")
        _check_whole(path, name, array)
        arrays.append(array)
    return raster


def _check_whole(path: Path, name: str, array: Any) -> None:
    """Raise MapError where a variable lacks some of the chunks that were stored: they would be read as no data."""
    told = array.attrs.get(_STORED)
    # in other chunks than ours it was written anew by another program, which keeps attributes but not the number
    if not isinstance(told, int) or array.chunks != (CHUNK, CHUNK):
        return
    with _told(path):
        found = array.nchunks_initialized
    if found < told:
        raise MapError(
            f"{path}: the variable {name} lacks {told - found} of its {told} chunks with data; get the store anew, or, "
            f"where data were taken out on purpose, take out its attribute {_STORED} too"
        )


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """Around the reading of a store: what zarr refuses becomes one sentence."""
    try:
        yield
    except Exception as error:  # zarr and its codecs have no common base for what they find wrong
        what = (str(error).strip() or type(error).__name__).split("\n")[0].rstrip(".")
        raise MapError(f"{path} cannot be read as a Zarr v3 store ({what}): get it anew") from error


def variable_names(layers: Sequence[Layer]) -> list[str]:
    """The variables' names: those of the layers as Python takes them, each its own ('RED sigma' is RED_sigma)."""
    names = [re.sub(r"[^A-Za-z0-9]+", "_", layer.name).strip("_") or "layer" for layer in layers]
    return distinct([*_TAKEN, *(f"_{name}" if name[0].isdigit() else name for name in names)])[len(_TAKEN) :]


def _is_bits(raster: Raster, layer: Layer) -> bool:
    return raster.dtype == "float32" and layer.role == "quality"


def _storage(raster: Raster, layer: Layer) -> tuple[np.dtype[Any], float]:
    """The type of a layer's numbers in the store, and which of them is no data."""
    if raster.dtype != "float32":
        return np.dtype(raster.dtype), 0
    return (np.dtype(np.int16), NONE) if layer.role == "quality" else (np.dtype(np.float32), np.nan)


def _create(
    group: Any,
    name: str,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    fill: float,
    attributes: dict[str, object],
    dimensions: tuple[str, ...] = ("y", "x"),
) -> Any:
    """A compressed array of a group, in chunks of 512 a side where it has two."""
    codecs = need("zarr.codecs", "zarr", "Zarr")
    # xarray takes the fill value for "no data" only where an attribute says so, a float as the base64 of its 8 bytes
    told: object = base64.b64encode(struct.pack("<d", fill)).decode() if dtype.kind == "f" else int(fill)
    return group.create_array(
        name,
        shape=shape,
        dtype=dtype,
        chunks=(CHUNK, CHUNK) if len(shape) == 2 else shape,
        fill_value=fill,
        compressors=codecs.BloscCodec(cname="zstd", clevel=3, shuffle="bitshuffle") if shape else None,
        dimension_names=dimensions,
        attributes=attributes if len(shape) < 2 else {**attributes, "_FillValue": told},
    )


def _attributes(raster: Raster, index: int) -> dict[str, object]:
    """What CF wants to know of a layer: its unit, its name, what goes with it."""
    layer, names = raster.layers[index], variable_names(raster.layers)
    told: dict[str, object] = {"long_name": layer.description or layer.name, "role": layer.role}
    bits = layer.role == "quality"
    told["units"] = "1" if bits or not layer.unit or layer.unit == "I/F" else layer.unit
    if layer.unit == "I/F":
        told["quantity"] = "I/F"
    if bits:
        # CF: masks of the same kind as the numbers
        told["flag_masks"] = [bit.value for bit in Quality]
        told["flag_meanings"] = " ".join((bit.name or "").lower() for bit in Quality)
    if raster.dtype != "float32":
        told |= {"scale_factor": raster.scale, "add_offset": raster.offset}
    if raster.grid is not None:
        told["grid_mapping"] = "crs"
        if raster.grid.projection.kind == "equirectangular":
            told["coordinates"] = "lat lon"
    with_it = [
        name
        for name, other in zip(names, raster.layers, strict=True)
        if layer.role == "light" and other.role in ("sigma", "quality") and other.name == f"{layer.name} {other.role}"
    ]
    if with_it:
        told["ancillary_variables"] = " ".join(with_it)
    return told


def _place(group: Any, grid: MapGrid) -> None:
    """The coordinates of a map: x and y in metres, its system, and latitude and longitude where each has an axis."""
    wkt = crs_of(grid).to_wkt()
    shift = transform_of(grid).to_gdal()
    told = {**_mapping(grid), "crs_wkt": wkt, "spatial_ref": wkt, "GeoTransform": " ".join(map(repr, shift))}
    code = authority_of(grid)
    if code is not None:
        told["authority"] = code
    told["latitudes"] = f"planeto{grid.latitudes}"
    told["longitudes"] = "positive east"
    _create(group, "crs", (), np.dtype(np.int32), 0, told, ())[...] = 0
    x = 1000.0 * (grid.left_km + (np.arange(grid.width) + 0.5) * grid.scale_km)
    y = 1000.0 * (grid.top_km - (np.arange(grid.height) + 0.5) * grid.scale_km)
    for name, values in (("x", x), ("y", y)):
        about = {"standard_name": f"projection_{name}_coordinate", "units": "m", "axis": name.upper()}
        about["long_name"] = f"{name} of the pixels' centres"
        _create(group, name, values.shape, np.dtype(np.float64), np.nan, dict(about), (name,))[...] = values
    if grid.projection.kind == "equirectangular":
        _axes(group, grid, x / 1000.0, y / 1000.0)


def _axes(group: Any, grid: MapGrid, x_km: NDArray[Any], y_km: NDArray[Any]) -> None:
    """Latitudes along y and longitudes along x, degrees, of an equirectangular map; NaN beyond its edges."""
    p = grid.projection
    latitude = np.degrees(y_km / p.radius_km)
    longitude = np.degrees(x_km / (p.radius_km * np.cos(p.latitude)))
    latitude[np.abs(latitude) > 90.0 + 1e-9] = np.nan
    longitude[np.abs(longitude) > 180.0 + 1e-9] = np.nan
    north: dict[str, object] = {"units": "degrees_north", "long_name": f"planeto{grid.latitudes} latitude"}
    if grid.latitudes == "graphic":
        north["standard_name"] = "latitude"
    _create(group, "lat", latitude.shape, latitude.dtype, np.nan, north, ("y",))[...] = latitude
    east: dict[str, object] = {"units": "degrees_east", "standard_name": "longitude", "long_name": "east longitude"}
    lon = _create(group, "lon", longitude.shape, longitude.dtype, np.nan, east, ("x",))
    lon[...] = longitude + np.degrees(p.longitude)


def _mapping(grid: MapGrid) -> dict[str, object]:
    """A map's system in the words of CF, appendix F; they have none for an equirectangular map."""
    p = grid.projection
    radius, longitude = 1000.0 * p.radius_km, float(np.degrees(p.longitude))
    told: dict[str, object] = {"earth_radius": radius, "semi_major_axis": radius, "semi_minor_axis": radius}
    told |= {"false_easting": 0.0, "false_northing": 0.0, "longitude_of_prime_meridian": 0.0}
    name = _MAPPINGS.get(p.kind)
    if name is None:
        return told
    told["grid_mapping_name"] = name
    if p.kind.startswith("polar"):
        latitude = 90.0 if p.kind == "polar-north" else -90.0
        told |= {"latitude_of_projection_origin": latitude, "straight_vertical_longitude_from_pole": longitude}
        return told | {"scale_factor_at_projection_origin": 1.0}
    told["longitude_of_projection_origin"] = longitude
    if p.kind != "sinusoidal":
        told["latitude_of_projection_origin"] = float(np.degrees(p.latitude))
    if p.kind == "perspective":
        told["perspective_point_height"] = 1000.0 * p.altitude_km
    return told


def _consolidate(folder: Path) -> None:
    """Copy what the arrays say of themselves into the group's own file, where xarray looks first.

    Zarr v3 knows this only as a widespread extension, "must_understand" false: a reader that does not know it goes on.
    """
    members = {
        place.parent.name: json.loads(place.read_text(encoding="utf-8")) for place in sorted(folder.glob("*/zarr.json"))
    }
    file = folder / "zarr.json"
    root = json.loads(file.read_text(encoding="utf-8"))
    root["consolidated_metadata"] = {"kind": "inline", "must_understand": False, "metadata": members}
    file.write_text(json.dumps(root, indent=1), encoding="utf-8")
