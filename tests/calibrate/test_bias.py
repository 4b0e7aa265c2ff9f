import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import perijove
from perijove.calibrate.bias import Bias, code_values, dark_columns, dark_mean, framelet_bias, lit_columns
from perijove.calibrate.decompand import decompanding_table
from perijove.instrument import DARK_SAMPLES, LIT_SAMPLES, SAMPLES, Filter
from perijove.simulate.compression import LOSSLESS, LOSSY
from perijove.simulate.detector import Detector, companding_table, expose

LINEAR = np.arange(256, dtype=np.float32)
SQROOT = decompanding_table("SQROOT")
DARK = dark_columns(1, SAMPLES)


def phi(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2))


def read_out(level: float, frames: int, mode: str = "LIN1", binning: int = 1, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    number = np.clip(np.rint(rng.normal(level, 1.09, (frames, 128, SAMPLES))), 0, 4095)
    shape = frames, 128 // binning, binning, SAMPLES // binning, binning
    return companding_table(mode)[np.rint(number.reshape(shape).mean(axis=(2, 4))).astype(int)]


def detect(light: float, compression: str, bias_dn: float = -0.5, binning: int = 1) -> np.ndarray:
    """Codes of one filter under even light, DN."""
    detector = Detector(response={Filter.GREEN: 1.0}, fading=None, line_tilt=None, vignetting=0.0, dust_spots=0.0,
                        hot_pixels=0.0, hits_per_framelet=0.5, stray_light=0.0, bias_dn=bias_dn)  # fmt: skip
    plane = {Filter.GREEN: np.full((7, 128, SAMPLES), light, np.float32)}
    codes = expose(plane, detector, exposure_s=1.0, perijove=44, sun_distance_km=5.2 * 149597870.7,
                   filters=[Filter.GREEN], binning=binning, compression=compression).codes  # fmt: skip
    return codes.reshape(7, 128 // binning, SAMPLES // binning)


def test_dark_columns_are_those_of_the_instrument() -> None:
    np.testing.assert_array_equal(DARK, np.r_[DARK_SAMPLES[0], DARK_SAMPLES[1]])


def test_a_summed_column_is_dark_or_lit_only_where_both_of_its_halves_are() -> None:
    dark, lit = dark_columns(2, SAMPLES // 2), np.arange(SAMPLES // 2)[lit_columns(2)]
    native_dark, native_lit = set(DARK), set(range(SAMPLES)[LIT_SAMPLES])
    assert all({2 * c, 2 * c + 1} <= native_dark for c in dark)
    assert all({2 * c, 2 * c + 1} <= native_lit for c in lit)
    assert len(dark) >= 12
    assert len(lit) == 803


def test_the_mean_of_a_cut_and_rounded_gaussian_is_that_computed_by_hand() -> None:
    level, sigma = -0.45, 1.09
    # the mean of whole numbers is the sum of the chances to reach 1, 2, 3 ...
    by_hand = sum(phi((level - (k - 0.5)) / sigma) for k in range(1, 20))
    mean, _ = dark_mean(np.array([level]), LINEAR, noise_dn=sigma)
    assert mean[0] == pytest.approx(by_hand, abs=1e-12)


def test_in_a_coarse_mode_the_mean_is_the_step_times_the_chance_to_reach_it() -> None:
    mean, deviation = dark_mean(np.array([6.0]), decompanding_table("LIN8"), noise_dn=1.09)
    # the numbers 0 to 7 have one code, whose mean is 3.5; 7.5 is rounded up
    chance = phi((6.0 - 7.5) / 1.09)
    assert mean[0] == pytest.approx(3.5 + 8 * chance, abs=1e-9)
    assert deviation[0] == pytest.approx(8 * math.sqrt(chance * (1 - chance)), abs=1e-9)


@settings(deadline=None, max_examples=20)
@given(level=st.floats(-2.0, 30.0), noise=st.floats(0.3, 3.0), binning=st.sampled_from([1, 2]))
def test_the_mean_rises_with_the_level_and_is_it_far_from_the_cut(level: float, noise: float, binning: int) -> None:
    mean, _ = dark_mean(np.array([level, level + 0.1]), LINEAR, binning, noise)
    assert 0 <= mean[0] < mean[1] or mean[1] < 1e-9
    if binning == 1 and level > 6 * noise and noise > 0.7:
        assert mean[0] == pytest.approx(level, abs=1e-3)


@pytest.mark.parametrize("level", [-0.9, -0.45, 0.0, 1.0, 3.0, 12.0])
@pytest.mark.parametrize("mode", ["LIN1", "SQROOT"])
def test_the_level_of_a_cut_gaussian_is_recovered_within_its_sigma(level: float, mode: str) -> None:
    bias = framelet_bias(read_out(level, 8, mode), decompanding_table(mode), 1)
    assert np.all(bias.sigma_dn < 0.08)
    assert np.abs(bias.level_dn - level).max() < 4 * bias.sigma_dn.max()


@pytest.mark.parametrize("level", [-0.45, 0.0, 1.0])
def test_the_level_is_recovered_from_summed_pixels(level: float) -> None:
    bias = framelet_bias(read_out(level, 8, binning=2), LINEAR, 2)
    assert np.abs(bias.level_dn - level).max() < 4 * bias.sigma_dn.max() < 0.4


@pytest.mark.parametrize("level", [-0.9, -0.45, 0.0, 1.0, 3.0])
def test_masked_columns_and_dark_sky_have_the_mean_light_nought(level: float) -> None:
    codes = read_out(level, 6, "SQROOT")
    bias = framelet_bias(codes, SQROOT, 1)
    light = np.stack([values[plane] for values, plane in zip(code_values(SQROOT, bias), codes, strict=True)])
    assert abs(light[:, :, DARK].mean()) < 0.01
    assert np.abs(light[:, :, lit_columns(1)].mean(axis=(1, 2))).max() < 0.06


def test_between_dark_sky_and_light_no_more_than_a_quarter_dn_is_missing() -> None:
    level = -0.45
    bias = framelet_bias(read_out(level, 6, "SQROOT"), SQROOT, 1)
    values = code_values(SQROOT, bias).mean(axis=0)
    for signal in np.arange(0.0, 12.0, 0.5):
        mean = values[read_out(level + signal, 1, "SQROOT", seed=5)].mean()
        assert -0.26 < mean - signal < 0.06
        if signal > 3.4:
            assert mean == pytest.approx(signal, abs=0.06)


@pytest.mark.parametrize("mode", ["LIN8", "LIN16"])
def test_where_code_nought_swallows_all_the_level_is_the_prior_with_its_sigma(mode: str) -> None:
    table = decompanding_table(mode)
    bias = framelet_bias(read_out(-0.45, 5, mode), table, 1)
    np.testing.assert_allclose(bias.level_dn, -0.45, atol=0.15)
    assert np.all(bias.sigma_dn > 0.25)
    np.testing.assert_allclose(bias.zero_dn, 0.0, atol=0.01)
    np.testing.assert_allclose(code_values(table, bias)[:, 10], table[10] - bias.level_dn, rtol=1e-6)


def test_what_a_coarse_mode_does_tell_is_used() -> None:
    bias = framelet_bias(read_out(7.0, 5, "LIN8"), decompanding_table("LIN8"), 1)
    np.testing.assert_allclose(bias.level_dn, 7.0, atol=5 * bias.sigma_dn.max())


def test_the_light_of_a_code_is_its_number_less_the_level() -> None:
    bias = Bias(np.array([-0.5, 2.0]), np.array([-0.4, -1.9]), np.array([0.1, 0.1]))
    values = code_values(SQROOT, bias)
    assert values.shape == (2, 256)
    assert values.dtype == np.float32
    np.testing.assert_allclose(values[:, 0], [-0.4, -1.9], rtol=1e-6)
    # code 24 stands for 24 and 25
    np.testing.assert_allclose(values[:, 24], [25.0, 22.5])
    np.testing.assert_allclose(values[:, 255], [2864.0, 2861.5])


def test_bias_is_blind_to_the_light() -> None:
    codes = read_out(5.0, 6)
    bright = codes.copy()
    bright[:, :, 24:1630] = 200
    np.testing.assert_array_equal(framelet_bias(bright, LINEAR, 1).level_dn, framelet_bias(codes, LINEAR, 1).level_dn)


def test_hot_columns_hardly_move_the_bias() -> None:
    codes = read_out(-0.45, 6)
    hot = codes.copy()
    hot[:, :, 10] = 90
    hot[2, ::4, 15] = 255
    clean, worn = framelet_bias(codes, LINEAR, 1), framelet_bias(hot, LINEAR, 1)
    assert np.abs(worn.level_dn - clean.level_dn).max() < 0.05


def test_a_framelet_with_contaminated_columns_takes_the_bias_of_its_neighbours() -> None:
    codes = read_out(5.0, 9)
    codes[4] = 40
    level = framelet_bias(codes, LINEAR, 1).level_dn
    np.testing.assert_allclose(level, 5.0, atol=0.15)


def test_a_slow_drift_is_followed() -> None:
    codes = np.concatenate([read_out(level, 1, seed=level) for level in range(10, 20)])
    level = framelet_bias(codes, LINEAR, 1).level_dn
    np.testing.assert_allclose(level[2:-2], np.arange(12, 18), atol=0.15)


def test_noisy_masked_columns_are_told_from_quiet_ones() -> None:
    rng = np.random.default_rng(3)
    codes = np.clip(np.rint(rng.normal(4.0, 6.0, (6, 128, SAMPLES))), 0, 255).astype(np.uint8)
    # their mean is 5.0; taken for a quiet camera's it would be the level
    level = framelet_bias(codes, LINEAR, 1).level_dn
    np.testing.assert_allclose(level, 4.0, atol=0.5)


@pytest.mark.parametrize("frames", [0, 1, 2])
def test_few_framelets_are_enough(frames: int) -> None:
    bias = framelet_bias(read_out(3.0, frames), LINEAR, 1)
    assert bias.level_dn.shape == bias.zero_dn.shape == bias.sigma_dn.shape == (frames,)
    np.testing.assert_allclose(bias.level_dn, 3.0, atol=0.2)


def test_without_masked_columns_the_prior_is_given() -> None:
    bias = framelet_bias(np.zeros((2, 128, 2), np.uint8), LINEAR, 1)
    np.testing.assert_allclose(bias.level_dn, -0.45)


@pytest.mark.parametrize("bias_dn", [-0.5, 0.3, 2.0])
@pytest.mark.parametrize("light", [0.0, 200.0])
def test_a_simulated_cameras_bias_is_found(bias_dn: float, light: float) -> None:
    bias = framelet_bias(detect(light, LOSSLESS, bias_dn), SQROOT, 1)
    # the simulated noise is 1.02: 1.09 about a level 0.1 lower gives the same mean; jitter 0.05
    np.testing.assert_allclose(bias.level_dn, bias_dn, atol=0.3)
    assert bias.level_dn.mean() == pytest.approx(bias_dn, abs=0.15)


@pytest.mark.parametrize("bias_dn", [-0.5, 0.0, 0.5, 2.0])
@pytest.mark.parametrize("light", [0.0, 60.0])
def test_lossy_coding_leaves_the_bias_within_its_sigma(bias_dn: float, light: float) -> None:
    bias = framelet_bias(detect(light, LOSSY, bias_dn), SQROOT, 1, lossy=True)
    assert bias.level_dn.mean() == pytest.approx(bias_dn, abs=1.5 * bias.sigma_dn.mean())
    assert bias.sigma_dn.max() < 0.4


def test_lit_pixels_do_not_leak_into_the_bias_of_lossy_strips() -> None:
    dark, lit = (framelet_bias(detect(light, LOSSY), SQROOT, 1, lossy=True) for light in (0.0, 900.0))
    np.testing.assert_allclose(lit.level_dn, dark.level_dn, atol=0.1)


def test_lit_ground_keeps_its_light_through_a_simulated_camera() -> None:
    codes = detect(15.0, LOSSLESS)
    values = code_values(SQROOT, framelet_bias(codes, SQROOT, 1))
    light = np.stack([row[plane] for row, plane in zip(values, codes, strict=True)])
    assert np.median(light[:, :, 100:1500].mean(axis=(1, 2))) == pytest.approx(15.0, abs=0.2)


def test_the_bias_of_a_real_lossless_strip_is_that_of_the_shares_of_its_codes(data: Path) -> None:
    raw = perijove.open_strip(data / "pj44" / "JNCE_2022229_44C00074_V01-raw.png").raw
    for band in raw.label.filters:
        codes = raw.framelets(band)
        bias = framelet_bias(codes, SQROOT, 1)
        # another way to the same: the share of the pixels above 0, for a sigma of 1.09, column by column
        share = np.median((codes[:, :, DARK] > 0).mean(axis=(0, 1)))
        levels = np.arange(-1.5, 1.0, 0.001)
        chance = np.array([phi((level - 0.5) / 1.09) for level in levels])
        assert np.median(bias.level_dn) == pytest.approx(np.interp(share, chance, levels), abs=0.1)
        values = code_values(SQROOT, bias)
        masked = np.stack([row[plane] for row, plane in zip(values, codes[:, :, DARK], strict=True)])
        assert abs(np.median(masked.mean(axis=(0, 1)))) < 0.15


def test_a_level_rounded_to_wide_steps_has_their_doubt() -> None:
    for level in (28.0, 30.0, 33.0):
        bias = framelet_bias(read_out(level, 4, "LIN8"), decompanding_table("LIN8"), 1)
        assert np.abs(bias.level_dn - level).max() < 2 * bias.sigma_dn.min() < 5.0


@pytest.mark.parametrize("mode", ["SQROOT", "LIN16"])
def test_codes_at_random_are_reckoned_with_at_no_great_cost(mode: str) -> None:
    codes = np.random.default_rng(0).integers(0, 256, (3, 128, SAMPLES)).astype(np.uint8)
    table = decompanding_table(mode)
    bias = framelet_bias(codes, table, 1)
    assert np.all((bias.level_dn > table[0]) & (bias.level_dn < table[255]))
    assert np.isfinite(bias.sigma_dn).all()


def ideal(light: float, mode: str, binning: int, bias_dn: float = 0.0) -> np.ndarray:
    """Codes of one filter under even light, DN, of a camera without any noise."""
    detector = replace(Detector.bare(), response={Filter.GREEN: 1.0}, bias_dn=bias_dn)
    plane = {Filter.GREEN: np.full((3, 128, SAMPLES), light, np.float32)}
    codes = expose(plane, detector, exposure_s=1.0, perijove=44, sun_distance_km=5.2 * 149597870.7, bit_mode=mode,
                   filters=[Filter.GREEN], binning=binning, compression=LOSSLESS).codes  # fmt: skip
    return codes.reshape(3, 128 // binning, SAMPLES // binning)


@pytest.mark.parametrize("mode", ["LIN1", "SQROOT"])
@pytest.mark.parametrize("binning", [1, 2])
@pytest.mark.parametrize("bias_dn", [-0.4, 0.0, 0.4, 3.0, 5.3])
def test_without_noise_the_level_is_the_masked_value_within_half_a_step(
    mode: str, binning: int, bias_dn: float
) -> None:
    table = decompanding_table(mode)
    codes = ideal(36.0, mode, binning, bias_dn)
    bias = framelet_bias(codes, table, binning)
    assert np.abs(bias.level_dn - bias_dn).max() <= 0.5
    np.testing.assert_allclose(bias.sigma_dn, 0.5, atol=0.01)


def test_light_of_an_ideal_strip_is_right_to_half_a_dn() -> None:
    codes = ideal(36.0, "LIN1", 1)
    values = code_values(LINEAR, framelet_bias(codes, LINEAR, 1))
    light = np.stack([row[plane] for row, plane in zip(values, codes, strict=True)])
    assert np.abs(light[:, :, LIT_SAMPLES] - 36.0).max() <= 0.5


def test_a_few_hits_do_not_make_noise_of_none() -> None:
    codes = ideal(36.0, "LIN1", 1)
    rng = np.random.default_rng(1)
    for plane in codes:
        plane[rng.integers(0, 128, 20), rng.choice(DARK, 20)] = rng.integers(1, 200, 20)
    assert np.abs(framelet_bias(codes, LINEAR, 1).level_dn).max() <= 0.5


@pytest.mark.parametrize("mode", ["LIN8", "LIN16"])
@pytest.mark.parametrize("hits", [0, 1, 3, 300])
def test_hits_in_a_coarse_mode_leave_the_prior(mode: str, hits: int) -> None:
    codes = np.zeros((4, 128, SAMPLES), np.uint8)
    rng = np.random.default_rng(hits)
    codes[rng.integers(0, 4, hits), rng.integers(0, 128, hits), rng.choice(DARK, hits)] = rng.integers(1, 30, hits)
    bias = framelet_bias(codes, decompanding_table(mode), 1)
    assert np.abs(bias.level_dn + 0.45).max() <= 0.3
    assert bias.sigma_dn.min() > 0.2


@pytest.mark.parametrize("level", [-0.9, -0.7])
def test_quiet_summed_columns_keep_their_level(level: float) -> None:
    codes = read_out(level, 9, binning=2)
    # hardly any lies above 0 here, noise or none
    assert np.mean(codes[:, :, dark_columns(2, SAMPLES // 2)] > 0) < 0.04
    bias = framelet_bias(codes, LINEAR, 2)
    assert bias.level_dn.mean() == pytest.approx(level, abs=0.15)
    assert bias.level_dn.max() < -0.4
