"""Jupiter and its moons: shape, rotation, gravity and orbit, each number with its source."""

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
    amplitude deg on its cosine, and, where there is a fifth number, W's amplitude deg on its sine).

    `atmosphere` tells whether a haze hides the ellipsoid's edge. A moon names the body it circles, `parent`, with the
    mean radius of its orbit `orbit_km` and its eccentricity; it keeps +X about towards its parent, and flies
    along -Y.
    `naif_id` is its number in SPICE.
    """

    name: str
    radii_km: tuple[float, float, float]
    gm: float
    pole_ra_deg: tuple[float, float]
    pole_dec_deg: tuple[float, float]
    meridian_deg: tuple[float, float]
    zonal: tuple[tuple[int, float], ...] = ()
    pole_terms: tuple[tuple[float, ...], ...] = ()
    atmosphere: bool = False
    parent: str | None = None
    orbit_km: float = 0.0
    eccentricity: float = 0.0
    naif_id: int = 0

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
        # reduced before it becomes an angle: W is of the order of 1e7 deg
        turn = np.mod(self.meridian_deg[0] + self.meridian_deg[1] * days, 360.0)
        for angle, rate, ra_sine, dec_cosine, *w_sine in self.pole_terms:
            argument = np.radians(angle + rate * centuries)
            ra = ra + ra_sine * np.sin(argument)
            dec = dec + dec_cosine * np.cos(argument)
            if w_sine:
                turn = turn + w_sine[0] * np.sin(argument)
        ra, dec = np.radians(ra), np.radians(dec)
        w = np.radians(turn)
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
    atmosphere=True,
    naif_id=599,
)

# The moons. Radii, poles and meridians: IAU working group (Archinal et al. 2018; NAIF pck00010.tpc). GM: JPL's
# satellite ephemerides (NAIF gm_de431.tpc). J2: Anderson et al. 1996 (Ganymede), 1998 (Europa), 2001 (Io, Callisto).
# Orbits: JPL's mean elements of planetary satellites. What is left out, C22 first, moves a flyby by metres.
_J1, _J2, _J3, _J4, _J5, _J6, _J7, _J8, _J9, _J10 = (
    (73.32, 91472.9),
    (24.62, 45137.2),
    (283.90, 4850.7),
    (355.80, 1191.3),
    (119.90, 262.1),
    (229.80, 64.3),
    (352.25, 2382.6),
    (113.35, 6070.0),
    (146.64, 182945.8),
    (49.24, 90274.4),
)
"""Angles of the moons' nutation and their rates, deg and deg per century, by the IAU's numbering."""

IO = Body(
    name="IO",
    radii_km=(1829.4, 1819.4, 1815.7),
    gm=5959.916,
    pole_ra_deg=(268.05, -0.009),
    pole_dec_deg=(64.50, 0.003),
    meridian_deg=(200.39, 203.4889538),
    zonal=((2, 1845.9e-6),),
    pole_terms=((*_J3, 0.094, 0.040, -0.085), (*_J4, 0.024, 0.011, -0.022)),
    parent="JUPITER",
    orbit_km=421_800.0,
    eccentricity=0.0041,
    naif_id=501,
)

EUROPA = Body(
    name="EUROPA",
    radii_km=(1562.6, 1560.3, 1559.5),
    gm=3202.739,
    pole_ra_deg=(268.08, -0.009),
    pole_dec_deg=(64.51, 0.003),
    meridian_deg=(36.022, 101.3747235),
    zonal=((2, 435.5e-6),),
    pole_terms=(
        (*_J4, 1.086, 0.468, -0.980),
        (*_J5, 0.060, 0.026, -0.054),
        (*_J6, 0.015, 0.007, -0.014),
        (*_J7, 0.009, 0.002, -0.008),
    ),
    parent="JUPITER",
    orbit_km=671_100.0,
    eccentricity=0.0094,
    naif_id=502,
)

GANYMEDE = Body(
    name="GANYMEDE",
    radii_km=(2631.2, 2631.2, 2631.2),
    gm=9887.834,
    pole_ra_deg=(268.20, -0.009),
    pole_dec_deg=(64.57, 0.003),
    meridian_deg=(44.064, 50.3176081),
    zonal=((2, 127.27e-6),),
    pole_terms=((*_J4, -0.037, -0.016, 0.033), (*_J5, 0.431, 0.186, -0.389), (*_J6, 0.091, 0.039, -0.082)),
    parent="JUPITER",
    orbit_km=1_070_400.0,
    eccentricity=0.0013,
    naif_id=503,
)

CALLISTO = Body(
    name="CALLISTO",
    radii_km=(2410.3, 2410.3, 2410.3),
    gm=7179.289,
    pole_ra_deg=(268.72, -0.009),
    pole_dec_deg=(64.83, 0.003),
    meridian_deg=(259.51, 21.5710715),
    zonal=((2, 32.7e-6),),
    pole_terms=((*_J5, -0.068, -0.029, 0.061), (*_J6, 0.590, 0.254, -0.533), (*_J8, 0.010, -0.004, -0.009)),
    parent="JUPITER",
    orbit_km=1_882_700.0,
    eccentricity=0.0074,
    naif_id=504,
)

# The small moons within Io's orbit: GM by JPL's JUP310 (NAIF gm_de431.tpc; Thebe's, Adrastea's and Metis's from their
# size at Amalthea's density), orbits by JPL's mean elements of planetary satellites.
AMALTHEA = Body(
    name="AMALTHEA",
    radii_km=(125.0, 73.0, 64.0),
    gm=0.1645634534798259,
    pole_ra_deg=(268.05, -0.009),
    pole_dec_deg=(64.49, 0.003),
    meridian_deg=(231.67, 722.6314560),
    pole_terms=((*_J1, -0.84, -0.36, 0.76), (*_J9, 0.01, 0.0, -0.01)),
    parent="JUPITER",
    orbit_km=181_400.0,
    eccentricity=0.0032,
    naif_id=505,
)

THEBE = Body(
    name="THEBE",
    radii_km=(58.0, 49.0, 42.0),
    gm=0.030148,
    pole_ra_deg=(268.05, -0.009),
    pole_dec_deg=(64.49, 0.003),
    meridian_deg=(8.56, 533.7004100),
    pole_terms=((*_J2, -2.11, -0.91, 1.91), (*_J10, 0.04, 0.01, -0.04)),
    parent="JUPITER",
    orbit_km=221_900.0,
    eccentricity=0.0176,
    naif_id=514,
)

ADRASTEA = Body(
    name="ADRASTEA",
    radii_km=(10.0, 8.0, 7.0),
    gm=0.000139,
    pole_ra_deg=(268.05, -0.009),
    pole_dec_deg=(64.49, 0.003),
    meridian_deg=(33.29, 1206.9986602),
    parent="JUPITER",
    orbit_km=129_000.0,
    eccentricity=0.0018,
    naif_id=515,
)

METIS = Body(
    name="METIS",
    radii_km=(30.0, 20.0, 17.0),
    gm=0.002501,
    pole_ra_deg=(268.05, -0.009),
    pole_dec_deg=(64.49, 0.003),
    meridian_deg=(346.09, 1221.2547301),
    parent="JUPITER",
    orbit_km=128_000.0,
    eccentricity=0.0012,
    naif_id=516,
)

GALILEAN = (IO, EUROPA, GANYMEDE, CALLISTO)
"""The large moons, from within outwards."""

BODIES = {body.name: body for body in (JUPITER, *GALILEAN, AMALTHEA, THEBE, ADRASTEA, METIS)}
"""Every body that can be worked on, by its name in the labels."""
