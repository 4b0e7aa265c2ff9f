"""Writing a picture: the format by the suffix, the bits by the depth, the sidecar beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from perijove.enhance.picture import Picture
from perijove.errors import UsageError
from perijove.io.atomic import write_files
from perijove.io.png import encode_png
from perijove.io.provenance import as_json, sidecar_path

DEPTHS: Mapping[str, tuple[str, ...]] = {".png": ("8", "16"), ".tif": ("16", "32f"), ".tiff": ("16", "32f")}
"""Depths by suffix, the usual one first: bits a colour, f for floating point."""


@dataclass(frozen=True)
class Written:
    """Where a picture and its sidecar are, and how it was written."""

    path: Path
    sidecar: Path
    depth: str


def picture_format(path: Path, transfer: str, depth: str | None = None) -> tuple[str, str]:
    """The suffix and depth in which a picture will be written; UsageError where they do not go together.

    To be asked before the work begins. `transfer` is the picture's, 'srgb' or 'linear'.
    """
    suffix = path.suffix.lower()
    if suffix not in DEPTHS:
        raise UsageError(f"{path} has no suffix of a picture format: name it .png, .tif or .tiff")
    if transfer == "linear":
        if suffix == ".png" or depth not in (None, "32f"):
            raise UsageError(f"{path} cannot hold a linear picture in integers: write a .tif with depth 32f")
        return suffix, "32f"
    chosen = depth or DEPTHS[suffix][0]
    if chosen not in DEPTHS[suffix]:
        raise UsageError(f"{path} cannot have depth {chosen!r}: give {' or '.join(DEPTHS[suffix])} for {suffix}")
    return suffix, chosen


def encode_picture(
    path: Path, picture: Picture, origin: Mapping[str, object], depth: str | None = None
) -> dict[Path, bytes]:
    """The bytes of a picture, by its suffix, and of its sidecar, by the paths where they belong.

    Raises UsageError for a suffix or depth that does not fit the picture.
    """
    suffix, depth = picture_format(path, picture.transfer, depth)
    if suffix == ".png":
        data = encode_png(picture, origin, int(depth))
    else:
        from perijove.io.tiff import encode_tiff  # rasterio takes long to import

        data = encode_tiff(picture, origin, depth)
    return {path: data, sidecar_path(path): (as_json(origin, indent=2) + "\n").encode()}


def write_picture(
    path: Path | str, picture: Picture, origin: Mapping[str, object], depth: str | None = None
) -> Written:
    """Write a picture as PNG (8, 16 bit) or TIFF (16 bit, 32f), by its suffix, and its provenance as a JSON sidecar.

    Raises UsageError for a suffix or depth that does not fit the picture, OutputError where it cannot be written; then
    neither file is left behind.
    """
    path = Path(path)
    _, depth = picture_format(path, picture.transfer, depth)
    write_files(encode_picture(path, picture, origin, depth))
    return Written(path, sidecar_path(path), depth)
