from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage import color

from perijove.enhance.exposure import encode_srgb, expose, picture_bands, sky_level, white_level
from perijove.instrument import Filter
from perijove.render.planes import Planes

Lambert = Callable[..., Planes]


def test_encoding_is_that_of_srgb() -> None:
    light = np.linspace(0, 1, 100_001)
    coded = light.astype(np.float32).reshape(1, -1, 1).copy()
    encode_srgb(coded)
    exact = np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 1e-12) ** (1 / 2.4) - 0.055)
    # less than a half step of 16 bits
    np.testing.assert_allclose(coded.ravel(), exact, atol=6e-6)


def test_encoding_inverts_that_of_scikit_image() -> None:
    rng = np.random.default_rng(0)
    srgb = rng.random((50, 60, 3))
    xyz = color.rgb2xyz(srgb)
    linear = np.linalg.solve(color.colorconv.xyz_from_rgb, xyz.reshape(-1, 3).T).T.reshape(srgb.shape)
    coded = np.ascontiguousarray(linear, dtype=np.float32)
    encode_srgb(coded)
    np.testing.assert_allclose(coded, srgb, atol=2e-5)


def test_encoding_clips_and_keeps_nan() -> None:
    light = np.array([[[-0.5, 0.0, 1.0, 7.0, np.nan]]], np.float32)
    encode_srgb(light)
    np.testing.assert_array_equal(light, [[[0.0, 0.0, 1.0, 1.0, np.nan]]])


def test_exposure_is_linear_below_the_shoulder() -> None:
    light = np.array([[[110.0, 60.0, 10.0]]], np.float32)
    expose(light, np.array([10.0, 10.0, 10.0]), 0.005)
    np.testing.assert_allclose(light, [[[0.5, 0.25, 0.0]]], atol=1e-7)


@given(st.floats(0.8, 50.0), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_highlights_keep_their_hue_and_stay_below_one(top: float, second: float, third: float) -> None:
    light = np.array([[[top, top * second, top * third]]], np.float32)
    expose(light, np.zeros(3), 1.0)
    assert 0.8 - 1e-6 <= light.max() < 1.0
    np.testing.assert_allclose(light[0, 0] / light.max(), [1.0, second, third], atol=1e-6)


@given(st.floats(0.0, 20.0), st.floats(0.0, 20.0))
def test_exposure_never_turns_brighter_into_darker(one: float, other: float) -> None:
    light = np.array([[[one], [other]]], np.float32)
    expose(light, np.zeros(1), 1.0)
    low, high = sorted((one, other))
    a, b = light[0, :, 0] if one <= other else light[0, ::-1, 0]
    assert a <= b or np.isclose(low, high, rtol=1e-6)


def test_a_pixel_without_one_colour_has_none() -> None:
    light = np.array([[[0.5, np.nan, 0.2], [0.5, 0.4, 0.2]]], np.float32)
    expose(light, np.zeros(3), 1.0)
    assert np.isnan(light[0, 0]).all()
    assert np.isfinite(light[0, 1]).all()


def test_sky_level_is_the_stray_light(lambert: Lambert) -> None:
    planes = lambert((100.0, 200.0, 300.0), noise=0.5, sky=4.0)
    level = sky_level(np.moveaxis(planes.light, 0, -1), planes)
    np.testing.assert_allclose(level, 4.0, atol=0.05)


def test_without_sky_in_sight_nothing_is_taken_off(lambert: Lambert) -> None:
    planes = lambert((100.0,), sky=4.0, bands=(Filter.GREEN,))
    planes.light[:, ~(planes.cos_incidence > 0)] = np.nan
    np.testing.assert_array_equal(sky_level(np.moveaxis(planes.light, 0, -1), planes), [0.0])


def test_white_level_is_a_percentile_of_what_is_lit() -> None:
    plane = np.arange(100, dtype=np.float32).reshape(10, 10)
    light = np.stack([plane, plane / 2], axis=-1)
    assert white_level(light, plane < 51, 100.0) == 50.0
    assert white_level(light, plane < 51, 100.0, mean=True) == 37.5
    assert white_level(light, np.zeros((10, 10), bool), 100.0) == 99.0
    assert white_level(np.full((4, 4, 3), np.nan, np.float32), np.ones((4, 4), bool), 50.0) == 1.0


@pytest.mark.parametrize(
    ("have", "shown"),
    [
        ("BLUE GREEN RED", "RED GREEN BLUE"),
        ("BLUE GREEN RED METHANE", "RED GREEN BLUE"),
        ("METHANE", "METHANE"),
        ("BLUE RED", "RED"),
        ("BLUE GREEN", "GREEN"),
    ],
)
def test_bands_of_a_picture(have: str, shown: str) -> None:
    bands = picture_bands(tuple(Filter(name) for name in have.split()))
    assert [band.value for band in bands] == shown.split()
