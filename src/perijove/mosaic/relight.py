"""Relighting: what a look would have measured with the Sun and the camera where the common view has them.

Within ten minutes Jupiter turns by 6 degrees: the terminator moves over the ground, and each place is lit and seen
under other angles. A photometric law takes most of that out before looks are compared or averaged.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from perijove.geometry.ellipsoid import normal, point_from_centric
from perijove.render.planes import Planes

FloatArray = NDArray[np.float64]
Plane = NDArray[np.float32]

MINNAERT = 0.95
"""Exponent k of Minnaert's law, light = cos(i)^k cos(e)^(k - 1), for Jupiter in visible light (HST: 0.85 to 1.0)."""
TWILIGHT = 0.06
"""Width in the cosine of incidence over which the law, which ends at the terminator, is rounded off."""
HORIZON = 0.1
"""The same for the cosine of emission."""
MOST = 3.0
"""Largest factor: beyond it the law says more about itself than about the ground."""
ROWS = 64


def rounded(cosine: FloatArray, width: float) -> FloatArray:
    """A cosine that, instead of ending at 0, goes smoothly towards it."""
    out: FloatArray = 0.5 * (cosine + np.sqrt(cosine * cosine + width * width))
    return out


def relight(planes: Planes, radii: tuple[float, float, float], place_km: FloatArray, sun: FloatArray) -> Plane:
    """Factor (h, w) on a look's light that gives it the angles of the view; 1 beside the body and without a Sun.

    `planes` hold the view's own angles; `place_km` (3,) and the unit vector `sun` (3,) are body-fixed at the look's
    own time.
    """
    factor = np.ones(planes.hit.shape, np.float32)
    if not np.isfinite(sun).all():
        return factor
    for first in range(0, len(factor), ROWS):
        rows = slice(first, first + ROWS)
        on = planes.hit[rows]
        latitude, longitude = (p[rows][on].astype(float) for p in (planes.latitude, planes.longitude))
        point = point_from_centric(latitude, longitude, radii)
        up, sight = normal(point, radii), place_km - point
        emission = (up * sight).sum(-1) / np.linalg.norm(sight, axis=-1)
        lit = rounded(planes.cos_incidence[rows][on].astype(float), TWILIGHT) / rounded(up @ sun, TWILIGHT)
        seen = rounded(planes.cos_emission[rows][on].astype(float), HORIZON) / rounded(emission, HORIZON)
        factor[rows][on] = np.clip(lit**MINNAERT * seen ** (MINNAERT - 1.0), 1.0 / MOST, MOST)
    return factor
