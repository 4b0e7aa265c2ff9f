from pathlib import Path

import numpy as np
import pytest

from perijove.calibrate.decompand import SQROOT_DN, decompanding_table, last_numbers
from perijove.errors import LabelError
from perijove.instrument import LIT_SAMPLES
from perijove.io.finder import open_strip


@pytest.mark.parametrize(
    ("code", "dn"),
    [(0, 0), (23, 23), (24, 25), (43, 63), (44, 67), (89, 247), (90, 255), (184, 1007), (185, 1023), (209, 1407)],
)
def test_square_root_table_has_the_published_corners(code: int, dn: int) -> None:
    assert SQROOT_DN[code] == dn


def test_square_root_table_ends_at_2879_and_never_falls() -> None:
    assert SQROOT_DN[255] == 2879
    assert set(np.diff(SQROOT_DN)) == {1, 2, 4, 8, 16, 32}


@pytest.mark.parametrize(
    ("code", "dn"),
    # numbers 23; 24 and 25; 62 and 63; 64 to 67; 248 to 255; 1008 to 1023; 2848 to 2879
    [(23, 23), (24, 24.5), (43, 62.5), (44, 65.5), (90, 251.5), (185, 1015.5), (255, 2863.5)],
)
def test_a_code_is_the_mean_of_the_numbers_it_stands_for(code: int, dn: float) -> None:
    assert decompanding_table("SQROOT")[code] == dn


@pytest.mark.parametrize(("mode", "step"), [("LIN1", 1), ("LIN8", 8), ("LIN16", 16)])
def test_linear_modes_drop_the_lowest_bits(mode: str, step: int) -> None:
    numbers = np.arange(256 * step).reshape(256, step)
    np.testing.assert_array_equal(decompanding_table(mode), numbers.mean(axis=1))
    np.testing.assert_array_equal(last_numbers(mode), numbers[:, -1])


def test_an_unknown_mode_is_named_with_those_that_are_known() -> None:
    with pytest.raises(LabelError, match=r"'CUBE', which is none of SQROOT, LIN1, LIN8, LIN16"):
        decompanding_table("CUBE")


def test_pixels_a_code_double_where_the_ranges_do(data: Path) -> None:
    """In a lossless strip: what tells that a code is the end of its range and not the middle."""
    raw = open_strip(data / "pj44" / "JNCE_2022229_44C00074_V01-raw.png").raw
    counts = sum(
        np.bincount(raw.framelets(band)[:, :, LIT_SAMPLES].ravel(), minlength=256) for band in raw.label.filters
    )
    for first in (44, 90, 185, 210):
        # the neighbours' slope is taken out: two codes on either side of the step
        before = counts[first - 1] ** 1.5 / counts[first - 2] ** 0.5
        after = counts[first] ** 1.5 / counts[first + 1] ** 0.5
        assert after / before == pytest.approx(2.0, abs=0.2), first
