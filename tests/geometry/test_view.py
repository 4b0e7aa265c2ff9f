"""Views: where rays go, what is framed, and the scale figures."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perijove.bodies import JUPITER
from perijove.errors import StripError, UsageError
from perijove.geometry.ellipsoid import intersect, normal
from perijove.geometry.view import (
    MARGIN,
    View,
    disc_middle,
    km_per_native_px,
    native_scale,
    pixel_rays,
    spacecraft_view,
)

FAR = np.array([2.0e6, 0.0, 0.0])
SUN = np.array([1.0, 0.0, 0.0])
A, _, C = JUPITER.radii_km


@given(st.floats(0, 400), st.floats(0, 300))
def test_pixel_undoes_rays(line, sample):
    view = spacecraft_view([1e5, 5e4, -9e4], JUPITER, None, 400)
    assert view.pixel(pixel_rays(view, line, sample)) == pytest.approx([line, sample], abs=1e-8)


def test_rays_by_hand():
    # x right, y down: the picture looks along -X of the body with +Z up, so east (+Y) is to the right
    rotation = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]])
    view = View(FAR, rotation, 0.5, 2, 2, (1.0, 1.0))
    expected = np.array([[-1.0, -0.25, 0.25], [-1.0, 0.25, 0.25]])
    np.testing.assert_allclose(pixel_rays(view)[0], expected / np.sqrt(1.125), atol=1e-15)


def test_full_disc_fills_the_picture_but_for_the_margin():
    view = spacecraft_view(FAR, JUPITER, SUN, 1000)
    np.testing.assert_allclose(view.view_from_body, [[0, 1, 0], [0, 0, -1], [-1, 0, 0]], atol=1e-9)
    # the limb of the ellipsoid on the tangent plane: x = a / sqrt(d^2 - a^2), y = c / sqrt(d^2 - a^2)
    reach = np.sqrt(FAR[0] ** 2 - A**2)
    assert view.width == 1000
    assert view.scale * 1000 == pytest.approx(2 * A / reach * (1 + 2 * MARGIN), rel=1e-3)
    assert view.height == pytest.approx(1000 * C / A, abs=1)
    hit = np.isfinite(intersect(FAR, pixel_rays(view), JUPITER.radii_km)[..., 0])
    assert hit.mean() == pytest.approx(np.pi / 4 / (1 + 2 * MARGIN) ** 2, abs=2e-3)
    assert not hit[0].any()
    assert not hit[:, 0].any()


def test_half_disc_is_framed_alone_and_dark_side_whole():
    lit = spacecraft_view(FAR, JUPITER, [0.0, 1.0, 0.0], 800)
    assert lit.width / lit.height == pytest.approx(0.5 * A / C, abs=0.01)
    assert spacecraft_view(FAR, JUPITER, [0.0, 1.0, 0.0], 800, lit_only=False).width == 800
    dark = spacecraft_view(FAR, JUPITER, [-1.0, 0.0, 0.0], 800)
    assert (dark.width, dark.height) == (800, pytest.approx(800 * C / A, abs=1))
    # of the limb that part is lit whose azimuth f from east obeys s_x a / d + s_y sqrt(1 - a^2 / d^2) cos f > 0
    crescent = spacecraft_view(FAR, JUPITER, [-0.999, 0.04, 0.0], 800)
    horn = np.arccos(0.999 / 0.04 / np.sqrt((FAR[0] / A) ** 2 - 1))
    assert crescent.width / crescent.height == pytest.approx((1 - np.cos(horn)) * A / (2 * np.sin(horn) * C), abs=0.01)


def test_every_lit_visible_point_is_in_the_picture():
    position, sun = np.array([9.5e4, 4.0e4, -8.0e4]), np.array([0.2, 0.9, 0.1])
    view = spacecraft_view(position, JUPITER, sun, 700)
    out = np.random.default_rng(1).normal(size=(4000, 3))
    points = out / np.linalg.norm(out / np.array(JUPITER.radii_km), axis=1)[:, None]
    outward = normal(points, JUPITER.radii_km)
    shown = (outward @ sun > 0) & (np.sum(outward * (position - points), axis=1) > 0)
    pixel = view.pixel(points[shown] - position)
    assert shown.sum() > 200
    assert (pixel >= 0).all()
    assert (pixel <= [view.height, view.width]).all()


def test_near_view_is_capped():
    view = spacecraft_view([0.0, A + 3500.0, 0.0], JUPITER, None, 600)
    edge = pixel_rays(view, [view.height / 2] * 2, [0.0, float(view.width)])
    width = np.degrees(np.arccos(edge[0] @ edge[1]))
    # 120 deg and the margin, on the tangent plane
    assert width == pytest.approx(2 * np.degrees(np.arctan(np.tan(np.radians(60.0)) * (1 + 2 * MARGIN))), abs=1.0)
    # the axis leads down to the planet
    assert view.view_from_body[2] @ [0.0, -1.0, 0.0] > 0.99


@pytest.mark.parametrize("position", [[1.2e5, 3e4, -4e4], [-9e4, 1e4, 6e4]])
def test_north_and_camera_up(position):
    view = spacecraft_view(position, JUPITER, None, 500)
    x, y, _ = view.view_from_body @ [0.0, 0.0, 1.0]
    assert x == pytest.approx(0.0, abs=1e-12)
    assert y < 0
    up = np.array([0.3, -0.5, 0.2])
    x, y, _ = spacecraft_view(position, JUPITER, None, 500, up="camera", camera_up=up).view_from_body @ up
    assert x == pytest.approx(0.0, abs=1e-12)
    assert y < 0


def test_over_the_pole_longitude_zero_is_up():
    view = spacecraft_view([0.0, 0.0, 3e5], JUPITER, None, 500)
    x, y, _ = view.view_from_body @ [1.0, 0.0, 0.0]
    assert abs(x) < 1e-6
    assert y < -0.99


def test_centre_and_fov():
    latitude, longitude = np.radians([20.0, 5.0])
    view = spacecraft_view(FAR, JUPITER, SUN, 501, fov=0.02, centre=(latitude, longitude))
    assert view.width == view.height == 501
    edges = pixel_rays(view, [250.5] * 2, [0.0, 501.0])
    assert np.arccos(edges[0] @ edges[1]) == pytest.approx(0.02, rel=1e-6)
    x, y, z = intersect(FAR, pixel_rays(view, 250.5, 250.5), JUPITER.radii_km)
    assert np.arctan2(z, np.hypot(x, y)) == pytest.approx(latitude, abs=1e-9)
    assert np.arctan2(y, x) == pytest.approx(longitude, abs=1e-9)
    framed = spacecraft_view(FAR, JUPITER, SUN, 500, centre=(latitude, longitude))
    middle = pixel_rays(framed, framed.height / 2, framed.width / 2)
    assert middle @ pixel_rays(view, 250.5, 250.5) == pytest.approx(1.0, abs=1e-12)


def test_framed_on_what_was_imaged():
    def north(points):
        return points[:, 2] > 0

    half = spacecraft_view(FAR, JUPITER, SUN, 800, covered=north)
    assert half.height / half.width == pytest.approx(0.5 * C / A, abs=0.02)
    with pytest.raises(StripError, match="no framelet sees JUPITER"):
        spacecraft_view(FAR, JUPITER, SUN, 800, covered=lambda p: np.zeros(len(p), bool))


def test_scale_figures():
    view = spacecraft_view(FAR, JUPITER, SUN, 1000)
    point = disc_middle(FAR, JUPITER, SUN)
    np.testing.assert_allclose(point, [A, 0, 0], atol=1.0)
    native = 0.0074 / 10.95637
    assert native_scale(view, point) == pytest.approx(native / view.scale, rel=1e-6)
    assert km_per_native_px(view, point) == pytest.approx((FAR[0] - A) * native, rel=1e-9)


def test_scale_off_axis_is_the_root_of_the_solid_angles():
    view = View(FAR, np.array([[0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]]), 1e-3, 10, 10, (5.0, 5.0))
    rays = [pixel_rays(view, 5.0 + a, 505.0 + b) for a, b in ((0, 0), (0, 1), (1, 0))]
    solid = np.linalg.norm(np.cross(rays[1] - rays[0], rays[2] - rays[0]))
    assert native_scale(view, FAR + rays[0]) == pytest.approx(0.0074 / 10.95637 / np.sqrt(solid), rel=2e-3)


def test_middle_of_a_crescent_is_lit():
    sun = np.array([-0.99, 0.14, 0.0])
    point = disc_middle(FAR, JUPITER, sun)
    outward = normal(point, JUPITER.radii_km)
    assert outward @ sun > 0
    assert outward @ (FAR - point) > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, "size 0 px"),
        ({"fov": 0.0}, "field of view of 0 deg"),
        ({"fov": 3.1}, "field of view"),
        ({"centre": (0.0, np.pi)}, "out of sight"),
        ({"up": "east"}, "unknown up direction 'east'"),
        ({"up": "camera"}, "give camera_up"),
    ],
)
def test_refuses_nonsense(options, message):
    with pytest.raises(UsageError, match=message):
        spacecraft_view(FAR, JUPITER, SUN, **{"size": 100, **options})


def test_refuses_a_viewpoint_inside():
    with pytest.raises(UsageError, match="inside JUPITER"):
        spacecraft_view([1e4, 0.0, 0.0], JUPITER, SUN, 100)


def test_rays_that_miss_or_lead_away_give_nan():
    points = intersect(FAR, [[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]], JUPITER.radii_km)
    np.testing.assert_allclose(points[0], [A, 0, 0], atol=1e-6)
    assert np.isnan(points[1:]).all()
