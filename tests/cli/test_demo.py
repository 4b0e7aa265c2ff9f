"""`perijove demo`: the page, and the way from a scene to its captioned picture, end to end with a small scene."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner, Result

from perijove.bodies import JUPITER
from perijove.cli import demo
from perijove.cli.app import app
from perijove.cli.demo import Story, stories
from perijove.cli.demo_page import COLUMNS, Exhibit, Shown, page
from perijove.simulate import photograph
from perijove.simulate.scenes import SCENES, perijove_scene
from perijove.simulate.world import CLOUD_LAW, JUPITER_HAZE, MINNAERT, World
from perijove.simulate.worlds.painting import Painting

FloatArray = NDArray[np.float64]
VOID = {"meta", "img", "br", "hr", "link", "input"}


class Page(HTMLParser):
    """Collects what a page links to and shows; complains of tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.tags: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        assert len({name for name, _ in attrs}) == len(attrs)
        if tag == "img":
            assert dict(attrs)["alt"]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style":
            self.text += data


def exhibit(**parts: object) -> Exhibit:
    plain = Exhibit(
        title="A moon", text="It is grey.", picture="moon.png", report="moon-report.json",
        raw=(Shown("raw/moon/a-raw.png", 0.25), Shown("raw/moon/b-raw.png", 0.5)),
        truth="raw/moon/truth.json", quality="two strips solved",
        rows=(("A", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6"), ("B", "1", "2", "3", "4", "5", "6")),
    )  # fmt: skip
    return replace(plain, **parts)  # type: ignore[arg-type]


def test_page_shows_raw_beside_result() -> None:
    text = page([exhibit(), exhibit(title="A planet", picture="planet.png")])
    assert text.startswith("<!DOCTYPE html>")
    found = Page(text)
    assert found.tags[:2] == ["html", "head"]
    assert found.tags.count("table") == found.tags.count("h2") == 2
    assert {"moon.png", "planet.png", "raw/moon/a-raw.png", "raw/moon/b-raw.png"} <= set(found.links)
    # all that it needs lies beside it
    assert [link for link in found.links if ":" in link or link.startswith(("/", "//", ".."))] == []
    for words in ("A moon", "A planet", "It is grey.", "Two strips solved.", "raw: 2 strips", *COLUMNS):
        assert words in found.text
    assert found.tags.count("td") == 2 * 2 * len(COLUMNS)
    assert found.tags.count("th") == 2 * len(COLUMNS)


def test_page_escapes_what_it_is_given() -> None:
    nasty = '<script>alert("x")</script> & "quotes"'
    rows = (tuple([nasty] * len(COLUMNS)),)
    text = page(
        [exhibit(title=nasty, text=nasty, quality=nasty, rows=rows, picture='a"b&c.png', raw=(Shown("r<1>.png", 0.5),))]
    )
    found = Page(text)
    assert "script" not in found.tags
    assert nasty in found.text
    assert 'a"b&c.png' in found.links
    assert "r<1>.png" in found.links


def test_the_middle_of_a_strips_light() -> None:
    codes = np.full((40, 8), 3, np.uint8)
    assert demo.middle_of(codes) == 0.5
    # a quarter down, on ten of forty lines; what is dark does not count
    codes[5:15] = 100
    assert demo.middle_of(codes) == pytest.approx(0.25, abs=1 / 40)
    assert "object-position: 50% 25.0%" in page([exhibit()])


def test_page_without_anything() -> None:
    assert Page(page([])).links == []


def test_the_two_stories() -> None:
    ganymede, backlit = stories()
    assert {story.scene.name for story in (ganymede, backlit)} <= set(SCENES)
    assert (ganymede.name, backlit.name) == ("ganymede", "backlit-jupiter")
    # the dark-rayed crater, east longitude
    assert ganymede.places == (("Kittu", 0.4, 25.4),)
    assert sum(shot.exposed for shot in backlit.scene.shots) == 7
    assert backlit.recipe == "backlit"
    # one of its strips, and no other
    assert backlit.epoch is not None
    numbers = [shot.number for shot in backlit.scene.shots if shot.exposed]
    assert [n for n in numbers if backlit.epoch.endswith(f"{n:05}")] == [25]


_RNG = np.random.default_rng(7)
WAVES = _RNG.normal(size=(12, 3))
WAVES *= _RNG.uniform(60.0, 150.0, (12, 1)) / np.linalg.norm(WAVES, axis=1, keepdims=True)


class Clouds:
    """Waves of 3000 to 7500 km in all directions, redder than blue."""

    def paint(self, directions: FloatArray, spacing: float, et: float) -> Painting:
        light = 0.45 + 0.05 * np.cos((directions @ WAVES.T + np.arange(12.0)).astype(np.float32)).sum(axis=1)
        return Painting((light[:, None] * [0.7, 0.9, 1.0, 1.0]).astype(np.float32), None)


def small_story() -> Story:
    """One summed strip of a whole Jupiter, and the labels of its pass."""
    scene = perijove_scene(44, 1)
    shots = tuple(replace(shot, binning=2, exposed=shot.number == 20) for shot in scene.shots)
    world = World(JUPITER, Clouds(), MINNAERT, CLOUD_LAW, JUPITER_HAZE)
    return Story(
        replace(scene, world=world, shots=shots), "small", "Clouds & <waves>", "natural", None, 240,
        (("Nowhere", 30.0, 30.0),), "A small one.",
    )  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def small() -> Iterator[None]:
    """The demonstration with a small scene, one ray a pixel, and a coarse ground."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(photograph, "TEXELS_PER_PIXEL", 0.25)
        patch.setattr(demo, "take_scene", lambda scene, rays, steps, take=demo.take_scene: take(scene, 1, steps))
        yield


def perijove(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


def run(folder: Path, *args: object) -> Result:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "stories", lambda: (small_story(),))
        return perijove("demo", folder, *args)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of a demonstration that was made, and what was printed."""
    folder = tmp_path_factory.mktemp("deep") / "below" / "demo"
    result = run(folder)
    assert (result.exit_code, result.stderr) == (0, "")
    return folder, result.stdout


def test_what_is_made(shown: tuple[Path, str]) -> None:
    folder, told = shown
    made = contents(folder)
    assert {"index.html", "small.png", "small.png.json", "small-report.json", "raw/small/truth.json"} <= set(made)
    assert not [name for name in made if ".part" in name]
    assert f"{folder / 'small.png'}: 1 strip solved" in told
    assert f"open {folder / 'index.html'} in a browser" in told
    picture = cv2.imread(str(folder / "small.png"))
    # the picture, and the caption below it
    assert picture.shape[0] > 240
    disc = picture[:240].reshape(-1, 3).astype(float)
    blue, _, red = disc[disc.max(axis=1) > 60].mean(axis=0)
    assert red > blue


def test_all_that_the_page_links_to_is_there(shown: tuple[Path, str]) -> None:
    folder, _ = shown
    found = Page((folder / "index.html").read_text(encoding="utf-8"))
    assert len(found.links) == 6
    for link in found.links:
        assert (folder / link).is_file()
    assert "Clouds & <waves>" in found.text


def test_report_holds_solution_and_truth(shown: tuple[Path, str]) -> None:
    folder, _ = shown
    report = json.loads((folder / "small-report.json").read_text())
    (strip,) = report["strips"]
    assert strip["pointing"]["good"]
    check = strip["against_truth"]
    assert check["product_id"] == strip["product_id"]
    # summed pixels, noise and all, one strip alone: within what it says of itself
    assert check["median_px"] < 2.0 * check["sigma_px"]
    assert max(check["registration_px"].values()) < 0.2
    assert abs(check["start_s"]) < 0.03
    truth = json.loads((folder / "raw" / "small" / "truth.json").read_text())
    # the verification's own sums, by hand: what was solved less what is true
    assert check["period_s"] == pytest.approx(
        strip["pointing"]["spin_period_s"] - truth["spin"]["period_s"], abs=1e-9
    )  # fmt: skip


def test_picture_is_credited_to_nobodys_camera(shown: tuple[Path, str]) -> None:
    folder, _ = shown
    origin = json.loads((folder / "small.png.json").read_text())
    assert origin["credit"] == "Simulated with Perijove, not a picture of the mission"
    assert "NASA" not in json.dumps(origin)


def test_pictures_of_its_strips_are_credited_to_nobodys_camera(shown: tuple[Path, str], tmp_path: Path) -> None:
    (strip,) = (shown[0] / "raw" / "small").glob("*-raw.png")
    result = perijove("picture", strip, "-o", tmp_path / "own.png", "--size", 200, "--credit", "Ann Ó")
    assert (result.exit_code, result.stderr) == (0, "")
    origin = json.loads((tmp_path / "own.png.json").read_text())
    assert origin["credit"] == "Simulated with Perijove, not a picture of the mission, image processing: Ann Ó"
    assert "NASA" not in (tmp_path / "own.png.json").read_text()
    assert b"MSSS" not in (tmp_path / "own.png").read_bytes()


def test_twice_in_the_same_folder_gives_the_same(shown: tuple[Path, str]) -> None:
    folder, _ = shown
    before = contents(folder)
    (folder / "mine.txt").write_text("mine")
    (folder / "index.html").write_text("torn")
    result = run(folder, "--quiet")
    assert (result.exit_code, result.output) == (0, "")
    after = contents(folder)
    assert after.pop("mine.txt") == b"mine"
    report = "small-report.json"
    assert {name: data for name, data in after.items() if name != report} == {
        name: data for name, data in before.items() if name != report
    }
    old, new = json.loads(before[report]), json.loads(after[report])
    assert old["strips"][0]["pointing"] == new["strips"][0]["pointing"]


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever begins to simulate has gone too far."""

    def take_scene(*_: object) -> None:
        raise AssertionError("simulates before it looks for room")

    monkeypatch.setattr(demo, "take_scene", take_scene)


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize("taken", ["demo", "demo/raw", "demo/raw/small"])
def test_a_file_in_the_way_is_one_sentence(taken: str, tmp_path: Path) -> None:
    place = tmp_path / taken
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("mine")
    result = run(tmp_path / "demo")
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"{place} is a file; choose another place" in result.stderr
    assert result.stderr.count("\n") == 1
    assert contents(tmp_path) == {taken: b"mine"}


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize("taken", ["index.html", "small.png", "small-report.json"])
def test_a_folder_in_the_way_is_one_sentence(taken: str, tmp_path: Path) -> None:
    (tmp_path / taken).mkdir()
    result = run(tmp_path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"cannot write {tmp_path / taken}: it is a folder" in result.stderr
    assert contents(tmp_path) == {}


@pytest.mark.usefixtures("idle")
def test_a_read_only_folder_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # not by its permissions, which do not bind root
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    result = run(tmp_path / "demo")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "is read-only; choose a folder that is writable" in result.stderr
    assert not (tmp_path / "demo").exists()


@pytest.mark.parametrize("at", ["take_scene", "solve_strips"])
def test_interrupted_demonstration_leaves_no_half_of_a_file(
    at: str, shown: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, at, interrupt)
    result = run(tmp_path / "demo")
    assert (result.exit_code, result.output) == (130, "")
    made = contents(tmp_path)
    # what is there is whole, and the page is the last
    whole = contents(shown[0])
    assert made == {f"demo/{name}": whole[name] for name in whole if f"demo/{name}" in made}
    assert ("demo/raw/small/truth.json" in made) == (at != "take_scene")
    assert "demo/index.html" not in made
