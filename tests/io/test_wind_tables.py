"""Winds in files: what is written is read back, by either latitude, and bad files are told by line."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from perijove.bodies import JUPITER
from perijove.errors import UsageError
from perijove.geometry.ellipsoid import centric_from_graphic
from perijove.io.winds import COLUMNS, encode_winds, read_winds
from perijove.mosaic.drift import MeasuredWinds, WindPair
from perijove.winds import ZonalWinds, usual_winds


def usual() -> ZonalWinds:
    """Jupiter's own profile."""
    winds = usual_winds(JUPITER)
    assert winds is not None
    return winds


USUAL = usual()
PAIR = WindPair("A", "B", 575.55, 307, 103.7, 0.057, 0.19, (-0.181, 0.028), (0.064, 0.047))
REFINED = ZonalWinds(USUAL.latitude, USUAL.speed_m_s + 1.25, 0.5 * USUAL.sigma_m_s, "usual, refined by 2 strips")
MEASURED = MeasuredWinds(
    JUPITER, np.radians([-31.25, 33.0]), np.array([-7.125, 20.5]), np.array([3.0, 4.25]), np.array([12, 34]),
    USUAL.speed(np.radians([-31.25, 33.0])), (PAIR,), USUAL, REFINED,
)  # fmt: skip
ORIGIN = {"software": "perijove 1", "credit": "them\nand us", "inputs": [{"name": "a.png"}], "schema": "left out"}


def rows(data: bytes) -> list[dict[str, str]]:
    """The rows of a table."""
    return list(csv.DictReader(line for line in data.decode().splitlines() if not line.startswith("#")))


def test_every_row_has_both_latitudes_and_bins_have_their_ties() -> None:
    table = rows(encode_winds(MEASURED, ORIGIN))
    assert tuple(table[0]) == COLUMNS
    # each latitude of the profile, and the bin that lies between two of them
    assert len(table) == len(USUAL.latitude) + 1
    centric, graphic = (np.radians([float(row[name]) for row in table]) for name in COLUMNS[:2])
    np.testing.assert_allclose(centric_from_graphic(graphic, JUPITER.radii_km), centric, atol=2e-6)
    assert (np.diff(centric) > 0.0).all()
    full = {row["latitude_centric_deg"]: row for row in table if row["ties"]}
    assert list(full) == ["-31.2500", "33.0000"]
    assert [full["-31.2500"][k] for k in ("ties", "ties_m_s", "ties_sigma_m_s")] == ["12", "-7.12", "3.00"]
    at = float(REFINED.speed(np.radians(33.0)))
    assert float(full["33.0000"]["east_m_s"]) == pytest.approx(at, abs=0.005)
    assert float(full["33.0000"]["usual_m_s"]) == pytest.approx(at - 1.25, abs=0.01)


def test_the_head_says_whence_it_comes() -> None:
    text = encode_winds(MEASURED, ORIGIN).decode()
    head = [line for line in text.splitlines() if line.startswith("#")]
    assert "# credit: them and us" in head
    assert '# inputs: [{"name": "a.png"}]' in head
    assert any("refined by 2 strips" in line for line in head)
    assert any("A and, 575.5 s later, B: 307 ties" in line and "0.057 px" in line for line in head)
    # nothing but heads and rows of nine cells
    assert all(line.count(",") == 8 for line in text.splitlines() if not line.startswith("#"))
    assert encode_winds(MEASURED, ORIGIN) == encode_winds(MEASURED, ORIGIN)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "winds.csv"
    path.write_bytes(encode_winds(MEASURED, ORIGIN))
    found = read_winds(path, JUPITER)
    np.testing.assert_allclose(found.speed(USUAL.latitude), REFINED.speed_m_s, atol=0.01)
    np.testing.assert_allclose(found.sigma(USUAL.latitude), REFINED.sigma_m_s, atol=0.01)
    assert found.source == "winds.csv"


def test_without_bins_the_profile_is_written(tmp_path: Path) -> None:
    none = replace(MEASURED, latitude=np.empty(0), speed_m_s=np.empty(0), sigma_m_s=np.empty(0),
                   count=np.empty(0, np.int64), usual_m_s=np.empty(0), pairs=(), refined=USUAL)  # fmt: skip
    table = rows(encode_winds(none, {}))
    assert len(table) == len(USUAL.latitude)
    assert not any(row["ties"] for row in table)


def test_a_table_of_ones_own_needs_two_columns(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("# mine\nEast_m_s, latitude_graphic_deg\n20,40\n-5,-40\n\n10,0\n", encoding="utf-8")
    found = read_winds(path, JUPITER)
    np.testing.assert_allclose(found.latitude, centric_from_graphic(np.radians([-40.0, 0.0, 40.0]), JUPITER.radii_km))
    np.testing.assert_allclose(found.speed_m_s, [-5.0, 10.0, 20.0])
    np.testing.assert_array_equal(found.sigma_m_s, 0.0)


HEAD = "latitude_centric_deg,east_m_s,sigma_m_s\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no profile"),
        (HEAD + "1,2,3\n", "two rows or more"),
        ("lat,u\n1,2\n2,3\n", "line 1: there is no column"),
        (HEAD + "1,2,3\n2,x,3\n", "line 3: a number is missing"),
        (HEAD + "1,2,3\n2,3\n", "line 3: a number is missing"),
        (HEAD + "1,2,3\n2,nan,3\n", "line 3: nan m/s is no wind"),
        (HEAD + "1,2,3\n2,1e5,3\n", "is no wind"),
        (HEAD + "1,2,3\n2,3,-1\n", "is no wind"),
        (HEAD + "1,2,3\n1,3,1\n", "each given once"),
        (HEAD + "1,2,3\n91,3,1\n", "between -90 and 90"),
    ],
)
def test_bad_tables_are_told_by_name_and_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=message) as told:
        read_winds(path, JUPITER)
    assert "bad.csv" in str(told.value)


def test_files_that_cannot_be_are_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_winds(tmp_path / "none.csv", JUPITER)
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(UsageError, match="is no text"):
        read_winds(tmp_path / "binary.csv", JUPITER)
