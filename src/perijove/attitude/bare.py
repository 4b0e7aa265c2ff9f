"""How light falls off inside the limb of a bare body, where no haze veils it.

Lommel and Seeliger's law, cos i / (cos i + cos e), which dark ground follows near the limb. Inwards from the limb it
falls as the root of the distance, the steeper the lower the Sun, which an edge with a plain slope would take for a
shift of a tenth of a pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.attitude.limb import graze
from perijove.attitude.problem import Pixels, Unknowns, cast, turned
from perijove.attitude.search import Scene

FloatArray = NDArray[np.float64]

_LEAST_COS = 0.02


@dataclass(frozen=True)
class BareLimb:
    """Geometry at limb points (n,).

    `cos_incidence`; `sunward`, the cosine between the Sun and the way to the camera; `depth`, by how much of a radius a
    ray dips below the limb per pixel.
    """

    cos_incidence: FloatArray
    sunward: FloatArray
    depth: FloatArray

    def light(self, inside: FloatArray) -> FloatArray:
        """Light (n, s) at distances `inside` (n, s) px from the limb, relative to that at the limb itself."""
        dip = np.clip(self.depth[:, None] * inside, 0.0, 1.0)
        cos_emission = np.sqrt(dip * (2.0 - dip))
        # the normal tilts from that at the limb towards the camera
        incidence = self.cos_incidence[:, None] * (1.0 - dip) + self.sunward[:, None] * cos_emission
        incidence = np.maximum(incidence, _LEAST_COS)
        out: FloatArray = incidence / (incidence + cos_emission)
        return out


def bare_limb(p: Pixels, at: Unknowns, scene: Scene) -> BareLimb:
    """What the light inside the limb depends on, at pixels that lie on it."""
    rays = cast(p, at, scene.trajectory, scene.body)
    g = graze(rays.position, rays.direction, scene.body.radii_km)
    sun = rays.body_from_j2000 @ scene.sun
    back = rays.body_from_camera
    depth = np.hypot(
        np.sum(g.by_direction * turned(back, p.by_line), axis=-1),
        np.sum(g.by_direction * turned(back, p.by_sample), axis=-1),
    )
    view = -rays.direction / np.linalg.norm(rays.direction, axis=-1, keepdims=True)
    return BareLimb(np.sum(g.normal * sun, axis=-1), np.sum(view * sun, axis=-1), depth)
