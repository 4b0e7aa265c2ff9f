"""The index of the cache: a small SQLite file, made when there is something to write into it.

It can be lost without harm: the files are whole whatever it says, and what it knew of them is had again.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from perijove.errors import OutputError

_VERSION = 1
_PAGES_KEPT = 1000
_PATIENCE_S = 30.0
_TABLES = (
    "CREATE TABLE IF NOT EXISTS files (name TEXT PRIMARY KEY, url TEXT, source TEXT, size INTEGER, sha256 TEXT,"
    " checksum TEXT, etag TEXT, modified TEXT, fetched TEXT) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS pages (asked TEXT PRIMARY KEY, url TEXT, body BLOB, content_type TEXT, etag TEXT,"
    " modified TEXT, fetched TEXT)",
)
FILES = ("name", "url", "source", "size", "sha256", "checksum", "etag", "modified", "fetched")
PAGES = ("asked", "url", "body", "content_type", "etag", "modified", "fetched")
Value = str | int | bytes | None
Row = tuple[Value, ...]


class Index:
    """Rows of `files` and `pages` by their key; each call opens and closes the file, so that threads may share it."""

    def __init__(self, path: Path) -> None:
        """The index in a file, which need not be there."""
        self._path = path

    def rows(self, table: str, key: str | None = None) -> list[Row]:
        """The rows of a table ("files" or "pages"), or the one of a key; none where there is no index."""
        columns, first = _columns(table)
        query = f"SELECT {columns} FROM {table} WHERE ? IS NULL OR {first} = ? ORDER BY {first}"
        for _ in range(2):
            if not self._path.is_file():
                return []
            with self._mended(), self._open(write=False) as base:
                return [] if _version(base) == 0 else list(base.execute(query, (key, key)))
        return []

    def put(self, table: str, row: Row) -> None:
        """Write a row in place of the one with its key."""
        columns, _ = _columns(table)
        holes = ", ".join("?" * len(row))
        self._write(f"INSERT OR REPLACE INTO {table} ({columns}) VALUES ({holes})", row)
        if table == "pages":
            newest = "SELECT asked FROM pages ORDER BY fetched DESC LIMIT ?"
            self._write(f"DELETE FROM pages WHERE asked NOT IN ({newest})", (_PAGES_KEPT,))

    def drop(self, table: str, key: str) -> None:
        """Forget the row of a key, where there is one."""
        if self._path.is_file():
            self._write(f"DELETE FROM {table} WHERE {_columns(table)[1]} = ?", (key,))

    def _write(self, statement: str, values: Row) -> None:
        for _ in range(2):
            with self._mended(), self._open(write=True) as base:
                with base:
                    _prepare(base, self._path)
                    base.execute(statement, values)
                return
        raise OutputError(f"the cache's index {self._path} is damaged: delete it, another will be made")

    @contextlib.contextmanager
    def _open(self, *, write: bool) -> Iterator[sqlite3.Connection]:
        # what a crash left half written can be taken back only by those who may write
        able = os.access(self._path, os.W_OK) and os.access(self._path.parent, os.W_OK)
        mode = "rwc" if write else "rw" if able else "ro"
        with contextlib.closing(
            sqlite3.connect(f"{self._path.absolute().as_uri()}?mode={mode}", uri=True, timeout=_PATIENCE_S)
        ) as base:
            yield base

    @contextlib.contextmanager
    def _mended(self) -> Iterator[None]:
        """Around the use of the index: a damaged one is put aside and the use can be repeated; all else is told."""
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise OutputError(
                    f"the cache's index {self._path} cannot be used ({error}): see that its folder is writable and has "
                    "room, or name another with --cache"
                ) from None
            with contextlib.suppress(OSError):
                os.replace(self._path, self._path.with_suffix(".damaged"))
            with contextlib.suppress(OSError):
                self._path.with_name(f"{self._path.name}-journal").unlink()


def _columns(table: str) -> tuple[str, str]:
    columns = FILES if table == "files" else PAGES
    return ", ".join(columns), columns[0]


def _version(base: sqlite3.Connection) -> int:
    return int(base.execute("PRAGMA user_version").fetchone()[0])


def _prepare(base: sqlite3.Connection, path: Path) -> None:
    """Make the tables of a new index; one of a later version is not written to."""
    version = _version(base)
    if version > _VERSION:
        raise OutputError(f"the cache's index {path} is of a newer Perijove: update, or name another with --cache")
    if version < _VERSION:
        for table in _TABLES:
            base.execute(table)
        base.execute(f"PRAGMA user_version = {_VERSION}")
