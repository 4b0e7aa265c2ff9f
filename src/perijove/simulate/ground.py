"""Ground: which place pixels truly see, to hold a solution against."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from perijove.instrument import CENTRE_LINE, CENTRE_SAMPLE, FOCAL_LENGTH_PX, Filter
from perijove.simulate.frames import j2000_from_body
from perijove.simulate.optics import undistort
from perijove.simulate.scene import Scene, Shot

FloatArray = NDArray[np.float64]


def ground_seen(scene: Scene, shot: Shot, band: Filter, et: float, line: FloatArray, sample: FloatArray) -> FloatArray:
    """Body-fixed points (n, 3) km that continuous native pixels (n,) of a framelet see at mid-exposure `et`.

    NaN where they see the sky. The light's own time of leaving decides how the body was turned.
    """
    shift = scene.lens.shift.get(band, (0.0, 0.0))
    v = line - CENTRE_LINE[band] - shift[0] + (shot.stages - 1) / 2.0
    u = sample - CENTRE_SAMPLE - shift[1]
    shrink = undistort(np.hypot(u, v), scene.lens.k1, scene.lens.k2)
    focal = FOCAL_LENGTH_PX * scene.lens.scale.get(band, 1.0)
    looks = np.stack([u * shrink, v * shrink, np.full(u.shape, focal)], axis=-1)
    place, left = scene.flight.seen_from(et)
    body_from_j2000 = j2000_from_body(scene.flight.body, left).T
    ways = looks @ scene.spin.j2000_from_camera(et).T
    ways -= np.linalg.norm(looks, axis=-1, keepdims=True) * scene.flight.lean(et)
    rays = ways @ body_from_j2000.T
    radii = np.array(scene.flight.body.radii_km)
    o, q = body_from_j2000 @ place / radii, rays / radii
    a, b = np.sum(q * q, axis=-1), q @ o
    root = b * b - a * (o @ o - 1.0)
    hit = (root > 0.0) & (b < 0.0)
    t = np.where(hit, (-b - np.sqrt(np.where(hit, root, 0.0))) / a, np.nan)
    out: FloatArray = (o + t[:, None] * q) * radii
    return out
