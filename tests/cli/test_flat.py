import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from perijove.calibrate.frames import SHAPE, BandFrames
from perijove.cli.app import app
from perijove.cli.flat import _print_table, by_pass, find_strips
from perijove.errors import UsageError
from perijove.flatfield.estimate import BandEstimate
from perijove.instrument import Filter

run = CliRunner()


def test_a_folder_means_its_raw_strips(tmp_path: Path) -> None:
    for name in ("a-raw.png", "b-mapprojected.png", "c.json", "sub/d-raw.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    assert [p.name for p in find_strips([tmp_path, tmp_path / "a-raw.png"])] == ["a-raw.png", "d-raw.png"]


def test_a_folder_without_strips_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no raw strips"):
        find_strips([tmp_path])
    assert run.invoke(app, ["flat", str(tmp_path), "-o", str(tmp_path / "out")]).exit_code == 2


def test_frames_that_are_there_are_kept(tmp_path: Path, strip: Path) -> None:
    (tmp_path / "perijove-flat.tif").write_bytes(b"mine")
    done = run.invoke(app, ["flat", str(strip), "-o", str(tmp_path)])
    assert done.exit_code == 1
    assert "give --overwrite" in done.stderr
    assert (tmp_path / "perijove-flat.tif").read_bytes() == b"mine"


def test_strips_that_cannot_be_used_are_named_and_nothing_is_written(tmp_path: Path, strip: Path) -> None:
    out = tmp_path / "out"
    done = run.invoke(app, ["flat", str(strip), "-o", str(out)])
    assert done.exit_code == 1
    told = " ".join(done.stderr.split())
    assert "none of the strips could be used: " in told
    # one reason with its own remedy, the strip named once
    assert told.count(strip.name) == 1
    assert "sunlit limb, with their labels" not in told
    assert not out.exists()


def test_a_summed_strip_is_named_and_left_out(tmp_path: Path, flown: Callable[..., Path]) -> None:
    done = run.invoke(app, ["flat", str(flown()), "-o", str(tmp_path / "out")])
    assert done.exit_code == 1
    told = " ".join(done.stderr.split())
    assert told.count("is summed 2 x 2") == 1
    assert told.endswith("so that its pixels cannot be told apart: leave it out")
    assert "more left out" not in told


def test_the_first_reason_is_given_and_how_many_more_there_are(tmp_path: Path) -> None:
    for name in ("a-raw.png", "b-raw.png", "c-raw.png"):
        (tmp_path / name).write_bytes(b"")
    done = run.invoke(app, ["flat", str(tmp_path), "-o", str(tmp_path / "out")])
    assert done.exit_code == 1
    told = " ".join(done.stderr.split())
    assert "none of the strips could be used (and 2 more left out): " in told
    assert "b-raw.png" not in told
    assert "sunlit limb" not in told


def test_a_moon_between_two_strips_of_a_pass_does_not_split_it() -> None:
    def strip(name: str, start: float, target: str = "JUPITER") -> Any:
        return SimpleNamespace(
            raw=SimpleNamespace(label=SimpleNamespace(product_id=name, start_et=start, target=target))
        )

    strips = [strip("c", 1200.0), strip("moon", 600.0, "GANYMEDE"), strip("a", 0.0), strip("a", 0.0),
              strip("late", 53 * 86400.0)]  # fmt: skip
    groups = [[one.raw.label.product_id for one in group] for group in by_pass(strips)]
    assert groups == [["a", "c"], ["moon"], ["late"]]


def test_frames_of_a_real_strip(tmp_path: Path, data: Path) -> None:
    strip = data / "pj44" / "JNCE_2022229_44C00030_V01-raw.png"
    done = run.invoke(app, ["flat", str(strip), "-o", str(tmp_path / "out"), "--json"])
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["strips"] == ["JNCE_2022229_44C00030_V01"]
    assert list(told["bands"]) == ["BLUE", "GREEN", "RED"]
    assert all(Path(path).is_file() for path in told["files"])
    # one strip cannot tell the lens from the clouds, and its sigma says so
    assert all(band["flat_sigma"] > 0.01 for band in told["bands"].values())
    # nor its columns from its noise
    assert not any(band["small_scale_measured"] for band in told["bands"].values())
    assert all(band["bad_pixels"] == 0 for band in told["bands"].values())


@pytest.mark.parametrize(("share", "word"), [(0.0, "not judged: even"), (1.0, "measured")])
def test_the_table_says_where_the_small_scale_could_not_be_judged(
    share: float, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ones, counts = np.ones(SHAPE, np.float32), np.ones(SHAPE, np.int32)
    frames = BandFrames(ones, ones, counts, ones, ones, counts, np.zeros(SHAPE, np.bool_))
    _print_table({Filter.RED: BandEstimate(frames, None, 0.0, 0, share)}, [], [], [])
    told = capsys.readouterr()
    row = next(line for line in told.out.splitlines() if line.startswith("RED"))
    assert row.split("default")[1].strip() == word
    assert ("RED: columns, dust and bad pixels cannot be told" in " ".join(told.err.split())) == (share == 0.0)
