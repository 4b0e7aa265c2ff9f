import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perijove.calibrate.decompand import SQROOT_DN
from perijove.calibrate.response import (
    IN_FLIGHT,
    REPORTED,
    THROUGHPUT,
    UNCERTAINTY,
    dn_per_light,
    dn_per_radiance,
    radiance,
    throughput,
)
from perijove.calibrate.solar import AU_KM, BAND_NM, IRRADIANCE, irradiance
from perijove.errors import LabelError
from perijove.instrument import Filter

BANDS = st.sampled_from(list(Filter))


def planck(nm: float, kelvin: float) -> float:
    """Spectral exitance of a black body, W/m2/nm."""
    h, c, k, metres = 6.62607015e-34, 299792458.0, 1.380649e-23, nm * 1e-9
    return 2 * math.pi * h * c**2 / metres**5 / math.expm1(h * c / (metres * k * kelvin)) * 1e-9


def test_throughput_follows_the_errata() -> None:
    assert throughput(Filter.RED, 0) == pytest.approx(1.01)
    assert throughput(Filter.GREEN, 20) == pytest.approx(1.05 - 0.1574)
    assert throughput(Filter.BLUE, 40) == pytest.approx(1.07 - 0.432)
    assert throughput(Filter.METHANE, 40) == 1.0


@pytest.mark.parametrize("band", list(THROUGHPUT))
def test_throughput_is_held_after_perijove_60_and_before_the_first(band: Filter) -> None:
    assert throughput(band, 61) == throughput(band, 60) == throughput(band, 500) < throughput(band, 59)
    assert throughput(band, None) == throughput(band, 0) == throughput(band, -3)


@pytest.mark.parametrize("band", list(Filter))
def test_sunlight_in_a_band_is_about_that_of_a_black_body_of_the_suns_size(band: Filter) -> None:
    # 5772 K, 695700 km; lines and the departure from a black body make up to a tenth in bands as wide as these
    first, last = BAND_NM[band]
    steps = 400
    width = (last - first) / steps
    exitance = sum(planck(first + (i + 0.5) * width, 5772.0) for i in range(steps)) * width
    assert IRRADIANCE[band] == pytest.approx(exitance * (695700.0 / AU_KM) ** 2, rel=0.1)


def test_green_of_a_white_surface_at_jupiter_by_hand() -> None:
    # 332944 DN/s a W/m2/sr x 184.68 W/m2 / 5.2^2 / pi x 0.0032 s x (1.05 - 0.00787 x 44) of the light
    by_hand = 332944 * 184.68 / 27.04 / 3.14159265 * 0.0032 * 0.70372
    assert dn_per_light(Filter.GREEN, 0.0032, 44, 5.2 * AU_KM) == pytest.approx(by_hand, rel=1e-6)


@given(BANDS, st.floats(1e-4, 1.0), st.integers(0, 80), st.floats(7.3e8, 8.2e8))
def test_dn_grow_with_exposure_and_fall_with_the_square_of_the_distance(
    band: Filter, exposure: float, perijove: int, away: float
) -> None:
    once = dn_per_light(band, exposure, perijove, away)
    assert dn_per_light(band, 2 * exposure, perijove, away) == pytest.approx(2 * once)
    assert dn_per_light(band, exposure, perijove, 2 * away) == pytest.approx(once / 4)
    assert once == pytest.approx(dn_per_radiance(band, exposure, perijove) * radiance(1.0, band, away))


def test_only_the_tied_bands_depart_from_the_report() -> None:
    for band in (Filter.GREEN, Filter.METHANE):
        assert dn_per_radiance(band, 1.0, None) == REPORTED[band] * throughput(band, None)
    # nobody's balance has blue as bright or red as faint as the report
    assert IN_FLIGHT[Filter.BLUE] < 1 < IN_FLIGHT[Filter.RED]


def test_radiance_of_a_white_surface_by_its_definition() -> None:
    assert math.pi * radiance(1.0, Filter.RED, AU_KM) == pytest.approx(IRRADIANCE[Filter.RED])
    assert irradiance(Filter.BLUE, 2 * AU_KM) == pytest.approx(IRRADIANCE[Filter.BLUE] / 4)
    assert radiance(0.5, Filter.RED, AU_KM) == pytest.approx(radiance(1.0, Filter.RED, AU_KM) / 2)


@pytest.mark.parametrize("exposure", [0.0, -0.0032, math.nan, math.inf])
def test_an_exposure_that_is_none_is_refused(exposure: float) -> None:
    with pytest.raises(LabelError, match=r"EXPOSURE_DURATION is .* correct the label"):
        dn_per_light(Filter.RED, exposure, 44, 7.4e8)


@pytest.mark.parametrize("away", [0.0, -1.0, math.nan, math.inf])
def test_a_distance_that_is_none_is_refused(away: float) -> None:
    with pytest.raises(LabelError, match=r"SOLAR_DISTANCE is .* correct the label"):
        dn_per_light(Filter.RED, 0.0032, 44, away)


@pytest.mark.parametrize(("place", "band", "albedo"), [(0, Filter.BLUE, 0.89), (2, Filter.RED, 1.06)])
def test_ganymede_has_its_known_colours(data: Path, place: int, band: Filter, albedo: float) -> None:
    # the whole disc through every filter; its albedo over green's, within 0.03
    image = cv2.imread(str(data / "pj34-ganymede" / "JNCE_2021158_34C00002_V01-raw.jpg"), cv2.IMREAD_GRAYSCALE)
    dn = SQROOT_DN[np.asarray(image, np.uint8)].reshape(-1, 3, 128, 1648)[..., 24:1630] - 1.0
    total = np.where(dn > 30, dn, 0).sum(axis=(0, 2, 3), dtype=float)
    light = total[place] / total[1] * dn_per_light(Filter.GREEN, 1.0, 34, AU_KM) / dn_per_light(band, 1.0, 34, AU_KM)
    assert light == pytest.approx(albedo, rel=math.hypot(UNCERTAINTY[band], 0.03))
