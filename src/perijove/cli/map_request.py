"""What a user asks of `perijove map`, checked as far as that goes without opening a file."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from perijove.cli.geometry_options import GeometryRequest
from perijove.cli.recipe_option import load_recipe
from perijove.cli.requests import (
    SOLAR,
    Depth,
    Interpolation,
    LightRequest,
    Sharpen,
    check_balance,
    check_outputs,
    check_photometry,
    check_strips,
)
from perijove.errors import UsageError

if TYPE_CHECKING:
    from perijove.enhance.recipe import Recipe
    from perijove.raster import Kind

MAX_EMISSION_DEG = 80.0
"""Emission angle up to which ground is mapped where the user gives none: beyond, a pixel spans six of its width."""


class ProjectionName(StrEnum):
    """The projections of a map."""

    EQUIRECTANGULAR = "equirectangular"
    SINUSOIDAL = "sinusoidal"
    POLAR_NORTH = "polar-north"
    POLAR_SOUTH = "polar-south"
    ORTHOGRAPHIC = "orthographic"
    LAEA = "laea"
    PERSPECTIVE = "perspective"


class Latitudes(StrEnum):
    """The kind of latitude in which a map is drawn and its bounds are given."""

    CENTRIC = "centric"
    GRAPHIC = "graphic"


class Longitudes(StrEnum):
    """Which way longitudes are counted in bounds, centre and backplanes."""

    EAST = "east"
    WEST = "west"


class TiffKind(StrEnum):
    """The kind of .tif that a map is written as."""

    COG = "cog"
    GTIFF = "gtiff"


PICTURES = (".png",)
"""Suffixes of files that hold pictures for the eye and no measured light."""
_LATITUDE, _LONGITUDE = (
    re.compile(
        rf"\s*(?:(?P<number>[+-]?[0-9]{{1,3}}(?:\.[0-9]*)?)|(?P<size>[0-9]{{1,3}}(?:\.[0-9]*)?)\s*(?P<letter>[{letters}]))\s*",
        re.IGNORECASE,
    )
    for letters in ("NS", "EW")
)


@dataclass(frozen=True)
class MapRequest:
    """`perijove map`: strips of one pass, and the maps to be made of them.

    `output` is a folder where `into_folder` is true. `scale_km` a pixel, or `ppd` pixels a degree of the equator.
    `bounds_deg` (west, south, east, north) and `centre_deg` (latitude, longitude) are in the map's kind of latitude,
    their longitudes to the east. `recipe` None means: linear, or natural in a PNG. Without `with_light` there are
    backplanes only. Of several strips that are solved together a map is made of all, or of the product id `only`.
    """

    strips: tuple[Path, ...]
    output: Path
    labels: Path | None = None
    recipe: Recipe | None = None
    projection: ProjectionName = ProjectionName.EQUIRECTANGULAR
    scale_km: float | None = None
    ppd: float | None = None
    bounds_deg: tuple[float, float, float, float] | None = None
    centre_deg: tuple[float, float] | None = None
    altitude_km: float | None = None
    latitudes: Latitudes = Latitudes.CENTRIC
    longitudes: Longitudes = Longitudes.EAST
    max_emission_deg: float = MAX_EMISSION_DEG
    photometry: str = "none"
    bands: tuple[str, ...] | None = None
    backplanes: tuple[str, ...] = ()
    with_light: bool = True
    with_sigma: bool = False
    with_quality: bool = False
    annotate: bool = False
    format: TiffKind | None = None
    depth: Depth | None = None
    interpolation: Interpolation = Interpolation.CATMULL_ROM
    sharpen: Sharpen | None = None
    light: LightRequest = field(default_factory=LightRequest)
    geometry: GeometryRequest = field(default_factory=GeometryRequest)
    white_balance: str = SOLAR
    report: Path | None = None
    credit: str | None = None
    overwrite: bool = False
    only: str | None = None
    quiet: bool = False
    json: bool = False

    def __post_init__(self) -> None:
        """Refuse, with `UsageError`, what makes no sense."""
        check_strips(self.strips)
        from perijove.io.maps import map_formats, possible_files

        outputs: dict[str, Path | None] = {"-o": self.output, "--report": self.report}
        if not self.into_folder and self.suffix in map_formats():
            outputs |= {f"{place.name} of -o": place for place in possible_files(self.output)[1:]}
        check_outputs(self.strips, outputs)
        self._check_grid()
        self._check_file()
        self._check_content()

    @property
    def into_folder(self) -> bool:
        """Whether maps are named by their product inside the folder `output`."""
        return (len(self.strips) > 1 and self.only is None) or (self.output.is_dir() and self.output.suffix != ".zarr")

    @property
    def suffix(self) -> str:
        """The suffix of the map file; .tif inside a folder."""
        return ".tif" if self.into_folder else self.output.suffix.lower()

    @property
    def chosen_recipe(self) -> Recipe:
        """The recipe asked for, else what goes with the file."""
        return self.recipe or load_recipe("natural" if self.suffix in PICTURES else "linear")

    @property
    def dtype(self) -> Kind:
        """The numbers of the file: float32 for linear light, unless 16 bits are asked for; 8 bits for pictures."""
        usual = Depth.FLOAT if self.chosen_recipe.measured else Depth.EIGHT
        kinds: dict[Depth, Kind] = {Depth.EIGHT: "uint8", Depth.SIXTEEN: "uint16", Depth.FLOAT: "float32"}
        return kinds[self.depth or usual]

    def path_for(self, product_id: str) -> Path:
        """Where the map of a product goes."""
        kind = "" if self.with_light else "-backplanes"
        return self.output / f"{product_id}{kind}.tif" if self.into_folder else self.output

    def _check_grid(self) -> None:
        """Refuse scales, bounds and angles that cannot be."""
        if self.scale_km is not None and self.ppd is not None:
            raise UsageError("--scale and --ppd both set the scale: give one of them")
        for option, value in (("--scale", self.scale_km), ("--ppd", self.ppd), ("--altitude", self.altitude_km)):
            if value is not None and not 0.0 < value < math.inf:
                raise UsageError(f"{option} {value:g} cannot be: give a number above 0")
        if not 0.0 < self.max_emission_deg <= 90.0:
            raise UsageError(f"--max-emission {self.max_emission_deg:g} cannot be: give degrees above 0, up to 90")
        if self.altitude_km is not None and self.projection is not ProjectionName.PERSPECTIVE:
            raise UsageError(f"--altitude goes with --projection perspective, not with {self.projection}: leave it out")

    def _check_file(self) -> None:
        """Refuse an output whose name, format, depth and recipe do not go together."""
        from perijove.io.maps import map_format, map_formats

        if not self.into_folder:
            map_format(self.output, None if self.format is None else self.format.value)
        if len(self.strips) > 1 and self.only is None and self.output.suffix.lower() in map_formats():
            raise UsageError(f"-o {self.output} names one map for {len(self.strips)} strips: name a folder")
        linear = self.chosen_recipe.measured
        if linear and self.suffix in PICTURES:
            raise UsageError(f"{self.output} cannot hold linear light: write a .tif, or choose another recipe")
        if linear and self.depth is Depth.EIGHT:
            raise UsageError("8 bits are too few for linear light: give --depth 16 or 32, or another recipe")
        if self.suffix in PICTURES and self.depth is Depth.FLOAT:
            raise UsageError(f"{self.output} cannot hold floating point: give --depth 8 or 16, or write a .tif")

    def _check_content(self) -> None:
        """Refuse content that does not go with the recipe."""
        from perijove.calibrate.balance import white_balance

        check_photometry(self.photometry)
        white_balance(self.white_balance, 0)
        check_balance(self.chosen_recipe, self.white_balance)
        if self.chosen_recipe.measured:
            if self.annotate:
                raise UsageError("--annotate would write over the I/F of recipe linear: choose another recipe")
            if self.depth is Depth.SIXTEEN and (self.with_sigma or self.with_quality or self.backplanes):
                raise UsageError("sigma, quality and backplanes need floating point: leave out --depth")
            return
        for option, wanted in (
            ("--with-sigma", self.with_sigma), ("--with-quality", self.with_quality), ("--backplanes", self.backplanes),
        ):  # fmt: skip
            if wanted:
                remedy = "write a .tif" if self.suffix in PICTURES else "add --recipe linear"
                raise UsageError(f"{option} goes with I/F, not with a picture for the eye: {remedy}")


def parse_bounds(text: str, longitudes: Longitudes) -> tuple[float, float, float, float]:
    """West, south, east, north in degrees, longitudes to the east, of a text such as ``-30,-20,60,45``.

    A letter N, S, E or W may stand behind a number instead of a sign; without one longitudes grow as `longitudes` says.
    UsageError for anything else.
    """
    parts = text.split(",")
    if len(parts) != 4:
        raise UsageError(f"--bounds {text!r} are none: give west, south, east, north in degrees, as -30,-20,60,45")
    west, east = (_longitude(part, longitudes) for part in (parts[0], parts[2]))
    south, north = _latitude(parts[1]), _latitude(parts[3])
    if any(math.isnan(v) for v in (west, south, east, north)):
        raise UsageError(
            f"--bounds {text!r} are none: give west, south, east, north in degrees, as -30,-20,60,45 or 30W,20S,60E,45N"
        )
    if not (abs(south) <= 90.0 and abs(north) <= 90.0 and south < north):
        raise UsageError(f"--bounds {text!r}: latitudes go from -90 to 90, south before north")
    if not (abs(west) <= 360.0 and abs(east) <= 360.0) or west == east:
        raise UsageError(f"--bounds {text!r}: longitudes lie between -360 and 360, and west is not east")
    return west, south, east, north


def parse_centre(text: str, longitudes: Longitudes) -> tuple[float, float]:
    """Latitude and longitude to the east in degrees of a text such as ``-20,150``, as `parse_bounds` reads numbers."""
    parts = text.split(",")
    place = (_latitude(parts[0]), _longitude(parts[1], longitudes)) if len(parts) == 2 else (math.nan, math.nan)
    if not (abs(place[0]) <= 90.0 and abs(place[1]) <= 360.0):
        raise UsageError(
            f"--centre {text!r} is no place: give latitude and longitude in degrees, as -20,150 or 20S,150E"
        )
    return place


def _latitude(part: str) -> float:
    """Degrees to the north; NaN for what is no latitude."""
    match = _LATITUDE.fullmatch(part)
    return math.nan if match is None else _signed(match, "S", 1.0)


def _longitude(part: str, longitudes: Longitudes) -> float:
    """Degrees to the east; NaN for what is no longitude."""
    match = _LONGITUDE.fullmatch(part)
    return math.nan if match is None else _signed(match, "W", 1.0 if longitudes is Longitudes.EAST else -1.0)


def _signed(match: re.Match[str], negative: str, usual: float) -> float:
    """The number of a match; a letter tells the sign, else it is `usual` times what is written."""
    if match["number"]:
        return usual * float(match["number"]) + 0.0
    return -float(match["size"]) if match["letter"].upper() == negative else float(match["size"])


def parse_backplanes(text: str) -> tuple[str, ...]:
    """Names of a map's backplanes, or ``all``; UsageError for what names none, and the list of them."""
    from perijove.cartography.chart import check_backplanes

    names = tuple(name.lower().replace("-", "_") for name in parse_names(text))
    if names == ("all",):
        return names
    try:
        check_backplanes(names)
    except UsageError as error:
        raise UsageError(f"--backplanes {text!r}: {error}, or all") from None
    return names


def parse_names(text: str) -> tuple[str, ...]:
    """Names parted by commas, without blanks."""
    return tuple(name.strip() for name in text.split(",") if name.strip())
