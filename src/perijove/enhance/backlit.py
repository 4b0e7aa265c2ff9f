"""Steps of the recipe 'backlit': a crescent, its haze and the night in one picture.

Light is one brightness times the colours' ratios to it. The brightness is freed of noise and compressed by one curve
for the whole picture, which draws no halo since it knows no neighbours; what the curve takes from the contrast of the
clouds is given back by detail that is measured on the disc alone, after the shading is taken off. The ratios are
smoothed the more the fainter the light is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from perijove.calibrate.noise import ELECTRONS_PER_DN
from perijove.calibrate.runs import FULL_DN
from perijove.enhance.hdr import (
    compress,
    decode_srgb,
    detail_scales,
    dither_rows,
    noise_shares,
    steady_ratios,
    without_noise,
)
from perijove.enhance.masked import blur, smooth
from perijove.enhance.steps import Draft, Space, count, number, numbers, step, word
from perijove.instrument import FOCAL_LENGTH_PX

Plane = NDArray[np.float32]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

MOST_SAMPLES = 200_000
SKY_PX = 4.0
"""What the camera's blur and the renderer spread beyond the haze, camera px."""
STAR_SIGMA, BAND_SIGMA = 6.0, 3.0
"""A star stands this far out of the noise in all colours together, and in the second brightest of them."""


@dataclass(frozen=True)
class FaintLight:
    """How faint light is freed of noise."""

    signal: float = number(25.0, 1.0, 1000.0, "signal over noise that colours are smoothed to")
    widest_px: float = number(24.0, 1.0, 100.0, "sigma of the widest mean of colours, camera px")
    strength: float = number(1.0, 0.0, 10.0, "how much of the noise is taken off the brightness; 0 for none")
    scales: int = count(5, 1, 6, "scales, each twice as wide as the one before, on which noise is taken off")
    sky: str = word("black", ("keep", "black"), "whether stars and rings stay, or the sky beyond the haze is black")
    rim_px: float = number(8.0, 0.0, 100.0, "sigma of the mean of colours along the limb, camera px; 0 for none")
    haze_km: float = number(500.0, 0.0, 1e5, "height that the haze reaches, and from which the sky becomes black")


@step("faint-light", FaintLight, backplanes=True, reach=lambda n: 3.0 * (n.widest_px + 0.8 * 2.0**n.scales))
def faint_light(draft: Draft, numbers: FaintLight) -> None:
    """Takes noise off faint light and its colours; stars stay sharp, or the sky becomes black."""
    light, unit = draft.light, draft.unit
    seen = np.isfinite(light).all(axis=-1)
    known = seen.astype(np.float32)
    filled = np.where(seen[..., None], light, np.float32(0))
    noise = typical_noise(noise_of(draft, filled))
    shares = noise_weights(draft, noise)
    total = weighed(filled, shares)
    sigma = np.sqrt(weighed(noise * noise, shares * shares))
    # what no other colour and no neighbour knows of is a hit
    sky, dark = sky_share(draft, numbers.haze_km), dark_places(draft, numbers.haze_km) & seen
    stars = find_stars(filled, noise, sky * known, unit)
    filled = without_specks(filled, noise, dark & (stars == 0.0))
    total = weighed(filled, shares)
    calm, level = calmed(draft, total, sigma, known, dark, numbers)
    ground = draft.lit & seen & (calm > 10 * sigma)
    far = draft.settings.each("ratio_far", draft.bands, lambda: mean_ratios(filled, total, ground))
    without = known * (1.0 - stars)
    ratios = steady_ratios(
        filled, total, sigma, without, [float(value) for value in far], unit, numbers.signal, numbers.widest_px
    )
    ratios = even_rim(draft, ratios, filled, total, sigma, known, numbers)
    if numbers.sky == "black":
        stars = np.zeros_like(stars)
        level = level * (1.0 - sky)
    out = ratios * level[..., None]
    out += stars[..., None] * (filled - out)
    np.copyto(light, out.astype(np.float32), where=seen[..., None])
    draft.left["noise"] = sigma
    draft.left["shares"] = shares


def weighed(light: Plane, shares: Floats) -> Plane:
    """Sum (h, w) of the bands of light (h, w, bands), each times its share."""
    total: Plane = light @ shares.astype(np.float32)
    return total


def noise_of(draft: Draft, light: Plane) -> Plane:
    """Standard deviation (h, w, bands) of light (h, w, bands): the planes' own, or that of the electrons' number."""
    planes = draft.planes
    factors = np.array([draft.balance.get(band, 1.0) for band in draft.bands], np.float32)
    if len(planes.sigma):
        sigma = np.moveaxis(planes.sigma[[planes.bands.index(band) for band in draft.bands]], 0, -1) * factors
        # without data there is no noise either
        return np.nan_to_num(sigma, nan=0.0)
    full = np.array([draft.full.get(band, 2.0) for band in draft.bands], np.float32) * factors
    dn = full / np.float32(FULL_DN)
    noise: Plane = np.sqrt(dn * dn + np.maximum(light, 0.0) * dn / np.float32(ELECTRONS_PER_DN))
    return noise


def typical_noise(noise: Plane) -> Plane:
    """Noise (h, w, bands) as it is around: a hit's own electrons must not excuse it."""
    planes = [cv2.medianBlur(np.ascontiguousarray(noise[..., k]), 5) for k in range(noise.shape[2])]
    out: Plane = np.minimum(noise, np.stack(planes, axis=-1))
    return np.where(out > 0.0, out, noise)


def noise_weights(draft: Draft, noise: Plane) -> Floats:
    """Shares (bands,) of the bands in the brightness, of sum 1: as the inverse of the noise's power in the median."""

    def measure() -> Floats:
        part = noise.reshape(-1, noise.shape[2])
        part = part[(part > 0.0).all(axis=-1)][:: max(1, len(part) // MOST_SAMPLES)]
        power = np.median(part, axis=0).astype(float) ** 2 if len(part) else np.ones(noise.shape[2])
        weight = 1.0 / power
        return np.asarray(weight / weight.sum())

    return draft.settings.each("share", draft.bands, measure)


def sky_share(draft: Draft, haze_km: float) -> Plane:
    """How far (0 to 1, (h, w)) a pixel shows sky beyond the haze: from `haze_km`, and what the camera blurs it by, to
    twice as far."""
    altitude = np.nan_to_num(draft.planes.altitude_km, nan=-1.0)
    first = haze_km + SKY_PX * km_per_px(draft)
    part = np.clip((altitude - np.float32(first)) / np.float32(first), 0.0, 1.0)
    share: Plane = (part * part * (3.0 - 2.0 * part)).astype(np.float32)
    return share


def km_per_px(draft: Draft) -> float:
    """Kilometres that a camera pixel spans at the body; 0 on a map, beside which there is no sky."""
    grid = draft.planes.grid
    place = getattr(grid, "position_km", None)
    return 0.0 if place is None else float(np.linalg.norm(place)) / FOCAL_LENGTH_PX


def dark_places(draft: Draft, haze_km: float) -> Mask:
    """Where (h, w) there is nothing but noise: sky well beyond the haze, and night."""
    planes = draft.planes
    with np.errstate(invalid="ignore"):
        beyond = planes.altitude_km > 2.0 * (haze_km + SKY_PX * km_per_px(draft))
        night = planes.hit & (planes.cos_incidence < -0.25) & (planes.cos_emission > 0.2)
    return np.asarray(beyond | night)


def find_stars(light: Plane, noise: Plane, sky: Plane, unit: float) -> Plane:
    """How far (0 to 1, (h, w)) a pixel of `sky` (h, w, 0 to 1) belongs to a star in light (h, w, bands) of some noise.

    A star stands out in two colours at the same place: what does so in one is a particle's hit.
    """
    if not sky.any():
        return np.zeros(sky.shape, np.float32)
    bands = light.shape[2]
    heights = np.empty_like(light)
    for k in range(bands):
        point = blur(light[..., k], 0.7 * unit) - blur(light[..., k], 3.0 * unit)
        floor = np.maximum(blur(noise[..., k], 3.0 * unit), np.float32(1e-12))
        heights[..., k] = point / floor
    # the noise of such a difference against that of a pixel
    heights /= np.float32(0.45)
    together = heights.sum(axis=-1) / np.float32(math.sqrt(bands))
    second = np.sort(heights, axis=-1)[..., -2] if bands > 1 else heights[..., 0]
    found = (together > STAR_SIGMA) & (second > BAND_SIGMA) & (sky > 0.5)
    side = 2 * math.ceil(2.0 * unit) + 1
    around = cv2.dilate(found.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    share: Plane = blur(np.asarray(around, dtype=np.float32), 0.5 * unit) * sky
    return share


def without_specks(light: Plane, noise: Plane, dark: Mask) -> Plane:
    """Light (h, w, bands) cut down to 2.5 sigma above its 5 x 5 px median where it is `dark` (h, w)."""
    out = light.copy()
    for k in range(light.shape[2]):
        plane = np.ascontiguousarray(light[..., k])
        most = np.maximum(np.asarray(cv2.medianBlur(plane, 5)), 0.0) + np.float32(2.5) * noise[..., k]
        np.copyto(out[..., k], np.minimum(plane, most), where=dark)
    return out


def calmed(
    draft: Draft, total: Plane, sigma: Plane, known: Plane, dark: Mask, numbers: FaintLight
) -> tuple[Plane, Plane]:
    """Brightness (h, w) freed of noise, and the same with what is left of the noise in the dark sunk into black."""
    unit = draft.unit
    *scales, rest = detail_scales(total, known, unit, numbers.scales)
    shares: list[float] = []
    for k, found in enumerate(noise_shares([*scales, rest], sigma, dark)):
        shares.append(draft.settings.one(f"noise_scale_{k}", partial(float, found)))
    # the noise of a place, not of a pixel: it must not follow its own light
    around = smooth([sigma], known, 3.0 * unit)[0]
    calm = total
    if numbers.strength > 0.0:
        noises = [around * np.float32(share) for share in shares[:-1]]
        calm = without_noise(scales, rest, noises, unit, numbers.strength)
    left = np.float32(2.0 * shares[-1]) * around
    level = np.maximum(calm, 0.0)
    level = level * level / np.maximum(np.hypot(level, left), np.float32(1e-20))
    return calm, level


def even_rim(
    draft: Draft, ratios: Plane, light: Plane, total: Plane, sigma: Plane, known: Plane, numbers: FaintLight
) -> Plane:
    """Ratios (h, w, bands) whose colours at the edge of the disc are means along it.

    The edge is sharper than the camera's pixels, whose places in it differ from colour to colour: it shows a false one
    wherever it runs along a line of pixels.
    """
    width = numbers.rim_px * draft.unit
    disc = draft.planes.hit.astype(np.float32)
    if width == 0.0 or disc.all() or not disc.any():
        return ratios
    inside = blur(disc, 0.8 * draft.unit)
    rim = np.clip(8.0 * inside * (1.0 - inside), 0.0, 1.0)
    weight = rim * known / np.maximum(total, 3.0 * sigma + np.float32(1e-9))
    below, *above = smooth([total, *np.moveaxis(light, -1, 0)], weight / max(float(weight.max()), 1e-9), width)
    along = np.stack(above, axis=-1) / np.maximum(below, np.float32(1e-9))[..., None]
    strong = rim * np.clip(below / np.maximum(3.0 * sigma, 1e-9) - 1.0, 0.0, 1.0)
    out: Plane = ratios + strong[..., None] * (along - ratios)
    return out


def mean_ratios(light: Plane, total: Plane, ground: Mask) -> Floats:
    """Median ratio (bands,) of light (h, w, bands) to its total (h, w) over some ground (h, w); 1 without any."""
    where = np.flatnonzero(ground & (total > 0.0))
    if not len(where):
        return np.ones(light.shape[2])
    where = where[:: max(1, len(where) // MOST_SAMPLES)]
    part = light.reshape(-1, light.shape[2])[where] / total.ravel()[where, None]
    return np.median(part, axis=0).astype(float)


@dataclass(frozen=True)
class CrescentDetail:
    """How far the detail of the clouds is raised."""

    scales_px: tuple[float, ...] = numbers((1.5, 5.0, 16.0, 50.0), 0.5, 500.0, "sigma of the scales, camera px")
    raised: tuple[float, ...] = numbers((1.6, 3.5, 4.5, 3.5), 0.0, 20.0, "times that detail of each scale is raised")
    most: float = number(0.5, 0.01, 5.0, "logarithm of the light that detail is bent towards")
    signal: float = number(6.0, 0.1, 1000.0, "signal over noise from which detail is raised")
    edge_px: float = number(1.5, 0.0, 20.0, "distance from the limb over which it is not, camera px")

    def check(self) -> None:
        """Refuse, with ValueError, lists that do not go together."""
        if len(self.scales_px) != len(self.raised):
            raise ValueError(f"there are {len(self.scales_px)} scales_px and {len(self.raised)} raised: give as many")


@step(
    "crescent-detail", CrescentDetail, backplanes=True, needs=("faint-light",),
    reach=lambda n: 3.0 * max(n.scales_px),
)  # fmt: skip
def crescent_detail(draft: Draft, numbers: CrescentDetail) -> None:
    """Raises the detail of clouds on the disc, its shading aside, so that a flat tone curve leaves them alive."""
    unit = draft.unit
    total = np.nan_to_num(weighed(draft.light, draft.left["shares"]))
    sigma = draft.left["noise"]
    trust = trusted(draft, total, sigma, numbers)
    floor = np.maximum(total, np.maximum(sigma, np.float32(1e-9)))
    height = np.log(floor) - shading_model(draft, floor, trust)
    weight = trust + np.float32(1e-5)
    gain, finer = np.zeros_like(height), height
    for scale, times in zip(numbers.scales_px, numbers.raised, strict=True):
        (base,) = smooth([height], weight, scale * unit)
        gain += np.float32(times - 1.0) * (finer - base)
        finer = base
    gain = np.float32(numbers.most) * np.tanh(gain / np.float32(numbers.most))
    draft.light *= np.exp(trust * gain)[..., None]
    draft.trust = trust


def trusted(draft: Draft, total: Plane, sigma: Plane, numbers: CrescentDetail) -> Plane:
    """How far (0 to 1, (h, w)) detail may be raised: on the disc, off its edge, and where light stands out."""
    unit = draft.unit
    seen = draft.planes.hit & np.isfinite(draft.light).all(axis=-1)
    disc = seen.astype(np.float32)
    inside = np.clip(2.0 * blur(disc, max(numbers.edge_px * unit, 0.3)) - 1.0, 0.0, 1.0)
    (level, doubt) = smooth([total, sigma], disc, 3.0 * unit)
    ratio = np.log2(np.maximum(level, np.float32(1e-12)) / np.maximum(np.float32(numbers.signal) * doubt, 1e-12))
    part = np.clip(0.25 * ratio, 0.0, 1.0)
    trust: Plane = (disc * inside * part * part * (3.0 - 2.0 * part)).astype(np.float32)
    return trust


def shading_model(draft: Draft, light: Plane, trust: Plane) -> Plane:
    """Logarithm (h, w) of the shading of the disc: of second degree in those of the cosines of both angles, rounded
    off at terminator and limb, fitted to the light (h, w) by `trust` (h, w)."""
    planes = draft.planes
    lit = rounded(np.nan_to_num(planes.cos_incidence, nan=1.0), 0.06)
    seen = rounded(np.nan_to_num(planes.cos_emission, nan=1.0), 0.1)
    x, y = np.log(lit), np.log(seen)
    terms = (x, y, x * x, x * y, y * y)

    def fit() -> Floats:
        where = np.flatnonzero(trust > 0.5)
        where = where[:: max(1, len(where) // MOST_SAMPLES)]
        if len(where) < 100:
            return np.zeros(len(terms))
        columns = np.stack([np.ones(len(where)), *(term.ravel()[where] for term in terms)], axis=-1).astype(float)
        wanted = np.log(light.ravel()[where]).astype(float)
        return np.asarray(np.linalg.lstsq(columns, wanted, rcond=1e-6)[0][1:])

    fitted = fit() if draft.settings.measuring else np.zeros(len(terms))
    model = np.zeros_like(x)
    for k, term in enumerate(terms):
        model += np.float32(draft.settings.one(f"shade_{k}", partial(float, fitted[k]))) * term
    return model


def rounded(cosine: Plane, width: float) -> Plane:
    """A cosine that, instead of ending at 0, goes smoothly towards it."""
    out: Plane = np.float32(0.5) * (cosine + np.sqrt(cosine * cosine + np.float32(width * width)))
    return out


@dataclass(frozen=True)
class ToneHdr:
    """The curve that holds bright and faint light in one picture."""

    percentile: float = number(99.7, 50.0, 100.0, "percentile over the lit disc of the brightness that is white")
    top: float = number(0.92, 0.1, 0.999, "code of white; what is brighter is rolled off")
    steepness: float = number(1.3, 0.5, 3.0, "power that the curve is raised to: more for a darker picture")
    toe: float = number(0.008, 1e-5, 1.0, "share of white below which the curve is straight, above it logarithmic")
    noise: float = number(3.0, 0.0, 100.0, "least of the toe, in sigma of the dark's noise")


@step("tone-hdr", ToneHdr, backplanes=True, needs=("faint-light",))
def tone_hdr(draft: Draft, numbers: ToneHdr) -> None:
    """Compresses the brightness by one curve, straight in the faintest light and logarithmic above it."""
    light, sigma = draft.light, draft.left["noise"]
    total = weighed(np.nan_to_num(light), draft.left["shares"])
    white = draft.settings.one("tone_white", lambda: level_of(total, draft.lit, numbers.percentile))
    dark = draft.settings.one("tone_noise", lambda: level_of(sigma, sigma > 0.0, 25.0) if sigma.any() else 0.0)
    toe = max(numbers.toe * white, min(numbers.noise * dark, 0.2 * white))
    code = decode_srgb(compress(total, white, toe, numbers.steepness, numbers.top))
    light *= (code / np.maximum(total, np.float32(1e-12)))[..., None]


def level_of(plane: Plane, where: Mask, percentile: float) -> float:
    """A percentile of a plane (h, w) over some places (h, w), or over all where these are none; 1 where it is 0."""
    chosen = plane[where & (plane > 0.0)]
    if not len(chosen):
        chosen = plane[plane > 0.0]
    level = float(np.percentile(chosen[:: max(1, len(chosen) // 1_000_000)], percentile)) if len(chosen) else 1.0
    return level if level > 0.0 else 1.0


@dataclass(frozen=True)
class Tint:
    """How colours are raised."""

    saturation: float = number(2.4, 0.0, 10.0, "times that the colours' departure from the disc's mean is raised")
    mean: float = number(1.3, 0.0, 10.0, "times that the disc's mean colour is raised")
    calm_px: float = number(1.5, 0.0, 20.0, "sigma by which the colours of the disc are smoothed, camera px")


@step("crescent-colour", Tint, space=Space.OKLAB, needs=("crescent-detail",), reach=lambda n: 3.0 * n.calm_px)
def crescent_colour(draft: Draft, numbers: Tint) -> None:
    """Raises the colours of the disc about their mean; beyond it they stay what they are."""
    lab, trust = draft.lab, draft.trust
    if len(lab) < 3 or trust is None:
        return
    weight = trust + np.float32(1e-4)
    planes = [lab[1], lab[2]]
    calm = smooth(planes, weight, numbers.calm_px * draft.unit) if numbers.calm_px > 0.0 else planes
    amount = max(float(trust.sum()), 1.0)
    for k, plane in enumerate(calm, 1):
        found = float((plane * trust).sum()) / amount
        mean = np.float32(draft.settings.one(("mean_a", "mean_b")[k - 1], partial(float, found)))
        raised = np.float32(numbers.saturation) * (plane - mean) + np.float32(numbers.mean) * mean
        lab[k] += trust * (raised - lab[k])


@dataclass(frozen=True)
class Dither:
    """Noise that hides the steps of 8 bits."""

    step: float = number(1.0, 0.0, 16.0, "its size, in steps of 8 bits")


@step("dither", Dither, space=Space.CODE)
def dither(draft: Draft, numbers: Dither) -> None:
    """Adds fine noise of one step of 8 bits, which belongs to the place, so that smooth glows show no bands."""
    line, sample = getattr(draft, "origin", (0, 0))
    dither_rows(draft.light, numbers.step / 255.0, int(line), int(sample))
