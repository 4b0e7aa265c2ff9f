"""Whether the segments of a kernel are whole, before CSPICE sees them: it trusts the counts it finds, to the end.

Sizes of the segments' types: NAIF's "SPK Required Reading" and "CK Required Reading". Types that are not listed here
are left to CSPICE.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from perijove.errors import SpiceError
from perijove.spice.daf import DafArray, read_daf

FloatArray = NDArray[np.float64]

_LARGEST_RECORD = 198
"""Numbers of one record that CSPICE has room for (its spkrec.inc)."""
_LARGEST_TABLE = 25
"""Largest difference table of type 21."""
_EACH = 100
"""One directory entry for so many times."""


def check_kernel(path: Path, binary: Path, ids: frozenset[int]) -> None:
    """Raises SpiceError where a segment of one of the bodies or instruments `ids` cannot be what it says it is.

    `path` is the name for messages, `binary` the file. A file that was found whole is not looked through again.
    """
    try:
        facts = binary.stat()
    except OSError as error:
        raise SpiceError(f"{path}: cannot be read any more ({error.strerror}); check the name") from error
    wrong = _wrong_segment(binary, facts.st_size, facts.st_mtime_ns, ids)
    if wrong:
        raise SpiceError(f"{path}: damaged, segment {wrong} does not hold together; download it again")


@lru_cache(maxsize=256)
def _wrong_segment(binary: Path, _size: int, _changed: int, ids: frozenset[int]) -> str:
    """The first segment that is not whole, by number and name; empty where there is none."""
    daf = read_daf(binary)
    checks = {"SPK": _SPK, "CK": _CK}.get(daf.kind, {})
    for number, array in enumerate(daf.arrays, start=1):
        start, stop = array.doubles[:2]
        if array.integers[0] not in ids:
            continue
        kind = array.integers[3 if daf.kind == "SPK" else 2]
        check = checks.get(kind)
        wrong = not (np.isfinite([start, stop]).all() and start <= stop)
        if wrong or (check is not None and not _holds(check, array, whole=daf.kind == "CK" or kind not in _LONG)):
            return f"{number} ({array.name or 'nameless'})"
    return ""


def _holds(check: Callable[[DafArray, FloatArray], bool], array: DafArray, whole: bool) -> bool:
    """Whether a check passes; polynomials of the planets, gigabytes of them, are looked at by their ends alone."""
    values = np.asarray(array.values, dtype=float) if whole else array.values
    # what is not a kernel's number may overflow on its way to be refused
    with np.errstate(all="ignore"):
        return bool(np.isfinite(values if whole else values[-4:]).all()) and check(array, values)


def _count(value: float) -> int:
    """A count that a segment ends with, 0 for what is none."""
    return int(value) if 0 < value < 2**31 and value == int(value) else 0


def _differences(values: FloatArray, n: int, table: int, tail: int) -> bool:
    """Records of difference lines: steps and orders within the table, their times in order."""
    record = 4 * table + 11
    if n == 0 or values.size != n * (record + 1) + n // _EACH + tail:
        return False
    # 15 steps, 3 states and the table itself come before the orders
    orders = values[: n * record].reshape(n, record)[:, -4:]
    inside = (orders >= 0).all() and (orders[:, 1:] <= table).all()
    inside = inside and (orders[:, 0] >= 2).all() and (orders[:, 0] <= table + 1).all()
    return bool(inside and (orders == np.floor(orders)).all()) and _ordered(values[n * record : n * (record + 1)])


def _spk_1(_: DafArray, values: FloatArray) -> bool:
    return _differences(values, _count(values[-1]), 15, 1)


def _spk_21(_: DafArray, values: FloatArray) -> bool:
    table = _count(values[-2]) if values.size > 2 else 0
    return 0 < table <= _LARGEST_TABLE and _differences(values, _count(values[-1]), table, 2)


def _chebyshev(components: int) -> Callable[[DafArray, FloatArray], bool]:
    def check(array: DafArray, values: FloatArray) -> bool:
        if values.size < 5:
            return False
        start, length = (float(v) for v in values[-4:-2])
        size, n = (_count(float(v)) for v in values[-2:])
        fits = 2 + components <= size <= _LARGEST_RECORD and (size - 2) % components == 0 and n > 0
        within = length > 0 and start <= array.doubles[0] + 1.0 and array.doubles[1] - 1.0 <= start + n * length
        return bool(fits and within and values.size == size * n + 4)

    return check


def _even(_: DafArray, values: FloatArray) -> bool:
    n = _count(values[-1])
    return n > 1 and values.size == 6 * n + 4 and values[-3] > 0 and 0 < values[-2] < n


def _uneven(_: DafArray, values: FloatArray) -> bool:
    n = _count(values[-1])
    if n == 0 or values.size != 7 * n + (n - 1) // _EACH + 2:
        return False
    return _ordered(values[6 * n : 7 * n])


def _two_body(_: DafArray, values: FloatArray) -> bool:
    n = _count(values[-1])
    return n > 0 and values.size == 7 * n + (n - 1) // _EACH + 2 and _ordered(values[6 * n : 7 * n])


def _ck_1(array: DafArray, values: FloatArray) -> bool:
    width, n = (7 if array.integers[3] == 1 else 4), _count(values[-1])
    fits = n > 0 and values.size == (width + 1) * n + (n - 1) // _EACH + 1
    return fits and _turns(values, width, n) and _ordered(values[width * n : (width + 1) * n])


def _ck_3(array: DafArray, values: FloatArray) -> bool:
    if values.size < 3:
        return False
    width, intervals, n = (7 if array.integers[3] == 1 else 4), _count(values[-2]), _count(values[-1])
    tables = (n - 1) // _EACH + intervals + (intervals - 1) // _EACH + 2
    if n == 0 or intervals == 0 or values.size != (width + 1) * n + tables:
        return False
    starts = values[(width + 1) * n + (n - 1) // _EACH :][:intervals]
    return _turns(values, width, n) and _ordered(values[width * n : (width + 1) * n]) and _ordered(starts)


def _turns(values: FloatArray, width: int, n: int) -> bool:
    """Whether the quaternions of n records are of length one."""
    length = np.linalg.norm(values[: width * n].reshape(n, width)[:, :4], axis=1)
    return bool((np.abs(length - 1.0) < 1e-3).all())


def _ordered(times: FloatArray) -> bool:
    return bool((np.diff(times) > 0).all())


_SPK: dict[int, Callable[[DafArray, FloatArray], bool]] = {
    1: _spk_1, 2: _chebyshev(3), 3: _chebyshev(6), 5: _two_body, 8: _even, 9: _uneven, 12: _even, 13: _uneven,
    21: _spk_21,
}  # fmt: skip
_LONG = (2, 3)
_CK: dict[int, Callable[[DafArray, FloatArray], bool]] = {1: _ck_1, 3: _ck_3}


__all__ = ["check_kernel"]
