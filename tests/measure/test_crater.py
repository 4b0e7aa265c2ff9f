"""Circles and ellipses through points of a rim."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from perijove.bodies import GANYMEDE, JUPITER
from perijove.errors import UsageError
from perijove.geometry.ellipsoid import point_from_centric
from perijove.measure.crater import fit_crater
from perijove.measure.outline import fit_outline
from perijove.measure.plane import Plane

FloatArray = NDArray[np.float64]


def ellipse(centre: tuple[float, float], long_km: float, short_km: float, azimuth: float, count: int) -> FloatArray:
    """Places on an ellipse whose long half axis points to `azimuth`, by its own parametric form."""
    t = np.linspace(0.0, 2.0 * np.pi, count, endpoint=False) + 0.1
    along, across = long_km * np.cos(t), short_km * np.sin(t)
    x = along * math.sin(azimuth) + across * math.cos(azimuth)
    y = along * math.cos(azimuth) - across * math.sin(azimuth)
    return Plane(centre, GANYMEDE).place_of(x, y)


@given(
    latitude=st.floats(-1.5, 1.5), longitude=st.floats(-3.1, 3.1), angle=st.floats(0.001, 0.9), turn=st.floats(0.0, 6.2)
)
@settings(max_examples=40, deadline=None)
def test_three_points_on_a_sphere_give_the_circle_that_their_plane_cuts(
    latitude: float, longitude: float, angle: float, turn: float
) -> None:
    azimuths = np.array([0.0, 1.7, 4.0]) + turn
    away = GANYMEDE.radii_km[0] * angle
    places = Plane((latitude, longitude), GANYMEDE).place_of(away * np.sin(azimuths), away * np.cos(azimuths))
    crater = fit_crater(places, GANYMEDE)
    a, b, c = point_from_centric(places[:, 0], places[:, 1], (1.0, 1.0, 1.0))
    normal = np.cross(b - a, c - a)
    normal *= np.sign(normal @ a) / np.linalg.norm(normal)
    got = point_from_centric(crater.latitude, crater.longitude, (1.0, 1.0, 1.0))
    assert np.linalg.norm(got - normal) < 1e-7
    across = np.linalg.norm(a - normal)
    assert crater.diameter_km == pytest.approx(4.0 * GANYMEDE.radii_km[0] * math.asin(0.5 * across), rel=1e-6)
    assert math.isnan(crater.diameter_sigma_km)
    assert crater.shape == "circle"


def test_an_ellipse_comes_back() -> None:
    crater = fit_crater(ellipse((0.4, 2.0), 60.0, 40.0, 0.5, 9), GANYMEDE)
    assert crater.centre == pytest.approx((0.4, 2.0), abs=1e-9)
    assert crater.ellipticity == pytest.approx(1.5, abs=1e-6)
    assert crater.orientation == pytest.approx(0.5, abs=1e-6)
    assert crater.diameter_km == pytest.approx(2.0 * math.sqrt(60.0 * 40.0), rel=1e-6)
    assert crater.rms_km < 1e-5


def test_the_outline_is_the_rim() -> None:
    places = ellipse((-0.9, -1.0), 60.0, 40.0, 2.5, 12)
    crater = fit_crater(places, GANYMEDE)
    plane = Plane(crater.centre, GANYMEDE)
    given_xy, drawn = plane.xy_of(places[:, 0], places[:, 1]), crater.outline(3601)
    drawn_xy = plane.xy_of(drawn[:, 0], drawn[:, 1])
    gaps = np.linalg.norm(given_xy[:, None] - drawn_xy[None], axis=2).min(axis=1)
    assert gaps.max() < 0.1
    assert drawn_xy[0] == pytest.approx([0.0, np.hypot(*drawn_xy[0])], abs=1e-6)
    assert drawn_xy[900, 0] > 0.0


def test_the_sigmas_are_what_repeated_fits_scatter() -> None:
    rng = np.random.default_rng(4)
    plane = Plane((0.2, 1.0), JUPITER)
    pulls = []
    for _ in range(120):
        t = rng.uniform(0.0, 2.0 * np.pi, 24)
        xy = np.stack([900.0 * np.cos(t), 750.0 * np.sin(t)], axis=1) + rng.normal(0.0, 15.0, (24, 2))
        crater = fit_crater(plane.place_of(xy[:, 0], xy[:, 1]), JUPITER)
        x, y = plane.xy_of(crater.latitude, crater.longitude)
        pulls.append(
            (
                x / crater.east_sigma_km,
                y / crater.north_sigma_km,
                (crater.diameter_km - 2.0 * math.sqrt(900.0 * 750.0)) / crater.diameter_sigma_km,
                (crater.ellipticity - 1.2) / crater.ellipticity_sigma,
                (crater.orientation - 0.5 * math.pi) / crater.orientation_sigma,
            )
        )
    scatter = np.sqrt(np.mean(np.square(pulls), axis=0))
    # 120 trials know a scatter of 1 to 7 %, and 24 points their own sigma to 15 %
    assert np.all((scatter > 0.75) & (scatter < 1.4)), scatter


def test_clicks_carry_their_sigma() -> None:
    azimuths = np.array([0.0, 2.0, 4.0]) * np.pi / 3.0
    places = Plane((0.1, 0.1), GANYMEDE).place_of(50.0 * np.sin(azimuths), 50.0 * np.cos(azimuths))
    crater = fit_crater(places, GANYMEDE, sigma_km=0.6)
    # r = mean of the three, and x = 2 / 3 of the sum of cos r: by hand for three even azimuths
    assert crater.diameter_sigma_km == pytest.approx(2.0 * 0.6 / math.sqrt(3.0), rel=1e-4)
    assert crater.east_sigma_km == pytest.approx(0.6 * math.sqrt(2.0 / 3.0), rel=1e-4)


@pytest.mark.parametrize(
    ("places", "shape", "message"),
    [
        ([[0.1, 0.1], [0.2, 0.2]], None, "at least 3"),
        ([[0.1, 0.1], [0.2, 0.2], [0.1, 0.3], [0.0, 0.2]], "ellipse", "at least 5"),
        ([[0.0, 0.1], [0.0, 0.2], [0.0, 0.4]], None, "on one line"),
        ([[0.1, 0.1], [0.1, 0.1], [0.1, 0.1]], None, "in one place"),
        ([[0.1, 0.1], [0.2, 0.1], [np.nan, 0.1]], None, "pairs"),
    ],
)
def test_points_that_fix_nothing_are_refused(places: list[list[float]], shape: str | None, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        fit_crater(places, GANYMEDE, shape=shape)  # type: ignore[arg-type]


def test_a_sigma_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="above zero"):
        fit_crater([[0.1, 0.1], [0.2, 0.2], [0.1, 0.3]], GANYMEDE, sigma_km=0.0)


def test_weights_count_as_repeated_points() -> None:
    rng = np.random.default_rng(2)
    points = rng.normal(0.0, 0.05, (9, 2)) + np.stack([np.cos(np.arange(9)), np.sin(np.arange(9))], axis=1)
    twice = fit_outline(np.concatenate([points, points[:4]]), ellipse=True)
    weighted = fit_outline(points, np.array([2.0] * 4 + [1.0] * 5), ellipse=True)
    assert twice is not None
    assert weighted is not None
    assert np.allclose(twice.parameters, weighted.parameters, atol=1e-6)
