"""Highlights: what a full detector would have seen, told by the filter that was not full.

A pixel holds only so much charge. Where one filter is full its light stops rising, which turns white clouds green or
blue, and what it cannot hold spills over along the column, past the limb into the sky. The other filters still know
the scene there, and the ratio of two filters changes slowly from place to place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from perijove.enhance.exposure import balanced
from perijove.enhance.masked import blur, smooth
from perijove.enhance.settings import Settings
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
    settings: Settings,
) -> Plane:
    """Balanced light (h, w, bands) with full highlights recovered.

    `full` is the light of each filter, in the unit of the planes, from which its pixels are full; None for never. The
    settings get the share `recovered` of the lit disc that was full.
    """
    light = balanced(planes, bands, balance)
    limits = np.array([(full or {}).get(band, np.inf) * (balance or {}).get(band, 1.0) for band in bands])
    unit = max(planes.native, 0.8)
    if settings.measuring:
        highlights = find_highlights(light, limits, lit, unit)
    else:
        highlights = Highlights(0, np.zeros(len(bands)), 0.0)
    highlights = Highlights(
        int(settings.one("lead", lambda: highlights.lead)),
        settings.each("ratio", bands, lambda: highlights.ratios),
        settings.one("recovered", lambda: highlights.share),
    )
    recover_highlights(light, limits, lit, ~planes.hit, unit, highlights)
    return light


@dataclass(frozen=True)
class Highlights:
    """What is known of full pixels: the filter that leads, by its place among the bands, the `ratios` (bands,) of the
    others' light to its, 0 for those that are never full, and the `share` of the lit disc that was full."""

    lead: int
    ratios: NDArray[np.float64]
    share: float


def find_highlights(light: Plane, full: NDArray[np.float64], lit: NDArray[np.bool_], unit: float) -> Highlights:
    """What the full pixels of light (h, w, bands) need; arguments as in `recover_highlights`.

    The filter with the fewest full pixels leads.
    """
    bands = light.shape[2]
    counts = [int(np.count_nonzero(light[..., k] > full[k])) for k in range(bands)]
    lead, worst = int(np.argmin(counts)), max(counts)
    ratios = np.zeros(bands)
    if bands < 2 or worst < LEAST_PIXELS:
        return Highlights(lead, ratios, 0.0)
    for k, count in enumerate(counts):
        if k == lead or count < LEAST_PIXELS:
            continue
        good = sound_pixels(light, full, lit, lead, k, unit)
        if good.any():
            ratio = light[..., k][good] / light[..., lead][good]
            ratios[k] = float(np.median(ratio[:: max(1, len(ratio) // 100_000)]))
    return Highlights(lead, ratios, worst / max(int(np.count_nonzero(lit)), 1))


def sound_pixels(
    light: Plane, full: NDArray[np.float64], lit: NDArray[np.bool_], lead: int, band: int, unit: float
) -> NDArray[np.bool_]:
    """Which pixels (h, w) tell the ratio of a filter to the leading one: well exposed ground, full in neither."""
    leading = np.nan_to_num(light[..., lead])
    good = (
        lit
        & (leading > 0.1 * full[lead])
        & (leading < STRAIGHT * full[lead])
        & (light[..., band] < STRAIGHT * full[band])
    )
    return np.asarray(cv2.morphologyEx(good.astype(np.uint8), cv2.MORPH_OPEN, ellipse(ISLAND * unit)) > 0)


def recover_highlights(
    light: Plane,
    full: NDArray[np.float64],
    lit: NDArray[np.bool_],
    sky: NDArray[np.bool_],
    unit: float,
    highlights: Highlights | None = None,
) -> float:
    """Replace what is full in the light (h, w, bands), in place; the share of the lit disc that was is returned.

    `full` (bands,) is the light from which a filter's pixels are full, `lit` (h, w) the disc in daylight, `sky` (h, w)
    what is beside the disc, `unit` the size of a camera pixel in px. The leading filter's light, times the others'
    ratio to it, carried in from where neither is near full, becomes theirs. `highlights` are those of the whole where
    this is a part.
    """
    highlights = find_highlights(light, full, lit, unit) if highlights is None else highlights
    lead = highlights.lead
    leading = np.nan_to_num(light[..., lead])
    for k, level in enumerate(highlights.ratios):
        if level == 0.0:
            continue
        good = sound_pixels(light, full, lit, lead, k, unit)
        ratio = (np.where(good, light[..., k], 0.0) / np.where(good, leading, 1.0)).astype(np.float32)
        (carried,) = smooth([ratio], good.astype(np.float32), 12.0 * unit, far=float(level))
        told = carried * leading
        spilt = sky & (light[..., k] > 2.0 * told + 0.02 * full[k])
        light[..., k] += spoilt_share(light[..., k], float(full[k]), spilt, unit) * (told - light[..., k])
    return highlights.share


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
