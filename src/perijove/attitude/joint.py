"""The joint adjustment: all arcs of a pass in one least squares, held together by what they share.

They share the error of the trajectory, the mounting of the camera and its optics; each has an axis, a rate, a phase,
times and haze of its own, its axis and rate near those of the others. Crossings tie one arc's ground to another's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perijove.attitude.across import Crossing
from perijove.attitude.adjust import ROBUST, Adjustment, whitened_ties
from perijove.attitude.arc import Arc
from perijove.attitude.crossing import Breeze, CrossResiduals, CrossTies, cross_residuals
from perijove.attitude.gather import Solution, used_points
from perijove.attitude.ground import ground_residuals, whitened
from perijove.attitude.leastsquares import Block, minimise_blocks
from perijove.attitude.measure import LimbMeasure
from perijove.attitude.priors import RATE_DRIFT, RATE_SIGMA, Prior, free_unknowns
from perijove.attitude.problem import OFFSET, STATE, Unknowns, limb_residuals
from perijove.attitude.spin import NOMINAL_PERIOD_S
from perijove.attitude.ties import Ties, tie_residuals, weighed_by_scatter

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

STEPS = 20
SHARED = ("twist", "tilt", "line_blue", "sample_blue", "scale_blue", "line_red", "sample_red", "scale_red")
"""What is one and the same for all arcs, but for the trajectory; methane's window is moved by command."""
TURN_SIGMA = np.radians(0.05)
"""How far the axis may turn between arcs: gravity's gradient turns a spinner whose moments of inertia differ by a third
by 1.5 GM / r^3 / 3 / rate, at perijove 0.15 deg an hour at the most, far from it a hundredth of that."""
BIAS_PX, BIAS_PX_HOUR = 0.02, 0.1
"""All ties between two strips may be off alike by so much, px of the coarser, and by more with the time between them:
light falls on the clouds from another side, and they change."""
COMMON = ("ra", "dec", "rate")
"""What each arc has near a value that all have in common."""


@dataclass(frozen=True)
class _Part:
    """An arc in the joint problem: what of its data is used, what may move, and where that stands among all.

    `index` (c,) are places in the arc's own vector, `columns` (c,) in the joint one.
    """

    arc: Arc
    limb: LimbMeasure
    ties: Ties | None
    free: dict[str, Prior]
    order: tuple[str, ...]
    index: IntArray
    columns: IntArray

    def unknowns(self, x: FloatArray) -> Unknowns:
        """The arc's unknowns at a point of the joint problem."""
        vector = self.arc.at.vector()
        vector[self.index] = x[self.columns]
        return self.arc.at.moved(vector)


@dataclass(frozen=True)
class Joint:
    """A joint solution: the arcs with what it says of them, the wind's corrections in `breeze`, and for each crossing
    with ties its residuals and the error (n,) px of the one end against the other that the covariance implies."""

    arcs: tuple[Arc, ...]
    breeze: Breeze
    crossings: tuple[Crossing, ...]
    left: tuple[CrossResiduals | None, ...]
    relative_px: tuple[float, ...]


def solve_joint(
    arcs: Sequence[Arc], crossings: Sequence[Crossing], homes: Sequence[tuple[int, int]], breeze: Breeze
) -> Joint:
    """Least squares over all that the arcs were solved with, and the crossings between strips.

    `homes` has for every strip, by its number, its arc and its number there.
    """
    parts, count = _parts(arcs)
    links = _links(parts, count)
    first_wind = count if links is None else count + len(COMMON)
    tied = [(c, homes[c.first][0], homes[c.second][0]) for c in crossings if c.ties is not None]
    first_bias = first_wind + len(breeze.latitude)
    start = np.zeros(first_bias + 2 * len(tied))
    for part in reversed(parts):
        start[part.columns] = part.arc.at.vector()[part.index]
    if links is not None:
        start[links.columns[-len(COMMON) :]] = links.start
    start[first_wind:first_bias] = breeze.correction
    scene, still = arcs[0].scene, breeze.prior()
    wind_columns = np.arange(first_wind, first_bias)

    def model(x: FloatArray) -> list[Block]:
        blown = replace(breeze, correction=x[first_wind:first_bias])
        at = [part.unknowns(x) for part in parts]
        blocks = [block for part, here in zip(parts, at, strict=True) for block in _own(part, here, x)]
        for i, (crossing, a, b) in enumerate(tied):
            assert crossing.ties is not None
            found = cross_residuals(crossing.ties, at[a], at[b], scene.trajectory, scene.body, blown)
            bias = np.arange(2) + first_bias + 2 * i
            blocks.append(_crossed(crossing.ties, found, parts[a], parts[b], wind_columns, bias, x))
            sigma = _bias_sigma(found)
            blocks.append(Block(x[bias] / sigma, np.eye(2) / sigma, bias, False))
        if links is not None:
            blocks.append(links.block(x))
        if len(wind_columns):
            blocks.append(Block(still @ blown.correction, still, wind_columns, False))
        blocks.append(_trajectory(parts[0], x))
        return blocks

    best = minimise_blocks(model, start, threshold=ROBUST, steps=STEPS)
    at = [part.unknowns(best.x) for part in parts]
    blown = replace(breeze, correction=best.x[first_wind:first_bias])
    told = [_left(c, homes, parts, at, blown, best.covariance) for c in crossings]
    return Joint(
        tuple(_solved(part, here, best.covariance) for part, here in zip(parts, at, strict=True)),
        blown,
        tuple(crossings),
        tuple(left for left, _ in told),
        tuple(relative for _, relative in told),
    )


def _left(
    crossing: Crossing,
    homes: Sequence[tuple[int, int]],
    parts: Sequence[_Part],
    at: Sequence[Unknowns],
    breeze: Breeze,
    covariance: FloatArray,
) -> tuple[CrossResiduals | None, float]:
    """What a crossing's ties leave, and the error of its one strip against the other; None and NaN without ties."""
    if crossing.ties is None:
        return None, float("nan")
    a, b = homes[crossing.first][0], homes[crossing.second][0]
    scene = parts[a].arc.scene
    found = cross_residuals(crossing.ties, at[a], at[b], scene.trajectory, scene.body, breeze)
    return found, _relative(found, parts[a], parts[b], covariance)


def _parts(arcs: Sequence[Arc]) -> tuple[list[_Part], int]:
    """The arcs with their columns in the joint problem, and how many columns there are."""
    place: dict[tuple[str, int], int] = {}
    parts = []
    for k, arc in enumerate(arcs):
        kept = used_points(arc.solution.residuals.px)
        limb = LimbMeasure(arc.solution.limb.points.take(kept), arc.solution.limb.sigma[kept])
        ties = arc.ties
        if ties is not None:
            ties = weighed_by_scatter(ties, tie_residuals(ties, arc.at, arc.scene.trajectory, arc.scene.body))
        own = len(arcs) == 1 or (arc.anchor is not None and arc.anchor.of_the_moment)
        free = dict(free_unknowns(arc.exposures, arc.anchor, arc.at.spin, arc.scene, loose=arc.solution.loose))
        if not own:
            free.update(dict.fromkeys(COMMON))
        names = arc.at.names()
        order = (*free, *names[STATE:OFFSET])
        index = np.array([names.index(n) for n in order])
        columns = []
        for name in order:
            shared = name in SHARED or name in names[STATE:OFFSET]
            columns.append(place.setdefault((name, -1 if shared else k), len(place)))
        parts.append(_Part(arc, limb, ties, free, order, index, np.array(columns)))
    return parts, len(place)


@dataclass(frozen=True)
class _Links:
    """What holds the arcs' axes and rates near common ones: linear, in sigmas, with the common ones' `start`."""

    jacobian: FloatArray
    columns: IntArray
    mean: FloatArray
    start: FloatArray

    def block(self, x: FloatArray) -> Block:
        """Its residuals at a point."""
        return Block(self.jacobian @ x[self.columns] - self.mean, self.jacobian, self.columns, False)


def _links(parts: Sequence[_Part], count: int) -> _Links | None:
    """The links of several arcs to common values in the columns from `count` on; None for a single arc."""
    if len(parts) == 1:
        return None
    spins = [part.arc.at.spin for part in parts]
    start = np.array([spins[0].ra, spins[0].dec, spins[0].rate])
    sigma = np.array([TURN_SIGMA / np.cos(start[1]), TURN_SIGMA, RATE_DRIFT * start[2]])
    wide = len(COMMON)
    jacobian = np.zeros((wide * len(parts) + 1, wide * (len(parts) + 1)))
    mean, columns = np.zeros(len(jacobian)), []
    for k, (part, spin) in enumerate(zip(parts, spins, strict=True)):
        rows = slice(wide * k, wide * (k + 1))
        jacobian[rows, rows] = np.diag(1.0 / sigma)
        jacobian[rows, -wide:] = -np.diag(1.0 / sigma)
        # a right ascension may be counted from another turn
        mean[wide * k] = 2.0 * np.pi * np.round((spin.ra - start[0]) / (2.0 * np.pi)) / sigma[0]
        columns += [int(part.columns[part.order.index(name)]) for name in COMMON]
    nominal = 2.0 * np.pi / NOMINAL_PERIOD_S
    jacobian[-1, -1], mean[-1] = 1.0 / (RATE_SIGMA * nominal), 1.0 / RATE_SIGMA
    return _Links(jacobian, np.array([*columns, *range(count, count + wide)]), mean, start)


def _own(part: _Part, at: Unknowns, x: FloatArray) -> list[Block]:
    """What an arc's own data and priors leave."""
    scene, columns = part.arc.scene, part.columns
    edge = limb_residuals(part.limb.points, at, scene.trajectory, scene.body, scene.sun)
    assert edge.jacobian is not None
    sigma = part.limb.sigma
    blocks = [Block(edge.px / sigma, edge.jacobian[:, part.index] / sigma[:, None], columns, True)]
    if part.ties is not None:
        value, change = whitened_ties(part.ties, tie_residuals(part.ties, at, scene.trajectory, scene.body))
        blocks.append(Block(value, change[:, part.index], columns, True))
    ground = part.arc.solution.ground
    if ground is not None:
        seen = ground_residuals(ground, at, scene.trajectory, scene.body)
        assert seen.jacobian is not None
        change = (ground.whiten @ seen.jacobian[:, :, part.index]).reshape(2 * len(ground), -1)
        blocks.append(Block(whitened(ground, seen).ravel(), change, columns, True))
    known = [(part.order.index(name), prior) for name, prior in part.free.items() if prior is not None]
    where = columns[[i for i, _ in known]]
    mean, spread = np.array([prior for _, prior in known]).T
    return [*blocks, Block((x[where] - mean) / spread, np.diag(1.0 / spread), where, False)]


def _trajectory(part: _Part, x: FloatArray) -> Block:
    """What is known of the trajectory's error, once for all."""
    columns = part.columns[len(part.free) :]
    rows = np.linalg.inv(np.linalg.cholesky(part.arc.scene.trajectory.covariance))
    return Block(rows @ x[columns], rows, columns, False)


def _crossed(
    ties: CrossTies, found: CrossResiduals, one: _Part, two: _Part, wind: IntArray, bias: IntArray, x: FloatArray
) -> Block:
    """What ties between two strips leave but for the `bias` of all; a tie that misses the body counts as nothing."""
    missing = np.asarray(~np.isfinite(found.px).all(axis=1))
    whiten = np.where(missing[:, None, None], 0.0, ties.whiten)
    columns, change = _columns(found, one, two, wind)
    px, change = np.nan_to_num(found.px) - x[bias], np.nan_to_num(change)
    alike = np.broadcast_to(-np.eye(2), (len(px), 2, 2))
    change = np.concatenate([change, alike], axis=2)
    return Block(
        (whiten @ px[..., None]).ravel(),
        (whiten @ change).reshape(2 * len(px), -1),
        np.concatenate([columns, bias]),
        True,
    )


def _bias_sigma(found: CrossResiduals) -> float:
    """How far all ties between two strips may be off alike, px of the second: a match is one in px of the coarser."""
    good = np.isfinite(found.px_km).all(axis=1)
    if not good.any():
        return BIAS_PX
    first, second = np.median(found.px_km[good], axis=0)
    hours = abs(float(np.median(found.apart_s))) / 3600.0
    return float((BIAS_PX + BIAS_PX_HOUR * hours) * max(first, second) / second)


def _columns(found: CrossResiduals, one: _Part, two: _Part, wind: IntArray) -> tuple[IntArray, FloatArray]:
    """The joint unknowns that residuals hang on, each once, and the Jacobian (n, 2, c) by them."""
    parts = (
        (one.columns, found.first[:, :, one.index]),
        (two.columns, found.second[:, :, two.index]),
        (wind, found.wind[:, :, : len(wind)]),
    )
    columns = np.unique(np.concatenate([numbers for numbers, _ in parts]))
    change = np.zeros((*found.px.shape, len(columns)))
    for numbers, jacobian in parts:
        change[:, :, np.searchsorted(columns, numbers)] += jacobian
    return columns, change


def _relative(found: CrossResiduals, one: _Part, two: _Part, covariance: FloatArray) -> float:
    """The error, px rms, of where the one strip lies on the other, by the covariance; the wind's is not in it."""
    columns, change = _columns(found, one, two, np.zeros(0, dtype=np.int64))
    good = np.isfinite(change).all(axis=(1, 2))
    change = change[good]
    variance = np.einsum("npi,ij,npj->np", change, covariance[np.ix_(columns, columns)], change, optimize=True)
    return float(np.sqrt(np.mean(variance)))


def _solved(part: _Part, at: Unknowns, covariance: FloatArray) -> Arc:
    """The arc with what the joint solution says of it."""
    arc, scene = part.arc, part.arc.scene
    whole = arc.solution.limb.points
    residuals = limb_residuals(whole, at, scene.trajectory, scene.body, scene.sun, jacobian=False)
    bulk = limb_residuals(part.limb.points, at, scene.trajectory, scene.body, scene.sun, jacobian=False)
    ties = None if arc.ties is None else tie_residuals(arc.ties, at, scene.trajectory, scene.body)
    ground = arc.solution.ground
    on_map = None if ground is None else ground_residuals(ground, at, scene.trajectory, scene.body, jacobian=False)
    own = covariance[np.ix_(part.columns, part.columns)]
    adjustment = Adjustment(at, part.order, own, bulk, ties, on_map)
    return replace(arc, solution=Solution(arc.solution.limb, residuals, adjustment, ground, arc.solution.loose))
