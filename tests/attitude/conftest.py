"""A world of the tests' own: a textured Jupiter, a spinning camera and a straight flight past it.

Spin, attitude, time, flight, light and the meeting of rays with the ground are written here anew; shared with the
package are only the camera's constants, the body's rotation and the plain records that the solver is given.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, maximum_filter, minimum_filter
from scipy.spatial.transform import Rotation

from perijove.attitude.exposure import Exposure
from perijove.attitude.pointing import Pointing
from perijove.attitude.problem import Pixels, Unknowns, first_point, pixels
from perijove.attitude.spin import SpinModel
from perijove.bodies import JUPITER
from perijove.ephemeris.trajectory import Trajectory
from perijove.instrument import MOUNTING_TILT, MOUNTING_TWIST, Camera, Filter, camera_from_spacecraft

FloatArray = NDArray[np.float64]

RADII = np.array(JUPITER.radii_km)
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

    def position(self, et: FloatArray | float) -> FloatArray:
        return self.start + (np.asarray(et, dtype=float) - self.et0)[..., None] * self.velocity

    def trajectory(self) -> Trajectory:
        et = self.et0 + np.linspace(-3600.0, 3600.0, 25)
        covariance = np.diag([2.0, 2.0, 2.0, 1e-3, 1e-3, 1e-3]) ** 2
        velocity = np.broadcast_to(self.velocity, (len(et), 3))
        return Trajectory("JUPITER", "synthetic", et, self.position(et), velocity, self.et0, covariance)

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
        """Body-fixed directions (n, 3) of pixels and the place (3,) they are seen from."""
        to_body = JUPITER.body_from_j2000(et)
        directions = self.camera.ray(band, line, sample) @ (to_body @ self.j2000_from_camera(et)).T
        return directions, to_body @ self.position(et)

    def ground(self, band: Filter, et: float, line: FloatArray, sample: FloatArray) -> FloatArray:
        """Body-fixed points (n, 3) that pixels see; NaN beside the body."""
        return meet(*self.rays(band, et, line, sample))

    def light(self, band: Filter, et: float, line: FloatArray, sample: FloatArray) -> FloatArray:
        """Light (n,) of rays: albedo times the cosine of incidence; 0 for the sky."""
        ground = self.ground(band, et, line, sample)
        on = np.isfinite(ground[:, 0])
        point = ground[on]
        normal = unit(point / RADII**2)
        to_body = JUPITER.body_from_j2000(et)
        height = normal @ (to_body @ self.sun)
        emission = np.sum(normal * unit(to_body @ self.position(et) - point), axis=-1)
        out = np.zeros(len(ground))
        # clouds fade towards the limb, as they do under haze
        out[on] = (1.0 + emission * clouds(point / RADII)) * np.maximum(height, 0.0)
        return out

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
                to_body = JUPITER.body_from_j2000(et)
                place = to_body @ self.position(et)
                # the tangent points of the unit sphere seen from the scaled place
                c = place / RADII
                d = np.linalg.norm(c)
                e1 = unit(np.cross(c, [0.3, -0.5, 0.8]))
                e2 = np.cross(c / d, e1)
                turn = np.linspace(0, 2 * np.pi, count, endpoint=False)[:, None]
                scaled = c / d**2 + np.sqrt(1 - 1 / d**2) * (np.cos(turn) * e1 + np.sin(turn) * e2)
                lit = scaled / RADII @ (to_body @ self.sun) > 0.05 / RADII[0]
                looks = (scaled[lit] * RADII - place) @ (to_body @ self.j2000_from_camera(et))
                at = self.camera.pixel(band, looks)
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
                looks = ground[seen] @ JUPITER.body_from_j2000(solved) - place
                at = pointing.camera.pixel(band, looks @ pointing.spin.camera_from_j2000(solved).T)
                errors.append(at - np.stack([line, sample], axis=-1)[seen])
        return np.concatenate(errors)


def meet(direction: FloatArray, place: FloatArray) -> FloatArray:
    """Nearest points (n, 3) where rays from a place (3,) meet the ellipsoid; NaN where they miss."""
    d, o = direction / RADII, place / RADII
    a, b, c = np.sum(d * d, axis=-1), d @ o, o @ o - 1
    root = b * b - a * c
    t = np.where((root > 0) & (b < 0), -b - np.sqrt(np.maximum(root, 0.0)), np.nan) / a
    out: FloatArray = (o + t[:, None] * d) * RADII
    return out


_RNG = np.random.default_rng(7)
# wavelengths of about 12 to 50 native pixels at 190,000 km
WAVES = unit(_RNG.normal(size=(12, 3))) * _RNG.uniform(100.0, 420.0, 12)[:, None]
WAVE_PHASES = _RNG.uniform(0.0, 2 * np.pi, 12)


def clouds(scaled: FloatArray) -> FloatArray:
    """Texture about 0 that turns with the body: many waves in many directions."""
    out: FloatArray = 0.1 * np.cos((scaled @ WAVES.T + WAVE_PHASES).astype(np.float32)).sum(axis=-1).astype(float)
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
    boresight = world.j2000_from_camera(et0)[:, 2]
    flat = unit(boresight - (boresight @ axis) * axis)
    target = unit(-out + (out @ axis) * axis)
    angle = np.arctan2(np.cross(flat, target) @ axis, flat @ target)
    return replace(world, turn0=float(angle - 2 * np.pi / world.period_s * 3.7))


@pytest.fixture(scope="session")
def world() -> World:
    return make_world()
