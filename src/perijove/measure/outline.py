"""Outline: circles and ellipses fitted to points of a plane, by their distance from the curve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

FloatArray = NDArray[np.float64]

LARGEST_STRETCH = 0.8
"""Half the logarithm of the ratio of the axes at most: ellipses up to 5 : 1."""


@dataclass(frozen=True)
class Outline:
    """An ellipse in a plane.

    `parameters` are x, y of the centre, the radius (geometric mean of the half axes), and u, v: half the logarithm of
    the ratio of the axes times the cosine and the sine of twice the long axis' angle from x. Unlike axes and
    angle they go smoothly through the circle, u = v = 0. `inverse` (5, 5) is the inverse normal matrix: the
    covariance for points of unit weight's sigma 1 (u and v 0 for a circle). `residuals` (n,) are signed distances from
    the curve, positive outside.
    """

    parameters: FloatArray
    inverse: FloatArray
    residuals: FloatArray
    ellipse: bool

    @property
    def unknowns(self) -> int:
        """How many numbers were fitted."""
        return 5 if self.ellipse else 3

    @property
    def stretch(self) -> float:
        """Half the logarithm of the ratio of the axes."""
        return float(np.hypot(*self.parameters[3:]))


def shape_matrix(u: float, v: float) -> FloatArray:
    """The symmetric matrix (2, 2) of determinant 1 that makes the ellipse of u, v out of the unit circle."""
    h = float(np.hypot(u, v))
    ratio = np.sinh(h) / h if h > 1e-9 else 1.0
    out: FloatArray = np.cosh(h) * np.eye(2) + ratio * np.array([[u, v], [v, -u]])
    return out


def distances(parameters: FloatArray, points: FloatArray) -> FloatArray:
    """Signed distances (n,) of points (n, 2) from an ellipse, positive outside, to first order (Sampson's)."""
    x, y, radius, u, v = parameters
    back = shape_matrix(-u, -v)
    q = (points - (x, y)) @ back
    rho = np.linalg.norm(q, axis=1)
    slope = np.linalg.norm(q @ back, axis=1) / np.where(rho > 0.0, rho, 1.0)
    out: FloatArray = (rho - radius) / np.where(slope > 0.0, slope, 1.0)
    return out


def curve(parameters: FloatArray, angles: FloatArray) -> FloatArray:
    """Points (n, 2) of an ellipse in the directions `angles` (n,) from its centre, rad from x to y."""
    x, y, radius, u, v = parameters
    ray = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    away = radius / np.linalg.norm(ray @ shape_matrix(-u, -v), axis=1)
    out: FloatArray = ray * away[:, None] + (x, y)
    return out


def fit_outline(points: FloatArray, weights: FloatArray | None = None, *, ellipse: bool) -> Outline | None:
    """The circle or ellipse nearest to points (n, 2), by least squares; None where the points fix none.

    `weights` (n,) are those of the squared distances.
    """
    weight = np.ones(len(points)) if weights is None else weights
    middle = np.average(points, axis=0, weights=weight)
    size = float(np.sqrt(np.average(np.sum((points - middle) ** 2, axis=1), weights=weight)))
    if not size > 0.0:
        return None
    unit, root = (points - middle) / size, np.sqrt(weight)
    start = _algebraic_circle(unit, root)
    if start is None:
        return None
    free = 5 if ellipse else 3

    def full(some: FloatArray) -> FloatArray:
        return np.concatenate([some, np.zeros(5 - free)])

    bound = np.array([np.inf, np.inf, np.inf, LARGEST_STRETCH, LARGEST_STRETCH])[:free]
    low = -bound
    low[2] = 1e-9
    first = np.concatenate([start, np.zeros(2)])[:free]
    found = least_squares(
        lambda some: root * distances(full(some), unit), first, jac="3-point", bounds=(low, bound),
        xtol=1e-14, ftol=1e-14, gtol=1e-14, max_nfev=100,
    )  # fmt: skip
    normal = found.jac.T @ found.jac
    if not np.all(np.isfinite(found.x)) or np.linalg.cond(normal) > 1e13:
        return None
    inverse = np.zeros((5, 5))
    scale = np.array([size, size, size, 1.0, 1.0])
    inverse[:free, :free] = np.linalg.inv(normal)
    parameters = full(found.x) * scale
    parameters[:2] += middle
    # the unit distance was `size`: a distance's sigma of 1 is 1 / size there
    return Outline(parameters, inverse * np.outer(scale, scale) / size**2, distances(parameters, points), ellipse)


def _algebraic_circle(points: FloatArray, root: FloatArray) -> FloatArray | None:
    """Centre and radius (3,) of the circle by Kasa's linear fit; None for points on one line."""
    design = np.column_stack([2.0 * points, np.ones(len(points))])
    target = np.sum(points * points, axis=1)
    solution, _, rank, singular = np.linalg.lstsq(design * root[:, None], target * root, rcond=None)
    if rank < 3 or singular[-1] < 1e-7 * singular[0]:
        return None
    square = float(solution[2] + solution[0] ** 2 + solution[1] ** 2)
    if not square > 0.0:
        return None
    return np.array([solution[0], solution[1], np.sqrt(square)])
