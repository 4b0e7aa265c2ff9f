"""What `perijove measure` can be asked, and what makes no sense."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from perijove.cli.requests import check_outputs, parse_place
from perijove.errors import UsageError

SUFFIXES = (".json", ".csv", ".geojson", ".png")
CLICK_PX = 0.5
"""The error of a place that was clicked on, pixels in each direction: what a careful hand reaches."""
_PIXEL = re.compile(r"pixel:\s*([+-]?[0-9]+(?:\.[0-9]*)?)\s*,\s*([+-]?[0-9]+(?:\.[0-9]*)?)", re.IGNORECASE)


class What(StrEnum):
    """What is measured."""

    DISTANCE = "distance"
    AREA = "area"
    CRATER = "crater"
    PROFILE = "profile"
    RAYS = "rays"


@dataclass(frozen=True)
class Point:
    """A place as it was given: planetocentric latitude and east longitude in degrees, or a pixel (line, sample)."""

    text: str
    place_deg: tuple[float, float] | None = None
    pixel: tuple[float, float] | None = None


@dataclass(frozen=True)
class MeasureRequest:
    """`perijove measure`: on which file, what, where, and where the results go.

    `points` are the places of a distance, the corners of an area, or a rim's; `seed` lies in a crater of about
    `diameter_km`, which `fixed` says to take as it is. `centre` and `radius_km`, or `start` and `end` with `width_km`,
    belong to profiles. `reach` is how far profiles (None: 3) and rays (None: as is clearest) are followed, in radii.
    `band` and `shape` guide the search for a rim. `click_px` is the error of a given place in pixels of the file.
    """

    source: Path
    what: What
    points: tuple[Point, ...] = ()
    seed: Point | None = None
    diameter_km: float | None = None
    fixed: bool = False
    centre: Point | None = None
    radius_km: float | None = None
    start: Point | None = None
    end: Point | None = None
    width_km: float = 0.0
    reach: float | None = None
    sectors: int = 1
    band: str | None = None
    shape: str | None = None
    click_px: float = CLICK_PX
    name: str | None = None
    outputs: tuple[Path, ...] = ()
    quiet: bool = False
    json: bool = False

    def __post_init__(self) -> None:
        """Refuse, with `UsageError`, what makes no sense."""
        for path in self.outputs:
            if path.suffix.lower() not in SUFFIXES:
                raise UsageError(f"-o {path} names no kind of result: end it in {', '.join(SUFFIXES)}")
        check_outputs((self.source,), {f"-o {k}": path for k, path in enumerate(self.outputs, start=1)})
        beside = self.source.with_name(self.source.name + ".json").absolute()
        if beside in [path.absolute() for path in self.outputs]:
            raise UsageError(f"-o {beside.name} would write over the sidecar of {self.source}: give another name")
        if not 0.0 <= self.click_px <= 1000.0:
            raise UsageError(f"--click-sigma {self.click_px:g} is no error in pixels: give 0 to 1000")
        for option, value in (("--diameter", self.diameter_km), ("--radius", self.radius_km)):
            if value is not None and not (value > 0.0 and math.isfinite(value)):
                raise UsageError(f"{option} {value:g} is no length: give kilometres above 0")
        if self.name is not None and not self.name.isprintable():
            raise UsageError("--name holds characters that cannot be printed: give a plain name")
        self._check_places()

    def _check_places(self) -> None:
        """Refuse too few places, or those of two ways of asking at once."""
        what, given = self.what, len(self.points)
        if what is What.DISTANCE and given < 2:
            raise UsageError(f"a distance needs two places or more, and {given} given: add to --points")
        if what is What.AREA and given < 3:
            raise UsageError(f"an area needs three corners or more, and {given} given: add to --points")
        if what is What.CRATER:
            if (given > 0) == (self.seed is not None):
                raise UsageError("a crater is asked for by --points on its rim, or by a --seed in it: give one of them")
            if self.seed is None and given < 3:
                raise UsageError(f"a rim needs three points or more, and {given} given: add to --points")
        if self.fixed and self.diameter_km is None:
            raise UsageError("--no-rim takes the crater as it is given: give its --diameter too")
        if what is What.PROFILE:
            radial, along = self.centre is not None, self.start is not None or self.end is not None
            if radial == along:
                raise UsageError("a profile goes around a --centre, or --from one place --to another: give one of them")
            if radial and self.radius_km is None:
                raise UsageError("a profile around a --centre is told in radii: give --radius in km")
            if along and (self.start is None or self.end is None):
                raise UsageError("a profile along a line has two ends: give both --from and --to")
            if not (self.width_km >= 0.0 and math.isfinite(self.width_km)):
                raise UsageError(f"--width {self.width_km:g} is no length: give kilometres, 0 or more")
            if not 1 <= self.sectors <= 360:
                raise UsageError(f"--sectors {self.sectors} cannot be told apart: give 1 to 360")
        if self.reach is not None and not 0.0 < self.reach <= 100.0:
            raise UsageError(f"--reach {self.reach:g} makes no rings: give radii, above 0 and up to 100")


def parse_point(text: str, option: str) -> Point:
    """A place such as ``11.1,332.7``, ``20.5S,210W`` or ``pixel:120.5,300`` (line, sample); UsageError for others."""
    match = _PIXEL.fullmatch(text.strip())
    if match is not None:
        return Point(text.strip(), pixel=(float(match[1]), float(match[2])))
    if text.strip().lower().startswith("pixel"):
        raise UsageError(f"{option} {text!r} is no pixel: give line and sample, as pixel:120.5,300")
    return Point(text.strip(), place_deg=parse_place(text, option))


def parse_points(texts: Sequence[str], option: str = "--points") -> tuple[Point, ...]:
    """The places of texts that hold one or more each, with spaces between."""
    return tuple(parse_point(part, option) for text in texts for part in text.split())
