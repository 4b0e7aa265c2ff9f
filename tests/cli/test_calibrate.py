"""`perijove calibrate` from end to end, and what the options of light do to a picture."""

import json
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
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning
from typer.testing import CliRunner, Result

from perijove.calibrate import Calibrated, calibrate
from perijove.calibrate.decompand import decompanding_table
from perijove.calibrate.frames import CalibrationFrames, normalised, plain_frames
from perijove.calibrate.pointspread import point_spread
from perijove.calibrate.quality import Quality
from perijove.cli import picture as picture_module
from perijove.cli.app import app
from perijove.cli.calibrate import sun_distance
from perijove.instrument import SAMPLES, Filter
from perijove.io.calibration import write_calibration
from perijove.io.finder import open_strip
from perijove.observation import Observation, observe
from perijove.observation import strip as observation_module
from perijove.raw import RawImage

pytestmark = pytest.mark.usefixtures("solved_once")

Flown = Callable[..., Path]
Plane = NDArray[np.float32]
PRODUCT, OTHER = "JNCE_2022229_44C90001_V01", "JNCE_2022229_44C90002_V01"
COLOURS = (Filter.BLUE, Filter.GREEN, Filter.RED)
LINES, COUNT = 64, 3
SHORT = 6 * LINES * COUNT
LIT = slice(12, 815)


def run(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A TIFF that has no place on a map, as rasterio reads it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path) as source:
            yield source


def listed(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def another(flown: Flown, folder: Path, product: str = OTHER) -> Path:
    """A part of the flown strip in a folder of its own, as another product."""
    strip = flown({"PRODUCT_ID": product, "FILE_NAME": f"{product}-raw.png"}, folder, SHORT)
    return strip.rename(folder / f"{product}-raw.png")


def told(strip: Path, *options: object) -> dict[str, Any]:
    """The report of one strip's light."""
    result = run("calibrate", strip, "--json", *options)
    assert (result.exit_code, result.stderr) == (0, "")
    (entry,) = json.loads(result.stdout)["strips"]
    light: dict[str, Any] = entry["light"]
    return light


@pytest.fixture(scope="module")
def written(flight: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[RawImage, Calibrated, Path]:
    """The strip, its light as the package has it, and the TIFF that the command wrote."""
    out = tmp_path_factory.mktemp("written") / "light.tif"
    result = run("calibrate", flight.strip, "-o", out, "--quiet")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    raw = open_strip(flight.strip).raw
    return raw, calibrate(raw, sun_distance_km=sun_distance(raw)), out


Written = tuple[RawImage, Calibrated, Path]


def test_the_bands_lie_where_the_codes_do(written: Written) -> None:
    raw, done, out = written
    light, sigma, quality = np.moveaxis(tifffile.imread(out), -1, 0)
    assert light.shape == raw.codes.shape
    table = decompanding_table("SQROOT")
    compared = 0
    for k in range(len(light) // LINES):
        band, frame = COLOURS[k % COUNT], k // COUNT
        rows, part = slice(k * LINES, (k + 1) * LINES), done.details[band]
        number = table[raw.codes[rows]] - part.bias.level_dn[frame] - part.extra
        found = light[rows] * done.dn_per_light[band] * part.response + part.veil.dn[frame].mean()
        untouched = (quality[rows] == 0) & (raw.codes[rows] > 20)
        untouched[:, : LIT.start] = untouched[:, LIT.stop :] = False
        # the codes' numbers come back but for the veil, which changes little over a framelet
        assert np.abs(found - number)[untouched].max(initial=0.0) < 5.0
        compared += int(untouched.sum())
        np.testing.assert_array_equal(quality[rows], done.quality[band][frame])
    assert compared > 200_000
    dark = np.ones(raw.codes.shape[1], bool)
    dark[LIT] = False
    assert np.isnan(light[:, dark]).all()
    assert np.isnan(sigma[:, dark]).all()
    assert np.isfinite(light[:, ~dark]).all()
    assert (sigma[:, ~dark] > 0).all()


def test_i_over_f_times_white_is_dn_and_sigma_is_the_root_of_the_variance(written: Written) -> None:
    _, done, out = written
    with opened(out) as source:
        white = json.loads(source.tags()["PROVENANCE"])["parameters"]["light"]["dn_per_i_over_f"]
        values = dict(zip(source.descriptions, source.read(), strict=True))
    for k, band in enumerate(COLOURS):
        # frame 5 of each filter
        rows = slice((5 * COUNT + k) * LINES, (5 * COUNT + k + 1) * LINES)
        np.testing.assert_allclose(values["I/F"][rows] * white[band.value], done.light[band][5], rtol=1e-5, atol=1e-4)
        variance = np.square(values["sigma"][rows] * white[band.value])
        np.testing.assert_allclose(variance, done.variance(band)[5], rtol=1e-4)
        assert white[band.value] == pytest.approx(done.dn_per_light[band])


def test_the_file_says_what_it_holds_and_where_it_comes_from(written: Written) -> None:
    raw, done, out = written
    with opened(out) as source:
        assert source.descriptions == ("I/F", "sigma", "quality")
        assert source.units == ("I/F", "I/F", "bits")
        assert source.dtypes == ("float32",) * 3
        assert np.isnan(source.nodata)
        tags = source.tags()
    for bit in Quality:
        assert f"{bit.value} {bit.name.lower()}" in tags["QUALITY_BITS"]
    sidecar = json.loads((out.parent / "light.tif.json").read_text())
    assert json.loads(tags["PROVENANCE"]) == sidecar
    (source_file,) = sidecar["inputs"]
    assert (source_file["product_id"], source_file["sha256"]) == (PRODUCT, raw.sha256)
    assert sidecar["credit"] == "NASA/JPL-Caltech/SwRI/MSSS, processed with Perijove"
    assert tags["TIFFTAG_ARTIST"] == sidecar["credit"]
    assert sidecar["title"] == "A flight that never was"
    light = sidecar["parameters"]["light"]
    assert (light["verdict"], set(light["calibration"].values())) == (done.verdict.word.value, {"default"})
    assert light["replaced"] == {band.value: len(done.details[band].mended.index) for band in COLOURS}


def test_the_same_strip_gives_the_same_bytes(flown: Flown, tmp_path: Path) -> None:
    strip = flown(lines=SHORT)
    for name in ("a.tif", "b.tif"):
        assert run("calibrate", strip, "-o", tmp_path / name, "-q").exit_code == 0
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


def test_twice_the_exposure_is_half_the_i_over_f(flown: Flown, tmp_path: Path) -> None:
    light = []
    for name, exposure in (("one", "3.2 <ms>"), ("two", "6.4 <ms>")):
        strip = flown({"EXPOSURE_DURATION": exposure}, tmp_path / f"in-{name}", SHORT)
        assert run("calibrate", strip, "-o", tmp_path / f"{name}.tif", "-q").exit_code == 0
        light.append(tifffile.imread(tmp_path / f"{name}.tif"))
    np.testing.assert_allclose(light[0][..., :2], 2 * light[1][..., :2], rtol=1e-5)
    np.testing.assert_array_equal(light[0][..., 2], light[1][..., 2])


def test_several_strips_go_into_a_folder_by_their_names(flown: Flown, tmp_path: Path) -> None:
    first, second = flown(folder=tmp_path / "a", lines=SHORT), another(flown, tmp_path / "b")
    out = tmp_path / "new" / "out"
    result = run("calibrate", first, second, "-o", out, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert listed(out) == {f"{name}.tif{end}" for name in (PRODUCT, OTHER) for end in ("", ".json")}
    entries = json.loads(result.stdout)["strips"]
    assert [entry["product_id"] for entry in entries] == [PRODUCT, OTHER]
    for entry in entries:
        assert Path(entry["path"]) == out / f"{entry['product_id']}.tif"
        with opened(Path(entry["path"])) as source:
            (strip,) = json.loads(source.tags()["PROVENANCE"])["inputs"]
        assert strip["product_id"] == entry["product_id"]


def test_one_strip_goes_into_a_folder_that_is_there(flown: Flown, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert run("calibrate", flown(lines=SHORT), "-o", tmp_path / "out", "-q").exit_code == 0
    assert listed(tmp_path / "out") == {f"{PRODUCT}.tif", f"{PRODUCT}.tif.json"}


def test_one_image_in_two_files_is_misuse(flown: Flown, tmp_path: Path) -> None:
    strips = flown(folder=tmp_path / "a", lines=SHORT), flown(folder=tmp_path / "b", lines=SHORT)
    result = run("calibrate", *strips, "-o", tmp_path / "out", "-q")
    assert result.exit_code == 2
    assert PRODUCT in result.stderr
    assert not (tmp_path / "out").exists()


def test_without_output_it_says_what_the_strip_is_worth(flown: Flown, tmp_path: Path) -> None:
    strip = flown(lines=SHORT)
    before = listed(tmp_path)
    result = run("calibrate", strip)
    assert (result.exit_code, result.stderr) == (0, "")
    raw = open_strip(strip).raw
    done = calibrate(raw, sun_distance_km=sun_distance(raw))
    assert f"verdict     {done.verdict.word}: {done.verdict.reasons[0]}" in result.stdout
    assert f"green {done.dn_per_light[Filter.GREEN]:.0f}" in result.stdout
    assert listed(tmp_path) == before
    assert (run("calibrate", strip, "--quiet").stdout, listed(tmp_path)) == ("", before)


def test_what_is_printed_names_the_file(flown: Flown, tmp_path: Path) -> None:
    result = run("calibrate", flown(lines=SHORT), "-o", tmp_path / "light.tiff")
    assert result.exit_code == 0
    assert f"light       {tmp_path / 'light.tiff'}" in result.stdout


def striped(part: float) -> CalibrationFrames:
    """Frames whose response lacks a `part` in native samples 400 to 499, and 7 DN of offset in 500 to 599."""
    flat = np.ones((128, SAMPLES))
    flat[:, 400:500] -= part
    frames = plain_frames(normalised(flat))
    frames.bias[:, 500:600] += 70 * part
    return CalibrationFrames(f"striped {part}", dict.fromkeys(COLOURS, frames), "made up")


def test_calibration_frames_of_a_folder_are_used(flown: Flown, tmp_path: Path) -> None:
    strip, light = flown(), {}
    for part in (0.0, 0.1):
        write_calibration(tmp_path / f"frames-{part}", striped(part), {})
        out = tmp_path / f"{part}.tif"
        result = run("calibrate", strip, "-o", out, "--calibration", tmp_path / f"frames-{part}", "-q")
        assert (result.exit_code, result.stderr) == (0, "")
        with opened(out) as source:
            assert (
                json.loads(source.tags()["PROVENANCE"])["parameters"]["light"]["calibration"]["RED"]
                == f"striped {part}"
            )
        light[part] = tifffile.imread(out)
    bright = (light[0.0][..., 0] > 0.2) & (light[0.0][..., 2] == 0) & (light[0.1][..., 2] == 0)
    for columns, ratio in ((slice(200, 250), 1 / 0.9), (slice(100, 200), 1.0), (slice(300, 400), 1.0)):
        here = np.zeros_like(bright)
        here[:, columns] = bright[:, columns]
        assert here.sum() > 10000
        # a DN of dark structure, found by the strip itself, may differ
        assert np.median(light[0.1][here, 0] / light[0.0][here, 0]) == pytest.approx(ratio, abs=0.003)
    white = told(strip)["dn_per_i_over_f"]
    frames = light[0.0].reshape(-1, COUNT, LINES, 824, 3)
    other = light[0.1].reshape(frames.shape)
    for k, band in enumerate(COLOURS):
        here = np.zeros(frames[:, k, ..., 0].shape, bool)
        here[..., 250:300] = (frames[:, k, ..., 0][..., 250:300] > 0.2) & (other[:, k, ..., 2][..., 250:300] == 0)
        taken = np.median((frames[:, k, ..., 0] - other[:, k, ..., 0])[here]) * white[band.value]
        assert taken == pytest.approx(7.0, abs=1.0)


@pytest.mark.parametrize(
    ("kind", "says"),
    [("missing", "there is no folder"), ("empty", "holds no calibration frames"), ("broken", "cannot be read as a")],
)
def test_a_folder_without_frames_is_refused_and_nothing_is_left(
    flown: Flown, tmp_path: Path, kind: str, says: str
) -> None:
    strip, folder = flown(lines=SHORT), tmp_path / "frames"
    if kind != "missing":
        folder.mkdir()
    if kind == "broken":
        write_calibration(folder, striped(0.1), {})
        (folder / "perijove-bias.tif").write_bytes(b"II*\0 no TIFF")
    before = listed(tmp_path)
    result = run("calibrate", strip, "-o", tmp_path / "o.tif", "--calibration", folder)
    assert (result.exit_code, result.stdout) == (1, "")
    assert says in result.stderr
    assert str(folder) in result.stderr
    assert result.stderr.count("\n") == 1
    assert listed(tmp_path) == before


@pytest.mark.parametrize(
    ("strips", "output", "says"),
    [
        (("a-raw.png",), "o.png", "is no folder and no TIFF: end it in .tif"),
        (("a-raw.png", "a-raw.png"), "out", "is given twice"),
        (("a.tif",), "a.tif", "would write over the strip"),
        (("a-raw.png", "b.tif"), "b.tif", "would write over the strip"),
    ],
)
def test_misuse(tmp_path: Path, strips: tuple[str, ...], output: str, says: str) -> None:
    for name in set(strips):
        (tmp_path / name).write_bytes(b"kept")
    result = run("calibrate", *(tmp_path / name for name in strips), "-o", tmp_path / output)
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr
    assert result.stderr.count("\n") == 1
    assert listed(tmp_path) == set(strips)
    assert all((tmp_path / name).read_bytes() == b"kept" for name in strips)


def test_without_exposure_there_is_no_i_over_f(flown: Flown, tmp_path: Path) -> None:
    good = another(flown, tmp_path / "good")
    strip = flown({"EXPOSURE_DURATION": "N/A"}, tmp_path / "bad")
    result = run("calibrate", good, strip, "-o", tmp_path / "out", "-q")
    assert result.exit_code == 1
    assert f"{strip}: the label has no EXPOSURE_DURATION" in result.stderr
    assert result.stderr.count("\n") == 1
    # not even that of the strip that could be done
    assert not (tmp_path / "out").exists()


def test_a_strip_cut_short_keeps_its_size(flown: Flown, tmp_path: Path) -> None:
    # three frames, then one of two filters and a part of the third
    whole = 3 * COUNT * LINES + 2 * LINES
    assert run("calibrate", flown(lines=whole + 30), "-o", tmp_path / "o.tif", "-q").exit_code == 0
    light = tifffile.imread(tmp_path / "o.tif")
    assert light.shape == (whole + 30, 824, 3)
    assert np.isfinite(light[:whole, LIT]).all()
    assert np.isnan(light[whole:, :, :2]).all()
    assert (light[whole:, :, 2] == 0).all()


def test_stray_light_is_taken_off_unless_it_is_to_be_kept(flown: Flown) -> None:
    strip = flown(lines=SHORT)
    taken, kept = told(strip)["stray_light_dn"], told(strip, "--keep-stray-light")["stray_light_dn"]
    assert all(dn != 0.0 for dn in taken.values())
    assert kept == dict.fromkeys(taken, 0.0)


def test_suspects_are_replaced_only_where_asked(flown: Flown, tmp_path: Path) -> None:
    strip, out = flown(lines=SHORT), tmp_path / "o.tif"
    assert run("calibrate", strip, "-o", out, "-q").exit_code == 0
    bits = np.nan_to_num(tifffile.imread(out)[..., 2]).astype(int).reshape(-1, COUNT, LINES, 824)
    suspects = {band.value: int(((bits[:, k] & Quality.SUSPECT) != 0).sum()) for k, band in enumerate(COLOURS)}
    before, after = told(strip)["replaced"], told(strip, "--repair-suspects")["replaced"]
    for band, count in suspects.items():
        assert count > 1000
        assert after[band] == before[band] + count


@pytest.fixture(scope="module")
def solved(flight: Any) -> Observation:
    """The strip, solved once."""
    strip = open_strip(flight.strip)
    return observe([strip.raw], strip.pass_labels)[0]


@pytest.fixture
def at_once(solved: Observation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures of the strip that is solved already."""
    monkeypatch.setattr(picture_module, "solve_strips", lambda *_: [solved])


def drawn(strip: Path, out: Path, *options: object) -> NDArray[np.generic]:
    """A picture, and what its sidecar says of it."""
    result = run("picture", strip, "-o", out, "-q", *options)
    assert (result.exit_code, result.stderr) == (0, "")
    return np.asarray(cv2.imread(str(out), cv2.IMREAD_UNCHANGED) if out.suffix == ".png" else tifffile.imread(out))


def parameters(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out.parent / f"{out.name}.json").read_text())["parameters"]
    return found


def linear(codes: NDArray[np.generic]) -> NDArray[np.float64]:
    """Light of 16-bit sRGB codes, by the standard's formula."""
    value = codes / 65535.0
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("choice", ["perijove", "1.5,1.2,0.6"])
def test_white_balance_changes_colours_by_its_factors(flown: Flown, tmp_path: Path, choice: str) -> None:
    strip, options = flown(), ("--size", "200", "--depth", "16")
    plain = linear(drawn(strip, tmp_path / "solar.png", *options))
    other = linear(drawn(strip, tmp_path / "other.png", *options, "--white-balance", choice))
    said = parameters(tmp_path / "other.png")
    assert said["white_balance_choice"] == choice
    assert set(parameters(tmp_path / "solar.png")["white_balance"].values()) == {1.0}
    balance = said["white_balance"]
    # the sky's level is taken off, but no more than a fiftieth of white: bright ground tells the factors
    bright = (plain.min(axis=-1) > 0.15) & (other.min(axis=-1) > 0.15)
    assert bright.sum() > 500
    plain, other = plain[bright], other[bright]
    # OpenCV has blue first
    for k, band in ((0, "BLUE"), (2, "RED")):
        change = other[:, k] / other[:, 1] / (plain[:, k] / plain[:, 1])
        assert np.median(change) == pytest.approx(balance[band] / balance["GREEN"], rel=0.03)
        assert abs(balance[band] / balance["GREEN"] - 1.0) > 0.05


@pytest.mark.usefixtures("at_once")
def test_factors_of_a_white_balance_are_meant_for_dn(flown: Flown, tmp_path: Path, solved: Observation) -> None:
    drawn(flown(), tmp_path / "o.png", "--size", "64", "--white-balance", "1.5,1.2,0.6")
    balance, white = parameters(tmp_path / "o.png")["white_balance"], solved.calibrated.dn_per_light
    for band, factor in ((Filter.RED, 1.5), (Filter.BLUE, 0.6)):
        expected = factor / 1.2 * white[band] / white[Filter.GREEN]
        assert balance[band.value] / balance["GREEN"] == pytest.approx(expected, rel=1e-6)


def test_sharpening_steepens_the_limb_and_stays_within_its_range(
    flown: Flown, tmp_path: Path, solved: Observation, monkeypatch: pytest.MonkeyPatch
) -> None:
    # summed pixels hide nearly all of the camera's blur; the made-up strip has that of single ones
    monkeypatch.setattr(
        observation_module, "point_spread", lambda band, *, stages, binning: point_spread(band, stages=stages)
    )
    monkeypatch.setattr(picture_module, "solve_strips", lambda *_: [solved])
    strip, options = flown(), ("--recipe", "linear", "--size", "700", "--interpolation", "bilinear")
    plain = drawn(strip, tmp_path / "plain.tif", *options)
    sharp = drawn(strip, tmp_path / "sharp.tif", *options, "--sharpen", "psf")
    said = [parameters(tmp_path / f"{name}.tif")["sharpen"] for name in ("plain", "sharp")]
    assert said == [None, "psf"]
    # beside what has no data there is no edge of the scene
    whole = cv2.erode(np.isfinite(plain).all(axis=-1).astype(np.uint8), np.ones((11, 11))) > 0
    for k in range(3):
        before, after = (np.nan_to_num(picture[..., k]) for picture in (plain, sharp))
        slope = [np.hypot(cv2.Sobel(p, -1, 1, 0), cv2.Sobel(p, -1, 0, 1)) for p in (before, after)]
        steep = whole & (slope[0] > np.percentile(slope[0][whole], 99.7))
        size = np.ones((9, 9))
        beyond = np.maximum(after - cv2.dilate(before, size), cv2.erode(before, size) - after)[whole]
        # the haze keeps the limb soft, but all along it light falls faster than it did
        assert np.median(slope[1][steep] / slope[0][steep]) > 1.015
        assert np.mean(slope[1][steep] > slope[0][steep]) > 0.95
        # crests that stand out of the noise may grow, by what three sigma of it are: 5 of some 800 DN
        step = np.percentile(before[whole], 99)
        assert np.percentile(beyond, 99.9) < 0.005 * step
        assert beyond.max() < 0.02 * step


def test_options_of_light_reach_the_treatment(flown: Flown, tmp_path: Path) -> None:
    out = tmp_path / "o.png"
    write_calibration(tmp_path / "frames", striped(0.1), {})
    options = ("--keep-stray-light", "--repair-suspects", "--calibration", tmp_path / "frames", "--json")
    result = run("picture", flown(), "-o", out, "--size", "64", *options)
    assert (result.exit_code, result.stderr) == (0, "")
    (entry,) = json.loads(result.stdout)["strips"]
    assert entry["light"]["calibration"]["GREEN"] == "striped 0.1"
    assert set(entry["light"]["stray_light_dn"].values()) == {0.0}
    assert min(entry["light"]["replaced"].values()) > max(told(flown())["replaced"].values())
    said = parameters(out)
    assert (said["keep_stray_light"], said["repair_suspects"]) == (True, True)
    assert said["light"]["calibration"]["BLUE"] == "striped 0.1"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--white-balance", "moon"), "--white-balance is 'moon': give solar, perijove"),
        (("--white-balance", "1,2"), "--white-balance is '1,2'"),
        (("--white-balance", "1,nan,2"), "--white-balance is '1,nan,2'"),
        (("--white-balance", "1,-1,2"), "--white-balance is '1,-1,2'"),
        (("--sharpen", "unsharp"), "'unsharp'"),
    ],
)
def test_values_that_make_no_sense(tmp_path: Path, options: tuple[str, ...], says: str) -> None:
    result = run("picture", tmp_path / "s-raw.png", "-o", tmp_path / "o.png", *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr
    assert not any(tmp_path.iterdir())
