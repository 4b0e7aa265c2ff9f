"""Combining strips of constant light: every mean can be done by hand."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from perijove.bodies import JUPITER
from perijove.errors import UsageError
from perijove.geometry.ellipsoid import point_from_centric
from perijove.instrument import Filter
from perijove.mosaic import combine, combine_looks

ELSEWHERE = np.array([-1.55e5, -0.2e4, 4.0e4])


def spoilt(look, value, seed=None):
    """The look with some pixels of every framelet at another value; a seeded tenth of them, or one stripe."""
    swath = look.swaths[0]
    light = swath.light.copy()
    where = np.zeros(light.shape, bool)
    if seed is None:
        where[:, 20:40, 380:420] = True
    else:
        where = np.random.default_rng(seed).uniform(size=light.shape) < 0.1
    light[where & np.isfinite(light)] = value
    return replace(look, swaths=(replace(swath, light=light),))


def test_mean_of_two_constant_strips(look, view, et0):
    # 100 DN in 1 s and 55 DN in a half: 100 and 110 DN/s, seen from one place, so the mean is 105
    made = combine_looks([look("a", 100.0), look("b", 55.0, 0.5)], JUPITER, view, et0, match=False)
    seen = np.isfinite(made.planes.light)
    assert seen.mean() > 0.5
    np.testing.assert_allclose(made.planes.light[seen], 105.0, rtol=1e-6)
    assert made.looks == ("a", "b")
    np.testing.assert_array_equal(made.gains, 1.0)


def test_gains_bring_the_second_to_the_level_of_the_first(look, view, et0):
    # 4 % apart is within what is granted, 10 % is not: then log gain is held at 0.05
    made = combine_looks([look("a", 100.0), look("b", 104.0)], JUPITER, view, et0)
    np.testing.assert_allclose(made.gains[:, 0], [1.0, 1 / 1.04], rtol=1e-3)
    np.testing.assert_allclose(made.planes.light[np.isfinite(made.planes.light)], 100.0, rtol=1e-3)
    made = combine_looks([look("a", 100.0), look("b", 110.0)], JUPITER, view, et0)
    assert made.gains[1, 0] == pytest.approx(np.exp(-0.05))


def test_order_changes_no_bit(look, view, et0):
    looks = [
        spoilt(look("c", 100.0), 180.0, seed=1),
        spoilt(look("a", 97.3, 0.9, place=ELSEWHERE), 60.1, seed=2),
        spoilt(look("b", 31.7, 0.33, side=0.1), 33.3, seed=3),
    ]
    first, *others = [combine_looks(some, JUPITER, view, et0) for some in permutations(looks)]
    assert np.isfinite(first.planes.light).any()
    for other in others:
        assert other.looks == first.looks
        for name in ("light", "weight"):
            np.testing.assert_array_equal(getattr(other.planes, name), getattr(first.planes, name))
        np.testing.assert_array_equal(other.gains, first.gains)
        np.testing.assert_array_equal(other.rejected, first.rejected)


def test_hits_are_rejected_with_three_looks_and_not_with_two(look, view, et0):
    hit = spoilt(look("c"), 2000.0)
    three = combine_looks([look("a"), look("b"), hit], JUPITER, view, et0, match=False)
    seen = np.isfinite(three.planes.light)
    # at the rim of a hit interpolation leaves less than six sigma (noise of 100 DN is 2.7): 12 % of 3 at most
    assert np.abs(three.planes.light[seen] - 100.0).max() < 6 * 2.8 / 3 + 1
    assert np.median(three.planes.light[seen]) == 100.0
    assert three.rejected[2, 0] > 20
    assert three.rejected[:2].sum() == 0
    two = combine_looks([look("a"), hit], JUPITER, view, et0, match=False)
    assert np.nanmax(two.planes.light) > 900.0
    assert two.rejected.sum() == 0


def test_nobody_saw_is_nan(look, view, et0):
    looks = [look("a", frames=3), look("b", frames=3, side=0.15)]
    made = combine_looks(looks, JUPITER, view, et0)
    alone = [combine_looks([one], JUPITER, view, et0).planes.light for one in looks]
    unseen = np.isnan(alone[0]) & np.isnan(alone[1])
    assert 0.1 < unseen.mean() < 0.9
    assert (np.isnan(alone[0]) != np.isnan(alone[1])).any()
    np.testing.assert_array_equal(np.isnan(made.planes.light), unseen)
    np.testing.assert_array_equal(made.planes.weight == 0.0, unseen)


def test_seam_is_smooth(look, view, et0):
    # one strip covers a part of the other, 40 DN apart: the step is spread over the seam
    looks = [look("a", 100.0), look("b", 140.0, side=0.25)]
    made = combine_looks(looks, JUPITER, view, et0, match=False, seam_px=20.0)
    # lines across the middle: above and below both strips end at once
    light = made.planes.light[0, 45:75]
    jump = np.nanmax(np.abs(np.diff(light, axis=1)))
    assert np.nanmax(light) == pytest.approx(140.0, rel=1e-6)
    assert np.nanmin(light) == pytest.approx(100.0, rel=1e-6)
    # a smooth step over 20 px is at most 1.5 / 20 a pixel steep, and so is its mean with a constant 1
    assert 0.5 < jump < 40.0 * 1.5 / 20


def test_filters_of_some_strips_only(look, view, et0):
    looks = [look("a", bands=(Filter.GREEN, Filter.BLUE)), look("b", 50.0, bands=(Filter.RED, Filter.BLUE))]
    made = combine_looks(looks, JUPITER, view, et0, match=False)
    assert set(made.planes.bands) == {Filter.RED, Filter.GREEN, Filter.BLUE}
    for band, level in ((Filter.RED, 50.0), (Filter.GREEN, 100.0), (Filter.BLUE, 75.0)):
        assert np.nanmedian(made.planes.band(band)) == pytest.approx(level)


def test_full_pixels_give_way(look, view, et0):
    # 2 s make the longer look full; the shorter one decides, but for a ten-thousandth
    made = combine_looks([look("a", 2400.0, 2.0), look("b", 1300.0, 1.0)], JUPITER, view, et0, match=False)
    assert np.nanmedian(made.planes.light) == pytest.approx(1300.0, rel=1e-4)


def test_ground_hidden_from_a_look_is_not_taken_from_it(look, view, et0):
    # a look from the other side sees none of what the view shows but by rays through the planet
    across = point_from_centric(-0.15, 3.05 - np.pi, JUPITER.radii_km) * 2.2
    made = combine_looks([look("a", place=across)], JUPITER, view, et0)
    assert np.isnan(made.planes.light).all()


def test_what_cannot_be_combined_is_refused(look, view, et0):
    with pytest.raises(UsageError, match="at least one"):
        combine_looks([], JUPITER, view, et0)
    with pytest.raises(UsageError, match="at least one"):
        combine([], view, et0)
    with pytest.raises(UsageError, match="a is given twice"):
        combine_looks([look("a"), look("a")], JUPITER, view, et0)
    with pytest.raises(UsageError, match="a: a unit of -1"):
        combine_looks([look("a", exposure_s=-1.0)], JUPITER, view, et0)
