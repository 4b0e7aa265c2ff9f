"""Tables of positions as services and spreadsheets write them, and files that are none."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perijove.errors import PerijoveError, PerijoveWarning, TrajectoryError, UsageError
from perijove.io import trajectory_table
from perijove.io.trajectory_table import read_trajectory_table
from perijove.timescale import et_from_utc

PLAIN = """utc,x_km,y_km,z_km
2021-06-07T16:58:00.506,-20298.8,-20389.9,-4847.81
2021-06-07T16:58:01.507,-20284.9,-20378.5,-4843.78
"""
PLACES = [[-20298.8, -20389.9, -4847.81], [-20284.9, -20378.5, -4843.78]]


def put(folder: Path, text: str | bytes, name: str = "juno_iau_ganymede.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\n\n"),
        "\ufeff" + PLAIN,
        "# made by hand\n" + PLAIN + "# the end\n",
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace(",", " , "),
        PLAIN.replace("utc", "UTC_Time").replace("_km", " (km)"),
        PLAIN.replace("_km", ""),
        PLAIN.replace("T16", " 16").replace("506,", "506Z,").replace("06-07", "06-07"),
        PLAIN.replace("2021-06-07", "2021-158"),
        '"' + PLAIN.strip().replace(",", '","').replace("\n", '"\n"') + '"\n',
    ],
    ids=["plain", "crlf", "blank", "bom", "comments", "semicolons", "tabs", "padded", "names", "bare", "blank time",
         "day of year", "quoted"],
)  # fmt: skip
def test_it_is_read_however_it_is_written(tmp_path: Path, text: str) -> None:
    table = read_trajectory_table(put(tmp_path, text))
    np.testing.assert_array_equal(table.position_km, PLACES)
    assert table.et.tolist() == [et_from_utc("2021-06-07T16:58:00.506"), et_from_utc("2021-06-07T16:58:01.507")]
    np.testing.assert_allclose(table.rounding_km, np.tile([0.1, 0.1, 0.01], (2, 1)))
    assert (table.frame, table.name, table.centre) == ("IAU_GANYMEDE", str(tmp_path / "juno_iau_ganymede.csv"), None)


def test_columns_in_any_order_among_others(tmp_path: Path) -> None:
    text = "vx_km_s,z_km,X_km,note,et,y_km\n1,30,10,near,676357153.25,20\n1,31,11,,676357154.5,21\n"
    table = read_trajectory_table(put(tmp_path, text))
    np.testing.assert_array_equal(table.position_km, [[10, 20, 30], [11, 21, 31]])
    # ephemeris time is taken as it stands
    assert table.et.tolist() == [676357153.25, 676357154.5]


@pytest.mark.parametrize("metres", ["_m", " (m)", " [m]"])
def test_metres(tmp_path: Path, metres: str) -> None:
    text = f"et_s,x{metres},y_km,z{metres}\n1,1234.5,2.5,-3e3\n2,1235.5,2.5,-3.25e3\n"
    table = read_trajectory_table(put(tmp_path, text))
    np.testing.assert_allclose(table.position_km, [[1.2345, 2.5, -3.0], [1.2355, 2.5, -3.25]], rtol=1e-15)
    # the last digits are 10 cm; 100 m; 1 km and 10 m
    np.testing.assert_allclose(table.rounding_km, [[1e-4, 0.1, 1.0], [1e-4, 0.1, 0.01]])


@pytest.mark.parametrize(
    ("name", "comment", "frame"),
    [
        ("juno_iau_ganymede.csv", "", "IAU_GANYMEDE"),
        ("Juno-IAU-Io.2022.csv", "", "IAU_IO"),
        ("juno j2000.csv", "", "J2000"),
        ("juno_eclipj2000.csv", "", "ECLIPJ2000"),
        ("icrf.csv", "# a flyby of Ganymede", "ICRF"),
        ("table.csv", "# positions in iau_jupiter, km", "IAU_JUPITER"),
        ("iau_europa.csv", "# frame: IAU_EUROPA; ET in s past J2000", "IAU_EUROPA"),
    ],
)
def test_the_frame_is_guessed(tmp_path: Path, name: str, comment: str, frame: str) -> None:
    path = put(tmp_path, f"{comment}\n{PLAIN}", name)
    assert read_trajectory_table(path).frame == frame
    # what is said outright counts, but not in silence where the file says otherwise
    if frame in ("J2000", "ICRF"):
        assert read_trajectory_table(path, "eme2000").frame == "EME2000"
        return
    with pytest.warns(PerijoveWarning, match=rf"--frame EME2000 is taken though .* names {frame}"):
        assert read_trajectory_table(path, "eme2000").frame == "EME2000"


@pytest.mark.parametrize("name", ["juno.csv", "xj2000.csv", "iau_iota.csv", "ganymede.csv", "J20001.csv"])
def test_a_frame_that_cannot_be_guessed_is_asked_for(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=rf"{name} does not tell its frame: give --frame J2000, or IAU_GANYMEDE"):
        read_trajectory_table(put(tmp_path, PLAIN, name))


def test_two_frames_are_one_too_many(tmp_path: Path) -> None:
    # a comment on the times would turn the table by half the sky
    path = put(tmp_path, "# et is in seconds past J2000\n" + PLAIN)
    with pytest.raises(UsageError, match=r"has J2000 in its comments and IAU_GANYMEDE in its name.*--frame"):
        read_trajectory_table(path)
    assert read_trajectory_table(path, "IAU_GANYMEDE").frame == "IAU_GANYMEDE"


def test_a_frame_or_centre_that_is_not_known(tmp_path: Path) -> None:
    path = put(tmp_path, PLAIN)
    with pytest.raises(UsageError, match="--frame IAU_PLUTO is not known"):
        read_trajectory_table(path, "IAU_PLUTO")
    with pytest.raises(UsageError, match=r"Pluto is no body that is known here: give one of .*JUPITER"):
        read_trajectory_table(path, None, "Pluto")
    assert read_trajectory_table(path, None, "Jupiter").centre == "JUPITER"


ROW = "2021-06-07T16:58:01.507,-20284.9,-20378.5,-4843.78"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (ROW.replace("-20378.5", "nan"), "line 3: 'nan' is no number"),
        (ROW.replace("-20378.5", "inf"), "line 3: 'inf' is no number"),
        (ROW.replace("-20378.5", ""), "line 3: '' is no number"),
        (ROW.replace("-20378.5", "N/A"), "line 3: 'N/A' is no number"),
        (ROW.replace("-20378.5", "1_000"), "line 3: '1_000' is no number"),
        (ROW.replace("-20378.5", "1e300"), "line 3: '1e300' is no number"),
        (ROW.replace("-20378.5", "0e999999"), "line 3: '0e999999' is no number"),
        (ROW.replace("-20378.5", "1e-9999"), "line 3: '1e-9999' is no number"),
        (ROW.replace("2021-06-07T", "07.06.2021 "), "line 3: '07.06.2021 16:58:01.507' is not a UTC time"),
        (ROW.replace("06-07", "06-31"), "line 3: .* names a day that does not exist"),
        (ROW.rsplit(",", 1)[0], "line 3: 3 of 4 columns; correct the line"),
        (ROW.replace(":01.", ":00."), "line 3.*sort the table"),
        (ROW.replace("507", "506").replace(":01.", ":00."), "line 3.*does not come after that before it"),
        ("a" * 200_000, "line 3: field larger than field limit"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, row: str, message: str) -> None:
    # the line that is wrong is the third of the file
    path = put(tmp_path, PLAIN.replace(ROW, row).replace("00.506", "00.900"))
    with pytest.raises(TrajectoryError, match=rf"juno_iau_ganymede.csv, {message}"):
        read_trajectory_table(path)


def test_lines_are_counted_as_an_editor_does(tmp_path: Path) -> None:
    lines = PLAIN.splitlines()
    text = "\n".join(["# one", "", lines[0], "# four", lines[2], "", lines[1]])
    with pytest.raises(TrajectoryError, match=r"line 7: its time does not come after"):
        read_trajectory_table(put(tmp_path, text))


@pytest.mark.parametrize(
    "header", ["utc,x_km,y_km", "x,y,z", "time,lon_deg,lat_deg,alt_km", "utc x_km y_km z_km", "1,2,3"]
)
def test_wrong_columns_are_told(tmp_path: Path, header: str) -> None:
    with pytest.raises(TrajectoryError, match=r"has the columns .*, but utc,x_km,y_km,z_km are needed"):
        read_trajectory_table(put(tmp_path, f"{header}\n1,2,3,4\n"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty: give a CSV"),
        (b"# only a comment\n\n", "is empty: give a CSV"),
        (b"\x89PNG\r\n\x1a\n\x00\xff", "is no text"),
        (PLAIN.encode("utf-16"), "is no text"),
        (b"a" * 200_000, "line 1: field larger"),
        (b'{"utc": 1}', "has the columns"),
    ],
)
def test_files_that_are_no_tables(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(TrajectoryError, match=rf"juno_iau_ganymede.csv.* {message}") as caught:
        read_trajectory_table(put(tmp_path, content))
    assert str(caught.value).isprintable()


def test_places_without_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (tmp_path, tmp_path / "none_j2000.csv", Path("nul\0.csv")):
        with pytest.raises(TrajectoryError, match=r"cannot be read .*: check the name and the permissions"):
            read_trajectory_table(path, "J2000")
    monkeypatch.setattr(trajectory_table, "MAX_TABLE_BYTES", 100)
    with pytest.raises(TrajectoryError, match="larger than any table of positions: give the hours around"):
        read_trajectory_table(put(tmp_path, PLAIN))


def test_a_header_alone_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(TrajectoryError, match="has no rows below its header: give one every few seconds"):
        read_trajectory_table(put(tmp_path, PLAIN.splitlines()[0]))


@pytest.mark.parametrize(
    ("name", "unit", "near", "message"),
    [
        (
            "iau_ganymede",
            "",
            1.01e6,
            r"within 1e\+06 km from Ganymede.*1.01e\+06: if these are metres, name .* x_m,y_m",
        ),
        ("iau_ganymede", "_km", 4.4e6, "if these are metres"),
        ("iau_ganymede", "_m", 4.4e9, "check the columns and their units"),
        ("iau_jupiter", "", 1.01e7, r"within 1e\+07 km from Jupiter"),
        ("j2000", "", 7.6e7, r"within 1e\+07 km, the nearest is 7.6e\+07"),
    ],
)
def test_places_that_juno_never_was_in(tmp_path: Path, name: str, unit: str, near: float, message: str) -> None:
    text = f"et,x{unit},y{unit},z{unit}\n1,0,{{}},0\n2,0,0,{2 * near}\n"
    with pytest.raises(TrajectoryError, match=message):
        read_trajectory_table(put(tmp_path, text.format(near), f"{name}.csv"))
    # one row near enough is enough
    assert len(read_trajectory_table(put(tmp_path, text.format(0.9e6), f"{name}.csv")).et) == 2


@settings(max_examples=50, deadline=None)
@given(value=st.floats(-5e5, 5e5), digits=st.integers(0, 9), metres=st.booleans(), power=st.booleans())
def test_numbers_come_back_with_the_unit_of_their_last_digit(
    tmp_path_factory: pytest.TempPathFactory, value: float, digits: int, metres: bool, power: bool
) -> None:
    cell = f"{value:.{digits}{'e' if power else 'f'}}"
    text = ("et,x_m,y_m,z_m" if metres else "et,x_km,y_km,z_km") + f"\n5,{cell},{cell},{cell}\n"
    table = read_trajectory_table(put(tmp_path_factory.mktemp("n"), text))
    scale = 1e-3 if metres else 1.0
    np.testing.assert_allclose(table.position_km, [[float(cell) * scale] * 3], rtol=1e-15)
    unit = scale * 10.0 ** (int(cell.split("e")[1]) - digits if power else -digits)
    # the finest unit is 1e-12
    np.testing.assert_allclose(table.rounding_km, max(unit, 1e-12 * scale), rtol=1e-9)


@settings(max_examples=80, deadline=None)
@given(content=st.binary(max_size=300), at=st.integers(0, 150), cut=st.integers(0, 40))
def test_damaged_files_are_read_or_refused_in_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, at: int, cut: int
) -> None:
    good = PLAIN.encode()
    path = put(tmp_path_factory.mktemp("d"), good[:at] + content + good[at + cut :])
    refusal = None
    try:
        table = read_trajectory_table(path)
        assert np.isfinite(table.position_km).all()
        assert (np.diff(table.et) > 0).all()
    except PerijoveError as error:
        refusal = str(error)
    assert refusal is None or (str(path) in refusal and "\n" not in refusal)


def test_the_flyby_of_ganymede(data: Path) -> None:
    table = read_trajectory_table(data / "pj34-ganymede" / "juno_iau_ganymede.csv")
    assert table.frame == "IAU_GANYMEDE"
    # the mission's own: closest approach at 16:56:08.5, 1038.1 km above a sphere of 2631.2 km
    nearest = np.linalg.norm(table.position_km, axis=1)
    assert table.et[np.argmin(nearest)] == pytest.approx(et_from_utc("2021-06-07T16:56:08.5"), abs=1.0)
    assert nearest.min() - 2631.2 == pytest.approx(1038.1, abs=0.2)
