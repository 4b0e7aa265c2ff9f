"""Glow: the light that a lit crescent spreads over the dark sky and night beside it, and charge that it spills there.

`calibrate.stray` takes the veil off where it sees dark sky, and that is some 64 px from anything lit at the nearest.
What is left nearer by was measured on perijove 44, in sky beyond the haze: 1 to 4 DN within 32 px of the lit limb,
0.3 to 1.3 DN at 32 to 64 px, nothing farther out (44C00029, 30, 74). It looks like the wings of the lens's point
spread: the strip's own light, blurred over 8 to 64 px and fitted to the dark, leaves 20 to 50 % of its scatter there
and no mean. On simulated strips, whose lens has no wings, 0.1 DN is found within 16 px, which lossy coding adds.

The fit is made on the framelets, not on rendered pictures: a framelet sees the whole strip's light, also what a picture
leaves out, through its own filter, and all that is rendered afterwards gains by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from perijove.bodies import Body
from perijove.calibrate.quality import Quality
from perijove.geometry.ellipsoid import normal
from perijove.instrument import FOCAL_LENGTH_PX, Filter
from perijove.mosaic.look import Look
from perijove.render.framelets import check_swath, light_time
from perijove.render.threads import run_blocks
from perijove.swath import Swath

FloatArray = NDArray[np.float64]
Mask = NDArray[np.bool_]

CELL_PX = 8
"""Side of the cells in which light is averaged, camera px; each has four parts, told dark or not by their middle."""
SCALES_PX = (8.0, 16.0, 32.0, 64.0)
"""Widths (sigma) of the wings."""
LIT_DN = 10.0
"""Cells with more light than this cast a glow."""
DARK_DN = 12.0
"""Parts of a cell with more light than this are no dark, whatever the geometry: stars, moons, hits, aurora."""
HAZE_KM, EDGE_PX = 500.0, 4.0
"""Sky begins so far above the limb: the haze, and what pointing and blur may add, camera px."""
NIGHT_COSINE = -0.2
"""Cosine of incidence below which ground is night."""
LEAST_CELLS = 300
"""Fewest dark cells near the light that tell of a glow."""
NEAR = 2e-3
"""Light of the lit cells, blurred over 12 cells, against their own, from which a dark cell is near them."""
FULL_SHARE = 0.95
"""Share of a full pixel's light from which it may have spilt charge along its column."""


@dataclass(frozen=True)
class Glow:
    """What was found beside the light of one filter's framelets.

    `shares` (scales,) are the shares of the light that the wings of the widths `SCALES_PX` carry, `level_dn` what is
    seen everywhere, which is left. `before_dn`, `after_dn` are the root mean squares of the dark cells near the light
    with and without the glow, `cells` their number; `sigma_dn` is the standard error of the model there. `spilt` is the
    number of pixels that hold charge of full ones beside them and were given up. Without enough dark cells all are 0.
    `model_dn` (rows, columns) float32 holds the model on cells of the strip, whose line i of framelet f is the row
    (`first_line` + f `step_px` + i) / cell.
    """

    band: Filter
    shares: tuple[float, ...]
    level_dn: float
    before_dn: float
    after_dn: float
    sigma_dn: float
    cells: int
    spilt: int
    model_dn: NDArray[np.float32]
    step_px: float
    first_line: float


@dataclass(frozen=True)
class _Cells:
    """Sums over the cells (rows, columns) of a strip: all light and its pixels, dark light and its pixels."""

    light: FloatArray
    pixels: FloatArray
    dark: FloatArray
    dark_pixels: FloatArray


def without_glow(look: Look, body: Body, *, threads: int | None = None) -> tuple[Look, tuple[Glow, ...]]:
    """A look whose swaths have lost the glow of what is lit, and what it was, a `Glow` for each of them.

    The geometry of the swaths tells sky (beyond the haze) and, where the look knows its Sun, night; stars, hits and
    aurora stand out of the fit and are left. Under lit ground no more is taken off than was seen beside it. Variances
    grow by the square of the model's standard error. The look's own arrays are not changed. Raises StripError for a
    swath whose arrays do not fit one another.
    """
    done: list[tuple[Swath, Glow]] = []
    for swath in look.swaths:
        check_swath(swath)
        done.append(_cleared(swath, body, look, threads))
    return replace(look, swaths=tuple(swath for swath, _ in done)), tuple(glow for _, glow in done)


def glow_report(name: str, glows: Sequence[Glow]) -> dict[str, object]:
    """What was taken off a look, for reports: by filter the rms before and after in DN, and the pixels given up."""
    return {
        "strip": name,
        **{
            glow.band.value.lower(): {
                "before_dn": round(glow.before_dn, 3),
                "after_dn": round(glow.after_dn, 3),
                "shares": [round(share, 5) for share in glow.shares],
                "cells": glow.cells,
                "spilt_pixels": glow.spilt,
            }
            for glow in glows
        },
    }


def _cleared(swath: Swath, body: Body, look: Look, threads: int | None) -> tuple[Swath, Glow]:
    """One swath without its glow, and the glow."""
    sun = body.body_from_j2000(look.et).T @ look.sun
    side = max(CELL_PX // 2 // swath.binning, 1)
    dark = dark_parts(swath, body, sun, side, threads)
    step = sky_step(swath)
    first = max(-step * (len(swath.et) - 1), 0.0)
    glow = fit_glow(swath, gather_cells(swath, dark, side, step, first), step, first)
    light = swath.light.copy()
    quality = None if swath.quality is None else swath.quality.copy()
    spilt = give_up_spilt(light, dark, side, look.full_dn, quality)
    variance = None if swath.variance is None else swath.variance + np.float32(glow.sigma_dn**2)
    if glow.cells:
        lines, samples = light.shape[1:]
        for f in range(len(light)):
            row = (first + f * step + np.arange(lines) + 0.5) / (2 * side) - 0.5
            light[f] -= between(glow.model_dn, row, (np.arange(samples) + 0.5) / (2 * side) - 0.5)
    return replace(swath, light=light, variance=variance, quality=quality), replace(glow, spilt=spilt)


def sky_step(swath: Swath) -> float:
    """Lines of the strip that the sky moves up by from one framelet to the next."""
    if len(swath.et) < 2:
        return float(swath.light.shape[1])
    turn = swath.camera_from_j2000[1] @ swath.camera_from_j2000[0].T
    axis = turn @ np.array([0.0, 0.0, 1.0])
    return float(-FOCAL_LENGTH_PX * axis[1] / axis[2] / swath.binning)


def dark_parts(swath: Swath, body: Body, sun: FloatArray, side: int, threads: int | None = None) -> Mask:
    """Which parts (frames, lines / side, samples / side) of the framelets show sky beyond the haze, or night.

    `sun` (3,) is the unit vector to the Sun in j2000; NaN where it is not known, and then there is no night.
    """
    frames, lines, samples = swath.light.shape
    line = swath.binning * side * (np.arange(-(-lines // side)) + 0.5)
    sample = swath.binning * side * (np.arange(-(-samples // side)) + 0.5)
    rays = swath.camera.ray(swath.band, line[:, None], sample)
    seen = body.body_from_j2000(swath.et - light_time(body, swath.position_km))
    radii = np.array(body.radii_km)
    out = np.zeros((frames, len(line), len(sample)), np.bool_)

    def frame(f: int) -> None:
        place = seen[f] @ swath.position_km[f]
        directions = rays @ swath.camera_from_j2000[f] @ seen[f].T
        o, d = place / radii, directions / radii
        a, b = (d * d).sum(-1), d @ o
        closest = np.maximum(o @ o - b * b / a, 0.0)
        ahead = b < 0.0
        edge = HAZE_KM + EDGE_PX * float(np.linalg.norm(place)) / FOCAL_LENGTH_PX
        sky = ~ahead | ((np.sqrt(closest) - 1.0) * radii.min() > edge)
        reach = -b / a - np.sqrt(np.maximum(1.0 - closest, 0.0) / a)
        up = normal(place + reach[..., None] * directions, body.radii_km)
        night = ahead & (closest < 1.0) & (up @ (seen[f] @ sun) < NIGHT_COSINE)
        out[f] = sky | night

    run_blocks(frame, range(frames), threads)
    return out


def gather_cells(swath: Swath, dark: Mask, side: int, step: float, first: float) -> _Cells:
    """Light summed over the cells of a strip; `dark` (frames, ...) are parts of `side` px, of which a cell has four."""
    frames, lines, samples = swath.light.shape
    rows = int((first + max(step, 0.0) * (frames - 1) + lines) / (2 * side)) + 2
    columns = -(-dark.shape[2] // 2)
    sums = np.zeros((4, rows * columns))
    at_line, at_sample = np.arange(0, lines, side), np.arange(0, samples, side)
    for f in range(frames):
        light = swath.light[f]
        good = np.isfinite(light)
        parts = _summed(np.where(good, light, 0.0), at_line, at_sample), _summed(good.astype(float), at_line, at_sample)
        mean = parts[0] / np.maximum(parts[1], 1.0)
        clear = dark[f] & (np.abs(mean) < DARK_DN)
        row = ((first + f * step + at_line + 0.5 * side) / (2 * side)).astype(int)
        index = (row[:, None] * columns + np.arange(dark.shape[2]) // 2).ravel()
        for k, plane in enumerate((*parts, parts[0] * clear, parts[1] * clear)):
            sums[k] += np.bincount(index, plane.ravel(), rows * columns)
    shaped = sums.reshape(4, rows, columns)
    return _Cells(shaped[0], shaped[1], shaped[2], shaped[3])


def _summed(plane: FloatArray, lines: NDArray[np.int64], samples: NDArray[np.int64]) -> FloatArray:
    """Sums of a plane over parts that begin at some lines and samples."""
    out: FloatArray = np.add.reduceat(np.add.reduceat(plane.astype(np.float64), lines, axis=0), samples, axis=1)
    return out


def fit_glow(swath: Swath, cells: _Cells, step: float, first: float) -> Glow:
    """The glow that the dark cells of a strip show: shares of its own light blurred, by robust least squares."""
    mean = cells.light / np.maximum(cells.pixels, 1.0)
    lit = np.where((cells.pixels > 0) & (mean > LIT_DN), mean, 0.0)
    # in time the strip's ends go on, aside there is darkness
    modes = ("nearest", "constant")
    wings = np.stack([gaussian_filter(lit, scale / CELL_PX, mode=modes) for scale in SCALES_PX], axis=-1)
    around = gaussian_filter((lit > 0.0).astype(float), 12.0, mode=modes)
    weight = cells.dark_pixels * (cells.dark_pixels >= 0.25 * cells.pixels.max(initial=1.0))
    near = (weight > 0) & (around > NEAR)
    nothing = Glow(
        swath.band, (0.0,) * len(SCALES_PX), 0.0, 0.0, 0.0, 0.0, 0, 0, np.zeros(lit.shape, np.float32), step, first
    )
    if np.count_nonzero(near) < LEAST_CELLS:
        return nothing
    seen = cells.dark / np.maximum(cells.dark_pixels, 1.0)
    terms = np.concatenate([wings, np.ones((*lit.shape, 1))], axis=-1)
    kept, off, scatter = weight > 0, seen, 0.0
    for _ in range(5):
        root = np.sqrt(weight[kept])
        numbers = np.linalg.lstsq(terms[kept] * root[:, None], seen[kept] * root, rcond=1e-9)[0]
        off = seen - terms @ numbers
        scatter = 1.4826 * float(np.median(np.abs(off[near])))
        kept = (weight > 0) & (np.abs(off) < 4.0 * max(scatter, 0.05))
    model = np.maximum(wings @ numbers[:-1], 0.0)
    used = near & kept
    before, after = (float(np.sqrt(np.mean(part[used] ** 2))) for part in (seen - numbers[-1], off))
    if not after < before:
        return nothing
    # under lit ground the wings' middle is not known: no more than is seen beside it
    model = np.minimum(model, float(np.percentile(model[used], 99.5)))
    return replace(
        nothing,
        shares=tuple(float(share) for share in numbers[:-1]),
        level_dn=float(numbers[-1]),
        before_dn=before,
        after_dn=after,
        sigma_dn=scatter,
        cells=int(np.count_nonzero(used)),
        model_dn=model.astype(np.float32),
    )


def between(model: NDArray[np.float32], row: FloatArray, column: FloatArray) -> NDArray[np.float32]:
    """The model (rows, columns) at places (lines,) and (samples,) in cells, bilinear, held at its ends."""
    i, down = _place(row, model.shape[0])
    j, along = _place(column, model.shape[1])
    rows = model[i] + down[:, None] * (model[i + 1] - model[i])
    out: NDArray[np.float32] = rows[:, j] + along * (rows[:, j + 1] - rows[:, j])
    return out


def _place(at: FloatArray, count: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The whole part of places, at most `count` - 2, and what is left, 0 to 1."""
    held = np.clip(at, 0.0, count - 1.0)
    whole = np.minimum(held.astype(np.int64), count - 2)
    return whole, (held - whole).astype(np.float32)


def give_up_spilt(
    light: NDArray[np.float32], dark: Mask, side: int, full_dn: float, quality: NDArray[np.uint8] | None = None
) -> int:
    """Give up, in place, what full pixels have spilt along their columns into the `dark`; the number of its pixels.

    Where there is a `quality` it is marked as full there too, else the light becomes NaN.
    Full pixels in the dark that hang together with full ones on lit ground are such, and the one beyond them.
    """
    spilt = 0
    for f in range(len(light)):
        full = np.nan_to_num(light[f]) > FULL_SHARE * full_dn
        if not full.any():
            continue
        lines, samples = full.shape
        night = np.repeat(np.repeat(dark[f], side, axis=0), side, axis=1)[:lines, :samples]
        ground = full & ~night
        for turned in (slice(None), slice(None, None, -1)):
            carried = np.zeros(samples, np.bool_)
            for i in range(lines)[turned]:
                here = night[i] & carried
                spilt += int(np.count_nonzero(here & np.isfinite(light[f, i])))
                if quality is None:
                    light[f, i, here] = np.nan
                else:
                    quality[f, i, here] |= np.uint8(Quality.FULL)
                carried = ground[i] | (carried & full[i])
    return spilt
