"""Gains that bring looks at the same ground to one level: robust ratios over their overlaps, solved together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Plane = NDArray[np.float32]

FEWEST = 200
"""Fewest common pixels that tell a ratio."""
MOST = 200_000
"""Pixels of an overlap that are looked at, about."""
DARK_SHARE = 0.05
"""Light, against a look's brightest, below which a ratio is noise."""
PULL = 1e-6
"""Weight of a gain's wish to be 1, against 1 for a well filled overlap."""
FLAT_LIMIT = 0.05
PHASE_LIMIT = 0.5
"""A gain may depart by the first (in its logarithm), and by the second for every rad between the lines of sight."""


def match_gains(light: FloatArray | Plane, ground: FloatArray | Plane, anchor: int, limits: FloatArray) -> FloatArray:
    """Factors (looks,) on the light (looks, h, w) of one band that make the looks agree, that of `anchor` being 1.

    `ground` (looks, h, w) is the weight with which each look shows sunlit ground, 0 where it does not; overlaps count
    by the product. `limits` (looks,) is the most that the logarithm of each may be. Looks that overlap nothing keep 1.
    """
    looks = len(light)
    rows, values, weights = [np.eye(looks)[anchor]], [0.0], [1e3]
    for k in range(looks):
        rows.append(np.eye(looks)[k])
        values.append(0.0)
        weights.append(PULL)
    for i in range(looks):
        for j in range(i + 1, looks):
            ratio, weight = log_ratio(light[i], light[j], ground[i] * ground[j])
            if weight > 0.0:
                rows.append(np.eye(looks)[j] - np.eye(looks)[i])
                values.append(ratio)
                weights.append(weight)
    w = np.sqrt(weights)
    gains = np.linalg.lstsq(np.array(rows) * w[:, None], np.array(values) * w, rcond=None)[0]
    out: FloatArray = np.exp(np.clip(gains - gains[anchor], -limits, limits))
    return out


def log_ratio(first: Plane, second: Plane, weight: Plane) -> tuple[float, float]:
    """Median of log(first / second) over an overlap, and what it is worth, 0 to 1; (0, 0) where it tells nothing."""
    step = max(1, int(np.sqrt(weight.size / MOST)))
    part = (slice(None, None, step), slice(None, None, step))
    a, b, w = first[part].astype(float), second[part].astype(float), weight[part]
    good = (w > 0.0) & np.isfinite(a) & np.isfinite(b)
    if np.count_nonzero(good) * step**2 < FEWEST:
        return 0.0, 0.0
    a, b, w = a[good], b[good], w[good]
    floor = DARK_SHARE * min(float(np.percentile(a, 99)), float(np.percentile(b, 99)))
    bright = (a > floor) & (b > floor) & (w > 0.1 * w.max())
    if np.count_nonzero(bright) * step**2 < FEWEST:
        return 0.0, 0.0
    return float(np.median(np.log(a[bright] / b[bright]))), min(1.0, np.count_nonzero(bright) * step**2 / 1e4)
