"""A first pointing from nothing but candidate limb points, the spacecraft's position and the Sun's direction.

In a frame that spins with the camera the limb is nearly a circle on the sky: its centre, the direction of the body,
follows from three of its points, so a vote over random triples finds it whatever else is among the candidates. What
is left is one angle about that direction. Every value of it is tried: the body's oblateness and the side that the Sun
lights tell the true one. Nothing is assumed of where the spin axis points.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perijove.attitude.leastsquares import minimise
from perijove.attitude.problem import Pixels, Unknowns, first_point, limb_residuals
from perijove.attitude.spin import NOMINAL_PERIOD_S, SpinModel, axis_angles, camera_from_spin, spin_from_j2000
from perijove.bodies import Body
from perijove.ephemeris.trajectory import Trajectory
from perijove.geometry.axes import frame_around

FloatArray = NDArray[np.float64]

LEAST_POINTS = 12
"""Fewer agreeing limb points than this are no limb."""
_TRIES = 2000
_ANGLES = 24
_WORKING_POINTS = 80
_CLOSE_PX = 8.0
_HINT_SIGMAS = 4.0
"""An axis so many sigmas from the hint counts half."""


@dataclass(frozen=True)
class AxisHint:
    """Where the spin axis may point: unit vector (3,) in j2000 and its error in each direction, rad."""

    direction: FloatArray
    sigma: float


@dataclass(frozen=True)
class Scene:
    """What one image is looked at with: trajectory, body, the unit vector (3,) to the Sun in j2000, and perhaps a hint
    where the spin axis points, which weighs only where the image leaves it open."""

    trajectory: Trajectory
    body: Body
    sun: FloatArray
    axis: AxisHint | None = None


@dataclass(frozen=True)
class FirstGuess:
    """A coarse pointing: the unknowns, how many candidates agree with it, and how many pixels rms they leave."""

    unknowns: Unknowns
    agree: int
    rms_px: float


@dataclass(frozen=True)
class Disc:
    """The body's disc in the spinning frame at ET `epoch`: direction (3,) of its centre, and the points on its edge."""

    centre: FloatArray
    epoch: float
    points: Pixels


def vote_for_centre(rays: FloatArray, least: float, greatest: float) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Direction (3,) of a disc's centre and which unit rays (n, 3) lie on its edge, by a vote over random triples.

    The disc's angular radius, rad, must lie between `least` and `greatest`; where there is no such disc, no ray agrees.
    """
    rng = np.random.default_rng(44)
    slack = 0.02 * greatest
    low, high = np.cos(greatest + slack), np.cos(max(least - slack, 1e-6))
    nothing = np.array([0.0, 0.0, 1.0]), np.zeros(len(rays), dtype=bool)
    matrix = rays[rng.integers(0, len(rays), (_TRIES, 3))]
    usable = np.abs(np.linalg.det(matrix)) > 1e-9
    if not usable.any():
        return nothing
    # a plane cuts the sphere of directions in the circle: ray . c = 1 with |c| = 1 / cos(radius)
    plane = np.linalg.solve(matrix[usable], np.ones((int(usable.sum()), 3, 1)))[..., 0]
    length = np.linalg.norm(plane, axis=-1)
    plausible = (1.0 / length > low) & (1.0 / length < high)
    if not plausible.any():
        return nothing
    centres = plane[plausible] / length[plausible, None]
    sample = rays[:: max(1, len(rays) // 400)]
    cosine = sample @ centres.T
    best = centres[np.argmax(np.sum((cosine > low) & (cosine < high), axis=0))]
    along = rays @ best
    return best, (along > low) & (along < high)


def find_disc(candidates: Pixels, scene: Scene, rate: float, twist: float, tilt: float) -> Disc | None:
    """The body's disc among one image's candidate limb points; None where there is none."""
    if len(candidates) < LEAST_POINTS:
        return None
    epoch = float(0.5 * (candidates.et.min() + candidates.et.max()))
    # with the axis on +Z and -pi/2 added, this is a plain turn about +Z
    despin = spin_from_j2000(0.0, np.pi / 2, rate * (candidates.et - epoch) - np.pi / 2)
    rays = np.einsum("nji,nj->ni", camera_from_spin(twist, tilt) @ despin, candidates.ray)
    distance = float(np.linalg.norm(scene.trajectory.position(epoch)))
    radius = [float(np.arcsin(min(r / distance, 1.0))) for r in scene.body.radii_km]
    centre, on_edge = vote_for_centre(rays, min(radius), max(radius))
    if on_edge.sum() < LEAST_POINTS:
        return None
    return Disc(centre, epoch, candidates.take(on_edge))


def first_guess(
    candidates: Pixels, scene: Scene, twist: float, tilt: float, shading: Callable[[Unknowns], float]
) -> FirstGuess | None:
    """Coarse pointing of one image (image 0) from its candidate limb points; None where no limb is found.

    `shading` tells how well (-1 to 1) the light on the disc goes with the Sun's height by a pointing: it decides
    between pointings that the limb cannot tell apart.
    """
    rate = 2 * np.pi / NOMINAL_PERIOD_S
    disc = find_disc(candidates, scene, rate, twist, tilt)
    if disc is None:
        return None
    few = disc.points.take(np.unique(np.linspace(0, len(disc.points) - 1, _WORKING_POINTS).astype(int)))
    position = scene.trajectory.position(disc.epoch)
    nadir = -position / np.linalg.norm(position)
    found = []
    for angle in np.linspace(0.0, 2 * np.pi, _ANGLES, endpoint=False):
        start = first_point(spin_at(_aligned(disc.centre, nadir, angle), disc.epoch, rate, twist, tilt), 1)
        at = polish(few, start, scene, steps=10)
        found.append((_score(few, at, scene), at))
    limit = 0.6 * max(score for score, _ in found)

    def merit(option: tuple[float, Unknowns]) -> float:
        return option[0] * max(shading(option[1]), 1e-3) * expected(option[1], scene)

    best = max((f for f in found if f[0] >= limit), key=merit)
    return _judge(disc, polish(disc.points, best[1], scene, steps=30), scene)


def expected(at: Unknowns, scene: Scene) -> float:
    """How well an axis goes with the scene's hint, 0 to 1: falling off slowly, for hints have been wrong."""
    if scene.axis is None:
        return 1.0
    angle = np.arccos(np.clip(at.spin.axis @ scene.axis.direction, -1.0, 1.0))
    return float(1.0 / (1.0 + (angle / (_HINT_SIGMAS * scene.axis.sigma)) ** 2))


def guess_phase(candidates: Pixels, neighbour: SpinModel, scene: Scene) -> FirstGuess | None:
    """Coarse pointing of one image (image 0) that takes axis and rate from a neighbour: only the phase is found."""
    disc = find_disc(candidates, scene, neighbour.rate, neighbour.twist, neighbour.tilt)
    if disc is None:
        return None
    position = scene.trajectory.position(disc.epoch)
    node = spin_from_j2000(neighbour.ra, neighbour.dec, 0.0) @ -position
    phase = float(np.arctan2(node[1], node[0]) - np.arctan2(disc.centre[1], disc.centre[0]))
    start = first_point(replace(neighbour, phase=phase, epoch=disc.epoch), 1)
    return _judge(disc, polish(disc.points, start, scene, steps=30, free=(2,)), scene)


def polish(p: Pixels, start: Unknowns, scene: Scene, *, steps: int, free: tuple[int, ...] = (0, 1, 2, 3)) -> Unknowns:
    """Robust least squares over axis, phase and rate (or the `free` ones) alone, from candidate points."""
    base = start.vector()
    index = list(free)

    def full(x: FloatArray) -> Unknowns:
        vector = base.copy()
        vector[index] = x
        return start.moved(vector)

    def model(x: FloatArray) -> tuple[FloatArray, FloatArray]:
        found = limb_residuals(p, full(x), scene.trajectory, scene.body, scene.sun)
        assert found.jacobian is not None
        return found.px, found.jacobian[:, index]

    best = minimise(model, base[index], robust=len(p), threshold=2.0, steps=steps, tolerance=1e-2)
    return full(best.x)


def _judge(disc: Disc, unknowns: Unknowns, scene: Scene) -> FirstGuess | None:
    """The guess with its quality; None where too few points of the disc's edge agree with it."""
    limb = limb_residuals(disc.points, unknowns, scene.trajectory, scene.body, scene.sun, jacobian=False)
    agree = (np.abs(limb.px) < _CLOSE_PX) & (limb.cos_incidence > -0.1)
    if agree.sum() < max(LEAST_POINTS, 0.3 * len(disc.points)):
        return None
    return FirstGuess(unknowns, int(agree.sum()), float(np.sqrt(np.mean(limb.px[agree] ** 2))))


def spin_at(j2000_from_spin: FloatArray, epoch: float, rate: float, twist: float, tilt: float) -> SpinModel:
    """The spin model whose spin frame at `epoch` is the given rotation (3, 3)."""
    ra, dec = axis_angles(j2000_from_spin[:, 2])
    x, y = (spin_from_j2000(ra, dec, 0.0) @ j2000_from_spin[:, 0])[:2]
    return SpinModel(ra, dec, float(np.arctan2(y, x)), epoch, rate, twist, tilt)


def _aligned(source: FloatArray, target: FloatArray, angle: float) -> FloatArray:
    """A rotation (3, 3) that takes unit vector `source` to `target`, turned by `angle` about it."""
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    out: FloatArray = frame_around(target).T @ turn @ frame_around(source)
    return out


def _score(p: Pixels, at: Unknowns, scene: Scene) -> float:
    """How many points lie on the sunlit limb, each counted by how near it lies."""
    limb = limb_residuals(p, at, scene.trajectory, scene.body, scene.sun, jacobian=False)
    near = 1.0 / (1.0 + (limb.px / 3.0) ** 2)
    return float(np.sum(near * (limb.cos_incidence > -0.1)))
