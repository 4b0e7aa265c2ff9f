"""Full pixels: where a look holds less light than there was, and how it gives way to others around such places.

What a full pixel cannot hold spills along its column, the lossy coding carries some of it sideways, and the kernel of
the resampling takes it two pixels on. So a border is full too, and beyond it a look comes back by degrees.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from perijove.calibrate.quality import Quality
from perijove.swath import Swath

Plane = NDArray[np.float32]
Bits = NDArray[np.uint8]
BoolArray = NDArray[np.bool_]

BORDER = (4, 3)
"""Lines and samples beside a full pixel that count as full too, stored px."""
RAMP = 16
"""Pixels of the picture over which a look comes back beside what is full."""
GONE = np.float32(1e-6)
"""What is left of the weight of a full pixel, should nothing better have been seen."""
NEXT = np.float32(1e-3)
"""The same of the pixels next to it."""

FULL = np.uint8(Quality.FULL)


def with_border(swath: Swath) -> Swath:
    """The swath with the bit FULL set around its full pixels too, over `BORDER`; itself where it has none."""
    if swath.quality is None or not (swath.quality & FULL).any():
        return swath
    quality = np.array(swath.quality, np.uint8)
    around = np.ones((2 * BORDER[0] + 1, 2 * BORDER[1] + 1), np.uint8)
    for bits in quality:
        full = bits & FULL
        if full.any():
            bits |= np.asarray(cv2.dilate(full, around), dtype=np.uint8)
    return replace(swath, quality=quality)


def clearance(full: BoolArray) -> Plane:
    """Weight (h, w) beside full pixels: `GONE` in them, and from `NEXT` smoothly up to 1 over `RAMP` px."""
    if not full.any():
        return np.ones(full.shape, np.float32)
    away = cv2.distanceTransform((~full).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # its last bit depends on where the array lies in memory; the square is a whole number, which mends that
    exact = np.sqrt(np.rint(np.square(away, dtype=float)))
    part = np.clip((exact - 0.5) / RAMP, 0.0, 1.0)
    weight = np.maximum(part * part * (3.0 - 2.0 * part), NEXT).astype(np.float32)
    weight[full] = GONE
    return weight
