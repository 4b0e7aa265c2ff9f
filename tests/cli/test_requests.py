from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perijove.cli.recipe_option import load_recipe
from perijove.cli.requests import (
    Depth,
    Format,
    Interpolation,
    PictureRequest,
    SolveRequest,
    Station,
    parse_place,
    parse_time,
    parse_viewpoint,
)
from perijove.errors import UsageError
from perijove.render.engine import INTERPOLATIONS

A, B = Path("a.png"), Path("b.png")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("-20.5,150", (-20.5, 150.0)),
        ("20.5S, 210W", (-20.5, 150.0)),
        ("90n,0e", (90.0, 0.0)),
        ("0,-90", (0.0, 270.0)),
        ("+1.,360", (1.0, 0.0)),
    ],
)
def test_place(text: str, place: tuple[float, float]) -> None:
    assert parse_place(text) == place


@pytest.mark.parametrize("text", ["", "1", "91,0", "0,361", "nan,0", "1,2,3", "1W,2N", "1e1,2", "0,inf"])
def test_no_place(text: str) -> None:
    with pytest.raises(UsageError, match="is no place"):
        parse_place(text)


@pytest.mark.parametrize(
    ("text", "viewpoint"),
    [
        ("earth", Station.EARTH),
        (" Sun ", Station.SUN),
        ("30N,120E,50000", (30.0, 120.0, 50000.0)),
        ("-20.5, 210W, 1.5e6 km", (-20.5, 150.0, 1.5e6)),
        ("0,0,0.5", (0.0, 0.0, 0.5)),
    ],
)
def test_viewpoint(text: str, viewpoint: object) -> None:
    assert parse_viewpoint(text) == viewpoint


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is no viewpoint"),
        ("mars", "is no viewpoint"),
        ("30,120", "is no place"),
        ("30,120,", "is no viewpoint"),
        ("30,120,-5", "is no viewpoint"),
        ("30,120,nan", "is no viewpoint"),
        ("30,120,1e99", "is no viewpoint"),
        ("95,120,1000", "--from '95,120' is no place"),
        ("30,120,0", "lies on the ground"),
    ],
)
def test_no_viewpoint(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        parse_viewpoint(text)


def test_time() -> None:
    assert parse_time("2000-01-01T11:58:55.816") == pytest.approx(0.0, abs=1e-3)
    with pytest.raises(UsageError, match="--at 'tomorrow' is not a UTC time"):
        parse_time("tomorrow")


@given(st.floats(-90, 90), st.floats(0, 359.99))
def test_east_and_west_name_the_same_place(latitude: float, longitude: float) -> None:
    east = parse_place(f"{latitude:.3f},{longitude:.3f}E")
    west = parse_place(f"{latitude:.3f},{360 - float(f'{longitude:.3f}'):.3f}W")
    assert east[0] == west[0]
    assert abs((east[1] - west[1] + 180) % 360 - 180) < 1e-9


@pytest.mark.parametrize(
    ("output", "options", "expected"),
    [
        ("x.png", {}, (Format.PNG, Depth.EIGHT)),
        ("x.PNG", {"depth": Depth.SIXTEEN}, (Format.PNG, Depth.SIXTEEN)),
        ("x.tif", {}, (Format.TIF, Depth.SIXTEEN)),
        ("x.tiff", {"format": Format.TIF, "depth": Depth.FLOAT}, (Format.TIF, Depth.FLOAT)),
        ("x.tif", {"recipe": load_recipe("linear")}, (Format.TIF, Depth.FLOAT)),
    ],
)
def test_format_and_depth(output: str, options: dict[str, object], expected: tuple[Format, Depth]) -> None:
    request = PictureRequest((A,), Path(output), **options)  # type: ignore[arg-type]
    assert (request.file_format, request.bits) == expected
    assert request.path_for("JNCE") == Path(output)


def test_several_strips_go_into_a_folder(tmp_path: Path) -> None:
    out = tmp_path / "pictures"
    assert PictureRequest((A, B), out).path_for("JNCE") == out / "JNCE.png"
    assert PictureRequest((A, B), out, format=Format.TIF).path_for("JNCE") == out / "JNCE.tif"
    assert PictureRequest((A, B), out, recipe=load_recipe("linear")).path_for("JNCE") == out / "JNCE.tif"


def test_one_strip_goes_into_a_folder_that_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "odd.tif"
    folder.mkdir()
    request = PictureRequest((A,), folder)
    assert request.path_for("JNCE") == folder / "JNCE.png"
    assert request.file_format is Format.PNG


@pytest.mark.parametrize(
    ("strips", "output", "options", "told"),
    [
        ((), "x.png", {}, "no strip"),
        ((A, Path("./a.png").absolute()), "out", {}, "given twice"),
        ((A, B), "x.png", {}, "names one file for 2 strips"),
        ((A,), "x", {}, "no known format"),
        ((A,), "x.jpg", {}, "no known format"),
        ((A,), "x.png", {"format": Format.TIF}, "does not go with --format tif"),
        ((A,), "x.png", {"depth": Depth.FLOAT}, "png holds 8 or 16 bits, not 32: write a .tif"),
        ((A,), "x.tif", {"depth": Depth.EIGHT}, "tif holds 16 or 32 bits, not 8: give 16 or 32"),
        ((A,), "x.png", {"recipe": load_recipe("linear")}, r"not 32 \(recipe linear\): write a .tif"),
        ((A,), "x.tif", {"recipe": load_recipe("linear"), "depth": Depth.SIXTEEN}, "floating point"),
        ((A,), "a.png", {}, "would write over the strip"),
        ((A,), "x.png", {"report": Path("x.png")}, "would write over -o"),
        ((A,), "x.tif", {"annotate": True, "recipe": load_recipe("linear")}, "--annotate would write over"),
        ((A,), "x.png", {"size": 1}, "--size 1"),
        ((A,), "x.png", {"size": 70000}, "--size 70000"),
        ((A,), "x.png", {"fov_deg": 180.0}, "--fov 180"),
        ((A,), "x.png", {"fov_deg": float("nan")}, "--fov nan"),
        ((A,), "x.png", {"credit": "a\x1b[0mb"}, "--credit"),
        ((A,), "x.png", {"with_sigma": True}, "--with-sigma goes with I/F"),
        ((A,), "x.tif", {"with_quality": True, "recipe": load_recipe("enhanced")}, "--with-quality goes with I/F"),
        ((A,), "x.png", {"white_balance": "blue"}, "--white-balance is 'blue'"),
        ((A,), "x.png", {"white_balance": "1,0,2"}, "--white-balance is '1,0,2'"),
        ((A,), "x.tif", {"white_balance": "perijove", "recipe": load_recipe("linear")}, "would make the I/F"),
    ],
)
def test_pictures_that_make_no_sense(
    strips: tuple[Path, ...], output: str, options: dict[str, object], told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        PictureRequest(strips, Path(output), **options)  # type: ignore[arg-type]


def test_solutions_that_make_no_sense() -> None:
    with pytest.raises(UsageError, match="no strip"):
        SolveRequest(())
    with pytest.raises(UsageError, match=r"end its name in \.png"):
        SolveRequest((A,), plot=Path("plot.pdf"))
    with pytest.raises(UsageError, match="would write over the strip"):
        SolveRequest((A,), output=A)


def test_interpolations_are_those_of_the_renderer() -> None:
    assert set(Interpolation) == set(INTERPOLATIONS)
