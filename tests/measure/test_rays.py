"""Rays: found where they were drawn, of the contrast they were drawn with, and not where there are none."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from perijove.bodies import GANYMEDE
from perijove.errors import UsageError
from perijove.measure.patch import MeasureError, Patch
from perijove.measure.rays import Rays, measure_rays

Array = NDArray[np.float64]
SIDE = 200
RADIUS = 8.0
"""Of the crater, pixels of 1 km."""
WEDGES = np.radians([20.0, 65.0, 130.0, 200.0, 235.0, 310.0])


def terrain(rng: np.random.Generator, strength: float = 0.06) -> Array:
    """Uneven ground (n, n): noise whose amplitude falls with frequency, and one straight lane somewhere."""
    frequency = np.fft.fftfreq(SIDE)
    steep = np.hypot(frequency[:, None], frequency)
    steep[0, 0] = np.inf
    noise = np.fft.ifft2(np.fft.fft2(rng.normal(size=(SIDE, SIDE))) * steep**-1.2).real
    turn, off = rng.uniform(0.0, np.pi), rng.uniform(-0.4, 0.4) * SIDE
    x = np.arange(SIDE) - 0.5 * SIDE + 0.5
    across = x[None, :] * np.cos(turn) + x[:, None] * np.sin(turn) - off
    return np.asarray(1.0 + strength * noise / noise.std() + strength * (np.abs(across) < 6.0))


def wedges(reach: float, half_width_deg: float = 9.0) -> Array:
    """1 in the rays (n, n), 0 beside them: `reach` radii long."""
    x = np.arange(SIDE) - 0.5 * SIDE + 0.5
    azimuth, away = np.arctan2(x[None, :], -x[:, None]), np.hypot(x[None, :], x[:, None])
    near = np.abs(np.angle(np.exp(1j * (azimuth[..., None] - WEDGES)))).min(axis=-1)
    return np.asarray((near < np.radians(half_width_deg)) & (away > RADIUS) & (away < reach * RADIUS), dtype=float)


def patch_of(*bands: Array) -> Patch:
    names = ("BLUE", "GREEN", "RED")[: len(bands)] if len(bands) > 1 else ("GREEN",)
    return Patch(np.stack(bands).astype(np.float32), names, 1.0, (0.1, 0.5), GANYMEDE)


def rays_of(patch: Patch, outer: float | None = 4.0) -> Rays:
    return measure_rays(patch, patch.centre, RADIUS, outer=outer)


@pytest.mark.parametrize("contrast", [0.35, -0.3])
def test_rays_come_back_as_they_were_drawn(contrast: float) -> None:
    ground, shape = terrain(np.random.default_rng(1)), wedges(3.4)
    found = rays_of(patch_of(*(ground * (1.0 + share * contrast * shape) for share in (1.2, 1.0, 0.8))))
    assert found.verdict == ("bright rays" if contrast > 0.0 else "dark rays")
    assert found.significance > 4.0
    # sectors of 10 deg, rays of 18: where a ray fills the sector
    drawn = np.abs(np.angle(np.exp(1j * (found.azimuths[:, None] - WEDGES)))).min(axis=1)
    assert found.is_ray[drawn < np.radians(4.5)].all()
    # two sigma of terrain is one bare sector in 40, and a lane is wider than one
    assert found.is_ray[drawn > np.radians(14.5)].mean() < 0.15
    for band, share in zip(found.bands, (1.2, 1.0, 0.8), strict=True):
        assert band.tone == ("bright" if contrast > 0.0 else "dark")
        assert band.extent_km == pytest.approx(3.4 * RADIUS, abs=0.35 * RADIUS)
        assert not band.open_ended
        inside = band.by_ring[:6].mean()
        # partly filled sectors weaken it: 18 of at most 30 deg
        assert 0.55 * share < inside / contrast < 1.15 * share
    blue, green, red = found.bands
    assert (green.colour, green.colour_sigma) == (1.0, 0.0)
    expected = [(1.0 + b.contrast) / (1.0 + green.contrast) for b in (blue, red)]
    assert [blue.colour, red.colour] == pytest.approx(expected)
    assert (blue.colour > 1.0) is (contrast > 0.0)
    assert abs(blue.colour - 1.0) > 2.0 * blue.colour_sigma


def test_a_halo_without_streaks_counts_as_well() -> None:
    ground = terrain(np.random.default_rng(5))
    x = np.arange(SIDE) - 0.5 * SIDE + 0.5
    away = np.hypot(x[None, :], x[:, None]) / RADIUS
    found = rays_of(patch_of(ground * (1.0 - 0.3 * np.exp(-((away / 2.5) ** 2)))))
    assert found.verdict == "dark rays"
    assert found.coverage > 0.6


def test_ground_without_rays_has_none() -> None:
    rng = np.random.default_rng(12)
    significances = [rays_of(patch_of(terrain(rng, 0.1))).significance for _ in range(16)]
    # three sigma by chance is one in 370
    assert sum(s >= 3.0 for s in significances) <= 1
    assert np.median(significances) < 2.0


def test_the_sigma_is_what_terrain_does_to_the_contrast() -> None:
    rng = np.random.default_rng(21)
    pulls = []
    for _ in range(12):
        band = rays_of(patch_of(terrain(rng))).bands[0]
        pulls.append(band.contrast / band.sigma)
    assert 0.5 < np.sqrt(np.mean(np.square(pulls))) < 1.6


def test_the_globe_s_shading_is_no_ray() -> None:
    ground = terrain(np.random.default_rng(7), 0.03)
    x = np.arange(SIDE) / SIDE
    cosine = (0.9 - 0.8 * x[None, :] * np.ones((SIDE, 1))) * (1.0 - 0.2 * x[:, None])
    shaded = patch_of(ground * cosine)
    flat = rays_of(patch_of(ground))
    for patch in (
        shaded,
        replace(shaded, cos_incidence=cosine.astype(np.float32), cos_emission=np.ones((SIDE, SIDE), np.float32)),
    ):
        found = rays_of(patch)
        assert found.verdict == "none"
        assert found.bands[0].contrast == pytest.approx(flat.bands[0].contrast, abs=0.03)
    assert np.isnan(found.bands[0].extent_km)
    assert not found.is_ray.any()
    assert found.bands[0].tone == "none"


def test_the_camera_s_gain_changes_nothing() -> None:
    light = terrain(np.random.default_rng(2)) * (1.0 + 0.3 * wedges(3.0))
    one, other = rays_of(patch_of(light)), rays_of(patch_of(40.0 * light))
    assert other.significance == pytest.approx(one.significance, rel=1e-3)
    assert other.bands[0].contrast == pytest.approx(one.bands[0].contrast, rel=1e-3)


def test_a_quarter_without_data_is_no_trouble() -> None:
    light = terrain(np.random.default_rng(4)) * (1.0 + 0.4 * wedges(3.4))
    light[: SIDE // 2, : SIDE // 2] = np.nan
    found = rays_of(patch_of(light))
    assert found.verdict == "bright rays"
    assert np.isfinite([band.contrast for band in found.bands]).all()


def test_too_little_ground_is_refused() -> None:
    light = terrain(np.random.default_rng(4))
    light[:, : int(0.55 * SIDE)] = np.nan
    with pytest.raises(MeasureError, match="too little ground"):
        rays_of(patch_of(light))


def test_requests_that_do_not_fit_are_refused() -> None:
    patch = patch_of(terrain(np.random.default_rng(4)))
    with pytest.raises(UsageError, match="larger one"):
        rays_of(patch, outer=20.0)
    with pytest.raises(UsageError, match="13 or more"):
        measure_rays(patch, patch.centre, 12.0)
    with pytest.raises(UsageError, match="too small"):
        measure_rays(patch, patch.centre, 0.3)
    with pytest.raises(UsageError, match="'UV'"):
        measure_rays(patch, patch.centre, RADIUS, reference="UV")


# name, latitude and east longitude (deg) in the published map, diameter (km), what the eye sees there
SEEN = [
    ("Tros", 10.97, 333.05, 93.9, "bright rays"),
    ("Shu", 43.2, 3.4, 44.1, "bright rays"),
    ("Kittu", 0.4, 25.8, 15.0, "dark rays"),
    ("Irkalla", -32.6, 245.3, 116.2, "none"),
    ("Ninlil", 6.2, 241.7, 90.8, "none"),
]


@pytest.mark.parametrize(("name", "latitude", "longitude", "diameter", "seen"), SEEN, ids=[seen[0] for seen in SEEN])
def test_rays_of_the_published_map(
    basemap: Callable[[float, float, float, float], Patch],
    name: str,
    latitude: float,
    longitude: float,
    diameter: float,
    seen: str,
) -> None:
    outer = 16.0 if name == "Kittu" else 8.0
    patch = basemap(latitude, longitude, 1.3 * outer * diameter, diameter / 12.0)
    assert measure_rays(patch, patch.centre, 0.5 * diameter, outer=outer).verdict == seen


def test_directions_without_data_hold_no_ray_and_do_not_count() -> None:
    ground, shape = terrain(np.random.default_rng(4)), wedges(3.4)
    light = ground * (1.0 + 0.35 * shape)
    x = np.arange(SIDE) - 0.5 * SIDE + 0.5
    azimuth = np.mod(np.arctan2(x[None, :], -x[:, None]), 2.0 * np.pi)
    away = np.hypot(x[None, :], x[:, None])
    # from 280 to 340 degrees, where one ray is, nothing beyond 1.6 radii was seen
    gap = (azimuth > np.radians(280.0)) & (azimuth < np.radians(340.0)) & (away > 1.6 * RADIUS)
    found = rays_of(patch_of(np.where(gap, np.nan, light)))
    blind = np.abs(np.degrees(found.azimuths) % 360.0 - 310.0) < 24.0
    assert not found.known[blind, -1].any()
    assert found.known[~blind & (np.abs(np.degrees(found.azimuths) % 360.0 - 310.0) > 36.0)].all()
    assert not found.is_ray[blind].any()
    seen = found.known.mean(axis=1) >= 0.5
    assert found.coverage == pytest.approx(found.is_ray.sum() / seen.sum())
    assert found.coverage > found.is_ray.mean() > 0.0
