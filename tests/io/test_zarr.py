import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyproj
import pytest
import xarray as xr

from perijove.errors import MapError, OutputError, UsageError
from perijove.geometry.mapgrid import MapGrid
from perijove.io.zarr import read_zarr, variable_names, write_zarr
from perijove.raster import Kind, Layer, Raster

Grids = Callable[..., MapGrid]
Rasters = Callable[..., Raster]
KINDS = ["equirectangular", "sinusoidal", "polar-north", "polar-south", "orthographic", "laea", "perspective"]


def all_rows(raster: Raster) -> np.ndarray:
    return np.concatenate([rows for _, rows in raster.bands()], axis=1)


@pytest.mark.parametrize(("body", "latitudes"), [("JUPITER", "centric"), ("JUPITER", "graphic"), ("EUROPA", "centric")])
@pytest.mark.parametrize("kind", KINDS)
def test_xarray_and_pyproj_place_pixels(
    make_grid: Grids, make_raster: Rasters, tmp_path: Path, kind: str, body: str, latitudes: str
) -> None:
    grid = make_grid(kind, body, latitudes, -33.0, width=31, height=50)
    write_zarr(make_raster(grid, layers=(Layer("RED", "I/F", "light"),)), tmp_path / "map.zarr")
    line, sample = np.arange(0, 50, 7) + 0.5, np.full(8, 11.5)
    centric, east = grid.place_of(line, sample).T
    seen = np.isfinite(centric)
    assert seen.sum() >= 5
    with xr.open_dataset(tmp_path / "map.zarr", decode_coords="all") as store:
        crs = pyproj.CRS.from_wkt(store.crs.attrs["crs_wkt"])
        told = {key: value for key, value in store.crs.attrs.items() if "wkt" not in key and key != "spatial_ref"}
        x, y = store.x.values[11], store.y.values[::7]
    geographic = pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    lon, lat = geographic.transform(np.full(8, x), y)
    assert np.abs(lat - np.degrees(grid.shown_latitude(centric)))[seen].max() < 1e-8
    assert np.abs((lon - np.degrees(east) + 180.0) % 360.0 - 180.0)[seen].max() < 1e-8
    assert told["latitudes"] == f"planeto{latitudes}"
    if "grid_mapping_name" in told:
        # CF's words alone mean the same projection
        by_words = pyproj.CRS.from_cf(told)
        again = pyproj.Transformer.from_crs(by_words, by_words.geodetic_crs, always_xy=True)
        assert np.abs(again.transform(np.full(8, x), y)[1] - lat)[seen].max() < 1e-8
    else:
        assert kind == "equirectangular"


@pytest.mark.parametrize("latitudes", ["centric", "graphic"])
def test_an_equirectangular_map_has_its_latitudes_and_longitudes(
    make_grid: Grids, make_raster: Rasters, tmp_path: Path, latitudes: str
) -> None:
    grid = make_grid(latitudes=latitudes, longitude=100.0, width=700, height=800)
    write_zarr(make_raster(grid, layers=(Layer("RED", "I/F", "light"),)), tmp_path / "map.zarr")
    with xr.open_dataset(tmp_path / "map.zarr") as store:
        assert {"lat", "lon"} <= set(store.RED.coords)
        centric, east = grid.place_of(store.y.size // 2 + 0.5, 300.5)
        assert store.lat.values[400] == pytest.approx(np.degrees(grid.shown_latitude(centric)), abs=1e-9)
        assert store.lon.values[300] == pytest.approx(np.degrees(east), abs=1e-9)
        # 800 lines of 0.4 degrees are more than there are
        assert np.isnan(store.lat.values[[0, -1]]).all()
        assert np.nanmax(store.lat.values) == pytest.approx(90.0, abs=0.4)


@pytest.mark.parametrize("dtype", ["float32", "uint8", "uint16"])
@pytest.mark.parametrize("placed", [True, False])
def test_comes_back_bit_by_bit(
    make_grid: Grids, make_raster: Rasters, tmp_path: Path, dtype: Kind, placed: bool
) -> None:
    raster = make_raster(make_grid() if placed else None, dtype)
    write_zarr(raster, tmp_path / "map.zarr")
    back = read_zarr(tmp_path / "map.zarr")
    assert all_rows(back).tobytes() == all_rows(raster).tobytes()
    assert replace(back, rows=raster.rows) == raster


@pytest.mark.parametrize("dtype", ["float32", "uint8", "uint16"])
def test_xarray_reads_values(make_grid: Grids, make_raster: Rasters, tmp_path: Path, dtype: Kind) -> None:
    raster = make_raster(make_grid("laea"), dtype)
    write_zarr(raster, tmp_path / "map.zarr")
    values = all_rows(raster).astype(float)
    if dtype != "float32":
        values = np.where(values == 0, np.nan, values * 0.1 + 0.3)
    with xr.open_dataset(tmp_path / "map.zarr") as store:
        assert store.attrs["Conventions"] == "CF-1.11"
        assert store.attrs["credit"].endswith("Gerald Eichstädt")
        names = ["RED", "RED_sigma", "GREEN", "GREEN_sigma", "RED_quality", "latitude", "range"]
        assert sorted(store.data_vars) == sorted([*names, "crs"])
        for name, expected in zip(names, values, strict=True):
            assert np.allclose(store[name].values, expected, rtol=1e-6, equal_nan=True)
            assert store[name].dims == ("y", "x")
            assert store[name].encoding["chunks"] == (512, 512)
        assert store.RED.attrs["ancillary_variables"] == "RED_sigma RED_quality"
        assert store.latitude.attrs["units"] == "deg"
        assert store.RED.attrs["long_name"] == "red light"
        assert store.RED_quality.attrs["flag_meanings"].split()[:2] == ["hot", "spot"]
        assert np.isnan(store.RED.encoding["_FillValue"]) if dtype == "float32" else True


def test_variables_have_names_of_their_own() -> None:
    names = ["x", "lat", "a b", "a-b", "3rd", "größe", "é"]
    assert variable_names([Layer(name, "", "light") for name in names]) == [
        "x_2", "lat_2", "a_b", "a_b_2", "_3rd", "gr_e", "layer",
    ]  # fmt: skip


def test_a_store_is_replaced_whole_and_nothing_else_is(make_raster: Rasters, tmp_path: Path) -> None:
    raster, path = make_raster(None), tmp_path / "map.zarr"
    write_zarr(make_raster(None, layers=(Layer("old", "", "light"),)), path)
    write_zarr(raster, path)
    assert not (path / "old").exists()
    assert [place.name for place in tmp_path.iterdir()] == ["map.zarr"]
    other = tmp_path / "mine.zarr"
    other.mkdir()
    (other / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match="holds other things"):
        write_zarr(raster, other)
    assert (other / "thesis.txt").read_text() == "mine"
    with pytest.raises(OutputError, match="it is a file"):
        write_zarr(raster, other / "thesis.txt")


def test_a_failure_leaves_the_old_store(make_raster: Rasters, tmp_path: Path) -> None:
    raster, path = make_raster(None), tmp_path / "map.zarr"
    write_zarr(raster, path)

    def fail(first: int, last: int) -> np.ndarray:
        if first:
            raise OSError(28, "No space left on device")
        return raster.rows(first, last)

    with pytest.raises(OutputError, match="No space left"):
        write_zarr(replace(raster, rows=fail), path)
    assert [place.name for place in tmp_path.iterdir()] == ["map.zarr"]
    assert all_rows(read_zarr(path)).tobytes() == all_rows(raster).tobytes()


def test_what_is_no_map_is_told_in_a_sentence(make_raster: Rasters, tmp_path: Path) -> None:
    path = tmp_path / "map.zarr"
    with pytest.raises(MapError, match="is not there"):
        read_zarr(path)
    path.mkdir()
    with pytest.raises(MapError, match="cannot be read as a Zarr v3 store"):
        read_zarr(path)
    (path / "zarr.json").write_text('{"zarr_format": 3, "node_type": "group", "attributes": {}}')
    with pytest.raises(MapError, match="no map of Perijove's"):
        read_zarr(path)
    (path / "zarr.json").write_text("{")
    with pytest.raises(MapError, match="cannot be read"):
        read_zarr(path)
    write_zarr(make_raster(None), path)
    chunk = next(place for place in (path / "RED" / "c").rglob("*") if place.is_file())
    chunk.write_bytes(chunk.read_bytes()[:20])
    with pytest.raises(MapError, match="cannot be read"):
        read_zarr(path).rows(0, 530)
    file = path / "RED" / "zarr.json"
    file.write_text(file.read_text().replace("530", "531"))
    with pytest.raises(MapError, match="the variable RED"):
        read_zarr(path)


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_a_lost_chunk_is_no_empty_one(make_raster: Rasters, tmp_path: Path, dtype: Kind) -> None:
    """530 rows are two chunks: of green only the second holds data, of the latitude none does."""
    raster, path = make_raster(None, dtype), tmp_path / "map.zarr"
    values = all_rows(raster)
    nothing = np.nan if dtype == "float32" else 0
    values[2, :512] = values[5] = nothing
    raster = replace(raster, rows=lambda first, last: values[:, first:last])
    write_zarr(raster, path)
    assert all_rows(read_zarr(path)).tobytes() == values.tobytes()
    stored = {name: sum(place.is_file() for place in (path / name).rglob("c/**/*")) for name in ("RED", "GREEN")}
    assert stored == {"RED": 2, "GREEN": 1}
    assert not (path / "latitude" / "c").exists()
    for name, lost, whole in (("RED", 1, 2), ("GREEN", 1, 1), ("RED_quality", 2, 2)):
        shutil.copytree(path, tmp_path / f"{name}.zarr")
        chunks = [place for place in (tmp_path / f"{name}.zarr" / name / "c").rglob("*") if place.is_file()]
        for chunk in chunks[:lost]:
            chunk.unlink()
        with pytest.raises(MapError, match=rf"{name}\.zarr: the variable {name} lacks {lost} of its {whole} chunks"):
            read_zarr(tmp_path / f"{name}.zarr")


def test_what_xarray_wrote_anew_in_other_chunks_is_taken(make_raster: Rasters, tmp_path: Path) -> None:
    raster = make_raster(None)
    write_zarr(raster, tmp_path / "a.zarr")
    with xr.open_dataset(tmp_path / "a.zarr") as store:
        loaded = store.load()
    for variable in loaded.variables.values():
        variable.encoding["chunks"] = (530, 61)
    loaded.to_zarr(tmp_path / "b.zarr", zarr_format=3, consolidated=False)
    assert all_rows(read_zarr(tmp_path / "b.zarr")).tobytes() == all_rows(raster).tobytes()


def test_without_zarr_the_remedy_is_told(make_raster: Rasters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(UsageError, match=r"pip install 'perijove\[zarr\]'"):
        write_zarr(make_raster(None), tmp_path / "map.zarr")
    assert list(tmp_path.iterdir()) == []
