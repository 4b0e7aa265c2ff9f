"""Where a picture comes from: credit, licence, inputs and parameters, as one JSON object.

The same object goes into the picture's own metadata and into a sidecar beside it.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np

from perijove.errors import UsageError
from perijove.io.places import is_archive, members
from perijove.label import Label
from perijove.raw import RawImage

SOURCE_CREDIT = "NASA/JPL-Caltech/SwRI/MSSS"
"""Whom the mission asks to be credited for JunoCam's images, in this order."""
LICENCE = (
    "JunoCam image data: NASA/JPL-Caltech/SwRI/MSSS, free to use for any purpose with this credit and without implying "
    "endorsement (JPL Image Use Policy, https://www.jpl.nasa.gov/jpl-image-use-policy). "
    "Rights in the processing, if any, are those of whoever is named for it."
)
"""What may be done with the picture; images of the public's processing are often put under CC BY by their makers."""
SIMULATED_CREDIT = "Simulated with Perijove, not a picture of the mission"
SIMULATED_LICENCE = "Made of simulated strips: there is no image of the mission in it."
SCHEMA = "perijove-provenance-1"


@dataclass(frozen=True)
class Source:
    """One input file: what it is ('strip', 'label', ...), its name without the folder, its product id and SHA-256."""

    kind: str
    name: str
    product_id: str | None
    sha256: str | None


def strip_source(raw: RawImage) -> Source:
    """The strip of a raw image as an input."""
    return Source("strip", raw.path.name, raw.label.product_id, raw.sha256)


def label_source(label: Label) -> Source:
    """A label as an input, also where it lies inside an archive; without a hash where it is in no file."""
    path = label.path
    if path is None:
        return Source("label", label.file_name, label.product_id, None)
    digest = None
    if path.is_file():
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    elif is_archive(path.parent):
        inside = [member for member in members(path.parent) if member.path == path]
        digest = hashlib.sha256(inside[0].data()).hexdigest() if inside else None
    return Source("label", path.name, label.product_id, digest)


def file_source(kind: str, path: Path) -> Source:
    """Any other file as an input; a folder by its name alone."""
    digest = None
    if path.is_file():
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return Source(kind, path.name, None, digest)


def credit_line(name: str | None = None, *, simulated: bool = False) -> str:
    """The credit line of a picture, with the name of whoever made it; UsageError for a name of more than one line."""
    source = SIMULATED_CREDIT if simulated else SOURCE_CREDIT
    if name is None or not name.strip():
        return source if simulated else f"{source}, processed with Perijove"
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in name.strip()):
        raise UsageError(f"the credit name {name!r} holds control characters: give it as one line of plain text")
    return f"{source}, image processing: {name.strip()}"


def software() -> str:
    """The name and version of this program."""
    try:
        return f"perijove {importlib.metadata.version('perijove')}"
    except importlib.metadata.PackageNotFoundError:
        return "perijove"


def provenance(
    sources: Sequence[Source],
    parameters: Mapping[str, object],
    solution: Mapping[str, object] | None = None,
    *,
    title: str | None = None,
    name: str | None = None,
    simulated: bool = False,
    request: Mapping[str, object] | None = None,
    recipe: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """The provenance of one picture as a JSON object.

    `parameters` is what was asked for (recipe, size, white balance ...), `solution` a summary of trajectory and
    pointing; both may hold numpy values, paths and enumerations, and NaN becomes null. What is made of `simulated`
    strips is not credited to the mission. `request` is the command with its options, by which `perijove repeat` makes
    the product again, `recipe` the recipe's tables; they are left out where there are none. There is no date in it,
    and no folder: the same inputs and parameters give the same bytes.
    """
    again = {"request": request, "recipe": recipe}
    return {
        "schema": SCHEMA,
        "software": software(),
        "title": title,
        "credit": credit_line(name, simulated=simulated),
        "licence": SIMULATED_LICENCE if simulated else LICENCE,
        "inputs": [plain(vars(source)) for source in sources],
        "parameters": plain(parameters),
        "solution": plain(solution or {}),
        **{key: plain(value) for key, value in again.items() if value is not None},
    }


def plain(value: object) -> object:
    """A value as JSON can hold it: numpy to Python, tuples to lists, keys and enumerations to text, NaN to null."""
    if isinstance(value, Enum):
        return plain(value.value)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(part) for key, part in value.items()}
    if isinstance(value, Sequence | set | frozenset):
        return [plain(part) for part in value]
    return str(value)


def as_json(value: Mapping[str, object], *, indent: int | None = None) -> str:
    """A provenance object as JSON text."""
    return json.dumps(plain(value), indent=indent, ensure_ascii=False, allow_nan=False)


def sidecar_path(picture: Path) -> Path:
    """The sidecar of a picture: its name with .json behind it, so that it never is the name of a strip's label."""
    return picture.with_name(picture.name + ".json")


def text_fields(origin: Mapping[str, object]) -> dict[str, str]:
    """The short texts of a provenance object that pictures carry, by the keywords that the PNG standard registers."""
    fields = {
        "Title": origin.get("title"),
        "Author": origin.get("credit"),
        "Copyright": origin.get("licence"),
        "Software": origin.get("software"),
    }
    return {key: str(value) for key, value in fields.items() if value}
