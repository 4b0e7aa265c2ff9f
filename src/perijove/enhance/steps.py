"""Steps of recipes: what each works on, its numbers, and the list of all that there are.

A step is a function of a `Draft`, which it changes, and of its numbers, a frozen dataclass whose fields are made with
`number`, `numbers`, `word`, `words` or `switch`: their defaults and limits are what a recipe's file is checked against.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perijove.enhance.settings import Settings
from perijove.instrument import Filter
from perijove.render.planes import Planes

Plane = NDArray[np.float32]
Floats = NDArray[np.float64]

LEAST_NATIVE = 0.8
"""Size of a camera pixel, in px, that is reckoned with at least: where a picture is coarser there is nothing finer."""


class Space(StrEnum):
    """What the numbers of a draft are while a step works on them.

    `LIGHT` is linear light, `OKLAB` lightness and two opponent colours of light of 0 to 1, `CODE` colours coded for
    sRGB, from which there is no way back.
    """

    LIGHT = "light"
    OKLAB = "oklab"
    CODE = "code"


class Draft:
    """A picture while its recipe is at work; every step changes it in place.

    `planes` are the rendered light and backplanes, never changed; `balance` the white balance by filter and `full` the
    light, in the unit of the planes, from which a filter's pixels are full (empty for never). `gain` (h, w) are the
    factors that take a photometric law off, None without one. `settings` hold every number that is measured on the
    picture, so that parts of it can be made alike.

    `bands` are the filters that are shown, as red, green and blue or as one grey. `light` (h, w, bands) is linear light
    in spaces LIGHT and coded in CODE; in OKLAB `lab` (bands, h, w) stands for it and `light` only tells, by NaN, where
    there is no data. `lit` (h, w) is the disc in daylight, `unit` the size of a camera pixel in px, 0.8 or more.
    `white` and `black` (bands,) are levels of light that were measured and not yet made 1 and 0. `trust` (h, w), 0 to
    1, says how far a pixel may be changed. `sigma` and `quality` (h, w, bands) go with light that is left as it is.
    `origin` is the line and sample, in the whole picture, of this part's first pixel.
    `left` is what steps leave for later ones, or the caller for the steps, by name: (h, w) planes and the like.
    """

    def __init__(
        self,
        planes: Planes,
        settings: Settings,
        *,
        lit: NDArray[np.bool_],
        balance: Mapping[Filter, float] | None = None,
        full: Mapping[Filter, float] | None = None,
        gain: Plane | None = None,
        left: Mapping[str, Any] | None = None,
        origin: tuple[int, int] = (0, 0),
    ) -> None:
        """Begin with what is given; the first step chooses the filters and takes their light."""
        self.planes, self.settings, self.lit = planes, settings, lit
        self.balance: Mapping[Filter, float] = balance or {}
        self.full: Mapping[Filter, float] = full or {}
        self.gain, self.origin = gain, origin
        self.left: dict[str, Any] = dict(left or {})
        self.bands: tuple[Filter, ...] = ()
        self.light: Plane = np.empty((0, 0, 0), np.float32)
        self.lab: Plane = np.empty((0, 0, 0), np.float32)
        self.space = Space.LIGHT
        self.white = 1.0
        self.black: Floats = np.zeros(0)
        self.trust: Plane | None = None
        self.sigma: Plane | None = None
        self.quality: NDArray[np.uint8] | None = None

    @property
    def unit(self) -> float:
        """The size of a camera pixel in px, as steps are to reckon with it."""
        return max(self.planes.native, LEAST_NATIVE)


@dataclass(frozen=True)
class Limits:
    """What a number of a step may be: `low` to `high` for numbers, one of `allowed` for words; `about` says what it is.

    `whole` numbers are integers. `many` means a list; `least` is the fewest it may hold.
    """

    about: str
    low: float = -np.inf
    high: float = np.inf
    allowed: tuple[str, ...] = ()
    whole: bool = False
    many: bool = False
    least: int = 1


def number(default: float, low: float, high: float, about: str) -> Any:
    """A field of a step's numbers that is a number from `low` to `high`."""
    return field(default=default, metadata={"limits": Limits(about, low, high)})


def count(default: int, low: int, high: int, about: str) -> Any:
    """A field that is a whole number from `low` to `high`."""
    return field(default=default, metadata={"limits": Limits(about, low, high, whole=True)})


def numbers(default: tuple[float, ...], low: float, high: float, about: str, least: int = 1) -> Any:
    """A field that is a list of numbers from `low` to `high`, at least so many of them."""
    return field(default=default, metadata={"limits": Limits(about, low, high, many=True, least=least)})


def word(default: str, allowed: tuple[str, ...], about: str) -> Any:
    """A field that is one of some words."""
    return field(default=default, metadata={"limits": Limits(about, allowed=allowed)})


def words(default: tuple[str, ...], allowed: tuple[str, ...], about: str) -> Any:
    """A field that is a list of some words."""
    return field(default=default, metadata={"limits": Limits(about, allowed=allowed, many=True)})


def switch(default: bool, about: str) -> Any:
    """A field that is true or false."""
    return field(default=default, metadata={"limits": Limits(about)})


@dataclass(frozen=True)
class NoNumbers:
    """The numbers of a step that has none."""


@dataclass(frozen=True)
class Step:
    """A kind of step: its name in recipes, what it does in a sentence, the function and the dataclass of its numbers.

    `space` is what its draft must be in. `backplanes` tells whether it needs the geometry of the pixels; `reach` gives,
    of its numbers, how many camera pixels around a place it looks at. `needs` are steps that must stand before it.
    `bands` gives, of its numbers and the filters that there are, those that the picture shows, and raises UsageError
    where what it needs is not there; only the first step of a recipe has it.
    """

    name: str
    about: str
    function: Callable[[Draft, Any], None]
    numbers: type[Any]
    space: Space
    backplanes: bool
    reach: Callable[[Any], float]
    needs: tuple[str, ...]
    bands: Callable[[Any, tuple[Filter, ...]], tuple[Filter, ...]] | None

    @property
    def limits(self) -> dict[str, tuple[Any, Limits]]:
        """Default and limits of its numbers by their names."""
        found = {}
        for entry in fields(self.numbers):
            default = entry.default if entry.default is not MISSING else None
            found[entry.name] = (default, entry.metadata["limits"])
        return found


STEPS: dict[str, Step] = {}
"""All kinds of steps by name."""


def step(
    name: str,
    numbers: type[Any] = NoNumbers,
    *,
    space: Space = Space.LIGHT,
    backplanes: bool = False,
    reach: Callable[[Any], float] = lambda _: 0.0,
    needs: tuple[str, ...] = (),
    bands: Callable[[Any, tuple[Filter, ...]], tuple[Filter, ...]] | None = None,
) -> Callable[[Callable[[Draft, Any], None]], Callable[[Draft, Any], None]]:
    """Register a function as the step `name`; the first sentence of its docstring says in lists what it does.

    Arguments are those of `Step`. ValueError for a name that is taken.
    """

    def register(function: Callable[[Draft, Any], None]) -> Callable[[Draft, Any], None]:
        if name in STEPS:
            raise ValueError(f"there are two steps {name!r}")
        about = " ".join((function.__doc__ or "").split("\n\n")[0].split())
        STEPS[name] = Step(name, about, function, numbers, space, backplanes, reach, needs, bands)
        return function

    return register
