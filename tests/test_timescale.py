"""UTC and ET against hand-computed cases and NAIF's own library."""

import contextlib
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perijove.errors import PerijoveError
from perijove.timescale import TimeError, et_from_utc, utc_from_et


def test_epoch_by_hand() -> None:
    # J2000 is 12:00 TDB; UTC noon of that day is 32 leap seconds and 32.184 s later in TT, plus at most 1.7 ms
    assert et_from_utc("2000-01-01T12:00:00") == pytest.approx(64.184, abs=1.7e-3)


def test_periodic_term_by_hand() -> None:
    # at J2000 + 64 s the mean anomaly is M0 but for 1e-5 rad, so TDB - TT = K sin(M0 + EB sin M0)
    anomaly = 6.239996 + 1.99096871e-7 * 64.184
    term = 1.657e-3 * math.sin(anomaly + 1.671e-2 * math.sin(anomaly))
    assert et_from_utc("2000-01-01T12:00:00") == pytest.approx(64.184 + term, abs=1e-9)


@pytest.mark.parametrize(("before", "after"), [("2012-06-30", "2012-07-01"), ("2016-12-31", "2017-01-01")])
def test_leap_second_is_two_seconds_long(before: str, after: str) -> None:
    assert et_from_utc(f"{after}T00:00:00") - et_from_utc(f"{before}T23:59:59") == pytest.approx(2.0, abs=1e-6)
    inside = et_from_utc(f"{before}T23:59:60.250")
    assert inside - et_from_utc(f"{before}T23:59:59.250") == pytest.approx(1.0, abs=1e-6)
    assert utc_from_et(inside) == f"{before}T23:59:60.250"


def test_ordinary_midnight_is_one_second_long() -> None:
    assert et_from_utc("2022-01-01T00:00:00") - et_from_utc("2021-12-31T23:59:59") == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(
    "same",
    ["2022-08-17T13:35:50.313Z", "2022-229T13:35:50.313", "2022-08-17 13:35:50.3130", " 2022-229T13:35:50.313Z "],
)
def test_forms_of_one_time(same: str) -> None:
    assert et_from_utc(same) == et_from_utc("2022-08-17T13:35:50.313")


def test_day_of_year_in_a_leap_year() -> None:
    assert et_from_utc("2020-366T00:00:00") == et_from_utc("2020-12-31T00:00:00")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2022-13-01T00:00:00",
        "2022-02-29T00:00:00",
        "2021-366T00:00:00",
        "2022-000T00:00:00",
        "0000-001T00:00:00",
        "9999-366T00:00:00",
        "2022-01-01T24:00:00",
        "2022-01-01T00:60:00",
        "2022-01-01T00:00:60",
        "2021-12-31T23:59:60",
        "2016-12-31T23:59:61",
        "1971-12-31T23:59:59",
        "2022-01-01T00:00:00+02:00",
        "２０２２-01-01T00:00:00",
        "nan",
    ],
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(TimeError, match=r".: |before 1972"):
        et_from_utc(text)


@pytest.mark.parametrize("et", [math.nan, math.inf, -math.inf, -1e10, 1e15])
def test_epochs_without_utc_are_refused(et: float) -> None:
    with pytest.raises(TimeError):
        utc_from_et(et)


@given(st.text(max_size=40))
def test_any_text_gives_a_time_or_the_package_error(text: str) -> None:
    with contextlib.suppress(PerijoveError):
        assert math.isfinite(et_from_utc(text))


@given(st.floats(-8.8e8, 3e9))
def test_round_trip_within_half_a_millisecond(et: float) -> None:
    assert et_from_utc(utc_from_et(et)) == pytest.approx(et, abs=0.5001e-3)


@pytest.fixture(scope="module")
def spice(data: Path):
    spiceypy = pytest.importorskip("spiceypy")
    kernel = str(data / "kernels" / "naif0012.tls")
    spiceypy.furnsh(kernel)
    yield spiceypy
    spiceypy.unload(kernel)


def test_agrees_with_spice(spice) -> None:
    days = [f"{year}-{day:03d}T" for year in range(2009, 2032) for day in (1, 59, 60, 181, 182, 183, 365)]
    texts = [day + clock for day in days for clock in ("00:00:00", "13:35:50.313", "23:59:59.999")]
    worst = max(abs(et_from_utc(text) - spice.str2et(text)) for text in texts)
    assert worst < 1e-6


def test_leap_seconds_agree_with_spice(spice) -> None:
    for day in ("2008-12-31", "2012-06-30", "2015-06-30", "2016-12-31"):
        for clock in ("23:59:59.5", "23:59:60", "23:59:60.75"):
            assert et_from_utc(f"{day}T{clock}") == pytest.approx(spice.str2et(f"{day}T{clock}"), abs=1e-6)


def test_writing_agrees_with_spice(spice) -> None:
    for i in range(400):
        et = 3e8 + 1.0e6 * i + 0.3210004 * i
        assert spice.str2et(utc_from_et(et)) == pytest.approx(et, abs=0.5001e-3)
