"""What maps cost: the kernel against cv2.remap, a global map from the command line, memory of a very large one.

    python benchmarks/bench_map.py [--repeat 5] [--threads 2] [--large]

The kernel: a synthetic strip of three filters (that of bench_render.py) on a map at the camera's own scale, against
cv2.remap of the same pixels, with the same interpolation and ready-made float32 maps, in one process, taken in turns.
OpenCV blends nothing and computes no geometry. The command: `perijove map` of one colour strip of the folder
PERIJOVE_DATA, the whole body at 25 px a degree, all included, beside `perijove solve` of the same strip, which is its
larger part. With `--large` also a map of 30,000 x 15,000 px, some GB on the disk.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from bench_render import ET0, PAIRS, synthetic_swaths, take_turns
from perijove.bodies import JUPITER
from perijove.geometry.mapgrid import MapGrid, map_rows
from perijove.geometry.projection import Projection
from perijove.render import prepare
from perijove.render.framelets import frame_table
from perijove.render.locate import NOT_SEEN, locate_row
from perijove.render.rays import HIT
from perijove.render.resample import make_sightings
from perijove.swath import Swath

STRIP = "pj44/JNCE_2022229_44C00029_V01-raw.png"
SIDE = 2048
SCALE_KM = 60.0


def map_in_view(middle: np.ndarray) -> MapGrid:
    """A map of ground that every filter of the synthetic strip has seen."""
    body = JUPITER.body_from_j2000(ET0) @ middle
    latitude, longitude = np.arctan2(body[2], np.hypot(body[0], body[1])), np.arctan2(body[1], body[0])
    projection = Projection("laea", 71492.0, float(latitude), float(longitude))
    half = SCALE_KM * SIDE / 2
    return MapGrid(JUPITER, projection, "centric", SCALE_KM, -half * 0.5, half * 0.5, SIDE // 2, SIDE // 2)


def ready_maps(swaths: list[Swath], grid: MapGrid) -> list[tuple[np.ndarray, np.ndarray]]:
    """float32 maps (x, y) of every band, into its framelets stacked."""
    points, shown = np.empty((grid.height, 3, grid.width)), np.empty((grid.height, grid.width), np.bool_)
    map_rows(
        grid.projection.formula(), grid.left_km, grid.top_km, grid.scale_km, grid.scale_km,
        np.array(JUPITER.radii_km), False, 0, 0, points, shown,
    )  # fmt: skip
    what = np.full(shown.shape, HIT)
    maps = []
    for swath in swaths:
        table = frame_table(swath, JUPITER, ET0, np.zeros(3))
        x, y = np.full(shown.shape, -100.0, np.float32), np.full(shown.shape, -100.0, np.float32)
        found, wanted = make_sightings(grid.width), np.empty(grid.width, np.int64)
        for r in range(grid.height):
            locate_row(table.matrices, table.optics, points[r], what[r], found, wanted)
            seen = found.frame != NOT_SEEN
            x[r, seen] = found.sample[seen] - 0.5
            y[r, seen] = found.frame[seen] * table.optics.lines + found.line[seen] - 0.5
        maps.append((x, y))
    return maps


def kernel(repeat: int, threads: int) -> None:
    """Print the kernel's table."""
    swaths, middle = synthetic_swaths()
    grid = map_in_view(middle)
    maps = ready_maps(swaths, grid)
    stacked = [swath.light.reshape(-1, swath.light.shape[-1]) for swath in swaths]
    print(f"map of {grid.width} x {grid.height} px x {len(swaths)}, {threads} threads; ms, least of {repeat}")
    for ours, theirs in PAIRS:
        prepared = prepare(swaths, JUPITER, ET0, grid, interpolation=ours, backplanes=False, horizon=0.1)
        lit = np.isfinite(prepared.planes(threads=threads).light).mean()

        def remap(flag: int = getattr(cv2, theirs)) -> None:
            for source, (x, y) in zip(stacked, maps, strict=True):
                cv2.remap(source, x, y, flag, borderMode=cv2.BORDER_CONSTANT, borderValue=float("nan"))

        works: dict[str, Callable[[], object]] = {
            f"cv2.remap {theirs}": remap,
            f"map {ours}": lambda p=prepared: p.planes(threads=threads),
        }
        times = take_turns(works, repeat)
        (reference, _), *_ = times.values()
        for name, (wall, busy) in times.items():
            ratio = wall.min() / reference.min()
            print(f"  {name:28}{wall.min():8.0f} wall{busy.min():8.0f} cpu{ratio:8.2f} x   light in {lit:.0%}")


def run(*words: str) -> tuple[float, float, float]:
    """Wall and processor seconds of a command, and the peak memory of all commands so far in GB."""
    start = time.perf_counter()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([str(Path(sys.executable).with_name("perijove")), *words, "--quiet"], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, busy, after.ru_maxrss / 1e6


def command(repeat: int, large: bool) -> None:
    """Print what the command takes."""
    strip = Path(os.environ.get("PERIJOVE_DATA", "../shared/data")) / STRIP
    if not strip.exists():
        print(f"{strip} is not there: the command is not timed")
        return
    globe = ["--bounds=-180,-90,180,90", "--overwrite"]
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder) / "map.tif")
        works = {
            "perijove solve": ["solve", str(strip)],
            "perijove map --ppd 25": ["map", str(strip), "-o", out, "--ppd", "25", *globe],
            "perijove map --ppd 25 --depth 16": ["map", str(strip), "-o", out, "--ppd", "25", "--depth", "16", *globe],
        }
        taken: dict[str, list[tuple[float, float, float]]] = {name: [] for name in works}
        for _ in range(repeat):
            for name, words in works.items():
                taken[name].append(run(*words))
        print("the command, all included, alternating; least of the runs")
        for name, runs in taken.items():
            wall, busy = min(r[0] for r in runs), min(r[1] for r in runs)
            print(f"  {name:36}{wall:8.2f} s wall{busy:8.2f} s cpu")
        print(f"  peak memory of these {max(r[2] for runs in taken.values() for r in runs):.2f} GB")
        if large:
            wall, busy, peak = run("map", str(strip), "-o", out, "--ppd", f"{30000 / 360}", *globe)
            print(f"  30,000 x 15,000 x 3 float32: {wall:.0f} s wall, {busy:.0f} s cpu, peak memory {peak:.2f} GB")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--large", action="store_true")
    options = parser.parse_args()
    cv2.setNumThreads(options.threads)
    kernel(options.repeat, options.threads)
    command(options.repeat, options.large)


if __name__ == "__main__":
    main()
