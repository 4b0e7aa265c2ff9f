"""Unpacking zip archives: nothing is written but plain files inside one folder, and no more than is believable."""

from __future__ import annotations

import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from perijove.archive.names import is_device
from perijove.errors import FetchError, OutputError
from perijove.io.atomic import Staged, written

_BLOCK = 1 << 20
_RATIO_FREE_BYTES = 1 << 22
_MAX_PART_BYTES = 200
_ENCRYPTED = 0x1
# whatever the standard library raises on a damaged archive
_ZIP_FAULTS = (
    zipfile.BadZipFile, zlib.error, struct.error, lzma.LZMAError, RuntimeError, EOFError, ValueError, OverflowError,
    KeyError, IndexError, OSError,
)  # fmt: skip


@dataclass(frozen=True)
class Bounds:
    """What an archive may hold: files, bytes in one file and in all, and times its packed size (beyond 4 MiB)."""

    members: int = 1000
    member_bytes: int = 1 << 30
    total_bytes: int = 1 << 32
    ratio: int = 200


@dataclass(frozen=True)
class Unpacked:
    """The files of an archive, in its order, and the names of members that were left out (folders are not told)."""

    folder: Path
    files: tuple[Path, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class _Member:
    info: zipfile.ZipInfo
    parts: tuple[str, ...]

    @property
    def name(self) -> str:
        return "/".join(self.parts)

    @property
    def foreign(self) -> bool:
        """Whether it is nobody's data, but what some systems add for themselves."""
        return self.parts[0] == "__MACOSX" or any(part.startswith(".") for part in self.parts)


def unpack(
    archive: Path,
    folder: Path,
    *,
    wanted: Callable[[str], bool] | None = None,
    bounds: Bounds = Bounds(),
    replace: bool = False,
) -> Unpacked:
    """Unpack a zip archive into a folder, which is made: all wanted files appear together, or none.

    `wanted` is asked for each member's name. Archives within it stay packed. A file that is there already is left
    where it is the same, and replaced only if `replace`. Raises FetchError for an archive that is damaged, encrypted
    or hostile (names that lead elsewhere, links, devices, duplicates, too much), OutputError where nothing can be
    written.
    """
    try:
        opened = zipfile.ZipFile(archive)
    except _ZIP_FAULTS as error:
        raise _damaged(archive, error) from None
    with opened:
        members = _members(archive, opened.infolist(), bounds)
        chosen = [member for member in members if not member.foreign and (wanted is None or wanted(member.name))]
        files = _write(archive, opened, chosen, folder, replace=replace)
    return Unpacked(folder, files, tuple(member.name for member in members if member not in chosen))


def _damaged(archive: Path, error: Exception) -> FetchError:
    return FetchError(f"{archive} is no readable zip archive ({error}): remove it and download it again")


def _members(archive: Path, infos: list[zipfile.ZipInfo], bounds: Bounds) -> list[_Member]:
    """The files of an archive with names that are safe; FetchError where anything in it is not."""
    if len(infos) > bounds.members:
        raise FetchError(
            f"{archive} has {len(infos)} members, too many for a download: look at it with another program"
        )
    members: list[_Member] = []
    seen: set[str] = set()
    folders: set[str] = set()
    for info in infos:
        parts = _parts(archive, info)
        _refuse_kind(archive, info)
        lowered = [part.casefold() for part in parts]
        folders |= {"/".join(lowered[:depth]) for depth in range(1, len(parts))}
        key = "/".join(lowered)
        if info.is_dir() or info.filename.endswith("\\"):
            folders.add(key)
            continue
        if key in seen:
            raise FetchError(f"{archive} holds {_shown(info)} twice: it is damaged or hostile, and was not unpacked")
        seen.add(key)
        members.append(_Member(info, parts))
    if seen & folders:
        name = min(seen & folders)
        raise FetchError(f"{archive} holds {name!r} as a file and as a folder: it is hostile, and was not unpacked")
    _refuse_bombs(archive, members, bounds)
    return members


def _parts(archive: Path, info: zipfile.ZipInfo) -> tuple[str, ...]:
    """The folders and the name of a member; FetchError where they could lead out of a folder or are no plain names."""
    # archives made on Windows may have the other stroke between folders
    whole = info.orig_filename.replace("\\", "/")
    parts = tuple((whole[:-1] if whole.endswith("/") else whole).split("/"))
    if not all(_is_harmless(part) for part in parts):
        raise FetchError(f"{archive} holds a file named {_shown(info)}: no harmless name, so nothing was unpacked")
    return parts


def _is_harmless(part: str) -> bool:
    if part in ("", ".", "..") or is_device(part) or part.endswith((".", " ")):
        return False
    try:
        short = len(part.encode("utf-8")) <= _MAX_PART_BYTES
    except UnicodeEncodeError:
        return False
    return short and not any(c in '<>:"|?*' or not c.isprintable() for c in part)


def _refuse_kind(archive: Path, info: zipfile.ZipInfo) -> None:
    """Raise for what is neither a plain file nor a folder, and for what needs a password."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise FetchError(f"{archive} holds a link or device, {_shown(info)}: it is hostile, and was not unpacked")
    if info.flag_bits & _ENCRYPTED:
        raise FetchError(f"{archive} holds {_shown(info)} encrypted: unpack it with its password and another program")


def _refuse_bombs(archive: Path, members: list[_Member], bounds: Bounds) -> None:
    total = sum(member.info.file_size for member in members)
    if total > bounds.total_bytes:
        raise FetchError(f"{archive} would unpack to {total} bytes, too many to be true: it was not unpacked")
    for info in (member.info for member in members):
        swollen = info.file_size > _RATIO_FREE_BYTES and info.file_size > bounds.ratio * max(info.compress_size, 1)
        if swollen or info.file_size > bounds.member_bytes:
            raise FetchError(
                f"{archive} holds {_shown(info)}, which would unpack to {info.file_size} bytes, too many to be true: "
                "it was not unpacked"
            )


def _write(
    archive: Path, opened: zipfile.ZipFile, members: list[_Member], folder: Path, *, replace: bool
) -> tuple[Path, ...]:
    """Write the members under temporary names, which they all exchange for their own at the end."""
    paths = [folder.joinpath(*member.parts) for member in members]
    with Staged() as staged:
        staged.folder(folder)
        home = folder.resolve()
        for member, path in zip(members, paths, strict=True):
            staged.folder(path.parent)
            # a link that somebody has put into the folder must not lead out of it either
            if not path.parent.resolve().is_relative_to(home) or path.is_symlink():
                raise OutputError(f"cannot write {path}: a link leads from there to another place; remove it")
            if path.is_file() and _same(path, member.info):
                continue
            if path.exists() and not replace:
                raise OutputError(f"cannot write {path}: another file of that name is there; choose an empty folder")
            _copy(archive, opened, member, staged.reserve(path))
    return tuple(paths)


def _same(path: Path, info: zipfile.ZipInfo) -> bool:
    """Whether a file is the one in the archive, by its size and checksum."""
    if path.stat().st_size != info.file_size:
        return False
    found = 0
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            found = zlib.crc32(block, found)
    return found == info.CRC


def _copy(archive: Path, opened: zipfile.ZipFile, member: _Member, temporary: Path) -> None:
    """Unpack one member; the reader stops at the size that was announced, and compares the checksum there."""
    left = member.info.file_size
    try:
        stream = opened.open(member.info)
    except (NotImplementedError, *_ZIP_FAULTS) as error:
        raise _damaged(archive, error) from None
    with stream, written(temporary), open(temporary, "wb") as file:
        while block := _read(archive, stream, member):
            left -= len(block)
            file.write(block)
    if left != 0:
        raise FetchError(f"{archive} holds {_shown(member.info)} with another size than it says: download it again")


def _read(archive: Path, stream: object, member: _Member) -> bytes:
    assert isinstance(stream, zipfile.ZipExtFile)
    try:
        return stream.read(_BLOCK)
    except _ZIP_FAULTS as error:
        raise FetchError(
            f"{archive} cannot be unpacked ({_shown(member.info)}: {error}): remove it and download it again"
        ) from None


def _shown(info: zipfile.ZipInfo) -> str:
    """A member's name for a message, without what a terminal would obey."""
    return repr(info.orig_filename[:100])
