"""Trajectories a known time and distance apart."""

from dataclasses import replace

import numpy as np
import pytest

from perijove.ephemeris.compare import compare, time_shift
from perijove.ephemeris.trajectory import Trajectory


@pytest.fixture
def circle() -> Trajectory:
    """A circle of 1e5 km at 40 km/s, with an error of 1 km and of 1 m/s in each coordinate."""
    et = np.arange(0.0, 1001.0, 5.0)
    angle = et * 4e-4
    position = 1e5 * np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=-1)
    velocity = 40.0 * np.stack([-np.sin(angle), np.cos(angle), 0 * angle], axis=-1)
    return Trajectory("JUPITER", "made", et, position, velocity, 500.0, np.diag([1.0] * 3 + [1e-6] * 3))


def test_a_late_craft_comes_later_to_the_same_place(circle: Trajectory) -> None:
    late = replace(circle, et=circle.et + 7.0)
    np.testing.assert_allclose(time_shift(late, circle, [100.0, 500.0, 900.0]), 7.0, atol=1e-5)
    found = compare(late, circle)
    assert found.late_s == pytest.approx(7.0, abs=1e-5)
    assert found.beside_km == pytest.approx(0.0, abs=1e-3)
    # 280 km and 0.112 km/s, each against its error
    assert found.sigmas == pytest.approx(np.hypot(280.0, 112.0), rel=1e-3)


def test_what_lies_beside_the_track_is_no_time(circle: Trajectory) -> None:
    beside = replace(circle, position_km=circle.position_km + np.array([0.0, 0.0, 3.0]))
    found = compare(beside, circle)
    assert (found.late_s, found.beside_km) == pytest.approx((0.0, 3.0), abs=1e-9)
    assert found.sigmas == pytest.approx(3.0)


def test_where_one_does_not_reach_nothing_is_told(circle: Trajectory) -> None:
    found = compare(replace(circle, et=circle.et + 2000.0), circle)
    assert np.isnan([found.late_s, found.beside_km, found.sigmas]).all()
    with pytest.raises(ValueError, match="about IO, the other about JUPITER"):
        compare(replace(circle, body="IO"), circle)
