"""Candidate limb points, found in the framelets alone, before anything is known of the pointing.

An edge is a candidate where light falls, within a few pixels, from a bright plateau to dark sky. The terminator falls
too slowly, a cloud never reaches dark sky, a hot pixel has no plateau, and the blocks of a compressed dark sky are too
faint; what still passes wrongly is left to the robust search.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from perijove.instrument import SAMPLES

FloatArray = NDArray[np.float64]

_BLUR_PX = 1.2
_REACH = (5.0, 8.0)
"""Distances in pixels at which plateau and sky are read on either side of an edge."""
_SKY_FRACTION = 0.12
_PLATEAU_FRACTION = 0.55
_STEEPNESS = 0.09
"""Least gradient, as a fraction of the plateau per pixel: a blurred limb has 0.2, a terminator 0.02."""
_CELL = 12
"""One candidate at most is kept in each cell of this many pixels."""


@dataclass(frozen=True)
class EdgePoints:
    """Pixels at an edge: `frame` (n,), continuous `line` and `sample` (n,), outward normal (n, 2) as (line, sample)."""

    frame: NDArray[np.int64]
    line: FloatArray
    sample: FloatArray
    outward: FloatArray


_THIN = 10.0
"""Where the 99.9th percentile of the light is so many times the 99th, what is lit fills less than 1 % of the strip."""


def bright_level(light: NDArray[np.float32]) -> float:
    """A robust bright level of one filter's framelets: their 99th percentile, 0 if nothing is there.

    Of a crescent so thin that this is sky, the 99.9th.
    """
    sample = light[:, ::4, ::4]
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        return 0.0
    level, higher = (float(v) for v in np.percentile(sample, [99.0, 99.9]))
    return higher if higher > _THIN * max(level, 0.0) else level


def pixel_noise(light: NDArray[np.float32]) -> float:
    """Standard error of single pixels of one filter's framelets, by how neighbours in a line differ; 0 if none."""
    differ = np.diff(light[:, ::4, :], axis=2)[:, :, ::4]
    differ = differ[np.isfinite(differ)]
    # what the body shows changes little from one sample to the next
    return float(np.median(np.abs(differ)) / (0.6745 * np.sqrt(2.0))) if differ.size else 0.0


def find_candidates(light: NDArray[np.float32], floor: float) -> EdgePoints:
    """Candidate limb points in one filter's framelets (frames, lines, samples); NaN is masked.

    `floor` is the least plateau, in the unit of the light, that counts as lit.
    """
    found: list[NDArray[np.float64]] = []
    for index, plane in enumerate(light):
        points = _framelet_candidates(plane, floor)
        if len(points):
            found.append(np.column_stack([np.full(len(points), index), points]))
    table = np.concatenate(found) if found else np.empty((0, 5))
    return EdgePoints(table[:, 0].astype(np.int64), table[:, 1], table[:, 2], table[:, 3:5])


def _framelet_candidates(plane: NDArray[np.float32], floor: float) -> FloatArray:
    """Rows (line, sample, normal line, normal sample) of one framelet's candidates."""
    masked = ~np.isfinite(plane)
    filled = np.where(masked, 0.0, plane).astype(np.float32)
    # a median first: radiation hits and hot pixels are one pixel wide, the limb is not
    smooth = np.asarray(cv2.GaussianBlur(cv2.medianBlur(filled, 3), (0, 0), _BLUR_PX), dtype=np.float32)
    if smooth.max() < floor:
        return np.empty((0, 4))
    d_sample = cv2.Scharr(smooth, cv2.CV_32F, 1, 0) / 32.0
    d_line = cv2.Scharr(smooth, cv2.CV_32F, 0, 1) / 32.0
    slope = np.hypot(d_sample, d_line).astype(np.float32)
    slope[cv2.dilate(masked.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0] = 0.0
    slope[:2], slope[-2:] = 0.0, 0.0
    at = np.nonzero(slope > _STEEPNESS * floor)
    line, sample = at[0].astype(float), at[1].astype(float)
    if not len(line):
        return np.empty((0, 4))
    steep = slope[at].astype(float)
    outward = -np.stack([d_line[at], d_sample[at]], axis=-1).astype(float) / steep[:, None]
    inside = np.full(len(line), np.inf)
    outside = np.full(len(line), -np.inf)
    for reach in _REACH:
        inside = np.minimum(inside, _read(smooth, line - reach * outward[:, 0], sample - reach * outward[:, 1]))
        outside = np.maximum(outside, _read(smooth, line + reach * outward[:, 0], sample + reach * outward[:, 1]))
    peak = np.minimum(
        _read(slope, line + 1.5 * outward[:, 0], sample + 1.5 * outward[:, 1]),
        _read(slope, line - 1.5 * outward[:, 0], sample - 1.5 * outward[:, 1]),
    )
    with np.errstate(invalid="ignore"):
        good = (inside > floor) & (outside < _SKY_FRACTION * inside) & (steep > _STEEPNESS * inside)
        good &= (steep >= peak) & (inside > _PLATEAU_FRACTION * _read(smooth, line, sample))
    return _strongest_per_cell(line[good] + 0.5, sample[good] + 0.5, outward[good], steep[good])


def _read(image: NDArray[np.float32], line: FloatArray, sample: FloatArray) -> FloatArray:
    """Nearest value of `image` at element coordinates; NaN outside."""
    i, j = np.rint(line).astype(int), np.rint(sample).astype(int)
    inside = (i >= 0) & (i < image.shape[0]) & (j >= 0) & (j < image.shape[1])
    return np.where(inside, image[np.where(inside, i, 0), np.where(inside, j, 0)], np.nan)


def _strongest_per_cell(line: FloatArray, sample: FloatArray, outward: FloatArray, strength: FloatArray) -> FloatArray:
    """The steepest point of each cell of `_CELL` pixels."""
    cell = (line // _CELL).astype(int) * (SAMPLES // _CELL + 1) + (sample // _CELL).astype(int)
    order = np.argsort(-strength, kind="stable")
    _, first = np.unique(cell[order], return_index=True)
    keep = order[first]
    return np.column_stack([line[keep], sample[keep], outward[keep]])
