"""Detector: from the light on the pixels to the codes of a strip, with all that goes wrong on the way.

The order is nature's: light becomes charge with its shot noise; particles, hot places and stray light add to it; what a
pixel cannot hold spills along its column; the readout adds noise and offset, the converter makes 12-bit numbers, pixels
are summed, the numbers companded to 8 bits, and these compressed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from perijove.calibrate.decompand import last_numbers
from perijove.errors import UsageError
from perijove.instrument import FRAMELET_LINES, SAMPLES, Filter
from perijove.jit import kernel
from perijove.simulate.compression import LOSSLESS, LOSSY, STEP, compress
from perijove.simulate.particles import HOT_PERIJOVE, WAIT, hits_at, hot_places, strike

Light = NDArray[np.float32]
Codes = NDArray[np.uint8]
Mask = NDArray[np.bool_]

AU_KM = 149597870.7
RESPONSE_AU = 5.2
RESPONSE: Mapping[Filter, float] = {
    # Calibration report: 332944 DN/s a W/m2/sr in green under the Sun's 184.68 W/m2 in 500-600 nm (ASTM G173).
    Filter.GREEN: 724e3,
    # The report's 262186 and 217239 under 189.42 and 286.26 W/m2, times 0.615 and 1.19: so much of them Jupiter (in
    # 44C00029, 30, 74, by Karkoschka's albedo 1998) and Ganymede (in 34C00002) leave beside green.
    Filter.BLUE: 360e3,
    Filter.RED: 871e3,
    # report: 57761 DN/s a W/m2/sr under 18.65 W/m2 in 880-900 nm; clouds do not show through what leaks
    Filter.METHANE: 12.7e3,
}
"""DN a second for an I/F of 1 at `RESPONSE_AU` in the undamaged camera."""
FADING: Mapping[Filter, tuple[float, float]] = {
    # the archive's errata: throughput at perijove 0, loss a perijove
    Filter.BLUE: (1.07, 0.0108),
    Filter.GREEN: (1.05, 0.00787),
    Filter.RED: (1.01, 0.00391),
}
LAST_FADING_PERIJOVE = 60
"""The straight law is held from here on."""
TILT: Mapping[Filter, float] = {
    # response of the last line less that of the first, over the mean, in the middle of the samples: overlapping
    # framelets and solved ground of perijove 44
    Filter.BLUE: 0.0140,
    Filter.GREEN: -0.0025,
    Filter.RED: -0.0080,
    Filter.METHANE: 0.085,
}
TILT_SAMPLES = (150.0, 275.0, 325.0, 375.0, 425.0, 475.0, 525.0, 575.0)
TILT_CHANGE: Mapping[Filter, tuple[float, ...]] = {
    Filter.BLUE: (0.0, -0.0044, -0.0088, -0.0099, -0.0094, -0.0105, -0.0077, -0.0083),
    Filter.GREEN: (-0.0022, 0.0011, 0.0011, 0.0028, 0.0, -0.0055, -0.0161, -0.0139),
    Filter.RED: (-0.0044, -0.0033, 0.0022, 0.0033, 0.0055, 0.0077, 0.0039, 0.0026),
}
"""What the tilt departs by at samples, held beyond them: steps between framelets of four strips of perijoves 43, 44."""
VIGNETTING = 0.20
"""Share of the light lost at the ends of a line. The tilts of `TILT` fall by 0.017 and 0.006 from one filter strip to
the next, 155 lines on; a response that falls with the square of the distance from the axis has then lost 20 +- 8 %
there, and half of a published flat (B. Swift; its mean over both ends is 27 %) is of that shape."""
ADC_MAX = 4095
SEEING = slice(23, 1631)
"""Samples that see light: 23 and 1630 have all of it (44C00030 and 44M00044: 0.97 to 1.0 of their neighbours')."""
VEIL_FRAMES, VEIL_SAMPLES = 3.0, 300.0
"""Width (sigma) of the stray light in frames and samples: it reaches over a quarter of a turn in 44C00074."""


_NOT_NEGATIVE = ("read_noise_e", "bias_jitter_dn", "column_gain", "column_offset_dn", "vignetting", "dust_spots",
                 "hot_pixels", "hits_per_framelet", "stray_light", "step", "chip")  # fmt: skip


@dataclass(frozen=True)
class Detector:
    """The detector's properties; every effect can be set, or switched off by 0, False or None.

    `response` is DN/s for I/F 1 at 5.2 AU, `fading` the throughput (at perijove 0, loss a perijove) by filter;
    `gain_e_dn` electrons a DN; `read_noise_e` electrons; `bias_dn` what the camera leaves of its offset (44C00074's
    masked columns are a Gaussian about -0.5 of sigma 1.09 DN, cut at 0), and `bias_jitter_dn` its scatter by framelet.
    `column_gain` (relative) and `column_offset_dn` are the scatter (sigma) of the columns, the same in all filters
    (44C00074: 0.3 %, 0.05 DN). `line_tilt` and `vignetting` shape the response: see `TILT`, `VIGNETTING`. `dust_spots`
    is the number of grains on a filter (44C00029, 30: about that many that take 15 % to 60 % of the light),
    `hot_pixels` that of places over 5 DN in a blue framelet at PJ44, `hits_per_framelet` that of all particle hits
    in one (None: by perijove, as away from the radiation belts; `particles.BELT_HITS` inside them); other filters have
    more, as `particles.WAIT` says. `stray_light` is the veil as a share of the light around in place and time.
    `full_dn` is where a pixel is full (44C00074's red piles up at 2384 +- 25), None for never; `bloom` spills what it
    cannot hold along the column. `step` is that of lossy compression. `chip` seeds what belongs to the detector and is
    the same in all strips. UsageError for a number that makes no sense.
    """

    response: Mapping[Filter, float] = field(default_factory=lambda: RESPONSE)
    fading: Mapping[Filter, tuple[float, float]] | None = field(default_factory=lambda: FADING)
    gain_e_dn: float = 16.3
    shot_noise: bool = True
    read_noise_e: float = 16.6
    bias_dn: float = -0.5
    bias_jitter_dn: float = 0.05
    column_gain: float = 0.003
    column_offset_dn: float = 0.05
    line_tilt: Mapping[Filter, float] | None = field(default_factory=lambda: TILT)
    vignetting: float = VIGNETTING
    dust_spots: float = 8.0
    hot_pixels: float = 30.0
    hits_per_framelet: float | None = None
    stray_light: float = 0.035
    full_dn: float | None = 2390.0
    bloom: bool = True
    step: float = STEP
    chip: int = 2010

    def __post_init__(self) -> None:
        """Refuse numbers below zero and such."""
        for name in ("gain_e_dn", "full_dn"):
            value = getattr(self, name)
            if value is not None and not (value > 0 and math.isfinite(value)):
                raise UsageError(f"detector: {name} is {value}: it must be above 0")
        for name in _NOT_NEGATIVE:
            value = getattr(self, name)
            if value is not None and not (value >= 0 and math.isfinite(value)):
                raise UsageError(f"detector: {name} is {value}: it must be finite and not below 0")
        if self.vignetting > 1:
            raise UsageError(f"detector: vignetting is {self.vignetting}: no more than all light, 1, can be lost")
        if not abs(self.bias_dn) <= ADC_MAX:
            raise UsageError(f"detector: bias_dn is {self.bias_dn}: it must lie within +-{ADC_MAX}")

    @classmethod
    def ideal(cls) -> Detector:
        """No noise and no defects; what remains is fading, the lines' tilt, vignetting, 12 and 8 bits."""
        return cls(
            shot_noise=False,
            read_noise_e=0.0,
            bias_dn=0.0,
            bias_jitter_dn=0.0,
            column_gain=0.0,
            column_offset_dn=0.0,
            dust_spots=0.0,
            hot_pixels=0.0,
            hits_per_framelet=0.0,
            stray_light=0.0,
            full_dn=None,
            bloom=False,
        )

    @classmethod
    def bare(cls) -> Detector:
        """Ideal, and as even as it is bright: `Exposed.dn` is the light times `Exposed.dn_per_light`, nothing else."""
        return replace(cls.ideal(), fading=None, line_tilt=None, vignetting=0.0, step=0.0)

    def throughput(self, band: Filter, perijove: int) -> float:
        """Share of the light that the lens still passes in a filter at a perijove."""
        start, loss = (self.fading or {}).get(band, (1.0, 0.0))
        return start - loss * min(max(perijove, 0), LAST_FADING_PERIJOVE)

    def flat(self, band: Filter) -> Light:
        """Relative response (128, 1648) of a filter's pixels; 0 where they are masked."""
        part = np.arange(FRAMELET_LINES) / (FRAMELET_LINES - 1) - 0.5
        change = np.interp(np.arange(SAMPLES), TILT_SAMPLES, TILT_CHANGE.get(band, (0.0,) * len(TILT_SAMPLES)))
        lean = 0.0 if self.line_tilt is None or band not in self.line_tilt else self.line_tilt[band] + change
        tilt = 1.0 + lean * part[:, None]
        aside = (np.arange(SAMPLES) - (SAMPLES - 1) / 2) / (SAMPLES / 2)
        columns = 1.0 - self.vignetting * aside**2
        columns *= 1.0 + self.column_gain * np.random.default_rng([self.chip, 1]).standard_normal(SAMPLES)
        seeing = np.zeros(SAMPLES)
        seeing[SEEING] = 1.0
        flat = tilt * columns * seeing
        dim_by_dust(flat, self.dust_spots, np.random.default_rng([self.chip, 4, list(Filter).index(band)]))
        return flat.astype(np.float32)


def dim_by_dust(flat: NDArray[np.float64], count: float, rng: np.random.Generator) -> None:
    """Multiply a response (lines, samples), in place, by what about `count` round grains of dust leave of it."""
    lines, samples = np.arange(flat.shape[0])[:, None], np.arange(flat.shape[1])
    for _ in range(int(rng.poisson(count))):
        line, sample = rng.uniform(0, flat.shape[0]), rng.uniform(0, flat.shape[1])
        depth, width = rng.uniform(0.1, 0.6), rng.uniform(0.8, 1.6)
        grain = np.exp(-((lines - line) ** 2) / (2 * width**2)) * np.exp(-((samples - sample) ** 2) / (2 * width**2))
        flat *= 1.0 - depth * grain


@dataclass(frozen=True)
class Exposed:
    """A strip as it is read out, and the truth about it.

    `codes` (lines, samples) uint8: frame by frame, the filters in their order. `dn` maps a filter to (frames, 128,
    1648) float32 noiseless DN above bias of the light alone, without stray light and defects; `hits` to (frames, lines,
    samples) and `hot` to (lines, samples) where particles and hot places added to it, in the strip's own pixels.
    `dn_per_light` maps a filter to the DN of an I/F of 1 in the middle of the field.
    """

    codes: Codes
    dn: Mapping[Filter, Light]
    hits: Mapping[Filter, Mask]
    hot: Mapping[Filter, Mask]
    dn_per_light: Mapping[Filter, float]


@dataclass(frozen=True)
class _Band:
    """One filter's share of an `Exposed`; codes (frames, lines, samples)."""

    codes: Codes
    dn: Light
    hits: Mask
    hot: Mask


def expose(
    light: Mapping[Filter, Light],
    detector: Detector,
    *,
    exposure_s: float,
    perijove: int,
    sun_distance_km: float,
    filters: Sequence[Filter],
    binning: int = 1,
    bit_mode: str = "SQROOT",
    compression: str = LOSSY,
    seed: int = 0,
) -> Exposed:
    """The strip that `light` gives: I/F (frames, 128, 1648) at native pixels by filter.

    `filters` is the order of the readout. `binning` 2 takes the mean of 2 x 2 numbers, so that DN stay comparable, as
    the processing takes them to be. `compression` is the label's COMPRESSION_TYPE. The same seed gives the same
    strip. Raises UsageError for light that is missing, not finite, negative or of another shape, and for what the
    camera cannot do; LabelError for an unknown bit mode.
    """
    _check(light, filters, binning, compression)
    if seed < 0:
        raise UsageError(f"the seed is {seed}: it must not be below 0")
    if not (exposure_s > 0 and sun_distance_km > 0):
        raise UsageError(f"exposure {exposure_s} s and distance of the Sun {sun_distance_km} km must be above 0")
    lookup = companding_table(bit_mode)
    dilution = (RESPONSE_AU * AU_KM / sun_distance_km) ** 2
    per_light = {
        band: detector.response[band] * exposure_s * detector.throughput(band, perijove) * dilution for band in filters
    }

    def one(band: Filter) -> _Band:
        return _expose_band(band, light[band], per_light[band], detector, perijove, binning, lookup, seed)

    with ThreadPoolExecutor(len(filters)) as pool:
        done = dict(zip(filters, pool.map(one, filters), strict=True))
    codes = np.stack([done[band].codes for band in filters], axis=1)
    codes = codes.reshape(-1, SAMPLES // binning)
    if compression == LOSSY:
        codes = compress(codes, detector.step)
    return Exposed(
        codes=codes,
        dn={band: part.dn for band, part in done.items()},
        hits={band: part.hits for band, part in done.items()},
        hot={band: part.hot for band, part in done.items()},
        dn_per_light=per_light,
    )


def companding_table(bit_mode: str) -> Codes:
    """The code (4096,) uint8 of every 12-bit number: the first one whose last number is no less; 255 beyond the table.

    Raises LabelError for a SAMPLE_BIT_MODE_ID that is not known.
    """
    last = last_numbers(bit_mode)
    return np.minimum(np.searchsorted(last, np.arange(ADC_MAX + 1)), 255).astype(np.uint8)


def _check(light: Mapping[Filter, Light], filters: Sequence[Filter], binning: int, compression: str) -> None:
    """UsageError where a strip cannot be made of this."""
    if not filters or len(set(filters)) != len(filters):
        raise UsageError(f"the filters are {list(filters)}: name one or more, each once")
    if binning not in (1, 2):
        raise UsageError(f"the sampling factor is {binning}: the camera sums 1 or 2 pixels")
    if compression not in (LOSSLESS, LOSSY):
        raise UsageError(f"the compression is {compression!r}: it must be {LOSSLESS} or {LOSSY}")
    frames = {len(light[band]) for band in filters if band in light}
    for band in filters:
        if band not in light:
            raise UsageError(f"there is no light of {band}: give all filters of the strip")
        shape = light[band].shape
        if len(shape) != 3 or shape[1:] != (FRAMELET_LINES, SAMPLES) or len(frames) > 1 or not shape[0]:
            raise UsageError(
                f"the light of {band} is of shape {shape}: (frames, {FRAMELET_LINES}, {SAMPLES}) is needed, "
                "with as many frames in every filter"
            )
        # NaN fails every comparison
        if not (float(light[band].min()) >= 0 and np.isfinite(light[band].max())):
            raise UsageError(f"the light of {band} must be finite and nowhere negative: mend the world's brightness")


def _expose_band(
    band: Filter,
    light: Light,
    per_light: float,
    detector: Detector,
    perijove: int,
    binning: int,
    lookup: Codes,
    seed: int,
) -> _Band:
    """Expose all framelets of one filter; each has its own random numbers, so that their order does not matter."""
    flat, which = detector.flat(band), list(Filter).index(band)
    dn = light * (np.float32(per_light) * flat)
    veil = stray_light(dn, detector.stray_light) * flat
    chip = np.random.default_rng([detector.chip, 2, which])
    hot_count = detector.hot_pixels * WAIT[band] * max(perijove, 0) / HOT_PERIJOVE
    hot = hot_places((FRAMELET_LINES, SAMPLES), hot_count, chip)
    offset = np.random.default_rng([detector.chip, 3]).standard_normal(SAMPLES).astype(np.float32)
    offset *= np.float32(detector.column_offset_dn)
    hits_count = hits_at(perijove) if detector.hits_per_framelet is None else detector.hits_per_framelet
    shape = len(light), FRAMELET_LINES // binning, SAMPLES // binning
    codes, hits = np.empty(shape, np.uint8), np.zeros(shape, np.bool_)
    for f in range(len(light)):
        rng = np.random.default_rng([seed, which, f])
        charge = dn[f] + veil[f]
        if detector.shot_noise:
            charge += np.sqrt(charge / np.float32(detector.gain_e_dn)) * rng.standard_normal(charge.shape, np.float32)
        charge += hot
        hits[f] = _any(strike(charge, hits_count * WAIT[band], rng), binning)
        number = _read_out(charge, offset, detector, rng)
        codes[f] = lookup[np.rint(_mean(number, binning)).astype(np.int16)]
    return _Band(codes, dn, hits, _any(hot > 0, binning))


def _read_out(charge: Light, offset: Light, detector: Detector, rng: np.random.Generator) -> Light:
    """The 12-bit numbers (lines, samples) that charge in DN is read as; `offset` (samples,) is the columns'."""
    if detector.full_dn is not None:
        if detector.bloom:
            spill(charge, np.float32(detector.full_dn))
        np.minimum(charge, np.float32(detector.full_dn), out=charge)
    if detector.read_noise_e:
        charge += np.float32(detector.read_noise_e / detector.gain_e_dn) * rng.standard_normal(charge.shape, np.float32)
    bias = detector.bias_dn + detector.bias_jitter_dn * rng.standard_normal()
    number: Light = np.clip(np.rint(charge + (offset + np.float32(bias))), 0, ADC_MAX).astype(np.float32)
    return number


def _any(mask: Mask, binning: int) -> Mask:
    """Where (lines', samples') any of the pixels that are summed is true."""
    lines, samples = mask.shape
    blocks = mask.reshape(lines // binning, binning, samples // binning, binning)
    return np.asarray(blocks.any(axis=(1, 3)), np.bool_)


def _mean(plane: Light, binning: int) -> Light:
    """Mean (lines', samples') of the pixels that are summed."""
    lines, samples = plane.shape
    out: Light = plane.reshape(lines // binning, binning, samples // binning, binning).mean(axis=(1, 3))
    return out


def stray_light(dn: Light, share: float) -> Light:
    """Veil (frames, 1, samples) in DN: a share of the mean light of the columns and frames around."""
    columns: Light = dn.mean(axis=1)
    if share == 0.0:
        return np.zeros((len(dn), 1, dn.shape[2]), np.float32)
    veil = gaussian_filter1d(columns, VEIL_FRAMES, axis=0, mode="nearest")
    veil = gaussian_filter1d(veil, VEIL_SAMPLES, axis=1, mode="constant")
    out: Light = np.float32(share) * veil[:, None]
    return out


@kernel
def spill(charge: Light, full: np.float32) -> None:
    """Let what is above `full` in `charge` (lines, samples) run along its column, half each way, into what has room.

    In place; what reaches the ends of the framelet is lost.
    """
    lines, samples = charge.shape
    up = np.zeros(lines, np.float32)
    for j in range(samples):
        carried, any_up = np.float32(0), False
        for i in range(lines):
            over = charge[i, j] - full
            up[i] = np.float32(0)
            if over > 0:
                charge[i, j] = full
                up[i] = over / 2
                carried += over / 2
                any_up = True
            elif carried > 0:
                taken = min(carried, -over)
                charge[i, j] += taken
                carried -= taken
        if not any_up:
            continue
        carried = np.float32(0)
        for i in range(lines - 1, -1, -1):
            taken = min(carried, full - charge[i, j])
            charge[i, j] += taken
            carried += up[i] - taken
