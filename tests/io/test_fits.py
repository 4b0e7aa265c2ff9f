import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from astropy.wcs.utils import wcs_to_celestial_frame

from perijove.errors import MapError, OutputError, UsageError
from perijove.geometry.mapgrid import MapGrid
from perijove.io.fits import _ascii, _sum, read_fits, write_fits
from perijove.raster import Kind, Layer, Raster

Grids = Callable[..., MapGrid]
Rasters = Callable[..., Raster]
KINDS = [
    ("equirectangular", 20.0),
    ("sinusoidal", 0.0),
    ("polar-north", 90.0),
    ("polar-south", -90.0),
    ("orthographic", 35.0),
    ("orthographic", -35.0),
    ("laea", 50.0),
    ("laea", -50.0),
    ("perspective", 15.0),
    ("perspective", -15.0),
]


def all_rows(raster: Raster) -> np.ndarray:
    return np.concatenate([rows for _, rows in raster.bands()], axis=1)


@pytest.mark.parametrize(("body", "latitudes"), [("JUPITER", "centric"), ("JUPITER", "graphic"), ("IO", "centric")])
@pytest.mark.parametrize(("kind", "latitude"), KINDS)
def test_astropy_places_pixels(
    make_grid: Grids,
    make_raster: Rasters,
    tmp_path: Path,
    kind: str,
    latitude: float,
    body: str,
    latitudes: str,
) -> None:
    grid = make_grid(kind, body, latitudes, latitude, width=41, height=30)
    write_fits(make_raster(grid), tmp_path / "map.fits")
    rng = np.random.default_rng(3)
    sample, line = rng.random(100) * grid.width, rng.random(100) * grid.height
    centric, east = grid.place_of(line, sample).T
    seen = np.isfinite(centric)
    assert seen.sum() > 50
    shown, east = np.degrees(grid.shown_latitude(centric[seen])), np.degrees(east[seen])
    with fits.open(tmp_path / "map.fits") as file:
        for name in ("LIGHT", "LATITUDE"):
            wcs = WCS(file[name].header).celestial
            # FITS counts pixels from 1 at their centres, lines from below
            lon, lat = wcs.wcs_pix2world(sample[seen] + 0.5, grid.height - line[seen] + 0.5, 1)
            assert np.abs(lat - shown).max() < 1e-9
            assert np.abs((lon - east + 180.0) % 360.0 - 180.0).max() < 1e-9
            x, y = wcs.wcs_world2pix(east, shown, 1)
            assert np.abs(x - sample[seen] - 0.5).max() < 1e-9
            assert np.abs(grid.height + 0.5 - y - line[seen]).max() < 1e-9
        assert wcs.wcs.ctype[0].startswith("JULN-" if body == "JUPITER" else "STLN-")


def test_astropy_knows_the_kind_of_latitude(make_grid: Grids, make_raster: Rasters, tmp_path: Path) -> None:
    names = {}
    for latitudes in ("centric", "graphic"):
        write_fits(make_raster(make_grid(latitudes=latitudes)), tmp_path / "map.fits")
        wcs = WCS(fits.getheader(tmp_path / "map.fits", "RANGE"))
        assert wcs.wcs.aux.a_radius == wcs.wcs.aux.c_radius == 71492e3
        names[latitudes] = wcs_to_celestial_frame(wcs).representation_type.__name__
    assert names == {"centric": "JupiterBodycentricRepresentation", "graphic": "JupiterGeodeticRepresentation"}


@pytest.mark.parametrize("dtype", ["float32", "uint8", "uint16"])
@pytest.mark.parametrize("placed", [True, False])
def test_comes_back_bit_by_bit(
    make_grid: Grids, make_raster: Rasters, tmp_path: Path, dtype: Kind, placed: bool
) -> None:
    raster = make_raster(make_grid() if placed else None, dtype)
    write_fits(raster, tmp_path / "map.fits")
    back = read_fits(tmp_path / "map.fits")
    assert all_rows(back).tobytes() == all_rows(raster).tobytes()
    assert replace(back, rows=raster.rows) == raster
    assert back.rows(7, 8).tobytes() == raster.rows(7, 8).tobytes()


@pytest.mark.parametrize("dtype", ["float32", "uint8", "uint16"])
def test_astropy_reads_values_with_the_lowest_line_first(
    make_grid: Grids, make_raster: Rasters, tmp_path: Path, dtype: Kind
) -> None:
    raster = make_raster(make_grid(), dtype)
    write_fits(raster, tmp_path / "map.fits")
    values = all_rows(raster)[:, ::-1].astype(float)
    if dtype != "float32":
        values = np.where(values == 0, np.nan, values * 0.1 + 0.3)
    with fits.open(tmp_path / "map.fits", checksum=True) as file:
        assert [hdu.name for hdu in file[1:-1]] == ["LIGHT", "SIGMA", "QUALITY", "LATITUDE", "RANGE"]
        assert file["LIGHT"].header["BAND2"] == "GREEN"
        assert file["LATITUDE"].header["BUNIT"] == "deg"
        assert "BUNIT" not in file["LIGHT"].header
        # integers become values in 32 bits
        room = 0.0 if dtype == "float32" else 1e-3
        for name, indices in (("LIGHT", [0, 2]), ("SIGMA", [1, 3]), ("LATITUDE", 5), ("RANGE", 6)):
            assert np.allclose(file[name].data, values[indices], rtol=1e-6, atol=room, equal_nan=True)
        if dtype == "float32":
            assert file["QUALITY"].header["BITPIX"] == 16
        # whole numbers with a BLANK are floats in astropy
        assert np.allclose(file["QUALITY"].data, values[4], atol=room, equal_nan=True)


def test_north_is_up_where_the_first_stored_line_is_below(
    make_grid: Grids, make_raster: Rasters, tmp_path: Path
) -> None:
    grid = make_grid()
    write_fits(make_raster(grid), tmp_path / "map.fits")
    wcs = WCS(fits.getheader(tmp_path / "map.fits", "RANGE"))
    assert wcs.wcs_pix2world(9.0, 241.0, 1)[1] > wcs.wcs_pix2world(9.0, 240.0, 1)[1]
    # the data agree: the picture's first line is the northernmost, the file's last
    stored = fits.getdata(tmp_path / "map.fits", "RANGE")
    assert np.array_equal(stored[-1], all_rows(make_raster(grid))[6, 0], equal_nan=True)


@pytest.mark.parametrize("dtype", ["float32", "uint16"])
def test_every_hdu_is_valid_and_has_its_checksum(
    make_grid: Grids, make_raster: Rasters, tmp_path: Path, dtype: Kind
) -> None:
    write_fits(make_raster(make_grid("perspective", "IO"), dtype), tmp_path / "map.fits")
    with fits.open(tmp_path / "map.fits") as file:
        for hdu in file:
            hdu.verify("exception")
            assert (hdu.verify_checksum(), hdu.verify_datasum()) == (1, 1), hdu.name
    assert (tmp_path / "map.fits").stat().st_size % 2880 == 0


def test_checksum_of_the_standard() -> None:
    # the example of the standard's appendix J
    assert _ascii(0xFFFFFFFF - 868229149) == b"hcHjjc9ghcEghc9g"
    assert _sum(b"\x01\x02", 3) == 0x01 + (0x02 << 24)


def test_header_says_whose_it_is(make_grid: Grids, make_raster: Rasters, tmp_path: Path) -> None:
    write_fits(make_raster(make_grid("laea", "GANYMEDE")), tmp_path / "map.fits")
    header = fits.getheader(tmp_path / "map.fits")
    assert header["OBJECT"] == "Ganymede"
    assert header["CREDIT"] == "NASA/JPL-Caltech/SwRI/MSSS, image processing: Gerald Eichstadt"
    assert header["INPUT1"] == "JNCE_2022272_45C00029_V01"
    assert header["TELESCOP"] == "Juno"


def test_the_same_map_gives_the_same_bytes(make_grid: Grids, make_raster: Rasters, tmp_path: Path) -> None:
    for name in ("a.fits", "b.fits"):
        write_fits(make_raster(make_grid()), tmp_path / name)
    assert (tmp_path / "a.fits").read_bytes() == (tmp_path / "b.fits").read_bytes()


def test_layers_of_one_role_with_several_units_and_names_alike(
    make_grid: Grids, make_raster: Rasters, tmp_path: Path
) -> None:
    layers = (
        Layer("a", "I/F", "light"),
        Layer("b", "DN", "light"),
        Layer("c", "I/F", "light"),
        Layer("light", "km", "geometry"),
        Layer("größe", "", "geometry"),
    )
    raster = make_raster(make_grid(), layers=layers)
    write_fits(raster, tmp_path / "map.fits")
    with fits.open(tmp_path / "map.fits") as file:
        assert [hdu.name for hdu in file[1:-1]] == ["LIGHT", "LIGHT_2", "LIGHT_3", "GR_E"]
        assert file["LIGHT"].data.shape[0] == 2
    assert all_rows(read_fits(tmp_path / "map.fits")).tobytes() == all_rows(raster).tobytes()


def test_quality_that_is_no_bits_is_refused(make_raster: Rasters, tmp_path: Path) -> None:
    raster = make_raster(None, layers=(Layer("x", "", "light"), Layer("q", "", "quality")))
    broken = replace(raster, rows=lambda a, b: raster.rows(a, b) + np.float32(0.5))
    with pytest.raises(OutputError, match="numbers that are no bits"):
        write_fits(broken, tmp_path / "map.fits")
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_map_is_told_in_a_sentence(make_grid: Grids, make_raster: Rasters, tmp_path: Path) -> None:
    path = tmp_path / "map.fits"
    for data, told in ((b"", "cannot be read as FITS"), (b"abc" * 5000, "cannot be read as FITS")):
        path.write_bytes(data)
        with pytest.raises(MapError, match=told):
            read_fits(path)
    with pytest.raises(MapError, match="is not there"):
        read_fits(tmp_path / "none.fits")
    fits.PrimaryHDU(np.zeros((3, 3))).writeto(path, overwrite=True)
    with pytest.raises(MapError, match="no map of Perijove's"):
        read_fits(path)
    write_fits(make_raster(make_grid()), path)
    whole = path.read_bytes()
    for size in (len(whole) - 2880, len(whole) // 2, 4000):
        path.write_bytes(whole[:size])
        with pytest.raises(MapError, match=r"map\.fits"):
            read_fits(path)


def test_without_astropy_the_remedy_is_told(
    make_raster: Rasters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "astropy", None)
    with pytest.raises(UsageError, match=r"pip install 'perijove\[fits\]'"):
        write_fits(make_raster(None), tmp_path / "map.fits")
    assert list(tmp_path.iterdir()) == []
