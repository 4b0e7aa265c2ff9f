"""Robust non-linear least squares for a few dozen unknowns and thousands of observations.

Levenberg-Marquardt on the normal equations, with the smooth L1 loss as iteratively changed weights. The problems here
have good starts, exact Jacobians and priors on everything weak, so that a handful of steps and a small dense matrix
do what a general solver spends a hundred decompositions of the tall Jacobian on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Model = Callable[[FloatArray], tuple[FloatArray, FloatArray]]


@dataclass(frozen=True)
class Block:
    """Some of the residuals (n,), in sigmas, with their Jacobian (n, c) by the unknowns that `columns` (c,) number.

    The others do not act on them. `robust` residuals may be far off for reasons of their own.
    """

    residual: FloatArray
    jacobian: FloatArray
    columns: NDArray[np.int64]
    robust: bool


Blocks = Callable[[FloatArray], Sequence[Block]]


@dataclass(frozen=True)
class Minimum:
    """Where the search ended: `x` (m,), its covariance (m, m) for unit-variance residuals, the cost, and whether the
    last step was small enough."""

    x: FloatArray
    covariance: FloatArray
    cost: float
    converged: bool


def robust_weights(residual: FloatArray, threshold: float, robust: int) -> FloatArray:
    """Weights (n,) of smooth L1, 1 / sqrt(1 + (r / threshold)^2), for the first `robust` residuals; 1 for the rest."""
    weight = np.ones(len(residual))
    weight[:robust] = 1.0 / np.sqrt(1.0 + (residual[:robust] / threshold) ** 2)
    return weight


def robust_cost(residual: FloatArray, threshold: float, robust: int) -> float:
    """Half the summed loss: smooth L1 for the first `robust` residuals, squares for the rest."""
    soft = np.sqrt(1.0 + (residual[:robust] / threshold) ** 2) - 1.0
    return float(threshold**2 * np.sum(soft) + 0.5 * np.sum(residual[robust:] ** 2))


def minimise(
    model: Model, start: FloatArray, *, robust: int, threshold: float, steps: int, tolerance: float = 1e-4
) -> Minimum:
    """Minimise the robust cost of `model`, a function from x (m,) to residuals (n,) and Jacobian (n, m), in sigmas.

    The first `robust` of them are so. The search ends when a step changes no unknown by more than `tolerance` of its
    standard error, or after `steps`.
    """
    every = np.arange(len(start))

    def blocks(x: FloatArray) -> Sequence[Block]:
        residual, jacobian = model(x)
        return (
            Block(residual[:robust], jacobian[:robust], every, True),
            Block(residual[robust:], jacobian[robust:], every, False),
        )

    return minimise_blocks(blocks, start, threshold=threshold, steps=steps, tolerance=tolerance)


@dataclass(frozen=True)
class _Normal:
    """Normal equations at a point: the weighed square (m, m) of the Jacobian, the gradient (m,), and the cost."""

    square: FloatArray
    gradient: FloatArray
    cost: float


def _normal(blocks: Sequence[Block], count: int, threshold: float) -> _Normal:
    """Normal equations of `count` unknowns, block by block."""
    square, gradient, cost = np.zeros((count, count)), np.zeros(count), 0.0
    for block in blocks:
        some = len(block.residual) if block.robust else 0
        weight = robust_weights(block.residual, threshold, some)
        weighed = block.jacobian * weight[:, None]
        square[np.ix_(block.columns, block.columns)] += block.jacobian.T @ weighed
        gradient[block.columns] += weighed.T @ block.residual
        cost += robust_cost(block.residual, threshold, some)
    return _Normal(square, gradient, cost)


def minimise_blocks(
    model: Blocks, start: FloatArray, *, threshold: float, steps: int, tolerance: float = 1e-4
) -> Minimum:
    """Minimise the robust cost of a `model` that gives its residuals in blocks, each of some of the unknowns (m,).

    So the Jacobian of many strips is never held as a whole. The search ends as that of `minimise`.
    """
    x = np.array(start, dtype=float)
    at = _normal(model(x), len(x), threshold)
    damping, converged = 1e-6, False
    for _ in range(steps):
        scale = np.sqrt(np.maximum(np.diag(at.square), 1e-300))
        scaled = at.square / np.outer(scale, scale)
        step = np.linalg.solve(scaled + damping * np.eye(len(x)), -at.gradient / scale)
        trial = _normal(model(x + step / scale), len(x), threshold)
        if not trial.cost <= at.cost * (1.0 + 1e-12):
            damping = max(damping * 30.0, 1e-4)
            if damping > 1e8:
                break
            continue
        x, at = x + step / scale, trial
        damping = max(damping / 30.0, 1e-9)
        # a scaled step of 1 is one standard error if the unknowns were independent
        if np.max(np.abs(step)) < tolerance:
            converged = True
            break
    scale = np.sqrt(np.maximum(np.diag(at.square), 1e-300))
    covariance = np.linalg.pinv(at.square / np.outer(scale, scale), rcond=1e-13, hermitian=True) / np.outer(
        scale, scale
    )
    return Minimum(x, covariance, at.cost, converged)
