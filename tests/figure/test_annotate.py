"""Annotated pictures: lines against the backplanes, ink, sizes."""

import cv2
import numpy as np
import pytest

from perijove.bodies import GANYMEDE, JUPITER
from perijove.enhance.picture import Picture
from perijove.errors import UsageError
from perijove.figure import annotated
from perijove.figure.annotate import Scene, annotation_sheet, line_text
from perijove.figure.caption import type_sizes
from perijove.figure.curves import Parallel, cut, dashed, graticule, limb, terminator
from perijove.figure.ground import locator, places, px_per_km, survey
from perijove.figure.ink import Sheet
from perijove.figure.labels import Label, apart, without_labels
from perijove.figure.names import bands, features
from perijove.geometry.ellipsoid import centric_from_graphic, graphic_from_centric, normal, point_from_centric
from perijove.geometry.mapgrid import MapGrid
from perijove.geometry.projection import Projection
from perijove.geometry.view import spacecraft_view
from perijove.geometry.viewpoint import cos_emission, point_above
from perijove.instrument import Filter

COLOURS = (Filter.RED, Filter.GREEN, Filter.BLUE)
SUN = np.array([0.8, 0.6, 0.1]) / np.linalg.norm([0.8, 0.6, 0.1])


def same(latitude):
    return latitude


def seen_from(body, latitude, longitude, altitude, size, **options):
    """A view of the whole disc from above a place, degrees."""
    position = point_above(body, *np.radians([latitude, longitude]), altitude)
    return spacecraft_view(position, body, None, size, **options)


def grey(grid):
    return Picture(np.full((grid.height, grid.width, 3), 0.4, np.float32), COLOURS, "srgb", "natural", {})


def world_map(body, kind, width, *, latitudes="centric", longitude=0.0):
    radius = 2631.2 if body is GANYMEDE else 71492.0
    scale = 2 * np.pi * radius / width
    half = np.pi * radius
    return MapGrid(
        body, Projection(kind, radius, 0.0, longitude, 0.0), latitudes, scale, -half, half / 2, width, width // 2
    )


def net_of(grid, body):
    seen = survey(grid, body, np.ones((grid.height, grid.width), bool), None)
    return graticule(locator(grid, body), seen, same, same, grid.width, grid.height)


NEAR = {"fov": np.radians(40.0), "centre": tuple(np.radians([12.0, 22.0]))}
GRIDS = {
    "afar": (JUPITER, seen_from(JUPITER, 20.0, 130.0, 3e5, 500)),
    "pole": (JUPITER, seen_from(JUPITER, -80.0, 10.0, 9e4, 400)),
    "earth": (JUPITER, seen_from(JUPITER, 2.0, 350.0, 6.2e8, 400)),
    "near": (GANYMEDE, seen_from(GANYMEDE, 10.0, 20.0, 1000.0, 400, **NEAR)),
    "map": (JUPITER, world_map(JUPITER, "equirectangular", 600, longitude=2.0)),
    "sinusoidal": (GANYMEDE, world_map(GANYMEDE, "sinusoidal", 600, longitude=1.0)),
}  # fmt: skip


@pytest.mark.parametrize("name", GRIDS)
def test_lines_run_where_the_pixels_have_their_number(name):
    """Half a pixel to either side of a line the latitude, or longitude, lies on either side of its own."""
    body, grid = GRIDS[name]
    lines = net_of(grid, body)
    assert {line.kind for line in lines} == {"latitude", "longitude"}
    checked = 0
    for line in lines:
        column = 0 if line.kind == "latitude" else 1
        for piece in line.pieces:
            middle = 0.5 * (piece[1:] + piece[:-1])[::7]
            way = np.diff(piece, axis=0)[::7]
            long = np.linalg.norm(way, axis=-1) > 1e-3
            middle, way = middle[long], way[long]
            across = 0.5 * np.stack([-way[:, 1], way[:, 0]], axis=-1) / np.linalg.norm(way, axis=-1)[:, None]
            sides = [places(grid, body, *(middle + s * across).T)[:, column] - line.value for s in (1, -1)]
            sides = [np.remainder(side + np.pi, 2 * np.pi) - np.pi for side in sides]
            able = np.isfinite(sides[0]) & np.isfinite(sides[1]) & (np.abs(sides[0]) < 1.0)
            assert (sides[0] * sides[1])[able].max(initial=-1.0) <= 0.0
            checked += int(able.sum())
    assert checked > 500


@pytest.mark.parametrize("name", GRIDS)
def test_no_line_leaves_the_frame_or_jumps(name):
    body, grid = GRIDS[name]
    pieces = [piece for line in net_of(grid, body) for piece in line.pieces]
    pieces += terminator(locator(grid, body), body, SUN, grid.width, grid.height)
    for piece in pieces:
        assert np.isfinite(piece).all()
        assert (piece >= -1e-9).all()
        assert (piece <= np.array([grid.height, grid.width]) + 1e-9).all()
        assert np.linalg.norm(np.diff(piece, axis=0), axis=-1).max() < 0.05 * np.hypot(grid.width, grid.height)


def test_lines_end_at_the_limb_and_at_the_frame():
    body, grid = GRIDS["afar"]
    for line in net_of(grid, body):
        for piece in line.pieces:
            for end in piece[[0, -1]]:
                if np.linalg.norm(line.loose - end, axis=-1).min() > 1.0:
                    place = places(grid, body, *(end + 1e-7 * (np.array([grid.height, grid.width]) / 2 - end)))
                    point = point_from_centric(*place, body.radii_km)
                    assert cos_emission(grid.position_km, body, point) < 0.01


def test_terminator_runs_where_the_sun_sets():
    for body, grid in (GRIDS["afar"], GRIDS["map"], GRIDS["pole"]):
        pieces = terminator(locator(grid, body), body, SUN, grid.width, grid.height)
        assert pieces
        for piece in pieces:
            place = places(grid, body, *piece[1:-1].T)
            points = point_from_centric(place[:, 0], place[:, 1], body.radii_km)
            assert np.nanmax(np.abs(normal(points, body.radii_km) @ SUN)) < 1e-6


def test_limb_parts_sky_and_ground():
    body, grid = GRIDS["afar"]
    (piece, *_) = limb(grid, body)
    middle = grid.pixel(-grid.position_km)
    inwards = (middle - piece) / np.linalg.norm(middle - piece, axis=-1)[:, None]
    for shift, there in ((0.05, True), (-0.05, False)):
        assert (np.isfinite(places(grid, body, *(piece + shift * inwards).T)[:, 0]) == there).all()


def test_planetographic_parallels():
    grid = world_map(JUPITER, "equirectangular", 800, latitudes="graphic")
    seen = survey(grid, JUPITER, np.ones((400, 800), bool), None)
    radii = JUPITER.radii_km
    lines = graticule(
        locator(grid, JUPITER), seen, lambda y: graphic_from_centric(y, radii),
        lambda y: centric_from_graphic(y, radii), 800, 400,
    )  # fmt: skip
    (thirty,) = (line for line in lines if line_text(line, False) == "30°N")
    # on a planetographic map planetographic parallels stand evenly: a third of the way to the pole
    np.testing.assert_allclose(thirty.pieces[0][:, 0], 200 * 2 / 3, atol=1e-6)


def test_cut_at_frame_sight_and_jump():
    def line(t):
        out = np.stack([np.full_like(t, 50.0), np.where(t < 50.0, t, t - 90.0)], axis=-1)
        out[(t > 20.0) & (t < 30.0)] = np.nan
        return out

    pieces = cut(line, np.linspace(-7.0, 155.0, 200), 40, 100)
    spans = [(piece[:, 1].min(), piece[:, 1].max()) for piece in pieces]
    np.testing.assert_allclose(spans, [(0, 20), (30, 40), (0, 40)], atol=1e-6)
    # a jump inside the frame, too
    halves = cut(lambda t: np.stack([t, np.where(t < 50.0, 10.0, 30.0)], axis=-1), np.linspace(0, 100, 173), 40, 100)
    assert [round(float(p[0, 0]), 5) for p in halves] == [0.0, 50.0]
    assert [round(float(p[-1, 0]), 5) for p in halves] == [50.0, 100.0]
    assert cut(lambda t: np.full((len(t), 2), np.nan), np.linspace(0, 1, 9), 40, 100) == []


def test_dashes():
    dashes = dashed([np.array([[0.0, 0.0], [0.0, 4.0], [0.0, 10.0]])], 3.0, 2.0)
    assert [(d[0, 1], d[-1, 1]) for d in dashes] == [(0.0, 3.0), (5.0, 8.0)]


def test_kilometres_in_pixels():
    grid = world_map(GANYMEDE, "equirectangular", 800)
    # true along the equator, and as the square root of the stretch elsewhere
    scale = 1 / grid.scale_km
    found = px_per_km(grid, GANYMEDE, np.radians([0.0, 60.0]), np.radians([10.0, 10.0]))
    np.testing.assert_allclose(found, [scale, scale * 2**0.5], rtol=1e-6)


@pytest.mark.parametrize(
    ("kind", "degrees", "west", "text"),
    [
        ("latitude", 0.0, False, "0°"),
        ("latitude", -30.0, False, "30°S"),
        ("latitude", 0.5, False, "0.5°N"),
        ("longitude", 210.0, False, "210°E"),
        ("longitude", 210.0, True, "150°W"),
        ("longitude", 0.0, True, "0°W"),
    ],
)
def test_numbers(kind, degrees, west, text):
    assert line_text(Parallel(kind, np.radians(degrees), [], np.empty((0, 2))), west) == text


def test_dots_are_inked():
    blank = Sheet(300, 200)
    blank.dot(200.3, 100.7, 5.0, (1.0, 1.0, 1.0))
    cover = blank.drawn()[..., 3] / 255.0
    assert cover.sum() == pytest.approx(np.pi * 25, rel=0.01)
    np.testing.assert_allclose(
        (np.indices(cover.shape) * cover).sum(axis=(1, 2)) / cover.sum(), [100.2, 199.8], atol=0.05
    )


def test_tables():
    for body in (GANYMEDE, JUPITER):
        sizes = [f.diameter_km for f in features(body)]
        assert sizes == sorted(sizes, reverse=True)
    kittu = next(f for f in features(GANYMEDE) if f.name == "Kittu")
    np.testing.assert_allclose(np.degrees([kittu.latitude, kittu.longitude]), [0.4, 25.4], atol=0.3)
    assert features(JUPITER) == ()
    assert bands(GANYMEDE) == ()
    south, north = np.array([(band.south, band.north) for band in bands(JUPITER)]).T
    assert (south < north).all()
    np.testing.assert_array_equal(south[1:], north[:-1])
    # belts are cyclonic: in the south each lies poleward of a zone of the same name
    assert np.degrees(next(b for b in bands(JUPITER) if b.short == "NEB").north) == pytest.approx(15.5, abs=1.0)


def test_boxes_apart():
    a = Label("wide words", 100, 100, 20.0)
    wide, high = a.span
    assert not apart(a.corners, Label("wide words", 100 + 0.9 * wide, 100, 20.0).corners)
    assert apart(a.corners, Label("wide words", 100 + 1.1 * wide, 100, 20.0).corners)
    # crosswise they touch, though the middle of one is far from the other
    assert not apart(a.corners, Label("wide words", 100, 100 + 0.4 * wide, 20.0, turn=np.pi / 2).corners)
    assert apart(a.corners, Label("wide words", 100, 100 + 0.5 * wide + high, 20.0, turn=np.pi / 2).corners)


def test_lines_keep_clear_of_words():
    label = Label("word", 50.0, 50.0, 20.0, turn=0.4)
    line = np.stack([np.linspace(0, 100, 401), np.full(401, 50.0)], axis=-1)
    left, right = without_labels([line], [label])
    # the letters' box, cut by a level line through its middle
    half = min(label.span[0] / 2 / np.cos(0.4), label.span[1] / 2 / np.sin(0.4))
    assert left[-1, 0] < 50.0 - half
    assert right[0, 0] > 50.0 + half
    assert right[0, 0] - left[-1, 0] < 2 * half + 40.0


@pytest.mark.parametrize("grid", [GRIDS["afar"][1], world_map(JUPITER, "equirectangular", 500)])
def test_ink_is_thin_and_what_is_not_inked_stays(grid):
    picture = grey(grid)
    page = annotated(picture, grid, JUPITER, SUN)
    assert page.rgb.shape == picture.rgb.shape
    assert (page.rgb >= 0).all()
    assert (page.rgb <= 1).all()
    changed = (page.rgb != picture.rgb).any(axis=-1)
    assert 0.02 < changed.mean() < 0.35
    assert (picture.rgb == np.float32(0.4)).all()
    # the dashes of the terminator are the only ink with a colour
    colour = np.ptp(page.rgb, axis=-1) > 0.1
    place = places(grid, JUPITER, *(np.argwhere(colour) + 0.5).T)
    cosine = normal(point_from_centric(place[:, 0], place[:, 1], JUPITER.radii_km), JUPITER.radii_km) @ SUN
    assert colour.any()
    assert np.nanpercentile(np.abs(cosine), 95) < 0.05


@pytest.mark.parametrize("level", [0.0, 0.3, 0.5, 0.7, 0.9])
def test_the_graticule_is_seen_on_any_grey_and_shouts_on_none(level):
    grid = GRIDS["afar"][1]
    picture = Picture(np.full((grid.height, grid.width, 3), level, np.float32), COLOURS, "srgb", "natural", {})
    part = {"terminator": False, "limb": False, "bar": False, "north": False, "names": False}
    ink = annotated(picture, grid, JUPITER, SUN, **part).rgb[..., 0]
    for line in net_of(grid, JUPITER):
        # how it falls on the pixels differs along a line: the eye takes them together
        places_on = line.pieces[0][5:-5:7].astype(int)
        around = [ink[max(y - 3, 0) : y + 4, max(x - 3, 0) : x + 4] for y, x in places_on]
        # a tenth of the range is plain to the eye, six tenths is as strong as the limb
        assert 0.1 < np.median([np.ptp(part) for part in around]) < 0.6


def test_parts_can_be_left_out():
    grid = GRIDS["afar"][1]
    picture = grey(grid)
    nothing = {"graticule": False, "terminator": False, "limb": False, "bar": False, "north": False, "names": False}
    np.testing.assert_array_equal(annotated(picture, grid, JUPITER, SUN, **nothing).rgb, picture.rgb)
    for part in nothing:
        assert (annotated(picture, grid, JUPITER, SUN, **{**nothing, part: True}).rgb != picture.rgb).any(), part
    unlit = annotated(picture, grid, JUPITER, None, **{**nothing, "terminator": True})
    np.testing.assert_array_equal(unlit.rgb, picture.rgb)


def test_a_view_of_nothing_but_sky_is_left_alone():
    view = spacecraft_view([3e5, 0.0, 0.0], JUPITER, None, 100, fov=0.01, centre=(0.0, 0.0))
    away = view.__class__(view.position_km, -view.view_from_body, view.scale, 100, 100, view.principal)
    picture = grey(away)
    np.testing.assert_array_equal(annotated(picture, away, JUPITER, SUN).rgb, picture.rgb)


def test_large_sheets_are_inked_by_bands():
    grid = seen_from(GANYMEDE, 0.0, 30.0, 2e4, 1300)
    sheet = annotation_sheet(np.ones((grid.height, grid.width), bool), grid, GANYMEDE, SUN)
    rgb = np.zeros((grid.height, grid.width, 3), np.float32)
    sheet.over(rgb)
    whole = np.zeros_like(rgb)
    ink = sheet.drawn().astype(np.float32) / 255
    whole[:] = ink[..., :3] * ink[..., 3:]
    assert cv2.absdiff(rgb, whole).max() < 0.05


def test_what_cannot_be_annotated():
    grid = GRIDS["afar"][1]
    picture = grey(grid)
    with pytest.raises(UsageError, match="'linear' cannot be annotated"):
        annotated(Picture(picture.rgb, COLOURS, "linear", "linear", {}), grid, JUPITER, SUN)
    with pytest.raises(UsageError, match="render both together"):
        annotated(Picture(picture.rgb[:9], COLOURS, "srgb", "natural", {}), grid, JUPITER, SUN)
    with pytest.raises(UsageError, match="one band or three"):
        annotated(Picture(picture.rgb[..., :2], COLOURS, "srgb", "natural", {}), grid, JUPITER, SUN)
    with pytest.raises(UsageError, match="use east or west"):
        annotated(picture, grid, JUPITER, SUN, longitudes="up")


def test_sizes_of_a_scene_follow_the_picture():
    faces = []
    for size in (600, 2000, 6000):
        grid = seen_from(JUPITER, 0.0, 0.0, 3e5, size)
        seen = survey(grid, JUPITER, np.ones((grid.height, grid.width), bool), None)
        scene = Scene(
            grid, JUPITER, None, seen, locator(grid, JUPITER), type_sizes(grid.width, grid.height), False, False
        )
        faces.append(scene.label_size)
        assert 0.8 <= scene.thin < 0.001 * size + 0.5
    assert 10.0 <= faces[0] < faces[1] < faces[2]
