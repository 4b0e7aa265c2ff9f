"""Several places a pixel: a coarse map's pixels as means of what was found at places spread over each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from perijove.render.planes import Planes
from perijove.render.survey import Pace

Plane = NDArray[np.float32]


def more_places(planes: Planes, shape: tuple[int, ...], pace: Pace) -> Planes:
    """Room for the light of a block (rows, w) of a map at all places of its pixels."""
    size = (len(planes.light), shape[0] * pace.down, shape[1] * pace.across)
    doubted, traced = size if len(planes.sigma) else (0, 0, 0), size if len(planes.frame) else (0, 0, 0)
    return replace(
        planes,
        light=np.empty(size, np.float32),
        weight=np.empty(size, np.float32),
        sigma=np.empty(doubted, np.float32),
        quality=np.empty(doubted, np.uint8),
        frame=np.empty(traced, np.float32),
        source=np.empty(traced, np.int16),
    )


def gather_places(
    many: Planes,
    frames: Sequence[Plane],
    pace: Pace,
    inside: tuple[slice, slice],
    planes: Planes,
    evenness: float,
    turn: int,
) -> list[Plane]:
    """Fill a block of planes with the means over the places of each pixel; the mean frame numbers of each swath.

    A mean needs half of its places. `evenness` is the mean square sum of an interpolation's weights one way: by so much
    the variance of a single place is less than that of the camera's pixels, and that of a mean of many is not. `turn`
    frames make a revolution, 0 where nothing is seen again after one.
    """
    every = (slice(None), *inside)
    light, share = means(many.light, pace)
    ways = (pace.down > 1) + (pace.across > 1)
    count = share * np.float32(pace.pixels * evenness**ways)
    some = np.isfinite(light)
    planes.light[every] = light
    planes.weight[every] = np.where(some, means(many.weight, pace)[0], np.float32(0))
    if len(planes.sigma):
        with np.errstate(invalid="ignore", divide="ignore"):
            spread = np.sqrt(means(np.square(many.sigma), pace)[0] / count)
        planes.sigma[every] = np.where(some, spread, np.float32(np.nan))
        bits = split(np.where(np.isfinite(many.light), many.quality, 0), pace)
        planes.quality[every] = np.bitwise_or.reduce(np.bitwise_or.reduce(bits, axis=4), axis=2)
    if len(planes.frame):
        sources = np.asarray(split(many.source, pace), dtype=np.int16)
        middle, any_place = sources[:, :, pace.down // 2, :, pace.across // 2], sources.max(axis=(2, 4))
        planes.source[every] = np.where(some, np.where(middle >= 0, middle, any_place), -1)
    found = []
    for k, numbers in enumerate(frames):
        if not numbers.size:
            found.append(numbers)
            continue
        numbers = of_one_turn(numbers[None], pace, turn)
        mean = np.where(some[k], means(numbers, pace, least=0.0)[0][0], np.float32(np.nan)).astype(np.float32)
        found.append(mean)
        if len(planes.frame):
            planes.frame[k][inside] = mean
    return found


def of_one_turn(numbers: Plane, pace: Pace, turn: int) -> Plane:
    """Frame numbers (bands, rows, w) of places, NaN for those of another revolution of `turn` frames.

    The place in the middle of a pixel decides, or where it has none the latest of its places.
    """
    if turn == 0:
        return numbers
    values = np.asarray(split(numbers, pace), dtype=np.float32)
    middle = values[:, :, pace.down // 2, :, pace.across // 2]
    latest = np.where(np.isfinite(values), values, np.float32(-1)).max(axis=(2, 4))
    told = np.where(np.isfinite(middle), middle, latest)[:, :, None, :, None]
    return np.where(np.abs(values - told) > turn // 2, np.float32(np.nan), values).reshape(numbers.shape)


def split(plane: NDArray[np.generic], pace: Pace) -> NDArray[np.generic]:
    """Values (bands, rows, down, w, across) of each pixel's places."""
    bands, rows, width = plane.shape
    return plane.reshape(bands, rows // pace.down, pace.down, width // pace.across, pace.across)


def share_shape(values: NDArray[np.generic]) -> tuple[int, int, int]:
    """Bands, rows and w of values split by pixels."""
    return values.shape[0], values.shape[1], values.shape[3]


def means(plane: Plane, pace: Pace, least: float = 0.5) -> tuple[Plane, Plane]:
    """Means (bands, rows, w) over the places of each pixel, and the share of them that have a value.

    A mean is NaN where fewer than the share `least`, or none, have one.
    """
    values = split(plane, pace)
    good = np.isfinite(values)
    known = np.where(good, values, np.float32(0))
    # place by place: the order of numpy's own sum follows the shape of the block, and would show in the last bit
    total = np.zeros(share_shape(values), np.float64)
    for down in range(pace.down):
        for across in range(pace.across):
            total += known[:, :, down, :, across]
    share = good.mean(axis=(2, 4), dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where((share >= least) & (share > 0.0), total / (share * pace.down * pace.across), np.nan)
    return mean.astype(np.float32), share.astype(np.float32)
