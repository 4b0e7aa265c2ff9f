"""Light along single rays: Lambert's and other laws by hand, the limb by brute force, hills, levels, night."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize_scalar

from perijove.bodies import GANYMEDE, IO, JUPITER, Body
from perijove.instrument import Filter
from perijove.simulate.surface import Surface, paint_surface
from perijove.simulate.trace import LUNAR_LAMBERT, MINNAERT, reflected
from perijove.simulate.world import BANDS, World

FloatArray = NDArray[np.float64]
GREEN = Filter.GREEN
BALL = replace(GANYMEDE, radii_km=(1000.0, 1000.0, 1000.0))
LAMBERT = dict.fromkeys(Filter, (1.0,))
UP = np.array([1.0, 0.0, 0.0])


def unit(v: FloatArray) -> FloatArray:
    out: FloatArray = np.asarray(v, dtype=float) / np.linalg.norm(v, axis=-1, keepdims=True)
    return out


def trace(
    world: World, surface: Surface, place: FloatArray, ways: FloatArray, sun: FloatArray, finest: float = 1e-4,
    band: Filter = GREEN,
) -> FloatArray:  # fmt: skip
    """I/F (n,) along ways (n, 3) from a place, the camera's frame being the body's."""
    looks = unit(np.atleast_2d(ways))[None, :, None, :]
    out: FloatArray = world.light(surface, band, looks, np.eye(3)[None], place[None], sun, finest)[0].astype(float)
    return out


def view(world: World, place: FloatArray, ways: FloatArray, sun: FloatArray, spacing_km: float = 25.0) -> FloatArray:
    surface = paint_surface(world.painter, world.body, place[None], sun, spacing_km, 0.0)
    return trace(world, surface, place, ways, sun)


def test_a_lambert_ball(white) -> None:
    world = World(BALL, white, MINNAERT, LAMBERT)
    place, sun = np.array([5000.0, 0.0, 0.0]), np.array([np.cos(0.5), np.sin(0.5), 0.0])
    # angles of incidence on the equator are differences of longitudes
    lon = np.array([0.0, 0.3, 0.5, 1.0, -0.7, -1.0])
    points = 1000.0 * np.stack([np.cos(lon), np.sin(lon), 0 * lon], axis=-1)
    np.testing.assert_allclose(view(world, place, points - place, sun), np.cos(lon - 0.5), atol=2e-6)
    # and 40 deg north
    north = 1000.0 * np.array([np.cos(0.7), 0.0, np.sin(0.7)])
    assert view(world, place, north - place, sun)[0] == pytest.approx(np.cos(0.7) * np.cos(0.5), abs=2e-6)


def test_a_miss_is_dark(white) -> None:
    world = World(BALL, white, MINNAERT, LAMBERT)
    place = np.array([5000.0, 0.0, 0.0])
    # the limb stands at asin(1 / 5)
    ways = [[-np.cos(a), np.sin(a), 0.0] for a in (0.0, np.arcsin(0.2) - 1e-6, np.arcsin(0.2) + 1e-6, 1.0, np.pi)]
    light = view(world, place, np.array(ways), UP)
    assert (light > 0).tolist() == [True, True, False, False, False]
    assert light[2:].tolist() == [0.0, 0.0, 0.0]


def test_night_is_dark(white) -> None:
    world = World(BALL, white, MINNAERT, LAMBERT)
    place, sun = np.array([5000.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])
    lon = np.array([-1.0, -0.2, -1e-3, 1e-3, 0.2])
    points = 1000.0 * np.stack([np.cos(lon), np.sin(lon), 0 * lon], axis=-1)
    expected = np.maximum(np.sin(lon), 0.0)
    np.testing.assert_allclose(view(world, place, points - place, sun), expected, atol=2e-6)


def test_turns_take_looks_into_the_bodys_frame(white) -> None:
    world = World(BALL, white, MINNAERT, LAMBERT)
    place, sun = np.array([5000.0, 0.0, 0.0]), unit(np.array([1.0, 0.4, 0.2]))
    surface = paint_surface(white, BALL, place[None], sun, 25.0, 0.0)
    # the camera's +Z towards the body, its +X north; two rays a pixel, from two places, are averaged
    turn = np.column_stack([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
    looks = unit(np.array([[0.05, 0.02, 1.0], [-0.1, 0.0, 1.0]]))[None, None]
    places = np.stack([place, place + np.array([0.0, 100.0, 0.0])])
    light = world.light(surface, GREEN, looks, np.stack([turn, turn]), places, sun, 1e-4)
    each = [trace(world, surface, p, turn @ look, sun)[0] for p, look in zip(places, looks[0, 0], strict=True)]
    assert light[0, 0] == pytest.approx(np.mean(each), rel=1e-6)


def test_minnaert_by_hand(white) -> None:
    world = World(BALL, white, MINNAERT, {**LAMBERT, Filter.BLUE: (0.8,)})
    place, sun = np.array([5000.0, 0.0, 0.0]), np.array([np.cos(0.5), np.sin(0.5), 0.0])
    point = 1000.0 * np.array([np.cos(0.9), np.sin(0.9), 0.0])
    mu = unit(point) @ unit(place - point)
    surface = paint_surface(white, BALL, place[None], sun, 25.0, 0.0)
    blue = trace(world, surface, place, point - place, sun, band=Filter.BLUE)[0]
    assert blue == pytest.approx(np.cos(0.4) ** 0.8 * mu**-0.2, rel=1e-5)
    assert trace(world, surface, place, point - place, sun)[0] == pytest.approx(np.cos(0.4), rel=1e-5)


@settings(deadline=None)
@given(st.floats(0.05, 1.0), st.floats(0.05, 1.0), st.floats(0.0, 1.0))
def test_lunar_lambert_by_hand(mu0: float, mu: float, share: float) -> None:
    law = np.array([share, 0.0])
    expected = share * 2 * mu0 / (mu0 + mu) + (1 - share) * mu0
    assert reflected(LUNAR_LAMBERT, law, mu0, mu, 0.3) == pytest.approx(expected)
    assert reflected(LUNAR_LAMBERT, law, -mu0, mu, 0.3) == 0.0


def test_normal_albedo_at_zero_phase_is_the_albedo(painter) -> None:
    world = World(BALL, painter(lambda _: 0.37), LUNAR_LAMBERT, dict.fromkeys(Filter, (0.6, 0.5)))
    place = np.array([5000.0, 0.0, 0.0])
    assert view(world, place, -place, UP)[0] == pytest.approx(0.37, rel=1e-5)
    # a full Lommel-Seeliger disc is as bright at its edge as in its middle
    flat = replace(world, law=dict.fromkeys(Filter, (1.0, 0.5)))
    # seen from far away, so that the phase is 0 there too; 0.95 of the radius out
    far = np.array([1e6, 0.0, 0.0])
    edge = np.array([-1.0, 0.95e-3, 0.0])
    assert view(flat, far, edge, UP)[0] == pytest.approx(0.37, rel=2e-3)
    # and 60 deg of phase take exp(-0.5 rad per rad)
    sun = np.array([0.5, np.sqrt(0.75), 0.0])
    mu0 = 0.5
    expected = 0.37 * (0.6 * 2 * mu0 / (mu0 + 1) + 0.4 * mu0) * np.exp(-0.5 * np.pi / 3)
    assert view(world, place, -place, sun)[0] == pytest.approx(expected, rel=1e-5)


def least(place: FloatArray, way: FloatArray, radii: FloatArray) -> float:
    """Least size of the scaled ellipsoid that a ray reaches, less 1: below 0 it hits."""
    far = float(np.linalg.norm(place))
    found = minimize_scalar(
        lambda t: np.sum(((place + t * way) / radii) ** 2), bounds=(0.0, 2 * far), method="bounded",
        options={"xatol": 1e-7 * far},
    )  # fmt: skip
    return float(found.fun) - 1.0


@pytest.mark.parametrize("body", [JUPITER, IO])
@pytest.mark.parametrize("latitude", [-75.0, 0.0, 20.0, 90.0])
def test_the_limb_of_an_ellipsoid(white, body: Body, latitude: float) -> None:
    world = World(body, white, MINNAERT, LAMBERT)
    radii, lat = np.array(body.radii_km), np.radians(latitude)
    place = 3.0 * radii[0] * np.array([np.cos(lat) * 0.8, np.cos(lat) * 0.6, np.sin(lat)])
    inwards = -unit(place)
    aside = unit(np.cross(inwards, [0.1, 0.2, 1.0] if latitude < 89 else [1.0, 0.0, 0.0]))
    third = np.cross(inwards, aside)
    # the Sun behind the eye, so that all of the limb is lit but for what the flattening hides
    surface = paint_surface(white, body, place[None], -inwards, radii[0] / 40, 0.0)
    tenth_px = 0.1 / 1480.6
    for turn in np.linspace(0, 2 * np.pi, 7):
        out = np.cos(turn) * aside + np.sin(turn) * third

        def way(angle: float, out: FloatArray = out) -> FloatArray:
            return np.cos(angle) * inwards + np.sin(angle) * out

        edge = brentq(lambda a, way=way: least(place, way(a), radii), 0.2, 0.5, xtol=1e-9)
        # a ten-thousandth of a pixel either way
        light = trace(world, surface, place, np.stack([way(edge - 1e-3 * tenth_px), way(edge + 1e-3 * tenth_px)]),
                      -inwards)  # fmt: skip
        assert light[0] > 0.2
        assert light[1] == 0.0


def test_bands_are_their_own(painter) -> None:
    world = World(BALL, painter(lambda d: np.tile([0.1, 0.2, 0.3, 0.4], (len(d), 1))), MINNAERT, LAMBERT)
    place = np.array([5000.0, 0.0, 0.0])
    surface = paint_surface(world.painter, BALL, place[None], UP, 50.0, 0.0)
    for band, albedo in zip(BANDS, (0.1, 0.2, 0.3, 0.4), strict=True):
        assert trace(world, surface, place, -place, UP, band=band)[0] == pytest.approx(albedo, rel=1e-5)
    assert tuple(BANDS) == (Filter.BLUE, Filter.GREEN, Filter.RED, Filter.METHANE)


def test_albedo_stands_where_it_was_painted(painter) -> None:
    # every direction has its own albedo; seen from aside, on a flattened body
    painted = painter(lambda d: 0.5 + 0.2 * np.sin(3 * d[:, 0]) + 0.2 * np.cos(4 * d[:, 1] - d[:, 2]))
    world = World(JUPITER, painted, MINNAERT, dict.fromkeys(Filter, (1.0,)))
    place = 300000.0 * unit(np.array([0.5, -0.6, 0.5]))
    rng = np.random.default_rng(3)
    points = unit(place / 300000.0 + 0.7 * rng.normal(size=(60, 3)))
    points = points / np.linalg.norm(points / JUPITER.radii_km, axis=1, keepdims=True)
    normals = unit(points / np.square(JUPITER.radii_km))
    facing = np.sum(normals * unit(place - points), axis=1) > 0.1
    points, normals = points[facing], normals[facing]
    assert len(points) > 30
    got = view(world, place, points - place, unit(place), 300.0)
    expected = painted.paint(unit(points), 0.0, 0.0).albedo[:, 0] * (normals @ unit(place))
    np.testing.assert_allclose(got, expected, atol=2e-4)


@pytest.mark.parametrize("azimuth", [0.0, 1.0, 2.5])
def test_a_slope_faces_the_sun_or_not(painter, azimuth: float) -> None:
    # ground that rises to the east by g: its normal below the eye is (1, -g, 0) / sqrt(1 + g^2)
    g = 0.3
    world = World(BALL, painter(lambda _: 1.0, lambda d: g * 1000.0 * d[:, 1]), MINNAERT, LAMBERT)
    sun = np.array([0.6, 0.8 * np.cos(azimuth), 0.8 * np.sin(azimuth)])
    place = np.array([3000.0, 0.0, 0.0])
    expected = max(np.array([1.0, -g, 0.0]) @ sun / np.hypot(1, g), 0.0)
    assert view(world, place, -place, sun, 10.0)[0] == pytest.approx(expected, abs=1e-3)


def flat_levels(spacing: float) -> Surface:
    """A surface about +X whose levels have albedo 1, 2, 3, 4 and 5."""
    axes = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    levels = tuple(np.full((4, 256 >> k, 256 >> k), k + 1.0, np.float32) for k in range(5))
    return Surface(axes, spacing, levels, None)


@pytest.mark.parametrize("level", [-3.0, 0.0, 0.25, 1.0, 1.5, 3.75, 4.0, 9.0])
def test_coarser_grounds_blend_in(white, level: float) -> None:
    # below the eye, 2000 km up, a ray of width w rad stands for 2 w of the ball's radius
    world = World(BALL, white, MINNAERT, LAMBERT)
    surface, place = flat_levels(0.002), np.array([3000.0, 0.0, 0.0])
    width = 0.002 / 2.0 * 2.0**level
    light = trace(world, surface, place, -place, UP, finest=width)[0]
    assert light == pytest.approx(1.0 + min(max(level, 0.0), 4.0), abs=2e-3)


def test_aslant_the_ground_is_coarser(white) -> None:
    # at an emission angle of 60 deg one way is twice as long: the mean of both is sqrt 2, half a level
    world = World(BALL, white, MINNAERT, LAMBERT)
    surface = flat_levels(0.01)
    place = np.array([30000.0, 0.0, 0.0])
    point = np.array([np.cos(1.0), np.sin(1.0), 0.0]) * 1000.0
    mu, far = unit(point) @ unit(place - point), np.linalg.norm(place - point) / 1000.0
    finest = 0.01 / far * 2.0
    light = trace(world, surface, place, point - place, UP, finest=finest)[0]
    assert light / np.cos(1.0) == pytest.approx(2.0 - 0.5 * np.log2(mu), abs=1e-4)


@pytest.mark.parametrize(("row", "column"), [(100.5, 130.25), (127.0, 127.0), (90.9, 150.1)])
def test_between_texels_albedo_is_bilinear(white, row: float, column: float) -> None:
    world = World(BALL, white, MINNAERT, LAMBERT)
    grid = np.random.default_rng(1).uniform(0.2, 0.8, (256, 256)).astype(np.float32)
    surface = flat_levels(0.002)
    surface = replace(surface, albedo=(np.stack([grid] * 4), *surface.albedo[1:]))
    # the point of the plane, by the projection's definition: distance 2 sin(angle / 2) from the middle
    x, y = (column - 127.5) * 0.002, (row - 127.5) * 0.002
    angle, bearing = 2 * np.arcsin(np.hypot(x, y) / 2), np.arctan2(y, x)
    u = np.array([np.cos(angle), np.sin(angle) * np.cos(bearing), np.sin(angle) * np.sin(bearing)])
    place = np.array([3000.0, 0.0, 0.0])
    light = trace(world, surface, place, 1000.0 * u - place, UP, finest=1e-6)[0]
    i, j = int(row), int(column)
    b, a = row - i, column - j
    expected = (1 - b) * ((1 - a) * grid[i, j] + a * grid[i, j + 1])
    expected += b * ((1 - a) * grid[i + 1, j] + a * grid[i + 1, j + 1])
    assert light / u[0] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("relief", [False, True])
def test_a_disc_of_a_few_pixels(painter, relief: bool) -> None:
    # so far away that a texel a pixel would be less than the coarser levels need: nothing is read beside the grid
    world = World(BALL, painter(lambda _: 1.0, (lambda _: 0.0) if relief else None), MINNAERT, LAMBERT)
    place = np.array([5e5, 0.0, 0.0])
    surface = paint_surface(world.painter, BALL, place[None], UP, 340.0, 0.0)
    assert surface.sides[-1] >= 2
    lon = np.array([-1.5, -1.0, 0.0, 0.5, 1.4, 1.55])
    points = 1000.0 * np.stack([np.cos(lon), np.sin(lon), 0 * lon], axis=-1)
    light = trace(world, surface, place, points - place, UP, finest=340.0 / 5e5)
    np.testing.assert_allclose(light, np.cos(lon), atol=0.02)
