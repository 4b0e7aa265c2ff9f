"""The adjustment: robust least squares over limb points, ties, known ground and what was known before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.attitude.ground import GroundResiduals, GroundTies, ground_residuals, whitened
from perijove.attitude.leastsquares import minimise
from perijove.attitude.measure import LimbMeasure
from perijove.attitude.problem import OFFSET, STATE, LimbResiduals, Unknowns, limb_residuals
from perijove.attitude.search import Scene
from perijove.attitude.ties import TieResiduals, Ties, tie_residuals

FloatArray = NDArray[np.float64]

ROBUST = 2.0
"""Residuals beyond so many sigma lose weight (smooth L1)."""


@dataclass(frozen=True)
class Adjustment:
    """A solution: unknowns, which of them were `free`, their covariance (free, free), and what is left of the data.

    `ties` are those within and between the strips, `ground` those to known places.
    """

    unknowns: Unknowns
    free: tuple[str, ...]
    covariance: FloatArray
    limb: LimbResiduals
    ties: TieResiduals | None
    ground: GroundResiduals | None = None

    def full_covariance(self) -> FloatArray:
        """Covariance (m, m) of all unknowns, 0 for those held."""
        names = self.unknowns.names()
        index = [names.index(n) for n in self.free]
        out = np.zeros((len(names), len(names)))
        out[np.ix_(index, index)] = self.covariance
        return out


def adjust(
    start: Unknowns,
    limb: LimbMeasure,
    ties: Ties | None,
    free: Mapping[str, tuple[float, float] | None],
    scene: Scene,
    ground: GroundTies | None = None,
) -> Adjustment:
    """Least squares with smooth L1 loss on the data and plain priors.

    `free` maps the name of each unknown that may move to its prior (mean, sigma), or to None. The trajectory's six
    corrections are always free, with the trajectory's covariance as their prior. There may be no limb points where
    there are ties to known ground.
    """
    names = start.names()
    state = names[STATE:OFFSET]
    order = [*free, *state]
    index = np.array([names.index(n) for n in order])
    base = start.vector()
    prior_rows, prior_means = _priors(free, order, scene)

    def full(x: FloatArray) -> Unknowns:
        vector = base.copy()
        vector[index] = x
        return start.moved(vector)

    def model(x: FloatArray) -> tuple[FloatArray, FloatArray]:
        at = full(x)
        edge = limb_residuals(limb.points, at, scene.trajectory, scene.body, scene.sun)
        assert edge.jacobian is not None
        values, rows = [edge.px / limb.sigma], [edge.jacobian[:, index] / limb.sigma[:, None]]
        if ties is not None:
            value, change = whitened_ties(ties, tie_residuals(ties, at, scene.trajectory, scene.body))
            values.append(value)
            rows.append(change[:, index])
        if ground is not None:
            seen = ground_residuals(ground, at, scene.trajectory, scene.body)
            assert seen.jacobian is not None
            values.append(whitened(ground, seen).ravel())
            rows.append((ground.whiten @ seen.jacobian[:, :, index]).reshape(2 * len(ground), -1))
        return np.concatenate([*values, prior_rows @ (x - prior_means)]), np.vstack([*rows, prior_rows])

    count = len(limb.points) + 2 * sum(len(part) for part in (ties, ground) if part is not None)
    best = minimise(model, base[index], robust=count, threshold=ROBUST, steps=20)
    at = full(best.x)
    return Adjustment(
        at,
        tuple(order),
        best.covariance,
        limb_residuals(limb.points, at, scene.trajectory, scene.body, scene.sun, jacobian=False),
        None if ties is None else tie_residuals(ties, at, scene.trajectory, scene.body),
        None if ground is None else ground_residuals(ground, at, scene.trajectory, scene.body, jacobian=False),
    )


def _priors(
    free: Mapping[str, tuple[float, float] | None], order: Sequence[str], scene: Scene
) -> tuple[FloatArray, FloatArray]:
    """Rows (priors + 6, n) that make what was known before of the unknowns in `order` unit variance, and its means."""
    priors = [(order.index(n), prior) for n, prior in free.items() if prior is not None]
    rows, means = np.zeros((len(priors) + 6, len(order))), np.zeros(len(order))
    for row, (i, (mean, sigma)) in enumerate(priors):
        rows[row, i], means[i] = 1.0 / sigma, mean
    rows[len(priors) :, len(free) :] = np.linalg.inv(np.linalg.cholesky(scene.trajectory.covariance))
    return rows, means


def whitened_ties(ties: Ties, found: TieResiduals) -> tuple[FloatArray, FloatArray]:
    """Residuals (2 n,) and Jacobian (2 n, m) in sigmas; a tie that misses the body counts as nothing."""
    missing = np.asarray(~np.isfinite(found.px).all(axis=1))
    px = np.where(missing[:, None], 0.0, found.px)
    change = np.where(missing[:, None, None], 0.0, found.jacobian)
    r = (ties.whiten @ px[..., None])[..., 0]
    return r.ravel(), (ties.whiten @ change).reshape(2 * len(px), -1)
