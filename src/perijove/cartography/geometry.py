"""Backplanes of maps and pictures: which place a pixel shows, and when, whence and in which light it was seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from perijove.bodies import Body
from perijove.geometry.ellipsoid import intersect
from perijove.geometry.illumination import PLANES, backplanes, in_file_units
from perijove.geometry.view import View, pixel_rays
from perijove.instrument import Filter
from perijove.observation import Observation
from perijove.raster import Layer
from perijove.render.engine import Prepared
from perijove.render.framelets import FrameTable
from perijove.render.planes import Grid, Planes
from perijove.render.threads import run_blocks

FloatArray = NDArray[np.float64]
Rows = NDArray[np.float32]

MORE_PLANES: Mapping[str, tuple[str, str]] = {
    "time": ("s", "time of exposure, after the time that the provenance names"),
    "source": ("", "number of the framelet that weighs most, 0 for the first exposure"),
    "weight": ("", "summed weight of the framelets behind the pixel, 1 well inside one"),
}
"""Backplanes that each filter has its own of: unit and description."""
ROWS = 16
"""Rows whose geometry a thread measures at a time."""


def named_layers(names: Sequence[str], bands: Sequence[Filter]) -> tuple[Layer, ...]:
    """The layers of backplanes; those of `MORE_PLANES` once a filter."""
    layers: list[Layer] = []
    for name in names:
        if name in PLANES:
            layers.append(Layer(name, PLANES[name].unit, "geometry", PLANES[name].description))
        else:
            unit, said = MORE_PLANES[name]
            layers += [Layer(f"{band.value} {name}", unit, "geometry", said) for band in bands]
    return tuple(layers)


def sighted(
    observation: Observation,
    prepared: Prepared,
    names: Sequence[str],
    bands: Sequence[Filter],
    first: int,
    planes: Planes,
    out: Rows,
) -> None:
    """Fill the layers (n, rows, w) of `named_layers` for rendered rows that begin at line `first`.

    Places are given wherever the grid shows the body; all else where a framelet saw it, at the time of the first filter
    of `render.engine.REFERENCE` that did. The planes must have been rendered with sources.
    """
    shared = [name for name in names if name in PLANES]
    done = measured(shared, observation, prepared, first, planes) if shared else {}
    at = 0
    for name in names:
        if name in PLANES:
            out[at] = in_file_units(name, done[name])
            at += 1
            continue
        for band in bands:
            k = planes.bands.index(band)
            out[at] = per_band(name, planes, k, prepared.swaths[k].et - observation.middle_et)
            at += 1


def measured(
    names: Sequence[str], observation: Observation, prepared: Prepared, first: int, planes: Planes
) -> dict[str, FloatArray]:
    """Planes (rows, w) of `geometry.illumination.PLANES`, rad, km and h, of rendered rows; see `sighted`."""
    height = planes.light.shape[1]
    frames = reference_frames(prepared, planes)
    # the filters share their times, but a strip cut short may lack the last frame of some
    table = max(next(iter(prepared.tables.values())), key=lambda t: len(t.cameras))
    sun_km = observation.calibrated.sun_distance_km
    done = {name: np.empty(frames.shape) for name in names}

    def work(start: int) -> None:
        rows = slice(start, min(start + ROWS, height))
        grid, lines = prepared.grid, slice(first + rows.start, first + rows.stop)
        points = surface_points(grid, prepared.body, lines.start, lines.stop)
        cameras, suns = stations(table, frames[rows])
        # beside the body a picture's lines of sight still meet the plane of the rings
        rays = view_rays(grid, lines.start, lines.stop) if isinstance(grid, View) else None
        part = backplanes(names, points, cameras, suns, prepared.body, sun_distance_km=sun_km, rays=rays)
        for name, values in part.items():
            done[name][rows] = values

    run_blocks(work, range(0, height, ROWS), None)
    return done


def per_band(name: str, planes: Planes, k: int, seconds: FloatArray) -> Rows:
    """One of `MORE_PLANES` of a filter, (rows, w)."""
    if name == "source":
        return np.where(planes.source[k] >= 0, planes.source[k], np.float32(np.nan)).astype(np.float32)
    if name == "weight":
        weight: Rows = planes.weight[k]
        return weight
    when: Rows = np.interp(planes.frame[k], np.arange(len(seconds)), seconds).astype(np.float32)
    return when


def reference_frames(prepared: Prepared, planes: Planes) -> Rows:
    """Number of the frame (rows, w), counted in the first filter of reference, by which a pixel's time is told.

    The filters of one exposure share their time.
    """
    frames = np.full(planes.frame.shape[1:], np.nan, np.float32)
    for k in prepared.by_reference():
        np.copyto(frames, planes.frame[k], where=np.isnan(frames))
    return frames


def surface_points(grid: Grid, body: Body, first: int, last: int) -> FloatArray:
    """Body-fixed points (rows, w, 3) km that some rows of a map or picture show, NaN where they show nothing of it."""
    if isinstance(grid, View):
        return intersect(grid.position_km, view_rays(grid, first, last), body.radii_km)
    points, shown = grid.points(slice(first, last), slice(0, grid.width))
    out = np.ascontiguousarray(np.moveaxis(points, 1, 2))
    out[~shown] = np.nan
    return out


def view_rays(view: View, first: int, last: int) -> FloatArray:
    """Unit vectors (rows, w, 3) along the lines of sight of some rows of a picture, in its frame b0."""
    line, sample = np.mgrid[first:last, : view.width] + 0.5
    return pixel_rays(view, line, sample)


def stations(table: FrameTable, frames: Rows) -> tuple[FloatArray, FloatArray]:
    """Where camera and Sun stood, body-fixed (rows, w, 3) km and unit vectors, at numbers of frames; NaN at NaN."""
    index = np.arange(len(table.cameras), dtype=float)
    both = []
    for stored in (table.cameras, table.suns):
        out = np.empty((*frames.shape, 3))
        for axis in range(3):
            out[..., axis] = np.interp(frames, index, stored[:, axis])
        both.append(out)
    return both[0], both[1]
