"""Stray light: the veil that a lit disc casts over the rest of a strip.

On dark sky of the strips of perijoves 43 and 44 stands light of 0.4 to 2.4 DN (mean; up to 6.6), hours of lines and
half a line away from the disc: ghosts of the disc between lens, filters and detector, that end sharply at the ends of
framelets, and a wide glow. They are not of the sky: a framelet's differ from the next one's at the same place. A
blurred image of the disc explains no more than a third of their variance, with a share of 0.9 % to 2.0 % in green and
red and 1.6 % to 4.8 % in blue, from strip to strip. So the veil is taken from the sky itself where there is any far
from lit ground, block by block, and continues under lit ground as the blurred light with the share that the strip's sky
gives, about which there is a doubt of half its amount.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from perijove.calibrate.sky import BLOCK, Mask, Plane, Sky
from perijove.jit import kernel

FloatArray = NDArray[np.float64]

GLOW_FRAMES, GLOW_SAMPLES = 3.0, 300.0
"""Width (sigma) of the wide glow in frames and native samples: 44C00074's reaches over a quarter of a turn."""
MOST_SHARE = 0.08
"""Largest share of the light around that is believed to be stray."""
SHARE_DOUBT = 0.5
"""Relative sigma of the share: how its values from one strip to another scatter."""
LOCAL_LINES, LOCAL_SAMPLES = 1.0, 1.5
"""Width (sigma) in blocks over which the sky's light is averaged, within a framelet."""
WIDE_SAMPLES = 8.0
"""Width (sigma) in blocks over which it is carried on to where none is seen."""
LOCAL_LEAST, WIDE_LEAST = 0.05, 0.5
"""Weight, in blocks of sky, that what is carried on has beside what is seen, and that no correction has beside it."""
LEAST_BLOCKS = 50
"""Fewest blocks of sky that tell of a veil."""
ENDS_DN = 0.3
"""Change of the veil within some tens of pixels, where a ghost ends: its sigma on sky."""


@dataclass(frozen=True)
class Veil:
    """Stray light of one filter's framelets.

    `dn` and `sigma_dn` (frames, block lines, block samples) float32 are its amount, before any division by the
    response, and standard error in the middle of each block. It is made of `level_dn` everywhere, `share` of the
    blurred light, and what the sky shows besides.
    """

    dn: Plane
    sigma_dn: Plane
    level_dn: float
    share: float


def stray_veil(sky: Sky, dark: Plane, binning: int) -> Veil:
    """The veil over the framelets whose blocks are given; `dark` (lines, samples) is their dark structure, DN, which is
    taken off first.

    Without enough sky it is 0, with half of a percent of the blurred light for a sigma.
    """
    mean = np.where(np.isfinite(sky.mean_dn), sky.mean_dn, 0.0).astype(np.float64)
    mean -= _by_block(dark)
    glow = blurred(mean, np.isfinite(sky.mean_dn), binning)
    shape = mean.shape
    if np.count_nonzero(sky.clear) < LEAST_BLOCKS:
        return Veil(np.zeros(shape, np.float32), (0.01 * SHARE_DOUBT * glow).astype(np.float32), 0.0, 0.0)
    level, share = glow_share(mean[sky.clear], glow[sky.clear])
    model = level + share * glow
    rest, known = spread(np.where(sky.clear, mean - model, 0.0), sky.clear)
    scatter = float(np.std((mean - model)[sky.clear]))
    sigma = np.sqrt(ENDS_DN**2 * known + (1 - known) * (scatter**2 + (SHARE_DOUBT * share * glow) ** 2))
    return Veil((model + rest).astype(np.float32), sigma.astype(np.float32), level, share)


def _by_block(plane: Plane) -> FloatArray:
    """Means (block lines, block samples) of a plane (lines, samples) over the blocks."""
    lines, samples = plane.shape
    first = np.arange(0, lines, BLOCK), np.arange(0, samples, BLOCK)
    sums = np.add.reduceat(np.add.reduceat(plane.astype(np.float64), first[0], axis=0), first[1], axis=1)
    sizes = np.diff(np.append(first[0], lines)), np.diff(np.append(first[1], samples))
    means: FloatArray = sums / np.outer(*sizes)
    return means


def blurred(mean: FloatArray, seeing: Mask, binning: int) -> FloatArray:
    """Light of blocks (frames, block lines, block samples) blurred over frames and samples as the wide glow is.

    Outside the strip nothing is known: in time its ends go on, aside there is darkness. The shape is kept, the same
    for all lines.
    """
    columns = np.where(seeing, mean, 0.0).mean(axis=1)
    glow = gaussian_filter1d(columns, GLOW_FRAMES, axis=0, mode="nearest")
    glow = gaussian_filter1d(glow, GLOW_SAMPLES / binning / BLOCK, axis=1, mode="constant")
    return np.broadcast_to(glow[:, None], mean.shape)


def glow_share(light: FloatArray, glow: FloatArray) -> tuple[float, float]:
    """Level in DN and share such that level + share x `glow` is the sky's `light` (blocks,), by least squares.

    Three times over, without what stands out by more than three sigma: ghosts are not glow. The share lies in
    0 ... `MOST_SHARE`.
    """
    kept = np.ones(len(light), np.bool_)
    level, share = 0.0, 0.0
    for _ in range(3):
        y, x = light[kept], glow[kept]
        spread_x = float(np.var(x))
        share = float(np.mean((x - x.mean()) * (y - y.mean())) / spread_x) if spread_x > 1e-6 else 0.0
        share = min(max(share, 0.0), MOST_SHARE)
        level = float(y.mean() - share * x.mean())
        off = light - level - share * glow
        kept = np.abs(off) <= 3 * max(float(np.std(off[kept])), 1e-6)
    return level, share


def spread(off: FloatArray, clear: Mask) -> tuple[FloatArray, FloatArray]:
    """What the sky's blocks stand off by, averaged nearby and carried on aside to where no sky is seen.

    `off` (frames, block lines, block samples) counts where `clear`. The second array says how far it is known by what
    is seen nearby, 0 ... 1. Far from all sky the first fades to 0.
    """
    weight = clear.astype(np.float64)
    near, near_weight = _blur(off, LOCAL_LINES, LOCAL_SAMPLES), _blur(weight, LOCAL_LINES, LOCAL_SAMPLES)
    # by framelet, for the ghosts end with it
    far = gaussian_filter1d(off.sum(axis=1), WIDE_SAMPLES, axis=1, mode="constant")
    far_weight = gaussian_filter1d(weight.sum(axis=1), WIDE_SAMPLES, axis=1, mode="constant")
    wide = (far / (far_weight + WIDE_LEAST))[:, None]
    known = near_weight / (near_weight + LOCAL_LEAST)
    return (near + LOCAL_LEAST * wide) / (near_weight + LOCAL_LEAST), known


def _blur(blocks: FloatArray, lines: float, samples: float) -> FloatArray:
    """Blocks (frames, lines, samples) blurred within each framelet; nothing lies beyond its ends."""
    blocks = gaussian_filter1d(blocks, lines, axis=1, mode="constant")
    out: FloatArray = gaussian_filter1d(blocks, samples, axis=2, mode="constant")
    return out


@kernel
def take_off_veil(light: Plane, veil: Plane, response: Plane) -> None:
    """Take a veil, `Veil.dn`, off light (frames, lines, samples), in place.

    `response` (lines, samples) is what the light has been divided by. Between the middles of blocks the veil is
    interpolated along both axes, and carried on beyond the outermost; NaN stays.
    """
    frames, lines, samples = light.shape
    across = np.empty(veil.shape[2], np.float32)
    last_line, last_sample = max(veil.shape[1] - 2, 0), max(veil.shape[2] - 2, 0)
    for f in range(frames):
        for i in range(lines):
            y = np.float32((i + 0.5) / BLOCK - 0.5)
            bi = min(max(int(y), 0), last_line)
            below = min(bi + 1, veil.shape[1] - 1)
            for bj in range(veil.shape[2]):
                across[bj] = veil[f, bi, bj] + (y - np.float32(bi)) * (veil[f, below, bj] - veil[f, bi, bj])
            for j in range(samples):
                x = np.float32((j + 0.5) / BLOCK - 0.5)
                bj = min(max(int(x), 0), last_sample)
                beside = min(bj + 1, veil.shape[2] - 1)
                here = across[bj] + (x - np.float32(bj)) * (across[beside] - across[bj])
                light[f, i, j] -= here / response[i, j]
