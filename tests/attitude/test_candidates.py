"""Candidate limb points: many on a limb, few on all that only resembles one."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from perijove.attitude.candidates import bright_level, find_candidates, pixel_noise
from perijove.attitude.search import LEAST_POINTS

FLOOR = 0.05
LINE, SAMPLE = np.mgrid[0:128, 0:1648] + 0.5


def framelet(light: np.ndarray, seed: int = 0) -> np.ndarray:
    """Blurred by optics, with noise, dark columns masked."""
    out = gaussian_filter(light, 0.75) + np.random.default_rng(seed).normal(0, 0.004, light.shape)
    out[:, :24] = np.nan
    out[:, 1630:] = np.nan
    return out[None].astype(np.float32)


def disc(centre, radius: float) -> np.ndarray:
    """A bright disc, its pixels weighed by how much of them it covers, nearly."""
    return np.clip(radius - np.hypot(LINE - centre[0], SAMPLE - centre[1]) + 0.5, 0.0, 1.0)


@pytest.mark.parametrize("centre", [(64.0, 100.0), (700.0, 800.0), (-650.0, 800.0)])
def test_a_limb_yields_many(centre):
    radius = 720.0
    light = disc(centre, radius)
    found = find_candidates(framelet(0.7 * light), FLOOR)
    off = np.hypot(found.line - centre[0], found.sample - centre[1]) - radius
    near = np.abs(off) < 1.5
    assert near.sum() > 8
    assert near.mean() > 0.8
    assert np.max(np.abs(off)) < 4.0
    # the normal points from light to dark
    true = np.stack([found.line - centre[0], found.sample - centre[1]], axis=-1) / (radius + off[:, None])
    assert np.median(np.sum(found.outward * true, axis=-1)[near]) > 0.98
    assert (found.frame == 0).all()


@pytest.mark.parametrize(
    ("name", "light"),
    [
        ("sky", np.zeros(LINE.shape)),
        ("full", np.full(LINE.shape, 0.8)),
        ("terminator", np.clip((900 - SAMPLE) / 400, 0, 1)),
        ("clouds", 0.6 + 0.25 * np.sign(np.sin(SAMPLE / 9) * np.sin(LINE / 9))),
        ("blocks", 0.02 * ((LINE // 16 + SAMPLE // 16) % 2)),
    ],
)
def test_what_is_no_limb_yields_next_to_none(name, light):
    # a limb across the framelet yields one every 12 px
    assert len(find_candidates(framelet(light), FLOOR).line) <= 2, name


def test_hot_pixels_yield_none():
    rng = np.random.default_rng(5)
    light = framelet(np.zeros(LINE.shape))
    light[0, rng.integers(0, 128, 300), rng.integers(30, 1620, 300)] = 1.0
    assert len(find_candidates(light, FLOOR).line) == 0


@pytest.mark.parametrize("radius", [1.5, 3.0, 4.0, 6.0])
def test_a_small_moon_yields_too_few_for_a_limb(radius):
    assert len(find_candidates(framelet(disc((60.0, 800.0), radius)), FLOOR).line) < LEAST_POINTS


def test_mask_and_border_are_no_limb():
    # lit to the edge of the mask and of the framelet
    light = np.full(LINE.shape, 0.8)
    masked = framelet(light)
    masked[0, 40:80, 600:700] = np.nan
    assert len(find_candidates(masked, FLOOR).line) == 0


def test_frames_are_told_apart():
    empty, limb = framelet(np.zeros(LINE.shape)), framelet(disc((64.0, 100.0), 720.0))
    found = find_candidates(np.concatenate([empty, limb, limb]), FLOOR)
    assert set(found.frame) == {1, 2}
    assert find_candidates(empty, FLOOR).outward.shape == (0, 2)


def test_noise_of_single_pixels_whatever_they_show():
    rng = np.random.default_rng(3)
    ramp = np.broadcast_to(np.linspace(0.0, 50.0, 1648), (2, 128, 1648))
    light = (ramp + rng.normal(0.0, 1.5, ramp.shape)).astype(np.float32)
    light[:, :, ::7] = np.nan
    assert pixel_noise(light) == pytest.approx(1.5, rel=0.05)
    assert pixel_noise(np.full((1, 128, 1648), np.nan, np.float32)) == 0.0


def test_bright_level_is_the_99th_percentile():
    light = np.zeros((2, 64, 400), np.float32)
    light[:, :, :200] = 0.5
    light[0, 0, :8] = 1.0
    light[1, :, 300:] = np.nan
    assert bright_level(light) == pytest.approx(0.5)
    assert bright_level(np.full((1, 8, 8), np.nan, np.float32)) == 0.0
