import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perijove.errors import UsageError
from perijove.instrument import Filter
from perijove.io.labels import parse_label, read_label
from perijove.label import parse_product_id
from perijove.simulate.label import (
    LabelFacts,
    label_file_name,
    product_id,
    product_id_of,
    spacecraft_clock,
    strip_file_name,
    web_label,
)
from perijove.timescale import et_from_utc

BGR = (Filter.BLUE, Filter.GREEN, Filter.RED)
START = et_from_utc("2022-08-17T13:25:44.834")
FACTS = LabelFacts(
    number=30,
    perijove=44,
    target="Jupiter",
    filters=BGR,
    lines=7680,
    samples=1648,
    sampling_factor=1,
    start_et=START,
    stop_et=START + 20 * 0.373,
    interframe_s=0.373,
    exposure_s=0.0032,
    tdi_stages=1,
    bit_mode="SQROOT",
    compression="INTEGER COSINE TRANSFORM",
    latitude_graphic_deg=41.7481,
    longitude_west_deg=287.6978,
    altitude_km=118043.7,
    sun_distance_km=7.4172e8,
    title="PJ44 Jet N4",
    rationale="Jupiter imaging",
)
HONEST = {"PRODUCER_ID", "SOFTWARE_NAME", "RATIONALE_DESC", "SOURCE_PRODUCT_ID", "SEQUENCE_ID", "PRODUCT_CREATION_TIME"}
"""Fields in which a simulated label differs from the real one on purpose."""


def form(value: object) -> str:
    """The form of a value: its type, and a text's digits, letters and signs, each run of digits as one."""
    return type(value).__name__ + re.sub(r"[0-9]+", "9", value if isinstance(value, str) else "")


def facts_of(path: Path) -> LabelFacts:
    """The facts that a real label tells."""
    real = read_label(path)
    parts = parse_product_id(real.product_id)
    assert parts is not None
    assert real.stop_et is not None
    values = (real.latitude_graphic, real.longitude_west, real.altitude_km, real.sun_distance_km)
    latitude, longitude, altitude, sun = (value if value is not None else math.nan for value in values)
    return LabelFacts(
        number=parts.number,
        perijove=parts.orbit,
        target=real.target,
        filters=real.filters,
        lines=real.lines,
        samples=real.samples,
        sampling_factor=real.sampling_factor,
        start_et=real.start_et,
        stop_et=real.stop_et,
        interframe_s=real.interframe_delay_s or 0.0,
        exposure_s=real.exposure_s or 0.0,
        tdi_stages=real.tdi_stages or 0,
        bit_mode=real.bit_mode,
        compression=real.compression or "",
        latitude_graphic_deg=math.degrees(latitude),
        longitude_west_deg=math.degrees(longitude),
        altitude_km=altitude,
        sun_distance_km=sun,
        title=real.title,
        rationale=real.rationale,
    )


def test_every_real_label_is_written_again_to_the_letter(data: Path) -> None:
    paths = sorted([*data.glob("pj4*/*.json"), *data.glob("labels/*.json")])
    assert len(paths) >= 30
    for path in paths:
        real = json.loads(path.read_text())
        ours = web_label(facts_of(path))
        assert list(ours) == list(real)
        for key in set(real) - HONEST - {"SPACECRAFT_CLOCK_START_COUNT", "DESCRIPTION", "TOKEN_ID"}:
            assert ours[key] == real[key], f"{path.name}: {key}"
            assert type(ours[key]) is type(real[key])
        for key in ("SPACECRAFT_CLOCK_START_COUNT", "PRODUCT_CREATION_TIME"):
            assert form(ours[key]) == form(real[key])
        clocks = [str(label["SPACECRAFT_CLOCK_START_COUNT"]).split(":") for label in (ours, real)]
        mine, theirs = (int(seconds) + int(ticks) / 256 for seconds, ticks in clocks)
        # its clock drifts unevenly
        assert mine == pytest.approx(theirs, abs=1.0)


def test_real_labels_stop_frames_times_the_delay_after_their_start(data: Path) -> None:
    for path in data.glob("pj4*/*.json"):
        facts = facts_of(path)
        frames = facts.lines / 128 / len(facts.filters)
        assert facts.stop_et - facts.start_et == pytest.approx(frames * facts.interframe_s, abs=1e-3)


def test_the_reader_gets_every_fact_back() -> None:
    label = parse_label(json.dumps(web_label(FACTS)), "30-Metadata.json")
    assert label.product_id == "JNCE_2022229_44C00030_V01"
    assert label.file_name == "JNCE_2022229_44C00030_V01-raw.png"
    assert (label.target, label.filters, label.perijove) == ("JUPITER", BGR, 44)
    assert (label.lines, label.samples, label.sampling_factor, label.frames) == (7680, 1648, 1, 20)
    assert label.start_et == pytest.approx(START, abs=1e-6)
    assert label.stop_et == pytest.approx(START + 7.46, abs=1e-6)
    assert (label.interframe_delay_s, label.exposure_s, label.tdi_stages) == (0.373, 0.0032, 1)
    assert (label.bit_mode, label.compression) == ("SQROOT", "INTEGER COSINE TRANSFORM")
    assert label.latitude_graphic == pytest.approx(math.radians(41.7481))
    assert label.longitude_west == pytest.approx(math.radians(287.6978))
    assert (label.altitude_km, label.sun_distance_km) == (118043.7, 7.4172e8)
    assert label.title == "PJ44 Jet N4"
    assert label.rationale.endswith("Jupiter imaging")


@given(
    st.floats(-90, 90),
    st.floats(-360, 720),
    st.floats(0.1, 5e6),
    st.floats(1e-4, 0.4),
    st.floats(4e8, 8e8),
    st.floats(et_from_utc("2012-01-01T00:00:00"), et_from_utc("2031-01-01T00:00:00")),
)
def test_numbers_lose_no_more_than_their_digits(
    latitude: float, longitude: float, altitude: float, exposure: float, sun: float, start: float
) -> None:
    facts = replace(
        FACTS,
        latitude_graphic_deg=latitude,
        longitude_west_deg=longitude,
        altitude_km=altitude,
        exposure_s=exposure,
        sun_distance_km=sun,
        start_et=start,
        stop_et=start + 7.46,
    )
    label = parse_label(json.dumps(web_label(facts)), "label.json")
    assert label.latitude_graphic == pytest.approx(math.radians(latitude), abs=1e-6)
    assert label.longitude_west is not None
    assert math.cos(label.longitude_west - math.radians(longitude)) == pytest.approx(1.0, abs=1e-11)
    assert label.altitude_km == pytest.approx(altitude, abs=0.0501)
    assert label.exposure_s == pytest.approx(exposure, abs=1e-9)
    assert label.sun_distance_km == pytest.approx(sun, rel=1.3e-4)
    assert label.start_et == pytest.approx(start, abs=5.1e-4)


def test_summed_and_methane_strips() -> None:
    summed = web_label(replace(FACTS, lines=20 * 3 * 64, samples=824, sampling_factor=2))
    assert (summed["LINE_SAMPLES"], summed["RECORD_BYTES"], summed["FILE_RECORDS"]) == (824, 824, 3840)
    methane = replace(FACTS, filters=(Filter.METHANE,), lines=2560, tdi_stages=32, exposure_s=0.1024)
    label = web_label(methane)
    assert (label["PRODUCT_ID"], label["EXPOSURE_DURATION"]) == ("JNCE_2022229_44M00030_V01", "102.400000 <ms>")
    assert label["FILTER_NAME"] == ["METHANE"]


@pytest.mark.parametrize(
    ("utc", "expected"),
    [("2024-02-29T12:00:00", "2024060"), ("2023-12-31T23:59:59", "2023365"), ("2016-12-31T23:59:59", "2016366")],
)
def test_product_ids_count_the_days_of_the_year(utc: str, expected: str) -> None:
    assert product_id(et_from_utc(utc), 7, BGR, 59) == f"JNCE_{expected}_07C00059_V01"


def test_names_of_files() -> None:
    assert strip_file_name(product_id_of(FACTS)) == "JNCE_2022229_44C00030_V01-raw.png"
    assert label_file_name(13542) == "13542-Metadata.json"


def test_the_clock_counts_in_256ths() -> None:
    seconds, ticks = spacecraft_clock(START).split(":")
    assert 0 <= int(ticks) < 256
    later = spacecraft_clock(START + 1.5).split(":")
    assert (int(later[0]) - int(seconds)) * 256 + int(later[1]) - int(ticks) == 384


def test_nobody_can_take_it_for_the_missions() -> None:
    label = web_label(FACTS)
    assert str(label["RATIONALE_DESC"]).startswith("Simulated by Perijove, not a picture of the mission.")
    for key in ("PRODUCER_ID", "SOURCE_PRODUCT_ID"):
        assert "SIMULATED" in str(label[key])
    assert "PERIJOVE" in str(label["SOFTWARE_NAME"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"altitude_km": math.nan}, "altitude_km is not a finite number"),
        ({"exposure_s": 0.0}, "exposure_s is 0.0"),
        ({"samples": 824}, "824 samples at sampling factor 1"),
        ({"lines": 7681}, "7681 lines of 3 filters"),
        ({"stop_et": START}, "stop_et does not lie after"),
        ({"latitude_graphic_deg": 91.0}, "latitude_graphic_deg is 91.0"),
        ({"perijove": 100}, "perijove 100"),
        ({"title": "a\x00b"}, "title is too long or has control characters"),
    ],
)
def test_facts_that_no_label_holds_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        web_label(replace(FACTS, **change))  # type: ignore[arg-type]
