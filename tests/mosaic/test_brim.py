"""Full pixels: their border, how a look comes back beside them, and that none of it reaches what others show."""

from dataclasses import replace

import numpy as np
import pytest

from perijove.bodies import JUPITER
from perijove.calibrate.quality import Quality
from perijove.instrument import Filter
from perijove.mosaic import Mode, prepare_mosaic
from perijove.mosaic.brim import BORDER, GONE, NEXT, RAMP, clearance, with_border
from perijove.mosaic.merge import Stack, merge

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
    weight = clearance(full)
    assert (weight[:, 5] == GONE).all()
    np.testing.assert_array_equal(weight[:, 6 + RAMP :], 1.0)
    half = 0.5 / RAMP
    assert weight[1, 6] == pytest.approx(max(half * half * (3 - 2 * half), NEXT), rel=1e-6)
    assert (np.diff(weight[1, 5:]) >= 0.0).all()
    assert np.diff(weight[1, 5:]).max() < 1.6 / RAMP
    assert (clearance(np.zeros((2, 2), bool)) == 1.0).all()


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
