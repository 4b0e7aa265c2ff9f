"""`perijove mosaic` from end to end, on a made-up strip taken twice, and what it refuses."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import rasterio
from typer.testing import CliRunner, Result

from perijove.cli import mosaic as mosaic_module
from perijove.cli import mosaic_strips
from perijove.cli.app import app
from perijove.cli.common import Steps
from perijove.cli.mosaic_request import MosaicRequest
from perijove.cli.mosaic_strips import Gathered
from perijove.cli.requests import Station
from perijove.errors import PointingError
from perijove.io.maps import read_map
from perijove.observation import Together, begin, together

NAMES = ("JNCE_2022229_44C90001_V01", "JNCE_2022229_44C90002_V01")


def run(*args: object) -> Result:
    return CliRunner().invoke(app, ["mosaic", *[str(arg) for arg in args]])


def twice(flown: Callable[..., Path], folder: Path, **second: object) -> tuple[Path, Path]:
    """The made-up strip under two names, each with a label; `second` replaces keywords of the other one's."""
    first = flown(folder=folder)
    facts = json.loads(next(folder.glob("9*.json")).read_text())
    other = first.with_name(f"{NAMES[1]}-raw.png")
    other.write_bytes(first.read_bytes())
    (folder / "90002-Metadata.json").write_text(
        json.dumps({**facts, "PRODUCT_ID": NAMES[1], "FILE_NAME": other.name, **second})
    )
    return first, other


@dataclass(frozen=True)
class Made:
    """A mosaic made by the command, what it said, and the strips as they were solved."""

    strips: tuple[Path, Path]
    out: Path
    result: Result
    gathered: Gathered


@pytest.fixture(scope="module")
def made(flight: Any, tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("mosaic")

    def flown(folder: Path) -> Path:
        strip = folder / flight.strip.name
        strip.write_bytes(flight.strip.read_bytes())
        (folder / flight.label.name).write_bytes(flight.label.read_bytes())
        return strip

    strips, out = twice(flown, folder), folder / "mosaic.tif"
    found: list[Gathered] = []
    gather = mosaic_module.gather

    def keep(*args: Any) -> Gathered:
        found.append(gather(*args))
        return found[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mosaic_module, "gather", keep)
        options = ("--ppd", 2, "--with-sigma", "--with-sources", "--winds", folder / "winds.csv", "--json")
        result = run(*strips, "-o", out, *options)
    assert (result.exit_code, result.stderr) == (0, "")
    return Made(strips, out, result, found[0])


@pytest.fixture
def solved(made: Made, monkeypatch: pytest.MonkeyPatch) -> Made:
    """The same; the command takes its strips as they were solved."""
    monkeypatch.setattr(mosaic_module, "gather", lambda *_: made.gathered)
    return made


def test_the_report_names_strips_fit_light_and_product(made: Made) -> None:
    said = json.loads(made.result.stdout)
    # taken at the same time, to the last bits of the solution, they come in either order
    assert sorted(strip["product_id"] for strip in said["strips"]) == list(NAMES)
    told = said["mosaic"]
    assert (told["left_out"], told["alone"]) == ([], [])
    assert [strip["product_id"] for strip in told["fit"]["strips"]] == list(NAMES)
    # one image seen twice: nothing differs, nothing moves
    assert told["fit"]["pairs"][0]["latitude_px"] < 0.05
    for strip in told["light"]["strips"]:
        assert list(strip["gain"].values()) == pytest.approx([1.0] * 3, abs=2e-3)
    with rasterio.open(made.out) as file:
        assert (said["product"]["width"], said["product"]["height"]) == (file.width, file.height)


def test_layers_tell_light_sigma_and_where_it_is_from(made: Made) -> None:
    raster = read_map(made.out)
    names = [layer.name for layer in raster.layers]
    colours = ["RED", "GREEN", "BLUE"]
    assert names == [*colours, *(f"{c} sigma" for c in colours), "strip", "time", "count", "rejected"]
    assert all(name in raster.layers[6].description for name in NAMES)
    rows = dict(zip(names, raster.rows(0, raster.height), strict=True))
    seen = np.isfinite(np.asarray(rows["GREEN"], dtype=float))
    assert seen.any()
    assert set(np.unique(rows["strip"][seen])) <= {0.0, 1.0}
    assert set(np.unique(rows["count"][seen])) <= {1.0, 2.0}
    assert np.isnan(np.asarray(rows["strip"][~seen], dtype=float)).all()


def test_winds_go_into_a_table_and_a_plot(made: Made) -> None:
    table = made.out.with_name("winds.csv").read_text()
    assert "east_m_s" in table
    assert made.out.with_name("winds.png").read_bytes().startswith(b"\x89PNG")


def test_the_order_of_the_strips_changes_no_bit(made: Made, tmp_path: Path) -> None:
    out = tmp_path / made.out.name
    options = ("--ppd", 2, "--with-sigma", "--with-sources", "--winds", tmp_path / "winds.csv", "-q")
    assert run(*reversed(made.strips), "-o", out, *options).exit_code == 0
    for name in (made.out.name, "winds.csv"):
        first, other = (hashlib.sha256((folder / name).read_bytes()) for folder in (made.out.parent, tmp_path))
        assert first.hexdigest() == other.hexdigest(), name


def test_it_is_made_again_bit_for_bit(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def elsewhere(request: MosaicRequest, _: object) -> Gathered:
        # the strips as they were solved, from where they are found now
        places = {path.name: path for path in request.strips}
        moved = [replace(o, raw=replace(o.raw, path=places[o.raw.path.name])) for o in made.gathered.observations]
        return replace(made.gathered, observations=moved)

    monkeypatch.setattr(mosaic_module, "gather", elsewhere)
    result = CliRunner().invoke(app, ["repeat", str(made.out), "-o", str(tmp_path / "again.tif")])
    assert (result.exit_code, result.stderr) == (0, "")
    assert (tmp_path / "again.tif").read_bytes() == made.out.read_bytes()


def test_a_picture_from_the_spacecraft(solved: Made, tmp_path: Path) -> None:
    out = tmp_path / "seen.png"
    options = ("--view", "spacecraft", "--size", 200, "--recipe", "backlit", "--sky", "keep", "--caption", "Here")
    result = run(*solved.strips, "-o", out, *options, "--epoch", "90002", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    said = json.loads(result.stdout)
    assert said["product"]["from"] == "the spacecraft"
    origin = json.loads(out.with_name("seen.png.json").read_text())
    assert {source["product_id"] for source in origin["inputs"] if source["kind"] == "strip"} == set(NAMES)
    assert origin["parameters"]["epoch_utc"] == said["mosaic"]["epoch_utc"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--epoch", "yesterday"), "neither a time"),
        (("--epoch", "44C9"), "give more of one name"),
        (("--epoch", "2022-08-19T00:00:00"), "more than 12 hours from the nearest strip"),
        (("--size", "400"), "--size is of a picture"),
        (("--view", "spacecraft", "--ppd", "2"), "--ppd is of a map"),
        (("--no-wind", "--winds", "w.csv"), "give one of them"),
        (("--winds", "w.txt"), "end its name in .csv"),
        (("--depth", "16"), "leave --depth out"),
        (("--sky", "keep"), "give --recipe backlit"),
        (("--sky", "keep", "--recipe", "natural"), "natural"),
        (("--recipe", "natural", "--with-sources"), "goes with a map of I/F"),
    ],
)
def test_what_makes_no_sense_is_refused(
    solved: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*solved.strips, "-o", "out.tif", *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert told in " ".join(result.stderr.split())
    assert not list(tmp_path.iterdir())


def test_one_strip_is_no_mosaic(solved: Made, tmp_path: Path) -> None:
    result = run(solved.strips[0], "-o", tmp_path / "out.tif")
    assert result.exit_code == 2
    assert "give two or more" in result.stderr


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"TARGET_NAME": "IO"}, "shows IO"),
        ({"START_TIME": "2022-09-29T09:00:00.000", "STOP_TIME": "2022-09-29T09:00:10.000"}, "of another pass"),
    ],
)
def test_strips_of_other_bodies_and_passes_end_it(
    flown: Callable[..., Path], tmp_path: Path, facts: dict[str, object], told: str
) -> None:
    first, other = twice(flown, tmp_path / "strips", **facts)
    result = run(first, other, "-o", tmp_path / "out.tif")
    assert (result.exit_code, result.stdout) == (2, "")
    assert told in result.stderr
    # going on leaves one, which is no mosaic
    result = run(first, other, "-o", tmp_path / "out.tif", "--keep-going")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no mosaic can be made" in result.stderr
    assert not (tmp_path / "out.tif").exists()


def test_an_unreadable_strip_is_left_out_only_when_asked(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        mosaic_strips, "solve_together", lambda *_: Together(tuple(made.gathered.observations), (made.gathered.fit,))
    )
    first, other = made.strips
    broken = tmp_path / "JNCE_2022229_44C90003_V01-raw.png"
    broken.write_bytes(b"no picture")
    out = tmp_path / "out.tif"
    result = run(first, other, broken, "-o", out, "--scale", 4000)
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"leave {broken.name} out" in result.stderr
    assert not out.exists()
    # one of another pass is left out as well, and its name, the first of all, is in no one's way
    stranger = tmp_path / "JNCE_2022228_44C00001_V01-raw.png"
    stranger.write_bytes(first.read_bytes())
    facts = json.loads(next(first.parent.glob("9*.json")).read_text())
    times = {"START_TIME": "2022-07-01T09:00:00.000", "STOP_TIME": "2022-07-01T09:00:10.000"}
    named = {"PRODUCT_ID": stranger.name.removesuffix("-raw.png"), "FILE_NAME": stranger.name}
    (tmp_path / "00001-Metadata.json").write_text(json.dumps({**facts, **named, **times}))
    options = ("--scale", 4000, "--no-wind", "--keep-stray-light", "--keep-going", "--json")
    result = run(stranger, first, broken, other, "-o", out, *options)
    assert result.exit_code == 3
    told = {one["strip"]: one["why"] for one in json.loads(result.stdout)["mosaic"]["left_out"]}
    assert list(told) == [named["PRODUCT_ID"], broken.name]
    assert "is of another pass" in told[named["PRODUCT_ID"]]
    # a repetition has no need of either
    for path in (stranger, broken, tmp_path / "00001-Metadata.json"):
        path.unlink()
    again = CliRunner().invoke(app, ["repeat", str(out), "--inputs", str(first.parent)])
    assert (again.exit_code, again.stderr) == (0, "")
    assert (tmp_path / "out-repeated.tif").read_bytes() == out.read_bytes()


@pytest.mark.parametrize("keep_going", [False, True])
def test_a_strip_outside_the_orbit_is_left_out_only_when_asked(
    flown: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep_going: bool
) -> None:
    first, other = twice(flown, tmp_path / "strips")
    facts = json.loads((first.parent / "90002-Metadata.json").read_text())
    late = first.with_name("JNCE_2022229_44C90003_V01-raw.png")
    late.write_bytes(first.read_bytes())
    (first.parent / "90003-Metadata.json").write_text(
        json.dumps(
            {
                **facts,
                "PRODUCT_ID": late.name.removesuffix("-raw.png"),
                "FILE_NAME": late.name,
                "START_TIME": "2022-08-17T23:30:00.000",
                "STOP_TIME": "2022-08-17T23:30:05.000",
            }
        )
    )
    told = []

    def solve(exposures: Any, *_: object, **__: object) -> None:
        told.append([e.product_id for e in exposures])
        raise PointingError("far enough")

    dark = SimpleNamespace(light={}, binning=2, full_dn=4095.0)
    monkeypatch.setattr(begin, "calibrate", lambda *_, **__: dark)
    monkeypatch.setattr(together, "solve_together", solve)
    keep = ("--keep-going",) if keep_going else ()
    result = run(first, other, late, "-o", tmp_path / "out.tif", *keep)
    assert (result.exit_code, result.stdout) == (1, "")
    assert told == ([list(NAMES)] if keep_going else [])
    assert ("far enough" if keep_going else f"({late.name[:-8]}: it was taken too long") in result.stderr
    assert keep_going or "leave it out, or give --keep-going" in result.stderr


@dataclass(frozen=True)
class Fused:
    """What a view from elsewhere asks of planes."""

    light: np.ndarray[Any, np.dtype[np.float32]]
    hit: np.ndarray[Any, np.dtype[np.bool_]]
    native: float


@pytest.mark.parametrize(("scale", "native"), [(0.02, 0.02), (900.0, 4.0), (np.nan, 4.0)])
def test_from_elsewhere_a_camera_pixel_is_as_large_as_its_ground(
    monkeypatch: pytest.MonkeyPatch, scale: float, native: float
) -> None:
    """The angle that it has from Juno would be ten thousands of pixels seen from the Earth."""
    one = np.ones((1, 2, 2), np.float32)
    planes = Fused(one, np.ones((2, 2), np.bool_), 1e4)
    fused: Any = SimpleNamespace(mosaic=SimpleNamespace(planes=lambda *_: SimpleNamespace(planes=planes)))
    framed = SimpleNamespace(view=SimpleNamespace(height=2), numbers={"native_scale": scale})
    standing = SimpleNamespace(name="the Earth", horizon=None)
    monkeypatch.setattr(mosaic_module, "framed_view", lambda *_: (standing, framed))
    monkeypatch.setattr(mosaic_module, "prepared_mosaic", lambda *_: fused)
    request: Any = SimpleNamespace(picture=SimpleNamespace(viewpoint=Station.EARTH))
    nothing: Any = None
    assert mosaic_module.drawn_mosaic(nothing, request, Steps(quiet=True)).planes.native == native
