"""What `perijove fetch` is asked for, checked before anything is asked of an archive."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from perijove.errors import UsageError
from perijove.timescale import TimeError, et_from_utc

DEFAULT_MAX_SIZE = "4G"
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]{1,7}")
_SHORT = re.compile(r"[0-9]{2,3}[A-Z][0-9]{5}")
_PERIJOVE = re.compile(r"(?:PJ)?([0-9]{1,4})", re.IGNORECASE)


class Source(Enum):
    """Where strips come from."""

    MISSION = "mission"
    PDS = "pds"


class Level(Enum):
    """What the PDS has of an image: as it was sent, or decompanded and scaled."""

    EDR = "edr"
    RDR = "rdr"


class Task(Enum):
    """What there is to be done, as the request comes down to it."""

    NUMBERS = "numbers"
    PRODUCTS = "products"
    GALLERY = "gallery"
    INDEX = "index"
    KERNELS = "kernels"


@dataclass(frozen=True)
class FetchRequest:
    """`perijove fetch`: what, from where, where to, and how; `UsageError` at once for what makes no sense.

    `what` are numbers of the mission's site or product ids; with `kernels` strips, labels or product ids. `start` and
    `stop` are UTC. `max_bytes` is the most that may be downloaded.
    """

    what: tuple[str, ...] = ()
    perijove: int | None = None
    words: tuple[str, ...] = ()
    target: str | None = None
    filters: tuple[str, ...] = ()
    volume: str | None = None
    level: Level | None = None
    source: Source | None = None
    kernels: bool = False
    start: str | None = None
    stop: str | None = None
    moons: bool = False
    output: Path | None = None
    cache: Path | None = None
    offline: bool = False
    refresh: bool = False
    dry_run: bool = False
    limit: int | None = None
    labels_only: bool = False
    unpack: bool = True
    overwrite: bool = False
    max_bytes: int = 4 << 30
    quiet: bool = False
    json: bool = False

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        task = self.task
        if self.output is None and not self.dry_run:
            raise UsageError("say where the files go: -o DIR; --dry-run tells what would be downloaded")
        if self.offline and self.refresh:
            raise UsageError("--offline asks no archive, --refresh does: give one of them")
        if self.limit is not None and self.limit < 1:
            raise UsageError(f"--limit {self.limit} leaves nothing: give a number from 1")
        if self.perijove is not None and not 0 <= self.perijove <= 999:
            raise UsageError(f"--perijove {self.perijove} is no perijove: give a number from 0")
        if self.filters:
            self._check_filters()
        if self.target is not None:
            _check_target(self.target)
        if task is Task.KERNELS:
            self._check_kernels()
            if self.labels_only:
                raise UsageError("--labels-only is for strips: kernels have no labels")
        elif self.moons:
            raise UsageError("--moons goes with --kernels")
        if task in (Task.NUMBERS, Task.PRODUCTS, Task.KERNELS):
            self._check_no_search(task)
        if task is Task.PRODUCTS and self.source is Source.MISSION:
            self._check_whole_ids()
        if task is Task.PRODUCTS and self.source is Source.MISSION and self.level is not None:
            raise UsageError("--level goes with --source pds: the mission's site has strips as they were sent alone")
        if task is Task.NUMBERS and (self.source is Source.PDS or self.level is not None):
            raise UsageError("numbers are those of the mission's site: give product ids for the PDS")
        if task is Task.GALLERY:
            if self.volume is not None or self.level is not None:
                raise UsageError("--volume and --level go with --source pds")
            if self.perijove is None and self.limit is None:
                raise UsageError("the gallery of all perijoves is long: give --perijove, or --limit")
        if task is Task.INDEX and self.perijove is None and self.volume is None:
            raise UsageError("searching the PDS needs --perijove or --volume")

    def _check_filters(self) -> None:
        # imported here, as numpy comes with it
        from perijove.instrument import Filter

        known = {one.name for one in Filter}
        for name in self.filters:
            if name.upper() not in known:
                raise UsageError(f"--filter {name[:40]} is none of JunoCam's: {', '.join(sorted(known)).lower()}")

    @property
    def task(self) -> Task:
        """What the request comes down to; UsageError where it comes down to nothing or to several things."""
        if self.kernels or self.start is not None or self.stop is not None:
            return Task.KERNELS
        if self.what:
            if all(_NUMBER.fullmatch(one) for one in self.what):
                return Task.NUMBERS
            for one in self.what:
                if not (is_product(one) or _NUMBER.fullmatch(one)):
                    raise UsageError(
                        f"{one[:60]!r} is neither a number of the mission's site such as 13639 nor a product id such "
                        "as JNCE_2021158_34C00002_V01 or 34C00002: correct it"
                    )
            if not all(is_product(one) for one in self.what):
                raise UsageError(
                    "numbers (13639) and product ids (JNCE_...) come from different archives: ask for the one sort, "
                    "then for the other"
                )
            return Task.PRODUCTS
        if self.volume is not None or self.level is not None or self.source is Source.PDS:
            return Task.INDEX if self.source is not Source.MISSION else Task.GALLERY
        if self.perijove is None and not self.words and self.target is None and not self.filters:
            raise UsageError("say what to fetch: numbers, product ids, --perijove N, or --kernels; see --help")
        return Task.GALLERY

    @property
    def products(self) -> tuple[str, ...]:
        """The product ids among what is asked for, upper case."""
        return tuple(one.upper() for one in self.what)

    def _check_kernels(self) -> None:
        if (self.start is None) != (self.stop is None):
            raise UsageError("give both --from and --to, or neither")
        if self.what and self.start is not None:
            raise UsageError(
                f"--from and --to ask for the kernels of a time, {self.what[0][:60]} for those of an image: give the "
                "one or the other; --kernels WHAT alone takes the image's own time"
            )
        if self.start is not None and self.stop is not None:
            if _told_et("--to", self.stop) < _told_et("--from", self.start):
                raise UsageError(f"--to {self.stop} lies before --from {self.start}: swap them")
        elif not self.what:
            raise UsageError("say for which time: perijove fetch --kernels STRIP, or --from UTC --to UTC")
        if self.source is not None or self.level is not None:
            raise UsageError("--source and --level are for strips: kernels come from NAIF")

    def _check_whole_ids(self) -> None:
        for one in self.products:
            if not one.startswith("JNCE_"):
                raise UsageError(f"the mission's site knows no {one}: give the whole id of a raw product, JNCE_...")

    def _check_no_search(self, task: Task) -> None:
        given = {
            "--perijove": self.perijove is not None,
            "--title": bool(self.words),
            "--target": self.target is not None,
            "--filter": bool(self.filters),
            "--volume": self.volume is not None and (task is not Task.PRODUCTS or self.source is Source.MISSION),
            "--limit": self.limit is not None,
        }
        for option, there in given.items():
            if there:
                what = "kernels" if task is Task.KERNELS else "what is named by number or id"
                raise UsageError(f"{option} is for searching strips, not for {what}: leave it out")


def _check_target(name: str) -> None:
    """`UsageError` for a target that no label names."""
    from perijove.bodies import BODIES

    # what is solved here, and what was passed on the way to Jupiter
    known = (*BODIES, "EARTH", "MOON")
    if name.upper() not in known:
        raise UsageError(f"--target {name[:40]} is not known: give one of {', '.join(known).lower()}, or --title WORDS")


def _told_et(option: str, utc: str) -> float:
    """The ET of an option's UTC; `UsageError` that names the option where it is none."""
    try:
        return et_from_utc(utc)
    except TimeError:
        raise UsageError(f"{option} {utc[:60]!r} is no time: write UTC as 2021-06-07T16:58:04") from None


def parse_perijove(text: str) -> int:
    """The number of a perijove, written as 34 or PJ34; `UsageError` for anything else."""
    match = _PERIJOVE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"--perijove {text[:40]!r} is no number of a perijove: give one such as 34")
    return int(match[1])


def is_product(text: str) -> bool:
    """Whether a text is a product id, whole or short, in any case."""
    from perijove.label import parse_product_id

    return parse_product_id(text.upper()) is not None or _SHORT.fullmatch(text.upper()) is not None


def parse_size(text: str) -> int:
    """Bytes of a size such as 500M, 4G or 1.5GiB (units of 1024); `UsageError` for anything else."""
    match = _SIZE.fullmatch(text.strip())
    size = 0 if match is None else float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " ")
    if not 1 <= size < 1 << 50:
        raise UsageError(f"--max-size {text[:40]!r} is no size: write 500M or 4G")
    return int(size)


def size_words(count: float) -> str:
    """A number of bytes in words, such as 2.1 MB (units of 1024)."""
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TB"
