"""Plan: the grid on which strips are to be mapped, and what it was chosen from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.geometry.ellipsoid import normal, point_from_centric
from perijove.geometry.mapextent import Wish, choose_grid
from perijove.geometry.mapgrid import MapGrid
from perijove.observation import Observation
from perijove.render.footprint import Footprint, footprint
from perijove.render.survey import coverage

FloatArray = NDArray[np.float64]

NATIVE_PERCENTILE = 25.0
"""Of the camera's resolution over the ground shown: the scale of a map serves its finer part."""
ROUND_POLE = 72
"""Places that stand for a pole."""


@dataclass(frozen=True)
class Plan:
    """A map's grid and the camera's resolution, km a pixel across the line of sight, over the ground it shows."""

    grid: MapGrid
    native_km: float


def plan_map(observations: Sequence[Observation], wish: Wish, horizon: float) -> Plan:
    """The grid for a map of strips of one body, of ground seen at a cosine of emission of `horizon` or more.

    Where the wish leaves it open the map holds the ground in daylight, or all that was seen where there is none, at
    the camera's own resolution. Raises UsageError for a map that cannot be drawn.
    """
    lead = observations[0]
    prints = [strip_footprint(o, horizon) for o in observations]
    latitude, longitude, resolution, lit = (
        np.concatenate([getattr(p, name) for p in prints]) for name in ("latitude", "longitude", "resolution", "lit")
    )
    if lit.any():
        latitude, longitude, resolution = latitude[lit], longitude[lit], resolution[lit]
    known = resolution[np.isfinite(resolution)]
    native = float(np.percentile(known, NATIVE_PERCENTILE)) if len(known) else 10.0
    place = lead.middle_position
    below = place / np.linalg.norm(place)
    surface = point_from_centric(np.arcsin(below[2]), np.arctan2(below[1], below[0]), lead.body.radii_km)
    altitude = float(np.linalg.norm(place - surface))
    above = float(np.arcsin(below[2])), float(np.arctan2(below[1], below[0])), altitude
    return Plan(choose_grid(wish, lead.body, latitude, longitude, native_km=native, above=above), native)


def strip_footprint(observation: Observation, horizon: float) -> Footprint:
    """The footprint of one strip, with a ring of places around each pole that it sees."""
    body, swaths = observation.body, observation.swaths()
    seen = footprint(swaths, body, observation.sun * observation.calibrated.sun_distance_km, horizon)
    poles = point_from_centric(np.array([-np.pi / 2, np.pi / 2]), 0.0, body.radii_km)
    et0, place = observation.middle_et, observation.middle_position
    shown = coverage(swaths, body, et0, place, poles, horizon).any(axis=0)
    day = normal(poles, body.radii_km) @ observation.middle_sun > 0.0
    ring = np.linspace(-np.pi, np.pi, ROUND_POLE, endpoint=False)
    for k in np.flatnonzero(shown):
        seen = Footprint(
            np.append(seen.latitude, np.full(ROUND_POLE, (-np.pi / 2, np.pi / 2)[k])),
            np.append(seen.longitude, ring),
            np.append(seen.resolution, np.full(ROUND_POLE, np.nan)),
            np.append(seen.lit, np.full(ROUND_POLE, day[k])),
        )
    return seen
