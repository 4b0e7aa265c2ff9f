"""White balance: factors on the light of each filter, in I/F, that make a picture's colours.

In I/F a white surface under the Sun is white already, so that `solar` leaves the light as it is. Others balance by eye,
or so that a whole disc becomes grey; their factors are meant for the camera's data numbers at their perijove, and are
turned into factors on I/F by the response then.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from perijove.calibrate.response import dn_per_light, throughput
from perijove.calibrate.solar import AU_KM
from perijove.errors import UsageError
from perijove.instrument import Filter

__all__ = ["CHOICES", "PUBLISHED", "throughput", "white_balance"]

CHOICES = "solar, perijove, or three numbers above 0 as R,G,B"
"""What `--white-balance` takes."""
PUBLISHED: Mapping[int, Mapping[Filter, float]] = {
    # the early default of processors of the images
    1: {Filter.RED: 0.902, Filter.GREEN: 1.0, Filter.BLUE: 1.889},
    # a moon, Ganymede
    34: {Filter.RED: 0.744, Filter.GREEN: 1.0, Filter.BLUE: 2.34},
    # G. Eichstaedt: makes the images of the pass grey on the whole, Jupiter's own colour with them
    43: {Filter.RED: 0.768, Filter.GREEN: 1.0, Filter.BLUE: 2.63},
}
"""Published factors on DN, by perijove."""


def white_balance(choice: str, perijove: int | None) -> dict[Filter, float]:
    """Factors on the I/F of every filter by the text of `--white-balance`; green, and methane alone, keep 1.

    `solar`: 1, what is white under the Sun is white. `perijove`: the published balances, interpolated between their
    perijoves as factors on I/F and held before the first and after the last. `R,G,B`: three factors on the DN of the
    camera at this perijove (None is taken for 0), divided by green's. UsageError for anything else.
    """
    text = choice.strip().lower()
    if text == "solar":
        return dict.fromkeys(Filter, 1.0)
    if text == "perijove":
        return published_balance(perijove)
    return on_light(_three_numbers(choice), perijove)


def published_balance(perijove: int | None) -> dict[Filter, float]:
    """Factors on I/F of `PUBLISHED` at a perijove."""
    known = {pj: on_light(factors, pj) for pj, factors in PUBLISHED.items()}
    passes = sorted(known)
    return {
        band: float(np.interp(perijove or 0, passes, [known[pj][band] for pj in passes])) for band in Filter
    }  # fmt: skip


def on_light(factors: Mapping[Filter, float], perijove: int | None) -> dict[Filter, float]:
    """Factors on I/F, green 1, that do what `factors` do on DN at a perijove; 1 for filters that have none."""
    relative = relative_response(perijove)
    green = factors[Filter.GREEN]
    return {band: factors[band] / green * relative[band] if band in factors else 1.0 for band in Filter}


def relative_response(perijove: int | None) -> dict[Filter, float]:
    """DN of a white surface in each filter over those in green, at the same exposure."""
    # exposure and distance are the same for all bands and cancel
    white = {band: dn_per_light(band, 1.0, perijove, AU_KM) for band in Filter}
    return {band: dn / white[Filter.GREEN] for band, dn in white.items()}


def _three_numbers(choice: str) -> dict[Filter, float]:
    """The factors of a text such as 0.9,1,1.9; UsageError where it is no such text."""
    refusal = f"--white-balance is {choice!r}: give {CHOICES} (for example 0.902,1,1.889)"
    parts = choice.split(",")
    if len(parts) != 3:
        raise UsageError(refusal)
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        raise UsageError(refusal) from None
    if not all(math.isfinite(n) and n > 0 for n in numbers):
        raise UsageError(refusal)
    return dict(zip((Filter.RED, Filter.GREEN, Filter.BLUE), numbers, strict=True))
