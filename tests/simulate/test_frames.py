"""Frames of the simulator: rotations by hand, a spinner's properties, and the processing's own words for the same."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from perijove.attitude.spin import SpinModel
from perijove.bodies import BODIES, Body
from perijove.instrument import camera_from_spacecraft
from perijove.simulate.frames import Spin, axes_about, j2000_from_body, spacecraft_from_camera

FloatArray = NDArray[np.float64]
EPOCH = 7.14e8
SPIN = Spin(np.array([-0.6, 0.64, 0.48]), 30.4, 0.7, EPOCH, 0.0003, 0.001)
WOBBLY = replace(SPIN, nutation=0.002, coning=1.6, nutation_turn=0.4)

angles = st.floats(-0.05, 0.05)
spins = st.builds(
    Spin,
    axis=st.tuples(*(st.floats(-1, 1),) * 3).map(np.array).filter(lambda v: np.hypot(v[0], v[1]) > 0.01),
    period_s=st.floats(29.0, 31.5),
    turn=st.floats(-7.0, 7.0),
    epoch=st.just(EPOCH),
    twist=angles,
    tilt=angles,
    nutation=st.floats(0.0, 0.01),
    coning=st.floats(1.0, 2.0),
    nutation_turn=st.floats(-4.0, 4.0),
)


def rotation(matrices: FloatArray) -> None:
    """Assert that matrices (..., 3, 3) turn and do nothing else."""
    np.testing.assert_allclose(matrices @ np.swapaxes(matrices, -1, -2), np.broadcast_to(np.eye(3), matrices.shape),
                               atol=1e-12)  # fmt: skip
    np.testing.assert_allclose(np.linalg.det(matrices), 1.0, atol=1e-12)


def simple_body(ra: float, dec: float, w: float, per_day: float) -> Body:
    return Body("TOY", (1.0, 1.0, 1.0), 1.0, (ra, 0.0), (dec, 0.0), (w, per_day))


def test_a_body_upright_at_the_origin_of_right_ascension() -> None:
    # pole on j2000's +Z, whose right ascension is taken 0: the node, where W counts from, lies at 90 deg
    turn = j2000_from_body(simple_body(0.0, 90.0, 0.0, 360.0), np.array([0.0, 21600.0]))
    # +X at the node
    np.testing.assert_allclose(turn[0][:, 0], [0.0, 1.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(turn[0][:, 2], [0.0, 0.0, 1.0], atol=1e-12)
    # a quarter of a day later the meridian has gone on eastwards
    np.testing.assert_allclose(turn[1][:, 0], [-1.0, 0.0, 0.0], atol=1e-12)


def test_a_pole_that_leans() -> None:
    ra, dec = np.radians([268.0, 64.5])
    turn = j2000_from_body(simple_body(268.0, 64.5, 90.0, 0.0), 0.0)
    pole = np.array([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])
    np.testing.assert_allclose(turn[:, 2], pole, atol=1e-12)
    # at W = 90 deg the node, where equator and j2000's equator cross going up, lies along -Y
    np.testing.assert_allclose(turn[:, 1], -np.array([-np.sin(ra), np.cos(ra), 0.0]), atol=1e-12)


@given(st.sampled_from(sorted(BODIES)), st.floats(3.5e8, 9.8e8))
def test_bodies_turn_as_the_processing_has_them(name: str, et: float) -> None:
    # two pieces of code for one definition; W is of the order of 1e7 deg, rounding leaves 1e-9 of it
    ours = j2000_from_body(BODIES[name], et)
    rotation(ours)
    np.testing.assert_allclose(ours.T, BODIES[name].body_from_j2000(et), atol=1e-9)


def test_shapes_follow_the_times() -> None:
    body = BODIES["EUROPA"]
    assert j2000_from_body(body, 0.0).shape == (3, 3)
    assert j2000_from_body(body, np.zeros((2, 5))).shape == (2, 5, 3, 3)
    assert SPIN.j2000_from_camera(np.zeros((2, 5))).shape == (2, 5, 3, 3)
    assert SPIN.j2000_from_camera(EPOCH).shape == (3, 3)


@given(spins, st.floats(-4000.0, 4000.0))
def test_attitudes_are_rotations(spin: Spin, after: float) -> None:
    rotation(spin.j2000_from_camera(EPOCH + np.array([after, 0.0])))


@given(spins, st.floats(-100.0, 100.0))
def test_without_nutation_a_turn_takes_a_period(spin: Spin, after: float) -> None:
    spin = replace(spin, nutation=0.0)
    et = EPOCH + after + spin.period_s * np.array([0.0, 0.25, 0.5, 1.0])
    now, quarter, half, turn = spin.j2000_from_camera(et)
    np.testing.assert_allclose(turn, now, atol=1e-7)
    # by the right hand: a quarter of a turn takes what is square to the axis to axis x itself
    axis = spin.axis / np.linalg.norm(spin.axis)
    flat = now - np.outer(axis, axis @ now)
    np.testing.assert_allclose(quarter - np.outer(axis, axis @ quarter), np.cross(axis, flat.T).T, atol=1e-7)
    np.testing.assert_allclose(half - np.outer(axis, axis @ half), -flat, atol=1e-7)
    # what lies along the axis stays
    np.testing.assert_allclose(axis @ quarter, axis @ now, atol=1e-9)


@given(spins, st.floats(-4000.0, 4000.0))
def test_nutation_keeps_its_angle(spin: Spin, after: float) -> None:
    up = spin.j2000_from_camera(EPOCH + after) @ spacecraft_from_camera(spin.twist, spin.tilt).T[:, 2]
    axis = spin.axis / np.linalg.norm(spin.axis)
    lean = np.arctan2(np.linalg.norm(np.cross(axis, up)), axis @ up)
    assert lean == pytest.approx(spin.nutation, abs=1e-9)


def test_nutation_goes_round_as_often_as_it_says() -> None:
    # 1.6 rounds a turn: 5 turns are 8 rounds
    up = spacecraft_from_camera(WOBBLY.twist, WOBBLY.tilt).T[:, 2]
    et = EPOCH + np.arange(0, 501) / 100.0 * WOBBLY.period_s
    x, y, _ = np.moveaxis(WOBBLY.j2000_from_camera(et) @ up @ axes_about(WOBBLY.axis), -1, 0)
    rounds = np.unwrap(np.arctan2(y, x)) / (2 * np.pi)
    assert rounds[-1] - rounds[0] == pytest.approx(8.0, abs=1e-6)
    # and the whole turns on as without it, but for the nutation itself
    plain = replace(WOBBLY, nutation=0.0)
    apart = WOBBLY.j2000_from_camera(et) @ np.swapaxes(plain.j2000_from_camera(et), -1, -2)
    cosine = (np.trace(apart, axis1=-2, axis2=-1) - 1) / 2
    assert np.arccos(np.clip(cosine, -1, 1)).max() == pytest.approx(WOBBLY.nutation, rel=1e-3)


def test_axes_stand_on_the_axis_and_the_equator() -> None:
    axes = axes_about(np.array([0.0, 3.0, 4.0]))
    np.testing.assert_allclose(axes, [[-1.0, 0.0, 0.0], [0.0, -0.8, 0.6], [0.0, 0.6, 0.8]], atol=1e-15)
    rotation(axes)


def test_the_mounting_is_the_processings() -> None:
    np.testing.assert_allclose(spacecraft_from_camera(0.0, 0.0).T, camera_from_spacecraft(), atol=1e-12)
    # roughly camera Z = -X of the spacecraft, camera X = -Z
    np.testing.assert_allclose(np.rint(spacecraft_from_camera(0.0, 0.0)), [[0, 0, -1], [0, -1, 0], [-1, 0, 0]])


def test_twist_and_tilt_turn_the_camera_about_its_own_axes() -> None:
    plain = spacecraft_from_camera(0.0, 0.0)
    quarter = np.pi / 2
    # a twist leaves +Z and takes +X to where +Y was; a tilt leaves +Y and takes +Z to where +X was
    twisted, tilted = spacecraft_from_camera(quarter, 0.0), spacecraft_from_camera(0.0, quarter)
    np.testing.assert_allclose(twisted[:, [2, 0]], plain[:, [2, 1]], atol=1e-12)
    np.testing.assert_allclose(tilted[:, [1, 2]], plain[:, [1, 0]], atol=1e-12)


@given(st.floats(-3.1, 3.1), st.floats(-1.4, 1.4), st.floats(-3, 3), st.floats(29, 31), angles, angles,
       st.floats(-2000, 2000))  # fmt: skip
def test_the_processings_spin_model_says_the_same(
    ra: float, dec: float, phase: float, period: float, twist: float, tilt: float, after: float
) -> None:
    model = SpinModel(ra, dec, phase, EPOCH, 2 * np.pi / period, twist, tilt)
    spin = Spin(model.axis, period, phase, EPOCH, twist, tilt)
    np.testing.assert_allclose(
        spin.j2000_from_camera(EPOCH + after).T, model.camera_from_j2000(EPOCH + after), atol=1e-9
    )
