"""Fusing strips of constant light, where every mean can be done by hand, and of texture, where seams would show."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from perijove.bodies import JUPITER
from perijove.errors import UsageError
from perijove.geometry.ellipsoid import point_from_centric
from perijove.geometry.mapgrid import MapGrid
from perijove.geometry.projection import Projection
from perijove.instrument import Filter
from perijove.mosaic import Fused, Mode, prepare_mosaic
from perijove.mosaic import fuse as fuse_module
from perijove.render.engine import render

ELSEWHERE = np.array([-1.55e5, -0.2e4, 4.0e4])
OWN = ("strip", "time_s", "count", "rejected")
PLANES = (
    "light",
    "sigma",
    "weight",
    "quality",
    "latitude",
    "longitude",
    "cos_incidence",
    "cos_emission",
    "phase",
    "hit",
)


def spoilt(look, value, seed=None, share=0.1):
    """The look with some pixels of every framelet at another value; a seeded share of them, or one stripe."""
    swath = look.swaths[0]
    light = swath.light.copy()
    where = np.zeros(light.shape, bool)
    if seed is None:
        where[:, 20:40, 380:420] = True
    else:
        where = np.random.default_rng(seed).uniform(size=light.shape) < share
    light[where & np.isfinite(light)] = value
    return replace(look, swaths=(replace(swath, light=light),))


def fused(looks, grid, et0, mode=Mode.BLEND, **given):
    """All of the mosaic."""
    return prepare_mosaic(looks, JUPITER, et0, grid, mode=mode, **given).planes()


def globe(left_deg=-180.0, width=192):
    """An equirectangular map of the whole body."""
    radius = 71492.0
    middle = np.radians(left_deg + 180.0)
    around = 2 * np.pi * radius
    return MapGrid(
        JUPITER, Projection("equirectangular", radius, 0.0, middle), "centric", around / width, -around / 2, around / 4,
        width, width // 2,
    )  # fmt: skip


def assert_same(first: Fused, second: Fused, rows=slice(None), columns=slice(None)):
    """That `second` is a part of `first`, bit for bit."""
    for name in OWN:
        np.testing.assert_array_equal(getattr(first, name)[rows, columns], getattr(second, name), err_msg=name)
    for name in PLANES:
        whole = getattr(first.planes, name)[..., rows, columns]
        np.testing.assert_array_equal(whole, getattr(second.planes, name), err_msg=name)


@pytest.fixture(scope="module")
def textured(look):
    """Three looks with noise of their own, from two places."""
    return [
        spoilt(look("c", 100.0), 180.0, seed=1),
        spoilt(look("a", 97.3, 0.9, place=ELSEWHERE), 60.1, seed=2),
        spoilt(look("b", 31.7, 0.33, side=0.1), 33.3, seed=3),
    ]


@pytest.mark.parametrize("mode", [Mode.MEAN, Mode.MEDIAN])
def test_mean_of_two_constant_strips(look, view, et0, mode):
    # 100 DN in 1 s and 55 DN in a half: 100 and 110 DN/s, seen from one place; of like weight in the light's own grain
    made = fused([look("a", 100.0), look("b", 55.0, 0.5)], view, et0, mode)
    seen = np.isfinite(made.planes.light)
    assert seen.mean() > 0.5
    assert made.planes.light[seen].min() > (103.0 if mode is Mode.MEAN else 104.99)
    assert made.planes.light[seen].max() < 105.01
    assert (made.count[seen[0]] == 2).all()


@pytest.mark.parametrize("mode", list(Mode))
def test_alike_looks_stay_constant(look, view, et0, mode):
    # one covers a part of the other, from elsewhere: where strips end nothing may show
    made = fused([look("a"), look("b", 50.0, 0.5, side=0.25), look("c", place=ELSEWHERE)], view, et0, mode)
    light = made.planes.light[np.isfinite(made.planes.light)]
    np.testing.assert_allclose(light, 100.0, rtol=2e-5)
    assert made.hits.sum() == 0


def test_names_order_and_where_light_is_from(look, view, et0):
    later = replace(look("b", side=0.25), et=et0 + 60.0)
    mosaic = prepare_mosaic([later, look("a")], JUPITER, et0, view, mode="best")
    made = mosaic.planes()
    assert mosaic.names == ("a", "b")
    assert set(np.unique(made.strip)) == {-1, 0, 1}
    np.testing.assert_array_equal(made.time_s[made.strip == 1], 60.0)
    np.testing.assert_array_equal(made.time_s[made.strip == 0], 0.0)
    assert np.isnan(made.time_s[made.strip == -1]).all()
    assert sum(mosaic.share) == pytest.approx(1.0)
    assert mosaic.share[0] == pytest.approx((made.strip == 0).sum() / (made.strip >= 0).sum(), abs=0.05)


@pytest.mark.parametrize("mode", [Mode.BLEND, Mode.MEAN])
def test_neither_order_nor_threads_nor_parts_change_a_bit(textured, view, et0, mode, monkeypatch):
    first, *others = [prepare_mosaic(some, JUPITER, et0, view, mode=mode) for some in permutations(textured)]
    made = first.planes()
    assert np.isfinite(made.planes.light).any()
    for other in others[:2]:
        assert_same(made, replace(other, threads=1).planes())
    assert_same(made, first.planes(33, 101), slice(33, 101))
    assert_same(made, first.planes(7, 90, 21, 77), slice(7, 90), slice(21, 77))
    monkeypatch.setattr(fuse_module, "HEIGHTS", (32,))
    monkeypatch.setattr(fuse_module, "WIDTHS", (16,))
    assert_same(made, first.planes())
    parts = [first.planes(a, b).hits for a, b in ((0, 50), (50, 120))]
    np.testing.assert_array_equal(sum(parts), made.hits)


def test_a_map_goes_round_without_a_seam(look, textured, et0, monkeypatch):
    mosaic = prepare_mosaic(textured[:2], JUPITER, et0, globe())
    assert mosaic.stage.wraps
    made = mosaic.planes()
    monkeypatch.setattr(fuse_module, "HEIGHTS", (48,))
    monkeypatch.setattr(fuse_module, "WIDTHS", (32,))
    assert_same(made, mosaic.planes())
    # cut within what the looks see, or elsewhere: a step of 10 is blended alike
    looks = [look("a"), look("b", 110.0, side=0.15)]
    light, turned = (fused(looks, globe(left), et0).planes.light for left in (-180.0, -90.0))
    other = np.roll(turned, 48, axis=2)
    assert np.isfinite(light[..., :8]).any()
    assert np.isfinite(light[..., -8:]).any()
    known = np.isfinite(light) & np.isfinite(other)
    assert np.count_nonzero(known) > 0.99 * np.count_nonzero(np.isfinite(light))
    np.testing.assert_allclose(light[known], other[known], rtol=2e-3)


def test_a_part_of_the_globe_does_not_go_round(et0, textured):
    part = replace(globe(), width=100)
    assert not prepare_mosaic(textured, JUPITER, et0, part).stage.wraps


def test_hits_are_rejected_and_counted(look, view, et0):
    hit = spoilt(look("c"), 2000.0, seed=4, share=0.002)
    for others in ([look("a")], [look("a"), look("b")]):
        made = fused([*others, hit], view, et0)
        # up to 6 sigma of two looks, 25, and a fiftieth of the light may stay; the view is so coarse that interpolation
        # may show a hit's dark ring alone
        assert np.nanmax(made.planes.light) < 140.0
        assert np.nanmedian(made.planes.light) == pytest.approx(100.0, abs=0.05)
        assert made.hits[-1, 0] > 20
        assert made.hits[:-1].sum() == 0
        assert (made.rejected > 0).sum() == made.hits.sum()
    kept = fused([look("a"), hit], view, et0, Mode.MEAN, reject=np.inf)
    assert np.nanmax(kept.planes.light) > 900.0
    assert kept.hits.sum() == 0


def test_nobody_saw_is_nan(look, view, et0):
    looks = [look("a", frames=3), look("b", frames=3, side=0.15)]
    made = fused(looks, view, et0)
    alone = [render(one.swaths, JUPITER, et0, view).light for one in looks]
    unseen = np.isnan(alone[0]) & np.isnan(alone[1])
    assert 0.1 < unseen.mean() < 0.9
    np.testing.assert_array_equal(np.isnan(made.planes.light), unseen)
    np.testing.assert_array_equal(made.planes.weight == 0.0, unseen)
    np.testing.assert_array_equal(made.strip == -1, unseen[0])


def test_seam_is_smooth(look, view, et0):
    # two strips that overlap by half, 40 DN apart
    made = fused([look("a", 100.0, side=-0.25), look("b", 140.0, side=0.25)], view, et0)
    # lines across the middle: above and below both strips end at once
    light = made.planes.light[0, 45:75]
    assert np.nanmax(light) == pytest.approx(140.0, rel=1e-4)
    assert np.nanmin(light) == pytest.approx(100.0, rel=1e-4)
    # a step of 40 over a seam of a third of the way to the middle, some 17 px, at most twice as steep
    assert 0.5 < np.nanmax(np.abs(np.diff(light, axis=1))) < 40.0 * 2 / 17


def test_filters_of_some_strips_only(look, view, et0):
    looks = [look("a", bands=(Filter.GREEN, Filter.BLUE)), look("b", 50.0, bands=(Filter.RED, Filter.BLUE))]
    mosaic = prepare_mosaic(looks, JUPITER, et0, view, mode=Mode.MEDIAN)
    assert mosaic.bands == (Filter.BLUE, Filter.GREEN, Filter.RED)
    made = mosaic.planes().planes
    for band, level in ((Filter.RED, 50.0), (Filter.GREEN, 100.0), (Filter.BLUE, 75.0)):
        assert np.nanmedian(made.band(band)) == pytest.approx(level)
    assert mosaic.full[Filter.RED] == pytest.approx(looks[1].full_dn)


def test_full_pixels_give_way(look, view, et0):
    # 2 s make the longer look full; the shorter one decides
    made = fused([look("a", 2400.0, 2.0), look("b", 1300.0, 1.0)], view, et0)
    assert np.nanmedian(made.planes.light) == pytest.approx(1300.0, rel=1e-3)


def test_ground_hidden_from_a_look_is_not_taken_from_it(look, view, et0):
    # a look from the other side sees none of what the view shows but by rays through the planet; stars it may see
    across = point_from_centric(-0.15, 3.05 - np.pi, JUPITER.radii_km) * 2.2
    made = fused([look("a", place=across)], view, et0).planes
    assert np.isnan(made.light[0][made.hit]).all()


def test_a_shadow_is_not_taken_from_the_look_that_has_it(look, view, et0):
    # a dark blob of some 25 px of the view on one of two looks
    dark = look("a")
    light = dark.swaths[0].light.copy()
    light[:, :, 350:450] *= 0.2
    dark = replace(dark, swaths=(replace(dark.swaths[0], light=light),))
    made = fused([dark, look("b", place=ELSEWHERE)], view, et0).planes
    # away from the limb, where the other look sees less and less of the same
    assert np.nanmin(made.light[0, 30:90, 30:90]) > 95.0
    alone = fused([dark], view, et0).planes.light
    assert np.nanmin(alone[0, 30:90, 30:90]) < 25.0


def test_sigma_follows_the_light(look, view, et0):
    # without a variance it is that of shot and read noise; of three alike it falls by the root of 3
    one = fused([look("a")], view, et0).planes
    known = np.isfinite(one.light)
    np.testing.assert_allclose(one.sigma[known], np.sqrt(100 / 15 + 1.02**2), rtol=1e-4)
    three = fused([look("a"), look("b"), look("c")], view, et0, Mode.MEAN).planes
    np.testing.assert_allclose(three.sigma[known], one.sigma[known] / np.sqrt(3), rtol=1e-3)


def test_what_cannot_be_fused_is_refused(look, view, et0):
    with pytest.raises(UsageError, match="at least one"):
        prepare_mosaic([], JUPITER, et0, view)
    with pytest.raises(UsageError, match="a is given twice"):
        prepare_mosaic([look("a"), look("a")], JUPITER, et0, view)
    with pytest.raises(UsageError, match="a: a unit of -1"):
        prepare_mosaic([look("a", exposure_s=-1.0)], JUPITER, et0, view)
    with pytest.raises(UsageError, match="0 sigma"):
        prepare_mosaic([look("a")], JUPITER, et0, view, reject=0.0)
    with pytest.raises(UsageError, match="unknown mode 'best of all'"):
        prepare_mosaic([look("a")], JUPITER, et0, view, mode="best of all")
    with pytest.raises(UsageError, match="rows 5 to 500"):
        prepare_mosaic([look("a")], JUPITER, et0, view).planes(5, 500)
