"""Basemaps: where their pixels lie, how they look from the spacecraft, and a strip of a known moon tied to its map."""

from dataclasses import replace

import numpy as np
import pytest

from perijove.attitude.adjust import adjust
from perijove.attitude.basemap import LEAST_TIES, Basemap, all_ground, draw, measure_ground
from perijove.attitude.ground import ground_residuals
from perijove.attitude.measure import LimbMeasure
from perijove.attitude.search import Scene
from perijove.bodies import GANYMEDE
from perijove.geometry.view import pixel_rays, spacecraft_view
from perijove.instrument import Filter

R = GANYMEDE.radii_km[0]


def globe(light, columns: int, west_deg: float = -180.0) -> Basemap:
    """A map of a whole globe of a function of unit vectors (n, 3)."""
    return part_of(light, columns, 90.0, west_deg, columns // 2, columns)


def part_of(light, turn: int, north_deg: float, west_deg: float, rows: int, columns: int) -> Basemap:
    """A map with `turn` columns to a whole turn, of some rows and columns."""
    step = 2 * np.pi / turn
    north, west = np.radians([north_deg, west_deg])
    longitude = west + (np.arange(columns) + 0.5) * step
    value = np.empty((rows, columns), np.float32)
    for k, row in enumerate(value):
        lat = north - (k + 0.5) * step
        ring = np.cos(lat) * np.stack([np.cos(longitude), np.sin(longitude)], axis=-1)
        row[:] = light(np.concatenate([ring, np.full((columns, 1), np.sin(lat))], axis=-1))
    return Basemap("GANYMEDE", "map", value, float(north), float(west), step, step)


def test_pixels_of_places():
    basemap = globe(lambda u: u[:, 2], 360, west_deg=-30.0)
    assert basemap.round
    places = np.radians([[90.0, -30.0], [0.0, 150.0], [-45.5, 10.5], [20.0, 329.0], [20.0, 361.0]])
    expected = [[0, 0], [90, 180], [135.5, 40.5], [70, 359], [70, 31]]
    np.testing.assert_allclose(basemap.pixel(places[:, 0], places[:, 1]), expected, atol=1e-9)
    part = replace(basemap, light=basemap.light[:, :100])
    assert not part.round
    # what lies beside it is nearer to its left end than to its right one, or the other way round
    at = part.pixel(np.zeros(2), np.radians([-40.0, 80.0]))
    np.testing.assert_allclose(at[:, 1], [-10.0, 110.0], atol=1e-9)


def test_a_filter_has_its_own_light_where_the_map_has():
    basemap = globe(lambda u: u[:, 2], 16)
    red = basemap.light + 1
    coloured = replace(basemap, bands={Filter.RED: red})
    assert coloured.of(Filter.RED) is red
    assert coloured.of(Filter.GREEN) is coloured.light


def smooth(u):
    return 2.0 + u[:, 0] * u[:, 1] + np.sin(6 * u[:, 2]) + np.cos(5 * u[:, 1])


@pytest.mark.parametrize("place", [(3.0, 0.0, 0.5), (-3.0, 0.05, 0.3), (0.3, 0.2, 3.0), (0.0, -2.4, -2.4)])
@pytest.mark.parametrize("columns", [720, 1800])
def test_a_map_looks_as_the_ground_does(place, columns):
    # over the map's middle, over its edge, over the pole; coarser and finer than the picture
    view = spacecraft_view(np.array(place) * R, GANYMEDE, None, 300)
    drawn = draw(globe(smooth, columns), view, GANYMEDE, 20)
    assert drawn.shape == (view.height + 40, view.width + 40)
    line, sample = np.mgrid[-20 : view.height + 20, -20 : view.width + 20] + 0.5
    rays = pixel_rays(view, line, sample).reshape(-1, 3)
    along = rays @ (-np.array(place) * R)
    root = R * R - (np.array(place) @ np.array(place) * R * R - along * along)
    with np.errstate(invalid="ignore"):
        ground = np.array(place) + rays * (along - np.sqrt(root))[:, None] / R
    there = (root > 0).reshape(line.shape)
    expected = smooth(ground).reshape(line.shape)
    known = np.isfinite(drawn)
    assert not (known & ~there).any()
    assert known[there].mean() > 0.95
    # slanted ground at the very limb is averaged over some pixels
    slant = -np.sum(ground * rays, axis=1).reshape(line.shape)
    inner = known & (slant > 0.25)
    assert inner.sum() > 0.6 * there.sum()
    assert np.max(np.abs(drawn - expected)[inner]) < 0.02


def test_what_a_map_does_not_know_is_not_drawn():
    basemap = globe(smooth, 720)
    basemap.light[:, 360:] = np.nan
    view = spacecraft_view(np.array([3.0, 0.0, 0.0]) * R, GANYMEDE, None, 200)
    drawn = draw(basemap, view, GANYMEDE, 0)
    west, east = drawn[:, : view.width // 2 - 3], drawn[:, view.width // 2 + 3 :]
    assert np.isfinite(west).mean() > 0.6
    assert not np.isfinite(east).any()


@pytest.fixture(scope="module")
def strip(ganymede):
    """Eight green framelets of the disc's middle, and a map of what they see, at 3 km a pixel, by the same rule."""
    exposure = ganymede.expose("G", ganymede.et0 + 3.7, 8, 0.0, bands=(Filter.GREEN,))
    # Lommel and Seeliger's law is half its albedo where Sun and camera stand alike
    place = GANYMEDE.body_from_j2000(ganymede.et0 + 5.2) @ ganymede.position(ganymede.et0 + 5.2)
    under = np.degrees([np.arctan2(place[2], np.hypot(place[0], place[1])), np.arctan2(place[1], place[0])])
    basemap = part_of(
        lambda u: ganymede.shade(u, np.ones(len(u)), np.ones(len(u))), 5400, under[0] + 38, under[1] - 50, 1140, 1500
    )
    return exposure, basemap, Scene(ganymede.trajectory(sigma=(0.05, 1e-5)), GANYMEDE, ganymede.sun)


def turned(world, angle: float):
    """The true unknowns with the camera turned by so much about its axis of spin."""
    true = world.unknowns()
    return replace(true, spin=replace(true.spin, phase=true.spin.phase + angle))


def test_a_strip_is_tied_to_its_map(ganymede, strip):
    exposure, basemap, scene = strip
    # 7 px of spin, and 4 px of roll and more at the ends of the framelets
    start = turned(ganymede, 7.0 / 1480.0)
    start = replace(start, spin=replace(start.spin, twist=start.spin.twist + 0.005))
    at, free = start, dict.fromkeys(("ra", "dec", "phase", "twist"))
    free = {name: (at.vector()[at.names().index(name)], 0.01) for name in free}
    far = []
    for reach in (24.0, 4.0):
        ties = all_ground([exposure], at, scene, ganymede.camera, basemap, reach)
        assert ties is not None
        far.append(np.median(np.linalg.norm(ground_residuals(ties, at, scene.trajectory, GANYMEDE).px, axis=1)))
        nothing = LimbMeasure(ties.points.take(np.zeros(len(ties), bool)), np.zeros(0))
        at = adjust(at, nothing, None, free, scene, ties).unknowns
    assert 5.0 < far[0] < 12.0
    # the ground is seen where the world has it
    true = ground_residuals(ties, ganymede.unknowns(), scene.trajectory, GANYMEDE).px
    assert len(ties) > 100
    assert np.median(np.linalg.norm(true, axis=1)) < 0.25
    assert np.max(np.abs(np.median(true, axis=0))) < 0.06
    back = at.spin.camera_from_j2000(ganymede.et0 + 5.2) @ ganymede.j2000_from_camera(ganymede.et0 + 5.2)
    turn = np.array([back[2, 1] - back[1, 2], back[0, 2] - back[2, 0], back[1, 0] - back[0, 1]]) / 2
    # a tenth of a pixel across, a third of one at the ends of the framelets in roll
    assert np.max(np.abs(turn[:2])) * 1480.0 < 0.1
    assert abs(turn[2]) * 800.0 < 0.3


def test_a_map_of_other_ground_ties_nothing(ganymede, strip):
    exposure, basemap, scene = strip
    other = replace(basemap, west=basemap.west + 2.0)
    assert measure_ground(exposure, 0, ganymede.unknowns(), scene, ganymede.camera, other, 8.0) is None
    part = replace(basemap, light=basemap.light[:10], bands={})
    assert all_ground([exposure], ganymede.unknowns(), scene, ganymede.camera, part, 8.0) is None
    assert LEAST_TIES >= 4
