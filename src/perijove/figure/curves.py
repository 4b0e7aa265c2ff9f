"""Curves on the ground as lines in a picture: graticule, terminator and limb, cut where they leave sight or frame.

Lines are arrays (n, 2) of pixels (line, sample); angles rad, kilometres.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.bodies import Body
from perijove.figure.ground import Ground, Locate, angular_extent
from perijove.geometry.axes import frame_around
from perijove.geometry.ellipsoid import centric_from_point
from perijove.geometry.view import View

FloatArray = NDArray[np.float64]
Curve = Callable[[FloatArray], FloatArray]
"""Pixels (n, 2) for a parameter (n,); NaN out of sight."""

STEPS_DEG = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 45.0)
"""What may lie between lines of a graticule, deg."""
JUMP, SUDDEN = 0.2, 12.0
"""A step of a curve longer than this share of the picture's diagonal, or this many times as long as the steps before
and after it, is no line but a jump, as at the date line."""
SAMPLES, FINE_SAMPLES = 1200, 20000
"""Places along a line of the graticule, and along a curve whose shown part is not known beforehand."""


@dataclass(frozen=True)
class Parallel:
    """One line of a graticule: 'latitude' or 'longitude', its `value` in rad (the map's own latitude), its `pieces`.

    `loose` (n, 2) are pixels where it ends of itself, NaN out of sight: at a pole, at the last parallel before it, or
    where it closes.
    """

    kind: str
    value: float
    pieces: list[FloatArray]
    loose: FloatArray


def cut(curve: Curve, t: FloatArray, width: int, height: int) -> list[FloatArray]:
    """The parts of a curve inside a frame, as lines (n, 2); their ends lie where it leaves frame or sight, or jumps."""
    pixel = curve(t)
    limit = JUMP * float(np.hypot(width, height))

    def inside(p: FloatArray) -> NDArray[np.bool_]:
        return np.asarray((p[..., 0] >= 0.0) & (p[..., 0] <= height) & (p[..., 1] >= 0.0) & (p[..., 1] <= width))

    able = inside(pixel)
    steps = np.linalg.norm(np.diff(pixel, axis=0), axis=-1)
    around = np.fmin(np.append(steps[1:], np.nan), np.insert(steps[:-1], 0, np.nan))
    with np.errstate(invalid="ignore"):
        near = (steps < limit) & ~(steps > SUDDEN * around + 3.0)
    joined = able[:-1] & able[1:] & near
    # an end is sought wherever a place inside has no neighbour to go on to
    onward = np.flatnonzero(able[:-1] & ~joined)
    back = np.flatnonzero(able[1:] & ~joined) + 1
    start, beyond = np.concatenate([onward, back]), np.concatenate([onward + 1, back - 1])
    away = np.linalg.norm(pixel[beyond] - pixel[start], axis=-1)
    ends = _ends(curve, inside, t[start], t[beyond], pixel[start], np.where(able[beyond], 0.5 * away, limit))
    after, before = dict(zip(onward, ends, strict=False)), dict(zip(back, ends[len(onward) :], strict=False))
    pieces = []
    for run in np.split(np.arange(len(t)), np.flatnonzero(~joined) + 1):
        if able[run[0]]:
            parts = [before.get(run[0]), *pixel[run], after.get(run[-1])]
            pieces.append(np.array([part for part in parts if part is not None]))
    return [piece for piece in pieces if len(piece) > 1]


def _ends(
    curve: Curve,
    inside: Callable[[FloatArray], NDArray[np.bool_]],
    last: FloatArray,
    beyond: FloatArray,
    pixel: FloatArray,
    limit: FloatArray,
) -> FloatArray:
    """The last pixels (n, 2) on the way from parameters inside to ones beyond, by halving.

    A place farther than `limit` (n,) px from the first one lies beyond a jump.
    """
    if not len(last):
        return pixel
    last, beyond, start, pixel = last.copy(), beyond.copy(), pixel, pixel.copy()
    for _ in range(40):
        middle = 0.5 * (last + beyond)
        p = curve(middle)
        with np.errstate(invalid="ignore"):
            good = inside(p) & (np.linalg.norm(p - start, axis=-1) < limit)
        last, beyond = np.where(good, middle, last), np.where(good, beyond, middle)
        pixel = np.where(good[:, None], p, pixel)
    return pixel


def graticule_step(locate: Locate, seen: Ground, width: int, height: int) -> tuple[float, float]:
    """Steps of latitude and longitude in rad: 6 lines across a small picture, 12 across a large one."""
    count = float(np.clip(np.hypot(width, height) / 250.0, 6.0, 12.0))
    extent = np.degrees(min(angular_extent(seen), np.pi))
    latitude = _nearest_step(extent / count)
    there = seen.ground
    if not there.any():
        return float(np.radians(latitude)), float(np.radians(latitude))
    span = np.degrees(_longitude_range(seen)[1])
    # how much longer a degree of latitude is than one of longitude, where it is neither near a limb nor near a pole
    y, x = seen.place[there].T
    here = locate(y, x)
    up, along = (np.linalg.norm(locate(y + a, x + b) - here, axis=-1) for a, b in ((1e-6, 0.0), (0.0, 1e-6)))
    ratio = float(np.clip(np.nanmedian(up / np.maximum(along, 1e-12)), 0.1, 10.0))
    longitude = max(_nearest_step(extent / count * ratio), _nearest_step(span / 24.0))
    return float(np.radians(latitude)), float(np.radians(longitude))


def _nearest_step(degrees: float) -> float:
    """The step that comes nearest by ratio."""
    return min(STEPS_DEG, key=lambda step: abs(np.log(step / max(degrees, 1e-6))))


def _longitude_range(seen: Ground) -> tuple[float, float]:
    """Western end and span, rad, of the longitudes that a picture may show; everything where a pole is near."""
    place = seen.place[seen.ground]
    if np.degrees(np.abs(place[:, 0]).max()) > 89.0:
        return 0.0, 2.0 * np.pi
    longitude = np.sort(place[:, 1] % (2.0 * np.pi))
    gaps = np.diff(longitude, append=longitude[0] + 2.0 * np.pi)
    widest = int(np.argmax(gaps))
    first = longitude[(widest + 1) % len(longitude)]
    span = 2.0 * np.pi - float(gaps[widest])
    if gaps[widest] < np.radians(5.0):
        return 0.0, 2.0 * np.pi
    margin = min(0.05 * span + 2.0 * span / np.sqrt(len(longitude)), 0.5 * float(gaps[widest]))
    return float(first - margin), span + 2.0 * margin


def graticule(
    locate: Locate, seen: Ground, shown_latitude: Curve, centric: Curve, width: int, height: int
) -> list[Parallel]:
    """The lines of a graticule in a picture.

    `shown_latitude` takes planetocentric latitude to the kind that the lines stand for, `centric` back. Meridians end
    at the last parallel before a pole that is a point, but for every quarter.
    """
    if not seen.ground.any():
        return []
    step, turn = graticule_step(locate, seen, width, height)
    west, span = _longitude_range(seen)
    own = shown_latitude(seen.place[seen.ground][:, 0])
    margin = 0.05 * np.ptp(own) + 1e-3
    south, north = max(own.min() - margin, -np.pi / 2), min(own.max() + margin, np.pi / 2)
    out = []
    t = west + span * np.linspace(0.0, 1.0, SAMPLES)
    for k in range(int(np.ceil(south / step)), int(np.floor(north / step)) + 1):
        latitude = k * step
        if abs(latitude) < np.pi / 2 - 1e-9:
            ring = float(centric(np.array([latitude]))[0])
            out.append(_line("latitude", latitude, lambda x, y=ring: locate(y, x), t, width, height))  # type: ignore[misc]
    # a pole that is no point, as on a cylindrical map, has room for all meridians
    poles = locate(np.array([[np.pi / 2], [-np.pi / 2]]), west + span * np.array([0.1, 0.4]))
    wide = bool((np.linalg.norm(poles[:, 0] - poles[:, 1], axis=-1) > 2.0).any())
    last = step * np.floor((np.pi / 2 - 1e-9) / step)
    count = int(np.floor((west + span - 1e-9) / turn)) - int(np.ceil(west / turn - 1e-9)) + 1
    first = int(np.ceil(west / turn - 1e-9))
    for k in range(first, first + min(count, round(2.0 * np.pi / turn))):
        longitude = k * turn
        whole = wide or abs(np.remainder(longitude + 1e-9, np.pi / 2)) < 1e-6
        low, high = (south, north) if whole else (max(south, -last), min(north, last))
        y = centric(np.linspace(low, high, SAMPLES))
        value = float(longitude % (2.0 * np.pi))
        out.append(_line("longitude", value, lambda lat, x=longitude: locate(lat, x), y, width, height))  # type: ignore[misc]
    return [line for line in out if line.pieces]


def _line(kind: str, value: float, curve: Curve, t: FloatArray, width: int, height: int) -> Parallel:
    """One line of a graticule from its curve."""
    return Parallel(kind, value, cut(curve, t, width, height), curve(t[[0, -1]]))


def terminator(locate: Locate, body: Body, sun: FloatArray, width: int, height: int) -> list[FloatArray]:
    """The lines on which the Sun, in the direction (3,), stands in the horizon of the ellipsoid."""
    side, other, _ = frame_around(sun / np.linalg.norm(sun))
    square = np.square(body.radii_km)

    def curve(t: FloatArray) -> FloatArray:
        # every direction across the Sun's is the normal of one place
        upward = np.cos(t)[:, None] * side + np.sin(t)[:, None] * other
        place = centric_from_point(upward * square)
        return locate(place[:, 0], place[:, 1])

    return cut(curve, np.linspace(0.0, 2.0 * np.pi, FINE_SAMPLES), width, height)


def limb(view: View, body: Body) -> list[FloatArray]:
    """The limb of the ellipsoid in a picture."""
    radii = np.array(body.radii_km)
    scaled = view.position_km / radii
    distance = float(np.linalg.norm(scaled))
    side, other, _ = frame_around(scaled / distance)

    def curve(t: FloatArray) -> FloatArray:
        around = np.cos(t)[:, None] * side + np.sin(t)[:, None] * other
        points = (scaled / distance**2 + np.sqrt(1.0 - 1.0 / distance**2) * around) * radii
        return view.pixel(points - view.position_km)

    return cut(curve, np.linspace(0.0, 2.0 * np.pi, FINE_SAMPLES), view.width, view.height)


def dashed(pieces: list[FloatArray], on: float, off: float) -> list[FloatArray]:
    """Lines cut into dashes `on` px long with gaps of `off` px."""
    out = []
    for piece in pieces:
        length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(piece, axis=0), axis=-1))])
        for start in np.arange(0.0, length[-1], on + off):
            stop = min(start + on, length[-1])
            at = np.concatenate([[start], length[(length > start) & (length < stop)], [stop]])
            out.append(np.stack([np.interp(at, length, piece[:, 0]), np.interp(at, length, piece[:, 1])], axis=-1))
    return out
