"""Measuring and solving in turn: the limb first, then the ground, as the colours share it and as a map has it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from perijove.attitude.adjust import Adjustment, adjust
from perijove.attitude.basemap import ALIKE, REACHES_PX, TIE_REACH_PX, Basemap, all_ground
from perijove.attitude.exposure import Exposure
from perijove.attitude.gather import Solution, used_points
from perijove.attitude.ground import GroundTies, ground_residuals, weighed_by_misfit, without_outliers
from perijove.attitude.measure import LimbMeasure, measure_limb, measure_ties
from perijove.attitude.priors import Anchor, free_unknowns, on_ground
from perijove.attitude.problem import BANDS, Unknowns, join, limb_residuals
from perijove.attitude.search import Scene
from perijove.attitude.ties import Ties, join_ties, weighed_by_scatter
from perijove.errors import PointingError
from perijove.instrument import Camera, Filter

HAZY_ROUNDS, BARE_ROUNDS = 2, 10
"""Rounds of measuring ties and solving with them. Near a bare moon the roll about the disc's middle hangs on them
alone, and shifts so small come out too small at first."""
LIMB_ROUNDS = 4
"""Rounds of measuring a hazy limb and solving on it."""
LEAST_LIMB, LEAST_WITH_AXIS = 20, 8
"""Limb points from which a pointing can be solved: by themselves, and where others tell axis and rate."""
SETTLED = 0.25
"""The rounds end where no unknown moves by more than this share of its error."""
Progress = Callable[[str], object]


@dataclass(frozen=True)
class TieTo:
    """What the ground is tied to: `itself`, as other colours and framelets see it, and a map."""

    itself: bool
    basemap: Basemap | None = None


NOTHING = TieTo(False)


def on_limb(
    exposures: Sequence[Exposure],
    at: Unknowns,
    anchor: Anchor | None,
    scene: Scene,
    camera: Camera,
    progress: Progress,
) -> Solution:
    """Measure the limb and solve, with an ever narrower search around the prediction.

    What the haze does to the limb hangs on how the Sun stands there, and so on the pointing: it is left out at first,
    and then the two are solved in turn until they rest.
    """
    progress("solving the pointing on the limb")
    for reach in (6.0, 3.0):
        solution = settle(exposures, at, reach, None, anchor, scene, camera, plain=scene.body.atmosphere)
        at = solution.adjustment.unknowns
    if not on_ground(exposures, scene):
        return solution
    # what stood as high as half the light is sought on the ground from here on, but for methane's
    half = np.array([band is Filter.METHANE for band in BANDS], dtype=float)
    at = replace(at, haze_km=half * at.haze_km, grazing_km=half * at.grazing_km)
    for _ in range(LIMB_ROUNDS):
        before = at
        solution = settle(exposures, at, 2.5, None, anchor, scene, camera)
        at = solution.adjustment.unknowns
        if _settled(before, solution.adjustment):
            break
    return solution


def tie(
    exposures: Sequence[Exposure],
    solution: Solution,
    anchor: Anchor | None,
    scene: Scene,
    camera: Camera,
    tie_to: TieTo,
    progress: Progress,
) -> tuple[Solution, Ties | None]:
    """The solution with ties on the ground, measured and solved in turn until it rests, and the last ties.

    Raises PointingError where the ground of a map that was found from farther off is lost.
    """
    tied: Ties | None = None
    for _ in range(HAZY_ROUNDS if scene.body.atmosphere else BARE_ROUNDS):
        progress("tying the colours together on the ground")
        before = solution.adjustment.unknowns
        tied = _all_ties(exposures, before, scene, camera) if tie_to.itself else None
        ground = None
        if tie_to.basemap is not None:
            ground = all_ground(exposures, before, scene, camera, tie_to.basemap, TIE_REACH_PX)
            if ground is None:
                raise _not_found(exposures, tie_to.basemap, "it seemed to be there from farther off, and is not")
        if tied is None and ground is None:
            break
        solution = settle(exposures, before, 2.5, tied, anchor, scene, camera, ground)
        if not scene.body.atmosphere and _settled(before, solution.adjustment):
            break
    return solution, tied


def on_map(
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
            raise _not_found(exposures, basemap, f"within {reach:.0f} px of where it should be")
        solution = settle(exposures, before, 2.5, None, anchor, scene, camera, ground, fine=False)
    return solution


def _not_found(exposures: Sequence[Exposure], basemap: Basemap, how: str) -> PointingError:
    """What to say where the ground of a map is not in the light."""
    names = ", ".join(e.product_id for e in exposures)
    return PointingError(
        f"{names}: no ground of {basemap.name} is found in the light ({how}): check that it shows the same place, and "
        "--tie-centre where it has no coordinate system; or leave --tie out"
    )


def _settled(before: Unknowns, after: Adjustment) -> bool:
    """Whether a round moved every free unknown by less than `SETTLED` of its error."""
    sigma = np.sqrt(np.diag(after.full_covariance()))
    moved = np.abs(after.unknowns.vector() - before.vector())
    return bool(np.all(moved <= SETTLED * sigma))


def settle(
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
    plain: bool = False,
) -> Solution:
    """Measure the limb within `reach` px of the prediction, solve, drop the outliers, and solve again.

    `fine` is false while a map is still being found: the misfit of its ground is the pointing's then, not the map's.
    The limb is where half its light stands if `plain`.
    """
    plain = plain or not on_ground(exposures, scene)
    limb = _all_limb(exposures, at, scene, camera, reach, plain)
    least = LEAST_LIMB if anchor is None else LEAST_WITH_AXIS
    if len(limb.points) < least and ground is None:
        names = ", ".join(e.product_id for e in exposures)
        raise PointingError(
            f"{names}: only {len(limb.points)} clear points of the limb of {scene.body.name} were found where it "
            "should be, too few to solve the pointing; give it together with other strips of the same half hour"
        )
    # from farther off so much freedom would lead astray
    loose = ties is not None and not scene.body.atmosphere
    free = free_unknowns(exposures, anchor, at.spin, scene, loose=loose, plain=plain)
    first = adjust(at, limb, ties, free, scene, ground)
    keep = used_points(first.limb.px)
    bulk = LimbMeasure(limb.points.take(keep), limb.sigma[keep])
    second = first
    if ground is not None and first.ground is not None:
        ground = without_outliers(ground, first.ground)
        left = ground_residuals(ground, first.unknowns, scene.trajectory, scene.body, jacobian=False)
        ground = weighed_by_misfit(ground, left, ALIKE) if fine else ground
    if ties is not None and first.ties is not None:
        second = adjust(first.unknowns, bulk, weighed_by_scatter(ties, first.ties), free, scene, ground)
    elif ground is not None or not keep.all():
        second = adjust(first.unknowns, bulk, ties, free, scene, ground)
    residuals = limb_residuals(limb.points, second.unknowns, scene.trajectory, scene.body, scene.sun, jacobian=False)
    return Solution(limb, residuals, second, ground, loose or (anchor is not None and anchor.of_the_moment))


def _all_limb(
    exposures: Sequence[Exposure], at: Unknowns, scene: Scene, camera: Camera, reach: float, plain: bool
) -> LimbMeasure:
    found = [measure_limb(e, k, at, scene, camera, reach, plain=plain) for k, e in enumerate(exposures)]
    return LimbMeasure(join([f.points for f in found]), np.concatenate([f.sigma for f in found]))


def _all_ties(exposures: Sequence[Exposure], at: Unknowns, scene: Scene, camera: Camera) -> Ties | None:
    found = [measure_ties(e, k, at, scene, camera) for k, e in enumerate(exposures)]
    return join_ties([ties for ties in found if ties is not None])
