"""From the codes of a strip to light: decompanded, freed of bias and defects, evened out; masked samples NaN."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.calibrate.bias import Bias, code_values, framelet_bias, lit_columns
from perijove.calibrate.decompand import decompanding_table
from perijove.calibrate.defects import FixedPattern, fixed_pattern, mend_transients
from perijove.calibrate.flat import response
from perijove.calibrate.frames import CalibrationFrames
from perijove.calibrate.quality import Quality
from perijove.calibrate.response import dn_per_light
from perijove.instrument import Filter
from perijove.jit import kernel
from perijove.raw import RawImage

FloatArray = NDArray[np.float64]
Light = NDArray[np.float32]
Bits = NDArray[np.uint8]
Codes = NDArray[np.uint8]

FULL_DN = 2330.0
"""Light at which a pixel is full: in strips 43C00078 and 44C00074 red and green pile up at 2370 to 2630 DN, and what
they cannot hold spills along the columns; 1983 DN (44C00029) is free of it. The calibration report has 1872 DN."""
LOSSLESS = "HUFFMAN"
"""COMPRESSION_TYPE of strips whose codes came down as they were."""
BUILT_IN = "default"
"""Name of the calibration that comes with Perijove."""
AU_KM = 149597870.7
MEAN_SUN_KM = 5.2 * AU_KM
"""Jupiter's mean distance from the Sun: taken where neither the label nor the caller knows better."""


@dataclass(frozen=True)
class Calibrated:
    """The light of a strip.

    `light` maps a filter to (frames, lines, samples) float32 in DN: the camera's 12-bit data numbers above bias, evened
    out by the flat, NaN where the detector is masked. Divided by `dn_per_light` it is I/F. `quality` has the bits of
    `Quality` for every pixel, `response` (lines, samples) what the light was divided by. `bias` is what was taken off.
    `transients` and `fixed_pixels` count the single pixels and the places on the detector that were mended;
    `full_fraction` is the share of the lit samples from `FULL_DN` on: they are kept, but tell the true light no more.
    `source` names the calibration frames.
    """

    light: Mapping[Filter, Light]
    quality: Mapping[Filter, Bits]
    response: Mapping[Filter, Light]
    bias: Mapping[Filter, Bias]
    dn_per_light: Mapping[Filter, float]
    transients: Mapping[Filter, int]
    fixed_pixels: Mapping[Filter, int]
    full_fraction: float
    exposure_s: float | None
    binning: int
    source: str


@dataclass(frozen=True)
class _Band:
    light: Light
    quality: Bits
    response: Light
    bias: Bias
    transients: int
    fixed_pixels: int
    full: int


def calibrate(
    raw: RawImage,
    frames: CalibrationFrames | None = None,
    *,
    sun_distance_km: float | None = None,
    mend: bool = True,
) -> Calibrated:
    """The light of a strip; with `mend` false its hot pixels and hits are left as they are.

    `frames` are calibration frames, None for the response that comes with Perijove. `sun_distance_km` is the target's
    distance from the Sun; without it the label's is taken, or else Jupiter's mean. A label without exposure is taken
    for one of 1 s, so that light in DN comes out all the same. Raises LabelError for a bit mode that is not known, or
    an exposure or distance that is not above 0.
    """
    label = raw.label
    table = decompanding_table(label.bit_mode)
    away = sun_distance_km or label.sun_distance_km or MEAN_SUN_KM
    exposure = 1.0 if label.exposure_s is None else label.exposure_s

    def one(band: Filter) -> _Band:
        return _calibrate_band(raw, band, table, frames, mend)

    with ThreadPoolExecutor(len(label.filters)) as pool:
        done = dict(zip(label.filters, pool.map(one, label.filters), strict=True))
    lit = lit_columns(label.sampling_factor)
    count = sum(band.light.shape[0] * band.light.shape[1] for band in done.values()) * (lit.stop - lit.start)
    return Calibrated(
        light={band: part.light for band, part in done.items()},
        quality={band: part.quality for band, part in done.items()},
        response={band: part.response for band, part in done.items()},
        bias={band: part.bias for band, part in done.items()},
        dn_per_light={band: dn_per_light(band, exposure, label.perijove, away) for band in done},
        transients={band: part.transients for band, part in done.items()},
        fixed_pixels={band: part.fixed_pixels for band, part in done.items()},
        full_fraction=sum(part.full for part in done.values()) / max(count, 1),
        exposure_s=label.exposure_s,
        binning=label.sampling_factor,
        source=BUILT_IN if frames is None else frames.name,
    )


def _calibrate_band(raw: RawImage, band: Filter, table: Light, frames: CalibrationFrames | None, mend: bool) -> _Band:
    """The light of one filter's framelets."""
    codes = raw.framelets(band)
    binning, lossy = raw.label.sampling_factor, raw.label.compression != LOSSLESS
    lit = lit_columns(binning)
    bias = framelet_bias(codes, table, binning, lossy=lossy)
    # the table rises, so that one code parts what is full from the rest
    first_full = min(int(np.searchsorted(table, FULL_DN)), 255)
    full = int(np.count_nonzero(codes[:, :, lit] >= first_full))
    pattern, transients = FixedPattern(*(np.full(codes.shape[1:], v, np.float32) for v in (0, 1))), 0
    quality = np.zeros(codes.shape, np.uint8)
    if mend and len(codes):
        pattern = fixed_pattern(codes, table)
        before = codes
        codes, transients = mend_transients(codes, pattern)
        quality[codes != before] |= Quality.HIT.value
    even, offset, bad = chip_frames(frames, band, codes.shape[1:])
    light = np.full(codes.shape, np.nan, np.float32)
    values = code_values(table, bias)
    decompand(codes, values, pattern.extra + offset, pattern.gain * even, lit.start, lit.stop, light)
    filled = np.isnan(pattern.gain) | bad
    if filled.any():
        fill_places(light, np.argwhere(filled), lit.start, lit.stop)
    fixed = np.where(pattern.extra != 0, Quality.HOT.value, 0) | np.where(pattern.gain != 1, Quality.SPOT.value, 0)
    fixed = np.where(filled, Quality.FILLED.value, fixed).astype(np.uint8)
    quality |= fixed
    quality[codes >= first_full] |= Quality.FULL.value
    return _Band(light, quality, even, bias, transients, pattern.pixels, full)


def chip_frames(
    frames: CalibrationFrames | None, band: Filter, shape: tuple[int, ...]
) -> tuple[Light, Light, NDArray[np.bool_]]:
    """Response, offset in DN and which pixels are bad, (lines, samples) each, by calibration frames or by default."""
    lines, samples = shape
    known = None if frames is None else frames.at(band, lines)
    if known is None:
        return response(band, lines, samples), np.zeros((lines, samples), np.float32), np.zeros((lines, samples), bool)
    usable = np.isfinite(known.flat) & (known.flat > 0)
    even = np.where(usable, known.flat, 1.0).astype(np.float32)
    return even, np.nan_to_num(known.bias), known.bad


@kernel
def decompand(codes: Codes, values: Light, extra: Light, gain: Light, first: int, stop: int, light: Light) -> None:
    """Fill the lit columns `first` to `stop` of `light` (frames, lines, samples) from codes of the same shape.

    `values` (frames, 256) is the DN above bias of each code, `extra` (lines, samples) is taken off it, and the rest
    divided by `gain` (lines, samples).
    """
    frames, lines, _ = codes.shape
    for f in range(frames):
        for i in range(lines):
            for j in range(first, stop):
                light[f, i, j] = (values[f, codes[f, i, j]] - extra[i, j]) / gain[i, j]


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
