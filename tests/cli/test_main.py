import json
import os
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import perijove
from perijove.cli import common
from perijove.cli.app import app
from perijove.cli.common import Steps, command, json_text, plain
from perijove.errors import LabelError, PerijoveWarning, UsageError
from perijove.io.atomic import Staged

HEAVY = ("cv2", "matplotlib", "numba", "numpy", "rasterio", "rich", "scipy")
Writer = Callable[..., Path]


def run(*args: object, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """The real command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "perijove", *map(str, args)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **(env or {})},
    )


def test_help_names_the_commands() -> None:
    result = run("--help")
    assert result.returncode == 0
    assert result.stderr == ""
    for verb in ("info", "solve", "picture"):
        assert f"  {verb} " in result.stdout


@pytest.mark.parametrize(
    ("verb", "options"),
    [
        ("info", "--json --labels"),
        ("solve", "--labels --output -o --plot --quiet --json"),
        (
            "picture",
            "--labels -o --recipe --size --fov --centre --north --camera-up --report --credit --format --depth "
            "--interpolation --quiet --json",
        ),
    ],
)
def test_help_of_a_command_names_its_options(verb: str, options: str) -> None:
    result = CliRunner().invoke(app, [verb, "--help"], env={"COLUMNS": "100"})
    assert result.exit_code == 0
    words = result.stdout.replace(",", " ").split()
    assert [option for option in options.split() if option not in words] == []


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys\nfrom perijove.cli import main\nsys.argv = ['perijove', 'picture', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"


def test_version() -> None:
    result = run("--version")
    assert (result.returncode, result.stdout) == (0, f"perijove {perijove.__version__}\n")


@pytest.mark.parametrize("args", [["paint"], ["info"], ["info", "--loud", "x"], ["picture", "a.png"], []])
def test_misuse_is_exit_2(args: list[str]) -> None:
    result = CliRunner().invoke(app, args)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--recipe", "sepia"], "'sepia' is none"),
        (["--depth", "12"], "'12' is not one of"),
        (["--format", "gif"], "'gif' is not one of"),
        (["--interpolation", "nearest"], "'nearest' is not one of"),
        (["--size", "many"], "--size"),
        (["--size", "0"], "--size 0"),
        (["--fov", "nan"], "--fov nan"),
        (["--centre", "north"], "--look 'north'"),
    ],
)
def test_impossible_picture_is_exit_2_and_writes_nothing(options: list[str], told: str, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    result = CliRunner().invoke(app, ["picture", "a.png", "-o", str(out), *options])
    assert result.exit_code == 2
    assert told in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_own_errors_are_one_sentence_with_their_code(capsys: pytest.CaptureFixture[str]) -> None:
    for error, code in ((LabelError("label.json: LINES is missing\nhere"), 1), (UsageError("no such recipe"), 2)):
        with pytest.raises(SystemExit) as caught, command():
            raise error
        assert caught.value.code == code
        assert capsys.readouterr().err == f"perijove: {str(error).replace(chr(10), chr(92) + 'n')}\n"


def test_interrupt_is_130_without_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught, command():
        raise KeyboardInterrupt
    assert caught.value.code == 130
    assert capsys.readouterr() == ("", "")


def test_sigterm_is_143_and_leaves_no_temporary_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL

    def end_twice() -> None:
        with command(), Staged() as staged:
            staged.add(tmp_path / "a", b"a")
            assert len(list(tmp_path.iterdir())) == 1
            try:
                signal.raise_signal(signal.SIGTERM)
            finally:
                # an impatient second one while things are tidied up
                signal.raise_signal(signal.SIGTERM)

    with pytest.raises(SystemExit) as caught:
        end_twice()
    assert caught.value.code == 143
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr() == ("", "")
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


SLEEPER = """
import sys, time
from pathlib import Path
from perijove.cli.common import command
from perijove.io.atomic import Staged
with command(), Staged() as staged:
    staged.add(Path(sys.argv[1]) / "a", b"a")
    print("ready", flush=True)
    time.sleep(60)
"""


def test_a_process_that_is_terminated_leaves_nothing(tmp_path: Path) -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", SLEEPER, tmp_path], stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert len(list(tmp_path.iterdir())) == 1
        process.terminate()
        assert process.communicate() == ("", "")
    assert process.returncode == 143
    assert list(tmp_path.iterdir()) == []


def test_sigterm_is_left_to_who_handles_it_and_to_the_main_thread() -> None:
    seen: list[object] = []

    def look() -> None:
        with command():
            seen.append(signal.getsignal(signal.SIGTERM))

    look()
    assert seen.pop() != signal.SIG_DFL
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen.pop() == signal.SIG_DFL
    try:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        look()
        assert seen.pop() == signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def test_unforeseen_error(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for debug in ("0", "1"):
        monkeypatch.setenv("PERIJOVE_DEBUG", debug)
        with pytest.raises(SystemExit) as caught, command():
            raise ZeroDivisionError("by zero")
        assert caught.value.code == 1
        told = capsys.readouterr().err
        assert "perijove: an unforeseen error (ZeroDivisionError: by zero): please report it" in told
        assert ("Traceback" in told) == (debug == "1")


def test_fault_of_the_system_names_the_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as caught, command():
        (tmp_path / "none" / "x").write_text("")
    assert caught.value.code == 1
    told = capsys.readouterr().err
    assert told.startswith(f"perijove: {tmp_path / 'none' / 'x'}: No such file")
    assert told.count("\n") == 1


def test_warnings_of_the_package_are_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    with command():
        for _ in range(2):
            warnings.warn("the strip is a JPEG", PerijoveWarning, stacklevel=1)
    assert capsys.readouterr().err == "warning: the strip is a JPEG\n"


def test_warnings_of_others_only_for_those_who_debug(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for debug, told in (("", False), ("1", True)):
        monkeypatch.setenv("PERIJOVE_DEBUG", debug)
        with command(), warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("something inside a library", RuntimeWarning, stacklevel=1)
        assert ("something inside a library" in capsys.readouterr().err) == told


def test_closed_pipe_is_quiet(write_label: Writer) -> None:
    path = write_label()
    reader, writer = os.pipe()
    os.close(reader)
    try:
        result = subprocess.run(
            [sys.executable, "-m", "perijove", "info", "--json", str(path)],
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writer)
    assert (result.returncode, result.stderr) == (1, "")


def test_full_disk_is_told(write_label: Writer) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [sys.executable, "-m", "perijove", "info", str(write_label())],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert result.returncode == 1
    assert result.stderr.startswith("perijove: No space left on device")
    assert result.stderr.count("\n") == 1


def test_plain_leaves_nothing_that_a_terminal_obeys() -> None:
    assert plain("a\x1b[2J\nb\udc80\x07 é [red]") == r"a\x1b[2J\nb\udc80\x07 é [red]"


def test_steps_are_told_in_plain_lines_without_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(common, "LOGGED", True)
    for quiet in (False, True):
        steps = Steps(quiet=quiet, of="A")
        with steps.steps("read") as turn:
            turn("read", "reading 1 of 2")
            turn("solve", "solving \x1b it")
            with steps.step("inside"):
                print("answer")
            monkeypatch.setattr(common, "SPARING_S", 0.0)
            turn("solve", "solving \x1b it")
            turn("solve", "solving on")
            monkeypatch.setattr(common, "SPARING_S", 60.0)
        captured = capsys.readouterr()
        assert captured.out == "answer\n"
        # what follows at once is too much, what is said again is no news, and nobody writes escapes into a log
        lines = [] if quiet else ["A: read", r"A: solving \x1b it", "A: solving on"]
        assert [line.split(" s  ")[1] for line in captured.err.splitlines()] == lines
        assert all(float(line.split(" s  ")[0]) >= 0.0 for line in captured.err.splitlines())


def test_a_command_tells_its_steps_on_stderr_and_its_json_on_stdout(
    flight: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(common, "LOGGED", True)
    arguments = ["calibrate", str(flight.strip), "-o", str(tmp_path / "light.tif"), "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0
    json.loads(result.stdout)
    assert [line.split(" s  ")[1] for line in result.stderr.splitlines()] == ["reading", "calibrating", "writing"]


def test_a_command_sums_with_one_thread_unless_told() -> None:
    script = (
        "from perijove.cli.common import command\n"
        "with command():\n"
        "    import numpy, threadpoolctl\n"
        "    print({x['num_threads'] for x in threadpoolctl.threadpool_info() if x['user_api'] == 'blas'})\n"
    )
    bare = {name: value for name, value in os.environ.items() if name not in common.SUMMING_THREADS}
    for told, threads in ((bare, "{1}"), ({**bare, "OPENBLAS_NUM_THREADS": "2"}, "{2}")):
        done = subprocess.run([sys.executable, "-c", script], env=told, capture_output=True, text=True, check=True)
        assert done.stdout == f"{threads}\n"


def test_steps_keep_times(capsys: pytest.CaptureFixture[str]) -> None:
    steps = Steps()
    with steps.step("read"):
        pass
    for _ in range(2):
        with steps.step("solve"), steps.step("limb"):
            pass
    with pytest.raises(LabelError), steps.step("fail"):
        raise LabelError("no")
    assert list(steps.timings_s) == ["read", "limb", "solve"]
    assert steps.timings_s["solve"] >= steps.timings_s["limb"] >= 0.0
    assert capsys.readouterr() == ("", "")


def test_steps_are_told_on_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    for quiet in (False, True):
        steps = Steps(quiet=quiet)
        with steps.step("read [it]"):
            pass
        captured = capsys.readouterr()
        assert captured.out == ""
        assert ("read [it] 0.0 s" in captured.err) == (not quiet)


def test_what_is_printed_during_a_step_stays_on_stdout(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    steps = Steps()
    with steps.step("write"):
        print("answer")
    assert capsys.readouterr().out == "answer\n"


def test_json_has_no_nan() -> None:
    def refuse(name: str) -> None:
        pytest.fail(f"{name} is not JSON")

    text = json_text({"a": [float("nan"), 1.5], "b": (float("-inf"), "x")})
    assert json.loads(text, parse_constant=refuse) == {"a": [None, 1.5], "b": [None, "x"]}
    assert text.endswith("}\n")
