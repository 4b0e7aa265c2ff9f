"""A real strip of perijove 44, written as kernels and read back: the same times, places, looks and errors."""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from perijove.cli.common import Steps
from perijove.cli.geometry_options import GeometryRequest, PointingBy
from perijove.cli.kernels import stage_kernels
from perijove.cli.solve import solve_strips
from perijove.errors import PerijoveWarning
from perijove.instrument import FOCAL_LENGTH_PX
from perijove.io.atomic import Staged
from perijove.observation import Observation

pytestmark = pytest.mark.usefixtures("solved_once")

pytest.importorskip("spiceypy", reason="spiceypy is not installed")

STRIP = "pj44/JNCE_2022229_44C00029_V01-raw.png"


@dataclass(frozen=True)
class Written:
    strip: Path
    solved: Observation
    kernels: tuple[Path, ...]

    def read(self, by: PointingBy) -> Observation:
        (found,) = solve_strips(
            [self.strip], None, Steps(quiet=True), None, GeometryRequest(kernels=self.kernels, pointing=by)
        )
        return found


@pytest.fixture(scope="module")
def written(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("own")
    (solved,) = solve_strips([data / STRIP], None, Steps(quiet=True))
    ck, spk, sclk = (folder / name for name in ("own.bc", "own.bsp", "own.tsc"))
    with Staged() as staged:
        stage_kernels(staged, [solved], ck, spk, sclk)
    return Written(data / STRIP, solved, (ck, spk, sclk))


def test_as_they_are_they_are_the_solution(written: Written) -> None:
    with warnings.catch_warnings(action="error"):
        back = written.read(PointingBy.KERNEL).pointing
    truth = written.solved.pointing
    assert back.source == "kernel"
    # microseconds, in which the camera turns by thousandths of a pixel
    np.testing.assert_allclose(back.et, truth.et, rtol=0, atol=1e-6)
    np.testing.assert_allclose(back.position_km, truth.position_km, rtol=0, atol=1e-3)
    turned = back.spin.camera_from_j2000(back.et) @ np.swapaxes(truth.spin.camera_from_j2000(truth.et), 1, 2)
    assert np.abs(turned - np.eye(3)).max() * FOCAL_LENGTH_PX < 0.01
    for band in written.solved.calibrated.light:
        np.testing.assert_allclose(back.camera.centre(band), truth.camera.centre(band), rtol=0, atol=2e-6)
        assert back.camera.focal_length(band) == pytest.approx(truth.camera.focal_length(band), rel=1e-8)
    assert back.start_offset_s == pytest.approx(truth.start_offset_s, abs=1e-6)
    assert back.interframe_s == pytest.approx(truth.interframe_s, abs=1e-7)
    # and it is worth what it was, no more
    assert back.sigma_px == pytest.approx(truth.sigma_px, rel=1e-5)
    for name in ("offset", "interframe", "x", "y", "z", "vx", "vy", "vz"):
        assert back.sigmas[name] == pytest.approx(truth.sigmas[name], rel=0.02), name


def test_the_image_is_not_told_what_it_told_itself(written: Written) -> None:
    with pytest.warns(PerijoveWarning, match="own.bc: solved from images, which are asked again") as told:
        again = written.read(PointingBy.BOTH).pointing
    assert len(told) == 1
    truth = written.solved.pointing
    assert again.source == truth.source
    # the second look comes to the same, within a part of its error, and knows it no better than the first
    assert again.sigma_px == pytest.approx(truth.sigma_px, rel=0.1)
    for name in ("ra", "dec", "offset", "interframe", "x", "y", "z"):
        assert again.sigmas[name] > 0.9 * truth.sigmas[name], name
    assert abs(again.et[0] - truth.et[0]) < truth.sigmas["offset"]
    turned = again.spin.camera_from_j2000(again.et) @ np.swapaxes(truth.spin.camera_from_j2000(again.et), 1, 2)
    assert np.abs(turned - np.eye(3)).max() * FOCAL_LENGTH_PX < 3.0 * truth.sigma_px
