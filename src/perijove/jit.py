"""How kernels are compiled: strict floating point, cached on disk, without the interpreter's lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])


def kernel(function: F) -> F:
    """Compile a function on first call; plain IEEE arithmetic, so NaN keeps its meaning.

    Rows are shared out by a pool of threads over kernels that release the lock, not by numba's own parallel loops:
    those abort on concurrent entry in one of their layers and do not survive a fork in another.
    """
    return cast(F, numba.njit(nogil=True, cache=True, error_model="numpy")(function))


def inlined(function: F) -> F:
    """Like `kernel`, for the few small steps inside a pixel loop whose call would cost as much as their work."""
    return cast(F, numba.njit(nogil=True, cache=True, error_model="numpy", inline="always")(function))
