"""Light as one problem: gains, offsets and the law of light of all looks of a pass, from the ground that they share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from perijove.bodies import Body
from perijove.errors import UsageError
from perijove.instrument import Filter
from perijove.mosaic.angles import Angles
from perijove.mosaic.bring import bring_rows, tables_of
from perijove.mosaic.law import Term, parts_of, terms_of
from perijove.mosaic.look import Look
from perijove.mosaic.samples import Samples, take_samples
from perijove.mosaic.seams import Apart, Residual, Step, residual_of, steps_of
from perijove.mosaic.solve_light import OFFSET_DN, Band, Solution, alike, solve_band
from perijove.render.threads import processors
from perijove.winds import ZonalWinds

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Plane = NDArray[np.float32]

MOST_PLACES = 8_000
"""Places that are compared, about: more are thinned out evenly, since it is the law that limits what is learnt."""
LIT = -0.03
"""A place is compared where at least one look sees it at this cosine of incidence or more."""
FEWEST = 60
"""Fewest common places that make two looks overlap."""
USUAL_PHASE = 1.6
"""Phase angle in rad, where no look knows its Sun."""


@dataclass(frozen=True)
class BandLaw:
    """The law of one band (see `law`): `numbers` (m,) of its terms with their `covariance` (m, m), told about the phase
    angle `middle`; phase angles beyond `phases` (least, most), where no ground was compared, count as these; rad.

    `scatter` is the relative scatter of places about it, `together` how many neighbouring places count as one.
    """

    terms: tuple[Term, ...]
    numbers: FloatArray
    covariance: FloatArray
    middle: float
    phases: tuple[float, float]
    scatter: float
    together: float


@dataclass(frozen=True)
class Brought:
    """Light (bands, h, w) brought to one level and to other angles, its `sigma` (the shape (0, 0, 0) without one), and
    `trust` (h, w), 0 to 1: what is left of a pixel's weight where the law had to be cut short."""

    light: Plane
    sigma: Plane
    trust: Plane


@dataclass(frozen=True)
class Balance:
    """Gains, offsets and laws that bring looks to one level; looks by name, bands in the order of `Filter`.

    Light is levelled as (light - `offset`) `gain`, both (looks, bands), the offset in I/F; `gain_sigma` and
    `offset_sigma` are their standard errors, which are those of the beliefs for a look that overlaps no other. `laws`
    has one law a band. `groups` are the names of looks that overlap each other, largest group first: those of
    different groups cannot be compared. `steps` tell the seams of each pair before and after, `residual` the same
    by the angles.
    """

    names: tuple[str, ...]
    bands: tuple[Filter, ...]
    gain: FloatArray
    offset: FloatArray
    gain_sigma: FloatArray
    offset_sigma: FloatArray
    laws: Mapping[Filter, BandLaw]
    groups: tuple[tuple[str, ...], ...]
    steps: tuple[Step, ...]
    residual: Residual

    @cached_property
    def _tables(self) -> dict[tuple[Filter, ...], tuple[Plane, Plane, Plane, FloatArray]]:
        """Tables that were made before, by their bands."""
        return {}

    def _stacked(self, bands: tuple[Filter, ...]) -> tuple[Plane, Plane, Plane, FloatArray]:
        """The laws of some bands in tables (`bring.Tables`), one after the other, and their middle phase angles."""
        if bands not in self._tables:
            laws = [self.laws[band] for band in bands]
            tables = [tables_of(law.terms, law.numbers, law.middle, law.phases) for law in laws]
            stacked = [np.stack([getattr(t, name) for t in tables]) for name in ("ground", "glow", "phase")]
            self._tables[bands] = (stacked[0], stacked[1], stacked[2], np.array([law.middle for law in laws]))
        return self._tables[bands]

    def levelled(
        self, k: int, light: Plane, seen: Angles, wanted: Angles | None, bands: Sequence[Filter] | None = None
    ) -> Plane:
        """Light (bands, h, w) of look `k`, seen under its own angles (h, w), as of the wanted ones; see `bring`."""
        return self.bring(k, light, None, seen, wanted, bands).light

    def bring(
        self,
        k: int,
        light: Plane,
        sigma: Plane | None,
        seen: Angles,
        wanted: Angles | None,
        bands: Sequence[Filter] | None = None,
    ) -> Brought:
        """Light and sigma (bands, h, w) of look `k` brought to the common level and to the wanted angles.

        `seen` are the angles (h, w) under which the look saw. `wanted` None is normal incidence and emission at the
        bands' middle phase angle: ground evenly lit. Where any angle is NaN, beside the body, there is level alone.
        The factor is bounded (`bring.MOST`): evenly lit, ground in night or deep twilight is NaN. Sigma stays that of
        the noise, times the factor; how far the law is off is told by the trust and by `residual`.
        `bands` says what the light holds, by default all of `self.bands`. Pixel by pixel: any part gives the same.
        """
        bands = self.bands if bands is None else tuple(bands)
        if len(light) != len(bands):
            raise UsageError(f"{len(light)} planes of light to level for {len(bands)} bands: give one for each")
        none = np.empty((0, 0), np.float32)
        out, trust = np.empty(light.shape, np.float32), np.empty(light.shape[1:], np.float32)
        given = np.empty((0, 0, 0), np.float32) if sigma is None else np.ascontiguousarray(sigma, np.float32)
        out_sigma = np.empty(given.shape, np.float32)
        angles = [np.ascontiguousarray(a, np.float32) for a in (seen.cos_incidence, seen.cos_emission, seen.phase)]
        target = [none, none, none]
        if wanted is not None:
            target = [
                np.ascontiguousarray(a, np.float32) for a in (wanted.cos_incidence, wanted.cos_emission, wanted.phase)
            ]
        ground, glow, turns, middle = self._stacked(bands)
        own = [self.bands.index(band) for band in bands]
        bring_rows(
            np.ascontiguousarray(light, np.float32), given, angles[0], angles[1], angles[2],
            target[0], target[1], target[2], middle, ground, glow, turns, self.gain[k, own], self.offset[k, own],
            out, out_sigma, trust,
        )  # fmt: skip
        return Brought(out, out_sigma, trust)

    def taken_apart(self, samples: Samples, b: int) -> Apart:
        """The levelled light of samples in band `b`, its glow, and ln of the ground's shading."""
        band = samples.bands[b]
        law, own = self.laws[band], self.bands.index(band)
        phase = np.clip(samples.phase, *law.phases)
        parts = parts_of(law.terms, law.numbers, samples.cos_i, samples.cos_e, phase, law.middle)
        light = (samples.light[b] - self.offset[samples.look, own]) * self.gain[samples.look, own]
        return Apart(light, parts.glow, parts.ground)


def solve_balance(
    looks: Sequence[Look], body: Body, et0: float, *, winds: ZonalWinds | None = None, threads: int | None = None
) -> Balance:
    """Solve the light of looks at one body together; `winds` carry clouds to the epoch `et0` (ET, s) for it.

    Looks are compared on a coarse map of all the ground they see, whatever part is to be drawn. They are taken in the
    order of their names, so that their order changes no bit. Raises UsageError for no looks, and what rendering raises.
    """
    if not looks:
        raise UsageError("no strips to balance: give at least one")
    ordered = sorted(looks, key=lambda look: look.name)
    return balance_of(take_samples(ordered, body, et0, winds=winds, threads=threads), body, threads=threads)


def balance_of(samples: Samples, body: Body, *, threads: int | None = None) -> Balance:
    """Solve the light of samples, a band at a time; the laws of visible light then lean on each other (`alike`)."""
    # sums of many threads come in an order of their own, which shows in the last bits
    with threadpool_limits(1, user_api="blas"):
        return _balanced(samples, body, threads)


def _balanced(samples: Samples, body: Body, threads: int | None) -> Balance:
    looks, bands = len(samples.names), samples.bands
    gain, gain_sigma = np.ones((looks, len(bands))), np.zeros((looks, len(bands)))
    offset, offset_sigma = np.zeros((looks, len(bands))), np.zeros((looks, len(bands)))
    laws: dict[Filter, BandLaw] = {}
    middle, phases = phases_of(samples)
    terms = terms_of(body, middle)
    units = np.where(np.isfinite(samples.units), samples.units, np.nanmax(samples.units, axis=0))

    def solve(b: int) -> Solution:
        return solve_band(usable(samples, b, middle), looks, terms, OFFSET_DN * units[:, b])

    with ThreadPoolExecutor(min(threads or processors(), len(bands))) as pool:
        found = dict(zip(bands, pool.map(solve, range(len(bands))), strict=True))
    visible = [band for band in bands if band is not Filter.METHANE]
    found |= dict(zip(visible, alike([found[band] for band in visible], looks, terms), strict=True))
    for b, band in enumerate(bands):
        sigma = np.sqrt(np.diag(found[band].covariance))
        gain[:, b], offset[:, b] = np.exp(-found[band].gain), found[band].offset
        gain_sigma[:, b], offset_sigma[:, b] = sigma[:looks] * gain[:, b], sigma[looks : 2 * looks]
        laws[band] = _law(found[band], terms, middle, phases, looks)
    none = Residual(bands, np.empty((0, 0, 0)), np.empty((0, 0, 0)), np.empty((0, 0, 0), np.int64))
    balance = Balance(
        samples.names, bands, gain, offset, gain_sigma, offset_sigma, laws, overlapping(samples), (), none
    )
    apart = [balance.taken_apart(samples, b) for b in range(len(bands))]
    return replace(balance, steps=steps_of(samples, apart), residual=residual_of(samples, apart))


def _law(found: Solution, terms: tuple[Term, ...], middle: float, phases: tuple[float, float], looks: int) -> BandLaw:
    """One band's law from its solution."""
    own = slice(2 * looks, None)
    return BandLaw(terms, found.numbers, found.covariance[own, own], middle, phases, found.scatter, found.together)


def phases_of(samples: Samples) -> tuple[float, tuple[float, float]]:
    """The middle phase angle of lit ground, and between which ones all of it lies, rad."""
    day = samples.phase[samples.cos_i > 0.0]
    if not len(day):
        return USUAL_PHASE, (USUAL_PHASE, USUAL_PHASE)
    return float(np.median(day)), (float(day.min()), float(day.max()))


def usable(samples: Samples, b: int, middle: float) -> Band:
    """The samples of band `b` at places that two looks or more see, one of them lit; places numbered from 0."""
    good = np.isfinite(samples.light[b]) & np.isfinite(samples.sigma[b])
    places = len(samples.latitude)
    many = np.bincount(samples.place[good], minlength=places) >= 2
    lit = np.bincount(samples.place[good & (samples.cos_i > LIT)], minlength=places) > 0
    kept = np.flatnonzero(many & lit)
    kept = kept[:: max(1, -(-len(kept) // MOST_PLACES))]
    number = np.full(places, -1, np.int64)
    number[kept] = np.arange(len(kept))
    good &= number[samples.place] >= 0
    place = samples.place[good]
    return Band(
        samples.look[good], number[place], samples.patch[place], samples.light[b][good], samples.sigma[b][good],
        samples.cos_i[good], samples.cos_e[good], samples.phase[good], middle,
    )  # fmt: skip


def overlapping(samples: Samples) -> tuple[tuple[str, ...], ...]:
    """Names of looks that hang together by lit ground that they share in one band or another, largest group first."""
    looks = len(samples.names)
    group = np.arange(looks)
    for band in samples.light:
        good = np.isfinite(band) & (samples.cos_i > LIT)
        seen = np.zeros((looks, len(samples.latitude)), np.bool_)
        seen[samples.look[good], samples.place[good]] = True
        common = seen.astype(np.float32) @ seen.T.astype(np.float32)
        for i, j in zip(*np.nonzero(common >= FEWEST), strict=True):
            group[group == group[j]] = group[i]
    found = [tuple(samples.names[k] for k in np.flatnonzero(group == g)) for g in np.unique(group)]
    return tuple(sorted(found, key=lambda names: (-len(names), names)))
