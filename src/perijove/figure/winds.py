"""A figure of winds: the profile that was measured against the one that was known, latitude upwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.enhance.picture import Picture
from perijove.figure.caption import NOTES, PAPER, RULE, TITLE, Type, draw_caption, lay_out_caption
from perijove.figure.ink import Colour, Sheet, lay_over, text_width
from perijove.figure.panels import Frame, number_text, round_steps
from perijove.instrument import Filter
from perijove.winds import ZonalWinds

FloatArray = NDArray[np.float64]

WIDTH, HEIGHT = 1500, 1180
"""Size of the page without its caption, px."""
FACE = 21.0
REFINED: Colour = (0.99, 0.79, 0.33)
MEASURED: Colour = (0.47, 0.68, 0.97)
BAND_ALPHA = 0.20
AROUND_DEG = 6.0
"""Latitudes shown beyond the last bins."""
STEP_DEG = 0.25
AIR = 0.04


@dataclass(frozen=True)
class WindFigure:
    """What a figure of winds shows: in bins at `latitude` rad the `speed_m_s` of the ties and its `sigma_m_s`, (n,),
    the `usual` profile and the `refined` one. `title`, `notes` and `credit` are written below."""

    latitude: FloatArray
    speed_m_s: FloatArray
    sigma_m_s: FloatArray
    usual: ZonalWinds
    refined: ZonalWinds
    title: str
    notes: Sequence[str]
    credit: str


def drawn_winds(figure: WindFigure) -> Picture:
    """The page as a picture, coded for sRGB: the winds on the left, on the right by how much they are not the usual."""
    sizes = Type(title=31.0, notes=20.0, credit=16.5, mark=22.0, margin=28.0, line=1.9)
    caption = lay_out_caption(WIDTH, sizes, figure.title, figure.notes, figure.credit)
    page = np.empty((HEIGHT + caption[-1].bottom, WIDTH, 3), np.float32)
    page[:] = PAPER
    sheet = Sheet(WIDTH, page.shape[0])
    shown = np.degrees(figure.latitude) if len(figure.latitude) else np.array([-90.0, 90.0])
    reach = max(float(shown.min()) - AROUND_DEG, -90.0), min(float(shown.max()) + AROUND_DEG, 90.0)
    along = np.arange(reach[0], reach[1] + 1e-9, STEP_DEG)
    at = np.radians(along)
    usual, refined, here = figure.usual, figure.refined, figure.usual.speed(figure.latitude)
    gutter, top, bottom = 5.2 * FACE, 3.2 * FACE, HEIGHT - 3.4 * FACE
    middle = 0.58 * WIDTH
    for left, right, base, spots, title in (
        (gutter, middle - 0.5 * gutter, np.zeros(len(at)), figure.speed_m_s, "Eastward wind, m/s"),
        (middle + 0.5 * FACE, WIDTH - FACE, usual.speed(at), figure.speed_m_s - here, "Measured less usual, m/s"),
    ):
        curves = [
            _Curve(usual.speed(at) - base, usual.sigma(at), TITLE, 2.0),
            _Curve(refined.speed(at) - base, refined.sigma(at), REFINED, 3.0),
        ]
        span = _range(curves, spots, figure.sigma_m_s)
        # the vertical axis of a frame is latitude
        frame = Frame(left, top, right, bottom, span, reach)
        _axes(sheet, frame, title, numbered=left == gutter)
        for curve in curves:
            curve.draw(sheet, frame, along)
        _draw_bins(sheet, frame, np.degrees(figure.latitude), spots, figure.sigma_m_s)
    _legend(sheet, gutter)
    draw_caption(sheet, HEIGHT, caption, sizes)
    lay_over(page, sheet.drawn())
    return Picture(page, (Filter.RED, Filter.GREEN, Filter.BLUE), "srgb", "winds", {})


@dataclass(frozen=True)
class _Curve:
    """Speeds (n,) along the latitudes with one sigma, in a colour."""

    x: FloatArray
    sigma: FloatArray
    colour: Colour
    width: float

    def draw(self, sheet: Sheet, frame: Frame, latitude: FloatArray) -> None:
        up = [frame.up(float(v)) for v in latitude]
        low, high = ([frame.across(float(v)) for v in self.x + side * self.sigma] for side in (-1.0, 1.0))
        band = [*zip(low, up, strict=True), *zip(high[::-1], up[::-1], strict=True)]
        sheet.fill(band, self.colour, alpha=BAND_ALPHA)
        sheet.line([(frame.across(float(v)), y) for v, y in zip(self.x, up, strict=True)], self.width, self.colour)


def _range(curves: Sequence[_Curve], speed: FloatArray, sigma: FloatArray) -> tuple[float, float]:
    """The range of a horizontal axis: every curve, and those bins that are known as well as most of them."""
    well = sigma <= 2.0 * np.median(sigma) if len(sigma) else np.zeros(0, np.bool_)
    ends = [side * c.sigma + c.x for c in curves for side in (-1.0, 1.0)]
    every = np.concatenate([*ends, (speed - sigma)[well], (speed + sigma)[well], [0.0]])
    low, high = float(every.min()), float(every.max())
    wide = max(high - low, 1.0)
    return low - AIR * wide, high + AIR * wide


def _axes(sheet: Sheet, frame: Frame, title: str, *, numbered: bool) -> None:
    """Both axes with their numbers, a line at rest, and the title above."""
    sheet.text(frame.left, frame.top - 0.9 * FACE, title, 1.1 * FACE, TITLE)
    latitudes = round_steps(*frame.y, 12)
    for value in latitudes:
        y = frame.up(float(value))
        sheet.line([(frame.left, y), (frame.right, y)], 1.2, RULE)
        if numbered:
            word = f"{abs(value):g}\u00b0" + (" N" if value > 0 else " S" if value < 0 else "")
            sheet.text(frame.left - 0.4 * FACE, y + 0.32 * FACE, word, FACE, NOTES, anchor=1.0)
    speeds = round_steps(*frame.x, max(int((frame.right - frame.left) / (4.5 * FACE)), 2))
    step = float(speeds[1] - speeds[0]) if len(speeds) > 1 else 1.0
    for value in speeds:
        x = frame.across(float(value))
        sheet.line([(x, frame.bottom), (x, frame.bottom + 0.35 * FACE)], 1.6, NOTES)
        sheet.text(x, frame.bottom + 1.4 * FACE, number_text(float(value), step), FACE, NOTES, anchor=0.5)
    still = frame.across(0.0)
    sheet.line([(still, frame.top), (still, frame.bottom)], 1.6, RULE)
    sheet.line([(frame.left, frame.bottom), (frame.right, frame.bottom)], 1.8, NOTES)
    if numbered:
        middle = 0.5 * (frame.top + frame.bottom)
        sheet.text(FACE, middle, "Planetocentric latitude", FACE, NOTES, anchor=0.5, turn=-np.pi / 2)


def _draw_bins(sheet: Sheet, frame: Frame, latitude: FloatArray, speed: FloatArray, sigma: FloatArray) -> None:
    """The bins as dots with bars, as far as they lie in the frame."""
    for where, value, error in zip(latitude, speed, sigma, strict=True):
        y = frame.up(float(where))
        ends = [min(max(frame.across(float(value + s * error)), frame.left), frame.right) for s in (-1.0, 1.0)]
        if ends[1] > ends[0]:
            sheet.line([(ends[0], y), (ends[1], y)], 2.2, MEASURED)
        if frame.x[0] <= value <= frame.x[1]:
            sheet.dot(frame.across(float(value)), y, 0.22 * FACE, MEASURED)


def _legend(sheet: Sheet, left: float) -> None:
    """What the colours are, in the last line of the page."""
    x, y = left, HEIGHT - 0.7 * FACE
    for word, colour in (
        ("usual wind", TITLE), ("ties between the strips", MEASURED), ("refined: both together", REFINED),
    ):  # fmt: skip
        sheet.fill([(x, y - 0.5 * FACE), (x + FACE, y - 0.5 * FACE), (x + FACE, y - 0.2 * FACE), (x, y - 0.2 * FACE)],
                   colour)  # fmt: skip
        sheet.text(x + 1.4 * FACE, y, word, FACE, NOTES)
        x += 3.0 * FACE + text_width(word, FACE)
    sheet.text(WIDTH - FACE, y, "bars and bands: one sigma", FACE, NOTES, anchor=1.0)
