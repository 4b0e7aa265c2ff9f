"""Motion: where the spacecraft truly is, and what the labels say of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import solve_ivp
from scipy.interpolate import CubicHermiteSpline

from perijove.bodies import JUPITER, LIGHT_KM_S, Body
from perijove.ephemeris.moons import moon_state
from perijove.simulate.frames import j2000_from_body

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Flight:
    """The true path past a body: geometric states in j2000 about its centre, joined by cubic Hermite pieces.

    `et` (n,), `position_km` (n, 3), `velocity_km_s` (n, 3).
    """

    body: Body
    et: FloatArray
    position_km: FloatArray
    velocity_km_s: FloatArray

    def position(self, et: ArrayLike) -> FloatArray:
        """Position (..., 3) km at ET; NaN outside the path."""
        out: FloatArray = self._joined(et)
        return out

    def velocity(self, et: ArrayLike) -> FloatArray:
        """Velocity (..., 3) km/s at ET; NaN outside the path."""
        out: FloatArray = self._joined(et, 1)
        return out

    def _joined(self, et: ArrayLike, order: int = 0) -> FloatArray:
        path = CubicHermiteSpline(self.et, self.position_km, self.velocity_km_s, extrapolate=False)
        out: FloatArray = path(et, order)
        return out

    def seen_from(self, et: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Where a picture taken at ET sees the body from: the place (..., 3) km, and the ET at which the light left.

        The light time is that of the disc's middle. What is seen is leant by aberration too (see `lean`).
        """
        et = np.asarray(et, dtype=float)
        left = et - (np.linalg.norm(self.position(et), axis=-1) - self.body.radii_km[0]) / LIGHT_KM_S
        return self.position(et), left

    def lean(self, et: ArrayLike) -> FloatArray:
        """v/c (..., 3) at ET: aberration adds it to the unit vector of the way along which light comes.

        To first order a body, at rest, is so seen where SPICE has it with LT+S: what its own velocity about the
        barycentre adds to the aberration, the way that it goes during the light time takes off again.
        """
        return self.velocity(et) / LIGHT_KM_S


def fly(body: Body, et0: float, state: FloatArray, first: float, last: float, step: float = 10.0) -> Flight:
    """The path from ET `first` to `last` of a spacecraft with `state` (6,) km, km/s in j2000 at `et0`.

    Forces: the body's mass and zonal harmonics, from the potential's own gradient in cylinder coordinates; at a moon
    also the tide of Jupiter, taken to stand still.
    """
    pole = j2000_from_body(body, et0)[:, 2]
    jupiter = None if body.parent is None else -moon_state(body, et0)[:3]

    def rate(_: float, y: FloatArray) -> FloatArray:
        pull = _attraction(body, pole, y[:3])
        if jupiter is not None:
            away = jupiter - y[:3]
            pull = pull + JUPITER.gm * (away / np.linalg.norm(away) ** 3 - jupiter / np.linalg.norm(jupiter) ** 3)
        return np.concatenate([y[3:], pull])

    grid = np.linspace(first, last, max(2, int((last - first) / step) + 2))
    states = np.tile(np.asarray(state, dtype=float), (len(grid), 1))
    # both ways out from the known state
    for way in (np.flatnonzero(grid < et0)[::-1], np.flatnonzero(grid > et0)):
        if len(way):
            run = solve_ivp(rate, (et0, grid[way[-1]]), state, "LSODA", grid[way], rtol=1e-11, atol=1e-8)
            states[way] = run.y.T
    return Flight(body, grid, states[:, :3], states[:, 3:])


def _attraction(body: Body, pole: FloatArray, place: FloatArray) -> FloatArray:
    """Acceleration (3,) km/s^2: gradient of GM/r (1 - sum J_n (R/r)^n P_n(z/r)), by Legendre series."""
    r = float(np.linalg.norm(place))
    s = float(place @ pole) / r
    weights = np.zeros(max((n for n, _ in body.zonal), default=0) + 1)
    weights[0] = 1.0
    for n, j in body.zonal:
        weights[n] = -j * (body.radii_km[0] / r) ** n
    series = np.polynomial.Legendre(weights)
    by_radius = np.polynomial.Legendre(weights * (np.arange(len(weights)) + 1.0))
    slope = float(series.deriv()(s)) if len(weights) > 1 else 0.0
    outward, polar = place / r, (pole - s * place / r)
    return body.gm / r**2 * (-float(by_radius(s)) * outward + slope * polar)


def orbital_velocity(body: Body, et: float) -> FloatArray:
    """Velocity (3,) km/s in j2000 of a moon about Jupiter; 0 for Jupiter."""
    return np.zeros(3) if body.parent is None else moon_state(body, et)[3:]


@dataclass(frozen=True)
class LabelPlace:
    """What a label says of the place: planetographic latitude, west longitude (0 to 360) deg, height km."""

    latitude_graphic_deg: float
    longitude_west_deg: float
    altitude_km: float


def label_place(flight: Flight, et: float, planet_velocity: FloatArray) -> LabelPlace:
    """The label's sub-spacecraft point for ET: the spacecraft as seen from the body's centre.

    It is seen where it was a light time ago, the body's centre where it is now, turned by the aberration that the
    body's own `planet_velocity` (3,) km/s about the solar system's barycentre gives (see the labels of perijove 44).
    """
    delay = 0.0
    for _ in range(4):
        seen = flight.position(et - delay) - planet_velocity * delay
        delay = float(np.linalg.norm(seen)) / LIGHT_KM_S
    distance = float(np.linalg.norm(seen))
    towards = seen / distance + planet_velocity / LIGHT_KM_S
    place = distance * (towards / np.linalg.norm(towards)) @ j2000_from_body(flight.body, et)
    latitude, longitude, height = _graphic(place, flight.body)
    return LabelPlace(np.degrees(latitude), float(np.mod(-np.degrees(longitude), 360.0)), height)


def _graphic(place: FloatArray, body: Body) -> tuple[float, float, float]:
    """Planetographic latitude, east longitude (rad) and height (km) above a spheroid, by Newton on the latitude."""
    a, c = body.radii_km[0], body.radii_km[2]
    rho, z = float(np.hypot(place[0], place[1])), float(place[2])
    e2 = 1.0 - (c / a) ** 2
    latitude = np.arctan2(z, rho * (1.0 - e2))
    for _ in range(30):
        curvature = a / np.sqrt(1.0 - e2 * np.sin(latitude) ** 2)
        latitude = np.arctan2(z + e2 * curvature * np.sin(latitude), rho)
    curvature = a / np.sqrt(1.0 - e2 * np.sin(latitude) ** 2)
    height = rho * np.cos(latitude) + z * np.sin(latitude) - curvature * (1.0 - e2 * np.sin(latitude) ** 2)
    return float(latitude), float(np.arctan2(place[1], place[0])), float(height)
