"""The one door to SPICE: a lock, the kernels of one question, and nothing left loaded behind it.

CSPICE keeps its kernels and its state in globals; two threads in it give wrong numbers without a word.
"""

from __future__ import annotations

import os
import tempfile
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from perijove.errors import PerijoveWarning, SpiceError, UsageError

_LOCK = threading.RLock()
_LONGEST_PATH = 255
"""What CSPICE takes as the name of a file."""


@contextmanager
def toolkit(kernels: Sequence[Path] = ()) -> Iterator[ModuleType]:
    """SPICE with these kernels alone, in the order given, for one thread at a time; all are unloaded at the end.

    Gives the module spiceypy. The kernels that the calling program itself had loaded are out of the way meanwhile and
    loaded again afterwards, with a warning for what cannot be; variables that it had put into the pool by hand (pdpool)
    are gone. Raises UsageError where spiceypy is not installed, SpiceError for whatever SPICE refuses, inside too.
    """
    try:
        import spiceypy
        from spiceypy.utils.exceptions import SpiceyError
    except ImportError:
        raise UsageError("SPICE kernels need the library spiceypy: pip install 'perijove[spice]'") from None
    with _LOCK, tempfile.TemporaryDirectory(prefix="perijove-") as links:
        before = _loaded(spiceypy)
        spiceypy.kclear()
        path: Path | None = None
        try:
            for number, path in enumerate(kernels):
                spiceypy.furnsh(_short(path, Path(links) / str(number)))
            path = None
            yield spiceypy
        except SpiceyError as error:
            raise SpiceError(f"{path or 'SPICE'}: {_reason(error)}; check the kernels") from error
        finally:
            spiceypy.reset()
            spiceypy.kclear()
            for name in before:
                try:
                    spiceypy.furnsh(name)
                except SpiceyError as error:
                    spiceypy.reset()
                    told = f"{name}: was loaded and cannot be again ({_reason(error)}); load it anew"
                    warnings.warn(told, PerijoveWarning, stacklevel=3)


def _loaded(spiceypy: ModuleType) -> list[str]:
    """The files that were loaded one by one; what came with a meta-kernel comes with it again."""
    found = [spiceypy.kdata(k, "ALL") for k in range(spiceypy.ktotal("ALL"))]
    return [file for file, _, source, _ in found if not source]


def _short(path: Path, link: Path) -> str:
    """The path, or a link to it where it is too long for CSPICE."""
    name = str(path)
    if len(os.fsencode(name)) <= _LONGEST_PATH:
        return name
    link.symlink_to(path.absolute())
    return str(link)


def _reason(error: Exception) -> str:
    """SPICE's own words, in one line."""
    short = str(getattr(error, "short", "")).strip()
    text = " ".join(str(getattr(error, "long", "") or error).split())
    return f"{text.rstrip('.')} [{short}]" if short else text.rstrip(".")


__all__ = ["toolkit"]
