"""Pointing: the solution for one strip, and everything that says how good it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.attitude.ground import GroundFit
from perijove.attitude.sampled import SampledAttitude
from perijove.attitude.spin import SpinModel
from perijove.instrument import Camera, Filter

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class LimbPoints:
    """Every measured limb point: band, frame, pixel, residual (px outwards), whether used, and latitude (rad)."""

    band: NDArray[np.str_]
    frame: NDArray[np.int64]
    line: FloatArray
    sample: FloatArray
    residual_px: FloatArray
    used: NDArray[np.bool_]
    latitude: FloatArray


@dataclass(frozen=True)
class Pointing:
    """Where the camera pointed while one strip was taken.

    `source` is 'limb', 'limb+ties', or 'neighbours' where axis and rate came from other strips; '+map' is added where
    the ground was tied to a map, and `on_map` says how well. `et` (frames,) are the solved times of mid-exposure,
    `position_km` and `velocity_km_s` (frames, 3) the spacecraft's in j2000 then, relative to the body, geometric.
    Aberration is no part of the attitude (see `geometry.aberration`); without a velocity it is not counted.
    `start_offset_s` and `interframe_s` are corrections to the label's times beyond `instrument.START_TIME_BIAS_S` and
    `INTERFRAME_DELTA_S`. `parameters` and `sigmas` map the name of every unknown to its value and one-sigma error
    (degrees for angles), `covariance` is theirs in the same order and units; `sigma_px` is the error of a place on the
    disc by the covariance, rms. `tie_rms_px` maps a filter to the length of its ties' residuals, a robust rms.
    `verdict` is one plain sentence.
    """

    product_id: str
    source: str
    spin: SpinModel | SampledAttitude
    camera: Camera
    et: FloatArray
    position_km: FloatArray
    start_offset_s: float
    interframe_s: float
    parameters: dict[str, float]
    sigmas: dict[str, float]
    covariance: FloatArray
    limb: LimbPoints
    limb_rms_px: float
    limb_median_px: dict[Filter, float]
    ties: int
    tie_rms_px: dict[Filter, float]
    sigma_px: float
    good: bool
    verdict: str
    on_map: GroundFit | None = None
    velocity_km_s: FloatArray | None = None
