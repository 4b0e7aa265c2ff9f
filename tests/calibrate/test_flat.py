import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perijove.calibrate.flat import CENTRE_RESPONSE, LINE_TILT, TILT_CHANGE, VIGNETTING, response
from perijove.calibrate.frames import SHAPE, BandFrames, CalibrationFrames, normalised, plain_frames, sum_frames
from perijove.errors import UsageError
from perijove.instrument import LIT_SAMPLES, Filter


@pytest.mark.parametrize("band", list(Filter))
def test_response_has_mean_one_and_its_shape(band):
    whole = response(band, 128, 1648)
    assert whole.shape == (128, 1648)
    assert whole.dtype == np.float32
    assert whole[:, LIT_SAMPLES].mean() == pytest.approx(1.0, abs=1e-5)
    middle = whole[63:65, 823:825].mean()
    assert middle == pytest.approx(CENTRE_RESPONSE, rel=1e-5)
    # by hand: at sample 0 the distance from the middle is 823.5 of 824 px
    assert whole[63:65, 0].mean() / middle == pytest.approx(1 - VIGNETTING * (823.5 / 824) ** 2, rel=1e-4)
    # the tilt is held beyond the last sample where it is known, and goes straight from one to the next
    change = TILT_CHANGE.get(band, (0.0,) * 8)
    for sample, more in ((800, change[-1]), (20, change[0]), (300, (change[1] + change[2]) / 2)):
        tilt = LINE_TILT[band] + more
        assert (whole[127] / whole[0])[sample] == pytest.approx((1 + tilt / 2) / (1 - tilt / 2), rel=1e-5)


@pytest.mark.parametrize("band", list(Filter))
def test_summed_response_is_the_mean_of_four(band):
    whole = response(band, 128, 1648).reshape(64, 2, 824, 2).mean(axis=(1, 3))
    assert response(band, 64, 824) == pytest.approx(whole, abs=1e-5)


@given(st.floats(0.1, 10.0))
def test_a_flat_is_normalised_whatever_its_level(level):
    flat = normalised(level * response(Filter.RED, 128, 1648))
    assert np.nanmean(flat) == pytest.approx(1.0, abs=1e-5)
    assert np.isnan(flat[:, :24]).all()
    assert np.isnan(flat[:, 1630:]).all()


def test_frames_summed_by_hand():
    flat = np.ones(SHAPE, np.float32)
    flat[0:2, 100:102] = [[0.8, 1.0], [1.2, 1.4]]
    plane = np.full(SHAPE, 0.04, np.float32)
    count = np.full(SHAPE, 9, np.int32)
    count[1, 101] = 4
    bad = np.zeros(SHAPE, bool)
    bad[1, 100] = True
    frames = BandFrames(flat, plane, count, plane, plane, count, bad)
    whole = CalibrationFrames("mine", {Filter.RED: frames}, "by hand")
    summed = whole.summed().bands[Filter.RED]
    assert summed.flat.shape == (64, 824)
    assert summed.flat[0, 50] == pytest.approx(1.1)
    assert summed.flat_sigma[0, 50] == pytest.approx(0.02)
    assert summed.flat_count[0, 50] == 4
    assert summed.bias[0, 50] == pytest.approx(0.04)
    assert np.argwhere(summed.bad).tolist() == [[0, 50]]
    assert whole.at(Filter.RED, 128) is frames
    assert whole.at(Filter.RED, 64).flat.shape == (64, 824)
    assert whole.at(Filter.BLUE, 128) is None


def test_an_unknown_pixel_makes_its_summed_pixel_unknown():
    flat = np.ones(SHAPE, np.float32)
    flat[10, 200] = np.nan
    frames = plain_frames(flat)
    assert frames.bad[10, 200]
    assert np.isnan(sum_frames(frames).flat[5, 100])


def test_planes_of_another_shape_are_refused():
    with pytest.raises(UsageError, match="flat is of shape"):
        plain_frames_of((100, 1648))


def plain_frames_of(shape):
    plane, count = np.ones(shape, np.float32), np.zeros(shape, np.int32)
    return BandFrames(plane, plane, count, plane, plane, count, np.zeros(shape, bool))
