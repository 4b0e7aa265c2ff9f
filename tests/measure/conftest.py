"""Ground that the tests measure."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from perijove.bodies import GANYMEDE
from perijove.measure.patch import Patch, make_patch

Array = NDArray[np.float64]
MapPatch = Callable[[float, float, float, float], Patch]


@pytest.fixture(scope="session")
def basemap(data: Path) -> MapPatch:
    """Patches of the published map of Ganymede: (latitude deg, east longitude deg, half side km, pixel km)."""
    image = cv2.imread(str(data / "basemaps" / "celestia_ganymede.jpg"))
    assert image is not None
    light = (np.concatenate([image[:, -8:], image, image[:, :8]], axis=1) / 255.0).astype(np.float32) ** 2.2
    height, width = image.shape[:2]

    def look(latitude: Array, longitude: Array) -> Array:
        x = np.mod(np.degrees(longitude) + 180.0, 360.0) / 360.0 * width + 7.5
        y = (90.0 - np.degrees(latitude)) / 180.0 * height - 0.5
        found = cv2.remap(light, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR)
        return np.asarray(np.moveaxis(found, -1, 0))

    def cut(latitude: float, longitude: float, half_km: float, scale_km: float) -> Patch:
        centre = float(np.radians(latitude)), float(np.radians(longitude))
        return make_patch(look, ("BLUE", "GREEN", "RED"), centre, half_km, scale_km, GANYMEDE)

    return cut
