"""A survey of a map before it is drawn: which parts any framelet sees, and how fine the camera saw them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.geometry.mapgrid import MapGrid, map_rows
from perijove.jit import kernel
from perijove.render.framelets import FrameTable, Optics
from perijove.render.horizon import Horizon, emission_cosine
from perijove.render.locate import NOT_SEEN, predict_frame, seek_frame
from perijove.render.rays import HIT
from perijove.render.uncertainty import feather

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

CELLS = 160_000
"""Places at which a map is surveyed, about, unless it is so large that `WIDEST` would be passed."""
WIDEST = 16
"""Most pixels from one place of the survey to the next."""


@kernel
def survey_points(
    matrices: FloatArray, optics: Optics, horizon: Horizon, points: FloatArray, shown: BoolArray, fineness: FloatArray
) -> None:
    """Fill `fineness` (n,) of surface points (n, 3) km: camera px per km, the way it has fewest; NaN unseen."""
    for j in range(len(points)):
        x, y, z = points[j, 0], points[j, 1], points[j, 2]
        fineness[j] = math.nan
        if not shown[j]:
            continue
        guess = predict_frame(matrices, optics, x, y, z, HIT)
        i, _, line, sample = seek_frame(matrices, optics, guess, x, y, z, HIT)
        if i == NOT_SEEN or feather(optics, line, sample) <= 0.0:
            continue
        cosine = emission_cosine(horizon.squares, horizon.cameras, i, x, y, z)
        if cosine >= horizon.least:
            dx, dy, dz = (
                horizon.cameras[i, 0] - x, horizon.cameras[i, 1] - y, horizon.cameras[i, 2] - z,
            )  # fmt: skip
            fineness[j] = max(cosine, 0.0) / (optics.inverse_focal * math.sqrt(dx * dx + dy * dy + dz * dz))


@dataclass(frozen=True)
class Survey:
    """What a map shows, cell by cell of `step` px: `seen` (rows, columns), a cell beyond included, and `fineness`.

    `fineness` (rows, columns) is the native camera px that a pixel of the map spans where it spans least, NaN unseen.
    """

    step: int
    seen: BoolArray
    fineness: FloatArray

    def sees(self, rows: slice, columns: slice) -> bool:
        """Whether anything may be seen in a block of the map's pixels."""
        return bool(self.seen[self._cells(rows), self._cells(columns)].any())

    def finest(self, rows: slice, columns: slice) -> float:
        """The least camera px a pixel of a block spans; 1 where nothing tells."""
        part = self.fineness[self._cells(rows), self._cells(columns)]
        known = part[np.isfinite(part)]
        return float(known.min()) if len(known) else 1.0

    @property
    def middle(self) -> float:
        """The camera px that a pixel of the map spans, in the median; 1 where nothing is seen."""
        known = self.fineness[np.isfinite(self.fineness)]
        return float(np.median(known)) if len(known) else 1.0

    def _cells(self, pixels: slice) -> slice:
        return slice(pixels.start // self.step, -(-pixels.stop // self.step))


def survey(grid: MapGrid, tables: Sequence[FrameTable], horizons: Sequence[Horizon]) -> Survey:
    """Survey a map with the tables of some swaths and their horizons."""
    step = int(np.clip(math.sqrt(grid.width * grid.height / CELLS), 1, WIDEST))
    rows, columns = -(-grid.height // step), -(-grid.width // step)
    points, shown = np.empty((rows, 3, columns)), np.empty((rows, columns), np.bool_)
    size = grid.scale_km * step
    radii = np.array(grid.body.radii_km)
    formula, graphic = grid.projection.formula(), grid.latitudes == "graphic"
    map_rows(formula, grid.left_km, grid.top_km, size, radii, graphic, 0, 0, points, shown)
    places = np.ascontiguousarray(np.moveaxis(points, 1, 2)).reshape(-1, 3)
    fineness = np.full(rows * columns, np.nan)
    for table, horizon in zip(tables, horizons, strict=True):
        one = np.empty_like(fineness)
        survey_points(table.matrices, table.optics, horizon, places, shown.reshape(-1), one)
        fineness = np.fmax(fineness, one)
    fineness = fineness.reshape(rows, columns) * pixel_size(places.reshape(rows, columns, 3), shown) / step
    return Survey(step, widened(np.isfinite(fineness)), fineness)


def pixel_size(points: FloatArray, shown: BoolArray) -> FloatArray:
    """The smaller of the distances (rows, columns) km from surface points (rows, columns, 3) to the next ones."""
    size = np.full(shown.shape, np.inf)
    for axis in (0, 1):
        if points.shape[axis] < 2:
            continue
        apart = np.linalg.norm(np.diff(points, axis=axis), axis=-1)
        both = np.delete(shown, 0, axis) & np.delete(shown, -1, axis)
        apart = np.where(both, apart, np.inf)
        last = [slice(None), slice(None)]
        last[axis] = slice(-1, None)
        size = np.minimum(size, np.concatenate([apart, apart[tuple(last)]], axis=axis))
    return np.where(np.isfinite(size), size, 0.0)


def widened(seen: BoolArray) -> BoolArray:
    """The cells and those next to them."""
    padded = np.pad(seen, 1)
    rows, columns = seen.shape
    out = np.zeros_like(seen)
    for i in range(3):
        for j in range(3):
            out |= padded[i : i + rows, j : j + columns]
    return out
