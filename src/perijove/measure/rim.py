"""Rim: a crater found from a seed, by the edge that runs around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from perijove.measure.crater import Crater, Shape
from perijove.measure.patch import Patch

FloatArray = NDArray[np.float64]
Quality = Literal["good", "fair", "poor"]


@dataclass(frozen=True)
class Rim:
    """A rim that was found.

    `crater` is the outline fitted to `places` (k, 2), rad, the points of the edge that were used. `completeness` is the
    share of azimuths, 0 to 1, along which an edge lies on the outline. `contrast` is the step of brightness across the
    edge as a share of the brightness, and `shaded` the part of it that turns with the azimuth, as the light of a
    low Sun makes it, 0 (albedo alone) to 1. `significance` is how far the edge stands above what circles elsewhere in
    the patch show, in their sigma. `quality` sums it up: good, fair or poor.
    """

    crater: Crater
    places: FloatArray
    completeness: float
    contrast: float
    shaded: float
    significance: float
    quality: Quality


def find_rim(
    patch: Patch,
    seed: tuple[float, float] | None = None,
    diameter_km: float | None = None,
    *,
    band: str | None = None,
    shape: Shape | None = None,
) -> Rim:
    """The rim of the crater about `seed` (planetocentric latitude, east longitude, rad; None: the patch's middle).

    `diameter_km` is a rough diameter, right within a factor of 1.5; without it all sizes that the patch can hold (from
    6 pixels across to 0.8 of its side) are tried. The seed must lie inside the crater. `band` names the band to look
    at, None their mean; `shape` is that of the outline, None an ellipse where the rim is complete enough to tell.

    Raises MeasureError where no rim is found, UsageError where seed and diameter do not fit the patch. A patch that
    reaches 3 crater radii from the seed is enough.
    """
    raise NotImplementedError
