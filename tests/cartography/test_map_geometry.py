"""Backplanes of maps, against the camera's true place at the time when each pixel was seen."""

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from perijove.bodies import JUPITER
from perijove.cartography.chart import Content, chart_of
from perijove.cartography.geometry import (
    MORE_PLANES,
    named_layers,
    per_band,
    reference_frames,
    stations,
    surface_points,
)
from perijove.geometry.illumination import PLANES, backplanes
from perijove.geometry.mapgrid import MapGrid
from perijove.geometry.view import spacecraft_view
from perijove.instrument import Filter
from perijove.render.engine import prepare

FloatArray = NDArray[np.float64]
LIGHT_SPEED = 299792.458
HORIZON = 0.15
NAMES = tuple(name for name in PLANES if name != "ring_radius")


def truth(afloat: Any, grid: MapGrid, frame: FloatArray) -> dict[str, FloatArray]:
    """Planes of `PLANES` of a map's pixels, each from where the camera was at its own frame; NaN frames unseen."""
    line, sample = np.mgrid[: grid.height, : grid.width] + 0.5
    lat, lon = np.moveaxis(grid.place_of(line, sample), -1, 0)
    a, _, c = JUPITER.radii_km
    up = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)
    point = up / np.sqrt((np.cos(lat) / a) ** 2 + (np.sin(lat) / c) ** 2)[..., None]
    scene = afloat.scene
    et = scene.et[0] + frame * scene.delay
    place = scene.position(et)
    late = (np.linalg.norm(place, axis=-1) - np.mean(JUPITER.radii_km)) / LIGHT_SPEED
    camera, sun = np.full(point.shape, np.nan), np.full(point.shape, np.nan)
    for i, j in np.argwhere(np.isfinite(frame)):
        turned = JUPITER.body_from_j2000(et[i, j] - late[i, j])
        camera[i, j], sun[i, j] = turned @ place[i, j], turned @ afloat.sun
    return backplanes(NAMES, point, camera, sun, JUPITER, sun_distance_km=afloat.calibrated.sun_distance_km)


@pytest.mark.parametrize("times", [1, 5], ids=["native", "coarse"])
@pytest.mark.parametrize("latitudes", ["centric", "graphic"])
def test_planes_are_those_of_the_camera_at_the_pixels_own_time(
    afloat: Any, map_below: Any, latitudes: str, times: int
) -> None:
    grid = replace(map_below(177.0 * times, 60, 40), latitudes=latitudes)
    made = chart_of(afloat, grid, Content(backplanes=NAMES, light=False), horizon=HORIZON)
    found = dict(zip(NAMES, made.rows(0, 40), strict=True))
    planes = made.planes(0, 40)
    frame = planes.frame[planes.bands.index(Filter.GREEN)].astype(float)
    for band in (Filter.RED, Filter.BLUE):
        frame = np.where(np.isnan(frame), planes.frame[planes.bands.index(band)], frame)
    assert np.isfinite(frame).mean() > 0.9
    expected = truth(afloat, grid, frame)
    for name in NAMES:
        kind = PLANES[name]
        want, have = expected[name] * kind.factor, found[name].astype(float)
        np.testing.assert_array_equal(np.isfinite(have), np.isfinite(want), err_msg=name)
        error = have - want
        if kind.period:
            error = (error + kind.period / 2) % kind.period - kind.period / 2
        # numbers of six or seven digits
        limit = {"km": 4e-7 * np.nanmax(np.abs(want)), "deg": 6e-5, "h": 4e-6}[kind.unit]
        assert np.nanmax(np.abs(error)) < limit, name


def test_angles_in_files_are_those_that_laws_are_taken_off_by(afloat: Any, map_below: Any) -> None:
    made = chart_of(
        afloat, map_below(300.0, 150, 100), Content(backplanes=("incidence", "emission", "phase")), horizon=HORIZON
    )
    incidence, emission, phase = np.radians(made.rows(0, 100)[3:].astype(float))
    planes = made.planes(0, 100)
    # the one takes the Sun to be at its distance, the other beyond all distance: 1e-4 rad
    np.testing.assert_allclose(np.cos(incidence), planes.cos_incidence, atol=1.2e-4)
    np.testing.assert_allclose(np.cos(emission), planes.cos_emission, atol=2e-6)
    np.testing.assert_allclose(phase, planes.phase, atol=1.2e-4)


def test_places_are_given_wherever_there_is_ground_and_the_rest_where_it_was_seen(afloat: Any, map_below: Any) -> None:
    grid = map_below(1200.0, 260, 260)
    made = chart_of(afloat, grid, Content(backplanes=("latitude", "longitude", "range", "local_time")), horizon=HORIZON)
    red, green, blue, latitude, longitude, away, hour = made.rows(0, 260)
    line, sample = np.mgrid[:260, :260] + 0.5
    place = grid.place_of(line, sample)
    ground = np.isfinite(place[..., 0])
    assert 0.5 < ground.mean() < 0.95
    np.testing.assert_array_equal(np.isfinite(latitude), ground)
    np.testing.assert_array_equal(np.isfinite(longitude), ground)
    np.testing.assert_allclose(latitude[ground], np.degrees(place[..., 0][ground]), atol=1e-4)
    assert np.nanmin(longitude) >= 0.0
    assert np.nanmax(longitude) < 360.0
    seen = np.isfinite(np.stack([red, green, blue])).any(axis=0)
    assert 0.05 < seen.mean() < 0.5
    for plane in (away, hour):
        np.testing.assert_array_equal(np.isfinite(plane), seen)


def test_where_green_saw_nothing_red_and_then_blue_tell_the_time(afloat: Any, map_below: Any) -> None:
    frames = {
        "red": [7.0, 7.0, np.nan, np.nan],
        "green": [3.0, np.nan, np.nan, np.nan],
        "blue": [1.0, 1.0, 1.0, np.nan],
    }
    prepared = prepare(afloat.swaths(), JUPITER, afloat.middle_et, map_below(500.0, 20, 20))
    assert prepared.swaths[0].band is Filter.RED
    planes = SimpleNamespace(frame=np.array([[v] for v in frames.values()], np.float32))
    found = reference_frames(prepared, planes)  # type: ignore[arg-type]
    np.testing.assert_array_equal(found, [[3.0, 7.0, 1.0, np.nan]])


def test_planes_of_a_band_by_hand() -> None:
    planes: Any = SimpleNamespace(
        source=np.array([[[2, -1]], [[0, 1]]], np.int16), weight=np.array([[[1.0, 0.0]], [[0.5, 2.0]]], np.float32),
        frame=np.array([[[1.5, np.nan]], [[0.0, 2.0]]], np.float32),
    )  # fmt: skip
    seconds = np.array([-3.0, -1.0, 2.0])
    np.testing.assert_array_equal(per_band("source", planes, 0, seconds), [[2.0, np.nan]])
    np.testing.assert_array_equal(per_band("weight", planes, 1, seconds), [[0.5, 2.0]])
    np.testing.assert_array_equal(per_band("time", planes, 0, seconds), [[0.5, np.nan]])
    np.testing.assert_array_equal(per_band("time", planes, 1, seconds), [[-3.0, 2.0]])
    layers = named_layers(["phase", "time"], [Filter.RED, Filter.METHANE])
    assert [(layer.name, layer.unit) for layer in layers] == [
        ("phase", "deg"),
        ("RED time", "s"),
        ("METHANE time", "s"),
    ]
    assert set(MORE_PLANES) == {"time", "source", "weight"}


def test_stations_lie_between_those_of_the_frames() -> None:
    table: Any = SimpleNamespace(
        cameras=np.array([[0.0, 10.0, -4.0], [2.0, 20.0, -4.0]]), suns=np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    )
    cameras, suns = stations(table, np.array([[0.25, 1.0, np.nan]], np.float32))
    np.testing.assert_allclose(cameras, [[[0.5, 12.5, -4.0], [2.0, 20.0, -4.0], [np.nan] * 3]])
    np.testing.assert_allclose(suns[0, :2], [[0.75, 0.25, 0.0], [0.0, 1.0, 0.0]])


def test_ground_of_a_picture_and_of_a_map_is_on_the_ellipsoid(afloat: Any, map_below: Any) -> None:
    radii = np.array(JUPITER.radii_km)
    view = spacecraft_view(afloat.scene.viewpoint(), JUPITER, None, 90)
    for grid in (view, map_below(2400.0, 130, 120)):
        points = surface_points(grid, JUPITER, 10, 70)
        assert points.shape == (60, grid.width, 3)
        there = np.isfinite(points[..., 0])
        assert 0.3 < there.mean() < 1.0
        np.testing.assert_allclose(np.square(points[there] / radii).sum(axis=-1), 1.0, atol=1e-12)
    # the pixel's own line of sight, or place
    line, sample = np.mgrid[10:70, :130] + 0.5
    place = map_below(2400.0, 130, 120).place_of(line, sample)
    latitude = np.arctan2(points[..., 2], np.hypot(points[..., 0], points[..., 1]))
    np.testing.assert_allclose(latitude, place[..., 0], atol=1e-12)
    assert math.isnan(place[0, 0, 0])
