"""The simulator's frames and places against SPICE."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from perijove.bodies import BODIES, JUPITER
from perijove.simulate.frames import j2000_from_body, spacecraft_from_camera
from perijove.simulate.motion import Flight, label_place

spiceypy = pytest.importorskip("spiceypy", reason="spiceypy is not installed")

KERNELS = ("naif0012.tls", "pck00010.tpc", "juno_v12.tf", "juno_rec_170106_170228_170307.bsp")


@pytest.fixture(scope="module")
def kernels(data: Path) -> Iterator[None]:
    for name in KERNELS:
        spiceypy.furnsh(str(data / "kernels" / name))
    yield
    spiceypy.kclear()


@pytest.mark.parametrize("name", list(BODIES))
def test_bodies_turn_as_the_planetary_constants_say(kernels: None, name: str) -> None:
    for et in np.linspace(4e8, 1e9, 40):
        expected = spiceypy.pxform(f"IAU_{name}", "J2000", et)
        np.testing.assert_allclose(j2000_from_body(BODIES[name], et), expected, atol=1e-9)


def test_the_mounting_is_the_frame_kernels(kernels: None) -> None:
    expected = spiceypy.pxform("JUNO_JUNOCAM", "JUNO_SPACECRAFT", 0.0)
    # the kernel's cube matrix has seven digits
    np.testing.assert_allclose(spacecraft_from_camera(0.0, 0.0), expected, rtol=0, atol=2e-7)


def test_labels_tell_the_place_that_spice_tells(kernels: None) -> None:
    # perijove 4, 2017-02-02, by the mission's reconstructed path
    middle = float(spiceypy.str2et("2017-02-02T12:57:00"))
    et = middle + np.arange(-7300.0, 7300.0, 10.0)
    state = np.array([spiceypy.spkezr("JUNO", t, "J2000", "NONE", "JUPITER")[0] for t in et])
    flight = Flight(JUPITER, et, state[:, :3], state[:, 3:])
    flattening = 1 - 66854.0 / 71492.0
    for t in middle + np.linspace(-7200.0, 7200.0, 25):
        velocity = np.asarray(spiceypy.spkezr("JUPITER", t, "J2000", "NONE", "SSB")[0][3:])
        place = label_place(flight, t, velocity)
        seen, _ = spiceypy.spkpos("JUNO", t, "IAU_JUPITER", "CN+S", "JUPITER")
        west, graphic, height = spiceypy.recpgr("JUPITER", seen, 71492.0, flattening)
        # SPICE takes the aberration to second order: (v / c)^2 is 1.1e-7 deg
        assert abs(place.altitude_km - height) < 1e-4
        assert abs(place.latitude_graphic_deg - np.degrees(graphic)) < 2e-7
        apart = (place.longitude_west_deg - np.degrees(west) + 180.0) % 360.0 - 180.0
        assert abs(apart) * np.cos(graphic) < 2e-7
