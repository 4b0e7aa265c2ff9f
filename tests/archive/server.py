"""A web server on this machine whose faults are made to order."""

from __future__ import annotations

import contextlib
import gzip
import re
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Reply:
    """One answer, and what is wrong with it.

    `length` is the Content-Length that is claimed (None: the true one; -1: none at all, the connection's end tells).
    `cut`: so many bytes of the body come, then the connection is closed, or reset if `reset`. `hang`: silence "before"
    the answer or, with `cut`, in the "middle" of the body. `drip`: so many bytes at a time. `ranges`: whether Range is
    obeyed; `blind`: it is, without a look at If-Range. `packed`: gzip. `chunked`: no length
    but chunks; `endless`: those again and again.
    """

    body: bytes = b""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    etag: str = ""
    modified: str = ""
    length: int | None = None
    cut: int | None = None
    reset: bool = False
    hang: str = ""
    drip: int = 0
    ranges: bool = True
    blind: bool = False
    packed: bool = False
    chunked: bool = False
    endless: bool = False


@dataclass(frozen=True)
class Asked:
    """A request that came: its path with the query, and its headers by lower-case name."""

    path: str
    headers: dict[str, str]


class Server(ThreadingHTTPServer):
    """Answers each path with its replies in turn, the last one again and again; 404 where there is none."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[Asked] = []
        self.connections = 0
        self.most_open = 0
        self._open = 0
        self.released = threading.Event()
        self._replies: dict[str, list[Reply]] = {}
        self._guard = threading.Lock()

    @property
    def host(self) -> str:
        """The host with its port, as sets of hosts name it."""
        return f"127.0.0.1:{self.server_address[1]}"

    def url(self, path: str) -> str:
        """The address of a path."""
        return f"http://{self.host}{path}"

    def put(self, path: str, *replies: Reply | bytes) -> str:
        """Answer a path, with or without a query, by these replies in turn; its address."""
        self._replies[path] = [Reply(one) if isinstance(one, bytes) else one for one in replies]
        return self.url(path)

    def next(self, asked: Asked) -> Reply:
        """The reply to a request."""
        with self._guard:
            self.asked.append(asked)
            replies = self._replies.get(asked.path) or self._replies.get(asked.path.split("?")[0])
            if not replies:
                return Reply(b"not here", status=404)
            return replies.pop(0) if len(replies) > 1 else replies[0]

    def opened(self, change: int) -> None:
        """Count the connections that are open."""
        with self._guard:
            self._open += change
            self.connections += max(change, 0)
            self.most_open = max(self.most_open, self._open)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""

    @contextlib.contextmanager
    def running(self) -> Iterator[Server]:
        """Serve while the block lasts."""
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.released.set()
            self.shutdown()
            self.server_close()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # or each answer would wait for a word of the client
    disable_nagle_algorithm = True
    server: Server

    def setup(self) -> None:
        super().setup()
        self.server.opened(1)

    def finish(self) -> None:
        self.server.opened(-1)
        super().finish()

    def log_message(self, *words: Any) -> None:
        """The tests' output is not for this."""

    def do_GET(self) -> None:
        asked = Asked(self.path, {name.lower(): value for name, value in self.headers.items()})
        reply = self.server.next(asked)
        if reply.hang == "before":
            self._hang_up()
            return
        status, body, extra = _ranged(reply, asked)
        if reply.packed:
            body = gzip.compress(body)
        self.send_response(status)
        for name, value in (*reply.headers, *extra):
            self.send_header(name, value)
        if reply.packed:
            self.send_header("Content-Encoding", "gzip")
        if reply.etag:
            self.send_header("ETag", reply.etag)
        if reply.modified:
            self.send_header("Last-Modified", reply.modified)
        if reply.chunked or reply.endless:
            self.send_header("Transfer-Encoding", "chunked")
        elif reply.length != -1 and status != 304:
            self.send_header("Content-Length", str(len(body) if reply.length is None else reply.length))
        self.end_headers()
        self._send_body(reply, body)

    def _send_body(self, reply: Reply, body: bytes) -> None:
        sent = body if reply.cut is None else body[: reply.cut]
        step = reply.drip or max(len(sent), 1)
        while True:
            for begin in range(0, len(sent), step):
                self._send(sent[begin : begin + step], chunked=reply.chunked or reply.endless)
            if not reply.endless or self.server.released.is_set():
                break
        if reply.chunked and reply.cut is None:
            self.wfile.write(b"0\r\n\r\n")
        if reply.hang == "middle":
            self._hang_up()
        elif reply.cut is not None or reply.length is not None or reply.reset:
            self._drop(reset=reply.reset)

    def _send(self, data: bytes, *, chunked: bool) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data) if chunked else data)

    def _hang_up(self) -> None:
        self.server.released.wait(10)
        self._drop(reset=False)

    def _drop(self, *, reset: bool) -> None:
        self.close_connection = True
        if reset:
            self.wfile.flush()
            # a linger of zero makes the system send a reset
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()


def _ranged(reply: Reply, asked: Asked) -> tuple[int, bytes, tuple[tuple[str, str], ...]]:
    """Status, body and headers after a look at the conditions of a request, as RFC 9110 has it."""
    if reply.status != 200:
        return reply.status, reply.body, ()
    tags = (asked.headers.get("if-none-match"), asked.headers.get("if-modified-since"))
    if (reply.etag and tags[0] == reply.etag) or (reply.modified and not tags[0] and tags[1] == reply.modified):
        return 304, b"", ()
    found = re.fullmatch(r"bytes=(\d+)-", asked.headers.get("range", ""))
    unchanged = asked.headers.get("if-range") in (None, reply.etag, reply.modified)
    if not found or not reply.ranges or not (unchanged or reply.blind):
        return 200, reply.body, ()
    begin, size = int(found[1]), len(reply.body)
    if begin >= size:
        return 416, b"", (("Content-Range", f"bytes */{size}"),)
    return 206, reply.body[begin:], (("Content-Range", f"bytes {begin}-{size - 1}/{size}"),)
