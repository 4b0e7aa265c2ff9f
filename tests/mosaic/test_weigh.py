"""The weights of a look: 1 at the viewpoint, and by hand on a sphere elsewhere."""

import numpy as np
import pytest

from perijove.bodies import GANYMEDE, JUPITER
from perijove.geometry.view import View, spacecraft_view
from perijove.mosaic.gains import match_gains
from perijove.mosaic.relight import MINNAERT, relight, rounded
from perijove.mosaic.weigh import HAZE_KM, seam_weight, viewing_weight, weigh_rays
from perijove.render import render

RADIUS = GANYMEDE.radii_km[0]
RADII = np.array(GANYMEDE.radii_km)


def test_a_look_at_the_viewpoint_weighs_one_everywhere(view):
    weight = viewing_weight(view, JUPITER.radii_km, view.position_km, 0.05)
    np.testing.assert_allclose(weight, 1.0, atol=1e-6)


def test_ground_weight_by_hand():
    # both look at longitude 0 on the equator: one straight from 1000 km, one from 2000 km at 40 deg
    slant, sigma = np.radians(40.0), 0.5
    ground = np.array([RADIUS, 0.0, 0.0])
    here = ground + np.array([1000.0, 0.0, 0.0])
    there = ground + 2000.0 * np.array([np.cos(slant), np.sin(slant), 0.0])
    weight = weigh_rays(here, np.array([-1.0, 0.0, 0.0]), RADII, there, sigma)
    # a quarter of the pixels by the range, and the foreshortening, and the falloff
    assert weight == pytest.approx(0.25 * np.cos(slant) * np.exp(-0.5 * (slant / sigma) ** 2), rel=1e-9)


def test_below_its_horizon_a_look_sees_nothing():
    ground = np.array([RADIUS, 0.0, 0.0])
    here = ground + np.array([1000.0, 0.0, 0.0])
    low = ground + np.array([-10.0, 3000.0, 0.0])
    assert weigh_rays(here, np.array([-1.0, 0.0, 0.0]), RADII, low, 10.0) == 0.0


def test_haze_is_taken_from_lines_that_pass_at_the_same_height():
    # rays along -X pass 5 km above +Y. A second look in their plane, moved along the ray, sees the same line;
    # one turned about the tangent point towards the body by a sees a line lower by r (1 - cos a)
    r = RADIUS + 5.0
    ray, tangent = np.array([-1.0, 0.0, 0.0]), np.array([0.0, r, 0.0])
    here = tangent - 9000.0 * ray
    assert weigh_rays(here, ray, RADII, here - 4000.0 * ray, 0.1) == pytest.approx(1.0, abs=1e-6)
    for lower, weight in ((HAZE_KM / 2, 0.5), (1.2 * HAZE_KM, 0.0)):
        turn = np.arccos(1.0 - lower / r)
        there = tangent + 9000.0 * np.array([np.cos(turn), np.sin(turn), 0.0])
        assert weigh_rays(here, ray, RADII, there, 0.1) == pytest.approx(weight, abs=1e-3)
    # a turn in the horizon's plane (about +Y) keeps the height: the haze is the same layer
    level = tangent + 9000.0 * np.array([np.cos(0.1), 0.0, np.sin(0.1)])
    assert weigh_rays(here, ray, RADII, level, 0.1) == pytest.approx(1.0, abs=1e-6)


def test_high_sky_is_taken_from_the_viewpoint_alone():
    high = RADIUS * 1.05
    ray, tangent = np.array([-1.0, 0.0, 0.0]), np.array([0.0, high, 0.0])
    here = tangent - 9000.0 * ray
    level = tangent + 9000.0 * np.array([np.cos(0.1), 0.0, np.sin(0.1)])
    assert weigh_rays(here, ray, RADII, here, 0.1) == pytest.approx(1.0)
    assert weigh_rays(here, ray, RADII, level, 0.1) < 1e-6


def test_seam_weight_rises_from_the_strips_edge(look, view, et0):
    planes = render(look("a", frames=5).swaths, JUPITER, et0, view)
    weight = seam_weight(planes, 10.0)
    seen = np.isfinite(planes.light[0])
    assert 0.1 < seen.mean() < 0.9
    np.testing.assert_array_equal(weight > 0.0, seen)
    assert weight.max() == 1.0
    # a smooth step over 10 px is nowhere steeper than 1.5 / 10 a pixel, nor sqrt(2) of that across
    assert np.abs(np.diff(weight, axis=0)).max() < 0.155
    assert (seam_weight(render(look("a").swaths, JUPITER, et0, narrow(view)), 10.0) == 1.0).all()


def test_seam_weight_does_not_depend_on_where_arrays_lie(look, view, et0):
    planes = render(look("a", frames=5).swaths, JUPITER, et0, view)
    first = seam_weight(planes, 7.2)
    ballast = []
    for size in range(1, 40):
        ballast.append(np.empty(size * 1013, np.uint8))
        np.testing.assert_array_equal(seam_weight(planes, 7.2), first)


def narrow(view: View) -> View:
    """The middle of the view alone."""
    return View(view.position_km, view.view_from_body, view.scale, 10, 10, (5.0, 5.0))


def test_relighting_turns_one_minnaert_sphere_into_another(look, view, et0):
    sun = np.array([-0.9, 0.3, 0.2]) / np.linalg.norm([-0.9, 0.3, 0.2])
    inertial = JUPITER.body_from_j2000(et0).T @ sun
    planes = render(look("a").swaths, JUPITER, et0, view, sun_direction=inertial)
    np.testing.assert_allclose(relight(planes, JUPITER.radii_km, view.position_km, sun), 1.0, atol=2e-5)
    # the Sun straight behind the look and 60 deg off in the view: a pixel's factor by the law itself
    there, high = view.position_km, -planes.view.view_from_body[2]
    factor = relight(planes, JUPITER.radii_km, there, high)
    assert (factor[~planes.hit] == 1.0).all()
    line, sample = 60, 60
    c = planes.cos_incidence[line, sample]
    other = spacecraft_incidence(planes, line, sample, high)
    expected = (rounded(np.float64(c), 0.06) / rounded(np.float64(other), 0.06)) ** MINNAERT
    assert factor[line, sample] == pytest.approx(expected, rel=1e-4)
    assert (relight(planes, JUPITER.radii_km, there, np.full(3, np.nan)) == 1.0).all()


def spacecraft_incidence(planes, line, sample, sun):
    """Cosine of incidence at a pixel by the gradient of the ellipsoid."""
    lat, lon = float(planes.latitude[line, sample]), float(planes.longitude[line, sample])
    unit = np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    gradient = unit / np.square(JUPITER.radii_km)
    return float(gradient @ sun / np.linalg.norm(gradient))


def test_gains_of_a_chain_of_overlaps():
    # three looks: 1 with 2, and 2 with 3, but 1 and 3 apart; levels 1, 1.1 and 1.21
    light, ground = np.full((3, 60, 90), np.nan, np.float32), np.zeros((3, 60, 90), np.float32)
    for k, (level, columns) in enumerate(((10.0, slice(0, 40)), (11.0, slice(20, 70)), (12.1, slice(50, 90)))):
        light[k, :, columns], ground[k, :, columns] = level, 1.0
    gains = match_gains(light, ground, 0, np.full(3, 0.5))
    np.testing.assert_allclose(gains, [1.0, 1 / 1.1, 1 / 1.21], rtol=1e-4)
    # a look that touches nothing, or too little to tell, keeps its level
    ground[2] = 0.0
    np.testing.assert_allclose(match_gains(light, ground, 0, np.full(3, 0.5)), [1.0, 1 / 1.1, 1.0], rtol=1e-4)


def test_view_from_between_two_places_weighs_them_alike():
    places = [np.array([12000.0, s * 800.0, 0.0]) for s in (-1.0, 1.0)]
    view = spacecraft_view(np.array([12000.0, 0.0, 0.0]), GANYMEDE, None, 41, fov=0.3, centre=(0.0, 0.0))
    left, right = (viewing_weight(view, GANYMEDE.radii_km, p, 0.2) for p in places)
    np.testing.assert_allclose(left, right[:, ::-1], atol=1e-6)
    assert (left[:, :20] > right[:, :20]).mean() > 0.5
