"""What a user asked for, checked as far as that goes without opening a file."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from perijove.cli.geometry_options import GeometryRequest
from perijove.cli.recipe_option import load_recipe
from perijove.errors import UsageError

if TYPE_CHECKING:
    from perijove.enhance.recipe import Recipe

DEFAULT_SIZE = 2048
"""Longer side of a picture in px where the user gives none."""
MAX_SIZE = 65535
"""The largest side that picture files and image libraries agree on, px."""
MAX_FOV_DEG = 171.0
"""A tangent plane cannot be drawn much wider."""


class Format(StrEnum):
    """The kind of picture file; also its suffix."""

    PNG = "png"
    TIF = "tif"


class Depth(StrEnum):
    """Bits a channel, as an option's text: unsigned integers of 8 or 16, floating point of 32."""

    EIGHT = "8"
    SIXTEEN = "16"
    FLOAT = "32"


class Interpolation(StrEnum):
    """How values between pixels are found."""

    BILINEAR = "bilinear"
    CATMULL_ROM = "catmull-rom"
    LANCZOS = "lanczos"


class Sharpen(StrEnum):
    """By what the blur of the camera is taken back: the spread of a point of light in each framelet."""

    PSF = "psf"


class Up(StrEnum):
    """What points upwards in a picture: the body's north, or the camera's own up."""

    NORTH = "north"
    CAMERA = "camera"


class Station(StrEnum):
    """Where one looks from, where no place above the ground is given."""

    SPACECRAFT = "spacecraft"
    EARTH = "earth"
    SUN = "sun"


SOLAR = "solar"
"""The default white balance: what is white in the Sun's light is white."""
DEPTHS = {Format.PNG: (Depth.EIGHT, Depth.SIXTEEN), Format.TIF: (Depth.SIXTEEN, Depth.FLOAT)}
"""The depths that each format can hold, the usual one first."""
_SUFFIXES = {".png": Format.PNG, ".tif": Format.TIF, ".tiff": Format.TIF}
_PLACE = re.compile(
    r"\s*([+-]?[0-9]{1,3}(?:\.[0-9]*)?)\s*([NS]?)\s*,\s*([+-]?[0-9]{1,3}(?:\.[0-9]*)?)\s*([EW]?)\s*", re.IGNORECASE
)
_HEIGHT = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?(?:e\+?[0-9]{1,2})?)\s*(?:km)?\s*", re.IGNORECASE)
MAX_HEIGHT_KM = 1e12
"""A viewpoint farther off than this, a tenth of a light year, is a slip of the pen."""


@dataclass(frozen=True)
class LightRequest:
    """How codes become light: `calibration` is a folder of calibration frames, None for those that come with Perijove.

    With `repair_suspects` also that is replaced which may be a star or lightning; with `keep_stray` no stray light is
    taken off.
    """

    calibration: Path | None = None
    repair_suspects: bool = False
    keep_stray: bool = False


@dataclass(frozen=True)
class KernelOutputs:
    """The SPICE kernels that a solution is to be written as; None for those that are not wanted."""

    ck: Path | None = None
    spk: Path | None = None
    sclk: Path | None = None
    ik: Path | None = None

    def named(self) -> dict[str, Path | None]:
        """The files by their options."""
        return {"--write-ck": self.ck, "--write-spk": self.spk, "--write-sclk": self.sclk, "--write-ik": self.ik}


@dataclass(frozen=True)
class SolveRequest:
    """`perijove solve`: strips of one pass, and where the solution goes."""

    strips: tuple[Path, ...]
    labels: Path | None = None
    output: Path | None = None
    plot: Path | None = None
    light: LightRequest = field(default_factory=LightRequest)
    geometry: GeometryRequest = field(default_factory=GeometryRequest)
    kernels: KernelOutputs = field(default_factory=KernelOutputs)
    quiet: bool = False
    json: bool = False

    def __post_init__(self) -> None:
        """Refuse, with `UsageError`, what makes no sense."""
        check_strips(self.strips)
        check_outputs(self.strips, {"-o": self.output, "--plot": self.plot, **self.kernels.named()})
        if self.plot is not None and self.plot.suffix.lower() != ".png":
            raise UsageError(f"--plot {self.plot} is no PNG: end its name in .png")


@dataclass(frozen=True)
class PictureRequest:
    """`perijove picture`: strips of one pass, and the pictures to be made of them.

    `output` is a folder where `into_folder` is true. `recipe` is that of `load_recipe`. `format` and `depth` None mean:
    by the output's name and the recipe (`file_format`, `bits` say which). `size` is the longer side in px, `fov_deg`
    the full angle; `centre_deg` planetocentric latitude and east longitude in degrees. `viewpoint` is a station, or
    planetocentric latitude and east longitude in degrees with a height in km; `at_et` the time at which the viewpoint
    is taken, None for that of the image. With `annotate` graticule, names and the like are drawn on the picture.
    `caption` is the title of a caption below it (empty: the strip's own), None for none. `light` says how codes become
    light; `white_balance` is `solar`, `perijove` or three factors as text; `photometry` a model's name. Of several
    strips that are solved together a picture is made of all, or of the product id `only`.
    """

    strips: tuple[Path, ...]
    output: Path
    labels: Path | None = None
    recipe: Recipe = field(default_factory=lambda: load_recipe("natural"))
    size: int = DEFAULT_SIZE
    fov_deg: float | None = None
    centre_deg: tuple[float, float] | None = None
    viewpoint: Station | tuple[float, float, float] = Station.SPACECRAFT
    at_et: float | None = None
    annotate: bool = False
    caption: str | None = None
    up: Up = Up.NORTH
    report: Path | None = None
    credit: str | None = None
    format: Format | None = None
    depth: Depth | None = None
    interpolation: Interpolation = Interpolation.CATMULL_ROM
    light: LightRequest = field(default_factory=LightRequest)
    geometry: GeometryRequest = field(default_factory=GeometryRequest)
    white_balance: str = SOLAR
    photometry: str = "none"
    sharpen: Sharpen | None = None
    with_sigma: bool = False
    with_quality: bool = False
    only: str | None = None
    quiet: bool = False
    json: bool = False

    def __post_init__(self) -> None:
        """Refuse, with `UsageError`, what makes no sense."""
        check_strips(self.strips)
        outputs = {"-o": self.output, "the sidecar of -o": None, "--report": self.report}
        if not self.into_folder:
            outputs["the sidecar of -o"] = self.output.with_name(self.output.name + ".json")
        check_outputs(self.strips, outputs)
        if not 2 <= self.size <= MAX_SIZE:
            raise UsageError(f"--size {self.size} cannot be made: give 2 to {MAX_SIZE} px")
        if self.fov_deg is not None and not 0.0 < self.fov_deg < MAX_FOV_DEG:
            raise UsageError(f"--fov {self.fov_deg:g} cannot be drawn: give degrees between 0 and {MAX_FOV_DEG:g}")
        if self.credit is not None and not self.credit.strip().isprintable():
            raise UsageError("--credit holds characters that cannot be printed: give a plain name")
        self._check_light()
        self._check_file()

    @property
    def into_folder(self) -> bool:
        """Whether pictures are named by their product inside the folder `output`."""
        return (len(self.strips) > 1 and self.only is None) or self.output.is_dir()

    @property
    def file_format(self) -> Format:
        """The format asked for; else by the output's suffix; else TIFF for `linear` and PNG otherwise."""
        named = None if self.into_folder else _SUFFIXES.get(self.output.suffix.lower())
        return self.format or named or (Format.TIF if self.recipe.measured else Format.PNG)

    @property
    def bits(self) -> Depth:
        """The depth asked for; else float for `linear`, and the usual one of the format otherwise."""
        if self.depth is not None:
            return self.depth
        return Depth.FLOAT if self.recipe.measured else DEPTHS[self.file_format][0]

    def path_for(self, product_id: str) -> Path:
        """Where the picture of a product goes."""
        return self.output / f"{product_id}.{self.file_format}" if self.into_folder else self.output

    def _check_light(self) -> None:
        """Refuse what does not go with the recipe, and a white balance that is none."""
        from perijove.calibrate.balance import white_balance

        check_photometry(self.photometry)
        white_balance(self.white_balance, 0)
        if self.caption is not None and not self.caption.isprintable():
            raise UsageError("--caption holds characters that cannot be printed: give a plain title on one line")
        check_balance(self.recipe, self.white_balance)
        if self.recipe.measured:
            for option, wanted in (("--caption", self.caption is not None), ("--annotate", self.annotate)):
                if wanted:
                    way = "into" if option == "--caption" else "over"
                    raise UsageError(
                        f"{option} would write {way} the I/F of recipe {self.recipe.name}: choose another recipe"
                    )
            return
        for option, wanted in (("--with-sigma", self.with_sigma), ("--with-quality", self.with_quality)):
            if wanted:
                raise UsageError(f"{option} goes with I/F, not with a picture for the eye: add --recipe linear")

    def _check_file(self) -> None:
        """Refuse an output whose name, format, depth and recipe do not go together."""
        suffix = _SUFFIXES.get(self.output.suffix.lower())
        if self.into_folder and suffix is not None and not self.output.is_dir():
            raise UsageError(f"-o {self.output} names one file for {len(self.strips)} strips: name a folder")
        if not self.into_folder and suffix is None:
            raise UsageError(f"-o {self.output} is no folder and names no known format: end it in .png or .tif")
        if not self.into_folder and self.format is not None and suffix is not self.format:
            raise UsageError(f"-o {self.output} does not go with --format {self.format}: give the same in both")
        if self.bits not in DEPTHS[self.file_format]:
            kinds = " or ".join(DEPTHS[self.file_format])
            remedy = "write a .tif" if self.bits is Depth.FLOAT else f"give {kinds}"
            why = f" (recipe {self.recipe.name})" if self.depth is None else ""
            raise UsageError(f"{self.file_format} holds {kinds} bits, not {self.bits}{why}: {remedy}")
        if self.recipe.measured and self.bits is not Depth.FLOAT:
            raise UsageError(
                f"recipe {self.recipe.name} keeps light as it is, in floating point: leave out --depth or give 32"
            )


def check_strips(strips: Sequence[Path]) -> None:
    """Refuse, with `UsageError`, no strips at all or the same file twice."""
    if not strips:
        raise UsageError("no strip was given: name at least one")
    seen: set[Path] = set()
    for strip in strips:
        place = strip.absolute()
        if place in seen:
            raise UsageError(f"{strip} is given twice: name each strip once")
        seen.add(place)


def check_photometry(name: str) -> None:
    """Refuse, with `UsageError`, what is no photometric model."""
    from perijove.photometry.models import Model

    if name not in tuple(Model):
        raise UsageError(f"--photometry {name} is no model: give one of {', '.join(Model)}")


def check_balance(recipe: Recipe, white_balance: str) -> None:
    """Refuse, with `UsageError`, a white balance that the recipe does not allow."""
    if recipe.balance == SOLAR and white_balance.strip().lower() != SOLAR:
        raise UsageError(
            f"--white-balance {white_balance} would make the I/F of recipe {recipe.name} false: leave it out, or "
            "choose another recipe"
        )


def check_outputs(strips: Sequence[Path], outputs: dict[str, Path | None]) -> None:
    """Refuse, with `UsageError`, to write over a strip, or two things into one file; keys are the options' names."""
    taken = {strip.absolute(): f"the strip {strip}" for strip in strips}
    for option, path in outputs.items():
        if path is None:
            continue
        place = path.absolute()
        if place in taken and not place.is_dir():
            raise UsageError(f"{option} {path} would write over {taken[place]}: give another name")
        taken[place] = option


def parse_place(text: str, option: str = "--look") -> tuple[float, float]:
    """Planetocentric latitude and east longitude (0 to 360), degrees, of a text such as ``-20.5,150`` or ``20S,210W``.

    Raises `UsageError`, which names the option, for anything else.
    """
    match = _PLACE.fullmatch(text)
    latitude = longitude = math.nan
    if match is not None:
        latitude = -float(match[1]) if match[2].upper() == "S" else float(match[1])
        longitude = -float(match[3]) if match[4].upper() == "W" else float(match[3])
    if not (abs(latitude) <= 90.0 and abs(longitude) <= 360.0):
        raise UsageError(
            f"{option} {text!r} is no place: give planetocentric latitude and longitude in degrees, as -20.5,150 "
            "(east) or 20.5S,210W"
        )
    return latitude, longitude % 360.0


def parse_viewpoint(text: str, option: str = "--from") -> Station | tuple[float, float, float]:
    """A station, or latitude, east longitude (deg) and height (km), of a text such as ``earth`` or ``20S,210W,50000``.

    Raises `UsageError` for anything else.
    """
    if text.strip().lower() in tuple(Station):
        return Station(text.strip().lower())
    place, _, height = text.rpartition(",")
    match = _HEIGHT.fullmatch(height)
    km = math.nan if match is None else float(match[1])
    if not place or not km <= MAX_HEIGHT_KM:
        raise UsageError(
            f"{option} {text!r} is no viewpoint: give spacecraft, earth, sun, or planetocentric latitude, longitude "
            "and height above the ellipsoid in km, as 30N,120E,50000"
        )
    if km <= 0.0:
        raise UsageError(f"{option} {text!r} lies on the ground or below it: give a height above zero, in km")
    return (*parse_place(place, option), km)


def parse_time(text: str) -> float:
    """ET of a UTC time such as ``2022-08-17T14:45:00``; `UsageError` for anything else."""
    from perijove.timescale import TimeError, et_from_utc

    try:
        return et_from_utc(text)
    except TimeError as error:
        raise UsageError(f"--at {error}") from None
