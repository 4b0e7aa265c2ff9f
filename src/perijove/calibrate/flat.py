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

from perijove.instrument import FRAMELET_LINES, LIT_SAMPLES, SAMPLES, Filter

LINE_TILT: Mapping[Filter, float] = {
    Filter.BLUE: 0.0140,
    Filter.GREEN: -0.0025,
    Filter.RED: -0.0080,
    Filter.METHANE: 0.085,
}
"""Response of a framelet's last line less that of its first, over the mean, in the middle of the samples.

The overlap shows the same ground up to 6 samples aside, where the lens lets another share through (`VIGNETTING`). With
that taken out the ratios above give, over all lines, 0.0133, -0.0036 and -0.0097; ground by the solved geometry of
44C00029 and 44C00030, in squares of 8 px, 0.0148, -0.0014 and -0.0064. These are the means. Methane is from one strip
(44M00044: 0.088 by ground, of which some may be stray light)."""


TILT_SAMPLES = (150.0, 275.0, 325.0, 375.0, 425.0, 475.0, 525.0, 575.0)
"""Samples at which the tilt's departure is known; it is held beyond them, and nothing is known beyond 600."""
TILT_CHANGE: Mapping[Filter, tuple[float, ...]] = {
    Filter.BLUE: (0.0, -0.0044, -0.0088, -0.0099, -0.0094, -0.0105, -0.0077, -0.0083),
    Filter.GREEN: (-0.0022, 0.0011, 0.0011, 0.0028, 0.0, -0.0055, -0.0161, -0.0139),
    Filter.RED: (-0.0044, -0.0033, 0.0022, 0.0033, 0.0055, 0.0077, 0.0039, 0.0026),
}
"""What is to be added to `LINE_TILT` at these samples: steps left where framelets of one colour meet, which follow the
sample alike in 44C00029, 44C00030, 44C00074 and 43C00078, wherever limb and terminator are. Green from 500 on is from
44C00074 alone. Parts of the whole, over the 127 lines."""
VIGNETTING = 0.20
"""Share of the light lost at the ends of a line, against its middle; falling with the square of the distance.

No strip here tells it directly: 44C00029 and 44C00030 see the same clouds at samples that differ by 2 % of a line.
But the tilts of `LINE_TILT` fall from one filter strip to the next, 155 lines on, by 0.017 and 0.008, as they do where
the response falls with the square of the distance from the axis: by 20 +- 8 % at the ends. Half of B. Swift's flat (its
mean over both ends is 27 %) is of that shape; the rest of it, a slope of some 20 % from one end to the other, is not
taken over: a phase function of the clouds looks like it, as the samples lie along the spin axis and so nearly along the
direction to the Sun."""
CENTRE_RESPONSE = 1.0 / (1.0 - VIGNETTING * ((LIT_SAMPLES.stop - LIT_SAMPLES.start) / SAMPLES) ** 2 / 3.0)
"""Response of the middle of a line: the mean over the lit samples is 1, so that light divided by the response is what
a pixel of mean response would have read. Numbers of DN in the middle of the field are larger by this."""


def response(band: Filter, lines: int, samples: int) -> NDArray[np.float32]:
    """Relative response (lines, samples) of a filter's pixels, mean 1 over the lit samples; summed framelets have half.

    The line's tilt and the lens's fall-off towards the ends of the lines; columns, dust and single pixels are left to
    calibration frames.
    """
    binning = SAMPLES // samples
    native = (np.arange(samples) + 0.5) * binning - 0.5
    aside = (native - (SAMPLES - 1) / 2.0) / (SAMPLES / 2.0)
    across = CENTRE_RESPONSE * (1.0 - VIGNETTING * aside**2)
    line = (np.arange(lines) + 0.5) * (FRAMELET_LINES // lines) - 0.5
    part = line / (FRAMELET_LINES - 1) - 0.5
    change = np.interp(native, TILT_SAMPLES, TILT_CHANGE[band]) if band in TILT_CHANGE else np.zeros(samples)
    tilt = 1.0 + (LINE_TILT[band] + change) * part[:, None]
    return np.asarray(tilt * across, np.float32)
