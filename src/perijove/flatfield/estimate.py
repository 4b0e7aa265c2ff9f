"""Estimate: calibration frames of all filters from what many strips told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.calibrate.flat import response
from perijove.calibrate.frames import SHAPE, BandFrames, CalibrationFrames, lit_mask, normalised
from perijove.calibrate.noise import FLAT_SIGMA
from perijove.flatfield.detail import Halves, Sums, believe, restore_detail
from perijove.flatfield.field import Field, Measured, fit_field
from perijove.flatfield.light import Veil, common_share
from perijove.flatfield.measure import BandMeasure
from perijove.instrument import Filter

FloatArray = NDArray[np.float64]

LEAST_CELLS = 500
"""Fewest measurements of the large scale that can tell it from the clouds; with fewer the default response stands."""
DEFAULT_SIGMA = 0.05
"""Relative error of the default response at large scale, where it stands in for a measured one."""
OFFSET_SIGMA_DN = 0.1
"""Scatter of the pixels' offsets where nothing is known of them: that of the masked columns."""
BAD_SHARE = 0.5
"""A pixel whose response differs from its surroundings' by more than this share of it is bad."""
BAD_DN = 5.0
"""A pixel that adds more than this to its surroundings is bad: its charge changes from strip to strip."""


@dataclass(frozen=True)
class Gathered:
    """What the strips so far told of one filter; sums come in two halves of the strips.

    `detail_turns` and `sky_turns` are the sources (strips or passes) in the order in which the halves took them.
    """

    detail: tuple[Sums, Sums]
    sky: tuple[Sums, Sums]
    large: tuple[Measured, ...]
    veils: tuple[Veil, ...]
    detail_turns: tuple[int, ...] = ()
    sky_turns: tuple[int, ...] = ()

    @classmethod
    def nothing(cls) -> Gathered:
        """No strip yet."""
        empty = Sums.empty(*SHAPE)
        return cls((empty, empty), (empty, empty), (), ())

    def plus(self, measure: BandMeasure, source: int) -> Gathered:
        """With one more strip; sources that tell something go to the halves in turn, strips of one source to one."""
        detail, detail_turns = _added(self.detail, measure.detail, self.detail_turns, source)
        sky, sky_turns = _added(self.sky, measure.sky, self.sky_turns, source)
        large, veils = (*self.large, measure.large), (*self.veils, measure.veil)
        return Gathered(detail, sky, large, veils, detail_turns, sky_turns)


@dataclass(frozen=True)
class BandEstimate:
    """The frames of one filter and how they came about: `field` is the fit of the large scale, None where too little
    was seen; `veil_share` the stray light found; `cells` what the fit rests on; `small_scale_share` the share of the
    lit pixels of which both halves of the strips told, so that detail could be told from noise: it is 0 elsewhere."""

    frames: BandFrames
    field: Field | None
    veil_share: float
    cells: int
    small_scale_share: float


def gather(
    known: Mapping[Filter, Gathered], strip: Mapping[Filter, BandMeasure], source: int
) -> dict[Filter, Gathered]:
    """What is known with one more strip, by filter; strips of one `source` (a pass, say) are kept in one half."""
    out = dict(known)
    for band, measure in strip.items():
        out[band] = out.get(band, Gathered.nothing()).plus(measure, source)
    return out


def estimate_band(band: Filter, gathered: Gathered) -> BandEstimate:
    """The frames of one filter from everything that was gathered."""
    share = common_share(gathered.veils)
    cells = sum(len(part.light) for part in gathered.large)
    line, sample = np.meshgrid(np.arange(SHAPE[0]) + 0.5, np.arange(SHAPE[1]) + 0.5, indexing="ij")
    large, sigma = response(band, *SHAPE).astype(float), np.full(SHAPE, DEFAULT_SIGMA)
    field = None
    if cells >= LEAST_CELLS:
        field = fit_field(gathered.large, share)
        large, sigma = large * field.response(line, sample), field.sigma(line, sample)
    detail = believe(_halves(gathered.detail, large), FLAT_SIGMA)
    offset = believe(_halves(gathered.sky, None), OFFSET_SIGMA_DN)
    flat = normalised(large * (1.0 + detail.pattern))
    lit = lit_mask()
    bias = np.where(lit, offset.pattern - offset.pattern[lit].mean(), np.nan)
    frames = BandFrames(
        flat=flat,
        flat_sigma=np.where(lit, flat * np.hypot(sigma, detail.sigma), np.nan).astype(np.float32),
        flat_count=_count(gathered.detail),
        bias=bias.astype(np.float32),
        bias_sigma=np.where(lit, offset.sigma, np.nan).astype(np.float32),
        bias_count=_count(gathered.sky),
        bad=lit & ((np.abs(detail.pattern) > BAD_SHARE) | (np.abs(offset.pattern) > BAD_DN)),
    )
    return BandEstimate(frames, field, share, cells, float(detail.judged[lit].mean()))


def calibration_frames(estimates: Mapping[Filter, BandEstimate], name: str, provenance: str) -> CalibrationFrames:
    """The frames of all filters under one name."""
    return CalibrationFrames(name, {band: part.frames for band, part in estimates.items()}, provenance)


def _added(
    sums: tuple[Sums, Sums], values: NDArray[np.float32], turns: tuple[int, ...], source: int
) -> tuple[tuple[Sums, Sums], tuple[int, ...]]:
    """Sums with a strip's values in the half whose turn it is, and the turns taken; no values take none."""
    if not np.isfinite(values).any():
        return sums, turns
    if source not in turns:
        turns = (*turns, source)
    half = turns.index(source) % 2
    grown = sums[half].plus(values)
    return ((grown, sums[1]) if half == 0 else (sums[0], grown)), turns


def _halves(sums: tuple[Sums, Sums], large: FloatArray | None) -> Halves:
    """The two halves' means; those of relative detail restored with the large scale that they stand on."""
    means = [part.mean() if large is None else restore_detail(part.mean(), large) for part in sums]
    return Halves(means[0], means[1], sums[0].weight, sums[1].weight)


def _count(sums: tuple[Sums, Sums]) -> NDArray[np.int32]:
    return np.asarray(sums[0].n + sums[1].n, np.int32)
