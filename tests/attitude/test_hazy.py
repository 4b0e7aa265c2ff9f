"""The light of a hazy limb against integrals along the rays, and edges found in such light."""

from functools import cache

import numpy as np
import pytest
from scipy.integrate import quad

from perijove.attitude.edges import Profiles, fit_edges
from perijove.attitude.hazy import GRID_PX, GROUND_POWER, SCALE_HEIGHT_KM, Haze, column, half_height, limb_light
from perijove.attitude.hazy_edges import find_haze, fit_hazy_edges, forward_slope
from perijove.attitude.limb_sight import LimbSight

RADIUS_KM, PX_KM = 70000.0, 120.0
STEP_KM = 4.0


def sight(cos_incidence, sunward: float = 0.3) -> LimbSight:
    """Limb points of one planet, `PX_KM` a pixel."""
    cos = np.atleast_1d(np.asarray(cos_incidence, dtype=float))
    one = np.ones(len(cos))
    return LimbSight(cos, sunward * one, PX_KM / RADIUS_KM * one, PX_KM * one, RADIUS_KM * one)


def slant(height, cosine: float, scale_km: float) -> float:
    """Column outwards from a height over the vertical one from the ground, as an integral; spherical."""

    def density(s):
        above = np.sqrt((RADIUS_KM + height) ** 2 + s * s + 2.0 * s * (RADIUS_KM + height) * cosine) - RADIUS_KM
        return np.exp(-above / scale_km) / scale_km

    return quad(density, 0.0, 40000.0, limit=400, points=[100.0, 1000.0, 5000.0])[0]


@pytest.mark.parametrize("cosine", [-0.03, 0.0, 0.05, 0.2, 0.7, 1.0])
def test_the_slant_column_is_the_integral_of_the_density(cosine: float) -> None:
    ratio = np.array([RADIUS_KM / SCALE_HEIGHT_KM])
    assert column(np.array([cosine]), ratio)[0] == pytest.approx(slant(0.0, cosine, SCALE_HEIGHT_KM), rel=0.01)


@cache
def sunward_columns(km: float) -> tuple[np.ndarray, np.ndarray]:
    """Columns towards the Sun by the cosine of its zenith distance."""
    cosines = np.concatenate([np.linspace(-0.1, 0.1, 41), np.linspace(0.11, 1.0, 90)])
    return cosines, np.array([slant(0.0, c, km) for c in cosines])


def traced(cos_incidence: float, sunward: float, depth: float, glow: float, ground: float, km: float) -> np.ndarray:
    """Light along rays at the heights of `GRID_PX`, gathered step by step: haze lit through haze, then the ground."""
    heights = GRID_PX * PX_KM
    cosines, towards_sun = sunward_columns(km)
    out = np.empty(len(heights))
    for i, height in enumerate(heights):
        path = np.arange(-6000.0, 6000.0, STEP_KM)
        if height < 0.0:
            # towards the camera from where the ray meets the ground
            path = np.sqrt(RADIUS_KM**2 - (RADIUS_KM + height) ** 2) + np.arange(0.0, 6000.0, STEP_KM)
        away = np.hypot(RADIUS_KM + height, path)
        above = away - RADIUS_KM
        # the local vertical turns towards the camera along the path
        incidence = (cos_incidence * (RADIUS_KM + height) + sunward * path) / away
        thickness = depth * np.exp(-above / km) / km * STEP_KM
        before = np.cumsum(thickness[::-1])[::-1] - 0.5 * thickness
        sun = depth * np.exp(-above / km) * np.interp(incidence, cosines, towards_sun)
        out[i] = np.sum(glow * thickness * np.exp(-before - sun))
        if height < 0.0 and incidence[0] > 0.0:
            minnaert = incidence[0] ** GROUND_POWER * (path[0] / RADIUS_KM) ** (GROUND_POWER - 1.0)
            out[i] += ground * minnaert * np.exp(-before[0] - sun[0])
    return out


@pytest.mark.parametrize(("cos_incidence", "sunward"), [(0.15, 0.9), (0.5, 0.3), (0.9, -0.3), (0.3, -0.8)])
def test_the_light_across_the_limb_is_that_gathered_along_rays(cos_incidence: float, sunward: float) -> None:
    haze = Haze(0.06, 0.3, 0.0, 0.5, sunward)
    light = limb_light(sight(cos_incidence, sunward), haze, np.array([0.5]))
    found = light.haze[0] + 0.5 * light.ground[0]
    true = traced(cos_incidence, sunward, 0.06, 0.3, 0.5, SCALE_HEIGHT_KM)
    kernel = np.exp(-0.5 * ((GRID_PX[:, None] - GRID_PX) ** 2) / 0.5)
    true = kernel @ true / kernel.sum(axis=1)
    near = np.abs(GRID_PX) < 6.0
    assert np.max(np.abs(found - true)[near]) < 0.04 * true.max()


def test_half_the_glow_stands_where_it_is_said() -> None:
    haze = Haze(0.06, 1.0, 0.0, 0.01, 0.3)
    light = limb_light(sight(0.99), haze, np.array([0.01])).haze[0]
    assert np.interp(half_height(sight(0.99), haze)[0] / PX_KM, GRID_PX, light) == pytest.approx(0.5, abs=0.03)


def test_haze_scatters_ahead() -> None:
    # a lobe of asymmetry 0.6: (1 + 0.36 + 1.2 cos)^-1.5 against the Sun, where cos is -0.8, falls by 1.8 / 0.4
    assert forward_slope(-0.8) == pytest.approx(1.8 / 1.36 - 1.8 / 0.4)
    assert forward_slope(0.0) == forward_slope(0.7) == 0.0


@pytest.fixture(scope="module")
def limb() -> tuple[Profiles, LimbSight, np.ndarray]:
    """Profiles of a planet whose haze, scale height and ground differ from what the fit supposes, and their shifts."""
    rng = np.random.default_rng(4)
    cosines = np.repeat(np.linspace(0.12, 0.95, 12), 3)
    shift = rng.uniform(-0.8, 0.8, len(cosines))
    distance = np.arange(-7.0, 7.01, 0.5)
    rows = []
    scenes = {c: traced(c, 0.3, 0.08, 0.2, 1.0, 24.0) for c in np.unique(cosines)}
    for cosine, by, ground in zip(cosines, shift, rng.uniform(0.4, 0.7, len(cosines)), strict=True):
        haze = traced_haze(cosine)
        scene = haze + ground * (scenes[cosine] - haze)
        kernel = np.exp(-0.5 * (distance[:, None] - by - GRID_PX) ** 2 / 0.5)
        rows.append(kernel @ scene / kernel.sum(axis=1))
    nothing = np.zeros(len(cosines))
    outward = np.tile([0.0, 1.0], (len(cosines), 1))
    return Profiles(nothing.astype(int), nothing, nothing, outward, distance, np.array(rows)), sight(cosines), shift


def traced_haze(cosine: float) -> np.ndarray:
    """The haze of that planet alone."""
    return traced(cosine, 0.3, 0.08, 0.2, 0.0, 24.0)


def test_edges_are_found_at_the_ground_of_the_limb(limb) -> None:
    profiles, there, shift = limb
    plain = fit_edges(profiles, 4.0)
    assert plain.good.all()
    # half the light stands high, and the higher the lower the Sun
    off = plain.shift - shift
    assert off.mean() > 0.25
    assert off[:6].mean() - off[-6:].mean() > 0.25
    found = fit_hazy_edges(profiles, there, plain, 3.0, 0.0)
    assert found.good.all()
    assert abs(np.mean(found.shift - shift)) < 0.12
    assert np.std(found.shift - shift) < 0.04


def test_the_haze_is_found(limb) -> None:
    profiles, there, _ = limb
    plain = fit_edges(profiles, 4.0)
    haze = find_haze(profiles, there, plain.shift, plain.plateau, 0.0)
    assert haze.depth == pytest.approx(0.08, rel=0.35)
    assert haze.glow == pytest.approx(0.2, rel=0.2)
    assert haze.variance == pytest.approx(0.5, abs=0.08)


def test_a_single_edge_is_measured_by_what_is_known_of_hazes(limb) -> None:
    profiles, there, shift = limb
    one = Profiles(*(getattr(profiles, n)[:1] for n in ("frame", "line", "sample", "outward")), profiles.distance,
                   profiles.light[:1])  # fmt: skip
    found = fit_hazy_edges(one, there.take(np.arange(1)), fit_edges(one, 4.0), 3.0, 0.0)
    assert found.good.all()
    assert found.shift[0] == pytest.approx(shift[0], abs=0.3)


def test_a_path_straight_down_has_a_column_too() -> None:
    assert column(np.array([-1.0]), np.array([2500.0]))[0] > 1e20
