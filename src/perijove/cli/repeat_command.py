"""The options of `perijove repeat` and `perijove recipes`; what they do is imported only when they are called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from perijove.cli.common import command
from perijove.cli.options import Json, Quiet
from perijove.errors import UsageError

DIFFERENT = 1
"""Exit code where the new product is not the old one."""


def repeat(
    product: Annotated[Path, typer.Argument(metavar="PRODUCT", help="A picture, map or mosaic of Perijove's.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="OUT", help="Where to; else beside it, as NAME-repeated.")
    ] = None,
    inputs: Annotated[
        Path | None,
        typer.Option("--inputs", metavar="DIR", help="Where strips, labels and the like are; else beside it, or here."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there already.")] = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Make a product again from what is written in it, and say whether it is the same bit for bit."""
    with command():
        from perijove.cli.repeat import RepeatRequest, run_repeat

        same = run_repeat(RepeatRequest(product, output, inputs, overwrite, quiet, json))
    if not same:
        raise typer.Exit(DIFFERENT)


def recipes(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME|FILE", help="A recipe, or a product, whose recipe is printed.")
    ] = None,
    steps: Annotated[bool, typer.Option("--steps", help="Print all steps with their numbers, as Markdown.")] = False,
) -> None:
    """List the recipes, or print one as TOML, to be changed and given to --recipe."""
    with command():
        from perijove.cli.recipe_list import listed, printed, steps_text

        if steps and name is not None:
            raise UsageError("--steps are those of all recipes: leave the name out")
        print(steps_text() if steps else listed() if name is None else printed(name), end="")
