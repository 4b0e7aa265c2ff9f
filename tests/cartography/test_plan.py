"""What ground a map is planned for, on made-up footprints."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from perijove.bodies import JUPITER
from perijove.cartography import plan as plan_module
from perijove.cartography.plan import plan_map
from perijove.errors import UsageError
from perijove.geometry.ellipsoid import centric_from_graphic, normal, point_from_centric
from perijove.geometry.mapextent import Bounds, Wish
from perijove.instrument import Filter
from perijove.render.footprint import Footprint

FLAT = Wish("equirectangular", scale_km=500.0)
# the Sun two degrees north of the equator, at noon over longitude 0
SUN = np.array([np.cos(np.radians(2.0)), 0.0, np.sin(np.radians(2.0))])


def strip(sun: Any = SUN, *bands: Filter) -> Any:
    return SimpleNamespace(
        body=JUPITER, middle_position=np.array([3e5, 0.0, 1e5]), middle_sun=sun, middle_et=0.0,
        calibrated=SimpleNamespace(light=dict.fromkeys(bands)),
        swaths=lambda: [SimpleNamespace(band=band) for band in bands],
    )  # fmt: skip


@pytest.fixture(autouse=True)
def seen(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Every strip sees the whole body at 50 km a pixel; how often it was asked what it sees."""
    asked = []

    def everything(observation: Any, _: float) -> Footprint:
        asked.append(1)
        lat, lon = (a.ravel() for a in np.meshgrid(np.radians(np.arange(-90, 91)), np.radians(np.arange(-180, 180))))
        up = normal(point_from_centric(lat, lon, JUPITER.radii_km), JUPITER.radii_km)
        return Footprint(lat, lon, np.full(lat.shape, 50.0), up @ observation.middle_sun > 0.0)

    monkeypatch.setattr(plan_module, "strip_footprint", everything)
    return asked


def spans(plan: Any) -> list[float]:
    """South, north and the width in longitude of a flat map, degrees."""
    grid = plan.grid
    a_degree = np.radians(1.0) * grid.projection.radius_km
    top, width, height = grid.top_km / a_degree, grid.width * 500.0 / a_degree, grid.height * 500.0 / a_degree
    return [top - height, top, width]


def test_a_pole_in_the_lowest_light_draws_no_map_around_the_body() -> None:
    plan = plan_map([strip()], FLAT, 0.2)
    assert plan.round_pole is None
    south, north, wide = spans(plan)
    # planetographic 83 S and 87 N have the noon Sun 5 degrees high; places stand a degree apart, pixels 0.4
    ends = np.degrees(centric_from_graphic(np.radians([-83.0, 87.0]), JUPITER.radii_km))
    np.testing.assert_allclose([south, north], ends, atol=1.5)
    # at the equator cos 2 deg cos H = sin 5 deg
    assert wide == pytest.approx(170.0, abs=1.5)
    assert plan.native_km == 50.0


def test_an_evenly_lit_map_is_of_ground_under_a_high_sun() -> None:
    level = strip(np.array([1.0, 0.0, 0.0]))
    # at equinox neither pole is lit, and nothing draws the map around
    as_seen, evened = (plan_map([level], FLAT, 0.2, evened=e) for e in (False, True))
    assert (as_seen.round_pole, evened.round_pole) == (None, None)
    assert spans(as_seen)[2] == pytest.approx(180.0, abs=1.5)
    # where the Sun stands 5 degrees high, up to 85 degrees from noon, which is left out for equality
    assert spans(evened)[2] == pytest.approx(169.0, abs=1.5)
    assert evened.native_km == as_seen.native_km


def test_by_night_all_that_was_seen_is_mapped_and_the_pole_is_told() -> None:
    night = strip(np.zeros(3))
    plan = plan_map([night], FLAT, 0.2)
    assert plan.round_pole == "north"
    assert spans(plan) == pytest.approx([-90.0, 90.0, 360.0], abs=0.9)
    # what was asked for needs no word
    assert plan_map([night], Wish("polar-north", scale_km=500.0), 0.2).round_pole is None
    whole = Bounds(-np.pi, -np.pi / 2, np.pi, np.pi / 2)
    assert plan_map([night], Wish("equirectangular", scale_km=500.0, bounds=whole), 0.2).round_pole is None


def test_a_map_of_usual_size_asks_each_strip_once(seen: list[int]) -> None:
    wish = Wish("equirectangular")
    fine = plan_map([strip(), strip()], wish, 0.2)
    assert fine.grid.scale_km == pytest.approx(50.0, rel=0.02)
    seen.clear()
    few = plan_map([strip(), strip()], wish, 0.2, usual_pixels=1e5)
    assert len(seen) == 2
    assert 0.5e5 < few.grid.width * few.grid.height <= 1e5
    assert few.native_km == 50.0
    # where the camera's own scale is coarse enough it stays
    assert plan_map([strip()], wish, 0.2, usual_pixels=1e9).grid == fine.grid


def test_a_map_of_several_filters_is_of_ground_seen_through_all(monkeypatch: pytest.MonkeyPatch) -> None:
    # methane sees the north from 30 N on, red the south of 50 N
    limits = {Filter.METHANE: (30.0, 90.0), Filter.RED: (-90.0, 50.0)}

    def covered(swaths: Any, body: Any, et: float, place: Any, points: Any, horizon: float) -> Any:
        ends = [np.radians(limits[swath.band]) for swath in swaths]
        latitude = np.arcsin(points[:, 2] / np.linalg.norm(points, axis=1))
        return np.stack([(latitude > south) & (latitude < north) for south, north in ends])

    monkeypatch.setattr(plan_module, "coverage", covered)
    strips = [strip(SUN, Filter.RED), strip(SUN, Filter.METHANE)]
    both = plan_map(strips, FLAT, 0.2, bands=(Filter.RED, Filter.METHANE))
    assert spans(both)[:2] == pytest.approx([30.0, 50.0], abs=1.5)
    # one filter is on one strip, which then has all of them
    assert spans(plan_map(strips, FLAT, 0.2, bands=(Filter.RED,)))[0] < -80.0
    limits[Filter.RED] = (-90.0, 20.0)
    with pytest.raises(UsageError, match="seen through all of red, methane"):
        plan_map(strips, FLAT, 0.2, bands=(Filter.RED, Filter.METHANE))
