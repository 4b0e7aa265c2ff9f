"""A frame around one given axis."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def frame_around(axis: FloatArray) -> FloatArray:
    """Right-handed orthonormal rows (3, 3) whose last is the unit vector `axis` (3,); its turn about it is arbitrary.

    Taken from the coordinate axis that is furthest from it, so that nothing is lost to rounding.
    """
    side = np.cross(axis, np.eye(3)[np.argmin(np.abs(axis))])
    side /= np.linalg.norm(side)
    return np.stack([side, np.cross(axis, side), axis])
