"""Writing files whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType

from perijove.errors import OutputError, UsageError


class Staged:
    """Files that appear together when a ``with`` block ends well, and none of them where it does not.

    Each is first written under a temporary name in its own folder, and renamed at the end. Raises OutputError, with
    nothing left behind, where a folder is missing or read-only, or the disk is full, and UsageError where two of the
    files would have one name.
    """

    def __init__(self) -> None:
        """Nothing is staged yet."""
        self._written: dict[Path, Path] = {}
        self._places: set[Path] = set()
        self._folders: list[Path] = []

    def folder(self, path: Path) -> None:
        """Make a folder where it is missing, with those above it; they go away again if the block fails."""
        missing = [place for place in (path, *path.parents) if not place.exists()]
        try:
            for place in reversed(missing):
                place.mkdir()
                self._folders.append(place)
            if not path.is_dir():
                raise OutputError(f"cannot make the folder {path}: a file has that name; choose another")
        except OSError as error:
            raise OutputError(f"cannot make the folder {path}: {_reason(error)}; choose another place") from error

    def add(self, path: Path, data: bytes) -> None:
        """Write a file's bytes, to be seen under its name later; one that is there will be replaced."""
        _refuse_special(path)
        self._refuse_twice(path)
        with written(path):
            self._written[path] = _write_temporary(path, data)

    def reserve(self, path: Path, *, folder: bool = False) -> Path:
        """A temporary name beside `path`, that of an empty file or folder, to be written to and seen as `path` later.

        What is there under that name, a file or a folder of the same sort, will be replaced.
        """
        if folder and path.exists() and not path.is_dir():
            raise OutputError(f"cannot write {path}: it is a file; give another name")
        if not folder:
            _refuse_special(path)
        self._refuse_twice(path)
        with written(path):
            temporary = _temporary_folder(path) if folder else _write_temporary(path, b"")
        self._written[path] = temporary
        return temporary

    def _refuse_twice(self, path: Path) -> None:
        """The second file of a name would replace the first, whose temporary one nobody would take away."""
        # a link at the end of the path is replaced, not followed
        place = path.parent.resolve() / path.name
        if place in self._places:
            raise UsageError(f"cannot write {path}: two of the files to be written have this name; give one another")
        self._places.add(place)

    def __enter__(self) -> Staged:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        done = False
        try:
            if kind is None:
                self._rename()
                done = True
        finally:
            for temporary in self._written.values():
                _remove(temporary)
            for place in [] if done else reversed(self._folders):
                with contextlib.suppress(OSError):
                    place.rmdir()

    def _rename(self) -> None:
        """Give all files their names; where that fails, take away those that are new."""
        new: list[Path] = []
        try:
            for path, temporary in self._written.items():
                fresh = not path.exists()
                with written(path):
                    _put(temporary, path)
                if fresh:
                    new.append(path)
        except BaseException:
            for path in new:
                _remove(path)
            raise


def write_files(files: Mapping[Path, bytes]) -> None:
    """Write files so that each is there completely or, after an error, not at all; existing ones are replaced.

    Raises OutputError, with nothing left behind, where a folder is missing or read-only, or the disk is full.
    """
    with Staged() as staged:
        for path, data in files.items():
            staged.add(path, data)


def check_writable(path: Path) -> None:
    """Raise OutputError where a file cannot be written, before the work for it begins."""
    _refuse_special(path)
    folder = path.absolute().parent
    if not folder.is_dir():
        raise OutputError(f"cannot write {path}: there is no folder {folder}; make it first")
    if path.exists() and not os.access(path, os.W_OK):
        raise OutputError(f"cannot write {path}: it is there and read-only; give another name")
    _try_folder(folder, f"cannot write {path}")


def check_folder(path: Path) -> None:
    """Raise OutputError where no file can be put into a folder that is there or would have to be made."""
    there = next(place for place in (path.absolute(), *path.absolute().parents) if place.exists())
    if not there.is_dir():
        raise OutputError(f"cannot make the folder {path}: {there} is a file; choose another place")
    _try_folder(there, f"cannot write into {path}")


def _try_folder(folder: Path, refusal: str) -> None:
    """Make a file without a name and drop it: permissions alone do not tell what a file system allows."""
    try:
        if not os.access(folder, os.W_OK):
            raise OutputError(f"{refusal}: {folder} is read-only; choose a folder that is writable")
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(f"{refusal}: {folder} takes no files ({_reason(error)}); choose another folder") from error


def _refuse_special(path: Path) -> None:
    """A rename would put a file in the place of a device or pipe."""
    if path.is_dir():
        raise OutputError(f"cannot write {path}: it is a folder; name a file in it")
    if path.exists() and not path.is_file():
        raise OutputError(f"cannot write {path}: it is a device or pipe; name a plain file")


@contextlib.contextmanager
def written(path: Path) -> Iterator[None]:
    """Around the writing of a file: what the system refuses becomes an OutputError of one sentence."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {_reason(error)}; choose a folder that exists, is writable and has room"
        ) from error


def _reason(error: OSError) -> str:
    return error.strerror or str(error)


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


def _temporary_folder(path: Path) -> Path:
    """An empty folder under a new name beside `path`, with the permissions of a new folder."""
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name[:64]}.", suffix=".part"))
    os.chmod(temporary, 0o777 & ~_umask())
    return temporary


def _put(temporary: Path, path: Path) -> None:
    """Give a temporary file or folder its name, in place of what has it."""
    if not temporary.is_dir():
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
        return
    if not path.exists():
        os.rename(temporary, path)
        return
    # no folder can be renamed onto one that holds something: the old one steps aside, and back where that fails
    aside = _temporary_folder(path)
    os.replace(path, aside)
    try:
        os.rename(temporary, path)
    except BaseException:
        os.rename(aside, path)
        raise
    _remove(aside)


def _remove(path: Path) -> None:
    """Take away a file, or a folder with all that is in it, where it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def _umask() -> int:
    """The permissions that new files are not given; it can only be read by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
