"""Deblocking: lossy coding's patchwork on dark sky and night sides, made even.

The coding (`simulate.compression` has it as measured) works on blocks of 16 x 16 codes. Where a block varies by less
than about half its step of 2, it keeps little or nothing but a mean, and whole codes make of that a flat patch of 0 or
1 beside patches with their noise. Measured across the borders of blocks of 44C00029, 44C00030 and 43C00078, mean codes
of neighbouring edges differ by 0.48 to 0.69 DN rms where the light is below 0.4 DN, by 0.13 to 0.35 in the middle of
the blocks; from 2 DN on the two are the same, 0.5 to 0.7, as they are at all lights in the lossless 44C00074.
So only blocks as dark and quiet as that are touched, none beside a brighter one: each is moved as a whole onto the
surface that its like around it make up. Nothing within it is blurred: stars, edges and what noise there is stay.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, maximum_filter

from perijove.calibrate.sky import BLOCK
from perijove.jit import kernel

Codes = NDArray[np.uint8]
Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]
FloatArray = NDArray[np.float64]

DARK_CODES = 2.0
"""Mean code up to which a block's border shows."""
QUIET_CODES = 1.6
"""Rms of the codes about their mean up to which a block is below the coding's step: the noise of the dark, 1.0 to 1.3,
spreads over coefficients (the transform is orthonormal) of which most are then less than a step of 2.016."""
AROUND = 1.0
"""Width (sigma, blocks) of the surface."""
MOST_DN = 1.5
"""Blocks farther from the surface are something of their own, and left: a code and a half."""
LEAST_AROUND = 0.35
"""Least weight of quiet blocks around for a surface: a quarter of a plain, and the block itself."""


def deblock(light: Plane, codes: Codes) -> Mask:
    """Even out, in place, the quiet dark blocks of a lossy strip's light (frames, lines, samples), DN; returns which
    blocks were touched, (frames, block lines, block samples).

    `codes` of the same shape are those the strip came with, before any repair. NaN is left out and stays. Framelets are
    taken alone, for their ends show ground far apart.
    """
    frames, lines, samples = codes.shape
    shape = frames, -(-lines // BLOCK), -(-samples // BLOCK)
    mean, quiet = np.zeros(shape, np.float32), np.zeros(shape, np.bool_)
    bright = np.zeros(shape, np.bool_)
    quiet_blocks(light, codes, QUIET_CODES, mean, quiet, bright)
    # limb, haze and what else fades into the dark is left alone
    quiet &= ~maximum_filter(bright, (1, 3, 3), mode="constant")
    weight = _around(quiet.astype(np.float64))
    surface = _around(np.where(quiet, mean, 0.0)) / np.maximum(weight, 1e-6)
    quiet &= (weight > LEAST_AROUND) & (np.abs(surface - mean) < MOST_DN)
    onto_surface(light, mean, surface.astype(np.float32), quiet)
    return quiet


def _around(blocks: FloatArray) -> FloatArray:
    """Blocks (frames, lines, samples) blurred over a framelet, nothing lying beyond its ends."""
    return np.asarray(gaussian_filter(blocks, (0, AROUND, AROUND), mode="constant", truncate=3.0))


@kernel
def quiet_blocks(light: Plane, codes: Codes, most: float, mean: Plane, quiet: Mask, bright: Mask) -> None:
    """Fill the mean light of the blocks whose codes are dark and vary by no more than `most` (frames, block lines,
    block samples), mark them `quiet`, and `bright` those that are not dark.

    Blocks with fewer than half their pixels seeing are not quiet.
    """
    frames, lines, samples = codes.shape
    for f in range(frames):
        for bi in range(mean.shape[1]):
            top, bottom = bi * BLOCK, min(bi * BLOCK + BLOCK, lines)
            for bj in range(mean.shape[2]):
                left, right = bj * BLOCK, min(bj * BLOCK + BLOCK, samples)
                count, total, square = (bottom - top) * (right - left), 0, 0
                for i in range(top, bottom):
                    for j in range(left, right):
                        code = int(codes[f, i, j])
                        total += code
                        square += code * code
                    # bright already
                    if total > DARK_CODES * count:
                        break
                if total > DARK_CODES * count:
                    bright[f, bi, bj] = True
                    continue
                if square / count - (total / count) ** 2 > most**2:
                    continue
                seen, sum_light = 0, np.float32(0)
                for i in range(top, bottom):
                    for j in range(left, right):
                        if not math.isnan(light[f, i, j]):
                            seen += 1
                            sum_light += light[f, i, j]
                if 2 * seen >= BLOCK * BLOCK:
                    mean[f, bi, bj] = sum_light / np.float32(seen)
                    quiet[f, bi, bj] = True


@kernel
def onto_surface(light: Plane, mean: Plane, surface: Plane, quiet: Mask) -> None:
    """Move the quiet blocks of `light`, in place, from their `mean` onto the `surface` (frames, block lines, block
    samples), interpolated between the middles of quiet blocks, level towards others."""
    frames, lines, samples = light.shape
    for f in range(frames):
        for bi in range(mean.shape[1]):
            for bj in range(mean.shape[2]):
                if not quiet[f, bi, bj]:
                    continue
                here = surface[f, bi, bj]
                for i in range(bi * BLOCK, min(bi * BLOCK + BLOCK, lines)):
                    y = np.float32((i - bi * BLOCK + 0.5) / BLOCK - 0.5)
                    ni = bi + 1 if y > 0 else bi - 1
                    beyond = ni >= 0 and ni < mean.shape[1]
                    for j in range(bj * BLOCK, min(bj * BLOCK + BLOCK, samples)):
                        x = np.float32((j - bj * BLOCK + 0.5) / BLOCK - 0.5)
                        nj = bj + 1 if x > 0 else bj - 1
                        beside = nj >= 0 and nj < mean.shape[2]
                        # where a neighbour is no part of the surface it goes on level
                        down = surface[f, ni, bj] if beyond and quiet[f, ni, bj] else here
                        aside = surface[f, bi, nj] if beside and quiet[f, bi, nj] else here
                        corner = down + aside - here
                        if beyond and beside and quiet[f, ni, nj]:
                            corner = surface[f, ni, nj]
                        u, v = abs(x), abs(y)
                        smooth = (1 - v) * ((1 - u) * here + u * aside) + v * ((1 - u) * down + u * corner)
                        light[f, i, j] += smooth - mean[f, bi, bj]
