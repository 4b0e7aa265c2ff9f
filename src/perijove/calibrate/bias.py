"""Bias: the level a framelet's numbers stand on, read from its masked columns, and the light of each code above it.

The camera takes more off its numbers than the offset is, and its converter knows no negative ones: the masked columns
of the lossless strip 44C00074 are a Gaussian of sigma 1.09 about -0.45 (red: -0.33), rounded and cut at 0. Their mean,
0.23 DN, is therefore no measure of the level: lit ground would be read 0.7 DN too dark. Here the mean is turned back
into the level through what such a Gaussian gives, and code 0, which stands for all that was cut, is given the light
that makes the mean of the masked columns, and so of dark sky, 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from perijove.instrument import DARK_SAMPLES, LIT_SAMPLES, SAMPLES

FloatArray = NDArray[np.float64]
Codes = NDArray[np.uint8]
Table = NDArray[np.float32]

NOISE_DN = 1.09
"""Sigma of a pixel's number in the dark: from the shares of the codes 0, 1, 2 in the masked columns of 44C00074 (B
1.084, 1.093; G 1.10). Read noise alone, 16.6 e- at 16.3 e-/DN, is 1.02."""
MOST_NOISE_DN = 30.0
"""Largest sigma that is reckoned with: a strip as noisy as that is of no use."""
PRIOR_DN, PRIOR_SIGMA_DN = -0.45, 0.3
"""Level where the codes do not tell it (LIN8, LIN16: code 0 swallows all), and its sigma: 44C00074 has -0.45, -0.45,
-0.33 in blue, green, red; the lossy strips of perijoves 43 and 44 lie between -0.5 and 0.3 (methane)."""
FARTHEST = 4.0
"""Sigmas from the prior from which on every level is as likely as any other."""
COLUMN_DN = 0.02
"""What the columns' own offsets (0.1 DN rms in the masked ones) leave in the mean of thirty."""
LOSSY_DN = 0.2
"""How far lossy coding leaves the level unknown: 16 x 16 blocks of little variance come back flat."""
LOSSY_BLOCK_DN = 0.25
"""Scatter of a masked block's mean in lossy strips (44C00029, 44C00030: 0.22 to 0.31)."""
LOSSY_EXCESS = {
    # simulated with the coding measured on real strips: mean after it less mean before it, from the level -1 in 0.25
    1: (-0.096, -0.146, -0.198, -0.147, -0.034, 0.020, 0.076, 0.075, 0.062, 0.048, 0.036, 0.026, 0.0),
    2: (-0.013, -0.032, -0.071, -0.143, -0.247, -0.168, 0.086, 0.054, -0.037, -0.064, 0.092, 0.155, 0.0),
}
"""What lossy coding adds to the mean of the dark, by binning: it rounds quiet blocks to whole codes."""
LOSSY_LEVELS_DN = tuple(-1.0 + 0.25 * i for i in range(13))
BLOCK = 16
"""Side of the blocks of lossy coding, samples."""
NEIGHBOURS = 5
"""Framelets, itself included, with which a framelet's bias is compared."""
LEAST_JUMP_DN = 0.5
"""A bias this near to its neighbours' is believed in any case: half a step of the camera's converter."""
HIGH = 8.0
"""Levels of so many sigma are not cut, and are the mean."""
FEW = 0.05
"""Share of code 0 among the masked pixels below which the rest of them tell nothing of its light."""
COARSE = 2.5
"""Step, in sigmas of the noise, from which on code 0 swallows all but hits: the few above it tell nothing of the
level, and the prior stands."""
ALIKE = 0.99
"""Share of equal masked values in a framelet from which on they have no noise: they would be less than half of them."""
UNLIKELY = 2.5
"""Sigmas below the prior from which on masked values that are all 0 are put down to a camera without noise."""
LOWEST_DN = 2.0
"""How far below the prior levels are tried: from there on no number is left above 0."""
STEP_DN = 0.02
"""Spacing of the levels that are tried."""


@dataclass(frozen=True)
class Bias:
    """The level of each framelet of a filter; all arrays (frames,) float64, DN.

    `level_dn` is the mean that the numbers of unlit pixels would have if negative ones were kept, `sigma_dn` its
    standard error. `zero_dn` is the light that code 0 stands for, 0 or less: with it the masked columns' mean is 0.
    """

    level_dn: FloatArray
    zero_dn: FloatArray
    sigma_dn: FloatArray


def dark_columns(binning: int, samples: int) -> NDArray[np.intp]:
    """Indices of the masked columns of a line; summed columns count only where both halves are masked."""
    columns = [np.arange(-(-part.start // binning), min(part.stop // binning, samples)) for part in DARK_SAMPLES]
    return np.concatenate(columns)


def lit_columns(binning: int) -> slice:
    """The columns of a line that see light at full response; summed columns count only where both halves do."""
    return slice(-(-LIT_SAMPLES.start // binning), LIT_SAMPLES.stop // binning)


def framelet_bias(codes: Codes, table: Table, binning: int, *, lossy: bool = False) -> Bias:
    """Bias of framelets (frames, lines, samples) from their masked columns; `table` (256,) is DN by code.

    Hot pixels and hits weigh little: values are drawn in to five sigma of their median, then the columns' means to
    three sigma of theirs. A framelet that jumps away from its neighbours by more than `LEAST_JUMP_DN` and five sigma
    has contaminated columns and takes their median. With `lossy` only columns count whose blocks hold no lit pixel,
    and neighbouring framelets are averaged. No framelets give empty arrays; no masked columns give the prior.
    """
    frames = len(codes)
    columns = dark_columns(binning, codes.shape[2])
    if lossy:
        columns = columns[_unlit_blocks(columns, binning)]
    if not len(columns) or not frames:
        prior = np.full(frames, PRIOR_DN)
        return Bias(prior, np.zeros(frames), np.full(frames, PRIOR_SIGMA_DN))
    dark = table[codes[:, :, columns]]
    noise = _noise(dark, table, binning)
    middle = np.median(dark.reshape(frames, -1), axis=1)[:, None, None]
    # a code is no outlier for standing next to the median's
    reach = 5 * noise + float(np.diff(table[: int(np.searchsorted(table, middle.max())) + 2]).max(initial=0.0))
    drawn = np.clip(dark, middle - reach, middle + reach)
    mean = _of_neighbours(_robust_mean(drawn.mean(axis=1)))
    unlit = _of_neighbours(_robust_mean((dark == table[0]).mean(axis=1)), LEAST_JUMP_DN)
    if lossy:
        mean, unlit = _smoothed(mean), _smoothed(unlit)
    blocks = max(codes.shape[1] * len(columns) // BLOCK**2, 1)
    error = LOSSY_BLOCK_DN / math.sqrt(blocks) if lossy else 0.0
    level, sigma = _level(mean, dark[0].size, table, binning, noise, error if lossy else None)
    coarse = float(table[1] - table[0]) > COARSE * noise
    if coarse:
        silent = unlit > 1.0 - FEW
        level, sigma = np.where(silent, PRIOR_DN, level), np.where(silent, PRIOR_SIGMA_DN, sigma)
    elif not lossy:
        still = _still(dark, table, mean, level)
        level, sigma = np.where(still, mean, level), np.where(still, np.maximum(sigma, LEAST_JUMP_DN), sigma)
    return Bias(level, _zero(mean, unlit, level, float(table[0])), np.hypot(sigma, LOSSY_DN if lossy else COLUMN_DN))


def code_values(table: Table, bias: Bias) -> NDArray[np.float32]:
    """Light (frames, 256) float32 in DN of every code in every framelet: its number less the level, or, for code 0,
    `Bias.zero_dn`.

    Over many pixels dark sky has mean 0 and light above 3 DN its own mean; between, up to 0.25 DN is missing.
    """
    values = table[None, :].astype(np.float64) - bias.level_dn[:, None]
    values[:, 0] = bias.zero_dn
    return values.astype(np.float32)


def dark_mean(
    level: FloatArray, table: Table, binning: int = 1, noise_dn: float = NOISE_DN
) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation, each of the shape of `level`, of the decompanded numbers of unlit pixels, DN.

    Each pixel's number is a Gaussian about the level, rounded, cut at 0; with `binning` 2 the mean of four is rounded
    again; the result is companded to the nearest value of `table` and decompanded.
    """
    top = max(math.ceil(float(np.max(level, initial=0.0)) + 8 * noise_dn), 1)
    edges = np.arange(1, top + 1) - 0.5
    above = ndtr((level[..., None] - edges) / noise_dn)
    share = -np.diff(above, axis=-1, prepend=1.0, append=0.0)
    numbers = np.arange(top + 1)
    if binning == 2:
        share = np.apply_along_axis(_four, -1, share)
        numbers = np.rint(np.arange(share.shape[-1]) / 4).astype(int)
    values = table.astype(np.float64)
    decompanded = values[np.searchsorted((values[:-1] + values[1:]) / 2, numbers, side="right")]
    mean: FloatArray = share @ decompanded
    variance: FloatArray = share @ decompanded**2 - mean**2
    return mean, np.sqrt(np.maximum(variance, 0.0))


def _four(share: FloatArray) -> FloatArray:
    """Shares of the sums of four numbers, each with these shares."""
    two = np.convolve(share, share)
    return np.convolve(two, two)


def _unlit_blocks(columns: NDArray[np.intp], binning: int) -> NDArray[np.bool_]:
    """Which columns lie in blocks of lossy coding that hold masked columns only."""
    first, last = columns // BLOCK * BLOCK, columns // BLOCK * BLOCK + BLOCK - 1
    seeing = lit_columns(binning)
    unlit: NDArray[np.bool_] = (last < seeing.start - 1) | (first > min(seeing.stop, SAMPLES // binning))
    return unlit


def _noise(dark: Table, table: Table, binning: int) -> float:
    """Sigma of one pixel's number, DN: that of a healthy camera, or more where the masked columns (frames, lines,
    columns) plainly scatter by more than that and by more than a code."""
    part = dark.reshape(len(dark), -1)[:, :: max(dark[0].size // 512, 1)]
    middle = np.median(part, axis=1, keepdims=True)
    deviation = float(np.median(np.abs(part - middle)))
    code = min(int(np.searchsorted(table, np.median(middle))), 254)
    step = float(table[code + 1] - table[code])
    sigma = 1.4826 * binning * deviation
    return min(sigma, MOST_NOISE_DN) if deviation > 1.5 * step and sigma > 2 * NOISE_DN else NOISE_DN


def _robust_mean(columns: FloatArray) -> FloatArray:
    """Mean (frames,) of the columns' means (frames, columns), each drawn in to three sigma of their median."""
    columns = columns.astype(np.float64)
    middle = np.median(columns, axis=1, keepdims=True)
    sigma = 1.4826 * np.median(np.abs(columns - middle), axis=1, keepdims=True) + 1e-3
    mean: FloatArray = np.clip(columns, middle - 3 * sigma, middle + 3 * sigma).mean(axis=1)
    return mean


def _of_neighbours(values: FloatArray, least: float = LEAST_JUMP_DN) -> FloatArray:
    """Values (frames,) with those that jump away from their neighbours replaced by the median of these."""
    around = np.median(_windows(values), axis=1)
    jump = np.abs(values - around)
    limit = max(least, 5 * 1.4826 * float(np.median(jump)))
    return np.where(jump > limit, around, values)


def _smoothed(values: FloatArray) -> FloatArray:
    """Mean (frames,) over a framelet and its neighbours."""
    mean: FloatArray = _windows(values).mean(axis=1)
    return mean


def _windows(values: FloatArray) -> FloatArray:
    """The `NEIGHBOURS` values (frames, n) around each, the ends repeated outwards."""
    padded = np.pad(values, NEIGHBOURS // 2, mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, NEIGHBOURS)


def _still(dark: Table, table: Table, mean: FloatArray, level: FloatArray) -> NDArray[np.bool_]:
    """Framelets (frames,) whose masked columns (frames, lines, columns) have no noise: all but hits are one value.

    No level makes that of the camera's own noise, but for one far below the prior, which cuts all to 0; a camera
    without noise, as only simulated ones are, is the likelier. Its level is that value to half a step.
    """
    flat = dark.reshape(len(dark), -1)
    value = np.median(flat, axis=1)
    alike = (flat == value[:, None]).mean(axis=1) >= ALIKE
    cut = value <= table[0]
    still: NDArray[np.bool_] = alike & (np.abs(mean - value) < LEAST_JUMP_DN)
    still &= ~cut | (level < PRIOR_DN - UNLIKELY * PRIOR_SIGMA_DN)
    return still


def _level(
    mean: FloatArray, count: int, table: Table, binning: int, noise: float, lossy_error: float | None
) -> tuple[FloatArray, FloatArray]:
    """Most likely level and its sigma (frames,) from the masked columns' mean of `count` values, by Bayes on a grid.

    `lossy_error` is the mean's standard error after lossy coding, None where none was.
    """
    # nothing is told more finely than the noise allows
    grid = np.arange(PRIOR_DN - LOWEST_DN, (HIGH + 2.0) * noise, STEP_DN * noise / NOISE_DN)
    expected, scatter = dark_mean(grid, table, binning, noise)
    error = scatter / math.sqrt(count) + (float(table[1]) - float(table[0])) / count
    if lossy_error is not None:
        step = float(table[1]) - float(table[0])
        if step == 1.0:
            expected = expected + np.interp(grid, LOSSY_LEVELS_DN, LOSSY_EXCESS[binning], left=0.0, right=0.0)
            # below these levels no code is left above 0
            expected[grid < LOSSY_LEVELS_DN[0]] = float(table[0])
        error = np.full_like(grid, lossy_error * step)
    prior = -0.5 * np.minimum(((grid - PRIOR_DN) / PRIOR_SIGMA_DN) ** 2, FARTHEST**2)
    chance = prior - np.log(error) - 0.5 * ((mean[:, None] - expected) / error) ** 2
    weight = np.exp(chance - chance.max(axis=1, keepdims=True))
    weight /= weight.sum(axis=1, keepdims=True)
    level = weight @ grid
    sigma = np.sqrt(np.maximum(weight @ grid**2 - level**2, 0.0))
    high = mean > HIGH * noise
    # steps much wider than the noise are rounded to, all alike
    code = np.clip(np.searchsorted(table, mean), 1, 255)
    wide = (table[code] - table[code - 1]).astype(np.float64)
    plain = np.sqrt(noise**2 / count / binning**2 + np.maximum(wide**2 - (COARSE * noise) ** 2, 0.0) / 12)
    return np.where(high, mean, level), np.where(high, plain, sigma)


def _zero(mean: FloatArray, unlit: FloatArray, level: FloatArray, lowest: float) -> FloatArray:
    """Light (frames,) of code 0, such that the masked columns' is 0: `mean` is their number's, `unlit` the share of
    code 0 among them.

    It is not above 0; where hardly any masked pixel has code 0, it is the light of the number 0.
    """
    plain = np.minimum(lowest - level, 0.0)
    # of the numbers above 0 the mean light is what the level leaves of them
    zero = -(mean - lowest * unlit - level * (1.0 - unlit)) / np.maximum(unlit, FEW)
    return np.where(unlit < FEW, plain, np.clip(zero, plain - 2 * NOISE_DN, 0.0))
