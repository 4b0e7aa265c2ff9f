import json
import os
from collections.abc import Callable
from enum import Enum
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perijove.enhance.picture import Picture
from perijove.errors import OutputError, UsageError
from perijove.instrument import Filter
from perijove.io import atomic
from perijove.io.atomic import write_files
from perijove.io.pictures import picture_format, write_picture
from perijove.io.provenance import Source, as_json, credit_line, plain, provenance, sidecar_path, text_fields

Write = Callable[[Path], object]
GREY = Picture(np.full((4, 5, 1), 0.5, np.float32), (Filter.METHANE,), "srgb", "natural", {})
LINEAR = Picture(np.full((4, 5, 1), 50.0, np.float32), (Filter.METHANE,), "linear", "linear", {})
SOURCES = [Source("strip", "JNCE_2022229_44C00030_V01-raw.png", "JNCE_2022229_44C00030_V01", "ab" * 32)]


def test_credit_names_the_mission_and_the_processor() -> None:
    assert credit_line("Ada Lovelace") == "NASA/JPL-Caltech/SwRI/MSSS, image processing: Ada Lovelace"
    assert credit_line(" Ada ") == "NASA/JPL-Caltech/SwRI/MSSS, image processing: Ada"
    for name in (None, "", "  "):
        assert credit_line(name) == "NASA/JPL-Caltech/SwRI/MSSS, processed with Perijove"


@pytest.mark.parametrize("name", ["a\nb", "a\0b", "\x7f!"])
def test_credit_is_one_line(name: str) -> None:
    with pytest.raises(UsageError, match="control characters"):
        credit_line(name)


def test_provenance_tells_inputs_parameters_and_solution() -> None:
    origin = provenance(
        SOURCES, {"recipe": "natural", "size": np.int64(1600)}, {"rms_px": np.float32(0.25)}, name="Ada"
    )
    back = json.loads(as_json(origin, indent=2))
    assert back["inputs"] == [
        {
            "kind": "strip",
            "name": "JNCE_2022229_44C00030_V01-raw.png",
            "product_id": "JNCE_2022229_44C00030_V01",
            "sha256": "ab" * 32,
        }
    ]
    assert back["parameters"] == {"recipe": "natural", "size": 1600}
    assert back["solution"] == {"rms_px": 0.25}
    assert back["software"].startswith("perijove")
    assert "endorsement" in back["licence"]
    assert back["credit"].endswith("image processing: Ada")


def test_the_same_inputs_give_the_same_provenance() -> None:
    assert as_json(provenance(SOURCES, {"size": 5})) == as_json(provenance(SOURCES, {"size": 5}))


def test_texts_leave_out_what_is_not_known() -> None:
    assert set(text_fields(provenance(SOURCES, {}))) == {"Author", "Copyright", "Software"}
    assert text_fields(provenance(SOURCES, {}, title="T"))["Title"] == "T"


class Colour(Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (float("nan"), None),
        (np.float64("inf"), None),
        (np.array([[1.0, np.nan], [2.0, 3.0]]), [[1.0, None], [2.0, 3.0]]),
        ({Filter.RED: np.float32(0.5)}, {"RED": 0.5}),
        ((1, Path("a"), None, True), [1, "a", None, True]),
        (Colour.RED, "red"),
        (np.bool_(True), True),
    ],
)
def test_values_become_what_json_holds(value: object, expected: object) -> None:
    assert plain(value) == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text(), part, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_any_parameters_can_be_written_and_read_again(parameters: dict[str, object]) -> None:
    text = as_json(provenance(SOURCES, parameters))
    assert json.loads(text)["parameters"] == plain(parameters)


def test_a_sidecar_is_never_named_like_a_label() -> None:
    assert sidecar_path(Path("out/JNCE_2022229_44C00030_V01.png")) == Path("out/JNCE_2022229_44C00030_V01.png.json")


def test_the_sidecar_holds_the_provenance(tmp_path: Path) -> None:
    origin = provenance(SOURCES, {"recipe": "natural"}, name="Zoë")
    written = write_picture(tmp_path / "a.png", GREY, origin)
    assert written.sidecar == tmp_path / "a.png.json"
    assert json.loads(written.sidecar.read_text(encoding="utf-8")) == origin
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "a.png.json"]


@pytest.mark.parametrize(
    ("name", "transfer", "depth", "expected"),
    [
        ("a.png", "srgb", None, (".png", "8")),
        ("a.PNG", "srgb", "16", (".png", "16")),
        ("a.tif", "srgb", None, (".tif", "16")),
        ("a.tiff", "srgb", "32f", (".tiff", "32f")),
        ("a.tif", "linear", None, (".tif", "32f")),
        ("a.tif", "linear", "32f", (".tif", "32f")),
    ],
)
def test_formats(name: str, transfer: str, depth: str | None, expected: tuple[str, str]) -> None:
    assert picture_format(Path(name), transfer, depth) == expected


@pytest.mark.parametrize(
    ("name", "transfer", "depth", "message"),
    [
        ("a.jpg", "srgb", None, "name it .png, .tif or .tiff"),
        ("a", "srgb", None, "name it .png"),
        ("a.png", "srgb", "32f", "give 8 or 16 for .png"),
        ("a.tif", "srgb", "8", "give 16 or 32f for .tif"),
        ("a.png", "linear", None, "write a .tif with depth 32f"),
        ("a.tif", "linear", "16", "write a .tif with depth 32f"),
    ],
)
def test_formats_that_do_not_fit(name: str, transfer: str, depth: str | None, message: str, tmp_path: Path) -> None:
    picture = GREY if transfer == "srgb" else LINEAR
    with pytest.raises(UsageError, match=message):
        write_picture(tmp_path / name, picture, {}, depth)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"no_such.a\.png: No such file or directory; choose a folder that exists"):
        write_picture(tmp_path / "no_such" / "a.png", GREY, {})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_the_name_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.png").mkdir()
    with pytest.raises(OutputError, match="it is a folder"):
        write_picture(tmp_path / "a.png", GREY, {})
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_read_only_folder_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # not by its permissions, which do not bind root
    def denied(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(atomic.tempfile, "mkstemp", denied)
    with pytest.raises(OutputError, match=r"a\.png: Permission denied; choose a folder that exists, is writable"):
        write_picture(tmp_path / "a.png", GREY, {})
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_old_picture_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.png").write_bytes(b"old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(OutputError, match="No space left on device"):
        write_picture(tmp_path / "a.png", GREY, {})
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
    assert (tmp_path / "a.png").read_bytes() == b"old"


def test_when_the_sidecar_cannot_be_written_there_is_no_picture_either(tmp_path: Path) -> None:
    (tmp_path / "a.png.json").mkdir()
    with pytest.raises(OutputError, match=r"a\.png\.json: it is a folder"):
        write_picture(tmp_path / "a.png", GREY, {})
    assert [path.name for path in tmp_path.iterdir()] == ["a.png.json"]


def test_new_files_have_the_permissions_that_the_user_set(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_files({tmp_path / "a": b"x"})
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_existing_files_are_replaced_in_one_piece(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"older and longer")
    write_files({tmp_path / "a": b"new"})
    assert (tmp_path / "a").read_bytes() == b"new"
