"""Overlap: which strips have seen the same ground, and which hang together by it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from perijove.cartography.plan import strip_footprint
from perijove.observation import Observation
from perijove.render.footprint import Footprint

CELL = np.radians(2.0)
"""Size of the cells of latitude, and of longitude at the equator, in which two strips may have seen the same."""
LEAST_SHARE, LEAST_CELLS = 0.02, 4
"""Strips that share fewer cells than these, as a share of the smaller footprint and as a number, do not overlap."""


def hanging_together(observations: Sequence[Observation], horizon: float) -> list[list[int]]:
    """Numbers of strips in groups that hang together by ground seen at a cosine of emission of `horizon` or more.

    The largest group comes first, of equal ones that which was taken first; within a group strips are in order.
    """
    seen = [cells(strip_footprint(o, horizon)) for o in observations]
    left, groups = set(range(len(seen))), []
    while left:
        group, edge = set[int](), {min(left)}
        while edge:
            group |= edge
            edge = {k for k in left - group if any(overlap(seen[k], seen[j]) for j in edge)}
        left -= group
        groups.append(sorted(group))
    return sorted(groups, key=lambda group: (-len(group), min(observations[k].middle_et for k in group)))


def overlap(one: frozenset[tuple[int, int]], other: frozenset[tuple[int, int]]) -> bool:
    """Whether two sets of cells have enough in common."""
    return len(one & other) >= max(LEAST_SHARE * min(len(one), len(other)), LEAST_CELLS)


def cells(seen: Footprint) -> frozenset[tuple[int, int]]:
    """Cells of about equal area in which places of a footprint lie."""
    row = np.floor(seen.latitude / CELL).astype(int)
    wide = np.maximum(np.cos((row + 0.5) * CELL), CELL / (2.0 * np.pi))
    column = np.floor(np.mod(seen.longitude, 2.0 * np.pi) * wide / CELL).astype(int)
    return frozenset(zip(row.tolist(), column.tolist(), strict=True))
