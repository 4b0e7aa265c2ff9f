"""The one door to SPICE: a lock, the kernels of one question, and nothing left loaded behind it.

CSPICE keeps its kernels and its state in globals; two threads in it give wrong numbers without a word.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from perijove.errors import UsageError

_LOCK = threading.RLock()


@contextmanager
def toolkit(kernels: Sequence[Path] = ()) -> Iterator[ModuleType]:
    """SPICE with these kernels alone, in the order given, for one thread at a time; all are unloaded at the end.

    Gives the module spiceypy. Raises UsageError where it is not installed.
    """
    try:
        import spiceypy
    except ImportError:
        raise UsageError("SPICE kernels need the library spiceypy: pip install 'perijove[spice]'") from None
    with _LOCK:
        spiceypy.kclear()
        try:
            for path in kernels:
                spiceypy.furnsh(str(path))
            yield spiceypy
        finally:
            spiceypy.reset()
            spiceypy.kclear()


__all__ = ["toolkit"]
