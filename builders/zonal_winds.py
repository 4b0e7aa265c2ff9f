"""Makes src/perijove/data/zonal_winds.csv: how fast Jupiter's clouds are carried along their parallels, facts only.

Run it from the repository's root: ``python builders/zonal_winds.py HUBBLE.txt CASSINI.csv``.

HUBBLE.txt is the zonal wind on Hubble's pictures of February 2017 (Tollefson et al. 2017, Icarus,
doi:10.1016/j.icarus.2017.06.007): planetographic latitude in degrees, eastward m/s in System III, its scatter in m/s,
and the number of tie points, 0 where nothing was measured. CASSINI.csv is the wind on Cassini's pictures of December
2000 (Porco et al. 2003, Science, doi:10.1126/science.1079462): planetocentric latitude in degrees, eastward m/s.

Hubble's wind is taken where it is measured, Cassini's towards the poles, where Hubble sees nothing, with a smooth
change between; beyond Cassini's last latitude the wind goes to 0 at the pole, as any steady one must. The sigma is that
of the wind at a latitude on another day: the scatter of the measured clouds, the difference of the two epochs about
that latitude, and what a jet's flank changes within half a bin of latitude, added in squares.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

OUT = Path(__file__).parents[1] / "src" / "perijove" / "data" / "zonal_winds.csv"
EQUATOR_KM, POLE_KM = 71492.0, 66854.0
STEP = 0.5
"""Spacing of the table, deg planetocentric; Hubble's latitudes are half a degree wide themselves."""
JOIN = 2.0
"""Degrees of latitude over which Hubble's wind passes into Cassini's."""
ABOUT = 1.5
"""Degrees of latitude, one sigma, over which the two epochs are compared."""
SMOOTH = 0.25
"""The same over which Cassini's wind, in steps of 0.1 deg, is averaged."""
FLANK = 0.25
"""Degrees of latitude by which a jet's flank may stand off: half of Hubble's bins."""
POLAR_SIGMA = 15.0
"""m/s beyond the last latitude of both, where clouds circle in storms."""
NAMES = ("HST 2017", "joined", "Cassini 2000", "none")
HEADER = (
    "Zonal wind of Jupiter: eastward m/s in System III at planetocentric latitudes, facts from two measurements.",
    "HST 2017: Tollefson et al. 2017, Icarus, doi:10.1016/j.icarus.2017.06.007 (WFC3/UVIS, F631N, 2017-02-01 and 02).",
    "Cassini 2000: Porco et al. 2003, Science, doi:10.1126/science.1079462 (ISS, December 2000).",
    "sigma: scatter of the measured clouds, difference of the epochs, and a jet's flank within 0.25 deg, in squares.",
    "Made by builders/zonal_winds.py.",
)


def weighted(at: FloatArray, places: FloatArray, values: FloatArray, width: float) -> FloatArray:
    """Means (n,) of values at places, weighted by Gaussians of a width about each of `at` (n,)."""
    weight = np.exp(-0.5 * ((at[:, None] - places) / width) ** 2)
    out: FloatArray = weight @ values / weight.sum(axis=1)
    return out


def table(hubble: FloatArray, cassini: FloatArray) -> list[tuple[str, ...]]:
    """Rows of latitude, wind, its sigma and whose it is."""
    hubble = hubble[(hubble[:, 2] > 0.0) & (hubble[:, 3] > 0.0)]
    graphic = np.radians(hubble[:, 0])
    centric = np.degrees(np.arctan2(POLE_KM**2 * np.sin(graphic), EQUATOR_KM**2 * np.cos(graphic)))
    at = np.linspace(-90.0, 90.0, round(180.0 / STEP) + 1)
    one = np.interp(at, centric, hubble[:, 1])
    two = weighted(at, cassini[:, 0], cassini[:, 1], SMOOTH)
    first, last = centric[[0, -1]]
    # 1 where Hubble sees, 0 where it does not
    share = np.clip(np.minimum(at - first, last - at) / JOIN, 0.0, 1.0)
    poleward = np.abs(at) > np.abs(cassini[:, 0]).max() + 1e-9
    most = np.abs(cassini[:, 0]).max()
    two = np.where(poleward, two * (90.0 - np.abs(at)) / (90.0 - most), two)
    apart = np.square(np.interp(centric, cassini[:, 0], cassini[:, 1]) - hubble[:, 1])
    scatter = np.interp(at, centric, hubble[:, 2])
    kind = np.where(share >= 1.0, 0, np.where(share > 0.0, 1, np.where(poleward, 3, 2)))
    speed = share * one + (1.0 - share) * two
    flank = FLANK * np.gradient(speed, STEP)
    sigma = np.sqrt(scatter**2 + weighted(np.clip(at, first, last), centric, apart, ABOUT) + flank**2)
    sigma = np.where(poleward, POLAR_SIGMA, sigma)
    # no minus before a nought
    speed = np.round(speed, 1) + 0.0
    return [(f"{a:.1f}", f"{v:.1f}", f"{s:.1f}", NAMES[k]) for a, v, s, k in zip(at, speed, sigma, kind, strict=True)]


def main() -> None:
    """Write the table."""
    hubble, cassini = (Path(argument) for argument in sys.argv[1:3])
    rows = table(np.loadtxt(hubble), np.loadtxt(cassini, delimiter=","))
    with OUT.open("w", encoding="ascii", newline="") as file:
        file.writelines(f"# {line}\n" for line in HEADER)
        names = ("latitude_centric_deg", "east_m_s", "sigma_m_s", "source")
        csv.writer(file, lineterminator="\n").writerows([names, *rows])
    print(OUT, len(rows), "rows")


if __name__ == "__main__":
    main()
