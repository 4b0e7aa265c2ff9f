"""Seams: how far looks differ where they overlap, before and after their light is balanced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.instrument import Filter
from perijove.mosaic.samples import Samples

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

DAY, HIGH = 0.08, 0.12
"""Cosines of incidence and emission from which ground counts: nearer to terminator and limb weight passes to others."""
FEW, MANY = 20, 5000
"""Fewest common samples of a bin, and in all, that tell of a step, and how many of a pair are looked at."""
EDGES = np.linspace(0.0, 1.0, 11)
"""Edges of the bins in the cosines of incidence and emission."""


@dataclass(frozen=True)
class Apart:
    """Levelled light (n,) of one band's samples, the glow in it, and ln of the shading of the ground behind."""

    light: FloatArray
    glow: FloatArray
    shade: FloatArray


@dataclass(frozen=True)
class Step:
    """How far two looks differ in one band, before and after balancing, and by chance alone (`sigma`): % of the light.

    It is the root mean square, over patches of the ground that both see by day, of the median difference. `places` is
    the number of places compared.
    """

    first: str
    second: str
    band: Filter
    places: int
    before: float
    after: float
    sigma: float


@dataclass(frozen=True)
class Residual:
    """What is left of light, by how it was lit and seen: medians over all pairs of looks, % of the light.

    `before` and `after` (bands, incidences, emissions) belong to the bins of the mean cosine of the two looks between
    `EDGES`, NaN where too few places tell; `places` (bands, incidences, emissions) says how many do.
    """

    bands: tuple[Filter, ...]
    before: FloatArray
    after: FloatArray
    places: IntArray

    def rms(self, after: bool = True) -> FloatArray:
        """Root mean square (bands,) over the bins, each by its places; NaN without any."""
        values = self.after if after else self.before
        weight = np.where(np.isfinite(values), self.places, 0)
        total = weight.sum(axis=(1, 2))
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.where(weight > 0, values, 0.0) ** 2 * weight
            out: FloatArray = np.sqrt(mean.sum(axis=(1, 2)) / total)
        return out


@dataclass(frozen=True)
class _Common:
    """Indices (m,) of samples of two looks at the same places, and their relative differences (m,) in %."""

    first: IntArray
    second: IntArray
    before: FloatArray
    after: FloatArray


def steps_of(samples: Samples, apart: Sequence[Apart]) -> tuple[Step, ...]:
    """The steps of every pair of looks that share ground by day, band by band."""
    steps = []
    for b, band in enumerate(samples.bands):
        for (i, j), common in _pairs(samples, b, apart[b]):
            patch = samples.patch[samples.place[common.first]]
            before, after, sigma = _by_patch(patch, common)
            steps.append(Step(samples.names[i], samples.names[j], band, len(patch), before, after, sigma))
    return tuple(steps)


def residual_of(samples: Samples, apart: Sequence[Apart]) -> Residual:
    """What balancing leaves by cosines of incidence and emission."""
    bins = len(EDGES) - 1
    shape = (len(samples.bands), bins * bins)
    before, after, places = np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape, np.int64)
    for b in range(len(samples.bands)):
        cells: dict[int, list[tuple[FloatArray, FloatArray]]] = {}
        for _, common in _pairs(samples, b, apart[b]):
            mu0, mu = (0.5 * (c[common.first] + c[common.second]) for c in (samples.cos_i, samples.cos_e))
            cell = np.minimum((mu0 * bins).astype(int), bins - 1) * bins + np.minimum((mu * bins).astype(int), bins - 1)
            for c in np.unique(cell):
                here = cell == c
                if np.count_nonzero(here) >= FEW:
                    cells.setdefault(int(c), []).append((common.before[here], common.after[here]))
        for c, found in cells.items():
            many = np.array([len(one) for one, _ in found])
            places[b, c] = many.sum()
            # the sign of a pair's difference has no meaning beyond it
            medians = [(np.median(x) ** 2, np.median(y) ** 2) for x, y in found]
            before[b, c], after[b, c] = np.sqrt(np.average(medians, axis=0, weights=many))
    full = (len(samples.bands), bins, bins)
    return Residual(samples.bands, before.reshape(full), after.reshape(full), places.reshape(full))


def _pairs(samples: Samples, b: int, apart: Apart) -> list[tuple[tuple[int, int], _Common]]:
    """Pairs of looks with what they share by day in band `b`."""
    good = np.isfinite(samples.light[b]) & (samples.cos_i > DAY) & (samples.cos_e > HIGH)
    light = samples.light[b]
    looks, places = len(samples.names), len(samples.latitude)
    where = np.full((looks, places), -1, np.int64)
    index = np.flatnonzero(good)
    where[samples.look[index], samples.place[index]] = index
    found = []
    for i in range(looks):
        for j in range(i + 1, looks):
            both = np.flatnonzero((where[i] >= 0) & (where[j] >= 0))
            if len(both) < FEW:
                continue
            both = both[:: -(-len(both) // MANY)]
            first, second = where[i, both], where[j, both]
            before = 200.0 * (light[first] - light[second]) / (light[first] + light[second])
            found.append(((i, j), _Common(first, second, before, _difference(apart, first, second))))
    return found


def _difference(apart: Apart, first: IntArray, second: IntArray) -> FloatArray:
    """Relative differences (m,), %, of samples brought to the angles half way between theirs."""
    middle = 0.5 * (apart.shade[first] + apart.shade[second])
    glow = 0.5 * (apart.glow[first] + apart.glow[second])
    a, b = (glow + (apart.light[k] - apart.glow[k]) * np.exp(middle - apart.shade[k]) for k in (first, second))
    out: FloatArray = 200.0 * (a - b) / (a + b)
    return out


def _by_patch(patch: IntArray, common: _Common) -> tuple[float, float, float]:
    """Root mean square over patches of the median differences before and after, and of the latter's chance error."""
    order = np.argsort(patch, kind="stable")
    ends = np.flatnonzero(np.diff(patch[order])) + 1
    rows = []
    for part in np.split(order, ends):
        middle = float(np.median(common.after[part]))
        spread = 1.4826 * float(np.median(np.abs(common.after[part] - middle)))
        rows.append((len(part), float(np.median(common.before[part])), middle, 1.2533 * spread / np.sqrt(len(part))))
    table = np.array([row for row in rows if row[0] >= FEW // 2] or rows)
    before, after, chance = np.sqrt(np.average(table[:, 1:] ** 2, axis=0, weights=table[:, 0]))
    return float(before), float(after), float(chance)
