"""Moons before and behind their planet, and the shadows they cast on it.

Everything in j2000 about the planet's centre, km, as seen by an observer who is at rest there: light time is counted,
the observer's own aberration is not. The Sun lights a moon and its shadow's ground from where it is seen from the
planet (`sun_earth.apparent_sun`). How well a place is known is in `moons.place_error_km`; a shadow strikes the ground
that many km off across the light, and along it by more where the Sun stands low.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perijove.bodies import LIGHT_KM_S, Body
from perijove.ephemeris.moons import moon_state, parent_of
from perijove.ephemeris.sun_earth import apparent_sun
from perijove.geometry.ellipsoid import centric_from_point, intersect, point_from_centric

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]

SUN_RADIUS_KM = 695_700.0
"""The nominal solar radius of IAU 2015 resolution B3."""
_PASSES = 3
"""Rounds of light time: each leaves v/c of what the one before left, 6e-5."""


@dataclass(frozen=True)
class Sighting:
    """A moon as seen by an observer at times of any shape (...).

    `position_km` (..., 3) is its place when the light left it, at ET `left`; `distance_km` that from the observer.
    `transits`: its middle stands before the planet's disc; `occulted`: behind it; `touches`: the limb runs through its
    disc; `eclipsed`: its middle lies in the planet's shadow.
    """

    moon: Body
    left: FloatArray
    position_km: FloatArray
    distance_km: FloatArray
    transits: BoolArray
    occulted: BoolArray
    touches: BoolArray
    eclipsed: BoolArray


@dataclass(frozen=True)
class Shadow:
    """A moon's shadow on its planet at times of any shape (...); NaN where it misses.

    `latitude`, `longitude` planetocentric and east rad, body-fixed when the light struck the ground, ET `struck`.
    `umbra_km`, `penumbra_km` are radii across the light: of the ground from which all of the Sun is hidden, negative
    where the moon is too small for that, and some of it. `along` (..., 3) is the unit vector of the light in j2000.
    """

    moon: Body
    struck: FloatArray
    latitude: FloatArray
    longitude: FloatArray
    umbra_km: FloatArray
    penumbra_km: FloatArray
    along: FloatArray


def sight(moon: Body, observer: ArrayLike, et: ArrayLike) -> Sighting:
    """A moon as it is seen from `observer` (..., 3) km about the planet in j2000, at ET of arrival; both broadcast."""
    planet = parent_of(moon)
    place, now = _together(observer, et)
    left = now
    for _ in range(_PASSES):
        seen = moon_state(moon, left)[..., :3]
        distance = np.linalg.norm(seen - place, axis=-1)
        left = now - distance / LIGHT_KM_S
    way = seen - place
    # the planet's ellipsoid where the light passed it; its own turning does not matter, a = b
    turn = planet.body_from_j2000(left)
    met, apart = _disc(planet, turn, place, way)
    struck = np.isfinite(met)
    before = struck & (distance < met)
    size = moon.radii_km[0] / planet.radii_km[0]
    sun = apparent_sun(left, planet)
    dark, _ = _disc(planet, turn, sun, seen - sun)
    away = np.linalg.norm(seen - sun, axis=-1)
    return Sighting(
        moon, left, seen, distance, before, struck & ~before, np.asarray(np.abs(apart - 1.0) < size),
        np.asarray(np.isfinite(dark) & (away > dark)),
    )  # fmt: skip


def shadow(moon: Body, et: ArrayLike, observer: ArrayLike | None = None) -> Shadow:
    """A moon's shadow on its planet at ET: when the light strikes, or, with an `observer` (..., 3), when it is seen."""
    planet = parent_of(moon)
    if observer is None:
        struck = now = np.asarray(et, dtype=float)
        place = None
    else:
        place, now = _together(observer, et)
        struck = now - np.linalg.norm(place, axis=-1) / LIGHT_KM_S
    ground = np.zeros((*now.shape, 3))
    for _ in range(_PASSES):
        sun = apparent_sun(struck, planet)
        left = struck - np.linalg.norm(moon_state(moon, struck)[..., :3] - ground, axis=-1) / LIGHT_KM_S
        caster = moon_state(moon, left)[..., :3]
        turn = planet.body_from_j2000(struck)
        along = _unit(caster - sun)
        fixed = intersect(_turned(turn, caster), _turned(turn, along), planet.radii_km)
        ground = np.einsum("...ji,...j->...i", turn, fixed)
        if place is not None:
            # where it misses the planet's middle has to do for the time
            way = np.linalg.norm(place - np.where(np.isfinite(ground), ground, 0.0), axis=-1)
            struck = now - way / LIGHT_KM_S
        ground = np.where(np.isfinite(ground), ground, 0.0)
    reach = np.linalg.norm(ground - caster, axis=-1)
    reach = np.where(np.isfinite(fixed).all(axis=-1), reach, np.nan)
    far = np.linalg.norm(caster - sun, axis=-1)
    radius = float(np.mean(moon.radii_km))
    latitude, longitude, _ = np.moveaxis(centric_from_point(fixed), -1, 0)
    return Shadow(
        moon, struck, latitude, longitude, radius - reach * (SUN_RADIUS_KM - radius) / far,
        radius + reach * (SUN_RADIUS_KM + radius) / far, along,
    )  # fmt: skip


def shadow_rim(cast: Shadow, radius_km: float, count: int = 90) -> FloatArray:
    """Planetocentric latitudes and east longitudes (count, 2) rad of the rim of one shadow, `radius_km` across the
    light about its middle; NaN where it falls beside the planet."""
    planet = parent_of(cast.moon)
    turn = planet.body_from_j2000(cast.struck)
    along = _turned(turn, cast.along)
    side = _unit(np.cross(along, [0.0, 0.0, 1.0]))
    around = np.linspace(0.0, 2.0 * np.pi, count)[:, None]
    ring = radius_km * (np.cos(around) * side + np.sin(around) * np.cross(along, side))
    # down the light from beside the shadow's middle, from outside the planet
    middle = point_from_centric(cast.latitude, cast.longitude, planet.radii_km)
    start = middle + ring - along * cast.moon.orbit_km
    out: FloatArray = centric_from_point(intersect(start, along, planet.radii_km))[..., :2]
    return out


def _disc(planet: Body, turn: FloatArray, place: FloatArray, way: FloatArray) -> tuple[FloatArray, FloatArray]:
    """How far (...) km the planet stands on the line of sight `way` from a place, NaN where it does not, and how near
    the line passes its middle, in radii."""
    origin, line = _turned(turn, place), _turned(turn, _unit(way))
    met = np.linalg.norm(intersect(origin, line, planet.radii_km) - origin, axis=-1)
    scale = np.array(planet.radii_km)
    o, d = origin / scale, _unit(line / scale)
    nearest = o - d * np.minimum(np.sum(o * d, axis=-1), 0.0)[..., None]
    return met, np.linalg.norm(nearest, axis=-1)


def _together(place: ArrayLike, et: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Places (..., 3) and times (...) of one shape."""
    where, when = np.asarray(place, dtype=float), np.asarray(et, dtype=float)
    shape = np.broadcast_shapes(where.shape[:-1], when.shape)
    return np.broadcast_to(where, (*shape, 3)), np.broadcast_to(when, shape)


def _turned(turn: FloatArray, vector: FloatArray) -> FloatArray:
    """Vectors (..., 3) in the frame of rotations (..., 3, 3)."""
    out: FloatArray = np.einsum("...ij,...j->...i", turn, vector)
    return out


def _unit(vector: FloatArray) -> FloatArray:
    out: FloatArray = vector / np.linalg.norm(vector, axis=-1, keepdims=True)
    return out
