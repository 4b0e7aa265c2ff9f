"""How bright bodies are to be expected: by hand, and against their geometric albedo."""

import numpy as np
import pytest

from perijove.bodies import CALLISTO, GANYMEDE, IO, JUPITER, METIS, Body
from perijove.photometry.expected import expected_light

ONE = np.ones(1)


def test_clouds_by_hand() -> None:
    # half of the light that falls in comes back, whatever the phase
    light = expected_light(JUPITER, np.array([1.0, 0.5]), np.array([0.3, 0.9]), np.array([1.0, -0.5]))
    np.testing.assert_allclose(light, [0.5, 0.25])


@pytest.mark.parametrize(("moon", "albedo"), [(IO, 0.63), (GANYMEDE, 0.43), (CALLISTO, 0.17), (METIS, 0.06)])
def test_a_full_moon_has_its_geometric_albedo_everywhere(moon: Body, albedo: float) -> None:
    # under Lommel and Seeliger's law a full disc is flat
    slant = np.array([1.0, 0.7, 0.2])
    np.testing.assert_allclose(expected_light(moon, slant, slant, np.ones(3)), albedo)


def test_it_fades_with_phase() -> None:
    # 0.022 mag a degree: 50 deg are 1.1 mag, a factor of 0.3631
    faded = expected_light(GANYMEDE, ONE, ONE, np.cos(np.radians(50.0)) * ONE)
    np.testing.assert_allclose(faded, 0.43 * 10**-0.44)
    # grazing light comes back at a grazing angle: cos i 0.2 against cos e 0.8
    np.testing.assert_allclose(expected_light(GANYMEDE, 0.2 * ONE, 0.8 * ONE, ONE), 2 * 0.43 * 0.2)
    # rounding may put a cosine beyond one
    assert np.isfinite(expected_light(GANYMEDE, ONE, ONE, 1.0000001 * ONE)).all()
