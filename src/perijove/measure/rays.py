"""Rays: what a crater threw over the ground around it, bright or dark, and how sure that is.

Two things tell: the annulus is brighter or darker than the plane through the ground outside it, and its texture points
away from the centre. Both are held against the same measurement around many places nearby (controls), so that lanes and
dark blocks count as the chance they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, norm

from perijove.errors import UsageError
from perijove.measure.annulus import (
    OUTSIDE,
    Frame,
    contrasts,
    control_centres,
    make_frame,
    radial_texture,
    without_trend,
)  # fmt: skip
from perijove.measure.patch import MeasureError, Patch

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Tone = Literal["bright", "dark", "none"]
Verdict = Literal["bright rays", "dark rays", "none"]

REACHES = (5.0, 8.0, 12.0, 16.0)
"""Outer edges that are tried, in crater radii."""
MOST_CONTROLS, LEAST_CONTROLS = 60, 12
TURNS = 3
"""Turns of the rays' sectors that are tried on each control."""
LEAST_SIGMA = 3.0
"""Significance from which rays are taken for real."""
LEAST_SECTORS = 4
"""Sectors with rays at least; where fewer stand 2 sigma out, fainter ones count too."""
LEAST_TONE = 1.5
"""Sigmas that the brightness alone must reach to say whether they are bright or dark."""


@dataclass(frozen=True)
class BandRays:
    """The rays in one band.

    `contrast` is ray over background less 1, `sigma` its uncertainty with the terrain's own unevenness in it, `tone`
    what that makes them. `extent_km` is the distance from the centre to which they stay above twice that uncertainty,
    NaN where they do nowhere; `open_ended` says that this is as far as was looked. `by_ring` and `by_ring_sigma` (k,)
    are the contrast by ring. `colour` is the ray's colour over the background's, (ray / background) in this band over
    the same in the reference band, with `colour_sigma`.
    """

    band: str
    tone: Tone
    contrast: float
    sigma: float
    extent_km: float
    open_ended: bool
    by_ring: FloatArray
    by_ring_sigma: FloatArray
    colour: float
    colour_sigma: float


@dataclass(frozen=True)
class Rays:
    """Rays of a crater at `centre` (planetocentric latitude, east longitude, rad) with `radius_km`.

    `verdict` over all bands, with its `significance` in sigmas of what the same measurement gives around places nearby
    (`controls` of them). `azimuths` (s,) rad clockwise from north are the middles of the sectors and `is_ray` (s,)
    tells which hold a ray; `by_sector` (bands, s) is the contrast in each and `sector_sigma` (bands,) what sectors
    differ by without rays. `edges_km` (k + 1,) are the rings' edges, and `known` (s, k) tells which cells have data: a
    sector with less than half of them holds no ray, and none is missed there.
    """

    centre: tuple[float, float]
    radius_km: float
    verdict: Verdict
    significance: float
    bands: tuple[BandRays, ...]
    reference: str
    azimuths: FloatArray
    is_ray: BoolArray
    by_sector: FloatArray
    sector_sigma: FloatArray
    edges_km: FloatArray
    known: BoolArray
    controls: int

    @property
    def coverage(self) -> float:
        """Share of the azimuths that were seen, half of the way out or more, that hold a ray, 0 to 1."""
        return float(self.is_ray[_seen(self.known)].mean())


@dataclass(frozen=True)
class _Look:
    """An annulus of one reach: contrasts (bands, sectors, rings) here and of the controls.

    `z` is how bright it is, `streaks` how much its texture points outward, both in sigmas of the controls.
    """

    frame: Frame
    here: FloatArray
    controls: tuple[FloatArray, ...]
    z: float
    streaks: float

    @property
    def significance(self) -> float:
        """Sigmas of both signs together: that of a chi square of two degrees of freedom."""
        square = self.z**2 + max(self.streaks, 0.0) ** 2
        return _sigmas(float(chi2.sf(square, 2)), square)


def measure_rays(
    patch: Patch,
    centre: tuple[float, float],
    radius_km: float,
    *,
    inner: float = 1.4,
    outer: float | None = None,
    reference: str | None = None,
    seed: int = 0,
) -> Rays:
    """The rays between `inner` and `outer` crater radii of the crater at `centre` (rad) with `radius_km`.

    Light is compared with the plane through the ground from `outer` to 1.6 times that; with `outer` None reaches of 5,
    8, 12 and 16 radii are tried as far as the patch goes, the clearest is taken (of those that tell bright from dark,
    where any does), and its significance lowered for the choice. `reference` is the band that colours are relative to
    (None: GREEN where there is one, otherwise the first). `seed` chooses the places nearby that show what the terrain
    does without rays: a patch that reaches 3 times as far as `outer` has room for enough of them.

    A verdict other than none needs 3 sigma. MeasureError where half of the annulus has no data, or there is too little
    ground to compare with; UsageError where the annulus does not fit the patch.
    """
    name = reference if reference is not None else ("GREEN" if "GREEN" in patch.bands else patch.bands[0])
    if name not in patch.bands:
        raise UsageError(f"there is no band {name!r} to relate colours to: give one of {', '.join(patch.bands)}")
    where = patch.pixel_of(*patch.plane.xy_of(*centre))
    radius = radius_km / patch.scale_km
    reaches = _reaches(patch, where, radius, inner, outer)
    found = [
        look for reach in reaches if (look := _look(patch, where, inner * radius, reach * radius, seed)) is not None
    ]
    if not found:
        raise MeasureError(
            "too little ground with data around the crater to tell rays from the terrain: "
            "take a product that shows more of it, or a smaller outer radius"
        )
    # streaks may go on where light and dark ground have levelled out: first where the tone is told
    best = max(found, key=lambda look: (abs(look.z) >= LEAST_TONE, look.significance))
    significance = _lowered(best.significance, len(found))
    sign = 0 if significance < LEAST_SIGMA or abs(best.z) < LEAST_TONE else (1 if best.z > 0.0 else -1)
    return _described(patch, centre, radius_km, best, sign, significance, name, seed)


def _reaches(patch: Patch, where: FloatArray, radius: float, inner: float, outer: float | None) -> list[float]:
    """Outer radii to try, in crater radii."""
    room = float(min(*where, *(patch.side - where)))
    if not (radius > 0.0 and inner >= 0.0 and room > 0.0):
        raise UsageError("the crater for the rays must lie in the patch and have a size: centre the patch on it")
    if inner * radius < 1.0:
        raise UsageError(f"a crater of {2.0 * radius:.1f} pixels is too small for rays: take a product that is finer")
    if outer is not None:
        if not outer > 1.2 * inner or OUTSIDE * outer * radius > 1.45 * room:
            raise UsageError(
                f"rays from {inner:g} to {outer:g} radii need a patch of {1.1 * outer:g} radii: take a larger one"
            )
        return [outer]
    fitting = [reach for reach in REACHES if reach > 1.2 * inner and 2.5 * reach * radius <= room]
    if not fitting:
        raise UsageError(
            f"the patch reaches {room / radius:.1f} radii from the crater: take one that reaches 13 or more"
        )
    return fitting


def _look(patch: Patch, where: FloatArray, inner: float, outer: float, seed: int) -> _Look | None:
    """The annulus from `inner` to `outer` pixels and its controls; None where there is too little of either."""
    frame = make_frame(inner, outer)
    light = without_trend(patch, where, outer)
    here = contrasts(light, where, frame)
    if here is None:
        return None
    centres = control_centres(patch.side, where, frame, MOST_CONTROLS, seed)
    tried = (contrasts(light, centre, frame) for centre in centres)
    controls = tuple(control for control in tried if control is not None)
    if len(controls) < LEAST_CONTROLS:
        return None
    net = np.array([_mean(control) for control in controls])
    mean = np.asarray(light.mean(axis=0), dtype=np.float32)
    texture = np.array([radial_texture(mean, centre, frame) for centre in centres])
    streaks = _above(radial_texture(mean, where, frame), texture[np.isfinite(texture)])
    return _Look(frame, here, controls, _above(_mean(here), net), streaks)


def _above(value: float, others: FloatArray) -> float:
    """How many sigma a value stands above others; 0 where it or they are not known."""
    if not np.isfinite(value) or len(others) < LEAST_CONTROLS:
        return 0.0
    return (value - float(np.median(others))) / _deviation(others)


def _deviation(values: FloatArray) -> float:
    """Standard deviation (of the first axis' values), enlarged for how few they are."""
    n = len(values)
    few = np.sqrt(1.0 + 1.0 / n) * (n - 1.0) / max(n - 3.0, 1.0)
    return float(values.std(ddof=1) * few) + 1e-9


def _mean(values: FloatArray) -> float:
    """Mean of what is not NaN; NaN where nothing is."""
    there = np.isfinite(values)
    return float(values[there].mean()) if there.any() else float("nan")


def _means(values: FloatArray, axis: int | tuple[int, ...]) -> FloatArray:
    """Means over axes of what is not NaN."""
    there = np.isfinite(values)
    count = there.sum(axis=axis)
    total = np.where(there, values, 0.0).sum(axis=axis)
    out: FloatArray = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return out


def _lowered(z: float, trials: int) -> float:
    """Sigmas that are left of `z` when it is the largest of so many trials (Bonferroni)."""
    return _sigmas(min(1.0, trials * 2.0 * float(norm.sf(z))), z**2)


def _sigmas(chance: float, square: float) -> float:
    """Two-sided sigmas of a normal distribution as unlikely as `chance`; from `square` where that is too small."""
    return float(np.sqrt(square)) if chance < 1e-290 else float(norm.isf(0.5 * chance))


def _described(
    patch: Patch,
    centre: tuple[float, float],
    radius_km: float,
    look: _Look,
    sign: int,
    significance: float,
    reference: str,
    seed: int,
) -> Rays:
    """What an annulus and its controls say, band by band."""
    by_sector = _means(look.here, 2)
    sectors = np.stack([_means(control, 2) for control in look.controls])
    sector_sigma = np.sqrt(_means(sectors**2, (0, 2)))
    is_ray = np.zeros(len(look.frame.azimuths), np.bool_)
    known: BoolArray = np.asarray(np.isfinite(look.here).all(axis=0))
    if sign:
        # all bands together say which sectors hold a ray, so that a band's noise does not choose for it
        clear = sign * by_sector.mean(axis=0) / float(np.sqrt(_mean(sectors.mean(axis=1) ** 2)))
        clear[~_seen(known)] = -np.inf
        level = next((level for level in (2.0, 1.0, 0.0) if np.sum(clear > level) >= LEAST_SECTORS), -np.inf)
        is_ray = clear > level
    chosen = is_ray if sign else np.ones(len(is_ray), np.bool_)
    rings = _means(look.here[:, chosen], 1)
    turns = np.random.default_rng(seed)
    # the same sectors, turned at random, in each control
    null = np.stack(
        [
            _means(control[:, np.roll(chosen, int(turns.integers(len(chosen))))], 1)
            for control in look.controls
            for _ in range(TURNS)
        ]
    )
    bands = _bands(patch, look, rings, null, reference, sign != 0)
    return Rays(
        centre=centre,
        radius_km=radius_km,
        verdict="none" if sign == 0 else ("bright rays" if sign > 0 else "dark rays"),
        significance=significance,
        bands=bands,
        reference=reference,
        azimuths=look.frame.azimuths,
        is_ray=is_ray,
        by_sector=by_sector,
        sector_sigma=sector_sigma,
        edges_km=look.frame.edges * patch.scale_km,
        known=known,
        controls=len(look.controls),
    )


def _seen(known: BoolArray) -> BoolArray:
    """Which sectors (s,) have data in half of their rings (s, k) or more."""
    seen: BoolArray = known.mean(axis=1) >= 0.5
    # an annulus is only looked at where it has data enough
    return seen if seen.any() else np.ones(len(seen), np.bool_)


def _bands(
    patch: Patch, look: _Look, rings: FloatArray, null: FloatArray, reference: str, there_are: bool
) -> tuple[BandRays, ...]:
    """The rays by band, if there are, from the contrast by ring (bands, k) here and of the controls (m, bands, k)."""
    whole, chance = _means(rings, 1), _means(null, 2)
    ring_sigma = np.sqrt(_means(null**2, 0))
    middles = 0.5 * (look.frame.edges[1:] + look.frame.edges[:-1]) * patch.scale_km
    n0 = patch.bands.index(reference)
    out = []
    for n, name in enumerate(patch.bands):
        sigma = float(np.sqrt(np.nanmean(chance[:, n] ** 2)))
        sure = there_are and abs(whole[n]) > sigma
        tone: Tone = "none" if not sure else ("bright" if whole[n] > 0.0 else "dark")
        clear = np.sign(whole[n]) * rings[n] > 2.0 * ring_sigma[n]
        last = _run(clear) if sure else -1
        ratio = (1.0 + whole[n]) / (1.0 + whole[n0])
        spread = (1.0 + chance[:, n]) / (1.0 + chance[:, n0]) - 1.0
        out.append(
            BandRays(
                band=name,
                tone=tone,
                contrast=float(whole[n]),
                sigma=sigma,
                extent_km=float(middles[last]) if last >= 0 else float("nan"),
                open_ended=last == len(clear) - 1,
                by_ring=rings[n],
                by_ring_sigma=ring_sigma[n],
                colour=float(ratio),
                colour_sigma=float(ratio * np.sqrt(np.nanmean(spread**2))),
            )
        )
    return tuple(out)


def _run(clear: BoolArray) -> int:
    """The last ring of the rays: up to it no two rings in a row are unclear; -1 where they never are clear."""
    last = -1
    for n in np.flatnonzero(clear):
        if n - last > 2 and last >= 0:
            break
        last = int(n)
    return last
