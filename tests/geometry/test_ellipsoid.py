import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perijove.geometry import ellipsoid as el

JUPITER = (71492.0, 71492.0, 66854.0)
GANYMEDE_LIKE = (1829.4, 1819.4, 1815.7)

latitudes = st.floats(-np.pi / 2, np.pi / 2)
longitudes = st.floats(-np.pi, np.pi, exclude_min=True)
altitudes = st.floats(-500.0, 5e6)


def test_graphic_latitude_of_45_degrees_by_hand() -> None:
    # tan(centric) = (66854 / 71492)^2 tan(graphic)
    expected = np.degrees(np.arctan((66854.0 / 71492.0) ** 2))
    assert np.degrees(el.centric_from_graphic(np.radians(45.0), JUPITER)) == pytest.approx(expected, abs=1e-12)
    assert el.centric_from_graphic(np.pi / 2, JUPITER) == pytest.approx(np.pi / 2)
    assert el.centric_from_graphic(0.0, JUPITER) == 0.0


def test_points_above_the_pole_and_the_equator() -> None:
    np.testing.assert_allclose(el.point_from_graphic(np.pi / 2, 0.3, 1000.0, JUPITER), [0, 0, 67854.0], atol=1e-8)
    np.testing.assert_allclose(el.point_from_graphic(0.0, np.pi / 2, 8.0, JUPITER), [0, 71500.0, 0], atol=1e-8)


@given(latitudes, longitudes, altitudes)
def test_graphic_coordinates_come_back(lat: float, lon: float, alt: float) -> None:
    back = el.graphic_from_point(el.point_from_graphic(lat, lon, alt, JUPITER), JUPITER)
    assert back[0] == pytest.approx(lat, abs=1e-11)
    assert back[2] == pytest.approx(alt, abs=1e-6)
    if abs(lat) < 1.57:
        assert np.cos(back[1] - lon) == pytest.approx(1.0, abs=1e-12)


@given(latitudes)
def test_the_two_latitudes_are_inverse(lat: float) -> None:
    assert el.graphic_from_centric(el.centric_from_graphic(lat, JUPITER), JUPITER) == pytest.approx(lat, abs=1e-14)


@given(latitudes, longitudes)
def test_centric_points_lie_on_the_surface(lat: float, lon: float) -> None:
    p = el.point_from_centric(lat, lon, GANYMEDE_LIKE)
    assert np.linalg.norm(p / np.array(GANYMEDE_LIKE)) == pytest.approx(1.0, abs=1e-13)
    assert el.centric_from_point(p)[0] == pytest.approx(lat, abs=1e-12)
    np.testing.assert_allclose(el.sub_point(3.7 * p, GANYMEDE_LIKE), p, rtol=1e-12, atol=1e-9)


@given(latitudes, longitudes, st.floats(-20.0, 1e5))
def test_the_nearest_point_of_a_triaxial_body_lies_along_its_normal(lat: float, lon: float, height: float) -> None:
    foot = el.point_from_centric(lat, lon, GANYMEDE_LIKE)
    p = foot + height * el.normal(foot, GANYMEDE_LIKE)
    np.testing.assert_allclose(el.nearest_point(p, GANYMEDE_LIKE), foot, atol=1e-6)


def test_a_line_of_sight_along_an_axis() -> None:
    hit = el.intersect([1e6, 0.0, 0.0], [[-2.0, 0, 0], [1.0, 0, 0], [0, 1.0, 0]], JUPITER)
    np.testing.assert_allclose(hit[0], [71492.0, 0, 0], atol=1e-8)
    assert np.isnan(hit[1:]).all(), "behind the camera, or past the body, there is nothing"


def test_the_limb_is_sharp() -> None:
    for height, seen in ((-0.001, True), (0.001, False)):
        hit = el.intersect([4e6, 0.0, 66854.0 + height], [-1.0, 0.0, 0.0], JUPITER)
        assert np.isfinite(hit).all() == seen


def test_from_inside_nothing_is_seen() -> None:
    assert np.isnan(el.intersect([0.0, 0.0, 1.0], [0.0, 0.0, 1.0], JUPITER)).all()


@given(latitudes, longitudes, latitudes, longitudes, st.floats(75000.0, 5e6))
def test_hits_are_on_the_surface_on_the_line_and_on_the_near_side(
    lat: float, lon: float, lat0: float, lon0: float, distance: float
) -> None:
    eye = distance * el.point_from_centric(lat0, lon0, (1.0, 1.0, 1.0))
    target = el.point_from_centric(lat, lon, JUPITER)
    hit = el.intersect(eye, target - eye, JUPITER)
    towards = np.sum(el.normal(target, JUPITER) * (eye - target))
    if towards > 1.0:
        np.testing.assert_allclose(hit, target, atol=1e-4)
    elif towards < -1.0:
        assert np.linalg.norm(hit - eye) < np.linalg.norm(target - eye)
        assert np.linalg.norm(hit / np.array(JUPITER)) == pytest.approx(1.0, abs=1e-10)


def test_shapes_broadcast_and_bad_numbers_stay_alone() -> None:
    rays = np.full((4, 5, 3), [-1.0, 0.0, 0.0])
    rays[1, 2] = np.nan
    hit = el.intersect([1e6, 0.0, 0.0], rays, JUPITER)
    assert hit.shape == (4, 5, 3)
    assert np.isnan(hit).any(axis=-1).sum() == 1


def test_graphic_latitude_of_a_triaxial_body_is_refused() -> None:
    with pytest.raises(ValueError, match="body of revolution"):
        el.centric_from_graphic(0.1, GANYMEDE_LIKE)
