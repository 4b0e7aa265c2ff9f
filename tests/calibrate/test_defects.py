"""Hits, flipped bits, full runs, lost blocks and what is put in their place."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from perijove.calibrate.bias import dark_columns
from perijove.calibrate.decompand import SQROOT_DN, decompanding_table
from perijove.calibrate.defects import FixedPattern, Mended, dark_noise, fixed_pattern, mend
from perijove.calibrate.outliers import code_sigma
from perijove.calibrate.quality import Quality
from perijove.instrument import LIT_SAMPLES, SAMPLES, Filter
from perijove.io.finder import open_strip
from perijove.simulate.compression import LOSSLESS
from perijove.simulate.detector import Detector, expose

Codes = NDArray[np.uint8]
LINEAR = np.arange(256, dtype=np.float32)
SHAPE = (128, SAMPLES)


def no_pattern(shape: tuple[int, int] = SHAPE) -> FixedPattern:
    return FixedPattern(np.zeros(shape, np.float32), np.ones(shape, np.float32))


def even(level: float, frames: int = 1, seed: int = 1) -> Codes:
    noise = np.random.default_rng(seed).normal(0.0, 0.8, (frames, *SHAPE))
    return np.clip(np.rint(level + noise), 0, 255).astype(np.uint8)


def mended(codes: Codes, **options: bool) -> Mended:
    return mend(codes, SQROOT_DN, no_pattern(codes.shape[1:]), **options)


def clouds(seed: int = 3) -> NDArray[np.float64]:
    """Codes of a scene as the camera's point spread leaves it, with contrast at all scales that it passes."""
    rng = np.random.default_rng(seed)
    scales = [cv2.GaussianBlur(rng.normal(0.0, 1.0, SHAPE), (0, 0), s) * s for s in (1.0, 3.0, 10.0)]
    scene: NDArray[np.float64] = 110.0 + 4.0 * np.sum(scales, axis=0)
    return scene


@pytest.mark.parametrize("level", [1, 60, 150])
def test_hits_are_replaced_and_flagged_at_any_light(level: int) -> None:
    codes = even(level)
    places = [(30, 400), (1, 900), (126, 30), (64, 64), (65, 1500)]
    for i, j in places:
        codes[0, i, j] += 40
    done = mended(codes)
    for i, j in places:
        assert done.quality[0, i, j] == Quality.HIT
        assert done.codes[0, i, j] == pytest.approx(level, abs=3)
    assert len(done.index) < len(places) + 60


@pytest.mark.parametrize("step", [(0, 1), (1, 0), (1, 1), (1, -1)])
@pytest.mark.parametrize("length", [2, 3, 5])
def test_tracks_go_as_a_whole(step: tuple[int, int], length: int) -> None:
    codes = even(2)
    track = [(60 + k * step[0], 700 + k * step[1]) for k in range(length)]
    for i, j in track:
        codes[0, i, j] = 30
    done = mended(codes)
    assert max(int(done.codes[0, i, j]) for i, j in track) < 8


def test_a_long_thin_line_is_no_track() -> None:
    codes = even(100)
    codes[0, 60, 600:700] = 130
    done = mended(codes)
    assert np.median(done.codes[0, 60, 600:700]) > 125


@given(st.floats(0, 1), st.floats(0, 1), st.integers(40, 600))
@settings(max_examples=40, deadline=None)
def test_stars_survive_wherever_they_fall(line: float, sample: float, brightest: int) -> None:
    # a point of light through a pixel's square and optics of 0.5 px, on a noisy sky
    fine = np.zeros((41 * 5, 41 * 5))
    fine[int(5 * (20 + line)), int(5 * (20 + sample))] = 1.0
    spread = cv2.GaussianBlur(fine, (0, 0), 2.5).reshape(41, 5, 41, 5).sum(axis=(1, 3))
    light = brightest * spread / spread.max() + np.random.default_rng(5).normal(0.0, 1.0, (41, 41))
    codes = np.zeros((1, *SHAPE), np.uint8)
    codes[0, 40:81, 700:741] = np.searchsorted((SQROOT_DN[:-1] + SQROOT_DN[1:]) / 2, light)
    done = mended(codes, lossy=False)
    star = (slice(0, 1), slice(40 + 18, 40 + 24), slice(700 + 18, 700 + 24))
    np.testing.assert_array_equal(done.codes[star], codes[star])


def test_suspects_go_only_when_asked() -> None:
    i, j = np.mgrid[:128, :SAMPLES]
    star = 150 * np.exp(-((i - 60.0) ** 2 + (j - 700.0) ** 2) / (2 * 0.5**2))
    codes = np.rint(star).astype(np.uint8)[None]
    left = mend(codes, LINEAR, no_pattern(), lossy=False)
    assert left.quality[0, 60, 700] == Quality.SUSPECT
    np.testing.assert_array_equal(left.codes, codes)
    gone = mend(codes, LINEAR, no_pattern(), lossy=False, suspects=True)
    assert gone.codes[0, 60, 700] < 75
    assert 60 * SAMPLES + 700 in gone.index


@pytest.mark.parametrize("radius", [200.0, 450.0, 5000.0])
def test_a_limb_is_left_alone(radius: float) -> None:
    i, j = np.mgrid[:128, :SAMPLES]
    # as sharp as the limb of the real strips: 2.4 px from 10 to 90 %
    depth = radius - np.hypot(j - 800.0, i - 30.0 - radius)
    disc = 2.0 + 140.0 / (1.0 + np.exp(-np.clip(depth, -20, 20) / 0.55))
    codes = np.rint(disc + np.random.default_rng(2).normal(0.0, 0.7, SHAPE)).astype(np.uint8)[None]
    done = mended(codes)
    near = np.abs(depth) < 4
    assert np.count_nonzero((done.codes != codes)[0] & near) <= 0.001 * near.sum()
    worst = np.abs(done.codes.astype(int) - codes)[0][near].max()
    assert worst <= 8


def test_sharp_clouds_are_left_alone() -> None:
    scene = clouds()
    codes = np.rint(scene + np.random.default_rng(4).normal(0.0, 0.7, SHAPE)).clip(0, 255).astype(np.uint8)[None]
    done = mended(codes)
    assert np.mean(done.codes != codes) < 1e-3
    assert np.mean(done.quality != 0) < 5e-3


def test_the_fill_follows_an_edge_and_does_not_cross_it() -> None:
    i, j = np.mgrid[:128, :SAMPLES]
    edge = np.where(i + j < 900, 60, 160).astype(np.uint8)
    codes = edge[None].copy()
    bad = FixedPattern(np.zeros(SHAPE, np.float32), np.ones(SHAPE, np.float32))
    places = [(50, 849), (50, 850), (51, 848), (20, 879), (20, 880)]
    for i0, j0 in places:
        bad.gain[i0, j0] = np.nan
    done = mend(codes, LINEAR, bad, lossy=False)
    for i0, j0 in places:
        assert done.quality[0, i0, j0] == Quality.FILLED
        assert done.codes[0, i0, j0] == edge[i0, j0]


def test_the_sigma_of_a_fill_is_its_error() -> None:
    scene = clouds(8)
    rng = np.random.default_rng(9)
    codes = np.rint(scene + rng.normal(0.0, 0.7, SHAPE)).clip(0, 255).astype(np.uint8)[None]
    pattern = no_pattern()
    pattern.gain[rng.random(SHAPE) < 0.02] = np.nan
    done = mend(codes, SQROOT_DN, pattern, lossy=False)
    filled = (done.quality.reshape(-1)[done.index] & Quality.FILLED) != 0
    off = done.codes.reshape(-1)[done.index].astype(float) - scene.reshape(-1)[done.index]
    ratio = (off / done.sigma_codes)[filled]
    assert filled.sum() > 3000
    # rounding to whole codes included; a fill must never claim to be much better than it is
    assert 0.3 < np.median(ratio**2) / 0.455 < 1.5


def test_flipped_bits_are_found_both_ways() -> None:
    codes = even(100, 2)
    rng = np.random.default_rng(6)
    lines, samples = rng.integers(3, 125, 60), rng.integers(30, 1620, 60)
    was = codes[0, lines, samples].copy()
    codes[0, lines, samples] = was ^ np.uint8(64)
    codes[1, lines, samples] = codes[1, lines, samples] ^ np.uint8(16)
    done = mended(codes)
    # 100 has the bits 64 and 32 but not 16: the first frame's are too dark, the second's too bright
    assert codes[0, lines[0], samples[0]] < 60 < 110 < codes[1, lines[0], samples[0]]
    for f in range(2):
        assert np.mean(done.quality[f, lines, samples] == Quality.FLIPPED) > 0.95
        assert np.abs(done.codes[f, lines, samples].astype(int) - 100).max() <= 4


def test_particles_alone_are_not_called_flipped_bits() -> None:
    codes = even(100)
    codes[0, 10:120:5, 100:1600:50] += 16
    done = mended(codes)
    assert np.all(done.quality[0, 10:120:5, 100:1600:50] == Quality.HIT)


def test_full_runs_and_their_bloom_are_flagged_and_kept() -> None:
    codes = even(120)
    codes[0, 40:60, 500:503] = 240  # 2399 DN
    done = mended(codes)
    assert np.all(done.quality[0, 39:61, 500:503] & Quality.FULL)
    assert not np.any(done.quality[0, 38, 500:503] & Quality.FULL)
    np.testing.assert_array_equal(done.codes[0, 38:62, 498:505], codes[0, 38:62, 498:505])


@pytest.mark.parametrize("code", [0, 255, 17])
def test_lost_blocks_and_lines_are_filled(code: int) -> None:
    codes = even(100)
    codes[0, 32:48, 800:832] = code
    codes[0, 90:92, LIT_SAMPLES] = code
    done = mend(codes, LINEAR, no_pattern())
    lost = done.quality[0, 32:48, 800:832] & Quality.FILLED
    assert np.all(lost)
    assert np.all(done.quality[0, 90:92, LIT_SAMPLES] & Quality.FILLED)
    assert np.abs(done.codes[0, 32:48, 800:832].astype(int) - 100).max() <= 4
    assert np.isfinite(done.sigma_codes).all()


def test_garbled_blocks_are_flagged() -> None:
    codes = even(100)
    codes[0, 16:32, 160:176] = np.random.default_rng(1).integers(0, 256, (16, 16))
    done = mended(codes)
    assert np.all(done.quality[0, 16:32, 160:176] & Quality.FLIPPED)
    assert np.abs(done.codes[0, 16:32, 160:176].astype(int) - 100).max() <= 4


def test_the_quiet_blocks_of_a_coded_sky_are_not_lost() -> None:
    codes = even(1)
    codes[0, 32:48, 800:832] = 0
    codes[0, 64:80, 320:336] = 2
    assert not np.any(mended(codes).quality & Quality.FILLED)


def test_fixed_places_are_flagged_in_every_framelet() -> None:
    codes = even(20, 8)
    codes[:, 30:50, 500] += 12
    pattern = fixed_pattern(codes, SQROOT_DN)
    done = mend(codes, SQROOT_DN, pattern)
    assert np.all(done.quality[:, 30:50, 500] == Quality.HOT)


@pytest.mark.parametrize(("lines", "samples", "frames"), [(64, 824, 3), (128, SAMPLES, 1), (64, 824, 0)])
def test_summed_single_and_empty_strips(lines: int, samples: int, frames: int) -> None:
    codes = np.full((frames, lines, samples), 100, np.uint8)
    codes[:, 20, 300] = 200
    done = mended(codes)
    assert done.codes.shape == done.quality.shape == codes.shape
    assert len(done.index) == len(done.sigma_codes) == frames
    assert np.all(done.quality[:, 20, 300] & Quality.HIT)


def test_what_is_not_flagged_is_not_touched() -> None:
    codes = np.random.default_rng(3).integers(90, 130, (2, *SHAPE)).astype(np.uint8)
    done = mended(codes)
    kept = np.ones(codes.size, bool)
    kept[done.index] = False
    np.testing.assert_array_equal(done.codes.reshape(-1)[kept], codes.reshape(-1)[kept])
    replaced = Quality.HIT | Quality.FLIPPED | Quality.FILLED
    np.testing.assert_array_equal(np.flatnonzero(done.quality & np.uint8(replaced)), done.index)


def test_against_the_simulator() -> None:
    """A smooth disc and a sky, with the hits of the radiation belts: what stands five sigma out is found."""
    light = np.zeros((8, *SHAPE), np.float32)
    light[:, :, 900:] = 0.3 + 0.1 * np.sin(np.arange(748) / 40.0)
    light = np.stack([cv2.GaussianBlur(plane, (0, 0), 1.0) for plane in light])
    detector = Detector(hits_per_framelet=1450.0, hot_pixels=0.0, dust_spots=0.0, column_gain=0.0, stray_light=0.0)
    common = {"exposure_s": 0.0032, "perijove": 44, "sun_distance_km": 7.4e8, "filters": [Filter.GREEN]}
    done = expose({Filter.GREEN: light}, detector, compression=LOSSLESS, **common)  # type: ignore[arg-type]
    codes = done.codes.reshape(8, *SHAPE)
    found = mend(codes, SQROOT_DN, no_pattern(), lossy=False)
    # strong for certain: what stands five sigma above the code of the light itself, noise and all
    truth = np.interp(done.dn[Filter.GREEN], SQROOT_DN, np.arange(256.0))
    sigma = code_sigma(SQROOT_DN, 1, lossy=False)[np.rint(truth).astype(int)]
    lit = np.zeros(SAMPLES, bool)
    lit[25:1629] = True
    strong = done.hits[Filter.GREEN] & (codes > truth + 6.5 * sigma + 1.0) & lit
    good = ~done.hits[Filter.GREEN] & lit
    flagged = (found.quality & np.uint8(Quality.HIT | Quality.FLIPPED | Quality.SUSPECT)) != 0
    assert strong.sum() > 5000
    assert flagged[strong].mean() >= 0.98
    assert flagged[good].mean() <= 1e-3


def coarse(mode: str, hits: float) -> tuple[Codes, NDArray[np.bool_], NDArray[np.float32]]:
    """Codes of a dim even scene in a coarse mode, what was struck, and the light in DN."""
    detector = Detector(hits_per_framelet=hits, hot_pixels=0.0, dust_spots=0.0, column_gain=0.0, stray_light=0.0)
    light = {Filter.GREEN: np.full((4, *SHAPE), 0.3, np.float32)}
    done = expose(light, detector, exposure_s=0.0032, perijove=44, sun_distance_km=7.4e8, filters=[Filter.GREEN],
                  compression=LOSSLESS, bit_mode=mode)  # fmt: skip
    return done.codes.reshape(4, *SHAPE), done.hits[Filter.GREEN], done.dn[Filter.GREEN]


@pytest.mark.parametrize("mode", ["LIN8", "LIN16"])
@pytest.mark.parametrize("hits", [0, 1, 3, 300])
def test_masked_columns_that_are_nearly_all_nought_tell_no_noise(mode: str, hits: int) -> None:
    codes = np.zeros((4, *SHAPE), np.uint8)
    rng = np.random.default_rng(5)
    columns = dark_columns(1, SAMPLES)
    place = rng.choice(4 * 128 * len(columns), hits, replace=False)
    frame, line, column = np.unravel_index(place, (4, 128, len(columns)))
    # a particle leaves a few DN to a few hundred
    codes[frame, line, columns[column]] = rng.integers(1, 30, hits)
    assert dark_noise(codes, decompanding_table(mode)) == 0.0


@pytest.mark.parametrize("mode", ["LIN8", "LIN16"])
def test_hits_are_found_in_coarse_modes(mode: str) -> None:
    codes, struck, dn = coarse(mode, 1450.0)
    table = decompanding_table(mode)
    found = mend(codes, table, no_pattern(), lossy=False)
    lit = np.zeros(SAMPLES, bool)
    lit[25:1629] = True
    truth = np.interp(dn, table, np.arange(256.0))
    strong = struck & (codes > truth + 5.0) & lit
    assert strong.sum() > 80
    flagged = (found.quality & np.uint8(Quality.HIT | Quality.FLIPPED | Quality.SUSPECT)) != 0
    assert flagged[strong].mean() >= 0.95
    assert flagged[~struck & lit].mean() <= 2e-3


def test_shot_noise_of_a_disc_is_rarely_taken_for_hits() -> None:
    # the camera as the photon transfer of the calibration report has it
    light = np.full((6, *SHAPE), 0.3, np.float32)
    detector = Detector(gain_e_dn=15.0, hits_per_framelet=1450.0, hot_pixels=0.0, dust_spots=0.0, stray_light=0.0)
    done = expose({Filter.GREEN: light}, detector, exposure_s=0.0032, perijove=44, sun_distance_km=7.4e8,
                  filters=[Filter.GREEN], compression=LOSSLESS)  # fmt: skip
    codes = done.codes.reshape(6, *SHAPE)
    quality = mend(codes, SQROOT_DN, no_pattern(), lossy=False).quality
    flagged = ((quality & np.uint8(Quality.HIT | Quality.FLIPPED | Quality.SUSPECT)) != 0)[:, :, 25:1629]
    truth = np.interp(done.dn[Filter.GREEN], SQROOT_DN, np.arange(256.0))
    struck = done.hits[Filter.GREEN][:, :, 25:1629]
    strong = struck & (codes > truth + 8)[:, :, 25:1629]
    assert flagged[strong].mean() >= 0.99
    assert flagged[~struck].mean() <= 4e-4


def test_real_strip_in_the_belts_loses_its_hits(data: Path) -> None:
    raw = open_strip(data / "pj44" / "JNCE_2022229_44C00030_V01-raw.png").raw
    codes = raw.framelets(Filter.RED)
    done = mend(codes, SQROOT_DN, fixed_pattern(codes, SQROOT_DN))
    sky = np.s_[:2, 2:, 100:1500]
    fixed = (done.quality[sky] & np.uint8(Quality.HOT | Quality.SPOT)) != 0
    before = np.mean(codes[sky][~fixed] >= 8)
    after = np.mean(done.codes[sky][~fixed] >= 8)
    assert after < 0.1 * before
    # on the disc weak hits drown in the light: were clouds eaten there, more would be changed than in the sky
    disc = codes > 60
    assert np.mean(done.codes[disc] != codes[disc]) < 0.5 * np.mean(done.codes[sky] != codes[sky])
