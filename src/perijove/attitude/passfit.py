"""What a pass solved as one problem says of its strips: who fits, who overlaps with whom, and who was left out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StripFit:
    """How one strip fits: px are native ones, NaN where there is nothing to tell it by.

    `arc` numbers the strips that share axis and rate. `limb_points` that were used leave `limb_rms_px`, `colour_ties`
    (those within the strip) a robust rms of `colour_rms_px`. Over `cross_ties` to other strips `latitude_px` and
    `longitude_px` are the median sizes of the residuals along both, `longitude_m_s` the speed that would explain the
    latter. `sigma_px` is the error of a place on the disc by the covariance.
    """

    product_id: str
    arc: int
    limb_points: int
    limb_rms_px: float
    colour_ties: int
    colour_rms_px: float
    cross_ties: int
    latitude_px: float
    longitude_px: float
    longitude_m_s: float
    sigma_px: float


@dataclass(frozen=True)
class PairFit:
    """How two strips whose ground overlaps lie on each other: `second` was taken `hours` after `first`.

    `overlap` is the share of the ground of the one that saw less that both saw, `lit` the share that both saw sunlit,
    `clear` that which is not too slanted to be known again besides. The medians are as those of
    `StripFit`; `before_px` is the median length of the residuals before the strips were solved together, and
    `sigma_px` the error of where the one lies on the other by the covariance.
    """

    first: str
    second: str
    hours: float
    overlap: float
    lit: float
    clear: float
    ties: int
    latitude_px: float
    longitude_px: float
    longitude_m_s: float
    before_px: float
    sigma_px: float


@dataclass(frozen=True)
class LeftOut:
    """A strip that was left out, and why, in a clause."""

    product_id: str
    reason: str


@dataclass(frozen=True)
class PassFit:
    """A pass: its strips and pairs by name, who was left out, and in `groups`, the largest first, the strips whose
    sunlit ground hangs together. The winds that the strips tell are `perijove.mosaic.drift.measure_winds`'s."""

    strips: tuple[StripFit, ...]
    pairs: tuple[PairFit, ...]
    left_out: tuple[LeftOut, ...]
    groups: tuple[tuple[str, ...], ...]
    verdict: str


def connected(names: list[str], pairs: list[tuple[str, str]]) -> tuple[tuple[str, ...], ...]:
    """Groups of names that hang together by pairs, the largest first, then by name."""
    group = {name: {name} for name in names}
    for a, b in pairs:
        joined = group[a] | group[b]
        for name in joined:
            group[name] = joined
    found = {tuple(sorted(members)) for members in group.values()}
    return tuple(sorted(found, key=lambda members: (-len(members), members)))
