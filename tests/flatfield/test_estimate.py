"""Halves of the strips, and what is believed where one of them is empty."""

import numpy as np
import pytest

from perijove.calibrate.flat import response
from perijove.calibrate.frames import SHAPE, lit_mask
from perijove.flatfield.estimate import Gathered, estimate_band, gather
from perijove.flatfield.measure import BandMeasure
from perijove.instrument import Filter

LIT = lit_mask()


@pytest.fixture
def measure(monkeypatch):
    """Measures of a strip that shows nothing but noise; the large scale and stray light are left out."""
    monkeypatch.setattr("perijove.flatfield.estimate.common_share", lambda _: 0.0)

    class Nothing:
        light = np.empty(0)

    def make(seed, seen=True):
        noise = np.random.default_rng(seed).normal(0, 0.02, (5, *SHAPE)).astype(np.float32)
        noise[:, ~LIT] = np.nan
        return BandMeasure(noise if seen else noise * np.nan, noise * 20, Nothing(), None)

    return make


def test_noise_of_a_single_strip_makes_no_columns_and_no_bad_pixels(measure):
    made = estimate_band(Filter.RED, Gathered.nothing().plus(measure(1), 0))
    default = response(Filter.RED, *SHAPE)
    even = made.frames.flat[LIT] / default[LIT]
    np.testing.assert_allclose(even, even.mean(), rtol=1e-5)
    assert not made.frames.bad.any()
    assert not made.frames.bias[LIT].any()
    assert made.frames.bias_sigma[LIT].min() > 0.1
    assert made.small_scale_share == 0.0


def test_two_strips_judge_the_small_scale(measure):
    gathered = Gathered.nothing().plus(measure(1), 0).plus(measure(2), 1)
    assert estimate_band(Filter.RED, gathered).small_scale_share == 1.0


@pytest.mark.parametrize("sources", [(0, 2), (1, 3), (4, 6, 8)])
def test_halves_alternate_by_what_a_filter_has_received(measure, sources):
    known = {}
    for seed, source in enumerate(sources):
        known = gather(known, {Filter.METHANE: measure(seed)}, source)
    assert all(half.n[LIT].all() for half in known[Filter.METHANE].detail)


def test_strips_of_one_pass_stay_in_one_half(measure):
    known = Gathered.nothing().plus(measure(1), 7).plus(measure(2), 7)
    first, second = known.detail
    assert first.n[LIT].all()
    assert not second.n.any()


def test_a_strip_that_shows_nothing_takes_no_turn(measure):
    known = Gathered.nothing().plus(measure(1), 0).plus(measure(2, seen=False), 1).plus(measure(3), 2)
    assert all(half.n[LIT].all() for half in known.detail)
