"""Steps on linear light: which filters are shown, full highlights, shading, black and white, exposure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perijove.enhance.exposure import (
    COLOURS,
    balanced,
    expose,
    picture_bands,
    sky_level,
    take_shading,
    white_level,
)
from perijove.enhance.highlights import HighlightNumbers, true_light
from perijove.enhance.steps import Draft, count, number, step, switch, word
from perijove.errors import UsageError
from perijove.instrument import Filter

_FILTERS = tuple(band.value for band in Filter)
ORDER = (*COLOURS, Filter.METHANE)


@dataclass(frozen=True)
class Colours:
    """Which filter is shown in which colour."""

    red: str = word("RED", _FILTERS, "filter that is shown as red")
    green: str = word("GREEN", _FILTERS, "filter that is shown as green")
    blue: str = word("BLUE", _FILTERS, "filter that is shown as blue")
    otherwise: str = word(
        "grey", ("grey", "refuse"), "where one of them is missing: a grey picture of the best filter, or an error"
    )

    @property
    def bands(self) -> tuple[Filter, ...]:
        """The filters as red, green, blue."""
        return Filter(self.red), Filter(self.green), Filter(self.blue)


def coloured_bands(numbers: Colours, bands: tuple[Filter, ...]) -> tuple[Filter, ...]:
    """Three filters where all are there, else the best single one; UsageError where that is not wanted."""
    missing = [band.value for band in dict.fromkeys(numbers.bands) if band not in bands]
    if not missing:
        return numbers.bands
    if numbers.otherwise == "refuse":
        have = ", ".join(band.value for band in bands)
        raise UsageError(
            f"shows {', '.join(dict.fromkeys(band.value for band in numbers.bands))}, and there is no "
            f"{' and no '.join(missing)} here ({have}): add a strip that has it, as to a mosaic, or choose another "
            "recipe"
        )
    return picture_bands(bands)


@step("colours", Colours, bands=coloured_bands)
def colours(draft: Draft, numbers: Colours) -> None:
    """Takes the light of three filters, times the white balance, as red, green and blue."""
    draft.bands = coloured_bands(numbers, draft.planes.bands)
    draft.light = balanced(draft.planes, draft.bands, draft.balance)


def every_band(_: object, bands: tuple[Filter, ...]) -> tuple[Filter, ...]:
    """All filters: red, green, blue first, methane last."""
    return tuple(band for band in ORDER if band in bands)


@step("all-filters", bands=every_band)
def all_filters(draft: Draft, _: object) -> None:
    """Takes the light of every filter, times the white balance, with its sigma and quality where they are there."""
    planes, order = draft.planes, every_band(None, draft.planes.bands)
    draft.bands, draft.light = order, balanced(planes, order, draft.balance)
    if not len(planes.sigma):
        return
    places = [planes.bands.index(band) for band in order]
    factors = np.array([draft.balance.get(band, 1.0) for band in order], np.float32)
    draft.sigma = np.moveaxis(planes.sigma[places], 0, -1) * factors
    draft.quality = np.moveaxis(planes.quality[places], 0, -1)


@step(
    "recover-highlights", HighlightNumbers, backplanes=True,
    reach=lambda n: 3.0 * n.carry_px + n.island_px,
)  # fmt: skip
def recover(draft: Draft, numbers: HighlightNumbers) -> None:
    """Replaces what is full in one filter by what the filter that is full least tells, times the ratio around."""
    true_light(draft, numbers)


@dataclass(frozen=True)
class Shading:
    """How a photometric law is taken off, where one is asked for."""

    relative: bool = switch(True, "whether well lit ground stays as bright as it was")
    cosine: float = number(0.3, 0.0, 1.0, "cosine of incidence from which ground is well lit")


@step("take-shading", Shading, backplanes=True)
def shading(draft: Draft, numbers: Shading) -> None:
    """Takes off the shading by the law of --photometry; does nothing without one."""
    if draft.gain is None:
        return
    if numbers.relative:
        take_shading(draft.light, draft.planes, draft.gain, draft.settings, numbers.cosine)
    else:
        draft.light *= draft.gain[..., None]


@dataclass(frozen=True)
class Even:
    """What is made alike in all colours."""

    percentile: float = number(99.5, 50.0, 100.0, "percentile over the lit disc that becomes 1 in each colour")


@step("even-colours", Even, backplanes=True)
def even_colours(draft: Draft, numbers: Even) -> None:
    """Divides each colour by its own level over the lit disc, so that filters of very different light go together."""

    def levels() -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        each = range(draft.light.shape[2])
        return np.array([white_level(draft.light[..., k : k + 1], draft.lit, numbers.percentile) for k in each])

    draft.light *= (1.0 / draft.settings.each("level", draft.bands, levels)).astype(np.float32)


@dataclass(frozen=True)
class White:
    """Which light is white."""

    percentile: float = number(99.5, 1.0, 100.0, "percentile over the lit disc of the brightest colour")


@step("white", White, backplanes=True)
def white(draft: Draft, numbers: White) -> None:
    """Measures which light is white."""
    draft.white = draft.settings.one("white", lambda: white_level(draft.light, draft.lit, numbers.percentile))


@dataclass(frozen=True)
class Black:
    """Which light is black."""

    share: float = number(0.02, 0.0, 1.0, "most that it may be of white: what is brighter is no stray light")
    sky_km: float = number(900.0, 0.0, 1e6, "height from which a ray beside the body sees only sky")
    night_cosine: float = number(-0.2, -1.0, 0.0, "cosine of incidence below which the ground is night")
    least_pixels: int = count(500, 1, 10**9, "fewest pixels of sky and night that tell it; it is 0 with fewer")


@step("black", Black, backplanes=True, needs=("white",))
def black(draft: Draft, numbers: Black) -> None:
    """Measures the level of sky and night in each colour, which `expose` and `subtract-black` take off."""

    def level() -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        seen = sky_level(draft.light, draft.planes, numbers.sky_km, numbers.night_cosine, numbers.least_pixels)
        return np.minimum(seen, numbers.share * draft.white)

    draft.black = draft.settings.each("black", draft.bands, level)


@step("subtract-black", needs=("black",))
def subtract_black(draft: Draft, _: object) -> None:
    """Takes the level of black off at once."""
    draft.light -= draft.black.astype(np.float32)
    draft.black = np.zeros(len(draft.bands))


@dataclass(frozen=True)
class Expose:
    """The exposure by a measured white."""

    white: float = number(0.75, 0.01, 1.0, "linear light that the measured white is given")
    shoulder: float = number(0.8, 0.01, 0.999, "linear light above which highlights are rolled off towards 1")


@step("expose", Expose, needs=("white",))
def exposure(draft: Draft, numbers: Expose) -> None:
    """Makes black 0 and gives the measured white its light; what is brighter is rolled off, its hue kept."""
    expose(draft.light, levels_of(draft), numbers.white / draft.white, numbers.shoulder)
    draft.black = np.zeros(len(draft.bands))


@dataclass(frozen=True)
class Stretch:
    """A fixed exposure, the same in every picture."""

    black: float = number(0.0, -1.0, 10.0, "I/F that becomes 0")
    white: float = number(1.0, 1e-6, 100.0, "I/F that becomes 1; what is brighter is clipped")

    def check(self) -> None:
        """Refuse, with ValueError, a white that is no brighter than black."""
        if self.white <= self.black:
            raise ValueError(f"white is {self.white:g} and black {self.black:g}: give a white above it")


@step("stretch", Stretch)
def stretch(draft: Draft, numbers: Stretch) -> None:
    """Makes two given levels of I/F 0 and 1: a fixed exposure by which pictures can be compared."""
    fixed = np.full(len(draft.bands), numbers.black)
    expose(draft.light, fixed, 1.0 / (numbers.white - numbers.black), np.inf)


def levels_of(draft: Draft) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """The level of black that is yet to be taken off (bands,)."""
    return draft.black if len(draft.black) else np.zeros(len(draft.bands))
