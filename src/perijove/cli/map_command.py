"""The options of `perijove map`; what it does is imported only when it is called."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from perijove.cli.common import command
from perijove.cli.geometry_options import GeometryRequest, with_geometry
from perijove.cli.map_request import (
    MAX_EMISSION_DEG,
    Latitudes,
    Longitudes,
    MapRequest,
    ProjectionName,
    TiffKind,
    parse_backplanes,
    parse_bounds,
    parse_centre,
    parse_names,
)
from perijove.cli.options import (
    Calibration,
    Credit,
    Json,
    KeepStray,
    Labels,
    Photometry,
    Quiet,
    Report,
    Strips,
    Suspects,
)
from perijove.cli.recipe_option import OptionalRecipe, load_recipe
from perijove.cli.requests import SOLAR, Depth, Interpolation, LightRequest, Sharpen
from perijove.errors import UsageError

ProjectionOption = Annotated[
    ProjectionName, typer.Option("--projection", help="The map's projection.", show_default=True)
]
ScaleOption = Annotated[
    float | None, typer.Option("--scale", metavar="KM", help="Kilometres a pixel; else the camera's own.")
]
PpdOption = Annotated[
    float | None, typer.Option("--ppd", metavar="N", help="Pixels a degree of the equator, instead of --scale.")
]
BoundsOption = Annotated[
    str | None,
    typer.Option("--bounds", metavar="W,S,E,N", help="Degrees; else around the ground that was seen in daylight."),
]
CentreOption = Annotated[
    str | None,
    typer.Option("--centre", metavar="LAT,LON", help="Of the projection; standard parallel in equirectangular."),
]
AltitudeOption = Annotated[
    float | None, typer.Option("--altitude", metavar="KM", help="Of the viewpoint of a perspective map.")
]
LatitudesOption = Annotated[
    Latitudes, typer.Option("--latitudes", help="Planetocentric or planetographic.", show_default=True)
]
LongitudesOption = Annotated[
    Longitudes,
    typer.Option("--longitudes", help="Which way they grow, in options and planes.", show_default=True),
]
EmissionOption = Annotated[
    float, typer.Option("--max-emission", metavar="DEG", help="Ground seen flatter is left out.", show_default=True)
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace maps that are there already.")]


@with_geometry
def map_strips(
    *,
    geometry: Callable[[], GeometryRequest],
    strips: Strips,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="OUT", help="A .tif, .fits, .zarr, .cub or .png; with several strips a folder."
        ),
    ],
    labels: Labels = None,
    recipe: OptionalRecipe = None,
    projection: ProjectionOption = ProjectionName.EQUIRECTANGULAR,
    scale: ScaleOption = None,
    ppd: PpdOption = None,
    bounds: BoundsOption = None,
    centre: CentreOption = None,
    altitude: AltitudeOption = None,
    latitudes: LatitudesOption = Latitudes.CENTRIC,
    longitudes: LongitudesOption = Longitudes.EAST,
    max_emission: EmissionOption = MAX_EMISSION_DEG,
    photometry: Photometry = "none",
    bands: Annotated[str | None, typer.Option("--bands", metavar="LIST", help="Filters, as red,green.")] = None,
    backplanes: Annotated[
        str | None,
        typer.Option("--backplanes", metavar="LIST", help="Geometry as more layers, as latitude,incidence; or all."),
    ] = None,
    with_sigma: Annotated[
        bool, typer.Option("--with-sigma", help="Add a layer of standard deviations for each filter.")
    ] = False,
    with_quality: Annotated[
        bool, typer.Option("--with-quality", help="Add a layer of quality bits for each filter.")
    ] = False,
    annotate: Annotated[bool, typer.Option("--annotate", help="Draw graticule, names and scale on it.")] = False,
    file_format: Annotated[
        TiffKind | None, typer.Option("--format", help="Of a .tif: with overviews (cog, as usual) or plain.")
    ] = None,
    depth: Annotated[
        Depth | None, typer.Option("--depth", help="Bits: I/F 32 (float) or 16 (scaled), pictures 8 or 16.")
    ] = None,
    interpolation: Annotated[
        Interpolation, typer.Option("--interpolation", help="Between the pixels of a framelet.", show_default=True)
    ] = Interpolation.CATMULL_ROM,
    balance: Annotated[
        str, typer.Option("--white-balance", metavar="solar|perijove|R,G,B", help="Of pictures for the eye.")
    ] = SOLAR,
    sharpen: Annotated[
        Sharpen | None, typer.Option("--sharpen", help="Take back the blur of the camera, as far as noise allows.")
    ] = None,
    calibration: Calibration = None,
    repair_suspects: Suspects = False,
    keep_stray: KeepStray = False,
    report: Report = None,
    credit: Credit = None,
    overwrite: OverwriteOption = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Make georeferenced maps of strips."""
    with command():
        request = MapRequest(
            strips=tuple(strips),
            output=output,
            labels=labels,
            recipe=None if recipe is None else load_recipe(recipe),
            projection=projection,
            scale_km=scale,
            ppd=ppd,
            bounds_deg=None if bounds is None else parse_bounds(bounds, longitudes),
            centre_deg=None if centre is None else parse_centre(centre, longitudes),
            altitude_km=altitude,
            latitudes=latitudes,
            longitudes=longitudes,
            max_emission_deg=max_emission,
            photometry=photometry,
            bands=None if bands is None else parse_names(bands),
            backplanes=() if backplanes is None else parse_backplanes(backplanes),
            with_sigma=with_sigma,
            with_quality=with_quality,
            annotate=annotate,
            format=file_format,
            depth=depth,
            interpolation=interpolation,
            sharpen=sharpen,
            light=LightRequest(calibration, repair_suspects, keep_stray),
            geometry=geometry(),
            white_balance=balance,
            report=report,
            credit=credit,
            overwrite=overwrite,
            quiet=quiet,
            json=json,
        )
        from perijove.cli.map import run_map

        run_map(request)


@with_geometry
def backplanes(
    *,
    geometry: Callable[[], GeometryRequest],
    strips: Strips,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT", help="A .tif (maps: as of `map`); or a folder.")
    ],
    labels: Labels = None,
    planes: Annotated[
        str,
        typer.Option("--planes", metavar="NAMES|all", help="Names with commas between; a wrong one lists them all."),
    ] = "latitude,longitude,incidence,emission,phase",
    size: Annotated[
        int | None,
        typer.Option("--size", metavar="N", help="Of the pixels of a picture of this size, not of raw ones."),
    ] = None,
    projection: Annotated[
        ProjectionName | None, typer.Option("--projection", help="Of a map's pixels; and options as of `map`.")
    ] = None,
    scale: ScaleOption = None,
    ppd: PpdOption = None,
    bounds: BoundsOption = None,
    centre: CentreOption = None,
    altitude: AltitudeOption = None,
    latitudes: LatitudesOption = Latitudes.CENTRIC,
    longitudes: LongitudesOption = Longitudes.EAST,
    max_emission: EmissionOption = MAX_EMISSION_DEG,
    overwrite: OverwriteOption = False,
    calibration: Calibration = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Write the geometry of every pixel of strips, of their pictures or maps: place, distance, light, view."""
    with command():
        from perijove.cli.backplanes import BackplanesRequest, parse_planes, run_backplanes

        light, raw = LightRequest(calibration), size is None and projection is None
        wanted = parse_planes(planes, raw=raw)
        if projection is not None and planes.strip().lower() == "all":
            wanted = ("all",)
        if projection is None:
            usual = (Latitudes.CENTRIC, Longitudes.EAST, MAX_EMISSION_DEG)
            given = [v is not None for v in (scale, ppd, bounds, centre, altitude)]
            if any(given) or (latitudes, longitudes, max_emission) != usual:
                raise UsageError(
                    "--scale, --ppd, --bounds, --centre, --altitude, --latitudes, --longitudes and --max-emission are "
                    "those of a map: give --projection too"
                )
            run_backplanes(
                BackplanesRequest(
                    tuple(strips), output, wanted, labels, overwrite, size, light, geometry(), quiet, json
                )
            )
            return
        if size is not None:
            raise UsageError("--size is that of a picture, --projection that of a map: give one of them")
        request = MapRequest(
            strips=tuple(strips), output=output, labels=labels, recipe=load_recipe("linear"), projection=projection,
            scale_km=scale, ppd=ppd, bounds_deg=None if bounds is None else parse_bounds(bounds, longitudes),
            centre_deg=None if centre is None else parse_centre(centre, longitudes), altitude_km=altitude,
            latitudes=latitudes, longitudes=longitudes, max_emission_deg=max_emission, backplanes=wanted,
            with_light=False, light=light, geometry=geometry(), overwrite=overwrite, quiet=quiet, json=json,
        )  # fmt: skip
        from perijove.cli.map import run_map

        run_map(request)
