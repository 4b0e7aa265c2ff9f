"""The robust minimiser against scipy's."""

import numpy as np
import pytest
from scipy.optimize import least_squares

from perijove.attitude.leastsquares import minimise, robust_cost, robust_weights

T = np.linspace(0.0, 4.0, 60)
SIGMA = 0.02


def decay(x, data):
    """Residuals, in sigmas, of a decaying exponential on a floor, with their Jacobian."""
    amplitude, rate, floor = x
    fall = np.exp(-rate * T)
    jacobian = np.stack([fall, -amplitude * T * fall, np.ones_like(T)], axis=-1) / SIGMA
    return (amplitude * fall + floor - data) / SIGMA, jacobian


@pytest.fixture
def spoiled():
    rng = np.random.default_rng(11)
    data = 2.0 * np.exp(-1.3 * T) + 0.4 + rng.normal(0, SIGMA, len(T))
    data[::7] += 1.0
    return data


def test_same_minimum_and_covariance_as_scipy(spoiled):
    start = np.array([1.0, 0.7, 0.0])
    ours = minimise(lambda x: decay(x, spoiled), start, robust=len(T), threshold=2.0, steps=60, tolerance=1e-9)
    theirs = least_squares(
        lambda x: decay(x, spoiled)[0], start, lambda x: decay(x, spoiled)[1], loss="soft_l1", f_scale=2.0,
        xtol=1e-14, ftol=1e-14, gtol=1e-12,
    )  # fmt: skip
    assert ours.converged
    np.testing.assert_allclose(ours.x, theirs.x, rtol=1e-6)
    assert ours.cost == pytest.approx(theirs.cost, rel=1e-10)
    residual, jacobian = decay(theirs.x, spoiled)
    # of the same weights that make the gradient of the robust cost
    weighted = jacobian * (1 / np.sqrt(1 + (residual / 2.0) ** 2))[:, None]
    np.testing.assert_allclose(ours.covariance, np.linalg.inv(jacobian.T @ weighted), rtol=1e-4)
    # a fifth of the outliers' pull of plain squares, at most, is left
    plain = least_squares(lambda x: decay(x, spoiled)[0], start)
    assert np.abs(ours.x[2] - 0.4) < 0.2 * np.abs(plain.x[2] - 0.4)


def test_covariance_without_outliers_is_that_of_plain_squares():
    data = 2.0 * np.exp(-1.3 * T) + 0.4
    found = minimise(lambda x: decay(x, data), np.array([1.5, 1.0, 0.1]), robust=len(T), threshold=2.0, steps=50)
    jacobian = decay(np.array([2.0, 1.3, 0.4]), data)[1]
    np.testing.assert_allclose(found.x, [2.0, 1.3, 0.4], atol=1e-5)
    np.testing.assert_allclose(found.covariance, np.linalg.inv(jacobian.T @ jacobian), rtol=1e-3)


def test_only_the_first_rows_are_robust():
    # one number measured as 0 and known beforehand as 10: the middle by squares, nearer to 10 by a robust first row
    def model(x):
        return np.array([x[0], x[0] - 10.0]), np.ones((2, 1))

    both = minimise(model, np.zeros(1), robust=0, threshold=2.0, steps=20)
    np.testing.assert_allclose(both.x, [5.0], atol=1e-6)
    np.testing.assert_allclose(both.covariance, [[0.5]])
    first = minimise(model, np.zeros(1), robust=1, threshold=2.0, steps=50, tolerance=1e-9)
    # x / sqrt(1 + x^2 / 4) = 10 - x is solved by a number that this test finds by halving
    low, high = 0.0, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if middle / np.sqrt(1 + middle**2 / 4) < 10 - middle else (low, middle)
    assert first.x[0] == pytest.approx(low, abs=1e-6)
    np.testing.assert_allclose(robust_weights(np.array([2.0, 2.0]), 2.0, 1), [np.sqrt(0.5), 1.0])
    assert robust_cost(np.array([2.0, 2.0]), 2.0, 1) == pytest.approx(4 * (np.sqrt(2) - 1) + 2.0)


def test_unbound_unknown_does_not_stop_the_rest():
    def model(x):
        return np.array([x[0] - 3.0, 2 * (x[0] - 3.0)]), np.array([[1.0, 0.0], [2.0, 0.0]])

    found = minimise(model, np.zeros(2), robust=2, threshold=2.0, steps=60)
    assert found.x[0] == pytest.approx(3.0, abs=1e-4)
    assert found.x[1] == 0.0
