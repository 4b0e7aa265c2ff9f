"""Sharing the rows of a picture among threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from perijove.render.threads import processors


def over_rows(work: Callable[[slice], object], height: int) -> None:
    """Call `work` with slices that together cover all rows, one for each processor; the first error is raised."""
    step = max(-(-height // processors()), 1)
    parts = [slice(first, min(first + step, height)) for first in range(0, height, step)]
    with ThreadPoolExecutor(max(len(parts), 1)) as pool:
        for _ in pool.map(work, parts):
            pass
