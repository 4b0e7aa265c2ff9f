import numpy as np
import pytest
from numpy.typing import NDArray

from perijove.enhance.oklab import from_oklab, to_oklab


def lab_of(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    lab = np.empty((3, *rgb.shape[:2]), np.float32)
    to_oklab(rgb, lab)
    return lab


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        ((1, 1, 1), (1.0, 0.0, 0.0)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
        # the corners of sRGB as CSS Color 4 has them
        ((1, 0, 0), (0.62796, 0.22486, 0.12585)),
        ((0, 1, 0), (0.86644, -0.23389, 0.17950)),
        ((0, 0, 1), (0.45201, -0.03246, -0.31153)),
    ],
)
def test_known_colours(rgb: tuple[float, ...], lab: tuple[float, ...]) -> None:
    np.testing.assert_allclose(lab_of(np.array([[rgb]], np.float32))[:, 0, 0], lab, atol=2e-5)


def test_round_trip() -> None:
    rgb = np.random.default_rng(0).random((40, 50, 3)).astype(np.float32)
    lab, back = lab_of(rgb), np.zeros_like(rgb)
    from_oklab(lab, back)
    np.testing.assert_allclose(back, rgb, atol=2e-4)


def test_colours_out_of_reach_keep_lightness_and_hue() -> None:
    lab = np.array([[[0.7]], [[0.3]], [[0.2]]], np.float32)
    rgb = np.zeros((1, 1, 3), np.float32)
    from_oklab(lab, rgb)
    assert rgb.min() >= -1e-3
    assert rgb.max() <= 1.001
    near = lab_of(rgb)[:, 0, 0]
    assert near[0] == pytest.approx(0.7, abs=0.005)
    assert np.arctan2(near[2], near[1]) == pytest.approx(np.arctan2(0.2, 0.3), abs=0.02)


def test_no_data_stays_no_data() -> None:
    rgb = np.full((2, 2, 3), np.nan, np.float32)
    lab = lab_of(rgb)
    assert (lab == 0).all()
    from_oklab(lab, rgb)
    assert np.isnan(rgb).all()
