"""Full pixels: their border, how a look comes back beside them, and that none of it reaches what others show."""

from dataclasses import replace

import numpy as np
import pytest

from perijove.bodies import JUPITER
from perijove.calibrate.quality import Quality
from perijove.instrument import Filter
from perijove.mosaic import Mode, prepare_mosaic
from perijove.mosaic.brim import BORDER, BRIDGE, GONE, NEXT, RAMP, bridge, clearance, held_by, with_border
from perijove.mosaic.merge import Stack, merge
from perijove.mosaic.place import DEEP_NIGHT, night_share

FULL = int(Quality.FULL)


def marked(look, where, light=None):
    """The look with quality and variance, FULL at `where` (an index) of its first filter, of other light there."""
    swaths = []
    for n, swath in enumerate(look.swaths):
        quality, values = np.zeros(swath.light.shape, np.uint8), swath.light.copy()
        if n == 0:
            quality[where] = FULL
            if light is not None:
                values[where] = light
        swaths.append(replace(swath, light=values, quality=quality, variance=np.ones_like(values)))
    return replace(look, swaths=tuple(swaths))


def test_the_border_goes_with_what_is_full(look):
    swath = marked(look("a"), np.s_[3, 30, 200]).swaths[0]
    swath.quality[3, 10, 50] = int(Quality.HOT)
    wide = with_border(swath)
    expected = np.zeros(swath.quality.shape, np.uint8)
    expected[3, 30 - BORDER[0] : 31 + BORDER[0], 200 - BORDER[1] : 201 + BORDER[1]] = FULL
    expected[3, 10, 50] = int(Quality.HOT)
    np.testing.assert_array_equal(wide.quality, expected)
    # what came in is left alone, and what has nothing full is not copied
    assert np.count_nonzero(swath.quality) == 2
    assert with_border(look("b").swaths[0]).quality is None
    empty = replace(swath, quality=np.zeros_like(swath.quality))
    assert with_border(empty) is empty


def test_a_look_comes_back_by_degrees():
    full = np.zeros((3, 40), bool)
    full[:, 5] = True
    weight = clearance(full, np.ones_like(full))
    assert (weight[:, 5] == GONE).all()
    sky = clearance(full, np.zeros_like(full))
    np.testing.assert_array_equal(sky, np.where(full, GONE, np.float32(1.0)))
    np.testing.assert_array_equal(weight[:, 6 + RAMP :], 1.0)
    half = 0.5 / RAMP
    assert weight[1, 6] == pytest.approx(max(half * half * (3 - 2 * half), NEXT), rel=1e-6)
    assert (np.diff(weight[1, 5:]) >= 0.0).all()
    assert np.diff(weight[1, 5:]).max() < 1.6 / RAMP
    assert (clearance(np.zeros((2, 2), bool), np.ones((2, 2), bool)) == 1.0).all()


def test_what_is_full_in_one_filter_is_taken_from_another_look_in_all(look, view, et0):
    bands = (Filter.GREEN, Filter.RED)
    stripe = np.s_[:, 20:40, 300:500]
    long, short = look("long", 1000.0, 10.0, bands=bands), look("short", 100.0, 1.0, bands=bands)
    given = [marked(long, stripe, 400.0), marked(short, np.s_[:0])]
    made = prepare_mosaic(given, JUPITER, et0, view, mode=Mode.BLEND, reject=np.inf).planes()
    seen = np.isfinite(made.planes.light).all(axis=0)
    assert (made.strip[seen] == 1).any()
    assert (made.strip[seen] == 0).any()
    # neither the full light nor anything of it in the octaves near by
    np.testing.assert_allclose(made.planes.light[:, seen], 100.0, rtol=1e-4)


def test_ground_and_sky_are_blended_apart():
    ground = np.zeros((64, 64), bool)
    ground[:, :32] = True
    # two looks agree about the sky; about the ground they differ, and each is the best of one half
    light = np.full((2, 1, 64, 64), 5.0, np.float32)
    light[0, 0, :, :32], light[1, 0, :, :32] = 100.0, 300.0
    choice = np.ones((2, 64, 64), np.float32)
    choice[0, 32:], choice[1, :32] = 0.5, 0.5
    sigma = np.ones_like(light)
    apart = merge(Stack(light, sigma, choice.copy(), choice.copy(), ground), Mode.BLEND, 1.0).light[0]
    np.testing.assert_allclose(apart[:, 32:], 5.0, rtol=1e-5)
    assert (apart[:, :32] >= 99.9).all()
    together = merge(Stack(light, sigma, choice.copy(), choice.copy()), Mode.BLEND, 1.0).light[0]
    assert np.abs(together[:, 32:] - 5.0).max() > 1.0


def test_a_bridge_goes_smoothly_from_one_side_to_the_other():
    # ground of 100 and 50, sky of 1 and 2, and between them 12 lost columns, one of them without any light
    light = np.empty((2, 40, 90), np.float32)
    light[0, :, :40], light[1, :, :40], light[0, :, 40:], light[1, :, 40:] = 100.0, 50.0, 1.0, 2.0
    sigma = np.full_like(light, 0.1)
    lost = np.zeros((40, 90), bool)
    lost[:, 40:52] = True
    light[:, lost] = 777.0
    light[1, :, 45] = np.nan
    before = light.copy()
    bridge(light, sigma, lost)
    np.testing.assert_array_equal(light[:, ~lost], before[:, ~lost])
    np.testing.assert_array_equal(sigma[:, lost], light[:, lost])
    for b, (first, last) in enumerate([(100.0, 1.0), (50.0, 2.0)]):
        logs = np.log(light[b, 20, 39:53])
        assert (np.diff(logs) <= 0.0).all()
        assert np.diff(logs).min() > 3.0 * np.log(last / first) / 13
        # half way in the logarithm at half way across
        assert np.exp(logs[6:8].mean()) == pytest.approx(np.sqrt(first * last), rel=0.05)


def test_what_is_far_from_all_that_is_known_stays():
    light, lost = np.full((1, 8, 200), 7.0, np.float32), np.ones((8, 200), bool)
    lost[:, :10] = False
    light[:, :, :10] = 3.0
    bridge(light, np.ones_like(light), lost)
    np.testing.assert_allclose(light[0, :, 10 : 10 + BRIDGE - 16], 3.0, rtol=1e-5)
    assert (light[0, :, 10 + BRIDGE :] == 7.0).all()


def test_by_night_noise_alone_decides(look, view, et0):
    # the look from the viewpoint is the noisier; by day it is the best, by night the other one is
    share = night_share(np.array([0.5, DEEP_NIGHT[0], sum(DEEP_NIGHT) / 2, DEEP_NIGHT[1], -1.0, np.nan], np.float32))
    np.testing.assert_allclose(share, [0.0, 0.0, 0.5, 1.0, 1.0, 0.0], atol=1e-6)
    own = marked(look("own", 100.0), np.s_[:0])
    noisy = replace(own, swaths=tuple(replace(s, variance=np.full_like(s.light, 36.0)) for s in own.swaths))
    aside = marked(look("quiet", 100.0, place=np.array([-1.58e5, 2.9e4, 2.5e4])), np.s_[:0])
    sun = JUPITER.body_from_j2000(et0).T @ np.array([0.0, 1.0, 0.0])
    made = prepare_mosaic([noisy, aside], JUPITER, et0, view, reject=np.inf, seam_px=1.0, sun_direction=sun).planes()
    steep = made.planes.hit & (made.planes.cos_emission > 0.5) & (made.count == 2)
    night, day = steep & (made.planes.cos_incidence < -0.27), steep & (made.planes.cos_incidence > 0.0)
    assert (made.strip[night] == 1).mean() > 0.99
    assert (made.strip[day] == 0).mean() > 0.99


def crossed():
    """A bridge of 3 px in two bands, a to 4 a across it: light, sigma, what is lost, and what is known to be there."""
    light = np.stack([np.full((9, 41), 10.0), np.full((9, 41), 30.0)]).astype(np.float32)
    lost = np.zeros((9, 41), bool)
    lost[:, 19:22] = True
    light[:, lost] = np.nan
    return light, np.full_like(light, 0.1), lost


def test_a_filter_that_is_not_full_tells_how_bright_a_bridge_is():
    light, sigma, lost = crossed()
    held, full = np.full_like(light, 50.0), np.full_like(light, 50.0)
    held[0] = 20.0
    bridge(light, sigma, lost, held, full)
    # the colour is that of both sides, three to one
    np.testing.assert_allclose(light[0][lost], 20.0, rtol=1e-4)
    np.testing.assert_allclose(light[1][lost], 60.0, rtol=1e-4)
    np.testing.assert_array_equal(sigma[:, lost], light[:, lost])


def test_where_all_is_full_no_band_is_below_what_was_held():
    light, sigma, lost = crossed()
    held = np.full_like(light, 50.0)
    bridge(light, sigma, lost, held, held.copy())
    np.testing.assert_allclose(light[0][lost], 50.0, rtol=1e-4)
    np.testing.assert_allclose(light[1][lost], 150.0, rtol=1e-4)


def test_beside_what_is_full_a_bridge_goes_down_to_the_other_side():
    light, sigma, lost = crossed()
    lost[:, 19:31] = True
    held, full = np.full_like(light, 1.0), np.full_like(light, 50.0)
    held[:, :, 19:22] = 50.0
    bridge(light, sigma, lost, held, full)
    row = light[0, 4, 21:31]
    assert row[0] == pytest.approx(50.0, rel=1e-3)
    assert ((row > 9.99) & (row < 50.1)).all()
    assert row[1] > 40.0 > 20.0 > row[-4]


def test_the_heaviest_full_look_tells_what_was_held():
    light = np.arange(2 * 2 * 3, dtype=np.float32).reshape(2, 2, 1, 3)
    choice = np.array([[[3.0, 1.0, 2.0]], [[1.0, 3.0, 1.0]]], np.float32)
    hot = np.array([[[True, True, False]], [[True, True, False]]])
    full = np.array([[7.0, 8.0], [9.0, 10.0]], np.float32)
    held, most = held_by(light, choice, hot, full)
    np.testing.assert_array_equal(held[:, 0], [[0.0, 7.0, np.nan], [3.0, 10.0, np.nan]])
    np.testing.assert_array_equal(most[:, 0, :2], [[7.0, 9.0], [8.0, 10.0]])
