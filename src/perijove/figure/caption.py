"""Captioned pictures: scale bar, north arrow and names on the picture, a caption below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perijove.bodies import Body
from perijove.enhance.picture import Picture
from perijove.errors import UsageError
from perijove.figure.ink import Colour, Sheet, lay_over, text_width
from perijove.figure.marks import ScaleBar, north_in_picture, north_shown, place_in_picture, scale_bar, shown_middle
from perijove.geometry.ellipsoid import point_from_centric
from perijove.render.planes import Planes

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]
Place = tuple[str, float, float]

PAPER: Colour = (0.043, 0.047, 0.055)
RULE: Colour = (0.20, 0.21, 0.23)
TITLE: Colour = (0.93, 0.92, 0.89)
NOTES: Colour = (0.70, 0.70, 0.68)
CREDIT: Colour = (0.50, 0.50, 0.49)
MARK: Colour = (0.93, 0.92, 0.89)
BAR_SHARE = 0.2
"""Most of the picture's width that the scale bar takes."""
HALO = 0.7
"""Width of the shade around a mark, in thicknesses of its lines."""
CORNERS = ((1, 0), (1, 1), (0, 1), (0, 0))
"""Corners as (bottom, right), the best liked first."""


@dataclass(frozen=True)
class Type:
    """Sizes in px, all of them shares of the picture's: faces of title, notes, credit and marks, `margin`, `line`."""

    title: float
    notes: float
    credit: float
    mark: float
    margin: float
    line: float


def type_sizes(width: int, height: int) -> Type:
    """Sizes that can be read in a picture of 600 px and do not shout in one of 4000."""
    side = float(np.sqrt(width * height))
    # small pictures need relatively larger letters
    unit = side * (0.75 + 0.25 * min(max(1600.0 / side, 0.5), 3.0))
    return Type(
        title=max(0.0285 * unit, 14.0),
        notes=max(0.0185 * unit, 11.0),
        credit=max(0.0155 * unit, 10.0),
        mark=max(0.0185 * unit, 11.0),
        margin=max(0.025 * unit, 10.0),
        line=max(0.0013 * unit, 1.0),
    )


def captioned(
    picture: Picture,
    planes: Planes,
    body: Body,
    *,
    title: str,
    credit: str,
    notes: Sequence[str],
    point: tuple[float, float] | None = None,
    places: Sequence[Place] = (),
    marks: bool = True,
) -> Picture:
    """The picture with a scale bar, a north arrow and named places on it, and a caption in a dark band below.

    `picture` is coded for sRGB and of the same size as `planes`, which need backplanes. The bar and the arrow are true
    at `point` (planetocentric latitude, east longitude, rad), by default the middle of what is shown of the body by
    day; without a `point` the arrow on a disc is that of its rotation axis. The bar lies across the line of sight. They
    go into the corners that hold least of the body. `notes` are lines, broken where they are too long; `places` are
    (name, planetocentric latitude, east longitude) in rad. Without `marks` there is the caption alone.

    Raises UsageError for a linear picture, planes that do not fit it, a point behind the view or a place that is not in
    the picture.
    """
    check(picture, planes)
    sizes = type_sizes(picture.width, picture.height)
    width, height = picture.width, picture.height
    caption = lay_out_caption(width, sizes, title, notes, credit)
    band = caption[-1].bottom
    sheet = Sheet(width, height + band)
    if marks:
        draw_marks(sheet, planes, body, sizes, point, places)
    draw_caption(sheet, height, caption, sizes)
    page = np.empty((height + band, width, picture.rgb.shape[2]), np.float32)
    page[:height] = picture.rgb
    page[height:] = PAPER if page.shape[2] == 3 else np.mean(PAPER)
    lay_over(page, sheet.drawn())
    return replace(picture, rgb=page)


def check(picture: Picture, planes: Planes) -> None:
    """Raise UsageError for a picture that cannot be captioned."""
    if picture.transfer != "srgb":
        raise UsageError(f"a picture with transfer {picture.transfer!r} cannot be captioned: use the recipe natural")
    if picture.rgb.shape[2] not in (1, 3):
        raise UsageError(f"a picture of {picture.rgb.shape[2]} bands cannot be captioned: give it one band or three")
    size = picture.rgb.shape[:2]
    if planes.hit.shape != size:
        raise UsageError(f"the backplanes have the shape {planes.hit.shape}, the picture {size}: render both together")


@dataclass(frozen=True)
class Written:
    """One line of the caption: its base line and `bottom`, the end of its room, in px below the picture."""

    text: str
    size: float
    colour: Colour
    base: float
    bottom: int


def lay_out_caption(width: int, sizes: Type, title: str, notes: Sequence[str], credit: str) -> list[Written]:
    """The lines of the caption from its top downwards; the last one's `bottom` is the height of the band."""
    room = width - 2.0 * sizes.margin
    size = sizes.title
    # a title is one line: it rather shrinks than breaks, unless it would become a note
    size *= min(1.0, max(room / max(text_width(title, size), 1.0), sizes.notes / size))
    lines: list[tuple[str, float, Colour, float]] = [(part, size, TITLE, 0.0) for part in broken(title, size, room)]
    for note in notes:
        lines += [(part, sizes.notes, NOTES, 0.0) for part in broken(note, sizes.notes, room)]
    lines += [(part, sizes.credit, CREDIT, 0.35) for part in broken(credit, sizes.credit, room)]
    y, out = 0.7 * sizes.margin, []
    previous = TITLE
    for text, face, colour, extra in lines:
        # more air before the credit
        y += extra * face if colour != previous else 0.0
        base = y + 1.0 * face
        y += 1.42 * face
        previous = colour
        out.append(Written(text, face, colour, base, int(np.ceil(y + 0.55 * sizes.margin))))
    return out or [Written("", sizes.notes, NOTES, sizes.notes, int(sizes.margin))]


def broken(text: str, size: float, room: float) -> list[str]:
    """A text broken into lines of at most `room` px: at its middle dots, failing that at spaces; words stay whole."""
    lines: list[str] = []
    for phrase in text.split(" · "):
        joined = f"{lines[-1]} · {phrase}" if lines else phrase
        if lines and text_width(joined, size) <= room:
            lines[-1] = joined
        else:
            lines += broken_at_spaces(phrase, size, room)
    return lines


def broken_at_spaces(text: str, size: float, room: float) -> list[str]:
    """A text broken into lines of at most `room` px at its spaces; a longer word stays whole."""
    lines: list[str] = []
    for word in text.split():
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(joined, size) <= room:
            lines[-1] = joined
        else:
            lines.append(word)
    return lines


def draw_caption(sheet: Sheet, top: int, caption: Sequence[Written], sizes: Type) -> None:
    """Write the caption below `top`, under a thin rule."""
    thick = max(1.0, round(sizes.line))
    sheet.fill([(0.0, top), (sheet.width, top), (sheet.width, top + thick), (0.0, top + thick)], RULE)
    for line in caption:
        sheet.text(sizes.margin, top + line.base, line.text, line.size, line.colour)


def draw_marks(
    sheet: Sheet, planes: Planes, body: Body, sizes: Type, point: tuple[float, float] | None, places: Sequence[Place]
) -> None:
    """Draw scale bar, arrow and names; the planes without any of the body get names only."""
    names = [(name, place_in_picture(planes.view, body, name, lat, lon)) for name, lat, lon in places]
    if point is not None or planes.hit.any():
        at = shown_middle(planes, body) if point is None else point_from_centric(*point, body.radii_km)
        bar = scale_bar(planes.view, at, BAR_SHARE * planes.view.width)
        north = north_shown(planes.view, at, body) if point is None else north_in_picture(planes.view, at, body)
        label = km_text(bar.length_km)
        wide = max(bar.span_px, text_width(label, sizes.mark))
        bar_box = (wide, 1.9 * sizes.mark)
        arrow_box = (4.2 * sizes.mark, 4.2 * sizes.mark)
        first, second = free_corners(planes.hit, bar_box, arrow_box, sizes.margin)
        draw_bar(sheet, corner_box(planes.hit.shape, first, bar_box, sizes.margin), bar, label, sizes)
        if north is not None:
            draw_arrow(sheet, corner_box(planes.hit.shape, second, arrow_box, sizes.margin), north, sizes)
    for name, (line, sample) in names:
        draw_name(sheet, planes.hit.shape, float(sample), float(line), name, sizes)


Box = tuple[float, float]
"""Width and height."""


def corner_box(shape: tuple[int, ...], corner: tuple[int, int], box: Box, margin: float) -> tuple[float, float, float]:
    """Left, top and width of a box in a corner of a picture (h, w), `margin` px from its edges."""
    bottom, right = corner
    left = shape[1] - margin - box[0] if right else margin
    top = shape[0] - margin - box[1] if bottom else margin
    return left, top, box[0]


def free_corners(
    body: BoolArray | FloatArray, first: Box, second: Box, margin: float
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Two corners for two boxes, so that together they hide least of the body (h, w); the best liked of equals.

    `body` tells where it is, or how much each pixel of it counts.
    """

    def hidden(corner: tuple[int, int], box: Box) -> float:
        left, top, _ = corner_box(body.shape, corner, box, margin)
        # some air around the mark counts as hidden, too
        low, high = max(int(top - margin / 2), 0), int(top + box[1] + margin / 2)
        part = body[low:high, max(int(left - margin / 2), 0) : int(left + box[0] + margin / 2)]
        return float(part.mean()) if part.size else 1.0

    pairs = [(a, b) for a in CORNERS for b in CORNERS if a != b]
    # rounded, so that a trace of the body does not outweigh the liking
    return min(pairs, key=lambda pair: round(hidden(pair[0], first) + hidden(pair[1], second), 2))


def km_text(length_km: float) -> str:
    """A length as an atlas writes it: 500 m, 20 km, 5000 km, 20 000 km."""
    if length_km < 1.0:
        return f"{length_km * 1000.0:g} m"
    # four digits stand together, longer numbers are parted by a thin space
    text = f"{length_km:,.0f}".replace(",", "\u2009" if length_km >= 10_000 else "")
    return f"{text} km"


def draw_bar(sheet: Sheet, at: tuple[float, float, float], bar: ScaleBar, label: str, sizes: Type) -> None:
    """Draw the bar, an atlas's thin rule with end ticks, its label centred above it."""
    left, top, wide = at
    y, tick = top + 1.7 * sizes.mark, 0.42 * sizes.mark
    start = left + 0.5 * (wide - bar.span_px)
    end, thick = start + bar.span_px, 1.4 * sizes.line
    # the ticks' outer edges are the bar's ends
    half = 0.5 * thick
    path = [(start + half, y - tick), (start + half, y), (end - half, y), (end - half, y - tick)]
    sheet.line(path, thick, MARK, halo=HALO * sizes.line)
    sheet.text(
        0.5 * (start + end), y - tick - 0.35 * sizes.mark, label, sizes.mark, MARK, anchor=0.5, halo=HALO * sizes.line
    )


def draw_arrow(sheet: Sheet, at: tuple[float, float, float], north: FloatArray, sizes: Type) -> None:
    """Draw the arrow to north in a square box, with N at its head and, a quarter turn to the right, a short E."""
    left, top, side = at
    x, y = left + side / 2, top + side / 2
    ahead = np.array([north[1], north[0]])
    east = np.array([-ahead[1], ahead[0]])
    long, halo = 1.25 * sizes.mark, HALO * sizes.line
    middle = np.array([x, y]) - 0.25 * long * east

    def spot(forward: float, sideways: float) -> tuple[float, float]:
        p = middle + long * (forward * ahead + sideways * east)
        return float(p[0]), float(p[1])

    sheet.line([spot(-1.0, 0.0), spot(0.7, 0.0)], sizes.line, MARK, halo=halo)
    sheet.line([spot(-1.0, 0.0), spot(-1.0, 0.75)], sizes.line, MARK, halo=halo)
    sheet.fill([spot(1.0, 0.0), spot(0.5, 0.17), spot(0.5, -0.17)], MARK, halo=halo)
    for letter, (px, py), face in (("N", spot(1.5, 0.0), sizes.mark), ("E", spot(-1.0, 1.15), 0.8 * sizes.mark)):
        # capitals of this face are two thirds of its size
        sheet.text(px, py + 0.33 * face, letter, face, MARK, anchor=0.5, halo=halo)


def draw_name(sheet: Sheet, shape: tuple[int, ...], x: float, y: float, name: str, sizes: Type) -> None:
    """Put a ring around a place, and its name at the end of a thin line that leads towards the freer side."""
    right = 1.0 if x + 4.0 * sizes.mark + text_width(name, sizes.mark, "italic") < shape[1] - sizes.margin else -1.0
    down = -1.0 if y - 3.5 * sizes.mark > sizes.margin else 1.0
    radius, halo = 0.9 * sizes.mark, HALO * sizes.line
    slope = np.array([right * 0.8, down * 0.6])
    start = np.array([x, y]) + radius * slope
    bend = np.array([x, y]) + 2.8 * sizes.mark * slope
    end = bend + np.array([right * 0.6 * sizes.mark, 0.0])
    sheet.ring(x, y, radius, sizes.line, MARK, halo=halo)
    sheet.line([(float(a), float(b)) for a, b in (start, bend, end)], sizes.line, MARK, halo=halo)
    sheet.text(
        float(end[0] + right * 0.35 * sizes.mark), float(end[1] + 0.3 * sizes.mark), name, sizes.mark, MARK,
        style="italic", anchor=0.0 if right > 0 else 1.0, halo=halo,
    )  # fmt: skip
