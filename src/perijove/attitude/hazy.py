"""How light stands at the limb of a body with an atmosphere: haze that glows above it, and ground that it veils.

Light that is scattered once in a haze whose extinction falls off exponentially with height. Along a line of sight that
passes above the ground the haze is a chord, along one that meets the ground a slant path, whose column by Chapman
(1931) is sqrt(pi X / 2) erfcx(sqrt(X / 2) mu) of the vertical one: X is the radius of curvature over the scale height,
mu the cosine to the zenith. The half of the light on the limb so stands from 10 to 120 km above the ground, by how high
the Sun stands and how bright the ground is: more than a pixel, where an edge that knows nothing of it is sought.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct, idct
from scipy.special import erfcx

from perijove.attitude.limb_sight import LimbSight

FloatArray = NDArray[np.float64]

SCALE_HEIGHT_KM = 27.0
"""Of Jupiter's atmosphere near 1 bar (NASA's Jupiter fact sheet); the haze is taken to be mixed with the gas."""
GRID_PX = np.arange(-13.0, 13.0 + 1e-9, 0.125)
"""Distances outwards from the limb at which the light is worked out."""
GROUND_POWER = 0.95
"""Minnaert's k of the ground, near 1 for Jupiter in visible light; what it is worth shows far from the limb only."""
_MOST = 60.0
"""Exponents beyond it change nothing."""


@dataclass(frozen=True)
class Haze:
    """A haze in one filter of one strip.

    `depth` is its vertical optical depth, `glow` the light, in the unit of the profiles, of an endless path through it
    where `sunward` is `middle`; `slope` the change of the glow's logarithm with `sunward`; `variance` (px^2) that of
    the edge's blur across samples.
    """

    depth: float
    glow: float
    slope: float
    variance: float
    middle: float


@dataclass(frozen=True)
class LimbLight:
    """Light (n, g) at the distances `GRID_PX` outwards from the limb, blurred as a profile is: `haze` in the unit of
    its glow, `ground` per unit of its brightness."""

    haze: FloatArray
    ground: FloatArray


def column(cosine: FloatArray, ratio: FloatArray) -> FloatArray:
    """Slant column over the vertical one towards zenith distances of a `cosine`, for a `ratio` X of radius to scale
    height; below the horizontal the path dips first, and comes up again."""
    above = np.sqrt(np.pi * ratio / 2.0) * erfcx(np.sqrt(ratio / 2.0) * np.abs(cosine))
    sine = np.sqrt(np.maximum(1.0 - cosine * cosine, 1e-6))
    dip = np.minimum(ratio * (1.0 - sine), _MOST)
    through = np.sqrt(2.0 * np.pi * ratio * sine) * np.exp(dip)
    return np.asarray(np.where(cosine >= 0.0, above, through - above))


def half_height(sight: LimbSight, haze: Haze) -> FloatArray:
    """Height (n,) km above the limb at which the haze glows half as brightly as it can."""
    through = haze.depth * np.sqrt(2.0 * np.pi * sight.radius_km / SCALE_HEIGHT_KM)
    out: FloatArray = SCALE_HEIGHT_KM * np.log(np.maximum(through / np.log(2.0), 1.0))
    return out


def limb_light(sight: LimbSight, haze: Haze, variance: FloatArray) -> LimbLight:
    """The light on both sides of n limb points; `variance` (n,) px^2 is that of the whole blur across the limb."""
    height = GRID_PX * sight.px_km[:, None]
    radius = sight.radius_km[:, None]
    ratio = radius / SCALE_HEIGHT_KM
    emission = np.sqrt(np.clip(-2.0 * height / radius, 0.0, 1.0))
    incidence = sight.cos_incidence[:, None] * np.clip(1.0 + height / radius, 0.0, 1.0)
    incidence = np.clip(incidence + sight.sunward[:, None] * emission, -1.0, 1.0)
    sunlit = column(incidence, ratio)
    above = height > 0.0
    # above the ground a whole chord, and less haze on either way; on it half of one
    towards = np.where(above, np.sqrt(2.0 * np.pi * ratio), column(emission, ratio))
    depth = haze.depth * np.where(above, np.exp(-np.clip(height, 0.0, None) / SCALE_HEIGHT_KM), 1.0)
    passed = np.exp(-np.minimum(depth * (towards + sunlit), _MOST))
    glow = haze.glow * np.exp(haze.slope * (sight.sunward - haze.middle))[:, None]
    lit = ~above & (incidence > 0.0)
    bright = np.maximum(incidence, 1e-3) ** GROUND_POWER * np.maximum(emission, 0.01) ** (GROUND_POWER - 1.0)
    return LimbLight(
        _blurred(glow * towards / (towards + sunlit) * (1.0 - passed), variance),
        _blurred(np.where(lit, bright * passed, 0.0), variance),
    )


def _blurred(light: FloatArray, variance: FloatArray) -> FloatArray:
    """Rows of light (n, g) blurred by Gaussians of the given variance (n,) px^2; mirrored at their ends."""
    wave = np.pi * np.arange(light.shape[1]) / (light.shape[1] * (GRID_PX[1] - GRID_PX[0]))
    out: FloatArray = idct(dct(light, axis=1) * np.exp(-0.5 * variance[:, None] * wave**2), axis=1)
    return out
