"""A world of the tests' own: a textured Jupiter or Ganymede, a spinning camera and a flight past it.

Spin, attitude, time, flight, light and the meeting of rays with the ground are written here anew; shared with the
package are only the camera's constants, the body's rotation and the plain records that the solver is given.
"""

from __future__ import annotations

import runpy
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, maximum_filter, minimum_filter
from scipy.spatial.transform import Rotation

from perijove.attitude.crossing import CrossTies
from perijove.attitude.exposure import Exposure
from perijove.attitude.pointing import Pointing
from perijove.attitude.problem import BANDS, Pixels, Unknowns, first_point, pixels
from perijove.attitude.spin import SpinModel
from perijove.bodies import GANYMEDE, JUPITER, LIGHT_KM_S, Body
from perijove.ephemeris.trajectory import Trajectory
from perijove.instrument import MOUNTING_TILT, MOUNTING_TWIST, Camera, Filter, camera_from_spacecraft

FloatArray = NDArray[np.float64]

veiled = runpy.run_path(str(Path(__file__).parents[1] / "haze.py"))["veiled"]

LINES, SAMPLES = 128, 1648
DELAY_S = 0.372
COLOURS = (Filter.BLUE, Filter.GREEN, Filter.RED)


def unit(v: FloatArray) -> FloatArray:
    out: FloatArray = v / np.linalg.norm(v, axis=-1, keepdims=True)
    return out


@dataclass(frozen=True)
class World:
    """Truth. `axis`, `sun`, `earth` are unit vectors in j2000; `start` (3,) km is the place at `et0`."""

    et0: float
    period_s: float
    axis: FloatArray
    sun: FloatArray
    earth: FloatArray
    start: FloatArray
    velocity: FloatArray
    turn0: float
    # the mounting is known to about so much
    twist: float = MOUNTING_TWIST + 1e-4
    tilt: float = MOUNTING_TILT - 2e-4
    camera: Camera = field(default_factory=Camera.measured)
    blur_px: float = 0.75
    body: Body = JUPITER
    bend: FloatArray = field(default_factory=lambda: np.zeros(3))
    """Acceleration, km/s^2."""
    shade: Callable[[FloatArray, FloatArray, FloatArray], FloatArray] = field(default_factory=lambda: cloudy)
    """Light by place on the unit sphere, cosine of incidence and of emission."""

    @property
    def radii(self) -> FloatArray:
        return np.array(self.body.radii_km)

    def position(self, et: FloatArray | float) -> FloatArray:
        t = (np.asarray(et, dtype=float) - self.et0)[..., None]
        return self.start + t * self.velocity + 0.5 * t * t * self.bend

    def trajectory(self, error: FloatArray | None = None, sigma: tuple[float, float] = (2.0, 1e-3)) -> Trajectory:
        """The flight, off by `error` (6,) km and km/s at `et0`, with errors that are said to be `sigma`."""
        off = np.zeros(6) if error is None else error
        elapsed = np.linspace(-3600.0, 3600.0, 25 if not self.bend.any() else 721)
        et = self.et0 + elapsed
        covariance = np.diag(np.repeat(sigma, 3)) ** 2
        velocity = self.velocity + elapsed[:, None] * self.bend + off[3:]
        position = self.position(et) + off[:3] + elapsed[:, None] * off[3:]
        return Trajectory(self.body.name, "synthetic", et, position, velocity, self.et0, covariance)

    def j2000_from_camera(self, et: float) -> FloatArray:
        """The spacecraft's +Z is the spin axis; the mounting stands off by twist and tilt."""
        x = unit(np.cross([0.0, 0.0, 1.0], self.axis))
        rest = np.stack([x, np.cross(self.axis, x), self.axis], axis=1)
        turned = Rotation.from_rotvec(self.axis * (self.turn0 + 2 * np.pi / self.period_s * (et - self.et0)))
        # turning the axes by an angle turns vectors by its opposite
        twist = Rotation.from_rotvec([0.0, 0.0, -self.twist])
        tilt = Rotation.from_rotvec([0.0, -self.tilt, 0.0])
        camera_from_sc = (tilt * twist).as_matrix() @ camera_from_spacecraft()
        out: FloatArray = turned.as_matrix() @ rest @ camera_from_sc.T
        return out

    def rays(self, band: Filter, et: float, line: FloatArray, sample: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Body-fixed directions (n, 3) from which pixels' light comes and the place (3,) they are seen from."""
        to_body = self.body.body_from_j2000(et)
        directions = self.camera.ray(band, line, sample) @ (to_body @ self.j2000_from_camera(et)).T
        return directions - to_body @ self.lean(et), to_body @ self.position(et)

    def lean(self, et: float) -> FloatArray:
        """v/c (3,) in j2000: light seems to come from nearer to where the camera flies by so much."""
        out: FloatArray = (self.velocity + (et - self.et0) * self.bend) / LIGHT_KM_S
        return out

    def seen(self, ground: FloatArray, et: float) -> FloatArray:
        """Vectors (n, 3) in j2000 along which body-fixed places (n, 3) are seen."""
        looks = ground @ self.body.body_from_j2000(et) - self.position(et)
        return looks + np.linalg.norm(looks, axis=-1, keepdims=True) * self.lean(et)

    def pixel(self, band: Filter, ground: FloatArray, et: float) -> FloatArray:
        """Pixels (n, 2) in which body-fixed places (n, 3) are seen."""
        return self.camera.pixel(band, self.seen(ground, et) @ self.j2000_from_camera(et))

    def ground(self, band: Filter, et: float, line: FloatArray, sample: FloatArray) -> FloatArray:
        """Body-fixed points (n, 3) that pixels see; NaN beside the body."""
        return meet(*self.rays(band, et, line, sample), self.radii)

    def light(self, band: Filter, et: float, line: FloatArray, sample: FloatArray) -> FloatArray:
        """Light (n,) of rays: albedo times the cosine of incidence, under a haze and beside it; 0 for the sky."""
        directions, place = self.rays(band, et, line, sample)
        ground = meet(directions, place, self.radii)
        on = np.isfinite(ground[:, 0])
        point = ground[on]
        normal = unit(point / self.radii**2)
        to_body = self.body.body_from_j2000(et)
        height = normal @ (to_body @ self.sun)
        emission = np.sum(normal * unit(to_body @ self.position(et) - point), axis=-1)
        out = np.zeros(len(ground))
        out[on] = self.shade(point / self.radii, height, emission)
        return veiled(out, ground, directions, place, self.radii, to_body @ self.sun) if self.body.atmosphere else out

    def framelet(self, band: Filter, et: float, binning: int = 1) -> NDArray[np.float32]:
        """One framelet without noise: single rays inside the disc, a 3 x 3 mean a pixel at its edge, then the optics'
        blur, then the summing."""
        pad, cell = 4, 8
        line, sample = np.mgrid[-pad : LINES + pad, 0:SAMPLES] + 0.5
        out, disc = np.zeros(line.shape), np.zeros(line.shape)
        coarse = self.ground(band, et, line[::cell, ::cell].ravel(), sample[::cell, ::cell].ravel())
        hit = np.isfinite(coarse[:, 0]).reshape(line[::cell, ::cell].shape)
        # a cell is drawn where it or a neighbour meets the body
        box = np.nonzero(maximum_filter(hit, 3).repeat(cell, axis=0).repeat(cell, axis=1))
        if len(box[0]):
            disc[box] = np.isfinite(self.ground(band, et, line[box], sample[box])[:, 0])
            out[box] = self.light(band, et, line[box], sample[box])
            edge = np.nonzero(maximum_filter(disc, 5) != minimum_filter(disc, 5))
            third = (-1 / 3, 0.0, 1 / 3)
            nine = [self.light(band, et, line[edge] + a, sample[edge] + b) for a in third for b in third]
            out[edge] = np.mean(nine, axis=0)
            out = gaussian_filter(out, self.blur_px)
        out = out[pad:-pad].reshape(LINES // binning, binning, SAMPLES // binning, binning)
        return out.mean(axis=(1, 3)).astype(np.float32)

    def expose(
        self,
        name: str,
        label_start: float,
        frames: int,
        offset_s: float,
        *,
        binning: int = 1,
        bands: tuple[Filter, ...] = COLOURS,
        noise: float = 0.004,
    ) -> Exposure:
        """A strip whose label's times are early by `offset_s`."""
        rng = np.random.default_rng(frames)
        label = label_start + DELAY_S * np.arange(frames)
        light = {}
        for band in bands:
            stack = np.stack([self.framelet(band, et + offset_s, binning) for et in label])
            stack += rng.normal(0.0, noise, stack.shape).astype(np.float32)
            stack[..., : 24 // binning] = np.nan
            stack[..., 1630 // binning :] = np.nan
            light[band] = stack
        return Exposure(name, light, label, binning)

    def spin_model(self, epoch: float) -> SpinModel:
        """The true attitude in the package's terms, by its definition: the phase counts from the axis' node."""
        dec, ra = np.arcsin(self.axis[2]), np.arctan2(self.axis[1], self.axis[0])
        mounting = camera_from_spacecraft()
        twist = Rotation.from_rotvec([0.0, 0.0, -self.twist])
        tilt = Rotation.from_rotvec([0.0, -self.tilt, 0.0])
        camera_from_sc = (tilt * twist).as_matrix() @ mounting
        x = self.j2000_from_camera(epoch) @ camera_from_sc[:, 0]
        node = np.array([-np.sin(ra), np.cos(ra), 0.0])
        phase = np.arctan2(x @ np.cross(self.axis, node), x @ node)
        return SpinModel(float(ra), float(dec), float(phase), epoch, 2 * np.pi / self.period_s, self.twist, self.tilt)

    def unknowns(self, images: int = 1) -> Unknowns:
        return first_point(self.spin_model(self.et0), images)

    def limb_pixels(self, start: float, frames: int, bands: tuple[Filter, ...] = COLOURS, count: int = 2000) -> Pixels:
        """Pixels that see the sunlit limb of the bare ellipsoid, as image 0, with true times."""
        rows = []
        for k, band in enumerate((Filter.BLUE, Filter.GREEN, Filter.RED, Filter.METHANE)):
            if band not in bands:
                continue
            for frame in range(frames):
                et = start + DELAY_S * frame
                to_body = self.body.body_from_j2000(et)
                place = to_body @ self.position(et)
                # the tangent points of the unit sphere seen from the scaled place
                c = place / self.radii
                d = np.linalg.norm(c)
                e1 = unit(np.cross(c, [0.3, -0.5, 0.8]))
                e2 = np.cross(c / d, e1)
                turn = np.linspace(0, 2 * np.pi, count, endpoint=False)[:, None]
                scaled = c / d**2 + np.sqrt(1 - 1 / d**2) * (np.cos(turn) * e1 + np.sin(turn) * e2)
                lit = scaled / self.radii @ (to_body @ self.sun) > 0.05 / self.radii[0]
                at = self.pixel(band, scaled[lit] * self.radii, et)
                with np.errstate(invalid="ignore"):
                    inside = (at[:, 0] > 2) & (at[:, 0] < 126) & (at[:, 1] > 30) & (at[:, 1] < 1620)
                rows += [(frame, k, line, sample, et) for line, sample in at[inside]]
        table = np.array(rows)
        frame, band_index = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)
        image = np.zeros(len(table), np.int64)
        return pixels(self.camera, image, frame, band_index, table[:, 2], table[:, 3], table[:, 4])

    def pointing_error(self, exposure: Exposure, offset_s: float, pointing: Pointing) -> FloatArray:
        """Where the solved camera sees the ground that pixels truly see, minus those pixels: (n, 2) px."""
        line, sample = (a.ravel() for a in np.meshgrid(np.linspace(4, 124, 5), np.linspace(40, 1610, 40)))
        errors = []
        for band, light in exposure.light.items():
            for frame in range(len(light)):
                ground = self.ground(band, float(exposure.et[frame]) + offset_s, line, sample)
                seen = np.isfinite(ground[:, 0])
                solved = float(pointing.et[frame])
                place = pointing.position_km[frame]
                looks = ground[seen] @ self.body.body_from_j2000(solved) - place
                looks += np.linalg.norm(looks, axis=-1, keepdims=True) * self.lean(solved)
                at = pointing.camera.pixel(band, looks @ pointing.spin.camera_from_j2000(solved).T)
                errors.append(at - np.stack([line, sample], axis=-1)[seen])
        return np.concatenate(errors)


def meet(direction: FloatArray, place: FloatArray, radii: FloatArray) -> FloatArray:
    """Nearest points (n, 3) where rays from a place (3,) meet the ellipsoid; NaN where they miss."""
    d, o = direction / radii, place / radii
    a, b, c = np.sum(d * d, axis=-1), d @ o, o @ o - 1
    root = b * b - a * c
    t = np.where((root > 0) & (b < 0), -b - np.sqrt(np.maximum(root, 0.0)), np.nan) / a
    out: FloatArray = (o + t[:, None] * d) * radii
    return out


_RNG = np.random.default_rng(7)
# wavelengths of about 12 to 50 native pixels at 190,000 km
WAVES = unit(_RNG.normal(size=(12, 3))) * _RNG.uniform(100.0, 420.0, 12)[:, None]
WAVE_PHASES = _RNG.uniform(0.0, 2 * np.pi, 12)


def clouds(scaled: FloatArray) -> FloatArray:
    """Texture about 0 that turns with the body: many waves in many directions."""
    out: FloatArray = 0.1 * np.cos((scaled @ WAVES.T + WAVE_PHASES).astype(np.float32)).sum(axis=-1).astype(float)
    return out


def cloudy(scaled: FloatArray, height: FloatArray, emission: FloatArray) -> FloatArray:
    """Jupiter: clouds fade towards the limb, as they do under haze."""
    out: FloatArray = (1.0 + emission * clouds(scaled)) * np.maximum(height, 0.0)
    return out


# wavelengths of about 16 to 130 km on Ganymede
FACETS = unit(_RNG.normal(size=(24, 3))) * _RNG.uniform(130.0, 1000.0, 24)[:, None]
FACET_PHASES = _RNG.uniform(0.0, 2 * np.pi, 24)


def rocky(scaled: FloatArray, height: FloatArray, emission: FloatArray) -> FloatArray:
    """Ganymede: bright and dark terrain with sharp edges, as strong at the limb as elsewhere (Lommel-Seeliger)."""
    waves = np.cos((scaled @ FACETS.T + FACET_PHASES).astype(np.float32))
    albedo = 1.0 + 0.35 * np.sign(waves[:, :8].sum(axis=-1)) + 0.04 * waves[:, 8:].sum(axis=-1)
    sun = np.maximum(height, 0.0)
    out: FloatArray = albedo * 2.0 * sun / (sun + np.maximum(emission, 1e-3))
    return out


def make_world() -> World:
    """190,000 km from Jupiter, axis 25 deg from the Sun (and the Earth) and 78 deg from the body."""
    et0 = 7.14e8
    out = unit(np.array([0.55, -0.70, -0.46]))
    side = unit(np.cross(out, [0.2, 0.3, 0.9]))
    up = np.cross(out, side)
    axis = np.cos(np.radians(78.0)) * out + np.sin(np.radians(78.0)) * side
    # the Sun stands 25 deg from the axis, on the side of the spacecraft
    towards = unit(out - (out @ axis) * axis)
    sun = np.cos(np.radians(25.0)) * axis + np.sin(np.radians(25.0)) * unit(0.8 * towards + 0.6 * up)
    earth = unit(sun + 0.08 * up)
    velocity = 30.0 * unit(0.7 * up - 0.5 * out)
    world = World(et0, 30.42, axis, sun, earth, 190000.0 * out, velocity, 0.0)
    # the camera meets the middle of the disc 3.7 s after et0
    return turned_to(world, -out, 3.7)


def turned_to(world: World, target: FloatArray, after_s: float) -> World:
    """The world with the camera turned so that it sweeps over the direction `target` (3,) at `after_s` after et0."""
    axis = world.axis
    boresight = world.j2000_from_camera(world.et0)[:, 2]
    flat = unit(boresight - (boresight @ axis) * axis)
    goal = unit(target - (target @ axis) * axis)
    angle = np.arctan2(np.cross(flat, goal) @ axis, flat @ goal)
    return replace(world, turn0=float(angle - 2 * np.pi / world.period_s * after_s))


GANYMEDE_START_ET = 676357153.185
"""2021-06-07T16:58:04 UTC."""
GANYMEDE_STATE = (958.34, 2453.28, 3331.86, -13.34691, 9.47264, 8.73664)
"""Juno's place and velocity relative to Ganymede then, km and km/s in j2000."""


def make_ganymede() -> World:
    """Juno past Ganymede at perijove 34: 1620 km above the ground, axis 5.6 deg from the Earth."""
    et0 = GANYMEDE_START_ET
    start, velocity = np.array(GANYMEDE_STATE[:3]), np.array(GANYMEDE_STATE[3:])
    bend = -GANYMEDE.gm * start / np.linalg.norm(start) ** 3
    sun, earth = unit(np.array((-0.770138, 0.579266, 0.267093))), unit(np.array((-0.879142, 0.430719, 0.203938)))
    side = unit(np.cross(earth, [0.0, 0.0, 1.0]))
    axis = np.cos(np.radians(5.6)) * earth + np.sin(np.radians(5.6)) * side
    world = World(
        et0, 30.3, axis, sun, earth, start, velocity, 0.0, body=GANYMEDE, bend=bend, shade=rocky, blur_px=0.75
    )
    # the disc's middle as it is seen half-way through the strip
    return turned_to(world, -(start + 5.2 * velocity), 5.2)


@pytest.fixture(scope="session")
def world() -> World:
    return make_world()


@pytest.fixture(scope="session")
def ganymede() -> World:
    return make_ganymede()


GANYMEDE_LATE_S = 0.012


@pytest.fixture(scope="session")
def ganymede_strip(ganymede: World) -> Exposure:
    """The whole disc in 28 frames, whose label is early by `GANYMEDE_LATE_S`."""
    return ganymede.expose("JNCE_2021158_34C00002_V01", ganymede.et0, 28, GANYMEDE_LATE_S, noise=0.002)


def about_z(v: FloatArray, angle: FloatArray) -> FloatArray:
    c, s = np.cos(angle), np.sin(angle)
    return np.stack([c * v[:, 0] - s * v[:, 1], s * v[:, 0] + c * v[:, 1], v[:, 2]], axis=-1)


def ties_between(world: World, eastward_m_s: float = 0.0, band: Filter = Filter.GREEN) -> CrossTies:
    """Pixels of two strips of 20 frames, 20 turns apart, that show the same cloud, which drifts, by the light that
    reaches the camera from it."""
    rng = np.random.default_rng(3)
    one, two = world.et0, world.et0 + 20 * world.period_s
    rows = []
    for frame in range(20):
        line, sample = rng.uniform(10.0, 118.0, 8), rng.uniform(200.0, 1400.0, 8)
        et = one + DELAY_S * frame
        ground = world.ground(band, et, line, sample)
        place = world.body.body_from_j2000(et) @ world.position(et)
        for later in range(20):
            at = two + DELAY_S * later
            to_body = world.body.body_from_j2000(at)
            there = to_body @ world.position(at)
            way = np.linalg.norm(ground - place, axis=1) - np.linalg.norm(ground - there, axis=1)
            axis = np.hypot(ground[:, 0], ground[:, 1])
            moved = about_z(ground, eastward_m_s * 1e-3 * (at - et) / axis + JUPITER.spin_rate * way / 299792.458)
            px = world.pixel(band, moved, at)
            good = np.isfinite(px).all(axis=1) & (px[:, 0] > 4) & (px[:, 0] < 124) & (np.abs(px[:, 1] - 824) < 760)
            good &= np.sum(moved * (there - moved) / np.asarray(world.radii) ** 2, axis=1) > 0.0
            rows += [(frame, line[k], sample[k], et, later, *px[k], at) for k in np.flatnonzero(good)]
    table = np.array(rows)

    def end(columns: slice, image: int) -> Pixels:
        frame, line, sample, et = table[:, columns].T
        count, index = np.full(len(table), image), np.full(len(table), BANDS.index(band))
        return pixels(world.camera, count, frame.astype(np.int64), index, line, sample, et)

    return CrossTies(end(slice(0, 4), 0), end(slice(4, 8), 1), np.tile(np.eye(2) / 0.1, (len(table), 1, 1)))


@pytest.fixture(scope="session")
def true_ties(world: World) -> Callable[..., CrossTies]:
    """What `ties_between` makes of the world."""
    return partial(ties_between, world)
