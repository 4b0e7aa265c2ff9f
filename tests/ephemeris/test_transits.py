"""Transits and shadows: the geometry by itself, and an evening that many people watched."""

from dataclasses import replace

import numpy as np
import pytest

from perijove.bodies import AMALTHEA, BODIES, CALLISTO, EUROPA, GALILEAN, GANYMEDE, IO, JUPITER, LIGHT_KM_S
from perijove.ephemeris.moons import moon_state
from perijove.ephemeris.sun_earth import apparent_sun, earth_from_jupiter
from perijove.ephemeris.transits import SUN_RADIUS_KM, shadow, shadow_rim, sight
from perijove.geometry.ellipsoid import normal, point_from_centric
from perijove.timescale import et_from_utc

NIGHT = et_from_utc("2015-01-24T02:00:00") + 30.0 * np.arange(960)


def changes(state: np.ndarray) -> list[float]:
    """Minutes of universal time since 2015-01-24 at which something begins or ends."""
    return [120.0 + 0.5 * float(k) + 0.25 for k in np.flatnonzero(np.diff(state.astype(int)))]


def test_the_triple_transit_of_24_january_2015() -> None:
    # Sky and Telescope, "Don't miss Jupiter's shadow trifecta": the shadows of Callisto 9:11 p.m., Io 10:35 p.m.,
    # Europa 12:28 a.m. Central Standard Time; Io's leaves at 12:52, Europa's last at 3:22
    observer = earth_from_jupiter(NIGHT)
    published = {CALLISTO: (191.0, None), IO: (275.0, 412.0), EUROPA: (388.0, 562.0)}
    for moon, (first, last) in published.items():
        on = changes(np.isfinite(shadow(moon, NIGHT, observer).latitude))
        assert on[0] == pytest.approx(first, abs=2.0), moon.name
        if last is not None:
            assert on[1] == pytest.approx(last, abs=2.0), moon.name
    assert not np.isfinite(shadow(GANYMEDE, NIGHT, observer).latitude).any()
    # a fortnight before opposition the shadow goes before its moon; nobody is behind the planet or in its shade
    seen = sight(IO, observer, NIGHT)
    begin, end = changes(seen.transits)
    assert 275.0 < begin < 412.0 < end
    assert not seen.occulted.any()
    assert not seen.eclipsed.any()
    # the limb runs through its disc about first and last contact, for some minutes
    assert np.diff(changes(seen.touches)[:2])[0] == pytest.approx(2 * 1829.4 / 17.3 / 60.0, rel=0.15)


def struck_shadow(moon):
    """A time in 2021 at which a moon's shadow lies on the planet, and the shadow."""
    et = 6.76e8 + 60.0 * np.arange(0, 26 * 1440, 7)
    able = np.flatnonzero(np.isfinite(shadow(moon, et).latitude))
    at = float(et[able[len(able) // 2]])
    return at, shadow(moon, at)


@pytest.mark.parametrize("moon", [IO, GANYMEDE, AMALTHEA], ids=lambda moon: moon.name)
def test_from_the_shadow_the_moon_hides_the_sun(moon) -> None:
    et, cast = struck_shadow(moon)
    turn = JUPITER.body_from_j2000(et)
    point = point_from_centric(cast.latitude, cast.longitude, JUPITER.radii_km)
    assert cast.struck == et

    def seen(offset: np.ndarray) -> tuple[float, float, float]:
        """Separation of the middles of moon and Sun, and the radii of both, rad, from beside the ground's point."""
        place = turn.T @ point + offset
        left = et
        for _ in range(4):
            left = et - np.linalg.norm(moon_state(moon, left)[:3] - place) / LIGHT_KM_S
        to_moon, to_sun = moon_state(moon, left)[:3] - place, apparent_sun(et) - place
        far = np.linalg.norm(to_moon), np.linalg.norm(to_sun)
        apart = np.linalg.norm(np.cross(to_moon / far[0], to_sun / far[1]))
        return float(apart), float(np.mean(moon.radii_km) / far[0]), float(SUN_RADIUS_KM / far[1])

    apart, ours, suns = seen(np.zeros(3))
    assert apart < 1e-7
    assert (ours > suns) == (cast.umbra_km > 0.0)
    # by day
    assert normal(point, JUPITER.radii_km) @ turn @ cast.along < 0.0
    side = np.cross(cast.along, [0.0, 0.0, 1.0])
    side /= np.linalg.norm(side)
    apart, ours, suns = seen(float(cast.umbra_km) * side)
    assert apart == pytest.approx(abs(ours - suns), rel=2e-3)
    apart, ours, suns = seen(float(cast.penumbra_km) * side)
    assert apart == pytest.approx(ours + suns, rel=2e-3)


def test_the_rim_lies_around_the_middle() -> None:
    et, cast = struck_shadow(IO)
    rim = shadow_rim(cast, float(cast.penumbra_km))
    points = point_from_centric(rim[:, 0], rim[:, 1], JUPITER.radii_km)
    middle = point_from_centric(cast.latitude, cast.longitude, JUPITER.radii_km)
    along = JUPITER.body_from_j2000(et) @ cast.along
    away = np.linalg.norm(np.cross(points - middle, along), axis=-1)
    np.testing.assert_allclose(away, cast.penumbra_km, rtol=1e-9)
    # all around it: seen along the light the ring closes about the middle
    offset = (points - middle)[:-1]
    np.testing.assert_allclose((offset - (offset @ along)[:, None] * along).mean(axis=0), 0.0, atol=1e-6)


def test_the_shadow_is_seen_later_than_it_falls() -> None:
    et, cast = struck_shadow(IO)
    turn = JUPITER.body_from_j2000(et)
    ground = turn.T @ point_from_centric(cast.latitude, cast.longitude, JUPITER.radii_km)
    observer = 8.0 * ground
    seen = shadow(IO, et + np.linalg.norm(observer - ground) / LIGHT_KM_S, observer)
    assert seen.struck == pytest.approx(et, abs=1e-3)
    np.testing.assert_allclose([seen.latitude, seen.longitude], [cast.latitude, cast.longitude], atol=1e-6)


@pytest.mark.parametrize("moon", GALILEAN, ids=lambda moon: moon.name)
def test_before_the_planet_behind_it_and_beside_it(moon) -> None:
    et = 6.76e8
    place = moon_state(moon, et)[:3]
    out = place / np.linalg.norm(place)
    far = 3e6
    # from beyond the moon, in line with the planet; from the other side; from the side
    seen = sight(moon, [far * out, -far * out, far * JUPITER.body_from_j2000(et)[2]], et)
    assert seen.transits.tolist() == [True, False, False]
    assert seen.occulted.tolist() == [False, True, False]
    assert not seen.touches.any()
    np.testing.assert_allclose(seen.left, et - seen.distance_km / LIGHT_KM_S, atol=1e-6)
    np.testing.assert_allclose(seen.position_km, moon_state(moon, seen.left)[:, :3], atol=1e-3)
    # between the planet and the moon the planet is behind the observer
    assert not sight(moon, 0.5 * place, et).transits
    assert not sight(moon, 0.5 * place, et).occulted


def test_a_moon_behind_the_planet_is_in_its_shadow() -> None:
    et = 6.76e8 + 60.0 * np.arange(4000)
    seen = sight(IO, [0.0, 0.0, 1e7], et)
    towards = apparent_sun(et)
    behind = np.sum(seen.position_km * towards, axis=-1) < 0.0
    assert seen.eclipsed.any()
    assert behind[seen.eclipsed].all()
    # as long as the planet is wide: 2.3 h of a turn of 42.5 h
    assert seen.eclipsed.mean() == pytest.approx(2.3 / 42.46, rel=0.3)
    # nothing is known of the Sun outside the table's years
    assert np.isnan(shadow(IO, -2e9).latitude)
    assert not sight(replace(BODIES["IO"], name="IO"), [1e7, 0.0, 0.0], -2e9).eclipsed
