"""Time of `render` against cv2.remap of the same pixels with ready-made maps, in one process, taken in turns.

    python benchmarks/bench_render.py [--size 2048] [--repeat 7] [--threads 2]

A synthetic strip (three filters, 30 framelets each, a spinner 1.7 radii above Jupiter, 114.7 lines a frame) is rendered
in two views: `filled`, inside the disc, where every pixel has light in every band, and `disc`, the whole disc with sky
around it. OpenCV gets float32 sources (the framelets stacked) and, for each band, finished float32 maps of the places
that the renderer itself finds (one framelet a pixel; it blends nothing and computes no geometry).
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from perijove.bodies import JUPITER
from perijove.geometry.view import View, disc_middle, native_scale, spacecraft_view
from perijove.instrument import Camera, Filter
from perijove.render import render
from perijove.render.framelets import frame_table
from perijove.render.locate import NOT_SEEN, locate_row
from perijove.render.rays import cast_rows
from perijove.render.resample import make_sightings
from perijove.swath import Swath

ET0 = 7.14e8
PAIRS = (
    ("bilinear", "INTER_LINEAR"),
    ("catmull-rom", "INTER_CUBIC"),
    ("lanczos", "INTER_LANCZOS4"),
)


def synthetic_swaths(frames: int = 30) -> tuple[list[Swath], np.ndarray]:
    """Three swaths of noise-free texture, and the viewpoint at the middle of the strip in j2000, km."""
    delay, step = 0.371, 114.7 / 1480.59
    et: NDArray[np.float64] = np.asarray(ET0 + delay * (np.arange(frames) - (frames - 1) / 2), dtype=np.float64)
    middle = JUPITER.body_from_j2000(ET0).T @ np.array([-1.9e5, 2.0e4, 3.0e4])
    velocity = 40.0 * JUPITER.body_from_j2000(ET0)[2]
    place: NDArray[np.float64] = middle + (et - ET0)[:, None] * velocity
    axis = np.cross(middle, velocity)
    axis = np.cross(axis, middle)
    axis /= np.linalg.norm(axis)
    ahead = -middle / np.linalg.norm(middle)
    angle = (et - ET0) / delay * step
    z: NDArray[np.float64] = np.cos(angle)[:, None] * ahead + np.sin(angle)[:, None] * np.cross(axis, ahead)
    x = np.broadcast_to(axis, z.shape)
    rotation: NDArray[np.float64] = np.stack([x, np.cross(z, x), z], axis=1)
    line, sample = np.mgrid[: frames * 128, :1648].astype(np.float32)
    texture = (np.sin(line / 9) * np.cos(sample / 7) + 2).astype(np.float32).reshape(frames, 128, 1648)
    texture[:, :, :24] = texture[:, :, 1630:] = np.nan
    bands = (Filter.BLUE, Filter.GREEN, Filter.RED)
    return [Swath(b, Camera(), 1, texture.copy(), et, place, rotation) for b in bands], middle


def ready_maps(swaths: list[Swath], view: View) -> list[tuple[np.ndarray, np.ndarray]]:
    """float32 maps (x, y) of every band."""
    shape = (view.height, view.width)
    points, what = np.empty((view.height, 3, view.width)), np.empty(shape)
    cast_rows(0, view.ray_basis(), np.array(JUPITER.radii_km), points, what, np.empty((0, 0), np.float32))
    maps = []
    for swath in swaths:
        table = frame_table(swath, JUPITER, ET0, view.position_km)
        x, y = np.full(shape, -100.0, np.float32), np.full(shape, -100.0, np.float32)
        found, wanted = make_sightings(view.width), np.empty(view.width, np.int64)
        for r in range(view.height):
            locate_row(table.matrices, table.optics, points[r], what[r], found, wanted)
            seen = found.frame != NOT_SEEN
            x[r, seen] = found.sample[seen] - 0.5
            y[r, seen] = found.frame[seen] * table.optics.lines + found.line[seen] - 0.5
        maps.append((x, y))
    return maps


def take_turns(works: dict[str, Callable[[], object]], repeat: int) -> dict[str, np.ndarray]:
    """Wall and processor times (2, repeat) of each work, ms, the works alternating; one run before the clock."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for turn in range(repeat + 1):
        for name, work in works.items():
            wall, busy = time.perf_counter(), time.process_time()
            work()
            if turn:
                times[name].append((time.perf_counter() - wall, time.process_time() - busy))
    return {name: np.array(taken).T * 1e3 for name, taken in times.items()}


def peak_mib() -> float:
    """Peak resident memory of this process so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def compare(swaths: list[Swath], view: View, sun: np.ndarray, repeat: int, threads: int) -> None:
    """Print three lines of the table for each interpolation: OpenCV, ours, ours with backplanes."""
    maps = ready_maps(swaths, view)
    stacked = [s.light.reshape(-1, s.light.shape[-1]) for s in swaths]
    for ours, theirs in PAIRS:

        def remap(flag: int = getattr(cv2, theirs)) -> None:
            for source, (x, y) in zip(stacked, maps, strict=True):
                cv2.remap(source, x, y, flag, borderMode=cv2.BORDER_CONSTANT, borderValue=float("nan"))

        def bare(kind: str = ours) -> None:
            render(swaths, JUPITER, ET0, view, interpolation=kind, backplanes=False, threads=threads)

        def whole(kind: str = ours) -> None:
            render(swaths, JUPITER, ET0, view, interpolation=kind, sun_direction=sun, threads=threads)

        works: dict[str, Callable[[], object]] = {
            f"cv2.remap {theirs}": remap,
            f"render {ours}": bare,
            f"render {ours} + backplanes": whole,
        }
        times = take_turns(works, repeat)
        (reference, reference_busy), *_ = times.values()
        for name, (wall, busy) in times.items():
            print(
                f"  {name:34}{wall.min():8.0f}{np.median(wall):8.0f}{busy.min():8.0f}"
                f"{wall.min() / reference.min():8.2f}{np.median(wall) / np.median(reference):8.2f}"
                f"{busy.min() / reference_busy.min():8.2f}{peak_mib():8.0f}"
            )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=2048)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    cv2.setNumThreads(options.threads)
    swaths, middle = synthetic_swaths()
    body_from_j2000 = JUPITER.body_from_j2000(ET0)
    position = body_from_j2000 @ middle
    filled = spacecraft_view(position, JUPITER, position, options.size, fov=np.radians(28), centre=(0.15, 3.04))
    disc = spacecraft_view(position, JUPITER, None, options.size)
    print(f"{len(swaths)} swaths {swaths[0].light.shape} float32, {options.threads} threads; times in ms")
    for row in (
        ("wall", "wall", "cpu", "ratio", "ratio", "ratio", "peak"),
        ("min", "median", "min", "min", "median", "cpu", "MiB"),
    ):
        print(" " * 36 + "".join(f"{word:>8}" for word in row))
    for name, view in (("filled", filled), ("disc", disc)):
        planes = render(swaths, JUPITER, ET0, view, sun_direction=middle, threads=options.threads)
        scale = native_scale(view, disc_middle(position, JUPITER, None))
        print(
            f"{name}: {view.width} x {view.height} x {len(swaths)}, light in {np.isfinite(planes.light).mean():.1%}, "
            f"body in {planes.hit.mean():.1%}, {scale:.2f} output px a native px"
        )
        del planes
        compare(swaths, view, middle, options.repeat, options.threads)


if __name__ == "__main__":
    main()
