"""Ink: text, lines and rings drawn smoothly on a transparent sheet, and laid over a picture.

The origin is the sheet's upper left corner, x to the right and y down, in px.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.path import Path
    from matplotlib.transforms import Transform

Colour = tuple[float, float, float]
Style = Literal["normal", "italic"]

FAMILY = "STIXGeneral"
"""A book face after Times that matplotlib brings along, so that a page looks the same on every machine."""
SHADE: Colour = (0.0, 0.0, 0.0)
BAND_ROWS = 1024
"""Rows that are drawn at a time, so that ink on a picture of any size needs little memory."""


@lru_cache(maxsize=256)
def text_path(text: str, size: float, style: Style) -> Path:
    """Outlines of a text on its base line, y upwards; `size` of the face in px,."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    # a dollar would begin a formula
    plain = text.replace("\\", "/").replace("$", r"\$")
    return TextPath((0.0, 0.0), plain, size=size, prop=FontProperties(family=FAMILY, style=style))


@lru_cache(maxsize=4096)
def text_width(text: str, size: float, style: Style = "normal") -> float:
    """Width of a text in px, 0 for an empty one."""
    if not text.strip():
        return 0.0
    return float(text_path(text, size, style).get_extents().x1)


@dataclass(frozen=True)
class Stroke:
    """One outline to be drawn: filled where `width` is 0, else a line of that width in px."""

    path: Path
    place: Transform
    colour: Colour
    alpha: float
    width: float


@dataclass(frozen=True)
class Sheet:
    """A transparent sheet of `width` x `height` px and what is to be drawn on it, in order."""

    width: int
    height: int
    strokes: list[Stroke] = field(default_factory=list)

    def text(
        self, x: float, y: float, text: str, size: float, colour: Colour, *,
        style: Style = "normal", anchor: float = 0.0, halo: float = 0.0, turn: float = 0.0,
    ) -> None:  # fmt: skip
        """Write a text on the base line y; `anchor` 0 begins at x, 0.5 is centred there, 1 ends. `halo` px of shade.

        `turn` rad turns it clockwise about (x, y).
        """
        from matplotlib.transforms import Affine2D

        if not text.strip():
            return
        path = text_path(text, size, style)
        place = Affine2D().scale(1.0, -1.0).translate(-anchor * text_width(text, size, style), 0.0)
        place = place.rotate(turn).translate(x, y)
        self._add(path, place, colour, 0.0, halo)

    def line(self, points: list[tuple[float, float]], width: float, colour: Colour, *, halo: float = 0.0) -> None:
        """Draw an open line through points (x, y)."""
        from matplotlib.path import Path
        from matplotlib.transforms import Affine2D

        self._add(Path(points), Affine2D(), colour, width, halo)

    def lines(
        self, pieces: Sequence[NDArray[np.float64]], width: float, colour: Colour, *, halo: float = 0.0,
        alpha: float = 1.0,
    ) -> None:  # fmt: skip
        """Draw many open lines (n, 2) of points (x, y) as one: where they cross, neither shade nor ink adds up."""
        from matplotlib.path import Path
        from matplotlib.transforms import Affine2D

        able = [piece for piece in pieces if len(piece) > 1]
        if not able:
            return
        codes = np.full(sum(map(len, able)), Path.LINETO, Path.code_type)
        codes[np.cumsum([0, *(len(piece) for piece in able[:-1])])] = Path.MOVETO
        self._add(Path(np.concatenate(able), codes), Affine2D(), colour, width, halo, alpha)

    def ring(self, x: float, y: float, radius: float, width: float, colour: Colour, *, halo: float = 0.0) -> None:
        """Draw a circle."""
        from matplotlib.path import Path
        from matplotlib.transforms import Affine2D

        self._add(Path.unit_circle(), Affine2D().scale(radius).translate(x, y), colour, width, halo)

    def dot(self, x: float, y: float, radius: float, colour: Colour, *, halo: float = 0.0) -> None:
        """Fill a circle."""
        from matplotlib.path import Path
        from matplotlib.transforms import Affine2D

        self._add(Path.unit_circle(), Affine2D().scale(radius).translate(x, y), colour, 0.0, halo)

    def fill(self, points: list[tuple[float, float]], colour: Colour, *, halo: float = 0.0, alpha: float = 1.0) -> None:
        """Fill the polygon through points (x, y)."""
        from matplotlib.path import Path
        from matplotlib.transforms import Affine2D

        self._add(Path([*points, points[0]], closed=True), Affine2D(), colour, 0.0, halo, alpha)

    def _add(self, path: Path, place: Transform, colour: Colour, width: float, halo: float, alpha: float = 1.0) -> None:
        if halo > 0.0:
            self.strokes.append(Stroke(path, place, SHADE, 0.35 * alpha, width + 2.0 * halo))
            self.strokes.append(Stroke(path, place, SHADE, 0.35 * alpha, width + halo))
        self.strokes.append(Stroke(path, place, colour, alpha, width))

    def drawn(self, first: int = 0, last: int | None = None) -> NDArray[np.uint8]:
        """The sheet's rows `first` to before `last`, all by default, (rows, width, 4): red, green, blue and how far
        they cover, 0 to 255.
        """
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.patches import PathPatch
        from matplotlib.transforms import Affine2D

        last = self.height if last is None else last
        # 72 dots an inch make a point a pixel
        figure = Figure(figsize=(self.width / 72.0, (last - first) / 72.0), dpi=72, facecolor="none")
        canvas = FigureCanvasAgg(figure)
        down = Affine2D().scale(1.0, -1.0).translate(0.0, last)
        for stroke in self.strokes:
            line = stroke.width > 0.0
            patch = PathPatch(
                stroke.path, transform=stroke.place + down, alpha=stroke.alpha, linewidth=stroke.width,
                facecolor="none" if line else stroke.colour, edgecolor=stroke.colour if line else "none",
                capstyle="butt", joinstyle="round", snap=False,
            )  # fmt: skip
            figure.add_artist(patch)
        canvas.draw()  # type: ignore[no-untyped-call]
        sheet: NDArray[np.uint8] = np.array(canvas.buffer_rgba(), dtype=np.uint8)  # type: ignore[no-untyped-call]
        return sheet[: last - first, : self.width]

    def over(self, rgb: NDArray[np.float32]) -> None:
        """Lay the sheet over colours (height, width, bands) in place, as `lay_over` does, some rows at a time."""
        for first in range(0, self.height, BAND_ROWS):
            last = min(first + BAND_ROWS, self.height)
            lay_over(rgb[first:last], self.drawn(first, last))


def lay_over(rgb: NDArray[np.float32], sheet: NDArray[np.uint8]) -> None:
    """Lay a drawn sheet (h, w, 4) over colours (h, w, bands) of 0 to 1, in place; grey takes the mean of the ink.

    Where the sheet is clear nothing changes; ink on a pixel without data lies on black.
    """
    inked = np.nonzero(sheet[..., 3])
    cover = sheet[inked][:, 3:].astype(np.float32) / np.float32(255.0)
    ink = sheet[inked][:, :3].astype(np.float32) / np.float32(255.0)
    if rgb.shape[2] == 1:
        ink = ink.mean(axis=1, keepdims=True)
    under = np.nan_to_num(rgb[inked])
    rgb[inked] = under + cover * (ink - under)
