"""Motion round an oblate planet: gravity, propagation, and elements at closest approach.

Everything here is a pure function of arrays. The frame is j2000, centred on the planet; the planet's pole is taken
as fixed over an arc (Jupiter's moves 0.00001 deg in a day).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import solve_ivp

from perijove.bodies import Body
from perijove.errors import TrajectoryError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Elements:
    """Osculating elements at closest approach, angles against the planet's equator.

    `radius_km` of the periapsis; `inverse_axis` 1/a in 1/km (0 is a parabola, negative a hyperbola); `inclination`,
    `node` and `argument` (of periapsis) rad, the node counted from the equator's ascending node on the ICRF's;
    `et` of the periapsis.
    """

    radius_km: float
    inverse_axis: float
    inclination: float
    node: float
    argument: float
    et: float


def inertial_from_equator(body: Body, et: float) -> FloatArray:
    """Rotation (3, 3) to j2000 from the body's equator: x at its node on the ICRF equator, z at the pole."""
    pole = body.body_from_j2000(et)[2]
    node = np.cross([0.0, 0.0, 1.0], pole)
    node /= np.linalg.norm(node)
    return np.stack([node, np.cross(pole, node), pole], axis=-1)


def acceleration(body: Body, pole: FloatArray, position: FloatArray) -> FloatArray:
    """Acceleration (..., 3) km/s^2 at positions (..., 3) km by the body's mass and zonal harmonics.

    From the potential -GM/r (1 - sum J_n (R/r)^n P_n(sin latitude)).
    """
    r = np.sqrt(np.sum(position * position, axis=-1))
    s = position @ pole / r
    radial, polar = np.ones_like(r), np.zeros_like(r)
    for weight, n, value, slope in _zonal_terms(body, r, s):
        radial -= weight * ((n + 1) * value + s * slope)
        polar -= weight * slope
    scale = body.gm / r**2
    out: FloatArray = (scale * polar)[..., None] * pole - (scale * radial / r)[..., None] * position
    return out


def _zonal_terms(body: Body, r: FloatArray, s: FloatArray) -> Iterator[tuple[FloatArray, int, FloatArray, FloatArray]]:
    """J_n (R/r)^n, n, P_n(s) and P_n'(s) of each harmonic; Legendre's polynomials by Bonnet's recursion."""
    zonal = dict(body.zonal)
    before, value = np.ones_like(s), s
    slope_before, slope = np.zeros_like(s), np.ones_like(s)
    for n in range(2, max(zonal, default=0) + 1):
        before, value = value, ((2 * n - 1) * s * value - (n - 1) * before) / n
        slope_before, slope = slope, slope_before + (2 * n - 1) * before
        if n in zonal:
            yield zonal[n] * (body.radii_km[0] / r) ** n, n, value, slope


def energy(body: Body, pole: FloatArray, state: FloatArray) -> FloatArray:
    """Specific energy (...,) km^2/s^2 of states (..., 6) in the field of `acceleration`; constant along an orbit."""
    r = np.linalg.norm(state[..., :3], axis=-1)
    s = state[..., :3] @ pole / r
    factor = np.ones_like(r)
    for weight, _, value, _ in _zonal_terms(body, r, s):
        factor -= weight * value
    out: FloatArray = 0.5 * np.sum(state[..., 3:] ** 2, axis=-1) - body.gm / r * factor
    return out


def propagate(
    body: Body,
    et0: float,
    states: FloatArray,
    et: ArrayLike,
    further: Callable[[float, FloatArray], FloatArray] | None = None,
) -> FloatArray:
    """States (n, ..., 6) km, km/s at times (n,) that grow out of `states` (..., 6) at `et0`.

    `further` gives what accelerates beside the body's own field, (..., 3) km/s^2, by ET and positions (..., 3). The
    states of a batch are stepped together (DOP853, relative tolerance 1e-11: metres over a pass). Raises
    TrajectoryError where the path falls into the planet's centre.
    """
    times = np.atleast_1d(np.asarray(et, dtype=float))
    states = np.asarray(states, dtype=float)
    pole = body.body_from_j2000(et0)[2]

    def rate(now: float, flat: FloatArray) -> FloatArray:
        y = flat.reshape(-1, 6)
        pull = acceleration(body, pole, y[:, :3])
        if further is not None:
            pull = pull + further(now, y[:, :3])
        return np.concatenate([y[:, 3:], pull], axis=1).ravel()

    out = np.empty((times.size, states.size))
    for side in (times >= et0, times < et0):
        if not side.any():
            continue
        wanted, back = np.unique(times[side], return_inverse=True)
        order = slice(None) if wanted[-1] >= et0 else slice(None, None, -1)
        end = float(wanted[order][-1])
        if end == et0:
            out[side] = states.ravel()
            continue
        run = solve_ivp(rate, (et0, end), states.ravel(), "DOP853", wanted[order], rtol=1e-11, atol=1e-7)
        if run.status != 0 or not np.all(np.isfinite(run.y)):
            raise TrajectoryError("The orbit through the labels runs into the planet: check the labels' positions.")
        out[side] = run.y.T[order][back]
    return out.reshape(times.size, *states.shape)


def state_from_elements(body: Body, elements: Elements) -> FloatArray:
    """State (6,) in j2000 at the periapsis itself."""
    e = elements
    speed = np.sqrt(body.gm * (2.0 / e.radius_km - e.inverse_axis))
    ci, si, co, so, cw, sw = (f(a) for a in (e.inclination, e.node, e.argument) for f in (np.cos, np.sin))
    towards = np.array([co * cw - so * sw * ci, so * cw + co * sw * ci, sw * si])
    along = np.array([-co * sw - so * cw * ci, -so * sw + co * cw * ci, cw * si])
    rotation = inertial_from_equator(body, e.et)
    return np.concatenate([rotation @ towards * e.radius_km, rotation @ along * speed])


def elements_from_state(body: Body, et: float, state: FloatArray) -> Elements:
    """Osculating elements of one state (6,) in j2000; the time of the periapsis by Kepler's equation."""
    rotation = inertial_from_equator(body, et)
    r, v = state[:3] @ rotation, state[3:] @ rotation
    distance = float(np.linalg.norm(r))
    h = np.cross(r, v)
    h2 = float(h @ h)
    ecc_vector = np.cross(v, h) / body.gm - r / distance
    ecc = float(np.linalg.norm(ecc_vector))
    inverse_axis = float(2.0 / distance - v @ v / body.gm)
    node = np.array([-h[1], h[0], 0.0])
    node /= np.linalg.norm(node)
    argument = np.arctan2(np.cross(node, ecc_vector) @ h / np.sqrt(h2), node @ ecc_vector)
    return Elements(
        radius_km=h2 / body.gm / (1.0 + ecc),
        inverse_axis=inverse_axis,
        inclination=float(np.arctan2(np.hypot(h[0], h[1]), h[2])),
        node=float(np.arctan2(node[1], node[0])),
        argument=float(argument),
        et=et - time_from_periapsis(body, distance, float(r @ v), inverse_axis, h2 / body.gm / (1.0 + ecc)),
    )


def time_from_periapsis(body: Body, distance: float, r_dot_v: float, inverse_axis: float, radius: float) -> float:
    """Two-body time s since periapsis, negative before it, of an ellipse; a is 1/`inverse_axis`.

    Raises TrajectoryError for an open orbit.
    """
    if inverse_axis <= 0:
        raise TrajectoryError("The orbit through the labels is not closed: check the labels' positions and times.")
    ecc = 1.0 - radius * inverse_axis
    root = np.sqrt(inverse_axis / body.gm)
    anomaly = np.arctan2(r_dot_v * root, 1.0 - distance * inverse_axis)
    return float((anomaly - ecc * np.sin(anomaly)) * np.sqrt(1.0 / (body.gm * inverse_axis**3)))
