"""Where names go on a picture: at their places, the largest features first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from perijove.bodies import Body
from perijove.figure.caption import Type
from perijove.figure.ground import Ground, Locate, px_per_km
from perijove.figure.ink import text_width
from perijove.figure.labels import Label, Sheetroom
from perijove.figure.names import Band, Feature, bands, features
from perijove.geometry.ellipsoid import normal, point_from_centric
from perijove.geometry.view import View
from perijove.geometry.viewpoint import cos_emission
from perijove.render.planes import Grid

FloatArray = NDArray[np.float64]

SMALLEST = 0.7
"""Features smaller in the picture than this many sizes of their name's face get none."""
STEEPEST = 0.25
"""Least cosine of emission under which a place is named: nearer to the limb it cannot be told."""
WIDE = 1.5
"""A region this many times as wide as its name bears it across its middle, others beside a dot."""
LINEAR = ("Linea", "Lineae", "Flexus", "Catena", "Catenae", "Fossa", "Fossae", "Rupes", "Vallis")
"""Kinds of features of which the diameter is a length: a word over the middle would name the ground beside them."""
GAP = 0.3
"""From the dot to its name, in sizes."""


def name_features(
    room: Sheetroom, body: Body, grid: Grid, sun: FloatArray | None, seen: Ground, locate: Locate, sizes: Type
) -> None:
    """Write the names of places that are shown by day, as many as the picture's size bears."""
    known = features(body)
    if not known:
        return
    latitude, longitude = (np.array([getattr(f, key) for f in known]) for key in ("latitude", "longitude"))
    pixel = locate(latitude, longitude)
    across = px_per_km(grid, body, latitude, longitude) * np.array([f.diameter_km for f in known])
    points = point_from_centric(latitude, longitude, body.radii_km)
    size = max(0.85 * sizes.mark, 10.5)
    with np.errstate(invalid="ignore"):
        wanted = (across > SMALLEST * size) & seen.shows(pixel)
        if sun is not None:
            wanted &= normal(points, body.radii_km) @ sun > 0.0
        if isinstance(grid, View):
            wanted &= cos_emission(grid.position_km, body, points) > STEEPEST
    most, put = int(12 + np.hypot(grid.width, grid.height) / 150.0), 0
    for k in np.flatnonzero(wanted):
        able = on_ground(_places(known[k], pixel[k], float(across[k]), size), seen)
        if put < most and room.put(able) is not None:
            put += 1


def on_ground(candidates: Iterable[Label], seen: Ground) -> Iterator[Label]:
    """Those of some labels that stand on ground that is shown, with all of their letters."""
    return (label for label in candidates if seen.shows(label.inner()[:, ::-1]).all())


def _places(feature: Feature, pixel: FloatArray, across: float, size: float) -> Iterator[Label]:
    """Where the name of a feature may stand: over a region that is wide, else close beside a dot in its middle."""
    y, x = float(pixel[0]), float(pixel[1])
    capitals = feature.name.upper()
    if across > WIDE * text_width(capitals, 0.85 * size) and feature.name.split()[-1] not in LINEAR:
        for down in (0.0, 1.4, -1.4):
            yield Label(capitals, x, y + down * size, 0.85 * size)
        return
    label = Label(feature.name, x, y, size, "italic", dot=(x, y))
    wide, high = label.span
    beside, above = label.dot_radius + GAP * size + wide / 2, label.dot_radius + GAP * size + high / 2
    # right, left, above, below, and then the four between
    for right, down in ((1, 0), (-1, 0), (0, -1), (0, 1), (0.9, -0.8), (0.9, 0.8), (-0.9, -0.8), (-0.9, 0.8)):
        yield replace(label, x=x + right * beside, y=y + down * above)


def name_bands(room: Sheetroom, body: Body, sun: FloatArray | None, seen: Ground, locate: Locate, sizes: Type) -> None:
    """Write the names of Jupiter's belts and zones along them, to the right of the middle of what is shown by day."""
    size = max(0.8 * sizes.mark, 10.5)
    for band in bands(body):
        room.put(on_ground(_along(band, body, sun, seen, locate, room, size), seen))


def _along(
    band: Band, body: Body, sun: FloatArray | None, seen: Ground, locate: Locate, room: Sheetroom, size: float
) -> Iterator[Label]:
    """Where the name of a band may stand: in its middle latitude, turned as it runs there."""
    middle, step = 0.5 * (band.south + band.north), np.radians(0.5)
    longitude = np.arange(0.0, 2.0 * np.pi, step)
    pixel, north, south = (locate(np.full_like(longitude, y), longitude) for y in (middle, band.north, band.south))
    way = (locate(np.full_like(longitude, middle), longitude + step) - pixel)[:, ::-1]
    with np.errstate(invalid="ignore"):
        able = seen.shows(pixel) & np.isfinite(way).all(axis=-1) & np.isfinite(north + south).all(axis=-1)
        if sun is not None:
            points = point_from_centric(middle, longitude, body.radii_km)
            able &= normal(points, body.radii_km) @ sun > 0.1
        length = np.linalg.norm(way, axis=-1)
        # how wide the band is across its own direction
        sides = north - south
        high = np.abs(sides[:, 0] * way[:, 0] - sides[:, 1] * way[:, 1]) / length
        able &= high > 1.25 * size
    turn = np.arctan2(way[:, 1], way[:, 0])
    turn = np.remainder(turn + np.pi / 2, np.pi) - np.pi / 2
    column = 0.6 * pixel[able, 1].max(initial=0.0) + 0.4 * pixel[able, 1].min(initial=room.width)
    for k in sorted(np.flatnonzero(able).tolist(), key=lambda k: float(abs(pixel[k, 1] - column))):
        for text in (band.name, band.short):
            wide = text_width(text, size, "italic")
            # a straight word leaves a curved band: how far the band bends away at the word's end
            steps = int(np.ceil(wide / 2 / length[k]))
            bend = _bend(pixel, k, steps)
            part = able[np.arange(k - steps, k + steps + 1) % len(able)]
            if part.all() and bend < 0.5 * (high[k] - size):
                yield Label(text, float(pixel[k, 1]), float(pixel[k, 0]), size, "italic", float(turn[k]))


def _bend(pixel: FloatArray, k: int, steps: int) -> float:
    """How far a closed line of pixels (n, 2) lies from its chord about the place k, `steps` to either side; px."""
    n = len(pixel)
    ends = 0.5 * (pixel[(k - steps) % n] + pixel[(k + steps) % n])
    away = float(np.linalg.norm(ends - pixel[k]))
    return away if np.isfinite(away) else float("inf")
