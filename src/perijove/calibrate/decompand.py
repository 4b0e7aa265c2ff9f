"""Decompanding: from the eight-bit codes of a strip back to the camera's twelve-bit data numbers."""

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
"""Data number of each of the 256 codes of the SQROOT mode."""


def decompanding_table(bit_mode: str) -> NDArray[np.float32]:
    """Data number (256,) float32 of every code in a label's SAMPLE_BIT_MODE_ID; LabelError for an unknown mode."""
    if bit_mode == "SQROOT":
        return SQROOT_DN
    if bit_mode in _LINEAR:
        return np.arange(256, dtype=np.float32) * _LINEAR[bit_mode]
    known = ", ".join(["SQROOT", *_LINEAR])
    raise LabelError(f"SAMPLE_BIT_MODE_ID is {bit_mode!r}, which is none of {known}: check the label")
