"""Pointings that kernels give: the same pixels look the same way, whichever camera tells it."""

from dataclasses import replace

import numpy as np
import pytest

from perijove.attitude.exposure import Exposure
from perijove.attitude.given import Told, given_pointing, optics_turn
from perijove.attitude.sampled import SampledAttitude, sampled_attitude
from perijove.attitude.spin import SpinModel
from perijove.ephemeris.trajectory import Trajectory
from perijove.errors import PointingError
from perijove.instrument import FOCAL_LENGTH_PX, Camera, Filter

SPIN = SpinModel(3.1, -0.05, 1.0, 0.0, 2 * np.pi / 30.3, -0.0007, 0.0004)
ET = np.linspace(2.0, 9.0, 20)


@pytest.fixture
def exposure() -> Exposure:
    bands = (Filter.BLUE, Filter.GREEN, Filter.RED)
    return Exposure("JNCE_MADE", {b: np.zeros((20, 128, 1648), np.float32) for b in bands}, ET, 1, tdi_stages=2)


@pytest.fixture
def flight() -> Trajectory:
    et = np.array([0.0, 30.0])
    place = np.array([[1e5, 0.0, 0.0], [1e5, 1200.0, 0.0]])
    speed = np.array([[0.0, 40.0, 0.0]] * 2)
    return Trajectory("JUPITER", "kernels, made", et, place, speed, 15.0, np.diag([1.0] * 3 + [1e-6] * 3))


def by_kernels() -> tuple[np.ndarray, np.ndarray]:
    et = np.linspace(0.0, 12.0, 49)
    return et, SPIN.camera_from_j2000(et)


def attitude() -> SampledAttitude:
    et, turns = by_kernels()
    return sampled_attitude(et, optics_turn(Camera.measured()) @ turns)


def looks(camera: Camera, camera_from_j2000: np.ndarray, band: Filter) -> np.ndarray:
    """Directions (n, 3) in j2000 of a grid of pixels."""
    line, sample = (a.ravel() for a in np.meshgrid([0.5, 64.0, 127.5], np.arange(30.0, 1620.0, 100.0)))
    out: np.ndarray = camera.ray(band, line, sample) @ camera_from_j2000
    return out


@pytest.mark.parametrize("band", [Filter.BLUE, Filter.GREEN, Filter.RED])
def test_pixels_look_where_the_kernels_have_them(exposure: Exposure, flight: Trajectory, band: Filter) -> None:
    pointing = given_pointing(exposure, flight, attitude())
    kernels = Camera().integrating(exposure.tdi_stages)
    for frame in (0, 7, 19):
        ours = looks(pointing.camera, pointing.spin.camera_from_j2000(ET[frame]), band)
        theirs = looks(kernels, SPIN.camera_from_j2000(ET[frame]), band)
        away = np.linalg.norm(ours - theirs, axis=1) * FOCAL_LENGTH_PX
        # the two optics differ by a keystone too, which no turn takes away
        assert np.sqrt(np.mean(away**2)) < 1.5
    # with the measured optics and the kernel's frame they would be the 26 lines off by which the centres differ
    wrong = looks(pointing.camera, SPIN.camera_from_j2000(ET[0]), band)
    assert np.linalg.norm(wrong - looks(kernels, SPIN.camera_from_j2000(ET[0]), band), axis=1).min() > 0.015


def test_the_kernels_own_optics_need_no_turn() -> None:
    np.testing.assert_allclose(optics_turn(Camera()), np.eye(3), atol=1e-12)
    turn = optics_turn(Camera.measured())
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)


def test_what_is_left_open_is_told(exposure: Exposure, flight: Trajectory) -> None:
    pointing = given_pointing(exposure, flight, attitude())
    assert pointing.source == "kernel"
    assert not pointing.good
    assert pointing.verdict.startswith("by kernels as they are: places may stand off by 6.")
    assert "START_TIME is known to 20 ms only; --pointing kernel+image solves for that" in pointing.verdict
    # 20 ms and 19 steps of 0.3 ms of a turn in 30.3 s, the mounting, and 1 km by the 33,000 km to the ground below
    turned = np.hypot(0.02, 19 * 0.0003) * SPIN.rate * FOCAL_LENGTH_PX
    assert pointing.sigma_px == pytest.approx(np.hypot(turned, np.hypot(1.3, FOCAL_LENGTH_PX / 33146)), rel=1e-5)
    assert pointing.sigmas["offset"] == 0.02
    assert pointing.sigmas["x"] == 1.0
    assert pointing.parameters["dec"] == pytest.approx(np.degrees(SPIN.dec), abs=1e-6)
    assert list(pointing.parameters) == list(pointing.sigmas)
    assert pointing.covariance.shape == (len(pointing.sigmas),) * 2
    np.testing.assert_allclose(pointing.position_km[:, 1], 40.0 * ET)
    np.testing.assert_allclose(pointing.velocity_km_s, np.tile([0.0, 40.0, 0.0], (20, 1)), atol=1e-9)
    assert len(pointing.limb.used) == 0


def test_what_leaves_most_open_is_named(exposure: Exposure, flight: Trajectory) -> None:
    sure = replace(exposure, start_sigma_s=1e-5)
    assert "for the step between frames is known to 0.3 ms only" in given_pointing(sure, flight, attitude()).verdict
    sure = replace(sure, interframe_sigma_s=1e-6)
    assert "for the mounting is not known better" in given_pointing(sure, flight, attitude()).verdict
    # 10 s late at 40 km/s: the ground below moves by 400 km of 33,000
    late = np.diag([1.0, 400.0**2, 1.0, 0.0, 0.0, 0.0])
    predicted = given_pointing(sure, replace(flight, covariance=late), attitude())
    assert "for Juno's place is not known better" in predicted.verdict
    assert predicted.sigma_px == pytest.approx(400.0 / 33146 * FOCAL_LENGTH_PX, rel=0.01)


def test_a_solution_that_is_read_back_is_worth_what_it_was(exposure: Exposure, flight: Trajectory) -> None:
    camera = Camera({Filter.GREEN: (0.25, -0.5)}, {Filter.GREEN: 1.001})
    back = given_pointing(exposure, flight, attitude(), told=Told(camera, 3.1, placed=True))
    assert (back.camera, back.sigma_px) == (camera, 3.1)
    assert back.verdict == "by kernels of our own, as it was solved: places may stand off by 3.1 px"
    # with another's orbit that one's error comes on top
    far = replace(flight, unseen_km=100.0)
    other = given_pointing(exposure, far, attitude(), told=Told(camera, 3.1, placed=False))
    assert other.sigma_px == pytest.approx(np.hypot(3.1, 100.0 / 33146 * FOCAL_LENGTH_PX), rel=1e-3)


@pytest.mark.parametrize("moved", [-3.0, 4.0, 40.0])
def test_what_does_not_reach_over_the_strip_is_refused(exposure: Exposure, flight: Trajectory, moved: float) -> None:
    with pytest.raises(PointingError, match=r"JNCE_MADE: attitude and position .* do not reach over the strip"):
        given_pointing(exposure.moved(moved, 0.0), flight, attitude())
