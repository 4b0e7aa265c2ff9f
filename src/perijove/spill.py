"""Large arrays kept in unnamed files instead of memory, so that many strips need no more of it than a few.

A spilled array is read and written like any other. Its pages come into memory as they are touched, and go again, the
file holding them, whenever `release` is called. The files lie where temporary files do (TMPDIR) and vanish with the
arrays.
"""

from __future__ import annotations

import ctypes
import mmap
import tempfile
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from perijove.errors import OutputError

Kind = TypeVar("Kind", bound=np.generic)

LEAST_BYTES = 1 << 18
"""Smaller arrays stay in memory."""
MOST_BYTES = 300e6
"""Bytes of files in memory, with those of the program itself, from which on they are given back."""
FREED_BYTES = 100e6
"""By how many bytes other memory has to grow for what is free of it to be given back."""
LOOK_S, TRIM_S = 0.05, 0.5
"""Seconds from one look at the memory to the next, and at least from one giving back of what is free to the next."""
_STATM = Path("/proc/self/statm")
_MAPPED: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()
_LOCK = threading.Lock()


def spilled(array: NDArray[Kind]) -> NDArray[Kind]:
    """The same numbers in a file of their own; small arrays as they are. OSError where the disk is full."""
    out: NDArray[Kind] = spilled_together([array])[0]
    return out


def spilled_together(arrays: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """`spilled` arrays in one file for all of them, since a process may have few files open; it goes with the last.

    An array that is given twice is there once. Raises OutputError where the disk is full.
    """
    away = {id(array): array for array in arrays if array.nbytes >= LEAST_BYTES and _mapping(array) is None}
    if not away:
        return list(arrays)
    starts, end = {}, 0
    for key, array in away.items():
        starts[key] = end
        end += -(-array.nbytes // mmap.PAGESIZE) * mmap.PAGESIZE
    try:
        with tempfile.TemporaryFile(prefix="perijove-") as file:
            # written rather than mapped and filled: a full disk is then an error and no signal
            for key, array in away.items():
                file.seek(starts[key])
                file.write(np.ascontiguousarray(array).data)
            file.truncate(end)
            file.flush()
            mapped = mmap.mmap(file.fileno(), end)
    except OSError as error:
        raise OutputError(
            f"{tempfile.gettempdir()}: {error.strerror or error}: the light of many strips is kept there; make room, "
            "or name another folder in TMPDIR"
        ) from None
    with _LOCK:
        _MAPPED.add(mapped)
    there = {
        key: np.ndarray(array.shape, array.dtype, buffer=mapped, offset=starts[key]) for key, array in away.items()
    }
    return [there.get(id(array), array) for array in arrays]


def release() -> None:
    """Give back the memory that spilled arrays take for the moment."""
    if not hasattr(mmap, "MADV_DONTNEED"):
        return
    with _LOCK:
        there = list(_MAPPED)
    for mapped in there:
        mapped.madvise(mmap.MADV_DONTNEED)


def trim() -> None:
    """Give memory that is free back to the system, where the C library can do so (glibc)."""
    give_back = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if give_back is not None:
        give_back(0)


@contextmanager
def held_down() -> Iterator[None]:
    """Keep the process's memory small in the meantime, whatever work is done: spilled arrays take about `MOST_BYTES`
    at a time, and what others have freed goes back to the system. It does so only where Linux tells the memory."""
    if not _STATM.exists():
        yield
        return
    done = threading.Event()
    keeper = threading.Thread(target=_hold_down, args=(done,), name="memory", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        done.set()
        keeper.join()


def _hold_down(done: threading.Event) -> None:
    """Look at the memory again and again until it is `done`."""
    _, settled = _resident()
    trimmed = time.monotonic()
    while not done.wait(LOOK_S):
        files, others = _resident()
        if files > MOST_BYTES:
            release()
        settled = min(settled, others)
        if others > settled + FREED_BYTES and time.monotonic() > trimmed + TRIM_S:
            trim()
            _, settled = _resident()
            trimmed = time.monotonic()


def _resident() -> tuple[int, int]:
    """Bytes in memory of files, and of all else."""
    _, resident, files, *_ = (int(pages) * mmap.PAGESIZE for pages in _STATM.read_text().split())
    return files, resident - files


def _mapping(array: NDArray[Any]) -> mmap.mmap | None:
    """The file that an array lies in, if any."""
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, memoryview):
        base = base.obj
    return base if isinstance(base, mmap.mmap) else None
