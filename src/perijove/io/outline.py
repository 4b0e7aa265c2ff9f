"""Outline: the ground that a map shows, as polygons of planetocentric latitude and east longitude.

The polygons follow the rules of GeoJSON (RFC 7946): none crosses the meridian of 180 deg, rings around run
counterclockwise, holes clockwise. They are made of cells, a hundredth of the extent, and a cell counts where any of it
is seen to lie in the map: so they contain the map, even about a pole, with an excess of a cell at most.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.errors import MapError
from perijove.geometry.mapgrid import MapGrid

Ring = list[tuple[float, float]]

LATTICE = 720
"""Places along each side of a map at which it is looked at."""
CELLS = 100
"""Cells along each side of the extent."""
FULL_DEG = 1.0
"""A map that leaves out less longitude than this goes all the way round."""


@dataclass(frozen=True)
class Outline:
    """What a map shows: `bbox` west, south, east, north, deg, with west > east where it crosses the meridian of
    180 deg, and `polygons`, each a ring around and its holes, of (longitude, latitude) deg."""

    bbox: tuple[float, float, float, float]
    polygons: tuple[tuple[Ring, ...], ...]

    def geometry(self) -> dict[str, object]:
        """The polygons as a GeoJSON geometry."""
        if len(self.polygons) == 1:
            return {"type": "Polygon", "coordinates": _plain(self.polygons[0])}
        return {"type": "MultiPolygon", "coordinates": [_plain(polygon) for polygon in self.polygons]}


def _plain(polygon: tuple[Ring, ...]) -> list[list[list[float]]]:
    return [[list(point) for point in ring] for ring in polygon]


def outline_of(grid: MapGrid) -> Outline:
    """The outline of a map; MapError where it shows nothing of its body."""
    lines = np.linspace(0.0, grid.height, LATTICE + 1)
    samples = np.linspace(0.0, grid.width, LATTICE + 1)
    places = np.degrees(grid.place_of(lines[:, None], samples[None, :]).reshape(-1, 2))
    places = places[np.isfinite(places[:, 0])]
    if not len(places):
        raise MapError(f"the map shows nothing of {grid.body.name}: it has no outline")
    poles = [pole for pole in (-90.0, 90.0) if _holds(grid, np.array(pole), np.array(0.0))[()]]
    south, north = min([*places[:, 0], *poles]), max([*places[:, 0], *poles])
    west, east = _longitudes(
        places[:, 1], bool(poles) and grid.projection.kind not in ("equirectangular", "sinusoidal")
    )
    # a cell needs room
    east, north = max(east, west + 1e-9), max(north, south + 1e-9)
    rows = np.linspace(south, north, CELLS + 1)
    polygons: list[tuple[Ring, ...]] = []
    turns = [(west, min(east, 180.0), 0.0), (180.0, east, 360.0)] if east > 180.0 else [(west, east, 0.0)]
    for left, right, turn in turns:
        columns = np.linspace(left, right, max(math.ceil(CELLS * (right - left) / (east - west)), 1) + 1) - turn
        polygons += _outlines(_seen(grid, rows, columns, places), rows, columns)
    around = east - 360.0 if east > 180.0 else east
    return Outline((float(west), float(south), float(around), float(north)), tuple(polygons))


def _longitudes(longitudes: NDArray[np.float64], round_pole: bool) -> tuple[float, float]:
    """West and east, deg, of the shortest arc that holds all longitudes; east may be above 180."""
    ordered = np.unique(longitudes)
    gaps = np.diff(np.append(ordered, ordered[0] + 360.0))
    widest = int(np.argmax(gaps))
    if round_pole or gaps[widest] < FULL_DEG:
        return -180.0, 180.0
    if widest == len(ordered) - 1:
        return float(ordered[0]), float(ordered[-1])
    west, east = float(ordered[widest + 1]), float(ordered[widest])
    # what begins at the meridian of 180 deg itself does not cross it
    return (-180.0, east) if west >= 180.0 - 1e-9 else (west, 180.0 if east <= -180.0 + 1e-9 else east + 360.0)


def _holds(grid: MapGrid, latitude: NDArray[np.float64], longitude: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether places, deg, lie on the map."""
    line, sample = np.moveaxis(grid.pixel_of(np.radians(latitude), np.radians(longitude)), -1, 0)
    return np.asarray((line >= 0.0) & (line <= grid.height) & (sample >= 0.0) & (sample <= grid.width))


def _seen(
    grid: MapGrid, rows: NDArray[np.float64], columns: NDArray[np.float64], places: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Which cells between the latitudes `rows` and the longitudes `columns` are on the map: at any of 3 x 3 places in
    them, or at any of the `places` that the map was looked at."""
    held, _, _ = np.histogram2d(places[:, 0], places[:, 1], bins=(rows, columns))
    seen = held > 0
    # the very edges belong to the neighbour, and would fail by rounding
    for down in (1e-6, 0.5, 1.0 - 1e-6):
        for along in (1e-6, 0.5, 1.0 - 1e-6):
            latitude = rows[:-1, None] + down * np.diff(rows)[:, None]
            longitude = columns[None, :-1] + along * np.diff(columns)[None, :]
            seen |= _holds(grid, latitude, longitude)
    return seen.astype(np.uint8)


def _outlines(
    seen: NDArray[np.uint8], rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> list[tuple[Ring, ...]]:
    """The polygons of neighbouring cells that are seen."""
    from rasterio.features import shapes

    found = []
    for shape, value in shapes(seen, mask=seen > 0, connectivity=4):
        if value:
            rings = [
                [(float(columns[round(column)]), float(rows[round(row)])) for column, row in ring]
                for ring in shape["coordinates"]
            ]
            found.append(tuple(_turned(ring, index > 0) for index, ring in enumerate(rings)))
    return found


def _turned(ring: Ring, hole: bool) -> Ring:
    """The ring counterclockwise, a hole clockwise."""
    x, y = np.array(ring).T
    area = float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]))
    return ring[::-1] if (area < 0.0) != hole else ring
