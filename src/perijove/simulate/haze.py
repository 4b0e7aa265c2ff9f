"""Haze: a layer of particles above the clouds that glows at the limb and in the backlit crescent.

Single scattering in a shell whose extinction falls off exponentially with height. A glow is I/F: radiance times pi over
the Sun's irradiance. Slant paths towards the Sun use Chapman's grazing-incidence function (Chapman 1931) in the form
with the scaled complementary error function (Fitzmaurice 1964).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfcx

from perijove.bodies import Body
from perijove.instrument import Filter

FloatArray = NDArray[np.float64]

TOP_HEIGHTS = 12.0
"""The shell ends so many scale heights above the clouds."""
CHAPMAN_FROM, CHAPMAN_STEPS = -0.25, 4096


@dataclass(frozen=True)
class Haze:
    """A layer's numbers.

    `depth` maps a filter to the vertical optical depth above the clouds, `scale_height_km` is the fall-off of the
    extinction, `whiteness` the single-scattering albedo by filter. Light scatters by two Henyey-Greenstein lobes: a
    share `forward_share` with asymmetry `forward`, the rest with `backward` (negative).
    """

    depth: Mapping[Filter, float]
    whiteness: Mapping[Filter, float]
    scale_height_km: float = 25.0
    forward: float = 0.6
    backward: float = -0.3
    forward_share: float = 0.7


def chapman_table(body: Body, haze: Haze) -> FloatArray:
    """ln Ch at `CHAPMAN_STEPS` cosines of the Sun's zenith angle evenly from `CHAPMAN_FROM` to 1.

    Ch is the slant column over the vertical one, from a point upwards; below the horizontal the ray dips first. Values
    beyond e^60 are cut: no light comes through them.
    """
    ratio = float(np.mean(body.radii_km)) / haze.scale_height_km
    mu = np.linspace(CHAPMAN_FROM, 1.0, CHAPMAN_STEPS)
    above = np.sqrt(np.pi * ratio / 2.0) * erfcx(np.sqrt(ratio / 2.0) * np.abs(mu))
    sine = np.sqrt(1.0 - mu * mu)
    # the whole chord through the lowest point less the part behind the point
    dip = np.minimum(ratio * (1.0 - sine), 60.0)
    through = 2.0 * np.sqrt(np.pi * ratio * sine / 2.0) * np.exp(dip)
    out: FloatArray = np.log(np.where(mu >= 0.0, above, through - above))
    return np.minimum(out, 60.0)


@dataclass(frozen=True)
class HazeOptics:
    """A layer as the tracer takes it, for one filter.

    `numbers` (6,): depth, whiteness, scale height km, forward and backward asymmetry, share of the forward lobe;
    `table` as `chapman_table` gives it.
    """

    numbers: FloatArray
    table: FloatArray


def haze_optics(haze: Haze | None, body: Body, band: Filter) -> HazeOptics:
    """What the tracer needs for one filter; a missing layer has depth 0."""
    if haze is None:
        return HazeOptics(np.array([0.0, 0.0, 1.0, 0.0, 0.0, 1.0]), np.zeros(2))
    lobes = (haze.forward, haze.backward, haze.forward_share)
    numbers = np.array([haze.depth[band], haze.whiteness[band], haze.scale_height_km, *lobes])
    return HazeOptics(numbers, chapman_table(body, haze))
