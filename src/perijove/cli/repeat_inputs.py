"""The inputs of a repetition: found by name, checked by hash, and laid out in a folder of their own."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perijove.cli.request_record import Places
from perijove.enhance.recipe import Recipe
from perijove.errors import PerijoveError, UsageError
from perijove.io.places import is_archive, members
from perijove.io.provenance import Source

DEEPEST = 6
"""Folders within folders that are looked through below --inputs; beside the product and here it is one."""
MOST_FILES = 200_000
_COMPANIONS = re.compile(r"\.(json|aux\.xml|prj|pgw|tfw|wld|pngw)", re.IGNORECASE)
_SHOWN = 3


@dataclass(frozen=True)
class Found:
    """An input that is there: where it is, and its bytes where it lies in an archive (None for a plain file)."""

    path: Path
    data: Callable[[], bytes] | None = None

    def digest(self) -> str:
        """Its SHA-256."""
        if self.data is not None:
            return hashlib.sha256(self.data()).hexdigest()
        with self.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()


def sources_in(origin: Mapping[str, Any]) -> list[Source]:
    """The inputs that a provenance object tells; UsageError where they are damaged."""
    try:
        found = [Source(**entry) for entry in origin["inputs"]]
        for source in found:
            if not (isinstance(source.name, str) and source.name == Path(source.name).name and source.name):
                raise ValueError(f"{source.name!r} is no file's name")
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"the inputs in the provenance are damaged ({error}): give the original product") from None
    return found


def find_inputs(sources: Sequence[Source], product: Path, inputs: Path | None) -> dict[Source, Found]:
    """Every input by its name, in `inputs`, beside the product or where one is, with the hash that it had.

    Raises UsageError for those that are missing or are not the same, and says what to do.
    """
    if inputs is not None and not inputs.exists():
        raise UsageError(f"--inputs {inputs} does not exist: give the folder that holds strips and labels")
    wanted = {source.name for source in sources}
    spots = [(product.absolute().parent, 1), (Path.cwd(), 1)]
    if inputs is not None:
        spots.insert(0, (inputs, DEEPEST))
    there: dict[str, list[Found]] = {}
    for place, depth in spots:
        for found in candidates(place, depth, wanted):
            there.setdefault(found.path.name, []).append(found)
    chosen: dict[Source, Found] = {}
    missing, changed = [], []
    for source in sources:
        known = there.get(source.name, [])
        fits = next((found for found in known if _fits(found, source)), None)
        if fits is not None:
            chosen[source] = fits
        elif known:
            changed.append(f"{known[0].path}")
        else:
            missing.append(f"{source.kind} {source.name}")
    _refuse(missing, changed, product, inputs)
    return chosen


def _refuse(missing: Sequence[str], changed: Sequence[str], product: Path, inputs: Path | None) -> None:
    """Raise UsageError for inputs that are not there, or not the same."""
    if changed:
        verb = "are not the files" if len(changed) > 1 else "is not the file"
        raise UsageError(
            f"{_listed(changed)} {verb} that {product} was made of (the SHA-256 differs): name a folder that holds the "
            "original with --inputs"
        )
    if missing:
        where = "" if inputs is None else f" in {inputs},"
        raise UsageError(
            f"{_listed(missing)}, of which {product} was made, cannot be found{where} beside it or here: name the "
            "folder with --inputs, or download it again with `perijove fetch`"
        )


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _fits(found: Found, source: Source) -> bool:
    """Whether a file is the one that was used; what has no hash is taken by its name."""
    if source.sha256 is None:
        return True
    try:
        return found.digest() == source.sha256
    except (OSError, PerijoveError):
        return False


def candidates(place: Path, depth: int, wanted: set[str]) -> Iterator[Found]:
    """Files of some names in a file, folder or archive and, to a depth, in folders and archives within."""
    if is_archive(place):
        yield from _archived(place, wanted)
        return
    if place.is_file():
        if place.name in wanted:
            yield Found(place)
        return
    seen = 0
    for root, folders, files in os.walk(place):
        level = len(Path(root).relative_to(place).parts)
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if level < depth else []
        for name in sorted([*files, *folders]):
            seen += 1
            path = Path(root) / name
            if name in wanted:
                yield Found(path)
            elif name.lower().endswith(".zip") and path.is_file():
                yield from _archived(path, wanted)
        if seen > MOST_FILES:
            return


def _archived(archive: Path, wanted: set[str]) -> Iterator[Found]:
    """Members of an archive; none of one that cannot be read."""
    try:
        inside = members(archive)
    except PerijoveError:
        return
    for member in inside:
        if member.path.name in wanted:
            yield Found(member.path, member.data)


def lay_out(found: Mapping[Source, Found], folder: Path, output: Path, only: str | None, recipe: Recipe) -> Places:
    """Put the inputs, and nothing else, into a folder; UsageError where two of one name are not the same file."""
    files: dict[str, Path] = {}
    kernels: list[Path] = []
    for source, where in found.items():
        home = folder / "calibration" if source.kind == "calibration" else folder
        home.mkdir(exist_ok=True)
        place = home / source.name
        if place.exists():
            raise UsageError(f"two inputs are called {source.name}: a product of both cannot be repeated")
        _put(where, place)
        if source.kind == "kernel":
            kernels.append(place)
        if source.kind == "basemap":
            _put_companions(where, folder)
        files[source.name] = place

    def file(name: str) -> Path:
        if name not in files:
            raise UsageError(f"{name} is named in the request, but is not among the inputs: give the original product")
        return files[name]

    ordered = (meta_kernel(folder / "inputs.tm", kernels),) if kernels else ()
    return Places(file, folder / "calibration", ordered, output, only, recipe)


def _put(found: Found, place: Path) -> None:
    """An input at its place: a link to it, or a copy where there are no links."""
    if found.data is not None:
        place.write_bytes(found.data())
        return
    target = found.path.absolute()
    try:
        place.symlink_to(target, target_is_directory=target.is_dir())
    except OSError:
        if target.is_dir():
            shutil.copytree(target, place)
        else:
            shutil.copy2(target, place)


def _put_companions(found: Found, folder: Path) -> None:
    """What places a map, in files of its name beside it."""
    if found.data is not None:
        return
    for path in sorted(found.path.parent.glob(f"{_escaped(found.path.stem)}.*")):
        rest = path.name[len(found.path.stem) :].removeprefix(found.path.suffix)
        if _COMPANIONS.fullmatch(rest) and not (folder / path.name).exists():
            _put(Found(path), folder / path.name)


def _escaped(name: str) -> str:
    return re.sub(r"([\[\]*?])", r"[\1]", name)


def meta_kernel(path: Path, kernels: Sequence[Path]) -> Path:
    """A meta-kernel that loads kernels in an order; its path."""
    lines = "\n".join(f"    '{kernel}'" for kernel in kernels)
    path.write_text(f"KPL/MK\n\\begindata\nKERNELS_TO_LOAD = (\n{lines}\n)\n\\begintext\n", encoding="utf-8")
    return path
