"""One strip with its light, its trajectory and its pointing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perijove.attitude.pointing import Pointing
from perijove.bodies import Body
from perijove.calibrate.framelets import Calibrated
from perijove.calibrate.pointspread import point_spread
from perijove.calibrate.sharpen import noise_growth
from perijove.calibrate.sharpen import sharpen as sharpened
from perijove.ephemeris.trajectory import Trajectory
from perijove.instrument import Filter
from perijove.label import Label
from perijove.raw import RawImage
from perijove.swath import Swath, split_by_filter

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Observation:
    """One strip with its light, trajectory and pointing; `sun` (3,) is the unit vector to the Sun in j2000.

    `labels` are the strip's own and those of its pass that the trajectory was found from.
    """

    raw: RawImage
    calibrated: Calibrated
    body: Body
    trajectory: Trajectory
    pointing: Pointing
    sun: FloatArray
    labels: tuple[Label, ...] = ()

    @property
    def middle_et(self) -> float:
        """ET of the middle of the image, by the solved times."""
        return float(0.5 * (self.pointing.et[0] + self.pointing.et[-1]))

    @property
    def middle_position(self) -> FloatArray:
        """Body-fixed position (3,) km of the spacecraft at the middle of the image."""
        j2000 = np.array([np.interp(self.middle_et, self.pointing.et, p) for p in self.pointing.position_km.T])
        out: FloatArray = self.body.body_from_j2000(self.middle_et) @ j2000
        return out

    @property
    def middle_sun(self) -> FloatArray:
        """Body-fixed unit vector (3,) to the Sun at the middle of the image."""
        out: FloatArray = self.body.body_from_j2000(self.middle_et) @ self.sun
        return out

    @property
    def camera_up(self) -> FloatArray:
        """Body-fixed unit vector (3,) against the camera's lines (-Y) at the middle of the image."""
        attitude = self.pointing.spin.camera_from_j2000(self.middle_et)
        out: FloatArray = self.body.body_from_j2000(self.middle_et) @ -attitude[1]
        return out

    @property
    def full(self) -> dict[Filter, float]:
        """I/F by filter from which a pixel of this exposure is full."""
        return {band: self.calibrated.full_dn / dn for band, dn in self.calibrated.dn_per_light.items()}

    def swaths(self, *, sigma: bool = False, sharpen: bool = False) -> list[Swath]:
        """The strip's filters, ready to be rendered: light in DN, whose unit is the I/F of one.

        With `sigma` they have variance and quality too. With `sharpen` the camera's blur is taken back, as far as the
        noise allows.
        """
        p, light = self.pointing, self.calibrated.light
        attitude = p.spin.camera_from_j2000(p.et)
        binning = self.calibrated.binning
        swaths = split_by_filter(light, p.camera, binning, p.et, p.position_km, attitude, p.velocity_km_s)
        with ThreadPoolExecutor(len(swaths)) as pool:
            return list(pool.map(lambda swath: self._swath(swath, sigma, sharpen), swaths))

    def _swath(self, swath: Swath, sigma: bool, sharpen: bool) -> Swath:
        """One filter's swath with its unit, and what else is wanted of it."""
        band, calibrated = swath.band, self.calibrated
        swath = replace(swath, unit=1.0 / calibrated.dn_per_light[band])
        if not (sigma or sharpen):
            return swath
        variance, quality, light = calibrated.variance(band), calibrated.quality[band], swath.light
        if sharpen:
            psf = point_spread(band, stages=self.raw.label.tdi_stages or 1, binning=calibrated.binning)
            swath = replace(swath, light=sharpened(light, variance, quality, psf))
        if sigma:
            if sharpen:
                variance *= noise_growth(light, variance, quality, psf)
            swath = replace(swath, variance=variance, quality=quality)
        return swath
