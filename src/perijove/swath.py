"""Swath: one filter's framelets with everything a renderer must know of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.instrument import Camera, Filter

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Swath:
    """Light, times and geometry of the n framelets of one filter.

    `light` (n, lines, samples) float32, NaN where masked or bad, times `unit` is what is rendered (DN and the I/F of a
    DN, say). `variance` float32, in the square of the light's unit, and `quality` (uint8, bits of
    `calibrate.quality.Quality`) have its shape, or are None where nobody asked for them. `et` (n,) ET of mid-exposure;
    `position_km` (n, 3) the camera's position in j2000 then, relative to the body's centre; `camera_from_j2000`
    (n, 3, 3); `velocity_km_s` (n, 3) that of the position, by which light is aberrated, None where that is not counted.
    `binning` is 1, or 2 where pixels were summed 2 x 2 (a summed pixel's centre i + 0.5 is native 2 i + 1).
    """

    band: Filter
    camera: Camera
    binning: int
    light: NDArray[np.float32]
    et: FloatArray
    position_km: FloatArray
    camera_from_j2000: FloatArray
    unit: float = 1.0
    variance: NDArray[np.float32] | None = None
    quality: NDArray[np.uint8] | None = None
    velocity_km_s: FloatArray | None = None


def split_by_filter(
    light: Mapping[Filter, NDArray[np.float32]],
    camera: Camera,
    binning: int,
    et: FloatArray,
    position_km: FloatArray,
    camera_from_j2000: FloatArray,
    velocity_km_s: FloatArray | None = None,
) -> list[Swath]:
    """One swath for each filter of a strip whose exposures have the times, places, attitudes and velocities given.

    A strip cut short may lack the last framelet of some filters.
    """
    return [
        Swath(
            band,
            camera,
            binning,
            stack,
            et[: len(stack)],
            position_km[: len(stack)],
            camera_from_j2000[: len(stack)],
            velocity_km_s=None if velocity_km_s is None else velocity_km_s[: len(stack)],
        )
        for band, stack in light.items()
    ]
