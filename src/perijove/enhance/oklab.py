"""Oklab: lightness and two opponent colours that are even to the eye (B. Ottosson 2020), from and to linear sRGB."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from perijove.enhance.rows import over_rows

Plane = NDArray[np.float32]


@numba.njit(nogil=True, cache=True, error_model="numpy")
def cube_root(value: float) -> float:
    """Cube root of a number of 0 or more, to 1e-7: a guess from the exponent's bits would not be portable, pow is."""
    return value ** (1.0 / 3.0) if value > 0.0 else 0.0


@numba.njit(nogil=True, cache=True, error_model="numpy")
def to_oklab(rgb: Plane, lab: Plane) -> None:
    """Fill `lab` (3, rows, w) from linear light (rows, w, 3); NaN becomes 0 in all three."""
    rows, width, _ = rgb.shape
    for i in range(rows):
        for j in range(width):
            r, g, b = float(rgb[i, j, 0]), float(rgb[i, j, 1]), float(rgb[i, j, 2])
            if np.isnan(r) or np.isnan(g) or np.isnan(b):
                lab[:, i, j] = 0.0
                continue
            r, g, b = max(r, 0.0), max(g, 0.0), max(b, 0.0)
            x = cube_root(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
            y = cube_root(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
            z = cube_root(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
            lab[0, i, j] = 0.2104542553 * x + 0.7936177850 * y - 0.0040720468 * z
            lab[1, i, j] = 1.9779984951 * x - 2.4285922050 * y + 0.4505937099 * z
            lab[2, i, j] = 0.0259040371 * x + 0.7827717662 * y - 0.8086757660 * z


@numba.njit(nogil=True, cache=True, error_model="numpy")
def from_oklab(lab: Plane, rgb: Plane) -> None:
    """Replace linear light (rows, w, 3) by that of `lab` (3, rows, w), save where it is NaN.

    Colours outside sRGB lose chroma, not lightness, until they fit.
    """
    rows, width, _ = rgb.shape
    for i in range(rows):
        for j in range(width):
            if np.isnan(rgb[i, j, 0]):
                continue
            lightness = min(max(float(lab[0, i, j]), 0.0), 1.0)
            chroma = 1.0
            for _ in range(6):
                r, g, b = linear_rgb(lightness, chroma * lab[1, i, j], chroma * lab[2, i, j])
                if min(r, g, b) >= -1e-4 and max(r, g, b) <= 1.0001:
                    break
                chroma *= 0.75
            rgb[i, j, 0], rgb[i, j, 1], rgb[i, j, 2] = r, g, b


@numba.njit(nogil=True, cache=True, error_model="numpy")
def linear_rgb(lightness: float, a: float, b: float) -> tuple[float, float, float]:
    """Linear sRGB of one Oklab colour, not clipped."""
    x = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    y = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    z = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * x - 3.3077115913 * y + 0.2309699292 * z,
        -1.2684380046 * x + 2.6097574011 * y - 0.3413193965 * z,
        -0.0041960863 * x - 0.7034186147 * y + 1.7076147010 * z,
    )


def to_lab(light: Plane) -> Plane:
    """Oklab planes (3, h, w) of linear light (h, w, 3); the lightness alone (1, h, w) of a grey picture (h, w, 1)."""
    lab = np.empty((light.shape[2], *light.shape[:2]), np.float32)
    if light.shape[2] == 1:
        lab[0] = np.cbrt(np.maximum(np.nan_to_num(light[..., 0]), 0.0))
    else:
        over_rows(lambda rows: to_oklab(light[rows], lab[:, rows]), light.shape[0])
    return lab


def from_lab(lab: Plane, light: Plane) -> None:
    """Replace the light (h, w, bands), save where it is NaN, by that of `lab` (bands, h, w)."""
    if light.shape[2] == 1:
        np.copyto(light[..., 0], np.clip(lab[0], 0.0, 1.0) ** 3, where=np.isfinite(light[..., 0]))
    else:
        over_rows(lambda rows: from_oklab(lab[:, rows], light[rows]), light.shape[0])
