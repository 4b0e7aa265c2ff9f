"""Figures of measurements: the ground with what was measured drawn on it, charts beside it, a caption below."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from perijove.enhance.exposure import encode_srgb
from perijove.enhance.picture import Picture
from perijove.figure.caption import (
    MARK,
    NOTES,
    PAPER,
    Type,
    draw_arrow,
    draw_bar,
    draw_caption,
    km_text,
    lay_out_caption,
)
from perijove.figure.curves import STEPS_DEG, dashed
from perijove.figure.ink import Colour, Sheet, lay_over, text_width
from perijove.figure.marks import round_bar
from perijove.figure.panels import Panel, draw_panel
from perijove.instrument import Filter

FloatArray = NDArray[np.float64]
Light = NDArray[np.float32]
Style = Literal["rim", "way", "faint", "arc"]
PlaceOf = Callable[[FloatArray, FloatArray], FloatArray]

SIDE = 1080
"""Side of the ground on the page, px."""
PANELS = 760
"""Width of the charts beside it, px."""
RIM: Colour = (0.99, 0.79, 0.33)
NO_DATA: Colour = (0.085, 0.09, 0.10)
DARK_PERCENT, BRIGHT_PERCENT = 0.5, 99.7
"""Percentiles of the light between which the figure's contrast lies."""
HIGHEST = 0.62
"""Linear light that the brighter one is given: white marks must stand out from it."""
PLATE = 0.45
"""How dark the ground is made under the scale and the arrow."""
MARK_HALO = 1.8
"""Shade around the lines on the ground, in their widths."""


@dataclass(frozen=True)
class Trace:
    """A line on the ground, `xy` (n, 2) in km east and north of the middle.

    A 'rim' is what was found, a 'way' was measured along, 'faint' lines help the eye, an 'arc' is drawn thick.
    """

    xy: FloatArray
    style: Style


@dataclass(frozen=True)
class Spot:
    """A point on the ground, km east and north of the middle, with a word beside it."""

    x: float
    y: float
    word: str = ""


@dataclass(frozen=True)
class MeasuredFigure:
    """What a figure shows: light (bands, n, n), linear, north up, its bands' names, and the length of its pixels.

    `place_of(x, y)` gives planetocentric latitude and east longitude (..., 2), rad, of km east and north of its middle.
    """

    light: Light
    bands: tuple[str, ...]
    scale_km: float
    place_of: PlaceOf
    traces: Sequence[Trace]
    spots: Sequence[Spot]
    panels: Sequence[Panel]
    title: str
    notes: Sequence[str]
    credit: str

    @property
    def half_km(self) -> float:
        """From the middle to an edge, km."""
        return 0.5 * float(self.light.shape[1]) * self.scale_km


def drawn_figure(figure: MeasuredFigure) -> Picture:
    """The page as a picture, coded for sRGB."""
    sizes = Type(title=31.0, notes=20.0, credit=16.5, mark=22.0, margin=28.0, line=1.9)
    gutter = sizes.margin + text_width("\u221288.88\u00b0 N", sizes.notes)
    left, top = gutter, sizes.margin
    width = round(left + SIDE + sizes.margin + (PANELS + 0.3 * sizes.margin if figure.panels else 0.0))
    ground = round(top + SIDE + 2.0 * sizes.notes)
    caption = lay_out_caption(width, sizes, figure.title, figure.notes, figure.credit)
    page = np.empty((ground + caption[-1].bottom, width, 3), np.float32)
    page[:] = PAPER
    y, x = round(top), round(left)
    page[y : y + SIDE, x : x + SIDE] = enlarged(stretched(figure.light, figure.bands), SIDE)
    sheet = Sheet(width, page.shape[0])
    marks = _Marks(sheet, figure, float(x), float(y), sizes)
    marks.draw()
    each = (ground - top) / max(len(figure.panels), 1)
    for k, panel in enumerate(figure.panels):
        box = (x + SIDE + sizes.margin, top + k * each, float(PANELS), each - 0.4 * sizes.margin)
        draw_panel(sheet, panel, box, 0.92 * sizes.notes)
    draw_caption(sheet, ground, caption, sizes)
    lay_over(page, sheet.drawn())
    return Picture(page, (Filter.RED, Filter.GREEN, Filter.BLUE), "srgb", "measured", {})


def stretched(light: Light, bands: Sequence[str]) -> Light:
    """Colours (h, w, 3) of light (bands, h, w): red, green and blue where there are all three, else the first band."""
    names = [name.upper() for name in bands]
    if all(name in names for name in ("RED", "GREEN", "BLUE")):
        chosen = light[[names.index(name) for name in ("RED", "GREEN", "BLUE")]]
    else:
        chosen = light[:1]
    colours = np.ascontiguousarray(np.moveaxis(chosen, 0, -1), dtype=np.float32)
    good = np.isfinite(colours).all(axis=-1)
    if good.any():
        dark, bright = np.percentile(colours[good].mean(axis=-1), (DARK_PERCENT, BRIGHT_PERCENT))
        span = max(float(bright - dark), 1e-3 * max(abs(float(bright)), 1e-9))
        # the darkest place keeps a share of its own light, or little contrast would become all there is
        floor = float(dark) - 0.25 * span if dark > 0.25 * span else 0.0
        colours = (colours - np.float32(floor)) / np.float32(float(dark) + span - floor) * np.float32(HIGHEST)
    colours = np.clip(colours, 0.0, 1.0)
    encode_srgb(colours)
    colours[~good] = np.nan
    return colours if colours.shape[2] == 3 else np.repeat(colours, 3, axis=2)


def enlarged(colours: Light, side: int) -> Light:
    """Colours (n, n, 3) as a square of `side` px, smooth between pixels; what has no data is dark grey."""
    good = np.asarray(np.isfinite(colours).all(axis=-1))
    shrink = colours.shape[0] > side
    way = cv2.INTER_AREA if shrink else cv2.INTER_CUBIC
    # beside a gap the known light is carried on, so that no dark seam is drawn
    filled = _carried_on(np.where(good[..., None], colours, np.float32(0.0)), good)
    out = np.clip(cv2.resize(filled, (side, side), interpolation=way), 0.0, 1.0)
    there = cv2.resize(good.astype(np.float32), (side, side), interpolation=cv2.INTER_LINEAR) > 0.5
    out[~there] = NO_DATA
    return np.asarray(out, dtype=np.float32)


def _carried_on(colours: Light, good: NDArray[np.bool_]) -> Light:
    """Colours with those of the nearest data put where there are none."""
    if good.all() or not good.any():
        return colours
    from scipy.ndimage import distance_transform_edt

    nearest = distance_transform_edt(~good, return_distances=False, return_indices=True)
    out: Light = colours[nearest[0], nearest[1]]
    return out


@dataclass(frozen=True)
class _Marks:
    """What is drawn on the ground: it lies with its upper left corner at (left, top) of the sheet."""

    sheet: Sheet
    figure: MeasuredFigure
    left: float
    top: float
    sizes: Type

    @property
    def px_per_km(self) -> float:
        return 0.5 * SIDE / self.figure.half_km

    def spot(self, xy: FloatArray) -> FloatArray:
        """Places (..., 2) on the sheet, x and y, of km east and north."""
        half = self.figure.half_km
        return np.stack(
            [self.left + (xy[..., 0] + half) * self.px_per_km, self.top + (half - xy[..., 1]) * self.px_per_km], axis=-1
        )

    def draw(self) -> None:
        for trace in self.figure.traces:
            self.trace(trace)
        self.border()
        for spot in self.figure.spots:
            self.point(spot)
        bar = round_bar(0.24 * SIDE, self.px_per_km)
        wide = max(bar.span_px, text_width(km_text(bar.length_km), self.sizes.mark))
        inset = 0.7 * self.sizes.margin
        box = (self.left + SIDE - inset - wide, self.top + SIDE - inset - 1.9 * self.sizes.mark, wide)
        self.plate(box[0] - 0.4 * inset, box[1] - 0.3 * inset, wide + 0.8 * inset, 2.2 * self.sizes.mark + 0.3 * inset)
        draw_bar(self.sheet, box, bar, km_text(bar.length_km), self.sizes)
        arrow = 4.2 * self.sizes.mark
        place = (self.left + SIDE - 0.1 * inset - arrow, self.top + 0.6 * inset, arrow)
        self.plate(place[0] + 0.14 * arrow, place[1] - 0.08 * arrow, 0.80 * arrow, 0.98 * arrow)
        draw_arrow(self.sheet, place, np.array([-1.0, 0.0]), self.sizes)

    def plate(self, left: float, top: float, width: float, height: float) -> None:
        """A shade on which thin letters can be read over any ground."""
        right, bottom = left + width, top + height
        self.sheet.fill([(left, top), (right, top), (right, bottom), (left, bottom)], PAPER, alpha=PLATE)

    def trace(self, trace: Trace) -> None:
        line, halo = self.sizes.line, MARK_HALO * self.sizes.line
        pieces = self.inside(self.spot(trace.xy))
        if trace.style == "rim":
            self.sheet.lines(pieces, 1.6 * line, RIM, halo=halo)
        elif trace.style == "arc":
            self.sheet.lines(pieces, 3.5 * line, RIM, alpha=0.9)
        elif trace.style == "way":
            self.sheet.lines(pieces, 1.6 * line, MARK, halo=halo)
        else:
            self.sheet.lines(dashed(pieces, 7.0, 6.0), line, MARK, halo=0.6 * halo, alpha=0.75)

    def inside(self, line: FloatArray) -> list[FloatArray]:
        """The parts of a line that lie on the ground that is shown."""
        low, high = np.array([self.left, self.top]), np.array([self.left, self.top]) + SIDE
        fine = [
            np.linspace(a, b, max(int(np.ceil(np.hypot(*(b - a)) / 2.0)), 1) + 1)[:-1]
            for a, b in pairwise(line)
            if np.isfinite([a, b]).all()
        ]
        if not fine:
            return []
        dense = np.concatenate([*fine, line[-1:]])
        good = np.asarray(((dense >= low) & (dense <= high)).all(axis=1))
        runs = np.split(np.arange(len(dense)), np.flatnonzero(np.diff(good.astype(int))) + 1)
        return [dense[run] for run in runs if good[run[0]] and len(run) > 1]

    def point(self, spot: Spot) -> None:
        x, y = (float(v) for v in self.spot(np.array([spot.x, spot.y])))
        size, halo = self.sizes.mark, MARK_HALO * self.sizes.line
        if not (self.left <= x <= self.left + SIDE and self.top <= y <= self.top + SIDE):
            return
        arm = 0.42 * size
        cross = [np.array([[x - arm, y], [x + arm, y]]), np.array([[x, y - arm], [x, y + arm]])]
        self.sheet.lines(cross, self.sizes.line, MARK, halo=halo)
        right = x + size + text_width(spot.word, size, "italic") < self.left + SIDE
        self.sheet.text(
            x + (0.6 if right else -0.6) * size, y - 0.45 * size, spot.word, size, MARK,
            style="italic", anchor=0.0 if right else 1.0, halo=halo,
        )  # fmt: skip

    def border(self) -> None:
        """The frame around the ground, with latitudes on its left and longitudes below it."""
        half, face, thin = self.figure.half_km, 0.92 * self.sizes.notes, max(1.0, 0.8 * self.sizes.line)
        a, b, c, d = self.left, self.top, self.left + SIDE, self.top + SIDE
        self.sheet.line([(a, b), (c, b), (c, d), (a, d), (a, b)], thin, NOTES)
        along = np.linspace(-half, half, 400)
        edge = np.full(along.shape, -half)
        for value, at, step in ticks(along, np.degrees(self.figure.place_of(edge, along)[..., 0])):
            y = float(self.spot(np.array([-half, at]))[1])
            self.sheet.line([(a - 0.4 * face, y), (a, y)], thin, NOTES)
            self.sheet.text(a - 0.6 * face, y + 0.32 * face, degree_text(value, step, "NS"), face, NOTES, anchor=1.0)
        longitude = np.degrees(np.unwrap(self.figure.place_of(along, edge)[..., 1]))
        for value, at, step in ticks(along, longitude):
            x = float(self.spot(np.array([at, -half]))[0])
            self.sheet.line([(x, d), (x, d + 0.4 * face)], thin, NOTES)
            self.sheet.text(x, d + 1.45 * face, degree_text(value, step, "E"), face, NOTES, anchor=0.5)


def ticks(along: FloatArray, degrees: FloatArray) -> list[tuple[float, float, float]]:
    """Round degrees along an edge: (value, where, step); none where they do not run one way only."""
    change = np.diff(degrees)
    if not ((change > 0.0).all() or (change < 0.0).all()):
        return []
    span = float(np.ptp(degrees))
    step = next((s for s in STEPS_DEG if span / s <= 7.0), STEPS_DEG[-1])
    values = step * np.arange(np.ceil(degrees.min() / step), np.floor(degrees.max() / step) + 1)
    order = np.argsort(degrees)
    return [(float(v), float(np.interp(v, degrees[order], along[order])), step) for v in values]


def degree_text(value: float, step: float, letters: str) -> str:
    """A latitude ('NS') or an east longitude ('E') as a map writes it."""
    digits = max(0, -int(np.floor(np.log10(step) + 1e-9)))
    if letters == "E":
        return f"{np.mod(round(value, digits), 360.0):.{digits}f}\u00b0 E"
    shown = round(value, digits) + 0.0
    return f"{abs(shown):.{digits}f}\u00b0" + (f" {letters[shown < 0.0]}" if shown else "")
