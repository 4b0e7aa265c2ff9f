"""Strips without a label, or whose label says less or other than the user."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from perijove.errors import LabelError, StripError
from perijove.instrument import Filter
from perijove.io.finder import open_strip
from perijove.io.strips import StripWarning
from perijove.label import INTERFRAME_S, INTERFRAME_SIGMA_S, START_SIGMA_S, UNKNOWN, Given, Label, completed
from perijove.timescale import et_from_utc

NAME, METHANE = "JNCE_2021158_34C00002_V01", "JNCE_2021158_34M00002_V01"
START = "2021-06-07T16:58:04"
GIVEN = Given("GANYMEDE", START, 5.0)
COLOURS = (Filter.BLUE, Filter.GREEN, Filter.RED)


def put(folder: Path, name: str, lines: int = 6 * 128, samples: int = 1648) -> Path:
    path = folder / name
    assert cv2.imwrite(str(path), np.arange(lines * samples, dtype=np.uint32).reshape(lines, samples).astype(np.uint8))
    return path


def put_label(folder: Path, **fields: object) -> Path:
    path = folder / "1-Metadata.json"
    label = {
        "PRODUCT_ID": NAME, "FILE_NAME": f"{NAME}-raw.png", "TARGET_NAME": "JUPITER", "PJ": "34",
        "FILTER_NAME": ["BLUE", "GREEN", "RED"], "LINES": 768, "LINE_SAMPLES": 1648, "SAMPLING_FACTOR": 1,
        "START_TIME": "2021-06-07T16:50:00", "STOP_TIME": "2021-06-07T16:50:01", "INTERFRAME_DELAY": "0.371 <s>",
        "EXPOSURE_DURATION": "6.4 <ms>", "JNO:TDI_STAGES_COUNT": 2, "SAMPLE_BIT_MODE_ID": "SQROOT", **fields,
    }  # fmt: skip
    path.write_text(json.dumps(label))
    return path


def opened(path: Path, given: Given = GIVEN, message: str = "has no label: the filters are taken to be") -> Label:
    with pytest.warns(StripWarning, match=message):
        return open_strip(path, given=given).raw.label


@pytest.mark.parametrize("suffix", ["-raw.png", ".png"])
def test_a_strip_without_a_label(tmp_path: Path, suffix: str) -> None:
    label = opened(put(tmp_path, f"{NAME}{suffix}"))
    assert (label.product_id, label.perijove, label.target) == (NAME, 34, "GANYMEDE")
    assert (label.filters, label.frames, label.framelet_lines) == (COLOURS, 2, 128)
    assert (label.start_et, label.start_sigma_s) == (et_from_utc(START), 5.0)
    # the step is a guess with an error, the exposure is left to the light
    assert (label.interframe_delay_s, label.interframe_sigma_s) == (INTERFRAME_S, INTERFRAME_SIGMA_S)
    assert (label.exposure_s, label.tdi_stages, label.stop_et, label.path) == (None, None, None, None)
    assert label.place_target is None


def test_what_is_given_besides(tmp_path: Path) -> None:
    given = replace(GIVEN, interframe_s=0.371, interframe_sigma_s=0.0005, exposure_s=0.0064)
    label = opened(put(tmp_path, f"{NAME}.png"), given)
    assert (label.interframe_delay_s, label.interframe_sigma_s) == (0.371, 0.0005)
    assert (label.exposure_s, label.tdi_stages) == (0.0064, 2)


def test_summed_and_methane_by_size_and_name(tmp_path: Path) -> None:
    summed = opened(put(tmp_path, f"{NAME}.png", 4 * 3 * 64, 824))
    assert (summed.sampling_factor, summed.framelet_lines, summed.frames) == (2, 64, 4)
    methane = opened(put(tmp_path, f"{METHANE.lower()}-RAW.png", 5 * 128), message="taken to be METHANE, and time")
    assert (methane.filters, methane.frames, methane.product_id) == ((Filter.METHANE,), 5, METHANE)


def test_a_name_that_tells_nothing(tmp_path: Path) -> None:
    label = opened(put(tmp_path, "ganymede; from above (1).png"), message="taken to be BLUE, GREEN, RED")
    # nothing odd gets into the names of outputs
    assert label.product_id == "ganymede__from_above__1_"
    assert (label.perijove, label.parts, label.filters) == (None, None, COLOURS)
    assert len(opened(put(tmp_path, "x" * 200 + ".png")).product_id) == 80


@pytest.mark.parametrize(("name", "lines"), [(NAME, 767), (NAME, 5 * 128), (METHANE, 100), ("cut", 770)])
def test_a_cropped_strip_is_refused(tmp_path: Path, name: str, lines: int) -> None:
    path = put(tmp_path, f"{name}.png", lines)
    with pytest.raises(LabelError, match=rf"{name}.png has {lines} lines, no whole number of frames .* cropped or"):
        open_strip(path, given=GIVEN)
    with pytest.raises(StripError, match="1000"):
        open_strip(put(tmp_path, "narrow.png", 768, 1000), given=GIVEN)


def test_without_a_target_or_a_time(tmp_path: Path) -> None:
    path = put(tmp_path, f"{NAME}.png")
    label = opened(path, Given(start_utc=START))
    assert (label.target, label.place_target, label.start_sigma_s) == (UNKNOWN, None, START_SIGMA_S)
    # without a time it is the label that is missed
    for given in (None, Given(), Given("GANYMEDE")):
        with pytest.raises(LabelError, match="no label of"):
            open_strip(path, given=given)


def test_a_damaged_label_is_named_where_the_strip_goes_without(tmp_path: Path) -> None:
    path = put(tmp_path, f"{NAME}-raw.png")
    (tmp_path / f"{NAME}.json").write_text('{"PRODUCT_ID": "' + NAME)
    label = opened(path, message=rf"is read without its label \(.*{NAME}.json is not valid JSON.*the filters are taken")
    assert label.path is None


@pytest.mark.parametrize("name", ["JNCE_2021158_34R00002_V01.png", f"{NAME}.img"])
def test_filters_that_nobody_knows(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(put(tmp_path, "x.png").read_bytes() if name.endswith("png") else bytes(1648 * 768))
    with pytest.raises(LabelError, match="no label of"):
        open_strip(path, given=GIVEN)


NOTHING = Given()


def plain(folder: Path, given: Given = NOTHING, **fields: object) -> Label:
    put_label(folder, **fields)
    return open_strip(put(folder, f"{NAME}-raw.png"), given=given).raw.label


def test_a_label_is_left_as_it_is_where_nothing_is_given(tmp_path: Path) -> None:
    label = plain(tmp_path)
    assert completed(label, Given()) == label
    assert (label.start_sigma_s, label.interframe_sigma_s, label.place_target) == (None, None, None)
    # to say what it says itself changes nothing
    assert completed(label, Given("JUPITER")) == label


def test_a_label_without_step_and_exposure(tmp_path: Path) -> None:
    gaps = {"INTERFRAME_DELAY": "N/A", "EXPOSURE_DURATION": "N/A", "JNO:TDI_STAGES_COUNT": "N/A"}
    label = plain(tmp_path, **gaps)
    assert (label.interframe_delay_s, label.interframe_sigma_s) == (INTERFRAME_S, INTERFRAME_SIGMA_S)
    assert (label.exposure_s, label.start_sigma_s) == (None, None)
    told = plain(tmp_path, Given(interframe_s=0.37, interframe_sigma_s=0.001, exposure_s=0.0052), **gaps)
    assert (told.interframe_delay_s, told.interframe_sigma_s) == (0.37, 0.001)
    # 5.2 ms are nearer to two stages of 3.2 ms than to one
    assert (told.exposure_s, told.tdi_stages) == (0.0052, 2)
    assert completed(label, Given(exposure_s=0.001)).tdi_stages == 1


def test_one_frame_needs_no_step(tmp_path: Path) -> None:
    put_label(tmp_path, LINES=384, INTERFRAME_DELAY="N/A")
    label = open_strip(put(tmp_path, f"{NAME}-raw.png", 384)).raw.label
    assert (label.frames, label.interframe_delay_s, label.interframe_sigma_s) == (1, None, None)


def test_a_start_in_the_place_of_the_labels(tmp_path: Path) -> None:
    label = plain(tmp_path, Given(start_utc=START, start_sigma_s=2.0))
    assert (label.start_utc, label.start_et, label.start_sigma_s) == (START, et_from_utc(START), 2.0)
    # the end moves along, so that the label's place holds for the middle of the image as before
    assert label.stop_et == pytest.approx(et_from_utc(START) + 1.0, abs=1e-6)
    assert label.image_middle_et == pytest.approx(et_from_utc(START) + 0.5, abs=1e-6)
    assert label.stop_utc is None


def test_another_target_than_the_labels(tmp_path: Path) -> None:
    put_label(tmp_path, TARGET_NAME="Jupiter")
    for number, target in ((3, "Jupiter"), (4, "Ganymede")):
        name = NAME.replace("00002", f"0000{number}")
        (tmp_path / f"{number}").mkdir()
        other = put_label(tmp_path / f"{number}", PRODUCT_ID=name, FILE_NAME=f"{name}-raw.png", TARGET_NAME=target)
        other.rename(tmp_path / f"{number}-Metadata.json")
    found = open_strip(put(tmp_path, f"{NAME}-raw.png"), given=Given("GANYMEDE"))
    # its position is still Jupiter's, as are those of its pass
    assert (found.raw.label.target, found.raw.label.place_target) == ("GANYMEDE", "JUPITER")
    assert [(one.product_id[-5], one.target, one.place_target) for one in found.pass_labels] == [
        ("3", "GANYMEDE", "JUPITER"),
        ("4", "GANYMEDE", None),
    ]
    # told twice, where the position is counted from stays
    again = completed(found.raw.label, Given("IO"))
    assert (again.target, again.place_target) == ("IO", "JUPITER")


def test_a_label_that_does_not_tell_its_target(tmp_path: Path) -> None:
    assert plain(tmp_path, TARGET_NAME="N/A").target == UNKNOWN
    label = plain(tmp_path, Given("GANYMEDE"), TARGET_NAME="N/A")
    # its position can only be the target's
    assert (label.target, label.place_target) == ("GANYMEDE", None)


def test_a_real_strip_without_label(data: Path) -> None:
    path = data / "pj34-ganymede" / f"{NAME}-raw.jpg"
    with pytest.warns(StripWarning, match="has lost detail"):
        label = opened(path)
    # 84 framelets, as the README of the data has it
    assert (label.frames, label.filters, label.perijove) == (28, COLOURS, 34)
