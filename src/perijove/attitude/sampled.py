"""An attitude that is known at some times, taken as it is, with the free spinner that comes nearest to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from perijove.attitude.spin import SpinModel, axis_angles, camera_from_spin, spin_from_j2000
from perijove.errors import PointingError
from perijove.instrument import FOCAL_LENGTH_PX

FloatArray = NDArray[np.float64]

LONGEST_STEP = np.radians(120.0)
"""Between samples farther apart than this the sense of the turn is in doubt."""


@dataclass(frozen=True)
class SampledAttitude:
    """Attitudes `samples` (n, 3, 3), camera from j2000, at `et` (n,); between them the rate of turn is constant.

    `turns` (n - 1, 3) rad lead from each to the next, in the camera's frame. `fitted` is the free spinner nearest to
    them and `rms_px` what it leaves; axis, rate and the rest are its.
    """

    et: FloatArray
    samples: FloatArray
    turns: FloatArray
    fitted: SpinModel
    rms_px: float

    def camera_from_j2000(self, et: ArrayLike) -> FloatArray:
        """Rotation matrices (..., 3, 3) at ET; beyond the ends the first and last rate go on."""
        times = np.asarray(et, dtype=float)
        flat = times.ravel()
        piece = np.clip(np.searchsorted(self.et, flat, side="right") - 1, 0, len(self.et) - 2)
        part = (flat - self.et[piece]) / (self.et[piece + 1] - self.et[piece])
        onward = Rotation.from_rotvec(self.turns[piece] * part[:, None]).as_matrix()
        out: FloatArray = (onward @ self.samples[piece]).reshape(*times.shape, 3, 3)
        return out

    @property
    def axis(self) -> FloatArray:
        """Unit vector (3,) of the spin axis in j2000."""
        return self.fitted.axis

    @property
    def period_s(self) -> float:
        """Spin period, s."""
        return self.fitted.period_s

    @property
    def ra(self) -> float:
        """Right ascension of the spin axis, rad."""
        return self.fitted.ra

    @property
    def dec(self) -> float:
        """Declination of the spin axis, rad."""
        return self.fitted.dec

    @property
    def phase(self) -> float:
        """Angle about the axis at `epoch`, rad."""
        return self.fitted.phase

    @property
    def epoch(self) -> float:
        """ET of the phase."""
        return self.fitted.epoch

    @property
    def rate(self) -> float:
        """Spin rate, rad/s."""
        return self.fitted.rate

    @property
    def twist(self) -> float:
        """Rotation of the mounting about the camera's +Z, rad."""
        return self.fitted.twist

    @property
    def tilt(self) -> float:
        """Rotation of the mounting about the camera's +Y, rad."""
        return self.fitted.tilt


def sampled_attitude(et: FloatArray, camera_from_j2000: FloatArray) -> SampledAttitude:
    """The attitude through samples (n, 3, 3) at increasing times (n,). Raises PointingError as `fit_spin`."""
    model, rms = fit_spin(et, camera_from_j2000)
    turns = Rotation.from_matrix(camera_from_j2000[1:] @ np.swapaxes(camera_from_j2000[:-1], 1, 2)).as_rotvec()
    return SampledAttitude(np.asarray(et, dtype=float), camera_from_j2000, turns, model, rms)


def fit_spin(et: FloatArray, camera_from_j2000: FloatArray) -> tuple[SpinModel, float]:
    """The free spinner that best explains attitudes (n, 3, 3) at increasing times (n,), and the rms it leaves, px.

    The residual of a sample is the angle between the two attitudes, at the camera's focal length; at the edge of the
    field it is 0.5 px for each px told here. Raises PointingError for fewer than three samples, for ones more than
    120 deg apart, and for a camera that stands still.
    """
    times = np.asarray(et, dtype=float)
    if len(times) < 3 or (np.diff(times) <= 0).any():
        raise PointingError("a spin is found from three attitudes or more, in the order of time: give more samples")
    from_camera = np.swapaxes(camera_from_j2000, 1, 2)
    # turns as seen in j2000: the axis, with the right hand's sense; a frame's turn is a vector's backwards
    steps = Rotation.from_matrix(from_camera[1:] @ camera_from_j2000[:-1]).as_rotvec()
    if np.linalg.norm(steps, axis=1).max() > LONGEST_STEP:
        raise PointingError("attitudes lie more than 120 degrees apart: sample them more finely")
    axis = steps.sum(axis=0)
    rate = float(np.linalg.norm(axis) / (times[-1] - times[0]))
    if rate < 1e-3:
        raise PointingError("the attitude does not turn, as Juno does: check the kernel")
    ra, dec = axis_angles(axis)
    epoch = float(times.mean())
    start = np.array([0.0, 0.0, _phase(ra, dec, rate * (times - epoch), camera_from_j2000), rate, 0.0, 0.0])
    across, up = _tangents(ra, dec)
    pole = np.cross(across, up)

    def model(p: FloatArray) -> SpinModel:
        # the axis in the plane that touches the sphere at the first guess: no singular place
        here_ra, here_dec = axis_angles(pole + p[0] * across + p[1] * up)
        return SpinModel(here_ra, here_dec, float(p[2]), epoch, float(p[3]), float(p[4]), float(p[5]))

    def residual(p: FloatArray) -> FloatArray:
        apart = model(p).camera_from_j2000(times) @ from_camera
        out: FloatArray = Rotation.from_matrix(apart).as_rotvec().ravel() * FOCAL_LENGTH_PX
        return out

    scale = [1e-3, 1e-3, 1e-3, 1e-3 / max(1.0, times[-1] - times[0]), 1e-3, 1e-3]
    fit = least_squares(residual, start, x_scale=scale, xtol=1e-15, ftol=1e-15, gtol=1e-15)
    rms = float(np.sqrt(np.mean(np.sum(fit.fun.reshape(-1, 3) ** 2, axis=1))))
    return model(fit.x), rms


def _phase(ra: float, dec: float, angle: FloatArray, camera_from_j2000: FloatArray) -> float:
    """The phase of a free spinner of nominal mounting that comes nearest to attitudes."""
    spins = camera_from_spin(0.0, 0.0).T @ camera_from_j2000 @ np.swapaxes(spin_from_j2000(ra, dec, angle), 1, 2)
    return float(np.arctan2(np.sum(spins[:, 0, 1] - spins[:, 1, 0]), np.sum(spins[:, 0, 0] + spins[:, 1, 1])))


def _tangents(ra: float, dec: float) -> tuple[FloatArray, FloatArray]:
    """Unit vectors towards growing right ascension and declination, whose cross product is the axis."""
    east = np.array([-np.sin(ra), np.cos(ra), 0.0])
    north = np.array([-np.sin(dec) * np.cos(ra), -np.sin(dec) * np.sin(ra), np.cos(dec)])
    return east, north


__all__ = ["SampledAttitude", "fit_spin", "sampled_attitude"]
