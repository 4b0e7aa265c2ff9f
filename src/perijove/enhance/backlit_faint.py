"""The step 'faint-light': brightness and colours of what is faint, freed of noise, with stars and limb left sharp."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from perijove.calibrate.noise import ELECTRONS_PER_DN
from perijove.calibrate.runs import FULL_DN
from perijove.enhance.hdr import detail_scales, noise_shares, steady_ratios, without_noise
from perijove.enhance.masked import blur, coarse, fine, smooth
from perijove.enhance.steps import Draft, count, number, step, word
from perijove.instrument import FOCAL_LENGTH_PX

Plane = NDArray[np.float32]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

MOST_SAMPLES = 200_000
SKY_PX = 4.0
"""What the camera's blur and the renderer spread beyond the haze, camera px."""
DIM_COSINE = 0.08
"""Cosine of incidence below which ground lies in twilight."""
LEAST_SHARE = 0.1
"""Least noise of the finest detail, in sigma of a pixel: lossy coding leaves the dark without any."""
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
    limb_px: float = number(2.0, 0.0, 20.0, "sigma by which the limb is smoothed along itself, camera px; 0 for none")
    rim_px: float = number(20.0, 0.0, 100.0, "sigma of the mean of colours along the limb, camera px; 0 for none")
    haze_km: float = number(500.0, 0.0, 1e5, "height that the haze reaches, and from which the sky becomes black")


@step(
    "faint-light",
    FaintLight,
    backplanes=True,
    needs=("white",),
    reach=lambda n: 3.0 * (n.widest_px + 0.8 * 2.0**n.scales),
)
def faint_light(draft: Draft, numbers: FaintLight) -> None:
    """Takes noise off faint light and its colours; stars stay sharp, or the sky becomes black."""
    light, unit = draft.light, draft.unit
    seen = np.asarray(np.isfinite(light).all(axis=-1))
    known = seen.astype(np.float32)
    filled = np.where(seen[..., None], light, np.float32(0))
    noise = typical_noise(noise_of(draft, filled))
    shares = noise_weights(draft, noise)
    total = weighed(filled, shares)
    sigma = np.asarray(np.sqrt(weighed(noise * noise, shares * shares)), dtype=np.float32)
    # what no other colour and no neighbour knows of is a hit
    sky, dark = sky_share(draft, numbers.haze_km), dark_places(draft, numbers.haze_km) & seen
    stars = find_stars(filled, noise, sky * known, unit)
    filled = without_specks(filled, noise, unlit_places(draft, numbers.haze_km) & (stars == 0.0), unit)
    total = along_limb(weighed(filled, shares), draft, numbers.limb_px)
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
    return np.asarray(light @ shares.astype(np.float32), dtype=np.float32)


def noise_of(draft: Draft, light: Plane) -> Plane:
    """Standard deviation (h, w, bands) of light (h, w, bands): the planes' own, or that of the electrons' number."""
    planes = draft.planes
    factors = np.array([draft.balance.get(band, 1.0) for band in draft.bands], np.float32)
    if len(planes.sigma):
        sigma = np.moveaxis(planes.sigma[[planes.bands.index(band) for band in draft.bands]], 0, -1) * factors
        # without data there is no noise either
        return np.asarray(np.nan_to_num(sigma, nan=0.0), dtype=np.float32)
    full = np.array([draft.full.get(band, 2.0) for band in draft.bands], np.float32) * factors
    dn = full / np.float32(FULL_DN)
    noise: Plane = np.sqrt(dn * dn + np.maximum(light, 0.0) * dn / np.float32(ELECTRONS_PER_DN))
    return noise


def typical_noise(noise: Plane) -> Plane:
    """Noise (h, w, bands) as it is around: a hit's own electrons must not excuse it."""
    planes = [cv2.medianBlur(np.ascontiguousarray(noise[..., k]), 5) for k in range(noise.shape[2])]
    out: Plane = np.minimum(noise, np.stack(planes, axis=-1))
    return np.asarray(np.where(out > 0.0, out, noise))


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


def unlit_places(draft: Draft, haze_km: float) -> Mask:
    """Where (h, w) nothing as small as a hit is light of the body: sky and night, but for the limb, whose haze is."""
    planes = draft.planes
    disc = blur(planes.hit.astype(np.float32), 2.0 * draft.unit)
    with np.errstate(invalid="ignore"):
        sky = planes.altitude_km > haze_km + SKY_PX * km_per_px(draft)
        night = (planes.cos_incidence < -0.08) & (disc > 0.98)
    return np.asarray(sky | night)


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


def without_specks(light: Plane, noise: Plane, dark: Mask, unit: float) -> Plane:
    """Light (h, w, bands) cut down to 2.5 sigma above the median of 5 x 5 camera px where it is `dark` (h, w)."""
    out = light.copy()
    factor = max(round(unit), 1)
    for k in range(light.shape[2]):
        middle = cv2.medianBlur(coarse(np.ascontiguousarray(light[..., k]), factor), 5)
        most = np.maximum(fine(np.asarray(middle, dtype=np.float32), dark.shape), 0.0) + np.float32(2.5) * noise[..., k]
        np.copyto(out[..., k], np.minimum(light[..., k], most), where=dark)
    return out


def along_limb(plane: Plane, draft: Draft, width: float) -> Plane:
    """A plane (h, w) whose limb is smoothed along itself, by a Gaussian of sigma `width` camera px.

    The limb is narrower than the camera's pixels, and where it runs aslant over them it comes out as a row of beads.
    """
    disc = draft.planes.hit.astype(np.float32)
    if width == 0.0 or disc.all() or not disc.any():
        return plane
    unit = draft.unit
    soft = blur(disc, 2.0 * unit)
    down, across = (np.asarray(cv2.Sobel(soft, cv2.CV_32F, *order)) for order in ((0, 1), (1, 0)))
    length = np.maximum(np.hypot(down, across), np.float32(1e-6))
    line, sample = across / length, -down / length
    rows, columns = (np.arange(size, dtype=np.float32) for size in plane.shape)
    total, weights = plane.copy(), 1.0
    for place in (-2.0, -1.5, -1.0, -0.5, 0.5, 1.0, 1.5, 2.0):
        weight, reach = math.exp(-0.5 * place * place), np.float32(place * width * unit)
        moved = cv2.remap(
            plane,
            columns + reach * sample,
            rows[:, None] + reach * line,
            cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REFLECT,
        )
        total += np.float32(weight) * np.asarray(moved)
        weights += weight
    inside = blur(disc, unit)
    rim = np.clip(10.0 * inside * (1.0 - inside), 0.0, 1.0)
    out: Plane = plane + rim * (total * np.float32(1.0 / weights) - plane)
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
    around = np.maximum(
        smooth([sigma], known, 3.0 * unit)[0],
        seen_noise(draft, scales, known) / np.float32(max(shares[0], LEAST_SHARE)),
    )
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
    weight = rim * known * np.float32(draft.white) / np.maximum(total, 3.0 * sigma + np.float32(1e-9))
    below, *above = smooth([total, *np.moveaxis(light, -1, 0)], weight, width)
    along = np.stack(above, axis=-1) / np.maximum(below, np.float32(1e-9))[..., None]
    strong = rim * np.clip(below / np.maximum(3.0 * sigma, 1e-9) - 1.0, 0.0, 1.0)
    out: Plane = ratios + strong[..., None] * (along - ratios)
    return out


def seen_noise(draft: Draft, scales: list[Plane], known: Plane) -> Plane:
    """Noise (h, w) of the finest detail as it is seen in twilight, where clouds have none; 0 elsewhere.

    What is known of the noise may be too little: light that a law has raised is the least certain of all.
    """
    unit = draft.unit
    cosine = np.nan_to_num(draft.planes.cos_incidence, nan=1.0)
    dim = np.clip((np.float32(DIM_COSINE) - cosine) / np.float32(0.5 * DIM_COSINE), 0.0, 1.0)
    disc = draft.planes.hit.astype(np.float32) * known
    weight = dim * np.clip(20.0 * blur(disc, 2.0 * unit) - 19.0, 0.0, 1.0) * disc
    size = np.abs(scales[0])
    (mean,) = smooth([size], weight, 8.0 * unit)
    # once more without what stands out
    (mean,) = smooth([np.minimum(size, 3.0 * mean)], weight, 8.0 * unit)
    # the mean size of a Gaussian is 0.8 of its sigma
    seen: Plane = np.float32(1.25) * mean * dim * disc
    return seen


def mean_ratios(light: Plane, total: Plane, ground: Mask) -> Floats:
    """Median ratio (bands,) of light (h, w, bands) to its total (h, w) over some ground (h, w); 1 without any."""
    where = np.flatnonzero(ground & (total > 0.0))
    if not len(where):
        return np.ones(light.shape[2])
    where = where[:: max(1, len(where) // MOST_SAMPLES)]
    part = light.reshape(-1, light.shape[2])[where] / total.ravel()[where, None]
    return np.asarray(np.median(part, axis=0), dtype=float)
