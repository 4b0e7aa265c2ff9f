"""Look: one strip as one of many that show the same body."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.calibrate.runs import FULL_DN
from perijove.observation import Observation
from perijove.swath import Swath

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Look:
    """One strip of several: `swaths` (light in DN whose unit is the I/F of one, a filter each) and what weighs it.

    `name` tells it from the others, `et` (ET, s) is the middle of the strip, `position_km` (3,) the body-fixed place of
    the camera then, `full_dn` the light in DN from which a pixel is full.
    """

    name: str
    swaths: tuple[Swath, ...]
    et: float
    position_km: FloatArray
    full_dn: float = FULL_DN


def look_of(observation: Observation) -> Look:
    """The look that a solved strip is."""
    name = observation.raw.label.product_id
    full = observation.calibrated.full_dn
    return Look(name, tuple(observation.swaths()), observation.middle_et, observation.middle_position, full)
