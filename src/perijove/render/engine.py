"""The front of the room: checks what it is given, shares the rows among threads, and gathers the planes."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from perijove.bodies import Body
from perijove.errors import UsageError
from perijove.geometry.view import View
from perijove.render.backplanes import COS_EMISSION, COS_INCIDENCE, LATITUDE, LONGITUDE, PHASE, measure_rows
from perijove.render.framelets import FrameTable, Uncertainty, frame_table
from perijove.render.interpolate import BILINEAR, CATMULL_ROM, LANCZOS_3
from perijove.render.planes import Planes
from perijove.render.rays import HIT, cast_rows
from perijove.render.resample import mark_seen, resample_rows
from perijove.swath import Swath

FloatArray = NDArray[np.float64]

INTERPOLATIONS = {"bilinear": BILINEAR, "catmull-rom": CATMULL_ROM, "lanczos": LANCZOS_3}
UNKNOWN = Uncertainty(np.empty(0, np.float32), np.empty(0, np.uint8))
NOTHING = np.empty((0, 0), np.float32), np.empty((0, 0), np.uint8)
"""What the kernels are given where no sigma is asked for."""
BLOCK_ROWS = 16
"""Rows a thread takes at a time: their points (32 bytes a pixel) stay in its cache while every band reads them."""


def render(
    swaths: Sequence[Swath],
    body: Body,
    et0: float,
    view: View,
    *,
    sun_direction: FloatArray | None = None,
    interpolation: str = "catmull-rom",
    backplanes: bool = True,
    threads: int | None = None,
) -> Planes:
    """Render the swaths (one a filter) of one strip as seen in a view.

    The frame b0 is that of `body` frozen at `et0` (ET, s), in which the view is given. Each output pixel's ray is met
    with the ellipsoid; the point turns with the body to each framelet's own time (less the light time) and is seen from
    the camera's own place then, so that parallax and rotation are undone. Rays that miss are carried as
    `rays.FADE_START` tells. Framelets that overlap are blended by smooth weights.

    The light is the swaths' times their `unit`. Where all of them come with a variance, `sigma` and `quality` are
    filled too.

    `sun_direction` (3,) points from the body to the Sun in j2000, any length. `interpolation` is 'bilinear',
    'catmull-rom' or 'lanczos' (3 lobes). Without `backplanes` only light and weight are filled. `threads`: None takes
    one a processor.

    Rendering is a pure function and may run in several threads at once. Raises UsageError for an unknown interpolation,
    no swaths or a filter given twice, StripError for a swath whose arrays do not fit one another.
    """
    check_request(swaths, interpolation)
    tables = [frame_table(swath, body, et0, view.position_km) for swath in swaths]
    planes = empty_planes(swaths, view, backplanes)
    doubted = len(planes.sigma) > 0
    sun = sun_in_body(body, et0, sun_direction)
    radii = np.array(body.radii_km)
    rays = view.ray_basis()
    kind = INTERPOLATIONS[interpolation]
    measured = {
        LATITUDE: planes.latitude,
        LONGITUDE: planes.longitude,
        COS_INCIDENCE: planes.cos_incidence,
        COS_EMISSION: planes.cos_emission,
        PHASE: planes.phase,
    }

    def render_block(first: int) -> None:
        rows = slice(first, min(first + BLOCK_ROWS, view.height))
        shape = (rows.stop - first, view.width)
        points, what = np.empty((shape[0], 3, shape[1])), np.empty(shape)
        cast_rows(first, rays, radii, points, what, planes.altitude_km[rows])
        for k, table in enumerate(tables):
            out, weight = planes.light[k, rows], planes.weight[k, rows]
            sigma, bits = (planes.sigma[k, rows], planes.quality[k, rows]) if doubted else NOTHING
            resample_rows(
                table.matrices, table.light, table.optics, points, what, kind, out, weight,
                table.known if doubted else UNKNOWN, sigma, bits,
            )  # fmt: skip
            out *= np.float32(swaths[k].unit)
            sigma *= np.float32(swaths[k].unit)
        if backplanes:
            stack = np.empty((len(measured), *shape), np.float32)
            measure_rows(points, what, view.position_km, sun, radii, stack, planes.hit[rows])
            for index, plane in measured.items():
                plane[rows] = stack[index]

    run_blocks(render_block, range(0, view.height, BLOCK_ROWS), threads)
    return planes


def check_request(swaths: Sequence[Swath], interpolation: str) -> None:
    """Raise UsageError for what no picture can be made of."""
    if interpolation not in INTERPOLATIONS:
        raise UsageError(f"unknown interpolation {interpolation!r}: use one of {', '.join(INTERPOLATIONS)}")
    bands = [swath.band for swath in swaths]
    if not bands:
        raise UsageError("no swaths to render: give one for each filter that the picture should have")
    if len(set(bands)) < len(bands):
        raise UsageError(f"a filter is given twice among {', '.join(bands)}: give one swath a filter")


def empty_planes(swaths: Sequence[Swath], view: View, backplanes: bool) -> Planes:
    """Planes of the right shapes, not yet filled."""
    size = (view.height, view.width)
    side = size if backplanes else (0, 0)
    doubted = (len(swaths), *size) if all(swath.variance is not None for swath in swaths) else (0, 0, 0)
    return Planes(
        bands=tuple(swath.band for swath in swaths),
        view=view,
        light=np.empty((len(swaths), *size), np.float32),
        weight=np.empty((len(swaths), *size), np.float32),
        latitude=np.empty(side, np.float32),
        longitude=np.empty(side, np.float32),
        cos_incidence=np.empty(side, np.float32),
        cos_emission=np.empty(side, np.float32),
        phase=np.empty(side, np.float32),
        hit=np.empty(side, np.bool_),
        altitude_km=np.empty(side, np.float32),
        sigma=np.empty(doubted, np.float32),
        quality=np.empty(doubted, np.uint8),
    )


def sun_in_body(body: Body, et0: float, sun_direction: FloatArray | None) -> FloatArray:
    """Unit vector (3,) to the Sun in b0; NaN where none is given."""
    if sun_direction is None:
        return np.full(3, np.nan)
    sun: FloatArray = body.body_from_j2000(et0) @ np.asarray(sun_direction, dtype=float)
    return sun / np.linalg.norm(sun)


def processors() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_blocks(work: Callable[[int], None], starts: range, threads: int | None) -> None:
    """Call `work` for every start, spread over threads; the first error is raised."""
    count = min(threads or processors(), len(starts))
    if count <= 1:
        for start in starts:
            work(start)
        return
    with ThreadPoolExecutor(count) as pool:
        for _ in pool.map(work, starts):
            pass


def coverage(
    swaths: Sequence[Swath], body: Body, et0: float, viewpoint_km: FloatArray, points: FloatArray
) -> NDArray[np.bool_]:
    """Which surface points (n, 3) km of b0 each swath has imaged: (bands, n). The far side is not told apart.

    `viewpoint_km` (3,) is the viewpoint of the picture in b0.
    """
    points = np.ascontiguousarray(points, dtype=float)
    what = np.full(len(points), HIT)
    seen = np.zeros((len(swaths), len(points)), np.bool_)
    for k, swath in enumerate(swaths):
        table: FrameTable = frame_table(swath, body, et0, viewpoint_km)
        mark_seen(table.matrices, table.optics, points, what, seen[k])
    return seen
