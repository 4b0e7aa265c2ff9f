"""`perijove repeat`: a product made again from its own provenance, and compared bit for bit."""

from __future__ import annotations

import hashlib
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perijove.cli.common import Steps, json_text
from perijove.cli.repeat_inputs import find_inputs, lay_out, sources_in
from perijove.cli.request_record import REPEATABLE, Repeatable, restored
from perijove.enhance.recipe import Recipe, recipe_of
from perijove.errors import OutputError, PerijoveWarning, UsageError
from perijove.io.atomic import Staged, check_writable
from perijove.io.origin import read_origin
from perijove.io.provenance import software

_SHOWN = 4


@dataclass(frozen=True)
class RepeatRequest:
    """`perijove repeat`: which product, where the new one goes (None: beside it), and where its inputs are."""

    product: Path
    output: Path | None = None
    inputs: Path | None = None
    overwrite: bool = False
    quiet: bool = False
    json: bool = False

    def __post_init__(self) -> None:
        """Refuse, with `UsageError`, what makes no sense."""
        if self.product.suffix.lower() == ".json":
            raise UsageError(f"{self.product} is a sidecar: give the picture or map beside it")
        if self.place.absolute() == self.product.absolute():
            raise UsageError(f"-o {self.place} would write over the product itself: give another name")
        if self.place.suffix.lower() != self.product.suffix.lower():
            raise UsageError(
                f"-o {self.place} is another kind of file than {self.product}: end it in {self.product.suffix}"
            )

    @property
    def place(self) -> Path:
        """Where the new product goes."""
        return self.output or self.product.with_name(f"{self.product.stem}-repeated{self.product.suffix}")


def run_repeat(request: RepeatRequest) -> bool:
    """Do what the request says; whether the new product is the old one bit for bit.

    PerijoveError for a product without provenance, missing inputs, and what fails in making it.
    """
    product, place = request.product, request.place
    origin = read_origin(product)
    command, options = asked(origin, product)
    recipe = recipe_in(origin, product)
    check_place(place, request.overwrite)
    own = software()
    if origin.get("software") != own:
        warnings.warn(
            f"{product} was made by {origin.get('software')}, and this is {own}: it may not come out the same bit for "
            "bit",
            PerijoveWarning,
            stacklevel=2,
        )
    sources = sources_in(origin)
    steps = Steps(quiet=request.quiet)
    with steps.step("checking the inputs"):
        found = find_inputs(sources, product, request.inputs)
    strips = options.get("strips")
    alone = REPEATABLE[command].any_order or not isinstance(strips, list) or len(strips) == 1
    only = None if alone else sources[0].product_id
    with tempfile.TemporaryDirectory(prefix="perijove-repeat-") as name, steps.step("repeating"):
        inside, outside = Path(name) / "inputs", Path(name) / "made"
        inside.mkdir()
        outside.mkdir()
        places = lay_out(found, inside, outside / place.name, only, recipe)
        run_again(REPEATABLE[command], restored(command, options, places), place)
        same = digest(places.output) == digest(product)
        differing = [] if same else differences(origin, places.output)
        with Staged() as staged:
            stage_made(staged, outside, place.parent)
    tell(request, command, same, differing)
    return same


def recipe_in(origin: Mapping[str, Any], product: Path) -> Recipe:
    """The recipe that a product was made by; UsageError where its provenance holds none that this version knows."""
    tables = origin.get("recipe")
    if not isinstance(tables, Mapping):
        raise UsageError(f"{product} does not say by which recipe it was made, as older versions did not write it")
    return recipe_of(tables, f"the recipe in {product}")


def asked(origin: Mapping[str, Any], product: Path) -> tuple[str, Mapping[str, Any]]:
    """The command that made a product, and its options; UsageError for one that cannot be repeated."""
    request = origin.get("request")
    if not isinstance(request, Mapping) or not isinstance(request.get("options"), Mapping):
        raise UsageError(
            f"{product} does not say by which request it was made, as products of older versions and of other commands "
            "do not: make it anew by hand; its parameters are in its provenance"
        )
    command = request.get("command")
    if not isinstance(command, str) or command not in REPEATABLE:
        raise UsageError(
            f"{product} was made by `perijove {str(command)[:40]}`, which this version cannot repeat: use the version "
            f"that made it ({str(origin.get('software'))[:40]})"
        )
    return command, request["options"]


def check_place(place: Path, overwrite: bool) -> None:
    """Refuse what cannot be written, or is there and not to be replaced, before the work for it begins."""
    if place.exists() and not overwrite:
        raise OutputError(f"{place} is there already: give --overwrite to replace it, or another name with -o")
    if place.suffix.lower() != ".zarr":
        check_writable(place)


def run_again(kind: Repeatable, request: Any, place: Path) -> None:
    """Run a command; the warnings that were told when the product was first made are not told again."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PerijoveWarning)
        kind.function(request)
    if not request.output.exists():
        raise OutputError(f"{place} was not made: the request in the provenance names no such product")


def stage_made(staged: Staged, made: Path, folder: Path) -> None:
    """Stage the new product and what was written beside it."""
    for path in sorted(made.iterdir()):
        if not path.is_dir():
            staged.add(folder / path.name, path.read_bytes())
            continue
        whole = staged.reserve(folder / path.name, folder=True)
        for part in sorted(path.rglob("*")):
            target = whole / part.relative_to(path)
            if part.is_dir():
                target.mkdir(parents=True, exist_ok=True)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(part.read_bytes())


def digest(path: Path) -> str:
    """The SHA-256 of a file, or of a folder's files with their names."""
    if path.is_file():
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    whole = hashlib.sha256()
    for part in sorted(p for p in path.rglob("*") if p.is_file()):
        whole.update(part.relative_to(path).as_posix().encode() + b"\0" + bytes.fromhex(digest(part)))
    return whole.hexdigest()


def differences(origin: Mapping[str, Any], made: Path) -> list[str]:
    """What differs between the provenance of a product and that of the new one, in words."""
    told = list(_differing(origin, read_origin(made), ""))
    if not told:
        return ["only the pixels: libraries or processor compute otherwise"]
    more = len(told) - _SHOWN
    return [*told[:_SHOWN], f"{more} more"] if more > 0 else told


def _differing(old: Any, new: Any, where: str) -> Iterator[str]:
    """Each value that is not the same, by its place."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys([*old, *new]):
            yield from _differing(old.get(key), new.get(key), f"{where}.{key}" if where else str(key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for k, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _differing(one, other, f"{where}[{k}]")
    elif old != new:
        yield f"{where} was {_short(old)} and is {_short(new)}"


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def tell(request: RepeatRequest, command: str, same: bool, differing: list[str]) -> None:
    """Print what came of it."""
    if request.json:
        told = {
            "product": str(request.product), "output": str(request.place), "command": command, "same": same,
            "differs": differing,
        }  # fmt: skip
        print(json_text(told), end="")
    elif same and not request.quiet:
        print(f"{request.place}: the same as {request.product}, bit for bit")
    elif not same:
        print(f"{request.place}: not the same as {request.product}: {'; '.join(differing)}")
