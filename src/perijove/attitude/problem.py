"""The least-squares problem: unknowns, observations, residuals and their analytic Jacobian.

Every unknown rotates the camera, moves it, or moves a pixel's ray in the camera; each is a small vector added to the
ray or to the position, so that one gradient (of the limb equation, or of the projection) serves them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perijove.attitude.limb import Grazing, graze
from perijove.attitude.spin import SpinModel
from perijove.bodies import Body
from perijove.ephemeris.trajectory import Trajectory
from perijove.instrument import Camera, Filter

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

BANDS = (Filter.BLUE, Filter.GREEN, Filter.RED, Filter.METHANE)
SCALARS = ("ra", "dec", "phase", "rate", "twist", "tilt", "interframe")
HAZE, SHIFT, SCALE, STATE, OFFSET = 7, 11, 19, 23, 29
"""Where in the vector of unknowns each group begins."""


@dataclass(frozen=True)
class Unknowns:
    """A point in the space of solutions.

    `spin` the model; `interframe` s, to be added to every image's interframe delay; `offset` (images,) s, start-time
    offsets; `haze_km` (4,) height of the visible limb by band in the order of `BANDS`; `shift` (4, 2) px, correction
    (line, sample) of each filter's optical centre, `scale` (4,) correction of its relative focal length; `state` (6,) km
    and km/s, correction of the trajectory.
    """

    spin: SpinModel
    interframe: float
    offset: FloatArray
    haze_km: FloatArray
    shift: FloatArray
    scale: FloatArray
    state: FloatArray

    def vector(self) -> FloatArray:
        """All unknowns as one vector, in the order of `names`."""
        s = self.spin
        head = [s.ra, s.dec, s.phase, s.rate, s.twist, s.tilt, self.interframe]
        return np.concatenate([head, self.haze_km, self.shift.ravel(), self.scale, self.state, self.offset])

    def moved(self, vector: FloatArray) -> Unknowns:
        """The point that `vector` describes."""
        ra, dec, phase, rate, twist, tilt, interframe = (float(v) for v in vector[:7])
        spin = replace(self.spin, ra=ra, dec=dec, phase=phase, rate=rate, twist=twist, tilt=tilt)
        return Unknowns(
            spin,
            interframe,
            offset=vector[OFFSET:],
            haze_km=vector[HAZE:SHIFT],
            shift=vector[SHIFT:SCALE].reshape(4, 2),
            scale=vector[SCALE:STATE],
            state=vector[STATE:OFFSET],
        )

    def names(self) -> list[str]:
        """A name for each element of the vector."""
        return [
            *SCALARS,
            *(f"haze_{b.lower()}" for b in BANDS),
            *(f"{axis}_{b.lower()}" for b in BANDS for axis in ("line", "sample")),
            *(f"scale_{b.lower()}" for b in BANDS),
            *("x", "y", "z", "vx", "vy", "vz"),
            *(f"offset_{k}" for k in range(len(self.offset))),
        ]


@dataclass(frozen=True)
class Pixels:
    """Where something was seen: n pixels with their image, frame, band index, continuous line and sample.

    `et` (n,) is the time by the label; `ray` (n, 3) the camera-frame vector by the camera without shifts, `by_line`
    and `by_sample` (n, 3) its derivatives per pixel.
    """

    image: IntArray
    frame: IntArray
    band: IntArray
    line: FloatArray
    sample: FloatArray
    et: FloatArray
    ray: FloatArray
    by_line: FloatArray
    by_sample: FloatArray

    def __len__(self) -> int:
        return len(self.image)

    def take(self, which: NDArray[np.bool_] | IntArray) -> Pixels:
        """The pixels that a mask or an index selects."""
        return Pixels(*(getattr(self, name)[which] for name in self.__dataclass_fields__))


def pixels(
    camera: Camera, image: IntArray, frame: IntArray, band: IntArray, line: FloatArray, sample: FloatArray, et: FloatArray
) -> Pixels:
    """Pixels with their rays and the rays' derivatives (central differences over half a pixel)."""
    rays = np.empty((5, len(line), 3))
    for index, name in enumerate(BANDS):
        mine = band == index
        for k, (dl, ds) in enumerate(((0.0, 0.0), (0.25, 0.0), (-0.25, 0.0), (0.0, 0.25), (0.0, -0.25))):
            rays[k, mine] = camera.ray(name, line[mine] + dl, sample[mine] + ds)
    return Pixels(
        image, frame, band, line, sample, et, rays[0], (rays[1] - rays[2]) / 0.5, (rays[3] - rays[4]) / 0.5
    )


def join(parts: Sequence[Pixels]) -> Pixels:
    """Several sets of pixels as one."""
    return Pixels(*(np.concatenate([getattr(p, name) for p in parts]) for name in Pixels.__dataclass_fields__))


@dataclass(frozen=True)
class Sight:
    """Pixels seen with one set of unknowns: rays and positions in the body-fixed frame, and how they move.

    `direction`, `position` (n, 3); `turn` (n, 3, m) change of the direction per unit of each unknown, `move` (n, 3, m)
    of the position; `by_line`, `by_sample` (n, 3) change of the direction per pixel; `camera_from_body` (n, 3, 3).
    """

    direction: FloatArray
    position: FloatArray
    turn: FloatArray
    move: FloatArray
    by_line: FloatArray
    by_sample: FloatArray
    camera_from_body: FloatArray


def look(p: Pixels, at: Unknowns, trajectory: Trajectory, body: Body) -> Sight:
    """Rays of the pixels `p` in the body-fixed frame, with derivatives with respect to every unknown."""
    spin = at.spin
    et = p.et + at.offset[p.image] + p.frame * at.interframe
    shift = at.shift[p.band]
    # a longer focal length lengthens the ray along the boresight
    ahead = p.ray[:, 2:] * np.array([0.0, 0.0, 1.0])
    ray = p.ray - p.by_line * shift[:, :1] - p.by_sample * shift[:, 1:] + ahead * at.scale[p.band][:, None]
    camera = spin.camera_from_j2000(et)
    body_from_j2000 = body.body_from_j2000(et)
    back = body_from_j2000 @ np.swapaxes(camera, -1, -2)

    def turned(m: FloatArray, v: FloatArray) -> FloatArray:
        return np.einsum("nij,nj->ni", m, v)

    direction = turned(back, ray)
    elapsed = et - trajectory.reference_et
    velocity_j = trajectory.velocity(et) + at.state[3:]
    position = turned(body_from_j2000, trajectory.position(et) + at.state[:3] + elapsed[:, None] * at.state[3:])
    velocity = turned(body_from_j2000, velocity_j)

    count = len(at.vector())
    turn, move = np.zeros((len(p), 3, count)), np.zeros((len(p), 3, count))
    north = np.array([0.0, 0.0, 1.0])
    node = np.array([-np.sin(spin.ra), np.cos(spin.ra), 0.0])
    about_pole = np.cross(body_from_j2000 @ spin.axis, direction)
    cos_tilt, sin_tilt = np.cos(spin.tilt), np.sin(spin.tilt)
    # the body turns under the ray and under the camera as time goes on
    drift = np.array([0.0, 0.0, -body.spin_rate])
    by_time = spin.rate * about_pole + np.cross(drift, direction)
    fly = velocity + np.cross(drift, position)
    turn[:, :, 0] = np.cross(body_from_j2000 @ north, direction)
    turn[:, :, 1] = np.cross(body_from_j2000 @ -node, direction)
    turn[:, :, 2] = about_pole
    turn[:, :, 3] = about_pole * (et - spin.epoch)[:, None]
    turn[:, :, 4] = np.cross(back @ np.array([-sin_tilt, 0.0, cos_tilt]), direction)
    turn[:, :, 5] = np.cross(back @ np.array([0.0, 1.0, 0.0]), direction)
    turn[:, :, 6] = by_time * p.frame[:, None]
    move[:, :, 6] = fly * p.frame[:, None]
    rows = np.arange(len(p))
    by_line, by_sample = turned(back, p.by_line), turned(back, p.by_sample)
    turn[rows, :, SHIFT + 2 * p.band] = -by_line
    turn[rows, :, SHIFT + 1 + 2 * p.band] = -by_sample
    turn[rows, :, SCALE + p.band] = turned(back, ahead)
    move[:, :, STATE : STATE + 3] = body_from_j2000
    move[:, :, STATE + 3 : OFFSET] = body_from_j2000 * elapsed[:, None, None]
    turn[rows, :, OFFSET + p.image] = by_time
    move[rows, :, OFFSET + p.image] = fly
    return Sight(direction, position, turn, move, by_line, by_sample, np.swapaxes(back, -1, -2))


@dataclass(frozen=True)
class LimbResiduals:
    """Signed distances of limb points outside the modelled limb in px (n,), their Jacobian (n, m), and the geometry."""

    px: FloatArray
    jacobian: FloatArray
    grazing: Grazing


def limb_residuals(p: Pixels, at: Unknowns, trajectory: Trajectory, body: Body) -> LimbResiduals:
    """How far, in pixels along the limb's normal, each point lies outside the limb that the unknowns predict."""
    sight = look(p, at, trajectory, body)
    g = graze(sight.position, sight.direction, body.radii_km)
    gradient = np.hypot(
        np.sum(g.by_direction * sight.by_line, axis=-1), np.sum(g.by_direction * sight.by_sample, axis=-1)
    )
    value = (g.height - at.haze_km[p.band] * g.per_km) / gradient
    jacobian = np.einsum("ni,nim->nm", g.by_direction, sight.turn) + np.einsum("ni,nim->nm", g.by_position, sight.move)
    jacobian[np.arange(len(p)), HAZE + p.band] -= g.per_km
    return LimbResiduals(value, jacobian / gradient[:, None], g)
