"""Particles: what radiation leaves in a picture, and what it has left in the detector.

Numbers measured on the dark sky of real strips. The camera reads its filters' strips one after the other, BLUE, GREEN,
RED, and what waits gathers more hits and more dark charge: 440, 890, 1350 hits above 8 DN a framelet of 44C00030 and
31, 45, 90 hot places above 5 DN, about as 1 : 2 : 3, whatever the exposure. How many hits there are is a matter of
where the spacecraft is far more than of when: 44C00029 and 44C00030, taken in the belts north of Jupiter, have three
hundred times as many as 44C00074 of the same pass far in the south (1.5, 5, 16).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from perijove.instrument import Filter

Light = NDArray[np.float32]
Mask = NDArray[np.bool_]

WAIT: Mapping[Filter, float] = {Filter.BLUE: 1.0, Filter.GREEN: 2.0, Filter.RED: 3.0, Filter.METHANE: 1.0}
"""How long the charge of a filter waits for its readout, blue 1; methane is taken to be read first, where blue is."""
QUIET_HITS, BELT_HITS = 5.0, 1450.0
"""Hits in a blue framelet far from the belts (34C00002, 44C00074: 0.4 and 4.4) and in them (44C00029/30: 1600, 1300).

All strengths, which by the law of `strike` is 2.9 times those above 8 DN."""
LAST_QUIET_PERIJOVE, DOUBLING_PERIJOVES = 46, 2.0
"""From PJ47 on the radiation damage grew; the rate is a guess that makes PJ56 and later in need of repair."""
HIT_DN, HIT_SLOPE = 12.0, 2.1
"""Hits above s DN are as (1 + s / 12)^-2.1: medians, 90 % and 99 % of those above 8 DN are 15, 50 and 180 DN."""
MOST_HIT_DN = 1000.0
"""No hit leaves more; 415 DN is the most seen in two strips."""
TRACK_SHARE, TRACK_STOP = 0.09, 0.6
"""Share of the hits that go on to a neighbouring pixel, and the chance to end at each further one."""
HOT_LEAST_DN, HOT_SLOPE, HOT_MOST_DN, HOT_STATED_DN = 2.0, 1.8, 200.0, 5.0
"""Hot places above s DN are as s^-1.8, from 2 to 200 DN; their number is stated for those above 5 DN."""
HOT_LENGTH, HOT_COLUMN_SHARE, MOST_COLUMN_DN = 3.0, 0.03, 6.0
"""Mean length in lines of the streak that a hot place leaves; the share that runs on to the framelet's end, faintly."""
HOT_PERIJOVE = 44
"""Perijove for which the number of hot places is stated; it grows with the number of perijoves, evenly."""


def hits_at(perijove: int) -> float:
    """Hits in a blue framelet outside the radiation belts at a perijove: few until PJ46, then doubling every second."""
    late = max(0, perijove - LAST_QUIET_PERIJOVE)
    return float(QUIET_HITS * 2.0 ** (late / DOUBLING_PERIJOVES))


def strike(charge: Light, count: float, rng: np.random.Generator) -> Mask:
    """Add about `count` particle hits to `charge` (lines, samples) in DN, in place; where they struck is returned.

    Places are even over the framelet; most hits fill one pixel, some draw a short straight track.
    """
    lines, samples = charge.shape
    n = int(rng.poisson(count))
    line, sample = rng.uniform(0, lines, n), rng.uniform(0, samples, n)
    strength = np.minimum(HIT_DN * (rng.uniform(size=n) ** (-1.0 / HIT_SLOPE) - 1.0), MOST_HIT_DN)
    length = np.where(rng.uniform(size=n) < TRACK_SHARE, 1 + rng.geometric(TRACK_STOP, n), 1)
    angle = rng.uniform(0, 2 * np.pi, n)
    struck = np.zeros(charge.shape, np.bool_)
    for k in range(int(length.max(initial=0))):
        i = np.floor(line + k * np.sin(angle)).astype(int)
        j = np.floor(sample + k * np.cos(angle)).astype(int)
        on = (length > k) & (i >= 0) & (i < lines) & (j >= 0) & (j < samples)
        np.add.at(charge, (i[on], j[on]), strength[on].astype(np.float32))
        struck[i[on], j[on]] = True
    return struck


def hot_places(shape: tuple[int, int], count: float, rng: np.random.Generator) -> Light:
    """Dark charge in DN (lines, samples) of hot places, of which about `count` exceed 5 DN; 0 elsewhere."""
    lines, samples = shape
    n = int(rng.poisson(count * (HOT_STATED_DN / HOT_LEAST_DN) ** HOT_SLOPE))
    line, sample = rng.integers(0, lines, n), rng.integers(0, samples, n)
    strength = np.minimum(HOT_LEAST_DN * rng.uniform(size=n) ** (-1.0 / HOT_SLOPE), HOT_MOST_DN).astype(np.float32)
    length = rng.geometric(1.0 / HOT_LENGTH, n)
    column = rng.uniform(size=n) < HOT_COLUMN_SHARE
    length[column] = lines
    strength[column] = np.minimum(strength[column], MOST_COLUMN_DN)
    extra = np.zeros(shape, np.float32)
    for i, j, dn, run in zip(line, sample, strength, length, strict=True):
        extra[i : i + run, j] += dn
    return extra
