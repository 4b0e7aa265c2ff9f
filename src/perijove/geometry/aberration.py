"""Stellar aberration by the flight past a body, to first order in v/c.

Where the body stands still, light comes to the camera along the straight way from where it left. A camera that flies
past sees it come from nearer to where it flies: to the unit vector of the way v/c is added. Seen so, from where the
spacecraft is at mid-exposure, a body stands where SPICE has it with its correction LT+S: what the barycentre's velocity
adds to the aberration, the way that the body goes during the light time takes off again. Terms of (v/c)^2 are left out,
4e-8 rad at Juno's fastest.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from perijove.bodies import LIGHT_KM_S

FloatArray = NDArray[np.float64]


def apparent(looks: FloatArray, velocity_km_s: FloatArray | None) -> FloatArray:
    """Where what lies along `looks` (..., 3), of any length, is seen by an observer of `velocity_km_s` (..., 3).

    The velocity is relative to what is looked at, in the frame of the looks; None counts no aberration.
    """
    return _leant(looks, velocity_km_s, 1.0 / LIGHT_KM_S)


def geometric(rays: FloatArray, velocity_km_s: FloatArray | None) -> FloatArray:
    """Along which way (..., 3) light came that is seen along `rays` (..., 3), of any length: `apparent` undone."""
    return _leant(rays, velocity_km_s, -1.0 / LIGHT_KM_S)


def _leant(v: FloatArray, velocity_km_s: FloatArray | None, share: float) -> FloatArray:
    if velocity_km_s is None:
        return v
    out: FloatArray = v + share * np.linalg.norm(v, axis=-1, keepdims=True) * velocity_km_s
    return out


__all__ = ["apparent", "geometric"]
