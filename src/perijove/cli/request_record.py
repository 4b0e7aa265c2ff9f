"""A command's request as plain values for the provenance of what it makes, and back again."""

from __future__ import annotations

import importlib
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, cast, get_args, get_origin, get_type_hints

from perijove.cli.geometry_options import GeometryRequest
from perijove.cli.requests import LightRequest
from perijove.cli.sources import geometry_sources
from perijove.enhance.recipe import Recipe
from perijove.errors import UsageError
from perijove.io.finder import pass_labels_of
from perijove.io.provenance import Source, label_source, strip_source
from perijove.label import Label
from perijove.observation import Observation
from perijove.raw import RawImage

NOT_RECORDED = frozenset({"output", "labels", "report", "winds", "quiet", "json", "overwrite", "only", "recipe"})
"""Fields of a request that say where things go or how they are told, which does not change the product; and the recipe,
which the provenance holds in full."""
FOLDERS = frozenset({"calibration", "kernels"})
"""Fields that name folders or many files: what was in them is among the inputs, and whether there were any is kept."""


@dataclass(frozen=True)
class Repeatable:
    """A command that can be run again: where its request's class and its function are, as 'module:name'.

    With `any_order` the order of its strips makes no difference, and is not recorded.
    """

    request: str
    run: str
    any_order: bool = False

    @property
    def request_class(self) -> type[Any]:
        """The dataclass of its request."""
        return cast(type[Any], _named(self.request))

    @property
    def function(self) -> Callable[[Any], object]:
        """What does the request."""
        return cast(Callable[[Any], object], _named(self.run))


REPEATABLE: Mapping[str, Repeatable] = {
    "picture": Repeatable("perijove.cli.requests:PictureRequest", "perijove.cli.picture:run_picture"),
    "map": Repeatable("perijove.cli.map_request:MapRequest", "perijove.cli.map:run_map"),
    "mosaic": Repeatable(
        "perijove.cli.mosaic_request:MosaicRequest", "perijove.cli.mosaic:run_mosaic", any_order=True
    ),
}  # fmt: skip
"""The commands whose products `perijove repeat` makes again."""


class Solving(typing.Protocol):
    """What the requests of all commands that solve strips have in common."""

    @property
    def strips(self) -> tuple[Path, ...]:
        """The strips given."""

    @property
    def labels(self) -> Path | None:
        """Where their labels are."""

    @property
    def light(self) -> LightRequest:
        """How codes become light."""

    @property
    def geometry(self) -> GeometryRequest:
        """What is known of place and time."""


def _named(place: str) -> object:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


def record(command: str, request: Solving, observations: Sequence[Observation]) -> dict[str, object]:
    """A request as it goes into provenance: the command, and every option that has a say in the product.

    Files are told by their names alone; `whole_sources` has their hashes. `observations` are those of the strips.
    """
    options = cast(dict[str, object], encoded(request))
    names = strip_names(request.strips, observations)
    options["strips"] = sorted(names) if REPEATABLE[command].any_order else names
    return {"command": command, "options": options}


def strip_names(strips: Sequence[Path], observations: Sequence[Observation]) -> list[str]:
    """The names of the strips' own files, also of those that were given as folder or archive."""
    raws = [o.raw.path for o in observations]
    return [next((raw.name for raw in raws if path in (raw, *raw.parents)), path.name) for path in strips]


def encoded(value: object) -> object:
    """A request, or a part of it, as plain values."""
    if is_dataclass(value) and not isinstance(value, type):
        kept = [entry.name for entry in fields(value) if entry.name not in NOT_RECORDED]
        parts = {name: getattr(value, name) for name in kept}
        return {name: bool(part) if name in FOLDERS else encoded(part) for name, part in parts.items()}
    if isinstance(value, Path):
        return value.name
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple | list):
        return [encoded(part) for part in value]
    return value


def whole_sources(
    observations: Sequence[Observation],
    request: Solving,
    first: Observation | None = None,
    beside: Sequence[RawImage] = (),
) -> list[Source]:
    """Every file that the strips of a command were solved from, each once: what a repetition must have.

    That are the strips (`first` comes first, the others in the order of their names), those `beside` them that did not
    fit, the calibration frames, all labels of the pass, also those that no orbit explained, table, map and kernels.
    """
    from perijove.io.calibration import calibration_sources

    known = {o.raw.label.product_id for o in observations}
    unfit = [raw for raw in beside if raw.label.product_id not in known]
    raws = sorted(
        [*(o.raw for o in observations), *unfit], key=lambda raw: (first is None or raw is not first.raw, raw.path.name)
    )
    strips = [strip_source(raw) for raw in raws]
    frames = [] if request.light.calibration is None else calibration_sources(request.light.calibration)
    labels = {label_source(one): one for o in observations for one in _labels(o.raw, o.labels, request)}
    labels |= {label_source(one): one for raw in unfit for one in _labels(raw, (), request)}
    ordered = sorted(labels, key=lambda source: (labels[source].start_et, source.name))
    ets = [float(et) for o in observations for et in (o.pointing.et[0], o.pointing.et[-1])]
    placed = geometry_sources(request.geometry, min(ets), max(ets))
    return list(dict.fromkeys([*strips, *frames, *ordered, *placed]))


def _labels(raw: RawImage, behind: Sequence[Label], request: Solving) -> list[Label]:
    """All labels of a strip's pass that are in files, its own and those `behind` its trajectory among them."""
    found = [raw.label, *pass_labels_of(raw, request.labels), *behind]
    once = {label.product_id: label for label in reversed(found)}
    return [label for label in once.values() if label.path is not None]


@dataclass(frozen=True)
class Places:
    """Where the files of a repetition are: `file` gives one by its name, and what else is not recorded.

    `output` is the product that is to be written, `only` its product id where several strips are solved together,
    `recipe` the recipe that it is made by.
    """

    file: Callable[[str], Path]
    calibration: Path
    kernels: tuple[Path, ...]
    output: Path
    only: str | None
    recipe: Recipe


def restored(command: str, options: Mapping[str, object], places: Places) -> Any:
    """The request of `record`, its files at their places; UsageError for what is none of this version's."""
    kind = REPEATABLE[command].request_class
    try:
        return _dataclass(kind, options, places)
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(
            f"the request in the provenance is none of `perijove {command}` of this version ({error}): repeat it with "
            "the version that made it"
        ) from None


def _dataclass(kind: type[Any], value: object, places: Places) -> Any:
    """A request, or a part of it, of its plain values; fields that are missing have their usual value."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{kind.__name__} is {str(value)[:40]!r}")
    known = {entry.name for entry in fields(kind)}
    strange = [key for key in value if key not in known]
    if strange:
        raise KeyError(f"it has no {strange[0]}")
    hints = get_type_hints(kind, localns={"Recipe": Recipe})
    given = {key: _value(hints[key], part, key, places) for key, part in value.items()}
    free = {"output": places.output, "only": places.only, "overwrite": True, "quiet": True, "recipe": places.recipe}
    return kind(**given, **{key: part for key, part in free.items() if key in known})


def _value(hint: Any, value: object, name: str, places: Places) -> Any:
    """A value of the type that a field has; TypeError or ValueError where it is none."""
    if name in FOLDERS and isinstance(value, bool):
        there = places.kernels if name == "kernels" else places.calibration
        return there if value else () if name == "kernels" else None
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _one_of(parts, value, name, places)
    if origin is tuple:
        return _tuple(parts, value, name, places)
    if hint is type(None) and value is None:
        return None
    if hint is Path and isinstance(value, str):
        return places.file(value)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(value)
    if isinstance(hint, type) and is_dataclass(hint):
        return _dataclass(hint, value, places)
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if hint in (bool, int, str) and type(value) is hint:
        return value
    raise TypeError(f"{name} is {str(value)[:40]!r}")


def _one_of(kinds: Sequence[Any], value: object, name: str, places: Places) -> Any:
    """A value of the first of several types that takes it."""
    for kind in kinds:
        try:
            return _value(kind, value, name, places)
        except (TypeError, ValueError):
            continue
    raise TypeError(f"{name} is {str(value)[:40]!r}")


def _tuple(kinds: Sequence[Any], value: object, name: str, places: Places) -> tuple[Any, ...]:
    """A tuple of values."""
    if not isinstance(value, list | tuple):
        raise TypeError(f"{name} is {str(value)[:40]!r}")
    if len(kinds) == 2 and kinds[1] is ...:
        return tuple(_value(kinds[0], part, name, places) for part in value)
    if len(kinds) != len(value):
        raise TypeError(f"{name} is {str(value)[:40]!r}")
    return tuple(_value(kind, part, name, places) for kind, part in zip(kinds, value, strict=True))
