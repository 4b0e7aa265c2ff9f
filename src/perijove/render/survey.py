"""A survey of a map before it is drawn: which parts any framelet sees, and how fine the camera saw them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from perijove.bodies import Body
from perijove.geometry.ellipsoid import normal
from perijove.geometry.mapgrid import MapGrid
from perijove.jit import kernel
from perijove.render.drift import carried
from perijove.render.framelets import FrameTable, Optics, frame_table
from perijove.render.horizon import Horizon, emission_cosine, horizon_of
from perijove.render.locate import NOT_SEEN, predict_frame, seek_frame
from perijove.render.rays import HIT
from perijove.render.uncertainty import feather
from perijove.swath import Swath

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

CELLS = 160_000
"""Places at which a map is surveyed, about, unless it is so large that `WIDEST` would be passed."""
WIDEST = 16
"""Most pixels from one place of the survey to the next."""
FEW_FRAMES = 3
"""A strip of fewer frames may be so thin that it lies between the places of the survey."""
CLEAR = 0.1
"""By how much the cosine of emission must be above the least that no pixel nearby can be below it."""
COARSE = 1.5
"""Camera px in a pixel of the map from which on the pixel is a mean."""
MOST_PLACES = 8
"""Most places, either way, at which a pixel of a map is looked up."""


@kernel
def survey_points(
    matrices: FloatArray, optics: Optics, horizon: Horizon, points: FloatArray, shown: BoolArray, frames: IntArray
) -> None:
    """Fill `frames` (n,) with numbers of frames that see the surface points (n, 3) km; `NOT_SEEN` where none does."""
    for j in range(len(points)):
        x, y, z = points[j, 0], points[j, 1], points[j, 2]
        frames[j] = NOT_SEEN
        if not shown[j]:
            continue
        guess = predict_frame(matrices, optics, x, y, z, HIT)
        i, _, line, sample = seek_frame(matrices, optics, guess, x, y, z, HIT)
        if i == NOT_SEEN or feather(optics, line, sample) <= 0.0:
            continue
        if emission_cosine(horizon.squares, horizon.cameras, i, x, y, z) >= horizon.least:
            frames[j] = i


@dataclass(frozen=True)
class Pace:
    """How a block of a map is sampled: at `down` x `across` places a pixel.

    They are looked up in framelets whose pixels were averaged `factor` x `factor`. `pixels` is the number of these that
    a pixel of the map covers, or that of the places where it is less: so many have a noise of their own.
    """

    factor: int
    down: int
    across: int
    pixels: float = 1.0


@dataclass(frozen=True)
class Survey:
    """What a map shows, cell by cell of `step` px: `seen` (rows, columns), a cell beyond included, and `spans`.

    `spans` (rows, columns, 2) are the stored camera px that a step of one pixel of the map covers, downwards and
    across, `cosines` (rows, columns) those of the emission angle, NaN unseen.
    """

    step: int
    seen: BoolArray
    spans: FloatArray
    cosines: FloatArray

    def sees(self, rows: slice, columns: slice) -> bool:
        """Whether anything may be seen in a block of the map's pixels."""
        return bool(self.seen[self._cells(rows), self._cells(columns)].any())

    def clear_of(self, least: float, rows: slice, columns: slice) -> bool:
        """Whether a block lies so far above a cosine of emission of `least` that no pixel need be tested."""
        cells = []
        for pixels, count in ((rows, self.seen.shape[0]), (columns, self.seen.shape[1])):
            inner = self._cells(pixels)
            cells.append(slice(max(inner.start - 1, 0), min(inner.stop + 1, count)))
        # NaN, unseen, is not clear either
        return bool((self.cosines[tuple(cells)] > least + CLEAR).all())

    def pace(self, rows: slice, columns: slice, factors: Sequence[int]) -> Pace:
        """How to sample a block, so that each pixel shows the mean of what it covers; some of `factors` are there."""
        if self.largest < COARSE:
            return Pace(1, 1, 1)
        part = self.spans[self._cells(rows), self._cells(columns)].reshape(-1, 2)
        known = part[np.isfinite(part).all(axis=1)]
        if not len(known):
            return Pace(1, 1, 1)
        least = float(np.percentile(known.min(axis=1), 20.0))
        # two places each way at least: pixels as large as the map's own, sampled once, blur and alias at once
        factor = max(factor for factor in factors if factor == 1 or factor <= least / 2)
        spans = [float(np.median(span)) / factor for span in known.T]
        down, across = (int(np.clip(round(span), 1, MOST_PLACES)) for span in spans)
        return Pace(factor, down, across, max(min(spans[0], down), 1.0) * max(min(spans[1], across), 1.0))

    @cached_property
    def largest(self) -> float:
        """The most camera px that a pixel of the map spans the way it spans fewer; 1 where nothing is seen."""
        least = self.spans.min(axis=-1)
        known = least[np.isfinite(least)]
        return float(known.max()) if len(known) else 1.0

    @cached_property
    def middle(self) -> float:
        """The camera px that a pixel of the map spans, in the median; 1 where nothing is seen."""
        mean = np.sqrt(self.spans[..., 0] * self.spans[..., 1])
        known = mean[np.isfinite(mean) & (mean > 0.0)]
        return float(np.median(known)) if len(known) else 1.0

    def _cells(self, pixels: slice) -> slice:
        return slice(pixels.start // self.step, -(-pixels.stop // self.step))


def survey(
    grid: MapGrid, tables: Sequence[FrameTable], horizons: Sequence[Horizon], drift: FloatArray | None = None
) -> Survey:
    """Survey a map with the tables of some swaths and their horizons; `drift` as `render` takes it."""
    step = int(np.clip(math.sqrt(grid.width * grid.height / CELLS), 1, WIDEST))
    if min(table.optics.frames for table in tables) < FEW_FRAMES:
        step = min(step, 2)
    rows, columns = -(-grid.height // step), -(-grid.width // step)
    points, shown = grid.points(slice(0, rows), slice(0, columns), 1 / step, 1 / step)
    points = carried(drift, points, np.where(shown, HIT, 1.0))
    places = np.ascontiguousarray(np.moveaxis(points, 1, 2))
    steps = [ground_steps(places, shown, axis) / step for axis in (0, 1)]
    spans, cosines = np.full((rows, columns, 2), np.nan), np.full((rows, columns), np.nan)
    for table, horizon in zip(tables, horizons, strict=True):
        frames = np.empty(rows * columns, np.int64)
        survey_points(table.matrices, table.optics, horizon, places.reshape(-1, 3), shown.reshape(-1), frames)
        seen = frames.reshape(rows, columns) != NOT_SEEN
        new = seen & np.isnan(spans[..., 0])
        sight = table.cameras[frames.reshape(rows, columns)[new]] - places[new]
        away = np.linalg.norm(sight, axis=-1, keepdims=True)
        cosines[new] = np.sum(normal(places[new], grid.body.radii_km) * sight / away, axis=-1)
        for axis, apart in enumerate(steps):
            spans[new, axis] = (
                projected(apart[new], sight / away) * table.optics.shrink / (away[:, 0] * table.optics.inverse_focal)
            )
    if 1 in (rows, columns):
        # a map of one row tells no step from row to row: it is as large as the other
        spans[...] = spans.max(axis=-1, keepdims=True)
    return Survey(step, widened(np.isfinite(cosines)), spans, cosines)


def projected(vectors: FloatArray, sight: FloatArray) -> FloatArray:
    """Lengths (n,) of vectors (n, 3) across unit lines of sight (n, 3)."""
    along = np.sum(vectors * sight, axis=-1, keepdims=True)
    out: FloatArray = np.linalg.norm(vectors - along * sight, axis=-1)
    return out


def ground_steps(points: FloatArray, shown: BoolArray, axis: int) -> FloatArray:
    """Vectors (rows, columns, 3) km from surface points to the next ones along an axis.

    At the end of a row it is that from the one before, and 0 where there is neither.
    """
    if points.shape[axis] < 2:
        return np.zeros_like(points)
    both = np.delete(shown, 0, axis) & np.delete(shown, -1, axis)
    ahead = np.where(both[..., None], np.diff(points, axis=axis), 0.0)
    none = np.zeros_like(np.take(points, [0], axis=axis))
    after = np.concatenate([ahead, none], axis=axis)
    before = np.concatenate([none, ahead], axis=axis)
    return np.where((after == 0.0).all(axis=-1, keepdims=True), before, after)


def widened(seen: BoolArray) -> BoolArray:
    """The cells and those next to them."""
    padded = np.pad(seen, 1)
    rows, columns = seen.shape
    out = np.zeros_like(seen)
    for i in range(3):
        for j in range(3):
            out |= padded[i : i + rows, j : j + columns]
    return out


def coverage(
    swaths: Sequence[Swath],
    body: Body,
    et0: float,
    viewpoint_km: FloatArray,
    points: FloatArray,
    horizon: float = -1.0,
) -> NDArray[np.bool_]:
    """Which surface points (n, 3) km of b0 each swath has imaged: (bands, n).

    `viewpoint_km` (3,) is the viewpoint of the picture in b0. With a `horizon` (cosine of the emission angle) of 0 or
    more the far side of the body is told apart.
    """
    points = np.ascontiguousarray(points, dtype=float)
    seen = np.zeros((len(swaths), len(points)), np.bool_)
    for k, swath in enumerate(swaths):
        table: FrameTable = frame_table(swath, body, et0, viewpoint_km)
        frames = np.empty(len(points), np.int64)
        survey_points(
            table.matrices,
            table.optics,
            horizon_of(table, body, horizon),
            points,
            np.ones(len(points), np.bool_),
            frames,
        )
        seen[k] = frames != NOT_SEEN
    return seen
