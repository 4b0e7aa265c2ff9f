"""`perijove picture` and `solve` from end to end, on a made-up strip whose truth is known."""

import json
import math
import pickle
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import rasterio
import tifffile
from PIL import Image
from rasterio.errors import NotGeoreferencedWarning
from typer.testing import CliRunner, Result

from perijove.bodies import JUPITER
from perijove.cli import picture as picture_module
from perijove.cli.app import app
from perijove.cli.common import Steps, _Line
from perijove.cli.solve import solve_strips
from perijove.ephemeris.sun_earth import apparent_sun
from perijove.errors import OutputError

pytestmark = pytest.mark.usefixtures("solved_once")

Flown = Callable[..., Path]
PRODUCT = "JNCE_2022229_44C90001_V01"
PHASES = {"reading", "calibrating", "trajectory", "pointing", "rendering", "colouring", "writing"}
REPORT = {
    "trajectory": {"source", "labels", "rms_km"},
    "pointing": {"source", "spin_period_s", "start_offset_s", "twist_deg", "limb", "sigma_px", "verdict"},
    "picture": {"path", "width", "height", "native_scale", "phase_angle_deg", "range_km", "km_per_native_px"},
}


def run(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A TIFF that has no place on a map, as rasterio reads it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path) as source:
            yield source


def strict(text: str) -> dict[str, object]:
    """JSON in which NaN and infinity are refused."""
    loaded: dict[str, object] = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    return loaded


def test_picture_and_report_tell_the_truth(flown: Flown, tmp_path: Path, flight: Any) -> None:
    strip, out, report = flown(), tmp_path / "out.png", tmp_path / "r.json"
    result = run("picture", strip, "-o", out, "--report", report, "--size", "300", "--credit", "Ann Ó", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert strict(report.read_text()) == strict(result.stdout)
    (entry,) = json.loads(report.read_text())["strips"]
    assert entry["product_id"] == PRODUCT
    assert entry["target"] == "JUPITER"
    assert set(entry["timings_s"]) == PHASES
    for part, fields in REPORT.items():
        assert fields <= set(entry[part]), part
    assert {"points", "used", "rms_px", "median_px_by_band"} <= set(entry["pointing"]["limb"])
    assert set(entry["pointing"]["limb"]["median_px_by_band"]) == {"BLUE", "GREEN", "RED"}
    assert entry["pointing"]["spin_period_s"] == pytest.approx(flight.spin.period_s, abs=0.02)
    assert entry["pointing"]["limb"]["rms_px"] < 0.5
    made = entry["picture"]
    assert made["range_km"] == pytest.approx(np.linalg.norm(flight.place), rel=1e-3)
    # what one px of the camera spans is the distance to the ground over the focal length in px
    assert 1 < made["km_per_native_px"] * 1480.59 / (made["range_km"] - 71492) < made["range_km"] / 100000
    assert max(made["width"], made["height"]) == 300
    image = cv2.imread(str(out), cv2.IMREAD_UNCHANGED)
    assert image.shape == (made["height"], made["width"], 3)
    assert image.dtype == np.uint8


def test_provenance_goes_into_the_picture_and_beside_it(flown: Flown, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    assert run("picture", flown(), "-o", out, "--size", "64", "--credit", "Ann Ó", "-q").exit_code == 0
    with Image.open(out) as image:
        text = dict(image.text)
    assert text["Author"] == "NASA/JPL-Caltech/SwRI/MSSS, image processing: Ann Ó"
    assert "NASA/JPL-Caltech/SwRI/MSSS" in text["Copyright"]
    sidecar = strict((tmp_path / "out.png.json").read_text())
    assert sidecar == strict(text["Provenance"])
    assert sidecar["inputs"][0]["product_id"] == PRODUCT  # type: ignore[index]


def test_the_disc_is_framed_with_a_margin_and_nothing_lit_is_cut(flown: Flown, tmp_path: Path) -> None:
    out = tmp_path / "out.tif"
    assert run("picture", flown(), "-o", out, "--recipe", "linear", "--size", "400", "-q").exit_code == 0
    light = tifffile.imread(out)
    assert light.dtype == np.float32
    assert light.shape[2] == 3
    lit = np.argwhere((light > 0.03).all(axis=-1))
    low, high = lit.min(axis=0), lit.max(axis=0)
    size = np.array(light.shape[:2])
    assert (low >= 0.015 * size).all()
    assert (high <= 0.985 * size).all()
    # and no more sky than the margin and what lies beyond the terminator
    assert ((high - low) > 0.75 * size).all()


def test_linear_is_light_over_what_a_white_surface_gives(flown: Flown, tmp_path: Path) -> None:
    # of the same numbers, half the exposure makes twice the I/F
    paths = {}
    for name, exposure in (("one", "3.200000 <ms>"), ("two", "6.400000 <ms>")):
        paths[name] = tmp_path / f"{name}.tif"
        strip = flown({"EXPOSURE_DURATION": exposure}, tmp_path / f"in-{name}")
        assert run("picture", strip, "-o", paths[name], "--recipe", "linear", "--size", "150", "-q").exit_code == 0
    light = {name: tifffile.imread(path) for name, path in paths.items()}
    bright = light["one"][..., 1] > 0.1
    assert np.median(light["one"][bright] / light["two"][bright]) == pytest.approx(2.0, rel=0.01)
    with opened(paths["one"]) as source:
        assert source.units == ("I/F", "I/F", "I/F")


def test_sigma_and_quality_are_bands_of_their_own(flown: Flown, tmp_path: Path) -> None:
    out, plain = tmp_path / "out.tif", tmp_path / "plain.tif"
    options = ("--recipe", "linear", "--size", "200", "-q")
    assert run("picture", flown(), "-o", plain, *options).exit_code == 0
    assert run("picture", flown(), "-o", out, *options, "--with-sigma", "--with-quality").exit_code == 0
    with opened(out) as source:
        bands = dict(zip(source.descriptions, source.read(), strict=True))
        units = dict(zip(source.descriptions, source.units, strict=True))
        assert "4 hit" in source.tags()["QUALITY_BITS"]
    names = ["RED", "GREEN", "BLUE"]
    assert list(bands) == [f"{name}{kind}" for kind in ("", " sigma", " quality") for name in names]
    assert (units["RED sigma"], units["BLUE quality"]) == ("I/F", "bits")
    for name, light in zip(names, np.moveaxis(tifffile.imread(plain), -1, 0), strict=True):
        np.testing.assert_array_equal(bands[name], light)
        seen = np.isfinite(light)
        np.testing.assert_array_equal(np.isfinite(bands[f"{name} sigma"]), seen)
        assert (bands[f"{name} sigma"][seen] > 0).all()
        bits = bands[f"{name} quality"][seen]
        assert ((bits >= 0) & (bits < 256) & (bits == np.rint(bits))).all()


@pytest.mark.parametrize("up", ["north", "camera-up"])
def test_what_is_up(flown: Flown, tmp_path: Path, flight: Any, up: str) -> None:
    """Light grows towards the Sun, whose direction in the picture follows from what is up."""
    out = tmp_path / "o.tif"
    assert run("picture", flown(), "-o", out, "--recipe", "linear", "--size", "200", f"--{up}", "-q").exit_code == 0
    pole = JUPITER.body_from_j2000(flight.et)[2]
    upward = pole if up == "north" else -flight.spin.camera_from_j2000(flight.et)[1]
    right = np.cross(-flight.place, upward)
    down = np.cross(-flight.place, right)
    sun = apparent_sun(flight.et)
    expected = np.array([sun @ down / np.linalg.norm(down), sun @ right / np.linalg.norm(right)])
    green = tifffile.imread(out)[..., 1]
    where = np.argwhere(green > 0.06)
    slope = np.linalg.lstsq(np.column_stack([where, np.ones(len(where))]), green[tuple(where.T)], rcond=None)[0][:2]
    cosine = slope @ expected / np.linalg.norm(slope) / np.linalg.norm(expected)
    assert cosine > np.cos(np.radians(15))


@pytest.mark.parametrize(
    ("options", "name", "dtype"),
    [
        (["--depth", "16"], "o.png", np.uint16),
        ([], "o.tif", np.uint16),
        (["--depth", "32"], "o.tiff", np.float32),
        (["--recipe", "enhanced", "--interpolation", "bilinear"], "o.png", np.uint8),
        (["--interpolation", "lanczos", "--fov", "20"], "o.png", np.uint8),
    ],
)
def test_formats_and_depths(flown: Flown, tmp_path: Path, options: list[str], name: str, dtype: type) -> None:
    out = tmp_path / name
    result = run("picture", flown(), "-o", out, "--size", "64", "-q", *options)
    assert (result.exit_code, result.output) == (0, "")
    image = cv2.imread(str(out), cv2.IMREAD_UNCHANGED) if name.endswith("png") else tifffile.imread(out)
    assert image.dtype == dtype
    assert image.shape[2] == 3
    if "--fov" in options:
        assert image.shape[:2] == (64, 64)


def test_a_place_in_the_middle(flown: Flown, tmp_path: Path) -> None:
    strip = flown()
    seen = run("info", strip, "--json")
    below = json.loads(seen.stdout)["products"][0]["sub_spacecraft"]
    latitude, west = below["latitude_planetographic_deg"], below["longitude_west_deg"]
    out = tmp_path / "o.png"
    ok = run("picture", strip, "-o", out, "--size", "64", "--centre", f"{latitude:.1f}N,{west:.1f}W", "-q")
    assert ok.exit_code == 0
    out.unlink()
    hidden = run("picture", strip, "-o", out, "--size", "64", "--centre", f"{-latitude:.1f},{180 - west:.1f}")
    assert hidden.exit_code == 2
    assert "is out of sight" in hidden.stderr
    assert not out.exists()


def test_solve_writes_solution_and_plot(flown: Flown, tmp_path: Path) -> None:
    strip, out, plot = flown(), tmp_path / "s.json", tmp_path / "p.png"
    result = run("solve", strip, "-o", out, "--plot", plot)
    assert result.exit_code == 0
    assert PRODUCT in result.stdout
    assert "verdict" in result.stdout
    (entry,) = strict(out.read_text())["strips"]  # type: ignore[misc]
    assert {"unknowns", "covariance", "frames", "camera", "limb_residuals", "timings_s"} <= set(entry)
    order, matrix = entry["covariance"]["order"], np.array(entry["covariance"]["matrix"])
    assert matrix.shape == (len(order), len(order))
    # in the units of the unknowns, degrees for angles
    sigmas = [entry["unknowns"][name]["sigma"] if name in entry["unknowns"] else 0.0 for name in order]
    np.testing.assert_allclose(np.sqrt(np.diag(matrix)), sigmas, rtol=1e-9)
    attitude = np.array(entry["frames"]["camera_from_j2000"])
    np.testing.assert_allclose(
        attitude @ attitude.transpose(0, 2, 1), np.eye(3)[None].repeat(len(attitude), 0), atol=1e-12
    )
    assert sum(part["points"] for part in entry["limb_residuals"]) == entry["pointing"]["limb"]["used"]
    assert cv2.imread(str(plot)) is not None


def test_quiet_and_json_of_solve(flown: Flown) -> None:
    strip = flown()
    assert run("solve", strip, "--quiet").output == ""
    assert strict(run("solve", strip, "--json").stdout)["strips"]


def listed(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"TARGET_NAME": "SATURN"}, "shows SATURN, but only JUPITER"),
        ({"TARGET_NAME": "GANYMEDE"}, "no sunlit limb of GANYMEDE"),
        ({"START_TIME": "garbage"}, "START_TIME: 'garbage' is not a UTC time"),
        ({"EXPOSURE_DURATION": "1e30 <ms>"}, "no exposure is longer than 60 s"),
        ({"SUB_SPACECRAFT_LATITUDE": "N/A"}, "No label gives Juno's position"),
        ({"SPACECRAFT_ALTITUDE": "0 <km>"}, "SPACECRAFT_ALTITUDE is '0 <km>', but it must be greater than zero"),
        ({"SPACECRAFT_ALTITUDE": "NaN"}, "SPACECRAFT_ALTITUDE is 'NaN', but a number is expected"),
        ({"SPACECRAFT_ALTITUDE": "1e30 <km>"}, "No orbit of Juno round JUPITER explains"),
        ({"FILTER_NAME": ["BLUE", "INFRARED", "RED"]}, "only BLUE, GREEN, RED, METHANE are JunoCam's filters"),
        ({"LINES": 192}, "but its label"),
    ],
)
def test_labels_that_will_not_do(flown: Flown, tmp_path: Path, fields: dict[str, object], told: str) -> None:
    strip = flown(fields)
    before = listed(tmp_path)
    result = run("picture", strip, "-o", tmp_path / "o.png", "--report", tmp_path / "r.json")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert told in result.stderr
    assert result.stderr.count("\n") == 1
    assert listed(tmp_path) == before


@pytest.mark.parametrize("field", ["INTERFRAME_DELAY", "EXPOSURE_DURATION"])
def test_what_a_label_lacks_is_solved_for(flown: Flown, tmp_path: Path, field: str) -> None:
    result = run("solve", flown({field: "N/A"}), "-o", tmp_path / "solution.json")
    assert result.exit_code == 0, result.stderr
    times = json.loads((tmp_path / "solution.json").read_text())["strips"][0]["pointing"]["times"]
    assert times["interframe_delay_s"] == pytest.approx(0.373, abs=0.003)


@pytest.mark.parametrize("kind", ["black", "grey", "white", "noise", "dark sky"])
def test_a_strip_that_shows_no_body(flown: Flown, tmp_path: Path, kind: str) -> None:
    strip = flown()
    codes = cv2.imread(str(strip), cv2.IMREAD_UNCHANGED)
    rng = np.random.default_rng(1)
    fill = {
        "black": np.zeros_like(codes),
        "grey": np.full_like(codes, 180),
        "white": np.full_like(codes, 255),
        "noise": rng.integers(0, 256, codes.shape).astype(np.uint8),
        "dark sky": np.clip(rng.normal(12, 1.5, codes.shape), 0, 255).astype(np.uint8),
    }
    assert cv2.imwrite(str(strip), fill[kind])
    before = listed(tmp_path)
    result = run("picture", strip, "-o", tmp_path / "pictures.png")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no sunlit limb of JUPITER is to be seen" in result.stderr
    assert "give " in result.stderr
    assert listed(tmp_path) == before


def test_too_few_frames_for_a_colour_picture(flown: Flown, tmp_path: Path) -> None:
    strip = flown(lines=3 * 64)
    result = run("picture", strip, "-o", tmp_path / "o.png")
    assert result.exit_code == 1
    assert result.stderr.startswith("perijove: ")
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "o.png").exists()


def test_a_last_frame_cut_short(flown: Flown, tmp_path: Path) -> None:
    # twelve frames, then one of two filters and a part of the third
    strip = flown(lines=12 * 3 * 64 + 2 * 64 + 30)
    result = run("picture", strip, "-o", tmp_path / "o.png", "--size", "64", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["strips"][0]["pointing"]["limb"]["rms_px"] < 0.5


def test_one_image_twice_is_misuse(flown: Flown, tmp_path: Path) -> None:
    strips = flown(folder=tmp_path / "a"), flown(folder=tmp_path / "b")
    result = run("picture", *strips, "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert f"are both {PRODUCT}: give only one" in result.stderr
    assert not (tmp_path / "out").exists()


def test_unreadable_labels_are_told_once(flown: Flown, tmp_path: Path) -> None:
    strip = flown()
    (tmp_path / "a-Metadata.json").write_text('{"PRODUCT_ID": "JNCE_2022229_44C00099_V01"}')
    (tmp_path / "b-Metadata.json").write_text('{"PRODUCT_ID": ')
    (tmp_path / "other.json").write_text("[1, 2]")
    result = run("solve", strip, "--quiet")
    assert result.exit_code == 0
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("warning: a label is left out: ")
    assert "(and 1 more)" in result.stderr


def test_labels_of_another_pass_are_told(flown: Flown, tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    result = run("solve", flown(), "--quiet", "--labels", tmp_path / "labels")
    assert result.exit_code == 0
    assert "labels holds no label of the pass" in result.stderr


def test_a_label_that_disagrees_is_told_and_reported(flown: Flown, tmp_path: Path, flight: Any) -> None:
    strip = flown()
    wrong = json.loads(flight.label.read_text())
    names = [f"JNCE_2022229_44C9000{k}_V01" for k in (2, 3, 4)]
    for k, name in enumerate(names):
        # the same place at nearly the same time agrees; one stands 200 km off
        altitude = float(wrong["SPACECRAFT_ALTITUDE"].split()[0]) + (200.0 if k == 2 else 0.0)
        fields = {"PRODUCT_ID": name, "FILE_NAME": f"{name}-raw.png", "SPACECRAFT_ALTITUDE": f"{altitude:.1f} <km>"}
        (tmp_path / f"{k}-Metadata.json").write_text(json.dumps({**wrong, **fields}))
    result = run("solve", strip, "--json")
    assert result.exit_code == 0
    assert f"the position in the label of {names[2]} disagrees" in result.stderr
    assert json.loads(result.stdout)["strips"][0]["trajectory"]["rejected"] == [names[2]]


@pytest.mark.parametrize(
    ("out", "report", "told"),
    [
        ("no/o.png", None, "there is no folder"),
        ("file/o.png", None, "there is no folder"),
        ("o.png", "no/r.json", "there is no folder"),
        ("o.png", "folder", "it is a folder"),
    ],
)
def test_outputs_are_checked_before_the_strip_is_opened(
    tmp_path: Path, out: str, report: str | None, told: str
) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    options = [] if report is None else ["--report", tmp_path / report]
    result = run("picture", tmp_path / "not-there.png", "-o", tmp_path / out, *options)
    assert result.exit_code == 1
    assert told in result.stderr
    assert listed(tmp_path) == {"file", "folder"}


def test_read_only_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_, **__: False)
    result = run("picture", tmp_path / "s.png", "-o", tmp_path / "o.png")
    assert result.exit_code == 1
    assert "is read-only; choose a folder that is writable" in result.stderr


def test_a_report_that_fails_leaves_no_picture(flown: Flown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    strip = flown()
    before = listed(tmp_path)

    def full(*_: object) -> str:
        raise OutputError("the disk is full: make room")

    monkeypatch.setattr(picture_module, "json_text", full)
    (tmp_path / "reports").mkdir()
    result = run(
        "picture", strip, "-o", tmp_path / "o.png", "--report", tmp_path / "reports" / "r.json", "--size", "64"
    )
    assert result.exit_code == 1
    assert listed(tmp_path) == before | {"reports"}


def test_interrupt_leaves_nothing(flown: Flown, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The interrupt comes when the picture is already written under another name."""
    strip = flown()
    before = listed(tmp_path)
    # the process takes the strip as it is solved, which it would do just so itself
    solved = tmp_path_factory.mktemp("solved") / "strips"
    solved.write_bytes(pickle.dumps(solve_strips([strip], None, Steps(quiet=True))))
    script = (
        "import pickle, sys\nfrom pathlib import Path\nfrom perijove.cli import main, picture\n"
        "def stop(*_):\n    raise KeyboardInterrupt\n"
        "picture.json_text = stop\n"
        f"picture.solve_strips = lambda *_: pickle.loads(Path({str(solved)!r}).read_bytes())\n"
        "sys.argv[0] = 'perijove'\nmain()\n"
    )
    args = [sys.executable, "-c", script, "picture", str(strip), "-o", str(tmp_path / "o.png"), "--size", "64", "-q"]
    result = subprocess.run(args, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (130, "", "")
    assert listed(tmp_path) == before


def test_spinner_says_what_is_done(flown: Flown, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    said: list[str] = []
    monkeypatch.setattr(_Line, "say", lambda self, doing, turned: said.append(doing))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    steps = Steps()
    with steps.steps("calibrating") as turn:
        turn("trajectory", "fitting the trajectory")
        time.sleep(0.002)
        turn("trajectory", "still at it")
    assert said == ["calibrating", "fitting the trajectory", "still at it"]
    assert set(steps.timings_s) == {"calibrating", "trajectory"}
    assert steps.timings_s["trajectory"] >= 0.002
    assert math.isfinite(steps.timings_s["calibrating"])
