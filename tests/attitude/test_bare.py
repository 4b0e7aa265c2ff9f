"""A bare moon close by: how its light falls off inside the limb, and the whole way past Ganymede."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from perijove.attitude.bare import bare_light
from perijove.attitude.edges import Profiles, fit_edges
from perijove.attitude.limb_sight import LimbSight, limb_sight
from perijove.attitude.priors import free_unknowns
from perijove.attitude.problem import SHAPES
from perijove.attitude.search import Scene
from perijove.attitude.solve import solve_pointing
from perijove.attitude.ties import TieResiduals, Ties, weighed_by_scatter
from perijove.bodies import GANYMEDE, JUPITER
from perijove.errors import PointingError
from perijove.instrument import Filter

LATE_S = 0.012
"""As `ganymede_strip` is."""


def sight(cos_incidence: float, sunward: float, depth: float) -> LimbSight:
    """One limb point."""
    one = np.ones(1)
    return LimbSight(cos_incidence * one, sunward * one, depth * one, 2634.1 * depth * one, 2634.1 * one)


def test_light_inside_the_limb_by_hand() -> None:
    # a ray 0.02 radii inside the limb of a sphere meets it where cos e = sqrt(1 - 0.98^2) = 0.19900
    limb = sight(0.5, 0.0, 0.002)
    # Lommel and Seeliger: cos i = 0.5 * 0.98 = 0.49 there; 0.49 / (0.49 + 0.199); at the limb itself 1
    np.testing.assert_allclose(bare_light(limb, np.array([[0.0, 10.0]])), [[1.0, 0.49 / (0.49 + 0.19900)]], rtol=1e-4)
    # with the Sun behind the camera the normal tilts into the light
    full = sight(0.5, 0.8, 0.002)
    incidence = 0.49 + 0.8 * 0.199
    np.testing.assert_allclose(bare_light(full, np.array([[10.0]])), [[incidence / (incidence + 0.199)]], rtol=1e-4)


def test_the_geometry_at_the_limb(ganymede) -> None:
    points = ganymede.limb_pixels(ganymede.et0, 20, (Filter.GREEN,), 300)
    limb = limb_sight(points, ganymede.unknowns(), Scene(ganymede.trajectory(), GANYMEDE, ganymede.sun))
    # 1 px of 0.6754 mrad at the limb's distance, sqrt(d^2 - r^2), against the radius
    place = np.linalg.norm(ganymede.position(points.et), axis=-1)
    away = np.sqrt(place**2 - 2631.2**2)
    np.testing.assert_allclose(limb.radius_km, 2631.2, rtol=1e-3)
    np.testing.assert_allclose(limb.px_km, limb.depth * 2631.2, rtol=1e-3)
    # off the axis a px spans less
    ratio = limb.depth / (away / 1480.59 / 2631.2)
    assert (ratio < 1.01).all()
    assert (ratio > 0.6).all()
    # at the limb the Sun, the normal and the way to the camera are at most a sphere's triangle
    assert (limb.cos_incidence**2 + limb.sunward**2 < 1.0 + 1e-9).all()


@pytest.mark.parametrize("cos_incidence", [0.15, 0.5, 0.9])
def test_an_edge_is_found_where_light_falls_as_a_root(cos_incidence: float) -> None:
    sigma, true = 0.85, 0.37
    limb = sight(cos_incidence, 0.3, 9e-4)
    inside = partial(bare_light, limb)
    s = np.arange(-7.0, 7.01, 0.5)
    # a blur by brute force
    fine = np.arange(-20.0, 20.0, 0.01)
    scene = np.where(fine < true, inside(np.maximum(true - fine, 0.0)[None])[0], 0.0)
    kernel = np.exp(-0.5 * ((s[:, None] - fine) / sigma) ** 2)
    light = (kernel @ scene / kernel.sum(axis=1))[None]
    zero = np.zeros(1)
    profile = Profiles(np.zeros(1, np.int64), zero, zero, np.array([[1.0, 0.0]]), s, light)
    assert fit_edges(profile, 3.0, sigma, inside).shift[0] == pytest.approx(true, abs=0.01)
    if cos_incidence < 0.2:
        # a plain slope takes the fall for a shift
        assert abs(fit_edges(profile, 3.0, sigma).shift[0] - true) > 0.05


def test_no_haze_is_free_where_there_is_none(ganymede) -> None:
    bare = Scene(ganymede.trajectory(), GANYMEDE, ganymede.sun)
    exposure = ganymede.expose("A", ganymede.et0 + 60.0, 1, 0.0, bands=(Filter.GREEN,))
    spin = ganymede.spin_model(ganymede.et0)
    free = free_unknowns([exposure], None, spin, bare)
    hazy = free_unknowns([exposure], None, spin, replace(bare, body=JUPITER))
    assert set(hazy) - set(free) == {"grazing_green", "haze_green", *(f"haze_p{k + 1}" for k in range(SHAPES))}


def test_ties_are_weighed_by_their_scatter(ganymede) -> None:
    one = ganymede.limb_pixels(ganymede.et0 + 3.0, 1, (Filter.GREEN,), 4000)
    one = one.take(np.arange(40) % len(one))
    other = replace(one, band=np.where(np.arange(40) < 20, one.band, 2))
    ties = Ties(one, other, np.tile(np.eye(2) / 0.15, (40, 1, 1)))
    rng = np.random.default_rng(1)
    spread = np.where(np.arange(40) < 20, 0.05, 0.3)[:, None]
    px = rng.normal(size=(40, 2)) * spread
    px[3] = np.nan
    weighed = weighed_by_scatter(ties, TieResiduals(px, np.zeros((40, 2, 1)))).whiten[:, 0, 0]
    # within a filter never more than before; four overlapping patches of the colours count as one
    np.testing.assert_allclose(weighed[:20], 1 / 0.15)
    np.testing.assert_allclose(weighed[20:], 1 / (2 * 0.3), rtol=0.35)


def test_past_ganymede(ganymede, ganymede_strip) -> None:
    # as good as labels of a pass are: 0.1 km and 0.5 m/s
    trajectory = ganymede.trajectory(np.array([0.1, -0.1, 0.1, 5e-4, -5e-4, 3e-4]), (0.12, 5e-4))
    pointing = solve_pointing([ganymede_strip], trajectory, GANYMEDE, ganymede.sun, earth=ganymede.earth)[0]
    assert pointing.good, pointing.verdict
    error = ganymede.pointing_error(ganymede_strip, LATE_S, pointing)
    length = np.linalg.norm(error, axis=1)
    assert len(length) > 2000
    # 0.1 km is 0.1 px below the spacecraft, and the texture's noise turns the disc by as much
    assert np.median(length) < 0.25
    assert pointing.sigma_px > np.median(length) / 3
    assert pointing.limb_rms_px < 0.25
    assert pointing.limb.used.mean() > 0.95
    assert max(pointing.tie_rms_px.values()) < 0.15
    assert np.degrees(np.linalg.norm(np.cross(ganymede.axis, pointing.spin.axis))) < 0.03
    assert pointing.parameters["haze_green"] == pointing.parameters["haze_p1"] == 0.0


def test_a_moons_name_is_in_the_refusal(ganymede, ganymede_strip) -> None:
    dark = replace(ganymede_strip, light={b: light * 0 for b, light in ganymede_strip.light.items()})
    with pytest.raises(PointingError, match="limb of GANYMEDE"):
        solve_pointing([dark], ganymede.trajectory(), GANYMEDE, ganymede.sun)
