"""Makes src/perijove/data/feature_names.csv and jupiter_bands.csv: what may be written on a picture, facts only.

Run it from the repository's root: ``python builders/feature_names.py FEATURES.csv WINDS.txt``.

FEATURES.csv lists the IAU's names for the Galilean moons with place and size, as the Gazetteer of Planetary
Nomenclature publishes them: columns body, name, longitude_east_deg, latitude_deg (planetocentric), diameter_km. Names
without a size are left out: nothing tells when they are worth writing.

WINDS.txt is the zonal wind of Jupiter measured on Hubble's pictures of February 2017 (Tollefson et al. 2017, Icarus,
doi:10.1016/j.icarus.2017.06.007): planetographic latitude in degrees, eastward m/s. A belt is cyclonic: it reaches from
an eastward jet on its side towards the equator to a westward jet on its side towards the pole; a zone the other way
round. So each bound is a peak of the wind. Colours wander, jets hardly do. The Great Red Spot is not in the table: it
drifts through all longitudes.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np

OUT = Path(__file__).parents[1] / "src" / "perijove" / "data"
SMOOTH = 9
"""Steps of 0.05 deg over which the wind is averaged before its peaks are sought."""
EAST, WEST = 1.0, -1.0
JETS = (
    (-43.3, EAST), (-39.6, WEST), (-36.2, EAST), (-32.5, WEST), (-26.0, EAST), (-20.0, WEST), (-7.2, EAST), (6.5, EAST),
    (17.5, WEST), (24.0, EAST), (31.0, WEST), (36.0, EAST), (39.0, WEST), (42.7, EAST),
)  # fmt: skip
"""About where the jets are, deg planetographic, and which way they blow: the peak is sought within 1.5 deg."""
NAMES = (
    ("South South Temperate Zone", "SSTZ"),
    ("South South Temperate Belt", "SSTB"),
    ("South Temperate Zone", "STZ"),
    ("South Temperate Belt", "STB"),
    ("South Tropical Zone", "STrZ"),
    ("South Equatorial Belt", "SEB"),
    ("Equatorial Zone", "EZ"),
    ("North Equatorial Belt", "NEB"),
    ("North Tropical Zone", "NTrZ"),
    ("North Temperate Belt", "NTB"),
    ("North Temperate Zone", "NTZ"),
    ("North North Temperate Belt", "NNTB"),
    ("North North Temperate Zone", "NNTZ"),
)
"""What lies between one jet and the next, from the south to the north."""


def features(source: Path) -> list[tuple[str, ...]]:
    """Rows of the moons' names, by body, the largest first."""
    with source.open(encoding="utf-8", newline="") as file:
        found = [row for row in csv.DictReader(file) if float(row["diameter_km"] or 0.0) > 0.0]
    found.sort(key=lambda row: (row["body"], -float(row["diameter_km"]), row["name"]))
    return [
        (
            row["body"].upper(),
            row["name"].strip(),
            f"{float(row['latitude_deg']):.2f}",
            f"{float(row['longitude_east_deg']) % 360.0:.2f}",
            f"{float(row['diameter_km']):.5g}",
        )
        for row in found
    ]


def bands(source: Path) -> list[tuple[str, ...]]:
    """Rows of Jupiter's belts and zones between the peaks of the wind."""
    latitude, wind = np.loadtxt(source, usecols=(0, 1), unpack=True)
    smooth = np.convolve(wind, np.full(SMOOTH, 1.0 / SMOOTH), "same")
    peaks = []
    for about, way in JETS:
        near = np.flatnonzero(np.abs(latitude - about) < 1.5)
        peaks.append(float(latitude[near[np.argmax(way * smooth[near])]]))
    bounds = zip(NAMES, peaks[:-1], peaks[1:], strict=True)
    return [(name, short, f"{south:.1f}", f"{north:.1f}") for (name, short), south, north in bounds]


def write(path: Path, header: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """One table, with lines that end alike everywhere."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
    print(path, len(rows), "rows")


def main() -> None:
    """Write both tables."""
    names, winds = (Path(argument) for argument in sys.argv[1:3])
    header = ("body", "name", "latitude_deg", "longitude_east_deg", "diameter_km")
    write(OUT / "feature_names.csv", header, features(names))
    header = ("name", "abbreviation", "south_graphic_deg", "north_graphic_deg")
    write(OUT / "jupiter_bands.csv", header, bands(winds))


if __name__ == "__main__":
    main()
