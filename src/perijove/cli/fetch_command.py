"""The options of `perijove fetch`; what it does is imported only when it is called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from perijove.cli.common import command
from perijove.cli.fetch_request import DEFAULT_MAX_SIZE, FetchRequest, Level, Source, parse_perijove, parse_size
from perijove.cli.options import Json, Quiet

What = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="WHAT", help="Numbers, or product ids, also short (34C00002); with --kernels strips or labels."
    ),
]
PerijoveOption = Annotated[str | None, typer.Option("--perijove", metavar="N", help="Search the images of a perijove.")]
TitleOption = Annotated[
    str | None, typer.Option("--title", metavar="WORDS", help="Words that must all be in the title, in any case.")
]
TargetOption = Annotated[str | None, typer.Option("--target", metavar="BODY", help="Jupiter, Ganymede, Io ...")]
FilterOption = Annotated[
    list[str] | None, typer.Option("--filter", metavar="NAME", help="red, green, blue, methane (may be repeated).")
]
VolumeOption = Annotated[
    str | None, typer.Option("--volume", metavar="JNOJNC_NNNN", help="Search one volume of the PDS.")
]
LevelOption = Annotated[
    Level | None, typer.Option("--level", help="Of the PDS: as sent (edr), or decompanded and scaled (rdr).")
]
SourceOption = Annotated[
    Source | None, typer.Option("--source", help="The mission's site (searches, numbers) or the PDS (product ids).")
]
KernelsOption = Annotated[bool, typer.Option("--kernels", help="Fetch the SPICE kernels of WHAT from NAIF.")]
FromOption = Annotated[str | None, typer.Option("--from", metavar="UTC", help="Kernels from this time on.")]
ToOption = Annotated[str | None, typer.Option("--to", metavar="UTC", help="Kernels up to this time.")]
MoonsOption = Annotated[bool, typer.Option("--moons", help="An ephemeris of the moons too (large).")]
OutputOption = Annotated[Path | None, typer.Option("--output", "-o", metavar="DIR", help="Folder for the files.")]
CacheOption = Annotated[
    Path | None, typer.Option("--cache", metavar="DIR", help="Keep downloads here, else in PERIJOVE_CACHE.")
]
OfflineOption = Annotated[bool, typer.Option("--offline", help="Ask nobody: take all from the cache.")]
RefreshOption = Annotated[bool, typer.Option("--refresh", help="Ask whether what is in the cache has changed.")]
DryOption = Annotated[bool, typer.Option("--dry-run", help="Tell what would be downloaded, and download nothing.")]
LimitOption = Annotated[int | None, typer.Option("--limit", metavar="N", help="At most so many images.")]
LabelsOnlyOption = Annotated[
    bool, typer.Option("--labels-only", help="The labels without the strips: a pass of them gives the trajectory.")
]
UnpackOption = Annotated[bool, typer.Option("--no-unpack", help="Put the site's zip archives there as they are.")]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace other files of the same names.")]
MaxSizeOption = Annotated[str, typer.Option("--max-size", metavar="SIZE", help="Download no more than this.")]


def fetch(
    what: What = None,
    output: OutputOption = None,
    perijove: PerijoveOption = None,
    title: TitleOption = None,
    target: TargetOption = None,
    filters: FilterOption = None,
    volume: VolumeOption = None,
    level: LevelOption = None,
    source: SourceOption = None,
    kernels: KernelsOption = False,
    start: FromOption = None,
    stop: ToOption = None,
    moons: MoonsOption = False,
    limit: LimitOption = None,
    dry_run: DryOption = False,
    labels_only: LabelsOnlyOption = False,
    no_unpack: UnpackOption = False,
    overwrite: OverwriteOption = False,
    cache: CacheOption = None,
    offline: OfflineOption = False,
    refresh: RefreshOption = False,
    max_size: MaxSizeOption = DEFAULT_MAX_SIZE,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Search and download raw strips, their labels, and SPICE kernels."""
    with command():
        request = FetchRequest(
            what=tuple(what or ()),
            perijove=None if perijove is None else parse_perijove(perijove),
            words=tuple((title or "").split()),
            target=target,
            filters=tuple(filters or ()),
            volume=None if volume is None else volume.upper(),
            level=level,
            source=source,
            kernels=kernels,
            start=start,
            stop=stop,
            moons=moons,
            output=output,
            cache=cache,
            offline=offline,
            refresh=refresh,
            dry_run=dry_run,
            limit=limit,
            labels_only=labels_only,
            unpack=not no_unpack,
            overwrite=overwrite,
            max_bytes=parse_size(max_size),
            quiet=quiet,
            json=json,
        )
        from perijove.cli.fetch import run_fetch

        code = run_fetch(request)
        if code:
            raise typer.Exit(code)
