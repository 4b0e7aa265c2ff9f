"""Rays: what a crater threw over the ground around it, bright or dark, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from perijove.measure.patch import Patch

FloatArray = NDArray[np.float64]
Tone = Literal["bright", "dark", "none"]
Verdict = Literal["bright rays", "dark rays", "none"]


@dataclass(frozen=True)
class BandRays:
    """The rays in one band.

    `contrast` is ray over background less 1, `sigma` its uncertainty with the terrain's own unevenness in it, `tone`
    what that makes them. `extent_km` is the distance from the centre to which they stay above twice that uncertainty,
    NaN where they do nowhere. `by_ring` and `by_ring_sigma` (k,) are the contrast by ring. `colour` is the ray's colour
    over the background's, (ray / background) in this band over the same in the reference band, with `colour_sigma`.
    """

    band: str
    tone: Tone
    contrast: float
    sigma: float
    extent_km: float
    by_ring: FloatArray
    by_ring_sigma: FloatArray
    colour: float
    colour_sigma: float


@dataclass(frozen=True)
class Rays:
    """Rays of a crater at `centre` (planetocentric latitude, east longitude, rad) with `radius_km`.

    `verdict` over all bands, with its `significance` in sigmas of what the same measurement gives around places nearby
    (`controls` of them). `azimuths` (s,) rad clockwise from north are the middles of the sectors and `is_ray` (s,)
    tells which hold a ray; `by_sector` (bands, s) is the contrast in each and `sector_sigma` (bands,) what sectors
    differ by without rays. `edges_km` (k + 1,) are the rings' edges.
    """

    centre: tuple[float, float]
    radius_km: float
    verdict: Verdict
    significance: float
    bands: tuple[BandRays, ...]
    reference: str
    azimuths: FloatArray
    is_ray: NDArray[np.bool_]
    by_sector: FloatArray
    sector_sigma: FloatArray
    edges_km: FloatArray
    controls: int

    @property
    def coverage(self) -> float:
        """Share of the azimuths that hold a ray, 0 to 1."""
        return float(self.is_ray.mean())


def measure_rays(
    patch: Patch,
    centre: tuple[float, float],
    radius_km: float,
    *,
    inner: float = 1.3,
    outer: float = 5.0,
    reference: str | None = None,
    seed: int = 0,
) -> Rays:
    """The rays between `inner` and `outer` crater radii of the crater at `centre` (rad) with `radius_km`.

    `reference` is the band that colours are relative to (None: GREEN where there is one, otherwise the first). `seed`
    chooses the places nearby that show what the terrain does without rays; a patch that reaches 3 times as far as
    `outer` has room for enough of them. MeasureError where less than half of the annulus has data, or too little ground
    around it to compare with; UsageError where the annulus does not fit the patch.
    """
    raise NotImplementedError
