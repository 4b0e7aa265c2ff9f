"""Ties: places on the ground that two filters, or two images, have both seen.

Each band is rendered with the pointing as it stands onto one picture of native scale, and patches of the pictures are
registered against each other. A shift between them is turned back into a pair of pixels in the raw framelets which
must, once the pointing is right, be the same place on the ellipsoid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from perijove.attitude.problem import Pixels, Sight, Unknowns, join, look
from perijove.bodies import Body
from perijove.ephemeris.trajectory import Trajectory
from perijove.geometry.ellipsoid import intersect

FloatArray = NDArray[np.float64]

PATCH_PX = 64
_FINE_PX, _BROAD_PX = 1.0, 6.0
LEAST_CORRELATION = 0.5


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
    return np.asarray((fine - broad) / np.maximum(broad, 0.02 * level), dtype=np.float32)


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


def _correlate(a: NDArray[np.floating], b: NDArray[np.floating]) -> tuple[FloatArray, FloatArray]:
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


def join_ties(parts: Sequence[Ties]) -> Ties | None:
    """Several sets of ties as one; None where there are none."""
    if not parts:
        return None
    first, second = join([t.first for t in parts]), join([t.second for t in parts])
    return Ties(first, second, np.concatenate([t.whiten for t in parts]))


@dataclass(frozen=True)
class TieResiduals:
    """Residuals (n, 2) px and Jacobian (n, 2, m), before whitening."""

    px: FloatArray
    jacobian: FloatArray


_SHARED = 2.0
"""Patches of the colours overlap by half in both directions: four tell what one does."""


def weighed_by_scatter(ties: Ties, found: TieResiduals) -> Ties:
    """The ties with weights by how they scatter after a solution, those of each colour and within one each by itself.

    Ties within one filter never weigh more than before: the two ends of a framelet are not drawn alike.
    """
    whitened = (ties.whiten @ found.px[..., None])[..., 0]
    within = ties.first.band == ties.second.band
    factor = np.ones(len(ties))
    colours = [~within & (ties.second.band == band) for band in np.unique(ties.second.band[~within])]
    for group, shared, least in ((within, 1.0, 1.0), *((colour, _SHARED, 0.2) for colour in colours)):
        values = np.abs(whitened[group])
        values = values[np.isfinite(values)]
        if values.size:
            factor[group] = max(1.4826 * float(np.median(values)) * shared, least)
    return Ties(ties.first, ties.second, ties.whiten / factor[:, None, None])


@dataclass(frozen=True)
class Projection:
    """Offset (n, 2) px of pixels from where body-fixed places should fall, and its Jacobian (n, 2, m).

    The Jacobian holds for places that stay; `inverse` (n, 2, 3) takes a small change of direction to pixels, `unit`
    (n, 3) and `length` (n,) km are the lines of sight.
    """

    px: FloatArray
    jacobian: FloatArray
    inverse: FloatArray
    unit: FloatArray
    length: FloatArray


def project(sight: Sight, place: FloatArray) -> Projection:
    """Pixels minus the projections of body-fixed places (n, 3) km, along (line, sample) on the tangent plane."""
    line_of_sight = place - sight.position
    length = np.linalg.norm(line_of_sight, axis=-1)
    unit = line_of_sight / length[:, None]
    size = np.linalg.norm(sight.direction, axis=-1)
    basis = np.stack([sight.by_line, sight.by_sample], axis=-1) / size[:, None, None]
    gram = np.swapaxes(basis, 1, 2) @ basis
    inverse = np.linalg.solve(gram, np.swapaxes(basis, 1, 2))
    error = sight.direction / size[:, None] - unit
    across = sight.move - unit[:, :, None] * (unit[:, None, :] @ sight.move)
    jacobian = inverse @ (sight.turn / size[:, None, None] + across / length[:, None, None])
    return Projection((inverse @ error[..., None])[..., 0], jacobian, inverse, unit, length)


def tie_residuals(ties: Ties, at: Unknowns, trajectory: Trajectory, body: Body) -> TieResiduals:
    """How far apart, in pixels of the second band, the two ends of each tie fall; NaN where a ray misses the body."""
    one, two = look(ties.first, at, trajectory, body), look(ties.second, at, trajectory, body)
    place = intersect(one.position, one.direction, body.radii_km)
    moved = slide(one, place, body)
    seen = project(two, place)
    moved = moved - seen.unit[:, :, None] * (seen.unit[:, None, :] @ moved)
    return TieResiduals(seen.px, seen.jacobian - seen.inverse @ moved / seen.length[:, None, None])


def slide(sight: Sight, place: FloatArray, body: Body) -> FloatArray:
    """How the places (n, 3) km at which rays meet the surface slide on it, (n, 3, m), as ray and position move."""
    reach = np.linalg.norm(place - sight.position, axis=-1) / np.linalg.norm(sight.direction, axis=-1)
    normal = place / np.asarray(body.radii_km) ** 2
    free = sight.move + reach[:, None, None] * sight.turn
    slant = np.sum(normal * sight.direction, axis=-1)[:, None, None]
    out: FloatArray = free - sight.direction[:, :, None] * (normal[:, None, :] @ free) / slant
    return out
