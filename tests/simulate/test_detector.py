from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from perijove.calibrate import calibrate
from perijove.calibrate.decompand import decompanding_table
from perijove.calibrate.flat import response
from perijove.calibrate.response import dn_per_light
from perijove.errors import LabelError, UsageError
from perijove.instrument import SAMPLES, Filter
from perijove.io.finder import open_strip
from perijove.raw import RawImage
from perijove.simulate.compression import LOSSLESS, LOSSY
from perijove.simulate.detector import (
    AU_KM,
    SEEING,
    Detector,
    Exposed,
    companding_table,
    expose,
    spill,
    stray_light,
)

Light = NDArray[np.float32]
BGR = (Filter.BLUE, Filter.GREEN, Filter.RED)
FIVE_AU = 5.2 * AU_KM
SQROOT = decompanding_table("SQROOT")


def even(level: float, frames: int = 1, bands: tuple[Filter, ...] = (Filter.GREEN,)) -> dict[Filter, Light]:
    return {band: np.full((frames, 128, SAMPLES), level, np.float32) for band in bands}


def take(light: Mapping[Filter, Light], detector: Detector, **settings: object) -> Exposed:
    """An exposure of 1 s at 5.2 AU and perijove 0, lossless."""
    given = {"exposure_s": 1.0, "perijove": 0, "sun_distance_km": FIVE_AU, "filters": tuple(light)}
    return expose(light, detector, **{**given, "compression": LOSSLESS, **settings})  # type: ignore[arg-type]


def plain(dn: float, **changes: object) -> Detector:
    """A bare detector that gives `dn` for an I/F of 1 in 1 s, with some effects on."""
    return replace(Detector.bare(), response=dict.fromkeys(Filter, dn), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("mode", "dn", "code"),
    # in SQROOT code 24 ends with 25, 90 with 255, 255 with 2879
    [
        ("SQROOT", 0, 0), ("SQROOT", 23, 23), ("SQROOT", 25, 24), ("SQROOT", 24, 24), ("SQROOT", 255, 90),
        ("SQROOT", 256, 91),
        ("SQROOT", 4095, 255), ("LIN1", 77, 77), ("LIN1", 300, 255), ("LIN8", 800, 100), ("LIN16", 807, 50),
    ],
)  # fmt: skip
def test_numbers_become_the_code_of_their_range(mode: str, dn: int, code: int) -> None:
    assert companding_table(mode)[dn] == code
    strip = take(even(1.0), plain(float(dn)), bit_mode=mode)
    assert (strip.codes[:, SEEING] == code).all()


@pytest.mark.parametrize("mode", ["SQROOT", "LIN1", "LIN8", "LIN16"])
def test_companding_undoes_decompanding(mode: str) -> None:
    table = decompanding_table(mode).astype(int)
    np.testing.assert_array_equal(companding_table(mode)[table], np.arange(256))


def test_dn_follow_exposure_distance_and_throughput() -> None:
    detector = replace(Detector.bare(), fading={Filter.RED: (1.0, 0.01)}, response={Filter.RED: 1000.0})
    strip = take(even(0.5, bands=(Filter.RED,)), detector, exposure_s=0.1, perijove=20, sun_distance_km=2 * FIVE_AU)
    # 1000 x 0.1 s x (1 - 0.2) / 2^2 = 20 DN for an I/F of 1
    assert strip.dn_per_light[Filter.RED] == pytest.approx(20.0)
    np.testing.assert_allclose(strip.dn[Filter.RED][:, :, SEEING], 10.0, rtol=1e-6)
    assert detector.throughput(Filter.RED, 200) == pytest.approx(0.4)
    assert detector.throughput(Filter.METHANE, 200) == 1.0


@pytest.mark.parametrize("perijove", [0, 1, 20, 44, 60, 75])
def test_the_processing_gives_a_white_surface_an_i_over_f_of_one(perijove: int) -> None:
    detector = Detector()
    white = take(even(1.0, bands=tuple(Filter)), detector, perijove=perijove, filters=tuple(Filter)).dn_per_light
    # the response is rounded to three digits
    for band in Filter:
        assert white[band] == pytest.approx(dn_per_light(band, 1.0, perijove, FIVE_AU), rel=2e-3)


@pytest.mark.parametrize("filters", [BGR, (Filter.METHANE,), (Filter.RED, Filter.BLUE), tuple(Filter)])
@pytest.mark.parametrize("binning", [1, 2])
def test_framelets_stand_frame_by_frame_in_the_filters_order(filters: tuple[Filter, ...], binning: int) -> None:
    level = {band: 10.0 * (i + 1) for i, band in enumerate(filters)}
    light = {b: (even(level[b], 3)[Filter.GREEN] + np.arange(3, dtype=np.float32)[:, None, None]) for b in filters}
    strip = take(light, plain(1.0), binning=binning, bit_mode="LIN1")
    lines = 128 // binning
    assert strip.codes.shape == (3 * len(filters) * lines, SAMPLES // binning)
    assert strip.codes.dtype == np.uint8
    for frame in range(3):
        for k, band in enumerate(filters):
            first = (frame * len(filters) + k) * lines
            assert (strip.codes[first : first + lines, 24:800] == level[band] + frame).all()
    assert strip.hits[filters[0]].shape == (3, lines, SAMPLES // binning)
    assert strip.hot[filters[0]].shape == (lines, SAMPLES // binning)


def test_summing_takes_the_mean_of_four() -> None:
    light = even(0.0)
    light[Filter.GREEN][:, ::2, ::2] = 40.0
    codes = take(light, plain(1.0), binning=2, bit_mode="LIN1").codes
    assert (codes[:, 12:815] == 10).all()


def test_masked_columns_see_no_light() -> None:
    codes = take(even(1.0), plain(100.0, bias_dn=4.0), bit_mode="LIN1").codes
    assert (codes[:, :23] == 4).all()
    assert (codes[:, 1631:] == 4).all()
    assert (codes[:, 23:1631] == 104).all()


def test_photon_transfer_gives_gain_and_read_noise() -> None:
    levels = np.array([0.0, 50.0, 100.0, 200.0])
    detector = plain(1.0, shot_noise=True, read_noise_e=30.0, bias_dn=30.0)
    variance = []
    for level in levels:
        codes = take(even(float(level)), detector, bit_mode="LIN1", seed=4).codes[:, SEEING]
        variance.append(codes.astype(float).var() - 1 / 12)
    slope, offset = np.polyfit(levels, variance, 1)
    # 200 000 pixels know a variance to 0.3 %
    assert 1 / slope == pytest.approx(16.3, rel=0.02)
    assert np.sqrt(offset) * 16.3 == pytest.approx(30.0, rel=0.02)


def test_full_pixels_stay_at_full_and_spill_along_their_column() -> None:
    charge = np.zeros((9, 3), np.float32)
    charge[4, 1] = 100.0 + 60.0
    charge[[3, 5], 1] = 80.0
    spill(charge, np.float32(100.0))
    # 30 each way: 20 fill the neighbour, 10 go on to the next
    np.testing.assert_allclose(charge[:, 1], [0, 0, 10, 100, 100, 100, 10, 0, 0])
    assert not charge[:, [0, 2]].any()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 300, width=32), min_size=40, max_size=40))
def test_spilling_neither_makes_charge_nor_leaves_any_above_full(column: list[float]) -> None:
    charge = np.zeros((240, 1), np.float32)
    charge[100:140, 0] = column
    before = charge.sum(dtype=float)
    spill(charge, np.float32(100.0))
    assert charge.max() <= 100.0
    assert charge.sum(dtype=float) == pytest.approx(before, rel=1e-5, abs=1e-2)


def test_saturation_is_seen_by_the_processing() -> None:
    codes = take(even(1.0), replace(Detector(), line_tilt=None), exposure_s=0.1, seed=1).codes
    assert (SQROOT[codes[:, 400:1200]] >= 2330).mean() > 0.99


def test_bands_that_wait_longer_have_more_hits_and_hot_pixels() -> None:
    strip = take(even(0.0, 4, BGR), plain(1.0, hits_per_framelet=300.0, hot_pixels=60.0), perijove=44)
    hits, hot = ([float(part[band].sum()) for band in BGR] for part in (strip.hits, strip.hot))
    for counts in (hits, hot):
        assert counts[1] / counts[0] == pytest.approx(2.0, rel=0.35)
        assert counts[2] / counts[0] == pytest.approx(3.0, rel=0.35)
    # 1.15 pixels a hit, four framelets
    assert hits[0] == pytest.approx(1.15 * 300 * 4, rel=0.15)


def test_hot_pixels_are_the_chips_and_hits_the_exposures() -> None:
    detector = plain(1.0, hits_per_framelet=50.0, hot_pixels=60.0)
    a, b = (take(even(0.0, 3), detector, perijove=44, seed=seed) for seed in (1, 2))
    np.testing.assert_array_equal(a.hot[Filter.GREEN], b.hot[Filter.GREEN])
    assert (a.hits[Filter.GREEN] != b.hits[Filter.GREEN]).any()
    assert (a.hits[Filter.GREEN][0] != a.hits[Filter.GREEN][1]).any()
    other = take(even(0.0, 3), replace(detector, chip=7), perijove=44, seed=1)
    assert (a.hot[Filter.GREEN] != other.hot[Filter.GREEN]).any()
    # where nothing struck and nothing is hot, nothing was added
    codes = a.codes.reshape(3, 128, SAMPLES)
    assert not codes[~a.hits[Filter.GREEN] & ~a.hot[Filter.GREEN]].any()


def test_the_same_seed_gives_the_same_strip_whatever_else_is_exposed() -> None:
    light = even(0.4, 2, BGR)
    strip = take(light, Detector(), exposure_s=0.0032, seed=9, compression=LOSSY)
    again = take(light, Detector(), exposure_s=0.0032, seed=9, compression=LOSSY)
    np.testing.assert_array_equal(strip.codes, again.codes)
    alone = take(even(0.4, 2), Detector(), exposure_s=0.0032, seed=9)
    lossless = take(light, Detector(), exposure_s=0.0032, seed=9)
    np.testing.assert_array_equal(lossless.codes.reshape(2, 3, 128, SAMPLES)[:, 1].reshape(-1, SAMPLES), alone.codes)
    assert (take(light, Detector(), exposure_s=0.0032, seed=10).codes != lossless.codes).any()


def test_stray_light_is_its_share_of_an_even_light_and_smooth() -> None:
    dn = np.full((20, 128, SAMPLES), 500.0, np.float32)
    veil = stray_light(dn, 0.02)
    assert veil.shape == (20, 1, SAMPLES)
    np.testing.assert_allclose(veil[:, 0, SAMPLES // 2], 10.0, rtol=0.02)
    dn[:10] = 0.0
    assert (np.diff(stray_light(dn, 0.02)[:, 0, 800]) > 0).all()
    assert not stray_light(dn, 0.0).any()


@pytest.mark.parametrize("band", list(Filter))
def test_the_ideal_detector_is_as_uneven_as_the_processing_takes_it_to_be(band: Filter) -> None:
    flat, ours = Detector.ideal().flat(band)[:, SEEING], response(band, 128, SAMPLES)[:, SEEING]
    np.testing.assert_allclose(flat / flat[64, 800], ours / ours[64, 800], rtol=1e-3)


def test_dust_takes_light_in_a_few_places_of_each_filter() -> None:
    detector = plain(1.0, dust_spots=20.0)
    blue, green = (detector.flat(band)[:, SEEING] for band in (Filter.BLUE, Filter.GREEN))
    assert blue.max() <= 1.0
    assert 0.3 < blue.min() < 0.95
    # a grain dims some thirty pixels by more than 2 %: 20 grains a few hundred of 200 000
    assert 100 < (blue < 0.98).sum() < 1500
    assert (blue != green).any()
    np.testing.assert_array_equal(blue, detector.flat(Filter.BLUE)[:, SEEING])


def test_vignetting_takes_its_share_at_the_ends_and_none_in_the_middle() -> None:
    flat = plain(1.0, vignetting=0.2).flat(Filter.RED)
    assert flat[0, 823] == pytest.approx(1.0, abs=1e-5)
    # sample 23 lies 800.5 of 824 px aside
    assert flat[0, 23] == pytest.approx(1 - 0.2 * (800.5 / 824) ** 2, abs=1e-6)


def test_a_bare_strip_is_its_light_and_no_more() -> None:
    rng = np.random.default_rng(2)
    light = {b: rng.uniform(0, 1, (2, 128, SAMPLES)).astype(np.float32) for b in BGR}
    strip = take(light, Detector.bare(), exposure_s=0.0032, perijove=44, compression=LOSSY)
    for k, band in enumerate(BGR):
        dn = strip.dn[band][:, :, SEEING]
        np.testing.assert_allclose(dn, light[band][:, :, SEEING] * strip.dn_per_light[band], rtol=1e-6)
        read = SQROOT[strip.codes.reshape(2, 3, 128, SAMPLES)[:, k, :, SEEING]]
        # half a step of the code, which is 32 DN at most, and half of one DN
        assert np.abs(read - dn)[dn < 2879].max() <= 16.5


def test_the_processing_gets_the_light_back(data: Path) -> None:
    label = open_strip(data / "pj44/JNCE_2022229_44C00030_V01-raw.png").raw.label
    light = {b: np.full((3, 128, SAMPLES), 0.3, np.float32) for b in BGR}
    strip = expose(
        light,
        replace(Detector(), stray_light=0.0),
        exposure_s=0.0032,
        perijove=44,
        sun_distance_km=FIVE_AU,
        filters=BGR,
        seed=6,
    )
    short = replace(label, lines=3 * 3 * 128)
    found = calibrate(RawImage(short, strip.codes, Path("strip.png"), "0" * 64))
    for band in BGR:
        got = np.nanmean(found.light[band]) / strip.dn_per_light[band]
        # companding rounds up by half a DN, the bias is read where it is cut at 0: 0.7 DN of 100 to 600
        assert got == pytest.approx(0.3, rel=0.012)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"filters": ()}, "name one or more"),
        ({"filters": (Filter.GREEN, Filter.GREEN)}, "each once"),
        ({"filters": (Filter.RED,)}, "no light of RED"),
        ({"binning": 3}, "sampling factor is 3"),
        ({"compression": "ZIP"}, "'ZIP'"),
        ({"exposure_s": 0.0}, "exposure 0.0 s"),
        ({"sun_distance_km": float("nan")}, "distance of the Sun nan"),
        ({"seed": -1}, "the seed is -1"),
    ],
)
def test_what_the_camera_cannot_do_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        take(even(0.1), Detector(), **change)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -0.1])
def test_light_that_is_none_is_refused(bad: float) -> None:
    light = even(0.1)
    light[Filter.GREEN][0, 5, 5] = bad
    with pytest.raises(UsageError, match="GREEN must be finite"):
        take(light, Detector())


def test_light_of_another_shape_and_an_unknown_mode_are_refused() -> None:
    with pytest.raises(UsageError, match=r"shape \(1, 64, 1648\)"):
        take({Filter.RED: np.zeros((1, 64, SAMPLES), np.float32)}, Detector())
    with pytest.raises(UsageError, match="as many frames"):
        take({Filter.RED: even(0.0, 2)[Filter.GREEN], Filter.BLUE: even(0.0, 3)[Filter.GREEN]}, Detector())
    with pytest.raises(LabelError, match="LIN4"):
        take(even(0.1), Detector(), bit_mode="LIN4")


def test_dark_noise_is_that_of_a_real_lossless_strip(data: Path) -> None:
    real = open_strip(data / "pj44/JNCE_2022229_44C00074_V01-raw.png").raw
    dark = take(even(0.0, 12, BGR), Detector(), perijove=44, seed=3)
    share = []
    for codes in (real.codes, dark.codes):
        masked = np.concatenate([codes[:, :23], codes[:, 1635:]], axis=1)
        share.append(np.bincount(masked.ravel(), minlength=256)[:3] / masked.size)
    np.testing.assert_allclose(share[1], share[0], atol=0.03)


@pytest.mark.parametrize(
    "change",
    [
        {"gain_e_dn": 0.0},
        {"read_noise_e": -1.0},
        {"full_dn": 0.0},
        {"vignetting": 1.5},
        {"step": float("nan")},
        {"hits_per_framelet": -1.0},
        {"bias_dn": float("nan")},
        {"stray_light": -0.1},
    ],
)
def test_a_detector_that_cannot_be_is_refused(change: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=f"detector: {next(iter(change))} is"):
        Detector(**change)  # type: ignore[arg-type]
