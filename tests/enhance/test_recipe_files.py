"""Recipes as files: what is allowed in them, how what is not is refused, and what their steps do."""

import math
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perijove.enhance import RECIPES, apply_recipe
from perijove.enhance.recipe import Recipe, parse_recipe, read_value, recipe_of
from perijove.enhance.recipes import shipped
from perijove.enhance.settings import Settings
from perijove.enhance.steps import STEPS, Limits, step
from perijove.errors import UsageError
from perijove.instrument import Filter
from perijove.render.planes import Planes

Lambert = Callable[..., Planes]
FOUR = (Filter.BLUE, Filter.GREEN, Filter.RED, Filter.METHANE)
LEVELS = (0.3, 0.5, 0.6, 0.03)
FIRST = '[[step]]\ndo = "colours"\n'


def parsed(text: str) -> Recipe:
    return parse_recipe(text, "mine.toml", "mine")


def made(*steps: str) -> Recipe:
    """A recipe of the steps after `colours`, each 'name' or 'name key=value ...'."""
    text = FIRST
    for words in steps:
        name, *numbers = words.split()
        text += f'[[step]]\ndo = "{name}"\n' + "\n".join(numbers) + "\n"
    return parsed(text)


@pytest.mark.parametrize("name", RECIPES)
def test_shipped_recipes_say_what_they_are_and_come_back_from_their_tables(name: str) -> None:
    recipe = shipped(name)
    assert recipe.name == name == str(recipe)
    assert recipe.title
    assert recipe.description
    assert recipe_of(recipe.as_tables(), "there") == recipe
    assert recipe.measured == (name == "linear")


def test_a_file_that_is_silent_gets_its_name_and_the_usual_numbers() -> None:
    recipe = made("white", "expose white=0.5")
    assert (recipe.name, recipe.transfer, recipe.balance) == ("mine", "srgb", "any")
    expose = recipe.as_tables()["step"][2]  # type: ignore[index]
    assert expose == {"do": "expose", "white": 0.5, "shoulder": 0.8}
    # a whole number is a number too
    assert made("stretch white=2").steps[1].numbers.white == 2.0


AFTER = FIRST + "[[step]]\ndo = "
"""A recipe whose second step is yet to be named."""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = [", "mine.toml is no TOML"),
        ("", "mine.toml has no steps: write some, each as"),
        ("step = 3", "mine.toml has no steps"),
        ("step = []", "mine.toml has no steps"),
        ("step = [3]", "mine.toml, step 1 does not say what to do"),
        ("[[step]]\nwhite = 1", 'mine.toml, step 1 does not say what to do: write do = "..." with one of all-filters'),
        ('author = "me"\n' + FIRST, "mine.toml: there is no key 'author': known are name, title"),
        ('tranfer = "srgb"\n' + FIRST, "there is no key 'tranfer': did you mean transfer?"),
        ('transfer = "gamma"\n' + FIRST, "mine.toml: transfer is 'gamma': give \"srgb\" or \"linear\""),
        ('transfer = "linear"\n' + FIRST, 'transfer is "linear", which is for I/F as it is, of all-filters alone'),
        ('balance = "mine"\n' + FIRST, 'balance is \'mine\': give "any" or "solar"'),
        ("name = 3\n" + FIRST, "mine.toml: name is 3: give a text in quotes"),
        ('name = "a\\nb"\n' + FIRST, "give a plain one on one line"),
        (AFTER + '"tone-curv"', "mine.toml, step 2: there is no step 'tone-curv': did you mean tone-curve"),
        (AFTER + '"white"\npercentil = 3', r"step 2 \(white\): there is no number 'percentil': did you mean"),
        (AFTER + '"white"\npercentile = "a"', r"step 2 \(white\): percentile is 'a': give a number from 1 to"),
        (AFTER + '"white"\npercentile = 101', r"\(white\): percentile is 101: give a number from 1 to 100"),
        (AFTER + '"white"\npercentile = nan', "percentile is nan: give a number"),
        (AFTER + '"white"\npercentile = true', "percentile is true: give a number"),
        ('[[step]]\ndo = "colours"\nred = "PINK"', r'step 1 \(colours\): red is \'PINK\': give "BLUE" or "GREEN" or'),
        (AFTER + '"take-shading"\nrelative = 1', "relative is 1: give true or false"),
        (AFTER + '"stretch"\nwhite = 0.1\nblack = 0.2', r"step 2 \(stretch\): white is 0.1 and black 0.2"),
        (FIRST * 2, r"step 2 \(colours\): the first step, and no other, chooses the filters"),
        ('[[step]]\ndo = "white"', r"step 1 \(white\): the first step, and no other.*put one of all-filters, colours"),
        (AFTER + '"expose"', r"step 2 \(expose\) needs the step white: put that one before it"),
        (AFTER + '"dither"\n[[step]]\ndo = "white"', r"step 3 \(white\) works on light, and a step before"),
        (FIRST + '[[step]]\ndo = "white"\n' * 200, "mine.toml has 201 steps: 200 are the most"),
    ],
)  # fmt: skip
def test_bad_files_are_refused_with_the_step_the_key_and_what_is_allowed(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        parsed(text)


def test_lists_that_do_not_go_together_are_refused() -> None:
    for numbers, told in (
        ("scales_px=[4,16] most=[2]", "most has 1 numbers and scales_px 2: give as many"),
        ("scales_px=[16,4] most=[2,2]", "give rising ones"),
        ("scales_px=[] most=[]", r"scales_px is \[\]: give a list, each a number from 0.5 to 400"),
        ("scales_px=3", "scales_px is 3: give a list"),
        ('scales_px=[4,"a"]', r"scales_px is \[4, 'a'\]: give a list"),
    ):
        with pytest.raises(UsageError, match=rf"step 4 \(local-contrast\): .*{told}"):
            made("white", "confidence", f"local-contrast {numbers}")


@pytest.mark.parametrize("name", STEPS)
def test_every_step_allows_its_own_defaults_and_nothing_beyond_its_limits(name: str) -> None:
    kind = STEPS[name]
    assert kind.about.endswith(".")
    assert set(kind.limits) == {entry.name for entry in fields(kind.numbers)}
    for key, (default, limit) in kind.limits.items():
        assert limit.about
        assert read_value(default, default, limit, key) == default
        if limit.allowed or isinstance(default, bool):
            continue
        for beyond in (limit.low - 1, math.nextafter(limit.high, math.inf)):
            wrong = [beyond] * max(limit.least, 1) if limit.many else beyond
            with pytest.raises(UsageError, match=f"^{key} is "):
                read_value(wrong, default, limit, key)


@given(st.floats() | st.integers() | st.booleans() | st.text() | st.none() | st.lists(st.floats(), max_size=3))
def test_a_number_is_finite_and_within_its_limits_or_refused(value: object) -> None:
    limit = Limits("anything", -2.0, 3.0)
    try:
        read = read_value(value, 1.0, limit, "x")
    except UsageError:
        if isinstance(value, int | float) and not isinstance(value, bool):
            assert not (math.isfinite(value) and -2 <= value <= 3)
    else:
        assert isinstance(read, float)
        assert -2.0 <= read <= 3.0


def test_two_steps_cannot_have_one_name() -> None:
    with pytest.raises(ValueError, match="there are two steps 'white'"):
        step("white")(lambda draft, numbers: None)


def test_one_number_can_be_replaced_and_is_checked() -> None:
    recipe = shipped("natural").adjusted("expose", {"white": 0.5})
    assert [done.numbers.white for done in recipe.steps if done.kind.name == "expose"] == [0.5]
    assert replace(recipe, steps=()) == replace(shipped("natural"), steps=())
    with pytest.raises(UsageError, match=r"step 6 \(expose\): white is 2: give a number"):
        shipped("natural").adjusted("expose", {"white": 2})
    with pytest.raises(UsageError, match="the recipe natural has no step dither"):
        shipped("natural").adjusted("dither", {})


def test_what_a_recipe_looks_at_is_the_widest_of_its_steps() -> None:
    assert made("stretch").reach == 0.0
    assert made("white", "confidence", "local-contrast scales_px=[5.0,90.0] most=[2.0,2.0]").reach >= 3 * 90.0
    assert not made("stretch").backplanes
    assert made("white").backplanes


def test_science_is_the_same_whatever_else_is_in_the_picture(lambert: Lambert) -> None:
    planes = lambert(LEVELS[:3], noise=0.01)
    half = replace(planes, light=planes.light.copy())
    half.light[:, :, 160:] = 0.0
    one, other = apply_recipe("science", planes), apply_recipe("science", half)
    assert one.settings == {}
    np.testing.assert_array_equal(one.rgb[:, :160], other.rgb[:, :160])
    # I/F is the code's light: sRGB undone (IEC 61966-2-1)
    code = one.rgb[..., 0].astype(float)
    light = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    np.testing.assert_allclose(light, np.clip(planes.band(Filter.RED), 0, 1), atol=2e-4)


def test_science_takes_a_law_off_without_another_level(lambert: Lambert) -> None:
    planes = lambert(LEVELS[:3])
    twice = apply_recipe("science", replace(planes, light=2 * planes.light))
    gained = apply_recipe("science", planes, gain=np.full((320, 320), 2.0, np.float32))
    np.testing.assert_array_equal(twice.rgb, gained.rgb)


def test_methane_is_blue_and_each_filter_has_its_own_level(lambert: Lambert) -> None:
    planes = lambert(LEVELS, bands=FOUR)
    picture = apply_recipe("methane-rgb", planes)
    assert picture.bands == (Filter.RED, Filter.GREEN, Filter.METHANE)
    day = planes.hit & (planes.cos_incidence > 0.2)
    # all filters see the same ball, however little light they have: it is grey
    np.testing.assert_allclose(np.ptp(picture.rgb[day], axis=-1), 0, atol=2e-3)
    high = replace(planes, light=planes.light.copy())
    high.light[3, 100:140, 100:140] *= 1.5
    spot = apply_recipe("methane-rgb", high).rgb[120, 120]
    assert spot[2] > spot[0] + 0.05
    again = apply_recipe("methane-rgb", planes, given=picture.settings)
    np.testing.assert_array_equal(again.rgb, picture.rgb)


def test_methane_is_asked_for_where_it_is_missing(lambert: Lambert) -> None:
    with pytest.raises(
        UsageError, match=r"the recipe methane-rgb shows RED, GREEN, METHANE, and there is no METHANE here .*mosaic"
    ):
        apply_recipe("methane-rgb", lambert(LEVELS[:3]))
    with pytest.raises(UsageError, match="there is no RED and no GREEN here"):
        shipped("methane-rgb").bands((Filter.METHANE,))


def test_a_filter_may_be_shown_twice(lambert: Lambert) -> None:
    recipe = parsed('[[step]]\ndo = "colours"\nblue = "RED"\n[[step]]\ndo = "stretch"\n')
    picture = apply_recipe(recipe, lambert(LEVELS[:3]))
    np.testing.assert_array_equal(picture.rgb[..., 0], picture.rgb[..., 2])


def test_a_step_that_comes_twice_has_its_own_settings_each_time(lambert: Lambert) -> None:
    planes = lambert(LEVELS[:3], noise=0.005)
    contrast = "local-contrast scales_px=[3.0] most=[2.0]"
    recipe = made("white", "confidence", "expose", contrast, "white percentile=50.0", contrast)
    first = apply_recipe(recipe, planes)
    assert {"white", "white_2", "detail_noise", "detail_noise_2"} <= set(first.settings)
    assert first.settings["detail_noise"] != first.settings["detail_noise_2"]
    again = apply_recipe(recipe, planes, given=first.settings)
    np.testing.assert_array_equal(again.rgb, first.rgb)


def test_steps_on_light_may_follow_steps_on_lightness(lambert: Lambert) -> None:
    planes = lambert(LEVELS[:3])
    plain = apply_recipe(made("white", "expose"), planes)
    # a tone curve of steepness 1 is none: through lightness and back
    same = apply_recipe(made("white", "expose", "tone-curve steepness=1.0", "white percentile=50.0"), planes)
    np.testing.assert_allclose(same.rgb, plain.rgb, atol=2e-3)


def test_a_note_is_told_with_what_was_measured() -> None:
    settings = Settings()
    settings.suffix = "_2"
    settings.one("white", lambda: 1.0)
    settings.note("native_px", 2.0)
    assert settings.chosen == {"white_2": 1.0, "native_px": 2.0}


def test_what_a_caller_leaves_reaches_the_steps_and_the_origin_too(lambert: Lambert) -> None:
    seen: dict[str, Any] = {}

    def look(draft: Any, numbers: object) -> None:
        seen.update(draft.left, origin=draft.origin)

    recipe = made("white", "black", "subtract-black")
    kind = replace(recipe.steps[3].kind, function=look)
    changed = replace(recipe, steps=(*recipe.steps[:3], replace(recipe.steps[3], kind=kind)))
    left: Mapping[str, Any] = {"stars": 3}
    apply_recipe(changed, lambert(LEVELS[:3]), left=left, origin=(7, 9))
    assert seen == {"stars": 3, "origin": (7, 9)}
