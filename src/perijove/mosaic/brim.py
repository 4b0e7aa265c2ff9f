"""Full pixels: where a look holds less light than there was, and how it gives way to others around such places.

What a full pixel cannot hold spills along its column, the lossy coding carries some of it sideways, and the kernel of
the resampling takes it two pixels on. So a border is full too, and beyond it a look comes back by degrees.

In the sky beside a limb no other look has seen the same haze. What is full there, and what was spilt over it, is
bridged from the ground to the sky beyond: no truth, but no gap, no step and no false colour either; its sigma says so.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

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
SCALES = (16.0, 8.0, 4.0, 2.0)
"""Widths (sigma) of what is asked about a pixel that is bridged, px of the picture, and how many of them far."""
FAR = 3.0
BRIDGE = int(FAR * SCALES[0])
"""How far a bridge reaches, px."""

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


def clearance(full: BoolArray, ground: BoolArray) -> Plane:
    """Weight (h, w) beside full pixels: `GONE` in them, and from `NEXT` smoothly up to 1 over `RAMP` px.

    Off the `ground` (h, w) there is no ramp: nobody else sees the same haze and could stand in.
    """
    if not full.any():
        return np.ones(full.shape, np.float32)
    away = cv2.distanceTransform((~full).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # its last bit depends on where the array lies in memory; the square is a whole number, which mends that
    exact = np.sqrt(np.rint(np.square(away, dtype=float)))
    part = np.clip((exact - 0.5) / RAMP, 0.0, 1.0)
    weight = np.maximum(part * part * (3.0 - 2.0 * part), NEXT).astype(np.float32)
    weight[~ground] = 1.0
    weight[full] = GONE
    return weight


def bridge(light: Plane, sigma: Plane, lost: BoolArray) -> None:
    """Fill what is `lost` (h, w) from around in light and sigma (bands, h, w), in place.

    The logarithm of light goes smoothly from one side to the other, that of all bands over the same pixels. Sigma
    becomes the light itself. What lies farther than `BRIDGE` from all that is known stays as it is.
    """
    if not lost.any():
        return
    known: BoolArray = ~lost & np.isfinite(light).all(axis=0) & np.isfinite(sigma).all(axis=0)
    shares = [gaussian_filter(known.astype(np.float64), s, mode="constant", truncate=FAR) for s in SCALES]
    filled = lost & (shares[0] > 1e-6)
    for b in range(len(light)):
        # below its noise light has no logarithm
        level = np.where(known, np.maximum(light[b], sigma[b]), 1.0).astype(np.float64)
        logs = np.log(np.maximum(level, 1e-12)) * known
        value = np.zeros(lost.shape)
        for scale, share in zip(SCALES, shares, strict=True):
            part = np.clip(4.0 * share, 0.0, 1.0)
            mean = gaussian_filter(logs, scale, mode="constant", truncate=FAR) / np.maximum(share, 1e-12)
            value = mean if scale == SCALES[0] else value + part * part * (3.0 - 2.0 * part) * (mean - value)
        light[b][filled] = np.exp(value[filled])
        sigma[b][filled] = light[b][filled]
