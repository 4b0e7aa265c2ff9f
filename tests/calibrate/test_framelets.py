from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from perijove.calibrate import calibrate
from perijove.calibrate.decompand import decompanding_table
from perijove.calibrate.defects import FixedPattern, fixed_pattern, mend
from perijove.calibrate.flat import CENTRE_RESPONSE, response
from perijove.calibrate.framelets import Treatment
from perijove.calibrate.quality import Quality
from perijove.errors import LabelError
from perijove.instrument import LIT_SAMPLES, SAMPLES, Filter
from perijove.io.finder import open_strip
from perijove.raw import RawImage

MakeRaw = Callable[..., RawImage]
Codes = NDArray[np.uint8]
LINEAR = np.arange(256, dtype=np.float32)
FRAMES = 10
NO_PATTERN = FixedPattern(np.zeros((128, SAMPLES), np.float32), np.ones((128, SAMPLES), np.float32))


def scene(level: int, frames: int = FRAMES, seed: int = 1) -> Codes:
    """Framelets of an even light with noise of 1 code, over a bias of 3 in the masked columns."""
    noise = np.random.default_rng(seed).normal(0.0, 1.0, (frames, 128, SAMPLES))
    codes = np.full((frames, 128, SAMPLES), 3.0)
    codes[:, :, LIT_SAMPLES] += level
    return np.clip(np.rint(codes + noise), 0, 255).astype(np.uint8)


def test_light_is_decompanded_freed_of_bias_and_response_and_nan_where_masked(make_raw: MakeRaw) -> None:
    codes = np.full((3, 128, SAMPLES), 10, np.uint8)
    codes[:, :, LIT_SAMPLES] = 100
    done = calibrate(make_raw({Filter.BLUE: codes}, "SQROOT"))
    light = done.light[Filter.BLUE]
    # code 100 ends with 255 + 10 * 8 = 335 DN and begins with 328, the bias is 10 DN
    expected = 321.5 / done.details[Filter.BLUE].response[None, :, LIT_SAMPLES]
    np.testing.assert_allclose(light[:, :, LIT_SAMPLES], np.repeat(expected, 3, axis=0), rtol=1e-6)
    masked = np.ones(SAMPLES, bool)
    masked[LIT_SAMPLES] = False
    assert np.isnan(light[:, :, masked]).all()
    assert light.dtype == np.float32
    np.testing.assert_allclose(done.details[Filter.BLUE].bias.level_dn, 10.0)
    assert (done.exposure_s, done.binning, done.full_fraction) == (0.0032, 1, 0.0)


def test_summed_strips_have_half_of_everything(make_raw: MakeRaw) -> None:
    codes = np.full((3, 64, SAMPLES // 2), 50, np.uint8)
    light = calibrate(make_raw({Filter.RED: codes}, binning=2)).light[Filter.RED]
    assert light.shape == (3, 64, 824)
    assert np.isfinite(light[:, :, 12:815]).all()
    assert np.isnan(light[:, :, :12]).all()
    assert np.isnan(light[:, :, 815:]).all()


def test_the_highest_code_is_kept_and_counted(make_raw: MakeRaw) -> None:
    codes = scene(100)
    codes[4, 10:20, 100:140] = 255
    codes[4, 50, 5] = 255
    done = calibrate(make_raw({Filter.GREEN: codes}))
    assert done.full_fraction == pytest.approx(400 / (FRAMES * 128 * 1606))
    assert np.nanmin(done.light[Filter.GREEN][4, 11:19, 101:139]) > 245


def test_an_unknown_bit_mode_is_refused(make_raw: MakeRaw) -> None:
    with pytest.raises(LabelError, match="SAMPLE_BIT_MODE_ID"):
        calibrate(make_raw({Filter.RED: scene(5, 1)}, "LOG"))


def test_bands_of_a_colour_strip_stay_apart(make_raw: MakeRaw) -> None:
    levels = {Filter.BLUE: 20, Filter.GREEN: 60, Filter.RED: 90}
    done = calibrate(make_raw({band: scene(level, 6, level) for band, level in levels.items()}))
    for band, level in levels.items():
        assert np.nanmean(done.light[band] * response(band, 128, 1648)) == pytest.approx(
            level * CENTRE_RESPONSE, abs=0.1
        )


def test_lone_hits_on_the_disc_are_replaced_by_what_is_around_them(make_raw: MakeRaw) -> None:
    codes = scene(100)
    places = [(2, 30, 400), (2, 60, 401), (7, 1, 900), (7, 127, 30)]
    for f, i, j in places:
        codes[f, i, j] = 220
    done = calibrate(make_raw({Filter.RED: codes}))
    assert len(done.details[Filter.RED].mended.index) >= len(places)
    for f, i, j in places:
        assert done.quality[Filter.RED][f, i, j] == Quality.HIT
        assert done.light[Filter.RED][f, i, j] * response(Filter.RED, 128, 1648)[i, j] == pytest.approx(
            100 * CENTRE_RESPONSE, abs=4
        )


def test_with_mending_off_hits_stay(make_raw: MakeRaw) -> None:
    codes = scene(100)
    codes[2, 30, 400] = 220
    done = calibrate(make_raw({Filter.RED: codes}), Treatment(mend=False))
    assert done.light[Filter.RED][2, 30, 400] * response(Filter.RED, 128, 1648)[30, 400] == pytest.approx(
        217 * CENTRE_RESPONSE, abs=3
    )
    assert len(done.details[Filter.RED].mended.index) == 0
    assert not done.quality[Filter.RED].any()


@pytest.mark.parametrize("offset", [0.0, 0.25, 0.5])
def test_stars_survive(offset: float) -> None:
    i, j = np.mgrid[:128, :SAMPLES]
    star = 120 * np.exp(-((i - 60 - offset) ** 2 + (j - 700 - offset) ** 2) / (2 * 0.7**2))
    codes = np.rint(star).astype(np.uint8)[None]
    done = mend(codes, LINEAR, NO_PATTERN)
    assert not len(done.index)
    np.testing.assert_array_equal(done.codes, codes)


def test_single_hits_in_the_sky_go() -> None:
    codes = np.zeros((1, 128, SAMPLES), np.uint8)
    codes[0, 40, 500] = 90
    done = mend(codes, LINEAR, NO_PATTERN)
    assert (len(done.index), int(done.codes.max())) == (1, 0)


def test_a_sharp_limb_is_left_alone(make_raw: MakeRaw) -> None:
    i, j = np.mgrid[:128, :SAMPLES]
    codes = np.full((FRAMES, 128, SAMPLES), 2, np.uint8)
    for f in range(FRAMES):
        # the limb moves by a framelet from one exposure to the next
        disc = np.hypot(j - 900.0, i + 115.0 * (f - 5)) < 450.0
        codes[f][disc] = 150
    mended, plain = (calibrate(make_raw({Filter.GREEN: codes}), Treatment(mend=mend)) for mend in (True, False))
    np.testing.assert_array_equal(mended.light[Filter.GREEN], plain.light[Filter.GREEN])
    assert mended.details[Filter.GREEN].fixed_pixels == 0


def test_streaks_of_hot_pixels_are_taken_off_and_leave_no_holes(make_raw: MakeRaw) -> None:
    codes = scene(20)
    codes[:, 30:62, 500] += 25
    done = calibrate(make_raw({Filter.METHANE: codes}))
    light = done.light[Filter.METHANE] * done.details[Filter.METHANE].response
    streak = light[:, 30:62, 500]
    assert streak.mean() == pytest.approx(20, abs=0.3)
    assert np.abs(streak - 20).max() < 6
    assert 32 <= done.details[Filter.METHANE].fixed_pixels <= 40


def test_dust_and_pinholes_show_in_the_gain() -> None:
    rng = np.random.default_rng(4)
    share = np.ones((128, SAMPLES))
    share[40:43, 300:303] = 0.7
    share[80:83, 800:803] = 1.3
    # over so wide a range of light that nothing that adds could pass for it
    level = np.linspace(20, 180, FRAMES)[:, None, None]
    codes = np.clip(np.rint(level * share + rng.normal(0, 1, (FRAMES, 128, SAMPLES))), 0, 255).astype(np.uint8)
    pattern = fixed_pattern(codes, LINEAR)
    np.testing.assert_allclose(pattern.gain[40:43, 300:303], 0.7, atol=0.02)
    np.testing.assert_allclose(pattern.gain[80:83, 800:803], 1.3, atol=0.03)
    assert pattern.pixels < 40


def test_dust_at_the_end_of_a_line_shows_in_spite_of_the_limb_beside_it() -> None:
    i, j = np.mgrid[:128, :SAMPLES]
    rng = np.random.default_rng(9)
    codes = np.full((FRAMES, 128, SAMPLES), 2.0)
    # two framelets are lit there, one of them with the limb ten px aside
    codes[4][(j >= 24) & (j < 1630)] = 130
    codes[5][(j > 20 + i / 10) & (j < 1630)] = 125
    dust = np.where(np.hypot(i - 60, j - 34) < 2.5, 0.3, 1.0)
    codes = np.clip(np.rint(codes * dust + rng.normal(0, 1, codes.shape)), 0, 255).astype(np.uint8)
    pattern = fixed_pattern(codes, decompanding_table("SQROOT"))
    found = pattern.gain != 1
    assert found[59:62, 33:36].all()
    assert found.sum() < 60
    assert np.hypot(*(np.argwhere(found) - (60, 34)).T).max() < 6


def test_a_place_that_is_nearly_dark_is_filled_along_its_line(make_raw: MakeRaw) -> None:
    codes = scene(100)
    codes[:, 50:53, 200:203] = 20
    light = calibrate(make_raw({Filter.GREEN: codes})).light[Filter.GREEN] * response(Filter.GREEN, 128, 1648)
    np.testing.assert_allclose(light[:, 50:53, 200:203], 100 * CENTRE_RESPONSE, atol=5)


def test_the_scene_itself_is_no_pattern() -> None:
    rng = np.random.default_rng(2)
    clouds = cv2.GaussianBlur(rng.normal(0.0, 1.0, (1400, SAMPLES)), (0, 0), 3.0)
    clouds = 120 + 12 * clouds / clouds.std() + rng.normal(0.0, 1.0, clouds.shape)
    codes = np.stack([np.rint(clouds[115 * f : 115 * f + 128]) for f in range(FRAMES)]).astype(np.uint8)
    assert fixed_pattern(codes, LINEAR).pixels < 1e-3 * codes[0].size


def test_few_framelets_tell_no_pattern() -> None:
    codes = scene(20, 4)
    codes[:, :, 500] += 25
    assert fixed_pattern(codes, LINEAR).pixels == 0


def test_real_strip_loses_its_dust_and_keeps_its_light(data: Path) -> None:
    raw = open_strip(data / "pj44" / "JNCE_2022229_44C00030_V01-raw.png").raw
    plain, mended = (calibrate(raw, Treatment(mend=mend)).light[Filter.RED] for mend in (False, True))
    # a grain of dust at line 108, sample 360 of the red filter, lit in framelets 4 to 12
    box = (slice(5, 12), slice(107, 110), slice(359, 362))
    around = np.median(plain[5:12, 100:117, 350:371], axis=(1, 2))
    assert np.max(plain[box].mean(axis=(1, 2)) / around) < 0.8
    np.testing.assert_allclose(mended[box].mean(axis=(1, 2)) / around, 1.0, atol=0.05)
    # and all else that is lit is left as it was, but for columns whose step hot places hide
    lit = (plain > 30) & (calibrate(raw).quality[Filter.RED] == 0)
    assert np.percentile(np.abs(mended[lit] - plain[lit]), 99) < 0.5


def test_real_methane_strip_loses_its_streaks(data: Path) -> None:
    raw = open_strip(data / "pj44" / "JNCE_2022229_44M00044_V01-raw.png").raw
    plain = decompanding_table("SQROOT")[raw.framelets(Filter.METHANE)]
    mended = calibrate(raw).light[Filter.METHANE]

    def roughness(light: NDArray[np.float32]) -> float:
        still = np.median(light[:, :, LIT_SAMPLES], axis=0)
        across = still[:, 1:-1] - (still[:, :-2] + still[:, 2:]) / 2
        return float(np.percentile(np.abs(across), 99.5))

    assert roughness(mended) < 0.5 * roughness(plain)
