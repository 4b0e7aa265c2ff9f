"""UTC and ET: leap seconds and the difference between TDB and TT, as NAIF defines them.

Leap seconds are those announced in IERS Bulletin C, as listed in NAIF's naif0012.tls; the last one took effect on
2017-01-01 and later times keep its count. TDB - TT is NAIF's one-term formula (same file), good to 30 microseconds.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from datetime import date, timedelta

from perijove.errors import PerijoveError

TT_MINUS_TAI_S = 32.184
"""TT - TAI, s, by definition (DELTA_T_A in the leap-second kernel)."""
TDB_K_S = 1.657e-3
TDB_EB = 1.671e-2
TDB_M0 = 6.239996
TDB_M1 = 1.99096871e-7
"""Amplitude (s), eccentricity, mean anomaly (rad) and its rate (rad/s) of TDB - TT (leap-second kernel)."""

_EPOCH = date(2000, 1, 1)
_DAY_S = 86400
_NOON_S = 43200
# the day on which TAI - UTC took its new value; it rose by one each time from 10 s on 1972-01-01
_STEPS = (
    "1972-01-01 1972-07-01 1973-01-01 1974-01-01 1975-01-01 1976-01-01 1977-01-01 1978-01-01 1979-01-01 1980-01-01 "
    "1981-07-01 1982-07-01 1983-07-01 1985-07-01 1988-01-01 1990-01-01 1991-01-01 1992-07-01 1993-07-01 1994-07-01 "
    "1996-01-01 1997-07-01 1999-01-01 2006-01-01 2009-01-01 2012-07-01 2015-07-01 2017-01-01"
)
_STEP_DAYS = tuple((date.fromisoformat(d) - _EPOCH).days for d in _STEPS.split())
_FIRST_TAI_MINUS_UTC = 10

_UTC = re.compile(
    r"\s*(?P<year>[0-9]{4})-(?:(?P<month>[0-9]{2})-(?P<day>[0-9]{2})|(?P<doy>[0-9]{3}))"
    r"[T ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2}(?:\.[0-9]{0,12})?))?\s*Z?\s*"
)


class TimeError(PerijoveError, ValueError):
    """A text that is no UTC time, or an epoch outside the table of leap seconds."""


def et_from_utc(text: str) -> float:
    """ET (TDB seconds past J2000) of a UTC time in ISO form.

    Takes ``YYYY-MM-DDTHH:MM:SS.fff`` and ``YYYY-DDDTHH:MM:SS.fff``, with or without the final Z, fraction or seconds;
    second 60 where a leap second was inserted. Raises `TimeError` for anything else and for years before 1972.
    """
    match = _UTC.fullmatch(text)
    if match is None:
        raise TimeError(
            f"{text[:60]!r} is not a UTC time: write it as 2022-08-17T13:30:00.000 or 2022-229T13:30:00.000"
        )
    days = _day_number(text, match)
    hour, minute, second = int(match["hour"]), int(match["minute"]), float(match["second"] or 0.0)
    leap = hour == 23 and minute == 59 and days + 1 in _STEP_DAYS[1:]
    if hour > 23 or minute > 59 or second >= (61.0 if leap else 60.0):
        raise TimeError(f"{text[:60]!r} is not a UTC time: hours go to 23, minutes and seconds to 59")
    step = bisect_right(_STEP_DAYS, days)
    if step == 0:
        raise TimeError(f"{text[:60]!r} lies before 1972, where UTC had no whole leap seconds: give a later time")
    whole = days * _DAY_S + hour * 3600 + minute * 60 - _NOON_S + _FIRST_TAI_MINUS_UTC + step - 1
    tt = whole + (second + TT_MINUS_TAI_S)
    return tt + _tdb_minus_tt(tt)


def utc_from_et(et: float) -> str:
    """UTC ``YYYY-MM-DDTHH:MM:SS.mmm`` of an ET, rounded to the nearest millisecond; second 60 inside a leap second.

    Raises `TimeError` where ET is not finite or outside the years 1972 to 9999.
    """
    if not math.isfinite(et):
        raise TimeError(f"ET {et} is not a time: a finite number of seconds past J2000 is needed")
    tt = et
    for _ in range(3):  # the term changes by 3e-10 of itself a second, so this ends at rounding
        tt = et - _tdb_minus_tt(tt)
    tai_ms = round((tt - TT_MINUS_TAI_S) * 1000.0) + _NOON_S * 1000
    starts = [(day * _DAY_S + _FIRST_TAI_MINUS_UTC + i) * 1000 for i, day in enumerate(_STEP_DAYS)]
    step = bisect_right(starts, tai_ms)
    if step == 0:
        raise TimeError(f"ET {et} lies before 1972, where UTC had no whole leap seconds: give a later time")
    days, ms = divmod(tai_ms - (_FIRST_TAI_MINUS_UTC + step - 1) * 1000, _DAY_S * 1000)
    extra = 0
    if step < len(starts) and tai_ms >= starts[step] - 1000:
        days, ms, extra = days - 1, _DAY_S * 1000 - 1000 + ms, 1  # the inserted second belongs to the day that ends
    try:
        day = _EPOCH + timedelta(days=days)
    except OverflowError:
        raise TimeError(f"ET {et} lies after the year 9999: give a nearer time") from None
    second, ms = divmod(ms, 1000)
    minute, second = divmod(second, 60)
    return f"{day.isoformat()}T{minute // 60:02d}:{minute % 60:02d}:{second + extra:02d}.{ms:03d}"


def _day_number(text: str, match: re.Match[str]) -> int:
    """Days from 2000-01-01 to the calendar day or day of year that was matched."""
    try:
        if match["doy"] is None:
            return (date(int(match["year"]), int(match["month"]), int(match["day"])) - _EPOCH).days
        day = date(int(match["year"]), 1, 1) + timedelta(days=int(match["doy"]) - 1)
    except (ValueError, OverflowError):
        raise TimeError(f"{text[:60]!r} names a day that does not exist: check year, month and day") from None
    if day.year != int(match["year"]):
        raise TimeError(f"{text[:60]!r} names a day of year that does not exist: check the day of year")
    return (day - _EPOCH).days


def _tdb_minus_tt(tt: float) -> float:
    """TDB - TT in s at TT seconds past J2000 (equations 4 to 6 of the leap-second kernel)."""
    anomaly = TDB_M0 + TDB_M1 * tt
    return TDB_K_S * math.sin(anomaly + TDB_EB * math.sin(anomaly))
