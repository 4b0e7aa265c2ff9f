"""The recipe 'enhanced': illumination divided out, contrast and colour brought forward, limb and sky left in peace.

Everything is done in lightness and colour as the eye sees them (Oklab), so that no step shifts a hue. All
smoothing is a mean over the lit disc alone: nothing bright leaks into the sky or dark into the limb, hence no halo.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from perijove.enhance.exposure import (
    DARKEST_SHARE,
    NIGHT_COSINE,
    SKY_KM,
    colour_sum,
    encode_srgb,
    expose,
    lit_disc,
    picture_bands,
    sky_level,
    take_shading,
    white_level,
)
from perijove.enhance.highlights import true_light
from perijove.enhance.masked import blur, smooth
from perijove.enhance.oklab import from_oklab, to_oklab
from perijove.enhance.picture import Picture
from perijove.enhance.rows import over_rows
from perijove.enhance.settings import Settings
from perijove.instrument import Filter
from perijove.render.planes import Planes

Plane = NDArray[np.float32]


@dataclass(frozen=True)
class Strength:
    """How far each step of the recipe goes.

    `flatten` is the exponent of the cosine of incidence that is divided out, `floor` what keeps the terminator from
    being blown up. `tone` is the steepness of the tone curve at the disc's middle lightness. Detail on the `scales`
    (native px) is raised at most `contrast` times where it is weaker than `even` (in lightness). `saturation`
    multiplies the colour's departure from the disc's mean, which itself is raised by `warmth`. `sharpen` multiplies
    the finest detail.
    """

    flatten: float = 0.8
    floor: float = 0.15
    tone: float = 1.4
    scales: tuple[float, ...] = (4.0, 16.0, 60.0)
    contrast: tuple[float, ...] = (2.2, 2.2, 1.6)
    even: float = 0.035
    saturation: float = 2.3
    warmth: float = 1.4
    sharpen: float = 0.6


STRENGTH = Strength()
MIDDLE = 0.70
"""Lightness that the middle of the lit disc is given."""
HIGHEST = 0.7
"""Most light that the brightest parts of the disc are given, which may make a disc with a bright hood darker."""
HAZE_KM = 300.0
"""Height below which a ray that misses the body may show haze: it goes over into sky at `SKY_KM`."""
ROUNDING = 0.12
"""Width in the cosine of incidence over which the division by it begins."""
TWILIGHT = (-0.12, 0.03)
"""Cosines of incidence between which the night, left dark, goes over into the day, evened out."""


def enhanced(
    planes: Planes,
    balance: Mapping[Filter, float] | None = None,
    full: Mapping[Filter, float] | None = None,
    given: Mapping[str, float] | None = None,
    gain: Plane | None = None,
    strength: Strength = STRENGTH,
) -> Picture:
    """The picture with illumination divided out, local contrast, saturation and sharpness raised; sRGB's transfer."""
    bands = picture_bands(planes.bands)
    native = planes.native
    # where the picture is coarser than the camera there is nothing finer than its own pixels
    unit = max(native, 0.8)
    lit = lit_disc(planes)
    settings = Settings(given)
    light = true_light(planes, bands, balance, full, lit, settings)
    if gain is not None:
        take_shading(light, planes, gain, settings)
    white = settings.one("white", lambda: white_level(light, lit, 99.5))
    black = settings.each("black", bands, lambda: np.minimum(sky_level(light, planes), DARKEST_SHARE * white))
    light -= black.astype(np.float32)
    quiet_dark(light, planes, bands, white, settings)
    trust = confidence(light, white, planes.hit, unit)
    if gain is None:
        light *= illumination_gain(planes, unit, strength)[..., None]
    middle = settings.one("middle", lambda: white_level(light, trust > 0.5, 50.0, mean=True))
    high = settings.one("high", lambda: white_level(light, trust > 0.5, 99.5, mean=True))
    expose(light, np.zeros(len(bands)), min(MIDDLE**3 / middle, HIGHEST / high))
    lab = to_lab(light)
    lab[0] = tone_curve(even_contrast(lab[0], trust, unit, strength, settings), strength.tone)
    if len(bands) == 3:
        bring_out_colour(lab, trust, unit, strength, settings)
    from_lab(lab, light)
    encode_srgb(light)
    return Picture(light, bands, "srgb", "enhanced", settings.chosen | {"native_px": native})


def quiet_dark(light: Plane, planes: Planes, bands: tuple[Filter, ...], white: float, settings: Settings) -> None:
    """Calm sky, night and twilight of the light (h, w, bands) in place: lone specks go, and noise sinks into black.

    What stands out of a 5 x 5 px median is cut down to it; in sky and night v then becomes v * v / (v + noise), which
    leaves the brighter glow of the haze as it is.
    """
    cosine = np.nan_to_num(planes.cos_incidence, nan=1.0)
    sky = smooth_step(HAZE_KM, SKY_KM, np.nan_to_num(planes.altitude_km))
    share = np.maximum(sky, smooth_step(0.5 * NIGHT_COSINE, NIGHT_COSINE, cosine))
    calm = np.maximum(sky, smooth_step(0.12, 0.05, cosine))
    dark = share == 1.0

    def levels() -> NDArray[np.float64]:
        if not dark.any():
            return np.full(len(bands), np.nan)
        found = [float(np.median(np.abs(np.nan_to_num(light[..., k])[dark]))) for k in range(len(bands))]
        return np.minimum(3 * 1.4826 * np.array(found), 0.02 * white)

    noises = settings.each("dark_noise", bands, levels)
    if np.isnan(noises).any():
        return
    for k, level in enumerate(noises):
        plane = np.nan_to_num(light[..., k])
        middle = np.asarray(cv2.medianBlur(plane, 5))
        noise = np.float32(level)
        # by a tenth of the light more, lest the grain of the twilight be flattened
        value = np.minimum(plane, 1.1 * np.maximum(middle, 0.0) + noise)
        light[..., k] += calm * (value - plane)
        value = np.clip(value, 0.0, None)
        light[..., k] -= share * value * noise / (value + max(noise, np.float32(1e-9)))


def confidence(light: Plane, white: float, hit: NDArray[np.bool_], unit: float) -> Plane:
    """How far (0 to 1) a pixel (h, w) may be changed: 0 off the disc and in its darkest parts, rising inwards.

    The signal decides at the terminator: all is done from 6 % of white on.
    """
    total = colour_sum(light)
    seen = np.isfinite(total)
    mean = np.nan_to_num(total) * np.float32(1.0 / (light.shape[2] * white))
    # smoothed, lest noise decide about itself
    (level,) = smooth([mean], np.asarray(seen, dtype=np.float32), 3.0 * unit)
    rise = smooth_step(0.008, 0.06, level)
    disc = (hit & seen).astype(np.float32)
    trust: Plane = rise * np.clip(2.0 * blur(disc, 2.0 * unit) - 1.0, 0.0, 1.0) * disc
    return trust


def smooth_step(low: float, high: float, value: Plane) -> Plane:
    """0 at `low` and before, 1 at `high` and beyond, and a smooth rise between; `high` may be the smaller."""
    part = np.clip((value - np.float32(low)) / np.float32(high - low), 0.0, 1.0)
    step: Plane = (part * part * (3 - 2 * part)).astype(np.float32)
    return step


def illumination_gain(planes: Planes, unit: float, strength: Strength) -> Plane:
    """Factor (h, w) that makes the disc evenly lit, carried smoothly beyond the limb and to 1 in sky and night.

    The cosine is smoothed before it is used, so that the factor passes over the limb without an edge.
    """
    known = np.isfinite(planes.cos_incidence)
    if not known.any():
        return np.ones(known.shape, np.float32)
    (cosine,) = smooth([np.nan_to_num(planes.cos_incidence)], known.astype(np.float32), 8.0 * unit, far=1.0)
    # rounded off at the terminator, where a power of the cosine alone would draw a bright line
    rounded = 0.5 * (cosine + np.sqrt(cosine * cosine + np.float32(ROUNDING**2)))
    shade = rounded ** np.float32(strength.flatten)
    gain = (1.0 + strength.floor) / (shade + strength.floor)
    return np.asarray(1.0 + (gain - 1.0) * smooth_step(*TWILIGHT, cosine), dtype=np.float32)


def even_contrast(lightness: Plane, trust: Plane, unit: float, strength: Strength, settings: Settings) -> Plane:
    """Lightness (h, w) with its detail raised where it is weak but above the noise, by `trust`."""
    weight = trust + np.float32(1e-6)
    out = lightness.copy()
    finer = lightness
    for scale, most in zip(strength.scales, strength.contrast, strict=True):
        (base,) = smooth([lightness], weight, scale * unit)
        detail = finer - base
        (power,) = smooth([detail * detail], weight, 2.0 * scale * unit)
        gain = np.clip(np.float32(strength.even) / np.sqrt(power + np.float32(1e-8)), 1.0, most) - 1.0
        if finer is lightness:
            # only the finest scale is noisy: the quietest parts of the disc tell how much
            noise = settings.one("detail_noise", partial(quietest, power, trust))
            signal = np.maximum(power - noise, 0.0) / (power + np.float32(1e-12))
            gain = signal * (gain + np.float32(strength.sharpen)) - np.float32(0.25) * (1.0 - signal)
        out += trust * gain * detail
        finer = base
    return out


def quietest(power: Plane, trust: Plane) -> float:
    """The power (h, w) of detail in the quietest parts of the disc."""
    good = trust[::4, ::4] > 0.5
    return float(np.percentile(power[::4, ::4][good], 15)) if good.any() else 0.0


def tone_curve(lightness: Plane, steepness: float) -> Plane:
    """Lightness (h, w) of 0 to 1 spread about `MIDDLE`: black, the middle and white stay, nothing is clipped."""
    value = np.clip(lightness, 0.0, 1.0)
    below = MIDDLE * (value / np.float32(MIDDLE)) ** np.float32(steepness)
    above = 1.0 - (1.0 - MIDDLE) * ((1.0 - value) / np.float32(1.0 - MIDDLE)) ** np.float32(steepness)
    curve: Plane = np.where(value < MIDDLE, below, above).astype(np.float32)
    return curve


def bring_out_colour(lab: Plane, trust: Plane, unit: float, strength: Strength, settings: Settings) -> None:
    """Raise the colours of `lab` (3, h, w) in place about the disc's own mean, and calm their noise."""
    # the eye sees colour coarsely, and the blue framelets are the noisiest
    calm = smooth([lab[1], lab[2]], trust + np.float32(1e-4), 2.0 * unit)
    means = [float((plane * trust).sum() / max(float(trust.sum()), 1.0)) for plane in calm]
    for k, plane in zip((1, 2), calm, strict=True):
        mean = settings.one(("", "mean_a", "mean_b")[k], partial(float, means[k - 1]))
        raised = np.float32(strength.saturation) * (plane - np.float32(mean)) + np.float32(strength.warmth * mean)
        lab[k] += trust * (raised - lab[k])


def to_lab(light: Plane) -> Plane:
    """Oklab planes (3, h, w) of linear light (h, w, 3); the lightness alone (1, h, w) of a grey picture (h, w, 1)."""
    lab = np.empty((light.shape[2], *light.shape[:2]), np.float32)
    if light.shape[2] == 1:
        lab[0] = np.cbrt(np.maximum(np.nan_to_num(light[..., 0]), 0.0))
    else:
        over_rows(lambda rows: to_oklab(light[rows], lab[:, rows]), light.shape[0])
    return lab


def from_lab(lab: Plane, light: Plane) -> None:
    """Replace the light (h, w, bands), save where it is NaN, by that of `lab` (bands, h, w)."""
    if light.shape[2] == 1:
        np.copyto(light[..., 0], np.clip(lab[0], 0.0, 1.0) ** 3, where=np.isfinite(light[..., 0]))
    else:
        over_rows(lambda rows: from_oklab(lab[:, rows], light[rows]), light.shape[0])
