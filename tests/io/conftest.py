"""Made-up maps for the readers and writers."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from perijove.bodies import BODIES
from perijove.geometry.mapgrid import MAP_RADIUS_KM, MapGrid
from perijove.geometry.projection import Projection
from perijove.raster import Kind, Layer, Raster

WIDTH, HEIGHT = 61, 530
"""Odd, and higher than a band of rows."""
LAYERS = (
    Layer("RED", "I/F", "light", "red light"),
    Layer("RED sigma", "I/F", "sigma"),
    Layer("GREEN", "I/F", "light", "green light"),
    Layer("GREEN sigma", "I/F", "sigma"),
    Layer("RED quality", "bits", "quality", "what is to be known of red"),
    Layer("latitude", "deg", "geometry", "planetocentric latitude"),
    Layer("range", "km", "geometry"),
)
ORIGIN = {
    "schema": "perijove-provenance-1",
    "software": "perijove 0.0",
    "title": "Örtchen",
    "credit": "NASA/JPL-Caltech/SwRI/MSSS, image processing: Gerald Eichstädt",
    "licence": "JunoCam image data: " + "free to use " * 20,
    "inputs": [{"kind": "strip", "name": "x.png", "product_id": "JNCE_2022272_45C00029_V01", "sha256": None}],
    "parameters": {"scale": 0.1, "nothing": None, "list": [1, 2.5, "a'b\"c"]},
}


@pytest.fixture
def make_grid() -> Callable[..., MapGrid]:
    """A grid of a body in a projection, off centre, at 0.4 degrees a pixel."""

    def make(
        kind: str = "equirectangular",
        body: str = "JUPITER",
        latitudes: str = "centric",
        latitude: float = 20.0,
        longitude: float = 170.0,
        width: int = WIDTH,
        height: int = HEIGHT,
    ) -> MapGrid:
        radius = MAP_RADIUS_KM[body]
        altitude = 1.5 * radius if kind == "perspective" else math.nan
        if kind == "sinusoidal" or kind.startswith("polar"):
            latitude = 0.0
        projection = Projection(kind, radius, math.radians(latitude), math.radians(longitude), altitude)
        scale = radius * math.radians(0.4)
        return MapGrid(
            BODIES[body], projection, latitudes, scale, -0.35 * width * scale, 0.55 * height * scale, width, height
        )

    return make


@pytest.fixture
def make_raster() -> Callable[..., Raster]:
    """A raster of seven layers with numbers by chance, some of them missing."""

    def make(grid: MapGrid | None, dtype: Kind = "float32", layers: tuple[Layer, ...] = LAYERS) -> Raster:
        width, height = (WIDTH, HEIGHT) if grid is None else (grid.width, grid.height)
        rng = np.random.default_rng(7)
        shape = (len(layers), height, width)
        if dtype == "float32":
            values = rng.normal(size=shape).astype(np.float32)
            for plane, layer in zip(values, layers, strict=True):
                if layer.role == "quality":
                    plane[...] = rng.integers(0, 256, plane.shape)
            values[rng.random(shape) < 0.1] = np.nan
        else:
            values = rng.integers(0, np.iinfo(dtype).max, shape, endpoint=True).astype(dtype)
            values[rng.random(shape) < 0.1] = 0
        scale, offset = (1.0, 0.0) if dtype == "float32" else (0.1, 0.3)
        return Raster(grid, layers, width, height, dtype, "linear", ORIGIN, lambda a, b: values[:, a:b], scale, offset)

    return make
