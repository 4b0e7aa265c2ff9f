"""Kernels and tables on the command line: our own read back, gaps, and what the provenance says of them."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from typer.testing import CliRunner, Result

from perijove.bodies import CALLISTO, JUPITER
from perijove.cli import solve
from perijove.cli.app import app
from perijove.cli.geometry_options import GeometryRequest, PointingBy
from perijove.cli.solve import _aimed
from perijove.cli.sources import attitude_of, flight_of, geometry_parameters, geometry_sources
from perijove.errors import PerijoveWarning, SpiceError, TrajectoryError
from perijove.io.labels import parse_label
from perijove.raw import RawImage
from perijove.spice.daf import Daf, DafArray, daf_bytes
from perijove.timescale import et_from_utc

pytest.importorskip("spiceypy", reason="spiceypy is not installed")

START_UTC = "2022-08-17T13:30:00.000"
START = et_from_utc(START_UTC)
COUNT = "714015020:100"
KERNELS = ("own.bsp", "own.bc", "own.tsc")
FOCAL_PX = 10.95637 / 0.0074
ROLL_PX = 200.0
"""Px (rms a coordinate) by which places on a disc of 557 px radius move for each radian of a turn about the boresight,
which goes through its middle: half the radius along the samples, and nothing across."""


def run(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


def solution(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())["strips"][0]
    return found


@pytest.fixture(scope="module")
def solved(flight: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the flown strip, its label with a count of the clock, its solution, and that as kernels."""
    folder = tmp_path_factory.mktemp("solved")
    strip = folder / flight.strip.name
    strip.write_bytes(flight.strip.read_bytes())
    label = {**json.loads(flight.label.read_text()), "SPACECRAFT_CLOCK_START_COUNT": COUNT}
    (folder / flight.label.name).write_text(json.dumps(label))
    spk, ck, sclk = (folder / name for name in KERNELS)
    result = run(
        "solve", strip, "-o", folder / "image.json", "--write-spk", spk, "--write-ck", ck, "--write-sclk", sclk, "-q"
    )
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    return folder


def test_our_own_kernels_give_back_the_solution(solved: Path, flight: Any, tmp_path: Path) -> None:
    (strip,) = solved.glob("*.png")
    given = [part for name in KERNELS for part in ("--kernels", solved / name)]
    result = run("solve", strip, "-o", tmp_path / "kernel.json", *given, "--pointing", "kernel", "-q")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    image, kernel = solution(solved / "image.json"), solution(tmp_path / "kernel.json")
    assert kernel["pointing"]["source"] == "kernel"
    assert kernel["trajectory"]["source"].startswith("kernels, ")
    mine, theirs = image["frames"], kernel["frames"]
    # the clock ticks in 1/256 s, and the solved start is tied to its count
    np.testing.assert_allclose(theirs["et"], mine["et"], rtol=0, atol=2e-5)
    # in that time the camera turns by 4e-6 rad, and Juno flies 1 m
    np.testing.assert_allclose(theirs["camera_from_j2000"], mine["camera_from_j2000"], rtol=0, atol=5e-6)
    np.testing.assert_allclose(theirs["position_j2000_km"], mine["position_j2000_km"], rtol=0, atol=2e-3)
    assert kernel["pointing"]["start_offset_s"] == pytest.approx(image["pointing"]["start_offset_s"], abs=2e-5)
    # that they agree is worth something: the solution is the truth as far as it says. The limb of one side tells where
    # the camera looks, and not how it is turned about that: other noises leave 0.6 px and 5 mrad (rms)
    turned = np.array(theirs["camera_from_j2000"][7]) @ flight.spin.camera_from_j2000(theirs["et"][7]).T
    x, y, roll = Rotation.from_matrix(turned).as_rotvec()
    assert np.hypot(x, y) * FOCAL_PX < 1.5
    assert abs(roll) * ROLL_PX < image["pointing"]["sigma_px"] < 2.5


def far_kernels(folder: Path) -> Path:
    """A folder of kernels of the day before: an orbit, an attitude, and a clock whose seconds are ET."""
    folder.mkdir()
    span = np.array([START - 90000.0, START - 80000.0])
    et = np.linspace(*span, 4)
    states = np.tile([1.0, 2.0, 3.0, 0.0, 0.0, 0.0], (4, 1))
    orbit = DafArray("made", span, (-61, 599, 1, 13), np.concatenate([states.ravel(), et, [1.0, 4.0]]))
    (folder / "far.bsp").write_bytes(daf_bytes(Daf("SPK", "made", (orbit,))))
    still = np.tile([1.0, 0, 0, 0, 0, 0, 0], (2, 1))
    turn = DafArray(
        "made", span * 256, (-61000, 1, 3, 1), np.concatenate([still.ravel(), span * 256, span[:1] * 256, [1.0, 2.0]])
    )
    (folder / "far.bc").write_bytes(daf_bytes(Daf("CK", "made", (turn,))))
    (folder / "far.tsc").write_text(
        "KPL/SCLK\n\\begindata\nSCLK_KERNEL_ID = ( @2020-01-01 )\nSCLK_DATA_TYPE_61 = ( 1 )\n"
        "SCLK01_TIME_SYSTEM_61 = ( 1 )\nSCLK01_N_FIELDS_61 = ( 2 )\nSCLK01_MODULI_61 = ( 4294967296 256 )\n"
        "SCLK01_OFFSETS_61 = ( 0 0 )\nSCLK01_OUTPUT_DELIM_61 = ( 2 )\nSCLK_PARTITION_START_61 = ( 0.0 )\n"
        "SCLK_PARTITION_END_61 = ( 1.09951162777E+12 )\nSCLK01_COEFFICIENTS_61 = ( 0 0 1 )\n"
    )
    return folder


@pytest.mark.parametrize("pointing", ["kernel+image"])
def test_kernels_of_another_day_change_nothing_but_are_told(solved: Path, tmp_path: Path, pointing: str) -> None:
    (strip,) = solved.glob("*.png")
    far = far_kernels(tmp_path / "far")
    result = run("solve", strip, "-o", tmp_path / "gap.json", "--kernels", far, "--pointing", pointing, "-q")
    assert result.exit_code == 0, result.stderr
    said = " ".join(result.stderr.split())
    assert "the trajectory is found from labels" in said
    assert "the pointing is solved from the image" in said
    assert "2022-08-16" in said
    image, gap = solution(solved / "image.json"), solution(tmp_path / "gap.json")
    del image["timings_s"], gap["timings_s"]
    assert gap == image


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_what_a_strip_was_placed_by_is_told_with_its_hash(solved: Path, tmp_path: Path) -> None:
    table, chart = tmp_path / "j2000.csv", tmp_path / "map.png"
    table.write_text("utc,x,y,z\n")
    chart.write_bytes(b"a map")
    by_table = GeometryRequest(trajectory=table, tie=chart)
    assert [(s.kind, s.name, s.sha256) for s in geometry_sources(by_table, START, START + 5.0)] == [
        ("trajectory", "j2000.csv", digest(table)),
        ("basemap", "map.png", digest(chart)),
    ]
    assert geometry_sources(GeometryRequest(), START, START + 5.0) == []


def test_kernels_are_told_one_by_one_if_they_cover_the_strip(solved: Path, tmp_path: Path) -> None:
    far_kernels(solved / "far")
    by_folder = geometry_sources(GeometryRequest(kernels=(solved,)), START + 1.0, START + 4.0)
    told = {source.name: source.sha256 for source in by_folder}
    assert {source.kind for source in by_folder} == {"kernel"}
    assert {name: told[name] for name in KERNELS} == {name: digest(solved / name) for name in KERNELS}
    assert not {"far.bsp", "far.bc"} & set(told)
    meta = tmp_path / "own.tm"
    # lines of a text kernel end after 132 characters
    listed = "\n".join(f"'{solved / name}'" for name in KERNELS)
    meta.write_text(f"KPL/MK\n\\begindata\nKERNELS_TO_LOAD = ( {listed} )\n")
    by_meta = geometry_sources(GeometryRequest(kernels=(meta,)), START + 1.0, START + 4.0)
    assert {source.name for source in by_meta} == set(KERNELS)


def test_parameters_tell_only_what_was_said(tmp_path: Path) -> None:
    assert geometry_parameters(GeometryRequest()) == {}
    told = geometry_parameters(GeometryRequest(target="ganymede", start=(START_UTC, 5.0)))["geometry"]
    assert isinstance(told, dict)
    assert {name: value for name, value in told.items() if value is not None} == {
        "target": "ganymede",
        "start": (START_UTC, 5.0),
    }
    kernels = geometry_parameters(GeometryRequest(kernels=(tmp_path,), pointing=PointingBy.KERNEL))["geometry"]
    assert isinstance(kernels, dict)
    assert kernels["pointing"] == "kernel"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--kernels", "nowhere.bsp"], "nowhere.bsp"),
        (["--kernels", "image.json"], "image.json"),
        (["--write-ck", "x.bc"], "--write-sclk"),
    ],
)
def test_kernels_that_will_not_do_are_told(solved: Path, options: list[str], message: str) -> None:
    (strip,) = solved.glob("*.png")
    before = sorted(path.name for path in solved.iterdir())
    named = [option if option.startswith("--") else solved / option for option in options]
    result = run("solve", strip, *named, "-q")
    assert result.exit_code in (1, 2)
    assert result.stderr.count("\n") == 1
    assert message in result.stderr
    assert sorted(path.name for path in solved.iterdir()) == before
    with pytest.raises(SpiceError):
        geometry_sources(GeometryRequest(kernels=(solved / "image.json",)), START, START + 5.0)


def test_an_orbit_without_an_attitude_leaves_it_to_the_image(solved: Path) -> None:
    orbit = (solved / "own.bsp",)
    alone = attitude_of(GeometryRequest(kernels=orbit, pointing=PointingBy.KERNEL))
    assert alone is not None
    with pytest.warns(PerijoveWarning, match=r"no attitude .*: the pointing is solved from the image"):
        assert alone.find(START, START + 5.0) is None
    both = attitude_of(GeometryRequest(kernels=orbit))
    assert both is not None
    # there is none to be missed
    assert both.find(START, START + 5.0) is None
    assert both.refined
    assert attitude_of(GeometryRequest(kernels=orbit, pointing=PointingBy.IMAGE)) is None
    assert attitude_of(GeometryRequest()) is None


def test_a_table_is_the_flight_it_holds(solved: Path) -> None:
    frames = solution(solved / "image.json")["frames"]
    table = solved / "flight_j2000.csv"
    rows = zip(frames["et"], frames["position_j2000_km"], strict=True)
    table.write_text("et,x,y,z\n" + "".join(f"{t:.6f},{x:.3f},{y:.3f},{z:.3f}\n" for t, (x, y, z) in rows))
    flight = flight_of(GeometryRequest(trajectory=table, trajectory_sigma_km=0.3))
    assert flight is not None
    assert flight.final
    first, last = frames["et"][1], frames["et"][-2]
    found = flight.find(JUPITER, first, last)
    assert found is not None
    np.testing.assert_allclose(found.position(frames["et"][5]), frames["position_j2000_km"][5], rtol=0, atol=2e-3)
    # positions a frame apart, known to the label's metres, tell the velocity to some metres a second
    et, place = np.array(frames["et"]), np.array(frames["position_j2000_km"])
    np.testing.assert_allclose(
        np.array(frames["velocity_j2000_km_s"])[1:-1],
        (place[2:] - place[:-2]) / (et[2:] - et[:-2])[:, None],
        rtol=0,
        atol=2e-3,
    )
    assert np.sqrt(found.covariance[0, 0]) == pytest.approx(0.3)
    with pytest.raises(TrajectoryError, match=r"flight_j2000.csv spans"):
        flight.find(JUPITER, first - 60.0, last)
    assert flight_of(GeometryRequest()) is None


def unnamed(frame: str, folder: Path) -> str:
    """The target of a strip without a label, whose table of positions is in a frame."""
    table = folder / f"{frame}.csv"
    table.write_text("et,x,y,z\n1,2,3,4\n")
    geometry = GeometryRequest(trajectory=table)
    label = parse_label(json.dumps({**LABEL, "TARGET_NAME": "N/A"}), Path("made.json"))
    raw = RawImage(label, np.zeros((384, 1648), np.uint8), Path("made.png"), "")
    return _aimed(raw, geometry, flight_of(geometry)).label.target


def test_a_strip_shows_the_moon_of_the_tables_frame_or_what_its_limb_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(solve, "target_of", lambda raw, flight: CALLISTO)
    assert unnamed("iau_ganymede", tmp_path) == "GANYMEDE"
    # a path about Jupiter, or in no body's frame, may lead past any moon
    assert unnamed("iau_jupiter", tmp_path) == "CALLISTO"
    assert unnamed("j2000", tmp_path) == "CALLISTO"


def test_a_strip_that_nobody_names(solved: Path, tmp_path: Path) -> None:
    (strip,) = solved.glob("*.png")
    alone = tmp_path / strip.name
    alone.write_bytes(strip.read_bytes())
    result = run("solve", alone, "--start", START_UTC, "-q")
    assert result.exit_code == 2
    assert "nobody tells what it shows: give --target" in result.stderr


LABEL = {
    "PRODUCT_ID": "JNCE_2022229_44C90001_V01", "FILE_NAME": "x.png", "FILTER_NAME": ["BLUE", "GREEN", "RED"],
    "LINES": 384, "LINE_SAMPLES": 1648, "START_TIME": START_UTC,
}  # fmt: skip
