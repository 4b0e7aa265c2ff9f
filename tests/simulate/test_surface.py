"""Painted ground: the grid's projection, what is painted where, and the normals of hills by hand."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from perijove.bodies import GANYMEDE, JUPITER
from perijove.simulate import surface as surface_module
from perijove.simulate.surface import LEVELS, Surface, grid_directions, halved, paint_surface, tilted
from perijove.simulate.worlds.painting import Painting

FloatArray = NDArray[np.float64]
RADIUS = 2631.2
AXES = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
"""A grid about +X of the body: its x is east, its y is north."""


UP = np.array([1.0, 0.0, 0.0])


def unit(*v: float) -> FloatArray:
    out = np.array(v, dtype=float)
    return out / np.linalg.norm(out)


def grid_place(surface: Surface, directions: FloatArray, side: int) -> FloatArray:
    """(row, column) (n, 2) of directions by the definition of Lambert's projection: distance 2 sin(angle / 2)."""
    x, y, z = directions @ surface.axes.T.astype(float) if directions.ndim == 1 else (directions @ surface.axes.T).T
    angle, bearing = np.arctan2(np.hypot(x, y), z), np.arctan2(y, x)
    distance = 2 * np.sin(angle / 2) / surface.spacing
    middle = side / 2 - 0.5
    return np.stack([distance * np.sin(bearing) + middle, distance * np.cos(bearing) + middle], axis=-1)


@given(st.integers(0, 63), st.integers(0, 63), st.floats(1e-4, 0.04))
def test_grid_directions_invert_the_projection(row: int, column: int, spacing: float) -> None:
    flat = Surface(AXES, spacing, (), None)
    directions = grid_directions(AXES, spacing, 64, slice(0, 64))
    np.testing.assert_allclose(np.linalg.norm(directions, axis=-1), 1.0, atol=1e-12)
    place = grid_place(flat, directions[row, column][None], 64)
    assert np.abs(place - [row, column]).max() < 1e-9


def test_texels_have_equal_areas() -> None:
    # solid angle of a texel by its edges' cross product, near the middle and 80 degrees away: both are spacing^2
    for column in (128, 250):
        # a grid of 256 whose rim lies at 90 degrees
        spacing = 2 * np.sqrt(2) / 256
        d = grid_directions(AXES, spacing, 256, slice(127, 131))
        area = np.cross(d[1, column + 1] - d[1, column - 1], d[2, column] - d[0, column]) @ d[1, column] / 4
        assert area == pytest.approx(spacing**2, rel=2e-3)


def test_rows_are_those_of_the_whole() -> None:
    whole = grid_directions(AXES, 0.01, 32, slice(0, 32))
    np.testing.assert_array_equal(grid_directions(AXES, 0.01, 32, slice(10, 13)), whole[10:13])


def test_beyond_the_far_pole_there_is_only_the_rim() -> None:
    corner = grid_directions(AXES, 0.1, 64, slice(0, 1))[0, 0]
    np.testing.assert_allclose(corner, [-1.0, 0.0, 0.0], atol=1e-9)


def test_halved_by_hand() -> None:
    planes = np.arange(16, dtype=np.float32).reshape(1, 4, 4)
    assert halved(planes).tolist() == [[[2.5, 4.5], [10.5, 12.5]]]


def test_painted_values_stand_where_they_were_asked_for(painter) -> None:
    place = 6000.0 * unit(0.3, -0.8, 0.4)
    world = painter(lambda d: np.stack([d[:, 0], d[:, 1], d[:, 2], d[:, 0] * d[:, 1]], axis=1) + 2.0)
    found = paint_surface(world, GANYMEDE, place[None], unit(0.3, -0.8, 0.6), 60.0, 0.0)
    side = found.albedo[0].shape[-1]
    np.testing.assert_allclose(found.axes @ found.axes.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(found.axes[2], place / 6000.0, atol=1e-12)
    assert np.linalg.det(found.axes) == pytest.approx(1.0)
    # the horizon stands acos(R / d) away; a little beyond is painted
    directions = grid_directions(found.axes, found.spacing, side, slice(0, side))
    off = np.arccos(directions @ found.axes[2])
    reach = np.arccos(RADIUS / 6000.0)
    seen = (off < reach) & (directions @ unit(0.3, -0.8, 0.6) > 0)
    d = directions[seen]
    expected = np.stack([d[:, 0], d[:, 1], d[:, 2], d[:, 0] * d[:, 1]], axis=0) + 2.0
    np.testing.assert_allclose(found.albedo[0][:, seen], expected, atol=1e-6)
    # a field as smooth as this looks the same when coarser
    for level in range(1, LEVELS):
        n = side >> level
        coarse = grid_directions(found.axes, found.spacing * 2**level, n, slice(0, n))[n // 2, n // 2]
        assert found.albedo[level].shape == (4, n, n)
        # the mean over a texel of angular width w falls short by w^2 / 12 of what is there
        width = found.spacing * 2**level
        assert found.albedo[level][2, n // 2, n // 2] == pytest.approx(coarse[2] + 2.0, abs=width**2 / 10)
    assert found.normals is None


def test_what_no_light_reaches_stays_black(white) -> None:
    place, sun = np.array([[0.0, 0.0, 9000.0]]), unit(1.0, 0.0, 0.0)
    found = paint_surface(white, GANYMEDE, place, sun, 60.0, 0.0)
    side = found.albedo[0].shape[-1]
    directions = grid_directions(found.axes, found.spacing, side, slice(0, side))
    high = directions @ sun
    assert (found.albedo[0][:, high < -0.2] == 0).all()
    off = np.arccos(directions[..., 2])
    assert (found.albedo[0][:, (high > -0.1) & (off < np.arccos(RADIUS / 9000.0))] == 1).all()


@pytest.mark.parametrize("body", [JUPITER, GANYMEDE])
@pytest.mark.parametrize("latitude", [-80.0, -40.0, 0.0, 30.0, 90.0])
@pytest.mark.parametrize("height", [0.05, 0.6, 4.0])
def test_all_that_can_be_seen_is_on_the_grid(white, body, latitude: float, height: float) -> None:
    # lit from the eye, so that light is no limit
    a = body.radii_km[0]
    lat = np.radians(latitude)
    place = (1 + height) * a * np.array([np.cos(lat), 0.0, np.sin(lat)])
    found = paint_surface(white, body, place[None], place / np.linalg.norm(place), a / 40, 0.0)
    side = found.albedo[0].shape[-1]
    # the horizon: where the normal is square to the way to the eye, that is on the polar plane of the scaled sphere
    scaled = place / body.radii_km
    e1 = np.cross(scaled, [0.0, 1.0, 0.1])
    e1 /= np.linalg.norm(e1)
    e2 = np.cross(scaled / np.linalg.norm(scaled), e1)
    turn = np.linspace(0, 2 * np.pi, 60)[:, None]
    s2 = scaled @ scaled
    rim = (scaled / s2 + np.sqrt(1 - 1 / s2) * (np.cos(turn) * e1 + np.sin(turn) * e2)) * body.radii_km
    rim /= np.linalg.norm(rim, axis=1, keepdims=True)
    at = np.rint(grid_place(found, rim, side)).astype(int)
    assert at.min() >= 0
    assert at.max() < side
    assert (found.albedo[0][0, at[:, 0], at[:, 1]] == 1).all()


def test_spacing_is_that_asked_for_or_what_fits(white, monkeypatch) -> None:
    place, sun = np.array([[2 * RADIUS, 0.0, 0.0]]), unit(1.0, 0.0, 0.0)
    fine = paint_surface(white, GANYMEDE, place, sun, 20.0, 0.0)
    assert 0.9 * 20.0 < fine.spacing * RADIUS <= 20.0
    assert fine.albedo[0].shape[-1] % 2 ** (LEVELS - 1) == 0
    monkeypatch.setattr(surface_module, "MAX_SIDE", 128)
    assert paint_surface(white, GANYMEDE, place, sun, 20.0, 0.0).albedo[0].shape == (4, 128, 128)


@dataclass
class Listener:
    """A painter that keeps what it was asked for."""

    asked: list[tuple[float, float]] = field(default_factory=list)

    def paint(self, directions: FloatArray, spacing: float, et: float) -> Painting:
        assert directions.flags.c_contiguous
        assert directions.dtype == np.float64
        self.asked.append((spacing, et))
        return Painting(np.ones((len(directions), 4), np.float32), None)


def test_painters_are_told_the_spacing_and_the_time() -> None:
    listener = Listener()
    found = paint_surface(listener, GANYMEDE, np.array([[5000.0, 0, 0]]), unit(1, 0, 0), 50.0, 7.0e8)
    assert set(listener.asked) == {(found.spacing, 7.0e8)}


def test_flat_ground_has_the_spheres_normals() -> None:
    # but for the outermost texels, which have neighbours on one side only and which nobody sees
    inner = np.s_[1:-1, 1:-1]
    for height in (0.0, 0.05):
        ground = np.full((160, 160), height, np.float32)
        assert np.abs(tilted(AXES, 0.001, ground)[inner]).max() < 1e-7


def test_normal_of_a_ramp() -> None:
    # height g times the way east: at the middle the normal (-g, 0, 1) / sqrt(1 + g^2) in (east, north, up)
    spacing, g = 1e-4, 0.3
    x = (np.arange(64) + 0.5 - 32) * spacing
    bumps = tilted(AXES, spacing, np.broadcast_to(g * x, (64, 64)).astype(np.float32))
    middle = bumps[31:33, 31:33].mean(axis=(0, 1)) + AXES[2]
    np.testing.assert_allclose(AXES @ middle, np.array([-g, 0.0, 1.0]) / np.hypot(1, g), atol=2e-4)
    # and going up to the north, along the grid's y
    bumps = tilted(AXES, spacing, np.broadcast_to(g * x[:, None], (64, 64)).astype(np.float32))
    middle = bumps[31:33, 31:33].mean(axis=(0, 1)) + AXES[2]
    np.testing.assert_allclose(AXES @ middle, np.array([0.0, -g, 1.0]) / np.hypot(1, g), atol=2e-4)


def test_normals_of_a_cone_lean_outwards_all_round() -> None:
    # a cone of slope g that rises to the middle: rows in three chunks, whose seams must not show
    side, spacing, g = 192, 5e-5, 0.2
    x = (np.arange(side) + 0.5 - side / 2) * spacing
    far = np.hypot(x, x[:, None])
    bumps = tilted(AXES, spacing, (-g * far).astype(np.float32))
    flat = grid_directions(AXES, spacing, side, slice(0, side))
    normal = bumps + flat
    np.testing.assert_allclose(np.linalg.norm(normal, axis=-1), 1.0, atol=1e-6)
    outwards = (x[None, :, None] * AXES[0] + x[:, None, None] * AXES[1]) / far[..., None]
    leans = np.sum(normal * outwards, axis=-1) - np.sum(flat * outwards, axis=-1)
    slopes = leans[far > 10 * spacing]
    np.testing.assert_allclose(slopes, g / np.hypot(1, g), atol=3e-3)


def test_a_painter_with_heights_gives_relief(painter) -> None:
    g = 0.25
    place = np.array([[4000.0, 0.0, 0.0]])
    found = paint_surface(
        painter(lambda _: 0.5, lambda d: g * RADIUS * d[:, 1]), GANYMEDE, place, unit(1, 0, 0), 30.0, 0.0
    )
    assert found.normals is not None
    assert [n.shape for n in found.normals] == [(*a.shape[1:], 3) for a in found.albedo]
    side = found.albedo[0].shape[-1]
    # east of +X is +Y
    for level in (0, 1, 2):
        n = side >> level
        normal = found.normals[level][n // 2 - 1 : n // 2 + 1, n // 2 - 1 : n // 2 + 1].mean(axis=(0, 1))
        np.testing.assert_allclose(normal + UP, np.array([1.0, -g, 0.0]) / np.hypot(1, g), atol=2e-3)
