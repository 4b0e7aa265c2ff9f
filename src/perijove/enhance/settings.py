"""Settings: what a recipe chose by the whole of a picture, so that parts of it can be made alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from perijove.instrument import Filter

Floats = NDArray[np.float64]


class Settings:
    """Numbers by name, each taken from those given, or else measured; `chosen` are all that were asked for.

    `suffix` is put behind the names: a step that comes twice in a recipe has its own numbers each time.
    """

    def __init__(self, given: Mapping[str, float] | None = None) -> None:
        """`given` are the settings of another picture, None where all are to be measured."""
        self._given = given
        self.suffix = ""
        self.chosen: dict[str, float] = {}

    @property
    def measuring(self) -> bool:
        """Whether numbers are measured on the picture itself."""
        return self._given is None

    def one(self, name: str, measure: Callable[[], float]) -> float:
        """One number."""
        name += self.suffix
        value = float(measure()) if self._given is None else self._given[name]
        self.chosen[name] = value
        return value

    def each(self, name: str, bands: Sequence[Filter], measure: Callable[[], Floats]) -> Floats:
        """A number for each of some filters (bands,), named after them."""
        names = [f"{name}_{band.value.lower()}{self.suffix}" for band in bands]
        values = measure() if self._given is None else np.array([self._given[key] for key in names])
        self.chosen |= {key: float(value) for key, value in zip(names, values, strict=True)}
        return np.asarray(values, dtype=float)

    def note(self, name: str, value: float) -> None:
        """Keep a number that is not measured on the picture, to be told with the others."""
        self.chosen[name] = value
