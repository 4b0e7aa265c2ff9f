"""Wall time of `perijove --help`, which imports nothing heavy; it should stay below 0.3 s.

python benchmarks/bench_startup.py [--repeat 9]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time


def seconds(arguments: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=9)
    repeat = parser.parse_args().repeat
    seconds(["-m", "perijove", "--help"])  # byte code and disk cache
    commands = {"python -c pass": ["-c", "pass"], "perijove --help": ["-m", "perijove", "--help"]}
    for name, arguments in commands.items():
        times = [seconds(arguments) for _ in range(repeat)]
        print(f"{name:16s} median {statistics.median(times):.3f} s, fastest {min(times):.3f} s of {repeat}")


if __name__ == "__main__":
    main()
