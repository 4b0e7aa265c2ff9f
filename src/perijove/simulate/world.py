"""World: a body, what is painted on it, how it throws back light, and the air and sky around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perijove.bodies import Body
from perijove.instrument import Filter
from perijove.simulate.haze import Haze, haze_optics
from perijove.simulate.stars import Stars
from perijove.simulate.surface import Surface, paint_surface
from perijove.simulate.trace import LUNAR_LAMBERT, MINNAERT, trace_rows
from perijove.simulate.worlds.painting import Painter

FloatArray = NDArray[np.float64]
Light = NDArray[np.float32]

BANDS = (Filter.BLUE, Filter.GREEN, Filter.RED, Filter.METHANE)

CLOUD_LAW: Mapping[Filter, tuple[float, ...]] = {
    # Minnaert's exponents: HST F395N 0.85, F502N 0.95, F631N 1.0 (OPAL, cycle 31)
    Filter.BLUE: (0.92,),
    Filter.GREEN: (0.96,),
    Filter.RED: (1.0,),
    Filter.METHANE: (1.0,),
}
ICE_LAW: Mapping[Filter, tuple[float, ...]] = dict.fromkeys(BANDS, (0.6, 0.5))
"""Share of Lommel-Seeliger's law at mid phase angles, and the fall-off with phase per rad: an icy moon's."""
JUPITER_HAZE = Haze(
    # slant paths make these opaque 50 to 70 km up, where the real limb stands
    depth={Filter.BLUE: 0.11, Filter.GREEN: 0.075, Filter.RED: 0.05, Filter.METHANE: 0.05},
    whiteness={Filter.BLUE: 0.90, Filter.GREEN: 0.95, Filter.RED: 0.97, Filter.METHANE: 0.97},
)


@dataclass(frozen=True)
class World:
    """`law` maps a filter to the numbers of the body's photometric law, of kind `trace.MINNAERT` or LUNAR_LAMBERT."""

    body: Body
    painter: Painter
    kind: int
    law: Mapping[Filter, tuple[float, ...]]
    haze: Haze | None = None
    stars: Stars | None = None

    def surface(self, places: FloatArray, sun: FloatArray, spacing_km: float, et: float) -> Surface:
        """The ground that is seen from body-fixed places (n, 3) km and lit from `sun` (3,), ready to be traced."""
        return paint_surface(self.painter, self.body, places, sun, spacing_km, et)

    def light(
        self, surface: Surface, band: Filter, looks: FloatArray, turns: FloatArray, places: FloatArray,
        sun: FloatArray, finest: float, leans: FloatArray | None = None,
    ) -> Light:  # fmt: skip
        """I/F (h, w) of pixels with n rays each: `looks` (h, w, n, 3), turned by `turns` (n, 3, 3) into the body's
        frame, from `places` (n, 3) km; `sun` (3,) body-fixed. `finest` (rad) is the width one ray stands for. `leans`
        (n, 3), in the frame of the looks, are v/c of the camera, by which what it sees is leant; None for at rest."""
        out = np.empty(looks.shape[:2], np.float32)
        which = BANDS.index(band)
        haze = haze_optics(self.haze, self.body, band)
        still = np.zeros_like(places)
        trace_rows(
            looks, turns, places, still if leans is None else leans, sun, np.array(self.body.radii_km), finest,
            surface.axes, surface.spacing, surface.texels[which], surface.tilts, surface.sides, self.kind,
            np.array(self.law[band]), haze.numbers, haze.table, out,
        )  # fmt: skip
        return out


__all__ = ["CLOUD_LAW", "ICE_LAW", "JUPITER_HAZE", "LUNAR_LAMBERT", "MINNAERT", "World"]
