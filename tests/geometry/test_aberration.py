"""Aberration: by hand, as it moves and shrinks what is ahead, and undone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perijove.geometry.aberration import apparent, geometric

LIGHT = 299792.458
speeds = st.tuples(*[st.floats(-60.0, 60.0)] * 3).map(np.array)
ways = st.tuples(*[st.floats(-1e6, 1e6)] * 3).map(np.array).filter(lambda v: float(np.linalg.norm(v)) > 1.0)


def test_a_place_abeam_is_seen_ahead_by_v_over_c() -> None:
    seen = apparent(np.array([[5e5, 0.0, 0.0]]), np.array([[0.0, 30.0, 0.0]]))
    np.testing.assert_allclose(seen, [[5e5, 5e5 * 30.0 / LIGHT, 0.0]], rtol=1e-15)


def test_what_is_ahead_draws_together_and_what_is_behind_spreads() -> None:
    edge = np.array([[np.cos(0.3), np.sin(0.3), 0.0]])
    for speed in (40.0, -40.0):
        x, y, _ = apparent(edge, np.array([speed, 0.0, 0.0]))[0]
        # relativity has tan(a'/2) = sqrt((1 - b) / (1 + b)) tan(a/2)
        beta = speed / LIGHT
        exact = 2.0 * np.arctan(np.sqrt((1.0 - beta) / (1.0 + beta)) * np.tan(0.15))
        assert np.arctan2(y, x) == pytest.approx(exact, abs=2e-8)
        assert (exact < 0.3) == (speed > 0)


@given(ways, speeds)
def test_it_is_undone_and_hangs_on_no_length(look: np.ndarray, velocity: np.ndarray) -> None:
    back = geometric(apparent(look, velocity), velocity)
    np.testing.assert_allclose(back, look, atol=2.0 * (110.0 / LIGHT) ** 2 * np.linalg.norm(look))
    np.testing.assert_allclose(apparent(3.0 * look, velocity), 3.0 * apparent(look, velocity), rtol=1e-12, atol=1e-9)


def test_without_a_velocity_nothing_is_leant() -> None:
    look = np.array([[1.0, 2.0, 3.0]])
    assert apparent(look, None) is look
    assert geometric(look, None) is look
