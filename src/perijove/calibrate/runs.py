"""Runs: pixels that are bad by the dozen, full ones with their bloom, and blocks or lines that were lost or garbled."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from perijove.calibrate.quality import Quality
from perijove.jit import kernel

Codes = NDArray[np.uint8]
Plane = NDArray[np.float32]

FULL_DN = 2315.0
"""Light from which a pixel is full: in strips 43C00078 and 44C00074 red and green pile up at 2350 to 2610 DN, and what
they cannot hold spills along the columns; 1975 DN (44C00029) is free of it. The calibration report has 1872 DN."""
BLOCK = 16
"""Side of a block of the compression, px of the strip."""
JUMP_CODES = 8.0
"""Mean step in codes all around an even patch that no scene makes: noise is about 1, and a limb is on one side only."""
GARBLED_CODES = 24.0
"""Mean step in codes from each pixel of a block to the next, along the lines and down them: random codes have 85, and a
sharp limb through a block 6."""

FULL = int(Quality.FULL)


def full_code(table: Plane) -> int:
    """The first code of full pixels: the table rises, so that one code parts them from the rest."""
    return min(int(np.searchsorted(table, FULL_DN)), 255)


@kernel
def mark_full(plane: Codes, first_full: int, marks: Codes) -> int:
    """Set FULL in `marks` (lines, samples) where a framelet is full and just above and below, where what a column's
    last full pixel could not hold may have ended; the number of full pixels is returned."""
    lines, samples = plane.shape
    count = 0
    for i in range(lines):
        for j in range(samples):
            if plane[i, j] >= first_full:
                count += 1
                marks[i, j] |= FULL
                if i > 0:
                    marks[i - 1, j] |= FULL
                if i + 1 < lines:
                    marks[i + 1, j] |= FULL
    return count


def mark_lost(plane: Codes, lit: slice, marks: Codes) -> tuple[int, int]:
    """Set FILLED in `marks` (lines, samples) where blocks or lines of a framelet were lost, FLIPPED where garbled.

    Lost is what has one code throughout and steps by more than `JUMP_CODES` all around; garbled what changes by
    `GARBLED_CODES` from each pixel to the next. `lit` are the columns that see light. Returns their numbers of blocks'
    worth of pixels: lost and garbled.
    """
    even, rough = block_kinds(plane)
    garbled = rough > 0
    _mark_blocks(marks, garbled, int(Quality.FLIPPED))
    lost = np.zeros(even.shape, np.bool_)
    for code in np.unique(even[even >= 0]):
        count, group = cv2.connectedComponents((even == code).astype(np.uint8), connectivity=4)
        for k in range(1, count):
            patch = np.asarray(group == k)
            if _stands_apart(plane, patch):
                lost |= patch
    _mark_blocks(marks, lost, int(Quality.FILLED))
    lines = _lost_lines(plane[:, lit])
    marks[lines, lit] |= int(Quality.FILLED)
    width = lit.stop - lit.start
    return int(lost.sum()) + int(lines.sum() * width / BLOCK**2), int(garbled.sum())


@kernel
def block_kinds(plane: Codes) -> tuple[NDArray[np.int16], Codes]:
    """For each block of a framelet: its code where it has only one, else -1; and 1 where it is garbled, else 0."""
    lines, samples = plane.shape
    rows, columns = -(-lines // BLOCK), -(-samples // BLOCK)
    even, rough = np.full((rows, columns), -1, np.int16), np.zeros((rows, columns), np.uint8)
    for m in range(rows):
        first, last = m * BLOCK, min((m + 1) * BLOCK, lines)
        for n in range(columns):
            left, right = n * BLOCK, min((n + 1) * BLOCK, samples)
            along, down, same = np.int64(0), np.int64(0), True
            # the first line tells most blocks apart from both kinds
            for j in range(left + 1, right):
                step = abs(np.int64(plane[first, j]) - np.int64(plane[first, j - 1]))
                along += step
                same = same and step == 0
            if not same and along < 0.5 * GARBLED_CODES * (right - left - 1):
                continue
            along = np.int64(0)
            for i in range(first, last):
                for j in range(left + 1, right):
                    along += abs(np.int64(plane[i, j]) - np.int64(plane[i, j - 1]))
            for i in range(first + 1, last):
                for j in range(left, right):
                    down += abs(np.int64(plane[i, j]) - np.int64(plane[i - 1, j]))
            if along == 0 and down == 0:
                even[m, n] = plane[first, left]
            elif along > GARBLED_CODES * (right - left - 1) * (last - first) and down > GARBLED_CODES * (
                right - left
            ) * (last - first - 1):
                rough[m, n] = 1
    return even, rough


def _stands_apart(plane: Codes, patch: NDArray[np.bool_]) -> bool:
    """Whether the light steps on every side of each block at the border of a patch (rows, columns) of blocks."""
    lines, samples = plane.shape
    seen = 0
    for m, n in np.argwhere(patch):
        first, last = m * BLOCK, min((m + 1) * BLOCK, lines)
        left, right = n * BLOCK, min((n + 1) * BLOCK, samples)
        code = float(plane[first, left])
        beside = (
            (m - 1, n, plane[first - 1, left:right] if m > 0 else None),
            (m + 1, n, plane[last, left:right] if last < lines else None),
            (m, n - 1, plane[first:last, left - 1] if n > 0 else None),
            (m, n + 1, plane[first:last, right] if right < samples else None),
        )
        for row, column, pixels in beside:
            if pixels is None or patch[row, column]:
                continue
            if np.abs(pixels - code).mean() < JUMP_CODES:
                return False
            seen += 1
    return seen >= 2


def _mark_blocks(marks: Codes, blocks: NDArray[np.bool_], bit: int) -> None:
    for m, n in np.argwhere(blocks):
        marks[m * BLOCK : (m + 1) * BLOCK, n * BLOCK : (n + 1) * BLOCK] |= bit


def _lost_lines(lit: Codes) -> NDArray[np.bool_]:
    """Which lines (lines,) of a framelet's lit part have one code throughout, unlike the lines beside them."""
    even = (lit == lit[:, :1]).all(axis=1)
    lost = np.zeros(len(lit), np.bool_)
    if not even.any() or even.all():
        return lost
    edges = np.flatnonzero(np.diff(np.concatenate(([False], even, [False])).astype(np.int8)))
    for first, stop in zip(edges[::2], edges[1::2], strict=True):
        code = float(lit[first, 0])
        beside = [lit[k] for k in (first - 1, stop) if 0 <= k < len(lit)]
        lost[first:stop] = all(np.abs(row - code).mean() > JUMP_CODES for row in beside)
    return lost
