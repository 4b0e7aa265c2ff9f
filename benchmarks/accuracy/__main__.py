"""Accuracy on simulated strips, where the truth is known: the figures of docs/accuracy-simulated.md.

Run from the root of the repository; a full run takes about a quarter of an hour on two cores and writes that page.

    python -m benchmarks.accuracy [--cases N] [--only NAME] [--seed S] [--json]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import traceback
from dataclasses import replace
from pathlib import Path

import numpy as np
from benchmarks.accuracy.cases import CASES, Case, make
from benchmarks.accuracy.measure import Row, measure, plain, summarise
from benchmarks.accuracy.process import Done, Say, photograph_case, process_case
from benchmarks.accuracy.report import page, screen_table, summary_lines
from rich.console import Console
from rich.status import Status

from perijove.errors import PerijoveError
from perijove.io.atomic import write_files

PAGE = Path(__file__).parents[2] / "docs" / "accuracy-simulated.md"


def run_case(case: Case, seed: int, say: Say) -> list[Row]:
    """Simulate, process and compare one case; a failure is a row."""
    started = time.perf_counter()
    try:
        with tempfile.TemporaryDirectory() as name:
            made, folder = make(case, seed), Path(name)
            strips = photograph_case(made, folder, say)
            observations = process_case(made, folder, [s.strip_name for s in strips], say)
        say("comparing")
        done = Done(made, strips, observations)
        rows = [measure(done, k, light=case.detector != "camera") for k in range(len(strips))]
    except PerijoveError as error:
        rows = [Row(case.name, "", failed=str(error))]
    except Exception as error:
        # the table shall have all its other rows
        traceback.print_exc(file=sys.stderr)
        rows = [Row(case.name, "", failed=f"{type(error).__name__}: {error}")]
    return [replace(row, seconds=(time.perf_counter() - started) / len(rows)) for row in rows]


def chosen(only: list[str], count: int | None) -> list[tuple[int, Case]]:
    """Cases with their numbers, whose names hold one of `only`, the first `count` of them."""
    found = [(k, c) for k, c in enumerate(CASES) if not only or any(part.lower() in c.name.lower() for part in only)]
    return found[:count]


def main() -> None:
    """Run the cases that are asked for and print what came of them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cases", type=int, help="only so many of the cases")
    parser.add_argument("--only", action="append", default=[], help="only cases whose name holds this; may be repeated")
    parser.add_argument("--seed", type=int, default=0, help="other worlds, cameras and noise")
    parser.add_argument("--json", action="store_true", help="print the rows as JSON instead of the table")
    asked = parser.parse_args()
    cases = chosen(asked.only, asked.cases)
    if not cases:
        parser.error(f"no case is called {', '.join(asked.only)}: choose {', '.join(case.name for case in CASES)}")
    console = Console(stderr=True)
    rows: list[Row] = []
    for done, (k, case) in enumerate(cases):
        with console.status(case.name) as status:

            def say(what: str, name: str = case.name, status: Status = status) -> None:
                status.update(f"{name}: {what}")

            rows += run_case(case, 1000 * asked.seed + k, say)
        last = rows[-1]
        what = f"failed: {last.failed}" if last.failed else f"{last.median_px:.3f} px ({last.sigma_px:.2f} stated)"
        console.print(f"[{done + 1}/{len(cases)}] {case.name}: {what}, {last.seconds:.0f} s", highlight=False)
    summary = summarise(rows)
    if asked.json:
        print(json.dumps({"rows": plain(rows), "summary": plain(summary)}, indent=1))
    else:
        width = None if sys.stdout.isatty() else 260
        out = Console(width=width)
        out.print(screen_table(rows))
        for line in summary_lines(summary):
            out.print(line, highlight=False)
    if len(cases) == len(CASES) and asked.seed == 0:
        write_files({PAGE: page(rows, summary, len(cases), "").encode()})


if __name__ == "__main__":
    with np.errstate(invalid="ignore"):
        main()
