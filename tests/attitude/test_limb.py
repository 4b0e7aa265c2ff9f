"""How rays pass an ellipsoid: by hand, by brute force, and by differences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from perijove.attitude.limb import graze

SPHERE = (1000.0, 1000.0, 1000.0)
OBLATE = (71492.0, 71492.0, 66854.0)
TRIAXIAL = (1829.4, 1819.4, 1815.7)


def test_sphere_by_hand():
    # from 5000 km on X, looking back with a slope of 3 in 4: the ray passes the centre at 5000 * 3 / 5 = 3000 km,
    # at the point 5000 * 4 / 5 = 4000 km along it, which is (5000 - 3200, 2400, 0)
    found = graze(np.array([[5000.0, 0.0, 0.0]]), np.array([[-8.0, 6.0, 0.0]]), SPHERE)
    assert found.height[0] == pytest.approx(3000 / 1000 - 1)
    np.testing.assert_allclose(found.normal[0], [0.6, 0.8, 0.0], atol=1e-14)
    assert found.per_km[0] == pytest.approx(1 / 1000)
    assert found.latitude[0] == pytest.approx(0.0)
    # moving the camera along the normal raises the passage by as much, turning the ray by 4000 km times the angle
    np.testing.assert_allclose(found.by_position[0], [0.6e-3, 0.8e-3, 0.0], atol=1e-16)
    np.testing.assert_allclose(found.by_direction[0] * 10.0, 4.0 * np.array([0.6, 0.8, 0.0]), atol=1e-13)


def test_latitude_of_the_closest_point():
    # over the north pole, looking along -X at a height of 2 radii
    found = graze(np.array([[3000.0, 0.0, 2000.0]]), np.array([[-1.0, 0.0, 0.0]]), SPHERE)
    assert found.latitude[0] == pytest.approx(np.pi / 2)
    assert found.height[0] == pytest.approx(1.0)


@given(st.integers(0, 10_000), st.sampled_from([OBLATE, TRIAXIAL]))
def test_height_against_brute_force(seed, radii):
    rng = np.random.default_rng(seed)
    size = radii[0]
    place = rng.normal(size=3)
    place *= 3 * size / np.linalg.norm(place)
    ray = -place + rng.normal(size=3) * 0.5 * size
    found = graze(place[None], ray[None], radii)

    def squared(t: float) -> float:
        return float(np.sum(((place + t * ray) / np.array(radii)) ** 2))

    best = minimize_scalar(squared, bounds=(0.0, 3.0), method="bounded", options={"xatol": 1e-12})
    assert found.height[0] == pytest.approx(np.sqrt(best.fun) - 1, abs=1e-9)
    point = place + best.x * ray
    assert found.latitude[0] == pytest.approx(np.arcsin(point[2] / np.linalg.norm(point)), abs=1e-5)
    normal = point / np.array(radii) ** 2
    np.testing.assert_allclose(found.normal[0], normal / np.linalg.norm(normal), atol=1e-5)


@pytest.mark.parametrize("radii", [OBLATE, TRIAXIAL])
def test_derivatives_against_differences(radii):
    rng = np.random.default_rng(5)
    size = radii[0]
    place = rng.normal(size=(30, 3))
    place *= 3 * size / np.linalg.norm(place, axis=1, keepdims=True)
    ray = -place / size + rng.normal(size=(30, 3)) * 0.4
    found = graze(place, ray, radii)
    for axis in np.eye(3):
        step = 1e-5
        slope = (graze(place, ray + step * axis, radii).height - graze(place, ray - step * axis, radii).height) / step
        np.testing.assert_allclose(found.by_direction @ axis, slope / 2, rtol=1e-6, atol=1e-8)
        step = 1e-5 * size
        slope = (graze(place + step * axis, ray, radii).height - graze(place - step * axis, ray, radii).height) / step
        np.testing.assert_allclose(found.by_position @ axis, slope / 2, rtol=1e-6, atol=1e-8 / size)


def test_per_km_is_the_rise_along_the_normal():
    # a limb point lifted by 1 km along the normal of the ellipsoid is seen that much higher
    radii = np.array(OBLATE)
    place = np.array([1.2e5, 4.0e4, 9.0e4])
    c = place / radii
    side = np.cross(c, [0.0, 0.2, 1.0])
    side /= np.linalg.norm(side)
    d = np.linalg.norm(c)
    limb = (c / d**2 + np.sqrt(1 - 1 / d**2) * side) * radii
    normal = limb / radii**2
    normal /= np.linalg.norm(normal)
    at, above = (graze(place[None], (p - place)[None], OBLATE) for p in (limb, limb + normal))
    assert at.height[0] == pytest.approx(0.0, abs=1e-12)
    np.testing.assert_allclose(at.normal[0], normal, atol=1e-9)
    assert above.height[0] == pytest.approx(at.per_km[0], rel=1e-4)
