"""Maps coarser than the camera: means of the ground that their pixels cover, their noise, their bits, their parts."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from perijove.bodies import JUPITER
from perijove.geometry.mapgrid import MapGrid
from perijove.geometry.projection import Projection
from perijove.instrument import FOCAL_LENGTH_PX, Filter
from perijove.render.coarser import coarser, coarsest_factor
from perijove.render.engine import Prepared, prepare
from perijove.render.places import means, split
from perijove.render.survey import Pace
from perijove.swath import Swath

FloatArray = NDArray[np.float64]
START_KM = (-2.0e5, 1.5e4, 2.5e4)
BELOW = math.asin(START_KM[2] / math.hypot(*START_KM)), math.atan2(START_KM[1], START_KM[0])
NATIVE_KM = (math.hypot(*START_KM) - 71492.0) / FOCAL_LENGTH_PX
"""What a camera pixel spans right below the camera."""
SUN = np.array([-1.0, 0.3, 0.1])


def plan(scale_km: float, size: int) -> MapGrid:
    """A square map about the place below the camera."""
    projection = Projection("orthographic", 71492.0, *BELOW)
    half = scale_km * size / 2
    return MapGrid(JUPITER, projection, "centric", scale_km, -half, half, size, size)


def surface(grid: MapGrid, times: int) -> FloatArray:
    """Body-fixed points, km, of `times` x `times` places in each pixel, by the ellipsoid's own equation."""
    line, sample = (np.arange(n * times)[:, None] / times + 0.5 / times for n in (grid.height, grid.width))
    lat, lon = np.moveaxis(grid.place_of(line, sample.T), -1, 0)
    a, _, c = JUPITER.radii_km
    up = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)
    out: FloatArray = up / np.sqrt((np.cos(lat) / a) ** 2 + (np.sin(lat) / c) ** 2)[..., None]
    return out


def ripples(length_km: float) -> Callable[[FloatArray], FloatArray]:
    """Ground of 0.5 to 1.5 in waves of no less than a length."""

    def light(point: FloatArray) -> FloatArray:
        y, z = point[..., 1] * (2 * np.pi / length_km), point[..., 2] * (2 * np.pi / length_km)
        value: FloatArray = 1.0 + 0.5 * np.sin(0.8 * y + 0.3) * np.cos(0.6 * z)
        return value

    return light


@pytest.fixture(scope="module")
def near(spinner: Any) -> Callable[[int], tuple[Any, Swath]]:
    """A function from a binning to the scene and its swath, of ripples eight stored pixels long."""

    @cache
    def make(binning: int) -> tuple[Any, Swath]:
        scene = spinner(start_km=START_KM, binning=binning)
        return scene, scene.swath(Filter.GREEN, ripples(8 * binning * NATIVE_KM))

    return make


@pytest.mark.parametrize("times", [2, 3, 4, 6, 8, 12, 16])
@pytest.mark.parametrize("binning", [1, 2])
def test_a_pixel_is_the_mean_of_the_ground_that_it_covers(near: Any, binning: int, times: int) -> None:
    scene, swath = near(binning)
    grid = plan(times * binning * NATIVE_KM, 240 // times)
    light = prepare([swath], JUPITER, scene.et0, grid).planes().light[0]
    expected = ripples(8 * binning * NATIVE_KM)(surface(grid, 8))
    size = grid.height
    mean = expected.reshape(size, 8, size, 8).mean(axis=(1, 3))
    centre = ripples(8 * binning * NATIVE_KM)(surface(grid, 1))
    error = light - mean
    assert np.isfinite(light).all()
    assert np.abs(error.mean()) < 2e-3
    # interpolation damps waves of eight pixels by one or two hundredths of the half that they swing
    assert error.std() < 0.012
    if times > 2:
        # single places would be off by much more
        assert (centre - mean).std() > 3 * error.std()


def test_a_coarse_map_is_the_mean_of_the_fine_map(near: Any) -> None:
    scene, swath = near(1)
    fine = prepare([swath], JUPITER, scene.et0, plan(NATIVE_KM, 240)).planes().light[0]
    for times in (3, 6, 12):
        coarse = prepare([swath], JUPITER, scene.et0, plan(times * NATIVE_KM, 240 // times)).planes().light[0]
        size = 240 // times
        mean = fine.reshape(size, times, size, times).mean(axis=(1, 3))
        assert (coarse - mean).std() < 0.012
        assert abs(float((coarse - mean).mean())) < 1e-3


@pytest.mark.parametrize("binning", [1, 2])
def test_an_even_ground_stays_even_at_every_scale(spinner: Any, binning: int) -> None:
    scene = spinner(start_km=START_KM, binning=binning)
    swath = scene.swath(Filter.GREEN, lambda p: np.where(np.isnan(p[..., 0]), np.nan, 0.7))
    for times in (1, 1.6, 2.7, 5, 9, 21, 60):
        planes = prepare([swath], JUPITER, scene.et0, plan(times * NATIVE_KM, max(int(240 / times), 4))).planes()
        np.testing.assert_allclose(planes.light, 0.7, rtol=2e-6)


@pytest.mark.parametrize(("times", "least", "most"), [(1, 0.97, 1.03), (3, 0.92, 1.08), (8, 0.92, 1.08)])
def test_sigma_of_a_pixel_is_the_scatter_of_noisy_strips(near: Any, times: int, least: float, most: float) -> None:
    # 14 runs of 1600 pixels tell it to 1 %; what the places of a mean share is counted in the mean of all places
    scene, swath = near(1)
    swath = replace(swath, variance=np.where(np.isfinite(swath.light), 0.01, np.nan).astype(np.float32))
    grid = plan(times * NATIVE_KM, 40)
    truth = prepare([swath], JUPITER, scene.et0, grid, backplanes=False).planes()
    rng = np.random.default_rng(5)
    total, runs = np.zeros(truth.light.shape), 14
    for _ in range(runs):
        noisy = swath.light + 0.1 * rng.standard_normal(swath.light.shape, np.float32)
        made = prepare([replace(swath, light=noisy, variance=None)], JUPITER, scene.et0, grid, backplanes=False)
        total += np.square(made.planes().light - truth.light, dtype=float)
    ratio = np.sqrt((total / runs / np.square(truth.sigma, dtype=float)).mean())
    assert least < ratio < most
    # and of a mean over n pixels a way it is about an n-th, interpolation's own smoothing aside
    assert 0.6 * 0.1 / times < np.median(truth.sigma) < 1.05 * 0.1 / times


def test_bits_are_those_of_every_pixel_within_and_of_none_far_off(near: Any) -> None:
    scene, swath = near(1)
    variance = np.where(np.isfinite(swath.light), 0.01, np.nan).astype(np.float32)
    quality = np.zeros(swath.light.shape, np.uint8)
    spot = np.zeros(swath.light.shape, np.float32)
    middle = scene.frames // 2
    for bit, (line, sample) in {1: (60, 800), 4: (61, 803), 32: (70, 840)}.items():
        quality[middle, line, sample] = bit
        spot[middle, line, sample] = 1.0
    for times in (1, 2, 5, 9, 40):
        grid = plan(times * NATIVE_KM, 160 // times)
        marked = replace(swath, light=spot + 0 * swath.light, variance=variance, quality=quality)
        planes = prepare([marked], JUPITER, scene.et0, grid, interpolation="bilinear").planes()
        bits, light = planes.quality[0], planes.light[0]
        carried = light > 1e-6
        assert carried.any()
        assert (bits[carried] > 0).all()
        assert np.bitwise_or.reduce(bits.ravel()) == 1 | 4 | 32
        # a pixel and its neighbours at most: three bits of up to 3 x 3
        assert np.count_nonzero(bits) <= 27


def test_means_by_hand() -> None:
    values = np.array([[[1.0, 3.0, 5.0, np.nan], [5.0, 7.0, np.nan, np.nan]]], np.float32)
    mean, share = means(values, Pace(1, 2, 2))
    # a mean needs half of its places
    np.testing.assert_array_equal(mean, [[[4.0, np.nan]]])
    np.testing.assert_array_equal(share, [[[1.0, 0.25]]])
    np.testing.assert_array_equal(means(values, Pace(1, 1, 2))[0], [[[2.0, 5.0], [6.0, np.nan]]])
    assert split(values, Pace(1, 2, 2)).shape == (1, 1, 2, 2, 2)


def test_averaged_pixels_by_hand() -> None:
    shape = (1, 128, 1648)
    light = np.arange(128 * 1648, dtype=np.float32).reshape(shape) % 7
    light[0, :2, :2] = [[1.0, 3.0], [5.0, 7.0]]
    light[0, 2:4, :2] = [[np.nan, 3.0], [5.0, np.nan]]
    light[0, 4:6, :2] = [[np.nan, np.nan], [5.0, np.nan]]
    variance = np.where(np.isfinite(light), 0.04, np.nan).astype(np.float32)
    quality = np.zeros(shape, np.uint8)
    quality[0, 0, 0], quality[0, 1, 1] = 2, 8
    from perijove.instrument import Camera

    swath = Swath(
        Filter.GREEN, Camera(), 1, light, np.zeros(1), np.zeros((1, 3)), np.eye(3)[None], 2.5, variance, quality
    )
    half = coarser(swath, 2)
    assert half.light.shape == (1, 64, 824)
    assert (half.binning, half.unit) == (2, 2.5)
    np.testing.assert_array_equal(half.light[0, :3, 0], [4.0, 4.0, np.nan])
    assert half.variance is not None
    np.testing.assert_allclose(half.variance[0, :2, 0], [0.01, 0.02], rtol=1e-6)
    assert half.quality is not None
    assert half.quality[0, 0, 0] == 10
    assert half.quality[0, 1:].max() == 0
    assert coarser(swath, 1) is swath
    # 1648 = 16 x 103: eight is the most, and four where pixels were summed 2 x 2
    assert coarsest_factor(swath) == 8
    four = coarser(coarser(swath, 2), 2)
    np.testing.assert_allclose(four.light[0, 8:, 8:], coarser(swath, 4).light[0, 8:, 8:], rtol=1e-6)


PARTS = ("light", "weight", "sigma", "quality", "frame", "source", "latitude", "longitude", "cos_incidence",
         "cos_emission", "phase", "hit", "altitude_km")  # fmt: skip
GRIDS = {
    "fine": ("equirectangular", NATIVE_KM * 1.2, 530, 70),
    "means": ("sinusoidal", NATIVE_KM * 2.6, 330, 70),
    "coarse": ("laea", NATIVE_KM * 9, 150, 90),
}
"""Projection, scale and size of maps that are sampled at one place a pixel, at several, and of averaged pixels."""


@pytest.fixture(scope="module")
def ready(near: Any) -> Callable[[str], tuple[Prepared, Any]]:
    """A function from a name of `GRIDS` to the prepared map and all its planes."""

    @cache
    def make(name: str) -> tuple[Prepared, Any]:
        scene, swath = near(1)
        rng = np.random.default_rng(2)
        light = swath.light.copy()
        light[rng.random(light.shape) < 0.01] = np.nan
        swath = replace(
            swath, light=light, variance=np.where(np.isfinite(light), 0.01, np.nan).astype(np.float32),
            quality=rng.integers(0, 255, light.shape).astype(np.uint8) * (rng.random(light.shape) < 0.01),
        )  # fmt: skip
        kind, scale, width, height = GRIDS[name]
        latitude = BELOW[0] if kind == "laea" else 0.0
        projection = Projection(kind, 71492.0, latitude, BELOW[1])
        top = height * scale / 2 + (0.0 if kind == "laea" else BELOW[0] * 71492.0)
        # a part of the map lies beyond what is seen
        grid = MapGrid(JUPITER, projection, "centric", scale, -scale * width * 0.75, top, width, height)
        prepared = prepare([swath], JUPITER, scene.et0, grid, sun_direction=SUN, horizon=0.9, sources=True)
        return prepared, prepared.planes()

    return make


@pytest.mark.parametrize("name", GRIDS)
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_any_part_of_a_map_is_that_part_of_the_whole(ready: Any, name: str, data: st.DataObject) -> None:
    prepared, whole = ready(name)
    _, _, width, height = GRIDS[name]
    first = data.draw(st.integers(0, height - 1), "first")
    last = data.draw(st.integers(first + 1, height), "last")
    left = data.draw(st.integers(0, width - 1), "left")
    right = data.draw(st.integers(left + 1, width), "right")
    part = prepared.planes(first, last, left, right, threads=1)
    for field in PARTS:
        np.testing.assert_array_equal(
            getattr(part, field), getattr(whole, field)[..., first:last, left:right], err_msg=field
        )
    assert part.native == whole.native


def test_the_maps_of_parts_are_sampled_as_they_say(ready: Any) -> None:
    paces = {}
    for name in GRIDS:
        prepared, whole = ready(name)
        assert prepared.surveyed is not None
        seen = np.isfinite(whole.light[0])
        assert 0.1 < seen.mean() < 0.98
        assert (whole.quality[0] > 0).any()
        rows, columns = (int(v) for v in np.argwhere(seen).mean(axis=0))
        paces[name] = prepared.surveyed.pace(slice(rows, rows + 8), slice(columns, columns + 8), list(prepared.tables))
    sampled = {name: (pace.factor, pace.down, pace.across) for name, pace in paces.items()}
    assert sampled == {"fine": (1, 1, 1), "means": (1, 3, 3), "coarse": (4, 2, 2)}
