"""Annotated pictures and maps: graticule, terminator, limb, scale bar, north arrow and names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perijove.bodies import Body
from perijove.enhance.picture import Picture
from perijove.errors import UsageError
from perijove.figure.caption import (
    BAR_SHARE,
    HALO,
    MARK,
    Type,
    corner_box,
    draw_arrow,
    draw_bar,
    free_corners,
    km_text,
    type_sizes,
)
from perijove.figure.curves import Parallel, dashed, graticule, limb, terminator
from perijove.figure.ground import Ground, Locate, locator, middle_place, px_per_km, survey
from perijove.figure.ink import Colour, Sheet, text_width
from perijove.figure.labels import CAPITAL, DESCENT, Label, Sheetroom, without_labels
from perijove.figure.marks import ScaleBar, north_shown, round_bar, scale_bar
from perijove.figure.moons import Marks, marks_of_moons, put_names
from perijove.figure.naming import name_bands, name_features
from perijove.geometry.ellipsoid import centric_from_graphic, graphic_from_centric
from perijove.geometry.view import View
from perijove.render.planes import Grid

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]

LINE: Colour = (1.0, 1.0, 1.0)
SUNSET: Colour = (1.0, 0.78, 0.35)
MOON: Colour = (0.62, 0.85, 1.0)
FAINT, CLEAR, RINGED = 0.55, 0.75, 0.9
"""How far a line of the graticule, limb and terminator, and rings around moons and shadows cover what is below."""
NET_HALO = 0.75
"""Width of the shade beside the graticule, in widths of that of the marks: on bright cloud it alone is seen."""
WORD_HALO = 1.2
"""Width of the shade around words, in thicknesses of a line: they stand on bright clouds as well as on the sky."""
NUMBER_AIR = 0.6
"""Free room around the numbers of lines, in sizes: they are read along an edge, and two that touch read as one."""
NIGHT, EDGE = 0.4, 12.0
"""How much ground without data, and how much limb and terminator, count where a mark would hide them; shown ground
counts 1."""
EDGE_PX = 2.0
"""A line that ends nearer to the frame than this ends there, not at the limb."""


@dataclass(frozen=True)
class Scene:
    """What is annotated: a `grid` of a `body`, the direction to its `sun` (3,), what the grid shows, and the sizes."""

    grid: Grid
    body: Body
    sun: FloatArray | None
    seen: Ground
    locate: Locate
    sizes: Type
    graphic: bool
    west: bool

    @property
    def label_size(self) -> float:
        """Face of the graticule's numbers, px."""
        return max(0.74 * self.sizes.mark, 10.0)

    @property
    def cylindrical(self) -> bool:
        """Whether the frame's sides are for latitudes, its top and bottom for longitudes."""
        return not isinstance(self.grid, View) and self.grid.projection.kind in ("equirectangular", "sinusoidal")

    @property
    def thin(self) -> float:
        """Width of a thin line, px."""
        return max(0.55 * self.sizes.line, 0.8)


def annotated(
    picture: Picture,
    grid: Grid,
    body: Body,
    sun: ArrayLike | None,
    *,
    graticule: bool = True,
    terminator: bool = True,
    limb: bool = True,
    bar: bool = True,
    north: bool = True,
    names: bool = True,
    longitudes: str = "east",
    et: float | None = None,
) -> Picture:
    """The picture with lines, marks and names drawn on it.

    `picture` is coded for sRGB and belongs to `grid`, a `View` or a `MapGrid` of the body. `sun` (3,) points to the Sun
    in the body-fixed frame, None where it is unknown: then no terminator is drawn. Latitudes are planetocentric, or of
    the map's own kind; `longitudes` 'east' or 'west' says which way their numbers grow, 0 to 360. With `et`, the time
    for which the body-fixed frame holds, its moons and their shadows are marked along with the names.

    Raises UsageError for a linear picture, one that does not fit the grid, or an unknown direction.
    """
    check(picture, grid, longitudes)
    data: BoolArray = np.asarray(np.isfinite(picture.rgb).any(axis=-1))
    sheet = annotation_sheet(
        data, grid, body, sun, graticule=graticule, terminator=terminator, limb=limb, bar=bar, north=north,
        names=names, longitudes=longitudes, et=et,
    )  # fmt: skip
    rgb = picture.rgb.copy()
    sheet.over(rgb)
    return replace(picture, rgb=rgb)


def check(picture: Picture, grid: Grid, longitudes: str) -> None:
    """Raise UsageError for what cannot be annotated."""
    if picture.transfer != "srgb":
        raise UsageError(f"a picture with transfer {picture.transfer!r} cannot be annotated: use the recipe natural")
    if picture.rgb.shape[2] not in (1, 3):
        raise UsageError(f"a picture of {picture.rgb.shape[2]} bands cannot be annotated: give it one band or three")
    if picture.rgb.shape[:2] != (grid.height, grid.width):
        size = (grid.height, grid.width)
        raise UsageError(f"the picture has the shape {picture.rgb.shape[:2]}, its grid {size}: render both together")
    if longitudes not in ("east", "west"):
        raise UsageError(f"unknown direction of longitude {longitudes!r}: use east or west")


def annotation_sheet(
    data: BoolArray,
    grid: Grid,
    body: Body,
    sun: ArrayLike | None,
    *,
    graticule: bool = True,
    terminator: bool = True,
    limb: bool = True,
    bar: bool = True,
    north: bool = True,
    names: bool = True,
    longitudes: str = "east",
    et: float | None = None,
) -> Sheet:
    """The sheet that `annotated` lays over a picture; `data` (h, w) tells where the picture has any."""
    towards = None if sun is None else np.asarray(sun, dtype=float)
    scene = Scene(
        grid, body, towards, survey(grid, body, data, towards), locator(grid, body),
        type_sizes(grid.width, grid.height), not isinstance(grid, View) and grid.latitudes == "graphic",
        longitudes == "west",
    )  # fmt: skip
    sheet = Sheet(grid.width, grid.height)
    rim = limb_of(scene) if limb else []
    dusk = dusk_of(scene) if terminator else []
    keep = np.concatenate([np.empty((0, 2)), *(_spread(piece)[:, ::-1] for piece in rim + dusk)])
    room = Sheetroom(grid.width, grid.height, 0.3 * scene.label_size, keep)
    # marks first: they have but a few places to go, and everything else keeps clear of them
    marks = Sheet(grid.width, grid.height)
    lines = lines_of(scene) if graticule else []
    draw_marks(marks, room, scene, bar, north, bool(lines))
    moons = Marks([], [])
    if names and et is not None:
        moons = marks_of_moons(grid, body, et, scene.locate, max(0.85 * scene.sizes.mark, 10.5))
        put_names(room, moons)
    label_lines(room, scene, lines)
    if names:
        name_features(room, scene.body, scene.grid, scene.sun, scene.seen, scene.locate, scene.sizes)
        name_bands(room, scene.body, scene.sun, scene.seen, scene.locate, scene.sizes)
    draw_lines(sheet, room, scene, lines, rim, dusk)
    rings = [piece[:, ::-1] for piece in moons.lines]
    sheet.lines(rings, 1.4 * scene.thin, MOON, halo=HALO * scene.sizes.line, alpha=RINGED)
    sheet.strokes.extend(marks.strokes)
    for label in room.labels:
        if label.dot is not None:
            sheet.dot(*label.dot, label.dot_radius, MARK, halo=0.5 * WORD_HALO * scene.sizes.line)
        sheet.text(
            *label.base, label.text, label.size, MARK,
            style=label.style, anchor=0.5, halo=WORD_HALO * scene.sizes.line, turn=label.turn,
        )  # fmt: skip
    return sheet


def lines_of(scene: Scene) -> list[Parallel]:
    """The graticule of a scene, in the latitudes that its map is drawn in."""

    def same(latitude: FloatArray) -> FloatArray:
        return latitude

    def shown(latitude: FloatArray) -> FloatArray:
        return graphic_from_centric(latitude, scene.body.radii_km)

    def centric(latitude: FloatArray) -> FloatArray:
        return centric_from_graphic(latitude, scene.body.radii_km)

    ways = (shown, centric) if scene.graphic else (same, same)
    return graticule(scene.locate, scene.seen, *ways, scene.grid.width, scene.grid.height)


def draw_lines(
    sheet: Sheet,
    room: Sheetroom,
    scene: Scene,
    lines: list[Parallel],
    rim: list[FloatArray],
    dusk: list[FloatArray],
) -> None:
    """Draw graticule, limb and terminator, with gaps where labels stand."""
    halo = HALO * scene.sizes.line

    def flip(pieces: list[FloatArray]) -> list[FloatArray]:
        return without_labels([piece[:, ::-1] for piece in pieces], room.labels)

    net = [piece for line in lines for piece in line.pieces]
    sheet.lines(flip(net), scene.thin, LINE, halo=NET_HALO * halo, alpha=FAINT)
    sheet.lines(flip(rim), scene.thin, LINE, halo=0.5 * halo, alpha=CLEAR)
    dashes = dashed(dusk, 9.0 * halo, 6.0 * halo)
    sheet.lines(flip(dashes), 1.3 * scene.thin, SUNSET, halo=0.5 * halo, alpha=CLEAR)


def limb_of(scene: Scene) -> list[FloatArray]:
    """The limb in a picture; a map has none."""
    return limb(scene.grid, scene.body) if isinstance(scene.grid, View) else []


def dusk_of(scene: Scene) -> list[FloatArray]:
    """The terminator of a scene whose Sun is known."""
    if scene.sun is None:
        return []
    return terminator(scene.locate, scene.body, scene.sun, scene.grid.width, scene.grid.height)


def _spread(piece: FloatArray) -> FloatArray:
    """A line (n, 2) by places (m, 2) about a pixel apart."""
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(piece, axis=0), axis=-1))])
    at = np.linspace(0.0, length[-1], int(length[-1]) + 2)
    return np.stack([np.interp(at, length, piece[:, 0]), np.interp(at, length, piece[:, 1])], axis=-1)


def draw_marks(
    sheet: Sheet, room: Sheetroom, scene: Scene, with_bar: bool, with_north: bool, with_numbers: bool
) -> None:
    """Draw scale bar and arrow into the corners that hold least of the body; nothing where no ground is shown.

    They leave room for the numbers along a map's frame.
    """
    at = middle_place(scene.seen)
    if at is None or not (with_bar or with_north):
        return
    sizes, shape = scene.sizes, (scene.grid.height, scene.grid.width)
    made = bar_of(scene, at)
    way = north_of(scene, at)
    label = km_text(made.length_km)
    bar_box = (max(made.span_px, text_width(label, sizes.mark)), 1.9 * sizes.mark)
    arrow_box = (4.2 * sizes.mark, 4.2 * sizes.mark)
    k = scene.seen.spacing
    margin = sizes.margin + (1.5 * scene.label_size if with_numbers and scene.cylindrical else 0.0)
    first, second = free_corners(
        worth(scene, room), (bar_box[0] / k, bar_box[1] / k), (arrow_box[0] / k, arrow_box[1] / k), margin / k
    )
    if with_bar:
        place = corner_box(shape, first, bar_box, margin)
        draw_bar(sheet, place, made, label, sizes)
        room.block(place[0], place[1], *bar_box)
    if with_north and way is not None:
        place = corner_box(shape, second, arrow_box, margin)
        draw_arrow(sheet, place, way, sizes)
        room.block(place[0], place[1], *arrow_box)


def worth(scene: Scene, room: Sheetroom) -> FloatArray:
    """How ill it would be to hide the looked-at pixels (m, n) behind a mark."""
    seen = scene.seen
    out = np.where(seen.shown, 1.0, np.where(seen.ground, NIGHT, 0.0))
    share = room.keep[:, ::-1] / [scene.grid.height, scene.grid.width]
    line, sample = np.minimum((share * out.shape).astype(int), np.array(out.shape) - 1).T
    out[line, sample] = EDGE
    return out


def bar_of(scene: Scene, at: tuple[int, int]) -> ScaleBar:
    """The scale bar, true in the middle of what is shown: across the line of sight, on a map along its lines."""
    if isinstance(scene.grid, View):
        return scale_bar(scene.grid, scene.seen.points[at], BAR_SHARE * scene.grid.width)
    latitude, longitude = scene.seen.place[at]
    per_km = float(px_per_km(scene.grid, scene.body, latitude, longitude))
    return round_bar(BAR_SHARE * scene.grid.width, per_km)


def north_of(scene: Scene, at: tuple[int, int]) -> FloatArray | None:
    """Unit vector (2,) as (line, sample) of north in the middle of what is shown, or of a disc's axis; else None."""
    if isinstance(scene.grid, View):
        return north_shown(scene.grid, scene.seen.points[at], scene.body)
    latitude, longitude = scene.seen.place[at]
    if abs(latitude) > np.radians(85.0):
        return None
    step = scene.locate(latitude + 1e-6, longitude) - scene.locate(latitude - 1e-6, longitude)
    length = float(np.linalg.norm(step))
    return step / length if length > 0.0 else None


def line_text(line: Parallel, west: bool) -> str:
    """The number at a line: 30°S, 240°E."""
    degrees = np.degrees(line.value)
    if line.kind == "latitude":
        return f"{abs(round(degrees, 3)):g}°" + ("" if abs(degrees) < 1e-6 else "N" if degrees > 0 else "S")
    return f"{round(-degrees % 360.0, 3) % 360.0:g}°W" if west else f"{round(degrees, 3) % 360.0:g}°E"


def label_lines(room: Sheetroom, scene: Scene, lines: list[Parallel]) -> None:
    """Number the lines: parallels at their left ends, meridians at their lower ones, else wherever there is room."""
    for kind in ("latitude", "longitude"):
        for line in lines:
            if line.kind == kind:
                room.put(_line_labels(scene, line))


def _line_labels(scene: Scene, line: Parallel) -> Iterator[Label]:
    """Where the number of a line may stand, the best liked first.

    Within the picture it keeps off the frame, where it would be read with the numbers of the other kind.
    """
    text, size = line_text(line, scene.west), scene.label_size
    ends = [(piece[k], piece[k] - piece[j]) for piece in line.pieces for k, j in ((0, 1), (-1, -2))]
    ends = [end for end in ends if _at_frame(scene, end[0]) or not _near(line.loose, end[0])]
    if scene.cylindrical:
        ends = [end for end in ends if _at_own_side(scene, line.kind, end[0])]
    liked = (lambda end: end[0][1]) if line.kind == "latitude" else (lambda end: -end[0][0])
    for (y, x), way in sorted(ends, key=liked):
        yield from _end_labels(scene, text, size, (float(x), float(y)), way[::-1])
    for piece in line.pieces:
        for share in (0.5, 0.25, 0.75, 0.125, 0.375, 0.625, 0.875):
            y, x = piece[int(share * (len(piece) - 1))]
            if min(x, y, scene.grid.width - x, scene.grid.height - y) > 2.5 * size:
                yield Label(text, float(x), float(y), size, air=NUMBER_AIR)


def _near(places: FloatArray, pixel: FloatArray) -> bool:
    """Whether a pixel (2,) is one of some places (n, 2)."""
    return bool((np.linalg.norm(places - pixel, axis=-1) < EDGE_PX).any())


def _at_frame(scene: Scene, pixel: FloatArray) -> bool:
    """Whether a pixel (2,) lies at the frame."""
    return bool(min(*pixel, scene.grid.height - pixel[0], scene.grid.width - pixel[1]) < EDGE_PX)


def _at_own_side(scene: Scene, kind: str, pixel: FloatArray) -> bool:
    """Whether a pixel (2,) lies at the sides of a map's frame, for latitudes, or at its top or bottom."""
    along, length = (1, scene.grid.width) if kind == "latitude" else (0, scene.grid.height)
    return bool(min(pixel[along], length - pixel[along]) < EDGE_PX)


def _end_labels(scene: Scene, text: str, size: float, end: tuple[float, float], way: FloatArray) -> Iterator[Label]:
    """Places at an end (x, y) of a line that arrives in the direction `way`: beyond a limb, or inside the frame."""
    wide, high = text_width(text, size), (CAPITAL + DESCENT) * size
    x, y = end
    way = way / max(float(np.linalg.norm(way)), 1e-9)
    if _at_frame(scene, np.array([y, x])):
        for far in (1.0, 2.2):
            # an upright line is left half a height, a level one half a width
            reach = far * (min(wide / 2 / max(abs(way[0]), 1e-9), high / 2 / max(abs(way[1]), 1e-9)) + 0.5 * size)
            yield Label(text, x - reach * float(way[0]), y - reach * float(way[1]), size, air=NUMBER_AIR)
        return
    if isinstance(scene.grid, View):
        middle = scene.grid.pixel(-scene.grid.position_km)[::-1]
        outward = np.array(end) - middle
        way = outward / np.linalg.norm(outward) if np.isfinite(outward).all() else way
    reach = abs(way[0]) * wide / 2 + abs(way[1]) * high / 2 + 0.45 * size
    for side in (reach, -reach):
        yield Label(text, x + side * float(way[0]), y + side * float(way[1]), size, air=NUMBER_AIR)
