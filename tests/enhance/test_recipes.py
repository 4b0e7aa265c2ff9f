from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from perijove.enhance import RECIPES, apply_recipe
from perijove.enhance.enhanced import tone_curve
from perijove.enhance.masked import smooth
from perijove.errors import UsageError
from perijove.instrument import Filter
from perijove.render.planes import Planes

Lambert = Callable[..., Planes]
GREY = {Filter.BLUE: 2.0, Filter.GREEN: 1.0, Filter.RED: 0.5}
LEVELS = (100.0, 200.0, 400.0)
"""Light of blue, green, red that `GREY` makes grey."""
OF_COLOURS = tuple(name for name in RECIPES if name != "methane-rgb")
"""The recipes that do without methane."""


def radius(planes: Planes) -> NDArray[np.float64]:
    """Distance from the middle of the disc in its radii."""
    y, x = (np.mgrid[:320, :320] + 0.5 - 160) / 130
    return np.hypot(x, y)


def test_linear_multiplies_by_the_balance_and_nothing_else(lambert: Lambert) -> None:
    planes = lambert(LEVELS, noise=1.0, sky=3.0)
    planes.light[0, 5, 5] = np.nan
    picture = apply_recipe("linear", planes, GREY)
    assert (picture.transfer, picture.recipe) == ("linear", "linear")
    assert picture.bands == (Filter.RED, Filter.GREEN, Filter.BLUE)
    np.testing.assert_array_equal(picture.rgb[..., 0], planes.light[2] * np.float32(0.5))
    np.testing.assert_array_equal(picture.rgb[..., 1], planes.light[1])
    np.testing.assert_array_equal(picture.rgb[..., 2], planes.light[0] * 2)
    assert np.isnan(picture.rgb[5, 5]).tolist() == [False, False, True]


def test_natural_is_grey_for_a_grey_ball_and_black_for_the_sky(lambert: Lambert) -> None:
    planes = lambert(LEVELS, sky=2.0)
    picture = apply_recipe("natural", planes, GREY)
    np.testing.assert_allclose(np.ptp(picture.rgb, axis=-1), 0, atol=1e-6)
    assert picture.rgb[planes.altitude_km > 1500].max() < 1e-6
    assert (picture.rgb >= 0.999).mean() < 0.001
    assert (picture.width, picture.height) == (320, 320)


def test_natural_keeps_the_proportions_of_light(lambert: Lambert) -> None:
    planes = lambert((100.0,), bands=(Filter.METHANE,))
    coded = apply_recipe("natural", planes).rgb[..., 0].astype(float)
    light = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    shown = planes.cos_incidence > 0.05
    factor = light[shown] / planes.light[0][shown]
    assert np.ptp(factor) / factor.mean() < 1e-3


@pytest.mark.parametrize("name", ["natural", "enhanced"])
def test_exposure_does_not_depend_on_the_unit_of_light(lambert: Lambert, name: str) -> None:
    one, other = lambert(LEVELS), lambert(tuple(7 * level for level in LEVELS))
    np.testing.assert_allclose(apply_recipe(name, one, GREY).rgb, apply_recipe(name, other, GREY).rgb, atol=2e-5)


@pytest.mark.parametrize("name", ["natural", "enhanced"])
def test_no_data_stays_no_data_and_spreads_to_nothing(lambert: Lambert, name: str) -> None:
    planes = lambert(LEVELS)
    planes.light[:, :, 200:] = np.nan
    planes.light[1, 40:60, 100:120] = np.nan
    picture = apply_recipe(name, planes, GREY)
    missing = np.isnan(planes.light).any(axis=0)
    np.testing.assert_array_equal(np.isnan(picture.rgb), np.repeat(missing[..., None], 3, axis=-1))
    assert np.nanmin(picture.rgb) >= 0
    assert np.nanmax(picture.rgb) <= 1


def test_enhanced_evens_the_light_of_the_day(lambert: Lambert) -> None:
    planes = lambert(LEVELS)
    day = (planes.cos_incidence > 0.35) & (radius(planes) < 0.85)

    def spread(name: str) -> float:
        values = apply_recipe(name, planes, GREY).rgb[day].mean(axis=-1)
        return float(np.ptp(values) / values.mean())

    assert spread("enhanced") < 0.6 * spread("natural")


def test_enhanced_has_no_rim_and_no_halo(lambert: Lambert) -> None:
    planes = lambert(LEVELS)
    value = apply_recipe("enhanced", planes, GREY).rgb.mean(axis=-1)
    r = radius(planes)
    sunward = planes.cos_incidence > 0.5
    inside = value[sunward & (r < 0.9)].max()
    assert value[sunward & (r >= 0.9)].max() < 1.05 * inside
    # the sky is black right up to the edge pixels
    assert value[r > 1.01].max() < 1e-3


def test_enhanced_leaves_the_glow_of_haze_outside_the_limb(lambert: Lambert) -> None:
    planes = lambert(LEVELS)
    r = radius(planes)
    glow = np.where((r >= 1) & (r < 1.02), 0.2, 0.0) * np.array(LEVELS)[:, None, None]
    hazy = replace(planes, light=(planes.light + glow).astype(np.float32))
    value = apply_recipe("enhanced", hazy, GREY).rgb.mean(axis=-1)
    left = (np.arange(320) < 60)[None, :] & (r >= 1) & (r < 1.004)
    assert value[left].mean() > 0.1


def test_enhanced_calms_the_noise_of_the_sky(lambert: Lambert) -> None:
    planes = lambert(LEVELS, noise=1.0, sky=2.0)
    planes.light[0, 10, 10] = 80.0
    sky = planes.altitude_km > 2000
    natural, enhanced = (apply_recipe(name, planes, GREY).rgb[sky] for name in ("natural", "enhanced"))
    assert enhanced.mean() < 0.5 * natural.mean()
    assert enhanced.max() < 0.5 * natural.max()


def test_enhanced_brings_out_clouds_and_their_colour(lambert: Lambert) -> None:
    planes = lambert(LEVELS)
    y, x = np.mgrid[:320, :320]
    cloud = (1 + 0.04 * np.sin(x / 3.0) * np.sin(y / 3.0)).astype(np.float32)
    tint = np.where(y < 160, 1.05, 0.95).astype(np.float32)
    planes = replace(planes, light=planes.light * cloud * np.stack([1 / tint, np.ones_like(tint), tint]))
    day = (planes.cos_incidence > 0.5) & (radius(planes) < 0.8)
    before, after = (apply_recipe(name, planes, GREY).rgb for name in ("natural", "enhanced"))

    def contrast(rgb: NDArray[np.float32]) -> float:
        grey = rgb.mean(axis=-1)
        rough = grey[1:-1, 1:-1] - (grey[:-2, 1:-1] + grey[2:, 1:-1]) / 2
        return float(rough[day[1:-1, 1:-1]].std())

    def colour(rgb: NDArray[np.float32]) -> float:
        above, below = (rgb[day & half].mean(axis=0) for half in (y < 150, y > 170))
        return float(np.log(above[0] / above[2]) - np.log(below[0] / below[2]))

    assert contrast(after) > 1.5 * contrast(before)
    assert colour(after) > 1.5 * colour(before) > 0


def test_a_disc_without_sun_or_data_still_makes_a_picture(lambert: Lambert) -> None:
    for planes in (lambert(LEVELS, sun=False), lambert((0.0, 0.0, 0.0))):
        for name in OF_COLOURS:
            assert np.isfinite(apply_recipe(name, planes, GREY).rgb).all()
    empty = lambert(LEVELS)
    empty.light[:] = np.nan
    for name in OF_COLOURS:
        assert np.isnan(apply_recipe(name, empty, GREY).rgb).all()


def test_planes_are_not_changed(lambert: Lambert) -> None:
    planes = lambert(LEVELS, noise=1.0)
    before = planes.light.copy()
    for name in OF_COLOURS:
        apply_recipe(name, planes, GREY)
    np.testing.assert_array_equal(planes.light, before)


def test_an_unknown_recipe_is_named_with_those_that_are_known(lambert: Lambert) -> None:
    with pytest.raises(
        UsageError, match="'vivid': use one of natural, enhanced, backlit, science, methane-rgb, linear, or a file"
    ):
        apply_recipe("vivid", lambert(LEVELS))


def test_recipes_that_need_backplanes_say_so(lambert: Lambert) -> None:
    planes = replace(lambert(LEVELS), hit=np.empty((0, 0), bool))
    with pytest.raises(UsageError, match="needs backplanes"):
        apply_recipe("enhanced", planes)
    assert apply_recipe("linear", planes).rgb.shape == (320, 320, 3)


def test_tone_curve_keeps_its_fixed_points_and_order() -> None:
    curve = tone_curve(np.linspace(0, 1, 1001, dtype=np.float32)[None], 1.4)[0]
    assert curve[0] == 0
    assert curve[-1] == 1
    assert curve[700] == pytest.approx(0.7, abs=1e-3)
    assert (np.diff(curve) >= 0).all()


@pytest.mark.parametrize("sigma", [2.0, 12.0])
def test_weighted_means_of_a_constant_are_the_constant_near_the_weight(sigma: float) -> None:
    weight = np.zeros((100, 120), np.float32)
    weight[:, :60] = 1
    plane = np.where(weight > 0, 5.0, 1000.0).astype(np.float32)
    (mean,) = smooth([plane], weight, sigma)
    np.testing.assert_allclose(mean[:, :64], 5.0, rtol=2e-3)
