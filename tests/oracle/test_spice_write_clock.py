"""The spacecraft's clock of our own: exact while strips are taken, and the labels' elsewhere."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perijove.errors import UsageError
from perijove.io.labels import parse_label
from perijove.spice.clock import TICKS_PER_S, Reading, Span, count_seconds, make_clock, sclk_text
from perijove.spice.toolkit import toolkit

pytest.importorskip("spiceypy", reason="spiceypy is not installed")


def true_count(et: float, rate: float, offset: float) -> float:
    """A clock that is cut to ticks, as counts are."""
    return float(np.floor((et / rate + offset) * TICKS_PER_S)) / TICKS_PER_S


@settings(max_examples=40)
@given(
    starts=st.lists(st.floats(-5000.0, 5000.0), min_size=1, max_size=6),
    jitter=st.lists(st.floats(-0.05, 0.05), min_size=6, max_size=6),
    fraction=st.lists(st.floats(0.0, 1.0), min_size=4, max_size=4),
)
def test_in_its_spans_the_clock_is_exact(starts: list[float], jitter: list[float], fraction: list[float]) -> None:
    begin = 7.1e8 + np.cumsum(50.0 + np.sort(np.array(starts) - min(starts)))
    spans = [
        Span(float(t), float(t) + 30.0, Reading(true_count(float(t) + 1.0, 1 - 1.25e-6, 340.0), float(t) + 1.0 + off))
        for t, off in zip(begin, jitter, strict=False)
    ]
    clock = make_clock(spans)
    assert np.all(np.diff(clock.tick) > 0)
    assert np.all(np.diff(clock.et) > 0)
    assert np.abs(clock.rate - 1.0).max() < 0.03
    for span in spans:
        et = span.first + np.array(fraction) * 30.0
        back = [clock.at(float(tick) / TICKS_PER_S) for tick in clock.ticks(et)]
        assert back == et.tolist()
        assert span.reading is not None
        assert abs(clock.at(span.reading.count_s) - span.reading.et) < 8e-6


def test_the_toolkit_reads_the_clock_as_it_is_meant(tmp_path: Path) -> None:
    spans = [Span(7.14e8 + k * 400.0, 7.14e8 + k * 400.0 + 137.7) for k in range(3)]
    clock = make_clock(spans, [Reading(714000344.125, 7.14e8 + 0.01)])
    path = tmp_path / "a.tsc"
    path.write_text(sclk_text(clock, ["x"]))
    rng = np.random.default_rng(0)
    inside = np.concatenate([rng.uniform(span.first, span.last, 100) for span in spans])
    around = rng.uniform(7.139e8, 7.141e8, 300)
    with toolkit([path]) as spice:
        read = [np.array([spice.sce2c(-61, t) for t in et]) for et in (inside, around)]
        back = np.array([spice.sct2e(-61, tick) for tick in read[0]])
    assert np.array_equal(read[0], clock.ticks(inside))
    assert np.array_equal(back, inside)
    # a rate that is not 1 costs the last bit
    np.testing.assert_allclose(read[1], clock.ticks(around), rtol=0, atol=7e-5)


def test_offset_and_rate_are_the_labels(tmp_path: Path) -> None:
    rate, offset = 1 - 1.3e-6, 310.0
    et = 7.1e8 + np.linspace(0.0, 2e4, 21)
    readings = [Reading(true_count(float(t), rate, offset), float(t)) for t in et]
    slip = Reading(readings[3].count_s + 9.0, readings[3].et)
    clock = make_clock([Span(7.1e8 + 5000.0, 7.1e8 + 5030.0)], [*readings, slip])
    # counts are cut, not rounded: half a tick on the average
    late = [clock.at(r.count_s) - r.et for r in readings]
    assert np.abs(late).max() < 1 / TICKS_PER_S
    assert clock.read


def test_a_nominal_clock_is_good_to_a_second(data: Path) -> None:
    clock = make_clock([Span(7.14e8, 7.14e8 + 30.0)])
    assert not clock.read
    for path in [*(data / "labels").glob("*.json"), *data.glob("pj4?/*.json")]:
        label = parse_label(path.read_bytes(), path)
        count = count_seconds(label.clock_start)
        assert count is not None
        assert abs(clock.at(count) - label.start_et) < 1.0


def test_strips_without_room_between_share_an_offset() -> None:
    spans = [
        Span(7e8, 7e8 + 30.0, Reading(700000340.0, 7e8 + 1.0)),
        Span(7e8 + 30.0, 7e8 + 60.0, Reading(700000370.0, 7e8 + 30.99)),
    ]
    clock = make_clock(spans)
    assert len(clock.tick) == 3
    et = np.linspace(7e8, 7e8 + 60.0, 1000)
    assert [clock.at(float(tick) / TICKS_PER_S) for tick in clock.ticks(et)] == et.tolist()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("714014582:237", 714014582 + 237 / 256),
        ("1/714014582.237", 714014582 + 237 / 256),
        (" 5 ", 5.0),
        ("714014582:256", None),
        ("N/A", None),
        ("", None),
        (None, None),
    ],
)
def test_counts(text: str | None, seconds: float | None) -> None:
    assert count_seconds(text) == seconds


def test_a_clock_needs_a_strip() -> None:
    with pytest.raises(UsageError, match="at least one strip"):
        make_clock([])
