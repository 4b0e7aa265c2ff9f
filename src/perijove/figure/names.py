"""What may be written on a body: the IAU's names of places on the moons, Jupiter's belts and zones.

The tables are made by builders/feature_names.py.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np

from perijove.bodies import JUPITER, Body
from perijove.geometry.ellipsoid import centric_from_graphic


@dataclass(frozen=True)
class Feature:
    """A named place: planetocentric `latitude` and east `longitude` of its middle, rad, and its `diameter_km`."""

    name: str
    latitude: float
    longitude: float
    diameter_km: float


@dataclass(frozen=True)
class Band:
    """A belt or zone between two planetocentric latitudes, rad; `short` is the observers' abbreviation of its name."""

    name: str
    short: str
    south: float
    north: float


@cache
def features(body: Body) -> tuple[Feature, ...]:
    """The named places of a body, the largest first; none for a body without."""
    return tuple(
        Feature(
            row["name"],
            float(np.radians(float(row["latitude_deg"]))),
            float(np.radians(float(row["longitude_east_deg"]))),
            float(row["diameter_km"]),
        )
        for row in _rows("feature_names.csv")
        if row["body"] == body.name
    )


@cache
def bands(body: Body) -> tuple[Band, ...]:
    """Jupiter's belts and zones from the south to the north; none for other bodies."""
    if body.name != JUPITER.name:
        return ()

    def centric(text: str) -> float:
        return float(centric_from_graphic(np.radians(float(text)), body.radii_km))

    return tuple(
        Band(row["name"], row["abbreviation"], centric(row["south_graphic_deg"]), centric(row["north_graphic_deg"]))
        for row in _rows("jupiter_bands.csv")
    )


def _rows(name: str) -> list[dict[str, str]]:
    """The rows of a shipped table."""
    with (resources.files("perijove") / "data" / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))
