"""`perijove map` from end to end, on a made-up strip whose truth is known."""

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from typer.testing import CliRunner, Result

from perijove.bodies import JUPITER
from perijove.cli import map as map_module
from perijove.cli.app import app
from perijove.errors import OutputError
from perijove.io.maps import possible_files, read_map
from perijove.observation import Observation

PRODUCT = "JNCE_2022229_44C90001_V01"
MAP = {
    "path", "projection", "width", "height", "scale_km", "pixels_per_degree", "native_km", "latitudes", "longitudes",
    "radius_km", "centre_latitude_deg", "centre_longitude_east_deg", "altitude_km", "left_km", "top_km",
    "max_emission_deg", "shown_percent", "photometry",
}  # fmt: skip


def run(*args: object) -> Result:
    return CliRunner().invoke(app, ["map", *[str(arg) for arg in args]])


def strict(text: str) -> Any:
    """JSON in which NaN and infinity are refused."""
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def listed(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@dataclass(frozen=True)
class Made:
    """A map made by the command from a strip alone, what it said, and the solution that it found."""

    out: Path
    report: Path
    result: Result
    solved: Observation


@pytest.fixture(scope="module")
def made(flight: Any, tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("made")
    found: list[Observation] = []
    solve = map_module.solve_strips

    def keep(*args: Any) -> list[Observation]:
        found.extend(solve(*args))
        return list(found)

    out, report = folder / "map.tif", folder / "report.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(map_module, "solve_strips", keep)
        result = run(
            flight.strip, "-o", out, "--ppd", 4, "--with-sigma", "--with-quality", "--backplanes", "all",
            "--credit", "Ann Ó", "--report", report, "--json",
        )  # fmt: skip
    assert (result.exit_code, result.stderr) == (0, "")
    return Made(out, report, result, found[0])


@pytest.fixture
def strip(flight: Any, made: Made, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The strip; the command takes its solution as found."""
    monkeypatch.setattr(map_module, "solve_strips", lambda *_: [made.solved])
    path: Path = flight.strip
    return path


@pytest.fixture
def middle(made: Made) -> tuple[float, float]:
    """Planetocentric latitude and east longitude, deg, halfway between the places below camera and Sun."""
    camera = made.solved.middle_position / np.linalg.norm(made.solved.middle_position)
    x, y, z = camera + made.solved.middle_sun
    return math.degrees(math.atan2(z, math.hypot(x, y))), math.degrees(math.atan2(y, x))


def test_report_and_standard_output_are_one_and_hold_what_is_promised(made: Made) -> None:
    said = strict(made.result.stdout)
    assert said == strict(made.report.read_text())
    (entry,) = said["strips"]
    assert entry["product_id"] == PRODUCT
    told = entry["map"]
    assert set(told) == MAP
    assert told["path"] == str(made.out)
    assert (told["projection"], told["latitudes"], told["longitudes"]) == ("equirectangular", "centric", "east")
    assert told["pixels_per_degree"] == pytest.approx(4.0)
    assert told["scale_km"] == pytest.approx(2 * math.pi * 71492 / 1440)
    assert told["photometry"] == {"model": "none"}
    assert told["altitude_km"] is None
    assert told["max_emission_deg"] == 80
    assert 20 < told["shown_percent"] <= 100
    # a summed pixel spans twice a native one's 82 km at 121,000 km, and more away from the middle
    assert 70 < told["native_km"] < 500
    assert {"photometry", "mapping", "writing", "pointing", "trajectory"} <= set(entry["timings_s"])


def test_the_file_is_what_the_report_says(made: Made) -> None:
    (entry,) = strict(made.report.read_text())["strips"]
    told = entry["map"]
    with rasterio.open(made.out) as source:
        assert (source.width, source.height) == (told["width"], told["height"])
        assert source.transform.a == pytest.approx(1000 * told["scale_km"])
        assert source.transform.c == pytest.approx(1000 * told["left_km"])
        assert source.transform.f == pytest.approx(1000 * told["top_km"])
        names = source.descriptions
    colours = ["RED", "GREEN", "BLUE"]
    assert list(names[:9]) == [f"{c}{kind}" for kind in ("", " sigma", " quality") for c in colours]
    assert "latitude_graphic" in names
    assert "BLUE time" in names
    assert "ring_radius" not in names
    read = read_map(made.out)
    assert [layer.name for layer in read.layers] == list(names)
    light = read.rows(0, read.height)[:3]
    seen = np.isfinite(light)
    assert seen.mean() > 0.3
    # clouds of 0.75 to 1.25 in the Sun's light, in I/F of the flight's own exposure
    assert 0.05 < np.nanpercentile(light[1], 95) < 1.0


def test_provenance_in_the_file_is_that_beside_it(made: Made) -> None:
    sidecar = strict(Path(f"{made.out}.json").read_text())
    assert strict(json.dumps(dict(read_map(made.out).origin))) == sidecar
    (entry,) = strict(made.report.read_text())["strips"]
    # where a file is on this machine is nothing to be published
    assert {**sidecar["parameters"]["map"], "path": str(made.out)} == entry["map"]
    assert sidecar["inputs"][0]["product_id"] == PRODUCT
    assert sidecar["solution"]["pointing"] == entry["pointing"]
    assert "Ann Ó" in json.dumps(sidecar, ensure_ascii=False)
    assert listed(made.out.parent) == {p.name for p in possible_files(made.out)} | {"report.json"}


def test_every_layer_of_places_is_where_the_grid_says(made: Made) -> None:
    read = read_map(made.out)
    assert read.grid is not None
    layers = dict(zip((layer.name for layer in read.layers), read.rows(0, read.height), strict=True))
    line, sample = np.mgrid[: read.height, : read.width] + 0.5
    place = np.degrees(read.grid.place_of(line, sample))
    np.testing.assert_allclose(layers["latitude"], place[..., 0], atol=1e-4)
    np.testing.assert_allclose(np.mod(layers["longitude"] - place[..., 1] + 180, 360), 180, atol=1e-4)
    graphic = np.degrees(np.arctan((71492 / 66854) ** 2 * np.tan(np.radians(place[..., 0]))))
    np.testing.assert_allclose(layers["latitude_graphic"], graphic, atol=1e-4)
    seen = np.isfinite(layers["GREEN"])
    assert layers["emission"][seen].max() <= 80.0 + 1.0
    # exposures lie within the strip's time about its middle
    half = 0.5 * 13 * 0.374
    assert np.nanmax(np.abs(layers["GREEN time"])) <= half + 0.01


def test_clouds_lie_where_they_were_made(made: Made) -> None:
    """The flight's own clouds, from the places of the map's pixels."""
    read = read_map(made.out)
    layers = dict(zip((layer.name for layer in read.layers), read.rows(0, read.height), strict=True))
    lat, lon = np.radians(layers["latitude"].astype(float)), np.radians(layers["longitude"].astype(float))
    a, _, c = JUPITER.radii_km
    radius = 1 / np.sqrt((np.cos(lat) / a) ** 2 + (np.sin(lat) / c) ** 2) / a
    x, y, z = radius * np.cos(lat) * np.cos(lon), radius * np.cos(lat) * np.sin(lon), radius * np.sin(lat)
    clouds = 1 + 0.15 * np.sin(28 * z + 3 * np.sin(9 * x)) + 0.1 * np.sin(37 * x + 5 * y) * np.sin(31 * y - 11 * z)
    mu0, mu = np.cos(np.radians(layers["incidence"])), np.cos(np.radians(layers["emission"]))
    good = (mu0 > 0.3) & (mu > 0.5) & np.isfinite(layers["GREEN"])
    assert good.sum() > 2000
    light = layers["GREEN"] / mu0
    assert np.corrcoef(light[good], clouds[good])[0, 1] > 0.9


def test_what_is_there_stays_unless_it_may_be_replaced(strip: Path, tmp_path: Path) -> None:
    out = tmp_path / "m.tif"
    options = ("--scale", 1500, "-q")
    assert run(strip, "-o", out, *options).exit_code == 0
    files = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert {path.name for path in files} == {path.name for path in possible_files(out)}
    again = run(strip, "-o", out, *options)
    assert (again.exit_code, again.stdout) == (1, "")
    assert f"{out} is there already: give --overwrite to replace it, or another name" in again.stderr
    assert again.stderr.count("\n") == 1
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == files
    # a sidecar alone is kept too
    out.unlink()
    assert run(strip, "-o", out, *options).exit_code == 1
    assert not out.exists()
    replaced = run(strip, "-o", out, "--scale", 3000, "-q", "--overwrite")
    assert (replaced.exit_code, replaced.output) == (0, "")
    assert read_map(out).grid.scale_km == 3000.0  # type: ignore[union-attr]
    assert strict(Path(f"{out}.json").read_text())["parameters"]["map"]["scale_km"] == 3000.0


def test_bounds_that_show_nothing_are_told_and_nothing_is_written(
    strip: Path, tmp_path: Path, middle: tuple[float, float]
) -> None:
    far = middle[1] + 180
    far = (far + 180) % 360 - 180
    bounds = f"{far - 5:.2f},-5,{far + 5:.2f},5"
    result = run(strip, "-o", tmp_path / "m.tif", "--scale", 200, f"--bounds={bounds}", "--report", tmp_path / "r.json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "saw nothing within the bounds, or only under more than 80 deg of emission" in result.stderr
    assert result.stderr.count("\n") == 1
    assert listed(tmp_path) == set()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--scale", "0.01"], "give a larger --scale or narrower --bounds"),
        (["--scale", "1e-320"], "give a"),
        (["--scale", "1e9"], "give a smaller --scale"),
        (["--bands", "methane"], "has no METHANE: it holds RED, GREEN, BLUE"),
        (["--projection", "orthographic", "--scale", "500", "--bounds", "0,0,5,5", "--centre", "0,180"], "cannot show"),
        (["--projection", "polar-north", "--scale", "500", "--bounds=-180,-80,180,90"], "other hemisphere"),
    ],
)
def test_maps_that_cannot_be_drawn(strip: Path, tmp_path: Path, options: list[str], told: str) -> None:
    result = run(strip, "-o", tmp_path / "m.tif", *options)
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    assert told in result.stderr
    assert result.stderr.count("\n") == 1
    assert listed(tmp_path) == set()


def test_places_are_checked_before_the_work(flight: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(map_module, "solve_strips", lambda *_: pytest.fail("solved too early"))
    (tmp_path / "there.fits").write_text("mine")
    for out, told in (("no/m.tif", "there is no folder"), ("there.fits", "is there already: give --overwrite")):
        result = run(flight.strip, "-o", tmp_path / out)
        assert result.exit_code == 1
        assert told in result.stderr
    assert (tmp_path / "there.fits").read_text() == "mine"


def test_several_strips_share_one_grid(
    strip: Path, made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = made.solved.raw
    name = "JNCE_2022229_44C90002_V01"
    # the second strip ends earlier, and has less of the ground
    calibrated = made.solved.calibrated
    short = {band: light[:7] for band, light in calibrated.light.items()}
    second = replace(
        made.solved, raw=replace(raw, label=replace(raw.label, product_id=name)),
        calibrated=replace(calibrated, light=short),
    )  # fmt: skip
    options = ("--projection", "polar-north", "--scale", 1000)
    monkeypatch.setattr(map_module, "solve_strips", lambda *_: [made.solved, second])
    folder = tmp_path / "maps"
    result = run(strip, tmp_path / "other.png", "-o", folder, *options, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    entries = strict(result.stdout)["strips"]
    assert [e["map"]["path"] for e in entries] == [str(folder / f"{n}.tif") for n in (PRODUCT, name)]
    maps = [read_map(folder / f"{n}.tif") for n in (PRODUCT, name)]
    assert maps[0].grid == maps[1].grid
    both, less = (m.rows(0, m.height) for m in maps)
    assert np.isfinite(less).sum() < 0.8 * np.isfinite(both).sum()
    # alone it would have had a smaller one
    monkeypatch.setattr(map_module, "solve_strips", lambda *_: [second])
    assert run(strip, "-o", tmp_path / "alone.tif", *options, "-q").exit_code == 0
    alone = read_map(tmp_path / "alone.tif")
    assert alone.width * alone.height < maps[0].width * maps[0].height
    assert alone.grid is not None
    assert maps[0].grid is not None
    # pixel for pixel the same ground, for maps of one scale share their pixels
    rows = round((maps[0].grid.top_km - alone.grid.top_km) / 1000)
    columns = round((alone.grid.left_km - maps[0].grid.left_km) / 1000)
    cut = less[:, rows : rows + alone.height, columns : columns + alone.width]
    numbers = alone.rows(0, alone.height)
    shared = np.isfinite(cut) & np.isfinite(numbers)
    assert shared.sum() > 0.9 * np.isfinite(numbers).sum()
    assert np.median(np.abs(cut - numbers)[shared]) < 1e-3 * np.median(cut[shared])


def test_a_map_that_fails_leaves_none_of_several(
    strip: Path, made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = made.solved.raw
    second = replace(made.solved, raw=replace(raw, label=replace(raw.label, product_id="JNCE_2022229_44C90002_V01")))
    monkeypatch.setattr(map_module, "solve_strips", lambda *_: [made.solved, second])
    stage, calls = map_module.stage_map, []

    def full(*args: Any, **more: Any) -> None:
        calls.append(args)
        if len(calls) == 2:
            raise OutputError("the disk is full: make room")
        stage(*args, **more)

    monkeypatch.setattr(map_module, "stage_map", full)
    result = run(strip, tmp_path / "other.png", "-o", tmp_path / "maps", "--scale", 2000)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "the disk is full: make room" in result.stderr
    assert len(calls) == 2
    assert listed(tmp_path) == set()


def test_west_longitudes_are_those_of_bounds_and_planes(
    strip: Path, tmp_path: Path, middle: tuple[float, float]
) -> None:
    latitude, east = middle
    box = (east - 8, latitude - 6, east + 8, latitude + 6)
    texts = {
        "east": "{:.3f},{:.3f},{:.3f},{:.3f}".format(*box),
        "west": f"{-box[0]:.3f},{box[1]:.3f},{-box[2]:.3f},{box[3]:.3f}",
    }
    maps = {}
    for way, bounds in texts.items():
        out = tmp_path / f"{way}.tif"
        result = run(
            strip, "-o", out, "--scale", 400, f"--bounds={bounds}", "--longitudes", way, "--backplanes", "longitude",
            "-q",
        )  # fmt: skip
        assert (result.exit_code, result.output) == (0, "")
        maps[way] = read_map(out)
    assert maps["east"].grid == maps["west"].grid
    a, b = (m.rows(0, m.height) for m in maps.values())
    np.testing.assert_array_equal(a[:3], b[:3])
    np.testing.assert_allclose(np.mod(a[3] + b[3] + 180, 360), 180, atol=1e-4)
    assert b[3].min() >= 0
    assert b[3].max() < 360
    assert "west longitude" in maps["west"].layers[3].description
    # graphic latitudes mean other bounds
    out = tmp_path / "graphic.tif"
    assert (
        run(strip, "-o", out, "--scale", 400, f"--bounds={texts['east']}", "--latitudes", "graphic", "-q").exit_code
        == 0
    )
    grid = read_map(out).grid
    assert grid is not None
    assert grid.latitudes == "graphic"
    assert grid.top_km == pytest.approx(maps["east"].grid.top_km)  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["m.png", "m.tif", "m.fits", "m.zarr", "m.cub"])
def test_every_kind_of_file(strip: Path, tmp_path: Path, name: str) -> None:
    result = run(strip, "-o", tmp_path / name, "--scale", 2000, "-q")
    assert (result.exit_code, result.output) == (0, "")
    read = read_map(tmp_path / name)
    assert read.transfer == ("srgb" if name == "m.png" else "linear")
    assert read.dtype == ("uint8" if name == "m.png" else "float32")
    assert [layer.name for layer in read.layers] == ["RED", "GREEN", "BLUE"]
    # whatever was not asked to be quiet says a line or two
    loud = run(strip, "-o", tmp_path / name, "--scale", 2000, "--overwrite")
    assert loud.exit_code == 0
    assert f"{tmp_path / name}: equirectangular, {read.width} x {read.height} px" in loud.stdout


def test_light_in_16_bits_is_that_in_floats(strip: Path, tmp_path: Path) -> None:
    for depth in (16, 32):
        assert run(strip, "-o", tmp_path / f"{depth}.tif", "--scale", 1200, "--depth", depth, "-q").exit_code == 0
    short, whole = (read_map(tmp_path / f"{depth}.tif") for depth in (16, 32))
    codes, light = short.rows(0, short.height), whole.rows(0, whole.height)
    assert codes.dtype == np.uint16
    np.testing.assert_array_equal(codes > 0, np.isfinite(light))
    seen = codes > 0
    np.testing.assert_allclose((short.scale * codes + short.offset)[seen], light[seen], atol=0.51 * short.scale)
    np.testing.assert_array_equal(map_module.scaled(np.array([np.nan, -1.0, -0.05, 0.0, 9.0], np.float32)),
                                  [0, 1, 1, 1001, 65535])  # fmt: skip


def test_a_law_is_reported_and_taken_off(strip: Path, tmp_path: Path) -> None:
    reports = {}
    for model in ("none", "minnaert", "fit"):
        options = ("--scale", 1200, "--photometry", model, "--backplanes", "incidence,emission", "--json")
        result = run(strip, "-o", tmp_path / f"{model}.tif", *options)
        assert (result.exit_code, result.stderr) == (0, ""), result.stderr
        reports[model] = strict(result.stdout)["strips"][0]["map"]["photometry"]
    assert reports["minnaert"]["model"] == "minnaert"
    assert set(reports["fit"]["parameters"]) == {"RED", "GREEN", "BLUE"}
    assert reports["fit"]["quality"]["GREEN"]["number"] > 1000
    whole, high = {}, {}
    for model in reports:
        read = read_map(tmp_path / f"{model}.tif")
        _, light, _, incidence, emission = read.rows(0, read.height)
        whole[model] = np.nanstd(light) / np.nanmean(light)
        # a law of ground knows no haze, which has half of the light where Sun and camera stand low
        part = light[(np.cos(np.radians(incidence)) > 0.3) & (np.cos(np.radians(emission)) > 0.3)]
        high[model] = np.nanstd(part) / np.nanmean(part)
    # the flight's ground is Lambert's with clouds that scatter by so much
    clouds = np.hypot(0.15 / np.sqrt(2.0), 0.1 / 2.0)
    assert whole["fit"] < 1.25 * clouds < 0.3 * whole["none"]
    assert high["fit"] < 1.1 * clouds
    assert high["minnaert"] < 0.7 * high["none"]
