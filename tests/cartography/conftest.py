"""A made-up strip for maps, solved to the last digit: the renderer's synthetic scene behind an observation's face."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from perijove.bodies import JUPITER, Body
from perijove.geometry.mapgrid import MapGrid
from perijove.geometry.projection import Projection
from perijove.instrument import Filter
from perijove.swath import Swath

FloatArray = NDArray[np.float64]

LEVELS = {Filter.RED: 0.6, Filter.GREEN: 0.5, Filter.BLUE: 0.3}
SUN_B0 = np.array([-0.75, -0.6, 0.28])
"""Direction to the Sun in the body's frame at the middle time: the terminator crosses the disc."""
START_KM = (-2.0e5, 1.5e4, 2.5e4)
NATIVE_KM = 177.0
"""What a summed pixel spans below the camera."""


@dataclass(frozen=True)
class Afloat:
    """What maps ask of an `Observation`, of a strip whose truth is the scene's."""

    scene: Any
    strips: tuple[Swath, ...]
    sun: FloatArray
    full: Any
    raw: Any
    calibrated: Any
    body: Body = JUPITER

    @property
    def middle_et(self) -> float:
        return float(self.scene.et0)

    @property
    def middle_sun(self) -> FloatArray:
        out: FloatArray = JUPITER.body_from_j2000(self.middle_et) @ self.sun
        return out

    def swaths(self, *, sigma: bool = False, sharpen: bool = False) -> list[Swath]:
        if sigma:
            return list(self.strips)
        return [replace(swath, variance=None, quality=None) for swath in self.strips]


@pytest.fixture(scope="session")
def spinning() -> Iterator[Any]:
    """The renderer's own synthetic scene, `tests/render/conftest.py`."""
    name = "perijove_tests_render_conftest"
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parents[1] / "render" / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[name]


def lambertian(waves: Callable[[FloatArray], FloatArray], level: float) -> Callable[[FloatArray], FloatArray]:
    """Clouds on a ball that is evenly white otherwise."""
    sun = SUN_B0 / np.linalg.norm(SUN_B0)

    def light(point: FloatArray) -> FloatArray:
        normal = point / np.array(JUPITER.radii_km) ** 2
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
        value: FloatArray = level * (1.0 + 0.25 * waves(point)) * np.maximum(normal @ sun, 0.0)
        return value

    return light


@pytest.fixture(scope="session")
def afloat(spinning: Any) -> Afloat:
    """Red, green, blue of thirteen frames, with noise known and a few bits set."""
    scene = spinning.Spinner(start_km=START_KM, binning=2, frames=13)
    rng = np.random.default_rng(9)
    strips = []
    for band, level in LEVELS.items():
        swath = scene.swath(band, lambertian(spinning.waves, level))
        lit = np.isfinite(swath.light)
        variance = np.where(lit, 1e-6 * (1 + np.nan_to_num(swath.light)), np.nan).astype(np.float32)
        quality = np.where(rng.random(swath.light.shape) < 1e-3, 4, 0).astype(np.uint8)
        strips.append(replace(swath, variance=variance, quality=quality))
    sun = SUN_B0 / np.linalg.norm(SUN_B0) @ JUPITER.body_from_j2000(scene.et0)
    raw, calibrated = SimpleNamespace(path=Path("made-up.png")), SimpleNamespace(sun_distance_km=7.4e8)
    return Afloat(scene, tuple(strips), sun, dict.fromkeys(LEVELS, 50.0), raw, calibrated)


@pytest.fixture(scope="session")
def map_below() -> Callable[..., MapGrid]:
    """A function from km a pixel, width and height to a map of equal areas about the place below the camera."""

    def make(scale_km: float = NATIVE_KM, width: int = 300, height: int = 200) -> MapGrid:
        x, y, z = START_KM
        projection = Projection("laea", 71492.0, float(np.arctan2(z, np.hypot(x, y))), float(np.arctan2(y, x)))
        left, top = -scale_km * width / 2, scale_km * height / 2
        return MapGrid(JUPITER, projection, "centric", scale_km, left, top, width, height)

    return make
