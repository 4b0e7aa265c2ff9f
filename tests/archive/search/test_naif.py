"""Which kernels an image needs: the newest, the best, and no more of them than cover its time."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perijove.archive.naif import (
    KINDS,
    Choice,
    Covering,
    Kernel,
    Span,
    choose,
    cover,
    kernel_item,
    read_kernels,
    span_of,
)
from perijove.archive.sites import NAIF
from perijove.errors import FetchError, UsageError
from perijove.timescale import et_from_utc

DAY = 86400.0


def _span(start: str, stop: str) -> Span:
    return span_of(et_from_utc(start), et_from_utc(stop))


def _choose(spk: list[str], ck: list[str], start: str, stop: str, **changes: Any) -> Choice:
    listed = {"spk": tuple(Kernel("spk", one, 1) for one in spk), "ck": tuple(Kernel("ck", one, 1) for one in ck)}
    return choose(listed, _span(start, stop), **changes)


def _moving(choice: Choice) -> list[str]:
    return [one.name for one in choice.kernels]


def _gaps(choice: Choice) -> list[str]:
    return [one for one in choice.gaps if "cover" in one]


SPK = "juno_rec_210513_210630_210707.bsp"
CK = "juno_sc_rec_210606_210612_v01.bc"


def test_a_span_has_a_margin() -> None:
    span = _span("2000-01-02T00:00:00", "2000-01-02T00:00:01")
    assert span == Span(DAY - 60, DAY + 61)
    assert span.words == "2000-01-01T23:59 to 2000-01-02T00:01"
    # the leap second of 2016 moves nothing that matters
    assert _span("2016-12-31T23:59:60", "2017-01-01T00:00:00").stop_s - 60 == 6210 * DAY
    with pytest.raises(UsageError, match="backwards"):
        span_of(1.0, 0.0)


def test_folders_are_read(session: Any, archives: Any) -> None:
    archives.kernels()
    listed = read_kernels(session, archives.sites.naif, KINDS)
    assert set(listed) == set(KINDS)
    assert Kernel("spk", "juno_rec_orbit.bsp", 129 << 20) in listed["spk"]


def test_the_newest_of_what_serves_all_times(session: Any, archives: Any) -> None:
    archives.kernels()
    listed = read_kernels(session, archives.sites.naif, KINDS)
    choice = choose(listed, _span("2021-06-07T16:30", "2021-06-07T17:25"))
    assert _moving(choice) == [
        "naif0012.tls", "pck00010.tpc", "juno_v12.tf", "juno_junocam_v03.ti", "jno_sclkscet_00100.tsc", SPK, CK,
    ]  # fmt: skip
    assert choice.gaps == choice.notes == ()


def test_an_empty_folder_or_another_page_is_refused(session: Any, archives: Any, server: Any) -> None:
    server.put("/naif/lsk/", b"<html>Moved</html>")
    with pytest.raises(FetchError, match="page has changed"):
        read_kernels(session, archives.sites.naif, ["lsk"])


def test_a_kind_that_is_missing_is_a_gap() -> None:
    choice = _choose([SPK], [CK], "2021-06-07T16:30", "2021-06-07T17:25")
    assert choice.gaps == tuple(f"no {kind} kernel is there" for kind in ("lsk", "pck", "fk", "ik", "sclk"))
    assert "moons" in _choose([SPK], [CK], "2021-06-07T16:30", "2021-06-07T17:25", moons=True).gaps[-1]


def test_reconstructed_before_predicted_and_later_before_earlier() -> None:
    spk = ["spk_pre_210501_210901_210901_jm0340.bsp", "juno_rec_210513_210630_210701.bsp", SPK, "juno_rec_orbit.bsp"]
    ck = ["juno_sc_prl_210501_210901_jm0340a_v09.bc", "juno_sc_raw_210606_210612_v01.bc", CK.replace("v01", "v02"), CK]
    choice = _choose(spk, ck, "2021-06-07T16:30", "2021-06-07T17:25")
    assert _moving(choice) == [SPK, CK.replace("v01", "v02")]
    assert choice.notes == ()


def test_predicted_ones_fill_what_reconstructed_ones_leave() -> None:
    spk = ["spk_rec_220728_220909_220913.bsp", "spk_pre_220614_221109_220810_jm0450.bsp"]
    ck = ["juno_sc_rec_220904_220910_v01.bc", "juno_sc_rec_220911_220917_v01.bc"]
    choice = _choose(spk, ck, "2022-09-08T00:00", "2022-09-12T00:00")
    # what is loaded last counts
    assert _moving(choice) == ["spk_pre_220614_221109_220810_jm0450.bsp", "spk_rec_220728_220909_220913.bsp", *ck]
    assert any("spk_pre_220614" in note and "is predicted" in note for note in choice.notes)
    assert _gaps(choice) == []


def test_on_the_day_where_two_trajectories_meet_both_are_taken() -> None:
    spk = [
        "juno_rec_201205_210127_210210.bsp",
        "juno_rec_210127_210321_210329.bsp",
        "juno_rec_210321_210512_210601.bsp",
    ]
    ck = ["juno_sc_rec_210124_210130_v01.bc"]
    choice = _choose(spk, ck, "2021-01-27T11:00", "2021-01-27T13:00")
    assert _moving(choice) == [*spk[:2], *ck]
    assert choice.notes == ()
    # the day after, one is enough
    assert _moving(_choose(spk, ck, "2021-01-28T11:00", "2021-01-28T13:00")) == [spk[1], *ck]


def test_the_first_day_of_a_trajectory_alone_may_not_be_covered() -> None:
    choice = _choose([SPK], ["juno_sc_rec_210509_210515_v01.bc"], "2021-05-13T01:00", "2021-05-13T02:00")
    assert _moving(choice)[0] == SPK
    assert choice.notes == (f"{SPK} may not reach over the whole of its first or last day",)


def test_gaps_are_told_with_their_times() -> None:
    choice = _choose([SPK], ["juno_sc_rec_210606_210606_v01.bc"], "2021-06-06T12:00", "2021-06-08T12:00")
    assert _gaps(choice) == ["no kernel covers the attitude from 2021-06-07T00:00 to 2021-06-08T12:01"]
    choice = _choose([], [CK], "2021-06-07T12:00", "2021-06-07T13:00")
    assert _gaps(choice) == ["no kernel covers the trajectory from 2021-06-07T11:59 to 2021-06-07T13:01"]


def test_the_moons_newest_and_smallest_ephemeris() -> None:
    listed = {"spk": tuple(Kernel("spk", *one) for one in (("jup310.bsp", 9), ("jup380.bsp", 8), ("jup380s.bsp", 2)))}
    choice = choose(listed, _span("2021-06-07T12:00", "2021-06-07T13:00"), moons=True)
    assert [one.name for one in choice.kernels] == ["jup380s.bsp"]
    assert "large" in choice.notes[0]


@pytest.mark.parametrize(
    "name", ["juno_rec_219913_210630_210707.bsp", "juno_rec_210630_210513_1.bsp", "x.bsp", SPK + ".lbl"]
)
def test_names_that_tell_no_time_are_left_out(name: str) -> None:
    assert _gaps(_choose([name], [CK], "2021-06-07T12:00", "2021-06-07T13:00")) != []


def _way(rank: int, start: int, stop: int, name: str) -> Covering:
    span = Span(start * DAY, stop * DAY)
    return Covering(Kernel("ck", name, None), span, span, rank, name)


@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 12), st.integers(1, 6)), max_size=7),
    st.integers(0, 12),
    st.integers(1, 8),
)
def test_as_few_as_cover(given_ways: list[tuple[int, int, int]], start: int, length: int) -> None:
    ways = [_way(rank, at, at + days, f"k{i}") for i, (rank, at, days) in enumerate(given_ways)]
    chosen, left, edges = cover(ways, Span(start * DAY, (start + length) * DAY))
    wanted = set(range(start, start + length))

    def days(one: Covering) -> set[int]:
        return set(range(round(one.sure.start_s / DAY), round(one.sure.stop_s / DAY))) & wanted

    every = set().union(*map(days, ways)) if ways else set()
    assert set().union(*map(days, chosen)) == every
    uncovered = {day for part in left for day in range(round(part.start_s / DAY), round(part.stop_s / DAY))}
    assert uncovered == wanted - every
    assert edges == []
    # of the best sort no smaller set covers the same days (all subsets tried)
    best = [one for one in ways if one.rank == 0]
    target = set().union(*map(days, best)) if best else set()
    fewest = min(
        bits.bit_count()
        for bits in range(1 << len(best))
        if set().union(*(days(one) for i, one in enumerate(best) if bits >> i & 1)) == target
    )
    assert sum(one.rank == 0 for one in chosen) == fewest


def test_item() -> None:
    item = kernel_item(NAIF, Kernel("ck", CK, 1 << 20))
    assert item.url == f"https://naif.jpl.nasa.gov/pub/naif/JUNO/kernels/ck/{CK}"
    assert (item.name, item.size) == (f"naif/ck/{CK}", None)
