"""NAIF's double precision array files (DAF), the container of SPK, CK and binary PCK kernels.

Read here only as far as is needed to tell what a kernel covers and that it is whole, and written from arrays; states
and attitudes are CSPICE's to evaluate. Layout: NAIF's "DAF Required Reading".
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from perijove.errors import SpiceError

FloatArray = NDArray[np.float64]

RECORD = 1024
"""Bytes of one record; 128 double precision words."""
FTP_CHECK = b"FTPSTR:\r:\n:\r\n:\r\x00:\x81:\x10\xce:ENDFTP"
"""What a transfer that takes the file for text would change."""
_WORDS = RECORD // 8
_COMMENT_CHARS = 1000
SHAPES = {"SPK": (2, 6), "CK": (2, 6), "PCK": (2, 5)}
"""Doubles and integers in the summary of an array, by kind of kernel."""


@dataclass(frozen=True)
class DafArray:
    """One array: its `name`, the `doubles` (nd,) and `integers` (ni - 2) that describe it, and its `values` (n,).

    SPK: start and stop ET; target, centre, frame, type. CK: start and stop ticks; instrument, frame, type, 1 for rates.
    """

    name: str
    doubles: FloatArray
    integers: tuple[int, ...]
    values: FloatArray


@dataclass(frozen=True)
class Daf:
    """A file's `kind` (SPK, CK, PCK), internal `title`, `arrays` in their order and `comments`."""

    kind: str
    title: str
    arrays: tuple[DafArray, ...]
    comments: str = ""


def read_daf(path: Path) -> Daf:
    """A binary DAF of either byte order; values are views of the file. Raises SpiceError for one that is damaged."""
    try:
        stored = np.memmap(path, dtype=np.uint8, mode="r")
    except (OSError, ValueError) as error:
        raise SpiceError(f"{path}: cannot be read as a kernel ({error})") from error
    if stored.size < RECORD:
        raise _damaged(path, "it ends within its first record")
    head = stored[:RECORD].tobytes()
    order = _byte_order(path, head)
    nd, ni = (int(n) for n in np.frombuffer(head, order + "i4", 2, 8))
    if not (0 <= nd <= 124 and 2 <= ni <= 250 and nd + (ni + 1) // 2 <= 125):
        raise _damaged(path, f"its first record gives {nd} doubles and {ni} integers a summary")
    first = int(np.frombuffer(head, order + "i4", 1, 76)[0])
    if b"FTPSTR" in head and FTP_CHECK not in head:
        raise SpiceError(f"{path}: damaged by a transfer as text; download it again in binary mode")
    words = stored[: stored.size // 8 * 8].view(order + "f8")
    arrays = tuple(_arrays(path, stored, words, order, nd, ni, first))
    kind = _kind(head[:8].decode("ascii", "replace"), nd, ni, arrays)
    return Daf(kind, head[16:76].decode("latin-1").rstrip("\0 "), arrays, _comments(stored, first))


def _byte_order(path: Path, head: bytes) -> str:
    """numpy's sign of the file's byte order; by the first number of the summaries where an old file does not say."""
    said = {b"LTL-IEEE": "<", b"BIG-IEEE": ">"}.get(head[88:96])
    if said is not None:
        return said
    if head[88:92] == b"VAX-":
        raise SpiceError(f"{path}: is in a VAX's number format; convert it with NAIF's BINGO and give that")
    return "<" if head[8:10] != b"\0\0" else ">"


def _arrays(
    path: Path, stored: NDArray[np.uint8], words: FloatArray, order: str, nd: int, ni: int, record: int
) -> list[DafArray]:
    """The arrays that the chain of summary records lists, each inside the file."""
    size = nd + (ni + 1) // 2
    found: list[DafArray] = []
    seen: set[int] = set()
    while record != 0:
        if record in seen or not 2 <= record <= stored.size // RECORD - 1:
            raise _damaged(path, f"its list of arrays leads to record {record}")
        seen.add(record)
        start = (record - 1) * _WORDS
        following, _, count = (float(x) for x in words[start : start + 3])
        if not (0 <= count <= 125 // size and count == int(count) and 0 <= following < 2**31):
            raise _damaged(path, f"its summary record {record} holds no summaries")
        for k in range(int(count)):
            at = start + 3 + k * size
            doubles = np.array(words[at : at + nd], dtype=float)
            integers = [int(n) for n in np.frombuffer(words[at + nd : at + size].tobytes(), order + "i4", ni)]
            begin, end = integers[-2:]
            if not 1 <= begin <= end <= words.size:
                raise _damaged(path, f"array {len(found) + 1} goes from word {begin} to {end} of {words.size}")
            name = stored[record * RECORD + k * 8 * size :][: 8 * size].tobytes().decode("latin-1").rstrip("\0 ")
            found.append(DafArray(name, doubles, tuple(integers[:-2]), words[begin - 1 : end]))
        record = int(following)
    return found


def _kind(word: str, nd: int, ni: int, arrays: tuple[DafArray, ...]) -> str:
    """SPK, CK or PCK; of old files, whose first word does not tell, a CK's instruments have long negative numbers."""
    kind = word.removeprefix("DAF/").strip()
    if kind in SHAPES:
        return kind
    if (nd, ni) == SHAPES["PCK"]:
        return "PCK"
    return "CK" if arrays and arrays[0].integers[0] <= -1000 else "SPK"


def _comments(stored: NDArray[np.uint8], first: int) -> str:
    text = b"".join(
        stored[record * RECORD : record * RECORD + _COMMENT_CHARS].tobytes() for record in range(1, first - 1)
    )
    return text.split(b"\x04")[0].replace(b"\0", b"\n").decode("latin-1").rstrip("\n")


def daf_bytes(daf: Daf) -> bytes:
    """A binary DAF, little-endian, of these arrays: all summaries first, then all values.

    Raises SpiceError where a summary does not have the numbers that the kind of kernel has.
    """
    nd, ni = SHAPES[daf.kind]
    size = nd + (ni + 1) // 2
    each = 125 // size
    lines = daf.comments.encode("latin-1", "replace").replace(b"\n", b"\0")
    text = lines + b"\0\x04" if lines else b""
    notes = [text[i : i + _COMMENT_CHARS].ljust(RECORD, b"\0") for i in range(0, len(text), _COMMENT_CHARS)]
    first = 2 + len(notes)
    blocks = max(1, -(-len(daf.arrays) // each))
    address = (first - 1 + 2 * blocks) * _WORDS + 1
    lists: list[bytes] = []
    for b in range(blocks):
        here = daf.arrays[b * each : (b + 1) * each]
        following = first + 2 * (b + 1) if b + 1 < blocks else 0
        previous = first + 2 * (b - 1) if b else 0
        summary, names = np.array([following, previous, len(here)], "<f8").tobytes(), b""
        for array in here:
            if len(array.doubles) != nd or len(array.integers) != ni - 2:
                raise SpiceError(f"{array.name}: not the summary of an array of a {daf.kind} kernel")
            end = address + len(array.values) - 1
            integers = np.array([*array.integers, address, end], "<i4").tobytes()
            summary += np.asarray(array.doubles, "<f8").tobytes() + integers.ljust(8 * (size - nd), b"\0")
            names += array.name.encode("latin-1", "replace")[: 8 * size].ljust(8 * size)
            address = end + 1
        lists += [summary.ljust(RECORD, b"\0"), names.ljust(RECORD)]
    head = _file_record(daf, nd, ni, first, first + 2 * (blocks - 1), address)
    values = b"".join(np.asarray(array.values, "<f8").tobytes() for array in daf.arrays)
    return head + b"".join(notes) + b"".join(lists) + values + b"\0" * (-len(values) % RECORD)


def _file_record(daf: Daf, nd: int, ni: int, first: int, last: int, free: int) -> bytes:
    head = f"DAF/{daf.kind}".encode().ljust(8) + np.array([nd, ni], "<i4").tobytes()
    head += daf.title.encode("latin-1", "replace")[:60].ljust(60)
    head += np.array([first, last, free], "<i4").tobytes() + b"LTL-IEEE"
    return (head.ljust(699, b"\0") + FTP_CHECK).ljust(RECORD, b"\0")


def _damaged(path: Path, how: str) -> SpiceError:
    return SpiceError(f"{path}: damaged, {how}; download it again")
