"""Folders and zip archives as places that hold labels and strips.

An archive is read in memory and nothing is written from it: a member's path is never used but for its last part in
messages, and its size is bounded both by what the archive claims and by what comes out.
"""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path, PurePosixPath

from perijove.errors import LabelError, PerijoveError, StripError
from perijove.io.labels import MAX_LABEL_BYTES, parse_label, read_label
from perijove.io.strips import MAX_STRIP_BYTES, read_bytes
from perijove.label import Label

MAX_MEMBERS = 1000
"""An archive with more entries is no download of the mission site."""
_MAX_RATIO = 200
_RATIO_FREE_BYTES = 1 << 22
_MAX_LABELS_BYTES = 1 << 26
LABEL_SUFFIXES = frozenset({".json", ".lbl"})
# whatever the standard library raises on a damaged archive
_ZIP_FAULTS = (
    zipfile.BadZipFile, zlib.error, struct.error, lzma.LZMAError, RuntimeError, EOFError, OSError, ValueError,
    OverflowError, KeyError, IndexError,
)  # fmt: skip


@dataclass(frozen=True)
class Member:
    """One file of a folder or archive: `path` for its name and for messages, `data` to read its bytes."""

    path: Path
    size: int
    data: Callable[[], bytes]
    archived: bool

    @property
    def may_be_label(self) -> bool:
        """Whether the name ends like a label's and the size is possible."""
        return self.path.suffix.lower() in LABEL_SUFFIXES and 0 < self.size <= MAX_LABEL_BYTES

    def label(self) -> Label:
        """The label in it; `LabelError` where it holds none."""
        return parse_label(self.data(), self.path) if self.archived else read_label(self.path)


def is_archive(path: Path) -> bool:
    """Whether a path names a zip archive, by its name."""
    return path.suffix.lower() == ".zip" and path.is_file()


def members(place: Path) -> list[Member]:
    """The plain files of a folder or zip archive, by name; hidden ones are left out.

    Raises `StripError` where the place cannot be read.
    """
    if is_archive(place):
        return _archive_members(place)
    try:
        found = [p for p in place.iterdir() if not p.name.startswith(".")]
        files = [Member(p, p.stat().st_size, _reader(p), archived=False) for p in found if p.is_file()]
    except OSError as error:
        raise StripError(f"{place} cannot be read ({error.strerror}): check the name and the permissions") from None
    return sorted(files, key=lambda m: m.path.name)


def _reader(path: Path) -> Callable[[], bytes]:
    return lambda: read_bytes(path)


def _archive_members(archive: Path) -> list[Member]:
    try:
        stat = archive.stat()
        return list(_listed(archive, stat.st_mtime_ns, stat.st_size))
    except _ZIP_FAULTS as error:
        raise StripError(f"{archive} is no readable zip archive ({error}): download it again") from None


@lru_cache(maxsize=64)
def _listed(archive: Path, mtime_ns: int, size: int) -> tuple[Member, ...]:
    """The members of an archive; its labels are read here, as opening it again for each would take long."""
    result = []
    room = _MAX_LABELS_BYTES
    with zipfile.ZipFile(archive) as opened:
        infos = opened.infolist()
        if len(infos) > MAX_MEMBERS:
            raise StripError(f"{archive} has {len(infos)} members, too many for a download: give the image's own zip")
        for info in infos:
            name = PurePosixPath(info.filename.replace("\\", "/")).name
            if info.is_dir() or not name or name.startswith((".", "\0")) or "__MACOSX" in info.filename:
                continue
            where = archive / name
            member = Member(where, info.file_size, _archive_reader(archive, info, where), archived=True)
            if member.may_be_label and info.file_size <= room:
                room -= info.file_size
                member = replace(member, data=_kept(opened, info, where))
            result.append(member)
    return tuple(sorted(result, key=lambda m: m.path.name))


def _kept(opened: zipfile.ZipFile, info: zipfile.ZipInfo, where: Path) -> Callable[[], bytes]:
    """A reader of what is unpacked now; a fault is told only to whoever asks for this member."""
    try:
        content = _unpack(opened, info, where, MAX_LABEL_BYTES)
    except StripError as error:
        message = str(error)

        def fail() -> bytes:
            raise StripError(message)

        return fail
    return lambda: content


def _archive_reader(archive: Path, info: zipfile.ZipInfo, where: Path) -> Callable[[], bytes]:
    def read() -> bytes:
        try:
            with zipfile.ZipFile(archive) as opened:
                return _unpack(opened, info, where, MAX_STRIP_BYTES)
        except _ZIP_FAULTS as error:
            raise StripError(f"{archive} is no readable zip archive ({error}): download it again") from None

    return read


def _unpack(opened: zipfile.ZipFile, info: zipfile.ZipInfo, where: Path, limit: int) -> bytes:
    """The bytes of one member, refused where they are or claim to be more than is believable."""
    bomb = info.file_size > _RATIO_FREE_BYTES and info.file_size > _MAX_RATIO * max(info.compress_size, 1)
    if bomb or info.file_size > limit:
        raise StripError(f"{where} would unpack to {info.file_size} bytes, too many to be true: download it again")
    try:
        with opened.open(info) as stream:
            data = stream.read(info.file_size + 1)
    except _ZIP_FAULTS as error:
        raise StripError(f"{where} cannot be unpacked ({error}): download the archive again") from None
    if len(data) != info.file_size:
        raise StripError(f"{where} is not of the size that its archive claims: download the archive again")
    return data


@dataclass(frozen=True)
class LabelScan:
    """The readable labels of some places, and one sentence for each file that looked like a label but was not."""

    labels: tuple[Label, ...]
    unreadable: tuple[str, ...]


def scan_labels(places: list[Path] | tuple[Path, ...]) -> LabelScan:
    """All labels in folders and archives (not in their subfolders); a place that cannot be read is reported."""
    labels: list[Label] = []
    unreadable: list[str] = []
    for place in places:
        try:
            candidates = [m for m in members(place) if m.may_be_label]
        except PerijoveError as error:
            unreadable.append(str(error))
            continue
        for member in candidates:
            try:
                labels.append(member.label())
            except PerijoveError as error:
                if _claims_to_be_label(member):
                    unreadable.append(str(error))
    return LabelScan(tuple(labels), tuple(unreadable))


def _claims_to_be_label(member: Member) -> bool:
    """Whether a file that is no readable label was meant as one; other JSON is passed over in silence."""
    try:
        return b"PRODUCT_ID" in member.data()
    except PerijoveError:
        return True


def place_exists(place: Path) -> bool:
    """Whether a folder or archive is there."""
    return place.is_dir() or is_archive(place)


def require_labels_place(place: Path) -> Path:
    """The folder, archive or file of labels that was asked for; `LabelError` where there is nothing."""
    if not place.exists():
        raise LabelError(f"{place} does not exist: give the folder, zip or file that holds the labels")
    return place
