import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perijove.bodies import BODIES
from perijove.errors import MapError
from perijove.geometry.mapgrid import MapGrid
from perijove.geometry.projection import KINDS, Projection
from perijove.io.description import as_text, describe_grid, described, distinct, grid_of, groups
from perijove.raster import Layer, Raster

Rasters = Callable[..., Raster]


@given(
    st.sampled_from(sorted(KINDS)),
    st.sampled_from(sorted(BODIES)),
    st.floats(-1.5, 1.5),
    st.floats(-7.0, 7.0),
    st.floats(1e-3, 1e5),
    st.floats(-1e6, 1e6),
)
def test_a_grid_comes_back_to_the_last_bit(
    kind: str, body: str, latitude: float, longitude: float, scale: float, corner: float
) -> None:
    altitude = 1234.5 / 7.0 if kind == "perspective" else math.nan
    grid = MapGrid(
        BODIES[body],
        Projection(kind, 2410.3, latitude, longitude, altitude),
        "centric",
        scale,
        corner,
        -corner / 3,
        5,
        4,
    )
    back = grid_of(json.loads(json.dumps(describe_grid(grid))))
    assert repr(back) == repr(grid)


def test_numbers_of_numpy_are_told_too(make_grid: Callable[..., MapGrid], make_raster: Rasters) -> None:
    grid = make_grid()
    grid = replace(grid, scale_km=np.float64(0.1), width=np.int64(61))  # type: ignore[arg-type]
    back = described(as_text(make_raster(grid)), Path("x"), lambda a, b: np.zeros(0))
    assert back.grid == grid


def test_layers_in_stacks() -> None:
    def layer(name: str, unit: str, role: str) -> Layer:
        return Layer(name, unit, role)  # type: ignore[arg-type]

    found = groups(
        [
            layer("range", "km", "geometry"),
            layer("B quality", "bits", "quality"),
            layer("A", "I/F", "light"),
            layer("A sigma", "I/F", "sigma"),
            layer("B", "I/F", "light"),
            layer("C", "DN", "light"),
            layer("sigma", "km", "geometry"),
            layer("range", "km", "geometry"),
        ]
    )
    assert [(group.name, group.indices) for group in found] == [
        ("LIGHT", (2, 4)),
        ("LIGHT_2", (5,)),
        ("SIGMA", (3,)),
        ("QUALITY", (1,)),
        ("RANGE", (0,)),
        ("SIGMA_2", (6,)),
        ("RANGE_2", (7,)),
    ]


@given(st.lists(st.sampled_from(["a", "b", "a_2", "a_3"])))
def test_distinct_names(names: list[str]) -> None:
    out = distinct(names)
    assert len(set(out)) == len(names)
    assert all(new == old or new.startswith(f"{old}_") for new, old in zip(out, names, strict=True))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"schema": "perijove-map-9"}, "another version"),
        ({"dtype": "complex64"}, "damaged"),
        ({"layers": []}, "damaged"),
        ({"layers": [{"nome": 1}]}, "damaged"),
        ({"grid": {"body": "VENUS"}}, "damaged"),
        ({"width": 60}, "not that of its numbers"),
        ({"scale": "x"}, "damaged"),
    ],
)
def test_what_is_damaged_is_told(
    make_grid: Callable[..., MapGrid], make_raster: Rasters, change: dict[str, object], told: str
) -> None:
    raster = make_raster(make_grid())
    broken = json.dumps({**json.loads(as_text(raster)), **change})
    for text in (broken, "{", "[]", "null"):
        with pytest.raises(MapError, match=told if text == broken else r"file\.tif.*damaged"):
            described(text, Path("file.tif"), raster.rows)
