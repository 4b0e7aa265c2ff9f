"""The recipe backlit and what it is made of: noise, ratios, tone, dither, stars, limb and sky."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perijove.enhance import apply_recipe
from perijove.enhance.backlit_faint import find_stars
from perijove.enhance.hdr import (
    compress,
    decode_srgb,
    detail_scales,
    dither_rows,
    noise_shares,
    steady_ratios,
    without_noise,
)
from perijove.enhance.recipes import shipped
from perijove.instrument import Filter
from perijove.render.planes import Planes

MakePlanes = Callable[..., Planes]
NOISE = 4e-4
LEVELS = (0.3, 0.25, 0.28)
"""Blue, green, red."""
STAR = (30, 290)
HIT = (290, 30)


def crescent(make: MakePlanes, *, noise: float = NOISE, haze: float = 0.06, seed: int = 1) -> Planes:
    """A ball lit from the left with a glow of haze 100 km high about its lit limb, a star, and a hit in red alone."""
    blank = make(np.zeros((3, 320, 320), np.float32))
    shade = np.nan_to_num(np.maximum(blank.cos_incidence, 0.0))
    line, sample = np.mgrid[:320, :320] + 0.5
    lit_side = np.clip((160.0 - sample) / 130.0, 0.0, 1.0)
    glow = haze * lit_side * np.exp(-np.nan_to_num(blank.altitude_km, nan=1e9) / 300.0)
    star = 0.02 * np.exp(-0.5 * ((line - STAR[0] - 0.5) ** 2 + (sample - STAR[1] - 0.5) ** 2) / 0.8**2)
    rng = np.random.default_rng(seed)
    light = np.stack([level * (shade + glow) + star + rng.normal(0.0, noise, shade.shape) for level in LEVELS])
    light[2, HIT[0] - 1 : HIT[0] + 1, HIT[1]] += 0.05
    sigma = np.full(light.shape, max(noise, 1e-6), np.float32)
    return replace(make(light.astype(np.float32)), sigma=sigma)


def test_compress_by_hand() -> None:
    """Half sRGB's own curve, half an inverse hyperbolic sine: 0, the toe, white, and never beyond 1."""
    light = np.array([[-1.0, 0.0, 0.01, 1.0, 1e6]], np.float32)
    code = compress(light, 1.0, 0.01, 0.5, 0.9)
    plain = 1.055 * 0.01 ** (1 / 2.4) - 0.055
    expected = 0.9 * 0.5 * (plain + np.arcsinh(1.0) / np.arcsinh(100.0))
    np.testing.assert_allclose(code[0, :4], [0.0, 0.0, expected, 0.9], rtol=1e-5)
    assert 0.9 < code[0, 4] <= 1.0


@settings(max_examples=30, deadline=None)
@given(st.floats(1e-3, 1.0), st.floats(1e-4, 0.5), st.floats(0.0, 1.0))
def test_compress_never_falls(white: float, toe: float, lift: float) -> None:
    """More light is never less code: a curve alone draws no halo."""
    code = compress(np.linspace(0.0, 3.0, 500, dtype=np.float32)[None], white, toe * white, lift)
    assert (np.diff(code) >= 0.0).all()
    assert code.max() <= 1.0


def test_decode_srgb_by_hand() -> None:
    """Codes of IEC 61966-2-1: the end of the straight part, mid grey, white."""
    found = decode_srgb(np.array([[0.0, 0.04045, 0.5, 1.0]], np.float32))
    np.testing.assert_allclose(found[0], [0.0, 0.0031308, 0.2140411, 1.0], atol=2e-7)


def test_dither_is_of_the_place_and_fine() -> None:
    """Mean 0, the variance 1/6 of a triangle, the same in every part; black and white are left alone."""
    whole = np.full((200, 300, 3), 0.5, np.float32)
    part = whole[40:90, 70:200].copy()
    dither_rows(whole, 1.0 / 255.0, 0, 0)
    dither_rows(part, 1.0 / 255.0, 40, 70)
    np.testing.assert_array_equal(part, whole[40:90, 70:200])
    noise = (whole - 0.5) * 255.0
    assert abs(float(noise.mean())) < 0.003
    assert float(noise.var()) == pytest.approx(1.0 / 6.0, rel=0.02)
    assert abs(np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]) < 0.02
    # blue: neighbours differ, wide means are quiet
    assert float((noise[:, 1:] * noise[:, :-1]).mean()) == pytest.approx(-1.0 / 12.0, rel=0.05)
    ends = np.array([[[0.0, 1.0, np.nan]]], np.float32)
    dither_rows(ends, 1.0 / 255.0, 5, 5)
    np.testing.assert_array_equal(ends, [[[0.0, 1.0, np.nan]]])


def test_dither_hides_steps() -> None:
    """A ramp of a step of 8 bits over 256 px comes out right in the mean of every 16 columns."""
    ramp = np.broadcast_to((100.0 + np.arange(256) / 256)[None, :, None] / 255.0, (256, 256, 1))
    code = ramp.astype(np.float32)
    dither_rows(code, 1.0 / 255.0, 0, 0)
    rounded = np.rint(code * 255.0)
    means = rounded.reshape(256, 16, 16).mean(axis=(0, 2))
    np.testing.assert_allclose(means, 100.0 + (np.arange(16) + 0.5) / 16, atol=0.04)


def test_noise_shares_of_white_noise() -> None:
    """What a picture of nothing but noise has on each scale is found, and is no more than half the noise at 3.2 px."""
    noise = np.random.default_rng(2).normal(0.0, 0.3, (200, 200)).astype(np.float32)
    known = np.ones_like(noise)
    scales = detail_scales(noise, known, 1.0, 4)
    np.testing.assert_allclose(sum(scales), noise, atol=1e-5)
    shares = noise_shares(scales, np.full_like(noise, 0.3), known > 0)
    for detail, share in zip(scales, shares, strict=True):
        assert share == pytest.approx(float(detail.std()) / 0.3, rel=0.1)
    assert shares[2] < 0.5 * shares[0]


def test_noise_goes_and_edges_stay() -> None:
    """A faint even glow loses nine tenths of its noise; a step of 30 sigma keeps its place and height."""
    rng = np.random.default_rng(3)
    truth = np.full((160, 160), 1.0, np.float32)
    truth[:, 80:] = 31.0
    light = (truth + rng.normal(0.0, 1.0, truth.shape)).astype(np.float32)
    known = np.ones_like(light)
    *scales, rest = detail_scales(light, known, 1.0, 5)
    quiet = detail_scales((light - truth).astype(np.float32), known, 1.0, 5)
    noises = [np.full_like(light, part.std()) for part in quiet[:-1]]
    calm = without_noise(scales, rest, noises, 1.0, 1.0)
    assert float(calm[:, :50].std()) < 0.1
    # the edge is as sharp as it was: no column on either side is further off than its noise
    np.testing.assert_allclose(calm.mean(axis=0), truth.mean(axis=0), atol=0.7)
    assert float(calm[:, :78].mean()) == pytest.approx(1.0, abs=0.1)


def test_ratios_of_faint_light_are_quiet_and_their_own() -> None:
    """A faint red glow of 1 sigma beside a bright blue field: its ratio is found, quiet, and not the field's."""
    rng = np.random.default_rng(4)
    colours = np.where(np.arange(240)[None, :, None] < 120, [1.4, 1.0, 0.6], [0.7, 1.0, 1.3])
    total = np.where(np.arange(240) < 120, 1.0, 100.0)
    truth = np.broadcast_to(colours * total[None, :, None], (120, 240, 3))
    light = (truth + rng.normal(0.0, 3.0**0.5, truth.shape)).astype(np.float32)
    sums = light.mean(axis=-1)
    sigma = np.ones_like(sums)
    found = steady_ratios(light, sums, sigma, np.ones_like(sums), [1.0, 1.0, 1.0], 1.0, 25.0, 16.0)
    faint, bright = found[:, 20:80], found[:, 130:]
    np.testing.assert_allclose(bright.mean(axis=(0, 1)), [0.7, 1.0, 1.3], atol=0.01)
    # pulled a little towards grey, where little is known
    np.testing.assert_allclose(faint.mean(axis=(0, 1)), [1.4, 1.0, 0.6], atol=0.12)
    assert float(faint.std(axis=(0, 1)).max()) < 0.15


def test_stars_are_found_and_hits_are_not(make_planes: MakePlanes) -> None:
    """What stands out in all colours is a star, in one a hit; noise is neither."""
    planes = crescent(make_planes)
    light = np.ascontiguousarray(np.moveaxis(planes.light, 0, -1))
    sky = (np.nan_to_num(planes.altitude_km) > 5000).astype(np.float32)
    found = find_stars(light, np.full_like(light, NOISE), sky, 1.0)
    assert found[STAR] > 0.9
    far = np.hypot(*(np.mgrid[:320, :320] - np.array(STAR)[:, None, None])) > 8
    assert not found[far].any()


def test_sky_is_black_or_keeps_its_stars(make_planes: MakePlanes) -> None:
    """Beyond the haze black is 0 in every pixel; kept, the star stands where it was and the hit is gone."""
    planes = crescent(make_planes)
    black = apply_recipe("backlit", planes).rgb
    beyond = np.nan_to_num(planes.altitude_km) > 9000
    assert not black[beyond].any()
    kept = apply_recipe(shipped("backlit").adjusted("faint-light", {"sky": "keep"}), planes).rgb
    around = kept[STAR[0] - 4 : STAR[0] + 5, STAR[1] - 4 : STAR[1] + 5].sum(axis=-1)
    line, sample = np.mgrid[-4:5, -4:5]
    assert abs(float((around * line).sum() / around.sum())) < 0.3
    assert abs(float((around * sample).sum() / around.sum())) < 0.3
    assert around.max() > 0.5
    assert kept[HIT[0] - 2 : HIT[0] + 2, HIT[1] - 1 : HIT[1] + 2].max() < 0.08


def test_no_halo_and_a_haze_that_ends_smoothly(make_planes: MakePlanes) -> None:
    """Along a ray over the lit limb the picture never brightens outwards, and the haze shows to a hundredth of it."""
    picture = apply_recipe("backlit", crescent(make_planes, noise=0.0, haze=0.3)).rgb[160].sum(axis=-1)
    outwards = picture[:31][::-1]
    assert (np.diff(outwards) <= 0.02).all()
    # 0.6 px is a scale height: 3 px beyond the limb stands a hundredth of the haze
    assert outwards[3] > 3 * 3 / 255
    assert outwards[-1] == 0.0


def test_night_noise_is_taken_off(make_planes: MakePlanes) -> None:
    """The night is black, and twilight without the grain that the noise gives it."""
    quiet, noisy = (apply_recipe("backlit", crescent(make_planes, noise=n)).rgb for n in (0.0, 2e-3))
    planes = crescent(make_planes)
    night = planes.hit & (planes.cos_incidence < -0.3) & (planes.cos_emission > 0.4)
    assert float(np.percentile(noisy[night], 99.5)) < 6 / 255
    plain = apply_recipe(
        shipped("backlit").adjusted("faint-light", {"strength": 0.0}), crescent(make_planes, noise=2e-3)
    )
    twilight = planes.hit & (planes.cos_incidence > 0.02) & (planes.cos_incidence < 0.06) & (planes.cos_emission > 0.4)
    along = twilight[1:] & twilight[:-1]
    grain = [float(np.std(np.diff(rgb[..., 1], axis=0)[along])) for rgb in (quiet, noisy, plain.rgb)]
    assert grain[1] - grain[0] < 0.3 * (grain[2] - grain[0])


def test_detail_is_raised_and_the_shading_is_not(make_planes: MakePlanes) -> None:
    """Bands of 3 % stand out as the step says; the mean brightness of the disc stays."""
    blank = make_planes(np.zeros((3, 320, 320), np.float32))
    shade = np.nan_to_num(np.maximum(blank.cos_incidence, 0.0)) ** 0.9
    bands = 1.0 + 0.03 * np.sin(np.arange(320) / 320 * 2 * np.pi * 30)[:, None]
    planes = make_planes(np.stack([0.3 * shade * bands] * 3).astype(np.float32))
    none = shipped("backlit").adjusted("crescent-detail", {"raised": [1.0, 1.0, 1.0, 1.0]})
    before, after = (apply_recipe(recipe, planes).rgb[130:190, 60:120, 1] for recipe in (none, "backlit"))
    rises = [float(np.ptp(part.mean(axis=1))) for part in (before, after)]
    assert rises[1] > 2.0 * rises[0]
    assert float(after.mean()) == pytest.approx(float(before.mean()), rel=0.03)


def test_parts_are_made_alike(make_planes: MakePlanes) -> None:
    """Half of a picture made with the settings of the whole is that half, but for what lies near its cut."""
    planes = crescent(make_planes)
    whole = apply_recipe("backlit", planes)
    upper = replace(
        planes,
        light=planes.light[:, :200], weight=planes.weight[:, :200], sigma=planes.sigma[:, :200],
        hit=planes.hit[:200], altitude_km=planes.altitude_km[:200], cos_incidence=planes.cos_incidence[:200],
        cos_emission=planes.cos_emission[:200],
    )  # fmt: skip
    part = apply_recipe("backlit", upper, given=whole.settings)
    np.testing.assert_allclose(part.rgb[:60], whole.rgb[:60], atol=0.015)


def test_what_is_missing_stays_missing(make_planes: MakePlanes) -> None:
    """Pixels without data are NaN, those beside them are not; one filter makes a grey picture; no Sun is no error."""
    planes = crescent(make_planes)
    planes.light[:, 100:140, 100:140] = np.nan
    picture = apply_recipe("backlit", planes).rgb
    np.testing.assert_array_equal(np.isnan(picture), np.isnan(np.moveaxis(planes.light[::-1], 0, -1)))
    grey = apply_recipe("backlit", make_planes(planes.light[:1], bands=(Filter.METHANE,)))
    assert grey.rgb.shape == (320, 320, 1)
    assert np.isfinite(apply_recipe("backlit", make_planes(crescent(make_planes).light, sun=False)).rgb).all()


def test_nothing_at_all_is_black(make_planes: MakePlanes) -> None:
    """A picture of zeros is black, one without data is empty."""
    assert not apply_recipe("backlit", make_planes(np.zeros((3, 320, 320), np.float32))).rgb.any()
    empty = make_planes(np.full((3, 320, 320), np.nan, np.float32))
    assert np.isnan(apply_recipe("backlit", empty).rgb).all()
