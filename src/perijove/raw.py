"""RawImage: the framelets of one strip, as they came down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from perijove.instrument import Filter
from perijove.label import Label


@dataclass(frozen=True)
class Reduction:
    """How the codes of a reduced strip (RDR) were had from its 16-bit samples.

    `scale` maps a filter to the sample value of one of the camera's data numbers. `exact` has the filters all of whose
    samples are table numbers times that scale, so that the codes are those that came down. Of the others samples are
    taken for I/F times 10000, and the codes are the nearest ones.
    """

    scale: Mapping[Filter, float]
    exact: frozenset[Filter]

    @property
    def whole(self) -> bool:
        """Whether the codes of all filters are those that came down."""
        return self.exact >= self.scale.keys()


@dataclass(frozen=True)
class RawImage:
    """One strip and its label.

    `codes` (lines, samples) uint8 holds the companded values as read. Framelets stand one below the other, frame by
    frame, in the order of ``label.filters``; only whole framelets count. `sha256` (hex) is that of the file's bytes.
    `reduction` tells how the codes of a reduced strip were found, None where they stand in the file.
    """

    label: Label
    codes: NDArray[np.uint8]
    path: Path
    sha256: str
    reduction: Reduction | None = None

    @property
    def framelet_lines(self) -> int:
        """Lines of one framelet: 128, or 64 where pixels were summed 2 x 2."""
        return self.label.framelet_lines

    def framelets(self, band: Filter) -> NDArray[np.uint8]:
        """Codes (frames, lines, samples) of one filter; frame i is the i-th exposure; a cut last frame may lack it."""
        k, n = self.label.filters.index(band), len(self.label.filters)
        whole = self.codes.shape[0] // self.framelet_lines
        stack = self.codes[: whole * self.framelet_lines].reshape(whole, self.framelet_lines, -1)
        return stack[k::n]


def lines_of(label: Label, band: Filter) -> NDArray[np.bool_]:
    """Which lines (lines,) of a strip belong to one filter, those of a framelet that was cut short among them."""
    framelet = np.arange(label.lines) // label.framelet_lines
    lines: NDArray[np.bool_] = framelet % len(label.filters) == label.filters.index(band)
    return lines
