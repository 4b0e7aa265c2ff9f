"""A first pointing from nothing but candidate limb points, the spacecraft's position and the Sun's direction.

In a frame that spins with the camera the limb is nearly a circle on the sky: its centre, the direction of the body,
follows from three of its points, so a vote over random triples finds it whatever else is among the candidates. What
is left is one angle about that direction. Every value of it is tried: the body's oblateness and the side that the Sun
lights tell the true one. Nothing is assumed of where the spin axis points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from perijove.attitude.limb import graze
from perijove.attitude.problem import Pixels, Unknowns, limb_residuals
from perijove.attitude.spin import NOMINAL_PERIOD_S, SpinModel, axis_angles, camera_from_spin, spin_from_j2000
from perijove.bodies import Body
from perijove.ephemeris.trajectory import Trajectory

FloatArray = NDArray[np.float64]

_TRIES = 3000
_ANGLES = 72
_WORKING_POINTS = 150
_CLOSE_PX = 6.0
LEAST_POINTS = 12
"""Fewer agreeing limb points than this are no limb."""


@dataclass(frozen=True)
class FirstGuess:
    """A coarse pointing: the unknowns, the candidates that agree with it, and how many pixels rms they leave."""

    unknowns: Unknowns
    agree: NDArray[np.bool_]
    rms_px: float


def find_body(rays: FloatArray, least_radius: float, greatest_radius: float) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Direction (3,) of a disc's centre and the rays on its edge, by a vote over random triples of unit rays (n, 3).

    The disc's angular radius, rad, must lie between the two given. No rays agree where there is no such disc.
    """
    rng = np.random.default_rng(44)
    slack = 0.02 * greatest_radius
    low, high = np.cos(greatest_radius + slack), np.cos(max(least_radius - slack, 1e-6))
    triples = rng.integers(0, len(rays), (_TRIES, 3))
    matrix = rays[triples]
    determinant = np.linalg.det(matrix)
    usable = np.abs(determinant) > 1e-9
    if not usable.any():
        return np.array([0.0, 0.0, 1.0]), np.zeros(len(rays), dtype=bool)
    # a plane cuts the sphere of directions in the circle: ray . c = 1 with |c| = 1 / cos(radius)
    plane = np.linalg.solve(matrix[usable], np.ones((int(usable.sum()), 3, 1)))[..., 0]
    length = np.linalg.norm(plane, axis=-1)
    plausible = (1.0 / length > low) & (1.0 / length < high)
    if not plausible.any():
        return np.array([0.0, 0.0, 1.0]), np.zeros(len(rays), dtype=bool)
    centres = plane[plausible] / length[plausible, None]
    cosine = rays @ centres.T
    votes = np.sum((cosine > low) & (cosine < high), axis=0)
    best = centres[np.argmax(votes)]
    along = rays @ best
    return best, (along > low) & (along < high)


def first_guess(
    candidates: Pixels, trajectory: Trajectory, body: Body, sun: FloatArray, twist: float, tilt: float
) -> FirstGuess | None:
    """Coarse pointing of one image from its candidate limb points; None where no limb is found.

    `sun` (3,) is the unit vector towards the Sun in j2000. The candidates must all be of image 0.
    """
    if len(candidates) < LEAST_POINTS:
        return None
    middle = 0.5 * (candidates.et.min() + candidates.et.max())
    rate = 2 * np.pi / NOMINAL_PERIOD_S
    # with its axis on +Z and -pi/2 added, this is a plain turn about +Z
    despin = spin_from_j2000(0.0, np.pi / 2, rate * (candidates.et - middle) - np.pi / 2)
    mounting = camera_from_spin(twist, tilt)
    rays = np.einsum("nji,nj->ni", mounting @ despin, candidates.ray)
    position = trajectory.position(middle)
    distance = float(np.linalg.norm(position))
    radius = [np.arcsin(min(r / distance, 1.0)) for r in body.radii_km]
    centre, on_disc = find_body(rays, min(radius), max(radius))
    if on_disc.sum() < LEAST_POINTS:
        return None
    chosen = candidates.take(on_disc)
    few = chosen.take(np.unique(np.linspace(0, len(chosen) - 1, _WORKING_POINTS).astype(int)))
    nadir = -position / distance
    best: tuple[float, Unknowns] | None = None
    for angle in np.linspace(0.0, 2 * np.pi, _ANGLES, endpoint=False):
        start = _unknowns(_aligned(centre, nadir, angle), middle, rate, twist, tilt)
        found = polish(few, start, trajectory, body, steps=8)
        score = _score(few, found, trajectory, body, sun)
        if best is None or score > best[0]:
            best = (score, found)
    assert best is not None
    unknowns = polish(chosen, best[1], trajectory, body, steps=30)
    residual = limb_residuals(candidates, unknowns, trajectory, body).px
    agree = (np.abs(residual) < _CLOSE_PX) & _lit(candidates, unknowns, trajectory, body, sun)
    if agree.sum() < LEAST_POINTS or agree.sum() < 0.4 * on_disc.sum():
        return None
    return FirstGuess(unknowns, agree, float(np.sqrt(np.mean(residual[agree] ** 2))))


def guess_phase(
    candidates: Pixels, neighbour: Unknowns, middle: float, trajectory: Trajectory, body: Body, sun: FloatArray
) -> FirstGuess | None:
    """Coarse pointing of one image whose axis and rate are taken from a neighbour: only the phase is sought."""
    if len(candidates) < LEAST_POINTS:
        return None
    few = candidates.take(np.unique(np.linspace(0, len(candidates) - 1, _WORKING_POINTS).astype(int)))
    spin = neighbour.spin
    best: tuple[float, Unknowns] | None = None
    for phase in np.linspace(0.0, 2 * np.pi, 4 * _ANGLES, endpoint=False):
        model = SpinModel(spin.ra, spin.dec, phase, middle, spin.rate, spin.twist, spin.tilt)
        start = Unknowns(model, neighbour.interframe, np.zeros(1), np.zeros(4), neighbour.shift, neighbour.scale, np.zeros(6))
        found = polish(few, start, trajectory, body, steps=4, free=(2,))
        score = _score(few, found, trajectory, body, sun)
        if best is None or score > best[0]:
            best = (score, found)
    assert best is not None
    unknowns = polish(candidates, best[1], trajectory, body, steps=20, free=(2,))
    residual = limb_residuals(candidates, unknowns, trajectory, body).px
    agree = (np.abs(residual) < _CLOSE_PX) & _lit(candidates, unknowns, trajectory, body, sun)
    if agree.sum() < LEAST_POINTS:
        return None
    return FirstGuess(unknowns, agree, float(np.sqrt(np.mean(residual[agree] ** 2))))


def polish(
    p: Pixels,
    start: Unknowns,
    trajectory: Trajectory,
    body: Body,
    *,
    steps: int,
    free: tuple[int, ...] = (0, 1, 2, 3),
) -> Unknowns:
    """Robust least squares over axis, phase and rate (or the `free` ones) alone, from candidate points."""
    base = start.vector()
    index = list(free)

    def full(x: FloatArray) -> Unknowns:
        vector = base.copy()
        vector[index] = x
        return start.moved(vector)

    def residual(x: FloatArray) -> FloatArray:
        return limb_residuals(p, full(x), trajectory, body).px

    def jacobian(x: FloatArray) -> FloatArray:
        return limb_residuals(p, full(x), trajectory, body).jacobian[:, index]

    result = least_squares(
        residual, base[index], jac=jacobian, loss="soft_l1", f_scale=2.0, x_scale="jac", max_nfev=steps
    )
    return full(result.x)


def _unknowns(j2000_from_spin: FloatArray, epoch: float, rate: float, twist: float, tilt: float) -> Unknowns:
    """Unknowns whose spin frame at `epoch` is the given rotation (3, 3)."""
    ra, dec = axis_angles(j2000_from_spin[:, 2])
    node = spin_from_j2000(ra, dec, 0.0)
    x, y = (node @ j2000_from_spin[:, 0])[:2]
    spin = SpinModel(ra, dec, float(np.arctan2(y, x)), epoch, rate, twist, tilt)
    return Unknowns(spin, 0.0, np.zeros(1), np.zeros(4), np.zeros((4, 2)), np.zeros(4), np.zeros(6))


def _aligned(source: FloatArray, target: FloatArray, angle: float) -> FloatArray:
    """A rotation (3, 3) that takes unit vector `source` to `target`, turned by `angle` about it."""

    def basis(z: FloatArray) -> FloatArray:
        x = np.cross(np.eye(3)[np.argmin(np.abs(z))], z)
        x /= np.linalg.norm(x)
        return np.stack([x, np.cross(z, x), z])

    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    out: FloatArray = basis(target).T @ turn @ basis(source)
    return out


def _lit(p: Pixels, at: Unknowns, trajectory: Trajectory, body: Body, sun: FloatArray) -> NDArray[np.bool_]:
    """Which limb points the Sun can reach."""
    to_body = body.body_from_j2000(float(p.et.mean()))
    camera = at.spin.camera_from_j2000(p.et)
    direction = np.einsum("ij,nkj,nk->ni", to_body, camera, p.ray)
    position = trajectory.position(p.et) @ to_body.T
    lit: NDArray[np.bool_] = graze(position, direction, body.radii_km).normal @ (to_body @ sun) > -0.1
    return lit


def _score(p: Pixels, at: Unknowns, trajectory: Trajectory, body: Body, sun: FloatArray) -> float:
    """How many points lie on the sunlit limb, each counted by how near it lies."""
    residual = limb_residuals(p, at, trajectory, body).px
    near = 1.0 / (1.0 + (residual / 3.0) ** 2)
    return float(np.sum(near * _lit(p, at, trajectory, body, sun)))
