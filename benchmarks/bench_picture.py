"""Wall time, processor time and peak memory of `perijove picture` on a real strip, step by step.

Runs the command on 44C00030 at 2048 px, once to warm the caches and then a few times, and prints the median of each
step, of the whole process, and its peak memory. Needs the real strips (PERIJOVE_DATA, default ../shared/data).

    python benchmarks/bench_picture.py [--repeat 5] [--recipe enhanced]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DATA = Path(os.environ.get("PERIJOVE_DATA", Path(__file__).parents[2] / "shared" / "data"))
STRIP = DATA / "pj44" / "JNCE_2022229_44C00030_V01-raw.png"


def run_once(recipe: str, folder: Path) -> tuple[dict[str, float], float]:
    """Seconds by step (and `whole command`, `processor`), and the peak memory of the process in MB."""
    report = folder / "report.json"
    command = [sys.executable, "-m", "perijove", "picture", str(STRIP), "-o", str(folder / "picture.png"), "--quiet"]
    command += ["--recipe", recipe, "--size", "2048", "--report", str(report)]
    start = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    if status:
        raise SystemExit(f"the command failed: {' '.join(command)}")
    steps = json.loads(report.read_text())["strips"][0]["timings_s"]
    steps = {**steps, "whole command": wall, "processor": usage.ru_utime + usage.ru_stime}
    return steps, usage.ru_maxrss / 1024.0


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--recipe", default="enhanced")
    arguments = parser.parse_args()
    if not STRIP.is_file():
        print(f"no real strip at {STRIP}: set PERIJOVE_DATA to the folder that holds them")
        return
    with tempfile.TemporaryDirectory() as name:
        run_once(arguments.recipe, Path(name))
        runs = [run_once(arguments.recipe, Path(name)) for _ in range(arguments.repeat)]
    for step in runs[0][0]:
        times = [steps[step] for steps, _ in runs]
        print(f"{step:16s} median {statistics.median(times):6.2f} s, fastest {min(times):6.2f} s of {arguments.repeat}")
    print(f"{'peak memory':16s} median {statistics.median([memory for _, memory in runs]):6.0f} MB")


if __name__ == "__main__":
    main()
