"""JunoCam itself: the camera model, the layout of its readout, and the time of each framelet.

Source of the numbers unless said otherwise: NAIF instrument kernel juno_junocam_v03.ti and frame kernel
juno_v12.tf. All pixel coordinates are continuous, in native (unsummed) pixels of one framelet, with the centre
of element i at i + 0.5: only then do the kernel's published field-of-view corners come out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


class Filter(StrEnum):
    """The four filter strips bonded to the CCD, by their name in the labels."""

    BLUE = "BLUE"
    GREEN = "GREEN"
    RED = "RED"
    METHANE = "METHANE"


FRAMELET_LINES = 128
"""Lines of one framelet (native pixels)."""
SAMPLES = 1648
"""Samples of one line, dark and overscan columns included (native pixels)."""
LIT_SAMPLES = slice(24, 1630)
"""Samples that see light at full response; 23 and 1630 stand at the edge of the mask."""
DARK_SAMPLES = (slice(2, 21), slice(1635, 1646))
"""Masked columns left and right of the photoactive ones, without the pixels beside the edges."""

FOCAL_LENGTH_PX = 10.95637 / 0.0074
"""Focal length in pixels: 10.95637 mm over 0.0074 mm."""
RADIAL_K1 = -5.9624209455667325e-08
RADIAL_K2 = 2.7381910042256151e-14
CENTRE_SAMPLE = 814.21
CENTRE_LINE: Mapping[Filter, float] = {
    Filter.METHANE: 315.48,
    Filter.BLUE: 158.48,
    Filter.GREEN: 3.48,
    Filter.RED: -151.52,
}
"""Line of the optical centre in each filter's own framelet coordinates."""

START_TIME_BIAS_S = 0.06188
"""To be added to a label's START_TIME."""
TDI_STEP_S = 0.0032
"""Time of one stage of integration, after which the charge is shifted by a line (calibration report); exposures are
whole multiples of it."""
INTERFRAME_DELTA_S = 0.0014
"""To be added to a label's INTERFRAME_DELAY. The kernel has 0.0010, other authors up to 0.0020; two strips of perijove
44 ten minutes apart, whose phases tie the period, give 0.00143 +- 0.00007."""


MEASURED_SHIFT: Mapping[Filter, tuple[float, float]] = {
    Filter.BLUE: (-26.31, 0.0),
    Filter.GREEN: (-26.26, 0.0),
    Filter.RED: (-26.21, 0.0),
    Filter.METHANE: (101.74, 0.0),
}
"""Measured corrections (line, sample) px to the kernel's optical centres.

The 519 star pairs of the 2016 cruise published by B. Swift put the lens' axis 26.3 +- 0.5 lines from where the kernel
has it, the same for all filters (builders/camera_constants.py); that one number takes away the keystone that would
otherwise look like a lateral colour of 0.3 %. The filters lie on one chip, and none stands off sideways: what limb
and ground leave of it at Ganymede is 0.01 and 0.02 +- 0.01 px, at perijove 44 the same +- 0.02. Along the lines blue
lies 0.04 and red 0.05 +- 0.01 px from green there (perijove 44: 0.06 and 0.05 +- 0.02; the star pairs: 0.13 and 0.11
+- 0.03). Methane's window can be moved by command: the keystone of 44M00044 puts it 131 +- 5 lines from where the
other filters' correction would leave it, whereupon that strip gives the same axis, period and haze as its neighbours;
one framelet, 128 lines, is taken.
"""
MEASURED_SCALE: Mapping[Filter, float] = {Filter.BLUE: 1.00025}
"""Lateral colour: blue stands 0.027 +- 0.011 % larger than green by the star pairs; red and green agree."""
MOUNTING_TWIST, MOUNTING_TILT = -0.00065, 0.0
"""Rotations, rad, about the camera's +Z and +Y from the kernel's mounting to the true spin axis.

The twist is the same over the years: -0.00077 +- 0.00007 by the star pairs of the cruise, -0.00073 by the attitude
kernel of August 2016, -0.00072 +- 0.00005 by Ganymede in 2021, -0.00056 +- 0.00007 by perijove 44. The tilt is not,
as the spin axis shifts in the spacecraft: the same four give 0.0013, 0.0004, -0.0012 and -0.0006 +- 0.0004.
"""


@dataclass(frozen=True)
class Camera:
    """A pinhole with radial distortion and, per filter, its own optical centre and scale.

    `shift` is a correction (line, sample) in pixels to the kernel's optical centre of a filter, `scale` a factor
    on its focal length (lateral colour). The kernel's own camera is `Camera()`, the corrected one `Camera.measured()`.
    """

    shift: Mapping[Filter, tuple[float, float]] = field(default_factory=dict)
    scale: Mapping[Filter, float] = field(default_factory=dict)

    @classmethod
    def measured(cls) -> Camera:
        """The kernel's camera with the corrections of `MEASURED_SHIFT` and `MEASURED_SCALE`."""
        return cls(MEASURED_SHIFT, MEASURED_SCALE)

    def centre(self, band: Filter) -> tuple[float, float]:
        """Optical centre (line, sample) of a filter in its own framelet coordinates, px."""
        line, sample = self.shift.get(band, (0.0, 0.0))
        return CENTRE_LINE[band] + line, CENTRE_SAMPLE + sample

    def focal_length(self, band: Filter) -> float:
        """Focal length of a filter in px."""
        return FOCAL_LENGTH_PX * self.scale.get(band, 1.0)

    def with_shift(self, band: Filter, line: float, sample: float) -> Camera:
        """The same camera with one filter's optical centre moved by (line, sample) px."""
        return replace(self, shift={**self.shift, band: (line, sample)})

    def integrating(self, tdi_stages: int) -> Camera:
        """The camera as it acts at mid-exposure of a time-delayed integration of so many stages.

        The charge that is read out as one line moves up the CCD with the scene, one row a stage, while it gathers
        light: at mid-exposure it stood (stages - 1) / 2 rows further down than where it ends.
        """
        moved = (tdi_stages - 1) / 2.0
        if moved == 0.0:
            return self
        shift = {b: self.shift.get(b, (0.0, 0.0)) for b in Filter}
        return replace(self, shift={b: (line - moved, sample) for b, (line, sample) in shift.items()})

    def ray(self, band: Filter, line: FloatArray, sample: FloatArray) -> FloatArray:
        """Unit vectors (..., 3) in the camera frame that fall on continuous pixel (line, sample) of a framelet.

        Inverts the radial polynomial by fixed-point iteration as the kernel does; twelve passes reach rounding.
        """
        c_line, c_sample = self.centre(band)
        u = np.asarray(sample, dtype=float) - c_sample
        v = np.asarray(line, dtype=float) - c_line
        u, v = np.broadcast_arrays(u, v)
        x, y = u, v
        for _ in range(12):
            factor = distortion(x * x + y * y)
            x, y = u / factor, v / factor
        ray = np.stack([x, y, np.full_like(x, self.focal_length(band))], axis=-1)
        unit: FloatArray = ray / np.linalg.norm(ray, axis=-1, keepdims=True)
        return unit

    def pixel(self, band: Filter, ray: FloatArray) -> FloatArray:
        """Continuous pixel (..., 2) as (line, sample) of camera-frame vectors of any length; NaN behind the camera."""
        ray = np.asarray(ray, dtype=float)
        depth = np.where(ray[..., 2] > 0, ray[..., 2], np.nan) / self.focal_length(band)
        x, y = ray[..., 0] / depth, ray[..., 1] / depth
        factor = distortion(x * x + y * y)
        c_line, c_sample = self.centre(band)
        return np.stack([y * factor + c_line, x * factor + c_sample], axis=-1)


def distortion(r2: FloatArray) -> FloatArray:
    """Ideal-to-distorted radial factor for squared ideal radii in px^2."""
    factor: FloatArray = 1.0 + RADIAL_K1 * r2 + RADIAL_K2 * r2 * r2
    return factor


def _about(axis: int, angle: float) -> FloatArray:
    """Frame rotation about a coordinate axis (0, 1, 2) by an angle in rad, in NAIF's sense."""
    c, s = np.cos(angle), np.sin(angle)
    i, j = (axis + 1) % 3, (axis + 2) % 3
    m = np.eye(3)
    m[i, i], m[i, j], m[j, i], m[j, j] = c, s, -s, c
    return m


CUBE_FROM_SPACECRAFT: FloatArray = np.array(
    [
        [-0.0059163, -0.0142817, -0.9998805],
        [0.0023828, -0.9998954, 0.0142678],
        [-0.9999797, -0.0022981, 0.0059497],
    ]
)
"""Spacecraft to the camera's alignment cube, measured before launch (frame kernel)."""


def camera_from_spacecraft() -> FloatArray:
    """Rotation (3, 3) from the spacecraft's mechanical frame to the camera's, by the frame kernel.

    The kernel gives the angles of cube from camera (0.69, -0.469, 0.583 deg about Z, Y, X); the published cube matrix
    is rounded to seven digits and is made orthonormal here.
    """
    z, y, x = np.radians([0.69, -0.469, 0.583])
    cube_from_camera = _about(2, z) @ _about(1, y) @ _about(0, x)
    u, _, vt = np.linalg.svd(CUBE_FROM_SPACECRAFT)
    rotation: FloatArray = cube_from_camera.T @ (u @ vt)
    return rotation
