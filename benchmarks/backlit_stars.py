"""Stars of a simulated composite against the places where they are, those that its strips' noise lets be measured.

A star's place is as sure as its light's slopes stand out of the noise of every strip that sees it. Read noise, shot
noise and what lossy coding adds are counted, not how even the composite's dark sky is: coding makes that flat, and
erases faint stars with the noise. Of strips in whose blocks a star is too faint to be more than quiet none is counted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from benchmarks.backlit_world import FINE
from numpy.typing import NDArray
from scipy.optimize import least_squares

from perijove.calibrate.decompand import decompanding_table
from perijove.calibrate.noise import BLOCK, CODING_STEP, QUIET_CODES, READ_NOISE_DN
from perijove.geometry.view import pixel_rays
from perijove.instrument import Filter
from perijove.simulate.compression import LOSSY
from perijove.simulate.frames import j2000_from_body
from perijove.simulate.portrait import pixels_of

if TYPE_CHECKING:
    from benchmarks.backlit_truth import Stage

    from perijove.simulate.strip import Strip

FloatArray = NDArray[np.float64]

SURE_PX = 0.1
"""Error that noise alone gives a star's place, above which it is not asked."""
REACH = 4
"""A star's light is looked at so far around it, px."""
CLEAR_PX = 20.0
"""Stars nearer to the limb are not asked: there is haze."""
FARTHEST_PX = 3.0
"""What is found farther away is another star, or noise."""
ELECTRONS_PER_DN = 16.3
"""Of the simulated detector."""


@dataclass(frozen=True)
class StarErrors:
    """Errors `px` (n,), native, of all stars asked for, infinite where one is not found, and what noise `allows` (n,)
    of each."""

    px: FloatArray
    allows: FloatArray

    @property
    def found(self) -> int:
        """How many of them are found."""
        return int(np.isfinite(self.px).sum())


def star_errors(stage: Stage, strips: Sequence[Strip], light: FloatArray, band: Filter, sky: float) -> StarErrors:
    """Where the stars of a composite's light (h, w) are; `sky` is the scatter of its dark sky, I/F."""
    stars, turn = stage.scene.sky, j2000_from_body(stage.scene.flight.body, stage.et)
    assert stars is not None
    at = pixels_of(pixel_rays(stage.view), stars.direction @ turn)
    at = at[np.isfinite(at).all(axis=1)]
    dark = (stage.limb_px > CLEAR_PX) & np.isfinite(light)
    found, allows = [], []
    for line, sample in at:
        i, j = int(line), int(sample)
        part = np.s_[i - REACH : i + REACH + 1, j - REACH : j + REACH + 1]
        if min(i, j) < REACH + 1 or i > light.shape[0] - REACH - 2 or j > light.shape[1] - REACH - 2:
            continue
        if not dark[part].all():
            continue
        allowed = allowed_error(stage, strips, band, part) / stage.native
        if not allowed < SURE_PX:
            continue
        allows.append(allowed)
        where, height = centre_of(light[part], part, (line, sample), sky)
        error = math.hypot(where[0] - line, where[1] - sample) / stage.native
        found.append(error if height > 3.0 * sky and error < FARTHEST_PX else math.inf)
    return StarErrors(np.array(found), np.array(allows))


def centre_of(
    seen: FloatArray, part: tuple[slice, slice], start: tuple[float, float], sky: float
) -> tuple[FloatArray, float]:
    """Line and sample (2,) px of a Gaussian on even ground that fits the light of a part best, and its height."""
    y, x = np.mgrid[part] + 0.5

    def miss(p: FloatArray) -> FloatArray:
        spot = p[2] * np.exp(-((y - p[0]) ** 2 + (x - p[1]) ** 2) / (2.0 * p[3] ** 2)) + p[4]
        return np.asarray((spot - seen).ravel() / sky)

    fit = least_squares(miss, [*start, float(seen.max()), 0.7, 0.0])
    return fit.x[:2], float(fit.x[2])


def allowed_error(stage: Stage, strips: Sequence[Strip], band: Filter, part: tuple[slice, slice]) -> float:
    """Error (px, both ways together) of a star's place by the noise of all strips that see a part of the view whole.

    Cramer and Rao's bound: of each coordinate the inverse root of the sum of its slopes' squares over the variance.
    """
    rows, columns = part
    fine = stage.fine[band]
    middle = np.ix_(np.arange(rows.start, rows.stop) * FINE, np.arange(columns.start, columns.stop) * FINE)
    down = 0.5 * FINE * (fine[middle[0] + 2, middle[1] + 1] - fine[middle[0], middle[1] + 1]).astype(float)
    along = 0.5 * FINE * (fine[middle[0] + 1, middle[1] + 2] - fine[middle[0] + 1, middle[1]]).astype(float)
    told = np.zeros((2, 2))
    for strip, alone, unit in zip(strips, stage.alone[band], stage.unit[band], strict=True):
        if not np.isfinite(alone[part]).all():
            continue
        dn = np.maximum(stage.truth[band][part], 0.0) / unit
        table = decompanding_table(strip.shot.bit_mode).astype(float)
        codes = np.interp(dn, table, np.arange(len(table)))
        variance = READ_NOISE_DN**2 + dn / ELECTRONS_PER_DN
        if strip.shot.compression == LOSSY:
            # a block that varies by less is quiet: most of what stands in it is taken for noise
            if np.square(codes).sum() < (QUIET_CODES * BLOCK) ** 2:
                continue
            variance = variance + np.square(np.gradient(table)[codes.astype(int)] * CODING_STEP) / 12.0
        slopes = np.stack([down.ravel(), along.ravel()]) / unit
        told += slopes / variance.ravel() @ slopes.T
    if not np.linalg.det(told) > 0.0:
        return math.inf
    return math.sqrt(float(np.trace(np.linalg.inv(told))))
