"""Full pixels: where a look holds less light than there was, and how it gives way to others around such places.

What a full pixel cannot hold spills along its column, the lossy coding carries some of it sideways, and the kernel of
the resampling takes it two pixels on. So a border is full too, and beyond it a look comes back by degrees.

In the sky beside a limb, and on ground at the very limb, no other look has seen the same. What is full there, and what
was spilt over it, is bridged from the ground to the sky beyond, which gives its colour. How bright it is the look still
tells: by a filter that is not full, else by what it holds, for it is no less. No truth, but no gap, no step and no
false colour either; its sigma says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from perijove.calibrate.quality import Quality
from perijove.swath import Swath

FloatArray = NDArray[np.float64]
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
NOISE = np.float32(4e-4)
"""Share of the light of a full pixel below which what a look holds is noise: one DN."""

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


def held_by(light: Plane, choice: Plane, hot: BoolArray, full: Plane) -> tuple[Plane, Plane]:
    """What the heaviest of the looks that are full holds: its light (bands, h, w), NaN where none is, and the light
    from which it is full.

    `light` (looks, bands, h, w), `choice` and `hot` (looks, h, w), where they are full, `full` (looks, bands).
    """
    first = np.argmax(np.where(hot, choice, np.float32(-1.0)), axis=0)
    held = np.take_along_axis(light, first[None, None], axis=0)[0].copy()
    held[:, ~hot.any(axis=0)] = np.nan
    return held, np.moveaxis(full[first], -1, 0)


def bridge(light: Plane, sigma: Plane, lost: BoolArray, held: Plane | None = None, full: Plane | None = None) -> None:
    """Fill what is `lost` (h, w) from around in light and sigma (bands, h, w), in place.

    The logarithm of light goes smoothly from one side to the other, that of all bands over the same pixels. Where it is
    known what a look has `held` there (bands, h, w), and from which light on it is `full`, full pixels are filled
    first: with the colour of such a bridge, as bright as the least of the bands that were not full has it, or so bright
    that none is below what it held. Sigma becomes the light itself. What lies farther than `BRIDGE` from all that is
    known stays as it is.
    """
    if not lost.any():
        return
    known: BoolArray = ~lost & np.isfinite(light).all(axis=0) & np.isfinite(sigma).all(axis=0)
    shares = [gaussian_filter(known.astype(np.float64), s, mode="constant", truncate=FAR) for s in SCALES]
    filled = lost & (shares[0] > 1e-6)
    if held is not None and full is not None:
        filled &= np.isfinite(held).all(axis=0) & (held >= full).any(axis=0)
    logs = np.stack([between_sides(light[b], sigma[b], known, shares)[filled] for b in range(len(light))])
    if held is not None and full is not None:
        logs += raised_by(logs, held[:, filled], full[:, filled])
    light[:, filled] = np.exp(logs)
    sigma[:, filled] = light[:, filled]
    if held is not None:
        bridge(light, sigma, lost & ~filled)


def between_sides(light: Plane, sigma: Plane, known: BoolArray, shares: Sequence[FloatArray]) -> FloatArray:
    """The logarithm of one band's light (h, w), smooth where it is not `known`; `shares` of that by scale."""
    # below its noise light has no logarithm
    level = np.where(known, np.maximum(light, sigma), 1.0).astype(np.float64)
    logs = np.log(np.maximum(level, 1e-12)) * known
    value = np.zeros(known.shape)
    for scale, share in zip(SCALES, shares, strict=True):
        part = np.clip(4.0 * share, 0.0, 1.0)
        mean = gaussian_filter(logs, scale, mode="constant", truncate=FAR) / np.maximum(share, 1e-12)
        value = mean if scale == SCALES[0] else value + part * part * (3.0 - 2.0 * part) * (mean - value)
    return value


def raised_by(logs: FloatArray, held: Plane, full: Plane) -> FloatArray:
    """By how much (n,) logarithms (bands, n) have to be raised to fit what was held (bands, n), full from `full` on."""
    over = np.log(np.maximum(held, NOISE * full).astype(np.float64)) - logs
    least = np.where(held >= full, np.inf, over).min(axis=0)
    out: FloatArray = np.where(np.isfinite(least), least, over.max(axis=0))
    return out
