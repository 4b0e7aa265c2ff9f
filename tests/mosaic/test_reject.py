"""Radiation hits: found among two looks and more, and in one filter alone; stars, edges and clouds stay."""

import numpy as np
import pytest

from perijove.calibrate.quality import Quality
from perijove.mosaic.reject import fill_holes, find_colours, find_hits

H, W = 60, 80


def hits_in(light, sigma=2.0, sharp=None, alike=None, doubt=None, radius=1, reject=6.0):
    """What `find_hits` finds in one filter, everything but the light being the same everywhere unless it is given."""
    deep = [np.asarray(light, np.float32), np.full(light.shape, sigma, np.float32)]
    deep.append(np.zeros(light.shape, np.uint8) if doubt is None else doubt)
    flat = [np.ones(light.shape, np.float32) if one is None else np.asarray(one, np.float32) for one in (sharp, alike)]
    hits = np.zeros(light.shape, np.uint8)
    find_hits(*(plane[:, None] for plane in deep), *flat, radius, reject, hits[:, None])
    return hits


@pytest.fixture
def light():
    """Three looks at the same even ground, each with its own noise of 2."""
    return (100 + 2 * np.random.default_rng(3).normal(size=(3, H, W))).astype(np.float32)


@pytest.mark.parametrize("looks", [2, 3])
def test_a_hit_is_found_and_only_that(light, looks):
    light = light[:looks]
    light[0, 20:22, 30] += 60
    light[1, 40:43, 50:52] += 90
    hits = hits_in(light)
    assert (hits[0, 20:22, 30] > 0).all()
    assert (hits[1, 40:43, 50:52] > 0).all()
    assert np.count_nonzero(hits) == 8


def test_a_dark_pixel_of_one_look_is_found_and_a_dark_cloud_is_not(light):
    light[0, 20, 30] -= 60
    light[:2, 40, 50] -= 60
    light[1, 41, 51] -= 60
    hits = hits_in(light[:2])
    assert hits[0, 20, 30] == 1
    assert np.count_nonzero(hits) == 1


def test_what_is_beside_a_hit_goes_with_it(light):
    light[0, 20, 30] += 90
    # 9: 3.2 sigma of two looks, too little alone
    light[0, 20, 31] = 109
    light[0, 50, 31] = 109
    hits = hits_in(light[:2])
    assert hits[0, 20, 30] == 1
    assert hits[0, 20, 31] == 2
    assert hits[0, 50, 31] == 0


def test_stars_and_moved_detail_stay(light):
    light[:, 20, 30] += 200
    light[0, 40, 50] += 200
    light[1, 41, 51] += 150
    assert not hits_in(light[:2]).any()


def test_an_edge_that_stands_elsewhere_stays(light):
    # a limb: two pixels apart in two looks
    light[0, :, 40:], light[1, :, 42:] = 5.0, 5.0
    assert not hits_in(light[:2], sigma=1.0).any()


def test_beads_of_a_limb_stay_where_looks_disagree_about_what_is_around_them():
    # the ring around the bead is mostly sky to one look, mostly ground to the other
    light = np.zeros((2, H, W), np.float32)
    light[0, :, :40], light[1, :, :39] = 100.0, 100.0
    light[0, 20, 39], light[1, 20, 39] = 180.0, 200.0
    light[1, 40, 39] = 400.0
    hits = hits_in(light, sigma=1.0)
    assert hits[1, 40, 39] == 1
    assert not hits[:, :30].any()


def test_a_blunt_look_cannot_tell_fine_detail(light):
    # a bright speck of a fifth of the light: real, if the other look's pixels are ten times larger
    light[0, 20, 30] += 22
    assert hits_in(light[:2], sigma=0.8)[0, 20, 30]
    sharp = np.ones((2, H, W))
    sharp[1] = 0.01
    assert not hits_in(light[:2], sigma=0.8, sharp=sharp)[0, 20, 30]


def test_looks_that_see_something_else_have_no_say(light):
    light[0, 20, 30] += 60
    alike = np.ones((2, H, W))
    alike[1] = 0.2
    assert not hits_in(light[:2], alike=alike).any()


def test_half_the_threshold_is_enough_for_what_is_doubted(light):
    # 6 sigma of two looks and a fiftieth of the light are 19, half the sigmas 10.5
    light[0, 20, 30] = 100 + 16
    doubt = np.zeros((2, H, W), np.uint8)
    light[:, 18:23, 28:33] = np.where(light[:, 18:23, 28:33] > 110, 116, 100)
    assert not hits_in(light[:2]).any()
    doubt[0, 20, 30] = Quality.SUSPECT | Quality.HOT
    assert hits_in(light[:2], doubt=doubt)[0, 20, 30]


def test_one_look_is_judged_by_its_other_filters():
    light = np.full((1, 3, H, W), 100.0, np.float32)
    sigma, doubt = np.full_like(light, 2.0), np.zeros(light.shape, np.uint8)
    # in one filter: a hit; in all: a cloud; on dark ground, in one filter: perhaps a star
    light[0, 1, 20, 30] += 50
    light[0, :, 40, 50] += 50
    light[0, :, :, :15] = 1.0
    light[0, 2, 20, 7] += 50
    # dark in one filter: a dead pixel; in all: a cloud
    light[0, 2, 20, 60] -= 50
    light[0, :, 40, 70] -= 50
    hits = np.zeros(light.shape, np.uint8)
    find_colours(light, sigma, doubt, np.ones((1, H, W), np.float32), 1, 6.0, hits)
    assert np.argwhere(hits).tolist() == [[0, 1, 20, 30], [0, 2, 20, 60]]


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_filters_tell_what_another_looks_cloud_would_excuse(side):
    # two looks and three filters of clouds: one filter of one look stands out by 30, the other look by 12 near by
    light = np.full((2, 3, H, W), 100.0, np.float32)
    sigma, doubt = np.full_like(light, 2.0), np.zeros(light.shape, np.uint8)
    light[0, 1, 20, 30] += side * 30
    light[1, :, 21, 31] += side * 12
    # the same where the other look shows it too
    light[0, 1, 40, 30] += side * 30
    light[1, 1, 41, 31] += side * 20
    hits = np.zeros(light.shape, np.uint8)
    alike = np.ones((2, H, W), np.float32)
    find_colours(light, sigma, doubt, alike, 1, 6.0, hits)
    assert np.argwhere(hits).tolist() == [[0, 1, 20, 30]]
    assert not hits_in(light[:, 1])[0].any()


def test_a_hole_is_filled_with_what_is_around():
    light = np.full((2, 9, 9), 4.0, np.float32)
    light[0, 3] = 8.0
    light[0, 4, 4], light[1, 4, 4] = np.nan, np.nan
    sigma, holes = np.ones_like(light), np.zeros(light.shape, np.uint8)
    holes[0, 4, 4] = 1
    fill_holes(light, sigma, holes, 1)
    # three of eight neighbours are 8, five are 4
    assert light[0, 4, 4] == pytest.approx(5.5)
    assert sigma[0, 4, 4] == pytest.approx(np.std([8] * 3 + [4] * 5), rel=1e-6)
    # what was never seen stays so
    assert np.isnan(light[1, 4, 4])
