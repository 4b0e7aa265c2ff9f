"""Crossings: places that two strips have both seen, with what may have moved there in between.

The two ends of a tie are pixels of strips whose attitude, camera and times may be solved for apart from each other. The
wind carries what is seen along its parallel: by a profile as it is known, by a correction of it that is solved for,
and by eddies, which no profile has.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.attitude.ground import seen_place
from perijove.attitude.problem import Pixels, Unknowns, look, seen_at
from perijove.attitude.ties import Projection, project, slide
from perijove.bodies import LIGHT_KM_S, Body
from perijove.ephemeris.trajectory import Trajectory
from perijove.geometry.ellipsoid import intersect, normal
from perijove.instrument import FOCAL_LENGTH_PX
from perijove.winds import ZonalWinds, axis_distance

FloatArray = NDArray[np.float64]

NODE_STEP = np.radians(2.5)
"""Spacing of the latitudes at which the wind may differ from its profile: a jet is some three of them wide."""
LEAST_WIND_SIGMA = 3.0
"""The wind of a day is known no better than this, m/s, whatever its profile says."""
ALIKE = 0.2
"""Share of the variance of the corrections that is the same at all latitudes: profiles differ so in their mean."""


@dataclass(frozen=True)
class Breeze:
    """How clouds move: by a profile, and by corrections of it, m/s, at latitudes (k,) rad, linear between.

    `sigma` (k,) m/s is what is known of the corrections beforehand. Without a profile the ground stands still, k is 0.
    """

    winds: ZonalWinds | None
    latitude: FloatArray
    correction: FloatArray
    sigma: FloatArray

    def shares(self, latitude: FloatArray) -> FloatArray:
        """How much of each correction (n, k) acts at latitudes (n,), rad."""
        count = len(self.latitude)
        if not count:
            return np.zeros((len(latitude), 0))
        return np.stack([np.interp(latitude, self.latitude, row) for row in np.eye(count)], axis=-1)

    def speed(self, latitude: FloatArray) -> FloatArray:
        """Eastward speed (n,) m/s at latitudes (n,), rad."""
        known = np.zeros(len(latitude)) if self.winds is None else self.winds.speed(latitude)
        out: FloatArray = known + self.shares(latitude) @ self.correction
        return out

    def prior(self) -> FloatArray:
        """The matrix (k, k) that makes what is known of the corrections unit variance."""
        covariance = np.outer(self.sigma, self.sigma) * (ALIKE + (1.0 - ALIKE) * np.eye(len(self.sigma)))
        out: FloatArray = np.linalg.inv(np.linalg.cholesky(covariance))
        return out


def breeze_over(winds: ZonalWinds | None, latitude: FloatArray) -> Breeze:
    """The wind over the latitudes (n,), rad, of some ties, no correction known yet."""
    nothing = np.zeros(0)
    if winds is None or not len(latitude):
        return Breeze(winds, nothing, nothing, nothing)
    cells = np.unique(np.floor(latitude / NODE_STEP).astype(int))
    nodes = NODE_STEP * np.unique(np.concatenate([cells, cells + 1]))
    sigma = np.maximum(winds.sigma(nodes), LEAST_WIND_SIGMA)
    return Breeze(winds, nodes, np.zeros(len(nodes)), sigma)


@dataclass(frozen=True)
class CrossTies:
    """Pairs of pixels of two strips that show the same: n, with the matrix `whiten` (n, 2, 2) that makes residuals of
    unit variance.

    A residual is the pixel of `second` minus where it should show what `first` shows, as (line, sample) in px.
    """

    first: Pixels
    second: Pixels
    whiten: FloatArray

    def __len__(self) -> int:
        return len(self.first)

    def take(self, which: NDArray[np.bool_]) -> CrossTies:
        """The ties that a mask selects."""
        return CrossTies(self.first.take(which), self.second.take(which), self.whiten[which])


@dataclass(frozen=True)
class CrossResiduals:
    """Residuals (n, 2) px and their Jacobians: by the unknowns of the first strip (n, 2, m), by those of the second
    (n, 2, m'), and by the wind's corrections (n, 2, k), px per m/s.

    `by_east`, `by_north` (n, 2) px are what a km along the parallel and the meridian is in the second strip, `apart_s`
    (n,) the time from first to second, `px_km` (n, 2) km across a pixel of the first and of the second.
    """

    px: FloatArray
    first: FloatArray
    second: FloatArray
    wind: FloatArray
    by_east: FloatArray
    by_north: FloatArray
    apart_s: FloatArray
    px_km: FloatArray

    @property
    def along_km(self) -> FloatArray:
        """Residuals (n, 2) as km to the east and to the north on the ground; NaN where it is seen edge-on."""
        basis = np.stack([self.by_east, self.by_north], axis=-1)
        known = np.asarray(np.isfinite(basis).all(axis=(1, 2)))
        flat = ~known | ~(np.abs(np.linalg.det(np.where(known[:, None, None], basis, 0.0))) > 1e-12)
        solved = np.linalg.solve(np.where(flat[:, None, None], np.eye(2), basis), self.px[..., None])[..., 0]
        return np.where(flat[:, None], np.nan, solved)


def cross_residuals(
    ties: CrossTies, one: Unknowns, two: Unknowns, trajectory: Trajectory, body: Body, breeze: Breeze
) -> CrossResiduals:
    """How far apart the ends of ties fall; `one` and `two` are the unknowns that their ends hang on.

    NaN where a ray misses the body.
    """
    here, there = look(ties.first, one, trajectory, body), look(ties.second, two, trajectory, body)
    place = intersect(here.position, here.direction, body.radii_km)
    change = slide(here, place, body)
    apart = seen_at(ties.second, two) - seen_at(ties.first, one)
    latitude = np.arctan2(place[:, 2], np.hypot(place[:, 0], place[:, 1]))
    axis_km = axis_distance(np.nan_to_num(latitude), body)
    # the body turned on while the light came
    turn = body.spin_rate * np.linalg.norm(place - here.position, axis=-1) / LIGHT_KM_S
    turn = np.asarray(turn + breeze.speed(latitude) * 1e-3 * apart / axis_km)
    carried, change = _turned(place, turn), _turned(change, turn)
    seen = project(there, seen_place(carried, there.position, body))
    east, north = _axes(carried, body)
    by_east, by_north = _px_per_km(seen, east), _px_per_km(seen, north)
    shares = breeze.shares(latitude) * (1e-3 * apart)[:, None]
    return CrossResiduals(
        seen.px,
        -_px_per_km(seen, change),
        seen.jacobian,
        -by_east[:, :, None] * shares[:, None, :],
        by_east,
        by_north,
        apart,
        np.stack([np.linalg.norm(place - here.position, axis=-1), seen.length], axis=-1) / FOCAL_LENGTH_PX,
    )


def raised(ties: CrossTies, one: Unknowns, two: Unknowns, trajectory: Trajectory, body: Body) -> FloatArray:
    """By how many px (n, 2) the second end moves for each km that what is seen stands above the ellipsoid."""
    here, there = look(ties.first, one, trajectory, body), look(ties.second, two, trajectory, body)
    place = intersect(here.position, here.direction, body.radii_km)
    slant = np.sum(normal(place, body.radii_km) * here.direction, axis=-1, keepdims=True)
    return _px_per_km(project(there, place), here.direction / slant)


def _turned(v: FloatArray, angle: FloatArray) -> FloatArray:
    """Vectors (n, 3) or (n, 3, m) turned about z by angles (n,), rad."""
    angle = angle.reshape(-1, *(1,) * (v.ndim - 2))
    c, s = np.cos(angle), np.sin(angle)
    x, y, z = v[:, 0], v[:, 1], v[:, 2]
    return np.stack([c * x - s * y, s * x + c * y, z], axis=1)


def _axes(place: FloatArray, body: Body) -> tuple[FloatArray, FloatArray]:
    """Unit vectors (n, 3) to the east and to the north along the surface."""
    up = normal(place, body.radii_km)
    x, y = place[:, 0], place[:, 1]
    east = np.stack([-y, x, np.zeros(len(place))], axis=-1) / np.maximum(np.hypot(x, y), 1e-9)[:, None]
    return east, np.cross(up, east)


def _px_per_km(seen: Projection, move: FloatArray) -> FloatArray:
    """Pixels (n, 2) or (n, 2, m) by which the image of a place moves as it moves by (n, 3) or (n, 3, m) km."""
    wide = move if move.ndim == 3 else move[:, :, None]
    across = wide - seen.unit[:, :, None] * (seen.unit[:, None, :] @ wide)
    out: FloatArray = seen.inverse @ across / seen.length[:, None, None]
    return out if move.ndim == 3 else out[:, :, 0]
