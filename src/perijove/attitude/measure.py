"""What one exposure tells of its pointing: limb points and ties, measured with the pointing as it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from perijove.attitude.bare import bare_light
from perijove.attitude.candidates import bright_level, find_candidates, pixel_noise
from perijove.attitude.edges import (
    BACKLIT_RISE,
    RISE,
    Edges,
    Profiles,
    edge_sigma,
    fit_edges,
    predict_limb,
    read_profiles,
    summed_variance,
)
from perijove.attitude.exposure import Exposure, strip_camera
from perijove.attitude.hazy_edges import fit_hazy_edges
from perijove.attitude.limb_sight import LimbSight, limb_sight
from perijove.attitude.overlaps import overlap_ties
from perijove.attitude.problem import (
    BANDS,
    Pixels,
    Unknowns,
    cast,
    corrected_position,
    corrected_velocity,
    haze_height,
    join,
    pixels,
)
from perijove.attitude.search import Scene
from perijove.attitude.ties import LEAST_CORRELATION, Ties, join_ties, match_patches
from perijove.bodies import Body
from perijove.geometry.aberration import apparent
from perijove.geometry.ellipsoid import intersect, normal
from perijove.geometry.view import View, disc_middle, native_scale, pixel_rays, spacecraft_view
from perijove.instrument import FRAMELET_LINES, LIT_SAMPLES, Camera, Filter
from perijove.render.engine import render
from perijove.swath import Swath, split_by_filter

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

LIMB_SIGMA_PX, HAZY_SIGMA_PX = 0.12, 0.07
"""Scatter of the limb itself about a smooth ellipsoid: where half the light stands or on bare ground (34C00002 leaves
0.11 px), and measured in the light of its haze (perijoves 43 and 44 leave 0.04 to 0.07)."""
LIMB_NEIGHBOURS = 30
"""Limb points 4 px apart share the same haze and clouds, or the same ground: about so many make one independent
observation. What they leave is alike over 15 to 30 px either way, and in part in all colours."""
TIE_SIGMA_PX = 0.15
"""Scatter of a colour tie, in pixels of the strip; its median on the passes at hand is 0.1 to 0.2."""
HAZY_SHIFT_PX = 1.0
"""By how much half the light may stand farther out than the limb of the ellipsoid."""
CLEAR = 2.0
"""Least light inside a candidate, in standard errors of a pixel: smoothed as they are sought, eight of theirs."""
LEAST_PLATEAU = 0.04
"""Least light inside an edge, as a share of the bright level."""
LEAST_LIGHT, LEAST_CELLS = 0.05, 250
"""Light, as a share of the bright level, that counts as lit; lit places below which the coarse grid is made finer."""
COARSE_STEP, MOST_CELLS = 16, 4000
"""Distance of the coarse grid's lines, px; most lit and most dark places that are looked at on a fine one."""
TIE_WIDTH = 1400
"""Greatest size in pixels of the pictures that ties are found in."""


@dataclass(frozen=True)
class LimbMeasure:
    """Limb points of one image and their standard errors (n,), px."""

    points: Pixels
    sigma: FloatArray


def solved_camera(camera: Camera, at: Unknowns) -> Camera:
    """A strip's camera with the solution's shifts and scales on top."""
    shift = {b: tuple(np.add(camera.shift.get(b, (0.0, 0.0)), at.shift[i])) for i, b in enumerate(BANDS)}
    scale = {b: camera.scale.get(b, 1.0) * (1.0 + float(at.scale[i])) for i, b in enumerate(BANDS)}
    return Camera({b: (float(v[0]), float(v[1])) for b, v in shift.items()}, scale)


def framelet_times(exposure: Exposure, image: int, at: Unknowns) -> FloatArray:
    """ET (frames,) of mid-exposure with the solution's corrections."""
    et: FloatArray = exposure.et + at.offset[image] + np.arange(len(exposure.et)) * at.interframe
    return et


def candidate_points(exposure: Exposure, camera: Camera) -> Pixels:
    """Candidate limb points of all bands of one exposure, as image 0."""
    parts = []
    for band, light in exposure.light.items():
        level = bright_level(light)
        # a filter that saw nothing but its own noise has thousands of edges
        found = find_candidates(light, max(0.05 * level, CLEAR * pixel_noise(light), 1e-6))
        line, sample = found.line * float(exposure.binning), found.sample * float(exposure.binning)
        parts.append(_pixels(exposure, camera, 0, band, found.frame, line, sample))
    return join(parts)


def _pixels(
    exposure: Exposure, camera: Camera, image: int, band: Filter, frame: IntArray, line: FloatArray, sample: FloatArray
) -> Pixels:
    camera = strip_camera(camera, exposure)
    index = np.full(len(frame), BANDS.index(band), dtype=np.int64)
    owner = np.full(len(frame), image, dtype=np.int64)
    return pixels(camera, owner, frame, index, line, sample, exposure.et[frame])


def shading_step(light: NDArray[np.float32]) -> int:
    """Distance in native px of grid lines that meet the lit part of a strip often enough."""
    lit = np.nan_to_num(light[:, ::16, ::32]) > LEAST_LIGHT * bright_level(light)
    return COARSE_STEP if int(lit.sum()) > LEAST_CELLS else COARSE_STEP // 4


def _thinned(index: IntArray, most: int) -> IntArray:
    """At most so many of an index, evenly taken."""
    return index[:: max(1, -(-len(index) // most))]


def shading(exposure: Exposure, at: Unknowns, scene: Scene, camera: Camera) -> float:
    """Correlation (-1 to 1) between the light of one filter on a grid of pixels and the height of the Sun there.

    Off the disc and on the night side no light is expected.
    """
    band = max(exposure.light, key=lambda b: bright_level(exposure.light[b]))
    light, step = exposure.light[band], shading_step(exposure.light[band]) // exposure.binning
    lines = np.arange(max(step // 2, 2), light.shape[1] - 2, step)
    samples = np.arange(LIT_SAMPLES.start // exposure.binning + step, light.shape[2] - step, 2 * step)
    frame, line, sample = (a.ravel() for a in np.meshgrid(np.arange(len(light)), lines, samples, indexing="ij"))
    # the mean of a few neighbours: single pixels may be hot
    value = np.mean([light[frame, line + i, sample + j] for i in (-2, 0, 2) for j in (-2, 0, 2)], axis=0)
    sliver = step * exposure.binning < COARSE_STEP
    if sliver:
        # nearly all of the grid is dark: a share of it stands for the rest, and roots keep the brightest from ruling
        lit = np.nan_to_num(value) > LEAST_LIGHT * bright_level(light)
        keep = np.sort(np.concatenate([_thinned(np.flatnonzero(part), MOST_CELLS) for part in (lit, ~lit)]))
        frame, line, sample, value = frame[keep], line[keep], sample[keep], np.sqrt(np.maximum(value[keep], 0.0))
    middle = (np.stack([line, sample]).astype(float) + 0.5) * exposure.binning
    grid = _pixels(exposure, camera, 0, band, frame, middle[0], middle[1])
    rays = cast(grid, at, scene.trajectory, scene.body)
    outward = normal(intersect(rays.position, rays.direction, scene.body.radii_km), scene.body.radii_km)
    height = np.nan_to_num(np.maximum(np.sum(outward * (rays.body_from_j2000 @ scene.sun), axis=-1), 0.0))
    height = np.sqrt(height) if sliver else height
    known = np.isfinite(value)
    if known.sum() < 10 or not height[known].std() > 0 or not value[known].std() > 0:
        return 0.0
    return float(np.corrcoef(value[known], height[known])[0, 1])


def measure_limb(
    exposure: Exposure,
    image: int,
    at: Unknowns,
    scene: Scene,
    camera: Camera,
    max_shift: float,
    *,
    plain: bool = False,
) -> LimbMeasure:
    """Sub-pixel limb points within `max_shift` px of the limb that the unknowns predict.

    Where there is an atmosphere they lie on the ground under its haze, or, if `plain`, where half the light stands:
    that hangs on no geometry, and so serves while the pointing is far off.
    """
    et = framelet_times(exposure, image, at)
    place, velocity = corrected_position(et, at, scene.trajectory), corrected_velocity(et, at, scene.trajectory)
    body_from_j2000 = scene.body.body_from_j2000(et)
    camera_from_body = at.spin.camera_from_j2000(et) @ np.swapaxes(body_from_j2000, -1, -2)
    true_camera = solved_camera(strip_camera(camera, exposure), at)
    middle = place.mean(axis=0)
    # beyond a phase angle of 120 deg haze brightens the limb
    rise = BACKLIT_RISE if float(middle @ scene.sun) < -0.5 * float(np.linalg.norm(middle)) else RISE
    parts, sigmas = [], []
    for band, light in exposure.light.items():
        seen = [
            predict_limb(
                true_camera, band, camera_from_body[f], body_from_j2000[f] @ place[f], scene.body.radii_km,
                body_from_j2000[f] @ scene.sun, FRAMELET_LINES, partial(haze_height, at, BANDS.index(band)),
                body_from_j2000[f] @ velocity[f],
            )
            for f in range(len(light))
        ]  # fmt: skip
        index = np.repeat(np.arange(len(light)), [len(spot) for spot, _ in seen])
        where, across = (np.concatenate(parts) for parts in zip(*seen, strict=True))
        profiles = read_profiles(light, index, where, across, exposure.binning)
        predicted = _pixels(exposure, camera, image, band, index, where[:, 0], where[:, 1])
        # in methane the clouds are nearly black, and the haze is another
        hazy = scene.body.atmosphere and not plain and band is not Filter.METHANE
        measured = _hazy_edges if hazy else _plain_edges
        edges = measured(profiles, limb_sight(predicted, at, scene), scene.body, max_shift, exposure.binning, rise)
        # a full pixel hides how bright the plateau is, and so where its half lies
        full = np.nanmax(profiles.light, axis=1, initial=-np.inf) >= 0.97 * exposure.saturation
        good = edges.good & ~full & (edges.plateau > LEAST_PLATEAU * bright_level(light))
        where = where + edges.shift[:, None] * across
        parts.append(_pixels(exposure, camera, image, band, index[good], where[good, 0], where[good, 1]))
        sigmas.append(np.hypot(edges.sigma[good], HAZY_SIGMA_PX if hazy else LIMB_SIGMA_PX))
    return LimbMeasure(join(parts), np.concatenate(sigmas) * np.sqrt(LIMB_NEIGHBOURS))


def _plain_edges(
    profiles: Profiles, sight: LimbSight, body: Body, max_shift: float, binning: int, rise: float
) -> Edges:
    """Edges of light that falls off from a plateau, or as bare ground's does."""
    inside = None if body.atmosphere else partial(bare_light, sight)
    return fit_edges(profiles, max_shift, edge_sigma(binning), inside, rise)


def _hazy_edges(profiles: Profiles, sight: LimbSight, body: Body, max_shift: float, binning: int, rise: float) -> Edges:
    """The plain edges measured again, in the light of the haze."""
    plain = _plain_edges(profiles, sight, body, max_shift + HAZY_SHIFT_PX, binning, rise)
    return fit_hazy_edges(profiles, sight, plain, max_shift, summed_variance(binning))


def swaths(exposure: Exposure, image: int, at: Unknowns, scene: Scene, camera: Camera) -> list[Swath]:
    """The exposure's filters with the pointing as it stands, ready to be rendered."""
    et = framelet_times(exposure, image, at)
    return split_by_filter(
        exposure.light,
        solved_camera(strip_camera(camera, exposure), at),
        exposure.binning,
        et,
        corrected_position(et, at, scene.trajectory),
        at.spin.camera_from_j2000(et),
        corrected_velocity(et, at, scene.trajectory),
    )


def native_view(exposure: Exposure, image: int, at: Unknowns, scene: Scene) -> tuple[float, View]:
    """Epoch and a view of about native scale from the spacecraft at mid-image, framed on the lit body."""
    et0 = float(np.mean(framelet_times(exposure, image, at)))
    to_body = scene.body.body_from_j2000(et0)
    place = to_body @ corrected_position(np.array([et0]), at, scene.trajectory)[0]
    sun = to_body @ scene.sun
    view = spacecraft_view(place, scene.body, sun, TIE_WIDTH)
    wanted = TIE_WIDTH / native_scale(view, disc_middle(place, scene.body, sun)) / exposure.binning
    if wanted >= TIE_WIDTH:
        return et0, view
    return et0, spacecraft_view(place, scene.body, sun, max(64, round(wanted)))


def measure_ties(exposure: Exposure, image: int, at: Unknowns, scene: Scene, camera: Camera) -> Ties | None:
    """Ties of one exposure between green and the other filters, and between overlapping framelets of each filter.

    None where there is nothing to compare.
    """
    bands = swaths(exposure, image, at, scene, camera)
    found = [
        _colour_ties(exposure, image, at, scene, camera, bands),
        overlap_ties(exposure, image, at, scene, strip_camera(camera, exposure), bands),
    ]
    return join_ties([ties for ties in found if ties is not None])


def _colour_ties(
    exposure: Exposure, image: int, at: Unknowns, scene: Scene, camera: Camera, bands: list[Swath]
) -> Ties | None:
    """Ties between green and the other filters."""
    if Filter.GREEN not in exposure.light or len(exposure.light) < 2:
        return None
    et0, view = native_view(exposure, image, at, scene)
    planes = render(bands, scene.body, et0, view, sun_direction=scene.sun)
    light = dict(zip(planes.bands, planes.light, strict=True))
    usable = planes.hit & (planes.cos_incidence > 0.12) & (planes.cos_emission > 0.2)
    first, second = [], []
    for band in exposure.light:
        if band is Filter.GREEN:
            continue
        both = usable & np.isfinite(light[band]) & np.isfinite(light[Filter.GREEN])
        found = match_patches(light[Filter.GREEN], light[band], both)
        good = (found.correlation > LEAST_CORRELATION) & (np.linalg.norm(found.shift, axis=1) < 6.0)
        here, there = found.centre[good], found.centre[good] + found.shift[good]
        one = _raw_pixels(exposure, image, bands, Filter.GREEN, here, view, scene, camera)
        two = _raw_pixels(exposure, image, bands, band, there, view, scene, camera)
        seen = one.seen & two.seen
        first.append(one.points.take(seen))
        second.append(two.points.take(seen))
    count = sum(len(p) for p in first)
    if not count:
        return None
    return Ties(join(first), join(second), np.tile(np.eye(2) / (TIE_SIGMA_PX * exposure.binning), (count, 1, 1)))


@dataclass(frozen=True)
class _Seen:
    points: Pixels
    seen: NDArray[np.bool_]


def _raw_pixels(
    exposure: Exposure,
    image: int,
    bands: Sequence[Swath],
    band: Filter,
    spot: FloatArray,
    view: View,
    scene: Scene,
    camera: Camera,
) -> _Seen:
    """Where points (n, 2) of the view were seen in one filter's framelets, in the framelet that sees them best."""
    swath = next(s for s in bands if s.band is band)
    ground = intersect(view.position_km, pixel_rays(view, spot[:, 0], spot[:, 1]), scene.body.radii_km)
    body_from_j2000 = scene.body.body_from_j2000(swath.et)
    looks = np.einsum("fji,pj->pfi", body_from_j2000, ground) - swath.position_km
    ray = np.einsum("fij,pfj->pfi", swath.camera_from_j2000, apparent(looks, swath.velocity_km_s))
    at = swath.camera.pixel(band, ray)
    off = np.abs(at[..., 0] - FRAMELET_LINES / 2)
    off = np.where(np.isfinite(off), off, np.inf)
    frame = np.argmin(off, axis=1)
    row = np.arange(len(spot))
    line, sample = at[row, frame, 0], at[row, frame, 1]
    seen = (off[row, frame] < FRAMELET_LINES / 2) & (sample > LIT_SAMPLES.start) & (sample < LIT_SAMPLES.stop)
    safe = np.where(seen, line, 0.0), np.where(seen, sample, 0.0)
    return _Seen(_pixels(exposure, camera, image, band, frame.astype(np.int64), *safe), seen)
