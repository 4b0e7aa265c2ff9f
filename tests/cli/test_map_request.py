"""What may be asked of `perijove map`: numbers of bounds and centre, and what is refused before a file is opened."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from perijove.cli.app import app
from perijove.cli.map import chosen_bands, horizon_of, wish_of
from perijove.cli.map_request import (
    Longitudes,
    MapRequest,
    ProjectionName,
    parse_backplanes,
    parse_bounds,
    parse_centre,
    parse_names,
)
from perijove.cli.recipe_option import load_recipe
from perijove.cli.requests import Depth
from perijove.errors import UsageError
from perijove.instrument import Filter

EAST, WEST = Longitudes.EAST, Longitudes.WEST


@pytest.mark.parametrize(
    ("text", "longitudes", "expected"),
    [
        ("-30,-20,60,45", EAST, (-30, -20, 60, 45)),
        (" -30 , -20. ,+60.5, 45", EAST, (-30, -20, 60.5, 45)),
        ("30W,20S,60E,45N", EAST, (-30, -20, 60, 45)),
        ("30w,20s,60 e,45 n", EAST, (-30, -20, 60, 45)),
        ("0,-90,360,90", EAST, (0, -90, 360, 90)),
        ("170,-10,-170,10", EAST, (170, -10, -170, 10)),
        ("210,-10,180,10", WEST, (-210, -10, -180, 10)),
        ("-30,-10,-60,10", WEST, (30, -10, 60, 10)),
        # a letter says more than the usual way
        ("30W,20S,60E,45N", WEST, (-30, -20, 60, 45)),
        ("30W,-10,10,10", WEST, (-30, -10, -10, 10)),
    ],
)
def test_bounds(text: str, longitudes: Longitudes, expected: tuple[float, ...]) -> None:
    assert parse_bounds(text, longitudes) == expected


@pytest.mark.parametrize(
    "text",
    ["", "1,2,3", "1,2,3,4,5", "a,-20,60,45", "-30,-20,60,", "-30;-20;60;45", "30N,-20,60,45", "-30,20E,60,45",
     "-30W,-20,60,45", "nan,-20,60,45", "inf,-20,60,45", "1e2,-20,160,45", "1000,-20,60,45", "-30,-20,60,95",
     "-30,-95,60,45", "-30,45,60,-20", "-30,20,60,20", "400,-20,60,45", "60,-20,60,45", "60W,-20,60W,45"],
)  # fmt: skip
@pytest.mark.parametrize("longitudes", [EAST, WEST])
def test_bounds_that_are_none(text: str, longitudes: Longitudes) -> None:
    with pytest.raises(UsageError) as caught:
        parse_bounds(text, longitudes)
    assert str(caught.value).startswith(f"--bounds {text!r}")


@given(
    west=st.integers(-360, 359), south=st.integers(-90, 89), span=st.integers(1, 360), tall=st.integers(1, 180),
    letters=st.booleans(),
)  # fmt: skip
def test_bounds_come_back(west: int, south: int, span: int, tall: int, letters: bool) -> None:
    east, north = min(west + span, 360), min(south + tall, 90)
    numbers = (west, south, east, north)
    text = ",".join(str(v) for v in numbers)
    if letters:
        text = ",".join(f"{abs(v)}{way[v < 0]}" for v, way in zip(numbers, ("EW", "NS", "EW", "NS"), strict=True))
    assert parse_bounds(text, EAST) == numbers
    mirrored = ",".join(str(v) for v in (-west, south, -east, north))
    assert parse_bounds(mirrored, WEST) == numbers


@pytest.mark.parametrize(
    ("text", "longitudes", "expected"),
    [("-20,150", EAST, (-20, 150)), ("20S,210W", EAST, (-20, -210)), ("90,0", EAST, (90, 0)),
     ("-20,150", WEST, (-20, -150)), ("20N,150E", WEST, (20, 150))],
)  # fmt: skip
def test_centres(text: str, longitudes: Longitudes, expected: tuple[float, float]) -> None:
    assert parse_centre(text, longitudes) == expected


@pytest.mark.parametrize("text", ["", "20", "20,30,40", "95,0", "20,400", "20W,30", "20,30N", "north,0", "-20S,10"])
def test_centres_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="is no place: give latitude and longitude in degrees, as -20,150"):
        parse_centre(text, EAST)


def test_names() -> None:
    assert parse_names(" red, ,green,") == ("red", "green")
    assert parse_backplanes("ALL") == ("all",)
    assert parse_backplanes("Sun-Azimuth, time") == ("sun_azimuth", "time")
    for text in ("albedo", "time,time", "all,time"):
        with pytest.raises(UsageError, match=f"^--backplanes {text!r}"):
            parse_backplanes(text)


def request(*strips: str, **more: Any) -> MapRequest:
    return MapRequest(tuple(Path(s) for s in strips or ("a.png",)), **{"output": Path("m.tif"), **more})


def test_what_goes_with_a_file_where_nothing_else_is_said() -> None:
    plain, picture = request(), request(output=Path("m.png"))
    assert (plain.chosen_recipe, plain.dtype) == (load_recipe("linear"), "float32")
    assert (picture.chosen_recipe, picture.dtype) == (load_recipe("natural"), "uint8")
    assert request(recipe=load_recipe("enhanced")).dtype == "uint8"
    assert request(depth=Depth.SIXTEEN).dtype == "uint16"
    assert request(depth=Depth.FLOAT, recipe=load_recipe("natural")).dtype == "float32"
    two = request("a.png", "b.png", output=Path("maps"))
    assert two.into_folder
    assert two.path_for("JNCE_X") == Path("maps/JNCE_X.tif")
    assert request(with_light=False, backplanes=("phase",)).path_for("JNCE_X") == Path("m.tif")


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [((-30, -20, 60, 45), (-30, 60)), ((170, -10, -170, 10), (170, 190)), ((0, -10, 360, 10), (0, 360)),
     ((-180, -10, 180, 10), (-180, 180)), ((180, -10, -180, 10), (180, 540)), ((-300, -10, 350, 10), (-300, -10)),
     ((350, -10, -350, 10), (350, 370)), ((0, -10, -360, 10), (0, 360))],
)  # fmt: skip
def test_bounds_go_eastwards_and_not_beyond_a_turn(bounds: tuple[float, ...], expected: tuple[float, float]) -> None:
    from types import SimpleNamespace

    import numpy as np

    from perijove.bodies import JUPITER

    seen: Any = SimpleNamespace(body=JUPITER)
    wish = wish_of(request(bounds_deg=bounds, ppd=4.0, centre_deg=(10.0, -50.0)), seen)
    assert wish.bounds is not None
    assert np.degrees([wish.bounds.west, wish.bounds.east]) == pytest.approx(expected)
    assert wish.scale_km == pytest.approx(2 * np.pi * 71492 / 1440)
    assert np.degrees(wish.centre) == pytest.approx((10.0, -50.0))


def test_bands_and_horizon() -> None:
    assert chosen_bands(request()) is None
    assert chosen_bands(request(bands=("red", "Blue", "RED"))) == (Filter.RED, Filter.BLUE)
    with pytest.raises(UsageError, match="--bands infrared is no filter: give some of "):
        chosen_bands(request(bands=("infrared",)))
    assert horizon_of(request(max_emission_deg=60.0)) == pytest.approx(0.5)
    assert horizon_of(request(max_emission_deg=90.0)) == pytest.approx(0.0, abs=1e-15)
    assert horizon_of(request(max_emission_deg=90.0)) >= 0.0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["-o", "m.jpg"], "m.jpg names no kind of map: end it in"),
        (["-o", "m"], "m names no kind of map"),
        (["-o", "m.tif", "--scale", "10", "--ppd", "4"], "--scale and --ppd both set the scale"),
        (["-o", "m.tif", "--scale", "0"], "--scale 0 cannot be: give a number above 0"),
        (["-o", "m.tif", "--scale", "-3"], "--scale -3 cannot be"),
        (["-o", "m.tif", "--scale", "nan"], "--scale nan cannot be"),
        (["-o", "m.tif", "--ppd", "inf"], "--ppd inf cannot be"),
        (["-o", "m.tif", "--max-emission", "0"], "--max-emission 0 cannot be"),
        (["-o", "m.tif", "--max-emission", "91"], "--max-emission 91 cannot be"),
        (["-o", "m.tif", "--max-emission", "nan"], "--max-emission nan cannot be"),
        (["-o", "m.tif", "--altitude", "1000"], "--altitude goes with --projection perspective"),
        (["-o", "m.tif", "--projection", "perspective", "--altitude", "0"], "--altitude 0 cannot be"),
        (["-o", "m.tif", "--bounds", "1,2,3"], "--bounds '1,2,3' are none"),
        (["-o", "m.tif", "--bounds", "0,20,10,10"], "south before north"),
        (["-o", "m.tif", "--centre", "here"], "--centre 'here' is no place"),
        (["-o", "m.tif", "--bands", "infrared"], "--bands infrared is no filter"),
        (["-o", "m.tif", "--bands", ","], "--bands names no filter"),
        (["-o", "m.tif", "--backplanes", "albedo"], "there is no backplane 'albedo': give some of latitude"),
        (["-o", "m.tif", "--backplanes", "time,time"], "named twice"),
        (["-o", "m.tif", "--photometry", "shiny"], "--photometry shiny is no model"),
        (["-o", "m.tif", "--depth", "8"], "8 bits are too few for linear light"),
        (["-o", "m.tif", "--depth", "16", "--with-sigma"], "need floating point: leave out --depth"),
        (["-o", "m.tif", "--annotate"], "--annotate would write over the I/F"),
        (["-o", "m.tif", "--white-balance", "perijove"], "would make the I/F of recipe linear false"),
        (["-o", "m.tif", "--recipe", "natural", "--with-sigma"], "--with-sigma goes with I/F"),
        (["-o", "m.tif", "--recipe", "natural", "--backplanes", "phase"], "--backplanes goes with I/F"),
        (["-o", "m.png", "--recipe", "linear"], "m.png cannot hold linear light"),
        (["-o", "m.png", "--depth", "32"], "m.png cannot hold floating point"),
        (["-o", "m.png", "--with-quality"], "--with-quality goes with I/F, not with a picture for the eye: write a"),
        (["-o", "m.png", "--white-balance", "pink"], "pink"),
        (["-o", "m.fits", "--format", "cog"], "m.fits does not go with format cog"),
        (["b.png", "-o", "m.tif"], "names one map for 2 strips: name a folder"),
        (["a.png", "-o", "maps"], "a.png is given twice"),
        (["-o", "a.png"], "would write over the strip"),
        (["-o", "m.tif", "--report", "m.tif"], "would write over"),
        (["-o", "m.tif", "--report", "m.tif.json"], "would write over"),
    ],
)
def test_misuse_is_one_sentence(options: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["map", "a.png", *options])
    assert result.exit_code == 2, result.stderr
    assert result.stdout == ""
    assert told in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("perijove: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--size", "100", "--projection", "laea"], "--size is that of a picture, --projection that of a map"),
        (["--scale", "10"], "those of a map: give --projection too"),
        (["--longitudes", "west"], "those of a map: give --projection too"),
        (["--max-emission", "60"], "those of a map: give --projection too"),
        (["--projection", "laea", "--bounds", "x"], "--bounds 'x' are none"),
    ],
)
def test_misuse_of_backplanes_of_maps(
    options: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["backplanes", "a.png", "-o", "b.tif", *options])
    assert (result.exit_code, result.stdout) == (2, "")
    assert told in result.stderr
    assert result.stderr.count("\n") == 1


def test_projections_are_those_of_the_geometry() -> None:
    from perijove.geometry.projection import KINDS

    assert {kind.value for kind in ProjectionName} == set(KINDS)
