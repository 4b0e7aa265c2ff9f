"""Triage: whether a strip is worth working with, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from perijove.calibrate.bias import lit_columns
from perijove.calibrate.defects import Mended, dark_noise
from perijove.calibrate.quality import Quality
from perijove.calibrate.runs import BLOCK, block_kinds
from perijove.instrument import FRAMELET_LINES, Filter
from perijove.jit import kernel

Codes = NDArray[np.uint8]
Plane = NDArray[np.float32]


class Word(StrEnum):
    """The verdict in a word, from best to worst."""

    GOOD = "good"
    NOISY = "noisy"
    DAMAGED = "damaged"
    UNUSABLE = "unusable"


SCENE_DN = 3.0
"""Light, in the mean over a block, from which a framelet shows something: sky and stray light near a disc have 1 to 3
DN, the faintest scene of the real strips, methane in 44M00044, 8."""
LIMITS: Mapping[str, tuple[float, float, float]] = {
    # from which on a strip is noisy, damaged, unusable; each as a share of its pixels or framelets, noise in DN
    # hits: 44C00029 and 30, in the belts, have 0.4 to 1.3 %, 44C00074 and 34C00002 0.05 %. From 3 % on every second
    # pixel has a hit within the 5 x 5 px that it is judged by; beyond 12 % these have three or more, and what is put in
    # their place is no longer known
    "hits": (0.002, 0.03, 0.12),
    # noise of the dark columns: 1.02 DN by the calibration report; at 4 DN the haze, at 40 the terminator is gone
    "noise": (1.8, 4.0, 40.0),
    # full: 44C00074 has 0.6 % and 43C00078 2 %, parts of the disc that are lost; a half leaves no picture
    "full": (0.05, 0.15, 0.5),
    # places of the fixed pattern: 44C00030 0.1 to 0.3 %, 44M00044 0.8 %
    "fixed": (0.02, 0.08, 0.3),
    # blocks lost or garbled, of those of the strip: one in a framelet is a thousandth
    "lost": (0.0002, 0.005, 0.25),
    # flipped bits: none in the real strips but 0.002 % of chance
    "flipped": (0.0005, 0.01, 0.1),
}
SAYS: Mapping[str, str] = {
    "hits": "{:.2%} of the pixels are hit by radiation",
    "noise": "the dark columns scatter by {:.1f} DN",
    "full": "{:.1%} of the pixels are full",
    "fixed": "{:.1%} of the places are hot or dusty",
    "lost": "{:.2%} of the blocks are lost or garbled",
    "flipped": "{:.2%} of the pixels have a flipped bit",
}
FEW_SCENE = 0.5
"""A strip with fewer framelets than this with any scene, in number, shows nothing."""


@dataclass(frozen=True)
class Verdict:
    """What a strip is worth: the `word`, and why, worst first; no reasons where it is good.

    `notes` say what is no fault, but to be known of the light: that the strip is a reduced one.

    `measures` maps each name of `LIMITS`, and `scene` (share of the framelets with any scene), to what was measured.
    """

    word: Word
    reasons: tuple[str, ...]
    measures: Mapping[str, float]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class BandTriage:
    """What was measured of one filter: shares, noise in DN and the numbers of framelets, with a scene and in all."""

    hits: float
    noise: float
    full: float
    fixed: float
    lost: float
    flipped: float
    with_scene: int
    framelets: int


def triage_band(codes: Codes, table: Plane, mended: Mended) -> BandTriage:
    """Measure one filter's framelets (frames, lines, samples) as they were read; `table` (256,) is DN by code."""
    frames, lines, _ = codes.shape
    binning = FRAMELET_LINES // lines
    lit = lit_columns(binning)
    quality = mended.quality[:, :, lit]
    size = max(quality.size, 1)
    counts = count_values(mended.quality, lit.start, lit.stop)

    def share(bits: Quality) -> float:
        return float(counts[(np.arange(256) & int(bits)) != 0].sum()) / size

    lost, scenes = 0, 0
    for plane, marks in zip(codes, mended.quality, strict=True):
        even, rough = block_kinds(plane)
        lost += int(((even >= 0) & whole_blocks(marks)).sum()) + int(rough.sum())
        scenes += has_scene(plane, table, lit.start, lit.stop)
    blocks = max(frames * -(-lines // BLOCK) * -(-codes.shape[2] // BLOCK), 1)
    fixed = quality[0] if frames else quality
    return BandTriage(
        hits=share(Quality.HIT),
        noise=dark_noise(codes, table),
        full=share(Quality.FULL),
        fixed=float(np.count_nonzero(fixed & np.uint8(Quality.HOT | Quality.SPOT))) / max(fixed.size, 1),
        lost=lost / blocks,
        flipped=max(share(Quality.FLIPPED) - lost / blocks, 0.0),
        with_scene=scenes,
        framelets=frames,
    )


def whole_blocks(marks: Codes) -> NDArray[np.bool_]:
    """Blocks (rows, columns) of a framelet's quality (lines, samples) whose four corners are all filled or flipped.

    Of a block that has only a bad pixel or a column of them, no two opposite corners are.
    """
    bad = (marks & np.uint8(Quality.FILLED | Quality.FLIPPED)) != 0
    lines, samples = bad.shape
    rows, columns = np.arange(0, lines, BLOCK), np.arange(0, samples, BLOCK)
    last_row, last_column = np.minimum(rows + BLOCK, lines) - 1, np.minimum(columns + BLOCK, samples) - 1
    corners = [bad[np.ix_(r, c)] for r in (rows, last_row) for c in (columns, last_column)]
    whole: NDArray[np.bool_] = np.logical_and.reduce(corners)
    return whole


@kernel
def count_values(quality: Codes, first: int, stop: int) -> NDArray[np.int64]:
    """How often each value (256,) stands in the columns `first` to `stop` of a plane (frames, lines, samples)."""
    counts = np.zeros(256, np.int64)
    for f in range(quality.shape[0]):
        for i in range(quality.shape[1]):
            for j in range(first, stop):
                counts[quality[f, i, j]] += 1
    return counts


@kernel
def has_scene(plane: Codes, table: Plane, first: int, stop: int) -> bool:
    """Whether a framelet (lines, samples) shows more than sky in any block between the columns `first` and `stop`."""
    lines = plane.shape[0]
    for top in range(0, lines - BLOCK + 1, BLOCK):
        for left in range(first, stop - BLOCK + 1, BLOCK):
            total = 0.0
            for i in range(top, top + BLOCK):
                for j in range(left, left + BLOCK):
                    total += table[plane[i, j]]
            if total > SCENE_DN * BLOCK * BLOCK:
                return True
    return False


def triage(bands: Sequence[BandTriage]) -> Verdict:
    """The verdict on a strip from what was measured of its filters: the worst of them counts, each by its limits.

    Garbled blocks are counted by themselves and not as flipped bits. A strip without any scene is unusable.
    """
    measures = {name: max((getattr(band, name) for band in bands), default=0.0) for name in LIMITS}
    framelets, with_scene = sum(b.framelets for b in bands), sum(b.with_scene for b in bands)
    measures["scene"] = with_scene / max(framelets, 1)
    found = []
    for name, limits in LIMITS.items():
        grade = sum(measures[name] >= limit for limit in limits)
        if grade:
            found.append((grade, SAYS[name].format(measures[name])))
    if with_scene < FEW_SCENE:
        found.append((3, "no framelet shows a scene" if framelets else "there are no framelets"))
    found.sort(key=lambda item: -item[0])
    worst = found[0][0] if found else 0
    return Verdict(list(Word)[worst], tuple(text for _, text in found), measures)


def triage_strip(codes: Mapping[Filter, Codes], table: Plane, mended: Mapping[Filter, Mended]) -> Verdict:
    """The verdict on a strip from its codes and what was mended of them, by filter."""
    return triage([triage_band(codes[band], table, mended[band]) for band in codes])
