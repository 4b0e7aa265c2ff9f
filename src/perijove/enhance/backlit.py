"""Steps of the recipe 'backlit': a crescent, its haze and the night in one picture.

Light is one brightness times the colours' ratios to it. The brightness is freed of noise and compressed by one curve
for the whole picture, which draws no halo since it knows no neighbours; what the curve takes from the contrast of the
clouds is given back by detail that is measured on the disc alone, after the shading is taken off. The ratios are
smoothed the more the fainter the light is (see `backlit_faint`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from perijove.enhance.backlit_faint import MOST_SAMPLES, FaintLight, faint_light, weighed
from perijove.enhance.hdr import compress, decode_srgb, dither_rows
from perijove.enhance.masked import blur, smooth
from perijove.enhance.steps import Draft, Space, number, numbers, step

__all__ = ["FaintLight", "crescent_colour", "crescent_detail", "dither", "faint_light", "tone_hdr"]

Plane = NDArray[np.float32]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


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
    """How far (0 to 1, (h, w)) detail and colours may be raised: on the disc, off its edge, where light stands out."""
    unit = draft.unit
    disc = (draft.planes.hit & np.isfinite(draft.light).all(axis=-1)).astype(np.float32)
    (level, doubt) = smooth([total, sigma], disc, 3.0 * unit)
    floor = np.maximum(np.float32(numbers.signal) * doubt, np.float32(1e-12))
    part = np.clip(0.25 * np.log2(np.maximum(level, np.float32(1e-12)) / floor), 0.0, 1.0)
    inside = np.clip(2.0 * blur(disc, max(numbers.edge_px * unit, 0.3)) - 1.0, 0.0, 1.0)
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
    lift: float = number(
        0.4, 0.0, 1.0, "share of the logarithm in the curve, which lifts faint light; 0 for sRGB's own"
    )
    toe: float = number(0.004, 1e-5, 1.0, "share of white above which light is lifted by its logarithm")
    noise: float = number(3.0, 0.0, 100.0, "least of the toe, in sigma of the dark's noise")


@step("tone-hdr", ToneHdr, backplanes=True, needs=("faint-light",))
def tone_hdr(draft: Draft, numbers: ToneHdr) -> None:
    """Compresses the brightness by one curve, between sRGB's own and a logarithm that lifts faint light."""
    light, sigma = draft.light, draft.left["noise"]
    total = weighed(np.nan_to_num(light), draft.left["shares"])
    white = draft.settings.one("tone_white", lambda: level_of(total, draft.lit, numbers.percentile))
    dark = draft.settings.one("tone_noise", lambda: level_of(sigma, sigma > 0.0, 25.0) if sigma.any() else 0.0)
    toe = max(numbers.toe * white, min(numbers.noise * dark, 0.2 * white))
    code = decode_srgb(compress(total, white, toe, numbers.lift, numbers.top))
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

    saturation: float = number(2.8, 0.0, 10.0, "times that the colours' departure from the disc's mean is raised")
    mean: float = number(1.3, 0.0, 10.0, "times that the disc's mean colour is raised")
    calm_px: float = number(1.5, 0.0, 20.0, "sigma by which the colours of the disc are smoothed, camera px")
    rim_px: float = number(1.2, 0.0, 20.0, "width of the disc's edge that gets the colours inside it, camera px")


@step("crescent-colour", Tint, space=Space.OKLAB, needs=("crescent-detail",), reach=lambda n: 3.0 * n.calm_px + 9.0)
def crescent_colour(draft: Draft, numbers: Tint) -> None:
    """Raises the colours of the disc about their mean, and carries them over its edge, which is too narrow for any.

    The filters' blur differs: beside a limb that is bright against black it leaves a line of false colour.
    """
    lab, trust = draft.lab, draft.trust
    if len(lab) < 3 or trust is None:
        return
    unit, weight = draft.unit, trust + np.float32(1e-4)
    planes = [lab[1], lab[2]]
    calm = smooth(planes, weight, numbers.calm_px * unit) if numbers.calm_px > 0.0 else planes
    amount = max(float(trust.sum()), 1.0)
    for k, plane in enumerate(calm, 1):
        found = float((plane * trust).sum()) / amount
        mean = np.float32(draft.settings.one(("mean_a", "mean_b")[k - 1], partial(float, found)))
        raised = np.float32(numbers.saturation) * (plane - mean) + np.float32(numbers.mean) * mean
        lab[k] += trust * (raised - lab[k])
    if numbers.rim_px > 0.0:
        disc = blur(draft.planes.hit.astype(np.float32), numbers.rim_px * unit)
        rim = np.clip(6.0 * disc * (1.0 - disc), 0.0, 1.0)
        inner = smooth([lab[1], lab[2], trust], trust + np.float32(1e-6), 3.0 * unit)
        for k in (1, 2):
            lab[k] += rim * np.clip(inner[2], 0.0, 1.0) * (inner[k - 1] - lab[k])


@dataclass(frozen=True)
class Dither:
    """Noise that hides the steps of 8 bits."""

    step: float = number(1.0, 0.0, 16.0, "its size, in steps of 8 bits")


@step("dither", Dither, space=Space.CODE)
def dither(draft: Draft, numbers: Dither) -> None:
    """Adds fine noise of one step of 8 bits, which belongs to the place, so that smooth glows show no bands."""
    line, sample = draft.origin
    dither_rows(draft.light, numbers.step / 255.0, line, sample)
