"""Steps of the recipe 'enhanced': illumination divided out, contrast and colour brought forward, limb and sky in peace.

What they do to colour is done in lightness and colour as the eye sees them (Oklab), so that none shifts a hue. All
smoothing is a mean over the lit disc alone: nothing bright leaks into the sky or dark into the limb, hence no halo.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from perijove.enhance.exposure import colour_sum, expose, white_level
from perijove.enhance.masked import blur, smooth
from perijove.enhance.steps import Draft, Space, number, numbers, step
from perijove.render.planes import Planes

Plane = NDArray[np.float32]


@dataclass(frozen=True)
class QuietDark:
    """How sky, night and twilight are calmed."""

    haze_km: float = number(300.0, 0.0, 1e5, "height below which a ray beside the body may show haze, which is kept")
    sky_km: float = number(900.0, 1.0, 1e6, "height from which it sees only sky")
    night_cosine: float = number(-0.2, -1.0, -0.001, "cosine of incidence below which the ground is night")
    calm_from: float = number(0.12, -1.0, 1.0, "cosine of incidence at which lone specks begin to be taken off")
    calm_to: float = number(0.05, -1.0, 1.0, "cosine of incidence from which on they are wholly")
    specks: float = number(1.1, 1.0, 10.0, "times its surroundings' light that a pixel may have in the twilight")
    sigmas: float = number(3.0, 0.0, 20.0, "standard deviations of the noise that sink into black")
    share: float = number(0.02, 0.0, 1.0, "most of white that is taken for noise")

    def check(self) -> None:
        """Refuse, with ValueError, heights and cosines in the wrong order."""
        if self.haze_km >= self.sky_km:
            raise ValueError(f"haze_km is {self.haze_km:g} and sky_km {self.sky_km:g}: give a sky above the haze")
        if self.calm_to >= self.calm_from:
            raise ValueError(f"calm_to is {self.calm_to:g}, calm_from {self.calm_from:g}: give a calm_to below it")


@step("quiet-dark", QuietDark, backplanes=True, needs=("white",))
def quiet_dark(draft: Draft, numbers: QuietDark) -> None:
    """Calms sky, night and twilight: lone specks go, and noise sinks into black, the brighter glow of haze stays.

    What stands out of a 5 x 5 px median is cut down to it; in sky and night v then becomes v * v / (v + noise).
    """
    light, planes, white = draft.light, draft.planes, draft.white
    cosine = np.nan_to_num(planes.cos_incidence, nan=1.0)
    sky = smooth_step(numbers.haze_km, numbers.sky_km, np.nan_to_num(planes.altitude_km))
    night = numbers.night_cosine
    share = np.maximum(sky, smooth_step(0.5 * night, night, cosine))
    calm = np.maximum(sky, smooth_step(numbers.calm_from, numbers.calm_to, cosine))
    dark = share == 1.0

    def levels() -> NDArray[np.float64]:
        if not dark.any():
            return np.full(len(draft.bands), np.nan)
        found = [float(np.median(np.abs(np.nan_to_num(light[..., k])[dark]))) for k in range(len(draft.bands))]
        return np.minimum(numbers.sigmas * 1.4826 * np.array(found), numbers.share * white)

    noises = draft.settings.each("dark_noise", draft.bands, levels)
    if np.isnan(noises).any():
        return
    for k, level in enumerate(noises):
        plane = np.nan_to_num(light[..., k])
        middle = np.asarray(cv2.medianBlur(plane, 5))
        noise = np.float32(level)
        # by a tenth of the light more, lest the grain of the twilight be flattened
        value = np.minimum(plane, numbers.specks * np.maximum(middle, 0.0) + noise)
        light[..., k] += calm * (value - plane)
        value = np.clip(value, 0.0, None)
        light[..., k] -= share * value * noise / (value + max(noise, np.float32(1e-9)))


@dataclass(frozen=True)
class Confidence:
    """Where a picture may be changed."""

    none_below: float = number(0.008, 0.0, 1.0, "share of white up to which nothing is changed")
    all_from: float = number(0.06, 0.0, 1.0, "share of white from which on everything is")
    smooth_px: float = number(3.0, 0.5, 50.0, "camera px over which the light is smoothed before it decides")
    rim_px: float = number(2.0, 0.5, 50.0, "camera px within the limb over which it rises")

    def check(self) -> None:
        """Refuse, with ValueError, levels in the wrong order."""
        if self.none_below >= self.all_from:
            raise ValueError(
                f"none_below is {self.none_below:g} and all_from {self.all_from:g}: give an all_from above it"
            )


@step("confidence", Confidence, backplanes=True, needs=("white",), reach=lambda n: 3.0 * max(n.smooth_px, n.rim_px))
def confide(draft: Draft, numbers: Confidence) -> None:
    """Finds how far each pixel may be changed: not at all in sky, night and darkest parts, wholly within the disc."""
    draft.trust = confidence(draft.light, draft.white, draft.planes.hit, draft.unit, numbers)


def confidence(
    light: Plane, white: float, hit: NDArray[np.bool_], unit: float, numbers: Confidence | None = None
) -> Plane:
    """How far (0 to 1) a pixel (h, w) may be changed: 0 off the disc and in its darkest parts, rising inwards.

    The signal decides at the terminator.
    """
    numbers = numbers or Confidence()
    total = colour_sum(light)
    seen = np.isfinite(total)
    mean = np.nan_to_num(total) * np.float32(1.0 / (light.shape[2] * white))
    # smoothed, lest noise decide about itself
    (level,) = smooth([mean], np.asarray(seen, dtype=np.float32), numbers.smooth_px * unit)
    rise = smooth_step(numbers.none_below, numbers.all_from, level)
    disc = (hit & seen).astype(np.float32)
    trust: Plane = rise * np.clip(2.0 * blur(disc, numbers.rim_px * unit) - 1.0, 0.0, 1.0) * disc
    return trust


def smooth_step(low: float, high: float, value: Plane) -> Plane:
    """0 at `low` and before, 1 at `high` and beyond, and a smooth rise between; `high` may be the smaller."""
    part = np.clip((value - np.float32(low)) / np.float32(high - low), 0.0, 1.0)
    step: Plane = (part * part * (3 - 2 * part)).astype(np.float32)
    return step


@dataclass(frozen=True)
class Flatten:
    """How illumination is divided out."""

    power: float = number(0.8, 0.0, 2.0, "exponent of the cosine of incidence that is divided out")
    floor: float = number(0.15, 0.001, 10.0, "what keeps the terminator from being blown up")
    rounding: float = number(0.12, 0.001, 1.0, "width in the cosine of incidence over which the division begins")
    dark: float = number(-0.12, -1.0, 1.0, "cosine of incidence up to which the night is left dark")
    light: float = number(0.03, -1.0, 1.0, "cosine of incidence from which on the day is evened out")
    smooth_px: float = number(8.0, 0.5, 100.0, "camera px over which the cosine is smoothed")

    def check(self) -> None:
        """Refuse, with ValueError, a night that is lighter than day."""
        if self.dark >= self.light:
            raise ValueError(f"dark is {self.dark:g} and light {self.light:g}: give a light above it")


@step("even-illumination", Flatten, backplanes=True, reach=lambda n: 3.0 * n.smooth_px)
def even_illumination(draft: Draft, numbers: Flatten) -> None:
    """Makes the disc evenly lit; does nothing where --photometry takes the shading off."""
    if draft.gain is None:
        draft.light *= illumination_gain(draft.planes, draft.unit, numbers)[..., None]


def illumination_gain(planes: Planes, unit: float, numbers: Flatten) -> Plane:
    """Factor (h, w) that makes the disc evenly lit, carried smoothly beyond the limb and to 1 in sky and night.

    The cosine is smoothed before it is used, so that the factor passes over the limb without an edge.
    """
    known = np.isfinite(planes.cos_incidence)
    if not known.any():
        return np.ones(known.shape, np.float32)
    smoothing = numbers.smooth_px * unit
    (cosine,) = smooth([np.nan_to_num(planes.cos_incidence)], known.astype(np.float32), smoothing, far=1.0)
    # rounded off at the terminator, where a power of the cosine alone would draw a bright line
    rounded = 0.5 * (cosine + np.sqrt(cosine * cosine + np.float32(numbers.rounding**2)))
    shade = rounded ** np.float32(numbers.power)
    gain = (1.0 + numbers.floor) / (shade + numbers.floor)
    return np.asarray(1.0 + (gain - 1.0) * smooth_step(numbers.dark, numbers.light, cosine), dtype=np.float32)


@dataclass(frozen=True)
class ExposeMiddle:
    """The exposure by the middle of the disc."""

    lightness: float = number(0.70, 0.05, 0.99, "Oklab lightness that the middle of the lit disc is given")
    highest: float = number(0.7, 0.01, 1.0, "most light for the brightest parts, which may make all darker")
    percentile: float = number(99.5, 50.0, 100.0, "percentile over the disc that is the brightest parts")
    shoulder: float = number(0.8, 0.01, 0.999, "linear light above which highlights are rolled off towards 1")


@step("expose-middle", ExposeMiddle, needs=("confidence",))
def expose_middle(draft: Draft, numbers: ExposeMiddle) -> None:
    """Makes the middle of the lit disc as light as is wanted; what is brightest is rolled off, its hue kept."""
    light, settings, trust = draft.light, draft.settings, trusted(draft)
    middle = settings.one("middle", lambda: white_level(light, trust > 0.5, 50.0, mean=True))
    high = settings.one("high", lambda: white_level(light, trust > 0.5, numbers.percentile, mean=True))
    scale = min(numbers.lightness**3 / middle, numbers.highest / high)
    black = draft.black if len(draft.black) else np.zeros(len(draft.bands))
    expose(light, black, scale, numbers.shoulder)
    draft.black = np.zeros(len(draft.bands))


def trusted(draft: Draft) -> Plane:
    """How far each pixel (h, w) may be changed, as the step `confidence` found it."""
    assert draft.trust is not None  # a recipe without that step is refused
    return draft.trust


@dataclass(frozen=True)
class LocalContrast:
    """How detail is raised."""

    scales_px: tuple[float, ...] = numbers((4.0, 16.0, 60.0), 0.5, 400.0, "camera px of the detail, rising")
    most: tuple[float, ...] = numbers((2.2, 2.2, 1.6), 1.0, 10.0, "most that it is raised, for each scale")
    even: float = number(0.035, 0.0, 1.0, "strength in lightness to which weaker detail is raised")
    sharpen: float = number(0.6, 0.0, 5.0, "how much more the finest detail is raised")

    def check(self) -> None:
        """Refuse, with ValueError, lists that do not go together."""
        if len(self.scales_px) != len(self.most):
            raise ValueError(f"most has {len(self.most)} numbers and scales_px {len(self.scales_px)}: give as many")
        if list(self.scales_px) != sorted(set(self.scales_px)):
            raise ValueError(f"scales_px is {list(self.scales_px)}: give rising ones")


@step(
    "local-contrast", LocalContrast, space=Space.OKLAB, needs=("confidence",), reach=lambda n: 3.0 * n.scales_px[-1]
)  # fmt: skip
def local_contrast(draft: Draft, numbers: LocalContrast) -> None:
    """Raises detail where it is weak but above the noise, on several scales, and sharpens the finest."""
    draft.settings.note("native_px", draft.planes.native)
    lightness, trust, unit = draft.lab[0], trusted(draft), draft.unit
    weight = trust + np.float32(1e-6)
    out = lightness.copy()
    finer = lightness
    for scale, most in zip(numbers.scales_px, numbers.most, strict=True):
        (base,) = smooth([lightness], weight, scale * unit)
        detail = finer - base
        (power,) = smooth([detail * detail], weight, 2.0 * scale * unit)
        gain = np.clip(np.float32(numbers.even) / np.sqrt(power + np.float32(1e-8)), 1.0, most) - 1.0
        if finer is lightness:
            # only the finest scale is noisy: the quietest parts of the disc tell how much
            noise = draft.settings.one("detail_noise", partial(quietest, power, trust))
            signal = np.maximum(power - noise, 0.0) / (power + np.float32(1e-12))
            gain = signal * (gain + np.float32(numbers.sharpen)) - np.float32(0.25) * (1.0 - signal)
        out += trust * gain * detail
        finer = base
    draft.lab[0] = out


def quietest(power: Plane, trust: Plane) -> float:
    """The power (h, w) of detail in the quietest parts of the disc."""
    good = trust[::4, ::4] > 0.5
    return float(np.percentile(power[::4, ::4][good], 15)) if good.any() else 0.0


@dataclass(frozen=True)
class Tone:
    """The tone curve."""

    steepness: float = number(1.4, 0.2, 5.0, "steepness at the middle lightness: above 1 more contrast, below 1 less")
    middle: float = number(0.70, 0.05, 0.95, "lightness that stays as it is")


@step("tone-curve", Tone, space=Space.OKLAB)
def tone(draft: Draft, numbers: Tone) -> None:
    """Spreads lightness about its middle: black, the middle and white stay, nothing is clipped."""
    draft.lab[0] = tone_curve(draft.lab[0], numbers.steepness, numbers.middle)


def tone_curve(lightness: Plane, steepness: float, middle: float = 0.70) -> Plane:
    """Lightness (h, w) of 0 to 1 spread about its middle: black, the middle and white stay, nothing is clipped."""
    value = np.clip(lightness, 0.0, 1.0)
    below = middle * (value / np.float32(middle)) ** np.float32(steepness)
    above = 1.0 - (1.0 - middle) * ((1.0 - value) / np.float32(1.0 - middle)) ** np.float32(steepness)
    curve: Plane = np.where(value < middle, below, above).astype(np.float32)
    return curve


@dataclass(frozen=True)
class Saturate:
    """How colours are raised."""

    saturation: float = number(2.3, 0.0, 10.0, "times the colour's departure from the disc's mean")
    warmth: float = number(1.4, 0.0, 10.0, "times that mean itself")
    smooth_px: float = number(2.0, 0.5, 50.0, "camera px over which colour is smoothed")


@step("saturate", Saturate, space=Space.OKLAB, needs=("confidence",), reach=lambda n: 3.0 * n.smooth_px)
def saturate(draft: Draft, numbers: Saturate) -> None:
    """Raises the colours about the disc's own mean, and calms their noise; leaves a grey picture alone."""
    if len(draft.lab) != 3:
        return
    lab, trust = draft.lab, trusted(draft)
    # the eye sees colour coarsely, and the blue framelets are the noisiest
    calm = smooth([lab[1], lab[2]], trust + np.float32(1e-4), numbers.smooth_px * draft.unit)
    means = [float((plane * trust).sum() / max(float(trust.sum()), 1.0)) for plane in calm]
    for k, plane in zip((1, 2), calm, strict=True):
        mean = draft.settings.one(("", "mean_a", "mean_b")[k], partial(float, means[k - 1]))
        raised = np.float32(numbers.saturation) * (plane - np.float32(mean)) + np.float32(numbers.warmth * mean)
        lab[k] += trust * (raised - lab[k])
