"""The camera's constants from stars: where instrument.py's MEASURED_SHIFT, MEASURED_SCALE and mounting begin.

Reads the 519 pairs of star images that B. Swift published from the 2016 cruise (BrianSwift_Juno24Matchpoints.csv, in
PERIJOVE_DATA/reference): each is one star, seen in two framelets of one strip. Between them the camera turned about
the spin axis by a whole number of frames, and that is all the model there is. Solved for are the spin axis in the
camera's frame, the angle per frame of every strip, the line of the optical axis common to all filters, and per filter
its own shift and scale. Prints a table of models with their residuals.

    python builders/camera_constants.py
"""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from perijove.instrument import CENTRE_LINE, Camera, Filter, camera_from_spacecraft

FloatArray = NDArray[np.float64]

COLOURS = {1: Filter.RED, 2: Filter.GREEN, 3: Filter.BLUE}
NAMES = (
    "axis_y",
    "axis_z",
    "line_all",
    "line_blue",
    "line_red",
    "sample_blue",
    "sample_red",
    "scale_blue",
    "scale_red",
)
MODELS = {
    "axis only": ("axis_y", "axis_z"),
    "+ one optical axis": ("axis_y", "axis_z", "line_all"),
    "+ a scale each instead": ("axis_y", "axis_z", "line_blue", "line_red", "scale_blue", "scale_red"),
    "+ both": ("axis_y", "axis_z", "line_all", "line_blue", "line_red", "scale_blue", "scale_red"),
    "+ sideways shifts": NAMES,
}


@dataclass(frozen=True)
class Pairs:
    """n pairs: strip index, frames between the two sights, and for each end its filter, line and sample."""

    strip: NDArray[np.int64]
    frames: FloatArray
    colour: NDArray[np.int64]
    line: FloatArray
    sample: FloatArray


def read_pairs(path: Path) -> Pairs:
    """The published table; both ends (2, n). Lines are counted within the framelet of 128."""
    with path.open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    strips = sorted({row[1] for row in rows})
    ends = [(2, 3, 4, 8), (10, 11, 12, 16)]
    frame, sample, line, colour = (np.array([[float(row[end[k]]) for row in rows] for end in ends]) for k in range(4))
    strip = np.array([strips.index(row[1]) for row in rows])
    return Pairs(strip, frame[1] - frame[0], colour.astype(int), line % 128.0, sample)


def turned(axis: FloatArray, angle: FloatArray, vector: FloatArray) -> FloatArray:
    """Vectors (n, 3) turned about a unit axis (3,) by angles (n,), by Rodrigues' formula."""
    c, s = np.cos(angle)[:, None], np.sin(angle)[:, None]
    return vector * c + np.cross(axis, vector) * s + axis * (vector @ axis)[:, None] * (1.0 - c)


def residuals(values: FloatArray, steps: FloatArray, pairs: Pairs) -> FloatArray:
    """Second sight minus prediction from the first, (n, 2) px as (line, sample)."""
    v = dict(zip(NAMES, values, strict=True))
    shift = {
        Filter.BLUE: (v["line_all"] + v["line_blue"], v["sample_blue"]),
        Filter.GREEN: (v["line_all"], 0.0),
        Filter.RED: (v["line_all"] + v["line_red"], v["sample_red"]),
    }
    camera = Camera(shift, {Filter.BLUE: 1.0 + v["scale_blue"], Filter.RED: 1.0 + v["scale_red"]})
    axis = np.array([-1.0, v["axis_y"], v["axis_z"]])
    axis /= np.linalg.norm(axis)
    ray, out = np.empty((len(pairs.frames), 3)), np.empty((len(pairs.frames), 2))
    for code, band in COLOURS.items():
        mine = pairs.colour[0] == code
        ray[mine] = camera.ray(band, pairs.line[0, mine], pairs.sample[0, mine])
    # the sky turns against the camera
    seen = turned(axis, -steps[pairs.strip] * pairs.frames, ray)
    for code, band in COLOURS.items():
        mine = pairs.colour[1] == code
        measured = np.stack([pairs.line[1, mine], pairs.sample[1, mine]], axis=-1)
        out[mine] = measured - camera.pixel(band, seen[mine])
    return out


def solve(free: tuple[str, ...], pairs: Pairs) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Values and standard errors of all of `NAMES` (held ones 0), and the residuals (n, 2)."""
    kernel = camera_from_spacecraft()[:, 2]
    start = np.zeros(len(NAMES))
    start[:2] = kernel[1:] / -kernel[0]
    index = [NAMES.index(name) for name in free]
    strips = int(pairs.strip.max()) + 1

    def full(x: FloatArray) -> FloatArray:
        values = start.copy()
        values[index] = x[: len(index)]
        return residuals(values, x[len(index) :], pairs)

    begin = np.concatenate([start[index], np.full(strips, 0.0775)])
    found = least_squares(lambda x: full(x).ravel(), begin, loss="soft_l1", f_scale=0.4, x_scale="jac")
    left = full(found.x)
    good = np.linalg.norm(left, axis=1) < 1.5
    covariance = np.linalg.inv(found.jac.T @ found.jac) * np.mean(left[good] ** 2)
    values, sigma = start.copy(), np.zeros(len(NAMES))
    values[index] = found.x[: len(index)]
    sigma[index] = np.sqrt(np.diag(covariance))[: len(index)]
    return values, sigma, left[good]


def main() -> None:
    """Print what every model finds."""
    data = Path(os.environ.get("PERIJOVE_DATA", Path(__file__).parents[2] / "shared" / "data"))
    pairs = read_pairs(data / "reference" / "BrianSwift_Juno24Matchpoints.csv")
    kernel = camera_from_spacecraft()[:, 2]
    y, z = -kernel[1:] / kernel[0]
    print(f"{len(pairs.frames)} pairs; the kernel has the spin axis at y {y:.5f}, z {z:.5f}")
    print(f"and the optical axis at line {CENTRE_LINE[Filter.GREEN]} of green's framelets")
    for title, free in MODELS.items():
        values, sigma, left = solve(free, pairs)
        rms = np.sqrt(np.mean(left**2, axis=0))
        print(f"\n{title}: rms {rms[0]:.3f} px along lines, {rms[1]:.3f} px along samples")
        for name, value, error in zip(NAMES, values, sigma, strict=True):
            if error > 0:
                print(f"    {name:12s} {value:10.5f} +- {error:.5f}")
        twist, tilt = values[0] - kernel[1] / -kernel[0], values[1] - kernel[2] / -kernel[0]
        print(f"    hence twist {twist:.5f}, tilt {tilt:.5f} rad")


if __name__ == "__main__":
    main()
