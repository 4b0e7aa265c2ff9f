"""Writing files whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from perijove.errors import OutputError


def write_files(files: Mapping[Path, bytes]) -> None:
    """Write files so that each is there completely or, after an error, not at all; existing ones are replaced.

    All are first written under temporary names in their own folders, and renamed when all are safe on the disk.
    Raises OutputError, with nothing left behind, where a folder is missing or read-only, or the disk is full.
    """
    written: dict[Path, Path] = {}
    path = Path()
    try:
        for path, data in files.items():
            if path.is_dir():
                raise OutputError(f"cannot write {path}: it is a folder; name a file in it")
            written[path] = _write_temporary(path, data)
        for path, temporary in written.items():
            os.replace(temporary, path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(
            f"cannot write {path}: {reason}; choose a folder that exists, is writable and has room"
        ) from error
    finally:
        for temporary in written.values():
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Raise OutputError where a file cannot be written, before the work for it begins."""
    folder = path.absolute().parent
    if path.is_dir():
        raise OutputError(f"cannot write {path}: it is a folder; name a file in it")
    if not folder.is_dir():
        raise OutputError(f"cannot write {path}: there is no folder {folder}; make it first")
    if not os.access(folder, os.W_OK):
        raise OutputError(f"cannot write {path}: {folder} is read-only; choose a folder that is writable")


def _write_temporary(path: Path, data: bytes) -> Path:
    """Write bytes under a new name in the folder of `path`, flushed to the disk, with the permissions of a new file."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:64]}.", suffix=".part")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    return temporary


def _umask() -> int:
    """The permissions that new files are not given; it can only be read by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
