"""Which frames a map says it was seen by, against a search over all frames."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from perijove.bodies import JUPITER
from perijove.geometry.mapgrid import MapGrid
from perijove.geometry.projection import Projection
from perijove.instrument import FRAMELET_LINES, Filter
from perijove.render.engine import render
from perijove.swath import Swath

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
LIGHT_SPEED = 299792.458


def below(scene: Any, scale_km: float, size: int) -> MapGrid:
    """A map of equal areas about the place below the camera."""
    x, y, z = scene.viewpoint()
    half = scale_km * size / 2
    projection = Projection("laea", 71492.0, math.atan2(z, math.hypot(x, y)), math.atan2(y, x))
    return MapGrid(JUPITER, projection, "centric", scale_km, -half, half, size, size)


def depths(swath: Swath, grid: MapGrid) -> FloatArray:
    """How far (frames, h, w) from the border of its light, native px, each frame sees a map's places; below 0: not."""
    line, sample = np.mgrid[: grid.height, : grid.width] + 0.5
    lat, lon = np.moveaxis(grid.place_of(line, sample), -1, 0)
    radii = np.array(JUPITER.radii_km)
    up = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)
    point = up / np.sqrt(np.square(up / radii).sum(axis=-1, keepdims=True))
    normal = point / radii**2
    out = []
    for et, place, rotation in zip(swath.et, swath.position_km, swath.camera_from_j2000, strict=True):
        late = (np.linalg.norm(place) - np.mean(JUPITER.radii_km)) / LIGHT_SPEED
        turned = JUPITER.body_from_j2000(et - late)
        away = point - turned @ place
        y, x = np.moveaxis(swath.camera.pixel(swath.band, away @ (rotation @ turned.T).T), -1, 0)
        depth = np.minimum(np.minimum(y, FRAMELET_LINES - y), np.minimum(x - 25.5, 1628.5 - x))
        out.append(np.where((normal * away).sum(axis=-1) < 0, np.nan_to_num(depth, nan=-1e9), -1e9))
    return np.array(out)


def even(point: FloatArray) -> FloatArray:
    """Ground of one light, NaN beside the body."""
    return np.where(np.isnan(point[..., 0]), np.nan, 1.0)


def numbered(scene: Any, band: Filter = Filter.GREEN) -> Swath:
    """A swath whose light is the number of its frame."""
    swath = scene.swath(band, even, lambda d: np.ones(d.shape[:-1]))
    frames = np.arange(scene.frames, dtype=np.float32)[:, None, None]
    return replace(swath, light=(swath.light * frames).astype(np.float32))


@pytest.mark.parametrize(
    "options",
    [{"binning": 1}, {"binning": 2}, {"sense": -1}, {"frames": 2}, {"frames": 1}, {"step": 110.0 / 1480.59}],
    ids=["native", "summed", "backwards", "two frames", "one frame", "wide overlaps"],
)
def test_frames_are_those_that_see_the_place(spinner: Any, options: dict[str, Any]) -> None:
    scene = spinner(**{"start_km": (-2.0e5, 1.5e4, 2.5e4), "frames": 3, "binning": 2, **options})
    swath = numbered(scene)
    # at the camera's own scale: a place a pixel
    grid = below(scene, 95.0 * scene.binning, 400 // scene.binning)
    planes = render([swath], JUPITER, scene.et0, grid, sources=True)
    depth = depths(swath, grid)
    deepest = np.sort(depth, axis=0)[::-1]
    frame, source = planes.frame[0], planes.source[0]
    seen = source >= 0
    assert 0.02 < seen.mean() < 1.0
    assert not (seen & (deepest[0] < -1e-6)).any()
    assert not (~seen & (deepest[0] > 0.01)).any()
    # the heaviest is that in which the place lies deepest, where both are not well inside or the like
    clear = seen & (deepest[0] - deepest[1] > 0.1) & (deepest[1] < 6.0) if scene.frames > 1 else seen
    assert clear.sum() > 0.9 * seen.sum()
    np.testing.assert_array_equal(source[clear], depth.argmax(axis=0)[clear])
    # seen by one alone it is that one, by several a mean of these
    sees = depth > 0
    lone = seen & (sees.sum(axis=0) == 1) & (deepest[0] > 0.1)
    assert lone.any()
    np.testing.assert_allclose(frame[lone], depth.argmax(axis=0)[lone], atol=1e-6)
    numbers = np.arange(scene.frames)[:, None, None]
    low = np.where(depth > -0.1, numbers, 99).min(axis=0)
    high = np.where(depth > -0.1, numbers, -1).max(axis=0)
    assert (frame[seen] >= low[seen] - 1e-5).all()
    assert (frame[seen] <= high[seen] + 1e-5).all()
    # light is blended by the same weights
    np.testing.assert_allclose(planes.light[0][seen], frame[seen], atol=2e-5)


def test_filters_have_frames_of_their_own_and_what_is_not_asked_for_is_empty(spinner: Any) -> None:
    scene = spinner(start_km=(-2.0e5, 1.5e4, 2.5e4), frames=5)
    swaths = [numbered(scene, band) for band in (Filter.BLUE, Filter.RED)]
    grid = below(scene, 190.0, 120)
    both = render(swaths, JUPITER, scene.et0, grid, sources=True)
    for k, swath in enumerate(swaths):
        alone = render([swath], JUPITER, scene.et0, grid, sources=True)
        np.testing.assert_array_equal(both.frame[k], alone.frame[0])
        np.testing.assert_array_equal(both.source[k], alone.source[0])
    seen = (both.source >= 0).all(axis=0)
    # red looks two framelets' widths away from blue: nearly three frames later or earlier
    assert np.median(np.abs(both.frame[0] - both.frame[1])[seen]) > 2
    without = render(swaths, JUPITER, scene.et0, grid)
    assert without.frame.shape == without.source.shape == (0, 0, 0)
    np.testing.assert_array_equal(without.light, both.light)


def test_on_coarse_maps_a_frame_is_the_mean_over_the_pixel(spinner: Any) -> None:
    scene = spinner(start_km=(-2.0e5, 1.5e4, 2.5e4), frames=7, binning=1)
    swath = numbered(scene)
    fine = render([swath], JUPITER, scene.et0, below(scene, 90.0, 320), sources=True)
    for times in (4, 10):
        coarse = render([swath], JUPITER, scene.et0, below(scene, 90.0 * times, 320 // times), sources=True)
        n = 320 // times
        blocks = fine.frame[0].reshape(n, times, n, times)
        whole = np.isfinite(blocks).all(axis=(1, 3))
        assert whole.any()
        mean = blocks.mean(axis=(1, 3))
        assert np.abs(coarse.frame[0] - mean)[whole].max() < 0.35
        assert np.abs(coarse.frame[0] - mean)[whole].mean() < 0.02
        # light is that of averaged pixels, blended likewise
        np.testing.assert_allclose(coarse.light[0][whole], coarse.frame[0][whole], atol=1e-4)
        sources = fine.source[0].reshape(n, times, n, times)
        among = (sources == coarse.source[0][:, None, :, None]).any(axis=(1, 3))
        assert among[whole].all()
        np.testing.assert_array_equal(coarse.source[0] >= 0, np.isfinite(coarse.light[0]))


def ends_on_the_body(kind: Any) -> Any:
    """The scene turned by half a revolution: the body stands at the two ends of a long strip."""

    class Turned(kind):  # type: ignore[misc]
        def camera_from_j2000(self, et: FloatArray) -> FloatArray:
            half = math.pi / (self.step / self.delay)
            out: FloatArray = kind.camera_from_j2000(self, np.asarray(et) - half)
            return out

    return Turned


@pytest.mark.parametrize("coarse", [1, 6])
def test_a_revolution_later_the_same_place_is_no_mean_of_both_times(spinner: Any, coarse: int) -> None:
    """The first and last frames of a long strip see the same ground: its time is that of one of them."""
    scene = ends_on_the_body(spinner)(start_km=(-2.0e5, 0.0, 5.0e3), velocity=(0.0, 20.0, 0.0), frames=86, binning=2)
    swath = numbered(scene)
    grid = below(scene, 260.0 * coarse, 420 // coarse)
    planes = render([swath], JUPITER, scene.et0, grid, sources=True)
    depth = depths(swath, grid)
    first, last = (depth[:20] > 8).any(axis=0), (depth[-20:] > 8).any(axis=0)
    assert (first & last).sum() > 20
    frame, source = planes.frame[0], planes.source[0]
    seen = source >= 0
    assert not ((first | last) & ~seen).any()
    near = 1.1 if coarse == 1 else 4.0
    numbers = np.arange(86)[:, None, None]
    away = np.where(depth > -20.0 * coarse, np.abs(frame - numbers), 99.0).min(axis=0)
    # at the limb a pixel's own middle may be hidden
    assert away[seen & (away < 99)].max() < near
    assert (away < 99)[seen].mean() > 0.95
    assert (np.abs(frame - source)[seen] < near).all()
    # the light of both is blended
    level = planes.light[0][first & last]
    assert ((level > 20) & (level < 60)).any()


def test_light_never_comes_without_its_time(spinner: Any) -> None:
    scene = ends_on_the_body(spinner)(
        start_km=(-1.6e5, 0.0, 5.0e3), velocity=(0.0, 150.0, 0.0), frames=86, binning=2, tilt=(0.0, 0.0)
    )
    sun = np.array([1.0, 0.2, 0.1])
    for scale_km in (500.0, 900.0, 1500.0):
        grid = below(scene, scale_km, int(161_000 / scale_km))
        planes = render([numbered(scene)], JUPITER, scene.et0, grid, sun_direction=sun, horizon=0.1, sources=True)
        seen = np.isfinite(planes.light[0])
        assert seen.mean() > 0.2
        for plane in (planes.frame[0], planes.cos_emission, planes.cos_incidence, planes.phase):
            np.testing.assert_array_equal(np.isfinite(plane), seen)
