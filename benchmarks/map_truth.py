"""Maps against truth: simulated strips are mapped, and the maps held against the worlds that were photographed.

*Places*: the light of strips is replaced by the coordinates of the ground that each pixel truly sees, so that a map
tells of itself which place each of its pixels shows: errors in native camera pixels across the line of sight, pixels
left open that a framelet truly saw (gaps), pixels shown that none did (the far side, grazing ground).
*Maps*: whole simulated strips, mapped by their true pointing and by the solved one, against the world's own light at
the places of the map's pixels, blurred as the camera blurs: the light of 8 x 8 px means away from limb and terminator,
and the place of 32 x 32 px patches by least squares. *Coarse*: coarse maps against means of a native one.

    python benchmarks/map_truth.py [--only places|maps|coarse]
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion
from scipy.stats import norm

from perijove.attitude.pointing import LimbPoints, Pointing
from perijove.attitude.solve import solve_pointing
from perijove.attitude.spin import SpinModel, axis_angles
from perijove.bodies import JUPITER
from perijove.calibrate.framelets import calibrate
from perijove.cartography.chart import Chart, Content, chart_of
from perijove.cartography.plan import plan_map
from perijove.ephemeris.sun_earth import apparent_sun
from perijove.ephemeris.trajectory import Trajectory
from perijove.geometry.ellipsoid import normal, point_from_centric
from perijove.geometry.mapextent import Bounds, Wish, choose_grid
from perijove.geometry.mapgrid import MapGrid
from perijove.instrument import (
    CENTRE_LINE,
    CENTRE_SAMPLE,
    FOCAL_LENGTH_PX,
    FRAMELET_LINES,
    LIT_SAMPLES,
    SAMPLES,
    Camera,
    Filter,
)
from perijove.io.finder import open_strip
from perijove.observation import Observation, exposure_of
from perijove.raw import RawImage
from perijove.render.engine import render
from perijove.simulate.custom import closest_approach
from perijove.simulate.frames import axes_about, j2000_from_body
from perijove.simulate.ground import ground_seen
from perijove.simulate.scene import Scene, Shot, Timing, time_shot
from perijove.simulate.scenes import ganymede_scene, jupiter_world, spin_near_earth
from perijove.simulate.strip import Strip, take
from perijove.swath import Swath
from perijove.timescale import et_from_utc

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

PROJECTIONS = ("equirectangular", "sinusoidal", "polar-north", "polar-south", "orthographic", "laea", "perspective")
WHOLE = Bounds(-math.pi, -math.pi / 2, math.pi, math.pi / 2)
CAP = {
    "polar-north": replace(WHOLE, south=math.radians(20.0)),
    "polar-south": replace(WHOLE, north=math.radians(-20.0)),
}
"""Bounds of the polar maps."""
HORIZON = math.cos(math.radians(80.0))
AXES = (Filter.RED, Filter.GREEN, Filter.BLUE)
"""The filters that carry the body-fixed x, y and z of the ground in strips of places."""
IFOV = 1.0 / FOCAL_LENGTH_PX
BORDER_PX = 4.0
"""Native px from the masked columns within which a strip's light has too few neighbours to be judged."""
DOUBT_COS = 2e-3
"""Cosine of emission by which framelets of other times than the middle one may differ at the horizon."""
PATCH = 32
SURE_PX = 0.05
"""Stated error of a patch's place, native px, above which its light has too little shape to tell."""
LEAST_COS = 0.25
"""Cosine of incidence and emission below which it is limb or terminator."""
BLOCK = 8
RAYS = 3
"""Rays a side of a pixel's blur."""
UTC = "2022-08-17T13:25:48"
MAPPED = (
    ("north", "polar-north"), ("south", "polar-south"), ("date line", "equirectangular"), ("date line", "sinusoidal"),
    ("north", "perspective"), ("ganymede", "laea"),
)  # fmt: skip
COARSE = (2, 4, 10)


def made_scene(
    name: str, latitude: float, longitude: float, sun: float, *, minutes: Sequence[float] = (0.0,), binning: int = 1
) -> Scene:
    """Jupiter from 120,000 km over a latitude and east longitude, noon at longitude `sun`, degrees."""
    et = et_from_utc(UTC)
    for _ in range(6):
        towards = apparent_sun(et) @ j2000_from_body(JUPITER, et)
        away = math.remainder(math.atan2(towards[1], towards[0]) - math.radians(sun), 2.0 * math.pi)
        et += away / math.radians(JUPITER.meridian_deg[1]) * 86400.0
    flight = closest_approach(
        JUPITER, et, altitude_km=120e3, latitude=math.radians(latitude), longitude=math.radians(longitude),
        speed_km_s=40.0, heading=0.4,
    )  # fmt: skip
    up = flight.position(et) / np.linalg.norm(flight.position(et))
    frame = axes_about(up)
    aside = math.cos(0.3) * frame[:, 0] + math.sin(0.3) * frame[:, 1]
    axis = math.cos(math.radians(80.0)) * up + math.sin(math.radians(80.0)) * aside
    shots = tuple(Shot(20 + k, et + 60.0 * m, binning=binning) for k, m in enumerate(minutes))
    return Scene(name, 30, jupiter_world(1, et), flight, spin_near_earth(et, 1, axis), shots, seed=1)


def scene_of(name: str, *, binning: int = 1, minutes: Sequence[float] = (0.0,)) -> Scene:
    """A scene by its name, whose first shot is to be taken."""
    if name == "ganymede":
        scene = ganymede_scene(3)
        return replace(scene, shots=scene.shots[1:2])
    where = {"north": (52, 10, 0), "south": (-52, -100, -110), "date line": (3, 180, 168), "full": (2, 30, 18)}[name]
    return made_scene(name, *where, minutes=minutes, binning=binning)


def stations(scene: Scene, et: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Where the camera truly stood (n, 3) km body-fixed, its attitude body_from_camera (n, 3, 3), the Sun (n, 3)."""
    places, left = scene.flight.seen_from(et)
    turned = np.swapaxes(j2000_from_body(scene.flight.body, left), -1, -2)
    suns = np.stack([scene.sun(float(t)) / np.linalg.norm(scene.sun(float(t))) for t in et])
    cameras = np.einsum("nij,nj->ni", turned, places)
    return cameras, turned @ scene.spin.j2000_from_camera(et), np.einsum("nij,nj->ni", turned, suns)


def strip_of_places(scene: Scene, shot: Shot, timing: Timing) -> list[Swath]:
    """Swaths whose light is the x, y or z, km, of the ground that each pixel truly sees; 0 where it sees the sky."""
    places, speeds = scene.flight.position(timing.et), scene.flight.velocity(timing.et)
    attitude = np.swapaxes(scene.spin.j2000_from_camera(timing.et), -1, -2)
    lines, samples = FRAMELET_LINES // shot.binning, SAMPLES // shot.binning
    line, sample = (shot.binning * (np.arange(n) + 0.5) for n in (lines, samples))
    at = [a.ravel() for a in np.meshgrid(line, sample, indexing="ij")]
    swaths = []
    for axis, band in enumerate(AXES):
        seen = [ground_seen(scene, shot, band, float(et), *at)[:, axis] for et in timing.et]
        light = np.nan_to_num(np.stack(seen)).reshape(-1, lines, samples).astype(np.float32)
        light[:, :, : LIT_SAMPLES.start // shot.binning] = np.nan
        light[:, :, LIT_SAMPLES.stop // shot.binning :] = np.nan
        camera = Camera(scene.lens.shift, scene.lens.scale).integrating(shot.stages)
        swaths.append(Swath(band, camera, shot.binning, light, timing.et, places, attitude, velocity_km_s=speeds))
    return swaths


def ground_of(grid: MapGrid) -> FloatArray:
    """Body-fixed points (h, w, 3) km of a map's pixels; NaN off the projection."""
    line, sample = np.meshgrid(np.arange(grid.height) + 0.5, np.arange(grid.width) + 0.5, indexing="ij")
    place = grid.place_of(line, sample)
    out: FloatArray = point_from_centric(place[..., 0], place[..., 1], grid.body.radii_km)
    return out


def across(vector: FloatArray, ground: FloatArray, camera: FloatArray) -> FloatArray:
    """Length (...) of displacements (..., 3) km of ground, across the line of sight, in native px."""
    away = camera - ground
    distance = np.linalg.norm(away, axis=-1)
    look = away / distance[..., None]
    flat = vector - np.sum(vector * look, axis=-1)[..., None] * look
    out: FloatArray = np.linalg.norm(flat, axis=-1) / distance / IFOV
    return out


def truly_seen(
    scene: Scene,
    shot: Shot,
    timing: Timing,
    band: Filter,
    ground: FloatArray,
    horizon: float,
    beyond: float = BORDER_PX,
) -> tuple[BoolArray, BoolArray]:
    """Which ground (n, 3) km a filter saw at a cosine of emission of `horizon`: surely, and at most (n,).

    At most means: or at a place up to `beyond` native px outside a framelet's lines and lit columns.
    """
    cameras, turns, _ = stations(scene, timing.et)
    surely, at_most = np.zeros(len(ground), np.bool_), np.zeros(len(ground), np.bool_)
    up = normal(ground, scene.flight.body.radii_km)
    shift = scene.lens.shift.get(band, (0.0, 0.0))
    for camera, turn in zip(cameras, turns, strict=True):
        away = camera - ground
        cosine = np.sum(up * away, axis=-1) / np.linalg.norm(away, axis=-1)
        # no other ground can be seen, and of a whole body that is most
        facing = np.flatnonzero(cosine > horizon - DOUBT_COS)
        cosine, looks = cosine[facing], -away[facing] @ turn
        depth = np.where(looks[:, 2] > 0.0, looks[:, 2], np.nan)
        x, y = (looks[:, k] * FOCAL_LENGTH_PX * scene.lens.scale.get(band, 1.0) / depth for k in (0, 1))
        r2 = x * x + y * y
        bend = 1.0 + scene.lens.k1 * r2 + scene.lens.k2 * r2 * r2
        line = y * bend + CENTRE_LINE[band] + shift[0] - (shot.stages - 1) / 2.0
        sample = x * bend + CENTRE_SAMPLE + shift[1]
        for out, inside, border in ((surely, 1.0, BORDER_PX), (at_most, -1.0, -beyond)):
            out[facing] |= (
                (np.abs(line - FRAMELET_LINES / 2) < FRAMELET_LINES / 2 - border)
                & (sample > LIT_SAMPLES.start + border) & (sample < LIT_SAMPLES.stop - border)
                & (cosine > horizon + inside * DOUBT_COS)
            )  # fmt: skip
    return surely, at_most


@dataclass(frozen=True)
class Placed:
    """A map of places: errors in native px over `pixels` that were surely seen; of the filters' pixels those `open`
    although surely seen, and those shown that were `never` seen."""

    median: float
    p95: float
    most: float
    pixels: int
    open: int
    never: int


def check_places(
    scene: Scene, shot: Shot, timing: Timing, swaths: Sequence[Swath], grid: MapGrid, beyond: float = BORDER_PX
) -> Placed:
    """What a map of a strip of places tells of itself."""
    planes = render(swaths, scene.flight.body, float(timing.et.mean()), grid, horizon=HORIZON, backplanes=False)
    ground = ground_of(grid)
    on = np.isfinite(ground[..., 0])
    told = np.moveaxis(planes.light.astype(float), 0, -1)[on][:, [planes.bands.index(band) for band in AXES]]
    cameras, _, _ = stations(scene, timing.et)
    error = across(told - ground[on], ground[on], cameras[len(cameras) // 2])
    every, gaps, never = np.ones(len(error), np.bool_), 0, 0
    for k, band in enumerate(AXES):
        surely, _ = truly_seen(scene, shot, timing, band, ground[on], HORIZON)
        # a pixel half of which lies within the limit is shown
        wider = HORIZON - grid.scale_km / min(grid.body.radii_km)
        _, at_most = truly_seen(scene, shot, timing, band, ground[on], wider, beyond)
        shown = np.isfinite(told[:, k])
        gaps += int((surely & ~shown).sum())
        never += int((shown & ~at_most).sum())
        every &= surely & shown
    if not every.any():
        return Placed(math.nan, math.nan, math.nan, 0, gaps, never)
    found = error[every]
    return Placed(float(np.median(found)), float(np.percentile(found, 95)), float(found.max()), len(found), gaps, never)


def grid_for(kind: str, scene: Scene, timing: Timing, scale_km: float, latitudes: str = "centric") -> MapGrid:
    """A map of all the body, or of its cap; azimuthal ones centred below the spacecraft."""
    camera = stations(scene, timing.et)[0][len(timing.et) // 2]
    below = math.atan2(camera[2], math.hypot(camera[0], camera[1])), math.atan2(camera[1], camera[0])
    height = float(np.linalg.norm(camera)) - scene.flight.body.radii_km[0]
    centre = below if kind in ("orthographic", "laea", "perspective") else None
    wish = Wish(kind, latitudes, scale_km, CAP.get(kind, WHOLE), centre, max(height, 1.0))
    return choose_grid(wish, scene.flight.body, np.empty(0), np.empty(0), native_km=scale_km)


def places_table() -> None:
    """Print the table of places."""
    print("places            projection                 map px   median px  p95 px  most px    open  never seen")
    for name in ("north", "south", "date line", "ganymede"):
        scene = scene_of(name, binning=2)
        scene = replace(scene, shots=tuple(replace(shot, binning=2) for shot in scene.shots))
        shot, timing = scene.shots[0], time_shot(scene, scene.shots[0])
        swaths = strip_of_places(scene, shot, timing)
        size = max(scene.flight.body.radii_km)
        for kind in PROJECTIONS:
            for latitudes in ("centric", "graphic") if (name, kind) == ("north", "equirectangular") else ("centric",):
                grid = grid_for(kind, scene, timing, size / 350.0, latitudes)
                row = check_places(scene, shot, timing, swaths, grid)
                print(
                    f"{name:17s} {kind:15s} {latitudes:8s} {row.pixels:9d} {row.median:11.4f} {row.p95:7.4f} "
                    f"{row.most:8.3f} {row.open:7d} {row.never:11d}",
                    flush=True,
                )


def taken(scene: Scene, folder: Path) -> Iterator[tuple[Strip, RawImage]]:
    """The scene's strips as simulated, and as they are read from their files."""
    for shot in scene.shots:
        strip = take(scene, shot)
        assert strip.exposed is not None
        (folder / strip.label_name).write_text(json.dumps(strip.label), encoding="utf-8")
        cv2.imwrite(str(folder / strip.strip_name), strip.exposed.codes)
        yield strip, open_strip(folder / strip.strip_name).raw


def true_observation(scene: Scene, strip: Strip, raw: RawImage) -> Observation:
    """The strip, calibrated, with the pointing, times and places that are true."""
    shot, et = strip.shot, strip.timing.et
    turn = SpinModel(
        *axis_angles(scene.spin.axis), scene.spin.turn, scene.spin.epoch, 2.0 * math.pi / scene.spin.period_s,
        scene.spin.twist, scene.spin.tilt,
    )  # fmt: skip
    camera = Camera(scene.lens.shift, scene.lens.scale).integrating(shot.stages)
    none, whole = np.empty(0), np.empty(0, np.int64)
    limb = LimbPoints(np.empty(0, np.str_), whole, none, none, none, np.empty(0, np.bool_), none)
    pointing = Pointing(
        raw.label.product_id, "true", turn, camera, et, scene.flight.position(et), 0.0, 0.0, {}, {}, np.empty((0, 0)),
        limb, 0.0, {}, 0, {}, 0.0, True, "true", velocity_km_s=scene.flight.velocity(et),
    )  # fmt: skip
    sun = scene.sun(float(et.mean()))
    away = float(np.linalg.norm(sun))
    return Observation(
        raw, calibrate(raw, sun_distance_km=away), scene.flight.body, true_path(scene), pointing, sun / away
    )


def true_path(scene: Scene) -> Trajectory:
    """The true path as the solver takes it, known to 0.15 km."""
    flight = scene.flight
    spread = np.diag([0.15**2] * 3 + [1e-8] * 3)
    middle = float(flight.et[len(flight.et) // 2])
    return Trajectory(flight.body.name, "true", flight.et, flight.position_km, flight.velocity_km_s, middle, spread)


def solved(scene: Scene, observations: Sequence[Observation]) -> list[Observation]:
    """The same strips with the pointing that the solver finds in them jointly, told the axis to 3 degrees."""
    exposures = [exposure_of(o.raw, o.calibrated) for o in observations]
    middle = float(np.mean([e.et.mean() for e in exposures]))
    hint = scene.spin.axis + math.tan(math.radians(3.0)) * axes_about(scene.spin.axis)[:, 0]
    body = scene.flight.body
    found = solve_pointing(exposures, observations[0].trajectory, body, apparent_sun(middle, body), earth=hint)
    return [replace(o, pointing=pointing) for o, pointing in zip(observations, found, strict=True)]


def true_light(scene: Scene, strip: Strip, band: Filter, ground: FloatArray, frames: NDArray[np.int64]) -> FloatArray:
    """The world's light (n,) at ground (n, 3) km as the framelets of number `frames` (n,) see it, blurred."""
    assert strip.photograph is not None
    cameras, turns, suns = stations(scene, strip.timing.et)
    spread = norm.ppf((np.arange(RAYS) + 0.5) / RAYS)
    spread /= np.sqrt(np.mean(spread * spread))
    # the variance of the lens, of the pixel's square, and along lines of the smear by one line
    lens = scene.lens.blur_px**2
    down, along = np.meshgrid(spread * math.sqrt(lens + 1 / 6), spread * math.sqrt(lens + 1 / 12), indexing="ij")
    out = np.full(len(ground), np.nan)
    for k in np.unique(frames[frames >= 0]):
        mine = np.flatnonzero(frames == k)
        looks = (ground[mine] - cameras[k]) @ turns[k]
        rays = np.repeat((looks / looks[:, 2:])[:, None], down.size, axis=1)
        rays[..., 0] += along.ravel() * IFOV
        rays[..., 1] += down.ravel() * IFOV
        rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
        turn, place = (np.ascontiguousarray(np.repeat(a[k][None], down.size, axis=0)) for a in (turns, cameras))
        sun = np.ascontiguousarray(suns[k])
        out[mine] = scene.world.light(strip.photograph.surface, band, rays[None], turn, place, sun, IFOV / 2.0)[0]
    return out


def registered(
    found: FloatArray, true: FloatArray, use: BoolArray, ground: FloatArray, camera: FloatArray
) -> FloatArray:
    """Error of place and its stated error (k, 2), native px, of the patches of a map whose light has shape enough."""
    rows = []
    down, along = np.gradient(true)
    for r in range(0, true.shape[0] - PATCH + 1, PATCH):
        for c in range(0, true.shape[1] - PATCH + 1, PATCH):
            part = np.s_[r : r + PATCH, c : c + PATCH]
            mine = use[part]
            if mine.mean() < 0.9:
                continue
            # found(x) = gain true(x - d) + offset, to first order
            terms = np.stack([-along[part][mine], -down[part][mine], true[part][mine], np.ones(mine.sum())], axis=1)
            got, *_ = np.linalg.lstsq(terms, found[part][mine], rcond=None)
            rest = found[part][mine] - terms @ got
            spread = np.linalg.inv(terms.T @ terms) * float(rest @ rest) / (len(rest) - 4)
            i, j = r + PATCH // 2, c + PATCH // 2
            steps = np.stack([ground[i, j + 1] - ground[i, j], ground[i + 1, j] - ground[i, j]])
            one = across(steps, ground[i, j], camera)
            stated = float(np.hypot(*(one * np.sqrt(np.diag(spread)[:2]) / got[2])))
            if stated < SURE_PX:
                rows.append((float(across(got[:2] / got[2] @ steps, ground[i, j], camera)), stated))
    return np.array(rows).reshape(-1, 2)


def block_means(plane: FloatArray, side: int) -> FloatArray:
    """Means of blocks of side x side px; NaN where one is NaN."""
    h, w = (n // side for n in plane.shape)
    out: FloatArray = plane[: h * side, : w * side].reshape(h, side, w, side).mean(axis=(1, 3))
    return out


@dataclass(frozen=True)
class Compared:
    """One filter of a map against the world: relative errors of light in `blocks`, errors of place in `patches`."""

    light_median: float
    light_p95: float
    light_within: float
    blocks: int
    place_median: float
    place_p95: float
    patches: int


def compare(scene: Scene, strip: Strip, chart: Chart) -> Mapping[Filter, Compared]:
    """A map of a strip against the light of its world."""
    grid = chart.grid
    planes, ground = chart.planes(0, grid.height), ground_of(grid)
    cameras, _, suns = stations(scene, strip.timing.et)
    middle = len(cameras) // 2
    up, away = normal(ground, grid.body.radii_km), cameras[middle] - ground
    cosine = np.sum(up * away, axis=-1) / np.linalg.norm(away, axis=-1)
    day = (up @ suns[middle] > LEAST_COS) & (cosine > LEAST_COS)
    out = {}
    for k, band in enumerate(planes.bands):
        use = day & np.isfinite(planes.light[k])
        true = np.zeros(use.shape)
        true[use] = true_light(scene, strip, band, ground[use], planes.source[k][use].astype(np.int64))
        found = np.where(use, planes.light[k], 0.0).astype(float)
        inner = binary_erosion(use, iterations=4)
        blank = np.where(inner, 1.0, np.nan)
        ratio = block_means(found * blank, BLOCK) / block_means(true * blank, BLOCK) - 1.0
        ratio = ratio[np.isfinite(ratio)]
        place = registered(found, true, inner, ground, cameras[middle])[:, 0]
        out[band] = Compared(
            float(np.median(ratio)), float(np.percentile(np.abs(ratio), 95)), float(np.mean(np.abs(ratio) < 0.02)),
            len(ratio), float(np.median(place)), float(np.percentile(place, 95)), len(place),
        )  # fmt: skip
    return out


def chart_for(o: Observation, kind: str) -> Chart:
    """The map of a strip at native scale, as `perijove map` chooses it."""
    grid = plan_map([o], Wish(kind, bounds=CAP.get(kind)), HORIZON).grid
    return chart_of(o, grid, Content(backplanes=("source",)), horizon=HORIZON)


def say(name: str, kind: str, pointing: str, rows: Mapping[Filter, Compared]) -> None:
    """Print the rows of one map."""
    for band, row in rows.items():
        print(
            f"{name:10s} {kind:15s} {pointing:7s} {band.value:6s} {100 * row.light_median:+8.2f} "
            f"{100 * row.light_p95:6.2f} {100 * row.light_within:8.1f} {row.blocks:7d} {row.place_median:10.3f} "
            f"{row.place_p95:7.3f} {row.patches:8d}",
            flush=True,
        )


def maps_table() -> None:
    """Print the table of maps."""
    print("map        projection      pointing filter light %   p95 % within 2 %  blocks  median px  p95 px  patches")
    with tempfile.TemporaryDirectory() as name:
        for scene_name in dict.fromkeys(scene for scene, _ in MAPPED):
            scene = scene_of(scene_name)
            strip, raw = next(taken(scene, Path(name)))
            o = true_observation(scene, strip, raw)
            for kind in (kind for other, kind in MAPPED if other == scene_name):
                say(scene_name, kind, "true", compare(scene, strip, chart_for(o, kind)))
        scene = scene_of("full", minutes=(-6.0, 6.0))
        both = [(strip, true_observation(scene, strip, raw)) for strip, raw in taken(scene, Path(name))]
        for (strip, _), o in zip(both, solved(scene, [o for _, o in both]), strict=True):
            say("full", "orthographic", "solved", compare(scene, strip, chart_for(o, "orthographic")))


def coarse_table() -> None:
    """Print the table of coarse maps: rms of relative errors, and those of every n-th pixel of the native map."""
    print("coarse     filter  rms %  median %  every n-th px: rms %")
    scene = scene_of("north")
    with tempfile.TemporaryDirectory() as name:
        strip, raw = next(taken(scene, Path(name)))
    o = true_observation(scene, strip, raw)
    chart = chart_for(o, "orthographic")
    for times in COARSE:
        width, height = (n // times for n in (chart.grid.width, chart.grid.height))
        coarse = chart.on(replace(chart.grid, scale_km=chart.grid.scale_km * times, width=width, height=height)).planes(
            0, height
        )
        fine = chart.planes(0, height * times)
        for k, band in enumerate(fine.bands):
            lit = np.minimum(fine.cos_incidence, fine.cos_emission) > LEAST_COS
            mean = block_means(np.where(lit, fine.light[k], np.nan).astype(float), times)
            use = np.isfinite(mean) & np.isfinite(coarse.light[k])
            error = coarse.light[k][use] / mean[use] - 1.0
            single = fine.light[k][times // 2 :: times, times // 2 :: times][: len(mean), : mean.shape[1]]
            other = single[use] / mean[use] - 1.0
            print(
                f"x{times:<9d} {band.value:6s} {100 * np.sqrt(np.mean(error**2)):6.2f} {100 * np.median(error):+9.3f} "
                f"{100 * np.sqrt(np.mean(other**2)):14.2f}",
                flush=True,
            )


def main() -> None:
    """Print the tables that are asked for."""
    tables = {"places": places_table, "maps": maps_table, "coarse": coarse_table}
    parser = argparse.ArgumentParser(description="Maps against simulated truth.")
    parser.add_argument("--only", choices=tables, help="one of the tables")
    asked = parser.parse_args()
    for name, table in tables.items():
        if asked.only in (None, name):
            started = time.perf_counter()
            table()
            print(f"{name}: {time.perf_counter() - started:.0f} s\n", flush=True)


if __name__ == "__main__":
    main()
