"""The light of a strip as the estimator needs it: nothing divided out yet, what cannot be believed left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from perijove.calibrate.bias import Bias, code_values, framelet_bias
from perijove.instrument import LIT_SAMPLES

Light = NDArray[np.float32]
FloatArray = NDArray[np.float64]

FULL_DN = 2200.0
"""Light from here on may be short: pixels are full at 2384 +- 25 DN (44C00074)."""
VEIL_FRAMES, VEIL_SAMPLES = 3.0, 300.0
"""Width (sigma) in frames and samples of the stray light: in 44C00074 it reaches over a quarter of a turn."""


def light_above_bias(codes: NDArray[np.uint8], table: Light, *, lossy: bool) -> tuple[Light, Bias]:
    """Light (frames, 128, 1648) in DN above the bias of each framelet, NaN where masked or full; and that bias."""
    bias = framelet_bias(codes, table, 1, lossy=lossy)
    values = code_values(table, bias)
    values[:, table >= FULL_DN] = np.nan
    light = np.full(codes.shape, np.nan, np.float32)
    for frame, plane in enumerate(codes[:, :, LIT_SAMPLES]):
        light[frame, :, LIT_SAMPLES] = values[frame][plane]
    return light, bias


def veil_shape(light: Light) -> Light:
    """Where stray light goes: the mean light of the columns and frames around, (frames, 1, samples) DN.

    Stray light is a share of it. Full pixels count as full.
    """
    filled = np.nan_to_num(light, nan=FULL_DN)
    filled[:, :, : LIT_SAMPLES.start] = 0.0
    filled[:, :, LIT_SAMPLES.stop :] = 0.0
    columns = filled.mean(axis=1)
    around = gaussian_filter1d(columns, VEIL_FRAMES, axis=0, mode="nearest")
    out: Light = gaussian_filter1d(around, VEIL_SAMPLES, axis=1, mode="constant")[:, None]
    return out


@dataclass(frozen=True)
class Veil:
    """Stray light of one filter of a strip: its `share` of `veil_shape` and over how many `pixels` it was measured."""

    share: float
    pixels: int


def measure_veil(light: Light, shape: Light, sky: NDArray[np.bool_]) -> Veil:
    """How much stray light falls on dark sky: light over shape; no pixels where too little is seen.

    `light` is divided by the response; `sky` (frames, lines, samples) says which pixels see nothing but sky. The sky is
    taken in parts of like shape, of which the median counts: stars and hits are out of each part's mean.
    """
    there = np.broadcast_to(shape, light.shape)
    use = sky & np.isfinite(light) & (there > LEAST_SHAPE_DN)
    pixels = int(np.count_nonzero(use))
    if pixels < LEAST_SKY:
        return Veil(0.0, 0)
    x, y = there[use], light[use]
    parts = np.array_split(np.argsort(x), PARTS)
    shares = [float(y[p][np.abs(y[p] - np.median(y[p])) < OUTLIER_DN].mean() / x[p].mean()) for p in parts]
    return Veil(float(np.median(shares)), pixels)


def common_share(veils: Sequence[Veil]) -> float:
    """The share of stray light by all strips of a filter: the median over sky pixels; 0 where none saw any."""
    known = sorted((v for v in veils if v.pixels), key=lambda v: v.share)
    if not known:
        return 0.0
    weight = np.cumsum([v.pixels for v in known])
    return float(np.clip(known[int(np.searchsorted(weight, weight[-1] / 2.0))].share, 0.0, MOST_SHARE))


LEAST_SHAPE_DN = 100.0
"""Light around from which on its veil stands clear of the converter's zero."""
LEAST_SKY = 5000
PARTS = 9
OUTLIER_DN = 8.0
MOST_SHARE = 0.1
