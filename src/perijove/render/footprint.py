"""Footprint: which ground the framelets of a strip saw, on a lattice of their pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perijove.bodies import Body
from perijove.render.framelets import lit_columns
from perijove.render.raw_backplanes import raw_geometry
from perijove.swath import Swath

FloatArray = NDArray[np.float64]

LINES = 5
SAMPLES = 65
"""Places of the lattice in a framelet, its borders among them."""
PLANES = ("latitude", "longitude", "resolution", "incidence", "emission")


@dataclass(frozen=True)
class Footprint:
    """Places (n,) on the ground that were seen: planetocentric `latitude`, east `longitude` (rad), km a camera pixel
    (across the line of sight), and whether the Sun was up (True where it is not known)."""

    latitude: FloatArray
    longitude: FloatArray
    resolution: FloatArray
    lit: NDArray[np.bool_]


def footprint(swaths: Sequence[Swath], body: Body, sun_km: FloatArray | None, horizon: float) -> Footprint:
    """The footprint of a strip's swaths, of ground seen at a cosine of emission of `horizon` or more.

    `sun_km` (3,) points from the body's centre to the Sun in j2000. Empty arrays where no pixel sees such ground.
    """
    parts: dict[str, list[FloatArray]] = {name: [] for name in PLANES}
    for swath in swaths:
        sun = np.array([1.0, 0.0, 0.0]) if sun_km is None else sun_km
        geometry = raw_geometry(swath, body, sun)
        lines = len(geometry.rays)
        first, last = lit_columns(swath)
        rows = np.linspace(0, lines - 1, LINES).round().astype(int)
        columns = np.linspace(first, last - 1, SAMPLES).round().astype(int)
        geometry = replace(geometry, rays=np.ascontiguousarray(geometry.rays[rows][:, columns]))
        for frame in range(len(swath.et)):
            for name, plane in geometry.framelet(PLANES, frame).items():
                parts[name].append(plane.reshape(-1))
    latitude, longitude, resolution, incidence, emission = (np.concatenate(parts[name]) for name in PLANES)
    with np.errstate(invalid="ignore"):
        good = np.cos(emission) >= horizon
        day = np.ones(len(good), np.bool_) if sun_km is None else np.cos(incidence) > 0.0
    return Footprint(latitude[good], longitude[good], resolution[good], day[good])
