"""The options by which strips are placed: what they take, what they refuse and how, and where the help has them."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.main import get_command
from typer.testing import CliRunner, Result

from perijove.cli.app import app
from perijove.cli.geometry_options import (
    GeometryRequest,
    PointingBy,
    parse_measure,
    parse_start,
    with_geometry,
)
from perijove.errors import UsageError
from perijove.label import Given

OPTIONS = [
    "--target", "--trajectory", "--frame", "--trajectory-sigma", "--start", "--interframe", "--exposure", "--kernels",
    "--pointing", "--tie", "--tie-centre",
]  # fmt: skip
COMMANDS = ["solve", "picture", "map", "backplanes"]
START = "2021-06-07T16:58:04"


def run(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


@pytest.mark.parametrize(
    ("text", "utc", "sigma"),
    [
        (START, START, 20.0),
        (f"{START}+-5", START, 5.0),
        (f"{START} +- 0.5 s", START, 0.5),
        (f" {START}~60s ", START, 60.0),
        (f"{START}±600", START, 600.0),
        ("2021-158T16:58:04.250Z+-2", "2021-158T16:58:04.250Z", 2.0),
        ("2021-06-07 16:58", "2021-06-07 16:58", 20.0),
    ],
)
def test_start(text: str, utc: str, sigma: float) -> None:
    assert parse_start(text) == (utc, sigma)


@pytest.mark.parametrize(
    "text",
    ["", "noon", "2021-06-31T16:58:04", f"{START}+-", f"{START}+-x", f"{START}+5", f"{START}+-1.2.3", f"{START}+-0",
     f"{START}+-601", f"{START}+-nan", f"{START}+-5 min", f"+-5{START}", "1969-01-01T00:00", "2021-06-07"],
)  # fmt: skip
def test_no_start(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--start") as caught:
        parse_start(text)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("text", "value", "sigma"),
    [
        ("0.375+-0.005", 0.375, 0.005),
        (" 0.375 ± 0.005 ", 0.375, 0.005),
        ("0.375~0.01", 0.375, 0.01),
        # half of the last digit
        ("0.38", 0.38, 0.005),
        ("0.380", 0.38, 0.0005),
        ("1", 1.0, 0.5),
        ("1.", 1.0, 0.5),
        ("60", 60.0, 0.5),
    ],
)
def test_measure(text: str, value: float, sigma: float) -> None:
    assert parse_measure(text, "--interframe", "seconds", 60.0) == (value, pytest.approx(sigma))


@pytest.mark.parametrize(
    "text",
    ["", "0", "0.0", "-1", "60.01", "1e3", "nan", "inf", "abc", "0.3+-", "0.3+-0", "0.3+-1.2.3", "0.3+0.1", "0,375"],
)
def test_no_measure(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--interframe .*(to 60, as 0.375|error must be above 0)"):
        parse_measure(text, "--interframe", "seconds", 60.0)


@given(text=st.text(max_size=30))
def test_any_text_is_understood_or_refused(text: str) -> None:
    for parse in (parse_start, lambda one: parse_measure(one, "--interframe", "seconds", 60.0)):
        try:
            _, sigma = parse(text)
            assert sigma > 0.0
        except UsageError:
            pass


def test_what_is_told_goes_into_the_label() -> None:
    assert GeometryRequest().given == Given()
    request = GeometryRequest(target=" ganymede ", start=(START, 5.0), interframe_s=(0.375, 0.001), exposure_s=0.0032)
    assert request.given == Given("GANYMEDE", START, 5.0, 0.375, 0.001, 0.0032)
    with pytest.raises(UsageError, match=r"--target PLUTO is not known: give one of jupiter.*ganymede"):
        _ = GeometryRequest(target="pluto").given


FILE = Path("x")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"frame": "J2000"}, "--frame is that of a table: give --trajectory too"),
        ({"trajectory_sigma_km": 1.0}, "--trajectory-sigma is that of a table: give --trajectory too"),
        ({"trajectory": FILE, "trajectory_sigma_km": 0.0}, "give km above 0 and to 10000"),
        ({"trajectory": FILE, "trajectory_sigma_km": float("nan")}, "give km above 0 and to 10000"),
        ({"trajectory": FILE, "trajectory_sigma_km": 10001.0}, "--trajectory-sigma 10001 cannot be: give km above 0"),
        ({"tie_centre_deg": 180.0}, "--tie-centre is that of a map: give --tie too"),
        ({"trajectory": FILE, "kernels": (FILE,)}, "--trajectory and --kernels both tell where Juno was"),
        ({"pointing": PointingBy.KERNEL}, "--pointing kernel takes the pointing from kernels: give --kernels"),
    ],
)
def test_what_makes_no_sense_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        GeometryRequest(**fields)  # type: ignore[arg-type]


def test_what_makes_sense_is_not() -> None:
    GeometryRequest(trajectory=FILE, frame="J2000", trajectory_sigma_km=10000.0, tie=FILE, tie_centre_deg=-180.0)
    GeometryRequest(kernels=(FILE,), pointing=PointingBy.KERNEL)
    GeometryRequest(pointing=PointingBy.IMAGE)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_that_solves_has_them_in_one_order(name: str) -> None:
    command = get_command(app).commands[name]  # type: ignore[attr-defined]
    named = [parameter.opts[0] for parameter in command.params]
    at = named.index("--target")
    assert named[at : at + len(OPTIONS)] == OPTIONS
    # they follow the strips and their labels, and whatever else there is comes after
    assert named[:at][-1] == "--labels"
    assert "geometry" not in {parameter.name for parameter in command.params}
    assert len(set(named)) == len(named)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_tells_of_each(name: str) -> None:
    result = run(name, "--help")
    assert result.exit_code == 0
    places = [re.search(rf"^  {option} ", result.stdout, re.MULTILINE) for option in OPTIONS]
    assert all(places), name
    starts = [place.start() for place in places if place]
    assert starts == sorted(starts)


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--start", "noon"], "--start: 'noon' is not a UTC time"),
        (["--start", f"{START}+-0"], "its error must lie above 0 and within 600 s"),
        (["--interframe", "99"], "--interframe 99 cannot be: give seconds above 0 and to 60"),
        (["--exposure", "-3"], "--exposure -3 cannot be: give ms above 0 and to 60000, as 6.4"),
        (["--frame", "J2000"], "give --trajectory too"),
        (["--trajectory", "a.csv", "--kernels", "b.bsp"], "give one of them"),
        (["--pointing", "kernel"], "give --kernels"),
        (["--pointing", "stars"], "--pointing"),
        (["--tie-centre", "180"], "give --tie too"),
        (["--target", "pluto"], "--target PLUTO is not known"),
    ],
)
def test_misuse_is_told_in_one_sentence(strip: Path, name: str, options: list[str], message: str) -> None:
    output = [] if name == "solve" else ["-o", strip.parent / "out.tif"]
    result = run(name, strip, *output, *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
    assert sorted(path.name for path in strip.parent.iterdir()) == ["00001-Metadata.json", strip.name]


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("t.csv", "utc,x_km,y_km,z_km\n", [], "does not tell its frame: give --frame"),
        ("t.csv", "utc,x_km,y_km,z_km\n", ["--frame", "IAU_PLUTO"], "--frame IAU_PLUTO is not known"),
        ("j2000.csv", "no table", [], "has the columns"),
        ("j2000.csv", "utc,x,y,z\n2030-01-01T00:00:00,1,2\n", [], "line 2: 3 of 4 columns"),
    ],
)
def test_a_table_that_is_none_is_told_before_the_work(
    strip: Path, name: str, content: str, options: list[str], message: str
) -> None:
    table = strip.parent / name
    table.write_text(content)
    result = run("solve", strip, "--trajectory", table, *options)
    assert result.exit_code in (1, 2)
    assert message in result.stderr
    assert str(table) in result.stderr or "--frame" in result.stderr
    assert result.stderr.count("\n") == 1


def test_the_request_is_made_when_it_is_asked_for() -> None:
    seen: list[Callable[[], GeometryRequest]] = []

    @with_geometry
    def command(*, first: int, geometry: Callable[[], GeometryRequest], last: int = 3) -> None:
        seen.append(geometry)
        assert (first, last) == (1, 3)

    told = dict.fromkeys([f"geometry_{name[2:].replace('-', '_')}" for name in OPTIONS], None) | {
        "geometry_pointing": PointingBy.BOTH
    }
    command(first=1, last=3, **{**told, "geometry_exposure": "3.2", "geometry_kernels": [FILE]})
    assert seen[0]() == GeometryRequest(exposure_s=0.0032, kernels=(FILE,))
    command(first=1, last=3, **{**told, "geometry_start": "noon"})
    with pytest.raises(UsageError, match="noon"):
        seen[1]()
