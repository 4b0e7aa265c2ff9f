"""Noise: the variance of a pixel's light, by what the camera does to it on the way to its code.

Charge comes with its shot noise, the readout adds its own, the converter rounds to whole numbers, four of which are
averaged where pixels are summed; companding rounds to the steps of a table, which grow with the light; lossy coding
rounds the cosine transform of 16 x 16 codes. In the dark the converter's cut at 0 hides the lower half of the noise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from perijove.calibrate.quality import Quality
from perijove.jit import inlined, kernel

FloatArray = NDArray[np.float64]
Light = NDArray[np.float32]

ELECTRONS_PER_DN = 15.0
"""Photon transfer of the calibration report (MSSS: 15.02), which elsewhere takes the nominal 16.3. The strips side with
the former: the calmest twentieth of the 9 x 9 px squares of the lossless 44C00074, by second differences at 26 to 990
DN, gives 13.3 to 13.9 if clouds' own grain is a fixed share of the light, and any grain beyond that raises it."""
READ_NOISE_DN = 1.02
"""Calibration report: differences of dark frames, 0.36 x 4 DN over the root of 2 (16.6 electrons of the nominal scale).
The masked columns of 44C00074 have 1.09 after rounding, this with rounding makes 1.06."""
CONVERTER = 1.0 / 12.0
"""Variance of rounding to whole numbers."""
FLAT_SIGMA = 0.003
"""Relative error of the flat field: scatter of neighbouring columns of 44C00074 beyond their noise. Columns that are
summed share it out."""
SPOT_SIGMA = 0.03
"""Relative error of what was divided by a spot's shadow."""
REPAIR = 4.0
"""Variance of a repaired pixel whose own sigma is not known, in those of its neighbours."""
CODING_STEP = 2.016
"""Step of the coefficients of lossy coding, orthonormal transform of codes (four real strips)."""
QUIET_CODES = 0.8
"""In blocks that vary by less (codes, rms) the scene fills nothing."""
SIGNIFICANT, SIGNIFICANT_SLOPE, MOST_SIGNIFICANT = 0.25, 0.075, 1.04
"""Steps from which a coefficient counts as significant: at the mean, more a unit of radius, and at most. Beyond the
radius of its outermost significant coefficient nothing is left of a block: fitted to 44C00030 and 43C00078."""
ROUNDING = 1.0 / 12.0
"""Variance, codes^2, of the rounding to codes on the way back."""
BLOCK = 16
"""Side of the blocks of lossy coding, px."""
FILLED_SHARE = 0.08
"""Share of a block's coefficients that its scene fills, by the logarithm of 1 + its variance over that of the noise:
from simulated strips with the clouds of 44C00074, where it is 0.1 to 0.3 at 15 and 0.5 at 200."""
CUT_DN = 10.0
"""Light up to which the converter's cut at 0 is reckoned with."""
LOWEST_DN, ABOVE_DN, NODES = -4.0, 64.0, 1024
"""The model's least light, how far it goes beyond the table, and its number of nodes."""
REACH = 2
"""Half the side of the square over which light is averaged before its noise is looked up, px."""
SPOT, FULL = int(Quality.SPOT), int(Quality.FULL)
REPLACED = int(Quality.HIT | Quality.FLIPPED | Quality.FILLED)


@dataclass(frozen=True)
class NoiseModel:
    """Variance of a pixel, before the flat is divided out, by its light.

    `variance` (kinds, n) float32 in DN^2 belongs to the light (k `root_step`)^2 - 4 DN, k = 0 ... n - 1: nodes stand
    evenly in the root, as the noise grows with it. `step` (n,) float32 is the width of the codes there, DN. The first
    kind is what coding, if any, finds. With lossy coding two more are what it leaves of coefficients that are noise
    alone and of those that the scene fills. `flat_sigma` is the relative
    error of the flat.
    """

    variance: Light
    step: Light
    root_step: float
    flat_sigma: float

    @property
    def light(self) -> FloatArray:
        """Light (n,) in DN of the nodes."""
        return _nodes(self.root_step)


def noise_model(
    table: Light,
    *,
    level_dn: float = 0.0,
    zero_dn: float = 0.0,
    binning: int = 1,
    lossy: bool = False,
    electrons_per_dn: float = ELECTRONS_PER_DN,
    read_noise_dn: float = READ_NOISE_DN,
) -> NoiseModel:
    """The noise of a strip whose codes mean the numbers of `table` (256,) DN.

    `level_dn` is what unlit pixels read and `zero_dn` the light given to code 0 (`bias.Bias`, means over the
    framelets). With `binning` 2 a code is of the mean of four pixels.
    """
    root_step = math.sqrt(float(table[-1]) + ABOVE_DN - LOWEST_DN) / (NODES - 1)
    light = _nodes(root_step)
    charge = np.maximum(light, 0.0) / electrons_per_dn + read_noise_dn**2
    step = steps_at(table, light + level_dn)
    before = (charge + CONVERTER) / binning**2
    # a code that is no more than the converter's number, of one pixel, is not rounded again
    before = before + np.where((step > 1.0) | (binning == 2), step**2, 0.0) / 12.0
    if float(table[1] - table[0]) <= 1.0:
        low = light < CUT_DN
        before[low] = cut_variance(light[low], np.sqrt(charge[low]), table, level_dn, zero_dn, binning)
    kinds = [before]
    if lossy:
        codes = before / step**2
        sigma = np.sqrt(codes)
        alone = kept_variance(sigma) * kept_share(sigma)
        kinds += [step**2 * (kind + ROUNDING) for kind in (alone, codes + CODING_STEP**2 / 12.0)]
    return NoiseModel(
        np.stack(kinds).astype(np.float32), step.astype(np.float32), root_step, FLAT_SIGMA / math.sqrt(binning)
    )


def _nodes(root_step: float) -> FloatArray:
    """Light (n,) DN of a model's nodes."""
    light: FloatArray = np.square(np.arange(NODES) * root_step) + LOWEST_DN
    return light


def steps_at(table: Light, number: FloatArray) -> FloatArray:
    """Width (n,) DN of the code in which numbers (n,) fall."""
    values = table.astype(np.float64)
    between = (values[1:] + values[:-1]) / 2
    code = np.searchsorted(between, number)
    width = np.diff(between, prepend=2 * values[0] - between[0], append=2 * values[-1] - between[-1])
    out: FloatArray = width[code]
    return out


def cut_variance(
    light: FloatArray, sigma: FloatArray, table: Light, level_dn: float, zero_dn: float, binning: int
) -> FloatArray:
    """Mean squared error (n,) DN^2 of light (n,) near 0 with noise `sigma` (n,) DN before the converter, which cuts
    what is negative; where pixels are summed each is cut before their mean is rounded."""
    top = math.ceil(float(light.max(initial=0.0)) + abs(level_dn) + 8 * float(sigma.max(initial=0.0))) + 1
    edges = np.arange(top) + 0.5
    below = ndtr((edges - (light + level_dn)[:, None]) / sigma[:, None])
    share = np.diff(below, axis=1, prepend=0.0, append=1.0)
    numbers = np.arange(top + 1)
    if binning == 2:
        two = np.stack([np.convolve(row, row) for row in share])
        share = np.stack([np.convolve(row, row) for row in two])
        numbers = np.rint(np.arange(share.shape[1]) / 4).astype(int)
    values = table.astype(np.float64)
    code = np.searchsorted((values[:-1] + values[1:]) / 2, numbers, side="right")
    read = np.where(code == 0, zero_dn, values[code] - level_dn)
    out: FloatArray = (share * (read - light[:, None]) ** 2).sum(axis=1)
    return out


def kept_variance(sigma: FloatArray) -> FloatArray:
    """Mean square (n,) codes^2 of coefficients that are nothing but noise of `sigma` (n,) codes, rounded to steps."""
    counts = np.arange(1, 12)
    edges = (counts - 0.5) * CODING_STEP
    beyond = 2 * ndtr(-edges / np.maximum(sigma, 1e-6)[:, None])
    # the sum of k^2 over the shares between the edges, by k^2 - (k - 1)^2 = 2 k - 1
    kept: FloatArray = CODING_STEP**2 * ((2 * counts - 1) * beyond).sum(axis=1)
    return kept


def kept_share(sigma: FloatArray) -> FloatArray:
    """Share (n,) of the coefficients that lie within the radius up to which coding keeps them, in blocks that are
    nothing but noise of `sigma` (n,) codes."""
    radius = np.sort(np.hypot(*np.mgrid[:BLOCK, :BLOCK]).ravel())[1:]
    edge = CODING_STEP * np.minimum(SIGNIFICANT + SIGNIFICANT_SLOPE * radius, MOST_SIGNIFICANT)
    inside = 1.0 - 2.0 * ndtr(-edge / np.maximum(sigma, 1e-6)[:, None])
    # no significant one from here outwards
    none = np.cumprod(inside[:, ::-1], axis=1)[:, ::-1]
    out: FloatArray = 1.0 - none.mean(axis=1)
    return out


def variance(
    light: Light,
    response: Light,
    quality: NDArray[np.uint8],
    model: NoiseModel,
    *,
    extra: Light | None = None,
    veil: Light | None = None,
    flat_sigma: float | NDArray[np.float32] | None = None,
    veil_sigma: Light | None = None,
    index: NDArray[np.integer] | None = None,
    sigma_codes: Light | None = None,
) -> Light:
    """Variance (frames, lines, samples) float32, DN^2, of flat-fielded light of that shape in DN; NaN where it is NaN.

    `response` (lines, samples) is what the light was divided by, `quality` of the light's shape holds the bits of
    `Quality`, `extra` (lines, samples) the dark charge in DN that was taken off, `veil` (frames, block lines, block
    samples) DN before the response that stray light added, in blocks of `BLOCK` px. The noise is that of the mean
    light around a pixel, lest its own noise decide about it.

    `flat_sigma` is the relative error of the response where it is not the model's: one number, or a plane (lines,
    samples) with the model's number where it is NaN. It is meant for what differs from pixel to pixel: the large-scale
    part of `BandFrames.flat_sigma`, which all pixels share, is no noise and is not to be passed. `veil_sigma`, finite
    and of the veil's shape, is the veil's error, added in quadrature to the pixels of its block. That error is
    correlated over many blocks: means over pixels do not shrink it.

    A pixel that was replaced has `sigma_codes` (n,), codes, at the flat `index` (n,) of the light's arrays
    beside its neighbours' noise, or `REPAIR` times that where it is not in the list. What is full, and only a lower
    limit, and what could not be replaced (sigma NaN) have their own light for a sigma.
    """
    lines, samples = light.shape[1:]
    dark = np.zeros((lines, samples), np.float32) if extra is None else extra
    uneven = _flat_variance(model.flat_sigma, flat_sigma, (lines, samples))
    blocks = (len(light), -(-lines // BLOCK), -(-samples // BLOCK))
    stray = np.zeros(blocks, np.float32) if veil is None else veil
    doubt = np.zeros(blocks, np.float32) if veil_sigma is None else np.square(veil_sigma, dtype=np.float32)
    out = np.empty(light.shape, np.float32)
    for f in range(len(light)):
        plane_variance(
            light[f], response, quality[f], dark, stray[f], doubt[f], model.variance, model.step, model.root_step,
            uneven, out[f],
        )  # fmt: skip
    if index is not None and sigma_codes is not None and len(index):
        _add_repairs(light, response, model, index, sigma_codes, out)
    return out


def _flat_variance(default: float, sigma: float | Light | None, shape: tuple[int, int]) -> Light:
    """Square (lines, samples) of the relative error of the flat; the default where it is None or NaN."""
    plane = np.full(shape, default if sigma is None else sigma, np.float32)
    plane[np.isnan(plane)] = default
    return plane * plane


def _add_repairs(
    light: Light, response: Light, model: NoiseModel, index: NDArray[np.integer], sigma_codes: Light, out: Light
) -> None:
    """Give replaced pixels the error of their replacement, in place; see `variance`."""
    flat, here, there = out.reshape(-1), light.reshape(-1)[index], response.reshape(-1)[index % response.size]
    step = np.interp(here * there, model.light, model.step)
    repaired = flat[index] / np.float32(REPAIR) + (sigma_codes * step / there) ** 2
    # where there was nothing to replace it from a pixel tells as little as a full one
    flat[index] = np.where(np.isnan(sigma_codes), flat[index] + here * here, repaired)


@kernel
def plane_variance(
    light: Light,
    response: Light,
    quality: NDArray[np.uint8],
    dark: Light,
    veil: Light,
    veil_variance: Light,
    kinds: Light,
    step: Light,
    root_step: float,
    flat_variance: Light,
    out: Light,
) -> None:
    """Fill `out` (lines, samples) from one framelet of that shape; `kinds`, `step` and `root_step` are the model's."""
    lines, samples = light.shape
    total, count = np.zeros(samples), np.zeros(samples)
    busy = block_activity(light, response) if len(kinds) > 1 else np.zeros((1, 1), np.float32)
    for i in range(min(REACH, lines)):
        add_line(light, response, i, 1.0, total, count)
    for i in range(lines):
        if i + REACH < lines:
            add_line(light, response, i + REACH, 1.0, total, count)
        if i - REACH - 1 >= 0:
            add_line(light, response, i - REACH - 1, -1.0, total, count)
        around, n = 0.0, 0.0
        for j in range(min(REACH, samples)):
            around, n = around + total[j], n + count[j]
        for j in range(samples):
            if j + REACH < samples:
                around, n = around + total[j + REACH], n + count[j + REACH]
            if j - REACH - 1 >= 0:
                around, n = around - total[j - REACH - 1], n - count[j - REACH - 1]
            here = light[i, j]
            if np.isnan(here):
                out[i, j] = np.nan
                continue
            place = math.sqrt(max(around / n + dark[i, j] + veil[i // BLOCK, j // BLOCK] - LOWEST_DN, 0.0)) / root_step
            activity = busy[i // BLOCK, j // BLOCK] if len(kinds) > 1 else np.float32(0)
            noise = noise_at(kinds, step, place, activity)
            noise = (noise + veil_variance[i // BLOCK, j // BLOCK]) / response[i, j] ** 2
            noise += flat_variance[i, j] * here * here
            bits = quality[i, j]
            if bits & SPOT:
                noise += SPOT_SIGMA**2 * here * here
            if bits & REPLACED:
                noise *= REPAIR
            if bits & FULL:
                noise += here * here
            out[i, j] = noise


@inlined
def noise_at(kinds: Light, step: Light, place: float, activity: np.float32) -> float:
    """Variance at a place among the nodes of a model, in a block of lossy coding that varies by `activity`, DN^2."""
    k = min(int(place), kinds.shape[1] - 2)
    part = min(place - k, 1.0)
    before = (1.0 - part) * kinds[0, k] + part * kinds[0, k + 1]
    if len(kinds) == 1:
        return float(before)
    alone = (1.0 - part) * kinds[1, k] + part * kinds[1, k + 1]
    if activity < (QUIET_CODES * step[k]) ** 2:
        return float(alone)
    filled = min(FILLED_SHARE * math.log(1.0 + activity / before), 1.0)
    scene = (1.0 - part) * kinds[2, k] + part * kinds[2, k + 1]
    return float((1.0 - filled) * alone + filled * scene)


@kernel
def add_line(light: Light, response: Light, i: int, sign: float, total: FloatArray, count: FloatArray) -> None:
    """Add the light (lines, samples) of line i times the response, or take it off, to the sums by sample; no NaN."""
    for j in range(light.shape[1]):
        if not np.isnan(light[i, j]):
            total[j] += sign * float(light[i, j]) * response[i, j]
            count[j] += sign


@kernel
def block_activity(light: Light, response: Light) -> Light:
    """Variance about their mean, DN^2, of the blocks of lossy coding in one framelet's light (lines, samples)."""
    lines, samples = light.shape
    out = np.zeros(((lines + BLOCK - 1) // BLOCK, (samples + BLOCK - 1) // BLOCK), np.float32)
    for a in range(out.shape[0]):
        for b in range(out.shape[1]):
            n, first, second = 0, 0.0, 0.0
            for i in range(a * BLOCK, min(a * BLOCK + BLOCK, lines)):
                for j in range(b * BLOCK, min(b * BLOCK + BLOCK, samples)):
                    if not np.isnan(light[i, j]):
                        value = float(light[i, j]) * response[i, j]
                        n, first, second = n + 1, first + value, second + value * value
            if n:
                out[a, b] = max(second / n - (first / n) ** 2, 0.0)
    return out
