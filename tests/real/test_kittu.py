"""Kittu, from the path that Juno truly flew to its dark rays: simulated, solved blind from the strip alone, measured.

The crater is 15 km wide, with rays of soot, at 25.4 E, 0.4 N of the painted Ganymede.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from perijove.cli.app import app
from perijove.geometry.ellipsoid import point_from_centric
from perijove.io.measurable import open_measurable
from perijove.measure.product import patch_of
from perijove.simulate.worlds.ganymede import GanymedePainter
from perijove.timescale import et_from_utc

LATITUDE_DEG, LONGITUDE_DEG, DIAMETER_KM = 0.4, 25.4, 15.0
SCENE = """
scene = "ganymede-pj34"

[flight]
table = "{table}"

[[shots]]
number = 1
utc = "2021-06-07T16:59:40"
interframe_s = 0.370
"""


def run(*arguments: str | Path) -> dict[str, Any]:
    done = CliRunner().invoke(app, [str(a) for a in arguments])
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def blind(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], dict[str, Any]]:
    """The map of a strip that has no label, what was found about it, and the truth."""
    folder = tmp_path_factory.mktemp("kittu")
    table = data / "pj34-ganymede" / "juno_iau_ganymede.csv"
    (folder / "scene.toml").write_text(SCENE.format(table=table))
    run("simulate", folder / "scene.toml", "-o", folder, "--rays", "1", "--json")
    for label in folder.glob("*.json"):
        if label.name != "truth.json":
            label.unlink()
    truth = json.loads((folder / "truth.json").read_text())
    (strip,) = folder.glob("*-raw.png")
    found = run(
        "map", strip, "-o", folder / "map.tif", "--target", "ganymede", "--trajectory", table,
        # fifteen seconds late
        "--start", "2021-06-07T16:59:58", "--exposure", "3.2", "--bounds", "-16,-15,41,48", "--json",
    )  # fmt: skip
    return folder / "map.tif", found["strips"][0], truth


def bright_spot(chart: Path) -> tuple[float, float]:
    """Where one would click: the brightest ground within 30 km of where the crater is."""
    product = open_measurable(chart).product
    patch = patch_of(product, (float(np.radians(LATITUDE_DEG)), float(np.radians(LONGITUDE_DEG))), 30.0)
    line, across = np.unravel_index(int(np.nanargmax(patch.light.mean(axis=0))), patch.light.shape[1:])
    latitude, longitude = np.degrees(patch.place_of(np.array(line + 0.5), np.array(across + 0.5)))
    return float(latitude), float(longitude)


def painted_contrast() -> np.ndarray[Any, np.dtype[np.float64]]:
    """Red, green and blue of the painted rays from 1.4 to 5 radii over the ground from there to 8, less 1."""
    radius = 2631.2
    up, east, north = np.eye(3)
    turn = np.radians(np.arange(0.0, 360.0, 2.0))

    def light(first: float, last: float) -> np.ndarray[Any, np.dtype[np.float64]]:
        away, azimuth = np.meshgrid(np.linspace(first, last, 60) * DIAMETER_KM / 2.0 / radius, turn)
        local = up + (away * np.sin(azimuth))[..., None] * east + (away * np.cos(azimuth))[..., None] * north
        lat, lon = np.radians([LATITUDE_DEG, LONGITUDE_DEG])
        spin = np.array([[np.cos(lon), -np.sin(lon), 0.0], [np.sin(lon), np.cos(lon), 0.0], [0.0, 0.0, 1.0]])
        tilt = np.array([[np.cos(lat), 0.0, -np.sin(lat)], [0.0, 1.0, 0.0], [np.sin(lat), 0.0, np.cos(lat)]])
        places = (local / np.linalg.norm(local, axis=-1, keepdims=True)).reshape(-1, 3) @ (spin @ tilt).T
        painted = GanymedePainter(0).paint(places, 0.5 / radius, 0.0).albedo[:, [2, 1, 0]]
        return np.asarray(painted.mean(axis=0), dtype=np.float64)

    return light(1.4, 5.0) / light(5.0, 8.0) - 1.0


def test_the_strip_is_placed_as_well_as_is_said(blind: tuple[Path, dict[str, Any], dict[str, Any]]) -> None:
    _, found, truth = blind
    pointing, strip = found["pointing"], truth["strips"][0]
    # the table may be off by 10 km, which is 3 px here
    assert pointing["limb"]["rms_px"] < 0.3
    assert pointing["sigma_px"] < 4.0
    start = et_from_utc("2021-06-07T16:59:58") + 0.06188 + 0.0016 + pointing["start_offset_s"]
    # 0.6 s is the default 10 km of the table along the track
    assert abs(start - strip["et"][0]) < 2.0


def test_kittu_is_as_wide_as_it_is_and_its_rays_are_dark(
    blind: tuple[Path, dict[str, Any], dict[str, Any]], tmp_path: Path
) -> None:
    chart, found, _ = blind
    seed = "{:.4f},{:.4f}".format(*bright_spot(chart))
    crater = run("measure", "crater", chart, "--seed", seed, "--diameter", "15", "--json")
    rays = run("measure", "rays", chart, "--seed", seed, "--diameter", "15", "--json", "-o", tmp_path / "kittu.png")
    assert abs(crater["diameter_km"] / DIAMETER_KM - 1.0) < 0.10
    off = point_from_centric(*np.radians([crater["latitude_deg"], crater["longitude_east_deg"]]), (2631.2,) * 3)
    off = off - point_from_centric(*np.radians([LATITUDE_DEG, LONGITUDE_DEG]), (2631.2,) * 3)
    # the ground is seen at 66 deg: a pixel of 2.5 km covers 6
    assert np.linalg.norm(off) < 3.0 * found["pointing"]["sigma_px"] * 6.0
    assert rays["verdict"] == "dark rays"
    assert rays["significance"] > 5.0
    bands = {band["band"]: band for band in rays["bands"]}
    for name, true in zip(("RED", "GREEN", "BLUE"), painted_contrast(), strict=True):
        assert bands[name]["tone"] == "dark"
        assert abs(bands[name]["contrast"] - true) < 3.0 * bands[name]["contrast_sigma"]
    assert (tmp_path / "kittu.png").stat().st_size > 10_000


def test_a_crater_with_bright_rays_is_found_bright(blind: tuple[Path, dict[str, Any], dict[str, Any]]) -> None:
    # Min, whose rays are of ice
    chart, _, _ = blind
    rays = run("measure", "rays", chart, "--seed", "29.2,358.8", "--diameter", "33", "--json")
    assert rays["verdict"] == "bright rays"
