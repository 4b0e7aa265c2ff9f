"""Clouds that moved are put back where they were: against a world whose parallels turn, told place by place."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from perijove.bodies import JUPITER
from perijove.errors import UsageError
from perijove.geometry.mapgrid import MapGrid
from perijove.geometry.projection import Projection
from perijove.geometry.view import View, pixel_rays, spacecraft_view
from perijove.instrument import Filter
from perijove.render.drift import carried
from perijove.render.engine import Prepared, prepare, render
from perijove.render.planes import Grid, Planes
from perijove.render.rays import HIT
from perijove.swath import Swath

FloatArray = NDArray[np.float64]
Ground = Callable[[FloatArray], FloatArray]
SUN = np.array([-1.0, 0.3, 0.1])
JETS = np.radians([[-40.0, 0.0], [-10.0, -1.2], [0.0, 2.0], [8.0, 2.5], [20.0, -0.8], [50.0, 0.0]])
"""Some ten pixels' worth of drift."""
ALL = (
    "light", "weight", "sigma", "quality", "latitude", "longitude", "cos_incidence", "cos_emission", "phase", "hit",
    "altitude_km", "frame", "source",
)  # fmt: skip


def turned(point: FloatArray, table: FloatArray, way: float) -> FloatArray:
    """Points turned about the axis by the table's angle for their latitude, times `way`."""
    x, y, z = np.moveaxis(point, -1, 0)
    angle = way * np.interp(np.arctan2(z, np.hypot(x, y)), *table.T)
    return np.stack([x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle), z], axis=-1)


def view_of(scene: Any, size: int = 120, degrees: float = 40.0) -> View:
    """A picture from the camera's own place."""
    return spacecraft_view(scene.viewpoint(), JUPITER, None, size, fov=np.radians(degrees), centre=(0.2, 3.0))


def map_of(scale_km: float, width: int, height: int, left_deg: float = 150.0, top_deg: float = 26.0) -> MapGrid:
    """A cylindrical map of what the camera saw."""
    projection = Projection("equirectangular", 71492.0, 0.0, 0.0)
    across, up = (np.radians(edge) * 71492.0 for edge in (left_deg, top_deg))
    return MapGrid(JUPITER, projection, "centric", scale_km, across, up, width, height)


def seen_then(scene: Any, ground: Ground) -> Swath:
    """What the camera saw of a ground that has drifted away from where the grid's epoch has it."""
    swath: Swath = scene.swath(Filter.GREEN, lambda p: ground(turned(p, JETS, -1.0)))
    return swath


def places(grid: MapGrid) -> FloatArray:
    """Body-fixed points (h, w, 3) km of a map's pixels."""
    line, sample = np.mgrid[: grid.height, : grid.width] + 0.5
    lat, lon = np.moveaxis(grid.place_of(line, sample), -1, 0)
    a, _, c = JUPITER.radii_km
    up = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)
    out: FloatArray = up / np.sqrt((np.cos(lat) / a) ** 2 + (np.sin(lat) / c) ** 2)[..., None]
    return out


def test_a_picture_shows_clouds_where_they_stand_at_its_epoch(spinner: Any, ground: Ground, intersect: Any) -> None:
    scene, view = spinner(), view_of(spinner())
    swath = seen_then(scene, ground)
    expected = ground(intersect(view.position_km, pixel_rays(view)))
    light = render([swath], JUPITER, scene.et0, view, drift=JETS).light[0]
    assert np.isfinite(light).mean() > 0.9
    assert np.nanmax(np.abs(light - expected)) < 5e-3
    assert np.nanmax(np.abs(render([swath], JUPITER, scene.et0, view).light[0] - expected)) > 0.1


@pytest.mark.parametrize("scale_km", [60.0, 400.0], ids=["fine", "coarse"])
def test_a_map_shows_clouds_where_they_stand_at_its_epoch(spinner: Any, ground: Ground, scale_km: float) -> None:
    scene = spinner()
    grid = map_of(scale_km, int(60_000 / scale_km), int(48_000 / scale_km))
    swath = seen_then(scene, ground)
    light = render([swath], JUPITER, scene.et0, grid, drift=JETS).light[0]
    assert np.isfinite(light).mean() > 0.5
    # at the strip's edge a coarse pixel is a mean of what half of it shows
    assert np.nanpercentile(np.abs(light - ground(places(grid))), 99.0) < 5e-3


def test_all_that_is_known_of_a_map_is_that_of_where_it_was_looked_up(spinner: Any, ground: Ground) -> None:
    scene = spinner()
    swath = scene.swath(Filter.GREEN, ground)
    swath = replace(swath, variance=np.square(0.1 + 0.01 * swath.light))
    # all parallels turn by 20 px alike: the map of it is the map of the ground 20 px on
    angle, grid = 20 * 100.0 / 71492.0, map_of(100.0, 300, 200)
    drift = np.array([[-1.0, angle], [1.0, angle]])
    moved = replace(grid, left_km=grid.left_km + 20 * 100.0)
    a = prepare([swath], JUPITER, scene.et0, grid, sun_direction=SUN, sources=True, drift=drift).planes()
    b = prepare([swath], JUPITER, scene.et0, moved, sun_direction=SUN, sources=True).planes()
    for name in ("light", "weight", "sigma", "cos_incidence", "cos_emission", "phase", "frame"):
        one, two = getattr(a, name), getattr(b, name)
        np.testing.assert_array_equal(np.isnan(one), np.isnan(two), err_msg=name)
        np.testing.assert_allclose(one, two, atol=2e-5, err_msg=name)
    np.testing.assert_array_equal(a.source, b.source)
    # the place is the grid's own
    np.testing.assert_array_equal(a.latitude, b.latitude)
    np.testing.assert_allclose(a.longitude + angle, b.longitude, atol=1e-6)


def test_the_sky_and_the_angles_of_a_picture_stay(spinner: Any, ground: Ground) -> None:
    scene, view = spinner(), view_of(spinner(), 100, 70.0)
    swath = scene.swath(Filter.GREEN, ground, lambda d: 2.0 + d[..., 0])
    with_drift, without = (
        render([swath], JUPITER, scene.et0, view, sun_direction=SUN, drift=drift) for drift in (JETS, None)
    )
    sky = ~without.hit
    assert sky.any()
    for name in ("latitude", "longitude", "cos_incidence", "cos_emission", "phase", "hit", "altitude_km"):
        np.testing.assert_array_equal(getattr(with_drift, name), getattr(without, name), err_msg=name)
    np.testing.assert_array_equal(with_drift.light[:, sky], without.light[:, sky])
    assert (with_drift.light[:, ~sky] != without.light[:, ~sky]).any()


@pytest.mark.parametrize("kind", ["picture", "map", "coarse map"])
def test_no_wind_changes_no_bit(spinner: Any, ground: Ground, kind: str) -> None:
    scene = spinner()
    grids: dict[str, Grid] = {
        "picture": view_of(scene), "map": map_of(90.0, 200, 150), "coarse map": map_of(400.0, 100, 80),
    }  # fmt: skip
    grid = grids[kind]
    still = np.array([[-1.0, 0.0], [0.3, 0.0], [1.0, 0.0]])
    swath = scene.swath(Filter.GREEN, ground)
    planes = [
        prepare([swath], JUPITER, scene.et0, grid, sun_direction=SUN, sources=True, drift=drift).planes()
        for drift in (None, still)
    ]
    same(*planes)


def same(one: Planes, two: Planes) -> None:
    """All planes agree to the bit."""
    for name in ALL:
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name), err_msg=name)


def test_parts_and_threads_change_nothing(spinner: Any, ground: Ground) -> None:
    scene = spinner()
    swath, grid = seen_then(scene, ground), map_of(120.0, 300, 150)
    whole = prepare([swath], JUPITER, scene.et0, grid, sun_direction=SUN, drift=JETS)
    one, two = whole.planes(threads=1), whole.planes(37, 101, 60, 211, threads=2)
    np.testing.assert_array_equal(one.light[:, 37:101, 60:211], two.light)
    np.testing.assert_array_equal(one.cos_emission[37:101, 60:211], two.cos_emission)
    again: Prepared = prepare([swath], JUPITER, scene.et0, map_of(240.0, 10, 10), sun_direction=SUN, drift=JETS)
    same(again.on(grid).planes(), one)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_points_are_turned_as_the_table_says(rows: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = np.stack([np.sort(rng.uniform(-1.5, 1.5, rows)), rng.uniform(-3.0, 3.0, rows)], axis=-1)
    points = np.ascontiguousarray(rng.normal(0.0, 7e4, (3, 3, 40)))
    # on a knot, too
    kind = np.where(rng.uniform(size=(3, 40)) < 0.8, HIT, 0.5)
    expected = np.moveaxis(turned(np.moveaxis(points, 1, 2), table, 1.0), 2, 1)
    before = points.copy()
    found = carried(table, points, kind)
    on = np.broadcast_to((kind == HIT)[:, None], points.shape)
    np.testing.assert_allclose(found[on], expected[on], rtol=0, atol=1e-7)
    np.testing.assert_array_equal(found[~on], points[~on])
    np.testing.assert_array_equal(points, before)


@pytest.mark.parametrize(
    ("drift", "message"),
    [
        ([0.0, 1.0], "no table"),
        (np.empty((0, 2)), "no table"),
        ([[0.0, 1.0, 2.0]], "no table"),
        ([[0.0, np.nan]], "finite"),
        ([[0.1, 0.0], [0.0, 0.0]], "ascend"),
        ([[0.0, 0.0], [0.0, 1.0]], "ascend"),
    ],
)
def test_refuses_what_is_no_drift(spinner: Any, ground: Ground, drift: Any, message: str) -> None:
    scene = spinner(frames=1)
    with pytest.raises(UsageError, match=message):
        render([scene.swath(Filter.GREEN, ground)], JUPITER, scene.et0, view_of(scene, 20), drift=drift)
