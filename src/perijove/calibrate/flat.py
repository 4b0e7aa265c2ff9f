"""Flat: how evenly the lines of a framelet respond.

Light falls off away from the optical axis, which each filter's framelet sees at its own distance. Ground that two
consecutive framelets share lies on the last lines of one and the first lines of the next, so that the ratio of the
two lights is the ratio of the responses there. Over 10 000 to 20 000 such points in each filter of each of two strips
of perijove 44 (lines 113-127 against 0-14) it differs from 1, in parts a thousand, by: blue +13.5 and +9.2, green
-3.1 and -4.7, red -9.9 and -11.6; a smooth flat published by B. Swift has about +13, -3 and -14. Without a correction
every framelet ends on a step.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from perijove.instrument import FRAMELET_LINES, Filter

LINE_TILT: Mapping[Filter, float] = {
    Filter.BLUE: 0.0125,
    Filter.GREEN: -0.0043,
    Filter.RED: -0.0119,
    Filter.METHANE: 0.075,
}
"""Response of a framelet's last line less that of its first, over the mean. The ratios above are over 115 of 127 lines.

Methane is from one strip (44M00044: 0.082 over 112 lines, of which some may be stray light rather than response)."""


def line_response(band: Filter, lines: int) -> NDArray[np.float32]:
    """Relative response (lines,) of the lines of a framelet, mean 1; summed framelets have half the lines."""
    binning = FRAMELET_LINES // lines
    native = (np.arange(lines) + 0.5) * binning - 0.5
    part = native / (FRAMELET_LINES - 1) - 0.5
    return (1.0 + LINE_TILT[band] * part).astype(np.float32)


def response(band: Filter, lines: int, samples: int) -> NDArray[np.float32]:
    """Relative response (lines, samples) of a filter's pixels, mean 1 over the lit samples."""
    return np.ascontiguousarray(np.broadcast_to(line_response(band, lines)[:, None], (lines, samples)))
