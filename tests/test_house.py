"""The rules of the house that no linter knows."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest

import perijove

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
NORMAL = re.compile(r"[-_.]+")


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in SOURCES:
        yield path, ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported() -> set[str]:
    """The distributions whose modules the package imports, by their normalised names."""
    names: set[str] = set()
    for _, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                names.add(node.module.split(".")[0])
    names -= {*sys.stdlib_module_names, "perijove"}
    homes = packages_distributions()
    return {NORMAL.sub("-", home).lower() for name in names for home in homes.get(name, [name])}


def declared(extra: str | None) -> set[str]:
    """The distributions that pyproject.toml asks for, all of them or without extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted: list[str] = [*project["dependencies"]]
    for name, extras in project.get("optional-dependencies", {}).items():
        if name != extra:
            wanted += extras
    return {NORMAL.sub("-", re.split(r"[\s<>=!~;\[]", one, maxsplit=1)[0]).lower() for one in wanted}


def test_what_is_imported_is_declared() -> None:
    assert imported() <= declared("dev")


def test_every_dependency_has_a_floor_and_no_ceiling() -> None:
    for requirement in requires("perijove") or []:
        bounds = requirement.split(";")[0]
        assert ">=" in bounds, requirement
        assert not re.search(r"<|==|~=", bounds), requirement


# stands in for functions whose options it names one by one in its signature
STAND_IN = "src/perijove/cli/geometry_options.py"


def test_no_function_takes_arbitrary_keywords() -> None:
    loose = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.args.kwarg is not None
        if str(path.relative_to(ROOT)) != STAND_IN or node.name != "wrapped"
    ]
    assert loose == []


def test_dataclasses_are_frozen() -> None:
    loose = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for decorator in node.decorator_list
        if ast.unparse(decorator).split("(")[0] in ("dataclass", "dataclasses.dataclass")
        and "frozen=True" not in ast.unparse(decorator)
    ]
    assert loose == []


def test_compiled_functions_keep_strict_floating_point() -> None:
    fast = [
        f"{path.relative_to(ROOT)}:{node.value.lineno}"
        for path, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg == "fastmath" and ast.unparse(node.value) != "False"
    ]
    assert fast == []


@pytest.mark.parametrize("name", perijove.__all__)
def test_public_name_is_there(name: str) -> None:
    assert getattr(perijove, name) is not None
    assert name in dir(perijove)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = perijove.nothing  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("module", "heavy"),
    [("perijove", "numpy numba cv2 typer rich"), ("perijove.cli.app", "numpy numba cv2 scipy pyproj rasterio httpx2")],
)
def test_import_costs_nothing(module: str, heavy: str) -> None:
    script = f"import sys, {module}; print([n for n in {heavy.split()} if n in sys.modules])"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_first_heading_of_the_changelog_is_unreleased_or_this_version() -> None:
    headings = re.findall(r"^## \[?([^\]\s]+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] in ("Unreleased", perijove.__version__)


def test_readme_names_every_room() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = readme[readme.index("## Where things are") :]
    rooms = [path.parent.name for path in (ROOT / "src" / "perijove").glob("*/*.py")]
    rooms += ["data", "docs", "tests", "benchmarks", "builders"]
    assert [room for room in sorted(set(rooms)) if not re.search(rf"\| .*\b{room}`", table)] == []


@pytest.mark.parametrize("page", ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))])
def test_links_between_the_pages_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text)]
    beside = [link for link in links if link and not link.startswith(("http://", "https://", "mailto:"))]
    assert [link for link in beside if not (ROOT / page).parent.joinpath(link).exists()] == []


def test_readme_leads_to_every_page() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in (ROOT / "docs").glob("*.md") if f"docs/{path.name}" not in readme] == []


def test_demo_is_ignored_by_git_and_made_by_make() -> None:
    assert "/demo/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^demo: install\n\t\$\(BIN\)/perijove demo demo$", makefile, re.MULTILINE)
