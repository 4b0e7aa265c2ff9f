"""Recipes with the settings of another picture, and with the shading taken off first."""

from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from perijove.enhance.recipes import apply_recipe
from perijove.enhance.settings import Settings
from perijove.instrument import Filter
from perijove.render.planes import Planes

Lambert = Callable[..., Planes]
GREY = {Filter.BLUE: 2.0, Filter.GREEN: 1.0, Filter.RED: 0.5}
LEVELS = (100.0, 200.0, 400.0)
"""Light of blue, green, red that `GREY` makes grey."""
BANDS = (Filter.RED, Filter.GREEN, Filter.BLUE)
RECIPES = ["natural", "enhanced"]


def linear(code: NDArray[np.float32]) -> NDArray[np.float64]:
    """Linear light of sRGB's code (IEC 61966-2-1)."""
    code = code.astype(float)
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)


def cut(planes: Planes, rows: slice, columns: slice) -> Planes:
    """A part of planes."""
    parts = {}
    for field in fields(planes):
        value = getattr(planes, field.name)
        if isinstance(value, np.ndarray) and value.ndim >= 2 and value.shape[-1] == planes.light.shape[-1]:
            parts[field.name] = value[..., rows, columns]
    return replace(planes, **parts)


def never() -> float:
    raise AssertionError("measured though it was given")


def test_settings_are_measured_once_and_then_taken() -> None:
    first = Settings()
    assert first.measuring
    assert first.one("white", lambda: 2) == 2.0
    np.testing.assert_array_equal(first.each("black", BANDS, lambda: np.array([1.0, 2.0, 3.0])), [1.0, 2.0, 3.0])
    assert first.chosen == {"white": 2.0, "black_red": 1.0, "black_green": 2.0, "black_blue": 3.0}
    second = Settings(first.chosen)
    assert not second.measuring
    assert second.one("white", never) == 2.0
    black = second.each("black", BANDS[::-1], never)  # type: ignore[arg-type]
    # by their names, in whatever order they are wanted
    np.testing.assert_array_equal(black, [3.0, 2.0, 1.0])
    assert second.chosen == first.chosen


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("full", [None, {Filter.RED: 330.0, Filter.GREEN: 900.0, Filter.BLUE: 900.0}])
@pytest.mark.parametrize("shaded", [False, True])
def test_its_own_settings_make_the_same_picture_to_the_last_bit(
    lambert: Lambert, name: str, full: dict[Filter, float] | None, shaded: bool
) -> None:
    planes = lambert(LEVELS, noise=2.0, sky=3.0)
    gain = (1.0 / (0.3 + np.nan_to_num(planes.cos_incidence).clip(0))).astype(np.float32) if shaded else None
    first = apply_recipe(name, planes, GREY, full, gain=gain)
    again = apply_recipe(name, planes, GREY, full, first.settings, gain)
    np.testing.assert_array_equal(again.rgb, first.rgb)
    assert again.settings == first.settings
    if full is not None:
        assert first.settings["recovered"] > 0
        assert first.settings["ratio_red"] == pytest.approx(1.0, rel=0.02)


def test_natural_with_a_white_twice_as_high_has_half_the_light(lambert: Lambert) -> None:
    planes = lambert(LEVELS)
    own = apply_recipe("natural", planes, GREY)
    other = apply_recipe("natural", planes, GREY, given={**own.settings, "white": 2 * own.settings["white"]})
    # beneath the shoulder, and where the eight bits of a code would tell
    below = (linear(own.rgb) < 0.7) & (linear(own.rgb) > 0.02)
    assert below.mean() > 0.2
    np.testing.assert_allclose(linear(other.rgb)[below], 0.5 * linear(own.rgb)[below], rtol=2e-3)


def test_natural_made_in_parts_is_the_whole(lambert: Lambert) -> None:
    planes = lambert(LEVELS, noise=2.0, sky=3.0)
    whole = apply_recipe("natural", planes, GREY)
    for rows, columns in ((slice(0, 130), slice(0, 320)), (slice(130, 320), slice(40, 90)), (slice(5, 9), slice(3, 7))):
        part = apply_recipe("natural", cut(planes, rows, columns), GREY, given=whole.settings)
        np.testing.assert_array_equal(part.rgb, whole.rgb[rows, columns])
    # by itself a part of the night would be made as bright as day
    night = cut(planes, slice(120, 200), slice(230, 290))
    lone = apply_recipe("natural", night, GREY)
    assert np.nanmean(lone.rgb) > 1.5 * np.nanmean(whole.rgb[120:200, 230:290])


def test_enhanced_made_in_parts_is_the_whole_but_for_the_rims_of_the_parts(lambert: Lambert) -> None:
    planes = lambert(LEVELS, noise=1.0, sky=3.0)
    # a camera pixel of half a pixel: what the recipe looks around for ends within the part
    planes = replace(planes, native=0.3)
    whole = apply_recipe("enhanced", planes, GREY)
    part = apply_recipe("enhanced", cut(planes, slice(0, 320), slice(0, 240)), GREY, given=whole.settings)
    np.testing.assert_allclose(part.rgb[:, :90], whole.rgb[:, :90], atol=1 / 255)
    assert np.abs(part.rgb[:, :200] - whole.rgb[:, :200]).mean() < 1 / 255


@pytest.mark.parametrize("name", RECIPES)
def test_a_setting_that_is_missing_is_not_made_up(lambert: Lambert, name: str) -> None:
    planes = lambert(LEVELS)
    settings = apply_recipe(name, planes, GREY).settings
    for key in settings.keys() - {"native_px"}:
        rest = {other: value for other, value in settings.items() if other != key}
        with pytest.raises(KeyError, match=key):
            apply_recipe(name, planes, GREY, given=rest)


@pytest.mark.parametrize("name", RECIPES)
def test_a_gain_that_is_the_same_everywhere_changes_nothing(lambert: Lambert, name: str) -> None:
    planes = lambert(LEVELS, noise=1.0)
    one, five = (apply_recipe(name, planes, GREY, gain=np.full((320, 320), value, np.float32)) for value in (1.0, 5.0))
    np.testing.assert_allclose(one.rgb, five.rgb, atol=1e-4)
    assert five.settings["shading"] == 5.0


def test_a_gain_takes_the_shading_off_and_keeps_the_colour(lambert: Lambert) -> None:
    planes = lambert((60.0, 200.0, 500.0))
    cosine = np.nan_to_num(planes.cos_incidence)
    gain = (1.0 / np.maximum(cosine, 0.05)).astype(np.float32)
    plain, flat = apply_recipe("natural", planes, GREY), apply_recipe("natural", planes, GREY, gain=gain)
    day = planes.hit & (cosine > 0.3)
    light = linear(flat.rgb)[day]
    # an even ball is even, in each colour
    assert (np.ptp(light, axis=0) < 2e-3 * light.mean(axis=0)).all()
    # and of the colour that it had: in the unrolled part of the plain picture
    low = day & (linear(plain.rgb).max(axis=-1) < 0.7)
    before = linear(plain.rgb)[low]
    ratio = before / before[:, :1]
    np.testing.assert_allclose(np.median(ratio, axis=0), light[0] / light[0, 0], rtol=5e-3)
    # full light is as bright as it was: the median over the ground that is well lit
    assert flat.settings["shading"] == pytest.approx(float(np.median(gain[day])), rel=1e-3)


def test_enhanced_takes_off_no_shading_of_its_own_where_a_gain_does(lambert: Lambert) -> None:
    planes = lambert(LEVELS)
    day = planes.hit & (planes.cos_incidence > 0.35) & (planes.cos_emission > 0.6)
    own = apply_recipe("enhanced", planes, GREY).rgb[day].mean(axis=-1)
    none = apply_recipe("enhanced", planes, GREY, gain=np.ones((320, 320), np.float32)).rgb[day].mean(axis=-1)
    assert np.ptp(none) > 1.5 * np.ptp(own)


def test_linear_has_no_settings(lambert: Lambert) -> None:
    planes = lambert(LEVELS)
    picture = apply_recipe("linear", planes, GREY, given={"white": 3.0}, gain=np.full((320, 320), 2.0, np.float32))
    assert picture.settings == {}
    np.testing.assert_array_equal(picture.rgb, apply_recipe("linear", planes, GREY).rgb)
