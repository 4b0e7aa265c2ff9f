"""Stars: points of light in random places of the sky, as many of each brightness as the real sky has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.instrument import CENTRE_LINE, CENTRE_SAMPLE, FOCAL_LENGTH_PX, FRAMELET_LINES, SAMPLES, Filter
from perijove.simulate.optics import PAD_LINES, Lens

FloatArray = NDArray[np.float64]
Light = NDArray[np.float32]

SUN_MAGNITUDE = -26.74
"""The Sun's apparent visual magnitude at 1 au."""
AU_KM = 149597870.7
BRIGHTER_THAN_0, TENFOLD = 4.0, 0.5
"""About 4 stars of the whole sky are brighter than magnitude 0, and 10^0.5 times as many than each next magnitude
(counts of the Yale Bright Star Catalogue)."""


@dataclass(frozen=True)
class Stars:
    """`direction` (n, 3) unit vectors in j2000, `magnitude` (n,), `colour` (n, 4) factors on B, G, R, METHANE."""

    direction: FloatArray
    magnitude: FloatArray
    colour: FloatArray


def starry_sky(seed: int, faintest: float = 6.0) -> Stars:
    """All stars of a made-up sky down to a magnitude."""
    rng = np.random.default_rng([seed, 5])
    count = round(BRIGHTER_THAN_0 * 10.0 ** (TENFOLD * faintest))
    direction = rng.normal(size=(count, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    rank = 1.0 - rng.random(count)
    magnitude = faintest + np.log10(rank) / TENFOLD
    # hotter stars are bluer: up to half a magnitude either way between blue and red
    red = rng.normal(0.0, 0.25, count)
    colour = 10.0 ** (0.4 * np.stack([-red, np.zeros(count), red, red], axis=1))
    return Stars(direction, magnitude, colour)


def star_light(
    stars: Stars, lens: Lens, band: Filter, which: int, camera_from_j2000: FloatArray, stages: int, sun_km: float,
    hidden: tuple[FloatArray, float], lean: FloatArray | float = 0.0,
) -> tuple[FloatArray, FloatArray]:  # fmt: skip
    """Where stars fall on a framelet and how bright: pixels (n, 2) as (line, sample), and I/F times px (n,).

    `hidden` is the direction (3,) in j2000 of what hides them and the cosine of its angular radius; `lean` (3,) v/c of
    the camera in its own frame, by which aberration leans them. I/F of a star is
    its irradiance times pi over the Sun's irradiance at the body and a pixel's solid angle.
    """
    seen = stars.direction @ camera_from_j2000.T + lean
    front = (seen[:, 2] > 0.5) & (stars.direction @ hidden[0] < hidden[1])
    x, y = (FOCAL_LENGTH_PX * lens.scale.get(band, 1.0) * seen[front, :2] / seen[front, 2:]).T
    r2 = x * x + y * y
    stretch = 1.0 + r2 * (lens.k1 + r2 * lens.k2)
    shift = lens.shift.get(band, (0.0, 0.0))
    line = y * stretch + CENTRE_LINE[band] + shift[0] - (stages - 1) / 2.0
    sample = x * stretch + CENTRE_SAMPLE + shift[1]
    inside = (np.abs(line - FRAMELET_LINES / 2) < FRAMELET_LINES / 2 + PAD_LINES - 1) & (sample > 1)
    inside &= sample < SAMPLES - 1
    magnitude = stars.magnitude[front][inside] - (SUN_MAGNITUDE + 5.0 * np.log10(sun_km / AU_KM))
    light = np.pi * 10.0 ** (-0.4 * magnitude) * FOCAL_LENGTH_PX**2 * stars.colour[front][inside, which]
    return np.stack([line[inside], sample[inside]], axis=1), light


def add_stars(pixels: FloatArray, light: FloatArray, out: Light) -> None:
    """Share the light of points out among the four pixels around each, in a padded framelet (lines, samples)."""
    line, sample = pixels[:, 0] + PAD_LINES - 0.5, pixels[:, 1] - 0.5
    i, j = np.floor(line).astype(int), np.floor(sample).astype(int)
    b, a = line - i, sample - j
    for di, wi in ((0, 1.0 - b), (1, b)):
        for dj, wj in ((0, 1.0 - a), (1, a)):
            np.add.at(out, (i + di, j + dj), (wi * wj * light).astype(np.float32))
