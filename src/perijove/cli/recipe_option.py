"""The option --recipe: the name of a recipe that comes with Perijove, or a file of one's own."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from perijove.errors import UsageError

if TYPE_CHECKING:
    from perijove.enhance.recipe import Recipe

NAMES = ("natural", "enhanced", "backlit", "science", "methane-rgb", "linear")
"""The recipes that come with Perijove, here for the help alone, which is to come without delay."""
MOST_BYTES = 1_000_000
"""A larger file is no recipe."""
_METAVAR = "NAME|FILE.toml"

RecipeOption = Annotated[
    str,
    typer.Option("--recipe", metavar=_METAVAR, help=f"How light becomes colour: {', '.join(NAMES)}; or your own."),
]
OptionalRecipe = Annotated[
    str | None,
    typer.Option("--recipe", metavar=_METAVAR, help=f"{', '.join(NAMES)}, or your own; else linear, in a PNG natural."),
]


def load_recipe(text: str) -> Recipe:
    """The recipe that the text of --recipe means: a name of `NAMES`, or the path of a TOML file.

    Raises UsageError for an unknown name, and for a file that cannot be read or is no recipe.
    """
    from perijove.enhance.recipe import parse_recipe
    from perijove.enhance.recipes import RECIPES, shipped

    name = text.strip()
    if name in RECIPES:
        return shipped(name)
    path = Path(name)
    if path.suffix.lower() != ".toml" and os.sep not in name:
        near = difflib.get_close_matches(name, RECIPES, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise UsageError(f"--recipe {name!r} is none: {hint}give {', '.join(RECIPES)}, or a file that ends in .toml")
    recipe = parse_recipe(read_text(path), str(path), path.stem)
    if recipe.name in RECIPES and recipe.as_tables() != shipped(recipe.name).as_tables():
        raise UsageError(
            f"{path}: its name is {recipe.name}, but the recipe of this name that comes with Perijove is another one: "
            'write another name = "..." into it'
        )
    return recipe


def read_text(path: Path) -> str:
    """The text of a recipe's file; UsageError where there is none that can be read."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"--recipe {path}: {error.strerror}: check the name, or give one of {', '.join(NAMES)}"
        ) from None
    if len(data) > MOST_BYTES:
        raise UsageError(f"--recipe {path} is too large for a recipe: give a TOML file of steps")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise UsageError(f"--recipe {path} is no text in UTF-8: give a TOML file of steps") from None
