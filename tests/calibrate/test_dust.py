"""Dust that is known to lie on the chip: its table, how it is drawn out, and whether a strip shows it."""

from pathlib import Path

import numpy as np
import pytest

from perijove.calibrate.bias import code_values, framelet_bias
from perijove.calibrate.decompand import SQROOT_DN
from perijove.calibrate.dust import Grain, known_dust, strength, there, with_dust
from perijove.calibrate.framelets import Treatment, calibrate, no_pattern, stages_of
from perijove.calibrate.frames import CalibrationFrames, plain_frames
from perijove.calibrate.pattern import DARKEST
from perijove.calibrate.quality import Quality
from perijove.instrument import LIT_SAMPLES, SAMPLES, Filter
from perijove.io.finder import open_strip

COLOURS = (Filter.BLUE, Filter.GREEN, Filter.RED)
SHAPE = (128, SAMPLES)
VALUES = np.tile(SQROOT_DN.astype(np.float32), (9, 1))
FULL = 255


def framelets(shares, frames=3, level=500.0):
    """Codes of a sloping scene with shot noise behind dust; the masked columns are dark."""
    rng = np.random.default_rng(5)
    line, sample = np.mgrid[: SHAPE[0], : SHAPE[1]]
    slope = level * (1.0 + 0.2 * np.sin(line / 40.0) + 0.3 * np.cos(sample / 200.0))
    light = np.stack([slope * (1 + 0.05 * k) * shares for k in range(frames)])
    light += rng.normal(0.0, 1.0, light.shape) * np.sqrt(light / 15.0 + 1.0)
    light[:, :, : LIT_SAMPLES.start] = light[:, :, LIT_SAMPLES.stop :] = 0.0
    return np.searchsorted((SQROOT_DN[1:] + SQROOT_DN[:-1]) / 2.0, light).astype(np.uint8)


@pytest.mark.parametrize("band", COLOURS)
def test_a_stage_more_draws_the_shadow_out_by_a_line(band):
    one, three = known_dust(band, *SHAPE, 1), known_dust(band, *SHAPE, 3)
    assert 0.1 < one.min() < 0.6
    # a line's charge was gathered on it and the two before it; the chip above the framelet is taken for clean
    np.testing.assert_allclose(three[2:], (one[2:] + one[1:-1] + one[:-2]) / 3, rtol=1e-6)
    np.testing.assert_allclose(three[0], (one[0] + 2) / 3, rtol=1e-6)
    # none of it lies where the mask is dark
    assert (one[:, : LIT_SAMPLES.start] == 1).all()
    assert (one[:, LIT_SAMPLES.stop :] == 1).all()


def test_summed_pixels_have_the_mean_of_four():
    one, summed = known_dust(Filter.GREEN, *SHAPE, 2), known_dust(Filter.GREEN, 64, 824, 2)
    np.testing.assert_allclose(summed[45, 227], one[90:92, 454:456].mean(), rtol=1e-6)
    assert summed[45, 227] < 0.95


def test_nothing_is_known_of_methane():
    assert (known_dust(Filter.METHANE, *SHAPE, 32) == 1).all()


@pytest.mark.parametrize("stages", [1, 3])
def test_dust_that_is_there_is_divided_out(stages):
    shares = known_dust(Filter.BLUE, *SHAPE, stages)
    codes = framelets(shares)
    found = strength(codes, VALUES[:3], shares, FULL)
    assert min(grain.looks for grain in found) == 3
    for grain in found:
        assert abs(grain.depth - 1.0) < 3 * grain.error
    pattern = with_dust(no_pattern(SHAPE), codes, VALUES[:3], FULL, Filter.BLUE, stages)
    gain, dusty = pattern.gain, shares < 1
    np.testing.assert_array_equal(np.isnan(gain), shares <= DARKEST)
    np.testing.assert_array_equal(gain[dusty & ~np.isnan(gain)], shares[dusty & ~np.isnan(gain)])
    assert (gain[~dusty] == 1).all()


def test_a_strip_without_the_dust_is_left_alone():
    shares = known_dust(Filter.BLUE, *SHAPE, 1)
    pattern = with_dust(no_pattern(SHAPE), framelets(np.ones(SHAPE)), VALUES[:3], FULL, Filter.BLUE, 1)
    assert (pattern.gain == 1).all()
    assert not there(strength(framelets(np.ones(SHAPE)), VALUES[:3], shares, FULL))


def test_one_framelet_is_enough_and_full_ones_tell_nothing():
    shares = known_dust(Filter.RED, *SHAPE, 1)
    assert len(there(strength(framelets(shares, 1), VALUES[:1], shares, FULL))) == 7
    full = np.full((2, *SHAPE), FULL, np.uint8)
    found = strength(full, VALUES[:2], shares, FULL)
    assert {(grain.looks, grain.full) for grain in found} == {(0, 2)}
    assert np.isnan([grain.depth for grain in found]).all()
    assert not there(found)


def test_places_in_doubt_go_with_the_others():
    def grain(place, depth, error, looks=1, full=0):
        return Grain(np.array([place]), depth, error, looks, full)

    sure, doubtful, denied = grain(1, 1.0, 0.1), grain(2, 0.3, 0.4), grain(3, 0.1, 0.1)
    unseen, full = grain(4, np.nan, np.nan, 0), grain(5, 1.0, 0.1, 1, 2)
    kept = there([sure, doubtful, denied, unseen, full])
    # the errors weigh: (1 / 0.01 + 0.3 / 0.16 + 0.1 / 0.01 + 1 / 0.01) / (3 / 0.01 + 1 / 0.16) = 0.69
    assert [int(g.pixels[0]) for g in kept] == [1, 2, 4]
    assert [int(g.pixels[0]) for g in there([doubtful, denied, unseen])] == []
    assert [int(g.pixels[0]) for g in there([unseen])] == [4]


def test_calibrated_light_is_even_over_the_dust(make_raw):
    shares = known_dust(Filter.BLUE, *SHAPE, 1)
    raw = make_raw({Filter.BLUE: framelets(shares, 3)}, mode="SQROOT")
    assert stages_of(raw.label) == 1
    done = calibrate(raw)
    # the place at the notch of 44C00030's lines
    window, around = np.s_[:, 80:91, 31:41], np.s_[:, 80:91, 45:60]
    light, quality = done.light[Filter.BLUE], done.quality[Filter.BLUE]
    assert np.median(light[window] / light[around].mean(axis=(1, 2))[:, None, None]) == pytest.approx(1.0, abs=0.02)
    assert np.nanmin(light[window]) > 0.85 * light[around].mean()
    dusty = shares[window[1:]] < 1
    marks = int(Quality.SPOT | Quality.FILLED)
    assert (quality[window][:, dusty] & marks != 0).all()
    # calibration frames have it in their flat
    even = plain_frames(np.where(np.isfinite(shares), shares, 1).astype(np.float32))
    other = calibrate(raw, Treatment(frames=CalibrationFrames("own", {Filter.BLUE: even}, "")))
    assert (other.details[Filter.BLUE].response[84, 35] / shares[84, 35]) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("name", ["44C00030", "44C00029"])
def test_real_strips_show_it_as_deep_as_the_table_says(data: Path, name: str):
    raw = open_strip(data / "pj44" / f"JNCE_2022229_{name}_V01-raw.png", None).raw
    stages = stages_of(raw.label)
    depths, errors = [], []
    for band in COLOURS:
        codes = raw.framelets(band)
        values = code_values(SQROOT_DN, framelet_bias(codes, SQROOT_DN, 1, lossy=True))
        found = strength(codes, values, known_dust(band, *SHAPE, stages), FULL)
        # where it would be if charge were shifted the other way it is not
        wrong = np.roll(known_dust(band, *SHAPE, stages), -3, axis=0)
        assert all(grain.depth < 0.5 for grain in strength(codes, values, wrong, FULL) if grain.looks)
        depths += [grain.depth for grain in found if grain.looks]
        errors += [grain.error for grain in found if grain.looks]
    assert len(depths) >= 7
    assert np.all(np.abs(np.array(depths) - 1.0) < 3 * np.array(errors))
    assert np.average(depths, weights=np.array(errors) ** -2) == pytest.approx(1.0, abs=0.1)
