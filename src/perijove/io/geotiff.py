"""GeoTIFF and Cloud-Optimised GeoTIFF: maps in tiles with overviews, written and read a band of rows at a time.

Tiles of 512 px are compressed by deflate at its fastest with differences along the line: every reader opens that, and
higher levels cost three times the time for a few per cent. Tiles without data take no room. Coordinates are metres on
the map's sphere (`io.crs`); projections that GeoTIFF has no keys for are told in ESRI's words. The tag PERIJOVE_MAP
holds the description (`io.description`), PROVENANCE the provenance, PERIJOVE_WKT2 the coordinate system in full.
"""

from __future__ import annotations

import contextlib
import json
import math
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from perijove.errors import MapError, OutputError
from perijove.geometry.mapgrid import MapGrid
from perijove.io.atomic import Staged, written
from perijove.io.cog import assemble
from perijove.io.crs import authority_of, crs_of, grid_from, transform_of
from perijove.io.description import describe, described
from perijove.io.hush import hushed
from perijove.io.overviews import MAP_TILE, Pyramid, held_tiles, sizes
from perijove.io.provenance import as_json
from perijove.io.tiff import quality_bits, text_tags
from perijove.raster import Layer, Raster, Role, Rows, Transfer

_environment: Any = rasterio.Env
CACHE_MB = 256
"""Memory that GDAL may keep tiles in; its own choice is a share of the machine's."""
_SMALL = 4
"""Up to so many layers the numbers of a pixel lie side by side; more are kept apart, to be read alone."""


def write_geotiff(raster: Raster, path: Path, *, cog: bool = True) -> None:
    """Write a raster as GeoTIFF, whole or not at all; a file that is there is replaced.

    A `cog` has overviews and its parts in the order that distant readers want; without it the file is written a third
    faster. float32: NaN is no data; uint8 and uint16: 0 is, and scale and offset give values. Raises OutputError where
    the disk fails, with nothing left behind.
    """
    with Staged() as staged:
        stage_geotiff(staged, raster, path, cog=cog)


def stage_geotiff(staged: Staged, raster: Raster, path: Path, *, cog: bool = True) -> None:
    """`write_geotiff` as one of several files that will appear together."""
    with written(path):
        target = staged.reserve(path)
        with (
            tempfile.TemporaryDirectory(dir=path.absolute().parent, prefix=f".{path.name[:64]}.") as folder,
            _told(path),
        ):
            parts = _write_parts(raster, Path(folder), path, cog)
            _check_room(path, sum(part.path.stat().st_size for part in parts))
            with open(target, "wb") as file:
                assemble([part.path for part in parts], [part.held for part in parts], file)


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """Around GDAL: what it cannot write becomes one sentence."""
    with warnings.catch_warnings():
        # what has no grid has no place on a map
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            with _environment(GDAL_CACHEMAX=CACHE_MB):
                yield
        except RasterioError as error:
            raise OutputError(f"cannot write {path}: {error}; choose a folder that is writable and has room") from error


class _Part:
    """A TIFF that is being written: the number of its tiles that hold data, and their bytes before compression."""

    def __init__(self, path: Path, file: Any, apart: bool) -> None:
        """Nothing is written yet; `apart` tells that layers have tiles of their own."""
        self.path, self.file, self.apart = path, file, apart
        self.held, self.bytes = 0, 0

    def count(self, rows: Rows) -> list[list[int]]:
        """Count the tiles of a band of rows that hold data; the columns, first and after the last, of their runs."""
        tiles = held_tiles(rows)
        together = tiles.any(axis=0)
        self.held += int(np.count_nonzero(tiles if self.apart else together))
        self.bytes += int(np.count_nonzero(together)) * MAP_TILE * rows.shape[1] * len(rows) * rows.itemsize
        edges = np.flatnonzero(np.diff(np.concatenate([[False], together, [False]]).astype(np.int8)))
        runs: list[list[int]] = np.minimum(MAP_TILE * edges, rows.shape[2]).reshape(-1, 2).tolist()
        return runs

    def put(self, first: int, rows: Rows, runs: Sequence[Sequence[int]]) -> None:
        """Write runs of columns of a band of rows."""
        with hushed():
            for left, right in runs:
                self.file.write(rows[:, :, left:right], window=Window(left, first, right - left, rows.shape[1]))


def _write_parts(raster: Raster, folder: Path, path: Path, cog: bool) -> list[_Part]:
    """Write the full size and the overviews, where a `cog` wants them, as TIFFs of one picture each."""
    shapes = [(raster.width, raster.height), *(sizes(raster.width, raster.height) if cog else [])]
    apart = len(raster.layers) > _SMALL
    parts: list[_Part] = []

    def put(level: int, first: int, rows: Rows) -> None:
        runs = parts[level].count(rows)
        # before GDAL has them: what is not on the disk yet waits in its cache
        _check_room(path, min(sum(part.bytes for part in parts), CACHE_MB * 2**20))
        parts[level].put(first, rows, runs)

    _check_room(path, sum(_index_bytes(len(raster.layers) if apart else 1, *shape) for shape in shapes))
    with contextlib.ExitStack() as stack:
        for level, shape in enumerate(shapes):
            name = folder / f"{level}.tif"
            parts.append(_Part(name, stack.enter_context(_created(name, raster, *shape)), apart))
        with hushed():
            _describe(parts[0].file, raster)
        pyramid = Pyramid(
            raster.width, raster.height, raster.layers, lambda level, first, rows: put(level + 1, first, rows)
        )
        for first, rows in raster.bands():
            put(0, first, rows)
            if cog:
                pyramid.feed(rows)
    return parts


def _index_bytes(planes: int, width: int, height: int) -> int:
    """The least that a TIFF takes, whatever it holds: where each tile begins and how long it is, 16 bytes at most."""
    return 16 * planes * math.ceil(width / MAP_TILE) * math.ceil(height / MAP_TILE)


def _check_room(path: Path, needed: int) -> None:
    """Raise OutputError where the disk has less room than is needed: GDAL's own complaints are many."""
    free = shutil.disk_usage(path.absolute().parent).free
    if free < needed:
        raise OutputError(
            f"cannot write {path}: {needed / 1e6:.0f} MB are needed, and the disk has {free / 1e6:.0f} MB left; "
            "choose a folder that has room, or a coarser scale"
        )


@contextlib.contextmanager
def _created(path: Path, raster: Raster, width: int, height: int) -> Iterator[Any]:
    """A TIFF that is open for writing; GDAL writes much of it only when it is closed."""
    with hushed():
        file = _create(path, raster, width, height)
    try:
        yield file
    finally:
        with hushed():
            file.close()


def _create(path: Path, raster: Raster, width: int, height: int) -> Any:
    """A TIFF for the layers of a raster, open for writing."""
    count = len(raster.layers)
    return rasterio.open(
        path, "w", driver="GTiff", width=width, height=height, count=count, dtype=raster.dtype,
        nodata=math.nan if raster.dtype == "float32" else 0,
        tiled=True, blockxsize=MAP_TILE, blockysize=MAP_TILE, sparse_ok=True,
        compress="deflate", zlevel=1, predictor=2, num_threads="all_cpus", bigtiff="if_safer",
        interleave="pixel" if count <= _SMALL else "band",
        photometric="RGB" if _coloured(raster) else "MINISBLACK",
        **_place_options(raster.grid),
    )  # fmt: skip


def _place_options(grid: MapGrid | None) -> dict[str, str]:
    """GeoTIFF has no keys for the perspective: without this it would go to a file of GDAL's own."""
    special = grid is not None and grid.projection.kind == "perspective"
    return {"geotiff_keys_flavor": "ESRI_PE"} if special else {}


def _coloured(raster: Raster) -> bool:
    return [layer.name for layer in raster.layers[:3]] == ["RED", "GREEN", "BLUE"]


def _describe(target: Any, raster: Raster) -> None:
    """Give an open TIFF what is known of a raster: place, names, units, tags."""
    grid = raster.grid
    if grid is not None:
        target.crs = rasterio.crs.CRS.from_wkt(crs_of(grid).to_wkt())
        target.transform = transform_of(grid)
    for index, layer in enumerate(raster.layers, start=1):
        target.set_band_description(index, layer.name)
        target.update_tags(index, ROLE=layer.role, DESCRIPTION=layer.description)
    if any(layer.unit for layer in raster.layers):
        target.units = [layer.unit for layer in raster.layers]
    if raster.dtype != "float32":
        count = len(raster.layers)
        target.scales, target.offsets = (raster.scale,) * count, (raster.offset,) * count
    if _coloured(raster):
        kinds = rasterio.enums.ColorInterp
        target.colorinterp = (kinds.red, kinds.green, kinds.blue, *[kinds.undefined] * (len(raster.layers) - 3))
    target.update_tags(**_tags(raster))


def _tags(raster: Raster) -> dict[str, str]:
    """The tags of a map file."""
    description = {key: value for key, value in describe(raster).items() if key != "origin"}
    tags = {
        **text_tags(raster.origin),
        "PROVENANCE": as_json(raster.origin),
        "TRANSFER": raster.transfer,
        "BANDS": ",".join(layer.name for layer in raster.layers),
        "PERIJOVE_MAP": json.dumps(description, ensure_ascii=True, allow_nan=False),
    }
    if any(layer.role == "quality" for layer in raster.layers):
        tags["QUALITY_BITS"] = quality_bits()
    if raster.grid is not None:
        tags |= place_tags(raster.grid, raster.origin)
    return tags


def place_tags(grid: MapGrid, origin: Mapping[str, object]) -> dict[str, str]:
    """What a map file says of its place in words, for who does not read its coordinate system.

    PERIJOVE_LONGITUDES is the direction in which the map's user counts longitude, in labels and in layers of longitude;
    the coordinate system counts to the east always.
    """
    parameters = origin.get("parameters")
    longitudes = parameters.get("longitudes", "east") if isinstance(parameters, Mapping) else "east"
    tags = {
        "PERIJOVE_BODY": grid.body.name,
        "PERIJOVE_LATITUDES": f"planeto{grid.latitudes}",
        "PERIJOVE_LONGITUDES": str(longitudes),
        "PERIJOVE_KM_PER_PX": f"{grid.scale_km:.17g}",
        "PERIJOVE_WKT2": crs_of(grid).to_wkt(),
    }
    code = authority_of(grid)
    return tags if code is None else tags | {"PERIJOVE_CRS": code}


def read_geotiff(path: Path) -> Raster:
    """A map that `write_geotiff` wrote, or one that another program made of it; its rows are read when asked for.

    What was warped or cut by others has the grid of its own coordinates, and its layers by their names. Raises MapError
    for what cannot be read or is no map of a body that is known.
    """
    with _opened(path) as source:
        tags = source.tags()
        text = tags.get("PERIJOVE_MAP")
        origin = _origin(path, tags)
        if text is not None:
            raster = described(_with_origin(path, text, origin), path, _reader(path))
            same = (raster.width, raster.height, raster.dtype) == (source.width, source.height, source.dtypes[0])
            if same and _same_place(source, raster):
                return raster
        return _foreign(path, source, origin)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A TIFF open for reading; MapError for what GDAL cannot read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            with (
                _environment(GDAL_CACHEMAX=CACHE_MB),
                rasterio.open(path, driver="GTiff", num_threads="all_cpus") as file,
            ):
                yield file
        except RasterioError as error:
            raise MapError(f"{path} cannot be read as a GeoTIFF ({error}): check that it is complete") from error


def _reader(path: Path) -> Any:
    """The function that reads rows of all layers."""

    def rows(first: int, last: int) -> Rows:
        # its tiles may push others out of GDAL's cache, into a file that is being written
        with _opened(path) as source, hushed():
            read: Rows = source.read(window=Window(0, first, source.width, last - first))
        return read

    return rows


def _origin(path: Path, tags: Mapping[str, str]) -> dict[str, object]:
    """The provenance in a file's tags, empty where there is none."""
    try:
        value = json.loads(tags.get("PROVENANCE", "{}"))
    except ValueError as error:
        raise MapError(f"{path}: its provenance is damaged ({error}); write the map anew") from error
    return value if isinstance(value, dict) else {}


def _with_origin(path: Path, text: str, origin: dict[str, object]) -> str:
    """The description with the provenance, which a tag of its own holds, put in."""
    try:
        return json.dumps({**json.loads(text), "origin": origin})
    except (ValueError, TypeError) as error:
        raise MapError(f"{path}: what the map says of itself is damaged ({error}); write it anew") from error


def _same_place(source: Any, raster: Raster) -> bool:
    """Whether a file still lies where its description says, and in the projection it says."""
    if len(raster.layers) != source.count or source.crs is None or raster.grid is None:
        return len(raster.layers) == source.count and source.crs is None and raster.grid is None
    grid = _grid(source)
    return grid is not None and _close(grid, raster.grid)


def _close(one: MapGrid, other: MapGrid) -> bool:
    """Whether two grids are the same but for rounding."""
    a, b = one.projection, other.projection
    numbers = [
        (one.scale_km, other.scale_km, 0.0),
        (one.left_km, other.left_km, 1e-6 * other.scale_km),
        (one.top_km, other.top_km, 1e-6 * other.scale_km),
        (a.radius_km, b.radius_km, 0.0),
    ]
    same = a.kind == b.kind and all(math.isclose(p, q, rel_tol=1e-9, abs_tol=room) for p, q, room in numbers)
    if not same or math.cos(a.longitude - b.longitude) < 1.0 - 1e-15:
        return False
    if a.kind in ("sinusoidal", "polar-north", "polar-south"):
        return True
    high = a.kind != "perspective" or math.isclose(a.altitude_km, b.altitude_km, rel_tol=1e-9)
    return high and math.isclose(a.latitude, b.latitude, abs_tol=1e-9)


def _grid(source: Any) -> MapGrid | None:
    """The grid by a file's own coordinates, None where they are none of ours."""
    latitudes = source.tags().get("PERIJOVE_LATITUDES", "").removeprefix("planeto") or None
    with contextlib.suppress(MapError):
        wkt = source.crs.to_wkt(version="WKT2_2019")
        return grid_from(wkt, source.transform, source.width, source.height, latitudes=latitudes)
    return None


def _foreign(path: Path, source: Any, origin: dict[str, object]) -> Raster:
    """A raster of what another program wrote."""
    kind, nodata = source.dtypes[0], source.nodata
    fits = math.isnan(nodata if nodata is not None else 0.0) if kind == "float32" else nodata == 0
    if kind not in ("float32", "uint8", "uint16") or not fits:
        raise MapError(
            f"{path} holds {kind} with {nodata} for no data: convert it to float32 with NaN or to uint16 with 0"
        )
    if source.crs is None:
        raise MapError(f"{path} has no coordinate system, and so is no map: give it one")
    grid = grid_from(source.crs.to_wkt(version="WKT2_2019"), source.transform, source.width, source.height)
    units = [unit or "" for unit in source.units]
    layers = tuple(_layer(source, index, unit) for index, unit in enumerate(units, start=1))
    transfer: Transfer = "srgb" if source.tags().get("TRANSFER") == "srgb" else "linear"
    scale, offset = (1.0, 0.0) if kind == "float32" else (source.scales[0], source.offsets[0])
    return Raster(grid, layers, source.width, source.height, kind, transfer, origin, _reader(path), scale, offset)


def _layer(source: Any, index: int, unit: str) -> Layer:
    """A layer by what the file says of it, and by its name where it says nothing of its role."""
    name = source.descriptions[index - 1] or f"band {index}"
    tags = source.tags(index)
    role: Role = "sigma" if name.endswith(" sigma") else "quality" if name.endswith(" quality") else "light"
    if tags.get("ROLE") in ("light", "sigma", "quality", "geometry"):
        role = tags["ROLE"]
    return Layer(name, unit, role, tags.get("DESCRIPTION", ""))
