"""Jupiter (and later its moons): shape, rotation and gravity, each number with its source."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

DAY_S = 86400.0
CENTURY_DAYS = 36525.0
LIGHT_KM_S = 299792.458
"""Speed of light, by definition of the metre."""


@dataclass(frozen=True)
class Body:
    """A triaxial ellipsoid that rotates by the IAU's formula.

    `radii_km` (a, b, c); `gm` km^3/s^2; `zonal` maps the degree n to J_n for the radius `radii_km[0]`. Pole right
    ascension and declination are (constant, per century) deg, the prime meridian W (constant, per day) deg. Each of
    `pole_terms` is (angle deg, its rate deg per century, right ascension's amplitude deg on its sine, declination's
    amplitude deg on its cosine).
    """

    name: str
    radii_km: tuple[float, float, float]
    gm: float
    pole_ra_deg: tuple[float, float]
    pole_dec_deg: tuple[float, float]
    meridian_deg: tuple[float, float]
    zonal: tuple[tuple[int, float], ...] = ()
    pole_terms: tuple[tuple[float, float, float, float], ...] = ()

    @property
    def spin_rate(self) -> float:
        """Rotation rate about the pole, rad/s."""
        return float(np.radians(self.meridian_deg[1]) / DAY_S)

    def body_from_j2000(self, et: ArrayLike) -> FloatArray:
        """Rotation matrices (..., 3, 3) from j2000 to the body-fixed frame at ET (IAU working group's convention)."""
        days = np.asarray(et, dtype=float) / DAY_S
        centuries = days / CENTURY_DAYS
        ra = self.pole_ra_deg[0] + self.pole_ra_deg[1] * centuries
        dec = self.pole_dec_deg[0] + self.pole_dec_deg[1] * centuries
        for angle, rate, ra_sine, dec_cosine in self.pole_terms:
            argument = np.radians(angle + rate * centuries)
            ra = ra + ra_sine * np.sin(argument)
            dec = dec + dec_cosine * np.cos(argument)
        ra, dec = np.radians(ra), np.radians(dec)
        # reduced before it becomes an angle: W is of the order of 1e7 deg
        w = np.radians(np.mod(self.meridian_deg[0] + self.meridian_deg[1] * days, 360.0))
        zero = np.zeros_like(ra)
        node = np.stack([-np.sin(ra), np.cos(ra), zero], axis=-1)
        pole = np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=-1)
        quarter = np.cross(pole, node)
        c, s = np.cos(w)[..., None], np.sin(w)[..., None]
        return np.stack([c * node + s * quarter, c * quarter - s * node, pole], axis=-2)


JUPITER = Body(
    name="JUPITER",
    # IAU 2009/2015 1-bar ellipsoid; pole and meridian System III (Archinal et al. 2018; NAIF pck00010.tpc)
    radii_km=(71492.0, 71492.0, 66854.0),
    # GM of the planet: JPL satellite ephemerides (jup310); J_n: Iess et al. 2018 rounded
    gm=126686534.0,
    pole_ra_deg=(268.056595, -0.006499),
    pole_dec_deg=(64.495303, 0.002413),
    meridian_deg=(284.95, 870.5360000),
    zonal=((2, 0.014696), (4, -0.000587), (6, 0.000034)),
    # the pole's nutation, as large as 0.002 deg on the sky: 7 km at 200,000 km
    pole_terms=(
        (99.360714, 4850.4046, 0.000117, 0.000050),
        (175.895369, 1191.9605, 0.000938, 0.000404),
        (300.323162, 262.5475, 0.001432, 0.000617),
        (114.012305, 6070.2476, 0.000030, -0.000013),
        (49.511251, 64.3000, 0.002150, 0.000926),
    ),
)

BODIES = {JUPITER.name: JUPITER}
