"""Frames: how the body and the camera are turned against j2000, written anew from their definitions.

Everything is active rotations from scipy: a matrix `a_from_b` turns the components of a vector in b into those in a.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import polar
from scipy.spatial.transform import Rotation

from perijove.bodies import CENTURY_DAYS, DAY_S, Body
from perijove.instrument import CUBE_FROM_SPACECRAFT

FloatArray = NDArray[np.float64]

MOUNTING_DEG = (0.69, -0.469, 0.583)
"""Turns of the camera against its alignment cube about Z, Y and X (frame kernel juno_v12.tf)."""


def j2000_from_body(body: Body, et: ArrayLike) -> FloatArray:
    """Rotations (..., 3, 3) by the IAU's three Euler angles: 90 deg + right ascension, 90 deg - declination, W."""
    days = np.asarray(et, dtype=float) / DAY_S
    centuries = days / CENTURY_DAYS
    ra = np.polynomial.Polynomial(body.pole_ra_deg)(centuries)
    dec = np.polynomial.Polynomial(body.pole_dec_deg)(centuries)
    w = np.polynomial.Polynomial(body.meridian_deg)(days)
    for angle, rate, in_ra, in_dec, *in_w in body.pole_terms:
        phase = np.radians(angle + rate * centuries)
        ra, dec, w = ra + in_ra * np.sin(phase), dec + in_dec * np.cos(phase), w + sum(in_w) * np.sin(phase)
    angles = np.stack(np.broadcast_arrays(90.0 + ra, 90.0 - dec, np.mod(w, 360.0)), axis=-1)
    out: FloatArray = Rotation.from_euler("ZXZ", angles.reshape(-1, 3), degrees=True).as_matrix()
    return out.reshape(*angles.shape[:-1], 3, 3)


@dataclass(frozen=True)
class Spin:
    """A free spinner with a camera on its side.

    `axis` (3,) is the unit vector of the angular momentum in j2000; the angle about it is `turn` rad at `epoch` (ET)
    and grows by a full circle in `period_s`. With nutation the spacecraft's +Z goes round the axis at `nutation` rad
    from it, `coning` times a turn; `nutation_turn` rad says where it stands at the epoch. `twist` and `tilt` rad turn
    the camera's frame about its +Z, then its +Y, away from the frame kernel's mounting.
    """

    axis: FloatArray
    period_s: float
    turn: float
    epoch: float
    twist: float
    tilt: float
    nutation: float = 0.0
    coning: float = 1.6
    nutation_turn: float = 0.0

    def j2000_from_camera(self, et: ArrayLike) -> FloatArray:
        """Attitude (..., 3, 3) at ET: three Euler angles about the angular momentum, then the mounting."""
        turned = 2.0 * np.pi / self.period_s * (np.asarray(et, dtype=float) - self.epoch)
        first = self.nutation_turn + self.coning * turned
        last = self.turn - self.nutation_turn + (1.0 - self.coning) * turned
        angles = np.stack(np.broadcast_arrays(first, self.nutation, last), axis=-1)
        spun = Rotation.from_euler("ZXZ", angles.reshape(-1, 3)).as_matrix().reshape(*angles.shape[:-1], 3, 3)
        out: FloatArray = axes_about(self.axis) @ spun @ spacecraft_from_camera(self.twist, self.tilt)
        return out


def axes_about(axis: FloatArray) -> FloatArray:
    """A rotation (3, 3) to j2000 from a frame with +Z along the axis and +X on the j2000 equator."""
    z = axis / np.linalg.norm(axis)
    x = np.cross([0.0, 0.0, 1.0], z)
    x /= np.linalg.norm(x)
    return np.column_stack([x, np.cross(z, x), z])


def spacecraft_from_camera(twist: float, tilt: float) -> FloatArray:
    """The camera on the spacecraft: the frame kernel's cube and angles, and small turns of the camera's frame."""
    cube_from_camera = Rotation.from_euler("ZYX", [-a for a in MOUNTING_DEG], degrees=True)
    cube_from_spacecraft = polar(CUBE_FROM_SPACECRAFT)[0]
    turned = Rotation.from_rotvec([0.0, 0.0, twist]) * Rotation.from_rotvec([0.0, tilt, 0.0])
    out: FloatArray = cube_from_spacecraft.T @ cube_from_camera.as_matrix() @ turned.as_matrix()
    return out
