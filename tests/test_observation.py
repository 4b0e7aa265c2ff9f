"""Times of framelets, the choice of the body, and the sorting of strips by pass."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from perijove.errors import LabelError, UsageError
from perijove.instrument import INTERFRAME_DELTA_S, Filter
from perijove.label import PASS_S, Label
from perijove.observation import _passes, body_of, framelet_times
from perijove.raw import RawImage

LABEL = Label(
    product_id="JNCE_2022229_44C00029_V01",
    file_name="JNCE_2022229_44C00029_V01.IMG",
    target="Jupiter",
    filters=(Filter.BLUE, Filter.GREEN, Filter.RED),
    lines=4 * 3 * 128,
    samples=1648,
    sampling_factor=1,
    start_utc="2022-08-17T14:00:00.000",
    stop_utc=None,
    start_et=1000.0,
    stop_et=None,
    interframe_delay_s=0.370,
    exposure_s=0.0048,
    tdi_stages=2,
    bit_mode="SQROOT",
    compression=None,
    latitude_graphic=None,
    longitude_west=None,
    altitude_km=None,
    sun_distance_km=None,
    perijove=44,
    title="",
    rationale="",
    path=None,
)


def test_framelet_times_by_hand() -> None:
    # START + 0.06188 s, then half of 4.8 ms, then steps of 370 ms and the correction
    step = 0.370 + INTERFRAME_DELTA_S
    expected = [1000.06428, 1000.06428 + step, 1000.06428 + 2 * step, 1000.06428 + 3 * step]
    times = framelet_times(LABEL)
    np.testing.assert_allclose(times, expected, rtol=0, atol=1e-9)
    # published corrections of the step lie between 1 and 2 ms
    assert 1000.06428 + 3 * 0.371 <= times[3] <= 1000.06428 + 3 * 0.372


def test_a_cut_last_frame_has_a_time_too() -> None:
    assert len(framelet_times(replace(LABEL, lines=(4 * 3 + 1) * 128))) == 5


def test_one_frame_needs_no_delay() -> None:
    single = replace(LABEL, lines=3 * 128, interframe_delay_s=None)
    np.testing.assert_allclose(framelet_times(single), [1000.06428], rtol=0, atol=1e-9)


def test_missing_step_is_named() -> None:
    with pytest.raises(LabelError, match=r"JNCE_2022229_44C00029_V01.*INTERFRAME_DELAY"):
        framelet_times(replace(LABEL, interframe_delay_s=None))


def test_without_an_exposure_one_stage_is_taken() -> None:
    times = framelet_times(replace(LABEL, exposure_s=None))
    np.testing.assert_allclose(times, framelet_times(replace(LABEL, exposure_s=0.0032)), rtol=0, atol=1e-9)


def test_body_is_the_labels_target() -> None:
    assert body_of(LABEL).name == "JUPITER"
    assert body_of(replace(LABEL, target="GANYMEDE")).name == "GANYMEDE"
    with pytest.raises(UsageError, match=r"44C00029.*AMALTHEA.*JUPITER.*CALLISTO"):
        body_of(replace(LABEL, target="AMALTHEA"))


def test_strips_are_sorted_by_pass_and_target() -> None:
    def strip(name: str, start: float, target: str = "JUPITER") -> RawImage:
        label = replace(LABEL, product_id=name, start_et=start, target=target)
        return RawImage(label, np.zeros((0, 1648), np.uint8), Path(name), "")

    raws = [strip("late", 53 * 86400.0), strip("b", 600.0), strip("a", 0.0), strip("io", 300.0, "IO")]
    groups = [[raw.label.product_id for raw in group] for group in _passes(raws)]
    assert groups == [["a", "b"], ["io"], ["late"]]
    # each strip hangs on the one before it
    chain = [strip(str(k), k * 0.9 * PASS_S) for k in range(4)]
    assert len(_passes(chain)) == 1
