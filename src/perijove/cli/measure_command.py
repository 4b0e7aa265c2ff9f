"""The options of `perijove measure`; what it does is imported only when it is called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from perijove.cli.common import command
from perijove.cli.measure_request import CLICK_PX, MeasureRequest, What, parse_point, parse_points
from perijove.cli.options import Json, Quiet

measure = typer.Typer(
    name="measure",
    help="Measure on maps and pictures: distances, areas, craters, profiles of brightness, rays.",
    epilog="A place is LAT,LON in degrees, planetocentric and east (or 20.5S,210W), or pixel:LINE,SAMPLE of the file.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Source = Annotated[
    Path, typer.Argument(metavar="FILE", help="A map or a picture of Perijove's, or a georeferenced GeoTIFF.")
]
Points = Annotated[
    list[str] | None,
    typer.Option("--points", metavar="'P P ...'", help="Places with spaces between; may be given several times."),
]
Outputs = Annotated[
    list[Path] | None,
    typer.Option("--output", "-o", metavar="OUT", help="A .json, .csv, .geojson or .png; may be given several times."),
]
FigureOption = Annotated[
    Path | None, typer.Option("--figure", metavar="FILE.png", help="Draw it; the same as -o FILE.png.")
]
Click = Annotated[
    float,
    typer.Option("--click-sigma", metavar="PX", help="Error of a given place, px of the file.", show_default=True),
]
Name = Annotated[str | None, typer.Option("--name", metavar="TEXT", help="What it is called, for title and files.")]
Seed = Annotated[str | None, typer.Option("--seed", metavar="P", help="A place inside the crater.")]
Diameter = Annotated[
    float | None, typer.Option("--diameter", metavar="KM", help="About how wide it is, within a factor of 1.5.")
]
Fixed = Annotated[
    bool, typer.Option("--no-rim", help="Look for no rim: take --seed as its centre and --diameter as they are.")
]
BandOption = Annotated[
    str | None, typer.Option("--band", metavar="NAME", help="Filter in which the rim is looked for; else the mean.")
]


_EXTRA = {"allow_extra_args": True}


def _check_extra(context: typer.Context) -> None:
    """UsageError for places that the shell took apart."""
    if context.args:
        from perijove.errors import UsageError

        raise UsageError(
            f"{context.args[0][:40]!r} belongs to no option: put all places in quotes, as --points '11.1,332.7 12,340'"
        )


def _outputs(outputs: list[Path] | None, figure: Path | None) -> tuple[Path, ...]:
    if figure is not None and figure.suffix.lower() != ".png":
        from perijove.errors import UsageError

        raise UsageError(f"--figure {figure} is no PNG: end its name in .png")
    return (*(outputs or ()), *([] if figure is None else [figure]))


def _run(request: MeasureRequest) -> None:
    from perijove.cli.measure import run_measure

    run_measure(request)


@measure.command(context_settings=_EXTRA)
def distance(
    context: typer.Context,
    source: Source,
    points: Points = None,
    click: Click = CLICK_PX,
    name: Name = None,
    output: Outputs = None,
    figure: FigureOption = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Measure the way through two or more places, along the ground."""
    with command():
        _check_extra(context)
        _run(
            MeasureRequest(
                source, What.DISTANCE, points=parse_points(points or ()), click_px=click, name=name,
                outputs=_outputs(output, figure), quiet=quiet, json=json,
            )
        )  # fmt: skip


@measure.command(context_settings=_EXTRA)
def area(
    context: typer.Context,
    source: Source,
    points: Points = None,
    click: Click = CLICK_PX,
    name: Name = None,
    output: Outputs = None,
    figure: FigureOption = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Measure the area within three or more corners, and its perimeter."""
    with command():
        _check_extra(context)
        _run(
            MeasureRequest(
                source, What.AREA, points=parse_points(points or ()), click_px=click, name=name,
                outputs=_outputs(output, figure), quiet=quiet, json=json,
            )
        )  # fmt: skip


@measure.command(context_settings=_EXTRA)
def crater(
    context: typer.Context,
    source: Source,
    points: Points = None,
    seed: Seed = None,
    diameter: Diameter = None,
    shape: Annotated[
        str | None, typer.Option("--shape", metavar="circle|ellipse", help="Of the outline; else by its points.")
    ] = None,
    band: BandOption = None,
    click: Click = CLICK_PX,
    name: Name = None,
    output: Outputs = None,
    figure: FigureOption = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Measure a crater by three or more points on its rim, or find its rim about a seed."""
    with command():
        _check_extra(context)
        _run(
            MeasureRequest(
                source, What.CRATER, points=parse_points(points or ()),
                seed=None if seed is None else parse_point(seed, "--seed"), diameter_km=diameter, shape=shape,
                band=band, click_px=click, name=name, outputs=_outputs(output, figure), quiet=quiet, json=json,
            )
        )  # fmt: skip


@measure.command()
def profile(
    source: Source,
    centre: Annotated[str | None, typer.Option("--centre", metavar="P", help="Middle of the rings.")] = None,
    radius: Annotated[
        float | None, typer.Option("--radius", metavar="KM", help="What the rings are counted in: a crater's radius.")
    ] = None,
    start: Annotated[str | None, typer.Option("--from", metavar="P", help="One end of a line.")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="P", help="Its other end.")] = None,
    width: Annotated[float, typer.Option("--width", metavar="KM", help="Mean across a strip of this width.")] = 0.0,
    reach: Annotated[
        float | None, typer.Option("--reach", metavar="RADII", help="How far the rings go; else 3 radii.")
    ] = None,
    sectors: Annotated[
        int, typer.Option("--sectors", metavar="N", help="Sectors of azimuth told apart, the first about north.")
    ] = 1,
    name: Name = None,
    output: Outputs = None,
    figure: FigureOption = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Measure brightness by distance from a centre, or along a line."""
    with command():
        places = {
            option: None if text is None else parse_point(text, option)
            for option, text in (("--centre", centre), ("--from", start), ("--to", end))
        }
        _run(
            MeasureRequest(
                source, What.PROFILE, centre=places["--centre"], radius_km=radius, start=places["--from"],
                end=places["--to"], width_km=width, reach=reach, sectors=sectors, name=name,
                outputs=_outputs(output, figure), quiet=quiet, json=json,
            )
        )  # fmt: skip


@measure.command()
def rays(
    source: Source,
    seed: Annotated[str, typer.Option("--seed", metavar="P", help="A place inside the crater.")],
    diameter: Diameter = None,
    fixed: Fixed = False,
    reach: Annotated[
        float | None,
        typer.Option("--reach", metavar="RADII", help="How far rays are looked for; else as it is clearest."),
    ] = None,
    band: BandOption = None,
    name: Name = None,
    output: Outputs = None,
    figure: FigureOption = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Measure the rays of a crater in each colour: bright or dark, how much, how far, and how sure that is."""
    with command():
        _run(
            MeasureRequest(
                source, What.RAYS, seed=parse_point(seed, "--seed"), diameter_km=diameter, fixed=fixed, reach=reach,
                band=band, name=name, outputs=_outputs(output, figure), quiet=quiet, json=json,
            )
        )  # fmt: skip
