"""The light of many strips out of memory: what each step does not touch lies in files (see `perijove.spill`)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from perijove.calibrate.framelets import Calibrated
from perijove.raw import RawImage
from perijove.spill import release, spilled, spilled_together, trim

MANY = 6
"""Strips from which on their light is kept in files: at some 100 MB each they need a computer's memory otherwise."""


def parked(calibrated: Calibrated, strips: int) -> Calibrated:
    """The light of a strip, in a file where it is one of many, with all else that has the size of a framelet."""
    if strips < MANY:
        return calibrated
    planes: list[NDArray[Any]] = [*calibrated.light.values(), *calibrated.quality.values()]
    for part in calibrated.details.values():
        planes += [part.mended.codes, part.mended.quality, part.response, part.extra]
    # some planes stand in two places
    file = dict(zip(map(id, planes), spilled_together(planes), strict=True))
    details = {
        band: replace(
            part,
            mended=replace(part.mended, codes=file[id(part.mended.codes)], quality=file[id(part.mended.quality)]),
            response=file[id(part.response)],
            extra=file[id(part.extra)],
        )
        for band, part in calibrated.details.items()
    }
    release()
    trim()
    return replace(
        calibrated,
        light={band: file[id(plane)] for band, plane in calibrated.light.items()},
        quality={band: file[id(plane)] for band, plane in calibrated.quality.items()},
        details=details,
    )


def parked_raw(raw: RawImage, strips: int) -> RawImage:
    """The codes of a strip, in a file where it is one of many."""
    return raw if strips < MANY else replace(raw, codes=spilled(raw.codes))
