"""How light falls off inside the limb of a bare body, where no haze veils it.

Lommel and Seeliger's law, cos i / (cos i + cos e), which dark ground follows near the limb. Inwards from the limb it
falls as the root of the distance, the steeper the lower the Sun, which an edge with a plain slope would take for a
shift of a tenth of a pixel.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from perijove.attitude.limb_sight import LimbSight

FloatArray = NDArray[np.float64]

_LEAST_COS = 0.02


def bare_light(sight: LimbSight, inside: FloatArray) -> FloatArray:
    """Light (n, s) at distances `inside` (n, s) px from the limb, relative to that at the limb itself."""
    dip = np.clip(sight.depth[:, None] * inside, 0.0, 1.0)
    cos_emission = np.sqrt(dip * (2.0 - dip))
    # the normal tilts from that at the limb towards the camera
    incidence = sight.cos_incidence[:, None] * (1.0 - dip) + sight.sunward[:, None] * cos_emission
    incidence = np.maximum(incidence, _LEAST_COS)
    out: FloatArray = incidence / (incidence + cos_emission)
    return out
