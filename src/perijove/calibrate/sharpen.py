"""Sharpening: the camera's blur undone in the raw framelets, as far as the signal bears it.

What a regularised inverse of the point spread adds to the light comes in two bands, coarse and fine detail (see
`pointspread.restoring`). Each is taken at every pixel by the share of its local power that noise does not explain
(Wiener's gain, from the light itself): on sky and in smooth clouds nothing is added and the noise stays as it was. The
result then stays within the range of the pixel and its four neighbours, so that no edge rings and no halo forms; only
a pixel that already is a crest or a trough of its neighbourhood, beyond its noise, may become a higher or deeper one.
Pixels that were filled from around or were full get nothing, nor do their neighbours.

Beyond a framelet's edges the light is continued point-symmetrically, which keeps slopes and adds no step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perijove.calibrate.pointspread import HALF_TAPS, PointSpread, restoring
from perijove.calibrate.quality import Quality
from perijove.errors import UsageError
from perijove.jit import kernel

Light = NDArray[np.float32]
Mask = NDArray[np.uint8]
FloatArray = NDArray[np.float64]

UNTOUCHED = Quality.HIT | Quality.FLIPPED | Quality.FILLED | Quality.FULL
"""Pixels with one of these bits hold no detail of the scene."""
POWER_REACH = 2
"""Local power is taken over squares of so many px to each side."""
CERTAIN = 2.0
"""Local power up to so many times the noise's counts as noise: over 25 px it scatters by about half of itself.
Simulated strips are nearest to their truth for 2; at 1 flat ground becomes grainy."""
MOST_STRENGTH = 2.0
"""Beyond it hardly anything but the bounds of the range would be left to shape the picture."""
AWAY = 2.0
"""A pixel moves away from the mean of its neighbours, at most by this many times its distance from it; the other way by
no more than its own sigma. The true change is half to once the distance; what goes the other way is the second lobe
of a ring, else 1.5 % of the step 2 px from the limb."""
CREST_SIGMA = 3.0
"""By so many sigma a crest stands above its neighbours on both sides."""
CREST_SHARE = 0.25
"""And by this share of the range around it: clouds and craters do, the noise along a limb does not."""
CREST_GAIN = 0.4
"""A crest may grow by this much of its height beyond both. Simulated strips are nearest to their truth for 0.3 to 0.5:
0 leaves small clouds dull, 1 lets bright spots at the limb grow by up to 5 % of its step."""


def sharpen(
    light: Light,
    variance: ArrayLike,
    quality: Mask | None,
    psf: PointSpread,
    *,
    strength: float = 1.0,
) -> Light:
    """The light (frames, lines, samples) of one filter, sharpened; NaN stays NaN, and nothing else becomes NaN.

    `variance` is the noise's, in the light's unit squared, of any shape that broadcasts to the light's; `quality` has
    the bits of `Quality`, None for all good. `strength` scales what is added, 0 to 2: 1 is nearest to the
    truth, more is for the eye. Constants and linear slopes stay as they are. Raises UsageError for another strength or
    for shapes that do not fit.
    """
    out = np.empty_like(light, dtype=np.float32)
    _run(light, variance, quality, psf, strength, lambda f: out[f], lambda f: None)
    return out


def noise_growth(
    light: Light,
    variance: ArrayLike,
    quality: Mask | None,
    psf: PointSpread,
    *,
    strength: float = 1.0,
) -> Light:
    """Factor (frames, lines, samples) by which `sharpen`, given the same, makes the noise's variance grow; NaN stays.

    For noise without correlation between pixels, and before the range is held, which can only lessen it.
    """
    out = np.empty_like(light, dtype=np.float32)
    _run(light, variance, quality, psf, strength, lambda f: None, lambda f: out[f])
    return out


def _run(
    light: Light,
    variance: ArrayLike,
    quality: Mask | None,
    psf: PointSpread,
    strength: float,
    light_out: Callable[[int], Light | None],
    growth_out: Callable[[int], Light | None],
) -> None:
    """Framelet by framelet: fill the light or the growth, whichever there is a place for."""
    variances = _check(light, variance, quality, strength)
    restore = restoring(psf)
    explained = CERTAIN * np.diag(restore.noise)
    frames, lines, samples = light.shape
    spare = np.empty((lines, samples), np.float32)
    padded = np.empty((lines + 2 * HALF_TAPS, samples + 2 * HALF_TAPS), np.float32)
    bands = np.empty((4, lines, samples), np.float32)
    down = np.empty(samples + 2 * HALF_TAPS, np.float32)
    bits = np.uint8(int(UNTOUCHED))
    for f in range(frames):
        plane = np.ascontiguousarray(light[f], dtype=np.float32)
        noise = np.ascontiguousarray(variances[f], dtype=np.float32)
        marks = np.zeros((lines, samples), np.uint8) if quality is None else np.ascontiguousarray(quality[f])
        pad(plane, padded)
        for band in range(2):
            detail(padded, restore.terms[band], down, bands[band])
            power(bands[band], spare, bands[2 + band])
        restrain(plane, noise, marks, bits, explained, np.float32(strength), bands)
        target, growth = light_out(f), growth_out(f)
        if target is not None:
            put(plane, padded, noise, bands, target)
        if growth is not None:
            grow(plane, restore.noise, restore.centre, bands, growth)


def _check(light: Light, variance: ArrayLike, quality: Mask | None, strength: float) -> Light:
    """The variance in the light's shape; UsageError for what does not fit."""
    if light.ndim != 3:
        raise UsageError(f"light of shape {light.shape} cannot be sharpened: (frames, lines, samples) is needed")
    if quality is not None and (quality.shape != light.shape or quality.dtype != np.uint8):
        raise UsageError(
            f"quality is {quality.dtype} of shape {quality.shape}: uint8 of the light's shape {light.shape} is needed"
        )
    if not 0.0 <= strength <= MOST_STRENGTH:
        raise UsageError(f"the strength of sharpening is {strength}: it must lie within 0 and {MOST_STRENGTH:g}")
    try:
        return cast(Light, np.broadcast_to(np.asarray(variance, dtype=np.float32), light.shape))
    except ValueError:
        shape = np.shape(variance)
        raise UsageError(f"variance of shape {shape} does not broadcast to the light's {light.shape}") from None


@kernel
def pad(plane: Light, padded: Light) -> None:
    """Copy a framelet into the middle of `padded`, and continue it on all sides point-symmetrically.

    Gaps are bridged along the line with the nearest light, and where a line has none, with 0.
    """
    lines, samples = plane.shape
    reach = (padded.shape[0] - lines) // 2
    for i in range(lines):
        row = padded[i + reach]
        last = -1
        for j in range(samples):
            value = plane[i, j]
            if np.isnan(value):
                continue
            if last < 0:
                continue_outwards(plane[i], j, 1, row, reach)
            elif j - last > 1:
                for k in range(last + 1, j):
                    row[k + reach] = plane[i, last] if k - last <= j - k else value
            row[j + reach] = value
            last = j
        if last < 0:
            row[:] = np.float32(0)
        else:
            continue_outwards(plane[i], last, -1, row, reach)
    for k in range(1, reach + 1):
        # a framelet of few lines has no more to mirror than it has
        step = min(k, lines - 1)
        for j in range(padded.shape[1]):
            padded[reach - k, j] = 2 * padded[reach, j] - padded[reach + step, j]
            padded[reach + lines - 1 + k, j] = 2 * padded[reach + lines - 1, j] - padded[reach + lines - 1 - step, j]


@kernel
def continue_outwards(line: Light, end: int, inwards: int, row: Light, reach: int) -> None:
    """Fill `row` beyond the last light of a line, at `end`, by mirroring what lies `inwards` (1 or -1) of it."""
    value = line[end]
    # one past the last place of the row on this side
    places = end + reach if inwards == 1 else len(row) - 1 - end - reach
    for k in range(1, places + 1):
        inner = end + inwards * k
        mirrored = value
        if k <= reach and 0 <= inner < len(line) and not np.isnan(line[inner]):
            mirrored = 2 * value - line[inner]
        row[end + reach - inwards * k] = mirrored


@kernel
def detail(padded: Light, terms: Light, down: Light, out: Light) -> None:
    """One band: the sum of the separable `terms` (n, 2, taps), symmetric filters down and along, of `padded`.

    `down` (samples of `padded`,) is room for one line between the two passes.
    """
    lines, samples = out.shape
    reach = terms.shape[2] // 2
    for i in range(lines):
        for t in range(len(terms)):
            across, along = terms[t, 0], terms[t, 1]
            for j in range(len(down)):
                down[j] = across[reach] * padded[i + reach, j]
            for k in range(1, reach + 1):
                weight = across[reach + k]
                for j in range(len(down)):
                    down[j] += weight * (padded[i + reach - k, j] + padded[i + reach + k, j])
            middle = along[reach]
            if t == 0:
                for j in range(samples):
                    out[i, j] = middle * down[j + reach]
            else:
                for j in range(samples):
                    out[i, j] += middle * down[j + reach]
            for k in range(1, reach + 1):
                weight = along[reach + k]
                for j in range(samples):
                    out[i, j] += weight * (down[j + reach - k] + down[j + reach + k])


@kernel
def power(band: Light, spare: Light, out: Light) -> None:
    """Mean square (lines, samples) of a band over the square of `POWER_REACH` px about each pixel."""
    lines, samples = band.shape
    for i in range(lines):
        for j in range(samples):
            spare[i, j] = np.float32(0)
        for k in range(-POWER_REACH, POWER_REACH + 1):
            near = min(max(i + k, 0), lines - 1)
            for j in range(samples):
                spare[i, j] += band[near, j] * band[near, j]
    share = np.float32(1.0 / (2 * POWER_REACH + 1) ** 2)
    for i in range(lines):
        for j in range(samples):
            out[i, j] = np.float32(0)
        for k in range(-POWER_REACH, POWER_REACH + 1):
            for j in range(max(0, -k), min(samples, samples - k)):
                out[i, j] += share * spare[i, j + k]
        # the ends, where fewer px are summed, are masked columns or next to them
        for j in range(POWER_REACH):
            out[i, j] = out[i, min(POWER_REACH, samples - 1)]
            out[i, samples - 1 - j] = out[i, max(samples - 1 - POWER_REACH, 0)]


@kernel
def restrain(
    plane: Light,
    variance: Light,
    marks: Mask,
    bits: np.uint8,
    explained: FloatArray,
    strength: np.float32,
    bands: Light,
) -> None:
    """Turn the powers in `bands[2:]` into the share of each band that is to be added, in place.

    `explained` (2,) is the power, for noise of variance 1, at which nothing is to be added.
    """
    lines, samples = plane.shape
    nothing, all_of_it = np.float32(0), np.float32(1)
    for b in range(2):
        known = np.float32(explained[b])
        for i in range(lines):
            for j in range(samples):
                # a band without any power adds nothing whatever its share
                found = max(bands[2 + b, i, j], np.float32(1e-20))
                share = all_of_it - known * variance[i, j] / found
                # so written, a variance that is NaN or infinite gives 0
                bands[2 + b, i, j] = strength * min(share, all_of_it) if share > nothing else nothing
    for i in range(lines):
        # beside the first and the last sample there is none that would bound the range
        bands[2:, i, 0] = nothing
        bands[2:, i, samples - 1] = nothing
        for j in range(samples):
            if (marks[i, j] & bits) != 0 or np.isnan(plane[i, j]):
                for near in range(max(i - 1, 0), min(i + 2, lines)):
                    for beside in range(max(j - 1, 0), min(j + 2, samples)):
                        bands[2, near, beside] = nothing
                        bands[3, near, beside] = nothing


@kernel
def put(plane: Light, padded: Light, variance: Light, bands: Light, out: Light) -> None:
    """Add the detail, hold it within the range of the neighbours, and keep what is NaN."""
    lines, samples = plane.shape
    reach = (padded.shape[0] - lines) // 2
    nothing, gain = np.float32(0), np.float32(CREST_GAIN)
    sure, share = np.float32(CREST_SIGMA), np.float32(CREST_SHARE)
    away, eighth = np.float32(AWAY), np.float32(0.125)
    for i in range(lines):
        # what lies beyond the first and last line is made up and is no measure of the range
        here = padded[i + reach]
        above, below = padded[max(i - 1, 0) + reach], padded[min(i + 1, lines - 1) + reach]
        for j in range(samples):
            k = j + reach
            value = here[k]
            a, b, c, d = above[k - 1], above[k], above[k + 1], here[k - 1]
            e, f, g, h = here[k + 1], below[k - 1], below[k], below[k + 1]
            # neighbours across corners reach further out and would let the foot of an edge sink too low
            low, high = min(min(b, g), min(d, e)), max(max(b, g), max(d, e))
            # how far the pixel stands above, or below, both of two opposite neighbours
            crest = max(max(value - max(a, h), value - max(b, g)), max(value - max(c, f), value - max(d, e)))
            trough = max(max(min(a, h) - value, min(b, g) - value), max(min(c, f) - value, min(d, e) - value))
            low, high = min(low, value), max(high, value)
            sigma = np.sqrt(max(variance[i, j], nothing))
            doubt = sure * sigma + share * (high - low)
            high += gain * max(crest - doubt, nothing)
            low -= gain * max(trough - doubt, nothing)
            apart = away * (value - eighth * ((a + h) + (b + g) + ((c + f) + (d + e))))
            high = min(high, value + max(apart, nothing) + sigma)
            low = max(low, value + min(apart, nothing) - sigma)
            new = value + bands[2, i, j] * bands[0, i, j] + bands[3, i, j] * bands[1, i, j]
            new = min(max(new, low), high)
            out[i, j] = plane[i, j] if np.isnan(plane[i, j]) else new


@kernel
def grow(plane: Light, noise: FloatArray, centre: FloatArray, bands: Light, out: Light) -> None:
    """Fill `out` with the variance of light plus its shares of the bands, over that of the light."""
    lines, samples = plane.shape
    for i in range(lines):
        for j in range(samples):
            coarse, fine = bands[2, i, j], bands[3, i, j]
            own = 1.0 + 2.0 * (coarse * centre[0] + fine * centre[1])
            both = coarse * coarse * noise[0, 0] + 2.0 * coarse * fine * noise[0, 1] + fine * fine * noise[1, 1]
            out[i, j] = plane[i, j] if np.isnan(plane[i, j]) else np.float32(own + both)
