"""Which of a user's kernels an image needs, and in which order SPICE must have them.

SPICE takes the last loaded of several kernels that tell the same. So among files and folders what was reconstructed
comes after what was predicted, and of each the newest last; a meta-kernel's own order stands.
"""

from __future__ import annotations

import math
import os
import re
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

from perijove.bodies import BODIES
from perijove.errors import PerijoveError, SpiceError
from perijove.spice.checks import check_kernel
from perijove.spice.kernel import CAMERA, JUNO, SPACECRAFT, Kernel, Segment, recognise
from perijove.spice.metakernel import is_meta, named_in
from perijove.spice.toolkit import toolkit
from perijove.timescale import utc_from_et

Spans = tuple[tuple[float, float], ...]
"""Stretches of time (start, stop), ET, apart and in order."""

PLACES = frozenset({0, 3, 5, 10, 399, 599, JUNO, *(body.naif_id for body in BODIES.values())})
"""Bodies whose SPK segments lead from Juno to Jupiter and its moons."""
TURNS = frozenset({SPACECRAFT, CAMERA})
_TEXT_ORDER = ("LSK", "PCK", "FK", "IK", "SCLK")
_NAIF_CLOCK = "jno_sclkscet"
_TABLES = {"LSK": "DELTET/DELTA_AT", "SCLK": "SCLK01_COEFFICIENTS_61"}
_TIME_SYSTEM, _TDB = "SCLK01_TIME_SYSTEM_61", 1.0
_RANK = {"predicted": 0, "reconstructed": 1, "": 2, "solved": 3}
_DEEPEST = 8


class _Store:
    """A folder for decoded kernels that goes when the last who needs it is gone."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="perijove-kernels-"))
        self._number = 0
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)

    def place(self, _: Path) -> Path:
        self._number += 1
        return self.folder / f"{self._number}.bin"


@dataclass(frozen=True)
class KernelSet:
    """Kernels in the order in which SPICE loads them; `left_out` are those that were found and are not used."""

    kernels: tuple[Kernel, ...]
    left_out: tuple[Kernel, ...] = ()
    _store: _Store | None = None

    @classmethod
    def find(cls, given: Iterable[Path]) -> KernelSet:
        """All kernels in files, in folders and below, and in meta-kernels that are given by name.

        A folder's meta-kernels are passed over, for the kernels themselves are there. Raises SpiceError for what does
        not exist, is no kernel, or is damaged, and where nothing is found at all.
        """
        given = list(given)
        store = _Store()
        groups: list[list[Kernel]] = [[]]
        for path in given:
            if path.is_dir():
                groups[-1] += _in_folder(path, store)
                continue
            kernel = _recognised(path, store)
            if kernel.kind == "MK":
                groups += [list(_in_meta(kernel, store)), []]
            else:
                groups[-1].append(kernel)
        ordered = [k for n, group in enumerate(groups) for k in (group if n % 2 else sorted(group, key=_precedence))]
        kernels = _each_once(k for k in ordered if k.kind not in ("OTHER", "MK"))
        if not kernels:
            raise SpiceError(f"{', '.join(map(str, given)) or 'nothing'}: no SPICE kernel is there; check the name")
        used = tuple(k for kind in (*_TEXT_ORDER, "SPK", "CK") for k in kernels if k.kind == kind)
        left = tuple(k for k in ordered if k not in used)
        return cls(tuple(_with_reach(k) for k in used), left, store)

    def of_kind(self, *kinds: str) -> tuple[Kernel, ...]:
        """The kernels of some kinds."""
        return tuple(k for k in self.kernels if k.kind in kinds)

    @property
    def names(self) -> tuple[str, ...]:
        """The files' names, in the order of loading."""
        return tuple(k.name for k in self.kernels)

    def load(self, *kinds: str) -> AbstractContextManager[ModuleType]:
        """SPICE with these kernels alone, or with those of some kinds, see `toolkit`."""
        return toolkit([k.binary for k in (self.of_kind(*kinds) if kinds else self.kernels)])

    def covering(self, et0: float, et1: float) -> KernelSet:
        """The kernels that tell something of the time from `et0` to `et1`, checked to be whole.

        Of leap seconds, clocks, and each family of other text kernels (juno_v11.tf, juno_v12.tf) the newest alone.
        Attitudes are all kept where no clock is there to tell their time. Raises SpiceError for a damaged kernel.
        """
        chosen = [k for kind in ("PCK", "FK", "IK") for k in _newest_of_families(self.of_kind(kind))]
        chosen += self.clock_alone().kernels
        chosen += [k for k in self.of_kind("SPK") if _overlaps(k.segments, PLACES, et0, et1)]
        ticks = self._ticks(et0, et1)
        chosen += [k for k in self.of_kind("CK") if ticks is None or _overlaps(k.segments, TURNS, *ticks)]
        for kernel in chosen:
            if kernel.segments:
                check_kernel(kernel.path, kernel.binary, PLACES | TURNS)
        kept = tuple(k for k in self.kernels if k in chosen)
        left = tuple(k for k in self.kernels if k not in chosen)
        return replace(self, kernels=kept, left_out=(*self.left_out, *left))

    def clock(self) -> Kernel | None:
        """The SCLK kernel that is used: one that is not NAIF's if there is one, else the one that reaches furthest."""
        return _latest(self.of_kind("SCLK"))

    def position_spans(self) -> Spans:
        """When an SPK tells where Juno was."""
        return merged((s.start, s.stop) for k in self.of_kind("SPK") for s in k.segments if s.target == JUNO)

    def attitude_spans(self) -> Spans:
        """When a CK tells how Juno turned, its gaps within a segment apart; nothing without a clock."""
        if not self._tells_time():
            return ()
        ticks = [(s.start, s.stop) for k in self.of_kind("CK") for s in k.segments if s.target in TURNS]
        with self.clock_alone().load() as spice:
            return merged((spice.sct2e(JUNO, a), spice.sct2e(JUNO, b)) for a, b in ticks)

    def need_clock(self) -> None:
        """Raises SpiceError where leap seconds or clock are missing, which the time in a CK is told by."""
        if self.clock() is None:
            raise SpiceError(
                f"{_list(self.names)}: no SCLK kernel of Juno among them, which tells the time of a CK; "
                "give jno_sclkscet_*.tsc"
            )
        if not self._tells_time():
            raise SpiceError(f"{_list(self.names)}: no leap seconds (LSK) among them; give naif0012.tls or a newer one")

    def _tells_time(self) -> bool:
        """Whether clock and, where it counts in TT, leap seconds are there."""
        clock = self.clock()
        return clock is not None and (not clock.leaps or bool(self.of_kind("LSK")))

    def clock_alone(self) -> KernelSet:
        """Leap seconds and clock, those that are used."""
        both = (_latest(self.of_kind("LSK")), self.clock())
        return replace(self, kernels=tuple(k for k in both if k is not None), left_out=())

    def _ticks(self, et0: float, et1: float) -> tuple[float, float] | None:
        """The clock at two times, beyond all attitudes where it does not know them; None where no clock is there."""
        if not self._tells_time() or not self.of_kind("CK"):
            return None
        try:
            with self.clock_alone().load() as spice:
                return spice.sce2c(JUNO, et0), spice.sce2c(JUNO, et1)
        except SpiceError:
            return math.inf, math.inf


def merged(spans: Iterable[tuple[float, float]]) -> Spans:
    """The union of stretches of time."""
    out: list[tuple[float, float]] = []
    for start, stop in sorted(spans):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(stop, out[-1][1]))
        else:
            out.append((start, stop))
    return tuple(out)


def told(spans: Spans) -> str:
    """Stretches of time in words, for a message: UTC, the first and the last few of many."""
    texts = [f"{_utc(a)} to {_utc(b)}" for a, b in spans]
    if len(texts) > 6:
        texts = [*texts[:3], f"{len(texts) - 6} more", *texts[-3:]]
    return "; ".join(texts) or "nothing"


def _utc(et: float) -> str:
    try:
        return utc_from_et(et)[:19]
    except PerijoveError:
        return f"ET {et:.0f}"


def _recognised(path: Path, store: _Store) -> Kernel:
    kernel = recognise(path, store.place)
    if kernel is None:
        with path.open("rb") as file:
            head = file.read(16)
        raise SpiceError(f"{path}: not a SPICE kernel (it begins with {head!r}); leave it out or download it again")
    return Kernel(path, path, "MK") if is_meta(kernel) else kernel


def _in_folder(folder: Path, store: _Store) -> list[Kernel]:
    """The kernels in a folder and below; what is no kernel is passed over."""

    def refuse(error: OSError) -> None:
        raise SpiceError(f"{error.filename}: cannot be read ({error.strerror}); check the permissions")

    found: list[Kernel] = []
    for root, folders, files in os.walk(folder, onerror=refuse):
        folders.sort()
        for path in (Path(root) / name for name in sorted(files)):
            kernel = recognise(path, store.place) if path.is_file() else None
            if kernel is not None:
                found.append(Kernel(path, path, "MK") if is_meta(kernel) else kernel)
    return found


def _in_meta(kernel: Kernel, store: _Store, depth: int = 0) -> Iterator[Kernel]:
    """The kernels that a meta-kernel names, in its order."""
    if depth == _DEEPEST:
        raise SpiceError(f"{kernel.path}: meta-kernels within meta-kernels, {depth} deep; name the kernels themselves")
    for path in named_in(kernel.path):
        inner = _recognised(path, store)
        if inner.kind == "MK":
            yield from _in_meta(inner, store, depth + 1)
        else:
            yield inner


def _precedence(kernel: Kernel) -> tuple[int, str, tuple[int, ...], str]:
    """Sorts what is to win last: origin, the date of making (the third in NAIF's names), other numbers, name."""
    name = kernel.path.stem.lower()
    dates = re.findall(r"(?<!\d)\d{6}(?!\d)", name)
    return _RANK[kernel.origin], dates[2] if len(dates) > 2 else "", _numbers(name), name


def _numbers(name: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d+", name))


def _each_once(kernels: Iterable[Kernel]) -> list[Kernel]:
    """Each file at its last place."""
    last = {k.path.resolve(): k for k in kernels}
    return list(dict(reversed(list(last.items()))).values())[::-1]


def _newest_of_families(kernels: tuple[Kernel, ...]) -> list[Kernel]:
    """Of kernels whose names differ by numbers alone, the one with the highest."""
    newest: dict[str, Kernel] = {}
    for kernel in sorted(kernels, key=lambda k: _numbers(k.path.stem)):
        newest[re.sub(r"[\d._-]+", "#", kernel.path.stem.lower())] = kernel
    return list(newest.values())


def _latest(kernels: tuple[Kernel, ...]) -> Kernel | None:
    """The kernel whose table ends last, one that is not NAIF's first; the later loaded where two end alike."""
    known = [k for k in kernels if k.reach > -math.inf]
    return max(reversed(known), key=lambda k: (not k.name.lower().startswith(_NAIF_CLOCK), k.reach), default=None)


def _with_reach(kernel: Kernel) -> Kernel:
    """Leap seconds and clocks of Juno with the time at which their table ends, other kernels as they are."""
    table = _TABLES.get(kernel.kind)
    if table is None:
        return kernel
    with toolkit([kernel.binary]) as spice, spice.no_found_check():
        count, kind, found = spice.dtpool(table)
        if not found or kind != "N":
            return kernel
        reach = float(spice.gdpool(table, max(0, int(count) - 3), 3)[0][0])
        system, told = spice.gdpool(_TIME_SYSTEM, 0, 1)
        return replace(kernel, reach=reach, leaps=not (told and system[0] == _TDB))


def _overlaps(segments: tuple[Segment, ...], targets: frozenset[int], start: float, stop: float) -> bool:
    return any(s.target in targets and s.start <= stop and start <= s.stop for s in segments)


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names[:4]) + (" ..." if len(names) > 4 else "")


__all__ = ["KernelSet", "Spans", "merged", "told"]
