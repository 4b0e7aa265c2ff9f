"""World files beside pictures of maps."""

import math
import warnings
from pathlib import Path

import cv2
import numpy as np
import pyproj
import pytest
import rasterio

from perijove.bodies import JUPITER
from perijove.errors import MapError
from perijove.geometry.mapgrid import MapGrid
from perijove.geometry.projection import KINDS, Projection
from perijove.io.atomic import Staged
from perijove.io.worldfile import read_world_files, stage_world_files, world_files, world_paths


def grid(kind: str = "equirectangular", latitudes: str = "centric") -> MapGrid:
    height = 50_000.0 if kind == "perspective" else math.nan
    latitude = 0.4 if kind != "sinusoidal" else 0.0
    return MapGrid(JUPITER, Projection(kind, 71492.0, latitude, 2.5, height), latitudes, 25.5, -1500.0, 900.0, 40, 30)


def written(folder: Path, made: MapGrid, *leave: str) -> Path:
    """A black picture with its files, but for those with the suffixes in `leave`."""
    path = folder / "map.png"
    assert cv2.imwrite(str(path), np.zeros((made.height, made.width), np.uint8))
    with Staged() as staged:
        stage_world_files(staged, made, path)
    for name in world_paths(path):
        if name.suffix in leave:
            name.unlink()
    return path


def test_six_numbers_by_hand(tmp_path: Path) -> None:
    files = world_files(grid(), tmp_path / "a.png")
    assert [name.name for name in files] == ["a.pgw", "a.prj", "a.png.aux.xml"]
    # 25.5 km a pixel; the middle of the first pixel is half a pixel from the corner at -1500, 900 km
    numbers = [float(line) for line in files[tmp_path / "a.pgw"].decode().split()]
    assert numbers == [25500.0, 0.0, 0.0, -25500.0, -1500e3 + 12750.0, 900e3 - 12750.0]


@pytest.mark.parametrize("latitudes", ["centric", "graphic"])
@pytest.mark.parametrize("kind", KINDS)
def test_grids_come_back(tmp_path: Path, kind: str, latitudes: str) -> None:
    made = grid(kind, latitudes)
    back = read_world_files(written(tmp_path, made), made.width, made.height)
    assert (back.body, back.latitudes, back.projection.kind) == (JUPITER, latitudes, kind)
    lines, samples = np.meshgrid([0.0, 15.5, 30.0], [0.0, 20.5, 40.0])
    np.testing.assert_allclose(back.place_of(lines, samples), made.place_of(lines, samples), rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_gdal_places_a_point(tmp_path: Path, kind: str) -> None:
    made = grid(kind)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with rasterio.open(written(tmp_path, made)) as source:
            x, y = source.xy(15, 20)
            system = pyproj.CRS.from_wkt(source.crs.to_wkt(version="WKT2_2019"))
    geodetic = system.geodetic_crs
    assert geodetic is not None
    lon, lat = pyproj.Transformer.from_crs(system, geodetic, always_xy=True).transform(x, y)
    np.testing.assert_allclose([lat, lon], np.degrees(made.place_of(15.5, 20.5)), rtol=0, atol=1e-6)


def test_the_world_file_alone_places_pixels_for_gdal(tmp_path: Path) -> None:
    made = grid()
    with rasterio.open(written(tmp_path, made, ".xml", ".prj")) as source:
        np.testing.assert_allclose(source.transform[:6], [25500, 0, -1500e3, 0, -25500, 900e3])


@pytest.mark.parametrize("missing", [".pgw", ".prj"])
def test_missing_files_are_named(tmp_path: Path, missing: str) -> None:
    with pytest.raises(MapError, match=rf"map\.png has no readable map\.pgw and map\.prj.*{missing}"):
        read_world_files(written(tmp_path, grid(), missing), 40, 30)


def test_a_damaged_world_file(tmp_path: Path) -> None:
    path = written(tmp_path, grid())
    (tmp_path / "map.pgw").write_text("1\n2\n")
    with pytest.raises(MapError, match="no readable"):
        read_world_files(path, 40, 30)
