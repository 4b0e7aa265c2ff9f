"""The haze of made-up strips, written anew: loaded by the conftests of attitude and cli with `runpy`."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfcx

FloatArray = NDArray[np.float64]

HAZE_DEPTH, HAZE_GLOW, HAZE_KM, CURVATURE_KM = 0.05, 0.35, 24.0, 70000.0
"""Of Jupiter's haze: vertical optical depth, light of an endless path, scale height, and the ground's curvature."""


def unit(v: FloatArray) -> FloatArray:
    out: FloatArray = v / np.linalg.norm(v, axis=-1, keepdims=True)
    return out


def veiled(
    light: FloatArray, ground: FloatArray, rays: FloatArray, place: FloatArray, radii: FloatArray, sun: FloatArray
) -> FloatArray:
    """The ground's light (...,) behind a haze that glows by day, on the limb and above it (Chapman's column).

    Body-fixed are the points (..., 3) km of the `ground`, NaN beside it, the `rays` (..., 3) of any length, the `place`
    (3,) km they are seen from, and the unit vector (3,) to the Sun.
    """
    c, q = place / radii, rays / radii
    near = c - (q @ c / np.sum(q * q, axis=-1))[..., None] * q
    rho = np.linalg.norm(near, axis=-1)
    chord = np.sqrt(2.0 * np.pi * CURVATURE_KM / HAZE_KM)
    column = chord * np.exp(-np.clip((rho - 1.0) * CURVATURE_KM / HAZE_KM, 0.0, 60.0))
    on = np.isfinite(ground[..., 0])
    emission = -np.sum(unit(ground[on] / radii**2) * unit(rays[on]), axis=-1)
    column[on] = 0.5 * chord * erfcx(np.sqrt(0.5 * CURVATURE_KM / HAZE_KM) * emission)
    day = np.clip(20.0 * unit(near / radii) @ sun, 0.0, 1.0)
    out: FloatArray = light * np.exp(-HAZE_DEPTH * column) + HAZE_GLOW * day * (1.0 - np.exp(-HAZE_DEPTH * column))
    return out
