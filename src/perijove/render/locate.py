"""Which framelet sees a point, and where: kernels from points in the frame b0 to lines and samples."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from perijove.jit import inlined, kernel
from perijove.render.framelets import Optics

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

NOT_SEEN = -1
MAX_TRIES = 8
RUN = 64
"""Points that are projected at once by the frame of the point before them."""
FAR_LINES = 600.0
"""Beyond so many native lines from the middle the tangent misleads, and the frame is predicted from the angle."""


class Sightings(NamedTuple):
    """Who sees what: `pixel` (n,) of the row is seen by `frame` (n,) at `line` (n,) and `sample` (n,)."""

    pixel: IntArray
    frame: IntArray
    line: FloatArray
    sample: FloatArray


@inlined
def map_affine(m: FloatArray, i: int, k: int, x: float, y: float, z: float) -> tuple[float, float, float]:
    """Apply the 3 x 4 map that starts at column k of row i."""
    return (
        m[i, k] * x + m[i, k + 1] * y + m[i, k + 2] * z + m[i, k + 3],
        m[i, k + 4] * x + m[i, k + 5] * y + m[i, k + 6] * z + m[i, k + 7],
        m[i, k + 8] * x + m[i, k + 9] * y + m[i, k + 10] * z + m[i, k + 11],
    )


@inlined
def see_point(matrices: FloatArray, i: int, x: float, y: float, z: float, kind: float) -> tuple[float, float, float]:
    """Vector from camera i to a point, along X and Y in units of 1 / focal length; `kind` as in `cast_rows`."""
    if kind <= 0.0:
        return map_affine(matrices, i, 0, x, y, z)
    sx, sy, sz = map_affine(matrices, i, 12, x, y, z)
    if kind < 1.0:
        bx, by, bz = map_affine(matrices, i, 0, x, y, z)
        sx, sy, sz = bx + kind * (sx - bx), by + kind * (sy - by), bz + kind * (sz - bz)
    return sx, sy, sz


@inlined
def project_distorted(optics: Optics, x: float, y: float, z: float) -> tuple[float, float]:
    """Continuous (line, sample), in stored pixels, of a vector from `see_point` with z > 0."""
    inverse = 1.0 / z
    u, v = x * inverse, y * inverse
    r2 = u * u + v * v
    factor = 1.0 + r2 * (optics.k1 + r2 * optics.k2)
    line = (v * factor + optics.centre_line) * optics.shrink
    sample = (u * factor + optics.centre_sample) * optics.shrink
    return line, sample


@kernel
def predict_frame(matrices: FloatArray, optics: Optics, x: float, y: float, z: float, kind: float) -> int:
    """Frame, perhaps outside the strip, whose middle line should see the point: from one angle at the middle frame."""
    middle = optics.frames // 2
    _, cy, cz = see_point(matrices, middle, x, y, z, kind)
    angle = optics.target - math.atan2(cy * optics.inverse_focal, cz)
    if angle > math.pi:
        angle -= 2.0 * math.pi
    elif angle < -math.pi:
        angle += 2.0 * math.pi
    return middle + math.floor(angle / optics.spin + 0.5)


@kernel
def seek_frame(
    matrices: FloatArray, optics: Optics, guess: int, x: float, y: float, z: float, kind: float
) -> tuple[int, int, float, float]:
    """A frame that sees the point, the frame wanted, and (line, sample) in it; NOT_SEEN and zeros where there is none.

    From a guess each exact projection tells how many frames to move; one try suffices where the guess is right. The
    frame wanted may lie outside the strip. Samples are not looked at.
    """
    half = 0.5 * optics.lines
    last = optics.frames - 1
    wanted, previous, line, sample, jumped = guess, NOT_SEEN, 0.0, 0.0, False
    for _ in range(MAX_TRIES):
        i = min(max(wanted, 0), last)
        cx, cy, cz = see_point(matrices, i, x, y, z, kind)
        far = cz <= 0.0
        if not far:
            line, sample = project_distorted(optics, cx, cy, cz)
            if 0.0 <= line <= optics.lines:
                return i, i, line, sample
            far = abs(line - half) > FAR_LINES * optics.shrink
        if far:
            if jumped:
                break
            jumped = True
            wanted = predict_frame(matrices, optics, x, y, z, kind)
            if wanted < -2 or wanted > last + 2:
                break
            continue
        wanted = i + math.floor((half - line) / optics.step + 0.5)
        after = min(max(wanted, 0), last)
        if after in (i, previous):
            break
        previous = i
    return NOT_SEEN, wanted, 0.0, 0.0


@kernel
def project_run(
    maps: FloatArray, optics: Optics, x: FloatArray, y: FloatArray, z: FloatArray, line: FloatArray, sample: FloatArray
) -> None:
    """Project a run of points by one 3 x 4 map (12,) into `line` and `sample`, NaN behind the camera."""
    a, b, c, d = maps[0], maps[1], maps[2], maps[3]
    e, f, g, h = maps[4], maps[5], maps[6], maps[7]
    p, q, r, s = maps[8], maps[9], maps[10], maps[11]
    for k in range(x.size):
        depth = p * x[k] + q * y[k] + r * z[k] + s
        inverse = 1.0 / (depth if depth > 0.0 else math.nan)
        u = (a * x[k] + b * y[k] + c * z[k] + d) * inverse
        v = (e * x[k] + f * y[k] + g * z[k] + h) * inverse
        r2 = u * u + v * v
        factor = 1.0 + r2 * (optics.k1 + r2 * optics.k2)
        line[k] = (v * factor + optics.centre_line) * optics.shrink
        sample[k] = (u * factor + optics.centre_sample) * optics.shrink


@kernel
def share_map(kind: FloatArray) -> int:
    """Column of the map that carries a whole run of points: 0 surface, 12 sky, -1 where the run is mixed."""
    surface, sky = 0, 0
    for k in range(kind.size):
        surface += kind[k] <= 0.0
        sky += kind[k] >= 1.0
    if surface == kind.size:
        return 0
    return 12 if sky == kind.size else -1


@kernel
def count_inside(line: FloatArray, lines: int) -> int:
    """Leading elements of a run that lie between the first and the last line."""
    inside = 0
    for k in range(line.size):
        inside += (line[k] >= 0.0) & (line[k] <= lines)
    if inside == line.size:
        return inside
    k = 0
    while 0.0 <= line[k] <= lines:
        k += 1
    return k


@kernel
def locate_row(
    matrices: FloatArray, optics: Optics, points: FloatArray, kind: FloatArray, found: Sightings, wanted: IntArray
) -> int:
    """One sighting for each point (3, w) of a row, in order; returns how many points are seen at all.

    Where no frame sees a point its `frame` is NOT_SEEN and its place (0, 0). `wanted` (w,) gets the frame that each
    point asks for, inside the strip or not. Neighbours mostly share a frame: a run of points is projected by the last
    frame found, and a frame is sought anew only where the run leaves the framelet.
    """
    width = kind.size
    guess = predict_frame(matrices, optics, points[0, 0], points[1, 0], points[2, 0], kind[0])
    c, seen, known = 0, 0, False
    while c < width:
        end = min(c + RUN, width)
        column = share_map(kind[c:end]) if known else -1
        if column >= 0:
            maps, line = matrices[guess, column : column + 12], found.line[c:end]
            project_run(maps, optics, points[0, c:end], points[1, c:end], points[2, c:end], line, found.sample[c:end])
            count = count_inside(line, optics.lines)
            found.frame[c : c + count] = guess
            wanted[c : c + count] = guess
            seen += count
            c += count
        if column < 0 or c < end:
            found.frame[c], guess, found.line[c], found.sample[c] = seek_frame(
                matrices, optics, guess, points[0, c], points[1, c], points[2, c], kind[c]
            )
            wanted[c] = guess
            known = found.frame[c] != NOT_SEEN
            seen += known
            c += 1
    for c in range(width):
        found.pixel[c] = c
    return seen


@kernel
def list_overlaps(optics: Optics, count: int, found: Sightings, near: IntArray) -> int:
    """Numbers of those among `count` sightings that lie near enough to the first or last line to be seen twice."""
    edge = optics.lines - abs(optics.step) + optics.margin
    far = optics.lines - edge
    n = 0
    for j in range(count):
        if found.line[j] < edge or found.line[j] > far:
            near[n] = j
            n += found.frame[j] != NOT_SEEN
    return n


@kernel
def locate_beside(
    matrices: FloatArray,
    optics: Optics,
    points: FloatArray,
    kind: FloatArray,
    way: int,
    count: int,
    near: IntArray,
    found: Sightings,
    beside: Sightings,
) -> int:
    """Sightings by the frame after (`way` 1) or before (-1) of the `count` points numbered in `near`; their number.

    `beside` may be `found` itself, whose first entries are then written over.
    """
    low, high = -optics.margin, optics.lines + optics.margin
    n = 0
    for k in range(count):
        j = near[k]
        c, i = found.pixel[j], found.frame[j] + way
        if 0 <= i < optics.frames and low <= found.line[j] + way * optics.step <= high:
            x, y, z = see_point(matrices, i, points[0, c], points[1, c], points[2, c], kind[c])
            if z > 0.0:
                line, sample = project_distorted(optics, x, y, z)
                if 0.0 <= line <= optics.lines:
                    beside.pixel[n], beside.frame[n], beside.line[n], beside.sample[n] = c, i, line, sample
                    n += 1
    return n


@kernel
def locate_turn_away(
    matrices: FloatArray, optics: Optics, points: FloatArray, kind: FloatArray, wanted: IntArray, found: Sightings
) -> int:
    """Sightings one revolution away from the frames `wanted` (w,): a long strip sees its ends twice. Their number."""
    n = 0
    for c in range(kind.size):
        other = wanted[c] + optics.turn if wanted[c] < optics.turn // 2 else wanted[c] - optics.turn
        if -2 <= other <= optics.frames + 1:
            i, _, line, sample = seek_frame(matrices, optics, other, points[0, c], points[1, c], points[2, c], kind[c])
            if i != NOT_SEEN and abs(i - wanted[c]) > optics.turn // 2:
                found.pixel[n], found.frame[n], found.line[n], found.sample[n] = c, i, line, sample
                n += 1
    return n
