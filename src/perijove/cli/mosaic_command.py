"""The options of `perijove mosaic`; what it does is imported only when it is called."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from perijove.cli.common import command
from perijove.cli.geometry_options import GeometryRequest, with_geometry
from perijove.cli.map_command import (
    AltitudeOption,
    BoundsOption,
    CentreOption,
    EmissionOption,
    LatitudesOption,
    LongitudesOption,
    OverwriteOption,
    PpdOption,
    ScaleOption,
)
from perijove.cli.map_request import (
    MAX_EMISSION_DEG,
    Latitudes,
    Longitudes,
    MapRequest,
    ProjectionName,
    TiffKind,
    parse_bounds,
    parse_centre,
)
from perijove.cli.mosaic_request import ModeName, MosaicRequest, Sky
from perijove.cli.options import Annotate, Calibration, Credit, Fov, Json, KeepStray, Labels, Quiet, Report, Suspects
from perijove.cli.recipe_option import OptionalRecipe, load_recipe
from perijove.cli.requests import (
    DEFAULT_SIZE,
    SOLAR,
    Depth,
    Interpolation,
    LightRequest,
    PictureRequest,
    Sharpen,
    Up,
    parse_place,
    parse_viewpoint,
)
from perijove.errors import UsageError

if TYPE_CHECKING:
    from perijove.enhance.recipe import Recipe

PARTIAL = 3
"""Exit code of a mosaic from which something had to be left out."""


@with_geometry
def mosaic(
    *,
    geometry: Callable[[], GeometryRequest],
    strips: Annotated[
        list[Path], typer.Argument(metavar="STRIP...", help="Raw strips of one pass: PNG, JPEG, IMG, ImageSet or zip.")
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="OUT", help="A map (as of `map`), or a .png or .tif with --view."),
    ],
    labels: Labels = None,
    recipe: OptionalRecipe = None,
    mode: Annotated[
        ModeName, typer.Option("--mode", help="How looks at one place become one.", show_default=True)
    ] = ModeName.BLEND,
    view: Annotated[
        str | None,
        typer.Option(
            "--view",
            metavar="spacecraft|earth|sun|LAT,LON,KM",
            help="A picture from there instead of a map; Juno's place is that at the epoch.",
        ),
    ] = None,
    epoch: Annotated[
        str | None,
        typer.Option("--epoch", metavar="UTC|STRIP", help="Time to which clouds are carried; else the middle strip's."),
    ] = None,
    wind: Annotated[bool, typer.Option("--wind/--no-wind", help="Carry clouds along the zonal winds.")] = True,
    winds: Annotated[
        Path | None, typer.Option("--winds", metavar="FILE.csv", help="Write the winds measured, with a plot.")
    ] = None,
    projection: Annotated[ProjectionName | None, typer.Option("--projection", help="Of a map.")] = None,
    scale: ScaleOption = None,
    ppd: PpdOption = None,
    bounds: BoundsOption = None,
    centre: CentreOption = None,
    altitude: AltitudeOption = None,
    latitudes: LatitudesOption = Latitudes.CENTRIC,
    longitudes: LongitudesOption = Longitudes.EAST,
    max_emission: EmissionOption = MAX_EMISSION_DEG,
    with_sigma: Annotated[
        bool, typer.Option("--with-sigma", help="Add the standard deviation of each filter.")
    ] = False,
    with_sources: Annotated[
        bool, typer.Option("--with-sources", help="Add layers: which strip, when, how many, how many left out.")
    ] = False,
    file_format: Annotated[
        TiffKind | None, typer.Option("--format", help="Of a map's .tif: with overviews (cog, as usual) or plain.")
    ] = None,
    size: Annotated[
        int | None, typer.Option("--size", metavar="N", help="Longer side of a picture, px; a caption comes below it.")
    ] = None,
    fov: Fov = None,
    look: Annotated[
        str | None, typer.Option("--look", metavar="LAT,LON", help="Place in the middle of a picture.")
    ] = None,
    north: Annotated[bool, typer.Option("--north/--camera-up", help="What points upwards in a picture.")] = True,
    sky: Annotated[
        Sky | None, typer.Option("--sky", help="Of recipe backlit: stars and rings stay, or all is black.")
    ] = None,
    caption: Annotated[
        str | None, typer.Option("--caption", metavar="TITLE", help="Scale bar, arrow, and a caption below a picture.")
    ] = None,
    annotate: Annotate = False,
    depth: Annotated[Depth | None, typer.Option("--depth", help="Bits of pictures: 8 or 16; I/F has 32.")] = None,
    interpolation: Annotated[
        Interpolation, typer.Option("--interpolation", help="Between the pixels of a framelet.", show_default=True)
    ] = Interpolation.CATMULL_ROM,
    balance: Annotated[
        str, typer.Option("--white-balance", metavar="solar|perijove|R,G,B", help="Of pictures for the eye.")
    ] = SOLAR,
    sharpen: Annotated[
        Sharpen | None, typer.Option("--sharpen", help="Take back the blur of the camera, as far as noise allows.")
    ] = None,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="Leave out strips that cannot be had or do not fit; exit code 3 then.")
    ] = False,
    calibration: Calibration = None,
    repair_suspects: Suspects = False,
    keep_stray: KeepStray = False,
    report: Report = None,
    credit: Credit = None,
    overwrite: OverwriteOption = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Make one map, or one picture, of many strips of a pass."""
    with command():
        light, wanted = LightRequest(calibration, repair_suspects, keep_stray), geometry()
        # of one strip, whatever the order, lest that show in the product
        lead = tuple(sorted(strips, key=lambda path: path.name)[:1])
        colours = None if recipe is None else load_recipe(recipe)
        if sky is not None:
            colours = with_sky(colours, sky)
        mapped = pictured = None
        if view is None:
            _refuse("a picture: add --view", {"--size": size, "--fov": fov, "--look": look, "--caption": caption})
            mapped = MapRequest(
                strips=lead, output=output, labels=labels, recipe=colours,
                projection=projection or ProjectionName.EQUIRECTANGULAR, scale_km=scale, ppd=ppd,
                bounds_deg=None if bounds is None else parse_bounds(bounds, longitudes),
                centre_deg=None if centre is None else parse_centre(centre, longitudes), altitude_km=altitude,
                latitudes=latitudes, longitudes=longitudes, max_emission_deg=max_emission, with_sigma=with_sigma,
                annotate=annotate, format=file_format, depth=depth, interpolation=interpolation, sharpen=sharpen,
                light=light, geometry=wanted, white_balance=balance, report=report, credit=credit,
                overwrite=overwrite, quiet=quiet, json=json,
            )  # fmt: skip
        else:
            _refuse(
                "a map: leave out --view",
                {"--projection": projection, "--scale": scale, "--ppd": ppd, "--bounds": bounds, "--centre": centre,
                 "--altitude": altitude, "--format": file_format},
            )  # fmt: skip
            pictured = PictureRequest(
                strips=lead, output=output, labels=labels, recipe=colours or usual_recipe(output),
                size=DEFAULT_SIZE if size is None else size, fov_deg=fov,
                centre_deg=None if look is None else parse_place(look), viewpoint=parse_viewpoint(view, "--view"),
                annotate=annotate, caption=caption, up=Up.NORTH if north else Up.CAMERA, report=report, credit=credit,
                depth=depth, interpolation=interpolation, light=light, geometry=wanted, white_balance=balance,
                sharpen=sharpen, with_sigma=with_sigma, quiet=quiet, json=json,
            )  # fmt: skip
        request = MosaicRequest(
            strips=tuple(strips), output=output, labels=labels, map=mapped, picture=pictured, mode=mode, epoch=epoch,
            wind=wind, winds=winds, sources=with_sources, keep_going=keep_going, light=light, geometry=wanted,
            report=report, credit=credit, quiet=quiet, json=json,
        )  # fmt: skip
        from perijove.cli.mosaic import run_mosaic

        complete = run_mosaic(request)
    if not complete:
        raise typer.Exit(PARTIAL)


def usual_recipe(output: Path) -> Recipe:
    """The recipe of a picture where none is given: I/F as it is in a TIFF, true light in a PNG."""
    return load_recipe("natural" if output.suffix.lower() == ".png" else "linear")


def with_sky(recipe: Recipe | None, sky: Sky) -> Recipe:
    """A recipe that keeps the sky or makes it black; UsageError for one that leaves it alone."""
    if recipe is None:
        raise UsageError("--sky is of the recipe backlit and others that treat the sky: give --recipe backlit too")
    return recipe.adjusted("faint-light", {"sky": sky.value})


def _refuse(what: str, given: dict[str, object]) -> None:
    """Refuse options of what is not made."""
    for option, value in given.items():
        if value is not None:
            raise UsageError(f"{option} is of {what}, or leave {option} out")
