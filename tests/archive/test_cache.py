"""The cache: names, the index under damage and crowds, verification."""

import os
import sqlite3
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perijove.archive.cache import Cache, Entry, Fault, StoredPage, default_folder, digests, safe_name
from perijove.archive.names import is_plain
from perijove.errors import FetchError, OutputError, UsageError

PAGE = StoredPage("https://a.org/", "https://a.org/b", b"\0body", "text/html", '"1"', "", "2026-01-01T00:00:00+00:00")


def admitted(cache: Cache, name: str, body: bytes = b"body") -> Entry:
    cache.own_folder()
    temporary = cache.part(name)
    temporary.write_bytes(body)
    (sha256,) = digests(temporary, "sha256")
    entry = Entry(name, f"https://a.org/{name}", "pds", len(body), sha256, None, '"1"', "", "2026-01-01T00:00:00+00:00")
    assert cache.admit(temporary, entry).read_bytes() == body
    assert not temporary.exists()
    return entry


def index(cache: Cache) -> Path:
    return cache.folder / ".perijove" / "index.sqlite"


def test_the_folder_is_where_it_is_expected(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert default_folder() == tmp_path / "home" / ".cache" / "perijove"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_folder() == tmp_path / "xdg" / "perijove"
    monkeypatch.setenv("PERIJOVE_CACHE", "~/mine")
    assert default_folder() == tmp_path / "home" / "mine"
    assert Cache().folder == tmp_path / "home" / "mine"


def test_without_a_home_a_folder_must_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERIJOVE_CACHE", "~nobody-of-this-name/x")
    with pytest.raises(UsageError, match="--cache"):
        default_folder()


def test_a_cache_that_is_only_asked_is_not_made(cache: Cache) -> None:
    assert (cache.find("a"), cache.entries(), cache.verify(), cache.page("x")) == (None, (), (), None)
    assert not cache.folder.exists()


def test_files_and_pages_are_found_again(cache: Cache) -> None:
    second, first = admitted(cache, "pds/b"), admitted(cache, "pds/a.bsp", b"")
    cache.keep_page(PAGE)
    other = Cache(cache.folder)
    assert other.entries() == (first, second)
    assert (other.find("pds/b"), other.find("pds"), other.page(PAGE.asked)) == (second, None, PAGE)
    other.remove("pds/b")
    assert (cache.find("pds/b"), cache.path("pds/b").exists()) == (None, False)
    other.remove("pds/b")


def test_many_pages_push_out_the_oldest(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perijove.archive.index._PAGES_KEPT", 3)
    for day in (5, 1, 4, 2, 3):
        cache.keep_page(replace(PAGE, asked=str(day), fetched=f"2026-01-0{day}T00:00:00+00:00"))
    assert [day for day in range(1, 6) if cache.page(str(day))] == [3, 4, 5]


def test_verification_tells_what_has_changed(cache: Cache) -> None:
    for name in ("a", "b", "c", "d"):
        admitted(cache, name)
    cache.path("a").unlink()
    cache.path("b").write_bytes(b"longer")
    cache.path("c").write_bytes(b"ydob")
    faults = (Fault("a", "missing"), Fault("b", "6 bytes instead of 4"), Fault("c", "its bytes have changed"))
    assert cache.verify() == faults
    assert cache.verify(("c", "d", "e")) == (faults[2], Fault("e", "not in the index"))
    assert [cache.find(name) is not None for name in ("a", "b", "c", "d")] == [False, False, True, True]
    with pytest.raises(FetchError, match="no name"):
        cache.verify(("../a",))


@pytest.mark.parametrize("damage", [b"", b"no index", b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_index_is_put_aside(cache: Cache, damage: bytes) -> None:
    admitted(cache, "a")
    index(cache).write_bytes(damage)
    assert cache.entries() == ()
    entry = admitted(cache, "b")
    assert cache.entries() == (entry,)
    assert index(cache).with_suffix(".damaged").exists() == bool(damage)


def test_damage_inside_the_index_is_found(cache: Cache) -> None:
    cache.own_folder()
    for number in range(40):
        cache._index.put("files", (f"{number:04}", "u" * 1000, "s", 1, "x" * 64, None, "", "", ""))
    content = bytearray(index(cache).read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    index(cache).write_bytes(content)
    assert cache.entries() == ()
    entry = admitted(cache, "b")
    assert cache.find("b") == entry


def test_an_index_of_the_future_is_left_alone(cache: Cache) -> None:
    admitted(cache, "a")
    base = sqlite3.connect(index(cache))
    base.execute("PRAGMA user_version = 99")
    base.commit()
    base.close()
    with pytest.raises(OutputError, match="newer Perijove"):
        cache.keep_page(PAGE)


def test_names_that_somebody_wrote_into_the_index_lead_nowhere(cache: Cache) -> None:
    entry = admitted(cache, "a")
    cache.note(replace(entry, name="../../evil"))
    assert cache.entries() == (entry,)
    assert cache.verify() == ()


def test_a_crash_between_file_and_index_is_no_lie(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = admitted(cache, "a", b"old!")
    with monkeypatch.context() as patch:
        patch.setattr(Cache, "note", lambda self, entry: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            admitted(cache, "a", b"new!")
    assert cache.path("a").read_bytes() == b"new!"
    assert (cache.find("a"), cache.verify()) == (None, ())
    assert entry.size == 4


def test_a_place_that_takes_no_files_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    cache = Cache(tmp_path / "file")
    assert cache.entries() == ()
    with pytest.raises(OutputError, match="cannot write"):
        cache.keep_page(PAGE)


def test_a_full_disk_is_told(cache: Cache) -> None:
    # the database is told that it may not grow
    code = """
        import resource, signal, sys
        from pathlib import Path
        from perijove.archive.cache import Cache, StoredPage
        from perijove.errors import OutputError
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
        cache = Cache(Path(sys.argv[1]))
        small = StoredPage("a", "a", b"x", "", "", "", "")
        cache.keep_page(small)
        try:
            cache.keep_page(StoredPage("b", "b", b"x" * 200_000, "", "", "", ""))
        except OutputError as error:
            assert "--cache" in str(error), error
        else:
            raise AssertionError("nothing was refused")
        assert cache.page("a") == small and cache.page("b") is None
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(cache.folder)], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_crowd_writes_one_index(cache: Cache) -> None:
    cache.own_folder()

    def work(worker: int) -> None:
        for number in range(5):
            Cache(cache.folder).keep_page(replace(PAGE, asked=f"{worker}-{number}"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert all(cache.page(f"{worker}-{number}") for worker in range(8) for number in range(5))


def test_safe_names_of_harmless_words_are_the_words() -> None:
    assert safe_name("naif", "spk", "juno_rec_160101_160201_v02.bsp") == "naif/spk/juno_rec_160101_160201_v02.bsp"


@pytest.mark.parametrize(
    "word",
    [
        "", ".", "..", "../x", "/etc/passwd", "C:\\x", "nul", "COM1.txt", "a b", ".hidden", "x" * 500 + ".bsp", "é",
        "a\0b", "-rf", "con .txt", "x.",
    ],
)  # fmt: skip
def test_safe_names_of_other_words_are_harmless(cache: Cache, word: str) -> None:
    name = safe_name("mission", word)
    assert is_plain(name)
    assert name.count("/") == 1
    assert cache.path(name).resolve().is_relative_to(cache.folder.resolve())


@given(st.lists(st.text(), min_size=1, max_size=2), st.lists(st.text(), min_size=1, max_size=2))
def test_any_safe_name_is_plain_and_its_own(one: list[str], other: list[str]) -> None:
    assert is_plain(safe_name(*one))
    assert (safe_name(*one) == safe_name(*other)) == (one == other)


def test_a_suffix_stays() -> None:
    assert safe_name("a b.zip").endswith(".zip")
    assert safe_name("y" * 500 + ".bsp").endswith(".bsp")


def test_an_index_that_may_not_be_written_can_be_read(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = admitted(cache, "a")
    before = index(cache).read_bytes()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert (cache.find("a"), cache.entries()) == (entry, (entry,))
    assert index(cache).read_bytes() == before
