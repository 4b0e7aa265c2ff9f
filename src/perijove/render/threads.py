"""Sharing blocks of work among threads: kernels release the interpreter's lock."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


def processors() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_blocks(work: Callable[[int], None], starts: range, threads: int | None) -> None:
    """Call `work` for every start, spread over threads; the first error is raised."""
    count = min(threads or processors(), len(starts))
    if count <= 1:
        for start in starts:
            work(start)
        return
    with ThreadPoolExecutor(count) as pool:
        for _ in pool.map(work, starts):
            pass
