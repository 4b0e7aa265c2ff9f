from pathlib import Path

import numpy as np
import pytest

from perijove.ephemeris import sun_earth
from perijove.io.labels import read_label
from perijove.timescale import et_from_utc

AU_KM = 149597870.7


def test_shapes_and_the_span() -> None:
    assert sun_earth.sun_from_jupiter(7e8).shape == (3,)
    et = np.array([[et_from_utc("2011-01-01T00:00:00"), et_from_utc("2031-12-31T00:00:00")], [0.0, np.nan]])
    for where in (sun_earth.sun_from_jupiter, sun_earth.earth_from_jupiter, sun_earth.apparent_sun):
        out = where(et)
        assert out.shape == (2, 2, 3)
        assert np.isfinite(out[0]).all()
        assert np.isnan(out[1]).all()


def test_distances_are_those_of_the_solar_system() -> None:
    et = np.linspace(et_from_utc("2011-01-02T00:00:00"), et_from_utc("2031-12-30T00:00:00"), 2000)
    sun, earth = sun_earth.sun_from_jupiter(et), sun_earth.earth_from_jupiter(et)
    # Jupiter's perihelion and aphelion are 4.95 and 5.46 au, the Earth's 0.983 and 1.017
    distance = np.linalg.norm(sun, axis=-1) / AU_KM
    assert 4.94 < distance.min() < 4.96
    assert 5.44 < distance.max() < 5.47
    year = np.linalg.norm(earth - sun, axis=-1) / AU_KM
    assert 0.983 < year.min() < 0.984
    assert 1.016 < year.max() < 1.017


def test_seen_from_jupiter_the_earth_stays_within_12_degrees_of_the_sun() -> None:
    et = np.linspace(et_from_utc("2016-07-01T00:00:00"), et_from_utc("2026-01-01T00:00:00"), 4000)
    sun, earth = sun_earth.sun_from_jupiter(et), sun_earth.earth_from_jupiter(et)
    cosine = np.sum(sun * earth, axis=-1) / np.linalg.norm(sun, axis=-1) / np.linalg.norm(earth, axis=-1)
    assert 10.0 < np.degrees(np.arccos(cosine.min())) < 12.0


def test_pieces_join_and_the_velocity_is_the_rate_of_the_position() -> None:
    start, stop = et_from_utc("2016-01-01T00:00:00"), et_from_utc("2025-01-01T00:00:00")
    et = np.linspace(start, stop, 1000)
    rate = (sun_earth.sun_from_jupiter(et + 500.0) - sun_earth.sun_from_jupiter(et - 500.0)) / 1000.0
    np.testing.assert_allclose(sun_earth.jupiter_velocity(et), -rate, atol=0.01)


def test_apparent_places_lag_by_the_light_time() -> None:
    et = 7.0e8
    sun = sun_earth.sun_from_jupiter(et)
    delay = np.linalg.norm(sun) / 299792.458
    np.testing.assert_allclose(sun_earth.apparent_sun(et), sun + sun_earth.jupiter_velocity(et) * delay, atol=20.0)


def test_labels_agree_on_the_distance_of_the_sun(data: Path) -> None:
    paths = [*(data / "pj44").glob("*.json"), *(data / "pj43").glob("*.json"), *(data / "labels").iterdir()]
    for path in paths:
        label = read_label(path)
        assert label.sun_distance_km is not None
        assert label.altitude_km is not None
        # five digits are 5000 km of rounding, and Juno stands that far from Jupiter
        slack = 5000.0 + label.altitude_km + 71492.0
        distance = float(np.linalg.norm(sun_earth.sun_from_jupiter(label.start_et)))
        assert distance == pytest.approx(label.sun_distance_km, abs=slack), path.name
