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
from perijove.bodies import LIGHT_KM_S, Body
from perijove.ephemeris.trajectory import Trajectory
from perijove.geometry.aberration import apparent, geometric
from perijove.instrument import Camera, Filter

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

BANDS = (Filter.BLUE, Filter.GREEN, Filter.RED, Filter.METHANE)
SCALARS = ("ra", "dec", "phase", "rate", "twist", "tilt", "interframe")
SHAPES = 14
"""Degrees of the haze's change with latitude that are solved for."""
HAZE, GRAZING, SHAPE = 7, 11, 15
SHIFT = SHAPE + SHAPES
SCALE, STATE, OFFSET = SHIFT + 8, SHIFT + 12, SHIFT + 18
"""Where in the vector of unknowns each group begins."""


@dataclass(frozen=True)
class Unknowns:
    """A point in the space of solutions.

    `spin` the model; `interframe` s, to be added to every image's interframe delay; `offset` (images,) s, start-time
    offsets; `haze_km` (4,) height of the limb, as it was measured (the ground's, or that of half the light), by band in
    the order of `BANDS`, `grazing_km` (4,) how much higher it stands where the Sun only grazes it (see
    `grazing_light`), `shape_km` (`SHAPES`,) how it changes with latitude (see `haze_shapes`); `shift` (4, 2) px,
    correction (line, sample) of each filter's optical centre, `scale` (4,) of its relative focal length; `state` (6,)
    km and km/s, of the trajectory.
    """

    spin: SpinModel
    interframe: float
    offset: FloatArray
    haze_km: FloatArray
    grazing_km: FloatArray
    shape_km: FloatArray
    shift: FloatArray
    scale: FloatArray
    state: FloatArray

    def vector(self) -> FloatArray:
        """All unknowns as one vector, in the order of `names`."""
        s = self.spin
        head = [s.ra, s.dec, s.phase, s.rate, s.twist, s.tilt, self.interframe]
        haze = [*self.haze_km, *self.grazing_km, *self.shape_km]
        return np.concatenate([head, haze, self.shift.ravel(), self.scale, self.state, self.offset])

    def moved(self, vector: FloatArray) -> Unknowns:
        """The point that `vector` describes."""
        ra, dec, phase, rate, twist, tilt, interframe = (float(v) for v in vector[:7])
        spin = replace(self.spin, ra=ra, dec=dec, phase=phase, rate=rate, twist=twist, tilt=tilt)
        return Unknowns(
            spin,
            interframe,
            offset=vector[OFFSET:],
            haze_km=vector[HAZE:GRAZING],
            grazing_km=vector[GRAZING:SHAPE],
            shape_km=vector[SHAPE:SHIFT],
            shift=vector[SHIFT:SCALE].reshape(4, 2),
            scale=vector[SCALE:STATE],
            state=vector[STATE:OFFSET],
        )

    def names(self) -> list[str]:
        """A name for each element of the vector."""
        return [
            *SCALARS,
            *(f"haze_{b.lower()}" for b in BANDS),
            *(f"grazing_{b.lower()}" for b in BANDS),
            *(f"haze_p{k + 1}" for k in range(SHAPES)),
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
    camera: Camera,
    image: IntArray,
    frame: IntArray,
    band: IntArray,
    line: FloatArray,
    sample: FloatArray,
    et: FloatArray,
) -> Pixels:
    """Pixels with their rays and the rays' derivatives (central differences over half a pixel)."""
    rays = np.empty((5, len(line), 3))
    for index, name in enumerate(BANDS):
        mine = band == index
        for k, (dl, ds) in enumerate(((0.0, 0.0), (0.25, 0.0), (-0.25, 0.0), (0.0, 0.25), (0.0, -0.25))):
            rays[k, mine] = camera.ray(name, line[mine] + dl, sample[mine] + ds)
    return Pixels(image, frame, band, line, sample, et, rays[0], (rays[1] - rays[2]) / 0.5, (rays[3] - rays[4]) / 0.5)


def join(parts: Sequence[Pixels]) -> Pixels:
    """Several sets of pixels as one."""
    return Pixels(*(np.concatenate([getattr(p, name) for p in parts]) for name in Pixels.__dataclass_fields__))


@dataclass(frozen=True)
class Sight:
    """Pixels seen with one set of unknowns: rays and positions in the body-fixed frame, and how they move.

    `direction`, `position` (n, 3); `turn` (n, 3, m) change of the direction per unit of each unknown, `move` (n, 3, m)
    of the position; `by_line`, `by_sample` (n, 3) change of the direction per pixel.
    """

    direction: FloatArray
    position: FloatArray
    turn: FloatArray
    move: FloatArray
    by_line: FloatArray
    by_sample: FloatArray


def first_point(spin: SpinModel, images: int) -> Unknowns:
    """Unknowns with a spin model and no correction to anything else."""
    return Unknowns(
        spin=spin,
        interframe=0.0,
        offset=np.zeros(images),
        haze_km=np.zeros(4),
        grazing_km=np.zeros(4),
        shape_km=np.zeros(SHAPES),
        shift=np.zeros((4, 2)),
        scale=np.zeros(4),
        state=np.zeros(6),
    )


def seen_at(p: Pixels, at: Unknowns) -> FloatArray:
    """ET (n,) at which the pixels were exposed."""
    et: FloatArray = p.et + at.offset[p.image] + p.frame * at.interframe
    return et


def rays_by_scale(p: Pixels) -> FloatArray:
    """Change (n, 3) of camera-frame rays per unit of scale: a longer focal length lengthens them ahead."""
    out: FloatArray = p.ray[:, 2:] * np.array([0.0, 0.0, 1.0])
    return out


def corrected_rays(p: Pixels, at: Unknowns) -> FloatArray:
    """Camera-frame rays (n, 3) with shifts and scales applied."""
    shift, scale = at.shift[p.band], at.scale[p.band][:, None]
    return p.ray - p.by_line * shift[:, :1] - p.by_sample * shift[:, 1:] + rays_by_scale(p) * scale


@dataclass(frozen=True)
class Rays:
    """Pixels' rays in the body-fixed frame without derivatives: `direction` (its aberration undone), `position` (n, 3)
    and the rotations `body_from_j2000` and `body_from_camera` (n, 3, 3), `et` (n,)."""

    et: FloatArray
    direction: FloatArray
    position: FloatArray
    body_from_j2000: FloatArray
    body_from_camera: FloatArray


def corrected_position(et: FloatArray, at: Unknowns, trajectory: Trajectory) -> FloatArray:
    """Spacecraft (n, 3) km in j2000 at ET (n,) with the solution's correction of the trajectory."""
    elapsed = (et - trajectory.reference_et)[:, None]
    out: FloatArray = trajectory.position(et) + at.state[:3] + elapsed * at.state[3:]
    return out


def corrected_velocity(et: FloatArray, at: Unknowns, trajectory: Trajectory) -> FloatArray:
    """Velocity (n, 3) km/s in j2000 at ET (n,) with the solution's correction of the trajectory."""
    out: FloatArray = trajectory.velocity(et) + at.state[3:]
    return out


def cast(p: Pixels, at: Unknowns, trajectory: Trajectory, body: Body) -> Rays:
    """Rays of the pixels `p` in the body-fixed frame.

    Light time is left out: over an image it turns the ground alike, below 0.1 px, which the pointing takes up.
    """
    et = seen_at(p, at)
    body_from_j2000 = body.body_from_j2000(et)
    back = body_from_j2000 @ np.swapaxes(at.spin.camera_from_j2000(et), -1, -2)
    place = turned(body_from_j2000, corrected_position(et, at, trajectory))
    velocity = turned(body_from_j2000, corrected_velocity(et, at, trajectory))
    return Rays(et, geometric(turned(back, corrected_rays(p, at)), velocity), place, body_from_j2000, back)


def turned(m: FloatArray, v: FloatArray) -> FloatArray:
    """Vectors v (n, 3) turned by matrices m (n, 3, 3)."""
    out: FloatArray = (m @ v[..., None])[..., 0]
    return out


def look(p: Pixels, at: Unknowns, trajectory: Trajectory, body: Body) -> Sight:
    """Rays of the pixels `p` in the body-fixed frame, with derivatives with respect to every unknown."""
    return differentiate(cast(p, at, trajectory, body), p, at, trajectory, body)


def differentiate(rays: Rays, p: Pixels, at: Unknowns, trajectory: Trajectory, body: Body) -> Sight:
    """Rays that `cast` made of the pixels `p`, with derivatives with respect to every unknown."""
    spin = at.spin
    direction, position = rays.direction, rays.position
    back, body_from_j2000 = rays.body_from_camera, rays.body_from_j2000
    elapsed = rays.et - trajectory.reference_et
    velocity = turned(body_from_j2000, corrected_velocity(rays.et, at, trajectory))
    count = len(at.vector())
    turn, move = np.zeros((len(p), 3, count)), np.zeros((len(p), 3, count))
    node = np.array([-np.sin(spin.ra), np.cos(spin.ra), 0.0])
    # the camera turns what it sees, aberration and all
    seen = apparent(direction, velocity)
    about_pole = np.cross(body_from_j2000 @ spin.axis, seen)
    # the body turns under the ray and under the camera as time goes on
    drift = np.array([0.0, 0.0, -body.spin_rate])
    by_time = spin.rate * about_pole + np.cross(drift, direction)
    leant = body_from_j2000 * (np.linalg.norm(direction, axis=-1) / -LIGHT_KM_S)[:, None, None]
    fly = velocity + np.cross(drift, position)
    turn[:, :, 0] = np.cross(body_from_j2000[:, :, 2], seen)
    turn[:, :, 1] = np.cross(body_from_j2000 @ -node, seen)
    turn[:, :, 2] = about_pole
    turn[:, :, 3] = about_pole * (rays.et - spin.epoch)[:, None]
    turn[:, :, 4] = np.cross(back @ np.array([-np.sin(spin.tilt), 0.0, np.cos(spin.tilt)]), seen)
    turn[:, :, 5] = np.cross(back[:, :, 1], seen)
    turn[:, :, 6] = by_time * p.frame[:, None]
    move[:, :, 6] = fly * p.frame[:, None]
    rows = np.arange(len(p))
    by_line, by_sample = turned(back, p.by_line), turned(back, p.by_sample)
    turn[rows, :, SHIFT + 2 * p.band] = -by_line
    turn[rows, :, SHIFT + 1 + 2 * p.band] = -by_sample
    turn[rows, :, SCALE + p.band] = turned(back, rays_by_scale(p))
    move[:, :, STATE : STATE + 3] = body_from_j2000
    turn[:, :, STATE + 3 : OFFSET] = leant
    move[:, :, STATE + 3 : OFFSET] = body_from_j2000 * elapsed[:, None, None]
    turn[rows, :, OFFSET + p.image] = by_time
    move[rows, :, OFFSET + p.image] = fly
    return Sight(direction, position, turn, move, by_line, by_sample)


@dataclass(frozen=True)
class LimbResiduals:
    """Signed distances of limb points outside the modelled limb in px (n,), their Jacobian (n, m) if it was asked for,
    the geometry, and the cosine of incidence (n,) at the limb."""

    px: FloatArray
    jacobian: FloatArray | None
    grazing: Grazing
    cos_incidence: FloatArray


def grazing_light(cos_incidence: FloatArray) -> FloatArray:
    """Shape of the rise of the limb towards the terminator: 0 under an overhead Sun, 1 at the terminator."""
    out: FloatArray = (1.0 - np.clip(cos_incidence, 0.0, 1.0)) ** 2
    return out


def haze_shapes(latitude: FloatArray) -> FloatArray:
    """Legendre polynomials (n, `SHAPES`) of degree 1 and up of the sine of latitude (n,), rad, but for the mean that
    `haze_km` has: how the limb may change from pole to pole, belt and zone by belt and zone."""
    return np.asarray(np.polynomial.legendre.legvander(np.sin(latitude), SHAPES)[:, 1:], dtype=float)


def haze_height(at: Unknowns, band: IntArray | int, cos_incidence: FloatArray, latitude: FloatArray) -> FloatArray:
    """Height (n,) km of the limb above the ellipsoid, by band index, cosine of incidence and latitude (rad)."""
    out: FloatArray = at.haze_km[band] + at.grazing_km[band] * grazing_light(cos_incidence)
    return out + haze_shapes(latitude) @ at.shape_km


def limb_residuals(
    p: Pixels, at: Unknowns, trajectory: Trajectory, body: Body, sun: FloatArray, *, jacobian: bool = True
) -> LimbResiduals:
    """How far, in pixels along the limb's normal, each point lies outside the limb that the unknowns predict.

    `sun` (3,) is the unit vector from the body to the Sun in j2000.
    """
    rays = cast(p, at, trajectory, body)
    g = graze(rays.position, rays.direction, body.radii_km)
    back = rays.body_from_camera
    gradient = np.hypot(
        np.sum(g.by_direction * turned(back, p.by_line), axis=-1),
        np.sum(g.by_direction * turned(back, p.by_sample), axis=-1),
    )
    cos_incidence = np.sum(g.normal * (rays.body_from_j2000 @ sun), axis=-1)
    value = (g.height - haze_height(at, p.band, cos_incidence, g.latitude) * g.per_km) / gradient
    if not jacobian:
        return LimbResiduals(value, None, g, cos_incidence)
    sight = differentiate(rays, p, at, trajectory, body)
    change = (g.by_direction[:, None, :] @ sight.turn + g.by_position[:, None, :] @ sight.move)[:, 0]
    change[np.arange(len(p)), HAZE + p.band] -= g.per_km
    change[np.arange(len(p)), GRAZING + p.band] -= g.per_km * grazing_light(cos_incidence)
    change[:, SHAPE:SHIFT] -= g.per_km[:, None] * haze_shapes(g.latitude)
    return LimbResiduals(value, change / gradient[:, None], g, cos_incidence)
