import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from perijove.cli.app import app

PRODUCT = "JNCE_2030001_99C00001_V01"
OTHER = "JNCE_2030001_99C00002_V01"
Writer = Callable[..., Path]


def info(*args: object) -> Result:
    return CliRunner().invoke(app, ["info", *map(str, args)])


def rows(text: str) -> dict[str, str]:
    """The two columns of the table."""
    table = {}
    for line in text.splitlines():
        if line.strip():
            name, value = line.split("  ", 1)
            table[name] = value.strip()
    return table


def test_label_as_table(write_label: Writer) -> None:
    path = write_label()
    result = info(path)
    assert (result.exit_code, result.stderr) == (0, "")
    assert rows(result.stdout) == {
        "product": PRODUCT,
        "target": "Jupiter",
        "perijove": "99",
        "title": "A world of [dots]",
        "start": "2030-01-01T00:00:00.000 UTC",
        "stop": "2030-01-01T00:00:01.000 UTC",
        "filters": "blue, green, red",
        "frames": "2, 0.5 s apart",
        "size": "1648 x 768 px",
        "exposure": "3.2 ms",
        "TDI stages": "1",
        "bit mode": "SQROOT",
        "compression": "HUFFMAN",
        "mid-image": "2030-01-01T00:00:00.500 UTC",
        "latitude": "-12.5000 deg planetographic",
        "longitude": "200.2500 deg west System III",
        "altitude": "5000.5 km",
        "label": str(path),
    }


def test_label_as_json(write_label: Writer) -> None:
    path = write_label()
    result = info(path, "--json")
    assert result.exit_code == 0
    (product,) = json.loads(result.stdout)["products"]
    assert product["kind"] == "label"
    assert product["product_id"] == PRODUCT
    assert product["filters"] == ["BLUE", "GREEN", "RED"]
    assert product["exposure_s"] == pytest.approx(0.0032)
    assert product["middle_utc"] == "2030-01-01T00:00:00.500"
    assert product["sub_spacecraft"] == {
        "latitude_planetographic_deg": -12.5,
        "longitude_west_deg": 200.25,
        "altitude_km": 5000.5,
    }
    assert "strip" not in product


def test_what_the_label_does_not_say(write_label: Writer) -> None:
    fields = {"SUB_SPACECRAFT_LATITUDE": "N/A", "SUB_SPACECRAFT_LONGITUDE": "N/A", "EXPOSURE_DURATION": "UNK"}
    path = write_label(fields={**fields, "TARGET_NAME": "IO", "LINES": "640", "STOP_TIME": "N/A", "TITLE": ""})
    table = rows(info(path).stdout)
    assert table["frames"] == "2, 0.5 s apart, the last one cut short"
    for name in ("latitude", "longitude", "exposure", "stop", "title"):
        assert table[name] == "not in the label"
    (product,) = json.loads(info(path, "--json").stdout)["products"]
    assert product["stop_utc"] is None
    assert product["sub_spacecraft"]["latitude_planetographic_deg"] is None


def test_longitude_of_a_moon_is_not_system_three(write_label: Writer) -> None:
    path = write_label(fields={"TARGET_NAME": "IO"})
    assert rows(info(path).stdout)["longitude"] == "200.2500 deg west"


def test_strip(strip: Path, write_label: Writer) -> None:
    write_label("00002-Metadata.json", {"PRODUCT_ID": OTHER, "FILE_NAME": f"{OTHER}-raw.png"})
    result = info(strip)
    assert result.exit_code == 0
    table = rows(result.stdout)
    assert table["strip"] == str(strip)
    assert table["label"] == str(strip.parent / "00001-Metadata.json")
    assert table["SHA-256"] == hashlib.sha256(strip.read_bytes()).hexdigest()
    assert table["same pass"] == "1 other label found"

    (product,) = json.loads(info(strip, "--json").stdout)["products"]
    assert (product["strip"]["width"], product["strip"]["height"]) == (1648, 768)
    assert product["pass_labels"] == {"product_ids": [OTHER], "unreadable": []}


def test_labels_from_elsewhere(strip: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "labels"
    elsewhere.mkdir()
    (tmp_path / "00001-Metadata.json").rename(elsewhere / "00001-Metadata.json")
    assert info(strip).exit_code == 1
    assert info(strip, "--labels", elsewhere).exit_code == 0


def test_folder_and_zip_of_labels_in_order_of_time(write_label: Writer, tmp_path: Path) -> None:
    later = {"PRODUCT_ID": OTHER, "START_TIME": "2030-01-01T01:00:00.000", "STOP_TIME": "2030-01-01T01:00:01.000"}
    files = [write_label("a.json", later), write_label("b.json")]
    archive = tmp_path / "00001-DataSet.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for file in files:
            opened.write(file, file.name)
    for place in (tmp_path, archive):
        found = json.loads(info(place, "--json").stdout)["products"]
        assert [product["product_id"] for product in found] == [PRODUCT, OTHER]


def test_one_bad_input_does_not_hide_the_others(write_label: Writer, tmp_path: Path) -> None:
    good = write_label()
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    missing = tmp_path / "missing.png"
    result = info(broken, good, missing)
    assert result.exit_code == 1
    assert rows(result.stdout)["product"] == PRODUCT
    lines = result.stderr.splitlines()
    assert [line.startswith("perijove: ") for line in lines] == [True, True]
    assert "broken.json is not valid JSON" in lines[0]
    assert "missing.png does not exist" in lines[1]

    result = info(broken, good, "--json")
    answer = json.loads(result.stdout)
    assert result.exit_code == 1
    assert len(answer["products"]) == 1
    assert answer["errors"][0]["path"] == str(broken)


def test_unreadable_neighbour_is_a_warning(strip: Path, tmp_path: Path) -> None:
    bad = tmp_path / "00003-Metadata.json"
    bad.write_text('{"PRODUCT_ID": "JNCE_2030001_99C00003_V01", "LINES": "many"}')
    result = info(strip, "--json")
    assert result.exit_code == 0
    (line,) = result.stderr.splitlines()
    assert line.startswith("warning: ")
    assert "00003-Metadata.json" in line
    assert len(json.loads(result.stdout)["products"][0]["pass_labels"]["unreadable"]) == 1


def test_empty_folder(tmp_path: Path) -> None:
    result = info(tmp_path)
    assert result.exit_code == 1
    assert "holds neither strip nor label" in result.stderr


def test_terminal_codes_in_a_title_are_shown_not_obeyed(write_label: Writer) -> None:
    path = write_label(fields={"TITLE": "red \x1b[31m and [bold]bold"})
    assert rows(info(path).stdout)["title"] == r"red \x1b[31m and [bold]bold"


def test_every_real_label(data: Path) -> None:
    found = [p for p in data.rglob("*") if p.name.endswith("-Metadata.json") or p.suffix == ".LBL"]
    folders = {p.parent for p in found if p.parent.name in ("labels", "pj44", "pj43")}
    labels = [p for p in found if p.parent in folders]
    assert len(labels) > 20
    result = info(*labels, "--json")
    answer = json.loads(result.stdout)
    assert (result.exit_code, answer["errors"]) == (0, [])
    assert len(answer["products"]) == len(labels)


def test_real_strip(data: Path) -> None:
    strip = data / "pj44" / "JNCE_2022229_44C00030_V01-raw.png"
    table = rows(info(strip).stdout)
    assert table["product"] == "JNCE_2022229_44C00030_V01"
    assert table["perijove"] == "44"
    assert table["same pass"] == "19 other labels found"
    assert Path(table["label"]).name.endswith("-Metadata.json")
