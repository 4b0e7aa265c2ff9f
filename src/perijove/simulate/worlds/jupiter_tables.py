"""Jupiter's clouds in tables: jets, belts and zones, vortices. Facts of the planet; the painting is elsewhere.

Latitudes are planetographic degrees, longitudes System III east-positive degrees, winds m/s eastward in System III.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter1d

from perijove.bodies import JUPITER

FloatArray = NDArray[np.float64]

JETS = (
    # peaks of the zonal wind seen by HST in 2017 (Tollefson et al. 2017, doi 10.1016/j.icarus.2017.06.007), in round
    # numbers; poleward of 68 deg, where clouds show no steady jets, it is let die away
    *((-90.0, 0.0), (-78.0, 0.0), (-71.0, -3.0), (-66.8, 35.0), (-63.5, 6.0), (-61.4, 18.0), (-56.1, -8.0)),
    *((-52.5, 38.0), (-48.0, -16.0), (-43.3, 38.0), (-39.5, -4.0), (-36.2, 49.0), (-32.4, -14.0), (-25.9, 35.0)),
    *((-20.2, -54.0), (-7.2, 144.0), (-0.3, 70.0), (6.4, 107.0), (17.5, -21.0), (23.9, 137.0), (31.2, -25.0)),
    *((35.5, 36.0), (39.2, -14.0), (42.7, 20.0), (44.7, 2.0), (47.2, 14.0), (52.1, -6.0), (56.0, 20.0)),
    *((60.6, -6.0), (64.6, 15.0), (66.1, 11.0), (68.5, 26.0), (73.0, 0.0), (90.0, 0.0)),
)
"""(planetographic latitude deg, wind m/s) of the jets and of the slowest flow between them."""

BANDS = (
    # latitude, then normal reflectance BLUE, GREEN, RED, METHANE, then how much the clouds are stirred and how many
    # folded filaments they hold (0-1). Belts lie between a prograde jet and the retrograde one poleward of it
    # (Rogers 1995, The Giant Planet Jupiter, ch. 3); the levels give Karkoschka's (1998) albedo of the whole disc.
    *((90.0, 0.42, 0.44, 0.42, 0.085, 1.0, 0.75), (76.0, 0.43, 0.46, 0.44, 0.085, 1.0, 0.75)),
    *((69.0, 0.46, 0.50, 0.49, 0.075, 1.0, 0.80), (64.5, 0.49, 0.54, 0.55, 0.050, 1.0, 0.80)),
    *((60.0, 0.52, 0.61, 0.65, 0.040, 0.95, 0.70), (56.0, 0.51, 0.61, 0.67, 0.036, 0.9, 0.60)),
    *((52.5, 0.57, 0.66, 0.71, 0.036, 0.8, 0.30), (49.5, 0.50, 0.60, 0.67, 0.036, 0.9, 0.65)),
    *((47.3, 0.58, 0.67, 0.72, 0.040, 0.7, 0.30), (44.0, 0.52, 0.62, 0.69, 0.040, 0.8, 0.60)),
    *((42.6, 0.63, 0.72, 0.76, 0.046, 0.6, 0.15), (40.0, 0.66, 0.74, 0.77, 0.048, 0.5, 0.10)),
    *((38.8, 0.54, 0.64, 0.71, 0.042, 0.8, 0.55), (36.2, 0.50, 0.61, 0.70, 0.040, 0.7, 0.40)),
    *((35.0, 0.67, 0.75, 0.78, 0.050, 0.4, 0.05), (32.2, 0.73, 0.79, 0.81, 0.055, 0.35, 0.0)),
    *((30.5, 0.63, 0.72, 0.76, 0.048, 0.5, 0.15), (28.0, 0.53, 0.64, 0.72, 0.040, 0.6, 0.25)),
    *((25.6, 0.44, 0.58, 0.70, 0.036, 0.35, 0.05), (24.2, 0.37, 0.54, 0.71, 0.036, 0.20, 0.0)),
    *((23.2, 0.70, 0.77, 0.80, 0.050, 0.20, 0.0), (21.5, 0.79, 0.83, 0.84, 0.060, 0.35, 0.0)),
    *((19.0, 0.78, 0.82, 0.83, 0.060, 0.45, 0.0), (17.6, 0.60, 0.69, 0.75, 0.048, 0.7, 0.15)),
    *((16.0, 0.43, 0.545, 0.66, 0.036, 0.9, 0.35), (12.5, 0.37, 0.475, 0.63, 0.032, 1.0, 0.45)),
    *((9.0, 0.33, 0.435, 0.61, 0.030, 0.9, 0.25), (7.6, 0.41, 0.52, 0.64, 0.034, 0.8, 0.10)),
    *((6.4, 0.72, 0.79, 0.82, 0.070, 0.6, 0.0), (4.0, 0.75, 0.82, 0.85, 0.092, 0.55, 0.0)),
    *((1.0, 0.70, 0.79, 0.83, 0.096, 0.45, 0.0), (-1.0, 0.63, 0.74, 0.80, 0.094, 0.45, 0.0)),
    *((-3.0, 0.71, 0.79, 0.83, 0.094, 0.5, 0.0), (-6.2, 0.79, 0.84, 0.85, 0.075, 0.55, 0.0)),
    *((-7.4, 0.62, 0.71, 0.76, 0.050, 0.7, 0.0), (-8.6, 0.40, 0.51, 0.65, 0.034, 0.8, 0.20)),
    *((-11.0, 0.36, 0.465, 0.62, 0.032, 0.9, 0.35), (-13.5, 0.46, 0.58, 0.69, 0.034, 0.9, 0.35)),
    *((-16.0, 0.36, 0.465, 0.62, 0.032, 0.9, 0.35), (-19.2, 0.40, 0.51, 0.64, 0.034, 0.8, 0.25)),
    *((-20.4, 0.62, 0.71, 0.76, 0.048, 0.6, 0.0), (-21.8, 0.79, 0.83, 0.84, 0.060, 0.35, 0.0)),
    *((-25.0, 0.82, 0.85, 0.85, 0.062, 0.30, 0.0), (-26.6, 0.68, 0.75, 0.79, 0.050, 0.5, 0.10)),
    *((-28.6, 0.54, 0.64, 0.72, 0.040, 0.8, 0.40), (-31.0, 0.60, 0.69, 0.75, 0.044, 0.8, 0.40)),
    *((-33.2, 0.73, 0.79, 0.81, 0.050, 0.5, 0.05), (-35.4, 0.70, 0.77, 0.79, 0.048, 0.5, 0.05)),
    *((-36.8, 0.52, 0.62, 0.71, 0.040, 0.8, 0.50), (-39.2, 0.54, 0.64, 0.72, 0.040, 0.8, 0.50)),
    *((-41.5, 0.66, 0.74, 0.78, 0.045, 0.55, 0.10), (-43.4, 0.64, 0.72, 0.76, 0.042, 0.6, 0.20)),
    *((-45.6, 0.52, 0.62, 0.69, 0.038, 0.9, 0.65), (-48.5, 0.60, 0.68, 0.73, 0.038, 0.8, 0.20)),
    *((-51.0, 0.60, 0.68, 0.73, 0.038, 0.8, 0.30), (-53.5, 0.50, 0.60, 0.66, 0.036, 0.9, 0.70)),
    *((-57.0, 0.53, 0.61, 0.65, 0.040, 1.0, 0.50), (-61.0, 0.48, 0.54, 0.56, 0.055, 1.0, 0.80)),
    *((-66.0, 0.44, 0.47, 0.46, 0.085, 1.0, 0.85), (-75.0, 0.42, 0.45, 0.43, 0.095, 1.0, 0.75)),
    *((-90.0, 0.41, 0.43, 0.41, 0.090, 1.0, 0.75),),
)

VEILED = (28.0, 40.0)
"""Latitudes, deg, from where to where the haze of the higher latitudes thickens."""
BELTS_LEFT = (0.45, 0.6, 0.8, 1.0)
"""What that haze leaves of the contrast of belts and zones in each band: see 44C00029 and 44C00030."""
BELT_SCALE = 6.0
"""Sigma, deg, of the smoothing of latitudes that makes belts and zones one."""

TABLE_STEP = 0.05
"""Spacing of the tables in planetographic latitude, deg."""

_LATITUDES = np.linspace(-90.0, 90.0, round(180.0 / TABLE_STEP) + 1)

RED_SPOT = (-22.4, 260.0)
"""Planetographic latitude and east longitude of the Great Red Spot at the epoch, deg."""


def _through(nodes: tuple[tuple[float, ...], ...]) -> FloatArray:
    """Monotone cubic (PCHIP) through nodes (latitude, values ...), on the tables' latitudes: (latitudes, values)."""
    rows = np.array(sorted(nodes))
    return np.asarray(PchipInterpolator(rows[:, 0], rows[:, 1:])(_LATITUDES), dtype=float)


@lru_cache(maxsize=1)
def wind_table() -> FloatArray:
    """Zonal wind, m/s, on latitudes from -90 to 90 deg by `TABLE_STEP`: flat at each jet's peak."""
    return _through(JETS)[:, 0]


@lru_cache(maxsize=1)
def band_table() -> FloatArray:
    """(latitudes, 6): the columns of `BANDS` on latitudes from -90 to 90 deg by `TABLE_STEP`, belts veiled by haze."""
    table = _through(BANDS)
    around = gaussian_filter1d(table[:, :4], BELT_SCALE / TABLE_STEP, axis=0, mode="nearest")
    t = np.clip((np.abs(_LATITUDES) - VEILED[0]) / (VEILED[1] - VEILED[0]), 0.0, 1.0)[:, None]
    left = 1.0 - t * t * (3.0 - 2.0 * t) * (1.0 - np.array(BELTS_LEFT))
    table[:, :4] = around + left * (table[:, :4] - around)
    return table


def zonal_wind(latitude_graphic: ArrayLike) -> FloatArray:
    """Eastward wind in System III, m/s, at planetographic latitudes in rad; any shape. See `JETS` for the source."""
    degrees = np.degrees(np.asarray(latitude_graphic, dtype=float))
    return np.asarray(np.interp(degrees, _LATITUDES, wind_table()))


def axis_distance(latitude_graphic: ArrayLike) -> FloatArray:
    """Distance, km, from the axis of rotation to Jupiter's ellipsoid at planetographic latitudes in rad; any shape."""
    latitude = np.asarray(latitude_graphic, dtype=float)
    a, _, c = JUPITER.radii_km
    x, z = a * np.cos(latitude), c * np.sin(latitude)
    return np.asarray(a * x / np.hypot(x, z))


def _row(rng: np.random.Generator, latitude: float, longitudes: FloatArray, size: float, look: tuple[float, ...],
         aspect: float = 1.35, twist: float = 2.5) -> list[tuple[float, ...]]:  # fmt: skip
    """Ovals of about one size and look along one latitude."""
    out = []
    for longitude in longitudes:
        grown = size * rng.uniform(0.75, 1.2)
        out.append((latitude + rng.normal(0.0, 0.25), longitude, grown * aspect, grown, *look, twist))
    return out


def _spread(rng: np.random.Generator, number: int) -> FloatArray:
    """Longitudes, deg, of so many vortices that keep some distance."""
    gaps = rng.uniform(0.35, 1.0, number)
    return np.asarray(rng.uniform(0.0, 360.0) + 360.0 * np.cumsum(gaps) / gaps.sum())


_CROWDS = (
    *((45.5, 8), (50.0, 11), (54.5, 13), (60.0, 15), (65.0, 14), (71.0, 10), (76.0, 5)),
    *((-46.0, 8), (-50.5, 10), (-56.0, 12), (-60.5, 14), (-66.0, 13), (-71.5, 10), (-76.0, 5)),
)
"""Latitudes of the small white and dark ovals, deg, and how many there are."""
_FOLDED_CROWDS = ((46.0, 4), (53.5, 8), (58.5, 9), (64.0, 9), (70.0, 8), (76.0, 6),
                  (-46.0, 5), (-54.0, 8), (-59.0, 8), (-65.0, 10), (-71.0, 8), (-76.5, 6))  # fmt: skip
"""Latitudes of the folded filamentary regions, which are cyclones, deg, and how many there are."""

WHITE = (0.78, 0.83, 0.84, 0.075, 0.70, 0.08)
"""Look of a vortex: its reflectance in the four bands, how opaque it is, how dark its rim."""
POLAR = (0.65, 0.69, 0.70, 0.075, 0.62, 0.07)
BROWN = (0.28, 0.39, 0.53, 0.026, 0.75, 0.02)
DARK = (0.38, 0.43, 0.47, 0.030, 0.55, 0.02)
RED = (0.25, 0.385, 0.68, 0.110, 0.92, 0.12)
PINK = (0.58, 0.69, 0.79, 0.090, 0.85, 0.14)
CYCLONE = (0.44, 0.48, 0.48, 0.080, 0.20, 0.10)
FOLDED = (0.52, 0.57, 0.59, 0.070, 0.25, 0.06)


@lru_cache(maxsize=8)
def vortices(seed: int) -> FloatArray:
    """Long-lived vortices (n, 12): latitude, longitude, half widths east and north (deg), look (6), twist (rad), folds.

    Folds (0-1) tell how full a vortex is of bright filaments.
    """
    rng = np.random.default_rng([seed, 71492])
    around = rng.uniform(0.0, 360.0)
    lat, lon = RED_SPOT
    rows: list[tuple[float, ...]] = [(lat, lon, 7.0, 4.6, *RED, 4.6), (-33.2, lon + 118.0, 3.0, 2.1, *PINK, 3.0)]
    rows += _row(rng, -40.6, around + np.array([0.0, 17, 33, 55, 72, 94, 118, 206, 251]), 1.35, WHITE)
    rows += _row(rng, 15.4, around + np.array([20.0, 47, 61, 104, 139, 171, 230, 266, 311]), 0.62, BROWN, 2.6, 1.0)
    rows += _row(rng, 19.0, around + np.array([71.0, 155, 290]), 0.85, WHITE)
    rows += _row(rng, 36.4, around + np.array([5.0, 24, 33, 58, 91, 102, 150, 197, 242, 300]), 0.55, BROWN, 1.4, 2.0)
    rows += _row(rng, 41.0, around + np.array([40.0, 133, 215, 322]), 1.05, WHITE)
    for latitude, number in _CROWDS:
        for place in _spread(rng, number):
            bright = WHITE if abs(latitude) < 58.0 else POLAR
            look, size = (bright if rng.random() < 0.6 else DARK), 0.6 * rng.uniform(0.4, 1.6)
            look = (*look[:4], 0.6 * look[4], 0.6 * look[5])
            rows += _row(rng, latitude + rng.normal(0.0, 0.9), np.array([place]), size, look, 1.2)
    # eight cyclones about the one at the north pole, five about the southern one (Adriani et al. 2018)
    for pole, number, latitude, size in ((1.0, 8, 83.0, 1.7), (-1.0, 5, -82.9, 2.5)):
        rows.append((pole * 89.2, around, size, size, *CYCLONE, pole * 4.5))
        places = around + 360.0 / number * (np.arange(number) + rng.uniform(-0.12, 0.12, number))
        rows += _row(rng, latitude, places, size, CYCLONE, 1.0, pole * 4.0)
    plain = len(rows)
    for latitude, number in _FOLDED_CROWDS:
        for place in _spread(rng, number):
            size = rng.uniform(0.9, 2.1)
            rows += _row(rng, latitude + rng.normal(0.0, 1.2), np.array([place]), size, FOLDED, 1.25,
                         np.sign(latitude) * rng.uniform(1.0, 3.0))  # fmt: skip
    table = np.column_stack([np.array(rows), np.arange(len(rows)) >= plain])
    table[:, 1] %= 360.0
    return table
