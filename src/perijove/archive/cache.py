"""The cache: one folder with what was downloaded, and an index of it that survives crashes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


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

    `fetched` is when it was got or last found unchanged (UTC, ISO 8601), `url` where it was found after redirects.
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
    raise NotImplementedError


def safe_name(*parts: str) -> str:
    """A relative path for the cache made of any words ("mission", "a/../b.zip"): one folder or file for each.

    What could leave the cache, hide, or trouble a file system is replaced, and a hash is added where it was, so that
    different words stay different.
    """
    raise NotImplementedError


class Cache:
    """The folder and its index; made when something is put into it. Any number of processes may share it."""

    def __init__(self, folder: Path | None = None) -> None:
        """The cache in `folder`, or in `default_folder()`."""
        self.folder = folder if folder is not None else default_folder()

    def path(self, name: str) -> Path:
        """Where the file of a name is or would be; FetchError where the name would lead out of the cache."""
        raise NotImplementedError

    def find(self, name: str) -> Entry | None:
        """What the index knows of a file that is there with its full size; None otherwise."""
        raise NotImplementedError

    def entries(self) -> tuple[Entry, ...]:
        """All files of the index, by name, whether they are there or not."""
        raise NotImplementedError

    def verify(self, names: tuple[str, ...] = ()) -> tuple[Fault, ...]:
        """Read the files (all, or those named) and compare with the index; what is not as it was, by name."""
        raise NotImplementedError

    def remove(self, name: str) -> None:
        """Take a file out of the cache, with what is left of an aborted download of it."""
        raise NotImplementedError
