"""Fusion: many looks at one body become one picture or map, any part of which can be asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perijove.bodies import Body
from perijove.errors import UsageError
from perijove.geometry.view import View
from perijove.instrument import Filter
from perijove.mosaic.balance import Balance
from perijove.mosaic.block import Course, Fused, How, empty_fused, fuse_course
from perijove.mosaic.brim import BRIDGE, FULL, RAMP
from perijove.mosaic.coarse import Fields, survey_looks
from perijove.mosaic.look import Look
from perijove.mosaic.mend import SPAN
from perijove.mosaic.merge import Mode
from perijove.mosaic.pile import BYTES_A_BAND, BYTES_A_LOOK
from perijove.mosaic.place import Stage, stage
from perijove.mosaic.pyramid import LATTICE
from perijove.mosaic.pyramid import REACH as PYRAMID_REACH
from perijove.render.engine import INTERPOLATIONS
from perijove.render.planes import Grid
from perijove.render.threads import processors, run_blocks
from perijove.spill import release, trim
from perijove.winds import ZonalWinds

FloatArray = NDArray[np.float64]
Counts = NDArray[np.int64]

SPREAD = float(np.radians(5.0))
"""Angle at the ground, between a view's own line and a look's, at which the look weighs a quarter, rad."""
REJECT = 6.0
"""Sigma from which what only one look has is taken for a hit."""
HEIGHTS = (1024, 768, 512, 384, 256, 192, 128)
"""Rows of a grid that are fused at a time."""
WIDTHS = (768, 512, 384, 256, 192, 128, 64)
"""Columns of a block of these: what is kept of a block for the next one saves the left of its surroundings."""
ROOM = 700e6
"""Bytes that the looks of all blocks at work at once may take, about; with more looks blocks are smaller."""
MOST_RAISED = 2.0
"""How many times the light of the pixels around it a resampled one may have, at most: 1.3 by the cubic kernel."""
MERGING = 0.25
"""Part of the work for a pixel that has to be done again where it lies beside a block, too."""


@dataclass(frozen=True)
class Mosaic:
    """Looks made ready to be fused on one grid; see `prepare_mosaic`.

    `names` are those of the looks in order, `bands` the filters that any of them has. `brimful` tells that some look
    may have full pixels. `full` maps a filter to the I/F
    from which a pixel of the shortest exposure is full. `share` (looks,) is the part of what is shown in which each
    weighs most, about.
    """

    stage: Stage
    fields: Fields
    mode: Mode
    reject: float
    seam_px: float | None
    threads: int | None
    brimful: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the looks, in order."""
        return tuple(look.name for look in self.stage.looks)

    @property
    def bands(self) -> tuple[Filter, ...]:
        """The filters of any look, in their usual order."""
        present = {swath.band for look in self.stage.looks for swath in look.swaths}
        return tuple(band for band in Filter if band in present)

    @property
    def grid(self) -> Grid:
        """The grid of the whole."""
        return self.stage.grid

    @property
    def native(self) -> float:
        """Output pixels a camera pixel spans, as of `Prepared.native`: of the look with the finest."""
        return min(prepared.native for prepared in self.stage.prepared)

    @property
    def full(self) -> Mapping[Filter, float]:
        """I/F from which a pixel of the shortest exposure is full."""
        out: dict[Filter, float] = {}
        for look in self.stage.looks:
            for swath in look.swaths:
                out[swath.band] = max(out.get(swath.band, 0.0), look.full_dn * swath.unit)
        return out

    @property
    def share(self) -> tuple[float, ...]:
        """Part of what is shown in which each look weighs most, by the coarse pass."""
        return self.fields.share

    def sees(self, rows: slice, columns: slice) -> bool:
        """Whether any look may see something of a block of the grid."""
        return bool(self.fields.looks_at(rows, columns))

    def on(self, grid: Grid) -> Mosaic:
        """The same looks ready for another grid."""
        staged = self.stage.on(grid)
        fields = survey_looks(staged, self.seam_px, self.threads)
        return replace(self, stage=staged, fields=fields)

    def planes(self, first: int = 0, last: int | None = None, left: int = 0, right: int | None = None) -> Fused:
        """The rows from `first` to before `last` and the columns `left` to before `right`, else all of them.

        A pixel has the same bits whatever part is asked for.
        """
        last = self.grid.height if last is None else last
        right = self.grid.width if right is None else right
        if not (0 <= first < last <= self.grid.height and 0 <= left < right <= self.grid.width):
            raise UsageError(
                f"rows {first} to {last} and columns {left} to {right} do not lie in a mosaic of "
                f"{self.grid.width} x {self.grid.height} px: ask for a part of it"
            )
        out = empty_fused(self.bands, self.grid, self.native, len(self.names), (last - first, right - left))
        courses = self._courses(first, last, left, right)
        how = How(self.mode, self.reject, self.native, self.bands)
        counted: dict[int, Counts] = {}

        def work(index: int) -> None:
            counted[index] = fuse_course(self.stage, self.fields, how, courses[index], (first, left), out)

        run_blocks(work, range(len(courses)), self.threads)
        for index in sorted(counted):
            out.hits[...] += counted[index]
        return out

    def _courses(self, first: int, last: int, left: int, right: int) -> list[Course]:
        """Blocks that cover a part of the grid, one course or more a thread; how they lie changes no bit."""
        threads, halo = self.threads or processors(), self.halo
        shape, wraps = (self.grid.height, self.grid.width), self.stage.wraps

        def laid(height: int, width: int) -> list[Course]:
            columns = even_parts(left, right, width)
            return [Course(rows, columns, halo, shape, wraps) for rows in even_parts(first, last, height)]

        def work(size: tuple[int, int]) -> float:
            height, width = (min(size[0], last - first), min(size[1], right - left))
            return (1 + 2 * halo / height) * (1 + MERGING * 2 * halo / width)

        for size in sorted(((h, w) for h in HEIGHTS for w in WIDTHS), key=work):
            courses = laid(*size)
            if all(self._room(course) <= ROOM / threads for course in courses):
                break
        pieces = -(-threads // len(courses)) if len(courses) < 2 * threads else 1
        return [piece for course in courses for piece in self._shared(course, pieces)]

    def _room(self, course: Course) -> int:
        """Bytes that the looks of a block of a course take at most, with what is kept of the one before."""
        each = BYTES_A_BAND * len(self.bands) + BYTES_A_LOOK
        rows = course.site_rows
        most: int = max(len(self.fields.looks_at(rows, course.around(columns))) for columns in course.blocks)
        width = course.blocks[0].stop - course.blocks[0].start
        return int(each * most * (rows.stop - rows.start) * (width + 4 * course.halo))

    def _shared(self, course: Course, pieces: int) -> list[Course]:
        """A course in about so many pieces of as much work."""
        loads = [1 + len(self.fields.looks_at(course.rows, columns)) for columns in course.blocks]
        ends = np.cumsum(loads)
        turn = np.minimum((ends - 0.5 * np.array(loads)) * pieces // ends[-1], pieces - 1)
        parts = [[block for block, n in zip(course.blocks, turn, strict=True) if n == k] for k in range(pieces)]
        return [replace(course, blocks=part) for part in parts if part]

    @property
    def halo(self) -> int:
        """How far beyond a block its pixels depend on what is there, px."""
        how = How(self.mode, self.reject, self.native, self.bands)
        reach = how.reach + (PYRAMID_REACH if self.mode is Mode.BLEND else 0)
        reach += RAMP if self.brimful else 0
        reach += BRIDGE if self.stage.brims else 0
        reach += SPAN * how.radius if isinstance(self.grid, View) else 0
        return int(-(-reach // LATTICE) * LATTICE)


def even_parts(first: int, last: int, side: int) -> list[slice]:
    """A range in parts of the same size, but for the last, about `side` and a multiple of the lattice."""
    count = -(-(last - first) // side)
    size = -(-(last - first) // (count * LATTICE)) * LATTICE
    return [slice(start, min(start + size, last)) for start in range(first, last, size)]


def prepare_mosaic(
    looks: Sequence[Look],
    body: Body,
    epoch_et: float,
    grid: Grid,
    *,
    balance: Balance | None = None,
    winds: ZonalWinds | None = None,
    mode: Mode | str = Mode.BLEND,
    reject: float = REJECT,
    sun_direction: FloatArray | None = None,
    interpolation: str = "catmull-rom",
    horizon: float | None = None,
    spread: float = SPREAD,
    seam_px: float | None = None,
    threads: int | None = None,
) -> Mosaic:
    """Make looks at one body ready to be fused on a grid, given in the body's frame at `epoch_et` (ET, s).

    Each look is rendered on the grid, its clouds carried by `winds` from the time it was taken to the epoch, its light
    brought to common angles by `balance` (the view's own; normal ones on a map; None leaves it as it was). A look
    weighs by its noise, by how sharply and how steeply it sees a place, by the distance to the edges of its strip
    (over `seam_px`, by default a third of the way to its middle) and, in a view, by how near it stands to the viewpoint
    (`spread`, rad at the ground). Full pixels weigh next to nothing. `mode` says how looks are combined. What only one
    look has, by more than `reject` sigma, is a radiation hit and left out (infinity: nothing is); places where a look
    is much darker than others are taken for the shadow of a moon.

    `sun_direction` (3,) points from the body to the Sun in j2000, `interpolation` and `horizon` are those of
    `render.engine.render`. `threads`: None takes one a processor.

    Looks are taken in the order of their names: the order in which they are given, the number of threads and the part
    that is asked for change no bit. Raises UsageError for no looks, a name given twice, a unit that is not positive, an
    unknown mode, and what `render` raises.
    """
    ordered = sorted(looks, key=lambda look: look.name)
    check_looks(ordered)
    if interpolation not in INTERPOLATIONS:
        raise UsageError(f"unknown interpolation {interpolation!r}: use one of {', '.join(INTERPOLATIONS)}")
    if mode not in list(Mode):
        raise UsageError(f"unknown mode {mode!r}: use one of {', '.join(Mode)}")
    if not reject > 0.0:
        raise UsageError(f"hits cannot be told from {reject:g} sigma on: give more than 0")
    drifts = [None if winds is None else winds.drift(body, look.et - epoch_et) for look in ordered]
    staged = stage(
        ordered, body, epoch_et, grid,
        balance=balance, drifts=drifts, sun_direction=sun_direction, interpolation=interpolation, horizon=horizon,
        spread=spread, threads=threads,
    )  # fmt: skip
    brimful = any(may_be_full(look) for look in ordered)
    release()
    fields = survey_looks(staged, seam_px, threads)
    trim()
    return Mosaic(staged, fields, Mode(mode), reject, seam_px, threads, brimful)


def may_be_full(look: Look) -> bool:
    """Whether some pixel of a look may come out full, by its quality or its light, which interpolation may raise."""
    return any(
        (swath.quality is not None and bool((swath.quality & FULL).any()))
        or bool((swath.light >= look.full_dn / MOST_RAISED).any())
        for swath in look.swaths
    )


def check_looks(looks: Sequence[Look]) -> None:
    """Raise UsageError for looks that cannot be fused."""
    if not looks:
        raise UsageError("no strips to combine: give at least one")
    names = [look.name for look in looks]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{name} is given twice: give every strip once")
    for look in looks:
        for swath in look.swaths:
            if not swath.unit > 0.0:
                raise UsageError(f"{look.name}: a unit of {swath.unit} cannot be combined: it must be positive")
