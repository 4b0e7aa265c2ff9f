"""Calibrated light against truth: simulated strips, whose I/F is known at every camera pixel.

Prints, for each strip and filter, over the disc: the relative error of I/F (mean, and rms of 8 x 8 px means, in which
noise counts little), the reduced chi-square of (I/F - truth) / sigma, the same over dark sky, and which share of
planted hits, of hot places and of good pixels was flagged (suspects count). Run from the root of the repository:

    python -m benchmarks.radiometry_truth [--calibration DIR] [NAME ...]
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from perijove.calibrate import Calibrated, calibrate
from perijove.calibrate.decompand import decompanding_table
from perijove.calibrate.framelets import Treatment
from perijove.calibrate.frames import CalibrationFrames
from perijove.calibrate.quality import Quality
from perijove.calibrate.sky import BLOCK as SKY_BLOCK
from perijove.instrument import LIT_SAMPLES, Filter
from perijove.io.calibration import read_calibration
from perijove.io.finder import open_strip
from perijove.raw import RawImage
from perijove.simulate.compression import LOSSLESS, LOSSY
from perijove.simulate.detector import Detector, Exposed
from perijove.simulate.particles import BELT_HITS
from perijove.simulate.photograph import Photograph
from perijove.simulate.scene import Scene
from perijove.simulate.scenes import named_scene
from perijove.simulate.strip import Strip, take

DISC = 0.1
"""Share of the brightest light (99 %) from which a pixel counts as disc."""
SKY = 1e-6
"""I/F up to which it counts as sky."""
BLOCK = 8
PLAIN = 5.0
"""A hit or hot place that raises its pixel by so many sigma of its noise is one that can be found."""
FOUND = Quality.HIT | Quality.FLIPPED | Quality.FILLED | Quality.HOT | Quality.SUSPECT


@dataclass(frozen=True)
class Kind:
    """One strip to be made: a scene, and how its shot and detector differ from the scene's own."""

    scene: str
    stages: int | None = 1
    compression: str = LOSSY
    filters: tuple[Filter, ...] = (Filter.BLUE, Filter.GREEN, Filter.RED)
    hits: float | None = None
    binning: int = 1
    perijove: int | None = None
    shot: int = 0


KINDS: Mapping[str, Kind] = {
    "quiet, lossless": Kind("perijove-44", stages=2, compression=LOSSLESS),
    "quiet": Kind("perijove-44", stages=2),
    "belts": Kind("perijove-44", hits=BELT_HITS),
    "summed": Kind("perijove-44", binning=2),
    "methane": Kind("perijove-44", stages=32, filters=(Filter.METHANE,)),
    "perijove 58": Kind("perijove-44", perijove=58),
    "ganymede": Kind("ganymede-pj34"),
    "crescent": Kind("backlit", stages=None, shot=-1),
}


@dataclass(frozen=True)
class Row:
    """What is printed of one filter."""

    bias: float
    smooth_rms: float
    pixel_rms: float
    chi2_disc: float
    chi2_sky: float
    sky_dn: float
    hits: float
    hot: float
    wrong: float


def main() -> None:
    """Make the strips asked for and print the table."""
    parser = argparse.ArgumentParser(description="Calibrated light against simulated truth.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(KINDS))
    parser.add_argument("--calibration", type=Path, help="folder of calibration frames")
    asked = parser.parse_args()
    frames = None if asked.calibration is None else read_calibration(asked.calibration)
    print(
        f"{'strip':16s} {'filter':8s} mean %  8x8 rms %  px rms %  chi2 disc  chi2 sky  sky DN  hits %   hot %  wrong %"
    )
    for name in asked.names or KINDS:
        strip, raw = make(KINDS[name])
        for band, row in compare(strip, raw, frames).items():
            print(
                f"{name:16s} {band.value:8s} {row.bias:+6.2f}  {row.smooth_rms:9.2f}  {row.pixel_rms:8.2f}  "
                f"{row.chi2_disc:9.2f}  {row.chi2_sky:8.2f}  {row.sky_dn:+6.2f}  {row.hits:6.2f}  {row.hot:6.2f}  "
                f"{row.wrong:7.3f}",
                flush=True,
            )


def make(kind: Kind, seed: int = 3) -> tuple[Strip, RawImage]:
    """The strip as it was simulated and as it is read from its files."""
    scene: Scene = named_scene(kind.scene, seed)
    perijove = scene.perijove if kind.perijove is None else kind.perijove
    scene = replace(scene, detector=Detector(hits_per_framelet=kind.hits), perijove=perijove)
    chosen = [shot for shot in scene.shots if shot.exposed][kind.shot]
    shot = replace(
        chosen,
        stages=kind.stages or chosen.stages, compression=kind.compression, filters=kind.filters, binning=kind.binning,
    )  # fmt: skip
    strip = take(scene, shot)
    assert strip.exposed is not None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / strip.label_name).write_text(json.dumps(strip.label), encoding="utf-8")
        cv2.imwrite(str(folder / strip.strip_name), strip.exposed.codes)
        return strip, open_strip(folder / strip.strip_name).raw


def compare(strip: Strip, raw: RawImage, frames: CalibrationFrames | None) -> dict[Filter, Row]:
    """The figures of every filter."""
    assert strip.exposed is not None
    assert strip.photograph is not None
    done = calibrate(raw, Treatment(frames))
    return {band: compare_band(band, raw, done, strip.exposed, strip.photograph) for band in raw.label.filters}


def compare_band(band: Filter, raw: RawImage, done: Calibrated, exposed: Exposed, photograph: Photograph) -> Row:
    """The figures of one filter."""
    unit = 1.0 / done.dn_per_light[band]
    lit = slice(-(-LIT_SAMPLES.start // done.binning), LIT_SAMPLES.stop // done.binning)
    truth = summed(photograph.light[band], done.binning)[:, :, lit].astype(float)
    found = done.light[band][:, :, lit] * unit
    variance = done.variance(band)[:, :, lit]
    sigma = np.sqrt(variance) * unit
    bits = done.quality[band][:, :, lit]
    disc, sky = truth > DISC * np.percentile(truth[truth > SKY], 99), truth <= SKY
    hit, hot = exposed.hits[band][:, :, lit], np.broadcast_to(exposed.hot[band][:, lit], truth.shape)
    struck = hit | hot
    good = (bits & (Quality.FULL | Quality.FILLED).value) == 0
    error = found - truth
    use, dark = disc & good & ~struck, sky & good & ~struck
    mean = float(truth[use].mean())
    rise = planted(band, raw, done, exposed)[:, :, lit] / np.sqrt(variance)
    plain_hit, plain_hot = hit & (rise > PLAIN), hot & ~hit & (rise > PLAIN)
    marked = (bits & FOUND.value) != 0
    return Row(
        bias=100 * float(error[use].sum() / truth[use].sum()),
        smooth_rms=100 * block_rms(np.where(use, error / np.maximum(truth, 0.1 * mean), np.nan)),
        pixel_rms=100 * float(np.sqrt(np.mean(np.square(error[use] / truth[use])))),
        chi2_disc=float(np.mean(np.square(error[use] / sigma[use]))),
        chi2_sky=float(np.mean(np.square(error[dark] / sigma[dark]))) if dark.any() else float("nan"),
        sky_dn=float(error[dark].mean() / unit) if dark.any() else float("nan"),
        hits=100 * float(marked[plain_hit].mean()) if plain_hit.any() else float("nan"),
        hot=100 * float(marked[plain_hot].mean()) if plain_hot.any() else float("nan"),
        wrong=100 * float(marked[~struck].mean()),
    )


def planted(band: Filter, raw: RawImage, done: Calibrated, exposed: Exposed) -> NDArray[np.float64]:
    """DN (frames, lines, samples) by which a pixel's number departs from its light and the stray light."""
    table = decompanding_table(raw.label.bit_mode)
    level = done.details[band].bias.level_dn[:, None, None]
    codes = raw.framelets(band)
    veil = done.details[band].veil.dn.repeat(SKY_BLOCK, axis=1).repeat(SKY_BLOCK, axis=2)
    veil = veil[:, : codes.shape[1], : codes.shape[2]]
    out: NDArray[np.float64] = table[codes] - level - summed(exposed.dn[band], done.binning) - veil
    return out


def summed(plane: NDArray[np.float32], binning: int) -> NDArray[np.float32]:
    """Mean of the pixels that are summed, of (frames, lines, samples)."""
    frames, lines, samples = plane.shape
    out: NDArray[np.float32] = plane.reshape(frames, lines // binning, binning, samples // binning, binning).mean(
        axis=(2, 4)
    )
    return out


def block_rms(relative: NDArray[np.float64]) -> float:
    """Rms of the means of blocks of a relative error (frames, lines, samples), NaN where it does not count."""
    frames, lines, samples = relative.shape
    part = relative[:, : lines // BLOCK * BLOCK, : samples // BLOCK * BLOCK]
    part = part.reshape(frames, lines // BLOCK, BLOCK, samples // BLOCK, BLOCK)
    whole = np.isfinite(part).all(axis=(2, 4))
    means = np.where(np.isfinite(part), part, 0.0).mean(axis=(2, 4))[whole]
    return float(np.sqrt(np.mean(np.square(means)))) if means.size else float("nan")


if __name__ == "__main__":
    main()
