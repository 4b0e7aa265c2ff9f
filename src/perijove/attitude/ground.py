"""Ground ties: places of the body that are known from a map, and the pixels in which a strip shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from perijove.attitude.problem import Pixels, Unknowns, cast, corrected_position, differentiate, join, turned
from perijove.attitude.ties import project
from perijove.bodies import LIGHT_KM_S, Body
from perijove.ephemeris.trajectory import Trajectory
from perijove.geometry.ellipsoid import centric_from_point

FloatArray = NDArray[np.float64]

FRAME_SIGMA = np.radians(0.3)
"""How far the frame of a map of a moon may be turned against the one in which the trajectory is given, rad: maps of
Ganymede in use stand 0.35 deg from each other in the mean and up to 0.7 deg in places. Jupiter's longitude is a
convention that its maps keep."""
_LEAST_MISFIT, _MOST_PAIRED = 3, 600
FAR = 4.0
"""Ties further off, after a solution, than so many robust sigmas of all are none."""


@dataclass(frozen=True)
class GroundTies:
    """Known places and where they are seen: n pixels, `place` (n, 3) body-fixed km, and the matrix `whiten` (n, 2, 2)
    that makes residuals unit variance.

    A residual is the pixel minus where the place should appear, as (line, sample) in px.
    """

    points: Pixels
    place: FloatArray
    whiten: FloatArray

    def __len__(self) -> int:
        return len(self.points)

    @property
    def sigma_px(self) -> FloatArray:
        """Standard error (n,) px of one coordinate, rms of both."""
        information = np.swapaxes(self.whiten, 1, 2) @ self.whiten
        out: FloatArray = np.sqrt(0.5 * np.trace(np.linalg.inv(information), axis1=1, axis2=2))
        return out

    def take(self, which: NDArray[np.bool_] | NDArray[np.int64]) -> GroundTies:
        """The ties that a mask or an index selects."""
        return GroundTies(self.points.take(which), self.place[which], self.whiten[which])


def join_ground(parts: Sequence[GroundTies]) -> GroundTies | None:
    """Several sets of ties as one; None where there are none."""
    if not parts:
        return None
    return GroundTies(
        join([part.points for part in parts]),
        np.concatenate([part.place for part in parts]),
        np.concatenate([part.whiten for part in parts]),
    )


@dataclass(frozen=True)
class GroundResiduals:
    """Residuals (n, 2) px, before whitening, and their Jacobian (n, 2, m) if it was asked for."""

    px: FloatArray
    jacobian: FloatArray | None


def ground_residuals(
    ground: GroundTies, at: Unknowns, trajectory: Trajectory, body: Body, *, jacobian: bool = True
) -> GroundResiduals:
    """How far, in pixels, each place is seen from where it should appear.

    Offsets and their Jacobian are those of the tangent plane of each pixel, exact where the residual is small.
    """
    rays = cast(ground.points, at, trajectory, body)
    place = seen_place(ground.place, rays.position, body)
    if not jacobian:
        return GroundResiduals(
            _offsets(ground.points, rays.direction, rays.position, rays.body_from_camera, place), None
        )
    found = project(differentiate(rays, ground.points, at, trajectory, body), place)
    return GroundResiduals(found.px, found.jacobian)


def _offsets(
    points: Pixels, direction: FloatArray, position: FloatArray, back: FloatArray, place: FloatArray
) -> FloatArray:
    """Pixels minus the projections of places (n, 3) km, as `ties.project` has them, (n, 2)."""
    size = np.linalg.norm(direction, axis=-1, keepdims=True)
    away = place - position
    basis = np.stack([turned(back, points.by_line), turned(back, points.by_sample)], axis=-1) / size[:, :, None]
    across = np.swapaxes(basis, 1, 2)
    error = direction / size - away / np.linalg.norm(away, axis=-1, keepdims=True)
    return np.asarray(np.linalg.solve(across @ basis, across @ error[..., None])[..., 0])


def seen_place(place: FloatArray, position: FloatArray, body: Body) -> FloatArray:
    """Where body-fixed places (n, 3) km were when the light left them that reaches `position` (n, 3) km now.

    Both are in the body-fixed frame of the moment in which they are seen; the body has turned on since. The limb of a
    body of revolution does not show that, a place does: 8 km at 190,000 km from Jupiter.
    """
    angle = -body.spin_rate * np.linalg.norm(place - position, axis=-1) / LIGHT_KM_S
    c, s = np.cos(angle), np.sin(angle)
    x, y, z = np.moveaxis(place, -1, 0)
    return np.stack([c * x - s * y, s * x + c * y, z], axis=-1)


def loosened(trajectory: Trajectory, body: Body) -> Trajectory:
    """The trajectory with the errors that it has in the frame of a map: it may be turned as a whole about the body.

    The limb of a round body does not tell such a turn when the camera turns along; only the ground does.
    """
    if body.atmosphere:
        place = np.diag(np.repeat([trajectory.unseen_km**2, 0.0], 3))
        return replace(trajectory, covariance=trajectory.covariance + place, unseen_km=0.0)
    et = np.array([trajectory.reference_et])
    turn = np.vstack([_cross(trajectory.position(et)[0]), _cross(trajectory.velocity(et)[0])])
    place = np.diag(np.repeat([trajectory.unseen_km**2, 0.0], 3))
    return replace(trajectory, covariance=trajectory.covariance + FRAME_SIGMA**2 * turn @ turn.T + place, unseen_km=0.0)


def _cross(v: FloatArray) -> FloatArray:
    """The matrix (3, 3) that takes a small rotation vector to the change of a vector (3,)."""
    x, y, z = v
    return np.array([[0.0, z, -y], [-z, 0.0, x], [y, -x, 0.0]])


def whitened(ground: GroundTies, found: GroundResiduals) -> FloatArray:
    """Residuals (n, 2) in sigmas."""
    out: FloatArray = (ground.whiten @ found.px[..., None])[..., 0]
    return out


def without_outliers(ground: GroundTies, found: GroundResiduals) -> GroundTies:
    """The ties whose residual after a solution is within `FAR` robust sigmas of all."""
    size = np.linalg.norm(whitened(ground, found), axis=1)
    if not len(size):
        return ground
    # Rayleigh: the median length of two normal components is 1.1774 sigma
    return ground.take(size <= FAR * max(float(np.median(size)) / 1.1774, 1e-9))


def weighed_by_misfit(ground: GroundTies, found: GroundResiduals, alike: float) -> GroundTies:
    """The ties with weights by how they scatter after a solution, never more than before.

    `alike` is how many ties make one independent observation by the weights as they stand: where all errors are as
    stated, the residuals scatter by 1 / sqrt(alike) sigmas. A map's distortions reach far: where residuals are alike
    over more ties than that, so many make one.
    """
    value = whitened(ground, found)
    if len(value) < _LEAST_MISFIT:
        return ground
    scatter = float(np.median(np.linalg.norm(value, axis=1))) / 1.1774
    factor = max(scatter * np.sqrt(max(alike, _alike(ground.place, value))), 1.0)
    return GroundTies(ground.points, ground.place, ground.whiten / factor)


def _alike(place: FloatArray, value: FloatArray) -> float:
    """How many ties on an average lie within the distance over which residuals (n, 2) are alike.

    That is where the correlation of pairs falls below 1/e: a Gaussian one has as much area as that circle.
    """
    thin = -(-len(place) // _MOST_PAIRED)
    place, value = place[::thin], value[::thin]
    apart = np.linalg.norm(place[:, None] - place[None], axis=-1)
    product = value @ value.T
    edges = np.linspace(0.0, float(apart.max()) / 2.0, 13)
    level = float(np.mean(np.sum(value * value, axis=1))) / np.e
    for near, far in pairwise(edges):
        ring = (apart >= near) & (apart < far)
        if ring.any() and float(product[ring].mean()) < level:
            return thin * float(np.mean(np.sum(apart < 0.5 * (near + far), axis=1)))
    return float(thin * len(place))


@dataclass(frozen=True)
class GroundFit:
    """How an exposure lies on a map: the number of ties, the median length of their residuals in px, and by how many
    degrees of latitude and of longitude (east) the ground under the spacecraft is another than by the trajectory."""

    ties: int
    median_px: float
    latitude_deg: float
    longitude_deg: float


def ground_fit(
    ground: GroundTies, found: GroundResiduals, image: int, at: Unknowns, trajectory: Trajectory, body: Body
) -> GroundFit:
    """How the ties of one exposure fit after a solution."""
    mine = ground.points.image == image
    size = np.linalg.norm(found.px[mine], axis=1)
    et = np.array([float(np.median(ground.points.et[mine])) if mine.any() else trajectory.reference_et])
    to_body = body.body_from_j2000(et)
    before, after = (
        centric_from_point(turned(to_body, place))[0]
        for place in (trajectory.position(et), corrected_position(et, at, trajectory))
    )
    moved = np.degrees(after[:2] - before[:2])
    east = (moved[1] + 180.0) % 360.0 - 180.0
    return GroundFit(
        int(mine.sum()), float(np.median(size)) if len(size) else float("nan"), float(moved[0]), float(east)
    )
