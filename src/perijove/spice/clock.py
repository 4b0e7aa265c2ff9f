"""The spacecraft's clock: counts to ET and back, and our own text SCLK kernel where NAIF's is not at hand.

Juno's standard clock, NAIF's -61, counts seconds and ticks of 1/256 s; frame kernels tie the spacecraft's attitude to
it, so every CK is read through it. The kernel written here is of SCLK type 1 (NAIF's "SCLK Required Reading") in TDB.
While a strip is taken its rate is exactly 1 and its numbers are short binary fractions, so that going from ET to ticks
and back costs not even the last bit; what the clock gains against ET is made up for between the strips.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perijove.errors import SpiceError, UsageError
from perijove.spice.toolkit import toolkit
from perijove.timescale import utc_from_et

FloatArray = NDArray[np.float64]
Ticks = Callable[[FloatArray], FloatArray]
"""Encoded clock (n,), ticks with fractions, at ET (n,)."""

CLOCK_ID = -61
TICKS_PER_S = 256
NOMINAL_ET, NOMINAL_COUNT_S = 714014238.838, 714014582.926
NOMINAL_RATE, RATE_SIGMA = 1.0 - 1.2542e-6, 1e-7
"""An ET and the clock then, and seconds of ET for one of the clock: from labels of 2017-07-11 and 2022-08-17, which
eleven others of 2018 to 2023 meet within 0.8 s. NAIF's correlations of 2016 to 2019 keep this rate to 2e-8."""
READING_SIGMA_S = 0.02
"""START_TIME and count of one label agree so well: different labels come from different correlations."""
BELIEVABLE_S = 5.0
"""A label's count further than this from the line through the others' is a slip."""
_ET_STEPS = 1 << 16
_LAST_TICK = 1 << 40
_CLOCK_TABLE, _LEAP_TABLE = b"SCLK01_COEFFICIENTS_61 ", b"DELTET/DELTA_AT"
_LONGEST_TEXT = 1 << 22
_COUNT = re.compile(r"(?:[0-9]{1,4}/)?(?P<seconds>[0-9]{1,10})(?:[:.](?P<ticks>[0-9]{1,3}))?")


@dataclass(frozen=True)
class Reading:
    """What the clock showed, `count_s` (seconds and 256ths), at `et`."""

    count_s: float
    et: float


@dataclass(frozen=True)
class Span:
    """A stretch of ET from `first` to `last` in which the clock shall be exact, and a reading in it."""

    first: float
    last: float
    reading: Reading | None = None


@dataclass(frozen=True)
class Clock:
    """A piecewise linear clock: from `tick` (n,) at `et` (n,) on, `rate` (n,) seconds of ET pass in 256 ticks.

    `read` tells whether it stands on counts in labels; else it is nominal, good to a second.
    """

    tick: FloatArray
    et: FloatArray
    rate: FloatArray
    read: bool

    def ticks(self, et: ArrayLike) -> FloatArray:
        """Encoded clock, ticks with fractions, of the shape of ET; as the toolkit reckons it by the kernel."""
        t = np.asarray(et, dtype=float)
        k = np.maximum(np.searchsorted(self.et, t, side="right") - 1, 0)
        out: FloatArray = self.tick[k] + (t - self.et[k]) / (self.rate[k] / TICKS_PER_S)
        return out

    def at(self, count_s: float) -> float:
        """ET at which the clock shows `count_s`."""
        tick = count_s * TICKS_PER_S
        k = max(int(np.searchsorted(self.tick, tick, side="right")) - 1, 0)
        return float(self.et[k] + self.rate[k] / TICKS_PER_S * (tick - self.tick[k]))


def count_seconds(text: str | None) -> float | None:
    """Seconds of a count such as 714014582:237, with or without the number of a partition; None for anything else."""
    match = _COUNT.fullmatch(text.strip()) if text else None
    if match is None:
        return None
    seconds, ticks = int(match["seconds"]), int(match["ticks"] or 0)
    return seconds + ticks / TICKS_PER_S if ticks < TICKS_PER_S else None


def make_clock(spans: Sequence[Span], readings: Sequence[Reading] = ()) -> Clock:
    """The clock of one pass: exact in each span, and elsewhere by one rate and offset, the least squares' of all.

    `spans` in the order of time, without overlap; `readings` are further ones, of labels without a strip. A span with a
    reading meets it to 8 us, others the line. Raises UsageError where there is no span.
    """
    if not spans:
        raise UsageError("a clock needs at least one strip: give a solved one")
    line = _line([*readings, *(s.reading for s in spans if s.reading is not None)])
    pieces: list[tuple[float, float, float]] = []
    for span in spans:
        tick, et = _anchor(span, line)
        ahead = np.floor((span.first - et) * TICKS_PER_S)
        behind = np.ceil((span.last - et) * TICKS_PER_S)
        begin, end = (tick + ahead, et + ahead / TICKS_PER_S), (tick + behind, et + behind / TICKS_PER_S)
        if pieces and (begin[0] <= pieces[-1][0] or begin[1] <= pieces[-1][1]):
            # no room to change the offset in: the earlier one goes on
            last = pieces[-1]
            more = np.ceil((end[1] - last[1]) * TICKS_PER_S)
            pieces[-1] = (last[0] + more, last[1] + more / TICKS_PER_S, line.rate)
            continue
        if pieces:
            last = pieces[-1]
            pieces[-1] = (*last[:2], (begin[1] - last[1]) / (begin[0] - last[0]) * TICKS_PER_S)
        pieces += [(*begin, 1.0), (*end, line.rate)]
    zero = _short(pieces[0][1] - pieces[0][0] / TICKS_PER_S * line.rate)
    since = (pieces[0][1] - zero) / pieces[0][0] * TICKS_PER_S
    tick_, et_, rate = np.array([(0.0, zero, since), *pieces]).T
    return Clock(tick_, et_, rate, line.read)


@dataclass(frozen=True)
class _Line:
    """A clock of constant `rate` (s of ET a second) that shows `count_s` at `et`."""

    count_s: float
    et: float
    rate: float
    read: bool

    def at(self, count_s: float) -> float:
        return self.et + self.rate * (count_s - self.count_s)

    def count(self, et: float) -> float:
        return self.count_s + (et - self.et) / self.rate


def _line(readings: Sequence[Reading]) -> _Line:
    """Offset and rate by least squares, the rate with what is known of it; readings that are slips are left out."""
    nominal = _Line(NOMINAL_COUNT_S, NOMINAL_ET, NOMINAL_RATE, read=False)
    if not readings:
        return nominal
    count = np.array([r.count_s for r in readings])
    excess = np.array([r.et - nominal.at(r.count_s) for r in readings])
    keep = np.abs(excess - np.median(excess)) < BELIEVABLE_S
    middle = float(np.mean(count[keep]))
    # by the nominal clock nearly all is said: what is left is small, and free of rounding
    rows = np.stack([np.ones(keep.sum()), count[keep] - middle], axis=-1) / READING_SIGMA_S
    rows = np.vstack([rows, [0.0, 1.0 / RATE_SIGMA]])
    offset, slope = np.linalg.lstsq(rows, np.append(excess[keep] / READING_SIGMA_S, 0.0), rcond=None)[0]
    return _Line(middle, nominal.at(middle) + float(offset), NOMINAL_RATE + float(slope), read=True)


def _anchor(span: Span, line: _Line) -> tuple[float, float]:
    """A whole tick and the ET, a short binary fraction, at which it falls in a span."""
    reading = span.reading
    if reading is not None and abs(reading.et - line.at(reading.count_s)) < BELIEVABLE_S:
        tick = round(reading.count_s * TICKS_PER_S)
        return float(tick), _short(reading.et + tick / TICKS_PER_S - reading.count_s)
    tick = round(line.count(0.5 * (span.first + span.last)) * TICKS_PER_S)
    return float(tick), _short(line.at(tick / TICKS_PER_S))


def _short(et: float) -> float:
    """ET to 1/65536 s: few enough digits for text to hold it, and sums with ticks of it, exactly."""
    return round(et * _ET_STEPS) / _ET_STEPS


def sclk_text(clock: Clock, origin_text: Sequence[str]) -> str:
    """A text SCLK kernel; `origin_text` are the lines that say where it comes from, ASCII."""
    records = "\n".join(
        f"    {tick:.0f}   {et:.16f}   {rate:.17f}"
        for tick, et, rate in zip(clock.tick, clock.et, clock.rate, strict=True)
    )
    made = utc_from_et(float(clock.et[1])).replace("T", "/")
    comments = "\n".join(origin_text)
    return f"""KPL/SCLK

{comments}

\\begindata

SCLK_KERNEL_ID           = ( @{made} )
SCLK_DATA_TYPE_61        = ( 1 )
SCLK01_TIME_SYSTEM_61    = ( 1 )
SCLK01_N_FIELDS_61       = ( 2 )
SCLK01_MODULI_61         = ( 4294967296 {TICKS_PER_S} )
SCLK01_OFFSETS_61        = ( 0 0 )
SCLK01_OUTPUT_DELIM_61   = ( 2 )
SCLK_PARTITION_START_61  = ( 0 )
SCLK_PARTITION_END_61    = ( {_LAST_TICK - 1} )
SCLK01_COEFFICIENTS_61   = (
{records}
                           )

\\begintext
"""


@dataclass(frozen=True)
class KernelClock:
    """NAIF's clock: the SCLK kernels of Juno, and the leap seconds (LSK) they need."""

    sclk: tuple[Path, ...]
    lsk: tuple[Path, ...]

    @property
    def name(self) -> str:
        """The files of the clock, without their folders."""
        return ", ".join(path.name for path in self.sclk)

    def ticks(self, et: FloatArray) -> FloatArray:
        """Encoded clock (n,), ticks with fractions, at ET (n,). Raises SpiceError for kernels that cannot tell."""
        with _asked([*self.lsk, *self.sclk]) as spice:
            return np.array([spice.sce2c(CLOCK_ID, float(t)) for t in et])

    def at(self, count: str) -> float:
        """ET at which the clock shows a count as labels write it. Raises SpiceError for kernels that cannot tell."""
        with _asked([*self.lsk, *self.sclk]) as spice:
            return float(spice.scs2e(CLOCK_ID, count))


@contextmanager
def _asked(kernels: Sequence[Path]) -> Iterator[ModuleType]:
    """The toolkit with the clock's kernels; what it refuses becomes one sentence with the remedy."""
    try:
        with toolkit(kernels) as spice:
            yield spice
    except SpiceError as error:
        names = ", ".join(str(path) for path in kernels)
        raise SpiceError(
            f"{names}: Juno's clock cannot be had from these ({error}): give an SCLK kernel of Juno "
            "(jno_sclkscet_*.tsc) together with the leap seconds (naif*.tls), or neither"
        ) from error


def kernel_clock(kernels: Sequence[Path]) -> KernelClock | None:
    """The clock in a user's kernels: those of their text files that tell Juno's clock and leap seconds; None where none
    tells the clock. Raises UsageError for a file that cannot be read."""
    texts = {path: _text(path) for path in kernels}
    sclk, lsk = (tuple(path for path, text in texts.items() if table in text) for table in (_CLOCK_TABLE, _LEAP_TABLE))
    return KernelClock(sclk, lsk) if sclk else None


def _text(path: Path) -> bytes:
    """The content of a text kernel, nothing for a binary or encoded one."""
    try:
        with path.open("rb") as file:
            head = file.read(6)
            return b"" if head.startswith((b"DAF", b"DAS", b"NAIF/")) else head + file.read(_LONGEST_TEXT)
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}): check the name and the permissions") from None


__all__ = [
    "CLOCK_ID",
    "TICKS_PER_S",
    "Clock",
    "KernelClock",
    "Reading",
    "Span",
    "Ticks",
    "count_seconds",
    "kernel_clock",
    "make_clock",
    "sclk_text",
]
