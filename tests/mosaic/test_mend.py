"""Holes about a view's limb take their light from what is as high above it."""

import numpy as np
import pytest

from perijove.mosaic.mend import Limb, limb_height, mend, mend_looks

H, W = 60, 70
AT = (30, 35)


def straight(angle):
    """Heights, in px, over a straight limb through the middle that leans by an angle, and places along it."""
    y, x = np.mgrid[:H, :W] - np.array(AT)[:, None, None]
    return y * np.cos(angle) + x * np.sin(angle), x * np.cos(angle) - y * np.sin(angle)


def around(light, holes, height, size=1):
    """Light and sigma once the holes are mended."""
    light, sigma = np.where(holes, np.nan, light).astype(np.float32), np.full(light.shape, 2.0, np.float32)
    mend(light, sigma, holes, height, size)
    return light, sigma


def spot(*places):
    """Holes at some places."""
    holes = np.zeros((H, W), np.bool_)
    for place in places:
        holes[place] = True
    return holes


def test_the_height_is_how_near_a_line_of_sight_passes():
    # from (-10, 0, 0) to (0, 5, 0): the line passes the middle at 10 * 5 / sqrt(125)
    points = np.array([[[0.0, -5.0], [5.0, 0.0], [0.0, 0.0]]])
    found = limb_height(np.array([-10.0, 0.0, 0.0]), points, np.ones(3))
    np.testing.assert_allclose(found, [[50.0 / np.sqrt(125.0) - 1.0, -1.0]], atol=1e-12)


def test_flattened_bodies_have_their_own_limb():
    # twice as wide along y: what passes it 2 km away touches it
    points = np.array([[[0.0], [2.0 * 10.0 / np.sqrt(99.0)], [0.0]]])
    found = limb_height(np.array([-10.0, 0.0, 0.0]), points, np.array([1.0, 0.5, 1.0]))
    assert found[0, 0] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("angle", [0.0, 0.6, 1.5707, -0.9])
def test_light_of_the_second_order_in_height_comes_back(angle):
    up, along = straight(angle)
    light = 100.0 - 20.0 * up + 1.5 * up**2 + 0.4 * along
    holes = spot(AT, (31, 35), (30, 36), (27, 33))
    found, sigma = around(light, holes, up)
    np.testing.assert_allclose(found[holes], light[holes], rtol=2e-5)
    assert (sigma[holes] < 0.05).all()


def test_the_unit_of_the_height_is_nobodys_business():
    up, _ = straight(0.4)
    light = 100.0 * np.exp(-0.5 * up**2)
    one, two = (around(light, spot(AT), scale * up)[0][AT] for scale in (1.0, 3e-4))
    assert one == pytest.approx(two, rel=1e-6)


def test_a_ridge_as_narrow_as_the_point_spread_keeps_its_height():
    up, _ = straight(0.5)
    light = 700.0 * np.exp(-0.5 * (up / 0.8) ** 2)
    found, _ = around(light, spot(AT, (30, 36)), up)
    # the mean of what is around it is below 250
    assert found[AT] == pytest.approx(700.0, rel=0.06)


def test_larger_pixels_reach_farther():
    up, _ = straight(0.5)
    light = 700.0 * np.exp(-0.5 * (up / 2.4) ** 2)
    holes = np.hypot(*(np.mgrid[:H, :W] - np.array(AT)[:, None, None])) < 3.0
    found, _ = around(light, holes, up, size=3)
    np.testing.assert_allclose(found[holes], light[holes], atol=45.0)


def test_far_from_the_limb_and_in_the_dark_nothing_is_made_up():
    up, _ = straight(0.0)
    found, sigma = around(np.ones((H, W)), spot((45, 35)), up)
    assert np.isnan(found[45, 35])
    assert sigma[45, 35] == 2.0
    found, _ = around(np.ones((H, W)), np.ones((H, W), np.bool_), up)
    assert np.isnan(found).all()


def looks_at_a_limb():
    """Two looks of two bands at a view from (-10, 0, 0), and where its limb is."""
    y, x = np.mgrid[:H, :W] - np.array(AT)[:, None, None]
    points = np.stack([np.zeros((H, W)), 10.0 / np.sqrt(99.0) + 0.01 * y, 0.01 * x], axis=1)
    limb = Limb(np.array([-10.0, 0.0, 0.0]), points, np.ones(3), 1)
    light = np.broadcast_to(200.0 - 10.0 * y, (2, 2, H, W)).astype(np.float32)
    return light, np.ones_like(light), limb


def test_only_where_no_other_look_counts():
    light, sigma, limb = looks_at_a_limb()
    choice = np.ones((2, H, W), np.float32)
    choice[1, :, :36] = 1e-4
    bad = np.zeros(light.shape, np.uint8)
    bad[0, 1, 30, 30] = bad[0, 1, 30, 40] = bad[1, 0, 30, 30] = 1
    true = light.copy()
    light[bad > 0] = np.nan
    mend_looks(light, sigma, choice, bad, limb)
    assert light[0, 1, 30, 30] == pytest.approx(true[0, 1, 30, 30], rel=0.01)
    assert np.isnan(light[0, 1, 30, 40])
    assert np.isnan(light[1, 0, 30, 30])
    rest = bad == 0
    np.testing.assert_array_equal(light[rest], true[rest])


def test_without_hits_nothing_is_done():
    light, sigma, limb = looks_at_a_limb()
    before = light.copy()
    mend_looks(light, sigma, np.ones((2, H, W), np.float32), np.zeros(light.shape, np.uint8), limb)
    np.testing.assert_array_equal(light, before)
