"""A law in words: its numbers, how sure they are, and how well it fits."""

from __future__ import annotations

import math
from collections.abc import Mapping

from perijove.instrument import Filter
from perijove.photometry.models import Law, Model, Quality

NAMES: Mapping[Model, tuple[str, ...]] = {
    Model.NONE: (),
    Model.LAMBERT: (),
    Model.MINNAERT: ("k",),
    Model.LOMMEL_SEELIGER: (),
    Model.LUNAR_LAMBERT: ("L",),
    Model.HAPKE: ("w", "b", "c", "h", "B0", "slope"),
    Model.BARKSTROM: ("B",),
    Model.FIT: ("k", "B"),
}
"""What the numbers of each law are called; further ones are coefficients of powers of the phase angle."""


def report(law: Law) -> list[str]:
    """Lines for people: the law and its source, then a line for each filter, with its quality where it was fitted."""
    return [f"photometry {law.model}: {law.source}", *(_line(law, band) for band in law.parameters)]


def _line(law: Law, band: Filter) -> str:
    """One filter's numbers with their 1-sigma, the law's relative error, and the quality of a fit."""
    numbers, scatter, names = law.parameters[band], law.covariance.get(band, ()), NAMES[law.model]
    said = []
    for n, value in enumerate(numbers):
        name = names[n] if n < len(names) else f"{names[0]}{n}"
        doubt = f" +- {math.sqrt(scatter[n][n]):.3f}" if scatter and scatter[n][n] > 0.0 else ""
        said.append(f"{name} {value:.4g}{doubt}")
    said.append(f"form {100.0 * law.spread.get(band, 0.0):.1f} %")
    if band in law.quality:
        said.append(_quality(law.quality[band]))
    return f"  {band.lower()}: {', '.join(said)}"


def _quality(q: Quality) -> str:
    """How well a law fits, in words."""
    count = f"{q.number} samples"
    if math.isfinite(q.effective):
        count += f" worth {q.effective:.0f}"
    phase = [math.degrees(g) for g in q.phase_rad]
    return (
        f"rms {100.0 * q.rms:.1f} % over {count}, cos i {q.cos_i[0]:.2f} to {q.cos_i[1]:.2f}, "
        f"cos e {q.cos_e[0]:.2f} to {q.cos_e[1]:.2f}, phase {phase[0]:.0f} to {phase[1]:.0f} deg"
    )
