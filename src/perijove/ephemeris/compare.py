"""How far two trajectories of the same flight are apart: in time along the track, and beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perijove.ephemeris.trajectory import Trajectory

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Apart:
    """How a trajectory differs from a better one at ET `et`.

    It is `late_s` s late along its track and passes `beside_km` km from the place; both together are `sigmas` times
    what its covariance allows.
    """

    et: float
    late_s: float
    beside_km: float
    sigmas: float


def time_shift(trajectory: Trajectory, truth: Trajectory, et: ArrayLike) -> FloatArray:
    """How late (...,) s the first trajectory is along its orbit: it comes at ET + shift where `truth` is at ET.

    The shift that brings the two nearest; NaN where either does not reach. By Newton's steps along the velocity.
    """
    times = np.asarray(et, dtype=float)
    goal, shift = truth.position(times), np.zeros(times.shape)
    for _ in range(10):
        velocity = trajectory.velocity(times + shift)
        miss = goal - trajectory.position(times + shift)
        shift = shift + np.sum(miss * velocity, axis=-1) / np.sum(velocity * velocity, axis=-1)
    return shift


def compare(trajectory: Trajectory, truth: Trajectory) -> Apart:
    """How far a trajectory is from a better one at its own reference time; NaN where either does not reach far enough.

    Raises ValueError where they are about different bodies.
    """
    if trajectory.body != truth.body:
        raise ValueError(f"one trajectory is about {trajectory.body}, the other about {truth.body}")
    et = trajectory.reference_et
    late = float(time_shift(trajectory, truth, et))
    beside = float(np.linalg.norm(trajectory.position(et + late) - truth.position(et)))
    miss = np.concatenate([trajectory.position(et) - truth.position(et), trajectory.velocity(et) - truth.velocity(et)])
    sigmas = float("nan")
    if np.isfinite(miss).all():
        sigmas = float(np.sqrt(miss @ np.linalg.solve(trajectory.covariance, miss)))
    return Apart(et, late, beside, sigmas)


__all__ = ["Apart", "compare", "time_shift"]
