"""Merging a few looks by hand: the heaviest, means, medians, and their sigmas."""

import numpy as np
import pytest

from perijove.mosaic.merge import Mode, Stack, merge

SHAPE = (32, 48)


def stack(light, choice, sigma=1.0, worth=None):
    """Looks (n, bands) of constant light, NaN where a look has none of it."""
    light = np.asarray(light, np.float32)
    planes = np.broadcast_to(light[..., None, None], (*light.shape, *SHAPE)).copy()
    weights = np.broadcast_to(np.asarray(choice, np.float32)[:, None, None], (len(light), *SHAPE)).copy()
    worth = weights.copy() if worth is None else np.full_like(weights, worth)
    sigmas = np.broadcast_to(np.asarray(sigma, np.float32).reshape(-1, 1, 1, 1), planes.shape).copy()
    return Stack(planes, sigmas, weights, worth)


def test_the_best_is_the_heaviest_that_has_all_bands():
    made = merge(stack([[1, 2], [3, np.nan], [5, 6]], [0.2, 0.9, 0.5]), Mode.BEST, 1.0)
    np.testing.assert_array_equal(made.light, np.broadcast_to(np.array([5, 6], np.float32)[:, None, None], (2, *SHAPE)))
    assert (made.best == 2).all()
    assert (made.count == 3).all()


def test_some_bands_are_better_than_none():
    made = merge(stack([[np.nan, 2], [3, np.nan]], [0.2, 0.9]), Mode.BEST, 1.0)
    assert (made.light[0] == 3).all()
    assert (made.light[1] == 2).all()


def test_means_and_their_sigma():
    made = merge(stack([[2.0], [4.0], [np.nan]], [3.0, 1.0, 5.0], sigma=[1.0, 2.0, 1.0]), Mode.MEAN, 1.0)
    np.testing.assert_allclose(made.light, 2.5)
    np.testing.assert_allclose(made.sigma, np.sqrt(0.75**2 + 0.25**2 * 4), rtol=1e-6)
    assert (made.count == 2).all()


@pytest.mark.parametrize(
    ("values", "middle", "loss"),
    [([3.0], 3.0, 1.0), ([3.0, 5.0], 4.0, 1.0), ([3.0, 50.0, 4.0], 4.0, 3 * np.pi / (4 + np.pi))],
)
def test_medians_and_their_sigma(values, middle, loss):
    made = merge(stack([[v] for v in values], [1.0] * len(values)), Mode.MEDIAN, 1.0)
    np.testing.assert_allclose(made.light, middle)
    np.testing.assert_allclose(made.sigma, np.sqrt(loss / len(values)), rtol=1e-6)


def test_sigma_of_a_median_by_experiment():
    values = np.random.default_rng(2).normal(size=(5, 1, 60, 70)).astype(np.float32)
    one = np.ones((5, 60, 70), np.float32)
    made = merge(Stack(values, np.ones_like(values), one, one.copy()), Mode.MEDIAN, 1.0)
    # 4200 medians tell their scatter to 1.1 %; the formula is good to some per cent for so few
    assert made.light.std() == pytest.approx(made.sigma.mean(), rel=0.06)


@pytest.mark.parametrize("mode", list(Mode))
def test_nobody_saw(mode):
    made = merge(stack([[np.nan], [np.nan]], [1.0, 1.0]), mode, 1.0)
    assert np.isnan(made.light).all()
    assert np.isnan(made.sigma).all()
    assert (made.best == -1).all()
    assert (made.count == 0).all()


@pytest.mark.parametrize("mode", list(Mode))
def test_one_look_is_itself(mode):
    made = merge(stack([[4.0, 7.0]], [0.3], sigma=0.5), mode, 1.0)
    np.testing.assert_allclose(made.light[0], 4.0, rtol=1e-6)
    np.testing.assert_allclose(made.light[1], 7.0, rtol=1e-6)
    np.testing.assert_allclose(made.sigma, 0.5, rtol=1e-5)


def starry(share, moon=0.0):
    """Three looks (worth 1, 1/2, 1/2) at a point of light, each with noise of its own; their blend and their light."""
    light = np.random.default_rng(4).normal(0.0, 0.05, (3, 1, *SHAPE)).astype(np.float32)
    light[:, 0, 15:18, 23:26] += np.array([[0.1, 0.3, 0.1], [0.3, 0.9, 0.3], [0.1, 0.3, 0.1]], np.float32)
    # what only the best look has there
    light[0, 0, 6:12, 34:42] += moon
    worth = np.broadcast_to(np.array([1.0, 0.5, 0.5], np.float32)[:, None, None], (3, *SHAPE))
    stars = np.full(SHAPE, share, np.float32)
    stack = Stack(light, np.full_like(light, 0.05), worth.copy(), worth.copy(), None, stars)
    return merge(stack, Mode.BLEND, 1.0), light[:, 0]


def test_stars_are_the_mean_of_all_looks():
    best, light = starry(0.0)
    mean, _ = starry(1.0)
    core = np.s_[15:18, 23:26]
    np.testing.assert_allclose(best.light[0][core], light[0][core], atol=0.03)
    # looks that are not the best count for a thousandth more than their worth
    np.testing.assert_allclose(mean.light[0][core], np.average(light, axis=0, weights=[2, 1, 1])[core], atol=0.01)
    assert mean.sigma[0, 16, 24] < 0.8 * best.sigma[0, 16, 24]


def test_what_looks_do_not_agree_about_is_no_star():
    best, _ = starry(0.0, moon=3.0)
    mean, _ = starry(1.0, moon=3.0)
    np.testing.assert_allclose(mean.light[0, 5:13, 33:43], best.light[0, 5:13, 33:43], atol=0.15)
    assert mean.light[0, 7:11, 35:41].min() > 2.5
