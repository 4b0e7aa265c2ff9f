"""Weights of one look at every pixel of a common view: what it can see there, how sharply, and from how near by.

The point of a pixel is where its ray meets the ellipsoid or, beside the limb, the ray's tangent point, where its haze
is. A look that stands elsewhere sees that point along another line: of the ground that is the same ground in another
light, of the haze it is other haze, unless its line passes the body at the same height.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from perijove.geometry.view import View, pixel_rays
from perijove.render.planes import Planes
from perijove.render.rays import FADE_END, FADE_START

FloatArray = NDArray[np.float64]
Plane = NDArray[np.float32]

ROWS = 64
"""Rows weighed at a time, so that a large view needs little memory."""
HAZE_KM = 60.0
"""Difference in height between two lines through a point of the haze at which they no longer see the same: twice
its scale height."""
HERE = np.radians(0.2)
"""Parallax, one sigma, up to which a look counts as standing at the viewpoint. Only such a one is right where the
renderer carries the sky by its direction, which has no parallax, and only it may fill the view's limb."""
HORIZON = (0.03, 0.12)
"""Cosines of emission between which a look from elsewhere comes to count: at its own limb it sees haze, not ground."""
LEAST = 1e-6
"""Weight, against 1 for the view's own look, below which a look has not seen a point."""


def smooth_step(value: FloatArray) -> FloatArray:
    """0 up to 0, 1 from 1 on, smooth between."""
    part = np.clip(value, 0.0, 1.0)
    out: FloatArray = part * part * (3.0 - 2.0 * part)
    return out


def viewing_weight(view: View, radii: tuple[float, float, float], place_km: FloatArray, sigma: float) -> Plane:
    """Weight (h, w) of a look from a body-fixed place (3,) km in a view: 1 where it stands at the viewpoint itself.

    On the ground it is the number of its camera px an output px, against a look from the viewpoint, times
    exp(-(angle / sigma)^2 / 2) in the angle (rad) at the point between both; beside the limb it is by the heights at
    which the two lines pass. 0 where the look cannot see the point.
    """
    out = np.empty((view.height, view.width), np.float32)
    for first in range(0, view.height, ROWS):
        line, sample = np.mgrid[first : min(first + ROWS, view.height), : view.width] + 0.5
        rays = pixel_rays(view, line, sample)
        out[first : first + ROWS] = weigh_rays(view.position_km, rays, np.array(radii), place_km, sigma)
    out[out < LEAST] = 0.0
    return out


def weigh_rays(
    viewpoint: FloatArray, rays: FloatArray, radii: FloatArray, place: FloatArray, sigma: float
) -> FloatArray:
    """`viewing_weight` of unit rays (..., 3)."""
    # the space in which the ellipsoid is the unit sphere
    o, d = viewpoint / radii, rays / radii
    a, b = (d * d).sum(-1), (d * o).sum(-1)
    closest = np.maximum(o @ o - b * b / a, 0.0)
    hit = (closest < 1.0) & (b < 0.0)
    # to the nearer meeting, or to the closest point of a ray that misses; none behind the viewer
    step = np.maximum(-b / a - np.sqrt(np.where(hit, (1.0 - closest) / a, 0.0)), 0.0)
    point = viewpoint + step[..., None] * rays
    mine, theirs = viewpoint - point, place - point
    near, far = np.linalg.norm(mine, axis=-1), np.linalg.norm(theirs, axis=-1)
    cosine = np.clip((mine * theirs).sum(-1) / np.maximum(near * far, 1e-9), -1.0, 1.0)
    # by the chord, since an arc cosine is ill at 0
    angle = 2.0 * np.arcsin(np.sqrt(0.5 * (1.0 - cosine)))
    up = point / radii**2
    up /= np.linalg.norm(up, axis=-1, keepdims=True)
    emission, other = (up * mine).sum(-1) / np.maximum(near, 1e-9), (up * theirs).sum(-1) / far
    # camera px an output px, as areas: by the foreshortening and the square of the range
    sharp = np.where(emission > 0.0, other / np.maximum(emission, 1e-9), 0.0) * (near / far) ** 2
    here = np.exp(-0.5 * (angle / HERE) ** 2)
    rise = smooth_step((other - HORIZON[0]) / (HORIZON[1] - HORIZON[0]))
    rise += here * (1.0 - rise)
    ground = np.clip(sharp, 0.0, 4.0) * rise * np.exp(-0.5 * (angle / sigma) ** 2)
    return np.where(hit, ground, weigh_sky(point, np.sqrt(closest), theirs / radii, radii, here))


def weigh_sky(
    point: FloatArray, passes: FloatArray, line: FloatArray, radii: FloatArray, here: FloatArray
) -> FloatArray:
    """Weights of tangent points (..., 3) km whose own rays pass at `passes` (scaled), seen along `line` (scaled).

    `here` (0 to 1) tells how far the look stands at the viewpoint. Where the renderer carries the sky by its direction
    only such a look is right.
    """
    p = point / radii
    along = (p * line).sum(-1) / (line * line).sum(-1)
    lower = np.sqrt(np.maximum((p * p).sum(-1) - along**2 * (line * line).sum(-1), 0.0))
    radius = float(np.mean(radii))
    carried = smooth_step(((passes - 1.0) - 0.5 * FADE_START) / (FADE_END - 0.5 * FADE_START) * 8.0)
    alike = smooth_step(1.0 - np.abs(passes - lower) * radius / HAZE_KM)
    out: FloatArray = alike * (1.0 - carried * (1.0 - here))
    return out


def seam_weight(planes: Planes, seam_px: float) -> Plane:
    """Weight (h, w) that rises smoothly from 0 at the edges of what every filter of a strip has seen, over `seam_px`.

    The edge of the view is none. Where one filter has seen nothing it is 0.
    """
    seen = np.isfinite(planes.light).all(axis=0)
    if seen.all() or not seen.any():
        return np.asarray(seen, dtype=np.float32)
    away = cv2.distanceTransform(np.asarray(seen, dtype=np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # its last bit depends on where the array lies in memory; the square is a whole number, which mends that
    exact = np.sqrt(np.rint(np.square(away, dtype=float)))
    out: Plane = smooth_step(exact / max(seam_px, 1.0)).astype(np.float32)
    return out
