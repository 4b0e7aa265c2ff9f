"""The words of annotated pictures and maps: at their places, apart, on shown ground, off limb and terminator."""

from dataclasses import replace
from itertools import combinations

import cv2
import numpy as np
import pytest

from perijove.bodies import GANYMEDE, JUPITER
from perijove.figure.annotate import EDGE, NIGHT, annotation_sheet
from perijove.figure.caption import free_corners
from perijove.figure.curves import limb, terminator
from perijove.figure.ground import locator, places, px_per_km
from perijove.figure.labels import Sheetroom, apart
from perijove.figure.names import bands, features
from perijove.geometry.ellipsoid import normal, point_from_centric
from perijove.geometry.mapgrid import MapGrid
from perijove.geometry.projection import Projection
from perijove.geometry.view import spacecraft_view
from perijove.geometry.viewpoint import point_above

SUN = np.array([0.8, 0.6, 0.1]) / np.linalg.norm([0.8, 0.6, 0.1])


def seen_from(body, latitude, longitude, altitude, size, **options):
    """A view of the whole disc from above a place, degrees."""
    position = point_above(body, *np.radians([latitude, longitude]), altitude)
    return spacecraft_view(position, body, None, size, **options)


def world_map(body, kind, width, *, latitudes="centric", longitude=0.0):
    radius = 2631.2 if body is GANYMEDE else 71492.0
    scale = 2 * np.pi * radius / width
    half = np.pi * radius
    return MapGrid(
        body, Projection(kind, radius, 0.0, longitude, 0.0), latitudes, scale, -half, half / 2, width, width // 2
    )


def laid_out(grid, body, monkeypatch, data=None, sun=SUN):
    """The labels of an annotated grid."""
    rooms = []
    real = Sheetroom.put

    def put(room, candidates):
        if room not in rooms:
            rooms.append(room)
        return real(room, candidates)

    monkeypatch.setattr(Sheetroom, "put", put)
    annotation_sheet(np.ones((grid.height, grid.width), bool) if data is None else data, grid, body, sun)
    (room,) = rooms
    return room


@pytest.mark.parametrize(
    ("body", "latitude", "longitude", "altitude", "size"),
    [
        (JUPITER, 20.0, 20.0, 3e5, 600),
        (GANYMEDE, 0.0, 60.0, 2e4, 600),
        (GANYMEDE, 0.0, 30.0, 2e3, 2000),
        (GANYMEDE, 40.0, 30.0, 2e4, 6000),
    ],
)
def test_words_do_not_touch_and_can_be_read(body, latitude, longitude, altitude, size, monkeypatch):
    room = laid_out(seen_from(body, latitude, longitude, altitude, size), body, monkeypatch)
    assert len(room.labels) > 12
    for a, b in combinations(room.labels, 2):
        assert apart(a.corners, b.corners), (a.text, b.text)
    for label in room.labels:
        assert (label.corners >= 0).all()
        assert (label.corners <= [room.width, room.height]).all()
        # a hundredth of the picture, and never below what a screen can show
        assert max(9.0, 0.009 * size) < label.size < 0.035 * size + 5.0
    words = [label.text.lower() for label in room.labels if "°" not in label.text]
    assert len(words) >= 5
    assert len(set(words)) == len(words)


def test_names_stand_at_their_places_by_day_only(monkeypatch):
    grid = seen_from(GANYMEDE, 0.0, 130.0, 3e4, 1500)
    room = laid_out(grid, GANYMEDE, monkeypatch)
    known = {f.name.lower(): f for f in features(GANYMEDE)}
    found = [label for label in room.labels if "°" not in label.text]
    locate = locator(grid, GANYMEDE)
    assert found
    for label in found:
        place = known[label.text.lower()]
        point = point_from_centric(place.latitude, place.longitude, GANYMEDE.radii_km)
        assert normal(point, GANYMEDE.radii_km) @ SUN > 0
        y, x = locate(place.latitude, place.longitude)
        reach = float(px_per_km(grid, GANYMEDE, place.latitude, place.longitude)) * place.diameter_km / 2
        assert np.hypot(label.x - x, label.y - y) < reach + label.span[0] / 2 + 2 * label.size


@pytest.mark.parametrize("kind", ["equirectangular", "sinusoidal"])
@pytest.mark.parametrize(("south", "north"), [(42.0, 91.0), (-46.0, 3.0), (-20.5, 47.0)])
def test_numbers_stand_at_their_own_edges_of_a_map(kind, south, north, monkeypatch):
    """Latitudes to the left and right, longitudes at top and bottom; what has no room there keeps off the frame."""
    degree = np.pi * 71492.0 / 180.0
    projection = Projection(kind, 71492.0, 0.0, np.radians(240.0), 0.0)
    height = round((north - south) / 0.16)
    grid = MapGrid(JUPITER, projection, "centric", 0.16 * degree, -64.0 * degree, north * degree, 800, height)
    room = laid_out(grid, JUPITER, monkeypatch)
    numbers = [label for label in room.labels if "°" in label.text]
    assert {label.text[-1] for label in numbers} >= {"E"}
    assert sum(label.text[-1] != "E" for label in numbers) >= 2
    for label in numbers:
        # nearer than one letter to a frame is at that frame
        (left, top), (right, bottom) = label.corners.min(axis=0), label.corners.max(axis=0)
        sides = min(left, room.width - right) < label.size
        ends = min(top, room.height - bottom) < label.size
        if label.text[-1] == "E":
            assert ends or not sides, label.text
        else:
            assert sides or not ends, label.text


def test_a_parallel_at_the_lower_edge_is_numbered_beside_the_scale_bar(monkeypatch):
    degree = np.pi * 71492.0 / 180.0
    projection = Projection("equirectangular", 71492.0, 0.0, np.radians(240.0), 0.0)
    grid = MapGrid(JUPITER, projection, "centric", 0.16 * degree, -64.0 * degree, 87.0 * degree, 800, 273)
    # ground in the middle alone: both marks go below
    data = np.zeros((273, 800), bool)
    data[:, 220:520] = data[:80] = True
    room = laid_out(grid, JUPITER, monkeypatch, data)
    (label,) = (label for label in room.labels if label.text == "45°N")
    assert min(label.x, 800 - label.x) < 4 * label.size
    assert abs(label.y - 42 / 0.16) < 1.0


def test_names_have_a_dot_or_stand_over_their_place(monkeypatch):
    grid = seen_from(GANYMEDE, 0.0, 130.0, 3e4, 1500)
    room = laid_out(grid, GANYMEDE, monkeypatch)
    locate, known = locator(grid, GANYMEDE), {f.name.lower(): f for f in features(GANYMEDE)}
    found = [label for label in room.labels if "°" not in label.text]
    dotted = [label for label in found if label.dot is not None]
    assert 0 < len(dotted) < len(found)
    for label in found:
        place = known[label.text.lower()]
        y, x = locate(place.latitude, place.longitude)
        if label.dot is None:
            assert label.text.isupper()
            assert label.covers(np.array([[x, y]]), 1.4 * label.size).all()
        else:
            np.testing.assert_allclose(label.dot, (x, y), atol=1e-9)
            # the name stands beside its dot, nearer than a letter and not on it
            near, far = (label.covers(np.array([[x, y]]), pad).all() for pad in (label.size, label.dot_radius))
            assert near
            assert not far
    for label, other in combinations(found, 2):
        assert all(apart(a, b) for a in label.boxes for b in other.boxes), (label.text, other.text)


def test_no_name_stands_where_no_ground_is_shown(monkeypatch):
    """Data in a slanting half of the picture: every name lies in it with all of its letters."""
    for body, grid in (
        (GANYMEDE, seen_from(GANYMEDE, 0.0, 130.0, 3e4, 900)),
        (JUPITER, world_map(JUPITER, "equirectangular", 600, longitude=2.0)),
    ):
        line, sample = np.indices((grid.height, grid.width))
        data = (line + 0.7 * sample > 0.6 * grid.width) & (line + 0.7 * sample < 0.95 * grid.width)
        room = laid_out(grid, body, monkeypatch, data, None)
        found = [label for label in room.labels if "°" not in label.text]
        assert len(found) >= 3
        for label in found:
            box = np.zeros(data.shape, np.uint8)
            cv2.fillConvexPoly(box, np.round(label.corners - 0.5).astype(np.int32), 1)
            assert data[cv2.erode(box, np.ones((3, 3), np.uint8)) > 0].all(), label.text
            assert np.isfinite(places(grid, body, *label.corners[:, ::-1].T)).all()


@pytest.mark.parametrize(
    ("latitude", "longitude", "altitude"), [(40.0, 60.0, 2e5), (3.0, 50.0, 6e8), (-30.0, 200.0, 6e4)]
)
def test_words_and_arrow_keep_off_limb_and_terminator(latitude, longitude, altitude, monkeypatch):
    # the frame cuts the disc, so that corners hold parts of the limb
    whole = seen_from(JUPITER, latitude, longitude, altitude, 900)
    grid = replace(whole, width=700, height=620, principal=(470.0, 270.0))
    sun = point_above(JUPITER, 0.05, np.radians(longitude + 40.0), 1e9)
    room = laid_out(grid, JUPITER, monkeypatch, sun=sun)
    locate = locator(grid, JUPITER)
    for piece in [*limb(grid, JUPITER), *terminator(locate, JUPITER, sun, grid.width, grid.height)]:
        for label in room.labels:
            assert not label.covers(piece[:, ::-1], 0.1 * label.size).any(), label.text
    assert len(room.labels) > 8


def test_marks_keep_off_lines_rather_than_off_unshown_ground():
    # a line through the lower left corner of a survey of 120 places; the right half is ground
    body = np.zeros((80, 120))
    body[:, 60:] = NIGHT
    for k in range(24):
        body[79 - k, k] = EDGE
    assert (1, 0) not in free_corners(body, (16, 4), (8, 8), 2.0)


def test_bands_are_named_between_their_bounds(monkeypatch):
    grid = seen_from(JUPITER, 5.0, 40.0, 4e5, 1200)
    room = laid_out(grid, JUPITER, monkeypatch)
    named = {band.name: band for band in bands(JUPITER)} | {band.short: band for band in bands(JUPITER)}
    found = [label for label in room.labels if "°" not in label.text]
    assert len(found) >= 6
    for label in found:
        latitude = places(grid, JUPITER, label.y, label.x)[0]
        assert named[label.text].south < latitude < named[label.text].north
