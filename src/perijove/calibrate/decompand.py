"""Decompanding: from the eight-bit codes of a strip back to the camera's twelve-bit data numbers.

Each code stands for a range of numbers. The archive's table gives the last one of each (code 44 follows on 63 and is
67: the numbers 64 to 67), which read as the value of the code makes all light above 24 DN too bright, by half the
width of the range: 1.4 % at 251 DN. That the ranges lie so is seen in the lossless strip 44C00074: where the steps of
the table double, from one code to the next, the number of pixels with that code doubles as well (580 and 1166, 738 and
1451, 424 and 877, 752 and 1458). Were it the nearest value that is sent, the code before would have half as many again.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from perijove.errors import LabelError

# first code, first value and step of each linear piece of the square-root table (Juno SIS; code 255 is 2879)
_SQROOT_PIECES = ((0, 0, 1), (24, 25, 2), (44, 67, 4), (90, 255, 8), (185, 1023, 16), (210, 1439, 32))
_LINEAR = {"LIN1": 1, "LIN8": 8, "LIN16": 16}


def _square_root_table() -> NDArray[np.float32]:
    codes = np.arange(256)
    table = np.empty(256, dtype=np.float32)
    for first, value, step in _SQROOT_PIECES:
        table[first:] = value + (codes[first:] - first) * step
    return table


SQROOT_DN = _square_root_table()
"""The archive's table: the last data number of each of the 256 codes of the SQROOT mode."""


def last_numbers(bit_mode: str) -> NDArray[np.float32]:
    """Last data number (256,) float32 of every code in a label's SAMPLE_BIT_MODE_ID; LabelError for an unknown mode.

    The linear modes drop the lowest bits: code c of LIN8 holds the numbers 8 c to 8 c + 7.
    """
    if bit_mode == "SQROOT":
        return SQROOT_DN
    if bit_mode in _LINEAR:
        step = _LINEAR[bit_mode]
        return np.arange(256, dtype=np.float32) * step + np.float32(step - 1)
    known = ", ".join(["SQROOT", *_LINEAR])
    raise LabelError(f"SAMPLE_BIT_MODE_ID is {bit_mode!r}, which is none of {known}: check the label")


def decompanding_table(bit_mode: str) -> NDArray[np.float32]:
    """Data number (256,) float32 of every code: the mean of those it stands for; LabelError for an unknown mode."""
    last = last_numbers(bit_mode)
    first = np.concatenate([[np.float32(0)], last[:-1] + 1])
    return ((first + last) / 2).astype(np.float32)
