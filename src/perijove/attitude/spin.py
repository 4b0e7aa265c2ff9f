"""Spin model: Juno as a free spinner, with the camera bolted to it.

The attitude over a pass is a fixed spin axis in j2000, an angle about it that grows at a constant rate, and a
constant mounting between the spin frame and the camera. The frame kernel's mounting refers to the mechanical axis;
the true spin axis differs from it by a fraction of a degree, which is the twist (about the boresight) and the tilt
(about the camera's +Y) held here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perijove.instrument import camera_from_spacecraft

FloatArray = NDArray[np.float64]

NOMINAL_PERIOD_S = 30.3
"""Spin period in the middle of the published range, 30.07-30.74 s."""


@dataclass(frozen=True)
class SpinModel:
    """Attitude of the camera as a function of time.

    `ra`, `dec` of the spin axis in j2000, rad; `phase` rad about it at `epoch` (ET), counted from the axis' node on
    the j2000 equator; `rate` rad/s, positive by the right hand; `twist` and `tilt` rad, the rotations about the
    camera's +Z and +Y that take the frame kernel's mounting to the true one.
    """

    ra: float
    dec: float
    phase: float
    epoch: float
    rate: float
    twist: float
    tilt: float

    @property
    def axis(self) -> FloatArray:
        """Unit vector (3,) of the spin axis in j2000."""
        return axis_vector(self.ra, self.dec)

    @property
    def period_s(self) -> float:
        """Spin period, s."""
        return 2 * np.pi / self.rate

    def camera_from_j2000(self, et: ArrayLike) -> FloatArray:
        """Rotation matrices (..., 3, 3) at ET."""
        angle = self.phase + self.rate * (np.asarray(et, dtype=float) - self.epoch)
        spin = spin_from_j2000(self.ra, self.dec, angle)
        out: FloatArray = camera_from_spin(self.twist, self.tilt) @ spin
        return out


def axis_vector(ra: float, dec: float) -> FloatArray:
    """Unit vector (3,) towards right ascension and declination in rad."""
    return np.array([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])


def axis_angles(axis: FloatArray) -> tuple[float, float]:
    """Right ascension and declination, rad, of a vector (3,) of any length."""
    x, y, z = axis / np.linalg.norm(axis)
    return float(np.arctan2(y, x)), float(np.arcsin(np.clip(z, -1.0, 1.0)))


def spin_from_j2000(ra: float, dec: float, angle: ArrayLike) -> FloatArray:
    """Rotations (..., 3, 3) from j2000 to a frame with +Z on the axis, turned by `angle` rad from its node."""
    w = np.asarray(angle, dtype=float)[..., None]
    node = np.array([-np.sin(ra), np.cos(ra), 0.0])
    pole = axis_vector(ra, dec)
    quarter = np.cross(pole, node)
    c, s = np.cos(w), np.sin(w)
    return np.stack(
        [c * node + s * quarter, c * quarter - s * node, np.broadcast_to(pole, (*w.shape[:-1], 3))], axis=-2
    )


def camera_from_spin(twist: float, tilt: float) -> FloatArray:
    """Rotation (3, 3) from the spin frame to the camera: the frame kernel's mounting, then twist, then tilt."""
    cz, sz, cy, sy = np.cos(twist), np.sin(twist), np.cos(tilt), np.sin(tilt)
    about_z = np.array([[cz, sz, 0.0], [-sz, cz, 0.0], [0.0, 0.0, 1.0]])
    about_y = np.array([[cy, 0.0, -sy], [0.0, 1.0, 0.0], [sy, 0.0, cy]])
    out: FloatArray = about_y @ about_z @ camera_from_spacecraft()
    return out
