"""What is known beforehand where kernels or a bare limb tell it, and when a turned camera is believed."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from perijove.attitude.exposure import Exposure
from perijove.attitude.gather import MOUNTING_SIGMAS, _turned
from perijove.attitude.priors import (
    AXIS_SIGMA,
    KERNEL_AXIS_SIGMA,
    LOOSE_MOUNTING_SIGMA,
    RATE_DRIFT,
    TILT_SIGMA,
    TWIST_SIGMA,
    Anchor,
    free_unknowns,
    kernel_anchor,
)
from perijove.attitude.sampled import sampled_attitude
from perijove.attitude.search import AxisHint, Scene
from perijove.attitude.spin import SpinModel
from perijove.bodies import GANYMEDE
from perijove.ephemeris.trajectory import Trajectory
from perijove.instrument import FOCAL_LENGTH_PX, MOUNTING_TILT, MOUNTING_TWIST, Filter

ET = np.array([0.0, 10.0])
FLIGHT = Trajectory("GANYMEDE", "made", ET, np.full((2, 3), 4e3), np.zeros((2, 3)), 0.0, np.eye(6))
SCENE = Scene(FLIGHT, GANYMEDE, np.array([1.0, 0.0, 0.0]), AxisHint(np.array([0.0, 1.0, 0.0]), 0.1))
SPIN = SpinModel(3.0, 0.5, 1.0, 0.0, 2 * np.pi / 30.3, MOUNTING_TWIST - 0.0005, MOUNTING_TILT + 0.0007)
EXPOSURE = Exposure("A", {Filter.GREEN: np.zeros((2, 128, 1648), np.float32)}, ET, 1)
AXIS, RATE = 1e-4, 2e-5


def known(anchor: Anchor | None, reference: SpinModel = SPIN, *, loose: bool = False) -> dict[str, tuple[float, float]]:
    free = free_unknowns([EXPOSURE], anchor, reference, SCENE, loose=loose)
    return {name: prior for name, prior in free.items() if prior is not None}


def test_a_kernel_of_the_moment_has_not_drifted() -> None:
    prior = known(Anchor(SPIN, AXIS, RATE, of_the_moment=True))
    assert prior["dec"] == (0.5, pytest.approx(AXIS))
    # on the sky a turn in right ascension is smaller by cos dec
    assert prior["ra"] == (3.0, pytest.approx(AXIS / np.cos(0.5)))
    assert prior["rate"] == (SPIN.rate, pytest.approx(RATE * SPIN.rate))
    # and it knows how the camera is mounted, as far as the axis' own wandering lets it
    assert prior["twist"] == (SPIN.twist, LOOSE_MOUNTING_SIGMA)
    assert prior["tilt"] == (SPIN.tilt, LOOSE_MOUNTING_SIGMA)


def test_the_rest_of_a_pass_has_drifted() -> None:
    prior = known(Anchor(SPIN, AXIS, RATE))
    assert prior["dec"] == (0.5, pytest.approx(np.hypot(AXIS_SIGMA, AXIS)))
    assert prior["rate"] == (SPIN.rate, pytest.approx(np.hypot(RATE_DRIFT, RATE) * SPIN.rate))
    assert prior["twist"] == (MOUNTING_TWIST, TWIST_SIGMA)
    assert prior["tilt"] == (MOUNTING_TILT, TILT_SIGMA)


@pytest.mark.parametrize(("uneven", "told"), [(0.0, True), (0.7, True), (5.0, False)])
def test_an_attitude_tells_an_axis_as_well_as_it_turns_evenly(uneven: float, told: bool) -> None:
    et = np.linspace(0.0, 30.0, 121)
    nod = Rotation.from_rotvec(np.outer(np.sin(et * 2.1), [uneven / FOCAL_LENGTH_PX, 0.0, 0.0])).as_matrix()
    attitude = sampled_attitude(et, nod @ SPIN.camera_from_j2000(et))
    anchor = kernel_anchor(attitude)
    assert (anchor is not None) is told
    if anchor is not None:
        assert anchor.of_the_moment
        assert np.arccos(min(anchor.spin.axis @ SPIN.axis, 1.0)) < 2.0 * anchor.axis_sigma
        assert abs(anchor.spin.rate / SPIN.rate - 1.0) < 2.0 * anchor.rate_sigma
        assert anchor.axis_sigma == pytest.approx(np.hypot(KERNEL_AXIS_SIGMA, attitude.rms_px / FOCAL_LENGTH_PX))


def test_the_axis_is_told_on_the_solutions_own_turn() -> None:
    anchor = Anchor(SPIN, AXIS, RATE, of_the_moment=True)
    assert known(anchor, replace(SPIN, ra=3.0 - 4 * np.pi + 0.1))["ra"][0] == pytest.approx(3.0 - 4 * np.pi)


def test_without_an_anchor_the_earth_tells_the_axis() -> None:
    prior = known(None)
    assert prior["dec"] == (pytest.approx(0.0, abs=1e-12), 0.1)
    assert known(None, loose=True)["twist"] == (MOUNTING_TWIST, LOOSE_MOUNTING_SIGMA)
    assert known(None, loose=True)["tilt"] == (MOUNTING_TILT, LOOSE_MOUNTING_SIGMA)
    assert known(None, loose=True)["dec"] == prior["dec"]


def test_a_turned_camera_by_hand() -> None:
    # 0.0005 of 0.0002, and 0.0007 of 0.001
    assert _turned(SPIN, loose=False) == pytest.approx(2.5)
    # where it was free to move, both count against the same
    assert _turned(SPIN, loose=True) == pytest.approx(0.7)


def test_what_is_possible_depends_on_what_was_free() -> None:
    # a twist of 0.0007 off the usual one is possible; 0.0013 is so only where it was free to move; 0.0065 never is
    for twist, tight, loose in ((0.0007, True, True), (0.0013, False, True), (0.0065, False, False)):
        turned = replace(SPIN, twist=MOUNTING_TWIST - twist, tilt=MOUNTING_TILT)
        assert (_turned(turned, loose=False) < MOUNTING_SIGMAS) is tight
        assert (_turned(turned, loose=True) < MOUNTING_SIGMAS) is loose
