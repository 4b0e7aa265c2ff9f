"""Annulus: the ground around a place by ring and sector, over what the ground further out promises there.

The globe's shading comes off first, by one smooth trend over the whole patch; then each annulus is compared with the
plane through the ground just outside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.measure.circles import blurred, ring
from perijove.measure.patch import Light, Patch, sample

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

SECTORS = 36
RINGS = 12
FINER = 4
"""Samples along and across a cell of an annulus, at least as many as its pixels would fill."""
OUTSIDE = 1.6
"""Where the ground that an annulus is compared with ends, in units of the annulus' outer edge."""
TEXTURE_TURNS = 180
TEXTURE_BLUR = 1.5
"""Samples around the circle by which the texture is read, and their blur."""
LEAST_DATA = 0.5
"""Share of an annulus, and of the ground outside it, that must have data."""
TREND_POINTS = 20_000
LEAST_COSINE = 0.05
"""Incidence beyond which the ground is too dark to be compared with anything."""


@dataclass(frozen=True)
class Frame:
    """Which ground is compared: the middles of rings and sectors.

    `edges` (k + 1,) of the rings and `outside` (m,) radii of the ground beyond, pixels; `azimuths` (s,) of the sectors.
    """

    edges: FloatArray
    outside: FloatArray
    azimuths: FloatArray


def make_frame(inner: float, outer: float) -> Frame:
    """The frame of an annulus from `inner` to `outer` pixels."""
    edges = np.linspace(inner, outer, RINGS + 1)
    step = (outer - inner) / RINGS
    outside = np.arange(outer + 0.5 * step, OUTSIDE * outer, step)
    return Frame(edges, outside, np.linspace(0.0, 2.0 * np.pi, SECTORS, endpoint=False))


def without_trend(patch: Patch, centre: FloatArray, spared: float) -> Light:
    """Light (bands, n, n) over its smooth trend across the patch: about 1 everywhere.

    The trend of the logarithm is a polynomial of the second degree and, where the patch knows incidence and emission, a
    multiple of Lommel and Seeliger's logarithms, fitted by Tukey's weights to what lies further than `spared` pixels
    from `centre` (line, sample), or to all where that is too little.
    """
    terms = _trend_terms(patch)
    usable = np.isfinite(patch.light).all(axis=0) & (patch.light > 0.0).all(axis=0) & np.isfinite(terms).all(axis=0)
    middle = np.arange(patch.side) + 0.5
    far = np.hypot(middle[:, None] - centre[0], middle[None, :] - centre[1]) > spared
    fitted = usable & far if (usable & far).sum() > 0.2 * max(usable.sum(), 1) else usable
    index = np.flatnonzero(fitted)
    index = index[:: max(1, len(index) // TREND_POINTS)]
    flat = terms.reshape(len(terms), -1)
    out = np.full(patch.light.shape, np.nan, np.float32)
    if len(index) < 10 * len(terms):
        return out
    for n, band in enumerate(patch.light):
        weights = _robust_line(flat[:, index].T, np.log(band.reshape(-1)[index].astype(float)))
        with np.errstate(invalid="ignore"):
            trend = np.exp(np.tensordot(weights, terms, axes=1))
            out[n] = np.where(usable, band / trend, np.nan)
    return out


def _trend_terms(patch: Patch) -> FloatArray:
    """The functions (k, n, n) that the trend is made of."""
    t = (np.arange(patch.side) + 0.5) / patch.side * 2.0 - 1.0
    y, x = np.meshgrid(t, t, indexing="ij")
    terms = [np.ones_like(x), x, y, x * x, x * y, y * y]
    if patch.cos_incidence is not None:
        sun = np.where(patch.cos_incidence > LEAST_COSINE, patch.cos_incidence, np.nan).astype(float)
        terms.append(np.log(sun))
        if patch.cos_emission is not None:
            terms.append(np.log(np.where(patch.cos_emission > LEAST_COSINE, sun + patch.cos_emission, np.nan)))
    return np.stack(terms)


def _robust_line(design: FloatArray, target: FloatArray) -> FloatArray:
    """Coefficients (k,) of the columns of `design` (n, k) that best make `target` (n,), by Tukey's weights."""
    root = np.ones(len(target))
    found: FloatArray = np.zeros(design.shape[1])
    for _ in range(6):
        found = np.asarray(np.linalg.lstsq(design * root[:, None], target * root, rcond=1e-10)[0], dtype=float)
        rest = target - design @ found
        t = rest / (4.685 * max(1.4826 * float(np.median(np.abs(rest))), 1e-9))
        root = np.where(np.abs(t) < 1.0, 1.0 - t * t, 0.0)
    return found


def contrasts(light: Light, centre: FloatArray, frame: Frame) -> FloatArray | None:
    """Contrast (bands, sectors, rings) of an annulus about `centre` (line, sample) with the ground outside it.

    `light` (bands, n, n) is without its trend. NaN in cells without data; None where too little has any.
    """
    inside = _cells(light, centre, frame.azimuths, 0.5 * (frame.edges[1:] + frame.edges[:-1]), np.diff(frame.edges))
    width = np.full(len(frame.outside), frame.edges[1] - frame.edges[0])
    outside = _cells(light, centre, frame.azimuths, frame.outside, width)
    known, around = np.isfinite(inside[0]), np.isfinite(outside[0])
    if known.mean() < LEAST_DATA or around.mean() < LEAST_DATA:
        return None
    way = ring(frame.azimuths)
    at_inside = way[:, None] * (0.5 * (frame.edges[1:] + frame.edges[:-1]))[:, None] / frame.edges[-1]
    at_outside = way[:, None] * frame.outside[:, None] / frame.edges[-1]
    ones = np.ones((*at_outside.shape[:2], 1))
    design = np.concatenate([ones, at_outside], axis=-1)[around]
    promised = np.concatenate([np.ones((*at_inside.shape[:2], 1)), at_inside], axis=-1)
    out = np.empty_like(inside)
    for n in range(len(light)):
        out[n] = inside[n] / (promised @ _robust_line(design, outside[n][around])) - 1.0
    return out


def _cells(light: Light, centre: FloatArray, azimuths: FloatArray, radii: FloatArray, widths: FloatArray) -> FloatArray:
    """Mean light (bands, sectors, rings) of cells about azimuths (s,) and radii (k,) of `widths` (k,) pixels."""
    sector = 2.0 * np.pi / len(azimuths)
    across = max(FINER, int(np.ceil(sector * float(radii.max()))))
    along = max(FINER, int(np.ceil(float(widths.max()))))
    across, along = min(across, 12), min(along, 12)
    turns = ((np.arange(across) + 0.5) / across - 0.5) * sector
    shares = (np.arange(along) + 0.5) / along - 0.5
    way = ring(azimuths[:, None] + turns)
    away = radii[:, None] + widths[:, None] * shares
    places = centre + way[:, None, :, None] * away[None, :, None, :, None]
    out = np.empty((len(light), len(azimuths), len(radii)))
    for n, band in enumerate(light):
        values = sample(band, places).astype(float)
        there = np.isfinite(values)
        count = there.sum(axis=(2, 3))
        total = np.where(there, values, 0.0).sum(axis=(2, 3))
        out[n] = np.where(count * 2 >= across * along, total / np.maximum(count, 1), np.nan)
    return out


def control_centres(side: int, centre: FloatArray, frame: Frame, most: int, seed: int) -> FloatArray:
    """Places (n, 2) (line, sample) for other annuli of the same size in a patch: spread evenly, in random order.

    Their centres stand as far from `centre` as the annulus reaches, so that none looks at the crater itself, and not so
    near the patch's edge that the annulus would mostly lie outside.
    """
    outer = float(frame.edges[-1])
    margin = 0.8 * outer
    reach = side - 2.0 * margin
    if reach <= 0.0:
        return np.empty((0, 2))
    step = max(0.3 * outer, reach / 24.0)
    where = np.arange(margin + 0.5 * np.mod(reach, step), side - margin + 1e-9, step)
    centres = np.stack(np.meshgrid(where, where, indexing="ij"), axis=-1).reshape(-1, 2)
    away = np.hypot(centres[:, 0] - centre[0], centres[:, 1] - centre[1])
    centres = centres[away >= 1.15 * outer]
    order = np.random.default_rng(seed).permutation(len(centres))
    out: FloatArray = centres[order[:most]]
    return out


def radial_texture(light: Light, centre: FloatArray, frame: Frame) -> float:
    """How far the texture of an annulus points away from its centre: 1 streaks from it, -1 rings about it, 0 neither.

    The mean of cos 2 (angle between the gradient of light (n, n) and the tangent), in logarithms of the distance, where
    angles are those on the ground; NaN where too little has data.
    """
    step = 2.0 * np.pi / TEXTURE_TURNS
    inner = max(float(frame.edges[0]), 1.0)
    logs = np.arange(np.log(inner), np.log(float(frame.edges[-1])), step)
    azimuths = np.linspace(0.0, 2.0 * np.pi, TEXTURE_TURNS, endpoint=False)
    places = centre + ring(azimuths)[:, None] * np.exp(logs)[:, None]
    values = sample(light, places)
    # the circle closes: what lies past its end is its beginning
    seam = 8
    closed = np.concatenate([values[-seam:], values, values[:seam]])
    slope = np.gradient(blurred(closed, TEXTURE_BLUR))
    around: FloatArray = np.asarray(slope[0][seam:-seam], dtype=np.float64)
    outward: FloatArray = np.asarray(slope[1][seam:-seam], dtype=np.float64)
    square = around * around + outward * outward
    there = np.isfinite(square)
    if there.mean() < LEAST_DATA:
        return float("nan")
    floor = float(np.median(square[there]))
    return float(np.mean((around * around - outward * outward)[there] / (square[there] + floor + 1e-20)))
