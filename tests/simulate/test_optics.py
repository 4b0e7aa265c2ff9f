"""Rays and sub-samples of the simulator's camera: the kernel's published directions, and sums that must come out."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perijove.instrument import CENTRE_LINE, CENTRE_SAMPLE, FOCAL_LENGTH_PX, MEASURED_SHIFT, Camera, Filter
from perijove.simulate.optics import PAD_LINES, STAGE_S, Lens, Samples, looks, sub_samples, undistort

KERNEL = Lens(shift={}, scale={})
MIDDLE = Samples(np.array([0.5]), np.array([0.5]), np.array([0.0]))
# NAIF instrument kernel juno_junocam_v03.ti, INS-6150x_FOV_BOUNDARY_CORNERS: directions of the middles of the pixels
# with line 0 and 127, sample 23 and 1630, (0, 23), (127, 23), (127, 1630), (0, 1630)
CORNERS = {
    Filter.METHANE: [
        (-0.47351727, -0.18862601, 0.86034971), (-0.47852984, -0.11376363, 0.87067045),
        (0.49067337, -0.11299511, 0.86398596), (0.48553839, -0.18735362, 0.85390345),
    ],
    Filter.BLUE: [
        (-0.47934991, -0.09577177, 0.87238262), (-0.48125208, -0.01885545, 0.87637943),
        (0.49346247, -0.01872799, 0.86956544), (0.49151356, -0.09512467, 0.86565912),
    ],
    Filter.GREEN: [
        (-0.48132762, -0.00181401, 0.87653889), (-0.48010800, 0.07530320, 0.87397125),
        (0.49229026, 0.07479430, 0.86721169), (0.49353987, -0.00180175, 0.86972131),
    ],
    Filter.RED: [
        (-0.47949606, 0.09218676, 0.87268845), (-0.47518685, 0.16768048, 0.86375964),
        (0.48724863, 0.16654879, 0.85723408), (0.49166330, 0.09156385, 0.86595800),
    ],
}  # fmt: skip


@pytest.mark.parametrize("band", list(Filter))
def test_published_field_of_view(band: Filter) -> None:
    rays = looks(KERNEL, band, MIDDLE)
    assert rays.shape == (128 + 2 * PAD_LINES, 1648, 1, 3)
    lines, samples = np.array([0, 127, 127, 0]) + PAD_LINES, np.array([23, 23, 1630, 1630])
    np.testing.assert_allclose(rays[lines, samples, 0], CORNERS[band], rtol=0, atol=0.51e-8)


@given(st.floats(0.0, 1200.0), st.floats(-1e-7, 1e-7), st.floats(0.0, 5e-14))
def test_undistort_inverts_the_polynomial(ideal: float, k1: float, k2: float) -> None:
    distorted = ideal * (1 + k1 * ideal**2 + k2 * ideal**4)
    factor = undistort(np.array([distorted]), k1, k2)
    assert factor[0] * distorted == pytest.approx(ideal, abs=1e-8)


def test_the_optical_centre_has_no_direction_of_its_own() -> None:
    assert undistort(np.zeros(2), -6e-8, 2.7e-14).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("band", list(Filter))
def test_the_measured_camera_is_the_processings(band: Filter) -> None:
    # Lens() and Camera.measured() stand for the same camera
    samples = sub_samples(2, 3)
    lines, along = np.array([0, 40, 135]), np.array([24, 800, 1629])
    rays = looks(Lens(), band, samples)[np.ix_(lines, along)]
    line = (lines - PAD_LINES)[:, None, None] + samples.line
    sample = along[:, None] + samples.sample
    np.testing.assert_allclose(rays, Camera.measured().ray(band, *np.broadcast_arrays(line, sample)), atol=1e-9)


def test_shift_and_scale_by_hand() -> None:
    lens = Lens(shift={Filter.RED: (2.0, -3.0)}, scale={Filter.RED: 1.001}, k1=0.0, k2=0.0)
    ray = looks(lens, Filter.RED, Samples(np.array([0.1]), np.array([0.7]), np.zeros(1)))[10 + PAD_LINES, 900, 0]
    u, v = 900.7 - (CENTRE_SAMPLE - 3.0), 10.1 - (CENTRE_LINE[Filter.RED] + 2.0)
    expected = np.array([u, v, 1.001 * FOCAL_LENGTH_PX])
    np.testing.assert_allclose(ray, expected / np.linalg.norm(expected), atol=1e-12)


def test_every_lens_has_its_own_shifts() -> None:
    assert Lens().shift == dict(MEASURED_SHIFT)
    assert replace(Lens(), shift={}).shift == {}


@given(st.integers(1, 8), st.integers(1, 80))
def test_the_mean_place_and_time_are_the_middle(per_side: int, stages: int) -> None:
    samples = sub_samples(per_side, stages)
    assert samples.line.shape == samples.sample.shape == samples.seconds.shape == (per_side**2,)
    assert samples.line.mean() == pytest.approx(0.5 + (stages - 1) / 2, abs=1e-9)
    assert samples.sample.mean() == pytest.approx(0.5, abs=1e-12)
    assert samples.seconds.mean() == pytest.approx(0.0, abs=1e-12)
    assert np.abs(samples.seconds).max() < stages * STAGE_S / 2
    assert samples.line.min() > 0.0
    assert samples.line.max() < stages


@given(st.integers(1, 8), st.integers(1, 80))
def test_place_and_time_do_not_lean_on_each_other(per_side: int, stages: int) -> None:
    # the charge follows the scene by a row a stage: what is left are the place in the pixel and the time in the stage,
    # each evenly spread, and their sum varies as the sum of their variances only where they are independent
    samples = sub_samples(per_side, stages)
    left = samples.line + samples.seconds / STAGE_S
    even = (1 - per_side**-2.0) / 12 + (1 if per_side > 1 else 0) / 12
    assert left.var() == pytest.approx(even, abs=1e-9)


@pytest.mark.parametrize("per_side", [2, 3, 4, 5])
def test_one_stage_fills_every_cell_once_and_leans_to_no_side(per_side: int) -> None:
    samples = sub_samples(per_side, 1)
    cells = {
        (int(line * per_side), int(sample * per_side))
        for line, sample in zip(samples.line, samples.sample, strict=True)
    }
    assert len(cells) == per_side**2
    # as many moments as cells along a side, each equally often, and as widely spread as the whole stage
    moments, often = np.unique(np.round(samples.seconds / STAGE_S, 9), return_counts=True)
    assert len(moments) == per_side
    assert set(often) == {per_side}
    assert moments.var() == pytest.approx(1 / 12)
    # early and late light lean neither along the lines nor across them
    assert np.cov(samples.line, samples.seconds)[0, 1] == pytest.approx(0.0, abs=1e-15)
    assert np.cov(samples.sample, samples.seconds)[0, 1] == pytest.approx(0.0, abs=1e-15)


def test_early_charge_stands_further_down() -> None:
    # two stages, four sub-samples: the first two are taken a row below where the charge is read out
    samples = sub_samples(2, 2)
    order = np.argsort(samples.seconds)
    assert np.floor(samples.line[order]).tolist() == [1, 1, 0, 0]
    assert (samples.seconds[order] < 0).tolist() == [True, True, False, False]


def test_without_smear_all_light_falls_in_the_middle() -> None:
    samples = sub_samples(3, 5, smear=False)
    assert not samples.seconds.any()
    assert sorted(set(np.round(samples.line - 2.0, 9))) == pytest.approx([1 / 6, 1 / 2, 5 / 6])
