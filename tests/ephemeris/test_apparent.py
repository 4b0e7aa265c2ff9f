import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from perijove.ephemeris.apparent import LIGHT_KM_S, apparent_position, geometric_position

speeds = st.lists(st.floats(-60.0, 60.0), min_size=3, max_size=3).map(np.array)
planets = st.lists(st.floats(-13.0, 13.0), min_size=3, max_size=3).map(np.array)


def test_one_second_of_light_by_hand() -> None:
    # a spacecraft one light second away, flying out at 40 km/s from a planet at rest, is seen 40 km nearer
    out = apparent_position([LIGHT_KM_S, 0, 0, 40.0, 0, 0], [0.0, 0.0, 0.0])
    np.testing.assert_allclose(out, [LIGHT_KM_S - 40.0, 0, 0], atol=1e-9)


def test_a_common_motion_across_the_line_of_sight_does_not_show() -> None:
    # what light time takes, aberration gives back; to second order in 13 km/s over c: 0.6 m
    out = apparent_position([LIGHT_KM_S, 0, 0, 0, 0, 0], [0.0, 13.0, 0.0])
    np.testing.assert_allclose(out, [LIGHT_KM_S, 0, 0], atol=1e-3)


def test_a_common_motion_along_the_line_of_sight_does_show() -> None:
    out = apparent_position([LIGHT_KM_S, 0, 0, 0, 0, 0], [13.0, 0.0, 0.0])
    np.testing.assert_allclose(out, [LIGHT_KM_S - 13.0, 0, 0], atol=1e-9)


@given(speeds, planets, st.floats(7e4, 5e6))
def test_the_inverse_is_the_inverse(velocity, planet, distance: float) -> None:
    position = distance * np.array([0.6, -0.48, 0.64])
    seen = apparent_position(np.concatenate([position, velocity]), planet)
    np.testing.assert_allclose(geometric_position(seen, velocity, planet), position, atol=1e-6)
