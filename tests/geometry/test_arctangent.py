"""The arctangent that whole rows share."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perijove.geometry.arctangent import arctangent

REACH = st.floats(-1e12, 1e12).filter(lambda v: v == 0.0 or abs(v) > 1e-12)


@settings(deadline=None)  # the first call compiles
@given(REACH, REACH)
def test_it_is_that_of_the_library(y, x):
    # adding 0.0 takes the sign from a zero
    y, x = y + 0.0, x + 0.0
    difference = math.remainder(arctangent(y, x) - math.atan2(y, x), 2 * math.pi)
    assert difference == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize("degrees", range(-179, 181, 1))
def test_all_around(degrees):
    angle = math.radians(degrees)
    assert arctangent(7.0 * math.sin(angle), 7.0 * math.cos(angle)) == pytest.approx(angle, abs=1e-15)


def test_what_is_nowhere_stays_nowhere():
    assert arctangent(0.0, 0.0) == 0.0
    assert math.isnan(arctangent(math.nan, 1.0))
    assert math.isnan(arctangent(1.0, math.nan))
