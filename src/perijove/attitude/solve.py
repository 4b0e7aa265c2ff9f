"""From exposures to pointings: the whole way, for one strip or many of a pass.

Strips that follow each other within half an hour form an arc: they share axis, rate and mounting, and their phases
hang together up to the jitter of the start times. Over longer gaps the rate and the axis drift (gravity turns a
spinner at perijove), so arcs are solved one after the other, each with the best one's axis as a loose prior.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from perijove.attitude.adjust import Adjustment, adjust
from perijove.attitude.exposure import Exposure
from perijove.attitude.measure import (
    LimbMeasure,
    candidate_points,
    framelet_times,
    measure_limb,
    measure_ties,
    positions,
    shading,
    solved_camera,
)
from perijove.attitude.pointing import LimbPoints, Pointing
from perijove.attitude.problem import (
    BANDS,
    OFFSET,
    LimbResiduals,
    Pixels,
    Unknowns,
    join,
    limb_residuals,
    look,
    pixels,
)
from perijove.attitude.search import FirstGuess, Scene, first_guess, guess_phase
from perijove.attitude.spin import NOMINAL_PERIOD_S, SpinModel, axis_angles
from perijove.attitude.ties import Ties, ground_distance, project
from perijove.bodies import Body
from perijove.ephemeris.trajectory import Trajectory
from perijove.errors import PointingError
from perijove.instrument import FOCAL_LENGTH_PX, MOUNTING_TILT, MOUNTING_TWIST, SAMPLES, Camera, Filter

FloatArray = NDArray[np.float64]

ARC_GAP_S = 1800.0
TWIST_SIGMA, TILT_SIGMA = 0.00015, 0.0003
AXIS_SIGMA = np.radians(0.5)
"""How far the axis may turn between the arcs of a pass."""
EARTH_SIGMA = np.radians(7.0)
"""Juno keeps its axis near the Earth: 8.5 deg from it at perijove 44, 5.6 deg at 34."""
START_JITTER_S = 0.020
"""Jitter of START_TIME (NAIF instrument kernel juno_junocam_v03.ti)."""
INTERFRAME_SIGMA_S = 0.0003
"""Published values of the interframe correction lie between 0.0010 and 0.0020 s; see instrument.INTERFRAME_DELTA_S."""
SHIFT_SIGMA_PX, SCALE_SIGMA = 0.05, 0.0001
METHANE_SIGMA_PX = 20.0
"""Methane's readout window can be moved by command; the keystone over the disc tells where it was."""
HAZE_KM, HAZE_SIGMA_KM = 80.0, 60.0
"""Height of the visible limb above the 1-bar ellipsoid: light half-way up stands a few scale heights above the clouds."""
GRAZING_KM, GRAZING_SIGMA_KM = 60.0, 50.0
EDGE_BIAS_PX = 0.3
"""How far an edge may stand off where the haze is not resolved; it counts like haze of that many pixels."""
RATE_SIGMA = 0.006
"""Relative; the published periods, 30.07 to 30.74 s, lie within two of it."""
RATE_DRIFT = 0.0005
"""Relative change of the rate between the arcs of a pass."""
OUTLIER = 4.0
_PROGRESS = Callable[[str], None]


def solve_pointing(
    exposures: Sequence[Exposure],
    trajectory: Trajectory,
    body: Body,
    sun: FloatArray,
    *,
    earth: FloatArray | None = None,
    camera: Camera | None = None,
    ties: bool = True,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Pointing]:
    """Pointings of exposures of one pass, in the order given.

    `sun` (3,) points from the body to the Sun in j2000, `earth` (3,) to the Earth: a loose prior for the spin axis where
    the limb alone leaves it open (a disc seen from above its pole). `camera` is `Camera.measured()` unless another is given. `ties`
    lets what the colours share on the ground weigh in beside the limb. Raises PointingError, naming the strip, where no
    limb is found and no neighbour can lend its axis and rate.
    """
    scene = Scene(trajectory, body, sun / np.linalg.norm(sun), None if earth is None else earth / np.linalg.norm(earth))
    camera = camera or Camera.measured()
    # matrices this small lose more to the threads' waiting for each other than they gain
    with threadpool_limits(1, user_api="blas"):
        return _solve(exposures, scene, camera, ties, progress)


def _solve(
    exposures: Sequence[Exposure], scene: Scene, camera: Camera, ties: bool, progress: _PROGRESS
) -> list[Pointing]:
    """All arcs, the one with the most limb first; its axis helps the others."""
    found: dict[int, Pointing] = {}
    anchor: SpinModel | None = None
    guesses = _first_guesses(exposures, scene, camera, progress)
    for arc in _arcs(exposures, guesses):
        solved = _solve_arc([exposures[k] for k in arc], [guesses[k] for k in arc], anchor, scene, camera, ties, progress)
        found.update(zip(arc, solved.pointings, strict=True))
        anchor = anchor or solved.spin
    return [found[k] for k in range(len(exposures))]


def _first_guesses(
    exposures: Sequence[Exposure], scene: Scene, camera: Camera, progress: _PROGRESS
) -> list[tuple[Pixels, FirstGuess | None]]:
    """Candidates and coarse pointing of every exposure."""
    out: list[tuple[Pixels, FirstGuess | None]] = []
    for exposure in exposures:
        progress(f"{exposure.product_id}: searching for the limb")
        points = candidate_points(exposure, camera)


        def shaded(at: Unknowns, exposure: Exposure = exposure) -> float:
            return shading(exposure, at, scene, camera)

        out.append((points, first_guess(points, scene, MOUNTING_TWIST, MOUNTING_TILT, shaded)))
    return out


def _arcs(exposures: Sequence[Exposure], guesses: Sequence[tuple[Pixels, FirstGuess | None]]) -> list[list[int]]:
    """Groups of exposures close in time, the one with the most limb first."""
    order = sorted(range(len(exposures)), key=lambda k: float(exposures[k].et[0]))
    arcs = [[order[0]]]
    for before, k in zip(order, order[1:], strict=False):
        if exposures[k].et[0] - exposures[before].et[-1] > ARC_GAP_S:
            arcs.append([])
        arcs[-1].append(k)

    def weight(arc: list[int]) -> int:
        return sum(g.agree for _, g in (guesses[k] for k in arc) if g is not None)

    return sorted(arcs, key=weight, reverse=True)


@dataclass(frozen=True)
class _Arc:
    pointings: list[Pointing]
    spin: SpinModel


def _solve_arc(
    exposures: Sequence[Exposure],
    guesses: Sequence[tuple[Pixels, FirstGuess | None]],
    anchor: SpinModel | None,
    scene: Scene,
    camera: Camera,
    with_ties: bool,
    progress: _PROGRESS,
) -> _Arc:
    """Joint solution of exposures close in time."""
    lead = _lead(exposures, guesses, anchor, scene)
    progress(f"{exposures[lead.index].product_id}: refining the limb")
    alone = _alone(exposures[lead.index], lead.guess.unknowns, anchor, scene, camera)
    start, lost = _chain(exposures, guesses, lead.index, alone, scene)
    solution = _rounds(exposures, start, anchor, scene, camera, progress)
    tied: Ties | None = None
    for _ in range(2 if with_ties else 0):
        progress("tying the colours together on the ground")
        tied = _all_ties(exposures, solution.adjustment.unknowns, scene, camera)
        if tied is None:
            break
        solution = _settle(exposures, solution.adjustment.unknowns, 2.5, tied, anchor, scene, camera)
    pointings = [
        _pointing(exposures[k], k, solution, tied, scene, camera, k in lost) for k in range(len(exposures))
    ]
    return _Arc(pointings, solution.adjustment.unknowns.spin)


@dataclass(frozen=True)
class _Lead:
    index: int
    guess: FirstGuess


def _lead(
    exposures: Sequence[Exposure],
    guesses: Sequence[tuple[Pixels, FirstGuess | None]],
    anchor: SpinModel | None,
    scene: Scene,
) -> _Lead:
    """The exposure whose limb starts the arc: the one with most of it."""
    best: _Lead | None = None
    for k, (points, guess) in enumerate(guesses):
        # the axis of a better arc of the same pass is worth more than a poor one of its own
        option = guess if anchor is None else guess_phase(points, anchor, scene)
        if option is not None and (best is None or option.agree > best.guess.agree):
            best = _Lead(k, option)
    if best is None:
        names = ", ".join(e.product_id for e in exposures)
        raise PointingError(
            f"{names}: no sunlit limb of {scene.body.name} is to be seen, so the camera's pointing cannot be solved; "
            "give a strip of the same half hour that shows the limb together with it"
        )
    return best


def _alone(exposure: Exposure, guess: Unknowns, anchor: SpinModel | None, scene: Scene, camera: Camera) -> Unknowns:
    """Refined unknowns of one exposure by itself, so that its axis and rate can be lent to its neighbours."""
    # the guess took the limb for the ellipsoid itself, and is nearest to it so
    at = guess
    for reach in (10.0, 5.0):
        limb = measure_limb(exposure, 0, at, scene, camera, reach)
        if len(limb.points) < 20:
            break
        at = adjust(at, limb, None, _free([exposure], anchor, guess.spin, scene), scene).unknowns
    return at


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
    lent = replace(alone, spin=replace(spin, phase=phase, rate=rate, epoch=epoch), offset=np.zeros(len(exposures)))
    return lent, lost


@dataclass(frozen=True)
class _Solution:
    """A solution with all limb points it was measured on, outliers included, and their residuals."""

    limb: LimbMeasure
    residuals: LimbResiduals
    adjustment: Adjustment


def _rounds(
    exposures: Sequence[Exposure],
    at: Unknowns,
    anchor: SpinModel | None,
    scene: Scene,
    camera: Camera,
    progress: _PROGRESS,
) -> _Solution:
    """Measure the limb and solve, with an ever narrower search around the prediction."""
    progress("solving the pointing on the limb")
    for reach in (6.0, 4.0, 3.0):
        solution = _settle(exposures, at, reach, None, anchor, scene, camera)
        at = solution.adjustment.unknowns
    return solution


def _settle(
    exposures: Sequence[Exposure],
    at: Unknowns,
    reach: float,
    ties: Ties | None,
    anchor: SpinModel | None,
    scene: Scene,
    camera: Camera,
) -> _Solution:
    """Measure the limb within `reach` px of the prediction, solve, drop the outliers, and solve again."""
    limb = _all_limb(exposures, at, scene, camera, reach)
    if len(limb.points) < 20:
        names = ", ".join(e.product_id for e in exposures)
        raise PointingError(
            f"{names}: only {len(limb.points)} clear points of the limb of {scene.body.name} were found where it "
            "should be, too few to solve the pointing; give it together with other strips of the same half hour"
        )
    free = _free(exposures, anchor, at.spin, scene)
    first = adjust(at, limb, ties, free, scene)
    keep = used_points(first.limb.px)
    bulk = LimbMeasure(limb.points.take(keep), limb.sigma[keep])
    second = adjust(first.unknowns, bulk, ties, free, scene)
    residuals = limb_residuals(
        limb.points, second.unknowns, scene.trajectory, scene.body, scene.sun, jacobian=False
    )
    return _Solution(limb, residuals, second)


def _all_limb(exposures: Sequence[Exposure], at: Unknowns, scene: Scene, camera: Camera, reach: float) -> LimbMeasure:
    found = [measure_limb(e, k, at, scene, camera, reach) for k, e in enumerate(exposures)]
    return LimbMeasure(join([f.points for f in found]), np.concatenate([f.sigma for f in found]))


def _all_ties(exposures: Sequence[Exposure], at: Unknowns, scene: Scene, camera: Camera) -> Ties | None:
    found = [t for k, e in enumerate(exposures) if (t := measure_ties(e, k, at, scene, camera)) is not None]
    if not found:
        return None
    return Ties(
        join([t.first for t in found]), join([t.second for t in found]), np.concatenate([t.whiten for t in found])
    )


def used_points(residual: FloatArray) -> NDArray[np.bool_]:
    """Which residuals belong to the bulk: within `OUTLIER` robust sigmas (at least 0.4 px) of 0."""
    spread = 1.4826 * float(np.median(np.abs(residual))) if len(residual) else 0.0
    inside: NDArray[np.bool_] = np.abs(residual) < max(OUTLIER * spread, 0.4)
    return inside


def _free(
    exposures: Sequence[Exposure], anchor: SpinModel | None, reference: SpinModel, scene: Scene
) -> dict[str, tuple[float, float] | None]:
    """What may move, and what is known of it beforehand."""
    bands = [b for b in BANDS if any(b in e.light for e in exposures)]
    free: dict[str, tuple[float, float] | None] = {
        **_axis_prior(anchor, reference, scene),
        "phase": None,
        "rate": _rate_prior(anchor),
        "twist": (MOUNTING_TWIST, TWIST_SIGMA),
        "tilt": (MOUNTING_TILT, TILT_SIGMA),
        "interframe": (0.0, INTERFRAME_SIGMA_S),
        "grazing": (GRAZING_KM, GRAZING_SIGMA_KM),
    }
    distance = float(np.linalg.norm(scene.trajectory.position(exposures[0].et[0])))
    haze_sigma = float(np.hypot(HAZE_SIGMA_KM, EDGE_BIAS_PX * distance / FOCAL_LENGTH_PX))
    free.update({f"haze_{b.lower()}": (HAZE_KM, haze_sigma) for b in bands})
    for b in bands:
        # green is what the others are measured against
        if b is not Filter.GREEN and len(bands) > 1:
            free[f"line_{b.lower()}"] = free[f"sample_{b.lower()}"] = (0.0, SHIFT_SIGMA_PX)
            free[f"scale_{b.lower()}"] = (0.0, SCALE_SIGMA)
    if bands == [Filter.METHANE]:
        free["line_methane"] = (0.0, METHANE_SIGMA_PX)
    free.update({f"offset_{k}": (0.0, START_JITTER_S) for k in range(len(exposures))})
    return free


def _axis_prior(
    anchor: SpinModel | None, reference: SpinModel, scene: Scene
) -> dict[str, tuple[float, float] | None]:
    """What is known of the axis: another arc's, else the direction of the Earth, else nothing."""
    if anchor is not None:
        ra, dec, sigma = anchor.ra, anchor.dec, AXIS_SIGMA
    elif scene.earth is not None:
        (ra, dec), sigma = axis_angles(scene.earth), EARTH_SIGMA
    else:
        return {"ra": None, "dec": None}
    # the same turn of the circle as the solution stands on
    ra += 2 * np.pi * np.round((reference.ra - ra) / (2 * np.pi))
    return {"ra": (float(ra), sigma / np.cos(dec)), "dec": (dec, sigma)}


def _rate_prior(anchor: SpinModel | None) -> tuple[float, float]:
    """Mean and sigma of the spin rate: another arc's with its drift, else the mission's."""
    if anchor is not None:
        return anchor.rate, RATE_DRIFT * anchor.rate
    nominal = 2 * np.pi / NOMINAL_PERIOD_S
    return nominal, RATE_SIGMA * nominal


_ANGLES = {"ra", "dec", "phase", "twist", "tilt"}


def _pointing(
    exposure: Exposure,
    image: int,
    solution: _Solution,
    ties: Ties | None,
    scene: Scene,
    camera: Camera,
    lost: bool,
) -> Pointing:
    """Gather what concerns one exposure."""
    limb, adjustment = solution.limb, solution.adjustment
    at = adjustment.unknowns
    mine = limb.points.image == image
    residual = solution.residuals.px[mine]
    used = used_points(residual)
    points = limb.points.take(mine)
    band = np.array([BANDS[b].value for b in points.band], dtype=np.str_)
    rms = float(np.sqrt(np.mean(residual[used] ** 2))) if used.any() else float("nan")
    medians = {
        b: float(np.median(residual[used & (band == b.value)])) for b in exposure.light if (used & (band == b.value)).any()
    }
    tie_rms: dict[Filter, float] = {}
    tie_count = 0
    if ties is not None and adjustment.ties is not None:
        own = ties.second.image == image
        tie_count = int(own.sum())
        for b in exposure.light:
            length = np.linalg.norm(adjustment.ties.px[own & (ties.second.band == BANDS.index(b))], axis=1)
            if len(length):
                # Rayleigh: the median length of two normal components is 1.1774 sigma
                tie_rms[b] = float(np.nanmedian(length) / 1.1774 * np.sqrt(2))
    covariance = adjustment.full_covariance()
    names = at.names()
    keep = [i for i, n in enumerate(names) if i < OFFSET or i == OFFSET + image]
    turn = {n: 180.0 / np.pi if n in _ANGLES else 1.0 for n in names}
    label = {i: ("offset" if i >= OFFSET else names[i]) for i in keep}
    vector, sigma = at.vector(), np.sqrt(np.diag(covariance))
    sigma_px = _mapped_sigma(exposure, image, at, covariance, scene, camera)
    good, verdict = _verdict(rms, int(used.sum()), sigma_px, lost)
    et = framelet_times(exposure, image, at)
    source = "neighbours" if lost else "limb+ties" if tie_count else "limb"
    return Pointing(
        product_id=exposure.product_id,
        source=source,
        spin=at.spin,
        camera=solved_camera(camera.integrating(exposure.tdi_stages), at),
        et=et,
        position_km=positions(et, at, scene),
        start_offset_s=float(at.offset[image]),
        interframe_s=at.interframe,
        parameters={label[i]: float(vector[i]) * turn[names[i]] for i in keep},
        sigmas={label[i]: float(sigma[i]) * turn[names[i]] for i in keep},
        covariance=covariance[np.ix_(keep, keep)],
        limb=LimbPoints(
            band, points.frame, points.line, points.sample, residual, used, solution.residuals.grazing.latitude[mine]
        ),
        limb_rms_px=rms,
        limb_median_px=medians,
        ties=tie_count,
        tie_rms_px=tie_rms,
        sigma_px=sigma_px,
        good=good,
        verdict=verdict,
    )


def _mapped_sigma(
    exposure: Exposure, image: int, at: Unknowns, covariance: FloatArray, scene: Scene, camera: Camera
) -> float:
    """Error of a place on the disc in px (rms of both coordinates over all bands) that the covariance implies.

    A grid of pixels in every framelet that meets the body stands for the disc.
    """
    line, sample = np.meshgrid([16.5, 64.5, 112.5], np.linspace(60.5, SAMPLES - 60.5, 24), indexing="ij")
    own = camera.integrating(exposure.tdi_stages)
    grids = []
    for band, light in exposure.light.items():
        frames = len(light)
        count = line.size * frames
        frame = np.repeat(np.arange(frames), line.size)
        spots = (np.tile(line.ravel(), frames), np.tile(sample.ravel(), frames))
        index = np.full(count, BANDS.index(band))
        grids.append(pixels(own, np.full(count, image), frame, index, *spots, exposure.et[frame]))
    p = join(grids)
    sight = look(p, at, scene.trajectory, scene.body)
    reach = ground_distance(sight.position, sight.direction, scene.body.radii_km)
    hit = np.isfinite(reach)
    if not hit.any():
        return float("nan")
    p = p.take(np.flatnonzero(hit)[:: max(1, int(hit.sum()) // 600)])
    sight = look(p, at, scene.trajectory, scene.body)
    reach = ground_distance(sight.position, sight.direction, scene.body.radii_km)
    j = project(sight, sight.position + reach[:, None] * sight.direction).jacobian
    variance = np.einsum("npi,ij,npj->np", j, covariance, j)
    return float(np.sqrt(np.mean(variance)))


def _verdict(rms: float, used: int, sigma_px: float, lost: bool) -> tuple[bool, str]:
    """Whether a solution can be trusted, and a sentence that says so."""
    if lost:
        return False, (
            f"no limb of its own: axis, rate and phase come from its neighbours, so that it may stand off by {sigma_px:.1f} px"
        )
    if used < 60:
        return False, f"weak: only {used} limb points; expect errors of {sigma_px:.1f} px"
    if rms > 0.6:
        return False, f"doubtful: the limb leaves {rms:.2f} px rms, more than a clean solution does"
    if sigma_px > 1.0:
        return False, f"weak: the limb seen leaves {sigma_px:.1f} px of freedom"
    return True, f"good: {used} limb points fit to {rms:.2f} px rms, places on the disc are known to {sigma_px:.2f} px"
