"""The whole way, on strips of a world whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest

from perijove.attitude.exposure import Exposure
from perijove.attitude.solve import solve_pointing
from perijove.bodies import JUPITER
from perijove.errors import PointingError
from perijove.instrument import Filter

LATE_S = 0.015
EARLY_S = -0.010
NEXT_TURNS = 16
"""About eight minutes later the camera comes round to the body again."""


@pytest.fixture(scope="module")
def strip(world) -> Exposure:
    return world.expose("JNCE_2000001_01C00001_V01", world.et0, 20, LATE_S)


@pytest.fixture(scope="module")
def later_strip(world) -> Exposure:
    start = world.et0 + NEXT_TURNS * world.period_s
    return world.expose("JNCE_2000001_01C00002_V01", start, 19, EARLY_S, binning=2)


@pytest.fixture(scope="module")
def alone(world, strip):
    return solve_pointing([strip], world.trajectory(), JUPITER, world.sun, earth=world.earth)[0]


@pytest.fixture(scope="module")
def joint(world, strip, later_strip):
    # nothing is said of the Earth
    return solve_pointing([later_strip, strip], world.trajectory(), JUPITER, world.sun)


def axis_error_deg(world, pointing) -> float:
    return float(np.degrees(np.linalg.norm(np.cross(world.axis, pointing.spin.axis))))


def test_the_scene_is_hard_enough(world):
    # the Earth's prior is 7 deg wide and the axis three and a half times as far from it
    assert world.axis @ world.earth < np.cos(np.radians(24.0))
    assert world.axis @ world.sun == pytest.approx(np.cos(np.radians(25.0)))


def test_pixels_see_the_ground_they_truly_see(world, strip, alone):
    error = world.pointing_error(strip, LATE_S, alone)
    assert len(error) > 2000
    # one strip sees one side of the limb, whose haze may change with latitude: this world's does not, and has none
    assert np.max(np.linalg.norm(error, axis=1)) < 3 * alone.sigma_px < 8.0
    # said to be known no better than twice what it is, per coordinate
    assert alone.sigma_px > np.sqrt(np.mean(error**2)) / 2


def test_spin_limb_and_colours(world, alone):
    assert alone.good, alone.verdict
    assert alone.source == "limb+ties"
    assert alone.spin.period_s == pytest.approx(world.period_s, rel=1e-3)
    assert alone.limb_rms_px < 0.1
    assert alone.limb.used.mean() > 0.9
    assert len(alone.limb.residual_px) > 500
    assert set(alone.tie_rms_px) >= {Filter.BLUE, Filter.RED}
    assert max(alone.tie_rms_px.values()) < 0.1
    # no haze was painted; what the edge leaves open is a third of a pixel, 40 km
    for name in ("haze_blue", "haze_green", "haze_red"):
        assert abs(alone.parameters[name]) < max(40.0, 3 * alone.sigmas[name])


def test_colours_agree_with_each_other(world, strip, alone):
    errors = {}
    for band in strip.light:
        one = replace(strip, light={band: strip.light[band]})
        errors[band] = np.median(world.pointing_error(one, LATE_S, alone), axis=0)
    for band in (Filter.BLUE, Filter.RED):
        np.testing.assert_allclose(errors[band], errors[Filter.GREEN], atol=0.1)


def test_times_and_places_follow_the_labels(world, strip, alone):
    moved = alone.et - strip.et
    np.testing.assert_allclose(moved, alone.start_offset_s + alone.interframe_s * np.arange(len(strip.et)), atol=1e-6)
    # the trajectory is known to 2 km
    assert np.max(np.linalg.norm(alone.position_km - world.position(alone.et), axis=1)) < 6.0


def test_two_strips_share_one_axis(world, strip, later_strip, joint):
    second, first = joint
    assert [first.product_id, second.product_id] == [strip.product_id, later_strip.product_id]
    assert first.good, first.verdict
    assert second.good, second.verdict
    assert axis_error_deg(world, first) < 0.1
    assert first.spin.rate == second.spin.rate
    # 16 turns apart, each start known to 20 ms
    assert first.spin.period_s == pytest.approx(world.period_s, abs=4 * 0.020 * np.sqrt(2) / NEXT_TURNS)
    for exposure, offset, pointing in ((strip, LATE_S, first), (later_strip, EARLY_S, second)):
        error = world.pointing_error(exposure, offset, pointing)
        # noise makes 0.02 px of it; the rest is the ground taken 12 km (0.1 px) too low, which the limb's other side
        # would tell. Per coordinate it is about what is stated, and nowhere beyond what three sigma make of one draw
        assert np.sqrt(np.mean(error**2)) < 1.3 * pointing.sigma_px
        assert np.max(np.linalg.norm(error, axis=1)) < 3.0 * pointing.sigma_px
        assert pointing.sigma_px < 0.2


def sky(world, name: str, start: float) -> Exposure:
    rng = np.random.default_rng(3)
    light = {b: rng.normal(0.0, 0.004, (12, 64, 824)).astype(np.float32) for b in (Filter.GREEN, Filter.RED)}
    return Exposure(name, light, start + 0.372 * np.arange(12), 2)


def test_dark_sky_is_refused_by_name(world):
    with pytest.raises(PointingError, match=r"JNCE_2000001_01C00009_V01.*limb of JUPITER"):
        solve_pointing([sky(world, "JNCE_2000001_01C00009_V01", world.et0)], world.trajectory(), JUPITER, world.sun)


def test_a_strip_without_limb_takes_its_neighbours_spin(world, later_strip, alone):
    blind = sky(world, "JNCE_2000001_01C00009_V01", world.et0 + 60.0)
    told = []
    lost, seen = solve_pointing(
        [blind, later_strip], world.trajectory(), JUPITER, world.sun, ties=False, progress=told.append
    )
    assert seen.good, seen.verdict
    assert seen.source == "limb"
    assert lost.source == "neighbours"
    assert not lost.good
    assert "neighbours" in lost.verdict
    assert lost.spin.rate == seen.spin.rate
    assert np.isnan(lost.limb_rms_px)
    assert any(blind.product_id in line for line in told)
