"""A daylight mosaic against truth: twenty simulated strips of one pass in one map, against the world at its epoch.

The strips, solved blind together, are balanced, carried to the middle of the pass and fused into an evenly lit map. The
same map of the world itself is painted at that epoch, haze and all, under normal incidence and emission and at the
phase angle that the map is brought to.

*Light*: means of 16 x 16 px against the world's, once the one factor that no mosaic can know is taken off; the medians
of each strip's share of the map; and the same by latitude.
*Clouds*: patches of 48 px, and patches about the long-lived vortices: how far they stand off, how much of their detail
agrees with the world's (correlation), how strong it is (1 as the world's; blends of what does not fit are weaker), the
same of the one strip that weighs most there; and the share of ghosts: patches that agree with the world less than that
strip does by more than 0.03.
*Room and time*.

    python -m benchmarks.mosaic_truth [--ppd 10] [--winds usual|none|true|measured] [--mode blend] [--strips N ...]
        [--keep FOLDER] [--pictures FOLDER]
"""

from __future__ import annotations

import argparse
import math
import resource
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from benchmarks.truth_strips import taken_strips
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, uniform_filter

from perijove.bodies import JUPITER
from perijove.geometry.ellipsoid import centric_from_graphic, normal, point_from_centric
from perijove.geometry.mapextent import Bounds, Wish, choose_grid
from perijove.geometry.mapgrid import MapGrid
from perijove.instrument import Filter
from perijove.mosaic.balance import solve_balance
from perijove.mosaic.fuse import Mode, prepare_mosaic
from perijove.mosaic.look import Look, look_of
from perijove.observation import Observation
from perijove.simulate.portrait import ground_light
from perijove.simulate.scene import COLOURS, Scene
from perijove.simulate.worlds.jupiter import storm_table, zonal_wind
from perijove.simulate.worlds.jupiter_clouds import DRIFT, LAT, LON
from perijove.simulate.worlds.jupiter_tables import vortices
from perijove.winds import ZonalWinds, usual_winds

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

LIGHT_BOUND = 1.0
BLOCK, PATCH, REACH = 16, 48, 6
LEAST_SEEN = 0.98
"""Share of a block or patch that must have been seen."""
LEAST_COS = 0.15
"""Cosine of incidence and emission below which ground is twilight or limb and not judged; maps may leave it open."""
HIGHEST = math.radians(70.0)
"""Latitude up to which the map's pixels are near enough to square for patches."""
FINE_PX = 6.0
"""What is broader than this, px, is no detail."""
GHOST = 0.03
"""Loss of correlation, against the one strip that weighs most, from which a patch shows a ghost."""


def carried_by(kind: str, observations: Sequence[Observation]) -> ZonalWinds | None:
    """The winds that the mosaic is told: the shipped ones, none, the simulator's own, or those that the strips tell."""
    if kind == "none":
        return None
    if kind == "usual":
        return usual_winds(JUPITER)
    if kind == "measured":
        from perijove.mosaic.drift import measure_winds

        return measure_winds(observations).refined
    graphic = np.radians(np.linspace(-90.0, 90.0, 3601))
    centric = np.asarray(centric_from_graphic(graphic, JUPITER.radii_km))
    return ZonalWinds(centric, np.asarray(zonal_wind(graphic)), np.ones(len(graphic)), "the simulator")


def map_grid(ppd: float) -> MapGrid:
    """The whole planet, equirectangular."""
    wish = Wish(
        "equirectangular", scale_km=math.radians(1.0) * JUPITER.radii_km[0] / ppd,
        bounds=Bounds(-math.pi, -math.pi / 2, math.pi, math.pi / 2),
    )  # fmt: skip
    return choose_grid(wish, JUPITER, np.empty(0), np.empty(0), native_km=50.0)


def world_mapped(scene: Scene, grid: MapGrid, epoch: float, band: Filter, phase: float) -> FloatArray:
    """The world's evenly lit light (h, w) on a grid at an epoch; its haze glows as at the phase angle, rad."""
    line, sample = np.mgrid[: grid.height, : grid.width] + 0.5
    place = grid.place_of(line, sample)
    points = point_from_centric(place[..., 0], place[..., 1], JUPITER.radii_km)
    ways = (points / np.linalg.norm(points, axis=-1, keepdims=True)).reshape(-1, 3)
    light = ground_light(scene.world, epoch, ways, grid.scale_km / JUPITER.radii_km[0], band, phase=phase)
    return light.reshape(grid.height, grid.width).astype(float)


def well_lit(looks: Sequence[Look], strip: NDArray[np.int16], grid: MapGrid) -> BoolArray:
    """Where (h, w) the look that weighs most saw its ground in daylight and not too aslant."""
    line, sample = np.mgrid[: grid.height, : grid.width] + 0.5
    place = grid.place_of(line, sample)
    points = point_from_centric(place[..., 0], place[..., 1], JUPITER.radii_km)
    up = normal(points, JUPITER.radii_km)
    out = np.zeros(strip.shape, np.bool_)
    for k, look in enumerate(looks):
        away = look.position_km - points
        seen = np.sum(up * away, axis=-1) > LEAST_COS * np.linalg.norm(away, axis=-1)
        out |= (strip == k) & seen & (up @ look.sun > LEAST_COS)
    return out


def block_means(plane: FloatArray, side: int) -> FloatArray:
    """Means (h', w') of blocks; NaN where less than `LEAST_SEEN` of one is known."""
    h, w = (n // side for n in plane.shape)
    blocks = plane[: h * side, : w * side].reshape(h, side, w, side).transpose(0, 2, 1, 3).reshape(h, w, -1)
    seen = np.isfinite(blocks)
    total = np.where(seen, blocks, 0.0).sum(axis=-1)
    return np.where(seen.mean(axis=-1) > LEAST_SEEN, total / np.maximum(seen.sum(axis=-1), 1), np.nan)


@dataclass(frozen=True)
class Evenness:
    """Errors of light, %: rms and robust rms of blocks, the most that the median of one strip's share stands off and
    of which strip, rms of the means by latitude, and the factor taken off."""

    rms: float
    robust: float
    strip: float
    which: int
    latitude: float
    factor: float


def evenness(light: FloatArray, true: FloatArray, strip: NDArray[np.int16], looks: int) -> Evenness:
    """How evenly a map (h, w) is lit against the world's."""
    known = np.where(np.isfinite(light), true, np.nan)
    ratio = np.log(block_means(light, BLOCK) / block_means(known, BLOCK))
    factor = float(np.nanmedian(ratio))
    ratio = 100.0 * (ratio - factor)
    h, w = ratio.shape
    middle = strip[BLOCK // 2 :: BLOCK, BLOCK // 2 :: BLOCK][:h, :w]
    good = np.isfinite(ratio)
    shares = {
        k: float(np.median(ratio[good & (middle == k)])) for k in range(looks) if (good & (middle == k)).sum() > 9
    }
    worst = max(shares, key=lambda k: abs(shares[k]))
    rows = [float(np.nanmean(row)) for row in ratio if np.isfinite(row).sum() > 9]
    found = ratio[good]
    return Evenness(
        float(np.sqrt(np.mean(found**2))), float(1.4826 * np.median(np.abs(found))), shares[worst], worst,
        float(np.sqrt(np.mean(np.square(rows)))), math.exp(factor),
    )  # fmt: skip


@dataclass(frozen=True)
class Detail:
    """Of n patches: `off` (n, 2) px (line, sample), correlation and strength (n,) there."""

    off: FloatArray
    alike: FloatArray
    strength: FloatArray


def patch_detail(light: FloatArray, true: FloatArray, at: Sequence[tuple[int, int]]) -> Detail:
    """Compare the detail of patches whose corners are `at` (line, sample) with the world's."""
    rows = []
    for r, c in at:
        inner = np.s_[r + REACH : r + PATCH - REACH, c + REACH : c + PATCH - REACH]
        own = true[inner] - true[inner].mean()
        power = float(np.sum(own * own))
        fits = np.empty((2 * REACH + 1, 2 * REACH + 1))
        # share of the world's detail that is found at each displacement
        for i in range(-REACH, REACH + 1):
            for j in range(-REACH, REACH + 1):
                part = light[inner[0].start + i : inner[0].stop + i, inner[1].start + j : inner[1].stop + j]
                fits[i + REACH, j + REACH] = float(np.sum(part * own)) / power
        i, j = np.unravel_index(int(np.argmax(fits)), fits.shape)
        part = light[inner[0].start + i - REACH : inner[0].stop + i - REACH,
                     inner[1].start + j - REACH : inner[1].stop + j - REACH]  # fmt: skip
        spread = part - part.mean()
        alike = float(np.sum(spread * own) / np.sqrt(max(np.sum(spread**2), 1e-20) * power))
        strength = math.sqrt(float(np.sum(spread**2)) / power)
        rows.append((*peak_of(fits, int(i), int(j)), alike, strength))
    table = np.array(rows).reshape(-1, 4)
    return Detail(table[:, :2], table[:, 2], table[:, 3])


def peak_of(fits: FloatArray, i: int, j: int) -> tuple[float, float]:
    """Displacement (line, sample) of the summit near an entry of a table of displacements, by parabolas."""
    out = []
    for line in (fits[:, j], fits[i, :]):
        k = i if line is fits[:, j] or len(out) == 0 else j
        if 0 < k < len(line) - 1:
            low, mid, high = line[k - 1], line[k], line[k + 1]
            bend = low - 2.0 * mid + high
            out.append(k - REACH + (0.5 * (low - high) / bend if bend < 0.0 else 0.0))
        else:
            out.append(float(k - REACH))
    return out[0], out[1]


def fine(plane: FloatArray, seen: BoolArray) -> FloatArray:
    """What of a map (h, w) is finer than `FINE_PX`, over its mean level; 0 where nothing was seen."""
    weight = np.maximum(gaussian_filter(seen.astype(float), FINE_PX), 1e-6)
    level = gaussian_filter(np.where(seen, plane, 0.0), FINE_PX) / weight
    return np.where(seen, plane / np.maximum(level, 1e-6) - 1.0, 0.0)


def places_of(seen: BoolArray, grid: MapGrid) -> list[tuple[int, int]]:
    """Corners of patches that are wholly seen, away from the poles."""
    margin = round((math.pi / 2 - HIGHEST) * grid.body.radii_km[0] / grid.scale_km)
    full = uniform_filter(seen.astype(float), PATCH, origin=-(PATCH // 2)) > 0.999
    return [
        (r, c)
        for r in range(margin, grid.height - margin - PATCH, PATCH)
        for c in range(REACH, grid.width - PATCH - REACH, PATCH)
        if full[r, c]
    ]


def vortex_places(scene: Scene, seed: int, epoch: float, seen: BoolArray, grid: MapGrid) -> list[tuple[int, int]]:
    """Corners of patches about the long-lived vortices that are wholly seen and at least 5 px wide."""
    painter = scene.world.painter
    storms = storm_table(seed, epoch - painter.epoch_et)  # type: ignore[attr-defined]
    wide = vortices(seed)[:, 2] * math.radians(1.0) * grid.body.radii_km[0] / grid.scale_km
    full = uniform_filter(seen.astype(float), PATCH, origin=-(PATCH // 2)) > 0.999
    out = []
    for storm, size in zip(storms, wide, strict=True):
        latitude = float(centric_from_graphic(storm[LAT], grid.body.radii_km))
        line, sample = grid.pixel_of(latitude, math.remainder(storm[LON] + storm[DRIFT], 2.0 * math.pi))
        r, c = int(line) - PATCH // 2, int(sample) - PATCH // 2
        inside = 0 <= r < grid.height - PATCH and REACH <= c < grid.width - PATCH - REACH
        if size >= 2.5 and abs(latitude) < HIGHEST and inside and full[r, c]:
            out.append((r, c))
    return out


def say_detail(name: str, found: Detail, alone: Detail) -> None:
    """Print one row of the table of clouds."""
    if not len(found.alike):
        print(f"{name:18s} none wholly seen")
        return
    off = np.hypot(*found.off.T)
    print(
        f"{name:18s} {len(off):7d} {np.median(off):7.2f} {np.percentile(off, 95):7.2f} "
        f"{np.median(found.off[:, 1]):+7.2f} {np.median(found.alike):7.3f} {np.percentile(found.alike, 10):7.3f} "
        f"{np.median(found.strength):8.3f} | "
        f"{np.median(alone.alike):7.3f} {np.median(alone.strength):8.3f} | "
        f"{100.0 * np.mean(found.alike < alone.alike - GHOST):8.1f}",
        flush=True,
    )


def code(light: Mapping[Filter, FloatArray], white: float) -> NDArray[np.uint8]:
    """A picture of a map."""
    rgb = np.stack([np.nan_to_num(light[band]) for band in COLOURS], axis=-1)
    out: NDArray[np.uint8] = (255.0 * np.clip(rgb / white, 0.0, 1.0) ** (1 / 2.2)).astype(np.uint8)
    return out


def peak_mb() -> float:
    """The most memory that this process has held, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def main() -> None:
    """Make or read the strips, make the map, and print the tables."""
    parser = argparse.ArgumentParser(description="A daylight mosaic against simulated truth.")
    parser.add_argument("--ppd", type=float, default=10.0)
    parser.add_argument("--winds", default="usual", choices=("usual", "none", "true", "measured"))
    parser.add_argument("--mode", default="blend", choices=[mode.value for mode in Mode])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--strips", type=int, nargs="*", default=(), help="numbers of the shots, all by default")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--pictures", type=Path)
    asked = parser.parse_args()
    taken = taken_strips("daylight-pass", asked.seed, asked.keep, asked.strips)
    looks = [look_of(o) for o in taken.observations]
    epoch = float(np.median([look.et for look in looks]))
    grid, winds = map_grid(asked.ppd), carried_by(asked.winds, taken.observations)
    before, started = peak_mb(), time.perf_counter()
    balance = solve_balance(looks, JUPITER, epoch, winds=winds)
    balanced = time.perf_counter()
    sun = taken.scene.sun(epoch)
    mosaic = prepare_mosaic(
        looks, JUPITER, epoch, grid, balance=balance, winds=winds, mode=Mode(asked.mode), sun_direction=sun
    )
    fused = mosaic.planes()
    done = time.perf_counter()
    print(
        f"{len(looks)} strips, {grid.width} x {grid.height} px, winds {asked.winds}, {asked.mode}: balance "
        f"{balanced - started:.1f} s, fusion {done - balanced:.1f} s; {peak_mb():.0f} MB ({before:.0f} before)"
    )
    single = prepare_mosaic(
        looks, JUPITER, epoch, grid, balance=balance, winds=winds, mode=Mode.BEST, sun_direction=sun
    ).planes()
    day = well_lit(looks, fused.strip, grid)
    raw = {band: fused.planes.band(band).astype(float) for band in COLOURS}
    dark = np.isfinite(raw[Filter.GREEN]) & ~day
    light = {band: np.where(day, raw[band], np.nan) for band in COLOURS}
    truth = {band: world_mapped(taken.scene, grid, epoch, band, balance.laws[band].middle) for band in COLOURS}
    print(
        f"seen well: {100 * day.mean():.1f} % of the map's pixels; {100 * dark.mean():.1f} % more in twilight or aslant"
    )
    print("light    rms %  robust %  worst strip %      by latitude %  factor   (bound: 1 %)")
    for band in COLOURS:
        row = evenness(light[band], truth[band], fused.strip, len(looks))
        print(
            f"{band.value:6s} {row.rms:7.2f} {row.robust:9.2f} {row.strip:+14.2f} {mosaic.names[row.which][-10:-4]} "
            f"{row.latitude:12.2f} {row.factor:8.4f}  {'yes' if row.rms <= LIGHT_BOUND else 'NO'}"
        )
    seen = np.isfinite(light[Filter.GREEN]) & np.isfinite(single.planes.band(Filter.GREEN))
    detail, real = fine(light[Filter.GREEN], seen), fine(truth[Filter.GREEN], np.ones_like(seen))
    best = fine(single.planes.band(Filter.GREEN).astype(float), seen)
    print("clouds             patches  off px  p95 px east px   alike     p10 strength | alone: , strength | ghosts %")
    every = places_of(seen, grid)
    for name, at in (("patches", every), ("vortices", vortex_places(taken.scene, asked.seed, epoch, seen, grid))):
        say_detail(name, patch_detail(detail, real, at), patch_detail(best, real, at))
    for low in range(-60, 60, 15):
        ppd = asked.ppd
        rows = [(r, c) for r, c in every if low <= 90.0 - (r + PATCH / 2) / ppd < low + 15]
        say_detail(f"  {low} to {low + 15} deg", patch_detail(detail, real, rows), patch_detail(best, real, rows))
    if asked.pictures is not None:
        asked.pictures.mkdir(parents=True, exist_ok=True)
        factor = {band: evenness(light[band], truth[band], fused.strip, len(looks)).factor for band in COLOURS}
        white = float(np.nanpercentile(truth[Filter.GREEN], 99.5))
        even = {band: raw[band] / factor[band] for band in COLOURS}
        cv2.imwrite(str(asked.pictures / "map.png"), code(even, white))
        cv2.imwrite(
            str(asked.pictures / "best.png"), code({b: single.planes.band(b) / factor[b] for b in COLOURS}, white)
        )
        cv2.imwrite(str(asked.pictures / "world.png"), code(truth, white))
        ratio = even[Filter.GREEN] / truth[Filter.GREEN] - 1.0
        grey = np.clip(np.nan_to_num(gaussian_filter(np.nan_to_num(ratio), 3.0)) * 2000.0 + 128.0, 0, 255)
        cv2.imwrite(str(asked.pictures / "ratio-20-a-percent.png"), grey.astype(np.uint8))
        cv2.imwrite(str(asked.pictures / "strip.png"), ((fused.strip.astype(int) + 1) * 12).astype(np.uint8))


if __name__ == "__main__":
    main()
