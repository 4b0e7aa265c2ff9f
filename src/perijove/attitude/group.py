"""The strips of a pass as a group: solved jointly, searched for the one that spoils it, and told of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perijove.attitude.across import LEAST_CLEAR, Crossing, Side, crossings, measure_crossing, side_of
from perijove.attitude.arc import Arc
from perijove.attitude.crossing import Breeze, CrossResiduals, breeze_over, cross_residuals
from perijove.attitude.gather import PERIODS_S, used_points
from perijove.attitude.joint import Joint, solve_joint
from perijove.attitude.passfit import LeftOut, PairFit, PassFit, StripFit, connected
from perijove.attitude.pointing import Pointing
from perijove.attitude.problem import cast
from perijove.attitude.rounds import Progress
from perijove.attitude.search import Scene
from perijove.attitude.solve import Arcs
from perijove.geometry.ellipsoid import intersect
from perijove.instrument import Camera
from perijove.winds import ZonalWinds

FloatArray = NDArray[np.float64]

REACHES_PX = (8.0, 3.0)
"""How far from where it should be the ground is sought in another strip, px of the coarser: first, and once more."""
PARTNERS = 3
"""Every strip is tied to so many others at most, those that see most of its ground soonest."""
WORST_LIMB_PX = 0.6
"""A clean limb leaves less, px rms."""
WORST_START = 6.0
"""A start further off than so many sigmas is none."""
WORST_GROUND_PX = 1.0
"""Ground that lies further off that of other strips than this, in the median along the meridian, is wrongly placed."""
LEAST_APART_S = 1.0
"""Strips nearer in time than this tell no wind."""


@dataclass(frozen=True)
class Spoiler:
    """Strips, by the numbers of their exposures, that are not to be used, and why."""

    numbers: tuple[int, ...]
    reason: str


@dataclass(frozen=True)
class Group:
    """Strips in the order of their names, by the numbers `strips` of their exposures, with the arc and place there of
    each in `homes`; the `joint` solution, None as long as there is none, and how far ties were off before."""

    strips: tuple[int, ...]
    homes: tuple[tuple[int, int], ...]
    arcs: tuple[Arc, ...]
    camera: Camera
    joint: Joint | None = None
    before: tuple[float, ...] = ()

    def jointly(self, winds: ZonalWinds | None, ties: bool, progress: Progress) -> Group:
        """The strips solved jointly, with the ground that they share sought ever nearer."""
        arcs, joint = self.arcs, None
        before: tuple[float, ...] = ()
        breeze = breeze_over(winds, np.zeros(0))
        for reach in REACHES_PX if ties else REACHES_PX[:1]:
            sides = self._sides(arcs)
            found = crossings(sides)
            if ties:
                progress("tying the strips together on the ground")
                found = _measured(found, sides, arcs[0].scene, self.camera, breeze, reach)
            breeze = breeze_over(winds, self._latitudes(found, arcs))
            if joint is None:
                before = tuple(self._off(c, arcs, breeze) for c in found)
            joint = solve_joint(arcs, found, self.homes, breeze)
            arcs = joint.arcs
            if all(crossing.ties is None for crossing in found):
                break
        return replace(self, arcs=arcs, joint=joint, before=before)

    def _sides(self, arcs: Sequence[Arc]) -> list[Side]:
        return [
            side_of(n, arcs[a].exposures[k], k, arcs[a].at, arcs[a].scene, self.camera)
            for n, (a, k) in enumerate(self.homes)
        ]

    def _latitudes(self, found: Sequence[Crossing], arcs: Sequence[Arc]) -> FloatArray:
        """Latitudes, rad, of all ties."""
        out = [np.zeros(0)]
        for crossing in found:
            if crossing.ties is not None:
                arc = arcs[self.homes[crossing.first][0]]
                rays = cast(crossing.ties.first, arc.at, arc.scene.trajectory, arc.scene.body)
                place = intersect(rays.position, rays.direction, arc.scene.body.radii_km)
                out.append(np.arctan2(place[:, 2], np.hypot(place[:, 0], place[:, 1])))
        latitude = np.concatenate(out)
        return latitude[np.isfinite(latitude)]

    def _off(self, crossing: Crossing, arcs: Sequence[Arc], breeze: Breeze) -> float:
        """The median length of a crossing's residuals, px, with the arcs as they stand."""
        if crossing.ties is None:
            return float("nan")
        one, two = (arcs[self.homes[n][0]] for n in (crossing.first, crossing.second))
        left = cross_residuals(crossing.ties, one.at, two.at, one.scene.trajectory, one.scene.body, breeze)
        return float(np.nanmedian(np.linalg.norm(left.px, axis=1)))

    def spoiler(self) -> Spoiler | None:
        """The strip that fits worst of those that do not, or all those that nothing tells the place of; else None."""
        adrift = tuple(number for n, number in enumerate(self.strips) if self._adrift(n))
        if adrift:
            return Spoiler(adrift, "it shows no limb, and no ground that others show too")
        found = []
        for n, (a, k) in enumerate(self.homes):
            arc = self.arcs[a]
            for much, reason in (*_alone(arc, k), *self._beside(n)):
                if much > 1.0:
                    found.append((much, -n, reason))
        if not found:
            return None
        much, n, reason = max(found)
        return Spoiler((self.strips[-n],), reason)

    def _adrift(self, n: int) -> bool:
        """Whether a strip has neither limb nor ties to others, once those were sought."""
        arc, image = self.homes[n]
        return self.joint is not None and image in self.arcs[arc].lost and not len(self._along(n).latitude_px)

    def _beside(self, n: int) -> list[tuple[float, str]]:
        """By how many times what is allowed a strip's ground is off that of the others."""
        seen = self._along(n)
        off = float(np.median(seen.latitude_px)) if len(seen.latitude_px) else 0.0
        return [
            (off / WORST_GROUND_PX, f"its ground lies {off:.1f} px along the meridian off that of the other strips")
        ]

    def _along(self, *strips: int) -> _Along:
        """Sizes of the residuals of the ties of one strip, or of those between two."""
        parts = []
        if self.joint is not None:
            for crossing, left in zip(self.joint.crossings, self.joint.left, strict=True):
                if left is not None and set(strips) <= {crossing.first, crossing.second}:
                    parts.append(_along(left))
        return _Along(*(np.concatenate([np.zeros(0), *(getattr(p, f) for p in parts)]) for f in _FIELDS))

    def pointings(self, count: int) -> tuple[Pointing | None, ...]:
        """The pointings by the numbers of `count` exposures."""
        out: list[Pointing | None] = [None] * count
        told = [arc.pointings(self.camera) for arc in self.arcs]
        for n, (a, k) in zip(self.strips, self.homes, strict=True):
            out[n] = told[a][k]
        return tuple(out)

    def fit(self, names: Sequence[str], pointings: Sequence[Pointing | None], out: Mapping[int, str]) -> PassFit:
        """What is to be said of the pass; `names` are those of all exposures, `out` says why some were left out."""
        own = [names[n] for n in self.strips]
        assert self.joint is not None
        pairs = tuple(
            self._pair(crossing, before, sigma, own)
            for crossing, before, sigma in zip(self.joint.crossings, self.before, self.joint.relative_px, strict=True)
        )
        strips = tuple(self._strip(n, pointings[number]) for n, number in enumerate(self.strips))
        left_out = tuple(LeftOut(names[n], reason) for n, reason in sorted(out.items(), key=lambda one: names[one[0]]))
        groups = connected(own, [(pair.first, pair.second) for pair in pairs if pair.lit > 0.0])
        ordered = tuple(sorted(pairs, key=lambda pair: (pair.first, pair.second)))
        return PassFit(strips, ordered, left_out, groups, _sentence(strips, ordered, left_out, groups))

    def _strip(self, n: int, pointing: Pointing | None) -> StripFit:
        assert pointing is not None
        seen = self._along(n)
        colours = [v for v in pointing.tie_rms_px.values() if np.isfinite(v)]
        return StripFit(
            pointing.product_id, self.homes[n][0], int(pointing.limb.used.sum()), pointing.limb_rms_px, pointing.ties,
            float(np.sqrt(np.mean(np.square(colours)))) if colours else float("nan"),
            len(seen.latitude_px), *seen.medians(), pointing.sigma_px,
        )  # fmt: skip

    def _pair(self, crossing: Crossing, before: float, sigma: float, names: Sequence[str]) -> PairFit:
        seen = self._along(crossing.first, crossing.second)
        return PairFit(
            names[crossing.first], names[crossing.second], self._hours(crossing), crossing.overlap,
            crossing.lit, crossing.clear,
            len(seen.latitude_px), *seen.medians(), before, sigma,
        )  # fmt: skip

    def _hours(self, crossing: Crossing) -> float:
        """Time from a crossing's first strip to its second."""
        ends = [self.arcs[a].exposures[k].et for a, k in (self.homes[n] for n in (crossing.first, crossing.second))]
        return float(ends[1].mean() - ends[0].mean()) / 3600.0


def group_of(arcs: Arcs, left: Sequence[int], camera: Camera) -> Group:
    """The group of the strips of arcs; `left` has the number among all of each exposure that they were solved from."""
    homes = {left[k]: (a, i) for a, (numbers, _) in enumerate(arcs.solved) for i, k in enumerate(numbers)}
    strips = tuple(k for k in left if k in homes)
    return Group(strips, tuple(homes[k] for k in strips), tuple(arc for _, arc in arcs.solved), camera)


_FIELDS = ("latitude_px", "longitude_px", "longitude_m_s")


@dataclass(frozen=True)
class _Along:
    """Sizes (n,) of residuals along meridian and parallel, px, and of the speed along the latter, m/s."""

    latitude_px: FloatArray
    longitude_px: FloatArray
    longitude_m_s: FloatArray

    def medians(self) -> tuple[float, float, float]:
        """The median of each, NaN where there are none."""
        if not len(self.latitude_px):
            return float("nan"), float("nan"), float("nan")
        return (
            float(np.median(self.latitude_px)), float(np.median(self.longitude_px)),
            float(np.median(self.longitude_m_s)),
        )  # fmt: skip


def _along(left: CrossResiduals) -> _Along:
    """The residuals of one crossing, those of ties that miss the body left out."""
    east, north = np.abs(left.along_km).T
    good = np.isfinite(east) & np.isfinite(north)
    across, along = (np.linalg.norm(basis, axis=1) for basis in (left.by_east, left.by_north))
    return _Along(
        (north * along)[good],
        (east * across)[good],
        (east * 1e3 / np.maximum(np.abs(left.apart_s), LEAST_APART_S))[good],
    )


def _alone(arc: Arc, k: int) -> list[tuple[float, str]]:
    """By how many times what is allowed a strip departs from what its own limb and label say."""
    exposure, residuals = arc.exposures[k], arc.solution.residuals.px
    mine = residuals[arc.solution.limb.points.image == k]
    used = mine[used_points(mine)]
    rms = float(np.sqrt(np.mean(used**2))) if len(used) else 0.0
    late = float(arc.at.offset[k]) + exposure.start_moved_s
    period = arc.at.spin.period_s
    strange = not PERIODS_S[0] < period < PERIODS_S[1]
    return [
        (rms / WORST_LIMB_PX, f"its limb leaves {rms:.2f} px rms"),
        (abs(late) / (WORST_START * exposure.start_sigma_s), f"its START_TIME would be off by {late:+.2f} s"),
        (2.0 * strange, f"Juno would have turned once in {period:.2f} s, which it never does"),
        (2.0 * (not arc.agreed), "the light on the disc asks for another roll than the limb"),
    ]


def _measured(
    found: Sequence[Crossing], sides: Sequence[Side], scene: Scene, camera: Camera, breeze: Breeze, reach: float
) -> list[Crossing]:
    """The crossings with ties between each strip and those others that see most of its ground soonest."""
    wanted: set[int] = set()
    for side in sides:
        own = [i for i, c in enumerate(found) if side.number in (c.first, c.second) and c.places >= LEAST_CLEAR]

        def worth(i: int) -> float:
            hours = abs(sides[found[i].second].et - sides[found[i].first].et) / 3600.0
            return -found[i].overlap / (0.5 + hours)

        wanted.update(sorted(own, key=worth)[:PARTNERS])
    return [
        replace(c, ties=measure_crossing(sides[c.first], sides[c.second], scene, camera, breeze, reach))
        if i in wanted
        else c
        for i, c in enumerate(found)
    ]


def _sentence(
    strips: Sequence[StripFit],
    pairs: Sequence[PairFit],
    left_out: Sequence[LeftOut],
    groups: Sequence[tuple[str, ...]],
) -> str:
    """The pass in a sentence."""
    parts = [f"{len(strips)} strips solved as one"]
    tied = [pair for pair in pairs if pair.ties]
    if tied:
        count = sum(pair.ties for pair in tied)
        latitude = sum(pair.ties * pair.latitude_px for pair in tied) / count
        parts.append(f"where their ground overlaps it agrees to {latitude:.2f} px along the meridian ({count} ties)")
    elif pairs:
        parts.append("the ground that they share shows nothing to tie them by")
    if len(groups) > 1:
        lone = ", ".join(name for group in groups[1:] for name in group)
        parts.append(f"{lone} shares no sunlit ground with the others")
    if left_out:
        parts.append("left out: " + ", ".join(f"{one.product_id} ({one.reason})" for one in left_out))
    return "; ".join(parts)
