"""Response: from the camera's data numbers to I/F.

I/F is pi times the radiance over the solar irradiance at the Sun's distance: 1 for a white Lambert surface under the
vertical Sun. What a filter's pixel counts in DN above bias, flat-fielded, is

    DN = I/F x (irradiance / pi) x REPORTED x IN_FLIGHT x throughput(perijove) x exposure.

EXPOSURE_DURATION is the whole time that a pixel gathers light, over all stages of the time-delayed integration, so that
their number does not enter. Neither does summing: the mean of the pixels that are summed is taken.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from perijove.calibrate.solar import irradiance
from perijove.errors import LabelError
from perijove.instrument import Filter

REPORTED: Mapping[Filter, float] = {
    Filter.BLUE: 262186.0,
    Filter.GREEN: 332944.0,
    Filter.RED: 217239.0,
    Filter.METHANE: 57761.0,
}
"""DN/s a W/m2/sr in the nominal band: calibration report (MSSS, 2010), by a tungsten lamp before launch."""
IN_FLIGHT: Mapping[Filter, float] = {
    # Green is the report's. Jupiter bears it out: by Karkoschka's albedo (1998) and Minnaert's law the disc of three
    # strips of perijove 44 gives 0.70 of it at phase angle 110 deg, where Jupiter is some 25 % fainter than the law
    # (Mayorga et al. 2016): 0.94.
    Filter.GREEN: 1.0,
    # Blue and red are tied to green by colours that are known. Jupiter (the same strips, Karkoschka's 0.442, 0.504,
    # 0.467 in the bands) gives blue 0.606 +- 0.004 and red 1.25 +- 0.02, Ganymede in 34C00002 (0.89 and 1.06 of its
    # albedo in green) 0.622 and 1.14. Of blue's loss 3 % and of red's gain 7 % is the lamp's colour, redder than the
    # Sun's within the bands; the rest is not understood (darkening before the errata's law begins would explain blue).
    Filter.BLUE: 0.615,
    Filter.RED: 1.19,
    # The report's, its leak left in. A long-pass filter at 850 nm took 18.4 % of the lamp's signal, 8 to 10 % of which
    # its own two surfaces reflect. Were the rest visible light passed evenly, Jupiter, ten times as bright there, would
    # give eight times as much by the leak as by the band, and clouds would show as in red. In 44M00044 they do not: on
    # ground shared with 44C00030 what is finer than 20 px follows red by less than 0.005 of its I/F, under a twentieth
    # of the signal. What leaks lies near the band, and sunlight has it in the lamp's proportion.
    Filter.METHANE: 1.0,
}
"""What the response in flight is of the report's, with the errata's throughput taken out."""
UNCERTAINTY: Mapping[Filter, float] = {
    Filter.BLUE: 0.05,
    Filter.GREEN: 0.0,
    Filter.RED: 0.06,
    Filter.METHANE: 0.2,
}
"""Relative sigma of a band's I/F against green's, at perijoves 34 to 44 where the ties are. Before, the throughput law
carries them on: the early default balance asks for up to 17 % less blue."""
ABSOLUTE_UNCERTAINTY = 0.10
"""Relative sigma that all bands share: the report's lamp (predicted and measured signals differ by 7 to 10 %), the Sun
(1 to 2 %) and the throughput law."""

THROUGHPUT: Mapping[Filter, tuple[float, float]] = {
    # the archive's errata, fitted to the whole mission so far: (at perijove 0, loss a perijove); methane has no law
    Filter.RED: (1.01, 0.00391),
    Filter.GREEN: (1.05, 0.00787),
    Filter.BLUE: (1.07, 0.0108),
}
LAST_PERIJOVE = 60
"""The law is straight and would reach zero; it is held constant from here on."""


def throughput(band: Filter, perijove: int | None) -> float:
    """Share of its light that the camera still passed in one filter at a perijove; 1 for methane, which has no law.

    An unknown perijove (None) is taken for 0.
    """
    if band not in THROUGHPUT:
        return 1.0
    start, loss = THROUGHPUT[band]
    return start - loss * min(max(perijove or 0, 0), LAST_PERIJOVE)


def dn_per_radiance(band: Filter, exposure_s: float, perijove: int | None) -> float:
    """DN above bias, flat-fielded, of a radiance of 1 W/m2/sr in the band; LabelError for no proper exposure."""
    if not (math.isfinite(exposure_s) and exposure_s > 0):
        raise LabelError(f"EXPOSURE_DURATION is {exposure_s} s: it must be above 0; correct the label")
    return REPORTED[band] * IN_FLIGHT[band] * throughput(band, perijove) * exposure_s


def dn_per_light(band: Filter, exposure_s: float, perijove: int | None, sun_distance_km: float) -> float:
    """DN above bias, flat-fielded, of an I/F of 1 in the band.

    `sun_distance_km` is the body's distance from the Sun. Raises LabelError for an exposure or a distance that is not
    above 0.
    """
    return dn_per_radiance(band, exposure_s, perijove) * radiance(1.0, band, sun_distance_km)


def radiance(i_over_f: float, band: Filter, sun_distance_km: float) -> float:
    """Radiance in the band, W/m2/sr, of an I/F at the Sun's distance in km; LabelError for a distance not above 0."""
    if not (math.isfinite(sun_distance_km) and sun_distance_km > 0):
        raise LabelError(f"SOLAR_DISTANCE is {sun_distance_km} km: it must be above 0; correct the label")
    return i_over_f * irradiance(band, sun_distance_km) / math.pi
