"""Unpacking zip archives: nothing is written but plain files inside one folder, and no more than is believable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


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
    raise NotImplementedError
