"""`perijove convert`: a map from one kind of file into another, with all that it holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from perijove.cli.common import Steps, json_text
from perijove.errors import OutputError, UsageError
from perijove.io.atomic import check_writable
from perijove.io.maps import map_files, map_format, read_map, write_map
from perijove.raster import Raster


@dataclass(frozen=True)
class ConvertRequest:
    """`perijove convert`: which map, where to, and as what where the suffix leaves a choice."""

    source: Path
    output: Path
    format: str | None = None
    overwrite: bool = False
    quiet: bool = False
    json: bool = False

    def __post_init__(self) -> None:
        """Refuse, with `UsageError`, what makes no sense."""
        map_format(self.source)
        map_format(self.output, self.format)
        if _same(self.output, self.source):
            raise UsageError(f"{self.output} would be written over itself: give another name")


def _same(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file, by whichever links and spellings."""
    try:
        return one.resolve() == other.resolve() or one.samefile(other)
    except (OSError, RuntimeError):
        # one that is not there is no other's twin
        return False


def run_convert(request: ConvertRequest) -> None:
    """Do what the request says; PerijoveError for what fails, and then nothing is written."""
    steps = Steps(quiet=request.quiet)
    raster = read_map(request.source)
    files = map_files(raster, request.output)
    found = [path for path in files if path.exists()]
    if found and not request.overwrite:
        raise OutputError(f"{found[0]} is there already: name another file, or give --overwrite")
    store = map_format(request.output).name == "zarr" and request.output.is_dir()
    for path in files[1:] if store else files:
        check_writable(path)
    with steps.step("converting"):
        write_map(raster, request.output, format=request.format)
    if request.json:
        print(json_text(_entry(request, raster, files)), end="")
    elif not request.quiet:
        kind = map_format(request.output, request.format).about
        print(f"{request.output}: {kind}, {raster.width} x {raster.height} px, {len(raster.layers)} layers")


def _entry(request: ConvertRequest, raster: Raster, files: tuple[Path, ...]) -> dict[str, object]:
    """What is told of the new file in JSON."""
    return {
        "input": str(request.source),
        "path": str(request.output),
        "files": [str(path) for path in files if path.exists()],
        "format": map_format(request.output, request.format).name,
        "width": raster.width,
        "height": raster.height,
        "dtype": raster.dtype,
        "layers": [layer.name for layer in raster.layers],
        "body": None if raster.grid is None else raster.grid.body.name,
        "projection": None if raster.grid is None else raster.grid.projection.kind,
    }
