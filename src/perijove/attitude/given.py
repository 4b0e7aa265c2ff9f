"""A pointing that is given, by kernels, and not solved from the image."""

from __future__ import annotations

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
    exposure: Exposure, trajectory: Trajectory, attitude: SampledAttitude, camera: Camera | None = None
) -> Pointing:
    """The pointing of one strip by an attitude in the frame of `camera` (`Camera.measured()` unless another is given).

    Times are those of the label. `sigma_px` is what START_TIME, the mounting and the trajectory leave open. Raises
    PointingError where the attitude or the trajectory does not reach over the strip.
    """
    et, place = exposure.et, trajectory.position(exposure.et)
    if et[0] < attitude.et[0] or et[-1] > attitude.et[-1] or not np.isfinite(place).all():
        raise PointingError(
            f"{exposure.product_id}: attitude and position that are given do not reach over the strip; let the image "
            "tell them (--pointing image), or give kernels that cover it"
        )
    own = strip_camera(camera or Camera.measured(), exposure)
    parameters, sigmas = _named(exposure, trajectory, attitude)
    # what counts is how far the nearest ground is
    near = float(np.linalg.norm(place, axis=1).min()) - min(BODIES[trajectory.body].radii_km)
    sigma_px = _sigma_px(exposure, trajectory, attitude, max(near, 1.0))
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
        verdict=(
            f"by kernels as they are: places may stand off by {sigma_px:.1f} px, for START_TIME is known to "
            f"{1e3 * exposure.start_sigma_s:.0f} ms only; --pointing kernel+image solves for that"
        ),
    )


def _sigma_px(exposure: Exposure, trajectory: Trajectory, attitude: SampledAttitude, distance_km: float) -> float:
    """What is left open in one coordinate, px: the turn within the start's error, the mounting, the place."""
    turned = exposure.start_sigma_s * abs(attitude.rate)
    moved = np.sqrt(np.linalg.eigvalsh(trajectory.covariance[:3, :3])[-1] + trajectory.unseen_km**2) / distance_km
    return float(np.sqrt((np.hypot(turned, moved) * FOCAL_LENGTH_PX) ** 2 + MOUNTING_SIGMA_PX**2))


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


__all__ = ["MOUNTING_SIGMA_PX", "given_pointing", "optics_turn"]
