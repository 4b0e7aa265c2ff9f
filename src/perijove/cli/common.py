"""What all commands share: how errors, warnings and progress are told, and with which code the program ends."""

from __future__ import annotations

import json
import math
import os
import signal
import sys
import threading
import time
import traceback
import unicodedata
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from types import FrameType
from typing import TYPE_CHECKING, TextIO

import typer

from perijove.errors import PerijoveError, PerijoveWarning

if TYPE_CHECKING:
    from rich.console import Console

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it (128 + SIGINT)."""
LOGGED = True
"""Whether steps are told in plain lines where stderr is no terminal."""
SPARING_S = 2.0
"""Seconds between two plain lines of one and the same step."""
_BEGUN = time.perf_counter()
SUMMING_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""What linear algebra reads when it is loaded: with as many threads as there are processors it sums in another order,
and a product would not be the same bit for bit on another machine."""
TERMINATED = 143
"""Exit code after SIGTERM, by which batch queues end what has had its time (128 + SIGTERM)."""


def debugging() -> bool:
    """Whether the user wants tracebacks: PERIJOVE_DEBUG is set to anything but 0."""
    return os.environ.get("PERIJOVE_DEBUG", "0") not in ("", "0")


def plain(text: str) -> str:
    """The text on one line, with control characters and lone surrogates made visible; safe for any terminal."""
    return "".join(
        char.encode("unicode_escape").decode("ascii") if unicodedata.category(char) in ("Cc", "Cs") else char
        for char in text
    )


def complain(sentence: object) -> None:
    """Print an error, or what it says, as one line on stderr."""
    print(f"perijove: {plain(str(sentence))}", file=sys.stderr)


def error_console() -> Console:
    """A rich console on stderr, as it is at this moment."""
    from rich.console import Console

    return Console(stderr=True)


@contextmanager
def command() -> Iterator[None]:
    """Around the body of a command: whatever goes wrong in it becomes one sentence on stderr and an exit code.

    A `PerijoveError` ends with its own code, Ctrl-C with 130, SIGTERM with 143, a reader that closed the pipe with 1
    in silence, and what nobody foresaw with 1 and the request to report it. Warnings of the package are printed once
    each.
    """
    for name in SUMMING_THREADS:
        os.environ.setdefault(name, "1")
    try:
        with _terminable(), _told_warnings():
            yield
        sys.stdout.flush()  # here, where a closed pipe or a full disk can still be told
    except (typer.Exit, typer.Abort, typer.BadParameter):
        raise
    except PerijoveError as error:
        complain(error)
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    except OSError as error:
        _settle(sys.stdout)
        if not isinstance(error, BrokenPipeError):
            where = "" if error.filename is None else f"{error.filename}: "
            complain(f"{where}{error.strerror or error}: check the name, the permissions and the space on the disk")
        raise SystemExit(1) from None
    except Exception as error:
        _confess(error)
        raise SystemExit(1) from None


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM end the block as an error would, with nothing left behind, where nobody else handles it."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        # a second one must not interrupt the tidying up
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise SystemExit(TERMINATED)

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _confess(error: Exception) -> None:
    """Tell of an error that is the program's own, or the machine's."""
    if debugging():
        traceback.print_exception(error)
    if isinstance(error, MemoryError):
        complain("there is not enough memory: choose a smaller --size or fewer strips")
        return
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    complain(
        f"an unforeseen error ({what}): please report it with the command and its input; "
        "PERIJOVE_DEBUG=1 shows where it happened"
    )


def _settle(stream: TextIO) -> None:
    """Point a stream that takes no more to nowhere, so that Python has nothing to say of it at exit."""
    try:
        stream.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


@contextmanager
def _told_warnings() -> Iterator[None]:
    """Print the package's warnings as sentences; those of other libraries only where the user debugs."""
    told: set[str] = set()

    def tell(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        text = f"warning: {plain(str(message))}"
        if not issubclass(category, PerijoveWarning):
            if not debugging():
                return
            text = plain(warnings.formatwarning(message, category, filename, lineno).strip())
        if text not in told:
            told.add(text)
            print(text, file=sys.stderr)

    with warnings.catch_warnings():
        warnings.filterwarnings("always", category=PerijoveWarning)
        warnings.showwarning = tell
        yield


class Steps:
    """Says on stderr which step is being done, and keeps how long each took.

    On a terminal that is a line that moves, elsewhere plain lines, and nothing where `quiet`. `of` names what the steps
    are of, a strip say. Steps may be nested; a step that is done again adds to its time.
    """

    def __init__(self, *, quiet: bool = False, of: str = "") -> None:
        """Look once whether there is a terminal to tell it to."""
        self._timings: dict[str, float] = {}
        self._depth = 0
        self._of = f"{of}: " if of else ""
        terminal = sys.stderr.isatty()
        self._console = error_console() if terminal and not quiet else None
        self._plain = _PlainLines() if LOGGED and not (terminal or quiet) else None

    @property
    def timings_s(self) -> Mapping[str, float]:
        """Seconds by step, in the order in which they first ended."""
        return dict(self._timings)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Around one step of the work, e.g. ``with steps.step("render"):``."""
        with self.steps(name):
            yield

    @contextmanager
    def steps(self, name: str) -> Iterator[Callable[[str, str], None]]:
        """Around steps that follow each other: what it gives is called with the next one's name and what it does."""
        line = self._line(name)
        done: dict[str, float] = {}
        current, start = name, time.perf_counter()

        def end() -> None:
            done[current] = done.get(current, 0.0) + time.perf_counter() - start

        def turn(following: str, doing: str) -> None:
            nonlocal current, start
            turned = following != current
            if turned:
                end()
                current, start = following, time.perf_counter()
            if line is not None:
                line.say(self._of + doing, turned)

        self._depth += 1
        try:
            with line.live if isinstance(line, _Line) else nullcontext():
                yield turn
        finally:
            self._depth -= 1
        end()
        for step, took in done.items():
            self._timings[step] = self._timings.get(step, 0.0) + took
            if self._console is not None and not self._depth:
                self._console.print(f"{step} {took:.1f} s", markup=False, highlight=False, style="dim")

    def _line(self, name: str) -> _Line | _PlainLines | None:
        """Where outermost steps are told, the first one there already; None where nobody is told."""
        if self._depth:
            return None
        if self._console is not None:
            return _Line(self._console, self._of + name)
        if self._plain is not None:
            self._plain.say(self._of + name, True)
        return self._plain


class _PlainLines:
    """Lines for a log: each with the seconds since the program began, and within a step not too many."""

    def __init__(self) -> None:
        self._told, self._when = "", 0.0

    def say(self, doing: str, turned: bool) -> None:
        """Print what is being done where it is a new step, or where nothing was told for a while."""
        now = time.perf_counter()
        if doing != self._told and (turned or now - self._when >= SPARING_S):
            self._told, self._when = doing, now
            print(f"{now - _BEGUN:7.1f} s  {plain(doing)}", file=sys.stderr, flush=True)


class _Line:
    """A line that moves while a step lasts and goes away after it."""

    def __init__(self, console: Console, doing: str) -> None:
        from rich.live import Live
        from rich.spinner import Spinner

        self._spinner = Spinner("dots")
        self.say(doing, True)
        # what is printed on stdout meanwhile goes above the line, but only where both are one terminal
        self.live = Live(self._spinner, console=console, transient=True, redirect_stdout=sys.stdout.isatty())

    def say(self, doing: str, turned: bool) -> None:
        """Put other words behind the spinner, whether or not it is another step."""
        from rich.text import Text

        self._spinner.update(text=Text(f"{doing} ..."))


def finite(value: object) -> object:
    """The value with every number that JSON lacks (NaN, infinity) made None, in dicts, lists and tuples too."""
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value


def json_text(value: object) -> str:
    """The value as indented JSON that every reader takes: NaN becomes null; the line ends in a newline."""
    return json.dumps(finite(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
