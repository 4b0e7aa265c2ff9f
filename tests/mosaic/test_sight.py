"""Weights of looks by where they stand: of the ground, of haze beside the limb, of stars; and smooth fields."""

import numpy as np
import pytest

from perijove.mosaic.sight import HAZE_KM, Sight, star_share, weigh_by_fields, weigh_rows
from perijove.render.rays import HIT, fade_to_direction

RADIUS = 71000.0


def weigh(point, place, viewpoint=None, kind=HIT, spread=0.1, area=1.0, sky_place=None):
    """Choice, worth and likeness of one point of a sphere."""
    viewpoint = np.empty(0) if viewpoint is None else np.asarray(viewpoint, float)
    sky = place if sky_place is None else sky_place
    squares = np.full(3, 1 / RADIUS**2)
    sight = Sight(viewpoint, np.asarray(place, float), np.asarray(sky, float), squares, RADIUS, spread, area)
    out = [np.empty((1, 1), np.float32) for _ in range(3)]
    weigh_rows(sight, np.asarray(point, float).reshape(1, 3, 1), np.full((1, 1), kind), *out)
    return tuple(float(plane[0, 0]) for plane in out)


TOP = np.array([0.0, RADIUS, 0.0])


def test_a_look_from_the_viewpoint_weighs_one():
    there = [3e4, 1.2e5, 0.0]
    assert weigh(TOP, there, there) == pytest.approx((1.0, 1.0, 1.0))


def test_ground_is_weighed_by_angle_range_and_slant():
    # twice as far along the same line: a quarter of the pixels
    here = TOP + np.array([0.0, 2e4, 0.0])
    assert weigh(TOP, TOP + np.array([0.0, 4e4, 0.0]), here)[0] == pytest.approx(0.25)
    # away by the spread: a quarter, the chord being the angle to 0.1 %, times the cosine
    angle = 0.1
    aside = TOP + 2e4 * np.array([np.sin(angle), np.cos(angle), 0.0])
    assert weigh(TOP, aside, here)[0] == pytest.approx(0.25 * np.cos(angle), rel=2e-3)
    # on a map by the pixels themselves: so many of a km2 at 1 km as the area says
    choice, worth, _ = weigh(TOP, TOP + np.array([0.0, 1e3, 0.0]), area=0.5e6)
    assert (choice, worth) == pytest.approx((0.5, 0.5))


def test_what_cannot_be_seen_weighs_nothing():
    assert weigh(TOP, [0.0, -1.2e5, 0.0], [0.0, 1.2e5, 0.0]) == (0.0, 0.0, 0.0)
    assert weigh(TOP, [1.2e5, RADIUS * 0.9, 0.0], [0.0, 1.2e5, 0.0]) == (0.0, 0.0, 0.0)


def test_haze_is_taken_from_lines_that_pass_at_the_same_height():
    # rays along -X pass 5 km above +Y. A second look in their plane, moved along the ray, sees the same line;
    # one turned about the tangent point towards the body by a sees a line lower by r (1 - cos a)
    r = RADIUS + 5.0
    ray, tangent = np.array([-1.0, 0.0, 0.0]), np.array([0.0, r, 0.0])
    here, kind = tangent - 9000.0 * ray, fade_to_direction(5.0, RADIUS)
    assert weigh(tangent, here - 4000.0 * ray, here, kind)[0] == pytest.approx(1.0, abs=1e-6)
    for lower, weight in ((HAZE_KM / 2, 0.5), (1.2 * HAZE_KM, 0.0)):
        turn = np.arccos(1.0 - lower / r)
        there = tangent + 9000.0 * np.array([np.cos(turn), np.sin(turn), 0.0])
        assert weigh(tangent, there, here, kind)[0] == pytest.approx(weight, abs=1e-3)
    # a turn in the horizon's plane (about +Y) keeps the height: the haze is the same layer
    level = tangent + 9000.0 * np.array([np.cos(0.1), 0.0, np.sin(0.1)])
    assert weigh(tangent, level, here, kind)[0] == pytest.approx(1.0, abs=1e-6)


def test_sky_between_haze_and_stars_is_taken_from_the_viewpoint_alone():
    high = RADIUS * 1.02
    tangent = np.array([0.0, high, 0.0])
    here, kind = tangent + np.array([9000.0, 0.0, 0.0]), fade_to_direction(0.02 * RADIUS, RADIUS)
    level = tangent + 9000.0 * np.array([np.cos(0.1), 0.0, np.sin(0.1)])
    assert weigh(tangent, here, here, kind)[0] == pytest.approx(1.0)
    assert weigh(tangent, level, here, kind)[0] < 1e-6


def test_stars_are_taken_from_everywhere_but_behind_the_body():
    tangent = np.array([0.0, 3 * RADIUS, 0.0])
    here = tangent + np.array([2e5, 0.0, 0.0])
    away = [0.0, -2e5, 0.0]
    # along -X from below the body: past it, or through it
    assert weigh(tangent, away, here, 1.0, sky_place=[2e5, -3 * RADIUS, 0.0])[0] == pytest.approx(1.0)
    assert weigh(tangent, away, here, 1.0, sky_place=[2e5, 0.5 * RADIUS, 0.0])[0] == 0.0


def test_fields_are_read_between_their_nodes():
    # a plane a x + b y is met by linear interpolation wherever the block begins
    rows, columns = np.mgrid[:6, :9] * 4 + 2.0
    fields = (3 * columns + 5 * rows)[None].astype(np.float32)
    out = np.empty((1, 7, 11), np.float32)
    weigh_by_fields(fields, 4, 0, 8, 13, out)
    line, sample = np.mgrid[8:15, 13:24] + 0.5
    np.testing.assert_allclose(out[0], 3 * sample + 5 * line, rtol=1e-6)


def test_fields_go_round():
    fields = np.random.default_rng(1).uniform(size=(2, 4, 9)).astype(np.float32)
    out, turned = np.empty((2, 16, 36), np.float32), np.empty((2, 16, 36), np.float32)
    weigh_by_fields(fields, 4, 36, 0, 0, out)
    weigh_by_fields(fields, 4, 36, 0, -20, turned)
    np.testing.assert_array_equal(turned, np.roll(out, 20, axis=2))


def test_stars_begin_where_only_directions_count():
    kinds = np.array([[HIT, 0.0, 0.5, 0.98, 0.99, 1.0]])
    np.testing.assert_allclose(star_share(kinds), [[0.0, 0.0, 0.0, 0.0, 0.5, 1.0]], atol=1e-6)
