"""The metric plane about a place: distances, bearings and the way back."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from perijove.bodies import GANYMEDE, IO, JUPITER, Body
from perijove.geometry.ellipsoid import graphic_from_centric
from perijove.measure.plane import Plane

LATITUDES = st.floats(-1.5707, 1.5707)
LONGITUDES = st.floats(-3.14, 3.14)
SHARES = st.floats(-0.5, 0.5)


@pytest.mark.parametrize("body", [GANYMEDE, JUPITER, IO], ids=lambda body: body.name)
@given(latitude=LATITUDES, longitude=LONGITUDES, x=SHARES, y=SHARES)
def test_the_way_back_leads_to_the_start(body: Body, latitude: float, longitude: float, x: float, y: float) -> None:
    plane = Plane((latitude, longitude), body)
    size = body.radii_km[0]
    place = plane.place_of(x * size, y * size)
    assert np.allclose(plane.xy_of(place[0], place[1]), [x * size, y * size], rtol=0.0, atol=1e-6)


@given(latitude=LATITUDES, longitude=LONGITUDES, azimuth=st.floats(0.0, 6.28), angle=st.floats(1e-6, 1.5))
def test_on_a_sphere_distance_and_bearing_are_those_of_the_great_circle(
    latitude: float, longitude: float, azimuth: float, angle: float
) -> None:
    away = GANYMEDE.radii_km[0] * angle
    got = Plane((latitude, longitude), GANYMEDE).place_of(away * math.sin(azimuth), away * math.cos(azimuth))
    # the law of cosines of sides
    sine = math.sin(latitude) * math.cos(angle) + math.cos(latitude) * math.sin(angle) * math.cos(azimuth)
    assert math.sin(got[0]) == pytest.approx(sine, abs=1e-12)
    east = math.sin(azimuth) * math.sin(angle)
    assert math.cos(got[0]) * math.sin(got[1] - longitude) == pytest.approx(east, abs=1e-12)


@pytest.mark.parametrize("latitude", [-80.0, -22.0, 0.0, 45.0])
def test_on_jupiter_distances_are_geodesics(latitude: float) -> None:
    a, _, c = JUPITER.radii_km
    geodesics = Geod(a=a, b=c)
    centre = math.radians(latitude), 1.0
    plane = Plane(centre, JUPITER)
    angles = np.linspace(0.0, 2.0 * np.pi, 13)
    for away in (100.0, 12_000.0):
        places = plane.place_of(away * np.sin(angles), away * np.cos(angles))
        graphic = np.degrees(graphic_from_centric([centre[0], *places[:, 0]], JUPITER.radii_km))
        n = len(places)
        _, _, length = geodesics.inv(
            np.full(n, math.degrees(1.0)), np.full(n, graphic[0]), np.degrees(places[:, 1]), graphic[1:]
        )
        # the Great Red Spot's length to better than a kilometre
        assert np.allclose(length, away, rtol=1e-4 * (away / 12_000.0) + 1e-8)


def test_a_pole_and_the_middle_are_no_trouble() -> None:
    plane = Plane((math.pi / 2.0, 0.0), GANYMEDE)
    assert np.allclose(plane.place_of(0.0, 0.0)[0], math.pi / 2.0)
    assert np.allclose(plane.xy_of(math.pi / 2.0, 0.7), 0.0, atol=1e-9)
