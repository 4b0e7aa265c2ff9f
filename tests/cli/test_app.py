"""That the options of `solve` and `picture` become the request that is handed on."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner

from perijove.cli.app import app
from perijove.cli.recipe_option import load_recipe
from perijove.cli.requests import Depth, Format, Interpolation, PictureRequest, SolveRequest, Up
from perijove.errors import PointingError

Ask = Callable[[list[str]], object]
OUT = Path("out.png")
PLAIN = PictureRequest(
    strips=(Path("a.png"),),
    output=OUT,
    labels=None,
    recipe=load_recipe("natural"),
    size=2048,
    fov_deg=None,
    centre_deg=None,
    up=Up.NORTH,
    report=None,
    credit=None,
    format=None,
    depth=None,
    interpolation=Interpolation.CATMULL_ROM,
    quiet=False,
    json=False,
)


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Runs the command line and gives what was asked of `run_solve` or `run_picture`."""
    asked: list[object] = []
    for verb in ("solve", "picture"):
        module = ModuleType(f"perijove.cli.{verb}")
        setattr(module, f"run_{verb}", asked.append)
        monkeypatch.setitem(sys.modules, module.__name__, module)

    def run(args: list[str]) -> object:
        result = CliRunner().invoke(app, args)
        assert (result.exit_code, result.output) == (0, "")
        (request,) = asked
        return request

    return run


def test_picture_by_default(ask: Ask) -> None:
    assert ask(["picture", "a.png", "-o", "out.png"]) == PLAIN


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--labels", "dir"], replace(PLAIN, labels=Path("dir"))),
        (["--recipe", "enhanced"], replace(PLAIN, recipe=load_recipe("enhanced"))),
        (["--size", "1600"], replace(PLAIN, size=1600)),
        (["--fov", "12.5"], replace(PLAIN, fov_deg=12.5)),
        (["--centre", "-20,10"], replace(PLAIN, centre_deg=(-20.0, 10.0))),
        (["--camera-up"], replace(PLAIN, up=Up.CAMERA)),
        (["--north"], PLAIN),
        (["--report", "r.json"], replace(PLAIN, report=Path("r.json"))),
        (["--credit", "Ann Ó"], replace(PLAIN, credit="Ann Ó")),
        (["--format", "png", "--depth", "16"], replace(PLAIN, format=Format.PNG, depth=Depth.SIXTEEN)),
        (["--interpolation", "lanczos"], replace(PLAIN, interpolation=Interpolation.LANCZOS)),
        (["--quiet", "--json"], replace(PLAIN, quiet=True, json=True)),
    ],
)
def test_options_of_picture(ask: Ask, options: list[str], expected: PictureRequest) -> None:
    assert ask(["picture", "a.png", "-o", "out.png", *options]) == expected


def test_several_strips(ask: Ask) -> None:
    request = ask(["picture", "a.png", "b.png", "-o", "out"])
    assert request == replace(PLAIN, strips=(Path("a.png"), Path("b.png")), output=Path("out"))


def test_options_of_solve(ask: Ask) -> None:
    args = ["solve", "a.png", "b.png", "--labels", "dir", "-o", "s.json", "--plot", "p.png", "--quiet", "--json"]
    strips = (Path("a.png"), Path("b.png"))
    assert ask(args) == SolveRequest(strips, Path("dir"), Path("s.json"), Path("p.png"), quiet=True, json=True)


def test_error_of_a_command_is_its_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("perijove.cli.solve")

    def run_solve(request: SolveRequest) -> None:
        raise PointingError(f"{request.strips[0]} shows no body: give a strip that does")

    module.run_solve = run_solve  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    result = CliRunner().invoke(app, ["solve", "a.png"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "perijove: a.png shows no body: give a strip that does\n"
