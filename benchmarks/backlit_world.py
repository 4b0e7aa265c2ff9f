"""The world in a view as a simulated strip's pixels gather it: through its lens, over its exposure, place by place.

Across a wide view the pixels of a spinning camera do not keep their size: along the turn they cover equal angles, in
the picture equal tangents, and the lens draws its edges together. So the blur is made for each part of the view from
the very pixel that saw it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import fftfreq, irfft2, next_fast_len, rfft2, rfftfreq

from perijove.geometry.view import View, pixel_rays
from perijove.instrument import (
    CENTRE_LINE,
    CENTRE_SAMPLE,
    FOCAL_LENGTH_PX,
    FRAMELET_LINES,
    RADIAL_K1,
    RADIAL_K2,
    Filter,
)
from perijove.simulate.frames import j2000_from_body
from perijove.simulate.optics import Samples, sub_samples, undistort
from perijove.simulate.portrait import portrait
from perijove.simulate.scene import Scene
from perijove.simulate.strip import Strip

FloatArray = NDArray[np.float64]

FINE = 3
"""Rays a pixel, each way, of the world."""
TILE = 96
"""Side of the parts of a view that have one blur, px: over it pixels change by a hundredth."""
MARGIN = 16
"""Light around a part that is blurred with it, px."""


@dataclass(frozen=True)
class Spread:
    """How a camera's pixel gathers light, in px (line, sample) of a view: `offsets` (n, 2) of its rays from where its
    middle looks in the middle of the exposure; `axes` (2, 2), steps of one line and one sample of the camera."""

    offsets: FloatArray
    axes: FloatArray


def pixel_ways(scene: Scene, band: Filter, line: float, sample: float, which: Samples) -> FloatArray:
    """Unit vectors (n, 3) in the camera's frame of the sub-samples of one pixel, whose corner is (line, sample)."""
    shift = scene.lens.shift.get(band, (0.0, 0.0))
    v = line + which.line - CENTRE_LINE[band] - shift[0]
    u = sample + which.sample - CENTRE_SAMPLE - shift[1]
    shrink = undistort(np.hypot(u, v), scene.lens.k1, scene.lens.k2)
    focal = np.full(len(u), FOCAL_LENGTH_PX * scene.lens.scale.get(band, 1.0))
    ways = np.stack([u * shrink, v * shrink, focal], axis=-1)
    out: FloatArray = ways / np.linalg.norm(ways, axis=-1, keepdims=True)
    return out


def seen_at(scene: Scene, strip: Strip, band: Filter, direction: FloatArray) -> tuple[float, float, float]:
    """ET of the frame whose middle saw a direction (3,) of j2000 nearest to its middle line, and (line, sample)."""
    rays = np.swapaxes(scene.spin.j2000_from_camera(strip.timing.et), -1, -2) @ direction
    focal = FOCAL_LENGTH_PX * scene.lens.scale.get(band, 1.0)
    u, v = focal * rays[:, 0] / rays[:, 2], focal * rays[:, 1] / rays[:, 2]
    square = u * u + v * v
    stretch = 1.0 + RADIAL_K1 * square + RADIAL_K2 * square * square
    shift = scene.lens.shift.get(band, (0.0, 0.0))
    line = v * stretch + CENTRE_LINE[band] + shift[0] - (strip.shot.stages - 1) / 2.0
    sample = u * stretch + CENTRE_SAMPLE + shift[1]
    away = np.where(rays[:, 2] > 0.0, np.abs(line - FRAMELET_LINES / 2), np.inf)
    k = int(np.argmin(away))
    return float(strip.timing.et[k]), float(line[k]), float(sample[k])


def spread_of(scene: Scene, strip: Strip, et: float, view: View, band: Filter, direction: FloatArray) -> Spread:
    """The rays of the pixel of a strip that saw a body-fixed direction (3,) of a view at ET, as they were traced."""
    turn = j2000_from_body(scene.flight.body, et)
    at, line, sample = seen_at(scene, strip, band, turn @ direction)
    samples = sub_samples(2, strip.shot.stages)
    middle = Samples(np.full(1, 0.5 + (strip.shot.stages - 1) / 2.0), np.full(1, 0.5), np.zeros(1))

    def seen(which: Samples, down: float = 0.0, along: float = 0.0) -> FloatArray:
        ways = pixel_ways(scene, band, line - 0.5 + down, sample - 0.5 + along, which)
        attitude = scene.spin.j2000_from_camera(at + which.seconds)
        return view.pixel(np.einsum("nij,nj->ni", attitude, ways) @ turn)

    here = seen(middle)[0]
    axes = np.stack([seen(middle, down=1.0)[0] - here, seen(middle, along=1.0)[0] - here])
    return Spread(seen(samples) - here, axes)


def passed_by(spread: Spread, blur_px: float, down: FloatArray, along: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What a pixel passes of waves of (down, along) cycles a px of the view; and what Catmull and Rom's kernel between
    its pixels passes of that."""
    reach = np.arange(-math.ceil(4.0 * blur_px), math.ceil(4.0 * blur_px) + 1)
    weights = np.exp(-0.5 * (reach / blur_px) ** 2)
    weights /= weights.sum()
    x = np.linspace(0.0, 2.0, 401)
    kernel = np.where(x < 1.0, 1.5 * x**3 - 2.5 * x**2 + 1.0, -0.5 * x**3 + 2.5 * x**2 - 4.0 * x + 2.0)
    passed = np.mean([np.exp(2j * math.pi * (down * a + along * b)) for a, b in spread.offsets], axis=0)
    across = np.ones(passed.shape)
    for axis in spread.axes:
        cycles = down * axis[0] + along * axis[1]
        passed *= sum(w * np.cos(2.0 * math.pi * n * cycles) for w, n in zip(weights, reach, strict=True))
        # of the kernel, by a table of its cosine transform
        table = np.linspace(0.0, np.abs(cycles).max(), 400)
        wave = 2.0 * np.trapezoid(kernel * np.cos(2.0 * math.pi * table[:, None] * x), x, axis=1)
        across *= np.interp(np.abs(cycles), table, wave)
    # rays as far apart as these tell nothing of finer waves, and a sharp end of them would ring
    passed *= 0.5 + 0.5 * np.cos(math.pi * np.clip(4.0 * np.hypot(down, along) / FINE - 1.0, 0.0, 1.0))
    return passed, across


def world_seen(
    scene: Scene, strip: Strip, et: float, view: View
) -> tuple[dict[Filter, NDArray[np.float32]], dict[Filter, NDArray[np.float32]]]:
    """The world in a view as the strip's camera blurs it, and blurred by Catmull and Rom's kernel at its px too.

    Each has `FINE` x `FINE` places a px of the view; `at_pixels` takes those in the middle of its px.
    """
    # a frame around it, so that no part lies at the end of the light
    line = (np.arange(FINE * (view.height + 2 * MARGIN)) + 0.5) / FINE - MARGIN
    sample = (np.arange(FINE * (view.width + 2 * MARGIN)) + 0.5) / FINE - MARGIN
    world = portrait(scene, et, view.position_km, pixel_rays(view, line[:, None], sample[None, :]), per_side=1)
    shape = [next_fast_len(FINE * (TILE + 2 * MARGIN), real=True)] * 2
    # cycles a px
    down, along = FINE * fftfreq(shape[0])[:, None], FINE * rfftfreq(shape[1])[None, :]
    size = (FINE * view.height, FINE * view.width)
    plain, resampled = ({band: np.empty(size, np.float32) for band in world} for _ in range(2))
    for top in range(0, view.height, TILE):
        for left in range(0, view.width, TILE):
            high, wide = min(TILE, view.height - top), min(TILE, view.width - left)
            centre = pixel_rays(view, np.array(top + high / 2), np.array(left + wide / 2))
            part = np.s_[FINE * top : FINE * (top + high + 2 * MARGIN), FINE * left : FINE * (left + wide + 2 * MARGIN)]
            middle = np.s_[FINE * MARGIN : FINE * (MARGIN + high), FINE * MARGIN : FINE * (MARGIN + wide)]
            here = np.s_[FINE * top : FINE * (top + high), FINE * left : FINE * (left + wide)]
            for band, light in world.items():
                spread = spread_of(scene, strip, et, view, band, centre)
                passed, across = passed_by(spread, scene.lens.blur_px, down, along)
                waves = rfft2(light[part].astype(float), shape)
                plain[band][here] = irfft2(waves * passed, shape)[middle]
                resampled[band][here] = irfft2(waves * passed * across, shape)[middle]
    return plain, resampled


def at_pixels(fine: NDArray[np.float32]) -> FloatArray:
    """What `world_seen` tells of the middles of the px."""
    return fine[FINE // 2 :: FINE, FINE // 2 :: FINE].astype(float)
