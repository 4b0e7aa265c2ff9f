"""Exposure: what the solver must know of one strip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.instrument import CENTRE_LINE, Camera, Filter

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Exposure:
    """Calibrated framelets of one strip with their times by the label; nothing is known of the pointing yet.

    `light` maps a filter to (frames, lines, samples) float32, NaN where masked; `et` (frames,) is ET of mid-exposure;
    `binning` 1 or 2; `saturation` is the light at and above which a pixel is full; `tdi_stages` as in the
    label; `methane_centre_line` is the line of methane's optical centre where the label tells it.
    """

    product_id: str
    light: Mapping[Filter, NDArray[np.float32]]
    et: FloatArray
    binning: int
    saturation: float = float("inf")
    tdi_stages: int = 1
    methane_centre_line: float | None = None


def strip_camera(camera: Camera, exposure: Exposure) -> Camera:
    """The camera as it acted for one strip: with its integration, and with methane's window where it was moved to."""
    if exposure.methane_centre_line is not None:
        moved = exposure.methane_centre_line - CENTRE_LINE[Filter.METHANE]
        camera = camera.with_shift(Filter.METHANE, moved, 0.0)
    return camera.integrating(exposure.tdi_stages)
