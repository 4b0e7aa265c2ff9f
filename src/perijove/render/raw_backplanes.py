"""Backplanes of raw pixels: what every stored pixel of a strip looked at, framelet by framelet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perijove.bodies import LIGHT_KM_S, Body
from perijove.errors import UsageError
from perijove.geometry.illumination import PIXEL_ANGLE, backplanes, check_planes, in_file_units
from perijove.jit import kernel
from perijove.render.framelets import check_swath, light_time
from perijove.render.threads import run_blocks
from perijove.swath import Swath

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class RawGeometry:
    """What the backplanes of one filter's framelets are made from.

    `rays` (lines, samples, 3) are unit vectors in the camera's frame through the centres of the stored pixels, their
    distortion taken out. For each of the n framelets, body-fixed where the body stood when the light left it:
    `body_from_camera` (n, 3, 3), the camera's `places` (n, 3) km and `leans` (n, 3), its velocity over that of light,
    `suns` (n, 3) unit vectors from the centre to the Sun, and the Sun's distance `sun_km` (n,).
    """

    body: Body
    rays: FloatArray
    body_from_camera: FloatArray
    places: FloatArray
    leans: FloatArray
    suns: FloatArray
    sun_km: FloatArray
    pixel_angle: float

    def framelet(self, names: Sequence[str], frame: int) -> dict[str, FloatArray]:
        """Backplanes (lines, samples) float64 by name of one framelet, in the units of `illumination.backplanes`.

        NaN where the ray misses the body, but for the ring radius.
        """
        points, sights = np.empty(self.rays.shape), np.empty(self.rays.shape)
        radii = np.array(self.body.radii_km)
        meet_body(
            self.rays.reshape(-1, 3), self.body_from_camera[frame], self.places[frame], self.leans[frame], radii,
            points.reshape(-1, 3), sights.reshape(-1, 3),
        )  # fmt: skip
        return backplanes(
            names,
            points,
            self.places[frame],
            self.suns[frame],
            self.body,
            sun_distance_km=float(self.sun_km[frame]),
            rays=sights,
            pixel_angle=self.pixel_angle,
        )


def raw_geometry(swath: Swath, body: Body, sun_km: ArrayLike) -> RawGeometry:
    """Make one filter's swath ready for `RawGeometry.framelet`.

    `sun_km` (3,) or (n, 3) are vectors from the body's centre to the Sun in j2000, as seen there at the framelets'
    times. As in the renderer the body stands as it stood when the light left it: one light time a framelet, from the
    disc's middle (`framelets.light_time`). To Jupiter's limb it is up to 0.24 s longer, in which the planet turns by
    4e-5 rad. Stellar aberration by the flight past the body is taken off every ray (`geometry.aberration`).

    Raises StripError where the shapes of the swath do not belong together, UsageError for a Sun of another shape.
    """
    check_swath(swath)
    n, lines, samples = swath.light.shape
    sun = np.asarray(sun_km, dtype=float)
    if sun.shape not in ((3,), (n, 3)):
        raise UsageError(f"the Sun of {n} framelets has the shape {sun.shape}: give one vector, or one a framelet")
    line: FloatArray = swath.binning * (np.arange(lines, dtype=float) + 0.5)
    sample: FloatArray = swath.binning * (np.arange(samples, dtype=float) + 0.5)
    seen = body.body_from_j2000(swath.et - light_time(body, swath.position_km))
    suns = np.einsum("nij,nj->ni", seen, np.broadcast_to(sun, (n, 3)))
    away = np.linalg.norm(suns, axis=-1)
    velocity = np.zeros((n, 3)) if swath.velocity_km_s is None else swath.velocity_km_s
    return RawGeometry(
        body=body,
        rays=swath.camera.ray(swath.band, line[:, None], sample),
        body_from_camera=seen @ np.swapaxes(swath.camera_from_j2000, -1, -2),
        places=np.einsum("nij,nj->ni", seen, swath.position_km),
        leans=np.einsum("nij,nj->ni", seen, velocity) / LIGHT_KM_S,
        suns=suns / away[:, None],
        sun_km=away,
        pixel_angle=PIXEL_ANGLE,
    )


def raw_backplanes(
    names: Sequence[str], swath: Swath, body: Body, sun_km: ArrayLike, *, threads: int | None = None
) -> dict[str, NDArray[np.float32]]:
    """The backplanes `names` (n, lines, samples) of one filter's framelets, as files hold them.

    Computed in float64, given in float32 and the units of `illumination.PLANES` (deg, km, h); NaN where the ray of a
    pixel misses the body, but for the ring radius. `sun_km` is that of `raw_geometry`, whose errors are raised too.
    """
    check_planes(names)
    geometry = raw_geometry(swath, body, sun_km)
    out = {name: np.empty(swath.light.shape, np.float32) for name in names}

    def measure(frame: int) -> None:
        for name, plane in geometry.framelet(names, frame).items():
            out[name][frame] = in_file_units(name, plane)

    run_blocks(measure, range(len(swath.et)), threads)
    return out


@kernel
def meet_body(
    rays: FloatArray,
    body_from_camera: FloatArray,
    place: FloatArray,
    lean: FloatArray,
    radii: FloatArray,
    points: FloatArray,
    sights: FloatArray,
) -> None:
    """Turn unit rays (n, 3) of the camera at `place` (3,) km into the body's frame, and meet the ellipsoid with them.

    From each `lean` (3,) is taken off, v/c of the camera, and with it the aberration. Fills `sights` (n, 3), the unit
    vectors that this leaves, and `points` (n, 3), where they first meet the surface, NaN where they miss.
    """
    m = body_from_camera
    ox, oy, oz = place[0], place[1], place[2]
    ix, iy, iz = 1.0 / radii[0], 1.0 / radii[1], 1.0 / radii[2]
    px, py, pz = ox * ix, oy * iy, oz * iz
    outside = px * px + py * py + pz * pz >= 1.0
    for k in range(len(rays)):
        x, y, z = rays[k, 0], rays[k, 1], rays[k, 2]
        dx = m[0, 0] * x + m[0, 1] * y + m[0, 2] * z - lean[0]
        dy = m[1, 0] * x + m[1, 1] * y + m[1, 2] * z - lean[1]
        dz = m[2, 0] * x + m[2, 1] * y + m[2, 2] * z - lean[2]
        length = math.sqrt(dx * dx + dy * dy + dz * dz)
        dx, dy, dz = dx / length, dy / length, dz / length
        sights[k, 0], sights[k, 1], sights[k, 2] = dx, dy, dz
        ux, uy, uz = dx * ix, dy * iy, dz * iz
        a = 1.0 / (ux * ux + uy * uy + uz * uz)
        b = (px * ux + py * uy + pz * uz) * a
        # the closest approach squared as that of a vector: b^2 - ac cancels for a far observer
        qx, qy, qz = px - b * ux, py - b * uy, pz - b * uz
        inside = (1.0 - qx * qx - qy * qy - qz * qz) * a
        t = -b - math.sqrt(max(inside, 0.0))
        t = t if inside >= 0.0 and t > 0.0 and outside else math.nan
        points[k, 0], points[k, 1], points[k, 2] = ox + t * dx, oy + t * dy, oz + t * dz
