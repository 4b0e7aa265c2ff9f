"""Panels: small charts drawn in ink beside a picture, axes, curves with their errors, and marks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.figure.caption import CREDIT, NOTES, RULE, TITLE
from perijove.figure.ink import Colour, Sheet, text_width

FloatArray = NDArray[np.float64]
Spans = Sequence[tuple[float, float]]

BAND_COLOURS: dict[str, Colour] = {
    "RED": (0.94, 0.47, 0.40),
    "GREEN": (0.52, 0.80, 0.50),
    "BLUE": (0.47, 0.68, 0.97),
    "METHANE": (0.80, 0.62, 0.92),
}
"""Colours of the curves by filter; others are grey."""
ERROR_ALPHA = 0.20
MOST_BARS = 40
"""Values up to which errors are bars."""
AIR = 0.06
"""Free room above and below the curves, as a share of their range."""
LEAST_SHARE = 1e-3
"""The narrowest range of a vertical axis, as a share of its values: flat curves are shown flat."""


@dataclass(frozen=True)
class Curve:
    """A curve of a panel: `x`, `y` (k,), NaN where there is a gap, with one-sigma errors (k,) where they are known.

    Errors are drawn as bars where the values are few, else as a band.
    """

    name: str
    x: FloatArray
    y: FloatArray
    sigma: FloatArray | None = None

    @property
    def colour(self) -> Colour:
        """Its colour, by its name."""
        return BAND_COLOURS.get(self.name.upper(), TITLE)


@dataclass(frozen=True)
class Panel:
    """A chart: its title, the words at its axes, and its curves.

    `uprights` are (x, word) for dashed vertical lines, `level` a horizontal line, with `level_sigma` shaded about
    it, and `spans` parts of x that are marked. `ticks` are (x, word) where the horizontal axis is not to be numbered.
    """

    title: str
    x_label: str
    y_label: str
    curves: tuple[Curve, ...]
    uprights: tuple[tuple[float, str], ...] = ()
    level: float | None = None
    level_sigma: float = 0.0
    spans: Spans = ()
    ticks: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True)
class Frame:
    """The inside of a panel on a sheet, px, and the ranges of its axes."""

    left: float
    top: float
    right: float
    bottom: float
    x: tuple[float, float]
    y: tuple[float, float]

    def across(self, x: float) -> float:
        """Where a value of the horizontal axis stands."""
        return self.left + (x - self.x[0]) / (self.x[1] - self.x[0]) * (self.right - self.left)

    def up(self, y: float) -> float:
        """Where a value of the vertical axis stands."""
        return self.bottom - (y - self.y[0]) / (self.y[1] - self.y[0]) * (self.bottom - self.top)


def round_steps(low: float, high: float, most: int) -> FloatArray:
    """Round numbers between two, at most so many."""
    rough = (high - low) / max(most, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(digit * power for digit in (1.0, 2.0, 2.5, 5.0, 10.0) if digit * power >= rough * (1.0 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return np.array([step * k for k in range(first, last + 1)])


def number_text(value: float, step: float) -> str:
    """A number of an axis with as many decimals as its steps need."""
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    if abs(step * 10**digits - round(step * 10**digits)) > 1e-6:
        digits += 1
    return f"{value:.{digits}f}".replace("-", "\u2212")


def draw_panel(sheet: Sheet, panel: Panel, box: tuple[float, float, float, float], face: float) -> None:
    """Draw a panel into a box (left, top, width, height) of a sheet; `face` is the size of its letters, px."""
    left, top, width, height = box
    x_range, y_range = _ranges(panel)
    numbers = round_steps(*y_range, max(int(height / (3.2 * face)), 2))
    step = numbers[1] - numbers[0] if len(numbers) > 1 else max(abs(y_range[1]), 1e-9)
    words = [number_text(float(value), float(step)) for value in numbers]
    # room for the numbers and, turned, the word at the vertical axis
    gutter = max((text_width(word, face) for word in words), default=0.0) + 2.3 * face
    right, bottom = left + width - 0.6 * face, top + height - 2.9 * face
    frame = Frame(left + gutter, top + 1.9 * face, right, bottom, x_range, y_range)
    thin = max(1.0, 0.07 * face)
    sheet.text(frame.left, top + 0.9 * face, panel.title, 1.05 * face, TITLE)
    for value, word in zip(numbers, words, strict=True):
        y = frame.up(float(value))
        sheet.line([(frame.left, y), (frame.right, y)], thin, RULE)
        sheet.text(frame.left - 0.4 * face, y + 0.32 * face, word, face, NOTES, anchor=1.0)
    _draw_bottom(sheet, panel, frame, face, thin)
    middle = 0.5 * (frame.top + frame.bottom)
    sheet.text(left + 0.9 * face, middle, panel.y_label, face, NOTES, anchor=0.5, turn=-math.pi / 2)
    for first, last in panel.spans:
        _draw_span(sheet, frame, first, last, face)
    for at, word in panel.uprights:
        if x_range[0] <= at <= x_range[1]:
            _draw_upright(sheet, frame, at, word, face, thin)
    if panel.level is not None:
        y = frame.up(panel.level)
        low, high = (frame.up(panel.level + side * panel.level_sigma) for side in (-1.0, 1.0))
        if panel.level_sigma > 0.0:
            band = [(frame.left, low), (frame.right, low), (frame.right, high), (frame.left, high)]
            sheet.fill(band, NOTES, alpha=0.5 * ERROR_ALPHA)
        sheet.line([(frame.left, y), (frame.right, y)], 1.4 * thin, CREDIT)
    for k, curve in enumerate(panel.curves):
        _draw_curve(sheet, frame, curve, face, (k - 0.5 * (len(panel.curves) - 1)) * 0.16 * face)
    _draw_legend(sheet, panel, frame, face)


def _ranges(panel: Panel) -> tuple[tuple[float, float], tuple[float, float]]:
    """The ranges of both axes."""
    xs = [float(v) for curve in panel.curves for v in curve.x if np.isfinite(v)] or [0.0, 1.0]
    ends: list[FloatArray] = []
    for curve in panel.curves:
        error = np.zeros(len(curve.y)) if curve.sigma is None else np.nan_to_num(curve.sigma)
        ends += [curve.y - error, curve.y + error]
    if panel.level is not None:
        ends.append(panel.level + panel.level_sigma * np.array([-1.0, 1.0]))
    ys = [float(v) for end in ends for v in end if np.isfinite(v)] or [0.0, 1.0]
    low, high = min(ys), max(ys)
    wide = max(high - low, LEAST_SHARE * max(abs(low), abs(high)), 1e-12)
    middle = 0.5 * (low + high)
    low, high = min(low, middle - 0.5 * wide), max(high, middle + 0.5 * wide)
    first, last = min(xs), max(xs)
    if panel.ticks:
        first, last = panel.ticks[0][0], panel.ticks[-1][0]
    elif len(xs) <= MOST_BARS * len(panel.curves):
        # bars at the ends stay clear of the frame, and a distance is counted from 0
        first, last = (0.0 if 0.0 < first < 0.1 * last else first - 0.03 * (last - first)), last + 0.03 * (last - first)
    last = last if last > first else first + 1.0
    # the top is for the legend
    return (first, last), (low - AIR * wide, high + 3.0 * AIR * wide)


def _draw_bottom(sheet: Sheet, panel: Panel, frame: Frame, face: float, thin: float) -> None:
    """The horizontal axis with its numbers and its word."""
    sheet.line([(frame.left, frame.bottom), (frame.right, frame.bottom)], 1.4 * thin, NOTES)
    ticks = panel.ticks
    if not ticks:
        values = round_steps(*frame.x, max(int((frame.right - frame.left) / (5.0 * face)), 2))
        step = float(values[1] - values[0]) if len(values) > 1 else 1.0
        ticks = tuple((float(value), number_text(float(value), step)) for value in values)
    for value, word in ticks:
        x = frame.across(value)
        sheet.line([(x, frame.bottom), (x, frame.bottom + 0.35 * face)], 1.4 * thin, NOTES)
        sheet.text(x, frame.bottom + 1.3 * face, word, face, NOTES, anchor=0.5)
    sheet.text(0.5 * (frame.left + frame.right), frame.bottom + 2.55 * face, panel.x_label, face, NOTES, anchor=0.5)


def _draw_span(sheet: Sheet, frame: Frame, first: float, last: float, face: float) -> None:
    """A part of the horizontal axis marked by a shade and a bar on the axis."""
    a, b = (frame.across(min(max(v, frame.x[0]), frame.x[1])) for v in (first, last))
    sheet.fill([(a, frame.top), (b, frame.top), (b, frame.bottom), (a, frame.bottom)], TITLE, alpha=0.07)
    low = frame.bottom - 0.28 * face
    sheet.fill([(a, low), (b, low), (b, frame.bottom), (a, frame.bottom)], NOTES)


def _draw_upright(sheet: Sheet, frame: Frame, at: float, word: str, face: float, thin: float) -> None:
    x = frame.across(at)
    dashes = np.arange(frame.top, frame.bottom, 0.7 * face)
    pieces = [np.array([[x, y], [x, min(y + 0.4 * face, frame.bottom)]]) for y in dashes]
    sheet.lines(pieces, 1.4 * thin, NOTES)
    ends = x + 0.35 * face + text_width(word, 0.9 * face, "italic") < frame.right
    sheet.text(
        x + (0.35 if ends else -0.35) * face, frame.bottom - 0.55 * face, word, 0.9 * face, NOTES,
        style="italic", anchor=0.0 if ends else 1.0,
    )  # fmt: skip


def _draw_curve(sheet: Sheet, frame: Frame, curve: Curve, face: float, aside: float) -> None:
    """A curve with its errors, bars being moved `aside` px from those of the others; single values as dots."""
    good = np.isfinite(curve.y) & np.isfinite(curve.x)
    runs = np.split(np.arange(len(good)), np.flatnonzero(np.diff(good.astype(int))) + 1)
    spots = np.array([[frame.across(float(x)), frame.up(float(y))] for x, y in zip(curve.x, curve.y, strict=True)])
    for run in runs:
        if not len(run) or not good[run[0]]:
            continue
        if curve.sigma is not None:
            _draw_errors(sheet, frame, curve, run, face, aside)
        if len(run) > 1:
            sheet.line([(float(x), float(y)) for x, y in spots[run]], 0.13 * face, curve.colour)
        else:
            sheet.dot(float(spots[run[0], 0]), float(spots[run[0], 1]), 0.2 * face, curve.colour)


def _draw_errors(sheet: Sheet, frame: Frame, curve: Curve, run: NDArray[np.intp], face: float, aside: float) -> None:
    """The errors of a run of values: bars where they are few, else a band."""
    assert curve.sigma is not None
    x = [frame.across(float(v)) for v in curve.x[run]]
    error = np.nan_to_num(curve.sigma[run])
    low, high = ([frame.up(float(v)) for v in curve.y[run] + side * error] for side in (-1.0, 1.0))
    if len(curve.x) > MOST_BARS:
        sheet.fill([*zip(x, high, strict=True), *zip(x[::-1], low[::-1], strict=True)], curve.colour, alpha=ERROR_ALPHA)
        return
    bars = [np.array([[a + aside, b], [a + aside, c]]) for a, b, c in zip(x, low, high, strict=True)]
    sheet.lines(bars, 0.09 * face, curve.colour, alpha=0.75)


def _draw_legend(sheet: Sheet, panel: Panel, frame: Frame, face: float) -> None:
    """The names of the curves in their colours, from the right, in the line of the title."""
    named = [curve for curve in panel.curves if curve.name]
    x = frame.right
    for curve in reversed(named if len(named) > 1 or (named and named[0].name.upper() in BAND_COLOURS) else []):
        word = curve.name.lower()
        sheet.text(x, frame.top - 1.0 * face, word, face, curve.colour, anchor=1.0)
        x -= text_width(word, face) + 0.9 * face
