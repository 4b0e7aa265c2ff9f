"""Strips of constant light: a camera that turns about its X axis while it flies past Jupiter."""

from collections.abc import Callable

import numpy as np
import pytest

from perijove.bodies import JUPITER
from perijove.geometry.view import View, spacecraft_view
from perijove.instrument import FRAMELET_LINES, SAMPLES, Camera, Filter
from perijove.mosaic import Look
from perijove.swath import Swath

ET0 = 7.14e8
PLACE = np.array([-1.6e5, 1.5e4, 2.5e4])
STEP = 114.7 / 1480.59


def constant_look(
    name: str,
    level: float = 100.0,
    exposure_s: float = 1.0,
    place: np.ndarray = PLACE,
    frames: int = 13,
    bands: tuple[Filter, ...] = (Filter.GREEN,),
    side: float = 0.0,
) -> Look:
    """A strip about ET0 from a body-fixed place (3,) km, `level` DN all over; it aims `side` rad beside the centre."""
    frozen = JUPITER.body_from_j2000(ET0)
    angle = STEP * (np.arange(frames) - frames // 2)
    et = ET0 + 0.371 * (np.arange(frames) - frames // 2)
    ahead = -place / np.linalg.norm(place)
    axis = np.cross(ahead, [0.0, 0.0, 1.0])
    axis /= np.linalg.norm(axis)
    ahead, axis = np.cos(side) * ahead + np.sin(side) * axis, np.cos(side) * axis - np.sin(side) * ahead
    z = np.cos(angle)[:, None] * ahead + np.sin(angle)[:, None] * np.cross(axis, ahead)
    x = np.broadcast_to(axis, z.shape)
    rotation = np.stack([x, np.cross(z, x), z], axis=1) @ frozen
    light = np.full((frames, FRAMELET_LINES // 2, SAMPLES // 2), level, np.float32)
    light[:, :, :12] = light[:, :, 815:] = np.nan
    positions = np.broadcast_to(place @ frozen, (frames, 3)).copy()
    swaths = tuple(Swath(band, Camera(), 2, light, et, positions, rotation, 1 / exposure_s) for band in bands)
    return Look(name, swaths, ET0, np.asarray(place, dtype=float))


@pytest.fixture(scope="session")
def look() -> Callable[..., Look]:
    """`constant_look`."""
    return constant_look


@pytest.fixture(scope="session")
def view() -> View:
    """The view from where the looks stand by default, the body in the middle."""
    return spacecraft_view(PLACE, JUPITER, None, 120, fov=np.radians(60.0), centre=(0.15, 3.05))


@pytest.fixture(scope="session")
def et0() -> float:
    """Epoch of the view."""
    return ET0
