"""Downloading files into the cache: each is there whole and verified, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from perijove.archive.cache import Cache, Entry
from perijove.archive.http import Session

FILE_LIMIT_BYTES = 1 << 32
"""No kernel or image that Perijove asks for is larger."""


@dataclass(frozen=True)
class Item:
    """A file to download: its `url`, and `name`, its relative path in the cache (see `safe_name`).

    `size` is its exact length in bytes and `checksum` "md5:...", "sha1:..." or "sha256:..." in hexadecimal: None where
    the archive does not tell (a size rounded for a listing is not exact). `source` is "mission", "pds" or "naif";
    `hosts` are those it may come from, as in `Session.get`.
    """

    url: str
    name: str
    size: int | None = None
    checksum: str | None = None
    source: str = ""
    hosts: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Downloaded:
    """A file that is whole in the cache: where, what the index says, and how it came there.

    `received` are the bytes that came over the network now (0 where it was in the cache), `resumed` those that an
    earlier, aborted download had left.
    """

    path: Path
    entry: Entry
    received: int
    resumed: int

    @property
    def cached(self) -> bool:
        """Whether nothing had to be downloaded."""
        return self.received == 0


def download(
    session: Session,
    item: Item,
    cache: Cache,
    *,
    limit_bytes: int = FILE_LIMIT_BYTES,
    refresh: bool = False,
    progress: Callable[[int, int | None], None] | None = None,
) -> Downloaded:
    """The file of an item, from the cache or else from its archive; resumes where an earlier try was cut off.

    `refresh` asks the archive whether a file that is in the cache has changed. `progress` is told the bytes there are
    and those there will be (None where that is not known). Raises FetchError with the file absent, or left as it was.
    """
    raise NotImplementedError
