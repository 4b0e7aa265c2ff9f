"""The marks' geometry against hand computation on a sphere seen from above its equator."""

from dataclasses import replace

import numpy as np
import pytest

from perijove.bodies import GANYMEDE, JUPITER
from perijove.errors import UsageError
from perijove.figure.caption import broken, free_corners, km_text
from perijove.figure.ink import text_width
from perijove.figure.marks import (
    axis_in_picture,
    disc_share,
    north_in_picture,
    north_shown,
    place_in_picture,
    scale_bar,
    shown_middle,
    span_px,
)
from perijove.geometry.view import View
from perijove.render.engine import empty_planes

RADIUS = GANYMEDE.radii_km[0]
RANGE = 10_000.0
# looks along -X from above latitude 0, longitude 0; rows: right, down, ahead
EAST_RIGHT = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]])
MIDDLE = np.array([RADIUS, 0.0, 0.0])


def view_of(rotation=EAST_RIGHT, scale=1e-3):
    return View(np.array([RADIUS + RANGE, 0.0, 0.0]), rotation, scale, 640, 480, (240.0, 320.0))


def test_span_of_a_length_at_the_middle_is_length_over_range_and_scale():
    # 1000 km at 10 000 km is 0.1 on the tangent plane, 100 px of 0.001
    assert span_px(view_of(), MIDDLE, 1000.0) == pytest.approx(100.0, rel=1e-12)


@pytest.mark.parametrize(
    ("most", "length", "span"),
    [(100.5, 1000.0, 100.0), (99.0, 500.0, 50.0), (199.0, 1000.0, 100.0), (201.0, 2000.0, 200.0), (6.0, 50.0, 5.0)],
)
def test_scale_bar_is_the_longest_round_length_that_fits(most, length, span):
    bar = scale_bar(view_of(), MIDDLE, most)
    assert bar.length_km == length
    assert bar.span_px == pytest.approx(span, rel=1e-9)


def test_scale_bar_beside_the_axis_stretches_as_the_tangent_plane_does():
    # a point at right angles to the axis of the plane: at 45 deg a length across the sight takes 1 / cos^2 = 2
    view = View(np.zeros(3), EAST_RIGHT, 1e-3, 10, 10, (5.0, 5.0))
    point = 1000.0 * np.array([-1.0, 1.0, 0.0]) / np.sqrt(2.0)
    assert span_px(view, point, 0.1) == pytest.approx(0.1 / 1000.0 / 1e-3 * 2.0, rel=1e-6)


def test_a_point_behind_the_view_is_refused():
    with pytest.raises(UsageError, match="behind the picture"):
        span_px(view_of(), np.array([RADIUS + 2 * RANGE, 0.0, 0.0]), 10.0)


@pytest.mark.parametrize("turn", [0.0, 30.0, 90.0, 180.0, -120.0])
def test_north_turns_with_the_camera(turn):
    c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    # the camera rolls clockwise, so that north leans to the left by the same angle
    rolled = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]]) @ EAST_RIGHT
    north = north_in_picture(view_of(rolled), MIDDLE, GANYMEDE)
    np.testing.assert_allclose(north, [-c, -s], atol=1e-9)


def test_north_at_the_pole_is_the_axis_or_nothing():
    above = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])
    polar = View(np.array([0.0, 0.0, 3 * RADIUS]), above, 1e-3, 100, 100, (50.0, 50.0))
    assert north_in_picture(polar, np.array([0.0, 0.0, RADIUS]), GANYMEDE) is None
    # from the side the pole's own north is the axis: upwards
    np.testing.assert_allclose(north_in_picture(view_of(), np.array([0.0, 0.0, RADIUS]), GANYMEDE), [-1, 0], atol=0.02)


def leaning(latitude, roll, away, scale, principal=(240.0, 320.0)):
    """A view of Ganymede's middle from above a latitude on its first meridian, rolled, all rad, at `away` radii."""
    up = np.array([np.cos(latitude), 0.0, np.sin(latitude)])
    north = np.array([-np.sin(latitude), 0.0, np.cos(latitude)])
    c, s = np.cos(roll), np.sin(roll)
    upright = np.stack([np.array([0.0, 1.0, 0.0]), -north, -up])
    turn = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
    return View(away * RADIUS * up, turn @ upright, scale, 640, 480, principal)


@pytest.mark.parametrize("latitude", [-1.2, 0.0, 0.5])
@pytest.mark.parametrize("roll", [0.0, 0.7, -2.0])
def test_north_of_a_disc_is_its_axis_wherever_its_light_is(latitude, roll):
    # a disc of 20 radii away is 0.1 in all, 200 px
    view = leaning(latitude, roll, 20.0, 5e-4)
    assert disc_share(view, GANYMEDE) == 1.0
    horn = RADIUS * np.array([0.0, np.cos(1.3), np.sin(1.3)])
    np.testing.assert_allclose(north_shown(view, horn, GANYMEDE), [-np.cos(roll), -np.sin(roll)], atol=1e-9)
    # the ground's own north at the horn is quite another
    assert north_shown(view, horn, GANYMEDE) @ north_in_picture(view, horn, GANYMEDE) < 0.99


def test_north_of_a_close_up_is_that_of_the_ground():
    # 9600 px across: the limb is far outside
    view = leaning(0.5, 0.0, 20.0, 1e-5)
    assert disc_share(view, GANYMEDE) == 0.0
    place = RADIUS * np.array([np.cos(1.0) * np.cos(0.6), np.cos(1.0) * np.sin(0.6), np.sin(1.0)])
    np.testing.assert_array_equal(north_shown(view, place, GANYMEDE), north_in_picture(view, place, GANYMEDE))
    # a picture that holds half of the limb, as of a crescent, still shows a disc
    half = leaning(0.5, 0.0, 20.0, 5e-4, (240.0, 0.0))
    assert disc_share(half, GANYMEDE) == pytest.approx(0.5, abs=0.01)
    np.testing.assert_allclose(north_shown(half, place, GANYMEDE), [-1.0, 0.0], atol=1e-9)
    # from above the pole the axis is a point, and only the ground has a north
    polar = leaning(np.pi / 2, 0.0, 20.0, 5e-4)
    assert axis_in_picture(polar, GANYMEDE) is None
    np.testing.assert_array_equal(north_shown(polar, place, GANYMEDE), north_in_picture(polar, place, GANYMEDE))


def test_place_in_picture():
    # 10 deg east on the equator: sideways R sin 10, nearer by nothing but R (1 - cos 10)
    a = np.radians(10.0)
    x = RADIUS * np.sin(a) / (RANGE + RADIUS * (1 - np.cos(a))) / 1e-3
    np.testing.assert_allclose(place_in_picture(view_of(), GANYMEDE, "Kittu", 0.0, a), [240.0, 320.0 + x], rtol=1e-12)
    with pytest.raises(UsageError, match="Kittu at 0, 180 deg"):
        place_in_picture(view_of(), GANYMEDE, "Kittu", 0.0, np.pi)
    with pytest.raises(UsageError, match="not in the picture"):
        place_in_picture(view_of(scale=1e-5), GANYMEDE, "Kittu", 0.0, a)


def test_middle_is_that_of_the_day_side_shown():
    planes = empty_planes([], view_of(), True)
    line, sample = np.indices(planes.hit.shape)
    hit = (line > 100) & (line <= 140)
    planes = replace(
        planes, light=np.ones((1, 480, 640), np.float32), hit=hit,
        latitude=(line / 1000).astype(np.float32), longitude=(sample / 1000).astype(np.float32),
        cos_incidence=np.where(sample < 200, 0.5, -0.5).astype(np.float32),
    )  # fmt: skip
    x, y, z = shown_middle(planes, GANYMEDE) / RADIUS
    # lines 101 to 140 and samples 0 to 199: one of the four pixels about 120.5, 99.5
    assert abs(np.arcsin(z) - 0.1205) < 6e-4
    assert abs(np.arctan2(y, x) - 0.0995) < 6e-4
    with pytest.raises(UsageError, match="nothing of JUPITER"):
        shown_middle(replace(planes, hit=hit & False), JUPITER)


@pytest.mark.parametrize(
    ("length", "text"), [(0.5, "500 m"), (20, "20 km"), (5000, "5000 km"), (2e4, "20\u2009000 km"), (1, "1 km")]
)
def test_lengths_are_written_as_in_an_atlas(length, text):
    assert km_text(length) == text


def test_marks_go_where_the_body_is_not():
    body = np.zeros((400, 600), bool)
    assert free_corners(body, (80, 20), (40, 40), 10.0) == ((1, 0), (1, 1))
    body[200:] = True
    assert set(free_corners(body, (80, 20), (40, 40), 10.0)) == {(0, 0), (0, 1)}
    body[:, 300:] = True
    # one corner alone is free, and the larger loss is the bar's or the arrow's, never both
    assert (0, 0) in free_corners(body, (80, 20), (40, 40), 10.0)


def test_long_notes_are_broken_at_their_dots():
    room = text_width("one two three · four", 20.0)
    assert broken("one two three · four · five", 20.0, room) == ["one two three · four", "five"]
    assert broken("one two three four five six", 20.0, room)[0] == "one two three four"
    assert all(text_width(line, 20.0) <= room for line in broken("a b c d e f g " * 9, 20.0, room))
    assert broken("", 20.0, room) == []
