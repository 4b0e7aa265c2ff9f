"""Ties within one filter: consecutive framelets overlap by a dozen lines and see the same ground there.

The later framelet is resampled onto the earlier one's pixels by the pointing as it stands; what shift remains in a
patch is solved from the gradients of the light. These ties tell the angle by which the camera turns from frame to
frame, which the limb alone cannot tell from the height of its haze.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RectBivariateSpline

from perijove.attitude.candidates import bright_level
from perijove.attitude.exposure import Exposure
from perijove.attitude.problem import BANDS, Pixels, Unknowns, cast, pixels
from perijove.attitude.search import Scene
from perijove.attitude.ties import LEAST_CORRELATION, Ties
from perijove.geometry.aberration import apparent
from perijove.geometry.ellipsoid import intersect
from perijove.instrument import FRAMELET_LINES, LIT_SAMPLES, Camera
from perijove.swath import Swath

FloatArray = NDArray[np.float64]

PATCH_SAMPLES = 96
_NODE_STEP = 48.0
_BORDER = 1.5
"""Lines at a framelet's edge that are left out: their neighbours are missing."""
_FINE_PX, _BROAD_PX = 0.8, 5.0
_LEAST_LIGHT = 0.15
"""Least light of a patch as a share of the bright level."""
_LEAST_KNOWN = 0.95
"""Least share of a patch that both framelets show."""
_MAX_SHIFT = 1.5
FLOOR_PX = 0.15
"""Added to the error of each tie: the two ends of a framelet are not drawn alike."""


@dataclass(frozen=True)
class _Overlap:
    """Where the lines of one framelet lie in the next: splines of (line, sample), over lines `top` to `bottom`."""

    line: RectBivariateSpline
    sample: RectBivariateSpline
    top: float
    bottom: float
    left: float
    right: float


@dataclass(frozen=True)
class _Shift:
    """A patch of an earlier framelet, and how far from its predicted place the later one shows it."""

    line: float
    sample: float
    there: FloatArray
    whiten: FloatArray


def overlap_ties(
    exposure: Exposure, image: int, at: Unknowns, scene: Scene, camera: Camera, swaths: list[Swath]
) -> Ties | None:
    """Ties between consecutive framelets of every filter; None if none.

    `camera` is the strip's own without the solution's corrections, in which the pixels of ties are given; `swaths` hold
    the pointing as it stands.
    """
    first: list[tuple[int, int, float, float]] = []
    second: list[tuple[int, int, float, float]] = []
    whiten = []
    for swath in swaths:
        band = BANDS.index(swath.band)
        level = bright_level(swath.light)
        for f in range(len(swath.light) - 1):
            overlap = _map_overlap(swath, f, image, at, scene, exposure, camera)
            if overlap is None:
                continue
            for found in _patch_shifts(swath, f, overlap, level):
                first.append((f, band, found.line, found.sample))
                second.append((f + 1, band, float(found.there[0]), float(found.there[1])))
                whiten.append(found.whiten)
    if not first:
        return None
    ends = [_as_pixels(camera, image, exposure, rows) for rows in (first, second)]
    return Ties(ends[0], ends[1], np.array(whiten))


def _as_pixels(camera: Camera, image: int, exposure: Exposure, rows: list[tuple[int, int, float, float]]) -> Pixels:
    frame, band = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    line, sample = np.array([r[2] for r in rows]), np.array([r[3] for r in rows])
    return pixels(camera, np.full(len(rows), image), frame, band, line, sample, exposure.et[frame])


def _detail(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """Relative fine structure of a part of a framelet."""
    filled = np.nan_to_num(plane)
    fine = cv2.GaussianBlur(filled, (0, 0), _FINE_PX, borderType=cv2.BORDER_REFLECT)
    broad = cv2.GaussianBlur(filled, (0, 0), _BROAD_PX, borderType=cv2.BORDER_REFLECT)
    floor = max(float(np.percentile(broad, 99)) * 0.05, 1e-6)
    return np.asarray((fine - broad) / np.maximum(broad, floor), dtype=np.float32)


def _map_overlap(
    swath: Swath, f: int, image: int, at: Unknowns, scene: Scene, exposure: Exposure, camera: Camera
) -> _Overlap | None:
    """Where the last lines of framelet f are seen in framelet f + 1; None where they are not, or not on the body."""
    samples = np.arange(LIT_SAMPLES.start + 4.0, LIT_SAMPLES.stop - 4.0, _NODE_STEP)
    line, sample = np.meshgrid(np.linspace(FRAMELET_LINES - 18.0, FRAMELET_LINES, 4), samples, indexing="ij")
    count = line.size
    frame = np.full(count, f)
    band = np.full(count, BANDS.index(swath.band))
    nodes = pixels(camera, np.full(count, image), frame, band, line.ravel(), sample.ravel(), exposure.et[frame])
    rays = cast(nodes, at, scene.trajectory, scene.body)
    ground = intersect(rays.position, rays.direction, scene.body.radii_km)
    to_body = scene.body.body_from_j2000(swath.et[f + 1])
    looks = ground @ to_body - swath.position_km[f + 1]
    seen = apparent(looks, None if swath.velocity_km_s is None else swath.velocity_km_s[f + 1])
    sight = seen @ swath.camera_from_j2000[f + 1].T
    there = swath.camera.pixel(swath.band, sight).reshape(*line.shape, 2)
    hit = np.isfinite(there).all(axis=(0, 2))
    runs = np.flatnonzero(hit)
    if len(runs) < 4 or runs[-1] - runs[0] + 1 != len(runs):
        return None
    there, samples = there[:, runs], samples[runs]
    overlap = float(np.median(there[-1, :, 0]))
    if not 4.0 * _BORDER < overlap < 18.0:
        return None
    rows = line[:, 0]
    return _Overlap(
        RectBivariateSpline(rows, samples, there[..., 0], kx=2, ky=3),
        RectBivariateSpline(rows, samples, there[..., 1], kx=2, ky=3),
        FRAMELET_LINES - overlap + _BORDER,
        FRAMELET_LINES - _BORDER,
        float(samples[0]),
        float(samples[-1]),
    )


def _patch_shifts(swath: Swath, f: int, overlap: _Overlap, level: float) -> list[_Shift]:
    """The remaining shifts of all lit patches in one overlap."""
    step = swath.binning
    lines = np.arange(np.ceil(overlap.top / step - 0.5), np.floor(overlap.bottom / step - 0.5) + 1)
    samples = np.arange(np.ceil(overlap.left / step), np.floor(overlap.right / step))
    if len(lines) < 5 or len(samples) < PATCH_SAMPLES // step:
        return []
    native_lines, native_samples = (lines + 0.5) * step, (samples + 0.5) * step
    to_line = overlap.line(native_lines, native_samples)
    to_sample = overlap.sample(native_lines, native_samples)
    grid = (to_sample / step - 0.5).astype(np.float32), (to_line / step - 0.5).astype(np.float32)
    rows, columns = lines.astype(int), samples.astype(int)
    here = swath.light[f][rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    there = cv2.remap(
        swath.light[f + 1], *grid, cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT, borderValue=float("nan")
    )
    # filtered only now, and filled from each other: near borders and masks a filter must see the same ground in both
    known = np.isfinite(here) & np.isfinite(there)
    earlier = _detail(np.where(np.isfinite(here), here, there))
    later = _detail(np.where(np.isfinite(there), there, here))
    mean = 0.5 * (earlier + later)
    by_line, by_sample = np.gradient(mean)
    width = PATCH_SAMPLES // step
    out = []
    for j in range(0, len(columns) - width + 1, width):
        box = np.s_[1:-1, j : j + width]
        if known[box].mean() < _LEAST_KNOWN or not here[box][known[box]].min() > _LEAST_LIGHT * level:
            continue
        alike = _correlation(earlier[box], later[box])
        if alike < LEAST_CORRELATION:
            continue
        solved = _solve_shift((later - earlier)[box], by_line[box], by_sample[box], alike)
        if solved is None:
            continue
        shift, whiten = solved
        i, k = len(lines) // 2, j + width // 2
        # the later framelet shows the patch where it was predicted, plus the shift
        place = np.array([to_line[i, k], to_sample[i, k]]) + shift * step
        out.append(_Shift(float(native_lines[i]), float(native_samples[k]), place, whiten / step))
    return out


def _correlation(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Normalised correlation of two patches; 0 where one of them is flat or masked."""
    x, y = a - a.mean(), b - b.mean()
    norm = float(np.sqrt(np.sum(x * x) * np.sum(y * y)))
    return float(np.sum(x * y)) / norm if norm > 0.0 else 0.0


def _solve_shift(
    difference: NDArray[np.floating], by_line: NDArray[np.floating], by_sample: NDArray[np.floating], alike: float
) -> tuple[FloatArray, FloatArray] | None:
    """Shift (line, sample) of the later patch against the earlier, and the matrix that makes its error unit variance.

    `alike` is the correlation of the two patches, which tells how much of the gradients is noise. None where the patch
    has no structure in one of the directions.
    """
    gradient = np.stack([by_line.ravel(), by_sample.ravel()], axis=-1).astype(float)
    # later(x) = earlier(x - s): the difference is minus gradient times shift
    normal = gradient.T @ gradient
    if not (np.isfinite(normal).all() and np.linalg.cond(normal) < 1e3):
        return None
    shift = -np.linalg.solve(normal, gradient.T @ difference.ravel().astype(float))
    left = difference.ravel() + gradient @ shift
    # neighbouring pixels of smoothed noise are alike: about six make one
    variance = 6.0 * float(left @ left) / max(left.size - 2, 1)
    # noise in the mean gradient makes shifts too small: by signal over signal plus half the noise
    thinned = 2.0 * alike / (1.0 + alike)
    shift = shift / thinned
    if not (np.abs(shift).max() < _MAX_SHIFT and variance > 0.0):
        return None
    covariance = variance * np.linalg.inv(normal) / thinned**2 + FLOOR_PX**2 * np.eye(2)
    return shift, np.linalg.cholesky(np.linalg.inv(covariance)).T
