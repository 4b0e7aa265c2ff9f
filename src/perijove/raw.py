"""RawImage: the framelets of one strip, as they came down."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from perijove.instrument import Filter
from perijove.label import Label


@dataclass(frozen=True)
class RawImage:
    """One strip and its label.

    `codes` (lines, samples) uint8 holds the companded values as read. Framelets stand one below the other, frame by
    frame, in the order of ``label.filters``; only whole framelets count. `sha256` (hex) is that of the file's bytes.
    """

    label: Label
    codes: NDArray[np.uint8]
    path: Path
    sha256: str

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
