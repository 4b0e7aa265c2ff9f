"""Exposure: what the solver must know of one strip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perijove.instrument import CENTRE_LINE, Camera, Filter

FloatArray = NDArray[np.float64]

START_JITTER_S = 0.020
"""Jitter of START_TIME (NAIF instrument kernel juno_junocam_v03.ti)."""
INTERFRAME_SIGMA_S = 0.0003
"""Published values of the interframe correction lie between 0.0010 and 0.0020 s; see instrument.INTERFRAME_DELTA_S."""


@dataclass(frozen=True)
class Exposure:
    """Calibrated framelets of one strip with their times by the label; nothing is known of the pointing yet.

    `light` maps a filter to (frames, lines, samples) float32, NaN where masked; `et` (frames,) is ET of mid-exposure;
    `binning` 1 or 2; `saturation` is the light at and above which a pixel is full; `tdi_stages` as in the
    label; `methane_centre_line` is the line of methane's optical centre where the label tells it. `start_sigma_s` and
    `interframe_sigma_s` say how well the first time and the step are known; `start_moved_s` and `interframe_moved_s`
    by how much they have been moved already from what was given (`clock.set_clock`).
    """

    product_id: str
    light: Mapping[Filter, NDArray[np.float32]]
    et: FloatArray
    binning: int
    saturation: float = float("inf")
    tdi_stages: int = 1
    methane_centre_line: float | None = None
    start_sigma_s: float = START_JITTER_S
    interframe_sigma_s: float = INTERFRAME_SIGMA_S
    start_moved_s: float = 0.0
    interframe_moved_s: float = 0.0

    @property
    def open_times(self) -> bool:
        """Whether the times are known worse than any label tells them."""
        return self.start_sigma_s > START_JITTER_S or self.interframe_sigma_s > INTERFRAME_SIGMA_S

    def moved(self, start_s: float, interframe_s: float) -> Exposure:
        """The exposure with its first time and its step moved, and that kept in mind."""
        return replace(
            self,
            et=self.et + start_s + interframe_s * np.arange(len(self.et)),
            start_moved_s=self.start_moved_s + start_s,
            interframe_moved_s=self.interframe_moved_s + interframe_s,
        )


def strip_camera(camera: Camera, exposure: Exposure) -> Camera:
    """The camera as it acted for one strip: with its integration, and with methane's window where it was moved to."""
    if exposure.methane_centre_line is not None:
        moved = exposure.methane_centre_line - CENTRE_LINE[Filter.METHANE]
        camera = camera.with_shift(Filter.METHANE, moved, 0.0)
    return camera.integrating(exposure.tdi_stages)
