"""Products: places and pixels of maps and pictures, and patches of their light."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from perijove.bodies import GANYMEDE, IO, JUPITER, Body
from perijove.errors import UsageError
from perijove.geometry.ellipsoid import point_from_centric
from perijove.geometry.mapgrid import MAP_RADIUS_KM, MapGrid
from perijove.geometry.projection import Projection
from perijove.geometry.view import spacecraft_view
from perijove.measure.patch import MeasureError
from perijove.measure.product import Product, click_sigma_km, patch_of

Light = NDArray[np.float32]


def rad(*degrees: float) -> tuple[float, float]:
    latitude, longitude = np.radians(degrees)
    return float(latitude), float(longitude)


def chart(
    body: Body = GANYMEDE, west: float = -20.0, east: float = 20.0, ppd: float = 8.0, half: float = 15.0
) -> Product:
    """An equirectangular map whose light is the sine of latitude and the cosine of longitude."""
    radius = MAP_RADIUS_KM[body.name]
    scale = float(np.radians(1.0) * radius / ppd)
    grid = MapGrid(
        body, Projection("equirectangular", radius), "centric", scale, float(np.radians(west) * radius),
        float(np.radians(half) * radius), round((east - west) * ppd), round(2 * half * ppd),
    )  # fmt: skip

    def read(first: int, last: int) -> Light:
        line, sample = np.mgrid[first:last, : grid.width] + 0.5
        place = grid.place_of(line, sample)
        return np.stack([np.sin(place[..., 0]), np.cos(place[..., 1])]).astype(np.float32)

    return Product("a.tif", body, grid.width, grid.height, ("RED", "BLUE"), read, True, grid=grid)


def seen() -> Product:
    """A picture of Io from the side."""
    view = spacecraft_view(np.array([9000.0, 4000.0, 3000.0]), IO, None, 500)
    none = np.zeros((1, view.height, view.width), np.float32)
    return Product(
        "b.tif", IO, view.width, view.height, ("RED",), lambda first, last: none[:, first:last], True, view=view
    )


@pytest.mark.parametrize("product", [chart(), chart(JUPITER), seen()])
def test_places_and_pixels_undo_each_other(product: Product) -> None:
    line, sample = np.meshgrid(np.linspace(0.3, 0.7, 9) * product.height, np.linspace(0.3, 0.7, 9) * product.width)
    place = product.place_of(line, sample)
    assert np.isfinite(place).all()
    np.testing.assert_allclose(product.pixel_of(place[..., 0], place[..., 1]), np.stack([line, sample], -1), atol=1e-7)


def test_what_lies_behind_the_body_is_not_shown() -> None:
    product = seen()
    assert np.isnan(product.place_of(0.5, 0.5)).all()
    assert product.shows(rad(10, 20))
    assert not product.shows(rad(-10, 200))
    with pytest.raises(MeasureError, match=r"the seed 10\.000 S, 200\.000 E is not on b\.tif"):
        product.check(rad(-10, 200), "the seed")


def test_a_map_across_the_meridian_of_180() -> None:
    product = chart(west=170.0, east=200.0)
    for east in (175.0, 180.0, 185.0, -170.0):
        line, sample = product.pixel_of(*rad(3.0, east))
        assert (line, sample) == pytest.approx(((15.0 - 3.0) * 8.0, (east % 360.0 - 170.0) * 8.0), abs=1e-6)
    assert not product.shows(rad(0.0, 10.0))


@pytest.mark.parametrize("east", [180.0, -179.99, 0.0])
def test_a_map_of_the_whole_body_has_no_edge(east: float) -> None:
    product = chart(west=-180.0, east=180.0, ppd=4.0, half=90.0)
    for north in (0.0, 89.9):
        patch = patch_of(product, rad(north, east), 200.0)
        line, sample = np.mgrid[: patch.side, : patch.side] + 0.5
        place = patch.place_of(line, sample)
        # half a pixel is missing beyond the pole
        seen = np.abs(place[..., 0]) < np.radians(89.8)
        np.testing.assert_allclose(patch.light[0][seen], np.sin(place[..., 0])[seen], atol=3e-5)
        np.testing.assert_allclose(patch.light[1][seen], np.cos(place[..., 1])[seen], atol=3e-5)
    assert product.pixel_km(rad(0.0, east)) == pytest.approx([11.48] * 2, rel=1e-3)


def test_lengths_of_pixels() -> None:
    product, degree = chart(), np.radians(1.0) * 2631.2
    across, down = degree * np.cos(np.radians(12.0)) / 8.0, degree / 8.0
    assert product.pixel_km(rad(12.0, 5.0)) == pytest.approx([across, down], rel=1e-6)
    assert click_sigma_km(product, rad(12.0, 5.0), 0.5) == pytest.approx(0.5 * np.sqrt(across * down), rel=1e-6)
    picture = seen()
    assert picture.view is not None
    # straight ahead a pixel is its angle times the distance, and longer on slanting ground
    place = picture.place_of(*picture.view.principal)
    away = np.linalg.norm(point_from_centric(*place, IO.radii_km) - picture.view.position_km)
    short, long = picture.pixel_km((float(place[0]), float(place[1])))
    assert short == pytest.approx(picture.view.scale * away, rel=1e-3)
    assert long == pytest.approx(short, rel=1e-3)
    # on slanting ground the two lengths are those of the area that the pixel covers
    line, sample = picture.view.principal[0] + 120.0, picture.view.principal[1] - 90.0
    sides = picture.place_of(line + np.array([-0.5, 0.5, 0.0, 0.0]), sample + np.array([0.0, 0.0, -0.5, 0.5]))
    a, b, c, d = point_from_centric(sides[:, 0], sides[:, 1], IO.radii_km)
    latitude, longitude = picture.place_of(line, sample)
    short, long = picture.pixel_km((float(latitude), float(longitude)))
    assert short * long == pytest.approx(np.linalg.norm(np.cross(b - a, d - c)), rel=1e-4)
    assert long > 1.2 * short


def test_a_patch_holds_the_light_of_its_places() -> None:
    product = chart()
    patch = patch_of(product, rad(4.0, -6.0), 150.0)
    assert patch.scale_km == pytest.approx(product.pixel_km(rad(4.0, -6.0))[0], rel=0.02)
    line, sample = np.mgrid[: patch.side, : patch.side] + 0.5
    place = patch.place_of(line, sample)
    np.testing.assert_allclose(patch.light[0], np.sin(place[..., 0]), atol=2e-6)
    np.testing.assert_allclose(patch.light[1], np.cos(place[..., 1]), atol=2e-6)
    assert patch.sigma is None
    assert patch.cos_incidence is None


def test_a_coarse_patch_averages_and_says_where_nothing_is() -> None:
    rng, product = np.random.default_rng(1), chart()
    noise = rng.normal(1.0, 0.1, (2, product.height, product.width)).astype(np.float32)
    noisy = replace(product, read=lambda first, last: noise[:, first:last])
    scale = 8.0 * float(product.pixel_km(rad(0.0, 0.0))[0])
    coarse = patch_of(noisy, rad(0.0, 0.0), 400.0, scale).light
    assert 0.005 < np.std(coarse) < 0.1 / 8.0 * 1.05
    edge = patch_of(noisy, rad(0.0, 19.0), 200.0).light
    assert np.isnan(edge).any()
    assert np.isfinite(edge).any()
    empty = replace(product, read=lambda first, last: np.full((2, last - first, product.width), np.nan, np.float32))
    with pytest.raises(MeasureError, match="holds no light"):
        patch_of(empty, rad(0.0, 0.0), 100.0)
    with pytest.raises(UsageError, match="smaller patch or larger pixels"):
        patch_of(product, rad(0.0, 0.0), 1e4, 1.0)


def test_the_light_comes_with_its_sigma_and_its_angles() -> None:
    product = chart()
    height = replace(product, sun=np.array([1.0, 0.0, 0.0]), camera_km=np.array([0.0, 0.0, 5000.0]))
    patch = patch_of(height, rad(0.0, -15.0), 60.0)
    assert patch.cos_incidence is not None
    assert patch.cos_emission is not None
    n = patch.side // 2
    place = patch.place_of(n + 0.5, n + 0.5)
    assert patch.cos_incidence[n, n] == pytest.approx(np.cos(place[0]) * np.cos(place[1]), abs=1e-6)
    # the camera stands over the pole: seen from the equator it is below the horizon
    assert patch.cos_emission[n, n] == pytest.approx(-2631.2 / np.hypot(2631.2, 5000.0), abs=3e-2)
    # the Sun stands due east
    assert patch.sun_azimuth == pytest.approx(np.pi / 2, abs=1e-9)
    assert patch_of(replace(height, shaded=False), rad(0.0, -15.0), 60.0).cos_incidence is None

    def read(first: int, last: int) -> Light:
        shape = (1, last - first, product.width)
        return np.concatenate(
            [product.read(first, last), np.full(shape, 0.1), np.full(shape, 0.2), np.full(shape, 60.0)]
        )

    full = patch_of(replace(product, read=read, with_sigma=True, angles=("incidence",)), rad(0.0, -15.0), 60.0)
    assert full.sigma is not None
    assert full.cos_incidence is not None
    np.testing.assert_allclose(full.sigma[0], 0.1, rtol=1e-5)
    np.testing.assert_allclose(full.sigma[1], 0.2, rtol=1e-5)
    np.testing.assert_allclose(full.cos_incidence, 0.5, rtol=1e-5)
