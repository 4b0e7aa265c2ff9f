"""From the name of a strip to the strip, its label, and the labels of the same pass.

The mission site gives each image as two archives, ``NNNNN-ImageSet.zip`` with the strip and ``NNNNN-DataSet.zip`` (or
``NNNNN-Data.zip``) with ``NNNNN-Metadata.json``; users keep them as they are, unpacked, or all in one folder.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from perijove.errors import LabelError, PerijoveError, StripError
from perijove.io.labels import read_label
from perijove.io.pds3_image import attached_label
from perijove.io.places import (
    LABEL_SUFFIXES,
    Member,
    is_archive,
    members,
    place_exists,
    require_labels_place,
    scan_labels,
)
from perijove.io.standin import NoLabel, stand_in_label
from perijove.io.strips import StripWarning, check_picture, decode_strip, read_bytes
from perijove.label import PASS_S, Given, Label, ProductId, completed, product_id_in
from perijove.raw import RawImage

_SETS = re.compile(r"-(?:Image|Data)(?:Set)?$", re.IGNORECASE)
_DATA_SETS = re.compile(r"-Data(?:Set)?$", re.IGNORECASE)
STRIP_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".img"})
"""How the names of strips end (lower case)."""
_REMEDY = (
    "download NNNNN-DataSet.zip of the image from missionjuno.swri.edu/junocam (or the .LBL from the PDS) and put it "
    "beside the strip, or name its folder with --labels"
)

_IMG_REMEDY = (
    "download the .LBL of the same name from the PDS and put it beside the strip, or name its folder with --labels"
)


@dataclass(frozen=True)
class OpenedStrip:
    """A strip, the other labels of its pass in the order of time, and what is wrong with the unreadable ones."""

    raw: RawImage
    pass_labels: tuple[Label, ...]
    unreadable: tuple[str, ...] = ()


def open_strip(path: Path | str, labels_dir: Path | str | None = None, given: Given | None = None) -> OpenedStrip:
    """The strip in a file, an ImageSet folder or a zip as downloaded, with its label and those of its pass.

    `labels_dir` is a folder, zip or file of labels that is looked into first. `given` completes or corrects the label,
    and stands for one where there is none. Raises `StripError` or `LabelError`.
    """
    given = given or Given()
    path = Path(path)
    explicit = None if labels_dir is None else require_labels_place(Path(labels_dir))
    strip = _strip_member(path)
    data = strip.data()
    check_picture(data, strip.path)
    try:
        found_label = attached_label(data, strip.path) or _label_of(strip.path, explicit)
        label = completed(found_label, given)
    except LabelError as missing:
        label = stand_in_label(data, strip.path, given, missing)
    raw = decode_strip(data, strip.path, label)
    places = _label_places(strip.path)
    if explicit is not None and place_exists(explicit):
        places = [explicit, *places]
    scan = scan_labels(places)
    found = tuple(completed(one, Given(given.target)) for one in _same_pass(label, scan.labels))
    if explicit is not None and not any(_lies_in(one, explicit) for one in (label, *found)):
        warnings.warn(
            f"{explicit} holds no label of the pass of {strip.path}: name another", StripWarning, stacklevel=2
        )
    return OpenedStrip(raw, found, scan.unreadable)


def _lies_in(label: Label, place: Path) -> bool:
    """Whether a label came from a folder or zip, or is that file."""
    return label.path is not None and place in (label.path, label.path.parent)


def find_label(strip_path: Path | str, labels_dir: Path | str | None = None) -> Label:
    """The label of a strip: in `labels_dir` (folder, zip or file), beside the strip, or in its sibling DataSet.

    In each place first a label with the strip's name, then the one whose PRODUCT_ID or FILE_NAME is the strip's. A
    strip whose name holds no product id gets the label of a place that has only one. Raises `LabelError`.
    """
    explicit = None if labels_dir is None else require_labels_place(Path(labels_dir))
    return _label_of(Path(strip_path), explicit)


def find_pass_labels(label: Label, folders: Iterable[Path | str]) -> tuple[Label, ...]:
    """All other labels in folders or zips of the same target and perijove within a day, in the order of time.

    Each image counts once; unreadable files are passed over (`scan_labels` reports them).
    """
    return _same_pass(label, scan_labels([Path(folder) for folder in folders]).labels)


def pass_labels_of(raw: RawImage, labels_dir: Path | str | None = None) -> tuple[Label, ...]:
    """The other labels of a strip's pass, as `open_strip` finds them; `LabelError` where `labels_dir` is not there."""
    places = _label_places(raw.path)
    explicit = None if labels_dir is None else require_labels_place(Path(labels_dir))
    if explicit is not None and place_exists(explicit):
        places = [explicit, *places]
    return find_pass_labels(raw.label, places)


def _same_pass(label: Label, labels: Sequence[Label]) -> tuple[Label, ...]:
    chosen: dict[object, Label] = {}
    for other in labels:
        near = abs(other.start_et - label.start_et) <= PASS_S
        same_orbit = None in (other.perijove, label.perijove) or other.perijove == label.perijove
        same_target = other.target in (label.target, label.place_target)
        if not (near and same_orbit and same_target) or _image_key(other) == _image_key(label):
            continue
        known = chosen.get(_image_key(other))
        if known is None or _rank(other) > _rank(known):
            chosen[_image_key(other)] = other
    return tuple(sorted(chosen.values(), key=lambda one: (one.start_et, one.product_id)))


def _image_key(label: Label) -> object:
    """What is common to the products of one image: everything but level and version."""
    parts = label.parts
    if parts is None:
        return label.product_id
    return parts.year, parts.day_of_year, parts.orbit, parts.kind, parts.number


def _rank(label: Label) -> tuple[bool, int]:
    """Which of one image's labels to keep: raw before reduced (whose START_TIME is corrected), then the newest."""
    parts: ProductId | None = label.parts
    return (parts.level == "E", parts.version) if parts else (False, 0)


def _strip_member(path: Path) -> Member:
    """The strip that a path means: the file itself, or the only strip of a folder or zip."""
    if not path.is_dir() and not is_archive(path):
        if path.suffix.lower() in LABEL_SUFFIXES and path.is_file():
            raise StripError(f"{path} is a label: give the strip that belongs to it")
        return Member(path, 0, lambda: read_bytes(path), archived=False)
    found = [m for m in members(path) if m.path.suffix.lower() in STRIP_SUFFIXES]
    raws = [m for m in found if re.search(r"-raw\.\w+$", m.path.name, re.IGNORECASE)]
    plain = [m for m in found if product_id_in(m.path.name) == m.path.stem.upper()]
    chosen = raws or plain
    if len(chosen) == 1:
        return chosen[0]
    if chosen:
        names = ", ".join(m.path.name for m in chosen[:3]) + (" ..." if len(chosen) > 3 else "")
        raise StripError(f"{path} holds {len(chosen)} strips ({names}): name one of them")
    has = f"it holds {found[0].path.name}" if found else "it holds no picture"
    raise StripError(f"{path} holds no raw strip ({has}): give the ImageSet with JNCE_..._Vnn-raw.png, or the strip")


def _label_places(strip: Path) -> list[Path]:
    """Where a strip's labels may lie: its folder or zip, that one's DataSet, and the DataSets of other images there."""
    home = strip.parent
    places = [home]
    try:
        inside = sorted(home.iterdir()) if home.is_dir() else []
        neighbours = sorted(home.absolute().parent.iterdir()) if _SETS.search(_set_name(home)) else []
    except OSError:
        return places
    sets = [p for p in [*neighbours, *inside] if _DATA_SETS.search(_set_name(p)) and place_exists(p)]
    sets.sort(key=lambda p: not _same_set(p, home))
    if is_archive(home):
        sets.append(home.parent)
    return [*places, *(p for p in sets if p.absolute() != home.absolute())]


def _set_name(place: Path) -> str:
    """The name of a folder or archive without .zip, also where the folder is the working directory."""
    return place.absolute().name.removesuffix(".zip")


def _same_set(place: Path, home: Path) -> bool:
    """Whether a DataSet has the number of the strip's ImageSet."""
    return _SETS.sub("", _set_name(place)) == _SETS.sub("", _set_name(home))


def _label_of(strip: Path, explicit: Path | None) -> Label:
    """The label of a strip; what was wrong on the way is told only where none is found."""
    product = product_id_in(strip.name)
    places = _label_places(strip)
    faults: list[str] = []
    if explicit is not None and not place_exists(explicit):
        label = read_label(explicit)
        if _is_of(label, product, faults):
            return label
    elif explicit is not None:
        places.insert(0, explicit)
    for place in places:
        found = _label_in(place, strip, product, faults)
        if found is None and (place in (explicit, strip.parent) or _same_set(place, strip.parent)):
            found = _only_label(place, strip, product, faults)
        if found is not None:
            return found
    looked = ", ".join(str(p) for p in places[:3]) + (" ..." if len(places) > 3 else "")
    fault = f" ({faults[0]})" if faults else ""
    remedy = _IMG_REMEDY if strip.suffix.lower() == ".img" else _REMEDY
    kind = LabelError if faults else NoLabel
    raise kind(f"no label of {strip} was found in {looked}{fault}: {remedy}")


def _label_in(place: Path, strip: Path, product: str | None, faults: list[str]) -> Label | None:
    """The label in one folder or zip that has the strip's name, or names the strip; None where there is none.

    Raises what is wrong with it where the only such label cannot be read.
    """
    try:
        candidates = [m for m in members(place) if m.may_be_label]
    except PerijoveError as error:
        faults.append(str(error))
        return None
    stems = {strip.stem.lower(), re.sub(r"-(raw|mapprojected)$", "", strip.stem.lower())}
    stems |= {f"{stem}-metadata" for stem in stems}
    wanted = (product or strip.stem).encode()
    # of several the one with the strip's name comes first, and for an IMG the PDS3 label, which has the layout
    first = ".lbl" if strip.suffix.lower() == ".img" else ".json"
    candidates.sort(key=lambda m: (m.path.stem.lower() not in stems, m.path.suffix.lower() != first))
    broken: PerijoveError | None = None
    for member in candidates:
        named = member.path.stem.lower() in stems
        try:
            if not named and wanted not in member.data():
                continue
            label = member.label()
        except PerijoveError as error:
            if named or product is not None:
                broken = broken or error
            continue
        if named and _is_of(label, product, faults):
            return label
        if strip.stem in (label.product_id, Path(label.file_name).stem) or label.product_id == product:
            return label
    if broken is not None:
        raise broken
    return None


def _only_label(place: Path, strip: Path, product: str | None, faults: list[str]) -> Label | None:
    """The one label of a place, for a strip that was renamed; None, and a fault, where it is another strip's."""
    labels = scan_labels([place]).labels
    if len(labels) != 1 or not _is_of(labels[0], product, faults):
        return None
    warnings.warn(
        f"{strip} does not tell which image it is: {labels[0].path} is taken for its label, as no other is there",
        StripWarning,
        stacklevel=4,
    )
    return labels[0]


def _is_of(label: Label, product: str | None, faults: list[str]) -> bool:
    """Whether a label may be that of a product; a strip whose name tells nothing may have any."""
    if product is None or label.product_id == product:
        return True
    faults.append(f"{label.path} is the label of another strip, {label.product_id}")
    return False
