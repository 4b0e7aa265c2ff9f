"""Portrait: the world itself, without noise, as a perfect camera sees it from anywhere, and as a map would show it.

What many strips are combined into is held against this. It takes the simulator's own way of the light.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perijove.errors import UsageError
from perijove.instrument import Filter
from perijove.simulate.frames import j2000_from_body
from perijove.simulate.haze import haze_optics
from perijove.simulate.scene import COLOURS, Scene
from perijove.simulate.stars import AU_KM, SUN_MAGNITUDE, Stars
from perijove.simulate.trace import place_light
from perijove.simulate.world import BANDS, World

FloatArray = NDArray[np.float64]
Light = NDArray[np.float32]

ROWS = 16
"""Rows of a picture that a thread takes at a time."""
HIDING = 1.005
"""A body hides the stars within so many of its largest radii, as when it is photographed."""
TEXELS = 2.0
"""Painted places to a pixel, each way, below the viewpoint."""


def portrait(
    scene: Scene,
    et: float,
    place_km: ArrayLike,
    rays: ArrayLike,
    *,
    bands: Sequence[Filter] = COLOURS,
    inertial: bool = False,
    per_side: int = 2,
    haze: bool = True,
    stars: bool = True,
) -> Mapping[Filter, Light]:
    """I/F (h, w) by filter along unit vectors `rays` (h, w, 3) from `place_km` (3,), at ET.

    Place and rays are body-fixed at that time, or j2000 with `inertial`. The clouds lie as they do at ET and the light
    takes no time. A pixel is the mean of per_side x per_side rays, spread as far as its neighbours are; a star's light
    is shared among four pixels. Nothing is blurred. Raises UsageError for rays that are not (h, w, 3), fewer than two
    each way, and for a place inside the body.
    """
    way, place = np.asarray(rays, dtype=float), np.asarray(place_km, dtype=float)
    if way.ndim != 3 or way.shape[2] != 3 or min(way.shape[:2]) < 2:
        raise UsageError(f"rays have the shape {way.shape}: give unit vectors (h, w, 3), two or more each way")
    body = scene.world.body
    if not np.sum((place / np.array(body.radii_km)) ** 2) > 1.0:
        raise UsageError(f"the viewpoint {np.round(place, 1).tolist()} km lies inside {body.name}: give one outside")
    turn = j2000_from_body(body, et)
    if inertial:
        place, way = place @ turn, way @ turn
    sun = scene.sun(et) @ turn
    world = scene.world if haze else replace(scene.world, haze=None)
    light = traced(world, et, place, way, sun / np.linalg.norm(sun), bands, per_side)
    if stars and scene.sky is not None:
        sky = replace(scene.sky, direction=scene.sky.direction @ turn)
        add_sky(sky, body.radii_km, place, way, float(np.linalg.norm(sun)), light)
    return light


def traced(
    world: World, et: float, place: FloatArray, rays: FloatArray, sun: FloatArray, bands: Sequence[Filter],
    per_side: int,
) -> dict[Filter, Light]:  # fmt: skip
    """Light of ground and haze, all body-fixed, as in `portrait`; `sun` is a unit vector."""
    right, down = np.gradient(rays, axis=1), np.gradient(rays, axis=0)
    pixel = float(np.sqrt(np.median(np.linalg.norm(np.cross(right, down), axis=-1))))
    height = float(np.linalg.norm(place)) - min(world.body.radii_km)
    surface = world.surface(place[None], sun, height * pixel / TEXELS, et)
    cell = (np.arange(per_side) + 0.5) / per_side - 0.5
    b, a = (c.ravel()[:, None] for c in np.meshgrid(cell, cell, indexing="ij"))
    turns, places = np.repeat(np.eye(3)[None], per_side**2, axis=0), np.repeat(place[None], per_side**2, axis=0)
    light = {band: np.empty(rays.shape[:2], np.float32) for band in bands}

    def rows(first: int) -> None:
        part = slice(first, first + ROWS)
        looks = rays[part][:, :, None] + a * right[part][:, :, None] + b * down[part][:, :, None]
        looks = np.ascontiguousarray(looks / np.linalg.norm(looks, axis=-1, keepdims=True))
        for band in bands:
            light[band][part] = world.light(surface, band, looks, turns, places, sun, pixel / per_side)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(rows, range(0, len(rays), ROWS)))
    return light


def add_sky(
    stars: Stars, radii: tuple[float, float, float], place: FloatArray, rays: FloatArray, sun_km: float,
    light: Mapping[Filter, Light],
) -> None:  # fmt: skip
    """Add the light of stars (body-fixed directions) to a picture, in place; `sun_km` is the Sun's distance."""
    away = float(np.linalg.norm(place))
    hidden = np.cos(np.arcsin(min(1.0, HIDING * max(radii) / away)))
    pixel = pixels_of(rays, stars.direction)
    line, sample = pixel.T - 0.5
    height, width = rays.shape[:2]
    seen = (stars.direction @ (-place / away) < hidden) & (line >= 0) & (line < height - 1)
    seen &= (sample >= 0) & (sample < width - 1)
    i, j = np.floor(line[seen]).astype(int), np.floor(sample[seen]).astype(int)
    across, along = rays[i, j + 1] - rays[i, j], rays[i + 1, j] - rays[i, j]
    solid = np.linalg.norm(np.cross(across, along), axis=-1)
    fainter = stars.magnitude[seen] - (SUN_MAGNITUDE + 5.0 * np.log10(sun_km / AU_KM))
    # I/F is radiance times pi over the Sun's irradiance
    strength = np.pi * 10.0 ** (-0.4 * fainter) / solid
    b, a = line[seen] - i, sample[seen] - j
    for band, plane in light.items():
        mine = strength * stars.colour[seen, BANDS.index(band)]
        for down, one in ((0, 1.0 - b), (1, b)):
            for right, other in ((0, 1.0 - a), (1, a)):
                np.add.at(plane, (i + down, j + right), (one * other * mine).astype(np.float32))


def pixels_of(rays: FloatArray, directions: FloatArray) -> FloatArray:
    """Pixels (n, 2) as (line, sample), centres at i + 0.5, whose rays (h, w, 3) lead along unit vectors (n, 3).

    NaN for directions outside. Newton's steps on a smooth field of rays, from the nearest of some of them.
    """
    height, width = rays.shape[:2]
    lines, samples = (np.unique(np.linspace(0, n - 1, 24).round().astype(int)) for n in (height, width))
    grid = np.stack(np.meshgrid(lines, samples, indexing="ij"), axis=-1).reshape(-1, 2)
    some = rays[grid[:, 0], grid[:, 1]]
    cosine = directions @ some.T
    # not farther from the nearest of these rays than they are from one another
    middle = some.mean(axis=0) / np.linalg.norm(some.mean(axis=0))
    near = directions @ middle > np.min(some @ middle) - 1e-3
    at = grid[np.argmax(cosine, axis=1)].astype(float)
    for _ in range(8):
        i = np.clip(at[:, 0], 0, height - 1.001).astype(int)
        j = np.clip(at[:, 1], 0, width - 1.001).astype(int)
        here, right, down = rays[i, j], rays[i, j + 1] - rays[i, j], rays[i + 1, j] - rays[i, j]
        # where the direction meets the plane of three neighbouring rays' ends
        across = np.stack([right, down, -directions], axis=-1)
        found = np.linalg.solve(across, -here[..., None])[..., 0]
        at = np.clip(np.stack([i + found[:, 1], j + found[:, 0]], axis=-1), -1.0, [height, width])
    inside = near & (at > -0.5).all(axis=1) & (at[:, 0] < height - 0.5) & (at[:, 1] < width - 0.5)
    out: FloatArray = np.where(inside[:, None], at + 0.5, np.nan)
    return out


def ground_light(
    world: World,
    et: float,
    directions: FloatArray,
    spacing: float,
    band: Filter,
    *,
    cos_incidence: ArrayLike = 1.0,
    cos_emission: ArrayLike = 1.0,
    phase: ArrayLike = 0.0,
    haze: bool = True,
) -> Light:
    """I/F (n,) of places at ET under given angles: by default evenly lit, Sun and eye overhead.

    `directions` (n, 3) are planetocentric unit vectors, `spacing` rad their distance; `phase` in rad. Relief does not
    tilt the ground; haze lies plane above it. 0 where no sunlight falls; NaN where a direction or an angle is.
    """
    places = np.ascontiguousarray(directions, dtype=float)
    albedo = world.painter.paint(places, spacing, et).albedo[:, BANDS.index(band)]
    angles = np.broadcast_arrays(albedo, cos_incidence, cos_emission, np.cos(phase))[1:]
    optics = haze_optics(world.haze if haze else None, world.body, band)
    mu0, mu, cos_phase = (np.ascontiguousarray(angle, dtype=float) for angle in angles)
    out = np.empty(len(places), np.float32)
    place_light(albedo, mu0, mu, cos_phase, world.kind, np.array(world.law[band]), optics.numbers, optics.table, out)
    return out
