"""Moons in an annotated picture of their planet, and their shadows on it, in pictures and on maps.

A moon is ringed along its disc, or by a ring as wide as its place is uncertain where that is more; a shadow along
the edge of its penumbra. A moon behind the planet is left out, and one too small to leave a trace.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.bodies import BODIES, LIGHT_KM_S, Body
from perijove.ephemeris.moons import place_error_km
from perijove.ephemeris.transits import Shadow, Sighting, shadow, shadow_rim, sight
from perijove.figure.curves import cut
from perijove.figure.ground import Locate
from perijove.figure.labels import Label, Sheetroom
from perijove.geometry.axes import frame_around
from perijove.geometry.ellipsoid import intersect
from perijove.geometry.view import View
from perijove.render.planes import Grid

FloatArray = NDArray[np.float64]

LEAST_RING = 0.45
"""Radius of the smallest ring around a moon, in sizes of the face."""
AIR_RING = 1.0
"""Free ring between a disc and the line around it, px."""
LEAST_SHADOW = 1.5
"""Shadows of a smaller radius in the picture, px, are not outlined."""
MOST_ERROR = 2.0
"""A moon whose place is uncertain by more sizes of the face than this is not marked, nor is a shadow that may lie by
more than its own radius elsewhere."""
LEAST_DISC = 0.1
"""Radius in px below which a moon leaves no trace in a picture and is not marked."""
COUNT = 721


@dataclass(frozen=True)
class Marks:
    """What is drawn for the moons: lines (n, 2) of pixels (line, sample), and where their names may stand."""

    lines: list[FloatArray]
    names: list[list[Label]]


def marks_of_moons(grid: Grid, body: Body, et: float, locate: Locate, size: float) -> Marks:
    """The marks of all moons of a body on a grid, at the ET for which its frame is fixed; `size` of the face in px."""
    out = Marks([], [])
    turn = body.body_from_j2000(et)
    for moon in (moon for moon in BODIES.values() if moon.parent == body.name):
        if isinstance(grid, View):
            observer = turn.T @ grid.position_km
            # the frame is that of the light that leaves the planet
            arrival = et + float(np.linalg.norm(observer)) / LIGHT_KM_S
            _mark_moon(out, grid, body, turn, sight(moon, observer, arrival), size)
        _mark_shadow(out, grid, shadow(moon, et), locate, size)
    return out


def put_names(room: Sheetroom, marks: Marks) -> None:
    """Put the names of marks on a sheet, each where it first finds room, and keep other words off the lines."""
    for candidates in marks.names:
        room.put(candidates)
    for line in marks.lines:
        top, left = line.min(axis=0)
        bottom, right = line.max(axis=0)
        room.block(float(left), float(top), float(right - left), float(bottom - top))


def _mark_moon(out: Marks, view: View, body: Body, turn: FloatArray, seen: Sighting, size: float) -> None:
    """Ring a moon that is in the picture and not behind the planet."""
    way = turn @ seen.position_km - view.position_km
    middle = view.pixel(way)
    if seen.occulted or not _inside(middle, view):
        return
    px_per_km = 1.0 / (view.scale * float(seen.distance_km))
    error = place_error_km(seen.moon) * px_per_km
    disc = float(np.mean(seen.moon.radii_km)) * px_per_km
    if error > MOST_ERROR * size or disc < LEAST_DISC:
        return
    radius = max(disc + AIR_RING, error, LEAST_RING * size)
    side, other, _ = frame_around(way / np.linalg.norm(way))
    reach = radius / px_per_km

    def curve(t: FloatArray) -> FloatArray:
        ring = way + reach * (np.cos(t)[:, None] * side + np.sin(t)[:, None] * other)
        met = np.linalg.norm(intersect(view.position_km, ring, body.radii_km) - view.position_km, axis=-1)
        hidden = met < float(seen.distance_km)
        return np.where(hidden[:, None], np.nan, view.pixel(ring))

    lines = cut(curve, np.linspace(0.0, 2.0 * np.pi, COUNT), view.width, view.height)
    if lines:
        name = seen.moon.name.capitalize() + (" in eclipse" if seen.eclipsed else "")
        out.lines.extend(lines)
        out.names.append(list(_beside(name, lines, size)))


def _mark_shadow(out: Marks, grid: Grid, cast: Shadow, locate: Locate, size: float) -> None:
    """Outline a shadow whose edge is in the picture."""
    if not np.isfinite(cast.latitude) or place_error_km(cast.moon) > cast.penumbra_km:
        return
    rim = shadow_rim(cast, float(cast.penumbra_km), COUNT)
    pixel = locate(rim[:, 0], rim[:, 1])
    if not np.isfinite(pixel).any():
        return
    lines = cut(lambda t: pixel[np.rint(t).astype(int)], np.arange(float(COUNT)), grid.width, grid.height)
    if not lines or max(float(np.ptp(line, axis=0).max()) for line in lines) < 2.0 * LEAST_SHADOW:
        return
    out.lines.extend(lines)
    out.names.append(list(_beside(f"Shadow of {cast.moon.name.capitalize()}", lines, size)))


def _inside(pixel: FloatArray, view: View) -> bool:
    """Whether a pixel (2,) lies in the picture."""
    return bool(np.all(pixel >= 0.0) and pixel[0] <= view.height and pixel[1] <= view.width)


def _beside(text: str, lines: list[FloatArray], size: float) -> Iterator[Label]:
    """Where the name of an outline may stand: right of it, left, above, below."""
    points = np.concatenate(lines)
    (top, left), (bottom, right) = points.min(axis=0), points.max(axis=0)
    y, x = (top + bottom) / 2, (left + right) / 2
    label = Label(text, float(x), float(y), size, "italic")
    wide, high = label.span
    beside, above = (right - left) / 2 + 0.4 * size + wide / 2, (bottom - top) / 2 + 0.4 * size + high / 2
    for across, down in ((1, 0), (-1, 0), (0, -1), (0, 1), (1, -0.8), (1, 0.8), (-1, -0.8), (-1, 0.8)):
        yield Label(text, float(x + across * beside), float(y + down * above), size, "italic")
