"""NAIF's transfer form of binary kernels: every number in hexadecimal digits, so that nothing is lost on the way.

The first line is "DAFETF NAIF DAF ENCODED TRANSFER FILE". Then, one a line: the kind of kernel, the size of a summary,
the internal title; for each array its name, summary and values in counted blocks; the number of arrays; the comments.
A number is written as digits^exponent: the digits after the point of a fraction to base 16, and the power of 16.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from perijove.errors import SpiceError
from perijove.spice.daf import SHAPES, Daf, DafArray, daf_bytes

FIRST_WORD = b"DAFETF"
_BEGIN_COMMENTS, _END_COMMENTS = "~NAIF/SPC BEGIN COMMENTS~", "~NAIF/SPC END COMMENTS~"
_NUMBER = re.compile(r"(-?)([0-9A-Fa-f]+)\^(-?)([0-9A-Fa-f]{1,3})")
_INTEGER = re.compile(r"-?[0-9A-Fa-f]{1,8}")


def is_transfer(path: Path) -> bool:
    """Whether a file begins as a kernel in transfer form does."""
    with path.open("rb") as file:
        return file.read(len(FIRST_WORD)) == FIRST_WORD


def decode(path: Path, binary: Path) -> None:
    """Write the binary kernel of a transfer file; every number comes out bit by bit. Raises SpiceError, see `parse`."""
    binary.write_bytes(daf_bytes(parse(path)))


def parse(path: Path) -> Daf:
    """The content of a transfer file. Raises SpiceError, with the line, where it is damaged or no SPK, CK or PCK."""
    try:
        text = path.read_text(encoding="latin-1")
    except OSError as error:
        raise SpiceError(f"{path}: cannot be read as a kernel ({error})") from error
    lines = _Lines(path, text.splitlines())
    if not lines.next().startswith(FIRST_WORD.decode()):
        raise lines.wrong("not the first line of a kernel in transfer form")
    kind = lines.quoted().removeprefix("DAF/").strip()
    if kind not in SHAPES:
        raise lines.wrong(f"holds a {kind or 'nameless'} file; SPK, CK and PCK kernels are read")
    if (lines.integer(), lines.integer()) != SHAPES[kind]:
        raise lines.wrong(f"the summary's size is not that of a {kind} kernel")
    title = lines.quoted().rstrip()
    arrays: list[DafArray] = []
    while (line := lines.next()).startswith("BEGIN_ARRAY"):
        arrays.append(_array(lines, line, kind, len(arrays) + 1))
    if line.split() != ["TOTAL_ARRAYS", str(len(arrays))]:
        raise lines.wrong(f"TOTAL_ARRAYS {len(arrays)} is expected here")
    return Daf(kind, title, tuple(arrays), _comments(lines))


def _array(lines: _Lines, begin: str, kind: str, number: int) -> DafArray:
    """One array, from after its BEGIN_ARRAY line to its END_ARRAY line."""
    words = begin.split()
    if len(words) != 3 or words[1] != str(number) or not words[2].isdecimal():
        raise lines.wrong(f"BEGIN_ARRAY {number} and a count are expected here")
    nd, ni = SHAPES[kind]
    name = lines.quoted().rstrip()
    doubles = np.array([lines.number() for _ in range(nd)])
    integers = tuple(lines.integer() for _ in range(ni - 2))
    count, values = int(words[2]), list[float]()
    while len(values) < count:
        block = lines.next().strip()
        if not block.isdecimal() or not 0 < int(block) <= count - len(values):
            raise lines.wrong("a number of values is expected here")
        values += [lines.number() for _ in range(int(block))]
    if lines.next().split() != ["END_ARRAY", *words[1:]]:
        raise lines.wrong(f"END_ARRAY {number} {count} is expected here")
    if not values:
        raise lines.wrong(f"array {number} is empty")
    return DafArray(name, doubles, integers, np.array(values))


def _comments(lines: _Lines) -> str:
    rest = list(lines.rest())
    begin = next((i for i, line in enumerate(rest) if line.strip() == _BEGIN_COMMENTS), None)
    if begin is None:
        return ""
    end = next((i for i, line in enumerate(rest) if line.strip() == _END_COMMENTS), None)
    if end is None:
        raise SpiceError(f"{lines.path}: damaged, it ends within its comments; download it again")
    return "\n".join(rest[begin + 1 : end])


class _Lines:
    """The lines of one file, taken one after the other, and what they say."""

    def __init__(self, path: Path, lines: list[str]) -> None:
        self.path, self._lines, self._at = path, lines, 0

    def next(self) -> str:
        if self._at == len(self._lines):
            raise SpiceError(f"{self.path}: damaged, it ends after line {self._at}; download it again")
        self._at += 1
        return self._lines[self._at - 1]

    def rest(self) -> Iterator[str]:
        yield from self._lines[self._at :]

    def quoted(self) -> str:
        line = self.next().strip()
        if len(line) < 2 or line[0] != "'" or line[-1] != "'":
            raise self.wrong("a text in quotes is expected here")
        return line[1:-1].replace("''", "'")

    def integer(self) -> int:
        text = self.quoted()
        if not _INTEGER.fullmatch(text) or not -(2**31) <= int(text, 16) < 2**31:
            raise self.wrong("an integer in hexadecimal digits is expected here")
        return int(text, 16)

    def number(self) -> float:
        match = _NUMBER.fullmatch(self.quoted())
        if match is None:
            raise self.wrong("a number as digits^exponent is expected here")
        sign, digits, exponent_sign, exponent = match.groups()
        power = 4 * int(exponent_sign + exponent, 16)
        try:
            return float.fromhex(f"{sign}0x0.{digits}p{power}")
        except OverflowError:
            raise self.wrong("a number is too large") from None

    def wrong(self, what: str) -> SpiceError:
        return SpiceError(f"{self.path}, line {self._at}: damaged, {what}; download it again")


__all__ = ["decode", "is_transfer", "parse"]
