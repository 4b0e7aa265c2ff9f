"""Downloads under every fault: the file is whole and right, or it is absent."""

import contextlib
import errno
import hashlib
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perijove.archive import partial
from perijove.archive.cache import Cache
from perijove.archive.download import Downloaded, Item, download
from perijove.archive.http import Session
from perijove.errors import FetchError, OutputError

BODY = random.Random(1).randbytes(300_000)
MD5 = "md5:" + hashlib.md5(BODY).hexdigest()
SHA256 = hashlib.sha256(BODY).hexdigest()
TAG = '"first"'


def item(url: str, **changes: Any) -> Item:
    return replace(Item(url, "naif/spk/a.bsp", source="naif"), **changes)


def left(cache: Cache) -> set[str]:
    """What is in the cache but for its index: names of files, and the suffixes of what it keeps for itself."""
    own = cache.folder / ".perijove"
    files = [path for path in cache.folder.rglob("*") if path.is_file() and path.name != "index.sqlite"]
    return {path.suffix if own in path.parents else str(path.relative_to(cache.folder)) for path in files}


def assert_whole(got: Downloaded, cache: Cache, body: bytes = BODY) -> None:
    assert got.path.read_bytes() == body
    assert got.entry.sha256 == hashlib.sha256(body).hexdigest()
    assert cache.find(got.entry.name) == got.entry
    assert cache.verify() == ()
    assert left(cache) == {got.entry.name}


def test_a_file_comes_whole_and_only_once(server: Any, session: Session, cache: Cache, reply: Any) -> None:
    url = server.put("/a", reply(BODY, etag=TAG, modified="Mon, 07 Jun 2021 17:00:00 GMT"))
    seen: list[tuple[int, int | None]] = []
    got = download(session, item(url), cache, progress=lambda done, total: seen.append((done, total)))
    assert_whole(got, cache)
    assert (got.received, got.resumed, got.cached) == (len(BODY), 0, False)
    assert got.path == cache.folder / "naif" / "spk" / "a.bsp"
    entry = got.entry
    assert (entry.url, entry.source, entry.size, entry.etag) == (url, "naif", len(BODY), TAG)
    assert (seen[0], seen[-1]) == ((0, len(BODY)), (len(BODY), len(BODY)))
    assert seen == sorted(seen)
    again = download(session, item(url), cache)
    assert (again.cached, again.entry, len(server.asked)) == (True, got.entry, 1)
    assert server.asked[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("checksum", [MD5, MD5.upper(), f"sha256:{SHA256}", f"sha1:{hashlib.sha1(BODY).hexdigest()}"])
def test_a_right_checksum_is_taken(server: Any, session: Session, cache: Cache, checksum: str) -> None:
    wanted = item(server.put("/a", BODY), size=len(BODY), checksum=checksum)
    assert_whole(download(session, wanted, cache), cache)
    assert download(session, wanted, cache).cached


# each of these comes out whole in the end
PASSING = {
    "silence": {"hang": "before"},
    "silence in the middle": {"hang": "middle", "cut": 100_000},
    "500": {"status": 500},
    "503": {"status": 503, "headers": (("Retry-After", "3"),)},
    "cut off": {"cut": 100_000},
    "reset": {"cut": 100_000, "reset": True},
    "cut off at once": {"cut": 0},
    "chunks cut off": {"cut": 100_000, "chunked": True},
    "too long a length": {"length": len(BODY) + 5},
}


@pytest.mark.parametrize("tag", ["", TAG])
@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING.keys())
def test_after_a_passing_fault_the_file_is_whole(
    server: Any, new_session: Callable[..., Session], cache: Cache, reply: Any, fault: dict[str, Any], tag: str
) -> None:
    session = new_session(timeout_s=0.25 if "hang" in fault else 20.0)
    url = server.put("/a", reply(BODY, etag=tag, **fault), reply(BODY, etag=tag))
    if "length" in fault and tag:
        # the one more byte that it promised does not come: what is there is not taken for the file
        server.put("/a", reply(BODY, etag=tag, **fault), reply(BODY, etag='"second"'))
    assert_whole(download(session, item(url), cache), cache)
    assert len(server.asked) >= 2


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING.keys())
def test_a_lasting_fault_leaves_no_file(
    server: Any, new_session: Callable[..., Session], cache: Cache, reply: Any, fault: dict[str, Any]
) -> None:
    url = server.put("/a", reply(BODY, ranges=False, **fault))
    with pytest.raises(FetchError, match=r"naif/spk/a\.bsp could not be had in 2 tries") as caught:
        download(new_session(attempts=2, timeout_s=0.25 if "hang" in fault else 20.0), item(url), cache)
    assert (caught.value.url, caught.value.exit_code) == (url, 1)
    assert str(caught.value).startswith(url)
    assert cache.find("naif/spk/a.bsp") is None
    assert left(cache) <= {".part", ".json"}


# each of these is refused at once, with these words
REFUSED = {
    "404": ({"status": 404}, "is not there"),
    "403": ({"status": 403}, "not for everyone"),
    "elsewhere": ({"status": 302, "headers": (("Location", "http://127.0.0.1:1/x"),)}, "not on a host"),
    "a file of this machine": ({"status": 302, "headers": (("Location", "file:///etc/passwd"),)}, "no address"),
    "a ring": ({"status": 302, "headers": (("Location", "/a"),)}, "more than 5 times"),
    "too large": ({"length": 10**15}, "may have 1000000"),
    "endless": ({"endless": True}, "may have 1000000"),
    "packed": ({"packed": True}, "packed as 'gzip'"),
    "a web page": ({"body": b"\n<html>", "headers": (("Content-Type", "text/html; charset=utf-8"),)}, "is a web page"),
    "without a length": ({"length": -1}, "without its length"),
    "a part that nobody asked for": ({"status": 206}, "not asked for"),
}


@pytest.mark.parametrize(("fault", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_right_is_refused_at_once(
    server: Any, session: Session, cache: Cache, reply: Any, fault: dict[str, Any], words: str
) -> None:
    url = server.put("/a", reply(**{"body": BODY, **fault}))
    with pytest.raises(FetchError, match=words) as caught:
        download(session, item(url), cache, limit_bytes=1_000_000)
    assert caught.value.url == url
    assert left(cache) <= {".json", ".part"}
    assert not cache.path("naif/spk/a.bsp").exists()


def test_a_wrong_checksum_is_fetched_once_more(server: Any, session: Session, cache: Cache, reply: Any) -> None:
    bad = b"?" + BODY[1:]
    url = server.put("/a", reply(bad, etag=TAG), reply(BODY, etag=TAG))
    assert_whole(download(session, item(url, checksum=MD5), cache), cache)
    server.put("/b", bad)
    with pytest.raises(FetchError, match=r"came twice and is not right: its md5 is .* and not .*not kept"):
        download(session, item(server.url("/b"), name="b", checksum=MD5), cache)
    assert left(cache) == {"naif/spk/a.bsp"}


@pytest.mark.parametrize("length", [len(BODY) - 7, len(BODY) + 7])
def test_another_size_than_the_archive_lists_is_refused(
    server: Any, session: Session, cache: Cache, length: int, reply: Any
) -> None:
    url = server.put("/a", BODY)
    with pytest.raises(FetchError, match=rf"has {len(BODY)} bytes and not the {length}"):
        download(session, item(url, size=length), cache)
    url = server.put("/b", reply(BODY, chunked=True))
    with pytest.raises(FetchError):
        download(session, item(url, size=length), cache)
    assert left(cache) <= {".part", ".json"}


def test_too_short_a_length_is_seen_by_size_or_checksum(
    server: Any, session: Session, cache: Cache, reply: Any
) -> None:
    for known in ({"size": len(BODY)}, {"checksum": MD5}):
        url = server.put("/a", reply(BODY, length=1000))
        with pytest.raises(FetchError):
            download(session, item(url, **known), cache)
        assert left(cache) <= {".part", ".json"}


def test_an_archive_that_is_none_is_refused(server: Any, session: Session, cache: Cache, reply: Any) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.txt", "x" * 1000)
    url = server.put("/a", reply(packed.getvalue()[:-20], length=-1))
    with pytest.raises(FetchError, match="no zip archive"):
        download(session, item(url, name="a.zip"), cache)
    assert left(cache) == set()
    server.put("/a", reply(packed.getvalue(), length=-1))
    assert_whole(download(session, item(url, name="a.zip"), cache), cache, packed.getvalue())


def test_an_aborted_download_goes_on_where_it_was(server: Any, session: Session, cache: Cache, reply: Any) -> None:
    url = server.put("/a", reply(BODY, etag=TAG, cut=100_000), reply(status=404))
    with pytest.raises(FetchError):
        download(session, item(url), cache)
    assert left(cache) == {".part", ".json"}
    server.put("/a", reply(BODY, etag=TAG))
    # what is there already is no part of what may come
    with pytest.raises(FetchError, match="may have 299999"):
        download(session, replace(item(url), size=len(BODY)), cache, limit_bytes=199_999)
    got = download(session, item(url), cache, limit_bytes=200_000)
    assert_whole(got, cache)
    assert (got.resumed, got.received) == (100_000, 200_000)
    headers = server.asked[-1].headers
    assert (headers["range"], headers["if-range"]) == ("bytes=100000-", TAG)


@pytest.mark.parametrize(
    "then",
    [
        {"ranges": False, "etag": TAG},
        {"etag": '"second"'},
        {"etag": '"second"', "blind": True},
        {"etag": ""},
    ],
    ids=["no ranges", "changed", "changed unseen", "no tag"],
)
def test_what_has_changed_is_begun_anew(
    server: Any, session: Session, cache: Cache, reply: Any, then: dict[str, Any]
) -> None:
    url = server.put("/a", reply(b"?" * len(BODY), etag=TAG, cut=100_000), reply(status=404))
    with pytest.raises(FetchError):
        download(session, item(url), cache)
    server.put("/a", reply(BODY, **then))
    got = download(session, item(url), cache)
    assert_whole(got, cache)
    assert got.resumed == 0


@pytest.mark.parametrize("said", ["bytes 5-299999/300000", "bytes 100000-300000/300001", "bytes 100000", ""])
def test_another_part_than_was_asked_for_is_not_added(
    server: Any, session: Session, cache: Cache, reply: Any, said: str
) -> None:
    # as many bytes as would make a file of the size that it says
    wrong = reply(
        b"?" * (200_001 if "300001" in said else 200_000), status=206, etag=TAG, headers=(("Content-Range", said),)
    )
    url = server.put("/a", reply(BODY, etag=TAG, cut=100_000), wrong, reply(BODY, etag=TAG))
    assert_whole(download(session, item(url), cache), cache)
    assert "range" not in server.asked[-1].headers


def test_a_part_behind_the_end_is_begun_anew(server: Any, session: Session, cache: Cache, reply: Any) -> None:
    url = server.put("/a", reply(b"?" * 400_000, etag=TAG, cut=350_000), reply(status=404))
    with pytest.raises(FetchError):
        download(session, item(url), cache)
    server.put("/a", reply(BODY, etag=TAG))
    assert_whole(download(session, item(url), cache), cache)


def test_without_a_tag_only_a_checksum_lets_a_part_count(
    server: Any, session: Session, cache: Cache, reply: Any
) -> None:
    for checksum, resumed in ((None, 0), (MD5, 100_000)):
        cache.remove("naif/spk/a.bsp")
        url = server.put("/a", reply(BODY, cut=100_000), reply(status=404))
        with pytest.raises(FetchError):
            download(session, item(url, checksum=checksum), cache)
        server.put("/a", reply(BODY))
        got = download(session, item(url, checksum=checksum), cache)
        assert_whole(got, cache)
        assert got.resumed == resumed


def test_a_part_that_was_spoilt_is_seen_by_the_checksum(
    server: Any, session: Session, cache: Cache, reply: Any
) -> None:
    url = server.put("/a", reply(BODY, etag=TAG, cut=100_000), reply(status=404))
    with pytest.raises(FetchError):
        download(session, item(url, checksum=MD5), cache)
    part = cache.part("naif/spk/a.bsp")
    part.write_bytes(b"?" + part.read_bytes()[1:])
    server.put("/a", reply(BODY, etag=TAG))
    got = download(session, item(url, checksum=MD5), cache)
    assert_whole(got, cache)
    assert got.resumed == 0


@pytest.mark.parametrize(
    "spoil",
    [
        lambda part: part.with_suffix(".json").write_text("{"),
        lambda part: part.with_suffix(".json").write_text('{"url": 1, "saved": 1}'),
        lambda part: part.with_suffix(".json").unlink(),
        lambda part: part.write_bytes(b""),
        lambda part: part.unlink(),
        lambda part: part.with_suffix(".json").write_text(
            json.dumps({"url": "http://other/", "etag": TAG, "saved": 100_000})
        ),
    ],
)
def test_a_part_without_its_note_does_not_count(
    server: Any, session: Session, cache: Cache, reply: Any, spoil: Callable[[Path], Any]
) -> None:
    url = server.put("/a", reply(BODY, etag=TAG, cut=100_000), reply(status=404))
    with pytest.raises(FetchError):
        download(session, item(url), cache)
    spoil(cache.part("naif/spk/a.bsp"))
    server.put("/a", reply(BODY, etag=TAG))
    got = download(session, item(url), cache)
    assert_whole(got, cache)
    assert got.resumed == 0


def test_bytes_that_no_crash_can_have_spoilt_count_only(
    server: Any, session: Session, cache: Cache, reply: Any
) -> None:
    url = server.put("/a", reply(BODY, etag=TAG, cut=100_000), reply(status=404))
    with pytest.raises(FetchError):
        download(session, item(url), cache)
    with open(cache.part("naif/spk/a.bsp"), "ab") as file:
        file.write(b"\0" * 50_000)
    server.put("/a", reply(BODY, etag=TAG))
    got = download(session, item(url), cache)
    assert_whole(got, cache)
    assert got.resumed == 100_000


def test_many_cuts_are_no_failure_as_long_as_it_gets_on(
    server: Any, new_session: Callable[..., Session], cache: Cache, reply: Any
) -> None:
    url = server.put("/a", reply(BODY, etag=TAG, cut=30_000))
    assert_whole(download(new_session(attempts=2), item(url), cache), cache)
    assert len(server.asked) == 10


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_run_of_faults_ends_whole_or_absent(
    server: Any, new_session: Callable[..., Session], cache: Cache, reply: Any, data: st.DataObject
) -> None:
    cache.remove("naif/spk/a.bsp")
    bodies = [BODY[:5000], BODY[5000:11000]]
    one = st.builds(
        reply,
        st.sampled_from(bodies),
        status=st.sampled_from([200, 200, 200, 500, 416]),
        etag=st.sampled_from(["", TAG, '"second"']),
        cut=st.sampled_from([None, 0, 1, 2500, 4999]),
        ranges=st.booleans(),
        reset=st.booleans(),
    )
    # a server that says that two files are the same can be found out by the checksum alone
    checksum = "sha256:" + hashlib.sha256(bodies[0]).hexdigest()
    wanted = item(server.put("/a", *data.draw(st.lists(one, min_size=1, max_size=6))), checksum=checksum)
    for _ in range(2):
        got = None
        with contextlib.suppress(FetchError):
            got = download(new_session(attempts=3), wanted, cache)
        if got is not None:
            assert_whole(got, cache, bodies[0])
        else:
            assert not cache.path(wanted.name).exists()
            assert left(cache) <= {".part", ".json"}


def test_a_full_disk_is_told_before_and_while(
    server: Any, session: Session, cache: Cache, reply: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.put("/a", reply(BODY, etag=TAG))
    usage = shutil.disk_usage(cache.folder.parent)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda place: usage._replace(free=1000))
        with pytest.raises(OutputError, match=r"no room in .*--cache"):
            download(session, item(url), cache)

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(partial.os, "fsync", full)
        with pytest.raises(OutputError, match="No space left"):
            download(session, item(url), cache)
    assert left(cache) <= {".part", ".json"}
    assert_whole(download(session, item(url), cache), cache)


def test_a_folder_that_cannot_be_made_is_told(server: Any, session: Session, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot write"):
        download(session, item(server.put("/a", BODY)), Cache(tmp_path / "file"))


@pytest.mark.parametrize(
    "name", ["../a", "/etc/a", "a/../../b", "", "a//b", ".perijove/index.sqlite", "a\\b", "C:a", "nul", "a/.", "a./b"]
)
def test_no_name_leads_out_of_the_cache(server: Any, session: Session, cache: Cache, name: str) -> None:
    with pytest.raises(FetchError, match="no name for a file"):
        download(session, item(server.put("/a", BODY), name=name), cache)
    assert server.asked == []
    assert not cache.folder.exists()


@pytest.mark.parametrize(
    "checksum", ["md5:", "md5:xyz", "crc32:12345678", "d41d8cd98f00b204e9800998ecf8427e", "md5:" + "g" * 32]
)
def test_a_checksum_that_is_none_is_refused(server: Any, session: Session, cache: Cache, checksum: str) -> None:
    with pytest.raises(FetchError, match="is no checksum"):
        download(session, item(server.put("/a", BODY), checksum=checksum), cache)


def test_offline_the_cache_is_all(server: Any, new_session: Callable[..., Session], cache: Cache) -> None:
    wanted = item(server.put("/a", BODY))
    with pytest.raises(FetchError, match="without --offline"):
        download(new_session(offline=True), wanted, cache)
    download(new_session(), wanted, cache)
    assert download(new_session(offline=True), wanted, cache, refresh=True).cached
    assert len(server.asked) == 1


def test_a_changed_file_is_had_again_when_asked_for(server: Any, session: Session, cache: Cache, reply: Any) -> None:
    wanted = item(server.put("/a", reply(BODY, etag=TAG)))
    download(session, wanted, cache)
    assert download(session, wanted, cache, refresh=True).cached
    server.put("/a", reply(b"new", etag='"second"'))
    assert download(session, wanted, cache).path.read_bytes() == BODY
    assert_whole(download(session, wanted, cache, refresh=True), cache, b"new")


def test_a_failed_refresh_leaves_the_old_file(
    server: Any, new_session: Callable[..., Session], cache: Cache, reply: Any
) -> None:
    wanted = item(server.put("/a", reply(BODY, etag=TAG)))
    got = download(new_session(), wanted, cache)
    server.put("/a", reply(b"new" * 1000, etag='"second"', cut=10, ranges=False))
    with pytest.raises(FetchError):
        download(new_session(attempts=2), wanted, cache, refresh=True)
    assert got.path.read_bytes() == BODY
    assert cache.verify() == ()


def test_another_file_of_the_name_is_replaced(server: Any, session: Session, cache: Cache) -> None:
    download(session, item(server.put("/a", BODY)), cache)
    other = server.put("/b", b"other")
    assert_whole(download(session, item(other), cache), cache, b"other")
    # the same file from elsewhere is no other
    same = "sha256:" + hashlib.sha256(b"other").hexdigest()
    assert download(session, item(server.put("/c", b"x"), checksum=same), cache).cached
    md5 = "md5:" + hashlib.md5(b"other").hexdigest()
    assert download(session, item(server.put("/c", b"x"), checksum=md5), cache).cached
    assert_whole(download(session, item(server.put("/d", BODY), checksum=MD5), cache), cache)


def test_what_the_index_lost_is_taken_in_again(server: Any, session: Session, cache: Cache) -> None:
    wanted = item(server.put("/a", BODY), checksum=MD5)
    download(session, wanted, cache)
    (cache.folder / ".perijove" / "index.sqlite").unlink()
    assert_whole(download(session, wanted, cache), cache)
    assert len(server.asked) == 1
    cache.path(wanted.name).write_bytes(b"?" + BODY[1:])
    (cache.folder / ".perijove" / "index.sqlite").unlink()
    assert_whole(download(session, wanted, cache), cache)
    assert len(server.asked) == 2


def test_a_server_that_takes_everything_for_pages_is_believed_its_bytes(
    server: Any, session: Session, cache: Cache, reply: Any
) -> None:
    url = server.put("/a", reply(BODY, headers=(("Content-Type", "text/html"),)))
    assert_whole(download(session, item(url), cache), cache)
    url = server.put("/b", reply(b"<html>", headers=(("Content-Type", "text/html"),)))
    assert download(session, item(url, name="b.html"), cache).path.read_bytes() == b"<html>"


def test_strange_tags_are_not_sent_back(server: Any, session: Session, cache: Cache, reply: Any) -> None:
    for tag in ('"é"', '"' + "x" * 400 + '"'):
        url = server.put("/a", reply(BODY, etag=tag, cut=1000), reply(BODY, etag=tag))
        assert_whole(download(session, item(url), cache, refresh=True), cache)
        assert session.get(url).body == session.get(url).body == BODY
    assert not any("x" * 400 in str(asked.headers) or "é" in str(asked.headers) for asked in server.asked)


def test_what_is_left_of_aborted_downloads_can_be_taken_away(
    server: Any, session: Session, cache: Cache, reply: Any, clock: Any
) -> None:
    assert cache.tidy() == 0
    url = server.put("/a", reply(BODY, etag=TAG, cut=100_000), reply(status=404))
    with pytest.raises(FetchError):
        download(session, item(url), cache)
    with partial.alone(cache.part("naif/spk/a.bsp").with_suffix(".lock"), "a", 0.0, clock.now, clock.sleep):
        assert cache.tidy() == 0
    assert left(cache) == {".part", ".json"}
    assert cache.tidy() == 100_000
    assert left(cache) == set()


def test_an_empty_file_is_a_file(server: Any, session: Session, cache: Cache) -> None:
    assert_whole(download(session, item(server.put("/a", b"")), cache), cache, b"")


def test_whoever_waits_for_another_gives_up_in_the_end(
    server: Any, new_session: Callable[..., Session], cache: Cache, clock: Any
) -> None:
    wanted = item(server.put("/a", BODY))
    cache.own_folder()
    lock = cache.part(wanted.name).with_suffix(".lock")
    with (
        partial.alone(lock, "a", 0.0, clock.now, clock.sleep),
        pytest.raises(FetchError, match=r"another process is still downloading naif/spk/a\.bsp"),
    ):
        download(new_session(file_deadline_s=10.0), wanted, cache)
    assert sum(clock.slept) >= 9.9
    assert_whole(download(new_session(), wanted, cache), cache)


FETCH = """
    import resource
    import signal
    import sys
    from pathlib import Path
    from perijove.archive.cache import Cache
    from perijove.archive.download import Item, download
    from perijove.archive.http import Conduct, Session
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), -1))
    cache = Cache(Path(sys.argv[1]))
    with Session(cache, conduct=Conduct(pause_s=0.0, timeout_s=20.0)) as session:
        wanted = Item(sys.argv[2], "naif/spk/a.bsp")
        got = download(session, wanted, cache, progress=lambda *told: print(*told, flush=True))
    print("cached" if got.cached else "had", got.entry.sha256)
"""


def fetching(cache: Cache, url: str, largest: int = -1) -> subprocess.Popen[str]:
    """A process that downloads a file, and can write none that is longer than `largest` bytes."""
    command = [sys.executable, "-c", textwrap.dedent(FETCH), str(cache.folder), url, str(largest)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_processes_that_want_the_same_do_not_spoil_it(server: Any, cache: Cache, reply: Any) -> None:
    url = server.put("/a", reply(BODY, etag=TAG))
    processes = [fetching(cache, url) for _ in range(3)]
    words = [process.communicate(timeout=60)[0].splitlines()[-1] for process in processes]
    assert sorted(words) == [f"cached {SHA256}", f"cached {SHA256}", f"had {SHA256}"]
    assert left(cache) == {"naif/spk/a.bsp"}
    assert len(server.asked) == 1


def test_a_disk_that_fills_in_the_middle_leaves_what_the_next_goes_on_with(
    server: Any, session: Session, cache: Cache, reply: Any
) -> None:
    url = server.put("/a", reply(BODY, etag=TAG, drip=50_000))
    process = fetching(cache, url, largest=123_456)
    words = process.communicate(timeout=60)[1].splitlines()[-1]
    assert "OutputError: cannot write" in words
    assert left(cache) == {".part", ".json"}
    assert cache.part("naif/spk/a.bsp").stat().st_size == 123_456
    got = download(session, item(url), cache)
    assert_whole(got, cache)
    assert 0 < got.resumed <= 123_456


@pytest.mark.parametrize(("name", "kept"), [("SIGINT", True), ("SIGTERM", True), ("SIGKILL", False)])
def test_a_killed_download_leaves_a_part_that_the_next_goes_on_with(
    server: Any, session: Session, cache: Cache, reply: Any, name: str, kept: bool
) -> None:
    url = server.put("/a", reply(BODY, etag=TAG, cut=100_000, hang="middle"))
    process = fetching(cache, url)
    assert process.stdout is not None
    while not process.stdout.readline().startswith("100000 "):
        assert process.poll() is None
    process.send_signal(getattr(signal, name))
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert left(cache) <= {".part", ".json", ".lock"}
    assert ".part" in left(cache)
    server.put("/a", reply(BODY, etag=TAG))
    got = download(session, item(url), cache)
    assert_whole(got, cache)
    if kept:
        assert got.resumed == 100_000
