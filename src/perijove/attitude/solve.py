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

from perijove.attitude.arc import Arc, solve_arc
from perijove.attitude.basemap import Basemap
from perijove.attitude.clock import Clock, set_clock
from perijove.attitude.common import common_axis
from perijove.attitude.exposure import Exposure
from perijove.attitude.measure import candidate_points, shading
from perijove.attitude.pointing import Pointing
from perijove.attitude.priors import EARTH_SIGMA, Anchor
from perijove.attitude.problem import Pixels, Unknowns
from perijove.attitude.rounds import NOTHING, Progress, TieTo
from perijove.attitude.search import AxisHint, FirstGuess, Scene, first_guess
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
    scene = scene_of(trajectory, body, sun, earth)
    camera = camera or Camera.measured()
    # matrices this small lose more to the threads' waiting for each other than they gain
    with threadpool_limits(1, user_api="blas"):
        arcs = solve_arcs(exposures, scene, camera, TieTo(ties, basemap), anchors, progress)
        found: dict[int, Pointing] = {}
        for numbers, arc in arcs.solved:
            found.update(zip(numbers, arc.pointings(camera), strict=True))
    return [found[k] for k in range(len(exposures))]


def scene_of(trajectory: Trajectory, body: Body, sun: FloatArray, earth: FloatArray | None) -> Scene:
    """The scene of a pass: `sun` (3,) and `earth` (3,) point from the body, of any length, j2000."""
    hint = None if earth is None else AxisHint(earth / np.linalg.norm(earth), EARTH_SIGMA)
    return Scene(trajectory, body, sun / np.linalg.norm(sun), hint)


@dataclass(frozen=True)
class Arcs:
    """The arcs of a pass: those `solved`, with the numbers of their exposures, and those `refused`, with the reason."""

    solved: tuple[tuple[tuple[int, ...], Arc], ...]
    refused: tuple[tuple[tuple[int, ...], PointingError], ...]


def solve_arcs(
    exposures: Sequence[Exposure],
    scene: Scene,
    camera: Camera,
    tie_to: TieTo,
    anchors: Sequence[Anchor | None],
    progress: Progress,
    *,
    keep_going: bool = False,
) -> Arcs:
    """All arcs: where there are several each first by itself, and then with the axis that they have in common.

    An arc of which kernels tell axis and rate has them from there; they are loose priors for the others of the pass.
    Raises PointingError for the first arc that cannot be solved, unless told to `keep_going`.
    """
    clocks = {k: set_clock(e, scene, camera, progress) for k, e in enumerate(exposures) if e.open_times}
    exposures = [clocks[k].exposure if k in clocks else e for k, e in enumerate(exposures)]
    guesses = _first_guesses(exposures, clocks, scene, camera, progress)
    arcs = [_Task([exposures[k] for k in arc], [guesses[k] for k in arc], arc) for arc in _arcs(exposures, guesses)]

    def solve(task: _Task, anchor: Anchor | None, tie_to: TieTo) -> Arc:
        return solve_arc(task.exposures, task.guesses, anchor, scene, camera, tie_to, progress)

    known = {task.numbers[0]: one for task in arcs for one in _of(task, anchors)}
    anchor = replace(next(iter(known.values())), of_the_moment=False) if known else None
    if len(arcs) > 1 and anchor is None:
        # each by itself first: seen from several sides, a common axis is known far better than from any one
        alone, refused = [], []
        for task in arcs:
            try:
                alone.append(solve(task, None, NOTHING))
            except PointingError as error:
                refused.append((tuple(task.numbers), error))
        if not alone:
            if keep_going:
                return Arcs((), tuple(refused))
            raise refused[0][1]
        anchor = common_axis([a.axis for a in alone])
    solved, failed = [], []
    for task in arcs:
        own = known.get(task.numbers[0], anchor)
        try:
            solved.append((tuple(task.numbers), solve(task, own, tie_to)))
        except PointingError as error:
            if not keep_going:
                raise
            failed.append((tuple(task.numbers), error))
    return Arcs(tuple(solved), tuple(failed))


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
