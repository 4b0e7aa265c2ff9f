"""The backlit composite against truth: simulated strips, solved and combined blind, against the noiseless world.

Seven strips of one of the backlit scenes, with noise and particle hits, are combined in linear light as seen from where
one of them was taken. The world itself is seen from there too, blurred as the camera blurs, and compared:

*Position*: patches of the crescent and pieces of the bright limb by least squares, stars (those of which noise alone
allows to tell 0.1 px) by their centres, native px.
*Haze*: with the world moved to fit, since a tenth of a pixel is a tenth of the light where it falls off most steeply.
Along the limb, its light summed across it by 2 degrees, down to 1 % of the brightest; across it, the mean profile of
the bright limb, outwards from its peak down to 1 % of it, against the world as the camera and the interpolation between
its pixels blur it (and, in the remarks, the camera alone): pixels as large as their blur cannot tell more.
*Night*: rms of the light of the dark side, against the best of the strips alone.
*Seams*: steps of (composite - world) across the places where the strips that are seen begin, end or change, sigma.
*Hits*: of those that stood out of their strip by more than 5 sigma, how many no longer stand out, by as much, of the
noise that the composite has there (or their strip's, where that is more).

    python -m benchmarks.backlit_truth [--scene backlit] [--seed 1] [--from 4] [--keep FOLDER] [--pictures FOLDER]
        [--true-pointing]

FOLDER keeps strips and solutions for the next time. With the true pointing there remains what combining strips does.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from benchmarks.backlit_stars import CLEAR_PX, star_errors
from benchmarks.backlit_world import FINE, at_pixels, world_seen
from benchmarks.true_pointing import truly_pointed
from benchmarks.truth_strips import Taken, taken_strips
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter, label, map_coordinates, median_filter, spline_filter
from scipy.ndimage import shift as shifted

from perijove.calibrate.decompand import decompanding_table
from perijove.calibrate.noise import READ_NOISE_DN
from perijove.geometry.view import View, pixel_rays, spacecraft_view
from perijove.instrument import Filter
from perijove.mosaic.balance import solve_balance
from perijove.mosaic.fuse import Mode, prepare_mosaic
from perijove.mosaic.glow import without_glow
from perijove.mosaic.look import Look, look_of
from perijove.render.engine import render
from perijove.render.planes import native_px
from perijove.simulate.detector import stray_light
from perijove.simulate.scene import COLOURS, Scene
from perijove.winds import usual_winds

FloatArray = NDArray[np.float64]
Light = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

BOUNDS = {
    "position, median px": 0.15,
    "haze along the limb, p95 %": 5.0,
    "haze across the limb, most %": 5.0,
    "night: best strip / composite": 2.0,
    "seams, p95 sigma": 1.0,
    "hits gone, %": 99.0,
    "stars, median px": 0.3,
}
AT_LEAST = ("night: best strip / composite", "hits gone, %")
SKY_PX = 150
"""Sky around what is framed, px."""
PATCH, SURE_PX = 40, 0.1
"""Side of a patch; its stated error above which its light has too little shape to tell."""
DAY, NIGHT = 0.1, -0.25
"""Cosines of incidence from which a patch is day, and up to which ground is night."""
SECTOR_DEG = 10.0
REACH_PX, STEP_PX = (-4.0, 8.0), 0.25
FAINT = 0.01
"""Share of the peak down to which the haze is compared."""
LEAST_LIMB_DN = 50.0
PLAIN = 5.0
"""Sigma by which a hit stands out."""
LIMB_CLEAR_PX = 6.0
STARS_BRIGHTER = 6.0
"""Magnitudes by which the stars are made brighter, so that the view has some thirty that can be measured in 3 ms. Ten
times brighter ones mislead the solution of the pointing."""
BLOCK = 32


@dataclass(frozen=True)
class Composite:
    """Light (h, w) by filter, I/F; `strip` (h, w) the number of the look that weighs most (-1 none), or None."""

    light: Mapping[Filter, FloatArray]
    strip: NDArray[np.int16] | None


def combined(looks: Sequence[Look], scene: Scene, view: View, et: float, mode: Mode = Mode.BLEND) -> Composite:
    """The composite that the package makes of the looks, in linear light."""
    body, sun = scene.flight.body, scene.sun(et)
    winds = usual_winds(body)
    cleared = [without_glow(look, body)[0] for look in looks]
    balance = solve_balance(cleared, body, et, winds=winds)
    mosaic = prepare_mosaic(cleared, body, et, view, balance=balance, winds=winds, mode=mode, sun_direction=sun)
    fused = mosaic.planes()
    return Composite({b: fused.planes.band(b).astype(float) for b in fused.planes.bands}, fused.strip)


@dataclass(frozen=True)
class Stage:
    """Everything that one comparison needs: the view, the world (blurred), geometry of its pixels, single strips.

    `truth` is the world as the camera blurs it; `fine` and `resampled` are that and the same as the interpolation of
    its pixels blurs it, `FINE` x `FINE` places a px.
    `limb_px` (h, w) native px from the limb, outwards positive; `turn` (h, w) angle about the disc's middle, rad;
    `lit` cosine of incidence, NaN off the disc; `alone` light (looks, h, w) by filter, of each strip rendered alone;
    `unit` I/F of a DN (looks,) by filter.
    """

    scene: Scene
    view: View
    et: float
    native: float
    truth: Mapping[Filter, FloatArray]
    fine: Mapping[Filter, Light]
    resampled: Mapping[Filter, Light]
    limb_px: FloatArray
    turn: FloatArray
    lit: FloatArray
    alone: Mapping[Filter, FloatArray]
    unit: Mapping[Filter, FloatArray]


def staged(scene: Scene, looks: Sequence[Look], taken: Taken, which: int) -> Stage:
    """See the world from where strip number `which` was taken."""
    o = taken.observations[which]
    body, et, place = scene.flight.body, o.middle_et, o.middle_position
    view = spacecraft_view(place, body, o.middle_sun, 1000, lit_only=False)
    size = round(1000 / native_px(view))
    view = spacecraft_view(place, body, o.middle_sun, size, lit_only=False)
    middle = (view.principal[0] + SKY_PX, view.principal[1] + SKY_PX)
    view = replace(view, width=view.width + 2 * SKY_PX, height=view.height + 2 * SKY_PX, principal=middle)
    rays = pixel_rays(view)
    fine, resampled = world_seen(scene, taken.strips[which], et, view)
    alone: dict[Filter, list[FloatArray]] = {band: [] for band in COLOURS}
    lit = np.full(rays.shape[:2], np.nan)
    for look in looks:
        planes = render(look.swaths, body, et, view, sun_direction=scene.sun(et))
        lit = planes.cos_incidence.astype(float)
        for band in COLOURS:
            alone[band].append(planes.band(band).astype(float))
    unit = {band: np.array([next(s.unit for s in look.swaths if s.band is band) for look in looks]) for band in COLOURS}
    away, turn = limb_coordinates(view, rays, np.array(body.radii_km))
    return Stage(
        scene,
        view,
        et,
        native_px(view),
        {band: at_pixels(light) for band, light in fine.items()},
        fine,
        resampled,
        away,
        turn,
        lit,
        {band: np.stack(light) for band, light in alone.items()},
        unit,
    )


def limb_coordinates(view: View, rays: FloatArray, radii: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Angular distance (h, w) from the limb in native px, outwards positive, and angle (h, w) about the disc."""
    o, d = view.position_km / radii, rays / radii
    closest = np.sqrt(np.maximum(o @ o - (d @ o) ** 2 / (d * d).sum(-1), 0.0))
    # height of the closest point in the space of the unit sphere, over how fast it rises across the picture
    rise = np.hypot(*np.gradient(closest))
    native = native_px(view)
    line, sample = np.mgrid[: view.height, : view.width] + 0.5
    y, x = line - view.principal[0], sample - view.principal[1]
    centre = view.view_from_body @ (-view.position_km)
    y, x = y - centre[1] / centre[2] / view.scale, x - centre[0] / centre[2] / view.scale
    return (closest - 1.0) / np.maximum(rise, 1e-9) / native, np.arctan2(y, x)


def shift_of(found: FloatArray, true: FloatArray, down: FloatArray, along: FloatArray) -> tuple[FloatArray, float]:
    """Shift (line, sample) px of found against true light (n,) of these gradients, and its stated error."""
    terms = np.stack([-down, -along, true, np.ones(len(true))], axis=1)
    got, *_ = np.linalg.lstsq(terms, found, rcond=None)
    rest = found - terms @ got
    try:
        spread = np.linalg.inv(terms.T @ terms) * float(rest @ rest) / max(len(rest) - 4, 1)
    except np.linalg.LinAlgError:
        return np.full(2, np.nan), math.inf
    return got[:2] / got[2], float(np.hypot(*np.sqrt(np.abs(np.diag(spread)[:2]))) / abs(got[2]))


def patch_shifts(stage: Stage, light: FloatArray, true: FloatArray) -> FloatArray:
    """Shifts (n,) native px, of patches of the lit disc."""
    use = (stage.lit > DAY) & (stage.limb_px < -LIMB_CLEAR_PX) & np.isfinite(light)
    # the terminator's slope is light, not place: only what is finer than the patch counts
    wide = 6.0 * stage.native
    found, real = (a - gaussian_filter(a, wide) for a in (light_filled(light, true), true))
    down, along = np.gradient(real)
    out = []
    for r in range(0, true.shape[0] - PATCH + 1, PATCH):
        for c in range(0, true.shape[1] - PATCH + 1, PATCH):
            part = np.s_[r : r + PATCH, c : c + PATCH]
            mine = use[part]
            if mine.mean() < 0.9:
                continue
            shift, stated = shift_of(*(a[part][mine] for a in (found, real, down, along)))
            if stated < SURE_PX * stage.native:
                out.append(float(np.hypot(*shift)) / stage.native)
    return np.array(out)


def light_filled(light: FloatArray, true: FloatArray) -> FloatArray:
    """Light with the truth where there is none."""
    return np.where(np.isfinite(light), light, true)


def sectors(stage: Stage, true: FloatArray, unit: float) -> list[BoolArray]:
    """Pieces of the bright limb, 10 degrees each."""
    near = (stage.limb_px > REACH_PX[0]) & (stage.limb_px < REACH_PX[1])
    number = np.floor(np.degrees(stage.turn) / SECTOR_DEG).astype(int)
    pieces = [near & (number == k) for k in range(int(-180 / SECTOR_DEG), int(180 / SECTOR_DEG) + 1)]
    return [p for p in pieces if p.sum() > 200 and np.percentile(true[p], 95) > LEAST_LIMB_DN * unit]


def limb_shifts(stage: Stage, light: FloatArray, true: FloatArray, unit: float) -> FloatArray:
    """Shifts (n,) native px of the bright limb, outwards positive."""
    slope = np.stack(np.gradient(stage.limb_px * stage.native))
    slope /= np.hypot(*slope)
    down, along = np.gradient(true)
    outwards = down * slope[0] + along * slope[1]
    out = []
    for piece in sectors(stage, true, unit):
        mine = piece & np.isfinite(light) & (stage.limb_px > -2.5) & (stage.limb_px < 4.0)
        if mine.sum() < 50:
            continue
        terms = np.stack([-outwards[mine], true[mine]], axis=1)
        got, *_ = np.linalg.lstsq(terms, light[mine], rcond=None)
        out.append(float(got[0] / got[1]) / stage.native)
    return np.array(out)


def moved_to_fit(stage: Stage, light: FloatArray, true: FloatArray, unit: float) -> FloatArray:
    """The world (h, w) moved by the one shift that brings its bright limb onto that of the light."""
    near = np.isfinite(light) & (np.abs(stage.limb_px) < 4.0) & (true > LEAST_LIMB_DN * unit)
    moved, total = true, np.zeros(2)
    for _ in range(3):
        down, along = np.gradient(moved)
        shift, _ = shift_of(light[near], moved[near], down[near], along[near])
        total += shift
        moved = shifted(true, total, order=3, mode="nearest")
    return np.asarray(moved)


def haze_along(stage: Stage, light: FloatArray, true: FloatArray) -> FloatArray:
    """Relative errors (n,) of the limb's light, summed across it, by 2 degrees, where it is above 1 % of the brightest.

    What is summed goes from 3 px within the limb outwards.
    """
    near = (stage.limb_px > -3.0) & (stage.limb_px < REACH_PX[1]) & np.isfinite(light)
    number = np.floor(np.degrees(stage.turn[near]) / 2.0).astype(int) + 90
    size = np.maximum(np.bincount(number), 1)
    found, real = (np.bincount(number, a[near]) / size for a in (light, true))
    bright = (real > FAINT * real.max()) & (size > 12)
    return found[bright] / real[bright] - 1.0


def haze_across(stage: Stage, light: FloatArray, fine: Light, unit: float) -> FloatArray:
    """The mean profile across the bright limb beyond its peak, by steps of a quarter px: (2, n) relative errors, and
    how bright it is there against its peak.

    In each sector the world, in `FINE` x `FINE` places a px, is moved onto the light; both count over its peak there,
    pixel by pixel.
    """
    edges = np.arange(REACH_PX[0], REACH_PX[1] + STEP_PX, STEP_PX)
    sums = np.zeros((3, len(edges) + 1))
    slope, spline = np.gradient(fine), spline_filter(fine, output=np.float32)
    rise = np.stack(np.gradient(stage.limb_px * stage.native))
    rise /= np.hypot(*rise)
    for piece in sectors(stage, at_pixels(fine), unit):
        mine = piece & np.isfinite(light)
        shift, moved = moved_outwards(stage, light[mine], spline, slope, np.argwhere(mine).T, rise[:, mine])
        away = stage.limb_px[mine] - shift
        peak = np.nanmax(mean_profile(away, moved, edges))
        for k, value in enumerate((light[mine] / peak, moved / peak, np.ones(len(moved)))):
            sums[k] += np.bincount(np.digitize(away, edges), value, len(edges) + 1)
    if not sums[2].any():
        return np.full((2, 1), np.nan)
    found, real = sums[:2] / np.maximum(sums[2], 1.0)
    peak = int(np.argmax(real))
    outer = (np.arange(len(real)) > peak) & (real > FAINT * real[peak])
    return np.stack([found[outer] / real[outer] - 1.0, real[outer] / real[peak]])


def moved_outwards(
    stage: Stage, light: FloatArray, spline: Light, slope: Sequence[Light], at: NDArray[np.int64], rise: FloatArray
) -> tuple[float, FloatArray]:
    """By how many native px outwards the world's limb has to be moved to lie on that of the light (n,) in the px `at`
    (2, n), by least squares, and the world's light (n,) there, moved.

    Of the world, `FINE` x `FINE` places a px, `spline` are the cubic spline's coefficients and `slope` the gradient by
    its places; `rise` (2, n) are unit vectors outwards.
    """
    shift = 0.0
    for _ in range(5):
        places = FINE * (at + 0.5 - shift * stage.native * rise) - 0.5
        moved = map_coordinates(spline, places, order=3, mode="nearest", prefilter=False).astype(float)
        down, along = (map_coordinates(a, places, order=1, mode="nearest") for a in slope)
        steep = FINE * (down * rise[0] + along * rise[1])
        terms = np.stack([-steep, moved], axis=1)
        got, *_ = np.linalg.lstsq(terms, light, rcond=None)
        shift += float(got[0] / got[1]) / stage.native
    return shift, moved


def mean_profile(where: FloatArray, light: FloatArray, edges: FloatArray) -> FloatArray:
    """Mean light by bins of the distance from the limb; NaN in those with few pixels."""
    bins = np.digitize(where, edges)
    count = np.bincount(bins, minlength=len(edges) + 1)
    total = np.bincount(bins, light, len(edges) + 1)
    return np.where(count > 5, total / np.maximum(count, 1), np.nan)


def night_noise(stage: Stage, light: FloatArray, band: Filter) -> tuple[float, float]:
    """Rms of the night side's light in the composite, and in the best strip alone, over what that strip sees; I/F.

    The best strip is the quietest of those that see half of the night in view.
    """
    night = (stage.lit < NIGHT) & (stage.limb_px < -LIMB_CLEAR_PX) & np.isfinite(light)
    best, mine = math.inf, night
    for alone in stage.alone[band]:
        both = night & np.isfinite(alone)
        if both.sum() < 0.5 * night.sum():
            continue
        rms = quiet_rms(alone[both] - stage.truth[band][both])
        if rms < best:
            best, mine = rms, both
    return quiet_rms(light[mine] - stage.truth[band][mine]), best


def quiet_rms(value: FloatArray) -> float:
    """Rms about the mean without the outermost thousandth, which hits would rule."""
    low, high = np.percentile(value, [0.05, 99.95])
    return float(np.std(value[(value >= low) & (value <= high)]))


def local_sigma(rest: FloatArray, floor: float) -> FloatArray:
    """Noise (h, w) of a residual: rms by blocks of what is finer than 3 px, in which outliers count little."""
    fine = rest - median_filter(rest, 3)
    fine = np.clip(fine, *np.nanpercentile(fine, [0.2, 99.8]))
    # the median of nine takes an eighth of the noise's variance with it, about
    return np.sqrt(gaussian_filter(fine * fine, BLOCK / 2) * 1.2 + floor**2)


def seam_steps(stage: Stage, composite: Composite, band: Filter) -> FloatArray:
    """Steps of (composite - world) across the edges of what strips see, block by block, in the local sigma."""
    light, true = composite.light[band], stage.truth[band]
    rest = np.where(np.isfinite(light), light - true, 0.0)
    sigma = local_sigma(rest, 0.1 * float(stage.unit[band].min()))
    clear = np.isfinite(light) & (np.abs(stage.limb_px) > LIMB_CLEAR_PX) & (stage.limb_px < 60.0)
    areas = [np.isfinite(alone) for alone in stage.alone[band]]
    if composite.strip is not None:
        areas += [composite.strip == k for k in range(len(areas))]
    out = []
    for area in areas:
        area = median_filter(area.astype(np.uint8), 5).astype(bool) & clear
        away = np.where(area, distance_transform_edt(area), -distance_transform_edt(~area))
        in_, off = (away > 3) & (away < 12) & clear, (away < -3) & (away > -12) & clear
        numbers = (np.indices(rest.shape) // BLOCK).transpose(1, 2, 0) @ np.array([10_000, 1])
        one, two = (block_mean(rest, m, numbers) for m in (in_, off))
        noise = block_mean(sigma, in_ | off, numbers)
        for key in one.keys() & two.keys():
            out.append(abs(one[key] - two[key]) / noise[key])
    return np.array(out) if out else np.full(1, np.nan)


def block_mean(plane: FloatArray, mask: BoolArray, numbers: NDArray[np.int64]) -> dict[int, float]:
    """Median over the pixels of a mask of each block that has enough of them."""
    keys, values = numbers[mask], plane[mask]
    if not len(keys):
        return {}
    order = np.argsort(keys, kind="stable")
    keys, values = keys[order], values[order]
    found, first = np.unique(keys, return_index=True)
    parts = np.split(values, first[1:])
    return {int(key): float(np.mean(part)) for key, part in zip(found, parts, strict=True) if len(part) > 60}


def plain_hits(stage: Stage, taken: Taken, which: int, band: Filter) -> NDArray[np.float32]:
    """Where (frames, lines, samples) hits stand out of one filter of a strip by more than `PLAIN` sigma, as 0 or 1."""
    strip = taken.strips[which]
    exposed, detector = strip.exposed, stage.scene.detector
    assert exposed is not None
    filters = strip.shot.filters
    codes = exposed.codes.reshape(-1, len(filters), 128, 1648)[:, filters.index(band)]
    dn = exposed.dn[band]
    flat = detector.flat(band)
    expected = dn + stray_light(dn, detector.stray_light) * flat + detector.bias_dn
    raised = decompanding_table(strip.shot.bit_mode)[codes] - expected
    sigma = np.sqrt(np.maximum(dn, 0.0) / 16.3 + READ_NOISE_DN**2)
    return (exposed.hits[band] & (raised > PLAIN * sigma)).astype(np.float32)


def hits_left(
    stage: Stage, looks: Sequence[Look], taken: Taken, light: FloatArray, band: Filter
) -> tuple[int, int, int]:
    """Hits in view that stood out of their strip, those of them that still do in the composite, and those that would
    by the noise of their strip.

    Where a short exposure stands in for a long one, its noise alone is many sigma of that: the composite's counts.
    """
    rest = light - stage.truth[band]
    noise = local_sigma(np.where(np.isfinite(rest), rest, 0.0), 0.1 * float(stage.unit[band].min()))
    clear = np.isfinite(rest) & (np.abs(stage.limb_px) > 3.0)
    every, left, before = 0, 0, 0
    for k, look in enumerate(looks):
        (swath,) = (s for s in look.swaths if s.band is band)
        mask = replace(swath, light=plain_hits(stage, taken, k, band), unit=1.0, variance=None, quality=None)
        body = stage.scene.flight.body
        seen = render([mask], body, stage.et, stage.view, backplanes=False, interpolation="bilinear").light[0]
        spots, count = label((seen > 0.3) & clear)
        if not count:
            continue
        unit = stage.unit[band][k]
        dn = np.maximum(stage.truth[band], 0.0) / unit
        sigma = np.sqrt(dn / 16.3 + READ_NOISE_DN**2) * unit
        worst = np.zeros((2, count + 1))
        on = spots > 0
        for row, level in zip(worst, (np.maximum(sigma, noise), sigma), strict=True):
            np.maximum.at(row, spots[on], (rest / level)[on])
        every, left = every + count, left + int((worst[0] > PLAIN).sum())
        before += int((worst[1] > PLAIN).sum())
    return every, left, before


def say(name: str, value: float, more: str = "") -> None:
    """Print one row of the table, with its bound where it has one."""
    bound = BOUNDS.get(name)
    told = "" if bound is None else f"{'>=' if name in AT_LEAST else '<='} {bound:g}"
    met = "" if bound is None else "yes" if (value >= bound if name in AT_LEAST else value <= bound) else "NO"
    print(f"{name:34s} {value:9.3f}  {told:9s} {met:4s} {more}", flush=True)


def compare(stage: Stage, composite: Composite, looks: Sequence[Look], taken: Taken) -> None:
    """Print the table of one composite."""
    for band in COLOURS:
        light, true, unit = composite.light[band], stage.truth[band], float(stage.unit[band].min())
        print(f"-- {band.value}")
        patches, limb = patch_shifts(stage, light, true), limb_shifts(stage, light, true, unit)
        dark = (stage.limb_px > CLEAR_PX) & np.isfinite(light)
        stars = star_errors(stage, taken.strips, light, band, quiet_rms(light[dark]))
        every = np.concatenate([patches, np.abs(limb), stars.px])
        say(
            "position, median px", float(np.median(every)) if len(every) else math.nan,
            f"{len(patches)} patches {np.median(patches) if len(patches) else math.nan:.3f}, "
            f"{len(limb)} pieces of limb {np.median(np.abs(limb)) if len(limb) else math.nan:.3f} "
            f"(mean {limb.mean() if len(limb) else math.nan:+.3f})",
        )  # fmt: skip
        along = np.abs(haze_along(stage, light, moved_to_fit(stage, light, true, unit)))
        say(
            "haze along the limb, p95 %", 100 * float(np.percentile(along, 95)),
            f"median {100 * np.median(along):.2f}, most {100 * along.max():.2f}, {len(along)} pieces",
        )  # fmt: skip
        (plain, _), (across, share) = (
            haze_across(stage, light, a, unit) for a in (stage.fine[band], stage.resampled[band])
        )
        wrong = np.abs(across) > BOUNDS["haze across the limb, most %"] / 100.0
        say(
            "haze across the limb, most %", 100 * float(np.abs(across).max()),
            f"median {100 * np.median(np.abs(across)):.2f} of {len(across)}, met down to "
            f"{100 * (share[wrong].max() if wrong.any() else FAINT):.1f} % of the peak; "
            f"the camera's blur alone: most {100 * np.abs(plain).max():.2f}",
        )  # fmt: skip
        mine, best = night_noise(stage, light, band)
        say("night: best strip / composite", best / mine, f"{best / unit:.3f} and {mine / unit:.3f} DN")
        steps = seam_steps(stage, composite, band)
        say("seams, p95 sigma", float(np.nanpercentile(steps, 95)), f"most {np.nanmax(steps):.2f}, {len(steps)} blocks")
        hits, left, strictly = hits_left(stage, looks, taken, light, band)
        say(
            "hits gone, %", 100.0 * (1.0 - left / max(hits, 1)),
            f"{left} of {hits} are left; {100.0 * (1.0 - strictly / max(hits, 1)):.2f} by the noise of their strips",
        )  # fmt: skip
        say(
            "stars, median px", float(np.median(stars.px)) if len(stars.px) else math.nan,
            f"{stars.found} of {len(stars.px)} found; noise alone allows "
            f"{np.median(stars.allows) if len(stars.px) else math.nan:.3f}",
        )  # fmt: skip


def pictures(folder: Path, stage: Stage, composite: Composite, looks: Sequence[Look], which: int) -> None:
    """Composite, world and strip alone, plain and stretched hard; and composite less world in DN."""
    folder.mkdir(parents=True, exist_ok=True)
    white = float(np.percentile(stage.truth[Filter.RED], 99.7))
    sets = {
        "composite": composite.light, "world": stage.truth,
        "alone": {band: stage.alone[band][which] for band in COLOURS},
    }  # fmt: skip
    for name, light in sets.items():
        rgb = np.stack([light[band] for band in COLOURS], axis=-1)
        for how, top, power in (("plain", white, 2.2), ("hard", 0.02 * white, 2.2)):
            code = 255.0 * np.clip(np.nan_to_num(rgb) / top, 0.0, 1.0) ** (1.0 / power)
            cv2.imwrite(str(folder / f"{name}-{how}.png"), code.astype(np.uint8))
    rest = (composite.light[Filter.GREEN] - stage.truth[Filter.GREEN]) / float(stage.unit[Filter.GREEN].min())
    code = np.clip(np.nan_to_num(rest) * 10.0 + 128.0, 0, 255).astype(np.uint8)
    cv2.imwrite(str(folder / "rest-green-10-a-dn.png"), code)
    if composite.strip is not None:
        scale = 250 // max(len(looks), 1)
        cv2.imwrite(str(folder / "strip.png"), ((composite.strip.astype(int) + 1) * scale).astype(np.uint8))


def main() -> None:
    """Make or read the strips, combine them, and print the table."""
    parser = argparse.ArgumentParser(description="The backlit composite against simulated truth.")
    parser.add_argument("--scene", default="backlit")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--from", dest="which", type=int, default=4, help="strip from whose place it is seen")
    parser.add_argument("--keep", type=Path, help="folder that keeps strips and solutions")
    parser.add_argument("--pictures", type=Path, help="folder for pictures")
    parser.add_argument("--alone", action="store_true", help="compare the strip of the viewpoint alone too")
    parser.add_argument("--true-pointing", action="store_true", help="combine with the true pointing, not the solved")
    asked = parser.parse_args()
    taken = taken_strips(asked.scene, asked.seed, asked.keep, brighter=STARS_BRIGHTER)
    if asked.true_pointing:
        taken = truly_pointed(taken)
    looks = [look_of(o) for o in taken.observations]
    stage = staged(taken.scene, looks, taken, asked.which)
    print(f"{asked.scene}, seed {asked.seed}, from strip {asked.which}: {stage.view.width} x {stage.view.height} px")
    if asked.alone:
        print("== the strip alone")
        alone = {band: stage.alone[band][asked.which] for band in COLOURS}
        compare(stage, Composite(alone, None), looks, taken)
    print("== composite")
    composite = combined(looks, taken.scene, stage.view, stage.et)
    if asked.pictures is not None:
        pictures(asked.pictures, stage, composite, looks, asked.which)
    compare(stage, composite, looks, taken)


if __name__ == "__main__":
    main()
