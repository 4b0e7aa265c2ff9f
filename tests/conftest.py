"""Fixtures that the whole suite shares."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from perijove.cli import common


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
