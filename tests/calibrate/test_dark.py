from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import perijove
from perijove.calibrate.bias import code_values, framelet_bias
from perijove.calibrate.dark import dark_structure, fixed_part, shrunk
from perijove.calibrate.decompand import decompanding_table
from perijove.calibrate.sky import find_sky
from perijove.instrument import SAMPLES

RAMP = np.arange(256, dtype=np.float32)
LEVEL = 20.0


def structure(light: np.ndarray, seed: int = 0, noise: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Offsets and sigmas found in framelets of this light, DN, read with noise on a high level."""
    rng = np.random.default_rng(seed)
    number = np.rint(light + LEVEL + noise * rng.standard_normal(light.shape))
    codes = np.clip(number, 0, 255).astype(np.uint8)
    values = np.tile(RAMP - np.float32(LEVEL), (len(codes), 1))
    extra = np.zeros(codes.shape[1:], np.float32)
    dark = dark_structure(codes, values, extra, find_sky(codes, values, extra, SAMPLES // codes.shape[2]))
    return dark.offset_dn, dark.sigma_dn


def test_hot_columns_are_found_at_their_strength() -> None:
    light = np.zeros((10, 128, SAMPLES), np.float32)
    light[:, :, [100, 700, 1500]] = 1.5
    offset, sigma = structure(light)
    np.testing.assert_allclose(offset[:, [100, 700, 1500]], 1.5, atol=0.15)
    others = np.delete(offset[:, 30:1620], [70, 670, 1470], axis=1)
    assert np.sqrt(np.mean(others**2)) < 0.02
    assert sigma.max() < 0.1


def test_faint_columns_are_told_to_their_own_noise() -> None:
    truth = np.random.default_rng(5).normal(0, 0.05, SAMPLES).astype(np.float32)
    light = np.broadcast_to(truth, (30, 128, SAMPLES))
    offset, sigma = structure(light)
    seen = slice(48, 1600)
    assert np.corrcoef(offset[0, seen], truth[seen])[0, 1] > 0.9
    left = offset[0, seen] - truth[seen]
    # a whole 1 / sqrt(30 x 128) = 0.016 of noise, and as much again from the median beside it
    assert np.std(left) < 0.03
    assert 0.01 < np.median(sigma[:, seen]) < 0.03


def test_a_column_that_is_hot_from_a_line_on_is_left_alone_above_it() -> None:
    light = np.zeros((12, 128, SAMPLES), np.float32)
    light[:, 50:, 400] = 2.0
    offset, _ = structure(light)
    np.testing.assert_allclose(offset[53:, 400], 2.0, atol=0.2)
    np.testing.assert_allclose(offset[:47, 400], 0.0, atol=0.2)


def test_lines_that_stand_off_are_found() -> None:
    light = np.zeros((12, 128, SAMPLES), np.float32)
    light[:, 0], light[:, 1] = -0.4, -0.2
    offset, _ = structure(light)
    np.testing.assert_allclose(offset[:2, 200:1400].mean(axis=1), [-0.4, -0.2], atol=0.03)
    assert np.abs(offset[2:, 200:1400].mean(axis=1)).max() < 0.02


def test_even_sky_is_left_alone() -> None:
    offset, _ = structure(np.zeros((12, 128, SAMPLES), np.float32))
    assert np.sqrt(np.mean(offset**2)) < 0.01
    assert np.mean(offset != 0) < 1.0 or np.abs(offset).max() < 0.05


@pytest.mark.parametrize("light", [300.0, 12.0])
def test_without_sky_nothing_is_said(light: float) -> None:
    plane = np.full((6, 128, SAMPLES), light, np.float32)
    plane[:, :, 500] += 3
    offset, _ = structure(plane)
    np.testing.assert_array_equal(offset, 0)


def test_too_few_framelets_tell_nothing() -> None:
    light = np.zeros((3, 128, SAMPLES), np.float32)
    light[:, :, 700] = 3
    np.testing.assert_array_equal(structure(light)[0], 0)


def test_no_framelets_are_no_error() -> None:
    assert structure(np.zeros((0, 128, SAMPLES), np.float32))[0].shape == (128, SAMPLES)


def test_smooth_stray_light_is_no_structure() -> None:
    along = 2.0 * np.exp(-(((np.arange(SAMPLES) - 900) / 250.0) ** 2)).astype(np.float32)
    offset, _ = structure(np.broadcast_to(along, (10, 128, SAMPLES)))
    wide = np.convolve(offset.mean(axis=0), np.ones(64) / 64, "same")[100:-100]
    assert np.abs(wide).max() < 0.03


def test_stars_and_hits_are_no_structure() -> None:
    light = np.zeros((10, 128, SAMPLES), np.float32)
    rng = np.random.default_rng(2)
    for plane in light:
        plane[rng.integers(0, 128, 60), rng.integers(0, SAMPLES, 60)] = 150.0
    light[:, 60:63, 800] = 100.0
    assert np.abs(structure(light)[0]).max() < 0.15


def test_summed_framelets_have_their_columns_too() -> None:
    light = np.zeros((10, 64, SAMPLES // 2), np.float32)
    light[:, :, 333] = 2.0
    offset, _ = structure(light)
    np.testing.assert_allclose(offset[:, 333], 2.0, atol=0.25)


def test_the_median_framelet_is_the_fixed_part() -> None:
    sums = np.array([[100.0], [100.0], [200.0], [900.0], [200.0]], np.float32)
    middle, error, told = fixed_part(sums, np.full((5, 1), 100, np.int32), 48)
    assert middle[0] == 2.0
    assert error[0] > 0
    assert told[0]


@settings(deadline=None, max_examples=30)
@given(st.floats(0.01, 1.0), st.integers(0, 1000))
def test_shrinking_never_enlarges_nor_turns_a_departure(noise: float, seed: int) -> None:
    value = np.random.default_rng(seed).normal(0, 0.2, 200).astype(np.float32)
    value[::2] = 0
    out, sigma = shrunk(value, np.full(200, noise, np.float32), np.ones(200, np.bool_))
    assert np.all(np.abs(out) <= np.abs(value - np.median(value)) + np.abs(value).max())
    assert np.all(sigma <= noise + 1e-6)


def test_stripes_leave_the_dark_sky_of_a_real_strip(data: Path) -> None:
    raw = perijove.open_strip(data / "pj44" / "JNCE_2022229_44C00074_V01-raw.png").raw
    table = decompanding_table("SQROOT")
    extra = np.zeros((128, SAMPLES), np.float32)
    for band in raw.label.filters:
        codes = raw.framelets(band)
        values = code_values(table, framelet_bias(codes, table, 1))
        # the structure of every other framelet, taken off the rest
        sky = find_sky(codes[::2], values[::2], extra, 1)
        dark = dark_structure(codes[::2], values[::2], extra, sky)
        clear = find_sky(codes[1::2], values[1::2], extra, 1).clear.repeat(16, axis=1).repeat(16, axis=2)
        light = np.stack([row[plane] for row, plane in zip(values[1::2], codes[1::2], strict=True)])
        before, after = (stripes(one, clear) for one in (light, light - dark.offset_dn))
        assert after < 0.7 * before


def stripes(light: np.ndarray, clear: np.ndarray) -> float:
    """Rms of the columns of dark sky about those beside them, DN."""
    sky = np.where(clear, np.clip(light, -3, 6), 0).sum(axis=(0, 1))[32:1616]
    mean = sky / np.maximum(clear.sum(axis=(0, 1))[32:1616], 1)
    return float(np.std(mean - np.convolve(mean, np.ones(9) / 9, "same")))
