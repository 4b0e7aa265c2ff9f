"""Files that appear together or not at all."""

import os
from pathlib import Path

import pytest

from perijove.errors import OutputError, UsageError
from perijove.io.atomic import Staged, check_folder, check_writable, write_files


def test_nothing_is_seen_before_the_end(tmp_path: Path) -> None:
    with Staged() as staged:
        staged.folder(tmp_path / "a" / "b")
        staged.add(tmp_path / "a" / "b" / "one", b"1")
        staged.add(tmp_path / "two", b"2")
        assert not (tmp_path / "a" / "b" / "one").exists()
        assert not (tmp_path / "two").exists()
    assert {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*")} == {"a", "a/b", "a/b/one", "two"}
    assert (tmp_path / "two").read_bytes() == b"2"


def fail_with(error: BaseException, files: dict[Path, bytes], folder: Path) -> None:
    """Stage a folder and files, then raise."""
    with Staged() as staged:
        staged.folder(folder)
        for path, data in files.items():
            staged.add(path, data)
        raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_a_block_that_fails_leaves_neither_files_nor_folders(tmp_path: Path, error: type[BaseException]) -> None:
    (tmp_path / "old").write_bytes(b"old")
    folder = tmp_path / "a" / "b"
    with pytest.raises(error):
        fail_with(error(), {folder / "one": b"1", tmp_path / "old": b"new"}, folder)
    assert [p.name for p in tmp_path.rglob("*")] == ["old"]
    assert (tmp_path / "old").read_bytes() == b"old"


def test_a_folder_that_was_there_stays(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(ValueError, match="x"):
        fail_with(ValueError("x"), {tmp_path / "a" / "one": b"1"}, tmp_path / "a")
    assert list(tmp_path.rglob("*")) == [tmp_path / "a"]


def test_where_one_cannot_be_named_the_others_are_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = os.replace

    def refuse(source: Path, target: Path) -> None:
        if target.name == "two":
            raise OSError(5, "Input/output error")
        rename(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OutputError, match=r"two: Input/output error"):
        write_files({tmp_path / "one": b"1", tmp_path / "two": b"2"})
    assert list(tmp_path.iterdir()) == []


def test_devices_and_folders_are_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for check in (check_writable, lambda path: write_files({path: b"x"})):
        with pytest.raises(OutputError, match="it is a device or pipe; name a plain file"):
            check(tmp_path / "pipe")
        with pytest.raises(OutputError, match="it is a folder"):
            check(tmp_path)


def test_what_can_be_written_leaves_no_trace(tmp_path: Path) -> None:
    check_writable(tmp_path / "new")
    check_folder(tmp_path)
    check_folder(tmp_path / "new" / "newer")
    assert list(tmp_path.iterdir()) == []


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("")
    for place in (tmp_path / "f", tmp_path / "f" / "g"):
        with pytest.raises(OutputError, match=r"f is a file; choose another place"):
            check_folder(place)
    with pytest.raises(OutputError, match="a file has that name"), Staged() as staged:
        staged.folder(tmp_path / "f")


def test_a_file_system_that_takes_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(**_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("tempfile.TemporaryFile", denied)
    with pytest.raises(OutputError, match=r"picture\.png: .*\(Read-only file system\); choose another folder"):
        check_writable(tmp_path / "picture.png")
    with pytest.raises(OutputError, match=r"cannot write into .*pictures: .*\(Read-only file system\)"):
        check_folder(tmp_path / "pictures")
    assert list(tmp_path.iterdir()) == []


def test_a_read_only_file_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kept").write_text("")
    # not by its permissions, which do not bind root
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path / "kept")
    with pytest.raises(OutputError, match="kept: it is there and read-only"):
        check_writable(tmp_path / "kept")


def test_files_and_folders_that_others_write_appear_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "old").write_text("old")
    with Staged() as staged:
        file, folder = staged.reserve(tmp_path / "file"), staged.reserve(tmp_path / "store", folder=True)
        assert file.parent == folder.parent == tmp_path
        file.write_text("data")
        (folder / "new").write_text("new")
        assert (tmp_path / "store" / "old").exists()
        assert not (tmp_path / "file").exists()
    assert (tmp_path / "file").read_text() == "data"
    assert [place.name for place in (tmp_path / "store").iterdir()] == ["new"]
    assert sorted(place.name for place in tmp_path.iterdir()) == ["file", "store"]


def test_a_folder_that_cannot_be_named_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "old").write_text("old")
    rename = os.rename

    def refuse(source: Path, target: Path) -> None:
        if (Path(source) / "new").exists():
            raise OSError(5, "Input/output error")
        rename(source, target)

    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(OutputError, match="store: Input/output error"), Staged() as staged:
        (staged.reserve(tmp_path / "store", folder=True) / "new").write_text("new")
    assert [place.name for place in tmp_path.iterdir()] == ["store"]
    assert [place.name for place in (tmp_path / "store").iterdir()] == ["old"]


def test_a_reserved_folder_does_not_replace_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="it is a file"), Staged() as staged:
        staged.reserve(tmp_path / "file", folder=True)
    with pytest.raises(OutputError, match="cannot write"), Staged() as staged:
        staged.reserve(tmp_path / "none" / "file")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("again", ["one", "../b/one", "../link/one"])
@pytest.mark.parametrize("reserved", [True, False])
def test_two_files_of_one_name_are_refused_and_nothing_stays(tmp_path: Path, again: str, reserved: bool) -> None:
    folder = tmp_path / "b"
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder)
    (folder / "one").write_bytes(b"old")

    def stage() -> None:
        with Staged() as staged:
            staged.add(folder / "one", b"first")
            if reserved:
                staged.reserve(folder / again)
            staged.add(folder / again, b"second")

    with pytest.raises(UsageError, match=f"cannot write {folder / again}: two of the files"):
        stage()
    assert [place.name for place in folder.iterdir()] == ["one"]
    assert (folder / "one").read_bytes() == b"old"
