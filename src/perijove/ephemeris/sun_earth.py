"""The Sun and the Earth seen from Jupiter, from a small table fitted to JPL's DE440 (builders/sun_earth_table.py).

Positions are relative to the barycentre of Jupiter's system, which stays within 250 km of Jupiter's centre: that is
0.07 arcsec seen from the Sun. All are km in j2000, at ET, from 2011 to 2031; NaN outside that span.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import ArrayLike, NDArray

from perijove.bodies import JUPITER, LIGHT_KM_S, Body
from perijove.ephemeris.moons import moon_state

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class _Table:
    """Chebyshev coefficients (terms, pieces, 3) km on pieces of equal length from `start` to `stop` (ET)."""

    start: float
    stop: float
    sun: FloatArray
    earth_from_sun: FloatArray


@cache
def _table() -> _Table:
    with (resources.files("perijove") / "data" / "sun_earth.npz").open("rb") as file, np.load(file) as stored:
        start, stop = stored["start_stop_et"]

        def series(name: str) -> FloatArray:
            terms = sorted(key for key in stored.files if key.startswith(name + "_"))
            return np.stack([stored[key] * float(stored["quantum_km"]) for key in terms])

        return _Table(float(start), float(stop), series("sun"), series("earth"))


def sun_from_jupiter(et: ArrayLike) -> FloatArray:
    """Geometric position (..., 3) km of the Sun relative to Jupiter in j2000 at ET; NaN outside 2011-2031."""
    return _evaluate(_table().sun, et)


def earth_from_jupiter(et: ArrayLike) -> FloatArray:
    """Geometric position (..., 3) km of the Earth relative to Jupiter in j2000 at ET; NaN outside 2011-2031."""
    return _evaluate(_table().sun, et) + _evaluate(_table().earth_from_sun, et)


def jupiter_velocity(et: ArrayLike) -> FloatArray:
    """Velocity (..., 3) km/s of Jupiter relative to the Sun in j2000 at ET; NaN outside 2011-2031.

    Within 0.016 km/s of that relative to the solar system's barycentre.
    """
    return -_evaluate(_table().sun, et, rate=True)


def apparent_sun(et: ArrayLike, body: Body = JUPITER) -> FloatArray:
    """Where the light that reaches Jupiter, or a moon of it, at ET comes from: the Sun (..., 3) km, light time and
    aberration counted.

    To first order in v/c both together put the Sun where it was, relative to the body as the body moves: at ET less the
    light time.
    """
    return _earlier(sun_from_jupiter, et, body)


def apparent_earth(et: ArrayLike, body: Body = JUPITER) -> FloatArray:
    """Where the Earth is seen from a body at ET (..., 3) km, light time and aberration counted (as `apparent_sun`)."""
    return _earlier(earth_from_jupiter, et, body)


def _earlier(where: Callable[[ArrayLike], FloatArray], et: ArrayLike, body: Body) -> FloatArray:
    now = np.asarray(et, dtype=float)
    delay = np.linalg.norm(where(now), axis=-1) / LIGHT_KM_S
    seen = where(now - delay)
    if body.parent is None:
        return seen
    moon = moon_state(body, now)
    out: FloatArray = seen - moon[..., :3] + moon[..., 3:] * delay[..., None]
    return out


def _evaluate(series: FloatArray, et: ArrayLike, rate: bool = False) -> FloatArray:
    """Values (..., 3), or their rates per second, of a series at ET."""
    table, pieces = _table(), series.shape[1]
    t = np.asarray(et, dtype=float)
    length = (table.stop - table.start) / pieces
    place = (np.where((t >= table.start) & (t <= table.stop), t, np.nan) - table.start) / length
    known = np.isfinite(place)
    piece = np.minimum(np.where(known, place, 0.0).astype(np.int64), pieces - 1)
    x = (2.0 * (place - piece) - 1.0)[..., None]
    terms = series[:, piece]
    if rate:
        terms = chebyshev.chebder(terms, scl=2.0 / length)
    out: FloatArray = chebyshev.chebval(x, terms, tensor=False)
    return out
