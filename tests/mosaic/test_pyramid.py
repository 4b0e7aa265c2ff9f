"""Pyramids with gaps: what is alone comes back, constants stay, steps are spread, noise is averaged, detail is not."""

import numpy as np
import pytest

from perijove.mosaic.pyramid import LATTICE, LEVELS, REACH, SUMS, add_detail, blend, levels_of, noise_shares

H, W = 176, 208


def part(light, known=1.0, best=1.0, worth=0.0, variance=1.0, wide=1.0):
    """One look as `blend` takes it, every plane broadcast to that of the light (bands, h, w)."""
    shape = light.shape[1:]
    known, best, worth, variance, wide = (
        np.broadcast_to(np.float32(v), shape) for v in (known, best, worth, variance, wide)
    )
    planes = [
        *(np.where(known > 0, band, 0) for band in light),
        known,
        *(v * known for v in (best, worth, variance, wide)),
    ]
    return np.stack(planes).astype(np.float32)


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def test_a_look_alone_comes_back_around_its_gaps(rng):
    light = (100 + 10 * rng.normal(size=(2, H, W))).astype(np.float32)
    known = (rng.uniform(size=(H, W)) > 0.3).astype(np.float32)
    known[:, 150:] = 0
    known[60:66] = 0
    out = blend([part(light, known)], 1.0)
    on = known > 0
    np.testing.assert_allclose(out[:2, on], light[:, on], rtol=2e-6)
    assert np.isnan(out[:2, ~on]).all()
    np.testing.assert_allclose(out[3, on], 1.0, rtol=1e-5)


def test_constant_looks_have_no_rims():
    light = np.full((1, H, W), 7.0, np.float32)
    x = np.arange(W)[None, :]
    left, right = (x < 130) * np.ones((H, 1)), (x > 70) * np.ones((H, 1))
    best = x < 100
    out = blend([part(light, left, best), part(light, right, ~best)], 1.0)
    np.testing.assert_allclose(out[0], 7.0, rtol=1e-6)


def test_ramps_that_end_have_no_rims():
    # what a strip's edge cuts off must not bend what is blended there: both looks show the same ramp
    x = np.arange(W)[None, :] * np.ones((H, 1))
    light = (100 + x).astype(np.float32)[None]
    left, right = x < 130, x > 70
    weight = np.clip((130 - x) / 60, 0.001, 1)
    out = blend([part(light, left, x < 100, wide=weight), part(light, right, x >= 100, wide=1.001 - weight)], 1.0)
    # at the outer borders there is but one look, which comes back; between them the bend stays below 1 % of the ramp
    assert np.abs(out[0] - light[0]).max() < 0.5
    np.testing.assert_allclose(np.diff(out[0], axis=1), 1.0, atol=0.06)


def test_a_step_between_looks_is_spread_over_the_wide_seam():
    x = np.arange(W)[None, :] * np.ones((H, 1))
    low, high = np.full((1, H, W), 100.0, np.float32), np.full((1, H, W), 110.0, np.float32)
    weight = np.clip((170 - x) / 130, 0.0, 1.0)
    out = blend([part(low, x < 170, x < 104, wide=weight), part(high, x > 40, x >= 104, wide=1 - weight)], 1.0)[0]
    np.testing.assert_allclose(out[:, :20], 100.0, atol=0.02)
    np.testing.assert_allclose(out[:, 190:], 110.0, atol=0.02)
    # 10 over 130 px is 0.077 a pixel
    assert np.diff(out, axis=1).max() < 2 * 10 / 130
    assert np.diff(out, axis=1).min() > -1e-3


def test_noise_of_four_looks_falls_to_half(rng):
    looks = [(100 + rng.normal(size=(2, H, W))).astype(np.float32) for _ in range(4)]
    out = blend([part(light, best=float(k == 0), worth=1.0) for k, light in enumerate(looks)], 1.0)
    # 73,000 samples tell a standard deviation to 0.3 %; the test of what is noise lets a little through
    assert out[:2].std() == pytest.approx(0.5, rel=0.03)
    assert np.sqrt(out[3].mean()) == pytest.approx(0.5, rel=0.03)


def test_detail_above_noise_is_that_of_the_best_look_alone():
    y, x = np.mgrid[:H, :W]
    blob = [10 * np.exp(-((x - a) ** 2 + (y - 88) ** 2) / 8) for a in (100, 108)]
    looks = [(100 + b)[None].astype(np.float32) for b in blob]
    out = blend(
        [part(looks[0], best=1.0, worth=1.0, variance=1e-4), part(looks[1], best=0.0, worth=1.0, variance=1e-4)], 1.0
    )
    # of the other blob only its share of the coarsest level is left: 25 px^2 x 10 over some (2 x 16)^2 px
    assert np.abs(out[0] - looks[0][0]).max() < 10 * 25 / 32**2
    assert out[0, 88, 108] < 100.5


def test_what_is_wrong_in_another_look_is_not_taken_for_noise():
    # the best look is calm, another has a blob of 50 sigma where it should not: a mean by worth would hold 3.3 of its 5
    y, x = np.mgrid[:H, :W]
    calm = np.full((1, H, W), 1.0, np.float32)
    wrong = (1.0 + 5.0 * np.exp(-((x - 100) ** 2 + (y - 88) ** 2) / 32))[None].astype(np.float32)
    out = blend([part(calm, worth=0.5, variance=1e-2), part(wrong, best=0.0, worth=1.0, variance=1e-2, wide=0.0)], 1.0)
    assert np.abs(out[0] - 1.0).max() < 0.2


@pytest.mark.parametrize("native", [1.0, 1.6])
def test_shares_of_noise(native, rng):
    shares = noise_shares(native)
    assert len(shares) == LEVELS + 1
    # octaves overlap: together they hold a little less than all
    assert 0.85 < sum(shares) <= 1.0
    if native > 1.0:
        assert shares[0] < noise_shares(1.0)[0]
        return
    levels = levels_of(part(rng.normal(size=(1, H, W)).astype(np.float32)))
    for level in range(2):
        sums = np.zeros((*levels[level].shape[1:], SUMS + 2), np.float32)
        add_detail(levels[level], levels[level + 1], 1, sums)
        detail = (sums[..., SUMS] / sums[..., 0])[8:-8, 8:-8]
        assert detail.var() == pytest.approx(shares[level], rel=0.08)


def test_a_part_from_the_lattice_on_has_the_same_bits(rng):
    looks = [(100 + rng.normal(size=(1, H, W))).astype(np.float32) for _ in range(2)]
    best = rng.uniform(size=(H, W)) > 0.5
    parts = [part(looks[0], best=best, worth=0.7), part(looks[1], best=~best, worth=1.0)]
    whole = blend(parts, 1.0)
    cut = blend([np.ascontiguousarray(p[:, 2 * LATTICE :, LATTICE:-LATTICE]) for p in parts], 1.0)
    np.testing.assert_array_equal(
        cut[:, REACH:, REACH:-REACH], whole[:, 2 * LATTICE + REACH :, LATTICE + REACH : -LATTICE - REACH]
    )
