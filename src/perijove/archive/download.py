"""Downloading files into the cache: each is there whole and verified, or not at all."""

from __future__ import annotations

import contextlib
import re
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from perijove.archive.addresses import place_of, shown
from perijove.archive.body import Again, length_of, validator
from perijove.archive.cache import Cache, Entry, digests
from perijove.archive.http import Answer, Request, Session
from perijove.archive.partial import Part, Whole, alone, orderly_end
from perijove.errors import FetchError, OutputError

FILE_LIMIT_BYTES = 1 << 32
"""No kernel or image that Perijove asks for is larger."""
_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)")
_DIGEST_LENGTHS = {"md5": 32, "sha1": 40, "sha256": 64}
_ROOM_TO_SPARE = 1 << 20
_PATIENCE_S = 600.0
"""How long to wait for another process that downloads the same file."""
Progress = Callable[[int, int | None], None]


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
        return self.received == 0 and self.resumed == 0


def download(
    session: Session,
    item: Item,
    cache: Cache,
    *,
    limit_bytes: int = FILE_LIMIT_BYTES,
    refresh: bool = False,
    progress: Progress | None = None,
) -> Downloaded:
    """The file of an item, from the cache or else from its archive; resumes where an earlier try was cut off.

    `limit_bytes` is what may come over the network now, with what damaged tries brought.
    `refresh` asks the archive whether a file that is in the cache has changed. `progress` is told the bytes there are
    and those there will be (None where that is not known). Raises FetchError with the file absent, or left as it was.
    """
    path = cache.path(item.name)
    _kind_and_digest(item)
    place_of(item.url, item.hosts)
    kept = _kept(item, cache, session)
    if kept is not None and (session.offline or not refresh):
        return Downloaded(path, kept, 0, 0)
    session.refuse_offline(item.url)
    cache.own_folder()
    part = cache.part(item.name)
    patience = min(session.conduct.file_deadline_s, _PATIENCE_S)
    with alone(part.with_suffix(".lock"), item.name, patience, session.clock, session.sleep):
        again = _kept(item, cache, session)
        if again is not None and (again != kept or not refresh):
            # another process has had it in the meantime
            return Downloaded(path, again, 0, 0)
        work = _Work(session, item, cache, Part(part, item.url), kept, limit_bytes, progress)
        with orderly_end(), contextlib.closing(work.part):
            return work.done()


def _kept(item: Item, cache: Cache, session: Session) -> Entry | None:
    """The cache's file where it is this item; one that the index lost is taken in again if its checksum is right."""
    entry = cache.find(item.name)
    if entry is not None:
        right_size = item.size in (None, entry.size)
        return entry if right_size and _same_file(item, entry, cache) else None
    path = cache.path(item.name)
    if item.checksum is None or not path.is_file():
        return None
    kind, wanted = _kind_and_digest(item)
    try:
        found, sha256 = digests(path, kind, "sha256")
    except OSError:
        return None
    if found != wanted:
        return None
    entry = Entry(
        item.name, item.url, item.source, path.stat().st_size, sha256, item.checksum, "", "", session.time()
    )  # fmt: skip
    cache.note(entry)
    return entry


def _same_file(item: Item, entry: Entry, cache: Cache) -> bool:
    """Whether the file that the cache has under a name is the one wanted: by its checksum, or else by its address."""
    if item.checksum is None:
        return entry.url == item.url
    kind, wanted = _kind_and_digest(item)
    if kind == "sha256":
        return entry.sha256 == wanted
    if entry.checksum is not None and entry.checksum.lower() == f"{kind}:{wanted}":
        return True
    try:
        return digests(cache.path(item.name), kind)[0] == wanted
    except OSError:
        return False


def _kind_and_digest(item: Item) -> tuple[str, str]:
    """The parts of an item's checksum; sha256 and "" where there is none."""
    if item.checksum is None:
        return "sha256", ""
    kind, _, digest = item.checksum.lower().partition(":")
    if _DIGEST_LENGTHS.get(kind) != len(digest) or not set(digest) <= set("0123456789abcdef"):
        raise FetchError(f"{item.checksum[:80]!r} is no checksum of {item.name}: it must be md5:, sha1: or sha256: and "
                         "hexadecimal digits", item.url)  # fmt: skip
    return kind, digest


class _Work:
    """One download while it goes on, alone at its part."""

    def __init__(
        self,
        session: Session,
        item: Item,
        cache: Cache,
        part: Part,
        kept: Entry | None,
        limit: int,
        progress: Progress | None,
    ) -> None:
        self.part = part
        self._session = session
        self._item = item
        self._cache = cache
        self._kept = kept
        self._limit = limit
        self._progress = progress
        self._received = 0
        self._resumed = 0
        self._bad_digests = 0

    def done(self) -> Downloaded:
        """The file in its place."""
        # a part that nothing could tell from another file's is of no use
        if not (self.part.whole.condition or self._item.checksum):
            self.part.discard()
        self._resumed = self.part.size
        if self._item.size is not None and self._item.size > self._reach():
            raise _too_large(self._item, self._item.size, self._reach())
        session = self._session
        deadline = session.clock() + session.conduct.file_deadline_s
        request = Request(self._item.url, self._item.hosts, deadline, self._item.name)
        entry = session.persist(request, lambda: self._once(request))
        if entry is None:
            assert self._kept is not None
            return Downloaded(self._cache.path(self._item.name), self._kept, 0, 0)
        # some systems rename no file that is open
        self.part.close()
        path = self._cache.admit(self.part.path, entry)
        self.part.discard()
        return Downloaded(path, entry, self._received, self._resumed)

    def _reach(self) -> int:
        """How large the part may grow: what was there before this download is no part of what may come now."""
        return self._limit - self._received + self.part.size

    def _once(self, request: Request) -> Entry | None:
        """One try: what the index will say of the whole and verified part; None where the file kept is unchanged."""
        before = self.part.size
        try:
            if not self._complete():
                with self._session.ask(replace(request, headers=self._headers())) as answer:
                    if answer.status == 304 and self._kept is not None:
                        return None
                    self._take(answer)
            return self._verified()
        except Again as fault:
            fault.got_on = self.part.size > before
            raise
        finally:
            self.part.save()

    def _complete(self) -> bool:
        total = self._item.size if self._item.size is not None else self.part.whole.total
        return self.part.size > 0 and self.part.size == total

    def _headers(self) -> dict[str, str]:
        headers = {"Accept-Encoding": "identity"}
        if self.part.size > 0:
            headers["Range"] = f"bytes={self.part.size}-"
            if self.part.whole.condition:
                headers["If-Range"] = self.part.whole.condition
        elif self._kept is not None and self._kept.url == self._item.url:
            if self._kept.etag:
                headers["If-None-Match"] = self._kept.etag
            if self._kept.modified:
                headers["If-Modified-Since"] = self._kept.modified
        return headers

    def _take(self, answer: Answer) -> None:
        """Add the body of an answer to the part, or put it in place of what is there."""
        self._refuse_unfit(answer)
        if answer.status == 206:
            self._continue(answer)
        else:
            self._restart(answer)
        total = self.part.whole.total
        self._refuse_size(total)
        self._refuse_full_disk(total)
        bound = next(size for size in (total, self._item.size, self._reach()) if size is not None)
        self._tell()
        page = answer.headers.get("content-type", "").lower().startswith(("text/html", "application/xhtml"))
        for chunk in answer.chunks:
            # the type alone proves nothing: some servers say it of whatever they do not know
            if page and self.part.size == 0 and chunk.lstrip().startswith(b"<"):
                self._refuse_page()
            if self.part.size + len(chunk) > bound:
                self.part.discard()
                raise _too_large(self._item, self.part.size + len(chunk), bound)
            self.part.write(chunk)
            self._received += len(chunk)
            self._tell()
        if total is not None and self.part.size != total:
            raise Again(f"{self.part.size} of {total} bytes came")

    def _refuse_unfit(self, answer: Answer) -> None:
        """Raise where the answer cannot be the file."""
        item = self._item
        if answer.status == 416:
            self.part.discard()
            raise Again("its server has no such part of it")
        if answer.status not in (200, 206) or (answer.status == 206 and self.part.size == 0):
            raise FetchError(f"{item.url} was answered with status {answer.status}, which was not asked for: try again "
                             "later", item.url, answer.status)  # fmt: skip
        encoding = answer.headers.get("content-encoding", "").strip().lower()
        if encoding not in ("", "identity"):
            raise FetchError(
                f"{item.url} comes packed as {shown(encoding)!r}, which was not asked for: try later", item.url
            )

    def _refuse_page(self) -> None:
        """Raise where a page came in place of a file: a word of excuse, or a form to fill in."""
        item = self._item
        if not item.name.lower().endswith((".html", ".htm", ".xml")):
            raise FetchError(
                f"{item.url} is a web page and not the file {item.name}: look at it in a browser", item.url
            )

    def _continue(self, answer: Answer) -> None:
        """Go on behind what is there, if the answer is the rest of the same file."""
        found = _RANGE.fullmatch(answer.headers.get("content-range", "").strip())
        whole = self.part.whole
        etag = validator(answer.headers.get("etag"))
        fits = found is not None and int(found[1]) == self.part.size
        total = int(found[3]) if found is not None and found[3] != "*" else whole.total
        if fits and whole.total in (None, total) and (not whole.etag or not etag or etag == whole.etag):
            self.part.go_on()
            self.part.whole = replace(whole, total=total)
            return
        self.part.discard()
        self._resumed = 0
        raise Again("its server sends another part than was asked for")

    def _restart(self, answer: Answer) -> None:
        said = answer.headers
        total = length_of(said.get("content-length"))
        chunked = "chunked" in said.get("transfer-encoding", "").lower()
        known = self._item.size is not None or self._item.checksum is not None or _is_zip(self._item)
        if total is None and not chunked and not known:
            raise FetchError(
                f"{self._item.url} comes without its length, so that nobody could tell whether it is whole: look at it "
                "in a browser",
                self._item.url,
            )
        self._resumed = 0
        self.part.begin(Whole(self._item.url, validator(said.get("etag")), validator(said.get("last-modified")), total))

    def _refuse_size(self, total: int | None) -> None:
        item = self._item
        if item.size is not None and total not in (None, item.size):
            self.part.discard()
            raise FetchError(
                f"{item.url} has {total} bytes and not the {item.size} that its archive lists: search for it again",
                item.url,
            )
        if total is not None and total > self._reach():
            most = self._reach()
            self.part.discard()
            raise _too_large(item, total, most)

    def _refuse_full_disk(self, total: int | None) -> None:
        """Raise before a download that cannot end well."""
        with contextlib.suppress(OSError):
            free = shutil.disk_usage(self._cache.folder).free
            missing = (total or 0) - self.part.size
            if missing + _ROOM_TO_SPARE > free:
                raise OutputError(
                    f"there is no room in {self._cache.folder} for {self._item.name}: it needs {missing / 1e6:.0f} MB "
                    f"and there are {free / 1e6:.0f}; make room, or name a folder on another disk with --cache"
                )

    def _tell(self) -> None:
        if self._progress is not None:
            total = self.part.whole.total
            self._progress(self.part.size, total if total is not None else self._item.size)

    def _verified(self) -> Entry:
        """What the index will say of the part; Again or FetchError, and no part, where it is not the file."""
        item = self._item
        self.part.save()
        if item.size is not None and self.part.size != item.size:
            raise Again(f"{self.part.size} of {item.size} bytes came")
        kind, wanted = _kind_and_digest(item)
        found, sha256 = digests(self.part.path, kind, "sha256")
        fault = ""
        if item.checksum is not None and found != wanted:
            fault = f"its {kind} is {found} and not {wanted}, as its archive says"
        elif _is_zip(item) and not zipfile.is_zipfile(self.part.path):
            fault = "it is no zip archive, or one that is cut off"
        if fault:
            self.part.discard()
            self._resumed = 0
            self._bad_digests += 1
            if self._bad_digests < 2:
                raise Again(fault)
            raise FetchError(f"{item.url} came twice and is not right: {fault}; {item.name} is not kept: try again "
                             "later", item.url)  # fmt: skip
        whole = self.part.whole
        return Entry(item.name, item.url, item.source, self.part.size, sha256, item.checksum, whole.etag,
                     whole.modified, self._session.time())  # fmt: skip


def _is_zip(item: Item) -> bool:
    return item.name.lower().endswith(".zip")


def _too_large(item: Item, size: int, bound: int) -> FetchError:
    return FetchError(
        f"{item.url} has {size} bytes or more, and {item.name} may have {bound}: it was not downloaded; look at it in "
        "a browser",
        item.url,
    )
