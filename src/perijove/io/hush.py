"""Keeping libtiff's own words off the terminal: GDAL lets it print what a full disk refuses, a line for each tile."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator

_STDERR = 2
_WORDS = re.compile(rb"_tiff\w+Proc: [^\r\n]*\n|^TIFF\w+: [^\r\n]*\n", re.MULTILINE)
"""What libtiff's default handler prints: a function of its own or of GDAL's file layer, and the system's reason."""
_lock = threading.Lock()
_inside = 0
_aside: tuple[int, int] | None = None


@contextlib.contextmanager
def hushed() -> Iterator[None]:
    """Around calls of GDAL: what libtiff prints on stderr is dropped, and all else is printed when they are done.

    Whoever prints on stderr meanwhile, by whichever thread, is only delayed: keep the block short. Blocks may be nested
    and may overlap in several threads. Where stderr is closed, or there is no room to keep its text, nothing is hushed.
    """
    global _inside, _aside
    with _lock:
        if _inside == 0:
            _aside = _turn_aside()
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0 and _aside is not None:
                _turn_back(*_aside)
                _aside = None


def _turn_aside() -> tuple[int, int] | None:
    """Let file descriptor 2 lead to a scratch file; a descriptor of where it led, and one of that file."""
    _flush()
    with contextlib.ExitStack() as undo:
        try:
            before = os.dup(_STDERR)
            undo.callback(os.close, before)
            scratch = _scratch()
            undo.callback(os.close, scratch)
            os.dup2(scratch, _STDERR)
        except OSError:
            return None
        undo.pop_all()
    return before, scratch


def _turn_back(before: int, scratch: int) -> None:
    """Let file descriptor 2 lead to where it did, and print there what was kept, but for libtiff's words."""
    _flush()
    try:
        os.dup2(before, _STDERR)
        os.lseek(scratch, 0, os.SEEK_SET)
        with open(scratch, "rb", closefd=False) as file:
            kept = _WORDS.sub(b"", file.read())
        # a terminal that is gone cannot be told so
        with contextlib.suppress(OSError):
            while kept:
                kept = kept[os.write(_STDERR, kept) :]
    finally:
        os.close(before)
        os.close(scratch)


def _scratch() -> int:
    """A file without a name: in memory where the system has that, as the disk may be full."""
    if sys.platform == "linux":
        return os.memfd_create("stderr")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _flush() -> None:
    """Python's own text must go out before or after what is turned aside, where it belongs."""
    # None under pythonw, closed or broken elsewhere
    with contextlib.suppress(AttributeError, ValueError, OSError):
        sys.stderr.flush()
