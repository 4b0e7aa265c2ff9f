"""Radiometry of the strips of perijoves 43 and 44: dark sky, exposures, seams, quality, and what sigma is worth."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning
from scipy.ndimage import maximum_filter
from typer.testing import CliRunner

from perijove.calibrate import Calibrated, calibrate
from perijove.calibrate.framelets import Treatment
from perijove.calibrate.quality import Quality
from perijove.calibrate.triage import Word
from perijove.cli import picture as picture_module
from perijove.cli.app import app
from perijove.geometry.view import spacecraft_view
from perijove.instrument import LIT_SAMPLES, Filter
from perijove.io.finder import open_strip
from perijove.mosaic.balance import solve_balance
from perijove.mosaic.look import look_of
from perijove.observation import Observation, observe
from perijove.raw import RawImage
from perijove.render.engine import render
from perijove.swath import Swath
from perijove.winds import usual_winds

pytestmark = pytest.mark.usefixtures("solved_once")

COLOURS = (Filter.BLUE, Filter.GREEN, Filter.RED)
STRIPS = {
    "44C00029": "pj44/JNCE_2022229_44C00029_V01-raw.png",
    "44C00030": "pj44/JNCE_2022229_44C00030_V01-raw.png",
    "44C00074": "pj44/JNCE_2022229_44C00074_V01-raw.png",
    "44M00044": "pj44/JNCE_2022229_44M00044_V01-raw.png",
    "43C00078": "pj43/JNCE_2022186_43C00078_V01-raw.png",
}
UNUSABLE = int(Quality.FULL | Quality.HIT | Quality.FLIPPED | Quality.FILLED)
SIZE = 700


@dataclass(frozen=True)
class Lit:
    """A strip and its light."""

    raw: RawImage
    done: Calibrated


@pytest.fixture(scope="module")
def lit(data: Path) -> Callable[[str], Lit]:
    """A function from a strip's name to its light; nothing is solved."""

    @cache
    def one(name: str) -> Lit:
        raw = open_strip(data / STRIPS[name]).raw
        return Lit(raw, calibrate(raw))

    return one


@pytest.fixture(scope="module")
def pair(data: Path) -> list[Observation]:
    """44C00029 (6.4 ms) and 44C00030 (3.2 ms), solved together."""
    opened = [open_strip(data / STRIPS[name]) for name in ("44C00029", "44C00030")]
    labels = [label for strip in opened for label in strip.pass_labels]
    return observe([strip.raw for strip in opened], labels)


def dark_sky(light: NDArray[np.float32], where: NDArray[np.float32]) -> NDArray[np.float32]:
    """Pixels of `light` with nothing of 3 DN within 100 samples, in this framelet and the next ones of `where`."""
    columns = cv2.blur(np.nan_to_num(where).mean(axis=1), (16, 1))
    dark = maximum_filter(columns, (3, 201))[:, None, LIT_SAMPLES] < 3.0
    part = light[:, :, LIT_SAMPLES]
    return np.asarray(part[np.broadcast_to(dark, part.shape)])


@pytest.mark.parametrize("name", STRIPS)
def test_dark_sky_is_dark(lit: Callable[[str], Lit], name: str) -> None:
    for light in lit(name).done.light.values():
        sky = dark_sky(light, light)
        assert sky.size > 500_000
        assert abs(float(sky.mean())) < 0.3


def test_without_taking_stray_light_off_the_sky_is_not_dark(lit: Callable[[str], Lit]) -> None:
    strip = lit("44C00074")
    kept = calibrate(strip.raw, Treatment(stray=False))
    for band, light in strip.done.light.items():
        assert dark_sky(kept.light[band], light).mean() > 0.3


def test_two_exposures_agree_on_the_same_ground(pair: list[Observation]) -> None:
    first, second = pair
    assert first.raw.label.exposure_s == pytest.approx(2 * second.raw.label.exposure_s)
    body = first.body
    balance = solve_balance([look_of(o) for o in pair], body, second.middle_et, winds=usual_winds(body))
    # ten minutes apart the same ground is lit and seen otherwise by a quarter; calibration and law leave no percent
    assert (balance.residual.rms(after=False) > 10.0).all()
    assert (balance.residual.rms() < 1.0).all()
    assert [(step.first, step.second, step.band) for step in balance.steps] == [
        (first.raw.label.product_id, second.raw.label.product_id, band) for band in COLOURS
    ]
    assert all(step.after < 1.5 and step.places > 2000 for step in balance.steps)
    # the calibration itself is good to 3 %, in all colours alike
    ratio = balance.gain[1] / balance.gain[0]
    assert np.abs(ratio - 1.0).max() < 0.03
    assert np.ptp(ratio) < 0.02
    assert (np.abs(balance.offset) < 3.0 * balance.offset_sigma).all()


def halves(swaths: list[Swath], part: int) -> list[Swath]:
    """Every second framelet of each swath, from number `part` on."""
    keep = slice(part, None, 2)
    return [
        replace(
            s, light=s.light[keep], et=s.et[keep], position_km=s.position_km[keep],
            velocity_km_s=None if s.velocity_km_s is None else s.velocity_km_s[keep],
            camera_from_j2000=s.camera_from_j2000[keep],
        )
        for s in swaths
    ]  # fmt: skip


def marked(swaths: list[Swath]) -> list[Swath]:
    """Swaths whose light says where it comes from: the frame, and as fraction the line."""
    out = []
    for s in swaths:
        frames, lines, _ = s.light.shape
        place = np.arange(frames)[:, None, None] + 0.1 + 0.8 * (np.arange(lines)[:, None] + 0.5) / lines
        out.append(replace(s, light=np.where(np.isnan(s.light), np.nan, place).astype(np.float32), unit=1.0))
    return out


def steps_between(o: Observation) -> dict[Filter, list[float]]:
    """For each overlap, the median relative step from the end of one framelet to the beginning of the next."""
    view = spacecraft_view(o.middle_position, o.body, o.middle_sun, SIZE)
    swaths = o.swaths()
    even, odd = (render(halves(swaths, p), o.body, o.middle_et, view, sun_direction=o.sun) for p in (0, 1))
    places = [render(halves(marked(swaths), p), o.body, o.middle_et, view, sun_direction=o.sun) for p in (0, 1)]
    found: dict[Filter, list[float]] = {}
    for band in COLOURS:
        a, b = even.band(band), odd.band(band)
        from_a, from_b = (p.band(band) for p in places)
        good = np.isfinite(a) & np.isfinite(b) & even.hit & (even.cos_emission > 0.3) & (even.cos_incidence > 0.2)
        # what stands at the end of the even framelet begins the odd one, or the other way round
        ends = np.where(np.mod(from_a, 1) > np.mod(from_b, 1), 1.0, -1.0)
        step = ends * (b - a) / (0.5 * (a + b))
        overlaps = [
            good & (np.floor(from_a) == frame) & (ends == sign)
            for frame in np.unique(np.floor(from_a[good]))
            for sign in (-1.0, 1.0)
        ]
        found[band] = [float(np.median(step[here])) for here in overlaps if here.sum() > 200]
    return found


def test_framelets_of_one_colour_meet_without_a_step(pair: list[Observation]) -> None:
    steps = [steps_between(o) for o in pair]
    for band in COLOURS:
        both = [step for strip in steps for step in strip[band]]
        assert len(both) >= 12
        assert abs(np.median(both)) < 0.005


def test_quality_of_the_methane_strip(lit: Callable[[str], Lit]) -> None:
    strip = lit("44M00044")
    bits = strip.done.quality[Filter.METHANE][:, :, LIT_SAMPLES]
    hot = (bits & np.uint8(Quality.HOT)) != 0
    # what is fixed is flagged in every framelet, and there is some, but little
    assert (hot == hot[0]).all()
    assert 0.0005 < hot[0].mean() < 0.03
    hits = (bits & np.uint8(Quality.HIT)) != 0
    assert 0.0 < hits.mean() < 0.002
    assert not (bits & np.uint8(Quality.FULL)).any()
    mended = strip.done.details[Filter.METHANE].mended
    replaced = strip.done.quality[Filter.METHANE] & np.uint8(Quality.HIT | Quality.FLIPPED | Quality.FILLED)
    np.testing.assert_array_equal(mended.index, np.flatnonzero(replaced))


@pytest.mark.parametrize(
    ("name", "word"),
    [
        # in the belts north of Jupiter
        ("44C00029", Word.NOISY),
        ("44C00030", Word.NOISY),
        # away from them
        ("44C00074", Word.GOOD),
        ("44M00044", Word.GOOD),
        ("43C00078", Word.GOOD),
    ],
)
def test_verdicts(lit: Callable[[str], Lit], name: str, word: Word) -> None:
    verdict = lit(name).done.verdict
    assert verdict.word is word, verdict.reasons
    assert (word is Word.GOOD) == (not verdict.reasons)
    if word is Word.NOISY:
        assert "hit by radiation" in verdict.reasons[0]


def test_sigma_of_a_linear_picture_is_the_scatter_of_smooth_clouds(
    data: Path, pair: list[Observation], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture_module, "solve_strips", lambda *_: [pair[1]])
    out = tmp_path / "o.tif"
    options = ["--recipe", "linear", "--with-sigma", "--with-quality", "--size", "1600", "-o", str(out), "-q"]
    result = CliRunner().invoke(app, ["picture", str(data / STRIPS["44C00030"]), *options])
    assert (result.exit_code, result.stderr) == (0, "")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(out) as source:
            planes = dict(zip(source.descriptions, source.read(), strict=True))
            assert set(source.units) == {"I/F", "bits"}
    for band in COLOURS:
        light, sigma = planes[band.value], planes[f"{band.value} sigma"]
        good = np.isfinite(light) & ((np.nan_to_num(planes[f"{band.value} quality"]).astype(int) & UNUSABLE) == 0)
        level = np.nan_to_num(light)
        # second differences over three pixels, beyond what resampling ties together
        kernel = np.zeros((7, 7))
        kernel[::3, ::3] = np.outer((1, -2, 1), (1, -2, 1)) / 6.0
        squared = np.square(cv2.filter2D(level.astype(np.float64), -1, kernel))
        size = (15, 15)
        whole = cv2.erode(good.astype(np.uint8), np.ones((21, 21))) > 0
        bright = whole & (cv2.blur(level, size) > 0.1)
        # the calmest tenth of the squares, where noise is nearly all there is
        said = cv2.blur(np.square(np.nan_to_num(sigma)).astype(np.float64), size)
        pull = np.sqrt(cv2.blur(squared, size)[bright] / said[bright])
        calm = float(np.percentile(pull, 10))
        assert bright.sum() > 5000
        assert 0.5 < calm < 2.0
