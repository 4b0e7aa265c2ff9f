"""Basemaps from files: one painted globe in every shape that maps come in, and what is refused."""

from pathlib import Path
from xml.sax.saxutils import escape

import cv2
import numpy as np
import pytest
import rasterio
from affine import Affine

from perijove.attitude.basemap import Basemap
from perijove.bodies import EUROPA, GANYMEDE, JUPITER, Body
from perijove.errors import MapError, UsageError
from perijove.geometry.mapgrid import MAP_RADIUS_KM, MapGrid
from perijove.geometry.projection import Projection
from perijove.instrument import Filter
from perijove.io.basemap import read_basemap
from perijove.io.maps import write_map
from perijove.raster import Layer, Raster


def painted(latitude, longitude):
    """Light of a place, planetocentric and east, rad: smooth, and alike nowhere else."""
    return (
        0.5 + 0.2 * np.sin(latitude) + 0.15 * np.cos(latitude) * np.cos(longitude - 0.7) + 0.02 * np.sin(5 * latitude)
    )


def agrees(basemap: Basemap, light=None, tolerance: float = 4e-3) -> float:
    """Check the light of a basemap where it has any, and give the share where it has."""
    light = basemap.light if light is None else light
    rows, columns = light.shape
    latitude = basemap.north - (np.arange(rows) + 0.5) * basemap.step
    longitude = basemap.west + (np.arange(columns) + 0.5) * basemap.step
    known = np.isfinite(light)
    error = np.abs(light - painted(latitude[:, None], longitude[None]))[known]
    assert error.max() < tolerance
    return float(known.mean())


def own_map(
    path: Path, body: Body, projection: Projection, latitudes: str, size: tuple[int, int], scale: float
) -> Path:
    """A map as this package writes it, in RED and BLUE, the latter half as bright."""
    width, height = size
    left = -0.5 * width * scale
    grid = MapGrid(body, projection, latitudes, scale, left, 0.5 * height * scale, width, height)
    line, sample = np.mgrid[:height, :width] + 0.5
    place = grid.place_of(line, sample)
    light = painted(place[..., 0], place[..., 1]).astype(np.float32)
    stack = np.stack([light, 0.5 * light, np.full_like(light, 0.01)])
    layers = (Layer("RED", "I/F", "light"), Layer("BLUE", "I/F", "light"), Layer("RED sigma", "I/F", "sigma"))
    raster = Raster(
        grid, layers, width, height, "float32", "linear", {}, lambda first, last: stack[:, first:last].copy()
    )
    write_map(raster, path)
    return path


@pytest.mark.parametrize(("kind", "latitudes", "share"), [
    ("equirectangular", "centric", 0.9), ("equirectangular", "graphic", 0.9), ("sinusoidal", "centric", 0.9),
    ("polar-south", "centric", 0.2), ("orthographic", "graphic", 0.4),
])  # fmt: skip
def test_maps_of_our_own(tmp_path, kind, latitudes, share):
    radius = MAP_RADIUS_KM["JUPITER"]
    scale = 2 * np.pi * radius / 360
    size = (360, 180) if kind in ("equirectangular", "sinusoidal") else (160, 160)
    path = own_map(tmp_path / "m.tif", JUPITER, Projection(kind, radius), latitudes, size, scale)
    basemap = read_basemap(path, JUPITER)
    assert basemap.body == "JUPITER"
    assert basemap.name == str(path)
    assert basemap.step == pytest.approx(np.radians(1.0), rel=0.01)
    # towards the edge of the disc an orthographic map is coarse
    assert agrees(basemap, basemap.bands[Filter.RED], 8e-3 if kind == "orthographic" else 4e-3) > share
    np.testing.assert_allclose(basemap.light, 0.75 * basemap.of(Filter.RED), rtol=1e-5)
    np.testing.assert_allclose(basemap.of(Filter.BLUE), 0.5 * basemap.of(Filter.RED), rtol=1e-5)
    assert basemap.of(Filter.GREEN) is basemap.light


def foreign(path: Path, crs: str, transform: Affine, latitude, longitude, *, nodata: bool = False) -> Path:
    """A GeoTIFF of one band by another program, 16 bits or, with a hole, floating point."""
    light = painted(latitude, longitude)
    kind = "float32" if nodata else "uint16"
    value = light.astype(np.float32) if nodata else np.round(light * 10000).astype(np.uint16)
    if nodata:
        value[:20, :20] = -9999.0
    options = {"nodata": -9999.0} if nodata else {}
    height, width = light.shape
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=width,
        height=height,
        count=1,
        dtype=kind,
        crs=crs,
        transform=transform,
        **options,
    ) as file:
        file.write(value, 1)
    return path


def degrees_grid(west: float):
    """Middles of a degree's pixels, rad, of a globe whose left edge lies at `west`."""
    return np.meshgrid(np.radians(89.5 - np.arange(180)), np.radians(west + 0.5 + np.arange(360)), indexing="ij")


@pytest.mark.parametrize("west", [-180.0, 0.0])
def test_longitudes_and_latitudes_in_degrees(tmp_path, west):
    lat, lon = degrees_grid(west)
    path = foreign(tmp_path / "m.tif", "IAU_2015:50300", Affine(1, 0, west, 0, -1, 90), lat, lon, nodata=True)
    basemap = read_basemap(path, GANYMEDE)
    assert basemap.round
    assert agrees(basemap) == pytest.approx(1 - 400 / 64800, abs=2e-3)


def test_an_ellipsoid_has_planetographic_latitudes_and_these_count_to_the_west(tmp_path):
    lat, lon = degrees_grid(-180.0)
    a, c = JUPITER.radii_km[0], JUPITER.radii_km[2]
    centric = np.arctan(c * c / a / a * np.tan(lat))
    # Jupiter (2015) / Ographic / Equirectangular: x grows to the west, which GeoTIFF cannot say, but a VRT can
    metres = np.radians(1.0) * 71492000.0
    foreign(tmp_path / "m.tif", "IAU_2015:59910", Affine(1000, 0, 0, 0, -1000, 0), centric, -lon)
    wkt = rasterio.crs.CRS.from_user_input("IAU_2015:59911").to_wkt(version="WKT2_2019")
    assert "westing" in wkt.lower()
    (tmp_path / "m.vrt").write_text(
        f"""<VRTDataset rasterXSize="360" rasterYSize="180"><SRS>{escape(wkt)}</SRS>
        <GeoTransform>{-180 * metres}, {metres}, 0, {90 * metres}, 0, {-metres}</GeoTransform>
        <VRTRasterBand dataType="UInt16" band="1"><SimpleSource><SourceFilename relativeToVRT="1">m.tif</SourceFilename>
        <SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"""
    )
    basemap = read_basemap(tmp_path / "m.vrt", JUPITER)
    assert agrees(basemap, basemap.light / 10000, 0.01) > 0.9


def test_a_projection_that_is_none_of_ours(tmp_path):
    # Mollweide's, on the sphere of Ganymede, by pyproj
    from pyproj import Proj

    crs = "+proj=moll +lon_0=180 +R=2631200 +units=m +no_defs"
    metres = 40000.0
    x, y = np.meshgrid((np.arange(372) - 185.5) * metres, (92.5 - np.arange(186)) * metres)
    lon, lat = Proj(crs)(x, y, inverse=True)
    off = ~np.isfinite(lon) | ~np.isfinite(lat)
    path = foreign(
        tmp_path / "m.tif", crs, Affine(metres, 0, -186 * metres, 0, -metres, 93 * metres),
        np.radians(np.where(off, 0, lat)), np.radians(np.where(off, 0, lon)),
    )  # fmt: skip
    basemap = read_basemap(path, GANYMEDE)
    rows = np.abs(basemap.north - (np.arange(len(basemap.light)) + 0.5) * basemap.step) < np.radians(60)
    part = Basemap(
        "", "", basemap.light[rows] / 10000, np.float64(basemap.north) - np.flatnonzero(rows)[0] * basemap.step,
        basemap.west, basemap.step, basemap.finest,
    )  # fmt: skip
    inner = part.light.copy()
    # the seam at longitude 0 draws from what lies beside the map
    at = np.mod(part.west + (np.arange(inner.shape[1]) + 0.5) * part.step, 2 * np.pi)
    inner[:, (at < 0.25) | (at > 2 * np.pi - 0.25)] = np.nan
    assert agrees(part, inner, 0.01) > 0.9


def picture(path: Path, centre: float, size: tuple[int, int] = (360, 180)) -> Path:
    width, height = size
    lat = np.radians(90 - (np.arange(height) + 0.5) * 180 / height)
    lon = np.radians(centre - 180 + (np.arange(width) + 0.5) * 360 / width)
    grey = np.round(255 * painted(lat[:, None], lon[None])).astype(np.uint8)
    cv2.imwrite(str(path), np.stack([grey, grey // 2, grey // 4], axis=-1))
    return path


@pytest.mark.parametrize(("name", "centre"), [("m.png", 0.0), ("m.jpg", 180.0), ("m.png", -75.5)])
def test_a_picture_of_the_globe_about_a_longitude(tmp_path, name, centre):
    basemap = read_basemap(picture(tmp_path / name, centre), GANYMEDE, centre_deg=centre)
    assert basemap.round
    assert basemap.step == pytest.approx(np.radians(1.0))
    # 8 bits, and what JPEG makes of them; blue comes first in the file's memory
    assert agrees(basemap, basemap.bands[Filter.BLUE] / 255, 0.02) == 1.0
    assert set(basemap.bands) == {Filter.RED, Filter.GREEN, Filter.BLUE}


def test_what_is_no_map_is_refused_by_name(tmp_path):
    globe = picture(tmp_path / "m.png", 0.0)
    with pytest.raises(UsageError, match=r"m\.png has no coordinate system: .*--tie-centre"):
        read_basemap(globe, GANYMEDE)
    with pytest.raises(UsageError, match=r"--tie-centre nan is no longitude"):
        read_basemap(globe, GANYMEDE, centre_deg=float("nan"))
    with pytest.raises(UsageError, match=r"n\.png has 300 x 180 px .* twice as wide as high"):
        read_basemap(picture(tmp_path / "n.png", 0.0, (300, 180)), GANYMEDE, centre_deg=0.0)
    with pytest.raises(MapError, match=r"absent\.tif is not there"):
        read_basemap(tmp_path / "absent.tif", GANYMEDE)
    torn = tmp_path / "torn.tif"
    torn.write_bytes(b"II*\x00 and nothing more")
    with pytest.raises(MapError, match=r"torn\.tif cannot be read as a map"):
        read_basemap(torn, GANYMEDE)


def test_another_body_is_refused(tmp_path):
    lat, lon = degrees_grid(-180.0)
    here = Affine(1, 0, -180, 0, -1, 90)
    ganymede = foreign(tmp_path / "g.tif", "IAU_2015:50300", here, lat, lon)
    with pytest.raises(MapError, match=r"g\.tif is a map of GANYMEDE, not of EUROPA"):
        read_basemap(ganymede, EUROPA)
    earth = foreign(tmp_path / "e.tif", "EPSG:4326", here, lat, lon)
    with pytest.raises(MapError, match=r"e\.tif is drawn for a body of 6378\.1 km.*--tie-centre"):
        read_basemap(earth, GANYMEDE)
    radius = MAP_RADIUS_KM["JUPITER"]
    scale = 2 * np.pi * radius / 90
    own = own_map(tmp_path / "j.tif", JUPITER, Projection("equirectangular", radius), "centric", (90, 45), scale)
    with pytest.raises(MapError, match=r"j\.tif is a map of JUPITER, not of GANYMEDE"):
        read_basemap(own, GANYMEDE)


def test_a_large_map_is_averaged(tmp_path, monkeypatch):
    monkeypatch.setattr("perijove.io.basemap.MOST_PX", 60 * 120.0)
    # read in strips of rows, the last one shorter
    monkeypatch.setattr("perijove.io.basemap._ROWS", 7)
    basemap = read_basemap(picture(tmp_path / "m.png", 0.0), GANYMEDE, centre_deg=0.0)
    assert basemap.light.shape == (60, 120)
    assert agrees(basemap, basemap.bands[Filter.BLUE] / 255, 0.01) == 1.0


def test_a_map_too_long_to_be_looked_up_is_drawn_coarser(tmp_path, monkeypatch):
    monkeypatch.setattr("perijove.io.basemap.LONGEST_PX", 100)
    basemap = read_basemap(picture(tmp_path / "m.png", 0.0), GANYMEDE, centre_deg=0.0)
    assert basemap.light.shape == (50, 100)
    assert agrees(basemap, basemap.bands[Filter.BLUE] / 255, 0.01) == 1.0
