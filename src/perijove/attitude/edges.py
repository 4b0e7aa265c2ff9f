"""Sub-pixel limb points, measured where a first pointing says the limb must be.

The light along the limb's normal is fitted with a plateau that slopes as limb darkening does, cut by an edge of known
width, over a constant sky. What does not look like that (terminator, hot pixels, compression blocks) is dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from perijove.geometry.aberration import apparent
from perijove.geometry.axes import frame_around
from perijove.geometry.ellipsoid import centric_from_point, normal
from perijove.instrument import LIT_SAMPLES, Camera, Filter

FloatArray = NDArray[np.float64]

REACH_PX = (7.0, 7.0)
"""Length of a profile inside and outside the predicted limb."""
STEP_PX = 0.5
CURVE_POINTS = 4096
SPACING_PX = 4.0
"""Distance between neighbouring limb points."""
LEAST_COS_INCIDENCE = 0.05
"""Limb nearer to the terminator than this is too soft to be an edge."""
ALONG_PX = (-2.0, -1.0, 0.0, 1.0, 2.0)
"""Parallel profiles, so far apart along the limb, that are averaged into one."""
MISFIT = 0.10
"""Greatest rms misfit of a profile, as a share of its plateau."""
RISE, BACKLIT_RISE = 0.6, 2.5
"""Greatest rise of the light towards the limb, as a share of that at the limb; in a thin crescent
with the Sun behind it nearly all light is at the limb."""
EDGE_SIGMA_PX = 0.85
"""Half-width (sigma) of the edge: optics, pixel and the motion of one exposure."""


@dataclass(frozen=True)
class Profiles:
    """Light across the limb of one filter: `frame`, `line`, `sample` (n,) of the predicted limb, `outward` (n, 2) its
    normal as (line, sample), `distance` (s,) px outwards, `light` (n, s)."""

    frame: NDArray[np.int64]
    line: FloatArray
    sample: FloatArray
    outward: FloatArray
    distance: FloatArray
    light: FloatArray


@dataclass(frozen=True)
class Edges:
    """Edges fitted to profiles: `shift` (n,) px outwards from the predicted limb, its `sigma` px, the `plateau` of
    light inside, and which are `good` (n,)."""

    shift: FloatArray
    sigma: FloatArray
    good: NDArray[np.bool_]
    plateau: FloatArray


def limb_curve(position_km: FloatArray, radii_km: tuple[float, float, float], count: int) -> FloatArray:
    """Points (count, 3), km, of the limb of an ellipsoid seen from a body-fixed `position_km` (3,)."""
    radii = np.asarray(radii_km)
    c = position_km / radii
    distance = np.linalg.norm(c)
    axis = c / distance
    u, w, _ = frame_around(axis)
    angle = np.linspace(0.0, 2 * np.pi, count, endpoint=False)[:, None]
    circle = np.sqrt(1.0 - 1.0 / distance**2) * (np.cos(angle) * u + np.sin(angle) * w) + axis / distance
    out: FloatArray = circle * radii
    return out


def predict_limb(
    camera: Camera,
    band: Filter,
    camera_from_body: FloatArray,
    position_km: FloatArray,
    radii_km: tuple[float, float, float],
    sun: FloatArray,
    lines: int,
    height_km: Callable[[FloatArray, FloatArray], FloatArray],
    velocity_km_s: FloatArray | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Sunlit limb inside one framelet: pixels (n, 2) as (line, sample) and outward normals (n, 2).

    `camera_from_body` (3, 3), `position_km` (3,), the unit vector `sun` (3,) and `velocity_km_s` (3,), which aberrates
    (see `geometry.aberration`), are body-fixed; `lines` counts the native lines; `height_km` gives the height
    of the limb by cosine of incidence and planetocentric latitude. Points nearer than the profiles' reach to the
    framelet's borders are left out.
    """
    points = limb_curve(position_km, radii_km, CURVE_POINTS)
    up = normal(points, radii_km)
    cos_incidence = up @ sun
    lit = cos_incidence > LEAST_COS_INCIDENCE
    points, up = points[lit], up[lit]
    height = height_km(cos_incidence[lit], centric_from_point(points)[:, 0])[:, None]
    place = points + height * up - position_km
    at = camera.pixel(band, apparent(place, velocity_km_s) @ camera_from_body.T)
    # a step outwards of a fraction of a pixel gives the normal in the picture
    step = 1e-4 * np.linalg.norm(points - position_km, axis=-1, keepdims=True)
    outward = camera.pixel(band, apparent(place + step * up, velocity_km_s) @ camera_from_body.T) - at
    with np.errstate(invalid="ignore"):
        outward = outward / np.linalg.norm(outward, axis=-1, keepdims=True)
        ends = np.stack([at - REACH_PX[0] * outward, at + REACH_PX[1] * outward])
        inside = np.all(
            (ends[..., 0] > 1)
            & (ends[..., 0] < lines - 1)
            & (ends[..., 1] > LIT_SAMPLES.start + 1)
            & (ends[..., 1] < LIT_SAMPLES.stop - 1),
            axis=0,
        )
    at, outward = at[inside], outward[inside]
    keep = _thin(at, SPACING_PX)
    return at[keep], outward[keep]


def _thin(at: FloatArray, spacing: float) -> NDArray[np.int64]:
    """Indices of points along a curve at least about `spacing` apart."""
    if len(at) == 0:
        return np.empty(0, dtype=np.int64)
    run = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(at, axis=0), axis=-1))])
    _, first = np.unique(np.floor(run / spacing), return_index=True)
    return first.astype(np.int64)


def read_profiles(
    light: NDArray[np.float32], frame: NDArray[np.int64], at: FloatArray, outward: FloatArray, binning: int
) -> Profiles:
    """Light along the normals, averaged over a few pixels along the limb, from framelets (frames, lines, samples).

    Bilinear between pixels; NaN where a neighbour is masked.
    """
    distance = np.arange(-REACH_PX[0], REACH_PX[1] + 1e-9, STEP_PX * binning)
    along = np.stack([-outward[:, 1], outward[:, 0]], axis=-1)
    total = np.zeros((len(at), len(distance)))
    for offset in ALONG_PX:
        start = at + offset * along
        line = (start[:, :1] + distance * outward[:, :1]) / binning - 0.5
        sample = (start[:, 1:] + distance * outward[:, 1:]) / binning - 0.5
        total += _bilinear(light, frame[:, None], line, sample)
    return Profiles(frame, at[:, 0], at[:, 1], outward, distance, total / len(ALONG_PX))


def _bilinear(light: NDArray[np.float32], frame: NDArray[np.int64], line: FloatArray, sample: FloatArray) -> FloatArray:
    """Values of framelets at element coordinates; the outermost elements are held beyond the border."""
    i = np.clip(np.floor(line).astype(int), 0, light.shape[1] - 2)
    j = np.clip(np.floor(sample).astype(int), 0, light.shape[2] - 2)
    u, v = np.clip(line - i, 0.0, 1.0), np.clip(sample - j, 0.0, 1.0)
    upper = (1 - v) * light[frame, i, j] + v * light[frame, i, j + 1]
    lower = (1 - v) * light[frame, i + 1, j] + v * light[frame, i + 1, j + 1]
    out: FloatArray = (1 - u) * upper + u * lower
    return out


def edge_sigma(binning: int) -> float:
    """Half-width (sigma, px) of the edge in profiles of framelets summed `binning` x `binning`."""
    return float(np.sqrt(EDGE_SIGMA_PX**2 + summed_variance(binning)))


def summed_variance(binning: int) -> float:
    """What summing `binning` x `binning` pixels adds to the variance of an edge, px^2.

    It widens the pixel's box, of variance 1/12 px^2, and the triangle of linear reading, 1/6 px^2, as its square.
    """
    return (binning**2 - 1) * (1 / 12 + 1 / 6)


def fit_edges(
    p: Profiles,
    max_shift: float,
    width: float = EDGE_SIGMA_PX,
    inside: Callable[[FloatArray], FloatArray] | None = None,
    rise: float = RISE,
) -> Edges:
    """Gauss-Newton fit of all profiles at once: sky, plateau, slope of the plateau, and the edge's place.

    `width` is the edge's sigma, px; `inside` gives light (n, s) against that at the limb by distances (n, s) px inwards
    from it, for plateaus whose fall is known; `rise` is by how much of its light at the limb a plateau may be darker at
    its inner end. An edge is good where it lies within `max_shift` px of the prediction and the model describes it.
    """
    y, s = p.light, p.distance
    n = len(y)
    data = np.where(np.isfinite(y), y, 0.0)
    sky = data[:, -4:].mean(axis=1)
    top = np.median(data[:, : len(s) // 3], axis=1)
    half = 0.5 * (sky + top)
    # the outermost fall through the half level, read linearly
    above = y >= half[:, None]
    last = len(s) - 1 - np.argmax(above[:, ::-1], axis=1)
    shift = s[np.clip(last, 0, len(s) - 1)] + 0.25
    x = np.stack([sky, top - sky, np.zeros(n), shift], axis=-1)
    weight = np.isfinite(y).astype(float)
    inverse = np.tile(np.eye(4), (n, 1, 1))
    for _ in range(8):
        model, jac = _edge_model(x, s, width, inside)
        jw = jac * weight[..., None]
        normal = np.einsum("nsi,nsj->nij", jw, jac) + 1e-9 * np.eye(4)
        inverse = np.linalg.inv(normal)
        step = np.einsum("nij,nsj,ns->ni", inverse, jw, data - model)
        step[:, 3] = np.clip(step[:, 3], -1.5, 1.5)
        x = x + step
    model, _ = _edge_model(x, s, width, inside)
    misfit = np.sqrt(np.sum(weight * (data - model) ** 2, axis=1) / np.maximum(weight.sum(1) - 4, 1))
    sigma = misfit * np.sqrt(np.maximum(inverse[:, 3, 3], 0.0))
    with np.errstate(invalid="ignore", divide="ignore"):
        good = (
            np.isfinite(y).all(axis=1)
            & (np.abs(x[:, 3]) < max_shift)
            & (misfit < MISFIT * x[:, 1])
            & (x[:, 2] * REACH_PX[0] > -rise * x[:, 1])
            & (x[:, 2] * REACH_PX[0] < 1.5 * x[:, 1])
        )
    return Edges(x[:, 3], sigma, good, x[:, 1])


_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(16)


def _edge_model(
    x: FloatArray, s: FloatArray, sigma: float, inside: Callable[[FloatArray], FloatArray] | None
) -> tuple[FloatArray, FloatArray]:
    """Model (n, s) and Jacobian (n, s, 4) of sky + (plateau - slope * d) cut off at the edge, d = 0, and blurred."""
    sky, top, slope, shift = (x[:, k, None] for k in range(4))
    d = s - shift
    fall = 0.5 * (1.0 - erf(d / (np.sqrt(2) * sigma)))
    bell = np.exp(-0.5 * (d / sigma) ** 2) / (np.sqrt(2 * np.pi) * sigma)
    # a Gaussian times the cut ramp -d, integrated; its derivative by the shift is the step
    ramp = sigma**2 * bell - d * fall
    if inside is not None:
        bent, steep = _blurred_departure(d, sigma, inside)
        fall, bell = fall + bent, bell - steep
    jac = np.stack(
        [np.ones_like(d), fall, ramp, top * bell + slope * (fall if inside is None else fall - bent)], axis=-1
    )
    return sky + top * fall + slope * ramp, jac


def _blurred_departure(
    d: FloatArray, sigma: float, inside: Callable[[FloatArray], FloatArray]
) -> tuple[FloatArray, FloatArray]:
    """What a known fall of the light takes from a flat plateau, blurred, at distances (n, s) outwards; its slope."""
    value, slope = np.zeros_like(d), np.zeros_like(d)
    for node, weight in zip(_NODES, _WEIGHTS / _WEIGHTS.sum(), strict=True):
        away = d - sigma * node
        departure = weight * np.where(away < 0.0, inside(np.maximum(-away, 0.0)) - 1.0, 0.0)
        value += departure
        # the derivative of the blur: the node over sigma
        slope -= departure * node / sigma
    return value, slope
