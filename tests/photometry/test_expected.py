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


@pytest.mark.parametrize("degrees", [0.0, 5.0, 30.0, 60.0, 85.0])
def test_the_whole_disc_fades_as_it_is_measured_to(degrees: float) -> None:
    # the disc as it is seen, by the light of all its parts
    x, y = np.meshgrid(np.linspace(-1, 1, 1001), np.linspace(-1, 1, 1001))
    on = x**2 + y**2 < 1.0
    out = np.sqrt(1.0 - x[on] ** 2 - y[on] ** 2)
    phase = np.radians(degrees)
    height = out * np.cos(phase) + x[on] * np.sin(phase)
    lit = height > 0
    light = expected_light(GANYMEDE, height[lit], out[lit], np.full(lit.sum(), np.cos(phase)))
    # geometric albedo 0.43, and 0.022 mag less with each degree
    assert np.sum(light) / on.sum() == pytest.approx(0.43 * 10 ** (-0.4 * 0.022 * degrees), rel=2e-3)


def test_limits() -> None:
    # grazing light comes back at a grazing angle: cos i 0.2 against cos e 0.8
    np.testing.assert_allclose(expected_light(GANYMEDE, 0.2 * ONE, 0.8 * ONE, ONE), 2 * 0.43 * 0.2)
    # rounding may put a cosine beyond one; from behind it is no brighter than from the side
    cosines = np.array([1.0000001, 0.0, -0.5, -1.0])
    light = expected_light(GANYMEDE, np.full(4, 0.3), np.full(4, 0.3), cosines)
    assert np.isfinite(light).all()
    assert (light[1:] == light[1]).all()
    assert light[1] < 0.5 * light[0]
