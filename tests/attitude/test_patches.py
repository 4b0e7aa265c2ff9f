"""Patches sought in another picture: shifts planted by Fourier's theorem, their errors, and what is refused."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from perijove.attitude.patches import LEAST_CORRELATION, Found, agreeing, seek, structure

PATCH, REACH = 48, 10


def ground(seed: int, size: int = 256) -> np.ndarray:
    """A periodic picture with structure from 3 px up, about 1."""
    rng = np.random.default_rng(seed)
    fine = gaussian_filter(rng.normal(size=(size, size)), 1.8, mode="wrap")
    broad = gaussian_filter(rng.normal(size=(size, size)), 6.0, mode="wrap")
    return 1.0 + 0.12 * fine / fine.std() + 0.1 * broad / broad.std()


def shifted(picture: np.ndarray, line: float, sample: float) -> np.ndarray:
    """The picture moved down by `line` and right by `sample`, by turning the phases of its waves."""
    k = np.fft.fftfreq(picture.shape[0])
    turn = np.exp(-2j * np.pi * (k[:, None] * line + k[None] * sample))
    return np.fft.ifft2(np.fft.fft2(picture) * turn).real


def sought(first: np.ndarray, second: np.ndarray, known: np.ndarray | None = None) -> Found:
    """Patches of the one in the other, which goes round and so has a border."""
    wide = np.pad(second, REACH, mode="wrap").astype(np.float32)
    have = np.ones(first.shape, bool)
    there = np.isfinite(wide) if known is None else np.pad(known, REACH, mode="wrap")
    return seek(structure(first.astype(np.float32)), have, structure(wide), there, PATCH, REACH)


@pytest.mark.parametrize(("line", "sample"), [(0.0, 0.0), (0.3, -0.4), (2.5, -7.25), (-8.6, 8.1)])
def test_planted_shifts(line, sample):
    first = ground(1)
    found = sought(first, shifted(first, line, sample))
    assert len(found) == (256 // (PATCH // 2) - 1) ** 2
    error = found.shift - [line, sample]
    assert np.max(np.abs(np.median(error, axis=0))) < 0.03
    assert np.max(error.std(axis=0)) < 0.05
    assert agreeing(found, first.shape).all()


def test_errors_are_told():
    # the same ground, with noise of its own, in another light and with another gain
    first, rng = ground(2), np.random.default_rng(3)
    second = 40.0 * shifted(first, 0.4, -0.3) * np.linspace(0.5, 1.5, 256)
    noisy = [p * (1.0 + rng.normal(0.0, 0.25, p.shape)) for p in (first, second)]
    found = sought(*noisy)
    assert len(found) > 60
    error = found.shift - [0.4, -0.3]
    square = np.einsum("ni,nij,nj->n", error, np.linalg.inv(found.covariance), error)
    # the mean of chi squared of two numbers is 2
    assert 1.0 < square.mean() < 4.0
    assert 0.05 < np.sqrt(np.mean(found.covariance[:, 0, 0])) < 0.5


def test_beyond_the_search_and_on_other_ground_nothing_agrees():
    first = ground(4)
    for second in (shifted(first, 0.0, 15.0), ground(5)):
        found = sought(first, second)
        assert len(found) < 8
        assert (found.correlation >= LEAST_CORRELATION).all()
        assert not agreeing(found, first.shape).any()


def test_what_repeats_is_refused():
    y, x = np.mgrid[:256, :256]
    waves = 1.0 + 0.2 * np.cos(2 * np.pi * x / 8.0) * np.cos(2 * np.pi * y / 8.0)
    assert len(sought(waves, waves)) == 0
    flat = np.full((256, 256), 0.5)
    assert len(sought(flat, flat)) == 0


def test_a_band_along_the_lines_is_no_place():
    # Jupiter's belts without clouds: nothing tells the longitude
    belts = 1.0 + 0.2 * gaussian_filter(np.random.default_rng(6).normal(size=256), 2.0)[:, None] * np.ones(256)
    assert len(sought(belts, belts)) == 0


def test_patches_lie_on_known_ground():
    first = ground(7)
    known = np.ones(first.shape, bool)
    known[:, 128:] = False
    found = sought(first, first, known)
    assert len(found)
    assert found.centre[:, 1].max() <= 128 - PATCH / 2
    holed = first.copy()
    holed[:100] = np.nan
    np.testing.assert_array_equal(structure(holed.astype(np.float32))[:100], 0.0)


def planted(count: int, wrong: int) -> tuple[Found, np.ndarray]:
    """Shifts that change linearly over a picture, some of them replaced by chance."""
    rng = np.random.default_rng(8)
    centre = rng.uniform(0, 600, (count, 2))
    y, x = (centre.T - 300) / 300
    shift = np.stack([3.0 + 5.0 * x - y, -8.0 + 4.0 * y], axis=-1) + rng.normal(0, 0.1, (count, 2))
    bad = np.arange(count) < wrong
    shift[bad] = rng.uniform(-20, 20, (wrong, 2))
    return Found(centre, shift, np.tile(0.01 * np.eye(2), (count, 1, 1)), np.full(count, 0.6)), ~bad


@pytest.mark.parametrize(("count", "wrong"), [(20, 3), (60, 20), (200, 80)])
def test_outliers_are_left_out(count, wrong):
    found, good = planted(count, wrong)
    kept = agreeing(found, (600, 600))
    assert not (kept & ~good).sum() > 0.02 * count
    assert kept[good].mean() > 0.95


def test_chance_does_not_agree():
    for wrong in (1, 2, 5, 40):
        found, _ = planted(wrong, wrong)
        assert not agreeing(found, (600, 600)).any()
