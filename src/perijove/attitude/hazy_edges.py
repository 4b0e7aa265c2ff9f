"""Edges of a hazy limb: the haze that all profiles of a filter share, and where each of them has its limb.

Of a profile the sky, the ground's brightness and its slope, and the limb's place are its own. The haze's depth and glow
and the width of the edge are the same for all; they are found first, on some of the profiles, so that together they
describe the light best.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from perijove.attitude.edges import MISFIT, REACH_PX, Edges, Profiles
from perijove.attitude.hazy import GRID_PX, Haze, LimbLight, half_height, limb_light
from perijove.attitude.limb_sight import LimbSight

FloatArray = NDArray[np.float64]

MOST = 90
"""Profiles from which a haze is found: more do not tell more."""
DEPTH, DEPTH_SIGMA = 0.06, 0.5
"""Vertical optical depth of the haze, and the error of its logarithm: the limbs of perijoves 43 and 44 ask for 0.03 to
0.08."""
GLOW_SHARE, BACKLIT_SHARE, BACKLIT, GLOW_SIGMA = 0.5, 2.5, -0.4, 0.7
"""Glow of an endless path as a share of the light inside the limb, how it grows as `sunward` falls below `BACKLIT` and
haze outshines the ground, and the error of its logarithm."""
FORWARD, SLOPE_SIGMA, SLOPE_SHARE = 0.6, 0.4, 0.25
"""Haze scatters ahead, about as a lobe of this asymmetry does (Henyey and Greenstein 1941); how far the slope of its
glow may be from that, of itself and as a share of it."""
VARIANCE, VARIANCE_SIGMA = 0.4, 0.15
"""Variance of an edge, px^2: optics, pixel (1/12) and linear reading (1/6); perijoves 43 and 44 ask for 0.2 to 0.45."""
SMEAR = 1.0 / 12.0
"""What the motion of one line during one stage adds to the variance along the lines, px^2."""
TEXTURE = 0.06
"""Scatter of the light about such a model as a share of it, several times what is seen: clouds go on from one sample to
the next."""
CLOUDY, LEAST_SHARE = 0.015, 0.3
"""Misfit, as a share of its light, from which a profile counts less; share of the median light that counts at least."""
ROUNDS = 5
"""Steps of Gauss and Newton for what each profile has of its own."""
MOST_VARIANCE = 3.0
"""A wider edge, px^2, does not fit into `GRID_PX`."""


@dataclass(frozen=True)
class _Fit:
    """Profiles with their limbs fitted: `own` (n, 3) sky, ground and the ground's slope, `shift` (n,) px, `left` (n, s)
    what remains of the light, `inverse` (n,) the variance of the shift for unit variance of the light."""

    own: FloatArray
    shift: FloatArray
    left: FloatArray
    inverse: FloatArray


def fit_hazy_edges(p: Profiles, sight: LimbSight, first: Edges, max_shift: float, more_variance: float) -> Edges:
    """The edges `first`, which know nothing of haze, measured again with it: shifts to the limb of the ellipsoid.

    `more_variance` px^2 is what summed pixels add to the blur.
    """
    good = np.flatnonzero(first.good)
    if not len(good):
        return first
    some = good[:: -(-len(good) // MOST)]
    haze = find_haze(_take(p, some), sight.take(some), first.shift[some], first.plateau[some], more_variance)
    fit = _fit(_take(p, good), sight.take(good), haze, first.shift[good], more_variance)
    level = np.maximum(first.plateau[good], 1e-12)
    misfit = np.sqrt(np.sum(fit.left**2, axis=1) / max(len(p.distance) - 4, 1))
    shift, sigma = np.zeros(len(p.line)), np.full(len(p.line), np.inf)
    shift[good], sigma[good] = fit.shift, misfit * np.sqrt(np.maximum(fit.inverse, 0.0))
    fine = np.zeros(len(p.line), dtype=bool)
    fine[good] = (np.abs(fit.shift) < max_shift) & (misfit < MISFIT * level) & np.isfinite(fit.shift)
    return Edges(shift, sigma, fine, first.plateau)


def find_haze(p: Profiles, sight: LimbSight, shift: FloatArray, plateau: FloatArray, more_variance: float) -> Haze:
    """The haze that describes profiles best; their plain edges stand at `shift` (n,) px over a `plateau` (n,)."""
    level = float(np.median(plateau))
    middle = float(np.mean(sight.sunward))
    share = GLOW_SHARE + BACKLIT_SHARE * max(BACKLIT - middle, 0.0)
    start = Haze(DEPTH, share * level, 0.0, VARIANCE, middle)
    likely = forward_slope(middle)
    spread = np.array([DEPTH_SIGMA, GLOW_SIGMA, SLOPE_SIGMA + SLOPE_SHARE * abs(likely), VARIANCE_SIGMA])

    def haze_of(x: FloatArray) -> Haze:
        depth, glow, slope, variance = x * spread
        width = float(np.clip(VARIANCE + variance, 0.2, 2.0))
        return replace(
            start, depth=DEPTH * np.exp(depth), glow=start.glow * np.exp(glow), slope=likely + slope, variance=width
        )

    own = np.maximum(plateau, LEAST_SHARE * level)[:, None]

    def residuals(x: FloatArray) -> FloatArray:
        left = _fit(p, sight, haze_of(x), shift, more_variance).left / own
        misfit = np.sqrt(np.mean(left**2, axis=1, keepdims=True)) / CLOUDY
        # smooth L1 for whole profiles: storms on the limb shall not rule
        soft = np.sqrt(2.0 * (np.sqrt(1.0 + misfit**2) - 1.0)) / np.maximum(misfit, 1e-12)
        return np.concatenate([(left * soft).ravel() / TEXTURE, x])

    found = least_squares(residuals, np.zeros(4), bounds=(-3.0, 3.0), diff_step=1e-3, max_nfev=10, xtol=1e-3, ftol=1e-4)
    return haze_of(found.x)


def forward_slope(sunward: float) -> float:
    """Change of the logarithm of a haze's glow with `sunward`, beyond that at right angles to the Sun: below 0 where it
    is seen against the Sun, and 0 where its forward lobe no longer counts."""
    by_cosine = 3.0 * FORWARD / (1.0 + FORWARD**2 + 2.0 * FORWARD * min(sunward, 0.0))
    return 3.0 * FORWARD / (1.0 + FORWARD**2) - by_cosine


def _fit(p: Profiles, sight: LimbSight, haze: Haze, shift: FloatArray, more_variance: float) -> _Fit:
    """Gauss-Newton for what each profile has of its own; half its light stands at `shift` (n,) px."""
    variance = haze.variance + more_variance + SMEAR * p.outward[:, 0] ** 2
    light = limb_light(sight, haze, np.minimum(variance, MOST_VARIANCE))
    y = np.where(np.isfinite(p.light), p.light, 0.0)
    weight = np.isfinite(p.light).astype(float)
    own = np.zeros((len(y), 3))
    shift = shift - half_height(sight, haze) / sight.px_km
    for step in range(ROUNDS + 1):
        columns, glow, by_shift = _model(light, p.distance, shift, own)
        if step == 0:
            own, _ = _solved(columns, weight, y - glow)
            columns, glow, by_shift = _model(light, p.distance, shift, own)
        left = y - glow - np.einsum("nsi,ni->ns", columns, own)
        if step == ROUNDS:
            break
        change, inverse = _solved(np.concatenate([columns, by_shift[..., None]], axis=-1), weight, left)
        own = own + change[:, :3]
        shift = shift + np.clip(change[:, 3], -0.8, 0.8)
    return _Fit(own, shift, left * weight, inverse)


def _model(
    light: LimbLight, distance: FloatArray, shift: FloatArray, own: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """What the profile's own numbers multiply (n, s, 3), the haze's light (n, s), and the model's change (n, s) per px
    of shift."""
    x = np.clip((distance - shift[:, None] - GRID_PX[0]) / (GRID_PX[1] - GRID_PX[0]), 0.0, len(GRID_PX) - 1.001)
    i = x.astype(int)
    share = x - i
    row = np.arange(len(shift))[:, None]
    values, slopes = [], []
    for part in (light.haze, light.ground):
        low, high = part[row, i], part[row, i + 1]
        values.append(low + share * (high - low))
        slopes.append((low - high) / (GRID_PX[1] - GRID_PX[0]))
    away = (distance - shift[:, None]) / REACH_PX[0]
    columns = np.stack([np.ones_like(values[1]), values[1], values[1] * away], axis=-1)
    ground, tilt = own[:, 1:2], own[:, 2:3]
    by_shift = slopes[0] + ground * slopes[1] + tilt * (slopes[1] * away - values[1] / REACH_PX[0])
    return columns, values[0], by_shift


def _solved(columns: FloatArray, weight: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Least squares (n, m) row by row, and the last number's variance (n,) for unit variance of the light."""
    weighed = columns * weight[..., None]
    normal = np.einsum("nsi,nsj->nij", weighed, columns)
    # ground that is not there at all shall not stop the rest, whatever the unit of light
    size = np.einsum("nii->ni", normal)
    inverse = np.linalg.inv(normal + np.where(size > 0.0, 1e-9 * size, 1.0)[:, None, :] * np.eye(columns.shape[-1]))
    solved = np.einsum("nij,nsj,ns->ni", inverse, weighed, y)
    return solved, inverse[:, -1, -1]


def _take(p: Profiles, which: NDArray[np.int64]) -> Profiles:
    """The profiles that an index selects."""
    return Profiles(p.frame[which], p.line[which], p.sample[which], p.outward[which], p.distance, p.light[which])
