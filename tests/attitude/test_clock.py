"""Strips whose times nobody tells: the limb of a moon that grows and shrinks tells them."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from perijove.attitude.clock import REACH_SIGMAS, STEP_GROWTH, _offsets, set_clock
from perijove.attitude.exposure import INTERFRAME_SIGMA_S, START_JITTER_S, Exposure
from perijove.attitude.priors import EARTH_SIGMA, free_unknowns
from perijove.attitude.search import AxisHint, Scene
from perijove.bodies import GANYMEDE, JUPITER
from perijove.ephemeris.trajectory import Trajectory
from perijove.errors import PointingError
from perijove.instrument import Camera, Filter

FloatArray = NDArray[np.float64]

EARLY_S, SHORT_S, START_SIGMA_S, STEP_SIGMA_S = 15.0, 0.005, 7.0, 0.003
DARK = {Filter.GREEN: np.zeros((28, 128, 1648), np.float32)}


def blind(et: FloatArray, start_sigma_s: float = START_SIGMA_S) -> Exposure:
    return Exposure("JNCE_DARK", DARK, et, 1, start_sigma_s=start_sigma_s, interframe_sigma_s=STEP_SIGMA_S)


def flight(speed: float, away_km: float = 5000.0, span_s: float = 3600.0) -> Trajectory:
    """Straight away from Ganymede."""
    et = np.linspace(-span_s, span_s, 9)
    place, velocity = np.array([away_km, 0.0, 0.0]), np.array([speed, 0.0, 0.0])
    return Trajectory("GANYMEDE", "made", et, place + et[:, None] * velocity, np.tile(velocity, (9, 1)), 0.0, np.eye(6))


SUN = np.array([1.0, 0.0, 0.0])


def test_moving_is_kept_in_mind() -> None:
    exposure = blind(np.array([100.0, 100.37, 100.74]))
    moved = exposure.moved(15.0, 0.005).moved(-1.0, 0.001)
    # the step counts from the first frame
    np.testing.assert_allclose(moved.et, [114.0, 114.376, 114.752], rtol=0, atol=1e-12)
    assert (moved.start_moved_s, moved.interframe_moved_s) == (14.0, pytest.approx(0.006))
    assert moved.light is exposure.light
    assert exposure.start_moved_s == 0.0


def test_times_are_open_where_no_label_tells_them() -> None:
    told = Exposure("JNCE_TOLD", DARK, np.zeros(28), 1)
    assert not told.open_times
    assert (told.start_sigma_s, told.interframe_sigma_s) == (START_JITTER_S, INTERFRAME_SIGMA_S)
    assert replace(told, start_sigma_s=0.5).open_times
    assert replace(told, interframe_sigma_s=0.001).open_times
    # our own clock knows better than labels do
    assert not replace(told, start_sigma_s=1e-5).open_times


def test_what_was_given_stays_the_prior_of_what_is_moved(ganymede) -> None:
    given = blind(ganymede.et0 + 0.37 * np.arange(28))
    scene = Scene(ganymede.trajectory(), GANYMEDE, ganymede.sun)
    free = free_unknowns([given.moved(15.0, 0.002)], None, ganymede.spin_model(ganymede.et0), scene)
    # unknowns count from the moved times, the user's word from the unmoved ones
    assert free["offset_0"] == (-15.0, START_SIGMA_S)
    assert free["interframe"] == (-0.002, STEP_SIGMA_S)


@pytest.mark.parametrize("speed", [8.0, 18.0, 60.0])
def test_trials_lie_so_close_that_the_disc_keeps_its_size(speed: float) -> None:
    scene = Scene(flight(speed, 8000.0), GANYMEDE, SUN)
    offsets = _offsets(blind(0.37 * np.arange(28.0), 20.0), scene)
    assert (offsets[0], offsets[-1]) == (-20.0 * REACH_SIGMAS, 20.0 * REACH_SIGMAS)
    assert 0.0 in offsets
    size = np.log(np.arcsin(2631.2 / (8000.0 + speed * (offsets + 0.37 * 13.5))))
    # the middle of a step may be off by half of it, and a disc's growth changes within one
    assert np.abs(np.diff(size)).max() < 1.2 * STEP_GROWTH


def test_where_nothing_changes_one_trial_will_do() -> None:
    far = Scene(flight(0.001), GANYMEDE, SUN)
    assert _offsets(blind(0.37 * np.arange(28.0)), far).tolist() == [0.0]


def test_the_table_must_reach_as_far_as_the_start_may_be_off() -> None:
    scene = Scene(flight(18.0, span_s=60.0), GANYMEDE, SUN)
    # 2.5 times 20 s and half the strip
    assert len(_offsets(blind(0.37 * np.arange(28.0), 20.0), scene)) > 3
    with pytest.raises(
        PointingError, match=r"JNCE_DARK: .* does not span 62 s on either .* a longer table, or a --start"
    ):
        _offsets(blind(0.37 * np.arange(28.0), 25.0), scene)


def test_no_limb_at_any_time_is_refused() -> None:
    told: list[str] = []
    scene = Scene(flight(18.0), GANYMEDE, SUN)
    with pytest.raises(
        PointingError, match=r"JNCE_DARK: no limb of GANYMEDE .* within 18 s of it: check --start, --target, and"
    ):
        set_clock(blind(0.37 * np.arange(28.0)), scene, Camera.measured(), told.append)
    assert told[0].startswith("JNCE_DARK: searching for its time, 1 of ")
    assert len(told) == int(told[0].rsplit(" ", 1)[1])


def test_start_and_step_are_found_past_ganymede(ganymede, ganymede_strip) -> None:
    true = ganymede_strip.et
    wrong = replace(
        ganymede_strip,
        light={Filter.GREEN: ganymede_strip.light[Filter.GREEN]},
        et=true - EARLY_S - SHORT_S * np.arange(len(true)),
        start_sigma_s=START_SIGMA_S,
        interframe_sigma_s=STEP_SIGMA_S,
    )
    scene = Scene(ganymede.trajectory(), GANYMEDE, ganymede.sun, AxisHint(ganymede.earth, EARTH_SIGMA))
    clock = set_clock(wrong, scene, Camera.measured())
    # in 2 s the disc grows by 1 %; step and rate can stretch it by as much
    assert clock.exposure.start_moved_s == pytest.approx(EARLY_S, abs=2.0)
    # step and spin rate share what the angle between frames tells, by the errors they have beforehand
    spin = clock.guess.unknowns.spin
    turned = (
        spin.rate * float(np.diff(clock.exposure.et)[0]) / (2 * np.pi / ganymede.period_s * float(np.diff(true)[0]))
    )
    assert turned == pytest.approx(1.0, abs=0.4 * SHORT_S / 0.372)
    assert clock.exposure.interframe_moved_s > 0.3 * SHORT_S
    # the points' times are moved along, and lie on the limb
    np.testing.assert_allclose(clock.points.et, clock.exposure.et[clock.points.frame], rtol=0, atol=1e-6)
    assert clock.guess.agree > 0.75 * len(clock.points)
    assert clock.guess.unknowns.offset[0] == clock.guess.unknowns.interframe == 0.0


def test_of_another_body_nothing_is_found(ganymede, ganymede_strip) -> None:
    jupiter = replace(ganymede.trajectory(), body="JUPITER")
    wrong = replace(ganymede_strip, light={Filter.GREEN: ganymede_strip.light[Filter.GREEN]}, start_sigma_s=0.1)
    with pytest.raises(PointingError, match="no limb of JUPITER"):
        set_clock(wrong, Scene(jupiter, JUPITER, ganymede.sun), Camera.measured())
