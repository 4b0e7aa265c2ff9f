"""Noise for Jupiter's clouds: as `noise.gradient_noise`, with more directions and in half the time."""

from __future__ import annotations

import math

import numpy as np

from perijove.jit import inlined, kernel

FINER = 2.5
"""Each octave's cells are so many times smaller than the last's."""

# gradients: 256 directions spread evenly over the sphere (golden-angle spiral), long enough for about -1 to 1
_TURN = np.arange(256) * math.pi * (3.0 - math.sqrt(5.0))
_HEIGHT = (2.0 * np.arange(256) + 1.0) / 256.0 - 1.0
GRADIENTS = 1.6 * np.stack(
    [np.sqrt(1.0 - _HEIGHT**2) * np.cos(_TURN), np.sqrt(1.0 - _HEIGHT**2) * np.sin(_TURN), _HEIGHT], axis=1
)


@inlined
def _slope(h: np.uint64, x: float, y: float, z: float) -> float:
    """The share of one lattice point, whose hash is still to be finished."""
    h ^= h >> np.uint64(29)
    g = (h * np.uint64(0xBF58476D1CE4E5B9)) >> np.uint64(56)
    return float(GRADIENTS[g, 0] * x + GRADIENTS[g, 1] * y + GRADIENTS[g, 2] * z)


@kernel
def swift_noise(x: float, y: float, z: float, seed: int) -> float:
    """Gradient noise after Perlin (2002): about -1 to 1, mean 0, features of about unit size, twice smooth."""
    fx, fy, fz = math.floor(x), math.floor(y), math.floor(z)
    x, y, z = x - fx, y - fy, z - fz
    i0 = np.uint64(int(fx)) * np.uint64(0x9E3779B97F4A7C15) ^ np.uint64(seed) * np.uint64(0xD6E8FEB86659FD93)
    i1 = np.uint64(int(fx) + 1) * np.uint64(0x9E3779B97F4A7C15) ^ np.uint64(seed) * np.uint64(0xD6E8FEB86659FD93)
    j0, j1 = np.uint64(int(fy)) * np.uint64(0xC2B2AE3D27D4EB4F), np.uint64(int(fy) + 1) * np.uint64(0xC2B2AE3D27D4EB4F)
    k0, k1 = np.uint64(int(fz)) * np.uint64(0x165667B19E3779F9), np.uint64(int(fz) + 1) * np.uint64(0x165667B19E3779F9)
    u = x * x * x * (x * (6.0 * x - 15.0) + 10.0)
    v = y * y * y * (y * (6.0 * y - 15.0) + 10.0)
    w = z * z * z * (z * (6.0 * z - 15.0) + 10.0)
    a, b = _slope(i0 ^ j0 ^ k0, x, y, z), _slope(i1 ^ j0 ^ k0, x - 1.0, y, z)
    c, d = _slope(i0 ^ j1 ^ k0, x, y - 1.0, z), _slope(i1 ^ j1 ^ k0, x - 1.0, y - 1.0, z)
    low, high = a + u * (b - a), c + u * (d - c)
    near = low + v * (high - low)
    z -= 1.0
    a, b = _slope(i0 ^ j0 ^ k1, x, y, z), _slope(i1 ^ j0 ^ k1, x - 1.0, y, z)
    c, d = _slope(i0 ^ j1 ^ k1, x, y - 1.0, z), _slope(i1 ^ j1 ^ k1, x - 1.0, y - 1.0, z)
    low, high = a + u * (b - a), c + u * (d - c)
    return near + w * (low + v * (high - low) - near)


@kernel
def texture(x: float, y: float, z: float, octaves: float, gain: float, bend: float, seed: int) -> tuple[float, float]:
    """Fractal noise, each octave bent by the coarser ones, which draws it out into filaments: (sum, ridged sum).

    The second octave has full strength, the first half of it, those that follow `gain` times the last's.
    """
    total, ridges, weight, n = 0.0, 0.0, 0.55, 0
    while n < octaves:
        part = min(1.0, octaves - n)
        value = swift_noise(x, y, z, seed + 131 * n)
        total += part * weight * value
        ridges += part * weight * (0.25 - abs(value))
        x, y, z = (
            FINER * (0.8 * x + 0.6 * y) + 17.3 + bend * value,
            FINER * (0.8 * y - 0.6 * x) - 9.1 - bend * value,
            FINER * z + 4.7 + bend * value,
        )
        weight = 1.0 if n == 0 else weight * gain
        n += 1
    return total, ridges
