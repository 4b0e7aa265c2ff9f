"""Ties: places on the ground that two filters, or two images, have both seen.

Each band is rendered with the pointing as it stands onto one picture of native scale, and patches of the pictures are
registered against each other. A shift between them is turned back into a pair of pixels in the raw framelets which
must, once the pointing is right, be the same place on the ellipsoid.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from perijove.attitude.problem import Pixels, Unknowns, look
from perijove.bodies import Body
from perijove.ephemeris.trajectory import Trajectory

FloatArray = NDArray[np.float64]

PATCH_PX = 64
STEP_PX = 32
_FINE_PX, _BROAD_PX = 1.0, 6.0
LEAST_CORRELATION = 0.5
_MARGIN_PX = 4


@dataclass(frozen=True)
class Matches:
    """Patches found in two pictures: centre (n, 2) as (line, sample), shift (n, 2) of the second against the first, and
    the correlation (n,) at its peak."""

    centre: FloatArray
    shift: FloatArray
    correlation: FloatArray


def detail(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """Relative fine structure of a picture, blind to its slow changes of light; 0 where there is no data."""
    filled = np.where(np.isfinite(plane), plane, 0.0).astype(np.float32)
    have = np.isfinite(plane).astype(np.float32)
    broad = cv2.GaussianBlur(filled, (0, 0), _BROAD_PX) / np.maximum(cv2.GaussianBlur(have, (0, 0), _BROAD_PX), 1e-3)
    fine = cv2.GaussianBlur(np.where(have > 0, filled, broad), (0, 0), _FINE_PX)
    level = max(float(np.percentile(broad, 99)), 1e-6)
    out: NDArray[np.float32] = (fine - broad) / np.maximum(broad, 0.02 * level)
    return out


def match_patches(
    first: NDArray[np.float32], second: NDArray[np.float32], usable: NDArray[np.bool_], patch: int = PATCH_PX
) -> Matches:
    """Register two pictures (h, w) patch by patch where all of a patch is `usable`."""
    a, b = detail(first), detail(second)
    window = np.hanning(patch + 2)[1:-1]
    window = (window[:, None] * window[None]).astype(np.float32)
    step = patch // 2
    area = cv2.integral(usable.astype(np.uint8))
    rows = [
        (i, j)
        for i in range(0, first.shape[0] - patch + 1, step)
        for j in range(0, first.shape[1] - patch + 1, step)
        if area[i + patch, j + patch] - area[i, j + patch] - area[i + patch, j] + area[i, j] == patch * patch
    ]
    if not rows:
        return Matches(np.empty((0, 2)), np.empty((0, 2)), np.empty(0))
    corner = np.array(rows)
    pa = np.stack([a[i : i + patch, j : j + patch] for i, j in rows]) * window
    pb = np.stack([b[i : i + patch, j : j + patch] for i, j in rows]) * window
    pa -= pa.mean(axis=(1, 2), keepdims=True)
    pb -= pb.mean(axis=(1, 2), keepdims=True)
    shift, peak = _correlate(pa, pb)
    return Matches(corner + patch / 2.0, shift, peak)


def _correlate(a: NDArray[np.float32], b: NDArray[np.float32]) -> tuple[FloatArray, FloatArray]:
    """Shift (n, 2) of patches b against a, and the normalised correlation; NaN where the peak is at the border."""
    n, size, _ = a.shape
    norm = np.sqrt(np.sum(a * a, axis=(1, 2)) * np.sum(b * b, axis=(1, 2)))
    spectrum = np.conj(np.fft.rfft2(a)) * np.fft.rfft2(b)
    surface = np.fft.fftshift(np.fft.irfft2(spectrum, s=(size, size)), axes=(1, 2))
    flat = surface.reshape(n, -1).argmax(axis=1)
    i, j = flat // size, flat % size
    inside = (i > 0) & (i < size - 1) & (j > 0) & (j < size - 1) & (norm > 0)
    i, j = np.clip(i, 1, size - 2), np.clip(j, 1, size - 2)
    k = np.arange(n)

    def vertex(before: FloatArray, at: FloatArray, after: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore", invalid="ignore"):
            return 0.5 * (before - after) / (before - 2 * at + after)

    top = surface[k, i, j]
    line = i - size // 2 + vertex(surface[k, i - 1, j], top, surface[k, i + 1, j])
    sample = j - size // 2 + vertex(surface[k, i, j - 1], top, surface[k, i, j + 1])
    shift = np.stack([line, sample], axis=-1).astype(float)
    shift[~inside] = np.nan
    return shift, np.where(inside, top / np.maximum(norm, 1e-30), 0.0).astype(float)


@dataclass(frozen=True)
class Ties:
    """Pairs of pixels that see the same place, with the weight matrix (n, 2, 2) that makes residuals unit variance.

    A residual is the pixel of `second` minus where the place seen by `first` should fall, as (line, sample) in px.
    """

    first: Pixels
    second: Pixels
    whiten: FloatArray

    def __len__(self) -> int:
        return len(self.first)


@dataclass(frozen=True)
class TieResiduals:
    """Residuals (n, 2) px and Jacobian (n, 2, m), before whitening."""

    px: FloatArray
    jacobian: FloatArray


def ground_point(position: FloatArray, direction: FloatArray, radii_km: tuple[float, float, float]) -> FloatArray:
    """Nearest points (n, 3) where rays meet the ellipsoid, as distances (n,) along the direction; NaN where they miss."""
    inverse = 1.0 / np.asarray(radii_km)
    c, q = position * inverse, direction * inverse
    a, b, d = np.sum(q * q, -1), np.sum(c * q, -1), np.sum(c * c, -1) - 1.0
    root = b * b - a * d
    with np.errstate(invalid="ignore"):
        out: FloatArray = np.where((root > 0) & (b < 0), d / (np.sqrt(root) - b), np.nan)
    return out


def tie_residuals(ties: Ties, at: Unknowns, trajectory: Trajectory, body: Body) -> TieResiduals:
    """How far apart, in pixels of the second band, the two ends of each tie fall; NaN where a ray misses the body."""
    one, two = look(ties.first, at, trajectory, body), look(ties.second, at, trajectory, body)
    reach = ground_point(one.position, one.direction, body.radii_km)
    place = one.position + reach[:, None] * one.direction
    normal = place / np.asarray(body.radii_km) ** 2
    slant = np.sum(normal * one.direction, axis=-1)
    # the place slides on the surface as ray and position move
    free = one.move + reach[:, None, None] * one.turn
    along = np.einsum("ni,nim->nm", normal, free) / slant[:, None]
    slide = free - one.direction[:, :, None] * along[:, None, :]
    sight = place - two.position
    length = np.linalg.norm(sight, axis=-1)
    unit = sight / length[:, None]
    # pixels: components of the difference of directions on the tangent plane of the second band's pixel
    size = np.linalg.norm(two.direction, axis=-1)
    error = two.direction / size[:, None] - unit
    basis = np.stack([two.by_line, two.by_sample], axis=-1) / size[:, None, None]
    inverse = np.linalg.pinv(basis)
    px = np.einsum("npi,ni->np", inverse, error)
    change = slide - two.move
    change = (change - unit[:, :, None] * np.einsum("ni,nim->nm", unit, change)[:, None, :]) / length[:, None, None]
    jacobian = np.einsum("npi,nim->npm", inverse, two.turn / size[:, None, None] - change)
    return TieResiduals(px, jacobian)
