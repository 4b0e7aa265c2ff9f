"""Bringing a look's light to other angles: the law in tables, and the one pass over the pixels that uses them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.jit import inlined, kernel
from perijove.mosaic.law import HARD, Term, parts_of

FloatArray = NDArray[np.float64]
Plane = NDArray[np.float32]

LOWEST = -0.25
"""Cosine of incidence at which the tables begin: 14 deg behind the terminator nothing is left."""
INCIDENCES, EMISSIONS, PHASES = 501, 241, 361
"""Nodes of the tables: by 0.0025, by 0.0042 and by half a degree; linear between them ln F is right to 0.1 %."""
MOST = 8.0
"""A factor grows no larger: beyond it the law says more about itself than about the ground. In a view it bends towards
that above half of it, and what it then lacks is taken from the trust; evenly lit ground that needs more is left out."""
LIMB = 0.08
"""The law takes no cosine of emission to be less: nearer to the limb a camera px mixes ground and haze beside it."""
SPREAD = 0.02
"""Relative error of the law, a share of what it changes: what it leaves in overlaps (1 %), and beyond them."""
GLOW_SPREAD = 0.1
"""The same of the veil's glow."""
USUAL = 0.4
"""I/F of ground at normal incidence and emission by which trust is told."""
ACCEPTED = 0.03
"""Relative error that the law may add at a quarter of the weight."""
DARK = 3e-4
"""Error of light, I/F, that matters nowhere: half a DN of a short exposure. It keeps trust in the night."""
TINT = 0.1
"""Error of the law's form at which half of the difference between bands' factors is believed: near the terminator and
the limb, where each band's law is least known, colours stay as they were seen."""


@dataclass(frozen=True)
class Tables:
    """One band's law: ln F and the shape of H by the cosines (incidences, emissions), and what is added to the one and
    multiplies the other by the phase angle (2, phases)."""

    ground: Plane
    glow: Plane
    phase: Plane


def tables_of(terms: Sequence[Term], numbers: FloatArray, middle: float, phases: tuple[float, float]) -> Tables:
    """Tables of a law; phase angles beyond `phases` (least, most, rad) count as these."""
    cos_i = np.linspace(LOWEST, 1.0, INCIDENCES)[:, None]
    cos_e = np.linspace(0.0, 1.0, EMISSIONS)[None, :]
    mu0, mu = (a.ravel() for a in np.broadcast_arrays(cos_i, cos_e))
    flat = parts_of(terms, numbers, mu0, mu, np.full(mu0.shape, middle), middle)
    angle = np.clip(np.linspace(0.0, math.pi, PHASES), *phases)
    one = np.ones(PHASES)
    turned = parts_of(terms, numbers, one, one, angle, middle)
    top = parts_of(terms, numbers, one[:1], one[:1], np.full(1, middle), middle)
    shape = (INCIDENCES, EMISSIONS)
    times = turned.glow / top.glow if top.glow[0] > 0.0 else one
    return Tables(
        flat.ground.reshape(shape).astype(np.float32),
        flat.glow.reshape(shape).astype(np.float32),
        np.stack([turned.ground, times]).astype(np.float32),
    )


@inlined
def place_in(value: float, first: float, per: float, nodes: int) -> float:
    """Where a value stands among the nodes of a table, counted from 0, never beyond its ends."""
    return min(max((value - first) * per, 0.0), nodes - 1.001)


@inlined
def look_up(ground: Plane, glow: Plane, phase: Plane, x: float, y: float, z: float) -> tuple[float, float]:
    """ln F and H of one band at places among the nodes of incidence, emission and phase."""
    i, j, k = int(x), int(y), int(z)
    a, b, c = x - i, y - j, z - k
    first = (1.0 - b) * ground[i, j] + b * ground[i, j + 1]
    second = (1.0 - b) * ground[i + 1, j] + b * ground[i + 1, j + 1]
    shade = (1.0 - a) * first + a * second + (1.0 - c) * phase[0, k] + c * phase[0, k + 1]
    first = (1.0 - b) * glow[i, j] + b * glow[i, j + 1]
    second = (1.0 - b) * glow[i + 1, j] + b * glow[i + 1, j + 1]
    return shade, ((1.0 - a) * first + a * second) * ((1.0 - c) * phase[1, k] + c * phase[1, k + 1])


@inlined
def hardness(cosine: float) -> float:
    """The law's own relative error at a cosine, by its form."""
    x = HARD / max(cosine, HARD)
    return x * x


@inlined
def trusted(change: float, kept: float, doubt: float, bright: float, veil: float, new_veil: float) -> float:
    """What weight is left of light that was brought far: by the error to be expected for ground of `USUAL` brightness.

    Not by the light itself, whose noise would then choose its own weight.
    """
    ratio = math.exp(min(change, 40.0)) * kept
    shade, made = USUAL * math.exp(bright), min(new_veil * kept, MOST * veil)
    form = change * doubt * shade * kept
    other = GLOW_SPREAD * (made - veil * ratio)
    lacking = shade * (1.0 - kept) + new_veil - made
    off = (form * form + other * other + lacking * lacking) / (ACCEPTED * (shade + new_veil) + DARK) ** 2
    return 1.0 / (1.0 + off) ** 2


@kernel
def bring_rows(
    light: Plane, sigma: Plane, cos_i: Plane, cos_e: Plane, phase: Plane,
    to_i: Plane, to_e: Plane, to_phase: Plane, middle: FloatArray,
    ground: Plane, glow: Plane, turns: Plane, gain: FloatArray, offset: FloatArray,
    out: Plane, out_sigma: Plane, trust: Plane,
) -> None:  # fmt: skip
    """Fill `out`, `out_sigma` (bands, h, w) and `trust` (h, w).

    `ground`, `glow` and `turns` are the bands' tables, one after the other, `gain`, `offset` and `middle` (bands,).
    No sigma is made where `sigma` has the shape (0, 0, 0). Where `to_i` has the shape (0, 0) normal incidence and
    emission at the phase angle `middle` are wanted everywhere, and ground that would need more than `MOST` for that, or
    shows no face, is NaN in all bands. The factors of all bands are bounded alike, lest they make tints.
    """
    bands, doubted, even = len(light), sigma.size > 0, to_i.size == 0
    per_i, per_e, per_phase = (INCIDENCES - 1) / (1.0 - LOWEST), EMISSIONS - 1.0, (PHASES - 1) / math.pi
    level, level_glow = np.empty(bands), np.empty(bands)
    seen, seen_glow, wanted, wanted_glow = np.empty(bands), np.empty(bands), np.empty(bands), np.empty(bands)
    for n in range(bands):
        z = place_in(middle[n], 0.0, per_phase, PHASES)
        level[n], level_glow[n] = look_up(ground[n], glow[n], turns[n], INCIDENCES - 1.001, EMISSIONS - 1.001, z)
    for r in range(trust.shape[0]):
        for c in range(trust.shape[1]):
            mu0, mu, angle = float(cos_i[r, c]), float(cos_e[r, c]), float(phase[r, c])
            known, doubt, even_colour = mu0 == mu0 and angle == angle and mu == mu, 0.0, 1.0
            if known and not even:
                known = to_i[r, c] == to_i[r, c] and to_e[r, c] == to_e[r, c] and to_phase[r, c] == to_phase[r, c]
            kept, mean, lost = 1.0, 0.0, False
            trust[r, c] = np.float32(1.0)
            if known:
                x = place_in(mu0, LOWEST, per_i, INCIDENCES)
                y, z = place_in(max(mu, LIMB), 0.0, per_e, EMISSIONS), place_in(angle, 0.0, per_phase, PHASES)
                hard = hardness(mu0) + hardness(mu)
                if not even:
                    to_x = place_in(float(to_i[r, c]), LOWEST, per_i, INCIDENCES)
                    to_y = place_in(max(float(to_e[r, c]), LIMB), 0.0, per_e, EMISSIONS)
                    to_z = place_in(float(to_phase[r, c]), 0.0, per_phase, PHASES)
                    hard += hardness(float(to_i[r, c])) + hardness(float(to_e[r, c]))
                bright, veil, new_veil = 0.0, 0.0, 0.0
                for n in range(bands):
                    seen[n], seen_glow[n] = look_up(ground[n], glow[n], turns[n], x, y, z)
                    if even:
                        wanted[n], wanted_glow[n] = level[n], level_glow[n]
                    else:
                        wanted[n], wanted_glow[n] = look_up(ground[n], glow[n], turns[n], to_x, to_y, to_z)
                    mean += (wanted[n] - seen[n]) / bands
                    bright += wanted[n] / bands
                    veil += seen_glow[n] / bands
                    new_veil += wanted_glow[n] / bands
                if even:
                    lost = not (mean <= math.log(MOST) and mu > 0.0)
                else:
                    part = math.exp(4.0 * (min(mean, 40.0) - math.log(MOST)))
                    kept = 1.0 / math.sqrt(math.sqrt(math.sqrt(1.0 + part * part)))
                doubt = SPREAD + hard
                even_colour = 1.0 / (1.0 + (hard / TINT) ** 2)
                trust[r, c] = trusted(mean, kept, doubt, bright, veil, new_veil) if mu > 0.0 and not lost else 0.0
            for n in range(bands):
                value = (float(light[n, r, c]) - offset[n]) * gain[n]
                error = float(sigma[n, r, c]) * gain[n] if doubted else 0.0
                if known:
                    change = mean + even_colour * (wanted[n] - seen[n] - mean)
                    ratio = math.exp(min(change, 40.0)) * kept
                    share, bare = 1.0, (value - seen_glow[n]) * ratio
                    if value < seen_glow[n]:
                        # less light than the veil should have alone: then it is the veil that is less
                        share = max(value, 0.0) / seen_glow[n]
                        bare = min(value, 0.0) * ratio
                    # light that was not there cannot be made: glow is bounded as all factors are
                    made = min(wanted_glow[n] * kept, MOST * seen_glow[n])
                    value = bare + share * made
                    error *= ratio
                    if lost:
                        value = error = math.nan
                out[n, r, c] = value
                if doubted:
                    out_sigma[n, r, c] = error
