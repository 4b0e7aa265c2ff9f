"""Recipes: from rendered planes to a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from perijove.enhance.enhanced import enhanced
from perijove.enhance.exposure import (
    DARKEST_SHARE,
    balanced,
    encode_srgb,
    expose,
    lit_disc,
    picture_bands,
    sky_level,
    take_shading,
    white_level,
)
from perijove.enhance.highlights import true_light
from perijove.enhance.picture import Picture
from perijove.enhance.settings import Settings
from perijove.errors import UsageError
from perijove.instrument import Filter
from perijove.render.planes import Planes

Balance = Mapping[Filter, float] | None
Full = Mapping[Filter, float] | None
Given = Mapping[str, float] | None
Gain = NDArray[np.float32] | None

WHITE_PERCENTILE = 99.5
WHITE = 0.75
"""Linear light that the percentile of the lit disc is given; the rest rolls off towards 1."""


def natural(
    planes: Planes, balance: Balance = None, full: Full = None, given: Given = None, gain: Gain = None
) -> Picture:
    """True light: white balance, full highlights recovered, stray light taken off, one exposure, sRGB's transfer."""
    bands = picture_bands(planes.bands)
    settings = Settings(given)
    lit = lit_disc(planes)
    light = true_light(planes, bands, balance, full, lit, settings)
    if gain is not None:
        take_shading(light, planes, gain, settings)
    white = settings.one("white", lambda: white_level(light, lit, WHITE_PERCENTILE))
    black = settings.each("black", bands, lambda: np.minimum(sky_level(light, planes), DARKEST_SHARE * white))
    expose(light, black, WHITE / white)
    encode_srgb(light)
    return Picture(light, bands, "srgb", "natural", settings.chosen)


def linear(
    planes: Planes, balance: Balance = None, full: Full = None, given: Given = None, gain: Gain = None
) -> Picture:
    """The light as it is, in the unit of the planes, times a balance where one is given; NaN where there is no data.

    Sigma and quality come with it where the planes have them.

    Red, green, blue come first; a strip with methane too has it last.
    """
    order = tuple(band for band in (Filter.RED, Filter.GREEN, Filter.BLUE, Filter.METHANE) if band in planes.bands)
    picture = Picture(balanced(planes, order, balance), order, "linear", "linear", {})
    if not len(planes.sigma):
        return picture
    places = [planes.bands.index(band) for band in order]
    factors = np.array([(balance or {}).get(band, 1.0) for band in order], np.float32)
    sigma = np.moveaxis(planes.sigma[places], 0, -1) * factors
    return replace(picture, sigma=sigma, quality=np.moveaxis(planes.quality[places], 0, -1))


RECIPES: Mapping[str, Callable[[Planes, Balance, Full, Given, Gain], Picture]] = {
    "natural": natural,
    "enhanced": enhanced,
    "linear": linear,
}


def apply_recipe(
    name: str, planes: Planes, balance: Balance = None, full: Full = None, given: Given = None, gain: Gain = None
) -> Picture:
    """The picture that a recipe makes of rendered planes; `balance` maps a filter to its white-balance factor.

    `full` maps a filter to the light, in the unit of the planes, from which a pixel of the camera is full (None for
    never). `given` are the settings of a picture of the same light, to be taken instead of this one's own: so a picture
    can be made in parts. `gain` (h, w) takes the shading off; 'enhanced' then takes off none of its own. 'linear'
    has no use for either.
    'natural' and 'enhanced' need the backplanes. Raises UsageError for an unknown recipe or missing backplanes.
    """
    if name not in RECIPES:
        raise UsageError(f"unknown recipe {name!r}: use one of {', '.join(RECIPES)}")
    if name != "linear" and planes.hit.shape != planes.light.shape[1:]:
        raise UsageError(f"the recipe {name} needs backplanes: render with them, or use the recipe linear")
    return RECIPES[name](planes, balance, full, given, gain)
