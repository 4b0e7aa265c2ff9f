"""Light with a law taken off it, fading out where the law is not to be believed.

Near the terminator and the limb any law divides little light by little: an error of a degree or of a count becomes an
error of everything. There the weight falls smoothly to 0, the law is softened so that the factor stays bounded, and
what the softening changes is added to sigma.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.errors import UsageError
from perijove.instrument import Filter
from perijove.jit import inlined, kernel
from perijove.photometry.kernels import Real, log_law, log_variance
from perijove.photometry.models import KINDS, Law, Model, packed

Plane = NDArray[np.float32]
FloatArray = NDArray[np.float64]

FADE_FROM = 0.3
"""Weight is 0 from this share of the least cosine down."""
FADE_WIDTH = 0.07
"""Weight is full from the least cosine plus this."""
HORIZON, SOFT_FROM = np.float32(0.03), np.float32(0.3)
"""The law never takes a cosine to be less than the first, and takes it as it is from the second up.

A curved atmosphere is still lit, and still seen, where plane ground would not be. By 44C00029 and 44C00030 Jupiter's
light near the terminator goes as if cos i were sqrt(cos^2 i + 0.03^2), in all colours: what a haze 30 km high does.
"""
DUSK = 0.3
"""cos i below which `factor` fades into leaving the light as it is: 17 deg from the terminator."""
DUSK_LIMB = 0.2
"""The same for cos e, at the limb."""
NOTHING = np.float32(np.nan)


@dataclass(frozen=True)
class Corrected:
    """Light as it would be at i = e = 0, its sigma, and its weight; planes of one shape, float32.

    `weight` is that given times the law's fading (0..1); where it is 0 light and sigma are NaN. `sigma` has the shape
    (0, 0) where none was given.
    """

    light: Plane
    sigma: Plane
    weight: Plane


@inlined
def fade(x: Real, start: Real, end: Real) -> float:
    """0 up to `start`, 1 from `end`, a smooth step of third degree between."""
    t = min(1.0, max(0.0, (x - start) / (end - start)))
    return float(t * t * (3.0 - 2.0 * t))


@inlined
def softened(x: Real) -> float:
    """A cosine above 0 as the law takes it: x from `SOFT_FROM` up, below it bending smoothly to `HORIZON` at 0."""
    if x >= SOFT_FROM:
        return float(x)
    bend = HORIZON * (np.float32(1.0) - x * x / (SOFT_FROM * SOFT_FROM))
    return math.sqrt(x * x + bend * bend)


@kernel
def correct_rows(
    light: Plane, sigma: Plane, weight: Plane, cos_i: Plane, cos_e: Plane, phase: Plane,
    kind: int, p: FloatArray, cov: FloatArray, spread: float, least: FloatArray,
    out: Plane, out_sigma: Plane, out_weight: Plane,
) -> None:  # fmt: skip
    """Fill `out`, `out_sigma`, `out_weight` (h, w); no sigma is made where `out_sigma` has the shape (0, 0)."""
    with_sigma = out_sigma.size > 0
    from_i, from_e = np.float32(FADE_FROM * least[0]), np.float32(FADE_FROM * least[1])
    to_i, to_e = np.float32(least[0] + FADE_WIDTH), np.float32(least[1] + FADE_WIDTH)
    for row in range(light.shape[0]):
        for j in range(light.shape[1]):
            mu0, mu, value, angle = cos_i[row, j], cos_e[row, j], light[row, j], phase[row, j]
            trust = np.float32(0.0)
            # written so that a NaN among them leaves no weight
            if mu0 > from_i and mu > from_e and value == value and angle == angle:
                trust = weight[row, j]
                if mu0 < to_i:
                    trust *= np.float32(fade(mu0, from_i, to_i))
                if mu < to_e:
                    trust *= np.float32(fade(mu, from_e, to_e))
            if not trust > 0.0:
                out[row, j], out_weight[row, j] = NOTHING, np.float32(0.0)
                if with_sigma:
                    out_sigma[row, j] = NOTHING
                continue
            high, away = np.float32(softened(mu0)), np.float32(softened(mu))
            logarithm, x, y = log_law(kind, p, high, away, angle)
            lift = math.exp(np.float32(-logarithm))
            out[row, j], out_weight[row, j] = value * lift, trust
            if with_sigma:
                doubt = spread * spread + log_variance(kind, cov, x, y, angle)
                if high != mu0 or away != mu:
                    bent = logarithm - log_law(kind, p, mu0, mu, angle)[0]
                    doubt += bent * bent
                own = sigma[row, j]
                out_sigma[row, j] = lift * math.sqrt(np.float32(own * own + value * value * doubt))


@kernel
def factor_rows(cos_i: Plane, cos_e: Plane, phase: Plane, kind: int, p: FloatArray, out: Plane) -> None:
    """Fill `out` (h, w) with the factors of `factor`."""
    for row in range(out.shape[0]):
        for j in range(out.shape[1]):
            mu0, mu, angle = cos_i[row, j], cos_e[row, j], phase[row, j]
            if not (mu0 > 0.0 and mu > 0.0 and angle == angle):
                out[row, j] = np.float32(1.0)
                continue
            share = fade(mu0, 0.0, DUSK) * fade(mu, 0.0, DUSK_LIMB)
            high, away = np.float32(softened(mu0)), np.float32(softened(mu))
            out[row, j] = math.exp(np.float32(-share * log_law(kind, p, high, away, angle)[0]))


def correct(
    light: Plane,
    sigma: Plane | None,
    weight: Plane,
    cos_i: Plane,
    cos_e: Plane,
    phase: Plane,
    law: Law,
    band: Filter,
) -> Corrected:
    """Light (h, w) of one filter divided by a law: what the ground would show at i = e = 0.

    With `hapke`, the one law with a phase function, that is the normal albedo; with the others the phase angle stays.
    `sigma` of the result is that of the light scaled, and the law's own (of its numbers, of its form, and what its
    softening near the horizons changes); None for none. `weight` fades to 0 below the law's least cosines of incidence
    and emission (`Law.least`), where the law is softened so that the factor is bounded; light of no weight is NaN.
    Angles: cosines, and phase in rad. One thread; the lock is released. Raises UsageError for planes that differ in
    shape, or a filter for which the law has no numbers.
    """
    planes = [light, weight, cos_i, cos_e, phase] + ([] if sigma is None else [sigma])
    _check(planes)
    out, out_weight = np.empty(light.shape, np.float32), np.empty(light.shape, np.float32)
    out_sigma = np.empty((0, 0) if sigma is None else light.shape, np.float32)
    given = out_sigma if sigma is None else sigma
    used = [np.ascontiguousarray(a, np.float32) for a in (light, given, weight, cos_i, cos_e, phase)]
    correct_rows(
        used[0], used[1], used[2], used[3], used[4], used[5],
        KINDS[law.model], packed(law, band), law.scatter(band), law.spread.get(band, 0.0), np.array(law.believed(band)),
        out, out_sigma, out_weight,
    )  # fmt: skip
    return Corrected(out, out_sigma, out_weight)


def factor(cos_i: Plane, cos_e: Plane, phase: Plane, law: Law, band: Filter) -> Plane:
    """Factors (h, w) that even out a picture for the eye, where the night must stay night.

    1 over the law in daylight; towards the terminator (cos i below `DUSK`) and the limb a smoothly falling power of
    it, so that the light still falls to darkness there without a bright seam; 1 at night, off the disc (NaN) and for
    the model none. Raises UsageError as `correct` does.
    """
    _check([cos_i, cos_e, phase])
    out = np.empty(cos_i.shape, np.float32)
    if law.model is Model.NONE:
        out.fill(1.0)
        return out
    high, away, angle = (np.ascontiguousarray(a, np.float32) for a in (cos_i, cos_e, phase))
    factor_rows(high, away, angle, KINDS[law.model], packed(law, band), out)
    return out


def _check(planes: list[Plane]) -> None:
    """Raise UsageError unless the planes (h, w) have one shape."""
    shapes = {plane.shape for plane in planes}
    if len(shapes) != 1 or planes[0].ndim != 2:
        raise UsageError(f"planes of shapes {sorted(shapes)} to correct: give planes of one shape (lines, samples)")
