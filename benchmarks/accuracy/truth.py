"""Geometry against truth: where a solution puts the ground that each pixel truly saw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from benchmarks.accuracy.cases import FloatArray
from scipy.spatial.transform import Rotation

from perijove.attitude.pointing import Pointing
from perijove.attitude.problem import BANDS
from perijove.bodies import LIGHT_KM_S, Body
from perijove.geometry.aberration import geometric
from perijove.geometry.ellipsoid import intersect, normal
from perijove.instrument import FOCAL_LENGTH_PX, Filter
from perijove.simulate.ground import ground_seen
from perijove.simulate.scene import Scene
from perijove.simulate.strip import Strip
from perijove.verify import looks_to, project, velocity_of

LINES = np.linspace(4.0, 124.0, 6)
SAMPLES_SEEN = np.linspace(40.0, 1610.0, 40)
MAP_EMISSION = np.radians(75.0)
ROLL = 1e-5
THIN = 7
"""Every so manieth ground point is looked up in the other filters."""


@dataclass(frozen=True)
class Seen:
    """Ground that pixels truly saw: n points body-fixed `ground` (n, 3) km, `band` index, `frame`, `pixel` (n, 2) as
    (line, sample), and `error` (n, 2) px: where the solution sees that ground less the pixel. `by_roll` (n, 2) is how
    that would move, px/rad, if the solution were turned about the line to the body's centre."""

    band: np.ndarray
    frame: np.ndarray
    pixel: FloatArray
    ground: FloatArray
    error: FloatArray
    by_roll: FloatArray

    @property
    def roll(self) -> float:
        """The turn, rad, about the line to the body's centre that explains the most of the errors."""
        return float(np.sum(self.error * self.by_roll) / np.sum(self.by_roll**2))


def pixel_of(p: Pointing, body: Body, band: Filter, frame: int, ground: FloatArray, roll: float = 0.0) -> FloatArray:
    """Pixels (n, 2) at which a solution sees body-fixed ground (n, 3) in a framelet, light time counted; `roll` rad
    turns the camera about the line to the body's centre at mid-image."""
    looks = looks_to(p, body, frame, ground)
    if roll:
        nadir = p.position_km[len(p.et) // 2]
        looks = Rotation.from_rotvec(roll * nadir / np.linalg.norm(nadir)).apply(looks)
    return project(p, band, frame, looks)


def framelet_error(
    scene: Scene, strip: Strip, p: Pointing, band: Filter, frame: int, pixel: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """True ground (n, 3) and error (n, 2) px at pixels (n, 2) of one framelet; NaN where they see the sky."""
    ground = ground_seen(scene, strip.shot, band, float(strip.timing.et[frame]), pixel[:, 0], pixel[:, 1])
    return ground, pixel_of(p, scene.flight.body, band, frame, ground) - pixel


def see(scene: Scene, strip: Strip, p: Pointing) -> Seen:
    """A grid of pixels in every framelet of every filter that meets the body."""
    line, sample = (a.ravel() for a in np.meshgrid(LINES, SAMPLES_SEEN, indexing="ij"))
    pixel = np.stack([line, sample], axis=-1)
    parts = []
    for band in strip.shot.filters:
        for frame in range(len(strip.timing.et)):
            ground, error = framelet_error(scene, strip, p, band, frame, pixel)
            hit = np.isfinite(error).all(axis=-1)
            count = int(hit.sum())
            which = np.full(count, BANDS.index(band)), np.full(count, frame)
            rolled = [pixel_of(p, scene.flight.body, band, frame, ground[hit], by) for by in (ROLL, -ROLL)]
            parts.append((*which, pixel[hit], ground[hit], error[hit], (rolled[0] - rolled[1]) / (2.0 * ROLL)))
    return Seen(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def colour_errors(scene: Scene, strip: Strip, p: Pointing, seen: Seen) -> FloatArray:
    """Distances (n,) px between other filters and green on common ground: their errors' differences."""
    green = BANDS.index(Filter.GREEN)
    mine = np.flatnonzero(seen.band == green)[::THIN]
    ground, own = seen.ground[mine], seen.error[mine]
    out = []
    for band in strip.shot.filters:
        if band is Filter.GREEN or not len(mine):
            continue
        for frame in range(len(strip.timing.et)):
            at = pixel_of(p, scene.flight.body, band, frame, ground)
            inside = (at[:, 0] > 1) & (at[:, 0] < 127) & (at[:, 1] > 30) & (at[:, 1] < 1620)
            if inside.any():
                _, error = framelet_error(scene, strip, p, band, frame, at[inside])
                out.append(np.linalg.norm(error - own[inside], axis=-1))
    found = np.concatenate(out) if out else np.empty(0)
    return found[np.isfinite(found)]


def map_errors(scene: Scene, p: Pointing, seen: Seen) -> tuple[FloatArray, FloatArray]:
    """How far (n,) the map position of pixels lies from the ground they saw, km and native px, below `MAP_EMISSION`."""
    body = scene.flight.body
    km, px = [], []
    for band, frame in {(int(b), int(f)) for b, f in zip(seen.band, seen.frame, strict=True)}:
        mine = (seen.band == band) & (seen.frame == frame)
        pixel, ground = seen.pixel[mine], seen.ground[mine]
        et, place = float(p.et[frame]), p.position_km[frame]
        fixed = body.body_from_j2000(et) @ place
        away = np.linalg.norm(fixed - ground, axis=-1)
        then = body.body_from_j2000(et - float(np.median(away)) / LIGHT_KM_S)
        rays = p.camera.ray(BANDS[band], pixel[:, 0], pixel[:, 1]) @ p.spin.camera_from_j2000(et)
        rays = geometric(rays, velocity_of(p, frame)) @ then.T
        found = intersect(then @ place, rays, body.radii_km)
        cosine = np.sum(normal(ground, body.radii_km) * (fixed - ground), axis=-1) / away
        use = cosine > np.cos(MAP_EMISSION)
        miss = np.linalg.norm(found - ground, axis=-1)[use]
        km.append(miss)
        px.append(miss * FOCAL_LENGTH_PX / away[use])
    return (np.concatenate(km), np.concatenate(px)) if km else (np.empty(0), np.empty(0))


def attitude_error(scene: Scene, strip: Strip, p: Pointing) -> FloatArray:
    """Rotation vector (3,) rad, camera frame, from the true attitude of the middle frame to the solved one."""
    k = len(p.et) // 2
    true = scene.spin.j2000_from_camera(float(strip.timing.et[k])).T
    turned = p.spin.camera_from_j2000(float(p.et[k])) @ true.T
    # vectors turn one way, frames the other
    out: FloatArray = -Rotation.from_matrix(turned).as_rotvec()
    return out
