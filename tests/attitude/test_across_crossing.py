"""Places that two strips have seen: what is left of ties, and how it changes with every unknown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from perijove.attitude.crossing import Breeze, CrossTies, breeze_over, cross_residuals, raised
from perijove.attitude.leastsquares import Block, minimise, minimise_blocks
from perijove.attitude.problem import OFFSET, Unknowns
from perijove.bodies import JUPITER
from perijove.winds import ZonalWinds

FloatArray = NDArray[np.float64]

TURNS = 20
"""The second strip of `true_ties` is taken so many turns after the first, ten minutes."""
JET = ZonalWinds(np.radians([-90.0, 0.0, 90.0]), np.array([40.0, 100.0, 40.0]), np.array([5.0, 8.0, 5.0]), "a test")
STILL = breeze_over(None, np.zeros(3))


@pytest.fixture(scope="module")
def ties(true_ties: Callable[..., CrossTies]) -> CrossTies:
    return true_ties()


def test_true_ties_leave_nothing(world: Any, ties: CrossTies) -> None:
    """The turn of the body while the light comes, 0.1 px between strips 18,000 km apart, is known of."""
    at = world.unknowns(2)
    left = cross_residuals(ties, at, at, world.trajectory(), JUPITER, STILL)
    assert len(ties) > 40
    assert np.abs(left.px).max() < 2e-3
    np.testing.assert_allclose(left.apart_s.mean(), TURNS * world.period_s, rtol=0.01)


def test_clouds_are_carried_by_the_profile_and_its_correction(world: Any, true_ties: Callable[..., CrossTies]) -> None:
    drifting, at = true_ties(120.0), world.unknowns(2)
    left = cross_residuals(drifting, at, at, world.trajectory(), JUPITER, STILL)
    # 120 m/s over ten minutes are 73 km to the east, and nothing to the north
    np.testing.assert_allclose(left.along_km[:, 0], 0.120 * left.apart_s, rtol=0.01)
    assert np.abs(left.along_km[:, 1]).max() < 0.5
    even = replace(JET, speed_m_s=np.full(3, 100.0))
    breeze = Breeze(even, np.array([0.0]), np.array([20.0]), np.array([5.0]))
    assert np.abs(cross_residuals(drifting, at, at, world.trajectory(), JUPITER, breeze).px).max() < 3e-3


def test_jacobians_are_those_of_small_steps(world: Any, ties: CrossTies) -> None:
    """Both ends have unknowns of their own, here about values that are not the same."""
    few = ties.take(np.arange(len(ties)) % 9 == 0)
    start = world.unknowns(2).vector()
    rng = np.random.default_rng(5)
    steps = np.concatenate([[1e-6] * 4, [1e-5] * 2, [1e-4], [1.0] * 22, [0.01] * 8, [1e-6] * 4, [0.5] * 3, [5e-4] * 3])
    steps = np.concatenate([steps, [1e-4] * 2])
    assert len(steps) == len(start) == OFFSET + 2
    one, two = (world.unknowns(2).moved(start + 3.0 * steps * rng.normal(size=len(start))) for _ in range(2))
    breeze = breeze_over(JET, np.radians([-20.0, 0.0, 30.0]))

    def px(a: Unknowns, b: Unknowns, wind: Breeze = breeze) -> FloatArray:
        return cross_residuals(few, a, b, world.trajectory(), JUPITER, wind).px

    found = cross_residuals(few, one, two, world.trajectory(), JUPITER, breeze)
    for k, step in enumerate(steps):
        d = np.zeros(len(start))
        d[k] = step
        for which, jacobian in ((0, found.first), (1, found.second)):
            up, down = (
                px(*(at.moved(at.vector() + sign * d) if i == which else at for i, at in enumerate((one, two))))
                for sign in (1.0, -1.0)
            )
            np.testing.assert_allclose((up - down) / 2.0, jacobian[:, :, k] * step, rtol=0.02, atol=1e-3)
    for k in range(len(breeze.latitude)):
        d = np.eye(len(breeze.latitude))[k]
        up, down = (px(one, two, replace(breeze, correction=sign * d)) for sign in (1.0, -1.0))
        np.testing.assert_allclose((up - down) / 2.0, found.wind[:, :, k], rtol=0.01, atol=1e-5)


def test_what_stands_high_is_seen_aside(world: Any, ties: CrossTies) -> None:
    """Clouds 50 km up, seen 5 deg from one side and the other, stand off by 50 km times that angle at the most."""
    at = world.unknowns(2)
    px = 50.0 * raised(ties, at, at, world.trajectory(), JUPITER)
    found = cross_residuals(ties, at, at, world.trajectory(), JUPITER, STILL)
    km = np.linalg.norm(px, axis=1) * found.px_km[:, 1]
    assert 0.5 < np.median(km) < 50.0


def test_a_tie_that_misses_the_body_is_nan(world: Any, ties: CrossTies) -> None:
    at = world.unknowns(2)
    aside = at.moved(at.vector() + np.eye(OFFSET + 2)[2] * 1.5)
    left = cross_residuals(ties, aside, at, world.trajectory(), JUPITER, STILL)
    assert np.isnan(left.px).all()
    assert np.isnan(left.along_km).all()


@given(st.lists(st.floats(-1.5, 1.5), min_size=1, max_size=30))
def test_corrections_share_a_latitude_between_its_neighbours(latitudes: list[float]) -> None:
    latitude = np.array(latitudes)
    breeze = breeze_over(JET, latitude)
    np.testing.assert_allclose(breeze.shares(latitude).sum(axis=1), 1.0)
    np.testing.assert_allclose(breeze.shares(latitude) @ breeze.latitude, latitude, atol=1e-9)
    np.testing.assert_allclose(breeze.speed(latitude), JET.speed(latitude))


def test_a_fifth_of_the_winds_variance_is_common() -> None:
    breeze = breeze_over(JET, np.radians([1.0, 40.0]))
    rows = breeze.prior()
    covariance = np.linalg.inv(rows.T @ rows)
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), breeze.sigma)
    np.testing.assert_allclose(covariance[0, 1] / np.prod(breeze.sigma[:2]), 0.2)


def test_blocks_are_the_whole() -> None:
    rng = np.random.default_rng(2)
    rows, goal = rng.normal(size=(30, 4)), rng.normal(size=30)
    rows[:10, 2:], rows[10:20, :2] = 0.0, 0.0

    def blocks(x: FloatArray) -> list[Block]:
        parts = ((slice(0, 10), [0, 1], True), (slice(10, 20), [3, 2], True), (slice(20, 30), [0, 1, 2, 3], False))
        return [Block((rows @ x - goal)[s], rows[s][:, c], np.array(c), robust) for s, c, robust in parts]

    whole = minimise(lambda x: (rows @ x - goal, rows), np.zeros(4), robust=20, threshold=0.5, steps=30)
    split = minimise_blocks(blocks, np.zeros(4), threshold=0.5, steps=30)
    assert whole.converged
    assert split.converged
    np.testing.assert_allclose(split.x, whole.x, atol=1e-9)
    np.testing.assert_allclose(split.covariance, whole.covariance, rtol=1e-6)
