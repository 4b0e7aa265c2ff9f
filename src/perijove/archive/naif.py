"""NAIF's folders of Juno kernels: the smallest set of files that an image needs, chosen by their names.

The names tell what a kernel covers: ``spk_rec_220909_221019_221027.bsp`` is a reconstructed trajectory of
2022-09-09 to 2022-10-19 released on 2022-10-27, ``juno_sc_rec_220925_221001_v01.bc`` an attitude of 2022-09-25 to
2022-10-01. Trajectories begin and end within the days they name (measured: 2017-01-06T12:58 to 2017-02-28T18:03 for
one named 170106_170228), attitudes are whole days. The scheme is NAIF's juno_kernel_naming.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from perijove.archive.cache import safe_name
from perijove.archive.download import Item
from perijove.archive.http import Session
from perijove.archive.pages import changed, read_listing
from perijove.archive.sites import Site
from perijove.errors import UsageError
from perijove.timescale import utc_from_et

KINDS = ("lsk", "pck", "fk", "ik", "sclk", "spk", "ck")
"""The folders that are looked into."""
LISTING_FRESH_S = 3600.0
MARGIN_S = 60.0
"""Kernels are asked to cover so much before and after the times that are given: clocks and light time."""
_DAY_S = 86400.0
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

# of each of these the newest version serves all times
_TIMELESS = {
    "lsk": re.compile(r"naif([0-9]{4})\.tls", re.IGNORECASE),
    "pck": re.compile(r"pck([0-9]{5})\.tpc", re.IGNORECASE),
    "fk": re.compile(r"juno_v([0-9]{2,3})\.tf", re.IGNORECASE),
    "ik": re.compile(r"juno_junocam_v([0-9]{2,3})\.ti", re.IGNORECASE),
    "sclk": re.compile(r"jno_sclkscet[._]([0-9]{5})\.tsc", re.IGNORECASE),
}
_MOONS = re.compile(r"jup([0-9]{3})s?\.bsp", re.IGNORECASE)
# better ones first; the last group orders releases of one coverage
_SPK = tuple(
    re.compile(rf"(?:{name})_([0-9]{{6}})_([0-9]{{6}})(?:_([0-9]{{6}}))?(?:_[a-z0-9]+)?\.bsp", re.IGNORECASE)
    for name in ("(?:spk|juno)_rec", "(?:spk|juno)_pre", "(?:spk|juno)_ref")
)
_CK = tuple(
    re.compile(rf"juno_sc_{name}_([0-9]{{6}})_([0-9]{{6}})(?:_[a-z0-9]+)*?_v([0-9]{{2}})\.bc", re.IGNORECASE)
    for name in ("rec", "raw", "prs", "prl")
)
_QUALITY = {
    "spk": ("reconstructed", "predicted", "reference"),
    "ck": ("reconstructed", "telemetry", "predicted", "predicted"),
}


@dataclass(frozen=True)
class Kernel:
    """One kernel file: its folder (`kind`: lsk, pck, fk, ik, sclk, spk, ck), and the size as the listing rounds it."""

    kind: str
    name: str
    about_bytes: int | None


@dataclass(frozen=True)
class Span:
    """A stretch of time, UTC seconds past 2000-01-01T00:00 without leap seconds."""

    start_s: float
    stop_s: float

    @property
    def words(self) -> str:
        """The stretch in words, to the minute."""
        return " to ".join(
            (_EPOCH + timedelta(seconds=s)).strftime("%Y-%m-%dT%H:%M") for s in (self.start_s, self.stop_s)
        )


@dataclass(frozen=True)
class Covering:
    """A kernel that covers a stretch of time for sure, and perhaps more at both ends.

    `rank` is 0 for the best sort; `release` orders those of one sort and coverage, the newest last.
    """

    kernel: Kernel
    sure: Span
    perhaps: Span
    rank: int
    release: str


@dataclass(frozen=True)
class Choice:
    """The kernels for a stretch of time, in the order in which they should be loaded, and what is to be said of them.

    `gaps` tell which times no trajectory or attitude covers.
    """

    kernels: tuple[Kernel, ...]
    notes: tuple[str, ...]
    gaps: tuple[str, ...]


def span_of(start_et: float, stop_et: float) -> Span:
    """The stretch between two ETs (s), with the margin at both ends; UsageError where it runs backwards."""
    if stop_et < start_et:
        raise UsageError(f"the time runs backwards, from {utc_from_et(start_et)} to {utc_from_et(stop_et)}: swap them")
    first, last = (_seconds(utc_from_et(et)) for et in (start_et, stop_et))
    return Span(first - MARGIN_S, last + MARGIN_S)


def _seconds(utc: str) -> float:
    # second 60 of a leap second is taken for the next one: a second is nothing here
    whole = datetime.fromisoformat(utc[:17] + "00+00:00") + timedelta(seconds=float(utc[17:]))
    return (whole - _EPOCH).total_seconds()


def read_kernels(session: Session, site: Site, kinds: Iterable[str]) -> dict[str, tuple[Kernel, ...]]:
    """The files of the folders of some kinds; `FetchError` where one cannot be had or is no listing."""
    found = {}
    for kind in kinds:
        url = f"{site.url}/{kind}/"
        listed = read_listing(site.page(session, url, fresh_s=LISTING_FRESH_S).text, url)
        found[kind] = tuple(Kernel(kind, one.name, one.about_bytes) for one in listed if not one.folder)
        if not found[kind]:
            raise changed(url, "it lists no files")
    return found


def choose(listed: dict[str, tuple[Kernel, ...]], span: Span, *, moons: bool = False) -> Choice:
    """The smallest set of the listed kernels that serves a stretch of time; with `moons`, an ephemeris of theirs too.

    The newest of each timeless kind; of trajectories and attitudes reconstructed ones before predicted ones, and of
    those as few as cover the stretch. What none covers is told in `gaps`, a kind without any file too.
    """
    kernels: list[Kernel] = []
    notes: list[str] = []
    gaps: list[str] = []
    for kind, pattern in _TIMELESS.items():
        newest = _newest(listed.get(kind, ()), pattern)
        if newest is None:
            gaps.append(f"no {kind} kernel is there")
        else:
            kernels.append(newest)
    if moons:
        moon = _newest(listed.get("spk", ()), _MOONS)
        if moon is None:
            gaps.append("no ephemeris of the moons (jupNNN.bsp) is there")
        else:
            kernels.append(moon)
            notes.append(f"{moon.name} holds the moons of Jupiter for many years: it may be large")
    for kind, patterns in (("spk", _SPK), ("ck", _CK)):
        ways = coverings(listed.get(kind, ()), patterns, whole_days=kind == "ck")
        chosen, left, edges = cover(ways, span)
        # what is loaded last counts: the better sort, and of one sort the later release
        kernels += [one.kernel for one in sorted(chosen, key=lambda one: (-one.rank, one.release))]
        notes += [f"{one.kernel.name} is {_QUALITY[kind][one.rank]}, not reconstructed" for one in chosen if one.rank]
        notes += [f"{one.kernel.name} may not reach over the whole of its first or last day" for one in edges]
        what = "trajectory" if kind == "spk" else "attitude"
        gaps += [f"no kernel covers the {what} from {part.words}" for part in left]
    return Choice(tuple(kernels), tuple(notes), tuple(gaps))


def _newest(kernels: Sequence[Kernel], pattern: re.Pattern[str]) -> Kernel | None:
    """The one with the highest version in its name; of equals the smaller file."""
    versions = [(int(match[1]), kernel) for kernel in kernels if (match := pattern.fullmatch(kernel.name))]
    if not versions:
        return None
    return max(versions, key=lambda one: (one[0], -(one[1].about_bytes or 0), one[1].name))[1]


def coverings(
    kernels: Sequence[Kernel], patterns: Sequence[re.Pattern[str]], *, whole_days: bool
) -> tuple[Covering, ...]:
    """The kernels whose names tell what they cover, by patterns in the order of preference."""
    found = []
    for kernel in kernels:
        for rank, pattern in enumerate(patterns):
            match = pattern.fullmatch(kernel.name)
            days = None if match is None else (_day(match[1]), _day(match[2]))
            if match is None or days is None or days[0] is None or days[1] is None or days[1] < days[0]:
                continue
            perhaps = Span(days[0], days[1] + _DAY_S)
            sure = perhaps if whole_days else Span(days[0] + _DAY_S, days[1])
            found.append(Covering(kernel, sure, perhaps, rank, match[3] or match[1]))
            break
    return tuple(found)


def _day(text: str) -> float | None:
    """Seconds past 2000 of the beginning of a day YYMMDD, None where there is no such day."""
    try:
        day = datetime.strptime(f"20{text}", "%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        return None
    return (day - _EPOCH).total_seconds()


def cover(ways: Sequence[Covering], span: Span) -> tuple[list[Covering], list[Span], list[Covering]]:
    """As few kernels as cover a stretch, what remains uncovered, and those that cover an end of theirs only perhaps.

    Better sorts first: a worse one is taken only for what no better one covers. On the first and last day of a
    kernel, where it covers perhaps, its neighbour of that day is taken too.
    """
    chosen: dict[str, Covering] = {}
    edges: dict[str, Covering] = {}
    left = [span]
    for rank in sorted({one.rank for one in ways}):
        same = [one for one in ways if one.rank == rank]
        left = [rest for part in left for rest in _greedy(same, part, chosen)]
        left = [rest for part in left for rest in _edge_days(same, part, chosen, edges)]
    joined: list[Span] = []
    for part in left:
        if joined and joined[-1].stop_s == part.start_s:
            part = Span(joined.pop().start_s, part.stop_s)
        joined.append(part)
    return list(chosen.values()), joined, list(edges.values())


def _greedy(ways: Sequence[Covering], part: Span, chosen: dict[str, Covering]) -> list[Span]:
    """Cover a stretch from its start, each time with what reaches farthest; the stretches that nothing covers."""
    left, at = [], part.start_s
    while at < part.stop_s:
        here = [one for one in ways if one.sure.start_s <= at < one.sure.stop_s]
        if here:
            best = max(here, key=lambda one: (min(one.sure.stop_s, part.stop_s), one.release, one.kernel.name))
            chosen[best.kernel.name] = best
            at = best.sure.stop_s
            continue
        ahead = min((one.sure.start_s for one in ways if one.sure.start_s > at < one.sure.stop_s), default=part.stop_s)
        ahead = min(ahead, part.stop_s)
        left.append(Span(at, ahead))
        at = ahead
    return left


def _edge_days(
    ways: Sequence[Covering], part: Span, chosen: dict[str, Covering], edges: dict[str, Covering]
) -> list[Span]:
    """Cover a stretch with kernels that may reach into it; the parts that none can reach."""
    left, at = [], part.start_s
    while at < part.stop_s:
        stop = min([part.stop_s, *(s for one in ways for s in (one.perhaps.start_s, one.perhaps.stop_s) if s > at)])
        here = [one for one in ways if one.perhaps.start_s <= at < one.perhaps.stop_s]
        ending = [one for one in here if one.sure.start_s <= at]
        starting = [one for one in here if one.sure.start_s > at]
        both = [max(side, key=lambda one: (one.release, one.kernel.name)) for side in (ending, starting) if side]
        chosen.update({one.kernel.name: one for one in both})
        # the last one's end and the next one's beginning lie on one day and meet there
        if len(both) == 1:
            edges.update({one.kernel.name: one for one in both})
        if not both:
            left.append(Span(at, stop))
        at = stop
    return left


def kernel_item(site: Site, kernel: Kernel) -> Item:
    """The file of a kernel; its folder tells no checksum, and the size only rounded."""
    return Item(
        f"{site.url}/{kernel.kind}/{kernel.name}",
        safe_name("naif", kernel.kind, kernel.name),
        source=site.name,
        hosts=site.hosts,
    )
