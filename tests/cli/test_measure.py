"""`perijove measure` from end to end, on maps and pictures whose craters are known."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from pyproj import CRS
from typer.testing import CliRunner, Result

from perijove.bodies import GANYMEDE
from perijove.cli.app import app
from perijove.enhance.picture import Picture
from perijove.geometry.ellipsoid import intersect, point_from_centric
from perijove.geometry.mapgrid import MapGrid
from perijove.geometry.projection import Projection
from perijove.geometry.view import pixel_rays, spacecraft_view
from perijove.instrument import Filter
from perijove.io.maps import write_map
from perijove.io.measurements import geometry
from perijove.io.perspective import describe_view
from perijove.io.pictures import write_picture
from perijove.measure.plane import Plane
from perijove.raster import Layer, Raster

FloatArray = NDArray[np.float64]

PLACE, DIAMETER = (11.0, 332.0), 60.0
SCALE = 2.0
CREDIT = "Painted for a test"
ORIGIN: dict[str, Any] = {
    "software": "perijove test", "credit": CREDIT, "licence": "none", "inputs": [{"kind": "strip", "name": "raw.png"}],
    "parameters": {"recipe": "linear", "photometry": "fit", "map": {"native_km": 3.0}},
    "solution": {"pointing": {"sigma_px": 2.0}, "trajectory": {"position_sigma_km": 0.1}},
}  # fmt: skip


def painted(latitude: FloatArray, longitude: FloatArray) -> FloatArray:
    """Light (3, ...) of ground with a bright crater from which dark rays go out, bluer than the ground."""
    centre = float(np.radians(PLACE[0])), float(np.radians(PLACE[1]))
    x, y = np.moveaxis(Plane(centre, GANYMEDE).xy_of(latitude, longitude), -1, 0)
    away, turn = np.hypot(x, y) / (0.5 * DIAMETER), np.arctan2(x, y)
    rng = np.random.default_rng(5)
    waves = rng.normal(0.0, 1.0, (12, 3))
    ground = sum(np.sin(0.05 * (a * x + b * y) + 6.0 * c) for a, b, c in waves)
    ray = (np.cos(4.0 * turn) > 0.3) & (away > 1.0) & (away < 5.0)
    crater = 0.5 * (1.0 - np.tanh((away - 1.0) * 12.0))
    return np.stack([0.3 * (1.0 + 0.003 * ground + 0.4 * crater - deep * ray) for deep in (0.20, 0.24, 0.28)])


def grid() -> MapGrid:
    radius = 2631.2
    west, north = np.radians(-48.0) * radius, np.radians(30.0) * radius
    return MapGrid(GANYMEDE, Projection("equirectangular", radius), "centric", SCALE, west, north, 920, 900)


@pytest.fixture(scope="module")
def charts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Maps of the painted ground: in I/F, and for the eye."""
    folder, drawn = tmp_path_factory.mktemp("charts"), grid()
    line, sample = np.mgrid[: drawn.height, : drawn.width] + 0.5
    place = drawn.place_of(line, sample)
    light = painted(place[..., 0], place[..., 1]).astype(np.float32)
    light[..., -40:] = np.nan
    names = ("RED", "GREEN", "BLUE")
    raster = Raster(
        drawn, tuple(Layer(name, "I/F", "light") for name in names), drawn.width, drawn.height, "float32", "linear",
        ORIGIN, lambda first, last: light[:, first:last],
    )  # fmt: skip
    write_map(raster, folder / "chart.tif", format="gtiff")
    codes = np.where(np.isnan(light), 0, np.clip(np.rint(light * 400.0) + 1, 1, 255)).astype(np.uint8)
    eye = replace(
        raster, layers=tuple(Layer(name, "", "light") for name in names), dtype="uint8", transfer="srgb",
        scale=1 / 254, offset=-1 / 254, rows=lambda first, last: codes[:, first:last],
    )  # fmt: skip
    write_map(eye, folder / "eye.png")
    told = {**ORIGIN, "parameters": {**ORIGIN["parameters"], "annotate": True}}
    write_map(replace(eye, origin=told), folder / "annotated.png")
    return folder


def run(*args: object) -> Result:
    return CliRunner().invoke(app, ["measure", *[str(arg) for arg in args]])


def done(*args: object) -> Any:
    result = run(*args, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_a_crater_found_from_a_seed(charts: Path, tmp_path: Path) -> None:
    outs = [tmp_path / f"c.{suffix}" for suffix in ("json", "csv", "geojson", "png")]
    asked = [part for out in outs for part in ("-o", out)]
    told = done("crater", charts / "chart.tif", "--seed", "11.2N,27.8W", "--diameter", 50, "--name", "Tros", *asked)
    assert told["latitude_deg"] == pytest.approx(11.0, abs=0.02)
    assert told["longitude_east_deg"] == pytest.approx(332.0, abs=0.02)
    assert told["diameter_km"] == pytest.approx(DIAMETER, rel=0.03)
    assert told["ellipticity"] == pytest.approx(1.0, abs=0.03)
    assert 0.0 < told["diameter_sigma_km"] < 3.0
    # the product's own error: 2 px of its camera, 3 km each
    assert told["product_place_sigma_km"] == pytest.approx(6.0)
    assert told["east_sigma_with_place_km"] == pytest.approx(np.hypot(told["east_sigma_km"], 6.0))
    # a degree of latitude on Ganymede is 45.9 km
    assert told["latitude_sigma_deg"] == pytest.approx(np.hypot(told["north_sigma_km"], 6.0) / 45.9227, rel=1e-4)
    assert told["rim"]["quality"] in ("good", "fair")
    assert told["body"] == "GANYMEDE"
    assert told["surface"] == "sphere of 2631.2 km"
    assert json.loads(outs[0].read_text()) == told
    origin = told["provenance"]
    assert origin["credit"] == CREDIT
    assert origin["inputs"][0]["name"] == "chart.tif"
    assert len(origin["inputs"][0]["sha256"]) == 64
    assert origin["inputs"][1] == {"kind": "strip", "name": "raw.png"}
    assert origin["parameters"]["diameter_km"] == 50
    (row,) = csv.DictReader(io.StringIO(outs[1].read_text()))
    assert float(row["diameter_km"]) == told["diameter_km"]
    assert (row["credit"], row["name"], row["input_sha256"]) == (CREDIT, "Tros", origin["inputs"][0]["sha256"])
    _check_geojson(outs[2])
    page = cv2.imread(str(outs[3]))
    assert page.shape[0] > 1000
    assert page.shape[1] > page.shape[0]
    # the rim is drawn in its own colour
    assert (np.abs(page.astype(int) - [84, 201, 252]).max(axis=-1) < 12).sum() > 500
    assert b"Painted for a test" in outs[3].read_bytes()


def _check_geojson(path: Path) -> None:
    told = json.loads(path.read_text())
    assert told["type"] == "FeatureCollection"
    assert CRS.from_user_input(told["crs"]["properties"]["name"]).to_authority() == ("IAU_2015", "50300")
    rim, centre = told["features"][:2]
    assert rim["properties"]["name"] == "Tros"
    ring = np.array(rim["geometry"]["coordinates"][0])
    assert (ring[0] == ring[-1]).all()
    assert np.ptp(ring[:, 1]) == pytest.approx(np.degrees(DIAMETER / 2631.2), rel=0.05)
    # counter-clockwise, longitudes of -180 to 180
    assert np.sum(ring[:-1, 0] * ring[1:, 1] - ring[1:, 0] * ring[:-1, 1]) > 0.0
    assert centre["geometry"]["coordinates"] == pytest.approx([-28.0, 11.0], abs=0.02)
    assert told["provenance"]["credit"] == CREDIT


def test_what_is_written_is_told_and_bands_in_any_case(charts: Path, tmp_path: Path) -> None:
    asked = ("crater", charts / "chart.tif", "--seed", "11.2,332.2", "--diameter", 50, "--band", "green")
    result = run(*asked, "-o", tmp_path / "a.json", "-o", tmp_path / "a.csv")
    assert f"written   {tmp_path / 'a.json'}, {tmp_path / 'a.csv'}" in result.stdout
    assert "written" not in run(*asked, "-o", tmp_path / "b.json", "-q").stdout


def test_a_crater_by_three_pixels(charts: Path) -> None:
    centre = float(np.radians(PLACE[0])), float(np.radians(PLACE[1]))
    turn = np.radians([10.0, 130.0, 250.0])
    places = Plane(centre, GANYMEDE).place_of(30.0 * np.sin(turn), 30.0 * np.cos(turn))
    points = " ".join(f"pixel:{a:.3f},{b:.3f}" for a, b in grid().pixel_of(places[:, 0], places[:, 1]))
    # a picture for the eye shows places as well as any other
    told = done("crater", charts / "annotated.png", "--points", points)
    assert told["diameter_km"] == pytest.approx(60.0, abs=0.01)
    assert told["latitude_deg"] == pytest.approx(11.0, abs=1e-3)
    assert told["diameter_sigma_km"] == pytest.approx(2.0 * 0.5 * SCALE / np.sqrt(3.0), rel=0.05)
    assert told["rim_points"] == 3


def test_distances_and_areas(charts: Path) -> None:
    chart = charts / "chart.tif"
    told = done("distance", chart, "--points", "0,320 0,330", "--points", "10,330", "--click-sigma", 1)
    degree = np.radians(1.0) * 2631.2
    assert told["length_km"] == pytest.approx(20.0 * degree, rel=1e-9)
    assert [part["azimuth_deg"] % 360.0 for part in told["legs"]] == pytest.approx([90.0, 0.0], abs=1e-6)
    scale = 0.1 / (3.0 * 1480.5905)
    assert told["product_scale_sigma"] == pytest.approx(scale, rel=1e-3)
    assert told["legs"][0]["length_sigma_km"] == pytest.approx(
        np.hypot(np.sqrt(2.0) * SCALE, scale * 10.0 * degree), 1e-3
    )
    assert told["points"][1]["sample_px"] == pytest.approx((18.0 * degree) / SCALE, abs=1e-6)
    square = done("area", chart, "--points", "0,320 0,321 1,321 1,320")
    assert square["area_km2"] == pytest.approx(degree**2, rel=2e-4)
    words = run("area", chart, "--points", "0,320 0,321 1,321 1,320").stdout
    assert "km2" in words
    assert "+-" in words


def test_profiles(charts: Path, tmp_path: Path) -> None:
    chart, out = charts / "chart.tif", tmp_path / "p.csv"
    told = done("profile", chart, "--centre", "11,332", "--radius", 30, "-o", out, "--figure", tmp_path / "p.png")
    rows = list(csv.DictReader(io.StringIO(out.read_text())))
    assert len(rows) == len(told["rings"])
    inner = [row for row in told["rings"] if row["band"] == "RED" and row["outer_radii"] < 0.8]
    assert np.mean([row["mean_i_over_f"] for row in inner]) == pytest.approx(0.42, rel=0.01)
    line = done("profile", chart, "--from", "11,330", "--to", "11,334", "--width", 6, "-o", tmp_path / "l.geojson")
    middle = min(line["samples"], key=lambda row: abs(row["longitude_east_deg"] - 332.0))
    assert middle["green_i_over_f"] == pytest.approx(0.42, rel=0.02)
    assert json.loads((tmp_path / "l.geojson").read_text())["features"][0]["geometry"]["type"] == "LineString"


def test_dark_rays(charts: Path, tmp_path: Path) -> None:
    outs = ("-o", tmp_path / "r.csv", "-o", tmp_path / "r.geojson", "--figure", tmp_path / "r.png")
    told = done("rays", charts / "chart.tif", "--seed", "11,332", "--diameter", 60, "--no-rim", "--reach", 5, *outs)
    assert told["verdict"] == "dark rays"
    bands = {row["band"]: row for row in told["bands"]}
    assert {row["tone"] for row in bands.values()} == {"dark"}
    assert bands["BLUE"]["contrast"] < bands["RED"]["contrast"] < -0.1
    assert len(list(csv.reader(io.StringIO((tmp_path / "r.csv").read_text())))) == 4
    rays = [f for f in json.loads((tmp_path / "r.geojson").read_text())["features"] if f["properties"]["part"] == "ray"]
    assert len(rays) == sum(row["is_ray"] for row in told["sectors"]) > 0


def test_a_picture_is_measured_by_its_sidecar(tmp_path: Path) -> None:
    where = point_from_centric(*np.radians([5.0, 330.0]), GANYMEDE.radii_km) * 2.2
    view = spacecraft_view(where, GANYMEDE, None, 700)
    hit = intersect(where, pixel_rays(view), GANYMEDE.radii_km)
    latitude, longitude = (
        np.arctan2(hit[..., 2], np.hypot(hit[..., 0], hit[..., 1])),
        np.arctan2(hit[..., 1], hit[..., 0]),
    )
    light = np.moveaxis(painted(latitude, longitude), 0, -1).astype(np.float32)
    bands = (Filter.RED, Filter.GREEN, Filter.BLUE)
    perspective = describe_view(view, GANYMEDE, [1.0, 0.0, 0.0], where)
    parameters: dict[str, Any] = {
        "recipe": "natural", "view": {"km_per_native_px": 3.0}, "photometry": {"model": "none"},
        "perspective": perspective,
    }  # fmt: skip
    out = tmp_path / "p.png"
    write_picture(out, Picture(light, bands, "srgb", "natural", {}), {**ORIGIN, "parameters": parameters}, "16")
    for with_sidecar in (True, False):
        if not with_sidecar:
            (tmp_path / "p.png.json").unlink()
        told = done("crater", out, "--seed", "11,332", "--diameter", 60, "--figure", tmp_path / "f.png")
        assert told["latitude_deg"] == pytest.approx(11.0, abs=0.04)
        assert told["longitude_east_deg"] == pytest.approx(332.0, abs=0.04)
        assert told["diameter_km"] == pytest.approx(DIAMETER, rel=0.04)
        # brightness means little after a stretch for the eye
        assert told["rim"]["contrast"] is None
    result = run("rays", out, "--seed", "11,332", "--diameter", 60)
    assert result.exit_code == 2
    assert "stretched for the eye" in result.stderr
    assert "--recipe linear" in result.stderr
    sidecar = tmp_path / "p.png.json"
    for told, words in (
        ("{", "provenance is damaged"),
        ("[]", "is no provenance"),
        (json.dumps({"parameters": {"perspective": {"body": "GANYMEDE"}}}), "perspective in its provenance is damaged"),
        (json.dumps({"parameters": {**parameters, "perspective": {**perspective, "width": 99}}}), "as it was made"),
    ):
        sidecar.write_text(told)
        result = run("distance", out, "--points", "11,332 12,332")
        assert (result.exit_code, words in result.stderr) == (1, True), result.stderr
    sidecar.unlink()
    assert cv2.imwrite(str(out), cv2.resize(cv2.imread(str(out), cv2.IMREAD_UNCHANGED), (350, 350)))
    assert "no map of Perijove's" in run("distance", out, "--points", "11,332 12,332").stderr


@pytest.mark.parametrize(
    ("code", "words", "asked"),
    [
        (2, "two places", ("distance", "chart.tif", "--points", "1,2")),
        (2, "three corners", ("area", "chart.tif", "--points", "1,320 2,320")),
        (2, "is no place", ("distance", "chart.tif", "--points", "1,2 here")),
        (2, "is no pixel", ("distance", "chart.tif", "--points", "pixel:1 pixel:2,3")),
        (2, "lies outside", ("distance", "chart.tif", "--points", "pixel:1,5000 pixel:2,3")),
        (1, "is not on", ("distance", "chart.tif", "--points", "1,100 2,100")),
        (2, "give one of them", ("crater", "chart.tif")),
        (2, "put all places in quotes", ("distance", "chart.tif", "--points", "1,2", "2,3")),
        (
            2,
            "--diameter 5000 km is more than the radius of Ganymede",
            ("crater", "chart.tif", "--seed", "11,332", "--diameter", "5000"),
        ),
        (
            2,
            "--band uv is not in chart.tif: give one of red, green, blue",
            ("crater", "chart.tif", "--seed", "11,332", "--band", "uv"),
        ),
        (
            1,
            "chart.tif: no rim was found|give a rough --diameter, or three --points",
            ("crater", "chart.tif", "--seed", "20,350", "--diameter", "60"),
        ),
        (2, "give circle or ellipse", ("crater", "chart.tif", "--seed", "11,332", "--shape", "square")),
        (2, "give its --diameter", ("rays", "chart.tif", "--seed", "11,332", "--no-rim")),
        (2, "leaves no room", ("rays", "chart.tif", "--seed", "11,332", "--diameter", "60", "--reach", "1")),
        (2, "stretched for the eye", ("rays", "eye.png", "--seed", "11,332", "--diameter", "60")),
        (2, "stretched for the eye", ("profile", "eye.png", "--centre", "11,332", "--radius", "30")),
        (2, "drawn on it", ("crater", "annotated.png", "--seed", "11,332", "--diameter", "60")),
        (2, "give --radius", ("profile", "chart.tif", "--centre", "11,332")),
        (2, "both --from and --to", ("profile", "chart.tif", "--from", "11,332")),
        (2, "give one of them", ("profile", "chart.tif")),
        (1, "holds no light", ("profile", "chart.tif", "--from", "0,351.6", "--to", "0,351.8")),
        (2, "no kind of result", ("crater", "chart.tif", "--seed", "11,332", "-o", "x.pdf")),
        (2, "is no PNG", ("crater", "chart.tif", "--seed", "11,332", "--figure", "x.json")),
        (2, "write over", ("crater", "chart.tif", "--seed", "11,332", "-o", "chart.tif.json")),
        (1, "no folder", ("crater", "chart.tif", "--seed", "11,332", "-o", "nowhere/x.json")),
        (1, "is not there", ("crater", "none.tif", "--seed", "11,332")),
        (
            2,
            "is neither a map nor a picture: make one with `perijove map`",
            ("crater", "chart.txt", "--seed", "11,332"),
        ),
        (1, "cannot be read", ("crater", "false.tif", "--seed", "11,332")),
        (1, "no map of Perijove's|from where it looks", ("crater", "false.png", "--seed", "11,332")),
    ],
)
def test_what_makes_no_sense_is_refused(
    charts: Path, monkeypatch: pytest.MonkeyPatch, code: int, words: str, asked: tuple[str, ...]
) -> None:
    monkeypatch.chdir(charts)
    for name in ("false.tif", "chart.txt"):
        Path(name).write_text("no picture")
    cv2.imwrite("false.png", np.zeros((8, 8, 3), np.uint8))
    before = {path.name: path.stat().st_mtime_ns for path in charts.iterdir()}
    result = run(*asked)
    assert result.exit_code == code, result.stderr
    (line,) = result.stderr.strip().splitlines()
    assert any(part in line for part in words.split("|")), line
    assert {path.name: path.stat().st_mtime_ns for path in charts.iterdir()} == before


def test_what_crosses_the_meridian_of_180_is_cut_there() -> None:
    line = geometry("LineString", np.radians([[0.0, 170.0], [10.0, 190.0], [0.0, 200.0]]))
    assert line["type"] == "MultiLineString"
    first, second = line["coordinates"]  # type: ignore[misc]
    assert first == [[170.0, 0.0], [180.0, 5.0]]
    assert second == [[-180.0, 5.0], [-170.0, 10.0], [-160.0, 0.0]]
    square = geometry("Polygon", np.radians([[0.0, 175.0], [0.0, -175.0], [10.0, -175.0], [10.0, 175.0]]))
    assert square["type"] == "MultiPolygon"
    parts = [np.array(polygon[0]) for polygon in square["coordinates"]]  # type: ignore[attr-defined]
    assert sorted((p[:, 0].min(), p[:, 0].max()) for p in parts) == [(-180.0, -175.0), (175.0, 180.0)]


def test_a_ring_around_the_pole_holds_the_pole() -> None:
    east = np.radians(np.arange(0.0, 361.0, 10.0))
    cap = geometry("Polygon", np.stack([np.full(len(east), np.radians(80.0)), east], -1))
    area = 0.0
    for polygon in cap["coordinates"] if cap["type"] == "MultiPolygon" else [cap["coordinates"]]:  # type: ignore[attr-defined]
        x, y = np.array(polygon[0]).T
        assert np.abs(x).max() <= 180.0
        area += 0.5 * float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]))
    assert area == pytest.approx(360.0 * 10.0)
    assert geometry("Point", np.radians([[1.0, 270.0]]))["coordinates"] == [-90.0, 1.0]
