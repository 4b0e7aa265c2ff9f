"""Detail: how a pixel's light differs from that of its surroundings, on the mean over framelets.

The scene moves by more than a hundred lines from one framelet to the next, so that its detail averages out, and what
belongs to columns, dust and single pixels stays.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray

from perijove.calibrate.noise import ELECTRONS_PER_DN, READ_NOISE_DN
from perijove.instrument import LIT_SAMPLES
from perijove.jit import kernel

Light = NDArray[np.float32]
FloatArray = NDArray[np.float64]

REACH_PX = 8.0
"""Width (sigma) of the surroundings: wider than dust, narrower than what the large scale's basis can follow."""
LEAST_DN = 40.0
"""Least light of the surroundings: below it the converter's steps and the bias count."""
LEAST_SHARE = 0.1
"""The same as a share of the strip's bright level, which keeps the terminator out."""
ROUGH = 0.12
"""Surroundings that scatter by more than this (rms about their own smooth form), noise apart, are no smooth cloud."""
NEAR_DARK = 0.85
"""Least share of the surroundings' weight that must be seen: limb, full pixels and the mask's edge are left out."""
CLIP = 4.0


@dataclass(frozen=True)
class Sums:
    """Running sums over strips, all (lines, samples) float64, of values measured in framelets.

    `n` counts the framelets; `weight` is n over the strip's variance, `value` the weighted sum of the strips' means.
    """

    n: FloatArray
    weight: FloatArray
    value: FloatArray

    @classmethod
    def empty(cls, lines: int, samples: int) -> Sums:
        """Nothing summed yet."""
        return cls(*(np.zeros((lines, samples)) for _ in range(3)))

    def plus(self, values: Light) -> Sums:
        """With one more strip's values (frames, lines, samples), NaN where there are none."""
        n, mean, scatter = clipped_stats(values, CLIP)
        often = n > 2
        if not often.any():
            return self
        variance = float(np.sum(scatter[often]) / np.sum(n[often] - 1.0))
        if not variance > 0.0:
            return self
        weight = n / variance
        return Sums(self.n + n, self.weight + weight, self.value + weight * mean)

    def __add__(self, other: Sums) -> Sums:
        """All of both."""
        return Sums(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))

    def mean(self) -> FloatArray:
        """Mean, NaN where nothing was seen."""
        unknown: FloatArray = np.full(self.n.shape, np.nan)
        return np.asarray(np.divide(self.value, self.weight, out=unknown, where=self.weight > 0))


@kernel
def clipped_stats(values: Light, clip: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Count, mean and sum of squares about it (lines, samples) of values (frames, lines, samples) over the frames.

    NaN is left out, and what stands more than `clip` robust sigmas off the median.
    """
    frames, lines, samples = values.shape
    count = np.zeros((lines, samples))
    mean = np.zeros((lines, samples))
    scatter = np.zeros((lines, samples))
    good = np.empty(frames)
    for i in range(lines):
        for j in range(samples):
            n = 0
            for f in range(frames):
                v = values[f, i, j]
                if not math.isnan(v):
                    good[n] = v
                    n += 1
            if n < 1:
                continue
            part = np.sort(good[:n])
            middle = 0.5 * (part[(n - 1) // 2] + part[n // 2])
            off = np.sort(np.abs(part - middle))
            bound = max(clip * 1.4826 * off[n // 2], 1e-4) if n > 2 else np.inf
            kept, total, square = 0, 0.0, 0.0
            for k in range(n):
                if abs(part[k] - middle) <= bound:
                    kept += 1
                    total += part[k]
                    square += part[k] * part[k]
            count[i, j] = kept
            mean[i, j] = total / kept
            scatter[i, j] = max(square - total * total / kept, 0.0)
    return count, mean, scatter


def relative_detail(light: Light, level: float) -> Light:
    """Light over its smooth surroundings less 1, (frames, lines, samples); NaN where that tells nothing.

    `level` is the strip's bright level in DN.
    """
    out = np.full(light.shape, np.nan, np.float32)
    least = max(LEAST_DN, LEAST_SHARE * level)
    whole = whole_weight(light.shape[1:])
    for plane, target in zip(light, out, strict=True):
        if not np.nanmax(plane, initial=0.0) > least:
            continue
        seen = np.isfinite(plane) & (plane > 0.3 * least)
        smooth, weight = smooth_plane(np.where(seen, plane, 0), seen)
        ratio = np.where(seen, plane / np.maximum(smooth, 1.0) - 1.0, 0).astype(np.float32)
        rough, _ = smooth_plane(ratio**2, seen)
        noise = (smooth / ELECTRONS_PER_DN + READ_NOISE_DN**2) / np.maximum(smooth, 1.0) ** 2
        use = seen & (smooth > least) & (rough < ROUGH**2 + 1.2 * noise) & (weight > NEAR_DARK * whole)
        target[use] = ratio[use]
    return out


def smooth_plane(plane: Light, seen: NDArray[np.bool_]) -> tuple[Light, Light]:
    """Gaussian mean (lines, samples) of what is seen, and the share of the Gaussian that saw it.

    Near the ends of the lines, where there are surroundings on one side only, it is a local straight line instead: the
    scene's own slope there is the same in most strips, as the body's middle lies to one side.
    """
    known = np.where(seen, plane, 0).astype(np.float32)
    mask = seen.astype(np.float32)
    weight = _blur(mask)
    smooth = _blur(known) / np.maximum(weight, 1e-6)
    reach = int(3 * REACH_PX)
    for near, around in (
        (slice(LIT_SAMPLES.start, LIT_SAMPLES.start + reach), slice(LIT_SAMPLES.start, LIT_SAMPLES.start + 2 * reach)),
        (slice(LIT_SAMPLES.stop - reach, LIT_SAMPLES.stop), slice(LIT_SAMPLES.stop - 2 * reach, LIT_SAMPLES.stop)),
    ):
        line = _straight(known[:, around], mask[:, around])
        smooth[:, near] = line[:, near.start - around.start : near.stop - around.start]
    return np.asarray(smooth, np.float32), weight


def _straight(known: Light, mask: Light) -> Light:
    """Value at each pixel of the straight line along the samples that fits what is known about it, by Gaussian
    weight."""
    m0, m1, m2 = (_moment(mask, k) for k in range(3))
    s0, s1 = _moment(known, 0), _moment(known, 1)
    width = m2 * m0 - m1 * m1
    plain = s0 / np.maximum(m0, 1e-6)
    # a line needs a width of several pixels
    return np.where(width > 4.0 * m0 * m0, (m2 * s0 - m1 * s1) / np.maximum(width, 1e-6), plain)


def _moment(plane: Light, power: int) -> Light:
    """Gaussian mean of a plane times the distance along the samples to some power."""
    reach = int(3 * REACH_PX)
    off = np.arange(-reach, reach + 1, dtype=np.float32)
    gauss = np.exp(-0.5 * (off / REACH_PX) ** 2)
    gauss /= gauss.sum()
    out = cv2.sepFilter2D(plane, cv2.CV_32F, gauss * off**power, gauss, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(out, np.float32)


def whole_weight(shape: tuple[int, ...]) -> Light:
    """The share of the Gaussian that lies inside a framelet's lit part."""
    lit = np.zeros(shape, np.float32)
    lit[:, LIT_SAMPLES] = 1.0
    return _blur(lit)


def _blur(plane: Light) -> Light:
    return _moment(plane, 0)


def restore_detail(mean: FloatArray, large: FloatArray, rounds: int = 2) -> FloatArray:
    """The detail (lines, samples) of a response, from the mean of its `relative_detail`; NaN as in `mean`.

    `large` is the smooth part of the response, which curves across the surroundings too. What the surroundings take
    away from broad features is put back round by round (van Cittert).
    """
    known = np.isfinite(mean)
    target = np.where(known, mean, 0.0)
    detail = target.copy()
    for _ in range(rounds):
        response = np.where(known, large * (1.0 + detail), 0.0).astype(np.float32)
        smooth, _ = smooth_plane(response, known)
        said = response / np.maximum(smooth, 1e-6) - 1.0
        detail = np.where(known, detail + target - said, 0.0)
    return np.where(known, detail, np.nan)


@dataclass(frozen=True)
class Shrunk:
    """What of a pattern (lines, samples) is believed, with its one-sigma errors, and where both halves told of it."""

    pattern: FloatArray
    sigma: FloatArray
    judged: NDArray[np.bool_]


@dataclass(frozen=True)
class Halves:
    """A pattern (lines, samples) measured twice, from two halves of the strips, with the weights of each.

    The halves' difference is all noise, of whatever scale: belts and limbs that lie alike in a whole strip too.
    """

    first: FloatArray
    second: FloatArray
    weight_first: FloatArray
    weight_second: FloatArray

    @property
    def mean(self) -> FloatArray:
        """Weighted mean; NaN where neither half knows."""
        total = self.weight_first + self.weight_second
        value = self.weight_first * np.nan_to_num(self.first) + self.weight_second * np.nan_to_num(self.second)
        return np.asarray(np.divide(value, total, out=np.full(total.shape, np.nan), where=total > 0))

    @property
    def noise(self) -> FloatArray:
        """A sample of the mean's own noise; NaN where one half knows nothing."""
        a, b = self.weight_first, self.weight_second
        scale = np.divide(np.sqrt(a * b), a + b, out=np.full(a.shape, np.nan), where=(a > 0) & (b > 0))
        return np.asarray(scale * (self.first - self.second))


def believe(halves: Halves, prior: float = 0.0) -> Shrunk:
    """The part of a pattern that stands out of its noise; what is unknown becomes 0.

    Where either half is empty nothing tells noise from pattern: 0 too, with the scatter of all means that there are for
    a sigma, or `prior` if that is more.

    Columns and lines are taken as a whole first, and of each frequency along them the share is kept that is not noise
    (Wiener's filter, by the spectra of mean and noise). Of what is left a pixel is kept where it, or its neighbourhood,
    stands `STANDS_OUT` sigmas out; elsewhere all are shrunk by the share of their scatter that is not noise.
    """
    mean, noise = halves.mean, halves.noise
    weight = halves.weight_first + halves.weight_second
    seen, known = weight > 0, np.isfinite(noise)
    scatter = 1.4826 * float(np.median(np.abs(mean[seen]))) if seen.any() else 0.0
    weight = np.where(known, weight, 0.0)
    left, lost = np.where(known, mean, 0.0), np.nan_to_num(noise)
    whole, variance = np.zeros_like(left), np.zeros_like(left)
    for axis in (0, 1):
        along = np.asarray(known.any(axis=axis))
        line, error = np.zeros(len(along)), np.zeros(len(along))
        if along.any():
            parts = [_robust_mean(v, weight, axis)[along] for v in (left, lost)]
            line[along], error[along] = wiener(*parts)
        whole, variance = whole + np.expand_dims(line, axis), variance + np.expand_dims(error, axis) ** 2
        left = np.where(known, left - np.expand_dims(line, axis), 0.0)
    off = lost * np.sqrt(weight)
    scale = 1.4826 * float(np.median(np.abs(off[known]))) if known.any() else 1.0
    sigma = max(scale, 1e-9) / np.sqrt(np.where(known, weight, np.inf))
    spots = _outstanding(left, lost, weight)
    kept, rest = _shrink(left, sigma, known & ~spots)
    kept[spots], rest[spots] = left[spots], sigma[spots]
    pattern = np.where(known, whole + kept, 0.0)
    return Shrunk(pattern, np.where(known, np.sqrt(variance + rest**2), max(scatter, prior)), known)


def wiener(mean: FloatArray, noise: FloatArray) -> tuple[FloatArray, FloatArray]:
    """A row of values with the share of noise taken off each frequency, and the error (n,) of what is left.

    `noise` (n,) is a sample of what is no signal in `mean`. Power is averaged over runs of neighbouring frequencies.
    """
    n = len(mean)
    spectrum, lost = scipy.fft.dct(mean, norm="ortho"), scipy.fft.dct(noise, norm="ortho")
    edges = np.unique(np.r_[0, np.geomspace(min(LEAST_RUN, n), n, RUNS).round().astype(int)])
    gain, left = np.zeros(n), 0.0
    for first, stop in pairwise(edges):
        power, bad = float(np.mean(spectrum[first:stop] ** 2)), float(np.mean(lost[first:stop] ** 2))
        share = max(1.0 - bad / power, 0.0) if power > 0 else 0.0
        gain[first:stop] = share
        # what is kept of the noise and what is lost of the signal
        left += (stop - first) * (share**2 * bad + (1.0 - share) ** 2 * max(power - bad, 0.0))
    kept: FloatArray = scipy.fft.idct(gain * spectrum, norm="ortho")
    return kept, np.full(n, math.sqrt(left / n))


LEAST_RUN, RUNS = 8, 16
STANDS_OUT = 5.0
SPOT_PX = 1.0
"""Width (sigma) of the neighbourhood: a grain's of dust."""


def _robust_mean(values: FloatArray, weight: FloatArray, axis: int) -> FloatArray:
    """Weighted means along an axis, without what stands four robust sigmas out; 0 where nothing is known."""
    use = weight
    for _ in range(3):
        total = use.sum(axis)
        mean = np.divide((use * values).sum(axis), total, out=np.zeros_like(total), where=total > 0)
        off = np.abs(values - np.expand_dims(mean, axis)) * np.sqrt(weight)
        known = off[weight > 0]
        use = np.where(off < 4.0 * 1.4826 * np.median(known), weight, 0.0)
    return np.asarray(mean)


def _shrink(values: FloatArray, sigma: FloatArray, known: NDArray[np.bool_]) -> tuple[FloatArray, FloatArray]:
    """Values drawn towards 0 by their errors and by how much they truly scatter, and what remains uncertain."""
    kept, rest = np.zeros_like(values), np.zeros_like(values)
    if known.any():
        part, error = values[known], sigma[known]
        # in units of their errors, which differ much from the middle of the field to its ends
        excess = (1.4826 * float(np.median(np.abs(part / error)))) ** 2 - 1.0
        true = max(excess, 0.0) * float(np.median(error)) ** 2
        share = true / (true + error**2)
        kept[known], rest[known] = share * part, np.sqrt(share) * error
    return kept, rest


def _outstanding(values: FloatArray, noise: FloatArray, weight: FloatArray) -> NDArray[np.bool_]:
    """Pixels that stand out of the noise, alone or with their neighbours, and those next to them.

    `noise` is a sample of the values' noise: neighbours share it, so that their mean is less sure than they are.
    """
    high = np.zeros(values.shape, np.bool_)
    for blur in (_alone, _with_neighbours):
        signal, bad = blur(values * weight, weight), blur(noise * weight, weight)
        seen = (weight > 0) & (noise != 0)
        scale = 1.4826 * float(np.median(np.abs(bad[seen]))) if np.any(seen) else 1.0
        high |= np.abs(signal) > STANDS_OUT * max(scale, 1e-9)
    near = cv2.dilate(high.astype(np.uint8), np.ones((5, 5), np.uint8))
    out: NDArray[np.bool_] = (near > 0) & (weight > 0)
    return out


def _alone(weighted: FloatArray, weight: FloatArray) -> FloatArray:
    """Values in units of their errors, but for a factor."""
    return np.divide(weighted, np.sqrt(weight), out=np.zeros_like(weight), where=weight > 0)


def _with_neighbours(weighted: FloatArray, weight: FloatArray) -> FloatArray:
    """Means over a neighbourhood in units of their errors, but for a factor."""
    gauss = cv2.getGaussianKernel(int(8 * SPOT_PX) | 1, SPOT_PX, cv2.CV_64F)
    total = cv2.sepFilter2D(weighted, cv2.CV_64F, gauss, gauss, borderType=cv2.BORDER_CONSTANT)
    error = cv2.sepFilter2D(weight, cv2.CV_64F, gauss**2, gauss**2, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(total / np.sqrt(np.maximum(error, 1e-12)))
