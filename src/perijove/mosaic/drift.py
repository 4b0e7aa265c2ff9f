"""Winds measured from the strips of one pass: whose clouds moved between them, and how far.

See `windties` for how clouds are found again and `windfit` for how wind and pointing are told apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from perijove.bodies import Body
from perijove.errors import UsageError
from perijove.instrument import FOCAL_LENGTH_PX
from perijove.mosaic.look import Look
from perijove.mosaic.windfit import KNOTS, Fit, fit_winds, spread
from perijove.mosaic.windties import SHARED, Common, Sighted, WindTies, common_map, match, sighted
from perijove.observation import Observation
from perijove.winds import ZonalWinds, usual_winds

FloatArray = NDArray[np.float64]

BIN_DEG = 2.0
"""Height of a bin of latitude, deg: ties are some three degrees high themselves."""
FEWEST = 3
"""Ties that make a bin."""
PARTNERS = 2
"""Others that each strip is matched with: those that tell most about the wind."""
FEWEST_TIES = 12
"""Fewer ties of a pair than this may be chance."""
LEAST_SIGMA_PX = 0.3
"""Error of a strip's pointing, native px, at least: strips that a limb alone has placed stand off by as much."""
SEVERAL = 6.0
"""Sigmas of the usual wind beyond which a pair that lets clouds move further tells no more than one that does not."""


@dataclass(frozen=True)
class WindPair:
    """Two strips and their ties: names in the order of time, `seconds` between them, `count` of the ties.

    In native px of the coarser camera, `native_km` on the ground: `latitude_px` and `longitude_px` are medians of the
    lengths of the shifts to the north and to the east that are left when the usual wind has carried the clouds,
    `offset_px` (east, north) their medians with sign, `left_px` (east, north) the median lengths once wind and pointing
    are solved.
    """

    first: str
    second: str
    seconds: float
    count: int
    native_km: float
    latitude_px: float
    longitude_px: float
    offset_px: tuple[float, float]
    left_px: tuple[float, float]


@dataclass(frozen=True)
class MeasuredWinds:
    """Winds measured in bins of planetocentric latitude.

    (b,) each: `latitude` rad, the middle of a bin; `speed_m_s` eastward as the ties have it, `sigma_m_s` its error,
    `count` of its ties, `usual_m_s` the wind that was there before. Common to all bins is what the pointing leaves
    open: the mean over latitudes is the usual wind's, as closely as winds and pointing are known. `pairs` tells of each
    pair of strips; `usual` is the profile that was refined, and `refined` the best there is now: that of the ties where
    they say more, the usual one where they say nothing, each with its sigma.
    """

    body: Body
    latitude: FloatArray
    speed_m_s: FloatArray
    sigma_m_s: FloatArray
    count: NDArray[np.int64]
    usual_m_s: FloatArray
    pairs: tuple[WindPair, ...]
    usual: ZonalWinds
    refined: ZonalWinds

    @property
    def latitude_px(self) -> float:
        """Median of the pairs' `latitude_px`, by their ties: the cross-strip residual of the geometry; NaN without."""
        if not self.pairs:
            return float("nan")
        return float(np.median(np.repeat([p.latitude_px for p in self.pairs], [p.count for p in self.pairs])))


def measure_winds(observations: Sequence[Observation], winds: ZonalWinds | None = None) -> MeasuredWinds:
    """Measure the wind between solved strips of one body; `winds` is the profile to start from, else the body's own.

    The order of the strips changes nothing. Where no two strips show the same clouds the result has no bins, and the
    profile is what it was. Raises UsageError for no strips, strips of several bodies, or a body without winds.
    """
    if not observations:
        raise UsageError("no strips to measure winds from: give two or more of one pass")
    bodies = {o.body.name: o.body for o in observations}
    if len(bodies) > 1:
        raise UsageError(f"strips of {', '.join(sorted(bodies))} have no wind in common: give strips of one body")
    (body,) = bodies.values()
    winds = usual_winds(body) if winds is None else winds
    if winds is None:
        raise UsageError(f"{body.name} has no winds to measure: leave them out")
    looks, sigmas = [], {}
    for o in observations:
        name = o.raw.label.product_id
        looks.append(Look(name, tuple(o.swaths()), o.middle_et, o.middle_position, sun=o.middle_sun))
        sigmas[name] = o.pointing.sigma_px
    return measure_looks(looks, sigmas, body, winds)


def measure_looks(
    looks: Sequence[Look], sigmas_px: Mapping[str, float], body: Body, winds: ZonalWinds
) -> MeasuredWinds:
    """Measure the wind between looks whose pointing is known to `sigmas_px`, native px by their names."""
    # the order of sums must not depend on the machine's processors
    with threadpool_limits(1, user_api="blas"):
        return _measured(looks, sigmas_px, body, winds)


def _measured(looks: Sequence[Look], sigmas_px: Mapping[str, float], body: Body, winds: ZonalWinds) -> MeasuredWinds:
    """What `measure_looks` says."""
    ordered = sorted(looks, key=lambda look: look.name)
    seen = [sighted(look, body, max(sigmas_px[look.name], LEAST_SIGMA_PX) / FOCAL_LENGTH_PX) for look in ordered]
    sets = []
    for one, two, common in chosen_pairs(seen, body, winds):
        ties = match(one, two, common, winds)
        if ties is not None and len(ties) >= FEWEST_TIES:
            sets.append(ties)
    if not sets:
        nothing = np.empty(0)
        return MeasuredWinds(body, nothing, nothing, nothing, np.empty(0, np.int64), nothing, (), winds, winds)
    fit = fit_winds(sets, winds)
    latitude, speed, sigma, count = binned(sets, fit, winds)
    pairs = tuple(pair_of(ties, fit, k) for k, ties in enumerate(sets))
    usual = winds.speed(latitude)
    return MeasuredWinds(body, latitude, speed, sigma, count, usual, pairs, winds, refined(fit, winds))


def chosen_pairs(seen: Sequence[Sighted], body: Body, winds: ZonalWinds) -> list[tuple[Sighted, Sighted, Common]]:
    """The pairs that tell most about the wind, with maps of what they share: up to `PARTNERS` for each strip."""
    worth: dict[tuple[int, int], tuple[float, Common]] = {}
    for i, j in combinations(range(len(seen)), 2):
        common = common_map(seen[i], seen[j], body)
        if common is None:
            continue
        grid = common.grid
        moved = float(np.median(winds.sigma_m_s)) * 1e-3 * abs(seen[i].look.et - seen[j].look.et) / grid.scale_km
        worth[i, j] = grid.width * grid.height * min(moved, SEVERAL) ** 2, common
    chosen: set[tuple[int, int]] = set()
    for k in range(len(seen)):
        own = sorted((pair for pair in worth if k in pair), key=lambda pair: (-worth[pair][0], pair))
        chosen.update(own[:PARTNERS])
    return [(seen[i], seen[j], worth[i, j][1]) for i, j in sorted(chosen)]


def binned(
    sets: Sequence[WindTies], fit: Fit, winds: ZonalWinds
) -> tuple[FloatArray, FloatArray, FloatArray, NDArray[np.int64]]:
    """Middle of each bin, its speed, sigma and count: the ties alone, the solved pointing being taken off."""
    latitude = np.concatenate([t.latitude for t in sets])
    moved = np.concatenate([p[:, 0] / (1e-3 * t.seconds) for t, p in zip(sets, fit.pointed, strict=True)])
    # information on a tie's speed, (m/s)^-2
    known = np.concatenate(
        [
            share * (1e-3 * t.seconds) ** 2 / (SHARED * f * f * t.covariance[:, 0, 0])
            for t, share, f in zip(sets, fit.weight, fit.factor, strict=True)
        ]
    )
    others = np.concatenate([row / (1e-3 * t.seconds) for t, row in zip(sets, fit.moved, strict=True)])
    loose = fit.covariance[len(KNOTS) :, len(KNOTS) :]
    over = np.concatenate([spread(t.latitude, t.span) for t in sets])
    step = np.radians(BIN_DEG)
    number = np.floor((latitude + np.pi / 2.0) / step).astype(int)
    rows = []
    for n in np.unique(number[known > 0.0]):
        here = (number == n) & (known > 0.0)
        if here.sum() < FEWEST:
            continue
        middle, total = (n + 0.5) * step - np.pi / 2.0, float(known[here].sum())
        share = known[here] / total
        common, off = share @ others[here], share @ over[here] - spread(np.array([middle]), np.zeros(1))[0]
        # what the mean over patches may stand off from the wind in the middle of the bin, by the wind beforehand
        sigma = np.sqrt(1.0 / total + common @ loose @ common + off @ fit.prior @ off)
        rows.append((middle, float(winds.speed(middle)) + float(share @ moved[here]), float(sigma), int(here.sum())))
    table = np.array(rows).reshape(-1, 4)
    return table[:, 0], table[:, 1], table[:, 2], table[:, 3].astype(np.int64)


def pair_of(ties: WindTies, fit: Fit, k: int) -> WindPair:
    """What one pair's ties say of the geometry."""
    used = fit.weight[k] > 0.0
    px, left = ties.shift[used] / ties.native_km, fit.left[k][used] / ties.native_km
    east, north = (float(v) for v in np.median(np.abs(px), axis=0))
    offset, rest = np.median(px, axis=0), np.median(np.abs(left), axis=0)
    return WindPair(
        ties.first, ties.second, ties.seconds, int(used.sum()), ties.native_km, north, east,
        (float(offset[0]), float(offset[1])), (float(rest[0]), float(rest[1])),
    )  # fmt: skip


def refined(fit: Fit, winds: ZonalWinds) -> ZonalWinds:
    """The profile with its correction, and a sigma that is smaller where the ties said something.

    A profile of few latitudes gets those of the correction, too.
    """
    count = len(KNOTS)
    ratio = np.sqrt(np.diag(fit.covariance)[:count] / np.diag(fit.prior))
    latitude = np.unique(np.round(np.concatenate([winds.latitude, KNOTS]), 9))
    return ZonalWinds(
        latitude,
        winds.speed(latitude) + np.interp(latitude, KNOTS, fit.correction),
        winds.sigma(latitude) * np.clip(np.interp(latitude, KNOTS, ratio), 0.0, 1.0),
        f"{winds.source}, refined by {len(fit.names)} strips",
    )
