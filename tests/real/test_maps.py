"""Maps of real strips: two strips agree on the ground but for the winds, and projections with each other."""

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy.ndimage import fourier_shift, gaussian_filter

pytestmark = pytest.mark.usefixtures("solved_once")

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bench() -> Iterator[ModuleType]:
    """The functions of benchmarks/real_maps.py, which is no package of the distribution."""
    before = set(sys.modules)
    sys.path.insert(0, str(ROOT))
    yield import_module("benchmarks.real_maps")
    sys.path.remove(str(ROOT))
    for name in set(sys.modules) - before:
        if name.split(".")[0] == "benchmarks":
            del sys.modules[name]


@pytest.fixture(scope="module")
def maps(bench: ModuleType, data: Path, tmp_path_factory: pytest.TempPathFactory):
    """44C00029 and 44C00030, solved jointly, on one equirectangular grid of the camera's own scale."""
    folder = tmp_path_factory.mktemp("maps")
    return bench.mapped(folder, bench.FIRST, bench.SECOND, data=data, backplanes=bench.GEOMETRY, bounds="0,20,60,70")


@pytest.fixture(scope="module")
def found(bench: ModuleType, data: Path, maps):
    return bench.drift(*maps, bench.wind_table(data), apart=1.7)


def test_registration_finds_a_known_shift(bench: ModuleType) -> None:
    # a periodic scene, moved exactly by its spectrum
    scene = 1.0 + 0.2 * gaussian_filter(np.random.default_rng(3).normal(size=(160, 240)), 2.0, mode="wrap") / 0.14
    shift = np.array([0.37, -1.42])
    moved = np.fft.ifft2(fourier_shift(np.fft.fft2(scene), shift)).real
    seen = bench.register(scene.astype(np.float32), moved.astype(np.float32), np.ones(scene.shape, bool))
    assert len(seen.shift) >= 20
    assert seen.correlation.min() > 0.99
    np.testing.assert_allclose(seen.shift, np.broadcast_to(shift, seen.shift.shape), atol=0.02)


def test_clouds_keep_their_latitude(found) -> None:
    assert len(found) > 300
    assert np.median(np.abs(found.north)) <= 0.3
    assert abs(np.mean(found.north)) <= 0.3


def test_clouds_move_with_the_zonal_wind(bench: ModuleType, found) -> None:
    # the epochs of the labels, 13:16:12 and 13:25:48
    assert np.abs(found.seconds - 576.0).max() < 5.0
    known = np.isfinite(found.zonal)
    # without any correction: eastward is eastward, jet by jet
    assert np.corrcoef(found.east[known], found.zonal[known])[0, 1] > 0.5
    winds = bench.winds_of(found, found.east)
    assert len(winds.wind) >= 25
    assert winds.correlation > 0.8
    # as fast as the table says, once the strips' own error in pointing is taken off
    pointing = bench.pointing_error(found)
    assert bench.winds_of(found, pointing.east).slope == pytest.approx(1.0, abs=0.35)
    # which is no more than the solution says of itself: 0.27 and 0.30 px
    assert np.abs(pointing.turn[:2]).max() < 0.3


def test_winds_fit_at_their_latitudes_alone(bench: ModuleType, data: Path, maps, found) -> None:
    """A table read in the wrong kind of latitude, up to 3.8 deg off, or upside down does not fit."""
    table, winds = bench.wind_table(data), bench.winds_of(found, found.east)
    degree = np.degrees(maps[0].scale_km / 71492.0)

    def fit(latitude: np.ndarray) -> float:
        return float(np.corrcoef(winds.wind, bench.table_wind(table, latitude, degree))[0, 1])

    as_centric = np.degrees(np.arctan(np.tan(np.radians(winds.latitude)) * (66854 / 71492) ** 2))
    right = fit(winds.latitude)
    assert right > 0.8
    assert right > fit(as_centric) + 0.3
    assert right > fit(-winds.latitude) + 0.3


def test_polar_and_equirectangular_maps_agree(bench: ModuleType, data: Path, maps, tmp_path: Path) -> None:
    flat = maps[0]
    # both strips again: one by itself is not pointed alike
    polar = bench.mapped(
        tmp_path, bench.FIRST, bench.SECOND, data=data, projection=bench.ProjectionName.POLAR_NORTH,
        bounds="-180,18,180,90", scale_km=flat.scale_km,
    )[0]  # fmt: skip
    by_gdal = bench.compare_warped(flat, bench.warp_onto(flat, polar, "GREEN"))
    exactly = bench.compare_warped(flat, bench.warp_exactly(flat, polar, "GREEN"))
    for seen in (by_gdal, exactly):
        assert seen.count > 100
        assert seen.length <= 0.1
        assert seen.p95 <= 0.1
        assert seen.ratio == pytest.approx(1.0, abs=1e-3)
        assert seen.departure < 5e-3
    # what GDAL takes as straight is most of it
    assert exactly.length <= 0.02
