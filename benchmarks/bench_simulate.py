"""Time and memory of simulating a strip, from the ground to the codes, and of painting the worlds.

A strip of 60 frames in three filters, of Jupiter from eighty minutes before perijove 44, with 2 x 2 rays a pixel; each
run is a process of its own, the first one warms the caches. `processors` is the time of all processors for a whole
strip, which tells on a busy machine what a quiet one would need. Then the time that each painter takes for a place, at
spacings from near and far, places spread over a disc as a strip sees it. Prints the median of each as a table.

    python benchmarks/bench_simulate.py [--frames 60] [--rays 2] [--repeat 3]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from perijove.instrument import FRAMELET_LINES, SAMPLES
from perijove.simulate.detector import Detector, expose
from perijove.simulate.frames import j2000_from_body
from perijove.simulate.optics import STAGE_S
from perijove.simulate.photograph import photograph, shot_surface
from perijove.simulate.scene import time_shot
from perijove.simulate.scenes import perijove_scene
from perijove.simulate.worlds.ganymede import GanymedePainter
from perijove.simulate.worlds.jupiter import JupiterPainter
from perijove.simulate.worlds.painting import Painter
from perijove.simulate.worlds.texture import MapPainter

ET = 7.14e8
AU_KM = 149597870.7


def timed(work: Callable[[], object]) -> float:
    """Seconds that a piece of work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def take_once(frames: int, rays: int) -> dict[str, float]:
    """Seconds by step of one strip in this process; the ground is painted twice, once to be timed alone."""
    scene = perijove_scene(44, 1)
    shot = replace(scene.shots[0], frames=frames)
    timing = time_shot(scene, shot)
    middle = float(timing.et.mean())
    sun = scene.sun(middle) @ j2000_from_body(scene.flight.body, middle)
    sun /= np.linalg.norm(sun)
    paint = timed(lambda: shot_surface(scene, timing, sun))
    start, busy = time.perf_counter(), time.process_time()
    picture = photograph(scene, shot, per_side=rays)
    whole = time.perf_counter() - start
    detect = timed(
        lambda: expose(
            picture.light, Detector(), exposure_s=shot.stages * STAGE_S, perijove=44, sun_distance_km=5.0 * AU_KM,
            filters=shot.filters,
        )
    )  # fmt: skip
    processors = time.process_time() - busy
    return {
        "ground": paint, "light": whole - paint, "detector": detect, "whole strip": whole + detect,
        "processors": processors,
    }  # fmt: skip


def strips(frames: int, rays: int, repeat: int) -> None:
    """Print the table of strips."""
    command = [sys.executable, __file__, "--once", "--frames", str(frames), "--rays", str(rays)]
    runs, memory = [], []
    for k in range(repeat + 1):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        told = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"the strip failed: {' '.join(command)}")
        if k:
            runs.append(json.loads(told))
            memory.append(usage.ru_maxrss / 1024.0)
    count = frames * 3 * FRAMELET_LINES * SAMPLES * rays * rays
    print(f"{frames} frames of 3 filters, {rays} x {rays} rays a pixel: {count / 1e6:.0f} million rays")
    for step in runs[0]:
        times = [run[step] for run in runs]
        print(f"{step:14s} median {statistics.median(times):6.2f} s, fastest {min(times):6.2f} s of {repeat}")
    light = statistics.median([run["light"] for run in runs])
    print(f"{'rays':14s} median {count / light / 1e6:6.2f} million a second")
    print(f"{'peak memory':14s} median {statistics.median(memory):6.0f} MB")


def field(spacing: float, side: int = 300) -> np.ndarray:
    """Directions (side^2, 3) side by side, as the texels of a ground are, about 25 E, 20 N."""
    x, y = np.meshgrid(*[spacing * (np.arange(side) - side / 2)] * 2)
    longitude, latitude = np.radians([25.0, 20.0])
    ahead = np.array([np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)])
    east = np.array([-np.sin(longitude), np.cos(longitude), 0.0])
    places = (ahead + x[..., None] * east + y[..., None] * np.cross(ahead, east)).reshape(-1, 3)
    out: np.ndarray = places / np.linalg.norm(places, axis=1, keepdims=True)
    return out


def painters(repeat: int) -> None:
    """Print the table of painters."""
    image = np.random.default_rng(1).integers(0, 255, (1024, 2048), np.uint8)
    worlds: tuple[tuple[str, Painter, float, tuple[float, ...]], ...] = (
        ("Jupiter", JupiterPainter(1, ET), 71492.0, (5.0, 40.0, 160.0)),
        ("Ganymede", GanymedePainter(1), 2631.2, (0.5, 2.0, 8.0)),
        ("map", MapPainter(image), 2631.2, (0.5, 2.0, 8.0)),
    )
    for name, painter, radius, spacings in worlds:
        for spacing_km in spacings:
            spacing = spacing_km / radius
            places = field(spacing)
            painter.paint(places, spacing, ET)
            each = statistics.median(paint_once(painter, places, spacing) for _ in range(repeat)) / len(places)
            print(
                f"{name:9s} {spacing_km:5g} km apart: {each * 1e9:6.0f} ns a place, {1e-6 / each:6.2f} million a second"
            )


def paint_once(painter: Painter, places: np.ndarray, spacing: float) -> float:
    """Seconds that a painter takes for places."""
    return timed(lambda: painter.paint(places, spacing, ET))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--rays", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.once:
        print(json.dumps(take_once(arguments.frames, arguments.rays)))
        return
    strips(arguments.frames, arguments.rays, arguments.repeat)
    painters(arguments.repeat)


if __name__ == "__main__":
    main()
