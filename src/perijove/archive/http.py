"""Asking archives politely: few requests, patient retries, known hosts only, and a bound to everything."""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import random
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, TypeVar

from perijove import __version__
from perijove.archive.addresses import Place, check_hop, place_of
from perijove.archive.body import Again, text_of, unpacked, validator
from perijove.archive.cache import Cache, StoredPage
from perijove.errors import FetchError
from perijove.io.extras import need

PAGE_LIMIT_BYTES = 1 << 24
"""No page of an archive that is asked for here is nearly as long, unpacked."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_WORTH_ANOTHER_TRY = frozenset({408, 425, 429, 500, 502, 503, 504, *range(506, 600)})
_MOST_TRIES = 100
T = TypeVar("T")


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
        return text_of(self.body, self.content_type)


@dataclass(frozen=True)
class Answer:
    """The begin of an answer: its headers have lower-case names; the body comes in `chunks`, as it was sent."""

    url: str
    status: int
    headers: Mapping[str, str]
    chunks: Iterator[bytes]


@dataclass(frozen=True)
class Request:
    """One thing to ask for, from some hosts, until `deadline` on the session's clock; `what` names it in messages."""

    url: str
    hosts: frozenset[str]
    deadline: float
    what: str = ""
    headers: Mapping[str, str] | None = None


class Session:
    """A conversation with archives, to be used in a ``with`` block; needs the extra `fetch`.

    One connection to a host at a time. `cache` keeps pages for conditional requests and for `offline`, where nothing
    but the cache is asked. `clock` (s), `sleep` (s), `chance` (0..1) and `now` (UTC) can be replaced in tests.
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
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """No connection is made until something is asked for."""
        self.cache = cache
        self.conduct = conduct
        self.offline = offline
        self.clock = clock
        self.sleep = sleep
        self._chance = chance
        self._now = now
        self._library: Any = None
        self._client: Any = None
        self._guard = threading.Lock()
        self._lines: dict[str, _Line] = {}

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def time(self) -> str:
        """Now, UTC, in ISO 8601 with whole seconds."""
        return self._now().isoformat(timespec="seconds")

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
        place_of(url, hosts)
        kept = self.cache.page(url)
        if kept is not None and len(kept.body) > limit_bytes:
            kept = None
        if kept is not None and (self.offline or self._age_s(kept) < fresh_s):
            return _page(kept, cached=True)
        self.refuse_offline(url)
        request = Request(url, hosts, self.clock() + self.conduct.page_deadline_s, headers=_unless_same(kept))
        return self.persist(request, lambda: self._get_once(request, limit_bytes, kept))

    def _age_s(self, page: StoredPage) -> float:
        try:
            age = (self._now() - datetime.fromisoformat(page.fetched)).total_seconds()
        except (ValueError, TypeError):
            return float("inf")
        # a page from the future was got with another clock
        return age if age >= 0 else float("inf")

    def refuse_offline(self, url: str) -> None:
        """Raise FetchError where nothing may be asked for."""
        if self.offline:
            raise FetchError(f"{url} is not in the cache {self.cache.folder}: ask once without --offline", url)

    def _get_once(self, request: Request, limit: int, kept: StoredPage | None) -> Page:
        with self.ask(request) as answer:
            if answer.status == 304 and kept is not None:
                page = replace(kept, fetched=self.time())
            elif answer.status == 200:
                said = answer.headers
                body = unpacked(
                    answer.chunks, said.get("content-encoding", ""), said.get("content-length"), limit, answer.url
                )
                page = StoredPage(
                    request.url, answer.url, body, said.get("content-type", ""), validator(said.get("etag")),
                    validator(said.get("last-modified")), self.time(),
                )  # fmt: skip
            else:
                raise FetchError(f"{request.url} was answered with status {answer.status}, which was not asked for: "
                                 "try again later", request.url, answer.status)  # fmt: skip
        self.cache.keep_page(page)
        return _page(page, cached=answer.status == 304)

    def persist(self, request: Request, once: Callable[[], T]) -> T:
        """The result of `once`, called again after a pause as long as it raises Again and that makes sense."""
        failures = 0
        for tries in range(1, _MOST_TRIES + 1):
            try:
                return once()
            except Again as fault:
                failures = 1 if fault.got_on else failures + 1
                name = request.what or "it"
                if failures >= self.conduct.attempts or tries == _MOST_TRIES:
                    raise FetchError(
                        f"{request.url}: {name} could not be had in {tries} tries ({fault.reason}); check the "
                        "connection and try again later", request.url, fault.status,
                    ) from None  # fmt: skip
                self._wait(request, failures, fault)
        raise AssertionError("the last try returns or raises")

    def _wait(self, request: Request, failures: int, fault: Again) -> None:
        """Wait before the next try: as long as the server wants, or longer after each failure and never quite equal."""
        conduct = self.conduct
        wait = min(conduct.backoff_max_s, conduct.backoff_s * 2.0 ** (failures - 1)) * (0.5 + 0.5 * self._chance())
        if fault.wait_s is not None:
            if fault.wait_s > conduct.retry_after_max_s:
                raise FetchError(
                    f"{request.url} is busy and its server wants to be asked in {fault.wait_s:.0f} s: try again then",
                    request.url, fault.status,
                )  # fmt: skip
            wait = max(wait, fault.wait_s)
        if self.clock() + wait > request.deadline:
            raise _too_late(request, fault.reason)
        self.sleep(wait)

    @contextlib.contextmanager
    def ask(self, request: Request) -> Iterator[Answer]:
        """The answer to one request, after redirects, with status 200, 206, 304 or 416.

        Raises Again for what may pass, FetchError for what will not.
        """
        with contextlib.ExitStack() as stack:
            place = place_of(request.url, request.hosts)
            for _ in range(self.conduct.redirects + 1):
                hop = stack.enter_context(contextlib.ExitStack())
                response = self._open(hop, place, request)
                if response.status_code not in _REDIRECTS:
                    self._judge(request, response)
                    yield Answer(place.url, response.status_code, response.headers, self._chunks(request, response))
                    return
                hop.close()
                place = check_hop(request.url, place, response.headers.get("location", ""), request.hosts)
            raise FetchError(
                f"{request.url} leads from one address to the next more than {self.conduct.redirects} times: "
                "look at it in a browser", request.url,
            )  # fmt: skip

    def _open(self, stack: contextlib.ExitStack, place: Place, request: Request) -> Any:
        """The begin of one answer, the connection to the host being ours alone until the stack is closed."""
        stack.enter_context(self._line(place.authority).turn(self))
        left = request.deadline - self.clock()
        if left <= 0:
            raise _too_late(request, "no time is left")
        client = self._connected()
        timeout = self._library.Timeout(min(self.conduct.timeout_s, left))
        with self._faults(request):
            return stack.enter_context(
                client.stream("GET", place.url, headers=dict(request.headers or {}), timeout=timeout)
            )

    def _chunks(self, request: Request, response: Any) -> Iterator[bytes]:
        with self._faults(request):
            # as they come: chunks of a size would be waited for, past the deadline
            for chunk in response.iter_raw():
                if self.clock() > request.deadline:
                    raise _too_late(request, "it comes too slowly")
                yield chunk

    @contextlib.contextmanager
    def _faults(self, request: Request) -> Iterator[None]:
        """Around the use of the network: what it raises becomes Again or FetchError."""
        library = self._library
        try:
            yield
        except library.TimeoutException:
            raise Again(f"no answer for {self.conduct.timeout_s:g} s") from None
        except (library.NetworkError, library.RemoteProtocolError, library.ProxyError) as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise FetchError(
                    f"{request.url} cannot be trusted: its certificate is not valid ({error}); check the clock and the "
                    "network of this machine, or name what you trust in SSL_CERT_FILE", request.url,
                ) from None  # fmt: skip
            raise Again(str(error) or type(error).__name__) from None
        except (library.HTTPError, library.InvalidURL, library.StreamError) as error:
            raise FetchError(f"{request.url} cannot be asked for ({error}): check the address", request.url) from None

    def _judge(self, request: Request, response: Any) -> None:
        status = response.status_code
        if status in (200, 206, 304, 416):
            return
        if status in _WORTH_ANOTHER_TRY:
            raise Again(f"its server answers {status}", self._asked_wait(response.headers.get("retry-after")), status)
        if status in (404, 410):
            message = f"{request.url} is not there ({status}): check the name, or search for it"
        elif status in (401, 403):
            message = f"{request.url} is not for everyone ({status}): look at it in a browser, or try again later"
        else:
            message = f"{request.url} cannot be had (its server answers {status}): check the address"
        raise FetchError(message, request.url, status)

    def _asked_wait(self, value: str | None) -> float | None:
        """The seconds of a Retry-After header, which holds a number or a date; None where it holds neither."""
        if not value:
            return None
        if value.strip().isascii() and value.strip().isdigit():
            return float(value)
        try:
            return max(0.0, (parsedate_to_datetime(value) - self._now()).total_seconds())
        except (ValueError, TypeError, OverflowError):
            return None

    def _line(self, authority: str) -> _Line:
        with self._guard:
            return self._lines.setdefault(authority, _Line())

    def _connected(self) -> Any:
        with self._guard:
            if self._client is None:
                self._library = need("httpx2", "fetch", "perijove fetch")
                self._client = self._library.Client(
                    verify=_certificates(),
                    headers={
                        "User-Agent": f"perijove/{__version__} (JunoCam image processing)",
                        "Accept-Encoding": "identity",
                    },
                    follow_redirects=False,
                )
            return self._client


@functools.cache
def _certificates() -> Any:
    """What this machine trusts, and Mozilla's list beside it: some systems lack what an archive's chain ends in.

    SSL_CERT_FILE and SSL_CERT_DIR are obeyed alone. Reading takes longer than many an answer: once is enough.
    """
    context = need("httpx2", "fetch", "perijove fetch").create_ssl_context()
    chosen = os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")
    # where the system judges itself (Windows, macOS) the context is of another class
    if not chosen and type(context) is ssl.SSLContext:
        with contextlib.suppress(ImportError):
            context.load_verify_locations(importlib.import_module("certifi").where())
    return context


class _Line:
    """The one connection to a host: who is at it, and when it was last used."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._used: float | None = None

    @contextlib.contextmanager
    def turn(self, session: Session) -> Iterator[None]:
        """Wait until nobody else is at it and the pause since is over."""
        with self._lock:
            if self._used is not None:
                wait = self._used + session.conduct.pause_s - session.clock()
                if wait > 0:
                    session.sleep(wait)
            try:
                yield
            finally:
                self._used = session.clock()


def _unless_same(kept: StoredPage | None) -> dict[str, str]:
    """The headers of a request for a page: packed if the server likes, and not at all if it is the one we have."""
    headers = {"Accept-Encoding": "gzip"}
    if kept is not None and kept.etag:
        headers["If-None-Match"] = kept.etag
    if kept is not None and kept.modified:
        headers["If-Modified-Since"] = kept.modified
    return headers


def _page(kept: StoredPage, *, cached: bool) -> Page:
    return Page(kept.url, kept.body, kept.content_type, kept.fetched, cached)


def _too_late(request: Request, reason: str) -> FetchError:
    name = request.what or "it"
    return FetchError(
        f"{request.url}: {name} could not be had in time ({reason}); check the connection and try again", request.url
    )
