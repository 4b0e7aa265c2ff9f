"""Where names go on a picture: at their places, the largest features first."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from perijove.bodies import Body
from perijove.figure.caption import Type
from perijove.figure.ground import Ground, Locate, px_per_km
from perijove.figure.ink import text_width
from perijove.figure.labels import CAPITAL, DESCENT, Label, Sheetroom
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
"""A feature this many times as wide as its name bears it across its middle, others beside it."""


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
        wanted = (across > SMALLEST * size) & _shown(seen, pixel)
        if sun is not None:
            wanted &= normal(points, body.radii_km) @ sun > 0.0
        if isinstance(grid, View):
            wanted &= cos_emission(grid.position_km, body, points) > STEEPEST
    most, put = int(12 + np.hypot(grid.width, grid.height) / 150.0), 0
    for k in np.flatnonzero(wanted):
        if put < most and room.put(_beside(known[k], pixel[k], float(across[k]), size)) is not None:
            put += 1


def _shown(seen: Ground, pixel: FloatArray) -> NDArray[np.bool_]:
    """Whether the picture has data where pixels (n, 2) fall."""
    out = np.zeros(len(pixel), bool)
    able = np.isfinite(pixel).all(axis=-1)
    line = np.rint((pixel[able, 0] - seen.line[0]) / (seen.line[1] - seen.line[0])).astype(int)
    sample = np.rint((pixel[able, 1] - seen.sample[0]) / (seen.sample[1] - seen.sample[0])).astype(int)
    inside = (line >= 0) & (line < len(seen.line)) & (sample >= 0) & (sample < len(seen.sample))
    part = np.zeros(len(line), bool)
    part[inside] = seen.shown[line[inside], sample[inside]]
    out[able] = part
    return out


def _beside(feature: Feature, pixel: FloatArray, across: float, size: float) -> Iterator[Label]:
    """Where the name of a feature may stand: over it where it is wide, else beside its rim."""
    y, x = float(pixel[0]), float(pixel[1])
    capitals = feature.name.upper()
    if across > WIDE * text_width(capitals, 0.85 * size):
        for down in (0.0, 1.4, -1.4):
            yield Label(capitals, x, y + down * size, 0.85 * size)
        return
    wide, high = text_width(feature.name, size, "italic"), (CAPITAL + DESCENT) * size
    rim = 0.5 * across + 0.35 * size
    for right, down in ((1, 0), (-1, 0), (0, -1), (0, 1)):
        yield Label(
            feature.name, x + right * (rim + wide / 2), y + down * (rim + high / 2), size, "italic"
        )  # fmt: skip


def name_bands(room: Sheetroom, body: Body, sun: FloatArray | None, seen: Ground, locate: Locate, sizes: Type) -> None:
    """Write the names of Jupiter's belts and zones along them, to the right of the middle of what is shown by day."""
    size = max(0.8 * sizes.mark, 10.5)
    for band in bands(body):
        room.put(_along(band, body, sun, seen, locate, room, size))


def _along(
    band: Band, body: Body, sun: FloatArray | None, seen: Ground, locate: Locate, room: Sheetroom, size: float
) -> Iterator[Label]:
    """Where the name of a band may stand: in its middle latitude, turned as it runs there."""
    middle, step = 0.5 * (band.south + band.north), np.radians(0.5)
    longitude = np.arange(0.0, 2.0 * np.pi, step)
    pixel, north, south = (locate(np.full_like(longitude, y), longitude) for y in (middle, band.north, band.south))
    way = (locate(np.full_like(longitude, middle), longitude + step) - pixel)[:, ::-1]
    with np.errstate(invalid="ignore"):
        able = _shown(seen, pixel) & np.isfinite(way).all(axis=-1) & np.isfinite(north + south).all(axis=-1)
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
