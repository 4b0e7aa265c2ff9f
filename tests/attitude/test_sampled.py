"""Sampled attitudes: a free spinner comes back from its own samples, and what is no spinner is taken as it is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation, Slerp

from perijove.attitude.sampled import fit_spin, sampled_attitude
from perijove.attitude.spin import SpinModel
from perijove.errors import PointingError
from perijove.instrument import FOCAL_LENGTH_PX

angles = st.floats(0.0, 2 * np.pi)


@given(angles, st.floats(-1.57, 1.57), angles, st.floats(25.0, 35.0), st.floats(-0.01, 0.01), st.floats(-0.01, 0.01))
def test_a_free_spinner_comes_back(
    ra: float, dec: float, phase: float, period: float, twist: float, tilt: float
) -> None:
    truth = SpinModel(ra, dec, phase, 5e8, 2 * np.pi / period, twist, tilt)
    et = 5e8 + np.linspace(-7.0, 40.0, 95)
    model, rms = fit_spin(et, truth.camera_from_j2000(et))
    assert rms < 1e-5
    assert np.linalg.norm(model.axis - truth.axis) < 1e-8
    assert model.period_s == pytest.approx(period, rel=1e-8)
    assert (model.twist, model.tilt) == pytest.approx((twist, tilt), abs=1e-8)


def test_the_rms_is_the_angle_that_is_left_at_the_focal_length() -> None:
    truth = SpinModel(1.0, 0.3, 0.0, 0.0, 0.2, 0.0, 0.0)
    et = np.arange(0.0, 600.0, 1.0)
    # jitter about the boresight alone, too fast for any spin to follow
    shaken = Rotation.from_rotvec(np.outer(np.where(np.arange(et.size) % 2, 1e-3, -1e-3), [0, 0, 1])).as_matrix()
    _, rms = fit_spin(et, shaken @ truth.camera_from_j2000(et))
    assert rms == pytest.approx(1e-3 * FOCAL_LENGTH_PX, rel=0.02)


def test_between_samples_the_rate_is_constant_and_beyond_them_it_goes_on() -> None:
    rng = np.random.default_rng(3)
    truth = SpinModel(1.0, 0.3, 0.0, 0.0, 0.2, 0.0, 0.0)
    et = np.sort(rng.uniform(0.0, 60.0, 40))
    samples = Rotation.from_rotvec(rng.normal(scale=0.02, size=(40, 3))).as_matrix() @ truth.camera_from_j2000(et)
    attitude = sampled_attitude(et, samples)
    np.testing.assert_allclose(attitude.camera_from_j2000(et), samples, rtol=0, atol=1e-14)
    inside = rng.uniform(et[0], et[-1], (5, 7))
    # scipy's turns are those of vectors from the camera
    slerp = Slerp(et, Rotation.from_matrix(np.swapaxes(samples, 1, 2)))
    expected = np.swapaxes(slerp(inside.ravel()).as_matrix(), 1, 2).reshape(5, 7, 3, 3)
    np.testing.assert_allclose(attitude.camera_from_j2000(inside), expected, rtol=0, atol=1e-12)
    last = attitude.camera_from_j2000(et[-1] + (et[-1] - et[-2]))
    np.testing.assert_allclose(last, samples[-1] @ samples[-2].T @ samples[-1], rtol=0, atol=1e-12)
    assert attitude.camera_from_j2000(30.0).shape == (3, 3)


def test_it_answers_as_a_spin_model_does() -> None:
    truth = SpinModel(1.0, -0.3, 0.5, 20.0, 2 * np.pi / 30.3, 0.001, -0.002)
    et = np.linspace(0.0, 40.0, 81)
    attitude = sampled_attitude(et, truth.camera_from_j2000(et))
    for name in ("ra", "dec", "rate", "twist", "tilt", "period_s", "epoch"):
        assert getattr(attitude, name) == pytest.approx(getattr(truth, name), abs=1e-7), name
    assert np.remainder(attitude.phase - truth.phase + 1.0, 2 * np.pi) == pytest.approx(1.0, abs=1e-7)
    assert attitude.axis @ truth.axis == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("et", "rate", "told"),
    [
        ([0.0, 1.0], 0.2, "three attitudes or more"),
        ([0.0, 2.0, 1.0], 0.2, "in the order of time"),
        ([0.0, 12.0, 24.0], 0.2, "more than 120 degrees apart"),
        ([0.0, 1.0, 2.0], 1e-5, "does not turn"),
    ],
)
def test_what_tells_no_spin_is_refused(et: list[float], rate: float, told: str) -> None:
    samples = SpinModel(0.0, 0.0, 0.0, 0.0, rate, 0.0, 0.0).camera_from_j2000(np.array(et))
    with pytest.raises(PointingError, match=told):
        fit_spin(np.array(et), samples)
