"""What a user asks of `perijove mosaic`, checked as far as that goes without opening a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from perijove.cli.geometry_options import GeometryRequest
from perijove.cli.map_request import MapRequest
from perijove.cli.requests import LightRequest, PictureRequest, check_outputs, check_strips
from perijove.errors import UsageError

if TYPE_CHECKING:
    from perijove.enhance.recipe import Recipe


class ModeName(StrEnum):
    """How looks at one place become one."""

    BLEND = "blend"
    BEST = "best"
    MEAN = "mean"
    MEDIAN = "median"


class Sky(StrEnum):
    """What becomes of the sky around the body: its stars stay, or it is black."""

    KEEP = "keep"
    BLACK = "black"


@dataclass(frozen=True)
class LeftOut:
    """A strip that is not in the mosaic, and why, in words."""

    name: str
    why: str


@dataclass(frozen=True)
class MosaicRequest:
    """`perijove mosaic`: strips of one pass, and the one map or picture to be made of all of them.

    Either `map` or `picture` says what is made, as if of the first strip alone. `epoch` is a time in UTC or a part of
    a strip's name, None for the middle strip's; clouds are carried to it along the winds unless `wind` is False.
    `winds` is where the measured winds go. With `sources` a map tells of every pixel where its light is from. With
    `keep_going` strips that cannot be had, or do not belong, are left out instead of ending it. `left_out` are strips
    that were given and never looked at; they are not among `strips`.
    """

    strips: tuple[Path, ...]
    output: Path
    labels: Path | None = None
    map: MapRequest | None = None
    picture: PictureRequest | None = None
    mode: ModeName = ModeName.BLEND
    epoch: str | None = None
    wind: bool = True
    winds: Path | None = None
    sources: bool = False
    keep_going: bool = False
    left_out: tuple[LeftOut, ...] = ()
    light: LightRequest = field(default_factory=LightRequest)
    geometry: GeometryRequest = field(default_factory=GeometryRequest)
    report: Path | None = None
    credit: str | None = None
    quiet: bool = False
    json: bool = False

    def __post_init__(self) -> None:
        """Refuse, with `UsageError`, what makes no sense."""
        check_strips(self.strips)
        if len(self.strips) < 2:
            raise UsageError("a mosaic is made of several strips: give two or more, or use `picture` or `map` for one")
        if self.output.is_dir():
            raise UsageError(f"-o {self.output} is a folder, and a mosaic is one file: name it")
        outputs: dict[str, Path | None] = {"-o": self.output, "--report": self.report, "--winds": self.winds}
        if self.winds is not None:
            outputs["the plot of --winds"] = winds_plot(self.winds)
        if self.map is not None:
            from perijove.io.maps import possible_files

            outputs |= {f"{place.name} of -o": place for place in possible_files(self.output)[1:]}
        check_outputs(self.strips, outputs)
        if self.winds is not None and self.winds.suffix.lower() != ".csv":
            raise UsageError(f"--winds {self.winds} is no table: end its name in .csv")
        if self.winds is not None and not self.wind:
            raise UsageError("--winds writes the winds that --no-wind leaves out: give one of them")
        if self.map is not None and self.chosen_recipe.measured and self.map.dtype != "float32":
            raise UsageError("--depth 16: a mosaic's I/F is written in floating point: leave --depth out")
        if self.sources and (self.map is None or not self.chosen_recipe.measured):
            raise UsageError("--with-sources goes with a map of I/F: write a .tif, and leave --view and --recipe out")

    def of_strips(self, strips: Sequence[Path], left_out: Sequence[LeftOut]) -> MosaicRequest:
        """The request of some of its strips, as if the others had never been given."""
        lead = tuple(sorted(strips, key=lambda path: path.name)[:1])
        return replace(
            self,
            strips=tuple(strips),
            left_out=tuple(left_out),
            map=None if self.map is None else replace(self.map, strips=lead),
            picture=None if self.picture is None else replace(self.picture, strips=lead),
        )

    @property
    def chosen_recipe(self) -> Recipe:
        """The recipe asked for, else what goes with the file."""
        if self.map is not None:
            return self.map.chosen_recipe
        assert self.picture is not None
        return self.picture.recipe

    @property
    def interpolation(self) -> str:
        """How values between pixels are found."""
        part = self.map or self.picture
        assert part is not None
        return str(part.interpolation.value)

    @property
    def sharpen(self) -> bool:
        """Whether the camera's blur is taken back."""
        part = self.map or self.picture
        return part is not None and part.sharpen is not None


def winds_plot(table: Path) -> Path:
    """Where the plot of measured winds goes: beside their table."""
    return table.with_suffix(".png")
