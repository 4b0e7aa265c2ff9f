from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import perijove
from perijove.calibrate.bias import code_values, framelet_bias, lit_columns
from perijove.calibrate.dark import dark_structure
from perijove.calibrate.decompand import decompanding_table
from perijove.calibrate.sky import MARGIN, find_sky
from perijove.calibrate.stray import MOST_SHARE, Veil, glow_share, stray_veil, take_off_veil
from perijove.instrument import SAMPLES, Filter
from perijove.simulate.compression import LOSSLESS, LOSSY
from perijove.simulate.detector import AU_KM, RESPONSE_AU, Detector, Exposed, expose

TABLE = decompanding_table("SQROOT")


def scene(frames: int = 12) -> np.ndarray:
    """Light (frames, 128, 1648), DN, of a disc with haze 25 lines high in the midst of dark sky."""
    line = np.arange(frames)[:, None, None] * 113 + np.arange(128)[None, :, None]
    sample = np.arange(SAMPLES)[None, None, :]
    r = np.hypot((line - 650) / 400, (sample - 550) / 400)
    haze = 10.0 * np.exp(-np.clip(r - 1, 0, None) * 16)
    return np.where(r < 1, 600 + 120 * np.sin(line / 9.0), haze).astype(np.float32)


def photograph(share: float, compression: str = LOSSLESS, binning: int = 1) -> tuple[Exposed, np.ndarray]:
    detector = Detector(response={Filter.GREEN: 1.0}, fading=None, line_tilt=None, vignetting=0.0, dust_spots=0.0,
                        hot_pixels=0.0, hits_per_framelet=0.0, stray_light=share)  # fmt: skip
    done = expose({Filter.GREEN: scene()}, detector, exposure_s=1.0, perijove=44,
                  sun_distance_km=RESPONSE_AU * AU_KM, filters=[Filter.GREEN], binning=binning,
                  compression=compression)  # fmt: skip
    return done, done.codes.reshape(-1, 128 // binning, SAMPLES // binning)


def clean(codes: np.ndarray, binning: int, lossy: bool = False) -> tuple[np.ndarray, Veil, np.ndarray]:
    """Light with the veil off, the veil, the light as it was."""
    values = code_values(TABLE, framelet_bias(codes, TABLE, binning, lossy=lossy))
    extra = np.zeros(codes.shape[1:], np.float32)
    sky = find_sky(codes, values, extra, binning)
    dark = dark_structure(codes, values, extra, sky)
    veil = stray_veil(sky, dark.offset_dn, binning)
    light = np.stack([row[plane] for row, plane in zip(values, codes, strict=True)]) - dark.offset_dn
    out = light.copy()
    take_off_veil(out, veil.dn, np.ones(codes.shape[1:], np.float32))
    return out, veil, light


def test_lit_blocks_and_their_surroundings_are_no_sky() -> None:
    codes = np.zeros((3, 128, SAMPLES), np.uint8)
    codes[1, 64:80, 800:816] = 200
    values = np.tile(np.arange(256, dtype=np.float32), (3, 1))
    sky = find_sky(codes, values, np.zeros((128, SAMPLES), np.float32), 1)
    assert sky.mean_dn[1, 4, 50] == 200
    around = sky.clear[1, :, 50 - MARGIN : 51 + MARGIN]
    assert not around.any()
    assert sky.clear[1, :, 50 + MARGIN + 1].all()
    # the first block of the next framelet shows the same ground
    assert not sky.clear[2, 0, 50]
    assert sky.clear[2, 1:, 50].all()
    # all of it masked
    assert np.isnan(sky.mean_dn[:, :, 0]).all()
    assert not sky.clear[:, :, 0].any()


def test_a_star_is_neither_lit_ground_nor_sky_light() -> None:
    codes = np.full((1, 128, SAMPLES), 10, np.uint8)
    codes[0, 70:73, 800:803] = 120
    values = np.arange(256, dtype=np.float32)[None] - 10
    sky = find_sky(codes, values, np.zeros((128, SAMPLES), np.float32), 1)
    assert sky.clear[0, :, 2:101].all()
    assert np.nanmax(np.abs(sky.mean_dn)) < 1.0


@pytest.mark.parametrize("binning", [1, 2])
@pytest.mark.parametrize("compression", [LOSSLESS, LOSSY])
def test_the_share_is_that_of_the_simulated_camera(compression: str, binning: int) -> None:
    _, codes = photograph(0.035, compression, binning)
    _, veil, _ = clean(codes, binning, compression == LOSSY)
    assert veil.share == pytest.approx(0.035, abs=0.006)
    assert abs(veil.level_dn) < 0.4


@pytest.mark.parametrize("binning", [1, 2])
@pytest.mark.parametrize("compression", [LOSSLESS, LOSSY])
def test_dark_sky_has_mean_nought_and_lit_ground_its_own_light(compression: str, binning: int) -> None:
    done, codes = photograph(0.035, compression, binning)
    light, veil, before = clean(codes, binning, compression == LOSSY)
    shape = len(codes), 128 // binning, binning, SAMPLES // binning, binning
    truth = done.dn[Filter.GREEN].reshape(shape).mean(axis=(2, 4))
    seen = np.zeros(truth.shape, np.bool_)
    seen[:, :, lit_columns(binning)] = True
    dark, lit = seen & (truth < 0.02), seen & (truth > 100)
    assert (before - truth)[dark].mean() > 0.8
    assert abs((light - truth)[dark].mean()) < 0.1
    by_framelet = [np.mean((a - t)[d]) for a, t, d in zip(light, truth, dark, strict=True)]
    assert np.abs(by_framelet).max() < 0.3
    # a camera's rounding to codes adds half a DN there, whatever the veil
    off, was = (light - truth)[lit].mean() / truth[lit].mean(), (before - truth)[lit].mean() / truth[lit].mean()
    assert abs(off) < 0.006 < was
    # what is left is within what is said of it, block by block
    blocks = np.repeat(np.repeat(veil.sigma_dn, 16, 1)[:, : light.shape[1]], 16, 2)[:, :, : light.shape[2]]
    smooth = np.abs(by_framelet)
    assert np.all(smooth < 2 * blocks[dark].mean())


def test_haze_beside_the_limb_is_not_taken_for_a_veil() -> None:
    done, codes = photograph(0.0)
    light, _, _ = clean(codes, 1)
    truth = done.dn[Filter.GREEN]
    for faint, bright in ((1.0, 3.0), (3.0, 9.0)):
        haze = (truth > faint) & (truth < bright)
        haze[:, :, :24] = haze[:, :, 1630:] = False
        # what code 0 hides of faint light is up to 0.25 DN
        assert (light - truth)[haze].mean() == pytest.approx(0.0, abs=0.3)


def test_a_ghost_that_ends_with_its_framelet_leaves_no_seam() -> None:
    rng = np.random.default_rng(1)
    ghost = np.zeros((8, 128, SAMPLES))
    ghost[3:6, :, 600:1000] = np.array([1.0, 3.0, 2.0])[:, None, None]
    codes = np.rint(np.clip(ghost + 20 + rng.standard_normal(ghost.shape), 0, 60)).astype(np.uint8)
    values = np.tile(np.arange(256, dtype=np.float32) - 20, (8, 1))
    sky = find_sky(codes, values, np.zeros((128, SAMPLES), np.float32), 1)
    veil = stray_veil(sky, np.zeros((128, SAMPLES), np.float32), 1)
    light = np.stack([row[plane] for row, plane in zip(values, codes, strict=True)])
    take_off_veil(light, veil.dn, np.ones((128, SAMPLES), np.float32))
    inside = light[:, :, 650:950]
    for a, b in zip(inside[:-1, -16:], inside[1:, :16], strict=True):
        assert abs(a.mean() - b.mean()) < 0.1


def test_without_sky_nothing_is_taken_and_the_doubt_grows_with_the_light() -> None:
    codes = np.full((4, 128, SAMPLES), 100, np.uint8)
    values = np.tile(np.arange(256, dtype=np.float32), (4, 1))
    sky = find_sky(codes, values, np.zeros((128, SAMPLES), np.float32), 1)
    veil = stray_veil(sky, np.zeros((128, SAMPLES), np.float32), 1)
    np.testing.assert_array_equal(veil.dn, 0)
    assert veil.sigma_dn[:, :, 50].min() == pytest.approx(0.5, rel=0.1)


def test_no_framelets_are_no_error() -> None:
    codes, extra = np.zeros((0, 128, SAMPLES), np.uint8), np.zeros((128, SAMPLES), np.float32)
    sky = find_sky(codes, np.zeros((0, 256), np.float32), extra, 1)
    assert stray_veil(sky, extra, 1).dn.shape == (0, 8, 103)


def test_a_veil_that_is_straight_is_interpolated_exactly_to_the_edges() -> None:
    lines, samples = np.arange(128) + 0.5, np.arange(SAMPLES) + 0.5
    plane = (0.01 * lines[:, None] + 0.002 * samples).astype(np.float32)
    blocks = 0.01 * (np.arange(8) * 16 + 8)[:, None] + 0.002 * (np.arange(103) * 16 + 8)
    light = np.tile(plane, (2, 1, 1))
    light[0, 5, 7] = np.nan
    take_off_veil(light, np.tile(blocks.astype(np.float32), (2, 1, 1)), np.ones((128, SAMPLES), np.float32))
    assert np.isnan(light[0, 5, 7])
    np.testing.assert_allclose(np.nan_to_num(light), 0, atol=1e-5)


def test_the_veil_is_divided_by_the_response_as_the_light_was() -> None:
    light, veil = np.full((1, 32, 32), 10.0, np.float32), np.full((1, 2, 2), 3.0, np.float32)
    take_off_veil(light, veil, np.full((32, 32), 0.5, np.float32))
    np.testing.assert_allclose(light, 4.0)


@settings(deadline=None, max_examples=30)
@given(st.floats(-0.5, 1.0), st.floats(0.0, MOST_SHARE), st.integers(0, 99))
def test_level_and_share_are_recovered_beside_ghosts(level: float, share: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    glow = rng.uniform(0, 80, 2000)
    light = level + share * glow + 0.05 * rng.standard_normal(2000)
    light[:40] += 5.0
    found = glow_share(light, glow)
    assert found[0] == pytest.approx(level, abs=0.15)
    assert found[1] == pytest.approx(share, abs=0.003)


def test_dark_sky_of_real_strips_has_mean_nought_in_every_framelet(data: Path) -> None:
    for name, lossy in (("44C00074", False), ("44C00030", True)):
        raw = perijove.open_strip(data / "pj44" / f"JNCE_2022229_{name}_V01-raw.png").raw
        for band in raw.label.filters:
            codes = raw.framelets(band)
            light, _, before = clean(codes, 1, lossy)
            values = code_values(TABLE, framelet_bias(codes, TABLE, 1, lossy=lossy))
            clear = find_sky(codes, values, np.zeros((128, SAMPLES), np.float32), 1).clear
            clear = clear.repeat(16, axis=1).repeat(16, axis=2)
            clear[:, :, :24] = clear[:, :, 1630:] = False
            means, were = ([float(np.clip(one[f][clear[f]], -6, 12).mean()) for f in range(len(codes))]
                           for one in (light, before))  # fmt: skip
            assert max(np.abs(means)) < 0.1
            assert max(np.abs(were)) > 0.3


def test_a_ghost_is_told_from_lit_ground_by_how_bright_the_disc_is() -> None:
    values = np.arange(256, dtype=np.float32)[None] * 10
    codes = np.zeros((1, 128, SAMPLES), np.uint8)
    codes[:, :, 1200:1400] = 1
    extra = np.zeros((128, SAMPLES), np.float32)
    assert not find_sky(codes, values, extra, 1).clear[0, :, 80].any()
    codes[:, :, 100:500] = 255
    assert find_sky(codes, values, extra, 1).clear[0, :, 80].all()
