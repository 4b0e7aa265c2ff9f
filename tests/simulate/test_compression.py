from pathlib import Path

import numpy as np
import pytest
import scipy.fft
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from perijove.errors import UsageError
from perijove.io.finder import open_strip
from perijove.simulate.compression import STEP, compress

Codes = NDArray[np.uint8]


def noisy(lines: int, samples: int, level: float, sigma: float, seed: int = 0) -> Codes:
    noise = np.random.default_rng(seed).normal(level, sigma, (lines, samples))
    return np.clip(np.rint(noise), 0, 255).astype(np.uint8)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 40))
def test_a_step_near_zero_loses_nothing(seed: int, lines: int, samples: int) -> None:
    codes = np.random.default_rng(seed).integers(0, 256, (lines, samples), dtype=np.uint8)
    for step in (0.0, 1e-3):
        np.testing.assert_array_equal(compress(codes, step), codes)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.5, 20.0), st.floats(0.0, 60.0))
def test_the_error_is_bounded_by_the_steps(seed: int, step: float, sigma: float) -> None:
    # an orthonormal transform keeps lengths: at most a step in 255 of 256 coefficients, and 0.5 code by
    # rounding; clipping to the range of the codes only brings nearer
    codes = noisy(64, 48, 128.0, sigma, seed)
    error = compress(codes, step).astype(float) - codes
    blocks = error.reshape(4, 16, 3, 16)
    rms = np.sqrt(np.mean(blocks**2, axis=(1, 3)))
    assert rms.max() <= step * np.sqrt(255 / 256) + 0.5


def test_even_blocks_and_one_wave_come_back_as_reckoned_by_hand() -> None:
    even = np.repeat(np.arange(6, dtype=np.uint8) * 50, 16)[None].repeat(16, axis=0)
    np.testing.assert_array_equal(compress(even, 8.0), even)
    # one pixel of 12 codes has no coefficient above 12 / 8 = 1.5: nothing is left of it but the mean of 12 / 256
    lone = np.zeros((16, 16), np.uint8)
    lone[3, 5] = 12
    assert not compress(lone, 8.0).any()
    assert compress(lone, 0.01)[3, 5] == 12


def test_a_wave_alone_is_kept_and_what_is_too_little_is_not() -> None:
    wave = np.cos(np.pi * (np.arange(16) + 0.5) * 3 / 16)
    # rms 10 / sqrt(2): a coefficient of 113 codes at (0, 3), that is 28 steps of 4
    strong = np.rint(100 + 10 * wave)[None].repeat(16, axis=0).astype(np.uint8)
    assert np.abs(compress(strong, 4.0).astype(int) - strong).max() <= 2
    # one coefficient of 11.3 codes, two steps: less than a block is left with
    faint = np.zeros((1, 16, 1, 16))
    faint[0, 0, 0, 3] = 11.3
    codes = np.rint(100 + scipy.fft.idctn(faint, axes=(1, 3), norm="ortho")[0, :, 0]).astype(np.uint8)
    assert np.ptp(codes) > 0
    assert np.ptp(compress(codes, 5.6)) == 0


def left_in_quiet_blocks(codes: Codes) -> NDArray[np.float64]:
    """Shares (3,) of the coefficients left in blocks with 6 to 24 of them: within radii of 6, 6 to 12, and beyond."""
    blocks = codes.reshape(len(codes) // 16, 16, -1, 16).astype(float)
    left = np.rint(scipy.fft.dctn(blocks, axes=(1, 3), norm="ortho") / STEP) != 0
    left[:, 0, :, 0] = False
    left = left.swapaxes(1, 2).reshape(-1, 16, 16)
    count = left.sum(axis=(1, 2))
    radius = np.hypot(*np.mgrid[:16, :16])
    share = left[(count >= 6) & (count < 25)].mean(axis=0)
    rings = ((radius > 0) & (radius < 6), (radius >= 6) & (radius < 12), radius >= 12)
    return np.array([share[ring].mean() for ring in rings])


def test_quiet_blocks_lose_their_high_frequencies_as_those_of_real_strips(data: Path) -> None:
    lossless = open_strip(data / "pj44/JNCE_2022229_44C00074_V01-raw.png").raw.codes
    lossy = open_strip(data / "pj43/JNCE_2022186_43C00078_V01-raw.png").raw.codes
    # by rounding alone a coefficient would be left as often everywhere
    np.testing.assert_allclose(left_in_quiet_blocks(compress(lossless)), left_in_quiet_blocks(lossy), atol=0.1)
    assert left_in_quiet_blocks(lossy)[2] < 0.01
    assert left_in_quiet_blocks(compress(lossless))[2] < 0.02


def test_blocks_are_independent_and_start_at_the_corner() -> None:
    codes = noisy(32, 40, 100.0, 5.0)
    changed = codes.copy()
    changed[16:, 16:32] = 200
    a, b = compress(codes), compress(changed)
    same = np.ones(codes.shape, bool)
    same[16:, 16:32] = False
    np.testing.assert_array_equal(a[same], b[same])
    # the last eight samples are half a block: they come back as they would from the whole one
    whole = np.concatenate([codes, np.repeat(codes[:, -1:], 8, axis=1)], axis=1)
    np.testing.assert_array_equal(compress(whole)[:, :40], a)


def test_long_strips_are_done_as_short_ones() -> None:
    codes = noisy(2 * 1024 + 128, 32, 60.0, 3.0)
    np.testing.assert_array_equal(compress(codes)[1024 - 64 : 1024 + 64], compress(codes[1024 - 64 : 1024 + 64]))


def test_quiet_blocks_lose_all_their_noise_and_busy_ones_keep_theirs() -> None:
    quiet, busy = noisy(160, 160, 80.0, 0.3), noisy(160, 160, 80.0, 3.0)
    assert compress(quiet).std() < 0.5 * quiet.std()
    assert compress(busy).std() == pytest.approx(busy.std(), rel=0.05)


@pytest.mark.parametrize("step", [-1.0, float("nan"), float("inf")])
def test_an_impossible_step_is_refused(step: float) -> None:
    with pytest.raises(UsageError, match="step of the compression"):
        compress(noisy(16, 16, 9.0, 1.0), step)


def comb(codes: Codes, step: float) -> float:
    """How well (1: perfectly) the coefficients of well exposed blocks stand on multiples of a step."""
    blocks = codes.reshape(len(codes) // 16, 16, -1, 16).swapaxes(1, 2).reshape(-1, 16, 16).astype(float)
    good = (blocks.min(axis=(1, 2)) > 12) & (blocks.max(axis=(1, 2)) < 245)
    part = scipy.fft.dctn(blocks[good], axes=(1, 2), norm="ortho")[:, 2:8, 2:8].ravel()
    part = part[(abs(part) > step / 2) & (abs(part) < 20)]
    return float(abs(np.exp(2j * np.pi * part / step).mean()))


@pytest.mark.parametrize("name", ["44C00029", "44C00030"])
def test_real_strips_were_coded_with_the_same_step(data: Path, name: str) -> None:
    codes = open_strip(data / f"pj44/JNCE_2022229_{name}_V01-raw.png").raw.codes
    steps = np.arange(1.6, 2.5, 0.02)
    strengths = [comb(codes, step) for step in steps]
    best = int(np.argmax(strengths))
    assert steps[best] == pytest.approx(STEP, abs=0.03)
    # whole codes blur the comb by exp(-2 pi^2 (1/12) / 2.016^2) = 0.667
    assert strengths[best] == pytest.approx(0.667, abs=0.03)


def test_a_lossless_strip_coded_here_looks_like_the_lossy_ones(data: Path) -> None:
    lossless = open_strip(data / "pj44/JNCE_2022229_44C00074_V01-raw.png").raw.codes
    assert comb(lossless, STEP) < 0.4
    assert comb(compress(lossless), STEP) == pytest.approx(0.667, abs=0.04)
