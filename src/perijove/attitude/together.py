"""A pass as one problem: arcs first, then all of them jointly with the ground that strips have in common.

Strips that spoil the solution are found by what they leave, the worst first, and left out with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from perijove.attitude.basemap import Basemap
from perijove.attitude.exposure import Exposure
from perijove.attitude.group import group_of
from perijove.attitude.passfit import PassFit
from perijove.attitude.pointing import Pointing
from perijove.attitude.priors import Anchor
from perijove.attitude.rounds import NOTHING, Progress, TieTo
from perijove.attitude.search import Scene
from perijove.attitude.solve import Arcs, scene_of, solve_arcs
from perijove.bodies import Body
from perijove.ephemeris.trajectory import Trajectory
from perijove.errors import PointingError
from perijove.instrument import Camera
from perijove.winds import ZonalWinds

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class TogetherSolved:
    """Pointings of a pass in the order of its exposures, None for those left out, and how all of it fits."""

    pointings: tuple[Pointing | None, ...]
    fit: PassFit


def solve_together(
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
    winds: ZonalWinds | None = None,
    suspects: Mapping[str, str] | None = None,
    progress: Progress = lambda _: None,
) -> TogetherSolved:
    """Solve the exposures of a pass as one problem, whatever their order; the arguments are those of `solve_pointing`.

    `winds` carry the clouds between strips; `suspects` maps names of exposures that are not to be used to the reason.
    Raises PointingError where no strip can be solved.
    """
    scene, camera = scene_of(trajectory, body, sun, earth), camera or Camera.measured()
    tie_to = TieTo(ties, basemap)
    order = sorted(range(len(exposures)), key=lambda k: exposures[k].product_id)
    out = {k: (suspects or {})[exposures[k].product_id] for k in order if exposures[k].product_id in (suspects or {})}
    with threadpool_limits(1, user_api="blas"):
        while True:
            left = [k for k in order if k not in out]
            if not left:
                raise PointingError("; ".join(f"{exposures[k].product_id}: {reason}" for k, reason in out.items()))
            some = [anchors[k] for k in left] if anchors else []
            arcs = solve_arcs([exposures[k] for k in left], scene, camera, tie_to, some, progress, keep_going=True)
            failed = {left[k]: reason for k, reason in _refused(arcs, exposures, left, scene, camera).items()}
            out.update(failed)
            if any(len(numbers) > 1 for numbers, _ in arcs.refused) or not arcs.solved:
                continue
            group = group_of(arcs, left, camera)
            worst = group.spoiler()
            if worst is None:
                group = group.jointly(winds if body.atmosphere else None, ties, progress)
                worst = group.spoiler()
            if worst is None:
                pointings = group.pointings(len(exposures))
                names = [e.product_id for e in exposures]
                return TogetherSolved(pointings, group.fit(names, pointings, out))
            spoilt = ", ".join(exposures[k].product_id for k in worst.numbers)
            progress(f"leaving out {spoilt}: {worst.reason}")
            out.update(dict.fromkeys(worst.numbers, worst.reason))


def _refused(
    arcs: Arcs, exposures: Sequence[Exposure], left: Sequence[int], scene: Scene, camera: Camera
) -> dict[int, str]:
    """Which of the exposures `left` spoil arcs that could not be solved, and why: those that fail by themselves too."""
    out: dict[int, str] = {}
    for numbers, error in arcs.refused:
        alone: dict[int, PointingError] = {}
        for k in numbers if len(numbers) > 1 else ():
            again = solve_arcs([exposures[left[k]]], scene, camera, NOTHING, [], lambda _: None, keep_going=True)
            if again.refused:
                alone[k] = again.refused[0][1]
        for k, reason in (alone or dict.fromkeys(numbers, error)).items():
            # its name stands before the reason wherever that is told
            own = numbers if reason is error else [k]
            names = ", ".join(exposures[left[j]].product_id for j in own)
            out[k] = str(reason).removeprefix(f"{names}: ")
    return out
