"""The body of an answer: bounded, unpacked, and known to be whole."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator

from perijove.errors import FetchError

_CHARSET = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9_.:-]{1,40})""", re.IGNORECASE)


class Again(Exception):
    """A fault that may pass: the same can be asked for again, after `wait_s` where the server said so.

    `got_on` tells that there is more now than before.
    """

    def __init__(
        self, reason: str, wait_s: float | None = None, status: int | None = None, *, got_on: bool = False
    ) -> None:
        """Why it failed, in words that fit into brackets."""
        super().__init__(reason)
        self.reason = reason
        self.wait_s = wait_s
        self.status = status
        self.got_on = got_on


def length_of(value: str | None) -> int | None:
    """The bytes that a Content-Length header tells; None where it tells none."""
    text = (value or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def validator(value: str | None) -> str:
    """An ETag or Last-Modified header as it can be sent back; "" where there is none or it is strange."""
    text = (value or "").strip()
    return text if text.isascii() and text.isprintable() and len(text) <= 300 else ""


def unpacked(chunks: Iterator[bytes], encoding: str, length: str | None, limit: int, url: str) -> bytes:
    """The whole body of a page; FetchError where it is, packed or unpacked, longer than `limit` bytes."""
    if (length_of(length) or 0) > limit:
        raise _too_long(url, limit)
    kind = encoding.strip().lower()
    if kind in ("", "identity"):
        return b"".join(_bounded(chunks, limit, url))
    if kind not in ("gzip", "x-gzip"):
        raise FetchError(f"{url} comes packed as {kind[:40]!r}, which was not asked for: try again later", url)
    inflate = zlib.decompressobj(16 + zlib.MAX_WBITS)
    body = bytearray()
    try:
        for chunk in _bounded(chunks, limit, url):
            # one byte more than is allowed tells enough
            body += inflate.decompress(inflate.unconsumed_tail + chunk, limit + 1 - len(body))
            if len(body) > limit:
                raise _too_long(url, limit)
        body += inflate.decompress(inflate.unconsumed_tail, limit + 1 - len(body))
    except zlib.error as error:
        raise Again(f"its packing is damaged: {error}") from None
    if len(body) > limit:
        raise _too_long(url, limit)
    if not inflate.eof or inflate.unused_data:
        raise Again("its packing is damaged")
    return bytes(body)


def _bounded(chunks: Iterator[bytes], limit: int, url: str) -> Iterator[bytes]:
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > limit:
            raise _too_long(url, limit)
        yield chunk


def _too_long(url: str, limit: int) -> FetchError:
    return FetchError(f"{url} is longer than the {limit} bytes that such a page may have: look at it in a browser", url)


def text_of(body: bytes, content_type: str) -> str:
    """A body as text, in the character set of its content type, UTF-8 otherwise; what does not fit is replaced."""
    named = _CHARSET.search(content_type)
    try:
        return body.decode(named.group(1) if named else "utf-8", "replace")
    except (LookupError, ValueError):
        return body.decode("utf-8", "replace")
