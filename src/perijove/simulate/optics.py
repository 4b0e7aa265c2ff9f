"""Optics: which way each sub-sample of each pixel looks, and when.

A pixel gathers light over its square and over the exposure. Both are sampled together: sub-sample k of s x s stands in
its own cell of the square, and at one of s moments, of which every row and every column of cells has each once, so that
time leans on no place. Otherwise the blur would lie aslant, and with it turn every limb.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from perijove.instrument import (
    CENTRE_LINE,
    CENTRE_SAMPLE,
    FOCAL_LENGTH_PX,
    FRAMELET_LINES,
    MEASURED_SCALE,
    MEASURED_SHIFT,
    RADIAL_K1,
    RADIAL_K2,
    SAMPLES,
    Filter,
)

FloatArray = NDArray[np.float64]

STAGE_S = 0.0032
"""Time between two shifts of the charge in time-delayed integration (calibration report)."""
PAD_LINES = 4
"""Lines traced beyond a framelet on each side, so that the blur knows what lies there."""


@dataclass(frozen=True)
class Lens:
    """The camera's geometry, in px: what the kernel has, and how the true camera differs from it.

    `shift` (line, sample) moves a filter's optical centre, `scale` multiplies its focal length (lateral colour);
    `k1`, `k2` are those of the radial polynomial, ideal to distorted; `blur_px` is the sigma of the optics' Gaussian
    point spread, on top of the pixel's own square and the smear.
    """

    shift: Mapping[Filter, tuple[float, float]] = field(default_factory=lambda: dict(MEASURED_SHIFT))
    scale: Mapping[Filter, float] = field(default_factory=lambda: dict(MEASURED_SCALE))
    k1: float = RADIAL_K1
    k2: float = RADIAL_K2
    blur_px: float = 0.5


@dataclass(frozen=True)
class Samples:
    """Where in a pixel and when in the exposure each of n sub-samples is taken.

    `line`, `sample` (n,) px from the pixel's upper left corner, the rows that the charge has yet to move included;
    `seconds` (n,) from the middle of the exposure.
    """

    line: FloatArray
    sample: FloatArray
    seconds: FloatArray


def sub_samples(per_side: int, stages: int, *, smear: bool = True) -> Samples:
    """Sub-samples of one pixel for a time-delayed integration of so many stages.

    While the charge waits in stage j of n it stands n - 1 - j rows further down than where it is read out. Without
    `smear` all light falls in the middle of the exposure.
    """
    count = per_side * per_side
    down, along = np.divmod(np.arange(count), per_side)
    line, sample = (down + 0.5) / per_side, (along + 0.5) / per_side
    if not smear:
        return Samples(line + (stages - 1) / 2.0, sample, np.zeros(count))
    # a Latin square: each column begins one cell further down
    turned = np.mod(down - along, per_side)
    # the few moments are spread as widely as all of the stage is
    spread = 1.0 / np.sqrt(1.0 - per_side**-2.0) if per_side > 1 else 1.0
    within = 0.5 + ((turned + 0.5) / per_side - 0.5) * spread
    early = np.floor((np.arange(count) + 0.5) / count * stages)
    # the second half mirrors the first: together they stand in the middle of the exposure
    stage = np.where(2 * np.arange(count) + 1 <= count, early, stages - 1 - early[::-1])
    stage[2 * np.arange(count) + 1 == count] = (stages - 1) / 2.0
    rows = stages - 1 - stage
    return Samples(line + rows, sample, (stage + within - stages / 2.0) * STAGE_S)


def looks(lens: Lens, band: Filter, samples: Samples) -> FloatArray:
    """Unit vectors (lines, samples, n, 3) in the camera's frame of a framelet's sub-samples, `PAD_LINES` included."""
    c_line, c_sample = CENTRE_LINE[band], CENTRE_SAMPLE
    shift = lens.shift.get(band, (0.0, 0.0))
    line = np.arange(-PAD_LINES, FRAMELET_LINES + PAD_LINES)[:, None, None] + samples.line
    sample = np.arange(SAMPLES)[:, None] + samples.sample
    v, u = np.broadcast_arrays(line - c_line - shift[0], sample - c_sample - shift[1])
    shrink = undistort(np.hypot(u, v), lens.k1, lens.k2)
    focal = FOCAL_LENGTH_PX * lens.scale.get(band, 1.0)
    ray = np.stack([u * shrink, v * shrink, np.full(u.shape, focal)], axis=-1)
    ray /= np.sqrt(np.einsum("...i,...i", ray, ray))[..., None]
    return ray


def undistort(radius: FloatArray, k1: float, k2: float) -> FloatArray:
    """Factor from distorted to ideal radius: Newton on r (1 + k1 r^2 + k2 r^4) = R, which two steps bring to 1e-9."""
    ideal = radius
    for _ in range(4):
        r2 = ideal * ideal
        miss = ideal * (1.0 + r2 * (k1 + r2 * k2)) - radius
        ideal = ideal - miss / (1.0 + r2 * (3.0 * k1 + r2 * 5.0 * k2))
    out: FloatArray = np.where(radius > 0.0, ideal / np.maximum(radius, 1e-12), 1.0)
    return out
