"""The spin model is a rigid rotation about its axis at its rate."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from perijove.attitude.spin import SpinModel, axis_angles, axis_vector, camera_from_spin, spin_from_j2000
from perijove.instrument import camera_from_spacecraft

angle = st.floats(-np.pi, np.pi)
latitude = st.floats(-1.5, 1.5)
small = st.floats(-0.01, 0.01)


@given(angle, latitude, angle, small, small, st.floats(-2000, 2000))
def test_attitude_is_a_proper_rotation(ra, dec, phase, twist, tilt, et):
    spin = SpinModel(ra, dec, phase, 100.0, 0.207, twist, tilt)
    m = spin.camera_from_j2000([et, et + 1.0])
    np.testing.assert_allclose(m @ np.swapaxes(m, -1, -2), np.tile(np.eye(3), (2, 1, 1)), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(m), 1.0, atol=1e-12)


@given(angle, latitude, angle, small, small, st.floats(-2000, 2000), st.floats(0.01, 14.0))
def test_camera_turns_about_the_axis_at_the_rate(ra, dec, phase, twist, tilt, et, elapsed):
    spin = SpinModel(ra, dec, phase, 100.0, 0.207, twist, tilt)
    before, after = np.swapaxes(spin.camera_from_j2000([et, et + elapsed]), -1, -2)
    # a vector fixed to the camera is carried round by this
    turned = Rotation.from_matrix(after @ before.T).as_rotvec()
    expected = np.array([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)]) * 0.207 * elapsed
    np.testing.assert_allclose(turned, expected, atol=1e-9)
    assert spin.period_s == pytest.approx(2 * np.pi / 0.207)


@given(angle, latitude)
def test_axis_angles_undo_the_axis(ra, dec):
    found = axis_angles(3.0 * axis_vector(ra, dec))
    np.testing.assert_allclose(axis_vector(*found), axis_vector(ra, dec), atol=1e-12)
    assert found[1] == pytest.approx(dec, abs=1e-9)


def test_phase_counts_from_the_node():
    # axis at ra 0, dec 0 is +X of j2000; its node on the equator is +Y; a quarter turn further is +Z
    np.testing.assert_allclose(spin_from_j2000(0.0, 0.0, 0.0), [[0, 1, 0], [0, 0, 1], [1, 0, 0]], atol=1e-15)
    np.testing.assert_allclose(spin_from_j2000(0.0, 0.0, np.pi / 2)[0], [0, 0, 1], atol=1e-15)


def test_twist_and_tilt_turn_about_the_cameras_own_axes():
    kernel = camera_from_spacecraft()
    np.testing.assert_allclose(camera_from_spin(0.0, 0.0), kernel, atol=1e-15)
    # axes turned by an angle turn components by its opposite
    twisted = Rotation.from_rotvec([0.0, 0.0, -0.01]).as_matrix() @ kernel
    np.testing.assert_allclose(camera_from_spin(0.01, 0.0), twisted, atol=1e-15)
    both = Rotation.from_rotvec([0.0, -0.02, 0.0]).as_matrix() @ twisted
    np.testing.assert_allclose(camera_from_spin(0.01, 0.02), both, atol=1e-15)


def test_model_agrees_with_the_worlds_camera(world):
    spin = world.spin_model(world.et0 + 5.0)
    for et in world.et0 + np.array([-100.0, 0.0, 3.7, 480.0]):
        # phases of 15 turns at an epoch of 7e8 s, which is known to 1e-7 s
        np.testing.assert_allclose(spin.camera_from_j2000(et), world.j2000_from_camera(et).T, atol=1e-7)
