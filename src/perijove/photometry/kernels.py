"""The laws pixel by pixel, compiled: ln of the light relative to that at i = e = 0, and how it moves with the numbers.

All is done in logarithms: the laws are products of powers, and errors of their numbers become relative errors of light.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perijove.jit import inlined, kernel
from perijove.photometry.hapke import reflectance

FloatArray = NDArray[np.float64]
Real = float | np.floating[Any]

NONE, LAMBERT, MINNAERT, LOMMEL_SEELIGER, LUNAR_LAMBERT, HAPKE, BARKSTROM, FIT = range(8)
"""The laws by number."""


@inlined
def polynomial(p: FloatArray, x: float) -> float:
    """p[0] + p[1] x + p[2] x^2 ..."""
    total = p[len(p) - 1]
    for j in range(len(p) - 2, -1, -1):
        total = total * x + p[j]
    return float(total)


@kernel
def log_law(kind: int, p: FloatArray, mu0: Real, mu: Real, phase: float) -> tuple[float, float, float]:
    """ln of a law's light for cosines above 0, and its derivatives by k, B or L and by the second number of `fit`.

    Logarithms are taken in the precision of the cosines: 1e-7 of the light where they are float32.
    """
    if kind == MINNAERT:
        x = math.log(mu0 * mu)
        return polynomial(p, phase) * x - math.log(mu), x, 0.0
    if kind == BARKSTROM:
        x = math.log((mu + mu) * mu0 / (mu + mu0))
        return polynomial(p, phase) * x - math.log(mu), x, 0.0
    if kind == FIT:
        x, y = math.log(mu0 * mu), math.log(2.0 / (mu0 + mu))
        return p[0] * x - math.log(mu) + p[1] * y, x, y
    if kind == LAMBERT:
        return math.log(mu0), 0.0, 0.0
    if kind == LOMMEL_SEELIGER:
        return math.log(2.0 * mu0 / (mu0 + mu)), 0.0, 0.0
    if kind == LUNAR_LAMBERT:
        share, seeliger = min(1.0, max(0.0, polynomial(p, phase))), 2.0 / (mu0 + mu)
        mixed = share * seeliger + 1.0 - share
        return math.log(mu0 * mixed), float((seeliger - 1.0) / mixed), 0.0
    if kind == HAPKE:
        return math.log(reflectance(p, float(mu0), float(mu), phase)) - p[6], 0.0, 0.0
    return 0.0, 0.0, 0.0


@kernel
def log_variance(kind: int, cov: FloatArray, x: float, y: float, phase: float) -> float:
    """Variance of ln of a law's light by the covariance (n, n) of its numbers and the derivatives of `log_law`."""
    if kind == FIT:
        return float(cov[0, 0] * x * x + 2.0 * cov[0, 1] * x * y + cov[1, 1] * y * y)
    total, left = 0.0, 1.0
    for j in range(len(cov)):
        right = left
        for k in range(len(cov)):
            total += cov[j, k] * right
            right *= phase
        left *= phase
    return float(total * x * x)


@kernel
def log_disc(kind: int, p: FloatArray, mu0: FloatArray, mu: FloatArray, phase: FloatArray, out: FloatArray) -> None:
    """ln of a law's light for samples (n,)."""
    for j in range(len(out)):
        out[j] = log_law(kind, p, mu0[j], mu[j], phase[j])[0]
