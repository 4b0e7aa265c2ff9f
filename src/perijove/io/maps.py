"""Maps in files: the one front of all formats, by the suffix of the name, each with its sidecar and its STAC item."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from perijove.errors import MapError, UsageError
from perijove.io.atomic import Staged
from perijove.io.provenance import as_json, sidecar_path
from perijove.raster import Raster


@dataclass(frozen=True)
class MapFormat:
    """A kind of map file: its name, the suffixes that mean it, the best first, and what it is in a few words."""

    name: str
    suffixes: tuple[str, ...]
    about: str


FORMATS = (
    MapFormat("cog", (".tif", ".tiff"), "Cloud-Optimised GeoTIFF"),
    MapFormat("gtiff", (".tif", ".tiff"), "GeoTIFF without overviews"),
    MapFormat("fits", (".fits", ".fit"), "FITS with world coordinates"),
    MapFormat("zarr", (".zarr",), "Zarr v3 store for xarray"),
    MapFormat("cub", (".cub",), "ISIS cube"),
    MapFormat("png", (".png",), "PNG with world file"),
)
"""Every kind; where several share a suffix the first is meant."""


def map_formats() -> tuple[str, ...]:
    """The suffixes of all kinds of map files."""
    return tuple(dict.fromkeys(suffix for kind in FORMATS for suffix in kind.suffixes))


def map_format(path: Path, name: str | None = None) -> MapFormat:
    """The kind of a map file by its suffix and, where one is given, its name; UsageError where they do not agree."""
    named = [kind for kind in FORMATS if name is None or kind.name == name]
    if not named:
        raise UsageError(f"unknown format {name!r}: use one of {', '.join(kind.name for kind in FORMATS)}")
    for kind in named:
        if path.suffix.lower() in kind.suffixes:
            return kind
    if path.suffix.lower() in map_formats():
        raise UsageError(f"{path} does not go with format {name}: end it in {named[0].suffixes[0]}")
    raise UsageError(f"{path} names no kind of map: end it in {', '.join(map_formats())}")


def map_files(raster: Raster, path: Path) -> tuple[Path, ...]:
    """All files that `stage_map` writes for a raster, the map itself first."""
    from perijove.io.stac import stac_path, times_of
    from perijove.io.worldfile import world_paths

    beside = world_paths(path) if _is_placed_picture(raster, path) else ()
    item = (stac_path(path),) if raster.grid is not None and times_of(raster.origin) is not None else ()
    return (path, *beside, sidecar_path(path), *item)


def possible_files(path: Path) -> tuple[Path, ...]:
    """All files that may be written for a map, itself first, whatever it will hold."""
    from perijove.io.stac import stac_path
    from perijove.io.worldfile import world_paths

    beside = world_paths(path) if map_format(path).name == "png" else ()
    return (path, *beside, sidecar_path(path), stac_path(path))


def _is_placed_picture(raster: Raster, path: Path) -> bool:
    return raster.grid is not None and map_format(path).name == "png"


def write_map(raster: Raster, path: Path, *, format: str | None = None) -> None:
    """Write a map with its sidecar of provenance and, where it has place and time, its STAC item; all of them or none.

    What is there is replaced; a PNG has its world file too.
    The suffix tells the kind, `format` one of several that share it ('gtiff' for a .tif without overviews). Raises
    UsageError for what the kind cannot hold, OutputError where the disk fails.
    """
    with Staged() as staged:
        stage_map(staged, raster, path, format=format)


def stage_map(staged: Staged, raster: Raster, path: Path, *, format: str | None = None) -> None:
    """`write_map` as a part of what will appear together."""
    name = map_format(path, format).name
    if name in ("cog", "gtiff"):
        from perijove.io.geotiff import stage_geotiff

        stage_geotiff(staged, raster, path, cog=name == "cog")
    elif name == "fits":
        from perijove.io.fits import stage_fits

        stage_fits(staged, raster, path)
    elif name == "zarr":
        from perijove.io.zarr import stage_zarr

        stage_zarr(staged, raster, path)
    elif name == "cub":
        from perijove.io.cube import stage_cube

        stage_cube(staged, raster, path)
    else:
        from perijove.io.png_map import stage_png

        stage_png(staged, raster, path)
    if raster.grid is not None and _is_placed_picture(raster, path):
        from perijove.io.worldfile import stage_world_files

        stage_world_files(staged, raster.grid, path)
    from perijove.io.stac import PLAIN_GEOTIFF, stage_stac

    stage_stac(staged, raster, path, PLAIN_GEOTIFF if name == "gtiff" else None)
    staged.add(sidecar_path(path), (as_json(raster.origin, indent=2) + "\n").encode())


def read_map(path: Path) -> Raster:
    """A map that was written by this package, whichever its kind; rows are read when they are asked for.

    Raises UsageError for a suffix that is none, MapError for what cannot be read.
    """
    name = map_format(path).name
    if not path.exists():
        raise MapError(f"{path} is not there: check its name")
    if name in ("cog", "gtiff"):
        from perijove.io.geotiff import read_geotiff

        return read_geotiff(path)
    if name == "fits":
        from perijove.io.fits import read_fits

        return read_fits(path)
    if name == "zarr":
        from perijove.io.zarr import read_zarr

        return read_zarr(path)
    if name == "cub":
        from perijove.io.cube import read_cube

        return read_cube(path)
    from perijove.io.png_map import read_png_map

    return read_png_map(path)
