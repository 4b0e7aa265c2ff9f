"""From a joint solution to what is said of each strip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.attitude.adjust import Adjustment
from perijove.attitude.exposure import Exposure, strip_camera
from perijove.attitude.ground import GroundFit, GroundTies, ground_fit
from perijove.attitude.measure import LimbMeasure, framelet_times, solved_camera
from perijove.attitude.pointing import LimbPoints, Pointing
from perijove.attitude.priors import LOOSE_MOUNTING_SIGMA, TILT_SIGMA, TWIST_SIGMA
from perijove.attitude.problem import (
    BANDS,
    OFFSET,
    LimbResiduals,
    Unknowns,
    cast,
    corrected_position,
    corrected_velocity,
    join,
    look,
    pixels,
)
from perijove.attitude.search import Scene
from perijove.attitude.spin import SpinModel
from perijove.attitude.ties import Ties, project
from perijove.geometry.ellipsoid import intersect
from perijove.instrument import FOCAL_LENGTH_PX, MOUNTING_TILT, MOUNTING_TWIST, SAMPLES, Camera, Filter

FloatArray = NDArray[np.float64]

PERIODS_S = (29.7, 31.1)
"""Spin periods that can be believed: the published 30.07 to 30.74 s with some room."""
GOOD_PX = 3.0
"""A solution is good where places on the disc are known at least so well."""
MOUNTING_SIGMAS = 4.0
"""The mounting hardly changes: a twist or tilt further from the usual one than so many sigmas is none."""
OUTLIER = 4.0
"""Limb points further out than so many robust sigmas are not used."""


@dataclass(frozen=True)
class Solution:
    """A solution with all limb points it was measured on, outliers included, and their residuals.

    `ground` has the ties to a map that it was found with; it is `loose` where the mounting was free to move.
    """

    limb: LimbMeasure
    residuals: LimbResiduals
    adjustment: Adjustment
    ground: GroundTies | None = None
    loose: bool = False


def used_points(residual: FloatArray) -> NDArray[np.bool_]:
    """Which residuals belong to the bulk: within `OUTLIER` robust sigmas (at least 0.4 px) of 0."""
    spread = 1.4826 * float(np.median(np.abs(residual))) if len(residual) else 0.0
    inside: NDArray[np.bool_] = np.abs(residual) < max(OUTLIER * spread, 0.4)
    return inside


_ANGLES = {"ra", "dec", "phase", "twist", "tilt"}


@dataclass(frozen=True)
class _Named:
    """What one image hangs on: values and standard errors by name, and their covariance; angles in degrees."""

    values: dict[str, float]
    sigmas: dict[str, float]
    covariance: FloatArray


def _named(at: Unknowns, covariance: FloatArray, image: int) -> _Named:
    """The unknowns of one image, its own start-time offset among them, for people."""
    names = at.names()
    keep = [i for i, n in enumerate(names) if i < OFFSET or i == OFFSET + image]
    order = ["offset" if i >= OFFSET else names[i] for i in keep]
    unit = np.array([180.0 / np.pi if n in _ANGLES else 1.0 for n in order])
    own = covariance[np.ix_(keep, keep)] * np.outer(unit, unit)
    values, sigmas = (at.vector()[keep] * unit).tolist(), np.sqrt(np.diag(own)).tolist()
    return _Named(dict(zip(order, values, strict=True)), dict(zip(order, sigmas, strict=True)), own)


def _tie_lengths(
    exposure: Exposure, image: int, solution: Solution, ties: Ties | None
) -> tuple[int, dict[Filter, float]]:
    """How many ties end in an image, and by filter how far they lie apart, px, as a robust rms."""
    left = solution.adjustment.ties
    if ties is None or left is None:
        return 0, {}
    own = ties.second.image == image
    typical: dict[Filter, float] = {}
    for band in exposure.light:
        length = np.linalg.norm(left.px[own & (ties.second.band == BANDS.index(band))], axis=1)
        length = length[np.isfinite(length)]
        if len(length):
            # Rayleigh: the median length of two normal components is 1.1774 sigma
            typical[band] = float(np.median(length) / 1.1774 * np.sqrt(2))
    return int(own.sum()), typical


def gather_pointing(
    exposure: Exposure,
    image: int,
    solution: Solution,
    ties: Ties | None,
    scene: Scene,
    camera: Camera,
    lost: bool,
    agreed: bool = True,
) -> Pointing:
    """Gather what concerns one exposure; `lost` where it showed no limb, `agreed` unless light and limb contradict."""
    limb, adjustment = solution.limb, solution.adjustment
    at = adjustment.unknowns
    mine = limb.points.image == image
    residual = solution.residuals.px[mine]
    used = used_points(residual)
    points = limb.points.take(mine)
    band = np.array([BANDS[b].value for b in points.band], dtype=np.str_)
    rms, medians = _limb_misfit(exposure, band, residual, used)
    tie_count, tie_rms = _tie_lengths(exposure, image, solution, ties)
    covariance = adjustment.full_covariance()
    named = _named(at, covariance, image)
    inner_px = _mapped_sigma(exposure, image, at, covariance, scene, camera)
    sigma_px = float(np.hypot(inner_px, _unseen_px(scene)))
    turned = _turned(at.spin, solution.loose)
    good, verdict = _verdict(rms, int(used.sum()), sigma_px, inner_px, turned, at.spin, lost, agreed)
    latitude = solution.residuals.grazing.latitude[mine]
    limb_points = LimbPoints(band, points.frame, points.line, points.sample, residual, used, latitude)
    et = framelet_times(exposure, image, at)
    fit = _fit(solution, image, scene)
    if solution.ground is not None:
        good, verdict = _mapped_verdict(fit, good, verdict)
    source = "neighbours" if lost else "limb+ties" if tie_count else "limb"
    source += "+map" if fit is not None else ""
    return Pointing(
        product_id=exposure.product_id,
        source=source,
        spin=at.spin,
        camera=solved_camera(strip_camera(camera, exposure), at),
        et=et,
        position_km=corrected_position(et, at, scene.trajectory),
        start_offset_s=float(at.offset[image]) + exposure.start_moved_s,
        interframe_s=at.interframe + exposure.interframe_moved_s,
        parameters=named.values,
        sigmas=named.sigmas,
        covariance=named.covariance,
        limb=limb_points,
        limb_rms_px=rms,
        limb_median_px=medians,
        ties=tie_count,
        tie_rms_px=tie_rms,
        on_map=fit,
        velocity_km_s=corrected_velocity(et, at, scene.trajectory),
        sigma_px=sigma_px,
        good=good,
        verdict=verdict,
    )


def _limb_misfit(
    exposure: Exposure, band: NDArray[np.str_], residual: FloatArray, used: NDArray[np.bool_]
) -> tuple[float, dict[Filter, float]]:
    """What the limb's points leave, px: the rms of those used, and their median by filter."""
    rms = float(np.sqrt(np.mean(residual[used] ** 2))) if used.any() else float("nan")
    by_band = {b: residual[used & (band == b.value)] for b in exposure.light}
    return rms, {b: float(np.median(values)) for b, values in by_band.items() if len(values)}


def _fit(solution: Solution, image: int, scene: Scene) -> GroundFit | None:
    """How an exposure lies on the map; None where no map was asked for, or none of its ground was found there."""
    adjustment = solution.adjustment
    if solution.ground is None or adjustment.ground is None or not (solution.ground.points.image == image).any():
        return None
    return ground_fit(solution.ground, adjustment.ground, image, adjustment.unknowns, scene.trajectory, scene.body)


def _mapped_verdict(fit: GroundFit | None, good: bool, verdict: str) -> tuple[bool, str]:
    """The verdict with what the map says: that it has none of the ground, or that it does not fit."""
    if fit is None:
        return good, f"{verdict}; none of its own ground is found on the map, and its neighbours' ties it"
    if fit.median_px > GOOD_PX:
        return False, (
            f"fair: its ground lies {fit.median_px:.1f} px off the map in the median, which may be the map's error "
            f"or a wrong match; but for that {verdict}"
        )
    return good, verdict


def _mapped_sigma(
    exposure: Exposure, image: int, at: Unknowns, covariance: FloatArray, scene: Scene, camera: Camera
) -> float:
    """Error of a place on the disc in px (rms of both coordinates over all bands) that the covariance implies.

    A grid of pixels in every framelet that meets the body stands for the disc.
    """
    line, sample = np.meshgrid([16.5, 64.5, 112.5], np.linspace(60.5, SAMPLES - 60.5, 24), indexing="ij")
    own = strip_camera(camera, exposure)
    grids = []
    for band, light in exposure.light.items():
        frames = len(light)
        count = line.size * frames
        frame = np.repeat(np.arange(frames), line.size)
        spots = (np.tile(line.ravel(), frames), np.tile(sample.ravel(), frames))
        index = np.full(count, BANDS.index(band))
        grids.append(pixels(own, np.full(count, image), frame, index, *spots, exposure.et[frame]))
    p = join(grids)
    rays = cast(p, at, scene.trajectory, scene.body)
    hit = np.isfinite(intersect(rays.position, rays.direction, scene.body.radii_km)).all(axis=-1)
    if not hit.any():
        return float("nan")
    p = p.take(np.flatnonzero(hit)[:: max(1, int(hit.sum()) // 600)])
    sight = look(p, at, scene.trajectory, scene.body)
    j = project(sight, intersect(sight.position, sight.direction, scene.body.radii_km)).jacobian
    variance = np.einsum("npi,ij,npj->np", j, covariance, j)
    return float(np.sqrt(np.mean(variance)))


def _unseen_px(scene: Scene) -> float:
    """How far, in px, the ground in the middle of the disc lies off for what the trajectory leaves out."""
    trajectory, radius = scene.trajectory, float(np.mean(scene.body.radii_km))
    distance = float(np.linalg.norm(trajectory.position(trajectory.reference_et)))
    return trajectory.unseen_km * radius / distance * FOCAL_LENGTH_PX / max(distance - radius, 1.0)


def _turned(spin: SpinModel, loose: bool) -> float:
    """By how many sigmas the camera would be turned on its mounting."""
    twist, tilt = abs(spin.twist - MOUNTING_TWIST), abs(spin.tilt - MOUNTING_TILT)
    if loose:
        return max(twist, tilt) / LOOSE_MOUNTING_SIGMA
    return max(twist / TWIST_SIGMA, tilt / TILT_SIGMA)


def _verdict(
    rms: float, used: int, sigma_px: float, inner_px: float, turned: float, spin: SpinModel, lost: bool, agreed: bool
) -> tuple[bool, str]:
    """Whether a solution can be trusted, and a sentence that says so."""
    if lost:
        return False, (
            "no limb of its own: axis, rate and phase come from its neighbours, "
            f"so that it may stand off by {sigma_px:.1f} px"
        )
    if not PERIODS_S[0] < spin.period_s < PERIODS_S[1]:
        return False, (
            f"doubtful: a spin period of {spin.period_s:.2f} s, which Juno never had; "
            "INTERFRAME_DELAY or the times in the label must be wrong"
        )
    if turned > MOUNTING_SIGMAS:
        return False, (
            f"doubtful: the camera would have to be turned on its mounting by {turned:.0f} times what is possible; "
            "give the strip together with others of the same half hour"
        )
    if not agreed:
        return False, (
            "doubtful: the light on the disc asks for another roll than the limb; "
            "give the strip together with others of the same pass"
        )
    if used < 60:
        return False, f"weak: only {used} limb points; places on the disc may stand off by {sigma_px:.1f} px"
    if rms > 0.6:
        return False, f"doubtful: the limb leaves {rms:.2f} px rms, more than a clean solution does"
    if sigma_px > GOOD_PX > inner_px:
        return False, (
            f"fair: {used} limb points fit to {rms:.2f} px rms, but for the trajectory's error places may stand off by "
            f"{sigma_px:.1f} px, all alike; --tie MAP finds that, --trajectory-sigma says that it is less"
        )
    if sigma_px > GOOD_PX:
        return False, (
            f"fair: {used} limb points fit to {rms:.2f} px rms, but the part of the limb seen leaves the disc free to "
            f"turn, so that places may stand off by {sigma_px:.1f} px; colours are not touched by that"
        )
    return True, f"good: {used} limb points fit to {rms:.2f} px rms, places on the disc are known to {sigma_px:.2f} px"
