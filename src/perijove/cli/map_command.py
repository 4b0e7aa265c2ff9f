"""The options of `perijove map`; what it does is imported only when it is called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from perijove.cli.common import command
from perijove.cli.map_request import (
    MAX_EMISSION_DEG,
    Latitudes,
    Longitudes,
    MapFormat,
    MapRequest,
    ProjectionName,
    parse_bounds,
    parse_centre,
    parse_names,
)
from perijove.cli.options import Calibration, Credit, Json, KeepStray, Labels, Quiet, Report, Strips, Suspects
from perijove.cli.requests import SOLAR, Depth, Interpolation, LightRequest, Recipe, Sharpen


def map_strips(
    strips: Strips,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="OUT", help="A .tif, .fits, .zarr, .cub or .png; with several strips a folder."
        ),
    ],
    labels: Labels = None,
    recipe: Annotated[
        Recipe | None, typer.Option("--recipe", help="Colours; else I/F as it is, or natural in a PNG.")
    ] = None,
    projection: Annotated[
        ProjectionName, typer.Option("--projection", help="The map's projection.", show_default=True)
    ] = ProjectionName.EQUIRECTANGULAR,
    scale: Annotated[
        float | None, typer.Option("--scale", metavar="KM", help="Kilometres a pixel; else the camera's own.")
    ] = None,
    ppd: Annotated[
        float | None, typer.Option("--ppd", metavar="N", help="Pixels a degree of the equator, instead of --scale.")
    ] = None,
    bounds: Annotated[
        str | None,
        typer.Option("--bounds", metavar="W,S,E,N", help="Degrees; else around the ground that was seen in daylight."),
    ] = None,
    centre: Annotated[
        str | None,
        typer.Option("--centre", metavar="LAT,LON", help="Of the projection; standard parallel in equirectangular."),
    ] = None,
    altitude: Annotated[
        float | None, typer.Option("--altitude", metavar="KM", help="Of the viewpoint of a perspective map.")
    ] = None,
    latitudes: Annotated[
        Latitudes, typer.Option("--latitudes", help="Planetocentric or planetographic.", show_default=True)
    ] = Latitudes.CENTRIC,
    longitudes: Annotated[
        Longitudes,
        typer.Option("--longitudes", help="Which way they grow, in options and planes.", show_default=True),
    ] = Longitudes.EAST,
    max_emission: Annotated[
        float, typer.Option("--max-emission", metavar="DEG", help="Ground seen flatter is left out.", show_default=True)
    ] = MAX_EMISSION_DEG,
    photometry: Annotated[
        str,
        typer.Option(
            "--photometry",
            metavar="MODEL|fit",
            help="Take shading off: lambert, minnaert, lommel-seeliger, lunar-lambert, hapke, barkstrom, or fitted.",
        ),
    ] = "none",
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
        MapFormat | None, typer.Option("--format", help="Of a .tif: with overviews (cog, as usual) or plain.")
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
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace maps that are there already.")] = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Make georeferenced maps of strips."""
    with command():
        request = MapRequest(
            strips=tuple(strips),
            output=output,
            labels=labels,
            recipe=recipe,
            projection=projection,
            scale_km=scale,
            ppd=ppd,
            bounds_deg=None if bounds is None else parse_bounds(bounds),
            centre_deg=None if centre is None else parse_centre(centre),
            altitude_km=altitude,
            latitudes=latitudes,
            longitudes=longitudes,
            max_emission_deg=max_emission,
            photometry=photometry,
            bands=None if bands is None else parse_names(bands),
            backplanes=() if backplanes is None else parse_names(backplanes),
            with_sigma=with_sigma,
            with_quality=with_quality,
            annotate=annotate,
            format=file_format,
            depth=depth,
            interpolation=interpolation,
            sharpen=sharpen,
            light=LightRequest(calibration, repair_suspects, keep_stray),
            white_balance=balance,
            report=report,
            credit=credit,
            overwrite=overwrite,
            quiet=quiet,
            json=json,
        )
        from perijove.cli.map import run_map

        run_map(request)
