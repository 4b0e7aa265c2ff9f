"""Backplanes of surface points: by hand, and by what must hold whatever the place."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perijove.bodies import IO, JUPITER
from perijove.errors import UsageError
from perijove.geometry import ellipsoid as el
from perijove.geometry.illumination import PIXEL_ANGLE, PLANES, backplanes, in_file_units

BALL = replace(JUPITER, radii_km=(1.0, 1.0, 1.0))
DISC = replace(JUPITER, radii_km=(2.0, 2.0, 1.0))
ALL = tuple(PLANES)
EAST, NORTH = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])
RIGHT = np.pi / 2

latitudes = st.floats(-1.5, 1.5)
longitudes = st.floats(-np.pi, np.pi)
heights = st.floats(1.0, 1e6)


def one(name, point, camera=(10.0, 0.0, 0.0), sun=(1.0, 0.0, 0.0), body=BALL, **more):
    """The number of one plane at one point."""
    return float(backplanes([name], point, camera, sun, body, **more)[name])


# a point of the ellipsoid (2, 2, 1) at 45 degrees of eccentric latitude, on the meridian of 90 degrees east
POINT = np.array([0.0, 2.0, 1.0]) / np.sqrt(2.0)
NORMAL = np.array([0.0, 1.0, 2.0]) / np.sqrt(5.0)
OVERHEAD = POINT + 10.0 * NORMAL
SUN = np.array([0.5, np.sqrt(0.75), 0.0])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("latitude", np.arctan(0.5)),
        ("latitude_graphic", np.arctan(2.0)),
        ("longitude", RIGHT),
        ("local_time", 14.0),  # thirty degrees east of a Sun at 60 degrees
        ("range", 10.0),
        ("resolution", 10.0 * 0.0074 / 10.95637),
        ("incidence", np.arccos(np.sqrt(0.75 / 5.0))),
        ("emission", 0.0),
        ("phase", np.arccos(np.sqrt(0.75 / 5.0))),
        # along the ground the Sun stands half a unit towards -east = +X; and -2 sqrt(3/4) / sqrt 5 northwards
        ("sun_azimuth", 2 * np.pi - np.arctan2(0.5, -2.0 * np.sqrt(0.75 / 5.0))),
    ],
)
def test_a_place_on_a_flat_body_by_hand(name, expected):
    assert one(name, POINT, OVERHEAD, SUN, DISC) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("towards", "azimuth"),
    [(NORTH, 0.0), (NORTH + EAST, RIGHT / 2), (EAST, RIGHT), (-NORTH, 2 * RIGHT), (-EAST, 3 * RIGHT)],
)
def test_azimuths_run_clockwise_from_north(towards, azimuth):
    point = np.array([1.0, 0.0, 0.0])
    high = point + towards  # half way up the sky
    assert one("spacecraft_azimuth", point, point + high) == pytest.approx(azimuth, abs=1e-12)
    assert one("sun_azimuth", point, sun=high / np.linalg.norm(high)) == pytest.approx(azimuth, abs=1e-12)


def test_there_is_no_azimuth_straight_overhead_nor_at_a_pole():
    assert np.isnan(one("sun_azimuth", (1.0, 0.0, 0.0)))
    assert np.isnan(one("spacecraft_azimuth", (1.0, 0.0, 0.0)))
    assert np.isnan(one("sun_azimuth", (0.0, 0.0, 1.0)))


@pytest.mark.parametrize(
    ("longitude", "hours"), [(0, 12), (90, 18), (179, 12 + 179 / 15), (180, 0), (-90, 6), (-179, 1 / 15)]
)
def test_local_time_around_the_day(longitude, hours):
    angle = np.radians(longitude + 130.0)
    point, sun = (np.cos(angle), np.sin(angle), 0.0), (np.cos(np.radians(130)), np.sin(np.radians(130)), 0.4)
    found = one("local_time", point, sun=sun)
    assert 0.0 <= found < 24.0
    assert (found - hours + 12.0) % 24.0 == pytest.approx(12.0, abs=1e-12)


@pytest.mark.parametrize(
    ("camera", "aim", "radius"),
    [
        ((10, 0, 10), (5, 0, 0), 5.0),
        ((10, 0, 2), (0, 4, 0), 4.0),
        ((10, 0, 1), (3, 0, 0), 3.0),  # in front of the body, which the ray meets behind it
        ((10, 0, 2), (-5, 0, 0), np.nan),  # behind the body
        ((10, 0, 8), (-5, 0, 0), 5.0),  # beyond it, seen above its limb
        ((10, 0, 10), (5, 0, 15), np.nan),  # away from the plane
        ((10, 0, 10), (5, 0, 10), np.nan),  # along it
        ((10, 0, 10), (0, 0, 1), np.nan),  # to the pole, which stands before it
    ],
)
def test_where_the_sight_meets_the_plane_of_the_rings(camera, aim, radius):
    camera, aim = np.array(camera, dtype=float), np.array(aim, dtype=float)
    found = one("ring_radius", (np.nan,) * 3, camera, rays=0.01 * (aim - camera))
    assert found == pytest.approx(radius, nan_ok=True)
    assert one("ring_radius", aim, camera) == pytest.approx(radius, nan_ok=True), "rays lead to the points"


def test_a_near_sun_stands_elsewhere_for_every_point():
    # on the terminator of parallel light a Sun five radii away lies below the horizon
    found = one("incidence", (0.0, 1.0, 0.0), sun_distance_km=5.0)
    assert found == pytest.approx(RIGHT + np.arctan(0.2), abs=1e-12)
    assert one("incidence", (0.0, 1.0, 0.0)) == pytest.approx(RIGHT, abs=1e-12)


@pytest.mark.parametrize("angle", [1e-8, 1e-5, np.pi - 1e-8])
def test_small_and_straight_angles_lose_nothing(angle):
    point = np.array([1.0, 0.0, 0.0])
    aside = np.array([np.cos(angle), np.sin(angle), 0.0])
    assert one("incidence", point, sun=aside) == pytest.approx(angle, abs=1e-12)
    assert one("emission", point, point + 4.0 * aside) == pytest.approx(angle, abs=1e-12)
    assert one("phase", point, (5.0, 0.0, 0.0), aside) == pytest.approx(angle, abs=1e-12)


def test_graphic_latitude_of_a_triaxial_body_is_no_data():
    found = backplanes(["latitude", "latitude_graphic"], (1829.4, 0.0, 0.0), (1e5, 0, 0), (1, 0, 0), IO)
    assert found["latitude"] == 0.0
    assert np.isnan(found["latitude_graphic"])


@settings(deadline=None)
@given(latitudes, longitudes, latitudes, longitudes, heights, latitudes, longitudes)
def test_azimuths_and_angles_belong_together(lat, lon, lat_c, lon_c, height, lat_s, lon_s):
    point = el.point_from_centric(lat, lon, JUPITER.radii_km)
    camera = (71492.0 + height) * el.point_from_centric(lat_c, lon_c, (1.0, 1.0, 1.0))
    sun = el.point_from_centric(lat_s, lon_s, (1.0, 1.0, 1.0))
    p = {k: float(v) for k, v in backplanes(ALL, point, camera, sun, JUPITER).items()}
    i, e, g = p["incidence"], p["emission"], p["phase"]
    assert abs(i - e) - 1e-9 <= g <= min(i + e, 2 * np.pi - i - e) + 1e-9
    for name in ("sun_azimuth", "spacecraft_azimuth", "longitude"):
        assert 0.0 <= p[name] < 2 * np.pi or np.isnan(p[name])
    # the law of cosines round the zenith
    if min(np.sin(i), np.sin(e)) > 1e-6:
        around = np.cos(i) * np.cos(e) + np.sin(i) * np.sin(e) * np.cos(p["sun_azimuth"] - p["spacecraft_azimuth"])
        assert np.cos(g) == pytest.approx(around, abs=1e-9)
    assert p["latitude"] == pytest.approx(lat, abs=1e-12)
    assert p["latitude_graphic"] == pytest.approx(el.graphic_from_centric(lat, JUPITER.radii_km), abs=1e-12)
    assert p["range"] == pytest.approx(np.linalg.norm(camera - point))
    assert p["resolution"] == pytest.approx(p["range"] * PIXEL_ANGLE)


@settings(deadline=None)
@given(latitudes, longitudes, st.floats(0.05, 1.5), st.floats(0.0, 2 * np.pi), st.floats(0.1, 3.0))
def test_azimuth_turns_with_the_observer_and_emission_does_not(lat, lon, zenith, start, turn):
    point = el.point_from_centric(lat, lon, JUPITER.radii_km)
    up = el.normal(point, JUPITER.radii_km)
    east = np.cross(NORTH, up) / np.linalg.norm(np.cross(NORTH, up))
    north = np.cross(up, east)

    def seen_from(azimuth):
        away = np.cos(zenith) * up + np.sin(zenith) * (np.cos(azimuth) * north + np.sin(azimuth) * east)
        return backplanes(["spacecraft_azimuth", "emission"], point, point + 1e5 * away, up, JUPITER)

    before, after = seen_from(start), seen_from(start + turn)
    moved = after["spacecraft_azimuth"] - before["spacecraft_azimuth"]
    assert np.cos(moved - turn) == pytest.approx(1.0, abs=1e-12)
    assert np.cos(before["spacecraft_azimuth"] - start) == pytest.approx(1.0, abs=1e-12)
    assert after["emission"] == pytest.approx(zenith, abs=1e-9)


@settings(deadline=None)
@given(st.floats(-3.0, 3.0))
def test_a_body_of_revolution_has_no_first_meridian(turn):
    rng = np.random.default_rng(3)
    c, s = np.cos(turn), np.sin(turn)
    about = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])  # of rows, to the east
    points = el.point_from_centric(rng.uniform(-1.5, 1.5, 20), rng.uniform(-3, 3, 20), JUPITER.radii_km)
    camera, sun = np.array([1e5, 1.3e5, -4e4]), np.array([0.6, 0.0, 0.8])
    before = backplanes(ALL, points, camera, sun, JUPITER)
    after = backplanes(ALL, points @ about, camera @ about, sun @ about, JUPITER)
    assert np.cos(after["longitude"] - before["longitude"] - turn) == pytest.approx(1.0, abs=1e-12)
    for name in set(ALL) - {"longitude"}:
        assert after[name] == pytest.approx(before[name], rel=1e-9, abs=1e-9, nan_ok=True), name


def test_any_selection_shape_and_order_gives_the_same_numbers():
    rng = np.random.default_rng(5)
    points = el.point_from_centric(rng.uniform(-1.5, 1.5, (7, 300)), rng.uniform(-3, 3, (7, 300)), JUPITER.radii_km)
    points[2, 40] = np.nan
    cameras = rng.normal(size=(7, 300, 3)) * 3e5
    sun = np.array([0.8, 0.6, 0.0])
    whole = backplanes(ALL, points, cameras, sun, JUPITER)
    assert list(whole) == list(ALL)
    for name, plane in whole.items():
        assert plane.shape == (7, 300)
        assert np.isnan(plane[2, 40])
        alone = backplanes([name], points[::-1, 5], cameras[::-1, 5], sun, JUPITER)
        np.testing.assert_array_equal(alone[name], plane[::-1, 5])
    assert list(backplanes(["phase", "latitude"], points, cameras, sun, JUPITER)) == ["phase", "latitude"]


def test_files_hold_degrees_in_single_precision_and_never_a_whole_turn():
    values = np.array([0.0, np.pi, 2 * np.pi - 1e-12, np.nan])
    stored = in_file_units("longitude", values)
    assert stored.dtype == np.float32
    np.testing.assert_array_equal(stored, np.array([0.0, 180.0, 0.0, np.nan], np.float32))
    assert in_file_units("local_time", np.array([24.0 - 1e-12]))[0] == 0.0
    assert in_file_units("latitude", np.array([-np.pi / 2]))[0] == -90.0
    assert in_file_units("range", np.array([1234.5]))[0] == 1234.5


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["albedo"], "no backplane 'albedo'.*latitude, "),
        (["phase", "phase"], "phase is named twice"),
        ([], "no backpl"),
    ],
)
def test_names_that_make_no_sense_are_refused(names, sentence):
    with pytest.raises(UsageError, match=sentence):
        backplanes(names, (1.0, 0.0, 0.0), (5.0, 0.0, 0.0), (1.0, 0.0, 0.0), BALL)
