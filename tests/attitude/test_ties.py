"""Registration of patches against shifts planted by Fourier's theorem."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from perijove.attitude.ties import LEAST_CORRELATION, PATCH_PX, detail, match_patches


def clouds(seed: int, size: int = 384) -> np.ndarray:
    """A periodic picture of clouds from 3 px up, about 1."""
    rng = np.random.default_rng(seed)
    fine = gaussian_filter(rng.normal(size=(size, size)), 1.8, mode="wrap")
    broad = gaussian_filter(rng.normal(size=(size, size)), 6.0, mode="wrap")
    return 1.0 + 0.12 * fine / fine.std() + 0.1 * broad / broad.std()


def shifted(picture: np.ndarray, line: float, sample: float) -> np.ndarray:
    """The picture moved down by `line` and right by `sample`, by turning the phases of its waves."""
    k = np.fft.fftfreq(picture.shape[0])
    turn = np.exp(-2j * np.pi * (k[:, None] * line + k[None] * sample))
    return np.fft.ifft2(np.fft.fft2(picture) * turn).real


def planted(line: float, sample: float):
    first = clouds(1)
    second = shifted(first, line, sample)
    found = match_patches(first.astype(np.float32), second.astype(np.float32), np.ones(first.shape, bool))
    assert len(found.correlation) == (384 // (PATCH_PX // 2) - 1) ** 2
    assert found.correlation.min() > 0.6
    return found.shift - [line, sample]


@pytest.mark.parametrize(("line", "sample"), [(0.0, 0.0), (0.1, 0.05), (-0.15, 0.2), (0.3, -0.4), (1.0, -1.0)])
def test_planted_shifts(line, sample):
    error = planted(line, sample)
    assert np.max(np.abs(np.median(error, axis=0))) < 0.03
    assert np.max(error.std(axis=0)) < 0.06


@pytest.mark.parametrize(("line", "sample"), [(0.5, 0.5), (-1.25, 0.75), (2.6, -3.1), (5.0, 4.0)])
def test_larger_shifts_are_drawn_to_zero_a_little(line, sample):
    # by the window and by the parabola through the peak; measured again, with the pointing mended, they are small
    error = planted(line, sample)
    assert np.max(np.abs(np.median(error, axis=0))) < 0.05 + 0.02 * np.hypot(line, sample)


def test_noise_and_another_gain_do_not_bias():
    rng = np.random.default_rng(3)
    first = clouds(2)
    second = 0.4 * shifted(first, 0.4, -0.3) * np.linspace(0.5, 1.5, 384)
    noisy = [(p * (1 + rng.normal(0, 0.03, p.shape))).astype(np.float32) for p in (first, second)]
    found = match_patches(*noisy, np.ones(first.shape, bool))
    np.testing.assert_allclose(np.median(found.shift, axis=0), [0.4, -0.3], atol=0.03)


def test_other_clouds_do_not_correlate():
    found = match_patches(clouds(4).astype(np.float32), clouds(5).astype(np.float32), np.ones((384, 384), bool))
    assert np.mean(found.correlation > LEAST_CORRELATION) < 0.05


def test_only_whole_patches_are_used():
    first = clouds(6).astype(np.float32)
    usable = np.zeros(first.shape, bool)
    usable[100:228, 60:188] = True
    found = match_patches(first, first, usable)
    # corners on a grid of half patches: 128 to 164 down, 64 to 124 right
    corners = [[128, 64], [128, 96], [160, 64], [160, 96]]
    np.testing.assert_array_equal(found.centre, np.array(corners) + PATCH_PX / 2)
    np.testing.assert_allclose(found.shift, 0.0, atol=1e-3)
    nothing = match_patches(first, first, np.zeros(first.shape, bool))
    assert len(nothing.correlation) == 0
    assert nothing.shift.shape == (0, 2)


def test_detail_is_blind_to_gain_and_to_holes():
    picture = clouds(7).astype(np.float32)
    np.testing.assert_allclose(detail(3.0 * picture), detail(picture), atol=1e-4)
    flat = np.full((128, 128), 0.5, np.float32)
    flat[50:70, 50:70] = np.nan
    np.testing.assert_allclose(detail(flat), 0.0, atol=1e-4)


def test_flat_pictures_match_nothing():
    flat = np.full((128, 128), 0.5, np.float32)
    found = match_patches(flat, flat, np.ones(flat.shape, bool))
    assert not (found.correlation > LEAST_CORRELATION).any()
