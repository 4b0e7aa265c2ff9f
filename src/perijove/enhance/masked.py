"""Smoothing that knows where there is data: normalised convolution, on a coarser grid where it is wide."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]

FINE_SIGMA = 4.0
"""A wider Gaussian is applied on a grid so coarse that it has about this width there."""


def blur(plane: Plane, sigma: float) -> Plane:
    """Gaussian blur of a plane (h, w) with a standard deviation in px, its edges mirrored."""
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101), dtype=np.float32)


def coarse(plane: Plane, factor: int) -> Plane:
    """Means of factor x factor px (the last ones over what is left)."""
    h, w = plane.shape
    size = (-(-w // factor), -(-h // factor))
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), dtype=np.float32)


def fine(plane: Plane, shape: tuple[int, ...]) -> Plane:
    """A coarse plane on the grid of `shape` (h, w) again, smoothly."""
    return np.asarray(cv2.resize(plane, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def smooth(planes: list[Plane], weight: Plane, sigma: float, far: float = 0.0) -> list[Plane]:
    """Weighted Gaussian means (h, w) of planes; where no weight is near they are carried outwards from where it is.

    `weight` (h, w) of 0 to 1; planes must be finite, also where the weight is 0. Far from all weight, beyond some
    twelve `sigma` px, means go to the value `far`.
    """
    factor = max(1, int(sigma / FINE_SIGMA))
    small = coarse(weight, factor) if factor > 1 else weight
    near = sigma / factor
    # a trace of a wider mean carries the values on to where the narrow one has died away
    total = blur(small, near) + 1e-3 * wide_blur(small, 4 * near) + 1e-6
    means: list[Plane] = []
    for plane in planes:
        part = coarse(plane * weight, factor) if factor > 1 else plane * weight
        mean = (blur(part, near) + 1e-3 * wide_blur(part, 4 * near) + np.float32(1e-6 * far)) / total
        means.append(fine(mean.astype(np.float32), plane.shape) if factor > 1 else mean.astype(np.float32))
    return means


def wide_blur(plane: Plane, sigma: float) -> Plane:
    """Like `blur`, on a grid four times coarser where that is fine enough."""
    if sigma < 4 or min(plane.shape) < 16:
        return blur(plane, sigma)
    return fine(blur(coarse(plane, 4), sigma / 4), plane.shape)
