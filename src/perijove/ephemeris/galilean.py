"""Where Io, Europa, Ganymede and Callisto are: the series L1.2 of Lainey, Duriez and Vienne, set right by JPL's JUP310.

The theory (A&A 420, 1171, 2004; A&A 456, 783, 2006) gives each moon's semi-major axis a, mean longitude l, and
z = e exp(i longitude of the pericentre), zeta = sin(inclination / 2) exp(i longitude of the node), all as sums of
sines, on the equator of Jupiter at J2000. The table in data/galilean_moons.csv holds them in km, radians and days past
J2000 (builders/galilean_moons.py), with a few terms of our own that bring them to JUP310 in the years of Juno.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]
Term = tuple[str, str, float, float, float]
"""Moon, series, amplitude, phase rad, rate rad a day."""

DAY_S = 86400.0
NODE_DEG, INCLINATION_DEG = 358.0700790, 25.5020499
"""The theory's plane in j2000: its ascending node on the Earth's equator, from which longitudes count, and its tilt."""
_BLOCK = 4096


@dataclass(frozen=True)
class Series:
    """A moon's series: `gm` km^3/s^2 of the two bodies, the mean longitude `mean` (constant rad, rad a day), and terms
    (n, 3) of amplitude (km or rad), phase rad, rate rad a day."""

    gm: float
    mean: tuple[float, float]
    a: FloatArray
    l: FloatArray  # noqa: E741
    z: FloatArray
    zeta: FloatArray

    @classmethod
    def of(cls, moon: str, terms: Iterable[Term]) -> Series:
        """A moon's series out of the rows of a table."""
        own = [term[1:] for term in terms if term[0] == moon]

        def rows(name: str) -> FloatArray:
            return np.array([row[1:] for row in own if row[0] == name], dtype=float).reshape(-1, 3)

        mean = rows("mean")
        return cls(
            float(rows("gm")[0, 0]), (float(mean[:, 1].sum()), float(mean[:, 2].sum())),
            rows("a"), rows("l"), rows("z"), rows("zeta"),
        )  # fmt: skip


@cache
def series_of(moon: str) -> Series | None:
    """The series of a moon by its name in capitals; None for one that the theory does not know."""
    terms = _terms()
    return Series.of(moon, terms) if any(term[0] == moon for term in terms) else None


def state(series: Series, et: ArrayLike) -> FloatArray:
    """State (..., 6) km, km/s relative to Jupiter in j2000 at ET, geometric."""
    times = np.asarray(et, dtype=float)
    flat = times.ravel()
    # the terms of many times at once would not stay in the cache
    parts = [_state(series, flat[k : k + _BLOCK]) for k in range(0, flat.size, _BLOCK)]
    out: FloatArray = np.concatenate(parts or [np.empty((0, 6))]).reshape(*times.shape, 6)
    return out


def _state(series: Series, et: FloatArray) -> FloatArray:
    """States (n, 6): elements with their rates, then both through one chain of two-body formulas."""
    days = et / DAY_S
    turn = np.mod(series.mean[0] + series.mean[1] * days, 2.0 * np.pi)
    waves = _waves(series.l, days)
    longitude = turn + waves.imag
    return _two_body(
        series.gm, _waves(series.a, days).real, longitude, _waves(series.z, days), _waves(series.zeta, days)
    )


def _waves(terms: FloatArray, days: FloatArray) -> ComplexArray:
    """Sum (n,) of amplitude exp(i (phase + rate t)) over the terms (k, 3)."""
    angle = terms[:, 1] + days[:, None] * terms[:, 2]
    out: ComplexArray = np.cos(angle) @ terms[:, 0] + 1j * (np.sin(angle) @ terms[:, 0])
    return out


def _two_body(gm: float, a: FloatArray, longitude: FloatArray, z: ComplexArray, zeta: ComplexArray) -> FloatArray:
    """States (n, 6) in j2000 of osculating elements that have no singularity at e = 0 or i = 0.

    Kepler's equation in the eccentric longitude F: l = F - Im(conj(z) exp(iF)), solved by Newton. In the orbit's plane,
    as complex numbers, the place is a (w - z + i psi z Im(conj(z) w)), w = exp(iF), psi = 1 / (1 + sqrt(1 - e^2)).
    """
    f = longitude.copy()
    for _ in range(6):
        w = np.conj(z) * np.exp(1j * f)
        f -= (f - w.imag - longitude) / (1.0 - w.real)
    u = np.exp(1j * f)
    w = np.conj(z) * u
    psi = 1.0 / (1.0 + np.sqrt(1.0 - np.abs(z) ** 2))
    place = a * (u - z - 1j * psi * z * (f - longitude))
    rate = np.sqrt(gm / a**3) / (1.0 - w.real)
    speed = a * rate * (1j * u - 1j * psi * z * w.real)
    return np.concatenate([_in_space(place, zeta), _in_space(speed, zeta)], axis=-1)


def _in_space(plane: ComplexArray, zeta: ComplexArray) -> FloatArray:
    """Vectors (n, 3) in j2000 of complex numbers in the orbit's plane, whose tilt is `zeta`."""
    # across the node by sin(i/2), twice: what the tilt takes from the plane and what it lifts
    lift = (np.conj(zeta) * plane).imag
    flat = plane - 2j * zeta * lift
    up = 2.0 * np.sqrt(1.0 - np.abs(zeta) ** 2) * lift
    return np.stack([flat.real, flat.imag, up], axis=-1) @ _j2000_from_plane().T


@cache
def _j2000_from_plane() -> FloatArray:
    """Rotation (3, 3) from the theory's plane."""
    node, tilt = np.radians([NODE_DEG, INCLINATION_DEG])
    cn, sn, ct, st = np.cos(node), np.sin(node), np.cos(tilt), np.sin(tilt)
    return np.array([[cn, -sn * ct, sn * st], [sn, cn * ct, -cn * st], [0.0, st, ct]])


@cache
def _terms() -> tuple[Term, ...]:
    """The rows of the table."""
    with (resources.files("perijove") / "data" / "galilean_moons.csv").open(encoding="ascii") as file:
        return tuple(
            (row["moon"], row["series"], float(row["amplitude"]), float(row["phase_rad"]), float(row["rate_rad_d"]))
            for row in csv.DictReader(file)
        )
