"""Maps of simulated strips against the world that was photographed: places, gaps and seams, light."""

import math
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from perijove.cartography.chart import Content, chart_of
from perijove.geometry.mapextent import Bounds, Wish, choose_grid
from perijove.geometry.mapgrid import MapGrid
from perijove.instrument import Filter

ROOT = Path(__file__).parents[2]
SCALE_KM = 330.0
"""About a summed camera pixel where the scenes' disc is nearest."""
SUMMED_PX = 16.0
"""Native px that are summed at most on coarse maps: so far the border of a strip may stand out there."""
MEDIAN_PX, P95_PX, LIGHT = 0.1, 0.3, 0.02
"""The bounds that maps are promised to keep."""


@pytest.fixture(scope="module")
def truth() -> Iterator[object]:
    """The bench's own functions, found from the repository's root; forgotten again afterwards."""
    before = set(sys.modules)
    sys.path.insert(0, str(ROOT))
    try:
        from benchmarks import map_truth

        yield map_truth
    finally:
        sys.path.remove(str(ROOT))
        for name in set(sys.modules) - before:
            if name.split(".")[0] == "benchmarks":
                del sys.modules[name]


CASES = (
    ("north", "equirectangular", "centric"), ("north", "polar-north", "graphic"), ("north", "perspective", "centric"),
    ("south", "polar-south", "centric"), ("south", "sinusoidal", "centric"),
    ("date line", "equirectangular", "graphic"), ("date line", "laea", "centric"),
    ("date line", "orthographic", "centric"), ("date line", "polar-north", "centric"),
)  # fmt: skip
"""Scenes with a pole or longitude 180 in the footprint, and maps of them."""


@pytest.fixture(scope="module")
def strips_of_places(truth):
    """Scenes, and strips of them that tell the ground that their pixels see."""
    made = {}
    for name in ("north", "south", "date line"):
        scene = truth.scene_of(name, binning=2)
        timing = truth.time_shot(scene, scene.shots[0])
        made[name] = scene, timing, truth.strip_of_places(scene, scene.shots[0], timing)
    return made


@pytest.mark.parametrize(("name", "kind", "latitudes"), CASES)
def test_every_projection_shows_each_place_where_it_is_and_leaves_no_gap(
    truth, strips_of_places, name, kind, latitudes
) -> None:
    scene, timing, swaths = strips_of_places[name]
    grid = truth.grid_for(kind, scene, timing, 2 * SCALE_KM, latitudes)
    row = truth.check_places(scene, scene.shots[0], timing, swaths, grid, SUMMED_PX)
    assert row.pixels > 10_000
    assert row.median <= MEDIAN_PX
    assert row.p95 <= P95_PX
    assert row.open == 0
    assert row.never == 0


def test_a_map_cut_at_the_date_line_goes_on_at_its_other_edge(truth, strips_of_places) -> None:
    scene, timing, swaths = strips_of_places["date line"]
    body = scene.flight.body
    # centred on 0: the footprint is cut in two at 180
    wish = Wish("equirectangular", bounds=Bounds(-math.pi, -1.0, math.pi, 1.0))
    grid: MapGrid = choose_grid(wish, body, np.empty(0), np.empty(0), native_km=2 * SCALE_KM)
    light = truth.render(
        swaths, body, float(timing.et.mean()), grid, horizon=truth.HORIZON, backplanes=False
    ).light.astype(float)
    assert math.isclose(grid.width * grid.scale_km, 2.0 * math.pi * grid.projection.radius_km, rel_tol=1e-9)
    step = np.linalg.norm(light[:, :, 0] - light[:, :, -1], axis=0)
    inside = np.linalg.norm(light[:, :, 1] - light[:, :, 0], axis=0)
    both = np.isfinite(step) & np.isfinite(inside)
    assert both.sum() > 0.5 * grid.height
    # over the cut it is as far from one pixel to the next as beside it
    np.testing.assert_allclose(step[both], inside[both], rtol=0.01)


@pytest.fixture(scope="module")
def photographed(truth, tmp_path_factory):
    """A summed strip of the south, taken by the whole camera, with its true pointing."""
    scene = truth.scene_of("south", binning=2)
    scene = replace(scene, shots=tuple(replace(shot, filters=(Filter.GREEN,)) for shot in scene.shots))
    strip, raw = next(truth.taken(scene, tmp_path_factory.mktemp("strip")))
    return scene, strip, truth.true_observation(scene, strip, raw)


def test_light_and_place_of_a_map_are_those_of_the_world(truth, photographed) -> None:
    scene, strip, o = photographed
    chart = truth.chart_for(o, "orthographic")
    for row in truth.compare(scene, strip, chart).values():
        assert row.blocks > 500
        assert abs(row.light_median) <= LIGHT
        assert row.light_p95 <= LIGHT
        assert row.patches > 20
        # in native px, of which a pixel of this strip has two
        assert row.place_median <= 2 * MEDIAN_PX
        assert row.place_p95 <= 2 * P95_PX


@pytest.mark.parametrize("band_rows", [16, 512])
def test_rows_made_in_bands_are_those_of_the_whole_map(truth, photographed, band_rows) -> None:
    _, _, o = photographed
    grid = truth.plan_map([o], Wish("polar-south", scale_km=2 * SCALE_KM), truth.HORIZON).grid
    chart = chart_of(o, grid, Content(sigma=True, quality=True, backplanes=("time", "source")), horizon=truth.HORIZON)
    whole = chart.rows(0, grid.height)
    for first in range(0, grid.height, band_rows):
        last = min(first + band_rows, grid.height)
        np.testing.assert_array_equal(chart.rows(first, last), whole[:, first:last])


def test_the_same_ground_has_the_same_light_in_two_projections(truth, photographed) -> None:
    _, _, o = photographed
    polar = truth.plan_map([o], Wish("polar-south", scale_km=0.75 * SCALE_KM), truth.HORIZON).grid
    flat = truth.plan_map([o], Wish("equirectangular", scale_km=0.75 * SCALE_KM), truth.HORIZON).grid
    maps = [chart_of(o, grid, Content(), horizon=truth.HORIZON).planes(0, grid.height) for grid in (polar, flat)]
    line, sample = np.meshgrid(np.arange(flat.height) + 0.5, np.arange(flat.width) + 0.5, indexing="ij")
    place = flat.place_of(line, sample)
    at = polar.pixel_of(place[..., 0], place[..., 1]) - 0.5
    again = map_coordinates(maps[0].light[0].astype(float), np.moveaxis(at, -1, 0), order=1, cval=np.nan)
    lit = np.minimum(maps[1].cos_incidence, maps[1].cos_emission) > truth.LEAST_COS
    use = lit & np.isfinite(again)
    assert use.sum() > 20_000
    ratio = again[use] / maps[1].light[0][use]
    assert abs(np.median(ratio) - 1.0) < 0.001
    assert np.percentile(np.abs(ratio - 1.0), 95) < LIGHT


def test_scenes_hold_the_poles(truth, strips_of_places) -> None:
    for name, side in (("north", 1.0), ("south", -1.0)):
        scene, timing, _ = strips_of_places[name]
        pole = np.array([[0.0, 0.0, side * scene.flight.body.radii_km[2]]])
        surely, _ = truth.truly_seen(scene, scene.shots[0], timing, Filter.GREEN, pole, truth.HORIZON)
        assert surely.all()
