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
"""A factor grows no larger: beyond it the law says more about itself than about the ground. It bends towards that above
half of it, and what it then lacks is taken from the trust."""
SPREAD = 0.02
"""Relative error of the law, a share of what it changes: what it leaves in overlaps (1 %), and beyond them."""
GLOW_SPREAD = 0.1
"""The same of the veil's glow."""


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
def look_up(ground: Plane, glow: Plane, phase: Plane, mu0: float, mu: float, angle: float) -> tuple[float, float]:
    """ln F and H at two cosines, of which the second is not negative, and a phase angle."""
    x = min(max((mu0 - LOWEST) * ((INCIDENCES - 1) / (1.0 - LOWEST)), 0.0), INCIDENCES - 1.001)
    y = min(max(mu * (EMISSIONS - 1.0), 0.0), EMISSIONS - 1.001)
    z = min(max(angle * ((PHASES - 1) / math.pi), 0.0), PHASES - 1.001)
    i, j, k = int(x), int(y), int(z)
    a, b, c = x - i, y - j, z - k
    first = (1.0 - b) * ground[i, j] + b * ground[i, j + 1]
    second = (1.0 - b) * ground[i + 1, j] + b * ground[i + 1, j + 1]
    shade = (1.0 - a) * first + a * second + (1.0 - c) * phase[0, k] + c * phase[0, k + 1]
    first = (1.0 - b) * glow[i, j] + b * glow[i, j + 1]
    second = (1.0 - b) * glow[i + 1, j] + b * glow[i + 1, j + 1]
    return shade, ((1.0 - a) * first + a * second) * ((1.0 - c) * phase[1, k] + c * phase[1, k + 1])


@kernel
def bring_rows(
    light: Plane, sigma: Plane, cos_i: Plane, cos_e: Plane, phase: Plane,
    to_i: Plane, to_e: Plane, to_phase: Plane, fixed: FloatArray,
    ground: Plane, glow: Plane, turns: Plane, gain: float, offset: float,
    out: Plane, out_sigma: Plane, trust: Plane,
) -> None:  # fmt: skip
    """Fill `out`, `out_sigma` and lower `trust` (h, w) for one band.

    Its tables are `ground`, `glow` and `turns`. No sigma is made where `sigma` has the shape (0, 0). Where `to_i` has
    the shape (0, 0) the wanted angles are `fixed` (3,) everywhere.
    """
    doubted, even = sigma.size > 0, to_i.size == 0
    level, level_glow = look_up(ground, glow, turns, fixed[0], fixed[1], fixed[2])
    for r in range(light.shape[0]):
        for c in range(light.shape[1]):
            value = light[r, c]
            if value != value:
                out[r, c] = value
                if doubted:
                    out_sigma[r, c] = np.float32(np.nan)
                continue
            value = (float(value) - offset) * gain
            error = float(sigma[r, c]) * gain if doubted else 0.0
            mu0, mu, angle = float(cos_i[r, c]), float(cos_e[r, c]), float(phase[r, c])
            wanted, wanted_glow, known = level, level_glow, angle == angle and mu == mu
            if not even and known:
                known = to_i[r, c] == to_i[r, c] and to_e[r, c] == to_e[r, c] and to_phase[r, c] == to_phase[r, c]
                if known:
                    wanted, wanted_glow = look_up(
                        ground, glow, turns, float(to_i[r, c]), float(to_e[r, c]), float(to_phase[r, c])
                    )
            if known and mu <= 0.0:
                trust[r, c] = np.float32(0.0)
            elif known:
                seen, seen_glow = look_up(ground, glow, turns, mu0, mu, angle)
                change = wanted - seen
                ratio = math.exp(min(change, 40.0))
                part = (ratio / MOST) ** 2
                part *= part
                kept = 1.0 / math.sqrt(math.sqrt(math.sqrt(1.0 + part * part)))
                trust[r, c] = min(trust[r, c], np.float32(kept * kept))
                bare = (value - seen_glow) * ratio * kept
                if doubted:
                    low, away = HARD / max(mu0, HARD), HARD / max(mu, HARD)
                    share = change * (SPREAD + low * low + away * away) * bare
                    veil = GLOW_SPREAD * (wanted_glow - seen_glow)
                    error = math.sqrt((error * ratio * kept) ** 2 + share * share + veil * veil)
                value = bare + wanted_glow
            out[r, c] = value
            if doubted:
                out_sigma[r, c] = error
