"""A pointing that is given, by kernels, and not solved from the image."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from perijove.attitude.exposure import Exposure, strip_camera
from perijove.attitude.pointing import LimbPoints, Pointing
from perijove.attitude.problem import SHAPES, Unknowns
from perijove.attitude.sampled import SampledAttitude
from perijove.bodies import BODIES
from perijove.ephemeris.trajectory import Trajectory
from perijove.errors import PointingError
from perijove.instrument import FOCAL_LENGTH_PX, FRAMELET_LINES, LIT_SAMPLES, Camera, Filter

FloatArray = NDArray[np.float64]

MOUNTING_SIGMA_PX = 1.3
"""How far the camera stands from where frame and instrument kernels have it: the star pairs' tilt against that of the
reconstructed attitude of 2016."""
_ANGLES = ("ra", "dec", "phase", "twist", "tilt")


def optics_turn(camera: Camera) -> FloatArray:
    """Rotation (3, 3) to the frame of `camera` from that of the instrument kernel's own camera.

    It is the one after which blue, green and red pixels look where they did, by least squares. An attitude of
    JUNO_JUNOCAM by the mission's kernels goes with the kernel's optics; with `Camera.measured` alone it would be 26 px
    off.
    """
    return _turn(tuple(sorted((b, *camera.centre(b), camera.focal_length(b)) for b in Filter)))


@dataclass(frozen=True)
class Told:
    """What a solution that is read back was worth: its `camera` as it acted, and one sigma, px, of a place on the disc.

    `placed` where the trajectory is the one that was found with it.
    """

    camera: Camera
    sigma_px: float
    placed: bool


@cache
def _turn(optics: tuple[tuple[str, float, float, float], ...]) -> FloatArray:
    kernel, bands = Camera(), (Filter.BLUE, Filter.GREEN, Filter.RED)
    line, sample = np.meshgrid(
        np.linspace(0.5, FRAMELET_LINES - 0.5, 9), np.linspace(LIT_SAMPLES.start, LIT_SAMPLES.stop, 33), indexing="ij"
    )
    own = _camera_of(optics)
    theirs, ours = (np.concatenate([c.ray(b, line, sample).reshape(-1, 3) for b in bands]) for c in (kernel, own))
    rotation, _ = Rotation.align_vectors(ours, theirs)
    matrix: FloatArray = rotation.as_matrix()
    matrix.flags.writeable = False
    return matrix


def _camera_of(optics: tuple[tuple[str, float, float, float], ...]) -> Camera:
    """The camera with these optical centres and focal lengths by filter."""
    kernel = Camera()
    shift, scale = {}, {}
    for name, line, sample, focal in optics:
        band = Filter(name)
        centre = kernel.centre(band)
        shift[band], scale[band] = (line - centre[0], sample - centre[1]), focal / FOCAL_LENGTH_PX
    return Camera(shift, scale)


def given_pointing(
    exposure: Exposure,
    trajectory: Trajectory,
    attitude: SampledAttitude,
    camera: Camera | None = None,
    told: Told | None = None,
) -> Pointing:
    """The pointing of one strip by an attitude in the frame of `camera` (`Camera.measured()` unless another is given).

    Times are those of the exposure. `sigma_px` is what they, the mounting and the trajectory leave open, or what was
    `told` of a solution that is read back. Raises PointingError where the attitude or the trajectory does not reach
    over the strip.
    """
    et, place = exposure.et, trajectory.position(exposure.et)
    if et[0] < attitude.et[0] or et[-1] > attitude.et[-1] or not np.isfinite(place).all():
        raise PointingError(
            f"{exposure.product_id}: attitude and position that are given do not reach over the strip; let the image "
            "tell them (--pointing image), or give kernels that cover it"
        )
    own = strip_camera(camera or Camera.measured(), exposure) if told is None else told.camera
    parameters, sigmas = _named(exposure, trajectory, attitude)
    sigma_px, verdict = _worth(exposure, trajectory, attitude, told)
    nothing = np.zeros(0)
    none = LimbPoints(
        nothing.astype(np.str_), nothing.astype(np.int64), nothing, nothing, nothing, nothing > 0, nothing
    )
    return Pointing(
        product_id=exposure.product_id,
        source="kernel",
        spin=attitude,
        camera=own,
        et=et,
        position_km=place,
        velocity_km_s=trajectory.velocity(et),
        start_offset_s=exposure.start_moved_s,
        interframe_s=exposure.interframe_moved_s,
        parameters=parameters,
        sigmas=sigmas,
        covariance=np.diag(np.square(list(sigmas.values()))),
        limb=none,
        limb_rms_px=float("nan"),
        limb_median_px={},
        ties=0,
        tie_rms_px={},
        sigma_px=sigma_px,
        good=False,
        verdict=verdict,
    )


def _worth(
    exposure: Exposure, trajectory: Trajectory, attitude: SampledAttitude, told: Told | None
) -> tuple[float, str]:
    """What is left open in one coordinate, px, and a sentence that says so."""
    place = _place_px(exposure, trajectory)
    if told is not None:
        sigma_px = told.sigma_px if told.placed else float(np.hypot(told.sigma_px, place))
        return sigma_px, f"by kernels of our own, as it was solved: places may stand off by {sigma_px:.1f} px"
    turn = abs(attitude.rate) * FOCAL_LENGTH_PX
    start, step = exposure.start_sigma_s * turn, exposure.interframe_sigma_s * turn * (len(exposure.et) - 1)
    sigma_px = float(np.sqrt(start**2 + step**2 + place**2 + MOUNTING_SIGMA_PX**2))
    worst = max(
        (start, f"START_TIME is known to {1e3 * exposure.start_sigma_s:.0f} ms only"),
        (step, f"the step between frames is known to {1e3 * exposure.interframe_sigma_s:.1f} ms only"),
        (place, "Juno's place is not known better"),
        (MOUNTING_SIGMA_PX, "the mounting is not known better"),
    )[1]
    return sigma_px, (
        f"by kernels as they are: places may stand off by {sigma_px:.1f} px, for {worst}; "
        "--pointing kernel+image solves for that"
    )


def _place_px(exposure: Exposure, trajectory: Trajectory) -> float:
    """How far in px the ground right below the spacecraft, the nearest, may stand off for the trajectory's error."""
    near = float(np.linalg.norm(trajectory.position(exposure.et), axis=1).min())
    near = max(near - min(BODIES[trajectory.body].radii_km), 1.0)
    moved = np.sqrt(np.linalg.eigvalsh(trajectory.covariance[:3, :3])[-1] + trajectory.unseen_km**2)
    return float(moved / near * FOCAL_LENGTH_PX)


def _named(
    exposure: Exposure, trajectory: Trajectory, attitude: SampledAttitude
) -> tuple[dict[str, float], dict[str, float]]:
    """Values and errors by the names that a solved pointing has; angles in degrees."""
    at = Unknowns(
        attitude.fitted, 0.0, np.zeros(1), np.zeros(4), np.zeros(4), np.zeros(SHAPES), np.zeros((4, 2)), np.zeros(4),
        np.zeros(6),
    )  # fmt: skip
    names = ["offset" if name.startswith("offset") else name for name in at.names()]
    values = dict(zip(names, at.vector().tolist(), strict=True))
    values |= {name: float(np.degrees(values[name])) for name in _ANGLES}
    sigmas = dict.fromkeys(names, 0.0) | {"offset": exposure.start_sigma_s, "interframe": exposure.interframe_sigma_s}
    sigmas |= dict(
        zip(("x", "y", "z", "vx", "vy", "vz"), np.sqrt(np.diag(trajectory.covariance)).tolist(), strict=True)
    )
    return values, sigmas


__all__ = ["MOUNTING_SIGMA_PX", "Told", "given_pointing", "optics_turn"]
