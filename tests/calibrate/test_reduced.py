"""Reduced strips: codes from samples that are table numbers times one factor, and from samples that are not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perijove.calibrate.decompand import SQROOT_DN
from perijove.calibrate.reduced import Scale, archive_numbers, codes_of, face_value, find_scale
from perijove.calibrate.response import dn_per_light
from perijove.errors import LabelError
from perijove.instrument import Filter

HIGHEST = 65535


def test_archive_numbers() -> None:
    assert archive_numbers("SQROOT").tolist() == SQROOT_DN.tolist()
    np.testing.assert_array_equal(archive_numbers("LIN8"), 8.0 * np.arange(256))
    np.testing.assert_array_equal(archive_numbers("LIN1"), np.arange(256))
    with pytest.raises(LabelError, match="SAMPLE_BIT_MODE_ID"):
        archive_numbers("LOG")


@given(
    value=st.floats(1.05, 22.0),
    cut=st.booleans(),
    mode=st.sampled_from(["SQROOT", "LIN1", "LIN8"]),
    brightest=st.integers(60, 250),
    missing=st.sets(st.integers(0, 250), max_size=12),
    hits=st.sets(st.integers(61, 255), max_size=20),
)
def test_any_factor_is_found_and_gives_the_codes_back(
    value: float, cut: bool, mode: str, brightest: int, missing: set[int], hits: set[int]
) -> None:
    """A scene has nearly all codes up to its brightest, hits any: whatever the factor, each code comes back."""
    codes = np.array(sorted({*range(brightest), *hits} - missing), np.uint8)
    numbers = archive_numbers(mode)
    product = numbers[codes] * value
    samples = (np.floor(product) if cut else np.rint(product)).astype(np.uint16)
    scale = find_scale(samples, numbers, HIGHEST)
    assert scale is not None
    np.testing.assert_array_equal(codes_of(samples, numbers, scale, HIGHEST), codes)


@given(value=st.floats(1.05, 22.0), codes=st.sets(st.integers(0, 255), min_size=2, max_size=20))
def test_few_samples_are_explained_but_not_surely(value: float, codes: set[int]) -> None:
    """Of a few samples several factors may be true: the one that is found makes these samples, at least."""
    numbers = archive_numbers("SQROOT")
    samples = np.rint(numbers[sorted(codes)] * value).astype(np.uint16)
    scale = find_scale(samples, numbers, HIGHEST)
    assert scale is not None
    again = numbers[codes_of(samples, numbers, scale, HIGHEST)] * scale.value
    assert (np.abs(again - (samples + scale.shift)) <= 0.51).all()


def test_a_factor_that_explains_all_but_one_sample_is_none() -> None:
    numbers = archive_numbers("SQROOT")
    samples = np.rint(numbers * 4.7).astype(np.uint16)
    assert find_scale(samples, numbers, HIGHEST) is not None
    samples[100] += 2
    assert find_scale(samples, numbers, HIGHEST) is None


def test_dark_samples_alone() -> None:
    """Nothing but sky: two numbers may fit a sample, and the way on decides."""
    numbers = archive_numbers("SQROOT")
    for value in (1.125, 1.4, 3.9, 11.7):
        codes = np.arange(13, dtype=np.uint8)
        samples = np.rint(numbers[codes] * value).astype(np.uint16)
        scale = find_scale(samples, numbers, HIGHEST)
        assert scale is not None
        np.testing.assert_array_equal(codes_of(samples, numbers, scale, HIGHEST), codes)


def test_what_tells_nothing() -> None:
    numbers = archive_numbers("SQROOT")
    assert find_scale(np.zeros(5, np.uint16), numbers, HIGHEST) is None
    assert find_scale(np.full(5, HIGHEST, np.uint16), numbers, HIGHEST) is None
    assert find_scale(np.arange(300, dtype=np.uint16), numbers, HIGHEST) is None  # more samples than codes
    assert find_scale(np.rint(numbers * 0.3).astype(np.uint16), numbers, HIGHEST) is None  # codes that share one


def test_codes_of_what_was_clipped() -> None:
    numbers = archive_numbers("SQROOT")
    samples = np.array([0, 30, 32766, 32767], np.uint16)
    assert codes_of(samples, numbers, Scale(30.0, 0.0), 32767).tolist() == [0, 1, 189, 255]
    assert (numbers[189], numbers[190]) == (1087, 1103)  # 32766 / 30 is 1092.2, nearer to the former


def test_face_value() -> None:
    white = dn_per_light(Filter.RED, 0.0064, 44, 7.4e8)
    assert face_value(Filter.RED, 0.0064, 44, 7.4e8).value * white == pytest.approx(10000)
    with pytest.raises(LabelError, match="EXPOSURE_DURATION"):
        face_value(Filter.RED, -1.0, 44, 7.4e8)
