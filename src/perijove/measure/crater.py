"""Crater: the circle or ellipse through points of a rim, with its uncertainty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perijove.bodies import Body

FloatArray = NDArray[np.float64]
Shape = Literal["circle", "ellipse"]


@dataclass(frozen=True)
class Crater:
    """A crater's outline on the ground.

    `latitude` planetocentric and `longitude` east of the centre, rad; `east_sigma_km` and `north_sigma_km` its
    uncertainty. `diameter_km` is along the ground, of an ellipse the geometric mean of its axes. `ellipticity` is the
    ratio of the long to the short axis (1: a circle) and `orientation` the direction of the long one, rad clockwise
    from north, 0 to pi; a circle has ellipticity 1 with sigma NaN and orientation NaN. `rms_km` is what the points
    stray across the outline. Sigmas are NaN where nothing is known of them: three points without a sigma of their own.
    """

    latitude: float
    longitude: float
    diameter_km: float
    ellipticity: float
    orientation: float
    east_sigma_km: float
    north_sigma_km: float
    diameter_sigma_km: float
    ellipticity_sigma: float
    orientation_sigma: float
    points: int
    rms_km: float
    shape: Shape
    body: Body

    @property
    def centre(self) -> tuple[float, float]:
        """Planetocentric latitude and east longitude of the centre, rad."""
        return self.latitude, self.longitude

    @property
    def radius_km(self) -> float:
        """Half the diameter, km."""
        return 0.5 * self.diameter_km

    def outline(self, count: int = 181) -> FloatArray:
        """Places (count, 2) along the rim, rad, clockwise from north; the last is the first."""
        raise NotImplementedError


def fit_crater(places: ArrayLike, body: Body, *, sigma_km: float | None = None, shape: Shape | None = None) -> Crater:
    """The crater whose rim passes through or near `places` (n, 2), planetocentric latitude and east longitude, rad.

    Three or more for a circle, five or more for an ellipse; with `shape` None a circle is fitted to fewer than 6
    points, an ellipse to more. `sigma_km` is the uncertainty of a point across the rim; where the points stray more than
    that, what they stray counts. UsageError for too few points, points in one place or on one great circle.
    """
    raise NotImplementedError
