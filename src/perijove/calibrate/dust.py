"""Dust: grains that are known to lie on the chip, and how much light passes them.

They lay there at perijoves 12 to 16, and in the same pixels at 43 and 44: strips of one, two and three stages of
time-delayed integration (44C00030, 29, 74) show the 13 places that can be known to 0.15 there 0.85 to 1.08 times as
deep. The shadow is drawn out down the lines: the charge of n stages was gathered on a line and the n - 1 before it. A
strip of which few framelets are lit cannot find them (`pattern`), but it can deny them: where it does, they are left
alone.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources

import cv2
import numpy as np
from numpy.typing import NDArray

from perijove.calibrate.bias import lit_columns
from perijove.calibrate.pattern import DARKEST, FixedPattern
from perijove.instrument import FRAMELET_LINES, SAMPLES, Filter

Codes = NDArray[np.uint8]
Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]

MARGIN = 7
"""Px around a place to which a surface of second degree is fitted: the light that would fall on it."""
LEAST_DN = 40.0
"""Least light around a place that tells of it."""
ROUGH = 0.05
"""Surroundings that scatter by more than this share (rms) tell nothing."""
ALIKE = 2.0
"""By how much more than independent pixels clouds err, which are wider than one."""
SYSTEMATIC = 0.1
"""Error of a place's depth however often it is seen: the table is rounded and of five perijoves."""
CERTAIN = 3.0
"""Sigma from which a place itself says whether it is there; else the filter's places decide together."""


@dataclass(frozen=True)
class Grain:
    """What a strip tells of a dusty place: its `depth`, 1 where it is as the table says, and the one-sigma `error`.

    `pixels` are its places in the flat (lines, samples) plane; `looks` counts the framelets that tell, and without any
    depth and error are NaN. `full` counts those that are full there, and so as bright with dust as without.
    """

    pixels: NDArray[np.int64]
    depth: float
    error: float
    looks: int
    full: int


@cache
def _table() -> Mapping[Filter, Plane]:
    """Share (128, 1648) of the light that pixels pass, by filter, 1 where nothing is known."""
    shares: dict[Filter, Plane] = {}
    with (resources.files("perijove") / "data" / "dust.csv").open(encoding="ascii") as file:
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            plane = shares.setdefault(Filter(row["band"]), np.ones((FRAMELET_LINES, SAMPLES), np.float32))
            plane[int(row["line"]), int(row["sample"])] = float(row["share"])
    return shares


def known_dust(band: Filter, lines: int, samples: int, stages: int) -> Plane:
    """Share (lines, samples) of the light that passes known dust, 1 elsewhere, after `stages` of integration.

    Summed framelets (64 lines) have the mean of four pixels. Nothing is known of methane's.
    """
    table = _table().get(band)
    if table is None:
        return np.ones((lines, samples), np.float32)
    # nothing is known of the chip above the framelet
    above = np.concatenate([np.ones((stages - 1, SAMPLES), np.float32), table])
    shares = np.zeros((FRAMELET_LINES, SAMPLES))
    for k in range(stages):
        shares += above[k : k + FRAMELET_LINES]
    shares /= stages
    binning = FRAMELET_LINES // lines
    summed = shares.reshape(lines, binning, samples, binning).mean(axis=(1, 3))
    return np.asarray(summed, np.float32)


def strength(codes: Codes, values: Plane, shares: Plane, first_full: int) -> tuple[Grain, ...]:
    """How deep each place of `shares` (lines, samples) is in framelets of codes (frames, lines, samples).

    `values` (frames, 256) is the DN above bias of each code, `first_full` the first code of full pixels: framelets that
    are full near a place tell nothing of it.
    """
    lines = len(shares)
    dusty = (shares < 1.0).astype(np.uint8)
    count, marks, boxes, _ = cv2.connectedComponentsWithStats(dusty, connectivity=8)
    beside = cv2.dilate(dusty, np.ones((3, 3), np.uint8)) > 0
    lit = lit_columns(FRAMELET_LINES // lines)
    found = []
    for group in range(1, count):
        left, top, width, height = (int(boxes[group, k]) for k in range(4))
        window = np.s_[
            max(top - MARGIN, 0) : min(top + height + MARGIN, lines),
            max(left - MARGIN, lit.start) : min(left + width + MARGIN, lit.stop),
        ]
        cut = codes[:, window[0], window[1]]
        light = values[np.arange(len(cut))[:, None, None], cut]
        full = (cut >= first_full).any(axis=(1, 2))
        inside = marks[window] == group
        depths, errors = _depths(light[~full], inside, ~beside[window], shares[window])
        depth, error = np.nan, np.nan
        if len(depths):
            depth = float(np.median(depths))
            error = float(np.hypot(1.25 * np.median(errors) / np.sqrt(len(depths)), SYSTEMATIC))
        found.append(Grain(np.flatnonzero(marks == group), depth, error, len(depths), int(full.sum())))
    return tuple(found)


def _depths(
    light: NDArray[np.floating], inside: Mask, clear: Mask, shares: Plane
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Depth of a place, and its error, in each framelet of light (frames, h, w) that tells of it."""
    none = np.empty(0)
    if not len(light) or np.count_nonzero(clear) < inside.sum() + 12:
        return none, none
    light = light.astype(np.float64)
    y, x = (axis / 10.0 for axis in np.mgrid[: light.shape[1], : light.shape[2]])
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)
    fitted, *_ = np.linalg.lstsq(terms[clear], light[:, clear].T, rcond=None)
    around = np.moveaxis(terms @ fitted, -1, 0)
    base = np.median(light[:, clear], axis=1)
    rough = np.std(light[:, clear] - around[:, clear], axis=1) / np.maximum(base, 1.0)
    use = (base > LEAST_DN) & (rough < ROUGH) & (around[:, inside].min(axis=1) > 0.5 * LEAST_DN)
    loss = shares[inside].astype(np.float64) - 1.0
    square = float(loss @ loss)
    depths = (light[use][:, inside] / around[use][:, inside] - 1.0) @ loss / square
    return depths, ALIKE * rough[use] / np.sqrt(square)


def there(found: Sequence[Grain]) -> tuple[Grain, ...]:
    """The places that a strip does not deny: by themselves where they are certain, else as the filter's places do.

    Where more framelets are full than tell of a place, it is left alone.
    """
    seen = [grain for grain in found if grain.looks]
    weight = np.array([grain.error**-2 for grain in seen])
    together = float(weight @ [grain.depth for grain in seen] / weight.sum()) if seen else 1.0

    def shown(grain: Grain) -> bool:
        if grain.full > grain.looks:
            return False
        if grain.looks and abs(grain.depth - 0.5) > CERTAIN * grain.error:
            return grain.depth > 0.5
        return together > 0.5

    return tuple(grain for grain in found if shown(grain))


def with_dust(
    pattern: FixedPattern, codes: Codes, values: Plane, first_full: int, band: Filter, stages: int
) -> FixedPattern:
    """A filter's fixed pattern with the known dust that its framelets (frames, lines, samples) do not deny.

    `values` (frames, 256) is the DN above bias of each code, `first_full` the first code of full pixels, `stages` those
    of the time-delayed integration. What the table says of a pixel counts for more than what a few framelets do.
    """
    shares = known_dust(band, codes.shape[1], codes.shape[2], stages)
    gain = pattern.gain.copy()
    for grain in there(strength(codes, values, shares, first_full)):
        share = shares.flat[grain.pixels]
        gain.flat[grain.pixels] = np.where(share > DARKEST, share, np.nan)
    return replace(pattern, gain=gain)
