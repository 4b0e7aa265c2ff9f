"""The command from its request to files that the other commands take, and what it says when that cannot be."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from perijove.archive.http import Conduct
from perijove.cli.app import app
from perijove.cli.fetch import run_fetch
from perijove.cli.fetch_request import FetchRequest, Level, Source, Task, parse_perijove, parse_size, size_words
from perijove.errors import FetchError, UsageError
from perijove.io.finder import open_strip

ONE, TWO = "JNCE_2021158_34C00002_V01", "JNCE_2021158_34C00003_V01"
QUICK = Conduct(pause_s=0.0, timeout_s=2.0, attempts=1, backoff_s=0.0)


@pytest.fixture
def fetch(tmp_path: Path) -> Callable[..., int]:
    """Runs the command's work on a request, quickly, into ``tmp_path / "out"``."""

    def run(*what: str, **changes: Any) -> int:
        given = {"output": tmp_path / "out", "cache": tmp_path / "cache", **changes}
        return run_fetch(FetchRequest(what=what, **given), QUICK)

    return run


def _names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*")) if folder.exists() else []


def test_an_image_becomes_a_strip_and_its_label(
    fetch: Any, archives: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archives.image("11", ONE, "PJ34 Ganymede")
    assert fetch("11") == 0
    assert _names(tmp_path / "out") == ["11-Metadata.json", f"{ONE}-raw.png"]
    opened = open_strip(tmp_path / "out" / f"{ONE}-raw.png")
    assert opened.raw.label.product_id == ONE
    told = capsys.readouterr().out
    assert f"{ONE}-raw.png" in told
    assert "1 of 1" in told
    # nothing was written anywhere else
    assert {path.name for path in tmp_path.iterdir()} <= {"out", "cache"}


def test_a_search_fetches_what_fits_and_nothing_else(fetch: Any, archives: Any, server: Any, tmp_path: Path) -> None:
    archives.gallery(34, ["11", "12"], ["13"])
    archives.image("11", ONE, "PJ34 Ganymede")
    archives.image("12", "JNCE_2021159_34C00061_V01", "PJ34 South Polar Region")
    archives.image("13", TWO, "PJ34 GANYMEDE again")
    assert fetch(perijove=34, words=("ganymede",)) == 0
    assert _names(tmp_path / "out") == ["11-Metadata.json", "13-Metadata.json", f"{ONE}-raw.png", f"{TWO}-raw.png"]
    assert not [one for one in server.asked if "VaultID=12" in one.path]


def test_a_target_is_looked_up_in_the_label(fetch: Any, archives: Any, server: Any, tmp_path: Path) -> None:
    archives.gallery(34, ["11", "12"])
    archives.image("11", ONE, "PJ34 one", TARGET_NAME="GANYMEDE")
    archives.image("12", TWO, "PJ34 two")
    assert fetch(perijove=34, target="ganymede") == 0
    assert _names(tmp_path / "out") == ["11-Metadata.json", f"{ONE}-raw.png"]
    assert not [one for one in server.asked if "VaultID=120" in one.path]


def test_a_damaged_archive_of_a_label_holds_up_neither_this_search_nor_the_next(
    fetch: Any, archives: Any, server: Any, tmp_path: Path
) -> None:
    archives.gallery(34, ["11", "12"])
    archives.image("11", ONE, "PJ34 one", TARGET_NAME="GANYMEDE")
    archives.image("12", TWO, "PJ34 two", TARGET_NAME="GANYMEDE")
    crowd = archives.zipped({f"{number}.txt": b"x" for number in range(1001)})
    server.put("/mission/Vault/VaultDownload?VaultID=111", crowd)
    assert fetch(perijove=34, target="ganymede") == 1
    assert _names(tmp_path / "out") == ["12-Metadata.json", f"{TWO}-raw.png"]
    archives.image("11", ONE, "PJ34 one", TARGET_NAME="GANYMEDE")
    assert fetch(perijove=34, target="ganymede") == 0
    assert "11-Metadata.json" in _names(tmp_path / "out")


def test_the_limit_ends_the_search(fetch: Any, archives: Any, server: Any) -> None:
    archives.gallery(34, ["11", "12"])
    archives.image("11", ONE, "one")
    assert fetch(perijove=34, limit=1, dry_run=True) == 0
    assert not [one for one in server.asked if "id=12" in one.path]


def test_archives_may_stay_packed(fetch: Any, archives: Any, tmp_path: Path) -> None:
    archives.image("11", ONE, "one")
    assert fetch("11", unpack=False) == 0
    assert _names(tmp_path / "out") == ["11-Data.zip", "11-ImageSet.zip"]
    assert open_strip(tmp_path / "out" / "11-ImageSet.zip").raw.label.product_id == ONE


def test_what_is_in_the_cache_is_not_asked_for_again_and_serves_offline(
    fetch: Any, archives: Any, server: Any, tmp_path: Path
) -> None:
    archives.image("11", ONE, "one")
    assert fetch("11") == 0
    before = len(server.asked)
    assert fetch("11", output=tmp_path / "again", offline=True) == 0
    assert len(server.asked) == before
    assert _names(tmp_path / "again") == _names(tmp_path / "out")
    with pytest.raises(FetchError, match="--offline"):
        fetch(perijove=33, offline=True)


def test_one_that_fails_does_not_hold_up_the_others(
    fetch: Any, archives: Any, server: Any, reply: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archives.gallery(34, ["11", "12"])
    archives.image("11", ONE, "one")
    archives.image("12", TWO, "two")
    server.put("/mission/Vault/VaultDownload?VaultID=110", reply(b"", status=500))
    assert fetch(perijove=34) == 1
    assert _names(tmp_path / "out") == ["12-Metadata.json", f"{TWO}-raw.png"]
    told = capsys.readouterr()
    assert "1 of 2" in told.out
    assert "perijove: 11: " in told.err


def test_a_search_that_only_fails_is_given_up(fetch: Any, archives: Any, server: Any, tmp_path: Path) -> None:
    archives.gallery(34, ["1", "2", "3", "4"])
    with pytest.raises(FetchError, match="3 images one after the other"):
        fetch(perijove=34)
    assert not (tmp_path / "out").exists()
    assert not [one for one in server.asked if "id=4" in one.path]


@pytest.mark.parametrize("wrong", ["product", "strip", "label", "no zip"])
def test_archives_of_something_else_give_no_file_and_leave_the_cache(
    fetch: Any, archives: Any, server: Any, tmp_path: Path, wrong: str
) -> None:
    archives.image("11", ONE, "one")
    archives.image("12", TWO, "two")
    if wrong == "product":
        # the label of another product than the page names
        server.put("/mission/junocam/processing?id=11", archives.page("12", ONE, "one"))
    elif wrong == "strip":
        other = archives.page("11", ONE, "one").replace(b"VaultID=110", b"VaultID=120")
        server.put("/mission/junocam/processing?id=11", other)
    elif wrong == "label":
        server.put("/mission/Vault/VaultDownload?VaultID=111", archives.zipped({"readme.txt": b"nothing"}))
    else:
        server.put("/mission/Vault/VaultDownload?VaultID=110", b"<html>come back later</html>")
    assert fetch("11") == 1
    assert _names(tmp_path / "out") == []
    archives.image("11", ONE, "one")
    assert fetch("11", refresh=True) == 0
    assert _names(tmp_path / "out") == ["11-Metadata.json", f"{ONE}-raw.png"]


def test_files_of_others_are_not_replaced_unasked(fetch: Any, archives: Any, tmp_path: Path) -> None:
    archives.image("11", ONE, "one")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / f"{ONE}-raw.png").write_bytes(b"mine")
    assert fetch("11") == 1
    assert (tmp_path / "out" / f"{ONE}-raw.png").read_bytes() == b"mine"
    assert _names(tmp_path / "out") == [f"{ONE}-raw.png"]
    assert fetch("11", overwrite=True) == 0
    assert open_strip(tmp_path / "out" / f"{ONE}-raw.png").raw.label.product_id == ONE
    assert fetch("11") == 0


def test_a_product_of_the_pds(fetch: Any, archives: Any, server: Any, tmp_path: Path) -> None:
    archives.volumes("JNOJNC_0017", "JNOJNC_0018", "JNOJNC_0019")
    archives.index("JNOJNC_0018", [archives.row(ONE), archives.row(ONE.replace("JNCE", "JNCR"))])
    image = archives.product("JNOJNC_0018", ONE)
    assert fetch(ONE.lower()) == 0
    assert _names(tmp_path / "out") == [f"{ONE}.IMG", f"{ONE}.LBL"]
    assert (tmp_path / "out" / f"{ONE}.IMG").read_bytes() == image
    assert open_strip(tmp_path / "out" / f"{ONE}.IMG").raw.label.product_id == ONE
    # the volume that holds the orbit was looked into first, and no other
    assert not [one for one in server.asked if "0017" in one.path or "0019" in one.path]


def test_a_product_of_the_missions_site(fetch: Any, archives: Any, server: Any, tmp_path: Path) -> None:
    archives.image("11", ONE, "one")
    assert fetch(ONE, source=Source.MISSION) == 0
    assert open_strip(tmp_path / "out" / f"{ONE}-raw.png").raw.label.product_id == ONE
    # the site answers with the page of another image
    server.put(f"/mission/junocam/processing?id={TWO}", archives.page("11", ONE, "one"))
    assert fetch(TWO, source=Source.MISSION) == 1
    assert _names(tmp_path / "out") == ["11-Metadata.json", f"{ONE}-raw.png"]


def test_an_image_without_its_labels_checksum_is_refused(
    fetch: Any, archives: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archives.volumes("JNOJNC_0018")
    archives.index("JNOJNC_0018", [archives.row(ONE)])
    archives.product("JNOJNC_0018", ONE, md5=hashlib.md5(b"other").hexdigest())
    assert fetch(ONE) == 1
    assert _names(tmp_path / "out") == []
    assert ONE in capsys.readouterr().err


def test_the_label_of_another_product_is_refused(fetch: Any, archives: Any, tmp_path: Path) -> None:
    archives.volumes("JNOJNC_0018")
    archives.index("JNOJNC_0018", [archives.row(ONE)])
    archives.product("JNOJNC_0018", ONE, named=TWO)
    assert fetch(ONE) == 1
    assert _names(tmp_path / "out") == []


def test_kernels_of_a_time(fetch: Any, archives: Any, tmp_path: Path) -> None:
    archives.kernels()
    assert fetch(start="2021-06-07T16:30", stop="2021-06-07T17:25") == 0
    assert _names(tmp_path / "out") == [
        "jno_sclkscet_00100.tsc", "juno_junocam_v03.ti", "juno_rec_210513_210630_210707.bsp",
        "juno_sc_rec_210606_210612_v01.bc", "juno_v12.tf", "naif0012.tls", "pck00010.tpc",
    ]  # fmt: skip


def test_kernels_of_a_strip_and_of_a_product(fetch: Any, archives: Any, tmp_path: Path) -> None:
    archives.kernels(spk=[("juno_rec_210513_210630_210707.bsp", "1M"), ("jup310.bsp", "1K"), ("jup365.bsp", "2K")])
    archives.image("11", ONE, "one", TARGET_NAME="GANYMEDE")
    assert fetch("11") == 0
    strip = str(tmp_path / "out" / f"{ONE}-raw.png")
    assert fetch(strip, kernels=True, output=tmp_path / "k") == 0
    # a moon is looked at, so that its ephemeris is needed
    assert "jup365.bsp" in _names(tmp_path / "k")
    archives.volumes("JNOJNC_0018")
    archives.index("JNOJNC_0018", [archives.row(ONE)])
    assert fetch(ONE, kernels=True, output=tmp_path / "p") == 0
    assert "juno_sc_rec_210606_210612_v01.bc" in _names(tmp_path / "p")
    assert "jup365.bsp" not in _names(tmp_path / "p")
    with pytest.raises(UsageError, match="neither a file"):
        fetch("nothing.png", kernels=True)


def test_a_gap_is_told_and_what_there_is_comes(
    fetch: Any, archives: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archives.kernels(ck=[("juno_sc_rec_210101_210107_v01.bc", "90M")])
    assert fetch(start="2021-06-07T16:30", stop="2021-06-07T17:25") == 1
    assert "juno_rec_210513_210630_210707.bsp" in _names(tmp_path / "out")
    assert "no kernel covers the attitude from 2021-06-07T16:29 to 2021-06-07T17:26" in capsys.readouterr().err


def test_too_much_is_refused_before_anything_is_downloaded(fetch: Any, archives: Any, tmp_path: Path) -> None:
    archives.kernels()
    with pytest.raises(UsageError, match=r"91.* MB would be downloaded.*juno_sc_rec_210606_210612_v01.bc"):
        fetch(start="2021-06-07T16:30", stop="2021-06-07T17:25", max_bytes=50 << 20)
    assert not (tmp_path / "out").exists()


def test_too_much_of_unknown_size_is_stopped(fetch: Any, archives: Any, tmp_path: Path) -> None:
    archives.image("11", ONE, "one")
    assert fetch("11", max_bytes=10000) == 1
    assert _names(tmp_path / "out") == []


def test_dry_run_downloads_nothing(
    fetch: Any, archives: Any, server: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archives.volumes("JNOJNC_0018")
    archives.index("JNOJNC_0018", [archives.row(ONE)])
    archives.product("JNOJNC_0018", ONE)
    assert fetch(perijove=34, source=Source.PDS, dry_run=True, output=None) == 0
    told = capsys.readouterr().out
    assert f"{ONE}.IMG" in told
    assert "618 KB" in told
    assert not [one for one in server.asked if one.path.endswith((".IMG", "V01.LBL"))]
    assert fetch(perijove=34, source=Source.PDS, dry_run=True, output=None, json=True) == 0
    order = json.loads(capsys.readouterr().out)["orders"][0]
    assert [file["about_bytes"] for file in order["files"]] == [None, 618 << 10]
    assert fetch(ONE) == 0
    capsys.readouterr()
    assert fetch(ONE, dry_run=True, json=True) == 0
    plan = json.loads(capsys.readouterr().out)
    assert [file["cached"] for file in plan["orders"][0]["files"]] == [True, True]
    assert plan["about_bytes"] == 0


def test_json_tells_files_and_failures(
    fetch: Any, archives: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archives.image("11", ONE, "one")
    assert fetch("11", "12", json=True) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["obtained"][0]["files"][0] == str(tmp_path / "out" / "11-Metadata.json")
    assert [one["name"] for one in told["failures"]] == ["12"]


def test_labels_alone(fetch: Any, archives: Any, server: Any, tmp_path: Path) -> None:
    archives.gallery(34, ["11", "12"])
    archives.image("11", ONE, "one")
    archives.image("12", TWO, "two")
    assert fetch(perijove=34, labels_only=True) == 0
    assert _names(tmp_path / "out") == ["11-Metadata.json", "12-Metadata.json"]
    assert not [one for one in server.asked if "VaultID=110" in one.path]
    archives.volumes("JNOJNC_0018")
    archives.index("JNOJNC_0018", [archives.row(ONE)])
    archives.product("JNOJNC_0018", ONE)
    assert fetch("34c00002", labels_only=True, output=tmp_path / "pds") == 0
    assert _names(tmp_path / "pds") == [f"{ONE}.LBL"]


def test_nothing_found_is_said(fetch: Any, archives: Any) -> None:
    archives.gallery(34)
    with pytest.raises(FetchError, match="nothing was found: perijove 34, with europa in the title"):
        fetch(perijove=34, words=("europa",))


def test_hostile_words_of_a_page_do_no_harm(fetch: Any, archives: Any, capsys: pytest.CaptureFixture[str]) -> None:
    archives.image("11", ONE, "one \x1b]0;x\x07[bold]two[/nonsense]")
    assert fetch("11") == 0
    assert fetch("11", dry_run=True) == 0
    told = capsys.readouterr().out
    assert "\x1b" not in told
    assert "[bold]two[/nonsense]" in told


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({}, "say what to fetch"),
        ({"what": ("11",), "output": None}, "-o DIR"),
        ({"what": ("11", ONE)}, "come from different archives"),
        ({"what": ("11", "x")}, "'x' is neither a number"),
        ({"what": ("11",), "perijove": 34}, "--perijove is for searching"),
        ({"what": ("11",), "source": Source.PDS}, "product ids"),
        ({"what": (ONE,), "source": Source.MISSION, "level": Level.RDR}, "--level"),
        ({"what": ("11",), "moons": True}, "--moons"),
        ({"words": ("x",)}, "--perijove, or --limit"),
        ({"perijove": 34, "source": Source.MISSION, "volume": "JNOJNC_0018"}, "--source pds"),
        ({"source": Source.PDS, "words": ("x",)}, "--perijove or --volume"),
        ({"perijove": -1}, "no perijove"),
        ({"perijove": 34, "limit": 0}, "--limit 0"),
        ({"perijove": 34, "filters": ("ultraviolet",)}, "none of JunoCam's"),
        ({"perijove": 34, "offline": True, "refresh": True}, "--refresh"),
        ({"kernels": True}, "for which time"),
        ({"start": "2021-06-07T00:00"}, "both --from and --to"),
        ({"start": "2021-06-08T00:00", "stop": "2021-06-07T00:00"}, "swap"),
        ({"start": "noon", "stop": "2021-06-07T00:00"}, "--from 'noon' is no time"),
        ({"start": "2021-06-07T00:00", "stop": "x"}, "--to 'x' is no time"),
        ({"what": (ONE,), "kernels": True, "source": Source.PDS}, "NAIF"),
        ({"what": (ONE,), "kernels": True, "labels_only": True}, "--labels-only"),
        ({"what": ("34C00002",), "source": Source.MISSION}, "whole id"),
        ({"what": ("34C00002", "11")}, "come from different archives"),
        ({"target": "pluto", "perijove": 34}, "--target pluto is not known: give one of jupiter, .*ganymede.*earth"),
        ({"what": (ONE,), "start": "2021-06-07T00:00", "stop": "2021-06-08T00:00"}, "--from and --to .*--kernels WHAT"),
    ],
)
def test_requests_that_make_no_sense(changes: dict[str, Any], what: str) -> None:
    with pytest.raises((UsageError, ValueError), match=what):
        FetchRequest(**{"output": Path("x"), **changes})


@pytest.mark.parametrize(("text", "number"), [("34", 34), (" PJ34 ", 34), ("pj1", 1), ("0", 0)])
def test_perijoves(text: str, number: int) -> None:
    assert parse_perijove(text) == number


@pytest.mark.parametrize("text", ["", "abc", "34A", "-1", "3.5", "PJ", "12345"])
def test_no_perijove(text: str) -> None:
    with pytest.raises(UsageError, match=r"--perijove .* is no number of a perijove: give one such as 34"):
        parse_perijove(text)


def test_tasks() -> None:
    def task(**changes: Any) -> Task:
        return FetchRequest(output=Path("x"), **changes).task

    assert task(what=("11", "12")) is Task.NUMBERS
    assert task(what=(ONE.lower(),)) is Task.PRODUCTS
    assert task(perijove=3) is Task.GALLERY
    assert task(perijove=3, level=Level.RDR) is Task.INDEX
    assert task(volume="JNOJNC_0001") is Task.INDEX
    assert task(what=("x.png",), kernels=True) is Task.KERNELS


def test_sizes() -> None:
    assert parse_size("4G") == 4 << 30
    assert parse_size(" 1.5 mib") == 3 << 19
    assert parse_size("17") == 17
    for wrong in ("", "0", "-1", "4X", "1e9", "9999T", "x4G"):
        with pytest.raises(UsageError, match="--max-size"):
            parse_size(wrong)
    assert [size_words(size) for size in (0, 999, 1536, 618 << 10, 3 << 30)] == [
        "0 B", "999 B", "1.5 KB", "618 KB", "3.0 GB",
    ]  # fmt: skip


def test_the_command_line(archives: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[FetchRequest] = []
    monkeypatch.setattr("perijove.cli.fetch.run_fetch", lambda request: seen.append(request) or 0)
    run = CliRunner().invoke
    given = "fetch --perijove 34 --title 'Great  spot' --filter red --filter blue --max-size 2M -o out --no-unpack"
    assert run(app, given.replace("'Great  spot'", "Great").split()).exit_code == 0
    assert run(app, ["fetch", "--title", " Great  spot", "--perijove", "34", "--dry-run"]).exit_code == 0
    assert run(app, ["fetch", "--from", "2021-06-07T00:00", "--to", "2021-06-08T00:00", "-o", "x"]).exit_code == 0
    assert run(app, ["fetch", "11"]).exit_code == 2
    assert seen[0] == FetchRequest(
        perijove=34, words=("Great",), filters=("red", "blue"), max_bytes=2 << 20, output=Path("out"), unpack=False
    )
    assert seen[1].words == ("Great", "spot")
    assert seen[2].task is Task.KERNELS
    monkeypatch.setattr("perijove.cli.fetch.run_fetch", lambda request: 1)
    assert run(app, ["fetch", "11", "-o", "x"]).exit_code == 1


def test_a_folder_that_cannot_be_made_is_told_at_once(fetch: Any, archives: Any, server: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Exception, match="is a file"):
        fetch("11", output=tmp_path / "file" / "out")
    assert not server.asked
