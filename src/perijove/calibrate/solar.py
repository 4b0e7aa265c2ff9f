"""The Sun: how much of its light falls into each of the camera's bands."""

from __future__ import annotations

from collections.abc import Mapping

from perijove.instrument import Filter

AU_KM = 149597870.7
MEAN_SUN_KM = 5.2 * AU_KM
"""Jupiter's mean distance from the Sun: taken where neither the label nor the caller knows better."""

BAND_NM: Mapping[Filter, tuple[float, float]] = {
    Filter.BLUE: (420.0, 520.0),
    Filter.GREEN: (500.0, 600.0),
    Filter.RED: (600.0, 800.0),
    Filter.METHANE: (880.0, 900.0),
}
"""Nominal bands of the calibration report (MSSS, 2010), nm."""
IRRADIANCE: Mapping[Filter, float] = {
    Filter.BLUE: 189.42,
    Filter.GREEN: 184.68,
    Filter.RED: 286.26,
    Filter.METHANE: 18.65,
}
"""Solar irradiance in each band at 1 AU, W/m2: ASTM G173-03, extraterrestrial column (builders/solar_bands.py).

Its sources agree on bands as wide as these to 1 to 2 %; the Sun itself varies by 0.1 %."""


def irradiance(band: Filter, sun_distance_km: float) -> float:
    """Solar irradiance in a band, W/m2, on a surface that faces the Sun at a distance in km."""
    return IRRADIANCE[band] * (AU_KM / sun_distance_km) ** 2
