"""Measure: everything the frames are made of, from one strip whose geometry is solved."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from perijove.calibrate.bias import NOISE_DN, Bias
from perijove.calibrate.decompand import decompanding_table
from perijove.calibrate.flat import response
from perijove.calibrate.response import dn_per_light
from perijove.errors import LabelError, StripError
from perijove.flatfield.detail import NEAR_DARK, relative_detail, smooth_plane, whole_weight
from perijove.flatfield.field import Measured
from perijove.flatfield.light import Veil, light_above_bias, measure_veil, veil_shape
from perijove.flatfield.places import CELL, Places, places, seen_in_next
from perijove.instrument import FRAMELET_LINES, SAMPLES, Filter
from perijove.observation import Observation

Light = NDArray[np.float32]
FloatArray = NDArray[np.float64]

LOSSLESS = "HUFFMAN"
"""COMPRESSION_TYPE of strips that lost nothing."""
LEAST_COS = 0.3
"""Least cos i and cos e: nearer to limb and terminator haze and shadows rule, and places are met less exactly."""
LEAST_DN = 60.0
"""Least light of a cell of the large scale."""
MOST_SKY_DN = 40.0
"""Sky brighter than this is no dark sky: the limb's glare, or something else."""
USUAL_SUN_KM = 7.78e8
"""Jupiter's mean distance from the Sun, where the label has none."""
LEAST_SKY_PIXELS = 2000
MOST_OFF_DN = 20.0
"""What stands farther off its surroundings is a star or a hit."""
TIE_LINES = 4.0
"""Lines at a framelet's end within which no tie's middle lies: half a cell."""


@dataclass(frozen=True)
class BandMeasure:
    """What one filter of one strip tells.

    `detail` (frames, 128, 1648) light over its surroundings less 1, `sky` (frames, 128, 1648) DN of dark sky above
    its surroundings, both NaN where there is none; `large` the measurements of the large scale; `veil`
    the stray light.
    """

    detail: Light
    sky: Light
    large: Measured
    veil: Veil


def measure_strip(observation: Observation, strip: int, group: int) -> dict[Filter, BandMeasure]:
    """Measure all filters of a strip; `strip` and `group` number it and its pass. StripError for a summed strip."""
    label = observation.raw.label
    if label.sampling_factor != 1:
        raise StripError(
            f"{observation.raw.path} is summed {label.sampling_factor} x {label.sampling_factor}, so that its pixels "
            "cannot be told apart: leave it out"
        )
    return {band: measure_band(observation, band, strip, group) for band in label.filters}


def measure_band(observation: Observation, band: Filter, strip: int, group: int) -> BandMeasure:
    """Measure one filter of a strip."""
    raw, lossy = observation.raw, observation.raw.label.compression != LOSSLESS
    light, bias = light_above_bias(raw.framelets(band), decompanding_table(raw.label.bit_mode), lossy=lossy)
    at = places(observation.pointing, observation.body, observation.sun, band, len(light))
    shape = veil_shape(light)
    known = response(band, FRAMELET_LINES, SAMPLES)
    sky = sky_mask(at)
    return BandMeasure(
        detail=relative_detail(light, bright_level(light)),
        sky=dark_sky(light, sky, bias),
        large=large_scale(light, shape * known, known, at, observation, band, strip, group),
        veil=measure_veil(light / known, shape, sky),
    )


def bright_level(light: Light) -> float:
    """Light in DN that a hundredth of a strip's pixels exceed; 0 where nothing is seen."""
    some = light[:, 4::8, 4::8]
    some = some[np.isfinite(some)]
    return float(np.percentile(some, 99)) if len(some) else 0.0


def sky_mask(at: Places) -> NDArray[np.bool_]:
    """Which pixels (frames, 128, 1648) lie in cells that see nothing but dark sky."""
    frames = len(at.sky)
    mask = np.zeros((frames, FRAMELET_LINES, SAMPLES), np.bool_)
    whole = np.repeat(np.repeat(at.sky, CELL, axis=1), CELL, axis=2)
    first = int(at.sample[0] - CELL / 2)
    mask[:, :, first : first + whole.shape[2]] = whole
    return mask


def dark_sky(light: Light, sky: NDArray[np.bool_], bias: Bias) -> Light:
    """DN (frames, 128, 1648) by which pixels of dark sky stand off their surroundings; NaN elsewhere.

    Light that the converter cuts at 0 shows only part of an offset: what is seen is made up for that.
    """
    out = np.full(light.shape, np.nan, np.float32)
    whole = whole_weight(light.shape[1:])
    for frame, (plane, target) in enumerate(zip(light, out, strict=True)):
        seen = sky[frame] & (plane < MOST_SKY_DN)
        if np.count_nonzero(seen) < LEAST_SKY_PIXELS:
            continue
        smooth, weight = smooth_plane(np.where(seen, plane, 0), seen)
        use = seen & (weight > NEAR_DARK * whole) & (np.abs(plane - smooth) < MOST_OFF_DN)
        part = uncut(float(bias.level_dn[frame]), float(bias.zero_dn[frame]), smooth[use])
        target[use] = (plane[use] - smooth[use]) / part
    return out


def uncut(level: float, zero: float, light: Light) -> Light:
    """The share of a small offset that shows in the mean of pixels of this light (n,) DN above a bias `level`.

    A pixel's number is a Gaussian about level and light, rounded; those below 1 become 0, for which `zero` DN stand.
    """
    at = np.linspace(-2.0, 8.0, 101)
    steps = np.arange(1, 24)
    gap = np.where(steps == 1, 1.0 - level - zero, 1.0)
    density = np.exp(-0.5 * ((at[:, None] + level - steps + 0.5) / NOISE_DN) ** 2) / (NOISE_DN * np.sqrt(2.0 * np.pi))
    return np.asarray(np.clip(np.interp(light, at, density @ gap), 0.3, 1.0), np.float32)


def cell_means(light: Light) -> Light:
    """Mean light (frames, 128, 1648) of the cell about each pixel; NaN where any of it is unknown."""
    out = np.empty_like(light)
    for plane, target in zip(light, out, strict=True):
        # NaN would spread along whole rows of the running sums
        seen = np.isfinite(plane)
        mean = cv2.boxFilter(np.where(seen, plane, 0), cv2.CV_32F, (CELL, CELL), borderType=cv2.BORDER_CONSTANT)
        whole = cv2.boxFilter(seen.astype(np.float32), cv2.CV_32F, (CELL, CELL), borderType=cv2.BORDER_CONSTANT)
        target[:] = np.where(whole > 0.999, mean, np.nan)
    return out


def large_scale(
    light: Light, veil: Light, known: Light, at: Places, observation: Observation, band: Filter, strip: int, group: int
) -> Measured:
    """The cells of one filter's framelets (frames, 128, 1648) that see well-lit ground, and the ties between them.

    `veil` of the same shape is what one whole share of stray light adds, `known` (128, 1648) the default response.
    """
    means = cell_means(light)
    # a box of even side about element i covers i - side / 2 to i + side / 2 - 1: its middle is the corner i
    cells = means[:, at.line.astype(int)][:, :, at.sample.astype(int)]
    least = max(LEAST_DN, 0.1 * bright_level(light))
    with np.errstate(invalid="ignore"):
        use = (at.cos_i > LEAST_COS) & (at.cos_e > LEAST_COS) & (cells > least)
    frame, i, j = np.nonzero(use)
    return Measured(
        light=cells[use].astype(float),
        veil=veil[:, at.line.astype(int)][:, :, at.sample.astype(int)][use].astype(float),
        known=at_cells(known, at)[i, j],
        line=at.line[i],
        sample=at.sample[j],
        latitude=at.latitude[use],
        longitude=at.longitude[use],
        cos_i=at.cos_i[use],
        cos_e=at.cos_e[use],
        cos_phase=at.cos_phase[use],
        frame=frame,
        tie=find_ties(means / known, cells / at_cells(known, at), use, at, observation, band),
        strip=strip,
        group=group,
        per_light=light_of_white(observation, band),
    )


def light_of_white(observation: Observation, band: Filter) -> float:
    """DN that an I/F of 1 gives in a filter of this strip: what exposures and passes differ by."""
    label = observation.raw.label
    if label.exposure_s is None:
        raise LabelError(f"{label.product_id}: the label has no EXPOSURE_DURATION; complete the label")
    away = label.sun_distance_km or USUAL_SUN_KM
    return dn_per_light(band, label.exposure_s, label.perijove, away)


def at_cells(plane: Light, at: Places) -> FloatArray:
    """A smooth plane (128, 1648) at the middles of the cells."""
    out: FloatArray = plane[np.ix_(at.line.astype(int), at.sample.astype(int))].astype(np.float64)
    return out


def find_ties(
    means: NDArray[np.floating],
    cells: NDArray[np.floating],
    use: NDArray[np.bool_],
    at: Places,
    observation: Observation,
    band: Filter,
) -> FloatArray:
    """Ties (m, 5) between cells and where the next framelet shows the same ground: see `Measured`."""
    found = [np.empty((0, 5))]
    for frame in range(len(cells) - 1):
        i, j = np.nonzero(use[frame])
        there = seen_in_next(observation.pointing, observation.body, band, frame, at.ground[frame, i, j])
        line, sample = there[:, 0], there[:, 1]
        with np.errstate(invalid="ignore"):
            inside = (line >= TIE_LINES) & (line <= FRAMELET_LINES - TIE_LINES)
            inside &= (sample > at.sample[0]) & (sample < at.sample[-1])
        if not inside.any():
            continue
        i, j, line, sample = i[inside], j[inside], line[inside], sample[inside]
        other = _interpolate(means[frame + 1], line, sample)
        good = other > LEAST_DN
        ratio = np.log(other[good] / cells[frame, i[good], j[good]])
        found.append(np.stack([at.line[i[good]], at.sample[j[good]], line[good], sample[good], ratio], axis=1))
    ties = np.concatenate(found)
    # ground that is met badly, or a hit: no response changes by so much from one end to the other
    return ties[np.abs(ties[:, 4]) < 0.25]


def _interpolate(means: Light, line: FloatArray, sample: FloatArray) -> FloatArray:
    """Cell means about continuous places, bilinear; element i is the mean about the corner i."""
    i, j = np.floor(line).astype(int), np.floor(sample).astype(int)
    i, j = np.clip(i, 0, means.shape[0] - 2), np.clip(j, 0, means.shape[1] - 2)
    a, b = line - i, sample - j
    out: FloatArray = (1 - a) * ((1 - b) * means[i, j] + b * means[i, j + 1]) + a * (
        (1 - b) * means[i + 1, j] + b * means[i + 1, j + 1]
    )
    return out
