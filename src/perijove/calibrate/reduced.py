"""Reduced strips (RDR): from their 16-bit samples back to the codes that came down.

The archive makes an RDR of an EDR by its table of data numbers and one factor for each filter, such that a white
Lambert surface at the Sun's distance has 10000 (product SIS, 4.3.1.3), and rounds. No flat is divided out, and the
lens's darkening is not made up for (archive's errata). Hence an image has no more than 256 different samples a filter,
and all of them are table numbers times one factor: that finds the factor, whatever it is, and gives the codes back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.calibrate.decompand import decompanding_table, last_numbers
from perijove.calibrate.response import dn_per_light
from perijove.calibrate.solar import MEAN_SUN_KM
from perijove.instrument import Filter

FloatArray = NDArray[np.float64]
Samples = NDArray[np.uint16]
Codes = NDArray[np.uint8]

WHITE = 10000.0
"""Sample of a white Lambert surface that faces the Sun at the target's distance."""
LEAST_SCALE = 1.0
"""With a smaller factor neighbouring codes would share a sample."""
SLACK = 1e-3
"""What the archive's arithmetic may leave a product off, in samples."""
MOST_TRIALS = 4096
"""Assignments of numbers to samples that are tried for one largest number; 256 are needed where all is clear."""
ROUNDINGS = ((-0.5, 0.5), (0.0, 1.0))
"""How far above a sample the product may lie from which it was rounded, or cut."""


@dataclass(frozen=True)
class Scale:
    """The sample value of one data number, and the `shift` that makes a sample the middle of what it stands for."""

    value: float
    shift: float


def archive_numbers(bit_mode: str) -> FloatArray:
    """Data number (256,) of each code by the archive's table; LabelError for an unknown SAMPLE_BIT_MODE_ID.

    In the linear modes it is the code times the step, in SQROOT the last number that the code stands for.
    """
    last = last_numbers(bit_mode).astype(np.float64)
    return last if bit_mode == "SQROOT" else last - last[0]


def mean_numbers(bit_mode: str) -> FloatArray:
    """Data number (256,) of each code as Perijove reads it, the mean of those it stands for."""
    return decompanding_table(bit_mode).astype(np.float64)


def face_value(band: Filter, exposure_s: float | None, perijove: int | None, sun_distance_km: float | None) -> Scale:
    """The scale of samples that are I/F times `WHITE` by Perijove's response.

    Without a distance Jupiter's mean is taken, without an exposure 1 s, as `calibrate` does; LabelError for one that is
    not above 0.
    """
    away = MEAN_SUN_KM if sun_distance_km is None else sun_distance_km
    return Scale(WHITE / dn_per_light(band, 1.0 if exposure_s is None else exposure_s, perijove, away), 0.0)


def find_scale(samples: Samples, numbers: FloatArray, highest: int) -> Scale | None:
    """The factor by which `numbers` (256,) became all samples (any shape) of a filter; None where there is none.

    Samples of `highest` were cut there and tell nothing. Of several factors the largest is taken, which leaves the
    fewest codes out; only of samples that are all dark there are several.
    """
    present = np.flatnonzero(np.bincount(samples.reshape(-1), minlength=1 << 16))
    present = present[(present > 0) & (present < highest)][::-1]
    if not len(present) or len(present) > len(numbers):
        return None
    for number in numbers[numbers > 0]:
        if (present[0] + 1) / number < LEAST_SCALE:
            break
        for below, above in ROUNDINGS:
            value = _fit(present, numbers, float(number), below - SLACK, above + SLACK)
            if value is not None:
                return Scale(value, (below + above) / 2)
    return None


def _fit(present: NDArray[np.intp], numbers: FloatArray, top: float, below: float, above: float) -> float | None:
    """The factor, if the largest sample is that of the number `top` and every other one is that of some number.

    From the largest sample down each one narrows the factor; where two numbers fit, both are followed up.
    """
    paths = [(1, top, (present[0] + below) / top, (present[0] + above) / top)]
    for _ in range(MOST_TRIALS):
        if not paths:
            break
        at, last, low, high = paths.pop()
        if low > high:
            continue
        if at == len(present):
            value = float(low + high) / 2
            if value >= LEAST_SCALE:
                return value
            continue
        sample = present[at]
        first = int(np.searchsorted(numbers, (sample + below) / high))
        stop = int(np.searchsorted(numbers, (sample + above) / low, side="right"))
        for number in numbers[max(first, 1) : stop]:
            if number < last:
                bounds = max(low, (sample + below) / number), min(high, (sample + above) / number)
                paths.append((at + 1, float(number), *bounds))
    return None


def codes_of(samples: Samples, numbers: FloatArray, scale: Scale, highest: int) -> Codes:
    """The code, in the shape of `samples`, whose number times the scale is nearest; 255 for samples of `highest`."""
    between = (numbers[1:] + numbers[:-1]) / 2
    every = np.arange(1 << 16)
    table = np.searchsorted(between, (every + scale.shift) / scale.value).astype(np.uint8)
    table[0] = 0
    table[highest:] = 255
    out: Codes = table[samples]
    return out
