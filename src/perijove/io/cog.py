"""Cloud-Optimised GeoTIFF: the tiles of finished TIFF files, compressed as they are, put in the order of the layout.

The layout: the header, all directories with the full size first, then the tiles of the smallest overview, of the next
one ... and of the full size, each row by row (GDAL's documentation of its COG driver). So a reader gets what it needs
of a distant file in few requests. Tags, their types and BigTIFF: TIFF 6.0 (Adobe, 1992) and the BigTIFF design.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Bytes of a value by the type's number."""
_LONG, _LONG8 = 4, 16
_INTEGERS = {3: "<u2", 4: "<u4", 16: "<u8"}
_SUBFILE, _OFFSETS, _COUNTS = 254, 324, 325
_CLASSIC_BYTES = 2**32 - 2**16
"""Larger files need offsets of 8 bytes."""
_GHOST = b"LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nKNOWN_INCOMPATIBLE_EDITION=NO\n "
"""What stands before the first directory to tell readers of the order, in GDAL's words."""


@dataclass(frozen=True)
class Entry:
    """One tag of a directory: its type and number of values, and their bytes."""

    tag: int
    kind: int
    count: int
    value: bytes


@dataclass(frozen=True)
class Tiled:
    """A tiled TIFF of one picture: its tags but the places of the tiles, and those, 0 for tiles that hold nothing."""

    path: Path
    entries: tuple[Entry, ...]
    offsets: NDArray[np.int64]
    counts: NDArray[np.int64]


def assemble(paths: Sequence[Path], held: Sequence[int], target: BinaryIO) -> None:
    """Write a COG of the tiled TIFFs of the full size and of its overviews, from the largest to the smallest.

    They have one picture each, and `held` are the numbers of tiles in them that hold data. Raises OSError where one
    was not written completely: GDAL's threads do not always tell.
    """
    parts = [read_tiled(path) for path in paths]
    for part, number in zip(parts, held, strict=True):
        if np.count_nonzero(part.counts) != number:
            raise _cut_short()
    starts, end = _layout(parts, big=False)
    big = end + sum(int(part.counts.sum()) for part in parts) > _CLASSIC_BYTES
    if big:
        starts, end = _layout(parts, big=True)
    places, here = {}, end
    for index in reversed(range(len(parts))):
        counts = parts[index].counts
        ends = here + np.cumsum(counts)
        places[index] = np.where(counts > 0, ends - counts, 0)
        here = int(ends[-1])
    target.write(_header(starts[0], big=big))
    for index, part in enumerate(parts):
        following = starts[index + 1] if index + 1 < len(parts) else 0
        target.write(bytes(starts[index] - target.tell()))
        target.write(_directory(_entries(part, places[index], index > 0, big), starts[index], following, big=big))
    target.write(bytes(end - target.tell()))
    for part in reversed(parts):
        _copy_tiles(part, target)


def read_tiled(path: Path) -> Tiled:
    """The directory of a little-endian TIFF with tiles; OSError where a tile lies outside the file."""
    size = path.stat().st_size
    try:
        with open(path, "rb") as file:
            entries = _read_directory(file)
    except (struct.error, KeyError) as error:
        raise _cut_short() from error
    places = {entry.tag: np.frombuffer(entry.value, _INTEGERS[entry.kind]).astype(np.int64) for entry in entries
              if entry.tag in (_OFFSETS, _COUNTS)}  # fmt: skip
    if len(places) != 2 or np.any(places[_OFFSETS] + places[_COUNTS] > size):
        raise _cut_short()
    kept = tuple(entry for entry in entries if entry.tag not in (_SUBFILE, _OFFSETS, _COUNTS))
    return Tiled(path, kept, places[_OFFSETS], np.where(places[_OFFSETS] > 0, places[_COUNTS], 0))


def _cut_short() -> OSError:
    return OSError(errno.ENOSPC, "the disk took only a part of it")


def _read_directory(file: BinaryIO) -> list[Entry]:
    """The tags of the first directory, each with its values."""
    order, version = struct.unpack("<2sH", file.read(4))
    if order != b"II" or version not in (42, 43):
        raise KeyError("no little-endian TIFF")
    big = version == 43
    (start,) = struct.unpack("<4xQ" if big else "<I", file.read(12 if big else 4))
    file.seek(start)
    (number,) = struct.unpack("<Q" if big else "<H", file.read(8 if big else 2))
    layout = struct.Struct("<HHQ8s" if big else "<HHI4s")
    found = []
    for tag, kind, count, field in [layout.unpack(file.read(layout.size)) for _ in range(number)]:
        length = count * _TYPE_BYTES[kind]
        if length <= len(field):
            found.append(Entry(tag, kind, count, field[:length]))
            continue
        file.seek(int.from_bytes(field, "little"))
        value = file.read(length)
        if len(value) < length:
            raise KeyError("values outside the file")
        found.append(Entry(tag, kind, count, value))
    return found


def _entries(part: Tiled, places: NDArray[np.int64], reduced: bool, big: bool) -> list[Entry]:
    """All tags of a part in their order, with the places of its tiles in the new file."""
    kind, name = (_LONG8, "<u8") if big else (_LONG, "<u4")
    added = [
        Entry(_OFFSETS, kind, len(places), places.astype(name).tobytes()),
        Entry(_COUNTS, _LONG, len(places), part.counts.astype("<u4").tobytes()),
    ]
    if reduced:
        added.append(Entry(_SUBFILE, _LONG, 1, struct.pack("<I", 1)))
    return sorted([*part.entries, *added], key=lambda entry: entry.tag)


def _layout(parts: Sequence[Tiled], *, big: bool) -> tuple[list[int], int]:
    """Where the directories begin, and where the tiles do."""
    starts, here = [], len(_header(0, big=big))
    for index, part in enumerate(parts):
        here += here % 2
        starts.append(here)
        here += len(_directory(_entries(part, part.offsets * 0, index > 0, big), here, 0, big=big))
    return starts, here + -here % 16


def _header(first: int, *, big: bool) -> bytes:
    """The header of a TIFF whose first directory begins at `first`, and the words on its layout."""
    ghost = b"GDAL_STRUCTURAL_METADATA_SIZE=%06d bytes\n" % len(_GHOST) + _GHOST
    return (struct.pack("<2sHHHQ", b"II", 43, 8, 0, first) if big else struct.pack("<2sHI", b"II", 42, first)) + ghost


def _directory(entries: Sequence[Entry], start: int, following: int, *, big: bool) -> bytes:
    """The bytes of a directory that begins at `start`, with the values that do not fit into it behind it."""
    room = 8 if big else 4
    number, layout = ("<Q", "<HHQ") if big else ("<H", "<HHI")
    behind = start + struct.calcsize(number) + len(entries) * (struct.calcsize(layout) + room) + room
    head, tail = [struct.pack(number, len(entries))], b""
    for entry in entries:
        head.append(struct.pack(layout, entry.tag, entry.kind, entry.count))
        if len(entry.value) <= room:
            head.append(entry.value.ljust(room, b"\0"))
            continue
        # values begin at even places
        tail += bytes((behind + len(tail)) % 2)
        head.append((behind + len(tail)).to_bytes(room, "little"))
        tail += entry.value
    head.append(following.to_bytes(room, "little"))
    return b"".join(head) + tail


def _copy_tiles(part: Tiled, target: BinaryIO) -> None:
    """Append the tiles of a part in their order."""
    with open(part.path, "rb") as file:
        for offset, count in zip(part.offsets.tolist(), part.counts.tolist(), strict=True):
            if count:
                file.seek(offset)
                tile = file.read(count)
                if len(tile) < count:
                    raise _cut_short()
                target.write(tile)
