"""Winds measured from two strips of a world whose winds are known, the second one's pointing being off."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.spatial.transform import Rotation

from perijove.bodies import GANYMEDE, JUPITER, LIGHT_KM_S
from perijove.errors import UsageError
from perijove.geometry.ellipsoid import intersect
from perijove.instrument import FOCAL_LENGTH_PX, FRAMELET_LINES, SAMPLES, Camera, Filter
from perijove.mosaic.drift import MeasuredWinds, measure_looks, measure_winds
from perijove.mosaic.look import Look
from perijove.swath import Swath
from perijove.winds import ZonalWinds

FloatArray = NDArray[np.float64]
ET0 = 7.14e8
STEP = 114.7 / FOCAL_LENGTH_PX
SECONDS = 4000.0
USUAL = ZonalWinds(np.radians([-90.0, 90.0]), np.array([40.0, 40.0]), np.array([20.0, 20.0]), "a test")
OFF_PX = 0.5
TURN = np.array([0.3, 0.6, -0.74])
"""By so many native px the second strip points beside where it is said to, turned about this body-fixed axis."""


def true_wind(latitude: FloatArray) -> FloatArray:
    """Eastward m/s: jets of 30 m/s and nine degrees from one to the next, beside the usual wind."""
    out: FloatArray = 40.0 + 30.0 * np.sin(2.0 * np.pi * latitude / np.radians(18.0))
    return out


@dataclass(frozen=True)
class Clouds:
    """Clouds on a grid of longitude and latitude, carried by `true_wind` from ET0 on."""

    light: FloatArray

    @classmethod
    def made(cls) -> Clouds:
        """Spots of some 400 km, of one contrast everywhere."""
        rng = np.random.default_rng(4)
        spots = gaussian_filter(rng.normal(size=(900, 1800)), 1.2, mode="wrap")
        return cls(1.0 + 0.1 * spots / spots.std())

    def at(self, point: FloatArray, et: float) -> FloatArray:
        """Light of body-fixed points (..., 3) km; NaN beside the body."""
        x, y, z = np.moveaxis(point, -1, 0)
        latitude, ring = np.arctan2(z, np.hypot(x, y)), np.hypot(x, y)
        longitude = np.arctan2(y, x) - true_wind(latitude) * 1e-3 / ring * (et - ET0)
        rows = (latitude / np.pi + 0.5) * 900.0 - 0.5
        columns = np.mod(longitude / (2.0 * np.pi), 1.0) * 1800.0 - 0.5
        found = map_coordinates(
            self.light, [np.nan_to_num(rows, nan=0.0), np.nan_to_num(columns, nan=0.0)], order=1, mode="grid-wrap"
        )
        return np.where(np.isfinite(rows), found, np.nan)


def taken(name: str, et0: float, place: FloatArray, clouds: Clouds, off: FloatArray) -> Look:
    """A strip of nine frames from a body-fixed place (3,) km, whose camera is turned by `off` rad from what is said."""
    frames = np.arange(9) - 4
    et = np.asarray(et0 + 0.371 * frames, dtype=float)
    frozen = JUPITER.body_from_j2000(et0)
    ahead = -place / np.linalg.norm(place)
    axis = np.cross(ahead, [0.0, 0.0, 1.0])
    axis /= np.linalg.norm(axis)
    # lines run along the axis of the planet, so that frames step in latitude
    angle = STEP * frames
    z = np.cos(angle)[:, None] * ahead + np.sin(angle)[:, None] * np.cross(axis, ahead)
    x = np.broadcast_to(axis, z.shape)
    said = np.stack([x, np.cross(z, x), z], axis=1) @ frozen
    truly = said @ Rotation.from_rotvec(frozen.T @ off).as_matrix()
    line = np.linspace(1.0, FRAMELET_LINES - 1.0, FRAMELET_LINES // 2)
    sample = np.linspace(1.0, SAMPLES - 1.0, SAMPLES // 2)
    rays = Camera().ray(Filter.RED, line[:, None], sample[None, :])
    light = np.empty((len(et), line.size, sample.size), np.float32)
    delay = (np.linalg.norm(place) - np.mean(JUPITER.radii_km)) / LIGHT_KM_S
    inertial = place @ frozen
    for i in range(len(et)):
        turned = JUPITER.body_from_j2000(et[i] - delay)
        point = intersect(turned @ inertial, rays @ truly[i] @ turned.T, JUPITER.radii_km)
        light[i] = clouds.at(point, et[i])
    light += np.random.default_rng(int(et0) % 97).normal(0.0, 0.005, light.shape).astype(np.float32)
    light[:, :, :12] = light[:, :, 815:] = np.nan
    swath = Swath(Filter.RED, Camera(), 2, light, et, np.broadcast_to(inertial, (len(et), 3)).copy(), said)
    return Look(name, (swath,), et0, place)


@pytest.fixture(scope="module")
def looks() -> list[Look]:
    """Two strips an hour apart."""
    clouds = Clouds.made()
    one, two = np.array([-1.9e5, 1.5e4, 3.0e4]), np.array([-1.85e5, -1.0e4, 4.0e4])
    off = OFF_PX / FOCAL_LENGTH_PX * TURN
    return [taken("a", ET0, one, clouds, np.zeros(3)), taken("b", ET0 + SECONDS, two, clouds, off)]


@pytest.fixture(scope="module")
def measured(looks: list[Look]) -> MeasuredWinds:
    """What the two strips tell."""
    return measure_looks(looks, {"a": 0.3, "b": 0.3}, JUPITER, USUAL)


def test_bins_have_the_true_wind_within_their_sigmas(measured: MeasuredWinds) -> None:
    assert len(measured.latitude) > 20
    far = (measured.speed_m_s - true_wind(measured.latitude)) / measured.sigma_m_s
    # 25 numbers tell a mean square to a third; here nothing but noise disturbs, which nature is not granted
    assert np.mean(np.square(far)) < 1.7
    assert np.median(measured.sigma_m_s) < 12.0
    # the jets are there: against the usual wind they stand out
    before = np.sqrt(np.mean(np.square(measured.usual_m_s - true_wind(measured.latitude))))
    after = np.sqrt(np.mean(np.square(measured.speed_m_s - true_wind(measured.latitude))))
    assert before > 15.0
    assert after < 0.5 * before


def test_the_refined_profile_is_better_and_knows_it(measured: MeasuredWinds) -> None:
    latitude = np.radians(np.arange(np.degrees(measured.latitude[0]), np.degrees(measured.latitude[-1]), 1.0))
    error = measured.refined.speed(latitude) - true_wind(latitude)
    assert np.sqrt(np.mean(np.square(error))) < 10.0
    assert np.median(measured.refined.sigma(latitude)) < 0.7 * 20.0
    assert np.mean(np.square(error / measured.refined.sigma(latitude))) < 2.0
    # where nothing was seen it is what it was
    pole = np.radians([-85.0])
    assert measured.refined.speed(pole) == pytest.approx(40.0, abs=0.5)
    assert measured.refined.sigma(pole) == pytest.approx(20.0, rel=0.01)


def test_what_remains_to_the_north_is_the_pointing(measured: MeasuredWinds) -> None:
    (pair,) = measured.pairs
    assert (pair.first, pair.second) == ("a", "b")
    assert pair.seconds == pytest.approx(SECONDS)
    # it looks along x: a turn about y moves places to the north, about z to the west
    assert pair.latitude_px == pytest.approx(OFF_PX * TURN[1], abs=0.06)
    assert pair.left_px[1] < 0.35 * pair.latitude_px
    assert measured.latitude_px == pair.latitude_px


def test_the_order_of_strips_changes_no_bit(looks: list[Look], measured: MeasuredWinds) -> None:
    again = measure_looks(looks[::-1], {"b": 0.3, "a": 0.3}, JUPITER, USUAL)
    np.testing.assert_array_equal(again.speed_m_s, measured.speed_m_s)
    np.testing.assert_array_equal(again.refined.speed_m_s, measured.refined.speed_m_s)
    assert again.pairs == measured.pairs


def test_strips_that_share_nothing_leave_the_wind_as_it_was(looks: list[Look]) -> None:
    for alone in ([looks[0]], [looks[0], methane(looks[1])]):
        found = measure_looks(alone, {"a": 0.3, "b": 0.3}, JUPITER, USUAL)
        assert found.refined is USUAL
        assert not len(found.latitude)
        assert found.pairs == ()
        assert np.isnan(found.latitude_px)


def methane(look: Look) -> Look:
    """The look as another filter's."""
    return replace(look, swaths=tuple(replace(swath, band=Filter.METHANE) for swath in look.swaths))


def test_what_has_no_wind_is_refused() -> None:
    with pytest.raises(UsageError, match="two or more"):
        measure_winds([])

    class Strip:
        body = GANYMEDE

    with pytest.raises(UsageError, match="GANYMEDE has no winds"):
        measure_winds([Strip()])  # type: ignore[list-item]

    class Other:
        body = JUPITER

    with pytest.raises(UsageError, match="GANYMEDE, JUPITER"):
        measure_winds([Strip(), Other()])  # type: ignore[list-item]
