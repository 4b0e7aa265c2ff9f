"""Ganymede painted: the same each time, without seams, coarse like fine, and Kittu with its dark rays."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from perijove.bodies import GANYMEDE
from perijove.errors import UsageError
from perijove.simulate.worlds.craters import REACH, crater_height, fresh_depth_km, small_craters
from perijove.simulate.worlds.ganymede import GanymedePainter
from perijove.simulate.worlds.ganymede_atlas import RADIUS, atlas, unit_vector
from perijove.simulate.worlds.ganymede_bins import cell_of, nearest, reaching
from perijove.simulate.worlds.ganymede_ground import RADIUS_KM
from perijove.simulate.worlds.ganymede_places import CRATERS, KITTU, RAYED

FloatArray = NDArray[np.float64]

PAINTER = GanymedePainter()
KITTU_RADII = np.arange(2.0, 40.0, 0.125)


def spiral(count: int) -> FloatArray:
    """Places (count, 3) spread evenly over the sphere."""
    z = 1.0 - (2.0 * np.arange(count) + 1.0) / count
    lon = np.arange(count) * math.pi * (3.0 - math.sqrt(5.0))
    r = np.sqrt(1.0 - z * z)
    return np.stack([r * np.cos(lon), r * np.sin(lon), z], axis=1)


def ring_about(lat_deg: float, lon_deg: float, away_km: FloatArray, azimuths: int) -> FloatArray:
    """Places (len(away), azimuths, 3) at distances along the ground from a place."""
    lat, lon = math.radians(lat_deg), math.radians(lon_deg)
    up = np.array([math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)])
    east = np.array([-math.sin(lon), math.cos(lon), 0.0])
    north = np.cross(up, east)
    angle = away_km[:, None, None] / 2631.2
    azimuth = np.arange(azimuths)[None, :, None] * 2.0 * math.pi / azimuths
    return np.asarray(np.cos(angle) * up + np.sin(angle) * (np.cos(azimuth) * north + np.sin(azimuth) * east))


def kittu(seed: int) -> tuple[FloatArray, FloatArray]:
    """Mean albedo (radii, 4) and height (radii,) of rings about 25.4 E, 0.4 N."""
    places = ring_about(0.4, 25.4, KITTU_RADII, 180)
    painting = GanymedePainter(seed).paint(places.reshape(-1, 3), 0.25 / 2631.2, 0.0)
    assert painting.height_km is not None
    shape = places.shape[:2]
    return painting.albedo.reshape(*shape, 4).mean(axis=1), painting.height_km.reshape(shape).mean(axis=1)


def test_the_radius_is_the_bodys() -> None:
    assert GANYMEDE.radii_km[0] == RADIUS_KM


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_kittu_is_15_km_across(seed: int) -> None:
    albedo, height = kittu(seed)
    near = KITTU_RADII < 12.0
    assert KITTU_RADII[near][np.argmax(height[near])] == pytest.approx(7.5, rel=0.05)
    # where the bright inside gives way to the dark ejecta
    edge = np.argmin(np.diff(albedo[near, 1]))
    assert KITTU_RADII[near][edge] + 0.06 == pytest.approx(7.5, rel=0.05)
    rim = np.interp(7.5, KITTU_RADII, height)
    assert rim - height[KITTU_RADII < 3.0].min() > 0.5


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_kittus_rays_are_dark_on_bright_ground(seed: int) -> None:
    albedo, _ = kittu(seed)
    surround = GanymedePainter(seed).paint(
        ring_about(0.4, 25.4, np.linspace(120.0, 180.0, 20), 90).reshape(-1, 3), 0.25 / 2631.2, 0.0
    )
    around = np.median(surround.albedo, axis=0)
    assert around[1] > 0.42
    x = KITTU_RADII / 7.5
    rays = albedo[(x > 1.5) & (x < 3.0)].mean(axis=0)
    assert (rays < 0.8 * around).all()
    # a bright rim, and reddish rays: darker in blue than in red, more so than the ground
    rim = albedo[(x > 0.85) & (x < 0.95)].mean(axis=0)
    assert (rim > rays * 1.3).all()
    assert rays[0] / rays[2] < around[0] / around[2]


def test_kittu_lies_centred_on_its_place() -> None:
    # the rim's crest along each direction, fitted with a circle: its middle stands at the place
    places = ring_about(0.4, 25.4, np.arange(5.5, 9.6, 0.1), 120)
    painting = PAINTER.paint(places.reshape(-1, 3), 0.25 / 2631.2, 0.0)
    bright = painting.albedo[:, 1].reshape(places.shape[:2])
    edge = np.arange(5.5, 9.6, 0.1)[np.argmin(np.diff(bright, axis=0), axis=0)]
    azimuth = np.arange(120) * 2.0 * math.pi / 120
    assert abs(np.mean(edge * np.cos(azimuth)) * 2.0) < 0.3
    assert abs(np.mean(edge * np.sin(azimuth)) * 2.0) < 0.3


def test_the_same_each_time_and_in_any_company() -> None:
    places = spiral(20000)
    once = PAINTER.paint(places, 1e-3, 0.0)
    again = GanymedePainter(0).paint(places[::-1], 1e-3, 5e8)
    assert once.height_km is not None
    assert again.height_km is not None
    assert np.array_equal(once.albedo, again.albedo[::-1])
    assert np.array_equal(once.height_km, again.height_km[::-1])
    alone = PAINTER.paint(places[77:78], 1e-3, 0.0)
    assert np.array_equal(alone.albedo[0], once.albedo[77])


def test_another_seed_is_another_world() -> None:
    places = spiral(5000)
    a, b = PAINTER.paint(places, 1e-3, 0.0).albedo, GanymedePainter(1).paint(places, 1e-3, 0.0).albedo
    assert np.mean(np.abs(a - b)[:, 1] > 0.01) > 0.5


def test_albedo_stays_within_bounds_and_methane_follows_red() -> None:
    albedo = PAINTER.paint(spiral(20000), 1e-3, 0.0).albedo
    assert albedo.dtype == np.float32
    assert albedo.min() >= 0.04 * 0.9
    assert albedo.max() <= 0.95
    assert albedo[:, 3] == pytest.approx(0.9 * albedo[:, 2], rel=1e-5)
    # blue is darkest and red brightest but on ice, as the whole moon has it
    assert albedo[:, 0].mean() < albedo[:, 1].mean() < albedo[:, 2].mean()


def test_dark_and_bright_ground_both_there_and_the_caps_frosted() -> None:
    places = spiral(40000)
    green = PAINTER.paint(places, 2e-3, 0.0).albedo[:, 1]
    low = np.abs(places[:, 2]) < math.sin(math.radians(35.0))
    assert 0.1 < np.mean(green[low] < 0.38) < 0.6
    assert np.mean(green[low] > 0.46) > 0.2
    assert green[np.abs(places[:, 2]) > math.sin(math.radians(65.0))].mean() > green[low].mean() + 0.05


@pytest.mark.parametrize("lon", [0.0, 180.0])
def test_no_seam_at_the_meridians(lon: float) -> None:
    lat = np.linspace(-89.0, 89.0, 1500)
    step = 1e-5
    rows = [unit_vector(lat, np.full(len(lat), lon + k * step)) for k in (-1.5, -0.5, 0.5, 1.5)]
    paints = [PAINTER.paint(row, 1e-3, 0.0) for row in rows]
    across = np.abs(paints[2].albedo - paints[1].albedo).max()
    beside = max(np.abs(paints[1].albedo - paints[0].albedo).max(), np.abs(paints[3].albedo - paints[2].albedo).max())
    # half a metre and less on the ground: nothing may change by more than a trifle, least of all at the meridian
    assert across < max(2.0 * beside, 1e-3)


@pytest.mark.parametrize("pole", [1.0, -1.0])
def test_no_seam_at_the_poles(pole: float) -> None:
    angle = np.linspace(0.0, 2.0 * math.pi, 60)
    ring = np.stack([1e-7 * np.cos(angle), 1e-7 * np.sin(angle), np.full(60, pole)], axis=1)
    ring /= np.linalg.norm(ring, axis=1, keepdims=True)
    painting = PAINTER.paint(ring, 1e-3, 0.0)
    assert np.ptp(painting.albedo, axis=0).max() < 1e-3
    assert painting.height_km is not None
    assert np.ptp(painting.height_km) < 1e-3


@pytest.mark.parametrize(("lat", "lon"), [(0.4, 25.4), (37.0, 321.0), (-20.0, 20.0), (11.1, 325.0), (62.0, 80.0)])
def test_coarse_is_about_the_mean_of_fine(lat: float, lon: float) -> None:
    # squares of 8 km: painted once, and by their 16 x 16 parts
    side, parts = 8.0, 16
    n = 24
    off = (np.arange(n * parts) + 0.5) * side / parts / 2631.2
    east, north = np.meshgrid(off - off.mean(), off - off.mean())
    fine_places = unit_vector(lat + np.degrees(north), lon + np.degrees(east) / math.cos(math.radians(lat)))
    fine = PAINTER.paint(fine_places.reshape(-1, 3), side / parts / 2631.2, 0.0).albedo
    fine = fine.reshape(n, parts, n, parts, 4).mean(axis=(1, 3))
    middle = off.reshape(n, parts).mean(axis=1) - off.mean()
    east, north = np.meshgrid(middle, middle)
    places = unit_vector(lat + np.degrees(north), lon + np.degrees(east) / math.cos(math.radians(lat)))
    coarse = PAINTER.paint(places.reshape(-1, 3), side / 2631.2, 0.0).albedo.reshape(n, n, 4)
    assert coarse.mean(axis=(0, 1)) == pytest.approx(fine.mean(axis=(0, 1)), rel=0.03)
    assert np.abs(coarse - fine)[..., 1].mean() < 0.035


def test_the_ground_has_no_steps() -> None:
    # profiles at a metre's distance: nowhere may the ground jump, at no cell's border, no crater's end, no lane's edge
    rng = np.random.default_rng(9)
    for start in spiral(12):
        way = np.cross(start, rng.normal(size=3))
        way /= np.linalg.norm(way)
        angle = np.arange(60000) * 0.001 / 2631.2
        places = np.cos(angle)[:, None] * start + np.sin(angle)[:, None] * way
        painting = PAINTER.paint(places, 0.5 / 2631.2, 0.0)
        assert painting.height_km is not None
        assert np.abs(np.diff(painting.height_km.astype(float))).max() < 0.004


def test_small_craters_are_not_cut_at_their_cells() -> None:
    # along lines through many cells of every octave the height is continuous: no slope beyond 1.5
    relief = 0.0
    for start in spiral(20):
        way = np.cross(start, [0.3, -0.5, 0.8])
        way /= np.linalg.norm(way)
        angle = np.arange(30000) * 0.002 / RADIUS_KM
        places = RADIUS_KM * (np.cos(angle)[:, None] * start + np.sin(angle)[:, None] * way)
        height = np.array([small_craters(*place, RADIUS_KM, 1.0, 0.5, 11)[0] for place in places])
        assert np.abs(np.diff(height)).max() < 0.002 * 1.5
        relief = max(relief, float(np.ptp(height)))
    assert relief > 0.3


def test_crater_shape() -> None:
    for diameter in (1.0, 15.0, 60.0):
        x = np.linspace(0.0, REACH, 4401)
        height = np.array([crater_height(float(r), diameter, 1.0) for r in x])
        assert x[np.argmax(height)] == pytest.approx(1.0, abs=1e-3)
        assert height.max() == pytest.approx(0.25)
        assert height[-1] == 0.0
        assert np.abs(np.diff(height)).max() < 0.01
    # a bowl is as deep as asked, rim to floor; a central peak stands above its floor, a pit below
    assert crater_height(0.0, 1.0, 1.0) == pytest.approx(-0.75)
    assert crater_height(0.0, 15.0, 1.0) > crater_height(0.3, 15.0, 1.0)
    assert crater_height(0.0, 60.0, 1.0) < crater_height(0.2, 60.0, 1.0)


def test_depths_grow_slower_than_diameters() -> None:
    diameter = np.array([1.0, 5.0, 20.0, 60.0, 150.0])
    ratio = fresh_depth_km(diameter) / diameter
    assert (np.diff(ratio) < 0.0).all()
    assert 0.1 <= ratio[0] <= 0.2
    assert ratio[-1] < 0.01


def test_sizes_fall_as_the_inverse_square() -> None:
    radius = atlas(0).craters[:, RADIUS]
    # the drawn ones end at 150 km; cut well below
    counts = [np.sum(2.0 * radius > d) for d in (8.5, 17.0, 34.0)]
    assert counts[0] / counts[1] == pytest.approx(4.0, rel=0.15)
    assert counts[1] / counts[2] == pytest.approx(4.0, rel=0.25)


@pytest.mark.parametrize("seed", [0, 3])
def test_named_craters_stand_where_they_are(seed: int) -> None:
    craters = atlas(seed).craters
    for _, lat, lon, diameter, *_ in (*CRATERS, *RAYED, KITTU):
        there = np.linalg.norm(craters[:, :3] - unit_vector(lat, lon), axis=1) < 1e-12
        assert np.isclose(2.0 * craters[there, RADIUS], diameter).any()


def test_bins_find_what_brute_force_finds() -> None:
    rng = np.random.default_rng(2)
    things = spiral(300)[rng.permutation(300)]
    reach = rng.uniform(0.01, 0.3, 300)
    bins, rivals = reaching(things, reach, 20), nearest(things, 20)
    for place in rng.normal(size=(200, 3)):
        place /= np.linalg.norm(place)
        away = np.linalg.norm(things - place, axis=1)
        cell = cell_of(*place, 20)
        held = bins.items[bins.start[cell] : bins.start[cell + 1]]
        assert set(np.flatnonzero(away <= reach)) <= set(held)
        assert (np.diff(held) > 0).all()
        held = rivals.items[rivals.start[cell] : rivals.start[cell + 1]]
        assert set(np.argsort(away)[:2]) <= set(held)


def test_bad_requests_are_refused() -> None:
    with pytest.raises(UsageError, match="shape"):
        PAINTER.paint(np.zeros(3), 0.1, 0.0)
    with pytest.raises(UsageError, match="spacing"):
        PAINTER.paint(np.array([[1.0, 0.0, 0.0]]), -1.0, 0.0)


def test_no_place_no_paint() -> None:
    painting = PAINTER.paint(np.array([[math.nan] * 3, [0.0, 0.0, 1.0]]), 0.01, 0.0)
    assert painting.height_km is not None
    assert np.isnan(painting.albedo[0]).all()
    assert np.isnan(painting.height_km[0])
    assert np.isfinite(painting.albedo[1]).all()


@pytest.mark.parametrize("spacing", [1e-7, 0.3, 2.0])
def test_any_spacing_is_answered(spacing: float) -> None:
    painting = PAINTER.paint(spiral(500), spacing, 0.0)
    assert painting.height_km is not None
    assert np.isfinite(painting.albedo).all()
    assert np.isfinite(painting.height_km).all()


def test_nothing_asked_nothing_painted() -> None:
    painting = PAINTER.paint(np.empty((0, 3)), 0.1, 0.0)
    assert painting.albedo.shape == (0, 4)
