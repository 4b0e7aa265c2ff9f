"""What libtiff prints is dropped, what others print is not."""

import os
import subprocess
import sys
import threading

import pytest

from perijove.io.hush import hushed

LIBTIFF = b"_tiffWriteProc: No space left on device.\n"


def test_only_the_words_of_libtiff_are_dropped(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Python's stderr as it is outside of tests, but printing late
    stream = open(2, "w", closefd=False)  # noqa: SIM115
    monkeypatch.setattr(sys, "stderr", stream)
    print("before", file=sys.stderr)
    with hushed():
        os.write(2, LIBTIFF)
        print("meanwhile", file=sys.stderr)
        sys.stderr.flush()
        os.write(2, b"TIFFAppendToStrip: Write error at scanline 3.\nTIFF is a kind of file: so it is\n")
        os.write(2, b"half a line, " + LIBTIFF)
        print("no _tiffany: here", file=sys.stderr)
    os.write(2, LIBTIFF)
    told = capfd.readouterr().err
    assert told == (
        "before\nmeanwhile\nTIFF is a kind of file: so it is\nhalf a line, no _tiffany: here\n" + LIBTIFF.decode()
    )


def test_an_error_inside_turns_stderr_back(capfd: pytest.CaptureFixture[str]) -> None:
    opened = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0

    def interrupted() -> None:
        with hushed():
            os.write(2, b"kept\n")
            raise KeyboardInterrupt

    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            interrupted()
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "kept\n" * 3 + "after\n"
    if opened:
        assert len(os.listdir("/proc/self/fd")) == opened


def test_blocks_of_several_threads_overlap(capfd: pytest.CaptureFixture[str]) -> None:
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with hushed():
            inside.set()
            leave.wait(10.0)
            os.write(2, LIBTIFF + b"of the other\n")

    thread = threading.Thread(target=other)
    with hushed():
        thread.start()
        assert inside.wait(10.0)
        with hushed():
            os.write(2, b"nested\n")
    # the other's block goes on
    os.write(2, LIBTIFF)
    leave.set()
    thread.join()
    assert capfd.readouterr().err == "nested\nof the other\n"


@pytest.mark.parametrize("spoil", ["os.close(2)", "sys.stderr = None", "os.memfd_create = no_room"])
def test_where_nothing_can_be_turned_aside_the_work_goes_on(spoil: str) -> None:
    script = f"""
import os, sys
from perijove.io.hush import hushed
def no_room(name): raise OSError(24, "Too many open files")
{spoil}
with hushed():
    print("done")
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == "done\n"
