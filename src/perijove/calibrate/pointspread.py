"""Point spread: how far the camera smears a point of light over its pixels, and the filters that undo it.

Three things widen a point. Each pixel gathers over its own square. During a stage of the time-delayed integration the
scene moves over the CCD by nearly the one row that the charge moves at its end: a second box, along the lines, whatever
the exposure. The optics add a blur that is taken to be Gaussian.

The optics' blur was measured on the limb of Ganymede, which has no air (34C00002), by fitting a straight or bent edge
of Gaussian profile to 13 x 13 px wherever the limb crosses: 771 places. Sigma of the whole profile, normal to the limb:
along the lines 0.55 px in all filters (0.54 to 0.56), along the samples blue 0.60, green 0.43, red 0.47, each +- 0.01.
Taking off the boxes leaves `OPTICS_PX`. Jupiter's limb, haze included, bounds it from above (44C00030: along the lines
0.49 to 0.56; along the samples, 0.85 of the way to the ends of the line, blue 0.67, green 0.54, red 0.53). The strip of
Ganymede sees the latter half way to the ends only: a growth of the blur towards them cannot be told from haze, and
is left out. The calibration report shows its transfer functions as pictures, without numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.errors import UsageError
from perijove.instrument import FOCAL_LENGTH_PX, TDI_STEP_S, Filter

FloatArray = NDArray[np.float64]
Light = NDArray[np.float32]

OPTICS_PX: Mapping[Filter, tuple[float, float]] = {
    Filter.BLUE: (0.37, 0.53),
    Filter.GREEN: (0.37, 0.32),
    Filter.RED: (0.37, 0.37),
    # no strip of an airless limb in methane is at hand
    Filter.METHANE: (0.37, 0.37),
}
"""Sigma (along lines, along samples) px of the optics' blur by filter."""
SPIN_PERIOD_S = 30.26
"""Measured on perijove 44; others differ by up to 2 %."""
HALF_TAPS = 4
"""The filters reach so many px to each side."""
TERMS = 3
"""Separable terms of a filter: with three, 3 % of it (rms) is lost, 6 % of its coarse part alone; with two 10 %."""
COARSE, FINE = (0.20, 0.42), (0.36, 0.60)
"""Cycles a px between which the gains of the two bands fall back to 1. On the discs of 44C00029 and 30 the signal's
power falls from 5 to 10 times the noise's at 0.2 to once or twice at 0.3; beyond 0.5 detail is aliased."""
SIGNAL = 12.0
"""Signal over noise, in power at a quarter of a cycle a px, where the fine band is to be used."""
SLOPE = 3.0
"""Fall of the scene's power with frequency: -2.5 to -3.5 there."""
MOST_GAIN = 2.5
"""Largest gain at any frequency."""


@dataclass(frozen=True)
class PointSpread:
    """Point spread in px of the strip: sigma of a Gaussian blur along lines and samples, and boxes along the lines.

    `smears` are the widths of boxes along the lines; the pixel's own square is always a part. UsageError where a width
    is negative, not finite, or wider than the filters can undo (3 px).
    """

    line_sigma: float
    sample_sigma: float
    smears: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Refuse widths that make no sense."""
        for width in (self.line_sigma, self.sample_sigma, *self.smears):
            if not 0.0 <= width <= 3.0:
                raise UsageError(f"a point spread of width {width} px: it must lie within 0 to 3 px")

    def transfer(self, line: FloatArray, sample: FloatArray, *, pixel: bool = True) -> FloatArray:
        """Share of the contrast that is left at frequencies (cycles a px) along lines and along samples.

        With `pixel` false what the pixel's own square takes is left out.
        """
        blur = np.exp(-2.0 * np.pi**2 * ((self.line_sigma * line) ** 2 + (self.sample_sigma * sample) ** 2))
        out: FloatArray = blur * np.sinc(line) * np.sinc(sample) if pixel else blur
        for width in self.smears:
            out = out * np.sinc(width * line)
        return out


def point_spread(
    band: Filter, *, stages: int = 1, binning: int = 1, spin_period_s: float = SPIN_PERIOD_S
) -> PointSpread:
    """The camera's point spread in a filter, in px of a strip that is summed `binning` x `binning`.

    In a stage the scene moves by a little less than the row that the charge moves; over many `stages` the difference
    adds up to a further smear (1 px over the 64 of a methane strip).
    """
    line, sample = OPTICS_PX[band]
    moved = 2.0 * math.pi * FOCAL_LENGTH_PX * TDI_STEP_S / spin_period_s
    lag = abs(1.0 - moved) * (stages - 1)
    return PointSpread(line / binning, sample / binning, (moved / binning, min(lag / binning, 3.0)))


@dataclass(frozen=True)
class Restoring:
    """What is to be added to light to restore it to the mean over each pixel's square, as two bands of detail.

    `terms` (2, TERMS, 2, taps) float32: for each band separable terms, a filter along the lines and one along the
    samples; the products are summed. The first band is coarse detail, the second the rest, which only a clear signal
    bears. `noise` (2, 2) is the noise variance in the bands over that of white noise in the light, and their
    covariance; `centre` (2,) the weight of the pixel itself.
    """

    terms: Light
    noise: FloatArray
    centre: FloatArray


def restoring(psf: PointSpread) -> Restoring:
    """The two bands for a point spread. They let nothing of a constant or of a linear slope through."""
    coarse, both = (_detail(psf, fade) for fade in (COARSE, FINE))
    parts = [_separable(kernel) for kernel in (coarse, both - coarse)]
    terms = np.stack([part[0] for part in parts]).astype(np.float32)
    bands = np.stack([part[1] for part in parts])
    flat = bands.reshape(2, -1)
    return Restoring(terms, flat @ flat.T, bands[:, HALF_TAPS, HALF_TAPS].copy())


def _detail(psf: PointSpread, fading: tuple[float, float]) -> FloatArray:
    """Filter (taps, taps) that gives what a Wiener filter, faded out between two frequencies, adds to the light."""
    size = 64
    frequency = np.fft.fftfreq(size).astype(np.float64)
    line, sample = frequency[:, None], frequency[None, :]
    radius = np.hypot(line, sample)
    signal = SIGNAL * (0.25 / np.maximum(radius, 1e-3)) ** SLOPE
    # what the pixel's own square takes stays: light is the mean over the pixel
    gain = signal / (1.0 + signal) / np.maximum(psf.transfer(line, sample, pixel=False), 1e-3)
    first, last = fading
    fade = 0.5 + 0.5 * np.cos(np.pi * np.clip((radius - first) / (last - first), 0.0, 1.0))
    return _filter(np.clip(gain - 1.0, 0.0, MOST_GAIN - 1.0) * fade, line, sample, radius)


def _filter(wanted: FloatArray, line: FloatArray, sample: FloatArray, radius: FloatArray) -> FloatArray:
    """Symmetric filter (taps, taps) nearest to a response (n, n) by least squares.

    The squares are weighed as the scene's amplitude falls, or coarse detail, of which there is most, would be overdone.
    """
    step = np.arange(HALF_TAPS + 1)
    half = [np.where(step == 0, 1.0, 2.0) * np.cos(2 * np.pi * f.ravel()[:, None] * step) for f in (line, sample)]
    waves = np.einsum("im,jn->ijmn", *half).reshape(wanted.size, -1)
    weight = (np.maximum(radius, 0.01) ** (-SLOPE / 2)).ravel()
    quarter = np.linalg.lstsq(waves * weight[:, None], wanted.ravel() * weight, rcond=None)[0]
    place = np.abs(np.arange(-HALF_TAPS, HALF_TAPS + 1))
    out: FloatArray = quarter.reshape(HALF_TAPS + 1, HALF_TAPS + 1)[np.ix_(place, place)]
    # nothing of a constant may pass
    out[HALF_TAPS, HALF_TAPS] -= out.sum()
    return out


def _separable(kernel: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Terms (TERMS, 2, taps) whose products make up a filter but for little, and what they do make up, sum 0."""
    left, size, right = np.linalg.svd(kernel)
    terms = np.stack([np.stack([left[:, k] * size[k], right[k]]) for k in range(TERMS)])
    # symmetric to the last bit, and of sum 0: a constant in gives 0, however large
    terms = 0.5 * (terms + terms[:, :, ::-1])
    total = np.einsum("ti,tj->ij", terms[:, 0], terms[:, 1]).sum()
    sums = terms[:, 1].sum(axis=1)
    first = int(np.argmax(np.abs(sums)))
    terms[first, 0, HALF_TAPS] -= total / sums[first]
    return terms, np.einsum("ti,tj->ij", terms[:, 0], terms[:, 1])
