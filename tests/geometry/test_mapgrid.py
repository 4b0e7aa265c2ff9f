"""The pixels of a map and the places that they show."""

import math
from dataclasses import replace

import numpy as np
import pyproj
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perijove.bodies import BODIES, IO, JUPITER, Body
from perijove.errors import UsageError
from perijove.geometry.mapgrid import MAP_RADIUS_KM, MapGrid, map_rows
from perijove.geometry.projection import KINDS, Projection


def grid(kind: str = "equirectangular", latitudes: str = "centric", body: Body = JUPITER, **centre: float) -> MapGrid:
    """A map of 1200 x 1000 px about the centre of a projection: all of the body, or most of it."""
    radius = MAP_RADIUS_KM[body.name]
    numbers = {"latitude": 0.3 if kind in ("laea", "orthographic", "perspective") else 0.0, "longitude": 2.0, **centre}
    height = 3 * radius if kind == "perspective" else math.nan
    projection = Projection(kind, radius, numbers["latitude"], numbers["longitude"], height)
    scale = 2 * math.pi * radius / 1200
    return MapGrid(body, projection, latitudes, scale, -600 * scale, 500 * scale, 1200, 1000)


def unit(places: np.ndarray) -> np.ndarray:
    """Vectors (..., 3) to places (..., 2) as latitude and longitude."""
    lat, lon = np.moveaxis(places, -1, 0)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)


def test_corner_and_centre_by_hand() -> None:
    # 10 km a pixel on the equator, the top left corner at 1000 km north, 2000 km west of the meridian
    made = MapGrid(JUPITER, Projection("equirectangular", 71492.0), "centric", 10.0, -2000.0, 1000.0, 400, 200)
    np.testing.assert_allclose(made.pixel_of(0.0, 0.0), [100.0, 200.0])
    np.testing.assert_allclose(made.place_of(0.0, 0.0), [1000 / 71492, -2000 / 71492])
    np.testing.assert_allclose(made.place_of(0.5, 0.5), [995 / 71492, -1995 / 71492])
    np.testing.assert_allclose(made.pixel_of(995 / 71492, -1995 / 71492), [0.5, 0.5])


def test_planetographic_latitude_by_hand() -> None:
    made = grid(latitudes="graphic")
    # tan(graphic) = (a / c)^2 tan(centric)
    graphic = math.atan((71492 / 66854) ** 2 * math.tan(0.7))
    line, _ = made.pixel_of(0.7, 2.0)
    assert line == pytest.approx((made.top_km - graphic * 71492) / made.scale_km, abs=1e-9)
    assert made.place_of(line, 600.0)[0] == pytest.approx(0.7, abs=1e-14)


@pytest.mark.parametrize("latitudes", ["centric", "graphic"])
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40)
@given(line=st.floats(0, 1000), sample=st.floats(0, 1200))
def test_pixels_come_back(kind: str, latitudes: str, line: float, sample: float) -> None:
    made = grid(kind, latitudes)
    place = made.place_of(line, sample)
    if np.isnan(place[0]):
        assert np.isnan(place).all()
        return
    assert abs(place[0]) <= math.pi / 2
    back = made.pixel_of(*place)
    # near a pole of a cylindrical map, at the limb of a view, many pixels lie in one place: then the place must agree
    again = made.place_of(*back)
    same = np.allclose(back, [line, sample], rtol=0, atol=1e-7)
    assert same or np.linalg.norm(unit(again) - unit(place)) < 1e-7


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("latitude", [-1.3, 0.9])
def test_the_date_line_is_no_seam(kind: str, latitude: float) -> None:
    made = grid(kind, longitude=3.0)
    near = made.pixel_of(latitude, np.array([math.pi - 1e-9, -math.pi + 1e-9, math.pi + 1e-9]))
    shown = not np.isnan(near).any()
    assert shown or (kind in ("orthographic", "perspective") and np.isnan(near).all())
    if shown and abs(near[0, 0]) < 1e5:
        np.testing.assert_allclose(near[1:], near[:2], rtol=0, atol=1e-4)


@pytest.mark.parametrize("kind", ["polar-north", "polar-south"])
def test_the_pole_is_one_pixel(kind: str) -> None:
    made = grid(kind)
    pole = math.copysign(math.pi / 2, 1 if kind == "polar-north" else -1)
    np.testing.assert_allclose(made.pixel_of(pole, np.linspace(-3, 3, 7)), np.tile([500.0, 600.0], (7, 1)), atol=1e-9)
    assert made.place_of(500.0, 600.0)[0] == pytest.approx(pole, abs=1e-14)
    # the other one is infinitely far, or as near to it as the cosine of a right angle is to 0
    assert not np.abs(made.pixel_of(-pole, 0.0)).max() < 1e15


@pytest.mark.parametrize("body", BODIES.values(), ids=lambda body: body.name)
def test_latitudes_and_longitudes_are_those_of_the_iau_sphere(body: Body) -> None:
    """PROJ on the code of the body's sphere puts places where the grid does."""
    made = grid("sinusoidal", body=body, longitude=math.pi)
    number = {
        "JUPITER": 599, "IO": 501, "EUROPA": 502, "GANYMEDE": 503, "CALLISTO": 504,
        "AMALTHEA": 505, "THEBE": 514, "ADRASTEA": 515, "METIS": 516,
    }[body.name]  # fmt: skip
    sphere = pyproj.CRS.from_authority("IAU_2015", number * 100)
    plane = pyproj.CRS.from_authority("IAU_2015", number * 100 + 25)
    rng = np.random.default_rng(1)
    lat, lon = rng.uniform(-1.57, 1.57, 100), rng.uniform(-3.14, 3.14, 100)
    x, y = pyproj.Transformer.from_crs(sphere, plane, always_xy=True).transform(np.degrees(lon), np.degrees(lat))
    line, sample = np.moveaxis(made.pixel_of(lat, lon), -1, 0)
    np.testing.assert_allclose(made.left_km + sample * made.scale_km, np.array(x) / 1e3, rtol=0, atol=1e-6)
    np.testing.assert_allclose(made.top_km - line * made.scale_km, np.array(y) / 1e3, rtol=0, atol=1e-6)


@pytest.mark.parametrize("latitudes", ["centric", "graphic"])
@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_surface_points(kind: str, latitudes: str) -> None:
    made = grid(kind, latitudes)
    radii = np.array(JUPITER.radii_km)
    points, shown = np.empty((5, 3, 300)), np.empty((5, 300), bool)
    map_rows(
        made.projection.formula(), made.left_km, made.top_km, made.scale_km, made.scale_km, radii,
        latitudes == "graphic", 470, 450, points, shown,
    )  # fmt: skip
    lines, samples = np.meshgrid(np.arange(470, 475) + 0.5, np.arange(450, 750) + 0.5, indexing="ij")
    places = made.place_of(lines, samples)
    assert np.array_equal(shown, ~np.isnan(places[..., 0]))
    assert shown.any()
    at = np.moveaxis(points, 1, -1)[shown]
    # on the ellipsoid, and in the direction of planetocentric latitude and longitude
    np.testing.assert_allclose(np.sum((at / radii) ** 2, axis=-1), 1.0, rtol=1e-13)
    np.testing.assert_allclose(at / np.linalg.norm(at, axis=-1)[:, None], unit(places[shown]), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"latitudes": "geodetic"}, "use centric or graphic"),
        ({"scale_km": 0.0}, "give a scale above 0"),
        ({"scale_km": math.inf}, "give a scale above 0"),
        ({"width": 0}, "give wider bounds"),
        ({"height": -4}, "give wider bounds"),
        ({"body": IO, "latitudes": "graphic"}, "IO is no body of revolution"),
    ],
)
def test_what_is_no_map(change: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        replace(grid(), **change)
