"""Recipe: named steps with numbers, as a small TOML file holds them, checked against what each step allows."""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, cast

from perijove.enhance.steps import STEPS, Limits, Space, Step
from perijove.errors import UsageError
from perijove.instrument import Filter

Transfer = Literal["srgb", "linear"]
TRANSFERS = ("srgb", "linear")
BALANCES = ("any", "solar")
_TOP = ("name", "title", "description", "transfer", "balance", "step")

MOST_STEPS = 200
"""A recipe of more steps is a slip."""


@dataclass(frozen=True)
class Done:
    """One step of a recipe: its kind, and its numbers, an instance of `kind.numbers`."""

    kind: Step
    numbers: Any

    def as_table(self) -> dict[str, object]:
        """The step as a table of a recipe's file, with every number."""
        values = {entry.name: getattr(self.numbers, entry.name) for entry in fields(self.numbers)}
        return {"do": self.kind.name} | {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}


@dataclass(frozen=True)
class Recipe:
    """How rendered light becomes a picture: steps in order.

    `transfer` is 'srgb' for a picture for the eye, 'linear' for I/F as it is. `balance` 'solar' means that no other
    white balance may be asked for.
    """

    name: str
    title: str
    description: str
    transfer: Transfer
    balance: str
    steps: tuple[Done, ...]

    def __str__(self) -> str:
        """The recipe's name."""
        return self.name

    @property
    def measured(self) -> bool:
        """Whether the light is left as it is, in its unit: no step changes it, nor a transfer function."""
        return self.transfer == "linear"

    @property
    def keeps_night(self) -> bool:
        """Whether faint light beyond the terminator is treated, so that it is worth being in the picture."""
        return any(step.kind.name == "faint-light" for step in self.steps)

    @property
    def backplanes(self) -> bool:
        """Whether a step needs the geometry of the pixels."""
        return any(step.kind.backplanes for step in self.steps)

    @property
    def reach(self) -> float:
        """How many camera pixels around a place the step looks that looks farthest."""
        return float(max(step.kind.reach(step.numbers) for step in self.steps))

    def bands(self, bands: tuple[Filter, ...]) -> tuple[Filter, ...]:
        """The filters that a picture shows, of those that there are; UsageError where one is missing."""
        first = self.steps[0]
        assert first.kind.bands is not None
        try:
            return first.kind.bands(first.numbers, bands)
        except UsageError as error:
            raise UsageError(f"the recipe {self.name} {error}") from None

    def adjusted(self, step: str, numbers: Mapping[str, object]) -> Recipe:
        """The recipe with some numbers of every step of this name replaced; UsageError where there is no such step."""
        if step not in [done.kind.name for done in self.steps]:
            raise UsageError(f"the recipe {self.name} has no step {step}: choose one that has, such as backlit")
        changed = [
            replace(done, numbers=_read_numbers({**done.as_table(), **numbers}, done.kind, f"step {place} ({step})"))
            if done.kind.name == step
            else done
            for place, done in enumerate(self.steps, 1)
        ]
        return replace(self, steps=tuple(changed))

    def as_tables(self) -> dict[str, object]:
        """The recipe as the tables of its file, with all defaults written out."""
        return {
            "name": self.name, "title": self.title, "description": self.description, "transfer": self.transfer,
            "balance": self.balance, "step": [done.as_table() for done in self.steps],
        }  # fmt: skip


def parse_recipe(text: str, where: str, name: str) -> Recipe:
    """The recipe of a TOML text; `where` names the file in errors, `name` is the recipe's where it gives none.

    UsageError for what is no recipe: it tells the file, the step by its number, the key and what is allowed.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{where} is no TOML ({error}): mend it there") from None
    return recipe_of(tables, where, name)


def recipe_of(tables: Mapping[str, object], where: str, name: str = "") -> Recipe:
    """The recipe of a TOML file's tables, as `as_tables` gives them; errors as in `parse_recipe`."""
    _refuse_unknown(tables, _TOP, where, "there is no key")
    steps = tables.get("step")
    if not isinstance(steps, Sequence) or isinstance(steps, str) or not steps:
        raise UsageError(f'{where} has no steps: write some, each as [[step]] with a line do = "..." below it')
    if len(steps) > MOST_STEPS:
        raise UsageError(f"{where} has {len(steps)} steps: {MOST_STEPS} are the most")
    done = tuple(_read_step(table, f"{where}, step {k}") for k, table in enumerate(steps, 1))
    recipe = Recipe(
        name=_text(tables, "name", name, where),
        title=_text(tables, "title", "", where),
        description=_text(tables, "description", "", where),
        transfer=cast(Transfer, _one_of(tables.get("transfer", "srgb"), TRANSFERS, f"{where}: transfer")),
        balance=_one_of(tables.get("balance", "any"), BALANCES, f"{where}: balance"),
        steps=done,
    )
    if not recipe.name.strip() or not recipe.name.isprintable():
        raise UsageError(f"{where}: name is {recipe.name!r}: give a plain one on one line")
    _check_order(recipe, where)
    return recipe


def _check_order(recipe: Recipe, where: str) -> None:
    """Refuse steps that cannot stand where they do."""
    before: list[str] = []
    coded = False
    for k, done in enumerate(recipe.steps, 1):
        kind, at = done.kind, f"{where}, step {k} ({done.kind.name})"
        if (kind.bands is not None) != (k == 1):
            chooses = ", ".join(name for name in sorted(STEPS) if STEPS[name].bands is not None)
            raise UsageError(f"{at}: the first step, and no other, chooses the filters: put one of {chooses} there")
        for needed in kind.needs:
            if needed not in before:
                raise UsageError(f"{at} needs the step {needed}: put that one before it")
        if coded and kind.space is not Space.CODE:
            raise UsageError(f"{at} works on light, and a step before it on coded colours: put it before that one")
        coded = coded or kind.space is Space.CODE
        before.append(kind.name)
    if recipe.transfer == "linear" and before != ["all-filters"]:
        raise UsageError(
            f'{where}: transfer is "linear", which is for I/F as it is, of all-filters alone: write transfer = "srgb"'
        )


def _read_step(table: object, where: str) -> Done:
    """One step of a file."""
    if not isinstance(table, Mapping) or not isinstance(table.get("do"), str):
        raise UsageError(f'{where} does not say what to do: write do = "..." with one of {", ".join(sorted(STEPS))}')
    name = table["do"]
    if name not in STEPS:
        raise UsageError(f"{where}: there is no step {name!r}: {_hint(name, sorted(STEPS))}")
    kind = STEPS[name]
    return Done(kind, _read_numbers(table, kind, f"{where} ({name})"))


def _read_numbers(table: Mapping[str, object], kind: Step, where: str) -> Any:
    """The numbers of a step by its table, defaults where it is silent."""
    limits = kind.limits
    _refuse_unknown(table, ("do", *limits), where, "there is no number")
    given = {}
    for key, (default, limit) in limits.items():
        if key in table:
            given[key] = read_value(table[key], default, limit, f"{where}: {key}")
    made = kind.numbers(**given)
    try:
        check = getattr(made, "check", None)
        if check is not None:
            check()
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from None
    return made


def read_value(value: object, default: object, limit: Limits, where: str) -> Any:
    """A value of a file as the type of its default; UsageError, beginning with `where`, for what is not allowed."""
    if not limit.many:
        return _read_one(value, default, limit, where)
    if not isinstance(value, list | tuple) or len(value) < limit.least:
        raise UsageError(f"{where} is {_shown(value)}: give {allowed(default, limit)}")
    example = "" if limit.allowed else 0.0
    try:
        return tuple(_read_one(part, example, limit, where) for part in value)
    except UsageError:
        raise UsageError(f"{where} is {_shown(value)}: give {allowed(default, limit)}") from None


def _read_one(value: object, default: object, limit: Limits, where: str) -> Any:
    """One number, word or switch."""
    if isinstance(default, bool):
        if isinstance(value, bool):
            return value
    elif limit.allowed:
        if value in limit.allowed:
            return value
    elif isinstance(value, int if limit.whole else int | float) and not isinstance(value, bool):
        number = float(cast(float, value))
        if math.isfinite(number) and limit.low <= number <= limit.high:
            return int(number) if limit.whole else number
    raise UsageError(f"{where} is {_shown(value)}: give {allowed(default, limit)}")


def allowed(default: object, limit: Limits) -> str:
    """What a number of a step may be, in words."""
    if isinstance(default, bool):
        return "true or false"
    if limit.allowed:
        told = " or ".join(f'"{name}"' for name in limit.allowed)
    else:
        told = f"{'a whole number' if limit.whole else 'a number'} from {limit.low:g} to {limit.high:g}"
    if limit.many:
        more = f" (at least {limit.least})" if limit.least > 1 else ""
        return f"a list{more}, each {told}"
    return told


def _shown(value: object) -> str:
    """A value as an error shows it, not too long."""
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _text(table: Mapping[str, object], key: str, default: str, where: str) -> str:
    value = table.get(key, default)
    if not isinstance(value, str):
        raise UsageError(f"{where}: {key} is {_shown(value)}: give a text in quotes")
    return value.strip()


def _one_of(value: object, known: Sequence[str], where: str) -> str:
    if value not in known:
        raise UsageError(f"{where} is {_shown(value)}: give {allowed('', Limits('', allowed=tuple(known)))}")
    return cast(str, value)


def _refuse_unknown(table: Mapping[str, object], known: Sequence[str], where: str, what: str) -> None:
    for key in table:
        if key not in known:
            raise UsageError(f"{where}: {what} {key!r}: {_hint(str(key), known)}")


def _hint(name: str, known: Sequence[str]) -> str:
    """What may be meant, and what is known."""
    near = difflib.get_close_matches(name, known, 1)
    return (f"did you mean {near[0]}? " if near else "") + f"known are {', '.join(known)}"
