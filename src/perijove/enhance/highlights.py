"""Highlights: what a full detector would have seen, told by the filter that was not full.

A pixel holds only so much charge. Where one filter is full its light stops rising, which turns white clouds green or
blue, and what it cannot hold spills over along the column, past the limb into the sky. The other filters still know
the scene there, and the ratio of two filters changes slowly from place to place.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from perijove.enhance.masked import blur, smooth
from perijove.enhance.steps import Draft, count, number

Plane = NDArray[np.float32]


@dataclass(frozen=True)
class HighlightNumbers:
    """What is full, and how far around one looks for what it would have been."""

    straight: float = number(
        0.8, 0.1, 1.0, "share of a full pixel's light up to which it is proportional (1872 DN of some 2350)"
    )
    island_px: float = number(3.0, 0.0, 50.0, "camera px that a gap among full pixels reaches: dust, not darker ground")
    carry_px: float = number(12.0, 1.0, 200.0, "camera px over which the ratio of two filters is carried in")
    least_pixels: int = count(20, 1, 10**9, "fewer full pixels than this are hits, and left alone")


USUAL = HighlightNumbers()


def true_light(draft: Draft, numbers: HighlightNumbers = USUAL) -> None:
    """Recover full highlights of the draft's light (h, w, bands) in place.

    The settings get the share `recovered` of the lit disc that was full.
    """
    settings, bands = draft.settings, draft.bands
    limits = np.array([draft.full.get(band, np.inf) * draft.balance.get(band, 1.0) for band in bands])
    if settings.measuring:
        highlights = find_highlights(draft.light, limits, draft.lit, draft.unit, numbers)
    else:
        highlights = Highlights(0, np.zeros(len(bands)), 0.0)
    highlights = Highlights(
        int(settings.one("lead", lambda: highlights.lead)),
        settings.each("ratio", bands, lambda: highlights.ratios),
        settings.one("recovered", lambda: highlights.share),
    )
    recover_highlights(draft.light, limits, draft.lit, ~draft.planes.hit, draft.unit, highlights, numbers)


@dataclass(frozen=True)
class Highlights:
    """What is known of full pixels: the filter that leads, by its place among the bands, the `ratios` (bands,) of the
    others' light to its, 0 for those that are never full, and the `share` of the lit disc that was full."""

    lead: int
    ratios: NDArray[np.float64]
    share: float


def find_highlights(
    light: Plane, full: NDArray[np.float64], lit: NDArray[np.bool_], unit: float, numbers: HighlightNumbers = USUAL
) -> Highlights:
    """What the full pixels of light (h, w, bands) need; arguments as in `recover_highlights`.

    The filter with the fewest full pixels leads.
    """
    bands = light.shape[2]
    counts = [int(np.count_nonzero(light[..., k] > full[k])) for k in range(bands)]
    lead, worst = int(np.argmin(counts)), max(counts)
    ratios = np.zeros(bands)
    if bands < 2 or worst < numbers.least_pixels:
        return Highlights(lead, ratios, 0.0)
    for k, pixels in enumerate(counts):
        if k == lead or pixels < numbers.least_pixels:
            continue
        good = sound_pixels(light, full, lit, lead, k, unit, numbers)
        if good.any():
            ratio = light[..., k][good] / light[..., lead][good]
            ratios[k] = float(np.median(ratio[:: max(1, len(ratio) // 100_000)]))
    return Highlights(lead, ratios, worst / max(int(np.count_nonzero(lit)), 1))


def sound_pixels(
    light: Plane,
    full: NDArray[np.float64],
    lit: NDArray[np.bool_],
    lead: int,
    band: int,
    unit: float,
    numbers: HighlightNumbers = USUAL,
) -> NDArray[np.bool_]:
    """Which pixels (h, w) tell the ratio of a filter to the leading one: well exposed ground, full in neither."""
    leading = np.nan_to_num(light[..., lead])
    good = (
        lit
        & (leading > 0.1 * full[lead])
        & (leading < numbers.straight * full[lead])
        & (light[..., band] < numbers.straight * full[band])
    )
    return np.asarray(cv2.morphologyEx(good.astype(np.uint8), cv2.MORPH_OPEN, ellipse(numbers.island_px * unit)) > 0)


def recover_highlights(
    light: Plane,
    full: NDArray[np.float64],
    lit: NDArray[np.bool_],
    sky: NDArray[np.bool_],
    unit: float,
    highlights: Highlights | None = None,
    numbers: HighlightNumbers = USUAL,
) -> float:
    """Replace what is full in the light (h, w, bands), in place; the share of the lit disc that was is returned.

    `full` (bands,) is the light from which a filter's pixels are full, `lit` (h, w) the disc in daylight, `sky` (h, w)
    what is beside the disc, `unit` the size of a camera pixel in px. The leading filter's light, times the others'
    ratio to it, carried in from where neither is near full, becomes theirs. `highlights` are those of the whole where
    this is a part.
    """
    highlights = find_highlights(light, full, lit, unit, numbers) if highlights is None else highlights
    lead = highlights.lead
    leading = np.nan_to_num(light[..., lead])
    for k, level in enumerate(highlights.ratios):
        if level == 0.0:
            continue
        good = sound_pixels(light, full, lit, lead, k, unit, numbers)
        ratio = (np.where(good, light[..., k], 0.0) / np.where(good, leading, 1.0)).astype(np.float32)
        (carried,) = smooth([ratio], good.astype(np.float32), numbers.carry_px * unit, far=float(level))
        told = carried * leading
        spilt = sky & (light[..., k] > 2.0 * told + 0.02 * full[k])
        spoilt = spoilt_share(light[..., k], float(full[k]), spilt, unit, numbers)
        light[..., k] += spoilt * (told - light[..., k])
    return highlights.share


def ellipse(reach: float) -> NDArray[np.uint8]:
    """A round neighbourhood that reaches so many px from its middle."""
    side = 2 * int(np.ceil(reach)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), dtype=np.uint8)


def spoilt_share(
    light: Plane, full: float, spilt: NDArray[np.bool_], unit: float, numbers: HighlightNumbers = USUAL
) -> Plane:
    """How far (0 to 1) a filter's light (h, w) is not to be believed: it bends before it is full, and spills over."""
    closed = cv2.morphologyEx(
        ((light > full) | spilt).astype(np.uint8), cv2.MORPH_CLOSE, ellipse(numbers.island_px * unit)
    )
    hard = np.asarray(cv2.dilate(closed, ellipse(1.5 * unit)), dtype=np.float32)
    bent = np.clip((np.nan_to_num(light) / full - numbers.straight) / max(1.0 - numbers.straight, 1e-6), 0.0, 1.0)
    share: Plane = np.maximum.reduce([hard, blur(hard, 0.7 * unit), bent]).astype(np.float32)
    return share
