"""The glow beside a crescent: found where it was put, and nothing else taken for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from perijove.bodies import JUPITER
from perijove.instrument import Filter
from perijove.mosaic.glow import Glow, glow_report, without_glow
from perijove.mosaic.look import Look
from perijove.swath import Swath

FloatArray = NDArray[np.float64]
MakeLook = Callable[..., Look]

SUN = np.array([0.2, -0.97, 0.1]) / np.linalg.norm([0.2, -0.97, 0.1])
PLACE = np.array([-3.0e5, 1.5e4, 2.5e4])
SHARE, WIDTH = 0.012, 32.0
LIGHT_SPEED = 299792.458
STEP = 1480.59 * np.tan(114.7 / 1480.59) / 2
"""Lines that the sky moves by from one framelet to the next."""


def scene(swath: Swath) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Light of a bare crescent (n, lines, samples), cosine of incidence (NaN off the disc), and height off it, km."""
    n = swath.binning
    _, lines, samples = swath.light.shape
    line, sample = (n * (np.arange(size, dtype=float) + 0.5) for size in (lines, samples))
    rays = swath.camera.ray(swath.band, line[:, None], sample)
    radii = np.array(JUPITER.radii_km)
    cosine, height = np.full(swath.light.shape, np.nan), np.full(swath.light.shape, np.nan)
    for f in range(len(swath.et)):
        delay = (np.linalg.norm(swath.position_km[f]) - radii.mean()) / LIGHT_SPEED
        turned = JUPITER.body_from_j2000(swath.et[f] - delay)
        o, d = turned @ swath.position_km[f] / radii, rays @ swath.camera_from_j2000[f] @ turned.T / radii
        a, b, c = (d * d).sum(-1), 2 * d @ o, o @ o - 1
        root = b * b - 4 * a * c
        hit = (root > 0) & (b < 0)
        up = (o + ((-b - np.sqrt(np.where(hit, root, 0))) / (2 * a))[..., None] * d) / radii
        mu = up @ SUN / np.linalg.norm(up, axis=-1)
        cosine[f][hit] = mu[hit]
        height[f][~hit] = (np.sqrt((c + 1 - b * b / (4 * a))[~hit]) - 1) * radii.min()
    light = 1500.0 * np.nan_to_num(np.maximum(cosine, 0.0))
    return light, cosine, height


def spread_out(light: FloatArray, step: float, width: float) -> FloatArray:
    """The light of framelets (n, lines, samples) blurred on the strip, whose sky moves `step` lines a framelet."""
    n, lines, samples = light.shape
    # this camera turns so that the sky moves down its lines
    rows = (np.arange(n)[::-1, None] * step + 0.5).astype(int) + np.arange(lines)
    strip, count = np.zeros((rows.max() + 1, samples)), np.zeros(rows.max() + 1)
    for f in range(n):
        strip[rows[f]] += light[f]
        count[rows[f]] += 1
    blurred = gaussian_filter(strip / count[:, None], width, mode=("nearest", "constant"))
    return np.asarray(blurred[rows])


@pytest.fixture(scope="module")
def crescent(look: MakeLook) -> tuple[Look, FloatArray, FloatArray, FloatArray]:
    """A noisy look at a crescent with wings, its bare light, cosine of incidence and height."""
    made = look("a", place=PLACE)
    swath = made.swaths[0]
    light, cosine, height = scene(swath)
    glow = SHARE * spread_out(light, STEP, WIDTH / 2)
    noise = np.random.default_rng(5).normal(0.0, 1.0, light.shape)
    seen = np.where(np.isnan(swath.light), np.nan, light + glow + noise).astype(np.float32)
    swath = replace(swath, light=seen, variance=np.ones_like(seen))
    return replace(made, swaths=(swath,), sun=SUN), light, cosine, height


def dark_near(cosine: FloatArray, height: FloatArray) -> NDArray[np.bool_]:
    """Sky within 60 camera px of the disc, 5 px off it."""
    km = np.linalg.norm(PLACE) / 1480.6
    with np.errstate(invalid="ignore"):
        return np.asarray((height > 500 + 5 * km) & (height < 60 * km))


def test_the_glow_that_was_put_there_is_taken_off(crescent: tuple[Look, FloatArray, FloatArray, FloatArray]) -> None:
    """Of some DN beside the limb a tenth of one is left; the light that cast it keeps all but what stands beside it."""
    before, bare, cosine, height = crescent
    kept = before.swaths[0].light.copy()
    after, (glow,) = without_glow(before, JUPITER)
    np.testing.assert_array_equal(before.swaths[0].light, kept)
    light = after.swaths[0].light
    near = dark_near(cosine, height) & np.isfinite(light)
    # on the side of the crescent
    lit = near & (spread_out(bare, STEP, 20.0) > 30.0)
    assert float(before.swaths[0].light[lit].mean()) > 1.0
    assert abs(float(light[lit].mean())) < 0.1
    # cells hold 16 pixels of noise 1
    assert glow.after_dn < 0.26
    assert glow.before_dn > 0.5
    assert sum(glow.shares) == pytest.approx(SHARE, rel=0.25)
    bright = np.nan_to_num(cosine) > 0.3
    loss = np.nanmean((before.swaths[0].light - light)[bright & np.isfinite(light)])
    assert 0.0 <= loss <= float(glow.model_dn.max())
    assert float(glow.model_dn.max()) < 0.02 * 1500
    assert after.swaths[0].variance is not None
    np.testing.assert_allclose(after.swaths[0].variance, 1.0 + glow.sigma_dn**2, rtol=1e-5)


def test_stars_rings_and_aurora_stay(crescent: tuple[Look, FloatArray, FloatArray, FloatArray]) -> None:
    """What else there is in the dark loses no more than would have been taken without it."""
    before, _, cosine, height = crescent
    swath = before.swaths[0]
    km = np.linalg.norm(PLACE) / 1480.6
    with np.errstate(invalid="ignore"):
        aurora = (cosine > -0.75) & (cosine < -0.7)
        ring = (height > 30 * km) & (height < 33 * km)
    rng = np.random.default_rng(6)
    stars = rng.random(cosine.shape) < 1e-4
    more = 6.0 * aurora + 3.0 * ring + 200.0 * stars * (height > 6 * km)
    (plain,), _ = without_glow(before, JUPITER)[0].swaths, None
    with_more = replace(before, swaths=(replace(swath, light=(swath.light + more).astype(np.float32)),))
    (found,), _ = without_glow(with_more, JUPITER)[0].swaths, None
    left = found.light - plain.light
    for what, amount in ((aurora, 6.0), (ring, 3.0)):
        assert float(np.nanmean(left[what])) == pytest.approx(amount, rel=0.05)
    assert float(np.nanmin(left[stars & (height > 6 * km)])) > 195.0


def test_nothing_is_taken_where_no_dark_is_seen(look: MakeLook) -> None:
    """A strip full of ground, or one of sky alone, stays what it is, to the bit."""
    ground = look("g", place=np.array([-0.8e5, 0.0, 0.0]), frames=3)
    assert_untouched(replace(ground, sun=np.array([-1.0, 0.0, 0.0])))
    assert_untouched(replace(look("s", level=0.5, side=1.2), sun=SUN))


def assert_untouched(given: Look) -> None:
    """The look comes back with its light, and a glow of nothing."""
    after, (glow,) = without_glow(given, JUPITER)
    np.testing.assert_array_equal(after.swaths[0].light, given.swaths[0].light)
    assert glow.cells == 0
    assert not glow.model_dn.any()


def test_a_sun_that_is_not_known_leaves_the_sky_to_tell(
    crescent: tuple[Look, FloatArray, FloatArray, FloatArray],
) -> None:
    """Without night the glow is found by the sky alone."""
    before, _, _, _ = crescent
    _, (glow,) = without_glow(replace(before, sun=np.full(3, np.nan)), JUPITER)
    assert glow.cells > 0
    assert sum(glow.shares) == pytest.approx(SHARE, rel=0.3)


def test_spilt_charge_is_given_up(crescent: tuple[Look, FloatArray, FloatArray, FloatArray]) -> None:
    """A full column that runs over the limb into the sky is NaN there, with the pixel where it ends; a moon is not."""
    before, _, cosine, height = crescent
    swath = before.swaths[0]
    km = np.linalg.norm(PLACE) / 1480.6
    with np.errstate(invalid="ignore"):
        sky = height > 500 + 6 * km
    # a column whose upper part is sky and lower part is ground
    with np.errstate(invalid="ignore"):
        over = sky[:, :20, 20:800].all(axis=1) & (cosine[:, -8:, 20:800] > 0).all(axis=1)
    frame, column = (int(k) for k in np.argwhere(over)[0] + (0, 20))
    light = swath.light.copy()
    light[frame, 10:, column] = 2390.0
    light[frame, 9, column] = 700.0
    light[frame, 2:5, column + 3] = 2390.0
    full = replace(before, swaths=(replace(swath, light=light),), full_dn=2390.0)
    after, (glow,) = without_glow(full, JUPITER)
    out = after.swaths[0].light[frame]
    assert np.isnan(out[9:20, column]).all()
    assert np.isfinite(out[:9, column]).all()
    assert np.isfinite(out[-8:, column]).all()
    assert np.isfinite(out[2:5, column + 3]).all()
    assert 11 <= glow.spilt <= 54


def test_the_report_names_the_filters() -> None:
    """What reports hold of a glow."""
    none = np.zeros((2, 2), np.float32)
    glow = Glow(Filter.RED, (0.001, 0.0, 0.002, 0.0), 0.1, 1.23456, 0.3, 0.2, 900, 4, none, 114.7, 0.0)
    assert glow_report("x", [glow]) == {
        "strip": "x",
        "red": {
            "before_dn": 1.235, "after_dn": 0.3, "shares": [0.001, 0.0, 0.002, 0.0], "cells": 900, "spilt_pixels": 4,
        },
    }  # fmt: skip
