from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import perijove
from perijove.calibrate.bias import code_values, framelet_bias, lit_columns
from perijove.calibrate.deblock import deblock
from perijove.calibrate.decompand import decompanding_table
from perijove.instrument import SAMPLES, Filter
from perijove.simulate.compression import LOSSY
from perijove.simulate.detector import AU_KM, RESPONSE_AU, Detector, expose

TABLE = decompanding_table("SQROOT")


def photograph(light: np.ndarray, binning: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codes after lossy coding, their light and the true light, DN, of framelets (frames, 128, 1648)."""
    detector = Detector(response={Filter.BLUE: 1.0}, fading=None, line_tilt=None, vignetting=0.0, dust_spots=0.0,
                        hot_pixels=0.0, hits_per_framelet=0.0, stray_light=0.0, column_gain=0.0)  # fmt: skip
    done = expose({Filter.BLUE: light.astype(np.float32)}, detector, exposure_s=1.0, perijove=44,
                  sun_distance_km=RESPONSE_AU * AU_KM, filters=[Filter.BLUE], binning=binning,
                  compression=LOSSY)  # fmt: skip
    codes = done.codes.reshape(len(light), 128 // binning, SAMPLES // binning)
    shape = len(light), 128 // binning, binning, SAMPLES // binning, binning
    return codes, decompand(codes, binning), done.dn[Filter.BLUE].reshape(shape).mean(axis=(2, 4))


def decompand(codes: np.ndarray, binning: int) -> np.ndarray:
    values = code_values(TABLE, framelet_bias(codes, TABLE, binning, lossy=True))
    light = np.stack([row[plane] for row, plane in zip(values, codes, strict=True)])
    seeing = lit_columns(binning)
    light[:, :, : seeing.start] = light[:, :, seeing.stop :] = np.nan
    return light


def pixels(blocks: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return blocks.repeat(16, axis=1).repeat(16, axis=2)[:, : shape[1], : shape[2]]


def borders(light: np.ndarray, codes: np.ndarray) -> float:
    """Step of the mean light across the borders of neighbouring blocks whose codes are below 1, DN: the sigma of the
    bulk of them, for hot columns and hits are no borders."""
    blocks = light[:, :, 32:1616].reshape(len(light), 8, 16, 99, 16)
    dark = codes[:, :, 32:1616].reshape(blocks.shape).mean(axis=(2, 4)) < 1.0
    steps = (blocks[:, :, :, 1:, 0] - blocks[:, :, :, :-1, 15]).mean(axis=2)
    steps = steps[dark[:, :, 1:] & dark[:, :, :-1]]
    low, high = np.percentile(steps, [15.9, 84.1])
    return float(high - low) / 2


def test_flat_patches_come_to_lie_on_one_plain() -> None:
    codes = np.zeros((1, 128, 160), np.uint8)
    patches = np.random.default_rng(1).integers(0, 2, (8, 10)).astype(np.uint8)
    codes[0] = patches.repeat(16, axis=0).repeat(16, axis=1)
    light = codes.astype(np.float32)
    touched = deblock(light, codes)
    assert touched.all()
    # no step is left between any two neighbours: the surface has a slope of 1 DN a block at most
    assert np.abs(np.diff(light[0], axis=0)).max() < 1 / 16 + 1e-5
    assert np.abs(np.diff(light[0], axis=1)).max() < 1 / 16 + 1e-5
    assert light.mean() == pytest.approx(codes.mean(), abs=0.05)


def test_an_even_plain_stays_as_it_is() -> None:
    codes = np.ones((2, 64, 96), np.uint8)
    light = np.full(codes.shape, 1.45, np.float32)
    deblock(light, codes)
    np.testing.assert_allclose(light, 1.45, rtol=1e-6)


def test_what_is_inside_a_block_is_moved_as_a_whole() -> None:
    rng = np.random.default_rng(4)
    codes = np.clip(np.rint(rng.normal(0.3, 0.8, (1, 128, 320))), 0, 9).astype(np.uint8)
    codes[0, 40, 40] = 14
    light = codes.astype(np.float32)
    before = light.copy()
    touched = deblock(light, codes)
    assert touched[0, 2, 2]
    # what is taken off is smooth within the block: its second difference is that of the rounding
    off = (light - before)[0, 32:48, 32:48]
    assert np.abs(np.diff(off[:8], 2, axis=0)).max() < 1e-5
    assert off.std() < 0.1
    assert light[0, 40, 40] - np.median(light[0, 32:48, 32:48]) > 13


@settings(deadline=None, max_examples=20)
@given(level=st.integers(3, 200), edge=st.integers(0, 7))
def test_lit_ground_and_all_beside_it_is_left_alone(level: int, edge: int) -> None:
    rng = np.random.default_rng(edge)
    codes = rng.integers(0, 2, (2, 128, 320)).astype(np.uint8)
    codes[:, :, 16 * edge : 16 * edge + 80] = level
    light = codes.astype(np.float32)
    touched = deblock(light, codes)
    near = slice(max(edge - 1, 0), edge + 6)
    assert not touched[:, :, near].any()
    same = ~pixels(touched, codes.shape)
    np.testing.assert_array_equal(light[same], codes[same])
    assert touched.any()


def test_contrast_above_the_step_is_left_alone() -> None:
    codes = np.zeros((1, 64, 96), np.uint8)
    codes[:, ::2] = 4
    light = codes.astype(np.float32)
    assert not deblock(light, codes).any()
    np.testing.assert_array_equal(light, codes)


def test_a_patch_that_is_something_of_its_own_is_left_alone() -> None:
    codes = np.zeros((1, 128, 320), np.uint8)
    light = np.zeros(codes.shape, np.float32)
    light[0, 48:64, 160:176] = 3.0
    touched = deblock(light, codes)
    assert not touched[0, 3, 10]
    assert np.all(light[0, 48:64, 160:176] == 3.0)


def test_no_data_stays_no_data_and_harms_nothing() -> None:
    codes = np.zeros((1, 64, 96), np.uint8)
    light = np.zeros(codes.shape, np.float32)
    light[:, :, :24] = np.nan
    light[0, 30, 60] = np.nan
    deblock(light, codes)
    assert np.isnan(light[:, :, :24]).all()
    assert np.isnan(light[0, 30, 60])
    assert np.isfinite(light[:, :, 24:]).sum() == 64 * 72 - 1


def test_no_framelets_are_no_error() -> None:
    assert deblock(np.zeros((0, 128, 96), np.float32), np.zeros((0, 128, 96), np.uint8)).shape == (0, 8, 6)


@pytest.mark.parametrize("binning", [1, 2])
@pytest.mark.parametrize("level", [0.0, 0.4, 1.0])
def test_light_comes_nearer_to_the_truth(level: float, binning: int) -> None:
    # sky with a slow slope, as a veil leaves it
    light = np.full((4, 128, SAMPLES), level) + 0.3 * np.linspace(0, 1, SAMPLES)
    codes, before, truth = photograph(light, binning)
    after = before.copy()
    touched = pixels(deblock(after, codes), codes.shape) & np.isfinite(before)
    was, now = (one[touched] - truth[touched] for one in (before, after))
    assert touched.mean() > 0.2
    assert np.sqrt(np.mean(now**2)) <= np.sqrt(np.mean(was**2))
    assert now.mean() == pytest.approx(was.mean(), abs=0.03)


def test_patches_fade_from_a_simulated_sky() -> None:
    codes, before, _ = photograph(np.full((4, 128, SAMPLES), 0.25))
    after = before.copy()
    deblock(after, codes)
    assert borders(after, codes) < 0.8 * borders(before, codes)


@pytest.mark.parametrize("name", ["44C00029", "44C00030"])
def test_on_a_real_strips_sky_half_of_what_borders_have_over_lossless_noise_is_gone(data: Path, name: str) -> None:
    folder = data / "pj44"
    raw = perijove.open_strip(folder / f"JNCE_2022229_{name}_V01-raw.png").raw
    lossless = perijove.open_strip(folder / "JNCE_2022229_44C00074_V01-raw.png").raw
    for band in (Filter.BLUE, Filter.GREEN):
        codes = raw.framelets(band)
        before = decompand(codes, 1)
        after = before.copy()
        deblock(after, codes)
        plain = lossless.framelets(band)
        noise = borders(decompand(plain, 1), plain)
        assert borders(after, codes) ** 2 - noise**2 < 0.5 * (borders(before, codes) ** 2 - noise**2)
