"""Time of sharpening the light of a strip, and what it costs in memory beyond the light it gives.

    python benchmarks/bench_sharpen.py [--frames 40] [--repeat 5]

Framelets of smooth clouds with noise, 40 of each of three filters (15,360 lines), a thread a filter as the calibration
does it; `growth` is the factor of the variance, which only pictures with sigma need.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
from numpy.typing import NDArray

from perijove.calibrate.pointspread import point_spread
from perijove.calibrate.sharpen import noise_growth, sharpen
from perijove.instrument import LIT_SAMPLES, SAMPLES, Filter

Light = NDArray[np.float32]
Step = Callable[..., Light]
FILTERS = (Filter.BLUE, Filter.GREEN, Filter.RED)


def framelets(frames: int, seed: int) -> Light:
    """Clouds of 300 to 900 DN with shot noise, NaN where masked."""
    rng = np.random.default_rng(seed)
    light = np.full((frames, 128, SAMPLES), np.nan, np.float32)
    for f in range(frames):
        clouds = cv2.GaussianBlur(rng.standard_normal((128, SAMPLES), np.float32), (0, 0), 2.0)
        level = 600.0 + 100.0 * clouds / clouds.std()
        noisy = level + np.sqrt(np.maximum(level, 0) / 16.3) * rng.standard_normal(level.shape, np.float32)
        light[f, :, LIT_SAMPLES] = noisy[:, LIT_SAMPLES]
    return light


def main() -> None:
    """Print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--repeat", type=int, default=5)
    arguments = parser.parse_args()
    light = {band: framelets(arguments.frames, k) for k, band in enumerate(FILTERS)}
    variance = {band: np.maximum(one, 0) / np.float32(16.3) + np.float32(1) for band, one in light.items()}
    quality = np.zeros(light[Filter.RED].shape, np.uint8)
    lines = 128 * arguments.frames * len(FILTERS)
    for step in (sharpen, noise_growth):
        for threads in (1, 2):
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            times = [once(step, light, variance, quality, threads) for _ in range(arguments.repeat + 1)][1:]
            more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
            print(
                f"{step.__name__:12s} {lines} lines, {threads} threads: median {statistics.median(times):.2f} s, "
                f"fastest {min(times):.2f} s, peak memory +{more:.0f} MB"
            )


def once(
    step: Step, light: dict[Filter, Light], variance: dict[Filter, Light], quality: NDArray[np.uint8], threads: int
) -> float:
    """Seconds for all filters."""
    start = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda band: step(light[band], variance[band], quality, point_spread(band)), light))
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
