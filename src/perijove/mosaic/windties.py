"""Ties between two strips of one pass: how far clouds stand, in the one, from where the other and a wind have them.

Both strips are drawn on one map at the scale of the coarser camera, carried to the moment halfway between them by a
wind that is taken for granted, and patches of the one are sought in the other. A tie is what is left over. To the east
it may be wind or pointing, to the north it can only be pointing, or clouds that changed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perijove.attitude.patches import Found, seek, structure
from perijove.bodies import Body
from perijove.geometry.ellipsoid import centric_from_point, normal, point_from_centric
from perijove.geometry.mapgrid import MAP_RADIUS_KM, MapGrid
from perijove.geometry.projection import Projection
from perijove.instrument import Filter
from perijove.mosaic.look import Look
from perijove.render.engine import prepare
from perijove.render.footprint import Footprint, footprint
from perijove.winds import ZonalWinds, axis_distance

FloatArray = NDArray[np.float64]
Plane = NDArray[np.float32]

PATCH_PX = 40
"""Side of a patch, px of the map: about 3 deg of latitude where the camera is 2 radii away, a jet's width."""
BANDS = (Filter.RED, Filter.GREEN, Filter.BLUE, Filter.METHANE)
MOST_BANDS = 2
"""Filters that both strips have, in this order: those in which clouds stand out best, and so many are enough."""
LEAST_COS_INCIDENCE, LEAST_COS_EMISSION = 0.25, 0.35
"""Ground nearer to terminator or limb is not looked at: shadows move there, and heights are seen as shifts."""
MATCH_SIGMA_PX = 0.1
"""Error of a match that its peak does not tell, px."""
SHARED = 4.0
"""Patches overlap by half in both directions: so many tell what one does."""
MARGIN_PX = 4
LEAST_REACH_PX, MOST_REACH_PX = 6, 40
"""How far a patch is sought, px: by what pointing and wind allow, within these bounds."""
FAR_SIGMA = 3.0
MOST_PIXELS = 4_000_000
"""A map of more is drawn coarser."""
SHARE = 0.02
"""Least share of the smaller footprint that two strips have in common."""


@dataclass(frozen=True)
class WindTies:
    """Ties of two strips, n of them, `seconds` from the first to the second.

    `latitude` and `longitude` (n,) rad are the places at the moment halfway between; `shift` (n, 2) km, east and north,
    is how far the second strip shows their clouds from where the first does, both carried by the wind taken for
    granted, and `covariance` (n, 2, 2) km^2 its error. `span` (rad) is the height of a patch, `turns` (2, n, 2, 3) km a
    rad what small rotations of each strip's camera, about the body-fixed axes, do to a place. `native_km` is what a
    native pixel of the coarser camera spans, `allowed` (2, 3, 3) rad^2 the covariance of the rotations by what is known
    of the pointing.
    """

    first: str
    second: str
    seconds: float
    latitude: FloatArray
    longitude: FloatArray
    shift: FloatArray
    covariance: FloatArray
    correlation: FloatArray
    span: FloatArray
    turns: FloatArray
    native_km: float
    allowed: FloatArray

    def __len__(self) -> int:
        return len(self.latitude)


@dataclass(frozen=True)
class Sighted:
    """A look, the ground that it saw, and how far places may be off by its pointing, rad at the camera."""

    look: Look
    ground: Footprint
    sigma: float

    def allowed(self, body: Body) -> FloatArray:
        """Covariance (3, 3) rad^2 of its rotation: the disc as a whole may be off by `sigma`, so may its edges."""
        away = float(np.linalg.norm(self.look.position_km))
        towards = -self.look.position_km / away
        half_disc = 0.5 * min(max(body.radii_km) / away, 1.0)
        along = np.outer(towards, towards)
        return self.sigma**2 * ((np.eye(3) - along) + along / half_disc**2)


def sighted(look: Look, body: Body, sigma: float) -> Sighted:
    """A look with the ground that it saw under angles good enough for ties; places may be off by `sigma` rad."""
    seen = footprint(look.swaths[:1], body, None, LEAST_COS_EMISSION)
    point = point_from_centric(seen.latitude, seen.longitude, body.radii_km)
    lit = normal(point, body.radii_km) @ look.sun > LEAST_COS_INCIDENCE
    good = lit | ~np.isfinite(look.sun).all()
    return Sighted(
        look, Footprint(seen.latitude[good], seen.longitude[good], seen.resolution[good], seen.lit[good]), sigma
    )


@dataclass(frozen=True)
class Common:
    """A map of what two looks have both seen, and what a native pixel of the coarser camera spans there, km."""

    grid: MapGrid
    native_km: float


def common_map(one: Sighted, two: Sighted, body: Body) -> Common | None:
    """A map of what two looks have both seen, as from halfway between them; None where that is next to nothing."""
    if not (len(one.ground.latitude) and len(two.ground.latitude)):
        return None
    middle = sum(s.look.position_km / np.linalg.norm(s.look.position_km) for s in (one, two))
    latitude, longitude, size = centric_from_point(middle)
    if size < 1e-6:
        return None
    radius = MAP_RADIUS_KM[body.name]
    projection = Projection("orthographic", radius, float(latitude), float(longitude))
    spots = [projection.forward(s.ground.latitude, s.ground.longitude) for s in (one, two)]
    good = [np.isfinite(spot).all(axis=-1) for spot in spots]
    if not all(g.any() for g in good):
        return None
    edges = [(spot[g].min(axis=0), spot[g].max(axis=0)) for spot, g in zip(spots, good, strict=True)]
    low, high = np.maximum(edges[0][0], edges[1][0]), np.minimum(edges[0][1], edges[1][1])
    if not (high > low).all():
        return None
    inside = [g & (spot > low).all(axis=-1) & (spot < high).all(axis=-1) for spot, g in zip(spots, good, strict=True)]
    if min(part.sum() / g.sum() for part, g in zip(inside, good, strict=True)) < SHARE:
        return None
    native = [float(np.median(s.ground.resolution[part])) for s, part in zip((one, two), inside, strict=True)]
    stored = max(km * s.look.swaths[0].binning for km, s in zip(native, (one, two), strict=True))
    scale = max(stored, float(np.sqrt(np.prod(high - low) / MOST_PIXELS)))
    width, height = (int(side) for side in np.ceil((high - low) / scale))
    if min(width, height) < PATCH_PX:
        return None
    grid = MapGrid(body, projection, "centric", scale, float(low[0]), float(high[1]), width, height)
    return Common(grid, max(native))


def match(one: Sighted, two: Sighted, common: Common, winds: ZonalWinds) -> WindTies | None:
    """Ties of two looks on a map of theirs; None without common filters, or where nothing is found."""
    if one.look.et > two.look.et:
        one, two = two, one
    grid = common.grid
    body, seconds = grid.body, two.look.et - one.look.et
    bands = [band for band in BANDS if all(band in [s.band for s in look.swaths] for look in (one.look, two.look))]
    if not bands:
        return None
    reach = reach_px(one, two, grid, winds)
    wide = MapGrid(
        body, grid.projection, grid.latitudes, grid.scale_km, grid.left_km - reach * grid.scale_km,
        grid.top_km + reach * grid.scale_km, grid.width + 2 * reach, grid.height + 2 * reach,
    )  # fmt: skip
    half = winds.drift(body, 0.5 * seconds)
    drawn = [drawn_on(wide, one.look, bands[:MOST_BANDS], half * (1.0, -1.0))]
    drawn.append(drawn_on(wide, two.look, bands[:MOST_BANDS], half))
    inner = (slice(reach, reach + grid.height), slice(reach, reach + grid.width))
    found = seek(drawn[0][0][inner], drawn[0][1][inner], *drawn[1], PATCH_PX, reach)
    return as_ties(found, one, two, common, seconds) if len(found) else None


def reach_px(one: Sighted, two: Sighted, grid: MapGrid, winds: ZonalWinds) -> int:
    """How far patches are sought: as far as pointing and wind let them be, px of the map."""
    away = [float(np.linalg.norm(s.look.position_km)) - min(grid.body.radii_km) for s in (one, two)]
    pointing = float(np.linalg.norm([s.sigma * km for s, km in zip((one, two), away, strict=True)]))
    wind = float(winds.sigma_m_s.max()) * 1e-3 * abs(two.look.et - one.look.et)
    reach = MARGIN_PX + FAR_SIGMA * float(np.hypot(pointing, wind)) / grid.scale_km
    return int(np.clip(np.ceil(reach), LEAST_REACH_PX, MOST_REACH_PX))


def drawn_on(grid: MapGrid, look: Look, bands: list[Filter], drift: FloatArray) -> tuple[Plane, NDArray[np.bool_]]:
    """Fine structure (h, w) of a look on a map, the mean of its bands', and where it is fit to be matched."""
    # how sure the light is, is not asked for
    swaths = [replace(swath, variance=None, quality=None) for swath in look.swaths if swath.band in bands]
    sun = grid.body.body_from_j2000(look.et).T @ look.sun if np.isfinite(look.sun).all() else None
    planes = prepare(
        swaths, grid.body, look.et, grid, sun_direction=sun, horizon=0.5 * LEAST_COS_EMISSION, drift=drift
    ).planes()
    dark = planes.cos_incidence < 0.5 * LEAST_COS_INCIDENCE
    parts = [structure(np.where(dark, np.float32(np.nan), light)) for light in planes.light]
    good = np.isfinite(planes.light).all(axis=0) & (planes.cos_emission > LEAST_COS_EMISSION)
    # without a Sun the angle is not known
    good &= ~(planes.cos_incidence <= LEAST_COS_INCIDENCE)
    return np.mean(parts, axis=0, dtype=np.float32), good


def as_ties(found: Found, one: Sighted, two: Sighted, common: Common, seconds: float) -> WindTies:
    """What was found on a map as places and km."""
    grid, body = common.grid, common.grid.body
    here = grid.place_of(*found.centre.T)
    step = 0.5
    there = [grid.place_of(*(found.centre + np.array(s)).T) for s in ((step, 0.0), (0.0, step))]
    # km east and north of a step down and a step across
    turn = np.stack([displacement(here, place, body) for place in there], axis=-1) / step
    moved = displacement(here, grid.place_of(*(found.centre + found.shift).T), body)
    cells = found.covariance + MATCH_SIGMA_PX**2 * np.eye(2)
    covariance = turn @ cells @ np.swapaxes(turn, 1, 2)
    top, bottom = (grid.place_of(*(found.centre + np.array((s * PATCH_PX, 0.0))).T) for s in (-0.5, 0.5))
    good = np.isfinite(moved).all(axis=1) & np.isfinite(covariance).all(axis=(1, 2))
    good &= np.isfinite(top[:, 0]) & np.isfinite(bottom[:, 0])
    turns = np.stack([turning(s.look, here, body) for s in (one, two)])
    return WindTies(
        one.look.name, two.look.name, seconds, here[good, 0], here[good, 1], moved[good], covariance[good],
        found.correlation[good], np.abs(top - bottom)[good, 0], turns[:, good], common.native_km,
        np.stack([one.allowed(body), two.allowed(body)]),
    )  # fmt: skip


def displacement(here: FloatArray, there: FloatArray, body: Body) -> FloatArray:
    """Km east and north (n, 2) from places (n, 2), planetocentric latitude and longitude, to others near by."""
    east = np.mod(there[:, 1] - here[:, 1] + np.pi, 2.0 * np.pi) - np.pi
    start, end = (point_from_centric(place[:, 0], 0.0, body.radii_km) for place in (here, there))
    north = np.linalg.norm(end - start, axis=-1) * np.sign(there[:, 0] - here[:, 0])
    return np.stack([east * axis_distance(0.5 * (here[:, 0] + there[:, 0]), body), north], axis=-1)


def turning(look: Look, here: FloatArray, body: Body) -> FloatArray:
    """What small rotations of a look's camera about the body-fixed axes do to places (n, 2): (n, 2, 3) km a rad.

    A rotation w moves the end of a line of sight d by w x d, and the surface takes it back along d.
    """
    point = point_from_centric(here[:, 0], here[:, 1], body.radii_km)
    up, sight = normal(point, body.radii_km), point - look.position_km
    moved = np.stack([np.cross(axis, sight) for axis in np.eye(3)], axis=-1)
    slant = np.sum(up * sight, axis=-1)[:, None, None]
    moved = moved - sight[:, :, None] * (up[:, None, :] @ moved) / slant
    east = np.stack([-np.sin(here[:, 1]), np.cos(here[:, 1]), np.zeros(len(here))], axis=-1)
    return np.stack([east[:, None] @ moved, np.cross(up, east)[:, None] @ moved], axis=1)[:, :, 0]
