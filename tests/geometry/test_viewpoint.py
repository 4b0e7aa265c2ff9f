"""Viewpoints: where they stand, what lies below, what they see, and how large the ground appears."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perijove.bodies import GANYMEDE, IO, JUPITER
from perijove.errors import UsageError
from perijove.geometry.ellipsoid import intersect, point_from_centric
from perijove.geometry.view import km_per_native_px, native_scale, pixel_rays, spacecraft_view
from perijove.geometry.viewpoint import (
    below,
    camera_km_per_px,
    cos_emission,
    ground_scale,
    point_above,
    scale_of_any,
    shown_middle,
)

A, _, C = JUPITER.radii_km


@given(st.floats(-1.57, 1.57), st.floats(0.0, 6.28), st.floats(1.0, 1e9))
@pytest.mark.parametrize("body", [JUPITER, IO])
def test_below_undoes_above(body, latitude, longitude, altitude):
    under = below(point_above(body, latitude, longitude, altitude), body)
    assert under.latitude == pytest.approx(latitude, abs=1e-7)
    assert np.cos(under.longitude - longitude) == pytest.approx(1.0, abs=1e-12)
    assert under.altitude_km == pytest.approx(altitude, rel=1e-9, abs=1e-4)


def test_above_by_hand():
    np.testing.assert_allclose(point_above(JUPITER, 0.0, np.pi / 2, 1000.0), [0.0, A + 1000.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(point_above(JUPITER, -np.pi / 2, 0.3, 1000.0), [0.0, 0.0, -C - 1000.0], atol=1e-9)
    # the normal leans polewards of the place's own direction
    x, _, z = point_above(JUPITER, 0.5, 0.0, 1e6)
    assert np.arctan2(z, x) > 0.5 + 1e-3


@pytest.mark.parametrize("altitude", [0.0, -5.0, np.nan, np.inf])
def test_no_viewpoint_on_the_ground_or_below(altitude):
    with pytest.raises(UsageError, match="give a height above zero"):
        point_above(JUPITER, 0.0, 0.0, altitude)


def test_the_place_below_is_in_the_middle_of_the_full_disc():
    for latitude, longitude in ((0.4, 1.0), (-1.2, 5.0)):
        position = point_above(GANYMEDE, latitude, longitude, 20_000.0)
        view = spacecraft_view(position, GANYMEDE, None, 801)
        foot = point_from_centric(latitude, longitude, GANYMEDE.radii_km)
        np.testing.assert_allclose(view.pixel(foot - position), [view.height / 2, view.width / 2], atol=0.6)


@pytest.mark.parametrize("distance", [6.3e8, 9.6e8])
def test_views_from_the_earth_are_clean(distance):
    # of a disc 1200 px wide a px is 120 km; the ray through the pixel of a place must meet that place
    position = distance * np.array([0.8, -0.6, 0.03]) / np.linalg.norm([0.8, -0.6, 0.03])
    view = spacecraft_view(position, JUPITER, None, 1200)
    rng = np.random.default_rng(3)
    out = rng.normal(size=(500, 3))
    points = point_from_centric(
        np.arcsin(out[:, 2] / np.linalg.norm(out, axis=1)), rng.uniform(0, 6.28, 500), (A, A, C)
    )
    seen = points[cos_emission(position, JUPITER, points) > 0.05]
    line, sample = view.pixel(seen - position).T
    met = intersect(position, pixel_rays(view, line, sample), JUPITER.radii_km)
    assert np.abs(met - seen).max() < 0.05


def test_ground_scale_is_the_native_one_from_the_cameras_own_place():
    position = np.array([1.5e5, 2e4, 6e4])
    view = spacecraft_view(position, JUPITER, None, 900)
    point = point_from_centric(0.5, 0.3, JUPITER.radii_km)
    assert ground_scale(view, JUPITER, position, point) == pytest.approx(native_scale(view, point), rel=1e-12)
    assert camera_km_per_px(position, point) == pytest.approx(km_per_native_px(view, point), rel=1e-12)


def test_ground_scale_counts_the_areas_of_pixels():
    """Against the corners of one pixel of each, laid on the ground."""
    camera, position = np.array([1.3e5, 1e4, 7e4]), np.array([2.6e5, -9e4, 1e4])
    view, own = (spacecraft_view(place, JUPITER, None, 700) for place in (position, camera))
    point = point_from_centric(0.4, 0.1, JUPITER.radii_km)

    def area(which):
        line, sample = which.pixel(point - which.position_km)
        h = 0.01
        rays = pixel_rays(which, [line, line + h, line], [sample, sample, sample + h])
        a, b, c = intersect(which.position_km, rays, JUPITER.radii_km)
        return np.linalg.norm(np.cross(b - a, c - a)) / h**2

    native = native_scale(own, point)
    expected = np.sqrt(area(own) / area(view)) * native
    assert ground_scale(view, JUPITER, camera, point) == pytest.approx(expected, rel=1e-3)


def test_ground_that_either_does_not_see_has_no_scale():
    view = spacecraft_view([2e5, 0.0, 0.0], JUPITER, None, 100)
    there = np.array([-A, 0.0, 0.0])
    assert np.isnan(ground_scale(view, JUPITER, np.array([-2e5, 0.0, 0.0]), there))
    assert np.isnan(ground_scale(view, JUPITER, np.array([-2e5, 0.0, 0.0]), -there))


def test_where_the_first_camera_sees_nothing_the_finest_of_the_others_counts():
    view = spacecraft_view([2e5, 0.0, 0.0], JUPITER, None, 100)
    here, behind, far, near = (np.array([x, 0.0, 0.0]) for x in (A, -2e5, 4e5, 1.5e5))
    scales = [ground_scale(view, JUPITER, camera, here) for camera in (far, near)]
    assert scales[0] == pytest.approx(scales[1] * (4e5 - A) / (1.5e5 - A))
    assert scale_of_any(view, JUPITER, [far, near], here) == scales[0]
    assert scale_of_any(view, JUPITER, [behind, far, near], here) == scales[1]
    assert np.isnan(scale_of_any(view, JUPITER, [behind, behind], here))


def test_only_what_both_see_is_framed():
    # the camera above 0 E, the view from above 90 E: the quarter between them is seen from both
    view = spacecraft_view([0.0, 2e9, 0.0], JUPITER, None, 1000, camera_km=np.array([2e9, 0.0, 0.0]))
    assert view.width / view.height == pytest.approx(0.5 * A / C, abs=0.01)
    middle = shown_middle(view, np.array([[A, 0.0, 0.0], [A / 2**0.5, A / 2**0.5, 0.0], [0.0, A, 0.0]]))
    np.testing.assert_allclose(middle, [A / 2**0.5, A / 2**0.5, 0.0])
    with pytest.raises(UsageError, match="inside JUPITER"):
        spacecraft_view([0.0, 10.0, 0.0], JUPITER, None, 1000, camera_km=np.array([2e9, 0.0, 0.0]))
