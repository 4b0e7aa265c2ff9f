"""The camera model against the kernels' published numbers, and against itself."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perijove.instrument import FRAMELET_LINES, SAMPLES, Camera, Filter, camera_from_spacecraft

# NAIF instrument kernel juno_junocam_v03.ti: INS-6150x_FOV_BOUNDARY_CORNERS, directions of the pixels (23.5, 0.5),
# (23.5, 127.5), (1630.5, 127.5), (1630.5, 0.5) as (sample, line), and INS-6150x_BORESIGHT, that of (827.0, 64.0)
CORNERS = {
    Filter.METHANE: [
        (-0.47351727, -0.18862601, 0.86034971),
        (-0.47852984, -0.11376363, 0.87067045),
        (0.49067337, -0.11299511, 0.86398596),
        (0.48553839, -0.18735362, 0.85390345),
    ],
    Filter.BLUE: [
        (-0.47934991, -0.09577177, 0.87238262),
        (-0.48125208, -0.01885545, 0.87637943),
        (0.49346247, -0.01872799, 0.86956544),
        (0.49151356, -0.09512467, 0.86565912),
    ],
    Filter.GREEN: [
        (-0.48132762, -0.00181401, 0.87653889),
        (-0.48010800, 0.07530320, 0.87397125),
        (0.49229026, 0.07479430, 0.86721169),
        (0.49353987, -0.00180175, 0.86972131),
    ],
    Filter.RED: [
        (-0.47949606, 0.09218676, 0.87268845),
        (-0.47518685, 0.16768048, 0.86375964),
        (0.48724863, 0.16654879, 0.85723408),
        (0.49166330, 0.09156385, 0.86595800),
    ],
}
BORESIGHT = {
    Filter.METHANE: (0.00854687, -0.16805056, 0.98574133),
    Filter.BLUE: (0.00862523, -0.06371477, 0.99793088),
    Filter.GREEN: (0.00863288, 0.04084925, 0.99912803),
    Filter.RED: (0.00857099, 0.14442688, 0.98947835),
}
CORNER_LINES = np.array([0.5, 127.5, 127.5, 0.5])
CORNER_SAMPLES = np.array([23.5, 23.5, 1630.5, 1630.5])
EIGHT_DIGITS = 0.51e-8


@pytest.mark.parametrize("band", list(Filter))
def test_published_field_of_view(band: Filter) -> None:
    camera = Camera()
    corners = camera.ray(band, CORNER_LINES, CORNER_SAMPLES)
    np.testing.assert_allclose(corners, CORNERS[band], rtol=0, atol=EIGHT_DIGITS)
    middle = camera.ray(band, np.array(64.0), np.array(827.0))
    np.testing.assert_allclose(middle, BORESIGHT[band], rtol=0, atol=EIGHT_DIGITS)


@given(
    st.sampled_from(Filter),
    st.floats(0, FRAMELET_LINES),
    st.floats(0, SAMPLES),
    st.sampled_from([Camera(), Camera.measured()]),
    st.integers(1, 80),
)
def test_pixel_undoes_ray(band: Filter, line: float, sample: float, camera: Camera, stages: int) -> None:
    camera = camera.integrating(stages)
    back = camera.pixel(band, camera.ray(band, np.array(line), np.array(sample)))
    assert np.max(np.abs(back - [line, sample])) < 1e-6


@pytest.mark.parametrize("band", list(Filter))
def test_optical_centre_looks_along_z(band: Filter) -> None:
    # +Z boresight, +X along samples, +Y down the lines
    camera = Camera().with_shift(band, 2.0, -3.0)
    middle = np.array(camera.centre(band))
    np.testing.assert_allclose(camera.ray(band, *middle), [0.0, 0.0, 1.0], atol=1e-15)
    assert camera.ray(band, *(middle + np.array([0.0, 1.0])))[0] > 0
    assert camera.ray(band, *(middle + np.array([1.0, 0.0])))[1] > 0
    line, sample = Camera().centre(band)
    assert camera.centre(band) == (line + 2.0, sample - 3.0)


def test_scale_lengthens_the_focal_length() -> None:
    # 0.1 % of 500 px (undistorted: on the axis through the centre the factor is that of the ideal radius)
    plain, longer = Camera(), Camera(scale={Filter.BLUE: 1.001})
    ray = np.array([500.0 / plain.focal_length(Filter.BLUE), 0.0, 1.0])

    def ideal_to_distorted(x: float) -> float:
        return x * (1 - 5.9624209455667325e-08 * x**2 + 2.7381910042256151e-14 * x**4)

    assert plain.pixel(Filter.BLUE, ray)[1] == pytest.approx(814.21 + ideal_to_distorted(500.0), abs=1e-9)
    assert longer.pixel(Filter.BLUE, ray)[1] == pytest.approx(814.21 + ideal_to_distorted(500.5), abs=1e-9)
    assert longer.pixel(Filter.GREEN, ray)[1] == plain.pixel(Filter.GREEN, ray)[1]


def test_integration_stands_lower_on_the_chip() -> None:
    # 64 stages: the charge read out as line 10 saw, at mid-exposure, what line 10 + 31.5 sees in a snapshot
    snapshot, integrated = Camera(), Camera().integrating(64)
    line, sample = np.array([10.0]), np.array([700.0])
    expected = snapshot.ray(Filter.METHANE, line + 31.5, sample)
    np.testing.assert_allclose(integrated.ray(Filter.METHANE, line, sample), expected, atol=1e-12)
    assert Camera().integrating(1) == Camera()


def test_behind_the_camera_there_are_no_pixels() -> None:
    rays = np.array([[0.1, 0.1, -1.0], [1.0, 0.0, 0.0], [0.1, 0.1, 1.0]])
    at = Camera().pixel(Filter.RED, rays)
    assert np.isnan(at[:2]).all()
    assert np.isfinite(at[2]).all()


def test_mounting_agrees_with_the_frame_kernel(data: Path) -> None:
    spiceypy = pytest.importorskip("spiceypy", reason="spiceypy is not installed")
    spiceypy.furnsh(str(data / "kernels" / "juno_v12.tf"))
    try:
        expected = spiceypy.pxform("JUNO_SPACECRAFT", "JUNO_JUNOCAM", 0.0)
    finally:
        spiceypy.kclear()
    ours = camera_from_spacecraft()
    # the kernel's cube matrix has seven digits
    np.testing.assert_allclose(ours, expected, rtol=0, atol=2e-7)
    np.testing.assert_allclose(ours @ ours.T, np.eye(3), atol=1e-14)
    assert np.linalg.det(ours) == pytest.approx(1.0, abs=1e-14)
