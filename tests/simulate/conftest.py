"""Fixtures of the simulator's tests: worlds painted by a formula."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from perijove.simulate.worlds.painting import Painting

FloatArray = NDArray[np.float64]
Formula = Callable[[FloatArray], FloatArray | float]


@dataclass(frozen=True)
class FormulaPainter:
    """Albedo (n,), the same in all bands or (n, 4), and height in km by formulas of the directions (n, 3)."""

    albedo: Formula
    height: Formula | None = None

    def paint(self, directions: FloatArray, spacing: float, et: float) -> Painting:
        count = len(directions)
        value = np.asarray(self.albedo(directions), dtype=float)
        value = value if value.ndim == 2 else np.broadcast_to(np.broadcast_to(value, count)[:, None], (count, 4))
        light = np.ascontiguousarray(value, dtype=np.float32)
        if self.height is None:
            return Painting(light, None)
        return Painting(light, np.broadcast_to(self.height(directions), count).astype(np.float32))


@pytest.fixture(scope="session")
def painter() -> type[FormulaPainter]:
    return FormulaPainter


@pytest.fixture(scope="session")
def white() -> FormulaPainter:
    """Albedo 1 everywhere."""
    return FormulaPainter(lambda _: 1.0)
