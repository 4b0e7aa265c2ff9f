"""White balance: the factors that make a white surface white, for a camera whose lens darkens with dose."""

from __future__ import annotations

from collections.abc import Mapping

from perijove.instrument import Filter

THROUGHPUT: Mapping[Filter, tuple[float, float]] = {
    # the archive's errata, fitted to the whole mission so far: (at perijove 0, loss a perijove)
    Filter.RED: (1.01, 0.00391),
    Filter.GREEN: (1.05, 0.00787),
    Filter.BLUE: (1.07, 0.0108),
}
LAST_PERIJOVE = 60
"""The law is straight and would reach zero; it is held constant from here on."""
WHITE: Mapping[Filter, float] = {
    # Balance of the undamaged camera, green 1. Each published balance, divided by the throughput law at its perijove,
    # gives (red, blue): (0.870, 1.92) for the early default 0.902, 1.889, taken at perijove 1; (0.834, 2.10) for the
    # moon's 0.744, 2.34 at 34; (0.909, 2.24) for 0.768, 2.630 at 43. Jupiter's disc in two strips of perijove 44
    # against its full-disc albedo (Karkoschka 1998: 0.441 in 420-520 nm, 0.504 in 500-600 nm, 0.50 in 600-640 nm,
    # where the eye sees red; beyond, methane darkens what only the camera sees) gives (0.845, 2.03). These are the
    # means of the four. The response of the calibration report (red 217239, green 332944, blue 262186 DN/s a W/m2/sr
    # in band) under the Sun's 286, 186, 193 W/m2 gives 1.00, 1.22: its blue was measured under a lamp that is nearly
    # all red, and no picture made with it has looked right.
    Filter.RED: 0.865,
    Filter.GREEN: 1.0,
    Filter.BLUE: 2.07,
    # alone in its picture, so that it needs no balance
    Filter.METHANE: 1.0,
}


def throughput(band: Filter, perijove: int | None) -> float:
    """Share of its light that the camera still passed in one filter at a perijove; 1 for methane, which has no law.

    An unknown perijove (None) is taken for 0.
    """
    if band not in THROUGHPUT:
        return 1.0
    start, loss = THROUGHPUT[band]
    return start - loss * min(max(perijove or 0, 0), LAST_PERIJOVE)


def white_balance(perijove: int | None) -> dict[Filter, float]:
    """Factors on the light (DN above bias) of each filter that make a white surface under the Sun white; green is 1."""
    green = throughput(Filter.GREEN, perijove)
    fading = {band: green / throughput(band, perijove) if band in THROUGHPUT else 1.0 for band in WHITE}
    return {band: factor * fading[band] for band, factor in WHITE.items()}
