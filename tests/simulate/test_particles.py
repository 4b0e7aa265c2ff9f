from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perijove.simulate.particles import MOST_HIT_DN, hits_at, hot_places, strike

SHAPE = (128, 1648)


def test_hits_grow_only_after_perijove_46() -> None:
    rates = [hits_at(perijove) for perijove in range(80)]
    assert len(set(rates[:47])) == 1
    assert all(b > a for a, b in pairwise(rates[46:]))
    assert rates[48] == pytest.approx(2 * rates[46])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.0, 3000.0))
def test_hits_come_at_the_rate_asked_for_and_only_add(seed: int, count: float) -> None:
    charge = np.full(SHAPE, 7.0, np.float32)
    struck = strike(charge, count, np.random.default_rng(seed))
    # a hit fills one pixel, 9 in 100 at least one more, 1 / 0.6 on average: 1.15 in all, the edges and chance apart
    assert abs(struck.sum() - 1.15 * count) <= 6 * np.sqrt(1.6 * count) + 0.05 * count + 3
    assert (charge[~struck] == 7.0).all()
    assert (charge[struck] >= 7.0).all()


def test_strengths_of_hits_are_those_measured_on_real_sky() -> None:
    charge = np.zeros((2000, 2000), np.float32)
    strike(charge, 40000, np.random.default_rng(5))
    strong = charge[charge > 8]
    # above 8 DN: ((1 + 8 / 12) / (1 + s / 12)) ^ 2.1 is 0.5, 0.1, 0.01 at s = 15.8, 47.9, 167
    np.testing.assert_allclose(np.percentile(strong, [50, 90, 99]), [15.8, 47.9, 167.0], rtol=0.1)
    assert charge.max() < 3 * MOST_HIT_DN


def test_no_hits_no_hot_places() -> None:
    charge = np.ones(SHAPE, np.float32)
    assert not strike(charge, 0.0, np.random.default_rng(0)).any()
    assert (charge == 1).all()
    assert not hot_places(SHAPE, 0.0, np.random.default_rng(0)).any()


def test_as_many_hot_places_as_stated_exceed_five_dn() -> None:
    extra = hot_places((4000, 4000), 2000.0, np.random.default_rng(3))
    # streaks start where the place above is cool; faint hot columns are left out by their length
    start = (extra > 5) & (np.pad(extra, ((1, 0), (0, 0)))[:-1] < extra - 2)
    assert start.sum() == pytest.approx(2000, rel=0.12)
    assert extra[extra > 0].min() >= 2.0


def test_hot_places_are_the_same_for_the_same_seed() -> None:
    a, b, c = (hot_places(SHAPE, 50.0, np.random.default_rng(s)) for s in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()
