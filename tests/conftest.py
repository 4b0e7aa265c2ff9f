"""Fixtures that the whole suite shares."""

import hashlib
import os
import pickle
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from perijove.calibrate.framelets import Treatment
from perijove.cli import common
from perijove.label import Label
from perijove.observation import Observation, work
from perijove.raw import RawImage

SOLVED = "PERIJOVE_TESTS_SOLVED"
"""Environment variable that tells all workers where strips that were solved lie."""


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder of solved strips, before the workers start."""
    if not hasattr(config, "workerinput"):
        os.environ[SOLVED] = tempfile.mkdtemp(prefix="perijove-solved-")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove it again."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop(SOLVED, ""), ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Folders whose files take longest come first: whoever is done early then finds enough small ones at the end."""
    longest = ("real", "cli", "attitude", "simulate", "cartography")
    rank = {name: place for place, name in enumerate(longest)}
    items.sort(key=lambda item: rank.get(item.path.parent.name, len(longest)))


@pytest.fixture(scope="session", autouse=True)
def untold() -> Iterator[None]:
    """Steps are not told in plain lines, so that stderr holds errors and warnings alone; `test_main` tests them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(common, "LOGGED", False)
        yield


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real strips, labels and kernels; skips where it is absent, fails where it is required."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("PERIJOVE_DATA", beside))
    if folder.is_dir():
        return folder
    reason = f"no real data at {folder}: set PERIJOVE_DATA to the folder that holds them"
    if "data" in os.environ.get("PERIJOVE_REQUIRE", "").split(","):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def solved_once() -> Iterator[None]:
    """Strips that another test has solved already, with the same labels and options, are not solved again.

    For tests of what is made of solved strips: the same strips, in whatever folder, are the same problem. Not for those
    that change how strips are solved, or that ask whether they are solved alike twice.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(work, "_observe_pass", _remembered(work._observe_pass))
        yield


def _remembered(observe: Any) -> Any:
    """`_observe_pass` with a memory that lasts as long as the run of the tests."""

    def remembered(raws: Sequence[RawImage], labels: Sequence[Label], how: Any) -> list[Observation]:
        told = how.treatment is None or how.treatment.frames is None
        if not (told and how.flight is None and how.attitude is None and how.tie_to.basemap is None):
            return list(observe(raws, labels, how))
        nowhere = [replace(label, path=None) for label in labels]
        strips = [(replace(raw.label, path=None), raw.reduction, raw.sha256) for raw in raws]
        problem = hashlib.sha256(repr((strips, nowhere, how.treatment or Treatment(), how.tie_to.itself)).encode())
        for raw in raws:
            problem.update(raw.codes.tobytes())
        key = problem.hexdigest()
        place = Path(os.environ[SOLVED]) / key
        if place.exists():
            said, found = pickle.loads(place.read_bytes())
            for doing in said:
                how.step(doing)
            return [_moved(one, raws, labels) for one in found]
        said = []

        def step(doing: str) -> None:
            said.append(doing)
            how.step(doing)

        found = list(observe(raws, labels, replace(how, step=step)))
        # another worker may have been as quick: whole or not at all
        part = place.with_suffix(f".{os.getpid()}")
        part.write_bytes(pickle.dumps((said, found), protocol=5))
        part.rename(place)
        return found

    return remembered


def _moved(observation: Observation, raws: Sequence[RawImage], labels: Sequence[Label]) -> Observation:
    """An observation of strips and labels that lie elsewhere."""
    name = observation.raw.label.product_id
    mine = next(raw for raw in raws if raw.label.product_id == name)
    paths = {label.product_id: label.path for label in labels} | {name: mine.label.path}
    own = replace(observation.raw, path=mine.path, label=replace(observation.raw.label, path=mine.label.path))
    behind = tuple(replace(label, path=paths[label.product_id]) for label in observation.labels)
    return replace(observation, raw=own, labels=behind)
