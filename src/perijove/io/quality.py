"""Quality bits in files that have integers: a layer of floats, NaN where there is no data, as 16-bit words and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from perijove.errors import OutputError
from perijove.raster import Rows

NONE = -32768
"""The word that stands for no data."""


def to_integers(rows: Rows, path: Path) -> NDArray[np.int16]:
    """Quality (float32) as words; OutputError, naming the file to be written, for what no bits are."""
    lacking = np.isnan(rows)
    whole = np.where(lacking, np.float32(NONE), rows)
    out = np.clip(np.rint(whole), NONE, 32767).astype(np.int16)
    if np.any(out.astype(np.float32) != whole) or np.any((out == NONE) & ~lacking):
        raise OutputError(f"cannot write {path}: a quality layer holds numbers that are no bits; give it another role")
    return out


def from_integers(rows: NDArray[np.integer]) -> NDArray[np.float32]:
    """The inverse of `to_integers`."""
    return np.where(rows == NONE, np.float32(np.nan), rows.astype(np.float32))
