"""The photometric laws: what they are called, what they need, and the light they foretell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perijove.errors import UsageError
from perijove.instrument import Filter
from perijove.photometry.hapke import reflectance
from perijove.photometry.kernels import (
    BARKSTROM,
    FIT,
    HAPKE,
    LAMBERT,
    LOMMEL_SEELIGER,
    LUNAR_LAMBERT,
    MINNAERT,
    NONE,
    log_disc,
)

FloatArray = NDArray[np.float64]


class Model(StrEnum):
    """The laws by the names that users give them; mu0 = cos i, mu = cos e, g the phase angle.

    All are 1 at i = e = 0 (`hapke`: at i = e = g = 0). k, B and L may be polynomials in the phase angle.

    - none: 1 everywhere: the light is left as it is.
    - lambert: mu0.
    - minnaert: mu0^k mu^(k - 1) (Minnaert 1941).
    - lommel-seeliger: 2 mu0 / (mu0 + mu).
    - lunar-lambert: L 2 mu0 / (mu0 + mu) + (1 - L) mu0 (McEwen 1991); L is held within 0..1.
    - barkstrom: (2 mu mu0 / (mu + mu0))^B / mu (Barkstrom 1973).
    - hapke: Hapke 1981, 1984, 1986; see `hapke.reflectance`.
    - fit: mu0^k mu^(k - 1) (2 / (mu0 + mu))^B, fitted to an observation. It holds the others: Lambert (k 1, B 0),
      Minnaert (B 0), Lommel-Seeliger (1, 1) and Barkstrom (k = B).

    All but none are reciprocal (Helmholtz): light / mu0 is the same when Sun and viewer change places.
    """

    NONE = "none"
    LAMBERT = "lambert"
    MINNAERT = "minnaert"
    LOMMEL_SEELIGER = "lommel-seeliger"
    LUNAR_LAMBERT = "lunar-lambert"
    HAPKE = "hapke"
    BARKSTROM = "barkstrom"
    FIT = "fit"


KINDS: Mapping[Model, int] = {
    Model.NONE: NONE,
    Model.LAMBERT: LAMBERT,
    Model.MINNAERT: MINNAERT,
    Model.LOMMEL_SEELIGER: LOMMEL_SEELIGER,
    Model.LUNAR_LAMBERT: LUNAR_LAMBERT,
    Model.HAPKE: HAPKE,
    Model.BARKSTROM: BARKSTROM,
    Model.FIT: FIT,
}
"""The numbers by which the kernels know the laws."""
PARAMETERS: Mapping[Model, tuple[int, int]] = {
    Model.NONE: (0, 0),
    Model.LAMBERT: (0, 0),
    Model.MINNAERT: (1, 6),
    Model.LOMMEL_SEELIGER: (0, 0),
    Model.LUNAR_LAMBERT: (1, 6),
    Model.HAPKE: (6, 6),
    Model.BARKSTROM: (1, 6),
    Model.FIT: (2, 2),
}
"""Fewest and most numbers a law takes for each filter."""
LEAST_COSINES = (0.1, 0.1)
"""cos i and cos e down to which a law is believed unless it says otherwise: 84 deg."""


@dataclass(frozen=True)
class Quality:
    """How well a law fits the light of one filter that it was made from.

    `rms` is the robust relative scatter of the light about law and ground, `number` the samples used, `effective` how
    many independent ones would fix the numbers as well (NaN for a law without numbers), `chi2` the square of the
    scatter over what the light's own sigma explains (NaN without one). `cos_i`, `cos_e` and `phase_rad` are the ranges
    (least, most) that the samples cover, between their 1st and 99th percentiles.
    """

    rms: float
    number: int
    effective: float
    cos_i: tuple[float, float]
    cos_e: tuple[float, float]
    phase_rad: tuple[float, float]
    chi2: float = float("nan")


@dataclass(frozen=True)
class Law:
    """One law with its numbers for each filter.

    `parameters` holds for minnaert, barkstrom and lunar-lambert the coefficients of k, B or L as a polynomial in the
    phase angle (rad), the constant first; for fit (k, B); for hapke (w, b, c, h, B0, mean slope in rad); for the
    others nothing. `covariance` (n, n) of the parameters, empty where it is not known or taken as exact. `spread` is
    the relative 1-sigma of the law's own form, added in quadrature everywhere. `least` are the cosines of incidence
    and emission down to which the law is believed; below them weight fades (`correct.correct`).
    `source` names where the numbers are from, `quality` tells how well a fitted law fits.

    Raises UsageError for a filter with too few or too many numbers, or numbers that are not finite.
    """

    model: Model
    parameters: Mapping[Filter, tuple[float, ...]]
    source: str
    covariance: Mapping[Filter, tuple[tuple[float, ...], ...]] = field(default_factory=dict)
    spread: Mapping[Filter, float] = field(default_factory=dict)
    least: Mapping[Filter, tuple[float, float]] = field(default_factory=dict)
    quality: Mapping[Filter, Quality] = field(default_factory=dict)

    def __post_init__(self) -> None:
        fewest, most = PARAMETERS[self.model]
        for band, numbers in self.parameters.items():
            if not fewest <= len(numbers) <= most or not np.isfinite(numbers).all():
                wanted = str(fewest) if fewest == most else f"{fewest} to {most}"
                raise UsageError(f"photometry {self.model}, {band}: {numbers} given; it takes {wanted} finite numbers")
            cov = self.covariance.get(band, ())
            if cov and np.shape(cov) != (len(numbers), len(numbers)):
                raise UsageError(
                    f"photometry {self.model}, {band}: covariance of shape {np.shape(cov)} for {len(numbers)} "
                    "numbers; give a row and a column for each"
                )

    def numbers(self, band: Filter) -> FloatArray:
        """Parameters (n,) of a filter; UsageError where the law has none for it."""
        if band not in self.parameters:
            known = ", ".join(self.parameters) or "none"
            raise UsageError(f"the {self.model} law has no numbers for {band} (it has {known}): {self.source}")
        return np.array(self.parameters[band], dtype=float)

    def scatter(self, band: Filter) -> FloatArray:
        """Covariance (n, n) of the parameters of a filter, zeros where none is known."""
        n = len(self.parameters[band])
        cov = self.covariance.get(band, ())
        return np.array(cov, dtype=float).reshape(n, n) if cov else np.zeros((n, n))

    def believed(self, band: Filter) -> tuple[float, float]:
        """Least cosines of incidence and emission at which the law is believed for a filter."""
        return self.least.get(band, LEAST_COSINES)


def packed(law: Law, band: Filter) -> FloatArray:
    """What the kernels take of a filter's parameters: as they are, and for hapke ln of the I/F at i = e = g = 0."""
    numbers = law.numbers(band)
    if law.model is not Model.HAPKE:
        return numbers
    return np.append(numbers, np.log(reflectance(numbers, 1.0, 1.0, 0.0)))


def disc(law: Law, band: Filter, cos_i: ArrayLike, cos_e: ArrayLike, phase_rad: ArrayLike) -> FloatArray:
    """The light of a law relative to that of the same ground at i = e = 0; the arguments broadcast.

    The phase angle is kept as it is, so that the brightness at vertical light and view *at that phase* is 1; only
    `hapke`, which has a phase function, is relative to i = e = g = 0, so that light divided by it is normal albedo.
    0 where the Sun is below the horizon (cos i <= 0); NaN where the viewer is (cos e <= 0), or an argument is NaN.
    """
    mu0, mu, phase = np.broadcast_arrays(
        np.asarray(cos_i, float), np.asarray(cos_e, float), np.asarray(phase_rad, float)
    )
    seen = (mu > 0.0) & ~np.isnan(mu0) & ~np.isnan(phase)
    lit = seen & (mu0 > 0.0)
    out = np.where(seen, 0.0, np.nan)
    logs = np.empty(int(lit.sum()))
    log_disc(KINDS[law.model], packed(law, band), mu0[lit], mu[lit], phase[lit], logs)
    out[lit] = np.exp(logs)
    return out
