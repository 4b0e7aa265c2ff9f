"""Mending a limb: what a hit took from the one look that saw this limb's haze is told by what is beside it.

About its limb a view shows what its own look alone has seen: light that falls to nothing within a pixel or two. A hole
there can neither be filled from other looks, which saw other haze from elsewhere, nor from all around, where it is
darker and brighter. But along the limb the light hardly changes. So a hole takes its light from places as high above
the limb: a fit to what is around it, of the second order in height and of the first along the limb.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from perijove.jit import kernel

FloatArray = NDArray[np.float64]
Plane = NDArray[np.float32]
Bits = NDArray[np.uint8]
BoolArray = NDArray[np.bool_]

HEIGHT, ALONG = 0.5, 3.0
"""Distances (sigma) in height and along the limb over which what is around a hole counts, camera px."""
SPAN = 6
"""How far from a hole light is taken, camera px."""
FEWEST = 12
"""Fewest places that tell the light of a hole."""
TERMS = 4
SMALL = 0.05
"""Weight, against a look's, up to which another does not count: what it has just here, and not around, is no detail."""
NEAR = 8.0
"""Distance from the limb within which light goes with it, camera px."""


def limb_height(viewpoint: FloatArray, points: FloatArray, inverse_radii: FloatArray) -> FloatArray:
    """How near (h, w) the lines of sight from a `viewpoint` (3,) km to `points` (h, 3, w) km pass by an ellipsoid.

    In the space where that is the unit sphere, whose radius is taken off: 0 on the limb, below 0 on the ground.
    """
    o = viewpoint * inverse_radii
    x, y, z = ((points[:, n] - viewpoint[n]) * inverse_radii[n] for n in range(3))
    along, square = o[0] * x + o[1] * y + o[2] * z, x * x + y * y + z * z
    away = o[0] * o[0] + o[1] * o[1] + o[2] * o[2]
    closest: FloatArray = np.sqrt(np.maximum(away - along * along / square, 0.0)) - 1.0
    return closest


@kernel
def eliminate(matrix: FloatArray) -> bool:
    """Solve n equations (n, n + 1), symmetric and positive, in place; False where they do not tell. The solution takes
    the place of the last column."""
    n = len(matrix)
    for i in range(n):
        if not matrix[i, i] > 0.0:
            return False
        for j in range(n):
            if j == i:
                continue
            share = matrix[j, i] / matrix[i, i]
            for k in range(i, n + 1):
                matrix[j, k] -= share * matrix[i, k]
    for i in range(n):
        matrix[i, n] /= matrix[i, i]
    return True


@kernel
def mend(light: Plane, sigma: Plane, holes: BoolArray, height: FloatArray, size: int) -> None:
    """Fill the `holes` (h, w) of a plane of light and its sigma, in place, from what is as high above the limb.

    `height` (h, w) is that of `limb_height`, `size` a camera pixel in whole pixels. The sigma of a hole becomes the
    scatter around the fit. Holes around which little is known, and those far from the limb, stay as they are.
    """
    h, w = light.shape
    matrix, terms = np.empty((TERMS, TERMS + 1)), np.empty(TERMS)
    span = SPAN * size
    for y in range(1, h - 1):
        for x in range(1, w - 1):
            if not holes[y, x]:
                continue
            gy, gx = 0.5 * (height[y + 1, x] - height[y - 1, x]), 0.5 * (height[y, x + 1] - height[y, x - 1])
            rise = math.hypot(gy, gx)
            if not abs(height[y, x]) < NEAR * rise * size:
                continue
            gy, gx = gy / rise, gx / rise
            matrix[:] = 0.0
            low, high, count, total, squares = math.inf, -math.inf, 0, 0.0, 0.0
            for i in range(max(y - span, 0), min(y + span + 1, h)):
                for j in range(max(x - span, 0), min(x + span + 1, w)):
                    value = float(light[i, j])
                    if holes[i, j] or value != value:
                        continue
                    up = (height[i, j] - height[y, x]) / (rise * size)
                    along = ((j - x) * gy - (i - y) * gx) / size
                    weight = math.exp(-0.5 * ((up / HEIGHT) ** 2 + (along / ALONG) ** 2))
                    if weight < 1e-3:
                        continue
                    terms[0], terms[1], terms[2], terms[3] = 1.0, up, up * up, along
                    for m in range(TERMS):
                        for n in range(TERMS):
                            matrix[m, n] += weight * terms[m] * terms[n]
                        matrix[m, TERMS] += weight * terms[m] * value
                    low, high, count = min(low, value), max(high, value), count + 1
                    total += weight
                    squares += weight * value * value
            if count < FEWEST:
                continue
            told = matrix[:, TERMS].copy()
            if not eliminate(matrix):
                continue
            rest = squares
            for m in range(TERMS):
                rest -= matrix[m, TERMS] * told[m]
            light[y, x] = min(max(matrix[0, TERMS], low), high)
            sigma[y, x] = math.sqrt(max(rest, 0.0) / total)


class Limb(NamedTuple):
    """Where a view's limb is: `viewpoint` (3,) km, `points` (h, 3, w) km on the lines of sight of its pixels,
    `inverse_radii` (3,) 1/km of the body, and the `size` of a camera pixel in whole pixels."""

    viewpoint: FloatArray
    points: FloatArray
    inverse_radii: FloatArray
    size: int


def mend_looks(light: Plane, sigma: Plane, choice: Plane, bad: Bits, limb: Limb) -> None:
    """Mend light and sigma (looks, bands, h, w) of looks about a view's limb, in place.

    What is `bad` (as the light), a hit, has no light yet; it is mended where the look weighs so much by its `choice`
    (looks, h, w) that no other counts.
    """
    height = None
    for n in range(len(light)):
        hit = bad[n].any(axis=0)
        if not hit.any():
            continue
        alone = hit & (np.delete(choice, n, axis=0).max(axis=0, initial=0.0) < SMALL * choice[n])
        if not alone.any():
            continue
        if height is None:
            height = limb_height(limb.viewpoint, limb.points, limb.inverse_radii)
        for b in range(light.shape[1]):
            mend(light[n, b], sigma[n, b], (bad[n, b] > 0) & alone, height, limb.size)
