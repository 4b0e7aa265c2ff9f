"""Asking archives politely: few requests, patient retries, known hosts only, and a bound to everything."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from perijove.archive.cache import Cache

PAGE_LIMIT_BYTES = 1 << 24
"""No page of an archive that is asked for here is nearly as long, unpacked."""


@dataclass(frozen=True)
class Conduct:
    """How a session behaves; times in seconds.

    `pause_s` lies between the end of an answer and the next request to the same host; `timeout_s` is the longest
    silence; `page_deadline_s` and `file_deadline_s` bound one page and one file with all retries; `attempts` is how
    often one thing is asked for without getting on; the wait doubles from `backoff_s` to `backoff_max_s`; a server that
    asks for a longer wait than `retry_after_max_s` is left alone; `redirects` is the most that are followed.
    """

    pause_s: float = 1.0
    timeout_s: float = 30.0
    page_deadline_s: float = 180.0
    file_deadline_s: float = 4 * 3600.0
    attempts: int = 5
    backoff_s: float = 1.0
    backoff_max_s: float = 60.0
    retry_after_max_s: float = 120.0
    redirects: int = 5


@dataclass(frozen=True)
class Page:
    """One page: `url` where it was found in the end, its `body` (unpacked), and whether it came from the cache.

    `fetched` is when it was got or last found unchanged (UTC, ISO 8601).
    """

    url: str
    body: bytes
    content_type: str
    fetched: str
    cached: bool

    @property
    def text(self) -> str:
        """The body as text, in the character set that the server names, UTF-8 otherwise; never fails."""
        raise NotImplementedError


class Session:
    """A conversation with archives, to be used in a ``with`` block; needs the extra `fetch`.

    One connection to a host at a time. `cache` keeps pages for conditional requests and for `offline`, where nothing
    but the cache is asked. `clock` (s), `sleep` (s) and `chance` (0..1) can be replaced in tests.
    """

    def __init__(
        self,
        cache: Cache,
        *,
        conduct: Conduct = Conduct(),
        offline: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """No connection is made until something is asked for."""
        raise NotImplementedError

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        raise NotImplementedError

    def get(
        self,
        url: str,
        limit_bytes: int = PAGE_LIMIT_BYTES,
        *,
        hosts: frozenset[str] = frozenset(),
        fresh_s: float = 0.0,
    ) -> Page:
        """A page, whole; one in the cache is asked for only if changed, and not at all if younger than `fresh_s` (s).

        `hosts` are those that the page may come from ("example.org", or "example.org:8080" for a port other than the
        scheme's); none given means that of `url` alone. Raises FetchError (its `status` is 404 where there is no page).
        """
        raise NotImplementedError
