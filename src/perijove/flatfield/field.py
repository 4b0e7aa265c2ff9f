"""Field: the smooth part of the response, told apart from the clouds and their limb darkening by least squares.

The logarithm of the light of every place that was measured is the sum of a smooth function of (line, sample), which is
wanted; of the brightness of the place's latitude, common to all strips and a little different in each pass; of a
low-degree law of cos i and cos e; of one level a strip; and of the place's own clouds. The clouds are a random
effect: what one pass saw of a square of ground is compared with itself wherever it fell on the chip (each measurement
less the share theta of the square's mean, as for panels of data), and with its latitude as far as clouds allow.
Ground that consecutive framelets share adds ties between the first and the last lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray
from scipy import sparse

from perijove.instrument import FRAMELET_LINES, SAMPLES

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

SAMPLE_DEGREE = 8
LINE_DEGREE = 2
CROSSED = ((1, 1), (2, 1))
"""Degrees (sample, line) of the products that are fitted besides."""
TERMS = SAMPLE_DEGREE + LINE_DEGREE + len(CROSSED)
PHOTOMETRY = 6
TERM_SIGMA = (*[0.15] * 2, *[0.03] * (SAMPLE_DEGREE - 2), 0.05, 0.02, 0.01, 0.01)
"""How far the terms may lie from the default response: a lens darkens smoothly from its middle outwards."""
LAW_SIGMA = (0.3, 0.3, 0.1, 0.1, 0.1, 0.1)
"""How far the law may lie from Lambert's (the first exponent 1, all else 0)."""
BAND_RAD = np.radians(2.0)
"""Distance of the knots of brightness by latitude."""
BANDS = round(np.pi / BAND_RAD) + 1
SQUARE_RAD = np.radians(0.7)
"""Side of the squares of ground that are taken to be the same cloud in all strips of a pass: at the equator's 100 m/s
a cloud moves by half of it in an hour."""
PASS_SIGMA = 0.03
"""How much the brightness of a latitude differs from pass to pass, relative: what the fit takes it to be beforehand."""
PASS_LEVEL_SIGMA = 0.05
"""How well the camera's fading from pass to pass is known, relative."""
LEVEL_SIGMA = 0.002
"""The same from strip to strip of one pass: exposures are whole stages of the readout's clock."""
TIE_SIGMA = 0.01
"""Relative error of one tie: noise, and ground that is not met exactly."""
HUBER = 1.5
ROUNDS = 4


@dataclass(frozen=True)
class Measured:
    """The large-scale measurements of one filter of one strip.

    n cells: `light` DN, `veil` DN that one whole share of stray light adds, `known` the default response, `line`,
    `sample` (continuous native px), `latitude`, `longitude` rad, `cos_i`, `cos_e`, `cos_phase`, `frame`. m ties: `tie`
    (m, 5) as line and sample here, line and sample in the next framelet, and the logarithm of the light there over that
    here. `strip` and `group` (pass) number where they come from; `per_light` is the DN of an I/F of 1.
    """

    light: FloatArray
    veil: FloatArray
    known: FloatArray
    line: FloatArray
    sample: FloatArray
    latitude: FloatArray
    longitude: FloatArray
    cos_i: FloatArray
    cos_e: FloatArray
    cos_phase: FloatArray
    frame: IntArray
    tie: FloatArray
    strip: int
    group: int
    per_light: float


@dataclass(frozen=True)
class Field:
    """The smooth response over the default one: `terms` (TERMS,) of `field_basis` for its logarithm.

    `covariance` is theirs.

    `law` (PHOTOMETRY,) belongs to `photometry_terms`; `cloud` and `noise` are the scatter of the squares about their
    latitude and within themselves; `cells`, `ties` and `strips` were used.
    """

    terms: FloatArray
    covariance: FloatArray
    law: FloatArray
    cloud: float
    noise: float
    cells: int
    ties: int
    strips: int

    def response(self, line: FloatArray, sample: FloatArray) -> FloatArray:
        """Smooth response at continuous pixels over the default one, of any level."""
        out: FloatArray = np.exp(field_basis(line, sample) @ self.terms)
        return out

    def sigma(self, line: FloatArray, sample: FloatArray) -> FloatArray:
        """One-sigma relative error of the response over its mean over the places given."""
        basis = field_basis(line, sample)
        basis = basis - basis.reshape(-1, TERMS).mean(axis=0)
        return np.asarray(np.sqrt(np.einsum("...i,ij,...j->...", basis, self.covariance, basis)))


def field_basis(line: FloatArray, sample: FloatArray) -> FloatArray:
    """Legendre polynomials (..., TERMS) of where a continuous pixel lies in the framelet, without the constant."""
    y, x = 2.0 * np.asarray(line) / FRAMELET_LINES - 1.0, 2.0 * np.asarray(sample) / SAMPLES - 1.0
    across = legendre.legvander(x, max(SAMPLE_DEGREE, *(c[0] for c in CROSSED)))
    down = legendre.legvander(y, max(LINE_DEGREE, *(c[1] for c in CROSSED)))
    parts = [across[..., k] for k in range(1, SAMPLE_DEGREE + 1)] + [down[..., k] for k in range(1, LINE_DEGREE + 1)]
    return np.stack([*parts, *(across[..., i] * down[..., j] for i, j in CROSSED)], axis=-1)


def photometry_terms(cos_i: FloatArray, cos_e: FloatArray, cos_phase: FloatArray) -> FloatArray:
    """Terms (..., PHOTOMETRY) of the logarithm of a law: Minnaert's two, and a thin layer of haze over the clouds.

    Haze takes light on both ways, and adds its own: a low-degree function of the phase angle over the cosines'
    product, relative to clouds that shine as that product does.
    """
    both = (cos_i * cos_e) ** -0.9
    return np.stack(
        [np.log(cos_i), np.log(cos_e), 1.0 / cos_i + 1.0 / cos_e, both, both * cos_phase, both * cos_phase**2], axis=-1
    )


def fit_field(strips: Sequence[Measured], share: float = 0.0) -> Field:
    """The smooth response from all strips of one filter; ValueError where there is nothing to fit.

    `share` of the veil is taken off as stray light. The errors come from how the strips disagree (each strip's
    residuals are taken to be correlated throughout); of fewer than eight strips, from how their framelets do.
    """
    problem = _Problem(strips, share)
    weight, solution, covariance = np.ones(problem.count), np.zeros(problem.columns), np.zeros((1, 1))
    noise, cloud = 0.03, 0.05
    for _ in range(ROUNDS):
        rows, values, clusters = problem.rows(noise, cloud)
        weighted = sparse.diags_array(weight) @ rows
        normal = (rows.T @ weighted).toarray() + problem.prior(noise)
        inverse = np.linalg.inv(normal)
        solution = inverse @ (weighted.T @ values)
        residual = values - rows @ solution
        covariance = _sandwich(inverse, weighted, residual, clusters)
        # what is known beforehand has its error too
        covariance += inverse @ problem.prior(noise) @ inverse * noise**2
        off = np.abs(residual) / np.maximum(1.4826 * np.median(np.abs(residual)), 1e-12)
        weight = np.minimum(1.0, HUBER / np.maximum(off, 1e-9))
        noise, cloud = problem.scatter(solution)
    return Field(
        terms=solution[:TERMS],
        covariance=covariance[:TERMS, :TERMS],
        law=solution[TERMS : TERMS + PHOTOMETRY] + np.r_[1.0, np.zeros(PHOTOMETRY - 1)],
        cloud=cloud,
        noise=noise,
        cells=problem.cells,
        ties=problem.count - problem.cells,
        strips=len(strips),
    )


def _sandwich(inverse: FloatArray, rows: sparse.csr_array, residual: FloatArray, clusters: IntArray) -> FloatArray:
    """Covariance of a solution whose residuals are correlated inside clusters and nowhere else."""
    _, which = np.unique(clusters, return_inverse=True)
    groups = int(which.max()) + 1
    picked = sparse.csr_array((residual, (which, np.arange(len(which)))), shape=(groups, len(which)))
    scores = (picked @ rows).toarray()
    out: FloatArray = inverse @ (scores.T @ scores) @ inverse * (groups / max(groups - 1, 1))
    return out


class _Problem:
    """The rows of the least-squares problem; its unknowns are the field's terms, the law's, bands, bands by pass,
    and levels."""

    def __init__(self, strips: Sequence[Measured], share: float) -> None:
        """Lay out the unknowns."""
        strips = [s for s in strips if len(s.light)]
        if not strips:
            raise ValueError("no strip shows smooth cloud")
        groups = sorted({s.group for s in strips})
        self._groups = len(groups)
        self.columns = TERMS + PHOTOMETRY + BANDS * (1 + len(groups)) + len(groups) + len(strips)
        self.cells = sum(len(s.light) for s in strips)
        self.count = self.cells + sum(len(s.tie) for s in strips)
        self._strip = np.concatenate([np.full(len(s.light), k) for k, s in enumerate(strips)])
        self._values = np.concatenate(
            [np.log((s.light - share * s.veil) / s.known / s.cos_i / s.per_light) for s in strips]
        )
        self._x = sparse.vstack(
            [_cell_rows(s, k, groups.index(s.group), len(groups), self.columns) for k, s in enumerate(strips)],
            format="csr",
        )
        self._square = _squares(strips)
        self._tie_rows = _tie_rows(strips, self.columns)
        self._ties = np.concatenate([s.tie[:, 4] for s in strips])
        by_frame = len(strips) < LEAST_CLUSTERS
        frames = [1000 * k + s.frame if by_frame else np.full(len(s.frame), k) for k, s in enumerate(strips)]
        self._clusters = np.concatenate([*frames, *(np.full(len(s.tie), 1000 * k) for k, s in enumerate(strips))])

    def prior(self, noise: float) -> FloatArray:
        """What is known beforehand, in units of a cell's noise: see `TERM_SIGMA`, `LAW_SIGMA`, `PASS_SIGMA`."""
        sigma = np.full(self.columns, 10.0)
        sigma[: TERMS + PHOTOMETRY] = [*TERM_SIGMA, *LAW_SIGMA]
        first = TERMS + PHOTOMETRY + BANDS
        levels = first + BANDS * self._groups
        sigma[first:levels] = PASS_SIGMA
        sigma[levels : levels + self._groups] = PASS_LEVEL_SIGMA
        sigma[levels + self._groups :] = LEVEL_SIGMA
        return np.diag((noise / sigma) ** 2)

    def rows(self, noise: float, cloud: float) -> tuple[sparse.csr_array, FloatArray, IntArray]:
        """Whitened rows and values, in units of a cell's noise."""
        share = self._theta(noise, cloud)
        mean = sparse.diags_array(share) @ (self._average @ self._x)
        values = self._values - (share * (self._average @ self._values))[self._square]
        rows = self._x - sparse.csr_array(mean)[self._square]
        scale = TIE_SIGMA / noise
        both = sparse.vstack([rows, self._tie_rows / scale], format="csr")
        return both, np.r_[values, self._ties / scale], self._clusters

    def _theta(self, noise: float, cloud: float) -> FloatArray:
        """Share of each square's mean that is taken off: near 1 where it was measured often."""
        return np.asarray(1.0 - np.sqrt(noise**2 / (noise**2 + self._seen * cloud**2)))

    @property
    def _seen(self) -> FloatArray:
        return np.bincount(self._square).astype(float)

    @property
    def _average(self) -> sparse.csr_array:
        n = len(self._square)
        return sparse.csr_array((1.0 / self._seen[self._square], (self._square, np.arange(n))))

    def scatter(self, solution: FloatArray) -> tuple[float, float]:
        """Noise of a cell and scatter of the squares' clouds, robust, by the residuals of a solution."""
        left = self._values - self._x @ solution
        mean = np.bincount(self._square, left) / self._seen
        many = self._seen > 1
        inside = (left - mean[self._square])[many[self._square]]
        lost = np.sqrt(np.mean(1.0 - 1.0 / self._seen[self._square][many[self._square]])) if many.any() else 1.0
        noise = 1.4826 * float(np.median(np.abs(inside))) / max(float(lost), 0.5) if many.any() else 0.02
        cloud = 1.4826 * float(np.median(np.abs(mean)))
        return max(noise, 0.003), max(cloud, 0.003)


LEAST_CLUSTERS = 8


def _cell_rows(s: Measured, k: int, group: int, groups: int, columns: int) -> sparse.csr_array:
    """Rows of one strip's cells."""
    n = len(s.light)
    dense = np.concatenate([field_basis(s.line, s.sample), photometry_terms(s.cos_i, s.cos_e, s.cos_phase)], axis=1)
    at = (s.latitude + np.pi / 2.0) / BAND_RAD
    low = np.clip(np.floor(at).astype(int), 0, BANDS - 2)
    part = at - low
    width, first = dense.shape[1], TERMS + PHOTOMETRY
    own = first + BANDS * (1 + group)
    levels = first + BANDS * (1 + groups)
    values = np.concatenate([dense, np.stack([1 - part, part, 1 - part, part, np.ones(n), np.ones(n)], axis=1)], axis=1)
    where = np.concatenate(
        [
            np.broadcast_to(np.arange(width), (n, width)),
            np.stack(
                [
                    first + low,
                    first + low + 1,
                    own + low,
                    own + low + 1,
                    np.full(n, levels + group),
                    np.full(n, levels + groups + k),
                ],
                axis=1,
            ),
        ],
        axis=1,
    )
    begins = np.arange(n + 1) * (width + 6)
    return sparse.csr_array((values.ravel(), where.ravel(), begins), shape=(n, columns))


def _tie_rows(strips: Sequence[Measured], columns: int) -> sparse.csr_array:
    """Rows of the ties: only the field's terms differ between their ends."""
    tie = np.concatenate([s.tie for s in strips])
    out = np.zeros((len(tie), columns))
    out[:, :TERMS] = field_basis(tie[:, 2], tie[:, 3]) - field_basis(tie[:, 0], tie[:, 1])
    return sparse.csr_array(out)


def _squares(strips: Sequence[Measured]) -> IntArray:
    """Number of the square of ground, by pass, of every cell."""
    latitude = np.concatenate([s.latitude for s in strips])
    longitude = np.concatenate([s.longitude for s in strips]) % (2.0 * np.pi)
    group = np.concatenate([np.full(len(s.latitude), s.group) for s in strips])
    row = np.floor((latitude + np.pi / 2.0) / SQUARE_RAD)
    side = SQUARE_RAD / np.maximum(np.cos((row + 0.5) * SQUARE_RAD - np.pi / 2.0), 0.02)
    column = np.floor(longitude / side)
    _, which = np.unique(np.stack([group, row, column], axis=1), axis=0, return_inverse=True)
    return np.asarray(which.ravel(), np.int64)
