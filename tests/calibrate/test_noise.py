from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from perijove.calibrate.bias import code_values, framelet_bias
from perijove.calibrate.decompand import decompanding_table
from perijove.calibrate.noise import (
    CODING_STEP,
    ELECTRONS_PER_DN,
    FLAT_SIGMA,
    READ_NOISE_DN,
    REPAIR,
    cut_variance,
    kept_share,
    kept_variance,
    noise_model,
    steps_at,
    variance,
)
from perijove.calibrate.quality import Quality
from perijove.instrument import SAMPLES, Filter
from perijove.io.finder import open_strip
from perijove.simulate.compression import LOSSLESS, LOSSY, compress
from perijove.simulate.detector import AU_KM, Detector, expose

Light = NDArray[np.float32]
SQROOT, LIN8 = decompanding_table("SQROOT"), decompanding_table("LIN8")
ONES = np.ones((8, 12), np.float32)
GOOD = np.zeros((1, 8, 12), np.uint8)


def flat_light(dn: float, response: float = 1.0) -> Light:
    return np.full((1, 8, 12), dn / response, np.float32)


@pytest.mark.parametrize(("dn", "step"), [(40.0, 2.0), (150.0, 4.0), (700.0, 8.0), (1200.0, 16.0), (2000.0, 32.0)])
@pytest.mark.parametrize("binning", [1, 2])
def test_even_light_has_shot_read_and_rounding_noise(dn: float, step: float, binning: int) -> None:
    model = noise_model(SQROOT, binning=binning)
    found = variance(flat_light(dn), ONES, GOOD, model, flat_sigma=0.0)
    by_hand = (dn / ELECTRONS_PER_DN + READ_NOISE_DN**2 + 1 / 12) / binning**2 + step**2 / 12
    np.testing.assert_allclose(found, by_hand, rtol=2e-3)


def test_linear_codes_are_eight_wide_everywhere() -> None:
    model = noise_model(LIN8)
    for dn in (0.0, 10.0, 900.0):
        found = variance(flat_light(dn), ONES, GOOD, model, flat_sigma=0.0)
        np.testing.assert_allclose(found, dn / ELECTRONS_PER_DN + READ_NOISE_DN**2 + 1 / 12 + 64 / 12, rtol=2e-3)


def test_steps_are_those_between_neighbouring_numbers() -> None:
    np.testing.assert_allclose(
        steps_at(SQROOT, np.array([5.0, 43.0, 101.0, 400.0, 1300.0, 2500.0])), [1, 2, 4, 8, 16, 32]
    )


def test_a_weak_response_makes_the_same_charge_noisier_light() -> None:
    model = noise_model(SQROOT)
    plain = variance(flat_light(400.0), ONES, GOOD, model, flat_sigma=0.0)
    weak = variance(flat_light(400.0, 0.5), ONES * np.float32(0.5), GOOD, model, flat_sigma=0.0)
    np.testing.assert_allclose(weak, 4 * plain, rtol=1e-5)


def test_the_flats_error_grows_with_the_square_of_the_light() -> None:
    model = noise_model(SQROOT)
    without, with_it = (variance(flat_light(900.0), ONES, GOOD, model, flat_sigma=s) for s in (0.0, 0.01))
    np.testing.assert_allclose(with_it - without, 81.0, rtol=1e-4)
    default = variance(flat_light(900.0), ONES, GOOD, model)
    np.testing.assert_allclose(default - without, (900 * FLAT_SIGMA) ** 2, rtol=1e-3)


def test_the_flats_error_may_be_told_pixel_by_pixel() -> None:
    model, light = noise_model(SQROOT), flat_light(900.0)
    without = variance(light, ONES, GOOD, model, flat_sigma=0.0)
    plane = np.linspace(0.0, 0.05, 96, dtype=np.float32).reshape(8, 12)
    plane[3, 4] = np.nan
    found = variance(light, ONES, GOOD, model, flat_sigma=plane) - without
    by_hand = np.square(900.0 * np.where(np.isnan(plane), FLAT_SIGMA, plane))
    np.testing.assert_allclose(found[0], by_hand, rtol=1e-3, atol=1e-3)
    even = variance(light, ONES, GOOD, model, flat_sigma=np.full((8, 12), 0.02, np.float32))
    np.testing.assert_allclose(even, variance(light, ONES, GOOD, model, flat_sigma=0.02), rtol=1e-6)


def test_an_unknown_error_of_a_summed_flat_is_the_models() -> None:
    model, light = noise_model(SQROOT, binning=2), flat_light(900.0)
    unknown = np.full((8, 12), np.nan, np.float32)
    np.testing.assert_array_equal(
        variance(light, ONES, GOOD, model, flat_sigma=unknown), variance(light, ONES, GOOD, model)
    )


def test_the_veils_error_comes_beside_the_noise_through_the_response() -> None:
    model = noise_model(SQROOT)
    light = np.full((2, 20, 40), 400.0, np.float32)
    response, good = np.full((20, 40), 0.5, np.float32), np.zeros(light.shape, np.uint8)
    sigma = np.arange(2 * 2 * 3, dtype=np.float32).reshape(2, 2, 3)
    plain = variance(light, response, good, model)
    found = variance(light, response, good, model, veil_sigma=sigma) - plain
    # blocks are 16 px wide, the last ones cut short
    by_hand = np.square(sigma.repeat(16, 1).repeat(16, 2)[:, :20, :40] / 0.5)
    np.testing.assert_allclose(found, by_hand, rtol=1e-4, atol=2e-4)


def test_dark_charge_that_was_taken_off_leaves_its_noise() -> None:
    model, extra = noise_model(SQROOT), np.full((8, 12), 500.0, np.float32)
    found = variance(flat_light(0.0), ONES, GOOD, model, extra=extra, flat_sigma=0.0)
    same = variance(flat_light(500.0), ONES, GOOD, model, flat_sigma=0.0)
    np.testing.assert_allclose(found, same, rtol=1e-6)


def test_noise_is_looked_up_at_the_mean_of_what_is_around() -> None:
    model, light = noise_model(SQROOT), flat_light(100.0)
    light[0, 4, 6] += 25.0
    light[0, 4, 7] = np.nan
    found = variance(light, ONES, GOOD, model, flat_sigma=0.0)
    # one pixel of 24 is 25 DN brighter
    expected = variance(flat_light(100.0 + 25.0 / 24), ONES, GOOD, model, flat_sigma=0.0)
    assert found[0, 4, 6] == pytest.approx(expected[0, 4, 6], rel=1e-5)
    assert np.isnan(found[0, 4, 7])
    assert np.count_nonzero(np.isnan(found)) == 1


def test_replaced_full_and_shadowed_pixels() -> None:
    model, light, quality = noise_model(SQROOT), flat_light(200.0), GOOD.copy()
    for sample, bit in enumerate((Quality.HIT, Quality.FLIPPED, Quality.FILLED, Quality.FULL, Quality.SUSPECT)):
        quality[0, 0, sample] = bit
    plain = variance(light, ONES, GOOD, model)[0, 0, 0]
    found = variance(light, ONES, quality, model)[0, 0]
    np.testing.assert_allclose(found[:3], REPAIR * plain, rtol=1e-6)
    assert found[3] == pytest.approx(plain + 200.0**2)
    np.testing.assert_allclose(found[4:], plain)
    # at 200 DN codes are 4 DN wide
    index = np.array([0, 1])
    listed = variance(light, ONES, quality, model, index=index, sigma_codes=np.array([1.5, np.nan], np.float32))[0, 0]
    assert listed[0] == pytest.approx(plain + 36.0, rel=1e-4)
    assert listed[1] == pytest.approx(REPAIR * plain + 200.0**2, rel=1e-4)
    np.testing.assert_allclose(listed[2:], found[2:])


@pytest.mark.parametrize("binning", [1, 2])
@pytest.mark.parametrize("level", [-0.5, 0.3])
@pytest.mark.parametrize("dn", [0.0, 0.8, 2.5, 7.0])
def test_the_converters_cut_by_dice(dn: float, level: float, binning: int) -> None:
    rng, zero = np.random.default_rng(7), -0.3
    charge = dn + level + READ_NOISE_DN * rng.standard_normal((200_000, binning**2))
    number = np.rint(np.maximum(np.rint(charge), 0).mean(axis=1))
    read = np.where(number == 0, zero, number - level)
    found = cut_variance(np.array([dn]), np.array([READ_NOISE_DN]), SQROOT, level, zero, binning)
    assert found[0] == pytest.approx(np.mean((read - dn) ** 2), rel=0.02)


@given(st.floats(0.1, 3.0))
@settings(max_examples=20, deadline=None)
def test_what_rounding_to_steps_keeps_of_noise_by_dice(sigma: float) -> None:
    noise = sigma * np.random.default_rng(11).standard_normal(200_000)
    kept = np.rint(np.abs(noise) / CODING_STEP) * CODING_STEP
    found = kept_variance(np.array([sigma]))[0]
    assert found == pytest.approx(np.mean(kept**2), rel=0.05, abs=0.01)


@pytest.mark.parametrize("sigma", [0.5, 0.65, 0.8, 1.2])
def test_what_coding_keeps_of_a_block_of_noise_by_the_coder(sigma: float) -> None:
    # codes of 100 +- sigma are not cut at 0; coding rounds them to whole codes again
    rng = np.random.default_rng(12)
    codes = np.rint(100 + sigma * rng.standard_normal((320, 1600))).astype(np.uint8)
    blocks = compress(codes).astype(float).reshape(20, 16, 100, 16)
    left = np.mean((blocks - blocks.mean(axis=(1, 3), keepdims=True)) ** 2)
    rounded = np.array([np.hypot(sigma, np.sqrt(1 / 12))])
    expected = kept_variance(rounded) * kept_share(rounded)
    assert left == pytest.approx(expected[0], rel=0.15, abs=0.1)


@given(st.floats(-3.0, 2900.0), st.booleans(), st.sampled_from([1, 2]), st.sampled_from(["SQROOT", "LIN1", "LIN16"]))
@settings(max_examples=40, deadline=None)
def test_any_light_has_a_variance_that_can_be_divided_by(dn: float, lossy: bool, binning: int, mode: str) -> None:
    model = noise_model(decompanding_table(mode), level_dn=-0.5, zero_dn=-0.3, lossy=lossy, binning=binning)
    light = flat_light(dn)
    found = variance(light, ONES, GOOD, model)
    assert np.isfinite(found).all()
    assert (found > 0.01).all()
    np.testing.assert_array_equal(light, flat_light(dn))


def scene(rng: np.random.Generator, grain: float) -> Light:
    """Sky with a glow that grows to 2 DN, and from a quarter on clouds of 10 %, of sizes
    from `grain` px, up to 2000 DN; (2, 128, 1648) DN."""
    clouds = np.zeros((2, 128, SAMPLES))
    for size in (1.0, 3.0, 8.0):
        layer = gaussian_filter(rng.standard_normal(clouds.shape), (0.0, size * grain, size * grain))
        clouds += 0.06 * layer / layer.std()
    along = np.linspace(-0.25, 0.75, SAMPLES) / 0.75
    level = np.where(along > 0, 2.0 * 1000.0 ** np.maximum(along, 0.0), np.maximum(2.0 + 8.0 * along, 0.0))
    return np.maximum(level * (1 + clouds), 0.0).astype(np.float32)


@pytest.mark.parametrize("compression", [LOSSLESS, LOSSY])
@pytest.mark.parametrize("binning", [1, 2])
def test_errors_of_simulated_strips_are_as_large_as_said(compression: str, binning: int) -> None:
    # what other tests are for is left out: stray light, defects, the shape of the flat
    detector = replace(
        Detector(), stray_light=0.0, hits_per_framelet=0.0, hot_pixels=0.0, dust_spots=0.0, vignetting=0.0,
        line_tilt=None, response={Filter.GREEN: 1.0}, fading=None,
    )  # fmt: skip
    truth = scene(np.random.default_rng(5), 1.5 * binning)
    strip = expose(
        {Filter.GREEN: truth}, detector, exposure_s=1.0, perijove=20, sun_distance_km=5.2 * AU_KM,
        filters=(Filter.GREEN,), compression=compression, binning=binning, seed=4,
    )  # fmt: skip
    lossy = compression == LOSSY
    codes = strip.codes.reshape(2, 128 // binning, -1)
    bias = framelet_bias(codes, SQROOT, binning, lossy=lossy)
    values = code_values(SQROOT, bias)
    light = np.stack([values[f][codes[f]] for f in range(2)])
    light[:, :, : 24 // binning] = light[:, :, 1630 // binning :] = np.nan
    true = truth.reshape(2, 128 // binning, binning, -1, binning).mean(axis=(2, 4))
    level, zero = float(bias.level_dn.mean()), float(bias.zero_dn.mean())
    model = noise_model(SQROOT, level_dn=level, zero_dn=zero, binning=binning, lossy=lossy)
    response = np.ones(light.shape[1:], np.float32)
    chi2 = (light - true) ** 2 / variance(light, response, np.zeros(light.shape, np.uint8), model)
    # sky that is quite black comes back from coding without an error, which nobody can know
    assert (0.6 if lossy else 0.8) < chi2[np.isfinite(light) & (true < 5)].mean() < (1.6 if binning == 2 else 1.25)
    for low, high in ((5, 30), (30, 100), (100, 250), (250, 700), (700, 1000), (1000, 2000)):
        inside = np.isfinite(light) & (true >= low) & (true < high)
        assert inside.sum() > 2000
        assert 0.8 < chi2[inside].mean() < 1.25, f"{low} to {high} DN"


@pytest.mark.parametrize("band", [Filter.BLUE, Filter.GREEN, Filter.RED])
def test_masked_columns_of_a_real_lossless_strip_scatter_as_said(data: Path, band: Filter) -> None:
    raw = open_strip(data / "pj44" / "JNCE_2022229_44C00074_V01-raw.png").raw
    codes = raw.framelets(band)
    bias = framelet_bias(codes, SQROOT, 1)
    values = code_values(SQROOT, bias)
    light = np.stack([values[f][codes[f]] for f in range(len(codes))])[:, :, 2:21]
    model = noise_model(SQROOT, level_dn=float(bias.level_dn.mean()), zero_dn=float(bias.zero_dn.mean()))
    response = np.ones(light.shape[1:], np.float32)
    chi2 = light**2 / variance(light, response, np.zeros(light.shape, np.uint8), model)
    # hits and hot pixels are no noise
    assert 0.8 < chi2[chi2 < 25].mean() < 1.25
