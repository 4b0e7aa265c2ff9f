"""The light of many strips out of memory: what each step does not touch lies in files (see `perijove.spill`)."""

from __future__ import annotations

from dataclasses import replace

from perijove.calibrate.framelets import Calibrated
from perijove.raw import RawImage
from perijove.spill import release, spilled

MANY = 6
"""Strips from which on their light is kept in files: at some 100 MB each they need a computer's memory otherwise."""


def parked(calibrated: Calibrated, strips: int) -> Calibrated:
    """The light of a strip, in files where it is one of many."""
    if strips < MANY:
        return calibrated
    light = {band: spilled(plane) for band, plane in calibrated.light.items()}
    quality = {band: spilled(plane) for band, plane in calibrated.quality.items()}
    details = {
        band: replace(part, mended=replace(part.mended, codes=spilled(part.mended.codes)))
        for band, part in calibrated.details.items()
    }
    release()
    return replace(calibrated, light=light, quality=quality, details=details)


def parked_raw(raw: RawImage, strips: int) -> RawImage:
    """The codes of a strip, in a file where it is one of many."""
    return raw if strips < MANY else replace(raw, codes=spilled(raw.codes))
