"""From the codes of a strip to light: decompanded, bias taken off, detector defects mended, masked samples NaN."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from perijove.calibrate.bias import framelet_bias, lit_columns
from perijove.calibrate.decompand import decompanding_table
from perijove.calibrate.defects import FixedPattern, fixed_pattern, mend_transients
from perijove.calibrate.flat import line_response
from perijove.instrument import FRAMELET_LINES, Filter
from perijove.raw import RawImage

FloatArray = NDArray[np.float64]
Light = NDArray[np.float32]

FULL_DN = 2330.0
"""Light at which a pixel is full: in strips 43C00078 and 44C00074 red and green pile up at 2370 to 2630 DN, and what
they cannot hold spills along the columns; 1983 DN (44C00029) is free of it. The calibration report has 1872 DN."""


@dataclass(frozen=True)
class Calibrated:
    """The light of a strip.

    `light` maps a filter to (frames, lines, samples) float32 in DN: the camera's 12-bit data numbers above bias, NaN
    where the detector is masked. Dividing by `exposure_s` makes exposures comparable (None if the label has none).
    `bias_dn` maps a filter to (frames,) what was taken off. `transients` and `fixed_pixels` count the single pixels and
    the places on the detector that were mended; `full_fraction` is the share of the lit samples from `FULL_DN` on: they
    are kept, but tell the true light no more.
    """

    light: Mapping[Filter, Light]
    bias_dn: Mapping[Filter, FloatArray]
    transients: Mapping[Filter, int]
    fixed_pixels: Mapping[Filter, int]
    full_fraction: float
    exposure_s: float | None
    binning: int


@dataclass(frozen=True)
class _Band:
    light: Light
    bias: FloatArray
    transients: int
    fixed_pixels: int
    full: int


def calibrate(raw: RawImage, *, mend: bool = True) -> Calibrated:
    """The light of a strip; with `mend` false its hot pixels are left as they are.

    Raises LabelError for a bit mode that is not known.
    """
    label = raw.label
    table = decompanding_table(label.bit_mode)
    lit = lit_columns(label.sampling_factor)

    def one(band: Filter) -> _Band:
        codes = raw.framelets(band)
        return _calibrate_band(codes, table, line_response(band, raw.framelet_lines), lit, mend)

    with ThreadPoolExecutor(len(label.filters)) as pool:
        done = dict(zip(label.filters, pool.map(one, label.filters), strict=True))
    count = sum(band.light.shape[0] * band.light.shape[1] for band in done.values()) * (lit.stop - lit.start)
    return Calibrated(
        light={band: part.light for band, part in done.items()},
        bias_dn={band: part.bias for band, part in done.items()},
        transients={band: part.transients for band, part in done.items()},
        fixed_pixels={band: part.fixed_pixels for band, part in done.items()},
        full_fraction=sum(part.full for part in done.values()) / max(count, 1),
        exposure_s=label.exposure_s,
        binning=label.sampling_factor,
    )


def _calibrate_band(codes: NDArray[np.uint8], table: Light, response: Light, lit: slice, mend: bool) -> _Band:
    """The light of one filter's framelets (frames, lines, samples); `response` (lines,) divides it."""
    bias = framelet_bias(codes, table, FRAMELET_LINES // codes.shape[1]).level_dn
    # the table rises, so that one code parts what is full from the rest
    first_full = min(int(np.searchsorted(table, FULL_DN)), 255)
    full = int(np.count_nonzero(codes[:, :, lit] >= first_full))
    pattern, transients = FixedPattern(*(np.full(codes.shape[1:], v, np.float32) for v in (0, 1))), 0
    if mend and len(codes):
        pattern = fixed_pattern(codes, table)
        codes, transients = mend_transients(codes, pattern)
    light = np.full(codes.shape, np.nan, np.float32)
    gain = pattern.gain * response[:, None]
    decompand(codes, table, bias, pattern.extra, gain, lit.start, lit.stop, light)
    if np.isnan(pattern.gain).any():
        fill_places(light, np.argwhere(np.isnan(pattern.gain)), lit.start, lit.stop)
    return _Band(light, bias, transients, pattern.pixels, full)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def decompand(
    codes: NDArray[np.uint8],
    table: Light,
    bias: FloatArray,
    extra: Light,
    gain: Light,
    first: int,
    stop: int,
    light: Light,
) -> None:
    """Fill the lit columns `first` to `stop` of `light` (frames, lines, samples) from codes of the same shape."""
    frames, lines, _ = codes.shape
    for f in range(frames):
        offset = np.float32(bias[f])
        for i in range(lines):
            for j in range(first, stop):
                light[f, i, j] = (table[codes[f, i, j]] - offset - extra[i, j]) / gain[i, j]


def fill_places(light: Light, places: NDArray[np.intp], first: int, stop: int) -> None:
    """Fill places (n, 2) as (line, sample) of all framelets, in place, along the line from the nearest good samples."""
    for line in np.unique(places[:, 0]):
        row = light[:, line, first:stop]
        bad = np.isin(np.arange(first, stop), places[places[:, 0] == line, 1])
        good = np.flatnonzero(~bad)
        if not len(good):
            continue
        right = np.searchsorted(good, np.flatnonzero(bad))
        a, b = good[np.maximum(right - 1, 0)], good[np.minimum(right, len(good) - 1)]
        part = np.where(a == b, 0.0, (np.flatnonzero(bad) - a) / np.maximum(b - a, 1)).astype(np.float32)
        row[:, bad] = (1 - part) * row[:, a] + part * row[:, b]
