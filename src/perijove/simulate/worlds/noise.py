"""Noise: smooth random functions of a place in space, the same for the same seed on every machine."""

from __future__ import annotations

import math

import numpy as np

from perijove.jit import kernel


@kernel
def mixed(i: int, j: int, k: int, seed: int) -> np.uint64:
    """A 64-bit hash of a lattice point (the finaliser of splitmix64 over the weighted coordinates)."""
    # summed, for by exclusive or two odd coordinates and their negatives would come out alike
    h = (
        np.uint64(i) * np.uint64(0x9E3779B97F4A7C15)
        + np.uint64(j) * np.uint64(0xC2B2AE3D27D4EB4F)
        + np.uint64(k) * np.uint64(0x165667B19E3779F9)
        + np.uint64(seed) * np.uint64(0xD6E8FEB86659FD93)
    )
    h ^= h >> np.uint64(30)
    h *= np.uint64(0xBF58476D1CE4E5B9)
    h ^= h >> np.uint64(27)
    h *= np.uint64(0x94D049BB133111EB)
    h ^= h >> np.uint64(31)
    return h


@kernel
def uniform(h: np.uint64, which: int) -> float:
    """The `which`-th (0, 1, 2, ...) number in [0, 1) that hangs on a hash."""
    g = h + np.uint64(which + 1) * np.uint64(0x9E3779B97F4A7C15)
    g ^= g >> np.uint64(30)
    g *= np.uint64(0xBF58476D1CE4E5B9)
    g ^= g >> np.uint64(27)
    return float(g >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@kernel
def _slope(i: int, j: int, k: int, seed: int, x: float, y: float, z: float) -> float:
    """The share of one lattice point: its gradient (one of twelve directions) times the way from it."""
    which = mixed(i, j, k, seed) % np.uint64(12)
    if which < np.uint64(4):
        a, b = x, y
    elif which < np.uint64(8):
        a, b = x, z
    else:
        a, b = y, z
    low = which & np.uint64(3)
    return (a if low & np.uint64(1) else -a) + (b if low & np.uint64(2) else -b)


@kernel
def gradient_noise(x: float, y: float, z: float, seed: int) -> float:
    """Gradient noise after Perlin (2002): about -1 to 1, mean 0, features of about unit size, twice smooth."""
    fx, fy, fz = math.floor(x), math.floor(y), math.floor(z)
    i, j, k = int(fx), int(fy), int(fz)
    x, y, z = x - fx, y - fy, z - fz
    u = x * x * x * (x * (6.0 * x - 15.0) + 10.0)
    v = y * y * y * (y * (6.0 * y - 15.0) + 10.0)
    w = z * z * z * (z * (6.0 * z - 15.0) + 10.0)
    low = _face(i, j, k, seed, x, y, z, u, v)
    return low + w * (_face(i, j, k + 1, seed, x, y, z - 1.0, u, v) - low)


@kernel
def _face(i: int, j: int, k: int, seed: int, x: float, y: float, z: float, u: float, v: float) -> float:
    """Bilinear mixture of the shares of four lattice points."""
    a = _slope(i, j, k, seed, x, y, z)
    b = _slope(i + 1, j, k, seed, x - 1.0, y, z)
    c = _slope(i, j + 1, k, seed, x, y - 1.0, z)
    d = _slope(i + 1, j + 1, k, seed, x - 1.0, y - 1.0, z)
    low, high = a + u * (b - a), c + u * (d - c)
    return low + v * (high - low)


@kernel
def fractal_noise(x: float, y: float, z: float, octaves: float, gain: float, seed: int) -> float:
    """Sum of octaves, each twice as fine as the last and `gain` times as strong; a broken last octave fades in.

    Not normalised: the first octave has the strength of `gradient_noise`.
    """
    total, weight, n = 0.0, 1.0, 0
    while n < octaves:
        share = min(1.0, octaves - n)
        total += share * weight * gradient_noise(x, y, z, seed + 131 * n)
        # turned a little, so that the lattices of the octaves do not lie on each other
        x, y, z = 2.0 * (0.8 * x + 0.6 * y) + 17.3, 2.0 * (0.8 * y - 0.6 * x) - 9.1, 2.0 * z + 4.7
        weight *= gain
        n += 1
    return total
