"""Dark sky: where a strip shows nothing but what the camera itself and its stray light add.

Strips are looked at in blocks of 16 x 16 pixels of a framelet, which are those of the camera's lossy coding too.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from perijove.calibrate.bias import lit_columns
from perijove.jit import kernel

Codes = NDArray[np.uint8]
Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]

BLOCK = 16
"""Side of a block, samples of the strip, summed or not."""
LIT_DN = 6.0
"""Blocks with more light than this, and more than `LIT_SHARE` of the strip's brightest hundredth, are lit."""
LIT_SHARE = 0.004
"""The brightest ghost of the disc, in red of 43C00078, has 6.6 DN, and the disc 2570 DN."""
MARGIN = 4
"""Blocks around lit ones that are not taken for sky: haze and what the lens spreads reach some tens of pixels."""
LEAST_PIXELS = 64
"""Fewest seeing pixels of a block that counts."""


@dataclass(frozen=True)
class Sky:
    """The blocks of one filter's framelets.

    `mean_dn` (frames, block lines, block samples) float32 is their mean light without stars and hits, NaN where the
    detector is masked; `clear` of that shape is true where a block shows sky far from anything lit. `lines`, `samples`
    is the size of a framelet.
    """

    mean_dn: Plane
    clear: Mask
    lines: int
    samples: int


def find_sky(codes: Codes, values: Plane, extra: Plane, binning: int) -> Sky:
    """The blocks of framelets (frames, lines, samples) and which of them show dark sky, or a night side as dark.

    `values` (frames, 256) is the light of each code, DN (`bias.code_values`); `extra` (lines, samples) the dark charge
    of hot places, to be taken off.
    """
    frames, lines, samples = codes.shape
    seeing = lit_columns(binning)
    mean = np.full((frames, -(-lines // BLOCK), -(-samples // BLOCK)), np.nan, np.float32)
    block_means(codes, values, extra, seeing.start, min(seeing.stop, samples), mean)
    bright = float(np.nanpercentile(mean, 99)) if np.isfinite(mean).any() else 0.0
    lit = (mean > max(LIT_DN, LIT_SHARE * bright)).astype(np.uint8)
    # consecutive framelets are neighbours in the sky, but for an overlap of about a block
    stacked = lit.reshape(-1, mean.shape[2])
    near = cv2.dilate(stacked, np.ones((2 * MARGIN + 1, 2 * MARGIN + 1), np.uint8)) if frames else stacked
    clear: Mask = (near.reshape(mean.shape) == 0) & np.isfinite(mean)
    return Sky(mean, clear, lines, samples)


@kernel
def block_means(codes: Codes, values: Plane, extra: Plane, first: int, stop: int, mean: Plane) -> None:
    """Fill `mean` (frames, block lines, block samples) with the blocks' light from the columns `first` to `stop`.

    In dark blocks pixels beyond four sigma are left out.
    """
    frames, lines, _ = codes.shape
    for f in range(frames):
        for bi in range(mean.shape[1]):
            top, bottom = bi * BLOCK, min(bi * BLOCK + BLOCK, lines)
            for bj in range(mean.shape[2]):
                left, right = max(bj * BLOCK, first), min(bj * BLOCK + BLOCK, stop)
                count = (bottom - top) * (right - left)
                if right <= left or count < LEAST_PIXELS:
                    continue
                total, square = np.float32(0), np.float32(0)
                for i in range(top, bottom):
                    for j in range(left, right):
                        light = values[f, codes[f, i, j]] - extra[i, j]
                        total += light
                        square += light * light
                middle = total / np.float32(count)
                reach = np.float32(4) * np.sqrt(max(square / np.float32(count) - middle * middle, np.float32(0)))
                if middle < 2 * LIT_DN:
                    within, total = 0, np.float32(0)
                    for i in range(top, bottom):
                        for j in range(left, right):
                            light = values[f, codes[f, i, j]] - extra[i, j]
                            if abs(light - middle) <= reach:
                                within += 1
                                total += light
                    if within > 0:
                        middle = total / np.float32(within)
                mean[f, bi, bj] = middle
