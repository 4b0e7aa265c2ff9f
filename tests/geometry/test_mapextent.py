"""Which map is drawn: extents, scales and centres by hand, and that every place asked for lies on the map."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from perijove.bodies import BODIES, GANYMEDE, JUPITER, Body
from perijove.errors import UsageError
from perijove.geometry.mapextent import (
    Bounds,
    Wish,
    box_of,
    central_meridian,
    choose_grid,
    round_the_body,
    rounded_scale,
    snapped,
)
from perijove.geometry.mapgrid import MAP_RADIUS_KM, MapGrid
from perijove.geometry.projection import KINDS

FloatArray = NDArray[np.float64]
RADIUS = 71492.0
DEGREE = math.radians(1.0)
NOWHERE = np.empty(0), np.empty(0)
"""Places of a strip where bounds say what the map should show."""
WHOLE = Bounds(-math.pi, -math.pi / 2, math.pi, math.pi / 2)


def box(west: float, south: float, east: float, north: float) -> Bounds:
    """Bounds of degrees."""
    return Bounds(*(math.radians(v) for v in (west, south, east, north)))


def of_bounds(bounds: Bounds, ppd: float, body: Body = JUPITER, **more: object) -> MapGrid:
    """The map of bounds at a number of pixels a degree, equirectangular unless told otherwise."""
    wish = Wish(**{"projection": "equirectangular", "bounds": bounds, **more})  # type: ignore[arg-type]
    wish = replace(wish, scale_km=DEGREE * MAP_RADIUS_KM[body.name] / ppd)
    return choose_grid(wish, body, *NOWHERE, native_km=1.0)


def around(latitude: float, longitude: float, radius: float, count: int = 60) -> tuple[FloatArray, FloatArray]:
    """Latitudes and longitudes (count,), rad, of places on a circle about a place; degrees in."""
    lat, lon, r = (math.radians(v) for v in (latitude, longitude, radius))
    up = np.array([math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)])
    east = np.array([-math.sin(lon), math.cos(lon), 0.0])
    north = np.cross(up, east)
    a = np.linspace(0.0, 2 * np.pi, count, endpoint=False)[:, None]
    v = math.cos(r) * up + math.sin(r) * (np.cos(a) * east + np.sin(a) * north)
    return np.arcsin(np.clip(v[:, 2], -1.0, 1.0)), np.arctan2(v[:, 1], v[:, 0])


@pytest.mark.parametrize(
    ("edges", "told"),
    [
        ((10, -5, 10, 5), "the east must be 0 to 360 deg off the west"),
        ((10, -5, -10, 5), "the east must be 0 to 360 deg off the west"),
        ((0, -5, 360.1, 5), "the east must be 0 to 360 deg off the west"),
        ((0, 5, 10, -5), "latitudes go from -90 to 90, south first"),
        ((0, 5, 10, 5), "latitudes go from -90 to 90, south first"),
        ((0, -90.1, 10, 5), "latitudes go from -90 to 90, south first"),
        ((0, 0, 10, 90.1), "latitudes go from -90 to 90, south first"),
        ((math.nan, 0, 10, 5), "the east must be 0 to 360"),
        ((0, math.nan, 10, 5), "latitudes go from"),
        ((0, 0, math.inf, 5), "the east must be 0 to 360"),
    ],
)
def test_what_is_no_box_is_refused_with_its_numbers(edges: tuple[float, ...], told: str) -> None:
    with pytest.raises(UsageError, match=told) as caught:
        box(*edges)
    assert ",".join(f"{v:g}" for v in edges) in str(caught.value)


@pytest.mark.parametrize("body", [JUPITER, GANYMEDE])
@pytest.mark.parametrize("ppd", [1, 2, 3, 7, 10, 25])
@pytest.mark.parametrize("kind", ["equirectangular", "sinusoidal"])
def test_a_global_map_has_a_whole_number_of_pixels_a_degree(body: Body, ppd: int, kind: str) -> None:
    grid = of_bounds(WHOLE, ppd, body, projection=kind)
    assert (grid.width, grid.height) == (360 * ppd, 180 * ppd)
    half = math.pi * MAP_RADIUS_KM[body.name]
    np.testing.assert_allclose([grid.left_km, grid.top_km], [-half, half / 2], rtol=1e-12)
    assert grid.projection.longitude == 0.0
    below = np.degrees(grid.place_of(90 * ppd + 0.5, 180 * ppd + 0.5))
    # in the sinusoidal a degree of longitude shrinks with the cosine
    east = 0.5 / ppd if kind == "equirectangular" else 0.5 / ppd / math.cos(0.5 / ppd * DEGREE)
    np.testing.assert_allclose(below, [-0.5 / ppd, east], rtol=1e-9)


def test_from_0_to_360_a_global_map_is_centred_on_180() -> None:
    grid = of_bounds(box(0, -90, 360, 90), 4)
    assert (grid.width, grid.height) == (1440, 720)
    assert abs(grid.projection.longitude) == pytest.approx(math.pi)
    left, right = np.degrees(grid.place_of([360.0, 360.0], [0.5, 1439.5]))[:, 1]
    assert (left, right) == (pytest.approx(0.125), pytest.approx(-0.125))


@settings(max_examples=40)
@given(west=st.floats(-720, 720), ppd=st.integers(1, 20))
def test_once_around_the_body_is_the_same_from_wherever(west: float, ppd: int) -> None:
    grid = of_bounds(box(west, -90, west + 360, 90), ppd)
    assert (grid.width, grid.height) == (360 * ppd, 180 * ppd)


@pytest.mark.parametrize(
    ("edges", "meridian"),
    [((-180, 180), 0), ((-30, 60), 0), ((170, 200), 180), ((-190, -170), 180), ((0, 360), 180), ((350, 370), 0),
     ((-200, 60), -70), ((100, 400), 250)],
)  # fmt: skip
def test_the_meridian_in_the_middle_leaves_the_box_in_one_piece(edges: tuple[float, float], meridian: float) -> None:
    found = math.degrees(central_meridian(box(edges[0], -10, edges[1], 10)))
    assert math.remainder(found - meridian, 360.0) == pytest.approx(0.0, abs=1e-9)


def test_bounds_across_the_date_line_by_hand() -> None:
    for edges in ((170, 200), (-190, -160), (530, 560)):
        grid = of_bounds(box(edges[0], -10, edges[1], 20), 10)
        assert (grid.width, grid.height) == (300, 300)
        np.testing.assert_allclose(np.degrees(grid.place_of(0.0, 0.0)), [20.0, 170.0], atol=1e-9)
        np.testing.assert_allclose(np.degrees(grid.place_of(300.0, 300.0)), [-10.0, -160.0], atol=1e-9)


@settings(max_examples=60)
@given(
    west=st.floats(-360, 360), span=st.floats(1, 358), south=st.floats(-89, 80), tall=st.floats(1, 60),
    ppd=st.floats(1, 20), kind=st.sampled_from(["equirectangular", "sinusoidal"]),
)  # fmt: skip
def test_every_place_of_a_box_lies_on_its_map_in_one_piece(
    west: float, span: float, south: float, tall: float, ppd: float, kind: str
) -> None:
    bounds = box(west, south, west + span, min(south + tall, 90.0))
    grid = of_bounds(bounds, ppd, projection=kind)
    lat, lon = bounds.lattice()
    line, sample = np.moveaxis(grid.pixel_of(lat[:, 1:-1], lon[:, 1:-1]), -1, 0)
    slack = 1e-4
    assert sample.min() >= -slack
    assert sample.max() <= grid.width + slack
    assert line.min() >= -slack
    assert line.max() <= grid.height + slack
    # and in order: no column of the box is carried over to the other side
    assert (np.diff(sample, axis=1) > -slack).all()
    # no larger than it must be
    if kind == "equirectangular":
        assert grid.width < span * ppd + 2
        assert grid.height < (bounds.north - bounds.south) / DEGREE * ppd + 2


def test_bounds_of_graphic_latitude() -> None:
    grid = of_bounds(box(0, -30, 60, 45), 10, latitudes="graphic")
    assert (grid.width, grid.height) == (600, 750)
    flat = (66854 / 71492) ** 2
    for line, graphic in ((0.0, 45.0), (750.0, -30.0)):
        # tan(centric) = (c / a)^2 tan(graphic)
        expected = math.atan(flat * math.tan(math.radians(graphic)))
        assert grid.place_of(line, 10.0)[0] == pytest.approx(expected, abs=1e-12)


def test_graphic_extent_of_places_that_were_seen() -> None:
    latitude, longitude = np.radians([20.0, 50.0]), np.radians([10.0, 30.0])
    wish = Wish("equirectangular", "graphic", scale_km=DEGREE * RADIUS / 100)
    grid = choose_grid(wish, JUPITER, latitude, longitude, native_km=1.0)
    graphic = np.degrees(np.arctan((71492 / 66854) ** 2 * np.tan(latitude)))
    assert grid.top_km / grid.scale_km == math.ceil(100 * graphic[1])
    assert grid.top_km / grid.scale_km - grid.height == math.floor(100 * graphic[0])


def test_the_box_of_places_leaves_out_the_widest_gap() -> None:
    found = box_of(np.radians([-3.0, 5.0, 1.0]), np.radians([170.0, -175.0, 179.0]))
    edges = np.degrees([found.west, found.south, found.east, found.north])
    np.testing.assert_allclose(edges, [170, -3, 185, 5], atol=1e-3)
    for longitudes in ([350.0, 10.0], [-10.0, 370.0]):
        found = box_of(np.zeros(2), np.radians(longitudes))
        np.testing.assert_allclose(np.degrees([found.west, found.east]), [-10, 10], atol=1e-3)
    # a single place is a box too
    found = box_of(np.array([0.2]), np.array([3.0]))
    assert found.west < 3.0 + 1e-9 < found.east + 1e-6
    assert found.south < 0.2 < found.north


@given(
    st.lists(st.floats(-12, 12), min_size=1, max_size=40),
    st.lists(st.floats(-1.5, 1.5), min_size=1, max_size=40),
)
def test_the_box_of_places_holds_them_all(longitudes: list[float], latitudes: list[float]) -> None:
    n = min(len(longitudes), len(latitudes))
    lat, lon = np.array(latitudes[:n]), np.array(longitudes[:n])
    found = box_of(lat, lon)
    assert -math.pi - 1e-9 <= found.west <= math.pi
    assert (lat >= found.south).all()
    assert (lat <= found.north).all()
    past = np.mod(lon - found.west + 1e-9, 2 * math.pi)
    assert (past <= found.east - found.west + 2e-9).all()


def test_once_around_without_a_gap_is_all_longitudes() -> None:
    assert round_the_body(np.radians(np.arange(0.0, 360.0, 0.5))) == (-math.pi, math.pi)
    west, east = round_the_body(np.radians(np.arange(0.0, 357.0, 0.5)))
    assert math.degrees(east - west) == pytest.approx(356.5)


@pytest.mark.parametrize("side", [1, -1])
def test_a_pole_is_taken_in_where_places_go_all_around_it(side: int) -> None:
    ring = around(side * 90.0, 0.0, 1.0)
    lat, lon = np.append(ring[0], side * math.radians(70.0)), np.append(ring[1], 2.0)
    found = box_of(lat, lon)
    assert (found.west, found.east) == (-math.pi, math.pi)
    assert (found.north if side > 0 else -found.south) == pytest.approx(math.pi / 2, abs=1e-9)
    assert (found.south if side > 0 else -found.north) == pytest.approx(math.radians(70), abs=1e-5)
    # places as near on one side only do not surround it
    half = np.abs(np.remainder(lon, 2 * np.pi) - np.pi) < 1.4
    found = box_of(lat[half], lon[half])
    assert found.east - found.west < 2.9
    assert max(found.north, -found.south) < math.radians(89.9)


CENTRED = ["orthographic", "laea", "perspective", "polar-north", "polar-south"]


@pytest.mark.parametrize("latitudes", ["centric", "graphic"])
@pytest.mark.parametrize("kind", CENTRED)
@settings(max_examples=25)
@given(
    latitude=st.floats(-90, 90), longitude=st.floats(-180, 180), radius=st.floats(0.5, 55), scale=st.floats(20.0, 300.0)
)
def test_maps_about_a_centre_hold_every_place_that_was_seen_and_no_more(
    kind: str, latitudes: str, latitude: float, longitude: float, radius: float, scale: float
) -> None:
    lat, lon = around(latitude, longitude, radius)
    if kind.startswith("polar"):
        # a hemisphere is enough to tell
        lat = np.abs(lat) if kind == "polar-north" else -np.abs(lat)
    grid = choose_grid(Wish(kind, latitudes, scale), JUPITER, lat, lon, native_km=1.0)
    line, sample = np.moveaxis(grid.pixel_of(lat, lon), -1, 0)
    shown = np.isfinite(line)
    assert shown.any()
    if kind.startswith("polar") or kind == "laea":
        assert shown.all()
    for places, size in ((line[shown], grid.height), (sample[shown], grid.width)):
        assert places.min() >= -1e-5
        assert places.max() <= size + 1e-5
        # within the outermost pixels, either side
        assert places.min() < 1 + 1e-5
        assert places.max() > size - 1 - 1e-5


@pytest.mark.parametrize(("kind", "side"), [("polar-north", 1), ("polar-south", -1)])
def test_polar_bounds_by_hand(kind: str, side: int) -> None:
    edges = (-180, 60, 180, 90) if side > 0 else (-180, -90, 180, -60)
    grid = of_bounds(box(*edges), 1, projection=kind)
    # the parallel of 60 deg stands 2 R tan 15 deg from the pole: 30.71 px of a degree each
    far = math.ceil(2 * math.tan(math.radians(15)) / DEGREE)
    assert (grid.width, grid.height) == (2 * far, 2 * far)
    assert (-grid.left_km, grid.top_km) == (pytest.approx(far * grid.scale_km), pytest.approx(far * grid.scale_km))
    pole = grid.place_of(float(far), float(far))
    assert side * pole[0] == pytest.approx(math.pi / 2, abs=1e-9)


@pytest.mark.parametrize("kind", ["orthographic", "laea", "perspective"])
def test_the_whole_body_fills_the_disc_of_its_map(kind: str) -> None:
    """However the disc is turned, its limb is on the map to within a pixel."""
    scale = 100.0
    centre = math.radians(20.3), math.radians(10.7)
    grid = choose_grid(
        Wish(kind, scale_km=scale, bounds=WHOLE, centre=centre, altitude_km=RADIUS if kind == "perspective" else None),
        JUPITER, *NOWHERE, native_km=1.0,
    )  # fmt: skip
    # from one radius above the ground the horizon, 60 deg away, is drawn R sin 60 / 1.5 ... from the centre
    far = {"orthographic": RADIUS, "laea": 2 * RADIUS, "perspective": RADIUS * math.sin(math.pi / 3) / 1.5}[kind]
    least, most = 2 * far / scale - 1, 2 * far / scale + 2
    assert least <= grid.width <= most
    assert least <= grid.height <= most


@given(native=st.floats(2.0, 5000))
def test_the_default_scale_makes_a_whole_number_of_pixels_around_the_body(native: float) -> None:
    for kind, across in (("equirectangular", math.cos(0.5)), ("sinusoidal", 1.0)):
        wish = Wish(kind, bounds=box(-20, -20, 30, 40), centre=(0.5, 0.0))
        grid = choose_grid(wish, JUPITER, *NOWHERE, native_km=native)
        half = math.pi * RADIUS * across / grid.scale_km
        assert half == pytest.approx(round(half), rel=1e-9)
        assert 0.85 * native < grid.scale_km <= native * (1 + 1e-9)


@given(native=st.floats(1e-3, 1e5))
def test_a_scale_has_two_digits_and_is_not_coarser(native: float) -> None:
    scale = rounded_scale(native)
    assert 0.9 * native < scale <= native * (1 + 1e-8)
    digits = f"{scale:.10e}".split("e")[0].replace(".", "")
    assert digits[2:].strip("0") == ""


def test_scales_by_hand() -> None:
    assert rounded_scale(23.7) == 23.0
    assert rounded_scale(0.0469) == pytest.approx(0.046)
    assert rounded_scale(100.0) == 100.0
    assert rounded_scale(99.9999) == 99.0
    assert rounded_scale(1234.0) == 1200.0


@pytest.mark.parametrize("kind", KINDS)
@given(scale=st.floats(15, 900), west=st.floats(-180, 140), south=st.floats(-85, 40))
@settings(max_examples=15)
def test_maps_of_one_scale_share_their_pixels(kind: str, scale: float, west: float, south: float) -> None:
    south = {"polar-north": abs(south) / 2, "polar-south": -80 + abs(south) / 2}.get(kind, south)
    centre = (math.radians(south + 10), math.radians(west + 10)) if kind not in ("equirectangular",) else (0.0, 0.0)
    grid = choose_grid(
        Wish(kind, scale_km=scale, bounds=box(west, south, west + 35, south + 40), centre=centre),
        JUPITER, *NOWHERE, native_km=1.0,
    )  # fmt: skip
    for edge in (grid.left_km, grid.top_km):
        assert edge / scale == pytest.approx(round(edge / scale), abs=1e-9)


def test_an_edge_that_rounding_alone_moves_costs_no_pixel() -> None:
    assert snapped(-3.0 - 1e-12, 5.0 + 1e-12, 1.0) == (-3, 5)
    assert snapped(-3.0 + 1e-12, 5.0 - 1e-12, 1.0) == (-3, 5)
    assert snapped(-3.1, 4.9, 1.0) == (-4, 5)
    # there is always a pixel
    assert snapped(2.0, 2.0, 1.0) == (2, 3)


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        (
            Wish("equirectangular", scale_km=1.0, bounds=WHOLE),
            "px at 1 km a pixel: give a larger --scale or narrower --bounds",
        ),
        (Wish("equirectangular", scale_km=1e-9, bounds=WHOLE), "give a larger --scale or narrower --bounds"),
        (Wish("equirectangular", scale_km=1e6, bounds=WHOLE), "the whole map is one pixel: give a smaller --scale"),
        (
            Wish("orthographic", scale_km=10.0, bounds=box(170, -5, 190, 5), centre=(0.0, 0.0)),
            "orthographic centred on 0, 0 deg cannot show the region: choose another --centre or kind",
        ),
        (
            Wish("perspective", scale_km=10.0, bounds=box(80, -5, 85, 5), centre=(0.0, 0.0), altitude_km=1000.0),
            "cannot show the region: choose another --centre or kind",
        ),
        (Wish("mercator", scale_km=10.0, bounds=WHOLE), "unknown projection 'mercator': use one of equirectangular"),
        (Wish("equirectangular", scale_km=10.0, bounds=WHOLE, centre=(math.pi / 2, 0.0)), "cannot be a pole"),
        (
            Wish("equirectangular", scale_km=10.0),
            "nothing of JUPITER was seen that the projection equirectangular could show: give --bounds",
        ),
        (Wish("equirectangular", "geodetic", 1000.0, WHOLE), "unknown kind of latitude 'geodetic'"),
    ],
)
def test_maps_that_cannot_be_are_refused_with_the_remedy(wish: Wish, told: str) -> None:
    with pytest.raises(UsageError, match=re.escape(told)):
        choose_grid(wish, JUPITER, *NOWHERE, native_km=1.0)


@pytest.mark.parametrize("scale", [-5.0, 0.0, math.nan, math.inf, 5e-324, 1e-300])
def test_an_impossible_scale_is_misuse(scale: float) -> None:
    with pytest.raises(UsageError):
        choose_grid(Wish("equirectangular", scale_km=scale, bounds=WHOLE), JUPITER, *NOWHERE, native_km=1.0)


def test_only_bodies_with_a_sphere_of_their_own_are_mapped() -> None:
    unknown = replace(JUPITER, name="SATURN")
    with pytest.raises(UsageError, match="SATURN cannot be mapped: only JUPITER, IO, EUROPA"):
        choose_grid(Wish("equirectangular", scale_km=500.0, bounds=WHOLE), unknown, *NOWHERE, native_km=1.0)
    assert set(BODIES) <= set(MAP_RADIUS_KM)


def test_a_perspective_map_is_drawn_from_the_spacecraft_unless_told_otherwise() -> None:
    lat, lon = around(20.0, 40.0, 10.0)
    above = (math.radians(25.0), math.radians(35.0), 30000.0)
    grid = choose_grid(Wish("perspective"), JUPITER, lat, lon, native_km=100.0, above=above)
    assert (grid.projection.latitude, grid.projection.altitude_km) == (above[0], 30000.0)
    assert grid.projection.longitude == pytest.approx(above[1], abs=1e-12)
    graphic = choose_grid(Wish("perspective", "graphic"), JUPITER, lat, lon, native_km=100.0, above=above)
    assert math.tan(graphic.projection.latitude) == pytest.approx((71492 / 66854) ** 2 * math.tan(above[0]))
    chosen = Wish("perspective", centre=(0.1, 0.7), altitude_km=9000.0)
    other = choose_grid(chosen, JUPITER, lat, lon, native_km=100.0, above=above).projection
    assert (other.latitude, other.longitude, other.altitude_km) == (0.1, 0.7, 9000.0)
    # of bounds: above the middle of the box
    boxed = Wish("perspective", bounds=box(10, 0, 30, 20))
    lone = choose_grid(boxed, JUPITER, *NOWHERE, native_km=100.0).projection
    assert np.degrees([lone.latitude, lone.longitude]) == pytest.approx([10.0, 20.0])
    assert lone.altitude_km == 3 * RADIUS


def test_a_centre_may_be_any_turn_of_its_meridian() -> None:
    for turns in (-360.0, 0.0, 360.0):
        wish = Wish("laea", scale_km=300.0, bounds=box(60, 0, 80, 10), centre=(0.1, math.radians(70 + turns)))
        found = choose_grid(wish, JUPITER, *NOWHERE, native_km=1.0)
        assert math.degrees(found.projection.longitude) == pytest.approx(70.0)


@pytest.mark.parametrize(("kind", "edges"), [("polar-north", (-75, 90)), ("polar-south", (-90, 75))])
def test_a_polar_map_does_not_go_on_to_the_other_pole(kind: str, edges: tuple[float, float]) -> None:
    with pytest.raises(UsageError, match=f"a {kind} map goes no farther than 70 deg of the other hemisphere"):
        of_bounds(box(-180, edges[0], 180, edges[1]), 1, projection=kind)
    # nor to what was seen beyond the equator, where nobody asked for it
    south, north = (-50.0, 60.0) if kind == "polar-north" else (-60.0, 50.0)
    lat, lon = np.radians([south, 0.0, north]), np.radians([0.0, 0.0, 0.0])
    grid = choose_grid(Wish(kind, scale_km=100.0), JUPITER, lat, lon, native_km=1.0)
    far = np.moveaxis(grid.pixel_of(lat, lon), -1, 0)[0] / grid.height
    inside = (far > -1e-9) & (far < 1 + 1e-9)
    assert inside.tolist() == ([False, True, True] if kind == "polar-north" else [True, True, False])
