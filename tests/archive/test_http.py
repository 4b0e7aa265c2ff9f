"""Pages: politeness, patience, bounds, and hosts that are not left."""

import gzip
import sys
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx2
import pytest

from perijove import __version__
from perijove.archive.addresses import check_hop, place_of
from perijove.archive.body import unpacked
from perijove.archive.cache import Cache
from perijove.archive.http import Conduct, Session
from perijove.errors import FetchError

SILENCE_S = 0.25


def test_a_page_comes_with_its_text_and_is_asked_for_by_name(server: Any, session: Session, reply: Any) -> None:
    url = server.put(
        "/a", reply("Ganymède".encode("latin-1"), headers=(("Content-Type", "text/html; charset=latin-1"),))
    )
    page = session.get(url)
    assert (page.text, page.url, page.cached) == ("Ganymède", url, False)
    assert server.asked[0].headers["user-agent"].startswith(f"perijove/{__version__}")


@pytest.mark.parametrize("said", ["text/html", "text/html; charset=nonsense", "text/html; charset=hex", ""])
def test_text_of_any_charset_never_fails(server: Any, session: Session, reply: Any, said: str) -> None:
    url = server.put("/a", reply(b"caf\xc3\xa9 \xff", headers=(("Content-Type", said),)))
    assert session.get(url).text == "café \N{REPLACEMENT CHARACTER}"


def test_between_requests_to_a_host_lies_a_pause_and_one_connection_does(
    server: Any, other_server: Any, session: Session, clock: Any
) -> None:
    for path in ("/a", "/b", "/c"):
        session.get(server.put(path, b"x"))
    session.get(other_server.put("/a", b"x"))
    assert clock.slept == [1.0, 1.0]
    assert server.connections == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429, 408])
def test_what_may_pass_is_tried_again_with_longer_waits(
    server: Any, session: Session, clock: Any, reply: Any, status: int
) -> None:
    url = server.put("/a", reply(b"sorry", status=status), reply(b"sorry", status=status), b"fine")
    assert session.get(url).body == b"fine"
    assert clock.slept == [1.0, 2.0]


def test_patience_ends(server: Any, session: Session, reply: Any, clock: Any) -> None:
    url = server.put("/a", reply(status=500))
    with pytest.raises(FetchError, match=r"5 tries \(its server answers 500\).*try again later") as caught:
        session.get(url)
    assert (caught.value.url, caught.value.status, caught.value.exit_code) == (url, 500, 1)
    assert str(caught.value).startswith(url)
    assert (len(server.asked), clock.slept) == (5, [1.0, 2.0, 4.0, 8.0])


def test_waits_are_not_all_alike(server: Any, cache: Cache, clock: Any, reply: Any) -> None:
    url = server.put("/a", reply(status=500), reply(status=500), b"fine")
    chances = iter([0.0, 0.5])
    with Session(cache, clock=clock.now, sleep=clock.sleep, chance=lambda: next(chances)) as session:
        session.get(url)
    # half of the first wait and three quarters of the second; the pause makes up what lacks to its second
    assert clock.slept == [0.5, 0.5, 1.5]


@pytest.mark.parametrize("fault", [{"hang": "before"}, {"hang": "middle", "cut": 3}])
def test_silence_is_given_up(
    server: Any, new_session: Callable[..., Session], reply: Any, fault: dict[str, Any]
) -> None:
    url = server.put("/a", reply(b"0123456789", **fault), b"fine")
    assert new_session(timeout_s=SILENCE_S).get(url).body == b"fine"


def test_nobody_there(server: Any, new_session: Callable[..., Session]) -> None:
    url = server.url("/a")
    server.server_close()
    with pytest.raises(FetchError, match=r"2 tries .*refused"):
        new_session(attempts=2).get(url)


@pytest.mark.parametrize(
    ("status", "words"), [(404, "is not there"), (410, "is not there"), (403, "not for everyone"), (400, "answers 400")]
)
def test_what_will_not_pass_is_not_tried_again(
    server: Any, session: Session, reply: Any, status: int, words: str
) -> None:
    url = server.put("/a", reply(status=status))
    with pytest.raises(FetchError, match=words) as caught:
        session.get(url)
    assert (caught.value.status, len(server.asked)) == (status, 1)


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_gets_the_wait_that_it_wants(
    server: Any, session: Session, clock: Any, reply: Any, status: int
) -> None:
    url = server.put("/a", reply(status=status, headers=(("Retry-After", "7"),)), b"fine")
    assert session.get(url).body == b"fine"
    assert clock.slept == [7.0]


def test_the_wait_may_be_a_date_or_nonsense(server: Any, session: Session, clock: Any, reply: Any) -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    for wait in (soon, "soon", "-3", "99999999999999999999999 GMT"):
        url = server.put("/a", reply(status=503, headers=(("Retry-After", wait),)), b"fine")
        assert session.get(url).body == b"fine"
    assert 50 < clock.slept[0] <= 60
    assert max(clock.slept[1:]) == 1.0


def test_too_long_a_wait_is_left_to_the_user(server: Any, session: Session, clock: Any, reply: Any) -> None:
    url = server.put("/a", reply(status=503, headers=(("Retry-After", "86400"),)))
    with pytest.raises(FetchError, match="in 86400 s: try again then"):
        session.get(url)
    assert (clock.slept, len(server.asked)) == ([], 1)


def test_waits_end_with_the_deadline(server: Any, new_session: Callable[..., Session], clock: Any, reply: Any) -> None:
    url = server.put("/a", reply(status=503))
    with pytest.raises(FetchError, match="in time"):
        new_session(page_deadline_s=5.0, attempts=50).get(url)
    assert sum(clock.slept) <= 5.0


def test_drips_end_with_the_deadline(server: Any, new_session: Callable[..., Session], clock: Any, reply: Any) -> None:
    clock.step = 1.0
    url = server.put("/a", reply(b"x", endless=True))
    with pytest.raises(FetchError, match=r"in time .*too slowly"):
        new_session(page_deadline_s=20.0).get(url)


def test_redirects_are_followed_within_the_hosts(server: Any, other_server: Any, session: Session, reply: Any) -> None:
    end = other_server.put("/end", b"fine")
    url = server.put("/a", reply(status=302, headers=(("Location", "/b?x=1"),)))
    server.put("/b", reply(status=307, headers=(("Location", end),)))
    page = session.get(url, hosts=frozenset({server.host, other_server.host}))
    assert (page.url, page.body) == (end, b"fine")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_lead_nowhere_else(server: Any, other_server: Any, session: Session, reply: Any, status: int) -> None:
    elsewhere = other_server.put("/secret", b"x")
    url = server.put("/a", reply(status=status, headers=(("Location", elsewhere),)))
    for hosts in (frozenset[str](), frozenset({server.host})):
        with pytest.raises(FetchError, match="not on a host of its archive") as caught:
            session.get(url, hosts=hosts)
        assert caught.value.url == url
    assert other_server.asked == []


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://a b/", "http://[::1", "", "javascript:1", "x\\y", "data:,x"],
)
def test_redirects_lead_to_no_other_scheme(server: Any, session: Session, reply: Any, location: str) -> None:
    url = server.put("/a", reply(status=302, headers=(("Location", location),)))
    with pytest.raises(FetchError, match="not followed"):
        session.get(url)
    assert len(server.asked) == 1


def test_redirects_carry_no_names(server: Any, session: Session, reply: Any) -> None:
    url = server.put("/a", reply(status=302, headers=(("Location", f"http://me:secret@{server.host}/b"),)))
    with pytest.raises(FetchError, match="not followed"):
        session.get(url)


def test_redirects_in_a_ring_end(server: Any, session: Session, reply: Any) -> None:
    url = server.put("/a", reply(status=302, headers=(("Location", "/b"),)))
    server.put("/b", reply(status=302, headers=(("Location", "/a"),)))
    with pytest.raises(FetchError, match="more than 5 times"):
        session.get(url)
    assert len(server.asked) == 6


def test_encryption_is_not_given_up() -> None:
    hosts = frozenset({"a.org", "localhost"})
    place = place_of("https://a.org/x", hosts)
    assert check_hop(place.url, place, "https://a.org:443/y", hosts).authority == "a.org"
    assert check_hop(place.url, place, "//a.org/y", hosts).url == "https://a.org/y"
    with pytest.raises(FetchError, match="not encrypted"):
        check_hop(place.url, place, "http://a.org/y", hosts)
    assert check_hop(place.url, place, "http://localhost/y", hosts).loopback
    with pytest.raises(FetchError, match="not on a host"):
        check_hop(place.url, place, "https://a.org:444/y", hosts)
    with pytest.raises(FetchError, match="not on a host"):
        check_hop(place.url, place, "https://a.org.evil.org/y", hosts)


@pytest.mark.parametrize(
    "url", ["ftp://a.org/x", "/x", "", "https://", "https://u@a.org/", "https://a.org/\n", "https://" + "a" * 5000]
)
def test_what_is_no_address_is_not_asked(session: Session, url: str) -> None:
    with pytest.raises(FetchError, match="no address"):
        session.get(url)


def test_the_first_address_is_on_the_hosts_too(server: Any, session: Session) -> None:
    with pytest.raises(FetchError, match=r"not on a host of its archive \(a.org\)"):
        session.get(server.put("/a", b"x"), hosts=frozenset({"a.org"}))
    assert server.asked == []


def test_long_pages_are_refused(server: Any, session: Session, reply: Any) -> None:
    assert session.get(server.put("/fits", b"x" * 1000), 1000).body == b"x" * 1000
    for long in (reply(b"x", length=10**13), reply(b"x" * 1001, chunked=True), reply(b"x" * 999, endless=True)):
        with pytest.raises(FetchError, match="longer than the 1000 bytes"):
            session.get(server.put("/a", long), 1000)


def test_packed_pages_are_bounded_unpacked(server: Any, session: Session, reply: Any) -> None:
    assert session.get(server.put("/fits", reply(b"x" * 100000, packed=True)), 100000).body == b"x" * 100000
    bomb = reply(b"\0" * 20_000_000, packed=True)
    with pytest.raises(FetchError, match="longer than the 100000 bytes"):
        session.get(server.put("/a", bomb), 100000)
    exact = reply(b"\0" * 100001, packed=True)
    with pytest.raises(FetchError, match="longer than the 100000 bytes"):
        session.get(server.put("/b", exact), 100000)


def test_no_more_is_read_of_a_page_that_is_too_long() -> None:
    def chunks() -> Iterator[bytes]:
        yield gzip.compress(b"\0" * 1_000_000)[:500]
        raise AssertionError("there was no need to ask for more")

    with pytest.raises(FetchError, match="longer than the 1000 bytes"):
        unpacked(chunks(), "gzip", None, 1000, "https://a.org/")


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(b"hello")[:-1],
        gzip.compress(b"hello")[:-5] + b"\0" * 5,
        b"hello",
        gzip.compress(b"a") + b"b",
        zlib.compress(b"hello"),
    ],
    ids=["cut short", "wrong sum", "not packed", "more behind it", "another packing"],
)
def test_damaged_packing_is_tried_again(server: Any, session: Session, reply: Any, body: bytes) -> None:
    packed = (("Content-Encoding", "gzip"),)
    url = server.put("/a", reply(body, headers=packed), reply(gzip.compress(b"fine"), headers=packed))
    assert session.get(url).body == b"fine"


def test_packing_that_nobody_asked_for_is_refused(server: Any, session: Session, reply: Any) -> None:
    with pytest.raises(FetchError, match="packed as 'br'"):
        session.get(server.put("/a", reply(b"x", headers=(("Content-Encoding", "br"),))))


@pytest.mark.parametrize("fault", [{"cut": 4}, {"cut": 4, "reset": True}, {"length": 20}, {"cut": 3, "chunked": True}])
def test_half_a_page_is_no_page(server: Any, session: Session, reply: Any, cache: Cache, fault: dict[str, Any]) -> None:
    url = server.put("/a", reply(b"0123456789", **fault))
    with pytest.raises(FetchError, match="5 tries"):
        session.get(url)
    assert cache.page(url) is None


@pytest.mark.parametrize("tags", [{"etag": '"1"'}, {"modified": "Mon, 07 Jun 2021 17:00:00 GMT"}, {"etag": 'W/"2"'}])
def test_an_unchanged_page_comes_from_the_cache(
    server: Any, session: Session, reply: Any, cache: Cache, tags: dict[str, str]
) -> None:
    url = server.put("/a", reply(b"old", **tags))
    first = session.get(url)
    second = session.get(url)
    assert (first.cached, second.cached, second.body) == (False, True, b"old")
    assert cache.page(url) is not None
    server.put("/a", reply(b"new", etag='"3"'))
    assert session.get(url).body == b"new"


def test_a_fresh_page_is_not_asked_for(server: Any, cache: Cache, clock: Any) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    url = server.put("/a", b"1", b"2")
    with Session(cache, clock=clock.now, sleep=clock.sleep, now=lambda: start) as session:
        assert session.get(url, fresh_s=60).body == b"1"
        assert session.get(url, fresh_s=60).cached
    for later, body in ((59, b"1"), (-1, b"2"), (61, b"2")):
        moment = start + timedelta(seconds=later)
        with Session(cache, clock=clock.now, sleep=clock.sleep, now=lambda moment=moment: moment) as session:  # type: ignore[misc]
            assert session.get(url, fresh_s=60).body == body


def test_offline_asks_the_cache_alone(server: Any, new_session: Callable[..., Session]) -> None:
    url = server.put("/a", b"x")
    offline = new_session(offline=True)
    with pytest.raises(FetchError, match=r"not in the cache .*without --offline"):
        offline.get(url)
    assert server.asked == []
    new_session().get(url)
    page = offline.get(url)
    assert (page.body, page.cached, len(server.asked)) == (b"x", True, 1)


def test_an_answer_that_was_not_asked_for_is_none(server: Any, session: Session, reply: Any) -> None:
    for status in (206, 304, 416):
        with pytest.raises(FetchError, match="not asked for"):
            session.get(server.put("/a", reply(b"", status=status)))


def test_without_the_library_the_way_to_it_is_told(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx2", None)
    with pytest.raises(Exception, match=r"pip install 'perijove\[fetch\]'"):
        session.get("https://127.0.0.1/")


def test_a_certificate_that_is_not_valid_is_told_at_once(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []

    def refuse(*words: Any, **more: Any) -> None:
        tries.append(words)
        raise httpx2.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed")

    monkeypatch.setattr(httpx2.Client, "stream", refuse)
    with pytest.raises(FetchError, match=r"cannot be trusted.*SSL_CERT_FILE"):
        session.get("https://127.0.0.1/")
    assert len(tries) == 1


def test_threads_take_turns(server: Any, cache: Cache) -> None:
    urls = [server.put(f"/{number}", str(number).encode()) for number in range(16)]
    with Session(cache, conduct=Conduct(pause_s=0.0)) as session, ThreadPoolExecutor(8) as pool:
        assert [page.body for page in pool.map(session.get, urls)] == [str(number).encode() for number in range(16)]
    assert server.most_open == 1
