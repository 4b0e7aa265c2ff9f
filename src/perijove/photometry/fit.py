"""A law found in an observation itself, by how the light falls off along circles of latitude.

ln of the light is ln of the ground plus ln of the law, which is linear in the law's numbers. The ground of Jupiter is
banded, so each narrow circle of latitude has its own unknown brightness and slope with latitude: a belt is then never
taken for limb darkening, and what fixes the law is how the light changes with longitude alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from perijove.errors import UsageError
from perijove.instrument import Filter
from perijove.photometry.models import LEAST_COSINES, Law, Model, Quality, disc

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

LEAST_SAMPLES = 300
MOST_SAMPLES = 60_000
"""More are thinned out at random: the ground, not the count, limits what is learnt."""
LEAST_WEIGHT = 0.3
"""Weight from which a sample is used: outermost edges of a strip are left out."""
CIRCLE_RAD = np.radians(1.0)
SAMPLES_A_CIRCLE = 60
"""Circles of latitude are 1 deg wide, or wider where there are few samples."""
BELT_RAD, LEAST_BELTS = np.radians(10.0), 6
"""Clouds go along latitudes: all samples of one belt of 10 deg (or a sixth of what is seen) count as one where the
errors of the numbers are made, since what its clouds pretend they pretend together."""
PATCH_RAD, PATCH_COSINE = np.radians(3.0), 0.1
"""Samples of one patch of latitude and cosines are neighbours on the ground."""
HUBER = 1.345
"""Residuals beyond so many sigma pull no harder: storms are not limb darkening."""
PASSES = 20
LEAST_SPREAD = 0.005
"""Relative error of a fitted law's form that is never gone below."""
PRIOR: Mapping[Model, tuple[tuple[float, float], ...]] = {
    Model.MINNAERT: ((0.95, 0.3),),
    Model.BARKSTROM: ((1.5, 0.5),),
    Model.FIT: ((1.0, 0.5), (0.0, 1.0)),
}
"""Loose beliefs (value, sigma) of each number, which decide only where an observation cannot."""


@dataclass(frozen=True)
class Samples:
    """Usable samples (n,) of one filter; angles in rad, `sigma` relative to the light, `group` the observation."""

    mu0: FloatArray
    mu: FloatArray
    phase: FloatArray
    latitude: FloatArray
    group: FloatArray
    light: FloatArray
    sigma: FloatArray
    weight: FloatArray


@dataclass(frozen=True)
class Solution:
    """Numbers (m,), their covariance (m, m), residuals (n,) of ln light, their robust sigma, patches (n,), and the
    variance of the numbers were all samples independent over what it is (NaN without numbers)."""

    numbers: FloatArray
    covariance: FloatArray
    residual: FloatArray
    scale: float
    patch: IntArray
    dilution: float


def fit_law(
    light: Mapping[Filter, ArrayLike],
    cos_i: ArrayLike,
    cos_e: ArrayLike,
    phase_rad: ArrayLike,
    weight: Mapping[Filter, ArrayLike],
    latitude_rad: ArrayLike,
    *,
    model: Model = Model.FIT,
    sigma: Mapping[Filter, ArrayLike] | None = None,
    group: ArrayLike | None = None,
) -> Law:
    """A law from samples (n,) of an observation: `light` by filter, the angles' cosines, phase, weight, latitude.

    `model` is 'fit' (two numbers a filter) or 'minnaert' or 'barkstrom' (one); for the laws without numbers only the
    quality is found. `sigma` of the light serves only to say how much of the scatter it explains. Samples of several
    observations are fitted together where `group` (n,) numbers the observation of each: each then has its own
    brightness on every circle of latitude. Samples that are not finite, dark, of little weight or below the law's
    least cosines are left out; full pixels the caller must leave out. Each filter is fitted by itself. The angles must
    be those of the camera that took the light, not of the place a picture of it is drawn from.

    The same samples give the same law. Raises UsageError for another model, or too few usable samples of a filter.
    """
    if model in (Model.HAPKE, Model.LUNAR_LAMBERT):
        raise UsageError(f"the {model} law cannot be fitted to an observation: take fit, minnaert or barkstrom")
    group = np.zeros(np.size(cos_i)) if group is None else group
    angles = tuple(np.ravel(np.asarray(a, float)) for a in (cos_i, cos_e, phase_rad, latitude_rad, group))
    # more threads would sum in another order, and give other last bits on another machine
    with threadpool_limits(1, user_api="blas"):
        found = {
            band: _fit_band(model, band, _usable(band, angles, values, weight[band], (sigma or {}).get(band)))
            for band, values in light.items()
        }
    return Law(
        model=model,
        parameters={band: tuple(float(v) for v in s.numbers) for band, (s, _, _) in found.items()},
        source="fitted to the observation",
        covariance={
            band: tuple(map(tuple, s.covariance.tolist())) for band, (s, _, _) in found.items() if s.numbers.size
        },
        spread={band: spread for band, (_, _, spread) in found.items()},
        least={
            band: (max(LEAST_COSINES[0], q.cos_i[0]), max(LEAST_COSINES[1], q.cos_e[0]))
            for band, (_, q, _) in found.items()
        },
        quality={band: q for band, (_, q, _) in found.items()},
    )


def _usable(
    band: Filter, angles: tuple[FloatArray, ...], light: ArrayLike, weight: ArrayLike, sigma: ArrayLike | None
) -> Samples:
    """The samples that a law can be fitted to, thinned out where they are many."""
    mu0, mu, phase, latitude, group = angles
    value, trust = np.ravel(np.asarray(light, float)), np.ravel(np.asarray(weight, float))
    doubt = np.full_like(value, np.nan) if sigma is None else np.ravel(np.asarray(sigma, float))
    if len({a.shape for a in (value, trust, doubt, *angles)}) > 1:
        raise UsageError(
            f"{band}: light, weight and angles to fit a law to differ in length; give one of each a sample"
        )
    with np.errstate(invalid="ignore"):
        good = (value > 0.0) & np.isfinite(value + phase + latitude + group) & (trust >= LEAST_WEIGHT)
        good &= (mu0 > LEAST_COSINES[0]) & (mu > LEAST_COSINES[1])
    index = np.flatnonzero(good)
    if len(index) < LEAST_SAMPLES:
        raise UsageError(
            f"{band}: {len(index)} samples of lit ground to fit a law to, {LEAST_SAMPLES} are needed; "
            "use a published law instead (minnaert)"
        )
    if len(index) > MOST_SAMPLES:
        index = np.sort(np.random.default_rng(0).choice(index, MOST_SAMPLES, replace=False))
    value, doubt = value[index], doubt[index] / value[index]
    mu0, mu, phase, latitude, group = (a[index] for a in angles)
    return Samples(mu0, mu, phase, latitude, group, value, doubt, np.minimum(trust[index], 1.0))


def _fit_band(model: Model, band: Filter, s: Samples) -> tuple[Solution, Quality, float]:
    """Numbers, quality and relative error of the form of one filter's law."""
    columns, known = _columns(model, band, s)
    solution = _solve(columns, np.log(s.light) - known, s, PRIOR.get(model, ()))
    ends = [tuple(float(v) for v in np.percentile(a, (1.0, 99.0))) for a in (s.mu0, s.mu, s.phase)]
    explained = np.isfinite(s.sigma) & (s.sigma > 0.0)
    chi2 = float("nan")
    if explained.any():
        chi2 = _robust_sigma(solution.residual[explained] / s.sigma[explained]) ** 2
    quality = Quality(
        rms=solution.scale,
        number=len(s.light),
        effective=len(s.light) * solution.dilution,
        cos_i=(ends[0][0], ends[0][1]),
        cos_e=(ends[1][0], ends[1][1]),
        phase_rad=(ends[2][0], ends[2][1]),
        chi2=chi2,
    )
    return solution, quality, _form_error(solution, s)


def _columns(model: Model, band: Filter, s: Samples) -> tuple[FloatArray, FloatArray]:
    """Derivatives (n, m) of ln law by its numbers, and what of it (n,) depends on none."""
    product = np.log(s.mu0 * s.mu)
    if model is Model.MINNAERT:
        return product[:, None], -np.log(s.mu)
    if model is Model.BARKSTROM:
        return np.log(2.0 * s.mu0 * s.mu / (s.mu0 + s.mu))[:, None], -np.log(s.mu)
    if model is Model.FIT:
        return np.stack([product, -np.log(0.5 * (s.mu0 + s.mu))], axis=-1), -np.log(s.mu)
    plain = Law(model, {band: ()}, "the law itself")
    return np.empty((len(product), 0)), np.log(disc(plain, band, s.mu0, s.mu, s.phase))


def _solve(columns: FloatArray, target: FloatArray, s: Samples, prior: tuple[tuple[float, float], ...]) -> Solution:
    """Robust least squares with a free brightness and slope for each circle of latitude."""
    circle, offset = _circles(s.latitude, s.group)
    belt, patch = _belts(s), _patches(s)
    pull = s.weight.copy()
    m = columns.shape[1]
    numbers: FloatArray = np.zeros(m)
    scale = np.inf
    for _ in range(PASSES):
        flat = _level(np.column_stack([columns, target]), circle, offset, pull)
        x, y = flat[:, :m], flat[:, m]
        weighted = x * pull[:, None]
        before = numbers
        numbers = np.asarray(np.linalg.lstsq(weighted.T @ x, weighted.T @ y, rcond=1e-12)[0], float)
        residual = y - x @ numbers
        scale = max(_robust_sigma(residual), 1e-9)
        pull = s.weight * np.minimum(1.0, HUBER * scale / np.maximum(np.abs(residual), 1e-300))
        if m and np.abs(numbers - before).max() < 1e-6:
            break
    if not m:
        return Solution(numbers, np.empty((0, 0)), residual, scale, patch, float("nan"))
    inside = s.weight * (np.abs(residual) <= HUBER * scale)
    inverse = np.linalg.pinv((x * inside[:, None]).T @ x, rcond=1e-12, hermitian=True)
    score = np.stack([np.bincount(belt, v) for v in (weighted * residual[:, None]).T], axis=-1)
    groups = int(belt.max()) + 1
    robust = inverse @ (score.T @ score) @ inverse * groups / max(1, groups - m)
    plain = scale**2 * inverse
    centre, width = np.array(prior).T
    belief = np.diag(1.0 / width**2)
    data = np.linalg.pinv(robust, rcond=1e-12, hermitian=True)
    covariance = np.linalg.inv(data + belief)
    numbers = covariance @ (data @ numbers + belief @ centre)
    dilution = float(np.mean(np.minimum(1.0, np.diag(plain) / np.maximum(np.diag(robust), 1e-300))))
    return Solution(numbers, covariance, y - x @ numbers, scale, patch, dilution)


def _circles(latitude: FloatArray, group: FloatArray) -> tuple[IntArray, FloatArray]:
    """Number of each sample's circle of latitude in its own observation, and its place (-0.5..0.5) across that."""
    low, high = float(latitude.min()), float(latitude.max())
    count = max(1, min(int(np.ceil((high - low) / CIRCLE_RAD)), len(latitude) // SAMPLES_A_CIRCLE))
    place = (latitude - low) / max(high - low, 1e-12) * count
    circle = np.minimum(place.astype(np.int64), count - 1)
    which = np.unique(group, return_inverse=True)[1]
    return which * count + circle, place - circle - 0.5


def _patches(s: Samples) -> IntArray:
    """Number of each sample's patch, counted from 0 without gaps."""
    steps = [np.floor(a / b).astype(np.int64) for a, b in
             ((s.latitude - s.latitude.min(), PATCH_RAD), (s.mu0, PATCH_COSINE), (s.mu, PATCH_COSINE))]  # fmt: skip
    key = (steps[0] * 32 + steps[1]) * 32 + steps[2]
    return np.unique(key, return_inverse=True)[1].astype(np.int64)


def _belts(s: Samples) -> IntArray:
    """Number of each sample's broad belt of latitude."""
    low, high = float(s.latitude.min()), float(s.latitude.max())
    count = max(LEAST_BELTS, round((high - low) / BELT_RAD))
    place = (s.latitude - low) / max(high - low, 1e-12) * count
    belt: IntArray = np.minimum(place.astype(np.int64), count - 1)
    return belt


def _level(values: FloatArray, circle: IntArray, offset: FloatArray, pull: FloatArray) -> FloatArray:
    """Columns (n, m) less the weighted straight line in latitude through each circle's samples."""
    total = np.maximum(np.bincount(circle, pull), 1e-300)
    middle = (np.bincount(circle, pull * offset) / total)[circle]
    lean = offset - middle
    squares = np.bincount(circle, pull * lean * lean)
    out = np.empty_like(values)
    for j, column in enumerate(values.T):
        rest = column - (np.bincount(circle, pull * column) / total)[circle]
        slope = np.bincount(circle, pull * lean * rest) / np.maximum(squares, 1e-12)
        out[:, j] = rest - slope[circle] * lean
    return out


def _robust_sigma(values: FloatArray) -> float:
    """Standard deviation by the median of absolute values."""
    return float(1.4826 * np.median(np.abs(values)))


def _form_error(solution: Solution, s: Samples) -> float:
    """Relative rms by which the law misses the mean light at the same cosines, beyond what the ground explains.

    Residuals are averaged over patches, patches of the same cosines over latitudes; the scatter of the former tells
    how far the latter may stray from 0 by chance.
    """
    bounded = np.clip(solution.residual, -3.0 * solution.scale, 3.0 * solution.scale)
    many = np.bincount(solution.patch)
    mean = np.bincount(solution.patch, bounded) / many
    first = np.unique(solution.patch, return_index=True)[1]
    steps = np.floor(s.mu0[first] / PATCH_COSINE) * 32 + np.floor(s.mu[first] / PATCH_COSINE)
    cell = np.unique(steps, return_inverse=True)[1]
    count = np.bincount(cell)
    middle = np.bincount(cell, mean) / count
    spare = np.maximum(count - 1, 1)
    chance = np.bincount(cell, (mean - middle[cell]) ** 2) / spare / count
    full = count >= 5
    if not full.any():
        return max(LEAST_SPREAD, solution.scale)
    excess = float(np.mean(middle[full] ** 2 - chance[full]))
    return max(LEAST_SPREAD, float(np.sqrt(max(0.0, excess))))
