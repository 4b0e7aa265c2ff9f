"""Radiance against truth: the rendered picture against the world's own light in the same view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from benchmarks.accuracy.cases import FloatArray
from scipy.ndimage import binary_erosion, gaussian_filter

from perijove.geometry.ellipsoid import centric_from_point
from perijove.geometry.view import View, disc_middle, spacecraft_view
from perijove.instrument import FOCAL_LENGTH_PX, Filter
from perijove.observation import Observation
from perijove.render.engine import render
from perijove.simulate.scene import Scene
from perijove.simulate.strip import Strip

FOV = np.radians(24.0)
EDGE_PX = 4
LEAST_COS = 0.2
"""Cosine of incidence and emission below which it is limb or terminator."""
STEEPEST = 0.03
"""Relative change of the light per px above which an error of place would count as one of light."""
LEAST_PIXELS = 500


@dataclass(frozen=True)
class Radiance:
    """Relative difference of rendered and true light: `median`, `rms` (robust: 1.4826 MAD about the median), over
    `pixels`."""

    median: float
    rms: float
    pixels: int


def radiance(scene: Scene, strip: Strip, o: Observation) -> dict[str, Radiance]:
    """By filter; filters too little of whose light is left are missing."""
    assert strip.exposed is not None
    view = _view(o)
    planes = render(o.swaths(), o.body, o.middle_et, view, sun_direction=o.sun)
    out = {}
    for k, band in enumerate(planes.bands):
        true = true_light(scene, strip, o, view, band)
        found = planes.light[k]
        seen = planes.hit & np.isfinite(found) & (planes.cos_incidence > LEAST_COS) & (planes.cos_emission > LEAST_COS)
        slope = np.hypot(*np.gradient(gaussian_filter(true, 1.0)))
        use = binary_erosion(seen, iterations=EDGE_PX, border_value=0) & (slope < STEEPEST * true)
        if use.sum() >= LEAST_PIXELS:
            ratio = found[use] / true[use] - 1.0
            median = float(np.median(ratio))
            rms = 1.4826 * float(np.median(np.abs(ratio - median)))
            out[band.value] = Radiance(median, rms, int(use.sum()))
    return out


def _view(o: Observation) -> View:
    """A view of native scale about the middle of what is lit, its lines those of the camera."""
    place, sun = o.middle_position, o.middle_sun
    latitude, longitude, _ = centric_from_point(disc_middle(place, o.body, sun))
    size = round(2.0 * np.tan(FOV / 2.0) * FOCAL_LENGTH_PX)
    return spacecraft_view(
        place, o.body, sun, size, fov=FOV, centre=(float(latitude), float(longitude)), up="camera",
        camera_up=o.camera_up,
    )  # fmt: skip


def true_light(scene: Scene, strip: Strip, o: Observation, view: View, band: Filter) -> FloatArray:
    """The world's light (h, w) in a view, noiseless, blurred as the camera blurs: pixel square, lens, smear."""
    assert strip.photograph is not None
    # square and smear of one line each add to a triangle; these are four of its equal shares
    rank = (np.arange(4) + 0.5) / 4.0
    lines = 0.5 + np.where(rank < 0.5, np.sqrt(2.0 * rank) - 1.0, 1.0 - np.sqrt(2.0 * (1.0 - rank)))
    down, along = (a.ravel() for a in np.meshgrid(lines, [0.25, 0.75], indexing="ij"))
    line = np.arange(view.height)[:, None, None] + down
    sample = np.arange(view.width)[:, None] + along
    _, corner, right, below = view.ray_basis()
    looks = corner + sample[..., None] * right + line[..., None] * below
    looks /= np.linalg.norm(looks, axis=-1, keepdims=True)
    count = len(down)
    turns = np.ascontiguousarray(np.repeat(np.eye(3)[None], count, axis=0))
    places = np.ascontiguousarray(np.repeat(view.position_km[None], count, axis=0))
    finest = 1.0 / (FOCAL_LENGTH_PX * 2.0)
    light = scene.world.light(strip.photograph.surface, band, looks, turns, places, o.middle_sun, finest)
    out: FloatArray = gaussian_filter(light.astype(float), scene.lens.blur_px)
    return out
