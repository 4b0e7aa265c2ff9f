"""Jupiter as a world to photograph: `JupiterPainter` paints its clouds wherever, whenever and as finely as asked."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from perijove.bodies import JUPITER
from perijove.errors import UsageError
from perijove.simulate.worlds.jupiter_clouds import DRIFT, LAT, LON, REACH, paint_clouds
from perijove.simulate.worlds.jupiter_tables import (
    RED_SPOT,
    axis_distance,
    band_table,
    vortices,
    wind_table,
    zonal_wind,
)
from perijove.simulate.worlds.painting import FloatArray, Painting

__all__ = ["JupiterPainter", "zonal_wind"]

IntArray = NDArray[np.int64]

CHUNK = 16384
"""Places that a thread takes at a time."""
INDEX_SHAPE = (36, 72)
"""Latitudes and longitudes of the index of storms: cells of 5 deg."""
STORM_REACH = 2.6
"""How far a storm bends the clouds around it, in its half widths."""


@dataclass(frozen=True)
class JupiterPainter:
    """The clouds of Jupiter's 1-bar level: belts, zones, eddies, ovals, the Great Red Spot, the cyclones of the poles.

    `seed` picks one of many such planets. The clouds lie as painted at `epoch_et` (ET, s) and are carried from there by
    `zonal_wind`, each parallel at its own rate and each long-lived storm whole at the rate of its centre. Pick an epoch
    within some days of the time to be painted: the winds wind up, and nature's eddies would have formed anew.
    """

    seed: int = 0
    epoch_et: float = 7.0e8

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise UsageError(f"seed is {self.seed}: give a whole number from 0 up")

    def paint(self, directions: FloatArray, spacing: float, et: float) -> Painting:
        """The clouds in planetocentric body-fixed unit vectors `directions` (n, 3) at ET; see `painting.Painter`.

        `spacing`, rad from the centre, is the distance of neighbouring places. A pure function, safe in threads. Raises
        UsageError for directions that are not (n, 3) and for a spacing that is not above 0.
        """
        if np.ndim(directions) != 2 or np.shape(directions)[1] != 3:
            raise UsageError(f"directions have shape {np.shape(directions)}: give unit vectors as (n, 3)")
        if not spacing > 0.0:
            raise UsageError(f"spacing is {spacing}: give the distance of neighbouring places in rad, above 0")
        places = np.ascontiguousarray(directions, dtype=np.float64)
        albedo = np.empty((len(places), 4), np.float32)
        dt = float(et) - self.epoch_et
        storms = storm_table(self.seed, dt)
        index = storm_index(self.seed, round(dt / 3600.0))
        bands = band_columns()
        radii = np.array([JUPITER.radii_km[0], JUPITER.radii_km[2]])
        spot = float(np.radians(RED_SPOT[1]))
        noise_seed = 100_003 * self.seed

        def paint_chunk(first: int) -> None:
            rows = slice(first, first + CHUNK)
            light = albedo[rows]
            paint_clouds(places[rows], float(spacing), dt, bands, storms, index, radii, spot, noise_seed, light)

        firsts = range(0, len(places), CHUNK)
        if len(firsts) < 2:
            for first in firsts:
                paint_chunk(first)
        else:
            with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
                list(pool.map(paint_chunk, firsts))
        return Painting(albedo, None)


@lru_cache(maxsize=1)
def band_columns() -> FloatArray:
    """(latitudes, 7): reflectance in four bands, stirring, folded filaments, wind."""
    return np.column_stack([band_table(), wind_table()])


def storm_table(seed: int, dt: float) -> FloatArray:
    """The long-lived vortices (n, 23) as the kernel takes them.

    Columns: unit vectors of centre, east and north (9) at the epoch in planetographic directions; half widths east and
    north, rad; look (6); twist; folded filaments; eastward drift, rad, after `dt` seconds; longitude and latitude of
    the centre at the epoch, rad; cosine of the farthest angle they act at.
    """
    rows = vortices(seed)
    lat, lon = np.radians(rows[:, 0]), np.radians(rows[:, 1])
    half = np.radians(rows[:, 2:4])
    zero = np.zeros_like(lat)
    centre = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)
    east = np.stack([-np.sin(lon), np.cos(lon), zero], axis=1)
    north = np.stack([-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat)], axis=1)
    drift = zonal_wind(lat) * 1e-3 * dt / axis_distance(lat)
    reach = np.cos(np.minimum(STORM_REACH * half.max(axis=1), 1.5))
    return np.column_stack([centre, east, north, half, rows[:, 4:12], drift, lon, lat, reach])


@lru_cache(maxsize=16)
def storm_index(seed: int, hours: int) -> IntArray:
    """Storms that may act in each 5-degree cell of planetographic latitude and east longitude, `hours` after the epoch.

    Shape (latitudes, longitudes, most + 1): row numbers of the table, then -1s. Good for half an hour either way.
    """
    storms = storm_table(seed, 3600.0 * hours)
    rows, columns = INDEX_SHAPE
    lat = np.radians((np.arange(rows) + 0.5) * 180.0 / rows - 90.0)[:, None]
    lon = np.radians((np.arange(columns) + 0.5) * 360.0 / columns - 180.0)[None, :]
    cell = np.radians(0.5 * 180.0 / rows) * np.sqrt(2.0)
    inside = []
    for s in storms:
        cosine = np.sin(lat) * np.sin(s[LAT]) + np.cos(lat) * np.cos(s[LAT]) * np.cos(lon - s[LON] - s[DRIFT])
        # neighbouring storms may bring a place from some degrees away
        inside.append(cosine > np.cos(np.arccos(s[REACH]) + cell + np.radians(4.0)))
    acts = np.stack(inside, axis=-1)
    index = np.full((rows, columns, int(acts.sum(axis=-1).max()) + 1), -1, dtype=np.int64)
    for r in range(rows):
        for c in range(columns):
            found = np.nonzero(acts[r, c])[0]
            index[r, c, : len(found)] = found
    index.flags.writeable = False
    return index
