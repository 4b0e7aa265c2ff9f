"""How a camera looks past the limb: what the light on both sides of it depends on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.attitude.limb import graze
from perijove.attitude.problem import Pixels, Unknowns, cast, turned
from perijove.attitude.search import Scene

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class LimbSight:
    """Geometry at limb points (n,).

    `cos_incidence`; `sunward`, the cosine between the Sun and the way to the camera; `depth`, by how much of a radius a
    ray dips below the limb per pixel; `px_km`, the same in km; `radius_km`, the radius of curvature of the limb along
    the line of sight.
    """

    cos_incidence: FloatArray
    sunward: FloatArray
    depth: FloatArray
    px_km: FloatArray
    radius_km: FloatArray

    def take(self, which: NDArray[np.bool_] | NDArray[np.int64]) -> LimbSight:
        """The points that a mask or an index selects."""
        return LimbSight(*(getattr(self, name)[which] for name in self.__dataclass_fields__))


def limb_sight(p: Pixels, at: Unknowns, scene: Scene) -> LimbSight:
    """The geometry at pixels that lie on the limb."""
    rays = cast(p, at, scene.trajectory, scene.body)
    g = graze(rays.position, rays.direction, scene.body.radii_km)
    sun = rays.body_from_j2000 @ scene.sun
    back = rays.body_from_camera
    depth = np.hypot(
        np.sum(g.by_direction * turned(back, p.by_line), axis=-1),
        np.sum(g.by_direction * turned(back, p.by_sample), axis=-1),
    )
    view = rays.direction / np.linalg.norm(rays.direction, axis=-1, keepdims=True)
    # the curvature of x D x = 1 along t is t D t over |D x|
    bend = np.sum((view / np.asarray(scene.body.radii_km)) ** 2, axis=-1)
    return LimbSight(
        cos_incidence=np.sum(g.normal * sun, axis=-1),
        sunward=-np.sum(view * sun, axis=-1),
        depth=depth,
        px_km=depth / g.per_km,
        radius_km=g.per_km / bend,
    )
