"""High dynamic range: noise taken off by how strong it is against the light, tone curves, and dither; on plain arrays.

Light is split into detail of scales that double. On each scale the power of what is seen is held against that of the
noise, and detail is kept by the share that is not noise. What is bright is left as it is, a faint glow is smoothed the
more the fainter it is, and nothing is smeared across an edge that stands out of the noise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from perijove.enhance.masked import blur, coarse, fine
from perijove.jit import kernel

Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]

FIRST_SCALE = 0.8
"""Sigma of the finest smoothing, in camera px; each next is twice as wide."""
NOISE_SHARES = (0.85, 0.25, 0.12, 0.06, 0.03, 0.015)
"""Noise of the detail on each scale against that of a pixel, where no dark part of the picture tells: white noise."""
FINE_SIGMA = 4.0
PULL = 0.05
"""Weight, against 1 for a bright pixel, of the colour that is taken where nothing tells of any."""
MOST_RATIO = 4.0
"""Most that a colour's ratio may be of that one."""
FAINT = 3.0
"""Signal over noise from which all pixels count alike for the colour around."""


def wide_blur(plane: Plane, sigma: float) -> Plane:
    """Gaussian blur (h, w), on a coarser grid where it is wide."""
    factor = int(sigma / FINE_SIGMA)
    while factor > 1 and min(plane.shape) < 8 * factor:
        factor //= 2
    if factor < 2:
        return blur(plane, sigma)
    return fine(blur(coarse(plane, factor), sigma / factor), plane.shape)


def detail_scales(light: Plane, known: Plane, unit: float, count: int) -> list[Plane]:
    """Light (h, w) as detail on `count` scales and what is left, all (h, w), which add up to it where it is known.

    `known` (h, w) is 1 where there are data and 0 elsewhere, where the light must be finite; `unit` is the size of a
    camera pixel in px.
    """
    planes: list[Plane] = []
    finer = light
    for scale in range(count):
        sigma = FIRST_SCALE * unit * 2.0**scale
        total = np.maximum(wide_blur(known, sigma), np.float32(1e-3))
        smoother = (wide_blur(light * known, sigma) / total).astype(np.float32)
        planes.append(finer - smoother)
        finer = smoother
    return [*planes, finer]


def noise_shares(scales: Sequence[Plane], sigma: Plane, dark: Mask, least: int = 500) -> list[float]:
    """Noise of each scale's detail over `sigma` (h, w), by the median over `dark` (h, w) places, where there is nothing
    but noise; `NOISE_SHARES` where they are fewer than `least`."""
    where = np.flatnonzero(dark & (sigma > 0.0))
    if len(where) < least:
        return [NOISE_SHARES[min(k, len(NOISE_SHARES) - 1)] for k in range(len(scales))]
    where = where[:: max(1, len(where) // 200_000)]
    known = sigma.ravel()[where]
    return [float(1.4826 * np.median(np.abs(detail.ravel()[where]) / known)) for detail in scales]


def without_noise(scales: Sequence[Plane], rest: Plane, noises: Sequence[Plane], unit: float, strength: float) -> Plane:
    """Light (h, w) of its detail and `rest`, with the detail cut down by the share that noise has in its power.

    `noises` are the noise of each scale's detail, (h, w). `strength` 1 takes off what is expected of noise, a larger
    one more.
    """
    out = rest.copy()
    for k, (detail, noise) in enumerate(zip(scales, noises, strict=True)):
        power = wide_blur(detail * detail, FIRST_SCALE * unit * 2.0 ** (k + 1))
        # by half more than the noise, for its power scatters about its mean
        kept = 1.0 - np.float32(1.5 * strength) * noise * noise / np.maximum(power, np.float32(1e-20))
        out += np.clip(kept, 0.0, 1.0) * detail
    return out


def steady_ratios(
    light: Plane, total: Plane, sigma: Plane, known: Plane, far: Sequence[float], unit: float, signal: float,
    widest: float,
) -> Plane:  # fmt: skip
    """Ratios (h, w, bands) of the colours of light (h, w, bands) to `total` (h, w), smoothed where they are noisy.

    They are means over so wide a place (sigma, up to `widest` camera px) that the total's signal, with the noise
    `sigma` (h, w) of a pixel, is `signal` times its noise. Pixels weigh alike, but for those fainter than `FAINT`
    sigma: so a bright limb colours its faint glow no more than the glow itself does. Where nothing is known they are
    `far` (bands,).
    """
    strong = np.maximum(total, np.float32(FAINT) * sigma)
    weight = known / np.maximum(strong, np.float32(1e-12))
    # white noise after a Gaussian mean of width s camera px is 1 / (2 sqrt(pi) s) of a pixel's
    floor = np.maximum(total, np.float32(1e-3) * sigma + np.float32(1e-12))
    wanted = np.float32(signal / (2.0 * math.sqrt(math.pi))) * sigma / floor
    widths = [0.0]
    while widths[-1] < widest:
        widths.append(min(max(2.0 * widths[-1], 0.7), widest))
    place = np.interp(np.log2(np.maximum(wanted, 1e-3)), np.log2([0.35, *widths[1:]]), range(len(widths)))
    # the place itself must not jump from pixel to pixel
    place = blur(np.asarray(place, dtype=np.float32), 1.5 * unit)
    out = np.zeros(light.shape, np.float32)
    for k, width in enumerate(widths):
        share = np.clip(1.0 - np.abs(place - np.float32(k)), 0.0, 1.0)
        trace = PULL if width > 0.0 else 0.0
        below = np.maximum(_mean(weight * total, width * unit) + np.float32(trace), np.float32(1e-6))
        for b, level in enumerate(far):
            above = _mean(weight * light[..., b], width * unit) + np.float32(trace * level)
            out[..., b] += share * np.clip(above / below, 0.0, np.float32(MOST_RATIO * level))
    return out


def _mean(plane: Plane, sigma: float) -> Plane:
    return wide_blur(plane, sigma) if sigma > 0.0 else plane


def compress(light: Plane, white: float, toe: float, lift: float = 0.5, top: float = 0.92) -> Plane:
    """Code (h, w) of 0 to 1 for light (h, w), `top` at `white`; what is brighter is rolled off towards 1.

    The curve is sRGB's own by a share of 1 - `lift`, and by `lift` the inverse hyperbolic sine, which is straight below
    `toe` and logarithmic above: the first keeps the contrast of what is bright, the second shows what is faint.
    """
    positive = np.maximum(light, 0.0)
    even = positive * np.float32(1.0 / white)
    plain = np.where(even <= 0.0031308, 12.92 * even, 1.055 * np.maximum(even, 1e-9) ** np.float32(1 / 2.4) - 0.055)
    faint = np.arcsinh(positive * np.float32(1.0 / toe)) * np.float32(1.0 / math.asinh(white / toe))
    code = np.float32(top) * ((1.0 - np.float32(lift)) * plain + np.float32(lift) * faint)
    over = np.maximum(code - np.float32(top), 0.0)
    rolled: Plane = (np.minimum(code, np.float32(top)) + over / (1.0 + over / np.float32(1.0 - top))).astype(np.float32)
    return rolled


def decode_srgb(code: Plane) -> Plane:
    """Linear light of codes of 0 to 1 by sRGB's transfer function (IEC 61966-2-1)."""
    light: Plane = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4).astype(np.float32)
    return light


@kernel
def scrambled(line: int, sample: int, band: int) -> float:
    """A number of 0 to 1 that belongs to a place: a whole number mixed until nothing is left of its order."""
    value = np.uint32(line * 73856093) ^ np.uint32(sample * 19349663) ^ np.uint32((band + 1) * 83492791)
    value = np.uint32((value ^ (value >> np.uint32(16))) * np.uint32(0x7FEB352D))
    value = np.uint32((value ^ (value >> np.uint32(15))) * np.uint32(0x846CA68B))
    return float(value ^ (value >> np.uint32(16))) / 4294967296.0


@kernel
def dither_rows(code: Plane, step: float, line: int, sample: int) -> None:
    """Add noise of a triangular distribution, one `step` either way, to codes (h, w, bands) in place.

    `line`, `sample` are the place of the first pixel in the whole picture, to which the noise belongs: parts of it get
    the same. It is the difference of neighbouring numbers, hence without coarse grain. Black, white and NaN stay.
    """
    height, width, bands = code.shape
    for i in range(height):
        for k in range(bands):
            before = scrambled(line + i, sample - 1, k)
            for j in range(width):
                here = scrambled(line + i, sample + j, k)
                value = code[i, j, k]
                if 0.0 < value < 1.0:
                    code[i, j, k] = min(max(value + step * (here - before), 0.0), 1.0)
                before = here
