"""Lengths and areas, against closed forms, and the two ways of finding geodesics against each other."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import ellipeinc, ellipkinc

from perijove.bodies import GANYMEDE, IO, JUPITER, METIS, Body
from perijove.errors import UsageError
from perijove.geometry.ellipsoid import point_from_centric
from perijove.measure import lengths
from perijove.measure.lengths import course, leg, polygon, surface_name, way

FloatArray = NDArray[np.float64]
AMALTHEA = replace(IO, name="AMALTHEA", radii_km=(125.0, 73.0, 64.0))
EQUATOR, EAST, NORTH = (0.0, 0.0), (0.0, np.pi / 2), (np.pi / 2, 0.0)


def rad(*degrees: float) -> tuple[float, float]:
    latitude, longitude = np.radians(degrees)
    return float(latitude), float(longitude)


def triaxial(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have geodesics shot on every body."""
    monkeypatch.setattr(lengths, "_revolves", lambda radii: False)


places = st.tuples(st.floats(-89.0, 89.0), st.floats(0.0, 360.0)).map(lambda p: rad(*p))


@given(places, places)
@settings(max_examples=40, deadline=None)
def test_on_a_sphere_it_is_the_great_circle(one: tuple[float, float], other: tuple[float, float]) -> None:
    a, b = (point_from_centric(*p, (1.0, 1.0, 1.0)) for p in (one, other))
    angle = np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b)
    assert leg(GANYMEDE, one, other).length_km == pytest.approx(2631.2 * angle, abs=1e-6)


def test_a_quarter_of_jupiters_meridian() -> None:
    a, c = JUPITER.radii_km[0], JUPITER.radii_km[2]
    quarter = a * ellipeinc(np.pi / 2, 1.0 - (c / a) ** 2)
    found = leg(JUPITER, EQUATOR, NORTH)
    assert found.length_km == pytest.approx(quarter, rel=1e-12)
    assert found.azimuth == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("body", [IO, AMALTHEA])
def test_the_principal_sections_of_a_triaxial_body(body: Body) -> None:
    a, b, c = body.radii_km
    for start, end, long, short in ((EQUATOR, EAST, a, b), (EQUATOR, NORTH, a, c), (EAST, NORTH, b, c)):
        quarter = long * ellipeinc(np.pi / 2, 1.0 - (short / long) ** 2)
        assert leg(body, start, end).length_km == pytest.approx(quarter, rel=1e-9)


def test_shot_geodesics_are_those_of_geographiclib(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [(rad(10, 20), rad(-35, 80)), (rad(80, 0), rad(70, 170)), (rad(0.4, 25.4), rad(0.5, 25.5))]
    known = [(leg(JUPITER, *pair), way(JUPITER, *pair, 7)) for pair in pairs]
    triaxial(monkeypatch)
    for pair, (told, points) in zip(pairs, known, strict=True):
        found = leg(JUPITER, *pair)
        assert found.length_km == pytest.approx(told.length_km, abs=1e-5)
        assert found.azimuth == pytest.approx(told.azimuth, abs=1e-8)
        np.testing.assert_allclose(way(JUPITER, *pair, 7), points, atol=1e-9)


def test_ways_divide_the_length_evenly() -> None:
    points = way(AMALTHEA, rad(20, 10), rad(-30, 100), 6)
    parts = [leg(AMALTHEA, tuple(a), tuple(b)).length_km for a, b in pairwise(points)]
    assert np.ptp(parts) < 1e-6
    assert sum(parts) == pytest.approx(leg(AMALTHEA, rad(20, 10), rad(-30, 100)).length_km, abs=1e-6)


@pytest.mark.parametrize(
    ("body", "one", "other"),
    [
        (METIS, rad(-13.8, -4.0), rad(-8.1, 171.5)),
        (METIS, rad(35.0, 20.0), rad(-50.0, 150.0)),
        (AMALTHEA, rad(30.0, 100.0), rad(-40.0, -110.0)),
        (AMALTHEA, rad(5.0, 10.0), rad(10.0, 160.0)),
        (AMALTHEA, rad(70.0, 0.0), rad(10.0, 140.0)),
    ],
)
def test_no_way_on_a_long_moon_is_shorter(body: Body, one: tuple[float, float], other: tuple[float, float]) -> None:
    there, back = leg(body, one, other).length_km, leg(body, other, one).length_km
    assert there == pytest.approx(back, abs=1e-5)
    # other ways: aside of the plane through the centre by sines, shortened as far as they go from both sides of it
    ends = np.array([point_from_centric(*place, body.radii_km) for place in (one, other)])
    share = np.linspace(0.0, 1.0, 301)[:, None]
    rays = (1.0 - share) * ends[0] / np.linalg.norm(ends[0]) + share * ends[1] / np.linalg.norm(ends[1])
    across = np.cross(ends[0], ends[1]) / np.linalg.norm(np.cross(ends[0], ends[1]))
    waves = np.sin(np.pi * share * np.arange(1, 7))

    def long(coefficients: FloatArray) -> float:
        line = rays + (waves @ coefficients)[:, None] * across
        line = line / np.sqrt(np.sum((line / body.radii_km) ** 2, axis=1, keepdims=True))
        return float(np.sum(np.linalg.norm(np.diff(line, axis=0), axis=1)))

    shortest = min(float(minimize(long, np.array([aside, 0.0, 0.0, 0.0, 0.0, 0.0])).fun) for aside in (-1.0, 0.0, 1.0))
    # chords of a 300th of the way are shorter than the ground by a millionth
    assert 0.998 * shortest < there < (1.0 + 1e-5) * shortest


def test_errors_of_a_course() -> None:
    straight = [(0.0, 0.0), (0.0, 0.01), (0.0, 0.02)]
    # a place in the middle of a straight way only moves the way aside
    assert course(GANYMEDE, straight, [1.0, 5.0, 2.0]).sigma_km == pytest.approx(np.sqrt(5.0), rel=1e-6)
    corner = [(0.01, 0.0), (0.0, 0.0), (0.0, 0.01)]
    # of a right angle both legs move with the corner, to first order in its two directions
    assert course(GANYMEDE, corner, 1.0).sigma_km == pytest.approx(2.0, rel=1e-4)
    assert np.isnan(course(GANYMEDE, corner).sigma_km)
    assert course(GANYMEDE, corner, 0.0, 0.01).sigma_km == pytest.approx(0.02 * 26.312, rel=1e-9)


@pytest.mark.parametrize("body", [IO, AMALTHEA])
def test_an_eighth_of_a_triaxial_surface(body: Body) -> None:
    a, b, c = body.radii_km
    # Legendre's formula
    phi = np.arccos(c / a)
    k2 = a * a * (b * b - c * c) / (b * b * (a * a - c * c))
    bracket = ellipeinc(phi, k2) * np.sin(phi) ** 2 + ellipkinc(phi, k2) * np.cos(phi) ** 2
    whole = 2.0 * np.pi * (c * c + a * b / np.sin(phi) * bracket)
    assert polygon(body, [EQUATOR, EAST, NORTH]).area_km2 == pytest.approx(whole / 8.0, rel=1e-9)


def test_areas_of_triaxial_bodies_are_those_of_geographiclib(monkeypatch: pytest.MonkeyPatch) -> None:
    corners = [rad(10, 20), rad(-35, 60), rad(30, 70)]
    told = polygon(JUPITER, corners)
    triaxial(monkeypatch)
    found = polygon(JUPITER, corners)
    assert found.area_km2 == pytest.approx(told.area_km2, rel=3e-6)
    assert found.perimeter_km == pytest.approx(told.perimeter_km, rel=1e-9)


def test_a_cap_around_the_pole_either_way_round() -> None:
    ring = [rad(80.0, east) for east in range(0, 360, 5)]
    cap = 2.0 * np.pi * 2631.2**2 * (1.0 - np.sin(np.radians(80.0)))
    for corners in (ring, ring[::-1], [*ring, ring[0]]):
        # great circles between the corners cut off a little
        assert polygon(GANYMEDE, corners).area_km2 == pytest.approx(cap, rel=2e-3)


def test_errors_of_a_square() -> None:
    side = 0.01
    square = [(0.0, 0.0), (0.0, side), (side, side), (side, 0.0)]
    found = polygon(GANYMEDE, square, 1.0)
    km = side * 2631.2
    assert found.area_km2 == pytest.approx(km * km, rel=1e-4)
    assert found.sigma_km2 == pytest.approx(np.sqrt(2.0) * km, rel=1e-4)
    # each corner pulls at two sides at a right angle: sqrt 2 of its own, four of them
    assert found.perimeter_sigma_km == pytest.approx(np.sqrt(8.0), rel=1e-3)
    assert polygon(GANYMEDE, square, 0.0, 0.01).sigma_km2 == pytest.approx(0.02 * km * km, rel=1e-4)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: course(GANYMEDE, [EQUATOR]), "2 places"),
        (lambda: course(GANYMEDE, [EQUATOR, EQUATOR]), "1 and 2 are the same"),
        (lambda: course(GANYMEDE, [EQUATOR, (np.nan, 0.0)]), "check the numbers"),
        (lambda: polygon(GANYMEDE, [EQUATOR, EAST, EQUATOR]), "3 corners"),
        (lambda: polygon(GANYMEDE, [rad(0, 0), rad(10, 10), rad(0, 10), rad(10, 0)]), "cross"),
        (lambda: leg(IO, rad(1, 0), rad(-2, 179)), "opposite"),
        (lambda: polygon(IO, [rad(0, 0), rad(0, 120), rad(0, 240)]), "more than half"),
    ],
)
def test_what_makes_no_sense_is_refused(ask: Callable[[], object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        ask()


def test_surfaces_are_named() -> None:
    assert surface_name(GANYMEDE) == "sphere of 2631.2 km"
    assert surface_name(JUPITER) == "ellipsoid of revolution, 71492 x 66854 km"
    assert surface_name(IO) == "triaxial ellipsoid, 1829.4 x 1819.4 x 1815.7 km"
