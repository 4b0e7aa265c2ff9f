import numpy as np
import pytest

from perijove.flatfield.detail import (
    Halves,
    Sums,
    believe,
    clipped_stats,
    relative_detail,
    restore_detail,
    smooth_plane,
    wiener,
)
from perijove.instrument import LIT_SAMPLES

LIT = np.zeros((128, 1648), bool)
LIT[:, LIT_SAMPLES] = True


def test_clipped_mean_leaves_a_hit_and_nan_out():
    values = np.array([1.0, 1.1, 0.9, 1.05, 0.95, 50.0, np.nan], np.float32)[:, None, None]
    count, mean, scatter = clipped_stats(values, 4.0)
    assert count[0, 0] == 5
    assert mean[0, 0] == pytest.approx(1.0, abs=1e-6)
    assert scatter[0, 0] == pytest.approx(0.1**2 * 2 + 0.05**2 * 2, rel=1e-5)


def test_what_no_framelet_saw_has_no_mean():
    sums = Sums.empty(2, 2).plus(np.full((3, 2, 2), np.nan, np.float32))
    assert np.isnan(sums.mean()).all()
    assert (sums.n == 0).all()


def test_strips_weigh_by_how_little_they_scatter():
    rng = np.random.default_rng(1)
    quiet = rng.normal(1.0, 0.01, (20, 30, 30)).astype(np.float32)
    loud = rng.normal(2.0, 0.1, (20, 30, 30)).astype(np.float32)
    both = Sums.empty(30, 30).plus(quiet).plus(loud)
    assert both.mean().mean() == pytest.approx((1.0 * 100 + 2.0) / 101, abs=2e-3)
    assert (both + Sums.empty(30, 30)).n.sum() == both.n.sum()


def test_a_straight_slope_has_no_detail_even_at_the_ends_of_the_lines():
    plane = np.where(LIT, 500.0 + 0.2 * np.arange(1648), 0).astype(np.float32)
    smooth, _ = smooth_plane(plane, LIT)
    inner = smooth[40:88, LIT_SAMPLES]
    assert np.abs(inner / plane[40:88, LIT_SAMPLES] - 1).max() < 1e-3


def test_detail_of_a_spot_is_restored():
    flat = np.ones((128, 1648))
    line, sample = np.mgrid[:128, :1648]
    flat *= 1 - 0.4 * np.exp(-((line - 60) ** 2 + (sample - 700) ** 2) / (2 * 1.2**2))
    light = np.where(LIT, 800.0 * flat, np.nan).astype(np.float32)[None]
    mean = relative_detail(light, 800.0)[0].astype(float)
    # what the surroundings lose to the spot is put back
    assert abs(mean[60, 700] + 0.4) > abs(restore_detail(mean, np.ones((128, 1648)))[60, 700] + 0.4)
    assert restore_detail(mean, np.ones((128, 1648)))[60, 700] == pytest.approx(-0.4, abs=0.002)


def test_wiener_keeps_a_signal_and_drops_noise():
    rng = np.random.default_rng(2)
    signal, noise, other = rng.normal(0, 1, 1600), *rng.normal(0, 0.2, (2, 1600))
    kept, error = wiener(signal + noise, other)
    assert np.std(kept - signal) == pytest.approx(float(np.mean(error)), rel=0.15)
    dropped, _ = wiener(noise, other)
    assert np.std(dropped) < 0.4 * np.std(noise)


def test_columns_and_spots_are_believed_and_noise_is_not():
    rng = np.random.default_rng(3)
    truth = np.broadcast_to(rng.normal(0, 0.01, 400), (128, 400)).copy()
    truth[50:53, 200:203] -= 0.3
    halves = [truth + rng.normal(0, 0.02, truth.shape) for _ in range(2)]
    weight = np.full(truth.shape, 0.02**-2)
    found = believe(Halves(*halves, weight, weight))
    error = found.pattern - truth
    assert np.sqrt(np.mean(error**2)) < 0.004
    assert found.pattern[51, 201] == pytest.approx(truth[51, 201], abs=0.06)
    chi = error / found.sigma
    assert 0.5 < np.sqrt(np.mean(chi**2)) < 2.0


def test_pure_noise_of_one_half_is_not_believed():
    rng = np.random.default_rng(4)
    noise = rng.normal(0, 0.01, (128, 400))
    noise[40, 50] = 1.5
    weight, none = np.full(noise.shape, 1e4), np.zeros(noise.shape)
    unseen = np.full(noise.shape, np.nan)
    for halves in (Halves(noise, unseen, weight, none), Halves(unseen, noise, none, weight)):
        found = believe(halves, 0.003)
        assert not found.pattern.any()
        # what is not known may be anything that was seen
        np.testing.assert_allclose(found.sigma, 0.01, rtol=0.05)
        assert not found.judged.any()


def test_where_nothing_was_seen_the_prior_scatter_is_the_sigma():
    unseen, none = np.full((128, 400), np.nan), np.zeros((128, 400))
    found = believe(Halves(unseen, unseen, none, none), 0.003)
    assert not found.pattern.any()
    np.testing.assert_array_equal(found.sigma, 0.003)


def test_where_one_half_is_empty_in_part_only_the_rest_is_believed():
    rng = np.random.default_rng(5)
    truth = np.broadcast_to(rng.normal(0, 0.02, 400), (128, 400))
    first, second = (truth + rng.normal(0, 0.01, truth.shape) for _ in range(2))
    weight = np.full(truth.shape, 1e4)
    part = weight.copy()
    part[:, 300:], second[:, 300:] = 0.0, np.nan
    found = believe(Halves(first, second, weight, part), 0.003)
    np.testing.assert_array_equal(found.judged, part > 0)
    assert np.std((found.pattern - truth)[:, :300]) < 0.004
    assert not found.pattern[:, 300:].any()
    assert 0.01 < found.sigma[:, 300:].min() <= found.sigma[:, 300:].max() < 0.04
