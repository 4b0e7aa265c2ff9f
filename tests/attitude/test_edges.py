"""Edges below the pixel: profiles whose true edge is known by integration, and the predicted limb."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from perijove.attitude.edges import (
    EDGE_SIGMA_PX,
    REACH_PX,
    STEP_PX,
    Profiles,
    edge_sigma,
    fit_edges,
    limb_curve,
    predict_limb,
    read_profiles,
)
from perijove.bodies import JUPITER
from perijove.instrument import Camera, Filter

DISTANCE = np.arange(-REACH_PX[0], REACH_PX[1] + 1e-9, STEP_PX)
FINE = 0.005


def profiles(light: np.ndarray) -> Profiles:
    n = len(light)
    zero = np.zeros(n)
    return Profiles(np.zeros(n, np.int64), zero, zero, np.tile([0.0, 1.0], (n, 1)), DISTANCE, light)


def pixel_response(edge: float, plateau: float, slope: float, sky: float, blur: float) -> np.ndarray:
    """What pixels of width 1 centred at the distances gather of a sloping plateau cut at `edge`, blurred by optics."""
    x = np.arange(-20.0, 20.0, FINE) + FINE / 2
    scene = np.where(x < edge, plateau + slope * (edge - x), 0.0) + sky
    total = np.concatenate([[0.0], np.cumsum(gaussian_filter1d(scene, blur / FINE))]) * FINE
    borders = np.arange(-20.0, 20.0 + FINE / 2, FINE)
    return np.interp(DISTANCE + 0.5, borders, total) - np.interp(DISTANCE - 0.5, borders, total)


# with the pixel's own box, of variance 1/12, this makes the width that the fit takes an edge to have
BLUR = np.sqrt(EDGE_SIGMA_PX**2 - 1 / 12)


@pytest.mark.parametrize("slope", [0.0, 0.03, 0.08])
@pytest.mark.parametrize("sky", [0.0, 0.02])
def test_edge_without_noise(slope, sky):
    true = np.linspace(-2.8, 2.8, 29)
    light = np.stack([pixel_response(e, 0.8, slope * 0.8, sky, BLUR) for e in true])
    found = fit_edges(profiles(light), 3.0)
    assert found.good.all()
    np.testing.assert_allclose(found.shift, true, atol=0.02)
    np.testing.assert_allclose(found.plateau, 0.8, rtol=0.03)


def test_edge_with_noise_is_unbiased_and_its_sigma_honest():
    rng = np.random.default_rng(0)
    true = rng.uniform(-2.0, 2.0, 400)
    light = np.stack([pixel_response(e, 1.0, 0.03, 0.0, BLUR) for e in true])
    found = fit_edges(profiles(light + rng.normal(0, 0.02, light.shape)), 3.0)
    assert found.good.mean() > 0.99
    error = (found.shift - true)[found.good]
    # four standard errors of a mean over 400
    assert np.abs(error.mean()) < 0.01 + 4 * error.std() / 20
    assert error.std() < 0.1
    assert np.median(found.sigma) == pytest.approx(error.std(), rel=0.25)


def test_what_is_no_edge_is_not_good():
    rng = np.random.default_rng(1)
    n = 50
    dark = rng.normal(0, 0.004, (n, len(DISTANCE)))
    flat = 0.7 + dark
    terminator = np.clip(0.35 - 0.05 * DISTANCE, 0, None) + dark
    shallow = np.clip(0.5 - 0.02 * DISTANCE, 0, None) + dark
    hot = dark.copy()
    hot[np.arange(n), rng.integers(8, 20, n)] += 1.0
    gap = np.stack([pixel_response(0.0, 1.0, 0.0, 0.0, BLUR)] * n)
    gap[:, 12] = np.nan
    for name, light in {"flat": flat, "terminator": terminator, "ramp": shallow, "hot": hot, "gap": gap}.items():
        assert not fit_edges(profiles(light), 3.0).good.any(), name
    far = np.stack([pixel_response(4.0, 1.0, 0.0, 0.0, BLUR)])
    assert not fit_edges(profiles(far), 3.0).good.any()
    assert fit_edges(profiles(far), 5.0).good.all()


def test_sky_alone_is_seldom_an_edge():
    light = np.random.default_rng(2).normal(0, 0.01, (400, len(DISTANCE)))
    found = fit_edges(profiles(light), 3.0)
    # and never one as bright as the least plateau of a strip whose bright level is 1
    assert not (found.good & (found.plateau > 0.04)).any()


def test_no_profiles_no_edges():
    assert len(fit_edges(profiles(np.empty((0, len(DISTANCE)))), 3.0).shift) == 0


def disc_framelet(centre, radius: float, binning: int) -> np.ndarray:
    """A bright disc on a framelet, blurred by optics and gathered by pixels, by 8 x 8 samples a native pixel."""
    fine = 8
    line = (np.arange(128 * fine) + 0.5) / fine
    sample = (np.arange(200 * fine) + 0.5) / fine
    inside = (line[:, None] - centre[0]) ** 2 + (sample[None] - centre[1]) ** 2 < radius**2
    # the optics that, with pixel and linear reading, make the width that the fit takes an edge to have
    blur = np.sqrt(EDGE_SIGMA_PX**2 - 1 / 12 - 1 / 6) * fine
    soft = gaussian_filter1d(gaussian_filter1d(inside.astype(float), blur, axis=0), blur, axis=1)
    size = fine * binning
    return soft.reshape(128 // binning, size, 200 // binning, size).mean(axis=(1, 3)).astype(np.float32)


@pytest.mark.parametrize("binning", [1, 2])
def test_edges_of_a_disc_read_from_framelets(binning):
    centre, radius = np.array([64.0, 20.0]), 90.0
    light = disc_framelet(centre, radius, binning)[None]
    angle = np.linspace(-0.5, 0.5, 60)
    outward = np.stack([np.sin(angle), np.cos(angle)], axis=-1)
    off = np.linspace(-1.5, 1.5, 60)
    at = centre + (radius - off[:, None]) * outward
    found = read_profiles(light, np.zeros(60, np.int64), at, outward, binning)
    edges = fit_edges(found, 3.0, edge_sigma(binning))
    assert edges.good.all()
    # averaging over 4 px along a circle of 90 px sinks the edge by 2 / (2 * 90) px at the mean square
    np.testing.assert_allclose(edges.shift, off - 0.011, atol=0.06 * binning)
    assert np.abs(np.mean(edges.shift - off + 0.011)) < 0.02


def test_limb_curve_touches_the_ellipsoid():
    place = np.array([1.0e5, -0.9e5, 0.7e5])
    points = limb_curve(place, JUPITER.radii_km, 100)
    radii = np.array(JUPITER.radii_km)
    np.testing.assert_allclose(np.sum((points / radii) ** 2, axis=-1), 1.0, atol=1e-12)
    # rays to the limb are tangent
    np.testing.assert_allclose(np.sum(points / radii**2 * (points - place), axis=-1), 0.0, atol=1e-12)


def level(km: float):
    """A limb of one height everywhere."""
    return lambda cos_incidence, latitude: np.full(len(latitude), km)


def test_predicted_limb_is_the_worlds(world):
    frame_et = world.et0 + 8 * 0.372
    to_body = JUPITER.body_from_j2000(frame_et)
    camera_from_body = (to_body @ world.j2000_from_camera(frame_et)).T
    place = to_body @ world.position(frame_et)
    fly = to_body @ world.velocity
    at, outward = predict_limb(
        world.camera, Filter.GREEN, camera_from_body, place, JUPITER.radii_km, to_body @ world.sun, 128, level(0.0), fly
    )
    assert len(at) > 10
    np.testing.assert_allclose(np.linalg.norm(outward, axis=-1), 1.0, atol=1e-9)
    ends = [at + shift * outward for shift in (-0.01, 0.01)]
    assert np.isfinite(world.ground(Filter.GREEN, frame_et, *ends[0].T)).all()
    assert np.isnan(world.ground(Filter.GREEN, frame_et, *ends[1].T)).all()
    # neighbours stand apart, and profiles end inside the framelet
    assert np.min(np.linalg.norm(np.diff(at, axis=0), axis=-1)) > 1.0
    assert (at - 7 * outward)[:, 0].min() > 1
    assert (at + 7 * outward)[:, 0].max() < 127
    # haze of a pixel's size lifts it by about a pixel: the range to the limb is 176,000 km
    km = 176000 / Camera().focal_length(Filter.GREEN)
    higher, _ = predict_limb(
        world.camera, Filter.GREEN, camera_from_body, place, JUPITER.radii_km, to_body @ world.sun, 128, level(km), fly
    )
    near = np.min(np.linalg.norm(higher[:, None] - (at + outward)[None], axis=-1), axis=1)
    assert np.median(near) < 4.0
    lifted = np.isnan(world.ground(Filter.GREEN, frame_et, *(higher - 0.8 * outward[0]).T)[:, 0])
    assert lifted.mean() > 0.9
