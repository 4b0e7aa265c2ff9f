"""A simulated strip beside a real one of the same kind: sky, coding, limb and light, in numbers.

The strip is 44C00030, simulated from where it was taken, with the spin axis that its solution has and the particle
hits of the radiation belts. Prints a table; `--picture FILE` lays both side by side, ends of the sky made visible.

    python benchmarks/strip_likeness.py REAL-raw.png [--picture FILE.png]
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, median_filter

from perijove.calibrate.decompand import decompanding_table
from perijove.simulate.custom import custom_scene
from perijove.simulate.particles import BELT_HITS
from perijove.simulate.strip import take

Codes = NDArray[np.uint8]
FloatArray = NDArray[np.float64]

TWIN: dict[str, object] = {
    "scene": "perijove-44", "name": "twin", "seed": 1,
    "spin": {"axis_ra_deg": 179.4527, "axis_dec_deg": -2.7479, "period_s": 30.2764},
    "detector": {"hits_per_framelet": BELT_HITS},
    "shots": [{"number": 30, "utc": "2022-08-17T13:25:48", "frames": 20, "interframe_s": 0.373}],
}  # fmt: skip
BANDS = ("blue", "green", "red")
SKY_FRAMES, SKY_SAMPLES = slice(0, 3), slice(700, 1600)
"""Frames before the planet comes in, and samples over which no stray light falls."""
MASKED = slice(0, 23)
HIT_DN = 8.0
STEP = 2.016


@dataclass(frozen=True)
class Row:
    """One line of the table: what it is, and the number of the real and of the simulated strip."""

    name: str
    real: float
    simulated: float


def twin() -> Codes:
    """The codes of the simulated strip."""
    scene = custom_scene(TWIN, "twin")
    strip = take(scene, scene.shots[0])
    assert strip.exposed is not None
    return strip.exposed.codes


def framelets(codes: Codes) -> Codes:
    """(frames, 3, 128, 1648)."""
    return codes.reshape(-1, 3, 128, 1648)


def measures(codes: Codes) -> dict[str, float]:
    """Numbers of one strip by name."""
    dn = decompanding_table("SQROOT").astype(np.float64)
    parts = framelets(codes)
    out = {"masked columns, mean DN": float(dn[parts[..., MASKED]].mean())}
    calm = np.sort(dn[parts[..., MASKED]].ravel())[: int(0.98 * parts[..., MASKED].size)]
    out["masked columns, rms of the calmest 98 %, DN"] = float(calm.std())
    for k, band in enumerate(BANDS):
        sky = dn[parts[SKY_FRAMES, k][..., SKY_SAMPLES]]
        over = sky - np.stack([median_filter(frame, 5) for frame in sky])
        out[f"sky, {band}: mean DN"] = float(sky.mean())
        out[f"sky, {band}: rms without hits, DN"] = float(sky[over < HIT_DN].std())
        out[f"sky, {band}: hits above 8 DN a framelet"] = float((over > HIT_DN).sum() / len(sky) * 1608 / sky.shape[2])
    out |= coding(parts[SKY_FRAMES].reshape(-1, 1648), "sky")
    out |= coding(lit(parts), "lit")
    for k, band in enumerate(BANDS):
        disc = parts[:, k][..., 23:1631]
        disc = disc[disc > 40]
        for share in (50, 90, 99):
            out[f"disc, {band}: code, {share} %"] = float(np.percentile(disc, share))
        out[f"disc, {band}: limb, 10 to 90 %, px"] = limb_width(dn[parts[:, k]])
        out[f"disc, {band}: contrast of 1 to 8 px, %"] = 100.0 * contrast(dn[parts[:, k]])
    out["codes of 255"] = float((codes == 255).sum())
    return out


def lit(parts: Codes) -> Codes:
    """The lines of the framelets that show most of the disc, below each other, and of the samples where it lies."""
    return parts[8:11].reshape(-1, 1648)[:, 112:432]


def coding(codes: Codes, name: str) -> dict[str, float]:
    """Shares of blocks that coding left even, and the radius of what it left of the others, median."""
    blocks = codes.reshape(len(codes) // 16, 16, -1, 16).swapaxes(1, 2).reshape(-1, 16, 16).astype(float)
    left = np.rint(scipy.fft.dctn(blocks, axes=(1, 2), norm="ortho") / STEP) != 0
    left[:, 0, 0] = False
    radius = np.where(left, np.hypot(*np.mgrid[:16, :16]), 0.0).max(axis=(1, 2))
    return {
        f"{name}: blocks left even, %": 100.0 * float((radius == 0).mean()),
        f"{name}: blocks cut below radius 12, %": 100.0 * float((radius < 12).mean()),
        f"{name}: blocks cut below radius 18, %": 100.0 * float((radius < 18).mean()),
    }


def limb_width(dn: FloatArray) -> float:
    """Median width, px across the limb, from 10 % to 90 % of the light inside; framelets (frames, 128, 1648) DN."""
    found = []
    for frame in dn:
        smooth = gaussian_filter(frame, (0.0, 2.0))
        high = np.array([np.median(column[-8:]) for column in smooth.T])
        for j in range(60, 700, 7):
            plateau = high[j]
            if plateau < 60.0 or smooth[:12, j].max() > 0.05 * plateau:
                continue
            rise = [first_above(smooth[:, k], 0.5 * plateau) for k in (j - 6, j + 6)]
            half = first_above(smooth[:, j], 0.5 * plateau)
            if not 14.0 < half < 110.0:
                continue
            # the light just inside, before limb darkening lets it grow further
            inside = float(np.median(smooth[int(half) + 6 : int(half) + 12, j]))
            low, top = (first_above(smooth[:, j], share * inside) for share in (0.1, 0.9))
            slope = (rise[1] - rise[0]) / 12.0
            if abs(slope) < 1.0:
                found.append((top - low) / np.hypot(1.0, slope))
    return float(np.median(found)) if found else float("nan")


def first_above(column: FloatArray, level: float) -> float:
    """The line, between pixels, at which a column first exceeds a level for good; NaN where it does not."""
    above = column > level
    if not above.any():
        return float("nan")
    at = int(np.argmax(above & np.append(above[1:], True)))
    if at == 0:
        return 0.0
    return at - 1 + float((level - column[at - 1]) / (column[at] - column[at - 1]))


def contrast(dn: FloatArray) -> float:
    """Relative scatter of what is from 1 to 8 px wide, of the disc's brightest framelets away from its edges."""
    shares = []
    for frame in dn[8:11]:
        part = frame[:, 100:420]
        around = gaussian_filter(part, 8.0)
        fine = (gaussian_filter(part, 1.0) - around)[16:-16, 16:-16]
        bright = around[16:-16, 16:-16] > 0.3 * np.percentile(around, 95)
        shares.append(1.4826 * np.median(np.abs(fine[bright])) / np.median(around[16:-16, 16:-16][bright]))
    return float(np.median(shares))


def side_by_side(real: Codes, made: Codes) -> Codes:
    """Both strips, shrunk; then a frame of sky of each, 20 times brighter."""
    small = [cv2.resize(codes, None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA) for codes in (real, made)]
    sky = [np.clip(codes[384:768, 900:1400].astype(int) * 20, 0, 255).astype(np.uint8) for codes in (real, made)]
    column = np.vstack([np.repeat(np.repeat(part, 2, axis=0), 2, axis=1) for part in sky])
    height = max(len(small[0]), len(column))
    padded = [np.pad(part, ((0, height - len(part)), (0, 12)), constant_values=90) for part in (*small, column)]
    return np.hstack(padded)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("real", type=Path, help="raw strip of 44C00030")
    parser.add_argument("--picture", type=Path, help="lay both side by side in this file")
    arguments = parser.parse_args()
    real = cv2.imread(str(arguments.real), cv2.IMREAD_UNCHANGED)
    if real is None or real.shape != (7680, 1648):
        raise SystemExit(f"{arguments.real} is not the strip 44C00030, 1648 x 7680 px")
    made = twin()
    real = real.astype(np.uint8)
    one, two = measures(real), measures(made)
    print(f"{'':46s} {'real':>8s} {'simulated':>10s}")
    for row in (Row(name, one[name], two[name]) for name in one):
        print(f"{row.name:46s} {row.real:8.2f} {row.simulated:10.2f}")
    if arguments.picture is not None:
        cv2.imwrite(str(arguments.picture), side_by_side(real, made))


if __name__ == "__main__":
    main()
