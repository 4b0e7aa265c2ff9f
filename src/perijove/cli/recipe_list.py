"""`perijove recipes`: the recipes that there are, each as the text of its file, and the steps they are made of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from perijove.cli.recipe_option import load_recipe
from perijove.cli.repeat import recipe_in
from perijove.enhance.recipe import Recipe, allowed
from perijove.enhance.recipes import RECIPES, recipe_text, shipped
from perijove.enhance.steps import STEPS, Space
from perijove.io.maps import map_formats
from perijove.io.origin import read_origin


def listed() -> str:
    """A line for each recipe that comes with Perijove."""
    width = max(len(name) for name in RECIPES)
    return "".join(f"{name:{width}}  {shipped(name).title}\n" for name in RECIPES)


def printed(name: str) -> str:
    """The TOML text of a recipe that comes with Perijove, of a file, or of the one that a product was made by.

    Raises UsageError for what is none of these, MapError for a product without provenance.
    """
    if name in RECIPES:
        return recipe_text(name)
    path = Path(name)
    if path.suffix.lower() in map_formats() and path.exists():
        return toml_text(recipe_in(read_origin(path), path))
    return toml_text(load_recipe(name))


def steps_text() -> str:
    """All steps with their numbers as Markdown, those of the recipes that come with Perijove in their order first."""
    used = [done.kind.name for name in RECIPES for done in shipped(name).steps]
    parts = []
    for name in dict.fromkeys([*used, *sorted(STEPS)]):
        kind = STEPS[name]
        notes = [kind.about]
        if kind.needs:
            notes.append(f"Needs {', '.join(f'`{one}`' for one in kind.needs)} before it.")
        if kind.space is not Space.LIGHT:
            notes.append({Space.OKLAB: "Works on lightness.", Space.CODE: "Works on coded colours."}[kind.space])
        rows = [
            f"| `{key}` | {_value(list(usual) if isinstance(usual, tuple) else usual)} | {allowed(usual, limit)} | "
            f"{limit.about} |"
            for key, (usual, limit) in kind.limits.items()
        ]
        head = ["", "| number | usual | allowed | what it is |", "|---|---|---|---|"] if rows else []
        parts.append("\n".join([f"### `{name}`", "", " ".join(notes), *head, *rows]))
    return "\n\n".join(parts) + "\n"


def toml_text(recipe: Recipe) -> str:
    """A recipe as the text of a TOML file, with all numbers written out."""
    tables = recipe.as_tables()
    lines = [f"{key} = {_value(value)}" for key, value in tables.items() if key != "step"]
    for done in recipe.steps:
        lines += ["", "[[step]]", *(f"{key} = {_value(value)}" for key, value in done.as_table().items())]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    """A value as TOML has it; a text of several lines stays one."""
    if isinstance(value, list):
        return f"[{', '.join(_value(part) for part in value)}]"
    # JSON's texts, numbers and words are TOML's, save DEL, which must not stand in a text
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
