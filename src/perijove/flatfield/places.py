"""Places: which ground each pixel of a grid saw, and at which angles, by the solved geometry of a strip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.attitude.pointing import Pointing
from perijove.bodies import LIGHT_KM_S, Body
from perijove.geometry.aberration import apparent, geometric
from perijove.geometry.ellipsoid import intersect, normal
from perijove.instrument import FRAMELET_LINES, LIT_SAMPLES, Filter

FloatArray = NDArray[np.float64]

CELL = 8
"""Side in px of the squares of pixels whose mean light is one measurement of the large scale."""
SKY_RADII = 1.02
"""Lines of sight that pass the body at this many radii or more see dark sky: haze lies far below."""


@dataclass(frozen=True)
class Places:
    """Where the pixels of a grid (m lines, n samples) of one filter's framelets look; everything (frames, m, n).

    `ground` (frames, m, n, 3) km body-fixed, NaN beside the body; `latitude` and `longitude` rad, planetocentric and
    east; `cos_i`, `cos_e`, `cos_phase` cosines of the angles of incidence, emission and phase. `sky` is true where
    nothing but dark sky is seen.
    """

    line: FloatArray
    sample: FloatArray
    ground: FloatArray
    latitude: FloatArray
    longitude: FloatArray
    cos_i: FloatArray
    cos_e: FloatArray
    cos_phase: FloatArray
    sky: NDArray[np.bool_]


def grid_axes() -> tuple[FloatArray, FloatArray]:
    """Continuous lines (m,) and samples (n,) of the middles of the cells that see light."""
    line = np.arange(FRAMELET_LINES // CELL) * CELL + CELL / 2.0
    sample = np.arange(LIT_SAMPLES.start // CELL, LIT_SAMPLES.stop // CELL) * CELL + CELL / 2.0
    return line.astype(np.float64), sample.astype(np.float64)


def places(pointing: Pointing, body: Body, sun: FloatArray, band: Filter, frames: int) -> Places:
    """Where the cells of all framelets of a filter look; `sun` (3,) is the unit vector to the Sun in j2000."""
    line, sample = grid_axes()
    rays = pointing.camera.ray(band, *np.meshgrid(line, sample, indexing="ij"))
    grounds, angles, skies = [], [], []
    for frame in range(frames):
        et, place = float(pointing.et[frame]), pointing.position_km[frame]
        away = max(float(np.linalg.norm(place)) - max(body.radii_km), 0.0)
        turn = body.body_from_j2000(et - away / LIGHT_KM_S)
        velocity = None if pointing.velocity_km_s is None else pointing.velocity_km_s[frame]
        looks = geometric(rays @ pointing.spin.camera_from_j2000(et), velocity) @ turn.T
        origin = turn @ place
        ground = intersect(origin, looks, body.radii_km)
        up = normal(ground, body.radii_km)
        grounds.append(ground)
        angles.append(np.stack([up @ (turn @ sun), -np.sum(up * looks, axis=-1), -(looks @ (turn @ sun))]))
        skies.append(_misses(origin, looks, body))
    ground, angle = np.array(grounds), np.array(angles)
    return Places(
        line=line,
        sample=sample,
        ground=ground,
        latitude=np.arctan2(ground[..., 2], np.hypot(ground[..., 0], ground[..., 1])),
        longitude=np.arctan2(ground[..., 1], ground[..., 0]),
        cos_i=angle[:, 0],
        cos_e=angle[:, 1],
        cos_phase=angle[:, 2],
        sky=np.array(skies),
    )


def _misses(origin: FloatArray, looks: FloatArray, body: Body) -> NDArray[np.bool_]:
    """Whether lines of sight (m, n, 3) pass the body at `SKY_RADII` or more."""
    scale = np.asarray(body.radii_km)
    o, d = origin / scale, looks / scale
    along = np.maximum(-(d @ o) / np.sum(d * d, axis=-1), 0.0)
    out: NDArray[np.bool_] = np.linalg.norm(o + along[..., None] * d, axis=-1) >= SKY_RADII
    return out


def seen_in_next(pointing: Pointing, body: Body, band: Filter, frame: int, ground: FloatArray) -> FloatArray:
    """Continuous pixels (..., 2) as (line, sample) at which the next framelet shows ground (..., 3) km of `frame`."""
    et, place = float(pointing.et[frame + 1]), pointing.position_km[frame + 1]
    away = max(float(np.linalg.norm(place)) - max(body.radii_km), 0.0)
    turn = body.body_from_j2000(et - away / LIGHT_KM_S)
    velocity = None if pointing.velocity_km_s is None else pointing.velocity_km_s[frame + 1]
    looks = apparent(ground @ turn - place, velocity) @ pointing.spin.camera_from_j2000(et).T
    return pointing.camera.pixel(band, looks)
