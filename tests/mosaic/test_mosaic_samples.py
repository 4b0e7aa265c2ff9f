"""Samples of common ground: what a look blurs, and what it sees beside the limb, does not come into them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import uniform_filter

from perijove.bodies import GANYMEDE, JUPITER
from perijove.calibrate.quality import Quality
from perijove.mosaic.samples import (
    BOX,
    CLEAR_PX,
    LEAST_EMISSION,
    boxed,
    emission_at,
    limb_px_km,
    take_samples,
)


def sunlit(one):
    """A strip with variance and quality that knows its Sun, behind the camera."""
    swaths = tuple(
        replace(s, variance=np.full_like(s.light, 1.0), quality=np.zeros(s.light.shape, np.uint8)) for s in one.swaths
    )
    return replace(one, swaths=swaths, sun=one.position_km / np.linalg.norm(one.position_km))


def test_means_over_squares_are_those_of_scipy():
    planes = np.random.default_rng(1).normal(1.0, 0.3, (2, 23, 17)).astype(np.float32)
    planes[0, 11, 8] = np.nan
    found, edge = boxed(planes), BOX // 2
    whole = uniform_filter(planes[1].astype(float), BOX)[edge:-edge, edge:-edge]
    np.testing.assert_allclose(found[1, edge:-edge, edge:-edge], whole, rtol=1e-12)
    # nothing is made up beside the map, nor where a px is missing
    missing = np.isnan(found[0])
    rim = np.ones_like(missing)
    rim[edge:-edge, edge:-edge] = False
    rim[11 - edge : 12 + edge, 8 - edge : 9 + edge] = True
    np.testing.assert_array_equal(missing, rim)
    assert np.isnan(boxed(planes[:, : BOX - 1])).all()


@given(st.floats(0.01, 0.99))
def test_how_far_inside_the_limb_ground_lies(cosine):
    # the line of sight to ground seen at the angle e passes R sin e from the centre
    radius = float(np.mean(GANYMEDE.radii_km))
    inside = radius * (1.0 - np.sqrt(1.0 - cosine**2))
    assert emission_at(inside, GANYMEDE) == pytest.approx(cosine, rel=1e-9)


def test_ground_stays_clear_of_the_limb(look, et0):
    near, far = sunlit(look("a")), sunlit(look("b", place=6.0 * np.array([-1.6e5, 1.5e4, 2.5e4]), frames=9))
    least = [float(take_samples([one], JUPITER, et0).cos_e.min()) for one in (near, far)]
    # from 162 635 and 975 807 km the limb of a sphere of 69 946 km is 146 800 and 973 300 km away; px are 2 x 2
    assert limb_px_km(far, JUPITER) == pytest.approx(973_300 / 1480.59, rel=1e-3)
    assert least[0] > LEAST_EMISSION
    assert least[1] > emission_at(CLEAR_PX * 2.0 * 973_300 / 1480.59, JUPITER) > 0.29


def test_a_look_that_blurs_sees_the_same_ground_as_bright(look, et0):
    # stripes 650 km apart below the camera, a fifth brighter and darker than the mean; the other look blurs them away
    sharp = sunlit(look("a"))
    swath = sharp.swaths[0]
    light = swath.light * (1.0 + 0.2 * np.sign(np.sin(2.0 * np.pi * np.arange(swath.light.shape[2]) / 3.0 + 0.5)))
    blurred = np.where(np.isfinite(swath.light), np.float32(np.nanmean(light)), np.float32(np.nan))
    a, b = (
        replace(sharp, name=name, swaths=(replace(swath, light=plane.astype(np.float32)),))
        for name, plane in (("a", light), ("b", blurred))
    )
    samples = take_samples([a, b], JUPITER, et0)
    one, other = (samples.light[0][samples.look == k] for k in range(2))
    # px by px they are 5 % apart; squares of 25 px take it down fivefold at least
    assert float(np.std(one / other)) < 0.01
    assert float(np.mean(one / other)) == pytest.approx(1.0, abs=1e-3)


def test_where_a_pixel_is_full_no_square_is_used(look, et0):
    one = sunlit(look("a"))
    swath = one.swaths[0]
    quality = swath.quality.copy()
    quality[6, 30, 400] = int(Quality.FULL)
    spoilt = replace(one, swaths=(replace(swath, quality=quality),))
    every, some = (take_samples([x], JUPITER, et0).place.size for x in (one, spoilt))
    assert 0 < every - some <= 4 * BOX * BOX
