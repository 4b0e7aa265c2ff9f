"""A coarse pass over the whole grid: what of each look's weight is smooth, and what is darkened as a whole.

How far a place lies from the edges of a strip, how much noise there is around it, and whether a moon or its shadow lies
on it cannot be told from a part of the grid. Every look is placed on the same grid with larger pixels first; what that
tells is read between those pixels by linear interpolation, so that it is the same whatever part is made.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, uniform_filter

from perijove.geometry.view import View
from perijove.mosaic.place import Placed, Site, Stage, night_share
from perijove.mosaic.sight import weigh_by_fields
from perijove.render.planes import Grid
from perijove.render.threads import processors
from perijove.spill import release

FloatArray = NDArray[np.float64]
Plane = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

MOST_PIXELS = 120_000
"""Pixels of the coarse pass, about."""
WIDEST = 32
"""Most pixels of the grid in one of the coarse pass."""
GRAIN = 0.02
"""Share of the light by which looks differ, whatever their noise."""
SMOOTH = 9
"""Width of the squares over which noise and light are averaged, coarse px."""
SEAM_SHARE = 1 / 3
"""Width of a seam as a share of the distance from a strip's edge to its middle."""
NIGHT_SEAM = 1 / 8
"""The same in the night of a view, as a share of that by day: there looks differ by nothing but noise."""
LEAST_SEAM = np.float32(1e-3)
"""Weight at the very edge of a strip."""
SHADOW = 0.65
"""Light, in that of the other looks, below which a patch of ground counts as being in a shadow."""
ODD = 0.4
"""With three looks or more, the departure (in logarithm) from their median beyond which one shows something else."""
SHADED = 1e-6
"""What is left of the weight of a look there."""
FEW_ROWS = 16
"""Rows of the coarse pass in which looks are compared at a time."""
DAY = 0.2
"""Cosine of incidence from which on a shadow can be told from the law's failure at the terminator."""


@dataclass(frozen=True)
class Fields:
    """Smooth weights of every look, for each `step` px of a grid that goes round in `turn` px (0: it does not).

    `fields` (looks, 3, h, w): weight by noise where the best look is chosen and where all are averaged, and that by the
    distance to the strip's edges. `seen` (looks, h, w) tells roughly where a look has data, `share` (looks,) in how
    much of what any look shows it weighs most.
    """

    step: int
    turn: int
    fields: Plane
    seen: BoolArray
    share: tuple[float, ...]

    def looks_at(self, rows: slice, columns: slice) -> list[int]:
        """Numbers of the looks that may see anything of a block of the grid."""
        h, w = self.seen.shape[1:]
        i = slice(max(rows.start // self.step - 1, 0), min(rows.stop // self.step + 2, h))
        j = np.arange(columns.start // self.step - 1, columns.stop // self.step + 2)
        j = np.unique(j % w if self.turn else np.clip(j, 0, w - 1))
        return [int(k) for k in np.flatnonzero(self.seen[:, i][:, :, j].any(axis=(1, 2)))]

    def window(self, k: int, rows: slice, columns: slice) -> tuple[slice, slice] | None:
        """The rows and columns, counted in a block of the grid, outside which look k sees nothing; None for all."""
        h, w = self.seen.shape[1:]
        i = np.arange(rows.start // self.step - 1, rows.stop // self.step + 2)
        j = np.arange(columns.start // self.step - 1, columns.stop // self.step + 2)
        inside = j % w if self.turn else np.clip(j, 0, w - 1)
        seen = self.seen[k][np.clip(i, 0, h - 1)][:, inside]
        spans = []
        for cells, some, whole in ((i, seen.any(axis=1), rows), (j, seen.any(axis=0), columns)):
            found = cells[some]
            if not len(found):
                return None
            first = max((int(found[0]) - 1) * self.step, whole.start)
            last = min((int(found[-1]) + 2) * self.step, whole.stop)
            if first >= last:
                return None
            spans.append(slice(first - whole.start, last - whole.start))
        return spans[0], spans[1]

    def at(self, k: int, site: Site) -> Plane:
        """The three weights (3, h, w) of look k on a site."""
        out = np.empty((3, *site.shape), np.float32)
        weigh_by_fields(self.fields[k], self.step, self.turn, site.rows.start, site.columns.start, out)
        return out


def coarse_step(grid: Grid, wraps: bool) -> int:
    """Pixels of the grid in one of the coarse pass; one that divides the width of a grid that goes round."""
    step = min(max(math.isqrt(grid.width * grid.height // MOST_PIXELS), 1), WIDEST)
    while wraps and step > 1 and grid.width % step:
        step -= 1
    return step


def coarse_grid(grid: Grid, step: int) -> Grid:
    """The same grid with pixels `step` times larger, as many as it takes to cover it."""
    width, height = -(-grid.width // step), -(-grid.height // step)
    if isinstance(grid, View):
        principal = (grid.principal[0] / step, grid.principal[1] / step)
        return replace(grid, scale=grid.scale * step, width=width, height=height, principal=principal)
    return replace(grid, scale_km=grid.scale_km * step, width=width, height=height)


@dataclass(frozen=True)
class Glimpse:
    """What the coarse pass needs of one look (h, w): where it has `seen` anything, where all of that is `good`, its
    weight by `choice` and by its `seam`, the mean square `bright` of its light and `spread` of its noise around each
    pixel, and its `day`, the light of sunlit ground (NaN elsewhere)."""

    seen: BoolArray
    good: BoolArray
    choice: Plane
    seam: Plane
    bright: FloatArray
    spread: FloatArray
    day: FloatArray


def survey_looks(stage: Stage, seam_px: float | None, threads: int | None) -> Fields:
    """The coarse pass; `seam_px` is the width of seams, None that of a third of the way to a strip's middle."""
    step = coarse_step(stage.grid, stage.wraps)
    grid = coarse_grid(stage.grid, step)
    site = replace(stage, grid=grid).site(slice(0, grid.height), slice(0, grid.width))

    def glimpse(k: int) -> Glimpse:
        alone = replace(stage, looks=stage.looks[k : k + 1], prepared=stage.prepared[k : k + 1]).shrunk(grid, step)
        one = glimpsed(alone.place(0, site), site, step, seam_px, stage.wraps)
        release()
        return one

    with ThreadPoolExecutor(threads or processors()) as pool:
        glimpses = list(pool.map(glimpse, range(len(stage.looks))))
    level = common_light(glimpses)
    fields = np.empty((len(glimpses), 3, *site.shape), np.float32)
    for own, one in zip(fields, glimpses, strict=True):
        own[:2], own[2] = noise_fields(one, level), one.seam
    for own, trust in zip(fields, trusted(glimpses), strict=True):
        own[:2] *= trust
    for n in range(2):
        fields[:, n] /= max(float(fields[:, n].max()), 1e-30)
    top, best = np.zeros(site.shape, np.float32), np.full(site.shape, -1)
    for k, (own, one) in enumerate(zip(fields, glimpses, strict=True)):
        weight = own[0] * own[2] * one.choice
        best[weight > top] = k
        np.maximum(top, weight, out=top)
    count: int = max(int(np.count_nonzero(best >= 0)), 1)
    share = tuple(float(np.count_nonzero(best == k)) / count for k in range(len(glimpses)))
    seen = np.stack([one.seen for one in glimpses])
    return Fields(step, stage.grid.width if stage.wraps else 0, fields, seen, share)


def glimpsed(one: Placed, site: Site, step: int, seam_px: float | None, wraps: bool) -> Glimpse:
    """What the coarse pass needs of a look that was placed on its grid."""
    light: BoolArray = np.asarray(np.isfinite(one.light).all(axis=0) & ~one.full)
    noise: BoolArray = np.asarray(np.isfinite(one.noise).all(axis=0) & ~one.full)
    bright = smoothed(np.square(np.where(light, one.light, 0.0), dtype=float).mean(axis=0), light)
    spread = smoothed(np.square(np.where(noise, one.noise, 0.0), dtype=float).mean(axis=0), noise)
    return Glimpse(
        np.asarray(np.isfinite(one.light).any(axis=0)), light, one.choice,
        seam_field(one, step, seam_px, wraps, night_share(site.angles.cos_incidence)),
        bright, np.maximum(spread, 1e-16), np.where(one.choice > 0.0, daylight(one, site), np.nan),
    )  # fmt: skip


def common_light(glimpses: Sequence[Glimpse]) -> FloatArray:
    """Mean square (h, w) of the light of all looks by their weights: one level for all, lest the dark one win."""
    total, weight = np.zeros(glimpses[0].seen.shape), np.full(glimpses[0].seen.shape, 1e-30)
    for one in glimpses:
        total += one.bright * one.choice * one.seam * one.good
        weight += one.choice * one.seam * one.good
    out: FloatArray = total / weight
    return out


def noise_fields(one: Glimpse, level: FloatArray) -> Plane:
    """Weights by noise (2, h, w) of one look, to choose the best and to average: where the best is chosen noise stops
    to count below `GRAIN` of the light, whose mean square (h, w) is `level`."""
    return np.stack([1.0 / (one.spread + GRAIN**2 * level), 1.0 / one.spread]).astype(np.float32)


def smoothed(values: FloatArray, good: BoolArray, size: int = SMOOTH) -> FloatArray:
    """Means of the good values in squares of some size around each pixel; their median where there are none near by."""
    if not good.any():
        return np.ones_like(values)
    share = uniform_filter(good.astype(float), size, mode="nearest")
    mean = uniform_filter(np.where(good, values, 0.0), size, mode="nearest")
    near = share > 0.5 / size**2
    out: FloatArray = np.where(near, mean / np.where(near, share, 1.0), np.median(values[good]))
    return out


def seam_field(one: Placed, step: int, seam_px: float | None, wraps: bool, night: Plane) -> Plane:
    """Weight (h, w) that rises smoothly from `LEAST_SEAM` at the edges of what all filters of a look have seen.

    The edges of the grid are none. Where it is `night` (h, w), 0 to 1, it rises faster.
    """
    seen = np.isfinite(one.light).all(axis=0) & (one.choice > 0.0)
    if seen.all() or not seen.any():
        return np.maximum(np.asarray(seen, dtype=np.float32), LEAST_SEAM)
    round_about = np.concatenate([seen] * 3, axis=1) if wraps else seen
    away = cv2.distanceTransform(np.asarray(round_about, dtype=np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    if wraps:
        away = away[:, seen.shape[1] : 2 * seen.shape[1]]
    # its last bit depends on where the array lies in memory; the square is a whole number, which mends that
    exact = np.sqrt(np.rint(np.square(away, dtype=float))) - 0.5
    seam = SEAM_SHARE * float(exact.max()) if seam_px is None else seam_px / step
    width = max(seam, 1.0) * (1.0 - (1.0 - NIGHT_SEAM) * night.astype(float))
    part = np.clip(exact / np.maximum(width, 1.0), 0.0, 1.0)
    return np.maximum(part * part * (3.0 - 2.0 * part), LEAST_SEAM).astype(np.float32)


def trusted(glimpses: Sequence[Glimpse]) -> Iterator[Plane]:
    """Weights (h, w) of look after look: near 0 where a moon or its shadow lies on what others show without it."""
    odd = np.zeros((len(glimpses), *glimpses[0].seen.shape), np.bool_)
    for first in range(0, odd.shape[1], FEW_ROWS):
        rows = slice(first, first + FEW_ROWS)
        odd[:, rows] = unlike_others(np.stack([one.day[rows] for one in glimpses]))
    for mine in odd:
        trust = np.ones(mine.shape, np.float32)
        if mine.any():
            # means over 3 px are not as dark at the edge of a shadow as in it
            trust[maximum_filter(mine, 5)] = SHADED
        yield trust


def unlike_others(day: FloatArray) -> BoolArray:
    """Where the daylight (looks, h, w) of looks, NaN unseen, is not that of the others that see the same."""
    seen = np.isfinite(day)
    many = seen.sum(axis=0)
    if not (many > 1).any():
        return np.zeros(day.shape, np.bool_)
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.log(day)
        ordered = np.sort(np.where(seen, logs, np.inf), axis=0)
        middle = np.take_along_axis(ordered, np.maximum((many - 1) // 2, 0)[None], axis=0)
        brightest = np.max(np.where(seen, logs, -np.inf), axis=0)
        odd = (many == 2) & (logs < brightest + math.log(SHADOW))
        odd |= (many > 2) & (np.abs(logs - middle) > ODD)
    out: BoolArray = odd & seen
    return out


def daylight(one: Placed, site: Site) -> FloatArray:
    """Mean light (h, w) of the filters of a look on sunlit ground well above its noise, smoothed; NaN elsewhere."""
    light, sigma = one.light.astype(float).mean(axis=0), one.sigma.astype(float).mean(axis=0)
    lit = site.hit & (light > 10.0 * sigma) & ~one.full
    incidence = site.angles.cos_incidence
    if np.isfinite(incidence).any():
        lit &= incidence > DAY
    means = smoothed(np.where(lit, light, 0.0), lit, 3)
    return np.where(lit & (means > 0.0), means, np.nan)
