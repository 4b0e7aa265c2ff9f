"""Crater: the circle or ellipse through points of a rim, with its uncertainty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perijove.bodies import Body
from perijove.errors import UsageError
from perijove.geometry.ellipsoid import point_from_centric
from perijove.measure.outline import Outline, curve, fit_outline
from perijove.measure.plane import Plane

FloatArray = NDArray[np.float64]
Shape = Literal["circle", "ellipse"]

RECENTRINGS = 30
"""Fits at most until the plane's centre is the outline's."""


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

    @property
    def ellipse(self) -> FloatArray:
        """The outline in the plane about the centre: x, y, radius km and u, v, as in `outline.Outline`."""
        stretch = 0.5 * np.log(self.ellipticity)
        turn = 0.0 if np.isnan(self.orientation) else 2.0 * (0.5 * np.pi - self.orientation)
        return np.array([0.0, 0.0, self.radius_km, stretch * np.cos(turn), stretch * np.sin(turn)])

    def outline(self, count: int = 181) -> FloatArray:
        """Places (count, 2) along the rim, rad, clockwise from north; the last is the first."""
        points = curve(self.ellipse, 0.5 * np.pi - np.linspace(0.0, 2.0 * np.pi, count))
        return Plane(self.centre, self.body).place_of(points[:, 0], points[:, 1])


def fit_crater(places: ArrayLike, body: Body, *, sigma_km: float | None = None, shape: Shape | None = None) -> Crater:
    """The crater whose rim passes through or near `places` (n, 2), planetocentric latitude and east longitude, rad.

    Three or more for a circle, five or more for an ellipse; with `shape` None a circle is fitted to fewer than 6
    points, an ellipse to more. `sigma_km` is the uncertainty of a point across the rim; where the points stray more
    than that, what they stray counts. The circle through three points is exact on a sphere. UsageError for too few
    points, points in one place or on one great circle.
    """
    where = np.asarray(places, dtype=float)
    if where.ndim != 2 or where.shape[1] != 2 or not np.all(np.isfinite(where)):
        raise UsageError("the points of a rim must be pairs of latitude and longitude: give three or more")
    ellipse = shape == "ellipse" or (shape is None and len(where) >= 6)
    least = 5 if ellipse else 3
    if len(where) < least:
        raise UsageError(f"{len(where)} points fix no {shape or 'circle'}: give at least {least} on the rim")
    if sigma_km is not None and not sigma_km > 0.0:
        raise UsageError(f"the sigma of a point is {sigma_km:g} km: give a length above zero")
    return fit_weighted(where, body, None, ellipse=ellipse, sigma_km=sigma_km)


def fit_weighted(
    places: FloatArray, body: Body, weights: FloatArray | None, *, ellipse: bool, sigma_km: float | None = None
) -> Crater:
    """`fit_crater` with weights (n,) of the squared distances, of which 1 is that of a good point."""
    ups = point_from_centric(places[:, 0], places[:, 1], body.radii_km).sum(axis=0)
    centre = (float(np.arctan2(ups[2], np.hypot(ups[0], ups[1]))), float(np.arctan2(ups[1], ups[0])))
    found = None
    for _ in range(RECENTRINGS):
        plane = Plane(centre, body)
        found = fit_outline(plane.xy_of(places[:, 0], places[:, 1]), weights, ellipse=ellipse)
        if found is None or not found.parameters[2] < 1.5 * max(body.radii_km):
            break
        shift = found.parameters[:2]
        latitude, longitude = plane.place_of(shift[0], shift[1])
        centre = (float(latitude), float(longitude))
        # in the plane about its own centre a circle on the ground is a circle
        if np.hypot(*shift) < 1e-9 * found.parameters[2]:
            return _crater(found, centre, body, weights, sigma_km)
    raise UsageError("the points lie in one place or on one line: give points all around the rim")


def _crater(
    found: Outline, centre: tuple[float, float], body: Body, weights: FloatArray | None, sigma_km: float | None
) -> Crater:
    """The crater of an outline in the plane about its centre."""
    weight = np.ones(len(found.residuals)) if weights is None else weights
    square = float(np.sum(weight * found.residuals**2))
    # points that a robust fit gave up count as little here as they did there
    spare = float(np.sum(weight)) - found.unknowns
    variance = square / spare if spare > 0.5 else np.nan
    if sigma_km is not None:
        variance = sigma_km**2 if np.isnan(variance) else max(variance, sigma_km**2)
    sigma = np.sqrt(variance * np.diag(found.inverse))
    u, v = found.parameters[3:]
    stretch = found.stretch
    along = np.array([u, v]) / stretch if stretch > 0.0 else np.array([1.0, 0.0])
    spread = variance * found.inverse[3:, 3:]
    stretch_sigma = float(np.sqrt(along @ spread @ along))
    across = np.array([-along[1], along[0]])
    turn_sigma = 0.5 * float(np.sqrt(across @ spread @ across)) / stretch if stretch > 0.0 else np.inf
    ratio = float(np.exp(2.0 * stretch))
    ellipse = found.ellipse
    return Crater(
        latitude=centre[0],
        longitude=centre[1],
        diameter_km=2.0 * float(found.parameters[2]),
        ellipticity=ratio,
        orientation=float(np.mod(0.5 * np.pi - 0.5 * np.arctan2(v, u), np.pi)) if ellipse else np.nan,
        east_sigma_km=float(sigma[0]),
        north_sigma_km=float(sigma[1]),
        diameter_sigma_km=2.0 * float(sigma[2]),
        ellipticity_sigma=2.0 * ratio * stretch_sigma if ellipse else np.nan,
        # no direction at all is a sigma of pi / sqrt(12)
        orientation_sigma=min(turn_sigma, np.pi / np.sqrt(12.0)) if ellipse else np.nan,
        points=len(found.residuals),
        rms_km=float(np.sqrt(square / np.sum(weight))),
        shape="ellipse" if ellipse else "circle",
        body=body,
    )
