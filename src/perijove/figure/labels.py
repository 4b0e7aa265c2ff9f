"""Labels that do not touch: where the words of an annotated picture go.

Positions in px, x to the right and y down from the upper left corner. What is placed first keeps its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from perijove.figure.ink import Style, text_width

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]

CAPITAL = 0.66
"""Height of capitals in sizes of the face."""
DESCENT = 0.22
"""How far letters reach below the base line, in sizes."""
AIR = 0.3
"""Free room around a label, in sizes."""
CLEARANCE = 0.15
"""How far the letters stay from limb and terminator, in sizes."""


@dataclass(frozen=True)
class Label:
    """A text centred at (x, y), turned clockwise by `turn` rad; `size` of its face in px.

    It keeps `air` sizes free around it. `dot` (x, y) is the place that it names, where a dot marks it.
    """

    text: str
    x: float
    y: float
    size: float
    style: Style = "normal"
    turn: float = 0.0
    air: float = AIR
    dot: tuple[float, float] | None = None

    @property
    def span(self) -> tuple[float, float]:
        """Width and height of the letters, px."""
        return text_width(self.text, self.size, self.style), (CAPITAL + DESCENT) * self.size

    @property
    def corners(self) -> FloatArray:
        """Corners (4, 2) as x, y of the box around the letters."""
        width, height = self.span
        return box_corners(self.x, self.y, width, height, self.turn)

    @property
    def dot_radius(self) -> float:
        """Radius of the dot, px."""
        return max(0.14 * self.size, 1.6)

    @property
    def boxes(self) -> list[FloatArray]:
        """What it takes on the sheet: the box around its letters, and that around its dot."""
        side = 3.0 * self.dot_radius
        return [self.corners] if self.dot is None else [self.corners, box_corners(*self.dot, side, side)]

    def inner(self, count: int = 9) -> FloatArray:
        """Places (3 * count, 2) as x, y, evenly spread over the box around the letters."""
        a, b, _, d = self.corners
        along, down = np.meshgrid(np.linspace(0.0, 1.0, count), np.linspace(0.0, 1.0, 3))
        out: FloatArray = a + along.reshape(-1, 1) * (b - a) + down.reshape(-1, 1) * (d - a)
        return out

    def covers(self, points: FloatArray, pad: float) -> BoolArray:
        """Which points (n, 2) of x, y lie in the box around the letters, widened by `pad` px."""
        width, height = self.span
        c, s = np.cos(self.turn), np.sin(self.turn)
        along = (points - [self.x, self.y]) @ np.array([[c, -s], [s, c]])
        return np.asarray((np.abs(along[:, 0]) < width / 2 + pad) & (np.abs(along[:, 1]) < height / 2 + pad))

    @property
    def base(self) -> tuple[float, float]:
        """The middle of the base line."""
        low = 0.5 * (CAPITAL - DESCENT) * self.size
        return self.x - low * float(np.sin(self.turn)), self.y + low * float(np.cos(self.turn))


def box_corners(x: float, y: float, width: float, height: float, turn: float = 0.0) -> FloatArray:
    """Corners (4, 2) as x, y, in order, of a box centred at (x, y) and turned clockwise."""
    c, s = np.cos(turn), np.sin(turn)
    ends = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [width / 2, height / 2]
    out: FloatArray = ends @ np.array([[c, s], [-s, c]]) + [x, y]
    return out


def apart(a: FloatArray, b: FloatArray) -> bool:
    """Whether two convex boxes (4, 2) have no point in common: some side of one parts them."""
    for box in (a, b):
        sides = np.roll(box, -1, axis=0) - box
        across = np.stack([-sides[:, 1], sides[:, 0]])
        ours, theirs = a @ across, b @ across
        if ((ours.max(axis=0) < theirs.min(axis=0)) | (theirs.max(axis=0) < ours.min(axis=0))).any():
            return True
    return False


@dataclass(frozen=True)
class Sheetroom:
    """The room on a sheet of `width` x `height` px: the boxes (4, 2) that are `taken`, and the labels put so far.

    `keep` (n, 2) are places as x, y, a pixel apart at most, that no label may cover: the course of limb and terminator.
    """

    width: int
    height: int
    margin: float
    keep: FloatArray = field(default_factory=lambda: np.empty((0, 2)))
    taken: list[FloatArray] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)

    def block(self, left: float, top: float, width: float, height: float) -> None:
        """Take an upright box that no label may touch."""
        self.taken.append(box_corners(left + width / 2, top + height / 2, width, height))

    def free(self, label: Label) -> bool:
        """Whether a label with its air lies on the sheet and touches nothing that is taken."""
        corners = label.corners
        inside = (corners >= self.margin).all() and (corners <= np.array([self.width, self.height]) - self.margin).all()
        width, height = label.span
        air = 2.0 * label.air * label.size
        box = box_corners(label.x, label.y, width + air, height + air, label.turn)
        boxes = [box, *label.boxes[1:]]
        if not inside or not all(apart(box, other) for box in boxes for other in self.taken):
            return False
        return not label.covers(self.keep, CLEARANCE * label.size).any()

    def put(self, candidates: Iterable[Label]) -> Label | None:
        """Put the first of the candidates that finds room; None where none does."""
        for label in candidates:
            if self.free(label):
                self.taken.extend(label.boxes)
                self.labels.append(label)
                return label
        return None


def without_labels(pieces: Sequence[FloatArray], labels: Sequence[Label]) -> list[FloatArray]:
    """Lines (n, 2) of x, y with gaps where labels stand on them."""
    out = []
    for piece in pieces:
        free = np.ones(len(piece), bool)
        for label in labels:
            free &= ~label.covers(piece, 0.25 * label.size)
        runs = np.split(np.arange(len(piece)), np.flatnonzero(np.diff(free.astype(int))) + 1)
        out += [piece[run] for run in runs if free[run[0]] and len(run) > 1]
    return out
