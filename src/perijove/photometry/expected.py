"""How bright a body is to be expected, where no exposure time tells it: good to a third, and for nothing else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from perijove.bodies import Body

FloatArray = NDArray[np.float64]

EXPECTED_SIGMA = 0.35
"""Relative error of `expected_light`: terrain, colour, and phase functions that differ from moon to moon."""
_GEOMETRIC_ALBEDO = {"IO": 0.63, "EUROPA": 0.67, "GANYMEDE": 0.43, "CALLISTO": 0.17, "AMALTHEA": 0.09, "THEBE": 0.047}
"""In V, by JPL's table of the planetary satellites' physical parameters."""
_DARKENING_MAG_DEG = 0.022
"""Fading of the icy moons' discs with phase angle (Buratti 1991, near enough for all four)."""
_FARTHEST_DEG = 90.0
"""The fading is measured to smaller angles; beyond this one the ground is taken to fade no more."""
_CLOUD_ALBEDO = 0.5
"""I/F of Jupiter's clouds under an overhead Sun, of which zones have more and belts less (OPAL maps)."""
_DARKEST = 0.06


def expected_light(
    body: Body, cos_incidence: FloatArray, cos_emission: FloatArray, cos_phase: FloatArray
) -> FloatArray:
    """I/F (n,) in green, to be expected of lit ground: Lambert's law for clouds, Lommel and Seeliger's for moons."""
    if body.atmosphere:
        return _CLOUD_ALBEDO * cos_incidence
    albedo = _GEOMETRIC_ALBEDO.get(body.name, _DARKEST)
    phase_deg = np.clip(np.degrees(np.arccos(np.clip(cos_phase, -1.0, 1.0))), 1e-6, _FARTHEST_DEG)
    # the disc fades for being lit in part, too, which the ground does not
    ground = 10.0 ** (-0.4 * _DARKENING_MAG_DEG * phase_deg) / _lit_disc(np.radians(phase_deg))
    out: FloatArray = 2.0 * albedo * ground * cos_incidence / (cos_incidence + cos_emission)
    return out


def _lit_disc(phase: FloatArray) -> FloatArray:
    """Light of a disc under Lommel and Seeliger's law at phase angle (rad) against that at zero (Seeliger 1887)."""
    half = 0.5 * phase
    out: FloatArray = 1.0 - np.sin(half) * np.tan(half) * np.log(1.0 / np.tan(0.5 * half))
    return out
