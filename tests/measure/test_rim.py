"""Rims found from seeds: on craters whose shape is known, on bare ground, and on the published map."""

import math
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from perijove.bodies import GANYMEDE
from perijove.errors import UsageError
from perijove.measure.circles import blurred
from perijove.measure.crater import Crater, fit_crater
from perijove.measure.patch import MeasureError, Patch
from perijove.measure.plane import Plane
from perijove.measure.rim import Rim, _jackknife, find_rim

Array = NDArray[np.float64]
FINER = 3
"""Points of the ground along a pixel."""


def mottle(side: int, slope: float, rng: np.random.Generator) -> Array:
    """Noise (side, side) of unit scatter whose amplitude falls with frequency to the power -`slope`."""
    frequency = np.fft.fftfreq(side)
    steep = np.hypot(frequency[:, None], frequency)
    steep[0, 0] = np.inf
    noise = np.fft.ifft2(np.fft.fft2(rng.normal(size=(side, side))) * steep**-slope).real
    return np.asarray(noise / noise.std())


def crater_scene(
    rng: np.random.Generator,
    *,
    diameter: float = 30.0,
    at: tuple[float, float] = (0.0, 0.0),
    ratio: float = 1.0,
    long_axis: float = 0.0,
    depth: float = 0.12,
    floor: float = 0.0,
    incidence: float = 60.0,
    sun: float = 100.0,
    albedo: float = 0.0,
    roughness: float = 0.03,
) -> NDArray[np.float32]:
    """Light (n, n) of a crater in the middle of four of its diameters, pixels of 1 km.

    `at` is its centre, pixels east and north of the middle; `ratio` and `long_axis` (rad from north) make an ellipse.
    A bowl `depth` diameters deep with a flat `floor` (radii), and an apron that falls as the third power; Lambert's
    light from `sun` (deg from north) at `incidence` deg on numerical slopes. The floor is brighter by `albedo`, the
    ground's albedo uneven by `roughness`; a camera's blur, and 1 % noise.
    """
    side = int(4 * diameter)
    fine = (np.arange(side * FINER) + 0.5) / FINER - side / 2.0
    east, north = np.meshgrid(fine - at[0], -fine - at[1])
    along = east * np.sin(long_axis) + north * np.cos(long_axis)
    across = east * np.cos(long_axis) - north * np.sin(long_axis)
    away = np.hypot(along / np.sqrt(ratio), across * np.sqrt(ratio)) / (0.5 * diameter)
    rim = 0.2 * depth * diameter
    bowl = rim - depth * diameter * (1.0 - np.clip((away - floor) / (1.0 - floor), 0.0, 1.0) ** 2)
    height = np.where(away < 1.0, bowl, rim * np.maximum(away, 1.0) ** -3.0)
    south_slope, east_slope = np.gradient(height, 1.0 / FINER)
    i, s = np.radians(incidence), np.radians(sun)
    light = np.cos(i) - np.sin(i) * (np.sin(s) * east_slope - np.cos(s) * south_slope)
    light = np.maximum(light, 0.0) / np.sqrt(1.0 + east_slope**2 + south_slope**2)
    light *= (1.0 + roughness * mottle(len(fine), 1.3, rng)) * (1.0 + albedo * (away < 1.0))
    seen = cv2.GaussianBlur(light, (0, 0), 0.6 * FINER).reshape(side, FINER, side, FINER).mean(axis=(1, 3))
    return np.asarray(seen * (1.0 + 0.01 * rng.normal(size=seen.shape)), dtype=np.float32)


def patch_of(light: NDArray[np.float32], sun: float | None = None) -> Patch:
    return Patch(light[None], ("GREEN",), 1.0, (0.1, 0.5), GANYMEDE, sun_azimuth=sun)


def place(patch: Patch, rim: Rim) -> Array:
    return patch.plane.xy_of(rim.crater.latitude, rim.crater.longitude)


SCENES = {
    "bowl": {},
    "high Sun": {"incidence": 30.0},
    "low Sun": {"incidence": 75.0, "depth": 0.2, "sun": 220.0},
    "flat floor": {"floor": 0.6},
    "shallow": {"depth": 0.03, "roughness": 0.05},
    "bright floor": {"depth": 0.0, "albedo": 0.2},
    "dark floor": {"depth": 0.0, "albedo": -0.15},
    "both": {"depth": 0.1, "incidence": 25.0, "albedo": 0.1},
    "small": {"diameter": 10.0},
}


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("known", [True, False], ids=["rough diameter", "seed alone"])
def test_a_rim_is_found_where_it_is(name: str, known: bool) -> None:
    rng = np.random.default_rng(sum(map(ord, name)))
    options = {"diameter": 30.0, **SCENES[name]}
    diameter = options["diameter"]
    at = tuple(rng.uniform(-0.12, 0.12, 2) * diameter)
    patch = patch_of(crater_scene(rng, at=at, **options))
    rim = find_rim(patch, diameter_km=rng.uniform(0.75, 1.35) * diameter if known else None)
    crater = rim.crater
    # a fifth of the tenth that is asked for, or, where that is less, a fifth of a pixel on either side
    assert crater.diameter_km == pytest.approx(diameter, abs=max(0.02 * diameter, 0.4))
    assert np.hypot(*(place(patch, rim) - at)) < max(0.01 * diameter, 0.2)
    assert crater.ellipticity < 1.1
    assert rim.completeness > 0.7
    assert rim.shaded < 0.2 if options.get("depth", 0.12) == 0.0 else rim.shaded > 0.5


def test_an_ellipse_is_told_from_a_circle() -> None:
    rng = np.random.default_rng(7)
    patch = patch_of(crater_scene(rng, ratio=1.25, long_axis=0.6))
    crater = find_rim(patch, diameter_km=33.0).crater
    assert crater.ellipticity == pytest.approx(1.25, abs=0.03)
    assert crater.orientation == pytest.approx(0.6, abs=0.06)
    assert crater.diameter_km == pytest.approx(30.0, rel=0.02)


def test_the_sigmas_are_what_other_ground_would_give() -> None:
    pulls = []
    for seed in range(14):
        rng = np.random.default_rng(seed)
        at = tuple(rng.uniform(-2.0, 2.0, 2))
        patch = patch_of(crater_scene(rng, diameter=20.0, at=at, sun=rng.uniform(0.0, 360.0), roughness=0.05))
        rim = find_rim(patch, diameter_km=22.0, shape="circle")
        miss = place(patch, rim) - at
        pulls += [miss[0] / rim.crater.east_sigma_km, miss[1] / rim.crater.north_sigma_km]
    assert 0.4 < np.sqrt(np.mean(np.square(pulls))) < 1.7


def test_the_sun_tells_a_crater_from_a_dome() -> None:
    light = crater_scene(np.random.default_rng(3), sun=90.0)
    east, west = math.radians(90.0), math.radians(270.0)
    assert find_rim(patch_of(light, east), diameter_km=30.0).crater.diameter_km == pytest.approx(30.0, rel=0.02)
    # under the opposite Sun the same picture shows a hill with a moat: no crest of 30 km
    try:
        other = find_rim(patch_of(light, west), diameter_km=30.0).crater.diameter_km
    except MeasureError:
        return
    assert abs(other - 30.0) > 3.0


def test_brightness_and_a_slope_of_light_change_nothing() -> None:
    light = crater_scene(np.random.default_rng(5))
    ramp = np.linspace(1.0, 3.0, light.shape[1], dtype=np.float32)
    plain = find_rim(patch_of(light), diameter_km=30.0).crater
    bright = find_rim(patch_of(7.0 * light * ramp), diameter_km=30.0).crater
    assert bright.diameter_km == pytest.approx(plain.diameter_km, rel=0.01)
    assert bright.centre == pytest.approx(plain.centre, abs=1e-4)


def test_a_third_without_data_is_no_trouble() -> None:
    light = crater_scene(np.random.default_rng(6))
    light[:, :52] = np.nan
    rim = find_rim(patch_of(light), diameter_km=30.0)
    assert rim.crater.diameter_km == pytest.approx(30.0, rel=0.03)
    assert rim.completeness < 0.85


def test_bare_ground_has_no_rims() -> None:
    rng = np.random.default_rng(9)
    found = 0
    for _ in range(15):
        light = (1.0 + 0.1 * mottle(96, 1.3, rng)).astype(np.float32)
        try:
            found += find_rim(patch_of(light), diameter_km=24.0).quality != "poor"
        except MeasureError:
            continue
    assert found <= 1


def test_the_edge_of_bright_ejecta_is_no_rim() -> None:
    light = crater_scene(np.random.default_rng(12), diameter=60.0, albedo=0.1)[60:180, 60:180]
    side = 300
    wide = 1.0 + 0.02 * mottle(side, 1.3, np.random.default_rng(13))
    middle = (side - len(light)) // 2
    wide[middle : middle + len(light), middle : middle + len(light)] = light / np.median(light[:8])
    line, sample = np.mgrid[:side, :side] + 0.5 - side / 2.0
    turn = np.arctan2(line, sample)
    wide *= 1.0 + 0.08 * ((np.hypot(line, sample) < 95.0 + 2.0 * np.cos(3.0 * turn)) & (turn > -1.2))
    patch = patch_of(wide.astype(np.float32))
    with pytest.raises(MeasureError, match=r"far fainter than that of (5\d|6\d) km within.* give --diameter"):
        find_rim(patch, diameter_km=190.0)
    assert find_rim(patch, diameter_km=66.0).crater.diameter_km == pytest.approx(60.0, rel=0.03)


def test_a_diameter_too_small_is_told_the_right_one() -> None:
    patch = patch_of(crater_scene(np.random.default_rng(15), diameter=60.0))
    with pytest.raises(MeasureError, match=r"fainter than that of (5[89]|6[0-2]) km around it; give --diameter"):
        find_rim(patch, diameter_km=37.0)


@pytest.mark.parametrize("sigma", [13.0, 40.0, 90.0])
def test_a_wide_blur_is_a_gaussian(sigma: float) -> None:
    light = (1.0 + 0.1 * mottle(301, 1.0, np.random.default_rng(2))).astype(np.float32)
    exact = cv2.GaussianBlur(light, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    assert np.abs(blurred(light, sigma) - exact).max() < 0.03 * np.ptp(exact)
    light[:40, 100:] = np.nan
    assert np.isfinite(blurred(light, sigma)[150:, 20:280]).all()


def test_an_outline_that_hangs_on_one_side_is_less_sure() -> None:
    rng = np.random.default_rng(21)
    turn = np.linspace(0.0, 2.0 * np.pi, 120, endpoint=False)
    plane = Plane((0.1, 0.5), GANYMEDE)

    def parts(radius: Array) -> tuple[Crater, list[tuple[Array, Array]]]:
        places = plane.place_of(radius * np.sin(turn), radius * np.cos(turn))
        block = np.arange(120) * 8 // 120
        whole = fit_crater(places, GANYMEDE, shape="circle")
        return whole, [(places[block != k], np.ones(int((block != k).sum()))) for k in range(8)]

    # of independent points both ways of telling the error agree
    crater, blocks = parts(30.0 + rng.normal(0.0, 0.5, 120))
    assert _jackknife(crater, blocks)[2] == pytest.approx(crater.diameter_sigma_km, rel=0.6)
    # a bulge on one side has the same scatter all around only at first sight
    crater, blocks = parts(30.0 + 2.0 * (np.abs(turn - 2.0) < 0.4))
    assert _jackknife(crater, blocks)[2] > 2.0 * crater.diameter_sigma_km


def test_a_patch_of_one_grey_has_no_rim() -> None:
    with pytest.raises(MeasureError, match="no rim was found"):
        find_rim(patch_of(np.ones((90, 90), np.float32)))
    with pytest.raises(MeasureError, match="too little data"):
        find_rim(patch_of(np.full((90, 90), np.nan, np.float32)))


@pytest.mark.parametrize(
    ("seed", "diameter", "message"),
    [(None, 200.0, "passes the patch"), ((0.4, 0.5), 20.0, "outside the patch"), (None, 0.5, "larger")],
)
def test_requests_that_do_not_fit_are_refused(seed: tuple[float, float] | None, diameter: float, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        find_rim(patch_of(np.ones((90, 90), np.float32)), seed, diameter)


# name, latitude and east longitude (deg), diameter (km): IAU/USGS Gazetteer of Planetary Nomenclature
NAMED = [
    ("Tros", 11.1, 332.7, 93.9),
    ("Irkalla", -32.6, 245.3, 116.2),
    ("Ninlil", 6.2, 241.7, 90.8),
    ("Gir", 34.0, 214.3, 73.2),
    ("Kulla", 33.3, 246.2, 92.4),
]


@pytest.mark.parametrize("known", [True, False], ids=["rough diameter", "seed alone"])
@pytest.mark.parametrize(("name", "latitude", "longitude", "diameter"), NAMED, ids=[named[0] for named in NAMED])
def test_named_craters_of_the_published_map(
    basemap: Callable[[float, float, float, float], Patch],
    name: str,
    latitude: float,
    longitude: float,
    diameter: float,
    known: bool,
) -> None:
    patch = basemap(latitude, longitude, 3.0 * diameter, diameter / 30.0)
    rim = find_rim(patch, diameter_km=1.2 * diameter if known else None)
    # Tros to the tenth that is asked for; what others take for a rim differs by as much
    assert rim.crater.diameter_km == pytest.approx(diameter, rel=0.1 if name == "Tros" else 0.15)
    # the map itself is off by up to 0.45 deg between 330 E and 190 E, by 0.15 deg elsewhere
    off_deg = np.degrees(np.hypot(*place(patch, rim)) / GANYMEDE.radii_km[0])
    assert off_deg < (0.45 if longitude > 330.0 else 0.15)
    assert rim.quality == "good"
