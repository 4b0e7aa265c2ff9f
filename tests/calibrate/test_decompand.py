import numpy as np
import pytest

from perijove.calibrate.decompand import decompanding_table
from perijove.errors import LabelError


@pytest.mark.parametrize(
    ("code", "dn"),
    [(0, 0), (23, 23), (24, 25), (43, 63), (44, 67), (89, 247), (90, 255), (184, 1007), (185, 1023), (209, 1407)],
)
def test_square_root_table_has_the_published_corners(code: int, dn: int) -> None:
    assert decompanding_table("SQROOT")[code] == dn


def test_square_root_table_ends_at_2879_and_never_falls() -> None:
    table = decompanding_table("SQROOT")
    assert table[255] == 2879
    assert (np.diff(table) > 0).all()
    assert set(np.diff(table)) == {1, 2, 4, 8, 16, 32}


@pytest.mark.parametrize(("mode", "factor"), [("LIN1", 1), ("LIN8", 8), ("LIN16", 16)])
def test_linear_modes_multiply(mode: str, factor: int) -> None:
    np.testing.assert_array_equal(decompanding_table(mode), np.arange(256) * factor)


def test_an_unknown_mode_is_named_with_those_that_are_known() -> None:
    with pytest.raises(LabelError, match=r"'CUBE', which is none of SQROOT, LIN1, LIN8, LIN16"):
        decompanding_table("CUBE")
