"""Makes src/perijove/data/galilean_moons.csv: the series that give Io, Europa, Ganymede and Callisto.

Two sources, both numbers only:

* the theory L1.2 of Lainey, Duriez and Vienne (A&A 420, 1171, 2004; A&A 456, 783, 2006), distributed by the IMCCE. Its
  series are read, as the plain doubles they are, out of the program `stellarium` that Debian ships (0.22.2-1: get it
  with ``apt-get download stellarium`` and open it with ``dpkg -x``), which holds them in the theory's own order and
  units;
* JPL's JUP310, through what the mission's trajectory files tell of it: Jupiter's own path about the barycentre of its
  system, which is the mass-weighted sum of its moons. Each moon has a period of its own, so that two spans of two and
  five months fix for each a correction of its mean longitude and that one's rate, of its eccentricity and of its plane.

Run it from the repository's root: ``python builders/galilean_moons.py stellarium A.bsp B.bsp``, the last two being
NAIF's juno_rec_170106_170228_170307.bsp and spk_pre_220614_221109_220810.bsp; needs `spiceypy`. It prints what is left.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
import spiceypy

from perijove.bodies import BODIES, JUPITER
from perijove.ephemeris import galilean
from perijove.ephemeris.galilean import Series

MOONS = ("IO", "EUROPA", "GANYMEDE", "CALLISTO")
AU_KM = 149597870.7
DAY_S = 86400.0
EPOCH_DAYS = 18262.5
"""1950 January 1.0 to J2000, days: the series count from the former."""
FIRST = np.array([0.0028210960212903, 0.0, 0.0])
"""Io's semi-major axis, the first term of the first series, by which the table is found."""
ROOM = {"a": 38, "l": 36, "z": 50, "zeta": 25}
"""Rows set aside for each series in the program, whatever their number."""
LEAST_KM = 0.3
"""Terms that move a moon by less are left out."""
STEP_S = 7200.0
OUT = Path(__file__).parents[1] / "src" / "perijove" / "data" / "galilean_moons.csv"
Row = tuple[str, str, float, float, float, str]
"""Moon, series, amplitude, phase, rate, source."""


def published(program: bytes) -> list[Row]:
    """The rows of L1.2 in the units of the table: km, rad, days past J2000."""
    at = program.find(FIRST.tobytes()) - 40
    rows: list[Row] = []
    for moon in MOONS:
        mu, constant, rate = np.frombuffer(program, "<f8", 3, at)
        counts = np.frombuffer(program, "<i4", 4, at + 24)
        rows.append((moon, "gm", mu * AU_KM**3 / DAY_S**2, 0.0, 0.0, "L1.2"))
        rows.append((moon, "mean", 1.0, (constant + rate * EPOCH_DAYS) % (2 * np.pi), rate, "L1.2"))
        at += 40
        for (name, room), count in zip(ROOM.items(), counts, strict=True):
            terms = np.frombuffer(program, "<f8", 3 * count, at).reshape(count, 3)
            scale = AU_KM if name == "a" else 1.0
            reach = 1.0 if name == "a" else BODIES[moon].orbit_km
            for amplitude, phase, speed in terms * [scale, 1.0, 1.0]:
                if abs(amplitude) * reach >= LEAST_KM:
                    rows.append((moon, name, amplitude, (phase + speed * EPOCH_DAYS) % (2 * np.pi), speed, "L1.2"))
            at += 24 * room
    return rows


def planet_path(files: list[str]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Times (n,) ET and positions (n, 3) km of Jupiter relative to its system's barycentre in j2000, for each file."""
    spans = []
    for file in files:
        spiceypy.furnsh(file)
        window = spiceypy.spkcov(file, 599)
        et = np.arange(window[0] + 1.0, window[1] - 1.0, STEP_S)
        spans.append((et, np.array([spiceypy.spkgps(599, t, "J2000", 5)[0] for t in et])))
        spiceypy.unload(file)
    return spans


def share(moon: str) -> float:
    """A moon's mass over that of the system."""
    return BODIES[moon].gm / (JUPITER.gm + sum(BODIES[name].gm for name in MOONS))


def nudges(moon: str) -> list[Row]:
    """The corrections sought, each as a row of size 1: mean longitude and rate, eccentricity, plane."""
    quarter = np.pi / 2
    return [
        (moon, "mean", 0.0, 1.0, 0.0, "JUP310"),
        (moon, "mean", 0.0, 0.0, 1.0 / 3652.5, "JUP310"),
        *((moon, series, 1.0, phase, 0.0, "JUP310") for series in ("z", "zeta") for phase in (0.0, quarter)),
    ]


def scaled(row: Row, size: float) -> Row:
    """A correction's row, `size` times as large."""
    moon, series, amplitude, phase, rate, source = row
    if series == "mean":
        return (moon, series, 0.0, phase * size, rate * size, source)
    return (moon, series, amplitude * size, phase, rate, source)


def residual(rows: list[Row], et: np.ndarray, path: np.ndarray) -> np.ndarray:
    """Jupiter's path (n, 3) km less the one that the moons of a table make."""
    out = path.copy()
    for moon in MOONS:
        out += share(moon) * galilean.state(Series.of(moon, [row[:5] for row in rows]), et)[:, :3]
    return out


def corrections(rows: list[Row], spans: list[tuple[np.ndarray, np.ndarray]]) -> list[Row]:
    """The corrections that bring the table's moons to Jupiter's path, spans counting alike."""
    step = 1e-6
    sought = [row for moon in MOONS for row in nudges(moon)]
    blocks, wanted = [], []
    for et, path in spans:
        now = residual(rows, et, path)
        slopes = [(residual([*rows, scaled(row, step)], et, path) - now).ravel() / step for row in sought]
        blocks.append(np.stack(slopes, axis=-1) / np.sqrt(len(et)))
        wanted.append(-now.ravel() / np.sqrt(len(et)))
    matrix = np.vstack(blocks)
    size = np.linalg.norm(matrix, axis=0)
    found = np.linalg.lstsq(matrix / size, np.concatenate(wanted), rcond=None)[0] / size
    return [scaled(row, float(value)) for row, value in zip(sought, found, strict=True)]


def main(program: str, files: list[str]) -> None:
    """Read, fit, write, report."""
    rows = published(Path(program).read_bytes())
    spans = planet_path(files)
    both = [*rows, *corrections(rows, spans)]
    for name, table in (("L1.2", rows), ("corrected", both)):
        left = [1e3 * np.sqrt((residual(table, *span) ** 2).sum(axis=-1).mean()) for span in spans]
        print(f"{name}: Jupiter's path missed by {', '.join(f'{value:.2f}' for value in left)} m rms")
    with OUT.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["moon", "series", "amplitude", "phase_rad", "rate_rad_d", "source"])
        for moon, series, amplitude, phase, rate, source in both:
            writer.writerow([moon, series, f"{amplitude:.12g}", f"{phase:.12g}", f"{rate:.15g}", source])
    print(OUT, OUT.stat().st_size, "bytes,", len(both), "rows")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
