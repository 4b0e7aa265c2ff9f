"""Zonal winds: how fast a planet's clouds are carried along their parallels, against the frame that turns with it.

Within ten minutes a jet carries its clouds by 80 km, some pixels of JunoCam's: strips taken at several times show the
same clouds in the same places only once each cloud is carried to one moment. The shipped profile of Jupiter's wind is
made by builders/zonal_winds.py, whose head names the sources.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perijove.bodies import JUPITER, Body
from perijove.errors import UsageError
from perijove.geometry.ellipsoid import point_from_centric

FloatArray = NDArray[np.float64]

DRIFT_STEP = np.radians(0.05)
"""Spacing of a table of drift angles: a jet's flank of 20 m/s a degree is told to 1 m/s, linear between."""
_NEAREST_AXIS_KM = 1.0
"""No cloud is nearer to the axis: on the pole itself there is no east."""


@dataclass(frozen=True)
class ZonalWinds:
    """A profile of the zonal wind at n planetocentric latitudes.

    `latitude` (n,) rad, ascending; `speed_m_s` (n,) eastward in the body's rotating frame (Jupiter: System III);
    `sigma_m_s` (n,) one standard deviation of the wind at that latitude on the day it is used; `source` says whose it
    is. Raises UsageError for what is no profile.
    """

    latitude: FloatArray
    speed_m_s: FloatArray
    sigma_m_s: FloatArray
    source: str

    def __post_init__(self) -> None:
        """Refuse what is no profile."""
        count = len(self.latitude)
        if count < 2 or self.speed_m_s.shape != (count,) or self.sigma_m_s.shape != (count,):
            raise UsageError(
                f"winds of {self.source}: {count} latitudes, {self.speed_m_s.size} speeds and {self.sigma_m_s.size} "
                "sigmas are no profile: give two latitudes or more with a speed and a sigma each"
            )
        if not (np.isfinite(self.latitude).all() and (np.diff(self.latitude) > 0.0).all()):
            raise UsageError(f"winds of {self.source}: latitudes must ascend: sort them and give each once")
        if np.abs(self.latitude).max() > np.pi / 2.0 + 1e-9:
            raise UsageError(f"winds of {self.source}: a latitude lies beyond a pole: give them between -90 and 90 deg")
        if not (np.isfinite(self.speed_m_s).all() and (self.sigma_m_s >= 0.0).all()):
            raise UsageError(f"winds of {self.source}: a speed or sigma is missing or negative: leave its latitude out")

    def speed(self, latitude: ArrayLike) -> FloatArray:
        """Eastward speed, m/s, at planetocentric latitudes in rad, any shape: linear between, the last one beyond."""
        return np.asarray(np.interp(np.asarray(latitude, dtype=float), self.latitude, self.speed_m_s))

    def sigma(self, latitude: ArrayLike) -> FloatArray:
        """Standard deviation of `speed`, m/s, at planetocentric latitudes in rad, any shape."""
        return np.asarray(np.interp(np.asarray(latitude, dtype=float), self.latitude, self.sigma_m_s))

    def rate(self, latitude: ArrayLike, body: Body) -> FloatArray:
        """Rate, rad/s, at which the east longitude of a cloud grows at planetocentric latitudes in rad, any shape."""
        return self.speed(latitude) * 1e-3 / axis_distance(latitude, body)

    def drift(self, body: Body, seconds: float) -> FloatArray:
        """The table (m, 2) of planetocentric latitude, pole to pole, and angle, rad, that the renderer carries by.

        The angle is that by which clouds move to the east within `seconds`: a cloud that stands at a longitude now
        stood, or will stand, at longitude + angle that much later (`seconds` > 0) or earlier (< 0).
        """
        count = 1 + round(np.pi / DRIFT_STEP)
        latitude = np.linspace(-np.pi / 2.0, np.pi / 2.0, count)
        return np.stack([latitude, self.rate(latitude, body) * seconds], axis=-1)


def axis_distance(latitude: ArrayLike, body: Body) -> FloatArray:
    """Distance, km, of a body's surface from its axis at planetocentric latitudes in rad; that of its long meridian."""
    point = point_from_centric(latitude, 0.0, body.radii_km)
    out: FloatArray = np.maximum(point[..., 0], _NEAREST_AXIS_KM)
    return out


@cache
def usual_winds(body: Body) -> ZonalWinds | None:
    """The shipped profile of a body's zonal wind; None for a body without one, such as a moon."""
    if body.name != JUPITER.name:
        return None
    with (resources.files("perijove") / "data" / "zonal_winds.csv").open(encoding="ascii") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    latitude, speed, sigma = (
        np.array([float(row[name]) for row in rows]) for name in ("latitude_centric_deg", "east_m_s", "sigma_m_s")
    )
    for column in (latitude, speed, sigma):
        column.flags.writeable = False
    return ZonalWinds(np.radians(latitude), speed, sigma, "HST 2017 (Tollefson et al.), Cassini 2000 (Porco et al.)")
