"""Moons by their rotation alone: place, velocity, the planet's tide, and the Sun seen from there."""

import numpy as np
import pytest

from perijove.bodies import EUROPA, GANYMEDE, IO, JUPITER
from perijove.ephemeris.moons import moon_state, parent_of, tide, tide_error
from perijove.ephemeris.sun_earth import apparent_earth, apparent_sun, jupiter_velocity

ET = 6.76e8


@pytest.mark.parametrize("moon", [IO, EUROPA, GANYMEDE], ids=lambda moon: moon.name)
def test_the_velocity_is_the_change_of_place(moon) -> None:
    before, now, after = moon_state(moon, ET + np.array([-5.0, 0.0, 5.0]))
    np.testing.assert_allclose(now[3:], (after[:3] - before[:3]) / 10.0, rtol=1e-3, atol=0.03)
    assert np.linalg.norm(now[:3]) == pytest.approx(moon.orbit_km)
    # eastward round the planet, as it turns itself
    assert np.cross(now[:3], now[3:]) @ JUPITER.body_from_j2000(ET)[2] > 0


def test_the_moon_shows_one_face() -> None:
    fixed = GANYMEDE.body_from_j2000(ET) @ -moon_state(GANYMEDE, ET)[:3]
    np.testing.assert_allclose(fixed, [GANYMEDE.orbit_km, 0.0, 0.0], atol=1e-6)


def test_the_tide_stretches_and_squeezes() -> None:
    # to first order in r / d: 2 GM r / d^3 along the line to the planet, -GM r / d^3 across it
    frame = GANYMEDE.body_from_j2000(ET)
    unit = JUPITER.gm * 1000.0 / GANYMEDE.orbit_km**3
    pulls = tide(GANYMEDE, ET, 1000.0 * frame) @ frame.T / unit
    np.testing.assert_allclose(pulls, np.diag([2.0, -1.0, -1.0]), atol=4e-3)


def test_the_tides_error_is_what_a_misplaced_planet_changes() -> None:
    place = 5000.0 * GANYMEDE.body_from_j2000(ET)[0]
    away = place + moon_state(GANYMEDE, ET)[:3]
    moved = away * (1 + GANYMEDE.eccentricity * GANYMEDE.orbit_km / np.linalg.norm(away))
    gravity = [JUPITER.gm / np.linalg.norm(v) ** 2 for v in (away, moved)]
    assert tide_error(GANYMEDE, ET, place) == pytest.approx(gravity[0] - gravity[1], rel=0.01)


def test_the_sun_and_earth_from_a_moon() -> None:
    for where in (apparent_sun, apparent_earth):
        here, there = where(ET), where(ET, GANYMEDE)
        delay = np.linalg.norm(here) / 299792.458
        state = moon_state(GANYMEDE, ET)
        np.testing.assert_allclose(here - there, state[:3] - delay * state[3:], atol=10.0)
    many = apparent_sun(ET + np.arange(3.0), GANYMEDE)
    np.testing.assert_allclose(many[1], apparent_sun(ET + 1.0, GANYMEDE))
    assert np.isnan(apparent_sun(-1e9, GANYMEDE)).all()


def test_a_planet_is_no_moon() -> None:
    with pytest.raises(ValueError, match="JUPITER is no moon"):
        parent_of(JUPITER)
    assert np.linalg.norm(jupiter_velocity(ET)) == pytest.approx(13.0, abs=0.8)
