"""Finding labels: beside the strip, in the DataSet, by name inside, in zips; and the labels of a pass."""

import io
import json
import shutil
import struct
import warnings
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from perijove.errors import LabelError, PerijoveError, StripError
from perijove.io.finder import find_label, find_pass_labels, open_strip
from perijove.io.labels import read_label
from perijove.io.places import scan_labels
from perijove.io.strips import StripWarning, read_strip

NAME = "JNCE_2031005_99C00123_V01"


def fields(number: int = 123, **changes: object) -> dict[str, object]:
    product = f"JNCE_2031005_99C{number:05d}_V01"
    return {
        "PRODUCT_ID": product, "FILE_NAME": f"{product}-raw.png", "TARGET_NAME": "JUPITER", "FILTER_NAME": ["METHANE"],
        "LINES": 128, "LINE_SAMPLES": 1648, "START_TIME": f"2031-01-05T10:{number % 60:02d}:00", "PJ": 99, **changes,
    }  # fmt: skip


def put_label(path: Path, number: int = 123, **changes: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(fields(number, **changes)))
    return path


def png_bytes() -> bytes:
    ok, encoded = cv2.imencode(".png", np.arange(128 * 1648, dtype=np.uint8).reshape(128, 1648))
    assert ok
    return encoded.tobytes()


def put_strip(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png_bytes())
    return path


def put_zip(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("name", [f"{NAME}.json", f"{NAME}.JSON", f"{NAME}-raw.json", f"{NAME}-Metadata.json"])
def test_beside_by_stem(tmp_path: Path, name: str) -> None:
    strip = put_strip(tmp_path / f"{NAME}-raw.png")
    path = put_label(tmp_path / name)
    put_label(tmp_path / "1-Metadata.json", 5)
    assert find_label(strip).path == path


def test_by_file_name_inside(tmp_path: Path) -> None:
    strip = put_strip(tmp_path / f"{NAME}-raw.png")
    for number in (120, 121, 122, 123, 124):
        put_label(tmp_path / f"{20000 - number}-Metadata.json", number)
    assert find_label(strip).product_id == NAME
    assert find_label(strip.rename(tmp_path / f"{NAME.lower()}-RAW.PNG")).product_id == NAME


@pytest.mark.parametrize("data_set", ["13538-DataSet", "13538-Data"])
def test_sibling_data_set(tmp_path: Path, data_set: str, monkeypatch: pytest.MonkeyPatch) -> None:
    strip = put_strip(tmp_path / "13538-ImageSet" / f"{NAME}-raw.png")
    path = put_label(tmp_path / data_set / "13538-Metadata.json")
    put_label(tmp_path / "13539-DataSet" / "13539-Metadata.json", 124)
    put_label(tmp_path / "13540-Data" / "13540-Metadata.json", 125)
    opened = open_strip(strip.parent)
    assert opened.raw.label.path == path
    assert [one.product_id[-9:-4] for one in opened.pass_labels] == ["00124", "00125"]
    # the same from within the folder, where its name is not in the path
    monkeypatch.chdir(strip.parent)
    assert len(open_strip(strip.name).pass_labels) == 2


def test_data_set_inside_the_strips_folder(tmp_path: Path) -> None:
    strip = put_strip(tmp_path / f"{NAME}-raw.png")
    put_label(tmp_path / "13538-DataSet" / "13538-Metadata.json")
    assert find_label(strip).product_id == NAME


def test_explicit_folder_comes_first(tmp_path: Path) -> None:
    strip = put_strip(tmp_path / f"{NAME}-raw.png")
    put_label(tmp_path / f"{NAME}.json")
    other = put_label(tmp_path / "labels" / "7-Metadata.json", TITLE="explicit")
    assert find_label(strip, tmp_path / "labels").title == "explicit"
    assert find_label(strip, other).title == "explicit"


def test_explicit_folder_of_other_labels_does_not_hide_the_right_one(tmp_path: Path) -> None:
    strip = put_strip(tmp_path / f"{NAME}-raw.png")
    path = put_label(tmp_path / f"{NAME}.json")
    other = put_label(tmp_path / "labels" / "7-Metadata.json", 124)
    opened = open_strip(strip, tmp_path / "labels")
    assert opened.raw.label.path == path
    assert [one.path for one in opened.pass_labels] == [other]


def test_explicit_folder_that_is_not_there(tmp_path: Path) -> None:
    strip = put_strip(tmp_path / f"{NAME}-raw.png")
    put_label(tmp_path / f"{NAME}.json")
    with pytest.raises(LabelError, match="labels does not exist: give"):
        find_label(strip, tmp_path / "labels")


def test_no_label_says_where_and_what(tmp_path: Path) -> None:
    strip = put_strip(tmp_path / f"{NAME}-raw.png")
    with pytest.raises(LabelError, match=r"no label of .* was found in") as caught:
        read_strip(strip)
    assert str(tmp_path) in str(caught.value)
    assert "download" in str(caught.value)
    assert "--labels" in str(caught.value)


def test_label_of_another_strip(tmp_path: Path) -> None:
    strip = put_strip(tmp_path / f"{NAME}-raw.png")
    put_label(tmp_path / "1-Metadata.json", 124)
    with pytest.raises(LabelError, match="is the label of another strip, JNCE_2031005_99C00124_V01"):
        open_strip(strip)
    put_label(tmp_path / f"{NAME}.json", 125)  # the right name, the wrong content
    with pytest.raises(LabelError, match="is the label of another strip, JNCE_2031005_99C00125_V01"):
        open_strip(strip)


def test_broken_label_of_the_strip_is_named(tmp_path: Path) -> None:
    strip = put_strip(tmp_path / f"{NAME}-raw.png")
    path = put_label(tmp_path / "1-Metadata.json", EXPOSURE_DURATION="nan <ms>")
    with pytest.raises(LabelError, match=r"1-Metadata.json: EXPOSURE_DURATION is 'nan <ms>'"):
        open_strip(strip)
    path.write_text('{"FILE_NAME": "' + NAME)
    with pytest.raises(LabelError, match=r"1-Metadata.json is not valid JSON"):
        open_strip(strip)


def test_renamed_strip_takes_the_only_label_and_says_so(tmp_path: Path) -> None:
    strip = put_strip(tmp_path / "great red spot.png")
    put_label(tmp_path / "1-Metadata.json")
    with pytest.warns(StripWarning, match="is taken for its label"):
        assert find_label(strip).product_id == NAME
    put_label(tmp_path / "2-Metadata.json", 124)
    with pytest.raises(LabelError, match="no label of"):
        find_label(strip)


def test_pictures_are_judged_before_labels_are_missed(tmp_path: Path) -> None:
    path = tmp_path / "strip.png"
    path.write_text("just text")
    with pytest.raises(StripError, match="text file"):
        open_strip(path)
    with pytest.raises(StripError, match="is a label"):
        open_strip(put_label(tmp_path / "x.json"))


def test_folders_without_one_strip(tmp_path: Path) -> None:
    with pytest.raises(StripError, match=r"holds no raw strip .it holds no picture"):
        open_strip(tmp_path)
    put_strip(tmp_path / f"{NAME}-mapprojected.png")
    with pytest.raises(StripError, match=rf"holds no raw strip .it holds {NAME}-mapprojected.png"):
        open_strip(tmp_path)
    put_strip(tmp_path / f"{NAME}-raw.png")
    put_label(tmp_path / "1-Metadata.json")
    assert open_strip(tmp_path).raw.path.name == f"{NAME}-raw.png"
    put_strip(tmp_path / "JNCE_2031005_99C00124_V01-raw.png")
    with pytest.raises(StripError, match=r"holds 2 strips .*: name one"):
        open_strip(tmp_path)


def test_zips_as_downloaded(tmp_path: Path) -> None:
    text = json.dumps(fields()).encode()
    other = json.dumps(fields(124)).encode()
    junk = {f"ImageSet/{NAME}-mapprojected.png": b"x", f"__MACOSX/ImageSet/._{NAME}-raw.png": b"x"}
    images = put_zip(tmp_path / "13538-ImageSet.zip", **{f"ImageSet/{NAME}-raw.png": png_bytes(), **junk})
    put_zip(tmp_path / "13538-DataSet.zip", **{"DataSet/13538-Metadata.json": text})
    put_zip(tmp_path / "13539-Data.zip", **{"DataSet/13539-Metadata.json": other})
    before = sorted(tmp_path.rglob("*"))
    opened = open_strip(images)
    assert opened.raw.label.path == tmp_path / "13538-DataSet.zip" / "13538-Metadata.json"
    assert opened.raw.codes.shape == (128, 1648)
    assert len(opened.pass_labels) == 1
    assert sorted(tmp_path.rglob("*")) == before  # nothing was unpacked


def test_strip_and_label_in_one_zip(tmp_path: Path) -> None:
    both = {f"a/{NAME}-raw.png": png_bytes(), "b/1-Metadata.json": json.dumps(fields()).encode()}
    archive = put_zip(tmp_path / "everything.zip", **both)
    assert open_strip(archive).raw.label.product_id == NAME


def test_zip_with_its_label_beside_or_named(tmp_path: Path) -> None:
    archive = put_zip(tmp_path / "1-ImageSet.zip", **{f"{NAME}-raw.png": png_bytes()})
    labels = put_zip(tmp_path / "pass.zip", **{"1.json": json.dumps(fields()).encode()})
    with pytest.raises(LabelError, match="no label of"):
        open_strip(archive)
    assert open_strip(archive, labels).raw.label.product_id == NAME
    put_label(tmp_path / "1-Metadata.json")
    assert open_strip(archive).raw.label.path == tmp_path / "1-Metadata.json"


@pytest.mark.parametrize("evil", [f"../../{NAME}-raw.png", f"/etc/{NAME}-raw.png", f"C:\\{NAME}-raw.png"])
def test_paths_inside_a_zip_are_not_followed(tmp_path: Path, evil: str) -> None:
    inner = tmp_path / "in"
    inner.mkdir()
    members = {evil: png_bytes(), "../1-Metadata.json": json.dumps(fields()).encode()}
    opened = open_strip(put_zip(inner / "x.zip", **members))
    assert opened.raw.path == inner / "x.zip" / f"{NAME}-raw.png"
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["in", "x.zip"]


def test_zip_bombs_are_refused(tmp_path: Path) -> None:
    archive = put_zip(tmp_path / "x.zip", **{f"{NAME}-raw.png": bytes(50_000_000)})
    with pytest.raises(StripError, match="would unpack to 50000000 bytes"):
        open_strip(archive)


def test_zip_that_lies_about_a_size(tmp_path: Path) -> None:
    archive = put_zip(tmp_path / "x.zip", **{f"{NAME}-raw.png": bytes(50_000_000)})
    data = archive.read_bytes().replace(struct.pack("<I", 50_000_000), struct.pack("<I", 1000))
    archive.write_bytes(data)
    with pytest.raises(StripError, match=r"cannot be unpacked|not of the size"):
        open_strip(archive)


def test_damaged_zips(tmp_path: Path) -> None:
    good = put_zip(tmp_path / "x.zip", **{f"{NAME}-raw.png": png_bytes()}).read_bytes()
    rng = np.random.default_rng(1)
    path = tmp_path / "y.zip"
    for _ in range(60):
        data = bytearray(good)
        for at in rng.integers(0, len(data), 3):
            data[at] ^= int(rng.integers(1, 256))
        path.write_bytes(data[: int(rng.integers(1, len(data) + 1))])
        with pytest.raises(PerijoveError) as caught:  # there is no label either, so it never opens
            open_strip(path)
        assert "\n" not in str(caught.value)


def test_encrypted_zip(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"{NAME}-raw.png", png_bytes())
    data = bytearray(buffer.getvalue())
    data[6] |= 1
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    path = tmp_path / "x.zip"
    path.write_bytes(data)
    with pytest.raises(StripError, match="cannot be unpacked"):
        open_strip(path)


def test_pass_labels(tmp_path: Path) -> None:
    label = read_label(put_label(tmp_path / "0.json"))
    put_label(tmp_path / "1.json", 130)
    put_label(tmp_path / "2.json", 120)
    put_label(tmp_path / "moon.json", 131, TARGET_NAME="IO")
    put_label(tmp_path / "orbit.json", 132, PJ=98)
    put_label(tmp_path / "late.json", 133, START_TIME="2031-01-06T10:04:00")
    put_label(tmp_path / "late enough.json", 134, START_TIME="2031-01-06T10:02:00")
    put_label(tmp_path / "newer.json", 120, PRODUCT_ID="JNCE_2031005_99C00120_V02")
    put_label(tmp_path / "reduced.json", 130, PRODUCT_ID="JNCR_2031005_99C00130_V03")
    put_label(tmp_path / "own reduced.json", 123, PRODUCT_ID="JNCR_2031005_99C00123_V01")
    put_label(tmp_path / "more" / "1.json", 130)
    put_label(tmp_path / "more" / "3.json", 125)
    found = find_pass_labels(label, [tmp_path, tmp_path / "more"])
    assert [one.product_id for one in found] == [
        "JNCE_2031005_99C00120_V02",
        "JNCE_2031005_99C00125_V01",
        "JNCE_2031005_99C00130_V01",
        "JNCE_2031005_99C00134_V01",
    ]


def test_unreadable_labels_are_reported_and_others_passed_over(tmp_path: Path) -> None:
    strip = put_strip(tmp_path / f"{NAME}-raw.png")
    put_label(tmp_path / "1.json")
    put_label(tmp_path / "2.json", 124)
    put_label(tmp_path / "3.json", 125, LINES=-1)
    (tmp_path / "report.json").write_text('{"strips": []}')
    (tmp_path / "empty.json").write_text("")
    opened = open_strip(strip)
    assert len(opened.pass_labels) == 1
    assert len(opened.unreadable) == 1
    assert "3.json: LINES is -1" in opened.unreadable[0]


def test_scan_of_places_that_are_not_there(tmp_path: Path) -> None:
    scan = scan_labels([tmp_path / "none"])
    assert scan.labels == ()
    assert "cannot be read" in scan.unreadable[0]


def test_each_label_of_a_large_folder_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    strip = put_strip(tmp_path / f"{NAME}-raw.png")
    for number in range(100, 400):
        put_label(tmp_path / f"{number}.json", number)
    parsed: list[object] = []
    from perijove.io import labels

    original = labels.parse_label
    monkeypatch.setattr(labels, "parse_label", lambda data, path: parsed.append(path) or original(data, path))
    assert len(open_strip(strip).pass_labels) == 299
    open_strip(strip)
    assert len(parsed) == 300


def test_real_pass_as_one_folder(data: Path) -> None:
    opened = open_strip(data / "pj44" / "JNCE_2022229_44C00030_V01-raw.png")
    assert opened.raw.label.path == data / "pj44" / "13542-Metadata.json"
    assert len(opened.pass_labels) == 19
    times = [one.start_et for one in opened.pass_labels]
    assert times == sorted(times)
    assert opened.unreadable == ()


def test_real_strip_as_the_mission_site_gives_it(data: Path, tmp_path: Path) -> None:
    source = data / "pj43"
    images = tmp_path / "13538-ImageSet.zip"
    with zipfile.ZipFile(images, "w") as archive:
        archive.write(source / "JNCE_2022186_43C00078_V01-raw.png", "ImageSet/JNCE_2022186_43C00078_V01-raw.png")
    for path in source.glob("*-Metadata.json"):
        folder = tmp_path / path.name.replace("-Metadata.json", "-DataSet")
        folder.mkdir()
        shutil.copy(path, folder / path.name)
    opened = open_strip(images)
    assert opened.raw.label.product_id == "JNCE_2022186_43C00078_V01"
    assert len(opened.pass_labels) == 3


def test_real_strip_without_label(data: Path) -> None:
    with warnings.catch_warnings(action="error"), pytest.raises(LabelError, match="no label of"):
        open_strip(data / "pj34-ganymede" / "JNCE_2021158_34C00002_V01-raw.jpg")
