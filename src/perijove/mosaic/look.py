"""Look: one strip as one of many that show the same body."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from perijove.calibrate.runs import FULL_DN
from perijove.observation import Observation
from perijove.observation.parked import MANY
from perijove.spill import release, spilled_together
from perijove.swath import Swath

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Look:
    """One strip of several: `swaths` (light in DN whose unit is the I/F of one, a filter each) and what weighs it.

    `name` tells it from the others, `et` (ET, s) is the middle of the strip, `position_km` (3,) the body-fixed place of
    the camera then, `sun` (3,) the body-fixed unit vector to the Sun then (NaN where it is not known), `full_dn` the
    light in DN from which a pixel is full, `exposure_s` the exposure (NaN where it is not known). The swaths have
    variance and quality where sigmas are wanted.
    """

    name: str
    swaths: tuple[Swath, ...]
    et: float
    position_km: FloatArray
    full_dn: float = FULL_DN
    sun: FloatArray = field(default_factory=lambda: np.full(3, np.nan))
    exposure_s: float = math.nan


def look_of(observation: Observation, *, sharpen: bool = False) -> Look:
    """The look that a solved strip is, with variance and quality; `sharpen` takes back the camera's blur."""
    label = observation.raw.label
    exposure = math.nan if label.exposure_s is None else label.exposure_s
    return Look(
        label.product_id,
        tuple(observation.swaths(sigma=True, sharpen=sharpen)),
        observation.middle_et,
        observation.middle_position,
        observation.calibrated.full_dn,
        observation.middle_sun,
        exposure,
    )


def parked_look(look: Look, looks: int) -> Look:
    """The look with its pixels in a file, where it is one of many."""
    if looks < MANY:
        return look

    planes = [plane for s in look.swaths for plane in (s.light, s.variance, s.quality) if plane is not None]
    file = dict(zip(map(id, planes), spilled_together(planes), strict=True))
    swaths = tuple(
        replace(s, light=file[id(s.light)], variance=file.get(id(s.variance)), quality=file.get(id(s.quality)))
        for s in look.swaths
    )
    parked = replace(look, swaths=swaths)
    release()
    return parked
