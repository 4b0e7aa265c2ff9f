"""Published coefficients of the laws, each with its source; where none was found there is none.

Jupiter near opposition: the exponents with which the maps of the Hubble programme OPAL are made, by wavelength,
interpolated to JunoCam's bands. Nothing by band was found in print for the phase angles from which Juno sees it:
Dyudina et al. 2016 (Astrophys. J. 822, 76) say that the Pioneers' red light of belts and zones goes about as cos i up
to 150 deg. JunoCam's own pictures do not: what `fit.fit_law` finds in two of perijove 44 stands here for 107 deg.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from perijove.bodies import BODIES
from perijove.errors import UsageError
from perijove.instrument import Filter
from perijove.photometry.models import Law, Model

BAND_NM: Mapping[Filter, float] = {Filter.BLUE: 470.0, Filter.GREEN: 550.0, Filter.RED: 700.0, Filter.METHANE: 890.0}
"""Middles of JunoCam's bands, nm (Hansen et al. 2017; MSSS calibration report: 420-520, 500-600, 600-800, 880-900)."""

OPAL = "HST OPAL Jupiter, cycle 31 (2024): Minnaert exponents of its README, MAST doi:10.17909/T9G593"
OPAL_K: Mapping[float, float] = {395.0: 0.85, 467.0: 0.95, 502.0: 0.95, 631.0: 0.999, 658.0: 0.999, 889.0: 1.0}
"""k by wavelength, nm, of the filters F395N, F467M, F502N, F631N, F658N and FQ889N."""
OPAL_PHASE = math.radians(11.0)
"""From Earth Jupiter is never seen at more."""
K_SIGMA = 0.05
"""Not published: the range of exponents in use for Jupiter in visible light, 0.9 to 1.0."""

JUNOCAM = "fitted by this package to JunoCam's 44C00029 and 44C00030 (methane: 44M00044) at 107 deg (100 to 116)"
JUNOCAM_PHASE = math.radians(107.0)
JUNOCAM_K: Mapping[Filter, float] = {Filter.BLUE: 1.37, Filter.GREEN: 1.385, Filter.RED: 1.40, Filter.METHANE: 1.075}
JUNOCAM_K_SIGMA = 0.15
"""44C00074, the south polar region at the same phase, gives 1.00 to 1.05: the form is a poor one there."""
JUNOCAM_B: Mapping[Filter, float] = {Filter.BLUE: 1.53, Filter.GREEN: 1.545, Filter.RED: 1.56, Filter.METHANE: 2.1}
JUNOCAM_B_SIGMA: Mapping[Filter, float] = {Filter.BLUE: 0.05, Filter.GREEN: 0.05, Filter.RED: 0.05, Filter.METHANE: 0.1}
"""44C00074 gives 1.56 to 1.64, 43C00078 1.48 to 1.60. (Saturn's B from Pioneer 11 at 90 and 120 deg: 1.18 and 1.20 in
blue, 1.42 and 1.36 in red; Dones et al. 1993, Icarus 105, 184.)"""

MCEWEN = "McEwen 1996, Lunar Planet. Sci. 27, 841: L of the Moon by phase angle"
MCEWEN_L = (1.0, -0.019, 2.42e-4, -1.46e-6)
"""L as a polynomial in the phase angle in degrees; it passes 0 at 102 deg and is held there, where Lambert's law is."""
L_SIGMA = 0.15
"""Not published for the moons of Jupiter: the Moon's is lent to them."""
SPREAD = {Model.MINNAERT: 0.05, Model.BARKSTROM: 0.025}
"""Relative error of the form of the laws of one number: what they leave in the pictures named above."""
SPREAD_METHANE = {Model.MINNAERT: 0.2, Model.BARKSTROM: 0.12}
SPREAD_OTHER = 0.1
"""The same for a law without numbers, lent from another body, or fitted to the light of the whole disc."""


@dataclass(frozen=True)
class HapkeSet:
    """One body's numbers (w, b, c, h, B0, mean slope in rad) and where they are from."""

    numbers: tuple[float, float, float, float, float, float]
    source: str


HAPKE_SETS: Mapping[str, HapkeSet] = {
    # the sign and balance of the lobes are read so that the geometric albedo, 0.75 with its spike, is that observed
    "EUROPA": HapkeSet(
        (0.964, 0.429, 0.113, 0.0016, 0.5, math.radians(10.0)),
        "Domingue et al. 1991, Icarus 90, 30: Europa at 550 nm, from its phase curve",
    ),
    # one lobe of g = -0.14; the amplitude of the surge is that of Hapke 1981, exp(-w^2 / 2)
    "IO": HapkeSet(
        (0.68, 0.14, 1.0, 0.24, math.exp(-0.5 * 0.68**2), math.radians(25.0)),
        "Simonelli and Veverka 1986, Icarus 68: Io, Voyager's violet filter (420 nm), from its phase curve",
    ),
}
"""No full set for Ganymede or Callisto could be found in print that is open to read."""


def default_law(model: Model, body_name: str, phase_rad: float) -> Law:
    """A law with the published numbers of a body (its name in `bodies.BODIES`), for all filters.

    `phase_rad` is the observation's typical phase angle: k and B of Jupiter are taken there, linear between OPAL's
    (11 deg and less) and JunoCam's (107 deg and more). L of the moons is a polynomial in the phase of each pixel.

    Raises UsageError for an unknown body, the model fit (see `fit.fit_law`), or where no numbers are known.
    """
    name = body_name.upper()
    if name not in BODIES:
        raise UsageError(f"no photometry is known for {body_name}: it is known for {', '.join(BODIES)}")
    if not math.isfinite(phase_rad):
        raise UsageError(f"a phase angle of {phase_rad} for a photometric law: give one in radians")
    if model is Model.FIT:
        raise UsageError("the law fit has no published numbers: it is fitted to the observation itself")
    if model in (Model.NONE, Model.LAMBERT, Model.LOMMEL_SEELIGER):
        return _for_all(model, (), "a law without numbers", 0.0 if model is Model.NONE else SPREAD_OTHER)
    if name == "JUPITER" and model in SPREAD:
        return _jovian(model, phase_rad)
    if name != "JUPITER" and model is Model.LUNAR_LAMBERT:
        degrees = [c * math.degrees(1.0) ** n for n, c in enumerate(MCEWEN_L)]
        return _for_all(model, tuple(degrees), MCEWEN, SPREAD_OTHER, L_SIGMA)
    if name in HAPKE_SETS and model is Model.HAPKE:
        known = HAPKE_SETS[name]
        return _for_all(model, known.numbers, known.source, SPREAD_OTHER)
    better = "minnaert, barkstrom or fit" if name == "JUPITER" else "lunar-lambert"
    raise UsageError(f"no numbers of the {model} law are known for {name.capitalize()}: use {better}")


def opal_k(band: Filter) -> float:
    """Minnaert's k of Jupiter near opposition at the middle of a JunoCam band, linear between OPAL's filters."""
    return float(np.interp(BAND_NM[band], list(OPAL_K), list(OPAL_K.values())))


def _jovian(model: Model, phase_rad: float) -> Law:
    """Minnaert's or Barkstrom's law of Jupiter at a phase angle.

    Near opposition, where cos i = cos e, the two are one law with B = 2 k.
    """
    t = min(1.0, max(0.0, (phase_rad - OPAL_PHASE) / (JUNOCAM_PHASE - OPAL_PHASE)))
    times = 2.0 if model is Model.BARKSTROM else 1.0
    far = JUNOCAM_B if model is Model.BARKSTROM else JUNOCAM_K
    parameters, covariance = {}, {}
    for band in Filter:
        there = JUNOCAM_B_SIGMA[band] if model is Model.BARKSTROM else JUNOCAM_K_SIGMA
        parameters[band] = ((1.0 - t) * times * opal_k(band) + t * far[band],)
        covariance[band] = ((((1.0 - t) * times * K_SIGMA + t * there) ** 2,),)
    spread = dict.fromkeys(Filter, SPREAD[model]) | {Filter.METHANE: SPREAD_METHANE[model]}
    source = OPAL if t == 0.0 else JUNOCAM if t == 1.0 else f"between: {OPAL}; and: {JUNOCAM}"
    return Law(model, parameters, source, covariance, spread)


def _for_all(model: Model, numbers: tuple[float, ...], source: str, spread: float, sigma: float = 0.0) -> Law:
    """A law with the same numbers for all filters, and a sigma of its number at any phase."""
    covariance = tuple(
        tuple(sigma**2 if i == j == 0 else 0.0 for j in range(len(numbers))) for i in range(len(numbers))
    )
    return Law(
        model,
        dict.fromkeys(Filter, numbers),
        source,
        dict.fromkeys(Filter, covariance) if sigma > 0.0 else {},
        dict.fromkeys(Filter, spread),
    )
