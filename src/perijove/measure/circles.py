"""Circles: where in a picture an edge runs around, found by trying circles of every size and place.

Along a crater's rim the light changes from inside to outside: all around with one sign where the floor and the ejecta
differ in albedo, and as the cosine of the azimuth where a low Sun lights one wall and leaves the other dark. Both
together are a + b cos(azimuth) + c sin(azimuth); how much of the change across a circle follows that is its score.
Pixels are continuous (line, sample), azimuths rad clockwise from north, which is up.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from perijove.measure.patch import Light, sample

FloatArray = NDArray[np.float64]

AZIMUTHS = 64
WIDTH = 0.07
"""Blur of the edge that is looked for, in radii."""
LEAST_BLUR_PX = 0.7
COARSE_SIGMA = 6.0
"""Sigma of a Gaussian, pixels, of which twice and more a coarser grid is as good."""
RADIUS_STEP = 1.05
CENTRE_STEP = 0.08
"""Steps of the search: ratio of neighbouring radii, and distance of neighbouring centres in radii."""
SEEN = 0.6
"""Share of a circle that must have data."""


@dataclass(frozen=True)
class Slopes:
    """Change of the light across the ground, (h, w) float32 a pixel towards the south and the east, blurred.

    `usual` is the median steepness, 1 where the picture is a constant; `blur` the Gaussian's sigma, pixels.
    """

    down: Light
    across: Light
    usual: float
    blur: float


@dataclass(frozen=True)
class Circle:
    """A circle of `radius` about (line, sample), pixels.

    The light changes from inside to outside by `terms` (3,): a, b, c of a + b cos(azimuth) + c sin(azimuth), a pixel.
    `score` is the share of the change that follows them, 0 to 1, less where it is faint;
    `merit` is that times the step of brightness, by which circles of different size and place are compared.
    """

    line: float
    sample: float
    radius: float
    terms: FloatArray
    score: float
    merit: float


def blurred(light: Light, sigma: float) -> Light:
    """Light (h, w) under a Gaussian of `sigma` pixels, from what data there is; NaN where less than half has any."""
    there = np.isfinite(light)
    top = _gaussian(np.where(there, light, 0.0).astype(np.float32), sigma)
    if there.all():
        return top
    weight = _gaussian(there.astype(np.float32), sigma)
    out: Light = np.where(weight > 0.5, top / np.maximum(weight, 1e-6), np.nan).astype(np.float32)
    return out


def _gaussian(light: Light, sigma: float) -> Light:
    """Light (h, w) under a Gaussian; a wide one on a coarser grid, which takes no longer the wider it is."""
    times = int(sigma / COARSE_SIGMA)
    if times < 2:
        return np.asarray(cv2.GaussianBlur(light, (0, 0), sigma, borderType=cv2.BORDER_REFLECT), dtype=np.float32)
    height, width = light.shape
    small = cv2.resize(light, (-(-width // times), -(-height // times)), interpolation=cv2.INTER_AREA)
    # along each side, for sides that are no multiple are shrunk by a little less
    spread = sigma * small.shape[1] / width, sigma * small.shape[0] / height
    wide = cv2.GaussianBlur(small, (0, 0), spread[0], sigmaY=spread[1], borderType=cv2.BORDER_REFLECT)
    return np.asarray(cv2.resize(wide, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.float32)


def even_light(light: Light) -> Light:
    """Light (h, w) over its mean in the wide: 1 where it is as bright as all around; NaN where there is none."""
    wide = blurred(light, 0.25 * len(light))
    with np.errstate(invalid="ignore", divide="ignore"):
        out: Light = np.where(wide > 0.0, light / wide, np.nan).astype(np.float32)
    return out


def slopes(light: Light, radius: float) -> Slopes:
    """Slopes of even light (h, w) that tell an edge along circles of `radius` pixels.

    What changes over the whole circle is taken off: a slope of the ground's brightness would look like a wall's shade.
    """
    blur = max(LEAST_BLUR_PX, WIDTH * radius)
    fine = blurred(light, blur) - blurred(light, 0.8 * radius)
    down, across = np.gradient(fine)
    steep = np.hypot(down, across)
    usual = float(np.nanmedian(steep)) if np.isfinite(steep).any() else 0.0
    return Slopes(down.astype(np.float32), across.astype(np.float32), usual if usual > 0.0 else 1.0, blur)


def ring(azimuths: FloatArray) -> FloatArray:
    """Unit steps (n, 2) in lines and samples towards azimuths (n,)."""
    return np.stack([-np.cos(azimuths), np.sin(azimuths)], axis=-1)


def score_circles(
    found: Slopes, centres: FloatArray, radius: float, sun_azimuth: float | None = None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Scores (n,), merits (n,) and terms (n, 3) of circles of `radius` about centres (n, 2), pixels.

    Score and merit are -1 where data lacks. With `sun_azimuth` only shade that a hollow has under that Sun counts: dark
    on the Sun's side.
    """
    azimuths = np.linspace(0.0, 2.0 * np.pi, AZIMUTHS, endpoint=False)
    way = ring(azimuths)
    places = centres[:, None] + radius * way
    down, across = sample(found.down, places).astype(float), sample(found.across, places).astype(float)
    steep = np.sqrt(down * down + across * across + found.usual**2)
    slope = down * way[:, 0] + across * way[:, 1]
    there = np.isfinite(slope)
    slope, steep = np.where(there, slope, 0.0), np.where(there, steep, 1.0)
    enough = there.mean(axis=1) >= SEEN
    base = np.stack([np.ones(AZIMUTHS), np.cos(azimuths), np.sin(azimuths)], axis=1)
    if sun_azimuth is not None:
        base = np.stack([np.ones(AZIMUTHS), np.cos(azimuths - sun_azimuth)], axis=1)
    weight = there.astype(float)
    normal = np.einsum("nk,ka,kb->nab", weight, base, base) + 1e-6 * AZIMUTHS * np.eye(base.shape[1])
    # one strong edge that crosses the circle shall not speak for all of it
    most = 3.0 * np.median(np.abs(slope), axis=1, keepdims=True)
    both = np.stack([slope / steep, np.clip(slope, -most, most)]) @ base
    terms, steps = np.linalg.solve(normal, both[..., None])[..., 0]
    if sun_azimuth is not None:
        terms[:, 1], steps[:, 1] = np.maximum(terms[:, 1], 0.0), np.maximum(steps[:, 1], 0.0)
    held = np.maximum(weight.sum(axis=1), 1.0)
    share = np.sum(weight * (terms @ base.T) ** 2, axis=1) / held
    merit = share * found.blur * np.sqrt(np.sum(weight * (steps @ base.T) ** 2, axis=1) / held)
    if sun_azimuth is not None:
        towards = np.array([np.cos(sun_azimuth), np.sin(sun_azimuth)])
        steps = np.column_stack([steps[:, 0], steps[:, 1:] * towards])
    return np.where(enough, share, -1.0), np.where(enough, merit, -1.0), steps


def radii_between(least: float, most: float) -> FloatArray:
    """Radii to try, from `least` to `most`, each `RADIUS_STEP` times the last."""
    count = max(1, int(np.ceil(np.log(most / least) / np.log(RADIUS_STEP)))) + 1
    return np.geomspace(least, most, count)


def search_circles(
    light: Light,
    seed: FloatArray,
    radii: FloatArray,
    stray: float,
    sun_azimuth: float | None = None,
) -> list[Circle]:
    """The best circle of each of `radii` (k,) whose centre lies within `stray` radii of `seed` (line, sample).

    `light` is even (`even_light`). Radii of which no circle has data enough are left out.
    """
    steps = np.arange(-stray, stray + 0.5 * CENTRE_STEP, CENTRE_STEP)
    offsets = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
    offsets = offsets[np.hypot(offsets[:, 0], offsets[:, 1]) <= stray + 1e-9]
    out = []
    for radius in radii:
        found = slopes(light, float(radius))
        centres = seed + radius * offsets
        scores, merits, terms = score_circles(found, centres, float(radius), sun_azimuth)
        n = int(np.argmax(merits))
        if scores[n] > 0.0:
            line, across = centres[n]
            out.append(Circle(float(line), float(across), float(radius), terms[n], float(scores[n]), float(merits[n])))
    return out
