import numpy as np
import pytest

from perijove.calibrate.bias import dark_columns, framelet_bias, lit_columns
from perijove.instrument import DARK_SAMPLES, LIT_SAMPLES, SAMPLES

LINEAR = np.arange(256, dtype=np.float32)


def test_dark_columns_are_those_of_the_instrument() -> None:
    expected = np.r_[DARK_SAMPLES[0], DARK_SAMPLES[1]]
    np.testing.assert_array_equal(dark_columns(1, SAMPLES), expected)


def test_a_summed_column_is_dark_or_lit_only_where_both_of_its_halves_are() -> None:
    dark, lit = dark_columns(2, SAMPLES // 2), np.arange(SAMPLES // 2)[lit_columns(2)]
    native_dark, native_lit = set(dark_columns(1, SAMPLES)), set(range(SAMPLES)[LIT_SAMPLES])
    assert all({2 * c, 2 * c + 1} <= native_dark for c in dark)
    assert all({2 * c, 2 * c + 1} <= native_lit for c in lit)
    assert len(dark) >= 12
    assert len(lit) == 803


def test_bias_is_the_mean_of_the_masked_columns_and_blind_to_the_light() -> None:
    codes = np.full((6, 128, SAMPLES), 200, np.uint8)
    codes[:, :, dark_columns(1, SAMPLES)] = 7
    # every other line one code up: the mean is 7.5, which no median can tell
    codes[:, ::2, dark_columns(1, SAMPLES)] = 8
    np.testing.assert_allclose(framelet_bias(codes, LINEAR, 1), 7.5)


def test_a_few_hot_pixels_hardly_move_the_bias() -> None:
    codes = np.full((6, 128, SAMPLES), 5, np.uint8)
    codes[2, :30, 10] = 255
    bias = framelet_bias(codes, LINEAR, 1)
    # 30 of 3840 samples, each drawn in to 3 above the median: 0.024
    assert bias[2] == pytest.approx(5 + 30 * 3 / 3840, abs=1e-6)


def test_a_framelet_with_contaminated_columns_takes_the_bias_of_its_neighbours() -> None:
    codes = np.full((9, 128, SAMPLES), 5, np.uint8)
    codes[4] = 40
    np.testing.assert_allclose(framelet_bias(codes, LINEAR, 1), 5.0)


def test_a_slow_drift_is_followed() -> None:
    codes = np.repeat(np.arange(10, 20, dtype=np.uint8), 128 * SAMPLES).reshape(10, 128, SAMPLES)
    bias = framelet_bias(codes, LINEAR, 1)
    np.testing.assert_allclose(bias[2:-2], np.arange(12, 18))


def test_no_framelets_have_no_bias() -> None:
    assert framelet_bias(np.empty((0, 128, SAMPLES), np.uint8), LINEAR, 1).shape == (0,)
