"""Labels as text: units, missing values, nonsense, both syntaxes, and whatever a mutation makes of them."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perijove.errors import LabelError
from perijove.instrument import Filter
from perijove.io.labels import parse_label, read_label
from perijove.io.pds3 import parse_pds3
from perijove.label import Label, ProductId
from perijove.timescale import et_from_utc

# made up, in the form of the mission site's labels
WEB = {
    "PRODUCT_ID": "JNCE_2031005_99C00123_V02",
    "FILE_NAME": "JNCE_2031005_99C00123_V02-raw.png",
    "TARGET_NAME": "JUPITER",
    "FILTER_NAME": ["BLUE", "GREEN", "RED"],
    "LINES": 3840,
    "LINE_SAMPLES": 1648,
    "SAMPLING_FACTOR": 1,
    "START_TIME": "2031-01-05T10:00:00.000",
    "STOP_TIME": "2031-01-05T10:00:04.000",
    "INTERFRAME_DELAY": "0.400 <s>",
    "EXPOSURE_DURATION": "6.400000 <ms>",
    "JNO:TDI_STAGES_COUNT": 2,
    "SAMPLE_BIT_MODE_ID": "SQROOT",
    "COMPRESSION_TYPE": "HUFFMAN",
    "SUB_SPACECRAFT_LATITUDE": "-30.0",
    "SUB_SPACECRAFT_LONGITUDE": "270.0",
    "SPACECRAFT_ALTITUDE": "12345.6 <km>",
    "SOLAR_DISTANCE": "7.5e+08 <km>",
    "PJ": "99",
    "ORBIT_NUMBER": 98,
    "TITLE": "A made-up picture",
    "RATIONALE_DESC": "Test of a reader",
    "SPACECRAFT_CLOCK_STOP_COUNT": "N/A",
    "TOKEN_ID": [],
}

PDS3 = """PDS_VERSION_ID                = PDS3

/* a comment = with an equals sign
   over two lines */
RECORD_TYPE                   = FIXED_LENGTH
RECORD_BYTES                  = 1648
^IMAGE                        = "JNCE_2031005_99C00123_V02.IMG"
FILE_NAME                     = "JNCE_2031005_99C00123_V02.IMG"
TARGET_NAME                   = JUPITER
PRODUCT_ID                    = "JNCE_2031005_99C00123_V02"
START_TIME                    = 2031-01-05T10:00:00.000
STOP_TIME                     = 2031-005T10:00:04.000Z
ORBIT_NUMBER                  = 99
INTERFRAME_DELAY              = 0.400 <s>
SUB_SPACECRAFT_LATITUDE       = -30.0
SUB_SPACECRAFT_LONGITUDE      = 270.0 <deg>
SPACECRAFT_ALTITUDE           = 1.23456e+07 <m>
SOLAR_DISTANCE                = 7.5e+08 <km>
SAMPLE_BIT_MODE_ID            = "SQROOT"
EXPOSURE_DURATION             = 6.400000 <ms>
JNO:TDI_STAGES_COUNT          = 2
SAMPLING_FACTOR               = 1
FILTER_NAME                   = ('BLUE', 'GREEN',
                                 'RED')
COMPRESSION_TYPE              = HUFFMAN
RATIONALE_DESC                = "Test of
   a reader"
OBJECT                        = IMAGE
  LINES                       = 3840
  LINE_SAMPLES                = 1648
  LINE_PREFIX_BYTES           = 0
  LINE_SUFFIX_BYTES           = 0
  SAMPLE_BITS                 = 8
  SAMPLE_BIT_MASK             = 2#11111111#
  MD5_CHECKSUM                = "00112233445566778899AABBCCDDEEFF"
END_OBJECT                    = IMAGE
END
""".replace("\n", "\r\n")


def web(**changes: object) -> Label:
    return parse_label(json.dumps({**WEB, **changes}), Path("made-up.json"))


def check_fields(label: Label) -> None:
    assert label.parts == ProductId("E", 2031, 5, 99, "C", 123, 2)
    assert label.filters == (Filter.BLUE, Filter.GREEN, Filter.RED)
    assert (label.lines, label.samples, label.sampling_factor, label.frames) == (3840, 1648, 1, 10)
    assert label.start_et == et_from_utc("2031-01-05T10:00:00")
    assert label.image_middle_et == pytest.approx(label.start_et + 2.0, abs=1e-6)
    assert label.interframe_delay_s == pytest.approx(0.4)
    assert label.exposure_s == pytest.approx(0.0064)
    assert (label.tdi_stages, label.bit_mode, label.compression) == (2, "SQROOT", "HUFFMAN")
    assert label.latitude_graphic == pytest.approx(-math.pi / 6)
    assert label.longitude_west == pytest.approx(1.5 * math.pi)
    assert label.altitude_km == pytest.approx(12345.6)
    assert label.sun_distance_km == pytest.approx(7.5e8)
    assert label.perijove == 99
    assert label.rationale == "Test of a reader"


def test_web_label() -> None:
    label = web()
    check_fields(label)
    assert label.title == "A made-up picture"
    assert label.layout is None


def test_pds3_label() -> None:
    label = parse_label(PDS3.encode(), Path("made-up.LBL"))
    check_fields(label)
    assert label.layout is not None
    assert label.layout.file_name == "JNCE_2031005_99C00123_V02.IMG"
    assert (label.layout.offset, label.layout.sample_bits) == (0, 8)
    assert label.layout.md5 == "00112233445566778899aabbccddeeff"


@pytest.mark.parametrize(
    ("pointer", "file_name", "offset"),
    [
        ("3", None, 2 * 1648),
        ("4097 <BYTES>", None, 4096),
        ('("A.IMG", 2)', "A.IMG", 1648),
        ('("A.IMG", 1 <BYTES>)', "A.IMG", 0),
    ],
)
def test_image_pointers(pointer: str, file_name: str | None, offset: int) -> None:
    text = PDS3.replace('^IMAGE                        = "JNCE_2031005_99C00123_V02.IMG"', f"^IMAGE = {pointer}")
    layout = parse_label(text, "made-up.LBL").layout
    assert layout is not None
    assert (layout.file_name, layout.offset) == (file_name, offset)


@pytest.mark.parametrize("nothing", ["N/A", "UNK", "NULL", "", "  ", "n/a", None, []])
@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("SUB_SPACECRAFT_LATITUDE", "latitude_graphic"),
        ("SUB_SPACECRAFT_LONGITUDE", "longitude_west"),
        ("SPACECRAFT_ALTITUDE", "altitude_km"),
        ("EXPOSURE_DURATION", "exposure_s"),
        ("STOP_TIME", "stop_et"),
        ("JNO:TDI_STAGES_COUNT", "tdi_stages"),
    ],
)
def test_nothing_said_is_none(key: str, name: str, nothing: object) -> None:
    assert getattr(web(**{key: nothing}), name) is None


@pytest.mark.parametrize(
    ("key", "value", "name", "expected"),
    [
        ("EXPOSURE_DURATION", "0.0064 <s>", "exposure_s", 0.0064),
        ("EXPOSURE_DURATION", 6.4, "exposure_s", 0.0064),
        ("EXPOSURE_DURATION", "6.4", "exposure_s", 0.0064),
        ("EXPOSURE_DURATION", "6400 <us>", "exposure_s", 0.0064),
        ("INTERFRAME_DELAY", "373 <ms>", "interframe_delay_s", 0.373),
        ("INTERFRAME_DELAY", "0.373", "interframe_delay_s", 0.373),
        ("SPACECRAFT_ALTITUDE", "1.2e+05 <km>", "altitude_km", 1.2e5),
        ("SPACECRAFT_ALTITUDE", "1.2e+08 <m>", "altitude_km", 1.2e5),
        ("SPACECRAFT_ALTITUDE", 120000, "altitude_km", 1.2e5),
        ("SOLAR_DISTANCE", "5 <AU>", "sun_distance_km", 5 * 149597870.7),
        ("SUB_SPACECRAFT_LONGITUDE", "-90 <deg>", "longitude_west", 1.5 * math.pi),
        ("SUB_SPACECRAFT_LATITUDE", "+4.5e1", "latitude_graphic", math.pi / 4),
        ("LINES", "3840", "lines", 3840),
        ("JNO:TDI_STAGES_COUNT", "64", "tdi_stages", 64),
        ("PJ", "07", "perijove", 7),
    ],
)
def test_units_and_numbers(key: str, value: object, name: str, expected: float) -> None:
    assert getattr(web(**{key: value}), name) == pytest.approx(expected)


NONSENSE = [
    ("EXPOSURE_DURATION", "0 <ms>"),
    ("EXPOSURE_DURATION", "-3.2 <ms>"),
    ("EXPOSURE_DURATION", "nan"),
    ("EXPOSURE_DURATION", float("nan")),
    ("EXPOSURE_DURATION", float("inf")),
    ("EXPOSURE_DURATION", "1e999 <ms>"),
    ("EXPOSURE_DURATION", "3.2 <furlongs>"),
    ("EXPOSURE_DURATION", True),
    ("EXPOSURE_DURATION", {"value": 3.2}),
    ("INTERFRAME_DELAY", "0.000 <s>"),
    ("INTERFRAME_DELAY", "-0.37 <s>"),
    ("SUB_SPACECRAFT_LATITUDE", "90.01"),
    ("SUB_SPACECRAFT_LATITUDE", "NaN"),
    ("SUB_SPACECRAFT_LONGITUDE", "361"),
    ("SPACECRAFT_ALTITUDE", "-5 <km>"),
    ("SOLAR_DISTANCE", "0 <km>"),
    ("FILTER_NAME", ["BLUE", "INFRARED"]),
    ("FILTER_NAME", ["BLUE", "BLUE"]),
    ("FILTER_NAME", []),
    ("FILTER_NAME", [1]),
    ("FILTER_NAME", "N/A"),
    ("SAMPLING_FACTOR", 3),
    ("SAMPLING_FACTOR", 0),
    ("LINES", 0),
    ("LINES", -384),
    ("LINES", 384.5),
    ("LINES", "many"),
    ("LINES", "N/A"),
    ("LINES", 127),
    ("LINES", 10**12),
    ("LINES", 10**400),
    ("LINE_SAMPLES", 824),
    ("LINE_SAMPLES", 1600),
    ("START_TIME", "N/A"),
    ("START_TIME", "2031-01-05"),
    ("START_TIME", "2031-02-30T00:00:00"),
    ("START_TIME", 12345),
    ("STOP_TIME", "2031-01-05T09:59:59"),
    ("SAMPLE_BIT_MODE_ID", "CUBEROOT"),
    ("JNO:TDI_STAGES_COUNT", -1),
    ("PJ", "ninety"),
    ("PRODUCT_ID", "../../etc/passwd"),
    ("PRODUCT_ID", "a b"),
]


@pytest.mark.parametrize(("key", "value"), NONSENSE, ids=[f"{k}={str(v)[:20]}" for k, v in NONSENSE])
def test_nonsense_names_file_field_and_remedy(key: str, value: object) -> None:
    with pytest.raises(LabelError) as caught:
        web(**{key: value})
    message = str(caught.value)
    assert message.startswith("made-up.json")
    assert key in message
    assert "correct the field" in message or "write it as" in message or "check " in message
    assert "\n" not in message
    assert len(message) < 300


@pytest.mark.parametrize("key", ["PRODUCT_ID", "LINES", "FILTER_NAME", "START_TIME"])
def test_needed_fields(key: str) -> None:
    fields = {k: v for k, v in WEB.items() if k != key and not (key == "PRODUCT_ID" and k == "FILE_NAME")}
    with pytest.raises(LabelError, match=f"{key} is missing"):
        parse_label(json.dumps(fields), "made-up.json")


def test_product_id_from_the_file_name() -> None:
    assert web(PRODUCT_ID="N/A").product_id == WEB["PRODUCT_ID"]


@pytest.mark.parametrize(
    ("filters", "lines", "factor", "frames"),
    [
        (["METHANE"], 12 * 128, 1, 12),
        ("METHANE", 12 * 128, 1, 12),
        (["METHANE", "BLUE", "GREEN", "RED"], 8 * 128, 1, 2),
        (["BLUE", "GREEN", "RED"], 7 * 128, 1, 3),  # the third frame has only its blue framelet
        (["BLUE", "GREEN", "RED"], 6 * 64, 2, 2),
        (["BLUE", "GREEN", "RED"], 6 * 128 + 40, 1, 2),  # the last framelet is cut and does not count
    ],
)
def test_frames(filters: object, lines: int, factor: int, frames: int) -> None:
    label = web(FILTER_NAME=filters, LINES=lines, SAMPLING_FACTOR=factor, LINE_SAMPLES=1648 // factor)
    assert label.frames == frames
    assert label.framelet_lines == 128 // factor


def test_summing_follows_from_the_samples() -> None:
    assert web(SAMPLING_FACTOR="N/A", LINE_SAMPLES=824).sampling_factor == 2
    assert web(SAMPLING_FACTOR="N/A").sampling_factor == 1


def test_middle_without_stop() -> None:
    label = web(STOP_TIME="N/A")
    assert label.image_middle_et == pytest.approx(label.start_et + 10 * 0.4 / 2)
    assert math.isnan(web(STOP_TIME="N/A", INTERFRAME_DELAY="N/A").image_middle_et)
    single = web(STOP_TIME="N/A", INTERFRAME_DELAY="0 <s>", LINES=384)
    assert single.interframe_delay_s is None
    assert single.image_middle_et == single.start_et


def test_perijove_falls_back() -> None:
    assert web(PJ="N/A").perijove == 98
    assert web(PJ="N/A", ORBIT_NUMBER="N/A").perijove == 99
    assert web(PJ="N/A", ORBIT_NUMBER="N/A", PRODUCT_ID="X1").perijove is None


def test_moons_and_stars() -> None:
    label = web(
        TARGET_NAME="Ganymede", SUB_SPACECRAFT_LATITUDE="N/A", SUB_SPACECRAFT_LONGITUDE="UNK", SPACECRAFT_ALTITUDE="N/A"
    )
    assert label.target == "GANYMEDE"
    assert label.latitude_graphic is label.longitude_west is label.altitude_km is None
    assert web(TARGET_NAME="N/A").target == "UNKNOWN"


def test_the_clocks_count() -> None:
    for text in ("714014582:237", "1/714014582.9", " 714014582:237 "):
        assert web(SPACECRAFT_CLOCK_START_COUNT=text).clock_start == text.strip()
    # no picture needs it: nonsense does not spoil the label
    for nonsense in ("N/A", "", "soon", "7140:1234", "1:2:3", None, [], 7, {}):
        assert web(SPACECRAFT_CLOCK_START_COUNT=nonsense).clock_start is None
    assert web().clock_start is None
    pds3 = PDS3.replace("TARGET_NAME ", 'SPACECRAFT_CLOCK_START_COUNT = "539743712:9"\r\nTARGET_NAME ')
    assert parse_label(pds3, "made-up.LBL").clock_start == "539743712:9"


def test_methane_centre_in_the_rationale() -> None:
    text = "Methane map, optical center at line 291.48"
    assert web(FILTER_NAME=["METHANE"], RATIONALE_DESC=text).methane_centre_line == pytest.approx(291.48)
    assert web(RATIONALE_DESC=text).methane_centre_line is None
    assert web(FILTER_NAME=["METHANE"], RATIONALE_DESC="Methane map 291").methane_centre_line is None
    assert web(FILTER_NAME=["METHANE"], RATIONALE_DESC="optical center 9999").methane_centre_line is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("  \n", "empty"),
        ("[1, 2]", "no label"),
        ("{", "not valid JSON"),
        ("[" * 100000, "not valid JSON"),
        ("hello there", "neither JSON nor PDS3"),
        ("A = ", "value is missing"),
        ("A 3 = B", "no '='"),
        ('A = "open', "quotes do not close"),
        ("A = (1, 2", "value is missing"),
        ("A = " + "(" * 50, "nested too deeply"),
        ("OBJECT = X\n" * 50, "nested too deeply"),
        ("OBJECT = X\nA = 1\nEND", "ends inside"),
        ("END_OBJECT = X", "without an object"),
        ("= 3", "not a PDS3 keyword"),
    ],
)
def test_texts_that_are_no_labels(text: str, says: str) -> None:
    with pytest.raises(LabelError, match=says):
        parse_label(text, "made-up")


def test_pds3_message_names_the_line() -> None:
    with pytest.raises(LabelError, match="line 3"):
        parse_label("A = 1\r\nB = 2\r\nC 4\r\n", "made-up.lbl")


def test_pds3_values() -> None:
    block = parse_pds3(
        "A = 'x y' B = {1, 2 <s>} C = ((1, 2), (3, 4)) D = 2#01# E = \"\" /* */ F = 1.5 <km/s>\nGROUP = G\n"
        "H = 5\nEND_GROUP\nEND\nBINARY \x00\xff",
        "x",
    )
    assert block == {
        "A": "x y", "B": ("1", "2 <s>"), "C": (("1", "2"), ("3", "4")), "D": "2#01#", "E": "", "F": "1.5 <km/s>",
        "G": {"H": "5"},
    }  # fmt: skip


def test_read_label_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match="No such file"):
        read_label(tmp_path / "missing.json")
    with pytest.raises(LabelError, match="not a file"):
        read_label(tmp_path)
    with pytest.raises(LabelError, match="cannot be read"):
        read_label("a\0b.json")
    big = tmp_path / "big.json"
    big.write_bytes(b" " * (1 << 20) + b"  {}")
    with pytest.raises(LabelError, match="too large"):
        read_label(big)


def test_encodings(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    text = json.dumps({**WEB, "TITLE": "Grüße"}, ensure_ascii=False)
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert read_label(path).title == "Grüße"
    path.write_bytes(text.encode("latin-1"))
    assert read_label(path).title == "Grüße"
    path.write_bytes(text.encode("utf-16"))
    with pytest.raises(LabelError):
        read_label(path)


def test_changed_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps(WEB))
    assert read_label(path).perijove == 99
    path.write_text(json.dumps({**WEB, "PJ": "1234567"[:2]}))
    path.touch()
    assert read_label(path).perijove == 12


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
    | st.from_regex(r"[-+]?[0-9]{0,4}\.?[0-9]{0,3}([eE][-+]?[0-9]{1,3})? ?(<(s|ms|km|m|deg|x)>)?", fullmatch=True)
    | st.sampled_from(["N/A", "NaN", "inf", "-1", "1e999", "METHANE", "2031-01-05T10:00:02", "2016-12-31T23:59:60"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)  # fmt: skip


def parses_or_says_why(text: str | bytes) -> None:
    try:
        label = parse_label(text, "made-up")
    except LabelError:
        return
    assert label.lines >= label.framelet_lines
    assert label.frames >= 1
    assert math.isfinite(label.start_et)
    numbers = (label.exposure_s, label.interframe_delay_s, label.altitude_km, label.sun_distance_km)
    assert all(n is None or (math.isfinite(n) and n > 0) for n in numbers)
    assert label.latitude_graphic is None or abs(label.latitude_graphic) <= math.pi / 2
    assert label.longitude_west is None or 0 <= label.longitude_west < 2 * math.pi + 1e-12
    assert "/" not in label.product_id


KEYS = st.sampled_from(sorted(WEB))


@given(st.dictionaries(KEYS, JSON_VALUES, min_size=1, max_size=4), st.sets(KEYS, max_size=3))
def test_mutated_fields(changes: dict[str, object], gone: set[str]) -> None:
    fields = {**WEB, **changes}
    parses_or_says_why(json.dumps({k: v for k, v in fields.items() if k not in gone}))


@pytest.mark.parametrize("text", [json.dumps(WEB, indent=2), PDS3], ids=["web", "pds3"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mutated_bytes(text: str, data: st.DataObject) -> None:
    raw = bytearray(text.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        length = data.draw(st.integers(0, 20))
        raw[at : at + length] = data.draw(
            st.binary(max_size=6) | st.sampled_from([b'"', b"(", b"<", b"=", b"\n", b"/*"])
        )
    parses_or_says_why(bytes(raw))


@given(st.binary(max_size=300) | st.text(max_size=300))
def test_any_text(text: str | bytes) -> None:
    parses_or_says_why(text)


def test_all_real_labels_parse(data: Path) -> None:
    paths = [*data.glob("*/*-Metadata.json"), *(data / "labels").iterdir()]
    assert len(paths) >= 38
    for path in paths:
        label = read_label(path)
        assert label.parts is not None
        assert label.perijove == label.parts.orbit
        assert label.target == "JUPITER"
        assert None not in (label.latitude_graphic, label.longitude_west, label.altitude_km, label.exposure_s)
        # STOP_TIME is START_TIME and all frames, to the digits of the label
        assert label.interframe_delay_s is not None
        assert label.stop_et == pytest.approx(label.start_et + label.frames * label.interframe_delay_s, abs=2e-3)


def test_real_pds3_labels_against_pvl(data: Path) -> None:
    pvl = pytest.importorskip("pvl")
    for path in (data / "labels").glob("*.LBL"):
        label, theirs = read_label(path), pvl.load(path)
        assert label.product_id == theirs["PRODUCT_ID"]
        assert [str(f) for f in label.filters] == list(theirs["FILTER_NAME"])
        assert label.lines == theirs["IMAGE"]["LINES"]
        assert label.altitude_km == pytest.approx(theirs["SPACECRAFT_ALTITUDE"].value)
        assert label.exposure_s == pytest.approx(theirs["EXPOSURE_DURATION"].value * 1e-3)
        assert label.latitude_graphic == pytest.approx(math.radians(theirs["SUB_SPACECRAFT_LATITUDE"]))
        assert label.start_utc == theirs["START_TIME"].strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
        assert label.rationale.split() == theirs["RATIONALE_DESC"].split()
        assert label.layout is not None
        assert label.layout.md5 == theirs["IMAGE"]["MD5_CHECKSUM"]
