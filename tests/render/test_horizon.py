"""What a map shows is what some framelet saw above its own horizon, and nothing else: by a search over all frames."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from perijove.bodies import JUPITER
from perijove.errors import UsageError
from perijove.geometry.mapgrid import MapGrid
from perijove.geometry.projection import Projection
from perijove.instrument import FRAMELET_LINES, Filter
from perijove.render.engine import render
from perijove.render.survey import coverage
from perijove.swath import Swath

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
LIGHT_SPEED = 299792.458
MARGIN_PX = 3.0
"""Native px beside the border of a framelet's light that may count as seen or not."""


@dataclass(frozen=True)
class Sight:
    """Every frame's own view (frames, h, w) of a map's places: native `line`, `sample`, and `cosine` of emission."""

    line: FloatArray
    sample: FloatArray
    cosine: FloatArray

    def inside(self, margin: float) -> BoolArray:
        """Where a place falls on a framelet's lit part, less a margin, native px."""
        on = (self.line > margin) & (self.line < FRAMELET_LINES - margin)
        out: BoolArray = on & (self.sample > 24 + margin) & (self.sample < 1630 - margin)
        return out


def surface(grid: MapGrid) -> tuple[FloatArray, FloatArray]:
    """Body-fixed points (h, w, 3), km, of a map's pixels and their normals, by the ellipsoid's own equation."""
    line, sample = np.mgrid[: grid.height, : grid.width] + 0.5
    lat, lon = np.moveaxis(grid.place_of(line, sample), -1, 0)
    radii = np.array(JUPITER.radii_km)
    up = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)
    point = up / np.sqrt(np.square(up / radii).sum(axis=-1, keepdims=True))
    normal = point / radii**2
    return point, normal / np.linalg.norm(normal, axis=-1, keepdims=True)


def look(scene: Any, swath: Swath, grid: MapGrid) -> Sight:
    """Project a map's places into every frame, one after the other."""
    point, normal = surface(grid)
    parts = []
    for et, place, rotation in zip(swath.et, swath.position_km, swath.camera_from_j2000, strict=True):
        late = (np.linalg.norm(place) - np.mean(JUPITER.radii_km)) / LIGHT_SPEED
        turned = JUPITER.body_from_j2000(et - late)
        away = point - turned @ place
        cosine = -(normal * away).sum(axis=-1) / np.linalg.norm(away, axis=-1)
        pixel = swath.camera.pixel(swath.band, away @ (rotation @ turned.T).T)
        parts.append([pixel[..., 0], pixel[..., 1], cosine])
    line, sample, cosine = np.moveaxis(np.array(parts), 1, 0)
    return Sight(line, sample, cosine)


def limb_grid(scene: Any, scale_km: float, size: int, away_deg: float) -> MapGrid:
    """A map about a place so many degrees to the north-east of that below the camera."""
    x, y, z = scene.viewpoint()
    latitude = math.atan2(z, math.hypot(x, y)) + math.radians(0.6 * away_deg)
    longitude = math.atan2(y, x) + math.radians(0.8 * away_deg)
    half = scale_km * size / 2
    projection = Projection("laea", 71492.0, latitude, longitude)
    return MapGrid(JUPITER, projection, "centric", scale_km, -half, half, size, size)


def wide(point: FloatArray) -> FloatArray:
    """Ground of long waves, which no interpolation can spoil."""
    value: FloatArray = 1 + 0.5 * np.sin(point[..., 0] / 9000) * np.cos(point[..., 1] / 8000 + point[..., 2] / 11000)
    return value


def bright(direction: FloatArray) -> FloatArray:
    """A sky that shines, so that light at the limb is not missing."""
    return np.ones(direction.shape[:-1])


@pytest.fixture(scope="module")
def from_afar(spinner: Any) -> tuple[Any, Swath, MapGrid, Sight]:
    """A strip that has the limb in it, and a map of 12,000 km on either side of that."""
    scene = spinner(start_km=(-2.4e5, 1.5e4, 2.5e4), binning=1, frames=9)
    swath = scene.swath(Filter.RED, wide, bright)
    grid = limb_grid(scene, 180.0, 230, 66.0)
    return scene, swath, grid, look(scene, swath, grid)


@pytest.mark.parametrize("least", [0.0, math.cos(math.radians(80)), 0.35])
def test_all_that_was_seen_above_the_horizon_is_shown_and_nothing_beyond(from_afar: Any, least: float) -> None:
    scene, swath, grid, sight = from_afar
    planes = render([swath], JUPITER, scene.et0, grid, horizon=least, sources=True)
    shown = np.isfinite(planes.light[0])
    # from one frame to the next the flight changes the cosine by a ten-thousandth
    surely = (sight.inside(MARGIN_PX) & (sight.cosine >= least + 5e-4)).any(axis=0)
    perhaps = (sight.inside(0.0) & (sight.cosine >= least - 1e-6)).any(axis=0)
    assert 0.05 < surely.mean() < 0.95
    # the border lies within the map, and it is the horizon's
    assert (sight.inside(MARGIN_PX) & (sight.cosine < least - 1e-6)).any(axis=0).mean() > 0.05
    assert not (shown & ~perhaps).any()
    assert not (surely & ~shown).any()
    np.testing.assert_array_equal(planes.weight[0] > 0, shown)
    np.testing.assert_array_equal(planes.source[0] >= 0, shown)
    np.testing.assert_array_equal(np.isfinite(planes.frame[0]), shown)
    # ground is there whether it was seen or not, the angles only where it was
    assert planes.hit.all()
    np.testing.assert_array_equal(np.isfinite(planes.cos_emission), shown)
    assert planes.cos_emission[shown].min() >= least - 1e-6
    truth = wide(surface(grid)[0])
    steep = planes.cos_emission > 0.1
    assert steep.any()
    assert np.nanmax(np.abs(planes.light[0] - truth)[steep]) < 0.01


def test_a_map_has_a_horizon_though_none_is_given(from_afar: Any) -> None:
    scene, swath, grid, _ = from_afar
    bare = render([swath], JUPITER, scene.et0, grid).light
    np.testing.assert_array_equal(bare, render([swath], JUPITER, scene.et0, grid, horizon=0.0).light)
    # without any, rays through the body would show its other side
    through = render([swath], JUPITER, scene.et0, grid, horizon=-1.0).light
    assert np.isfinite(through).sum() > np.isfinite(bare).sum() + 1000


def test_a_lower_horizon_shows_more_and_changes_nothing_else(from_afar: Any) -> None:
    scene, swath, grid, _ = from_afar
    low, high = (render([swath], JUPITER, scene.et0, grid, horizon=least).light[0] for least in (0.1, 0.3))
    both = np.isfinite(high)
    assert np.isfinite(low[both]).all()
    assert np.isfinite(low).sum() > 1.1 * both.sum()
    # apart from where only one of two frames is above the higher one
    differ = np.abs(low - high)[both] > 1e-6
    assert differ.mean() < 0.01


def test_on_a_coarse_map_the_border_is_right_to_a_pixel(from_afar: Any) -> None:
    scene, swath, _, _ = from_afar
    grid = limb_grid(scene, 900.0, 34, 62.0)
    sight = look(scene, swath, grid)
    least = 0.2
    shown = np.isfinite(render([swath], JUPITER, scene.et0, grid, horizon=least).light[0])
    # a pixel turns the normal by 900 / 71492 rad
    slack = 900.0 / 66854.0
    surely = (sight.inside(12.0) & (sight.cosine >= least + slack)).any(axis=0)
    perhaps = (sight.inside(-12.0) & (sight.cosine >= least - slack)).any(axis=0)
    assert 0.05 < surely.mean() < 0.95
    assert not (surely & ~shown).any()
    assert not (shown & ~perhaps).any()


@pytest.mark.parametrize("least", [0.0, 0.3])
def test_coverage_is_what_a_search_over_all_frames_finds(from_afar: Any, least: float) -> None:
    scene, swath, grid, sight = from_afar
    point = surface(grid)[0].reshape(-1, 3)
    seen = coverage([swath], JUPITER, scene.et0, np.zeros(3), point, least)[0].reshape(grid.height, grid.width)
    surely = (sight.inside(MARGIN_PX) & (sight.cosine >= least + 0.02)).any(axis=0)
    perhaps = (sight.inside(0.0) & (sight.cosine >= least - 1e-6)).any(axis=0)
    assert not (surely & ~seen).any()
    assert not (seen & ~perhaps).any()


def test_a_place_that_one_end_of_a_long_strip_sees_too_flat_is_shown_by_the_other(spinner: Any) -> None:
    """After a revolution the camera stands elsewhere: each framelet has its own horizon."""
    scene = spinner(start_km=(-1.6e5, 0.0, 5.0e3), velocity=(0.0, 150.0, 0.0), frames=86, binning=2, tilt=(0.0, 0.0))
    # the ends of the strip look where its middle does not: away from the body, unless it is turned by half
    scene = half_a_turn_on(scene)
    swath = scene.swath(Filter.GREEN, wide, bright)
    x, y, _ = scene.position(swath.et[:1])[0] @ JUPITER.body_from_j2000(scene.et0).T
    grid = MapGrid(
        JUPITER, Projection("laea", 71492.0, 0.0, math.atan2(y, x)), "centric", 700.0, -80500.0, 80500.0, 230, 230
    )
    sight = look(scene, swath, grid)
    least = 0.3
    seen = sight.inside(MARGIN_PX) & (sight.cosine >= least + 1e-6)
    first, last = seen[:10].any(axis=0), seen[-10:].any(axis=0)
    assert (first & last).any()
    assert (first & ~last).sum() > 200
    assert (last & ~first).sum() > 200
    # some for the horizon alone
    flat = (sight.inside(MARGIN_PX) & (sight.cosine < least)).any(axis=0)
    assert (flat & (first ^ last)).sum() > 100
    shown = np.isfinite(render([swath], JUPITER, scene.et0, grid, horizon=least).light[0])
    perhaps = (sight.inside(-16.0) & (sight.cosine >= least - 0.02)).any(axis=0)
    inner = (sight.inside(16.0) & (sight.cosine >= least + 0.02)).any(axis=0)
    assert not (shown & ~perhaps).any()
    assert not (inner & ~shown).any()


def half_a_turn_on(scene: Any) -> Any:
    """The same scene turned by half a revolution: the body stands at the two ends of its strip."""
    kind = type(scene)

    class Turned(kind):  # type: ignore[misc, valid-type]
        def camera_from_j2000(self, et: FloatArray) -> FloatArray:
            half = math.pi / (self.step / self.delay)
            out: FloatArray = kind.camera_from_j2000(self, np.asarray(et) - half)
            return out

    return Turned(**{name: getattr(scene, name) for name in scene.__dataclass_fields__})


def test_a_map_of_another_body_is_refused(from_afar: Any) -> None:
    from perijove.bodies import IO

    scene, swath, _, _ = from_afar
    grid = MapGrid(IO, Projection("laea", 1821.49), "centric", 50.0, -500.0, 500.0, 20, 20)
    with pytest.raises(UsageError, match="a map of IO cannot show JUPITER: give a grid of the same body"):
        render([swath], JUPITER, scene.et0, grid)
