"""Backplanes: where surface points lie, how far off they are, and how they are lit and seen, by compiled rows.

Every angle comes from a sine and a cosine (atan2), never from an arc cosine, which is ill near 0 and pi: 1e-12 rad in
all that follows. Vectors are body-fixed at the point's own time (..., 3), km; the normal is that of the ellipsoid.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perijove.bodies import Body
from perijove.errors import UsageError
from perijove.geometry.arctangent import arctangent
from perijove.instrument import FOCAL_LENGTH_PX
from perijove.jit import kernel

FloatArray = NDArray[np.float64]

PIXEL_ANGLE = 1.0 / FOCAL_LENGTH_PX
"""Angle of a native pixel on the camera's axis, rad."""
RUN = 512
"""Points that are measured at a time: the vectors between them stay in the processor's innermost cache."""


@dataclass(frozen=True)
class PlaneKind:
    """What one backplane holds: the `unit` of its numbers in a file, and a sentence that says what they are.

    A number of `backplanes` times `factor` is one of that unit. Where `period` is not 0 the numbers run round: 0 to
    before the period, in the unit of the file.
    """

    unit: str
    description: str
    factor: float = 1.0
    period: float = 0.0


def _angle(description: str, period: float = 0.0) -> PlaneKind:
    return PlaneKind("deg", description, math.degrees(1.0), period)


PLANES: Mapping[str, PlaneKind] = {
    "latitude": _angle("planetocentric latitude, north positive"),
    "latitude_graphic": _angle("planetographic latitude, north positive; no data on a triaxial body"),
    "longitude": _angle("east longitude, 0 to 360", 360.0),
    "local_time": PlaneKind("h", "local solar time, 0 to 24 hours of a rotation; 12 at the subsolar meridian", 1, 24.0),
    "range": PlaneKind("km", "distance from the camera"),
    "resolution": PlaneKind("km", "length across the line of sight that one native camera pixel spans"),
    "incidence": _angle("angle between the outward normal of the ellipsoid and the direction to the Sun"),
    "emission": _angle("angle between the outward normal of the ellipsoid and the direction to the camera"),
    "phase": _angle("angle at the surface between the directions to the Sun and to the camera"),
    "sun_azimuth": _angle("direction of the Sun along the ground, clockwise from north, 0 to 360", 360.0),
    "spacecraft_azimuth": _angle("direction of the camera along the ground, clockwise from north, 0 to 360", 360.0),
    "ring_radius": PlaneKind("km", "distance from the body's centre where the line of sight meets the equator's plane"),
}
"""Every backplane of a point, by its name; the names are those of the bands in files."""

LATITUDE, LATITUDE_GRAPHIC, LONGITUDE, LOCAL_TIME, RANGE, RESOLUTION = range(6)
INCIDENCE, EMISSION, PHASE, SUN_AZIMUTH, SPACECRAFT_AZIMUTH, RING_RADIUS = range(6, 12)
"""Numbers of the planes for the kernels: their places in `PLANES`."""


def check_planes(names: Sequence[str]) -> None:
    """Raise UsageError for names of planes that are not in `PLANES`, or given twice, or none at all."""
    known = ", ".join(PLANES)
    if not names:
        raise UsageError(f"no backplane was named: give some of {known}")
    for k, name in enumerate(names):
        if name not in PLANES:
            raise UsageError(f"there is no backplane {name!r}: give some of {known}")
        if name in names[:k]:
            raise UsageError(f"the backplane {name} is named twice: name it once")


def backplanes(
    names: Sequence[str],
    points: ArrayLike,
    cameras: ArrayLike,
    sun: ArrayLike,
    body: Body,
    *,
    sun_distance_km: float = math.inf,
    rays: ArrayLike | None = None,
    pixel_angle: float = PIXEL_ANGLE,
) -> dict[str, FloatArray]:
    """The backplanes `names` (of `PLANES`) of surface points, as arrays (...) float64 by name.

    `points` (..., 3) km, NaN where there is no surface; `cameras` (..., 3) or (3,) km, where the camera was when it
    saw them; `sun` (..., 3) or (3,) unit vectors from the body's centre to the Sun, all body-fixed at the time when
    the light left the point. A finite `sun_distance_km` (from the centre) turns the Sun's direction from point to
    point: 0.005 deg on Jupiter. `rays` (..., 3) are the lines of sight, of any length, needed for the ring radius where
    they miss the body; left out they lead to the points. `pixel_angle` is that of a native pixel, rad.

    Angles are rad, longitude and azimuths 0 to 2 pi; local time is hours, range, resolution and ring radius km.

    - latitude_graphic is NaN on a body whose equator is no circle, where the term has no agreed meaning.
    - local_time is (longitude - subsolar longitude) / 15 deg + 12, which is SPICE's planetocentric `et2lst` on a body
      that turns to the east, as all in `bodies` do.
    - resolution is the range times `pixel_angle`: across the line of sight, not along the ground.
    - An azimuth is that of SPICE's `azlcpo` with AZCCW false: in the plane that touches the ellipsoid at the point,
      from the projection of the body's +Z, clockwise as seen from above (east is pi / 2), to the projection of the
      direction to the Sun or the camera. ISIS calls these ground azimuths (of the subsolar and the sub-spacecraft
      point); its plain sun and spacecraft azimuths are angles in the picture instead. NaN exactly at a pole, and where
      the Sun or the camera is exactly overhead.
    - ring_radius is where the ray meets the plane of the equator, NaN where it never does, and where the body stands
      in front of that place.

    Whether a point can be seen from the camera is not asked: beyond the limb the emission angle is more than pi / 2.
    Raises UsageError for unknown names, and ValueError for shapes that do not go together.
    """
    check_planes(names)
    where = np.asarray(points, dtype=float)
    shape = where.shape[:-1]
    place, eye, towards = _rows(where, shape), _rows(cameras, shape), _rows(sun, shape)
    sight = np.empty((0, 3)) if rays is None else _rows(rays, shape)
    slots = np.full(len(PLANES), -1)
    slots[[list(PLANES).index(name) for name in names]] = np.arange(len(names))
    out = np.empty((len(names), len(place)))
    radii = np.array(body.radii_km)
    measure_points(slots, place, eye, towards, sight, radii, 1.0 / sun_distance_km, pixel_angle, out)
    return {name: plane.reshape(shape) for name, plane in zip(names, out, strict=True)}


def in_file_units(name: str, values: FloatArray) -> NDArray[np.float32]:
    """Numbers of `backplanes` as a file holds them: float32 in the unit of `PLANES`.

    Numbers that run round and that rounding brings to their end (360 deg, 24 h) become 0.
    """
    kind = PLANES[name]
    out = (values * kind.factor).astype(np.float32)
    if kind.period:
        out[out >= kind.period] = 0.0
    return out


def _rows(vectors: ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    """Vectors (3,) as (1, 3), others as (n, 3) of the n points of a shape."""
    v = np.asarray(vectors, dtype=float)
    if v.shape == (3,):
        return v.reshape(1, 3)
    return np.ascontiguousarray(np.broadcast_to(v, (*shape, 3)).reshape(-1, 3))


@kernel
def take(vectors: FloatArray, first: int, out: FloatArray) -> None:
    """Copy vectors (n, 3) from the `first` on, or the only one, into rows (3, m)."""
    m = out.shape[1]
    if len(vectors) == 1:
        for axis in range(3):
            out[axis, :] = vectors[0, axis]
        return
    for k in range(m):
        out[0, k], out[1, k], out[2, k] = vectors[first + k, 0], vectors[first + k, 1], vectors[first + k, 2]


@kernel
def find_normals(p: FloatArray, radii: FloatArray, n: FloatArray) -> None:
    """Outward unit normals (3, m) of the ellipsoid at points (3, m)."""
    ax, ay, az = 1.0 / radii[0] ** 2, 1.0 / radii[1] ** 2, 1.0 / radii[2] ** 2
    for k in range(p.shape[1]):
        x, y, z = p[0, k] * ax, p[1, k] * ay, p[2, k] * az
        length = 1.0 / math.sqrt(x * x + y * y + z * z)
        n[0, k], n[1, k], n[2, k] = x * length, y * length, z * length


@kernel
def look_back(p: FloatArray, target: FloatArray, share: float, out: FloatArray) -> None:
    """Vectors (3, m) `target` - `share` * p: from points to a camera (share 1), or to a Sun at distance 1 / share."""
    for axis in range(3):
        for k in range(p.shape[1]):
            out[axis, k] = target[axis, k] - share * p[axis, k]


@kernel
def latitudes(v: FloatArray, out: FloatArray) -> None:
    """Elevations (m,) of vectors (3, m) above the plane of the equator: of points centric, of normals graphic."""
    for k in range(out.size):
        out[k] = arctangent(v[2, k], math.sqrt(v[0, k] * v[0, k] + v[1, k] * v[1, k]))


@kernel
def longitudes(p: FloatArray, out: FloatArray) -> None:
    """East longitudes (m,) of points (3, m), from 0 to before 2 pi."""
    for k in range(out.size):
        east = arctangent(p[1, k], p[0, k])
        east = east + 2.0 * math.pi if east < 0.0 else east
        out[k] = 0.0 if east >= 2.0 * math.pi else east


@kernel
def local_times(p: FloatArray, sun: FloatArray, out: FloatArray) -> None:
    """Local solar times (m,) in hours, from 0 to before 24, of points (3, m)."""
    for k in range(out.size):
        sine = sun[0, k] * p[1, k] - sun[1, k] * p[0, k]
        cosine = sun[0, k] * p[0, k] + sun[1, k] * p[1, k]
        hours = 12.0 + arctangent(sine, cosine) * (12.0 / math.pi)
        out[k] = 0.0 if hours >= 24.0 else hours


@kernel
def lengths(v: FloatArray, factor: float, out: FloatArray) -> None:
    """Lengths (m,) of vectors (3, m) times a factor."""
    for k in range(out.size):
        out[k] = factor * math.sqrt(v[0, k] * v[0, k] + v[1, k] * v[1, k] + v[2, k] * v[2, k])


@kernel
def angles_between(a: FloatArray, b: FloatArray, out: FloatArray) -> None:
    """Angles (m,) from 0 to pi between vectors (3, m) of any length."""
    for k in range(out.size):
        cx = a[1, k] * b[2, k] - a[2, k] * b[1, k]
        cy = a[2, k] * b[0, k] - a[0, k] * b[2, k]
        cz = a[0, k] * b[1, k] - a[1, k] * b[0, k]
        cosine = a[0, k] * b[0, k] + a[1, k] * b[1, k] + a[2, k] * b[2, k]
        out[k] = arctangent(math.sqrt(cx * cx + cy * cy + cz * cz), cosine)


@kernel
def azimuths(n: FloatArray, d: FloatArray, out: FloatArray) -> None:
    """Azimuths (m,), clockwise from north, from 0 to before 2 pi, of directions (3, m) where the unit normal is n."""
    for k in range(out.size):
        x, y, z = n[0, k], n[1, k], n[2, k]
        # east is +Z x n and north n x east: both as long as the normal's part along the equator
        east = d[1, k] * x - d[0, k] * y
        north = d[2, k] * (x * x + y * y) - z * (d[0, k] * x + d[1, k] * y)
        angle = arctangent(east, north)
        angle = angle + 2.0 * math.pi if angle < 0.0 else angle
        angle = 0.0 if angle >= 2.0 * math.pi else angle
        out[k] = math.nan if east == 0.0 and north == 0.0 else angle


@kernel
def ring_radii(eye: FloatArray, ray: FloatArray, radii: FloatArray, out: FloatArray) -> None:
    """Distances (m,) km from the centre where rays (3, m) from `eye` (3, m) meet the plane of the equator, or NaN."""
    ix, iy, iz = 1.0 / radii[0], 1.0 / radii[1], 1.0 / radii[2]
    for k in range(out.size):
        t = -eye[2, k] / ray[2, k]
        x, y = eye[0, k] + t * ray[0, k], eye[1, k] + t * ray[1, k]
        # the body, as the unit sphere: the closest approach squared as that of a vector, since b^2 - ac cancels
        px, py, pz = eye[0, k] * ix, eye[1, k] * iy, eye[2, k] * iz
        ux, uy, uz = ray[0, k] * ix, ray[1, k] * iy, ray[2, k] * iz
        a = 1.0 / (ux * ux + uy * uy + uz * uz)
        b = (px * ux + py * uy + pz * uz) * a
        qx, qy, qz = px - b * ux, py - b * uy, pz - b * uz
        inside = (1.0 - qx * qx - qy * qy - qz * qz) * a
        hit = -b - math.sqrt(max(inside, 0.0))
        hidden = inside >= 0.0 and hit > 0.0 and hit < t
        seen = t > 0.0 and t < math.inf and not hidden
        out[k] = math.sqrt(x * x + y * y) if seen else math.nan


@kernel
def measure_points(
    slots: NDArray[np.int64],
    points: FloatArray,
    cameras: FloatArray,
    sun: FloatArray,
    rays: FloatArray,
    radii: FloatArray,
    nearness: float,
    pixel_angle: float,
    out: FloatArray,
) -> None:
    """Fill the planes `out` (planes, n) of points (n, 3).

    `slots` (12,) says into which plane each kind goes, -1 for what is not wanted. Cameras and sun are (n, 3) or (1, 3),
    rays (n, 3) or, where they lead to the points, (0, 3). `nearness` is 1 / the Sun's distance in km.
    """
    for first in range(0, len(points), RUN):
        last = min(first + RUN, len(points))
        work = np.empty((7, 3, last - first))
        p, eye, sunward, normal, view, light, ray = work[0], work[1], work[2], work[3], work[4], work[5], work[6]
        take(points, first, p)
        take(cameras, first, eye)
        take(sun, first, sunward)
        measure_places(slots, p, sunward, first, last, out)
        look_back(p, eye, 1.0, view)
        if slots[RANGE] >= 0:
            lengths(view, 1.0, out[slots[RANGE], first:last])
        if slots[RESOLUTION] >= 0:
            lengths(view, pixel_angle, out[slots[RESOLUTION], first:last])
        if slots[RING_RADIUS] >= 0:
            if len(rays) == 0:
                look_back(eye, p, 1.0, ray)
            else:
                take(rays, first, ray)
            ring_radii(eye, ray, radii, out[slots[RING_RADIUS], first:last])
        look_back(p, sunward, nearness, light)
        find_normals(p, radii, normal)
        measure_light(slots, normal, view, light, radii, first, last, out)


@kernel
def measure_places(
    slots: NDArray[np.int64], p: FloatArray, sun: FloatArray, first: int, last: int, out: FloatArray
) -> None:
    """Fill what is wanted of latitude, longitude and local time of the points (3, m) first to last of planes (k, n)."""
    if slots[LATITUDE] >= 0:
        latitudes(p, out[slots[LATITUDE], first:last])
    if slots[LONGITUDE] >= 0:
        longitudes(p, out[slots[LONGITUDE], first:last])
    if slots[LOCAL_TIME] >= 0:
        local_times(p, sun, out[slots[LOCAL_TIME], first:last])


@kernel
def measure_light(
    slots: NDArray[np.int64],
    normal: FloatArray,
    view: FloatArray,
    light: FloatArray,
    radii: FloatArray,
    first: int,
    last: int,
    out: FloatArray,
) -> None:
    """Fill what is wanted of all that needs the normals (3, m) of the points first to last of planes (k, n).

    `view` and `light` (3, m) lead from the points to the camera and to the Sun.
    """
    if slots[LATITUDE_GRAPHIC] >= 0:
        if radii[0] == radii[1]:
            latitudes(normal, out[slots[LATITUDE_GRAPHIC], first:last])
        else:
            out[slots[LATITUDE_GRAPHIC], first:last] = math.nan
    if slots[INCIDENCE] >= 0:
        angles_between(normal, light, out[slots[INCIDENCE], first:last])
    if slots[EMISSION] >= 0:
        angles_between(normal, view, out[slots[EMISSION], first:last])
    if slots[PHASE] >= 0:
        angles_between(light, view, out[slots[PHASE], first:last])
    if slots[SUN_AZIMUTH] >= 0:
        azimuths(normal, light, out[slots[SUN_AZIMUTH], first:last])
    if slots[SPACECRAFT_AZIMUTH] >= 0:
        azimuths(normal, view, out[slots[SPACECRAFT_AZIMUTH], first:last])
