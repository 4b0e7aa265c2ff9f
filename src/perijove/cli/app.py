"""The commands, their options and help; what they do is imported only when they are called."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from perijove.cli.common import command
from perijove.cli.fetch_command import fetch
from perijove.cli.geometry_options import GeometryRequest, with_geometry
from perijove.cli.map_command import backplanes, map_strips
from perijove.cli.measure_command import measure
from perijove.cli.mosaic_command import mosaic
from perijove.cli.options import (
    Annotate,
    At,
    Calibration,
    Credit,
    Fov,
    Json,
    KeepStray,
    Labels,
    Look,
    Output,
    Photometry,
    Quiet,
    Report,
    Strips,
    Suspects,
    Whence,
)
from perijove.cli.recipe_option import RecipeOption, load_recipe
from perijove.cli.repeat_command import recipes, repeat
from perijove.cli.requests import (
    DEFAULT_SIZE,
    SOLAR,
    Depth,
    Format,
    Interpolation,
    KernelOutputs,
    LightRequest,
    PictureRequest,
    Sharpen,
    SolveRequest,
    Station,
    Up,
    parse_place,
    parse_time,
    parse_viewpoint,
)
from perijove.errors import UsageError

app = typer.Typer(
    name="perijove",
    help="From JunoCam's raw strips to calibrated, geometrically exact colour pictures, without SPICE kernels.",
    epilog="Errors are one sentence on stderr; exit code 1, or 2 where the command itself was wrong.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from perijove import __version__

        typer.echo(f"perijove {__version__}")
        raise typer.Exit


@app.callback()
def perijove(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Holds the options that stand before the command; the help text is that of `app`."""


@app.command()
def info(
    inputs: Annotated[
        list[Path],
        typer.Argument(metavar="STRIP|LABEL", help="Strips, labels, or folders and zips as downloaded."),
    ],
    labels: Labels = None,
    json: Json = False,
) -> None:
    """Print what is known of strips and labels."""
    with command():
        from perijove.cli.info import run_info

        code = run_info(tuple(inputs), labels, json=json)
    if code:
        raise typer.Exit(code)


@app.command()
@with_geometry
def solve(
    *,
    geometry: Callable[[], GeometryRequest],
    strips: Strips,
    labels: Labels = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE.json", help="Write the solution here.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE.png", help="Draw the limb residuals by framelet and band.")
    ] = None,
    write_spk: Annotated[
        Path | None, typer.Option("--write-spk", metavar="FILE.bsp", help="Write Juno's solved path as a SPICE SPK.")
    ] = None,
    write_ck: Annotated[
        Path | None,
        typer.Option(
            "--write-ck", metavar="FILE.bc", help="Write the attitude as a SPICE CK (with an SCLK, given or written)."
        ),
    ] = None,
    write_sclk: Annotated[
        Path | None,
        typer.Option("--write-sclk", metavar="FILE.tsc", help="Write the clock by the labels as a SPICE SCLK."),
    ] = None,
    write_ik: Annotated[
        Path | None, typer.Option("--write-ik", metavar="FILE.ti", help="Write the solved camera as a SPICE IK.")
    ] = None,
    calibration: Calibration = None,
    repair_suspects: Suspects = False,
    keep_stray: KeepStray = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Find the trajectory and the pointing of strips, with residuals."""
    with command():
        request = SolveRequest(
            strips=tuple(strips),
            labels=labels,
            output=output,
            plot=plot,
            light=LightRequest(calibration, repair_suspects, keep_stray),
            geometry=geometry(),
            kernels=KernelOutputs(write_ck, write_spk, write_sclk, write_ik),
            quiet=quiet,
            json=json,
        )
        from perijove.cli.solve import run_solve

        run_solve(request)


@app.command()
@with_geometry
def picture(
    *,
    geometry: Callable[[], GeometryRequest],
    strips: Strips,
    output: Output,
    labels: Labels = None,
    recipe: RecipeOption = "natural",
    size: Annotated[
        int, typer.Option("--size", metavar="N", help="Longer side, px; a caption comes below it.")
    ] = DEFAULT_SIZE,
    fov: Fov = None,
    whence: Whence = None,
    at: At = None,
    look: Look = None,
    annotate: Annotate = False,
    caption: Annotated[
        str | None,
        typer.Option(
            "--caption",
            metavar="TITLE",
            help='Scale bar, north arrow, and a caption with credit below; "" for its title.',
        ),
    ] = None,
    north: Annotated[bool, typer.Option("--north/--camera-up", help="What points upwards.")] = True,
    report: Report = None,
    credit: Credit = None,
    file_format: Annotated[Format | None, typer.Option("--format", help="Kind of file; else by OUT's name.")] = None,
    depth: Annotated[
        Depth | None,
        typer.Option("--depth", help="Bits a channel: PNG 8 or 16, TIFF 16 or 32 (float)."),
    ] = None,
    interpolation: Annotated[
        Interpolation, typer.Option("--interpolation", help="Between the pixels of a framelet.", show_default=True)
    ] = Interpolation.CATMULL_ROM,
    balance: Annotated[
        str,
        typer.Option(
            "--white-balance",
            metavar="solar|perijove|R,G,B",
            help="What is white in sunlight is white; as published at that time; or factors on the camera's numbers.",
        ),
    ] = SOLAR,
    photometry: Photometry = "none",
    sharpen: Annotated[
        Sharpen | None, typer.Option("--sharpen", help="Take back the blur of the camera, as far as noise allows.")
    ] = None,
    calibration: Calibration = None,
    repair_suspects: Suspects = False,
    keep_stray: KeepStray = False,
    with_sigma: Annotated[
        bool, typer.Option("--with-sigma", help="Add a band of standard deviations for each filter (recipe linear).")
    ] = False,
    with_quality: Annotated[
        bool, typer.Option("--with-quality", help="Add a band of quality bits for each filter (recipe linear).")
    ] = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Make colour pictures of strips, as seen from the spacecraft or from anywhere else."""
    with command():
        request = PictureRequest(
            strips=tuple(strips),
            output=output,
            labels=labels,
            recipe=load_recipe(recipe),
            size=size,
            fov_deg=fov,
            centre_deg=None if look is None else parse_place(look),
            viewpoint=Station.SPACECRAFT if whence is None else parse_viewpoint(whence),
            at_et=None if at is None else parse_time(at),
            annotate=annotate,
            caption=caption,
            up=Up.NORTH if north else Up.CAMERA,
            report=report,
            credit=credit,
            format=file_format,
            depth=depth,
            interpolation=interpolation,
            light=LightRequest(calibration, repair_suspects, keep_stray),
            geometry=geometry(),
            white_balance=balance,
            photometry=photometry,
            sharpen=sharpen,
            with_sigma=with_sigma,
            with_quality=with_quality,
            quiet=quiet,
            json=json,
        )
        from perijove.cli.picture import run_picture

        run_picture(request)


app.command("map")(map_strips)
app.command("mosaic")(mosaic)


@app.command()
def calibrate(
    strips: Strips,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="OUT", help="A .tif; with several strips a folder.")
    ] = None,
    labels: Labels = None,
    calibration: Calibration = None,
    repair_suspects: Suspects = False,
    keep_stray: KeepStray = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Write the light of strips in I/F, with sigma and quality, and say what they are worth."""
    with command():
        from perijove.cli.calibrate import CalibrateRequest, run_calibrate

        run_calibrate(
            CalibrateRequest(
                tuple(strips), output, labels, LightRequest(calibration, repair_suspects, keep_stray), quiet, json
            )
        )


app.command("backplanes")(backplanes)
app.command("fetch")(fetch)
app.add_typer(measure)
app.command("repeat")(repeat)
app.command("recipes")(recipes)


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A map: .tif, .fits, .zarr, .cub, .png.")],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="Another one: .tif, .fits, .zarr, .cub, .png.")],
    file_format: Annotated[
        str | None, typer.Option("--format", metavar="cog|gtiff", help="Kind of .tif: with overviews, or without.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there already.")] = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Write a map as another kind of file, with all that it holds."""
    with command():
        from perijove.cli.convert import ConvertRequest, run_convert

        run_convert(ConvertRequest(source, output, file_format, overwrite, quiet, json))


@app.command()
def flat(
    strips: Annotated[
        list[Path], typer.Argument(metavar="STRIP|FOLDER", help="Raw strips of any passes, or folders of them.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the frames.")],
    labels: Labels = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace frames that are there already.")] = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Build bias, flat and bad-pixel frames from many strips."""
    with command():
        from perijove.cli.flat import FlatRequest, run_flat

        run_flat(FlatRequest(tuple(strips), output, labels, overwrite, quiet, json))


@app.command()
def simulate(
    scene: Annotated[
        str | None, typer.Argument(metavar="SCENE", help="A scene's name, or a .toml file that describes one.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="DIR", help="Folder for the files.")] = None,
    listed: Annotated[bool, typer.Option("--list", help="Print the scenes that have a name.")] = False,
    seed: Annotated[int | None, typer.Option("--seed", metavar="N", help="Another world, another noise.")] = None,
    only: Annotated[
        list[int] | None, typer.Option("--only", metavar="N", help="Expose only this shot (may be repeated).")
    ] = None,
    rays: Annotated[int, typer.Option("--rays", metavar="N", help="N x N rays a pixel.", show_default=True)] = 2,
    texture: Annotated[
        Path | None, typer.Option("--texture", metavar="MAP", help="An equirectangular map as the body's surface.")
    ] = None,
    texture_centre: Annotated[
        float, typer.Option("--texture-centre", metavar="DEG", help="East longitude of the map's middle.")
    ] = 180.0,
    ideal: Annotated[bool, typer.Option("--ideal", help="No noise and no defects of the detector.")] = False,
    radiance: Annotated[bool, typer.Option("--radiance", help="Write the noiseless light too, as .npz.")] = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Photograph a known world: raw strips, labels, and the truth behind them."""
    with command():
        from perijove.cli.simulate import SimulateRequest, list_scenes, run_simulate

        if listed:
            print(list_scenes())
            return
        if scene is None or output is None:
            raise UsageError("name a scene and a folder: perijove simulate SCENE -o DIR; --list tells the scenes")
        run_simulate(
            SimulateRequest(
                scene, output, seed, tuple(only or ()), rays, texture, texture_centre, ideal, radiance, quiet, json
            )
        )


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the demonstration goes.")] = Path("demo"),
    quiet: Quiet = False,
) -> None:
    """Simulate two famous scenes and process them from raw strips: pictures, reports and a page to look at."""
    with command():
        from perijove.cli.demo import run_demo

        run_demo(folder, quiet=quiet)
