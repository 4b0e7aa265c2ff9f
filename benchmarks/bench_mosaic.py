"""What fusing many strips costs: time per strip and per 8 Mpx of map, and peak memory.

    python benchmarks/bench_mosaic.py [--strips 1 2 5 10 20 40] [--width 4000] [--mode blend] [--threads 2] [--large]

Synthetic strips (three filters, 30 framelets each, with variance and quality) taken from places all around Jupiter are
fused into a global equirectangular map of `--width` x half of it px, evenly lit by no law: the light is left as it is,
so that fusion alone is timed. Every number of strips runs in a process of its own; strips lie in files, and memory is
held down, as in `perijove mosaic`. The rows are asked for 1024 at a time, as a writer does. With `--large` also 40
strips on a map of 7200 x 3600 px.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np

from bench_render import ET0, synthetic_swaths
from perijove.bodies import JUPITER
from perijove.geometry.mapgrid import MapGrid
from perijove.geometry.projection import Projection
from perijove.mosaic import Look, prepare_mosaic
from perijove.spill import held_down, release, spilled_together
from perijove.swath import Swath

ROWS = 1024
RADIUS_KM = 71492.0


def globe(width: int) -> MapGrid:
    """The whole body."""
    around = 2 * np.pi * RADIUS_KM
    projection = Projection("equirectangular", RADIUS_KM, 0.0, 0.0)
    return MapGrid(JUPITER, projection, "centric", around / width, -around / 2, around / 4, width, width // 2)


def looks_around(count: int) -> list[Look]:
    """Strips from `count` places, each turned on about the axis and tilted against the equator."""
    swaths, middle = synthetic_swaths()
    noise = np.random.default_rng(1)
    looks = []
    for k in range(count):
        turn, tilt = 2 * np.pi * k / max(count, 8), 0.5 * np.sin(2.4 * k)
        frozen = JUPITER.body_from_j2000(ET0)
        about_z = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
        about_x = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
        rotation = frozen.T @ about_z @ about_x @ frozen
        own = tuple(
            replace(
                grainy(swath, noise),
                position_km=swath.position_km @ rotation.T,
                camera_from_j2000=swath.camera_from_j2000 @ rotation.T,
                unit=1e-3,
            )
            for swath in swaths
        )
        looks.append(Look(f"strip {k:02d}", own, ET0, frozen @ rotation @ middle))
        release()
    return looks


def grainy(swath: Swath, noise: np.random.Generator) -> Swath:
    """A swath with noise of its own, its variance and quality, in a file."""
    light = 250 + 25 * swath.light + noise.normal(size=swath.light.shape).astype(np.float32)
    variance = np.where(np.isfinite(swath.light), 1.0, np.nan).astype(np.float32)
    away = spilled_together([light, variance, np.zeros(swath.light.shape, np.uint8)])
    return replace(swath, light=away[0], variance=away[1], quality=away[2])


def run(strips: int, width: int, mode: str, threads: int) -> dict[str, float]:
    """Fuse once; seconds and bytes."""
    looks, grid = looks_around(strips), globe(width)
    # kernels compiled or loaded
    prepare_mosaic(looks[:1], JUPITER, ET0, globe(256), mode=mode, threads=threads).planes()
    before = resource.getrusage(resource.RUSAGE_SELF)
    start = time.perf_counter()
    mosaic = prepare_mosaic(looks, JUPITER, ET0, grid, mode=mode, threads=threads)
    ready = time.perf_counter()
    seen = 0
    for first in range(0, grid.height, ROWS):
        part = mosaic.planes(first, min(first + ROWS, grid.height))
        seen += int(part.count.sum())
    end = time.perf_counter()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "strips": strips,
        "megapixels": grid.width * grid.height / 1e6,
        "seen": seen / strips / (grid.width * grid.height),
        "prepare_s": ready - start,
        "fuse_s": end - ready,
        "cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "peak_gb": after.ru_maxrss / 1e6,
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strips", type=int, nargs="+", default=[1, 2, 5, 10, 20, 40])
    parser.add_argument("--width", type=int, default=4000)
    parser.add_argument("--mode", default="blend")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        with held_down():
            told = run(options.strips[0], options.width, options.mode, options.threads)
        print(json.dumps(told))
        return
    cases = [(strips, options.width) for strips in options.strips] + ([(40, 7200)] if options.large else [])
    print("strips    Mpx   seen by each   prepare s    fuse s     cpu s   wall s/strip/8 Mpx   cpu s   peak GB")
    for strips, width in cases:
        words = ["--one", "--strips", str(strips), "--width", str(width), "--mode", options.mode]
        words += ["--threads", str(options.threads)]
        made = subprocess.run([sys.executable, __file__, *words], check=True, capture_output=True, text=True)
        row = json.loads(made.stdout)
        each = 8.0 / row["megapixels"] / strips
        wall = (row["prepare_s"] + row["fuse_s"]) * each
        print(
            f"{strips:6d}{row['megapixels']:7.1f}{row['seen']:15.2f}{row['prepare_s']:12.2f}{row['fuse_s']:10.2f}"
            f"{row['cpu_s']:10.2f}{wall:21.2f}{row['cpu_s'] * each:8.2f}{row['peak_gb']:10.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
