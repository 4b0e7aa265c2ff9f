"""Exposure: which light becomes black and which white, and the transfer function of sRGB."""

from __future__ import annotations

from collections.abc import Mapping

import numba
import numpy as np
from numpy.typing import NDArray

from perijove.enhance.rows import over_rows
from perijove.enhance.settings import Settings
from perijove.instrument import Filter
from perijove.render.planes import Planes

Colour = NDArray[np.float32]
Floats = NDArray[np.float64]

SKY_KM = 900.0
"""Height from which a ray that misses the body sees only sky: haze glows to some hundred km."""
NIGHT_COSINE = -0.2
"""Cosine of incidence below which the ground is night: twilight reaches a few degrees past the terminator."""
LEAST_SKY = 500
"""Fewest pixels that tell the level of the sky."""
SHOULDER = 0.8
"""Linear light above which highlights are rolled off instead of clipped."""
SHADE_COSINE = 0.3
"""Cosine of incidence from which ground is well lit."""
COLOURS = (Filter.RED, Filter.GREEN, Filter.BLUE)


def picture_bands(bands: tuple[Filter, ...]) -> tuple[Filter, ...]:
    """The filters that a picture shows: red, green, blue where all three are there, otherwise the best single one."""
    if all(band in bands for band in COLOURS):
        return COLOURS
    order = (Filter.GREEN, Filter.RED, Filter.BLUE, Filter.METHANE)
    return (next(band for band in order if band in bands),)


def balanced(planes: Planes, bands: tuple[Filter, ...], balance: Mapping[Filter, float] | None) -> Colour:
    """The light (h, w, bands) of some filters times its white balance; NaN where a filter has no data."""
    light = np.empty((*planes.light.shape[1:], len(bands)), np.float32)
    for k, band in enumerate(bands):
        np.multiply(planes.band(band), np.float32((balance or {}).get(band, 1.0)), out=light[..., k])
    return light


def sky_level(
    light: Colour,
    planes: Planes,
    sky_km: float = SKY_KM,
    night_cosine: float = NIGHT_COSINE,
    least: int = LEAST_SKY,
) -> Floats:
    """Stray light (bands,) in the light (h, w, bands): the median over sky and night; 0 where neither is in sight.

    Sky begins at the height `sky_km`, night below the cosine of incidence `night_cosine`; at least so many pixels of
    them must be seen.
    """
    step = max(1, int(np.sqrt(light.shape[0] * light.shape[1] / 500_000)))
    part = (slice(None, None, step), slice(None, None, step))
    dark = (planes.altitude_km[part] > sky_km) | (planes.cos_incidence[part] < night_cosine)
    seen = light[part][dark & np.isfinite(light[part]).all(axis=-1)]
    if len(seen) < least:
        return np.zeros(light.shape[-1])
    level: Floats = np.clip(np.median(seen, axis=0).astype(float), 0.0, None)
    return level


def white_level(light: Colour, lit: NDArray[np.bool_], percentile: float, *, mean: bool = False) -> float:
    """A percentile over the lit disc of the brightest colour (or the `mean` of the colours) of light (h, w, bands).

    It is that of all data where nothing of `lit` (h, w) has any, and 1 where there are none at all.
    """
    step = max(1, int(np.sqrt(lit.size / 500_000)))
    part = light[::step, ::step]
    value = part.mean(axis=-1) if mean else part.max(axis=-1)
    good = np.isfinite(value)
    chosen = good & lit[::step, ::step]
    if not chosen.any():
        chosen = good
    if not chosen.any():
        return 1.0
    level = float(np.percentile(value[chosen], percentile))
    return level if level > 0 else 1.0


def take_shading(
    light: Colour, planes: Planes, gain: NDArray[np.float32], settings: Settings, cosine: float = SHADE_COSINE
) -> None:
    """Multiply light (h, w, bands) in place by factors (h, w) that take the shading off.

    They are relative to their median over the well lit ground, where the cosine of incidence is above `cosine`, so that
    full light stays as bright as it was.
    """
    ground = planes.hit & (planes.cos_incidence > cosine)

    def middle() -> float:
        step = max(1, int(np.sqrt(ground.size / 500_000)))
        part = (slice(None, None, step), slice(None, None, step))
        seen = ground[part] & np.isfinite(light[part]).all(axis=-1)
        return float(np.median(gain[part][seen])) if seen.any() else 1.0

    light *= (gain / np.float32(settings.one("shading", middle)))[..., None]


def colour_sum(light: Colour) -> NDArray[np.float32]:
    """Sum (h, w) over the bands of light (h, w, bands); NaN where one of them is."""
    total = light[..., 0].copy()
    for k in range(1, light.shape[2]):
        total += light[..., k]
    return total


def lit_disc(planes: Planes) -> NDArray[np.bool_]:
    """Where the picture (h, w) shows ground in daylight; without a Sun all ground counts."""
    if np.isnan(planes.cos_incidence[planes.hit]).all():
        return planes.hit
    return planes.hit & (planes.cos_incidence > 0.0)


_CODED = 4096
_LINEAR = np.linspace(0.0, 1.0, _CODED + 1) ** 2
_SRGB: NDArray[np.float32] = np.where(
    _LINEAR <= 0.0031308, 12.92 * _LINEAR, 1.055 * np.maximum(_LINEAR, 1e-9) ** (1 / 2.4) - 0.055
).astype(np.float32)
"""sRGB's transfer function (IEC 61966-2-1) at equal steps of the root of the light."""


@numba.njit(nogil=True, cache=True, error_model="numpy")
def encode_rows(light: Colour, table: NDArray[np.float32]) -> None:
    """Replace linear light (rows, w, bands) by its sRGB code, both 0 to 1; NaN stays."""
    rows, width, bands = light.shape
    top = len(table) - 1
    for i in range(rows):
        for j in range(width):
            for k in range(bands):
                value = light[i, j, k]
                if value >= 1.0:
                    light[i, j, k] = 1.0
                elif value <= 0.0:
                    light[i, j, k] = 0.0
                elif value > 0.0:
                    place = np.sqrt(value) * np.float32(top)
                    index = int(place)
                    part = np.float32(place - np.float32(index))
                    light[i, j, k] = table[index] + part * (table[index + 1] - table[index])


def encode_srgb(light: Colour) -> None:
    """Replace linear light (h, w, bands) by its sRGB code, in place; clipped to 0 to 1, NaN stays."""
    over_rows(lambda rows: encode_rows(light[rows], _SRGB), light.shape[0])


@numba.njit(nogil=True, cache=True, error_model="numpy")
def expose_rows(light: Colour, black: Floats, scale: float, shoulder: float) -> None:
    """Replace light (rows, w, bands) by scaled light of 0 to 1; NaN in one band is NaN in all.

    Above the shoulder the brightest colour s + x becomes s + x / (1 + x / (1 - s)), and the others shrink with it, so
    that the hue is kept and nothing is clipped.
    """
    rows, width, bands = light.shape
    for i in range(rows):
        for j in range(width):
            top, bad = 0.0, False
            for k in range(bands):
                value = (light[i, j, k] - black[k]) * scale
                bad = bad or np.isnan(value)
                light[i, j, k] = value
                top = max(top, value)
            if bad:
                light[i, j, :] = np.nan
            elif top > shoulder:
                over = top - shoulder
                rolled = shoulder + over / (1.0 + over / (1.0 - shoulder))
                for k in range(bands):
                    light[i, j, k] *= rolled / top


def expose(light: Colour, black: Floats, scale: float, shoulder: float = SHOULDER) -> None:
    """Scale light (h, w, bands) in place to 0 to 1 from its `black` (bands,), with highlights rolled off."""
    over_rows(lambda rows: expose_rows(light[rows], black, scale, shoulder), light.shape[0])
