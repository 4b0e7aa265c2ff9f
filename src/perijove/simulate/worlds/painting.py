"""Painting: what a world says of a set of places on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Light = NDArray[np.float32]


@dataclass(frozen=True)
class Painting:
    """Surface of n places.

    `albedo` (n, 4) float32: normal reflectance (I/F where Sun and eye stand overhead) in BLUE, GREEN, RED, METHANE;
    `height_km` (n,) float32 of the ground above the body's ellipsoid, or None for clouds, which have no relief here.
    """

    albedo: Light
    height_km: Light | None


class Painter(Protocol):
    """A world's surface, painted on demand."""

    def paint(self, directions: FloatArray, spacing: float, et: float) -> Painting:
        """The surface in planetocentric body-fixed unit vectors `directions` (n, 3) at ET.

        `spacing` is the distance of neighbouring places, rad as seen from the centre: detail much finer than that is
        left out. The same place with the same seed and spacing always gives the same answer; coarser spacings give
        about the mean of finer ones.
        """
        ...
