"""The wind that ties between strips ask for, solved together with the pointing that they may be off by.

Unknown are a correction of the wind taken for granted, at knots of latitude, a small rotation of each strip's camera,
and for each pair of strips a shift to the east that all its places have in common, which is what errors of clock and
path come to. A rotation moves places to the north too, and all latitudes in one pattern; the wind moves each latitude
by itself, to the east alone, and no further than winds change: by that they are told apart. What is known beforehand
goes in with its covariance, so that a short time between two strips leaves the wind as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from perijove.mosaic.windties import SHARED, WindTies
from perijove.winds import ZonalWinds

FloatArray = NDArray[np.float64]

KNOTS = np.radians(np.linspace(-90.0, 90.0, 181))
"""Latitudes at which the correction is solved for; a patch is three of their steps high."""
ALIKE = np.radians(2.0)
"""Latitudes nearer to each other than about this change their wind alike."""
LIMIT = 2.5
"""Residuals beyond so many sigmas weigh less, those beyond twice as many not at all."""
COMMON_PX = 0.2
"""Shift to the east, one sigma, native px, that the places of a pair may have in common beside the rotations'."""
ROUNDS = 8
LEAST_FACTOR = 0.5
"""Scatter of the ties against their own errors, at the least."""
_ACROSS = 7
"""Latitudes of a patch at which the wind is averaged."""


@dataclass(frozen=True)
class Fit:
    """A solution: `correction` (k,) m/s at `KNOTS`, `rotation` (strips, 3) rad, `common` (sets,) km, and their joint
    `covariance` in this order; `prior` (k, k) is that of the correction beforehand.

    Strips are in the order of `names`. For each set of ties: its `factor`, by which they scatter more than their own
    errors say, the `weight` (n,) that is left to each, residuals (n, 2) km after all but the wind (`pointed`) and after
    the wind too (`left`), and what each unknown but the wind does to places, `moved` (n, 3 strips + sets) km east.
    """

    names: tuple[str, ...]
    correction: FloatArray
    rotation: FloatArray
    common: FloatArray
    covariance: FloatArray
    prior: FloatArray
    factor: tuple[float, ...]
    weight: tuple[FloatArray, ...]
    pointed: tuple[FloatArray, ...]
    left: tuple[FloatArray, ...]
    moved: tuple[FloatArray, ...]


def spread(latitude: FloatArray, span: FloatArray) -> FloatArray:
    """Matrix (n, k) from the correction at the knots to its means over `span` (n,) rad about latitudes (n,)."""
    parts = ((np.arange(_ACROSS) + 0.5) / _ACROSS - 0.5)[:, None]
    at = np.clip((latitude + parts * span - KNOTS[0]) / (KNOTS[1] - KNOTS[0]), 0.0, len(KNOTS) - 1.000001)
    low = at.astype(int)
    out = np.zeros((len(latitude), len(KNOTS)))
    rows = np.broadcast_to(np.arange(len(latitude)), low.shape)
    np.add.at(out, (rows, low), (1.0 - (at - low)) / _ACROSS)
    np.add.at(out, (rows, low + 1), (at - low) / _ACROSS)
    return out


def prior_of(winds: ZonalWinds) -> FloatArray:
    """Covariance (k, k) of the correction beforehand: the wind's own sigma, alike over some degrees (Matern, 3/2)."""
    apart = np.sqrt(3.0) * np.abs(KNOTS[:, None] - KNOTS) / ALIKE
    sigma = np.maximum(winds.sigma(KNOTS), 1e-3)
    out: FloatArray = np.outer(sigma, sigma) * (1.0 + apart) * np.exp(-apart)
    return out


def design(sets: Sequence[WindTies], k: int, names: Sequence[str]) -> FloatArray:
    """Derivative (n, 2, k + 3 strips + sets) of the shifts, km, of one set by all unknowns."""
    ties, turns = sets[k], len(KNOTS)
    out = np.zeros((len(ties), 2, turns + 3 * len(names) + len(sets)))
    out[:, 0, :turns] = spread(ties.latitude, ties.span) * (1e-3 * ties.seconds)
    for name, turning, sign in ((ties.first, ties.turns[0], -1.0), (ties.second, ties.turns[1], 1.0)):
        column = turns + 3 * names.index(name)
        out[:, :, column : column + 3] = sign * turning
    out[:, 0, turns + 3 * len(names) + k] = 1.0
    return out


def known_before(sets: Sequence[WindTies], names: Sequence[str], prior: FloatArray) -> FloatArray:
    """Information (m, m) on all unknowns that the ties do not bring."""
    allowed = {name: cov for t in sets for name, cov in zip((t.first, t.second), t.allowed, strict=True)}
    count = len(KNOTS)
    out = np.zeros((count + 3 * len(names) + len(sets),) * 2)
    out[:count, :count] = np.linalg.inv(prior)
    for k, name in enumerate(names):
        part = slice(count + 3 * k, count + 3 * k + 3)
        out[part, part] = np.linalg.inv(allowed[name])
    for k, ties in enumerate(sets):
        at = count + 3 * len(names) + k
        out[at, at] = (COMMON_PX * ties.native_km) ** -2
    return out


def fit_winds(sets: Sequence[WindTies], winds: ZonalWinds) -> Fit:
    """Solve for the correction of a wind and the rotations of the strips, robustly; `sets` must not be empty."""
    # the order of sums must not depend on the machine's processors, and the matrices are small
    with threadpool_limits(1, user_api="blas"):
        return _fit(sets, winds)


def _fit(sets: Sequence[WindTies], winds: ZonalWinds) -> Fit:
    """What `fit_winds` says."""
    names = tuple(sorted({name for t in sets for name in (t.first, t.second)}))
    prior = prior_of(winds)
    before = known_before(sets, names, prior)
    count, last = len(KNOTS), len(KNOTS) + 3 * len(names)
    rows = [design(sets, k, names) for k in range(len(sets))]
    whiten = [np.swapaxes(np.linalg.cholesky(np.linalg.inv(t.covariance)), 1, 2) for t in sets]
    white = [(w @ a).reshape(-1, len(before)) for w, a in zip(whiten, rows, strict=True)]
    told = [(w @ t.shift[..., None]).ravel() for w, t in zip(whiten, sets, strict=True)]
    weight = [np.ones(len(t)) for t in sets]
    factor = [1.0] * len(sets)
    unknown: FloatArray = np.zeros(len(before))
    information = before
    for _ in range(ROUNDS):
        information, right = before.copy(), np.zeros(len(before))
        for a, d, share, f in zip(white, told, weight, factor, strict=True):
            counts = np.repeat(share / (SHARED * f * f), 2)
            information += a.T @ (a * counts[:, None])
            right += a.T @ (counts * d)
        unknown = np.asarray(np.linalg.solve(information, right))
        for k, (a, d) in enumerate(zip(white, told, strict=True)):
            size = np.linalg.norm((d - a @ unknown).reshape(-1, 2), axis=1)
            # Rayleigh: the median length of two normal components is 1.1774 sigma
            factor[k] = max(float(np.median(size)) / 1.1774, LEAST_FACTOR)
            weight[k] = softened(size / factor[k])
    covariance = np.asarray(np.linalg.inv(information))
    still = np.concatenate([np.zeros(count), unknown[count:]])
    return Fit(
        names, unknown[:count], unknown[count:last].reshape(-1, 3), unknown[last:], covariance, prior,
        tuple(factor), tuple(weight),
        tuple(t.shift - a @ still for t, a in zip(sets, rows, strict=True)),
        tuple(t.shift - a @ unknown for t, a in zip(sets, rows, strict=True)),
        tuple(a[:, 0, count:] for a in rows),
    )  # fmt: skip


def softened(size: FloatArray) -> FloatArray:
    """Weights (n,) of residuals in sigmas: 1 within `LIMIT`, falling beyond as Huber's, 0 from twice it on."""
    out: FloatArray = np.where(size < LIMIT, 1.0, np.where(size < 2.0 * LIMIT, LIMIT / np.maximum(size, LIMIT), 0.0))
    return out
