"""Basemap: a map of the body, and where a strip shows its ground.

Strip and map are both drawn as they look from the spacecraft at mid-image, by the pointing as it stands, at the scale
of the coarser of the two, and patches of the one are sought in the other. Each that is found ties the pixel in which
the strip shows it to the place where the map has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from perijove.attitude.exposure import Exposure, strip_camera
from perijove.attitude.ground import GroundTies, join_ground, seen_place
from perijove.attitude.measure import native_view, swaths
from perijove.attitude.patches import Found, agreeing, seek, structure
from perijove.attitude.problem import BANDS, Unknowns, pixels, turned
from perijove.attitude.search import Scene
from perijove.bodies import Body
from perijove.geometry.aberration import apparent
from perijove.geometry.ellipsoid import intersect
from perijove.geometry.view import View, disc_middle, km_per_native_px, native_scale, pixel_rays
from perijove.instrument import FRAMELET_LINES, LIT_SAMPLES, Camera, Filter
from perijove.render.engine import render
from perijove.render.planes import Planes
from perijove.swath import Swath

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Plane = NDArray[np.float32]

PATCH_PX = 64
"""Side of a patch in px of the common scale; half of that in small pictures."""

LEAST_COS_INCIDENCE, LEAST_COS_EMISSION = 0.15, 0.25
"""Ground nearer to terminator or limb is not looked at: its shadows are not the map's, or it is too slanted."""
MATCH_SIGMA_PX = 0.1
"""Error of a match that its peak does not tell, in px of the common scale."""
MAP_SIGMA_PX = 0.3
"""How far features stand off in a map, in its own px, at least; more shows in the residuals."""
ALIKE = 20.0
"""Patches overlap by half, the filters share the map, and its neighbouring places their errors: about so many ties make
one independent observation."""
REACHES_PX, TIE_REACH_PX = (48.0, 12.0), 4.0
"""How far from where the limb has put it the ground is sought, native px: first, and once the map has been found. Near
a bare moon the limb leaves 20 px of roll."""
FAR_SEARCH_PX = 8.0
"""Where the search is wider than this one filter is enough."""
LEAST_TIES = 6
"""Fewer patches that agree with each other than this are none."""
_LEAST_REACH_PX = 6
"""Least reach of a search in px of the common scale: one before may have been off by that."""
_FINER = 3
"""Times a map is sampled finer each way than the common scale: its pixels are crowded where the ground is slanted."""


@dataclass(frozen=True)
class Basemap:
    """A map of a body in longitude and planetocentric latitude, both linear in its pixels.

    `light` (rows, columns), NaN where nothing is known, in any unit; `bands` maps filters that the map has by
    themselves to arrays of the same shape. The upper left corner lies at `north`, `west` (rad), a pixel is `step` (rad)
    wide and high, longitudes grow to the right; a whole turn of columns goes round. `name` is for messages, `finest`
    is the size (rad) of the pixels of the file it is from.
    """

    body: str
    name: str
    light: Plane
    north: float
    west: float
    step: float
    finest: float
    bands: Mapping[Filter, Plane] = field(default_factory=dict)

    @property
    def round(self) -> bool:
        """Whether the map goes round the body."""
        return bool(abs(self.light.shape[1] * self.step - 2.0 * np.pi) < 0.5 * self.step)

    def of(self, band: Filter) -> Plane:
        """The light (rows, columns) that is most like a filter's."""
        return self.bands.get(band, self.light)

    def pixel(self, latitude: FloatArray, longitude: FloatArray) -> FloatArray:
        """Continuous pixel (..., 2) as (line, sample) of planetocentric latitude and east longitude, rad.

        Samples lie between half a turn left and half a turn right of the map's middle.
        """
        middle = self.west + 0.5 * self.light.shape[1] * self.step
        aside = np.mod(longitude - middle + np.pi, 2.0 * np.pi) - np.pi
        line = (self.north - latitude) / self.step
        return np.stack([line, aside / self.step + 0.5 * self.light.shape[1]], axis=-1)


def measure_ground(
    exposure: Exposure, image: int, at: Unknowns, scene: Scene, camera: Camera, basemap: Basemap, reach_px: float
) -> GroundTies | None:
    """Ties of one exposure to the ground of a map, sought within `reach_px` native px of where the unknowns put it.

    `image` is the exposure's number in `at`. None where fewer than `LEAST_TIES` patches are found that agree.
    """
    bands = swaths(exposure, image, at, scene, camera)
    et0, view = common_view(exposure, image, at, scene, basemap)
    if reach_px > FAR_SEARCH_PX:
        bands = [next((swath for swath in bands if swath.band is Filter.GREEN), bands[0])]
    planes = render(bands, scene.body, et0, view, sun_direction=scene.sun)
    reach = max(_LEAST_REACH_PX, int(np.ceil(reach_px * planes.native)) + 2)
    drawn: dict[int, Plane] = {}
    found: dict[Filter, Found] = {}
    for swath in bands:
        plane = basemap.of(swath.band)
        if id(plane) not in drawn:
            drawn[id(plane)] = draw(replace(basemap, light=plane), view, scene.body, reach)
        found[swath.band] = _found(planes, swath.band, drawn[id(plane)], reach)
    parts = [
        part
        for swath in bands
        if (part := _as_ties(found[swath.band], exposure, image, scene, camera, basemap, view, swath)) is not None
    ]
    ties = join_ground(parts)
    return None if ties is None or len(ties) < LEAST_TIES else ties


def all_ground(
    exposures: Sequence[Exposure], at: Unknowns, scene: Scene, camera: Camera, basemap: Basemap, reach_px: float
) -> GroundTies | None:
    """Ties of several exposures to the ground of a map, see `measure_ground`; None where none has any."""
    found = [measure_ground(e, k, at, scene, camera, basemap, reach_px) for k, e in enumerate(exposures)]
    return join_ground([part for part in found if part is not None])


def common_view(exposure: Exposure, image: int, at: Unknowns, scene: Scene, basemap: Basemap) -> tuple[float, View]:
    """Epoch and a view from the spacecraft at mid-image, of about native scale or the map's, whichever is coarser."""
    et0, view = native_view(exposure, image, at, scene)
    fewer = basemap.step * mean_radius_km(scene.body) / _km_per_px(view, et0, scene)
    if fewer <= 1.0:
        return et0, view
    width, height = (max(32, round(side / fewer)) for side in (view.width, view.height))
    fewer = max(view.width / width, view.height / height)
    line, sample = view.principal
    return et0, replace(
        view, scale=view.scale * fewer, width=width, height=height, principal=(line / fewer, sample / fewer)
    )


def mean_radius_km(body: Body) -> float:
    """The radius of a sphere of the body's volume, km."""
    return float(np.prod(body.radii_km) ** (1.0 / 3.0))


def _km_per_px(view: View, et0: float, scene: Scene) -> float:
    """Km across the line of sight that a pixel of a view spans in the middle of the lit disc."""
    middle = disc_middle(view.position_km, scene.body, scene.body.body_from_j2000(et0) @ scene.sun)
    return km_per_native_px(view, middle) / native_scale(view, middle)


def draw(basemap: Basemap, view: View, body: Body, border: int) -> Plane:
    """The map's light (h + 2 border, w + 2 border) as it looks in a view with a border around it; NaN where unknown."""
    line, sample = np.mgrid[-border : view.height + border, -border : view.width + border] + 0.5
    ground = intersect(view.position_km, pixel_rays(view, line, sample), body.radii_km)
    x, y, z = np.moveaxis(ground, -1, 0)
    latitude, longitude = np.arctan2(z, np.hypot(x, y)), np.arctan2(y, x)
    basemap = _turned_to(_coarser(basemap, body, view), ground)
    at = basemap.pixel(latitude, longitude).astype(np.float32)
    # the longitude is ill where it runs round a pole, and jumps half a turn from the middle of the map
    leap = 0.1 * 2.0 * np.pi / basemap.step
    ill = np.abs(np.diff(at[..., 1], axis=1, append=at[:, -1:, 1])) > leap
    ill |= np.abs(np.diff(at[..., 1], axis=0, append=at[-1:, :, 1])) > leap
    ill |= ~np.isfinite(at).all(axis=-1)
    down, across = (
        cv2.resize(np.where(ill, np.float32(-1e6), at[..., k]), None, fx=_FINER, fy=_FINER) - np.float32(0.5)
        for k in (0, 1)
    )
    light = cv2.remap(
        basemap.light, across, down, cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT, borderValue=float("nan")
    )
    drawn = cv2.resize(light, line.shape[::-1], interpolation=cv2.INTER_AREA)
    return np.where(ill, np.float32(np.nan), drawn).astype(np.float32)


def _coarser(basemap: Basemap, body: Body, view: View) -> Basemap:
    """The map with its pixels averaged as long as they are finer than a view's."""
    near = float(np.linalg.norm(view.position_km)) - max(body.radii_km)
    times = int(max(near, 0.0) * view.scale / (basemap.step * mean_radius_km(body)))
    rows, columns = basemap.light.shape
    # columns that are no whole number of larger ones would break the turn
    while times > 1 and basemap.round and columns % times:
        times -= 1
    if times < 2 or min(rows, columns) < 8 * times:
        return basemap
    kept = basemap.light[: rows // times * times, : columns // times * times]
    means = kept.reshape(rows // times, times, columns // times, times).mean(axis=(1, 3), dtype=np.float32)
    return replace(basemap, light=means, step=basemap.step * times, bands={})


_WRAP = 8


def _turned_to(basemap: Basemap, ground: FloatArray) -> Basemap:
    """A map that goes round, its edges turned to lie opposite to the middle of places (..., 3), and run on there."""
    if not basemap.round:
        return basemap
    columns = basemap.light.shape[1]
    middle = np.nanmean(ground.reshape(-1, 3), axis=0)
    first = round((float(np.arctan2(middle[1], middle[0])) - basemap.west) / basemap.step - columns / 2.0)
    index = np.arange(first - _WRAP, first + columns + _WRAP) % columns
    return replace(
        basemap, light=np.ascontiguousarray(basemap.light[:, index]), west=basemap.west + (first - _WRAP) * basemap.step
    )


def _found(planes: Planes, band: Filter, drawn: Plane, reach: int) -> Found:
    """Patches of one filter in the map, those that agree with each other."""
    light = planes.band(band)
    known = planes.hit & np.isfinite(light)
    known &= (planes.cos_incidence > LEAST_COS_INCIDENCE) & (planes.cos_emission > LEAST_COS_EMISSION)
    patch = PATCH_PX if min(light.shape) >= 5 * PATCH_PX else PATCH_PX // 2
    light = np.where(planes.hit & (planes.cos_incidence > 0.02), light, np.float32(np.nan))
    found = seek(structure(light), known, structure(drawn), np.isfinite(drawn), patch, reach)
    return found.take(agreeing(found, light.shape))


def _as_ties(
    found: Found,
    exposure: Exposure,
    image: int,
    scene: Scene,
    camera: Camera,
    basemap: Basemap,
    view: View,
    swath: Swath,
) -> GroundTies | None:
    """Ties of one filter: the pixels whose light the patches show, and the places where the map has that."""
    if not len(found):
        return None
    centre = found.centre
    here, place = ground_shown(view, centre, scene.body), ground_shown(view, centre + found.shift, scene.body)
    frame, at = seen_best(swath, scene.body, here)
    seen = np.isfinite(at).all(axis=1) & np.isfinite(place).all(axis=1)
    # what a step in the view is in the framelet
    steps = [
        framelet_pixels(swath, scene.body, ground_shown(view, centre + np.array(step), scene.body), frame) - at
        for step in ((0.5, 0.0), (0.0, 0.5))
    ]
    turn = np.stack(steps, axis=-1) / 0.5
    seen &= np.isfinite(turn).all(axis=(1, 2))
    map_px = (
        basemap.finest * mean_radius_km(scene.body) / (np.linalg.norm(here - view.position_km, axis=-1) * view.scale)
    )
    floor = MATCH_SIGMA_PX**2 + (MAP_SIGMA_PX * map_px) ** 2
    covariance = turn @ (found.covariance + floor[:, None, None] * np.eye(2)) @ np.swapaxes(turn, 1, 2)
    seen &= np.isfinite(covariance).all(axis=(1, 2))
    if not seen.any():
        return None
    whiten = np.swapaxes(np.linalg.cholesky(np.linalg.inv(ALIKE * covariance[seen])), 1, 2)
    count = int(seen.sum())
    points = pixels(
        strip_camera(camera, exposure),
        np.full(count, image, dtype=np.int64),
        frame[seen],
        np.full(count, BANDS.index(swath.band), dtype=np.int64),
        at[seen, 0],
        at[seen, 1],
        exposure.et[frame[seen]],
    )
    return GroundTies(points, place[seen], whiten)


def ground_shown(view: View, spot: FloatArray, body: Body) -> FloatArray:
    """Body-fixed places (n, 3) km that pixels (n, 2) of a view show; NaN beside the body."""
    return intersect(view.position_km, pixel_rays(view, spot[:, 0], spot[:, 1]), body.radii_km)


def seen_best(swath: Swath, body: Body, ground: FloatArray) -> tuple[IntArray, FloatArray]:
    """The framelet (n,) that has body-fixed places (n, 3) nearest to its middle, and the pixels (n, 2) there, NaN where
    none shows them."""
    every = np.stack(
        [framelet_pixels(swath, body, ground, np.full(len(ground), f)) for f in range(len(swath.et))], axis=1
    )
    off = np.abs(every[..., 0] - FRAMELET_LINES / 2)
    off = np.where(np.isfinite(off), off, np.inf)
    frame = np.argmin(off, axis=1)
    row = np.arange(len(ground))
    at = every[row, frame]
    with np.errstate(invalid="ignore"):
        seen = (off[row, frame] < FRAMELET_LINES / 2) & (at[:, 1] > LIT_SAMPLES.start) & (at[:, 1] < LIT_SAMPLES.stop)
    return frame, np.where(seen[:, None], at, np.nan)


def framelet_pixels(swath: Swath, body: Body, ground: FloatArray, frame: IntArray) -> FloatArray:
    """Pixels (n, 2) in which framelets (n,) show body-fixed places (n, 3) km, turned back by the light time."""
    body_from_j2000 = body.body_from_j2000(swath.et)
    position = turned(body_from_j2000, swath.position_km)[frame]
    looks = turned(np.swapaxes(body_from_j2000, -1, -2)[frame], seen_place(ground, position, body) - position)
    seen = apparent(looks, None if swath.velocity_km_s is None else swath.velocity_km_s[frame])
    return swath.camera.pixel(swath.band, turned(swath.camera_from_j2000[frame], seen))
