"""Robust non-linear least squares for a few dozen unknowns and thousands of observations.

Levenberg-Marquardt on the normal equations, with the smooth L1 loss as iteratively changed weights. The problems here
have good starts, exact Jacobians and priors on everything weak, so that a handful of steps and a small dense matrix
do what a general solver spends a hundred decompositions of the tall Jacobian on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Model = Callable[[FloatArray], tuple[FloatArray, FloatArray]]


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

    The search ends when a step changes no unknown by more than `tolerance` of its standard error, or after `steps`.
    """
    x = np.array(start, dtype=float)
    residual, jacobian = model(x)
    cost = robust_cost(residual, threshold, robust)
    damping, converged = 1e-6, False
    for _ in range(steps):
        weight = robust_weights(residual, threshold, robust)
        normal = jacobian.T @ (jacobian * weight[:, None])
        scale = np.sqrt(np.maximum(np.diag(normal), 1e-300))
        scaled = normal / np.outer(scale, scale)
        downhill = -(jacobian.T @ (weight * residual)) / scale
        step = np.linalg.solve(scaled + damping * np.eye(len(x)), downhill)
        trial = x + step / scale
        trial_residual, trial_jacobian = model(trial)
        trial_cost = robust_cost(trial_residual, threshold, robust)
        if not trial_cost <= cost * (1.0 + 1e-12):
            damping = max(damping * 30.0, 1e-4)
            if damping > 1e8:
                break
            continue
        x, residual, jacobian, cost = trial, trial_residual, trial_jacobian, trial_cost
        damping = max(damping / 30.0, 1e-9)
        # a scaled step of 1 is one standard error if the unknowns were independent
        if np.max(np.abs(step)) < tolerance:
            converged = True
            break
    weight = robust_weights(residual, threshold, robust)
    normal = jacobian.T @ (jacobian * weight[:, None])
    scale = np.sqrt(np.maximum(np.diag(normal), 1e-300))
    covariance = np.linalg.pinv(normal / np.outer(scale, scale), rcond=1e-13, hermitian=True) / np.outer(scale, scale)
    return Minimum(x, covariance, cost, converged)
