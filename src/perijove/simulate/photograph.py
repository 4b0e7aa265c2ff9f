"""Photograph: the light of every framelet of a shot, traced forward from the world to the chip."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from perijove.instrument import FOCAL_LENGTH_PX, Filter
from perijove.simulate.frames import j2000_from_body
from perijove.simulate.optics import PAD_LINES, looks, sub_samples
from perijove.simulate.scene import Scene, Shot, Timing, time_shot
from perijove.simulate.stars import add_stars, star_light
from perijove.simulate.surface import Surface
from perijove.simulate.world import BANDS

FloatArray = NDArray[np.float64]
Light = NDArray[np.float32]
Progress = Callable[[int, int], object]

TEXELS_PER_PIXEL = 1.0


@dataclass(frozen=True)
class Photograph:
    """The noiseless strip: `light` maps a filter to (frames, 128, 1648) float32 I/F at native pixels.

    `sun_body` (3,) is the unit vector to the Sun in the body's frame at mid-image; `surface` the ground that was seen.
    """

    shot: Shot
    timing: Timing
    light: Mapping[Filter, Light]
    surface: Surface
    sun_body: FloatArray


def photograph(
    scene: Scene, shot: Shot, *, per_side: int = 2, progress: Progress = lambda done, of: None
) -> Photograph:
    """Take one shot with per_side x per_side rays a pixel; `progress` is told how many framelets of how many are done.

    Light reaches the camera's place after the light time: the body is shown, and seen from, as it was then. Within an
    exposure every ray has its own attitude, place and time.
    """
    timing = time_shot(scene, shot)
    middle = float(timing.et.mean())
    sun = scene.sun(middle)
    sun_body = sun @ j2000_from_body(scene.flight.body, middle) / np.linalg.norm(sun)
    surface = shot_surface(scene, timing, sun_body)
    samples = sub_samples(per_side, shot.stages, smear=shot.smear)
    rays = {band: looks(scene.lens, band, samples) for band in shot.filters}
    light = {band: np.empty((len(timing.et), 128, 1648), np.float32) for band in shot.filters}
    work = [(band, frame) for frame in range(len(timing.et)) for band in shot.filters]
    done = 0

    def one(task: tuple[Filter, int]) -> None:
        band, frame = task
        et = float(timing.et[frame])
        light[band][frame] = framelet(scene, shot, band, et, rays[band], samples.seconds, surface)

    with ThreadPoolExecutor(2) as pool:
        for _ in pool.map(one, work):
            done += 1
            progress(done, len(work))
    return Photograph(shot, timing, light, surface, sun_body)


def shot_surface(scene: Scene, timing: Timing, sun_body: FloatArray) -> Surface:
    """The ground seen during a shot, painted for its nearest moment."""
    et = timing.et[[0, len(timing.et) // 2, -1]]
    places, left = scene.flight.seen_from(et)
    fixed = np.einsum("ni,nij->nj", places, j2000_from_body(scene.flight.body, left))
    height = float(np.linalg.norm(fixed, axis=1).min()) - min(scene.flight.body.radii_km)
    return scene.world.surface(fixed, sun_body, height / FOCAL_LENGTH_PX / TEXELS_PER_PIXEL, float(et[1]))


def framelet(
    scene: Scene, shot: Shot, band: Filter, et: float, rays: FloatArray, seconds: FloatArray, surface: Surface
) -> Light:
    """I/F (128, 1648) of one framelet: traced, starred, blurred."""
    body = scene.flight.body
    places, left = scene.flight.seen_from(et + seconds)
    body_from_j2000 = j2000_from_body(body, left).transpose(0, 2, 1)
    attitude = scene.spin.j2000_from_camera(et + seconds)
    turns = np.ascontiguousarray(body_from_j2000 @ attitude)
    leans = np.ascontiguousarray(np.einsum("nij,ni->nj", attitude, scene.flight.lean(et + seconds)))
    fixed = np.ascontiguousarray(np.einsum("nij,nj->ni", body_from_j2000, places))
    sun = scene.sun(et)
    distance = float(np.linalg.norm(sun))
    finest = 1.0 / (FOCAL_LENGTH_PX * np.sqrt(len(seconds)))
    sun_body = np.ascontiguousarray(body_from_j2000[0] @ sun / distance)
    out = scene.world.light(surface, band, rays, turns, fixed, sun_body, float(finest), leans)
    stars = scene.sky
    if stars is not None:
        nadir = -places[0] / np.linalg.norm(places[0])
        size = np.arcsin(min(1.0, 1.005 * max(body.radii_km) / float(np.linalg.norm(places[0]))))
        pixels, light = star_light(
            stars, scene.lens, band, BANDS.index(band), attitude.mean(axis=0).T, shot.stages, distance,
            hidden=(nadir, float(np.cos(size))), lean=leans.mean(axis=0),
        )  # fmt: skip
        add_stars(pixels, light, out)
    blurred: Light = gaussian_filter(out, scene.lens.blur_px) if scene.lens.blur_px > 0.0 else out
    return blurred[PAD_LINES:-PAD_LINES]
