from collections.abc import Callable
from pathlib import Path

import pytest

from perijove.errors import MapError, UsageError
from perijove.geometry.mapgrid import MapGrid
from perijove.io.maps import map_files, map_format, map_formats, read_map, write_map
from perijove.io.raster import Raster


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


@pytest.mark.parametrize("name", ["m.tif", "m.fits", "m.zarr", "m.cub"])
def test_the_files_foretold_are_those_written(
    make_grid: Callable[..., MapGrid], make_raster: Callable[..., Raster], tmp_path: Path, name: str
) -> None:
    write_map(make_raster(make_grid()), tmp_path / name)
    assert {*map_files(tmp_path / name)} == {*tmp_path.iterdir()}


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    for suffix in map_formats():
        with pytest.raises(MapError, match="is not there"):
            read_map(tmp_path / f"a{suffix}")
