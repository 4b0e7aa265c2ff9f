"""The cache: one folder with what was downloaded, and an index of it that survives crashes."""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from perijove.archive.index import Index
from perijove.archive.names import is_plain, safe_name
from perijove.archive.partial import alone
from perijove.errors import FetchError, UsageError
from perijove.io.atomic import written

__all__ = ["Cache", "Entry", "Fault", "StoredPage", "default_folder", "digests", "safe_name"]

_OWN = ".perijove"
"""What the cache needs for itself is in this folder; no name in the cache begins with a dot."""
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Entry:
    """One file of the cache: `name` is its relative path there, `checksum` what the archive said of it ("md5:...").

    `fetched` is UTC in ISO 8601; `etag` and `modified` are the server's, "" where it gave none.
    """

    name: str
    url: str
    source: str
    size: int
    sha256: str
    checksum: str | None
    etag: str
    modified: str
    fetched: str


@dataclass(frozen=True)
class Fault:
    """A file of the cache that is not what the index says; `reason` is "missing", or what differs."""

    name: str
    reason: str


@dataclass(frozen=True)
class StoredPage:
    """A page of the cache: the `body`, and what its server needs to know to answer that it is unchanged.

    `asked` is its address as it was asked for, `url` where it was found after redirects; `fetched` is when it was got
    or last found unchanged (UTC, ISO 8601).
    """

    asked: str
    url: str
    body: bytes
    content_type: str
    etag: str
    modified: str
    fetched: str


def default_folder() -> Path:
    """Where the cache is if nobody says: $PERIJOVE_CACHE, $XDG_CACHE_HOME/perijove, or ~/.cache/perijove."""
    chosen = os.environ.get("PERIJOVE_CACHE", "")
    base = os.environ.get("XDG_CACHE_HOME", "")
    try:
        if chosen:
            return Path(chosen).expanduser()
        # the XDG rules want a relative path to be ignored
        return Path(base) / "perijove" if Path(base).is_absolute() else Path.home() / ".cache" / "perijove"
    except RuntimeError:
        raise UsageError(
            "there is no home folder for the cache: name a folder with --cache or PERIJOVE_CACHE"
        ) from None


def digests(path: Path, *kinds: str) -> tuple[str, ...]:
    """The digests of a file's bytes in hexadecimal, by the names of their kinds ("md5", "sha256"); one reading."""
    sums = [hashlib.new(kind, usedforsecurity=False) for kind in kinds]
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            for one in sums:
                one.update(block)
    return tuple(one.hexdigest() for one in sums)


class Cache:
    """The folder and its index; made when something is put into it. Any number of processes may share it."""

    def __init__(self, folder: Path | None = None) -> None:
        """The cache in `folder`, or in `default_folder()`."""
        self.folder = (folder if folder is not None else default_folder()).absolute()
        self._index = Index(self.folder / _OWN / "index.sqlite")

    def path(self, name: str) -> Path:
        """Where the file of a name is or would be; FetchError where the name would lead out of the cache."""
        if not is_plain(name):
            raise FetchError(
                f"{name!r} is no name for a file in the cache: it may have letters, digits, dots, + and - in each part"
            )
        return self.folder.joinpath(*name.split("/"))

    def find(self, name: str) -> Entry | None:
        """What the index knows of a file that is there with its full size; None otherwise."""
        path = self.path(name)
        for row in self._index.rows("files", name):
            entry = _entry(row)
            with contextlib.suppress(OSError):
                if path.is_file() and path.stat().st_size == entry.size:
                    return entry
        return None

    def entries(self) -> tuple[Entry, ...]:
        """All files of the index, by name, whether they are there or not."""
        found = (_entry(row) for row in self._index.rows("files"))
        # an index that someone else wrote into leads nowhere either
        return tuple(entry for entry in found if is_plain(entry.name))

    def verify(self, names: tuple[str, ...] = ()) -> tuple[Fault, ...]:
        """Read the files (all, or those named) and compare with the index; what is not as it was, by name."""
        known = {entry.name: entry for entry in self.entries()}
        faults = []
        for name in names or tuple(known):
            self.path(name)
            reason = self._fault(known[name]) if name in known else "not in the index"
            if reason:
                faults.append(Fault(name, reason))
        return tuple(faults)

    def _fault(self, entry: Entry) -> str:
        path = self.path(entry.name)
        try:
            if not path.is_file():
                return "missing"
            size = path.stat().st_size
            if size != entry.size:
                return f"{size} bytes instead of {entry.size}"
            return "" if digests(path, "sha256")[0] == entry.sha256 else "its bytes have changed"
        except OSError as error:
            return f"cannot be read ({error.strerror})"

    def admit(self, temporary: Path, entry: Entry) -> Path:
        """Give a whole and verified file its place in the cache, in place of one that is there; both on one disk."""
        path = self.path(entry.name)
        with written(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        # between the two the index must not speak of another file than the one that is there
        self._index.drop("files", entry.name)
        with written(path):
            os.replace(temporary, path)
            _sync_folder(path.parent)
        self.note(entry)
        return path

    def note(self, entry: Entry) -> None:
        """Write down in the index what is known of a file that is in its place."""
        self.own_folder()
        self._index.put("files", astuple(entry))

    def remove(self, name: str) -> None:
        """Take a file out of the cache, with what is left of an aborted download of it."""
        path = self.path(name)
        self._index.drop("files", name)
        with written(path):
            path.unlink(missing_ok=True)
            for left in self.part(name).parent.glob(f"{self.part(name).stem}.*"):
                left.unlink(missing_ok=True)

    def tidy(self) -> int:
        """Take away what is left of aborted downloads that nobody is at; the bytes that this freed."""
        freed = 0
        for part in sorted(self.part("").parent.glob("*.part")):
            lock = alone(part.with_suffix(".lock"), part.name, 0.0, lambda: 0.0, _no_wait)
            # one that is being downloaded is not ours to take
            with contextlib.suppress(FetchError), lock, written(part):
                freed += part.stat().st_size
                for left in (part.with_suffix(".json"), part):
                    left.unlink(missing_ok=True)
        return freed

    def page(self, url: str) -> StoredPage | None:
        """The page that was had from an address, or None."""
        rows: list[Any] = self._index.rows("pages", url)
        return StoredPage(*rows[0]) if rows else None

    def keep_page(self, page: StoredPage) -> None:
        """Keep a page for the next time; of very many the oldest go."""
        self.own_folder()
        self._index.put("pages", astuple(page))

    def part(self, name: str) -> Path:
        """Where a file is written while it is downloaded."""
        key = hashlib.sha256(name.encode()).hexdigest()[:24]
        return self.folder / _OWN / "parts" / f"{key}.part"

    def own_folder(self) -> Path:
        """Make the folder that the cache needs for itself; OutputError where that cannot be."""
        own = self.folder / _OWN
        with written(own):
            (own / "parts").mkdir(parents=True, exist_ok=True)
        return own


def _no_wait(seconds: float) -> None:
    """Nobody waits where only what is free at once is wanted."""


def _entry(row: Any) -> Entry:
    return Entry(*row)


def _sync_folder(folder: Path) -> None:
    """Have the system write down a new name; where folders cannot be opened (Windows) it does so itself."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
