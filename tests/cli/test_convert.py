import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from click.testing import Result
from typer.testing import CliRunner

from perijove.bodies import IO, JUPITER
from perijove.cli.app import app
from perijove.geometry.mapgrid import MAP_RADIUS_KM, MapGrid
from perijove.geometry.projection import Projection
from perijove.io.crs import transform_of
from perijove.io.maps import map_formats, read_map, write_map
from perijove.raster import Kind, Layer, Raster

run = CliRunner()
MEASURED = (
    Layer("RED", "I/F", "light", "red light"),
    Layer("RED sigma", "I/F", "sigma"),
    Layer("RED quality", "bits", "quality"),
    Layer("latitude", "deg", "geometry", "planetocentric latitude"),
)
EYE = tuple(Layer(name, "", "light") for name in ("RED", "GREEN", "BLUE"))
ORIGIN = {
    "schema": "perijove-provenance-1",
    "software": "perijove 0.0",
    "title": "A map",
    "credit": "NASA/JPL-Caltech/SwRI/MSSS, image processing: Gerald Eichstädt",
    "licence": "free to use",
    "inputs": [{"kind": "strip", "name": "x.png", "product_id": "JNCE_2022272_45C00029_V01", "sha256": "0" * 64}],
    "parameters": {"scale": 0.1, "nothing": None, "epoch_utc": "2022-09-29T09:36:00.000"},
    "solution": {"rms": 1.0 / 3.0},
}


def make(kind: str = "equirectangular", dtype: Kind = "float32", layers: tuple[Layer, ...] = MEASURED) -> Raster:
    body = IO if kind == "laea" else JUPITER
    radius = MAP_RADIUS_KM[body.name]
    grid = MapGrid(
        body,
        Projection(kind, radius, 0.0 if "polar" in kind else 1.0 / 3.0, 2.0),
        "graphic" if kind == "sinusoidal" else "centric",
        radius / 300.0,
        -radius / 7.0,
        radius / 6.0,
        75,
        530,
    )
    rng = np.random.default_rng(11)
    shape = (len(layers), grid.height, grid.width)
    if dtype == "float32":
        values = rng.normal(size=shape).astype(np.float32)
        for plane, layer in zip(values, layers, strict=True):
            if layer.role == "quality":
                plane[...] = rng.integers(0, 256, plane.shape)
        values[rng.random(shape) < 0.1] = np.nan
    else:
        values = rng.integers(0, np.iinfo(dtype).max, shape, endpoint=True).astype(dtype)
    scale = 1.0 if dtype == "float32" else 1.0 / np.iinfo(dtype).max
    transfer = "linear" if dtype == "float32" else "srgb"
    return Raster(
        grid, layers, grid.width, grid.height, dtype, transfer, ORIGIN, lambda a, b: values[:, a:b], scale
    )  # fmt: skip


def convert(*arguments: str | Path) -> Result:
    return run.invoke(app, ["convert", *map(str, arguments)])


def all_rows(raster: Raster) -> np.ndarray:
    return np.concatenate([rows for _, rows in raster.bands()], axis=1)


@pytest.mark.parametrize("kind", ["equirectangular", "sinusoidal", "polar-south", "laea"])
def test_around_all_kinds_nothing_is_lost(tmp_path: Path, kind: str) -> None:
    raster = make(kind)
    way = [tmp_path / name for name in ("0.tif", "1.fits", "2.zarr", "3.cub", "4.tif", "5.zarr", "6.fits", "7.tif")]
    write_map(raster, way[0])
    for before, after in pairwise(way):
        done = convert(before, after)
        assert done.exit_code == 0, done.stderr
        assert done.stdout.startswith(f"{after}: ")
        back = read_map(after)
        assert all_rows(back).tobytes() == all_rows(raster).tobytes()
        assert replace(back, rows=raster.rows) == raster
        assert json.loads((tmp_path / f"{after.name}.json").read_text()) == ORIGIN


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("layers", [EYE, EYE[:1]])
def test_pictures_for_the_eye_go_through_png_too(tmp_path: Path, dtype: Kind, layers: tuple[Layer, ...]) -> None:
    raster = make(dtype=dtype, layers=layers)
    way = [tmp_path / name for name in ("0.tif", "1.png", "2.zarr", "3.png", "4.fits", "5.tif")]
    write_map(raster, way[0])
    for before, after in pairwise(way):
        done = convert(before, after, "--quiet")
        assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")
        assert all_rows(read_map(after)).tobytes() == all_rows(raster).tobytes()
        assert replace(read_map(after), rows=raster.rows) == raster


def test_json_tells_what_was_written(tmp_path: Path) -> None:
    write_map(make(), tmp_path / "a.tif")
    done = convert(tmp_path / "a.tif", tmp_path / "b.fits", "--json")
    told = json.loads(done.stdout)
    assert told["format"] == "fits"
    assert told["layers"] == [layer.name for layer in MEASURED]
    assert (told["width"], told["height"], told["dtype"]) == (75, 530, "float32")
    assert {str(place) for place in tmp_path.iterdir() if place.name.startswith("b.")} == set(told["files"])


def test_each_kind_has_its_own_item_and_a_picture_its_world_files(tmp_path: Path) -> None:
    raster = make("polar-south", "uint8", EYE)
    assert raster.grid is not None
    write_map(raster, tmp_path / "a.tif")
    for name in ("a.fits", "a.png"):
        assert convert(tmp_path / "a.tif", tmp_path / name).exit_code == 0
    for name in ("a.tif", "a.fits", "a.png"):
        item = json.loads((tmp_path / f"{name}.stac.json").read_text())
        assert item["assets"]["map"]["href"] == f"./{name}"
    with rasterio.open(tmp_path / "a.png") as picture:
        assert picture.transform.almost_equals(transform_of(raster.grid))
        assert picture.crs.to_dict()["proj"] == "stere"


def test_both_kinds_of_tif(tmp_path: Path) -> None:
    write_map(make(layers=MEASURED[:1]), tmp_path / "a.tif")
    for kind in ("cog", "gtiff"):
        assert convert(tmp_path / "a.tif", tmp_path / f"{kind}.tif", "--format", kind).exit_code == 0
        assert (
            all_rows(read_map(tmp_path / f"{kind}.tif")).tobytes() == all_rows(read_map(tmp_path / "a.tif")).tobytes()
        )


def test_what_is_there_is_kept_unless_asked(tmp_path: Path) -> None:
    write_map(make(layers=MEASURED[:1]), tmp_path / "a.tif")
    for name in ("b.fits", "b.zarr"):
        assert convert(tmp_path / "a.tif", tmp_path / name).exit_code == 0
        done = convert(tmp_path / "a.tif", tmp_path / name)
        assert done.exit_code == 1
        assert "is there already" in done.stderr
        assert "--overwrite" in done.stderr
        assert convert(tmp_path / "a.tif", tmp_path / name, "--overwrite").exit_code == 0
    (tmp_path / "c.fits.json").write_text("mine")
    assert convert(tmp_path / "a.tif", tmp_path / "c.fits").exit_code == 1
    assert (tmp_path / "c.fits.json").read_text() == "mine"
    assert not (tmp_path / "c.fits").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("a.tif", "a.tif"), "over itself"),
        (("a.tif", "b.jpg"), "names no kind of map: end it in .tif"),
        (("a.jpg", "b.tif"), "names no kind of map"),
        (("a.tif", "b.fits", "--format", "cog"), "does not go with format cog: end it in .tif"),
        (("a.tif", "b.tif", "--format", "bmp"), "unknown format 'bmp'"),
    ],
)
def test_misuse_is_told(tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    files = [str(tmp_path / part) if "." in part else part for part in arguments]
    done = convert(*files)
    assert done.exit_code == 2
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.tif", "a.zarr"])
@pytest.mark.parametrize("way", ["a", "b/../a", "link", "linked/a"])
def test_a_map_is_not_written_over_itself_by_any_way(tmp_path: Path, name: str, way: str) -> None:
    write_map(make(layers=MEASURED[:1]), tmp_path / name)
    (tmp_path / "b").mkdir()
    (tmp_path / "linked").symlink_to(tmp_path)
    suffix = Path(name).suffix
    (tmp_path / f"link{suffix}").symlink_to(tmp_path / name)
    before = sorted(tmp_path.rglob("*"))
    for arguments in ((name, way + suffix), (way + suffix, name)):
        done = convert(*(f"{tmp_path}/{part}" for part in arguments), "--overwrite")
        assert done.exit_code == 2
        assert "would be written over itself" in done.stderr
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("suffix", map_formats())
def test_what_cannot_be_read_is_told_in_one_sentence(tmp_path: Path, suffix: str) -> None:
    for make_it in (lambda path: None, lambda path: path.write_bytes(b"nothing of ours"), lambda path: path.mkdir()):
        source = tmp_path / f"in{suffix}"
        make_it(source)
        done = convert(source, tmp_path / "out.fits")
        assert done.exit_code == 1
        assert str(source) in done.stderr
        assert done.stderr.count("\n") == 1
        assert "unforeseen" not in done.stderr
        assert not (tmp_path / "out.fits").exists()
        if source.is_file():
            source.unlink()


def test_what_a_kind_cannot_hold_is_refused_with_the_remedy(tmp_path: Path) -> None:
    write_map(make(), tmp_path / "float.tif")
    write_map(replace(make(dtype="uint16", layers=EYE), transfer="linear"), tmp_path / "measured.tif")
    write_map(make(dtype="uint8", layers=EYE[:2]), tmp_path / "two.tif")
    graphic = make("polar-north")
    assert graphic.grid is not None
    write_map(replace(graphic, grid=replace(graphic.grid, latitudes="graphic")), tmp_path / "graphic.tif")
    for name, out, told in (
        ("float", "png", "32-bit floats"),
        ("measured", "png", "measured values"),
        ("two", "png", "this map has 2"),
        ("graphic", "cub", "--latitudes centric"),
    ):
        done = convert(tmp_path / f"{name}.tif", tmp_path / f"out.{out}")
        assert done.exit_code == 2
        assert told in done.stderr
        assert ".tif" in done.stderr
    assert not list(tmp_path.glob("out*"))


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_map(make(), tmp_path / "a.tif")
    import perijove.io.fits

    def full(*_: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(perijove.io.fits, "_encoded", full)
    before = sorted(tmp_path.iterdir())
    done = convert(tmp_path / "a.tif", tmp_path / "b.fits")
    assert done.exit_code == 1
    assert "No space left on device" in done.stderr
    assert sorted(tmp_path.iterdir()) == before
