"""Patches of one picture sought in another: their correlation, its peak to a fraction of a pixel, and its error."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Plane = NDArray[np.float32]

LEAST_CORRELATION = 0.4
"""A patch has a hundred independent cells or more, so that chance gives 0.3 at the most."""
MOST_RIVAL = 0.8
"""A second peak higher than this share of the first makes a match ambiguous."""
FINE_PX, BROAD_PX = 1.0, 8.0
"""Structure is what lies between these two scales."""
_CELL_PX = 4.0 * np.pi * FINE_PX**2
"""Pixels of smoothed noise that are worth one independent one."""
_LEAST_SHARE = 0.3
"""Where fewer of the patches than this agree, chance has found them."""
_LEAST_AGREEING = 6
_AGREE_PX, _LEAST_AGREE_PX = 2.0, 0.6
_TRIES, _MOST_TURN = 1500, 0.1


@dataclass(frozen=True)
class Found:
    """Patches that were found: `centre` (n, 2) as (line, sample) in the first picture, `shift` (n, 2) px of what they
    show in the second against it, the covariance (n, 2, 2) px^2 of the shift, and the `correlation` (n,)."""

    centre: FloatArray
    shift: FloatArray
    covariance: FloatArray
    correlation: FloatArray

    def __len__(self) -> int:
        return len(self.centre)

    def take(self, which: NDArray[np.bool_]) -> Found:
        """The patches that a mask selects."""
        return Found(self.centre[which], self.shift[which], self.covariance[which], self.correlation[which])


def structure(plane: Plane) -> Plane:
    """Relative fine structure of a picture, blind to its slow changes of light; 0 where there is no data."""
    have = np.isfinite(plane)
    filled = np.where(have, plane, np.float32(0)).astype(np.float32)
    share = cv2.GaussianBlur(have.astype(np.float32), (0, 0), BROAD_PX)
    broad = cv2.GaussianBlur(filled, (0, 0), BROAD_PX) / np.maximum(share, np.float32(1e-3))
    fine = cv2.GaussianBlur(np.where(have, filled, broad), (0, 0), FINE_PX)
    level = max(float(np.percentile(broad[have], 95)), 1e-9) if have.any() else 1.0
    out = (fine - broad) / np.maximum(broad, np.float32(0.02 * level))
    return np.where(have, out, np.float32(0)).astype(np.float32)


def seek(
    first: Plane, first_known: NDArray[np.bool_], second: Plane, second_known: NDArray[np.bool_], patch: int, reach: int
) -> Found:
    """Patches of `first` (h, w) found in `second` (h + 2 reach, w + 2 reach), which has a border of `reach` px.

    Both are structure as `structure` gives it; a patch and what it is found in must be known throughout. Peaks at the
    border of the search, weak ones, and those with a rival are left out.
    """
    area, there = (cv2.integral(known.astype(np.uint8)) for known in (first_known, second_known))
    full = patch * patch
    step = patch // 2
    rows = []
    for i in range(0, first.shape[0] - patch + 1, step):
        for j in range(0, first.shape[1] - patch + 1, step):
            if area[i + patch, j + patch] - area[i, j + patch] - area[i + patch, j] + area[i, j] != full:
                continue
            wide = patch + 2 * reach
            surface = cv2.matchTemplate(
                second[i : i + wide, j : j + wide], first[i : i + patch, j : j + patch], cv2.TM_CCOEFF_NORMED
            )
            peak = _peak(np.asarray(surface, dtype=float), patch)
            if peak is None:
                continue
            shift, covariance, height = peak
            a, b = i + round(float(shift[0])), j + round(float(shift[1]))
            if there[a + patch, b + patch] - there[a, b + patch] - there[a + patch, b] + there[a, b] != full:
                continue
            rows.append((i + patch / 2.0, j + patch / 2.0, *(shift - reach), *covariance.ravel(), height))
    table = np.array(rows).reshape(-1, 9)
    return Found(table[:, :2], table[:, 2:4], table[:, 4:8].reshape(-1, 2, 2), table[:, 8])


# the quadratic form through the nine correlations around a peak, by least squares
_Y, _X = (a.ravel().astype(float) for a in np.mgrid[-1:2, -1:2])
_QUADRATIC = np.linalg.pinv(np.stack([np.ones(9), _Y, _X, 0.5 * _Y**2, _Y * _X, 0.5 * _X**2], axis=-1))


def _peak(surface: FloatArray, patch: int) -> tuple[FloatArray, FloatArray, float] | None:
    """Place (2,) of the highest correlation, its covariance (2, 2), and its height; None where it is none.

    A patch is a copy of the other, times a factor, with noise added: then the correlation r falls from its peak by
    r d' G d / (2 S), G the squared gradients' and S the squares' sum, and the noise is S (1 - r^2) / (r^2 N) a pixel,
    so that G^-1 times the noise is the covariance of the shift.
    """
    if not np.isfinite(surface).all():
        return None
    i, j = (int(k) for k in np.unravel_index(surface.argmax(), surface.shape))
    top = float(surface[i, j])
    if top < LEAST_CORRELATION or not (0 < i < surface.shape[0] - 1 and 0 < j < surface.shape[1] - 1):
        return None
    rest = surface.copy()
    rest[max(i - 4, 0) : i + 5, max(j - 4, 0) : j + 5] = -1.0
    # beside a ridge the flank is no rival: only what rises again is
    if rest.max() > MOST_RIVAL * top and _rises(surface, rest):
        return None
    _, dy, dx, yy, yx, xx = _QUADRATIC @ surface[i - 1 : i + 2, j - 1 : j + 2].ravel()
    bend = -np.array([[yy, yx], [yx, xx]])
    if not (yy < 0.0 and np.linalg.det(bend) > 1e-4 * np.trace(bend) ** 2):
        return None
    away = np.linalg.solve(bend, np.array([dy, dx]))
    if np.abs(away).max() > 1.0:
        return None
    cells = max(patch * patch / _CELL_PX, 2.0)
    covariance = (1.0 - top**2) / (top * cells) * np.linalg.inv(bend)
    return np.array([i, j]) + away, covariance, top


def _rises(surface: FloatArray, rest: FloatArray) -> bool:
    """Whether the highest place of `rest` is a peak of its own."""
    i, j = (int(k) for k in np.unravel_index(rest.argmax(), rest.shape))
    near = surface[max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2]
    return bool(surface[i, j] >= near.max())


def agreeing(found: Found, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Which patches (n,) of a picture of a `size` (h, w) have shifts that change smoothly over it.

    It begins with the plane through three of the shifts that most of the others agree with; from there a plane, and
    with many patches a quadratic, is fitted to those that agree, and what lies further off than they scatter is left
    out, until the choice stands.
    """
    count = len(found)
    nothing = np.zeros(count, np.bool_)
    if count < _LEAST_AGREEING:
        return nothing
    y, x = ((found.centre - np.array(size) / 2.0) / (max(size) / 2.0)).T
    plane = np.stack([np.ones(count), y, x], axis=-1)
    keep = _consensus(plane, found.shift, max(size) / 2.0)
    for step in range(12):
        if keep.sum() < _LEAST_AGREEING:
            return nothing
        basis = plane
        if step > 1 and keep.sum() >= 30:
            basis = np.concatenate([plane, np.stack([y * y, y * x, x * x], axis=-1)], axis=1)
        fit, *_ = np.linalg.lstsq(basis[keep], found.shift[keep], rcond=None)
        off = np.linalg.norm(found.shift - basis @ fit, axis=1)
        bound = max(4.0 * float(np.median(off[keep])) / 1.1774, _LEAST_AGREE_PX)
        following = off < min(bound, 2.0 * _AGREE_PX)
        if step > 2 and np.array_equal(following, keep):
            break
        keep = following
    return keep if keep.sum() >= _LEAST_SHARE * count else nothing


def _consensus(plane: FloatArray, shift: FloatArray, half: float) -> NDArray[np.bool_]:
    """Which shifts (n, 2) lie close to the plane through three of them that most lie close to.

    `plane` (n, 3) are its terms at the patches, `half` the px in a unit of the last two: ground that is turned, drawn
    out or sheared by more than `_MOST_TURN` is none.
    """
    rng = np.random.default_rng(1)
    three = rng.integers(0, len(plane), (_TRIES, 3))
    terms = plane[three]
    # corners that lie on a line, or too near each other, tell no slope
    wide = np.abs(np.linalg.det(terms)) > 0.02
    if not wide.any():
        return np.zeros(len(plane), np.bool_)
    fit = np.linalg.solve(terms[wide], shift[three[wide]])
    fit = fit[np.abs(fit[:, 1:]).max(axis=(1, 2)) < _MOST_TURN * half]
    if not len(fit):
        return np.zeros(len(plane), np.bool_)
    close = np.linalg.norm(shift - plane @ fit, axis=-1) < _AGREE_PX
    best: NDArray[np.bool_] = close[np.argmax(close.sum(axis=1))]
    return best
