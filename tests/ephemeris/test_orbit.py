from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perijove.bodies import JUPITER
from perijove.ephemeris import orbit
from perijove.errors import TrajectoryError

ROUND = replace(JUPITER, zonal=())
POLE = JUPITER.body_from_j2000(0.0)[2]

juno_like = st.builds(
    orbit.Elements,
    radius_km=st.floats(72000.0, 90000.0),
    inverse_axis=st.floats(1e-7, 4e-7),
    inclination=st.floats(1.4, 1.9),
    node=st.floats(-3.0, 3.0),
    argument=st.floats(1.5, 3.0),
    et=st.floats(5.4e8, 8e8),
)


def test_gravity_of_a_sphere_by_hand() -> None:
    np.testing.assert_allclose(
        orbit.acceleration(ROUND, POLE, np.array([1e5, 0.0, 0.0])), [-126686534.0 / 1e10, 0, 0], atol=1e-15
    )


def test_gravity_over_pole_and_equator_by_hand() -> None:
    # with J2 alone: GM/r^2 (1 - 3 J2 (R/r)^2) over the pole, (1 + 3/2 J2 (R/r)^2) over the equator
    body = replace(JUPITER, zonal=((2, 0.014696),))
    r = 80000.0
    plain, bulge = body.gm / r**2, 0.014696 * (71492.0 / r) ** 2
    z = np.array([0.0, 0.0, 1.0])
    np.testing.assert_allclose(orbit.acceleration(body, z, r * z), -plain * (1 - 3 * bulge) * z, rtol=1e-13)
    x = np.array([1.0, 0.0, 0.0])
    np.testing.assert_allclose(orbit.acceleration(body, z, r * x), -plain * (1 + 1.5 * bulge) * x, rtol=1e-13)


@given(st.floats(-1.0, 1.0), st.floats(-3.0, 3.0), st.floats(7e4, 1e6))
def test_gravity_is_the_gradient_of_the_energy(sine: float, lon: float, r: float) -> None:
    ring = np.sqrt(1 - sine**2)
    p = r * np.array([ring * np.cos(lon), ring * np.sin(lon), sine])
    h = 1e-4 * r
    ahead, behind = (np.hstack([p + k * h * np.eye(3), np.zeros((3, 3))]) for k in (1, -1))
    slope = (orbit.energy(JUPITER, POLE, ahead) - orbit.energy(JUPITER, POLE, behind)) / (2 * h)
    np.testing.assert_allclose(orbit.acceleration(JUPITER, POLE, p), -slope, atol=1e-6 * JUPITER.gm / r**2)


@settings(deadline=None, max_examples=20)
@given(juno_like)
def test_energy_is_kept_and_the_way_back_leads_back(elements: orbit.Elements) -> None:
    start = orbit.state_from_elements(JUPITER, elements)
    states = orbit.propagate(JUPITER, elements.et, start, elements.et + np.array([-3e4, -9000.0, 0.0, 9000.0, 3e4]))
    np.testing.assert_array_equal(states[2], start)
    pole = JUPITER.body_from_j2000(elements.et)[2]
    # 1e-6 of km^2/s^2 against 1700 in motion: 1 mm/s
    np.testing.assert_allclose(orbit.energy(JUPITER, pole, states), orbit.energy(JUPITER, pole, start), atol=1e-6)
    back = orbit.propagate(JUPITER, elements.et + 9000.0, states[3], [elements.et])[0]
    np.testing.assert_allclose(back[:3], start[:3], atol=0.01)


@settings(deadline=None, max_examples=20)
@given(juno_like, st.floats(-3e4, 3e4))
def test_two_bodies_follow_kepler(elements: orbit.Elements, later: float) -> None:
    start = orbit.state_from_elements(ROUND, elements)
    there = orbit.propagate(ROUND, elements.et, start, [elements.et + later])[0]
    distance = float(np.linalg.norm(there[:3]))
    elapsed = orbit.time_from_periapsis(
        ROUND, distance, float(there[:3] @ there[3:]), elements.inverse_axis, elements.radius_km
    )
    assert elapsed == pytest.approx(later, abs=1e-3)
    # the equator's own slow turn between the two epochs is all that may differ in the angles
    back = orbit.elements_from_state(ROUND, elements.et + later, there)
    assert back.radius_km == pytest.approx(elements.radius_km, abs=1e-3)
    assert back.inverse_axis == pytest.approx(elements.inverse_axis, abs=1e-13)
    assert back.inclination == pytest.approx(elements.inclination, abs=1e-7)
    assert np.cos(back.node - elements.node) == pytest.approx(1.0, abs=1e-12)
    assert back.argument == pytest.approx(elements.argument, abs=1e-6)
    assert back.et == pytest.approx(elements.et, abs=0.01)


def test_a_circle_closes_after_keplers_period() -> None:
    r = 1e5
    speed = np.sqrt(ROUND.gm / r)
    period = 2 * np.pi * r / speed
    start = np.array([r, 0, 0, 0, speed * 0.6, speed * 0.8])
    states = orbit.propagate(ROUND, 0.0, start, [period / 4, period])
    np.testing.assert_allclose(states[1], start, atol=1e-3)
    np.testing.assert_allclose(states[0, :3], [0, 0.6 * r, 0.8 * r], atol=1e-3)


def test_an_open_orbit_is_refused() -> None:
    with pytest.raises(TrajectoryError, match="not closed"):
        orbit.time_from_periapsis(JUPITER, 1e5, 1e5, -1e-7, 8e4)
