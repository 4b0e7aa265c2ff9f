"""How the simulator's kernels are compiled: strict floating point, cached on disk, without the interpreter's lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile a function on first call; threads share the work out around it."""
    return cast(F, numba.njit(nogil=True, cache=True, error_model="numpy")(function))


def inlined(function: F) -> F:
    """Like `compiled`, for the steps of a ray: handing a score of arrays over would cost as much as their work."""
    return cast(F, numba.njit(nogil=True, cache=True, error_model="numpy", inline="always")(function))
