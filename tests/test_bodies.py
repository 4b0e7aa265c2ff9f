import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perijove.bodies import JUPITER

epochs = st.floats(-1e9, 2e9)


@given(epochs)
def test_rotations_are_rotations(et: float) -> None:
    m = JUPITER.body_from_j2000(et)
    np.testing.assert_allclose(m @ m.T, np.eye(3), atol=1e-14)
    assert np.linalg.det(m) == pytest.approx(1.0)


def test_the_pole_and_meridian_at_j2000_by_hand() -> None:
    # W = 284.95 deg from the node of the equator, eastward; the pole's nutation stays below 0.004 deg
    m = JUPITER.body_from_j2000(0.0)
    ra, dec = np.radians([268.056595, 64.495303])
    pole = np.array([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])
    assert np.degrees(np.arccos(m[2] @ pole)) < 0.004
    node = np.array([-np.sin(ra), np.cos(ra), 0.0])
    longitude = np.degrees(np.arctan2(m[1] @ node, m[0] @ node)) % 360
    assert longitude == pytest.approx(360.0 - 284.95, abs=0.01)


@given(epochs)
def test_a_turn_takes_9_hours_55_minutes(et: float) -> None:
    period = 360.0 / 870.536 * 86400.0
    assert period == pytest.approx(9 * 3600 + 55 * 60 + 29.7, abs=0.1)
    np.testing.assert_allclose(JUPITER.body_from_j2000(et + period), JUPITER.body_from_j2000(et), atol=1e-6)


def test_epochs_may_have_any_shape() -> None:
    et = np.array([[0.0, 1e8, 2e8], [3e8, 4e8, 5e8]])
    many = JUPITER.body_from_j2000(et)
    assert many.shape == (2, 3, 3, 3)
    np.testing.assert_array_equal(many[1, 2], JUPITER.body_from_j2000(5e8))
