"""Large arrays kept in unnamed files instead of memory, so that many strips need no more of it than a few.

A spilled array is read and written like any other. Its pages come into memory as they are touched, and go again, the
file holding them, whenever `release` is called. The files lie where temporary files do (TMPDIR) and vanish with the
arrays.
"""

from __future__ import annotations

import ctypes
import mmap
import tempfile
import weakref
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Kind = TypeVar("Kind", bound=np.generic)

LEAST_BYTES = 1 << 20
"""Smaller arrays stay in memory."""
_MAPPED: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()


def spilled(array: NDArray[Kind]) -> NDArray[Kind]:
    """The same numbers in a file of their own; small arrays as they are. OSError where the disk is full."""
    if array.nbytes < LEAST_BYTES or _mapping(array) is not None:
        return array
    with tempfile.TemporaryFile(prefix="perijove-") as file:
        # written rather than mapped and filled: a full disk is then an error and no signal
        np.ascontiguousarray(array).tofile(file)
        file.flush()
        mapped = mmap.mmap(file.fileno(), array.nbytes)
    _MAPPED.add(mapped)
    return np.ndarray(array.shape, array.dtype, buffer=mapped)


def release() -> None:
    """Give back the memory that spilled arrays take for the moment."""
    if not hasattr(mmap, "MADV_DONTNEED"):
        return
    for mapped in list(_MAPPED):
        mapped.madvise(mmap.MADV_DONTNEED)


def trim() -> None:
    """Give memory that is free back to the system, where the C library can do so (glibc)."""
    give_back = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if give_back is not None:
        give_back(0)


def _mapping(array: NDArray[Any]) -> mmap.mmap | None:
    """The file that an array lies in, if any."""
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, memoryview):
        base = base.obj
    return base if isinstance(base, mmap.mmap) else None
