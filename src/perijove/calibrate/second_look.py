"""A second look at what may be hits, once the pointing is known: light after `recheck`, put back or replaced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from perijove.bodies import Body
from perijove.calibrate.decompand import decompanding_table
from perijove.calibrate.framelets import LOSSLESS, Calibrated
from perijove.calibrate.outliers import code_sigma
from perijove.calibrate.quality import Quality
from perijove.calibrate.recheck import Candidates, Ruling, doubtful, recheck, revise
from perijove.instrument import FRAMELET_LINES, Filter
from perijove.raw import RawImage
from perijove.swath import Swath

Light = NDArray[np.float32]
Indices = NDArray[np.int64]

MANY_HITS = 0.002
"""Share of a filter's pixels that are hits from which none is put back: there what another framelet shows at the same
place may be a hit of its own."""


def look_again(raw: RawImage, done: Calibrated, swaths: Sequence[Swath], body: Body) -> Calibrated:
    """The strip's light after its doubtful pixels were looked up where other framelets see the same place.

    `swaths` are the strip's, one a filter, with their light in DN. Suspects that are hits are replaced; what was taken
    for a hit and is scene is put back, unless hits are many.
    """
    table = decompanding_table(raw.label.bit_mode)
    candidates = {band: _candidates(raw, done, band, table) for band in done.light}
    rulings = recheck(swaths, candidates, body, done.dn_per_light)
    light, quality, details = dict(done.light), dict(done.quality), dict(done.details)
    lossy = raw.label.compression != LOSSLESS
    for band, ruling in rulings.items():
        if not len(candidates[band].index):
            continue
        part = done.details[band]
        hits = np.count_nonzero(part.mended.quality & np.uint8(Quality.HIT)) / part.mended.quality.size
        kept = ruling if hits < MANY_HITS else Ruling(np.minimum(ruling.odds, np.float32(0)))
        revised = revise(raw.framelets(band), table, part.mended, kept, lossy=lossy)
        there = revised.changed
        plane = light[band].copy()
        change = _light_of(revised.mended.codes, there, part.values) - _light_of(part.mended.codes, there, part.values)
        plane.reshape(-1)[there] += change / part.response.reshape(-1)[there % part.response.size]
        light[band], quality[band] = plane, revised.mended.quality
        details[band] = replace(part, mended=revised.mended)
    return replace(done, light=light, quality=quality, details=details)


def _candidates(raw: RawImage, done: Calibrated, band: Filter, table: Light) -> Candidates:
    """The doubtful pixels of one filter, with the light that was read there."""
    part, codes = done.details[band], raw.framelets(band)
    index = doubtful(part.mended.quality)
    response = part.response.reshape(-1)[index % part.response.size]
    read = _light_of(codes, index, part.values) - _light_of(part.mended.codes, index, part.values)
    seen = done.light[band].reshape(-1)[index] + read / response
    code = codes.reshape(-1)[index]
    sigma = code_sigma(table, FRAMELET_LINES // codes.shape[1], lossy=raw.label.compression != LOSSLESS)
    noise = sigma[code] * np.gradient(table.astype(np.float64))[code] / response
    # masked columns have no light, and nothing is to be decided there
    lit = np.isfinite(seen)
    return Candidates(index, np.where(lit, seen, 0.0).astype(np.float32), noise.astype(np.float32))


def _light_of(codes: NDArray[np.uint8], index: Indices, values: Light) -> Light:
    """DN above bias of codes (frames, lines, samples) at flat places; `values` (frames, 256) tells them."""
    frame = index // (codes.shape[1] * codes.shape[2])
    out: Light = values[frame, codes.reshape(-1)[index]]
    return out
