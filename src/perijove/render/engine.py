"""The front of the room: checks what it is given, shares the work among threads, and gathers the planes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.bodies import Body
from perijove.errors import UsageError
from perijove.geometry.mapgrid import MapGrid
from perijove.geometry.view import View
from perijove.instrument import Filter
from perijove.render.backplanes import measure_places, measure_rows, measure_sightings
from perijove.render.coarser import FACTORS, coarser, coarsest_factor
from perijove.render.drift import carried, check_drift
from perijove.render.framelets import FrameTable, Uncertainty, frame_table
from perijove.render.horizon import horizon_of
from perijove.render.interpolate import BILINEAR, CATMULL_ROM, LANCZOS_3
from perijove.render.places import gather_places, more_places
from perijove.render.planes import Grid, Planes, native_px
from perijove.render.rays import HIT, cast_rows
from perijove.render.resample import resample_rows
from perijove.render.sources import NO_SOURCES, make_sources
from perijove.render.survey import COARSE, Survey, survey
from perijove.render.threads import run_blocks
from perijove.swath import Swath

FloatArray = NDArray[np.float64]
Block = tuple[slice, slice]
"""Rows and columns of a grid."""

INTERPOLATIONS = {"bilinear": BILINEAR, "catmull-rom": CATMULL_ROM, "lanczos": LANCZOS_3}
EVENNESS = {"bilinear": 0.667, "catmull-rom": 0.814, "lanczos": 0.893}
"""Mean square sum of their weights over all fractions of a pixel, one way."""
UNKNOWN = Uncertainty(np.empty(0, np.float32), np.empty(0, np.uint8))
NOTHING = np.empty((0, 0), np.float32), np.empty((0, 0), np.uint8)
"""What the kernels are given where no sigma is asked for."""
BLOCK_ROWS = 16
"""Rows a thread takes at a time: their points (32 bytes a pixel) stay in its cache while every band reads them."""
MAP_ROWS, BLOCK_SAMPLES = 32, 1024
"""The same of a map, and pixels of a row in a block: what no framelet sees is left out by blocks."""
COARSE_SAMPLES = 64
"""The same where a map is coarser than the camera: how it is sampled is chosen by blocks."""
REFERENCE = (Filter.GREEN, Filter.RED, Filter.BLUE, Filter.METHANE)
"""Whose time is that of a map's angles, the first one that sees the place."""


def render(
    swaths: Sequence[Swath],
    body: Body,
    et0: float,
    grid: Grid,
    *,
    sun_direction: FloatArray | None = None,
    interpolation: str = "catmull-rom",
    backplanes: bool = True,
    horizon: float | None = None,
    sources: bool = False,
    drift: FloatArray | None = None,
    threads: int | None = None,
) -> Planes:
    """Render the swaths (one a filter) of one strip as seen in a view, or as a map.

    The frame b0 is that of `body` frozen at `et0` (ET, s), in which the view is given. Each output pixel's ray is met
    with the ellipsoid; the point turns with the body to each framelet's own time (less the light time) and is seen from
    the camera's own place then, so that parallax and rotation are undone. Rays that miss are carried as
    `rays.FADE_START` tells. Framelets that overlap are blended by smooth weights. Where a map is coarser than the
    camera the pixels of the framelets are averaged first.

    The light is the swaths' times their `unit`. Where all of them come with a variance, `sigma` and `quality` are
    filled too, and with `sources` which frames saw each pixel.

    `horizon` is the least cosine of the emission angle at which a framelet's camera counts as seeing ground; what lies
    beside the body is then left out. It is needed where the grid shows ground that the camera could not see, and is 0
    for maps unless it is given; None makes no test. `sun_direction` (3,) points from the body to the Sun in j2000, any
    length. `interpolation` is 'bilinear', 'catmull-rom' or 'lanczos' (3 lobes). Without `backplanes` only light and
    weight are filled. `threads`: None takes one a processor.

    `drift` (n, 2) tells how far clouds moved from the epoch of the grid to the time of the strip: rows of
    planetocentric latitude, ascending, and angle to the east, rad. A pixel's ground is then looked up at its longitude
    + angle. Light, weight, sigma, quality, frames, the test of the horizon and a map's angles are those of that place;
    latitude, longitude and a picture's angles are the pixel's own. What lies beside the body stays.

    Rendering is a pure function and may run in several threads at once. Raises UsageError for an unknown interpolation,
    no swaths or a filter given twice, StripError for a swath whose arrays do not fit one another.
    """
    prepared = prepare(
        swaths, body, et0, grid,
        sun_direction=sun_direction, interpolation=interpolation, backplanes=backplanes, horizon=horizon,
        sources=sources, drift=drift,
    )  # fmt: skip
    return prepared.planes(threads=threads)


@dataclass(frozen=True)
class Prepared:
    """Swaths made ready for one grid, any rows of which can be rendered.

    `tables` holds, for each factor by which pixels are averaged, a table a swath. `sun` (3,) is the unit vector to the
    Sun in b0, the frame of `et0`. `surveyed` is None for a view. The rest is what `render` takes.
    """

    swaths: tuple[Swath, ...]
    body: Body
    et0: float
    grid: Grid
    tables: dict[int, tuple[FrameTable, ...]]
    sun: FloatArray
    interpolation: str
    backplanes: bool
    horizon: float | None
    sources: bool
    surveyed: Survey | None
    drift: FloatArray | None = None

    def on(self, grid: Grid) -> Prepared:
        """The same swaths ready for another grid."""
        return prepare(
            self.swaths, self.body, self.et0, grid,
            sun_direction=self.body.body_from_j2000(self.et0).T @ self.sun, interpolation=self.interpolation,
            backplanes=self.backplanes, horizon=self.horizon, sources=self.sources, drift=self.drift,
        )  # fmt: skip

    @property
    def native(self) -> float:
        """Output pixels a camera pixel spans in the middle of what is shown."""
        if isinstance(self.grid, View):
            return native_px(self.grid)
        assert self.surveyed is not None
        return 1.0 / (self.surveyed.middle * self.swaths[0].binning)

    def planes(
        self, first: int = 0, last: int | None = None, left: int = 0, right: int | None = None, *,
        threads: int | None = None,
    ) -> Planes:  # fmt: skip
        """The planes of the rows from `first` to before `last`, the columns `left` to before `right`, else of all."""
        last = self.grid.height if last is None else last
        right = self.grid.width if right is None else right
        planes = empty_planes(
            self.swaths, self.grid, self.backplanes,
            shape=(last - first, right - left), sources=self.sources, native=self.native,
        )  # fmt: skip
        height, width = BLOCK_ROWS, self.grid.width
        if self.surveyed is not None:
            coarse = self.surveyed.largest >= COARSE
            height, width = MAP_ROWS, COARSE_SAMPLES if coarse else BLOCK_SAMPLES
        # blocks are those of the whole grid: how one is sampled must not depend on which part is asked for
        blocks = [
            (slice(row, min(row + height, self.grid.height)), slice(column, min(column + width, self.grid.width)))
            for row in range(first - first % height, last, height)
            for column in range(left - left % width, right, width)
        ]

        def work(index: int) -> None:
            rows, columns = blocks[index]
            part = (
                slice(max(rows.start, first), min(rows.stop, last)),
                slice(max(columns.start, left), min(columns.stop, right)),
            )
            inside = (
                slice(part[0].start - first, part[0].stop - first),
                slice(part[1].start - left, part[1].stop - left),
            )
            if isinstance(self.grid, View):
                self._render_view(*part, inside, planes)
            else:
                self._render_map(blocks[index], part, inside, planes)

        run_blocks(work, range(len(blocks)), threads)
        return planes

    def _render_view(self, rows: slice, columns: slice, inside: Block, planes: Planes) -> None:
        """Render a part of a picture."""
        assert isinstance(self.grid, View)
        shape = (rows.stop - rows.start, columns.stop - columns.start)
        points, what = np.empty((shape[0], 3, shape[1])), np.empty(shape)
        altitude = planes.altitude_km[inside] if self.backplanes else planes.altitude_km
        radii = np.array(self.body.radii_km)
        cast_rows(rows.start, self.grid.ray_basis(), radii, points, what, altitude, columns.start)
        (factor,) = self.tables
        self._resample(factor, carried(self.drift, points, what), what, inside, planes, self.horizon)
        if self.backplanes:
            stack, hit = np.empty((5, *shape), np.float32), np.empty(shape, np.bool_)
            measure_rows(points, what, self.grid.position_km, self.sun, radii, stack, hit)
            place_stack(planes, inside, stack, hit)

    def _render_map(self, block: Block, part: Block, inside: Block, planes: Planes) -> None:
        """Render that part of a block of a map which is asked for."""
        surveyed, (rows, columns) = self.surveyed, part
        assert surveyed is not None
        seen = surveyed.sees(rows, columns)
        if not seen:
            leave_empty(planes, inside)
            if not self.backplanes:
                return
        points, what = self._map_points(rows, columns, 1, 1)
        seen_at = carried(self.drift, points, what) if seen else points
        frames = []
        if seen:
            pace = surveyed.pace(*block, list(self.tables))
            least = self.horizon if self.horizon is None or not self._clear(rows, columns) else None
            if pace.down == pace.across == 1:
                frames = self._resample(pace.factor, seen_at, what, inside, planes, least)
            else:
                many = more_places(planes, what.shape, pace)
                whole = (slice(None), slice(None))
                spread, kinds = self._map_points(rows, columns, pace.down, pace.across)
                found = self._resample(pace.factor, carried(self.drift, spread, kinds), kinds, whole, many, least)
                turn = self.tables[1][0].optics.turn
                frames = gather_places(many, found, pace, inside, planes, EVENNESS[self.interpolation], turn)
        if not self.backplanes:
            return
        stack, hit = np.full((5, *what.shape), np.nan, np.float32), np.empty(what.shape, np.bool_)
        for r in range(len(what)):
            measure_places(points[r, 0], points[r, 1], points[r, 2], what[r], stack[0, r], stack[1, r], hit[r])
        if seen:
            measured = np.zeros(what.shape, np.bool_)
            for index in self.by_reference():
                table = self.tables[1][index]
                radii = np.array(self.body.radii_km)
                measure_sightings(seen_at, frames[index], measured, table.cameras, table.suns, radii, stack[2:])
        place_stack(planes, inside, stack, hit)

    def _map_points(self, rows: slice, columns: slice, down: int, across: int) -> tuple[FloatArray, FloatArray]:
        """Points and kinds, as of `cast_rows`, of a block of a map, at `down` x `across` places a pixel."""
        assert isinstance(self.grid, MapGrid)
        points, shown = self.grid.points(
            slice(down * rows.start, down * rows.stop),
            slice(across * columns.start, across * columns.stop),
            down,
            across,
        )
        return points, np.where(shown, HIT, 1.0)

    def by_reference(self) -> list[int]:
        """Numbers of the swaths in the order in which they tell the time of a map's pixel."""
        bands = [swath.band for swath in self.swaths]
        return sorted(range(len(bands)), key=lambda k: REFERENCE.index(bands[k]))

    def _clear(self, rows: slice, columns: slice) -> bool:
        """Whether no pixel of a block of a map can lie beyond the horizon; after a turn the camera is elsewhere."""
        assert self.surveyed is not None
        if self.horizon is None or any(table.optics.turn for table in self.tables[1]):
            return False
        return self.surveyed.clear_of(self.horizon, rows, columns)

    def _resample(
        self,
        factor: int,
        points: FloatArray,
        what: FloatArray,
        inside: Block,
        planes: Planes,
        least: float | None,
    ) -> list[NDArray[np.float32]]:
        """Fill the light of a block, and what comes with it; the mean frame numbers of each swath."""
        frames, taps = [], INTERPOLATIONS[self.interpolation]
        traced = self.sources or (self.backplanes and isinstance(self.grid, MapGrid))
        for k, (table, swath) in enumerate(zip(self.tables[factor], self.swaths, strict=True)):
            out, weight = planes.light[k][inside], planes.weight[k][inside]
            doubted = len(planes.sigma) > 0
            sigma, bits = (planes.sigma[k][inside], planes.quality[k][inside]) if doubted else NOTHING
            seen_by = make_sources(*what.shape) if traced else NO_SOURCES
            resample_rows(
                table.matrices, table.light, table.optics, points, what, taps, out, weight,
                table.known if doubted else UNKNOWN, sigma, bits, horizon_of(table, self.body, least), seen_by,
            )  # fmt: skip
            out *= np.float32(swath.unit)
            sigma *= np.float32(swath.unit)
            frames.append(seen_by.frame)
            if self.sources:
                planes.frame[k][inside], planes.source[k][inside] = seen_by.frame, seen_by.source
        return frames


def place_stack(planes: Planes, inside: Block, stack: NDArray[np.float32], hit: NDArray[np.bool_]) -> None:
    """Put measured backplanes (5, rows, w) where they belong."""
    for plane, values in zip(
        (planes.latitude, planes.longitude, planes.cos_incidence, planes.cos_emission, planes.phase), stack, strict=True
    ):
        plane[inside] = values
    planes.hit[inside] = hit


def leave_empty(planes: Planes, inside: Block) -> None:
    """Fill a block that nothing sees."""
    every = (slice(None), *inside)
    planes.light[every] = np.nan
    planes.weight[every] = 0.0
    if len(planes.sigma):
        planes.sigma[every] = np.nan
        planes.quality[every] = 0
    if len(planes.frame):
        planes.frame[every] = np.nan
        planes.source[every] = -1


def prepare(
    swaths: Sequence[Swath],
    body: Body,
    et0: float,
    grid: Grid,
    *,
    sun_direction: FloatArray | None = None,
    interpolation: str = "catmull-rom",
    backplanes: bool = True,
    horizon: float | None = None,
    sources: bool = False,
    drift: FloatArray | None = None,
) -> Prepared:
    """Make swaths ready for a grid, to be rendered row by row; what `render` says of its arguments holds here."""
    check_request(swaths, interpolation)
    drift = check_drift(drift)
    viewpoint, surveyed = np.zeros(3), None

    def tables_of(factor: int) -> tuple[FrameTable, ...]:
        return tuple(frame_table(coarser(swath, factor), body, et0, viewpoint, sun_direction) for swath in swaths)

    largest = min(coarsest_factor(swath) for swath in swaths)
    if isinstance(grid, View):
        viewpoint = grid.position_km
        tables = {1: tables_of(1)}
    else:
        if grid.body.name != body.name:
            raise UsageError(f"a map of {grid.body.name} cannot show {body.name}: give a grid of the same body")
        horizon = 0.0 if horizon is None else horizon
        tables = {1: tables_of(1)}
        surveyed = survey(grid, tables[1], [horizon_of(table, body, horizon) for table in tables[1]], drift)
        tables |= {factor: tables_of(factor) for factor in FACTORS if 1 < factor <= min(surveyed.largest / 2, largest)}
    return Prepared(
        tuple(swaths), body, et0, grid, tables, sun_in_body(body, et0, sun_direction), interpolation,
        backplanes, horizon, sources, surveyed, drift,
    )  # fmt: skip


def check_request(swaths: Sequence[Swath], interpolation: str) -> None:
    """Raise UsageError for what no picture can be made of."""
    if interpolation not in INTERPOLATIONS:
        raise UsageError(f"unknown interpolation {interpolation!r}: use one of {', '.join(INTERPOLATIONS)}")
    bands = [swath.band for swath in swaths]
    if not bands:
        raise UsageError("no swaths to render: give one for each filter that the picture should have")
    if len(set(bands)) < len(bands):
        raise UsageError(f"a filter is given twice among {', '.join(bands)}: give one swath a filter")


def empty_planes(
    swaths: Sequence[Swath],
    grid: Grid,
    backplanes: bool,
    *,
    shape: tuple[int, int] | None = None,
    sources: bool = False,
    native: float = 1.0,
) -> Planes:
    """Planes of the right shapes, not yet filled; (rows, columns) of `shape`, by default all of the grid."""
    size = (grid.height, grid.width) if shape is None else shape
    side = size if backplanes else (0, 0)
    bands = (len(swaths), *size)
    doubted = bands if all(swath.variance is not None for swath in swaths) else (0, 0, 0)
    traced = bands if sources else (0, 0, 0)
    # beside a map there is nothing
    altitude = np.full(side, np.nan, np.float32)
    return Planes(
        bands=tuple(swath.band for swath in swaths),
        grid=grid,
        light=np.empty(bands, np.float32),
        weight=np.empty(bands, np.float32),
        latitude=np.empty(side, np.float32),
        longitude=np.empty(side, np.float32),
        cos_incidence=np.empty(side, np.float32),
        cos_emission=np.empty(side, np.float32),
        phase=np.empty(side, np.float32),
        hit=np.empty(side, np.bool_),
        altitude_km=altitude,
        sigma=np.empty(doubted, np.float32),
        quality=np.empty(doubted, np.uint8),
        frame=np.empty(traced, np.float32),
        source=np.empty(traced, np.int16),
        native=native,
    )


def sun_in_body(body: Body, et0: float, sun_direction: FloatArray | None) -> FloatArray:
    """Unit vector (3,) to the Sun in b0; NaN where none is given."""
    if sun_direction is None:
        return np.full(3, np.nan)
    sun: FloatArray = body.body_from_j2000(et0) @ np.asarray(sun_direction, dtype=float)
    return sun / np.linalg.norm(sun)
