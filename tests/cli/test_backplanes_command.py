"""`perijove backplanes` from end to end."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning
from typer.testing import CliRunner, Result

from perijove.bodies import JUPITER
from perijove.cli.app import app
from perijove.cli.backplanes import BackplanesRequest, parse_planes
from perijove.errors import UsageError
from perijove.geometry.ellipsoid import centric_from_point, intersect
from perijove.geometry.illumination import PLANES
from perijove.instrument import Camera, Filter
from perijove.io.finder import open_strip

pytestmark = pytest.mark.usefixtures("solved_once")

LINES, COUNT, FRAMES = 64, 3, 14


def run(*args: object) -> Result:
    return CliRunner().invoke(app, ["backplanes", *[str(arg) for arg in args]])


@pytest.fixture(scope="module")
def written(flight: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """All planes of the made-up strip, and what the command said of them."""
    out = tmp_path_factory.mktemp("written") / "planes.tif"
    result = run(flight.strip, "-o", out, "--planes", "all", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    (entry,) = json.loads(result.stdout)["strips"]
    return out, entry


def read(path: Path) -> tuple[dict[str, NDArray[np.float32]], dict[str, str], tuple[str, ...]]:
    """Planes by name, tags and units of a TIFF that has no place on a map."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path) as source:
            planes = dict(zip(source.descriptions, source.read(), strict=True))
            return planes, source.tags(), source.units


def test_the_bands_are_the_planes_and_lie_as_the_strip_does(flight: Any, written: Any) -> None:
    planes, tags, units = read(written[0])
    assert tuple(planes) == tuple(PLANES)
    assert units == tuple(kind.unit for kind in PLANES.values())
    assert planes["phase"].shape == open_strip(flight.strip).raw.codes.shape
    assert planes["phase"].dtype == np.float32
    assert tags["BANDS"].split(",") == list(PLANES)
    lit = np.isfinite(planes["range"])
    assert 0.05 < lit.mean() < 0.95
    for name in set(PLANES) - {"ring_radius"}:
        np.testing.assert_array_equal(np.isfinite(planes[name]), lit)


@pytest.mark.parametrize(("k", "band"), list(enumerate((Filter.BLUE, Filter.GREEN, Filter.RED))))
def test_each_framelet_holds_the_places_it_saw(flight: Any, written: Any, k: int, band: Filter) -> None:
    planes, _, _ = read(written[0])
    et = np.array(json.loads(read(written[0])[1]["PROVENANCE"])["parameters"]["middle_of_exposure_et"])
    assert len(et) == FRAMES
    frame = FRAMES // 2
    turn = JUPITER.body_from_j2000(float(et[frame]))
    line, sample = np.mgrid[1 : 2 * LINES : 2, 501:1101:2].astype(float)
    rays = Camera.measured().ray(band, line, sample) @ flight.spin.camera_from_j2000(float(et[frame])) @ turn.T
    truth = centric_from_point(intersect(turn @ flight.place, rays, JUPITER.radii_km))
    rows = slice((frame * COUNT + k) * LINES, (frame * COUNT + k + 1) * LINES)
    found = np.radians(planes["latitude"][rows, 250:550])
    # the solution is good to a pixel or two of a tenth of a degree; the next filter's framelet would be 15 deg off
    assert np.nanmedian(np.abs(found - truth[..., 0])) < np.radians(0.3)
    east = np.radians(planes["longitude"][rows, 250:550]) - truth[..., 1]
    assert np.nanmedian(np.abs(np.angle(np.exp(1j * east)))) < np.radians(0.5)


def test_the_file_says_where_it_comes_from(flight: Any, written: Any) -> None:
    out, entry = written
    assert entry["backplanes"] == {
        "path": str(out), "width": 824, "height": FRAMES * COUNT * LINES, "planes": list(PLANES),
    }  # fmt: skip
    sidecar = json.loads(out.with_name("planes.tif.json").read_text())
    assert json.loads(read(out)[1]["PROVENANCE"]) == sidecar
    assert sidecar["inputs"][0]["name"] == flight.strip.name
    assert sidecar["solution"]["pointing"] == entry["pointing"]
    assert set(sidecar["parameters"]["definitions"]) == set(PLANES)


@pytest.mark.parametrize("name", ["planes.tif", "JNCE_2022229_44C90001_V01-backplanes.tif"])
def test_what_is_there_stays_unless_it_may_be_replaced(flight: Any, tmp_path: Path, name: str) -> None:
    folder = name.startswith("JNCE")
    for there in (name, f"{name}.json"):
        (tmp_path / there).write_text("mine")
        result = run(flight.strip, "-o", tmp_path if folder else tmp_path / name)
        assert result.exit_code == 1
        assert f"{there} is there already: give another name, or --overwrite" in result.stderr
        assert (tmp_path / there).read_text() == "mine"
        (tmp_path / there).unlink()


def test_in_a_folder_files_are_named_by_their_product(tmp_path: Path) -> None:
    for strips in ((Path("a.png"),), (Path("a.png"), Path("b.png"))):
        request = BackplanesRequest(strips, tmp_path, ("phase",))
        assert request.into_folder
        assert request.path_for("JNCE_X") == tmp_path / "JNCE_X-backplanes.tif"
    assert not BackplanesRequest((Path("a.png"),), tmp_path / "b.tif", ("phase",)).into_folder


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["-o", "out.tif", "--planes", "latitude,albedo"], "there is no backplane 'albedo': give some of latitude, "),
        (["-o", "out.tif", "--planes", " , "], "no backplane was named"),
        (["-o", "out.tif", "--planes", "phase,phase"], "named twice"),
        (["-o", "out.png"], "is no folder and no TIFF: end it in .tif"),
        (["b.png", "-o", "out.tif"], "names one file for 2 strips: name a folder"),
    ],
)
def test_requests_that_make_no_sense(options: list[str], sentence: str) -> None:
    result = run("a.png", *options)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_folder_that_is_missing_is_told_before_the_work(flight: Any, tmp_path: Path) -> None:
    result = run(flight.strip, "-o", tmp_path / "none" / "planes.tif")
    assert result.exit_code == 1
    assert "there is no folder" in result.stderr


def test_planes_are_named_in_any_case_and_all_at_once() -> None:
    assert parse_planes("ALL") == tuple(PLANES)
    assert parse_planes("Sun-Azimuth, latitude") == ("sun_azimuth", "latitude")
    with pytest.raises(UsageError, match="would write over the strip"):
        BackplanesRequest((Path("a.tif"),), Path("a.tif"), ("phase",))
