"""Profiles by ring and along a line, on patches whose light is known."""

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from perijove.bodies import GANYMEDE, JUPITER
from perijove.errors import UsageError
from perijove.geometry.ellipsoid import point_from_centric
from perijove.measure.patch import Patch, make_patch, sample
from perijove.measure.profile import line_profile, radial_profile

Array = NDArray[np.float64]
CENTRE = (0.2, 2.0)


def unit(latitude: Array | float, longitude: Array | float) -> Array:
    return point_from_centric(latitude, longitude, (1.0, 1.0, 1.0))


def distance(latitude: Array, longitude: Array) -> Array:
    """Distance, km, from `CENTRE` on Ganymede, by the chord."""
    chord = np.linalg.norm(unit(latitude, longitude) - unit(*CENTRE), axis=-1)
    return np.asarray(2.0 * GANYMEDE.radii_km[0] * np.arcsin(0.5 * chord))


def cone(latitude: Array, longitude: Array) -> Array:
    away = distance(latitude, longitude)
    return np.stack([1.0 + away / 100.0, np.where(away < 50.0, 2.0, 1.0)])


@pytest.fixture(scope="module")
def patch() -> Patch:
    # not centred on the place, so that nothing depends on that
    return make_patch(cone, ("RED", "BLUE"), (0.195, 2.006), 170.0, 2.0, GANYMEDE)


def test_rings_hold_what_lies_in_them(patch: Patch) -> None:
    found = radial_profile(patch, CENTRE, 50.0)
    assert np.allclose(found.median[0, 0, 2:], 1.0 + found.middle_km[2:] / 100.0, atol=0.01)
    assert np.array_equal(found.median[1, 0, :9], np.full(9, 2.0))
    assert np.array_equal(found.median[1, 0, 10:], np.ones(len(found.middle_km) - 10))
    assert np.allclose(found.edges_radii[:3], [0.0, 0.1, 0.2])
    area = np.pi * (found.edges_km[1:] ** 2 - found.edges_km[:-1] ** 2) / patch.scale_km**2
    assert np.allclose(found.count[0, 4:], area[4:], rtol=0.1)


def test_sectors_begin_around_north(patch: Patch) -> None:
    north = patch.light.copy()
    lines = np.arange(patch.side)[:, None] * np.ones(patch.side)
    row = patch.pixel_of(*patch.plane.xy_of(*CENTRE))[0]
    north[:, lines < row] = 5.0
    found = radial_profile(replace(patch, light=north), CENTRE, 50.0, edges_radii=[0.5, 1.0, 2.0], sectors=4)
    assert np.allclose(found.sectors, np.radians([-45.0, 45.0, 135.0, 225.0, 315.0]))
    assert np.array_equal(found.median[0, 0], [5.0, 5.0])
    assert np.all(found.median[0, 2] < 3.0)
    assert found.count.sum() == pytest.approx(math.pi * (100.0**2 - 25.0**2) / patch.scale_km**2, rel=0.02)


def test_the_sigma_of_the_mean_knows_that_neighbours_show_the_same_ground() -> None:
    rng = np.random.default_rng(8)
    means, sigmas = [], []
    for _ in range(60):
        # patches of terrain eight pixels wide
        light = np.kron(rng.normal(1.0, 0.2, (10, 10)), np.ones((8, 8))).astype(np.float32)[None]
        found = radial_profile(Patch(light, ("RED",), 2.0, CENTRE, GANYMEDE), CENTRE, 20.0, edges_radii=[2.0, 3.5])
        means.append(found.mean[0, 0, 0])
        sigmas.append(found.sigma[0, 0, 0])
    assert np.sqrt(np.mean(np.square(sigmas))) == pytest.approx(np.std(means), rel=0.35)


def test_what_has_no_data_does_not_count(patch: Patch) -> None:
    holes = patch.light.copy()
    holes[0, :, : patch.side // 2] = np.nan
    whole = radial_profile(patch, CENTRE, 50.0, edges_radii=[0.2, 0.8, 1.6])
    half = radial_profile(replace(patch, light=holes), CENTRE, 50.0, edges_radii=[0.2, 0.8, 1.6])
    assert np.all(half.count < 0.7 * whole.count)
    assert np.allclose(half.median, whole.median, atol=0.03)
    none = radial_profile(replace(patch, light=np.full_like(holes, np.nan)), CENTRE, 50.0)
    assert np.isnan(none.median).all()
    assert not none.count.any()


def test_a_line_follows_the_great_circle(patch: Patch) -> None:
    end = (0.23, 2.04)
    found = line_profile(patch, CENTRE, end, step_km=5.0)
    away = 2.0 * GANYMEDE.radii_km[0] * math.asin(0.5 * float(np.linalg.norm(unit(*end) - unit(*CENTRE))))
    assert found.distance_km[-1] == pytest.approx(away, rel=1e-6)
    assert np.allclose(found.light[0, 1:], 1.0 + found.distance_km[1:] / 100.0, atol=0.01)
    assert np.allclose(found.places[[0, -1]], [CENTRE, end])
    points = unit(found.places[:, 0], found.places[:, 1])
    assert np.allclose(points @ np.cross(points[0], points[-1]), 0.0, atol=1e-12)


def test_a_wide_line_takes_the_mean_across(patch: Patch) -> None:
    rng = np.random.default_rng(3)
    noisy = replace(patch, light=(patch.light + rng.normal(0.0, 0.1, patch.light.shape)).astype(np.float32))
    narrow = line_profile(noisy, CENTRE, (0.2, 2.05), step_km=4.0)
    wide = line_profile(noisy, CENTRE, (0.2, 2.05), step_km=4.0, width_km=40.0)
    truth = 1.0 + narrow.distance_km / 100.0
    assert np.std((narrow.light[0] - truth)[10:]) > 2.5 * np.std((wide.light[0] - truth)[10:])
    assert np.isnan(narrow.sigma).all()
    assert np.all(wide.sigma[0] > 0.005)


def test_sigma_of_a_single_line_is_that_of_the_light(patch: Patch) -> None:
    known = replace(patch, sigma=np.full_like(patch.light, 0.25))
    assert np.allclose(line_profile(known, CENTRE, (0.2, 2.04)).sigma, 0.25)


def test_lines_that_leave_the_patch_have_no_data_there(patch: Patch) -> None:
    found = line_profile(patch, CENTRE, (0.2, 2.3))
    assert np.isfinite(found.light[0, 5])
    assert np.isnan(found.light[0, -1])


def test_between_pixels_light_is_bilinear() -> None:
    image = np.arange(12, dtype=np.float32).reshape(3, 4)
    at = np.array([[0.5, 0.5], [1.0, 1.0], [2.5, 3.5], [0.2, 0.5], [2.5, 3.9]])
    assert np.array_equal(sample(image, at)[:3], np.array([0.0, 2.5, 11.0], np.float32))
    assert np.isnan(sample(image, at)[3:]).all()


def test_a_patch_knows_its_places() -> None:
    patch = make_patch(
        lambda latitude, longitude: np.stack([latitude, longitude]), ("a", "b"), (0.3, 3.1), 9e3, 300.0, JUPITER
    )
    lines, samples = np.meshgrid(np.arange(patch.side) + 0.5, np.arange(patch.side) + 0.5, indexing="ij")
    assert np.allclose(patch.place_of(lines, samples), np.moveaxis(patch.light, 0, -1), atol=1e-6)
    xy = patch.xy_of(lines, samples)
    assert np.allclose(patch.pixel_of(xy[..., 0], xy[..., 1]), np.stack([lines, samples], axis=-1))
    # north is up, east is to the right, across the meridian of 180 deg too
    assert patch.light[0, 0, 5] > patch.light[0, -1, 5]
    assert np.sin(patch.light[1, 5, -1] - patch.light[1, 5, 0]) > 0.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"radius_km": 0.0}, "above zero"),
        ({"radius_km": 50.0, "edges_radii": [1.0, 0.5]}, "growing"),
        ({"radius_km": 50.0, "edges_radii": [0.0, 9.0]}, "larger one"),
        ({"radius_km": 50.0, "centre": (0.9, 2.0)}, "outside the patch"),
    ],
)
def test_rings_that_do_not_fit_are_refused(patch: Patch, options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        radial_profile(patch, **{"centre": CENTRE, **options})  # type: ignore[arg-type]


def test_lines_that_make_no_sense_are_refused(patch: Patch) -> None:
    with pytest.raises(UsageError, match="one place"):
        line_profile(patch, CENTRE, CENTRE)
    with pytest.raises(UsageError, match="above zero"):
        line_profile(patch, CENTRE, (0.2, 2.1), step_km=0.0)
    with pytest.raises(UsageError, match="longer steps"):
        line_profile(patch, CENTRE, (0.2, 2.1), step_km=1e-4)


def test_patches_that_make_no_sense_are_refused() -> None:
    with pytest.raises(UsageError, match="smaller patch"):
        make_patch(cone, ("RED", "BLUE"), CENTRE, 1000.0, 0.1, GANYMEDE)
    with pytest.raises(UsageError, match="empty"):
        make_patch(cone, ("RED", "BLUE"), CENTRE, 1.0, 2.0, GANYMEDE)
    with pytest.raises(ValueError, match="shape"):
        Patch(np.zeros((2, 4, 4), np.float32), ("RED",), 1.0, CENTRE, GANYMEDE)
