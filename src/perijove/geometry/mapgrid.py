"""MapGrid: the pixels of a map of a body, and which places they show."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perijove.bodies import Body
from perijove.errors import UsageError
from perijove.geometry.ellipsoid import centric_from_graphic, graphic_from_centric
from perijove.geometry.projection import Formula, Projection, unproject_row
from perijove.jit import kernel

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

LATITUDES = ("centric", "graphic")
MAP_RADIUS_KM = {
    "JUPITER": 71492.0, "IO": 1821.49, "EUROPA": 1560.8, "GANYMEDE": 2631.2, "CALLISTO": 2410.3,
    "AMALTHEA": 83.5, "THEBE": 49.3, "ADRASTEA": 8.2, "METIS": 21.5,
}  # fmt: skip
"""Radius of the sphere on which maps of a body are drawn: that of its sphere in the IAU_2015 registry, 59900 etc."""


@dataclass(frozen=True)
class MapGrid:
    """A map of `width` x `height` px of `scale_km` each.

    The pixel (line, sample), 0-based, has its centre at (line + 0.5, sample + 0.5), which is x = `left_km` + sample
    `scale_km`, y = `top_km` - line `scale_km` in the plane of the `projection`. `latitudes` is the kind that the
    projection carries: 'centric' or 'graphic' (bodies of revolution only).
    """

    body: Body
    projection: Projection
    latitudes: str
    scale_km: float
    left_km: float
    top_km: float
    width: int
    height: int

    def __post_init__(self) -> None:
        """Refuse what is no map."""
        if self.latitudes not in LATITUDES:
            raise UsageError(f"unknown kind of latitude {self.latitudes!r}: use centric or graphic")
        if self.latitudes == "graphic" and self.body.radii_km[0] != self.body.radii_km[1]:
            raise UsageError(f"{self.body.name} is no body of revolution: its latitudes can only be centric")
        if not (self.scale_km > 0.0 and math.isfinite(self.scale_km)):
            raise UsageError(f"a map of {self.scale_km:g} km a pixel cannot be drawn: give a scale above 0")
        if self.width < 1 or self.height < 1:
            raise UsageError(f"a map of {self.width} x {self.height} px cannot be drawn: give wider bounds")

    def shown_latitude(self, centric: ArrayLike) -> FloatArray:
        """Latitude of the map's own kind from planetocentric latitude, rad."""
        if self.latitudes == "graphic":
            return graphic_from_centric(centric, self.body.radii_km)
        return np.asarray(centric, dtype=float)

    def centric_latitude(self, shown: ArrayLike) -> FloatArray:
        """Planetocentric latitude from latitude of the map's own kind, rad."""
        if self.latitudes == "graphic":
            return centric_from_graphic(shown, self.body.radii_km)
        return np.asarray(shown, dtype=float)

    def pixel_of(self, latitude: ArrayLike, longitude: ArrayLike) -> FloatArray:
        """Continuous pixel (..., 2) as (line, sample) of planetocentric latitude and east longitude, rad.

        It may lie outside the map; NaN where the projection does not show the place.
        """
        x, y = np.moveaxis(self.projection.forward(self.shown_latitude(latitude), longitude), -1, 0)
        return np.stack([(self.top_km - y) / self.scale_km, (x - self.left_km) / self.scale_km], axis=-1)

    def place_of(self, line: ArrayLike, sample: ArrayLike) -> FloatArray:
        """Planetocentric latitude and east longitude (..., 2), -pi to pi, rad, of pixels; NaN off the projection."""
        x = self.left_km + np.asarray(sample, dtype=float) * self.scale_km
        y = self.top_km - np.asarray(line, dtype=float) * self.scale_km
        out = self.projection.inverse(x, y)
        out[..., 0] = self.centric_latitude(out[..., 0])
        return out

    def points(self, rows: slice, columns: slice, down: float = 1, across: float = 1) -> tuple[FloatArray, BoolArray]:
        """Body-fixed surface points (h, 3, w) km of a block of pixels, and which (h, w) lie on the projection.

        With `down` and `across` they are those of the block, counted in such pixels, of a map so many times finer. The
        points of what is not shown are 0.
        """
        shape = (rows.stop - rows.start, columns.stop - columns.start)
        points, shown = np.empty((shape[0], 3, shape[1])), np.empty(shape, np.bool_)
        map_rows(
            self.projection.formula(), self.left_km, self.top_km, self.scale_km / across, self.scale_km / down,
            np.array(self.body.radii_km), self.latitudes == "graphic", rows.start, columns.start, points, shown,
        )  # fmt: skip
        return points, shown


@kernel
def map_rows(
    f: Formula,
    left: float,
    top: float,
    across: float,
    down: float,
    radii: FloatArray,
    graphic: bool,
    first_line: int,
    first_sample: int,
    points: FloatArray,
    shown: BoolArray,
) -> None:
    """Fill `points` (rows, 3, w) with the body-fixed surface points, km, of a block of a map's pixels.

    The block begins at (`first_line`, `first_sample`). `left` and `top` are the grid's, `across` and `down` the steps
    in km from sample to sample and from line to line, `radii` (3,) the body's. `shown` (rows, w) tells which pixels
    lie on the projection; the points of the others are 0.
    """
    ax, ay, az = radii[0], radii[1], radii[2]
    ix, iy, iz = 1.0 / ax, 1.0 / ay, 1.0 / az
    x = left + 0.5 * across
    for r in range(len(points)):
        row = points[r]
        unproject_row(f, x, across, top - (first_line + r + 0.5) * down, row, first_sample)
        for c in range(row.shape[1]):
            px, py, pz = row[0, c], row[1, c], row[2, c]
            if graphic:
                # the unit vector is the normal: the point is where the ellipsoid has it
                px, py, pz = px * ax * ax, py * ay * ay, pz * az * az
            sx, sy, sz = px * ix, py * iy, pz * iz
            share = 1.0 / math.sqrt(sx * sx + sy * sy + sz * sz)
            there = share == share
            shown[r, c] = there
            row[0, c] = px * share if there else 0.0
            row[1, c] = py * share if there else 0.0
            row[2, c] = pz * share if there else 0.0
