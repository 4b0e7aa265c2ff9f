"""Highlights: what a full detector would have seen, told by the filter that was not full.

A pixel holds only so much charge. Where one filter is full its light stops rising, which turns white clouds green or
blue, and what it cannot hold spills over along the column, past the limb into the sky. The other filters still know
the scene there, and the ratio of two filters changes slowly from place to place.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from perijove.enhance.exposure import balanced
from perijove.enhance.masked import blur, smooth
from perijove.instrument import Filter
from perijove.render.planes import Planes

Plane = NDArray[np.float32]

STRAIGHT = 0.8
"""Share of a full pixel's light up to which it is proportional (1872 DN in the calibration report, of some 2350)."""
ISLAND = 3.0
"""Reach in camera px of a gap among full pixels that is dust on the filter, not darker ground."""
LEAST_PIXELS = 20
"""Fewer full pixels than this are left alone: they are hits, not an overexposed scene."""


def true_light(
    planes: Planes,
    bands: tuple[Filter, ...],
    balance: Mapping[Filter, float] | None,
    full: Mapping[Filter, float] | None,
    lit: NDArray[np.bool_],
) -> tuple[Plane, float]:
    """Balanced light (h, w, bands) with full highlights recovered, and the share of the lit disc that was full.

    `full` is the light of each filter, in the unit of the planes, from which its pixels are full; None for never.
    """
    light = balanced(planes, bands, balance)
    limits = np.array([(full or {}).get(band, np.inf) * (balance or {}).get(band, 1.0) for band in bands])
    return light, recover_highlights(light, limits, lit, ~planes.hit, max(planes.native, 0.8))


def recover_highlights(
    light: Plane, full: NDArray[np.float64], lit: NDArray[np.bool_], sky: NDArray[np.bool_], unit: float
) -> float:
    """Replace what is full in the light (h, w, bands), in place; the share of the lit disc that was is returned.

    `full` (bands,) is the light from which a filter's pixels are full, `lit` (h, w) the disc in daylight, `sky` (h, w)
    what is beside the disc, `unit` the size of a camera pixel in px. The filter with the fewest full pixels leads;
    the others become its light times their ratio to it, carried in from where neither is near full.
    """
    counts = [int(np.count_nonzero(light[..., k] > full[k])) for k in range(light.shape[2])]
    lead, worst = int(np.argmin(counts)), max(counts)
    if len(counts) < 2 or worst < LEAST_PIXELS:
        return 0.0
    leading = np.nan_to_num(light[..., lead])
    # only well exposed ground tells the ratio
    sound = lit & (leading > 0.1 * full[lead]) & (leading < STRAIGHT * full[lead])
    for k, count in enumerate(counts):
        good = sound & (light[..., k] < STRAIGHT * full[k])
        if k == lead or count < LEAST_PIXELS:
            continue
        good = cv2.morphologyEx(good.astype(np.uint8), cv2.MORPH_OPEN, ellipse(ISLAND * unit)) > 0
        if not good.any():
            continue
        ratio = (np.where(good, light[..., k], 0.0) / np.where(good, leading, 1.0)).astype(np.float32)
        level = float(np.median(ratio[good][:: max(1, int(np.count_nonzero(good)) // 100_000)]))
        (carried,) = smooth([ratio], good.astype(np.float32), 12.0 * unit, far=level)
        told = carried * leading
        spilt = sky & (light[..., k] > 2.0 * told + 0.02 * full[k])
        light[..., k] += spoilt_share(light[..., k], float(full[k]), spilt, unit) * (told - light[..., k])
    return worst / max(int(np.count_nonzero(lit)), 1)


def ellipse(reach: float) -> NDArray[np.uint8]:
    """A round neighbourhood that reaches so many px from its middle."""
    side = 2 * int(np.ceil(reach)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), dtype=np.uint8)


def spoilt_share(light: Plane, full: float, spilt: NDArray[np.bool_], unit: float) -> Plane:
    """How far (0 to 1) a filter's light (h, w) is not to be believed: it bends before it is full, and spills over."""
    closed = cv2.morphologyEx(((light > full) | spilt).astype(np.uint8), cv2.MORPH_CLOSE, ellipse(ISLAND * unit))
    hard = np.asarray(cv2.dilate(closed, ellipse(1.5 * unit)), dtype=np.float32)
    bent = np.clip((np.nan_to_num(light) / full - STRAIGHT) / (1.0 - STRAIGHT), 0.0, 1.0)
    share: Plane = np.maximum.reduce([hard, blur(hard, 0.7 * unit), bent]).astype(np.float32)
    return share
