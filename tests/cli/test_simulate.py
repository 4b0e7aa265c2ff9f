"""`perijove simulate` from the command line: what it writes, what is true of it, and what it refuses."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner, Result

from perijove.bodies import JUPITER, LIGHT_KM_S
from perijove.cli import simulate
from perijove.cli.app import app
from perijove.geometry.ellipsoid import graphic_from_point
from perijove.instrument import Camera, Filter
from perijove.simulate import photograph
from perijove.simulate.scene import Scene, Shot
from perijove.simulate.scenes import SCENES
from perijove.simulate.strip import Strip
from perijove.timescale import et_from_utc

FloatArray = NDArray[np.float64]

STRIP, LABEL = "JNCE_2022229_44C00007_V01", "90007-Metadata.json"
# two strips at the edges of Jupiter's disc, and a label of another time
TOML = """
target = "JUPITER"
stars = false
texture = "map.png"
[flyby]
utc = "2022-08-17T14:45:36"
latitude_deg = 27
longitude_deg = 100
speed_km_s = 58.5
[[shots]]
number = 7
minutes = -80
binning = 2
frames = 3
compression = "HUFFMAN"
[[shots]]
number = 8
minutes = -70
filters = ["METHANE"]
binning = 2
frames = 2
stages = 8
[[shots]]
number = 9
minutes = -60
exposed = false
"""
ONE_FRAME = TOML.replace("frames = 3", "frames = 1")


def perijove(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


def simulated(scene: Path, out: Path, *args: object) -> Result:
    result = perijove("simulate", scene, "-o", out, "--rays", 1, *args)
    assert (result.exit_code, result.stderr) == (0, "")
    return result


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def write_map(path: Path, image: object) -> Path:
    assert cv2.imwrite(str(path), np.asarray(image))
    return path


def write_scene(folder: Path, toml: str = TOML) -> Path:
    folder.mkdir(exist_ok=True)
    line, sample = np.mgrid[0:90, 0:180]
    write_map(folder / "map.png", (120 + 60 * np.sin(sample / 3.0) * np.cos(line / 2.0)).astype(np.uint8))
    path = folder / "tiny.toml"
    path.write_text(toml)
    return path


@pytest.fixture(scope="module", autouse=True)
def coarse() -> Iterator[None]:
    """So smooth a map needs no texel a pixel."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(photograph, "TEXELS_PER_PIXEL", 0.1)
        yield


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    return write_scene(tmp_path / "scene")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one simulation, with the noiseless light."""
    folder = tmp_path_factory.mktemp("made")
    simulated(write_scene(folder / "scene"), folder / "out", "--radiance", "--seed", 3)
    return folder / "out"


def test_files(made: Path) -> None:
    second = "JNCE_2022229_44M00008_V01"
    labels = {LABEL, "90008-Metadata.json", "90009-Metadata.json"}
    strips = {f"{name}{kind}" for name in (STRIP, second) for kind in ("-raw.png", "-light.npz")}
    assert {path.name for path in made.iterdir()} == {*labels, *strips, "truth.json"}
    codes = cv2.imread(str(made / f"{STRIP}-raw.png"), cv2.IMREAD_UNCHANGED)
    # 3 frames of 3 framelets of 64 lines
    assert (codes.shape, codes.dtype) == ((576, 824), np.uint8)
    # Jupiter is in it
    assert codes.max() > 100
    methane = cv2.imread(str(made / f"{second}-raw.png"), cv2.IMREAD_UNCHANGED)
    assert methane.shape == (128, 824)


def test_info_reads_them_and_says_that_they_are_simulated(made: Path) -> None:
    result = perijove("info", made / f"{STRIP}-raw.png")
    assert (result.exit_code, result.stderr) == (0, "")
    table = dict(line.split(None, 1) for line in result.stdout.splitlines() if line.strip())
    assert table["simulated"].strip() == "yes: this is no picture of the mission"
    assert table["target"].strip() == "Jupiter"
    assert table["frames"].strip() == "3, 0.371 s apart"
    assert table["same"].split() == ["pass", "2", "other", "labels", "found"]
    products = json.loads(perijove("info", made / LABEL, "--json").stdout)["products"]
    assert [product["simulated"] for product in products] == [True]


def strip_truth(made: Path) -> dict[str, object]:
    truth = json.loads((made / "truth.json").read_text())
    return next(strip for strip in truth["strips"] if strip["product_id"] == STRIP)


def test_truth_is_complete(made: Path) -> None:
    truth = json.loads((made / "truth.json").read_text())
    assert {"version", "scene", "perijove", "seed", "body", "spin", "interframe_error_s", "lens", "haze",
            "photometric_law", "detector", "start_jitter_sigma_s", "stars", "strips"} == set(truth)  # fmt: skip
    assert (truth["scene"], truth["perijove"], truth["seed"], truth["body"]) == ("custom", 44, 3, "JUPITER")
    assert [strip["product_id"][-9:-4] for strip in truth["strips"]] == ["00007", "00008", "00009"]
    assert [strip["exposed"] for strip in truth["strips"]] == [True, True, False]
    assert set(truth["detector"]["response"]) == set(truth["lens"]["shift"]) == {band.value for band in Filter}
    for strip in truth["strips"]:
        frames = len(strip["et"])
        assert strip["shot"]["frames"] == frames
        for name, shape in (("position_km", (3,)), ("velocity_km_s", (3,)), ("j2000_from_camera", (3, 3))):
            values = np.array(strip[name])
            assert values.shape == (frames, *shape)
            assert np.isfinite(values).all()
    assert set(truth["strips"][0]["dn_per_light"]) == {"BLUE", "GREEN", "RED"}


def test_true_attitudes_are_rotations_about_the_true_axis(made: Path) -> None:
    truth, strip = json.loads((made / "truth.json").read_text()), strip_truth(made)
    turns, et = np.array(strip["j2000_from_camera"]), np.array(strip["et"])
    np.testing.assert_allclose(turns @ turns.transpose(0, 2, 1), np.tile(np.eye(3), (3, 1, 1)), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(turns), 1.0)
    ra, dec = np.radians([truth["spin"]["axis_ra_deg"], truth["spin"]["axis_dec_deg"]])
    axis = [np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)]
    # without nutation the axis stands still in the camera, which turns about it at the true rate
    assert truth["spin"]["nutation_deg"] == 0.0
    seen = axis @ turns
    np.testing.assert_allclose(seen[1:], seen[:-1], atol=1e-9)
    step = turns[1] @ turns[0].T
    angle = np.arccos((np.trace(step) - 1.0) / 2.0)
    assert angle == pytest.approx(2.0 * np.pi / truth["spin"]["period_s"] * (et[1] - et[0]), rel=1e-6)


def test_label_and_truth_tell_the_same_times_and_place(made: Path) -> None:
    label, strip = json.loads((made / LABEL).read_text()), strip_truth(made)
    et, place = np.array(strip["et"]), np.array(strip["position_km"])
    # the kernel's start bias and half of one stage of 3.2 ms
    start = et_from_utc(label["START_TIME"]) + 0.06188 + 0.0016
    assert et[0] - start == pytest.approx(strip["start_jitter_s"], abs=2e-6)
    turn = JUPITER.body_from_j2000(et[1])
    latitude, longitude, altitude = graphic_from_point(turn @ place[1], JUPITER.radii_km)
    # the label has it as it was a light time ago; its time lies within two frames of the middle one's
    speed = float(np.linalg.norm(strip["velocity_km_s"][1]))
    near = speed * (np.linalg.norm(place[1]) / LIGHT_KM_S + 0.75)
    assert float(label["SPACECRAFT_ALTITUDE"].split()[0]) == pytest.approx(float(altitude), abs=near)
    aside = np.degrees(near / np.linalg.norm(place[1])) + 0.02
    assert float(label["SUB_SPACECRAFT_LATITUDE"]) == pytest.approx(float(np.degrees(latitude)), abs=aside)
    west = float(label["SUB_SPACECRAFT_LONGITUDE"])
    assert abs((west + np.degrees(longitude) + 180.0) % 360.0 - 180.0) < 2 * aside


def test_light_is_on_the_planet_and_not_on_the_sky(made: Path) -> None:
    strip = strip_truth(made)
    line, sample = np.mgrid[0:128, 0:1648] + 0.5
    with np.load(made / f"{STRIP}-light.npz") as light:
        assert set(light.files) == {"BLUE", "GREEN", "RED", "et"}
        np.testing.assert_array_equal(light["et"], strip["et"])
        for band in (Filter.BLUE, Filter.GREEN, Filter.RED):
            picture = light[band.value]
            assert (picture.shape, picture.dtype) == ((3, 128, 1648), np.float32)
            assert np.isfinite(picture).all()
            assert picture.min() >= 0.0
            for frame in range(3):
                # the processing's own camera says where each pixel looks
                rays = Camera.measured().ray(band, line, sample) @ np.array(strip["j2000_from_camera"][frame]).T
                place = np.array(strip["position_km"][frame])
                nearest = np.linalg.norm(np.cross(rays, place), axis=-1)
                ahead = rays @ place < 0
                # 12 scale heights of haze, five pixels of blur and of light time
                sky = (nearest > 71492.0 + 300.0 + 5.0 * 83.0) | ~ahead
                assert sky.any()
                assert (picture[frame][sky] == 0.0).all()
        # some of the disc is lit
        assert (light["GREEN"] > 0.05).mean() > 0.1


def test_ideal_sky_is_dark_and_the_light_is_the_same(made: Path, scene: Path, tmp_path: Path) -> None:
    simulated(scene, tmp_path / "out", "--radiance", "--seed", 3, "--ideal", "--only", 7)
    with np.load(tmp_path / "out" / f"{STRIP}-light.npz") as ideal, np.load(made / f"{STRIP}-light.npz") as real:
        np.testing.assert_array_equal(ideal["RED"], real["RED"])
        dark = np.stack([ideal[band] for band in ("BLUE", "GREEN", "RED")], axis=1) == 0.0
    codes = cv2.imread(str(tmp_path / "out" / f"{STRIP}-raw.png"), cv2.IMREAD_UNCHANGED)
    dark = dark.reshape(576, 2, 824, 2).all(axis=(1, 3))
    assert dark.any()
    assert (codes[dark] == 0).all()
    noisy = cv2.imread(str(made / f"{STRIP}-raw.png"), cv2.IMREAD_UNCHANGED)
    assert noisy[dark].std() > 0.3
    # label and truth of the other shots are there, their strips are not
    names = set(contents(tmp_path / "out"))
    assert {"90008-Metadata.json", "90009-Metadata.json"} <= names
    assert [name for name in names if name.endswith(".png")] == [f"{STRIP}-raw.png"]


def test_same_seed_same_bytes_other_seed_other_noise(made: Path, scene: Path, tmp_path: Path) -> None:
    simulated(scene, tmp_path / "same", "--radiance", "--seed", 3)
    assert contents(tmp_path / "same") == contents(made)
    # a scene whose spin and times are fixed differs in its noise alone
    fixed = scene.with_name("fixed.toml")
    spin = "[spin]\naxis_ra_deg = 150\naxis_dec_deg = 10\nperiod_s = 30.3\nturn_deg = 0\ntwist_deg = 0\ntilt_deg = 0\n"
    fixed.write_text(ONE_FRAME + spin + "[errors]\nstart_jitter_s = 0\n")
    for seed in (4, 5):
        simulated(fixed, tmp_path / f"{seed}", "--radiance", "--seed", seed, "--only", 7)
    four, five = contents(tmp_path / "4"), contents(tmp_path / "5")
    assert four[LABEL] == five[LABEL]
    assert four[f"{STRIP}-light.npz"] == five[f"{STRIP}-light.npz"]
    assert four[f"{STRIP}-raw.png"] != five[f"{STRIP}-raw.png"]


def test_texture_gives_each_filter_its_colour(scene: Path, tmp_path: Path) -> None:
    # OpenCV writes blue, green, red: this map is all red
    red = write_map(tmp_path / "red.png", np.full((20, 40, 3), (0, 0, 255), np.uint8))
    scene.write_text("haze = false\n" + ONE_FRAME)
    simulated(scene, tmp_path / "out", "--texture", red, "--radiance", "--only", 7)
    with np.load(tmp_path / "out" / f"{STRIP}-light.npz") as light:
        assert light["RED"].max() > 0.3
        assert light["BLUE"].max() == light["GREEN"].max() == 0.0


def test_texture_is_turned_by_its_centre(scene: Path, tmp_path: Path) -> None:
    # one half of the globe is black
    half = write_map(tmp_path / "half.png", np.tile(np.repeat([0, 255], 20).astype(np.uint8), (20, 1)))
    scene.write_text("haze = false\n" + ONE_FRAME)
    light = {}
    for centre in (-90, 0, 90, 180):
        simulated(scene, tmp_path / "out", "--texture", half, "--texture-centre", centre, "--radiance", "--only", 7)
        with np.load(tmp_path / "out" / f"{STRIP}-light.npz") as picture:
            light[centre] = picture["GREEN"].astype(float).copy()
    # opposite halves make up the whole
    np.testing.assert_allclose(light[-90] + light[90], light[0] + light[180], atol=0.02)
    assert np.abs(light[-90] - light[90]).max() > 0.2


def test_help_names_commands_and_options() -> None:
    told = perijove("--help").stdout
    assert "  simulate " in told
    assert "  demo " in told
    words = CliRunner().invoke(app, ["simulate", "--help"], env={"COLUMNS": "100"}).stdout.replace(",", " ").split()
    options = "-o --output --list --seed --only --rays --texture --texture-centre --ideal --radiance --quiet --json"
    assert [option for option in options.split() if option not in words] == []


def test_list_tells_the_scenes() -> None:
    result = perijove("simulate", "--list")
    assert (result.exit_code, result.stderr) == (0, "")
    assert [line.split()[0] for line in result.stdout.splitlines()] == [*SCENES, "perijove-N"]


@pytest.fixture
def no_light(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Scene, int]]:
    """Labels alone are made; the scene and rays that were asked for are kept."""
    asked: list[tuple[Scene, int]] = []
    real = simulate.take

    def take(scene: Scene, shot: Shot, *, per_side: int = 2, **_: object) -> Strip:
        asked.append((scene, per_side))
        return real(scene, replace(shot, exposed=False))

    monkeypatch.setattr(simulate, "take", take)
    return asked


def test_json_names_the_files(scene: Path, tmp_path: Path, no_light: list[tuple[Scene, int]]) -> None:
    told = json.loads(simulated(scene, tmp_path / "out", "--json").stdout)
    assert told["scene"] == "custom"
    assert {Path(name) for name in told["files"]} == set((tmp_path / "out").iterdir())
    assert "simulating" in told["timings_s"]


def test_quiet_says_nothing(scene: Path, tmp_path: Path, no_light: list[tuple[Scene, int]]) -> None:
    assert simulated(scene, tmp_path / "out", "--quiet").output == ""


@pytest.mark.parametrize("name", [*SCENES, "perijove-9"])
def test_named_scenes(name: str, tmp_path: Path, no_light: list[tuple[Scene, int]]) -> None:
    result = perijove("simulate", name, "-o", tmp_path / "deep" / "out", "--seed", 5, "--rays", 3)
    assert result.exit_code == 0
    truth = json.loads((tmp_path / "deep" / "out" / "truth.json").read_text())
    assert (truth["scene"], truth["seed"]) == (name, 5)
    assert no_light[-1][1] == 3
    assert len(contents(tmp_path / "deep" / "out")) == len(truth["strips"]) + 1


def test_what_lies_in_the_folder_stays(scene: Path, tmp_path: Path, no_light: list[tuple[Scene, int]]) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    (out / "truth.json").write_text("old")
    simulated(scene, out)
    assert (out / "mine.txt").read_text() == "mine"
    assert json.loads((out / "truth.json").read_text())["scene"] == "custom"


Prepare = Callable[[Path], list[object]]


def _scene_text(text: str) -> Prepare:
    def prepare(folder: Path) -> list[object]:
        path = folder / "bad.toml"
        path.write_text(text)
        return [path]

    return prepare


def _scene_bytes(data: bytes) -> Prepare:
    def prepare(folder: Path) -> list[object]:
        path = folder / "bad.toml"
        path.write_bytes(data)
        return [path]

    return prepare


def _texture(data: bytes | None) -> Prepare:
    def prepare(folder: Path) -> list[object]:
        path = folder / "map"
        if data is not None:
            path.write_bytes(data)
        return ["ganymede-pj34", "--texture", path]

    return prepare


def _png(*shape: int) -> bytes:
    return bytes(cv2.imencode(".png", np.zeros(shape, np.uint8))[1])


def _args(*args: object) -> Prepare:
    return lambda _: list(args)


@pytest.mark.parametrize(
    ("prepare", "told"),
    [
        (_args("jupiter"), "no scene 'jupiter': choose ganymede-pj34"),
        (_args("perijove-0"), "perijove 0 is not among"),
        (_args("perijove-9999"), "perijove 9999 is not among"),
        (_args(""), "no scene ''"),
        (_args("perijove-²"), "no scene 'perijove-²'"),
        (_args("perijove-" + "9" * 5000), "no scene 'perijove-999"),
        (_args("none.toml"), "none.toml: No such file or directory; name a scene"),
        (_args("ganymede-pj34", "--only", 9), "no shot 9: choose 1, 2, 3, 4, 5"),
        (_args("ganymede-pj34", "--rays", 0), "--rays 0 cannot be traced"),
        (_args("ganymede-pj34", "--rays", 9), "--rays 9 cannot be traced"),
        (_args("ganymede-pj34", "--seed", -1), "--seed -1 is out of range"),
        (_args("ganymede-pj34", "--texture-centre", "nan"), "--texture-centre nan"),
        (_scene_text("scene = backlit"), "is no valid TOML"),
        (_scene_text('scene = "backlit"\nscene = "backlit"'), "is no valid TOML"),
        (_scene_bytes(b'name = "\xff"'), "no text in UTF-8"),
        (_scene_bytes(b"#" * 1_000_001), "too large for a scene"),
        (_scene_text(""), "neither a scene nor a [flyby]"),
        (_scene_text('scene = "backlit"\n[spin]\nperiod = 30'), "did you mean period_s?"),
        (_scene_text('scene = "backlit"\nname = "a\\u0001b"\n[[shots]]\nminutes = 1'), "control characters"),
        (_scene_text('scene = "backlit"\ntexture = 5'), "texture is 5, which is no text"),
        (_scene_text('scene = "backlit"\ntexture = "none.png"'), "none.png: there is no such file"),
        (_scene_text('scene = "backlit"\ntexture = "a.png"\ntexture_centre_deg = "east"'), "which is no number"),
        (_texture(None), "there is no such file"),
        (_texture(b""), "is no picture that can be read"),
        (_texture(b"not a picture"), "is no picture that can be read"),
        (_texture(bytes(cv2.imencode(".tif", np.full((4, 8), np.nan, np.float32))[1])), "the map has places without"),
        (_texture(_png(30, 50)), "has 50 x 30 px: an equirectangular map is twice as wide"),
    ],
)  # fmt: skip
def test_impossible_simulation_is_exit_2_and_leaves_nothing(prepare: Prepare, told: str, tmp_path: Path) -> None:
    inputs = tmp_path / "in"
    inputs.mkdir()
    result = perijove("simulate", *prepare(inputs), "-o", tmp_path / "out")
    assert (result.exit_code, result.stdout) == (2, "")
    assert told in result.stderr
    assert result.stderr.startswith("perijove: ")
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("args", [["backlit"], ["-o", "out"], []])
def test_scene_and_folder_must_be_named(args: list[str]) -> None:
    result = perijove("simulate", *args)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "perijove: name a scene and a folder: perijove simulate SCENE -o DIR; --list tells the scenes\n"
    )


def test_output_that_is_a_file_is_exit_1(scene: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        result = perijove("simulate", scene, "-o", out)
        assert (result.exit_code, result.stdout) == (1, "")
        assert f"{tmp_path / 'file'} is a file; choose another place" in result.stderr
        assert result.stderr.count("\n") == 1
    assert (tmp_path / "file").read_text() == "mine"


def test_read_only_folder_is_exit_1(scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # not by its permissions, which do not bind root
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    result = perijove("simulate", scene, "-o", tmp_path / "out")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "is read-only; choose a folder that is writable" in result.stderr
    assert not (tmp_path / "out").exists()


def test_interrupted_simulation_leaves_nothing(scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = simulate.take

    def take(scene: Scene, shot: Shot, **_: object) -> Strip:
        if shot.exposed and shot.number == 8:
            raise KeyboardInterrupt
        return real(scene, replace(shot, exposed=False))

    monkeypatch.setattr(simulate, "take", take)
    result = perijove("simulate", scene, "-o", tmp_path / "out")
    assert (result.exit_code, result.output) == (130, "")
    assert not (tmp_path / "out").exists()
