"""The light of ground as it depends on its angles, with numbers that overlaps of looks can tell.

Of ground of brightness a, lit and seen at the cosines c and e (of incidence and emission) and the phase angle g, a look
sees

    a F(c, e, g) + H(c, e, g).

F is the law `fit` of `photometry.models`, c^k e^(k - 1) (2 / (c + e))^B, times exp of low powers of 1 - c and 1 - e,
alike in both as Helmholtz's reciprocity asks, of a slope and a bend in the phase angle, and of a veil of vertical depth
t, -t (1 / c + 1 / e - 2); it is 1 at c = e = 1 and the middle phase angle. H is the glow of that veil, which ground
does not touch: c / (c + e) (1 - exp(-t (1 / c + 1 / e))) (single scattering, Chandrasekhar 1960, section 14) times an
exponential of a parabola in g, for what it scatters forward. In a crescent, and near every limb, H is much of
the light, and one factor could not bring two looks together. Airless bodies have k, B and the phase terms alone.

A cosine x is rounded off at the horizon: (x + sqrt(x^2 + w^2)) / 2, which for x < 0 is let fall off as twilight does,
where the shadow stands x^2 r / 2 above the ground: by exp(-x^2 / (2 s^2)) with s^2 = h / r (h, r below).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.bodies import Body
from perijove.photometry.defaults import MCEWEN_L

FloatArray = NDArray[np.float64]

HORIZON = 0.03
"""Width w of the rounding of the cosine of emission, and of both cosines for the veil: a haze of scale height h over a
sphere of radius r is opaque sideways as if the cosine were sqrt(2 h / (pi r)), 0.015 to 0.02 for Jupiter's."""
DUSK = float(np.sqrt(np.pi / 8.0))
"""s in w: the square root of h / r in 2 sqrt(2 h / (pi r))."""
NOTHING, OPAQUE = 1e-9, 400.0
"""Least cosine and thickest air that the law still tells apart."""
ASYMMETRY = 0.65
"""Of the veil's particles before the overlaps are asked: haze scatters forward (Jupiter's clouds 0.8, Tomasko et al.
1978, Icarus 33, 558)."""
HARD = 0.02
"""The law's own relative error is taken to be (`HARD` / x)^2 at a cosine x: 1 % at 0.2, 4 % at 0.1 and everything at
the horizons, where a camera px spans much ground, haze hides it, and an error of a place is one of the light."""
DARKEST = -18.0
"""ln F is never less: beyond the horizon nothing is left that an exponential could still hold."""


@dataclass(frozen=True)
class Term:
    """One number of the law: its name, its value before anything is known with that value's sigma, and its bounds."""

    name: str
    value: float
    sigma: float
    least: float = -np.inf
    most: float = np.inf


K, B = "k", "B"
CROSS, BOTH = "cross", "both"
SLOPE, BEND = "slope", "bend"
DEPTH, GLOW, FORWARD, PEAK, TWILIGHT = "ln depth", "ln glow", "forward", "peak", "ln twilight"

AIRY = (
    # OPAL's k at 11 deg is 0.95, JunoCam's at 107 deg 1.4 with B 1.5 (photometry.defaults); the veil takes part of that
    Term(K, 1.1, 0.3),
    Term(B, 0.8, 0.6),
    Term(CROSS, 0.0, 0.5),
    Term(BOTH, 0.0, 0.5),
    Term(SLOPE, 0.0, 0.5),
    Term(BEND, 0.0, 0.5),
    Term(DEPTH, float(np.log(0.05)), 0.7, float(np.log(0.003)), float(np.log(0.5))),
    Term(GLOW, 0.0, 0.7, -5.0, 2.0),
    Term(FORWARD, 0.0, 0.7, -3.0, 3.0),
    Term(PEAK, 0.0, 0.7, -3.0, 3.0),
    Term(TWILIGHT, float(np.log(0.05)), 0.7, float(np.log(0.004)), float(np.log(0.2))),
)
"""The terms of a body with air."""


def airless(phase: float) -> tuple[Term, ...]:
    """The terms of a moon at a typical phase angle: Lommel's and Seeliger's law by the share that McEwen 1996 has."""
    share = sum(c * np.degrees(phase) ** n for n, c in enumerate(MCEWEN_L))
    return (
        Term(K, 1.0, 0.1),
        Term(B, float(np.clip(share, 0.0, 1.0)), 0.25),
        # Ganymede's ground fades by 0.02 mag/deg
        Term(SLOPE, -1.0, 0.7),
        Term(BEND, 0.0, 0.7),
        Term(TWILIGHT, float(np.log(0.02)), 0.5, float(np.log(0.004)), float(np.log(0.1))),
    )


def terms_of(body: Body, phase: float) -> tuple[Term, ...]:
    """The terms of a body's law at a typical phase angle, rad."""
    return AIRY if body.atmosphere else airless(phase)


@dataclass(frozen=True)
class Parts:
    """ln F (n,), H (n,) and their derivatives (n, m) by the law's numbers."""

    ground: FloatArray
    glow: FloatArray
    ground_by: FloatArray
    glow_by: FloatArray


def rounded(cosine: FloatArray, width: float) -> FloatArray:
    """A cosine that, instead of ending at 0, goes smoothly towards it and below it falls off; 1 stays 1."""
    plain = (cosine + np.sqrt(cosine * cosine + width * width)) / (1.0 + np.sqrt(1.0 + width * width))
    below = np.minimum(cosine, 0.0) / (DUSK * width)
    out: FloatArray = np.maximum(plain * np.exp(-0.5 * below * below), NOTHING)
    return out


def scattered(phase: FloatArray) -> FloatArray:
    """I/F of a deep layer of white particles per unit of c / (c + e), scattered once at phase angles (n,): a quarter of
    the phase function of Henyey and Greenstein with `ASYMMETRY`."""
    square = ASYMMETRY**2
    out: FloatArray = 0.25 * (1.0 - square) / (1.0 + square + 2.0 * ASYMMETRY * np.cos(phase)) ** 1.5
    return out


def parts_of(
    terms: Sequence[Term], numbers: FloatArray, cos_i: FloatArray, cos_e: FloatArray, phase: FloatArray, middle: float
) -> Parts:
    """ln F and H of samples (n,) with derivatives; `phase` (n,) and `middle`, where F has no phase in it, rad."""
    past = phase - middle
    value = {term.name: float(number) for term, number in zip(terms, numbers, strict=True)}
    width = float(np.exp(value[TWILIGHT]))
    c, e = rounded(cos_i, width), rounded(cos_e, HORIZON)
    low, away = 1.0 - c, 1.0 - e
    by = {K: np.log(c * e), B: np.log(2.0 / (c + e)), CROSS: low * away, BOTH: low * low + away * away}
    by |= {SLOPE: past, BEND: past * past}
    ground = -np.log(e)
    for name, column in by.items():
        if name in value:
            ground = ground + value[name] * column
    high = rounded(cos_i, HORIZON)
    air = np.minimum(1.0 / high + 1.0 / e, OPAQUE)
    glow, moved = np.zeros_like(c), {}
    if DEPTH in value:
        depth = float(np.exp(value[DEPTH]))
        by[DEPTH] = -depth * (air - 2.0)
        ground = ground + by[DEPTH]
        strength = scattered(phase) * np.exp(value[GLOW] + value[FORWARD] * past + value[PEAK] * past * past)
        through = np.exp(-depth * air)
        glow = strength * high / (high + e) * (1.0 - through)
        moved = {GLOW: glow, FORWARD: past * glow, PEAK: past * past * glow}
        moved[DEPTH] = strength * high / (high + e) * air * depth * through
    # by the width through c alone
    slope = value[K] / c - value[B] / (c + e)
    slope = slope - value.get(CROSS, 0.0) * away - 2.0 * value.get(BOTH, 0.0) * low
    end = np.sqrt(1.0 + width * width)
    plain = (cos_i + np.sqrt(cos_i * cos_i + width * width)) / (1.0 + end)
    bent = width / np.sqrt(cos_i * cos_i + width * width) - plain * width / end
    below = np.minimum(cos_i, 0.0) / (DUSK * width)
    by[TWILIGHT] = slope * (bent * width / (1.0 + end) * np.exp(-0.5 * below * below) + c * below * below)
    zero = np.zeros_like(c)
    return Parts(
        np.maximum(ground, DARKEST),
        glow,
        np.stack([by.get(term.name, zero) for term in terms], axis=-1),
        np.stack([moved.get(term.name, zero) for term in terms], axis=-1),
    )
