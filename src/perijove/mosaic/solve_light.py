"""Solving for gains, offsets and the law of one band: robust least squares over all ground that two looks or more see.

A look k measures at a place p

    light = offset_k + gain_k (a_p F + H),

with F and H the law's (`law`). The places' own brightnesses a_p, many thousand, are eliminated; what is left are the
normal equations of two numbers a look and the law's few. Each number has a belief, which decides where the overlaps
cannot: two looks in nearly the same light tell nothing of the law.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perijove.mosaic.law import HARD, Parts, Term, parts_of, rounded

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

GAIN_SIGMA = 0.015
"""Relative sigma of a look's calibration against the others of its pass, before the overlaps are asked: 44C00029 and
44C00030, of different exposure, are 1.4 % apart."""
OFFSET_DN = 0.15
"""Sigma of what stray light is left all over a look, DN: the night side of three strips of perijove 44 reads -0.1 to
0.5 DN more than 6 deg behind the terminator, three simulated passes' 0.0 to 0.1."""
COLOUR = 0.3
"""By how much gains and the law's numbers are believed to differ between bands of visible light, a share of what each
is believed to be off by."""
HUBER = 1.345
"""Residuals beyond so many sigma pull no harder: hits, shadows of moons and clouds that changed."""
BRIGHT, ENOUGH_BRIGHT = 5.0, 100
"""The scatter is told by samples so many sigma bright, of the half for which the law is easier, if they are enough."""
SCATTER = (0.002, 0.1)
"""Bounds of the relative scatter of light about law and ground."""
FIRST_SCATTER = 0.05
PASSES, ENOUGH = 15, 0.1
"""Most iterations, and the change in sigmas at which they end."""
LONGEST = 0.5
"""Largest change of any number in one iteration."""
CALM, DAMPED = 5, 0.6
"""From so many iterations on only this share of a step is taken: weights that follow the numbers make these swing."""
GRAIN_DN = 0.3
"""Sigma, DN, that every sample is granted beside its noise: what stray light changes within a look."""
FEW_IN_PATCH, LEAST_TOGETHER = 10, 4.0
"""Fewest samples of a patch that tell how errors of neighbours go together, and how many count as one at least."""


@dataclass(frozen=True)
class Band:
    """Usable samples (n,) of one band; `look`, `place` and `patch` count from 0, `middle` (rad) is the phase angle
    about which the law is told."""

    look: IntArray
    place: IntArray
    patch: IntArray
    light: FloatArray
    sigma: FloatArray
    cos_i: FloatArray
    cos_e: FloatArray
    phase: FloatArray
    middle: float


@dataclass(frozen=True)
class Solution:
    """Logarithms of gains and offsets (looks,), the law's numbers (m,), and the covariance of all of them in a row.

    `scatter` is the relative scatter of light about law and ground, `together` how many neighbouring samples count as
    one.
    """

    gain: FloatArray
    offset: FloatArray
    numbers: FloatArray
    covariance: FloatArray
    scatter: float
    together: float


def solve_band(band: Band, looks: int, terms: Sequence[Term], offset_sigma: FloatArray) -> Solution:
    """Solve one band; places that one look sees tell nothing and may be among the samples or not.

    `offset_sigma` (looks,) I/F is the belief in offsets of 0. The same samples give the same bits.
    """
    belief = np.concatenate([np.zeros(2 * looks), [term.value for term in terms]])
    width = np.concatenate([np.full(looks, GAIN_SIGMA), offset_sigma, [term.sigma for term in terms]])
    low = np.concatenate([np.full(2 * looks, -np.inf), [term.least for term in terms]])
    high = np.concatenate([np.full(2 * looks, np.inf), [term.most for term in terms]])
    state, covariance = belief.copy(), np.diag(width**2)
    if not len(band.light):
        return Solution(state[:looks], state[looks : 2 * looks], state[2 * looks :], covariance, FIRST_SCATTER, 1.0)
    fit = _Fit(band, looks, terms, offset_sigma * (GRAIN_DN / OFFSET_DN))
    for turn in range(PASSES):
        normal, pull = fit.equations(state)
        covariance = np.linalg.inv(normal / fit.together + np.diag(1.0 / width**2))
        step = covariance @ (pull / fit.together + (belief - state) / width**2)
        step *= min(1.0 if turn < CALM else DAMPED, LONGEST / float(np.abs(step).max()))
        state = np.clip(state + step, low, high)
        if float((np.abs(step) / np.sqrt(np.diag(covariance))).max()) < ENOUGH:
            break
    return Solution(state[:looks], state[looks : 2 * looks], state[2 * looks :], covariance, fit.scatter, fit.together)


def alike(found: Sequence[Solution], looks: int, terms: Sequence[Term]) -> list[Solution]:
    """Solutions of several bands drawn towards one law and one gain a look, as far as each band leaves them open.

    Differences between bands that the ground does not ask for would be tints. What changes a look's light as a whole,
    its exposure first, is the same in all bands.
    """
    if not found:
        return []
    own = np.r_[0:looks, 2 * looks : 2 * looks + len(terms)]
    belief = np.array([GAIN_SIGMA] * looks + [term.sigma for term in terms])
    apart = np.diag((COLOUR * belief) ** 2)
    states = [np.concatenate([one.gain, one.offset, one.numbers]) for one in found]
    weights = [np.linalg.inv(one.covariance[np.ix_(own, own)] + apart) for one in found]
    total = np.sum([w @ state[own] for w, state in zip(weights, states, strict=True)], axis=0)
    common = np.linalg.solve(np.sum(weights, axis=0), total)
    out = []
    for one, state, weight in zip(found, states, weights, strict=True):
        state = state + one.covariance[:, own] @ weight @ (common - state[own])
        numbers = np.clip(state[2 * looks :], [term.least for term in terms], [term.most for term in terms])
        out.append(replace(one, gain=state[:looks], offset=state[looks : 2 * looks], numbers=numbers))
    return out


class _Fit:
    """The state that iterations share: brightness of places, scatter, robust weights."""

    def __init__(self, band: Band, looks: int, terms: Sequence[Term], grain: FloatArray) -> None:
        self.band, self.looks, self.terms = band, looks, terms
        self.places = int(band.place.max()) + 1
        self.ground: FloatArray | None = None
        self.robust = np.ones(len(band.light))
        self.scatter, self.together = FIRST_SCATTER, 50.0
        count = np.bincount(band.place, minlength=self.places)[band.place]
        # what is left of a sample's own error once the mean of its place is taken off
        self.spare = 1.0 - 1.0 / count
        self.ends = np.searchsorted(band.look, np.arange(looks + 1))
        low = rounded(band.cos_i, HARD) ** -4 + rounded(band.cos_e, HARD) ** -4
        self.form = HARD**4 * low
        several = self.spare > 0.0
        self.easy = several & (self.form <= np.median(self.form[several])) if several.any() else several
        self.plain = np.square(band.sigma) + np.square(grain)[band.look]
        _, self.clump = np.unique(band.look * (int(band.patch.max()) + 1) + band.patch, return_inverse=True)
        self.full = np.bincount(self.clump, self.easy) >= FEW_IN_PATCH

    def equations(self, state: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Normal matrix and right side of all numbers, the brightness of places eliminated."""
        b, looks = self.band, self.looks
        gain, offset = np.exp(state[:looks])[b.look], state[looks : 2 * looks][b.look]
        parts = parts_of(self.terms, state[2 * looks :], b.cos_i, b.cos_e, b.phase, b.middle)
        shade = np.exp(parts.ground)
        share = gain * shade
        above = b.light - offset - gain * parts.glow
        sigma = self._brightness(share, shade, parts, above)
        assert self.ground is not None
        lit = shade * self.ground[b.place]
        rest = above - gain * lit
        seen = gain * (lit + parts.glow)
        self._judge(rest, seen, sigma)
        weight = self.robust / sigma**2
        self._count_together(weight, rest, self.plain + (self.scatter * seen) ** 2)
        law = gain[:, None] * (parts.ground_by * lit[:, None] + parts.glow_by)
        return self._reduced(weight, share, rest, seen, law)

    def _brightness(self, share: FloatArray, shade: FloatArray, parts: Parts, above: FloatArray) -> FloatArray:
        """Find the places' brightness, never negative; the samples' sigma (n,)."""
        b = self.band
        for _ in range(2):
            ground = np.maximum(b.light - parts.glow, 0.0) if self.ground is None else shade * self.ground[b.place]
            sigma = np.sqrt(self.plain + (self.scatter**2 + self.form) * (ground + parts.glow) ** 2)
            weight = self.robust / sigma**2
            top = np.bincount(b.place, weight * share * above, self.places)
            bottom = np.bincount(b.place, weight * share * share, self.places)
            self.ground = np.maximum(top / np.maximum(bottom, 1e-300), 0.0)
        return sigma

    def _judge(self, rest: FloatArray, seen: FloatArray, sigma: FloatArray) -> None:
        """Bring the scatter and the robust weights up to date."""
        use = self.easy & (seen > BRIGHT * np.sqrt(self.plain))
        if np.count_nonzero(use) > ENOUGH_BRIGHT:
            spread = 1.4826 * float(np.median(np.abs(rest[use]) / seen[use] / np.sqrt(self.spare[use])))
            noise = float(np.median(self.plain[use] / seen[use] ** 2))
            self.scatter = float(np.clip(np.sqrt(max(spread**2 - noise, 0.0)), *SCATTER))
        self.robust = np.minimum(1.0, HUBER * sigma / np.maximum(np.abs(rest), 1e-300))

    def _count_together(self, weight: FloatArray, rest: FloatArray, alone: FloatArray) -> None:
        """How many samples count as one: the scatter of sums over patches against that of independent samples."""
        weight = weight * self.easy
        total = np.bincount(self.clump, weight * rest)[self.full]
        expected = np.bincount(self.clump, weight**2 * alone * self.spare)[self.full]
        told = expected > 0.0
        if told.any():
            ratio = total[told] ** 2 / expected[told]
            self.together = max(LEAST_TOGETHER, float(np.mean(np.minimum(ratio, 20.0 * np.median(ratio) + 1.0))))

    def _reduced(
        self, weight: FloatArray, share: FloatArray, rest: FloatArray, seen: FloatArray, law: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """The normal equations with the places' brightness eliminated, look by look."""
        b, looks, m = self.band, self.looks, law.shape[1]
        normal, pull = np.zeros((2 * looks + m, 2 * looks + m)), np.zeros(2 * looks + m)
        mixed = np.zeros((self.places, 2 * looks + m))
        for k in range(looks):
            part = slice(self.ends[k], self.ends[k + 1])
            columns = np.column_stack([seen[part], np.ones(part.stop - part.start), law[part]])
            which = np.array([k, looks + k, *range(2 * looks, 2 * looks + m)])
            weighted = columns * weight[part, None]
            normal[np.ix_(which, which)] += weighted.T @ columns
            pull[which] += weighted.T @ rest[part]
            # a look sees a place once
            mixed[np.ix_(b.place[part], which)] += weighted * share[part, None]
        size = np.bincount(b.place, weight * share * share, self.places)
        lean = np.bincount(b.place, weight * share * rest, self.places)
        inverse = np.where(size > 0.0, 1.0 / np.maximum(size, 1e-300), 0.0)
        normal -= (mixed * inverse[:, None]).T @ mixed
        pull -= mixed.T @ (lean * inverse)
        return normal, pull
