"""The profile of zonal winds and the shipped table, against the numbers of its sources."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perijove.bodies import GANYMEDE, JUPITER
from perijove.errors import UsageError
from perijove.geometry.ellipsoid import centric_from_graphic, graphic_from_centric
from perijove.winds import ZonalWinds, axis_distance, usual_winds


def profile(latitude: list[float], speed: list[float], sigma: list[float]) -> ZonalWinds:
    """A profile from degrees."""
    return ZonalWinds(np.radians(latitude), np.array(speed), np.array(sigma), "a test")


def test_speed_and_sigma_are_linear_between_latitudes_and_stay_beyond() -> None:
    winds = profile([-10.0, 0.0, 20.0], [-30.0, 50.0, 10.0], [1.0, 3.0, 5.0])
    np.testing.assert_allclose(winds.speed(np.radians([-60.0, -5.0, 5.0, 20.0, 80.0])), [-30.0, 10.0, 40.0, 10.0, 10.0])
    np.testing.assert_allclose(winds.sigma(np.radians([[-90.0], [10.0]])), [[1.0], [4.0]])


def test_a_cloud_on_the_equator_takes_its_time_around_the_planet() -> None:
    winds = profile([-90.0, 90.0], [100.0, 100.0], [0.0, 0.0])
    # 100 m/s on a circle of 71492 km
    assert float(winds.rate(0.0, JUPITER)) == pytest.approx(0.1 / 71492.0, rel=1e-12)
    # at the pole nothing circles infinitely fast
    assert np.isfinite(winds.rate(np.pi / 2, JUPITER))


def test_the_axis_is_as_far_as_the_ellipse_says() -> None:
    latitude = np.radians(40.0)
    a, _, c = JUPITER.radii_km
    r = 1.0 / np.hypot(np.cos(latitude) / a, np.sin(latitude) / c)
    assert float(axis_distance(latitude, JUPITER)) == pytest.approx(r * np.cos(latitude), rel=1e-12)
    # reduced latitude is the other way to it
    graphic = graphic_from_centric(latitude, JUPITER.radii_km)
    reduced = np.arctan(c / a * np.tan(graphic))
    assert float(axis_distance(latitude, JUPITER)) == pytest.approx(a * np.cos(reduced), rel=1e-12)


@given(st.floats(-89.0, 89.0), st.floats(-7200.0, 7200.0))
def test_drift_carries_as_far_as_the_wind_blows(degrees: float, seconds: float) -> None:
    winds = usual_winds(JUPITER)
    assert winds is not None
    table = winds.drift(JUPITER, seconds)
    angle = np.interp(np.radians(degrees), *table.T)
    km = angle * axis_distance(np.radians(degrees), JUPITER)
    # a metre a second is what the table's spacing may cost
    assert km == pytest.approx(float(winds.speed(np.radians(degrees))) * 1e-3 * seconds, abs=1e-3 * abs(seconds) + 1e-9)


def test_moons_have_no_wind() -> None:
    assert usual_winds(GANYMEDE) is None


def test_the_shipped_table_reaches_from_pole_to_pole_and_rests_there() -> None:
    winds = usual_winds(JUPITER)
    assert winds is not None
    np.testing.assert_allclose(winds.latitude[[0, -1]], [-np.pi / 2, np.pi / 2])
    np.testing.assert_array_equal(winds.speed_m_s[[0, -1]], 0.0)
    assert (winds.sigma_m_s >= 3.0).all()


def test_the_shipped_table_is_that_of_its_sources(data: Path) -> None:
    winds = usual_winds(JUPITER)
    assert winds is not None
    hubble = np.loadtxt(data / "winds" / "JunoMWR_beltzone_hubblewinds2017_tollefson.txt")
    cassini = np.loadtxt(data / "winds" / "cassini_porco2003_planetocentric.csv", delimiter=",")
    low = np.abs(hubble[:, 0]) < 66.0
    latitude = centric_from_graphic(np.radians(hubble[low, 0]), JUPITER.radii_km)
    # the table's spacing rounds off no peak by more than the wind is unsure anyway
    assert (np.abs(winds.speed(latitude) - hubble[low, 1]) < 1.2 * winds.sigma(latitude)).all()
    assert np.sqrt(np.mean(np.square(winds.speed(latitude) - hubble[low, 1]))) < 1.5
    # no more sure than the measurement itself
    assert (winds.sigma(latitude) > 0.9 * hubble[low, 2]).all()
    high = np.abs(cassini[:, 0]) > 68.0
    off = winds.speed(np.radians(cassini[high, 0])) - cassini[high, 1]
    assert np.sqrt(np.mean(np.square(off))) < 3.0
    # one epoch against the other: about two thirds lie within a sigma
    middle = np.abs(cassini[:, 0]) < 60.0
    here = np.radians(cassini[middle, 0])
    chi2 = np.square((winds.speed(here) - cassini[middle, 1]) / winds.sigma(here)).mean()
    assert 0.1 < chi2 < 1.0


@pytest.mark.parametrize(
    ("latitude", "speed", "sigma", "message"),
    [
        ([0.0], [1.0], [1.0], "two latitudes or more"),
        ([0.0, 1.0], [1.0], [1.0, 1.0], "no profile"),
        ([1.0, 0.0], [1.0, 1.0], [1.0, 1.0], "ascend"),
        ([0.0, 91.0], [1.0, 1.0], [1.0, 1.0], "beyond a pole"),
        ([0.0, 1.0], [np.nan, 1.0], [1.0, 1.0], "missing or negative"),
        ([0.0, 1.0], [1.0, 1.0], [1.0, -1.0], "missing or negative"),
    ],
)
def test_what_is_no_profile_is_refused(
    latitude: list[float], speed: list[float], sigma: list[float], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        profile(latitude, speed, sigma)
