"""A synthetic spinner: the truth for the renderer, computed the other way round and without its code.

Every raw pixel of every framelet is followed out of the camera to the body (or the sky) at the framelet's own time, and
filled with a known function of the place it meets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from perijove.bodies import JUPITER
from perijove.instrument import FRAMELET_LINES, SAMPLES, Camera, Filter
from perijove.swath import Swath

FloatArray = NDArray[np.float64]
LIGHT_SPEED = 299792.458


def meet(origin: FloatArray, direction: FloatArray) -> FloatArray:
    """Nearest point on Jupiter's ellipsoid, NaN on a miss: the quadratic in its schoolbook form."""
    radii = np.array(JUPITER.radii_km)
    o, d = origin / radii, direction / radii
    a, b, c = (d * d).sum(-1), 2 * (o * d).sum(-1), (o * o).sum(-1) - 1
    with np.errstate(invalid="ignore"):
        t = (-b - np.sqrt(b * b - 4 * a * c)) / (2 * a)
    point: FloatArray = np.where((t > 0)[..., None], origin + t[..., None] * direction, np.nan)
    return point


@dataclass(frozen=True)
class Spinner:
    """A camera that turns about an axis near its own X while it flies along a straight line past Jupiter."""

    et0: float = 7.14e8
    start_km: tuple[float, float, float] = (-1.1e5, 1.5e4, 2.5e4)
    velocity: tuple[float, float, float] = (5.0, 3.0, -45.0)
    step: float = 114.7 / 1480.59
    delay: float = 0.371
    frames: int = 13
    binning: int = 2
    sense: int = 1
    tilt: tuple[float, float] = (0.004, 0.007)

    @property
    def et(self) -> FloatArray:
        """Mid-exposure times; the middle frame at et0."""
        return self.et0 + self.delay * (np.arange(self.frames) - self.frames // 2)

    def position(self, et: FloatArray) -> FloatArray:
        """Place in j2000, km."""
        frozen = JUPITER.body_from_j2000(self.et0)
        past = np.asarray(et)[..., None] - self.et0
        return np.array(self.start_km) @ frozen + past * (np.array(self.velocity) @ frozen)

    def camera_from_j2000(self, et: FloatArray) -> FloatArray:
        """Rotations; at et0 the boresight points near the body's centre."""
        middle = self.position(np.array(self.et0))
        ahead = -middle / np.linalg.norm(middle)
        axis = np.cross(ahead, np.array(self.velocity) @ JUPITER.body_from_j2000(self.et0))
        axis /= np.linalg.norm(axis)
        angle = self.sense * self.step / self.delay * (np.asarray(et) - self.et0)
        z = np.cos(angle)[:, None] * ahead + np.sin(angle)[:, None] * np.cross(axis, ahead)
        x = np.broadcast_to(axis, z.shape)
        p, q = self.tilt
        about_z = np.array([[np.cos(p), -np.sin(p), 0], [np.sin(p), np.cos(p), 0], [0, 0, 1]])
        about_y = np.array([[np.cos(q), 0, np.sin(q)], [0, 1, 0], [-np.sin(q), 0, np.cos(q)]])
        return about_z @ about_y @ np.stack([x, np.cross(z, x), z], axis=1)

    def viewpoint(self) -> FloatArray:
        """Place at et0 in b0, km."""
        return np.array(self.start_km)

    def swath(
        self,
        band: Filter,
        ground: Callable[[FloatArray], FloatArray],
        sky: Callable[[FloatArray], FloatArray] | None = None,
        camera: Camera | None = None,
    ) -> Swath:
        """Fill framelets with `ground` of body-fixed points, `sky` of unit vectors in b0 (NaN by default)."""
        camera = camera or Camera()
        n = self.binning
        line = n * (np.arange(FRAMELET_LINES // n) + 0.5)
        sample = n * (np.arange(SAMPLES // n) + 0.5)
        rays = camera.ray(band, line[:, None], sample[None, :])
        et, place, rotation = self.et, self.position(self.et), self.camera_from_j2000(self.et)
        light = np.empty((len(et), line.size, sample.size), np.float32)
        for i in range(len(et)):
            inertial = rays @ rotation[i]
            delay = (np.linalg.norm(place[i]) - np.mean(JUPITER.radii_km)) / LIGHT_SPEED
            turned = JUPITER.body_from_j2000(et[i] - delay)
            point = meet(turned @ place[i], inertial @ turned.T)
            value = ground(point)
            if sky is not None:
                missed = np.isnan(point[..., 0])
                value[missed] = sky(inertial[missed] @ JUPITER.body_from_j2000(self.et0).T)
            light[i] = value
        light[:, :, : 24 // n] = light[:, :, 1630 // n :] = np.nan
        return Swath(band, camera, n, light, et, place, rotation)


def waves(point: FloatArray) -> FloatArray:
    """A smooth function of body-fixed place between -1 and 1, with waves of about 9000 km along every axis."""
    x, y, z = np.moveaxis(point / 1400.0, -1, 0)
    value: FloatArray = np.sin(x + 0.3) * np.cos(0.9 * y) * 0.5 + 0.5 * np.sin(1.1 * z)
    return value


@pytest.fixture(scope="session")
def spinner() -> type[Spinner]:
    """The class, to be built with what a test wants of it."""
    return Spinner


@pytest.fixture(scope="session")
def ground() -> Callable[[FloatArray], FloatArray]:
    """`waves`."""
    return waves


@pytest.fixture(scope="session")
def intersect() -> Callable[[FloatArray, FloatArray], FloatArray]:
    """`meet`."""
    return meet
