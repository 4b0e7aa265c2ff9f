"""How long calibration takes: strips of 15,360 lines, warm, on all cores, and what each step has of it.

The strips are simulated sky, disc and hits as in the belts and outside, without ray tracing: run from the root of the
repository, `python benchmarks/bench_calibrate.py [STRIP ...]`; real strips named are repeated up to the same length.
"""

from __future__ import annotations

import argparse
import resource
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from perijove.calibrate import calibrate
from perijove.instrument import FRAMELET_LINES, SAMPLES, Filter
from perijove.io.finder import open_strip
from perijove.label import Label
from perijove.raw import RawImage
from perijove.simulate.compression import LOSSY
from perijove.simulate.detector import Detector, expose
from perijove.simulate.particles import BELT_HITS

LINES = 15360
COLOURS = (Filter.BLUE, Filter.GREEN, Filter.RED)
RUNS = 5


def simulated(filters: tuple[Filter, ...], hits: float) -> RawImage:
    """A strip of `LINES` lines: a disc with clouds that moves through the framelets, and sky."""
    frames = LINES // FRAMELET_LINES // len(filters)
    rng = np.random.default_rng(1)
    clouds = rng.normal(0.2, 0.01, (frames // 4 + 2, 16, SAMPLES // 8)).repeat(8, axis=1).repeat(8, axis=2)
    light = np.zeros((frames, FRAMELET_LINES, SAMPLES), np.float32)
    light[frames // 3 : frames // 3 + len(clouds), :, 300:] = clouds[:, :, 300:]
    exposed = expose(
        dict.fromkeys(filters, light), Detector(hits_per_framelet=hits), exposure_s=0.0032, perijove=44,
        sun_distance_km=7.4e8, filters=filters, compression=LOSSY,
    )  # fmt: skip
    label = Label(
        product_id="JNCE_2022229_44C90000_V01", file_name="none", target="JUPITER", filters=filters, lines=LINES,
        samples=SAMPLES, sampling_factor=1, start_utc="2022-08-17T00:00:00", stop_utc=None, start_et=7.14e8,
        stop_et=None, interframe_delay_s=0.37, exposure_s=0.0032, tdi_stages=1, bit_mode="SQROOT", compression=LOSSY,
        latitude_graphic=None, longitude_west=None, altitude_km=None, sun_distance_km=7.4e8, perijove=44, title="",
        rationale="", path=None,
    )  # fmt: skip
    return RawImage(label, exposed.codes, Path("none"), "")


def lengthened(raw: RawImage) -> RawImage:
    """A strip repeated until it has `LINES` lines."""
    unit = len(raw.label.filters) * raw.framelet_lines
    lines = LINES // unit * unit
    codes: NDArray[np.uint8] = np.concatenate([raw.codes] * -(-lines // len(raw.codes)))[:lines]
    return replace(raw, codes=np.ascontiguousarray(codes), label=replace(raw.label, lines=lines))


def main() -> None:
    """Print a line for each strip."""
    parser = argparse.ArgumentParser(description="How long calibration takes.")
    parser.add_argument("strips", nargs="*", type=Path, metavar="STRIP")
    asked = parser.parse_args()
    strips = {
        "colour, outside the belts": simulated(COLOURS, 5.0),
        "colour, in the belts": simulated(COLOURS, BELT_HITS),
        "methane": simulated((Filter.METHANE,), 5.0),
    }
    strips |= {path.name: lengthened(open_strip(path).raw) for path in asked.strips}
    print(f"{'strip':34s}  lines  best s  median s  peak MiB")
    for name, raw in strips.items():
        calibrate(raw)
        taken = []
        for _ in range(RUNS):
            start = time.perf_counter()
            calibrate(raw)
            taken.append(time.perf_counter() - start)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{name:34s}  {len(raw.codes):5d}  {min(taken):6.2f}  {np.median(taken):8.2f}  {peak:8.0f}")


if __name__ == "__main__":
    main()
