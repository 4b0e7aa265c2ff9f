"""GeoTIFF and COG, as Perijove and as others read them."""

import json
import math
import os
import shutil
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
import tifffile
from affine import Affine
from rasterio.warp import Resampling, reproject
from rio_cogeo.cogeo import cog_validate

from perijove.bodies import IO, JUPITER, Body
from perijove.errors import MapError, OutputError
from perijove.geometry.mapgrid import MAP_RADIUS_KM, MapGrid
from perijove.geometry.projection import KINDS, Projection
from perijove.io.crs import crs_of
from perijove.io.geotiff import read_geotiff, write_geotiff
from perijove.io.overviews import halve
from perijove.io.provenance import provenance
from perijove.raster import Layer, Raster

RGB = tuple(Layer(name, "I/F", "light", f"the light in {name}") for name in ("RED", "GREEN", "BLUE"))
MANY = (
    *RGB,
    Layer("RED sigma", "I/F", "sigma"),
    Layer("RED quality", "bits", "quality", "bits: ü"),
    Layer("longitude", "deg", "geometry"),
)
ORIGIN = provenance([], {"longitudes": "west", "epoch_utc": "2022-08-17T14:33:44"}, title="Jupiter", name="Zoë")
SIZE = (130, 90)


def grid(
    kind: str = "equirectangular", latitudes: str = "centric", body: Body = JUPITER, size: tuple[int, int] = SIZE
) -> MapGrid:
    radius = MAP_RADIUS_KM[body.name]
    height = 0.8 * radius if kind == "perspective" else math.nan
    latitude = {"sinusoidal": 0.0, "polar-north": 0.0, "polar-south": 0.0}.get(kind, 0.35)
    projection = Projection(kind, radius, latitude, 2.25, height)
    return MapGrid(body, projection, latitudes, 0.001 * radius, -0.06 * radius, 0.05 * radius, *size)


def values(layers: int, size: tuple[int, int], dtype: str) -> np.ndarray:
    """Numbers with holes, an empty corner, and zeros that are data in floats."""
    out = np.random.default_rng(0).random((layers, size[1], size[0])).astype(np.float32)
    if dtype != "float32":
        out = 1 + out * (np.iinfo(dtype).max - 1)
    out[:, : size[1] // 2, : size[0] // 2] = np.nan
    out[0, -3, -5:] = np.nan
    out[-1, -7] = 0.0
    return np.nan_to_num(out).astype(dtype) if dtype != "float32" else out


def raster(
    made: MapGrid | None, layers: tuple[Layer, ...] = RGB, dtype: str = "float32", size: tuple[int, int] = SIZE
) -> tuple[Raster, np.ndarray]:
    data = values(len(layers), size, dtype)
    scale, offset = (1.0, 0.0) if dtype == "float32" else (0.0001, -0.05)
    return Raster(
        made, layers, *size, dtype, "linear", ORIGIN, lambda first, last: data[:, first:last], scale, offset
    ), data  # type: ignore[arg-type]


def all_rows(read: Raster) -> np.ndarray:
    return np.concatenate([rows for _, rows in read.bands()], axis=1)


def valid(path: Path) -> bool:
    good, errors, said = cog_validate(str(path), strict=True, quiet=True)
    assert (errors, said) == ([], [])
    return bool(good)


@pytest.mark.parametrize("cog", [True, False])
@pytest.mark.parametrize("layers", [RGB, MANY, RGB[:1]], ids=["rgb", "many", "one"])
@pytest.mark.parametrize("dtype", ["float32", "uint16", "uint8"])
def test_maps_come_back_whole(tmp_path: Path, dtype: str, layers: tuple[Layer, ...], cog: bool) -> None:
    made, data = raster(grid(), layers, dtype)
    write_geotiff(made, tmp_path / "a.tif", cog=cog)
    assert [one.name for one in tmp_path.iterdir()] == ["a.tif"]
    read = read_geotiff(tmp_path / "a.tif")
    np.testing.assert_array_equal(all_rows(read), data)
    assert replace(read, rows=made.rows, origin=ORIGIN) == made
    assert dict(read.origin) == ORIGIN
    assert valid(tmp_path / "a.tif")
    theirs = tifffile.imread(tmp_path / "a.tif")
    np.testing.assert_array_equal(np.moveaxis(theirs, -1, 0) if len(layers) == 3 else theirs.reshape(data.shape), data)


@pytest.mark.parametrize("latitudes", ["centric", "graphic"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_point_is_where_others_see_it(tmp_path: Path, kind: str, latitudes: str) -> None:
    made = grid(kind, latitudes)
    path = tmp_path / "a.tif"
    write_geotiff(raster(made, RGB[:1])[0], path)
    assert [one.name for one in tmp_path.iterdir()] == ["a.tif"]
    latitude, longitude = made.place_of(33.5, 71.5)
    expected = [math.degrees(longitude), math.degrees(float(made.shown_latitude(latitude)))]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with rasterio.open(path) as source:
            x, y = source.xy(33, 71)
            tags = source.tags()
            read = source.crs.to_wkt(version="WKT2_2019")
    # by the file's own keys, and by the text in its tags
    for text in (read, tags["PERIJOVE_WKT2"]):
        system = pyproj.CRS.from_wkt(text)
        geodetic = system.geodetic_crs
        assert geodetic is not None
        found = pyproj.Transformer.from_crs(system, geodetic, always_xy=True).transform(x, y)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
    assert tags["PERIJOVE_WKT2"] == crs_of(made).to_wkt()
    assert (tags["PERIJOVE_BODY"], tags["PERIJOVE_LATITUDES"]) == ("JUPITER", f"planeto{latitudes}")
    assert tags["PERIJOVE_LONGITUDES"] == "west"
    assert float(tags["PERIJOVE_KM_PER_PX"]) == made.scale_km
    assert read_geotiff(path).grid == made


@pytest.mark.parametrize("kind", KINDS)
def test_gdals_programs_place_a_point(tmp_path: Path, kind: str) -> None:
    if shutil.which("gdalinfo") is None or shutil.which("gdaltransform") is None:
        pytest.skip("no gdalinfo and gdaltransform: install gdal-bin")
    made, path = grid(kind), tmp_path / "a.tif"
    write_geotiff(raster(made)[0], path)
    # without the environment of rasterio's own data files
    clean = {key: text for key, text in os.environ.items() if key not in ("GDAL_DATA", "PROJ_DATA", "PROJ_LIB")}
    told = subprocess.run(["gdalinfo", "-json", str(path)], capture_output=True, text=True, check=True, env=clean)
    assert told.stderr == ""
    info = json.loads(told.stdout)
    assert [band["description"] for band in info["bands"]] == ["RED", "GREEN", "BLUE"]
    assert [band["colorInterpretation"] for band in info["bands"]] == ["Red", "Green", "Blue"]
    assert {band["unit"] for band in info["bands"]} == {"I/F"}
    left, across, _, top, _, down = info["geoTransform"]
    line, sample = 33.5, 71.5
    system = info["coordinateSystem"]["wkt"]
    geodetic = pyproj.CRS.from_wkt(system).geodetic_crs
    assert geodetic is not None
    command = ["gdaltransform", "-s_srs", system, "-t_srs", geodetic.to_wkt()]
    asked = f"{left + sample * across:.9f} {top + line * down:.9f}\n"
    ran = subprocess.run(command, input=asked, capture_output=True, text=True, check=True, env=clean)
    longitude, latitude, *_ = (float(number) for number in ran.stdout.split())
    np.testing.assert_allclose([latitude, longitude], np.degrees(made.place_of(line, sample)), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("latitude", "longitude", "kind", "code"),
    [(0, 0, "equirectangular", 10), (0, 180, "sinusoidal", 25), (0, 180, "orthographic", 70), (40, 0, "laea", 80)],
)
def test_codes_survive(tmp_path: Path, latitude: float, longitude: float, kind: str, code: int) -> None:
    projection = Projection(kind, 1821.49, math.radians(latitude), math.radians(longitude))
    made = MapGrid(IO, projection, "centric", 5.0, -300.0, 200.0, *SIZE)
    write_geotiff(raster(made)[0], tmp_path / "a.tif")
    with rasterio.open(tmp_path / "a.tif") as source:
        assert source.crs.to_authority() == ("IAU_2015", f"{50100 + code}")
        assert source.tags()["PERIJOVE_CRS"] == f"IAU_2015:{50100 + code}"


def test_what_files_say_of_themselves(tmp_path: Path) -> None:
    write_geotiff(raster(grid(), MANY, "uint16")[0], tmp_path / "a.tif")
    with rasterio.open(tmp_path / "a.tif") as source:
        assert source.descriptions == tuple(layer.name for layer in MANY)
        assert source.units == tuple(layer.unit for layer in MANY)
        assert source.nodata == 0
        assert (source.scales, source.offsets) == ((0.0001,) * 6, (-0.05,) * 6)
        assert [colour.name for colour in source.colorinterp] == ["red", "green", "blue", *["undefined"] * 3]
        assert source.profile["interleave"] == "band"
        assert source.tags(5)["DESCRIPTION"] == "bits: ü"
        tags = source.tags()
    assert json.loads(tags["PROVENANCE"]) == ORIGIN
    assert tags["TIFFTAG_ARTIST"].endswith("Zoë")
    assert tags["TIFFTAG_SOFTWARE"].startswith("perijove")
    assert (tags["TRANSFER"], tags["BANDS"].split(",")[3]) == ("linear", "RED sigma")
    assert tags["QUALITY_BITS"].startswith("1 ")


@pytest.mark.parametrize("dtype", ["float32", "uint16"])
def test_overviews(tmp_path: Path, dtype: str) -> None:
    """Means of light, the first of quality and geometry, in a file of two overviews with odd sizes and empty tiles."""
    size = (1203, 1101)
    made, data = raster(grid(size=size), MANY, dtype, size)
    write_geotiff(made, tmp_path / "a.tif")
    assert valid(tmp_path / "a.tif")
    with rasterio.open(tmp_path / "a.tif") as source:
        assert source.overviews(1) == [2, 4]
        np.testing.assert_array_equal(source.read(), data)
    with rasterio.open(tmp_path / "a.tif", overview_level=0) as source:
        half = source.read()
    padded = np.pad(data, ((0, 0), (0, 1), (0, 1)), constant_values=0 if dtype == "uint16" else np.nan)
    cells = np.stack([padded[:, a::2, b::2] for a in (0, 1) for b in (0, 1)]).astype(float)
    cells[cells == (0 if dtype == "uint16" else np.inf)] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        mean = np.nanmean(cells[:, :4], axis=0)
    first = np.take_along_axis(cells[:, 4:], np.argmax(~np.isnan(cells[:, 4:]), axis=0)[None], axis=0)[0]
    expected = np.concatenate([np.floor(mean + 0.5) if dtype == "uint16" else mean, first])
    np.testing.assert_allclose(half, np.nan_to_num(expected) if dtype == "uint16" else expected, rtol=1e-6)
    with rasterio.open(tmp_path / "a.tif", overview_level=1) as source:
        quarter = source.read()
    out = np.empty((6, 276, 301), half.dtype)
    halve(half, out, [True] * 4 + [False] * 2)
    np.testing.assert_array_equal(quarter, out)


def test_empty_tiles_take_no_room(tmp_path: Path) -> None:
    size = (2048, 1024)
    data = np.full((1, 1024, 2048), np.nan, np.float32)
    data[0, 600, 100] = 0.0
    made = Raster(grid(size=size), RGB[:1], *size, "float32", "linear", {}, lambda a, b: data[:, a:b])
    write_geotiff(made, tmp_path / "a.tif")
    assert valid(tmp_path / "a.tif")
    np.testing.assert_array_equal(all_rows(read_geotiff(tmp_path / "a.tif")), data)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert np.count_nonzero(file.pages[0].databytecounts) == 1  # type: ignore[union-attr]
        np.testing.assert_array_equal(file.asarray(), data[0])


def test_an_empty_map(tmp_path: Path) -> None:
    data = np.zeros((3, 700, 600), np.uint8)
    made = Raster(grid(size=(600, 700)), RGB, 600, 700, "uint8", "srgb", {}, lambda a, b: data[:, a:b])
    write_geotiff(made, tmp_path / "a.tif")
    assert not all_rows(read_geotiff(tmp_path / "a.tif")).any()


def test_what_has_no_place_on_a_map(tmp_path: Path) -> None:
    made, data = raster(None)
    write_geotiff(made, tmp_path / "a.tif")
    read = read_geotiff(tmp_path / "a.tif")
    assert read.grid is None
    np.testing.assert_array_equal(all_rows(read), data)


def test_large_files_have_long_offsets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perijove.io.cog._CLASSIC_BYTES", 1000)
    size = (1203, 600)
    made, data = raster(grid(size=size), size=size)
    write_geotiff(made, tmp_path / "a.tif")
    assert (tmp_path / "a.tif").read_bytes()[:4] == b"II+\0"
    assert valid(tmp_path / "a.tif")
    np.testing.assert_array_equal(all_rows(read_geotiff(tmp_path / "a.tif")), data)


def test_a_file_that_is_there_is_replaced_and_kept_on_failure(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(b"old")
    made, _ = raster(grid())

    def broken(first: int, last: int) -> np.ndarray:
        raise MapError("the source is cut short")

    with pytest.raises(MapError, match="the source is cut short"):
        write_geotiff(replace(made, rows=broken), path)
    assert [one.name for one in tmp_path.iterdir()] == ["a.tif"]
    assert path.read_bytes() == b"old"
    write_geotiff(made, path)
    assert path.read_bytes()[:2] == b"II"


FULL = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from perijove.errors import OutputError
from perijove.io.geotiff import write_geotiff
from perijove.raster import Layer, Raster
data = np.random.default_rng(0).random((3, 600, 900), np.float32)
raster = Raster(None, (Layer("a", "", "light"),) * 3, 900, 600, "float32", "linear", {}, lambda a, b: data[:, a:b])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for limit in (2000, 700_000, 6_800_000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        write_geotiff(raster, Path(sys.argv[1]) / "full.tif")
    except OutputError as error:
        print(error)
"""


def test_a_disk_that_takes_only_a_part(tmp_path: Path) -> None:
    """GDAL's threads say nothing of what the system refuses: the file would lack tiles."""
    ran = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True)
    said = ran.stdout.splitlines()
    assert ran.stderr == ""
    assert len(said) == 3
    assert all(line.startswith(f"cannot write {tmp_path / 'full.tif'}: ") and "has room" in line for line in said)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perijove.io.geotiff.shutil.disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 99))
    with pytest.raises(OutputError, match=r"a\.tif: \d+ MB are needed, and the disk has 0 MB left; choose a folder"):
        write_geotiff(raster(grid())[0], tmp_path / "a.tif")
    assert list(tmp_path.iterdir()) == []


TINY = """
import shutil, sys
from pathlib import Path
import numpy as np
from perijove.errors import OutputError
from perijove.io import geotiff
from perijove.raster import Layer, Raster
data = np.random.default_rng(0).random((3, 1100, 900), np.float32)
raster = Raster(None, (Layer("a", "", "light"),) * 3, 900, 1100, "float32", "linear", {}, lambda a, b: data[:, a:b])
real = shutil.disk_usage
for free in (None, 10**12):
    # once as it is, once as where others fill it after we looked
    shutil.disk_usage = real if free is None else lambda path: shutil._ntuple_diskusage(free, 0, free)
    try:
        geotiff.write_geotiff(raster, Path(sys.argv[1]) / "full.tif")
    except OutputError as error:
        print(error)
"""


def test_a_tiny_disk_is_told_in_one_sentence(tmp_path: Path) -> None:
    """libtiff prints a line for each tile that a full disk refuses: none of them is to be seen."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    command = [mount or "", "-t", "tmpfs", "-o", "size=300k", "none", str(disk)]
    if mount is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no tmpfs can be mounted here: run as root on Linux")
    try:
        ran = subprocess.run([sys.executable, "-c", TINY, str(disk)], capture_output=True, text=True, check=True)
        left = list(disk.iterdir())
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    looked, taken = ran.stdout.splitlines()
    assert looked.startswith(f"cannot write {disk / 'full.tif'}: ")
    assert "MB are needed, and the disk has 0 MB left" in looked
    assert taken.startswith(f"cannot write {disk / 'full.tif'}: ")
    assert "has room" in taken
    assert ran.stderr == ""
    assert left == []


def test_room_is_looked_for_before_the_file_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perijove.io.geotiff.shutil.disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 0))
    monkeypatch.setattr("perijove.io.geotiff.rasterio.open", lambda *_, **__: pytest.fail("it was opened"))
    with pytest.raises(OutputError, match=r"a\.tif: 0 MB are needed, and the disk has 0 MB left"):
        write_geotiff(raster(grid())[0], tmp_path / "a.tif")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"b/a\.tif: No such file or directory"):
        write_geotiff(raster(grid())[0], tmp_path / "b" / "a.tif")


def test_maps_that_others_warped(tmp_path: Path) -> None:
    """The tags of a warped file still tell of the old place: its coordinates count."""
    size = (400, 300)
    made, _ = raster(grid(size=size), size=size)
    write_geotiff(made, tmp_path / "a.tif")
    with rasterio.open(tmp_path / "a.tif") as source:
        target = rasterio.crs.CRS.from_authority("IAU_2015", 59925)
        step, width, height = Affine(9e4, 0, -1.2e7, 0, -9e4, 5e6), 350, 280
        profile = {**source.profile, "crs": target, "transform": step, "width": width, "height": height}
        with rasterio.open(tmp_path / "b.tif", "w", **profile) as other:
            other.update_tags(**source.tags())
            other.descriptions = source.descriptions
            warped = np.full((3, height, width), np.nan, np.float32)
            reproject(source.read(), warped, src_transform=source.transform, src_crs=source.crs, dst_transform=step,
                      dst_crs=target, resampling=Resampling.nearest, src_nodata=np.nan, dst_nodata=np.nan)  # fmt: skip
            other.write(warped)
    read = read_geotiff(tmp_path / "b.tif")
    assert read.grid is not None
    assert (read.grid.body, read.grid.projection.kind) == (JUPITER, "sinusoidal")
    assert read.grid.projection.longitude == pytest.approx(math.pi)
    assert [layer.name for layer in read.layers] == ["RED", "GREEN", "BLUE"]
    assert dict(read.origin) == ORIGIN
    np.testing.assert_array_equal(all_rows(read), warped)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dtype": "int16", "nodata": -1}, r"holds int16 with -1\.0 for no data"),
        ({"nodata": None}, "holds float32 with None for no data"),
        ({"crs": None}, "has no coordinate system"),
        ({"crs": "EPSG:32633"}, "lies on an ellipsoid"),
    ],
)
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_what_is_no_map(tmp_path: Path, change: dict[str, object], message: str) -> None:
    system = rasterio.crs.CRS.from_wkt(crs_of(grid()).to_wkt())
    step = Affine(1, 0, 0, 0, -1, 0)
    profile = {"width": 4, "height": 4, "count": 1, "dtype": "float32", "nodata": np.nan, "crs": system, **change}
    profile |= {"driver": "GTiff", "transform": step}
    with rasterio.open(tmp_path / "a.tif", "w", **profile) as file:
        file.write(np.ones((1, 4, 4), profile["dtype"]))
    with pytest.raises(MapError, match=message):
        read_geotiff(tmp_path / "a.tif")


def test_unreadable_files(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_text("no")
    for name in ("a.tif", "missing.tif"):
        with pytest.raises(MapError, match=rf"{name} cannot be read as a GeoTIFF"):
            read_geotiff(tmp_path / name)
    made, _ = raster(grid())
    write_geotiff(made, tmp_path / "b.tif")
    whole = (tmp_path / "b.tif").read_bytes()
    (tmp_path / "b.tif").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(MapError, match=r"b\.tif cannot be read"):
        all_rows(read_geotiff(tmp_path / "b.tif"))
