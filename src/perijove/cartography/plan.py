"""Plan: the grid on which strips are to be mapped, and what it was chosen from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perijove.errors import UsageError
from perijove.geometry.ellipsoid import normal, point_from_centric
from perijove.geometry.mapextent import CYLINDRICAL, Wish, box_of, choose_grid, rounded_scale
from perijove.geometry.mapgrid import MapGrid
from perijove.instrument import Filter
from perijove.observation import Observation
from perijove.render.footprint import Footprint, footprint
from perijove.render.survey import coverage

FloatArray = NDArray[np.float64]

NATIVE_PERCENTILE = 25.0
"""Of the camera's resolution over the ground shown: the scale of a map serves its finer part."""
ROUND_POLE = 72
"""Places that stand for a pole."""


LOW_SUN = float(np.sin(np.radians(5.0)))
"""Ground under a lower Sun than this is no reason to draw a map all around a pole, nor for an evenly lit one, which has
no data there."""
ROUGH_KM = 200.0
"""Scale at which the extent of a map is found first."""


@dataclass(frozen=True)
class Plan:
    """A map's grid and the camera's resolution, km a pixel across the line of sight, over the ground it shows.

    `round_pole` names the pole, north or south, for whose sake the map goes all around the body unasked, else None.
    """

    grid: MapGrid
    native_km: float
    round_pole: str | None = None


def plan_map(
    observations: Sequence[Observation],
    wish: Wish,
    horizon: float,
    *,
    evened: bool = False,
    usual_pixels: float | None = None,
    bands: Sequence[Filter] = (),
) -> Plan:
    """The grid for a map of strips of one body, of ground seen at a cosine of emission of `horizon` or more.

    Where the wish leaves it open the map holds the ground in daylight, or all that was seen where there is none, at
    the camera's own resolution; with `usual_pixels` at one that has no more pixels. A pole in the lowest light does not
    draw the map all around, and a map whose light is `evened` is of the ground under a higher Sun alone; one of `bands`
    that no strip has all of is of ground that some strip has seen through each. Raises UsageError for a map that cannot
    be drawn.
    """
    lead = observations[0]
    prints = [strip_footprint(o, horizon) for o in observations]
    if bands and not any(set(bands) <= set(o.calibrated.light) for o in observations):
        prints = common_ground(prints, observations, bands, horizon, evened)
    latitude, longitude, resolution, lit = (
        np.concatenate([getattr(p, name) for p in prints]) for name in ("latitude", "longitude", "resolution", "lit")
    )
    high = np.concatenate([under_high_sun(p, o) for p, o in zip(prints, observations, strict=True)])
    if lit.any():
        latitude, longitude, resolution, high = latitude[lit], longitude[lit], resolution[lit], high[lit]
    known = resolution[np.isfinite(resolution)]
    native = float(np.percentile(known, NATIVE_PERCENTILE)) if len(known) else 10.0
    if high.any() and (evened or pole_rounded(wish, latitude, longitude) is not None):
        latitude, longitude = latitude[high], longitude[high]
    place = lead.middle_position
    below = place / np.linalg.norm(place)
    surface = point_from_centric(np.arcsin(below[2]), np.arctan2(below[1], below[0]), lead.body.radii_km)
    altitude = float(np.linalg.norm(place - surface))
    above = float(np.arcsin(below[2])), float(np.arctan2(below[1], below[0])), altitude

    def grid(wish: Wish) -> MapGrid:
        return choose_grid(wish, lead.body, latitude, longitude, native_km=native, above=above)

    if usual_pixels is not None and wish.scale_km is None:
        rough = grid(replace(wish, scale_km=ROUGH_KM))
        least = ROUGH_KM * float(np.sqrt(rough.width * rough.height / usual_pixels))
        wish = wish if native >= least else replace(wish, scale_km=rounded_scale(1.1 * least))
    return Plan(grid(wish), native, pole_rounded(wish, latitude, longitude))


def common_ground(
    prints: Sequence[Footprint],
    observations: Sequence[Observation],
    bands: Sequence[Filter],
    horizon: float,
    evened: bool,
) -> list[Footprint]:
    """What of footprints was seen through each of `bands` by some strip, if `evened` under a high Sun; UsageError where
    that is nothing."""
    out = []
    for seen in prints:
        everywhere = np.ones(len(seen.latitude), np.bool_)
        for band in bands:
            shown = np.zeros(len(seen.latitude), np.bool_)
            for o in observations:
                swaths = [swath for swath in o.swaths() if swath.band is band]
                points = point_from_centric(seen.latitude, seen.longitude, o.body.radii_km)
                if swaths:
                    mine = coverage(swaths, o.body, o.middle_et, o.middle_position, points, horizon)[0]
                    shown |= mine & under_high_sun(seen, o) if evened else mine
            everywhere &= shown
        k = np.flatnonzero(everywhere)
        out.append(Footprint(seen.latitude[k], seen.longitude[k], seen.resolution[k], seen.lit[k]))
    if not any(len(seen.latitude) for seen in out):
        names = ", ".join(band.value.lower() for band in bands)
        raise UsageError(
            f"no ground was seen through all of {names}: give strips whose ground overlaps, or another recipe"
        )
    return out


def under_high_sun(seen: Footprint, observation: Observation) -> NDArray[np.bool_]:
    """Which places (n,) of a footprint have the Sun well above their horizon."""
    radii = observation.body.radii_km
    up = normal(point_from_centric(seen.latitude, seen.longitude, radii), radii)
    return np.asarray(up @ observation.middle_sun > LOW_SUN)


def pole_rounded(wish: Wish, latitude: FloatArray, longitude: FloatArray) -> str | None:
    """The pole for whose sake a cylindrical map of places (n,) would go all around the body, None where it does not."""
    if wish.bounds is not None or wish.projection not in CYLINDRICAL or not len(latitude):
        return None
    box, edge = box_of(latitude, longitude), 0.5 * np.pi - 1e-9
    if box.east - box.west < 2.0 * np.pi - 1e-9:
        return None
    return "north" if box.north > edge else "south" if box.south < -edge else None


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
