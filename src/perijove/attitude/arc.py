"""One arc: strips close in time, which share axis, rate and mounting, solved together on limb and ground."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perijove.attitude.adjust import adjust
from perijove.attitude.common import AxisFound, axis_found
from perijove.attitude.exposure import Exposure
from perijove.attitude.gather import Solution, gather_pointing
from perijove.attitude.ground import loosened
from perijove.attitude.measure import measure_limb, shading
from perijove.attitude.pointing import Pointing
from perijove.attitude.priors import Anchor, free_unknowns
from perijove.attitude.problem import Pixels, Unknowns
from perijove.attitude.roll import COARSE_CORRELATION, ROLL_SIGMA, WRONG_ROLL, best_roll, roll_by_light, rolled
from perijove.attitude.rounds import LEAST_LIMB, NOTHING, Progress, TieTo, on_limb, on_map, tie
from perijove.attitude.search import FirstGuess, Scene, guess_phase
from perijove.attitude.ties import Ties
from perijove.errors import PointingError
from perijove.instrument import Camera

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Arc:
    """An arc as it was solved: its strips, the `solution` with the `ties` it was found with, what it was anchored to,
    the `scene` it lies in, which strips showed no limb (`lost`), and whether limb and light agree."""

    exposures: tuple[Exposure, ...]
    solution: Solution
    ties: Ties | None
    anchor: Anchor | None
    scene: Scene
    lost: frozenset[int]
    agreed: bool

    @property
    def at(self) -> Unknowns:
        """The unknowns as solved."""
        return self.solution.adjustment.unknowns

    @property
    def axis(self) -> AxisFound:
        """Its axis and rate."""
        return axis_found(self.solution.adjustment)

    def pointings(self, camera: Camera) -> list[Pointing]:
        """What it says of each of its strips; `camera` is the one it was solved with."""
        return [
            gather_pointing(e, k, self.solution, self.ties, self.scene, camera, k in self.lost, self.agreed)
            for k, e in enumerate(self.exposures)
        ]


def solve_arc(
    exposures: Sequence[Exposure],
    guesses: Sequence[tuple[Pixels, FirstGuess | None]],
    anchor: Anchor | None,
    scene: Scene,
    camera: Camera,
    tie_to: TieTo,
    progress: Progress,
) -> Arc:
    """Joint solution of exposures close in time."""
    lead = _lead(exposures, guesses, anchor, scene)
    progress(f"{exposures[lead.index].product_id}: refining the limb")
    alone = _alone(exposures[lead.index], lead.guess.unknowns, anchor, scene, camera)
    agreed = True
    if anchor is None:
        alone, agreed = _rolled_aright(exposures[lead.index], alone, scene, camera)
    if anchor is None and alone.axis_sigma > ROLL_SIGMA / 2.0:
        scene = _with_roll(exposures[lead.index], alone.unknowns, scene, camera)
    start, lost = _chain(exposures, guesses, lead.index, alone.unknowns, scene)
    solution = on_limb(exposures, start, anchor, scene, camera, progress)
    tied: Ties | None = None
    if tie_to.basemap is not None:
        if tie_to.itself and not scene.body.atmosphere:
            # the limb of a bare moon leaves a roll of many degrees, in which no ground is to be recognised
            solution, _ = tie(exposures, solution, anchor, scene, camera, TieTo(True), progress)
        # the frame of a moon's map may be turned against the trajectory's; only the ground tells
        scene = replace(scene, trajectory=loosened(scene.trajectory, scene.body))
        solution = on_map(exposures, solution, anchor, scene, camera, tie_to.basemap, progress)
    if tie_to != NOTHING:
        solution, tied = tie(exposures, solution, anchor, scene, camera, tie_to, progress)
    return Arc(tuple(exposures), solution, tied, anchor, scene, frozenset(lost), agreed)


@dataclass(frozen=True)
class _Lead:
    index: int
    guess: FirstGuess


def _lead(
    exposures: Sequence[Exposure],
    guesses: Sequence[tuple[Pixels, FirstGuess | None]],
    anchor: Anchor | None,
    scene: Scene,
) -> _Lead:
    """The exposure whose limb starts the arc: the one with most of it."""
    best: _Lead | None = None
    for k, (points, guess) in enumerate(guesses):
        # the axis of a better arc of the same pass is worth more than a poor one of its own
        option = guess if anchor is None else guess_phase(points, anchor.spin, scene)
        if option is not None and (best is None or option.agree > best.guess.agree):
            best = _Lead(k, option)
    if best is None:
        names = ", ".join(e.product_id for e in exposures)
        raise PointingError(
            f"{names}: no sunlit limb of {scene.body.name} is to be seen, so the camera's pointing cannot be solved; "
            "give a strip of the same half hour that shows the limb together with it"
        )
    return best


@dataclass(frozen=True)
class _Alone:
    """One exposure solved by itself: unknowns, and the error of the axis in its worse coordinate, rad."""

    unknowns: Unknowns
    axis_sigma: float


def _alone(exposure: Exposure, guess: Unknowns, anchor: Anchor | None, scene: Scene, camera: Camera) -> _Alone:
    """Refined unknowns of one exposure by itself, so that its axis and rate can be lent to its neighbours."""
    # the guess took the limb for the ellipsoid itself, and is nearest to it so
    at, sigma = guess, np.inf
    for reach in (10.0, 5.0):
        limb = measure_limb(exposure, 0, at, scene, camera, reach, plain=True)
        if len(limb.points) < LEAST_LIMB:
            break
        refined = adjust(at, limb, None, free_unknowns([exposure], anchor, guess.spin, scene, plain=True), scene)
        at = refined.unknowns
        sigma = float(np.sqrt(np.max(np.diag(refined.full_covariance())[:2])))
    return _Alone(at, sigma)


def _rolled_aright(exposure: Exposure, alone: _Alone, scene: Scene, camera: Camera) -> tuple[_Alone, bool]:
    """The solution, begun anew from where the light puts the roll as long as that is far from where the limb put it.

    A short arc of the limb fits, nearly as well, an ellipse that is turned about the line of sight. False where limb
    and light do not come to agree.
    """
    middle = float(np.mean(exposure.et))
    for _ in range(3):
        angle = best_roll(
            alone.unknowns, middle, scene, lambda at: shading(exposure, at, scene, camera), COARSE_CORRELATION
        )
        if angle is None or abs(angle) < WRONG_ROLL:
            return alone, True
        alone = _alone(exposure, rolled(alone.unknowns, angle, middle, scene), None, scene, camera)
    return alone, False


def _with_roll(exposure: Exposure, at: Unknowns, scene: Scene, camera: Camera) -> Scene:
    """The scene with what the light on the disc says of the axis, where it says anything."""
    middle = float(np.mean(exposure.et))
    hint = roll_by_light(at, middle, scene, lambda trial: shading(exposure, trial, scene, camera))
    return scene if hint is None else replace(scene, axis=hint)


def _chain(
    exposures: Sequence[Exposure],
    guesses: Sequence[tuple[Pixels, FirstGuess | None]],
    lead: int,
    alone: Unknowns,
    scene: Scene,
) -> tuple[Unknowns, set[int]]:
    """One start for all exposures: phases counted through from the leading one, nearest in time first.

    Returned too are the exposures in which no limb was found: their phase hangs on the rate alone.
    """
    spin = alone.spin
    epoch = float(np.mean(exposures[lead].et))
    phase, rate, lost = spin.phase + spin.rate * (epoch - spin.epoch), spin.rate, set()
    for k in sorted(range(len(exposures)), key=lambda k: abs(float(np.mean(exposures[k].et)) - epoch)):
        if k == lead:
            continue
        found = guess_phase(guesses[k][0], spin, scene)
        if found is None:
            lost.add(k)
            continue
        theirs = found.unknowns.spin
        ahead = theirs.epoch - epoch
        turns = theirs.phase - phase - rate * ahead
        rate += (np.mod(turns + np.pi, 2 * np.pi) - np.pi) / ahead
    offset = np.zeros(len(exposures))
    if exposures[lead].open_times:
        # with times this uncertain the start is part of the pointing
        offset[lead] = alone.offset[0]
    lent = replace(alone, spin=replace(spin, phase=phase, rate=rate, epoch=epoch), offset=offset)
    return lent, lost
