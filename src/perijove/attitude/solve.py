"""From exposures to pointings: the whole way, for one strip or many of a pass.

Strips that follow each other within half an hour form an arc: they share axis, rate and mounting, and their phases
hang together up to the jitter of the start times. Over longer gaps the rate and the axis drift (gravity turns a
spinner at perijove), so arcs are solved one after the other, each with the best one's axis as a loose prior.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from perijove.attitude.adjust import Adjustment, adjust
from perijove.attitude.basemap import ALIKE, REACHES_PX, TIE_REACH_PX, Basemap, all_ground
from perijove.attitude.clock import Clock, set_clock
from perijove.attitude.common import AxisFound, axis_found, common_axis
from perijove.attitude.exposure import Exposure
from perijove.attitude.gather import Solution, gather_pointing, used_points
from perijove.attitude.ground import (
    GroundTies,
    ground_residuals,
    loosened,
    weighed_by_misfit,
    without_outliers,
)
from perijove.attitude.measure import (
    LimbMeasure,
    candidate_points,
    measure_limb,
    measure_ties,
    shading,
)
from perijove.attitude.pointing import Pointing
from perijove.attitude.priors import EARTH_SIGMA, Anchor, free_unknowns
from perijove.attitude.problem import (
    Pixels,
    Unknowns,
    join,
    limb_residuals,
)
from perijove.attitude.roll import COARSE_CORRELATION, ROLL_SIGMA, WRONG_ROLL, best_roll, roll_by_light, rolled
from perijove.attitude.search import AxisHint, FirstGuess, Scene, first_guess, guess_phase
from perijove.attitude.ties import Ties, join_ties, weighed_by_scatter
from perijove.bodies import Body
from perijove.ephemeris.trajectory import Trajectory
from perijove.errors import PointingError
from perijove.instrument import MOUNTING_TILT, MOUNTING_TWIST, Camera, Filter

FloatArray = NDArray[np.float64]

ARC_GAP_S = 1800.0
HAZY_ROUNDS, BARE_ROUNDS = 2, 10
"""Rounds of measuring ties and solving with them. Near a bare moon the roll about the disc's middle hangs on them
alone, and shifts so small come out too small at first."""
SETTLED = 0.25
"""The rounds end where no unknown moves by more than this share of its error."""
Progress = Callable[[str], object]


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
    anchor: Anchor | None = None,
    progress: Progress = lambda _: None,
) -> list[Pointing]:
    """Pointings of exposures of one pass, in the order given.

    `sun` (3,) points from the body to the Sun in j2000, `earth` (3,) to the Earth: a loose prior for the axis where
    the limb alone leaves it open (a disc seen from above its pole). `camera` is `Camera.measured()` unless another is
    given. `ties` lets what the colours share on the ground weigh in beside the limb, `basemap` where a map has it.
    `anchor` is what kernels tell of axis and rate. Raises PointingError, naming the strip, where no limb is found and
    no neighbour can lend its axis and rate.
    """
    hint = None if earth is None else AxisHint(earth / np.linalg.norm(earth), EARTH_SIGMA)
    scene = Scene(trajectory, body, sun / np.linalg.norm(sun), hint)
    camera = camera or Camera.measured()
    # matrices this small lose more to the threads' waiting for each other than they gain
    with threadpool_limits(1, user_api="blas"):
        return _solve(exposures, scene, camera, _TieTo(ties, basemap), anchor, progress)


@dataclass(frozen=True)
class _TieTo:
    """What the ground is tied to: `itself`, as other colours and framelets see it, and a map."""

    itself: bool
    basemap: Basemap | None = None


_NOTHING = _TieTo(False)


def _solve(
    exposures: Sequence[Exposure],
    scene: Scene,
    camera: Camera,
    tie_to: _TieTo,
    anchor: Anchor | None,
    progress: Progress,
) -> list[Pointing]:
    """All arcs: where there are several each first by itself, and then with the axis that they have in common."""
    clocks = {k: set_clock(e, scene, camera, progress) for k, e in enumerate(exposures) if e.open_times}
    exposures = [clocks[k].exposure if k in clocks else e for k, e in enumerate(exposures)]
    guesses = _first_guesses(exposures, clocks, scene, camera, progress)
    arcs = [_Task([exposures[k] for k in arc], [guesses[k] for k in arc], arc) for arc in _arcs(exposures, guesses)]

    def solve(task: _Task, anchor: Anchor | None, tie_to: _TieTo) -> _Arc:
        return _solve_arc(task.exposures, task.guesses, anchor, scene, camera, tie_to, progress)

    if len(arcs) > 1 and anchor is None:
        # each by itself first: seen from several sides, a common axis is known far better than from any one
        alone, refused = [], []
        for task in arcs:
            try:
                alone.append(solve(task, None, _NOTHING))
            except PointingError as error:
                refused.append(error)
        if not alone:
            raise refused[0]
        anchor = common_axis([a.axis for a in alone])
    found: dict[int, Pointing] = {}
    for task in arcs:
        found.update(zip(task.numbers, solve(task, anchor, tie_to).pointings, strict=True))
    return [found[k] for k in range(len(exposures))]


@dataclass(frozen=True)
class _Task:
    """The exposures of an arc, their first guesses, and their places among all."""

    exposures: Sequence[Exposure]
    guesses: Sequence[tuple[Pixels, FirstGuess | None]]
    numbers: Sequence[int]


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
    tie_to: _TieTo,
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
    solution = _rounds(exposures, start, anchor, scene, camera, progress)
    tied: Ties | None = None
    if tie_to.basemap is not None:
        if tie_to.itself and not scene.body.atmosphere:
            # the limb of a bare moon leaves a roll of many degrees, in which no ground is to be recognised
            solution, _ = _tie(exposures, solution, anchor, scene, camera, _TieTo(True), progress)
        # the frame of a moon's map may be turned against the trajectory's; only the ground tells
        scene = replace(scene, trajectory=loosened(scene.trajectory, scene.body))
        solution = _on_map(exposures, solution, anchor, scene, camera, tie_to.basemap, progress)
    if tie_to != _NOTHING:
        solution, tied = _tie(exposures, solution, anchor, scene, camera, tie_to, progress)
    pointings = [
        gather_pointing(exposures[k], k, solution, tied, scene, camera, k in lost, agreed)
        for k in range(len(exposures))
    ]
    return _Arc(pointings, axis_found(solution.adjustment))


def _tie(
    exposures: Sequence[Exposure],
    solution: Solution,
    anchor: Anchor | None,
    scene: Scene,
    camera: Camera,
    tie_to: _TieTo,
    progress: Progress,
) -> tuple[Solution, Ties | None]:
    """The solution with ties on the ground, measured and solved in turn until it rests, and the last ties."""
    tied: Ties | None = None
    for _ in range(HAZY_ROUNDS if scene.body.atmosphere else BARE_ROUNDS):
        progress("tying the colours together on the ground")
        before = solution.adjustment.unknowns
        tied = _all_ties(exposures, before, scene, camera) if tie_to.itself else None
        ground = None
        if tie_to.basemap is not None:
            ground = all_ground(exposures, before, scene, camera, tie_to.basemap, TIE_REACH_PX)
        if tied is None and ground is None:
            break
        solution = _settle(exposures, before, 2.5, tied, anchor, scene, camera, ground)
        if not scene.body.atmosphere and _settled(before, solution.adjustment):
            break
    return solution, tied


def _on_map(
    exposures: Sequence[Exposure],
    solution: Solution,
    anchor: Anchor | None,
    scene: Scene,
    camera: Camera,
    basemap: Basemap,
    progress: Progress,
) -> Solution:
    """The solution with the ground where a map has it, sought ever nearer; PointingError where it is not found."""
    for reach in REACHES_PX:
        progress(f"seeking the ground of {basemap.name}")
        before = solution.adjustment.unknowns
        ground = all_ground(exposures, before, scene, camera, basemap, reach)
        if ground is None:
            names = ", ".join(e.product_id for e in exposures)
            raise PointingError(
                f"{names}: no ground of {basemap.name} is found in the light: check that it shows the same place, and "
                "--tie-centre where it has no coordinate system"
            )
        solution = _settle(exposures, before, 2.5, None, anchor, scene, camera, ground, fine=False)
    return solution


def _settled(before: Unknowns, after: Adjustment) -> bool:
    """Whether a round moved every free unknown by less than `SETTLED` of its error."""
    sigma = np.sqrt(np.diag(after.full_covariance()))
    moved = np.abs(after.unknowns.vector() - before.vector())
    return bool(np.all(moved <= SETTLED * sigma))


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


def _rounds(
    exposures: Sequence[Exposure],
    at: Unknowns,
    anchor: Anchor | None,
    scene: Scene,
    camera: Camera,
    progress: Progress,
) -> Solution:
    """Measure the limb and solve, with an ever narrower search around the prediction."""
    progress("solving the pointing on the limb")
    for reach in (6.0, 3.0):
        solution = _settle(exposures, at, reach, None, anchor, scene, camera)
        at = solution.adjustment.unknowns
    return solution


def _settle(
    exposures: Sequence[Exposure],
    at: Unknowns,
    reach: float,
    ties: Ties | None,
    anchor: Anchor | None,
    scene: Scene,
    camera: Camera,
    ground: GroundTies | None = None,
    *,
    fine: bool = True,
) -> Solution:
    """Measure the limb within `reach` px of the prediction, solve, drop the outliers, and solve again.

    `fine` is false while a map is still being found: the misfit of its ground is the pointing's then, not the map's.
    """
    limb = _all_limb(exposures, at, scene, camera, reach)
    if len(limb.points) < 20 and ground is None:
        names = ", ".join(e.product_id for e in exposures)
        raise PointingError(
            f"{names}: only {len(limb.points)} clear points of the limb of {scene.body.name} were found where it "
            "should be, too few to solve the pointing; give it together with other strips of the same half hour"
        )
    # from farther off so much freedom would lead astray
    loose = ties is not None and not scene.body.atmosphere
    free = free_unknowns(exposures, anchor, at.spin, scene, loose=loose)
    first = adjust(at, limb, ties, free, scene, ground)
    keep = used_points(first.limb.px)
    bulk = LimbMeasure(limb.points.take(keep), limb.sigma[keep])
    second = first
    if ground is not None and first.ground is not None:
        ground = without_outliers(ground, first.ground)
        left = ground_residuals(ground, first.unknowns, scene.trajectory, scene.body, jacobian=False)
        ground = weighed_by_misfit(ground, left, ALIKE) if fine else ground
    if ties is not None and first.ties is not None and not scene.body.atmosphere:
        second = adjust(first.unknowns, bulk, weighed_by_scatter(ties, first.ties), free, scene, ground)
    elif ground is not None or not keep.all():
        second = adjust(first.unknowns, bulk, ties, free, scene, ground)
    residuals = limb_residuals(limb.points, second.unknowns, scene.trajectory, scene.body, scene.sun, jacobian=False)
    return Solution(limb, residuals, second, ground, loose or (anchor is not None and anchor.of_the_moment))


def _all_limb(exposures: Sequence[Exposure], at: Unknowns, scene: Scene, camera: Camera, reach: float) -> LimbMeasure:
    found = [measure_limb(e, k, at, scene, camera, reach) for k, e in enumerate(exposures)]
    return LimbMeasure(join([f.points for f in found]), np.concatenate([f.sigma for f in found]))


def _all_ties(exposures: Sequence[Exposure], at: Unknowns, scene: Scene, camera: Camera) -> Ties | None:
    found = [measure_ties(e, k, at, scene, camera) for k, e in enumerate(exposures)]
    return join_ties([ties for ties in found if ties is not None])
