"""Hapke's law of the light of a particulate surface, with the opposition surge and macroscopic roughness.

Bidirectional reflectance with isotropic multiple scattering: Hapke 1981 (J. Geophys. Res. 86, 3039), the shadow-hiding
surge of Hapke 1986 (Icarus 67, 264), roughness of Hapke 1984 (Icarus 59, 41). The H function is that of 1981, with
which the published parameter sets in use here were found; it is within 4 % of the exact one.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from perijove.jit import kernel

FloatArray = NDArray[np.float64]


@kernel
def many_scatter(x: float, gamma: float) -> float:
    """H(x) of Hapke 1981 for gamma = sqrt(1 - w)."""
    return (1.0 + 2.0 * x) / (1.0 + 2.0 * x * gamma)


@kernel
def particle_phase(cos_phase: float, b: float, c: float) -> float:
    """Two-lobed Henyey-Greenstein function; the share of the backward lobe is (1 + c) / 2 (Hapke 1993, eq. 6.18a)."""
    top, middle, turn = 1.0 - b * b, 1.0 + b * b, 2.0 * b * cos_phase
    back, ahead = middle - turn, middle + turn
    return 0.5 * (1.0 + c) * top / (back * math.sqrt(back)) + 0.5 * (1.0 - c) * top / (ahead * math.sqrt(ahead))


@kernel
def opposition(phase: float, h: float, amplitude: float) -> float:
    """Shadow-hiding surge B(g) of Hapke 1986; none where its width `h` is 0."""
    if h <= 0.0 or amplitude == 0.0:
        return 0.0
    return amplitude / (1.0 + math.tan(0.5 * min(phase, 3.1415)) / h)


@kernel
def shadowing(slope: float, tangent: float) -> tuple[float, float]:
    """E1 and E2 of Hapke 1984 for a mean slope of that tangent, seen at an angle of cotangent `slope`."""
    x = slope / (math.pi * tangent)
    return math.exp(-2.0 * x), math.exp(-math.pi * x * x)


@kernel
def roughen(mu0: float, mu: float, cos_phase: float, theta: float) -> tuple[float, float, float]:
    """Effective cosines of incidence and emission, and the shadowing function S, of Hapke 1984 (eqs. 46-52)."""
    tangent = math.tan(theta)
    chi = 1.0 / math.sqrt(1.0 + math.pi * tangent * tangent)
    sin_i, sin_e = math.sqrt(max(0.0, 1.0 - mu0 * mu0)), math.sqrt(max(0.0, 1.0 - mu * mu))
    span = sin_i * sin_e
    cos_psi = 1.0 if span < 1e-9 else min(1.0, max(-1.0, (cos_phase - mu0 * mu) / span))
    psi = math.acos(cos_psi)
    half = 0.5 * (1.0 - cos_psi)  # sin^2 (psi / 2)
    one_i, two_i = shadowing(mu0 / max(sin_i, 1e-9), tangent)
    one_e, two_e = shadowing(mu / max(sin_e, 1e-9), tangent)
    eta_i = chi * (mu0 + sin_i * tangent * two_i / (2.0 - one_i))
    eta_e = chi * (mu + sin_e * tangent * two_e / (2.0 - one_e))
    if mu0 >= mu:  # i <= e: emission casts the larger shadow
        below = 2.0 - one_e - psi / math.pi * one_i
        mu0_in = chi * (mu0 + sin_i * tangent * (cos_psi * two_e + half * two_i) / below)
        mu_in = chi * (mu + sin_e * tangent * (two_e - half * two_i) / below)
        smaller = mu0 / eta_i
    else:
        below = 2.0 - one_i - psi / math.pi * one_e
        mu0_in = chi * (mu0 + sin_i * tangent * (two_i - half * two_e) / below)
        mu_in = chi * (mu + sin_e * tangent * (cos_psi * two_i + half * two_e) / below)
        smaller = mu / eta_e
    hidden = math.exp(-2.0 * math.tan(0.5 * psi)) if psi < 3.1415 else 0.0
    share = mu_in / eta_e * mu0 / eta_i * chi / (1.0 - hidden + hidden * chi * smaller)
    return mu0_in, mu_in, share


@kernel
def reflectance(p: FloatArray, mu0: float, mu: float, phase: float) -> float:
    """I/F of a surface for cosines of incidence and emission above 0 and a phase angle in rad.

    `p` is (w, b, c, h, B0, theta): single-scattering albedo, width and balance of the particles' two-lobed phase
    function (b = -g, c = 1 for one lobe of asymmetry g < 0), width and amplitude of the opposition surge, mean slope
    (rad; 0 is a smooth surface).
    """
    cos_phase = math.cos(phase)
    mu0_in, mu_in, share = mu0, mu, 1.0
    if p[5] > 0.0:
        mu0_in, mu_in, share = roughen(mu0, mu, cos_phase, p[5])
    gamma = math.sqrt(max(0.0, 1.0 - p[0]))
    once = (1.0 + opposition(phase, p[3], p[4])) * particle_phase(cos_phase, p[1], p[2])
    more = many_scatter(mu0_in, gamma) * many_scatter(mu_in, gamma) - 1.0
    return float(0.25 * p[0] * mu0_in / (mu0_in + mu_in) * (once + more) * share)
