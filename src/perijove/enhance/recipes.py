"""Recipes: from rendered planes to a picture."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

# the modules whose steps recipes are made of
from perijove.enhance import backlit as _backlit
from perijove.enhance import enhanced as _enhanced
from perijove.enhance import light as _light
from perijove.enhance.exposure import encode_srgb, lit_disc
from perijove.enhance.oklab import from_lab, to_lab
from perijove.enhance.picture import Picture
from perijove.enhance.recipe import Recipe, parse_recipe
from perijove.enhance.settings import Settings
from perijove.enhance.steps import Draft, Space
from perijove.errors import UsageError
from perijove.instrument import Filter
from perijove.render.planes import Planes

Balance = Mapping[Filter, float] | None
Full = Mapping[Filter, float] | None
Given = Mapping[str, float] | None
Gain = NDArray[np.float32] | None

STEP_MODULES = (_light, _enhanced, _backlit)
RECIPES = ("natural", "enhanced", "backlit", "science", "methane-rgb", "linear")
"""The recipes that come with Perijove, by the names of their files in `data/recipes`."""


def recipe_text(name: str) -> str:
    """The TOML text of a recipe that comes with Perijove; UsageError for a name that is none of `RECIPES`."""
    if name not in RECIPES:
        raise UsageError(f"unknown recipe {name!r}: use one of {', '.join(RECIPES)}, or a file that ends in .toml")
    return (resources.files("perijove") / "data" / "recipes" / f"{name}.toml").read_text(encoding="utf-8")


@functools.cache
def shipped(name: str) -> Recipe:
    """A recipe that comes with Perijove; UsageError for a name that is none of `RECIPES`."""
    return parse_recipe(recipe_text(name), f"{name}.toml", name)


def apply_recipe(
    recipe: Recipe | str,
    planes: Planes,
    balance: Balance = None,
    full: Full = None,
    given: Given = None,
    gain: Gain = None,
    left: Mapping[str, Any] | None = None,
    origin: tuple[int, int] = (0, 0),
) -> Picture:
    """The picture that a recipe, or the shipped one of a name, makes of rendered planes.

    `balance` maps a filter to its white-balance factor, `full` to the light, in the unit of the planes, from which a
    pixel of the camera is full (None for never). `given` are the settings of a picture of the same light, to be taken
    instead of this one's own: so a picture can be made in parts. `gain` (h, w) takes the shading off; 'enhanced' then
    takes off none of its own. 'linear' has no use for either. `left` is handed to the steps that ask for it by name.
    `origin` is the line and sample of the planes' first pixel in the whole picture.

    Raises UsageError for an unknown recipe, missing backplanes, and filters that the recipe needs and are not there.
    """
    recipe = shipped(recipe) if isinstance(recipe, str) else recipe
    backplanes = planes.hit.shape == planes.light.shape[1:]
    if recipe.backplanes and not backplanes:
        raise UsageError(f"the recipe {recipe.name} needs backplanes: render with them, or use the recipe linear")
    recipe.bands(planes.bands)
    lit = lit_disc(planes) if backplanes else np.zeros(planes.light.shape[1:], bool)
    settings = Settings(given)
    draft = Draft(planes, settings, lit=lit, balance=balance, full=full, gain=gain, left=left, origin=origin)
    times: Counter[str] = Counter()
    for done in recipe.steps:
        name = done.kind.name
        times[name] += 1
        settings.suffix = "" if times[name] == 1 else f"_{times[name]}"
        turn_into(draft, done.kind.space)
        done.kind.function(draft, done.numbers)
    turn_into(draft, Space.CODE if recipe.transfer == "srgb" else Space.LIGHT)
    return Picture(
        draft.light, draft.bands, recipe.transfer, recipe.name, settings.chosen, draft.sigma, draft.quality
    )  # fmt: skip


def turn_into(draft: Draft, space: Space) -> None:
    """Make the numbers of a draft those of another space; there is no way back from coded colours."""
    if draft.space is space:
        return
    assert draft.space is not Space.CODE  # such a recipe is refused
    if space is Space.OKLAB:
        draft.lab = to_lab(draft.light)
    elif draft.space is Space.OKLAB:
        from_lab(draft.lab, draft.light)
    if space is Space.CODE:
        encode_srgb(draft.light)
    draft.space = space
