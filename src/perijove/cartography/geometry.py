"""The backplanes of a map: for each pixel the place it shows, and when, whence and under which light it was seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from perijove.geometry.illumination import PLANES, backplanes, in_file_units
from perijove.geometry.mapgrid import MapGrid, map_rows
from perijove.instrument import Filter
from perijove.observation import Observation
from perijove.raster import Layer
from perijove.render.engine import Prepared, run_blocks
from perijove.render.framelets import FrameTable
from perijove.render.planes import Planes

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

    Places are given wherever the map shows the body; all else where a framelet saw it, at the time of the first filter
    of `render.engine.REFERENCE` that did.
    """
    shared = [name for name in names if name in PLANES]
    frames = reference_frames(prepared, planes)
    at = 0
    measured: dict[str, int] = {}
    for name in names:
        if name in PLANES:
            measured[name] = at
            at += 1
            continue
        for band in bands:
            k = planes.bands.index(band)
            out[at] = per_band(name, planes, k, prepared.swaths[k].et - observation.middle_et)
            at += 1
    if not shared:
        return
    grid = prepared.grid
    assert isinstance(grid, MapGrid)
    table = prepared.tables[1][prepared.by_reference()[0]]
    sun_km = observation.calibrated.sun_distance_km

    def work(start: int) -> None:
        rows = slice(start, min(start + ROWS, out.shape[1]))
        points = surface_points(grid, first + rows.start, first + rows.stop)
        cameras, suns = stations(table, frames[rows])
        done = backplanes(shared, points, cameras, suns, prepared.body, sun_distance_km=sun_km)
        for name, index in measured.items():
            out[index, rows] = in_file_units(name, done[name])

    run_blocks(work, range(0, out.shape[1], ROWS), None)


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


def surface_points(grid: MapGrid, first: int, last: int) -> FloatArray:
    """Body-fixed points (rows, w, 3) km of some rows of a map, NaN off the projection."""
    points = np.empty((last - first, 3, grid.width))
    shown = np.empty((last - first, grid.width), np.bool_)
    map_rows(
        grid.projection.formula(), grid.left_km, grid.top_km, grid.scale_km, np.array(grid.body.radii_km),
        grid.latitudes == "graphic", first, 0, points, shown,
    )  # fmt: skip
    out = np.ascontiguousarray(np.moveaxis(points, 1, 2))
    out[~shown] = np.nan
    return out


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
