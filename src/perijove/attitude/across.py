"""Across strips: the ground that two of them have both seen, and how the one's lies on the other's.

Both are drawn as they look from where the coarser was taken, by the pointing as it stands, with the clouds carried to
one moment, and patches of the one are sought in the other. Only ground is looked at that both saw well and in daylight:
near the terminator shadows turn, near the limb haze covers what lies below.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from perijove.attitude.basemap import (
    LEAST_COS_EMISSION,
    LEAST_COS_INCIDENCE,
    MATCH_SIGMA_PX,
    framelet_pixels,
    ground_shown,
    seen_best,
)
from perijove.attitude.crossing import Breeze, CrossTies, cross_residuals, raised
from perijove.attitude.exposure import Exposure, strip_camera
from perijove.attitude.measure import framelet_times, native_view, swaths
from perijove.attitude.patches import Found, agreeing, seek, structure
from perijove.attitude.problem import BANDS, Pixels, Unknowns, corrected_position, join, pixels
from perijove.attitude.search import Scene
from perijove.geometry.ellipsoid import normal
from perijove.geometry.view import View
from perijove.instrument import Camera, Filter
from perijove.render.engine import render
from perijove.render.planes import Planes
from perijove.swath import Swath

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Plane = NDArray[np.float32]

PATCH_PX = 64
"""Side of a patch in px of the picture; half of that in small pictures."""
ALIKE = 8.0
"""Patches overlap by half, and the filters show the same clouds: about so many ties make one independent one."""
EDDY_M_S = 5.0
"""Clouds drift so fast beside what the profile says of their latitude, in either direction."""
HEIGHT_KM = 10.0
"""Scatter of the clouds' heights: seen from two sides, what is higher stands aside."""
MOST_TIES = 500
"""More ties between two strips than this tell nothing more."""
LEAST_TIES = 6
LEAST_CLEAR = 3
"""Where fewer of the body's places than this are seen well in two strips nothing is sought."""
FAR_SEARCH_PX = 4.0
PLACES = 12000
"""Places spread evenly over the body, at which it is looked up who has seen what."""
LEAST_SEEN = 0.1
"""Ground counts as seen from this cosine of emission on."""


@dataclass(frozen=True)
class Side:
    """One strip with its pointing as it stands: its number among all and in its arc's unknowns `at`, its middle, ET s,
    and place (3,) km then, body-fixed, its filters ready to be drawn, which of the body's places (m,) it has seen,
    which of them sunlit, and which so well, by day, that they can be known again.
    """

    number: int
    exposure: Exposure
    image: int
    at: Unknowns
    et: float
    position: FloatArray
    bands: tuple[Swath, ...]
    seen: NDArray[np.bool_]
    lit: NDArray[np.bool_]
    clear: NDArray[np.bool_]


@dataclass(frozen=True)
class Crossing:
    """Two strips whose ground overlaps, by their numbers, the earlier first, and the ties that were found, if any.

    `overlap` is the share of the ground of the one that saw less that both have seen, `lit` the share that both have
    seen sunlit, `clear` the share, and `places` the number of places, that both saw so well that ties may be found.
    """

    first: int
    second: int
    overlap: float
    lit: float
    clear: float
    places: int
    ties: CrossTies | None = None


def side_of(number: int, exposure: Exposure, image: int, at: Unknowns, scene: Scene, camera: Camera) -> Side:
    """One strip as it stands."""
    et = framelet_times(exposure, image, at)
    middle = float(et.mean())
    to_body = scene.body.body_from_j2000(middle)
    position = to_body @ corrected_position(np.array([middle]), at, scene.trajectory)[0]
    bands = tuple(swaths(exposure, image, at, scene, camera))
    places = _places(scene)
    slant = _slant(places, position, scene)
    seen = slant > LEAST_SEEN
    # one filter stands for all
    _, pixel = seen_best(bands[0], scene.body, places[seen])
    seen[seen] = np.isfinite(pixel).all(axis=1)
    height = normal(places, scene.body.radii_km) @ to_body @ scene.sun
    clear = seen & (slant > LEAST_COS_EMISSION) & (height > LEAST_COS_INCIDENCE)
    return Side(number, exposure, image, at, middle, position, bands, seen, seen & (height > 0.0), clear)


def _places(scene: Scene) -> FloatArray:
    """Places (`PLACES`, 3) km spread evenly over the body, on a spiral from pole to pole."""
    k = np.arange(PLACES) + 0.5
    z, turn = 1.0 - 2.0 * k / PLACES, np.pi * (1.0 + np.sqrt(5.0)) * k
    across = np.sqrt(1.0 - z**2)
    unit = np.stack([across * np.cos(turn), across * np.sin(turn), z], axis=-1)
    out: FloatArray = unit * np.asarray(scene.body.radii_km)
    return out


def _slant(place: FloatArray, position: FloatArray, scene: Scene) -> FloatArray:
    """Cosine of the emission angle (n,) at places (n, 3) km as seen from a position (3,)."""
    away = position - place
    up = normal(place, scene.body.radii_km)
    out: FloatArray = np.sum(up * away, axis=-1) / np.linalg.norm(away, axis=-1)
    return out


def crossings(sides: Sequence[Side]) -> list[Crossing]:
    """All pairs of strips whose ground overlaps."""
    out = []
    for k, one in enumerate(sides):
        for two in sides[k + 1 :]:
            both, least = int((one.seen & two.seen).sum()), int(min(one.seen.sum(), two.seen.sum()))
            if both:
                a, b = (one, two) if one.et <= two.et else (two, one)
                places = int((one.clear & two.clear).sum())
                lit = int((one.lit & two.lit).sum())
                out.append(Crossing(a.number, b.number, both / least, lit / least, places / least, places))
    return out


@dataclass(frozen=True)
class _Canvas:
    """What two strips are drawn on: a view in the frame of the body at ET `et0`, to which all clouds are carried."""

    view: View
    et0: float
    scene: Scene
    camera: Camera
    breeze: Breeze

    def table(self, side: Side) -> FloatArray | None:
        """The drift of clouds from the canvas' moment to the strip's, as the renderer takes it."""
        winds = self.breeze.winds
        return None if winds is None else winds.drift(self.scene.body, side.et - self.et0)

    def ground(self, side: Side, spot: FloatArray) -> FloatArray:
        """Body-fixed places (n, 3) km at which a strip saw what pixels (n, 2) of its picture show."""
        place, table = ground_shown(self.view, spot, self.scene.body), self.table(side)
        if table is None:
            return place
        x, y, z = place.T
        angle = np.interp(np.nan_to_num(np.arctan2(z, np.hypot(x, y))), table[:, 0], table[:, 1])
        c, s = np.cos(angle), np.sin(angle)
        return np.stack([c * x - s * y, s * x + c * y, z], axis=-1)

    def draw(self, side: Side) -> Planes:
        """A strip's picture, of the ground alone that it saw well."""
        return render(
            side.bands, self.scene.body, self.et0, self.view, sun_direction=self.scene.sun,
            horizon=LEAST_COS_EMISSION, drift=self.table(side),
        )  # fmt: skip


def measure_crossing(
    one: Side, two: Side, scene: Scene, camera: Camera, breeze: Breeze, reach_px: float
) -> CrossTies | None:
    """Ties between two strips of the same ground, sought within `reach_px` native px of where they should be.

    None where fewer than `LEAST_TIES` patches are found that agree.
    """
    coarse = max((one, two), key=lambda side: float(np.linalg.norm(side.position)))
    et0, view = native_view(coarse.exposure, coarse.image, coarse.at, scene)
    canvas = _Canvas(view, et0, scene, camera, breeze)
    first, second = canvas.draw(one), canvas.draw(two)
    reach = int(np.ceil(reach_px * first.native)) + 2
    parts = []
    # where the search is wide one filter is enough
    for band, other in _alike(one, two)[: 1 if reach_px > FAR_SEARCH_PX else None]:
        found = _found(first.band(band), second.band(other), first.cos_incidence, reach)
        if len(found):
            parts.append(_as_ties(found, one, two, band, other, canvas))
    ties = _joined(parts)
    if ties is None or len(ties.first) < LEAST_TIES:
        return None
    return _weighed(ties, one, two, scene, breeze)


def _alike(one: Side, two: Side) -> list[tuple[Filter, Filter]]:
    """The filters in which two strips are compared: each with itself, or the nearest ones in colour."""
    mine, theirs = ([swath.band for swath in side.bands] for side in (one, two))
    same = [(band, band) for band in sorted(mine, key=lambda band: band is not Filter.GREEN) if band in theirs]
    # BANDS goes from short waves to long ones
    return same or [(max(mine, key=BANDS.index), max(theirs, key=BANDS.index))]


def _found(first: Plane, second: Plane, cos_incidence: Plane, reach: int) -> Found:
    """Patches of one picture in another, those that agree with each other."""
    lit = cos_incidence > LEAST_COS_INCIDENCE
    known = [lit & np.isfinite(plane) for plane in (first, second)]
    patch = PATCH_PX if min(first.shape) >= 5 * PATCH_PX else PATCH_PX // 2
    # what a patch is sought in reaches beyond the picture
    border = (reach, reach, reach, reach, cv2.BORDER_CONSTANT)
    wide = np.asarray(cv2.copyMakeBorder(structure(second), *border), dtype=np.float32)
    there = np.asarray(cv2.copyMakeBorder(known[1].astype(np.uint8), *border)) > 0
    found = seek(structure(first), known[0], wide, there, patch, reach)
    return found.take(agreeing(found, first.shape))


@dataclass(frozen=True)
class _Raw:
    """Ties with the covariance (n, 2, 2), px^2 of the second strip, of their matches."""

    first: Pixels
    second: Pixels
    covariance: FloatArray


def _as_ties(found: Found, one: Side, two: Side, band: Filter, other: Filter, canvas: _Canvas) -> _Raw:
    """The pixels of both strips that show what patches show."""
    body, spot = canvas.scene.body, found.centre + found.shift
    swath = _swath(two, other)
    frame, pixel = seen_best(_swath(one, band), body, canvas.ground(one, found.centre))
    end, there = seen_best(swath, body, canvas.ground(two, spot))
    # what a step in the picture is in the framelet
    steps = [
        framelet_pixels(swath, body, canvas.ground(two, spot + np.array(step)), end) - there
        for step in ((0.5, 0.0), (0.0, 0.5))
    ]
    turn = np.stack(steps, axis=-1) / 0.5
    good = np.isfinite(pixel).all(axis=1) & np.isfinite(there).all(axis=1) & np.isfinite(turn).all(axis=(1, 2))
    covariance = turn @ (found.covariance + MATCH_SIGMA_PX**2 * np.eye(2)) @ np.swapaxes(turn, 1, 2)
    return _Raw(
        _as_pixels(one, band, frame[good], pixel[good], canvas.camera),
        _as_pixels(two, other, end[good], there[good], canvas.camera),
        covariance[good],
    )


def _swath(side: Side, band: Filter) -> Swath:
    return next(swath for swath in side.bands if swath.band is band)


def _as_pixels(side: Side, band: Filter, frame: IntArray, at: FloatArray, camera: Camera) -> Pixels:
    count = len(frame)
    image, index = np.full(count, side.image, dtype=np.int64), np.full(count, BANDS.index(band), dtype=np.int64)
    own = strip_camera(camera, side.exposure)
    return pixels(own, image, frame, index, at[:, 0], at[:, 1], side.exposure.et[frame])


def _joined(parts: Sequence[_Raw]) -> _Raw | None:
    """All filters' ties, thinned evenly to `MOST_TIES`; those left stand for the others."""
    if not parts:
        return None
    first, second = join([part.first for part in parts]), join([part.second for part in parts])
    covariance = np.concatenate([part.covariance for part in parts])
    thin = max(1, -(-len(first) // MOST_TIES))
    keep = np.arange(0, len(first), thin)
    return _Raw(first.take(keep), second.take(keep), covariance[keep] * max(ALIKE / thin, 1.0))


def _weighed(ties: _Raw, one: Side, two: Side, scene: Scene, breeze: Breeze) -> CrossTies:
    """The ties with weights by their matches, and by how far clouds may have drifted or stand above the others."""
    bare = CrossTies(ties.first, ties.second, np.tile(np.eye(2), (len(ties.first), 1, 1)))
    if not scene.body.atmosphere:
        return replace(bare, whiten=_whitening(ties.covariance))
    seen = cross_residuals(bare, one.at, two.at, scene.trajectory, scene.body, breeze)
    eddy = (EDDY_M_S * 1e-3 * seen.apart_s)[:, None]
    moves = [eddy * seen.by_east, eddy * seen.by_north]
    moves.append(HEIGHT_KM * raised(bare, one.at, two.at, scene.trajectory, scene.body))
    spread = sum((move[:, :, None] * move[:, None, :] for move in moves), ties.covariance)
    return replace(bare, whiten=_whitening(spread))


def _whitening(covariance: FloatArray) -> FloatArray:
    """Matrices (n, 2, 2) that make errors of these covariances unit variance."""
    out: FloatArray = np.swapaxes(np.linalg.cholesky(np.linalg.inv(covariance)), 1, 2)
    return out
