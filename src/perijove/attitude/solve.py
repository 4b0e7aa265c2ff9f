"""From exposures to pointings: the whole way, for one strip or many of a pass.

Strips that follow each other within half an hour form an arc: they share axis, rate and mounting, and their phases
hang together up to the jitter of the start times. Over longer gaps the rate and the axis drift (gravity turns a
spinner at perijove), so arcs are solved one after the other, each with the best one's axis as a loose prior.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from perijove.attitude.adjust import adjust
from perijove.attitude.basemap import Basemap
from perijove.attitude.clock import Clock, set_clock
from perijove.attitude.common import AxisFound, axis_found, common_axis
from perijove.attitude.exposure import Exposure
from perijove.attitude.gather import gather_pointing
from perijove.attitude.ground import loosened
from perijove.attitude.measure import (
    candidate_points,
    measure_limb,
    shading,
)
from perijove.attitude.pointing import Pointing
from perijove.attitude.priors import EARTH_SIGMA, Anchor, free_unknowns
from perijove.attitude.problem import (
    Pixels,
    Unknowns,
)
from perijove.attitude.roll import COARSE_CORRELATION, ROLL_SIGMA, WRONG_ROLL, best_roll, roll_by_light, rolled
from perijove.attitude.rounds import NOTHING, Progress, TieTo, on_limb, on_map, tie
from perijove.attitude.search import AxisHint, FirstGuess, Scene, first_guess, guess_phase
from perijove.attitude.ties import Ties
from perijove.bodies import Body
from perijove.ephemeris.trajectory import Trajectory
from perijove.errors import PointingError
from perijove.instrument import MOUNTING_TILT, MOUNTING_TWIST, Camera, Filter

FloatArray = NDArray[np.float64]

ARC_GAP_S = 1800.0


def solve_pointing(
    exposures: Sequence[Exposure],
    trajectory: Trajectory,
    body: Body,
    sun: FloatArray,
    *,
    earth: FloatArray | None = None,
    camera: Camera | None = None,
    ties: bool = True,
    basemap: Basemap | None = None,
    anchors: Sequence[Anchor | None] = (),
    progress: Progress = lambda _: None,
) -> list[Pointing]:
    """Pointings of exposures of one pass, in the order given.

    `sun` (3,) points from the body to the Sun in j2000, `earth` (3,) to the Earth: a loose prior for the axis where
    the limb alone leaves it open (a disc seen from above its pole). `camera` is `Camera.measured()` unless another is
    given. `ties` lets what the colours share on the ground weigh in beside the limb, `basemap` where a map has it.
    `anchors` are what kernels tell of axis and rate, one for each exposure or None. Raises PointingError, naming the
    strip, where no limb is found and no neighbour can lend its axis and rate, or where no ground of the map is found.
    """
    hint = None if earth is None else AxisHint(earth / np.linalg.norm(earth), EARTH_SIGMA)
    scene = Scene(trajectory, body, sun / np.linalg.norm(sun), hint)
    camera = camera or Camera.measured()
    # matrices this small lose more to the threads' waiting for each other than they gain
    with threadpool_limits(1, user_api="blas"):
        return _solve(exposures, scene, camera, TieTo(ties, basemap), anchors, progress)


def _solve(
    exposures: Sequence[Exposure],
    scene: Scene,
    camera: Camera,
    tie_to: TieTo,
    anchors: Sequence[Anchor | None],
    progress: Progress,
) -> list[Pointing]:
    """All arcs: where there are several each first by itself, and then with the axis that they have in common.

    An arc of which kernels tell axis and rate has them from there; they are loose priors for the others of the pass.
    """
    clocks = {k: set_clock(e, scene, camera, progress) for k, e in enumerate(exposures) if e.open_times}
    exposures = [clocks[k].exposure if k in clocks else e for k, e in enumerate(exposures)]
    guesses = _first_guesses(exposures, clocks, scene, camera, progress)
    arcs = [_Task([exposures[k] for k in arc], [guesses[k] for k in arc], arc) for arc in _arcs(exposures, guesses)]

    def solve(task: _Task, anchor: Anchor | None, tie_to: TieTo) -> _Arc:
        return _solve_arc(task.exposures, task.guesses, anchor, scene, camera, tie_to, progress)

    known = {task.numbers[0]: one for task in arcs for one in _of(task, anchors)}
    anchor = replace(next(iter(known.values())), of_the_moment=False) if known else None
    if len(arcs) > 1 and anchor is None:
        # each by itself first: seen from several sides, a common axis is known far better than from any one
        alone, refused = [], []
        for task in arcs:
            try:
                alone.append(solve(task, None, NOTHING))
            except PointingError as error:
                refused.append(error)
        if not alone:
            raise refused[0]
        anchor = common_axis([a.axis for a in alone])
    found: dict[int, Pointing] = {}
    for task in arcs:
        own = known.get(task.numbers[0], anchor)
        found.update(zip(task.numbers, solve(task, own, tie_to).pointings, strict=True))
    return [found[k] for k in range(len(exposures))]


@dataclass(frozen=True)
class _Task:
    """The exposures of an arc, their first guesses, and their places among all."""

    exposures: Sequence[Exposure]
    guesses: Sequence[tuple[Pixels, FirstGuess | None]]
    numbers: Sequence[int]


def _of(task: _Task, anchors: Sequence[Anchor | None]) -> list[Anchor]:
    """What kernels tell of an arc: of the exposure that was taken last among those of which they tell something."""
    told = [(float(e.et[0]), k) for e, k in zip(task.exposures, task.numbers, strict=True) if anchors and anchors[k]]
    return [one for one in (anchors[k] for _, k in sorted(told)[-1:]) if one is not None]


def _first_guesses(
    exposures: Sequence[Exposure], clocks: Mapping[int, Clock], scene: Scene, camera: Camera, progress: Progress
) -> list[tuple[Pixels, FirstGuess | None]]:
    """Candidates and coarse pointing of every exposure; those of `clocks` have theirs already."""
    out: list[tuple[Pixels, FirstGuess | None]] = []
    for k, exposure in enumerate(exposures):
        if k in clocks:
            out.append((clocks[k].points, clocks[k].guess))
            continue
        progress(f"{exposure.product_id}: searching for the limb")
        points = candidate_points(exposure, camera)

        def shaded(at: Unknowns, exposure: Exposure = exposure) -> float:
            return shading(exposure, at, scene, camera)

        out.append((points, first_guess(points, scene, MOUNTING_TWIST, MOUNTING_TILT, shaded)))
    return out


def _arcs(exposures: Sequence[Exposure], guesses: Sequence[tuple[Pixels, FirstGuess | None]]) -> list[list[int]]:
    """Groups of exposures close in time and seen in the same light, the one with the most limb first."""
    arcs: list[list[int]] = []
    # in methane the limb stands elsewhere: joined to colours the difference would pass for a turn
    for methane in (False, True):
        order = [k for k in range(len(exposures)) if (list(exposures[k].light) == [Filter.METHANE]) is methane]
        order.sort(key=lambda k: float(exposures[k].et[0]))
        for i, k in enumerate(order):
            # a step between frames of its own is not to be mixed with that of strips that share one
            apart = i == 0 or exposures[k].et[0] - exposures[order[i - 1]].et[-1] > ARC_GAP_S
            if apart or exposures[k].open_times or exposures[order[i - 1]].open_times:
                arcs.append([])
            arcs[-1].append(k)

    def weight(arc: list[int]) -> int:
        return sum(g.agree for _, g in (guesses[k] for k in arc) if g is not None)

    return sorted(arcs, key=weight, reverse=True)


@dataclass(frozen=True)
class _Arc:
    pointings: list[Pointing]
    axis: AxisFound


def _solve_arc(
    exposures: Sequence[Exposure],
    guesses: Sequence[tuple[Pixels, FirstGuess | None]],
    anchor: Anchor | None,
    scene: Scene,
    camera: Camera,
    tie_to: TieTo,
    progress: Progress,
) -> _Arc:
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
    pointings = [
        gather_pointing(exposures[k], k, solution, tied, scene, camera, k in lost, agreed)
        for k in range(len(exposures))
    ]
    return _Arc(pointings, axis_found(solution.adjustment))


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
        limb = measure_limb(exposure, 0, at, scene, camera, reach)
        if len(limb.points) < 20:
            break
        refined = adjust(at, limb, None, free_unknowns([exposure], anchor, guess.spin, scene), scene)
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
