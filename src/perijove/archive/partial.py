"""Half-downloaded files: what is there of one, what it is a part of, and who is at it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import BinaryIO

from perijove.errors import FetchError
from perijove.io.atomic import written

_SAVE_BYTES = 1 << 22
_LOCK_PAUSE_S = 0.2


@dataclass(frozen=True)
class Whole:
    """What a part is a part of: the address, the server's validators ("" where none) and the full size if known.

    `saved` bytes of it are known to be on the disk.
    """

    url: str
    etag: str = ""
    modified: str = ""
    total: int | None = None
    saved: int = 0

    @property
    def condition(self) -> str:
        """What a server can tell by (If-Range) whether it still has the same file; a weak tag does not say."""
        strong = self.etag.startswith('"')
        return self.etag if strong else self.modified


class Part:
    """A file that is being downloaded, and a note beside it of what it is a part of.

    After a crash only those bytes count that were known to be on the disk.
    """

    def __init__(self, path: Path, url: str) -> None:
        """Take up what is at `path` if it is of this address; begin with nothing otherwise."""
        self.path = path
        self._note = path.with_suffix(".json")
        self._file: BinaryIO | None = None
        self.whole = self._noted() or Whole(url)
        if self.whole.url != url:
            self.whole = Whole(url)
        self.size = self.whole.saved

    def _noted(self) -> Whole | None:
        try:
            noted = Whole(**json.loads(self._note.read_bytes()))
            sound = isinstance(noted.saved, int) and isinstance(noted.total, int | None)
            texts = all(isinstance(text, str) for text in (noted.url, noted.etag, noted.modified))
            return noted if sound and texts and 0 <= noted.saved <= self.path.stat().st_size else None
        except (OSError, ValueError, TypeError):
            return None

    def begin(self, whole: Whole) -> None:
        """Begin with nothing of another file."""
        self.close()
        self.whole = replace(whole, saved=0)
        self.size = 0
        with written(self.path):
            self._file = open(self.path, "wb", buffering=0)  # noqa: SIM115 - closed by close()
        self._write_note()

    def go_on(self) -> None:
        """Go on behind what is there."""
        if self._file is None:
            with written(self.path):
                self._file = open(self.path, "r+b", buffering=0)  # noqa: SIM115 - closed by close()
                self._file.truncate(self.size)
                self._file.seek(self.size)

    def write(self, data: bytes) -> None:
        """Add bytes; now and then they are made sure of."""
        assert self._file is not None
        view = memoryview(data)
        with written(self.path):
            while view:
                view = view[self._file.write(view) :]
        self.size += len(data)
        if self.size - self.whole.saved >= _SAVE_BYTES:
            self.save()

    def save(self) -> None:
        """Make sure that all that was written is on the disk, and note it."""
        if self._file is None or self.whole.saved == self.size:
            return
        with written(self.path):
            os.fsync(self._file.fileno())
        self.whole = replace(self.whole, saved=self.size)
        self._write_note()

    def close(self) -> None:
        """Close the file; it stays for the next time."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def discard(self) -> None:
        """Take the file and its note away."""
        self.close()
        self.whole = Whole(self.whole.url)
        self.size = 0
        for path in (self._note, self.path):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def _write_note(self) -> None:
        fresh = self._note.with_suffix(".json.new")
        with written(self._note):
            fresh.write_text(json.dumps(asdict(self.whole)), encoding="utf-8")
            os.replace(fresh, self._note)


@contextlib.contextmanager
def orderly_end() -> Iterator[None]:
    """Let a polite wish to end the process (SIGTERM, SIGHUP) run all that is to be done at the end, as Ctrl-C does.

    Only in the main thread, and where nobody else has said what such a wish should do.
    """
    wishes = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    ours = threading.current_thread() is threading.main_thread()
    changed = [wish for wish in wishes if ours and signal.getsignal(wish) is signal.SIG_DFL]
    for wish in changed:
        signal.signal(wish, _end)
    try:
        yield
    finally:
        for wish in changed:
            signal.signal(wish, signal.SIG_DFL)


def _end(number: int, frame: object) -> None:
    # the code that shells give to what a signal ended
    raise SystemExit(128 + number)


@contextlib.contextmanager
def alone(
    path: Path, what: str, patience_s: float, clock: Callable[[], float], sleep: Callable[[float], None]
) -> Iterator[None]:
    """Be the only one of all processes and threads at a file, marked by a lock at `path` that ends with its process.

    Raises FetchError where another is still at it after `patience_s`.
    """
    until = clock() + patience_s
    while (handle := _take(path)) is None:
        if clock() >= until:
            raise FetchError(f"another process is still downloading {what} ({path}): wait for it, or end it")
        sleep(_LOCK_PAUSE_S)
    try:
        yield
    finally:
        # taken away while it is held, so that nobody waits for a name that is gone
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(handle)


def _take(path: Path) -> int | None:
    """The handle of a lock, or None where another has it."""
    with written(path):
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if _locked(handle) and _is_at(handle, path):
            return handle
    except BaseException:
        os.close(handle)
        raise
    os.close(handle)
    return None


def _is_at(handle: int, path: Path) -> bool:
    """Whether a name is still that of an open file: the one who held the lock before took it away."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except OSError:
        return False


def _locked(handle: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError as error:
        raise FetchError(
            f"the cache cannot be locked ({error.strerror}): name one on another disk with --cache"
        ) from None
    return True
