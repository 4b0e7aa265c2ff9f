"""CalibrationFrames: what is fixed to the chip, pixel by pixel: response, offset, and which pixels tell nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perijove.errors import UsageError
from perijove.instrument import FRAMELET_LINES, LIT_SAMPLES, SAMPLES, Filter

Plane = NDArray[np.float32]
Counts = NDArray[np.int32]
Mask = NDArray[np.bool_]

SHAPE = (FRAMELET_LINES, SAMPLES)


@dataclass(frozen=True)
class BandFrames:
    """The frames of one filter, all (128, 1648), native pixels; NaN where nothing is known.

    `flat` is the relative response, mean 1 over the lit samples: light is divided by it. `bias` in DN is what a pixel
    reads beyond the framelet's own bias, mean 0 over the lit samples: it is taken off before. `flat_sigma` and
    `bias_sigma` are their one-sigma errors, `flat_count` and `bias_count` the framelets behind each pixel. `bad` marks
    pixels not to be used. `flat_sigma` holds the large scale's error too, which neighbours share: as a pixel's noise
    only its small-scale part is to be reckoned.
    """

    flat: Plane
    flat_sigma: Plane
    flat_count: Counts
    bias: Plane
    bias_sigma: Plane
    bias_count: Counts
    bad: Mask

    def __post_init__(self) -> None:
        """Refuse planes of another shape."""
        for name, plane in vars(self).items():
            if plane.shape not in (SHAPE, (SHAPE[0] // 2, SHAPE[1] // 2)):
                raise UsageError(f"calibration frame {name} is of shape {plane.shape}: it must be {SHAPE}")


@dataclass(frozen=True)
class CalibrationFrames:
    """The calibration frames of a camera by filter; `provenance` says in plain text what they were made of.

    A filter that is missing has no frames: the default response is used for it.
    """

    name: str
    bands: Mapping[Filter, BandFrames]
    provenance: str

    def summed(self) -> CalibrationFrames:
        """The frames as 2 x 2 summed strips need them: every plane (64, 824)."""
        return replace(self, bands={band: sum_frames(frames) for band, frames in self.bands.items()})

    def at(self, band: Filter, lines: int) -> BandFrames | None:
        """The frames of a filter for framelets of `lines` (128, or 64 where summed); None where there are none."""
        frames = self.bands.get(band)
        if frames is None or frames.flat.shape[0] == lines:
            return frames
        return sum_frames(frames)


def sum_frames(frames: BandFrames) -> BandFrames:
    """Frames (64, 824) of pixels summed 2 x 2: mean flat and bias of the four, their errors taken as independent.

    A summed pixel is bad, and its flat unknown, where any of its four is.
    """
    return BandFrames(
        flat=_means(frames.flat),
        flat_sigma=np.sqrt(_means(frames.flat_sigma**2) / 4.0),
        flat_count=_least(frames.flat_count),
        bias=_means(frames.bias),
        bias_sigma=np.sqrt(_means(frames.bias_sigma**2) / 4.0),
        bias_count=_least(frames.bias_count),
        bad=np.asarray(_blocks(frames.bad).any(axis=(1, 3)), np.bool_),
    )


def plain_frames(flat: Plane) -> BandFrames:
    """Frames with a flat alone: no offset, no error known, nothing counted; bad where the flat is not above 0."""
    nothing = np.full(flat.shape, np.nan, np.float32)
    none = np.zeros(flat.shape, np.int32)
    lit = lit_mask()
    bad = lit & ~(flat > 0)
    return BandFrames(flat, nothing, none, np.where(lit, 0, nothing).astype(np.float32), nothing, none, bad)


def lit_mask() -> Mask:
    """Which pixels (128, 1648) see light at full response."""
    mask = np.zeros(SHAPE, np.bool_)
    mask[:, LIT_SAMPLES] = True
    return mask


def normalised(flat: NDArray[np.floating]) -> Plane:
    """A flat (128, 1648) with mean 1 over its lit samples, NaN elsewhere."""
    lit = np.where(lit_mask(), flat, np.nan)
    return np.asarray(lit / np.nanmean(lit), np.float32)


def _blocks(plane: NDArray[np.generic]) -> NDArray[np.generic]:
    lines, samples = plane.shape
    return plane.reshape(lines // 2, 2, samples // 2, 2)


def _means(plane: Plane) -> Plane:
    return np.asarray(np.asarray(_blocks(plane)).mean(axis=(1, 3)), np.float32)


def _least(counts: Counts) -> Counts:
    return np.asarray(np.asarray(_blocks(counts)).min(axis=(1, 3)), np.int32)
