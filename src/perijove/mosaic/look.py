"""Look: one strip as one of many that show the same body."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.observation import Observation
from perijove.swath import Swath

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Look:
    """One strip of several: `swaths` (light in DN, one a filter) and what weighs it against the others.

    `name` tells it from the others, `et` (ET, s) is the middle of the strip, `position_km` (3,) the body-fixed place of
    the camera then, `exposure_s` what its light is divided by.
    """

    name: str
    swaths: tuple[Swath, ...]
    et: float
    position_km: FloatArray
    exposure_s: float


def look_of(observation: Observation) -> Look:
    """The look that a solved strip is."""
    # the solver refuses a label without its exposure
    exposure = observation.calibrated.exposure_s or 1.0
    label = observation.raw.label
    return Look(
        label.product_id, tuple(observation.swaths()), observation.middle_et, observation.middle_position, exposure
    )
