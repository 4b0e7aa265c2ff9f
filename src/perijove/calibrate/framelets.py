"""From the codes of a strip to light: decompanded, freed of bias and defects, evened out; masked samples NaN."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perijove.calibrate.bias import Bias, code_values, framelet_bias, lit_columns
from perijove.calibrate.dark import dark_structure
from perijove.calibrate.deblock import deblock
from perijove.calibrate.decompand import decompanding_table
from perijove.calibrate.defects import FixedPattern, Mended, fixed_pattern, mend
from perijove.calibrate.dust import with_dust
from perijove.calibrate.flat import response
from perijove.calibrate.frames import CalibrationFrames
from perijove.calibrate.noise import NoiseModel, noise_model, variance
from perijove.calibrate.quality import Quality
from perijove.calibrate.response import dn_per_light
from perijove.calibrate.runs import full_code
from perijove.calibrate.sky import BLOCK, find_sky
from perijove.calibrate.solar import MEAN_SUN_KM
from perijove.calibrate.stray import Veil, stray_veil, take_off_veil
from perijove.calibrate.triage import BandTriage, Verdict, triage, triage_band
from perijove.instrument import TDI_STEP_S, Filter
from perijove.jit import kernel
from perijove.label import Label
from perijove.raw import RawImage

FloatArray = NDArray[np.float64]
Light = NDArray[np.float32]
Bits = NDArray[np.uint8]
Codes = NDArray[np.uint8]

FULL_MARGIN_DN = 16.0
"""How much bias, dark charge and stray light may take off a full pixel: codes are as wide there."""
PLAIN_DN = 2.0
"""Offset of a place in the dark, twice the noise of a pixel, from which it is called hot."""
LOSSLESS = "HUFFMAN"
"""COMPRESSION_TYPE of strips whose codes came down as they were."""
BUILT_IN = "default"
"""Name of the calibration that comes with Perijove."""


@dataclass(frozen=True)
class BandDetails:
    """What calibration found out about one filter of a strip.

    `bias` is what was taken off each framelet, `extra` (lines, samples) DN what was taken off each place besides: dark
    charge of hot places and the chip's own offsets; `veil` is the stray light that was taken off. `response` (lines,
    samples) is what the light was divided by, `flat_sigma` of its shape the relative error that calibration frames
    state of it, or None. `noise` tells the variance by the light. `mended` has the codes after
    repair, and what was replaced; `values` (frames, 256) is the DN above bias of each code. `fixed_pixels` counts the
    places of the fixed pattern.
    """

    bias: Bias
    extra: Light
    veil: Veil
    response: Light
    flat_sigma: Light | None
    noise: NoiseModel
    mended: Mended
    values: Light
    fixed_pixels: int


@dataclass(frozen=True)
class Calibrated:
    """The light of a strip.

    `light` maps a filter to (frames, lines, samples) float32 in DN: the camera's 12-bit data numbers above bias, evened
    out by the flat, NaN where the detector is masked. Divided by `dn_per_light` it is I/F. `quality` has the bits of
    `Quality` for every pixel. `full_dn` is the light in DN, in the middle of the field, from which a pixel is full, and
    `full_fraction` the share of the lit samples that are: they are kept, but tell the true light no more.
    `sun_distance_km` went into `dn_per_light`. `source` names the calibration frames of each filter, `verdict` says
    what the strip is worth as it came down.
    """

    light: Mapping[Filter, Light]
    quality: Mapping[Filter, Bits]
    details: Mapping[Filter, BandDetails]
    dn_per_light: Mapping[Filter, float]
    full_dn: float
    full_fraction: float
    exposure_s: float | None
    sun_distance_km: float
    binning: int
    source: Mapping[Filter, str]
    verdict: Verdict

    def variance(self, band: Filter) -> Light:
        """Variance (frames, lines, samples) of the light of one filter, DN^2; NaN where the light is."""
        part = self.details[band]
        return variance(
            self.light[band], part.response, self.quality[band], part.noise,
            extra=part.extra, veil=part.veil.dn, flat_sigma=part.flat_sigma,
            index=part.mended.index, sigma_codes=part.mended.sigma_codes,
        )  # fmt: skip


@dataclass(frozen=True)
class _Band:
    light: Light
    quality: Bits
    details: BandDetails
    full: int
    triage: BandTriage


@dataclass(frozen=True)
class Treatment:
    """What is done to the codes of a strip on their way to light.

    `frames` are calibration frames, None for the response that comes with Perijove. Without `mend` hot places, dust and
    hits are left as they are; with `suspects` also that is replaced which may be a star, lightning or the limb. Without
    `stray` nothing is taken off for stray light, and neither is an aurora that fills the dark side, or a ring.
    """

    frames: CalibrationFrames | None = None
    mend: bool = True
    suspects: bool = False
    stray: bool = True


def calibrate(raw: RawImage, treatment: Treatment | None = None, *, sun_distance_km: float | None = None) -> Calibrated:
    """The light of a strip.

    `sun_distance_km` is the target's distance from the Sun; without it the label's is taken, or else Jupiter's mean. A
    label without exposure is taken for one of 1 s, so that light in DN comes out all the same. Raises LabelError for a
    bit mode that is not known, or an exposure or distance that is not above 0.
    """
    chosen = treatment or Treatment()
    label = raw.label
    table = decompanding_table(label.bit_mode)
    away = label.sun_distance_km if sun_distance_km is None else sun_distance_km
    away = MEAN_SUN_KM if away is None else away
    exposure = 1.0 if label.exposure_s is None else label.exposure_s

    def one(band: Filter) -> _Band:
        return _calibrate_band(raw, band, table, chosen)

    with ThreadPoolExecutor(len(label.filters)) as pool:
        done = dict(zip(label.filters, pool.map(one, label.filters), strict=True))
    lit = lit_columns(label.sampling_factor)
    count = sum(band.light.shape[0] * band.light.shape[1] for band in done.values()) * (lit.stop - lit.start)
    return Calibrated(
        light={band: part.light for band, part in done.items()},
        quality={band: part.quality for band, part in done.items()},
        details={band: part.details for band, part in done.items()},
        dn_per_light={band: dn_per_light(band, exposure, label.perijove, away) for band in done},
        full_dn=float(table[full_code(table)]) - FULL_MARGIN_DN,
        full_fraction=sum(part.full for part in done.values()) / max(count, 1),
        exposure_s=label.exposure_s,
        sun_distance_km=away,
        binning=label.sampling_factor,
        source={band: source_of(chosen.frames, band) for band in done},
        verdict=replace(triage([part.triage for part in done.values()]), notes=notes_of(raw)),
    )


def stages_of(label: Label) -> int:
    """Stages of time-delayed integration of a strip, by its label or its exposure; 0 where neither is known."""
    if label.tdi_stages:
        return label.tdi_stages
    return 0 if label.exposure_s is None else max(round(label.exposure_s / TDI_STEP_S), 1)


def notes_of(raw: RawImage) -> tuple[str, ...]:
    """What is to be known of the light of a strip because of how its codes were had: a sentence each."""
    if raw.reduction is None:
        return ()
    if raw.reduction.whole:
        return ("a reduced strip (RDR): its codes were read back from its samples, each and every one",)
    rest = ", ".join(band.value.lower() for band in raw.label.filters if band not in raw.reduction.exact)
    return (f"a reduced strip (RDR): samples of {rest} taken for I/F x 10000 and rounded to codes, sigma is a guess",)


def _calibrate_band(raw: RawImage, band: Filter, table: Light, treatment: Treatment) -> _Band:
    """The light of one filter's framelets."""
    codes = raw.framelets(band)
    binning, lossy = raw.label.sampling_factor, raw.label.compression != LOSSLESS
    lit = lit_columns(binning)
    bias = framelet_bias(codes, table, binning, lossy=lossy)
    values = code_values(table, bias)
    even, offset, bad = chip_frames(treatment.frames, band, codes.shape[1:])
    pattern = fixed_pattern(codes, table) if treatment.mend and len(codes) else no_pattern(codes.shape[1:])
    stages = stages_of(raw.label)
    if treatment.mend and stages and source_of(treatment.frames, band) == BUILT_IN:
        # calibration frames have the dust in their flat
        pattern = with_dust(pattern, codes, values, full_code(table), band, stages)
    # a pixel known to be bad is filled like one too dark to be of use
    pattern = replace(pattern, gain=np.where(bad, np.float32(np.nan), pattern.gain))
    mended = unmended(codes)
    if treatment.mend:
        mended = mend(codes, table, pattern, lossy=lossy, suspects=treatment.suspects)
    extra, gain = pattern.extra + offset, even * np.where(np.isnan(pattern.gain), np.float32(1), pattern.gain)
    sky = find_sky(mended.codes, values, extra, binning)
    dark = dark_structure(mended.codes, values, extra, sky)
    extra = extra + dark.offset_dn
    mended.quality[:, np.abs(dark.offset_dn) > PLAIN_DN] |= np.uint8(Quality.HOT)
    light = np.full(codes.shape, np.nan, np.float32)
    decompand(mended.codes, values, extra, gain, lit.start, lit.stop, light)
    veil = stray_veil(sky, dark.offset_dn, binning)
    if not treatment.stray:
        veil = replace(veil, dn=np.zeros_like(veil.dn))
    take_off_veil(light, veil.dn, gain)
    if lossy:
        mark_blocks(mended.quality, deblock(light, codes), int(Quality.BLOCKY))
    level, zero = (float(part.mean()) if len(part) else 0.0 for part in (bias.level_dn, bias.zero_dn))
    noise = noise_model(table, level_dn=level, zero_dn=zero, binning=binning, lossy=lossy)
    fixed = int(np.count_nonzero((pattern.extra != 0) | (pattern.gain != 1)))
    known = None if treatment.frames is None else treatment.frames.at(band, codes.shape[1])
    uneven = None if known is None else known.flat_sigma
    details = BandDetails(bias, extra, veil, gain, uneven, noise, mended, values, fixed)
    full = int(np.count_nonzero(codes[:, :, lit] >= full_code(table)))
    return _Band(light, mended.quality, details, full, triage_band(codes, table, mended))


@kernel
def mark_blocks(quality: Bits, touched: NDArray[np.bool_], bit: int) -> None:
    """Set a bit of quality (frames, lines, samples), in place, in the blocks that are `touched`."""
    frames, lines, samples = quality.shape
    for f in range(frames):
        for i in range(lines):
            for j in range(samples):
                if touched[f, i // BLOCK, j // BLOCK]:
                    quality[f, i, j] |= np.uint8(bit)


def no_pattern(shape: tuple[int, ...]) -> FixedPattern:
    """The pattern (lines, samples) of a detector without any."""
    return FixedPattern(np.zeros(shape, np.float32), np.ones(shape, np.float32))


def unmended(codes: Codes) -> Mended:
    """Framelets left as they are."""
    return Mended(codes, np.zeros_like(codes), np.empty(0, np.int64), np.empty(0, np.float32))


def source_of(frames: CalibrationFrames | None, band: Filter) -> str:
    """Name of the calibration frames that are used for a filter."""
    return BUILT_IN if frames is None or band not in frames.bands else frames.name


def chip_frames(
    frames: CalibrationFrames | None, band: Filter, shape: tuple[int, ...]
) -> tuple[Light, Light, NDArray[np.bool_]]:
    """Response, offset in DN and which pixels are bad, (lines, samples) each, by calibration frames or by default.

    The response is 1 in the middle of the field, where the camera's response was measured.
    """
    lines, samples = shape
    known = None if frames is None else frames.at(band, lines)
    if known is None:
        even, nothing = response(band, lines, samples), np.zeros((lines, samples), np.float32)
        return even / middle_of(even), nothing, nothing > 0
    usable = np.isfinite(known.flat) & (known.flat > 0)
    even = np.where(usable, known.flat, np.float32(1))
    return np.where(usable, even / middle_of(even), np.float32(1)), np.nan_to_num(known.bias), known.bad


def middle_of(even: Light) -> np.float32:
    """Response of the middle of the field: the median over an eighth of the samples."""
    samples = even.shape[1]
    return np.float32(np.median(even[:, samples * 7 // 16 : samples * 9 // 16]))


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
