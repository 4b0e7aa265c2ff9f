import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perijove.bodies import BODIES, GANYMEDE, JUPITER

MOONS = [body for body in BODIES.values() if body.parent is not None]
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


@pytest.mark.parametrize("moon", MOONS, ids=lambda moon: moon.name)
def test_moons_turn_once_an_orbit_by_keplers_third_law(moon) -> None:
    # Jupiter's flattening quickens Io by 0.06 %, Metis by 0.3 %
    flattening = 1.5 * dict(JUPITER.zonal)[2] * (JUPITER.radii_km[0] / moon.orbit_km) ** 2
    rate = np.sqrt((JUPITER.gm + moon.gm) * (1.0 + flattening) / moon.orbit_km**3)
    assert moon.spin_rate == pytest.approx(rate, rel=1e-3)
    assert BODIES[moon.parent] is JUPITER
    assert not moon.atmosphere


def test_ganymedes_meridian_at_j2000_by_hand() -> None:
    # W = 44.064 + 0.033 sin J4 - 0.389 sin J5 - 0.082 sin J6, J4 355.80, J5 119.90, J6 229.80 deg
    w = 44.064 + 0.033 * -0.0732 - 0.389 * 0.8669 - 0.082 * -0.7638
    m = GANYMEDE.body_from_j2000(0.0)
    node = np.cross([0.0, 0.0, 1.0], m[2])
    node /= np.linalg.norm(node)
    assert np.degrees(np.arctan2(-(m[1] @ node), m[0] @ node)) == pytest.approx(w, abs=1e-3)
