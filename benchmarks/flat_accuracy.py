"""How well `perijove flat` recovers a planted response from simulated strips: python benchmarks/flat_accuracy.py [DIR].

Forty strips of ten passes are photographed into DIR, where they are not there already, and processed from the files,
which takes some ten minutes. Without DIR they are not kept.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from perijove.calibrate.frames import lit_mask, normalised
from perijove.errors import PerijoveError
from perijove.flatfield.estimate import Gathered, estimate_band, gather
from perijove.flatfield.measure import measure_strip
from perijove.instrument import Filter
from perijove.io.finder import open_strip
from perijove.observation import Observation, observe
from perijove.simulate.detector import Detector
from perijove.simulate.scenes import perijove_scene
from perijove.simulate.strip import take

PASSES = (
    (44, (-80, -70, -55, 65)), (20, (55, 70, 85, 100)), (7, (-95, -75, 45, 80)), (33, (-65, -50, 60, 100)),
    (27, (45, 65, 80, 105)), (12, (50, 75, 90, 110)), (40, (-100, -60, 70, 110)), (4, (-90, -55, 50, 75)),
    (47, (-75, -65, 45, 85)), (30, (-105, -50, 60, 95)),
)  # fmt: skip
"""Perijoves, and minutes from each at which strips are taken."""
COLOURS = (Filter.BLUE, Filter.GREEN, Filter.RED)
MOST_SIGMA_PX = 20.0
REPORTED = (4, 8, 20, 40)


def photograph(folder: Path, index: int) -> None:
    """Write the strips and labels of a pass, with one and two stages of exposure by turns."""
    folder.mkdir(parents=True, exist_ok=True)
    perijove, minutes = PASSES[index]
    scene = perijove_scene(perijove, 100 + index, tuple(float(m) for m in minutes))
    exposed = 0
    for shot in scene.shots:
        if shot.exposed:
            delay = 0.371 if exposed % 2 else 0.365
            shot = replace(shot, stages=1 + exposed % 2, interframe_s=delay)
            exposed += 1
        strip = take(scene, shot)
        (folder / strip.label_name).write_text(json.dumps(strip.label), encoding="utf-8")
        if strip.exposed is not None:
            cv2.imwrite(str(folder / strip.strip_name), strip.exposed.codes)


def solve(folder: Path) -> list[Observation]:
    """Observations of a pass, jointly, or one by one where that fails."""
    opened = [open_strip(path) for path in sorted(folder.glob("*-raw.png"))]
    labels = [label for strip in opened for label in strip.pass_labels]
    try:
        return list(observe([strip.raw for strip in opened], labels))
    except PerijoveError:
        out = []
        for strip in opened:
            try:
                out += observe([strip.raw], labels)
            except PerijoveError as error:
                print(f"left out: {error}")
        return out


def compare(strips: int, gathered: Mapping[Filter, Gathered]) -> None:
    """Print how far the flats are from what was planted, all lit pixels, large and small scale."""
    lit = lit_mask()
    for band in COLOURS:
        frames = estimate_band(band, gathered[band])
        planted = normalised(Detector().flat(band))
        smooth = normalised(replace(Detector(), column_gain=0.0, dust_spots=0.0).flat(band))
        error = frames.frames.flat / planted - 1.0
        broad = cv2.GaussianBlur(np.where(lit, error, 0), (0, 0), 40.0) / np.maximum(
            cv2.GaussianBlur(lit.astype(np.float32), (0, 0), 40.0), 1e-3
        )
        sigma = frames.frames.flat_sigma / frames.frames.flat
        figures = [rms(error[lit]), rms(broad[lit]), rms((error - broad)[lit]), rms(sigma[lit])]
        chi = rms((error / sigma)[lit])
        planted_rms = rms((planted / smooth - 1)[lit])
        print(
            f"{strips:3d} strips {band.value:5s} all {figures[0]:.2%} large {figures[1]:.2%} small {figures[2]:.2%} "
            f"(planted {planted_rms:.2%}) stated {figures[3]:.2%} chi {chi:.2f}",
            flush=True,
        )


def rms(values: np.ndarray) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(values, dtype=float))))


def main(arguments: Sequence[str]) -> None:
    """Photograph what is missing, measure all, and report as strips come in."""
    folder = Path(arguments[0])
    gathered: Mapping[Filter, Gathered] = {}
    strips = 0
    for index in range(len(PASSES)):
        place = folder / f"p{index:02d}"
        if not any(place.glob("*-raw.png")):
            photograph(place, index)
        for observation in solve(place):
            if observation.pointing.sigma_px > MOST_SIGMA_PX:
                print(f"left out: {observation.raw.label.product_id}, {observation.pointing.sigma_px:.0f} px")
                continue
            gathered = gather(gathered, measure_strip(observation, strips, index), index % 2)
            strips += 1
        if 4 * (index + 1) in REPORTED:
            compare(strips, gathered)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as spare:
        main(sys.argv[1:] or [spare])
