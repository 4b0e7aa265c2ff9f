from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from perijove.errors import MapError, UsageError
from perijove.geometry.mapgrid import MapGrid
from perijove.io.maps import map_files, map_format, map_formats, read_map, write_map
from perijove.raster import Layer, Raster


def test_kinds_by_suffix_and_name() -> None:
    assert map_formats() == (".tif", ".tiff", ".fits", ".fit", ".zarr", ".cub", ".png")
    assert map_format(Path("a.TIF")).name == "cog"
    assert map_format(Path("a.tiff"), "gtiff").name == "gtiff"
    with pytest.raises(UsageError, match=r"does not go with format zarr: end it in \.zarr"):
        map_format(Path("a.tif"), "zarr")
    with pytest.raises(UsageError, match="names no kind of map"):
        map_format(Path("a"))
    with pytest.raises(UsageError, match="unknown format 'jpg'"):
        map_format(Path("a.tif"), "jpg")


@pytest.mark.parametrize("name", ["m.tif", "m.fits", "m.zarr", "m.cub", "m.png"])
@pytest.mark.parametrize("placed", [True, False])
@pytest.mark.parametrize("timed", [True, False])
def test_the_files_foretold_are_those_written(
    make_grid: Callable[..., MapGrid],
    make_raster: Callable[..., Raster],
    tmp_path: Path,
    name: str,
    placed: bool,
    timed: bool,
) -> None:
    grid = make_grid() if placed else None
    raster = make_raster(grid, "uint8", (Layer("RED", "", "light"),))
    origin = {**raster.origin, "parameters": {"epoch_utc": "2022-09-29T09:36:00.000"} if timed else {}}
    raster = replace(raster, transfer="srgb", origin=origin)
    write_map(raster, tmp_path / name)
    files = map_files(raster, tmp_path / name)
    assert {*files} == {*tmp_path.iterdir()}
    assert len(files) == 2 + (placed and timed) + (3 if placed and name == "m.png" else 0)


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    for suffix in map_formats():
        with pytest.raises(MapError, match="is not there"):
            read_map(tmp_path / f"a{suffix}")
