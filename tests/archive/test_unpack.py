"""Unpacking: plain files inside one folder, all or none, whatever the archive says."""

import errno
import io
import os
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perijove.archive.unpack import Bounds, unpack
from perijove.errors import FetchError, OutputError, PerijoveError

BELIEVABLE = Bounds()


def packed(path: Path, files: list[tuple[str | zipfile.ZipInfo, bytes]]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files:
            archive.writestr(name, body)
    return path


def everything(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a neighbour that must stay as it is."""
    (tmp_path / "neighbour").write_text("mine")
    return tmp_path


def assert_refused(place: Path, archive: Path, words: str, bounds: Bounds = BELIEVABLE) -> None:
    before = everything(place)
    with pytest.raises(FetchError, match=words) as caught:
        unpack(archive, place / "out", bounds=bounds)
    assert str(archive) in str(caught.value)
    assert everything(place) == before
    assert (place / "neighbour").read_text() == "mine"


def test_an_archive_of_the_mission_comes_out(place: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as more:
        more.writestr("../evil", "x")
    files: list[tuple[str | zipfile.ZipInfo, bytes]] = [
        ("ImageSet/JNCE_2021158_34C00002_V01-raw.png", b"png"),
        ("ImageSet/", b""),
        ("JNCE_2021158_34C00002_V01.json", b"{}"),
        ("__MACOSX/._x", b"x"),
        (".DS_Store", b"x"),
        ("more.zip", inner.getvalue()),
        ("empty é.txt", b""),
    ]
    got = unpack(packed(place / "a.zip", files), place / "out" / "deep")
    names = ["ImageSet/JNCE_2021158_34C00002_V01-raw.png", "JNCE_2021158_34C00002_V01.json", "more.zip", "empty é.txt"]
    assert [str(path.relative_to(got.folder)) for path in got.files] == names
    assert [path.read_bytes() for path in got.files] == [b"png", b"{}", inner.getvalue(), b""]
    assert got.left_out == ("__MACOSX/._x", ".DS_Store")
    assert everything(place / "out" / "deep") == {"ImageSet", *names}


def test_only_what_is_wanted_comes_out(place: Path) -> None:
    archive = packed(place / "a.zip", [("a.png", b"1"), ("b.json", b"2")])
    got = unpack(archive, place / "out", wanted=lambda name: name.endswith(".png"))
    assert (everything(place / "out"), got.left_out) == ({"a.png"}, ("b.json",))


@pytest.mark.parametrize(
    "name",
    [
        "../neighbour", "a/../../neighbour", "/neighbour", "//neighbour", "\\neighbour", "..\\neighbour", "C:\\x",
        "C:x", "a//b", "./a", "a/.", "..", "CON", "a/nul.txt", "LPT1.", "x.", "x ", "a:b", "a\nb", "\x1b[31m",
        "a" * 256, "a\u202eb", "com1 .txt",
    ],
)  # fmt: skip
def test_names_that_lead_elsewhere_are_refused(place: Path, name: str) -> None:
    assert_refused(place, packed(place / "a.zip", [("good", b"x"), (name, b"x")]), "no harmless name")


def test_a_name_with_a_nul_is_refused(place: Path) -> None:
    archive = packed(place / "a.zip", [("aXb", b"x")])
    archive.write_bytes(archive.read_bytes().replace(b"aXb", b"a\0b"))
    assert_refused(place, archive, "no harmless name|no readable zip")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK])
def test_links_and_devices_are_refused(place: Path, kind: int) -> None:
    info = zipfile.ZipInfo("a")
    info.external_attr = (kind | 0o777) << 16
    assert_refused(place, packed(place / "a.zip", [("good", b"x"), (info, b"../neighbour")]), "link or device")


@pytest.mark.parametrize(("one", "other"), [("a", "A"), ("d/a", "D/A"), ("ß", "SS"), ("a\\b", "a/b")])
def test_two_of_a_name_are_refused(place: Path, one: str, other: str) -> None:
    assert_refused(place, packed(place / "a.zip", [(one, b"1"), (other, b"2")]), "twice")


@pytest.mark.parametrize("names", [("a", "a/b"), ("a/b", "a"), ("a", "A/"), ("a/b/c", "a/b")])
def test_a_file_is_no_folder(place: Path, names: tuple[str, str]) -> None:
    archive = packed(place / "a.zip", [(name, b"" if name.endswith("/") else b"x") for name in names])
    assert_refused(place, archive, "as a file and as a folder")


def test_encrypted_members_are_refused(place: Path) -> None:
    archive = packed(place / "a.zip", [("a", b"x")])
    content = bytearray(archive.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    content[6] |= 1
    archive.write_bytes(content)
    assert_refused(place, archive, "encrypted")


def test_too_many_members_are_refused(place: Path) -> None:
    archive = packed(place / "a.zip", [(str(number), b"") for number in range(11)])
    assert_refused(place, archive, "11 members", Bounds(members=10))


def test_bombs_are_refused(place: Path) -> None:
    archive = packed(place / "a.zip", [("a", b"\0" * 6_000_000), ("b", b"\0" * 6_000_000)])
    assert_refused(place, archive, "too many to be true")
    loose = Bounds(ratio=10**6)
    assert_refused(place, archive, "12000000 bytes, too many", Bounds(ratio=10**6, total_bytes=11_999_999))
    assert_refused(place, archive, "6000000 bytes, too many", Bounds(ratio=10**6, member_bytes=5_999_999))
    assert len(unpack(archive, place / "out", bounds=loose).files) == 2


def changed_size(archive: Path, size: int) -> None:
    """Have the archive claim another size of its only member, in both places."""
    content = bytearray(archive.read_bytes())
    struct.pack_into("<I", content, content.index(b"PK\x01\x02") + 24, size)
    struct.pack_into("<I", content, 22, size)
    archive.write_bytes(content)


@pytest.mark.parametrize("size", [0, 10, 5_000_000, 0xFFFFFFF0])
def test_a_member_of_another_size_than_it_says_is_refused(place: Path, size: int) -> None:
    archive = packed(place / "a.zip", [("a", os.urandom(10_000) * 100)])
    changed_size(archive, size)
    assert_refused(place, archive, "cannot be unpacked|another size|too many")


@pytest.mark.parametrize(
    "spoil", [lambda c: c[: len(c) // 2], lambda c: c[:40] + b"?" * 20 + c[60:], lambda c: b"", lambda c: b"<html>"]
)
def test_damaged_archives_are_refused(place: Path, spoil: Callable[[bytes], bytes]) -> None:
    archive = packed(place / "a.zip", [("good", b"x"), ("a", os.urandom(1000))])
    content = archive.read_bytes()
    archive.write_bytes(spoil(content))
    assert_refused(place, archive, "a.zip")


def test_no_archive_at_all(place: Path) -> None:
    assert_refused(place, place / "nothing.zip", "no readable zip archive")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_damage_ends_with_all_or_nothing(place: Path, data: st.DataObject) -> None:
    archive = packed(place / "a.zip", [("d/a", b"hello" * 100), ("b", bytes(range(256)))])
    content = bytearray(archive.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    archive.write_bytes(content)
    out = place / "out"
    try:
        got = unpack(archive, out)
    except PerijoveError:
        assert everything(place) == {"a.zip", "neighbour"}
    else:
        assert all(path.is_relative_to(out) and path.is_file() and not path.is_symlink() for path in got.files)
        for path in sorted(out.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        out.rmdir()
    assert (place / "neighbour").read_text() == "mine"


def test_files_that_are_there_stay(place: Path) -> None:
    archive = packed(place / "a.zip", [("a", b"new"), ("b", b"b")])
    out = place / "out"
    out.mkdir()
    (out / "a").write_bytes(b"old")
    with pytest.raises(OutputError, match="another file of that name"):
        unpack(archive, out)
    assert everything(out) == {"a"}
    unpack(archive, out, replace=True)
    assert (out / "a").read_bytes() == b"new"
    before = (out / "a").stat().st_ino
    assert len(unpack(archive, out).files) == 2
    assert (out / "a").stat().st_ino == before


def test_links_in_the_folder_are_not_followed(place: Path) -> None:
    archive = packed(place / "a.zip", [("d/a", b"x")])
    (place / "elsewhere").mkdir()
    out = place / "out"
    out.mkdir()
    (out / "d").symlink_to(place / "elsewhere")
    with pytest.raises(OutputError, match="a link leads"):
        unpack(archive, out, replace=True)
    (out / "d").unlink()
    (out / "d").mkdir()
    (out / "d" / "a").symlink_to(place / "neighbour")
    with pytest.raises(OutputError, match="a link leads"):
        unpack(archive, out, replace=True)
    assert everything(place / "elsewhere") == set()
    assert (place / "neighbour").read_text() == "mine"


def test_a_full_disk_leaves_nothing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = packed(place / "a.zip", [("a", b"1"), ("b", b"2")])
    before = everything(place)
    calls = []

    def full(handle: int) -> None:
        calls.append(handle)
        if len(calls) == 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        unpack(archive, place / "out")
    assert everything(place) == before


def test_a_folder_that_is_a_file_is_told(place: Path) -> None:
    with pytest.raises(OutputError, match="a file has that name"):
        unpack(packed(place / "a.zip", [("a", b"1")]), place / "neighbour")
