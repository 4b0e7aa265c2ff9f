import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import rasterio

from perijove.errors import MapError, UsageError
from perijove.geometry.mapgrid import MapGrid
from perijove.io.cube import NULL, read_cube, write_cube
from perijove.raster import Kind, Layer, Raster

Grids = Callable[..., MapGrid]
Rasters = Callable[..., Raster]
LIGHT = (Layer("RED", "I/F", "light"),)


def all_rows(raster: Raster) -> np.ndarray:
    return np.concatenate([rows for _, rows in raster.bands()], axis=1)


def label_of(path: Path) -> Any:
    with warnings.catch_warnings():
        # pvl warns of a class of its own when it is imported
        warnings.simplefilter("ignore")
        import pvl
    return pvl.load(str(path))


@pytest.mark.parametrize(
    ("kind", "body", "latitudes"),
    [
        *((kind, "JUPITER", "centric") for kind in ("equirectangular", "sinusoidal", "polar-north", "polar-south")),
        ("orthographic", "JUPITER", "centric"),
        ("equirectangular", "JUPITER", "graphic"),
        ("sinusoidal", "JUPITER", "graphic"),
        ("equirectangular", "IO", "centric"),
        ("polar-south", "CALLISTO", "centric"),
    ],
)
@pytest.mark.parametrize("latitude", [25.0, -25.0])
def test_gdal_places_pixels(
    make_grid: Grids, make_raster: Rasters, tmp_path: Path, kind: str, body: str, latitudes: str, latitude: float
) -> None:
    grid = make_grid(kind, body, latitudes, latitude, width=41, height=60)
    raster = make_raster(grid, layers=LIGHT)
    write_cube(raster, tmp_path / "map.cub")
    with rasterio.open(tmp_path / "map.cub") as file:
        crs, at, values = pyproj.CRS.from_wkt(file.crs.to_wkt()), file.transform, file.read(1)
        assert file.driver == "ISIS3"
        assert file.nodata == NULL
    assert np.array_equal(np.where(values == NULL, np.float32(np.nan), values), all_rows(raster)[0], equal_nan=True)
    rng = np.random.default_rng(5)
    line, sample = rng.random(80) * grid.height, rng.random(80) * grid.width
    centric, east = grid.place_of(line, sample).T
    seen = np.isfinite(centric)
    assert seen.sum() > 40
    to_place = pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    lon, lat = to_place.transform(at.c + at.a * sample, at.f + at.e * line)
    assert np.abs(lat - np.degrees(grid.shown_latitude(centric)))[seen].max() < 1e-8
    assert np.abs((lon - np.degrees(east) + 180.0) % 360.0 - 180.0)[seen].max() < 1e-8


def test_pvl_reads_the_label(make_grid: Grids, make_raster: Rasters, tmp_path: Path) -> None:
    grid = make_grid(longitude=170.0)
    write_cube(make_raster(grid), tmp_path / "map.cub")
    label = label_of(tmp_path / "map.cub")
    cube = label["IsisCube"]
    assert dict(cube["Core"]["Dimensions"]) == {"Samples": 61, "Lines": 530, "Bands": 7}
    assert cube["Core"]["StartByte"] == 65537 == label["Label"]["Bytes"] + 1
    assert cube["BandBin"]["Name"][:2] == ["RED", "RED sigma"]
    told = cube["Mapping"]
    assert told["ProjectionName"] == "Equirectangular"
    assert told["TargetName"] == "Jupiter"
    assert told["LatitudeType"] == "Planetocentric"
    assert told["LongitudeDirection"] == "PositiveEast"
    assert told["EquatorialRadius"].value == told["PolarRadius"].value == 71492000.0
    assert told["EquatorialRadius"].units == "meters"
    assert told["CenterLatitude"].value == pytest.approx(20.0, abs=1e-12)
    assert told["CenterLongitude"].value == pytest.approx(170.0, abs=1e-12)
    assert told["PixelResolution"].value == 1000.0 * grid.scale_km
    assert told["Scale"].value == pytest.approx(2.5, abs=1e-12)
    assert told["UpperLeftCornerX"].value == 1000.0 * grid.left_km
    assert told["UpperLeftCornerY"].value == 1000.0 * grid.top_km
    # 530 lines of 0.4 degrees cover both poles
    assert (told["MinimumLatitude"].value, told["MaximumLatitude"].value) == (-90.0, 90.0)
    assert cube["Archive"]["Credit"].endswith("Gerald Eichstadt")


@pytest.mark.parametrize(("longitude", "domain"), [(100.0, 360), (-30.0, 180), (-2.0, 180), (179.0, 360)])
def test_extent_in_longitude(
    make_grid: Grids, make_raster: Rasters, tmp_path: Path, longitude: float, domain: int
) -> None:
    # 61 px of 0.4 degrees in y, wider by 1 / cos 20 deg in x, 35 % of them west of the centre
    width = 0.4 * 61 / np.cos(np.radians(20.0))
    grid = make_grid(longitude=longitude, height=100)
    write_cube(make_raster(grid, layers=LIGHT), tmp_path / "map.cub")
    told = label_of(tmp_path / "map.cub")["IsisCube"]["Mapping"]
    assert told["MinimumLongitude"].value == pytest.approx(longitude - 0.35 * width, abs=1e-9)
    assert told["MaximumLongitude"].value == pytest.approx(longitude + 0.65 * width, abs=1e-9)
    assert told["LongitudeDomain"] == domain


@pytest.mark.parametrize("dtype", ["float32", "uint8", "uint16"])
@pytest.mark.parametrize("placed", [True, False])
def test_comes_back_bit_by_bit(
    make_grid: Grids, make_raster: Rasters, tmp_path: Path, dtype: Kind, placed: bool
) -> None:
    raster = make_raster(make_grid() if placed else None, dtype)
    write_cube(raster, tmp_path / "map.cub")
    back = read_cube(tmp_path / "map.cub")
    assert np.array_equal(all_rows(back), all_rows(raster), equal_nan=dtype == "float32")
    assert replace(back, rows=raster.rows) == raster


def test_null_is_what_isis_has() -> None:
    assert NULL.tobytes() == bytes.fromhex("fbff7fff")
    assert float(NULL) == -3.4028226550889045e38


def test_what_isis_places_elsewhere_is_refused(make_grid: Grids, make_raster: Rasters, tmp_path: Path) -> None:
    for grid, told in (
        (make_grid("polar-north", latitudes="graphic"), "--latitudes centric"),
        (make_grid("perspective"), "--projection orthographic"),
    ):
        with pytest.raises(UsageError, match=told):
            write_cube(make_raster(grid), tmp_path / "map.cub")
    assert list(tmp_path.iterdir()) == []


def test_many_layers_get_a_longer_label(make_grid: Grids, make_raster: Rasters, tmp_path: Path) -> None:
    layers = tuple(Layer(f"layer of a very long name {number}", "km", "geometry") for number in range(2500))
    raster = make_raster(make_grid(width=3, height=2), layers=layers)
    write_cube(raster, tmp_path / "map.cub")
    assert label_of(tmp_path / "map.cub")["Label"]["Bytes"] == 131072
    assert np.array_equal(all_rows(read_cube(tmp_path / "map.cub")), all_rows(raster), equal_nan=True)


def test_what_is_no_map_is_told_in_a_sentence(make_raster: Rasters, tmp_path: Path) -> None:
    path = tmp_path / "map.cub"
    with pytest.raises(MapError, match="cannot be read"):
        read_cube(path)
    path.write_bytes(b"abc")
    with pytest.raises(MapError, match="is no ISIS cube"):
        read_cube(path)
    path.write_bytes(b"Object = IsisCube\n  Object = Core\n    StartByte = 65537\nEnd")
    with pytest.raises(MapError, match="no map of Perijove's"):
        read_cube(path)
    write_cube(make_raster(None), path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(MapError, match="is cut short"):
        read_cube(path)
