from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, maximum_filter, minimum_filter, uniform_filter1d
from scipy.special import erf

from perijove.calibrate import calibrate
from perijove.calibrate.decompand import SQROOT_DN
from perijove.calibrate.pointspread import HALF_TAPS, PointSpread, point_spread, restoring
from perijove.calibrate.quality import Quality
from perijove.calibrate.sharpen import CREST_GAIN, noise_growth, sharpen
from perijove.errors import UsageError
from perijove.instrument import LIT_SAMPLES, SAMPLES, Filter
from perijove.io.finder import open_strip
from perijove.simulate.compression import LOSSLESS, LOSSY
from perijove.simulate.detector import Detector, expose

Light = NDArray[np.float32]
PSF = PointSpread(0.5, 0.5, (1.0,))
FINE = 5
"""Sub-samples a px of the scenes that are blurred here."""


def smeared(fine: NDArray[np.float64], *, blur: bool = True) -> Light:
    """Means over pixels of a finely drawn scene (lines x FINE, samples x FINE), blurred and moved as `PSF` says."""
    if blur:
        fine = uniform_filter1d(gaussian_filter(fine, 0.5 * FINE), FINE, axis=0)
    lines, samples = fine.shape[0] // FINE, fine.shape[1] // FINE
    return fine.reshape(lines, FINE, samples, FINE).mean(axis=(1, 3)).astype(np.float32)


def disc(radius: float, shape: tuple[int, int], centre: tuple[float, float], level: float) -> NDArray[np.float64]:
    """A bright disc on black sky, finely drawn; all lengths in px."""
    i, j = ((np.arange(n * FINE) + 0.5) / FINE for n in shape)
    return level * (np.hypot(i[:, None] - centre[0], j - centre[1]) < radius)


def clouds(shape: tuple[int, int], seed: int = 3) -> NDArray[np.float64]:
    """Clouds about 1 with detail down to the pixel, finely drawn."""
    rng = np.random.default_rng(seed)
    parts = [
        w * gaussian_filter(rng.normal(size=tuple(n * FINE for n in shape)), w * FINE) * w * FINE for w in (0.6, 2)
    ]
    field = sum(parts)
    return np.asarray(np.clip(1.0 + 0.25 * field / np.std(field), 0.05, None))


@pytest.mark.parametrize("level", [0.0, 1.0, 2300.0])
def test_a_constant_stays(level: float) -> None:
    light = np.full((2, 40, 50), level, np.float32)
    np.testing.assert_allclose(sharpen(light, 1e-9, None, PSF), light, rtol=2e-6)


@pytest.mark.parametrize("slope", [(3.0, 0.0), (0.0, 2.0), (-1.5, 4.0)])
def test_a_slope_stays_up_to_the_edges(slope: tuple[float, float]) -> None:
    i, j = np.mgrid[:128, :60]
    light = (400.0 + slope[0] * i + slope[1] * j)[None].astype(np.float32)
    light[:, :, :5] = np.nan
    np.testing.assert_allclose(sharpen(light, 0.0, None, PSF), light, atol=2e-3)


def test_a_straight_edge_gets_narrower_and_does_not_ring() -> None:
    for angle in np.radians([0.0, 20.0, 45.0, 90.0]):
        i, j = np.mgrid[-30:30, -30:30]
        away = i * np.cos(angle) + j * np.sin(angle)
        # sigma of the whole profile along this normal: blur, pixel and smear
        width = np.sqrt(0.25 + 1 / 12 + np.cos(angle) ** 2 / 12)
        edge = (300.0 + 300.0 * erf(away / np.sqrt(2) / width)).astype(np.float32)[None]
        out = sharpen(edge, 1.0, None, PSF)
        assert out.min() >= edge.min()
        assert out.max() <= edge.max()
        # the same edge seen by the pixels alone
        sharp = 300.0 + 300.0 * erf(away / np.sqrt(2 / 12))
        error = [float(np.sqrt(np.mean((x[0] - sharp) ** 2))) for x in (edge, out)]
        assert error[1] < 0.7 * error[0]
        # 1 % of the step, from two pixels on
        assert np.abs(out[0] - 600.0 * (away > 0))[np.abs(away) > 2].max() < 6.0


def test_limb_of_a_disc_comes_nearer_to_the_truth_without_a_halo() -> None:
    fine = disc(40.0, (128, 128), (60.3, 64.8), 800.0)
    blurred, true = smeared(fine)[None], smeared(fine, blur=False)[None]
    out = sharpen(blurred, blurred / 16.3 + 1.0, None, PSF)
    error = [float(np.sqrt(np.mean((x - true) ** 2))) for x in (blurred, out)]
    assert error[1] < 0.65 * error[0]
    # no more than 1 % of the step on either side
    assert out.max() <= 808.0
    assert out.min() >= -8.0
    assert out.sum() == pytest.approx(blurred.sum(), rel=1e-3)


def test_a_point_gets_sharper_and_keeps_its_place() -> None:
    light = np.zeros((1, 21, 31), np.float32)
    light[0, 10, 15] = 100.0
    out = sharpen(light, 1e-6, None, PSF)
    # what the rule for crests allows: its height beyond a quarter of the range, which is 75
    assert out[0, 10, 15] == pytest.approx(100.0 + CREST_GAIN * 75.0, abs=0.1)
    assert out.min() == 0.0
    light[0, 10, 15] = 0.0
    assert not out[light == 100.0].any()
    np.testing.assert_allclose(out, out[:, ::-1], atol=1e-4)
    np.testing.assert_allclose(out, out[:, :, ::-1], atol=1e-4)


def test_clouds_come_nearer_to_the_truth_and_keep_their_light() -> None:
    fine = 800.0 * clouds((128, 160))
    blurred, true = smeared(fine)[None], smeared(fine, blur=False)[None]
    out = sharpen(blurred, 0.01, None, PSF)
    inner = (slice(None), slice(6, -6), slice(6, -6))
    error = [float(np.sqrt(np.mean((x - true)[inner] ** 2))) for x in (blurred, out)]
    assert error[1] < 0.75 * error[0]
    edge = (slice(None), slice(0, 2), slice(6, -6))
    assert np.sqrt(np.mean((out - true)[edge] ** 2)) < np.sqrt(np.mean((blurred - true)[edge] ** 2))
    assert out.mean() == pytest.approx(blurred.mean(), rel=1e-3)


@pytest.mark.parametrize("level", [0.0, 500.0])
def test_noise_on_even_ground_stays_as_it_is(level: float) -> None:
    sigma = np.sqrt(level / 16.3 + 1.0)
    light = np.random.default_rng(5).normal(level, sigma, (3, 128, 400)).astype(np.float32)
    out = sharpen(light, sigma**2, None, PSF)
    assert out.std() < 1.01 * light.std()
    assert noise_growth(light, sigma**2, None, PSF).mean() < 1.02


def test_growth_of_the_noise_is_what_it_is() -> None:
    true = smeared(800.0 * clouds((48, 64)))
    rng = np.random.default_rng(8)
    many = (true + rng.normal(0.0, 2.0, (400, *true.shape))).astype(np.float32)
    out, growth = sharpen(many, 4.0, None, PSF), noise_growth(many, 4.0, None, PSF)
    found, said = out.var(axis=0) / 4.0, growth.mean(axis=0)
    inner = (slice(6, -6), slice(6, -6))
    # the range holds back some of it
    assert 0.8 < np.median(found[inner] / said[inner]) < 1.05
    assert np.median(said[inner]) > 1.2


@pytest.mark.parametrize("bit", [Quality.HIT, Quality.FLIPPED, Quality.FILLED, Quality.FULL])
def test_places_that_hold_no_scene_and_their_neighbours_are_left_alone(bit: Quality) -> None:
    light = smeared(800.0 * clouds((60, 60)))[None]
    quality = np.zeros(light.shape, np.uint8)
    quality[0, 20, 30] = int(bit)
    quality[0, 40, 40] = int(Quality.HOT | Quality.SPOT | Quality.BLOCKY | Quality.SUSPECT)
    plain, out = sharpen(light, 0.01, None, PSF), sharpen(light, 0.01, quality, PSF)
    np.testing.assert_array_equal(out[0, 19:22, 29:32], light[0, 19:22, 29:32])
    others = np.ones(light.shape, bool)
    others[0, 19:22, 29:32] = False
    np.testing.assert_array_equal(out[others], plain[others])
    assert not np.array_equal(out[0, 39:42, 39:42], light[0, 39:42, 39:42])


SHAPES = st.tuples(st.integers(1, 2), st.integers(1, 12), st.integers(1, 14))
LIGHTS = SHAPES.flatmap(
    lambda shape: arrays(np.float32, shape, elements=st.floats(-10, 2879, width=32) | st.just(float("nan")))
)


@settings(deadline=None, max_examples=150)
@given(LIGHTS, st.floats(0.0, 2.0))
def test_nan_stays_and_the_range_is_bounded(light: Light, strength: float) -> None:
    out = sharpen(light, 1.0, None, PSF, strength=strength)
    np.testing.assert_array_equal(np.isnan(out), np.isnan(light))
    for before, after in zip(light, out, strict=True):
        high = maximum_filter(np.where(np.isnan(before), -np.inf, before), 3, mode="nearest")
        low = minimum_filter(np.where(np.isnan(before), np.inf, before), 3, mode="nearest")
        lit = ~np.isnan(before)
        room = CREST_GAIN * (high - low)[lit] + 1e-3
        assert (after[lit] <= high[lit] + room).all()
        assert (after[lit] >= low[lit] - room).all()


@settings(deadline=None, max_examples=60)
@given(LIGHTS, st.sampled_from([0.25, 2.0, 64.0]), st.sampled_from([0.0, 0.5, 30.0]))
def test_brighter_light_with_its_noise_gives_the_same_picture(light: Light, factor: float, variance: float) -> None:
    once = sharpen(light, variance, None, PSF)
    scaled = sharpen(np.float32(factor) * light, factor**2 * variance, None, PSF)
    # powers of two are exact; only the least power that is told from none is not scaled
    np.testing.assert_allclose(scaled, factor * once, rtol=1e-6, atol=1e-4)


def test_gaps_of_light_or_of_variance_do_not_spread() -> None:
    light = smeared(800.0 * clouds((60, 60)))[None]
    variance = np.full(light.shape, 0.01, np.float32)
    variance[0, 30, 30] = np.nan
    variance[0, 10, 10] = np.inf
    light[0, 44, 20:23] = np.nan
    light[0, 50] = np.nan
    out = sharpen(light, variance, None, PSF)
    np.testing.assert_array_equal(np.isnan(out), np.isnan(light))
    assert out[0, 30, 30] == light[0, 30, 30]
    assert out[0, 10, 10] == light[0, 10, 10]


def test_no_strength_changes_nothing_and_more_does_more() -> None:
    light = smeared(800.0 * clouds((60, 60)))[None]
    change = [float(np.abs(sharpen(light, 1.0, None, PSF, strength=s) - light).mean()) for s in (0.0, 0.5, 1.0, 2.0)]
    assert change[0] == 0.0
    assert change[0] < change[1] < change[2] < change[3]


def test_what_does_not_fit_is_refused() -> None:
    light = np.zeros((1, 8, 8), np.float32)
    with pytest.raises(UsageError, match="strength of sharpening is 3"):
        sharpen(light, 1.0, None, PSF, strength=3.0)
    with pytest.raises(UsageError, match="strength of sharpening is nan"):
        sharpen(light, 1.0, None, PSF, strength=float("nan"))
    with pytest.raises(UsageError, match=r"variance of shape \(3,\)"):
        sharpen(light, np.ones(3), None, PSF)
    with pytest.raises(UsageError, match="shape"):
        sharpen(light[0], 1.0, None, PSF)
    with pytest.raises(UsageError, match="quality is uint8"):
        sharpen(light, 1.0, np.zeros((8, 8), np.uint8), PSF)
    with pytest.raises(UsageError, match="0 to 3 px"):
        PointSpread(-0.1, 0.5)
    with pytest.raises(UsageError, match="0 to 3 px"):
        PointSpread(0.5, float("nan"))


def test_transfer_is_that_of_the_drawn_point_spread() -> None:
    psf = PointSpread(0.4, 0.7, (1.0, 0.5))
    fine, px = 80, 32
    point = np.zeros((fine * px, 1))
    point[fine * px // 2] = 1.0
    for axis, sigma, boxes in ((0, 0.4, (1.0, 1.0, 0.5)), (1, 0.7, (1.0,))):
        spread = gaussian_filter(point, (sigma * fine, 0))
        for width in boxes:
            spread = uniform_filter1d(spread, int(width * fine) + 1, axis=0)
        found = np.abs(np.fft.fft(spread[:, 0]))[: px // 2]
        f = np.arange(px // 2) / px
        said = psf.transfer(f, 0 * f) if axis == 0 else psf.transfer(0 * f, f)
        np.testing.assert_allclose(said, found, atol=0.01)


def test_summed_pixels_blur_half_and_many_stages_more() -> None:
    plain, summed = point_spread(Filter.RED), point_spread(Filter.RED, binning=2)
    assert summed.line_sigma == plain.line_sigma / 2
    assert summed.smears[0] == plain.smears[0] / 2
    # in 3.2 ms the scene moves by 2 pi 1480.59 x 0.0032 / 30.26 = 0.9838 px
    assert plain.smears == (pytest.approx(0.9838, abs=1e-4), 0.0)
    assert point_spread(Filter.METHANE, stages=64).smears[1] == pytest.approx(63 * 0.0162, abs=0.01)


@pytest.mark.parametrize("band", list(Filter))
def test_filters_pass_no_constant_and_their_noise_is_that_of_their_weights(band: Filter) -> None:
    restore = restoring(point_spread(band))
    bands = np.einsum("bti,btj->bij", restore.terms[:, :, 0].astype(float), restore.terms[:, :, 1].astype(float))
    np.testing.assert_allclose(bands.sum(axis=(1, 2)), 0.0, atol=1e-6)
    np.testing.assert_allclose(np.einsum("bij,cij->bc", bands, bands), restore.noise, atol=1e-6)
    np.testing.assert_allclose(bands[:, HALF_TAPS, HALF_TAPS], restore.centre, atol=1e-6)


def test_filters_undo_the_blur_where_the_signal_is() -> None:
    restore = restoring(PSF)
    weights = np.einsum("bti,btj->ij", restore.terms[:, :, 0].astype(float), restore.terms[:, :, 1].astype(float))
    near = np.arange(-HALF_TAPS, HALF_TAPS + 1)
    # at least a third of what the blur took comes back, and never more than it took
    for f in (0.05, 0.1, 0.15, 0.2, 0.25, 0.3):
        for wave, line, sample in (
            (np.cos(2 * np.pi * f * near)[:, None], f, 0.0),
            (np.cos(2 * np.pi * f * near), 0.0, f),
        ):
            kept = float(PSF.transfer(np.array(line), np.array(sample), pixel=False))
            restored = kept * (1.0 + float((weights * wave).sum()))
            assert kept + (1.0 - kept) / 3 < restored < 1.0


@pytest.mark.parametrize("compression", [LOSSLESS, LOSSY])
def test_a_simulated_strip_comes_nearer_to_its_truth(compression: str) -> None:
    shape = (128, SAMPLES)
    fine = 0.35 * clouds(shape, 7) * (disc(700.0, shape, (500.0, 800.0), 1.0) > 0)
    light = {Filter.GREEN: smeared(fine)[None]}
    detector = Detector(bias_dn=0.0, bias_jitter_dn=0.0, column_gain=0.0, column_offset_dn=0.0, line_tilt=None,
                        vignetting=0.0, dust_spots=0.0, hot_pixels=0.0, hits_per_framelet=0.0,
                        stray_light=0.0)  # fmt: skip
    strip = expose(light, detector, exposure_s=0.0032, perijove=20, sun_distance_km=7.6e8, filters=[Filter.GREEN],
                   compression=compression)  # fmt: skip
    seen = SQROOT_DN[strip.codes][None]
    masked = np.ones(SAMPLES, bool)
    masked[LIT_SAMPLES] = False
    seen[:, :, masked] = np.nan
    step = np.interp(seen, [24, 25, 66, 67, 254, 255, 1022, 1023], [1, 2, 2, 4, 4, 8, 8, 16])
    variance = np.maximum(seen, 0.0) / 16.3 + 1.04 + step**2 / 12
    # the lossy coding of codes adds about a third again
    variance *= 1.4 if compression == LOSSY else 1.0
    out = sharpen(seen, variance, None, PSF)
    true = smeared(fine, blur=False)[None] * np.float32(strip.dn_per_light[Filter.GREEN])
    around = minimum_filter(true, 7, axes=(1, 2))
    lit, sky = (around > 50) & ~masked, (maximum_filter(true, 7, axes=(1, 2)) == 0) & ~masked
    limb = (around == 0) & ~sky & ~masked
    for places, most in ((lit, 0.98), (limb, 0.75)):
        error = [float(np.sqrt(np.mean((x - true)[places] ** 2))) for x in (seen, out)]
        assert error[1] < most * error[0]
    assert out[sky].std() < 1.01 * seen[sky].std()


def test_real_strip_gets_crisper_without_ringing_grain_or_blocks(data: Path) -> None:
    raw = open_strip(data / "pj44" / "JNCE_2022229_44C00029_V01-raw.png").raw
    light = calibrate(raw).light[Filter.RED][3:9]
    step = np.interp(light, [24, 25, 66, 67, 254, 255, 1022, 1023], [1, 2, 2, 4, 4, 8, 8, 16])
    variance = 1.4 * (np.maximum(light, 0.0) / 16.3 + 1.04 + step**2 / 12)
    out = sharpen(light, variance, None, point_spread(Filter.RED, stages=raw.label.tdi_stages or 1))
    np.testing.assert_array_equal(np.isnan(out), np.isnan(light))
    seen = np.nan_to_num(light)
    sky = (maximum_filter(seen, 9, axes=(1, 2)) < 8) & np.isfinite(light)
    assert np.count_nonzero(sky) > 1000
    assert out[sky].std() < 1.005 * light[sky].std()
    bright = (minimum_filter(seen, 5, axes=(1, 2)) > 100) & np.isfinite(light)
    assert np.mean(out[bright]) == pytest.approx(np.mean(light[bright]), rel=1e-3)
    pairs = bright[:, :, 1:] & bright[:, :, :-1]
    borders = pairs & (np.arange(SAMPLES - 1) % 16 == 15)
    steps = [np.abs(np.diff(x, axis=2)) for x in (light, out)]
    assert steps[1][pairs].mean() > steps[0][pairs].mean()
    ratio = [float(s[borders].mean() / s[pairs & ~borders].mean()) for s in steps]
    assert ratio[1] < 1.005 * ratio[0]
