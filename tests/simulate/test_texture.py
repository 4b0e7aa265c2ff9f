"""A world's surface from a map: hand values, the edges, the poles, longitudes, coarse views."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perijove.errors import UsageError
from perijove.simulate.worlds.texture import MapPainter

FINE = 1e-6


def place(latitude_deg: float, longitude_deg: float) -> np.ndarray:
    lat, lon = math.radians(latitude_deg), math.radians(longitude_deg)
    return np.array([[math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)]])


def grey(painter: MapPainter, latitude_deg: float, longitude_deg: float, spacing: float = FINE) -> float:
    return float(painter.paint(place(latitude_deg, longitude_deg), spacing, 0.0).albedo[0, 1])


# two lines (middles at 45 N and 45 S) of four samples (middles at 45, 135, 225, 315 E when 0 stands at the left edge)
TINY = np.array([[0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8]])


@pytest.mark.parametrize(
    ("latitude", "longitude", "value"),
    [
        (45.0, 45.0, 0.1),
        (45.0, 135.0, 0.2),
        (-45.0, -45.0, 0.8),
        (45.0, 90.0, 0.15),  # half way between two samples
        (0.0, 45.0, 0.3),  # half way between two lines
        (0.0, 90.0, 0.35),
        (45.0, 0.0, 0.25),  # across the edge: half of 0.4 and 0.1
        (45.0, 22.5, 0.175),  # a quarter of the way from 0.1 to 0.4
        (90.0, 45.0, 0.2),  # over the pole: half of 0.1 and of 0.3 on the other side
        (-90.0, 135.0, 0.7),
    ],
)
def test_hand_values(latitude: float, longitude: float, value: float) -> None:
    assert grey(MapPainter(TINY, 180.0), latitude, longitude) == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize(("centre", "first_sample_at"), [(180.0, 45.0), (0.0, -135.0), (90.0, -45.0), (-270.0, -45.0)])
def test_longitude_conventions(centre: float, first_sample_at: float) -> None:
    painter = MapPainter(TINY, centre)
    assert grey(painter, 45.0, first_sample_at) == pytest.approx(0.1, abs=1e-6)
    assert grey(painter, 45.0, first_sample_at + 90.0) == pytest.approx(0.2, abs=1e-6)


def test_colours_go_to_their_bands() -> None:
    image = np.zeros((4, 8, 3), np.uint8)
    image[...] = (255, 102, 51)
    albedo = MapPainter(image).paint(place(10.0, 20.0), FINE, 0.0).albedo
    assert albedo[0] == pytest.approx([0.2, 0.4, 1.0, 1.0], abs=1e-6)
    assert MapPainter(image).paint(place(0.0, 0.0), FINE, 0.0).height_km is None


def test_grey_fills_all_bands_and_depths_agree() -> None:
    eight, sixteen = np.full((2, 4), 51, np.uint8), np.full((2, 4), 13107, np.uint16)
    for image in (eight, sixteen, np.full((2, 4), 0.2)):
        assert MapPainter(image).paint(place(5.0, 5.0), FINE, 0.0).albedo[0] == pytest.approx([0.2] * 4, abs=1e-6)


def test_srgb_is_made_linear() -> None:
    # 0.5 in sRGB is ((0.5 + 0.055) / 1.055)^2.4; below 0.04045 the curve is a line of slope 1 / 12.92
    image = np.array([[0.5, 0.5], [0.5, 0.5]])
    assert grey(MapPainter(image, srgb=True), 1.0, 2.0) == pytest.approx((0.555 / 1.055) ** 2.4, abs=1e-6)
    assert grey(MapPainter(0.06 * image, srgb=True), 1.0, 2.0) == pytest.approx(0.03 / 12.92, abs=1e-7)


def smooth_map(lines: int, samples: int) -> np.ndarray:
    """A map of 0.5 + 0.3 x z + 0.1 y over the sphere: smooth everywhere."""
    lat = np.radians(90.0 - (np.arange(lines) + 0.5) * 180.0 / lines)[:, None]
    lon = np.radians((np.arange(samples) + 0.5) * 360.0 / samples)[None, :]
    return np.asarray(0.5 + 0.3 * np.cos(lat) * np.cos(lon) * np.sin(lat) + 0.1 * np.cos(lat) * np.sin(lon))


@given(z=st.floats(-1.0, 1.0), lon=st.floats(-360.0, 360.0), level=st.sampled_from([1e-4, 0.02, 0.05]))
def test_a_smooth_map_comes_back_everywhere(z: float, lon: float, level: float) -> None:
    where = place(math.degrees(math.asin(z)), lon)
    truth = 0.5 + 0.3 * where[0, 0] * where[0, 2] + 0.1 * where[0, 1]
    got = MAP.paint(where, level, 0.0).albedo[0, 0]
    assert got == pytest.approx(truth, abs=2e-3 if level < 0.03 else 5e-3)


MAP = MapPainter(smooth_map(181, 359))


def test_coarse_views_average_what_is_fine() -> None:
    stripes = np.tile(np.array([0.2, 0.6]), (64, 64))
    assert grey(MapPainter(stripes), 3.0, 77.0, spacing=4.0 * math.pi / 64) == pytest.approx(0.4, abs=1e-6)


def test_the_coarsest_level_keeps_the_mean_over_the_globe() -> None:
    rng = np.random.default_rng(4)
    image = rng.uniform(0.0, 1.0, (63, 101))
    edges = np.sin(np.radians(np.linspace(90.0, -90.0, 64)))
    truth = float(((edges[:-1] - edges[1:])[:, None] * image).sum() / (2.0 * 101))
    z = np.linspace(-1.0, 1.0, 2001)[1:-1]
    lon = np.arange(len(z)) * math.pi * (3.0 - math.sqrt(5.0))
    r = np.sqrt(1.0 - z * z)
    globe = np.stack([r * np.cos(lon), r * np.sin(lon), z], axis=1)
    coarse = MapPainter(image).paint(globe, 0.3, 0.0).albedo[:, 0].mean()
    assert coarse == pytest.approx(truth, abs=0.01)


def test_no_place_no_paint() -> None:
    assert np.isnan(MAP.paint(np.full((1, 3), math.nan), 0.1, 0.0).albedo).all()


def test_threads_do_not_change_the_answer() -> None:
    lon = np.linspace(0.0, 360.0, 40000)
    many = np.concatenate([place(12.0, float(x)) for x in lon[::400]])
    together = MAP.paint(np.repeat(many, 400, axis=0), 1e-3, 0.0).albedo[::400]
    assert np.array_equal(together, MAP.paint(many, 1e-3, 0.0).albedo)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((2, 2, 4)), "shape"),
        (np.zeros((0, 4)), "shape"),
        (np.zeros((2, 2), np.int32), "type int32"),
        (np.full((2, 2), 1.5), "scale them"),
        (np.full((2, 2), np.nan), "fill them"),
    ],
)
def test_bad_maps_are_refused(image: np.ndarray, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        MapPainter(image)


def test_bad_requests_are_refused() -> None:
    with pytest.raises(UsageError, match="shape"):
        MAP.paint(np.zeros(3), 0.1, 0.0)
    with pytest.raises(UsageError, match="spacing"):
        MAP.paint(place(0.0, 0.0), 0.0, 0.0)
    with pytest.raises(UsageError, match="centre_longitude_deg"):
        MapPainter(TINY, math.nan)
