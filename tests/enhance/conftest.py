"""A made-up planet: a sphere seen from far away, lit from the left."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from perijove.geometry.view import View
from perijove.instrument import FOCAL_LENGTH_PX, Filter
from perijove.render.planes import Planes

SIZE = 320
RADIUS = 130.0
KM_PER_PX = 500.0
MakePlanes = Callable[..., Planes]


def _make(
    light: NDArray[np.float32], bands: tuple[Filter, ...] = (Filter.BLUE, Filter.GREEN, Filter.RED), sun: bool = True
) -> Planes:
    y, x = (np.mgrid[:SIZE, :SIZE] + 0.5 - SIZE / 2) / RADIUS
    r2 = x * x + y * y
    hit = r2 < 1
    z = np.sqrt(np.where(hit, 1 - r2, np.nan))
    cosine = (0.8 * -x + 0.6 * z) if sun else np.full_like(z, np.nan)
    altitude = np.where(hit, np.nan, (np.sqrt(r2) - 1) * RADIUS * KM_PER_PX)
    view = View(np.array([1e6, 0.0, 0.0]), np.eye(3), 1 / FOCAL_LENGTH_PX, SIZE, SIZE, (SIZE / 2, SIZE / 2))
    blank = np.full((SIZE, SIZE), np.nan, np.float32)
    return Planes(
        bands=bands,
        grid=view,
        light=light,
        weight=np.ones_like(light),
        latitude=blank,
        longitude=blank,
        cos_incidence=cosine.astype(np.float32),
        cos_emission=z.astype(np.float32),
        phase=blank,
        hit=hit,
        altitude_km=altitude.astype(np.float32),
    )


@pytest.fixture(scope="session")
def make_planes() -> MakePlanes:
    """A function from light (bands, 320, 320), its bands and whether there is a Sun to planes of the sphere."""
    return _make


@pytest.fixture(scope="session")
def lambert(make_planes: MakePlanes) -> Callable[..., Planes]:
    """A function from each band's light at normal incidence, a noise and a sky level to planes of an even ball."""

    def make(levels: tuple[float, ...], noise: float = 0.0, sky: float = 0.0, **more: object) -> Planes:
        blank = make_planes(np.zeros((len(levels), SIZE, SIZE), np.float32), **more)
        shade = np.nan_to_num(np.maximum(blank.cos_incidence, 0.0))
        rng = np.random.default_rng(3)
        light = np.stack([level * shade + sky + rng.normal(0, noise, shade.shape) for level in levels])
        return make_planes(light.astype(np.float32), **more)

    return make
