"""`perijove picture` from elsewhere, at other times and annotated, on the made-up strip."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner, Result

from perijove.bodies import JUPITER
from perijove.cli import picture as picture_module
from perijove.cli.app import app
from perijove.cli.common import Steps
from perijove.cli.solve import solve_strips
from perijove.ephemeris.sun_earth import apparent_earth, apparent_sun
from perijove.geometry.ellipsoid import centric_from_point
from perijove.geometry.viewpoint import below
from perijove.io.measurable import open_measurable
from perijove.observation import Observation
from perijove.timescale import utc_from_et

Flown = Callable[..., Path]


@pytest.fixture(scope="module")
def solved(flight: Any) -> Observation:
    """The made-up strip, solved once for all tests of this file."""
    (observation,) = solve_strips([flight.strip], None, Steps(quiet=True))
    return observation


@pytest.fixture
def strip(flown: Flown, solved: Observation, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The strip in a folder of the test's own; the command takes its solution as found."""
    monkeypatch.setattr(picture_module, "solve_strips", lambda *_: [solved])
    return flown()


def run(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


def picture(strip: Path, out: Path, *options: object) -> dict[str, Any]:
    """Make a picture; what its report says of it."""
    result = run("picture", strip, "-o", out, "--size", 150, "--json", *options)
    assert (result.exit_code, result.stderr) == (0, "")
    made: dict[str, Any] = json.loads(result.stdout)["strips"][0]["picture"]
    return made


def lit_place(solved: Observation) -> tuple[float, float]:
    """Planetocentric latitude and east longitude (deg) halfway between the places below camera and Sun."""
    camera = solved.middle_position / np.linalg.norm(solved.middle_position)
    latitude, longitude, _ = centric_from_point(camera + solved.middle_sun)
    return float(np.degrees(latitude)), float(np.degrees(longitude)) % 360.0


def test_from_the_cameras_own_place_the_picture_is_the_same(strip: Path, tmp_path: Path, solved: Observation) -> None:
    look = ["--look", "{:.3f},{:.3f}".format(*lit_place(solved)), "--fov", 25]
    own = picture(strip, tmp_path / "own.tif", "--recipe", "linear", *look)
    where = f"{own['sub_latitude_deg']:.6f},{own['sub_longitude_east_deg']:.6f},{own['altitude_km']:.3f}"
    there = picture(strip, tmp_path / "there.tif", "--recipe", "linear", "--from", where, *look)
    for key in ("range_km", "altitude_km", "sub_latitude_deg", "sub_longitude_east_deg", "phase_angle_deg"):
        assert there[key] == pytest.approx(own[key], rel=1e-6), key
    for key in ("native_scale", "km_per_native_px"):
        assert there[key] == pytest.approx(own[key], rel=0.01), key
    a, b = (tifffile.imread(tmp_path / f"{name}.tif") for name in ("there", "own"))
    both = np.isfinite(a) & np.isfinite(b)
    assert both.mean() > 0.3
    assert np.abs(a - b)[both].max() < 1e-3 * np.median(b[both])
    # of what the camera's own picture has beside the body nothing is left
    assert np.isfinite(b).mean() > np.isfinite(a).mean()


def test_a_place_has_its_light_wherever_it_is_seen_from(strip: Path, tmp_path: Path, solved: Observation) -> None:
    latitude, longitude = lit_place(solved)
    look = f"{latitude:.3f},{longitude:.3f}"
    sides = {"own": (["--at", utc_from_et(solved.middle_et)], 0.5), "earth": (["--from", "earth"], 2e-5)}
    sides["north"] = (["--from", f"{latitude + 35:.2f},{longitude:.2f},150000"], 0.5)
    light = {}
    for name, (options, fov) in sides.items():
        out = tmp_path / f"{name}.tif"
        picture(strip, out, "--recipe", "linear", "--look", look, "--fov", fov, *options)
        # the very place, at the corner of the four pixels in the middle
        light[name] = tifffile.imread(out)[74:76, 74:76].mean(axis=(0, 1))
        # and the sidecar tells where it is, to whoever measures on the picture
        seen = np.degrees(open_measurable(out).product.place_of(75.0, 75.0)) % 360.0
        np.testing.assert_allclose(
            seen, np.array([float(f"{v:.3f}") for v in (latitude, longitude)]) % 360.0, atol=1e-6
        )
    np.testing.assert_allclose(light["north"], light["own"], rtol=0.01)
    np.testing.assert_allclose(light["earth"], light["own"], rtol=0.01)


def test_from_earth_no_sky_and_true_numbers(strip: Path, tmp_path: Path, solved: Observation) -> None:
    made = picture(strip, tmp_path / "e.tif", "--recipe", "linear", "--from", "EARTH")
    earth = JUPITER.body_from_j2000(solved.middle_et) @ apparent_earth(solved.middle_et)
    under = below(earth, JUPITER)
    assert made["range_km"] == pytest.approx(np.linalg.norm(earth), rel=1e-9)
    assert made["sub_latitude_deg"] == pytest.approx(np.degrees(under.latitude), abs=1e-3)
    assert made["sub_longitude_east_deg"] == pytest.approx(np.degrees(under.longitude), abs=1e-3)
    # from the Earth Jupiter is never a crescent
    assert made["phase_angle_deg"] < 12 < made["phase_angle_of_light_deg"]
    light = tifffile.imread(tmp_path / "e.tif")[..., 1]
    edges = np.concatenate([light[0], light[-1], light[:, 0], light[:, -1]])
    assert np.isnan(edges).all()
    assert 0.2 < np.isfinite(light).mean() < 0.9
    told = json.loads((tmp_path / "e.tif.json").read_text())
    assert told["parameters"]["from"] == "the Earth"
    assert told["parameters"]["view"]["native_scale"] == made["native_scale"] > 0


def test_at_another_time(strip: Path, tmp_path: Path, solved: Observation) -> None:
    out = tmp_path / "o.png"
    later = picture(strip, out, "--at", utc_from_et(solved.middle_et + 200.0))
    now = picture(strip, tmp_path / "now.png", "--at", utc_from_et(solved.middle_et))
    plain = picture(strip, tmp_path / "plain.png")
    assert now["range_km"] == pytest.approx(plain["range_km"], rel=1e-5)
    # Juno falls at nearly 40 km/s, and Jupiter turns 36 deg an hour beneath it
    assert 3000 < now["range_km"] - later["range_km"] < 9000
    sky, none = (cv2.imread(str(tmp_path / f"{name}.png")) for name in ("now", "plain"))
    assert sky.shape == none.shape
    assert np.abs(sky.astype(int) - none).max() <= 8
    turned = picture(strip, out, "--from", "sun", "--at", utc_from_et(solved.middle_et + 1800.0))
    before = picture(strip, out, "--from", "sun")
    apart = (before["sub_longitude_east_deg"] - turned["sub_longitude_east_deg"]) % 360
    assert apart == pytest.approx(0.5 * 870.536 / 24, abs=0.02)
    assert before["phase_angle_deg"] < 0.1
    assert before["range_km"] == pytest.approx(np.linalg.norm(apparent_sun(solved.middle_et)), rel=1e-9)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--at", "2022-08-17T20:00:00"], "outside the trajectory that the labels give"),
        (["--from", "earth", "--at", "2022-09-17T00:00:00"], "more than 12 hours from the image"),
        (["--from", "0,0,0"], "lies on the ground or below it"),
        (["--from", "mars"], "is no viewpoint"),
        (["--at", "noon"], "--at 'noon' is not a UTC time"),
        (["--annotate", "--recipe", "linear"], "would write over the I/F"),
    ],
)
def test_viewpoints_that_make_no_sense(strip: Path, tmp_path: Path, options: list[str], told: str) -> None:
    out = tmp_path / ("o.tif" if "linear" in options else "o.png")
    result = run("picture", strip, "-o", out, *options)
    assert result.exit_code == 2
    assert told in result.stderr
    assert result.stderr.count("\n") == 1
    assert not out.exists()


def test_what_cannot_be_seen_from_there(strip: Path, tmp_path: Path, solved: Observation) -> None:
    out = tmp_path / "o.png"
    latitude, longitude = lit_place(solved)
    behind = f"{-latitude:.1f},{(longitude + 180) % 360:.1f}"
    for options, told in (
        (["--from", f"{behind},20000"], "nothing that was imaged of JUPITER can be seen from"),
        (["--from", f"{behind},20000", "--look", behind, "--fov", 5], "nothing that was imaged"),
        (["--from", "earth", "--look", "-90,0"], "is out of sight from the viewpoint"),
    ):
        result = run("picture", strip, "-o", out, "--size", 100, *options)
        assert result.exit_code == 2
        assert told in result.stderr
        assert not out.exists()


def test_annotated(strip: Path, tmp_path: Path) -> None:
    plain, drawn = tmp_path / "plain.png", tmp_path / "drawn.png"
    for path, options in ((plain, []), (drawn, ["--annotate"])):
        assert run("picture", strip, "-o", path, "--size", 600, "-q", *options).exit_code == 0
    a, b = cv2.imread(str(plain)), cv2.imread(str(drawn))
    assert a.shape == b.shape
    changed = (a != b).any(axis=-1)
    assert 0.03 < changed.mean() < 0.4
    parameters = json.loads((tmp_path / "drawn.png.json").read_text())["parameters"]
    assert parameters["annotate"] is True
    assert parameters["from"] == "the spacecraft"


def test_altitude_is_that_of_the_label(strip: Path, tmp_path: Path, solved: Observation) -> None:
    made = picture(strip, tmp_path / "o.png")
    label = solved.raw.label
    assert label.altitude_km is not None
    assert made["altitude_km"] == pytest.approx(label.altitude_km, rel=1e-3)
